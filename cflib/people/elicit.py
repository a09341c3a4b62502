"""Which movies to ask somebody new about: those whose ratings would tell most.

Before a single rating, a person is drawn from the population of the model's users: (w, b) with
their mean and covariance C. A rating of movie i with noise σ² subtracts from C

    C x_i x_iᵀ C / (σ² + x_iᵀ C x_i)

whatever the rating is: how much will be learned is known before the answer. So a whole list can be
made in advance: the movie that reduces the variance of the predictions most, then the one that does
so after that, and so on, each weighted by how well known it is.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..model import FactorModel, Population
from .new_user import NewUser

CANDIDATES = 1000  # movies that are worth a question: the best known


class Interests(NamedTuple):
    """What `questions` needs of a model: its population, and how well known its movies are.

    Attributes
    ----------
    population : Population
    known : float64, (n_movies,)
        Share of users who rated a movie.
    weight : float64, (n_features + 1, n_features + 1)
        Σ_l √known_l x_l x_lᵀ.
    """

    population: Population
    known: np.ndarray
    weight: np.ndarray


def questions(model: FactorModel, n: int = 10, user: NewUser | None = None) -> pd.DataFrame:
    """The movies to ask a new user to rate, in this order.

    Movie i's value is √known_i Σ_l √known_l (x_lᵀ C x_i)² / (σ² + x_iᵀ C x_i): by how much the
    variance of the predictions falls, over all movies l. The movie asked about and the movies
    predicted are weighted by the share of users who rated one. With the share itself instead of its
    root, the list is nearly the most popular movies; without it, it has movies that few can answer
    for. C falls with each movie that is asked about.

    Parameters
    ----------
    model : FactorModel
        With users whose ratings it was trained on.
    n : int
        Questions.
    user : NewUser or None
        Somebody who has rated movies already: the questions that are left, for them.

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, known (share of users who rated it), variance_left (of
        the predictions' variance before the first question, if all up to this one are answered).

    Raises
    ------
    ValueError
        For a model without features or users: no movie tells more than another.

    References
    ----------
    Rubens, Elahi, Sugiyama & Kaplan (2015), "Active learning in recommender systems"; chapter 05.
    """
    if not model.n_features or not model.n_users:
        raise ValueError(f"{model!r} has no features, so no movie tells more than another")
    (features, covariance, noise), known, weight = _interests(model)
    before = np.sum(covariance * weight)
    rated = np.zeros(0, int) if user is None else user.movie_index
    for i in rated:
        covariance = _after(covariance, features[i], noise)
    best = np.argsort(-model.movie_counts, kind="stable")[: CANDIDATES + n]
    candidates = best[~np.isin(best, rated)]
    asked: list[int] = []
    variance_left: list[float] = []
    while len(asked) < n and len(candidates):
        x = features[candidates]
        Cx = x @ covariance
        reduction = np.einsum("iu,uv,iv->i", Cx, weight, Cx)
        value = np.sqrt(known[candidates]) * reduction / (noise + np.einsum("iu,iu->i", Cx, x))
        chosen = int(np.argmax(value))
        movie, candidates = int(candidates[chosen]), np.delete(candidates, chosen)
        covariance = _after(covariance, features[movie], noise)
        asked.append(movie)
        variance_left.append(np.sum(covariance * weight) / before)
    frame = model.movies.iloc[asked][["movieId", "title", "genres"]].assign(
        known=known[asked], variance_left=variance_left
    )
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="rank"))


@functools.lru_cache(maxsize=1)  # for a panel, which asks at every change
def _interests(model: FactorModel) -> Interests:
    population = model.population()
    known = model.movie_counts / max(model.movie_counts.max(), model.n_users)
    weight = (np.sqrt(known)[:, None] * population.movies).T @ population.movies
    return Interests(population, known, weight)


def _after(covariance: np.ndarray, features: np.ndarray, noise: float) -> np.ndarray:
    """C after a rating of the movie with these features."""
    column = covariance @ features
    return covariance - np.outer(column, column) / (noise + features @ column)
