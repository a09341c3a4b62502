"""Which models are worth comparing on some ratings, and how each of them is set and trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from .. import models
from ..als import ALSSettings, MeansSettings, fit_als, fit_means
from ..model import FactorModel
from ..models import (
    EASE_LIMIT,
    BayesSettings,
    BlendSettings,
    EASESettings,
    ImplicitSettings,
    fit_bayes,
    fit_blend,
    fit_ease,
    fit_implicit,
    fit_popularity,
)
from ..models.popularity import PopularitySettings
from ..ratings import Ratings
from ..settings import Settings
from .search import Search, choose_blend, choose_ease, choose_implicit, choose_lam

# From simple to costly. Of models that cannot be told apart, the first is kept.
MODELS = ("popular", "means", "als", "blend", "ease", "bayes")
ON_REQUEST = ("implicit",)  # known to `fit`, but not compared unless it is asked for by name
MEANS, FACTORS = "means", "als"
FEATURES = "bayes+features"  # the row of `fit_bayes` with what is known of items and users
WITH_STARS = ("means", "als", "bayes", FEATURES)  # the models that predict ratings

BAYES_LIMITS = 1_000_000, 20_000  # ratings, and users with items: beyond, it takes many minutes
EASE_CELLS = 100_000_000  # users times items: its model has two numbers for each pair, 0.8 GB
QUICK_SPREAD = 3.4  # λ of `quick`, in standard deviations: the default of `fit_als` on MovieLens


@dataclasses.dataclass(frozen=True, eq=False)
class Options:
    """What `fit` was asked for, besides the ratings.

    Attributes
    ----------
    n_features, seed : int
    movie_features, user_features : array, sparse matrix or None
    """

    n_features: int = 16
    seed: int = 0
    movie_features: Any = None
    user_features: Any = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """How one model is set and trained.

    Attributes
    ----------
    default : callable
        `default(ratings)` returns settings without a search.
    fit : callable
        `fit(ratings, settings)` returns the trained model.
    search : callable or None
        `search(ratings, after_fit)` chooses settings on a part of the ratings. None: `default`
        does.
    n_fits : int
        How many models a search trains, at most.
    """

    default: Callable[[Ratings], Settings]
    fit: Callable[[Ratings, Any], FactorModel]
    search: Callable[[Ratings, Callable[[], object]], Search] | None = None
    n_fits: int = 0

    def choose(self, ratings: Ratings, after_fit: Callable[[], object]) -> Search:
        """Settings for these ratings, chosen on a part of them."""
        if self.search is None:
            return Search(self.default(ratings), pd.DataFrame())
        return self.search(ratings, after_fit)


def plan_of(name: str, options: Options) -> Plan:
    """The plan of a model, by its name in the table."""
    k, seed = options.n_features, options.seed

    def default_als(ratings: Ratings) -> ALSSettings:
        lam = QUICK_SPREAD * float(ratings.value.std(dtype=np.float64))
        return ALSSettings(n_features=k, lam=lam, seed=seed)

    def search_als(ratings: Ratings, after_fit: Callable[[], object]) -> Search:
        choice = choose_lam(ratings, k, seed, after_fit)
        lam = float(choice["rmse"].idxmin())
        return Search(ALSSettings(n_features=k, lam=lam, seed=seed), choice)

    def with_features(ratings: Ratings, settings: BayesSettings) -> FactorModel:
        of_movies = options.movie_features
        of_movies = from_titles(ratings) if of_movies is None else of_movies
        return fit_bayes(
            ratings, settings, movie_features=of_movies, user_features=options.user_features
        )

    def bayes_settings(_: Ratings) -> BayesSettings:
        return BayesSettings(n_features=k, seed=seed)

    plans = {
        "popular": Plan(lambda _: PopularitySettings(), lambda ratings, _: fit_popularity(ratings)),
        "means": Plan(lambda _: MeansSettings(), lambda ratings, _: fit_means(ratings)),
        "als": Plan(default_als, fit_als, search_als, n_fits=11),
        "implicit": Plan(
            lambda ratings: ImplicitSettings(threshold=ratings.like_threshold, seed=seed),
            fit_implicit,
            lambda ratings, after_fit: choose_implicit(ratings, seed, after_fit),
            n_fits=15,
        ),
        "blend": Plan(
            lambda ratings: BlendSettings(threshold=ratings.like_threshold, seed=seed),
            fit_blend,
            lambda ratings, after_fit: choose_blend(ratings, seed, after_fit),
            n_fits=15,
        ),
        "ease": Plan(
            lambda ratings: EASESettings(threshold=ratings.like_threshold),
            fit_ease,
            lambda ratings, after_fit: choose_ease(ratings, seed, after_fit),
            n_fits=7,
        ),
        "bayes": Plan(bayes_settings, fit_bayes),
        FEATURES: Plan(bayes_settings, with_features),
    }
    return plans[name]


def worth_comparing(ratings: Ratings, options: Options) -> tuple[list[str], list[str]]:
    """Names of the models to compare on these ratings, in the table's order; and why not others.

    Returns
    -------
    names : list of str
    sentences : list of str
        One for each model that is left out because the file is too large for it.
    """
    n_pairs = ratings.n_users * ratings.n_movies
    n_both = ratings.n_users + ratings.n_movies
    names, sentences = ["popular", "blend"], []
    if has_stars(ratings):
        names += ["means", "als"]
        if len(ratings) <= BAYES_LIMITS[0] and n_both <= BAYES_LIMITS[1]:
            names += ["bayes"] + [FEATURES] * has_features(ratings, options)
        else:
            sentences.append(
                f"bayes was not tried: it is for at most {BAYES_LIMITS[0]:,} ratings and "
                f"{BAYES_LIMITS[1]:,} users and items."
            )
    if ratings.n_users <= EASE_LIMIT and n_pairs <= EASE_CELLS:
        names.append("ease")
    else:
        sentences.append(
            f"ease was not tried: it is for at most {EASE_LIMIT:,} users, and {EASE_CELLS:,} pairs "
            "of a user and an item."
        )
    return sorted(names, key=[*MODELS, FEATURES].index), sentences


def has_stars(ratings: Ratings) -> bool:
    """Whether there are ratings to predict: not of likes or counts."""
    return ratings.kind in ("ratings", "thumbs")


def has_features(ratings: Ratings, options: Options) -> bool:
    """Whether anything is known of items or users besides the ratings."""
    given = options.movie_features, options.user_features
    return any(features is not None for features in given) or from_titles(ratings) is not None


def from_titles(ratings: Ratings) -> np.ndarray | None:
    """Genres, decades and counts of the items; None where titles and genres say nothing."""
    features = models.movie_features(ratings)
    return features if np.ptp(features[:, :-1], axis=0).any() else None
