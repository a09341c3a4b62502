"""`RankingModel`: scores that order movies and are not ratings."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import pandas as pd

from .. import _kernels, normalize
from .._checks import check_movies
from ..model import ORDER, FactorModel, Index, Response
from ..ratings import Ratings
from ..settings import Settings


class RankingModel(FactorModel):
    """A model whose scores x_i·w_j + c_i order movies and are not ratings.

    It scores, folds in, gives reasons, saves and loads as every `FactorModel`; only `predict`
    refuses. `scale` holds the lowest and the highest score that make sense.
    """

    says: ClassVar[frozenset[str]] = frozenset({ORDER})

    @classmethod
    def ranking(
        cls,
        ratings: Ratings,
        X: np.ndarray,
        W: np.ndarray,
        c: np.ndarray,
        scale: tuple[float, float],
        settings: Settings,
        history: pd.DataFrame,
        **fields: Any,
    ) -> Self:
        """The model with scores x_i·w_j + c_i, trained on `ratings`."""
        nothing = normalize.fit(ratings, "none")
        b = np.zeros((1, ratings.n_users))
        fields = {"scale": scale} | fields
        return cls.trained(ratings, nothing, X, W, b, c, settings, history, **fields)

    def predict(self, movie_index: Index, user_index: Index, clip: bool = True) -> NoReturn:
        """Raise TypeError: a ranking model predicts no ratings."""
        raise TypeError(
            f"{self!r} ranks movies, and its scores are not ratings: use `evaluation.rank`, "
            "`people.recommend` or `score_users`"
        )

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for the average user: float32, (n_movies,)."""
        return self.X @ self.W.mean(axis=0) + self.c[:, 0]

    def fold_in(self, ratings: Ratings, bias: str | None = None) -> Self:
        """The same movies with the users of `ratings`, as `fit_implicit` solves for users.

        A user without a like gets the mean of the model's users. `bias` is not used: there is none.
        """
        if not self.n_features:
            return super().fold_in(ratings)
        check_movies(self, ratings)
        settings: Any = self.settings
        likes = liked(ratings, settings.threshold)
        alpha = like_weights(likes.value, likes.kind, settings)
        rows = _kernels.by_row(likes.user_index, likes.movie_index, alpha, likes.n_users)
        gram = self.X.T.astype(np.float64) @ self.X
        ridge = like_ridge(rows, self.n_movies, settings)
        W, _ = _kernels.solve_implicit_rows(rows, self.X, gram, ridge)
        W[likes.user_counts == 0] = self.W.mean(axis=0)
        return dataclasses.replace(
            self,
            W=W,
            b=np.zeros((1, ratings.n_users), np.float32),
            normalization=self.normalization.with_users(ratings),
            user_ids=ratings.user_ids,
        )

    def response(
        self, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
    ) -> Response:
        """The map from one user's likes to their weights: a rating counts as 1 or 0.

        The score of movie l is a sum with one term for each like:

            x_l·w = Σ_n x_lᵀ (XᵀX + λ_w I + Σ_m α_m x_m x_mᵀ)⁻¹ (1 + α_n) x_n

        References
        ----------
        Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback datasets",
        section 5.
        """
        n, k = len(movie_index), self.n_features
        share, rest = np.zeros((k + 2, n)), np.zeros(k + 2)
        if not k:  # most popular: the same for everybody
            return Response(share, rest, np.zeros(n), np.zeros(n))
        settings: Any = self.settings
        likes = np.ones(n, bool) if settings.threshold is None else values >= settings.threshold
        X, x = self.X.astype(np.float64), self.X[movie_index].astype(np.float64)
        alpha = likes * like_weights(values, self.kind, settings).astype(np.float64)
        lam = ridge_of_weights(alpha.sum(), self.n_movies, settings)
        A = X.T @ X + lam * np.eye(k) + (alpha[:, None] * x).T @ x
        share[:k] = np.linalg.solve(A, ((1 + alpha)[:, None] * x).T)
        if not likes.any():
            rest[:k] = self.W.mean(axis=0)
        return Response(share, rest, likes.astype(np.float64), np.zeros(n))

    def solve_movie(self, user_index: np.ndarray, values: np.ndarray) -> NoReturn:
        """Raise TypeError: a movie is added to a model of ratings only."""
        raise TypeError(f"a movie can be added to a model of the cost only. Received: {self!r}")


def like_weights(value: np.ndarray, kind: str, settings: Any) -> np.ndarray:
    """How much more each like weighs than a zero: α, and α log2(1 + count) for counts; float32."""
    strength = np.ones(len(value))
    if kind == "counts" and settings.weigh_counts:
        strength = np.log2(1 + np.maximum(value, 0).astype(np.float64))
    return (settings.alpha * strength).astype(np.float32)


def like_ridge(rows: _kernels.Rows, n_columns: int, settings: Any) -> np.ndarray:
    """λ of each row, grouped with its likes' α as `residual`: float32, (n_rows,)."""
    alpha = np.concatenate([[0.0], np.cumsum(rows.residual, dtype=np.float64)])
    return ridge_of_weights(np.diff(alpha[rows.start]), n_columns, settings)


def ridge_of_weights(alpha: np.ndarray, n_columns: int, settings: Any) -> np.ndarray:
    """λ (1 + alpha / n_columns)^p, for rows whose likes' α add up to `alpha`; float32.

    The weights of all pairs of a row, liked or not, add up to n_columns + alpha. So λ is what a row
    without likes has, and p = 1 makes it grow in proportion to these weights. With p = 0 all rows
    have the same λ.

    References
    ----------
    Rendle et al. (2021), "Revisiting the performance of iALS on item recommendation benchmarks",
    equation 5.
    """
    return (settings.lam * (1 + alpha / n_columns) ** settings.lam_power).astype(np.float32)


def liked(ratings: Ratings, threshold: float | None) -> Ratings:
    """The ratings at or above `threshold`; None: all of them."""
    return ratings if threshold is None else ratings.take(ratings.value >= threshold)
