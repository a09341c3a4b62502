"""What the claims of all chapters share: splits, models, and differences with intervals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.accuracy.folds import ratings_of
from cflib import fit_als, fit_means, metrics, split

EDITIONS, SEEDS = ("2018", "2016"), (1, 2, 3, 4, 5)
CLAIMS: dict[str, dict[str, tuple[Callable, str]]] = {}  # chapter, name: the claim


def claim(outcome: str) -> Callable:
    """Register a claim: its sentence "stands", is "reworded", "removed", or still "open"."""

    def register(function: Callable) -> Callable:
        chapter = function.__module__.rsplit(".", 1)[-1]
        CLAIMS.setdefault(chapter, {})[function.__name__] = (function, outcome)
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
