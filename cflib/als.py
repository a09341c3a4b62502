"""Alternating least squares: keep one side fixed, and the other is a ridge regression for each row.

`half_iteration` is the definition, in NumPy, one row after the other. `fit_als` alternates the same
step with the compiled loops of `_kernels`, which the tests hold to the definition. `fit_means` is
the case without features: the baselines, as models.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from . import _kernels, normalize
from ._training import HISTORY, Validation, refuse_to_rise, starting_point
from .model import FactorModel, row_weights
from .ratings import Ratings
from .settings import Settings, setting


def half_iteration(
    row: np.ndarray,
    column: np.ndarray,
    residual: np.ndarray,
    factors: np.ndarray,
    column_bias: np.ndarray,
    ridge: np.ndarray,
    bias: str = "none",
) -> tuple[np.ndarray, np.ndarray]:
    """Solve for one side with the other side fixed: one half of an iteration of ALS.

    Row i minimises over its coefficients w and its bias b

        Σ_n (w·v_n + b - r_n)² + λ_i (|w|² [+ b²]),     r_n = residual_n - column_bias_n

    where n runs over the ratings of row i and v_n is the factor row of rating n's column. With
    z_n = (v_n, 1), the minimum is where the normal equations hold:

        (Σ_n z_n z_nᵀ + λ_i D) (w, b) = Σ_n z_n r_n,    D = diag(1, …, 1, [1])

    Parameters
    ----------
    row, column : int32, (n_ratings,)
        Which row and column each rating is in: movies and users, or the other way round.
    residual : float32, (n_ratings,)
        Ratings less their baseline.
    factors : float32, (n_columns, n_features)
        The side that is kept fixed.
    column_bias : float32, (n_columns,)
    ridge : float32, (n_rows,)
        λ_i, from `model.row_weights`.
    bias : "none", "free" or "ridge"
        No b; b without a penalty; b with the penalty of the coefficients.

    Returns
    -------
    solution : float64, (n_rows, n_features)
    row_bias : float64, (n_rows,)
        Zeros for a row without ratings.

    References
    ----------
    Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix prize",
    section 3.1; chapter 03.
    """
    constant = 0.0 if bias == "none" else 1.0  # with 0 and a penalty, b comes out as 0
    penalised = 0.0 if bias == "free" else 1.0
    z = np.column_stack([factors, np.full(len(factors), constant)]).astype(np.float64)
    D = np.diag([1.0] * factors.shape[1] + [penalised])
    solution = np.zeros((len(ridge), z.shape[1]))
    for i in np.unique(row):
        mine = row == i
        z_n, r_n = z[column[mine]], residual[mine] - column_bias[column[mine]]
        A, h = z_n.T @ z_n + ridge[i] * D, z_n.T @ r_n
        solution[i] = np.linalg.solve(A, h) if ridge[i] > 0 else np.linalg.lstsq(A, h)[0]
    return solution[:, :-1], solution[:, -1]


@dataclasses.dataclass(frozen=True)
class ALSSettings(Settings, solver="als"):
    """Settings of `fit_als`; the defaults are those that chapter 03 finds on a validation set."""

    n_features: int = setting(16, "Columns of X and W.", least=1)
    lam: float = setting(3.5, "λ, the L2 weight, in stars.", least=0)
    lam_power: float = setting(0.3, "p: a row with n ratings has the weight λ n^p.")
    normalization: str = setting(
        "movie_user_damped", "Which means are subtracted.", choices=normalize.METHODS
    )
    damping: float = setting(5.0, "Damping of these means, in ratings.", least=0)
    movie_bias: bool = setting(True, "Learn c; without it c stays 0, as in the original.")
    iterations: int = setting(15, "How often both sides are solved.", least=1)
    init_scale: float = setting(0.1, "Standard deviation of X's random start.", least=0)
    seed: int = setting(42, "Seed of that start.", least=0)


@dataclasses.dataclass(frozen=True)
class MeansSettings(Settings, solver="means"):
    """Settings of `fit_means`."""

    normalization: str = setting(
        "movie_user_damped", "Which means are subtracted.", choices=normalize.METHODS
    )
    damping: float = setting(5.0, "Damping of these means, in ratings.", least=0)


def fit_means(
    ratings: Ratings, normalization: str = "movie_user_damped", damping: float = 5.0
) -> FactorModel:
    """A model without features: what the normalisation alone predicts.

    These are the baselines that a factorisation should beat, under the same protocol.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    normalization : str
        A key of `normalize.METHODS`.
    damping : float
        In ratings: see `normalize.fit`, which this calls.

    Returns
    -------
    FactorModel
    """
    return FactorModel.trained(
        ratings,
        normalize.fit(ratings, normalization, damping),
        X=np.zeros((ratings.n_movies, 0)),
        W=np.zeros((ratings.n_users, 0)),
        b=np.zeros((1, ratings.n_users)),
        c=np.zeros((ratings.n_movies, 1)),
        settings=MeansSettings(normalization, damping),
        history=pd.DataFrame(columns=HISTORY, dtype=np.float64),
    )


def fit_als(
    ratings: Ratings,
    settings: ALSSettings | None = None,
    *,
    validation: Ratings | None = None,
    patience: int | None = None,
    progress: bool = False,
    **changes: Any,
) -> FactorModel:
    """Minimise the cost by alternating least squares: all movies exactly, then all users exactly.

    With W and b fixed the cost is a sum of ridge regressions, one a movie, and the other way
    round: see `half_iteration`. Neither half of an iteration can raise the cost. The users are
    solved once before the first iteration, so that it starts from the best W and b for the
    random X.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    settings : ALSSettings or None
        None: the defaults.
    validation : Ratings or None
        Ratings on the same axes. The RMSE of their predictions, clipped to the scale, is recorded
        at every iteration.
    patience : int or None
        Stop when the validation RMSE has not improved for so many iterations. With `validation`,
        the model returned is the one that was best on it.
    progress : bool
        Show a progress bar.
    **changes
        Fields of `ALSSettings`, such as `n_features=32`, in place of those of `settings`.

    Returns
    -------
    FactorModel
        `history` has a row an iteration: `cost` after it, and `cost_movies` after its first half,
        the movies'. Row 0 is what the iterations start from.

    Raises
    ------
    ValueError
        For a setting outside its limits, validation on other axes, or `patience` without it.
    FloatingPointError
        Where the cost rises: λ is too small for single precision.

    References
    ----------
    Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix prize";
    chapter 03.
    """
    settings = ALSSettings.chosen(settings, changes)
    watch = Validation(ratings, validation, patience)
    start = time.perf_counter()
    means = normalize.fit(ratings, settings.normalization, settings.damping)
    residual = means.subtract(ratings)
    negligible = 1e-6 * float(np.sum(residual**2, dtype=np.float64))
    states = _alternate(ratings, residual, settings)
    columns = [*HISTORY, "cost_movies"]
    rows: list[list] = []
    steps = range(settings.iterations + 1)
    for step in tqdm(steps, desc="ALS", unit="iteration", disable=not progress):
        X, W, b, c, cost, cost_movies = next(states)
        rows.append([step, cost, np.nan, time.perf_counter() - start, cost_movies])
        refuse_to_rise(rows, negligible, settings.n_features, settings.lam)
        if validation is None and step < settings.iterations:
            continue
        model = FactorModel.trained(
            ratings, means, X, W, b[None, :], c[:, None], settings, pd.DataFrame()
        )
        if validation is not None:
            rows[-1][2] = watch.rmse(model)
            if watch.is_over:
                break
    return watch.best_or(model, pd.DataFrame(rows, columns=columns))


def _alternate(ratings: Ratings, residual: np.ndarray, settings: ALSSettings) -> Iterator[tuple]:
    """Yield (X, W, b, c, cost, cost after the movies) each time that the users have been solved."""
    movie, user = ratings.movie_index, ratings.user_index
    of_movie = _kernels.by_row(movie, user, residual, ratings.n_movies)
    of_user = _kernels.by_row(user, movie, residual, ratings.n_users)
    lam_movies = row_weights(ratings.movie_counts, settings.lam, settings.lam_power)
    lam_users = row_weights(ratings.user_counts, settings.lam, settings.lam_power)
    movie_bias = "ridge" if settings.movie_bias else "none"

    def cost(squared_error: np.ndarray, X: np.ndarray, W: np.ndarray, c: np.ndarray) -> float:
        """`model.cost_observed`, from the squared error that a half leaves in each row."""
        l2 = _penalty(lam_movies, X) + _penalty(lam_movies, c[:, None]) + _penalty(lam_users, W)
        return float(0.5 * (squared_error.sum() + l2))

    X, _ = starting_point(ratings, settings.n_features, settings.init_scale, settings.seed)
    c, cost_movies = np.zeros(len(X), np.float32), np.nan
    for _ in itertools.count():
        W, b, squared_error = _kernels.solve_rows(of_user, X, c, lam_users, "free")
        yield X, W, b, c, cost(squared_error, X, W, c), cost_movies
        X, c, squared_error = _kernels.solve_rows(of_movie, W, b, lam_movies, movie_bias)
        cost_movies = cost(squared_error, X, W, c)


def _penalty(lam: np.ndarray, factors: np.ndarray) -> float:
    return float(np.sum(lam * np.einsum("nk,nk->n", factors, factors), dtype=np.float64))
