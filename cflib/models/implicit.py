"""Implicit feedback: a factorisation of who liked what.

Whoever recommends has to choose among all movies. Most of what there is to learn about that lies in
what people watch and like at all, not in how many stars they give. `fit_implicit` factorises this:
1 where a user liked a movie, 0 everywhere else. The zeros have a small weight, since most of them
are movies that the user does not know. All zeros take part in every normal equation, but they add
the same matrix to each of them, which is computed once.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from .. import _kernels
from .._training import HISTORY, starting_point
from ..ratings import Ratings
from ..settings import Settings, setting
from .ranking import RankingModel, like_ridge, like_weights, liked


def solve_preferences(strength: np.ndarray, Y: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    """One user's factors from who liked what, with the movies' factors Y fixed: the definition.

        x_u = (Yᵀ C_u Y + λ I)⁻¹ Yᵀ C_u p_u,      C_u = diag(1 + α r_u),   p_u = 1 where r_u > 0

    Parameters
    ----------
    strength : float64, (n_movies,)
        r_u: 1 for each movie that the user liked (of counts log2(1 + count)), else 0.
    Y : float64, (n_movies, n_features)
    lam, alpha : float
        λ, and how much more a like weighs than a zero.

    Returns
    -------
    float64, (n_features,)

    References
    ----------
    Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback datasets",
    equation 4.
    """
    confidence, preference = 1 + alpha * strength, (strength > 0).astype(np.float64)
    A = (confidence[:, None] * Y).T @ Y + lam * np.eye(Y.shape[1])
    return np.linalg.solve(A, Y.T @ (confidence * preference))


@dataclasses.dataclass(frozen=True)
class ImplicitSettings(Settings, solver="implicit"):
    """Settings of `fit_implicit`."""

    n_features: int = setting(64, "Columns of X and W.", least=1)
    lam: float = setting(20.0, "λ, the L2 weight of a row without likes.", above=0)
    lam_power: float = setting(0.0, "p: a row that weighs m times as much has the weight λ m^p.")
    alpha: float = setting(2.0, "α, how much more a like weighs than a zero.", above=0)
    threshold: float | None = setting(4.0, "Ratings from here on are likes; None: all are.")
    weigh_counts: bool = setting(True, "A count weighs log2(1 + count) times as much as a like.")
    iterations: int = setting(15, "How often both sides are solved.", least=1)
    init_scale: float = setting(0.1, "Standard deviation of X's random start.", least=0)
    seed: int = setting(42, "Seed of that start.", least=0)


def fit_implicit(
    ratings: Ratings,
    settings: ImplicitSettings | None = None,
    *,
    progress: bool = False,
    **changes: Any,
) -> RankingModel:
    """Factorise who liked what by alternating least squares over *all* pairs.

        J = ½ Σ_ij (1 + α r_ij) (p_ij - x_i·w_j)² + ½ (Σ_i λ_i |x_i|² + Σ_j λ_j |w_j|²)

    over every movie and user, with p = r = 1 where the user liked the movie and 0 elsewhere. Of
    counts (`Ratings.kind`), r = log2(1 + count): a movie played 7 times weighs three times as much
    as one played once. The more likes a row has, the larger is its λ where p > 0: `like_ridge`.
    Each side is solved with the other fixed: `solve_preferences`, for all rows at once.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    settings : ImplicitSettings or None
        None: the defaults.
    progress : bool
        Show a progress bar.
    **changes
        Fields of `ImplicitSettings`, such as `n_features=128`, in place of those of `settings`.

    Returns
    -------
    RankingModel
        A user without a like in `ratings` gets the mean of all others' weights: the movies that
        most people would get. `notes["n_unknown_users"]` says how many these are. `history.cost`
        is the cost after each iteration, `cost_movies` after its first half, the movies'.

    Raises
    ------
    ValueError
        For a setting outside its limits, and for a threshold that no rating reaches.

    References
    ----------
    Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback datasets";
    Rendle et al. (2021), "Revisiting the performance of iALS on item recommendation benchmarks".
    """
    settings = ImplicitSettings.chosen(settings, changes)
    likes = liked(ratings, settings.threshold)
    if not len(likes):
        raise ValueError(
            f"no rating is at or above the `threshold` of {settings.threshold}; None counts all "
            "of them"
        )
    unknown = likes.user_counts == 0
    start = time.perf_counter()
    movie, user = likes.movie_index, likes.user_index
    alpha = like_weights(likes.value, likes.kind, settings)
    of_movie = _kernels.by_row(movie, user, alpha, likes.n_movies)
    of_user = _kernels.by_row(user, movie, alpha, likes.n_users)
    lam_movies = like_ridge(of_movie, likes.n_users, settings)
    lam_users = like_ridge(of_user, likes.n_movies, settings)
    X, _ = starting_point(ratings, settings.n_features, settings.init_scale, settings.seed)
    W, cost = _solve_side(of_user, X, lam_users, lam_movies)
    rows = [[0, cost, np.nan, time.perf_counter() - start, np.nan]]
    steps = range(1, settings.iterations + 1)
    for step in tqdm(steps, desc="ALS", unit="iteration", disable=not progress):
        X, cost_movies = _solve_side(of_movie, W, lam_movies, lam_users)
        W, cost = _solve_side(of_user, X, lam_users, lam_movies)
        rows.append([step, cost, np.nan, time.perf_counter() - start, cost_movies])
    W[unknown] = W[~unknown].mean(axis=0)
    return RankingModel.ranking(
        ratings,
        X,
        W,
        c=np.zeros((ratings.n_movies, 1)),
        scale=(0.0, 1.0),
        settings=settings,
        history=pd.DataFrame(rows, columns=[*HISTORY, "cost_movies"]),
        notes={"n_unknown_users": int(unknown.sum())},
    )


def _solve_side(
    rows: _kernels.Rows, factors: np.ndarray, lam: np.ndarray, lam_of_factors: np.ndarray
) -> tuple[np.ndarray, float]:
    """The minimum over one side, whose rows weigh `lam`, with the other's fixed; the cost there.

    Over all pairs Σ_ij (x_i·w_j)² is the sum of the elements of XᵀX * WᵀW; the likes add what
    `solve_implicit_rows` returns.
    """
    gram = factors.T.astype(np.float64) @ factors
    solution, like_cost = _kernels.solve_implicit_rows(rows, factors, gram, lam)
    solution_gram = solution.T.astype(np.float64) @ solution
    error = np.sum(gram * solution_gram) + like_cost.sum()
    penalty = np.sum(lam * np.sum(solution.astype(np.float64) ** 2, axis=1))
    penalty += np.sum(lam_of_factors * np.sum(factors.astype(np.float64) ** 2, axis=1))
    return solution, float(error + penalty) / 2
