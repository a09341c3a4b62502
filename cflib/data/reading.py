"""Read a ratings file, fast and strictly: every value is checked, and what is guessed is said.

pyarrow converts the columns directly to the types that they should have. Ids are encoded while
they are parsed, so that 25 million lines never become 25 million Python objects. Only when
something is wrong is the file read a second time, line by line, to say exactly where.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..ratings import Ratings
from .files import ENCODED_TEXT, Columns, Source, is_word, noun, open_source, shown, words_of
from .guessing import Guess, check_kind, kind_of, named, nearest, some_names
from .wide import WideFile

ON_DUPLICATE = ("error", "last", "mean")
LIKES_SCALE = (0.0, 1.0)  # of likes and of thumbs


def read(
    path: str | Path,
    *,
    user: str | None = "auto",
    item: str = "auto",
    rating: str | None = "auto",
    timestamp: str | None = "auto",
    movies: str | Path | pd.DataFrame | None = None,
    kind: str = "auto",
    scale: tuple[float, float] | None = None,
    on_duplicate: str = "error",
    separator: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
    header: bool = True,
    wide: bool = False,
    missing: float | str | None = None,
    name: str | None = None,
) -> Ratings:
    """Read your own ratings, likes, counts or thumbs: a table with a user and an item in each line.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .parquet, .arrow, .feather, .json (a list of objects) or .jsonl file; any of
        them as .gz, or as the only one in a .zip; "-" is standard input.
    user, item, rating, timestamp : str or None
        Names of the columns. "auto": guessed from common names; `note` says so. Ids are whole
        numbers or text, and stay as they are written: 007 is not 7. The ratings are numbers, or
        words such as "up" and "down". Times are seconds since 1970-01-01 UTC or ISO 8601 dates.
        `rating=None`: each line is a like. `timestamp=None`: no times.
    movies : str, Path, DataFrame or None
        Table of titles, as a file like `path` or as a frame: a column called like `item`, `title`
        and, if known, `genres` ("A|B"). None: titles are made from the ids.
    kind : "auto", "ratings", "likes", "counts" or "thumbs"
        What the values mean. "auto": found out by the rules of `data.guessing.kind_of`. Without a
        column of ratings, lines are likes; where a pair of user and item has several lines, these
        are counted.
    scale : (float, float) or None
        Lowest and highest rating that can be given; then "auto" means "ratings". None: the lowest
        and highest in the file.
    on_duplicate : "error", "last" or "mean"
        What to do with a pair of user and item that occurs more than once: refuse it, keep the
        last line, or take the mean of the ratings with the last line's time. Two likes are one.
    separator : str or None
        The character between two columns. None: as the file's suffix or its first lines say.
    decimal : "." or ","
        What stands before a number's decimals.
    encoding : str or None
        Such as "latin-1". None: UTF-8, or as a byte order mark says.
    header : bool
        Whether the first line names the columns. False: they are user, item, rating and time in
        this order, and are called so, or as `user`, `item` and so on say; a number as in `user="2"`
        says the place instead.
    wide : bool
        Whether there is a line for each user and a column for each item. `user` is the column of
        users, "auto" the first; None: lines are numbered.
    missing : float, str or None
        The value that stands for no rating, such as 99 or "NA". Its lines are left out.
    name : str or None
        Name of the set. None: the file's name without its suffix.

    Returns
    -------
    Ratings
        In the file's order. Its rows are the rated items; both axes are sorted by id. `kind` is
        what the values mean, and `note` says what was guessed. Likes are 1, counts above 0, thumbs
        1 and 0.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        At the first thing that is wrong, with file, line, column, the value received and what to
        do: no ratings, a column that is missing, bytes that are not UTF-8, a line with too many or
        too few values, a quote that is not closed, a rating or a time that is not a finite number,
        an empty id, a rating outside the scale, a pair that occurs twice. In a file that is not
        text rows are counted, from 1.

    Warns
    -----
    UserWarning
        Where `movies` lacks rated items; says how many. Their ratings are kept.
    """
    if on_duplicate not in ON_DUPLICATE:
        raise ValueError(
            f"`on_duplicate` should be one of {ON_DUPLICATE}. Received: {on_duplicate!r}"
        )
    check_kind(kind)
    source, columns, notes = _opened(
        path,
        (user, item, rating, timestamp),
        wide,
        missing,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        header=header,
    )
    return assemble(
        source,
        columns,
        None if movies is None else movies_table(movies, columns.item),
        scale=scale,
        on_duplicate=on_duplicate,
        name=_name_of(source.path) if name is None else name,
        kind=kind,
        missing=missing,
        notes=notes,
    )


def guess(
    path: str | Path,
    *,
    user: str | None = "auto",
    item: str = "auto",
    rating: str | None = "auto",
    timestamp: str | None = "auto",
    kind: str = "auto",
    separator: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
    header: bool = True,
    wide: bool = False,
    missing: float | str | None = None,
) -> Guess:
    """Find out what the columns of a file are and what kind of feedback it holds, as `read` does.

    Parameters
    ----------
    path, user, item, rating, timestamp, kind, separator, decimal, encoding, header, wide, missing
        As in `read`.

    Returns
    -------
    Guess
        The columns, the kind, and sentences to print about what was guessed. In these, arguments
        of `read` stand between backquotes.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read`.
    """
    check_kind(kind)
    source, columns, notes = _opened(
        path,
        (user, item, rating, timestamp),
        wide,
        missing,
        separator=separator,
        decimal=decimal,
        encoding=encoding,
        header=header,
    )
    used = dataclasses.replace(columns, timestamp=None)
    if columns.rating is not None:
        used = dataclasses.replace(used, user=None)
    _check_columns(source, columns)
    values = _checked_values(source, used, None, kind, missing)
    known = values.kind
    if columns.rating is None and kind == "auto":
        axes = [_axis(source, values, column) for column in (columns.user or "", columns.item)]
        (_, user_index), (movie_ids, movie_index) = axes
        pair = user_index.astype(np.int64) * len(movie_ids) + movie_index
        known = "counts" if len(pc.unique(pa.array(pair))) < len(pair) else "likes"
    if columns.rating is None:
        values.notes.append(WITHOUT_RATINGS[known])
    return Guess(columns, known, [*notes, *values.notes])


def _opened(
    path: str | Path,
    roles: tuple[str | None, str, str | None, str | None],
    wide: bool,
    missing: float | str | None,
    **form: Any,
) -> tuple[Source, Columns, list[str]]:
    """The file, its columns, and sentences about what was guessed so far."""
    as_text = missing if isinstance(missing, str) else None
    opened = open_source(path, missing=as_text, **form)
    user, item, rating, timestamp = roles
    if not wide:
        source, columns, notes = named(opened, user, item, rating, timestamp)
        return source, columns, [*source.notes, *notes]
    item = "item" if item == "auto" else item
    rating = "rating" if rating is None or rating == "auto" else rating
    melted = WideFile.of(opened, user, item, rating)
    user_column, item_column, rating_column = melted.names
    note = f"The table is wide: a line for each user, a column for each of {len(melted.items):,}."
    return melted, Columns(user_column, item_column, rating_column, None), [*opened.notes, note]


def read_person(
    path: str | Path,
    known_ids: np.ndarray,
    *,
    user: str = "userId",
    item: str = "movieId",
    rating: str | None = "rating",
    scale: tuple[float, float] | None = None,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str | None = None,
) -> dict[int | str, float]:
    """Read the ratings of one person, such as a new user; an item and a rating column suffice.

    Parameters
    ----------
    path : str or Path
    known_ids : int64 or str, (n,)
        Ids of a model's items. Where they are whole numbers, ids in the file become whole numbers
        if these are written as the file has them: 7, but not 007.
    user : str
        Name of a column that, if the file has it, should hold the same value everywhere.
    item : str
    rating : str or None
        None: each line is a like, 1.
    scale : (float, float) or None
    separator, decimal, encoding : str or None
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
    source = open_source(path, separator, decimal=decimal, encoding=encoding)
    columns = Columns(user if user in source.names else None, item, rating, None)
    _check_columns(source, columns)
    values = _checked_values(source, columns, scale, "ratings", None)
    if columns.user is not None:
        people = pc.unique(values.table[user].cast(pa.string())).to_pylist()
        if len(people) > 1:
            raise ValueError(
                f"{source.path}, column {user!r}: all ratings should be by one person. Received: "
                f"ratings by {len(people):,}, such as {people[0]!r} and {people[1]!r}. Leave one "
                "in the file."
            )
    ids = [id_like(text, known_ids) for text in values.table[item].cast(pa.string()).to_pylist()]
    person = dict(zip(ids, values.value.tolist(), strict=True))
    if len(person) < len(ids):
        again = int(np.argmax(pd.Index(ids).duplicated()))
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
    kind: str = "ratings",
    missing: float | str | None = None,
    notes: Sequence[str] = (),
) -> Ratings:
    """Check a file of ratings and make `Ratings` of it: `read`, and every set, ends here.

    Parameters
    ----------
    source : Source
    columns : Columns
    movies : DataFrame or None
        From `movies_table`.
    scale, on_duplicate, name, kind, missing
        As in `read`.
    notes : sequence of str
        What was guessed before; the ratings' `note` begins with it.
    """
    _check_columns(source, columns)
    values = _checked_values(source, columns, scale, kind, missing)
    user_ids, user_index = _axis(source, values, columns.user or "userId")
    movie_ids, movie_index = _axis(source, values, columns.item)
    timestamp = None
    if columns.timestamp is not None:
        timestamp = values.table[columns.timestamp].to_numpy()
    values = dataclasses.replace(values, table=None)
    ratings = Ratings(
        movie_index=movie_index,
        user_index=user_index,
        value=values.value,
        timestamp=timestamp,
        movie_ids=movie_ids,
        user_ids=user_ids,
        movies=aligned(movies, movie_ids, np.bincount(movie_index), source.path, columns.item),
        scale=values.scale,
        name=name,
        kind=values.kind,
    )
    if columns.rating is None:
        ratings = _likes_or_counts(ratings, kind)
        values.notes.append(WITHOUT_RATINGS[ratings.kind])
    else:
        ratings = _without_duplicates(ratings, source, columns, on_duplicate, values)
    return dataclasses.replace(ratings, note=" ".join([*notes, *values.notes]))


def _name_of(path: Path) -> str:
    """The name of a file without its suffixes: "books" for books.csv.gz."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


# Values -----------------------------------------------------------------------------------------

WITHOUT_RATINGS = {
    "likes": "There is no column of ratings: each line is a like (implicit feedback). If there is "
    "one, pass its name as `rating`.",
    "counts": "There is no column of ratings, and some pairs of user and item have several lines: "
    'their lines are counted (implicit feedback). If each is just a like, pass `kind="likes"`.',
}


@dataclasses.dataclass(frozen=True, eq=False)
class _Values:
    """What a file holds, checked, without the lines that are not rated.

    Attributes
    ----------
    table : pyarrow.Table
    value : float32, (n,)
    scale : (float, float)
    kind : str
    rows : int64, (n,), or None
        Row of each in the file; None where all are used.
    notes : list of str
    """

    table: Any
    value: np.ndarray
    scale: tuple[float, float]
    kind: str
    rows: np.ndarray | None
    notes: list[str]

    def row(self, at: int) -> int:
        """The file's row of the value at a position."""
        return at if self.rows is None else int(self.rows[at])


def _checked_values(
    source: Source,
    columns: Columns,
    scale: tuple[float, float] | None,
    kind: str,
    missing: float | str | None,
) -> _Values:
    """The columns and their values, once every one is known to mean something."""
    table = source.table(columns)
    if len(table) == 0:
        raise ValueError(f"{source.path}: the file is empty: it has no ratings")
    if columns.rating is None:
        known = "likes" if kind in ("auto", "ratings") else kind
        return _Values(table, np.ones(len(table), np.float32), LIKES_SCALE, known, None, [])
    value, rows, notes = _without_missing(source, columns.rating, table, missing)
    if rows is not None:
        table = table.take(pa.array(rows))
    values = _Values(table, value, (0.0, 0.0), kind, rows, notes)
    column = columns.rating
    _check_each(source, column, values, np.isfinite(value), FINITE)
    if kind == "ratings" and np.isin(value, (0, 1)).all():
        place, text = source.locate(values.row(0), column)
        if isinstance(text, str) and is_word(text):
            raise ValueError(
                f"{source.path}, {place}, column {column!r}: {WORD.format(shown(text))}"
            )
    if kind == "auto":
        kind = "ratings" if scale is not None else kind_of(value)
        notes.extend(_note_on(kind, column, value))
    if kind == "ratings":
        scale = _checked_scale(source, column, values, scale)
        return dataclasses.replace(values, kind=kind, scale=scale)
    if kind == "likes":
        value, scale = np.ones_like(value), LIKES_SCALE
    elif kind == "thumbs":
        is_thumb = (value == 1) | (value == (-1 if value.min() < 0 else 0))
        _check_each(source, column, values, is_thumb, THUMBS)
        value, scale = np.maximum(value, 0), LIKES_SCALE
    else:
        _check_each(source, column, values, value >= 0, COUNTS)
        return _positive(source, column, dataclasses.replace(values, kind=kind))
    return dataclasses.replace(values, value=value, kind=kind, scale=scale)


FINITE = "a rating should be a finite number. Received: {}. Correct it or remove it."
THUMBS = (
    "a thumb should be 1 or 0 (or 1 or -1, in the whole file). Received: {}. Correct it, or pass "
    "another `kind`."
)
WORD = (
    "a rating should be a number. Received: {}. If such words mean likes and dislikes, pass "
    '`kind="thumbs"`.'
)
COUNTS = "a count should not be negative. Received: {}. Correct it, or pass another `kind`."


def _check_each(
    source: Source, column: str, values: _Values, is_right: np.ndarray, message: str
) -> None:
    """Raise ValueError with the place of the first value that is not right."""
    if not is_right.all():
        place, text = source.locate(values.row(int(np.argmin(is_right))), column)
        raise ValueError(
            f"{source.path}, {place}, column {column!r}: {message.format(shown(text))}"
        )


def _without_missing(
    source: Source, column: str, table: pa.Table, missing: float | str | None
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """(values, their rows, or None for all, and a sentence), without what means "not rated"."""
    column_of_values = table[column]
    if missing is None:
        return column_of_values.to_numpy(), None, []
    if column_of_values.null_count:
        rated = column_of_values.is_valid().to_numpy()
        value = pc.fill_null(column_of_values, 0).to_numpy()
    else:
        value = column_of_values.to_numpy()
        rated = np.ones(len(value), bool)
    if not isinstance(missing, str):
        is_code = np.isnan(value) if math.isnan(missing) else value == np.float32(missing)
        rated &= ~is_code
    n_left_out = len(value) - int(np.count_nonzero(rated))
    text = missing if isinstance(missing, str) else f"{missing:g}"
    if n_left_out == len(value):
        raise ValueError(
            f"{source.path}: all {len(value):,} values in {column!r} are {text!r}, which means "
            '"not rated". Pass another `missing`.'
        )
    lines = "1 line" if n_left_out == 1 else f"{n_left_out:,} lines"
    note = f"{lines} with {text!r} in {column!r} left out: not rated."
    return value[rated], np.flatnonzero(rated), [note]


def _positive(source: Source, column: str, values: _Values) -> _Values:
    """The counts without those of 0, which say that nothing happened."""
    positive = values.value > 0
    if not positive.any():
        raise ValueError(f"{source.path}: all counts in {column!r} are 0. Pass another `kind`.")
    if not positive.all():
        rows = np.flatnonzero(positive)
        values.notes.append(f"{len(positive) - len(rows):,} lines with a count of 0 left out.")
        values = dataclasses.replace(
            values,
            table=values.table.take(pa.array(rows)),
            value=values.value[rows],
            rows=rows if values.rows is None else values.rows[rows],
        )
    scale = float(values.value.min()), float(values.value.max())
    return dataclasses.replace(values, scale=scale)


def _note_on(kind: str, column: str, value: np.ndarray) -> list[str]:
    """A sentence about a kind that was found out, if it is not ratings."""
    otherwise = 'If these are ratings on a scale, pass `kind="ratings"`.'
    if kind == "likes":
        says = f"All values of {column!r} are {value[0]:g}: each line is a like"
        return [f"{says} (implicit feedback). {otherwise}"]
    if kind == "thumbs":
        share = np.count_nonzero(value == 1) / len(value)
        return [f"{column!r} holds likes ({share:.0%}) and dislikes. {otherwise}"]
    if kind == "counts":
        positive = value[value > 0]
        middle, most = np.median(positive), positive.max()
        says = (
            f"{column!r} holds counts, it seems: whole numbers from {positive.min():,.0f} to "
            f"{most:,.0f}, half of them {middle:,.0f} or less. They are implicit feedback."
        )
        return [f"{says} {otherwise}"]
    return []


# Checks -----------------------------------------------------------------------------------------


def _check_columns(source: Source, columns: Columns) -> None:
    """Each column is there, once, and is used for one thing."""
    needed, present = columns.names(), some_names(source.names)
    for column in needed:
        if column not in source.names:
            raise ValueError(
                f"{source.path}: there is no column {column!r}."
                f"{nearest(column, source.names)} Its columns: {present}. Say which of them holds "
                "what with `user`, `item`, `rating` and `timestamp`; or, if these are not the "
                "columns, what separates them with `separator`."
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
    source: Source, column: str, values: _Values, scale: tuple[float, float] | None
) -> tuple[float, float]:
    """The scale, once every rating is known to be on it."""
    value = values.value
    if scale is None:
        return float(value.min()), float(value.max())
    low, high = map(float, scale)
    if not low < high:
        raise ValueError(f"`scale` should be (lowest, highest). Received: {scale!r}")
    message = (
        f"a rating should lie between {low:g} and {high:g}. Received: {{}}. Correct it, or declare "
        "another `scale`."
    )
    _check_each(source, column, values, (value >= low) & (value <= high), message)
    return low, high


def _axis(source: Source, values: _Values, column: str) -> tuple[np.ndarray, np.ndarray]:
    """(ids, index): the ids that occur, ascending, and the position of each rating's id."""
    encoded = values.table[column]
    if encoded.type != ENCODED_TEXT:
        if pa.types.is_dictionary(encoded.type):
            encoded = encoded.cast(encoded.type.value_type)
        encoded = encoded.dictionary_encode()
    elif values.rows is not None:  # an id may have gone with its lines
        encoded = encoded.cast(pa.string()).dictionary_encode()
    encoded = encoded.unify_dictionaries()
    ids, rank = np.unique(as_ids(encoded.chunk(0).dictionary), return_inverse=True)
    rank = rank.astype(np.int32)
    index = np.empty(len(encoded), np.int32)
    start = 0
    for chunk in encoded.chunks:
        np.take(rank, chunk.indices.to_numpy(), out=index[start : start + len(chunk)])
        start += len(chunk)
    if ids.dtype.kind == "O" and ids[0].strip() == "":
        place, _ = source.locate(values.row(int(np.argmin(index))), column)
        raise ValueError(
            f"{source.path}, {place}, column {column!r}: an id should not be empty. "
            "Fill it in or remove the line."
        )
    return ids, index


def as_ids(labels: pa.Array) -> np.ndarray:
    """Ids from their texts: int64 where each text is how its number is written, else str.

    So an id is always written as it came in. "007", " 7" and "7.0" are not how 7 is written: where
    one of them occurs, all ids stay text.

    Parameters
    ----------
    labels : pyarrow.Array
        Of any type that can be written as text.

    Returns
    -------
    int64, or object (str), (n,)
        Texts are Python's, so that a long one costs its own length alone.
    """
    text = labels.cast(pa.string())
    if pc.all(pc.match_substring_regex(text, r"^(0|-?[1-9][0-9]*)$")).as_py():
        try:
            return text.cast(pa.int64()).to_numpy()
        except pa.ArrowInvalid:  # a number beyond 64 bits stays text
            pass
    return np.array(text.to_pylist(), dtype=object)


def as_text(ids: np.ndarray) -> np.ndarray:
    """Ids as Python texts: object, (n,)."""
    return np.array([str(one) for one in ids.tolist()], dtype=object)


def id_like(text: str, known_ids: np.ndarray) -> int | str:
    """The id that a text stands for: an int where the known ids are ints and the text is one."""
    if np.issubdtype(known_ids.dtype, np.number):
        return as_ids(pa.array([text])).tolist()[0]
    return text


def _likes_or_counts(ratings: Ratings, kind: str) -> Ratings:
    """Each pair once: with the number of its lines, if a pair has several, or else 1."""
    pair = ratings.user_index.astype(np.int64) * ratings.n_movies + ratings.movie_index
    order = np.argsort(pair, kind="stable")
    is_last = np.append(np.diff(pair[order]) > 0, True)
    last = order[is_last]
    in_file_order = np.argsort(last)
    n_lines = np.diff(np.flatnonzero(is_last), prepend=-1)[in_file_order].astype(np.float32)
    merged = ratings.take(last[in_file_order])
    if kind == "counts" or (kind in ("auto", "ratings") and len(merged) < len(ratings)):
        scale = float(n_lines.min()), float(n_lines.max())
        return dataclasses.replace(merged, kind="counts", value=n_lines, scale=scale)
    return dataclasses.replace(merged, repeats=pair[np.sort(order[~is_last])])


def _without_duplicates(
    ratings: Ratings, source: Source, columns: Columns, on_duplicate: str, values: _Values
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
    if on_duplicate == "error" and ratings.kind != "likes":
        raise _duplicate_error(ratings, source, columns, order, is_last, values)
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
    ratings: Ratings,
    source: Source,
    columns: Columns,
    order: np.ndarray,
    is_last: np.ndarray,
    values: _Values,
) -> ValueError:
    """The error for the first line in the file that repeats a pair."""
    before_repeat = np.flatnonzero(~is_last)  # in `order`, the same pair follows each of these
    again = order[before_repeat + 1]
    at = int(np.argmin(again))
    first, second = int(order[before_repeat[at]]), int(again[at])
    column = columns.rating or columns.item
    place_first, text_first = source.locate(values.row(first), column)
    place_second, text_second = source.locate(values.row(second), column)
    user_id = ratings.user_ids[ratings.user_index[second]]
    movie_id = ratings.movie_ids[ratings.movie_index[second]]
    return ValueError(
        f"{source.path}, {place_second}: user {user_id} rated {movie_id} before, in {place_first} "
        f"({column} {text_first} there, {text_second} here); the file has "
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
                f"{where}: there is no column {column!r}."
                f"{nearest(column, list(movies.columns))} Its columns: "
                f"{some_names(list(movies.columns))}."
            )
    ids = _ids_of_titles(where, item, movies[item])
    repeated = pd.Index(ids).duplicated()
    if repeated.any():
        raise ValueError(
            f"{where}: each {noun(item)} should have one row. Received more for {item} "
            f"{ids[np.argmax(repeated)]}."
        )
    table = {"movieId": ids, "title": words_of(where, "title", movies["title"]), "genres": ""}
    if "genres" in movies.columns:
        table["genres"] = words_of(where, "genres", movies["genres"])
    return pd.DataFrame(table)


def _ids_of_titles(where: str | Path, item: str, column: pd.Series) -> np.ndarray:
    if pd.isna(column).any():
        raise ValueError(
            f"{where}, row {int(np.argmax(pd.isna(column))) + 1}, column {item!r}: an id is "
            "missing. Fill it in or remove the row."
        )
    try:
        return as_ids(pa.array(column))
    except (pa.ArrowException, NotImplementedError):
        raise ValueError(
            f"{where}, column {item!r}: ids should be numbers or text. Received: "
            f"{shown(column.iloc[0])}."
        ) from None


def _read_movies(path: str | Path) -> pd.DataFrame:
    try:
        return open_source(path).frame()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error} (the table of titles)") from None


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
    numeric = np.issubdtype(movie_ids.dtype, np.number)
    title = np.array(
        [f"{noun(item)} {i}" if numeric else i for i in movie_ids.tolist()], dtype=object
    )
    genres = np.full(len(movie_ids), "", dtype=object)
    if movies is not None:
        table_ids, row_ids = movies["movieId"].to_numpy(), movie_ids
        if np.issubdtype(table_ids.dtype, np.number) != numeric:
            table_ids, row_ids = as_text(table_ids), as_text(movie_ids)
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
