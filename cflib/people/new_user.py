"""Somebody new: what a trained model says to a person with a few ratings, and why.

With the movies fixed, a user's weights are a ridge regression of their own ratings, and a
regression is *linear* in its targets. So every prediction is a sum with one term for each rating,
and the terms are the reasons: nothing is approximated. `Model.response` is that linear map;
`fold_in` applies it, and `explain` takes it apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.special

from ..model import INTERVALS, FactorModel
from .titles import Given, movie_id_of, on_scale, own_ratings


@dataclasses.dataclass(frozen=True, eq=False)
class NewUser:
    """One person's place in a model: Ŷ_i = x_i·w + b + level + c_i + Y_mu_i.

    Attributes
    ----------
    model : FactorModel
        Whose movies these are; its own users don't change.
    movie_index : int64, (n,)
        Rows of the movies that the person rated, in the order given.
    values : float64, (n,)
        The ratings.
    weights, bias, level : float64, (n_features,), and two floats
        w, b, and what normalisation subtracts from the person's ratings (`user_mu`).
    bias_kind : str or None
        How b was penalised; see `fold_in`.
    rater : NewUser or None
        The same person in the model that predicts the ratings, where that is another one.
    """

    model: FactorModel
    movie_index: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    bias: float
    level: float
    bias_kind: str | None = None
    rater: NewUser | None = None

    def __repr__(self) -> str:
        return f"NewUser({len(self.values)} ratings, in {self.model!r})"

    def scores(self) -> np.ndarray:
        """Scores of all movies: float64, (n_movies,), not clipped."""
        model = self.model
        rows = model.normalization.Y_mu[:, 0].astype(np.float64) + model.c[:, 0]
        return model.X.astype(np.float64) @ self.weights + rows + (self.bias + self.level)

    def predictions(self) -> np.ndarray:
        """Predicted ratings of all movies: float64, (n_movies,), not clipped.

        Raises
        ------
        TypeError
            For a model that ranks and predicts no ratings.
        """
        if self.model.predictor is None:
            raise TypeError(f"{self.model!r} ranks movies and predicts no ratings")
        return self.rater.scores() if self.rater else self.scores()

    def std(self, noise: bool = False) -> np.ndarray:
        """Posterior standard deviation of all predictions, in stars: float64, (n_movies,).

        With `noise`, that of a rating given.

        Raises
        ------
        TypeError
            For a model that does not know how sure it is.
        """
        if self.rater:
            return self.rater.std(noise)
        model: Any = self.model
        if INTERVALS not in model.says:
            raise TypeError(no_intervals(model))
        return model.new_user_std(self.movie_index, self.values, noise)

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) between which each rating would lie with probability `level`, clipped.

        float64, (n_movies,) each. Raises as `std`.
        """
        half = scipy.special.ndtri((1 + level) / 2) * self.std(noise=True)
        scores = self.predictions()
        low, high = (np.clip(end, *self.model.scale) for end in (scores - half, scores + half))
        return low, high

    def note(self) -> str:
        """A sentence on what these predictions rest on."""
        if not len(self.values):
            return "No ratings yet: this is what anybody new is shown."
        if len(self.values) < 5:
            return (
                f"From {len(self.values)} of your ratings: mostly still what anybody is shown. "
                "Five more will change it."
            )
        return f"From {len(self.values)} of your ratings."


def fold_in(model: FactorModel, ratings: Given | NewUser, bias: str | None = None) -> NewUser:
    """Solve for a new user's weights and bias from their ratings, with the movies fixed.

    As `FactorModel.fold_in`, for one person and in double precision. For a `BayesModel` it is the
    mean of the posteriors of its samples.

    Parameters
    ----------
    model : FactorModel
        Of any kind.
    ratings : dict, Series, list of pairs, DataFrame, path of a CSV file, or NewUser
        From movie to rating, as `own_ratings` takes it: a movie is an id, or a title.
    bias : str or None
        The penalty of b: see `FactorModel.fold_in`.

    Returns
    -------
    NewUser
        Without ratings: the user of whom nothing is known, as `FactorModel.score_new_user`.

    Raises
    ------
    KeyError, ValueError
        As `own_ratings`; and for another `bias`.

    References
    ----------
    Chapter 05.
    """
    if isinstance(ratings, NewUser):
        return ratings
    checked = own_ratings(model, ratings)
    movie_index = np.searchsorted(model.movie_ids, checked.index.to_numpy(model.movie_ids.dtype))
    return solved(model, movie_index, checked.to_numpy(), bias)


def solved(
    model: FactorModel, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
) -> NewUser:
    """As `fold_in`, from arrays: indices of movies, int, (n,), and ratings, float64, (n,)."""
    *weights, b, level = model.response(movie_index, values, bias).coefficients
    rater = None
    if model.predictor is not None and model.predictor is not model.ranker:
        rater = solved(model.predictor, movie_index, values, bias)
    coefficients = np.array(weights), float(b), float(level)
    return NewUser(model, movie_index, values, *coefficients, bias, rater)


def explain(model: FactorModel, ratings: Given | NewUser, movie: int | str) -> pd.DataFrame:
    """Why a new user is predicted what they are: what each of their ratings adds, exactly.

        Ŷ_l = baseline_l + Σ_i s_li (y_i - ŷ_i)

    ŷ_i is what a rating of movie i by a user of whom nothing is known was expected to be; s_li,
    from `Model.response`, is by how much the prediction of movie l rises when rating i does by one
    star.
    The baseline is what would be predicted had every rating been just as expected. For a model of
    likes, y_i is 1 or 0, ŷ_i is 0, and the sum is the score.

    Parameters
    ----------
    model, ratings
        As in `fold_in`.
    movie : int or str
        The movie to explain: an id, or a title.

    Returns
    -------
    DataFrame
        Columns movieId, title, rating, expected (ŷ_i), share (s_li), contribution (stars); the
        largest contribution, of either sign, first. The last row is the baseline, whose rating,
        expected and share are NaN. The contributions sum to the prediction, which is in
        `attrs["prediction"]`, not clipped; `attrs["title"]` is the movie's.

    Raises
    ------
    KeyError, ValueError
        As `fold_in`.

    References
    ----------
    The explicit form of Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback
    datasets", section 5; chapter 05.
    """
    user = fold_in(model, ratings)
    i = int(np.flatnonzero(model.movie_ids == movie_id_of(model, movie))[0])
    response = model.response(user.movie_index, user.values, user.bias_kind)
    coefficients = np.append(model.X[i].astype(np.float64), [1, 1])
    of_rating = coefficients @ response.share
    contribution = of_rating * (response.counts_as - response.expected)
    baseline = coefficients @ response.rest + of_rating @ response.expected
    baseline += float(model.normalization.Y_mu[i, 0]) + float(model.c[i, 0])
    order = np.argsort(-np.abs(contribution), kind="stable")
    frame = model.movies.iloc[user.movie_index[order]][["movieId", "title"]].assign(
        rating=user.values[order],
        expected=response.expected[order],
        share=of_rating[order],
        contribution=contribution[order],
    )
    last = {"movieId": None, "title": "baseline", "contribution": baseline}
    frame = pd.concat([frame.astype({"movieId": object}), pd.DataFrame([last])], ignore_index=True)
    frame.attrs = {
        "title": str(model.movies["title"].iloc[i]),
        "prediction": float(contribution.sum() + baseline),
    }
    return frame


def fold_in_movie(
    model: FactorModel,
    ratings: Mapping | pd.Series,
    movie_id: int | str,
    title: str,
    genres: str = "",
) -> FactorModel:
    """The model with one more movie, its features and bias solved for from its ratings.

    As training solves the movies: the users are fixed, the damped movie mean is subtracted, and
    λ n^p weighs the features and, where the model has movie biases, its bias. The model then treats
    the new movie like any other.

    Parameters
    ----------
    model : FactorModel
        From a solver of the cost, or `fit_means`.
    ratings : dict or Series
        From userId to rating.
    movie_id : int or str
        A new id, of the kind that the others are.
    title, genres : str

    Returns
    -------
    FactorModel

    Raises
    ------
    KeyError
        For a user whom the model does not have.
    ValueError
        For a movie that it has, and a rating off its scale.
    TypeError
        For a model of another kind.
    """
    if (model.movie_ids == movie_id).any():
        raise ValueError(f"`movie_id` should be new. Received: {movie_id!r}, which is in {model!r}")
    values = np.array([on_scale(model, user, rating) for user, rating in ratings.items()])
    user_index = np.array([user_index_of(model, user) for user, _ in ratings.items()], np.int64)
    x, c, Y_mu = model.solve_movie(user_index, values)
    at = int(np.searchsorted(model.movie_ids, movie_id))  # ids stay in order
    row = pd.DataFrame({"movieId": [movie_id], "title": [title], "genres": [genres]})
    movies = pd.concat([model.movies[:at], row, model.movies[at:]], ignore_index=True)
    means = model.normalization
    return dataclasses.replace(
        model,
        X=np.insert(model.X, at, x, axis=0),
        c=np.insert(model.c, at, c, axis=0),
        normalization=dataclasses.replace(means, Y_mu=np.insert(means.Y_mu, at, Y_mu, axis=0)),
        movie_ids=np.insert(model.movie_ids, at, movie_id),
        movies=movies,
        movie_counts=np.insert(model.movie_counts, at, len(values)),
    )


def user_index_of(model: FactorModel, user_id: int | str) -> int:
    """Column of the user with this id. Raises KeyError where the model has none."""
    columns = np.flatnonzero(model.user_ids == user_id)
    if not len(columns):
        raise KeyError(f"there is no user with the id {user_id!r} in {model!r}")
    return int(columns[0])


def no_intervals(model: FactorModel) -> str:
    """The message for a model that is asked for a spread that it doesn't have."""
    return f"{model!r} doesn't know how sure it is: `fit_bayes` trains a model that does"
