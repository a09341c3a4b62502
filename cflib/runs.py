"""One run of the chapters: papermill executes them in order, with your parameters, into one folder.

In that folder, besides the executed notebooks and the page that has them all, lies what the
chapters of a run leave for each other and for you: `model.npz`, which chapter 03 trains and the
later ones load, and `metrics.json`, to which each chapter adds what it found. A chapter learns the
folder from its parameter `run_dir`; where that is empty, it stands alone.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import numbers
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pandas as pd

from ._files import replacing
from .model import FactorModel

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
DEFAULT = ROOT / "runs" / "default"
MODEL, METRICS, PAGE = "model.npz", "metrics.json", "index.html"
RUN_DIR = "run_dir"
FIGURE, PNG = "figure", re.compile(r"[\w-][\w .-]*\.png")
# Kernels talk to us over loopback in plain text, as ever; ipykernel 7 warns of it at each start.
KERNEL_ARGUMENTS = ["--log-level=ERROR"]


class RunError(Exception):
    """A chapter of a run failed; the message says which, where and why."""


# What a chapter calls


def record(run_dir, name: str, value) -> None:
    """Add `value` under `name` to the `metrics.json` of a run; nothing where `run_dir` is empty.

    Parameters
    ----------
    run_dir : str or path
        The chapter's parameter.
    name : str
        A name that is there already gets the new value.
    value : None, bool, str, finite number, or list, dict or DataFrame of them; or a figure
        A frame becomes `{row: {column: value}}`; a figure of matplotlib `{"figure": "name.png"}`,
        with the picture in that file of the run's folder.

    Raises
    ------
    ValueError
        By name, for what JSON cannot hold: NaN, an infinity, an array, a key that isn't text; and
        for a figure whose name no file can have.
    """
    is_figure = hasattr(value, "savefig")  # without loading matplotlib to ask
    plain = _picture_name(name) if is_figure else _plain(value, name)
    if not run_dir:
        return
    if is_figure:
        with replacing(Path(run_dir) / plain[FIGURE]) as beside:
            value.savefig(beside, format="png", dpi=110, metadata={"Software": None})
    metrics = read_metrics(run_dir) | {name: plain}
    with replacing(Path(run_dir) / METRICS) as beside:
        beside.write_text(
            json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def read_metrics(run_dir) -> dict:
    """What the chapters of a run have recorded, in the order in which they did."""
    path = Path(run_dir) / METRICS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def picture(recorded) -> str:
    """The file's name of a figure that was recorded; empty for whatever else was."""
    is_figure = isinstance(recorded, Mapping) and list(recorded) == [FIGURE]
    return recorded[FIGURE] if is_figure and PNG.fullmatch(str(recorded[FIGURE])) else ""


def keep_records(executed: Path, recorded: Mapping) -> None:
    """Put what was recorded into the executed notebook's own metadata, as `cflib`, too."""
    import nbformat  # here, because the chapters import this module and should not wait for it

    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata["cflib"] = {"recorded": dict(recorded)}
    with replacing(executed) as beside:
        nbformat.write(notebook, beside)


def model(run_dir, fit: Callable[[], FactorModel]) -> FactorModel:
    """The model that chapter 03 left in the run's folder, or `fit()` where there is none.

    Parameters
    ----------
    run_dir : str or path
        The chapter's parameter.
    fit : function of no arguments
        Trains the same model; called, with a word about it, only when it has to be.
    """
    path = Path(run_dir) / MODEL
    if run_dir and path.exists():
        print("the model that chapter 3 left in this run's folder")
        return FactorModel.load(path)
    print("chapter 3's model isn't here, so it is trained again")
    return fit()


def _picture_name(name: str) -> dict[str, str]:
    file = f"{name}.png"
    if not PNG.fullmatch(file):
        raise ValueError(
            f"the name of a figure, which its file gets, should be of letters, digits, spaces and "
            f"`_`, `-`, `.`. Received: {name!r}"
        )
    return {FIGURE: file}


def _plain(value, where: str):
    if isinstance(value, pd.DataFrame):
        value = value.to_dict("index")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{where}.{key}") for key, item in value.items()}
    shown = repr(value) if isinstance(value, numbers.Number) else f"a {type(value).__name__}"
    raise ValueError(
        f"`{where}` should be something that JSON holds: text, a finite number, true, false, "
        f"none, or a list or a dict (with text as keys) of them; or a frame or a figure. "
        f"Received: {shown}"
    )


# The parameters of a run


def chapters(folder: Path = NOTEBOOKS) -> list[Path]:
    """The chapters that a run executes, in order: all but 00, which is about its own figures."""
    numbered = sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))
    return [path for path in numbered if not path.name.startswith("00")]


def parameters(chapter: Path) -> dict:
    """The parameters of a chapter and their defaults, out of its cell tagged `parameters`.

    Raises
    ------
    ValueError
        When a line of that cell isn't `name = literal`.
    """
    import nbformat  # here, as above

    notebook = nbformat.read(chapter, as_version=4)
    result = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "parameters" not in cell.metadata.get("tags", []):
            continue
        for statement in ast.parse(cell.source).body:
            try:
                (target,) = statement.targets
                result[target.id] = ast.literal_eval(statement.value)
            except (AttributeError, ValueError):
                raise ValueError(
                    f"{Path(chapter).name}: each line of the cell tagged `parameters` should be "
                    f"`name = literal`. Received: {ast.unparse(statement)}"
                ) from None
    return result


def assign(given: Iterable[tuple[str, str]], known: Mapping[str, Mapping]) -> dict[str, dict]:
    """Which parameters each chapter gets: those that it has, as values of the default's type.

    Parameters
    ----------
    given : pairs of name and text
        As on the command line.
    known : dict of chapter to its parameters
        As `parameters` returns them.

    Raises
    ------
    ValueError
        For a name that no chapter has (with the nearest one that exists), and for text that isn't
        a value of the type of the chapter's default.
    """
    names = sorted({name for defaults in known.values() for name in defaults} - {RUN_DIR})
    result = {chapter: {} for chapter in known}
    for name, text in given:
        if name == RUN_DIR:
            raise ValueError("`run_dir` isn't set by -p: the folder of a run is given by --out")
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0)
            advice = f"the nearest is `{nearest[0]}`" if nearest else "they have none"
            raise ValueError(f"no chapter has a parameter `{name}`; {advice}")
        for chapter, defaults in known.items():
            if name in defaults:
                result[chapter][name] = value(name, text, defaults[name], chapter)
    return result


def value(name: str, text: str, default, chapter: str):
    kind = type(default)
    try:
        if kind is str:
            return text
        if kind is dict and Path(text).is_file():  # what it would hold may stand in a file
            return str(Path(text).resolve())
        if kind in (int, float):
            value = kind(text)
            if math.isfinite(value):
                return value
        else:
            value = ast.literal_eval(text.capitalize() if kind is bool else text)
            if default is None or type(value) is kind:
                return value
    except (ValueError, SyntaxError):
        pass
    raise ValueError(
        f"`{name}` should be {'an' if kind is int else 'a'} {kind.__name__}, "
        f"as in {chapter}, where it is {default!r}. Received: {text!r}"
    )


# The run


def run(out=DEFAULT, given: Iterable[tuple[str, str]] = (), folder: Path = NOTEBOOKS) -> Path:
    """Execute the chapters in order into `out`, saying how it goes; returns the page's path.

    What an earlier run left in `out` is removed first: the folder holds one run.

    Parameters
    ----------
    out : path
        Folder of the run.
    given : pairs of name and text
        Parameters; each goes to the chapters that have it.
    folder : path
        Where the chapters are.

    Raises
    ------
    ValueError
        Before anything runs: no chapters, a parameter that no chapter has or of another type,
        `out` being the chapters' own folder.
    RunError
        When a chapter fails. Its executed notebook stays, up to the failing cell.
    """
    from . import page  # here, as above

    out, paths = Path(out).resolve(), chapters(folder)
    if not paths:
        raise ValueError(f"there are no chapters in {folder}")
    if out == Path(folder).resolve():
        raise ValueError(f"the folder of a run should not be that of the chapters. Received: {out}")
    known = {path.stem: parameters(path) for path in paths}
    values = assign(given, known)
    out.mkdir(parents=True, exist_ok=True)
    pictures = filter(None, map(picture, read_metrics(out).values()))
    for name in (MODEL, METRICS, PAGE, *pictures, *(path.name for path in paths)):
        (out / name).unlink(missing_ok=True)
    for number, path in enumerate(paths, start=1):
        folder_of_run = {RUN_DIR: str(out)} if RUN_DIR in known[path.stem] else {}
        started = time.perf_counter()
        _execute(path, out / path.name, values[path.stem] | folder_of_run)
        seconds = time.perf_counter() - started
        print(f"{number}/{len(paths)}  {path.stem:20}{seconds:5.0f} s", flush=True)
    page.write(out / PAGE, [out / path.name for path in paths])
    return out / PAGE


def _execute(chapter: Path, executed: Path, values: dict) -> None:
    """Run one chapter; what was executed gets its name at the end, also when it failed."""
    import papermill  # here, as above
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    partial = executed.with_name(f".{executed.stem}.part.ipynb")
    bar = {"desc": chapter.stem, "leave": False} if sys.stderr.isatty() else False
    where = f"executed as far as it got: {executed}"
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
            keep_records(
                partial, {n: v for n, v in now.items() if n not in before or before[n] != v}
            )
            os.replace(partial, executed)


def summary(run_dir) -> str:
    """The held-out RMSE of the models that chapter 04 compared, out of `metrics.json`."""
    rmse = {name: row["rmse"] for name, row in read_metrics(run_dir).get("evaluation", {}).items()}
    width = max(map(len, rmse), default=0)
    lines = [f"  {name:{width}}  {value:.3f}" for name, value in rmse.items()]
    return "\n".join(["Held-out RMSE, in stars:", *lines]) if lines else ""
