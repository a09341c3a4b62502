"""The pictures of chapter 03: how training goes, and what a compiled row does with its ratings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from .style import BLUE, DARK_GREY, GREEN, ORANGE, logarithmic, styled, subplots

CELL = 0.16  # inches, in the picture of the data's path
CELLS = {  # colours in the picture of the data's path
    "o": ORANGE,  # residuals
    "b": BLUE,  # features
    "n": "#9ecae8",  # features that are fetched next
    "g": GREEN,  # the constant
    ".": "#e0e0e0",  # everything else
}


@styled
def training_curves(
    histories: Mapping[str, pd.DataFrame], x: str = "step", goal: float | None = None
) -> Figure:
    """Cost, and below it validation RMSE where it was recorded, against step or seconds.

    Parameters
    ----------
    histories : mapping of str to DataFrame
        Label to `FactorModel.history`.
    x : str
        "step" or "seconds". Seconds are on a logarithmic axis.
    goal : float or None
        A cost to mark with a line.
    """
    validated = any(history["validation_rmse"].notna().any() for history in histories.values())
    rows = 2 if validated else 1
    figure = Figure(figsize=(6.5, 0.8 + 2.9 * rows))
    cost, *error = figure.subplots(rows, 1, squeeze=False)[:, 0]
    for label, history in histories.items():
        cost.plot(history[x], history["cost"], label=label, lw=2)
        for ax in error:
            ax.plot(history[x], history["validation_rmse"], label=label, lw=2)
            ax.set(title="Error on the validation set", ylabel="RMSE (stars)")
    cost.set(title="Cost on the training ratings", ylabel="cost J (squared stars)")
    cost.yaxis.set_major_formatter("{x:,.0f}")
    if goal is not None:
        cost.axhline(goal, color=DARK_GREY, lw=1, ls="--", label="the goal")
    for ax in (cost, *error):
        ax.set_xlabel("training time (seconds)" if x == "seconds" else "step of the solver")
        if x == "seconds":
            logarithmic(ax.xaxis, "{x:g}")
    figure.legend(*cost.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@styled
def seen_and_unseen(
    curve: pd.DataFrame, means: float | None = None, top: float | None = None, title: str = ""
) -> Figure:
    """Training and validation error in one panel, with the lowest validation error marked.

    Parameters
    ----------
    curve : DataFrame
        Two columns, the training error and the validation error (stars). The name of its index
        labels the x axis.
    means : float or None
        The validation error of the means alone, as a line.
    top : float or None
        Where the y axis ends, which then begins at 0. None: around the curves.
    title : str
    """
    seen, unseen = curve.columns
    figure, ax = subplots(6.5, 3.9)
    ax.plot(curve.index, curve[seen], color=BLUE, lw=2, label=seen)
    ax.plot(curve.index, curve[unseen], color=ORANGE, lw=2, label=unseen)
    lowest = curve[unseen].idxmin()
    ax.plot(lowest, curve[unseen].min(), "o", ms=10, mfc="none", mec=ORANGE, mew=2)
    place = {"xytext": (0, 10), "textcoords": "offset points", "fontsize": 9}
    ax.annotate("lowest", (lowest, curve[unseen].min()), ha="left", **place)
    if means is not None:
        ax.axhline(means, color=DARK_GREY, lw=1, ls="--", label="validation set, damped means")
    if top is not None:
        ax.set_ylim(0, top)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(
        title=title or "Error on ratings seen and unseen",
        xlabel=curve.index.name,
        ylabel="RMSE (stars)",
    )
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def heat_map(
    table: pd.DataFrame, title: str, label: str, best: Callable = min, form: str = ".3f"
) -> Figure:
    """A table as a picture, its best cell framed. A cell without a value (NaN) is blank.

    Parameters
    ----------
    table : DataFrame
        Its index and its columns have names, which label the axes.
    title, label : str
        Of the picture and of the colours.
    best : callable
        `min` or `max`.
    form : str
        How numbers are written in the cells.
    """
    values = table.to_numpy()
    known = values[~np.isnan(values)]
    cell = max(1.0, 0.09 * max(len(str(name)) for name in table.columns))
    width = max(1.6 + cell * values.shape[1], 1.6 + 0.1 * len(title))
    figure, ax = subplots(width, 1.7 + 0.5 * values.shape[0])
    image = ax.imshow(values, cmap="viridis_r" if best is min else "viridis", aspect="auto")
    for r, c in np.argwhere(~np.isnan(values)):
        is_light = abs(values[r, c] - best(known)) < 0.45 * np.ptp(known)
        number = {"fontsize": 9, "color": "black" if is_light else "white"}
        ax.text(c, r, f"{values[r, c]:{form}}", ha="center", va="center", **number)
    r, c = np.argwhere(values == best(known))[0]
    ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, fill=False, ec=ORANGE, lw=3))
    ax.grid(visible=False)
    ax.set_xticks(range(values.shape[1]), table.columns)
    ax.set_yticks(range(values.shape[0]), table.index)
    ax.set(title=title, xlabel=table.columns.name, ylabel=table.index.name)
    figure.colorbar(image, ax=ax, label=label)
    by = f"{table.index.name} and {table.columns.name}"
    figure.set_label(f"Table of {label} by {by}, coloured, the best cell framed.")
    return figure


@styled
def data_path() -> Figure:
    """The way of the data through one row of the compiled ALS solver, in five steps.

    On the left is a row with many ratings, which has one equation for each feature. On the right
    is a row with few, which has one equation for each rating. Both forms have the same solution.
    """
    figure = Figure(figsize=(5, 7.9), layout="none")
    ax = figure.add_axes((0, 0, 1, 0.95))
    ax.set(xlim=(0, 5), ylim=(7.5, 0))  # inches, from the top left
    ax.set_axis_off()
    ax.set_title("From a row's ratings to its w and b", x=0.03)
    _rows_on_threads(ax)
    _many_ratings(ax, 0.15)
    ax.plot([3.15, 3.15], [1.3, 6.55], color=CELLS["."], lw=1)
    _few_ratings(ax, 3.32)
    for x in (1.4, 4.0):
        _arrow(ax, (x, 6.6), (2.5 + 0.2 * np.sign(x - 2.5), 6.95))
    _cells(ax, 1.94, 7.0, ["bbbbbbg"], (0.16, 0.2))
    _say(ax, 1.85, 7.11, "the row's", ha="right")
    _say(ax, 3.15, 7.11, "w and b")
    return figure


def _rows_on_threads(ax: Axes) -> None:
    _say(ax, 0.15, 0.15, "1  Group ratings by row; share out the rows")
    rows = ["...", 16 * "o", "....", "ooo", "...."]
    width = 4.7 / len("".join(rows))
    edges = 0.15 + width * np.cumsum([0, *map(len, rows)])
    for name, first, last in (("thread 1", 0, 2), ("thread 2", 2, 5)):
        ends = edges[first] + 0.03, edges[last] - 0.03
        ax.plot(np.repeat(ends, 2), [0.66, 0.6, 0.6, 0.66], color=DARK_GREY, lw=1)
        _say(ax, np.mean(ends), 0.45, name, ha="center", color=DARK_GREY)
    for n, row in enumerate(rows):
        _cells(ax, edges[n], 0.72, [row], (width, 0.18))
        if row.startswith("o"):
            middle = edges[n : n + 2].mean()
            _arrow(ax, (middle, 0.95), (middle, 1.22))


def _many_ratings(ax: Axes, left: float) -> None:
    _say(ax, left, 1.36, "Many ratings:", weight="bold")
    _say(ax, left, 1.58, "an equation for each feature")

    _say(ax, left, 1.98, "2  Fetch features, 8 at a time")
    features = np.full(24, "......")
    features[[1, 3, 4, 8, 11, 14, 18, 22]] = "bbbbbb"
    features[[0, 5, 7, 10, 13, 16, 20, 21]] = "nnnnnn"
    _cells(ax, left + 0.25, 2.15, features, (0.16, 0.055))
    _key(ax, left + 1.45, 2.6, "b", "8 in use")
    _key(ax, left + 1.45, 2.85, "n", "8 on the way")

    _say(ax, left, 3.82, "3  Add up A = Σ zᵀz")
    _cells(ax, left + 0.25, 4.0, ["obbbbbbg"])
    _say(ax, left + 1.6, 4.08, "z")
    lower = ["o" + n * "b" for n in range(7)]
    _cells(ax, left + 0.25, 4.28, [*lower, "gggggggg"])
    _ridge(ax, left + 0.25, 4.28, range(1, 7))
    _key(ax, left + 1.75, 4.35, "o", "residual")
    _key(ax, left + 1.75, 4.6, "b", "features")
    _key(ax, left + 1.75, 4.85, "g", "1")
    _key(ax, left + 1.75, 5.1, "b", "plus λ")
    _ridge(ax, left + 1.75 - 0.015, 5.1 - 0.075, range(1))

    _say(ax, left, 5.85, "4  Factorise A = LᵀL. The 1 is")
    _say(ax, left, 6.07, "    first: it centres the features.")
    _say(ax, left, 6.4, "5  Solve for w and b")


def _few_ratings(ax: Axes, left: float) -> None:
    _say(ax, left, 1.36, "Few ratings:", weight="bold")
    _say(ax, left, 1.58, "one for each rating")

    _say(ax, left, 1.98, "2  Fetch all: V")
    _cells(ax, left + 0.25, 2.15, ["bbbbbb"] * 3, (0.16, 0.1))

    _say(ax, left, 3.82, "3  A = V Vᵀ")
    _cells(ax, left + 0.25, 4.28, ["og" + n * "b" for n in range(1, 4)])
    _ridge(ax, left + 0.25 + 0.32, 4.28, range(3))

    _say(ax, left, 5.85, "4  A = LᵀL")
    _say(ax, left, 6.4, "5  α, then Vᵀα, b")


def _ridge(ax: Axes, x: float, y: float, diagonal: range) -> None:
    place = CELL * (np.array(diagonal) + 0.5)
    ax.plot(x + place, y + place, "o", color="white", ms=4.5)


def _say(ax: Axes, x: float, y: float, words: str, **how: object) -> None:
    ax.text(x, y, words, **{"fontsize": 12, "va": "center"} | how)


def _key(ax: Axes, x: float, y: float, kind: str, words: str) -> None:
    _cells(ax, x, y - 0.06, [kind], (0.13, 0.13))
    _say(ax, x + 0.22, y, words)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": DARK_GREY, "lw": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)


def _cells(
    ax: Axes, x: float, y: float, rows: Iterable[str], size: tuple[float, float] = (CELL, CELL)
) -> None:
    """Rows of coloured cells, a letter of `CELLS` for each, with their corner at (x, y)."""
    width, height = size
    for r, row in enumerate(rows):
        for c, kind in enumerate(row):
            corner = x + c * width, y + r * height
            ax.add_patch(
                Rectangle(corner, width, height, fc=CELLS[kind], ec="white", lw=5 * height)
            )
