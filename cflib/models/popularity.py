"""Most popular: the same list for everybody, and the baseline of every ranking."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from .._training import HISTORY
from ..ratings import Ratings
from ..settings import Settings
from .ranking import RankingModel


@dataclasses.dataclass(frozen=True)
class PopularitySettings(Settings, solver="popularity"):
    """Settings of `fit_popularity`: there are none."""


def fit_popularity(ratings: Ratings) -> RankingModel:
    """Score every movie, for everybody, by its number of training ratings.

    A recommender that knows whom it recommends to should beat this.
    """
    return RankingModel.ranking(
        ratings,
        X=np.zeros((ratings.n_movies, 0)),
        W=np.zeros((ratings.n_users, 0)),
        c=ratings.movie_counts[:, None],
        scale=(0.0, float(ratings.n_users)),
        settings=PopularitySettings(),
        history=pd.DataFrame(columns=HISTORY, dtype=np.float64),
    )
