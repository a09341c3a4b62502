"""The compiled selection gives the lists of its definition, `evaluation.n_best`."""

import types

import numpy as np
import pytest

from cflib import _selection, evaluation, fit_als
from tests.conftest import make_ratings


@pytest.mark.parametrize("n_values", [2, 7, 10_000])
@pytest.mark.parametrize("n", [1, 3, 10, 64])
def test_the_best_of_each_column_are_those_of_the_definition(n, n_values):
    """With few values nearly all scores are tied; a third of them is left out."""
    rng = np.random.default_rng(n)
    scores = rng.integers(0, n_values, (64, 21)).astype(np.float32)
    scores[rng.random(scores.shape) < 1 / 3] = -np.inf
    for found, expected in zip(
        _selection.best_of_columns(scores, n), evaluation.n_best(scores, n), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_the_definition_by_hand():
    scores = np.array([[1, 3], [2, 3], [-np.inf, 5]], np.float32)
    best, score = evaluation.n_best(scores, 3)
    assert best.tolist() == [[1, 0, -1], [2, 0, 1]]
    assert score.tolist() == [[2, 1, -np.inf], [5, 3, 3]]


def test_a_long_list_is_sorted_and_is_the_same(monkeypatch):
    ratings = make_ratings(60, 40, 600)
    model = fit_als(ratings, n_features=3)
    inserted = evaluation.top_n(model, ratings, 60)
    monkeypatch.setattr(_selection, "LONGEST", 59)
    for one, other in zip(inserted, evaluation.top_n(model, ratings, 60), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_models_own_array_is_not_written_to():
    ratings = make_ratings(60, 40, 600)
    table = np.asfortranarray(np.random.default_rng(0).random((60, 40), np.float32))
    before = table.copy()
    keeps = types.SimpleNamespace(score_users=lambda users: table[:, users[0] : users[-1] + 1])
    evaluation.top_n(keeps, ratings, 3)
    np.testing.assert_array_equal(table, before)


def test_blocks_of_scores_fit_into_the_cache_and_are_never_empty():
    for n_movies in (1, 100, 10_000, 1_000_000):
        size = _selection.block_size(n_movies)
        assert size == 16 or size * n_movies <= _selection.CACHED
        assert 16 <= size <= 1024


def test_an_error_on_a_core_is_raised_here():
    def fails(start):
        raise ZeroDivisionError(start)

    with pytest.raises(ZeroDivisionError):
        _selection.on_all_cores(fails, range(3))
