"""Exercises made from their solutions: each is written once, in a notebook with tagged cells.

    given     code to start from, which replaces the solution that follows it
    solution  code: its functions lose their bodies, and its names their values;
              Markdown: the model answer to an open question, which is replaced as a whole
    check     code that tells right from wrong; the tag `points-3` says what it is worth, if not 1
    wrong     Markdown, in the solutions only: a likely mistake, as a block of code, and the hint
              that the check before it gives, as a quotation

Every other cell is copied. The exercise has nbgrader's metadata, so that nbgrader can mark it:
answers may be edited, checks may not. Its metadata holds a hash of its cells as well, so that an
exercise with somebody's answers is never overwritten.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from . import notebooks, run
from .files import remove_unfinished, write_text

SOLUTIONS = run.NOTEBOOKS / "solutions"
EXERCISES = run.NOTEBOOKS / "exercises"
OPEN_ANSWER = "*Your answer, in a few sentences.*"
KINDS = {"given", "solution", "check", "wrong"}
MISTAKE = re.compile(
    r"```python\n(?P<code>.*?)```\s*(?P<hint>(?:^>.*\n?)+)", re.DOTALL | re.MULTILINE
)


def kind(cell: NotebookNode) -> str:
    """The tag of a cell that is one of the four above; "" for none."""
    return next((tag for tag in cell.metadata.get("tags", []) if tag in KINDS), "")


def mistake(cell: NotebookNode) -> tuple[str, str]:
    """The code and the hint of a cell tagged `wrong`.

    Raises
    ------
    ValueError
        When the cell lacks one of them.
    """
    match = MISTAKE.search(cell.source)
    if not match:
        raise ValueError(f"this should be a block of code and a quotation:\n{cell.source}")
    hint = " ".join(line.lstrip("> ").strip() for line in match["hint"].splitlines())
    return match["code"], hint


def stub(source: str) -> str:
    """Code with `...` for each assigned value, and for each function's body after its docstring."""
    lines = source.splitlines()
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node) is not None
            start = node.body[0].end_lineno if documented else node.body[0].lineno - 1
            lines[start : node.end_lineno] = ["    ..."]
        elif isinstance(node, ast.Assign):
            value = node.value
            before = lines[value.lineno - 1].encode()[: value.col_offset].decode()
            after = lines[value.end_lineno - 1].encode()[value.end_col_offset :].decode()
            lines[value.lineno - 1 : value.end_lineno] = [f"{before}...{after}"]
    return "\n".join(lines)


def exercise(solution: NotebookNode, name: str) -> NotebookNode:
    """The notebook that is handed out.

    Parameters
    ----------
    solution : NotebookNode
        The notebook to make it from.
    name : str
        Of the chapter.

    Raises
    ------
    ValueError
        For a solution in code that no check follows, and for a check without a solution.
    """
    made = notebooks.clean(solution)
    made.cells = list(_cells(made.cells, name))
    made.metadata["cflib"] = {"made": _hash(made)}
    return made


def _hash(notebook: NotebookNode) -> str:
    sources = [[cell.cell_type, cell.source] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def is_as_made(path: Path) -> bool:
    """Whether a file is an exercise that `renew` made and nobody has written into since."""
    try:
        notebook = nbformat.read(path, as_version=4)
        return notebook.metadata["cflib"]["made"] == _hash(notebook)
    except Exception:  # nbformat raises errors of many kinds
        return False


def _cells(cells: list[NotebookNode], name: str) -> Iterator[NotebookNode]:
    """The cells of an exercise; a solution waits in `unchecked` for its check."""
    number, given, unchecked = 0, None, None
    for cell in cells:
        tag, tags = kind(cell), cell.metadata.pop("tags", [])
        marks = {}
        if tag == "wrong":
            continue
        if tag == "given":
            given = cell.source
            continue
        if tag == "solution":
            _refuse(unchecked, "no check follows this solution")
            number += 1
            if cell.cell_type == "code":
                cell.source, given, unchecked = given or stub(cell.source), None, cell
                marks = _marks(f"{name}-{number}", solution=True)
            else:
                cell.source = OPEN_ANSWER
                marks = _marks(f"{name}-{number}", solution=True, points=points(tags))
        if tag == "check":
            _refuse(None if unchecked else cell, "there is no solution before this check")
            unchecked = None
            marks = _marks(f"{name}-{number}-check", points=points(tags))
            cell.metadata["jupyter"] = {"source_hidden": True}
        if marks:
            cell.metadata["nbgrader"] = marks
        yield cell
    _refuse(unchecked, "no check follows this solution")


def _refuse(cell: NotebookNode | None, reason: str) -> None:
    if cell is not None:
        raise ValueError(f"{reason}:\n{cell.source}")


def _marks(grade_id: str, solution: bool = False, points: int | None = None) -> dict:
    """nbgrader's metadata of a cell, in version 3 of its schema."""
    marks = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return marks if points is None else marks | {"points": points}


def points(tags: list[str]) -> int:
    """What a check or an open answer is worth, from its cell's tags."""
    return next((int(tag.removeprefix("points-")) for tag in tags if "points-" in tag), 1)


def text_of(solution: Path) -> str:
    """The text that the file of the exercise should have."""
    notebook = nbformat.read(solution, as_version=4)
    return nbformat.writes(exercise(notebook, solution.stem)) + "\n"


def stale(solutions: str | Path = SOLUTIONS, exercises: str | Path = EXERCISES) -> list[str]:
    """Names of the exercises that differ from what their solutions make, or have no solution."""
    expected = {path.name: text_of(path) for path in Path(solutions).glob("*.ipynb")}
    present = {path.name: path.read_text("utf-8") for path in Path(exercises).glob("*.ipynb")}
    names = expected.keys() | present.keys()
    return sorted(name for name in names if expected.get(name) != present.get(name))


def renew(solutions: str | Path = SOLUTIONS, exercises: str | Path = EXERCISES) -> list[str]:
    """Make every exercise again, and remove the outputs from the solutions.

    An exercise without a solution is removed.

    Returns
    -------
    list of str
        Names of the exercises that have changed.

    Raises
    ------
    ValueError
        For files that would be replaced although they have somebody's answers, or are no exercises.
        Nothing is written then.
    """
    changed = stale(solutions, exercises)
    present = [path for name in changed if (path := Path(exercises) / name).exists()]
    if others := [str(path) for path in present if not is_as_made(path)]:
        raise ValueError(
            "these have answers, or were not made from a solution, and would be overwritten. "
            "Move them to another folder first:\n  " + "\n  ".join(others)
        )
    for folder in (solutions, exercises):
        remove_unfinished(folder)
    for path in sorted(Path(solutions).glob("*.ipynb")):
        solution = notebooks.clean(nbformat.read(path, as_version=4))
        write_text(path, nbformat.writes(solution) + "\n")
        write_text(Path(exercises) / path.name, text_of(path))
    for name in changed:
        if not (Path(solutions) / name).exists():
            (Path(exercises) / name).unlink()
    return changed
