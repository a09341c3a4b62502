"""What several test modules share: small ratings sets made from a seed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cflib import Ratings


def make_ratings(
    n_movies: int = 30,
    n_users: int = 20,
    n_ratings: int = 250,
    seed: int = 0,
    value: Any = None,
    **changes: Any,
) -> Ratings:
    """Random half-star ratings of distinct pairs; ids differ from indices on both axes.

    Row 0 and column 0 are among the rated; the last row and the last column have no rating.
    """
    rng = np.random.default_rng(seed)
    pairs = rng.choice((n_movies - 1) * (n_users - 1), n_ratings, replace=False)
    movie_index, user_index = np.divmod(pairs, n_users - 1)
    if value is None:
        value = rng.integers(1, 11, n_ratings) / 2
    movie_ids = 10 + 3 * np.arange(n_movies)
    arguments = {
        "movie_index": movie_index.astype(np.int32),
        "user_index": user_index.astype(np.int32),
        "value": np.asarray(value, np.float32),
        "timestamp": rng.integers(0, 1_000_000, n_ratings),
        "movie_ids": movie_ids,
        "user_ids": 100 + 7 * np.arange(n_users),
        "movies": pd.DataFrame(
            {
                "movieId": movie_ids,
                "title": [f"Movie {i} (19{i % 100:02})" for i in range(n_movies)],
                "genres": ["Comedy|Drama" if i % 2 else "Drama" for i in range(n_movies)],
            }
        ),
        "name": "made by a test",
    }
    return Ratings(**arguments | changes)


@pytest.fixture
def ratings() -> Ratings:
    return make_ratings()
