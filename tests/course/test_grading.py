"""Hidden tests give marks to right answers, and none to those that fit only what a check shows."""

import contextlib
import io

import nbformat
import pandas as pd
import pytest

from course import exercises, grading

from .test_exercises import SOLUTIONS, steps

SEED = 3
RANDOM = {"draw", "difference_interval"}  # functions whose answers differ each time
NOT_FOUND = {  # likely mistakes that a hidden test does not see, because only the check looks
    "squared_error": "the memory that it takes",
    "best_movies": "the memory that it takes",
    "recommend": "an argument that is changed",
}


def functions():
    """(chapter, exercise) of each function that is to be written."""
    for path in SOLUTIONS:
        for exercise in grading.known(path):
            if exercise.function:
                yield pytest.param(path, exercise, id=exercise.function)


def said(exercise, theirs, monkeypatch, seed=SEED):
    texts = []
    monkeypatch.setattr(grading, "display", lambda data, raw: texts.append(data["text/plain"]))
    grading.judge(exercise.function, theirs, exercise.solution, seed)
    (text,) = texts
    return text


def defined(source, name):
    names = {}
    exec(source, names)
    return names[name]


def test_every_function_that_students_write_has_inputs_and_each_input_has_a_function():
    asked = {
        cell.source.split("(")[0].removeprefix("def ")
        for path in SOLUTIONS
        for kind, cell in steps(path)
        if kind == "solution" and cell.source.startswith("def ")
    }
    made = {name for name, value in grading.inputs().items() if not isinstance(value, type)}
    assert {name for name in made if not name.endswith("_said")} == asked - RANDOM
    assert {name.removesuffix("_said") for name in made} <= asked


@pytest.mark.parametrize(("path", "exercise"), list(functions()))
def test_a_right_answer_passes_and_a_likely_mistake_does_not(path, exercise, monkeypatch):
    for seed in range(2):
        right = defined(exercise.solution, exercise.function)
        assert said(exercise, right, monkeypatch, seed) == "Right."
    imports = exercise.solution.split("\ndef ")[0]
    for kind, cell in steps(path):
        code = exercises.mistake(cell)[0] if kind == "wrong" else ""
        if code.startswith(f"def {exercise.function}("):
            wrong = defined(f"{imports}\n{code}", exercise.function)
            passed = said(exercise, wrong, monkeypatch) == "Right."
            assert not passed or exercise.function in NOT_FOUND, code
    assert said(exercise, None, monkeypatch).startswith("On new input it stops with TypeError")


def handed_in(folder, student, answers):
    """Exercises of chapter 11 with the student's sources, by the number of the answer."""
    notebook = nbformat.read(exercises.EXERCISES / "11_ranking.ipynb", as_version=4)
    for number, source in answers.items():
        (cell,) = (
            cell
            for cell in notebook.cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == f"11_ranking-{number}"
        )
        cell.source = source
    for cell in notebook.cells:
        if student == "cheat" and cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source = "print('Right. I say so.')"
    path = folder / student / "11_ranking.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def solutions():
    answers = [
        cell for kind, cell in steps(exercises.SOLUTIONS / "11_ranking.ipynb") if kind == "solution"
    ]
    return {n: cell.source for n, cell in enumerate(answers, start=1)}


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Points of each student, by the name of the exercise."""
    folder = tmp_path_factory.mktemp("handed_in")
    right = solutions()
    learned = (
        "def similarities(L, shrink):\n    count = L.sum(axis=0)\n"
        "    s = L.T @ L / (np.sqrt(np.outer(count, count)) + 2)\n"
        "    np.fill_diagonal(s, 0)\n    return s"
    )
    loops = (
        right[2].split("\n")[0]
        + "\n    while len(liked) != 3:\n        pass\n"
        + "\n".join(right[2].split("\n")[1:])
    )
    handed_in(folder, "right", right)
    handed_in(folder, "learned", right | {1: learned})
    handed_in(folder, "loops", right | {2: loops})
    handed_in(folder, "leaves", right | {1: "import os\nos._exit(1)"})
    handed_in(folder, "cheat", {})
    (folder / "unread").mkdir()
    (folder / "unread" / "11_ranking.ipynb").write_text("{")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert grading.main([str(folder), "--seed", "5", "--limit", "8"]) == 0
    return folder, printed.getvalue()


@pytest.mark.long
def test_marks_follow_the_hidden_tests(marked):
    folder, printed = marked
    table = pd.read_csv(folder / "marks.csv")
    assert table.columns.tolist() == grading.COLUMNS and set(table["seed"]) == {5}
    by_hand = table[table["points"].isna()]
    assert set(by_hand["exercise"]) == {"in words"} and len(by_hand) == 6
    marks = table[table["points"].notna()].pivot(index="exercise", columns="student")
    points, of = marks["points"], marks["of"]
    assert (points["right"] == of["right"]).all()
    assert (points["cheat"] == 0).all() and (points["unread"] == 0).all()
    lost = {
        student: set(points.index[points[student] < of[student]])
        for student in ("learned", "loops", "leaves")
    }
    assert lost == {
        "learned": {"similar_movies"},
        "loops": {"the_cost_of_an_order"},
        "leaves": {"similar_movies"},
    }
    assert bool(marks["check"].loc["similar_movies", "learned"])  # it fits what the check shows
    assert "On new input the answer is wrong." in set(marks["said"]["learned"])
    assert "more than 8 seconds" in marks["said"].loc["the_cost_of_an_order", "loops"]
    assert "right" in printed and "marks.csv" in printed


def test_without_notebooks_it_says_how_to_lay_them_out(tmp_path, capsys):
    assert grading.main([str(tmp_path)]) == 1
    assert "folder with their name" in capsys.readouterr().err
