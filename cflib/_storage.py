"""How models are stored: one file, without pickle, whole or not at all.

The file is NumPy's `.npz`: a header in JSON and the model's arrays. `Stored` is the part of every
model that knows files.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import pandas as pd

from ._files import replacing
from .normalize import Normalization
from .ratings import Ratings
from .settings import Settings

if TYPE_CHECKING:
    from .model import FactorModel

FORMAT = 1  # of the file
ARRAYS = ("X", "W", "b", "c", "movie_counts", "movie_ids", "user_ids")
ALSO = ("Y_mu", "user_mu", "titles", "genres", "history")  # of every model, by other names in it
RATED = ("movie_index", "user_index", "value")  # what the file can hold of the training ratings


DAMAGES = (  # what reading a damaged file, or one made to do harm, raises on its way
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    MemoryError,
    RuntimeError,  # of zipfile for a password, and RecursionError
    zipfile.BadZipFile,
)
Source: TypeAlias = str | Path | IO[bytes]


class Stored:
    """A model that is saved to one file and read from it.

    Attributes
    ----------
    extra_arrays : tuple of str
        What a subclass stores besides the arrays of every model.
    classes : dict of str to type
        The class that a file's header names.
    """

    extra_arrays: ClassVar[tuple[str, ...]] = ()
    classes: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        Stored.classes[cls.__name__] = cls

    def save(self: Any, path: str | Path, ratings: Ratings | None = None) -> Path:
        """Write the model to one `.npz` file, whole or not at all, without pickle.

        Parameters
        ----------
        path : str or Path
        ratings : Ratings or None
            Those that it was trained on. With them (12 bytes a rating) the file also knows what
            its users have rated: `load_ratings` reads them.

        Raises
        ------
        ValueError
            For other ratings than those that it was trained on.
        """
        return save_model(self, path, ratings)

    def load_ratings(self: Any, path: Source) -> Ratings:
        """The ratings that `save` stored beside this model, without their times.

        Raises
        ------
        ValueError
            Where it stored none, or the file is of another model.
        """
        return load_ratings(self, path)

    @staticmethod
    def load(path: Source) -> FactorModel:
        """Read a model that `save` wrote, and check it. `cflib.load_model` knows every kind.

        Raises
        ------
        FileNotFoundError
            Where there is no such file.
        ValueError
            For any other file: one that is damaged, of another kind, made to do harm, or
            inconsistent in itself; with the path. Nothing in a file is ever executed.
        """
        return load_model(path, Stored.classes)

    @classmethod
    def stored_arrays(cls) -> tuple[str, ...]:
        """Names of the arrays that `from_file` takes from a file; nothing else of it is read."""
        return (*ARRAYS, *cls.extra_arrays, *ALSO)

    @classmethod
    def from_file(cls: Any, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
        """The model in the header and the arrays of its file."""
        return restore(cls, header, arrays)


def save_model(model: FactorModel, path: str | Path, ratings: Ratings | None) -> Path:
    """Write a model, and the ratings that it was trained on."""
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
    """Read a model of one of `kinds`, by the names of their classes."""
    header, _ = read_arrays(path, ())
    try:
        if header["format"] != FORMAT:
            raise ValueError(
                f"its format is {header['format']}, and this version of cflib reads {FORMAT}"
            )
        if header["kind"] not in kinds:
            raise ValueError(f"it holds a {header['kind']}, which `cflib.load_model` may know")
        kind = kinds[header["kind"]]
        _, arrays = read_arrays(path, kind.stored_arrays())
        return kind.from_file(header, arrays)
    except KeyError as missing:
        raise ValueError(f"{path} is not a whole cflib model: it has no {missing}") from None
    except DAMAGES as error:
        raise ValueError(f"{path} cannot be read as a cflib model: {error}") from error


def restore(
    kind: type[FactorModel], header: dict[str, Any], arrays: dict[str, np.ndarray]
) -> FactorModel:
    """The model in the header and the arrays of its file."""
    settings, rest = Settings.from_dict(header["settings"])
    means = header["method"], header["damping"], header["mean"]
    movies = {
        "movieId": arrays["movie_ids"],
        "title": _texts(arrays, "titles"),
        "genres": _texts(arrays, "genres"),
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
    """Read the ratings that were stored beside a model."""
    names = [f"rated_{name}" for name in RATED]
    _, arrays = read_arrays(path, names)
    if names[0] not in arrays:
        raise ValueError(
            f"{path} does not hold the ratings that its model was trained on: save it with "
            "`model.save(path, ratings)`, or train it by `cflib fit`"
        )
    try:
        movie_index, user_index, value = (arrays[name] for name in names)
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
    except DAMAGES as error:
        raise ValueError(f"{path}: its ratings are damaged: {error}") from error
    if ratings.fingerprint != model.data_fingerprint:
        raise ValueError(f"{path} holds other ratings than those that its model was trained on")
    return ratings


def write_arrays(path: str | Path, header: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write a header of JSON types and named arrays to one `.npz` file.

    Texts are stored as JSON: one that is very long costs no more than its own length.
    """
    with replacing(path) as beside, open(beside, "wb") as file:
        _write(file, header, arrays)


def _write(file: IO[bytes], header: dict[str, Any], arrays: dict[str, Any]) -> None:
    plain = {name: _plain(value) for name, value in arrays.items()}
    texts = [name for name, value in arrays.items() if _is_text(value)]
    np.savez(file, header=_packed(header | {"texts": texts}), **plain)  # type: ignore[arg-type]


def read_arrays(
    path: Source, names: Collection[str]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and those of the named arrays that a file has; `write_arrays` wrote it.

    Nothing else in the file is read, nothing is unpickled, and no more memory is asked for than the
    file has bytes.

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
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if "header" not in members:
                raise ValueError("it has no header")
            header = unpacked(_member(archive, members["header"]))
            arrays = {name: _member(archive, members[name]) for name in names if name in members}
        for name in set(header.get("texts", ())) & set(arrays):
            arrays[name] = np.array(_texts(arrays, name), object)
        arrays |= {n: a.astype(object) for n, a in arrays.items() if a.dtype.kind == "U"}
    except (*DAMAGES, OSError) as error:
        raise ValueError(
            f"{path} cannot be read as a cflib model: it is damaged, or `save` did not write it "
            f"({str(error)[:200]})"
        ) from error
    return header, arrays


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One array of the file, whose size is checked before memory is asked for."""
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"{info.filename} is compressed")
    data = archive.read(info)
    content = io.BytesIO(data)
    version = np.lib.format.read_magic(content)
    if version not in READERS:
        raise ValueError(f"{info.filename} is not an array of a version that cflib reads")
    shape, in_columns, dtype = READERS[version](content)
    n_bytes = info.file_size - content.tell()
    if dtype.kind not in "biufU" or math.prod(shape) * dtype.itemsize != n_bytes:
        raise ValueError(f"{info.filename} is not an array of numbers or text of its size")
    flat = np.frombuffer(data, dtype, offset=content.tell())
    return flat.reshape(shape, order="F" if in_columns else "C").copy()


READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def unpacked(array: np.ndarray) -> Any:
    """The JSON value in an array of bytes."""
    return json.loads(array.tobytes())


def _texts(arrays: dict[str, np.ndarray], name: str) -> list[str]:
    texts = unpacked(arrays[name])
    if not isinstance(texts, list) or not all(
        text is None or isinstance(text, str) for text in texts
    ):
        raise ValueError(f"`{name}` should be a list of texts")
    return texts


def _packed(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _is_text(value: Any) -> bool:
    return not isinstance(value, list) and np.asarray(value).dtype.kind not in "biuf"


def _plain(value: Any) -> np.ndarray:
    if isinstance(value, list):
        return _packed(value)
    return _packed([str(text) for text in value]) if _is_text(value) else np.asarray(value)
