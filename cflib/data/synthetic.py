"""Made-up ratings with a known truth: for measuring speed, and for knowing the best error.

They have the shape of MovieLens. A few users rate thousands of movies, and most users a few dozen.
A few movies are rated by half of the users, and most movies by a handful. No pair occurs twice, and
ratings are in half stars. Behind each rating is a planted signal, plus noise that no model can
predict. So the best prediction of each rating is known, and so is the smallest possible error.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from scipy.special import ndtr

from .._kernels import compiled
from ..ratings import Ratings

MEAN = 3.5
USER_SD, MOVIE_SD, INTERACTION_SD = 0.45, 0.52, 0.4  # of b, of c, and of x . w
LEAST_PER_USER = 20  # as in MovieLens, if there are enough ratings for that
ACTIVITY_SIGMA = 1.4  # of the log-normal number of a user's ratings beyond the least
POPULARITY_SHAPE = 3.5  # exponent of the stretched-exponential popularity of movies
NICHE_SHARE = 0.005  # share of the draws in which every movie is equally likely
FIRST_DAY, LAST_DAY = 9_150, 16_000  # of users' first ratings: 1995 to 2013, in days since 1970
BLOCK = 1 << 20  # ratings


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What `synthetic` planted: rating = mean + b_j + c_i + x_i . w_j + noise, rounded, clipped.

    Attributes
    ----------
    X : float32, (n_movies, n_features)
    W : float32, (n_users, n_features)
    b : float32, (1, n_users)
    c : float32, (n_movies, 1)
    mean : float
    noise : float
        Standard deviation of the noise, in stars.
    best_rmse : float
        RMSE of `predict` over all ratings. No model has a smaller expected error on new ratings.
    """

    X: np.ndarray
    W: np.ndarray
    b: np.ndarray
    c: np.ndarray
    mean: float
    noise: float
    best_rmse: float

    def signal(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """Ratings of the given pairs without noise, rounding and clipping: float32, (n,)."""
        interaction = np.einsum("nk,nk->n", self.X[movie_index], self.W[user_index])
        return np.float32(self.mean) + self.b[0, user_index] + self.c[movie_index, 0] + interaction

    def predict(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """The best predictions for the given pairs, their mean ratings: float32, (n,)."""
        return _mean_rating(self.signal(movie_index, user_index), self.noise)


def synthetic(
    n_movies: int,
    n_users: int,
    n_ratings: int,
    n_features: int = 8,
    *,
    noise: float = 0.8,
    seed: int = 0,
) -> tuple[Ratings, Truth]:
    """Make ratings like those of MovieLens from a planted model.

    Parameters
    ----------
    n_movies, n_users, n_ratings : int
        Each movie and each user has at least one rating.
    n_features : int
        Number of planted features.
    noise : float
        Standard deviation of the noise, in stars.
    seed : int
        The same seed gives the same ratings.

    Returns
    -------
    ratings : Ratings
        Sorted by user, then by movie, as in MovieLens' files. An id is an index plus one.
    truth : Truth

    Raises
    ------
    ValueError
        For fewer ratings than movies or users, or for more than half of all pairs.
    """
    sizes = f"{n_movies:,} movies, {n_users:,} users, {n_ratings:,} ratings"
    if n_ratings < max(n_movies, n_users):
        raise ValueError(f"each movie and each user should have a rating. Received: {sizes}")
    if n_ratings > n_users * (n_movies // 2):
        raise ValueError(f"at most half of all pairs can be rated. Received: {sizes}")
    rng = np.random.default_rng(seed)
    activity = _activity(rng, n_movies, n_users, n_ratings)
    popularity = _popularity(rng, n_movies)
    movie_index = np.full(n_ratings, -1, np.int32)
    movie_index[rng.choice(n_ratings, n_movies, replace=False)] = rng.permutation(n_movies)
    _draw_movies(np.append(0, np.cumsum(activity)), np.cumsum(popularity), rng, movie_index)
    user_index = np.repeat(np.arange(n_users, dtype=np.int32), activity)

    truth = _plant(rng, popularity, n_users, n_features, noise)
    value, best_rmse = _rate(rng, truth, movie_index, user_index)
    movie_ids = np.arange(1, n_movies + 1)
    ratings = Ratings(
        movie_index=movie_index,
        user_index=user_index,
        value=value,
        timestamp=_times(rng, activity),
        movie_ids=movie_ids,
        user_ids=np.arange(1, n_users + 1),
        movies=pd.DataFrame(
            {"movieId": movie_ids, "title": [f"Movie {i}" for i in movie_ids], "genres": ""}
        ),
        name="synthetic",
    )
    return ratings, dataclasses.replace(truth, best_rmse=best_rmse)


def _activity(rng: np.random.Generator, n_movies: int, n_users: int, n_ratings: int) -> np.ndarray:
    """Number of ratings of each user: the least plus a log-normal number, with the given sum."""
    least = max(1, min(LEAST_PER_USER, n_ratings // (2 * n_users)))
    most = n_movies // 2
    beyond = rng.lognormal(0, ACTIVITY_SIGMA, n_users)
    low, high = 0.0, float(n_ratings) / beyond.min()
    for _ in range(100):  # bisect for the factor that gives the sum, with at most `most` each
        factor = (low + high) / 2
        total = np.minimum(least + factor * beyond, most).sum()
        low, high = (factor, high) if total < n_ratings else (low, factor)
    counts = np.minimum(least + high * beyond, most)
    ends = np.rint(np.cumsum(counts) * (n_ratings / counts.sum())).astype(np.int64)
    return np.diff(ends, prepend=0)


def _popularity(rng: np.random.Generator, n_movies: int) -> np.ndarray:
    """Share of the ratings that each movie attracts: float64, (n_movies,), sum 1.

    It is (-ln u)^3.5 at the quantiles u. The counts of the large MovieLens sets are close to this
    curve, from movies with a handful of ratings to movies with tens of thousands.
    """
    ranks = (np.arange(n_movies) + 0.5) / n_movies
    share = (-np.log(ranks)) ** POPULARITY_SHAPE
    share = (1 - NICHE_SHARE) * share / share.sum() + NICHE_SHARE / n_movies
    return rng.permutation(share)


@compiled
def _draw_movies(
    start: np.ndarray, cumulative: np.ndarray, rng: np.random.Generator, movie_index: np.ndarray
) -> None:
    """Replace each -1 in a user's part of `movie_index` by a movie that is not in that part yet."""
    n_movies = len(cumulative)
    last_user = np.full(n_movies, -1, np.int32)
    for user in range(len(start) - 1):
        rated = movie_index[start[user] : start[user + 1]]
        for movie in rated:
            if movie >= 0:
                last_user[movie] = user
        for place in range(len(rated)):
            while rated[place] < 0:
                drawn = rng.random() * cumulative[-1]
                movie = min(np.searchsorted(cumulative, drawn, side="right"), n_movies - 1)
                if last_user[movie] != user:
                    last_user[movie] = user
                    rated[place] = movie
        rated.sort()


def _plant(
    rng: np.random.Generator, popularity: np.ndarray, n_users: int, n_features: int, noise: float
) -> Truth:
    """The model behind the ratings; on average, popular movies get higher ratings."""
    n_movies = len(popularity)
    fame = np.argsort(np.argsort(popularity)) / n_movies - 0.86
    spread = (INTERACTION_SD**2 / n_features) ** 0.25 if n_features else 0
    b = USER_SD * rng.standard_normal((1, n_users), np.float32)
    c = MOVIE_SD * rng.standard_normal((n_movies, 1), np.float32) + fame[:, None]
    return Truth(
        X=np.float32(spread) * rng.standard_normal((n_movies, n_features), np.float32),
        W=np.float32(spread) * rng.standard_normal((n_users, n_features), np.float32),
        b=b.astype(np.float32),
        c=c.astype(np.float32),
        mean=MEAN,
        noise=noise,
        best_rmse=np.nan,
    )


def _rate(
    rng: np.random.Generator, truth: Truth, movie_index: np.ndarray, user_index: np.ndarray
) -> tuple[np.ndarray, float]:
    """(ratings in half stars, best RMSE), computed in blocks to save memory."""
    value = np.empty(len(movie_index), np.float32)
    squared_error = 0.0
    for start in range(0, len(value), BLOCK):
        block = slice(start, start + BLOCK)
        signal = truth.signal(movie_index[block], user_index[block])
        noisy = signal + np.float32(truth.noise) * rng.standard_normal(len(signal), np.float32)
        value[block] = np.clip(np.rint(2 * noisy) / 2, 0.5, 5)
        error = value[block] - _mean_rating(signal, truth.noise)
        squared_error += np.square(error, dtype=np.float64).sum()
    return value, float(np.sqrt(squared_error / len(value)))


def _mean_rating(signal: np.ndarray, noise: float) -> np.ndarray:
    """Mean of signal + noise once it is rounded to half stars from 0.5 to 5: float32, (n,).

    The rounded rating is s or more exactly when signal + noise exceeds s - 0.25. So its mean is
    0.5 + 0.5 Σ_s P(signal + noise > s - 0.25), over s = 1, 1.5, ..., 5.
    """
    grid = np.linspace(-3, 9, 4_801)
    thresholds = np.arange(1, 5.5, 0.5) - 0.25
    mean = 0.5 + 0.5 * ndtr((grid[:, None] - thresholds) / max(noise, 1e-9)).sum(axis=1)
    return np.interp(signal, grid, mean).astype(np.float32)


def _times(rng: np.random.Generator, activity: np.ndarray) -> np.ndarray:
    """Times of each user's ratings: they begin on a random day and go on for days to years."""
    n_users = len(activity)
    begin = rng.integers(FIRST_DAY, LAST_DAY, n_users) * 86_400
    days = np.minimum(rng.lognormal(0, 3, n_users), 3_650)
    times = rng.random(activity.sum(), np.float32)
    times *= np.repeat((days * 86_400).astype(np.float32), activity)
    seconds = times.astype(np.int64)
    seconds += np.repeat(begin, activity)
    return seconds
