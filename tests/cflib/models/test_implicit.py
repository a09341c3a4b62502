"""fit_implicit against the dense closed form, and most popular."""

import dataclasses

import numpy as np
import pytest

from cflib import evaluation, fit_implicit, fit_popularity, people, rank
from cflib.models.implicit import solve_preferences
from cflib.split import holdout
from tests.conftest import make_ratings

SETTINGS = [
    {"lam": 0.5, "alpha": 1.0, "threshold": None},
    {"lam": 20.0, "alpha": 0.3, "threshold": None},
    {"lam": 3.0, "alpha": 40.0, "threshold": 3.5},
    {"lam": 2.0, "lam_power": 1.5, "alpha": 5.0, "threshold": 3.5},
]


def preferences(ratings, alpha, threshold, **_):
    """The definition, dense and in float64: p, and the weights a, (n_movies, n_users)."""
    Y, R = ratings.dense()
    p = ((R == 1) & (Y >= (threshold or 0))).astype(np.float64)
    return p, 1 + alpha * p


def ridges(a, lam, lam_power=0.0, **_):
    """λ of each movie and of each user: λ times the mean weight of the row's pairs, to the p."""
    return lam * a.mean(axis=1) ** lam_power, lam * a.mean(axis=0) ** lam_power


def dense_cost(X, W, p, a, settings):
    error = (a * (p - X @ W.T) ** 2).sum()
    of_movies, of_users = ridges(a, **settings)
    penalty = (of_movies[:, None] * X**2).sum() + (of_users[:, None] * W**2).sum()
    return 0.5 * (error + penalty)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("n_features", [1, 5, 40])
def test_every_user_is_the_closed_form_of_the_movies(ratings, settings, n_features):
    model = fit_implicit(ratings, n_features=n_features, iterations=3, **settings)
    p, a = preferences(ratings, **settings)
    X, known = model.X.astype(np.float64), p.any(axis=0)
    _, lam = ridges(a, **settings)
    for j in np.flatnonzero(known):
        left = X.T @ (a[:, j, None] * X) + lam[j] * np.eye(n_features)
        by_hand = np.linalg.solve(left, X.T @ (a[:, j] * p[:, j]))
        definition = solve_preferences(p[:, j], X, lam[j], settings["alpha"])
        np.testing.assert_allclose(definition, by_hand, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(model.W[j], definition, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("settings", SETTINGS)
def test_where_it_ends_no_gradient_is_left_on_either_side(ratings, settings):
    model = fit_implicit(ratings, n_features=3, iterations=500, **settings)
    p, a = preferences(ratings, **settings)
    known = p.any(axis=0)  # the others have the mean of these, which no cost asks for
    X, W = model.X.astype(np.float64), model.W[known].astype(np.float64)
    slope = a[:, known] * (X @ W.T - p[:, known])
    full = np.abs(a * p).sum(axis=0).max()
    of_movies, of_users = (lam[:, None] for lam in ridges(a, **settings))
    assert np.abs(slope @ W + of_movies * X).max() < 1e-4 * full
    assert np.abs(slope.T @ X + of_users[known] * W).max() < 1e-4 * full


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("n_features", [2, 40])
def test_no_half_of_an_iteration_raises_the_cost(settings, n_features):
    model = fit_implicit(
        make_ratings(60, 40, 900), n_features=n_features, iterations=30, **settings
    )
    costs = model.history[["cost_movies", "cost"]].to_numpy().ravel()[1:]
    assert len(costs) == 61
    assert (np.diff(costs) <= 1e-6 * costs[:-1]).all()
    assert costs[-1] < 0.99 * costs[0]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_cost_it_reports_is_the_definition(ratings, settings):
    model = fit_implicit(ratings, n_features=4, iterations=3, **settings)
    p, a = preferences(ratings, **settings)
    W = np.where(p.any(axis=0)[:, None], model.W, 0)
    by_hand = dense_cost(model.X.astype(np.float64), W.astype(np.float64), p, a, settings)
    assert model.history["cost"].iloc[-1] == pytest.approx(by_hand, rel=1e-5)


def test_with_enough_features_and_almost_no_ridge_it_reproduces_who_rated_what(ratings):
    model = fit_implicit(
        ratings, n_features=20, lam=1e-3, alpha=1.0, threshold=None, iterations=100
    )
    p, _ = preferences(ratings, 1.0, None)
    scores = model.score_users(np.arange(ratings.n_users))[:, :-1]  # the last user rated nothing
    np.testing.assert_allclose(scores, p[:, :-1], atol=0.01)


def test_how_many_stars_it_were_does_not_matter_but_for_the_threshold(ratings):
    other = dataclasses.replace(ratings, value=np.full(len(ratings), 3, np.float32))
    first, second = (
        fit_implicit(r, n_features=4, iterations=3, lam=1.0, threshold=None)
        for r in (ratings, other)
    )
    np.testing.assert_array_equal(first.X, second.X)
    liked = fit_implicit(ratings, n_features=4, iterations=3, lam=1.0, threshold=4.0)
    alone = fit_implicit(
        ratings.take(ratings.value >= 4), n_features=4, iterations=3, lam=1.0, threshold=None
    )
    np.testing.assert_array_equal(liked.W, alone.W)
    assert np.abs(liked.X - first.X).max() > 0.01


@pytest.fixture(scope="module")
def two_tastes():
    """Two crowds, each of whom rates 30 of 50 movies of their own; stars mean nothing."""
    rng = np.random.default_rng(0)
    chosen = np.concatenate([rng.permuted(np.arange(50)[None].repeat(60, 0), axis=1)[:, :30]] * 2)
    user = np.arange(120).repeat(30)
    movie = chosen.ravel() + np.where(user < 60, 0, 50)
    ratings = make_ratings(
        100,
        120,
        1,
        movie_index=movie.astype(np.int32),
        user_index=user.astype(np.int32),
        value=np.full(len(user), 5, np.float32),
        timestamp=None,
    )
    return holdout(ratings, 0.2)


def test_it_recommends_from_the_own_crowd_and_most_popular_does_not(two_tastes):
    models = {
        "implicit": fit_implicit(two_tastes.train, n_features=2, lam=1.0, alpha=5.0),
        "popular": fit_popularity(two_tastes.train),
    }
    lists = evaluation.recommended(models, two_tastes, k=10)
    crowd = np.arange(120)[:, None] >= 60
    assert ((lists["implicit"] >= 50) == crowd).all()
    # Of what is left to recommend a third is of the own crowd: 26 movies to 50.
    assert 0.2 < ((lists["popular"] >= 50) == crowd).mean() < 0.5
    table = rank(models, two_tastes)
    assert table.loc["implicit", "recall_low"] > table.loc["popular", "recall_high"]


def test_somebody_without_ratings_gets_what_most_people_would_get(ratings):
    model = fit_implicit(ratings, n_features=4, lam=0.5, threshold=4.5)
    liked = ratings.take(ratings.value >= 4.5)
    new = liked.user_counts == 0
    assert model.notes["n_unknown_users"] == new.sum() > 0
    np.testing.assert_allclose(model.W[new], model.W[~new].mean(axis=0)[None].repeat(new.sum(), 0))
    np.testing.assert_allclose(model.score_user(19), model.score_new_user(), atol=1e-6)
    assert np.corrcoef(model.score_new_user(), liked.movie_counts)[0, 1] > 0.7


@pytest.mark.parametrize("settings", SETTINGS)
def test_fold_in_of_the_trained_users_reproduces_them(ratings, settings):
    model = fit_implicit(ratings, n_features=4, iterations=3, **settings)
    again = model.fold_in(ratings, bias="free")
    known = preferences(ratings, **settings)[0].any(axis=0)
    np.testing.assert_array_equal(again.W[known], model.W[known])
    np.testing.assert_allclose(again.W, model.W, atol=1e-6)


def test_fold_in_recommends_to_somebody_new_from_their_own_crowd(two_tastes):
    model = fit_implicit(two_tastes.train, n_features=2, lam=1.0, alpha=5.0)
    new = dataclasses.replace(
        two_tastes.train.take(np.arange(0)),
        movie_index=np.array([60, 70], np.int32),
        user_index=np.zeros(2, np.int32),
        value=np.full(2, 5, np.float32),
        user_ids=np.array([1]),
    )
    folded = model.fold_in(new, bias="free")
    assert (people.recommend(folded, new, 1)["movieId"] >= model.movie_ids[50]).all()
    popular = fit_popularity(two_tastes.train)
    np.testing.assert_array_equal(
        popular.fold_in(new, bias="free").score_user(0), two_tastes.train.movie_counts
    )


def test_the_score_of_most_popular_is_the_number_of_ratings(ratings):
    model = fit_popularity(ratings)
    for scores in (model.score_user(3), model.score_user(19), model.score_new_user()):
        np.testing.assert_array_equal(scores, ratings.movie_counts)
    shown = people.new_user_list(model, 5)
    assert (shown["score"] == shown["n_ratings"]).all()
    assert (shown["n_ratings"] == np.sort(ratings.movie_counts)[:-6:-1]).all()


@pytest.mark.parametrize("fit", [fit_popularity, fit_implicit])
def test_it_does_not_predict_ratings_and_says_what_to_use(ratings, fit):
    with pytest.raises(TypeError, match=r"ranks movies, .* not ratings: use `evaluation.rank`"):
        fit(ratings).predict([0], [0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lam": 0}, "`lam` should be positive. Received: 0"),
        ({"alpha": -1.0}, "`alpha` should be positive. Received: -1.0"),
        ({"n_features": 0}, "`n_features` should be a positive integer. Received: 0"),
        ({"iterations": 1.5}, "`iterations` should be a positive integer. Received: 1.5"),
        ({"threshold": 6.0}, "no rating is at or above the `threshold` of 6.0; None counts all"),
    ],
)
def test_what_cannot_be_solved_is_refused(ratings, arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_implicit(ratings, **arguments)


def test_counts_weigh_by_their_logarithm_and_fold_in_alike(ratings):
    counts = dataclasses.replace(
        ratings, value=np.round(ratings.value * 20).astype(np.float32), kind="counts"
    )
    settings = {"n_features": 4, "lam": 1.0, "alpha": 2.0, "threshold": None, "iterations": 3}
    model = fit_implicit(counts, **settings)
    X = model.X.astype(np.float64)
    for j in range(5):
        strength = np.zeros(counts.n_movies)
        mine = counts.user_index == j
        strength[counts.movie_index[mine]] = np.log2(1 + counts.value[mine])
        np.testing.assert_allclose(
            model.W[j], solve_preferences(strength, X, 1.0, 2.0), rtol=1e-3, atol=1e-5
        )
    given = dict(
        zip(
            *(counts.frame()[counts.user_index == 3][c] for c in ("movieId", "rating")), strict=True
        )
    )
    person = people.fold_in(model, given)
    np.testing.assert_allclose(person.scores(), model.score_user(3), atol=1e-5)
    flat = fit_implicit(counts, **settings, weigh_counts=False)
    assert np.abs(flat.W - model.W).max() > 0.01
