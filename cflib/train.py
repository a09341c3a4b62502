"""Solvers of the one cost, with one signature.

All of them minimise `model.cost_observed` over X, W, b (and c) on the observed ratings, never
building movies x users, and return a `FactorModel` whose history has a row a step: the cost,
the validation error where validation ratings were given, and the seconds since the start. Their
defaults are those that chapter 03 finds on a validation set.
`fit_means` is the degenerate case without features: the baselines, as models. The solvers with a
module of their own are called from here, too: `fit_bayes`, `fit_spark`, and those that rank films
without predicting ratings, `fit_implicit` and `fit_popularity`.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pandas as pd
from tqdm import tqdm

from . import bayes, implicit, normalize, solve
from ._fitting import HISTORY, Watch, check_arguments, starting_point
from ._tensorflow import tf
from .bayes import fit_bayes
from .data import Ratings
from .implicit import fit_implicit, fit_popularity
from .model import FactorModel, cost_observed, row_weights
from .spark import fit_spark

__all__ = [
    "fit_adam", "fit_als", "fit_bayes", "fit_implicit", "fit_means", "fit_popularity", "fit_spark",
    "fold_in",
]  # fmt: skip


def fit_means(
    ratings: Ratings, method: str = "movie_user_damped", damping: float = 5.0
) -> FactorModel:
    """A model without features: what the normalisation alone predicts.

    The baselines that a factorisation should beat, under the same protocol. Arguments as in
    `normalize.fit`.
    """
    nothing = np.zeros
    return FactorModel.trained(
        ratings,
        normalize.fit(ratings, method, damping),
        X=nothing((ratings.n_movies, 0)),
        W=nothing((ratings.n_users, 0)),
        b=nothing((1, ratings.n_users)),
        c=nothing((ratings.n_movies, 1)),
        settings={"solver": "means", "normalization": method, "damping": damping},
        history=pd.DataFrame(columns=HISTORY, dtype=np.float64),
    )


def fit_adam(
    ratings: Ratings,
    *,
    n_features: int = 16,
    lam: float = 3.5,
    lam_power: float = 0.3,
    normalization: str = "movie_user_damped",
    damping: float = 5.0,
    movie_bias: bool = True,
    epochs: int = 250,
    learning_rate: float = 0.02,
    init_scale: float = 0.1,
    seed: int = 42,
    validation: Ratings | None = None,
    patience: int | None = None,
    progress: bool = False,
) -> FactorModel:
    """Minimise the cost by full-batch Adam in TensorFlow, on the observed ratings.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    n_features : int
        Columns of X and W.
    lam, lam_power : float
        λ and the power p of `model.row_weights`.
    normalization, damping
        As in `normalize.fit`.
    movie_bias : bool
        Learn c as well; without it c stays 0, as in the original.
    epochs : int
        Steps of Adam, each over all ratings.
    learning_rate : float
        Adam's; its other constants are Keras' defaults, as in the original.
    init_scale : float
        Standard deviation of the normal distribution that X and W start from (the original's: 1).
    seed : int
        Seed of that start. The same seed gives the same model.
    validation : Ratings or None
        Ratings on the same axes whose RMSE is recorded at every epoch.
    patience : int or None
        Stop when validation RMSE has not improved for this many epochs; with `validation`, the
        model returned is the one that was best on it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    FactorModel
        `history.cost` is the cost before each step: its first row is the starting point's.

    Raises
    ------
    ValueError
        For a number of features or epochs that is not positive, a negative λ, validation on
        other axes, or `patience` without `validation`.
    FloatingPointError
        Where the cost stops being a finite number (the learning rate is too high).

    Source: Kingma & Ba (2015), "Adam: a method for stochastic optimization"; chapter 03.
    """
    check_arguments(ratings, n_features, lam, epochs, "epochs", validation, patience)
    settings = {
        "solver": "adam", "n_features": n_features, "lam": lam, "lam_power": lam_power,
        "normalization": normalization, "damping": damping, "movie_bias": movie_bias,
        "epochs": epochs, "learning_rate": learning_rate, "init_scale": init_scale, "seed": seed,
    }  # fmt: skip
    means = normalize.fit(ratings, normalization, damping)
    X, W = starting_point(ratings, n_features, init_scale, seed)
    X, W = tf.Variable(X), tf.Variable(W)
    b, c = tf.Variable(tf.zeros([1, ratings.n_users])), tf.Variable(tf.zeros([ratings.n_movies, 1]))
    variables = [X, W, b, c] if movie_bias else [X, W, b]
    data = [
        tf.constant(array)
        for array in (
            ratings.movie_index,
            ratings.user_index,
            means.subtract(ratings),
            row_weights(ratings.movie_counts, lam, lam_power),
            row_weights(ratings.user_counts, lam, lam_power),
        )
    ]
    optimizer = tf.keras.optimizers.Adam(learning_rate=learning_rate)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            cost = cost_observed(X, W, b, c, *data)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(cost, variables)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return cost

    def snapshot(rows):
        arrays = [variable.numpy() for variable in (X, W, b, c)]
        return FactorModel.trained(
            ratings, means, *arrays, settings, pd.DataFrame(rows, columns=HISTORY)
        )

    watch = Watch(validation, patience)
    rows, start = [], time.perf_counter()
    for epoch in tqdm(range(epochs), desc="Adam", unit="epoch", disable=not progress):
        cost = float(step())
        if not np.isfinite(cost):
            raise FloatingPointError(
                f"the cost is {cost} at epoch {epoch}: try a lower `learning_rate` than "
                f"{learning_rate}"
            )
        rows.append([epoch, cost, np.nan, time.perf_counter() - start])
        if validation is not None:
            rows[-1][2] = watch.see(snapshot(rows))
            if watch.is_over:
                break
    return watch.best_with(rows) if validation is not None else snapshot(rows)


def fit_als(
    ratings: Ratings,
    *,
    n_features: int = 16,
    lam: float = 3.5,
    lam_power: float = 0.3,
    normalization: str = "movie_user_damped",
    damping: float = 5.0,
    movie_bias: bool = True,
    sweeps: int = 15,
    init_scale: float = 0.1,
    seed: int = 42,
    validation: Ratings | None = None,
    patience: int | None = None,
    progress: bool = False,
) -> FactorModel:
    """Minimise the cost by alternating least squares: all films exactly, then all users exactly.

    With W and b fixed the cost is a sum of ridge regressions, one a film, and the other way
    round: `solve.solve_rows`. Neither half of a sweep can raise the cost. The users are solved
    once before the first sweep, so that it starts from the best W and b for the random X.

    Parameters
    ----------
    sweeps : int
        How often both halves are solved.
    init_scale, seed
        X starts normally distributed, as in `fit_adam`; W, b and c need no start.
    validation, patience
        As in `fit_adam`, a sweep in place of an epoch.

    The others are those of `fit_adam`.

    Returns
    -------
    FactorModel
        `history` has a row a sweep: `cost` after it, and `cost_movies` halfway, after the films'
        half of it. Row 0 is what the sweeps start from.

    Raises
    ------
    ValueError
        As `fit_adam`.

    Source: Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix
    prize"; chapter 03.
    """
    check_arguments(ratings, n_features, lam, sweeps, "sweeps", validation, patience)
    settings = {
        "solver": "als", "n_features": n_features, "lam": lam, "lam_power": lam_power,
        "normalization": normalization, "damping": damping, "movie_bias": movie_bias,
        "sweeps": sweeps, "init_scale": init_scale, "seed": seed,
    }  # fmt: skip
    start = time.perf_counter()
    means = normalize.fit(ratings, normalization, damping)
    residual = means.subtract(ratings)
    of_movie = solve.by_row(ratings.movie_index, ratings.user_index, residual, ratings.n_movies)
    of_user = solve.by_row(ratings.user_index, ratings.movie_index, residual, ratings.n_users)
    lam_movies = row_weights(ratings.movie_counts, lam, lam_power)
    lam_users = row_weights(ratings.user_counts, lam, lam_power)
    X, _ = starting_point(ratings, n_features, init_scale, seed)

    solutions = _alternate(of_movie, of_user, X, lam_movies, lam_users, movie_bias)
    watch, rows = Watch(validation, patience), []
    for sweep in tqdm(range(sweeps + 1), desc="ALS", unit="sweep", disable=not progress):
        X, W, b, c, cost, cost_movies = next(solutions)
        rows.append([sweep, cost, np.nan, time.perf_counter() - start, cost_movies])
        if validation is None and sweep < sweeps:
            continue
        model = FactorModel.trained(
            ratings, means, X, W, b[None, :], c[:, None], settings, pd.DataFrame(rows)
        )
        if validation is not None:
            rows[-1][2] = watch.see(model)
            if watch.is_over:
                break
    history = pd.DataFrame(rows, columns=[*HISTORY, "cost_movies"])
    return dataclasses.replace(model if validation is None else watch.best, history=history)


def _alternate(of_movie, of_user, X, lam_movies, lam_users, movie_bias):
    """Yield (X, W, b, c, cost, cost after the films) each time that the users have been solved."""
    c, cost_movies = np.zeros(len(X), np.float32), np.nan
    while True:
        W, b, error = solve.solve_rows(of_user, X, c, lam_users, "free")
        yield X, W, b, c, _cost(error, X, W, c, lam_movies, lam_users), cost_movies
        X, c, error = solve.solve_rows(
            of_movie, W, b, lam_movies, "ridge" if movie_bias else "none"
        )
        cost_movies = _cost(error, X, W, c, lam_movies, lam_users)


def fold_in(model: FactorModel, ratings: Ratings) -> FactorModel:
    """The same films with other users: those of `ratings`, solved for as training would.

    Their means, weights and biases come from their own ratings, with the films as the model has
    them; the films don't change. For the ratings that `fit_als` trained on, that gives what it
    ended with, to the last bit.

    Parameters
    ----------
    model : FactorModel
        From any solver of the cost, or `fit_means`, `fit_bayes`, `fit_implicit`,
        `fit_popularity`. For `fit_bayes` it is another draw: see `bayes.fold_in`.
    ratings : Ratings
        Of new users, or more ratings of known ones, on the model's films.

    Returns
    -------
    FactorModel
        Its users are those of `ratings`; it predicts, recommends and is saved like any other.

    Raises
    ------
    ValueError
        For ratings on other films.
    """
    if not np.array_equal(ratings.movie_ids, model.movie_ids):
        raise ValueError(
            f"`ratings` should be on the model's {model.n_movies:,} films. Received: {ratings!r}"
        )
    if isinstance(model, implicit.RankingModel) and model.n_features:
        return implicit.fold_in(model, ratings)
    if isinstance(model, bayes.BayesModel):
        return bayes.fold_in(model, ratings)
    means = normalize.for_users(model.normalization, ratings)
    W, b = np.zeros((ratings.n_users, 0), np.float32), np.zeros(ratings.n_users, np.float32)
    if model.n_features:
        W, b, _ = solve.solve_rows(
            solve.by_row(
                ratings.user_index, ratings.movie_index, means.subtract(ratings), ratings.n_users
            ),
            model.X,
            model.c[:, 0],
            row_weights(ratings.user_counts, model.settings["lam"], model.settings["lam_power"]),
            "free",
        )
    return dataclasses.replace(
        model, W=W, b=b[None, :], normalization=means, user_ids=ratings.user_ids
    )


def _cost(squared_error, X, W, c, lam_movies, lam_users) -> float:
    """`model.cost_observed`, from the squared error that a half-sweep leaves in each row."""

    def penalty(lam, factors):
        return np.sum(lam * np.einsum("nk,nk->n", factors, factors), dtype=np.float64)

    l2 = penalty(lam_movies, X) + penalty(lam_movies, c[:, None]) + penalty(lam_users, W)
    return float(0.5 * (squared_error.sum() + l2))
