"""The means that are subtracted before training and added back after.

Every method has one form: `Y_mu[i] + user_mu[j]` is subtracted from the rating of movie i by
user j, and added back to what the model predicts. The methods differ in the means that they use.
So they differ in what is predicted where nothing is known: for a new user without ratings, `Y_mu`
is the whole prediction.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .ratings import Ratings

METHODS = {
    "none": "nothing is subtracted",
    "global": "the mean of all ratings",
    "movie_all_users": "each movie's sum over the number of all users, raters or not",
    "movie": "each movie's mean over the users who rated it",
    "movie_damped": "the same, drawn towards the mean of all ratings where raters are few",
    "movie_user_damped": "damped movie means, then damped means of what they leave of each user",
}


# The formulas -------------------------------------------------------------------------------


def damped_mean(total: np.ndarray, count: np.ndarray, damping: float) -> np.ndarray:
    """total / (count + damping), and 0 where the count is 0."""
    return np.divide(total, count + damping, out=np.zeros_like(total), where=count > 0)


def movie_means(
    method: str, damping: float, mean: float, count: np.ndarray, total: np.ndarray, n_users: int
) -> np.ndarray:
    """What is subtracted from each movie's row: `Y_mu`, float32, (n_movies, 1).

    `mean` is that of all training ratings; `count` and `total` (float64) are the number and the
    sum of each movie's ratings; `n_users` is the number of all users, raters or not.
    """
    if method == "none":
        Y_mu = np.zeros(len(count))
    elif method == "global":
        Y_mu = np.full(len(count), mean)
    elif method == "movie_all_users":
        Y_mu = total / n_users
    elif method == "movie":
        Y_mu = np.where(count > 0, total / np.maximum(count, 1), mean)
    else:  # movie_damped, movie_user_damped
        Y_mu = mean + damped_mean(total - count * mean, count, damping)
    return Y_mu.astype(np.float32)[:, None]


def user_means(method: str, damping: float, count: np.ndarray, total: np.ndarray) -> np.ndarray:
    """What is subtracted from each user's column: `user_mu`, float32, (1, n_users).

    `count` is the number of each user's ratings, and `total` (float64) the sum of what `Y_mu`
    leaves of them. Other methods than "movie_user_damped" subtract 0.
    """
    user_mu = np.zeros(len(count))
    if method == "movie_user_damped":
        user_mu = damped_mean(total, count, damping)
    return user_mu.astype(np.float32)[None, :]


# The means of a ratings set -----------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Normalization:
    """The means that one method subtracts, learned from training ratings by `fit`.

    Attributes
    ----------
    method : str
        A key of `METHODS`.
    damping : float
        How many ratings a damped mean adds to those of a movie (ratings equal to the mean of all)
        or of a user (ratings of which `Y_mu` leaves 0).
    mean : float
        Mean of all training ratings.
    Y_mu : ndarray of float32, (n_movies, 1)
        What is subtracted from each movie's row.
    user_mu : ndarray of float32, (1, n_users)
        What is subtracted from each user's column.
    """

    method: str
    damping: float
    mean: float
    Y_mu: np.ndarray
    user_mu: np.ndarray

    def baseline(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """`Y_mu[i] + user_mu[j]` for pairs of indices: float32, (n,)."""
        return self.Y_mu[movie_index, 0] + self.user_mu[0, user_index]

    def subtract(self, ratings: Ratings) -> np.ndarray:
        """The residuals that a model is trained on: float32, (n_ratings,)."""
        return ratings.value - self.baseline(ratings.movie_index, ratings.user_index)

    def add(
        self, residual: np.ndarray, movie_index: np.ndarray, user_index: np.ndarray
    ) -> np.ndarray:
        """Residuals turned back into ratings, the inverse of `subtract`: float32, (n,)."""
        return residual + self.baseline(movie_index, user_index)

    def new_user(self) -> np.ndarray:
        """The prediction for a new user without ratings: float32, (n_movies,)."""
        return self.Y_mu[:, 0].copy()

    def new_movie_mean(self, values: np.ndarray) -> np.float32:
        """What is subtracted from the row of a new movie with these ratings."""
        count, total = np.array([len(values)]), np.array([np.sum(values, dtype=np.float64)])
        n_users = self.user_mu.shape[1]
        return movie_means(self.method, self.damping, self.mean, count, total, n_users)[0, 0]

    def with_users(self, ratings: Ratings) -> Normalization:
        """The same movie means, with the user means of these ratings."""
        left = ratings.value - self.Y_mu[ratings.movie_index, 0].astype(np.float64)
        total = np.bincount(ratings.user_index, left, ratings.n_users)
        user_mu = user_means(self.method, self.damping, ratings.user_counts, total)
        return dataclasses.replace(self, user_mu=user_mu)


def fit(ratings: Ratings, method: str = "movie_user_damped", damping: float = 5.0) -> Normalization:
    """Learn the means that `method` subtracts from training ratings.

    With s_i and n_i the sum and number of movie i's ratings, m the mean of all, d the damping:

    ==================  ===================================================================
    none                0
    global              m
    movie_all_users     s_i / n_users            (as in the original notebook; zeros included)
    movie               s_i / n_i                (m for a movie without ratings)
    movie_damped        (s_i + d m) / (n_i + d)
    movie_user_damped   movie_damped; then for user j the damped mean of what that leaves of
                        their ratings, sum / (n_j + d)
    ==================  ===================================================================

    Parameters
    ----------
    ratings : Ratings
        Training ratings only. Ratings that are held out must not be part of the means.
    method : str
        A key of `METHODS`.
    damping : float
        d, in ratings; 0 or more.

    Returns
    -------
    Normalization

    Raises
    ------
    ValueError
        For an unknown method, a negative damping, or no ratings at all.

    References
    ----------
    Funk (2006), "Netflix update: try this at home", for damped means; chapter 02.
    """
    total = np.bincount(ratings.movie_index, ratings.value, ratings.n_movies)
    means = fit_movies(method, damping, ratings.movie_counts, total, ratings.n_users)
    return means.with_users(ratings)


def fit_movies(
    method: str, damping: float, count: np.ndarray, total: np.ndarray, n_users: int
) -> Normalization:
    """The movies' part of `fit`, for ratings that are summed elsewhere; it has no user means yet.

    Parameters as in `movie_means`. Raises as `fit`.
    """
    if method not in METHODS:
        raise ValueError(f"`method` should be one of {', '.join(METHODS)}. Received: {method!r}")
    if not damping >= 0:
        raise ValueError(f"`damping` should be a number of ratings, 0 or more. Received: {damping}")
    if count.sum() == 0:
        raise ValueError("there are no ratings to take a mean of")
    mean = float(total.sum() / count.sum())
    Y_mu = movie_means(method, damping, mean, count, total, n_users)
    return Normalization(method, float(damping), mean, Y_mu, np.zeros((1, 0), np.float32))
