"""Somebody new is solved for as training would, and every prediction is the sum of its reasons."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cflib import Ratings, _kernels, data, fit_als, fit_bayes, fit_implicit, fit_means, people
from tests.conftest import make_ratings


@pytest.fixture(scope="module")
def ratings():
    return make_ratings(80, 60, 2000, seed=5)


@pytest.fixture(scope="module")
def model(ratings):
    return fit_als(ratings, n_features=4, lam=0.5, lam_power=0.4)


@pytest.fixture(scope="module")
def sampled(ratings):
    return fit_bayes(ratings, n_features=3, iterations=80, burn_in=30, n_samples=25)


def one_user(model, movie_index, values):
    """A person's ratings as a `Ratings` of one user on the model's movies."""
    return Ratings(
        movie_index=np.asarray(movie_index, np.int32),
        user_index=np.zeros(len(values), np.int32),
        value=np.asarray(values, np.float32),
        timestamp=None,
        movie_ids=model.movie_ids,
        user_ids=np.zeros(1, np.int64),
        movies=model.movies,
        scale=model.scale,
        name="one person's ratings",
    )


def given_by(ratings, user):
    mine = ratings.user_index == user
    return dict(
        zip(
            ratings.movie_ids[ratings.movie_index[mine]].tolist(),
            ratings.value[mine].tolist(),
            strict=True,
        )
    )


GIVEN = {10: 5, 13: 1.5, 40: 4, 100: 3, 103: 0.5}


@pytest.mark.parametrize("method", ["movie_user_damped", "movie", "global", "none"])
def test_fold_in_of_a_trained_user_reproduces_their_row(ratings, method):
    model = fit_als(ratings, n_features=4, lam=0.5, normalization=method)
    for user in (0, 7, 31):
        found = people.fold_in(model, given_by(ratings, user), bias="free")
        np.testing.assert_allclose(found.weights, model.W[user], atol=2e-5)
        assert found.bias == pytest.approx(model.b[0, user], abs=2e-5)
        assert found.level == pytest.approx(model.normalization.user_mu[0, user], abs=1e-6)
        np.testing.assert_allclose(found.scores(), model.score_user(user), atol=3e-5)


@pytest.mark.parametrize("bias", ["none", "ridge", "free"])
def test_fold_in_is_the_kernels_solution(ratings, model, bias):
    """The pseudo-inverse in double precision against the compiled solver."""
    i = np.searchsorted(model.movie_ids, list(GIVEN))
    person = people.fold_in(model, GIVEN, bias)
    residual = person.values - model.normalization.Y_mu[i, 0] - person.level
    lam = 0.5 * len(i) ** 0.4
    w, b = _kernels.solve_row(i, residual, model.X, model.c[:, 0], lam, bias)
    np.testing.assert_allclose(person.weights, w, atol=1e-5)
    assert person.bias == pytest.approx(b, abs=1e-5)


def test_without_a_rating_it_is_the_list_for_everybody(ratings, model, sampled):
    for m in (model, sampled, fit_means(ratings), fit_implicit(ratings, iterations=2)):
        person = people.fold_in(m, {})
        np.testing.assert_allclose(person.scores(), m.score_new_user(), atol=2e-6)
        new = people.recommend_new(m, {}, 7)
        assert new["movieId"].tolist() == people.new_user_list(m, 7)["movieId"].tolist()
        assert new.attrs["note"].startswith("No ratings yet")


@pytest.mark.parametrize("method", ["movie_user_damped", "movie_damped"])
def test_one_rating_moves_only_a_little_and_a_free_bias_by_all_of_its_surprise(ratings, method):
    model = fit_als(ratings, n_features=4, normalization=method)
    stranger = model.score_new_user()
    surprise = 5 - stranger[0]
    moved, free = (
        np.abs(people.fold_in(model, {10: 5}, bias).scores() - stranger) for bias in (None, "free")
    )
    assert 0 < np.median(moved) < 0.35 * surprise
    np.testing.assert_allclose(free, surprise, atol=1e-5)


def test_a_higher_rating_raises_the_movie_itself_and_more_ratings_move_more(model):
    scores = [people.fold_in(model, {10: stars}).scores()[0] for stars in (1, 3, 5)]
    assert scores == sorted(scores)
    differences = np.diff(scores)
    assert differences[0] == pytest.approx(differences[1], abs=1e-9)  # it is linear


@pytest.mark.parametrize("kind", ["none", "ridge", "free", "bayes", "means"])
def test_contributions_sum_to_the_prediction(ratings, model, sampled, kind):
    m = {"bayes": sampled, "means": fit_means(ratings)}.get(kind, model)
    person = people.fold_in(m, GIVEN, kind if kind in ("none", "ridge", "free") else None)
    scores = person.scores()
    for movie_id in (10, 22, 121, 247):
        table = people.explain(m, person, movie_id)
        i = ratings.movie_index_of(movie_id)
        assert table["contribution"].sum() == pytest.approx(scores[i], abs=1e-6)
        assert table.attrs["prediction"] == pytest.approx(scores[i], abs=1e-6)
        assert table.attrs["title"] == m.movies["title"].iloc[i]
        assert set(table["movieId"][:-1]) == set(GIVEN) and table["title"].iloc[-1] == "baseline"


@pytest.mark.parametrize("kind", ["factors", "bayes"])
def test_a_share_is_what_one_star_more_does(model, sampled, kind):
    """Counterfactual: rate a movie a star lower, and see the prediction move by its share."""
    m = sampled if kind == "bayes" else model
    table = people.explain(m, GIVEN, 22).set_index("movieId")
    i = np.flatnonzero(m.movie_ids == 22)[0]
    before = people.fold_in(m, GIVEN).scores()[i]
    for movie_id in (10, 40):
        after = people.fold_in(m, GIVEN | {movie_id: GIVEN[movie_id] - 1}).scores()[i]
        assert before - after == pytest.approx(table["share"][movie_id], abs=1e-9)


def test_the_baseline_is_what_ratings_as_expected_would_give(model):
    table = people.explain(model, GIVEN, 22)
    expected = dict(zip(table["movieId"][:-1], table["expected"][:-1], strict=True))
    as_expected = people.explain(model, expected, 22)
    assert as_expected["contribution"][:-1].abs().max() < 1e-9
    assert as_expected.attrs["prediction"] == pytest.approx(
        table["contribution"].iloc[-1], abs=1e-9
    )


def test_reasons_come_largest_first(model):
    size = people.explain(model, GIVEN, 22)["contribution"][:-1].abs()
    assert size.is_monotonic_decreasing


def test_the_reasons_of_a_ranking_are_the_likes_and_sum_to_the_score(ratings):
    model = fit_implicit(ratings, n_features=4, lam=1.0, iterations=3)
    table = people.explain(model, GIVEN, 22).set_index("movieId")
    score = people.fold_in(model, GIVEN).scores()[ratings.movie_index_of(22)]
    assert table["contribution"].sum() == pytest.approx(score, abs=1e-9)
    for movie_id, stars in GIVEN.items():  # 4 and 5 stars are likes, the others say nothing
        assert (table["contribution"][movie_id] != 0) == (stars >= 4)


def test_recommendations_are_the_highest_scores_of_what_is_not_rated(model):
    person = people.fold_in(model, GIVEN)
    table = people.recommend_new(model, person, 6)
    scores = person.scores()
    scores[person.movie_index] = -np.inf
    best = np.argsort(-scores)[:6]
    assert table["movieId"].tolist() == model.movie_ids[best].tolist()
    np.testing.assert_allclose(table["prediction"], np.clip(scores[best], *model.scale))
    assert table["n_ratings"].tolist() == model.movie_counts[best].tolist()
    everything = people.recommend_new(model, GIVEN, 1000)
    assert not set(GIVEN) & set(everything["movieId"])
    assert len(everything) == model.n_movies - len(GIVEN)


def test_one_person_and_a_set_of_one_user_fold_into_a_ranking_model_alike(ratings):
    model = fit_implicit(ratings, n_features=4, lam=1.0, iterations=3)
    i = np.searchsorted(model.movie_ids, list(GIVEN))
    folded = model.fold_in(one_user(model, i, list(GIVEN.values())))
    np.testing.assert_allclose(
        people.fold_in(model, GIVEN).scores(), folded.score_user(0), atol=1e-6
    )


# The posterior ------------------------------------------------------------------------------


def test_the_posterior_of_a_new_user_is_what_draws_of_it_average_to(sampled):
    """The exact mixture against `BayesModel.fold_in`, drawn many times."""
    person = people.fold_in(sampled, GIVEN)
    own = one_user(sampled, person.movie_index, person.values)
    everything, nobody = np.arange(sampled.n_movies), np.zeros(sampled.n_movies, int)
    drawn = [sampled.fold_in(own, seed=s).samples(everything, nobody) for s in range(200)]
    mean, sd = np.mean(drawn, axis=(0, 1)), np.std(drawn, axis=(0, 1))
    se = person.std() / np.sqrt(200 * sampled.n_samples)
    assert (np.abs(mean - person.scores()) < 5 * se + 1e-3).all()
    np.testing.assert_allclose(sd, person.std(), rtol=0.06)


def test_users_fold_into_a_bayesian_model_as_draws(ratings, sampled):
    folded = sampled.fold_in(ratings, bias="free")
    assert type(folded) is type(sampled) and folded.n_users == ratings.n_users
    pairs = ratings.movie_index, ratings.user_index
    apart = folded.predict(*pairs) - sampled.predict(*pairs)
    assert np.abs(apart).mean() < 0.25
    low, high = folded.predict_interval(*pairs)
    assert np.mean((low <= ratings.value) & (ratings.value <= high)) > 0.8


def test_the_more_somebody_has_rated_the_surer_it_is():
    ratings, _ = data.synthetic(150, 200, 12_000, n_features=3, seed=4)
    model = fit_bayes(ratings, n_features=3, iterations=60, burn_in=30, n_samples=20)
    given = given_by(ratings, 3)
    few = dict(list(given.items())[:3])
    spread = [people.fold_in(model, g).std().mean() for g in ({}, few, given)]
    assert spread[0] > spread[1] > spread[2]
    person = people.fold_in(model, given)
    low, high = person.interval(0.9)
    inside = np.mean((low <= person.values.mean()) & (person.values.mean() <= high))
    assert inside > 0.5 and (low < high).all()
    assert (person.std(noise=True) > person.std()).all()


def test_the_blocks_of_a_bayesian_model_are_its_samples(sampled):
    i, j = np.arange(5), np.arange(5)
    x, w = sampled.blocks(sampled.X), sampled.blocks(sampled.W)
    dot = np.einsum("snk,snk->sn", x[:, i], w[:, j])
    dot += sampled.sample_c[:, i] + sampled.sample_b[:, j]
    dot += sampled.normalization.baseline(i, j)
    np.testing.assert_allclose(dot, sampled.samples(i, j), atol=1e-5)


def test_a_lower_bound_needs_a_model_that_knows_how_sure_it_is(model, sampled):
    with pytest.raises(TypeError, match="doesn't know how sure it is"):
        people.recommend_new(model, GIVEN, by="lower")
    person = people.fold_in(sampled, GIVEN)
    table = people.recommend_new(sampled, person, 5, by="lower")
    lower = person.scores() - 1.2816 * person.std()
    lower[person.movie_index] = -np.inf
    assert table["movieId"].tolist() == sampled.movie_ids[np.argsort(-lower)[:5]].tolist()
    assert (table["lower"] < table["prediction"]).all()


# A new movie ---------------------------------------------------------------------------------


def test_a_movie_rated_as_a_trained_one_gets_its_features(ratings):
    """After enough iterations another half of one changes nothing, so a copy is the movie."""
    model = fit_als(ratings, n_features=3, lam=2.0, iterations=200)
    i = int(np.argmax(ratings.movie_counts))
    mine = ratings.movie_index == i
    given = dict(
        zip(
            ratings.user_ids[ratings.user_index[mine]].tolist(),
            ratings.value[mine].tolist(),
            strict=True,
        )
    )
    new = people.fold_in_movie(model, given, 11, "A copy (2030)", "Drama")
    at = int(np.flatnonzero(new.movie_ids == 11)[0])
    assert at == 1 and new.n_movies == model.n_movies + 1  # between the ids 10 and 13
    k = i + (i >= at)
    assert new.movies["title"].iloc[at] == "A copy (2030)"
    assert new.movies["title"].iloc[k] == model.movies["title"].iloc[i]
    np.testing.assert_allclose(new.X[at], new.X[k], atol=2e-2)
    everybody = np.arange(ratings.n_users)
    np.testing.assert_allclose(
        new.score_users(everybody)[at], new.score_users(everybody)[k], atol=2e-2
    )
    assert new.movie_counts[at] == len(given)
    assert 11 in set(people.similar(new, model.movie_ids[i], 1)["movieId"])


def test_a_movie_nobody_rated_is_predicted_the_mean(model):
    new = people.fold_in_movie(model, {}, 11, "Unseen (2031)")
    at = int(np.flatnonzero(new.movie_ids == 11)[0])
    assert new.score_new_user()[at] == pytest.approx(model.normalization.mean, abs=1e-5)


def test_what_cannot_be_folded_in_is_refused(model, sampled):
    for call, error, message in [
        (lambda: people.fold_in(model, GIVEN, "loose"), ValueError, "`bias` should be None or"),
        (lambda: people.fold_in(model, {10: 6}), ValueError, "from 0.5 to 5. Received: 6"),
        (lambda: people.fold_in_movie(model, {}, 10, "x"), ValueError, "should be new"),
        (lambda: people.fold_in_movie(model, {5: 3}, 11, "x"), KeyError, "no user with the id"),
        (lambda: people.fold_in_movie(model, {100: 9}, 11, "x"), ValueError, "Received: 9"),
        (lambda: people.fold_in_movie(sampled, {}, 11, "x"), TypeError, "of the cost only"),
        (lambda: people.fold_in(model, GIVEN).std(), TypeError, "how sure"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_a_folded_user_can_be_passed_wherever_ratings_can(model):
    person = people.fold_in(model, GIVEN)
    assert people.fold_in(model, person) is person
    assert dataclasses.is_dataclass(person) and "5 ratings" in repr(person)


@pytest.mark.parametrize("fit", [fit_als, fit_implicit])
def test_sixty_thousand_ratings_of_one_person_are_no_square_of_them(fit):
    """An array of ratings x ratings would be 29 GB, more than tests have; the sum stays exact."""
    n, rng = 60_000, np.random.default_rng(0)
    movies = np.append(np.arange(n, dtype=np.int32), np.arange(9, dtype=np.int32))
    ids = np.array([f"b{i:05}" for i in range(n)], object)
    ratings = Ratings(
        movie_index=movies,
        user_index=np.repeat(np.array([0, 1], np.int32), [n, 9]),
        value=rng.integers(1, 6, n + 9).astype(np.float32),
        timestamp=None,
        movie_ids=ids,
        user_ids=np.arange(2),
        movies=pd.DataFrame({"movieId": ids, "title": ids, "genres": ""}),
    )
    model = fit(ratings, iterations=1, n_features=4)
    person = people.fold_in(model, zip(ids, ratings.value[:n].tolist(), strict=True))
    reasons = people.explain(model, person, "b00007")
    assert len(reasons) == n + 1
    assert reasons.attrs["prediction"] == pytest.approx(person.scores()[7], abs=1e-6)
