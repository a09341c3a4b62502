"""The picture of chapter 07: time and memory by the number of ratings."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from .style import BLUE, GREY, ORANGE, logarithmic, styled, subplots


@styled
def growth(table: pd.DataFrame) -> Figure:
    """Seconds per iteration and peak memory against the number of ratings.

    Parameters
    ----------
    table : DataFrame
        Columns n_ratings, seconds_per_iteration, megabytes; a row for each size, the largest last.
        A dashed line through the largest shows exact proportion.
    """
    figure, axes = subplots(9, 3.8, columns=2)
    panels = [
        ("seconds_per_iteration", "Time", "seconds per iteration", BLUE),
        ("megabytes", "Memory", "peak memory while training (MB)", ORANGE),
    ]
    for ax, (column, title, label, colour) in zip(axes, panels, strict=True):
        x, y = table["n_ratings"], table[column]
        ax.plot(x, y.iloc[-1] * x / x.iloc[-1], color=GREY, ls="--", label="in exact proportion")
        ax.plot(x, y, "o-", color=colour, lw=2, label="measured")
        logarithmic(ax.xaxis, "{x:,.0f}")
        logarithmic(ax.yaxis, "{x:g}")
        ax.xaxis.set_major_locator(LogLocator())
        ax.set(title=title, xlabel="ratings", ylabel=label)
        ax.legend()
    return figure
