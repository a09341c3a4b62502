"""The table of published splits, on made-up ratings in the format of ml-100k."""

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import published
from cflib import data, fit_means, metrics
from tests.conftest import ml_100k


@pytest.fixture
def folder(tmp_path):
    return ml_100k(tmp_path / "ml-100k", n_movies=130)


def call(*args):
    result = CliRunner().invoke(published.main, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.output


def test_two_commands_give_our_row_beside_what_others_print(folder, monkeypatch):
    monkeypatch.setenv("CFLIB_DATA", str(folder.parent))
    code, out, _ = call("--tiny")
    assert code == 0
    lines = [line.strip("| ").split(" | ") for line in out.splitlines()]
    head, means = lines[0], next(line for line in lines if line[0] == "**damped means**")
    assert head[1:] == ["u1", "u2", "u3", "u4", "u5", "ua", "ub", "mean of u1 to u5"]
    errors = []
    for name, part in data.published_splits(folder).items():
        model = fit_means(part.train)
        predicted = model.predict(part.test.movie_index, part.test.user_index)
        errors.append(metrics.rmse(part.test.value, predicted))
        assert means[head.index(name)] == f"{errors[-1]:.4f}"
    assert means[-1] == f"{np.mean(errors[:5]):.4f}"
    assert "| GLocal-K, ratings alone | u1 | 0.8889 |" in out
    assert out.count("**fit_bayes") == 3 and "ml-10m" not in out


def test_lists_are_judged_among_drawn_movies(folder):
    code, out, _ = call("--tiny", "--lists", "--folder", folder)
    assert code == 0
    assert "**fit_implicit**" in out and "0.722, 0.445" in out


def test_a_folder_without_the_set_is_named(tmp_path):
    code, _, output = call("--folder", tmp_path / "nothing")
    assert code == 1 and "there should be a folder here" in output


def test_every_published_number_has_a_source_and_a_set_that_can_be_loaded():
    for entry in published.PUBLISHED:
        assert entry.source and entry.value and entry.set in data.sets.EDITIONS
