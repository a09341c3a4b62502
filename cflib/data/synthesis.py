"""Made-up ratings with a known truth, so that scale can be measured and the best error is known.

They have MovieLens' shape: a few users rate thousands of films and most a few dozen, a few films
are rated by half of the users and most by a handful, no pair occurs twice, ratings are in half
stars. Behind each rating stands a planted signal, and on it noise that no model can predict: so
the best prediction of each rating is known, and with it the least error that is possible.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
from numba import njit
from scipy.special import ndtr

from .ratings import Ratings

MEAN = 3.5
USER_SD, MOVIE_SD, INTERACTION_SD = 0.45, 0.52, 0.4  # spread over users, films and their pairings
LEAST_PER_USER = 20  # as in MovieLens, unless the ratings do not suffice for that
ACTIVITY_SIGMA = 1.4  # of the log-normal number of ratings beyond the least
POPULARITY_SHAPE = 3.5  # exponent of the stretched-exponential popularity of films
NICHE_SHARE = 0.005  # of the draws: films whatever their popularity
FIRST_DAY, LAST_DAY = 9_150, 16_000  # of users' first ratings: 1995 to 2013, in days since 1970
BLOCK = 1 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What `synthetic` planted: rating = mean + b_j + c_i + x_i . w_j + noise, rounded, clipped.

    Attributes
    ----------
    X : float32, (n_movies, n_features); W : float32, (n_users, n_features)
    b : float32, (1, n_users); c : float32, (n_movies, 1)
    mean : float
    noise : float
        Standard deviation of what was added to the signal.
    best_rmse : float
        Root mean square error of `predict` over all ratings: no model does better on new ones.
    """

    X: np.ndarray
    W: np.ndarray
    b: np.ndarray
    c: np.ndarray
    mean: float
    noise: float
    best_rmse: float

    def signal(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """The noise-free ratings of the given pairs, before rounding and clipping: float32, (n,)."""
        interaction = np.einsum("nk,nk->n", self.X[movie_index], self.W[user_index])
        return np.float32(self.mean) + self.b[0, user_index] + self.c[movie_index, 0] + interaction

    def predict(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """The best predictions: what the given pairs' ratings are on average: float32, (n,)."""
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
    """Make ratings like MovieLens' from a planted model.

    Parameters
    ----------
    n_movies, n_users, n_ratings : sizes; each film and each user has at least one rating.
    n_features : number of planted features.
    noise : standard deviation of the noise, in stars.
    seed : same seed, same ratings.

    Returns
    -------
    ratings : in order of user, then film, as MovieLens' files are; ids are indices plus one.
    truth : the planted `Truth`.

    Raises
    ------
    ValueError : too few ratings for one a film and one a user, or more than half of all pairs.
    """
    sizes = f"{n_movies:,} films, {n_users:,} users, {n_ratings:,} ratings"
    if n_ratings < max(n_movies, n_users):
        raise ValueError(f"there should be a rating for each film and user. Received: {sizes}")
    if n_ratings > n_users * (n_movies // 2):
        raise ValueError(f"at most half of all pairs can be rated. Received: {sizes}")
    rng = np.random.default_rng(seed)
    activity = _activity(rng, n_movies, n_users, n_ratings)
    popularity = _popularity(rng, n_movies)
    movie_index = np.full(n_ratings, -1, np.int32)
    movie_index[rng.choice(n_ratings, n_movies, replace=False)] = rng.permutation(n_movies)
    _draw_films(np.append(0, np.cumsum(activity)), np.cumsum(popularity), rng, movie_index)
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
            {"movieId": movie_ids, "title": [f"Film {i}" for i in movie_ids], "genres": ""}
        ),
        name="synthetic",
    )
    return ratings, dataclasses.replace(truth, best_rmse=best_rmse)


def _activity(rng, n_movies: int, n_users: int, n_ratings: int) -> np.ndarray:
    """Number of ratings of each user: log-normal beyond the least, with the given sum."""
    least = max(1, min(LEAST_PER_USER, n_ratings // (2 * n_users)))
    most = n_movies // 2
    beyond = rng.lognormal(0, ACTIVITY_SIGMA, n_users)
    low, high = 0.0, float(n_ratings) / beyond.min()
    for _ in range(100):  # the factor at which the sum, with everybody below `most`, is right
        factor = (low + high) / 2
        total = np.minimum(least + factor * beyond, most).sum()
        low, high = (factor, high) if total < n_ratings else (low, factor)
    counts = np.minimum(least + high * beyond, most)
    return np.diff(
        np.rint(np.cumsum(counts) * (n_ratings / counts.sum())).astype(np.int64), prepend=0
    )


def _popularity(rng, n_movies: int) -> np.ndarray:
    """Share of the ratings that each film attracts: float64, (n_movies,), sum 1.

    (-ln u)^3.5 with u uniform: between the quantiles, the counts of the large MovieLens sets lie
    close to this curve, from films with a handful of ratings to those with tens of thousands.
    """
    ranks = (np.arange(n_movies) + 0.5) / n_movies
    share = (-np.log(ranks)) ** POPULARITY_SHAPE
    share = (1 - NICHE_SHARE) * share / share.sum() + NICHE_SHARE / n_movies
    return rng.permutation(share)


@njit(cache=True)
def _draw_films(start, cumulative, rng, movie_index):
    """Fill each user's places that are still -1 with films that this user does not have yet."""
    n_movies = len(cumulative)
    taken_by = np.full(n_movies, -1, np.int32)
    for user in range(len(start) - 1):
        places = movie_index[start[user] : start[user + 1]]
        for movie in places:
            if movie >= 0:
                taken_by[movie] = user
        for place in range(len(places)):
            while places[place] < 0:
                drawn = rng.random() * cumulative[-1]
                movie = min(np.searchsorted(cumulative, drawn, side="right"), n_movies - 1)
                if taken_by[movie] != user:
                    taken_by[movie] = user
                    places[place] = movie
        places.sort()


def _plant(rng, popularity: np.ndarray, n_users: int, n_features: int, noise: float) -> Truth:
    """The model behind the ratings; films that many people saw are, on the whole, better liked."""
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


def _rate(rng, truth: Truth, movie_index, user_index) -> tuple[np.ndarray, float]:
    """(ratings in half stars, best RMSE), in blocks so that nothing else of their size exists."""
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

    A rating exceeds s - 0.25 exactly when it is s or more, so that its mean is
    0.5 + 0.5 sum_s P(signal + noise > s - 0.25), over s = 1, 1.5, ..., 5.
    """
    grid = np.linspace(-3, 9, 4_801)
    thresholds = np.arange(1, 5.5, 0.5) - 0.25
    mean = 0.5 + 0.5 * ndtr((grid[:, None] - thresholds) / max(noise, 1e-9)).sum(axis=1)
    return np.interp(signal, grid, mean).astype(np.float32)


def _times(rng, activity: np.ndarray) -> np.ndarray:
    """Times of each user's ratings: from a day of their own on, over days to years."""
    n_users = len(activity)
    begin = rng.integers(FIRST_DAY, LAST_DAY, n_users) * 86_400
    days = np.minimum(rng.lognormal(0, 3, n_users), 3_650)
    times = rng.random(activity.sum(), np.float32)
    times *= np.repeat((days * 86_400).astype(np.float32), activity)
    seconds = times.astype(np.int64)
    seconds += np.repeat(begin, activity)
    return seconds
