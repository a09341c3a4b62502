"""The compact form of a ratings set on disk: opened at once, read as it is used.

A folder with one .npy file an array, memory-mapped when opened, the films' table as Parquet and
a small JSON file for the rest. It takes 20 bytes a rating; 25 million are open in the time that
the films' table takes to read, where parsing the text takes seconds.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from .ratings import Ratings

FORMAT = 1
HEAD = "ratings.json"
MOVIES = "movies.parquet"
PER_RATING = {
    "movie_index": np.int32,
    "user_index": np.int32,
    "value": np.float32,
    "timestamp": np.int64,
}
IDS = ("movie_ids", "user_ids")
ENTRIES = (
    "name", "note", "scale", "n_ratings", "n_movies", "n_users", "has_timestamp", "origin",
)  # fmt: skip


def save(ratings: Ratings, folder, *, origin=None) -> None:
    """Write the ratings to `folder`, whole or not at all, in place of a set saved there before.

    Parameters
    ----------
    folder : path that does not exist yet, or holds a saved set.
    origin : anything that JSON can hold about where these came from; `origin_of` returns it.

    Raises
    ------
    FileExistsError : `folder` holds something else.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / HEAD).is_file():
        raise FileExistsError(f"{folder}: something else is there already. Choose another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        for name, dtype in PER_RATING.items():
            array = getattr(ratings, name)
            if array is not None:
                np.save(new / f"{name}.npy", np.asarray(array, dtype))
        for name in IDS:
            np.save(new / f"{name}.npy", getattr(ratings, name), allow_pickle=False)
        ratings.movies.to_parquet(new / MOVIES, index=False)
        head = {
            "format": FORMAT,
            "name": ratings.name,
            "note": ratings.note,
            "scale": list(ratings.scale),
            "n_ratings": ratings.n_ratings,
            "n_movies": ratings.n_movies,
            "n_users": ratings.n_users,
            "has_timestamp": ratings.timestamp is not None,
            "origin": origin,
        }
        (new / HEAD).write_text(json.dumps(head, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(Path(temporary) / "old")
        new.rename(folder)


def open(folder) -> Ratings:
    """The ratings saved in `folder`, memory-mapped: nothing is read before it is used.

    Writing to the arrays changes them in memory only.

    Raises
    ------
    FileNotFoundError : no set was saved there.
    ValueError : what is there is incomplete or of another format.
    """
    folder = Path(folder)
    head = _head(folder)
    arrays = {"timestamp": None}
    for name, dtype in PER_RATING.items():
        if name != "timestamp" or head["has_timestamp"]:
            arrays[name] = _array(folder / f"{name}.npy", head["n_ratings"], dtype)
    for name, length in zip(IDS, (head["n_movies"], head["n_users"]), strict=True):
        arrays[name] = _array(folder / f"{name}.npy", length)
    return Ratings(
        **arrays,
        movies=_movies(folder / MOVIES, head["n_movies"]),
        scale=tuple(head["scale"]),
        name=head["name"],
        note=head["note"],
    )


def origin_of(folder):
    """What `save` was told about where the set in `folder` came from; None if nothing is there."""
    try:
        return _head(Path(folder))["origin"]
    except (FileNotFoundError, ValueError):
        return None


def _head(folder: Path) -> dict:
    path = folder / HEAD
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no such file: no ratings were saved in this folder by `data.save`"
        )
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, error) from None
    if not isinstance(head, dict) or "format" not in head:
        raise _damaged(path, "it has no format")
    if head["format"] != FORMAT:
        raise ValueError(
            f"{path}: the format should be {FORMAT}. Received: {head['format']}. "
            "Save the set again from its source."
        )
    missing = [entry for entry in ENTRIES if entry not in head]
    if missing:
        raise _damaged(path, f"it lacks {missing[0]!r}")
    return head


def _array(path: Path, length: int, dtype=None) -> np.ndarray:
    try:
        array = np.asarray(np.load(path, mmap_mode="c"))
    except (OSError, EOFError, ValueError) as error:
        raise _damaged(path, error) from None
    if dtype is not None and array.dtype != dtype:
        raise _damaged(path, f"the type should be {np.dtype(dtype)}. Received: {array.dtype}")
    _check_length(path, array, length)
    return array


def _movies(path: Path, length: int) -> pd.DataFrame:
    try:
        movies = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are among the latter
        raise _damaged(path, error) from None
    _check_length(path, movies, length)
    return movies


def _check_length(path: Path, what, length: int) -> None:
    if len(what) != length:
        raise _damaged(path, f"the length should be {length}. Received: {len(what)}")


def _damaged(path: Path, why) -> ValueError:
    return ValueError(f"{path}: {why}. The file is damaged: save the set again from its source.")
