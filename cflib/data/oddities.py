"""What is odd in a ratings set: nothing that stops a model, everything that one should know of.

A reader of `read` knows that every value is one; this says what the values look like together.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .ratings import Ratings

CONSTANT_FROM = 5  # ratings: with fewer, giving the same each time is no surprise
N_EXAMPLES = 3
YEAR = 365 * 86_400  # seconds


def oddities(
    ratings: Ratings, user: str = "user", item: str = "item", now: float | None = None
) -> pd.DataFrame:
    """Count what is odd in a ratings set, kind by kind, with examples.

    Parameters
    ----------
    ratings : Ratings
    user, item : what the two are called, such as "reader" and "isbn".
    now : seconds since 1970-01-01 UTC after which a time lies in the future. None: this moment.

    Returns
    -------
    DataFrame, a row a kind that was looked for, indexed by `oddity` (in words)
        count; of, how many there are of what is counted; share = count / of; examples, the ids of
        the first few ("reader: isbn" for ratings). Times are looked at only where there are any.
    """
    every_user, every_item = ratings.user_ids, ratings.movie_ids
    rows = [
        _row("lines that rate again what the same " + user + " rated", len(ratings),
             _pairs(ratings, *np.divmod(ratings.repeats, ratings.n_movies)), len(ratings.repeats)),
        _row(f"{item} with one rating", ratings.n_movies, every_item[ratings.movie_counts == 1]),
        _row(f"{user} with one rating", ratings.n_users, every_user[ratings.user_counts == 1]),
        _row(f"{user} with {CONSTANT_FROM} or more ratings, all the same", ratings.n_users,
             every_user[_constant(ratings)]),
        _row(f"{user} who rated more than half of all", ratings.n_users,
             every_user[ratings.user_counts > ratings.n_movies / 2]),
        _row(f"{user} cut off from the most, with no {item} in common", ratings.n_users,
             every_user[_cut_off(ratings)]),
        _row(f"{user} ids that differ only in case or spaces", ratings.n_users, _alike(every_user)),
        _row(f"{item} ids that differ only in case or spaces", ratings.n_movies,
             _alike(every_item)),
        _rated(ratings, "ratings of 0 (does it mean 'not rated'?)", ratings.value == 0),
    ]  # fmt: skip
    if ratings.timestamp is not None:
        now = time.time() if now is None else now
        in_1970 = (ratings.timestamp >= 0) & (ratings.timestamp < YEAR)
        rows += [
            _rated(ratings, "times in the future (are they in seconds?)", ratings.timestamp > now),
            _rated(ratings, "times in 1970 (are they in seconds?)", in_1970),
        ]
    frame = pd.DataFrame(rows, columns=["oddity", "count", "of", "examples"])
    frame.insert(3, "share", frame["count"] / frame["of"])
    return frame.set_index("oddity")


def _row(oddity: str, of: int, examples, count: int | None = None) -> list:
    count = len(examples) if count is None else count
    shown = ", ".join(map(str, examples[:N_EXAMPLES]))
    return [oddity, count, of, f"{shown}, …" if count > N_EXAMPLES else shown]


def _rated(ratings: Ratings, oddity: str, mask: np.ndarray) -> list:
    """The row of an oddity of single ratings."""
    at = np.flatnonzero(mask)
    first = at[:N_EXAMPLES]
    examples = _pairs(ratings, ratings.user_index[first], ratings.movie_index[first])
    return _row(oddity, len(ratings), examples, len(at))


def _pairs(ratings: Ratings, user_index, movie_index) -> list[str]:
    """Ids of the first few pairs, as "user: item"."""
    users, items = ratings.user_ids[user_index], ratings.movie_ids[movie_index]
    return [f"{u}: {i}" for u, i in zip(users[:N_EXAMPLES], items[:N_EXAMPLES], strict=True)]


def _constant(ratings: Ratings) -> np.ndarray:
    """Which users gave the same rating each time, `CONSTANT_FROM` times or more."""
    low = np.full(ratings.n_users, np.inf)
    high = -low
    np.minimum.at(low, ratings.user_index, ratings.value)
    np.maximum.at(high, ratings.user_index, ratings.value)
    return (low == high) & (ratings.user_counts >= CONSTANT_FROM)


def _cut_off(ratings: Ratings) -> np.ndarray:
    """Which users no chain of common items leads to from the largest group: nothing compares them."""
    n = ratings.n_users + ratings.n_movies
    edges = (ratings.user_index, ratings.n_users + ratings.movie_index)
    linked = coo_array((np.ones(len(ratings), np.int8), edges), shape=(n, n))
    _, group = connected_components(linked, directed=False)
    of_user = group[: ratings.n_users]
    return (of_user != np.bincount(of_user).argmax()) & (ratings.user_counts > 0)


def _alike(ids: np.ndarray) -> np.ndarray:
    """Ids that are another one's but for case and spaces."""
    if np.issubdtype(ids.dtype, np.number):
        return ids[:0]
    plain = pd.Series(ids).str.casefold().str.replace(r"\s", "", regex=True)
    return ids[plain.duplicated(keep=False).to_numpy()]
