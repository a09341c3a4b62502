"""Claims of chapter 06, sweeps."""

from __future__ import annotations

import numpy as np

from cflib import fit_als

from .tools import EDITIONS, SEEDS, claim, difference, inner_of, lines, rmse, splits


@claim("reworded")
def seeds_are_no_yardstick():
    """Settings that differ by less than seeds do can be told apart by the paired comparison."""
    found = []
    for year in EDITIONS:
        inner = [inner_of(year, s) for s in SEEDS]
        pairs = [(fit_als(p.train), fit_als(p.train, n_features=4)) for p in inner]
        errors = [rmse(a, p) for (a, _), p in zip(pairs, inner, strict=True)]
        gaps = [difference(a, b, p) for (a, b), p in zip(pairs, inner, strict=True)]
        found.append((max(errors) - min(errors), gaps))
    text = "; ".join(f"seeds' range {r:.4f}, 16 against 4 features {lines(g)}" for r, g in found)
    return text, all(
        abs(np.mean([g[0] for g in gaps])) < spread and all(g[2] < 0 for g in gaps)
        for spread, gaps in found
    )


def mean_errors(settings: dict) -> dict:
    """Validation RMSE of each setting, a mean over the seeds, in each edition."""
    return {
        name: [
            float(
                np.mean(
                    [
                        rmse(fit_als(p.train, seed=1, **chosen), p)
                        for p in (inner_of(y, s) for s in SEEDS)
                    ]
                )
            )
            for y in EDITIONS
        ]
        for name, chosen in settings.items()
    }


@claim("reworded")
def best_lam_depends_on_p():
    """With p = 0 the best λ tried is 12, with p = 0.3 it is 3.5, and neither is at an edge."""
    found, holds = [], True
    for p, lams, best in ((0.0, (3.5, 12.0, 40.0), 12.0), (0.3, (1.0, 3.5, 12.0), 3.5)):
        errors = mean_errors({lam: {"lam": lam, "lam_power": p} for lam in lams})
        for n in range(len(EDITIONS)):
            holds &= min(lams, key=lambda lam, n=n: errors[lam][n]) == best
        both = (f"λ {lam:g} {errors[lam][0]:.4f} and {errors[lam][1]:.4f}" for lam in lams)
        found.append(f"p = {p:g}: " + ", ".join(both))
    return "; ".join(found) + " (2018 and 2016)", holds


@claim("stands")
def features_interact_with_p():
    """At λ = 3.5, 4 features do better than 16 with p = 0, and worse with p = 0.3."""
    found = {}
    for p in (0.0, 0.3):
        found[p] = [
            difference(
                fit_als(part.train, lam_power=p, n_features=4, seed=1),
                fit_als(part.train, lam_power=p, seed=1),
                part,
            )
            for part in splits(inner_of)
        ]
    text = "; ".join(f"p = {p:g}, 4 less 16 features: {lines(d)}" for p, d in found.items())
    return text, all(d[2] < 0 for d in found[0.0]) and all(d[1] > 0 for d in found[0.3])
