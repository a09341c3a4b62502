"""A ranker of two parts: who liked what, and what is popular.

So little is known of somebody who has liked one or two movies that the most popular ones make a
better list than `fit_implicit` does. Of somebody who has liked a hundred, popularity says little
that is new. So the two are added up, and a user's own part counts the more, the more they liked.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np

from ..model import FactorModel, Response
from ..ratings import Ratings
from ..settings import setting
from .implicit import ImplicitSettings, fit_implicit
from .ranking import RankingModel, liked


@dataclasses.dataclass(frozen=True)
class BlendSettings(ImplicitSettings, solver="blend"):
    """Settings of `fit_blend`: those of `fit_implicit`, and how much popularity counts."""

    n_features: int = setting(128, "Columns of X and W.", least=1)
    popular: float = setting(0.03, "π, how much popularity counts.", least=0)
    known_after: float = setting(40.0, "n₀: with so many likes a user is half known.", above=0)

    @property
    def implicit(self) -> ImplicitSettings:
        """The settings of the first part."""
        names = [field.name for field in dataclasses.fields(ImplicitSettings)]
        return ImplicitSettings(**{name: getattr(self, name) for name in names})


def fit_blend(
    ratings: Ratings, settings: BlendSettings | None = None, **changes: Any
) -> BlendModel:
    """Fit `fit_implicit`, and add the popularity of movies to its standardised scores.

        score_lj = κ_j x_l·w_j / s_j + π z_l,      κ_j = n_j / (n_j + n₀)

    x and w are those of `fit_implicit`, and s_j is the standard deviation of x_l·w_j over all
    movies. n_j is how many movies user j liked, and z_l = (m_l - m̄) / max(s, 2 m̄), where m_l is the
    number of ratings of movie l, m̄ its mean over the movies, and s its standard deviation. So where
    all are about equally popular (s is small), the differences that chance makes hardly count. In
    MovieLens s is more than twice m̄.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    settings : BlendSettings or None
        None: the defaults. π and n₀ were chosen on people left out of MovieLens' training ratings.
    **changes
        Fields of `BlendSettings`, in place of those of `settings`.

    Returns
    -------
    BlendModel

    Raises
    ------
    ValueError
        As `fit_implicit`.
    """
    settings = BlendSettings.chosen(settings, changes)
    return BlendModel.of(fit_implicit(ratings, settings.implicit), ratings, settings)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BlendModel(RankingModel):
    """What `fit_blend` returns: a user's weights are κ w / s, and c is π z."""

    @classmethod
    def of(cls, first: RankingModel, ratings: Ratings, settings: BlendSettings) -> Self:
        """The model with this first part, and the users of `ratings`."""
        counts = ratings.movie_counts
        z = (counts - counts.mean()) / max(counts.std(), 2 * counts.mean())
        c, W = settings.popular * z[:, None], np.zeros_like(first.W)
        model = cls.ranking(
            ratings, first.X, W, c, (0.0, 1.0), settings, first.history, notes=first.notes
        )
        return model.fold_in(ratings)

    @property
    def first(self) -> RankingModel:
        """The part of `fit_implicit` alone, of users who are scaled."""
        settings: Any = self.settings
        names = [field.name for field in dataclasses.fields(FactorModel)]
        fields = {name: getattr(self, name) for name in names}
        fields |= {"settings": settings.implicit, "c": np.zeros_like(self.c)}
        return RankingModel(**fields)

    def score_new_user(self) -> np.ndarray:
        """Popularity alone: float32, (n_movies,)."""
        return self.c[:, 0]

    def fold_in(self, ratings: Ratings, bias: str | None = None) -> Self:
        """The same movies with the users of `ratings`, as `fit_implicit` solves for users.

        A user without a like gets the most popular movies. `bias` is not used: there is none.
        """
        settings: Any = self.settings
        folded = self.first.fold_in(ratings)
        factor = self.factor(folded.W, liked(ratings, settings.threshold).user_counts)
        return dataclasses.replace(
            self,
            W=(factor[:, None] * folded.W).astype(np.float32),
            b=folded.b,
            normalization=folded.normalization,
            user_ids=folded.user_ids,
        )

    def response(
        self, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
    ) -> Response:
        """The map of `fit_implicit`'s part. κ / s multiplies each like's share: it stays exact."""
        of_first = self.first.response(movie_index, values)
        w, n_likes = of_first.coefficients[: self.n_features], of_first.counts_as.sum()
        factor = self.factor(w[None], np.array([n_likes]))
        return of_first._replace(share=factor * of_first.share, rest=factor * of_first.rest)

    def factor(self, w: np.ndarray, n_likes: np.ndarray) -> np.ndarray:
        """κ / s of users with these w, (n_users, n_features): float64, (n_users,)."""
        settings: Any = self.settings
        about = self.X - self.X.mean(axis=0, dtype=np.float64)
        w = w.astype(np.float64)
        variance = np.einsum("uk,uk->u", w @ (about.T @ about / len(about)), w)
        spread = np.where(variance > 0, np.sqrt(np.maximum(variance, 0)), np.inf)
        return n_likes / (n_likes + settings.known_after) / spread
