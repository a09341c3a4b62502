"""Lists for many users, a block of them at a time: the memory needed is that of one block.

A block is scored, what its users have rated and what is not allowed is left out, and the best of
the rest become rows of a table. The next block is only computed when it is asked for, so a file can
be written while the lists are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..model import INTERVALS, FactorModel
from ..ratings import Ratings
from .lists import Request, diversified, eligible
from .new_user import NewUser

BLOCK_SCORES = 1 << 24  # scores in a block: 64 MB in single precision
MOST_USERS = 1024  # in a block


def allowed_items(
    model: FactorModel,
    *,
    only: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
    genre: str | None = None,
    min_ratings: int = 0,
) -> np.ndarray:
    """Which items a list may hold.

    Parameters
    ----------
    model : FactorModel
    only, exclude : int, (n,), or None
        Indices of the items that alone are allowed, and of those that are not.
    genre : str or None
        Only items of this genre.
    min_ratings : int
        Only items with so many training ratings.

    Returns
    -------
    bool, (n_movies,)

    Raises
    ------
    ValueError
        For a genre that no item has, and where nothing is left.
    """
    allowed = eligible(model, Request(1, "mean", genre, None, 0.0, min_ratings))
    if only is not None:
        allowed &= np.isin(np.arange(model.n_movies), only)
    if exclude is not None:
        allowed[exclude] = False
    if not allowed.any():
        raise ValueError(
            f"no item of {model.n_movies:,} is left to recommend: ask for less at once of a genre, "
            "a number of ratings, and items to keep or to leave out"
        )
    return allowed


def lists_in_blocks(
    model: FactorModel,
    ratings: Ratings,
    user_index: np.ndarray,
    n: int = 10,
    *,
    allowed: np.ndarray | None = None,
    diversity: float = 0.0,
) -> Iterator[pd.DataFrame]:
    """The n best items for each of these users, without those that they have rated.

    Parameters
    ----------
    model : FactorModel
    ratings : Ratings
        What the users have rated, on the model's axes.
    user_index : int, (n_users,)
    n : int
    allowed : bool, (n_movies,), or None
        From `allowed_items`. None: all.
    diversity : float
        As in `people.recommend`.

    Yields
    ------
    DataFrame
        One for each block of users, with the columns userId, rank (from 1), movieId, title, genres;
        prediction (stars, with low and high, the ends of its 90 % interval, where the model has
        them), or score where the model predicts no ratings; n_ratings. A user for whom nothing is
        left has no rows.
    """
    user_index = np.asarray(user_index)
    by_user = np.argsort(ratings.user_index, kind="stable")
    ends = np.concatenate([[0], np.cumsum(ratings.user_counts)])
    block = int(np.clip(BLOCK_SCORES // max(model.n_movies, 1), 1, MOST_USERS))
    for start in range(0, len(user_index), block):
        users = user_index[start : start + block]
        scores = np.ascontiguousarray(model.score_users(users).T)
        for row, user in zip(scores, users.tolist(), strict=True):
            row[ratings.movie_index[by_user[ends[user] : ends[user + 1]]]] = -np.inf
        if allowed is not None:
            scores[:, ~allowed] = -np.inf
        yield _table(model, ratings, users, scores, *_best(model, scores, n, diversity))


def list_for(
    person: NewUser, n: int = 10, *, allowed: np.ndarray | None = None, diversity: float = 0.0
) -> pd.DataFrame:
    """The n best items for somebody new, without those that they have rated.

    Parameters as in `lists_in_blocks`, whose columns it has, but for userId.
    """
    model = person.model
    scores = person.scores()
    order = scores.copy()
    order[person.movie_index] = -np.inf
    if allowed is not None:
        order[~allowed] = -np.inf
    best = diversified(model, order, n, diversity)
    columns: dict[str, Any] = {"score": scores[best]}
    if model.predictor is not None:
        stars = np.clip(person.predictions()[best], *model.predictor.scale)
        columns = {"prediction": stars}
    if INTERVALS in model.says:
        low, high = person.interval()
        columns |= {"low": low[best], "high": high[best]}
    return _rows(model, np.arange(1, len(best) + 1), best, columns)


def _best(
    model: FactorModel, scores: np.ndarray, n: int, diversity: float
) -> tuple[np.ndarray, np.ndarray]:
    """(row, movie) of the best of each row of scores, best first; -inf is nobody's best."""
    if diversity:
        chosen = [diversified(model, row.astype(np.float64), n, diversity) for row in scores]
        row = np.repeat(np.arange(len(scores)), [len(best) for best in chosen])
        return row, np.concatenate(chosen)
    n = min(n, scores.shape[1])
    lowest = np.partition(scores, -n, axis=1)[:, -n, None]
    row, movie = np.nonzero((scores >= lowest) & (scores > -np.inf))  # those, and what is tied
    order = np.lexsort((movie, -scores[row, movie], row))
    row, movie = row[order], movie[order]
    is_best = np.arange(len(row)) - np.searchsorted(row, row) < n
    return row[is_best], movie[is_best]


def _table(
    model: Any,
    ratings: Ratings,
    users: np.ndarray,
    scores: np.ndarray,
    row: np.ndarray,
    movie: np.ndarray,
) -> pd.DataFrame:
    """The rows of a block."""
    user = users[row]
    columns: dict[str, Any] = {"score": scores[row, movie]}
    if model.predictor is not None:
        columns = {"prediction": model.predict(movie, user)}
    if INTERVALS in model.says:
        columns["low"], columns["high"] = model.predict_interval(movie, user, 0.9)
    first = np.searchsorted(row, row)  # where the user's rows begin
    frame = _rows(model, np.arange(1, len(row) + 1) - first, movie, columns)
    frame.insert(0, "userId", ratings.user_ids[user])
    return frame


def _rows(
    model: FactorModel, rank: np.ndarray, movie: np.ndarray, columns: dict[str, Any]
) -> pd.DataFrame:
    frame = model.movies.iloc[movie][["movieId", "title", "genres"]].reset_index(drop=True)
    frame.insert(0, "rank", rank)
    return frame.assign(**columns, n_ratings=model.movie_counts[movie])
