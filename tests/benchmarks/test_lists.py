"""The tables of lists: they run on a small set, and judge what they say that they judge."""

import dataclasses

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import lists
from cflib import data, evaluation, fit_implicit, fit_popularity, metrics
from cflib.data.synthetic import synthetic
from cflib.people import cold_start


@pytest.fixture(scope="module")
def ratings():
    return synthetic(120, 80, 4_000)[0]


def test_a_newcomers_list_is_judged_on_what_they_liked_of_the_rest(ratings):
    newcomers = cold_start.leave_out(ratings, 10, 5)
    models = {name: fit_popularity(newcomers.train) for name in ("a", lists.NOW)}
    shares = lists.left_out(models, newcomers, 3)["a"]
    person = int(np.flatnonzero(shares.weight)[0])
    given = newcomers.first(3)
    scores = models["a"].score_new_user().copy()
    scores[given.movie_index[given.user_index == person]] = -np.inf
    test = newcomers.test.take(newcomers.test.user_index == person)
    liked = set(test.movie_index[test.value >= newcomers.train.like_threshold])
    hits = [movie in liked for movie in np.argsort(-scores, kind="stable")[:10]]
    discount = 1 / np.log2(2 + np.arange(10))
    assert shares.total[person] == pytest.approx(
        discount @ hits / discount[: min(10, len(liked))].sum()
    )


def test_newcomers_who_give_all_are_judged_as_users_folded_in(ratings):
    newcomers = cold_start.leave_out(ratings, 10, 5)
    model = fit_implicit(newcomers.train, n_features=4, threshold=3.5)
    few, more = (lists.left_out({lists.NOW: model}, newcomers, n)[lists.NOW] for n in (1, 5))
    assert np.array_equal(few.weight, more.weight)  # the same people, on the same ratings
    assert not np.array_equal(few.total, more.total)


def test_known_users_are_judged_as_rank_does(ratings):
    from cflib import split

    part = split.latest(ratings, 0.2)
    models = {"x": fit_popularity(part.train)}
    assert lists.known(models, part)["x"].value == pytest.approx(
        evaluation.rank(models, part)["ndcg"]["x"]
    )


def test_both_tables_are_printed_and_written(ratings, monkeypatch, tmp_path):
    monkeypatch.setattr(data, "load", lambda name: dataclasses.replace(ratings, name=name))
    out = tmp_path / "lists.md"
    arguments = ["--set", "tiny", "--people", "10", "--quick", "--out", str(out)]
    done = CliRunner().invoke(lists.main, arguments)
    assert done.exit_code == 0, done.output
    assert out.read_text(encoding="utf-8") == done.output
    assert "were not compared" in done.output and "left out, after 20" in done.output
    assert done.output.count(lists.NOW) == 5 and "`tune.fit` kept blend" in done.output


def test_people_on_whom_a_setting_was_chosen_are_not_judged(ratings):
    newcomers = cold_start.leave_out(ratings, 10, 5)
    model = {lists.NOW: fit_popularity(newcomers.train)}
    all_people = np.flatnonzero(lists.left_out(model, newcomers, 3)[lists.NOW].weight)
    fewer = lists.without(newcomers, all_people[:4])
    assert np.array_equal(
        np.flatnonzero(lists.left_out(model, fewer, 3)[lists.NOW].weight), all_people[4:]
    )


def test_draws_are_joined_list_by_list():
    a, b = metrics.mean_shares([0.2], [0], 3), metrics.mean_shares([0.4, 0.9], [0, 2], 3)
    both = lists.joined("x", [{"x": a}, {"x": b}])
    assert both.value == pytest.approx((0.2 + 0.4 + 0.9) / 3) and list(both.weight) == [2, 0, 1]
