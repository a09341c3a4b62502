"""What to ask a new user about: the variance that a rating removes, by Bayes and by brute force."""

import numpy as np
import pytest

from cflib import data, fit_als, fit_means, people
from cflib.people import elicit
from tests.conftest import make_ratings


@pytest.fixture(scope="module")
def model():
    return fit_als(data.synthetic(120, 160, 9000, n_features=3, seed=2)[0], n_features=4)


def test_a_question_takes_from_the_variance_what_bayes_says_it_does():
    """The rank-one update against the posterior covariance by its precision."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(4, 4))
    C, movies, noise = root @ root.T, rng.normal(size=(3, 4)), 0.7
    after = C
    for movie in movies:
        after = elicit._after(after, movie, noise)
    direct = np.linalg.inv(np.linalg.inv(C) + movies.T @ movies / noise)
    np.testing.assert_allclose(after, direct, atol=1e-10)


def test_the_first_question_is_the_one_that_leaves_least(model):
    """By brute force: try every movie, and weigh what it takes by how well known it is."""
    movies, C, noise = model.population()
    known = model.movie_counts / model.n_users
    weight = (np.sqrt(known)[:, None] * movies).T @ movies
    left = np.array([np.sum(elicit._after(C, movie, noise) * weight) for movie in movies])
    value = np.sqrt(known) * (np.sum(C * weight) - left)
    table = people.questions(model, 5)
    best = np.argmax(value)
    assert table["movieId"].iloc[0] == model.movie_ids[best]
    assert table["variance_left"].iloc[0] == pytest.approx(left[best] / np.sum(C * weight))
    assert table["variance_left"].is_monotonic_decreasing
    assert table["movieId"].is_unique


def test_a_movie_already_rated_is_not_asked_about(model):
    first = people.questions(model, 6)["movieId"].tolist()
    person = people.fold_in(model, {first[0]: 4.0})
    assert people.questions(model, 5, person)["movieId"].tolist() == first[1:]
    with pytest.raises(ValueError, match="no movie tells more than another"):
        people.questions(fit_means(make_ratings()))
