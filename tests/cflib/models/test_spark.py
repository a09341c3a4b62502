"""Training by Spark on two local cores: beside `fit_als`, and what it refuses."""

import importlib.util
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cflib import data, fit_als, fit_means, fit_spark, load_model, metrics, normalize
from cflib.model import cost_observed, row_weights
from cflib.models import spark
from cflib.split import holdout
from tests.conftest import make_ratings

MISSING = [
    what
    for what, is_there in {
        "pyspark": importlib.util.find_spec("pyspark"),
        "Java 17": shutil.which("java") or os.environ.get("JAVA_HOME"),
    }.items()
    if not is_there
]
needs_spark = pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}")

SETTINGS = spark.SparkSettings(n_features=3, lam=0.02, iterations=6, normalization="global")


@pytest.fixture(scope="module")
def session():
    with spark._session("local[2]") as session:
        yield session


@pytest.fixture(scope="module")
def parts():
    """Half stars from a low-rank truth without biases, which MLlib's model has not; split."""
    rng = np.random.default_rng(0)
    X, W = (rng.normal(0, 0.7, (n, 3)) for n in (120, 90))
    i, j = np.nonzero(rng.random((120, 90)) < 0.4)
    value = 3 + np.einsum("nk,nk->n", X[i], W[j]) + rng.normal(0, 0.3, len(i))
    arrays = {
        "movie_index": i.astype(np.int32),
        "user_index": j.astype(np.int32),
        "value": np.clip(np.round(2 * value) / 2, 0.5, 5).astype(np.float32),
    }
    return holdout(make_ratings(120, 90, 1, timestamp=None, **arrays))


@pytest.fixture(scope="module")
def model(session, parts):
    return fit_spark(parts.train, SETTINGS, spark=session)


def held_out_rmse(model, test):
    return metrics.rmse(test.value, model.predict(test.movie_index, test.user_index))


@needs_spark
def test_it_predicts_held_out_ratings_as_als_on_one_machine_does(session):
    parts = holdout(data.load("movielens_2016"))
    settings = {"n_features": 8, "lam": 0.15, "lam_power": 1.0, "iterations": 6}
    theirs = held_out_rmse(fit_spark(parts.train, spark=session, **settings), parts.test)
    ours = held_out_rmse(fit_als(parts.train, **settings), parts.test)
    assert theirs == pytest.approx(ours, abs=0.006)
    assert theirs < held_out_rmse(fit_means(parts.train), parts.test)


@needs_spark
def test_its_means_are_those_of_normalize(session, parts):
    for method in ("movie_all_users", "movie_user_damped"):
        few = {"n_features": 1, "iterations": 1, "normalization": method}
        means = fit_spark(parts.train, SETTINGS, spark=session, **few).normalization
        expected = normalize.fit(parts.train, method)
        np.testing.assert_allclose(means.Y_mu, expected.Y_mu, atol=1e-6)
        np.testing.assert_allclose(means.user_mu, expected.user_mu, atol=1e-6)


@needs_spark
def test_the_cost_it_reports_is_the_definition(model, parts):
    train = parts.train
    arrays = model.X, model.W, model.b, model.c, train.movie_index, train.user_index
    lam = [row_weights(counts, 0.02, 1) for counts in (train.movie_counts, train.user_counts)]
    cost = cost_observed(*arrays, model.normalization.subtract(train), *lam)
    assert model.history["cost"].item() == pytest.approx(float(cost), rel=1e-5)


@needs_spark
def test_its_users_solve_the_normal_equations_with_lambda_times_their_count(model, parts):
    train, residual = parts.train, model.normalization.subtract(parts.train)
    for j in (0, 17, 60):
        of_user = train.user_index == j
        A = model.X[train.movie_index[of_user]].astype(float)
        left = A.T @ A + 0.02 * len(A) * np.eye(A.shape[1])
        np.testing.assert_allclose(
            model.W[j], np.linalg.solve(left, A.T @ residual[of_user]), atol=1e-4
        )


@needs_spark
def test_a_movie_and_a_user_without_ratings_are_zeros(session):
    ratings = make_ratings()
    model = fit_spark(ratings, SETTINGS, spark=session, iterations=1)
    assert not model.X[-1].any() and not model.W[-1].any()
    np.testing.assert_array_equal(model.movie_ids, ratings.movie_ids)
    assert model.data_fingerprint == ratings.fingerprint


@needs_spark
def test_from_parquet_it_is_the_model_of_the_same_ratings_in_memory(
    session, model, parts, tmp_path
):
    path = tmp_path / "ratings.parquet"
    names = {"userId": "who", "movieId": "what", "rating": "stars"}
    frame = parts.train.frame().rename(columns=names).astype({"who": str})
    frame["who"] = "u" + frame["who"]
    frame.to_parquet(path)
    titles = parts.train.movies.rename(columns={"movieId": "what"})
    columns = {"user": "who", "item": "what", "rating": "stars"}
    read = fit_spark(path, SETTINGS, spark=session, movies=titles, **columns)
    pd.testing.assert_frame_equal(
        read.movies.set_index("movieId"),
        parts.train.movies.set_index("movieId").loc[read.movie_ids],
        check_dtype=False,
    )
    user_ids = [f"u{i}" for i in parts.train.user_ids]
    assert list(read.user_ids) == sorted(set(user_ids) & set(read.user_ids))
    i = np.searchsorted(read.movie_ids, parts.test.movie_ids[parts.test.movie_index])
    j = np.searchsorted(read.user_ids, np.array(user_ids)[parts.test.user_index])
    predicted = model.predict(parts.test.movie_index, parts.test.user_index)
    np.testing.assert_allclose(read.predict(i, j), predicted, atol=0.2)
    assert read.history["cost"].item() == pytest.approx(model.history["cost"].item(), rel=0.01)
    assert read.scale == (0.5, 5.0)


@needs_spark
def test_its_model_is_saved_and_folded_into_like_any_other(model, parts, tmp_path):
    again = load_model(model.save(tmp_path / "model.npz"))
    np.testing.assert_array_equal(again.W, model.W)
    assert again.settings == SETTINGS and again.notes == model.notes
    assert again.notes["blocks"] > 0
    folded = again.fold_in(parts.train, bias="none")  # MLlib's users have no bias
    np.testing.assert_allclose(folded.W, model.W, atol=2e-3)


@needs_spark
@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"userId": [1, 1], "movieId": [5, 5], "rating": [3.0, 4.0]}, "2 of movie 5 by user 1"),
        ({"userId": [1, 2], "movieId": [5, 6], "rating": [3.0, np.nan]}, "finite .*'movie': 6"),
        ({"userId": [1, 2], "movieId": [5, 6], "rating": [3.0, np.inf]}, "finite .*'movie': 6"),
        ({"userId": [1, None], "movieId": [5, 6], "rating": [3.0, 4.0]}, "a user .*'user': None"),
        ({"user": [1], "movieId": [5], "rating": [3.0]}, "Received: user, movieId, rating"),
        ({"userId": [1, 2], "movieId": [5, 6], "rating": [3.0, 11.0]}, "Received: 3 to 11"),
    ],
)
def test_parquet_that_is_no_ratings_set_is_refused(session, tmp_path, frame, message):
    path = tmp_path / "ratings.parquet"
    pd.DataFrame(frame).to_parquet(path)
    with pytest.raises(ValueError, match=message):
        fit_spark(path, SETTINGS, spark=session, scale=(0.5, 5.0))


@needs_spark
def test_more_iterations_than_its_stack_has_room_for_are_checkpointed(session, parts):
    model = fit_spark(parts.train, SETTINGS, spark=session, iterations=40, n_features=1)
    assert model.history["step"].item() == 40


@needs_spark
def test_a_session_that_it_starts_is_stopped_and_prints_no_log_of_its_work():
    code = (
        "from cflib import fit_spark\nfrom tests.conftest import make_ratings\n"
        "from pyspark.sql import SparkSession\n"
        "fit_spark(make_ratings(), n_features=2, iterations=1, spark='local[2]')\n"
        "assert SparkSession.getActiveSession() is None"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "" and "INFO" not in run.stderr and "Stage" not in run.stderr


def test_without_pyspark_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"cflib-recommender\[spark\]\""):
        fit_spark(make_ratings())


def test_without_java_it_says_what_to_install(monkeypatch):
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)
    with pytest.raises(RuntimeError, match="Java 17"):
        fit_spark(make_ratings())


def test_another_power_of_lambda_than_mllib_knows_is_refused():
    with pytest.raises(ValueError, match=r"`lam_power` should be 1.*Received: 0"):
        fit_spark(make_ratings(), lam_power=0.0)
