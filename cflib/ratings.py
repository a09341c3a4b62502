"""`Ratings`: what a ratings set becomes once it is read, and what everything else takes.

A ratings set is a list of observed triples (movie, user, value). Almost no pair is observed,
so nothing here is movies x users; `Ratings.dense` builds those two arrays on request, for the
chapters that are about them, and refuses when they would not fit.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib

import numpy as np
import pandas as pd

DENSE_LIMIT_BYTES = 2**31  # of what is built densely: Y and R together, or the predictions
KINDS = {
    "ratings": "how much they liked it, on a scale",
    "likes": "that they liked it, and nothing else: every value is 1",
    "counts": "how often: plays, visits, purchases",
    "thumbs": "1 for a like and 0 for a dislike",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Ratings:
    """Observed ratings as parallel arrays, with the ids of both axes and the movies' table.

    An *index* is a row or column number, from 0; an *id* is what the data file says.

    Attributes
    ----------
    movie_index : int32, (n_ratings,)
        Row of each rating's movie.
    user_index : int32, (n_ratings,)
        Column of each rating's user.
    value : float32, (n_ratings,)
        The rating, in the units of `scale` (MovieLens: stars, 0.5 to 5 in steps of 0.5).
    timestamp : int64, (n_ratings,), or None
        Seconds since 1970-01-01 UTC; None where the set has no times.
    movie_ids : (n_movies,)
        `movie_ids[i]` is the id of row i; ascending.
    user_ids : (n_users,)
        `user_ids[j]` is the id of column j; ascending.
    movies : DataFrame, n_movies rows
        Row i describes `movie_ids[i]`: columns `movieId`, `title`, `genres` ("A|B", may be "").
    scale : (float, float)
        Lowest and highest rating that can be given.
    name : str
        Name of the edition, such as "movielens_small".
    note : str
        What a reader should be told about how these came to be read; `data.describe` says it.
    repeats : int64, (n,)
        Of each line that was merged into a later one of the same pair, when the file was read,
        user_index * n_movies + movie_index. `data.quality_report` counts them.
    kind : str
        What a value says: a key of `KINDS`.

    The order of the triples is the order of the file; no (movie, user) pair occurs twice.
    """

    movie_index: np.ndarray
    user_index: np.ndarray
    value: np.ndarray
    timestamp: np.ndarray | None
    movie_ids: np.ndarray
    user_ids: np.ndarray
    movies: pd.DataFrame
    scale: tuple[float, float] = (0.5, 5.0)
    name: str = "ratings"
    note: str = ""
    repeats: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    kind: str = "ratings"

    @property
    def n_ratings(self) -> int:
        return len(self.value)

    @property
    def n_movies(self) -> int:
        return len(self.movie_ids)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def density(self) -> float:
        """Share of the n_movies x n_users pairs that are observed."""
        return self.n_ratings / (self.n_movies * self.n_users)

    def __len__(self) -> int:
        return self.n_ratings

    def __repr__(self) -> str:
        return (
            f"Ratings({self.name}: {self.n_ratings:,} ratings, "
            f"{self.n_movies:,} movies x {self.n_users:,} users)"
        )

    @functools.cached_property
    def movie_counts(self) -> np.ndarray:
        """Number of ratings of each movie: int64, (n_movies,)."""
        return np.bincount(self.movie_index, minlength=self.n_movies)

    @functools.cached_property
    def user_counts(self) -> np.ndarray:
        """Number of ratings by each user: int64, (n_users,)."""
        return np.bincount(self.user_index, minlength=self.n_users)

    @functools.cached_property
    def like_threshold(self) -> float | None:
        """The value from which on a user liked the movie; None: every value is a like.

        Of ratings it is the value that splits them most evenly: the share of ratings at or above
        it is nearest to half (4 stars, of MovieLens').
        """
        if self.kind in ("likes", "counts") or not len(self):
            return None
        if self.kind == "thumbs":
            return 1.0
        value, count = np.unique(self.value, return_counts=True)
        at_or_above = np.cumsum(count[::-1])[::-1] / len(self)
        return float(value[np.argmin(np.abs(at_or_above - 0.5))])

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over ids, indices and values: two sets agree exactly when these do."""
        digest = hashlib.sha256()
        for ids in (self.movie_ids, self.user_ids):
            numeric = np.issubdtype(ids.dtype, np.number)
            digest.update(
                np.asarray(ids, np.int64).tobytes()
                if numeric
                else "\0".join(map(str, ids)).encode()
            )
        for array in (self.movie_index, self.user_index, self.value):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def take(self, rows: np.ndarray) -> Ratings:
        """The ratings at positions `rows` (integers or a boolean mask), on the same axes."""
        return dataclasses.replace(
            self,
            movie_index=self.movie_index[rows],
            user_index=self.user_index[rows],
            value=self.value[rows],
            timestamp=None if self.timestamp is None else self.timestamp[rows],
        )

    def movie_index_of(self, movie_id: int | str) -> int:
        """Row of the movie with this id. Raises KeyError with the nearest ids."""
        return index_of(self.movie_ids, movie_id, "movie")

    def user_index_of(self, user_id: int | str) -> int:
        """Column of the user with this id. Raises KeyError with the nearest ids."""
        return index_of(self.user_ids, user_id, "user")

    def frame(self) -> pd.DataFrame:
        """One row a rating, with ids: columns userId, movieId, rating and, if known, timestamp."""
        columns = {
            "userId": self.user_ids[self.user_index],
            "movieId": self.movie_ids[self.movie_index],
            "rating": self.value,
        }
        if self.timestamp is not None:
            columns["timestamp"] = self.timestamp
        return pd.DataFrame(columns)

    def dense(self) -> tuple[np.ndarray, np.ndarray]:
        """(Y, R), both float32, (n_movies, n_users): ratings (0 where none) and their mask.

        Raises MemoryError beyond `DENSE_LIMIT_BYTES`, with the size and what to call instead.
        """
        needed = 2 * 4 * self.n_movies * self.n_users
        if needed > DENSE_LIMIT_BYTES:
            raise MemoryError(
                f"Y and R as {self.n_movies:,} x {self.n_users:,} arrays need "
                f"{needed / 1e9:,.1f} GB, more than the limit of {DENSE_LIMIT_BYTES / 1e9:.1f} GB. "
                "Everything but the dense definition works on the observed ratings alone: "
                "use `fit_als`, `model.cost_observed` and `FactorModel.predict`."
            )
        Y = np.zeros((self.n_movies, self.n_users), np.float32)
        R = np.zeros_like(Y)
        Y[self.movie_index, self.user_index] = self.value
        R[self.movie_index, self.user_index] = 1
        return Y, R


def index_of(ids: np.ndarray, wanted: int | str, kind: str) -> int:
    """Position of an id among ascending ids. Raises KeyError with the nearest ids."""
    try:
        at = int(np.searchsorted(ids, wanted))
    except TypeError:
        at = len(ids)
    if at < len(ids) and ids[at] == wanted:
        return at
    near = ", ".join(str(i) for i in ids[max(0, at - 2) : at + 2])
    raise KeyError(
        f"no {kind} with id {wanted!r} in these ratings ({len(ids):,} {kind}s; ids near it: {near})"
    )
