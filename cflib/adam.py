"""The cost minimised by full-batch Adam, in TensorFlow, on the observed ratings."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from . import normalize
from ._tensorflow import tf
from ._training import HISTORY, Validation, starting_point
from .model import FactorModel, cost_observed, row_weights
from .ratings import Ratings
from .settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class AdamSettings(Settings, solver="adam"):
    """Settings of `fit_adam`; those that it shares with ALS mean the same there."""

    n_features: int = setting(16, "Columns of X and W.", least=1)
    lam: float = setting(3.5, "λ, the L2 weight, in stars.", least=0)
    lam_power: float = setting(0.3, "p: a row with n ratings has the weight λ n^p.")
    normalization: str = setting(
        "movie_user_damped", "Which means are subtracted.", choices=normalize.METHODS
    )
    damping: float = setting(5.0, "Damping of these means, in ratings.", least=0)
    movie_bias: bool = setting(True, "Learn c; without it c stays 0, as in the original.")
    epochs: int = setting(250, "Steps of Adam, each over all ratings.", least=1)
    learning_rate: float = setting(0.02, "Adam's step, in the units of the features.", above=0)
    init_scale: float = setting(0.1, "Standard deviation of the random start.", least=0)
    seed: int = setting(42, "Seed of that start.", least=0)


def fit_adam(
    ratings: Ratings,
    settings: AdamSettings | None = None,
    *,
    validation: Ratings | None = None,
    patience: int | None = None,
    progress: bool = False,
    **changes: Any,
) -> FactorModel:
    """Minimise the cost by full-batch Adam, on the observed ratings.

    Adam's other constants are Keras' defaults, as in the original notebook. The same seed gives
    the same model.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    settings : AdamSettings or None
        None: the defaults.
    validation, patience, progress
        As in `als.fit_als`, with epochs for iterations.
    **changes
        Fields of `AdamSettings`, such as `n_features=32`, in place of those of `settings`.

    Returns
    -------
    FactorModel
        Row t of its history has the cost before step t (so the first is the starting point's) and
        the validation RMSE after it.

    Raises
    ------
    ValueError
        For a setting outside its limits, validation on other axes, or `patience` without it.
    FloatingPointError
        Where the cost stops being a finite number (the learning rate is too high).
    ModuleNotFoundError
        Without TensorFlow; says how to install it.

    References
    ----------
    Kingma & Ba (2015), "Adam: a method for stochastic optimization"; chapter 03.
    """
    settings = AdamSettings.chosen(settings, changes)
    watch = Validation(ratings, validation, patience)
    means = normalize.fit(ratings, settings.normalization, settings.damping)
    start_X, start_W = starting_point(
        ratings, settings.n_features, settings.init_scale, settings.seed
    )
    X, W = tf.Variable(start_X), tf.Variable(start_W)
    b, c = tf.Variable(tf.zeros([1, ratings.n_users])), tf.Variable(tf.zeros([ratings.n_movies, 1]))
    variables = [X, W, b, c] if settings.movie_bias else [X, W, b]
    constants = [
        tf.constant(array)
        for array in (
            ratings.movie_index,
            ratings.user_index,
            means.subtract(ratings),
            row_weights(ratings.movie_counts, settings.lam, settings.lam_power),
            row_weights(ratings.user_counts, settings.lam, settings.lam_power),
        )
    ]
    optimizer = tf.keras.optimizers.Adam(learning_rate=settings.learning_rate)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            cost = cost_observed(X, W, b, c, *constants)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(cost, variables)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return cost

    def trained_so_far() -> FactorModel:
        x, w, user_bias, movie_bias = (variable.numpy() for variable in (X, W, b, c))
        return FactorModel.trained(
            ratings, means, x, w, user_bias, movie_bias, settings, pd.DataFrame()
        )

    rows: list[list] = []
    start = time.perf_counter()
    for epoch in tqdm(range(settings.epochs), desc="Adam", unit="epoch", disable=not progress):
        cost = float(step())
        if not np.isfinite(cost):
            raise FloatingPointError(
                f"the cost is {cost} at epoch {epoch}: try a lower `learning_rate` than "
                f"{settings.learning_rate}"
            )
        rows.append([epoch, cost, np.nan, time.perf_counter() - start])
        if validation is not None:
            rows[-1][2] = watch.rmse(trained_so_far())
            if watch.is_over:
                break
    return watch.best_or(trained_so_far(), pd.DataFrame(rows, columns=HISTORY))
