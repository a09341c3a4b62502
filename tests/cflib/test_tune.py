"""Tuning: λ follows the scale of the ratings, and the error is measured on untouched ratings."""

import numpy as np
import pandas as pd
import pytest

from cflib import load_model, split, tune
from cflib.als import ALSSettings
from cflib.people import columns_of
from tests.bookshop import COLUMNS, books, read


@pytest.fixture(scope="module")
def ratings():
    return read(books(200, 90, 6_000))


@pytest.fixture(scope="module")
def tuned(ratings):
    return tune.fit(ratings, COLUMNS)


def test_lam_is_twice_as_large_on_a_scale_twice_as_wide(ratings):
    frame = books(200, 90, 6_000)
    doubled = read(frame.assign(stars=2 * frame["stars"]))
    once, twice = tune.choose_lam(ratings)["rmse"], tune.choose_lam(doubled)["rmse"]
    np.testing.assert_allclose(twice.index, 2 * once.index, rtol=1e-6)
    np.testing.assert_allclose(twice, 2 * once, rtol=0.01)
    assert twice.idxmin() == pytest.approx(2 * once.idxmin())


def test_the_ratings_that_measure_the_error_are_not_used_to_choose_lam(ratings, tuned):
    part = split.holdout(ratings, tune.TEST_FRACTION, 0)
    pd.testing.assert_frame_equal(tuned.choice, tune.choose_lam(part.train))
    assert tuned.n_tested == len(part.test)


def test_the_model_has_the_lam_with_the_smallest_error_and_is_trained_on_all(ratings, tuned):
    lam = float(tuned.choice["rmse"].idxmin())
    assert tuned.model.settings == ALSSettings(n_features=16, lam=lam, seed=0)
    assert tuned.model.data_fingerprint == ratings.fingerprint


def test_the_model_remembers_the_columns_of_its_file(tuned, tmp_path):
    assert columns_of(tuned.model) == COLUMNS
    assert columns_of(load_model(tuned.model.save(tmp_path / "model.npz"))) == COLUMNS


def test_the_report_states_the_choice_and_both_errors(tuned):
    text = tune.report(tuned)
    choice, errors = tuned.choice["rmse"], tuned.errors["rmse"]
    assert text.startswith(f"λ = {choice.idxmin():.3g}, of 7 values from ")
    assert f"({choice.min():.4g})" in text and "1,200 ratings held out" in text
    for name in (tune.MEANS, tune.FACTORS):
        assert f"{name:15}{errors[name]:.4g}" in text
    assert "does not beat" not in text


def test_the_report_says_where_the_factorisation_is_no_better_than_the_means(tuned):
    worse = tuned.errors.assign(rmse=[1.0, 1.1])
    assert worse.index.tolist() == [tune.MEANS, tune.FACTORS]
    assert "does not beat" in tune.report(tune.Tuned(tuned.model, tuned.choice, worse, 9))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "ann"}, r"one reader, ann, .*`people\.recommend_person`"),
        ({"isbn": "b"}, "of one isbn, b"),
        ({"stars": 5}, "every rating is 5.* Is 'stars' the right column"),
    ],
)
def test_ratings_without_anything_to_learn_are_refused(change, message):
    frame = books(40, 40, 60).assign(**change).drop_duplicates(["reader", "isbn"])
    with pytest.raises(ValueError, match=message):
        tune.fit(read(frame), COLUMNS)


def test_too_few_ratings_are_refused():
    with pytest.raises(ValueError, match="at least 20 ratings.* Received: 19"):
        tune.fit(read(books(40, 40, 19)), COLUMNS)
