"""The blend: the sum that its formula says, and popularity alone for whoever liked nothing."""

import numpy as np
import pytest

from cflib import fit_blend, fit_implicit, fit_popularity, people
from cflib.updating import update
from tests.conftest import make_ratings

FEW = {"n_features": 4, "iterations": 4, "lam": 1.0}


@pytest.fixture(scope="module")
def ratings():
    return make_ratings(60, 40, 1200, seed=5)


@pytest.fixture(scope="module")
def model(ratings):
    return fit_blend(ratings, **FEW)


def test_the_score_is_the_sum_of_the_standardised_parts(ratings, model):
    settings, users = model.settings, np.arange(ratings.n_users)
    first = fit_implicit(ratings, settings.implicit).score_users(users)
    n = np.bincount(ratings.user_index[ratings.value >= 4], minlength=ratings.n_users)
    counts = ratings.movie_counts
    z = (counts - counts.mean()) / max(counts.std(), 2 * counts.mean())
    taste = n / (n + settings.known_after) * first / first.std(axis=0)
    expected = taste + settings.popular * z[:, None]
    np.testing.assert_allclose(model.score_users(users), expected, atol=1e-4)


def test_somebody_who_liked_nothing_gets_the_most_popular_movies(ratings, model):
    first, second = model.movie_ids[[3, 5]].tolist()
    person = people.fold_in(model, {first: 1.0, second: 2.0})
    popular = fit_popularity(ratings).score_new_user()
    np.testing.assert_array_equal(
        np.argsort(-person.scores(), kind="stable"), np.argsort(-popular, kind="stable")
    )


def test_the_more_a_user_liked_the_more_their_own_part_counts(ratings, model):
    ids = model.movie_ids.tolist()
    spread = [people.fold_in(model, dict.fromkeys(ids[:n], 5.0)).scores() for n in (1, 5, 20)]
    own = [(scores - model.c[:, 0]).std() for scores in spread]
    n0 = model.settings.known_after
    np.testing.assert_allclose(own, [n / (n + n0) for n in (1, 5, 20)], rtol=1e-4)


def test_where_all_are_about_equally_popular_one_like_decides():
    ratings = make_ratings(60, 40, 1200, seed=5)
    model = fit_blend(ratings, **FEW)
    movies = ratings.movie_counts
    assert movies.std() < movies.mean() / 2
    liked = int(np.argmax(np.linalg.norm(model.X, axis=1)))
    scores = people.fold_in(model, {model.movie_ids[liked].item(): 5.0}).scores()
    own = scores - model.c[:, 0]
    assert np.corrcoef(scores, own)[0, 1] > 0.9


def test_without_popularity_the_lists_are_those_of_implicit_feedback(ratings):
    users = np.arange(ratings.n_users)
    plain = fit_implicit(ratings, **FEW).score_users(users)[:, ratings.user_counts > 0]
    blend = fit_blend(ratings, **FEW, popular=0).score_users(users)[:, ratings.user_counts > 0]
    np.testing.assert_allclose(blend / blend.std(axis=0), plain / plain.std(axis=0), atol=1e-3)


def test_an_update_is_that_of_its_first_part_with_the_popularity_of_all(ratings):
    is_new = ratings.user_index >= 35
    old, new = ratings.take(~is_new), ratings.take(is_new)
    model = fit_blend(old, **FEW)
    grown, both = update(model, old, new)
    first, _ = update(fit_implicit(old, model.settings.implicit), old, new)
    assert grown.data_fingerprint == both.fingerprint and type(grown) is type(model)
    np.testing.assert_allclose(grown.X, first.X, atol=1e-4)
    popular = fit_popularity(both).score_new_user()
    assert np.corrcoef(grown.score_new_user(), popular)[0, 1] == pytest.approx(1)
