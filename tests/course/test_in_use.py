"""What chapter 12 computes, on cases whose answer is known."""

import numpy as np
import pytest

from cflib import data, fit_ease, fit_popularity
from course import in_use
from tests.conftest import make_ratings

rng = np.random.default_rng(1)


def test_after_lifting_the_order_by_angle_is_the_order_by_inner_product():
    items, users = rng.normal(size=(50, 4)) * rng.lognormal(size=(50, 1)), rng.normal(size=(9, 4))
    longer, queries = in_use.lifted(items, users)
    np.testing.assert_allclose(queries @ longer.T, users @ items.T, rtol=1e-4, atol=1e-4)
    length = np.linalg.norm(longer, axis=1)
    np.testing.assert_allclose(length, length[0], rtol=1e-5)
    cosine = (queries @ longer.T) / length / np.linalg.norm(queries, axis=1)[:, None]
    np.testing.assert_array_equal(cosine.argmax(axis=1), (users @ items.T).argmax(axis=1))


def test_the_share_found_counts_neighbours_in_any_order():
    exact = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert in_use.share_found(exact[:, ::-1], exact) == 1
    assert in_use.share_found(np.array([[1, 2, 9, 10], [5, 0, 0, 9]]), exact) == 3 / 8


def test_similarity_in_a_list_is_that_of_its_pairs():
    vectors = np.array([[1, 0], [2, 0], [0, 3], [0, 0]], float)
    lists = np.array([[0, 1, 1], [0, 2, 2], [0, 1, 2], [3, 0, 1]])
    np.testing.assert_allclose(in_use.similarity_in_list(lists, vectors), [1, 1 / 3, 1 / 3, 1 / 3])
    assert in_use.similarity_in_list(lists[:, :1], vectors).tolist() == [0, 0, 0, 0]


def test_varied_lists_without_diversity_are_the_best_movies_and_leave_out_what_was_rated():
    ratings = make_ratings()
    model = fit_ease(ratings)
    lists = in_use.varied_lists(model, ratings, 3, 0.0)
    scores = model.score_users(np.arange(ratings.n_users))
    scores[ratings.movie_index, ratings.user_index] = -np.inf
    for user, row in enumerate(lists):
        kept = row[row >= 0]
        assert not set(kept) & set(ratings.movie_index[ratings.user_index == user])
        assert kept.tolist() == np.argsort(-scores[:, user], kind="stable")[: len(kept)].tolist()


@pytest.fixture(scope="module")
def world():
    return data.synthetic(60, 40, 600, n_features=2, seed=3)


def test_lists_that_are_all_random_do_not_depend_on_the_model(world):
    runs = [
        in_use.feedback_loop(*world, fit, 2, explore=1.0, seed=5)
        for fit in (fit_popularity, fit_ease)
    ]
    assert runs[0].equals(runs[1])


def test_a_round_adds_the_best_of_the_list_and_no_pair_twice(world):
    ratings, truth = world
    seen = []

    def fit(so_far):
        seen.append(so_far)
        return fit_popularity(so_far)

    frame = in_use.feedback_loop(ratings, truth, fit, 3, n=5)
    assert [len(r) - len(ratings) for r in seen] == [0, 40, 80]
    pairs = seen[-1].movie_index * 1000 + seen[-1].user_index
    assert len(np.unique(pairs)) == len(pairs)
    assert frame["shown"].is_monotonic_increasing and frame["shown"].between(0, 1).all()
    chosen = seen[1].movie_index[-40:]
    assert frame["liking"].iloc[0] == pytest.approx(truth.signal(chosen, np.arange(40)).mean())


def test_less_than_one_round_is_refused(world):
    with pytest.raises(ValueError, match="`rounds` should be a positive number.*Received: 0"):
        in_use.feedback_loop(*world, fit_popularity, 0)


@pytest.mark.parametrize("paired", [True, False])
def test_an_experiment_of_the_size_that_is_needed_has_its_power(paired):
    difference, sd = 0.1, 1.0
    n = in_use.people_needed(difference, sd, paired=paired)
    error = sd * np.sqrt((1 if paired else 2) / n)
    observed = difference + error * np.random.default_rng(0).normal(size=20_000)
    assert np.mean(observed / error > 1.96) == pytest.approx(0.8, abs=0.01)
    assert in_use.people_needed(difference / 2, sd, paired=paired) == pytest.approx(4 * n, rel=0.01)


def test_no_experiment_shows_a_difference_of_zero():
    with pytest.raises(ValueError, match="no experiment is large enough"):
        in_use.people_needed(0.0, 1.0)


def test_inverse_propensity_is_unbiased_and_the_mean_of_a_log_is_not():
    world = np.random.default_rng(2)
    click = world.random((30, 6))
    old, new = (in_use.policy(world.normal(size=(30, 6))) for _ in range(2))
    value_of_old, value_of_new = ((p * click).sum(axis=1).mean() for p in (old, new))
    logs = [in_use.log_lines(world, old, new, click, 300) for _ in range(2_000)]
    estimates = np.array([in_use.inverse_propensity(*log) for log in logs])
    means = np.array([log[0].mean() for log in logs])
    error = estimates.std() / np.sqrt(len(estimates))
    assert abs(estimates.mean() - value_of_new) < 4 * error
    assert abs(means.mean() - value_of_old) < 4 * error
    assert abs(value_of_old - value_of_new) > 10 * error  # so the test can tell them apart


def test_a_policy_judged_on_its_own_log_earns_the_logs_mean():
    reward, share = np.array([0, 1, 1.0]), np.array([0.2, 0.5, 0.1])
    assert in_use.inverse_propensity(reward, share, share) == pytest.approx(2 / 3)
    assert in_use.inverse_propensity(reward, 10 * share, share, cap=3) == pytest.approx(2)


def test_likes_with_the_highest_scores_are_all_guessed():
    likes = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], bool)
    np.testing.assert_array_equal(in_use.guessed_likes(likes + 0.0, likes), [1, 1])
    scores = np.array([[3.0, 3, 0], [1, 2, 0], [2, 1, 0]])
    np.testing.assert_array_equal(in_use.guessed_likes(scores, likes), [0.5, 0])


def test_everybody_is_unique_by_all_their_movies_or_shares_them():
    ratings = make_ratings()
    rated = [
        frozenset(ratings.movie_index[ratings.user_index == j])
        for j in np.flatnonzero(ratings.user_counts)
    ]
    alone = [sum(own <= other for other in rated) == 1 for own in rated]
    assert in_use.share_unique(ratings, 10_000) == np.mean(alone)
    assert in_use.share_unique(ratings, 1) <= in_use.share_unique(ratings, 10_000)
