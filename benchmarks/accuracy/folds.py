"""The splits that every model meets, as files: `path("2018-0")`.

`2018-0` to `2018-4` and `2016-0` to `2016-4` are folds of MovieLens' small sets of those years,
`2018-latest` tests on the latest fifth of each user's ratings. `-inner` after a name is a split of
the training part alone, made the same way: settings are chosen there.
"""

import functools

import numpy as np

from cflib import bayes, data, split

from ..__main__ import BUILD

SETS = {"2018": "movielens_small", "2016": "movielens_2016"}
SEED = 20261124


@functools.cache
def _folds(year):
    return split.kfold(data.load(SETS[year]), 5, seed=SEED)


@functools.cache
def of(name: str) -> split.Split:
    year, part, *inner = name.split("-")
    if inner:
        train = of(f"{year}-{part}").train
        return split.latest(train, 0.2) if part == "latest" else split.holdout(train, 0.2, seed=1)
    if part == "latest":
        return split.latest(data.load(SETS[year]), fraction=0.2)
    return _folds(year)[int(part)]


def path(name: str):
    """The split as a file for `fit.py`, the films' features of its training part included."""
    file = BUILD / "accuracy" / name / "split.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        train, test = of(name).train, of(name).test
        np.savez(
            file, n_movies=train.n_movies, n_users=train.n_users,
            movie=train.movie_index, user=train.user_index, value=train.value,
            test_movie=test.movie_index, test_user=test.user_index,
            films=bayes.film_features(train),
        )  # fmt: skip
    return file
