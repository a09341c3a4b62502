"""The best of many scores, compiled: what runs where `evaluation.n_best` defines.

Scores come as models give them, with a column for each user. A whole row of them is compared with
what the users' lists end with, and almost no score is higher, so a list is hardly ever touched.
Blocks of users are small enough for the scores to stay in a core's cache from the product that
makes them to the comparison, and each core has a block of its own.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterable

import numba
import numpy as np
from threadpoolctl import threadpool_limits

from ._kernels import compiled

CACHED = 1 << 19  # scores of a block: 2 MB in single precision, about a core's own cache
USERS = 16, 1024  # in a block, at least and at most
LONGEST = 256  # list that is made by inserting; a longer one is sorted


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
def _insert(scores, best, score):
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
