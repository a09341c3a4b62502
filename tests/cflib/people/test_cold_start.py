"""How well new users are served: no leaks, and the same errors as predicting one by one."""

import numpy as np
import pytest

from cflib import data, fit_als, metrics, people
from cflib.people import cold_start


@pytest.fixture(scope="module")
def planted():
    return data.synthetic(120, 160, 9000, n_features=3, seed=2)[0]


@pytest.fixture(scope="module")
def left_out(planted):
    return cold_start.leave_out(planted, 40, 15, seed=3)


@pytest.fixture(scope="module")
def model(left_out):
    return fit_als(left_out.train, n_features=4)


def pairs(ratings):
    return set(zip(ratings.movie_index.tolist(), ratings.user_index.tolist(), strict=True))


def test_no_rating_of_a_new_user_is_trained_on_and_none_is_lost(planted, left_out):
    new = set(left_out.test.user_index.tolist())
    assert len(new) == 40 and not new & set(left_out.train.user_index.tolist())
    assert set(left_out.given.user_index.tolist()) == new
    parts = [pairs(part) for part in (left_out.train, left_out.given, left_out.test)]
    assert set.union(*parts) == pairs(planted)
    assert sum(map(len, parts)) == len(planted)
    for n in (0, 1, 15):
        first = left_out.first(n)
        assert len(first) == 40 * n and pairs(first) <= parts[1]
    assert pairs(left_out.first(3)) < pairs(left_out.first(4))


def test_half_may_be_given_and_too_many_users_are_refused(planted):
    half = cold_start.leave_out(planted, 10, None)
    given, test = (np.bincount(part.user_index) for part in (half.given, half.test))
    assert (given <= test).all() and (test - given <= 1).all()
    with pytest.raises(ValueError, match="`n_users` should be from 1 to .* Received: 5000"):
        cold_start.leave_out(planted, 5000)


def test_the_curve_says_what_predicting_one_by_one_says(left_out, model):
    shares = cold_start.fold_in_errors(model, left_out, 5)
    given, errors = left_out.first(5), []
    for user in np.unique(left_out.test.user_index):
        mine, tested = given.user_index == user, left_out.test.user_index == user
        ids = model.movie_ids[given.movie_index[mine]]
        person = people.fold_in(model, dict(zip(ids, given.value[mine], strict=True)))
        predicted = np.clip(person.scores()[left_out.test.movie_index[tested]], 0.5, 5)
        errors.append(predicted - left_out.test.value[tested])
    assert shares.value == pytest.approx(np.sqrt(np.mean(np.concatenate(errors) ** 2)))


def test_people_are_served_better_the_more_they_say(left_out):
    table = cold_start.curve(left_out, lambda ratings: fit_als(ratings, n_features=4), (1, 5, 15))
    rmse = table.pivot(index="n_given", columns="method", values="rmse")
    assert rmse["cold start"].nunique() == 1
    assert rmse["fold-in"].is_monotonic_decreasing
    assert (rmse["fold-in"] < rmse["cold start"]).all()
    assert (rmse["fold-in"] <= rmse["retraining"] + 0.005).all()
    assert abs(rmse["fold-in, free bias"] - rmse["retraining"])[15] < 0.01
    retraining = table[table["method"] == "retraining"]
    assert (retraining["difference"] == 0).all() and (table["low"] < table["rmse"]).all()


def test_each_row_of_the_curve_is_the_rule_that_it_names(left_out, model):
    table = cold_start.curve(left_out, lambda ratings: fit_als(ratings, n_features=4), (3,))
    rmse = table.set_index("method")["rmse"]
    for method, bias in (("fold-in", None), ("fold-in, free bias", "free")):
        assert rmse[method] == cold_start.fold_in_errors(model, left_out, 3, bias).value
    assert rmse["fold-in"] != rmse["fold-in, free bias"]


def test_asking_changes_the_order_of_answers_and_nothing_else(left_out):
    movies = np.argsort(-left_out.train.movie_counts)[:30]
    asked = cold_start.ask(left_out, movies)
    assert pairs(asked.given) == pairs(left_out.given) and asked.test is left_out.test
    rank = {movie: k + 1 for k, movie in enumerate(movies.tolist())}
    for user in np.unique(asked.given.user_index):
        mine = asked.given.user_index == user
        assert asked.place[mine].tolist() == list(range(mine.sum()))
        question = [rank.get(movie, 31) for movie in asked.given.movie_index[mine].tolist()]
        assert question == sorted(question) == asked.question[mine].tolist()


def test_questions_tell_more_than_the_most_popular_movies(planted):
    half = cold_start.leave_out(planted, 60, None, seed=1)
    model = fit_als(half.train, n_features=4)
    questions = people.questions(model, 100)["movieId"]
    orders = {
        "popular": cold_start.ask(half, np.argsort(-model.movie_counts, kind="stable")),
        "questions": cold_start.ask(half, np.searchsorted(model.movie_ids, questions)),
    }
    table = cold_start.elicitation(model, orders, (5,)).set_index("order")
    assert table["rmse"]["questions"] < table["rmse"]["popular"]
    assert table["n_questions"]["questions"] >= 5
    assert isinstance(cold_start.fold_in_errors(model, half, 5), metrics.Shares)
