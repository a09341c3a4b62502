"""Files of ratings: their columns by pyarrow, with the place of any value for messages.

A text file is read by pyarrow, fast, and a second time by `csv`, line by line, only when something
is wrong; a Parquet file is typed already, so that there is less to check.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
TIMES = (  # what a time can look like in a text file, the plainest first
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
    """Names of the columns that hold what `Ratings` needs; `user` is None in one person's file."""

    user: str | None = "userId"
    item: str = "movieId"
    rating: str = "rating"
    timestamp: str | None = "timestamp"

    def names(self) -> list[str]:
        wanted = [self.user, self.item, self.rating, self.timestamp]
        return [name for name in wanted if name is not None]

    def nouns(self) -> tuple[str, str]:
        """What users and items are called, after their columns."""
        return noun(self.user), noun(self.item)


def noun(column: str) -> str:
    """What a column's ids stand for: "movie" for movieId, "book" for book_id, "isbn" for isbn."""
    return re.sub(r"(?<=[a-z])(Id|ID|_id)$", "", column)


def opened(path, separator: str | None) -> TextFile | ParquetFile:
    """The file at `path`, as its suffix says, or `separator`."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    if path.suffix.lower() in PARQUET:
        return ParquetFile(path)
    return TextFile.with_header(path, separator)


@dataclasses.dataclass(frozen=True)
class TextFile:
    """A delimited text file: its columns by pyarrow, its lines (for messages) by `csv`."""

    path: Path
    separator: str
    names: tuple[str, ...]
    has_header: bool = True
    quoted: bool = True

    @classmethod
    def with_header(cls, path: Path, separator: str | None) -> TextFile:
        separator = separator or SEPARATORS.get(path.suffix.lower())
        if separator is None:
            raise ValueError(
                f"{path}: the suffix {path.suffix!r} does not say what the file is. Pass "
                '`separator` (such as "," or "\\t"), or rename the file to .csv, .tsv or .parquet.'
            )
        if len(separator) != 1:
            raise ValueError(f"`separator` should be one character. Received: {separator!r}")
        file = cls(path, separator, ())
        header = next((fields for _, fields in file.lines()), None)
        if header is None:
            raise ValueError(f"{path}: the file is empty: it has no header line and no ratings")
        return dataclasses.replace(file, names=tuple(header))

    def lines(self):
        """Line number and fields of each line that is not blank, header included."""
        quoting = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        try:
            with open(self.path, encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, delimiter=self.separator, quoting=quoting)
                for fields in reader:
                    if fields:
                        yield reader.line_num, fields
        except UnicodeDecodeError:
            raise ValueError(not_utf8(self.path)) from None

    def rows(self):
        """Line number and fields of each line of data."""
        return itertools.islice(self.lines(), int(self.has_header), None)

    def locate(self, row: int, column: str) -> tuple[str, str]:
        """(where, text received) of a value, by row number from 0 and column name."""
        line, fields = next(itertools.islice(self.rows(), row, None))
        return f"line {line}", fields[self.names.index(column)]

    def table(self, columns: Columns) -> pa.Table:
        if next(self.rows(), None) is None:
            raise ValueError(f"{self.path}: the file is empty: it has no ratings")
        types = {columns.item: ENCODED_TEXT, columns.rating: pa.float32()}
        if columns.user is not None:
            types[columns.user] = ENCODED_TEXT
        if columns.timestamp is not None:
            types[columns.timestamp] = self._time_type(columns.timestamp)
        try:
            table = pacsv.read_csv(
                self.path,
                pacsv.ReadOptions(
                    block_size=BLOCK_BYTES,
                    column_names=list(self.names),
                    skip_rows=int(self.has_header),
                ),
                pacsv.ParseOptions(
                    delimiter=self.separator,
                    quote_char='"' if self.quoted else False,
                    newlines_in_values=self.quoted,
                ),
                pacsv.ConvertOptions(
                    column_types=types, include_columns=columns.names(), null_values=[]
                ),
            )
        except pa.ArrowInvalid as error:
            self._explain(columns, types)
            raise ValueError(f"{self.path}: {error}") from None
        return _with_seconds(table, columns.timestamp, self)

    def _time_type(self, column: str) -> pa.DataType:
        """What the first line's time looks like: whole seconds, seconds, or a date."""
        _, first = next(self.rows())
        text = dict(zip(self.names, first, strict=False)).get(column, "").strip()
        return next((kind for kind in TIMES if _is_time(kind, text)), TIMES[0])

    def _explain(self, columns: Columns, types: dict[str, pa.DataType]) -> None:
        """Raise ValueError at the first line that pyarrow cannot have read."""
        for line, fields in self.rows():
            if len(fields) != len(self.names):
                raise ValueError(
                    f"{self.path}, line {line}: {len(self.names)} values should stand here, "
                    f"one a column. Received {len(fields)}: {self.separator.join(fields)!r}. "
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
                    raise ValueError(
                        _not_a_time(self.path, f"line {line}", columns.timestamp, text)
                    )


@dataclasses.dataclass(frozen=True)
class ParquetFile:
    """A Parquet file: typed already, so that there is less to check."""

    path: Path

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._opened().names)

    def _opened(self) -> pa.Schema:
        try:
            return pq.read_schema(self.path)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path}: this is not a Parquet file ({error})") from None

    def locate(self, row: int, column: str) -> tuple[str, str]:
        value = pq.read_table(self.path, columns=[column])[column][row].as_py()
        return f"row {row + 1}", value

    def table(self, columns: Columns) -> pa.Table:
        table = pq.read_table(self.path, columns=columns.names())
        for name in table.column_names:
            if table[name].null_count:
                row = pc.index(table[name].is_null(), True).as_py()
                raise ValueError(
                    f"{self.path}, row {row + 1}, column {name!r}: a value is missing. "
                    "Fill it in or remove the row."
                )
        kind = table.schema.field(columns.rating).type
        if not (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        ):
            raise ValueError(
                f"{self.path}, column {columns.rating!r}: ratings should be numbers. "
                f"Received: a column of {kind}, {table[columns.rating][0].as_py()!r} first."
            )
        at = table.column_names.index(columns.rating)
        table = table.set_column(
            at, columns.rating, table[columns.rating].cast(pa.float32(), safe=False)
        )
        return _with_seconds(table, columns.timestamp, self)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # a number to Python, but to no other reader


def _is_time(kind: pa.DataType, text: str) -> bool:
    try:
        pa.scalar(text).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _not_a_time(path: Path, where: str, column: str, received) -> str:
    return (
        f"{path}, {where}, column {column!r}: a time should be seconds since 1970-01-01 or an "
        f"ISO 8601 date, written as in the first line. Received: {received!r}. Correct it, or "
        "leave the times out with `timestamp=None`."
    )


def _with_seconds(table: pa.Table, column: str | None, source) -> pa.Table:
    """The table with its time column as int64 seconds since 1970-01-01 UTC."""
    if column is None or table[column].type == pa.int64():
        return table
    times = table[column]
    if pa.types.is_temporal(times.type):
        times = times.cast(pa.timestamp("s"), safe=False)
    elif pa.types.is_floating(times.type):
        finite = pc.is_finite(times)
        if not pc.all(finite).as_py():
            where, received = source.locate(pc.index(finite, False).as_py(), column)
            raise ValueError(_not_a_time(source.path, where, column, received))
        times = pc.floor(times)
    elif not pa.types.is_integer(times.type):
        raise ValueError(_not_a_time(source.path, "row 1", column, times[0].as_py()))
    return table.set_column(table.column_names.index(column), column, times.cast(pa.int64()))


def not_utf8(path: Path) -> str:
    """The message for a file with bytes that are not UTF-8: where the first of them stands."""
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
