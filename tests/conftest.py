"""What several test modules share: small ratings sets made from a seed."""

from pathlib import Path
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


def ml_100k(folder: Path, n_movies: int = 40, n_users: int = 25, seed: int = 0) -> Path:
    """Made-up ratings in the files of ml-100k, with its seven splits; returns the folder.

    Every user has 30 ratings. Ids begin at 1. A title is in Latin-1, as some of the real ones are.
    """
    rng = np.random.default_rng(seed)
    taste = rng.standard_normal((n_users, 2)) @ rng.standard_normal((2, n_movies))
    stars = np.clip(np.round(3.5 + taste + 0.5 * rng.standard_normal(taste.shape)), 1, 5)
    lines = []
    for user in range(n_users):
        for movie in rng.permutation(n_movies)[:30]:
            rating, second = stars[user, movie], rng.integers(874724710, 893286638)
            lines.append(f"{user + 1}\t{movie + 1}\t{rating:.0f}\t{second}\n")
    of_user = np.arange(len(lines)) % 30  # the place of each line among those of its user
    order = rng.permutation(len(lines))
    tests = {f"u{fold + 1}": order[fold::5] for fold in range(5)}
    tests |= {"ua": np.flatnonzero(of_user < 10), "ub": np.flatnonzero(of_user >= 20)}
    folder.mkdir(parents=True)
    shuffled = rng.permutation(len(lines))
    (folder / "u.data").write_text("".join(lines[n] for n in shuffled))
    for name, rows in tests.items():
        is_test = np.isin(np.arange(len(lines)), rows)
        for part, chosen in (("base", ~is_test), ("test", is_test)):
            text = "".join(lines[n] for n in np.flatnonzero(chosen))
            (folder / f"{name}.{part}").write_text(text)
    (folder / "u.genre").write_text("unknown|0\nAction|1\nDrama|2\n\n")
    items = [
        f"{movie + 1}|Pokémon {movie} (19{movie % 90 + 10})|01-Jan-1995||http://x|0|{movie % 2}|1\n"
        for movie in range(n_movies)
    ]
    (folder / "u.item").write_bytes("".join(items).encode("latin-1"))
    return folder


@pytest.fixture
def ratings() -> Ratings:
    return make_ratings()
