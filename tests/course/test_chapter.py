"""What chapters import: they show source and figures, record results, and share the model."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cflib import fit_means
from course import chapter

from ..conftest import make_ratings


def documented():
    """Say nothing."""


def test_the_source_is_the_function_s_own_docstring_included():
    shown = chapter.source(documented, documented).data
    once = 'def documented():\n    """Say nothing."""'
    assert shown == f"```python\n{once}\n\n{once}\n```"


def test_a_figure_is_shown_with_its_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr(chapter, "display", lambda data, **about: shown.append((data, about)))
    chapter.show(Figure(), alt="nothing at all")
    ((data, about),) = shown
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == "[picture: nothing at all]"
    assert about["metadata"] == {"image/png": {"alt": "nothing at all"}}


def test_a_figure_that_says_what_it_shows_needs_no_text_and_any_other_does(monkeypatch):
    shown = []
    monkeypatch.setattr(chapter, "display", lambda *what, **about: shown.append(about))
    chapter.show(Figure(label="a line that rises"))
    assert shown[0]["metadata"] == {"image/png": {"alt": "a line that rises"}}
    with pytest.raises(ValueError, match="needs an alternative text"):
        chapter.show(Figure())


def test_a_claim_fails_where_the_text_makes_it_and_is_reported_elsewhere(capsys):
    chapter.claim(True, "two is even")
    assert not capsys.readouterr().out
    with pytest.raises(AssertionError, match="text says that two is odd, and here it is not so"):
        chapter.claim(False, "two is odd")
    chapter.claim(False, "two is odd", as_written=False)
    chapter.claim(np.bool_(True), "two is even", as_written=False)
    odd, even = capsys.readouterr().out.splitlines()
    assert "is not so that two is odd" in odd and "is still so that two is even" in even


def test_a_chapter_does_not_wait_for_what_runs_it():
    program = (
        "import sys, course.chapter, course.run, course.doctor\n"
        "slow = {'nbformat', 'papermill', 'nbconvert', 'matplotlib', 'tensorflow', 'distributed'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_records_of_several_chapters_come_together_in_order(tmp_path):
    chapter.record(tmp_path, "b", 1)
    chapter.record(str(tmp_path), "a", {"x": [None, True, "é", np.float32(0.5), np.int64(3)]})
    chapter.record(tmp_path, "b", 2.5)
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"b": 2.5, "a": {"x": [None, True, "é", 0.5, 3]}}
    assert list(json.loads(text)) == ["b", "a"]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_a_chapter_that_stands_alone_records_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chapter.record("", "a", 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "where", "received"),
    [
        (float("nan"), "found", "nan"),
        ({"rmse": [1.0, float("inf")]}, r"found.rmse\[1\]", "inf"),
        ({"x": np.zeros(3)}, "found.x", "a ndarray"),
        ({"x": {1: 2}}, "found.x", "a dict"),
        (pd.DataFrame({"rmse": [np.nan]}, ["a model"]), "found.a model.rmse", "nan"),
        ({1, 2}, "found", "a set"),
        ({"x": Figure()}, "found.x", "a Figure"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_name_run_or_not(tmp_path, value, where, received):
    for run_dir in ("", tmp_path):
        with pytest.raises(ValueError, match=f"`{where}` should be .* Received: {received}"):
            chapter.record(run_dir, "found", value)
    assert list(tmp_path.iterdir()) == []


def test_a_figure_is_a_picture_in_the_run_s_folder(tmp_path):
    figure = Figure()
    figure.subplots().plot([1, 2])
    chapter.record("", "alone", figure)
    chapter.record(tmp_path, "learning curve", figure)
    assert chapter.read_metrics(tmp_path) == {"learning curve": {"figure": "learning curve.png"}}
    assert (tmp_path / "learning curve.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 2
    recorded = chapter.read_metrics(tmp_path)["learning curve"]
    assert chapter.picture(recorded) == "learning curve.png"
    for other in ("a.png", {"figure": 3}, {"figure": "../a.png"}, {"figure": "a.png", "x": 1}):
        assert chapter.picture(other) == ""


@pytest.mark.parametrize("name", ["a/b", "../a", ".a", "", "a:b"])
def test_a_figure_whose_name_no_file_can_have_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"the name of a figure.* Received: {name!r}"):
        chapter.record(tmp_path, name, Figure())
    assert list(tmp_path.iterdir()) == []


def test_the_run_s_model_is_loaded_where_it_is_and_trained_where_it_is_not(tmp_path, capsys):
    ratings = make_ratings()

    def never():
        raise AssertionError("trained although the model is there")

    trained = chapter.model(tmp_path, lambda: fit_means(ratings))
    assert "trained again" in capsys.readouterr().out
    trained.save(tmp_path / "model.npz")
    loaded = chapter.model(tmp_path, never)
    assert "chapter 3 left" in capsys.readouterr().out
    np.testing.assert_array_equal(loaded.score_user(0), trained.score_user(0))
    with pytest.raises(AssertionError):
        chapter.model("", never)
