"""What a command of the course refuses, and what it says: folders, damaged files, sweep files."""

import errno
import json
import os
import subprocess
import sys

import matplotlib
import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from cflib.cli.words import visible
from course import commands, exercises, figures, notebooks, run, site, sweep
from course.chapter import read_metrics
from course.sweep import manager

from .small_chapters import chapter
from .test_sweep import PARAMETERS, RECORDS, finished

DAMAGED = ["", "{", "[1]", "null", '{"key": 3}', "[" * 5000, '{"other": "file"}']


@pytest.fixture
def plan(tmp_path):
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    return sweep.plan("mine", "small.ipynb", "score", folder=tmp_path, grid={"size": [1, 2]})


# A command replaces only what it made


def test_a_second_sweep_in_the_folder_of_a_running_one_is_refused(plan, tmp_path):
    out = tmp_path / "out"
    with manager.alone_in(out):
        script = (
            "import pathlib; from course.sweep import manager\n"
            f"with manager.alone_in(pathlib.Path({str(out)!r})): pass"
        )
        other = subprocess.run(
            [sys.executable, "-c", script], check=False, capture_output=True, text=True
        )
    assert other.returncode and "another sweep is going on in" in other.stderr
    with manager.alone_in(out):  # it can be used again
        pass


def test_a_sweep_refuses_a_folder_with_files_that_no_sweep_made(plan, tmp_path):
    mine = tmp_path / "mine"
    for name in (".work", ".notes.part"):
        (mine / name).mkdir(parents=True)
        (mine / name / "thesis.txt").write_text("years of work")
    (mine / "results.csv").write_text("my own")
    with pytest.raises(sweep.SweepError, match="files that no sweep made. Choose another --out"):
        sweep.run(plan, mine)
    assert (mine / ".work" / "thesis.txt").exists() and (mine / "results.csv").read_text()
    (mine / manager.MARKER).touch()
    with manager.alone_in(mine):
        pass
    assert (mine / ".notes.part" / "thesis.txt").exists(), "no sweep made this folder"


def test_what_a_killed_sweep_or_run_left_is_removed_at_the_next_start(tmp_path):
    left = [".size-1_0123456789.part", ".results.csv.01234567.part", ".sweep.html.89abcdef.part"]
    (tmp_path / left[0] / "deep").mkdir(parents=True)
    for name in (*left[1:], manager.MARKER, ".mine.part"):
        (tmp_path / name).touch()
    with manager.alone_in(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [manager.MARKER, ".mine.part"]


def test_a_run_removes_what_a_killed_one_left(tmp_path):
    chapter(tmp_path / "chapters" / "01_first.ipynb", "1 + 1")
    out = tmp_path / "out"
    out.mkdir()
    for name in (run.MARKER, ".01_first.part.ipynb", ".metrics.json.01234567.part", ".mine.part"):
        (out / name).touch()
    (out / "metrics.json").write_text("{damaged")
    run.run(out, folder=tmp_path / "chapters")
    assert set(os.listdir(out)) == {run.MARKER, ".mine.part", "01_first.ipynb", "index.html"}


@pytest.mark.parametrize("names", [["model.npz"], ["metrics.json"], ["model.npz", "index.html"]])
def test_a_model_alone_does_not_make_a_folder_that_of_a_run(tmp_path, names):
    """`cflib fit` writes one as well, and `run --out .` would have deleted the files beside it."""
    chapter(tmp_path / "chapters" / "01_first.ipynb", "1 + 1")
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in names:
        (mine / name).write_text("my own")
    with pytest.raises(ValueError, match="has files that no run made"):
        run.run(mine, folder=tmp_path / "chapters")
    assert sorted(os.listdir(mine)) == sorted(names)


def test_exercises_of_the_course_are_refused_as_the_folder_of_a_run():
    before = sorted(os.listdir(exercises.EXERCISES))
    told = CliRunner().invoke(commands.run, ["--out", str(exercises.EXERCISES)])
    assert told.exit_code == 1 and "files that no run made" in told.output
    assert sorted(os.listdir(exercises.EXERCISES)) == before


def test_answers_in_an_exercise_are_never_overwritten(tmp_path):
    (tmp_path / "solutions").mkdir()
    source = next(iter(sorted(exercises.SOLUTIONS.glob("*.ipynb"))))
    (tmp_path / "solutions" / source.name).write_bytes(source.read_bytes())
    where = tmp_path / "solutions", tmp_path / "exercises"
    assert exercises.renew(*where) == [source.name] and exercises.renew(*where) == []
    path = where[1] / source.name
    as_made = path.read_text(encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    (cell, *_) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("solution")]
    cell.source += "\n# my answer"
    nbformat.write(notebook, path)
    answered = path.read_bytes()
    (where[1] / "own.ipynb").write_text("no notebook")
    with pytest.raises(ValueError, match=rf"(?s)have answers.*{source.name}.*own.ipynb"):
        exercises.renew(*where)
    assert path.read_bytes() == answered and (where[1] / "own.ipynb").exists()
    (where[1] / "own.ipynb").unlink()
    changed = nbformat.reads(as_made, as_version=4)
    changed.cells[-1].metadata["collapsed"] = True  # opened and saved, without an answer
    nbformat.write(changed, path)
    assert exercises.renew(*where) == [source.name]
    assert path.read_text(encoding="utf-8") == as_made


# Damaged files


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_a_run_that_is_still_to_do(tmp_path, text):
    folder = finished(tmp_path, {1: [0.5], 2: [0.6]})
    (folder / "1_0" / "run.json").write_text(text)
    (folder / "2_0" / "metrics.json").write_text(text)
    assert list(sweep.collect(folder)["size"]) == [2]
    sweep.report.write(folder)
    assert "1 of 2 runs done" in sweep.summary(folder)


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_head_is_named_and_written_anew(plan, tmp_path, text):
    out = tmp_path / "out"
    out.mkdir()
    (out / manager.MARKER).touch()
    (out / "sweep.json").write_text(text)
    with pytest.raises(ValueError, match=r"sweep.json is damaged, or no sweep wrote it"):
        sweep.head(out)
    manager._write_head(plan, out)
    assert sweep.head(out)["sweep"] == "mine"


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 5000])
def test_damaged_metrics_are_named_with_what_to_do(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=r"metrics.json .*Delete it, and run again"):
        read_metrics(tmp_path)


# Folders that cannot be written to


@pytest.mark.parametrize("command", ["run", "sweep", "site"])
def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path, plan, command):
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "mine.yaml"
    path.write_text("chapter: small.ipynb\nmetric: score\ngrid: {size: [1]}\n")
    more = [str(path)] if command == "sweep" else []
    out = ["--out", str(tmp_path / "file" / "out")]
    told = CliRunner().invoke(getattr(commands, command), [*more, *out])
    assert told.exit_code == 1 and isinstance(told.exception, SystemExit)
    assert "Error: " in told.output and str(tmp_path / "file") in told.output


@pytest.mark.parametrize("command", ["run", "sweep", "exercises", "site", "notebooks"])
def test_a_full_disk_or_a_folder_of_somebody_else_is_a_sentence(tmp_path, monkeypatch, command):
    (tmp_path / "mine.yaml").write_text("chapter: small.ipynb\nmetric: score\ngrid: {size: [1]}\n")
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    code = {
        "run": (run, "run"),
        "sweep": (sweep, "run"),
        "exercises": (exercises, "renew"),
        "site": (site, "build"),
        "notebooks": (notebooks, "renew"),
    }[command]
    arguments = [str(tmp_path / "mine.yaml")] if command == "sweep" else []
    for number, said in (
        (errno.ENOSPC, "Make room there"),
        (errno.EACCES, "make this one writable"),
    ):

        def fails(*_, number=number, **__):
            raise OSError(number, os.strerror(number), "some/where")

        monkeypatch.setattr(*code, fails)
        told = CliRunner().invoke(getattr(commands, command), arguments)
        assert told.exit_code == 1 and isinstance(told.exception, SystemExit)
        assert f"Error: some/where: {os.strerror(number)}" in told.output and said in told.output


@pytest.mark.parametrize(("value", "code"), [(0.6, 0), (None, 1)])
def test_a_sweep_in_which_a_run_failed_ends_with_an_error(tmp_path, monkeypatch, value, code):
    folder = finished(tmp_path / "out", {1: [0.5], 2: [value]})
    sweep.report.write(folder)
    (tmp_path / "mine.yaml").write_text("chapter: small.ipynb\nmetric: score\ngrid: {size: [1]}\n")
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    monkeypatch.setattr(sweep, "run", lambda *_: folder)
    assert CliRunner().invoke(commands.sweep, [str(tmp_path / "mine.yaml")]).exit_code == code


# Sweep files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"grid: {size: [1]}\ngrid: {size: [2]}", "line 2: `grid` is given twice"),
        (b"grid: {size: [1], size: [2]}", "`size` is given twice"),
        (b"1: 2", "there is no `1`"),
        (b"grid: {1: [2]}", "no parameter `1`"),
        (b"? [a, b]\n: 2", "mine.yaml"),
        (b"name: x", "there is no `name`"),
        (b"folder: x", "there is no `folder`"),
        (b"grid: {word: [\xff]}", "should be text in UTF-8"),
        (b"grid: {word: [\x00]}", "mine.yaml"),
        (b"fixed: &a {size: 1}\ngrid: *a", "instead of the alias `\\*a`"),
        (b"grid: " + b"[" * 20000, "too deep|mine.yaml"),
        (b"chapter: none.ipynb", "no notebook that can be read"),
        (b"chapter: empty.ipynb", "no notebook that can be read"),
        (b"chapter: " + b"x" * 5000 + b".ipynb", "there is no chapter"),
        (b"grid: {rate: [.nan]}", "`rate` should be .*finite"),
        (b"grid: {rate: [2020-01-01]}", "`rate` should be text, a finite number"),
        (b"grid: {size: [1]}\nseeds: [[1]]", "`seeds` should be a list of whole numbers"),
        (b"points:\n- {size: 1}\n-", "an entry of `points` is empty"),
        (b"grid: {size: [1]}\nlimit: 1e9", "limit"),
        (b"limit: 999999999\nseeds: [%s]\ngrid: {size: [1]}" % b",".join([b"1"] * 10001), "10,001"),
    ],
)
def test_a_malformed_sweep_file_is_refused_in_a_sentence(tmp_path, text, message):
    chapter(tmp_path / "small.ipynb", RECORDS, parameters=PARAMETERS)
    (tmp_path / "none.ipynb").write_text("no JSON")
    (tmp_path / "empty.ipynb").write_text("{}")
    usual = {b"chapter": b"small.ipynb", b"metric": b"score"}
    lines = [b"%s: %s" % (n, v) for n, v in usual.items() if not text.startswith(n)]
    (tmp_path / "mine.yaml").write_bytes(b"\n".join([*lines, text]))
    with pytest.raises(sweep.PlanError, match=message.replace("line 2", "line 4")):
        sweep.read(tmp_path / "mine.yaml")


# Texts


@pytest.mark.parametrize("text", ["$", "A$$AP", r"$\frac{$", "{x}", r"\$", "$a_{", r"50$ \{ %s"])
def test_a_dollar_a_backslash_or_a_brace_is_shown_as_it_is(tmp_path, text):
    folder = finished(
        tmp_path, {(s, f"{text}{n}"): [s + n] for s in (1, 2) for n in (0, 1, 2)},
        varied=("size", text),
    )  # fmt: skip
    for figure in sweep.report.pictures(sweep.settings(folder), sweep.head(folder)):
        figure.savefig(tmp_path / "drawn.png")
        shown = [
            words for words in figure.findobj(matplotlib.text.Text) if text in words.get_text()
        ]
        assert shown and not any(words.get_parse_math() for words in shown)
    curves = {text: (3.0, 1.0), text + "2": (4.0, 1.0)}
    assert isinstance(figures.normal_curves(curves, text), Figure)
    figures.normal_curves(curves, text).savefig(tmp_path / "drawn.png")


def test_control_characters_are_visible_in_what_a_command_prints(tmp_path):
    assert visible("a\x1b[2Jb\rc\x00\x9b\u202e\nd\te é") == (
        "a\\x1b[2Jb\\rc\\x00\\x9b\\u202e\nd\te é"
    )
    folder = finished(tmp_path, {1: [0.5], 2: [None]})
    path = folder / "2_0" / "run.json"
    about = json.loads(path.read_text()) | {"error": "bad \x1b]0;title\x07"}
    path.write_text(json.dumps(about))
    assert "\x1b" not in sweep.summary(folder) and "\\x1b]0;title\\x07" in sweep.summary(folder)


def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_is_text_in_the_table(tmp_path):
    folder = finished(tmp_path, {"=HYPERLINK(1)": [0.5], "@x": [0.6], "plain": [-0.5]})
    sweep.report.write(folder)
    table = pd.read_csv(folder / "results.csv")
    assert sorted(table["size"]) == ["'=HYPERLINK(1)", "'@x", "plain"]
    assert table["score"].min() == -0.5
    parquet = pd.read_parquet(folder / "results.parquet")
    assert "=HYPERLINK(1)" in set(parquet["size"])  # which no spreadsheet opens
