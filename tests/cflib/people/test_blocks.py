"""Lists of many users at once are what each user's list is alone."""

import dataclasses

import numpy as np
import pytest

from cflib import fit_als, fit_popularity, people
from tests.bookshop import books, read


@pytest.fixture(scope="module")
def ratings():
    return read(books(100, 60, 2_000))


@pytest.mark.parametrize("fit", [lambda r: fit_als(r, n_features=4), fit_popularity])
@pytest.mark.parametrize("diversity", [0.0, 0.5])
def test_lists_in_blocks_are_the_lists_of_recommend(ratings, fit, diversity):
    model = fit(ratings)
    allowed = people.allowed_items(model, exclude=np.array([3, 5]), min_ratings=30)
    users = np.array([7, 3, 99])
    (block,) = people.lists_in_blocks(
        model, ratings, users, 6, allowed=allowed, diversity=diversity
    )
    for user in users:
        user_id = ratings.user_ids[user]
        mine = block[block["userId"] == user_id]
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        alone = people.recommend(
            model, ratings, user_id, 8 if diversity == 0 else 6, 30, diversity=diversity
        )
        expected = [i for i in alone["movieId"] if i not in model.movie_ids[[3, 5]]]
        if diversity == 0:  # the diverse list of fewer candidates is another list
            assert mine["movieId"].tolist() == expected[:6]
        assert not set(mine["movieId"]) & set(model.movie_ids[[3, 5]])
        assert (mine["n_ratings"] >= 30).all()


def test_of_equal_scores_the_first_row_comes_first_and_what_is_left_out_never(ratings):
    flat = fit_popularity(ratings)
    flat = dataclasses.replace(flat, c=np.zeros_like(flat.c))
    (block,) = people.lists_in_blocks(flat, ratings, np.arange(100), 60)
    for user, mine in block.groupby("userId"):
        rated = ratings.movie_index[ratings.user_index == ratings.user_index_of(user)]
        unrated = np.setdiff1d(np.arange(60), rated)
        assert mine["movieId"].tolist() == ratings.movie_ids[unrated].tolist()
    assert block.columns.tolist()[-2:] == ["score", "n_ratings"]


def test_where_nothing_is_left_it_is_said(ratings):
    with pytest.raises(ValueError, match="no item of 60 is left to recommend"):
        people.allowed_items(fit_popularity(ratings), only=np.array([1]), exclude=np.array([1]))
