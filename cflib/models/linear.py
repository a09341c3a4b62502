"""A linear item-item model: every movie's score is a sum over the movies that the user liked.

The weights of the sum have a closed form, Steck's EASE. Written out, they need one number for each
pair of movies. This module keeps them in another form, with one number for each movie and user of
the training set, which is exact and much smaller where there are fewer users than movies.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import scipy.linalg

from .. import normalize
from .._checks import check_movies
from .._training import HISTORY
from ..model import Response
from ..ratings import Ratings
from ..settings import Settings, setting
from .ranking import RankingModel, liked

EASE_LIMIT = 12_000  # users whose likes are compared pair by pair: 1.2 GB in double precision


def item_weights(likes: np.ndarray, lam: float) -> np.ndarray:
    """The definition: EASE's weights B, in closed form, with zeros on the diagonal.

        B = argmin |L - L B|² + λ |B|²,  diag B = 0;   B = I - P diag(P)⁻¹,  P = (LᵀL + λ I)⁻¹

    Parameters
    ----------
    likes : float64, (n_users, n_movies)
        L: 1 where a user liked a movie, else 0.
    lam : float

    Returns
    -------
    float64, (n_movies, n_movies)
        A user's scores are their row of L times B.

    References
    ----------
    Steck (2019), "Embarrassingly shallow autoencoders for sparse data", equation 8.
    """
    P = np.linalg.inv(likes.T @ likes + lam * np.eye(likes.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return B


@dataclasses.dataclass(frozen=True)
class EASESettings(Settings, solver="ease"):
    """Settings of `fit_ease`."""

    lam: float = setting(100.0, "λ, the L2 weight of the item-item weights.", above=0)
    threshold: float | None = setting(3.5, "Ratings from here on are likes; None: all are.")


def fit_ease(ratings: Ratings, settings: EASESettings | None = None, **changes: Any) -> LinearModel:
    """Fit `item_weights` in the form that has a row for each training user.

    By Woodbury's identity, P = (I - Lᵀ M L) / λ with M = (L Lᵀ + λ I)⁻¹. So for two different
    movies

        B_il = (Lᵀ M L)_il / (λ P_ll)

    and the scores of a user with the likes p are x_l·w, with the features x_l = L_l / (λ P_ll) (one
    number for each training user) and the weights w = M L p.

    Parameters
    ----------
    ratings : Ratings
        Training ratings of at most `EASE_LIMIT` users.
    settings : EASESettings or None
        None: the defaults.
    **changes
        Fields of `EASESettings`, in place of those of `settings`.

    Returns
    -------
    LinearModel
        A movie that the user liked is scored as if its own like counted, too; lists leave those
        movies out. `history` is empty: there are no iterations.

    Raises
    ------
    ValueError
        For a setting outside its limits, a threshold that no rating reaches, or too many users.

    References
    ----------
    Steck (2019), "Embarrassingly shallow autoencoders for sparse data".
    """
    settings = EASESettings.chosen(settings, changes)
    likes = liked(ratings, settings.threshold)
    if not len(likes):
        raise ValueError(
            f"no rating is at or above the `threshold` of {settings.threshold}; None counts all "
            "of them"
        )
    if ratings.n_users > EASE_LIMIT:
        raise ValueError(
            f"`fit_ease` compares at most {EASE_LIMIT:,} users pair by pair. Received: "
            f"{ratings.n_users:,} users. Use `fit_implicit`."
        )
    L = np.zeros((ratings.n_users, ratings.n_movies), np.float32)
    L[likes.user_index, likes.movie_index] = 1
    common = (L @ L.T).astype(np.float64)
    M = scipy.linalg.inv(common + settings.lam * np.eye(len(L)), overwrite_a=True)
    ML = M.astype(np.float32) @ L
    scaled_P = 1 - np.einsum("ji,ji->i", L, ML)  # λ P_ll
    X = (L / scaled_P).T
    W = (ML @ L.T).T
    unknown = likes.user_counts == 0
    W[unknown] = W[~unknown].mean(axis=0)
    history = pd.DataFrame(columns=HISTORY, dtype=np.float64)
    return LinearModel.trained(
        ratings,
        normalize.fit(ratings, "none"),
        X,
        W,
        np.zeros((1, ratings.n_users)),
        np.zeros((ratings.n_movies, 1)),
        settings,
        history,
        scale=(0.0, 1.0),
        of_likes=np.ascontiguousarray(ML),
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LinearModel(RankingModel):
    """What `fit_ease` returns: scores x_l·w, with w a sum over the user's likes.

    Attributes
    ----------
    of_likes : float32, (n_features, n_movies)
        M L: what a like of each movie adds to w.
    """

    of_likes: np.ndarray

    extra_arrays: ClassVar[tuple[str, ...]] = ("of_likes",)

    def fold_in(self, ratings: Ratings, bias: str | None = None) -> Self:
        """The same movies with the users of `ratings`: w is the sum over their likes.

        A user without a like gets the mean of the model's users. `bias` is not used: there is none.
        """
        check_movies(self, ratings)
        settings: Any = self.settings
        likes = liked(ratings, settings.threshold)
        W = np.zeros((ratings.n_users, self.n_features), np.float32)
        for user in np.unique(likes.user_index):
            movies = likes.movie_index[likes.user_index == user]
            W[user] = self.of_likes[:, movies].sum(axis=1)
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
        """The map from one user's likes to w: a sum, so a like adds what it would add alone."""
        settings: Any = self.settings
        n, k = len(movie_index), self.n_features
        likes = np.ones(n, bool) if settings.threshold is None else values >= settings.threshold
        share, rest = np.zeros((k + 2, n)), np.zeros(k + 2)
        share[:k] = self.of_likes[:, movie_index]
        if not likes.any():
            rest[:k] = self.W.mean(axis=0)
        return Response(share, rest, likes.astype(np.float64), np.zeros(n))
