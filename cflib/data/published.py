"""The splits that come with a set, on which papers report their numbers.

MovieLens 100K has them as pairs of files: five folds `u1.base` and `u1.test` to `u5.base` and
`u5.test`, and `ua` and `ub`, which each test ten ratings of every user.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..ratings import Ratings
from ..split import Split
from . import sets


def published_splits(path: str | Path | None = None) -> dict[str, Split]:
    """The splits of MovieLens 100K that its authors made, by name: u1 to u5, ua and ub.

    Both parts are on the axes of the whole set, so a movie without a training rating keeps its row.

    Parameters
    ----------
    path : str, Path or None
        The folder of `ml-100k`; None: where `load` finds it.

    Returns
    -------
    dict of str to Split

    Raises
    ------
    FileNotFoundError
        As `load`; and where a file of a split is missing: the message names it.
    ValueError
        Where a line of a split is not in `u.data`, and where a rating is in both parts.

    References
    ----------
    The README of the set, GroupLens (1998). GLocal-K and many other papers report u1 alone.
    """
    ratings = sets.load("ml-100k", path)
    folder = Path(path) if path is not None else sets.find("ml-100k")
    assert folder is not None  # `load` has read it
    pairs = pd.MultiIndex.from_arrays(
        [ratings.user_ids[ratings.user_index], ratings.movie_ids[ratings.movie_index]]
    )
    splits = {}
    for name in sets.SPLITS:
        is_train = _rows(ratings, pairs, folder / f"{name}.base")
        is_test = _rows(ratings, pairs, folder / f"{name}.test")
        if (is_train & is_test).any():
            raise ValueError(f"{folder}: {name}.base and {name}.test have ratings in common")
        splits[name] = Split(train=ratings.take(is_train), test=ratings.take(is_test))
    return splits


def _rows(ratings: Ratings, pairs: pd.MultiIndex, path: Path) -> np.ndarray:
    """Which ratings a file has lines of: bool, (n_ratings,)."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Unpack all files of ml-100k.zip into a folder")
    names = ["user", "movie", "value"]
    lines = pd.read_csv(path, sep="\t", header=None, names=names, usecols=range(3))
    row = pairs.get_indexer(pd.MultiIndex.from_frame(lines[["user", "movie"]]))
    is_wrong = (row < 0) | (ratings.value[row] != lines["value"])
    if is_wrong.any():
        first = int(np.argmax(is_wrong))
        raise ValueError(f"{path}, line {first + 1}: u.data has no such rating")
    is_in = np.zeros(len(ratings), bool)
    is_in[row] = True
    return is_in
