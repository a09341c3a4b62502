"""What is known of items and users, from a file, as numbers for a model."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from .files import open_source
from .guessing import nearest, some_names
from .reading import as_ids, as_text

LIST = "|"  # between the entries of a list
MOST = 100  # entries or categories of one column
LEAST = 2  # rows that an entry or a category should have
DISTINCT = 0.5  # a column of text with more different values than this share of rows is no category
NUMBERS_FROM = 3  # different values: two are categories


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """Features of items or of users.

    Attributes
    ----------
    matrix : float32, (n, n_features)
        A row for each id; 0 where nothing is known.
    names : list of str
        Of the columns: "year" of a number, "genres: Drama" of a category or of an entry of a list.
    left_out : list of str
        Columns of the file that are not used: free text, and those with one value only.
    """

    matrix: np.ndarray
    names: list[str]
    left_out: list[str]


def read_features(path: str | Path, ids: np.ndarray, item_column: str) -> Features:
    """Read what is known of items, or of users: a table with their column of ids.

    A column of numbers is standardised over the ids that have one (mean 0, standard deviation 1). A
    column in which some value has a "|" holds lists, and each entry gets a column of 0 and 1. Other
    columns are categories, each with a column of 0 and 1. Of one column, the 100 most frequent
    entries or categories are used that at least two of the ids have.

    Parameters
    ----------
    path : str or Path
        A file of any form that `data.read` takes.
    ids : int64 or str, (n,)
        Whose features to return: `ratings.movie_ids` or `ratings.user_ids`.
    item_column : str
        Name of the file's column of ids.

    Returns
    -------
    Features

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where the column of ids is missing, an id has two rows, or none of `ids` is in the file.

    Warns
    -----
    UserWarning
        Where some of `ids` are missing; says how many.
    """
    source = open_source(path)
    if item_column not in source.names:
        raise ValueError(
            f"{source.path}: there is no column {item_column!r}."
            f"{nearest(item_column, source.names)} Its columns: {some_names(source.names)}. It "
            "should be called as in the file of ratings."
        )
    table = source.frame()
    position = _positions(source.path, table[item_column], ids)
    is_known = position >= 0
    parts, names, left_out = [], [], []
    for column in table.columns:
        if column == item_column:
            continue
        cells = table[column].iloc[position[is_known]]
        part, part_names = _encoded(str(column), cells)
        if part_names:
            whole = np.zeros((len(ids), len(part_names)), np.float32)
            whole[is_known] = part
            parts.append(whole)
            names.extend(part_names)
        else:
            left_out.append(str(column))
    matrix = np.hstack(parts) if parts else np.zeros((len(ids), 0), np.float32)
    return Features(matrix, names, left_out)


def _positions(path: Path, column: pd.Series, ids: np.ndarray) -> np.ndarray:
    """Row of each id in the file: int64, (n,); -1 where there is none."""
    there = as_ids(pa.array(column))
    repeated = pd.Index(there).duplicated()
    if repeated.any():
        raise ValueError(
            f"{path}: each {column.name} should have one row. Received more for "
            f"{there[np.argmax(repeated)]}."
        )
    if np.issubdtype(there.dtype, np.number) != np.issubdtype(ids.dtype, np.number):
        there, ids = as_text(there), as_text(ids)
    position = pd.Index(there).get_indexer(ids)
    n_missing = int((position < 0).sum())
    if n_missing == len(ids):
        raise ValueError(
            f"{path}, column {column.name!r}: none of these ids is in the ratings. Received ids "
            f"such as {str(there[0])!r}; the ratings have ids such as {str(ids[0])!r}."
        )
    if n_missing:
        example = ids[np.argmin(position >= 0)]
        warnings.warn(
            f"{path}: {n_missing:,} of {len(ids):,} ids of the ratings are missing (such as "
            f"{str(example)!r}). They have no features.",
            stacklevel=3,
        )
    return position


def _encoded(column: str, cells: pd.Series) -> tuple[np.ndarray, list[str]]:
    """(features, names) of a column; no names where it says nothing that a model could use."""
    if pd.api.types.is_list_like(next(iter(cells.dropna()), None)):
        lists = [list(map(str, cell)) if pd.api.types.is_list_like(cell) else [] for cell in cells]
        return _indicators(column, lists)
    texts = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    numbers = pd.to_numeric(texts.where(texts != "", None), errors="coerce").to_numpy(np.float64)
    is_number = np.isfinite(numbers)
    is_text = (texts != "").to_numpy() & ~is_number
    if not is_text.any() and len(np.unique(numbers[is_number])) >= NUMBERS_FROM:
        return _standardised(numbers, is_number), [column]
    is_list = texts.str.contains(LIST, regex=False).any()
    if not is_list and texts[texts != ""].nunique() > max(DISTINCT * len(texts), NUMBERS_FROM):
        return np.zeros((len(texts), 0)), []  # each has its own value, like a title
    return _indicators(column, [_entries(text) for text in texts])


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(LIST) if entry.strip()]


def _standardised(numbers: np.ndarray, is_number: np.ndarray) -> np.ndarray:
    known = numbers[is_number]
    scaled = (numbers - known.mean()) / known.std()
    return np.where(is_number, scaled, 0)[:, None]


def _indicators(column: str, lists: list[list[str]]) -> tuple[np.ndarray, list[str]]:
    """0 and 1 for each frequent entry that some have and some have not."""
    counts = pd.Series([entry for entries in lists for entry in set(entries)]).value_counts()
    useful = counts[(counts >= LEAST) & (counts < len(lists))]
    kept = sorted(useful.index[:MOST])
    at = {entry: number for number, entry in enumerate(kept)}
    features = np.zeros((len(lists), len(kept)))
    for row, entries in enumerate(lists):
        for entry in entries:
            if entry in at:
                features[row, at[entry]] = 1
    return features, [f"{column}: {entry}" for entry in kept]
