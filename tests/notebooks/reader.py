"""A reader who turns a chapter's parameters: a process that runs chapters and says how they end.

It runs a chapter's cells in order, as a kernel does, and many settings of a chapter in one process,
because the imports take longer than most chapters. `Reader` starts it and asks it.
"""

import ast
import contextlib
import io
import json
import linecache
import os
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
LIMIT = 600  # seconds for one setting


class End(NamedTuple):
    """How a chapter ended. All is empty where it ran to its last cell and nobody complained."""

    cell: int | None = None  # position of the cell that stopped it
    error: str = ""  # "ValueError: ..."
    is_ours: bool = False  # raised by a `raise` of the library, the course or the chapter
    noise: str = ""  # what was written to stderr, such as warnings
    trace: str = ""


class Reader:
    """The process. Use it as a context."""

    def __enter__(self) -> "Reader":
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=os.environ
            | {"MPLBACKEND": "agg", "CFLIB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.stdin.close()
        self.process.wait(60)

    def read(
        self,
        chapter: str,
        parameters: dict[str, Any],
        edits: list[tuple[str, str]] = (),
        then: str = "",
    ) -> End:
        """Run a chapter with changed parameters, changed text of its cells, and code at its end."""
        request = {"chapter": chapter, "parameters": parameters, "edits": edits, "then": then}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        killer = threading.Timer(LIMIT, self.process.kill)
        killer.start()
        try:
            answer = self.process.stdout.readline()
        finally:
            killer.cancel()
        assert answer, f"the process died, or took more than {LIMIT} s, over {request}"
        return End(**json.loads(answer))


def sources(chapter: str, parameters: dict[str, Any], edits: list, then: str) -> list[str]:
    """The code of each cell; that of prose is empty. New values come after the parameters' cell."""
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    cells = [cell.source if cell.cell_type == "code" else "" for cell in notebook.cells]
    for old, new in edits:
        (n,) = [n for n, source in enumerate(cells) if old in source]
        cells[n] = cells[n].replace(old, new)
    values = "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    for n, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", []):
            cells[n] += values
    return [*cells, then]


def is_ours(error: BaseException) -> bool:
    """Whether the innermost frame is of this project, and stands at a `raise` statement."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    path = Path(frame.filename)
    is_package = path.is_relative_to(ROOT / "cflib") or path.is_relative_to(ROOT / "course")
    if not is_package and path.is_absolute() and path.exists():
        return False
    tree = ast.parse("".join(linecache.getlines(frame.filename)))
    return any(
        isinstance(node, ast.Raise) and node.lineno <= frame.lineno <= node.end_lineno
        for node in ast.walk(tree)
    )


def run(cells: list[str], shell: Any) -> End:
    """Run cells until one stops."""
    shell.reset(new_session=True)
    shell.user_ns["__spec__"] = None  # of `__main__`: a process that Dask starts asks for it
    said, noise = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(noise),
        warnings.catch_warnings(),  # which also forgets what was already warned of
    ):
        for n, source in enumerate(cells):
            result = shell.run_cell(source) if source else None
            error = result and (result.error_before_exec or result.error_in_exec)
            if error:
                name, trace = type(error).__name__, traceback.format_exception(error)
                return End(
                    n, f"{name}: {error}", is_ours(error), noise.getvalue(), "".join(trace[-6:])
                )
    return End(noise=noise.getvalue())


def main() -> None:
    """Answer each line of stdin, a request in JSON, with a line on stdout."""
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib import pyplot

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what C++ and other processes write goes elsewhere
    os.chdir(NOTEBOOKS)
    shell = InteractiveShell.instance()
    for line in sys.stdin:
        end = run(sources(**json.loads(line)), shell)
        pyplot.close("all")
        print(json.dumps(end._asdict()), file=answers, flush=True)


if __name__ == "__main__":
    main()
