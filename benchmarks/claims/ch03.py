"""Claims of chapter 03, training."""

from __future__ import annotations

from cflib import fit_adam, fit_als

from .tools import EDITIONS, SEEDS, claim, difference, inner_of, lines, range_of, rmse, splits


@claim("open")
def power_beats_both():
    """P = 0.3 is better than both p = 0 and p = 1, each at its best λ of those tried."""
    tried = {0.0: (9.0, 13.0, 18.0), 0.3: (2.5, 3.5, 5.0), 1.0: (0.1, 0.2, 0.3)}
    d = {0.0: [], 1.0: []}
    for part in splits(inner_of):
        best = {
            p: min(
                (fit_als(part.train, lam=lam, lam_power=p) for lam in lams),
                key=lambda m: rmse(m, part),
            )
            for p, lams in tried.items()
        }
        for p, of in d.items():
            of.append(difference(best[0.3], best[p], part))
    text = "; ".join(f"against p = {p:g}: {lines(of)}" for p, of in d.items())
    return text, all(high < 0 for of in d.values() for *_, high in of)


@claim("open")
def overfitting_turns_up():
    """With 100 features and λ = 0.1 the validation error has a minimum, then rises by 0.02."""
    rises = []
    for part in splits(inner_of):
        model = fit_als(
            part.train, n_features=100, lam=0.1, lam_power=0.0, validation=part.test, seed=1
        )
        curve = model.history["validation_rmse"].to_numpy()
        rises.append(float(curve[-1] - curve.min()))
    return f"last less least: {range_of(rises)}", min(rises) > 0.02


@claim("open")
def als_is_fewer_passes():
    """To within 1% of the lower cost of both, ALS needs fewer than a third of the passes."""
    counts = []
    for year in EDITIONS:
        for seed in SEEDS:
            train = inner_of(year, seed).train
            adam = fit_adam(train, epochs=250, learning_rate=0.02, seed=seed).history["cost"]
            als = fit_als(train, seed=seed).history["cost"]
            goal = 1.01 * min(adam.min(), als.min())
            counts.append((int((adam > goal).sum()), int((als > goal).sum())))
    text = "steps of Adam and iterations of ALS: " + ", ".join(f"{a}/{b}" for a, b in counts)
    return text, all(3 * b < a for a, b in counts)
