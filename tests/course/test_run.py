"""A run of the chapters: its parameters, its folder, and what a failure leaves."""

import locket
import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner

from course import commands, run
from course.chapter import read_metrics, record

from .small_chapters import chapter

FIRST = """size = 3  # rows
rate = 0.5  # of something
name = "auto"  # of a set
fast = False  # leave something out
user_id = None  # of somebody
powers = [0, 1]  # tried
run_dir = ""  # folder of the run"""
SECOND = """size = 7  # rows
run_dir = ""  # folder of the run"""


@pytest.fixture
def folder(tmp_path):
    """Two chapters: the first records what it was given, the second reads it."""
    folder = tmp_path / "chapters"
    chapter(folder / run.ORIGINAL, "raise RuntimeError('not part of a run')")
    chapter(
        folder / "01_first.ipynb",
        "# One\nabout $x$",
        "from course.chapter import record",
        "record(run_dir, 'first', {'size': size, 'rate': rate, 'fast': fast, 'name': name})",
        parameters=FIRST,
    )
    chapter(
        folder / "02_second.ipynb",
        "from course.chapter import read_metrics, record",
        "record(run_dir, 'second', [size, read_metrics(run_dir)['first']['size']])",
        "from matplotlib.figure import Figure",
        "record(run_dir, 'drawn', Figure())",
        parameters=SECOND,
    )
    return folder


# Parameters


def test_each_parameter_goes_to_the_chapters_that_have_it_as_a_value_of_its_type(folder):
    known = {path.stem: run.parameters(path) for path in run.chapters(folder)}
    typed = {"size": "20", "rate": "2", "name": "ml-1m", "fast": "true", "powers": "[0, 0.5]"}
    values = run.assign([*typed.items(), ("user_id", "414")], known)
    of_first = {"size": 20, "rate": 2.0, "name": "ml-1m", "fast": True, "powers": [0, 0.5]}
    assert values == {"01_first": of_first | {"user_id": 414}, "02_second": {"size": 20}}
    assert type(values["01_first"]["rate"]) is float


def test_a_dict_may_stand_in_a_file(tmp_path, monkeypatch):
    """A kernel works in another folder, so the path that a chapter gets is absolute."""
    (tmp_path / "mine.csv").write_text("title,rating\nHeat,4\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    known = {"01_first": {"mine": {"Heat": 4}}}
    for text, value in [("mine.csv", str(tmp_path / "mine.csv")), ("{'Alien': 5}", {"Alien": 5})]:
        assert run.assign([("mine", text)], known) == {"01_first": {"mine": value}}
    with pytest.raises(ValueError, match=r"`mine` should be a dict.*Received: 'yours.csv'"):
        run.assign([("mine", "yours.csv")], known)


@pytest.mark.parametrize(
    ("name", "nearest"), [("sise", "size"), ("user", "user_id"), ("Rate", "rate"), ("fats", "fast")]
)
def test_a_parameter_that_no_chapter_has_is_refused_with_the_nearest_one(folder, name, nearest):
    known = {path.stem: run.parameters(path) for path in run.chapters(folder)}
    with pytest.raises(ValueError, match=f"`{name}`; the nearest is `{nearest}`"):
        run.assign([(name, "1")], known)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("size", "20.5", "int"),
        ("size", "many", "int"),
        ("size", "", "int"),
        ("rate", "fast", "float"),
        ("rate", "nan", "float"),
        ("rate", "inf", "float"),
        ("fast", "1", "bool"),
        ("fast", "maybe", "bool"),
        ("powers", "3", "list"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(folder, name, text, kind):
    known = {path.stem: run.parameters(path) for path in run.chapters(folder)}
    said = f"`{name}` should be an? {kind}, as in 01_first, .* Received: {text!r}"
    with pytest.raises(ValueError, match=said):
        run.assign([(name, text)], known)


def test_the_folder_of_a_run_is_not_a_parameter_to_set(folder):
    with pytest.raises(ValueError, match="--out"):
        run.assign([("run_dir", "x")], {"01_first": {"run_dir": ""}})


def test_parameters_that_are_not_literals_are_refused_by_chapter(tmp_path):
    path = chapter(tmp_path / "01_first.ipynb", parameters="size = 3 * rows  # of something")
    with pytest.raises(ValueError, match=r"01_first.ipynb.*size = 3 \* rows"):
        run.parameters(path)


# Runs


def test_a_run_leaves_executed_chapters_one_page_and_what_was_recorded(folder, tmp_path, capfd):
    out = tmp_path / "runs" / "mine"
    out.mkdir(parents=True)
    (out / "metrics.json").write_text('{"left by": {"figure": "earlier.png"}}')
    (out / "earlier.png").write_text("left by an earlier run")
    (out / "model.npz").write_text("left by an earlier run")
    (out / "notes.txt").write_text("somebody's own")
    (out / run.MARKER).touch()
    page = run.run(out, [("size", "20"), ("fast", "True")], folder)
    assert page == out / "index.html" and "One" in page.read_text(encoding="utf-8")
    assert read_metrics(out) == {
        "first": {"size": 20, "rate": 0.5, "fast": True, "name": "auto"},
        "second": [20, 20],
        "drawn": {"figure": "drawn.png"},
    }
    chapters, others = ["01_first.ipynb", "02_second.ipynb"], ["index.html", "metrics.json"]
    files = {*chapters, *others, "drawn.png", "notes.txt", run.MARKER}
    assert {path.name for path in out.iterdir()} == files
    executed, second = (
        nbformat.read(out / name, as_version=4) for name in ("01_first.ipynb", "02_second.ipynb")
    )
    assert executed.metadata["cflib"] == {"recorded": {"first": read_metrics(out)["first"]}}
    assert set(second.metadata["cflib"]["recorded"]) == {"second", "drawn"}
    assert all(c.execution_count for c in executed.cells if c.cell_type == "code")
    said, noise = capfd.readouterr()
    lines = [line.split()[:2] for line in said.splitlines()]
    assert lines == [["1/2", "01_first"], ["2/2", "02_second"]]
    assert noise == ""


def test_a_failing_chapter_is_named_with_its_cell_and_error_and_stays(folder, tmp_path):
    chapter(
        folder / "02_second.ipynb", "print('so far')", "# More", "x = 1\n1 / 0", "print('never')"
    )
    out = tmp_path / "out"
    with pytest.raises(run.RunError) as failure:
        run.run(out, folder=folder)
    message = str(failure.value)
    assert "02_second" in message and "`x = 1`" in message
    assert "[3]" in message and "ZeroDivisionError: division by zero" in message
    assert str(out / "02_second.ipynb") in message
    executed = (out / "02_second.ipynb").read_text(encoding="utf-8")
    assert "so far" in executed and "ZeroDivisionError" in executed
    assert sorted(p.name for p in out.glob("*.ipynb")) == ["01_first.ipynb", "02_second.ipynb"]
    assert not (out / "index.html").exists()


def test_a_chapter_whose_kernel_dies_is_named(folder, tmp_path):
    chapter(folder / "01_first.ipynb", "import os; os._exit(1)")
    with pytest.raises(run.RunError, match="01_first: its kernel died"):
        run.run(tmp_path / "out", folder=folder)


def test_the_chapters_themselves_are_never_run_over(folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match="should not be that of the chapters"):
        run.run(folder, folder=folder)
    assert before == {path: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_with_files_that_no_run_made_stays_as_it_is(folder, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "index.html").write_text("my own page")
    (mine / "01_first.ipynb").write_text("my own notebook")
    with pytest.raises(ValueError, match="has files that no run made. Choose another folder"):
        run.run(mine, folder=folder)
    kept = {path.name: path.read_text() for path in mine.iterdir()}
    assert kept == {"index.html": "my own page", "01_first.ipynb": "my own notebook"}


def test_two_runs_do_not_share_a_folder(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    another = locket.lock_file(str(out / run.MARKER), timeout=0)
    with another, pytest.raises(ValueError, match="another run is going on in"):
        run.run(out, folder=folder)
    assert run.run(out, folder=folder).exists() and (out / run.MARKER).exists()
    assert run.run(out, folder=folder).exists()  # its own folder may be used again


def test_the_command_refuses_a_parameter_before_anything_runs_and_fails(tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(commands.run, ["--out", str(out), "-p", "n_faetures", "20"])
    assert done.exit_code == 1
    assert "no chapter has a parameter `n_faetures`; the nearest is `n_features`" in done.output
    assert not out.exists()


def test_the_command_fails_with_the_chapter_that_fails(monkeypatch, tmp_path):
    def failing(out, pairs):
        raise run.RunError("03_training failed in cell [4]")

    monkeypatch.setattr(run, "run", failing)
    done = CliRunner().invoke(commands.run, ["--out", str(tmp_path)])
    assert done.exit_code == 1 and "Error: 03_training failed in cell [4]" in done.output


def test_the_command_ends_by_saying_where_to_look_and_what_came_out(monkeypatch, tmp_path):
    table = pd.DataFrame({"rmse": [1.0434, 0.8478], "mae": [1, 1]}, ["mean of all", "the model"])
    record(tmp_path, "evaluation", table)
    monkeypatch.setattr(run, "run", lambda out, pairs: out / "index.html")
    done = CliRunner().invoke(commands.run, ["--out", str(tmp_path)])
    assert done.exit_code == 0
    assert str(tmp_path / "index.html") in done.output
    lines = done.output.splitlines()
    assert "  mean of all  1.043" in lines and "  the model    0.848" in lines
