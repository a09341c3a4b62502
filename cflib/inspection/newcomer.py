"""Somebody new: what a trained model says to a person with a few ratings, and why.

With the films as they are, a user's weights are a ridge regression of their own ratings, and a
regression is *linear* in what it is given. So every prediction is a sum with one term for each
rating, and the terms are the reasons: nothing is approximated. `response` is that linear map;
`fold_in` applies it, and `explain` takes it apart.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special

from .. import bayes, implicit, normalize, solve
from ..data import Ratings
from ..model import FactorModel, row_weights
from .titles import movie_id_of, on_scale, own_ratings

BIAS = ("none", "ridge", "free")


@dataclasses.dataclass(frozen=True, eq=False)
class NewUser:
    """One person's place in a model: Ŷ_i = x_i·w + b + level + c_i + Y_mu_i.

    Attributes
    ----------
    model : FactorModel
        Whose films these are; its own users don't change.
    movie_index : int64, (n,)
        Rows of the films that the person rated, in the order given.
    values : float64, (n,)
        The ratings.
    weights, bias, level : float64, (n_features,), and two floats
        w, b, and what normalisation takes off the person's ratings (`user_mu`).
    bias_kind : str or None
        How b was penalised; see `fold_in`.
    """

    model: FactorModel
    movie_index: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    bias: float
    level: float
    bias_kind: str | None = None

    def __repr__(self) -> str:
        return f"NewUser({len(self.values)} ratings, in {self.model!r})"

    def scores(self) -> np.ndarray:
        """Scores of all movies: float64, (n_movies,), not clipped."""
        model = self.model
        rows = model.normalization.Y_mu[:, 0].astype(np.float64) + model.c[:, 0]
        return model.X.astype(np.float64) @ self.weights + rows + (self.bias + self.level)

    def std(self, noise: bool = False) -> np.ndarray:
        """Posterior standard deviation of all predictions, in stars: float64, (n_movies,).

        Over the samples of a `BayesModel`, within them and between them. With `noise`, that of a
        rating given. Raises TypeError for a model without a posterior.
        """
        return _spread(self, noise)

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) between which each rating would lie with probability `level`, clipped.

        float64, (n_movies,) each. Raises as `std`.
        """
        half = scipy.special.ndtri((1 + level) / 2) * self.std(noise=True)
        scores = self.scores()
        return tuple(np.clip(end, *self.model.scale) for end in (scores - half, scores + half))

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


class Response(NamedTuple):
    """How a new user's coefficients answer their ratings: (w, b, level) = share @ values + rest.

    share : float64, (n_features + 2, n);  rest : float64, (n_features + 2,)
    """

    share: np.ndarray
    rest: np.ndarray


def fold_in(model: FactorModel, ratings, bias: str | None = None) -> NewUser:
    """Solve for a new user's weights and bias from their ratings, the films as they are.

        w, b = argmin Σ_i (w·x_i + b - e_i)² + λ n^p |w|²,    e_i = y_i - Y_mu_i - level - c_i

    over the n films i that they rated, with training's own λ, and `level` the user's damped mean
    as normalisation takes it. For a `BayesModel` it is the mean of the posteriors that its samples
    give (`bayes.fold_in`).

    Parameters
    ----------
    model : FactorModel
        From any solver.
    ratings : dict, Series, list of pairs, DataFrame, path of a CSV file, or NewUser
        From film to rating, as `own_ratings` takes it: a film is an id, or a title.
    bias : str or None
        What is asked of b. "free": no penalty, as in training: for a trained user this gives what
        training ended with. "ridge": b bears λ n^p, too. "none": b = 0, and the damped mean is
        all that is believed of the person's level. None: "none" where normalisation takes that
        mean off, and "ridge" where it doesn't. Trained users have ratings enough for a free b;
        somebody with one rating has not, and would see every prediction move by all of its
        surprise (chapter 05 measures it).

    Returns
    -------
    NewUser
        Without ratings: the user of whom nothing is known, as `FactorModel.score_new_user`.

    Raises
    ------
    KeyError, ValueError
        As `own_ratings`; and for another `bias`.

    Source: chapter 05.
    """
    if isinstance(ratings, NewUser):
        return ratings
    if bias not in (None, *BIAS):
        raise ValueError(f"`bias` should be None or one of {', '.join(BIAS)}. Received: {bias!r}")
    own = own_ratings(model, ratings)
    values = own.to_numpy()
    movie_index = np.searchsorted(model.movie_ids, own.index.to_numpy(model.movie_ids.dtype))
    return solved(model, movie_index, values, bias)


def solved(model: FactorModel, movie_index, values, bias: str | None = None) -> NewUser:
    """As `fold_in`, from arrays: indices of films, int, (n,), and ratings, float64, (n,)."""
    if isinstance(model, implicit.RankingModel):
        weights = _ranking_weights(model, movie_index, values)
        return NewUser(model, movie_index, values, weights, 0.0, 0.0)
    share, rest = response(model, movie_index, bias)
    *weights, b, level = share @ values + rest
    return NewUser(model, movie_index, values, np.array(weights), float(b), float(level), bias)


def response(model: FactorModel, movie_index: np.ndarray, bias: str | None = None) -> Response:
    """The linear map from ratings of these films to a new user's weights, bias and level.

    A ridge regression is least squares with √λ appended to the films' rows, so its answer is a
    pseudo-inverse times the targets; and the level and the targets are linear in the ratings.
    Arguments as in `fold_in`, which checks them.
    """
    if isinstance(model, bayes.BayesModel):
        return _bayes_response(model, movie_index)
    n, k = len(movie_index), model.n_features
    if not n:
        return Response(np.zeros((k + 2, 0)), np.zeros(k + 2))
    means = model.normalization
    if not k:  # a model of means: its users have the levels that its means give them
        bias = "none"
    elif bias is None:
        bias = "none" if means.method == "movie_user_damped" else "ridge"
    (weight,) = normalize.of_users(means.method, means.damping, np.array([n]), np.ones(1))[0]
    of_level = np.full(n, weight, np.float64)  # level = of_level · (values - Y_mu)
    features = np.column_stack([model.X[movie_index], np.full(n, bias != "none")])
    penalty = np.zeros(k + 1)
    if k:
        lam = row_weights(np.array([n]), model.settings["lam"], model.settings["lam_power"])[0]
        penalty[:k], penalty[k] = lam, lam if bias == "ridge" else 0
    solution = np.linalg.pinv(np.vstack([features, np.diag(np.sqrt(penalty))]))[:, :n]
    of_target = np.vstack([solution - np.outer(solution.sum(axis=1), of_level), of_level])
    Y_mu, c = (side[movie_index, 0].astype(np.float64) for side in (means.Y_mu, model.c))
    return Response(of_target, -of_target @ Y_mu - np.append(solution @ c, 0))


def explain(model: FactorModel, ratings, movie) -> pd.DataFrame:
    """Why a new user is predicted what they are: what each of their ratings adds, exactly.

        Ŷ_l = baseline_l + Σ_i s_li (y_i - ŷ_i)

    ŷ_i is what a stranger's rating of film i was expected to be; s_li, from `response`, is by how
    much the prediction of film l rises when rating i does by one star. The baseline is what
    would be predicted had every rating been just as expected.

    Parameters
    ----------
    model, ratings
        As in `fold_in`.
    movie
        The film to explain: an id, or a title.

    Returns
    -------
    DataFrame
        Columns movieId, title, rating, expected (ŷ_i), share (s_li), contribution (stars);
        largest contribution, of either sign, first. The last row is the baseline, whose rating,
        expected and share are NaN. The contributions sum to the prediction, which is in
        `attrs["prediction"]`, not clipped; `attrs["title"]` is the film's.

    Raises
    ------
    KeyError, ValueError
        As `fold_in`.
    TypeError
        For a model that ranks films: its scores are not sums over ratings of how many stars.

    Source: the explicit form of Hu, Koren & Volinsky (2008), "Collaborative filtering for
    implicit feedback datasets", section 5; chapter 05.
    """
    user = fold_in(model, ratings)
    if isinstance(model, implicit.RankingModel):
        raise TypeError(f"{model!r} predicts no ratings, so there is no sum of stars to explain")
    i = int(np.flatnonzero(model.movie_ids == movie_id_of(model, movie))[0])
    share, rest = response(model, user.movie_index, user.bias_kind)
    film = np.append(model.X[i].astype(np.float64), [1, 1])
    of_rating = film @ share
    expected = model.score_new_user()[user.movie_index].astype(np.float64)
    contribution = of_rating * (user.values - expected)
    baseline = film @ rest + of_rating @ expected
    baseline += float(model.normalization.Y_mu[i, 0]) + float(model.c[i, 0])
    order = np.argsort(-np.abs(contribution), kind="stable")
    frame = model.movies.iloc[user.movie_index[order]][["movieId", "title"]].assign(
        rating=user.values[order],
        expected=expected[order],
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
    model: FactorModel, ratings, movie_id, title: str, genres: str = ""
) -> FactorModel:
    """The model with one film more, its features and bias solved for from its ratings.

    As training's half-sweep over the films: with the users as they are, damped film mean off,
    λ n^p on the features and, where the model has film biases, on its bias. Everything that a
    model does it does with the new film, too.

    Parameters
    ----------
    model : FactorModel
        From a solver of the cost, or `fit_means`.
    ratings : dict or Series
        From userId to rating.
    movie_id, title, genres
        What the film is called; its id must be new, and of the kind that the others are.

    Returns
    -------
    FactorModel

    Raises
    ------
    KeyError
        For a user whom the model does not have.
    ValueError
        For a film that it has, and a rating off its scale.
    TypeError
        For a model of another kind.
    """
    if type(model) is not FactorModel:
        raise TypeError(f"a film can be added to a model of the cost only. Received: {model!r}")
    if (model.movie_ids == movie_id).any():
        raise ValueError(f"`movie_id` should be new. Received: {movie_id!r}, which is in {model!r}")
    values = np.array([on_scale(model, user, rating) for user, rating in ratings.items()])
    user_index = np.array([user_index_of(model, user) for user, _ in ratings.items()], np.int64)
    means, n = model.normalization, len(values)
    Y_mu = normalize.of_new_movie(means, values)
    x, c = np.zeros(model.n_features, np.float32), 0.0
    if model.n_features and n:
        x, c = solve.solve_row(
            user_index,
            values - Y_mu - means.user_mu[0, user_index],
            model.W,
            model.b[0],
            row_weights(np.array([n]), model.settings["lam"], model.settings["lam_power"])[0],
            "ridge" if model.settings["movie_bias"] else "none",
        )
    at = int(np.searchsorted(model.movie_ids, movie_id))  # ids stay in order
    row = pd.DataFrame({"movieId": [movie_id], "title": [title], "genres": [genres]})
    movies = pd.concat([model.movies[:at], row, model.movies[at:]], ignore_index=True)
    return dataclasses.replace(
        model,
        X=np.insert(model.X, at, x, axis=0),
        c=np.insert(model.c, at, c, axis=0),
        normalization=dataclasses.replace(means, Y_mu=np.insert(means.Y_mu, at, Y_mu, axis=0)),
        movie_ids=np.insert(model.movie_ids, at, movie_id),
        movies=movies,
        movie_counts=np.insert(model.movie_counts, at, n),
    )


def user_index_of(model: FactorModel, user_id) -> int:
    """Column of the user with this id. Raises KeyError where the model has none."""
    found = np.flatnonzero(model.user_ids == user_id)
    if not len(found):
        raise KeyError(f"there is no user with the id {user_id!r} in {model!r}")
    return int(found[0])


def unsure(model: FactorModel) -> str:
    """What to say of a model that is asked for a spread that it doesn't have."""
    return f"{model!r} doesn't know how sure it is: `train.fit_bayes` trains a model that does"


def one_user(model: FactorModel, movie_index, values) -> Ratings:
    """A person's ratings as a `Ratings` of one user on the model's films."""
    return Ratings(
        movie_index=np.asarray(movie_index, np.int32),
        user_index=np.zeros(len(values), np.int32),
        value=np.asarray(values, np.float32),
        timestamp=None,
        movie_ids=model.movie_ids,
        user_ids=np.zeros(1, np.int64),
        movies=model.movies,
        scale=model.scale,
        name="one person's ratings",
    )


def _ranking_weights(model, movie_index, values) -> np.ndarray:
    if not model.n_features:
        return np.zeros(0)
    return implicit.fold_in(model, one_user(model, movie_index, values)).W[0].astype(np.float64)


# The posterior of a new user ----------------------------------------------------------------


def _posterior(model, movie_index):
    """Of every sample: its films' (x, 1), P⁻¹, and P⁻¹ α V, (n_samples, k + 1, n)."""
    people = bayes.population(model)
    rated = model.blocks(model.X[movie_index]).astype(np.float64)
    V = np.insert(rated, rated.shape[2], 1, axis=2)
    weighted = people.weight[:, None, None] * V
    inverse = np.linalg.inv(people.precision + np.swapaxes(V, 1, 2) @ weighted)
    return people, inverse, inverse @ np.swapaxes(weighted, 1, 2)


def _bayes_response(model, movie_index) -> Response:
    people, inverse, share = _posterior(model, movie_index)
    of_prior = np.einsum("suv,svw,sw->su", inverse, people.precision, people.mean)
    base = model.normalization.Y_mu[movie_index, 0] + model.sample_c[:, movie_index]
    rest = of_prior - np.einsum("sun,sn->su", share, base)
    return Response(*(_of_all_samples(part) for part in (share, rest)))


def _of_all_samples(part):
    """(w, b) of each sample, (n_samples, k + 1, …), as those of the model: w joined, b's mean."""
    n, k, *rest = part.shape
    w = part[:, :-1].reshape(n * (k - 1), *rest) / np.sqrt(n)
    b = part[:, -1].mean(axis=0)
    return np.concatenate([w, b[None], np.zeros((1, *rest))])


def _spread(user: NewUser, noise: bool) -> np.ndarray:
    model = user.model
    if not isinstance(model, bayes.BayesModel):
        raise TypeError(unsure(model))
    people, inverse, share = _posterior(model, user.movie_index)
    base = model.normalization.Y_mu[user.movie_index, 0] + model.sample_c[:, user.movie_index]
    mean = np.einsum("suv,svw,sw->su", inverse, people.precision, people.mean)
    mean += np.einsum("sun,sn->su", share, user.values - base)
    roots = np.linalg.cholesky(inverse)
    first, second, within = (np.zeros(model.n_movies) for _ in range(3))
    for x, c, w, root in zip(
        model.blocks(model.X), model.sample_c, mean, roots.astype(np.float32), strict=True
    ):
        predicted = x @ w[:-1].astype(np.float32) + c + np.float32(w[-1])
        first += predicted
        second += predicted**2
        within += np.square(x @ root[:-1] + root[-1]).sum(axis=1)
    n = model.n_samples
    variance = (within + second - first**2 / n) / n
    if noise:
        variance += (1 / people.weight).mean()
    return np.sqrt(variance)
