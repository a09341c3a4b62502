"""How the chapters are tested: nbval runs them and compares their outputs with the stored ones.

Three things are ours. Where the edition of the stored outputs cannot be had, the chapters run with
all their assertions, nothing is compared, and the summary says so. Text on stderr is not compared:
it fails a test of its own; and of a widget only the text is compared. A chapter's kernel starts as
it does for a reader, so that what C++ writes to stderr is seen, too.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbFile

from course.notebooks import EDITION, why_not_compared
from course.page import WIDGET

# tests/course/test_exercises.py runs these
collect_ignore_glob = ["notebooks/exercises/*", "notebooks/solutions/*"]
NOT_COMPARED = pytest.StashKey[str | None]()

if os.environ.get("CFLIB_DATA"):  # the chapters run in another folder
    os.environ["CFLIB_DATA"] = str(Path(os.environ["CFLIB_DATA"]).resolve())


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Decide, before nbval collects the first chapter, whether stored outputs are compared."""
    config = parent.config
    if file_path.suffix == ".ipynb" and config.option.nbval and NOT_COMPARED not in config.stash:
        config.stash[NOT_COMPARED] = why_not_compared()
        if config.stash[NOT_COMPARED]:
            config.option.nbval, config.option.nbval_lax = False, True


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, and put a test of stderr after the cells of each chapter.

    A test marked `long` runs with `--long`, and where its file is named on the command line.
    """
    named = {Path(str(argument).partition("::")[0]).resolve() for argument in config.args}
    if not config.option.long:
        left_out = [i for i in items if i.get_closest_marker("long") and i.path not in named]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    cells: dict[IPyNbFile, list] = {}
    for item in items:
        if isinstance(item.parent, IPyNbFile):
            cells.setdefault(item.parent, []).append(item)
    for chapter, of_chapter in cells.items():
        chapter.skip_compare += ("stderr", WIDGET)
        chapter.setup = _as_for_a_reader(chapter.setup)
        test = NothingOnStderr.from_parent(chapter, name="nothing on stderr")
        test.cells = of_chapter
        items.insert(items.index(of_chapter[-1]) + 1, test)


def _as_for_a_reader(setup: Callable[[], None]) -> Callable[[], None]:
    """`setup` without PYTEST_CURRENT_TEST: where that is set, a kernel misses stderr from C++."""

    def setup_without_the_variable() -> None:
        current = os.environ.pop("PYTEST_CURRENT_TEST")
        try:
            setup()
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = current

    return setup_without_the_variable


class NothingOnStderr(pytest.Item):
    """Fails when a cell of the chapter wrote to stderr while nbval ran it."""

    cells: list[Any]

    def runtest(self) -> None:
        written = [
            f"cell {cell.cell_num}: {output.text.strip()}"
            for cell in self.cells
            for output in cell.test_outputs or []
            if output.output_type == "stream" and output.name == "stderr"
        ]
        if written:
            pytest.fail("\n".join(written), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: nothing on stderr"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if reason := config.stash.get(NOT_COMPARED, None):
        terminalreporter.write_line(
            f"The chapters ran with their assertions, but their stored outputs were not compared: "
            f"they are those of {EDITION}, which cannot be had here ({reason}).",
            yellow=True,
        )
