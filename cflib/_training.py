"""What every solver needs: a starting point, and an eye on its cost and the validation ratings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from .model import FactorModel
from .ratings import Ratings

HISTORY = ["step", "cost", "validation_rmse", "seconds"]  # columns of `FactorModel.history`


def starting_point(
    ratings: Ratings, n_features: int, scale: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """(X, W), float32, drawn from a normal distribution with standard deviation `scale`."""
    rng = np.random.default_rng(seed)
    X, W = (
        (scale * rng.standard_normal((n, n_features), np.float32)).astype(np.float32)
        for n in (ratings.n_movies, ratings.n_users)
    )
    return X, W


class Validation:
    """Keeps the model with the smallest RMSE on the validation ratings, and says when to stop.

    Parameters
    ----------
    training : Ratings
    validation : Ratings or None
        On the axes of `training`. None: there is nothing to watch.
    patience : int or None
        Stop after so many steps without a better RMSE.

    Raises
    ------
    ValueError
        For `patience` without `validation`, and for validation ratings on other axes.
    """

    def __init__(self, training: Ratings, validation: Ratings | None, patience: int | None):
        if patience is not None and validation is None:
            raise ValueError("`patience` needs `validation` ratings to watch")
        if validation is not None and not (
            np.array_equal(validation.movie_ids, training.movie_ids)
            and np.array_equal(validation.user_ids, training.user_ids)
        ):
            raise ValueError(
                "`validation` should be on the axes of the training ratings: make both with "
                f"`split`. Received: {validation!r} beside {training!r}"
            )
        self.ratings, self.patience = validation, patience
        self.best: FactorModel | None = None
        self.best_rmse, self.steps_since_best = np.inf, 0

    def rmse(self, model: FactorModel) -> float:
        """RMSE of `model` on the validation ratings; the model is kept if it is the best so far."""
        assert self.ratings is not None
        predicted = model.predict(self.ratings.movie_index, self.ratings.user_index)
        error = (predicted - self.ratings.value).astype(np.float64)
        rmse = float(np.sqrt(np.mean(error**2)))
        self.steps_since_best += 1
        if rmse < self.best_rmse:
            self.best, self.best_rmse, self.steps_since_best = model, rmse, 0
        return rmse

    @property
    def is_over(self) -> bool:
        """Whether the RMSE has not improved for `patience` steps."""
        return self.patience is not None and self.steps_since_best >= self.patience

    def best_or(self, last: FactorModel, history: pd.DataFrame) -> FactorModel:
        """The best model, or the last where nothing was watched, with the whole history."""
        return dataclasses.replace(self.best or last, history=history)


def refuse_to_rise(rows: list[list], negligible: float, n_features: int, lam: float) -> None:
    """Raise FloatingPointError where the last cost is above the one before, beyond rounding."""
    costs = [row[1] for row in rows]
    if len(costs) > 1 and not costs[-1] <= 1.001 * costs[-2] + negligible:
        raise FloatingPointError(
            f"the cost rose from {costs[-2]:.4g} to {costs[-1]:.4g} at iteration {rows[-1][0]}: "
            f"with {n_features} features, `lam` = {lam:g} is too small for "
            "single precision. Raise `lam`, or lower `n_features`."
        )
