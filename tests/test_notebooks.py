"""The committed chapters are what they have to be: each property, for each chapter."""

import nbformat
import pytest

from cflib import notebooks, runs

CHAPTERS = sorted(runs.NOTEBOOKS.glob("*.ipynb"))


def test_the_chapters_are_here():
    names = {path.name[:2] for path in CHAPTERS}
    assert names >= {"00", "01", "02", "03", "04", "05"}


@pytest.mark.parametrize("check", notebooks.CHECKS, ids=lambda check: f"no_{check.__name__}")
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_committed_chapter_has(path, check):
    assert check(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", runs.chapters(), ids=lambda path: path.stem)
def test_a_chapter_of_a_run_knows_its_folder_and_stands_alone_by_default(path):
    assert runs.parameters(path)[runs.RUN_DIR] == ""
