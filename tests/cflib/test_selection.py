"""The compiled selection gives the lists of its definition, `n_best`."""

import types

import numpy as np
import pandas as pd
import pytest

from cflib import fit_als, fit_means, rank, selection
from cflib.split import holdout, latest
from tests.cflib.test_evaluation import scorer
from tests.conftest import make_ratings


@pytest.fixture(scope="module")
def part():
    return holdout(make_ratings(60, 40, 900), 0.3, seed=1)


@pytest.mark.parametrize("n_values", [2, 7, 10_000])
@pytest.mark.parametrize("n", [1, 3, 10, 64])
def test_the_best_of_each_column_are_those_of_the_definition(n, n_values):
    """With few values nearly all scores are tied; a third of them is left out."""
    rng = np.random.default_rng(n)
    scores = rng.integers(0, n_values, (64, 21)).astype(np.float32)
    scores[rng.random(scores.shape) < 1 / 3] = -np.inf
    for found, expected in zip(
        selection.best_of_columns(scores, n), selection.n_best(scores, n), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_the_definition_by_hand():
    scores = np.array([[1, 3], [2, 3], [-np.inf, 5]], np.float32)
    best, score = selection.n_best(scores, 3)
    assert best.tolist() == [[1, 0, -1], [2, 0, 1]]
    assert score.tolist() == [[2, 1, -np.inf], [5, 3, 3]]


def test_a_long_list_is_sorted_and_is_the_same(monkeypatch):
    ratings = make_ratings(60, 40, 600)
    model = fit_als(ratings, n_features=3)
    inserted = selection.top_n(model, ratings, 60)
    monkeypatch.setattr(selection, "LONGEST", 59)
    for one, other in zip(inserted, selection.top_n(model, ratings, 60), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_models_own_array_is_not_written_to():
    ratings = make_ratings(60, 40, 600)
    table = np.asfortranarray(np.random.default_rng(0).random((60, 40), np.float32))
    before = table.copy()
    keeps = types.SimpleNamespace(score_users=lambda users: table[:, users[0] : users[-1] + 1])
    selection.top_n(keeps, ratings, 3)
    np.testing.assert_array_equal(table, before)


def test_blocks_of_scores_fit_into_the_cache_and_are_never_empty():
    for n_movies in (1, 100, 10_000, 1_000_000):
        size = selection.block_size(n_movies)
        assert size == 16 or size * n_movies <= selection.CACHED
        assert 16 <= size <= 1024


def test_an_error_on_a_core_is_raised_here():
    def fails(start):
        raise ZeroDivisionError(start)

    with pytest.raises(ZeroDivisionError):
        selection.on_all_cores(fails, range(3))


def test_a_list_has_at_least_one_place(part):
    with pytest.raises(ValueError, match="`n` should be a positive integer"):
        selection.top_n(fit_means(part.train), part.train, 0)


# Sampled metrics ----------------------------------------------------------------------------


def test_among_all_others_the_lists_are_those_among_all_movies(part):
    model = fit_als(part.train, n_features=2, iterations=2)
    sampled = selection.among_sampled(model, part, n=part.train.n_movies)
    pd.testing.assert_frame_equal(rank({"": model}, part), rank({"": sampled}, part))


def test_who_guesses_hits_k_times_in_n_plus_one():
    rng = np.random.default_rng(0)
    part = latest(make_ratings(150, 1500, 15_000), n=1)
    scores = rng.random((150, 1500), np.float32)
    guess = scorer(part.train, lambda users: scores[:, users])
    table = rank({"": selection.among_sampled(guess, part, n=99)}, part, threshold=0.5).iloc[0]
    assert table["n_users"] > 1400
    assert table["hit_rate_low"] < 10 / 100 < table["hit_rate_high"]
    assert table["ndcg_low"] < (1 / np.log2(np.arange(2, 12))).sum() / 100 < table["ndcg_high"]


def test_the_movies_drawn_are_rated_by_nobody_asked_and_the_same_whatever_the_block(part):
    model = fit_means(part.train)
    sampled = selection.among_sampled(model, part, n=7, seed=3)
    users = np.arange(part.train.n_users)
    scores = sampled.score_users(users)
    np.testing.assert_array_equal(scores[:, 5:9], sampled.score_users(users[5:9]))
    kept = scores > np.finfo(np.float32).min
    np.testing.assert_array_equal(scores[kept], model.score_users(users)[kept])
    _, trained = part.train.dense()
    _, tested = part.test.dense()
    assert not kept[trained == 1].any() and kept[tested == 1].all()
    n_others = part.train.n_movies - (trained + tested).sum(axis=0)
    np.testing.assert_array_equal(kept.sum(axis=0) - tested.sum(axis=0), np.minimum(7, n_others))
    other = selection.among_sampled(model, part, n=7, seed=4).score_users(users)
    assert ((other > np.finfo(np.float32).min) != kept).any()
