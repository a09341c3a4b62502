"""Splits: nothing is lost, nothing is in both parts, and the folds can be made by anybody."""

import dataclasses

import numpy as np
import pytest

from cflib import split

SPLITS = {
    "holdout": lambda r: [split.holdout(r, 0.2, seed=3)],
    "kfold": lambda r: split.kfold(r, 5, seed=3),
    "by_time": lambda r: [split.by_time(r, 0.2)],
    "latest share": lambda r: [split.latest(r, fraction=0.2)],
    "latest n": lambda r: [split.latest(r, n=2)],
}


def pairs(ratings):
    return set(zip(ratings.movie_index.tolist(), ratings.user_index.tolist(), strict=True))


@pytest.mark.parametrize("make", SPLITS.values(), ids=SPLITS)
def test_train_and_test_are_disjoint_and_together_everything(ratings, make):
    for part in make(ratings):
        assert not pairs(part.train) & pairs(part.test)
        assert pairs(part.train) | pairs(part.test) == pairs(ratings)
        assert len(part.train) + len(part.test) == len(ratings)


@pytest.mark.parametrize("make", SPLITS.values(), ids=SPLITS)
def test_both_parts_keep_the_axes_and_each_ratings_value(ratings, make):
    Y, _ = ratings.dense()
    for part in make(ratings):
        for side in (part.train, part.test):
            assert side.movie_ids is ratings.movie_ids and side.user_ids is ratings.user_ids
            np.testing.assert_array_equal(Y[side.movie_index, side.user_index], side.value)


def test_folds_test_every_rating_exactly_once(ratings):
    tested = [pairs(fold.test) for fold in split.kfold(ratings, 4, seed=1)]
    assert sum(map(len, tested)) == len(ratings) and set.union(*tested) == pairs(ratings)


def test_folds_are_the_ones_that_numpy_alone_makes(ratings):
    order = np.random.default_rng(20261124).permutation(len(ratings))
    for rows, fold in zip(np.array_split(order, 5), split.kfold(ratings, 5, 20261124), strict=True):
        np.testing.assert_array_equal(ratings.value[np.sort(rows)], fold.test.value)
        np.testing.assert_array_equal(ratings.movie_index[np.sort(rows)], fold.test.movie_index)


def test_a_random_fifth_is_fold_0_of_five(ratings):
    first = split.kfold(ratings, 5, seed=7)[0]
    assert pairs(split.holdout(ratings, 0.2, seed=7).test) == pairs(first.test)


def test_a_cut_in_time_tests_on_nothing_older_than_what_it_trains_on(ratings):
    part = split.by_time(ratings, 0.3)
    assert part.train.timestamp.max() <= part.test.timestamp.min()
    assert len(part.test) == round(0.3 * len(ratings))


@pytest.mark.parametrize("arguments", [{"fraction": 0.25}, {"n": 3}])
def test_each_users_latest_ratings_are_tested(ratings, arguments):
    part = split.latest(ratings, **arguments)
    for user, count in enumerate(ratings.user_counts):
        older = part.train.timestamp[part.train.user_index == user]
        newer = part.test.timestamp[part.test.user_index == user]
        wanted = arguments["n"] if "n" in arguments else int(0.25 * count)
        assert len(newer) == min(wanted, max(count - 1, 0))
        assert not len(newer) or older.max() <= newer.min()


def test_a_user_with_one_rating_keeps_it_in_training(ratings):
    one_each = ratings.take(np.unique(ratings.user_index, return_index=True)[1])
    assert len(split.latest(one_each, n=1).test) == 0


def test_bad_arguments_are_refused_by_name(ratings):
    with pytest.raises(ValueError, match=r"`test_fraction` should be .*Received: 1.5"):
        split.holdout(ratings, 1.5)
    with pytest.raises(ValueError, match=r"`seed` should be 0 or more. Received: -1"):
        split.holdout(ratings, 0.2, -1)
    with pytest.raises(ValueError, match=r"`n_folds` should be .*Received: 1"):
        split.kfold(ratings, 1)
    with pytest.raises(ValueError, match="one of `fraction` and `n`"):
        split.latest(ratings)
    with pytest.raises(ValueError, match="no timestamps"):
        split.by_time(dataclasses.replace(ratings, timestamp=None))
