"""One user at a time: what they rated, what is recommended, what resembles what.

Every function takes ids, as the data file has them, and returns a tidy frame with titles. A
recommendation is ordered by the model's unclipped score, so that two films that would both be
shown as 5 stars keep their order; equal scores go to the film that comes first in the rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .data import Ratings
from .model import FactorModel


def history(ratings: Ratings, user_id, model: FactorModel | None = None) -> pd.DataFrame:
    """A user's ratings, best first, and what a model predicts for them if one is given.

    Returns
    -------
    DataFrame
        Columns movieId, title, genres, rating (stars) and, where there are timestamps, date;
        with a model, prediction (stars) and error = prediction - rating.

    Raises
    ------
    KeyError
        For a user without a column in `ratings`, with the nearest ids.
    """
    user = ratings.user_index_of(user_id)
    mine = np.flatnonzero(ratings.user_index == user)
    movie_index, value = ratings.movie_index[mine], ratings.value[mine]
    frame = ratings.movies.iloc[movie_index][["movieId", "title", "genres"]]
    frame = frame.assign(rating=value)
    if ratings.timestamp is not None:
        frame["date"] = pd.to_datetime(ratings.timestamp[mine], unit="s").normalize()
    if model is not None:
        predicted = model.predict(movie_index, np.full(len(mine), user))
        frame = frame.assign(prediction=predicted, error=predicted - value)
    return frame.sort_values("rating", ascending=False, kind="stable", ignore_index=True)


def recommend(
    model: FactorModel, ratings: Ratings, user_id, n: int = 10, min_ratings: int = 0
) -> pd.DataFrame:
    """The films that a user has not rated in `ratings` and that the model scores highest.

    Parameters
    ----------
    model : FactorModel
    ratings : Ratings
        What the user has rated, on the model's axes: usually what it was trained on.
    user_id
        The user, by id.
    n : int
        Films to recommend.
    min_ratings : int
        Leave out films with fewer training ratings than this.

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, prediction (stars, clipped), n_ratings (how many training
        ratings stand behind the film).
    """
    user = ratings.user_index_of(user_id)
    scores = model.score_user(user)
    scores[ratings.movie_index[ratings.user_index == user]] = -np.inf
    return _ranked(model, scores, n, min_ratings, "prediction")


def new_user_list(model: FactorModel, n: int = 10, min_ratings: int = 0) -> pd.DataFrame:
    """What is recommended to somebody of whom nothing is known. As `recommend`."""
    return _ranked(model, model.score_new_user(), n, min_ratings, "prediction")


def similar(model: FactorModel, movie_id, n: int = 10, min_ratings: int = 0) -> pd.DataFrame:
    """The films whose features point the same way: cos(x_i, x_k) = x_i·x_k / (|x_i| |x_k|).

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, similarity (-1 to 1), n_ratings.

    Raises
    ------
    KeyError
        For a movie that the model does not have.
    ValueError
        For a movie, or a model, whose features are all zero: nothing can be said of it.
    """
    (found,) = np.nonzero(model.movie_ids == movie_id)
    if not len(found):
        raise KeyError(f"no movie with id {movie_id!r} in {model!r}")
    movie = int(found[0])
    length = np.linalg.norm(model.X, axis=1)
    if not length[movie] > 0:
        title = model.movies["title"].iloc[movie]
        raise ValueError(f"{title} has no features in {model!r}, so nothing is similar to it")
    scores = model.X @ model.X[movie] / (np.maximum(length, 1e-12) * length[movie])
    scores[movie] = -np.inf
    return _ranked(model, scores, n, min_ratings, "similarity")


def top_n(model: FactorModel, ratings: Ratings, n: int = 10, block: int = 1024):
    """The n best films for every user, in blocks of users.

    Needs the memory of one block, n_movies x `block` floats, whatever the number of users.

    Returns
    -------
    movie_index : int32, (n_users, n)
        Best first, never one that the user has rated; -1 where a user has rated so much that
        fewer than n films are left.
    score : float32, (n_users, n)
        Unclipped; -inf beside a -1.
    """
    n = min(n, model.n_movies)
    movie_index = np.empty((model.n_users, n), np.int32)
    score = np.empty((model.n_users, n), np.float32)
    by_user = np.argsort(ratings.user_index, kind="stable")
    ends = np.concatenate([[0], np.cumsum(ratings.user_counts)])
    for start in range(0, model.n_users, block):
        users = np.arange(start, min(start + block, model.n_users))
        scores = np.ascontiguousarray(model.score_users(users).T)
        seen = by_user[ends[users[0]] : ends[users[-1] + 1]]
        scores[ratings.user_index[seen] - start, ratings.movie_index[seen]] = -np.inf
        best = _n_best(scores, n)
        at_best = np.take_along_axis(scores, best, axis=1)
        order = np.argsort(-at_best, axis=1, kind="stable")
        score[users] = np.take_along_axis(at_best, order, axis=1)
        movie_index[users] = np.take_along_axis(best, order, axis=1)
    movie_index[np.isneginf(score)] = -1
    return movie_index, score


def _n_best(scores: np.ndarray, n: int) -> np.ndarray:
    """Columns of the n highest scores of each row, ascending; ties go to the first columns."""
    last = np.partition(scores, -n, axis=1)[:, -n, None]
    above, tied = scores > last, scores == last
    wanted = n - above.sum(axis=1, keepdims=True)
    chosen = above | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= wanted))
    return np.nonzero(chosen)[1].reshape(len(scores), n)


def _ranked(model, scores, n, min_ratings, column) -> pd.DataFrame:
    scores = np.where(model.movie_counts >= min_ratings, scores, -np.inf)
    best = np.argsort(-scores, kind="stable")[:n]
    best = best[np.isfinite(scores[best])]
    shown = np.clip(scores[best], *model.scale) if column == "prediction" else scores[best]
    frame = model.movies.iloc[best][["movieId", "title", "genres"]]
    frame = frame.assign(**{column: shown, "n_ratings": model.movie_counts[best]})
    return frame.set_index(pd.RangeIndex(1, len(best) + 1, name="rank"))
