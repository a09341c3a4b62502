"""Files of ratings as columns, and the place of each value for error messages.

pyarrow reads a text file, fast. Only when something is wrong is the file read a second time by
`csv`, line by line, to find the place. A Parquet file has types already, so less is checked.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
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


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of the columns that hold what `Ratings` needs.

    Attributes
    ----------
    user : str or None
        None in a file of one person's ratings.
    item, rating : str
    timestamp : str or None
        None where there are no times.
    """

    user: str | None = "userId"
    item: str = "movieId"
    rating: str = "rating"
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


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A delimited text file: pyarrow reads its columns, `csv` its lines for messages.

    Attributes
    ----------
    path : Path
    separator : str
        One character.
    names : tuple of str
        The columns, in the file's order.
    has_header : bool
        Whether the first line holds the names.
    quoted : bool
        Whether quotes around a value have their usual meaning.
    """

    path: Path
    separator: str
    names: tuple[str, ...]
    has_header: bool = True
    quoted: bool = True

    @classmethod
    def with_header(cls, path: Path, separator: str | None) -> TextFile:
        """A file whose first line names its columns; its suffix, or `separator`, says the rest."""
        separator = separator or SEPARATORS.get(path.suffix.lower())
        if separator is None:
            raise ValueError(
                f"{path}: the suffix {path.suffix!r} does not say how columns are separated. Pass "
                '`separator` (such as "," or "\\t"), or rename the file to .csv, .tsv or .parquet.'
            )
        if len(separator) != 1:
            raise ValueError(f"`separator` should be one character. Received: {separator!r}")
        file = cls(path, separator, ())
        header = next((fields for _, fields in file.lines()), None)
        if header is None:
            raise ValueError(f"{path}: the file is empty: it has no header line and no ratings")
        return dataclasses.replace(file, names=tuple(header))

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Number and fields of each line that is not blank, the header included."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        try:
            with open(self.path, encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, delimiter=self.separator, quoting=quoting)
                for fields in reader:
                    if fields:
                        yield reader.line_num, fields
        except UnicodeDecodeError:
            raise ValueError(not_utf8(self.path)) from None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Number and fields of each line of data."""
        return itertools.islice(self.lines(), int(self.has_header), None)

    def locate(self, row: int, column: str) -> tuple[str, str]:
        """(place, text) of the value in a row of data, counted from 0, and a column."""
        line, fields = next(itertools.islice(self.rows(), row, None))
        return f"line {line}", fields[self.names.index(column)]

    def table(self, columns: Columns) -> pa.Table:
        """The columns: ids as encoded text, ratings as float32, times as int64 seconds."""
        if next(self.rows(), None) is None:
            raise ValueError(f"{self.path}: the file is empty: it has no ratings")
        types = {columns.item: ENCODED_TEXT, columns.rating: pa.float32()}
        if columns.user is not None:
            types[columns.user] = ENCODED_TEXT
        if columns.timestamp is not None:
            types[columns.timestamp] = self._time_type(columns.timestamp)
        reading = pacsv.ReadOptions(
            block_size=BLOCK_BYTES,
            column_names=list(self.names),
            skip_rows=int(self.has_header),
        )
        parsing = pacsv.ParseOptions(
            delimiter=self.separator,
            quote_char='"' if self.quoted else False,
            newlines_in_values=self.quoted,
        )
        converting = pacsv.ConvertOptions(
            column_types=types, include_columns=columns.names(), null_values=[]
        )
        try:
            table = pacsv.read_csv(self.path, reading, parsing, converting)
        except pa.ArrowInvalid as error:
            self._raise_at_first_error(columns, types)
            raise ValueError(f"{self.path}: {error}") from None
        return _with_seconds(table, columns.timestamp, self)

    def _time_type(self, column: str) -> pa.DataType:
        """The type of the first line's time: whole seconds, seconds, or a date."""
        _, fields = next(self.rows())
        text = dict(zip(self.names, fields, strict=False)).get(column, "").strip()
        return next((kind for kind in TIMES if _is_time(kind, text)), TIMES[0])

    def _raise_at_first_error(self, columns: Columns, types: dict[str, pa.DataType]) -> None:
        """Raise ValueError at the first line that pyarrow cannot have read."""
        for line, fields in self.rows():
            if len(fields) != len(self.names):
                raise ValueError(
                    f"{self.path}, line {line}: a line should have {len(self.names)} values, one "
                    f"for each column. Received {len(fields)}: {self.separator.join(fields)!r}. "
                    "A value that contains the separator needs quotes around it."
                )
            values = dict(zip(self.names, fields, strict=True))
            if not _is_number(values[columns.rating]):
                raise ValueError(
                    f"{self.path}, line {line}, column {columns.rating!r}: a rating should be a "
                    f"number. Received: {values[columns.rating]!r}. Correct the line or remove it."
                )
            if columns.timestamp is not None:
                text = values[columns.timestamp]
                if not _is_time(types[columns.timestamp], text.strip()):
                    raise _not_a_time(self.path, f"line {line}", columns.timestamp, text)


@dataclasses.dataclass(frozen=True)
class ParquetFile:
    """A Parquet file, whose columns have types already.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in the file's order."""
        try:
            return tuple(pq.read_schema(self.path).names)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path}: this is not a Parquet file ({error})") from None

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """(place, value) of the value in a row, counted from 0, and a column."""
        value = pq.read_table(self.path, columns=[column])[column][row].as_py()
        return f"row {row + 1}", value

    def table(self, columns: Columns) -> pa.Table:
        """The columns: ids as they are stored, ratings as float32, times as int64 seconds."""
        table = pq.read_table(self.path, columns=columns.names())
        for name in table.column_names:
            if table[name].null_count:
                row = pc.index(table[name].is_null(), True).as_py()
                raise ValueError(
                    f"{self.path}, row {row + 1}, column {name!r}: a value is missing. "
                    "Fill it in or remove the row."
                )
        kind = table.schema.field(columns.rating).type
        are_numbers = pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal
        if not any(is_one(kind) for is_one in are_numbers):
            raise ValueError(
                f"{self.path}, column {columns.rating!r}: ratings should be numbers. "
                f"Received: a column of {kind}, whose first value is "
                f"{table[columns.rating][0].as_py()!r}."
            )
        rating = table[columns.rating].cast(pa.float32(), safe=False)
        at = table.column_names.index(columns.rating)
        table = table.set_column(at, columns.rating, rating)
        return _with_seconds(table, columns.timestamp, self)


Source = TextFile | ParquetFile


def open_source(path: str | Path, separator: str | None) -> Source:
    """The file at `path`, of the kind that its suffix, or `separator`, says."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    if path.suffix.lower() in PARQUET:
        return ParquetFile(path)
    return TextFile.with_header(path, separator)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python reads 1_000 as a number; nobody else does


def _is_time(kind: pa.DataType, text: str) -> bool:
    try:
        pa.scalar(text).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _not_a_time(path: Path, place: str, column: str, received: Any) -> ValueError:
    return ValueError(
        f"{path}, {place}, column {column!r}: a time should be seconds since 1970-01-01 or an "
        f"ISO 8601 date, written as in the first line. Received: {received!r}. Correct it, or "
        "leave the times out with `timestamp=None`."
    )


def _with_seconds(table: pa.Table, column: str | None, source: Source) -> pa.Table:
    """The table with its time column as int64 seconds since 1970-01-01 UTC."""
    if column is None or table[column].type == pa.int64():
        return table
    times = table[column]
    if pa.types.is_temporal(times.type):
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


def not_utf8(path: Path) -> str:
    """The message for a file that is not UTF-8, with the place of the first wrong byte."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return (
                    f"{path}, line {number}: byte {line[error.start]:#04x} at position "
                    f"{error.start + 1} is not UTF-8. Save the file as UTF-8."
                )
    return f"{path}: the file is not UTF-8. Save it as UTF-8."
