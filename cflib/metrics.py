"""Metrics of predictions and of lists, and the bootstrap intervals around them.

A prediction is judged by its error, a list of recommendations by its *hits*: the places that hold
a movie that the user turned out to like. Every definition is the textbook's.

The errors of one user depend on each other. So every interval is a bootstrap over *users*: draw as
many users as there are, with replacement, and measure the metric on the ratings of those drawn.
To do this fast, a metric is split into what each user contributes to it (`Shares`). A draw is then
a count for each user, and a thousand draws are one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ._checks import checked_pair

COUNTS_AT_ONCE = 1 << 24  # draws x users held in memory at a time


# Ratings ------------------------------------------------------------------------------------


def rmse(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Root mean squared error, in stars: sqrt(mean((predicted - actual)²)).

    Parameters
    ----------
    actual, predicted : array_like, (n,)
        Ratings and their predictions, in stars.

    Raises
    ------
    ValueError
        For no ratings at all, unequal shapes, or values that are not finite.
    """
    return float(np.sqrt(np.mean(_errors(actual, predicted) ** 2)))


def mae(actual: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error, in stars: mean(|predicted - actual|). As `rmse`."""
    return float(np.mean(np.abs(_errors(actual, predicted))))


def _unchanged(mean: Any) -> Any:
    return mean


# For each metric of ratings: the loss of one error, and what turns the mean loss into the metric.
METRICS: dict[str, tuple[Callable, Callable]] = {
    "rmse": (np.square, np.sqrt),
    "mae": (np.abs, _unchanged),
}


def per_user(actual: ArrayLike, predicted: ArrayLike, user_index: ArrayLike) -> pd.DataFrame:
    """RMSE and MAE of each user on their own ratings.

    Parameters
    ----------
    actual, predicted : array_like, (n,)
        As in `rmse`.
    user_index : array_like of int, (n,)
        The user of each rating.

    Returns
    -------
    DataFrame, indexed by user_index, ascending
        Columns n_ratings, rmse, mae (stars).
    """
    errors = _errors(actual, predicted)
    users, position = np.unique(user_index, return_inverse=True)
    n_ratings = np.bincount(position)
    columns = {"n_ratings": n_ratings}
    for name, (loss, finish) in METRICS.items():
        columns[name] = finish(np.bincount(position, loss(errors)) / n_ratings)
    return pd.DataFrame(columns, index=pd.Index(users, name="user_index"))


def covered(actual: ArrayLike, low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """Which ratings lie in their predictive intervals, ends included: bool, (n,).

    The mean of the result is the coverage; intervals of 90 % should have a coverage of 0.9.
    Raises as `rmse` does.
    """
    return (_errors(actual, low) <= 0) & (_errors(actual, high) >= 0)


def _errors(actual: ArrayLike, predicted: ArrayLike) -> np.ndarray:
    actual, predicted = checked_pair(actual, predicted)
    return predicted - actual


# Lists --------------------------------------------------------------------------------------
#
# The metrics of `RANKING` all take `hits`, bool, (n_users, k): which places of each user's list
# are hits, the best place first; and `n_relevant`, int, (n_users,): how many relevant movies each
# user has. They return one value for each user, from 0 to 1: float64, (n_users,).


def ndcg(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Normalised discounted cumulative gain: the DCG of a list over that of the best list.

        DCG@k = Σ_r hit_r / log2(r + 1),  r = 1 … k

    The best list begins with min(k, n_relevant) hits.

    References
    ----------
    Järvelin & Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques".
    """
    discount = 1 / np.log2(2 + np.arange(hits.shape[1]))
    best = np.cumsum(discount)[possible_hits(hits, n_relevant) - 1]
    return hits @ discount / best


def precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Share of the k places that are hits: Σ_r hit_r / k."""
    return hits.mean(axis=1)


def recall(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Share of the relevant movies that are in the list: Σ_r hit_r / n_relevant."""
    possible_hits(hits, n_relevant)  # refuses more hits than there are relevant movies
    return hits.sum(axis=1) / n_relevant


def average_precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Precision at each hit, summed, over the number of hits possible. Its mean is MAP@k.

    AP@k = Σ_r hit_r (Σ_{s ≤ r} hit_s / r) / min(k, n_relevant)
    """
    precision_at = np.cumsum(hits, axis=1) / (1 + np.arange(hits.shape[1]))
    return (hits * precision_at).sum(axis=1) / possible_hits(hits, n_relevant)


def reciprocal_rank(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """1 / r of the first hit, 0 where none of the k places is a hit. Its mean is MRR@k."""
    return hits.any(axis=1) / (1.0 + hits.argmax(axis=1))


def hit_rate(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """1 where there is a hit, else 0."""
    return np.asarray(hits.any(axis=1), np.float64)


RANKING: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "ndcg": ndcg,
    "precision": precision,
    "recall": recall,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}


def possible_hits(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """How many hits each list could have: min(k, n_relevant), int, (n_users,).

    Raises ValueError for users without a relevant movie, or with more hits than relevant movies.
    """
    n_relevant = np.asarray(n_relevant)
    n_bad = np.count_nonzero((n_relevant < 1) | (hits.sum(axis=1) > n_relevant))
    if n_bad:
        raise ValueError(
            "each user should have a relevant movie, and at most as many hits as relevant movies. "
            f"Received: {n_bad} of {len(n_relevant)} users who do not"
        )
    return np.minimum(n_relevant, hits.shape[1])


def novelty(recommended: np.ndarray, movie_counts: np.ndarray, n_users: int) -> np.ndarray:
    """Mean self-information of each list, in bits: mean_r log2(n_users / n_i).

    Parameters
    ----------
    recommended : ndarray of int, (n_lists, k)
        Movies by index; -1 for an empty place.
    movie_counts : ndarray of int, (n_movies,)
        n_i, how many users rated movie i. A movie that nobody rated counts as rated by one.
    n_users : int
        Number of users. A movie that all of them rated has 0 bits.

    Returns
    -------
    ndarray of float64, (n_lists,)

    References
    ----------
    Zhou et al. (2010), "Solving the apparent diversity-accuracy dilemma of recommender systems".
    """
    return _mean_over_places(recommended, np.log2(n_users / np.maximum(movie_counts, 1)))


def popularity(recommended: np.ndarray, movie_counts: np.ndarray) -> np.ndarray:
    """Mean number of training ratings of the movies of each list. Parameters as in `novelty`."""
    return _mean_over_places(recommended, movie_counts)


def catalogue_coverage(recommended: np.ndarray, n_movies: int) -> float:
    """Share of all movies that are in at least one list. Parameters as in `novelty`."""
    return len(np.unique(recommended[recommended >= 0])) / n_movies


def _mean_over_places(recommended: np.ndarray, value: np.ndarray) -> np.ndarray:
    is_filled = recommended >= 0
    total = np.where(is_filled, value[recommended], 0).sum(axis=1)
    return total / np.maximum(is_filled.sum(axis=1), 1)


# Intervals ----------------------------------------------------------------------------------


class Shares(NamedTuple):
    """A metric split into users' contributions: its value is finish(Σ_j total_j / Σ_j weight_j).

    Attributes
    ----------
    total, weight : ndarray, (n_users,)
        For RMSE: the sum of each user's squared errors, and the number of their ratings.
    finish : callable
        What turns the mean into the metric. For RMSE: the square root.
    """

    total: np.ndarray
    weight: np.ndarray
    finish: Callable = _unchanged

    @property
    def value(self) -> float:
        """The metric of all users."""
        return float(self.finish(self.total.sum() / self.weight.sum()))


def mean_shares(value: ArrayLike, user_index: ArrayLike, n_users: int = 0) -> Shares:
    """The mean of values, (n,), split by the user of each. Users without a value have weight 0."""
    return Shares(
        total=np.bincount(user_index, value, n_users),
        weight=np.bincount(user_index, minlength=n_users),
    )


def error_shares(
    actual: ArrayLike,
    predicted: ArrayLike,
    user_index: ArrayLike,
    n_users: int = 0,
    metric: str = "rmse",
) -> Shares:
    """RMSE or MAE, split by user. Users without a rating have weight 0."""
    if metric not in METRICS:
        raise ValueError(f"`metric` should be one of {', '.join(METRICS)}. Received: {metric!r}")
    loss, finish = METRICS[metric]
    shares = mean_shares(loss(_errors(actual, predicted)), user_index, n_users)
    return shares._replace(finish=finish)


def draws(shares: Sequence[Shares], n_draws: int = 1000, seed: int = 0) -> np.ndarray:
    """Each metric in each bootstrap draw of users: float64, (n_draws, n_metrics).

    In a draw all metrics are measured on the same users. Users with weight in none of the metrics
    are not drawn.
    """
    total = np.stack([share.total for share in shares], axis=1)
    weight = np.stack([share.weight for share in shares], axis=1)
    has_weight = weight.any(axis=1)
    total, weight, n_users = total[has_weight], weight[has_weight], int(has_weight.sum())
    rng = np.random.default_rng(seed)
    probability = np.full(n_users, 1 / n_users)
    mean = np.empty((n_draws, len(shares)))
    at_once = max(1, COUNTS_AT_ONCE // n_users)
    for first in range(0, n_draws, at_once):
        n = min(at_once, n_draws - first)
        times_drawn = rng.multinomial(n_users, probability, n).astype(np.float64)
        with np.errstate(invalid="ignore"):  # NaN where a draw misses every user with weight
            mean[first : first + n] = (times_drawn @ total) / (times_drawn @ weight)
    return np.stack([share.finish(mean[:, m]) for m, share in enumerate(shares)], axis=1)


def percentiles(drawn: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Low and high end of the middle `level` of the draws, along their first axis: (2, …).

    NaN draws, of no user with weight, are left out.
    """
    return np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)


def estimate(
    shares: Shares | Sequence[Shares], level: float = 0.95, n_draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """(value, low, high) of a metric. Of a list of `Shares`, one for each fold: of their mean.

    A user who is drawn is drawn in every fold.
    """
    folds = _as_folds(shares)
    value = float(np.mean([fold.value for fold in folds]))
    low, high = percentiles(draws(folds, n_draws, seed).mean(axis=1), level).tolist()
    return value, low, high


def difference(
    shares: Shares | Sequence[Shares],
    other: Shares | Sequence[Shares],
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(difference, low, high): how much larger one metric is than another, on the same draws.

    A user who is hard to predict raises both metrics, and the difference cancels that. So this
    interval is much narrower than the intervals of the two metrics suggest. Folds as in `estimate`.
    """
    first, second = _as_folds(shares), _as_folds(other)
    value = float(np.mean([a.value - b.value for a, b in zip(first, second, strict=True)]))
    drawn = draws([*first, *second], n_draws, seed)
    drawn = (drawn[:, : len(first)] - drawn[:, len(first) :]).mean(axis=1)
    low, high = percentiles(drawn, level).tolist()
    return value, low, high


def interval(
    actual: ArrayLike,
    predicted: ArrayLike,
    user_index: ArrayLike,
    metric: str = "rmse",
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of a metric, from draws of users: percentiles of its value in the draws.

    Parameters
    ----------
    actual, predicted : array_like, (n,)
        Ratings held out and their predictions, in stars.
    user_index : array_like of int, (n,)
        The user of each rating.
    metric : str
        "rmse" or "mae".
    level : float
        Share of the draws that lie inside the interval.
    n_draws, seed : int
        Number of bootstrap draws, and their seed.

    Returns
    -------
    (low, high) : tuple of float
        In stars.

    References
    ----------
    Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 13.
    """
    shares = error_shares(actual, predicted, user_index, metric=metric)
    _, low, high = estimate(shares, level, n_draws, seed)
    return low, high


def paired_difference(
    actual: ArrayLike,
    predicted: ArrayLike,
    other: ArrayLike,
    user_index: ArrayLike,
    metric: str = "rmse",
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """How much larger the metric of `predicted` is than that of `other`: (difference, low, high).

    Both are measured on the same draws of users, see `difference`. The result is negative where
    `predicted` is better. Parameters as in `interval`.
    """
    first = error_shares(actual, predicted, user_index, metric=metric)
    second = error_shares(actual, other, user_index, metric=metric)
    return difference(first, second, level, n_draws, seed)


def _as_folds(shares: Shares | Sequence[Shares]) -> list[Shares]:
    return [shares] if isinstance(shares, Shares) else list(shares)
