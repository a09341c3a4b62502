"""Our side of the benchmarks, each measurement in a process of its own.

`python -m benchmarks.ours WHAT JSON` prints lines of JSON, as `peers.py` does.
"""

import json
import sys
import time

import numpy as np
import pandas as pd

from cflib import data, train

from .peers import peak_memory

COST = {"n_features": 100, "lam": 1.0, "normalization": "movie_all_users"}
THE_COST = COST | {"lam_power": 0.0, "movie_bias": False}  # the original's, in our solvers' terms


def original(ratings, epochs=400):
    """The original notebook's training, on its dense arrays, and its cost after every epoch."""
    from cflib._tensorflow import tf
    from cflib.model import cost_fn, model

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
    yield (
        epochs,
        time.perf_counter() - start,
        float(cost_fn(Y, model(X, W, b), R, COST["lam"], X, W)),
    )


def cost(solver, **options):
    """Cost against seconds on the whole small set: the solver named."""
    ratings = data.load("auto")
    if solver == "original":
        steps = original(ratings)
    else:
        if solver == "adam":
            from cflib._tensorflow import tf

            tf.constant(0)  # the import, which is not counted
        fitted = getattr(train, f"fit_{solver}")(ratings, **THE_COST, **options)
        steps = fitted.history[["step", "seconds", "cost"]].itertuples(index=False)
    for step, seconds, value in steps:
        yield {"epochs": step, "seconds": seconds, "cost": value}
    yield {"peak_bytes": peak_memory(), "set": data.describe(ratings)}


def as_ratings(movie, user, value, n_movies, n_users) -> data.Ratings:
    ids = np.arange(n_movies)
    return data.Ratings(
        movie.astype(np.int32), user.astype(np.int32), value.astype(np.float32), None,
        ids, np.arange(n_users), pd.DataFrame({"movieId": ids, "title": "", "genres": ""}),
    )  # fmt: skip


def peer(path, features, seed, epochs, **options):
    """`fit_als` as `peers.py` measures its peers: once for the seconds, again for the errors."""
    with np.load(path) as stored:
        axes = int(stored["n_movies"]), int(stored["n_users"])
        ratings = as_ratings(*(stored[key] for key in ("movie", "user", "value")), *axes)
        test = as_ratings(*(stored[f"test_{key}"] for key in ("movie", "user", "value")), *axes)
    settings = options | {"n_features": features, "seed": seed, "sweeps": max(epochs)}
    timed = train.fit_als(ratings, **settings).history.set_index("step")
    peak = peak_memory()
    watched = train.fit_als(ratings, validation=test, **settings).history.set_index("step")
    for n in epochs:
        yield {
            "epochs": n,
            "seconds": timed.loc[n, "seconds"],
            "rmse": watched.loc[n, "validation_rmse"],
        }
    yield {"peak_bytes": peak}


def make(n_movies, n_users, n_ratings, folder):
    """A synthetic set, on disk for `growth`: made in another process than the one measured."""
    start = time.perf_counter()
    ratings, _ = data.synthetic(n_movies, n_users, n_ratings)
    made = time.perf_counter() - start
    data.save(ratings, folder)
    yield {"seconds": made, "peak_bytes": peak_memory()}


def growth(folder, features, sweeps, **options):
    """Seconds a sweep and peak memory of a whole process: data, TensorFlow, training, a result."""
    from cflib._tensorflow import tf

    tf.constant(0)
    start = time.perf_counter()
    ratings = data.open(folder)
    opened = time.perf_counter() - start
    model = train.fit_als(ratings, n_features=features, sweeps=sweeps, **options)
    seconds = model.history["seconds"].to_numpy()
    model.score_user(0)
    yield {
        "ratings": len(ratings), "movies": ratings.n_movies, "users": ratings.n_users,
        "open_seconds": opened, "start_seconds": seconds[0],
        "sweep_seconds": float(np.median(np.diff(seconds))), "peak_bytes": peak_memory(),
        "flop": flop(ratings.movie_counts, features) + flop(ratings.user_counts, features + 1),
    }  # fmt: skip


def flop(counts, k) -> float:
    """Operations that a half-sweep can't do without, for rows with these numbers of ratings.

    For a rating: the lower triangle of its outer product, and its share of the right-hand side;
    for a row: Cholesky's factorisation, and two substitutions.
    """
    return float(counts.sum() * (k * (k + 1) + 2 * k) + np.sum(counts > 0) * (k**3 / 3 + 2 * k**2))


def rate(n=4096):
    """This machine's best rate of a single-precision matrix product, in operations a second."""
    A = np.random.default_rng(0).random((n, n), np.float32)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        A @ A
        seconds.append(time.perf_counter() - start)
    yield {"flop_per_second": 2 * n**3 / min(seconds)}


if __name__ == "__main__":
    for line in globals()[sys.argv[1]](**json.loads(sys.argv[2])):
        print(json.dumps(line, default=float), flush=True)
