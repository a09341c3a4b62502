"""A Recommender lists as its ranker does, and rates as its predictor does."""

import numpy as np
import pytest

from cflib import fit_als, fit_bayes, fit_implicit, fit_popularity, load_model, people
from cflib.models import Recommender, fit_ease
from tests.conftest import make_ratings

GIVEN = {10: 5.0, 13: 1.5, 40: 4.0}


@pytest.fixture(scope="module")
def ratings():
    return make_ratings(60, 40, 1200, seed=5)


@pytest.fixture(scope="module")
def parts(ratings):
    ranker = fit_ease(ratings, lam=5.0)
    predictor = fit_bayes(ratings, n_features=2, iterations=20, burn_in=5, n_samples=10)
    return ranker, predictor, Recommender.of(ranker, predictor)


def test_the_order_is_the_rankers_and_the_stars_are_the_predictors(ratings, parts):
    ranker, predictor, both = parts
    for user_id in (100, 121):
        shown = people.recommend(both, ratings, user_id, 8)
        assert shown["movieId"].tolist() == (
            people.recommend(ranker, ratings, user_id, 8)["movieId"].tolist()
        )
        i = [ratings.movie_index_of(movie_id) for movie_id in shown["movieId"]]
        j = np.full(8, ratings.user_index_of(user_id))
        np.testing.assert_allclose(shown["prediction"], predictor.predict(i, j), atol=1e-5)
    shown = people.recommend_new(both, GIVEN, 8)
    assert shown["movieId"].tolist() == people.recommend_new(ranker, GIVEN, 8)["movieId"].tolist()
    i = [ratings.movie_index_of(movie_id) for movie_id in shown["movieId"]]
    stars = np.clip(people.fold_in(predictor, GIVEN).scores()[i], *ratings.scale)
    np.testing.assert_allclose(shown["prediction"], stars, atol=1e-9)
    assert "score" not in shown and "score" in people.recommend_new(ranker, GIVEN, 8)


def test_reasons_are_those_of_the_model_that_ranked(ratings, parts):
    ranker, _, both = parts
    for movie_id in (22, 121):
        one, other = (people.explain(model, GIVEN, movie_id) for model in (ranker, both))
        assert one.equals(other)


def test_how_sure_it_is_comes_from_the_predictor(ratings, parts):
    _, predictor, both = parts
    pairs = ratings.movie_index[:50], ratings.user_index[:50]
    for mine, theirs in zip(
        both.predict_interval(*pairs), predictor.predict_interval(*pairs), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    one, other = (people.fold_in(model, GIVEN).std() for model in (predictor, both))
    np.testing.assert_array_equal(one, other)


def test_without_a_predictor_it_ranks_and_refuses_to_rate(ratings, tmp_path):
    both = Recommender.of(fit_implicit(ratings, n_features=4), None)
    again = load_model(both.save(tmp_path / "model.npz", ratings))
    assert again.predictor is None and again.says == both.says == {"order"}
    assert "score" in people.recommend(again, ratings, 100, 3)
    with pytest.raises(TypeError, match="not ratings"):
        again.predict([0], [0])
    with pytest.raises(TypeError, match="predicts no ratings"):
        people.fold_in(again, GIVEN).predictions()


def test_two_models_that_do_not_belong_together_are_refused(ratings):
    ranker = fit_popularity(ratings)
    with pytest.raises(ValueError, match="trained on the same ratings"):
        Recommender.of(ranker, fit_als(ratings.take(slice(5, None)), n_features=2, iterations=1))
    with pytest.raises(ValueError, match="should predict ratings"):
        Recommender.of(ranker, fit_popularity(ratings))


def test_notes_are_kept_with_it(ratings, parts, tmp_path):
    ranker, predictor, _ = parts
    both = Recommender.of(ranker, predictor, {"columns": {"user": "reader"}})
    again = load_model(both.save(tmp_path / "model.npz", ratings))
    assert again.notes == both.notes and again.notes["columns"] == {"user": "reader"}
    assert again.load_ratings(tmp_path / "model.npz").fingerprint == ratings.fingerprint
