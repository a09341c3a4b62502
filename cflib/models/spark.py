"""The model trained by Spark, for more ratings than one machine has the memory or the time for.

Spark MLlib's ALS minimises the cost of `fit_als` with `lam_power` 1 and without biases. Spark also
does what comes before: it turns ids into indices, and subtracts the means. The ratings stay where
Spark has them. What comes to this process has a row for each movie or user, as the model has.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from .. import normalize
from .._training import HISTORY
from ..data.reading import aligned, as_ids, movies_table
from ..model import FactorModel, row_weights
from ..ratings import Ratings
from ..settings import Settings, setting

LOCAL: dict[str, Any] = {  # settings of a session that runs on this machine alone
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "localhost",
    "spark.driver.memory": "4g",
    "spark.log.level": "ERROR",
    "spark.sql.adaptive.enabled": "false",  # on one machine, planning again takes longer
    "spark.sql.shuffle.partitions": "8",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
# Iterations between checkpoints. After about twenty without one, Spark's record of how the factors
# were computed is too deep for the stack of the thread that writes it.
CHECKPOINT_EVERY = 5


@dataclasses.dataclass(frozen=True)
class SparkSettings(Settings, solver="spark"):
    """Settings of `fit_spark`."""

    n_features: int = setting(20, "Columns of X and W.", least=1)
    lam: float = setting(0.05, "λ, the L2 weight: MLlib's `regParam`.", least=0)
    lam_power: float = setting(1.0, "p: a row with n ratings has the weight λ n^p; always 1.")
    normalization: str = setting(
        "movie_user_damped", "Which means are subtracted.", choices=normalize.METHODS
    )
    damping: float = setting(5.0, "Damping of these means, in ratings.", least=0)
    iterations: int = setting(20, "How often both sides are solved.", least=1)
    seed: int = setting(42, "Seed of MLlib's random start.", least=0)

    movie_bias: ClassVar[bool] = False  # MLlib's model has no biases

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lam_power != 1:
            raise ValueError(
                f"`lam_power` should be 1, the only power of MLlib. Received: {self.lam_power}"
            )


def fit_spark(
    ratings: Ratings | str | Path,
    settings: SparkSettings | None = None,
    *,
    spark: Any = "local[*]",
    blocks: int | None = None,
    user: str = "userId",
    item: str = "movieId",
    rating: str = "rating",
    movies: pd.DataFrame | str | Path | None = None,
    scale: tuple[float, float] | None = None,
    **changes: Any,
) -> FactorModel:
    """Minimise the cost by the alternating least squares of Spark MLlib.

        J = ½ Σ_n (x_i·w_j - r_n)² + ½ λ Σ_i n_i |x_i|² + ½ λ Σ_j n_j |w_j|²

    where rating n is of movie i by user j, r_n is what the normalisation leaves of it, and n_i
    and n_j are the numbers of ratings of the rows. MLlib's `regParam` is this λ: it adds
    n_i `regParam` to the diagonal of row i's normal equations. The biases b and c are 0.

    Parameters
    ----------
    ratings : Ratings, str or Path
        Ratings in memory, which are sent to Spark; or where Spark finds Parquet ("ratings.parquet",
        a folder, "s3a://…"). Then the ratings never come to this process.
    settings : SparkSettings or None
        None: the defaults. The same seed gives the same model as long as Spark cuts the ratings
        into the same partitions.
    spark : str or SparkSession
        A session, which is left running; or a master ("local[2]", "spark://host:7077", "yarn").
        For a master, the active session is used if there is one; otherwise a session is started,
        and stopped at the end.
    blocks : int or None
        Into how many blocks MLlib cuts the movies, and the users; None: two for each core. The
        model has the number in its `notes`.
    user, item, rating : str
        Names of the columns of the Parquet file.
    movies : DataFrame, str, Path or None
        Table of titles for Parquet, as in `data.read`.
    scale : (float, float) or None
        Lowest and highest rating of the Parquet file that are allowed; None: those that occur.
    **changes
        Fields of `SparkSettings`, such as `n_features=64`, in place of those of `settings`.

    Returns
    -------
    FactorModel
        `history` has one row: the cost at the end, and the seconds until then. The fingerprint
        of a Parquet file is made of the ids and counts of both axes.

    Raises
    ------
    ModuleNotFoundError
        Without pyspark; it says what to install.
    RuntimeError
        Without Java; it says what to install.
    ValueError
        For a setting outside its limits; for more than ten iterations on a cluster whose session
        has no checkpoint folder; and for Parquet without the columns, with ids or ratings
        missing, or with two ratings of one movie by one user.

    References
    ----------
    Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix prize";
    chapter 07.
    """
    settings = SparkSettings.chosen(settings, changes)
    about: dict[str, Any] = {}
    start = time.perf_counter()
    with _session(spark) as session:
        from pyspark.ml.recommendation import ALS

        if isinstance(ratings, Ratings):
            axes = ratings
            arrays = {"movie": ratings.movie_index, "user": ratings.user_index}
            table = session.createDataFrame(pa.table(arrays | {"value": ratings.value}))
        else:
            columns = {"movie": item, "user": user, "value": rating}
            table, axes, about = _read(session, str(ratings), columns, movies, scale)
        means, residuals, counts = _normalized(table, axes.n_movies, axes.n_users, settings)
        residuals.persist()
        _allow_checkpoints(session.sparkContext, settings.iterations)
        blocks = blocks or 2 * session.sparkContext.defaultParallelism
        trained = ALS(
            rank=settings.n_features,
            maxIter=settings.iterations,
            regParam=settings.lam,
            seed=settings.seed,
            checkpointInterval=CHECKPOINT_EVERY,
            numItemBlocks=blocks,
            numUserBlocks=blocks,
            itemCol="movie",
            userCol="user",
            ratingCol="value",
        ).fit(residuals)
        X = _collected(trained.itemFactors, axes.n_movies)
        W = _collected(trained.userFactors, axes.n_users)
        seconds = time.perf_counter() - start
        errors = trained.transform(residuals).selectExpr("sum(pow(value - prediction, 2))")
        squared_error = errors.toArrow()[0][0].as_py()
        residuals.unpersist()

    penalty = sum(
        row_weights(count, settings.lam, settings.lam_power) @ np.sum(factors**2, axis=1)
        for count, factors in zip(counts, (X, W), strict=True)
    )
    cost = 0.5 * (squared_error + float(penalty))
    return FactorModel.trained(
        axes,
        means,
        X,
        W,
        b=np.zeros((1, axes.n_users)),
        c=np.zeros((axes.n_movies, 1)),
        settings=settings,
        history=pd.DataFrame([[settings.iterations, cost, np.nan, seconds]], columns=HISTORY),
        notes={"blocks": blocks},
        **about,
    )


# A session ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _session(spark: Any) -> Iterator[Any]:
    """The session given or active, left running; or a new one, stopped at the end."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            '`fit_spark` needs pyspark: `pip install "cflib-recommender[spark]"`', name="pyspark"
        ) from None
    running = SparkSession.getActiveSession() if isinstance(spark, str) else spark
    if running is not None:
        yield running
        return
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise RuntimeError(
            "`fit_spark` needs Java 17 or later. There is no `java` on the PATH, and no JAVA_HOME. "
            "Debian and Ubuntu: `apt-get install openjdk-17-jre-headless`; "
            "conda: `conda install openjdk=17`"
        )
    local = LOCAL if spark.startswith("local") else {}
    session = SparkSession.builder.master(spark).appName("cflib").config(map=local).getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def _allow_checkpoints(context: Any, iterations: int) -> None:
    """Give Spark a folder to checkpoint in, where it needs one and has none."""
    if iterations <= 2 * CHECKPOINT_EVERY or context.getCheckpointDir() is not None:
        return
    if not context.master.startswith("local"):
        raise ValueError(
            f"more than {2 * CHECKPOINT_EVERY} iterations need a folder that the whole cluster "
            'sees: `session.sparkContext.setCheckpointDir("hdfs://…")`, and pass `spark=session`. '
            f"Received: {iterations} iterations with master {context.master!r}"
        )
    folder = tempfile.mkdtemp(prefix="cflib-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    context.setCheckpointDir(folder)


# Ratings in Spark ---------------------------------------------------------------------------
#
# A `table` is Spark's DataFrame with the columns movie, user and value. Every function below
# returns a table that Spark computes when it is needed.


def _read(
    session: Any, path: str, columns: dict[str, str], movies: Any, scale: tuple | None
) -> tuple[Any, Ratings, dict[str, Any]]:
    """(the table of a Parquet file, its axes as `Ratings` without ratings, what these lack)."""
    stored = session.read.parquet(path)
    if not set(columns.values()) <= set(stored.columns):
        raise ValueError(
            f"{path} should have the columns {', '.join(columns.values())}. "
            f"Received: {', '.join(stored.columns)}"
        )
    table = stored.selectExpr(*(f"`{column}` AS {name}" for name, column in columns.items()))
    table = table.selectExpr("movie", "user", "CAST(value AS double) AS value")
    bad = table.where(
        "movie IS NULL OR user IS NULL OR NOT coalesce(abs(value) < double('inf'), false)"
    ).head()
    if bad is not None:
        raise ValueError(
            f"{path}: every rating should have a movie, a user and a finite value. "
            f"Received: {bad.asDict()}"
        )
    twice = table.groupBy("movie", "user").count().where("count > 1").head()
    if twice is not None:
        raise ValueError(
            f"{path} should have at most one rating of a movie by a user. "
            f"Received: {twice['count']} of movie {twice['movie']} by user {twice['user']}"
        )
    low, high = table.selectExpr("min(value)", "max(value)").head()
    if low is None:
        raise ValueError(f"{path} has no ratings")
    if scale is not None and not scale[0] <= low <= high <= scale[1]:
        raise ValueError(
            f"{path}: every rating should lie between {scale[0]:g} and {scale[1]:g}. Received: "
            f"{low:g} to {high:g}. Correct them, or declare another `scale`."
        )
    movie_ids, movie_counts, table = _with_index(table, "movie")
    user_ids, user_counts, table = _with_index(table, "user")
    titles = None if movies is None else movies_table(movies, columns["movie"])
    axes = Ratings(
        movie_index=np.zeros(0, np.int32),
        user_index=np.zeros(0, np.int32),
        value=np.zeros(0, np.float32),
        timestamp=None,
        movie_ids=movie_ids,
        user_ids=user_ids,
        movies=aligned(titles, movie_ids, movie_counts, path, columns["movie"]),
        scale=scale or (low, high),
    )
    digest = hashlib.sha256()
    for ids, counts in ((movie_ids, movie_counts), (user_ids, user_counts)):
        digest.update("\0".join(map(str, ids)).encode() + counts.tobytes())
    return table, axes, {"movie_counts": movie_counts, "data_fingerprint": digest.hexdigest()}


def _with_index(table: Any, name: str) -> tuple[np.ndarray, np.ndarray, Any]:
    """(the ids of all movies or users, ascending; their counts; the table with indices for ids)."""
    counts = table.groupBy(name).count().toArrow()
    labels = counts[name].combine_chunks()
    ids = as_ids(labels)
    order = np.argsort(ids)
    index = pa.table({name: labels.take(order), "index": np.arange(len(ids), dtype=np.int32)})
    others = [column for column in table.columns if column != name]
    joined = table.join(table.sparkSession.createDataFrame(index), name)
    table = joined.selectExpr(*others, f"index AS {name}")
    return ids[order], counts["count"].to_numpy()[order], table


def _normalized(
    table: Any, n_movies: int, n_users: int, settings: SparkSettings
) -> tuple[normalize.Normalization, Any, list[np.ndarray]]:
    """`normalize.fit`, by Spark: (means, the table of residuals, counts of movies and of users)."""
    method, damping = settings.normalization, settings.damping
    movie_counts, total = _sums(table, "movie", n_movies)
    means = normalize.fit_movies(method, damping, movie_counts, total, n_users)
    table = _subtract(table, "movie", means.Y_mu[:, 0])
    user_counts, total = _sums(table, "user", n_users)
    user_mu = normalize.user_means(method, damping, user_counts, total)
    table = _subtract(table, "user", user_mu[0])
    return dataclasses.replace(means, user_mu=user_mu), table, [movie_counts, user_counts]


def _sums(table: Any, name: str, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Number and sum of the values of each movie or user: int64 and float64, (n_rows,)."""
    sums = table.groupBy(name).agg({"*": "count", "value": "sum"}).toArrow()
    index = sums[name].to_numpy()
    count, total = np.zeros(n_rows, np.int64), np.zeros(n_rows)
    count[index], total[index] = sums["count(1)"].to_numpy(), sums["sum(value)"].to_numpy()
    return count, total


def _subtract(table: Any, name: str, mean: np.ndarray) -> Any:
    """The table with `mean` of each movie, or user, subtracted from its values."""
    index = np.arange(len(mean), dtype=np.int32)
    means = pa.table({name: index, "mean": mean.astype(np.float64)})
    joined = table.join(table.sparkSession.createDataFrame(means), name)
    return joined.selectExpr("movie", "user", "value - mean AS value")


def _collected(factors: Any, n_rows: int) -> np.ndarray:
    """Factors as one array, float32, (n_rows, n_features): zeros where MLlib has no row."""
    stored = factors.toArrow()
    values = stored["features"].combine_chunks().flatten().to_numpy().reshape(len(stored), -1)
    collected = np.zeros((n_rows, values.shape[1]), np.float32)
    collected[stored["id"].to_numpy()] = values
    return collected
