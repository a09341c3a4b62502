"""Reading a ratings file, fast and strictly: every value is checked, and none is guessed.

The columns go through pyarrow, straight to the types they should have; ids are encoded as they
are parsed, so that 25 million lines never exist as 25 million Python objects. Only when
something is wrong is the file read a second time, line by line, to say exactly where.
"""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .files import ENCODED_TEXT, PARQUET, Columns, TextFile, not_utf8, noun, opened
from .ratings import Ratings

ON_DUPLICATE = ("error", "last", "mean")


def read(
    path,
    *,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    timestamp: str | None = "auto",
    movies=None,
    scale: tuple[float, float] | None = None,
    on_duplicate: str = "error",
    separator: str | None = None,
    name: str | None = None,
) -> Ratings:
    """Read your own ratings: a CSV, TSV or Parquet file with a user, an item and a rating column.

    Parameters
    ----------
    path : path of the file; .csv, .tsv, .tab, .parquet or .pq, text in UTF-8 with a header line.
    user, item, rating : names of the three columns. Ids are whole numbers, or else text.
    timestamp : name of a column of seconds since 1970-01-01 UTC, or of ISO 8601 dates.
        "auto": the column called "timestamp", if there is one. None: no times.
    movies : films' table: a path like `path`, or a DataFrame; a column named as `item`, a
        `title` and, if known, `genres` ("A|B"). None: films are called after their ids.
    scale : lowest and highest rating that can be given. None: those that occur.
    on_duplicate : what becomes of a pair of user and item that occurs more than once:
        "error", "last" (the last line counts) or "mean" (of the ratings; the last line's time).
    separator : what stands between two columns, where the file's suffix does not say it.
    name : name of the set; None: the file's name without its suffix.

    Returns
    -------
    Ratings, in the file's order, with only rated films as rows and both axes sorted by id.

    Raises
    ------
    FileNotFoundError : no such file.
    ValueError : with file, line, column, the value received and what to do, at the first of: no
        ratings, a column that is missing, bytes that are not UTF-8, a line with too many or too
        few values, a rating or a time that is not a finite number, an empty id, a rating off
        the scale, the same pair twice. (Counted in rows, from 1, in a Parquet file.)

    Warns
    -----
    UserWarning : films were rated that `movies` lacks; says how many. Their ratings are kept.
    """
    if on_duplicate not in ON_DUPLICATE:
        raise ValueError(
            f"`on_duplicate` should be one of {ON_DUPLICATE}. Received: {on_duplicate!r}"
        )
    source = opened(path, separator)
    if timestamp == "auto":
        timestamp = "timestamp" if "timestamp" in source.names else None
    return assemble(
        source,
        Columns(user, item, rating, timestamp),
        None if movies is None else movies_table(movies, item),
        scale=scale,
        on_duplicate=on_duplicate,
        name=source.path.stem if name is None else name,
    )


def read_person(
    path,
    known_ids: np.ndarray,
    *,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    scale: tuple[float, float] | None = None,
    separator: str | None = None,
) -> dict:
    """Read one person's ratings, such as somebody new's: an item and a rating column suffice.

    Parameters
    ----------
    path, item, rating, scale, separator : as in `read`.
    known_ids : (n,)
        Ids of a model's items: where they are whole numbers, so are the file's that can be.
    user : name of a column that should hold one value only, if the file has it.

    Returns
    -------
    dict of item id to rating (float), in the file's order; also of ids that are not known.

    Raises
    ------
    FileNotFoundError, ValueError : as `read`; and for the ratings of several people.
    """
    source = opened(path, separator)
    columns = Columns(user if user in source.names else None, item, rating, None)
    _check_columns(source, columns)
    table = source.table(columns)
    if len(table) == 0:
        raise ValueError(f"{source.path}: the file is empty: it has no ratings")
    value = table[rating].to_numpy()
    _checked_scale(source, rating, value, scale)
    people = [] if columns.user is None else pc.unique(table[user].cast(pa.string())).to_pylist()
    if len(people) > 1:
        raise ValueError(
            f"{source.path}, column {user!r}: the ratings should be one person's. Received: those "
            f"of {len(people):,}, {people[0]!r} and {people[1]!r} first. Leave one in the file."
        )
    ids = [id_like(label, known_ids) for label in table[item].cast(pa.string()).to_pylist()]
    person = dict(zip(ids, value.tolist(), strict=True))
    if len(person) < len(ids):
        again = next(n for n, i in enumerate(ids) if ids.index(i) < n)
        where, _ = source.locate(again, item)
        raise ValueError(
            f"{source.path}, {where}: {item} {ids[again]} was rated before. Remove one of the two."
        )
    return person


def assemble(
    source, columns: Columns, movies: pd.DataFrame | None, *, scale, on_duplicate, name
) -> Ratings:
    """Check what `source` holds and put it together: the one way from any file to `Ratings`."""
    _check_columns(source, columns)
    table = source.table(columns)
    if len(table) == 0:
        raise ValueError(f"{source.path}: the file is empty: it has no ratings")
    value = table[columns.rating].to_numpy()
    scale = _checked_scale(source, columns.rating, value, scale)
    user_ids, user_index = _axis(source, table, columns.user)
    movie_ids, movie_index = _axis(source, table, columns.item)
    timestamp = None if columns.timestamp is None else table[columns.timestamp].to_numpy()
    del table
    ratings = Ratings(
        movie_index=movie_index,
        user_index=user_index,
        value=value,
        timestamp=timestamp,
        movie_ids=movie_ids,
        user_ids=user_ids,
        movies=aligned(movies, movie_ids, np.bincount(movie_index), source.path, columns.item),
        scale=scale,
        name=name,
    )
    return _without_duplicates(ratings, source, columns, on_duplicate)


def _check_columns(source, columns: Columns) -> None:
    """Each wanted column is there, once, and is wanted for one thing."""
    wanted, found = columns.names(), ", ".join(map(repr, source.names))
    for column in wanted:
        if column not in source.names:
            raise ValueError(
                f"{source.path}: there is no column {column!r}. Its columns: {found}. Say which "
                "of them holds what with `user`, `item`, `rating` and `timestamp`, and "
                "`separator` if that is one column too few."
            )
        if source.names.count(column) > 1:
            raise ValueError(
                f"{source.path}: there should be one column {column!r}. Its columns: {found}. "
                "Rename the others."
            )
        if wanted.count(column) > 1:
            raise ValueError(
                f"{source.path}: `user`, `item`, `rating` and `timestamp` should be different "
                f"columns. Received: {', '.join(map(repr, wanted))}."
            )


# ---------------------------------------------------------------- checks


def _checked_scale(source, column: str, value: np.ndarray, scale) -> tuple[float, float]:
    """The scale, after checking that every rating is a finite number on it."""
    finite = np.isfinite(value)
    if not finite.all():
        where, text = source.locate(int(np.argmin(finite)), column)
        raise ValueError(
            f"{source.path}, {where}, column {column!r}: a rating should be a finite number. "
            f"Received: {text!r}. Correct it or remove it."
        )
    if scale is None:
        return float(value.min()), float(value.max())
    low, high = map(float, scale)
    if not low < high:
        raise ValueError(f"`scale` should be (lowest, highest). Received: {scale!r}")
    inside = (value >= low) & (value <= high)
    if not inside.all():
        where, text = source.locate(int(np.argmin(inside)), column)
        raise ValueError(
            f"{source.path}, {where}, column {column!r}: a rating should lie between {low:g} and "
            f"{high:g}. Received: {text!r}. Correct it, or declare another `scale`."
        )
    return low, high


def _axis(source, table: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """(ids, index): the ids that occur, ascending, and each rating's position among them."""
    encoded = table[column]
    if encoded.type != ENCODED_TEXT:
        if pa.types.is_dictionary(encoded.type):
            encoded = encoded.cast(encoded.type.value_type)
        encoded = encoded.dictionary_encode()
    encoded = encoded.unify_dictionaries()
    ids, rank = np.unique(as_ids(encoded.chunk(0).dictionary), return_inverse=True)
    rank = rank.astype(np.int32)
    index = np.empty(len(encoded), np.int32)
    start = 0
    for chunk in encoded.chunks:
        np.take(rank, chunk.indices.to_numpy(), out=index[start : start + len(chunk)])
        start += len(chunk)
    if ids.dtype.kind == "U" and ids[0] == "":
        where, _ = source.locate(int(np.argmin(index)), column)
        raise ValueError(
            f"{source.path}, {where}, column {column!r}: an id should not be empty. "
            "Fill it in or remove the line."
        )
    return ids, index


def as_ids(labels: pa.Array) -> np.ndarray:
    """Whole numbers as int64 where every label is one ("7", " 7", "7.0"), else text."""
    text = labels.cast(pa.string())
    if pc.all(pc.match_substring_regex(text, r"^\s*-?\d+(\.0*)?\s*$")).as_py():
        whole = pc.replace_substring_regex(text, r"\s+|\.0*", "")
        try:
            return whole.cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:  # a number beyond 64 bits stays text
            pass
    return np.array(text.to_pylist(), dtype=np.str_)


def id_like(label: str, known_ids: np.ndarray):
    """The id that `label` is, beside ids like these: an int where they are ints and it can be."""
    if np.issubdtype(known_ids.dtype, np.number):
        return as_ids(pa.array([label])).tolist()[0]
    return label


def _without_duplicates(ratings: Ratings, source, columns: Columns, on_duplicate: str) -> Ratings:
    pair = ratings.user_index.astype(np.int64) * ratings.n_movies + ratings.movie_index
    if (pair[1:] > pair[:-1]).all():  # MovieLens' own order: nothing to sort
        return ratings
    ordered = np.sort(pair)
    if (ordered[1:] > ordered[:-1]).all():
        return ratings
    order = np.argsort(pair, kind="stable")
    is_last = np.append(np.diff(pair[order]) > 0, True)
    if on_duplicate == "error":
        _refuse_duplicates(ratings, source, columns, order, is_last)
    group = np.concatenate([[0], np.cumsum(is_last[:-1])])
    last = order[is_last]
    value = ratings.value[last]
    if on_duplicate == "mean":
        value = np.bincount(group, ratings.value[order]) / np.bincount(group)
    in_file_order = np.argsort(last)
    kept = ratings.take(last[in_file_order])
    return dataclasses.replace(
        kept,
        value=value[in_file_order].astype(np.float32),
        repeats=pair[np.sort(order[~is_last])],
    )


def _refuse_duplicates(ratings: Ratings, source, columns: Columns, order, is_last) -> None:
    repeats = np.flatnonzero(~is_last)  # positions in `order` with the same pair right after
    again = order[repeats + 1]
    at = int(np.argmin(again))
    first, second = int(order[repeats[at]]), int(again[at])
    where_first, text_first = source.locate(first, columns.rating)
    where_second, text_second = source.locate(second, columns.rating)
    raise ValueError(
        f"{source.path}, {where_second}: user {ratings.user_ids[ratings.user_index[second]]} "
        f"rated {ratings.movie_ids[ratings.movie_index[second]]} before, in {where_first} "
        f"({columns.rating} {text_first} there, {text_second} here); the file has "
        f"{len(repeats):,} such line(s). Remove them, or pass `on_duplicate='last'` or 'mean'."
    )


# ---------------------------------------------------------------- the films' table


def movies_table(movies, item: str = "movieId") -> pd.DataFrame:
    """The films' table as columns `movieId`, `title`, `genres`, from a path or a DataFrame.

    Raises ValueError where a column is missing or an id occurs twice.
    """
    where = "the films' table" if isinstance(movies, pd.DataFrame) else movies
    if not isinstance(movies, pd.DataFrame):
        movies = _read_movies(Path(movies))
    for column in (item, "title"):
        if column not in movies.columns:
            raise ValueError(
                f"{where}: there is no column {column!r}. Its columns: "
                f"{', '.join(map(repr, movies.columns))}."
            )
    ids = as_ids(pa.array(movies[item]))
    repeated = pd.Index(ids).duplicated()
    if repeated.any():
        raise ValueError(
            f"{where}: each {noun(item)} should have one row. Received more for {item} "
            f"{ids[np.argmax(repeated)]}."
        )
    genres = movies["genres"].to_numpy() if "genres" in movies.columns else ""
    return pd.DataFrame({"movieId": ids, "title": movies["title"].to_numpy(), "genres": genres})


def _read_movies(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file (the table of titles)")
    if path.suffix.lower() in PARQUET:
        return pd.read_parquet(path)
    separator = TextFile.with_header(path, None).separator
    try:
        return pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except UnicodeDecodeError:
        raise ValueError(not_utf8(path)) from None
    except pd.errors.ParserError as error:
        raise ValueError(f"{path}: {error}") from None


def aligned(
    movies: pd.DataFrame | None, movie_ids, movie_counts, path, item: str = "movieId"
) -> pd.DataFrame:
    """The films' table with row i describing `movie_ids[i]`; films it lacks are called by id."""
    numeric = movie_ids.dtype.kind != "U"
    title = np.array(
        [f"{noun(item)} {i}" if numeric else i for i in movie_ids.tolist()], dtype=object
    )
    genres = np.full(len(movie_ids), "", dtype=object)
    if movies is not None:
        known_ids = movies["movieId"].to_numpy()
        wanted = movie_ids
        if (np.asarray(known_ids).dtype.kind == "i") != numeric:
            known_ids, wanted = known_ids.astype(str), movie_ids.astype(str)
        position = pd.Index(known_ids).get_indexer(wanted)
        known = position >= 0
        title[known] = movies["title"].to_numpy()[position[known]]
        genres[known] = movies["genres"].to_numpy()[position[known]]
        if not known.all():
            n_ratings = int(movie_counts[~known].sum())
            warnings.warn(
                f"{path}: {(~known).sum():,} of {len(known):,} rated "
                f"{'films' if item == 'movieId' else repr(item)} are missing from the table of "
                f"titles ({title[np.argmin(known)]!r} first); their {n_ratings:,} ratings are "
                "kept, under titles made from the ids.",
                stacklevel=4,
            )
    return pd.DataFrame({"movieId": movie_ids, "title": title, "genres": genres}).astype(
        {"title": "str", "genres": "str"}
    )
