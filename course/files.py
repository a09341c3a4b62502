"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

BESIDE = re.compile(r"\..+\.[0-9a-f]{8}\.part")  # a file that `replacing` has begun


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` when the block ends well.

    When the block raises, what was written is removed, and a file that was at `path` stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` in UTF-8 to `path`, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def remove_unfinished(folder: str | Path) -> None:
    """Remove the files of a folder that a process began to write and, killed, did not finish."""
    for path in Path(folder).glob(".*.part"):
        if BESIDE.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def spreadsheet_safe(value: object) -> object:
    """A text that a spreadsheet would take for a formula with `'` before it; others as they are."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula else value
