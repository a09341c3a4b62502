"""fit_means and fit_adam: the cost goes where it must, and the same seed gives the same model."""

import numpy as np
import pytest

from cflib import fit_adam, fit_means, normalize
from cflib.model import cost_observed, row_weights
from cflib.split import holdout
from tests.conftest import make_ratings


def cost_of(model, ratings):
    settings = model.settings
    return float(
        cost_observed(
            model.X,
            model.W,
            model.b,
            model.c,
            ratings.movie_index,
            ratings.user_index,
            model.normalization.subtract(ratings),
            row_weights(ratings.movie_counts, settings.lam, settings.lam_power),
            row_weights(ratings.user_counts, settings.lam, settings.lam_power),
        )
    )


@pytest.mark.parametrize("method", normalize.METHODS)
def test_a_model_of_means_predicts_its_normalisation(ratings, method):
    model = fit_means(ratings, method)
    i, j = np.arange(ratings.n_movies), np.arange(ratings.n_movies) % ratings.n_users
    means = normalize.fit(ratings, method)
    np.testing.assert_array_equal(model.predict(i, j, clip=False), means.baseline(i, j))
    np.testing.assert_allclose(model.score_new_user(), means.new_user())


def test_adam_lowers_the_cost_and_reports_the_cost_it_has(ratings):
    arguments = {
        "n_features": 3,
        "lam": 0.5,
        "lam_power": 0.5,
        "movie_bias": True,
        "epochs": 40,
        "learning_rate": 0.1,
    }
    model = fit_adam(ratings, **arguments)
    longer = fit_adam(ratings, **arguments | {"epochs": 41})
    cost = model.history["cost"]
    assert cost.iloc[-1] < 0.6 * cost.iloc[0]
    # A row of the history is the cost before its step, so the next row is this model's.
    assert cost_of(model, ratings) == pytest.approx(longer.history["cost"].iloc[40], rel=1e-4)


def test_adam_run_long_stands_where_the_gradient_vanishes(ratings):
    model = fit_adam(ratings, n_features=2, lam=1.0, lam_power=0.0, movie_bias=False, epochs=1500)
    error = model.predict(ratings.movie_index, ratings.user_index, clip=False) - ratings.value
    gradient = np.zeros_like(model.X)
    np.add.at(gradient, ratings.movie_index, error[:, None] * model.W[ratings.user_index])
    gradient += model.X
    assert np.abs(gradient).max() < 1e-3 * np.abs(model.X).max()


def test_the_same_seed_gives_the_same_model_and_another_seed_another(ratings):
    one, same, other = (fit_adam(ratings, n_features=3, epochs=5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.X, same.X)
    np.testing.assert_array_equal(one.b, same.b)
    assert not np.allclose(one.X, other.X)


def test_without_a_movie_bias_there_is_none_and_with_it_there_is(ratings):
    assert not fit_adam(ratings, n_features=2, epochs=3, movie_bias=False).c.any()
    assert fit_adam(ratings, n_features=2, epochs=3, movie_bias=True).c.any()


def test_early_stopping_returns_the_model_that_was_best_on_validation():
    ratings = make_ratings(60, 40, 900)
    part = holdout(ratings, 0.3, seed=1)
    model = fit_adam(
        part.train, n_features=10, lam=0.01, epochs=300, validation=part.test, patience=10
    )
    rmse = model.history["validation_rmse"]
    error = model.predict(part.test.movie_index, part.test.user_index) - part.test.value
    assert np.sqrt(np.mean(error**2)) == pytest.approx(rmse.min(), rel=1e-6)
    assert len(rmse) < 300 and len(rmse) - 1 - rmse.argmin() == 10


def test_bad_arguments_are_refused_by_name(ratings):
    for arguments, message in [
        ({"n_features": 0}, "`n_features` should be a positive integer. Received: 0"),
        ({"epochs": 0}, "`epochs` should be a positive integer. Received: 0"),
        ({"lam": -1}, "`lam` should be 0 or more. Received: -1"),
        ({"patience": 3}, "`patience` needs `validation`"),
        ({"validation": make_ratings(31)}, "`validation` should be on the axes"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_adam(ratings, **arguments)


def test_a_learning_rate_that_diverges_is_reported(ratings):
    with pytest.raises(FloatingPointError, match="lower `learning_rate` than 1"):
        fit_adam(ratings, n_features=3, learning_rate=1e15, epochs=30)
