"""The committed chapters are what they have to be: each property, for each chapter."""

import subprocess
import sys

import nbformat
import pytest

from course import notebooks, run

CHAPTERS = sorted(run.NOTEBOOKS.glob("*.ipynb"))


def test_the_chapters_are_here():
    names = {path.name[:2] for path in CHAPTERS}
    assert names >= {"00", "01", "02", "03", "04", "05"}


@pytest.mark.parametrize("check", notebooks.CHECKS, ids=lambda check: f"no_{check.__name__}")
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_committed_chapter_has(path, check):
    assert check(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", run.chapters(), ids=lambda path: path.stem)
def test_a_chapter_of_a_run_knows_its_folder_and_stands_alone_by_default(path):
    assert run.parameters(path)[run.RUN_DIR] == ""


@pytest.mark.parametrize("folder", [run.ROOT, run.NOTEBOOKS], ids=["the_root", "notebooks"])
def test_plain_papermill_runs_a_chapter_from(folder, tmp_path):
    chapter = (run.NOTEBOOKS / "01_loading.ipynb").relative_to(folder)
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(chapter)]
    executed = tmp_path / "executed.ipynb"
    subprocess.run([*command, str(executed)], cwd=folder, capture_output=True, check=True)
    assert notebooks.failures(nbformat.read(executed, as_version=4)) == []


@pytest.mark.parametrize(
    "path", [path for path in CHAPTERS if path.name[0].isdigit()], ids=lambda path: path.stem
)
def test_where_the_course_is_missing_the_first_cell_says_what_to_type(path, monkeypatch):
    first = next(c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    monkeypatch.setitem(sys.modules, "course", None)
    with pytest.raises(ImportError, match="in the course's folder: make lab") as refusal:
        exec(first.source, {})
    assert type(refusal.value) is ImportError
