"""The picture of chapter 07: time and memory by the number of ratings."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from .style import BLUE, GREY, ORANGE, logarithmic, styled


@styled
def growth(table: pd.DataFrame) -> Figure:
    """Seconds per iteration and peak memory against the number of ratings.

    Parameters
    ----------
    table : DataFrame
        Columns n_ratings, seconds_per_iteration, megabytes, operations; a row for each size, the
        largest last. Through the largest go a dashed line, of exact proportion to the ratings,
        and a dotted one, of time in proportion to the operations.
    """
    figure = Figure(figsize=(6, 6.6))
    axes = figure.subplots(2, 1, sharex=True)
    panels = [
        ("seconds_per_iteration", "Time", "seconds per iteration", BLUE),
        ("megabytes", "Memory", "peak memory while training (MB)", ORANGE),
    ]
    for ax, (column, title, label, colour) in zip(axes, panels, strict=True):
        x, y = table["n_ratings"], table[column]
        ax.plot(x, y.iloc[-1] * x / x.iloc[-1], color=GREY, ls="--", label="proportional: slope 1")
        if column == "seconds_per_iteration":
            work = table["operations"]
            ax.plot(x, y.iloc[-1] * work / work.iloc[-1], color=GREY, ls=":", label="the formula")
        ax.plot(x, y, "o-", color=colour, lw=2, label="measured")
        logarithmic(ax.xaxis, "{x:,.0f}")
        logarithmic(ax.yaxis, "{x:g}")
        ax.xaxis.set_major_locator(LogLocator())
        ax.set(title=title, xlabel="ratings", ylabel=label)
        ax.xaxis.set_tick_params(labelbottom=True)
        ax.legend()
    figure.set_label(
        "Seconds per iteration and memory against the number of ratings, on logarithmic axes. A "
        "dashed line of slope 1 goes through the largest set of each; for the time, a dotted line "
        "shows what the formula says."
    )
    return figure
