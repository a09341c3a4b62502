"""Which films to ask somebody new about: those whose ratings would tell most.

Before a single rating, a person is drawn from the population of the model's users: (w, b) with
their mean and covariance C. A rating of film i with noise σ² takes from C

    C x_i x_iᵀ C / (σ² + x_iᵀ C x_i)

whatever the rating is: what will be learned is known before it is. So a whole list can be made in
advance: the film that reduces the variance of the predictions most, then the one that does so
after that, and so on, each weighed by how well known it is.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from .. import bayes
from ..model import FactorModel
from .newcomer import NewUser

CANDIDATES = 1000  # films that are worth a question: the best known
NOISE = 0.3  # σ², squared stars, of a model without a posterior. Less than of a rating, because λ
# draws the weights together, and their covariance with them; found on people left out.


def questions(model: FactorModel, n: int = 10, user: NewUser | None = None) -> pd.DataFrame:
    """The films to ask a new user to rate, in this order.

    Film i's value is √known_i Σ_l √known_l (x_lᵀ C x_i)² / (σ² + x_iᵀ C x_i): by how much the
    variance of what would be predicted falls, over all films l, weighed by how well known the
    film asked and the films predicted are: by the share of users who rated one. With the share
    itself, not its root, the list is nearly the most popular films; without it, it has films that
    few can answer. C falls with each film that is asked.

    Parameters
    ----------
    model : FactorModel
        With users whose ratings it was trained on.
    n : int
        Questions.
    user : NewUser or None
        Somebody who has rated films already: the questions that are left, for them.

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, known (share of users who rated it), variance_left (of
        the predictions' variance before the first question, if all up to this one are answered).

    Raises
    ------
    ValueError
        For a model without features or users: all films tell the same.

    Source: Rubens, Elahi, Sugiyama & Kaplan (2015), "Active learning in recommender systems";
    chapter 05.
    """
    if not model.n_features or not model.n_users:
        raise ValueError(f"{model!r} has no features, so no film tells more than another")
    films, covariance, noise, known, interest = _before_the_first(model)
    before = np.sum(covariance * interest)
    rated = np.zeros(0, int) if user is None else user.movie_index
    for i in rated:
        covariance = _after(covariance, films[i], noise)
    best = np.argsort(-model.movie_counts, kind="stable")[: CANDIDATES + n]
    left, rows = best[~np.isin(best, rated)], []
    while len(rows) < n and len(left):
        x = films[left]
        Cx = x @ covariance
        told = np.einsum("iu,uv,iv->i", Cx, interest, Cx)
        value = np.sqrt(known[left]) * told / (noise + np.einsum("iu,iu->i", Cx, x))
        chosen = int(np.argmax(value))
        movie, left = left[chosen], np.delete(left, chosen)
        covariance = _after(covariance, films[movie], noise)
        rows.append((movie, np.sum(covariance * interest) / before))
    movies, variance = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [])
    frame = model.movies.iloc[movies][["movieId", "title", "genres"]].assign(
        known=known[movies], variance_left=variance
    )
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="rank"))


@functools.lru_cache(maxsize=1)  # for a panel, which asks at every change
def _before_the_first(model):
    """`_population`, how well known the films are, and Σ_l √known_l x_l x_lᵀ."""
    films, covariance, noise = _population(model)
    known = model.movie_counts / max(model.movie_counts.max(), model.n_users)
    return films, covariance, noise, known, (np.sqrt(known)[:, None] * films).T @ films


def _after(covariance, film, noise):
    """C after a rating of `film`."""
    column = covariance @ film
    return covariance - np.outer(column, column) / (noise + film @ column)


def _population(model):
    """Films as (x, 1), the covariance of (w, level) over the model's users, and σ².

    A Bayesian model's samples are not aligned with each other, so one of them speaks for all.
    """
    if isinstance(model, bayes.BayesModel):
        people = bayes.population(model)
        X = model.blocks(model.X)[-1].astype(np.float64)
        covariance, noise = np.linalg.inv(people.precision[-1]), 1 / people.weight[-1]
    else:
        X = model.X.astype(np.float64)
        level = model.b[0] + model.normalization.user_mu[0]
        covariance, noise = np.cov(np.column_stack([model.W, level]).T), NOISE
    return np.column_stack([X, np.ones(len(X))]), covariance, noise
