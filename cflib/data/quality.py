"""A report of what looks odd in a ratings set. Nothing in it stops a model from being trained.

`read` checks each value alone. This module looks at the values together: a valid value can still
mean something other than you think.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..ratings import Ratings
from .guessing import code_in, distinct_values

CONSTANT_FROM = 5  # ratings: a user with fewer may well give the same rating each time
N_EXAMPLES = 3
YEAR = 365 * 86_400  # seconds


def quality_report(
    ratings: Ratings, user: str = "user", item: str = "item", now: float | None = None
) -> pd.DataFrame:
    """Count what looks odd in a ratings set, one kind of oddity a row, with examples.

    Parameters
    ----------
    ratings : Ratings
    user, item : str
        What the two are called, such as "reader" and "isbn": see `Columns.nouns`.
    now : float or None
        Seconds since 1970-01-01 UTC; a later time lies in the future. None: this moment.

    Returns
    -------
    DataFrame
        A row for each kind, indexed by `oddity` (a description in words). `count`: how many were
        found. `of`: among how many. `share`: count / of. `examples`: ids of the first few, as
        "user: item" where ratings are counted. Rows about times, about zeros in ids that are text,
        and about a value that seems to stand for "not rated" are there only where they apply.
    """
    users, items = ratings.user_ids, ratings.movie_ids
    n_users, n_items = ratings.n_users, ratings.n_movies
    many = ratings.user_counts > n_items / 2
    repeats = _pairs(ratings, *np.divmod(ratings.repeats, n_items))
    constant = f"{user} with {CONSTANT_FROM} or more ratings, all the same"
    cut_off = f"{user} cut off: no {item} links them to most others"
    alike = "ids that differ only in case or spaces"
    again = f"lines that rate the same {item} again"
    rows = [
        _row(again, len(ratings), repeats, len(ratings.repeats)),
        _row(f"{item} with one rating", n_items, items[ratings.movie_counts == 1]),
        _row(f"{user} with one rating", n_users, users[ratings.user_counts == 1]),
        _row(constant, n_users, users[_is_constant(ratings) & (ratings.kind != "likes")]),
        _row(f"{user} who rated more than half of all", n_users, users[many]),
        _row(cut_off, n_users, users[_is_cut_off(ratings)]),
        _row(f"{user} {alike}", n_users, _alike(users)),
        _row(f"{item} {alike}", n_items, _alike(items)),
        _row_of_ratings(
            "ratings of 0 (does it mean 'not rated'?)",
            ratings,
            (ratings.value == 0) & (ratings.kind != "thumbs"),
        ),
    ]
    rows += [
        _row(f"{name} that differ only in zeros", len(ids), _alike_but_for_zeros(ids))
        for name, ids in ((f"{user} ids", users), (f"{item} ids", items))
        if not np.issubdtype(ids.dtype, np.number)
    ]
    code = code_in(*distinct_values(ratings.value)) if len(ratings) else None
    if code is not None:
        oddity = (
            f"{code:g}, far from all other ratings: if it means 'not rated', `missing={code:g}`"
        )
        rows.append(_row_of_ratings(oddity, ratings, ratings.value == code))
    if ratings.timestamp is not None:
        later = ratings.timestamp > (time.time() if now is None else now)
        in_1970 = (ratings.timestamp >= 0) & (ratings.timestamp < YEAR)
        rows += [
            _row_of_ratings("times in the future (are they in seconds?)", ratings, later),
            _row_of_ratings("times in 1970 (are they in seconds?)", ratings, in_1970),
        ]
    report = pd.DataFrame(rows, columns=["oddity", "count", "of", "examples"])
    report.insert(3, "share", report["count"] / report["of"])
    return report.set_index("oddity")


def _row(
    oddity: str, of: int, examples: Sequence | np.ndarray, count: int | None = None
) -> tuple[str, int, int, str]:
    """A row of the report; without `count`, `examples` are all that were found."""
    count = len(examples) if count is None else count
    shown = ", ".join(map(str, examples[:N_EXAMPLES])) + (", …" if count > N_EXAMPLES else "")
    return oddity, count, of, shown


def _row_of_ratings(oddity: str, ratings: Ratings, mask: np.ndarray) -> tuple[str, int, int, str]:
    """The row for an oddity of single ratings, those in `mask`."""
    rated = np.flatnonzero(mask)
    first = rated[:N_EXAMPLES]
    examples = _pairs(ratings, ratings.user_index[first], ratings.movie_index[first])
    return _row(oddity, len(ratings), examples, len(rated))


def _pairs(ratings: Ratings, user_index: np.ndarray, movie_index: np.ndarray) -> list[str]:
    """Ids of the first few pairs, as "user: item"."""
    users = ratings.user_ids[user_index[:N_EXAMPLES]]
    items = ratings.movie_ids[movie_index[:N_EXAMPLES]]
    return [f"{u}: {i}" for u, i in zip(users, items, strict=True)]


def _is_constant(ratings: Ratings) -> np.ndarray:
    """Which users gave the same rating each time, `CONSTANT_FROM` times or more."""
    low = np.full(ratings.n_users, np.inf)
    high = -low
    np.minimum.at(low, ratings.user_index, ratings.value)
    np.maximum.at(high, ratings.user_index, ratings.value)
    return (low == high) & (ratings.user_counts >= CONSTANT_FROM)


def _is_cut_off(ratings: Ratings) -> np.ndarray:
    """Which users no chain of common items connects to the largest group of users."""
    n = ratings.n_users + ratings.n_movies
    edges = (ratings.user_index, ratings.n_users + ratings.movie_index)
    graph = coo_array((np.ones(len(ratings), np.int8), edges), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    group_of_user = group[: ratings.n_users]
    largest = np.bincount(group_of_user).argmax()
    return (group_of_user != largest) & (ratings.user_counts > 0)


def _alike(ids: np.ndarray) -> np.ndarray:
    """Ids that equal another id but for case and spaces."""
    if np.issubdtype(ids.dtype, np.number):
        return ids[:0]
    return ids[_plain(ids).duplicated(keep=False).to_numpy()]


def _alike_but_for_zeros(ids: np.ndarray) -> np.ndarray:
    """Ids that equal another id but for zeros in front or after the point, as 7, 007 and 7.0 do.

    Case and spaces are not compared, either; ids that differ in these alone are left to `_alike`.
    """
    plain = _plain(ids)
    number = plain.str.replace(r"^0+(?=\d)", "", regex=True).str.replace(
        r"^(\d+)\.0*$", r"\1", regex=True
    )
    n_ways = plain.groupby(number).transform("nunique")
    return ids[(n_ways > 1).to_numpy()]


def _plain(ids: np.ndarray) -> pd.Series:
    return pd.Series(ids).str.casefold().str.replace(r"\s", "", regex=True)
