"""Marks for the exercises that students hand in: `make grade ARGS=FOLDER`.

FOLDER has a folder for each student, with their notebooks of exercises in it. Each notebook runs
in a kernel of its own, with the checks as they were handed out, whatever the student made of them.
Where a function was to be written, a hidden test follows: `notebooks/solutions/hidden.py` makes new
inputs, from a seed that nobody knows before, and the student's function has to give what the
solution's gives. An answer has its points when both hold. Answers in words are left to you.

This runs the students' code with your rights. The kernel is a process of its own with a time limit,
and no sandbox: grade in a container or on an account that has nothing to lose.
"""

from __future__ import annotations

import argparse
import ast
import copy
import dataclasses
import runpy
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
from IPython.display import display
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from . import exercises, run
from .checks import Expect, NotYet
from .files import replacing

HIDDEN = exercises.SOLUTIONS / "hidden.py"
ROUNDS = 20  # inputs that a function is tried on
LIMIT = 120  # seconds that a cell may take
STARTS = 3  # of a kernel, before it is given up
VERDICT = "application/json"
COLUMNS = ["student", "chapter", "exercise", "points", "of", "check", "hidden", "said", "seed"]


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise as the teacher has it: what it is worth, its check, and the solution."""

    name: str  # of the check, or "in words"
    grade_id: str
    points: int
    check: str = ""  # source; empty for an answer in words
    function: str = ""  # that was to be written, and that hidden.py has inputs for
    solution: str = ""  # its source, with the imports that it needs


def grade(folder: str | Path, seed: int | None = None, limit: int = LIMIT) -> pd.DataFrame:
    """The marks of all notebooks of exercises in the folders of students.

    Parameters
    ----------
    folder : str or Path
        With a folder for each student. Their notebooks may lie in folders of it.
    seed : int, optional
        Of the hidden tests' inputs; drawn if it is None.
    limit : int
        Seconds that a cell may take.

    Returns
    -------
    DataFrame
        A row for each student and exercise, with the columns `COLUMNS`. `points` is missing for
        an answer in words; `hidden` is missing where there is no hidden test.

    Raises
    ------
    ValueError
        Where no student's folder has a notebook with the name of an exercise.
    """
    folder, seed = Path(folder), secrets.randbits(32) if seed is None else seed
    names = {path.name for path in exercises.SOLUTIONS.glob("*.ipynb")}
    handed_in = [
        path
        for path in sorted(folder.glob("*/**/*.ipynb"))
        if path.name in names and ".ipynb_checkpoints" not in path.parts
    ]
    if not handed_in:
        raise ValueError(
            f"{folder} has no STUDENT/03_training.ipynb or the like: put the notebooks of each "
            "student into a folder with their name"
        )
    rows = []
    for path in handed_in:
        student = path.relative_to(folder).parts[0]
        print(f"{student}: {path.stem}", file=sys.stderr, flush=True)
        about = {"student": student, "chapter": path.stem, "seed": seed}
        rows += [about | row for row in marks(path, seed, limit)]
    return pd.DataFrame(rows)[COLUMNS]


def marks(path: Path, seed: int, limit: int = LIMIT) -> Iterator[dict[str, Any]]:
    """A row for each exercise of a notebook that was handed in; see `grade`."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except Exception as error:  # nbformat raises errors of many kinds
        cells, unread = [], f"The file cannot be read: {type(error).__name__}. "
    else:
        unread = ""
    of_chapter = list(known(exercises.SOLUTIONS / path.name))
    steps = list(_steps(cells, of_chapter, seed))
    said = _executed([source for _, source in steps], path.parent, limit)
    texts = {key: text for (key, _), text in zip(steps, said, strict=True) if key}
    for exercise in of_chapter:
        row = {"exercise": exercise.name, "of": exercise.points, "points": None, "hidden": None}
        if not exercise.check:
            yield row | {"check": None, "said": "an answer in words, for you to mark"}
            continue
        check, hidden = (texts.get(f"{kind} {exercise.grade_id}") for kind in ("check", "hidden"))
        passed = [text is None or text.startswith("Right.") for text in (check, hidden)]
        wrong = check if not passed[0] else hidden if not passed[1] else "Right."
        yield row | {
            "points": exercise.points if all(passed) else 0,
            "check": passed[0],
            "hidden": None if hidden is None else passed[1],
            "said": unread + (wrong or ""),
        }


def known(solution: Path) -> Iterator[Exercise]:
    """The exercises of a chapter, in order."""
    with_inputs = inputs()
    answer, imports, number = None, "", 0
    for cell in nbformat.read(solution, as_version=4).cells:
        kind, tags = exercises.kind(cell), cell.metadata.get("tags", [])
        points = exercises.points(tags)
        if kind == "solution":
            answer, number = cell, number + 1
            if cell.cell_type == "markdown":
                yield Exercise("in words", f"{solution.stem}-{number}", points)
        elif kind == "check" and answer is not None:
            names = (getattr(node, "name", "") for node in ast.parse(answer.source).body)
            function = next((name for name in names if name in with_inputs), "")
            yield Exercise(
                name=ast.parse(cell.source).body[0].name,
                grade_id=f"{solution.stem}-{number}",
                points=points,
                check=cell.source,
                function=function,
                solution=f"{imports}\n{answer.source}",
            )
        elif cell.cell_type == "code":
            tree = ast.parse(cell.source)
            imported = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
            imports += "".join(f"{ast.unparse(node)}\n" for node in imported)


def inputs() -> dict[str, Callable]:
    """What `hidden.py` has: by the name of a function, what makes its arguments from a generator.

    The name with `_said` behind it is a function that puts an answer into the form in which it is
    compared; it is given the answer and the arguments.
    """
    found = runpy.run_path(str(HIDDEN))
    return {n: value for n, value in found.items() if callable(value) and not n.startswith("_")}


def judge(function: str, theirs: Any, solution: str, seed: int) -> None:
    """Try a student's function on new inputs, in their kernel, and show the verdict.

    Parameters
    ----------
    function : str
        Its name.
    theirs : object
        What the student gave this name; None where there is nothing.
    solution : str
        Python source that defines the right one.
    seed : int
        Of the inputs.
    """
    names: dict[str, Any] = {}
    exec(compile(solution, "<solution>", "exec"), names)
    made = inputs()
    form = made.get(f"{function}_said", lambda answer, *arguments: answer)
    text = "Right."
    for n in range(ROUNDS):
        arguments = made[function](np.random.default_rng([seed, n]))
        right, error = _outcome(names[function], arguments, form)
        answer, stopped = _outcome(theirs, arguments, form)
        if error is not None or stopped is not None:
            if type(error) is type(stopped):
                continue
            text = f"On new input it stops with {type(stopped).__name__}: {stopped}"
            if stopped is None:
                text = f"On new input it should raise {type(error).__name__}."
            break
        try:
            _compare(answer, right)
        except (NotYet, TypeError, ValueError):
            text = "On new input the answer is wrong."
            break
    display({VERDICT: {"text": text}, "text/plain": text}, raw=True)


def _outcome(function: Any, arguments: tuple, form: Callable) -> tuple[Any, Exception | None]:
    """What a function returns in the form to be compared, or what it raises."""
    try:
        with np.errstate(all="ignore"):
            return form(function(*copy.deepcopy(arguments)), *arguments), None
    except Exception as error:
        return None, error


def _compare(answer: Any, right: Any) -> None:
    """Raise `NotYet` where an answer is not right, as precisely as the checks expect it."""
    expect = Expect("")
    if isinstance(right, tuple):
        expect(isinstance(answer, tuple | list) and len(answer) == len(right), "")
        for one, other in zip(answer, right, strict=True):
            _compare(one, other)
    elif isinstance(right, list):  # of titles
        expect(list(answer) == right, "")
    else:
        expect.equal(answer, right, "")


# A notebook that was handed in, as it runs


def _steps(
    cells: Sequence[NotebookNode], of_chapter: Sequence[Exercise], seed: int
) -> Iterator[tuple[str, str]]:
    """(key, source) of what runs: the student's own cells, and each check where it stood.

    The key is "check ID" or "hidden ID" for a check and a hidden test, and empty otherwise.
    """
    missing = {exercise.grade_id: exercise for exercise in of_chapter if exercise.check}
    for cell in cells:
        if cell.cell_type != "code":
            continue
        about = cell.metadata.get("nbgrader", {})
        if not about.get("grade"):
            yield "", cell.source
        elif exercise := missing.pop(str(about.get("grade_id")).removesuffix("-check"), None):
            yield from _tests(exercise, seed)
    for exercise in missing.values():
        yield from _tests(exercise, seed)


def _tests(exercise: Exercise, seed: int) -> Iterator[tuple[str, str]]:
    yield f"check {exercise.grade_id}", f"from course.checks import check\n{exercise.check}"
    if exercise.function:
        theirs = f"globals().get({exercise.function!r})"
        judged = f"{exercise.function!r}, {theirs}, {exercise.solution!r}, {seed}"
        source = f"import course.grading\ncourse.grading.judge({judged})"
        yield f"hidden {exercise.grade_id}", source


def _executed(sources: Sequence[str], folder: Path, limit: int) -> list[str]:
    """What each cell shows, in one kernel.

    A cell that takes too long, or that ends its kernel, is left out, and the others run again.
    """
    left_out: dict[int, str] = {}
    starts = 0
    while True:
        try:
            said = _run(sources, folder, limit, left_out) | left_out
        except RuntimeError:  # another program has taken a port just before the kernel did
            starts += 1
            if starts == STARTS:
                raise
        else:
            if len(said) == len(sources):
                return [said[n] for n in range(len(sources))]


def _run(
    sources: Sequence[str], folder: Path, limit: int, left_out: dict[int, str]
) -> dict[int, str]:
    """What cells show, up to the end or to one that has to be left out, which is then added."""
    client = NotebookClient(
        new_notebook(),
        kernel_name="python3",
        extra_arguments=run.KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(folder)}},
        allow_errors=True,
        timeout=limit,
        shutdown_kernel="immediate",
    )
    said = {}
    with client.setup_kernel():
        for n, source in enumerate(sources):
            if n in left_out:
                continue
            cell = new_code_cell(source)
            client.nb = new_notebook(cells=[cell])
            try:
                client.execute_cell(cell, 0)
            except CellTimeoutError:
                left_out[n] = f"It took more than {limit} seconds."
                break
            except DeadKernelError:
                left_out[n] = "It ended its kernel: too much memory, or `exit`."
                break
            said[n] = _shown(cell)
    return said


def _shown(cell: NotebookNode) -> str:
    """The verdict that a cell shows, or the error that it ended with."""
    for output in cell.outputs:
        if output.output_type == "error":
            return f"It stopped with {output.ename}: {output.evalue}"
        if output.output_type == "display_data":
            return output.data.get("text/plain", "")
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade a folder, write the marks as CSV, and print each student's points."""
    parser = argparse.ArgumentParser(prog="python -m course.grading", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="a folder with a folder for each student")
    parser.add_argument("--out", type=Path, help="the CSV file; FOLDER/marks.csv otherwise")
    parser.add_argument("--seed", type=int, help="of the hidden tests' inputs; random otherwise")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds a cell may take")
    chosen = parser.parse_args(arguments)
    out = chosen.out or chosen.folder / "marks.csv"
    try:
        table = grade(chosen.folder, chosen.seed, chosen.limit)
        with replacing(out) as beside:
            table.to_csv(beside, index=False)
    except (OSError, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    by_machine = table[table["points"].notna()]
    total = by_machine.groupby(["student", "chapter"])[["points", "of"]].sum().astype(int)
    print(total.to_string())
    print(f"{out} has a row for each exercise. Answers in words are yours to mark.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
