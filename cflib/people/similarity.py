"""What resembles what: similar movies, similar people, and a map of the movies.

The features were found to predict ratings; two movies whose features point the same way are liked
by the same people, and two people whose weights do like the same movies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from ..model import FactorModel
from .lists import ranked
from .new_user import NewUser, user_index_of


def similar(
    model: FactorModel, movie_id: int | str, n: int = 10, min_ratings: int = 0
) -> pd.DataFrame:
    """The movies whose features point the same way: cos(x_i, x_l) = x_i·x_l / (|x_i| |x_l|).

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
    (rows,) = np.nonzero(model.movie_ids == movie_id)
    if not len(rows):
        raise KeyError(f"no movie with id {movie_id!r} in {model!r}")
    movie = int(rows[0])
    length = np.linalg.norm(model.X, axis=1)
    if not length[movie] > 0:
        title = model.movies["title"].iloc[movie]
        raise ValueError(f"{title} has no features in {model!r}, so nothing is similar to it")
    scores = model.X @ model.X[movie] / (np.maximum(length, 1e-12) * length[movie])
    scores[movie] = -np.inf
    return ranked(model, scores, n, min_ratings, "similarity")


def similar_users(model: FactorModel, user: int | str | NewUser, n: int = 10) -> pd.DataFrame:
    """The model's users whose weights point the same way: cos(w_j, w) = w_j·w / (|w_j| |w|).

    Parameters
    ----------
    model : FactorModel
    user : int, str or NewUser
        One of the model's users, by id, or somebody folded in.
    n : int

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns userId, similarity (-1 to 1).

    Raises
    ------
    KeyError
        For a user that the model does not have.
    ValueError
        For somebody whose weights are all zero: nothing is known of their taste.
    """
    if isinstance(user, NewUser):
        column, weights = None, user.weights
    else:
        column = user_index_of(model, user)
        weights = model.W[column]
    length = np.linalg.norm(weights)
    if not length > 0:
        raise ValueError("nothing is known of this person's taste yet, so nobody is similar")
    lengths = np.maximum(np.linalg.norm(model.W, axis=1), 1e-12)
    similarity = model.W @ weights / (lengths * length)
    if column is not None:
        similarity[column] = -np.inf
    n_others = model.n_users - (column is not None)
    best = np.argsort(-similarity, kind="stable")[: min(n, n_others)]
    return pd.DataFrame(
        {"userId": model.user_ids[best], "similarity": similarity[best]},
        pd.RangeIndex(1, len(best) + 1, name="rank"),
    )


class Map(NamedTuple):
    """The best known movies in two dimensions, and how people are placed among them.

    movies : DataFrame with columns movieId, title, genre (the first), x, y, n_ratings
    axes : float64, (n_features, 2), orthonormal: x_i's place is (x_i - middle) @ axes
    middle : float64, (n_features,)
    reach : float, the typical distance of the movies from the middle, over that of the users
    """

    movies: pd.DataFrame
    axes: np.ndarray
    middle: np.ndarray
    reach: float

    def place(self, user: NewUser) -> tuple[float, float]:
        """Where a person stands: in the direction of the movies that they like more than others do.

        Somebody of whom nothing is known stands in the middle, at (0, 0), and nobody farther out
        on an axis than its last movie.
        """
        at = self.reach * (user.weights @ self.axes)
        movies = self.movies[["x", "y"]].to_numpy()
        x, y = np.clip(at, movies.min(axis=0), movies.max(axis=0))
        return float(x), float(y)

    def nearest(self, user: NewUser, n: int = 3) -> pd.DataFrame:
        """The n movies that stand nearest to a person, nearest first: rows of `movies`."""
        x, y = self.place(user)
        distance = np.hypot(self.movies["x"] - x, self.movies["y"] - y)
        return self.movies.loc[distance.sort_values(kind="stable").index[:n]]


def movie_map(model: FactorModel, n: int = 300) -> Map:
    """The n movies with the most ratings on the two directions in which features differ most.

    These are the first two principal axes of the movies' features, a movie counting as often as
    it was rated. Each axis points to where its largest movie stands on the positive side.

    Raises ValueError for a model with fewer than two features.
    """
    if model.n_features < 2:
        raise ValueError(f"a map needs two features or more. Received: {model!r}")
    best = np.argsort(-model.movie_counts, kind="stable")[:n]
    weight = np.maximum(model.movie_counts[best], 1) / np.maximum(model.movie_counts[best], 1).sum()
    X = model.X[best].astype(np.float64)
    middle = weight @ X
    _, _, axes = np.linalg.svd(np.sqrt(weight)[:, None] * (X - middle), full_matrices=False)
    axes = axes[:2].T
    at = (X - middle) @ axes
    turn = np.sign(at[np.abs(at).argmax(axis=0), [0, 1]])
    axes, at = axes * turn, at * turn
    users = np.linalg.norm(model.W @ axes, axis=1)
    reach = np.linalg.norm(at, axis=1).mean() / max(users.mean(), 1e-12)
    movies = model.movies.iloc[best][["movieId", "title"]].assign(
        genre=model.movies["genres"]
        .iloc[best]
        .astype(str)
        .str.split("|")
        .str[0]
        .replace("", "no genre"),
        x=at[:, 0],
        y=at[:, 1],
        n_ratings=model.movie_counts[best],
    )
    return Map(movies.reset_index(drop=True), axes, middle, float(reach))
