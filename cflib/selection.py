"""Which movies a list holds: the best of all that a user has not rated, or of a few drawn ones.

`top_n` makes everybody's lists, and `n_best` defines one. What runs is `best_of_columns`, compiled.
Scores come as models give them, with a column for each user. A whole row of them is compared with
what the users' lists end with, and almost no score is higher, so a list is hardly ever touched.
Blocks of users are small enough for the scores to stay in a core's cache from the product that
makes them to the comparison, and each core has a block of its own.
"""

from __future__ import annotations

import concurrent.futures
import types
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from ._kernels import Rows, by_row, compiled
from .ratings import Ratings

if TYPE_CHECKING:
    from .model import Model
    from .split import Split

CACHED = 1 << 19  # scores of a block: 2 MB in single precision, about a core's own cache
USERS = 16, 1024  # in a block, at least and at most
LONGEST = 256  # list that is made by inserting; a longer one is sorted


# Lists --------------------------------------------------------------------------------------


def top_n(
    model: Model, ratings: Ratings, n: int = 10, block: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The n best movies for every user, without those that the user has rated.

    Of equal scores, the movie that comes first in the rows is taken.

    Parameters
    ----------
    model : Model
    ratings : Ratings
        What users have rated, on the model's axes.
    n : int
        Movies for each user.
    block : int or None
        Users who are scored at a time, on each core. None: as many as let their scores stay in the
        core's cache.

    Returns
    -------
    movie_index : ndarray of int32, (n_users, n)
        Best first; -1 where a user has rated so much that fewer than n movies are left.
    score : ndarray of float32, (n_users, n)
        Unclipped; -inf beside a -1.
    """
    if n != int(n) or n < 1:
        raise ValueError(f"`n` should be a positive integer. Received: {n}")
    n, block = min(n, ratings.n_movies), block or block_size(ratings.n_movies)
    return best_unrated(model, rated_movies(ratings), np.arange(ratings.n_users), n, block)


def rated_movies(ratings: Ratings) -> Rows:
    """The movies that each user has rated: those of user j are `column[start[j]:start[j + 1]]`."""
    user, movie = ratings.user_index, ratings.movie_index
    return by_row(user, movie, ratings.value, ratings.n_users)


def best_unrated(
    model: Model,
    rated: Rows,
    user_index: np.ndarray,
    n: int,
    block: int,
    allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The n best movies for these users, in blocks of users, each core a block of its own.

    The memory needed is that of these blocks, n_movies x `block` floats each, whatever the number
    of users. `rated` is from `rated_movies`; `allowed`, bool, (n_movies,), says which movies a list
    may hold. The rest is as in `top_n`.
    """
    movie_index = np.empty((len(user_index), n), np.int32)
    score = np.empty((len(user_index), n), np.float32)
    best = best_of_columns if n <= LONGEST else n_best

    def of_block(first: int) -> None:
        users = user_index[first : first + block]
        scores = np.require(model.score_users(users), np.float32, ["C", "W", "O"])
        for place, user in enumerate(users):
            scores[rated.column[rated.start[user] : rated.start[user + 1]], place] = -np.inf
        if allowed is not None:
            scores[~allowed] = -np.inf
        movie_index[first : first + block], score[first : first + block] = best(scores, n)

    on_all_cores(of_block, range(0, len(user_index), block))
    return movie_index, score


def n_best(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the n highest scores of each column, and these scores, best first: the definition.

    Of equal scores, the first row is taken; -inf is nobody's best, and its row is -1. `scores` is
    (n_movies, n_users), and both results are (n_users, n). `best_of_columns` is the same
    for a short list, without sorting.
    """
    best = np.argsort(-scores, axis=0, kind="stable")[:n].T.astype(np.int32)
    score = np.take_along_axis(scores.T, best, axis=1)
    best[np.isneginf(score)] = -1
    return best, score


# The best of many scores --------------------------------------------------------------------


def block_size(n_movies: int) -> int:
    """Users in a block whose scores stay in the cache."""
    return int(np.clip(CACHED // max(n_movies, 1), *USERS))


def best_of_columns(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the n highest scores of each column, best first; ties go to the first rows.

    Parameters
    ----------
    scores : float32, (n_movies, n_users)
    n : int

    Returns
    -------
    best : int32, (n_users, n)
        -1 where a column has fewer than n scores above -inf.
    score : float32, (n_users, n)
        -inf beside a -1.
    """
    shape = scores.shape[1], n
    best, score = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
    _insert(np.ascontiguousarray(scores, np.float32), best, score)
    return best, score


@compiled
def _insert(scores: np.ndarray, best: np.ndarray, score: np.ndarray) -> None:
    """Each row of scores into the lists so far, which are sorted; an equal score goes behind."""
    n_users, n = best.shape
    last = np.full(n_users, -np.inf, np.float32)  # of each list: what a score has to exceed
    for i in range(len(scores)):
        row = scores[i]
        n_higher = 0
        for j in range(n_users):
            n_higher += row[j] > last[j]
        if n_higher == 0:
            continue
        for j in range(n_users):
            if row[j] > last[j]:
                place = n - 1
                while place > 0 and score[j, place - 1] < row[j]:
                    score[j, place], best[j, place] = score[j, place - 1], best[j, place - 1]
                    place -= 1
                score[j, place], best[j, place] = row[j], i
                last[j] = score[j, n - 1]


def on_all_cores(work: Callable[[int], object], starts: Iterable[int]) -> None:
    """Call `work(start)` for each block, as many at once as there are cores.

    A block's matrix product then runs on one core: the BLAS library's own threads would compete
    with these.
    """
    starts, n_threads = list(starts), numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    if n_threads == 1 or len(starts) == 1:
        for start in starts:
            work(start)
        return
    with (
        threadpool_limits(1, "blas"),
        concurrent.futures.ThreadPoolExecutor(n_threads) as pool,
    ):
        list(pool.map(work, starts))


# Sampled metrics ----------------------------------------------------------------------------


def among_sampled(model: Model, split: Split, n: int = 100, seed: int = 0) -> Any:
    """The model, made to choose among a user's test movies and n others, drawn at random.

        part = latest(ratings, n=1)
        rank({"iALS": among_sampled(model, part)}, part, threshold=part.train.scale[0])

    is the protocol of He et al. (2017), "Neural collaborative filtering": `hit_rate` and `ndcg` are
    its HR@10 and NDCG@10. Use it only to compare with papers that use it.

    Warning: a metric on drawn movies is not the metric on all of them, and may order models
    otherwise. Most of 100 drawn movies are far down a good model's list of all. So a place among
    them says little of who finds the best ten: Krichene & Rendle (2020), "On sampled metrics for
    item recommendation".

    Parameters
    ----------
    model : Model
        Trained on `split.train`.
    split : Split
    n : int
        Movies drawn for each user, of those that the user rated neither in training nor in the
        test. Where there are fewer, all of them.
    seed : int
        Seed of the draws; every model gets the same movies.

    Returns
    -------
    object
        What `rank`, `compare` and `rankings` take in a model's place. All other movies have the
        lowest score that there is.
    """
    rated = [_by_user(split.train), _by_user(split.test)]

    def score_users(users: np.ndarray) -> np.ndarray:
        scores = model.score_users(users)
        kept = np.full(scores.shape, np.finfo(np.float32).min, np.float32)
        for place, user in enumerate(users):
            trained, tested = (movies[user] for movies in rated)
            others = np.setdiff1d(np.arange(len(scores)), np.concatenate([trained, tested]))
            drawn = np.random.default_rng([seed, user]).permutation(others)[:n]
            chosen = np.concatenate([tested, drawn])
            kept[chosen, place] = scores[chosen, place]
        return kept

    return types.SimpleNamespace(score_users=score_users, data_fingerprint=model.data_fingerprint)


def _by_user(ratings: Ratings) -> list[np.ndarray]:
    """The movies that each user rated."""
    movies = ratings.movie_index[np.argsort(ratings.user_index, kind="stable")]
    return np.split(movies, np.cumsum(ratings.user_counts)[:-1])
