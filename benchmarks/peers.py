"""Train one peer on one set, in the peer's own environment: `python peers.py PEER SET OPTIONS`.

SET is a .npz that `timing.py` wrote. OPTIONS is JSON: features, seed, epochs (the numbers of epochs
to report at), and the peer's own options. For each number of epochs a line of JSON is printed: the
seconds of training until then, and RMSE on the held-out ratings. The last line has the peak memory.
Imports, reading, and building the peer's own kind of data set are not counted.

A peer is a generator. It first yields when its data set is built, and the clock starts. Then it
yields (epochs, factors) at each checkpoint. Where the library can be stopped and looked into, all
checkpoints come from one training; where it can't, each is a training of its own (`AFRESH`).

`implicit_lists` is another measurement: lists for everybody, from the same factors as ours.

cflib is not installed in a peer's environment, so nothing here imports it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
AFRESH = {"cmfrec_cg", "cmfrec_cholesky", "surprise", "spark", "myfm"}


Data = dict[str, np.ndarray]
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (movie, user) -> ratings
Steps = Iterator[Any]  # None, then (epochs, factors, predict or seconds) at each checkpoint


def rmse(predict: Predict, movie: np.ndarray, user: np.ndarray, value: np.ndarray) -> float:
    """RMSE of predictions clipped to the scale; not a number where a prediction is missing."""
    total = 0.0
    for at in range(0, len(value), 1 << 16):
        some = slice(at, at + (1 << 16))
        predicted = np.clip(predict(movie[some], user[some]), 0.5, 5)
        total += np.sum((predicted - value[some]) ** 2)
    return float(np.sqrt(total / len(value)))


class Factors:
    """Predicted rating of movie i by user j: mean + movie_bias[i] + user_bias[j] + X[i]·W[j]."""

    def __init__(
        self,
        X: np.ndarray,
        W: np.ndarray,
        mean: float = 0.0,
        movie_bias: np.ndarray | None = None,
        user_bias: np.ndarray | None = None,
    ):
        self.X, self.W, self.mean = X, W, mean
        self.movie_bias = np.zeros(len(X)) if movie_bias is None else movie_bias
        self.user_bias = np.zeros(len(W)) if user_bias is None else user_bias

    def predict(self, movie: np.ndarray, user: np.ndarray) -> np.ndarray:
        biases = self.mean + self.movie_bias[movie] + self.user_bias[user]
        return biases + np.einsum("nk,nk->n", self.X[movie], self.W[user])


def lenskit(
    data: Data, epochs: list[int], features: int, seed: int, regularization: float
) -> Steps:
    """BiasedMF, single precision; λ is multiplied by a row's number of ratings."""
    import pandas as pd
    from lenskit.als import BiasedMFScorer
    from lenskit.data import from_interactions_df
    from lenskit.training import TrainingOptions

    frame = {"user_id": data["user"], "item_id": data["movie"], "rating": data["value"]}
    dataset = from_interactions_df(pd.DataFrame(frame))
    yield
    scorer = BiasedMFScorer(
        embedding_size=features, epochs=max(epochs), regularization=regularization
    )
    trainer = scorer.create_trainer(dataset, TrainingOptions(rng=seed))
    movies, users = dataset.items.ids(), dataset.users.ids()  # those with training ratings
    for epoch in range(1, max(epochs) + 1):
        trainer.train_epoch()
        if epoch in epochs:
            yield (
                epoch,
                Factors(
                    spread(scorer.item_embeddings, movies, data["n_movies"]),
                    spread(scorer.user_embeddings, users, data["n_users"]),
                    scorer.bias.global_bias,
                    spread(scorer.bias.item_biases, movies, data["n_movies"]),
                    spread(scorer.bias.user_biases, users, data["n_users"]),
                ),
            )


def cmfrec(use_cg: bool) -> Callable[..., Steps]:
    """CMF without side information, single precision, λ multiplied by the number of ratings."""

    def train(data: Data, epochs: list[int], features: int, seed: int, lambda_: float) -> Steps:
        from cmfrec import CMF
        from scipy.sparse import coo_matrix

        shape = int(data["n_users"]), int(data["n_movies"])
        ratings = coo_matrix((data["value"], (data["user"], data["movie"])), shape)
        yield
        for n in epochs:
            model = CMF(
                k=features,
                lambda_=lambda_,
                scale_lam=True,
                method="als",
                use_cg=use_cg,
                niter=n,
                use_float=True,
                precompute_for_predictions=False,
                random_state=seed,
                nthreads=CORES,
                verbose=False,
                handle_interrupt=False,
            )
            model.fit(ratings)
            yield (
                n,
                Factors(model.B_, model.A_, model.glob_mean_, model.item_bias_, model.user_bias_),
            )

    return train


def implicit(use_cg: bool) -> Callable[..., Steps]:
    """ALS for implicit feedback: another model, so only the seconds of iterations are compared."""

    def train(data: Data, epochs: list[int], features: int, seed: int) -> Steps:
        from implicit.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix

        shape = int(data["n_users"]), int(data["n_movies"])
        ratings = csr_matrix((data["value"], (data["user"], data["movie"])), shape)
        model = AlternatingLeastSquares(
            factors=features,
            use_cg=use_cg,
            dtype=np.float32,
            iterations=max(epochs),
            num_threads=CORES,
            random_state=seed,
        )
        seconds = []
        yield
        model.fit(
            ratings, show_progress=False, callback=lambda _, elapsed, loss: seconds.append(elapsed)
        )
        for n in epochs:
            yield n, sum(seconds[:n])

    return train


def implicit_lists(path: str, out: str, features: int, n: int, times: int) -> Iterator[dict]:
    """implicit's `recommend` for all users, with random factors in place of trained ones."""
    from implicit.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix

    with np.load(path) as data:
        shape = int(data["n_users"]), int(data["n_movies"])
        rated = csr_matrix((data["value"], (data["user"], data["movie"])), shape)
        model = AlternatingLeastSquares(factors=features, num_threads=CORES, dtype=np.float32)
        model.item_factors, model.user_factors = random_factors(data, features)
    everybody = np.arange(shape[0])
    yield from timed_lists(lambda: model.recommend(everybody, rated, N=n)[0], out, times)


def random_factors(data: Any, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors of the movies and of the users: the same wherever they are asked for."""
    rng = np.random.default_rng(0)
    shapes = [(int(data[f"n_{side}"]), features) for side in ("movies", "users")]
    return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)


def timed_lists(make: Callable[[], np.ndarray], out: str, times: int) -> Iterator[dict]:
    """Make all lists, several times: the seconds of each, on the clock and of all processors.

    The lists, movies by index, (n_users, n), are written to `out`.
    """
    for _ in range(times):
        start, used = time.perf_counter(), time.process_time()
        lists = make()
        seconds, used = time.perf_counter() - start, time.process_time() - used
        yield {"seconds": seconds, "cpu_seconds": used}
    np.save(out, lists)
    yield {"peak_bytes": peak_memory()}


def surprise(
    data: Data,
    epochs: list[int],
    features: int,
    seed: int,
    learning_rate: float,
    regularization: float,
) -> Steps:
    """SVD: stochastic gradient descent on one core, in double precision; there are no others."""
    from surprise import SVD, Trainset

    n_users, n_movies = int(data["n_users"]), int(data["n_movies"])
    order = np.argsort(data["user"], kind="stable")
    start = np.searchsorted(data["user"][order], np.arange(n_users + 1))
    movie, value = data["movie"][order].tolist(), data["value"][order].tolist()
    by_user = {
        j: list(zip(movie[a:b], value[a:b], strict=True))
        for j, (a, b) in enumerate(zip(start[:-1].tolist(), start[1:].tolist(), strict=True))
    }
    del movie, value, order
    # The raters of each movie, which SVD doesn't look at, are left out: memory in its favour.
    trainset = Trainset(by_user, {}, n_users, n_movies, int(start[-1]), (0.5, 5), {}, {})
    yield
    for n in epochs:
        model = SVD(
            n_factors=features,
            n_epochs=n,
            lr_all=learning_rate,
            reg_all=regularization,
            random_state=seed,
        )
        model.fit(trainset)
        yield n, Factors(model.qi, model.pu, trainset.global_mean, model.bi, model.bu)


def spark(data: Data, epochs: list[int], features: int, seed: int, regularization: float) -> Steps:
    """MLlib's ALS on the ratings less damped means, since it has no biases of its own.

    The session has trained once, as on a cluster that is up, and the ratings are in its memory
    before the clock starts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(f"local[{CORES}]")
        .config("spark.driver.memory", "10g")
        .config("spark.driver.host", "localhost")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    spark.process = session.sparkContext._gateway.proc.pid  # noqa: SLF001 (its only way)
    mean, movie_bias, user_bias = _damped_means(data)
    left = data["value"] - mean - movie_bias[data["movie"]] - user_bias[data["user"]]
    columns = {"movie": data["movie"], "user": data["user"], "left": left.astype(np.float32)}

    def als(n):
        return ALS(
            rank=features,
            maxIter=n,
            regParam=regularization,
            seed=seed,
            checkpointInterval=5,
            numUserBlocks=2 * CORES,
            numItemBlocks=2 * CORES,
            userCol="user",
            itemCol="movie",
            ratingCol="left",
        )

    with tempfile.TemporaryDirectory() as folder:
        session.sparkContext.setCheckpointDir(f"{folder}/checkpoints")
        pq.write_table(pa.table(columns), f"{folder}/ratings.parquet")
        ratings = session.read.parquet(f"{folder}/ratings.parquet").repartition(2 * CORES).persist()
        ratings.count()
        als(1).fit(ratings.sample(0.01, seed=seed))
        yield
        for n in epochs:
            model = als(n).fit(ratings)
            X, W = (
                spread(
                    np.stack(table["features"].combine_chunks().to_numpy(zero_copy_only=False)),
                    table["id"].to_numpy(),
                    size,
                )
                for table, size in (
                    (model.itemFactors.toArrow(), data["n_movies"]),
                    (model.userFactors.toArrow(), data["n_users"]),
                )
            )
            yield n, Factors(X, W, mean, movie_bias, user_bias)


def myfm(data: Data, epochs: list[int], features: int, seed: int) -> Steps:
    """A factorisation machine of the ids by Gibbs sampling, on one core, in double precision."""
    from myfm import MyFMRegressor, RelationBlock
    from scipy.sparse import csr_matrix, eye

    each = [eye(int(data[f"n_{side}"]), format="csr") for side in ("users", "movies")]

    def relations(movie, user):
        ids = user.astype(np.int64), movie.astype(np.int64)
        return [RelationBlock(*block) for block in zip(ids, each, strict=True)]

    blocks = relations(data["movie"], data["user"])
    nothing_else = csr_matrix((len(data["user"]), 0))
    value = data["value"].astype(np.float64)
    yield
    for n in epochs:
        model = MyFMRegressor(rank=features, random_seed=seed)
        model.fit(
            nothing_else,
            value,
            X_rel=blocks,
            n_iter=n,
            group_shapes=[block.shape[1] for block in each],
            callback=lambda *_: (False, ""),
        )

        def predict(movie, user, model=model):
            nothing_else = csr_matrix((len(user), 0))
            return model.predict(nothing_else, relations(movie, user), n_workers=CORES)

        yield n, predict


PEERS = {
    "myfm": myfm,
    "lenskit": lenskit,
    "cmfrec_cg": cmfrec(use_cg=True),
    "cmfrec_cholesky": cmfrec(use_cg=False),
    "implicit_cg": implicit(use_cg=True),
    "implicit_cholesky": implicit(use_cg=False),
    "surprise": surprise,
    "spark": spark,
}


def _damped_means(data: Data, damping: float = 5.0) -> tuple[float, np.ndarray, np.ndarray]:
    value = data["value"].astype(np.float64)
    mean = value.mean()
    biases, left = [], value - mean
    for of, n in ((data["movie"], data["n_movies"]), (data["user"], data["n_users"])):
        biases.append(np.bincount(of, left, n) / (np.bincount(of, minlength=n) + damping))
        left = left - biases[-1][of]
    return mean, *biases


def spread(rows: np.ndarray, index: np.ndarray | list[int], n: int) -> np.ndarray:
    """Rows at their indices among n, zeros at the others."""
    result = np.zeros((int(n), *rows.shape[1:]), rows.dtype)
    result[index] = rows
    return result


def peak_memory(process: int | str = "self") -> int:
    """The most bytes that a process has had in memory at once."""
    try:
        with open(f"/proc/{process}/status") as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except FileNotFoundError:  # not Linux
        import resource

        scale = 1 if sys.platform == "darwin" else 1024
        return scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def report(name: str, path: str, options: dict[str, Any]) -> None:
    """Print a line for each checkpoint of a peer."""
    with np.load(path) as stored:
        data = {key: stored[key] for key in stored.files}
    held_out = data.pop("test_movie"), data.pop("test_user"), data.pop("test_value")
    steps = PEERS[name](data, **options)
    next(steps)
    seconds = 0.0
    while True:
        start = time.perf_counter()
        step = next(steps, None)
        elapsed = time.perf_counter() - start
        if step is None:
            break
        epochs, result = step
        predict = result.predict if isinstance(result, Factors) else result
        if callable(predict):
            seconds = elapsed if name in AFRESH else seconds + elapsed
            line = {"epochs": epochs, "seconds": seconds, "rmse": rmse(predict, *held_out)}
        else:
            line = {"epochs": epochs, "seconds": result, "rmse": None}
        print(json.dumps(line), flush=True)
    peak = peak_memory() + (peak_memory(spark.process) if name == "spark" else 0)
    print(json.dumps({"peak_bytes": peak}), flush=True)


if __name__ == "__main__" and sys.argv[1] == "implicit_lists":
    for line in implicit_lists(sys.argv[2], **json.loads(sys.argv[3])):
        print(json.dumps(line), flush=True)
elif __name__ == "__main__":
    report(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
