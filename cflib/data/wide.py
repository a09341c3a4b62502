"""A table with a line for each user and a column for each item, as lines of user, item, rating."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .files import Columns, TextFile, TypedFile, numbers_of, shown

BLANK = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-", "?")  # cells without a rating


@dataclasses.dataclass(frozen=True)
class WideFile:
    """A wide table, read as a long one; its rows are the cells that are not blank, line by line.

    Attributes
    ----------
    source : TextFile or TypedFile
    user : str or None
        Its column of users; None where lines are users without a name, numbered from 1.
    names : tuple of str
        The columns of the long table.
    """

    source: TextFile | TypedFile
    user: str | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, source: TextFile | TypedFile, user: str | None, item: str, rating: str) -> WideFile:
        """The long form of a file.

        Parameters
        ----------
        source : TextFile or TypedFile
        user : str or None
            Its column of users. "auto": the first. None: lines are numbered.
        item, rating : str
            What the other two columns of the long table are called.
        """
        names = source.names
        if user == "auto":
            user = names[0]
        if user is not None and user not in names:
            raise ValueError(
                f"{source.path}: there is no column {user!r}. The first columns: "
                f"{', '.join(map(repr, names[:5]))}. Pass the one of users as `user`."
            )
        repeated = pd.Index(names).duplicated()
        if repeated.any():
            raise ValueError(
                f"{source.path}: each item should have one column. Received more for "
                f"{names[int(np.argmax(repeated))]!r}. Rename the others."
            )
        if len(names) < 2:
            raise ValueError(
                f"{source.path}: there should be columns of items. Received: {shown(names)}"
            )
        return cls(source, user, (user or "user", item, rating))

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def notes(self) -> tuple[str, ...]:
        return self.source.notes

    @property
    def decimal(self) -> str:
        return self.source.decimal if isinstance(self.source, TextFile) else "."

    @property
    def items(self) -> list[str]:
        """The columns of items."""
        return [name for name in self.source.names if name != self.user]

    def locate(self, row: int, column: str) -> tuple[str, Any]:
        """(place, value) of a cell, counted from 0 over those that are not blank."""
        lines, at, _ = self._cells()
        name = self.items[at[row]]
        if column == self.names[0] and self.user is not None:
            return self.source.locate(int(lines[row]), self.user)
        place, text = self.source.locate(int(lines[row]), name)
        return f"{place}, column {name!r}", name if column == self.names[1] else text

    def table(self, columns: Columns) -> pa.Table:
        """The long table: ids as text, ratings as float32."""
        lines, at, texts = self._cells()
        by_item = pa.array(self.items, pa.string())
        user, item, rating = self.names
        table: dict[str, Any] = {item: by_item.take(pa.array(at)).dictionary_encode()}
        if columns.user is not None:
            users = self._users()
            table[user] = users.take(pa.array(lines)).dictionary_encode()
        if len(lines) == 0:
            raise ValueError(f"{self.path}: the file is empty: it has no ratings")
        table[rating] = numbers_of(texts, rating, self.decimal, self)
        return pa.table(table)

    def frame(self) -> pd.DataFrame:
        """The long table as a frame."""
        return self.table(self._columns()).to_pandas()

    def texts(self, column: str) -> list[str]:
        """The values of a column of the long table, as text."""
        return self.table(self._columns())[column].cast(pa.string()).to_pylist()

    def _columns(self) -> Columns:
        user, item, rating = self.names
        return Columns(user, item, rating, None)

    def time_type(self, column: str) -> None:
        """A wide table has no times."""

    def _users(self) -> pa.Array:
        """The id of each line."""
        if self.user is None:
            return pa.array(list(map(str, range(1, 1 + len(self._text([self.items[0]]))))))
        users = self._text([self.user])[self.user].combine_chunks()
        again = pd.Index(users.to_pylist()).duplicated()
        if again.any():
            at = int(np.argmax(again))
            place, text = self.source.locate(at, self.user)
            raise ValueError(
                f"{self.path}, {place}, column {self.user!r}: each user should have one line. "
                f"Received: {shown(text)} again. If this is not the column of users, pass another "
                "as `user`; if there is none, pass `user=None`."
            )
        return users

    def _cells(self) -> tuple[np.ndarray, np.ndarray, pa.Array]:
        """(line, number of the item, text) of each cell that is not blank."""
        table = self._text(self.items)
        blank = [*BLANK, *([self.source.missing] if self.source.missing is not None else [])]
        lines, at, texts = [], [], []
        for number, name in enumerate(self.items):
            column = pc.fill_null(table[name], "")
            rated = pc.invert(pc.is_in(column, pa.array(blank)))
            lines.append(np.flatnonzero(rated.to_numpy(zero_copy_only=False)))
            at.append(np.full(len(lines[-1]), number))
            texts.extend(column.filter(rated).chunks)
        line, item = np.concatenate(lines), np.concatenate(at)
        order = np.lexsort((item, line))
        text = pa.chunked_array(texts, pa.string()).combine_chunks()
        return line[order], item[order], text.take(pa.array(order))

    def _text(self, names: list[str]) -> pa.Table:
        """Columns as text."""
        if isinstance(self.source, TextFile):
            return self.source.typed(dict.fromkeys(names, pa.string()))
        table = self.source.load(names)
        return pa.table({name: table[name].cast(pa.string()) for name in names})
