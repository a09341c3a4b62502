"""Errors by hand, intervals against a plain bootstrap, and models that must be refused."""

import dataclasses
import types

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from cflib import evaluate, metrics, train
from cflib.split import holdout

from .conftest import make_ratings


def test_rmse_and_mae_by_hand():
    # errors 1, -1, 2, 0: squares 1 + 1 + 4 + 0 = 6 over 4; absolutes 1 + 1 + 2 + 0 = 4 over 4
    actual, predicted = [3.0, 4.0, 1.0, 5.0], [4.0, 3.0, 3.0, 5.0]
    assert metrics.rmse(actual, predicted) == pytest.approx(1.5**0.5, abs=1e-15)
    assert metrics.mae(actual, predicted) == 1.0


def test_errors_are_scikit_learns():
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=(2, 500))
    assert metrics.rmse(actual, predicted) == pytest.approx(
        root_mean_squared_error(actual, predicted), rel=1e-12
    )
    assert metrics.mae(actual, predicted) == pytest.approx(
        mean_absolute_error(actual, predicted), rel=1e-12
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_prediction_that_is_not_a_number_raises_with_their_count(bad):
    with pytest.raises(ValueError, match="2 of 3 values of `predicted` are not finite"):
        metrics.rmse([1, 2, 3], [bad, 2, bad])


def test_unequal_lengths_and_nothing_at_all_are_refused():
    with pytest.raises(ValueError, match=r"one shape. Received: \(2,\) and \(3,\)"):
        metrics.rmse([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="no ratings"):
        metrics.mae([], [])


@pytest.fixture
def held_out():
    """400 ratings of 40 users, of whom some are harder than others."""
    rng = np.random.default_rng(5)
    user = rng.integers(0, 40, 400)
    actual = rng.normal(size=400)
    hard = rng.uniform(0.2, 2, 40)[user]
    return actual, actual + hard * rng.normal(size=400), user


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_the_interval_is_that_of_a_plain_bootstrap_over_users(held_out, metric):
    actual, predicted, user = held_out
    rng, draws = np.random.default_rng(1), []
    for _ in range(4000):
        rows = np.concatenate([np.flatnonzero(user == u) for u in rng.integers(0, 40, 40)])
        draws.append(metrics.METRICS[metric][0](actual[rows], predicted[rows]))
    plain = np.quantile(draws, [0.05, 0.95])
    ours = metrics.interval(actual, predicted, user, metric, level=0.9, n_draws=4000)
    # 4,000 draws leave about 2 % of the width to chance.
    np.testing.assert_allclose(ours, plain, atol=0.06 * np.ptp(plain))


def test_users_not_ratings_are_resampled(held_out):
    actual, predicted, user = held_out
    low, high = metrics.interval(actual, predicted, user)
    each_alone = metrics.interval(actual, predicted, np.arange(400))
    assert high - low > 1.15 * np.diff(each_alone)[0]


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(2), 0
    for _ in range(300):
        user = np.repeat(np.arange(60), 5)
        error = rng.normal(size=300)
        low, high = metrics.interval(np.zeros(300), error, user, level=0.9, n_draws=300)
        hits += low <= 1.0 <= high
    # 270 expected; a binomial's standard deviation is 5, and percentiles run a little narrow.
    assert 245 <= hits <= 290


def test_a_paired_interval_is_narrower_than_the_two_apart(held_out):
    actual, predicted, user = held_out
    better = actual + 0.95 * (predicted - actual)
    difference, low, high = metrics.paired_difference(actual, better, predicted, user)
    assert difference == pytest.approx(
        metrics.rmse(actual, better) - metrics.rmse(actual, predicted), rel=1e-12
    )
    assert low <= difference <= high < 0
    apart = metrics.interval(actual, predicted, user)
    assert high - low < 0.2 * (apart[1] - apart[0])


@pytest.fixture
def part():
    return holdout(make_ratings(60, 40, 900), 0.3, seed=1)


def test_evaluate_measures_means_as_a_few_lines_of_numpy_do(part):
    models = {method: train.fit_means(part.train, method) for method in ("global", "movie")}
    table = evaluate.evaluate(models, part)
    value = part.train.value.astype(np.float64)
    total = np.bincount(part.train.movie_index, value, part.train.n_movies)
    count = part.train.movie_counts
    by_hand = {
        "global": np.full(len(part.test), value.mean()),
        "movie": np.where(count, total / np.maximum(count, 1), value.mean())[part.test.movie_index],
    }
    for name, predicted in by_hand.items():
        error = np.clip(predicted, 0.5, 5) - part.test.value
        # Predictions are float32: a relative 6e-8 each.
        assert table.loc[name, "rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-7)
        assert table.loc[name, "mae"] == pytest.approx(np.mean(np.abs(error)), rel=1e-7)
        assert table.loc[name, "rmse_low"] < table.loc[name, "rmse"] < table.loc[name, "rmse_high"]


def test_the_groups_by_count_add_up_to_the_whole(part):
    model = train.fit_means(part.train)
    whole = evaluate.evaluate({"means": model}, part).loc["means", "rmse"]
    for axis in ("movie", "user"):
        groups = evaluate.by_count({"means": model}, part, axis, edges=(0, 1, 5, 15, 22))
        assert groups["n_ratings"].sum() == len(part.test)
        squares = (groups["rmse"] ** 2 * groups["n_ratings"]).sum() / len(part.test)
        assert np.sqrt(squares) == pytest.approx(whole, rel=1e-12)


def test_a_group_holds_the_ratings_whose_count_its_label_says(part):
    groups = evaluate.by_count({"m": train.fit_means(part.train)}, part, "movie", (0, 1, 5, 15))
    count = part.train.movie_counts[part.test.movie_index]
    found = dict(zip(groups["group"], groups["n_ratings"], strict=True))
    wanted = {"0": count == 0, "1–4": (count >= 1) & (count < 5),
              "5–14": (count >= 5) & (count < 15), "15+": count >= 15}  # fmt: skip
    assert found == {label: rows.sum() for label, rows in wanted.items() if rows.any()}


def test_a_model_that_saw_the_test_ratings_is_refused(part):
    whole = make_ratings(60, 40, 900)
    with pytest.raises(ValueError, match="'leaky' was trained on other ratings"):
        evaluate.evaluate({"leaky": train.fit_means(whole)}, part)


def test_a_missing_prediction_is_never_dropped(part):
    predicted = np.full(len(part.test), 3.5)
    predicted[:7] = np.nan
    gaps = types.SimpleNamespace(
        predict=lambda i, j: predicted, data_fingerprint=part.train.fingerprint
    )
    with pytest.raises(ValueError, match="'gaps' should predict all .* 7 of them not finite"):
        evaluate.evaluate({"gaps": gaps}, part)


def test_nothing_learned_changes_when_the_test_ratings_do(part):
    other = dataclasses.replace(part, test=dataclasses.replace(
        part.test, value=np.float32(5.5) - part.test.value))  # fmt: skip
    for fit in (train.fit_means, lambda r: train.fit_adam(r, n_features=2, epochs=3)):
        np.testing.assert_array_equal(
            *(fit(p.train).score_users(np.arange(40)) for p in (part, other))
        )
