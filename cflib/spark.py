"""The same model trained by Spark, for ratings that one machine has no room or time for.

Spark MLlib's ALS minimises the cost of `train.fit_als` with `lam_power` 1 and without biases.
What one machine does before that, Spark does here: ids become indices, and means come off. The
ratings stay where Spark has them; what comes to the driver has a row a movie or a row a user, as
the model itself has.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from . import normalize
from ._fitting import HISTORY, check_arguments
from .data import Ratings
from .data.reading import aligned, as_ids, movies_table
from .model import FactorModel, row_weights

LOCAL = {  # of a session that runs on this machine alone
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "localhost",
    "spark.driver.memory": "4g",
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
CHECKPOINT_EVERY = 5  # sweeps; at about twenty without, Spark's record of where things came from
#                       is too deep for the stack of the thread that writes it out


class Axis(NamedTuple):
    """All movies, or all users, by ascending id: what Spark calls each, its ratings and their sum."""

    id: np.ndarray
    key: pa.Array
    n: np.ndarray
    total: np.ndarray


def fit_spark(
    ratings,
    *,
    n_features: int = 20,
    lam: float = 0.05,
    lam_power: float = 1.0,
    normalization: str = "movie_user_damped",
    damping: float = 5.0,
    sweeps: int = 20,
    seed: int = 42,
    spark="local[*]",
    blocks: int | None = None,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    movies=None,
    scale: tuple[float, float] | None = None,
) -> FactorModel:
    """Minimise the cost by the alternating least squares of Spark MLlib.

        J = ½ Σ_n (x_i·w_j - r_n)² + ½ λ Σ_i n_i |x_i|² + ½ λ Σ_j n_j |w_j|²

    where rating n is of movie i by user j, r_n is what the normalisation leaves of it, and n_i
    and n_j are the numbers of ratings of the row. MLlib's `regParam` is this λ: it adds
    n_i `regParam` to the diagonal of row i's normal equations, as `fit_als` does with the same
    `lam` and `lam_power=1`. There are no biases but the normalisation's: b and c are 0.

    Parameters
    ----------
    ratings : Ratings, str or Path
        Ratings in memory, which are sent to Spark; or where Spark finds Parquet ("ratings.parquet",
        a folder, "s3a://…"), in which case the ratings never come to the driver.
    n_features, lam, normalization, damping, sweeps
        As in `fit_als`.
    lam_power : float
        1, the only power that MLlib knows.
    seed : int
        Of MLlib's start. The same seed gives the same model as long as Spark cuts the ratings
        into the same partitions.
    spark : str or SparkSession
        A session, which is left running; or a master ("local[2]", "spark://host:7077", "yarn"),
        for which a session is started and stopped again, unless one is active.
    blocks : int or None
        Into how many blocks MLlib cuts the movies, and the users; None: two for each core.
    user, item, rating, movies, scale
        For Parquet: as in `data.read`.

    Returns
    -------
    FactorModel
        `history` has one row: the cost at the end, and the seconds until there. The fingerprint
        of ratings that only Spark has seen is taken over the ids and counts of both axes.

    Raises
    ------
    ModuleNotFoundError
        Without pyspark; says how to install it.
    RuntimeError
        Where there is no Java, or Spark doesn't start; says what Spark said.
    ValueError
        As `fit_als`; for a `lam_power` other than 1; for more than ten sweeps on a cluster whose
        session has no checkpoint folder; and for Parquet without the columns, with
        ids or ratings missing, or with a movie that a user has rated twice.

    Source: Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix
    prize"; chapter 07.
    """
    if lam_power != 1:
        raise ValueError(f"`lam_power` should be 1: MLlib knows no other. Received: {lam_power}")
    check_arguments(ratings, n_features, lam, sweeps, "sweeps", None, None)
    settings = {
        "solver": "spark", "n_features": n_features, "lam": lam, "lam_power": lam_power,
        "normalization": normalization, "damping": damping, "movie_bias": False,
        "sweeps": sweeps, "seed": seed,
    }  # fmt: skip
    start = time.perf_counter()
    with _session(spark) as session:
        if isinstance(ratings, Ratings):
            table = _send(session, ratings)
            movie_axis = _axis(table, "movie", _numbers(ratings.n_movies))
            user_axis = _axis(table, "user", _numbers(ratings.n_users))
        else:
            table = _read(session, str(ratings), movie=item, user=user, value=rating)
            movie_axis, user_axis = _axis(table, "movie"), _axis(table, "user")
            scale = _scale(table, str(ratings), scale)
        means, table = _normalised(
            session, table, movie_axis, user_axis, normalization, float(damping)
        )
        table.persist()
        settings["blocks"] = blocks or 2 * session.sparkContext.defaultParallelism
        _allow_long_lineage(session.sparkContext, sweeps)
        trained = _als(settings).fit(table)
        X = _collect(trained.itemFactors, len(movie_axis.id))
        W = _collect(trained.userFactors, len(user_axis.id))
        seconds = time.perf_counter() - start
        squared_error = _squared_error(trained.transform(table))
        table.unpersist()

    l2 = sum(
        float(row_weights(axis.n, lam, lam_power) @ np.einsum("nk,nk->n", factors, factors))
        for axis, factors in ((movie_axis, X), (user_axis, W))
    )
    history = [[sweeps, 0.5 * (squared_error + l2), np.nan, seconds]]
    arrays = X, W, np.zeros((1, len(W)), np.float32), np.zeros((len(X), 1), np.float32)
    common = {"settings": settings, "history": pd.DataFrame(history, columns=HISTORY)}
    if isinstance(ratings, Ratings):
        return FactorModel.trained(ratings, means, *arrays, **common)
    titles = None if movies is None else movies_table(movies, item)
    return FactorModel(
        *arrays,
        normalization=means,
        movie_ids=movie_axis.id,
        user_ids=user_axis.id,
        movies=aligned(titles, movie_axis.id, movie_axis.n, ratings),
        movie_counts=movie_axis.n,
        scale=scale,
        data_fingerprint=_fingerprint(movie_axis, user_axis),
        **common,
    )


@contextlib.contextmanager
def _session(spark):
    """The session given or active, left running; or one of our own, stopped at the end."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            '`fit_spark` needs pyspark: `pip install "cflib[spark]"`', name="pyspark"
        ) from None
    running = SparkSession.getActiveSession() if isinstance(spark, str) else spark
    if running is not None:
        yield running
        return
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise RuntimeError(
            "`fit_spark` needs Java 17 or later, and there is no `java` on the PATH, nor JAVA_HOME. "
            "Debian and Ubuntu: `apt-get install openjdk-17-jre-headless`; "
            "conda: `conda install openjdk=17`"
        )
    builder = SparkSession.builder.master(spark).appName("cflib")
    for key, value in (LOCAL if spark.startswith("local") else {}).items():
        builder = builder.config(key, value)
    with _stderr_to_file() as said:
        try:
            session = builder.getOrCreate()
        except Exception as error:
            said.seek(0)
            raise RuntimeError(
                f"Spark did not start with master {spark!r}: {error}\n{said.read()[-2000:]}"
            ) from error
    try:
        yield session
    finally:
        session.stop()


@contextlib.contextmanager
def _stderr_to_file():
    """A file that descriptor 2 writes to meanwhile, and that a JVM started then keeps for its log."""
    saved = os.dup(2)
    with tempfile.TemporaryFile("w+", errors="replace") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield file
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _allow_long_lineage(context, sweeps: int) -> None:
    """Give Spark a folder to checkpoint in, where it needs one and has none."""
    if sweeps <= 2 * CHECKPOINT_EVERY or context.getCheckpointDir() is not None:
        return
    if not context.master.startswith("local"):
        raise ValueError(
            f"more than {2 * CHECKPOINT_EVERY} sweeps need a folder that the whole cluster sees: "
            '`session.sparkContext.setCheckpointDir("hdfs://…")`, and pass `spark=session`. '
            f"Received: {sweeps} sweeps with master {context.master!r}"
        )
    folder = tempfile.mkdtemp(prefix="cflib-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    context.setCheckpointDir(folder)


def _send(session, ratings: Ratings):
    """Spark's table (movie, user, value) of ratings in memory, with indices for ids."""
    return session.createDataFrame(
        pa.table({"movie": ratings.movie_index, "user": ratings.user_index, "value": ratings.value})
    )


def _read(session, path: str, **columns: str):
    """Spark's table (movie, user, value) of Parquet: nothing moves yet, but for the check."""
    from pyspark.sql import functions as F

    stored = session.read.parquet(path)
    absent = [name for name in columns.values() if name not in stored.columns]
    if absent:
        raise ValueError(
            f"{path} should have the columns {', '.join(columns.values())}. "
            f"Received: {', '.join(stored.columns)}"
        )
    table = stored.select(*(F.col(stored_as).alias(name) for name, stored_as in columns.items()))
    twice = table.groupBy("movie", "user").count().where("count > 1").head()
    if twice is not None:
        raise ValueError(
            f"{path} should have one rating of a movie by a user at most. "
            f"Received: {twice['count']} of movie {twice['movie']} by user {twice['user']}"
        )
    return table


def _scale(table, path: str, scale) -> tuple[float, float]:
    from pyspark.sql import functions as F

    low, high = map(float, table.agg(F.min("value"), F.max("value")).head())
    if scale is None:
        return low, high
    if low < scale[0] or high > scale[1]:
        raise ValueError(
            f"{path}: every rating should lie between {scale[0]:g} and {scale[1]:g}. Received: "
            f"{low:g} to {high:g}. Correct them, or declare another `scale`."
        )
    return tuple(map(float, scale))


def _axis(table, name: str, key: pa.Array | None = None) -> Axis:
    """Number and sum of the ratings of every movie or user: a row each is all that is collected.

    `key` says which to report on, and in what order; by default all that occur, by ascending id.
    """
    from pyspark.sql import functions as F

    value = F.col("value").cast("double")
    sums = table.groupBy(name).agg(
        F.count("*").alias("n"), F.count("value").alias("n_given"), F.sum(value).alias("total")
    )
    sums = sums.toArrow()
    found = sums[name].combine_chunks()
    n, n_given, total = (sums[column].to_numpy() for column in ("n", "n_given", "total"))
    if found.null_count:
        raise ValueError(f"every rating should have a {name}. Received: one without")
    bad = (n_given < n) | ~np.isfinite(total)
    if bad.any():
        raise ValueError(
            f"every rating should be a finite number. Received: one that is not, of {name} "
            f"{found[int(np.argmax(bad))]}"
        )
    if key is None:
        key = found.take(np.argsort(as_ids(found)))
    axis = Axis(as_ids(key), key, np.zeros(len(key), np.int64), np.zeros(len(key)))
    at = pd.Index(key.to_pylist()).get_indexer(found.to_pylist())
    axis.n[at], axis.total[at] = n, total
    return axis


def _numbers(n: int) -> pa.Array:
    return pa.array(np.arange(n, dtype=np.int32))


def _take_off(session, table, name: str, key: pa.Array, mean: np.ndarray):
    """The table with indices for what it calls `name`, and `mean` of each taken off its ratings."""
    from pyspark.sql import functions as F

    known = session.createDataFrame(
        pa.table({name: key, "index": _numbers(len(key)), "mean": mean.astype(np.float64)})
    )
    others = [column for column in table.columns if column not in (name, "value")]
    left = F.col("value").cast("double") - F.col("mean")
    return table.join(known, name).select(*others, F.col("index").alias(name), left.alias("value"))


def _normalised(session, table, movie_axis: Axis, user_axis: Axis, method: str, damping: float):
    """(the means, and the table of what they leave, by index): `normalize.fit`, done by Spark."""
    mean, Y_mu = normalize.of_movies(
        method, damping, movie_axis.n, movie_axis.total, len(user_axis.id)
    )
    table = _take_off(session, table, "movie", movie_axis.key, Y_mu[:, 0])
    left = _axis(table, "user", user_axis.key)
    user_mu = normalize.of_users(method, damping, left.n, left.total)
    table = _take_off(session, table, "user", user_axis.key, user_mu[0])
    return normalize.Normalization(method, damping, mean, Y_mu, user_mu), table


def _als(settings: dict):
    from pyspark.ml.recommendation import ALS

    return ALS(
        rank=settings["n_features"],
        regParam=settings["lam"],
        maxIter=settings["sweeps"],
        seed=settings["seed"],
        checkpointInterval=CHECKPOINT_EVERY,
        numUserBlocks=settings["blocks"],
        numItemBlocks=settings["blocks"],
        userCol="user",
        itemCol="movie",
        ratingCol="value",
    )


def _collect(factors, n_rows: int) -> np.ndarray:
    """Factors as one array, float32, (n_rows, n_features): zeros where MLlib has no row."""
    stored = factors.toArrow()
    values = stored["features"].combine_chunks().flatten().to_numpy().reshape(len(stored), -1)
    collected = np.zeros((n_rows, values.shape[1]), np.float32)
    collected[stored["id"].to_numpy()] = values
    return collected


def _squared_error(predicted) -> float:
    from pyspark.sql import functions as F

    error = F.col("value") - F.col("prediction")
    return predicted.agg(F.sum(error * error)).head()[0]


def _fingerprint(*axes: Axis) -> str:
    digest = hashlib.sha256()
    for axis in axes:
        digest.update("\0".join(map(str, axis.id)).encode())
        digest.update(axis.n.astype(np.int64).tobytes())
    return digest.hexdigest()
