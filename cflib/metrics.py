"""Numbers from predictions, and the intervals that they come with.

Errors of one user's ratings are not independent of each other, so every interval is a bootstrap
over *users*: draw as many users as there are, with replacement, and take all their ratings. The
draws are counts, so a thousand of them are one product of two small matrices.
"""

from __future__ import annotations

import numpy as np


def rmse(actual, predicted) -> float:
    """Root of the mean squared error: sqrt(mean((predicted - actual)²)), in stars.

    Raises ValueError for no ratings, unequal lengths or predictions that are not finite.
    """
    return float(np.sqrt(np.mean(_errors(actual, predicted) ** 2)))


def mae(actual, predicted) -> float:
    """Mean absolute error: mean(|predicted - actual|), in stars. Raises as `rmse` does."""
    return float(np.mean(np.abs(_errors(actual, predicted))))


METRICS = {
    "rmse": (rmse, lambda error: error**2, np.sqrt),
    "mae": (mae, np.abs, lambda mean: mean),
}


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
    (draws,) = _draws(actual, [predicted], user_index, metric, n_draws, seed)
    return _percentiles(draws, level)


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

    Both are measured on the same draws of users, so what makes a user hard for both cancels:
    the interval is much narrower than the two apart would suggest. Returns
    (difference, low, high); negative where `predicted` is better. Arguments as in `interval`.
    """
    function = METRICS[metric][0]
    difference = function(actual, predicted) - function(actual, other)
    first, second = _draws(actual, [predicted, other], user_index, metric, n_draws, seed)
    return difference, *_percentiles(first - second, level)


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


def _draws(actual, predictions, user_index, metric, n_draws, seed) -> list[np.ndarray]:
    """The metric of each set of predictions in each draw of users: n_draws values a set."""
    if metric not in METRICS:
        raise ValueError(f"`metric` should be one of {', '.join(METRICS)}. Received: {metric!r}")
    _, loss, finish = METRICS[metric]
    _, user = np.unique(user_index, return_inverse=True)
    per_user = np.bincount(user)
    n_users = len(per_user)
    times = np.random.default_rng(seed).multinomial(n_users, np.full(n_users, 1 / n_users), n_draws)
    return [
        finish(times @ np.bincount(user, loss(_errors(actual, p))) / (times @ per_user))
        for p in predictions
    ]


def _percentiles(draws, level) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
