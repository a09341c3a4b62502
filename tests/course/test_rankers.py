"""The models of chapter 11 find what was planted, and compute what their formulas say."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cflib import Ratings, evaluation
from course import rankers
from course.rankers import Likes, Scores

N_USERS, N_MOVIES = 24, 30


def of_pairs(movie, user, value, n_movies=N_MOVIES, n_users=N_USERS) -> Ratings:
    """Ratings in the given order, which is that of time."""
    ids = np.arange(1, n_movies + 1)
    genres = ["Odd" if i % 2 else "Even" for i in range(n_movies)]
    return Ratings(
        movie_index=np.asarray(movie, np.int32),
        user_index=np.asarray(user, np.int32),
        value=np.asarray(value, np.float32),
        timestamp=np.arange(len(movie), dtype=np.int64),
        movie_ids=ids,
        user_ids=np.arange(1, n_users + 1),
        movies=pd.DataFrame({"movieId": ids, "title": "A movie", "genres": genres}),
    )


@pytest.fixture(scope="module")
def planted() -> Ratings:
    """Users like the movies of their own half, odd or even; each has rated two thirds of them."""
    rng = np.random.default_rng(4)
    rows = [
        (movie, user, 5.0 if movie % 2 == user % 2 else 1.0)
        for user in range(N_USERS)
        for movie in rng.permutation(N_MOVIES)[: 2 * N_MOVIES // 3]
    ]
    order = rng.permutation(len(rows))
    return of_pairs(*zip(*(rows[k] for k in order), strict=True))


FITS = {
    "neighbours": lambda ratings: rankers.fit_neighbours(ratings, n_neighbours=8),
    "markov": rankers.fit_markov,
    "bpr": lambda ratings: rankers.fit_bpr(ratings, 4, epochs=60, seed=1),
    "two towers": lambda ratings: rankers.fit_two_towers(ratings, 8, 12, 0.02, batch=64, seed=1),
    "neumf": lambda ratings: rankers.fit_neumf(ratings, 4, 8, 0.02, batch=64, seed=1),
}


@pytest.mark.parametrize("name", FITS)
def test_a_model_puts_the_movies_of_the_users_own_half_first(planted, name):
    model = FITS[name](planted)
    assert model.data_fingerprint == planted.fingerprint
    lists, _ = evaluation.top_n(model, planted, 3)
    assert np.mean(lists % 2 == np.arange(N_USERS)[:, None] % 2) > 0.95


@pytest.mark.parametrize("fit", [rankers.fit_bpr, rankers.fit_two_towers, rankers.fit_neumf])
def test_a_seed_gives_the_same_scores(planted, fit):
    one, again = (fit(planted, 2, 1, seed=1).scores for _ in range(2))
    np.testing.assert_array_equal(one, again)


def test_movies_that_nobody_liked_come_last_and_all_scores_are_finite(planted):
    unliked = planted.take(planted.movie_index != 7)
    scores = rankers.fit_neighbours(unliked).score_users(np.arange(N_USERS))
    assert np.isfinite(scores).all()
    assert (scores[7] < np.delete(scores, 7, axis=0).min(axis=0)).all()


def test_scores_of_lists_lead_to_these_lists(planted):
    lists, _ = evaluation.top_n(rankers.fit_markov(planted), planted, 4)
    lists[3, 2:] = -1
    again, _ = evaluation.top_n(Scores.of_lists(planted, lists), planted, 4)
    rows = np.arange(N_USERS) != 3
    np.testing.assert_array_equal(again[rows], lists[rows])
    np.testing.assert_array_equal(again[3, :2], lists[3, :2])


def test_negatives_are_never_liked_and_every_other_movie_is_drawn(planted):
    likes, rng = Likes(planted, 4.0), np.random.default_rng(0)
    user = np.repeat(np.arange(N_USERS), 500)
    drawn = likes.negatives(rng, user)
    is_like = likes.matrix.toarray() > 0
    assert not is_like[user, drawn].any()
    assert all(set(drawn[user == j]) == set(np.flatnonzero(~is_like[j])) for j in range(N_USERS))


def test_a_user_who_likes_everything_has_no_negatives():
    with pytest.raises(ValueError, match="a user liked all 2 movies"):
        Likes(of_pairs([0, 1, 0], [0, 0, 1], [5, 5, 5], 2, 2), 4.0).negatives(
            np.random.default_rng(0), np.array([0])
        )


def test_a_threshold_that_nobody_reaches_is_refused(planted):
    with pytest.raises(ValueError, match="`threshold` should be a rating that somebody gave.*9"):
        rankers.fit_markov(planted, threshold=9)


def test_the_latest_likes_are_the_last_in_time():
    likes = Likes(of_pairs([2, 0, 1, 2], [0, 0, 0, 1], [5, 5, 5, 5], 3, 2), 4.0)
    assert likes.latest(2).tolist() == [[1, 2], [3, 0]]


def test_neighbours_score_by_the_cosines_of_the_likes(planted):
    L = np.zeros((N_USERS, N_MOVIES))
    is_like = planted.value >= 4
    L[planted.user_index[is_like], planted.movie_index[is_like]] = 1
    common = L.T @ L
    similarity = common / (np.sqrt(np.outer(np.diag(common), np.diag(common))) + 3)
    np.fill_diagonal(similarity, 0)
    model = rankers.fit_neighbours(planted, n_neighbours=N_MOVIES, shrink=3.0)
    np.testing.assert_allclose(model.scores, (L @ similarity.T).T, rtol=1e-5)


def test_a_chain_follows_the_order_of_time():
    # two users like 0 and then 1; the third has liked 0 alone
    ratings = of_pairs([0, 1, 0, 1, 0, 2], [0, 0, 1, 1, 2, 0], [5] * 6, 4, 3)
    model = rankers.fit_markov(ratings, window=1, last=1, shrink=1.0)
    scores = model.score_users([2])[:, 0]
    assert scores[1] == pytest.approx(2 / 3)  # 2 of 2 transitions from 0, with a shrink of 1
    assert scores[2] == 0


def test_a_step_of_bpr_goes_down_the_gradient_of_its_cost():
    rng = np.random.default_rng(5)
    W, X, c = rng.normal(size=(2, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
    lam, rate, (j, i, o) = 0.3, 1e-7, (1, 2, 0)

    def cost(W, X, c):
        x = (X[i] - X[o]) @ W[j] + c[i] - c[o]
        penalty = W[j] @ W[j] + X[i] @ X[i] + X[o] @ X[o] + c[i] ** 2 + c[o] ** 2
        return np.log1p(np.exp(-x)) + lam / 2 * penalty

    moved = [array.copy() for array in (W, X, c)]
    rankers.bpr_epoch(*moved, *(np.array([n]) for n in (j, i, o)), rate, lam)
    for which, (array, after) in enumerate(zip((W, X, c), moved, strict=True)):
        for place in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                arguments = [a.copy() for a in (W, X, c)]
                arguments[which][place] += sign * 1e-5
                ends.append(cost(*arguments))
            gradient = (ends[0] - ends[1]) / 2e-5
            assert (array[place] - after[place]) / rate == pytest.approx(gradient, abs=1e-4)


def test_no_genre_and_no_time_are_no_hindrance(planted):
    bare = dataclasses.replace(planted, timestamp=None, movies=planted.movies.assign(genres=""))
    assert np.isfinite(rankers.fit_two_towers(bare, 4, 1).scores).all()
