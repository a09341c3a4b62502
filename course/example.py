"""The example that chapters work by hand: three movies, four people, and nine ratings.

It is small enough for paper, and its numbers come out even. `ratings` are its ratings, as every
function of the library takes them. `FEATURES` and `WEIGHTS` are written by hand, by somebody who
has seen the movies and knows the people. Chapter 1 multiplies them and chapter 2 takes the means.
Chapter 3 computes the cost and solves for one person, and chapter 5 gives a reason.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cflib import Ratings

MOVIES = ("Star Chase", "Summer in Rome", "Spies in Love")
PEOPLE = ("Ann", "Ben", "Cleo", "Dan")
Y = np.array(  # stars; NaN where nobody has said anything yet
    [
        [5.0, 2.0, 4.5, np.nan],
        [1.5, 4.5, np.nan, 3.0],
        [np.nan, 2.5, 2.5, 1.5],
    ]
)
KINDS = ("action", "romance")
FEATURES = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])  # a row for each movie: how much of each
WEIGHTS = np.array(  # a row for each person: stars for one more of each
    [[0.75, -0.75], [-0.75, 0.75], [0.5, -0.5], [-0.5, 0.0]]
)
DAMPING = 2.0  # in ratings: of the damped means on paper


def ratings() -> Ratings:
    """The nine ratings, in the order of the people and then of the movies."""
    user_index, movie_index = np.nonzero(~np.isnan(Y.T))
    movies = pd.DataFrame({"movieId": [1, 2, 3], "title": MOVIES})
    movies["genres"] = ["Action", "Romance", "Action|Romance"]
    return Ratings(
        movie_index=movie_index.astype(np.int32),
        user_index=user_index.astype(np.int32),
        value=Y[movie_index, user_index].astype(np.float32),
        timestamp=None,
        movie_ids=np.array([1, 2, 3]),
        user_ids=np.array([1, 2, 3, 4]),
        movies=movies,
        name="the example",
    )


def table(values: np.ndarray = Y, digits: int = 2) -> pd.DataFrame:
    """Movies x people, with the names of both: "?" where `values` are NaN, numbers elsewhere."""
    shown = [
        ["?" if np.isnan(v) else f"{round(float(v), digits):g}" for v in row] for row in values
    ]
    return pd.DataFrame(shown, index=pd.Index(MOVIES, name="movie"), columns=PEOPLE)
