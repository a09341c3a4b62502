"""The means that come off before training and go back on after it.

Every method is of one form: `Y_mu[i] + user_mu[j]` comes off the rating of movie i by user j.
They differ in what they take for the mean, and so in what is predicted where nothing is known:
for a user nobody has seen, `Y_mu` is the whole prediction.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .data import Ratings

METHODS = {
    "none": "nothing comes off",
    "global": "the mean of all ratings",
    "movie_all_users": "each film's sum over the number of all users, raters or not",
    "movie": "each film's mean over the users who rated it",
    "movie_damped": "the same, drawn towards the mean of all ratings where raters are few",
    "movie_user_damped": "damped film means, and what is left of each user's mean, damped",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Normalization:
    """What one method takes off, learned from training ratings by `fit`.

    Attributes
    ----------
    method : str
        A key of `METHODS`.
    damping : float
        Number of ratings at the mean of all ratings that a damped mean adds to a film's or
        a user's own.
    mean : float
        Mean of all training ratings.
    Y_mu : float32, (n_movies, 1)
        What comes off each movie's row.
    user_mu : float32, (1, n_users)
        What comes off each user's column.
    """

    method: str
    damping: float
    mean: float
    Y_mu: np.ndarray
    user_mu: np.ndarray

    def baseline(self, movie_index, user_index) -> np.ndarray:
        """`Y_mu[i] + user_mu[j]` for pairs of indices: float32, (n,)."""
        return self.Y_mu[movie_index, 0] + self.user_mu[0, user_index]

    def subtract(self, ratings: Ratings) -> np.ndarray:
        """The residuals that a model is trained on: float32, (n_ratings,)."""
        return ratings.value - self.baseline(ratings.movie_index, ratings.user_index)

    def add(self, residual, movie_index, user_index) -> np.ndarray:
        """The inverse of `subtract`: residuals back to ratings: float32, (n,)."""
        return residual + self.baseline(movie_index, user_index)

    def new_user(self) -> np.ndarray:
        """What is predicted for a user nobody has seen: float32, (n_movies,)."""
        return self.Y_mu[:, 0].copy()


def fit(ratings: Ratings, method: str = "movie_user_damped", damping: float = 5.0) -> Normalization:
    """Learn the means that `method` takes off from training ratings.

    With s_i and n_i the sum and number of movie i's ratings, m the mean of all, d the damping:

    ==================  ===================================================================
    none                0
    global              m
    movie_all_users     s_i / n_users            (the original notebook's; zeros included)
    movie               s_i / n_i                (m for a movie without ratings)
    movie_damped        (s_i + d m) / (n_i + d)
    movie_user_damped   movie_damped, and from user j's column the damped mean of what
                        that leaves of their ratings, sum / (n_j + d)
    ==================  ===================================================================

    Parameters
    ----------
    ratings : Ratings
        Training ratings only: what is held out must not be in its own baseline.
    method : str
        A key of `METHODS`.
    damping : float
        d, in ratings; not negative.

    Raises
    ------
    ValueError
        For an unknown method, a negative damping, or no ratings at all.

    Source: chapter 02; damped means as in Funk (2006), "Netflix update: try this at home".
    """
    of_movie = np.bincount(ratings.movie_index, ratings.value, ratings.n_movies)
    mean, Y_mu = of_movies(method, damping, ratings.movie_counts, of_movie, ratings.n_users)
    nobody = np.zeros((1, 0), np.float32)
    return for_users(Normalization(method, float(damping), mean, Y_mu, nobody), ratings)


def of_movies(
    method: str, damping: float, count: np.ndarray, total: np.ndarray, n_users: int
) -> tuple[float, np.ndarray]:
    """(mean of all ratings, `Y_mu`) from each movie's number and sum of ratings: what `fit` does.

    For ratings that are summed elsewhere. Raises as `fit`.
    """
    if method not in METHODS:
        raise ValueError(f"`method` should be one of {', '.join(METHODS)}. Received: {method!r}")
    if not damping >= 0:
        raise ValueError(f"`damping` should be a number of ratings, 0 or more. Received: {damping}")
    if count.sum() == 0:
        raise ValueError("there are no ratings to take a mean of")

    mean = float(total.sum() / count.sum())
    return mean, _movie_mu(method, damping, mean, count, total, n_users)


def of_new_movie(normalization: Normalization, values: np.ndarray) -> np.float32:
    """What comes off the row of a movie that `normalization` doesn't have, from its ratings."""
    count, total = np.array([len(values)]), np.array([np.sum(values, dtype=np.float64)])
    means = normalization
    n_users = means.user_mu.shape[1]
    return _movie_mu(means.method, means.damping, means.mean, count, total, n_users)[0, 0]


def _movie_mu(method, damping, mean, count, total, n_users) -> np.ndarray:
    movie_mu = np.zeros(len(count))
    if method == "global":
        movie_mu[:] = mean
    elif method == "movie_all_users":
        movie_mu = total / n_users
    elif method == "movie":
        movie_mu = np.where(count > 0, total / np.maximum(count, 1), mean)
    elif method in ("movie_damped", "movie_user_damped"):
        movie_mu = mean + _damped(total - count * mean, count, damping)
    return movie_mu.astype(np.float32)[:, None]


def for_users(normalization: Normalization, ratings: Ratings) -> Normalization:
    """The same means of films, and the means that its method takes off the users of `ratings`."""
    left = ratings.value - normalization.Y_mu[ratings.movie_index, 0].astype(np.float64)
    total = np.bincount(ratings.user_index, left, ratings.n_users)
    user_mu = of_users(normalization.method, normalization.damping, ratings.user_counts, total)
    return dataclasses.replace(normalization, user_mu=user_mu)


def of_users(method: str, damping: float, count: np.ndarray, total: np.ndarray) -> np.ndarray:
    """`user_mu` from each user's number of ratings and the sum of what `Y_mu` leaves of them."""
    user_mu = np.zeros(len(count))
    if method == "movie_user_damped":
        user_mu = _damped(total, count, damping)
    return user_mu.astype(np.float32)[None, :]


def _damped(total, count, damping):
    return np.divide(total, count + damping, out=np.zeros_like(total), where=count > 0)
