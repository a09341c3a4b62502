"""Claims of chapter 06, sweeps."""

from __future__ import annotations

import numpy as np

from cflib import fit_als

from .tools import EDITIONS, SEEDS, claim, difference, inner_of, lines, rmse


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
