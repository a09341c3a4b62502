"""The bytes of a file, however it is packed: compressed, in a zip, on standard input, in UTF-16.

A plain UTF-8 file stays on the disk, where pyarrow reads it fast. Everything else is unpacked into
memory as UTF-8, so that nothing after this module needs to know how the file was packed.
"""

from __future__ import annotations

import codecs
import csv
import dataclasses
import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")
JSON = (".json", ".jsonl", ".ndjson")
SUFFIXES = (*SEPARATORS, *PARQUET, *ARROW, *JSON, ".txt", ".dat")  # of files of data
PACKED = {b"\x1f\x8b": ".gz", b"PK\x03\x04": ".zip"}  # by their first bytes
TYPED = {
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
    b"FEA1": ".arrow",
    b"\xff\xff\xff\xff": ".arrow",  # a stream
}
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which begins the same
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
STANDARD_INPUT = "standard input"
GUESSED_SEPARATORS = ",;\t|"
LINES_TO_GUESS = 20
BLOCK_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    path : Path
        What messages call it.
    suffix : str
        That of the file itself, inside a zip or before ".gz"; "" where it says nothing.
    inside : bytes or None
        The content; None where it is the file on the disk.
    """

    path: Path
    suffix: str
    inside: bytes | None = None

    def open(self) -> IO[bytes]:
        """A stream of the bytes."""
        return open(self.path, "rb") if self.inside is None else io.BytesIO(self.inside)

    def start(self, n_bytes: int = 1024) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return stream.read(n_bytes)

    def blocks(self) -> Iterator[bytes]:
        """The bytes, a block at a time."""
        with self.open() as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block


def unpacked(path: str | Path) -> Content:
    """The content of a file, without its compression.

    Parameters
    ----------
    path : str or Path
        "-" is standard input.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        For a damaged file, and for a zip that has another number of data files than one.
    """
    if str(path) == "-":
        content = Content(Path(STANDARD_INPUT), "", sys.stdin.buffer.read())
    else:
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such file")
        content = Content(path, path.suffix.lower())
    while packing := _by_first_bytes(content, PACKED):
        content = _without_gzip(content) if packing == ".gz" else _without_zip(content)
    if content.suffix in (".gz", ".zip"):
        raise ValueError(f"{content.path}: this is not a {content.suffix} file")
    typed = _by_first_bytes(content, TYPED)
    if typed and content.suffix not in (*PARQUET, *ARROW):
        return dataclasses.replace(content, suffix=typed)
    if content.suffix not in SUFFIXES and content.start().lstrip()[:1] in (b"{", b"["):
        return dataclasses.replace(content, suffix=".json")
    return content


def _by_first_bytes(content: Content, kinds: dict[bytes, str]) -> str | None:
    start = content.start(8)
    return next((kind for magic, kind in kinds.items() if start.startswith(magic)), None)


def _without_gzip(content: Content) -> Content:
    try:
        with content.open() as stream, gzip.open(stream) as packed:
            inside = packed.read()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{content.path}: the file is damaged: {str(error)[:200]}") from None
    return Content(content.path, _inner_suffix(content), inside)


def _inner_suffix(content: Content) -> str:
    """The suffix before that of the compression: that of a .csv file for ratings.csv.gz."""
    return Path(content.path.stem).suffix.lower() if content.suffix == ".gz" else content.suffix


def _without_zip(content: Content) -> Content:
    try:
        with content.open() as stream, zipfile.ZipFile(stream) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
            tables = [name for name in names if _is_table(name)]
            if len(tables) != 1:
                raise ValueError(_which_of(content.path, names, tables))
            inside = archive.read(tables[0])
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"{content.path}: the file is damaged: {str(error)[:200]}") from None
    except RuntimeError as error:  # what zipfile raises for a password
        raise ValueError(f"{content.path}: {error}. Unpack it and pass the file in it.") from None
    name = PurePosixPath(tables[0]).name
    suffix = PurePosixPath(name.removesuffix(".gz")).suffix.lower()
    return Content(content.path / name, suffix, inside)


def _is_table(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    plain = path.name.lower().removesuffix(".gz")
    return not hidden and not plain.startswith("readme") and plain.endswith(SUFFIXES)


def _which_of(path: Path, names: list[str], tables: list[str]) -> str:
    if "[Content_Types].xml" in names:
        return f"{path}: this is a spreadsheet. Save it as .csv."
    there = ", ".join(map(repr, (tables or names)[:8])) or "nothing"
    return (
        f"{path}: a zip should have one file of data in it. Received: {there}. "
        "Unpack it, and pass the file of ratings."
    )


def as_utf8(content: Content, encoding: str | None) -> tuple[Content, str | None]:
    """The content as UTF-8, and a note if its encoding was found out.

    Parameters
    ----------
    content : Content
    encoding : str or None
        None: UTF-8, or what a byte order mark says.

    Raises
    ------
    ValueError
        For an encoding that Python does not know or that the content does not have.
    """
    note = None
    start = content.start()
    if encoding is None:
        encoding = _by_first_bytes(content, BYTE_ORDER_MARKS)
        if encoding is None:
            _check_no_nul(content, start)
            return content, None
        note = f"The text is {encoding.upper()}, as its byte order mark says."
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(
            "`encoding` should be the name of an encoding, such as 'utf-8', 'utf-16' or "
            f"'latin-1'. Received: {encoding!r}"
        ) from None
    if name in ("utf-8", "utf-8-sig", "ascii"):
        return content, note
    with content.open() as stream:
        raw = stream.read()
    try:
        text = raw.decode(name)
    except (UnicodeError, AttributeError, LookupError) as error:  # "hex" is a codec, too
        raise ValueError(
            f"{content.path}: the text is not {encoding} ({error}). Pass another `encoding`."
        ) from None
    return dataclasses.replace(content, inside=text.encode("utf-8", "replace")), note


def _check_no_nul(content: Content, start: bytes) -> None:
    """Text with zero bytes is UTF-16 without a byte order mark, most likely."""
    if b"\0" not in start:
        return
    zeros = np.flatnonzero(np.frombuffer(start, np.uint8) == 0)
    guess = "utf-16-le" if (zeros % 2).mean() > 0.5 else "utf-16-be"
    raise ValueError(
        f"{content.path}: there are zero bytes in it, as in UTF-16. If it is text, pass "
        f'`encoding="{guess}"`.'
    )


def not_utf8(content: Content) -> str:
    """The message for a file that is not UTF-8, with the place of the first wrong byte."""
    advice = 'Save the file as UTF-8, or pass its encoding, such as `encoding="latin-1"`.'
    with content.open() as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return (
                    f"{content.path}, line {number}: byte {line[error.start]:#04x} at position "
                    f"{error.start + 1} is not UTF-8. {advice}"
                )
    return f"{content.path}: the file is not UTF-8. {advice}"


def guessed_separator(content: Content) -> str | None:
    """The character that cuts each of the first lines into equally many parts, two at least."""
    text = content.start(1 << 16).decode("utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip()][: LINES_TO_GUESS + 1]
    if len(lines) > LINES_TO_GUESS or len(text) >= 1 << 16:
        lines = lines[:-1]  # it may be cut off
    most, guess = 1, None
    for separator in GUESSED_SEPARATORS:
        try:
            sizes = {len(fields) for fields in csv.reader(lines, delimiter=separator)}
        except csv.Error:
            continue
        if len(sizes) == 1 and (size := sizes.pop()) > most:
            most, guess = size, separator
    return guess


def quick_count(content: Content) -> tuple[int, bool]:
    """(number of line ends, one at the end of the file included; a quote after the first line?)."""
    n_lines, quotes, last = 0, False, b"\n"
    for block in content.blocks():
        after_first_line = 0 if n_lines else block.find(b"\n") + 1
        n_lines += block.count(b"\n")
        quotes = quotes or block.find(b'"', after_first_line) >= 0
        last = block[-1:]
    return n_lines + (last != b"\n"), quotes


def count_lines(content: Content) -> int:
    """Number of lines that are not empty, whichever way they end."""
    n_lines, after_end = 0, True
    for block in content.blocks():
        codes = np.frombuffer(block, np.uint8)
        is_end = (codes == 10) | (codes == 13)
        n_lines += int(np.count_nonzero(~is_end[1:] & is_end[:-1]))
        n_lines += int(after_end and not is_end[0])
        after_end = bool(is_end[-1])
    return n_lines
