"""What every solver needs: its arguments checked, a place to start, and an eye on validation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from .data import Ratings
from .model import FactorModel

HISTORY = ["step", "cost", "validation_rmse", "seconds"]  # columns of `FactorModel.history`


def starting_point(ratings: Ratings, n_features: int, scale: float, seed: int):
    """(X, W), float32, normally distributed with standard deviation `scale`."""
    rng = np.random.default_rng(seed)
    return (
        (scale * rng.standard_normal((n, n_features), np.float32)).astype(np.float32)
        for n in (ratings.n_movies, ratings.n_users)
    )


class Watch:
    """Keeps the model that is best on validation ratings, and says when to stop."""

    def __init__(self, validation: Ratings | None, patience: int | None):
        self.validation, self.patience = validation, patience
        self.best, self.best_rmse, self.since_best = None, np.inf, 0

    def see(self, model: FactorModel) -> float:
        """RMSE of `model` on the validation ratings; remembers the model if it is the best."""
        held = self.validation
        error = model.predict(held.movie_index, held.user_index) - held.value
        rmse = float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
        self.since_best += 1
        if rmse < self.best_rmse:
            self.best, self.best_rmse, self.since_best = model, rmse, 0
        return rmse

    @property
    def is_over(self) -> bool:
        return self.patience is not None and self.since_best >= self.patience

    def best_with(self, rows) -> FactorModel:
        """The best model, with the history of the whole training."""
        return dataclasses.replace(self.best, history=pd.DataFrame(rows, columns=HISTORY))


def check_arguments(ratings, n_features, lam, steps, steps_name, validation, patience) -> None:
    """Refuse what no solver can work with; the errors are the solvers' own."""
    for name, number in (("n_features", n_features), (steps_name, steps)):
        if number != int(number) or number < 1:
            raise ValueError(f"`{name}` should be a positive integer. Received: {number}")
    if not lam >= 0:
        raise ValueError(f"`lam` should be 0 or more. Received: {lam}")
    if patience is not None and validation is None:
        raise ValueError("`patience` needs `validation` ratings to watch")
    if validation is not None and not (
        np.array_equal(validation.movie_ids, ratings.movie_ids)
        and np.array_equal(validation.user_ids, ratings.user_ids)
    ):
        raise ValueError(
            "`validation` should be on the axes of the training ratings: make both with `split`. "
            f"Received: {validation!r} beside {ratings!r}"
        )
