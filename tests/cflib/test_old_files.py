"""Models saved by version 0.1 are read, and say what they said then."""

import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cflib import fit_bayes, load_model
from cflib.models import ConvergenceWarning
from tests.conftest import make_ratings

FILES = Path(__file__).parent / "files"
SCORES = json.loads((FILES / "scores_0.1.json").read_text())


@pytest.mark.parametrize("name", SCORES)
def test_a_file_of_version_0_1_scores_as_it_did(name):
    path = FILES / f"{name}_0.1.npz"
    model = load_model(path)
    np.testing.assert_allclose(model.score_user(3), SCORES[name], atol=1e-5)
    ratings = model.load_ratings(path)
    assert ratings.fingerprint == model.data_fingerprint
    assert model.fold_in(ratings).n_users == model.n_users


def test_what_stood_among_the_settings_is_found():
    assert load_model(FILES / "als_0.1.npz").settings.iterations == 4
    implicit = load_model(FILES / "implicit_0.1.npz")
    assert implicit.settings.iterations == 2 and "n_unknown_users" in implicit.notes
    columns = load_model(FILES / "own_0.1.npz").notes["columns"]
    assert columns == {"user": "reader", "item": "isbn", "rating": "stars", "timestamp": None}


def test_a_bayesian_file_without_usual_habits_is_folded_in(tmp_path):
    ratings = make_ratings(30, 20, 300, seed=1)
    few = {"n_features": 2, "iterations": 8, "burn_in": 4, "n_samples": 2, "progress": False}
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        whole = fit_bayes(ratings, **few).save(tmp_path / "whole.npz")
    with zipfile.ZipFile(whole) as new, zipfile.ZipFile(tmp_path / "old.npz", "w") as old:
        for name in new.namelist():
            if name != "usual_habits.npy":
                old.writestr(name, new.read(name))
    habits = load_model(tmp_path / "old.npz").fold_in(ratings).habits
    assert habits.shape == load_model(whole).habits.shape and np.isfinite(habits).all()
