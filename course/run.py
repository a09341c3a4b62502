"""One run of the chapters: papermill executes them in order, with your parameters, into one folder.

In that folder are then the executed notebooks, the page that has them all, and what the chapters
have left there for each other and for you: see `chapter`.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .chapter import METRICS, MODEL, picture, read_metrics
from .files import remove_unfinished, replacing

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
DEFAULT = ROOT / "runs" / "default"
PAGE = "index.html"
DOCUMENTS = ("questions.md", "glossary.md", "mathematics.md")  # the chapters refer to them
RUN_DIR = "run_dir"
ORIGINAL = "13_original.ipynb"  # not in a run: its settings and its numbers are the original's
MARKER = ".cflib-run"  # in the folder of a run: what a run left there may be replaced
# A kernel of ipykernel 7 warns at each start that it talks over loopback in plain text, and may log
# an error when it is interrupted to be shut down. What goes wrong in a chapter is in its outputs.
KERNEL_ARGUMENTS = ["--log-level=CRITICAL"]


class RunError(Exception):
    """A chapter of a run failed; the message says which, where and why."""


# The parameters of a run


def chapters(folder: str | Path = NOTEBOOKS) -> list[Path]:
    """The chapters that a run executes, in order: all but the one on the original notebook."""
    numbered = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    return [path for path in numbered if path.name != ORIGINAL]


def parameters(chapter: str | Path) -> dict[str, Any]:
    """The parameters of a chapter and their defaults, from its cell tagged `parameters`.

    Raises
    ------
    ValueError
        When a line of that cell isn't `name = literal`.
    """
    import nbformat  # here, so that a chapter can import this module without waiting

    notebook = nbformat.read(chapter, as_version=4)
    defaults = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "parameters" not in cell.metadata.get("tags", []):
            continue
        for statement in ast.parse(cell.source).body:
            try:
                (target,) = statement.targets
                defaults[target.id] = ast.literal_eval(statement.value)
            except (AttributeError, ValueError):
                raise ValueError(
                    f"{Path(chapter).name}: each line of the cell tagged `parameters` should be "
                    f"`name = literal`. Received: {ast.unparse(statement)}"
                ) from None
    return defaults


def assign(
    pairs: Iterable[tuple[str, str]], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The values that each chapter gets: of the parameters that it has, in their own types.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Names and texts, as on the command line.
    known : dict
        The parameters of each chapter by its name, as `parameters` returns them.

    Returns
    -------
    dict
        Values by parameter, by chapter.

    Raises
    ------
    ValueError
        For a name that no chapter has (with the nearest one that exists), and for a text that isn't
        a value of the type of the chapter's default.
    """
    names = sorted({name for defaults in known.values() for name in defaults} - {RUN_DIR})
    values: dict[str, dict[str, Any]] = {chapter: {} for chapter in known}
    for name, text in pairs:
        if name == RUN_DIR:
            raise ValueError("`run_dir` isn't set by -p: --out says where the folder of a run is")
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0)
            advice = f"the nearest is `{nearest[0]}`" if nearest else "they have none"
            raise ValueError(f"no chapter has a parameter `{name}`; {advice}")
        for chapter, defaults in known.items():
            if name in defaults:
                values[chapter][name] = value(name, text, defaults[name], chapter)
    return values


def value(name: str, text: str, default: Any, chapter: str) -> Any:
    """The value that `text` means, in the type of the parameter's default.

    A dict may be given as a file that holds it: its absolute path is the value.

    Raises
    ------
    ValueError
        For a text that isn't a value of that type; names parameter and chapter.
    """
    kind = type(default)
    try:
        if kind is str:
            return text
        if kind is dict and Path(text).is_file():
            return str(Path(text).resolve())
        if kind in (int, float):
            number = kind(text)
            if math.isfinite(number):
                return number
        else:
            literal = ast.literal_eval(text.capitalize() if kind is bool else text)
            if default is None or type(literal) is kind:
                return literal
    except (ValueError, SyntaxError):
        pass
    raise ValueError(
        f"`{name}` should be {'an' if kind is int else 'a'} {kind.__name__}, "
        f"as in {chapter}, where it is {default!r}. Received: {text!r}"
    )


# The run


def run(
    out: str | Path = DEFAULT,
    pairs: Iterable[tuple[str, str]] = (),
    folder: str | Path = NOTEBOOKS,
) -> Path:
    """Execute the chapters in order into `out`, with a line for each; return the page's path.

    What an earlier run left in `out` is removed first: the folder holds one run. A folder with
    files that no run made is refused, and so is one in which another run is going on.

    Parameters
    ----------
    out : str or Path
        Folder of the run.
    pairs : iterable of (str, str)
        Parameters, as names and texts; each goes to the chapters that have it.
    folder : str or Path
        Where the chapters are.

    Raises
    ------
    ValueError
        Before anything runs: there are no chapters, no chapter has such a parameter or it is of
        another type; and for an `out` that is the chapters' own folder, has files that no run
        made, or is in use.
    RunError
        When a chapter fails. Its executed notebook stays, up to the cell that failed.
    """
    from . import page  # here, because only a whole run writes one

    out, paths = Path(out).resolve(), chapters(folder)
    if not paths:
        raise ValueError(f"there are no chapters in {folder}")
    if out == Path(folder).resolve():
        raise ValueError(f"the folder of a run should not be that of the chapters. Received: {out}")
    known = {path.stem: parameters(path) for path in paths}
    values = assign(pairs, known)
    with _alone_in(out):
        try:
            earlier = read_metrics(out)
        except ValueError:  # damaged: it is removed as well, and the folder can be used again
            earlier = {}
        pictures = filter(None, map(picture, earlier.values()))
        for name in (MODEL, METRICS, PAGE, *pictures, *(path.name for path in paths)):
            (out / name).unlink(missing_ok=True)
        for number, path in enumerate(paths, start=1):
            run_dir = {RUN_DIR: str(out)} if RUN_DIR in known[path.stem] else {}
            started = time.perf_counter()
            _execute(path, out / path.name, values[path.stem] | run_dir)
            seconds = time.perf_counter() - started
            print(f"{number}/{len(paths)}  {path.stem:20}{seconds:5.0f} s", flush=True)
        stored = filter(Path.exists, [Path(folder) / ORIGINAL])
        documents = (Path(folder).parent / "docs" / name for name in DOCUMENTS)
        page.write(
            out / PAGE,
            [*(out / path.name for path in paths), *stored],
            filter(Path.exists, documents),
        )
    return out / PAGE


@contextlib.contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Make the folder of a run, mark it as one, and hold it until the run is over."""
    import locket  # here, because chapters import this module and hold no folder

    is_ours = out == DEFAULT or (out / MARKER).exists()
    if out.is_dir() and any(out.iterdir()) and not is_ours:
        raise ValueError(
            f"{out} has files that no run made. Choose another folder for the run, or an empty one."
        )
    out.mkdir(parents=True, exist_ok=True)
    lock = locket.lock_file(str(out / MARKER), timeout=0)
    try:
        lock.acquire()
    except locket.LockError:
        raise ValueError(
            f"another run is going on in {out}. Wait for its end, or choose another folder."
        ) from None
    try:
        remove_unfinished(out)
        for partial in out.glob(".*.part.ipynb"):
            partial.unlink()
        yield
    finally:
        lock.release()


def _execute(chapter: Path, executed: Path, values: dict[str, Any]) -> None:
    """Run one chapter. The executed notebook gets its name at the end, also after a failure."""
    import papermill  # here, because it is slow to load
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    partial = executed.with_name(f".{executed.stem}.part.ipynb")
    bar = {"desc": chapter.stem, "leave": False} if sys.stderr.isatty() else False
    where = f"executed up to there: {executed}"
    before = read_metrics(executed.parent)
    try:
        papermill.execute_notebook(
            chapter, partial, values, progress_bar=bar, extra_arguments=KERNEL_ARGUMENTS
        )
    except PapermillExecutionError as error:
        cell = (error.source.strip().splitlines() or [""])[0]
        raise RunError(
            f"{chapter.stem} failed in cell [{error.exec_count}], which begins with `{cell}`: "
            f"{error.ename}: {error.evalue}\n{where}"
        ) from error
    except DeadKernelError as error:
        raise RunError(f"{chapter.stem}: its kernel died (out of memory?)\n{where}") from error
    finally:
        if partial.exists():
            now = read_metrics(executed.parent)
            added = {n: v for n, v in now.items() if n not in before or before[n] != v}
            keep_records(partial, added)
            os.replace(partial, executed)


def keep_records(executed: Path, recorded: Mapping[str, Any]) -> None:
    """Put what was recorded into the executed notebook's own metadata, too, as `cflib`."""
    import nbformat  # here, as above

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata["cflib"] = {"recorded": dict(recorded)}
    with replacing(executed) as beside:
        nbformat.write(notebook, beside)


def summary(run_dir: str | Path) -> str:
    """The RMSE on the ratings held out of the models that chapter 04 compared; "" without them."""
    rmse = {name: row["rmse"] for name, row in read_metrics(run_dir).get("evaluation", {}).items()}
    width = max(map(len, rmse), default=0)
    lines = [f"  {name:{width}}  {value:.3f}" for name, value in rmse.items()]
    return "\n".join(["RMSE on the ratings held out, in stars:", *lines]) if lines else ""
