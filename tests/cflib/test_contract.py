"""One suite for every model: what `model.Model` promises, whichever solver trained it.

A new model is added to `FITS`. Nothing here asks which class a model has.
"""

import dataclasses
import importlib.util
import json
import shutil

import numpy as np
import pytest

from cflib import (
    evaluation,
    fit_adam,
    fit_als,
    fit_bayes,
    fit_blend,
    fit_ease,
    fit_implicit,
    fit_means,
    fit_popularity,
    fit_spark,
    load_model,
    people,
)
from cflib.model import INTERVALS, ORDER, STARS
from cflib.models import Recommender
from cflib.settings import Settings
from tests.conftest import make_ratings

needs_spark = pytest.mark.skipif(
    not (importlib.util.find_spec("pyspark") and shutil.which("java")),
    reason="Spark is tested where pyspark and Java are installed",
)
FITS = {
    "means": fit_means,
    "means, global": lambda ratings: fit_means(ratings, "global"),
    "als": lambda ratings: fit_als(ratings, n_features=4, lam=0.5, iterations=4),
    "als, movie means": lambda ratings: fit_als(
        ratings, n_features=4, lam=0.5, iterations=4, normalization="movie_damped"
    ),
    "adam": lambda ratings: fit_adam(ratings, n_features=3, epochs=1500, lam=1.0),
    "bayes": lambda ratings: fit_bayes(
        ratings, n_features=2, iterations=60, burn_in=20, n_samples=40
    ),
    "implicit": lambda ratings: fit_implicit(ratings, n_features=4, lam=1.0, iterations=4),
    "blend": lambda ratings: fit_blend(ratings, n_features=4, lam=1.0, iterations=4),
    "ease": lambda ratings: fit_ease(ratings, lam=5.0),
    "recommender": lambda ratings: Recommender.of(
        fit_implicit(ratings, n_features=4, lam=1.0, iterations=4),
        fit_als(ratings, n_features=4, lam=0.5, iterations=4),
    ),
    "popularity": fit_popularity,
    "spark": lambda ratings: fit_spark(
        ratings, n_features=3, lam=0.1, iterations=3, spark="local[1]"
    ),
}
NAMES = [pytest.param(name, marks=needs_spark if name == "spark" else ()) for name in FITS]
GIVEN = {10: 5.0, 13: 1.5, 40: 4.0, 100: 3.0, 103: 0.5}


@pytest.fixture(scope="module")
def ratings():
    return make_ratings(60, 40, 1200, seed=5)


@pytest.fixture(scope="module", params=NAMES)
def trained(request, ratings):
    return FITS[request.param](ratings)


def of_one_user(ratings, given):
    """Ratings of one new user on the same movies."""
    n = len(given)
    return dataclasses.replace(
        ratings,
        movie_index=np.array([ratings.movie_index_of(i) for i in given], np.int32),
        user_index=np.zeros(n, np.int32),
        value=np.array(list(given.values()), np.float32),
        timestamp=None,
        user_ids=np.array([7777]),
    )


def test_it_says_what_it_was_trained_on_and_with_what(trained, ratings):
    assert trained.data_fingerprint == ratings.fingerprint
    assert ORDER in trained.says and trained.says <= {STARS, ORDER, INTERVALS}
    stored = json.loads(json.dumps(trained.settings.to_dict()))
    assert Settings.from_dict(stored) == (trained.settings, {})
    np.testing.assert_array_equal(trained.movie_counts, ratings.movie_counts)


def test_it_predicts_stars_on_the_scale_or_refuses(trained, ratings):
    pairs = ratings.movie_index, ratings.user_index
    if STARS not in trained.says:
        with pytest.raises(TypeError, match="not ratings"):
            trained.predict(*pairs)
        return
    predicted = trained.predict(*pairs)
    assert predicted.dtype == np.float32 and predicted.shape == ratings.value.shape
    assert np.isfinite(predicted).all()
    low, high = trained.scale
    assert low <= predicted.min() and predicted.max() <= high
    unclipped = trained.predict(*pairs, clip=False)
    np.testing.assert_array_equal(np.clip(unclipped, low, high), predicted)
    scores = trained.predictor.score_users(np.arange(ratings.n_users))
    np.testing.assert_allclose(scores[pairs], unclipped, atol=2e-4)


def test_it_scores_every_movie_for_any_block_of_users_alike(trained, ratings):
    users = np.arange(ratings.n_users)
    scores = trained.score_users(users)
    assert scores.shape == (ratings.n_movies, ratings.n_users) and np.isfinite(scores).all()
    for block in ([3], [0, 5], users[::-1]):
        np.testing.assert_allclose(trained.score_users(block), scores[:, block], atol=1e-5)


def test_lists_do_not_depend_on_the_size_of_a_block(trained, ratings):
    whole, _ = evaluation.top_n(trained, ratings, 7, block=1000)
    pieces, _ = evaluation.top_n(trained, ratings, 7, block=3)
    np.testing.assert_array_equal(whole, pieces)


def test_an_unknown_user_or_movie_is_refused_by_name(trained, ratings):
    with pytest.raises(IndexError, match="user index 40 is outside 0 to 39: is it an id"):
        trained.score_users([40])
    with pytest.raises(KeyError, match="no user with id 12345"):
        people.recommend(trained, ratings, 12345)
    with pytest.raises(KeyError, match="no id 12345"):
        people.fold_in(trained, {12345: 3})
    other_movies = dataclasses.replace(
        make_ratings(61, 40, 100), scale=ratings.scale, name="other movies"
    )
    with pytest.raises(ValueError, match="on the model's 60 movies"):
        trained.fold_in(other_movies)


def test_a_user_without_a_rating_gets_what_everybody_new_gets(trained, ratings):
    nobody = people.fold_in(trained, {})
    np.testing.assert_allclose(nobody.scores(), trained.score_new_user(), atol=1e-5)


def test_a_file_brings_it_back_whole(trained, ratings, tmp_path):
    path = trained.save(tmp_path / "model.npz", ratings)
    again = load_model(path)
    assert type(again) is type(trained) and again.settings == trained.settings
    assert again.notes == trained.notes and again.says == trained.says
    users = np.arange(ratings.n_users)
    np.testing.assert_array_equal(again.score_users(users), trained.score_users(users))
    assert again.load_ratings(path).fingerprint == ratings.fingerprint
    one, same = (people.recommend_new(m, GIVEN, 5) for m in (trained, again))
    assert one.equals(same)


def test_a_known_user_folds_in_to_where_training_left_them(trained, ratings):
    """With training's own rule; a sampled model draws, so its users come back as draws."""
    folded = trained.fold_in(ratings, bias="free" if trained.b.any() else "none")
    users = np.arange(ratings.n_users)
    apart = np.abs(folded.score_users(users) - trained.score_users(users))
    if INTERVALS in trained.says:
        i, j = np.indices(apart.shape)
        spread = trained.predict_std(i.ravel(), j.ravel()).reshape(apart.shape)
        assert apart.mean() < 1.5 * spread.mean()
    else:
        assert apart.max() < 2e-3 * max(1, np.abs(trained.score_users(users)).max())


@pytest.mark.parametrize("bias", [None, "none", "ridge", "free"])
def test_one_person_and_a_set_of_one_user_fold_in_alike(trained, ratings, bias):
    person = people.fold_in(trained, GIVEN, bias)
    one = of_one_user(ratings, GIVEN)
    if INTERVALS in trained.says:  # draws: their mean over seeds is the person's
        drawn = [trained.fold_in(one, bias, seed).score_users([0])[:, 0] for seed in range(60)]
        assert np.abs(np.mean(drawn, axis=0) - person.scores()).max() < 0.1
    else:
        folded = trained.fold_in(one, bias)
        np.testing.assert_allclose(folded.score_users([0])[:, 0], person.scores(), atol=2e-5)


def test_the_reasons_sum_to_the_score(trained, ratings):
    person = people.fold_in(trained, GIVEN)
    for movie_id in (10, 22, 121):
        table = people.explain(trained, person, movie_id)
        score = person.scores()[ratings.movie_index_of(movie_id)]
        assert table["contribution"].sum() == pytest.approx(score, abs=1e-6)
        assert table.attrs["prediction"] == pytest.approx(score, abs=1e-6)
        assert set(table["movieId"][:-1]) == set(GIVEN)


def test_it_knows_how_sure_it_is_or_says_that_it_does_not(trained, ratings):
    person = people.fold_in(trained, GIVEN)
    if INTERVALS in trained.says:
        low, high = person.interval(0.9)
        assert (low < high).all()
        low, high = trained.predict_interval(ratings.movie_index, ratings.user_index)
        assert (low <= high).all()
    else:
        with pytest.raises(TypeError, match="how sure it is"):
            person.std()
        with pytest.raises(TypeError, match="how sure it is"):
            people.recommend(trained, ratings, 100, by="lower")


def test_nothing_of_the_rated_is_recommended(trained, ratings):
    rated = set(people.history(ratings, 100)["movieId"])
    assert not rated & set(people.recommend(trained, ratings, 100, 20)["movieId"])
    assert not set(GIVEN) & set(people.recommend_new(trained, GIVEN, 20)["movieId"])
