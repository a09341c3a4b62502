"""Lists: what a user has rated, and what is recommended to somebody known or new.

A recommendation is ordered by the model's unclipped score, so that two movies that would both be
shown as 5 stars keep their order; equal scores go to the movie that comes first in the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..model import INTERVALS, FactorModel
from ..ratings import Ratings
from .new_user import NewUser, fold_in, no_intervals
from .titles import Given

LOWER = 1.2816  # standard deviations: 90 % of a normal distribution lies above mean - LOWER sd
POOL = 20  # candidates for each place of a diverse list


def history(ratings: Ratings, user_id: int | str, model: FactorModel | None = None) -> pd.DataFrame:
    """A user's ratings, best first, and what a model predicts for them if one is given.

    Parameters
    ----------
    ratings : Ratings
    user_id : int or str
    model : FactorModel or None
        On the same axes.

    Returns
    -------
    DataFrame
        Columns movieId, title, genres, rating (stars) and, where there are timestamps, date;
        with a model, prediction (stars) and error = prediction - rating.

    Raises
    ------
    KeyError
        For a user without a column in `ratings`, with the nearest ids.
    ValueError
        For ratings on other axes than the model's.
    """
    user = ratings.user_index_of(user_id)
    mine = np.flatnonzero(ratings.user_index == user)
    movie_index, value = ratings.movie_index[mine], ratings.value[mine]
    frame = ratings.movies.iloc[movie_index][["movieId", "title", "genres"]]
    frame = frame.assign(rating=value)
    if ratings.timestamp is not None:
        frame["date"] = pd.to_datetime(ratings.timestamp[mine], unit="s").normalize()
    if model is not None:
        _check_axes(model, ratings)
        predicted = model.predict(movie_index, np.full(len(mine), user))
        frame = frame.assign(prediction=predicted, error=predicted - value)
    return frame.sort_values("rating", ascending=False, kind="stable", ignore_index=True)


def recommend(
    model: FactorModel,
    ratings: Ratings,
    user_id: int | str,
    n: int = 10,
    min_ratings: int = 0,
    *,
    by: str = "mean",
    genre: str | None = None,
    years: tuple | None = None,
    diversity: float = 0.0,
) -> pd.DataFrame:
    """The movies that a user has not rated in `ratings` and that the model scores highest.

    Parameters
    ----------
    model : FactorModel
    ratings : Ratings
        What the user has rated, on the model's axes: usually what it was trained on.
    user_id : int or str
        The user, by id.
    n : int
        Movies to recommend.
    min_ratings : int
        Leave out movies with fewer training ratings than this.
    by : "mean" or "lower"
        Order by the prediction, or by the rating that a movie exceeds with 90 % probability. The
        latter needs a model that knows how sure it is (`fit_bayes`).
    genre : str or None
        Only movies of this genre.
    years : (first, last) or None
        Only movies of these years, which end their titles; either may be None.
    diversity : float
        From 0 to below 1: how much a movie loses for being like one above it in the list (maximal
        marginal relevance: see `diversified`).

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres; prediction (stars, clipped), or score where the model
        predicts no ratings; by "lower", lower; n_ratings (training ratings of the movie).

    Raises
    ------
    KeyError
        For a user without a column in `ratings`.
    ValueError
        For ratings on other axes than the model's, another `by`, a genre that no movie has, years
        out of order, and a `diversity` that isn't from 0 to below 1.
    TypeError
        For `by="lower"` with a model that doesn't know how sure it is.
    """
    _check_axes(model, ratings)
    user = ratings.user_index_of(user_id)
    rated = ratings.movie_index[ratings.user_index == user]
    everything = np.arange(model.n_movies)

    def std() -> np.ndarray:
        bayesian: Any = model
        if INTERVALS not in model.says:
            raise TypeError(no_intervals(model))
        return bayesian.predict_std(everything, np.full(model.n_movies, user))

    def stars() -> np.ndarray:
        return model.predict(everything, np.full(model.n_movies, user), clip=False)

    request = Request(n, by, genre, years, diversity, min_ratings)
    return listed(model, model.score_user(user), rated, request, stars, std)


def recommend_new(
    model: FactorModel,
    ratings: Given | NewUser,
    n: int = 10,
    by: str = "mean",
    genre: str | None = None,
    years: tuple | None = None,
    diversity: float = 0.0,
    min_ratings: int = 0,
) -> pd.DataFrame:
    """What is recommended to somebody new with these ratings. As `recommend`, without training.

    `ratings` are as in `fold_in`: a dict from movie (id or title) to rating, …, or a `NewUser`.
    Without any it is the list for everybody new. `attrs["note"]` says what the list rests on.
    Raises as `fold_in` and `recommend`.
    """
    user = fold_in(model, ratings)
    request = Request(n, by, genre, years, diversity, min_ratings)
    frame = listed(model, user.scores(), user.movie_index, request, user.predictions, user.std)
    frame.attrs["note"] = user.note()
    return frame


def new_user_list(model: FactorModel, n: int = 10, min_ratings: int = 0) -> pd.DataFrame:
    """What is recommended to somebody of whom nothing is known. As `recommend`."""
    frame = ranked(model, model.score_new_user(), n, min_ratings, "score")
    if model.predictor is not None:
        stars = np.clip(model.predictor.score_new_user(), *model.predictor.scale)
        place = frame.columns.get_loc("score")
        rows = np.searchsorted(model.movie_ids, frame["movieId"].to_numpy(model.movie_ids.dtype))
        frame = frame.drop(columns="score")
        frame.insert(place, "prediction", stars[rows])
    return frame


class Request(NamedTuple):
    """What a list should be: the arguments of `recommend`."""

    n: int
    by: str
    genre: str | None
    years: tuple | None
    diversity: float
    min_ratings: int


def listed(
    model: FactorModel,
    scores: np.ndarray,
    rated: np.ndarray,
    request: Request,
    stars: Callable[[], np.ndarray],
    std: Callable[[], np.ndarray],
) -> pd.DataFrame:
    """The list of one person, whoever it is: what `recommend` and `recommend_new` share.

    `scores` is (n_movies,), and `rated` the indices that are left out. `stars` and `std` are
    functions that give the predicted ratings and their standard deviations, (n_movies,).
    """
    if request.by not in ("mean", "lower"):
        raise ValueError(f"`by` should be 'mean' or 'lower'. Received: {request.by!r}")
    predictor = model.predictor
    predictions = scores if predictor is None or predictor is model.ranker else stars()
    lower = predictions - LOWER * std() if request.by == "lower" else None
    order = np.array(scores if lower is None else lower, np.float64)
    allowed = eligible(model, request)
    allowed[rated] = False
    order[~allowed] = -np.inf
    best = diversified(model, order, request.n, request.diversity)
    frame = model.movies.iloc[best][["movieId", "title", "genres"]]
    if predictor is None:
        frame = frame.assign(score=scores[best])
    else:
        frame = frame.assign(prediction=np.clip(predictions[best], *predictor.scale))
    if lower is not None:
        frame["lower"] = np.clip(lower[best], *model.scale)
    frame = frame.assign(n_ratings=model.movie_counts[best])
    return frame.set_index(pd.RangeIndex(1, len(best) + 1, name="rank"))


def eligible(model: FactorModel, request: Request) -> np.ndarray:
    """Movies with the genre, the years and the ratings that are asked for: bool, (n_movies,)."""
    allowed = model.movie_counts >= request.min_ratings
    if request.genre is not None:
        genres = model.movies["genres"].astype(str).str.split("|")
        known = sorted({genre for of_movie in genres for genre in of_movie} - {""})
        folded = {genre.casefold(): genre for genre in known}
        if request.genre.casefold() not in folded:
            raise ValueError(
                f"`genre` should be one of {', '.join(known)}. Received: {request.genre!r}"
            )
        name = folded[request.genre.casefold()]
        allowed &= np.array([name in of_movie for of_movie in genres])
    if request.years is not None:
        first, last = (
            default if end is None else end
            for end, default in zip(request.years, (-np.inf, np.inf), strict=True)
        )
        if first > last:
            raise ValueError(f"`years` should be (first, last). Received: {request.years}")
        year = model.movies["title"].astype(str).str.extract(r"\((\d{4})\)\s*$", expand=False)
        year = year.astype(float).to_numpy()
        allowed &= (year >= first) & (year <= last)
    return allowed


def diversified(model: FactorModel, scores: np.ndarray, n: int, diversity: float) -> np.ndarray:
    """Indices of the n best, chosen one by one, each with a penalty for being like the others.

        argmax_i (1 - δ) relevance_i - δ max_{l chosen} cos(x_i, x_l)

    relevance is the score, from 0 to 1 over the best `POOL` n, which are the candidates; movies
    at -inf are none. With δ = 0 these are the n highest scores, ties in the order of the rows.

    References
    ----------
    Carbonell & Goldstein (1998), "The use of MMR, diversity-based reranking".
    """
    check_list(n, diversity)
    pool = np.argsort(-scores, kind="stable")[: n if diversity == 0 else POOL * n]
    pool = pool[np.isfinite(scores[pool])]
    return pool if diversity == 0 else pool[apart(model, pool, scores[pool], n, diversity)]


def check_list(n: int, diversity: float) -> None:
    """Raise ValueError for a length or a diversity that no list can have."""
    if not 0 <= diversity < 1:
        raise ValueError(f"`diversity` should be from 0 to below 1. Received: {diversity}")
    if n != int(n) or n < 1:
        raise ValueError(f"`n` should be a positive integer. Received: {n}")


def apart(
    model: FactorModel, pool: np.ndarray, scores: np.ndarray, n: int, diversity: float
) -> list[int]:
    """Which places of the pool `diversified` chooses; the pool is sorted by its scores."""
    if not len(pool):
        return []
    relevance = scores - scores.min()
    relevance /= relevance.max() or 1.0
    direction = model.X[pool] / np.maximum(np.linalg.norm(model.X[pool], axis=1), 1e-12)[:, None]
    chosen, similarity = [0], direction @ direction[0]
    while len(chosen) < min(n, len(pool)):
        value = (1 - diversity) * relevance - diversity * similarity
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
        similarity = np.maximum(similarity, direction @ direction[chosen[-1]])
    return chosen


def ranked(
    model: FactorModel, scores: np.ndarray, n: int, min_ratings: int, column: str
) -> pd.DataFrame:
    """The n movies with the highest scores, the scores in `column`; as `recommend`."""
    scores = np.where(model.movie_counts >= min_ratings, scores, -np.inf)
    best = np.argsort(-scores, kind="stable")[:n]
    best = best[np.isfinite(scores[best])]
    frame = model.movies.iloc[best][["movieId", "title", "genres"]]
    frame = frame.assign(**{column: scores[best], "n_ratings": model.movie_counts[best]})
    return frame.set_index(pd.RangeIndex(1, len(best) + 1, name="rank"))


def _check_axes(model: FactorModel, ratings: Ratings) -> None:
    """Raise ValueError where a row or column number of the ratings is another one in the model."""
    same_movies = np.array_equal(model.movie_ids, ratings.movie_ids)
    if not (same_movies and np.array_equal(model.user_ids, ratings.user_ids)):
        raise ValueError(
            f"`ratings` should be on the model's axes, {model.n_movies:,} movies and "
            f"{model.n_users:,} users with the same ids in the same order: those it was trained "
            f"on, a part of them, or `model.load_ratings(path)`. Received: {ratings!r}"
        )
