"""The sets known by name: where they are looked for, what they are, and how they are read.

A set is a folder with a ratings file and a films' file, in one of the three formats in which
GroupLens has published MovieLens over the years.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
from pathlib import Path

import pandas as pd
import platformdirs

from . import download, files, reading, store
from .ratings import Ratings

REPOSITORY = Path(__file__).resolve().parents[2]
GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
PREFERRED, FALLBACK = "movielens_small", "movielens_2016"
COMPACT_FROM_BYTES = 50_000_000  # of text: below this, parsing takes less than a second
OFFLINE = "CFLIB_OFFLINE is set"


@dataclasses.dataclass(frozen=True)
class Edition:
    """One set: what it is, its scale and, if GroupLens serves it, its zip's name, size and hash."""

    title: str
    scale: tuple[float, float] = (0.5, 5.0)
    zip_name: str | None = None
    n_bytes: int = 0
    sha256: str = ""


EDITIONS = {
    "movielens_small": Edition(
        "MovieLens ml-latest-small, September 2018",
        zip_name="ml-latest-small.zip",
        n_bytes=978_202,
        sha256="696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
    ),
    "movielens_2016": Edition("MovieLens ml-latest-small, October 2016, bundled"),
    "ml-100k": Edition(
        "MovieLens 100K, 1998",
        (1.0, 5.0),
        "ml-100k.zip",
        4_924_029,
        "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    ),
    "ml-1m": Edition(
        "MovieLens 1M, 2003",
        (1.0, 5.0),
        "ml-1m.zip",
        5_917_549,
        "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
    ),
    "ml-10m": Edition(
        "MovieLens 10M, 2009",
        zip_name="ml-10m.zip",
        n_bytes=65_566_137,
        sha256="813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
    ),
    "ml-20m": Edition(
        "MovieLens 20M, 2015",
        zip_name="ml-20m.zip",
        n_bytes=198_702_078,
        sha256="96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
    ),
    "ml-25m": Edition(
        "MovieLens 25M, 2019",
        zip_name="ml-25m.zip",
        n_bytes=261_978_986,
        sha256="8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
    ),
    "ml-32m": Edition(
        "MovieLens 32M, 2024",
        zip_name="ml-32m.zip",
        n_bytes=238_950_008,
        sha256="e4a68655d7386b8f95f2f2424b2ff975dfdd15ffd59e0d864a14dca43e99d6ee",
    ),
}


def load(name: str = "auto", path=None) -> Ratings:
    """Load a set by name, from this disk if it is there, else from GroupLens.

    Looked for in this order: the folder `path`; `$CFLIB_DATA/<name>`; `data/<name>` in the
    repository; the user's cache; and then downloaded. "auto" is movielens_small where that is on
    this disk or can be downloaded, else movielens_2016, which is bundled. `describe` says which.
    With CFLIB_OFFLINE=1 in the environment nothing is downloaded, nor tried.

    Parameters
    ----------
    name : "auto" or one of `EDITIONS`.
    path : folder to read instead of searching; with "auto", the set is called after the folder.

    Raises
    ------
    ValueError : no set has this name; or the files are not what they should be (see `read`).
    FileNotFoundError : the set is not on this disk and could not be downloaded; says why.
    """
    if name != "auto" and name not in EDITIONS:
        raise ValueError(
            f"`name` should be 'auto' or one of {', '.join(EDITIONS)}. Received: {name!r}. "
            "Your own file is read by `data.read(path, user=..., item=..., rating=...)`."
        )
    if path is not None:
        folder = Path(path)
        return read_folder(folder, folder.resolve().name if name == "auto" else name)
    if name == "auto":
        return _load_auto()
    return read_folder(find(name) or _download(name), name)


def _load_auto() -> Ratings:
    """movielens_small if it can be had, else the bundled set with a note that says why."""
    folder = find(PREFERRED)
    if folder is None:
        error = None if is_offline() else _fetch_once(PREFERRED)
        why = OFFLINE if is_offline() else error and error.reason
        folder = find(PREFERRED)
    if folder is not None:
        return read_folder(folder, PREFERRED)
    note = f"{PREFERRED} is not on this disk and could not be downloaded: {why}"
    return dataclasses.replace(load(FALLBACK), note=note)


def find(name: str) -> Path | None:
    """The folder on this disk that holds the set, or None. Downloads nothing."""
    if name == "auto":
        return find(PREFERRED) or find(FALLBACK)
    return next((folder for folder in places(name) if ratings_file(folder) is not None), None)


def places(name: str) -> list[Path]:
    """Folders in which the set is looked for, in order.

    A relative CFLIB_DATA means the same from the repository's root and from notebooks/.
    """
    given = os.environ.get("CFLIB_DATA")
    roots = [Path(given).absolute(), REPOSITORY / given] if given else []
    roots += [REPOSITORY / "data", cache_folder()]
    return [root / name for root in dict.fromkeys(roots)]


def cache_folder() -> Path:
    return platformdirs.user_cache_path("cflib")


def is_offline() -> bool:
    return os.environ.get("CFLIB_OFFLINE", "0") not in ("", "0")


def describe(ratings: Ratings) -> str:
    """One line: which edition these ratings are, how many, and what there is to know about that."""
    edition = EDITIONS.get(ratings.name)
    title = f" ({edition.title})" if edition else ""
    low, high = ratings.scale
    note = f" [{ratings.note}]" if ratings.note else ""
    return (
        f"{ratings.name}{title}: {ratings.n_ratings:,} ratings from {low:g} to {high:g} of "
        f"{ratings.n_movies:,} films by {ratings.n_users:,} users{note}"
    )


# ---------------------------------------------------------------- downloading


def _download(name: str) -> Path:
    """Fetch the set into the user's cache and return its folder there."""
    edition = EDITIONS[name]
    if not edition.zip_name:
        raise FileNotFoundError(
            f"{name} is part of the repository, in data/{name}, and is not in "
            f"{REPOSITORY / 'data'}. Install with `pip install -e .` from a clone, or set "
            f"CFLIB_DATA to the folder that holds {name}."
        )
    why = OFFLINE if is_offline() else _fetch(name)
    if why is not None:
        raise FileNotFoundError(
            f"{name} is not on this disk and could not be downloaded: {why}. Fetch "
            f"{edition.zip_name} another way (https://grouplens.org/datasets/movielens/ has it) "
            f"and put its files in {REPOSITORY / 'data' / name}, or in a folder {name} of the "
            f"folder that CFLIB_DATA names; or use {FALLBACK!r}, which is bundled."
        )
    return cache_folder() / name


def _fetch(name: str) -> download.DownloadError | None:
    """Download the set into the user's cache; what went wrong, if something did."""
    edition = EDITIONS[name]
    try:
        download.fetch(
            GROUPLENS + edition.zip_name,
            edition.sha256,
            edition.n_bytes,
            FILES,
            cache_folder() / name,
        )
    except download.DownloadError as error:
        return error
    return None


_fetch_once = functools.cache(_fetch)  # one attempt a process: no waiting for an absent network


# ---------------------------------------------------------------- the three formats


def ratings_file(folder: Path) -> Path | None:
    """The ratings file in a set's folder, whichever of the formats it has; None if none."""
    return next((folder / file for file in READERS if (folder / file).is_file()), None)


def read_folder(folder: Path, name: str) -> Ratings:
    """Read the set in `folder`, in the format that its ratings file's name says."""
    path = ratings_file(folder)
    if path is None:
        hint = " That is a file: your own is read by `data.read`." if folder.is_file() else ""
        raise FileNotFoundError(
            f"{folder}: there should be a folder here with one of {', '.join(READERS)} in it.{hint}"
        )
    if path.stat().st_size < COMPACT_FROM_BYTES:
        return _parse(path, name)
    return _parse_once(path, name)


def _parse(path: Path, name: str) -> Ratings:
    scale = EDITIONS[name].scale if name in EDITIONS else (0.5, 5.0)
    source, movies = READERS[path.name](path.parent)
    return reading.assemble(
        source, files.Columns(), movies, scale=scale, on_duplicate="error", name=name
    )


def _parse_once(path: Path, name: str) -> Ratings:
    """`_parse`, with the result kept in the user's cache for as long as the files stay the same."""
    origin = {
        file.name: [file.stat().st_size, file.stat().st_mtime_ns]
        for file in sorted(path.parent.iterdir())
        if file.name in FILES
    }
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    compact = cache_folder() / "compact" / f"{name}-{key}"
    if store.origin_of(compact) == origin:
        with contextlib.suppress(ValueError):  # damaged: made again
            return store.open(compact)
    ratings = _parse(path, name)
    with contextlib.suppress(OSError):  # a full or locked disk costs time, not the ratings
        store.save(ratings, compact, origin=origin)
    return ratings


def _read_csv(folder: Path):
    """ml-latest-small and everything since 2015: commas, a header, UTF-8."""
    source = files.TextFile.with_header(folder / "ratings.csv", ",")
    return source, reading.movies_table(folder / "movies.csv")


def _read_double_colons(folder: Path):
    """ml-1m and ml-10m: userId::movieId::rating::timestamp, no header. ml-1m's titles are Latin-1."""
    names = ("userId", "-", "movieId", "--", "rating", "---", "timestamp")
    source = files.TextFile(folder / "ratings.dat", ":", names, has_header=False, quoted=False)
    rows = [line.split("::") for line in _lines(folder / "movies.dat")]
    return source, _movies_frame(folder / "movies.dat", rows, 3)


def _read_tabs(folder: Path):
    """ml-100k: tabs in u.data; bars, Latin-1 and one column a genre in u.item."""
    names = ("userId", "movieId", "rating", "timestamp")
    source = files.TextFile(folder / "u.data", "\t", names, has_header=False, quoted=False)
    genres = [line.split("|")[0] for line in _lines(folder / "u.genre")]
    rows = []
    for line in _lines(folder / "u.item"):
        movie_id, title, *rest = line.split("|")
        flags = rest[-len(genres) :]
        named = (genre for genre, flag in zip(genres, flags, strict=False) if flag == "1")
        rows.append((movie_id, title, "|".join(named)))
    return source, _movies_frame(folder / "u.item", rows, 3)


READERS = {"ratings.csv": _read_csv, "ratings.dat": _read_double_colons, "u.data": _read_tabs}
FILES = (*READERS, "movies.csv", "movies.dat", "u.item", "u.genre")


def _lines(path: Path) -> list[str]:
    """Lines of an old text file that are not blank: UTF-8, or else Latin-1."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return [line for line in text.split("\n") if line.strip()]


def _movies_frame(path: Path, rows, n_fields: int) -> pd.DataFrame:
    return reading.movies_table(pd.DataFrame(rows, columns=["movieId", "title", "genres"]))
