"""What a chapter imports besides its figures: it shows, it records, and it shares the model.

The chapters of one run share a folder. In it lie `model.npz`, which chapter 03 trains and later
chapters load, and `metrics.json`, to which each chapter adds its results. A chapter learns the
folder from its parameter `run_dir`. Where that is empty, the chapter stands alone.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import math
import numbers
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.display import Markdown, display

from .files import replacing, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cflib.model import Model

MODEL, METRICS = "model.npz", "metrics.json"
FIGURE, PNG = "figure", re.compile(r"[\w-][\w .-]*\.png")


# What a chapter shows


def source(*functions: Callable) -> Markdown:
    """The source code of functions, as the value of a cell: what is shown is what runs."""
    text = "\n\n".join(inspect.getsource(inspect.unwrap(f)).rstrip() for f in functions)
    return Markdown(f"```python\n{text}\n```")


def command(line: str, folder: str | Path) -> None:
    """Run a command of `cflib` in a folder, and show the line with what it prints.

    Parameters
    ----------
    line : str
        What one would type after `cflib`.
    folder : str or Path
        Where it runs, so that names of files stay short.
    """
    from click.testing import CliRunner

    from cflib.cli import cli

    with contextlib.chdir(folder):
        done = CliRunner().invoke(cli, shlex.split(line), catch_exceptions=False)
    print(f"$ cflib {line}\n{done.stdout}")
    if done.exit_code:
        raise RuntimeError(f"`cflib {line}` failed: {done.stderr}")


def show(figure: Figure, alt: str | None = None, dpi: int = 110) -> None:
    """Display a figure with `alt` as its alternative text.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    alt : str or None
        What somebody who cannot see the picture should know of it. None: the figure's label, which
        a function of `course.figures` has set.
    dpi : int
        Pixels per inch.
    """
    alt = alt or str(figure.get_label())
    if not alt:
        raise ValueError("a picture needs an alternative text: `alt`, or the figure's label")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    display(
        {"image/png": png.getvalue(), "text/plain": f"[picture: {alt}]"},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )


def claim(holds: bool, that: str, as_written: bool = True) -> None:
    """Check a result that the text states; with other parameters, say whether it still holds.

    Parameters
    ----------
    holds : bool
        Whether the result came out.
    that : str
        The result, as the end of a sentence: "the list with more ratings is ...".
    as_written : bool
        Whether the parameters are those that the text speaks of.

    Raises
    ------
    AssertionError
        Where the result did not come out with the text's parameters.
    """
    if not as_written:
        so = "is still so" if holds else "is not so"
        print(f"(The text speaks of other parameters. With these it {so} that {that}.)")
    elif not holds:
        raise AssertionError(f"the text says that {that}, and here it is not so")


# What the chapters of a run share


def record(run_dir: str | Path, name: str, value: Any) -> None:
    """Add `value` under `name` to the `metrics.json` of a run; do nothing where `run_dir` is empty.

    Parameters
    ----------
    run_dir : str or Path
        The chapter's parameter.
    name : str
        A name that is there already gets the new value.
    value : None, bool, str, number, list, dict, DataFrame or Figure
        Numbers are finite; lists, dicts and frames hold nothing else than these. A frame becomes
        `{row: {column: value}}`. A figure becomes `{"figure": "name.png"}`, with the picture in
        that file of the run's folder.

    Raises
    ------
    ValueError
        For what JSON cannot hold, by its name: NaN, an infinity, an array, a key that is not text.
        And for a figure whose name cannot be the name of a file.
    """
    is_figure = hasattr(value, "savefig")  # asked so that matplotlib need not be loaded
    plain = _picture_name(name) if is_figure else _plain(value, name)
    if not run_dir:
        return
    if is_figure:
        with replacing(Path(run_dir) / plain[FIGURE]) as beside:
            value.savefig(beside, format="png", dpi=110, metadata={"Software": None})
    metrics = read_metrics(run_dir) | {name: plain}
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(Path(run_dir) / METRICS, text + "\n")


def read_metrics(run_dir: str | Path) -> dict[str, Any]:
    """What the chapters of a run have recorded, by name, in the order in which they did.

    Raises
    ------
    ValueError
        For a file that is damaged, empty or not made by `record`.
    """
    path = Path(run_dir) / METRICS
    try:
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}). Delete it, and run again.") from None
    if not isinstance(metrics, dict):
        raise ValueError(f"{path} holds no records of chapters. Delete it, and run again.")
    return metrics


def picture(recorded: Any) -> str:
    """The name of the file of a recorded figure; empty for any other record."""
    is_figure = isinstance(recorded, Mapping) and list(recorded) == [FIGURE]
    return recorded[FIGURE] if is_figure and PNG.fullmatch(str(recorded[FIGURE])) else ""


def model(run_dir: str | Path, fit: Callable[[], Model]) -> Model:
    """The model that chapter 03 left in the run's folder, or `fit()` where there is none.

    Parameters
    ----------
    run_dir : str or Path
        The chapter's parameter.
    fit : function without arguments
        Trains the same model. It is called only where it is needed, and a line says so.
    """
    path = Path(run_dir) / MODEL
    if run_dir and path.exists():
        from cflib import load_model

        print("the model that chapter 3 left in this run's folder")
        return load_model(path)
    print("chapter 3's model isn't here, so it is trained again")
    return fit()


def _picture_name(name: str) -> dict[str, str]:
    file = f"{name}.png"
    if not PNG.fullmatch(file):
        raise ValueError(
            "the name of a figure is the name of its file, and should consist of letters, digits, "
            f"spaces and `_`, `-`, `.`. Received: {name!r}"
        )
    return {FIGURE: file}


def _plain(value: Any, where: str) -> Any:
    """`value` as JSON's own types; `where` is its name, for the message."""
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
        f"`{where}` should be text, a finite number, true, false or none, a list or a dict (with "
        f"text as keys) of these, a frame or a figure. Received: {shown}"
    )
