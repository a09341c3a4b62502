"""Models saved by version 0.1 are read, and say what they said then."""

import json
from pathlib import Path

import numpy as np
import pytest

from cflib import load_model

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
