"""The model, its cost, the contract that every model keeps, and `FactorModel`.

`model` and `cost_fn` are the definition: dense, in TensorFlow, a line of mathematics each.
`cost_observed` is the same cost without the movies x users arrays, with the options that the
solvers know. `Model` says what a caller may ask of any trained model. `FactorModel` keeps that
contract; it is what the solvers of the cost return.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
import pandas as pd

from . import _kernels, normalize
from ._checks import check_and_freeze, check_movies, check_size, checked_index, ridge_settings
from ._storage import Stored
from ._tensorflow import tf
from .normalize import Normalization
from .ratings import Ratings
from .settings import Settings

STARS, ORDER, INTERVALS = "stars", "order", "intervals"
BIAS_KINDS = ("none", "ridge", "free")
FROM_RATINGS = ("movie_ids", "user_ids", "movies", "movie_counts", "scale")  # what a model keeps
Index: TypeAlias = Sequence[int] | np.ndarray  # row or column numbers


# The definition -----------------------------------------------------------------------------


def model(X: tf.Tensor, W: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Predict every user's (normalised) rating of every movie: Y_hat = X Wᵀ + b.

    Parameters
    ----------
    X : tf.Tensor, (n_movies, n_features)
    W : tf.Tensor, (n_users, n_features)
    b : tf.Tensor, (1, n_users)

    Returns
    -------
    tf.Tensor, (n_movies, n_users)
        Y_hat, of the dtype of the arguments.

    Raises
    ------
    MemoryError
        Where Y_hat would need more than 2 GiB.
    """
    check_size(X.shape[0], W.shape[0])
    return tf.matmul(X, W, transpose_b=True) + b


def cost_fn(
    Y: tf.Tensor, Y_hat: tf.Tensor, R: tf.Tensor, lam: float, X: tf.Tensor, W: tf.Tensor
) -> tf.Tensor:
    """Regularised squared error over the observed ratings.

    J = ½ Σ_ij R_ij (Ŷ_ij - Y_ij)² + ½ λ (Σ X² + Σ W²)

    Parameters
    ----------
    Y, Y_hat, R : tf.Tensor, (n_movies, n_users)
        Normalised ratings, predictions of them, and the 0/1 mask of what is observed.
    lam : float
        λ, the L2 weight. The user bias b is not regularised.
    X, W : tf.Tensor, (n_movies, n_features), (n_users, n_features)

    Returns
    -------
    tf.Tensor, scalar
    """
    error = tf.reduce_sum((R * (Y_hat - Y)) ** 2)
    l2_weight_reg = tf.reduce_sum(W**2)
    l2_x_reg = tf.reduce_sum(X**2)

    return 0.5 * error + (0.5 * lam) * (l2_weight_reg + l2_x_reg)


def cost_observed(
    X: tf.Tensor,
    W: tf.Tensor,
    b: tf.Tensor,
    c: tf.Tensor,
    movie_index: np.ndarray,
    user_index: np.ndarray,
    residual: np.ndarray,
    lam_movies: np.ndarray,
    lam_users: np.ndarray,
) -> tf.Tensor:
    """The cost from the observed ratings alone, with a movie bias and a λ for each row.

    J = ½ Σ_n (x_i·w_j + b_j + c_i - r_n)² + ½ Σ_i λ_i (|x_i|² + c_i²) + ½ Σ_j λ_j |w_j|²

    where rating n is of movie i by user j. With c = 0 and every λ equal this is `cost_fn`.

    Parameters
    ----------
    X, W : tf.Tensor, (n_movies, n_features), (n_users, n_features)
    b, c : tf.Tensor, (1, n_users), (n_movies, 1)
    movie_index, user_index : int32, (n_ratings,)
    residual : float32, (n_ratings,)
        Ratings less their baseline.
    lam_movies, lam_users : float32, (n_movies,), (n_users,)
        From `row_weights`.

    Returns
    -------
    tf.Tensor, scalar
    """
    x, w = tf.gather(X, movie_index), tf.gather(W, user_index)
    predicted = (
        tf.reduce_sum(x * w, axis=1) + tf.gather(b[0], user_index) + tf.gather(c[:, 0], movie_index)
    )
    error = tf.reduce_sum((predicted - residual) ** 2)
    l2_movies = tf.reduce_sum(lam_movies * (tf.reduce_sum(X**2, axis=1) + c[:, 0] ** 2))
    l2_users = tf.reduce_sum(lam_users * tf.reduce_sum(W**2, axis=1))
    return 0.5 * (error + l2_movies + l2_users)


def row_weights(counts: np.ndarray, lam: float, lam_power: float) -> np.ndarray:
    """λ of each row: λ_i = λ n_i^p for a row with n_i ratings (λ for a row with none).

    p = 0 weighs all rows alike, as in the original; p = 1 is Zhou et al. (2008).

    Parameters
    ----------
    counts : int64, (n_rows,)
    lam, lam_power : float
        λ and p.

    Returns
    -------
    float32, (n_rows,)

    References
    ----------
    Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix prize".
    """
    return (lam * np.maximum(counts, 1.0) ** lam_power).astype(np.float32)


# The contract -------------------------------------------------------------------------------


class Response(NamedTuple):
    """How a user's coefficients follow from their ratings, with the movies fixed.

        (w, b, level) = share @ counts_as + rest

    Attributes
    ----------
    share : float64, (n_features + 2, n)
    rest : float64, (n_features + 2,)
    counts_as : float64, (n,)
        What each rating counts as: the rating itself, or 1 for a like and 0 for none.
    expected : float64, (n,)
        What `counts_as` would be for a user of whom nothing is known.
    """

    share: np.ndarray
    rest: np.ndarray
    counts_as: np.ndarray
    expected: np.ndarray

    @property
    def coefficients(self) -> np.ndarray:
        """(w, b, level): float64, (n_features + 2,)."""
        return self.share @ self.counts_as + self.rest


class Population(NamedTuple):
    """What a new user is drawn from: the spread of (w, level) over the model's users.

    Attributes
    ----------
    movies : float64, (n_movies, n_features + 1)
        Each movie's features, and 1.
    covariance : float64, (n_features + 1, n_features + 1)
    noise : float
        Variance of a rating around its prediction, in squared stars.
    """

    movies: np.ndarray
    covariance: np.ndarray
    noise: float


class Model(Protocol):
    """What a caller may ask of any trained model; rows are movies, columns are users.

    Attributes
    ----------
    says : frozenset of str
        What it can say: "stars" (it predicts ratings), "order" (its scores rank movies),
        "intervals" (it knows how sure it is: `predict_interval`, `new_user_std`).
    settings : Settings
        What it was trained with.
    data_fingerprint : str
        `Ratings.fingerprint` of the ratings that it was trained on.
    movie_ids, user_ids, movies, movie_counts, scale
        As in `Ratings`, of the training ratings.
    """

    says: ClassVar[frozenset[str]]

    @property
    def settings(self) -> Settings: ...
    @property
    def data_fingerprint(self) -> str: ...
    @property
    def movie_ids(self) -> np.ndarray: ...
    @property
    def user_ids(self) -> np.ndarray: ...
    @property
    def movies(self) -> pd.DataFrame: ...
    @property
    def movie_counts(self) -> np.ndarray: ...
    @property
    def scale(self) -> tuple[float, float]: ...

    @property
    def ranker(self) -> Any:
        """The model whose scores order the lists: usually this one."""

    @property
    def predictor(self) -> Any:
        """The model that predicts ratings, or None: usually this one."""

    def predict(self, movie_index: Index, user_index: Index, clip: bool = True) -> np.ndarray:
        """Ratings of pairs: float32, (n,). TypeError where it does not say stars."""

    def score_users(self, user_index: Index) -> np.ndarray:
        """Scores of all movies for a block of users: float32, (n_movies, n_block)."""

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for a user of whom nothing is known: float32, (n_movies,)."""

    def fold_in(self, ratings: Ratings, bias: str | None = None) -> Self:
        """The same movies with the users of `ratings`, solved for with the movies fixed."""

    def response(
        self, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
    ) -> Response:
        """How one user's coefficients follow from their ratings: what makes reasons exact."""

    def save(self, path: str | Path, ratings: Ratings | None = None) -> Path:
        """Write it to one file, which `load_model` reads."""


# What training returns ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class FactorModel(Stored):
    """A trained factorisation: Ŷ_ij = x_i·w_j + b_j + c_i + Y_mu_i + user_mu_j.

    Immutable. With no features at all it is the baseline of its normalisation alone.

    Attributes
    ----------
    X, W : float32, (n_movies, n_features), (n_users, n_features)
        Movie features and user weights.
    b, c : float32, (1, n_users), (n_movies, 1)
        User bias and movie bias.
    normalization : Normalization
        What was subtracted from the ratings, and is added to the predictions.
    movie_ids, user_ids, movies, movie_counts, scale
        As in `Ratings`, of the training ratings.
    settings : Settings
        What trained it, such as `als.ALSSettings`.
    data_fingerprint : str
        `Ratings.fingerprint` of the training ratings.
    history : DataFrame
        Columns step, cost, validation_rmse, seconds: one row a step of the solver.
    notes : dict
        What else should be remembered with the model, in JSON types.
    """

    X: np.ndarray
    W: np.ndarray
    b: np.ndarray
    c: np.ndarray
    normalization: Normalization
    movie_ids: np.ndarray
    user_ids: np.ndarray
    movies: pd.DataFrame
    movie_counts: np.ndarray
    scale: tuple[float, float]
    settings: Settings
    data_fingerprint: str
    history: pd.DataFrame
    notes: dict[str, Any] = dataclasses.field(default_factory=dict, kw_only=True)

    says: ClassVar[frozenset[str]] = frozenset({STARS, ORDER})
    new_user_noise: ClassVar[float] = 0.3
    # σ² of `population`, in squared stars. It is less than the noise of a rating, because λ
    # shrinks the weights, and their covariance with them; chosen on people left out of training.

    def __post_init__(self) -> None:
        check_and_freeze(self)

    @classmethod
    def trained(
        cls,
        ratings: Ratings,
        normalization: Normalization,
        X: np.ndarray,
        W: np.ndarray,
        b: np.ndarray,
        c: np.ndarray,
        settings: Settings,
        history: pd.DataFrame,
        **fields: Any,
    ) -> Self:
        """The model that training on `ratings` ends with; ids and titles come from `ratings`."""
        about: dict[str, Any] = {name: getattr(ratings, name) for name in FROM_RATINGS}
        about |= {"normalization": normalization, "settings": settings, "history": history}
        notes = {} if ratings.kind == "ratings" else {"kind": ratings.kind}
        about["notes"] = notes | fields.pop("notes", {})
        about["data_fingerprint"] = ratings.fingerprint
        X, W, b, c = (np.ascontiguousarray(array, np.float32) for array in (X, W, b, c))
        return cls(X, W, b, c, **(about | fields))

    @property
    def n_movies(self) -> int:
        """Number of rows."""
        return len(self.movie_ids)

    @property
    def n_users(self) -> int:
        """Number of columns."""
        return len(self.user_ids)

    @property
    def n_features(self) -> int:
        """Number of features of each movie."""
        return self.X.shape[1]

    @property
    def kind(self) -> str:
        """What the training ratings say: a key of `ratings.KINDS`."""
        return self.notes.get("kind", "ratings")

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.settings.solver}: {self.n_movies:,} movies x "
            f"{self.n_users:,} users, {self.n_features} features)"
        )

    @property
    def ranker(self) -> FactorModel:
        """The model whose scores order the lists: this one."""
        return self

    @property
    def predictor(self) -> FactorModel | None:
        """The model that predicts ratings: this one, where it says stars."""
        return self if STARS in self.says else None

    # Predictions

    def predict(self, movie_index: Index, user_index: Index, clip: bool = True) -> np.ndarray:
        """Predicted ratings of pairs of indices: float32, (n,); clipped to the scale by default.

        Raises
        ------
        IndexError
            For an index outside the axes.
        """
        movie_index = checked_index(movie_index, self.n_movies, "movie")
        user_index = checked_index(user_index, self.n_users, "user")
        predicted = self.normalization.baseline(movie_index, user_index)
        predicted += self.b[0, user_index] + self.c[movie_index, 0]
        for start in range(0, len(predicted) if self.n_features else 0, 1 << 16):
            rows = slice(start, start + (1 << 16))
            x, w = self.X[movie_index[rows]], self.W[user_index[rows]]
            predicted[rows] += np.einsum("nk,nk->n", x, w)
        return np.clip(predicted, *self.scale, out=predicted) if clip else predicted

    def score_users(self, user_index: Index) -> np.ndarray:
        """Scores of all movies for a block of users: float32, (n_movies, n_block).

        Not clipped: movies that would all be shown as 5 stars keep their order.
        """
        user_index = checked_index(user_index, self.n_users, "user")
        rows = self.c + self.normalization.Y_mu
        columns = self.b[:, user_index] + self.normalization.user_mu[:, user_index]
        scores = self.X @ self.W[user_index].T
        scores += rows
        scores += columns
        return scores

    def score_user(self, user_index: int) -> np.ndarray:
        """Scores of all movies for one user: float32, (n_movies,), not clipped."""
        return self.score_users([user_index])[:, 0]

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for a user of whom nothing is known: float32, (n_movies,)."""
        return self.normalization.new_user() + self.c[:, 0]

    def item_vectors(self) -> np.ndarray:
        """(x_i, c_i + Y_mu_i, 1) of every movie: float32, (n_movies, n_features + 2).

        The inner product with a row of `user_vectors` is the score, biases included, so an index
        of nearest neighbours by inner product can find the best movies of a user.
        """
        rows = self.c + self.normalization.Y_mu
        return np.hstack([self.X, rows, np.ones_like(rows)])

    def user_vectors(self) -> np.ndarray:
        """(w_j, 1, b_j + user_mu_j) of every user: float32, (n_users, n_features + 2)."""
        columns = (self.b + self.normalization.user_mu).T
        return np.hstack([self.W, np.ones_like(columns), columns])

    # Somebody new

    def fold_in(self, ratings: Ratings, bias: str | None = None) -> Self:
        """The same movies with other users: those of `ratings`, with the movies fixed.

            w, b = argmin Σ_i (w·x_i + b - e_i)² + λ n^p |w|²,   e_i = y_i - Y_mu_i - level - c_i

        over the n movies i that a user rated, with training's own λ and p, and `level` the user's
        damped mean as normalisation subtracts it.

        Parameters
        ----------
        ratings : Ratings
            Of new users, or more ratings of known ones, on the model's movies.
        bias : str or None
            The penalty of b. "free": none, as in training; the ratings that the model was trained
            on then give what training ended with, to the last bit. "ridge": λ n^p b². "none":
            b = 0. None: "none" where normalisation subtracts the users' means, else "ridge".
            A free bias suits users with many ratings; after a single rating it would move every
            prediction by all of that rating's surprise (chapter 05).

        Returns
        -------
        FactorModel
            Its users are those of `ratings`; it predicts, recommends and is saved like any other.

        Raises
        ------
        ValueError
            For ratings on other movies, and for another `bias`.
        """
        check_movies(self, ratings)
        bias = self.bias_kind(bias)
        means = self.normalization.with_users(ratings)
        W, b = np.zeros((ratings.n_users, 0), np.float32), np.zeros(ratings.n_users, np.float32)
        if self.n_features:
            rows = _kernels.by_row(
                ratings.user_index, ratings.movie_index, means.subtract(ratings), ratings.n_users
            )
            ridge = self.ridge(ratings.user_counts)
            W, b, _ = _kernels.solve_rows(rows, self.X, self.c[:, 0], ridge, bias)
        return dataclasses.replace(
            self, W=W, b=b[None, :], normalization=means, user_ids=ratings.user_ids
        )

    def response(
        self, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
    ) -> Response:
        """The linear map from one user's ratings to their weights, bias and level.

        A ridge regression is least squares with √λ appended to the movies' rows, so its answer
        is a pseudo-inverse times the targets; the level and the targets are linear in the ratings.

        Parameters
        ----------
        movie_index : int64, (n,)
        values : float64, (n,)
            The ratings.
        bias : str or None
            As in `fold_in`.

        Returns
        -------
        Response
        """
        n, k = len(movie_index), self.n_features
        bias = self.bias_kind(bias)
        expected = self.score_new_user()[movie_index].astype(np.float64)
        if not n:
            return Response(np.zeros((k + 2, 0)), np.zeros(k + 2), values, expected)
        means = self.normalization
        # The mean of what Y_mu leaves, damped, is a sum with one weight for each rating: that of 1.
        (weight,) = normalize.user_means(means.method, means.damping, np.array([n]), np.ones(1))[0]
        of_level = np.full(n, weight, np.float64)  # level = of_level · (values - Y_mu)
        features = np.column_stack([self.X[movie_index], np.full(n, bias != "none")])
        penalty = np.zeros(k + 1)
        if k:
            (lam,) = self.ridge(np.array([n]))
            penalty[:k], penalty[k] = lam, lam if bias == "ridge" else 0
        solution = np.linalg.pinv(np.vstack([features, np.diag(np.sqrt(penalty))]))[:, :n]
        share = np.vstack([solution - np.outer(solution.sum(axis=1), of_level), of_level])
        Y_mu, c = (side[movie_index, 0].astype(np.float64) for side in (means.Y_mu, self.c))
        rest = -share @ Y_mu - np.append(solution @ c, 0)
        return Response(share, rest, values, expected)

    def population(self) -> Population:
        """What a new user is drawn from, as far as the model's own users show it."""
        level = self.b[0] + self.normalization.user_mu[0]
        covariance = np.cov(np.column_stack([self.W, level]).T)
        movies = np.column_stack([self.X.astype(np.float64), np.ones(self.n_movies)])
        return Population(movies, covariance, self.new_user_noise)

    def solve_movie(
        self, user_index: np.ndarray, values: np.ndarray
    ) -> tuple[np.ndarray, float, float]:
        """(x, c, Y_mu) of a new movie from its ratings, with the users fixed, as in training."""
        Y_mu = self.normalization.new_movie_mean(values)
        x, c = np.zeros(self.n_features, np.float32), 0.0
        if self.n_features and len(values):
            x, c = _kernels.solve_row(
                user_index,
                values - Y_mu - self.normalization.user_mu[0, user_index],
                self.W,
                self.b[0],
                self.ridge(np.array([len(values)]))[0],
                "ridge" if self.settings.movie_bias else "none",  # type: ignore[attr-defined]
            )
        return x, c, float(Y_mu)

    def ridge(self, counts: np.ndarray) -> np.ndarray:
        """λ of rows with so many ratings, as in training: float32.

        Raises
        ------
        TypeError
            For settings without `lam` and `lam_power`: their model has to override `fold_in` and
            `response`, or this.
        """
        settings = ridge_settings(self)
        return row_weights(counts, settings.lam, settings.lam_power)

    def bias_kind(self, bias: str | None) -> str:
        """The kind of bias that `None` stands for, or the one that is given, checked."""
        if bias not in (None, *BIAS_KINDS):
            raise ValueError(
                f"`bias` should be None or one of {', '.join(BIAS_KINDS)}. Received: {bias!r}"
            )
        if not self.n_features:  # a model of means: its users have the levels of its means
            return "none"
        return bias or ("none" if self.normalization.method == "movie_user_damped" else "ridge")
