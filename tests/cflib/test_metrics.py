"""Errors and lists judged by hand, by scikit-learn, and intervals by a plain bootstrap."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, ndcg_score, root_mean_squared_error

from cflib import metrics


def test_rmse_and_mae_by_hand():
    # errors 1, -1, 2, 0: squares 1 + 1 + 4 + 0 = 6 over 4; absolutes 1 + 1 + 2 + 0 = 4 over 4
    actual, predicted = [3.0, 4.0, 1.0, 5.0], [4.0, 3.0, 3.0, 5.0]
    assert metrics.rmse(actual, predicted) == pytest.approx(1.5**0.5, abs=1e-15)
    assert metrics.mae(actual, predicted) == 1.0


def test_errors_are_scikit_learns():
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=(2, 500))
    assert metrics.rmse(actual, predicted) == pytest.approx(
        root_mean_squared_error(actual, predicted), rel=1e-12
    )
    assert metrics.mae(actual, predicted) == pytest.approx(
        mean_absolute_error(actual, predicted), rel=1e-12
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_prediction_that_is_not_a_number_raises_with_their_count(bad):
    with pytest.raises(ValueError, match="2 of 3 values of `predicted` are not finite"):
        metrics.rmse([1, 2, 3], [bad, 2, bad])


def test_unequal_lengths_and_nothing_at_all_are_refused():
    with pytest.raises(ValueError, match=r"one shape. Received: \(2,\) and \(3,\)"):
        metrics.rmse([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="no ratings"):
        metrics.mae([], [])


def test_each_user_is_judged_on_their_own_ratings():
    # user 4: errors 3 and -4, so sqrt((9 + 16) / 2) and 7 / 2; user 9: error 0.5 alone
    frame = metrics.per_user([1, 5, 2.0], [4, 1, 2.5], [4, 4, 9])
    assert frame.index.tolist() == [4, 9]
    assert frame["n_ratings"].tolist() == [2, 1]
    np.testing.assert_allclose(frame["rmse"], [12.5**0.5, 0.5], rtol=1e-15)
    np.testing.assert_allclose(frame["mae"], [3.5, 0.5], rtol=1e-15)


# Coverage


def test_a_rating_on_the_edge_of_its_interval_is_inside():
    inside = metrics.covered([1, 2, 3, 4, 5], [1, 2.5, 2, 2, 4], [2, 3, 3, 3.5, 4.9])
    assert inside.tolist() == [True, False, True, False, False]


# Lists. Every user's list has k = 4 places; 1 is a hit:
#
#            hits        relevant   precision  recall  AP                     1/rank  hit
#   Ann      1 0 1 0     3          2/4        2/3     (1/1 + 2/3) / 3 = 5/9  1       1
#   Bob      0 0 0 1     1          1/4        1       (1/4) / 1              1/4     1
#   Cleo     0 0 0 0     2          0          0       0                      0       0
#   Dan      1 1 1 1     9          1          4/9     (1 + 1 + 1 + 1) / 4    1       1
#
# Discounts 1 / log2(r + 1) are 1, 0.63093, 0.5, 0.43068 for r = 1 … 4. Ann's DCG is 1 + 0.5, the
# best list of three 2.13093; Bob's 0.43068 of 1; Dan's list is the best there could be.
HITS = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], bool)
N_RELEVANT = np.array([3, 1, 2, 9])
BY_HAND = {
    "ndcg": [1.5 / 2.13093, 0.43068, 0, 1],
    "precision": [2 / 4, 1 / 4, 0, 1],
    "recall": [2 / 3, 1, 0, 4 / 9],
    "map": [5 / 9, 1 / 4, 0, 1],
    "mrr": [1, 1 / 4, 0, 1],
    "hit_rate": [1, 1, 0, 1],
}


@pytest.mark.parametrize("metric", metrics.RANKING)
def test_lists_by_hand(metric):
    np.testing.assert_allclose(
        metrics.RANKING[metric](HITS, N_RELEVANT), BY_HAND[metric], atol=5e-6
    )


@pytest.mark.parametrize("k", [1, 5, 10, 40])
def test_ndcg_is_scikit_learns(k):
    rng = np.random.default_rng(k)
    relevant, scores = rng.random((50, 40)) < 0.15, rng.normal(size=(50, 40))
    relevant[:, 7] = True  # somebody without anything to find is not judged
    order = np.argsort(-scores, axis=1)[:, :k]
    hits = np.take_along_axis(relevant, order, axis=1)
    assert metrics.ndcg(hits, relevant.sum(axis=1)).mean() == pytest.approx(
        ndcg_score(relevant, scores, k=k), abs=1e-12
    )


def test_every_metric_is_at_most_one_and_the_best_list_reaches_it():
    rng = np.random.default_rng(1)
    n_relevant = rng.integers(1, 12, 200)
    best = np.arange(8) < n_relevant[:, None]
    for name, metric in metrics.RANKING.items():
        shuffled = metric(rng.permuted(best, axis=1), n_relevant)
        assert (shuffled <= metric(best, n_relevant) + 1e-15).all() and shuffled.min() > 0
        if name in ("ndcg", "map", "mrr", "hit_rate"):
            np.testing.assert_allclose(metric(best, n_relevant), 1, rtol=1e-14)


@pytest.mark.parametrize("metric", ["ndcg", "map"])
def test_more_hits_than_relevant_movies_or_none_to_find_are_refused(metric):
    with pytest.raises(ValueError, match="Received: 1 of 4 users"):
        metrics.RANKING[metric](HITS, [1, 1, 2, 9])
    with pytest.raises(ValueError, match="Received: 1 of 4 users"):
        metrics.RANKING[metric](HITS, [3, 1, 0, 9])


def test_novelty_popularity_and_coverage_by_hand():
    # 8 users; movies rated by 8, 4, 1 and 0 of them: 0, 1, 3 and, as if by one of them, 3 bits
    counts, lists = np.array([8, 4, 1, 0]), np.array([[0, 1], [2, 3], [1, -1]])
    assert metrics.novelty(lists, counts, 8).tolist() == [0.5, 3, 1]
    assert metrics.popularity(lists, counts).tolist() == [6, 0.5, 4]
    assert metrics.catalogue_coverage(lists, 5) == 4 / 5


# Intervals


@pytest.fixture
def held_out():
    """400 ratings of 40 users, of whom some are harder than others."""
    rng = np.random.default_rng(5)
    user = rng.integers(0, 40, 400)
    actual = rng.normal(size=400)
    hard = rng.uniform(0.2, 2, 40)[user]
    return actual, actual + hard * rng.normal(size=400), user


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_the_interval_is_that_of_a_plain_bootstrap_over_users(held_out, metric):
    actual, predicted, user = held_out
    rng, draws = np.random.default_rng(1), []
    for _ in range(4000):
        rows = np.concatenate([np.flatnonzero(user == u) for u in rng.integers(0, 40, 40)])
        draws.append(getattr(metrics, metric)(actual[rows], predicted[rows]))
    plain = np.quantile(draws, [0.05, 0.95])
    ours = metrics.interval(actual, predicted, user, metric, level=0.9, n_draws=4000)
    # 4,000 draws leave about 2 % of the width to chance.
    np.testing.assert_allclose(ours, plain, atol=0.06 * np.ptp(plain))


def test_the_interval_of_a_mean_over_users_is_that_of_a_plain_bootstrap():
    value = np.random.default_rng(3).exponential(size=50)
    user = 3 * np.arange(50)  # there are users between them: they have no part in it
    drawn = value[np.random.default_rng(4).integers(0, 50, (4000, 50))].mean(axis=1)
    mean, *ours = metrics.estimate(metrics.mean_shares(value, user, 200), 0.9, n_draws=4000)
    plain = np.quantile(drawn, [0.05, 0.95])
    assert mean == pytest.approx(value.mean(), rel=1e-14)
    np.testing.assert_allclose(ours, plain, atol=0.06 * np.ptp(plain))
    alone = metrics.estimate(metrics.mean_shares(value, np.arange(50)), 0.9, n_draws=4000)
    assert (mean, *ours) == pytest.approx(alone, rel=1e-12)


def test_users_not_ratings_are_resampled(held_out):
    actual, predicted, user = held_out
    low, high = metrics.interval(actual, predicted, user)
    each_alone = metrics.interval(actual, predicted, np.arange(400))
    assert high - low > 1.15 * np.diff(each_alone)[0]


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(2), 0
    for _ in range(300):
        user = np.repeat(np.arange(60), 5)
        error = rng.normal(size=300)
        low, high = metrics.interval(np.zeros(300), error, user, level=0.9, n_draws=300)
        hits += low <= 1.0 <= high
    # 270 expected; a binomial's standard deviation is 5, and percentiles run a little narrow.
    assert 245 <= hits <= 290


def test_a_paired_interval_is_narrower_than_the_two_apart(held_out):
    actual, predicted, user = held_out
    better = actual + 0.95 * (predicted - actual)
    difference, low, high = metrics.paired_difference(actual, better, predicted, user)
    assert difference == pytest.approx(
        metrics.rmse(actual, better) - metrics.rmse(actual, predicted), rel=1e-12
    )
    assert low <= difference <= high < 0
    apart = metrics.interval(actual, predicted, user)
    assert high - low < 0.2 * (apart[1] - apart[0])


def test_folds_with_the_same_users_are_no_more_certain_than_one(held_out):
    # Users, not folds, are drawn: the same ratings five times over are not five times the news.
    shares = metrics.error_shares(*held_out, n_users=40)
    assert metrics.estimate([shares] * 5) == pytest.approx(metrics.estimate(shares), rel=1e-12)


def test_folds_with_errors_of_their_own_are_more_certain_than_one():
    rng, user = np.random.default_rng(0), np.repeat(np.arange(100), 4)
    folds = [metrics.error_shares(np.zeros(400), rng.normal(size=400), user, 100) for _ in range(9)]
    value, low, high = metrics.estimate(folds)
    assert value == pytest.approx(np.mean([fold.value for fold in folds]), rel=1e-14)
    _, low_of_one, high_of_one = metrics.estimate(folds[0])
    # Nine folds that err independently: a third of the width.
    assert 1 / 4 < (high - low) / (high_of_one - low_of_one) < 1 / 2.4


def test_the_draws_do_not_depend_on_how_many_are_made_at_once(held_out, monkeypatch):
    shares = [metrics.error_shares(*held_out, n_users=40, metric=m) for m in metrics.METRICS]
    at_once = metrics.draws(shares, 100)
    monkeypatch.setattr(metrics, "COUNTS_AT_ONCE", 40 * 7 + 3)
    np.testing.assert_allclose(metrics.draws(shares, 100), at_once, rtol=1e-12)


def test_an_unknown_metric_is_refused_with_those_there_are(held_out):
    with pytest.raises(ValueError, match="one of rmse, mae. Received: 'mse'"):
        metrics.interval(*held_out, metric="mse")


def test_recall_of_a_list_that_holds_a_movie_twice_is_refused():
    """More hits than relevant movies would be a recall of 2."""
    with pytest.raises(ValueError, match="at most as many hits as relevant movies"):
        metrics.recall(np.array([[True, True]]), np.array([1]))
    with pytest.raises(ValueError, match="should have a relevant movie"):
        metrics.recall(np.array([[False, False]]), np.array([0]))
