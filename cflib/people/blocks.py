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

from .. import selection
from ..model import INTERVALS, FactorModel
from ..ratings import Ratings
from .lists import POOL, Request, apart, check_list, diversified, eligible
from .new_user import NewUser

AT_ONCE = 4096  # users in a table


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
    check_list(n, diversity)
    user_index, rated = np.asarray(user_index), selection.rated_movies(ratings)
    pool = min(n * POOL if diversity else n, model.n_movies)
    block = selection.block_size(model.n_movies)
    for start in range(0, len(user_index), AT_ONCE):
        users = user_index[start : start + AT_ONCE]
        best, score = selection.best_unrated(model, rated, users, pool, block, allowed)
        if diversity:
            best, score = _apart(model, best, score, n, diversity)
        row, place = np.nonzero(best >= 0)
        yield _table(model, ratings, users[row], place, best[row, place], score[row, place])


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


def _apart(
    model: FactorModel, best: np.ndarray, score: np.ndarray, n: int, diversity: float
) -> tuple[np.ndarray, np.ndarray]:
    """What `lists.apart` chooses of each user's candidates; -1 and -inf where none is left."""
    chosen, scores = (np.full((len(best), n), empty) for empty in (-1, -np.inf))
    for user, n_candidates in enumerate((best >= 0).sum(axis=1)):
        pool, relevance = best[user, :n_candidates], score[user, :n_candidates].astype(np.float64)
        places = apart(model, pool, relevance, n, diversity)
        chosen[user, : len(places)], scores[user, : len(places)] = pool[places], relevance[places]
    return chosen, scores.astype(np.float32)


def _table(
    model: Any,
    ratings: Ratings,
    user: np.ndarray,
    place: np.ndarray,
    movie: np.ndarray,
    score: np.ndarray,
) -> pd.DataFrame:
    """A row for each of these places of users' lists."""
    columns: dict[str, Any] = {"score": score}
    if model.predictor is not None:
        columns = {"prediction": model.predict(movie, user)}
    if INTERVALS in model.says:
        columns["low"], columns["high"] = model.predict_interval(movie, user, 0.9)
    frame = _rows(model, place + 1, movie, columns)
    frame.insert(0, "userId", ratings.user_ids[user])
    return frame


def _rows(
    model: FactorModel, rank: np.ndarray, movie: np.ndarray, columns: dict[str, Any]
) -> pd.DataFrame:
    frame = model.movies.iloc[movie][["movieId", "title", "genres"]].reset_index(drop=True)
    frame.insert(0, "rank", rank)
    return frame.assign(**columns, n_ratings=model.movie_counts[movie])
