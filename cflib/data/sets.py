"""The sets that are known by name: what they are, where they are looked for, how they are read.

A set is a folder with a file of ratings and a file of movies, in one of the three formats that
GroupLens has used for MovieLens over the years.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import platformdirs

from ..ratings import Ratings
from . import download, files, reading, store

REPOSITORY = Path(__file__).resolve().parents[2]
GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
PREFERRED, FALLBACK = "movielens_small", "movielens_2016"
COMPACT_FROM_BYTES = 50_000_000  # of text; a smaller file is parsed in less than a second
OFFLINE = "CFLIB_OFFLINE is set"


@dataclasses.dataclass(frozen=True)
class Edition:
    """One set.

    Attributes
    ----------
    title : str
        What it is, in words.
    scale : (float, float)
        Lowest and highest rating that can be given.
    zip_name : str or None
        Name of its zip at GroupLens; None where GroupLens does not serve it.
    n_bytes : int
        Size of the zip.
    sha256 : str
        Hash of the zip.
    files : dict of str to str
        SHA-256 of the published files, by name; {} where they are not checked.
    """

    title: str
    scale: tuple[float, float] = (0.5, 5.0)
    zip_name: str | None = None
    n_bytes: int = 0
    sha256: str = ""
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)


EDITIONS = {
    "movielens_small": Edition(
        "MovieLens ml-latest-small, September 2018",
        zip_name="ml-latest-small.zip",
        n_bytes=978_202,
        sha256="696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
        files={
            "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
            "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
        },
    ),
    "movielens_2016": Edition(
        "MovieLens ml-latest-small, October 2016, bundled",
        files={
            "ratings.csv": "b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73",
            "movies.csv": "bf1256823f4b1bf331b6584161a3a25faccefe1e6914d9906c0bbb4f8b076d0e",
        },
    ),
    "ml-100k": Edition(
        "MovieLens 100K, 1998",
        (1.0, 5.0),
        zip_name="ml-100k.zip",
        n_bytes=4_924_029,
        sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    ),
    "ml-1m": Edition(
        "MovieLens 1M, 2003",
        (1.0, 5.0),
        zip_name="ml-1m.zip",
        n_bytes=5_917_549,
        sha256="a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
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


def load(name: str = "auto", path: str | Path | None = None) -> Ratings:
    """Load a set by name, from this disk if it is there, else from GroupLens.

    It is looked for in this order: the folder `path`; `$CFLIB_DATA/<name>`; `data/<name>` in the
    repository; the user's cache. If it is in none of them, it is downloaded into the cache. With
    CFLIB_OFFLINE=1 in the environment no download is tried.

    Parameters
    ----------
    name : str
        One of `EDITIONS`, or "auto": movielens_small where that is on this disk or can be
        downloaded, else movielens_2016, which is bundled. `describe` says which one it was.
    path : str, Path or None
        A folder to read instead of searching. With "auto" the set is called after the folder.

    Returns
    -------
    Ratings

    Raises
    ------
    ValueError
        For a name that no set has, for files with an error in them (see `read`), and for a set
        whose files are known and are not the published ones.
    FileNotFoundError
        Where the set is not on this disk and could not be downloaded; says why. And where the
        folder that CFLIB_DATA names is missing.
    """
    if name != "auto" and name not in EDITIONS:
        raise ValueError(
            f"`name` should be 'auto' or one of {', '.join(EDITIONS)}. Received: {name!r}. "
            "To read a file of your own, call `data.read(path, user=..., item=..., rating=...)`."
        )
    if path is not None:
        folder = Path(path)
        return _read_folder(folder, folder.resolve().name if name == "auto" else name)
    _check_variable()
    if name == "auto":
        return _load_auto()
    return _read_folder(find(name) or _download(name), name)


def _load_auto() -> Ratings:
    """movielens_small if it can be had, else the bundled set with a note that says why."""
    folder = find(PREFERRED)
    if folder is None:
        error = None if _is_offline() else _fetch_once(PREFERRED)
        why = OFFLINE if _is_offline() else error and error.reason
        folder = find(PREFERRED)
    if folder is not None:
        return _read_folder(folder, PREFERRED)
    note = f"{PREFERRED} is not on this disk and could not be downloaded: {why}"
    return dataclasses.replace(load(FALLBACK), note=note)


def find(name: str) -> Path | None:
    """The folder on this disk that holds a set, or None. Nothing is downloaded.

    Parameters
    ----------
    name : str
        As in `load`.
    """
    if name == "auto":
        return find(PREFERRED) or find(FALLBACK)
    return next((folder for folder in _places(name) if ratings_file(folder) is not None), None)


def _places(name: str) -> list[Path]:
    """Folders in which a set is looked for, in order.

    A relative CFLIB_DATA means the same from the repository's root and from notebooks/.
    """
    roots = [*_named_roots(), REPOSITORY / "data", cache_folder()]
    return [root / name for root in dict.fromkeys(roots)]


def _named_roots() -> list[Path]:
    variable = os.environ.get("CFLIB_DATA")
    return [Path(variable).absolute(), REPOSITORY / variable] if variable else []


def _check_variable() -> None:
    """Raise FileNotFoundError where CFLIB_DATA names a folder that is not there."""
    roots = _named_roots()
    if roots and not any(root.is_dir() for root in roots):
        raise FileNotFoundError(
            f"CFLIB_DATA is {os.environ['CFLIB_DATA']}, and there is no such folder. Correct it, "
            "or remove it from the environment (`unset CFLIB_DATA`)."
        )


def cache_folder() -> Path:
    """The folder of this user for downloaded and compact sets."""
    return platformdirs.user_cache_path("cflib")


def _is_offline() -> bool:
    return os.environ.get("CFLIB_OFFLINE", "0") not in ("", "0")


def describe(ratings: Ratings) -> str:
    """One line about a set: its edition, its size, its scale, and its note if it has one."""
    edition = EDITIONS.get(ratings.name)
    title = f" ({edition.title})" if edition else ""
    low, high = ratings.scale
    what = {
        "ratings": f"ratings from {low:g} to {high:g}",
        "likes": "likes",
        "counts": f"counts from {low:g} to {high:g}",
        "thumbs": "likes and dislikes",
    }[ratings.kind]
    note = f" [{ratings.note}]" if ratings.note else ""
    return (
        f"{ratings.name}{title}: {ratings.n_ratings:,} {what} of "
        f"{ratings.n_movies:,} movies by {ratings.n_users:,} users{note}"
    )


# Downloading ------------------------------------------------------------------------------------


def _download(name: str) -> Path:
    """Download a set into the user's cache and return its folder there."""
    edition = EDITIONS[name]
    if edition.zip_name is None:
        raise FileNotFoundError(
            f"{name} is part of the repository, in data/{name}, and is not in "
            f"{REPOSITORY / 'data'}. Install with `pip install -e .` from a clone, or set "
            f"CFLIB_DATA to the folder that holds {name}."
        )
    why = OFFLINE if _is_offline() else _fetch(name)
    if why is not None:
        raise FileNotFoundError(
            f"{name} is not on this disk and could not be downloaded: {why}. Fetch "
            f"{edition.zip_name} another way (https://grouplens.org/datasets/movielens/ has it) "
            f"and put its files in {REPOSITORY / 'data' / name}, or in a folder {name} of the "
            f"folder that CFLIB_DATA names; or use {FALLBACK!r}, which is bundled."
        )
    return cache_folder() / name


def _fetch(name: str) -> download.DownloadError | None:
    """Download a set into the user's cache; return the error if that failed."""
    edition = EDITIONS[name]
    url = f"{GROUPLENS}{edition.zip_name}"
    try:
        download.fetch(url, edition.sha256, edition.n_bytes, FILES, cache_folder() / name)
    except download.DownloadError as error:
        return error
    return None


_fetch_once = functools.cache(_fetch)  # without a network, a process should wait for it once only


# The three formats ------------------------------------------------------------------------------


def ratings_file(folder: Path) -> Path | None:
    """The file of ratings in a set's folder, in whichever format; None if there is none."""
    return next((folder / file for file in READERS if (folder / file).is_file()), None)


def _read_folder(folder: Path, name: str) -> Ratings:
    """Read the set in a folder, in the format that the name of its file of ratings says."""
    path = ratings_file(folder)
    if path is None:
        hint = " It is a file: read your own file by `data.read`." if folder.is_file() else ""
        raise FileNotFoundError(
            f"{folder}: there should be a folder here with one of {', '.join(READERS)} in it.{hint}"
        )
    _check_published(folder, name)
    if path.stat().st_size < COMPACT_FROM_BYTES:
        return _parse(path, name)
    return _parse_once(path, name)


def _check_published(folder: Path, name: str) -> None:
    """Raise ValueError where a file of a known edition is not the published one."""
    edition = EDITIONS.get(name)
    for file, sha256 in (edition.files if edition else {}).items():
        path = folder / file
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            again = "Put the published file there"
            if edition is not None and edition.zip_name is not None:
                again = f"Remove {folder} and call `data.load({name!r})`, which downloads it again"
            raise ValueError(
                f"{path} is not the published file: its SHA-256 differs. {again}. If it is a set "
                "of your own, read it by `data.read`, or give its folder another name."
            )


def _parse(path: Path, name: str) -> Ratings:
    scale = EDITIONS[name].scale if name in EDITIONS else (0.5, 5.0)
    source, movies = READERS[path.name](path.parent)
    return reading.assemble(
        source, files.Columns(), movies, scale=scale, on_duplicate="error", name=name
    )


def _parse_once(path: Path, name: str) -> Ratings:
    """Like `_parse`, but the result stays in the user's cache until one of the files changes."""
    origin = {
        file.name: [file.stat().st_size, file.stat().st_mtime_ns]
        for file in sorted(path.parent.iterdir())
        if file.name in FILES
    }
    key = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]
    compact = cache_folder() / "compact" / f"{name}-{key}"
    if store.origin_of(compact) == origin:
        with contextlib.suppress(ValueError):  # a damaged copy is written again
            return store.open(compact)
    ratings = _parse(path, name)
    with contextlib.suppress(OSError):  # with a full or locked disk, the next load is slow, too
        store.save(ratings, compact, origin=origin)
    return ratings


def _read_csv(folder: Path) -> tuple[files.TextFile, pd.DataFrame]:
    """ml-latest-small and every set since 2015: commas, a header, UTF-8."""
    source = files.TextFile.with_header(folder / "ratings.csv", ",")
    return source, reading.movies_table(folder / "movies.csv")


def _read_double_colons(folder: Path) -> tuple[files.TextFile, pd.DataFrame]:
    """ml-1m and ml-10m: userId::movieId::rating::timestamp, no header. ml-1m's titles are Latin-1.

    The separator is one colon, so every second column is empty.
    """
    names = ("userId", "-", "movieId", "--", "rating", "---", "timestamp")
    source = files.TextFile(folder / "ratings.dat", ":", names, has_header=False, quoted=False)
    rows = [line.split("::") for line in _lines(folder / "movies.dat")]
    return source, _movies_table(rows)


def _read_tabs(folder: Path) -> tuple[files.TextFile, pd.DataFrame]:
    """ml-100k: tabs in u.data; in u.item bars, Latin-1 and a column for each genre."""
    names = ("userId", "movieId", "rating", "timestamp")
    source = files.TextFile(folder / "u.data", "\t", names, has_header=False, quoted=False)
    genres = [line.split("|")[0] for line in _lines(folder / "u.genre")]
    rows = []
    for line in _lines(folder / "u.item"):
        movie_id, title, *rest = line.split("|")
        flags = rest[-len(genres) :]
        named = (genre for genre, flag in zip(genres, flags, strict=False) if flag == "1")
        rows.append([movie_id, title, "|".join(named)])
    return source, _movies_table(rows)


READERS = {"ratings.csv": _read_csv, "ratings.dat": _read_double_colons, "u.data": _read_tabs}
SPLITS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")  # of ml-100k: see `published_splits`
FILES = (
    *(*READERS, "movies.csv", "movies.dat", "u.item", "u.genre"),
    *(f"{split}.{part}" for split in SPLITS for part in ("base", "test")),
)


def _lines(path: Path) -> list[str]:
    """Lines of an old text file that are not blank, decoded as UTF-8 or else as Latin-1."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return [line for line in text.split("\n") if line.strip()]


def _movies_table(rows: list[list[str]]) -> pd.DataFrame:
    return reading.movies_table(pd.DataFrame(rows, columns=["movieId", "title", "genres"]))
