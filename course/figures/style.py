"""What every picture of the course has in common: colours, the house's style, and empty axes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

import matplotlib
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
RED = "#cc3311"
PURPLE = "#8856a7"
GREY = "#8c8c8c"
DARK_GREY = "#555555"  # of text that steps back
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY)
STYLE = {
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "text.parse_math": False,  # a `$` in a title or a parameter is a dollar, and begins no formula
}

Arguments = ParamSpec("Arguments")


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Run a plotting function under the house's style."""

    @functools.wraps(draw)
    def drawing(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawing


def subplots(
    width: float = 7.5, height: float = 3.8, columns: int = 1, **kwargs: Any
) -> tuple[Figure, Any]:
    """An empty figure of that size in inches, and its axes side by side.

    `kwargs` are those of `Figure.subplots`.
    """
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(1, columns, **kwargs)


def logarithmic(axis: Axis, form: str) -> None:
    """Make an axis logarithmic, with ticks that are written as `form` says, such as "{x:g}"."""
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    low, high = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1, 3)))
    axis.set_major_formatter(StrMethodFormatter(form))
    axis.set_minor_formatter(NullFormatter())
