"""Synthetic ratings: a set of MovieLens' shape whose truth, and least possible error, is known."""

import dataclasses

import numpy as np
import pytest

from cflib import data
from cflib.data.synthetic import _mean_rating

MADE = {"n_movies": 4_000, "n_users": 2_000, "n_ratings": 300_000}


@pytest.fixture(scope="module")
def made():
    return data.synthetic(**MADE, seed=3)


def rmse(actual, predicted):
    return float(np.sqrt(np.mean(np.square(actual.astype(np.float64) - predicted))))


def same(one, other):
    """Are the ratings, and all that was planted, equal to the last bit?"""
    (ratings, truth), (other_ratings, other_truth) = one, other
    return (
        ratings.fingerprint == other_ratings.fingerprint
        and np.array_equal(ratings.timestamp, other_ratings.timestamp)
        and all(
            np.array_equal(getattr(truth, field.name), getattr(other_truth, field.name))
            for field in dataclasses.fields(truth)
        )
    )


def test_the_same_seed_gives_the_same_ratings_and_another_seed_gives_others():
    sizes = {"n_movies": 300, "n_users": 200, "n_ratings": 6_000}
    first = data.synthetic(**sizes, seed=1)
    assert same(first, data.synthetic(**sizes, seed=1))
    assert first[0].fingerprint != data.synthetic(**sizes, seed=2)[0].fingerprint


def test_sizes_are_those_asked_for_and_types_are_narrow(made):
    ratings, truth = made
    sizes = {name: getattr(ratings, name) for name in MADE}
    assert sizes == MADE
    assert ratings.movie_index.dtype == ratings.user_index.dtype == np.int32
    assert ratings.value.dtype == np.float32
    shapes = [array.shape for array in (truth.X, truth.W, truth.b, truth.c)]
    assert shapes == [(4_000, 8), (2_000, 8), (1, 2_000), (4_000, 1)]


@pytest.mark.parametrize(
    ("n_movies", "n_users", "n_ratings"),
    [(4_000, 2_000, 300_000), (40, 30, 600), (40, 30, 40), (30, 40, 40), (2, 1, 2), (500, 5, 900)],
)
def test_no_pair_occurs_twice_and_nobody_is_left_out(n_movies, n_users, n_ratings):
    if n_ratings > n_users * (n_movies // 2):
        with pytest.raises(ValueError, match="at most half of all pairs"):
            data.synthetic(n_movies, n_users, n_ratings)
        return
    ratings, _ = data.synthetic(n_movies, n_users, n_ratings, seed=5)
    pairs = ratings.user_index.astype(np.int64) * n_movies + ratings.movie_index
    assert len(pairs) == n_ratings and (np.diff(pairs) > 0).all()  # by user, then movie
    assert ratings.movie_counts.min() >= 1 and ratings.user_counts.min() >= 1


def test_ratings_are_half_stars_on_the_scale(made):
    assert np.isin(made[0].value, np.arange(1, 11) / 2).all()


def test_mean_and_spread_are_near_those_of_movielens(made):
    """The bundled edition has mean 3.54 and standard deviation 1.06."""
    value, movielens = made[0].value, data.load("movielens_2016").value
    assert abs(value.mean() - movielens.mean()) < 0.1
    assert abs(value.std() - movielens.std()) < 0.1


def share_of_top(counts, share=0.1):
    return np.sort(counts)[::-1][: int(share * len(counts))].sum() / counts.sum()


def test_both_tails_are_long_as_in_movielens(made):
    ratings, real = made[0], data.load("movielens_2016")
    assert 0.55 < share_of_top(ratings.movie_counts) < 0.95
    assert 0.55 < share_of_top(real.movie_counts) < 0.95  # the larger the set, the more
    assert abs(share_of_top(ratings.user_counts) - share_of_top(real.user_counts)) < 0.15
    assert np.median(ratings.movie_counts) < ratings.movie_counts.mean() / 2
    assert ratings.user_counts.min() >= 20


def test_well_known_movies_are_better_liked_as_in_movielens(made):
    for ratings in (made[0], data.load("movielens_2016")):
        mean = np.bincount(ratings.movie_index, ratings.value) / ratings.movie_counts
        known, unknown = ratings.movie_counts >= 100, ratings.movie_counts <= 5
        assert mean[known].mean() > mean[unknown].mean() + 0.2


def test_the_best_rmse_is_what_the_best_predictions_have(made):
    ratings, truth = made
    best = truth.predict(ratings.movie_index, ratings.user_index)
    assert rmse(ratings.value, best) == pytest.approx(truth.best_rmse, abs=1e-6)


def test_no_change_of_the_best_predictions_does_better(made):
    """Not a constant, not a stretch, not the planted signal before rounding and clipping."""
    ratings, truth = made
    best = truth.predict(ratings.movie_index, ratings.user_index).astype(np.float64)
    signal = truth.signal(ratings.movie_index, ratings.user_index)
    stretched = [3.5 + factor * (best - 3.5) for factor in (0.97, 1.03)]
    for other in (best + 0.02, best - 0.02, *stretched, signal, np.clip(signal, 0.5, 5)):
        assert rmse(ratings.value, other) > truth.best_rmse
    standard_error = truth.best_rmse / np.sqrt(len(ratings))
    assert abs((ratings.value - best).mean()) < 4 * standard_error


def test_the_signal_is_the_formula(made):
    _, truth = made
    movies, users = np.array([0, 17, 3_999]), np.array([1_999, 4, 0])
    for i, j, signal in zip(movies, users, truth.signal(movies, users), strict=True):
        by_hand = truth.mean + truth.b[0, j] + truth.c[i, 0] + truth.X[i] @ truth.W[j]
        assert signal == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("noise", [0.3, 0.8, 1.5])
def test_the_mean_rating_of_a_signal_is_what_many_draws_have(noise):
    signal = np.array([-1, 0.5, 2.1, 3.74, 4.9, 7], np.float32)
    draws = signal + noise * np.random.default_rng(0).standard_normal((200_000, 6))
    drawn = np.clip(np.rint(2 * draws) / 2, 0.5, 5).mean(axis=0)
    np.testing.assert_allclose(_mean_rating(signal, noise), drawn, atol=0.015)


def test_without_noise_only_rounding_is_left():
    ratings, truth = data.synthetic(300, 200, 6_000, noise=0.0)
    signal = truth.signal(ratings.movie_index, ratings.user_index)
    np.testing.assert_array_equal(ratings.value, np.clip(np.rint(2 * signal) / 2, 0.5, 5))
    assert truth.best_rmse < 0.05


def test_more_noise_means_a_larger_best_rmse():
    best = [data.synthetic(300, 200, 6_000, noise=noise)[1].best_rmse for noise in (0.3, 0.8, 1.3)]
    assert best == sorted(best) and best[0] == pytest.approx(np.hypot(0.3, 0.5 / 12**0.5), abs=0.05)


def test_without_features_only_the_biases_speak():
    _, truth = data.synthetic(30, 20, 200, n_features=0)
    signal = truth.signal(np.array([3]), np.array([5]))
    assert signal == pytest.approx(truth.mean + truth.b[0, 5] + truth.c[3, 0])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((30, 20, 29), "each movie and each user should have a rating.*29 ratings"),
        ((10, 20, 101), "at most half"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        data.synthetic(*sizes)


def test_times_are_whole_seconds_within_the_years_of_movielens(made):
    times = made[0].timestamp
    assert times.dtype == np.int64
    assert np.datetime64(int(times.min()), "s") >= np.datetime64("1995-01-01")
    assert np.datetime64(int(times.max()), "s") < np.datetime64("2025-01-01")
