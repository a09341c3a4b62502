"""Our side of the benchmarks, each measurement in a process of its own.

`python -m benchmarks.ours WHAT JSON` prints lines of JSON, as `peers.py` does.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

import cflib
from cflib import BayesSettings, Ratings, data, metrics, selection, tf
from cflib.model import FactorModel, cost_fn, model

from .peers import peak_memory, random_factors, timed_lists

COST = {"n_features": 100, "lam": 1.0, "normalization": "movie_all_users"}
THE_COST = COST | {"lam_power": 0.0, "movie_bias": False}  # the original's, in our solvers' terms

Lines = Iterator[dict[str, Any]]


def trained(ratings: Ratings, solver: str, **options: Any) -> FactorModel:
    """What `fit_als`, `fit_bayes`, ... return; the options become the solver's settings object."""
    fit = getattr(cflib, f"fit_{solver}")
    return fit(ratings, **options)


def as_ratings(arrays: Mapping[str, np.ndarray], part: str = "") -> Ratings:
    """The ratings of a set that `timing.py` or `accuracy/folds.py` stored as arrays."""
    movie_ids = np.arange(int(arrays["n_movies"]))
    return Ratings(
        movie_index=arrays[f"{part}movie"].astype(np.int32),
        user_index=arrays[f"{part}user"].astype(np.int32),
        value=arrays[f"{part}value"].astype(np.float32),
        timestamp=None,
        movie_ids=movie_ids,
        user_ids=np.arange(int(arrays["n_users"])),
        movies=pd.DataFrame({"movieId": movie_ids, "title": "", "genres": ""}),
    )


# a: the original's cost ---------------------------------------------------------------------


def cost(solver: str, folder: str | None = None, **options: Any) -> Lines:
    """Cost against seconds of one solver, on the set in `folder` or the one that is loaded."""
    ratings = data.load("auto") if folder is None else data.open(folder)
    if solver == "original":
        steps = original(ratings, **options)
    else:
        if solver == "adam":
            tf.constant(0)  # the import, which is not counted
        history = trained(ratings, solver, **THE_COST | options).history
        steps = history[["step", "seconds", "cost"]].itertuples(index=False)
    for step, seconds, value in steps:
        yield {"epochs": step, "seconds": seconds, "cost": value}
    yield {"peak_bytes": peak_memory(), "set": data.describe(ratings)}


def original(ratings: Ratings, epochs: int) -> Iterator[tuple[int, float, float]]:
    """The original notebook's training, on its dense arrays: (epoch, seconds, cost) of each."""
    Y, R = map(tf.convert_to_tensor, ratings.dense())
    tf.random.set_seed(42)
    W = tf.Variable(tf.random.normal([ratings.n_users, COST["n_features"]]))
    X = tf.Variable(tf.random.normal([ratings.n_movies, COST["n_features"]]))
    b = tf.Variable(tf.zeros([1, ratings.n_users]))
    Y -= tf.expand_dims(tf.reduce_mean(Y, axis=1), 1)
    optimizer = tf.keras.optimizers.Adam(learning_rate=1e-1)
    start = time.perf_counter()
    for epoch in range(epochs):
        with tf.GradientTape() as tape:
            loss = cost_fn(Y, model(X, W, b), R, COST["lam"], X, W)
        if epoch:
            yield epoch, time.perf_counter() - start, float(loss)
        gradients = tape.gradient(loss, [X, W, b])
        optimizer.apply_gradients(zip(gradients, [X, W, b], strict=True))
    X.numpy()  # waits for the last step
    seconds = time.perf_counter() - start
    yield epochs, seconds, float(cost_fn(Y, model(X, W, b), R, COST["lam"], X, W))


# b: beside the peers ------------------------------------------------------------------------


def peer(path: str, features: int, seed: int, epochs: list[int], **options: Any) -> Lines:
    """`fit_als` as `peers.py` measures its peers: once for the seconds, again for the errors."""
    with np.load(path) as arrays:
        ratings, test = as_ratings(arrays), as_ratings(arrays, "test_")
    options |= {"n_features": features, "seed": seed, "iterations": max(epochs)}
    timed = trained(ratings, "als", **options).history.set_index("step")
    peak = peak_memory()
    watched = trained(ratings, "als", **options, validation=test).history.set_index("step")
    for n in epochs:
        yield {
            "epochs": n,
            "seconds": timed.loc[n, "seconds"],
            "rmse": watched.loc[n, "validation_rmse"],
        }
    yield {"peak_bytes": peak}


def bayes_peer(path: str, features: int, seed: int, epochs: list[int], burn_in: int) -> Lines:
    """`fit_bayes` from ratings alone: for each number of iterations a training of its own.

    All draws after the burn-in are kept.
    """
    with np.load(path) as arrays:
        ratings, test = as_ratings(arrays), as_ratings(arrays, "test_")
    options = {"n_features": features, "seed": seed, "burn_in": burn_in, "who_rated_what": False}
    for n in epochs:
        kept = BayesSettings().chains * (n - burn_in)
        start = time.perf_counter()
        model = trained(ratings, "bayes", **options, iterations=n, n_samples=kept)
        seconds = time.perf_counter() - start
        predicted = model.predict(test.movie_index, test.user_index)
        yield {"epochs": n, "seconds": seconds, "rmse": metrics.rmse(test.value, predicted)}
    yield {"peak_bytes": peak_memory()}


# c and d: growth, and the limit -------------------------------------------------------------


def make(n_movies: int, n_users: int, n_ratings: int, folder: str) -> Lines:
    """A synthetic set, on disk: made in another process than the one that is measured."""
    start = time.perf_counter()
    ratings, _ = data.synthetic(n_movies, n_users, n_ratings)
    seconds = time.perf_counter() - start
    data.save(ratings, folder)
    yield {"seconds": seconds, "peak_bytes": peak_memory()}


def growth(folder: str, features: int, iterations: int, **options: Any) -> Lines:
    """Seconds of an iteration, and peak memory of a whole process.

    The process holds its data and TensorFlow, trains, and makes a result.
    """
    tf.constant(0)
    start = time.perf_counter()
    ratings = data.open(folder)
    open_seconds = time.perf_counter() - start
    options |= {"n_features": features, "iterations": iterations}
    factors = trained(ratings, "als", **options)
    seconds = factors.history["seconds"].to_numpy()
    factors.score_users(np.array([0]))
    yield {
        "ratings": len(ratings),
        "movies": ratings.n_movies,
        "users": ratings.n_users,
        "open_seconds": open_seconds,
        "start_seconds": seconds[0],
        "iteration_seconds": float(np.median(np.diff(seconds))),
        "peak_bytes": peak_memory(),
        "flop": flop(ratings.movie_counts, features) + flop(ratings.user_counts, features + 1),
    }


def growth_bayes(folder: str, features: int, iterations: int) -> Lines:
    """Seconds of an iteration of `fit_bayes`, from ratings alone and with who rated what.

    Also the seconds of its set-up, on the clock and of all processors, and the peak memory of the
    whole process.
    """
    ratings = data.open(folder)
    line: dict[str, Any] = {"ratings": len(ratings)}
    options = {"n_features": features, "iterations": iterations, "burn_in": iterations - 1}
    for given, who_rated_what in (("alone", False), ("rated", True)):
        start = time.process_time()
        model = trained(ratings, "bayes", **options, n_samples=1, who_rated_what=who_rated_what)
        seconds = model.history["seconds"].to_numpy()
        each = float(np.median(np.diff(seconds)))
        line |= {
            f"{given}_seconds": each,
            f"{given}_setup_seconds": float(seconds[0] - each),
            f"{given}_cpu_seconds": time.process_time() - start,
            f"{given}_peak_bytes": peak_memory(),
        }
    yield line


# f: lists for everybody -----------------------------------------------------------------------


def everybody(path: str, out: str, features: int, n: int, times: int) -> Lines:
    """`selection.top_n` with random factors, as `peers.py` times its peer."""
    with np.load(path) as arrays:
        ratings = as_ratings(arrays)
        model = trained(ratings.take(np.arange(len(ratings)) < 1000), "popularity")
        X, W = random_factors(arrays, features)
    model = dataclasses.replace(model, X=X, W=W, c=np.zeros_like(model.c))
    yield from timed_lists(lambda: selection.top_n(model, ratings, n)[0], out, times)


def flop(counts: np.ndarray, k: int) -> float:
    """Operations that half an iteration needs at least, for rows with these numbers of ratings.

    For a rating: the lower triangle of its outer product, and its share of the right-hand side.
    For a row: Cholesky's factorisation, and two substitutions.
    """
    return float(counts.sum() * (k * (k + 1) + 2 * k) + np.sum(counts > 0) * (k**3 / 3 + 2 * k**2))


def rate(n: int) -> Lines:
    """The machine's usual rate of a single-precision matrix product, in operations a second."""
    A = np.random.default_rng(0).random((n, n), np.float32)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        A @ A
        seconds.append(time.perf_counter() - start)
    yield {"flop_per_second": 2 * n**3 / float(np.median(seconds))}


MEASUREMENTS = {
    "cost": cost,
    "peer": peer,
    "bayes_peer": bayes_peer,
    "make": make,
    "growth": growth,
    "growth_bayes": growth_bayes,
    "everybody": everybody,
    "rate": rate,
}

if __name__ == "__main__":
    for line in MEASUREMENTS[sys.argv[1]](**json.loads(sys.argv[2])):
        print(json.dumps(line, default=float), flush=True)
