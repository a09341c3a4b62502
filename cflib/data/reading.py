"""Read a ratings file, fast and strictly: every value is checked, and none is guessed.

pyarrow converts the columns directly to the types that they should have. Ids are encoded while
they are parsed, so that 25 million lines never become 25 million Python objects. Only when
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

from ..ratings import Ratings
from .files import ENCODED_TEXT, PARQUET, Columns, Source, TextFile, not_utf8, noun, open_source

ON_DUPLICATE = ("error", "last", "mean")


def read(
    path: str | Path,
    *,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    timestamp: str | None = "auto",
    movies: str | Path | pd.DataFrame | None = None,
    scale: tuple[float, float] | None = None,
    on_duplicate: str = "error",
    separator: str | None = None,
    name: str | None = None,
) -> Ratings:
    """Read your own ratings: a CSV, TSV or Parquet file with a user, an item and a rating column.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .tab, .parquet or .pq file. Text is UTF-8 with a header line.
    user, item, rating : str
        Names of the three columns. Ids are whole numbers or text.
    timestamp : str or None
        Name of a column of seconds since 1970-01-01 UTC, or of ISO 8601 dates. "auto": the column
        called "timestamp", if there is one. None: no times.
    movies : str, Path, DataFrame or None
        Table of titles, as a file like `path` or as a frame: a column called like `item`, `title`
        and, if known, `genres` ("A|B"). None: titles are made from the ids.
    scale : (float, float) or None
        Lowest and highest rating that can be given. None: the lowest and highest in the file.
    on_duplicate : "error", "last" or "mean"
        What to do with a pair of user and item that occurs more than once: refuse it, keep the
        last line, or take the mean of the ratings with the last line's time.
    separator : str or None
        The character between two columns. None: as the file's suffix says.
    name : str or None
        Name of the set. None: the file's name without its suffix.

    Returns
    -------
    Ratings
        In the file's order. Its rows are the rated items; both axes are sorted by id.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        At the first thing that is wrong, with file, line, column, the value received and what to
        do: no ratings, a column that is missing, bytes that are not UTF-8, a line with too many or
        too few values, a rating or a time that is not a finite number, an empty id, a rating
        outside the scale, a pair that occurs twice. In a Parquet file rows are counted, from 1.

    Warns
    -----
    UserWarning
        Where `movies` lacks rated items; says how many. Their ratings are kept.
    """
    if on_duplicate not in ON_DUPLICATE:
        raise ValueError(
            f"`on_duplicate` should be one of {ON_DUPLICATE}. Received: {on_duplicate!r}"
        )
    source = open_source(path, separator)
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
    path: str | Path,
    known_ids: np.ndarray,
    *,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    scale: tuple[float, float] | None = None,
    separator: str | None = None,
) -> dict[int | str, float]:
    """Read the ratings of one person, such as a new user; an item and a rating column suffice.

    Parameters
    ----------
    path : str or Path
    known_ids : int64 or str, (n,)
        Ids of a model's items. Where they are whole numbers, ids in the file become whole numbers
        if they can.
    user : str
        Name of a column that, if the file has it, should hold the same value everywhere.
    item, rating : str
    scale : (float, float) or None
    separator : str or None
        All as in `read`.

    Returns
    -------
    dict of int or str to float
        Item id to rating, in the file's order; ids that are not in `known_ids` are included.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        As `read`; and for ratings of several people.
    """
    source = open_source(path, separator)
    columns = Columns(user if user in source.names else None, item, rating, None)
    table, value, _ = _checked_table(source, columns, scale)
    if columns.user is not None:
        people = pc.unique(table[user].cast(pa.string())).to_pylist()
        if len(people) > 1:
            raise ValueError(
                f"{source.path}, column {user!r}: all ratings should be by one person. Received: "
                f"ratings by {len(people):,}, such as {people[0]!r} and {people[1]!r}. Leave one "
                "in the file."
            )
    ids = [id_like(text, known_ids) for text in table[item].cast(pa.string()).to_pylist()]
    person = dict(zip(ids, value.tolist(), strict=True))
    if len(person) < len(ids):
        again = next(n for n, item_id in enumerate(ids) if ids.index(item_id) < n)
        place, _ = source.locate(again, item)
        raise ValueError(
            f"{source.path}, {place}: {item} {ids[again]} was rated before. Remove one of the two."
        )
    return person


def assemble(
    source: Source,
    columns: Columns,
    movies: pd.DataFrame | None,
    *,
    scale: tuple[float, float] | None,
    on_duplicate: str,
    name: str,
) -> Ratings:
    """Check a file of ratings and make `Ratings` of it: `read`, and every set, ends here.

    Parameters
    ----------
    source : TextFile or ParquetFile
    columns : Columns
    movies : DataFrame or None
        From `movies_table`.
    scale, on_duplicate, name
        As in `read`.
    """
    table, value, scale = _checked_table(source, columns, scale)
    user_ids, user_index = _axis(source, table, columns.user or "userId")
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


# Checks -----------------------------------------------------------------------------------------


def _checked_table(
    source: Source, columns: Columns, scale: tuple[float, float] | None
) -> tuple[pa.Table, np.ndarray, tuple[float, float]]:
    """(table, ratings, scale), once the columns are there and every rating is on the scale."""
    _check_columns(source, columns)
    table = source.table(columns)
    if len(table) == 0:
        raise ValueError(f"{source.path}: the file is empty: it has no ratings")
    value = table[columns.rating].to_numpy()
    return table, value, _checked_scale(source, columns.rating, value, scale)


def _check_columns(source: Source, columns: Columns) -> None:
    """Each column is there, once, and is used for one thing."""
    needed, present = columns.names(), ", ".join(map(repr, source.names))
    for column in needed:
        if column not in source.names:
            raise ValueError(
                f"{source.path}: there is no column {column!r}. Its columns: {present}. Say which "
                "of them holds what with `user`, `item`, `rating` and `timestamp`; or, if these "
                "are not the columns, what separates them with `separator`."
            )
        if source.names.count(column) > 1:
            raise ValueError(
                f"{source.path}: there should be one column {column!r}. Its columns: {present}. "
                "Rename the others."
            )
        if needed.count(column) > 1:
            raise ValueError(
                f"{source.path}: `user`, `item`, `rating` and `timestamp` should be different "
                f"columns. Received: {', '.join(map(repr, needed))}."
            )


def _checked_scale(
    source: Source, column: str, value: np.ndarray, scale: tuple[float, float] | None
) -> tuple[float, float]:
    """The scale, once every rating is known to be a finite number on it."""
    finite = np.isfinite(value)
    if not finite.all():
        place, text = source.locate(int(np.argmin(finite)), column)
        raise ValueError(
            f"{source.path}, {place}, column {column!r}: a rating should be a finite number. "
            f"Received: {text!r}. Correct it or remove it."
        )
    if scale is None:
        return float(value.min()), float(value.max())
    low, high = map(float, scale)
    if not low < high:
        raise ValueError(f"`scale` should be (lowest, highest). Received: {scale!r}")
    inside = (value >= low) & (value <= high)
    if not inside.all():
        place, text = source.locate(int(np.argmin(inside)), column)
        raise ValueError(
            f"{source.path}, {place}, column {column!r}: a rating should lie between {low:g} and "
            f"{high:g}. Received: {text!r}. Correct it, or declare another `scale`."
        )
    return low, high


def _axis(source: Source, table: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """(ids, index): the ids that occur, ascending, and the position of each rating's id."""
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
        place, _ = source.locate(int(np.argmin(index)), column)
        raise ValueError(
            f"{source.path}, {place}, column {column!r}: an id should not be empty. "
            "Fill it in or remove the line."
        )
    return ids, index


def as_ids(labels: pa.Array) -> np.ndarray:
    """Ids from their texts: int64 where every one is a whole number ("7", " 7", "7.0"), else str.

    Parameters
    ----------
    labels : pyarrow.Array
        Of any type that can be written as text.

    Returns
    -------
    int64 or str, (n,)
    """
    text = labels.cast(pa.string())
    if pc.all(pc.match_substring_regex(text, r"^\s*-?\d+(\.0*)?\s*$")).as_py():
        whole = pc.replace_substring_regex(text, r"\s+|\.0*", "")
        try:
            return whole.cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:  # a number beyond 64 bits stays text
            pass
    return np.array(text.to_pylist(), dtype=np.str_)


def id_like(text: str, known_ids: np.ndarray) -> int | str:
    """The id that a text stands for: an int where the known ids are ints and the text is one."""
    if np.issubdtype(known_ids.dtype, np.number):
        return as_ids(pa.array([text])).tolist()[0]
    return text


def _without_duplicates(
    ratings: Ratings, source: Source, columns: Columns, on_duplicate: str
) -> Ratings:
    """The ratings with each pair once; `repeats` says which lines were merged into later ones."""
    pair = ratings.user_index.astype(np.int64) * ratings.n_movies + ratings.movie_index
    if (pair[1:] > pair[:-1]).all():  # MovieLens' own order: nothing to sort
        return ratings
    ordered = np.sort(pair)
    if (ordered[1:] > ordered[:-1]).all():
        return ratings
    order = np.argsort(pair, kind="stable")
    is_last = np.append(np.diff(pair[order]) > 0, True)
    if on_duplicate == "error":
        raise _duplicate_error(ratings, source, columns, order, is_last)
    group = np.concatenate([[0], np.cumsum(is_last[:-1])])
    last = order[is_last]
    value = ratings.value[last]
    if on_duplicate == "mean":
        value = np.bincount(group, ratings.value[order]) / np.bincount(group)
    in_file_order = np.argsort(last)
    merged = ratings.take(last[in_file_order])
    return dataclasses.replace(
        merged,
        value=value[in_file_order].astype(np.float32),
        repeats=pair[np.sort(order[~is_last])],
    )


def _duplicate_error(
    ratings: Ratings, source: Source, columns: Columns, order: np.ndarray, is_last: np.ndarray
) -> ValueError:
    """The error for the first line in the file that repeats a pair."""
    before_repeat = np.flatnonzero(~is_last)  # in `order`, the same pair follows each of these
    again = order[before_repeat + 1]
    at = int(np.argmin(again))
    first, second = int(order[before_repeat[at]]), int(again[at])
    place_first, text_first = source.locate(first, columns.rating)
    place_second, text_second = source.locate(second, columns.rating)
    user_id = ratings.user_ids[ratings.user_index[second]]
    movie_id = ratings.movie_ids[ratings.movie_index[second]]
    return ValueError(
        f"{source.path}, {place_second}: user {user_id} rated {movie_id} before, in {place_first} "
        f"({columns.rating} {text_first} there, {text_second} here); the file has "
        f"{len(before_repeat):,} such line(s). Remove them, or pass "
        '`on_duplicate="last"` or `on_duplicate="mean"`.'
    )


# The table of titles ----------------------------------------------------------------------------


def movies_table(movies: str | Path | pd.DataFrame, item: str = "movieId") -> pd.DataFrame:
    """The table of titles with the columns `movieId`, `title` and `genres`.

    Parameters
    ----------
    movies : str, Path or DataFrame
        As in `read`.
    item : str
        Name of its column of ids.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where a column is missing, or an id occurs twice.
    """
    where: str | Path = "the table of titles"
    if not isinstance(movies, pd.DataFrame):
        where = Path(movies)
        movies = _read_movies(where)
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
    movies: pd.DataFrame | None,
    movie_ids: np.ndarray,
    movie_counts: np.ndarray,
    source: str | Path,
    item: str = "movieId",
) -> pd.DataFrame:
    """The table of titles in the order of the rows; titles that it lacks are made from the ids.

    Parameters
    ----------
    movies : DataFrame or None
        From `movies_table`.
    movie_ids : int64 or str, (n_movies,)
    movie_counts : int64, (n_movies,)
        Ratings of each, for the warning.
    source : str or Path
        Where the ratings are from, for the warning.
    item : str
        Name of the column of ids there.

    Returns
    -------
    DataFrame, n_movies rows
        Row i describes `movie_ids[i]`: columns `movieId`, `title`, `genres`.

    Warns
    -----
    UserWarning
        Where titles are missing; says how many.
    """
    numeric = movie_ids.dtype.kind != "U"
    title = np.array(
        [f"{noun(item)} {i}" if numeric else i for i in movie_ids.tolist()], dtype=object
    )
    genres = np.full(len(movie_ids), "", dtype=object)
    if movies is not None:
        table_ids, row_ids = movies["movieId"].to_numpy(), movie_ids
        if (table_ids.dtype.kind == "i") != numeric:
            table_ids, row_ids = table_ids.astype(str), movie_ids.astype(str)
        position = pd.Index(table_ids).get_indexer(row_ids)
        has_title = position >= 0
        title[has_title] = movies["title"].to_numpy()[position[has_title]]
        genres[has_title] = movies["genres"].to_numpy()[position[has_title]]
        if not has_title.all():
            n_ratings = int(movie_counts[~has_title].sum())
            warnings.warn(
                f"{source}: {(~has_title).sum():,} of {len(has_title):,} rated "
                f"{'movies' if item == 'movieId' else repr(item)} are missing from the table of "
                f"titles (such as {title[np.argmin(has_title)]!r}). Their {n_ratings:,} ratings "
                "are kept, under titles made from the ids.",
                stacklevel=4,
            )
    table = pd.DataFrame({"movieId": movie_ids, "title": title, "genres": genres})
    return table.astype({"title": "str", "genres": "str"})
