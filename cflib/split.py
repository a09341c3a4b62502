"""Splits of a ratings set into what a model may learn from and what it is tested on.

Both parts stay on the axes of the whole: a movie whose every rating is held out keeps its row,
and the model has to say something about it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .data import Ratings


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Training and test ratings on the same axes; no rating is in both."""

    train: Ratings
    test: Ratings


def holdout(ratings: Ratings, test_fraction: float = 0.2, seed: int = 0) -> Split:
    """Hold out a random share: fold 0 of a permutation, as in `kfold`.

    `test_fraction` is between 0 and 1, exclusive; the number of test ratings is rounded.
    """
    _check_fraction("test_fraction", test_fraction)
    order = np.random.default_rng(seed).permutation(len(ratings))
    return _split(ratings, order[: round(test_fraction * len(ratings))])


def kfold(ratings: Ratings, n_folds: int = 5, seed: int = 0) -> list[Split]:
    """`n_folds` splits in which each rating is tested exactly once.

    Fold f is part f of `numpy.array_split(numpy.random.default_rng(seed).permutation(n), k)`
    over the ratings in the file's order, so that anybody can make the same folds.
    """
    if not 2 <= n_folds <= len(ratings):
        raise ValueError(
            f"`n_folds` should be from 2 to the number of ratings ({len(ratings)}). "
            f"Received: {n_folds}"
        )
    order = np.random.default_rng(seed).permutation(len(ratings))
    return [_split(ratings, fold) for fold in np.array_split(order, n_folds)]


def by_time(ratings: Ratings, test_fraction: float = 0.2) -> Split:
    """Train on what came before one moment, test on the latest `test_fraction` of all ratings.

    Ratings of the same second keep the file's order. Raises ValueError without timestamps.
    """
    _check_fraction("test_fraction", test_fraction)
    order = np.argsort(_times(ratings), kind="stable")
    return _split(ratings, order[len(order) - round(test_fraction * len(ratings)) :])


def latest(ratings: Ratings, fraction: float | None = None, n: int | None = None) -> Split:
    """Test on each user's latest ratings: a share of them (rounded down), or `n`.

    A user keeps at least one rating in training. Ratings of the same second keep the file's
    order. Raises ValueError without timestamps, or unless exactly one of `fraction`, `n` is given.
    """
    if (fraction is None) == (n is None):
        raise ValueError(f"give one of `fraction` and `n`. Received: {fraction} and {n}")
    counts = ratings.user_counts
    if fraction is not None:
        _check_fraction("fraction", fraction)
        held = (fraction * counts).astype(np.int64)
    else:
        if n < 1:
            raise ValueError(f"`n` should be a positive number of ratings. Received: {n}")
        held = np.minimum(n, np.maximum(counts - 1, 0))
    order = np.lexsort((_times(ratings), ratings.user_index))
    user = ratings.user_index[order]
    from_last = np.cumsum(counts)[user] - np.arange(len(order))  # 1 for a user's last rating
    return _split(ratings, order[from_last <= held[user]])


def _split(ratings: Ratings, test_rows: np.ndarray) -> Split:
    is_test = np.zeros(len(ratings), bool)
    is_test[test_rows] = True
    return Split(train=ratings.take(~is_test), test=ratings.take(is_test))


def _times(ratings: Ratings) -> np.ndarray:
    if ratings.timestamp is None:
        raise ValueError(f"{ratings.name} has no timestamps: split it with `holdout` or `kfold`")
    return ratings.timestamp


def _check_fraction(name: str, fraction: float) -> None:
    if not 0 < fraction < 1:
        raise ValueError(f"`{name}` should be between 0 and 1, exclusive. Received: {fraction}")
