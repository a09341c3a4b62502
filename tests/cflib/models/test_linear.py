"""fit_ease against its closed form, and its lists against the definition's."""

import numpy as np
import pytest

from cflib import evaluation, people
from cflib.models import fit_ease
from cflib.models.linear import item_weights
from tests.conftest import make_ratings


@pytest.fixture
def ratings():
    return make_ratings(60, 40, 900)


def likes_of(ratings, threshold):
    L = np.zeros((ratings.n_users, ratings.n_movies))
    mine = ratings.value >= threshold
    L[ratings.user_index[mine], ratings.movie_index[mine]] = 1
    return L


def test_the_definition_is_the_minimum_without_its_own_diagonal(ratings):
    L, lam = likes_of(ratings, 3.5), 5.0
    B = item_weights(L, lam)
    assert not np.diag(B).any()
    gradient = L.T @ (L @ B - L) + lam * B
    off_diagonal = ~np.eye(len(B), dtype=bool)
    np.testing.assert_allclose(gradient[off_diagonal], 0, atol=1e-10)
    held_back = np.abs(np.diag(gradient))[L.any(axis=0)]  # by the constraint
    assert held_back.min() > 0.1


@pytest.mark.parametrize("lam", [0.5, 5.0, 200.0])
def test_scores_of_what_is_not_liked_are_the_definitions(ratings, lam):
    L = likes_of(ratings, 3.5)
    model = fit_ease(ratings, lam=lam, threshold=3.5)
    scores = model.score_users(np.arange(ratings.n_users)).T
    known = L.any(axis=1)
    unliked = (L == 0) & known[:, None]
    np.testing.assert_allclose(scores[unliked], (L @ item_weights(L, lam))[unliked], atol=2e-5)


def test_lists_are_those_of_the_definition(ratings):
    L = likes_of(ratings, 3.5)
    model = fit_ease(ratings, lam=5.0, threshold=3.5)
    lists, _ = evaluation.top_n(model, ratings, 5)
    scores = L @ item_weights(L, 5.0)
    scores[ratings.user_index, ratings.movie_index] = -np.inf
    for user in np.flatnonzero(L.any(axis=1)):
        best = scores[user, lists[user]]
        np.testing.assert_allclose(best, np.sort(scores[user])[::-1][:5], atol=2e-5)


def test_a_reason_is_what_the_movie_would_add_alone(ratings):
    model = fit_ease(ratings, lam=5.0, threshold=3.5)
    table = people.explain(model, {10: 5, 13: 4, 40: 1}, 22).set_index("movieId")
    for movie_id in (10, 13):
        alone = people.fold_in(model, {movie_id: 5}).scores()[ratings.movie_index_of(22)]
        assert table["contribution"][movie_id] == pytest.approx(alone, abs=1e-7)
    assert table["contribution"][40] == 0  # one star is no like


def test_too_many_users_and_a_threshold_that_nothing_reaches_are_refused(ratings, monkeypatch):
    with pytest.raises(ValueError, match="no rating is at or above the `threshold` of 6"):
        fit_ease(ratings, threshold=6.0)
    monkeypatch.setattr("cflib.models.linear.EASE_LIMIT", 10)
    with pytest.raises(ValueError, match="at most 10 users .* Received: 40 users"):
        fit_ease(ratings)
