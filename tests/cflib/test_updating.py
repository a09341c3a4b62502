"""New ratings, users and items taken into a model: how near full training it comes."""

import dataclasses

import numpy as np
import pytest

from cflib import (
    evaluation,
    fit_als,
    fit_bayes,
    fit_ease,
    fit_implicit,
    fit_means,
    fit_popularity,
    load,
)
from cflib.models import Recommender
from cflib.split import Split
from cflib.updating import joined, update

RMSE_DISTANCE = 0.004  # stars, of `fit_als`; 0.003 without an iteration, 0.002 with one
BAYES_DISTANCE = (
    0.01  # stars, of `fit_bayes`; 0.002 with its default settings, 0.005 with few draws
)
NDCG_DISTANCE = 0.005  # of `fit_implicit`; 0.004 and 0.002


def own_axes(ratings, rows):
    """A part of the ratings on axes of its own, as from a file of its own."""
    part = ratings.take(rows)
    movies, movie_index = np.unique(part.movie_index, return_inverse=True)
    users, user_index = np.unique(part.user_index, return_inverse=True)
    return dataclasses.replace(
        part,
        movie_index=movie_index.astype(np.int32),
        user_index=user_index.astype(np.int32),
        movie_ids=ratings.movie_ids[movies],
        user_ids=ratings.user_ids[users],
        movies=ratings.movies.iloc[movies].reset_index(drop=True),
    )


def on_axes(ratings, axes):
    """Those of the ratings that are of users and items of `axes`, on these axes."""
    movie_ids = ratings.movie_ids[ratings.movie_index]
    user_ids = ratings.user_ids[ratings.user_index]
    there = np.isin(movie_ids, axes.movie_ids) & np.isin(user_ids, axes.user_ids)
    return dataclasses.replace(
        axes,
        movie_index=np.searchsorted(axes.movie_ids, movie_ids[there]).astype(np.int32),
        user_index=np.searchsorted(axes.user_ids, user_ids[there]).astype(np.int32),
        value=ratings.value[there],
        timestamp=ratings.timestamp[there],
    )


@pytest.fixture(scope="module")
def movielens():
    """(old, new, both, test): MovieLens, with a tenth as new, of it 4 % of the users and items."""
    ratings, rng = load("movielens_2016"), np.random.default_rng(0)
    is_test = rng.random(len(ratings)) < 0.1
    is_new_user = rng.random(ratings.n_users) < 0.04
    is_new_movie = rng.random(ratings.n_movies) < 0.04
    is_new = is_new_user[ratings.user_index] | is_new_movie[ratings.movie_index]
    is_new |= rng.random(len(ratings)) < 0.02
    old, new = (own_axes(ratings, ~is_test & part) for part in (~is_new, is_new))
    both = joined(old, new)
    return old, new, both, on_axes(ratings.take(is_test), both)


def rmse(model, test):
    error = model.predict(test.movie_index, test.user_index) - test.value
    return float(np.sqrt(np.mean(error**2)))


def ndcg(model, both, test):
    return float(evaluation.rank({"model": model}, Split(both, test))["ndcg"].iloc[0])


@pytest.mark.parametrize("iterations", [0, 1])
def test_errors_are_near_those_of_full_training(movielens, iterations):
    old, new, both, test = movielens
    assert both.n_users > old.n_users and both.n_movies > old.n_movies + 100
    full = rmse(fit_als(both), test)
    model, ratings = update(fit_als(old), old, new, iterations)
    assert ratings.fingerprint == both.fingerprint == model.data_fingerprint
    assert abs(rmse(model, test) - full) < RMSE_DISTANCE
    means = rmse(fit_means(both), test)
    assert means - full > 5 * RMSE_DISTANCE  # so the distance says something


@pytest.mark.parametrize("iterations", [0, 1])
def test_lists_are_near_those_of_full_training(movielens, iterations):
    old, new, both, test = movielens
    few = {"n_features": 32, "iterations": 10}
    full = ndcg(fit_implicit(both, **few), both, test)
    model, _ = update(fit_implicit(old, **few), old, new, iterations)
    assert abs(ndcg(model, both, test) - full) < NDCG_DISTANCE
    assert full - ndcg(fit_popularity(both), both, test) > 5 * NDCG_DISTANCE


def test_a_bayesian_model_keeps_its_samples_and_comes_near(movielens):
    old, new, both, test = movielens
    few = {"n_features": 8, "iterations": 60, "burn_in": 20, "n_samples": 20}
    model, _ = update(fit_bayes(old, **few), old, new)
    assert abs(rmse(model, test) - rmse(fit_bayes(both, **few), test)) < BAYES_DISTANCE
    p = model.predict_distribution(test.movie_index, test.user_index)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert model.n_samples == 20
    std = model.predict_std(test.movie_index, test.user_index)
    assert std.min() > 0


# Small, on random ratings -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts():
    """(old, new): a sample of MovieLens in two, with new users and new items."""
    ratings = load("movielens_2016")
    busiest = np.argsort(-ratings.user_counts)[20:80]
    best_known = np.argsort(-ratings.movie_counts)[:200]
    rows = np.isin(ratings.user_index, busiest) & np.isin(ratings.movie_index, best_known)
    part = own_axes(ratings, rows)
    is_new = (part.user_index < 4) | (part.movie_index % 40 == 0)
    return own_axes(part, ~is_new), own_axes(part, is_new)


@pytest.mark.parametrize(
    "fit", [fit_means, fit_popularity, lambda ratings: fit_ease(ratings, lam=50.0)]
)
def test_a_model_with_a_closed_form_is_that_of_full_training(parts, fit):
    old, new = parts
    model, both = update(fit(old), old, new)
    np.testing.assert_array_equal(model.score_users([0, 5]), fit(both).score_users([0, 5]))


def test_users_and_items_without_new_ratings_stay_to_the_last_bit(parts):
    old, new = parts
    new = own_axes(new, ~np.isin(new.user_ids, old.user_ids)[new.user_index])
    for fit in (fit_als, fit_implicit):
        before = fit(old, n_features=4)
        after, both = update(before, old, new, iterations=0)
        users = np.searchsorted(both.user_ids, old.user_ids)
        movies = np.searchsorted(both.movie_ids, old.movie_ids)
        np.testing.assert_array_equal(after.W[users], before.W)
        np.testing.assert_array_equal(after.X[movies], before.X)


def test_many_iterations_end_where_full_training_does(parts):
    old, new = parts
    settings = {"n_features": 2, "lam": 20.0}
    model, both = update(fit_als(old, **settings), old, new, iterations=200)
    full = fit_als(both, **settings, iterations=200)
    everything = np.arange(both.n_users)
    np.testing.assert_allclose(
        model.score_users(everything), full.score_users(everything), atol=2e-3
    )


def test_both_models_of_a_recommender_are_updated(parts):
    old, new = parts
    ranker, predictor = fit_implicit(old, n_features=4), fit_als(old, n_features=4)
    model, both = update(Recommender.of(ranker, predictor, {"columns": {}}), old, new)
    users = np.arange(both.n_users)
    of_ranker, _ = update(ranker, old, new)
    of_predictor, _ = update(predictor, old, new)
    np.testing.assert_array_equal(model.score_users(users), of_ranker.score_users(users))
    np.testing.assert_array_equal(
        model.predict(both.movie_index, both.user_index),
        of_predictor.predict(both.movie_index, both.user_index),
    )
    assert model.notes["columns"] == {}


def test_of_a_pair_that_is_rated_again_the_new_rating_counts(parts):
    old, _ = parts
    again = own_axes(old, np.arange(10))
    again = dataclasses.replace(again, value=np.full(10, 0.5, np.float32))
    both = joined(old, again)
    assert len(both) == len(old) and both.movies["title"].tolist() == old.movies["title"].tolist()
    changed = both.frame().merge(again.frame(), on=["userId", "movieId"])
    assert (changed["rating_x"] == 0.5).all()


def test_what_does_not_fit_is_refused(parts):
    old, new = parts
    model = fit_means(old)
    text = dataclasses.replace(new, user_ids=np.array([f"u{i}" for i in new.user_ids]))
    for wrong, message in (
        (dataclasses.replace(new, kind="counts"), "of the kind 'ratings'.*Received: 'counts'"),
        (dataclasses.replace(new, value=new.value + 5), "from 0.5 to 5.*Received: ratings from"),
        (text, "user ids of the model are whole numbers.*Received: text"),
    ):
        with pytest.raises(ValueError, match=message):
            update(model, old, wrong)
    with pytest.raises(ValueError, match="`ratings` should be those"):
        update(model, new, new)
    with pytest.raises(ValueError, match="`iterations` should be 0 or more. Received: -1"):
        update(model, old, new, -1)
