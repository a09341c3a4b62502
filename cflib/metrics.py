"""Numbers from predictions and from lists, and the intervals that they come with.

Ratings are judged one by one; a list of recommendations by which of its places are *hits*, films
that the user turned out to like. Every definition is the textbook's, and is written above its
line of code.

Errors of one user's ratings are not independent of each other, so every interval is a bootstrap
over *users*: draw as many users as there are, with replacement, and take all that is theirs. So
each metric is taken apart into what each user adds to it (`Shares`), and draws are counts of
users: a thousand of them are one product of two small matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

COUNTS_AT_ONCE = 1 << 24  # of users in draws, that are in memory at a time


# Ratings ------------------------------------------------------------------------------------


def rmse(actual, predicted) -> float:
    """Root of the mean squared error: sqrt(mean((predicted - actual)²)), in stars.

    Raises ValueError for no ratings, unequal lengths or predictions that are not finite.
    """
    return float(np.sqrt(np.mean(_errors(actual, predicted) ** 2)))


def mae(actual, predicted) -> float:
    """Mean absolute error: mean(|predicted - actual|), in stars. Raises as `rmse` does."""
    return float(np.mean(np.abs(_errors(actual, predicted))))


def _same(mean):
    return mean


METRICS = {
    "rmse": (rmse, np.square, np.sqrt),  # the metric, a rating's loss, and what its mean becomes
    "mae": (mae, np.abs, _same),
}


def per_user(actual, predicted, user_index) -> pd.DataFrame:
    """Each user's own errors.

    Returns
    -------
    DataFrame, indexed by user_index, ascending
        Columns n_ratings, rmse, mae (stars).
    """
    error = _errors(actual, predicted)
    user, own = np.unique(user_index, return_inverse=True)
    count = np.bincount(own)
    columns = {"n_ratings": count}
    for name, (_, loss, finish) in METRICS.items():
        columns[name] = finish(np.bincount(own, loss(error)) / count)
    return pd.DataFrame(columns, index=pd.Index(user, name="user_index"))


def calibration(actual, predicted, user_index, n_bins: int = 10, level: float = 0.95):
    """What was given where x was predicted: of a calibrated model, x on average.

    The ratings are cut into groups of like size at the quantiles of what is predicted. Groups
    that could not be told apart, because so many predictions are equal, are one.

    Returns
    -------
    DataFrame, a row a group, ascending
        Columns predicted and observed (means, stars), low, high (interval of `observed`),
        n_ratings.
    """
    _errors(actual, predicted)  # checks them
    actual, predicted, user = (np.asarray(array) for array in (actual, predicted, user_index))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, n_bins + 1)[1:-1]))
    group, rows = np.searchsorted(edges, predicted, side="left"), []
    for g in np.unique(group):
        mine = group == g
        observed = estimate(mean_shares(actual[mine], user[mine]), level)
        rows.append([predicted[mine].mean(dtype=np.float64), *observed, int(mine.sum())])
    return pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "n_ratings"])


def covered(actual, low, high) -> np.ndarray:
    """Which ratings lie in their predictive intervals, ends included: bool, (n,).

    The mean is the coverage; of 90 % intervals it should be 0.9. Raises as `rmse` does.
    """
    return (_errors(actual, low) <= 0) & (_errors(actual, high) >= 0)


# Lists --------------------------------------------------------------------------------------
#
# Of every user: hits, bool, (n_users, k), best place first, and n_relevant, int, (n_users,), how
# many films there were to be found. Each metric is float64, (n_users,), and a list's is 0 to 1.


def ndcg(hits, n_relevant) -> np.ndarray:
    """Normalised discounted cumulative gain: DCG over that of the best list there could be.

    DCG@k = Σ_r hit_r / log2(r + 1),  r = 1 … k;  the best list has its min(k, n_relevant) hits
    first. Source: Järvelin & Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques".
    """
    discount = 1 / np.log2(2 + np.arange(hits.shape[1]))
    return hits @ discount / np.cumsum(discount)[_findable(hits, n_relevant) - 1]


def precision(hits, n_relevant) -> np.ndarray:
    """Share of the k places that are hits: Σ_r hit_r / k."""
    return hits.mean(axis=1)


def recall(hits, n_relevant) -> np.ndarray:
    """Share of what there was to be found that is in the list: Σ_r hit_r / n_relevant."""
    return hits.sum(axis=1) / n_relevant


def average_precision(hits, n_relevant) -> np.ndarray:
    """Precision at each hit, summed, over the hits there could be; its mean over users is MAP@k.

    AP@k = Σ_r hit_r (Σ_{s ≤ r} hit_s / r) / min(k, n_relevant)
    """
    at_each_place = np.cumsum(hits, axis=1) / (1 + np.arange(hits.shape[1]))
    return (hits * at_each_place).sum(axis=1) / _findable(hits, n_relevant)


def reciprocal_rank(hits, n_relevant) -> np.ndarray:
    """1 / r of the first hit, 0 if there is none in the k places; its mean over users is MRR@k."""
    return hits.any(axis=1) / (1.0 + hits.argmax(axis=1))


def hit_rate(hits, n_relevant) -> np.ndarray:
    """1 where there is any hit at all, else 0."""
    return hits.any(axis=1).astype(np.float64)


RANKING = {
    "ndcg": ndcg,
    "precision": precision,
    "recall": recall,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}


def novelty(recommended, movie_counts, n_users: int) -> np.ndarray:
    """Mean self-information of each list, in bits: mean_r log2(n_users / n_i), (n_lists,).

    `recommended` is int, (n_lists, k): the films by index, -1 for an empty place. n_i is how many
    of the `n_users` rated film i, and 1 for a film that nobody rated. 0 bits is a film that
    everybody knows. Source: Zhou et al. (2010), "Solving the apparent diversity-accuracy dilemma
    of recommender systems".
    """
    return _mean_over(recommended, np.log2(n_users / np.maximum(movie_counts, 1)))


def popularity(recommended, movie_counts) -> np.ndarray:
    """Mean number of training ratings of each list's films: (n_lists,). As `novelty`."""
    return _mean_over(recommended, movie_counts)


def catalogue_coverage(recommended, n_movies: int) -> float:
    """Share of all films that are in at least one of the lists."""
    return len(np.unique(recommended[recommended >= 0])) / n_movies


def _findable(hits, n_relevant) -> np.ndarray:
    """How many hits each list could have: min(k, n_relevant)."""
    n_relevant = np.asarray(n_relevant)
    bad = int(((n_relevant < 1) | (hits.sum(axis=1) > n_relevant)).sum())
    if bad:
        raise ValueError(
            f"each user should have a relevant film, and no more hits than those: leave out who "
            f"has none. Received: {bad} of {len(n_relevant)} users for whom this does not hold"
        )
    return np.minimum(n_relevant, hits.shape[1])


def _mean_over(recommended, value) -> np.ndarray:
    there = recommended >= 0
    return np.where(there, value[recommended], 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


# Intervals ----------------------------------------------------------------------------------


class Shares(NamedTuple):
    """A metric taken apart by user: its value is finish(Σ_j total_j / Σ_j weight_j).

    total, weight : float64, (n_users,);  finish : function of an array
    """

    total: np.ndarray
    weight: np.ndarray
    finish: Callable = _same

    @property
    def value(self) -> float:
        return float(self.finish(self.total.sum() / self.weight.sum()))


def error_shares(actual, predicted, user_index, n_users: int, metric: str = "rmse") -> Shares:
    """RMSE or MAE taken apart by user; users without ratings have weight 0."""
    if metric not in METRICS:
        raise ValueError(f"`metric` should be one of {', '.join(METRICS)}. Received: {metric!r}")
    _, loss, finish = METRICS[metric]
    return mean_shares(loss(_errors(actual, predicted)), user_index, n_users)._replace(
        finish=finish
    )


def mean_shares(value, user_index, n_users: int = 0) -> Shares:
    """The mean of values, (n,), taken apart by the users that they belong to."""
    return Shares(
        np.bincount(user_index, value, n_users), np.bincount(user_index, minlength=n_users)
    )


def draws(shares: Sequence[Shares], n_draws: int = 1000, seed: int = 0) -> np.ndarray:
    """Every metric in each bootstrap draw of users: float64, (n_draws, n_metrics).

    All are of the same users in a draw; who has weight in none of them is not drawn.
    """
    total, weight = (np.stack([s[part] for s in shares], axis=1) for part in (0, 1))
    there = weight.any(axis=1)
    total, weight, n_users = total[there], weight[there], int(there.sum())
    rng, evenly = np.random.default_rng(seed), np.full(n_users, 1 / n_users)
    mean, at_once = np.empty((n_draws, len(shares))), max(1, COUNTS_AT_ONCE // n_users)
    for first in range(0, n_draws, at_once):
        times = rng.multinomial(n_users, evenly, min(at_once, n_draws - first)).astype(np.float64)
        with np.errstate(invalid="ignore"):  # a draw can miss every user with weight: NaN
            mean[first : first + at_once] = (times @ total) / (times @ weight)
    return np.stack([s.finish(column) for s, column in zip(shares, mean.T, strict=True)], axis=1)


def estimate(shares, level: float = 0.95, n_draws: int = 1000, seed: int = 0):
    """(value, low, high) of a metric; of a list of `Shares`, one a fold, the mean over folds.

    The users that a draw takes are taken in every fold.
    """
    folds = _folds(shares)
    value = float(np.mean([fold.value for fold in folds]))
    return value, *percentiles(draws(folds, n_draws, seed).mean(axis=1), level).tolist()


def difference(shares, other, level: float = 0.95, n_draws: int = 1000, seed: int = 0):
    """(difference, low, high): how much larger one metric is than the other, on the same draws.

    What makes a user hard for both cancels, so the interval is much narrower than the two apart
    would suggest. Each is a `Shares`, or a list of them, one a fold, as in `estimate`.
    """
    first, second = _folds(shares), _folds(other)
    value = float(np.mean([a.value - b.value for a, b in zip(first, second, strict=True)]))
    drawn = draws([*first, *second], n_draws, seed)
    drawn = (drawn[:, : len(first)] - drawn[:, len(first) :]).mean(axis=1)
    return value, *percentiles(drawn, level).tolist()


def percentiles(drawn, level: float = 0.95) -> np.ndarray:
    """Low and high end of the middle `level` of draws, along their first axis: (2, …)."""
    return np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)


def interval(
    actual,
    predicted,
    user_index,
    metric: str = "rmse",
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of a metric, resampling users (percentiles of the draws).

    Parameters
    ----------
    actual, predicted : (n,)
        Ratings held out and predictions of them, in stars.
    user_index : int, (n,)
        Whose ratings they are.
    metric : "rmse" or "mae"
    level : float
        Share of the draws inside the interval.
    n_draws, seed : int
        Number of bootstrap draws, and their seed.

    Returns
    -------
    (low, high), in stars

    Source: Efron & Tibshirani (1993), "An introduction to the bootstrap", chapter 13.
    """
    shares = error_shares(actual, predicted, user_index, 0, metric)
    return estimate(shares, level, n_draws, seed)[1:]


def paired_difference(
    actual,
    predicted,
    other,
    user_index,
    metric: str = "rmse",
    level: float = 0.95,
    n_draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """How much larger the metric of `predicted` is than that of `other`, with its interval.

    Both are measured on the same draws of users: see `difference`. Returns
    (difference, low, high); negative where `predicted` is better. Arguments as in `interval`.
    """
    shares = (error_shares(actual, p, user_index, 0, metric) for p in (predicted, other))
    return difference(*shares, level, n_draws, seed)


def _folds(shares) -> list[Shares]:
    return [shares] if isinstance(shares, Shares) else list(shares)


def _errors(actual, predicted) -> np.ndarray:
    actual, predicted = np.asarray(actual, np.float64), np.asarray(predicted, np.float64)
    if actual.shape != predicted.shape:
        raise ValueError(
            f"`actual` and `predicted` should be of one shape. "
            f"Received: {actual.shape} and {predicted.shape}"
        )
    if actual.size == 0:
        raise ValueError("there are no ratings to measure an error on")
    for name, array in (("actual", actual), ("predicted", predicted)):
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            raise ValueError(f"{bad} of {array.size} values of `{name}` are not finite numbers")
    return predicted - actual
