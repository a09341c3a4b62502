"""What the heart refuses, and in which words: each error names the value received.

The heart calls these before it computes, and can be understood without them.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .ratings import DENSE_LIMIT_BYTES, Ratings

if TYPE_CHECKING:
    from .model import FactorModel, Model


def check_fraction(name: str, fraction: float) -> None:
    """Raise ValueError unless it is between 0 and 1, exclusive."""
    if not 0 < fraction < 1:
        raise ValueError(f"`{name}` should be between 0 and 1, exclusive. Received: {fraction}")


def check_name(argument: str, name: str, models: Iterable[str]) -> None:
    """Raise ValueError unless it is the name of one of the models."""
    if name not in models:
        raise ValueError(f"`{argument}` should be one of {', '.join(models)}. Received: {name!r}")


def check_measures(measures: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for a metric that is not known."""
    if not set(measures) <= set(known):
        raise ValueError(f"a metric is one of {', '.join(known)}. Received: {list(measures)}")


def check_size(n_movies: int | None, n_users: int | None) -> None:
    """Raise MemoryError where a float32 array of n_movies x n_users is larger than 2 GiB."""
    if n_movies is None or n_users is None:
        return
    needed = 4 * n_movies * n_users
    if needed > DENSE_LIMIT_BYTES:
        raise MemoryError(
            f"predictions for {n_movies:,} x {n_users:,} pairs need {needed / 1e9:,.1f} GB, more "
            f"than the limit of {DENSE_LIMIT_BYTES / 1e9:.1f} GB. For the cost use `cost_observed`,"
            " to predict `FactorModel.predict` or, in blocks of users, `FactorModel.score_users`."
        )


def checked_index(index: Sequence[int] | np.ndarray, n: int, kind: str) -> np.ndarray:
    """Row or column numbers as an array; IndexError for one that is not from 0 to n - 1."""
    index = np.asarray(index)
    if index.size and not (index.min() >= 0 and index.max() < n):
        bad = index[(index < 0) | (index >= n)][0]
        raise IndexError(
            f"{kind} index {bad} is outside 0 to {n - 1}: is it an id? "
            f"`Ratings.{kind}_index_of` turns an id into an index"
        )
    return index


def frozen(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view that nobody can write to; ValueError for another shape, or numbers not finite."""
    if array.shape != shape:
        raise ValueError(f"`{name}` should have shape {shape}. Received: {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(f"`{name}` holds {bad} values that are not finite numbers")
    if not array.flags.writeable:
        return array
    view = array.view()  # so that the caller's own array stays as it is
    view.flags.writeable = False
    return view


def check_and_freeze(model: FactorModel) -> None:
    """Check the shapes and numbers of a model's arrays, and let nobody write to them."""
    n_movies, n_users, k = model.n_movies, model.n_users, model.n_features
    for owner, shapes in (
        (model, {"X": (n_movies, k), "W": (n_users, k), "b": (1, n_users), "c": (n_movies, 1)}),
        (model, {"movie_counts": (n_movies,)}),
        (model.normalization, {"Y_mu": (n_movies, 1), "user_mu": (1, n_users)}),
    ):
        for name, shape in shapes.items():
            object.__setattr__(owner, name, frozen(name, getattr(owner, name), shape))
    if len(model.movies) != n_movies:
        raise ValueError(
            f"`movies` should have {n_movies} rows, one a movie. Received: {len(model.movies)}"
        )


def check_movies(model: FactorModel, ratings: Ratings) -> None:
    """Raise ValueError for ratings on other movies than the model's."""
    if not np.array_equal(ratings.movie_ids, model.movie_ids):
        raise ValueError(
            f"`ratings` should be on the model's {model.n_movies:,} movies. Received: {ratings!r}"
        )


def ridge_settings(model: FactorModel) -> Any:
    """The model's settings; TypeError where they have no `lam` and `lam_power`."""
    settings = model.settings
    if not hasattr(settings, "lam_power"):
        raise TypeError(
            f"{type(settings).__name__} has no `lam` and `lam_power`, so {type(model).__name__} "
            "should override `fold_in` and `response`, or `ridge`"
        )
    return settings


def checked_pair(actual: ArrayLike, predicted: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64; ValueError for none, for unequal shapes, and for numbers not finite."""
    actual, predicted = np.asarray(actual, np.float64), np.asarray(predicted, np.float64)
    if actual.shape != predicted.shape:
        raise ValueError(
            f"`actual` and `predicted` should be of one shape. "
            f"Received: {actual.shape} and {predicted.shape}"
        )
    if actual.size == 0:
        raise ValueError("there are no ratings to measure an error on")
    for name, array in (("actual", actual), ("predicted", predicted)):
        n_bad = np.count_nonzero(~np.isfinite(array))
        if n_bad:
            raise ValueError(f"{n_bad} of {array.size} values of `{name}` are not finite numbers")
    return actual, predicted


# A model that is judged ---------------------------------------------------------------------


def check_trained_on(name: str, model: Model, training: Ratings) -> None:
    """Raise ValueError for a model that other ratings have trained: it may know the test."""
    if model.data_fingerprint != training.fingerprint:
        raise ValueError(
            f"the model {name!r} was trained on other ratings than this split's training "
            "part, so it may have seen the test ratings: train it on `split.train`"
        )


def checked_predictions(name: str, predicted: np.ndarray, test: Ratings) -> np.ndarray:
    """Predictions of the test ratings: ValueError unless all are there."""
    what = f"predict all {len(test):,} test ratings"
    return _complete(name, what, predicted, test.value.shape, test.user_index, test)


def with_checked_scores(name: str, model: Model, ratings: Ratings) -> Any:
    """The model, for `selection.top_n`; a score that is missing is a ValueError."""
    what = f"score all {ratings.n_movies:,} movies for each user"

    def score_users(users: np.ndarray) -> np.ndarray:
        shape = ratings.n_movies, len(users)
        return _complete(name, what, model.score_users(users), shape, users, ratings)

    return types.SimpleNamespace(score_users=score_users)


def _complete(
    name: str,
    what: str,
    values: np.ndarray,
    shape: tuple[int, ...],
    user_index: np.ndarray,
    ratings: Ratings,
) -> np.ndarray:
    """The values, or an error that says how many are missing, and of which users."""
    values = np.asarray(values)
    if values.shape != shape:
        raise ValueError(f"the model {name!r} should {what}. Received: shape {values.shape}")
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        ids = ratings.user_ids[np.unique(np.broadcast_to(user_index, shape)[is_bad])]
        shown = ", ".join(map(str, ids[:10])) + (", …" if len(ids) > 10 else "")
        raise ValueError(
            f"the model {name!r} should {what}. Received: {is_bad.sum():,} of them not finite, "
            f"of {len(ids):,} users: {shown}"
        )
    return values
