"""The course's claims, each recomputed over five seeds and two editions of MovieLens' small set.

    python -m benchmarks.claims [NAME...]

Each function below is one claim: its docstring says it, and it returns what came out for each
split and whether the claim held. A seed decides which fifth is held out. Where two models are
compared, the numbers are paired differences of RMSE with 95% intervals over users. The results go
to `benchmarks/results/claims.md`; with names, only these claims are recomputed.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.folds import ratings_of
from cflib import fit_adam, fit_als, fit_bayes, fit_means, metrics, split

RESULTS = Path(__file__).parent / "results"
EDITIONS, SEEDS = ("2018", "2016"), (1, 2, 3, 4, 5)
CLAIMS: dict[str, tuple[Callable, str]] = {}


def claim(outcome: str) -> Callable:
    """Register a claim whose sentence in the course "stands", is "reworded", or is "open"."""

    def register(function: Callable) -> Callable:
        CLAIMS[function.__name__] = (function, outcome)
        return function

    return register


@functools.cache
def part_of(year: str, seed: int) -> split.Split:
    """A fifth held out at random."""
    return split.holdout(ratings_of(year), 0.2, seed)


@functools.cache
def inner_of(year: str, seed: int) -> split.Split:
    """The training part, split again as chapter 3 does."""
    return split.holdout(part_of(year, seed).train, 0.2, seed)


def splits(which: Callable = part_of) -> Iterator[split.Split]:
    """All editions and seeds."""
    for year in EDITIONS:
        for seed in SEEDS:
            yield which(year, seed)


def predict(model: Any, part: split.Split) -> np.ndarray:
    """Predictions of the test ratings."""
    return model.predict(part.test.movie_index, part.test.user_index)


def rmse(model: Any, part: split.Split) -> float:
    """Held-out RMSE."""
    return metrics.rmse(part.test.value, predict(model, part))


def difference(a: Any, b: Any, part: split.Split, of: np.ndarray | None = None) -> np.ndarray:
    """RMSE of a less that of b, low, high; `of` says on which test ratings."""
    keep = np.ones(len(part.test), bool) if of is None else of
    return np.array(
        metrics.paired_difference(
            part.test.value[keep],
            predict(a, part)[keep],
            predict(b, part)[keep],
            part.test.user_index[keep],
        )
    )


def lines(differences: list) -> str:
    """Least and largest difference, and how many intervals lie on one side of zero."""
    d = np.array(differences)
    n = len(d)
    return (
        f"{d[:, 0].min():+.4f} to {d[:, 0].max():+.4f}; interval below zero in "
        f"{(d[:, 2] < 0).sum()} of {n}, above in {(d[:, 1] > 0).sum()}"
    )


def range_of(values: list[float], digits: int = 3) -> str:
    """The smallest and the largest."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


@functools.cache
def means_of(year: str, seed: int) -> Any:
    """The damped means of a split."""
    return fit_means(part_of(year, seed).train)


@functools.cache
def original(year: str, seed: int, mean: str, lam: float) -> Any:
    """The original's cost, minimised by ALS."""
    return fit_als(
        part_of(year, seed).train,
        n_features=100,
        lam=lam,
        lam_power=0.0,
        normalization=mean,
        movie_bias=False,
        seed=seed,
    )


@functools.cache
def als_of(year: str, seed: int) -> Any:
    """ALS with the course's settings."""
    return fit_als(part_of(year, seed).train, seed=seed)


def against_means(mean: str, lam: float) -> list:
    """The original's cost against the damped means."""
    return [
        difference(original(y, s, mean, lam), means_of(y, s), part_of(y, s))
        for y in EDITIONS
        for s in SEEDS
    ]


@claim("reworded")
def means_decide():
    """04, headline: 100 features and λ = 1 lose to the damped means, also with the right means."""
    d = against_means("movie_user_damped", 1.0)
    return lines(d), all(low > 0 for _, low, _ in d)


@claim("reworded")
def lambda_decides():
    """04, headline: with λ = 10 the original's cost beats them, with its wrong mean."""
    d = against_means("movie_all_users", 10.0)
    return lines(d), all(high < 0 for *_, high in d)


@claim("stands")
def als_beats_means():
    """04: ALS with the course's settings beats the damped means."""
    d = [difference(als_of(y, s), means_of(y, s), part_of(y, s)) for y in EDITIONS for s in SEEDS]
    return lines(d), all(high < 0 for *_, high in d)


def unseen(part: split.Split) -> np.ndarray:
    """Test ratings of movies without a training rating."""
    return part.train.movie_counts[part.test.movie_index] == 0


@claim("reworded")
def unseen_movies():
    """04: on movies without a training rating ALS is worse than the damped means."""
    d = [
        difference(als_of(y, s), means_of(y, s), part_of(y, s), unseen(part_of(y, s)))
        for y in EDITIONS
        for s in SEEDS
    ]
    return lines(d), all(mid > 0 for mid, *_ in d)


@claim("reworded")
def unseen_movies_bias():
    """04: there ALS differs from the damped means by the user's free bias, and by nothing else."""
    worst = []
    for y in EDITIONS:
        for s in SEEDS:
            part, als = part_of(y, s), als_of(y, s)
            test, of = part.test, unseen(part)
            raw = als.normalization.baseline(test.movie_index, test.user_index)[of]
            expected = np.clip(raw + als.b[0][test.user_index[of]], *part.train.scale)
            worst.append(float(np.abs(expected - predict(als, part)[of]).max()))
    return f"largest deviation {max(worst):.1e} stars", max(worst) < 1e-4


@claim("reworded")
def latest_is_harder():
    """04: later ratings are harder for every model, also for the mean of all ratings."""
    gains = {"mean": [], "ALS": [], "unseen share": []}
    for y in EDITIONS:
        late = split.latest(ratings_of(y), 0.2)
        als, flat = fit_als(late.train), fit_means(late.train, "global")
        for s in SEEDS:
            part = part_of(y, s)
            gains["mean"].append(rmse(flat, late) - rmse(fit_means(part.train, "global"), part))
            gains["ALS"].append(rmse(als, late) - rmse(als_of(y, s), part))
            gains["unseen share"].append(unseen(late).mean() - unseen(part).mean())
    text = "; ".join(f"{name} +{range_of(values)}" for name, values in gains.items())
    return text, all(min(values) > 0 for values in gains.values())


@claim("open")
def power_beats_both():
    """03: p = 0.3 is better than both p = 0 and p = 1, each at its best λ of those tried."""
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
    """03: with 100 features and λ = 0.1 the validation error has a minimum, then rises by 0.02."""
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
    """03: to within 1% of the lower cost of both, ALS needs fewer than a third of the passes."""
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


@claim("stands")
def sampler_beats_als():
    """08: the mean of the draws beats ALS, and each single draw does not."""
    d, draws = [], []
    for y in EDITIONS:
        for s in SEEDS:
            part = part_of(y, s)
            model = sampler(y, s, 1)
            d.append(difference(model, als_of(y, s), part))
            single = model.samples(part.test.movie_index, part.test.user_index)
            errors = [
                metrics.rmse(part.test.value, np.clip(draw, *part.train.scale)) for draw in single
            ]
            draws.append(min(errors) - rmse(als_of(y, s), part))
    text = f"{lines(d)}; best draw less ALS {range_of(draws)}"
    return text, all(high < 0 for *_, high in d) and min(draws) > 0


@functools.cache
def sampler(year: str, seed: int, chain: int) -> Any:
    """Chapter 8's sampler on the ratings alone."""
    return fit_bayes(
        part_of(year, seed).train,
        n_features=16,
        iterations=150,
        burn_in=40,
        n_samples=60,
        who_rated_what=False,
        seed=chain,
    )


def r_hat(chains: np.ndarray) -> float:
    """Gelman and Rubin's R-hat of (chains, draws), each chain split in half."""
    n = chains.shape[1] // 2
    halves = np.concatenate([chains[:, :n], chains[:, -n:]])
    within = halves.var(axis=1, ddof=1).mean()
    between = n * halves.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between / n) / within))


@claim("reworded")
def sampler_not_converged():
    """08: at 150 iterations the typical noise has not converged (R-hat of four chains over 1.1)."""
    values = [
        r_hat(np.array([sampler(y, 1, c).history["noise"].to_numpy()[40:] for c in (1, 2, 3, 4)]))
        for y in EDITIONS
    ]
    return f"R-hat {', '.join(f'{v:.2f}' for v in values)} (2018, 2016)", min(values) > 1.1


@claim("reworded")
def seeds_are_no_yardstick():
    """06: settings that differ by less than seeds do can be told apart by the paired comparison."""
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


def write(results: dict) -> None:
    """The table, in the order of this file."""
    rows = [
        f"| {r['claim']} | {r['found']} | {'holds' if r['holds'] else 'does not hold'} "
        f"| {CLAIMS[name][1]} |"
        for name in CLAIMS
        if (r := results.get(name))
    ]
    text = (
        "# The course's claims, recomputed\n\n`python -m benchmarks.claims` makes this table. "
        f"Seeds {', '.join(map(str, SEEDS))}; MovieLens' small sets of {' and '.join(EDITIONS)}. "
        "Differences are paired, in RMSE, with 95% intervals over users.\n\n"
        "| claim | found | outcome | in the course |\n|---|---|---|---|\n"
    )
    (RESULTS / "claims.md").write_text(text + "\n".join(rows) + "\n", encoding="utf-8")


def main(names: list[str]) -> None:
    """Recompute, print and store."""
    store = RESULTS / "claims.json"
    results = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    for name in names or list(CLAIMS):
        function = CLAIMS[name][0]
        found, holds = function()
        text = " ".join((function.__doc__ or "").split())
        results[name] = {"claim": text, "found": found, "holds": bool(holds)}
        print(f"{name}: {text} | {found} | {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
        store.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
        write(results)


if __name__ == "__main__":
    main(sys.argv[1:])
