"""How models are stored: one file, without pickle, whole or not at all.

The file is NumPy's `.npz`: a header in JSON and the model's arrays. `FactorModel.save`, `load` and
`load_ratings` call the functions below.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from .normalize import Normalization
from .ratings import Ratings
from .settings import Settings

if TYPE_CHECKING:
    from .model import FactorModel

FORMAT = 1  # of the file
ARRAYS = ("X", "W", "b", "c", "movie_counts", "movie_ids", "user_ids")
RATED = ("movie_index", "user_index", "value")  # what the file can hold of the training ratings


Source: TypeAlias = str | Path | IO[bytes]


def save_model(model: FactorModel, path: str | Path, ratings: Ratings | None) -> Path:
    """Write a model, and the ratings that it was trained on: see `FactorModel.save`."""
    with replacing(path) as beside, open(beside, "wb") as file:
        write_model(model, file, ratings)
    return Path(path)


def write_model(model: FactorModel, file: IO[bytes], ratings: Ratings | None) -> None:
    """Write a model to an open file: what `save_model` does."""
    means, rated = model.normalization, {}
    if ratings is not None:
        if ratings.fingerprint != model.data_fingerprint:
            raise ValueError(
                f"`ratings` should be those that the model was trained on. Received: {ratings!r}"
            )
        rated = {f"rated_{name}": getattr(ratings, name) for name in RATED}
    header = {
        "format": FORMAT,
        "kind": type(model).__name__,
        "method": means.method,
        "damping": means.damping,
        "mean": means.mean,
        "scale": list(model.scale),
        "settings": model.settings.to_dict(),
        "notes": model.notes,
        "data_fingerprint": model.data_fingerprint,
        "history_columns": list(model.history.columns),
    }
    arrays = {name: getattr(model, name) for name in (*ARRAYS, *model.extra_arrays)} | {
        "Y_mu": means.Y_mu,
        "user_mu": means.user_mu,
        "titles": model.movies["title"].tolist(),
        "genres": model.movies["genres"].tolist(),
        "history": model.history.to_numpy(np.float64),
    }
    _write(file, header, arrays | rated)


def load_model(path: Source, kinds: dict[str, type[FactorModel]]) -> FactorModel:
    """Read a model of one of `kinds`, by the names of their classes: see `FactorModel.load`."""
    header, arrays = read_arrays(path)
    try:
        if header["format"] != FORMAT:
            raise ValueError(
                f"its format is {header['format']}, and this version of cflib reads {FORMAT}"
            )
        if header["kind"] not in kinds:
            raise ValueError(f"it holds a {header['kind']}, which `cflib.load_model` may know")
        return kinds[header["kind"]].from_file(header, arrays)
    except KeyError as missing:
        raise ValueError(f"{path} is not a whole cflib model: it has no {missing}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as a cflib model: {error}") from error


def restore(
    kind: type[FactorModel], header: dict[str, Any], arrays: dict[str, np.ndarray]
) -> FactorModel:
    """The model in the header and the arrays of its file: see `FactorModel.from_file`."""
    settings, rest = Settings.from_dict(header["settings"])
    means = header["method"], header["damping"], header["mean"]
    movies = {
        "movieId": arrays["movie_ids"],
        "title": unpacked(arrays["titles"]),
        "genres": unpacked(arrays["genres"]),
    }
    return kind(
        **{name: arrays[name] for name in (*ARRAYS, *kind.extra_arrays)},
        normalization=Normalization(*means, arrays["Y_mu"], arrays["user_mu"]),
        movies=pd.DataFrame(movies),
        scale=tuple(header["scale"]),
        settings=settings,
        data_fingerprint=header["data_fingerprint"],
        history=pd.DataFrame(arrays["history"], columns=header["history_columns"]),
        notes=rest | header.get("notes", {}),
    )


def load_ratings(model: FactorModel, path: Source) -> Ratings:
    """Read the ratings that were stored beside a model: `FactorModel.load_ratings`."""
    _, arrays = read_arrays(path)
    if f"rated_{RATED[0]}" not in arrays:
        raise ValueError(
            f"{path} does not hold the ratings that its model was trained on: save it with "
            "`model.save(path, ratings)`, or train it by `cflib fit`"
        )
    movie_index, user_index, value = (arrays[f"rated_{name}"] for name in RATED)
    ratings = Ratings(
        movie_index,
        user_index,
        value,
        timestamp=None,
        movie_ids=model.movie_ids,
        user_ids=model.user_ids,
        movies=model.movies,
        scale=model.scale,
        name=Path(path).stem if isinstance(path, str | Path) else "ratings",
        kind=model.kind,
    )
    if ratings.fingerprint != model.data_fingerprint:
        raise ValueError(f"{path} holds other ratings than those that its model was trained on")
    return ratings


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` when the block ends well.

    When the block raises, what was written is removed, and a file that was at `path` stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_arrays(path: str | Path, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write a header of JSON types and named arrays to one `.npz` file.

    Ids and other texts are stored as fixed-width text, and lists of Python texts as JSON.
    """
    with replacing(path) as beside, open(beside, "wb") as file:
        _write(file, header, arrays)


def _write(file: IO[bytes], header: dict[str, Any], arrays: dict[str, Any]) -> None:
    plain = {name: _plain(value) for name, value in arrays.items()}
    np.savez(file, header=_packed(header), **plain)  # type: ignore[arg-type]


def read_arrays(path: Source) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a file that `write_arrays` wrote.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For a file of another kind, or a damaged one; says which file.
    """
    if isinstance(path, str | Path) and not Path(path).is_file():
        raise FileNotFoundError(f"{path}: there is no such file (a model that `save` wrote)")
    try:
        with zipfile.ZipFile(path) as archive:  # NumPy's own advice for another file is unsafe
            archive.getinfo("header.npy")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return unpacked(arrays.pop("header")), arrays
    except KeyError as missing:
        raise ValueError(f"{path} is not a whole cflib model: it has no {missing}") from None
    except (ValueError, AttributeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{path} cannot be read as a cflib model: it is damaged, or `save` did not write it"
        ) from error


def unpacked(array: np.ndarray) -> Any:
    """The JSON value in an array of bytes."""
    return json.loads(array.tobytes())


def _packed(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _plain(value: Any) -> np.ndarray:
    if isinstance(value, list):
        return _packed(value)
    array = np.asarray(value)
    return array if array.dtype.kind in "biuf" else array.astype(np.str_)
