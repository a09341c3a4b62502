"""A model and its lists in the words of the file that the model was trained on.

Ratings may be of books, songs or recipes, on any scale. A model that `tune.fit` trained remembers
what the file called its columns; the functions here read ids and ratings as that file has them,
and name users and items as its columns do.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from .. import data
from ..data import Columns
from ..data.files import open_source
from ..data.reading import id_like
from ..model import FactorModel
from ..ratings import Ratings, index_of
from .lists import recommend, recommend_new


def columns_of(model: FactorModel) -> Columns:
    """Names of the columns that the model was trained on; MovieLens' names where it has none."""
    return Columns(**model.notes.get("columns", {}))


def describe(ratings: Ratings, columns: Columns) -> str:
    """One line: the number of ratings, their scale, and the numbers of items and users."""
    low, high = ratings.scale
    user, item = columns.nouns()
    return (
        f"{ratings.name}: {ratings.n_ratings:,} ratings from {low:g} to {high:g}; "
        f"{item}: {ratings.n_movies:,}; {user}: {ratings.n_users:,}"
    )


def worded(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """A frame with the file's column names, and without titles and genres that say nothing.

    Parameters
    ----------
    frame : DataFrame
        With the column movieId and perhaps userId, rating, title and genres.
    columns : Columns

    Returns
    -------
    DataFrame
        title is left out where every title is made from an id, genres where all are empty. A name
        that would stand there twice gets `_id` at its end.
    """
    _, item = columns.nouns()
    ids = frame["movieId"].astype(str)
    empty = []
    if "title" in frame and frame["title"].isin({*ids, *(f"{item} " + ids)}).all():
        empty.append("title")
    if "genres" in frame and not frame["genres"].str.len().any():
        empty.append("genres")
    names = {"userId": columns.user, "movieId": columns.item, "rating": columns.rating}
    frame = frame.drop(columns=empty)
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


def read_person(
    model: FactorModel, path: str | Path, separator: str | None = None
) -> dict[int | str, float]:
    """Read one person's ratings from a file with the columns and the scale of the model.

    Parameters
    ----------
    model : FactorModel
    path : str or Path
    separator : str or None
        As in `data.read_person`.

    Returns
    -------
    dict of int or str to float
        Item id to rating.

    Raises
    ------
    FileNotFoundError, ValueError
        As `data.read_person`.
    """
    columns = columns_of(model)
    present = open_source(path, separator).names
    for column in (columns.item, columns.rating):
        if column not in present:
            raise ValueError(
                f"{path}: there is no column {column!r}. Its columns: "
                f"{', '.join(map(repr, present))}. The model was trained on a file with the "
                f"columns {columns.item!r} and {columns.rating!r}: rename these."
            )
    return data.read_person(
        path,
        model.movie_ids,
        user=columns.user or "userId",
        item=columns.item,
        rating=columns.rating,
        scale=model.scale,
        separator=separator,
    )


def recommend_user(
    model: FactorModel, ratings: Ratings | str | Path, user: str | int, n: int = 10
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

    Returns
    -------
    DataFrame, indexed by rank from 1
        As `people.recommend`, in the words of the file: see `worded`.

    Raises
    ------
    KeyError
        As `known_user`.
    ValueError
        Where the file of the model does not hold its ratings.
    """
    if not isinstance(ratings, Ratings):
        ratings = model.load_ratings(ratings)
    user_id = known_user(model, user)
    return worded(recommend(model, ratings, user_id, n), columns_of(model))


def recommend_person(
    model: FactorModel, person: Mapping[int | str, float], n: int = 10
) -> pd.DataFrame:
    """The n best items for somebody new, without those that they have rated.

    Parameters
    ----------
    model : FactorModel
    person : dict of int or str to float
        Item id to rating, as `read_person` returns it.
    n : int

    Returns
    -------
    DataFrame, indexed by rank from 1
        As `people.recommend_new`, in the words of the file: see `worded`.

    Raises
    ------
    ValueError
        Where the model knows none of the ids.

    Warns
    -----
    UserWarning
        Where it does not know some of them: these ratings are not used.
    """
    columns = columns_of(model)
    model_ids = set(model.movie_ids.tolist())
    known = {item_id: rating for item_id, rating in person.items() if item_id in model_ids}
    unknown = [item_id for item_id in person if item_id not in model_ids]
    if not known:
        raise ValueError(
            f"the model knows none of these {columns.item}: {first_few(unknown)}. Those that it "
            f"knows look like {first_few(model.movie_ids.tolist())}."
        )
    if unknown:
        warnings.warn(
            f"the model does not know {len(unknown)} of {len(person)} {columns.item} and does not "
            f"use their ratings: {first_few(unknown)}",
            stacklevel=2,
        )
    return worded(recommend_new(model, known, n), columns)


def first_few(ids: Iterable[int | str], n: int = 3) -> str:
    """The first n ids as text, for a message."""
    shown = list(map(str, ids))
    return ", ".join(shown[:n]) + (", …" if len(shown) > n else "")
