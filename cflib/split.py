"""Splits of ratings into what a model may learn from and what it is tested on.

Both parts keep the axes of the whole. A movie whose ratings are all held out keeps its row, and
the model has to predict something for it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ._checks import check_fraction
from .ratings import Ratings


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Training and test ratings on the same axes. No rating is in both.

    Attributes
    ----------
    train, test : Ratings
    """

    train: Ratings
    test: Ratings


def holdout(ratings: Ratings, test_fraction: float = 0.2, seed: int = 0) -> Split:
    """Hold out a random share of the ratings.

    With `test_fraction` 1 / k this is fold 0 of `kfold` with k folds and the same seed.

    Parameters
    ----------
    ratings : Ratings
    test_fraction : float
        Between 0 and 1, exclusive. The number of test ratings is rounded.
    seed : int
        Seed of the permutation.
    """
    check_fraction("test_fraction", test_fraction)
    order = _shuffled(len(ratings), seed)
    return _split(ratings, order[: round(test_fraction * len(ratings))])


def kfold(ratings: Ratings, n_folds: int = 5, seed: int = 0) -> list[Split]:
    """`n_folds` splits in which each rating is tested exactly once.

    Fold f is part f of `numpy.array_split(numpy.random.default_rng(seed).permutation(n), n_folds)`
    over the n ratings in the file's order, so that anybody can make the same folds.

    Parameters
    ----------
    ratings : Ratings
    n_folds : int
        From 2 to the number of ratings.
    seed : int
        Seed of the permutation.
    """
    if not 2 <= n_folds <= len(ratings):
        raise ValueError(
            f"`n_folds` should be from 2 to the number of ratings ({len(ratings)}). "
            f"Received: {n_folds}"
        )
    order = _shuffled(len(ratings), seed)
    return [_split(ratings, fold) for fold in np.array_split(order, n_folds)]


def by_time(ratings: Ratings, test_fraction: float = 0.2) -> Split:
    """Train on the earlier ratings, test on the latest `test_fraction` of all.

    Ratings of the same second keep the file's order.

    Parameters
    ----------
    ratings : Ratings
    test_fraction : float
        As in `holdout`.

    Raises
    ------
    ValueError
        For ratings without timestamps.
    """
    check_fraction("test_fraction", test_fraction)
    order = np.argsort(_timestamps(ratings), kind="stable")
    return _split(ratings, order[len(order) - round(test_fraction * len(ratings)) :])


def latest(ratings: Ratings, fraction: float | None = None, n: int | None = None) -> Split:
    """Test on each user's latest ratings.

    A user keeps at least one rating in training. Ratings of the same second keep the file's order.

    Parameters
    ----------
    ratings : Ratings
    fraction : float or None
        Share of each user's ratings that is tested; the number is rounded down.
    n : int or None
        Or the number of each user's ratings that are tested.

    Raises
    ------
    ValueError
        For ratings without timestamps, or unless exactly one of `fraction` and `n` is given.
    """
    counts = ratings.user_counts
    if fraction is not None and n is None:
        check_fraction("fraction", fraction)
        n_test = (fraction * counts).astype(np.int64)
    elif n is not None and fraction is None:
        if n != int(n) or n < 1:
            raise ValueError(f"`n` should be a positive number of ratings. Received: {n}")
        n_test = np.minimum(n, np.maximum(counts - 1, 0))
    else:
        raise ValueError(f"give one of `fraction` and `n`. Received: {fraction} and {n}")
    order = np.lexsort((_timestamps(ratings), ratings.user_index))
    user = ratings.user_index[order]
    place_from_last = np.cumsum(counts)[user] - np.arange(len(order))  # 1 for a user's last rating
    return _split(ratings, order[place_from_last <= n_test[user]])


def _split(ratings: Ratings, test_rows: np.ndarray) -> Split:
    is_test = np.zeros(len(ratings), bool)
    is_test[test_rows] = True
    return Split(train=ratings.take(~is_test), test=ratings.take(is_test))


def _timestamps(ratings: Ratings) -> np.ndarray:
    if ratings.timestamp is None:
        raise ValueError(f"{ratings.name} has no timestamps: split it with `holdout` or `kfold`")
    return ratings.timestamp


def _shuffled(n: int, seed: int) -> np.ndarray:
    if seed < 0:
        raise ValueError(f"`seed` should be 0 or more. Received: {seed}")
    return np.random.default_rng(seed).permutation(n)
