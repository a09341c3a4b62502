"""A model and its lists in the words of the file that the model was trained on.

Ratings may be of books, songs or recipes, on any scale. A model that `tune.fit` trained remembers
what the file called its columns; the functions here read ids and ratings as that file has them,
and name users and items as its columns do.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import data
from ..data import Columns
from ..data.files import PARQUET, SEPARATORS, open_source
from ..data.reading import id_like
from ..model import FactorModel
from ..ratings import Ratings, index_of
from .blocks import list_for, lists_in_blocks
from .new_user import fold_in
from .titles import movie_id_of


def columns_of(model: FactorModel) -> Columns:
    """Names of the columns that the model was trained on; MovieLens' names where it has none."""
    return Columns(**model.notes.get("columns", {}))


def describe(ratings: Ratings, columns: Columns) -> str:
    """One line: how many ratings, likes or counts, their scale, how many items and users."""
    low, high = ratings.scale
    user, item = columns.nouns()
    what = {
        "ratings": f"ratings from {low:g} to {high:g}",
        "likes": "likes",
        "counts": f"counts up to {high:g}",
        "thumbs": "likes and dislikes",
    }[ratings.kind]
    return (
        f"{ratings.name}: {ratings.n_ratings:,} {what}; "
        f"{item}: {ratings.n_movies:,}; {user}: {ratings.n_users:,}"
    )


def empty_columns(movies: pd.DataFrame, columns: Columns) -> list[str]:
    """Which of title and genres say nothing: every title is made from an id, no genre is given."""
    _, item = columns.nouns()
    ids = movies["movieId"].astype(str)
    empty = []
    if "title" in movies and movies["title"].isin({*ids, *(f"{item} " + ids)}).all():
        empty.append("title")
    if "genres" in movies and not movies["genres"].str.len().any():
        empty.append("genres")
    return empty


def worded(
    frame: pd.DataFrame, columns: Columns, empty: Sequence[str] | None = None
) -> pd.DataFrame:
    """A frame with the file's column names, and without titles and genres that say nothing.

    Parameters
    ----------
    frame : DataFrame
        With the column movieId and perhaps userId, rating, title and genres.
    columns : Columns
    empty : sequence of str or None
        The columns to leave out. None: `empty_columns` of the frame. Of a part of a table, pass
        those of the whole, so that all parts have the same columns.

    Returns
    -------
    DataFrame
        A name that would stand there twice gets `_id` at its end.
    """
    empty = empty_columns(frame, columns) if empty is None else empty
    frame = frame.drop(columns=list(empty), errors="ignore")
    names = {"userId": columns.user, "movieId": columns.item, "rating": columns.rating}
    others = {*frame.columns, frame.index.name} - set(names)
    clear = {
        name: f"{new}_id" if new in others else new
        for name, new in names.items()
        if new is not None
    }
    return frame.rename(columns=clear)


def known_user(model: FactorModel, text: str | int) -> int | str:
    """The id in `model.user_ids` that a text stands for.

    Parameters
    ----------
    model : FactorModel
    text : str or int
        An id as somebody types it, or as it is.

    Returns
    -------
    int or str

    Raises
    ------
    KeyError
        For an id that the model does not know, with the nearest ones.
    """
    kind, _ = columns_of(model).nouns()
    ids = model.user_ids
    user_id = id_like(str(text), ids)
    somebody_new = "For somebody new, give their ratings: `people.recommend_person`."
    if isinstance(user_id, str) and np.issubdtype(ids.dtype, np.number):
        raise KeyError(
            f"no {kind} with id {text!r}: ids are whole numbers here, from {ids[0]} to {ids[-1]}. "
            + somebody_new
        )
    try:
        index_of(ids, user_id, kind)
    except KeyError as error:
        raise KeyError(f"{error.args[0]}. {somebody_new}") from None
    return user_id


def known_item(model: FactorModel, text: str | int) -> int | str:
    """The id in `model.movie_ids` that a text stands for: an id as it is typed, or a title.

    Raises
    ------
    KeyError
        For an id or a title that the model does not know, with the nearest.
    ValueError
        For a title that could mean several; with the choice.
    """
    row = _row(model, text)
    if row is not None:
        return model.movie_ids.item(row)
    if has_titles(model):
        return movie_id_of(model, str(text))
    _, item = columns_of(model).nouns()
    ids = model.movie_ids
    near = difflib.get_close_matches(str(text), list(map(str, ids[:100_000].tolist())), 3, 0.5)
    nearest = f"The nearest: {', '.join(near)}" if near else f"Ids look like {first_few(ids)}"
    raise KeyError(f"no {item} with id {text!r}. {nearest}.")


def has_titles(model: FactorModel) -> bool:
    """Whether the model's titles are more than its ids."""
    return "title" not in empty_columns(model.movies, columns_of(model))


def read_person(
    model: FactorModel, path: str | Path, separator: str | None = None
) -> dict[int | str, float]:
    """Read one person's ratings from a file with the columns and the scale of the model.

    Parameters
    ----------
    model : FactorModel
    path : str or Path
        With the model's column of items or, in its place, a column `title`. A model of likes needs
        no other column.
    separator : str or None
        As in `data.read_person`.

    Returns
    -------
    dict of int or str to float
        Item id to rating. A title that the model does not know, and an id that it does not know,
        stays as it is in the file.

    Raises
    ------
    FileNotFoundError, ValueError
        As `data.read_person`; and for two lines about one item.

    Warns
    -----
    UserWarning
        For a title that could mean several.
    """
    columns = columns_of(model)
    present = open_source(path, separator).names
    item = columns.item
    if item not in present and "title" in present and has_titles(model):
        item = "title"
    likes = model.kind == "likes" and columns.rating not in present
    for column in (item,) if likes else (item, columns.rating):
        if column not in present:
            needed = repr(item) if likes else f"{columns.item!r} and {columns.rating!r}"
            raise ValueError(
                f"{path}: there is no column {column!r}. Its columns: "
                f"{', '.join(map(repr, present))}. The model was trained on a file with the "
                f"columns {needed}: rename these."
            )
    if likes:
        person: dict[int | str, float] = dict.fromkeys(read_column(path, item, separator), 1.0)
    else:
        person = data.read_person(
            path,
            np.array([""]),  # ids as text; below they become the model's
            user=columns.user or "userId",
            item=item,
            rating=columns.rating,
            scale=(model.predictor or model).scale if model.kind == "ratings" else None,
            separator=separator,
        )
    rated: dict[int | str, float] = {}
    for text, rating in person.items():
        item_id = _item_or_text(model, text)
        if item_id in rated:
            raise ValueError(f"{path}: {text!r} is rated twice. Remove one of the two.")
        rated[item_id] = rating
    return rated


def read_items(model: FactorModel, path: str | Path, separator: str | None = None) -> np.ndarray:
    """Read a file of items: a table with the model's column of items, or an id or title a line.

    Returns
    -------
    int64, (n,)
        Indices of those that the model knows.

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    ValueError
        Where the model knows none of them.

    Warns
    -----
    UserWarning
        Where it does not know some of them.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    _, noun = columns_of(model).nouns()
    texts = _item_texts(model, path, separator)
    if not texts:
        raise ValueError(f"{path}: the file is empty. It should have an id or a title a line.")
    rows = [_row(model, _item_or_text(model, text)) for text in texts]
    unknown = [text for text, row in zip(texts, rows, strict=True) if row is None]
    if len(unknown) == len(texts):
        raise ValueError(
            f"{path}: the model knows none of these {noun}: {first_few(texts)}. Those that it "
            f"knows look like {first_few(model.movie_ids.tolist())}."
        )
    if unknown:
        warnings.warn(
            f"{path}: the model does not know {len(unknown)} of {len(texts)} {noun}: "
            f"{first_few(unknown)}",
            stacklevel=2,
        )
    return np.array([row for row in rows if row is not None], np.int64)


def read_column(path: str | Path, column: str, separator: str | None = None) -> list[str]:
    """The values of one column of a file, as text, each once, in the file's order."""
    source = open_source(path, separator)
    if Path(path).suffix.lower() in PARQUET:
        values = pd.read_parquet(path, columns=[column])[column].astype(str).tolist()
    else:
        text: Any = source
        at = text.names.index(column)
        values = [fields[at].strip() for _, fields in text.rows() if len(fields) > at]
    return list(dict.fromkeys(value for value in values if value))


def _item_texts(model: FactorModel, path: Path, separator: str | None) -> list[str]:
    """Ids or titles in a file, as text: those of a column of it, or its lines."""
    if path.suffix.lower() in (*PARQUET, *SEPARATORS) or separator is not None:
        names = open_source(path, separator).names
        for column in (columns_of(model).item, "title"):
            if column in names:
                return read_column(path, column, separator)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: the file is not UTF-8 text. Save it as UTF-8.") from None
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def _row(model: FactorModel, item_id: int | str) -> int | None:
    """The row of an id, as it is or as text; None where the model has no such id."""
    ids = model.movie_ids
    item_id = id_like(str(item_id), ids)
    if isinstance(item_id, str) == np.issubdtype(ids.dtype, np.number):
        return None
    row = int(np.searchsorted(ids, item_id))
    return row if row < len(ids) and ids[row] == item_id else None


def _item_or_text(model: FactorModel, text: int | str) -> int | str:
    """The id that a text of a file stands for, as an id or a title; the text where there is none.

    Warns where a title could mean several.
    """
    row = _row(model, text)
    if row is not None:
        return model.movie_ids.item(row)
    rows = np.flatnonzero(model.movies["title"].to_numpy() == str(text))
    if len(rows) == 1:
        return model.movie_ids.item(rows[0])
    as_id = id_like(str(text), model.movie_ids)
    if not isinstance(as_id, str) or not has_titles(model):
        return as_id
    try:
        return movie_id_of(model, as_id)
    except KeyError:
        return as_id
    except ValueError as error:
        warnings.warn(str(error.args[0]), stacklevel=4)
        return as_id


def recommend_user(
    model: FactorModel,
    ratings: Ratings | str | Path,
    user: str | int,
    n: int = 10,
    *,
    allowed: np.ndarray | None = None,
    diversity: float = 0.0,
) -> pd.DataFrame:
    """The n best items for a user whom the model knows, without those that the user has rated.

    Parameters
    ----------
    model : FactorModel
    ratings : Ratings, str or Path
        The ratings that the model was trained on, or its file, if that holds them.
    user : str or int
        As in `known_user`.
    n : int
    allowed : bool, (n_movies,), or None
        As in `people.lists_in_blocks`.
    diversity : float
        As in `people.recommend`.

    Returns
    -------
    DataFrame, indexed by rank from 1
        The columns of `people.lists_in_blocks`, in the words of the file: see `worded`.

    Raises
    ------
    KeyError
        As `known_user`.
    ValueError
        Where the file of the model does not hold its ratings.
    """
    if not isinstance(ratings, Ratings):
        ratings = model.load_ratings(ratings)
    at = ratings.user_index_of(known_user(model, user))
    (best,) = lists_in_blocks(
        model, ratings, np.array([at]), n, allowed=allowed, diversity=diversity
    )
    return _in_words_of(model, best.drop(columns="userId").set_index("rank"))


def recommend_person(
    model: FactorModel,
    person: Mapping[int | str, float],
    n: int = 10,
    *,
    allowed: np.ndarray | None = None,
    diversity: float = 0.0,
) -> pd.DataFrame:
    """The n best items for somebody new, without those that they have rated.

    Parameters
    ----------
    model : FactorModel
    person : dict of int or str to float
        Item id to rating, as `read_person` returns it.
    n, allowed, diversity
        As in `recommend_user`.

    Returns
    -------
    DataFrame, indexed by rank from 1
        As `recommend_user`.

    Raises
    ------
    ValueError
        Where the model knows none of the ids.

    Warns
    -----
    UserWarning
        Where it does not know some of them: these ratings are not used.
    """
    known = known_ratings(model, person)
    best = list_for(fold_in(model, known), n, allowed=allowed, diversity=diversity)
    return _in_words_of(model, best.set_index("rank"))


def _in_words_of(model: FactorModel, frame: pd.DataFrame) -> pd.DataFrame:
    columns = columns_of(model)
    return worded(frame, columns, empty_columns(model.movies, columns))


def known_ratings(model: FactorModel, person: Mapping[int | str, float]) -> dict[int | str, float]:
    """The ratings of items that the model knows. Raises and warns as `recommend_person`."""
    _, noun = columns_of(model).nouns()
    model_ids = set(model.movie_ids.tolist())
    known = {item_id: rating for item_id, rating in person.items() if item_id in model_ids}
    unknown = [item_id for item_id in person if item_id not in model_ids]
    if not known:
        raise ValueError(
            f"the model knows none of these {noun}: {first_few(unknown)}. Those that it "
            f"knows look like {first_few(model.movie_ids.tolist())}."
        )
    if unknown:
        warnings.warn(
            f"the model does not know {len(unknown)} of {len(person)} {noun} and does not "
            f"use their ratings: {first_few(unknown)}",
            stacklevel=3,
        )
    return known


def first_few(ids: Iterable[int | str], n: int = 3) -> str:
    """The first n ids as text, for a message."""
    shown = list(map(str, ids))
    return ", ".join(shown[:n]) + (", …" if len(shown) > n else "")
