"""Normalisation: against loops over the definition, and its inverse."""

import numpy as np
import pytest

from cflib import normalize
from tests.conftest import make_ratings


def by_the_definition(ratings, method, d):
    """Y_mu and user_mu by loops over the dense arrays."""
    Y, R = (array.astype(float) for array in ratings.dense())
    mean = Y.sum() / R.sum()
    Y_mu, user_mu = np.zeros(len(Y)), np.zeros(Y.shape[1])
    for i in range(len(Y)):
        rated = Y[i, R[i] == 1]
        plain = rated.mean() if len(rated) else mean
        damped = (rated.sum() + d * mean) / (len(rated) + d)
        Y_mu[i] = {
            "none": 0,
            "global": mean,
            "movie_all_users": Y[i].mean(),
            "movie": plain,
            "movie_damped": damped,
            "movie_user_damped": damped,
        }[method]
    if method == "movie_user_damped":
        for j in range(Y.shape[1]):
            left = (Y[:, j] - Y_mu)[R[:, j] == 1]
            user_mu[j] = left.sum() / (len(left) + d)
    return Y_mu, user_mu


@pytest.mark.parametrize("method", normalize.METHODS)
@pytest.mark.parametrize("damping", [0.5, 5.0])
def test_every_method_is_its_definition(ratings, method, damping):
    means = normalize.fit(ratings, method, damping)
    Y_mu, user_mu = by_the_definition(ratings, method, damping)
    np.testing.assert_allclose(means.Y_mu[:, 0], Y_mu, atol=1e-6)
    np.testing.assert_allclose(means.user_mu[0], user_mu, atol=1e-6)


@pytest.mark.parametrize("method", normalize.METHODS)
def test_adding_back_undoes_subtracting(ratings, method):
    means = normalize.fit(ratings, method)
    back = means.add(means.subtract(ratings), ratings.movie_index, ratings.user_index)
    np.testing.assert_allclose(back, ratings.value, atol=1e-6)


@pytest.mark.parametrize("method", normalize.METHODS)
def test_a_new_user_is_predicted_what_is_subtracted_from_the_rows(ratings, method):
    means = normalize.fit(ratings, method)
    np.testing.assert_array_equal(means.new_user(), means.Y_mu[:, 0])


def test_a_movie_mean_leaves_residuals_of_mean_zero_in_every_row(ratings):
    left = normalize.fit(ratings, "movie").subtract(ratings)
    sums = np.bincount(ratings.movie_index, left, ratings.n_movies)
    np.testing.assert_allclose(sums, 0, atol=1e-4)


def test_the_mean_over_all_users_shrinks_a_movies_mean_by_its_share_of_raters(ratings):
    all_users = normalize.fit(ratings, "movie_all_users").Y_mu[:, 0]
    raters = normalize.fit(ratings, "movie").Y_mu[:, 0]
    share = ratings.movie_counts / ratings.n_users
    np.testing.assert_allclose(all_users, raters * share, atol=1e-6)


def test_damping_moves_a_movies_mean_towards_the_mean_of_all_and_less_so_with_more_raters():
    value = np.full(250, 3.0)
    ratings = make_ratings(value=value)
    top = ratings.movie_index == 0
    value[top] = 5.0
    ratings = make_ratings(value=value)
    means = [normalize.fit(ratings, "movie_damped", d).Y_mu[0, 0] for d in (0.0, 1.0, 10.0, 1e6)]
    assert means[0] == 5.0 and means == sorted(means, reverse=True)
    assert means[-1] == pytest.approx(value.mean(), abs=1e-4)


def test_zero_damping_is_the_plain_movie_mean(ratings):
    damped = normalize.fit(ratings, "movie_damped", 0.0).Y_mu
    plain = normalize.fit(ratings, "movie").Y_mu
    np.testing.assert_allclose(damped, plain, atol=1e-6)


def test_bad_arguments_are_refused_by_name(ratings):
    with pytest.raises(ValueError, match=r"`method` should be one of none, .*Received: 'median'"):
        normalize.fit(ratings, "median")
    with pytest.raises(ValueError, match=r"`damping` should be .*Received: -1"):
        normalize.fit(ratings, "movie_damped", -1)
    with pytest.raises(ValueError, match="no ratings"):
        normalize.fit(ratings.take(np.zeros(len(ratings), bool)), "movie")
