"""How the chapters are tested: nbval runs them and compares their outputs with the stored ones.

Three things are ours. Where the edition of the stored outputs is not to be had, the chapters run
with all their assertions but nothing is compared, and the summary says so. What a chapter writes
to stderr is not compared: it fails a test of its own, and of a widget only its text is. And a
chapter's kernel is started as for a reader, so that what C++ writes to stderr is seen, too.
"""

import os
from pathlib import Path

import pytest
from nbval.plugin import IPyNbFile

from cflib.notebooks import EDITION, why_not_compared
from cflib.page import WIDGET

collect_ignore_glob = ["notebooks/exercises/*", "notebooks/solutions/*"]  # see test_exercises.py
NOT_COMPARED = pytest.StashKey[str | None]()

if os.environ.get("CFLIB_DATA"):  # the chapters run in another folder
    os.environ["CFLIB_DATA"] = str(Path(os.environ["CFLIB_DATA"]).resolve())


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path, parent):
    """Before nbval collects the first chapter: are its stored outputs to be compared?"""
    config = parent.config
    if file_path.suffix == ".ipynb" and config.option.nbval and NOT_COMPARED not in config.stash:
        config.stash[NOT_COMPARED] = why_not_compared()
        if config.stash[NOT_COMPARED]:
            config.option.nbval, config.option.nbval_lax = False, True


def pytest_collection_modifyitems(items):
    """Put a test of stderr after the cells of each chapter."""
    cells = {}
    for item in items:
        if isinstance(item.parent, IPyNbFile):
            cells.setdefault(item.parent, []).append(item)
    for chapter, of_chapter in cells.items():
        chapter.skip_compare += ("stderr", WIDGET)
        chapter.setup = _as_for_a_reader(chapter.setup)
        test = NothingOnStderr.from_parent(chapter, name="nothing on stderr")
        test.cells = of_chapter
        items.insert(items.index(of_chapter[-1]) + 1, test)


def _as_for_a_reader(setup):
    """A kernel that finds PYTEST_CURRENT_TEST doesn't catch what C++ writes to stderr."""

    def setup_without_the_variable():
        current = os.environ.pop("PYTEST_CURRENT_TEST")
        try:
            setup()
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = current

    return setup_without_the_variable


class NothingOnStderr(pytest.Item):
    """Fails when a cell of the chapter wrote to stderr while nbval ran it."""

    def runtest(self):
        written = [
            f"cell {cell.cell_num}: {output.text.strip()}"
            for cell in self.cells
            for output in cell.test_outputs or []
            if output.output_type == "stream" and output.name == "stderr"
        ]
        if written:
            pytest.fail("\n".join(written), pytrace=False)

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}: nothing on stderr"


def pytest_terminal_summary(terminalreporter, config):
    if reason := config.stash.get(NOT_COMPARED, None):
        terminalreporter.write_line(
            f"The chapters ran with their assertions, but their stored outputs were not compared: "
            f"they are those of {EDITION}, which is not to be had here ({reason}).",
            yellow=True,
        )
