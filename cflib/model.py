"""The model, its cost, and `FactorModel`, what training returns.

`model` and `cost_fn` are the definition: dense, in TensorFlow, a line of mathematics each.
`cost_observed` is the same cost without the movies x users arrays, with the options that the
solvers know. `FactorModel` is what is left when training is over: arrays that predict.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from ._files import replacing
from ._tensorflow import tf
from .data import Ratings
from .data.ratings import DENSE_LIMIT_BYTES
from .normalize import Normalization

FORMAT = 1  # of the file that `FactorModel.save` writes
RATED = ("movie_index", "user_index", "value")  # what it can hold of the training ratings


def model(X: tf.Tensor, W: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Predict every user's (normalised) rating of every movie: Y_hat = X Wᵀ + b.

    Parameters
    ----------
    X : (n_movies, n_features)
    W : (n_users, n_features)
    b : (1, n_users)

    Returns
    -------
    Y_hat : (n_movies, n_users), of the dtype of the arguments

    Raises
    ------
    MemoryError
        Where Y_hat would need more than 2 GiB.
    """
    _refuse_if_too_large(X.shape[0], W.shape[0])
    return tf.matmul(X, W, transpose_b=True) + b


def cost_fn(
    Y: tf.Tensor, Y_hat: tf.Tensor, R: tf.Tensor, lam: float, X: tf.Tensor, W: tf.Tensor
) -> tf.Tensor:
    """Regularised squared error over the observed ratings.

    J = ½ Σ_ij R_ij (Ŷ_ij - Y_ij)² + ½ λ (Σ X² + Σ W²)

    Parameters
    ----------
    Y, Y_hat, R : (n_movies, n_users)
        Normalised ratings, predictions of them, and the 0/1 mask of what is observed.
    lam : float
        λ, the L2 weight. The user bias b is not regularised.
    X, W : (n_movies, n_features), (n_users, n_features)

    Returns
    -------
    J : scalar
    """
    error = tf.reduce_sum((R * (Y_hat - Y)) ** 2)
    l2_weight_reg = tf.reduce_sum(W**2)
    l2_x_reg = tf.reduce_sum(X**2)

    return 0.5 * error + (0.5 * lam) * (l2_weight_reg + l2_x_reg)


def cost_observed(X, W, b, c, movie_index, user_index, residual, lam_movies, lam_users):
    """The cost from the observed ratings alone, with a film bias and a λ for each row.

    J = ½ Σ_n (x_i·w_j + b_j + c_i - r_n)² + ½ Σ_i λ_i (|x_i|² + c_i²) + ½ Σ_j λ_j |w_j|²

    where rating n is of movie i by user j. With c = 0 and every λ equal this is `cost_fn`.

    Parameters
    ----------
    X, W : (n_movies, n_features), (n_users, n_features)
    b, c : (1, n_users), (n_movies, 1)
    movie_index, user_index : int32, (n_ratings,)
    residual : (n_ratings,)
        Ratings less their baseline.
    lam_movies, lam_users : (n_movies,), (n_users,)
        From `row_weights`.

    Returns
    -------
    J : scalar
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

    `lam_power` p = 0 weighs all rows alike, as in the original; p = 1 is Zhou et al. (2008),
    "Large-scale parallel collaborative filtering for the Netflix prize". Returns float32.
    """
    return (lam * np.maximum(counts, 1.0) ** lam_power).astype(np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class FactorModel:
    """A trained factorisation: Ŷ_ij = x_i·w_j + b_j + c_i + Y_mu_i + user_mu_j.

    Immutable. With no features at all it is the baseline of its normalisation alone.

    Attributes
    ----------
    X, W : float32, (n_movies, n_features), (n_users, n_features)
        Movie features and user weights.
    b, c : float32, (1, n_users), (n_movies, 1)
        User bias and film bias.
    normalization : Normalization
        What was taken off the ratings, and is added to the predictions.
    movie_ids, user_ids : (n_movies,), (n_users,)
        The id of each row and column, ascending.
    movies : DataFrame, n_movies rows
        Columns movieId, title, genres, in the order of the rows.
    movie_counts : int64, (n_movies,)
        How many training ratings stand behind each movie.
    scale : (float, float)
        Lowest and highest rating that can be given.
    settings : dict
        Solver and arguments that trained it; JSON types only.
    data_fingerprint : str
        `Ratings.fingerprint` of the training ratings.
    history : DataFrame
        Columns step, cost, validation_rmse, seconds: one row a step of the solver.
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
    settings: dict
    data_fingerprint: str
    history: pd.DataFrame

    EXTRA: ClassVar = ()  # arrays that a subclass adds, stored with the others

    def __post_init__(self):
        n_movies, n_users, k = len(self.movie_ids), len(self.user_ids), self.n_features
        expected = {
            "X": (self.X, (n_movies, k)),
            "W": (self.W, (n_users, k)),
            "b": (self.b, (1, n_users)),
            "c": (self.c, (n_movies, 1)),
            "Y_mu": (self.normalization.Y_mu, (n_movies, 1)),
            "user_mu": (self.normalization.user_mu, (1, n_users)),
            "movie_counts": (self.movie_counts, (n_movies,)),
        }
        for name, (array, shape) in expected.items():
            if array.shape != shape:
                raise ValueError(f"`{name}` should have shape {shape}. Received: {array.shape}")
            if not np.isfinite(array).all():
                bad = int((~np.isfinite(array)).sum())
                raise ValueError(f"`{name}` holds {bad} values that are not finite numbers")
            array.flags.writeable = False
        if len(self.movies) != n_movies:
            raise ValueError(
                f"`movies` should have {n_movies} rows, one a movie. Received: {len(self.movies)}"
            )

    @classmethod
    def trained(
        cls, ratings: Ratings, normalization, X, W, b, c, settings, history, **extra
    ) -> FactorModel:
        """The model that training on `ratings` ends with; ids and titles come from `ratings`."""
        return cls(
            *(np.ascontiguousarray(array, np.float32) for array in (X, W, b, c)),
            normalization=normalization,
            movie_ids=ratings.movie_ids,
            user_ids=ratings.user_ids,
            movies=ratings.movies,
            movie_counts=ratings.movie_counts,
            scale=ratings.scale,
            settings=settings,
            data_fingerprint=ratings.fingerprint,
            history=history,
            **extra,
        )

    @property
    def n_movies(self) -> int:
        return len(self.movie_ids)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_features(self) -> int:
        return self.X.shape[1]

    def __repr__(self) -> str:
        return (
            f"FactorModel({self.settings.get('solver', '?')}: {self.n_movies:,} movies x "
            f"{self.n_users:,} users, {self.n_features} features)"
        )

    def predict(self, movie_index, user_index, clip: bool = True) -> np.ndarray:
        """Predicted ratings of pairs of indices: float32, (n,); clipped to the scale by default.

        Raises IndexError for an index outside the axes.
        """
        movie_index = _checked_index(movie_index, self.n_movies, "movie")
        user_index = _checked_index(user_index, self.n_users, "user")
        predicted = self.normalization.baseline(movie_index, user_index)
        predicted += self.b[0, user_index] + self.c[movie_index, 0]
        for start in range(0, len(predicted) if self.n_features else 0, 1 << 16):
            rows = slice(start, start + (1 << 16))
            x, w = self.X[movie_index[rows]], self.W[user_index[rows]]
            predicted[rows] += np.einsum("nk,nk->n", x, w)
        return np.clip(predicted, *self.scale, out=predicted) if clip else predicted

    def score_users(self, user_index) -> np.ndarray:
        """Scores of all movies for a block of users: float32, (n_movies, n_block).

        Not clipped: films that would all be shown as 5 stars keep their order.
        """
        user_index = _checked_index(user_index, self.n_users, "user")
        rows = self.c + self.normalization.Y_mu
        columns = self.b[:, user_index] + self.normalization.user_mu[:, user_index]
        scores = self.X @ self.W[user_index].T
        scores += rows
        scores += columns
        return scores

    def score_user(self, user_index: int) -> np.ndarray:
        """Scores of all movies for one user: float32, (n_movies,), not clipped."""
        return self.score_users([user_index])[:, 0]

    def score_movie(self, movie_index: int) -> np.ndarray:
        """Scores of one movie for all users: float32, (n_users,), not clipped."""
        (movie_index,) = _checked_index([movie_index], self.n_movies, "movie")
        scores = self.W @ self.X[movie_index] + self.b[0] + self.normalization.user_mu[0]
        return scores + self.c[movie_index, 0] + self.normalization.Y_mu[movie_index, 0]

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for a user nobody has seen: float32, (n_movies,), not clipped."""
        return self.normalization.new_user() + self.c[:, 0]

    def save(self, path, ratings: Ratings | None = None) -> Path:
        """Write the model to one `.npz` file, whole or not at all, without pickle.

        With the `ratings` that it was trained on (12 bytes each), the file also knows what its
        users have rated already: `load_ratings` reads them. Raises ValueError for other ratings.
        """
        path, stored = Path(path), {}
        if ratings is not None:
            if ratings.fingerprint != self.data_fingerprint:
                raise ValueError(
                    f"`ratings` should be those that the model was trained on. Received: {ratings!r}"
                )
            stored = {f"rated_{name}": getattr(ratings, name) for name in RATED}
        header = {
            "format": FORMAT,
            "kind": type(self).__name__,
            "method": self.normalization.method,
            "damping": self.normalization.damping,
            "mean": self.normalization.mean,
            "scale": list(self.scale),
            "settings": self.settings,
            "data_fingerprint": self.data_fingerprint,
            "history_columns": list(self.history.columns),
        }
        with replacing(path) as beside, open(beside, "wb") as file:
            np.savez(
                file,
                header=_packed(header),
                **{
                    name: getattr(self, name)
                    for name in ("X", "W", "b", "c", "movie_counts", *self.EXTRA)
                },
                Y_mu=self.normalization.Y_mu,
                user_mu=self.normalization.user_mu,
                movie_ids=_plain(self.movie_ids),
                user_ids=_plain(self.user_ids),
                titles=_packed(self.movies["title"].tolist()),
                genres=_packed(self.movies["genres"].tolist()),
                history=self.history.to_numpy(np.float64),
                **stored,
            )
        return path

    def load_ratings(self, path) -> Ratings:
        """The ratings that `save` stored beside this model, without their times.

        Raises ValueError where it stored none, or the file is of another model.
        """
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[f"rated_{name}"] for name in RATED if f"rated_{name}" in stored}
        if len(found) < len(RATED):
            raise ValueError(
                f"{path} does not hold the ratings that its model was trained on: save it with "
                "`model.save(path, ratings)`, or train it by `python -m cflib fit`"
            )
        ratings = Ratings(
            **found,
            timestamp=None,
            movie_ids=self.movie_ids,
            user_ids=self.user_ids,
            movies=self.movies,
            scale=self.scale,
            name=Path(path).stem,
        )
        if ratings.fingerprint != self.data_fingerprint:
            raise ValueError(f"{path} holds other ratings than those that its model was trained on")
        return ratings

    @classmethod
    def load(cls, path) -> FactorModel:
        """Read a model that `save` wrote, and check it.

        Raises FileNotFoundError where there is no such file, and ValueError, with the path and
        what is wrong, for a file that is damaged, of another kind, or inconsistent in itself.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            header = _unpacked(arrays["header"])
            if header["format"] != FORMAT:
                raise ValueError(
                    f"its format is {header['format']}, and this version of cflib reads {FORMAT}"
                )
            kind = _kind(header["kind"])
            movies = pd.DataFrame(
                {
                    "movieId": arrays["movie_ids"],
                    "title": _unpacked(arrays["titles"]),
                    "genres": _unpacked(arrays["genres"]),
                }
            )
            return kind(
                *(arrays[name] for name in ("X", "W", "b", "c")),
                normalization=Normalization(
                    header["method"],
                    header["damping"],
                    header["mean"],
                    arrays["Y_mu"],
                    arrays["user_mu"],
                ),
                movie_ids=arrays["movie_ids"],
                user_ids=arrays["user_ids"],
                movies=movies,
                movie_counts=arrays["movie_counts"],
                scale=tuple(header["scale"]),
                settings=header["settings"],
                data_fingerprint=header["data_fingerprint"],
                history=pd.DataFrame(arrays["history"], columns=header["history_columns"]),
                **{name: arrays[name] for name in kind.EXTRA},
            )
        except KeyError as missing:
            raise ValueError(f"{path} is not a whole cflib model: it has no {missing}") from None
        except (ValueError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{path} cannot be read as a cflib model: {error}") from error


def _refuse_if_too_large(n_movies, n_users) -> None:
    if n_movies is None or n_users is None:
        return
    needed = 4 * n_movies * n_users
    if needed > DENSE_LIMIT_BYTES:
        raise MemoryError(
            f"predictions for {n_movies:,} x {n_users:,} pairs need {needed / 1e9:,.1f} GB, more "
            f"than the limit of {DENSE_LIMIT_BYTES / 1e9:.1f} GB. For the cost use `cost_observed`, "
            "to predict `FactorModel.predict` or, in blocks of users, `FactorModel.score_users`."
        )


def _checked_index(index, n: int, kind: str) -> np.ndarray:
    index = np.asarray(index)
    if index.size and not (0 <= index.min() and index.max() < n):
        bad = index[(index < 0) | (index >= n)][0]
        raise IndexError(
            f"{kind} index {bad} is outside 0 to {n - 1}: is it an id? "
            f"`Ratings.{kind}_index_of` turns an id into an index"
        )
    return index


def _kind(name: str) -> type[FactorModel]:
    """The class that a file's header names."""
    if name == "FactorModel":
        return FactorModel
    from .bayes import BayesModel  # here, because they are built on this module
    from .implicit import RankingModel

    for kind in (BayesModel, RankingModel):
        if name == kind.__name__:
            return kind
    raise ValueError(f"it holds a {name}, which this version of cflib does not know")


def _packed(value) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _unpacked(array: np.ndarray):
    return json.loads(array.tobytes())


def _plain(ids: np.ndarray) -> np.ndarray:
    ids = np.asarray(ids)
    return ids if np.issubdtype(ids.dtype, np.number) else ids.astype(np.str_)
