"""The splits that every model meets, as files for every model's environment.

`2018-0` to `2018-4` and `2016-0` to `2016-4` are folds of MovieLens' small sets of those years,
`2018-latest` tests on the latest fifth of each user's ratings. `-inner` after a name is a split of
its training part alone, made the same way: settings are chosen there. `tiny` in place of a year is
a small part of the bundled set, to see whether everything runs.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from cflib import Ratings, data, models, split

SETS = {"2018": "movielens_small", "2016": "movielens_2016", "tiny": "movielens_2016"}
SEED = 20261124


@functools.cache
def ratings_of(year: str) -> Ratings:
    """The set of a year."""
    ratings = data.load(SETS[year])
    if year != "tiny":
        return ratings
    return ratings.take((ratings.user_index < 60) & (ratings.movie_index < 1_000))


@functools.cache
def of(name: str) -> split.Split:
    """The split of a name."""
    year, part, *inner = name.split("-")
    if inner:
        train = of(f"{year}-{part}").train
        return split.latest(train, 0.2) if part == "latest" else split.holdout(train, 0.2, seed=1)
    if part == "latest":
        return split.latest(ratings_of(year), 0.2)
    return _folds(year)[int(part)]


@functools.cache
def _folds(year: str) -> list[split.Split]:
    return split.kfold(ratings_of(year), 5, seed=SEED)


def path(work: Path, name: str) -> Path:
    """The split as a file for `fit.py`."""
    file = work / name / "split.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, of(name).train, of(name).test)
    return file


def write(file: Path, train: Ratings, *tests: Ratings) -> None:
    """Training ratings, the features of their movies, and the test ratings, part after part."""
    np.savez(
        file,
        n_movies=train.n_movies,
        n_users=train.n_users,
        movie=train.movie_index,
        user=train.user_index,
        value=train.value,
        test_movie=np.concatenate([test.movie_index for test in tests]),
        test_user=np.concatenate([test.user_index for test in tests]),
        movie_features=models.movie_features(train),
    )
