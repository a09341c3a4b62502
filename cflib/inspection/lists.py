"""Lists: what a user has rated, and what is recommended to somebody known or new.

A recommendation is ordered by the model's unclipped score, so that two films that would both be
shown as 5 stars keep their order; equal scores go to the film that comes first in the rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from ..data import Ratings
from ..model import FactorModel
from .newcomer import fold_in, unsure

LOWER = 1.2816  # standard deviations below the mean, above which 90 % of a normal distribution lies
POOL = 20  # candidates for each place of a diverse list


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
    model: FactorModel,
    ratings: Ratings,
    user_id,
    n: int = 10,
    min_ratings: int = 0,
    *,
    by: str = "mean",
    genre: str | None = None,
    years: tuple | None = None,
    diversity: float = 0.0,
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
    by : "mean" or "lower"
        Order by the prediction, or by what it exceeds with a probability of 90 %: for a model
        that knows how sure it is (`train.fit_bayes`).
    genre : str or None
        Only films of this genre.
    years : (first, last) or None
        Only films of these years, which end their titles; either may be None.
    diversity : float
        0 to below 1: how much a film loses for being like one above it in the list (maximal
        marginal relevance: see `diversified`).

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, prediction (stars, clipped) and, by "lower", lower;
        n_ratings (how many training ratings stand behind the film).

    Raises
    ------
    KeyError
        For a user without a column in `ratings`.
    ValueError
        For another `by`, a genre that no film has, years out of order, and a `diversity` that
        isn't from 0 to below 1.
    TypeError
        For `by="lower"` with a model that doesn't know how sure it is.
    """
    user = ratings.user_index_of(user_id)
    rated = ratings.movie_index[ratings.user_index == user]
    everything = np.arange(model.n_movies)

    def std():
        if not hasattr(model, "predict_std"):
            raise TypeError(unsure(model))
        return model.predict_std(everything, np.full(model.n_movies, user))

    wanted = Wanted(n, by, genre, years, diversity, min_ratings)
    return listed(model, model.score_user(user), rated, wanted, std)


def recommend_new(
    model: FactorModel,
    ratings,
    n: int = 10,
    by: str = "mean",
    genre: str | None = None,
    years: tuple | None = None,
    diversity: float = 0.0,
    min_ratings: int = 0,
) -> pd.DataFrame:
    """What is recommended to somebody new with these ratings. As `recommend`, without training.

    `ratings` are as in `fold_in`: a dict from film (id or title) to rating, …, or a `NewUser`.
    Without any it is the list for everybody new; `attrs["note"]` says on what the list rests.
    Raises as `fold_in` and `recommend`.
    """
    user = fold_in(model, ratings)
    wanted = Wanted(n, by, genre, years, diversity, min_ratings)
    frame = listed(model, user.scores(), user.movie_index, wanted, user.std)
    frame.attrs["note"] = user.note()
    return frame


def new_user_list(model: FactorModel, n: int = 10, min_ratings: int = 0) -> pd.DataFrame:
    """What is recommended to somebody of whom nothing is known. As `recommend`."""
    return ranked(model, model.score_new_user(), n, min_ratings, "prediction")


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


class Wanted(NamedTuple):
    """What a list should be: the arguments of `recommend`."""

    n: int
    by: str
    genre: str | None
    years: tuple | None
    diversity: float
    min_ratings: int


def listed(model: FactorModel, scores, rated, wanted: Wanted, std) -> pd.DataFrame:
    """The list of one person, whoever it is: what `recommend` and `recommend_new` share.

    `scores` is (n_movies,), `rated` the indices that are left out, `std` a function that gives
    the predictions' standard deviations, (n_movies,).
    """
    if wanted.by not in ("mean", "lower"):
        raise ValueError(f"`by` should be 'mean' or 'lower'. Received: {wanted.by!r}")
    lower = scores - LOWER * std() if wanted.by == "lower" else None
    order = np.array(scores if lower is None else lower, np.float64)
    allowed = eligible(model, wanted)
    allowed[rated] = False
    order[~allowed] = -np.inf
    best = diversified(model, order, wanted.n, wanted.diversity)
    frame = model.movies.iloc[best][["movieId", "title", "genres"]]
    frame = frame.assign(prediction=np.clip(scores[best], *model.scale))
    if lower is not None:
        frame["lower"] = np.clip(lower[best], *model.scale)
    frame = frame.assign(n_ratings=model.movie_counts[best])
    return frame.set_index(pd.RangeIndex(1, len(best) + 1, name="rank"))


def eligible(model: FactorModel, wanted: Wanted) -> np.ndarray:
    """Films that have the genre, the years and the support that are asked for: bool, (n_movies,)."""
    allowed = model.movie_counts >= wanted.min_ratings
    if wanted.genre is not None:
        genres = model.movies["genres"].astype(str).str.split("|")
        known = sorted({genre for of_film in genres for genre in of_film} - {""})
        folded = {genre.casefold(): genre for genre in known}
        if wanted.genre.casefold() not in folded:
            raise ValueError(
                f"`genre` should be one of {', '.join(known)}. Received: {wanted.genre!r}"
            )
        allowed &= np.array([folded[wanted.genre.casefold()] in of_film for of_film in genres])
    if wanted.years is not None:
        first, last = (
            default if end is None else end
            for end, default in zip(wanted.years, (-np.inf, np.inf), strict=True)
        )
        if first > last:
            raise ValueError(f"`years` should be (first, last). Received: {wanted.years}")
        year = model.movies["title"].astype(str).str.extract(r"\((\d{4})\)\s*$", expand=False)
        year = year.astype(float).to_numpy()
        allowed &= (year >= first) & (year <= last)
    return allowed


def diversified(model: FactorModel, scores: np.ndarray, n: int, diversity: float) -> np.ndarray:
    """Indices of the n best, chosen one by one so that the next is not like those before it.

        argmax_i (1 - δ) relevance_i - δ max_{l chosen} cos(x_i, x_l)

    relevance is the score, from 0 to 1 over the best `POOL` n, which are the candidates; films
    at -inf are none. With δ = 0 these are the n highest scores, ties in the order of the rows.

    Source: Carbonell & Goldstein (1998), "The use of MMR, diversity-based reranking".
    """
    if not 0 <= diversity < 1:
        raise ValueError(f"`diversity` should be from 0 to below 1. Received: {diversity}")
    if n != int(n) or n < 1:
        raise ValueError(f"`n` should be a positive integer. Received: {n}")
    pool = np.argsort(-scores, kind="stable")[: n if diversity == 0 else POOL * n]
    pool = pool[np.isfinite(scores[pool])]
    if diversity == 0 or not len(pool):
        return pool
    relevance = scores[pool] - scores[pool].min()
    relevance /= relevance.max() or 1.0
    direction = model.X[pool] / np.maximum(np.linalg.norm(model.X[pool], axis=1), 1e-12)[:, None]
    chosen, likeness = [0], direction @ direction[0]
    while len(chosen) < min(n, len(pool)):
        value = (1 - diversity) * relevance - diversity * likeness
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
        likeness = np.maximum(likeness, direction @ direction[chosen[-1]])
    return pool[chosen]


def ranked(model, scores, n, min_ratings, column) -> pd.DataFrame:
    """The n films with the highest scores, the scores in `column`; as `recommend`."""
    scores = np.where(model.movie_counts >= min_ratings, scores, -np.inf)
    best = np.argsort(-scores, kind="stable")[:n]
    best = best[np.isfinite(scores[best])]
    shown = np.clip(scores[best], *model.scale) if column == "prediction" else scores[best]
    frame = model.movies.iloc[best][["movieId", "title", "genres"]]
    frame = frame.assign(**{column: shown, "n_ratings": model.movie_counts[best]})
    return frame.set_index(pd.RangeIndex(1, len(best) + 1, name="rank"))
