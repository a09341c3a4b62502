"""The models beyond the afternoon: Bayesian, implicit feedback, linear, blended, popular, Spark's.

Each keeps the contract of `model.Model`. A model of your own subclasses `FactorModel` (or keeps the
contract in another way), has a `Settings` subclass, and is imported here, so that `load_model`
knows it; the suite in `tests/cflib/test_contract.py` then runs over it.
"""

from pathlib import Path

from .. import adam, als  # noqa: F401  (their settings are known once they are imported)
from ..model import FactorModel
from .bayes import BayesModel, BayesSettings, ConvergenceWarning, fit_bayes, movie_features
from .blend import BlendSettings, fit_blend
from .implicit import ImplicitSettings, fit_implicit
from .linear import EASE_LIMIT, EASESettings, fit_ease
from .popularity import PopularitySettings, fit_popularity
from .ranking import RankingModel
from .recommender import Recommender
from .spark import SparkSettings, fit_spark

__all__ = [
    "EASE_LIMIT",
    "BayesModel",
    "BayesSettings",
    "BlendSettings",
    "ConvergenceWarning",
    "EASESettings",
    "ImplicitSettings",
    "PopularitySettings",
    "RankingModel",
    "Recommender",
    "SparkSettings",
    "fit_bayes",
    "fit_blend",
    "fit_ease",
    "fit_implicit",
    "fit_popularity",
    "fit_spark",
    "load_model",
    "movie_features",
]


def load_model(path: str | Path) -> FactorModel:
    """Read a model of any kind that its `save` wrote, and check it.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For any other file: one that is damaged, of another kind, made to do harm, or inconsistent
        in itself; with the path. Nothing in a file is ever executed.
    """
    return FactorModel.load(path)
