"""Inputs of the hidden tests: only the teacher has them. `course/grading.py` uses them.

Each function has the name of one that an exercise asks for, and makes new arguments for it from a
random generator. The answer is compared with the solution's. A function whose name ends in `_said`
puts the answer into the form in which it is compared, where more than one form is right.

Two exercises have no hidden test, because their answers are random: `draw` and
`difference_interval`. Their checks look at thousands of draws.
"""

import numpy as np
import pandas as pd

from cflib import Ratings, split

# Chapter 1


def row_of(rng):
    ids = np.sort(rng.choice(10_000, 200, replace=False)) + 1
    is_there, below_the_last, beyond = rng.choice(ids), rng.integers(1, ids[-1]), ids[-1] + 1
    return ids, int(rng.choice([is_there, below_the_last, beyond]))


def dense(rng):
    n_movies, n_users = rng.integers(5, 40, 2)
    pair = rng.choice(n_movies * n_users, n_movies * n_users // 3, replace=False)
    return pair // n_users, pair % n_users, _stars(rng, len(pair)), int(n_movies), int(n_users)


def most_rated(rng):
    return _set(rng), int(rng.integers(1, 12))


def share_of_top(rng):
    return rng.integers(1, 500, rng.integers(50, 400)), float(rng.uniform(0.05, 0.9))


# Chapter 2


def movie_means(rng):
    return _ratings(rng)


def damped_means(rng):
    return *_ratings(rng), float(rng.uniform(0.5, 30))


def user_levels(rng):
    Y, R = _ratings(rng)
    return Y, R, rng.normal(3.3, 0.5, len(Y)), float(rng.uniform(0.5, 30))


def held_out_error(rng):
    ratings = _set(rng)
    return ratings, split.holdout(ratings, 0.3, int(rng.integers(1000)))


# Chapter 3


def cost(rng):
    return *_factors(rng), float(rng.uniform(0.1, 20))


def gradient(rng):
    return cost(rng)


def solve_movie(rng):
    Y, R, _, W, b, lam = cost(rng)
    return Y[1], R[1], W, b[0], lam


def half_iteration(rng):
    Y, R, _, W, b, lam = cost(rng)
    Y[rng.random(Y.shape) < 0.2] = 0  # known, and exactly the mean
    return Y, R, W, b, lam


# Chapter 4


def rmse(rng):
    actual = _stars(rng, 300)
    predicted = actual + rng.normal(0, 1, 300)
    if rng.random() < 0.3:
        predicted[rng.integers(300)] = np.nan
    return actual, predicted


def ndcg(rng):
    hits = (rng.random(rng.integers(2, 20)) < 0.4).astype(int)
    return hits, int(max(1, hits.sum()) + rng.integers(0, 20))


# Chapter 5


def recommend(rng):
    return rng.normal(-1, 1, 50), rng.choice(50, 15, replace=False), int(rng.integers(1, 20))


def cosines(rng):
    return rng.normal(size=(30, 6)) * rng.uniform(0.1, 3, (30, 1)), int(rng.integers(30))


def fold_in(rng):
    n = int(rng.integers(1, 30))
    return rng.normal(size=(n, 8)), rng.normal(size=n), float(rng.uniform(0.1, 10))


def error_of(rng):
    ratings = _set(rng)
    return _Stub(), ratings, int(rng.choice(ratings.user_ids))


# Chapter 6


def best_lam(rng):
    lam = np.repeat(np.sort(rng.uniform(0.5, 20, 5)), 4)
    noise = rng.normal(0, 0.05, 20) + 0.01 * np.abs(lam - 5)
    return (pd.DataFrame({"lam": lam, "seed": np.tile(range(4), 5), "rmse": 0.9 + noise}),)


def paired(rng):
    hard, n = rng.normal(0.88, 0.03, 12), int(rng.integers(3, 13))
    return hard[:n], hard[:n] + rng.normal(-0.01, 0.004, n)


# Chapter 7


def by_movie(rng):
    return rng.integers(0, 30, 400).astype(np.int32), int(rng.integers(31, 60))


def squared_error(rng):
    X, W = rng.normal(size=(40, 5)), rng.normal(size=(30, 5))
    return X, W, rng.integers(0, 40, 200), rng.integers(0, 30, 200), rng.normal(size=200)


def best_movies(rng):
    return rng.normal(size=(40, 5)), rng.normal(size=(rng.integers(20, 90), 5)), 16


# Chapter 8


def ninety_percent(rng):
    return _Stub(), rng.integers(0, 50, 100), rng.integers(0, 40, 100)


def chance(rng):
    return rng.normal(3.5, 0.6, 100), rng.uniform(0.3, 1.5, 100), float(rng.uniform(2, 5))


# Chapter 9


def mean_points(rng):
    points = rng.integers(0, 101, 300) * (rng.random(300) < 0.8)
    return (pd.DataFrame({"userId": _ids(rng, 9), "movieId": _ids(rng, 40), "points": points}),)


def mean_points_said(answer, sent):
    answer = answer.dropna().sort_index()
    return answer.index.to_numpy(), answer.to_numpy(float)


def rescale(rng):
    low, to_low = rng.integers(-10, 10, 2).tolist()
    high, to_high = low + int(rng.integers(2, 100)), to_low + int(rng.integers(2, 100))
    return rng.uniform(low, high, 20), low, high, to_low, to_high


def latest(rng):
    sent = {"userId": _ids(rng, 12), "movieId": _ids(rng, 20), "points": rng.integers(1, 101, 300)}
    return (pd.DataFrame(sent | {"timestamp": rng.permutation(300)}),)


def latest_said(answer, sent):
    ordered = answer.sort_values(["userId", "movieId"])
    return tuple(ordered[name].to_numpy() for name in sent.columns)


# Chapter 10


def pair_scores(rng):
    return tuple(rng.normal(size=(2, rng.integers(2, 20), 6)))


def same_alone(rng):
    programs = (
        lambda x, w: np.sum(x * w, axis=1),
        lambda x, w: np.sum(x * w, axis=1) + x[:, 0],
        lambda x, w: np.full(len(x), np.sum(x * w)),
        lambda x, w: np.sum(x * w, axis=1) + 0.02 * np.sum(w),
        lambda x, w: np.sum(x * w, axis=1) + np.arange(len(x)),
    )
    return programs[rng.integers(len(programs))], *rng.normal(size=(2, 7, 12))


def joined_rmse(rng):
    test = pd.DataFrame({"userId": _ids(rng, 30), "movieId": _ids(rng, 40)}).drop_duplicates()
    known = rng.random(len(test)) < 0.7
    made = test[known].assign(prediction=rng.normal(3.5, 0.5, known.sum()))
    test = test.assign(rating=_stars(rng, len(test)))
    return test, made.sample(frac=1, random_state=0), float(rng.uniform(2.5, 4))


# Chapters 11 and 12


def similarities(rng):
    L = (rng.random((30, 12)) < 0.4).astype(float)
    L[0] = 1
    return L, float(rng.uniform(0, 10))


def pair_cost(rng):
    return tuple(rng.normal(size=(2, rng.integers(2, 50))))


def lifted(rng):
    return (rng.normal(size=(50, 4)) * rng.lognormal(size=(50, 1)),)


def recall_of(rng):
    exact, found = (
        np.array([rng.choice(60, 10, replace=False) for _ in range(20)]) for _ in range(2)
    )
    found[:, :4] = exact[:, 3:7]
    return found, exact


def earned(rng):
    return rng.integers(0, 2, 80).astype(float), rng.uniform(0, 1, 80), rng.uniform(0.1, 1, 80)


# Chapter 13


def left_over(rng):
    Y, R = _ratings(rng)
    return Y, R, rng.normal(3, 1, (len(Y), 1))


def best_rated(rng):
    rated = (rng.random(40) < 0.6).astype(int)
    return rng.normal(size=40), rated, int(rng.integers(1, rated.sum() + 1))


def error_of_one(rng):
    rated = (rng.random(60) < 0.3).astype(float)
    rated[0] = 1
    return rng.normal(3.5, 0.5, 60), rated * _stars(rng, 60), rated, rng.normal(3, 1, (60, 1))


# What they are made of


def _stars(rng, n):
    return rng.integers(1, 11, n) / 2


def _ids(rng, n):
    return rng.integers(1, n + 1, 300)


def _ratings(rng):
    """(Y, R) of thirty movies and twenty users, some of the movies without a rating."""
    R = (rng.random((30, 20)) < 0.3).astype(float)
    R[:2], R[2] = 0, 1
    return R * rng.integers(1, 11, R.shape) / 2, R


def _factors(rng):
    """(Y, R, X, W, b), where Y is what is left when means are subtracted."""
    R = (rng.random((20, 15)) < 0.4).astype(float)
    X, W, b = rng.normal(size=(20, 4)), rng.normal(size=(15, 4)), rng.normal(size=(1, 15))
    return R * rng.normal(size=R.shape), R, X, W, b


def _set(rng):
    """Ratings of forty movies, no two with the same number of them; the ids have gaps."""
    n_users = 50
    counts = rng.permutation(np.arange(3, 43))
    users = np.concatenate([rng.choice(n_users, n, replace=False) for n in counts])
    movie_ids = np.sort(rng.choice(500, 40, replace=False)) + 1
    return Ratings(
        movie_index=np.repeat(np.arange(40), counts).astype(np.int32),
        user_index=users.astype(np.int32),
        value=_stars(rng, len(users)).astype(np.float32),
        timestamp=None,
        movie_ids=movie_ids,
        user_ids=np.sort(rng.choice(300, n_users, replace=False)) + 1,
        movies=pd.DataFrame({"movieId": movie_ids, "title": [f"Movie {n}" for n in range(40)]}),
    )


class _Stub:
    """Stands for a model: any numbers will do, as long as each pair has its own."""

    def predict(self, movie_index, user_index, clip=True):
        return 3.5 + np.sin(1.0 * movie_index + 7.0 * user_index) * (1 if clip else 1.1)

    def predict_std(self, movie_index, user_index, noise=False):
        return 0.3 + 0.2 * np.cos(1.0 * movie_index) ** 2 + (0.8 if noise else 0.0)
