"""fit_als and fold_in: exact alternating solves of the one cost."""

import dataclasses

import numba
import numpy as np
import pytest

from cflib import ALSSettings, fit_adam, fit_als, fit_means, load
from cflib.split import holdout
from tests.cflib.test_adam import cost_of
from tests.conftest import make_ratings

SETTINGS = [
    {"lam": 1.0, "lam_power": 0.0, "movie_bias": False},
    {"lam": 0.05, "lam_power": 1.0, "movie_bias": True},
    {"lam": 0.3, "lam_power": 0.5, "normalization": "movie_all_users", "movie_bias": True},
]


def half_iterations(model):
    """Costs in the order in which they were reached."""
    costs = model.history[["cost_movies", "cost"]].to_numpy().ravel()
    return costs[1:]  # before step 0 no movies were solved


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("n_features", [1, 3, 40])
def test_no_half_of_an_iteration_raises_the_cost(settings, n_features):
    ratings = make_ratings(60, 40, 900)
    costs = half_iterations(fit_als(ratings, n_features=n_features, iterations=30, **settings))
    assert len(costs) == 61
    assert (np.diff(costs) <= 1e-6 * costs[:-1]).all()
    assert costs[-1] < costs[0]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_cost_it_reports_is_the_definition(ratings, settings):
    model = fit_als(ratings, n_features=4, iterations=3, **settings)
    assert model.history["cost"].iloc[-1] == pytest.approx(cost_of(model, ratings), rel=1e-5)


def planted(n_movies=200, n_users=150, n_features=3, noise=0.1, seed=0):
    """A third of all pairs rated by a low-rank truth, and that truth for every pair."""
    rng = np.random.default_rng(seed)
    X, W = (rng.normal(0, 0.7, (n, n_features)) for n in (n_movies, n_users))
    truth = 3 + X @ W.T + rng.normal(0, 0.5, n_users)
    movie_index, user_index = np.nonzero(rng.random(truth.shape) < 0.33)
    value = truth[movie_index, user_index] + rng.normal(0, noise, len(movie_index))
    ratings = dataclasses.replace(
        make_ratings(n_movies, n_users, 1),
        movie_index=movie_index.astype(np.int32),
        user_index=user_index.astype(np.int32),
        value=value.astype(np.float32),
        timestamp=None,
        scale=(-50.0, 50.0),
    )
    return ratings, truth


def test_it_ends_at_the_cost_and_the_predictions_that_adam_run_to_convergence_ends_at():
    ratings, _ = planted(60, 50, n_features=2)
    settings = {"n_features": 2, "lam": 0.2, "lam_power": 0.5, "movie_bias": True}
    als = fit_als(ratings, iterations=200, **settings)
    adam = fit_adam(ratings, epochs=2000, learning_rate=0.02, **settings)
    pairs = ratings.movie_index, ratings.user_index
    assert als.history["cost"].iloc[-1] == pytest.approx(cost_of(adam, ratings), rel=1e-5)
    np.testing.assert_allclose(als.predict(*pairs), adam.predict(*pairs), atol=2e-3)


def test_a_planted_low_rank_truth_is_recovered_to_the_noise():
    ratings, truth = planted(noise=0.1)
    model = fit_als(
        ratings, n_features=3, lam=0.01, lam_power=0, normalization="global", iterations=30
    )
    predicted = model.score_users(np.arange(ratings.n_users))
    # 3 features and a bias from 50 to 66 ratings: a quarter of the noise is left per parameter.
    assert np.sqrt(np.mean((predicted - truth) ** 2)) < 0.5 * 0.1
    residual = model.predict(ratings.movie_index, ratings.user_index) - ratings.value
    assert 0.085 < np.std(residual) < 0.1


def test_without_noise_and_almost_without_ridge_the_truth_is_recovered():
    ratings, truth = planted(noise=0.0)
    model = fit_als(
        ratings, n_features=3, lam=1e-4, lam_power=0, normalization="global", iterations=60
    )
    np.testing.assert_allclose(model.score_users(np.arange(ratings.n_users)), truth, atol=0.01)


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_where_all_rows_are_of_one_length_the_power_only_scales_lambda(power):
    n = 12
    i, j = np.divmod(np.arange(n * n, dtype=np.int32), n)
    value = np.random.default_rng(0).integers(1, 11, n * n) / 2
    ratings = make_ratings(
        n, n, 1, movie_index=i, user_index=j, value=value.astype(np.float32), timestamp=None
    )
    scaled = fit_als(ratings, n_features=3, lam=0.2, lam_power=power, movie_bias=True)
    plain = fit_als(ratings, n_features=3, lam=0.2 * n**power, lam_power=0, movie_bias=True)
    np.testing.assert_allclose(scaled.X, plain.X, atol=1e-5)
    np.testing.assert_allclose(scaled.b, plain.b, atol=1e-5)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_each_user_bears_lambda_times_their_count_to_the_power(ratings, power):
    model = fit_als(ratings, n_features=3, lam=0.7, lam_power=power, movie_bias=False, iterations=2)
    residual = model.normalization.subtract(ratings)
    for j in range(ratings.n_users - 1):
        of_j = ratings.user_index == j
        V = np.column_stack([model.X[ratings.movie_index[of_j]], np.ones(of_j.sum())])
        ridge = 0.7 * of_j.sum() ** power * np.diag([1, 1, 1, 0])
        w = np.linalg.solve(V.T @ V + ridge, V.T @ residual[of_j])
        np.testing.assert_allclose(np.append(model.W[j], model.b[0, j]), w, atol=1e-4)


def test_a_movie_and_a_user_without_ratings_are_zeros(ratings):
    model = fit_als(ratings, n_features=3, movie_bias=True)
    assert ratings.movie_counts[-1] == ratings.user_counts[-1] == 0
    assert not model.X[-1].any() and not model.W[-1].any()
    assert model.b[0, -1] == model.c[-1, 0] == 0


@pytest.mark.parametrize(
    "ratings",
    [
        make_ratings(n_ratings=1),
        make_ratings(n_ratings=2),
        make_ratings(value=np.full(250, 3.5)),
        make_ratings(2, 2, 1),
    ],
    ids=["one rating", "two ratings", "all equal", "one movie and one user rated"],
)
@pytest.mark.parametrize("n_features", [1, 3, 200])
@pytest.mark.parametrize(
    "settings", [*SETTINGS, {"lam": 0.0, "movie_bias": False}, {"lam": 1e-9, "movie_bias": True}]
)
def test_there_is_a_finite_answer_however_little_is_known(ratings, n_features, settings):
    model = fit_als(ratings, n_features=n_features, iterations=4, **settings)  # checks its arrays
    costs = half_iterations(model)
    assert np.isfinite(costs).all() and (np.diff(costs) <= 1e-6 * (1 + costs[:-1])).all()
    error = model.predict(ratings.movie_index, ratings.user_index) - ratings.value
    assert len(ratings) > 2 or np.abs(error).max() < 0.01 or settings.lam > 0.01


def test_ratings_that_are_all_equal_are_predicted_everywhere():
    ratings = make_ratings(value=np.full(250, 3.5))
    model = fit_als(ratings, n_features=5, movie_bias=True)
    np.testing.assert_allclose(model.score_users(np.arange(ratings.n_users)), 3.5, atol=1e-4)


@pytest.mark.parametrize("normalization", ["movie_user_damped", "movie_all_users"])
def test_fold_in_of_the_trained_users_reproduces_their_rows_to_the_last_bit(normalization):
    ratings = make_ratings(60, 40, 900)
    model = fit_als(
        ratings,
        n_features=20,
        lam=0.3,
        lam_power=0.5,
        movie_bias=True,
        iterations=3,
        normalization=normalization,
    )
    again = model.fold_in(ratings, bias="free")
    np.testing.assert_array_equal(again.W, model.W)
    np.testing.assert_array_equal(again.b, model.b)
    np.testing.assert_array_equal(again.normalization.user_mu, model.normalization.user_mu)
    assert again.X is model.X


def test_fold_in_of_one_user_under_another_id_predicts_what_training_did(ratings):
    model = fit_als(ratings, n_features=3, lam=0.5)
    one = ratings.take(ratings.user_index == 4)
    one = dataclasses.replace(
        one, user_index=np.zeros(len(one), np.int32), user_ids=np.array([9999])
    )
    folded = model.fold_in(one, bias="free")
    assert folded.user_ids.tolist() == [9999]
    np.testing.assert_array_equal(folded.score_user(0), model.score_user(4))


def test_fold_in_to_the_means_gives_the_users_mean_and_no_more(ratings):
    means = fit_means(ratings)
    np.testing.assert_array_equal(
        means.fold_in(ratings, bias="free").score_user(3), means.score_user(3)
    )


def test_fold_in_of_ratings_on_other_movies_is_refused(ratings):
    model = fit_als(ratings, n_features=2, iterations=1)
    with pytest.raises(ValueError, match="`ratings` should be on the model's 30 movies. Received"):
        model.fold_in(make_ratings(31), bias="free")


def test_the_same_seed_gives_the_same_model_on_any_number_of_threads(ratings, monkeypatch):
    models = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        models.append(fit_als(ratings, n_features=5, movie_bias=True))
    for name in ("X", "W", "b", "c"):
        for model in models[1:]:
            np.testing.assert_array_equal(getattr(model, name), getattr(models[0], name))
    assert models[0].history["cost"].tolist() == models[1].history["cost"].tolist()
    other = fit_als(ratings, n_features=5, movie_bias=True, seed=1)
    assert not np.allclose(other.X, models[0].X)


def test_early_stopping_returns_the_model_that_was_best_on_validation():
    ratings = make_ratings(60, 40, 900)
    part = holdout(ratings, 0.3, seed=1)
    model = fit_als(
        part.train, n_features=10, lam=0.05, iterations=200, validation=part.test, patience=4
    )
    rmse = model.history["validation_rmse"]
    error = model.predict(part.test.movie_index, part.test.user_index) - part.test.value
    assert np.sqrt(np.mean(error**2)) == pytest.approx(rmse.min(), rel=1e-6)
    assert len(rmse) < 200 and len(rmse) - 1 - rmse.argmin() == 4
    assert model.history["seconds"].is_monotonic_increasing


def test_validation_changes_nothing_but_the_history(ratings):
    part = holdout(ratings, 0.3, seed=1)
    blind = fit_als(part.train, n_features=3, lam=20, iterations=3)
    watched = fit_als(part.train, n_features=3, lam=20, iterations=3, validation=part.test)
    assert watched.history["cost"].tolist() == blind.history["cost"].tolist()
    assert blind.history["validation_rmse"].isna().all()
    assert watched.history["validation_rmse"].notna().all()


def test_it_is_silent_unless_progress_is_asked_for(ratings, capfd):
    fit_als(ratings, n_features=2, iterations=2)
    assert capfd.readouterr() == ("", "")
    fit_als(ratings, n_features=2, iterations=2, progress=True)
    assert "ALS" in capfd.readouterr().err


def test_a_saved_model_comes_back_with_both_costs(ratings, tmp_path):
    model = fit_als(ratings, n_features=2, iterations=2)
    model.save(tmp_path / "model.npz")
    again = type(model).load(tmp_path / "model.npz")
    assert again.settings == model.settings and again.settings.solver == "als"
    assert again.history["cost_movies"].iloc[1:].tolist() == half_iterations(model)[1::2].tolist()


def test_bad_arguments_are_refused_by_name(ratings):
    for arguments, message in [
        ({"n_features": 0}, "`n_features` should be a positive integer. Received: 0"),
        ({"iterations": 0}, "`iterations` should be a positive integer. Received: 0"),
        ({"lam": -1}, "`lam` should be 0 or more. Received: -1"),
        ({"patience": 3}, "`patience` needs `validation`"),
        ({"validation": make_ratings(31)}, "`validation` should be on the axes"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_als(ratings, **arguments)


@pytest.mark.parametrize("n_features", [16, 64])
def test_from_no_ridge_to_a_huge_one_the_cost_never_rises_unsaid(n_features):
    """On real ratings: it falls, or training stops and says what to change."""
    part = holdout(load("movielens_2016"), 0.2, seed=1)
    stopped = {}
    for lam in (0, 1e-9, 1e-6, 1e-4, 1e-2, 1, 100, 1e6):
        settings = ALSSettings(n_features=n_features, lam=lam, lam_power=0, iterations=6)
        try:
            costs = half_iterations(fit_als(part.train, settings))
        except FloatingPointError as error:
            stopped[lam] = str(error)
        else:
            assert (np.diff(costs) <= 2e-3 * costs[:-1]).all()
    assert all(lam < 1e-2 for lam in stopped)
    for lam, message in stopped.items():
        assert f"`lam` = {lam:g} is too small for single precision. Raise `lam`" in message
