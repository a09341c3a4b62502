"""Files of ratings as columns, and the place of each value for error messages.

pyarrow reads a text file, fast. Only when something is wrong is the file read a second time by
`csv`, line by line, to find the place. A Parquet, Arrow or JSON file has types already, so less is
checked.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from .content import (
    ARROW,
    JSON,
    PARQUET,
    SEPARATORS,
    Content,
    as_utf8,
    count_lines,
    guessed_separator,
    not_utf8,
    quick_count,
    unpacked,
)

TIMES = (  # types that a time in a text file can have, in the order in which they are tried
    pa.int64(),
    pa.float64(),
    pa.timestamp("s"),
    pa.timestamp("ns"),
    pa.timestamp("s", "UTC"),
    pa.timestamp("ns", "UTC"),
)
BLOCK_BYTES = 4 << 20
ENCODED_TEXT = pa.dictionary(pa.int32(), pa.string())
WORDS = {  # that stand for a like (1) and a dislike (0), in lower case
    **dict.fromkeys(("true", "t", "yes", "y", "up", "thumbs up", "like", "liked", "+"), 1.0),
    **dict.fromkeys(("false", "f", "no", "n", "down", "thumbs down", "dislike", "disliked"), 0.0),
    "-": 0.0,
}
NO_TEXTS = (bytes, list, tuple, dict, set)
SHOWN = 200  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of the columns that hold what `Ratings` needs.

    Attributes
    ----------
    user : str or None
        None in a file of one person's ratings.
    item : str
    rating : str or None
        None where each line is a like, and has no value.
    timestamp : str or None
        None where there are no times.
    """

    user: str | None = "userId"
    item: str = "movieId"
    rating: str | None = "rating"
    timestamp: str | None = "timestamp"

    def names(self) -> list[str]:
        """The names that are not None."""
        names = [self.user, self.item, self.rating, self.timestamp]
        return [name for name in names if name is not None]

    def nouns(self) -> tuple[str, str]:
        """What a user and an item are called, after their columns: see `noun`."""
        return noun(self.user or "user"), noun(self.item)


def noun(column: str) -> str:
    """What a column's ids stand for: "movie" for movieId, "book" for book_id, "isbn" for isbn."""
    return re.sub(r"(?<=[a-z])(Id|ID|_id)$", "", column)


class Source(Protocol):
    """A file of ratings: its columns, and where each value stands in it.

    Attributes
    ----------
    path : Path
        What messages call it.
    names : tuple of str
        The columns, in the file's order.
    notes : tuple of str
        What was found out about how the file is written.
    """

    @property
    def path(self) -> Path: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """(place, value) of the value in a row of data, counted from 0, and a column."""

    def table(self, columns: Columns) -> pa.Table:
        """The columns: ids as text or as stored, ratings as float32, times as int64 seconds.

        A rating is null where it is what `missing` says.
        """

    def frame(self) -> pd.DataFrame:
        """All columns, text as text."""

    def texts(self, column: str) -> list[str]:
        """The values of a column as text, one for each row."""

    def time_type(self, column: str) -> pa.DataType | None:
        """The type of the times in a column, after the first one; None: they are none."""


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A delimited text file: pyarrow reads its columns, `csv` its lines for messages.

    Attributes
    ----------
    path : Path
        What messages call it.
    separator : str
        One character.
    names : tuple of str
        The columns, in the file's order.
    has_header : bool
        Whether the first line holds the names.
    quoted : bool
        Whether quotes around a value have their usual meaning.
    inside : bytes or None
        The text, as UTF-8; None where it is the file at `path`.
    decimal : str
        What stands before a number's decimals.
    missing : str or None
        The text that stands for no rating.
    notes : tuple of str
        What was found out about how the file is written.
    """

    path: Path
    separator: str
    names: tuple[str, ...]
    has_header: bool = True
    quoted: bool = True
    inside: bytes | None = dataclasses.field(default=None, repr=False)
    decimal: str = "."
    missing: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        content: Content,
        separator: str | None,
        *,
        header: bool = True,
        decimal: str = ".",
        missing: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> TextFile:
        """The file with this content, UTF-8; `separator` or its suffix says what separates columns.

        Where neither does, and where the suffix is wrong about the first line, it is guessed.
        Without a header columns are called "column 1", "column 2" and so on.
        """
        if separator is not None and len(separator) != 1:
            raise ValueError(f"`separator` should be one character. Received: {separator!r}")
        usual = SEPARATORS.get(content.suffix)
        chosen = separator or usual or guessed_separator(content)
        if chosen is None:
            raise ValueError(
                f"{content.path}: neither the suffix {content.suffix!r} nor the first lines say "
                'how columns are separated. Pass `separator` (such as `separator=","`), or rename '
                "the file to .csv, .tsv or .parquet."
            )
        file = cls(content.path, chosen, (), header, True, content.inside, decimal, missing, notes)
        first = file.first()
        if separator is None and usual is not None and len(first) == 1:
            chosen = guessed_separator(content) or usual
            file = dataclasses.replace(file, separator=chosen)
            first = file.first()
        if separator is None and chosen != usual:
            note = f"Columns are separated by {chosen!r}, it seems."
            file = dataclasses.replace(file, notes=(*file.notes, note))
        numbered = (f"column {number + 1}" for number in range(len(first)))
        return dataclasses.replace(file, names=tuple(first if header else numbered))

    @classmethod
    def with_header(cls, path: Path, separator: str | None) -> TextFile:
        """A plain UTF-8 file whose first line names its columns."""
        return cls.of(Content(path, path.suffix.lower()), separator)

    @property
    def content(self) -> Content:
        """The bytes of the file."""
        return Content(self.path, self.path.suffix.lower(), self.inside)

    def first(self) -> list[str]:
        """The fields of the first line."""
        fields = next((fields for _, fields in self.lines()), None)
        if fields is None:
            raise ValueError(
                f"{self.path}: the file is empty: it has no header line and no ratings"
            )
        return fields

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Number and fields of each line that is not blank, the header included."""
        before = 0
        try:
            for line, fields in self._records(strict=False):
                before = line
                if fields:
                    yield line, fields
        except csv.Error as error:
            raise ValueError(
                f'{self.path}, line {before + 1}: {error}. Is there a quote (") that opens a '
                "value and does not close it?"
            ) from None

    def _records(self, strict: bool) -> Iterator[tuple[int, list[str]]]:
        """Last line and fields of each record; `strict` refuses what quotes leave unclear."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        try:
            with self.content.open() as stream:
                text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
                reader = csv.reader(text, delimiter=self.separator, quoting=quoting, strict=strict)
                for fields in reader:
                    yield reader.line_num, fields
        except UnicodeDecodeError:
            raise ValueError(not_utf8(self.content)) from None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Number and fields of each line of data."""
        return itertools.islice(self.lines(), int(self.has_header), None)

    def locate(self, row: int, column: str) -> tuple[str, str]:
        """(place, text) of the value in a row of data, counted from 0, and a column."""
        line, fields = next(itertools.islice(self.rows(), row, None))
        return f"line {line}", fields[self.names.index(column)]

    def texts(self, column: str) -> list[str]:
        """The values of a column as text, one for each row; "" where a line is too short."""
        at = self.names.index(column)
        return [fields[at] if len(fields) > at else "" for _, fields in self.rows()]

    def frame(self) -> pd.DataFrame:
        """All columns as text."""
        try:
            with self.content.open() as stream:
                return pd.read_csv(
                    stream,
                    sep=self.separator,
                    dtype=str,
                    keep_default_na=False,
                    encoding="utf-8-sig",
                    header=0 if self.has_header else None,
                    names=None if self.has_header else list(self.names),
                )
        except UnicodeDecodeError:
            raise ValueError(not_utf8(self.content)) from None
        except pd.errors.ParserError as error:
            raise ValueError(f"{self.path}: {error}") from None

    def table(self, columns: Columns) -> pa.Table:
        """The columns: ids as encoded text, ratings as float32, times as int64 seconds."""
        types: dict[str, pa.DataType] = {columns.item: ENCODED_TEXT}
        if columns.user is not None:
            types[columns.user] = ENCODED_TEXT
        if columns.rating is not None:
            in_words = self._is_in_words(columns.rating)
            types[columns.rating] = ENCODED_TEXT if in_words else pa.float32()
        if columns.timestamp is not None:
            types[columns.timestamp] = self.time_type(columns.timestamp) or TIMES[0]
        table = self.typed(types, columns)
        if columns.rating is not None and types[columns.rating] == ENCODED_TEXT:
            table = _with_numbers_for_words(table, columns.rating, self.missing, self)
        return _with_seconds(table, columns.timestamp, self)

    def typed(self, types: dict[str, pa.DataType], columns: Columns | None = None) -> pa.Table:
        """The columns named by `types`, each of its type; `columns` says what for, in messages."""
        if next(self.rows(), None) is None:
            raise ValueError(f"{self.path}: the file is empty: it has no ratings")
        n_lines, has_quotes = quick_count(self.content)
        reading = pacsv.ReadOptions(
            block_size=BLOCK_BYTES,
            column_names=list(self.names),
            skip_rows=int(self.has_header),
        )
        parsing = pacsv.ParseOptions(
            delimiter=self.separator,
            quote_char='"' if self.quoted else False,
            newlines_in_values=self.quoted and has_quotes,
        )
        converting = pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[] if self.missing is None else [self.missing],
            decimal_point=self.decimal,
        )
        stored = self.path if self.inside is None else pa.BufferReader(self.inside)
        try:
            table = pacsv.read_csv(stored, reading, parsing, converting)
        except pa.ArrowInvalid as error:
            if self.quoted and has_quotes:
                self._check_quotes(list(types))
            self._raise_at_first_error(columns, types)
            raise ValueError(f"{self.path}: {error}") from None
        n_expected = len(table) + int(self.has_header)
        if n_expected != n_lines and n_expected != count_lines(self.content):
            n_records = self._check_quotes(list(types)) if self.quoted else 0
            if n_records != n_expected:
                raise ValueError(
                    f"{self.path}: {len(table):,} rows were read of a file with {n_lines:,} lines. "
                    'Look for a quote (") that opens a value and does not close it.'
                )
        return table

    def _check_quotes(self, used: list[str]) -> int:
        """Number of records; raises ValueError where a stray quote has swallowed lines.

        That is so where a quote is not closed, where text follows a closing quote, and where a
        value of several lines is an id, a rating or a time, or has lines in it that look like data.
        """
        start, n_records = 1, 0
        shape = self._shape()
        try:
            for line, fields in self._records(strict=True):
                if line > start:
                    self._check_long_value(start, line, fields, used, shape)
                start, n_records = line + 1, n_records + bool(fields)
        except csv.Error:
            raise self._stray_quote(start) from None
        return n_records

    def _check_long_value(
        self, start: int, end: int, fields: list[str], used: list[str], shape: str | None
    ) -> None:
        named = dict(zip(self.names, fields, strict=False))
        if any("\n" in named.get(column, "") for column in used):
            raise self._stray_quote(start, end)
        inner = "\n".join(fields).splitlines()[1:-1]
        if shape is not None and any(re.fullmatch(shape, line) for line in inner):
            raise self._stray_quote(start, end)

    def _shape(self) -> str | None:
        """A pattern for a line like the first one, with numbers where it has some, two at least."""
        fields = next(self.rows(), (0, []))[1]
        numeric = [_is_number(field, self.decimal) for field in fields]
        if sum(numeric) < 2:
            return None
        separator = re.escape(self.separator)
        parts = (r'"?-?[\d.,]+"?' if number else f"[^{separator}]*" for number in numeric[:-1])
        last = r'"?-?[\d.,]+"?' if numeric[-1] else ".*"
        return separator.join([*parts, last])

    def _stray_quote(self, start: int, end: int | None = None) -> ValueError:
        swallowed = "the rest of the file" if end is None else f"the lines up to {end:,}"
        return ValueError(
            f'{self.path}, line {start}: a quote (") opens a value here that is not closed where '
            f"the value ends, so that it swallows {swallowed}. Remove the quote, or write it twice "
            "inside a quoted value."
        )

    def _is_in_words(self, column: str) -> bool:
        """Whether the first ratings are words, such as "up" and "down"."""
        at = self.names.index(column)
        first = itertools.islice(self.rows(), 100)
        texts = (fields[at] for _, fields in first if len(fields) > at)
        texts = (text for text in texts if text != self.missing)
        return is_word(next(texts, ""))

    def time_type(self, column: str) -> pa.DataType | None:
        """The type of the first line's time: whole seconds, seconds, a date; None: none of them."""
        _, fields = next(self.rows(), (0, []))
        text = dict(zip(self.names, fields, strict=False)).get(column, "").strip()
        return next((kind for kind in TIMES if _is_time(kind, text)), None)

    def _raise_at_first_error(self, columns: Columns | None, types: dict[str, pa.DataType]) -> None:
        """Raise ValueError at the first line that pyarrow cannot have read."""
        for line, fields in self.rows():
            if len(fields) != len(self.names):
                raise ValueError(
                    f"{self.path}, line {line}: a line should have {len(self.names)} values, one "
                    f"for each column. Received {len(fields)}: "
                    f"{shown(self.separator.join(fields))}. A value that contains the separator "
                    "needs quotes around it. If columns are separated by another character, pass "
                    "it as `separator`."
                )
            if columns is None:
                continue
            values = dict(zip(self.names, fields, strict=True))
            self._check_rating(line, columns.rating, types, values)
            if columns.timestamp is not None:
                text = values[columns.timestamp]
                if not _is_time(types[columns.timestamp], text.strip()):
                    raise _not_a_time(self.path, f"line {line}", columns.timestamp, text)

    def _check_rating(
        self,
        line: int,
        column: str | None,
        types: dict[str, pa.DataType],
        values: dict[str, str],
    ) -> None:
        if column is None or types[column] == ENCODED_TEXT or values[column] == self.missing:
            return
        text = values[column]
        if not _is_number(text, self.decimal):
            raise ValueError(
                f"{self.path}, line {line}, column {column!r}: a rating should be a number. "
                f"Received: {shown(text)}. {advice(text, self.decimal)}"
            )


@dataclasses.dataclass(frozen=True)
class TypedFile:
    """A file whose columns have types already: Parquet, Arrow or JSON.

    Attributes
    ----------
    path : Path
    names : tuple of str
        The columns, in the file's order.
    load : callable
        From names to a pyarrow table of these columns.
    texts_may_be_numbers : bool
        Whether a number or a time may be written as text, as in JSON.
    missing : str or None
        Where it is not None, a rating that is null stands for no rating.
    notes : tuple of str
    """

    path: Path
    names: tuple[str, ...]
    load: Callable[[list[str]], pa.Table]
    texts_may_be_numbers: bool = False
    missing: str | None = None
    notes: tuple[str, ...] = ()

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """(place, value) of the value in a row, counted from 0, and a column."""
        value = self.load([column])[column][row].as_py()
        return f"row {row + 1}", value

    def texts(self, column: str) -> list[str]:
        """The values of a column as text, one for each row; "" where there is none."""
        text = self.load([column])[column].cast(pa.string())
        return pc.fill_null(text, "").to_pylist()

    def frame(self) -> pd.DataFrame:
        """All columns."""
        return self.load(list(self.names)).to_pandas()

    def table(self, columns: Columns) -> pa.Table:
        """The columns: ids as they are stored, ratings as float32, times as int64 seconds."""
        table = self.load(columns.names())
        for name in columns.names():
            if name == columns.rating and self.missing is not None:
                continue
            if table[name].null_count:
                row = pc.index(table[name].is_null(), True).as_py()
                advice = ' If it means "not rated", pass `missing="null"`.'
                raise ValueError(
                    f"{self.path}, row {row + 1}, column {name!r}: a value is missing. "
                    f"Fill it in or remove the row.{advice if name == columns.rating else ''}"
                )
        for id_column in (columns.user, columns.item):
            if id_column is not None:
                _check_id_type(self.path, id_column, table.schema.field(id_column).type)
        if columns.rating is not None and len(table):
            table = self._with_numbers(table, columns.rating)
        if columns.timestamp is not None and len(table):
            table = self._with_times(table, columns.timestamp)
        return _with_seconds(table, columns.timestamp, self)

    def _with_numbers(self, table: pa.Table, column: str) -> pa.Table:
        values = table[column]
        kind = values.type
        if pa.types.is_dictionary(kind):
            values = values.cast(kind.value_type)
            kind = values.type
        if pa.types.is_boolean(kind):
            values = values.cast(pa.int8())
        elif pa.types.is_null(kind):
            values = values.cast(pa.float32())
        elif not _is_numeric(kind):
            if not _is_text(kind):
                raise self._not_numbers(values, column)
            texts = values.cast(pa.string())
            first = next((text for text in texts[:100].to_pylist() if text), "")
            if is_word(first):
                encoded = texts.dictionary_encode()
                table = table.set_column(table.column_names.index(column), column, encoded)
                return _with_numbers_for_words(table, column, self.missing, self)
            if not self.texts_may_be_numbers:
                raise self._not_numbers(values, column)
            try:
                values = texts.cast(pa.float32())
            except pa.ArrowInvalid:
                raise self._not_numbers(values, column) from None
        numbers = values.cast(pa.float32(), safe=False)
        return table.set_column(table.column_names.index(column), column, numbers)

    def _not_numbers(self, values: pa.ChunkedArray, column: str) -> ValueError:
        return ValueError(
            f"{self.path}, column {column!r}: ratings should be numbers. Received: a column of "
            f"{values.type}, whose first value is {shown(values[0].as_py())}."
        )

    def _with_times(self, table: pa.Table, column: str) -> pa.Table:
        values = table[column]
        if not (self.texts_may_be_numbers and _is_text(values.type)):
            return table
        kind = next((kind for kind in TIMES if _is_time(kind, values[0].as_py())), TIMES[0])
        for row, text in enumerate(values.to_pylist()):
            if not _is_time(kind, text):
                raise _not_a_time(self.path, f"row {row + 1}", column, text)
        return table.set_column(table.column_names.index(column), column, values.cast(kind))

    def time_type(self, column: str) -> pa.DataType | None:
        """The type of a column, if that can be one of times."""
        values = self.load([column])[column]
        kind = values.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or _is_numeric(kind):
            return kind
        if self.texts_may_be_numbers and _is_text(kind) and len(values):
            return next((kind for kind in TIMES if _is_time(kind, values[0].as_py() or "")), None)
        return None


def _is_numeric(kind: pa.DataType) -> bool:
    return any(
        is_one(kind) for is_one in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_one(kind)
        for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _check_id_type(path: Path, column: str, kind: pa.DataType) -> None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (_is_text(kind) or _is_numeric(kind) or pa.types.is_boolean(kind) or _is_day(kind)):
        raise ValueError(
            f"{path}, column {column!r}: ids should be numbers or text. Received: a column of "
            f"type {str(kind)[:SHOWN]}."
        )


def _is_day(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def words_of(path: Path | str, name: str, column: pd.Series) -> list[str]:
    """The texts of a column of titles or genres, "" where one is missing.

    Raises ValueError for what is neither text nor numbers, such as lists.
    """
    values = column.tolist()
    wrong = next((value for value in values if isinstance(value, (*NO_TEXTS, np.ndarray))), None)
    if wrong is not None:
        raise ValueError(
            f"{path}, column {name!r}: a value should be text. Received: {shown(wrong)}."
        )
    empty = pd.isna(column).tolist()
    return ["" if is_empty else str(v) for v, is_empty in zip(values, empty, strict=True)]


# Opening ----------------------------------------------------------------------------------------


def open_source(
    path: str | Path,
    separator: str | None = None,
    *,
    decimal: str = ".",
    encoding: str | None = None,
    header: bool = True,
    missing: str | None = None,
) -> TextFile | TypedFile:
    """The file at `path`, of the kind that its first bytes, its suffix, or `separator` say.

    Parameters
    ----------
    path : str or Path
        "-" is standard input.
    separator, decimal, encoding, header
        As in `data.read`.
    missing : str or None
        The text that stands for no rating.
    """
    if decimal not in (".", ","):
        raise ValueError(f'`decimal` should be "." or ",". Received: {decimal!r}')
    content = unpacked(path)
    if content.suffix in PARQUET:
        return _typed_file(content, missing, _open_parquet)
    if content.suffix in ARROW:
        return _typed_file(content, missing, _open_arrow)
    content, note = as_utf8(content, encoding)
    if content.suffix in JSON:
        return _json_file(content, missing)
    return TextFile.of(
        content,
        separator,
        header=header,
        decimal=decimal,
        missing=missing,
        notes=() if note is None else (note,),
    )


Load = Callable[[list[str]], pa.Table]
Opener = Callable[[Any], tuple[pa.Schema, Load]]
DAMAGED = (pa.ArrowException, OSError, ValueError, NotImplementedError)  # what pyarrow raises


def _typed_file(content: Content, missing: str | None, opener: Opener) -> TypedFile:
    stored = content.path if content.inside is None else pa.py_buffer(content.inside)
    kind = "a Parquet" if opener is _open_parquet else "an Arrow"
    try:
        schema, load = opener(stored)
    except DAMAGED as error:
        raise ValueError(f"{content.path}: this is not {kind} file ({error})") from None

    def checked(names: list[str]) -> pa.Table:
        try:
            table = load(names)
            table.validate(full=True)  # what pyarrow computes from damaged data is anything at all
        except DAMAGED as error:
            raise ValueError(f"{content.path}: the file is damaged ({error})") from None
        return table

    return TypedFile(content.path, tuple(schema.names), checked, missing=missing)


def _open_parquet(stored: Any) -> tuple[pa.Schema, Load]:
    def source() -> Any:
        return stored if isinstance(stored, Path) else pa.BufferReader(stored)

    return pq.read_schema(source()), lambda names: pq.read_table(source(), columns=names)


def _open_arrow(stored: Any) -> tuple[pa.Schema, Load]:
    import pyarrow.feather

    def source() -> Any:
        return pa.memory_map(str(stored)) if isinstance(stored, Path) else pa.BufferReader(stored)

    try:
        table = pyarrow.feather.read_table(source())
    except pa.ArrowInvalid:  # not the file format, but maybe that of a stream
        table = pa.ipc.open_stream(source()).read_all()
    return table.schema, table.select


def _json_file(content: Content, missing: str | None) -> TypedFile:
    """A list of objects, or an object a line."""
    with content.open() as stream:
        text = stream.read()
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(not_utf8(content)) from None
    if decoded.lstrip()[:1] == "[":
        try:
            objects = json.loads(decoded)
        except json.JSONDecodeError as error:
            raise _not_json(content, error.lineno, error.msg) from None
    else:
        objects = _objects_of_lines(content, decoded)
    wrong = next((thing for thing in objects if not isinstance(thing, dict)), None)
    if len(objects) == 1 and wrong is None:  # one object with whole columns in it?
        wrong = next((thing for thing in objects if any(map(_is_nested, thing.values()))), None)
    if wrong is not None or not objects:
        received = "nothing" if not objects else shown(wrong)
        raise ValueError(
            f"{content.path}: the file should be a list of objects, or have an object on each "
            f'line, such as {{"user": 7, "item": 3, "rating": 4}}. Received: {received}.'
        )
    names = tuple(dict.fromkeys(itertools.chain.from_iterable(objects)))
    load = functools.partial(_json_table, content.path, objects)
    return TypedFile(content.path, names, load, texts_may_be_numbers=True, missing=missing)


def _objects_of_lines(content: Content, text: str) -> list[Any]:
    objects = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                objects.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise _not_json(content, number, error.msg) from None
    return objects


def _is_nested(value: Any) -> bool:
    return isinstance(value, (dict, list))


def _not_json(content: Content, line: int, why: str) -> ValueError:
    return ValueError(
        f"{content.path}, line {line}: this is not JSON ({why}). Correct the line or remove it."
    )


def _json_table(path: Path, objects: list[dict[str, Any]], names: list[str]) -> pa.Table:
    """Columns of text or of numbers; where a column has both, both are text."""
    columns = {}
    for name in names:
        values = [thing.get(name) for thing in objects]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            texts = [value if value is None else _json_text(path, name, value) for value in values]
            columns[name] = pa.array(texts, pa.string())
    return pa.table(columns)


def _json_text(path: Path, name: str, value: Any) -> str:
    if _is_nested(value):
        raise ValueError(
            f"{path}, column {name!r}: a value should be a number or text. Received: {shown(value)}"
        )
    return value if isinstance(value, str) else json.dumps(value)


# Values -----------------------------------------------------------------------------------------


def shown(value: Any, most: int = SHOWN) -> str:
    """A value for a message: as Python writes it, but not too much of it."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def _is_number(text: str, decimal: str = ".") -> bool:
    if decimal == ",":
        text = text.replace(".", "?").replace(",", ".")
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_000 as a number; nobody else does


def advice(text: str, decimal: str) -> str:
    """What to do about a rating that is no number."""
    correct = "Correct the line or remove it."
    other = "," if decimal == "." else "."
    if _is_number(text, other):
        mark = "comma" if other == "," else "point"
        return f'{correct} If the file has a decimal {mark}, pass `decimal="{other}"`.'
    if len(text) <= 10 and '"' not in text:
        return f'{correct} If it means "not rated", pass `missing="{text}"`.'
    return correct


def numbers_of(texts: pa.Array, column: str, decimal: str, source: Source) -> pa.Array:
    """Ratings from their texts, numbers or words such as "up" and "down", as float32."""
    plain = pc.utf8_trim_whitespace(texts)
    if decimal == ",":
        plain = pc.replace_substring(pc.replace_substring(plain, ".", "?"), ",", ".")
    try:
        return plain.cast(pa.float32())
    except pa.ArrowInvalid:
        values = texts.to_pylist()
    numbers = [WORDS.get(_word(text)) for text in values]
    if None not in numbers:
        return pa.array(numbers, pa.float32())
    wrong = (row for row, text in enumerate(values) if not _is_number(text, decimal))
    place, text = source.locate(next(wrong, numbers.index(None)), column)
    raise ValueError(
        f"{source.path}, {place}: a rating should be a number. Received: {shown(text)}. "
        f"{advice(str(text), decimal)}"
    )


def is_word(text: str) -> bool:
    """Whether it is a word for a like or a dislike, such as "up"."""
    return _word(text) in WORDS


def _word(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip().lower()) if len(text) > 1 else text.lower()


def _with_numbers_for_words(
    table: pa.Table, column: str, missing: str | None, source: Source
) -> pa.Table:
    """The table with 1 for a like and 0 for a dislike in place of their words."""
    encoded = table[column].unify_dictionaries()
    texts = encoded.chunk(0).dictionary.to_pylist()
    numbers = [None if text == missing else WORDS.get(_word(text), -1.0) for text in texts]
    by_code = pa.array(numbers, pa.float32())
    chunks = [by_code.take(chunk.indices) for chunk in encoded.chunks]
    values = pa.chunked_array(chunks, pa.float32())
    if -1.0 in numbers:
        place, text = source.locate(pc.index(values, -1.0).as_py(), column)
        known = "true or false, yes or no, up or down, like or dislike"
        raise ValueError(
            f"{source.path}, {place}, column {column!r}: a thumb should be {known}, as in the "
            f"first line. Received: {shown(text)}. Correct the line or remove it."
        )
    return table.set_column(table.column_names.index(column), column, values)


def _is_time(kind: pa.DataType, text: str) -> bool:
    try:
        pa.scalar(text).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _not_a_time(path: Path, place: str, column: str, received: Any) -> ValueError:
    return ValueError(
        f"{path}, {place}, column {column!r}: a time should be seconds since 1970-01-01 or an "
        f"ISO 8601 date, written as in the first line. Received: {shown(received)}. Correct it, or "
        "leave the times out with `timestamp=None`."
    )


def _with_seconds(table: pa.Table, column: str | None, source: Source) -> pa.Table:
    """The table with its time column as int64 seconds since 1970-01-01 UTC."""
    if column is None:
        return table
    times = table[column]
    if times.null_count:
        place, received = source.locate(pc.index(times.is_null(), True).as_py(), column)
        raise _not_a_time(source.path, place, column, received)
    if times.type == pa.int64():
        return table
    if pa.types.is_timestamp(times.type) or pa.types.is_date(times.type):
        times = times.cast(pa.timestamp("s"), safe=False)
    elif pa.types.is_floating(times.type):
        finite = pc.is_finite(times)
        if not pc.all(finite).as_py():
            place, received = source.locate(pc.index(finite, False).as_py(), column)
            raise _not_a_time(source.path, place, column, received)
        times = pc.floor(times)
    elif not pa.types.is_integer(times.type):
        raise _not_a_time(source.path, "row 1", column, times[0].as_py())
    return table.set_column(table.column_names.index(column), column, times.cast(pa.int64()))
