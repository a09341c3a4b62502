"""What resembles what: similar films, similar people, and a map of the films.

The features were found to predict ratings; two films whose features point the same way are liked
by the same people, and two people whose weights do like the same films.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..model import FactorModel
from .lists import ranked


def similar(model: FactorModel, movie_id, n: int = 10, min_ratings: int = 0) -> pd.DataFrame:
    """The films whose features point the same way: cos(x_i, x_k) = x_i·x_k / (|x_i| |x_k|).

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, similarity (-1 to 1), n_ratings.

    Raises
    ------
    KeyError
        For a movie that the model does not have.
    ValueError
        For a movie, or a model, whose features are all zero: nothing can be said of it.
    """
    (found,) = np.nonzero(model.movie_ids == movie_id)
    if not len(found):
        raise KeyError(f"no movie with id {movie_id!r} in {model!r}")
    movie = int(found[0])
    length = np.linalg.norm(model.X, axis=1)
    if not length[movie] > 0:
        title = model.movies["title"].iloc[movie]
        raise ValueError(f"{title} has no features in {model!r}, so nothing is similar to it")
    scores = model.X @ model.X[movie] / (np.maximum(length, 1e-12) * length[movie])
    scores[movie] = -np.inf
    return ranked(model, scores, n, min_ratings, "similarity")
