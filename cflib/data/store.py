"""A compact copy of a ratings set on disk, which opens at once.

It is a folder with one .npy file for each array, the table of movies as Parquet, and a small JSON
file for the rest: 20 bytes a rating. The arrays are memory-mapped when the set is opened, so that
the disk is read only where a value is used. Parsing 25 million lines of text takes seconds instead.
"""

from __future__ import annotations

import json
from collections.abc import Sized
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike

from .._files import left_over, temporary_folder
from ..ratings import Ratings

FORMAT = 1
HEAD = "ratings.json"
OLD = "old"  # of the temporary folder: the set that is being replaced
MOVIES = "movies.parquet"
PER_RATING = {
    "movie_index": np.int32,
    "user_index": np.int32,
    "value": np.float32,
    "timestamp": np.int64,
}
IDS = ("movie_ids", "user_ids")
SIZES = ("n_ratings", "n_movies", "n_users")
ENTRIES = ("name", "note", "scale", *SIZES, "has_timestamp", "origin")  # of the JSON file


def save(ratings: Ratings, folder: str | Path, *, origin: Any = None) -> None:
    """Write ratings to a folder, completely or not at all.

    A set that was saved there before is replaced.

    Parameters
    ----------
    ratings : Ratings
    folder : str or Path
        Should not exist yet, or hold a saved set.
    origin : JSON types
        Anything about where the ratings came from; `origin_of` returns it.

    Raises
    ------
    FileExistsError
        Where `folder` holds something else.
    """
    folder = Path(folder)
    if folder.exists() and not (folder / HEAD).is_file():
        raise FileExistsError(f"{folder}: something else is there already. Choose another folder.")
    _restore(folder)
    with temporary_folder(folder.parent, f".{folder.name}-") as temporary:
        new = temporary / "new"
        new.mkdir()
        for name, dtype in PER_RATING.items():
            array = getattr(ratings, name)
            if array is not None:
                np.save(new / f"{name}.npy", np.asarray(array, dtype))
        for name in IDS:
            _save_ids(new, name, getattr(ratings, name))
        ratings.movies.to_parquet(new / MOVIES, index=False)
        head = {
            "format": FORMAT,
            "name": ratings.name,
            "note": ratings.note,
            "kind": ratings.kind,
            "scale": list(ratings.scale),
            **{size: getattr(ratings, size) for size in SIZES},
            "has_timestamp": ratings.timestamp is not None,
            "origin": origin,
        }
        (new / HEAD).write_text(json.dumps(head, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(temporary / OLD)
        new.rename(folder)


def _restore(folder: Path) -> None:
    """Put back the set that a process had put aside to replace it when it was killed."""
    if not folder.exists():
        for left in left_over(folder.parent, f".{folder.name}-"):
            if (left / OLD).is_dir():
                (left / OLD).rename(folder)
                return


def _save_ids(folder: Path, name: str, ids: np.ndarray) -> None:
    if np.issubdtype(ids.dtype, np.number):
        np.save(folder / f"{name}.npy", ids)
    else:
        texts = [str(text) for text in ids]
        (folder / f"{name}.json").write_text(json.dumps(texts) + "\n", encoding="utf-8")


def _ids(folder: Path, name: str, length: int) -> np.ndarray:
    path = folder / f"{name}.json"
    if not path.is_file():
        ids = _array(folder / f"{name}.npy", length)
        return ids.astype(object) if ids.dtype.kind == "U" else ids
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, error) from None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _damaged(path, "it should be a list of texts")
    _check_length(path, texts, length)
    return np.array(texts, object)


def open(folder: str | Path) -> Ratings:
    """Open the ratings saved in a folder, memory-mapped.

    Writing to the arrays changes them in memory only.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    Ratings

    Raises
    ------
    FileNotFoundError
        Where no set was saved.
    ValueError
        Where the set is incomplete or of another format.
    """
    folder = Path(folder)
    _restore(folder)
    head = _head(folder)
    arrays: dict[str, Any] = {"timestamp": None}
    for name, dtype in PER_RATING.items():
        if name != "timestamp" or head["has_timestamp"]:
            arrays[name] = _array(folder / f"{name}.npy", head["n_ratings"], dtype)
    for name, length in zip(IDS, (head["n_movies"], head["n_users"]), strict=True):
        arrays[name] = _ids(folder, name, length)
    return Ratings(
        **arrays,
        movies=_movies(folder / MOVIES, head["n_movies"]),
        kind=head.get("kind", "ratings"),  # sets saved by 0.1.0 have none
        scale=tuple(head["scale"]),
        name=head["name"],
        note=head["note"],
    )


def origin_of(folder: str | Path) -> Any:
    """The `origin` that `save` was given with the set in a folder; None where there is no set."""
    try:
        return _head(Path(folder))["origin"]
    except (FileNotFoundError, ValueError):
        return None


def _head(folder: Path) -> dict[str, Any]:
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


def _array(path: Path, length: int, dtype: DTypeLike | None = None) -> np.ndarray:
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
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise _damaged(path, error) from None
    _check_length(path, movies, length)
    return movies


def _check_length(path: Path, content: Sized, length: int) -> None:
    if len(content) != length:
        raise _damaged(path, f"the length should be {length}. Received: {len(content)}")


def _damaged(path: Path, why: str | Exception) -> ValueError:
    return ValueError(f"{path}: {why}. The file is damaged: save the set again from its source.")
