"""The picture that exercises of several chapters draw."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from .style import styled, subplots


@styled
def lines(table: pd.DataFrame, label: str, log_x: bool = False) -> Figure:
    """A line for each column of a table against its index.

    Parameters
    ----------
    table : DataFrame
        Its index has a name, which labels the x axis.
    label : str
        Of the y axis.
    log_x : bool
        Whether the x axis is logarithmic.
    """
    figure, ax = subplots()
    for name, column in table.items():
        ax.plot(table.index, column, marker="o", markersize=4, label=name)
    if log_x:
        ax.set_xscale("log")
    ax.set(xlabel=table.index.name, ylabel=label, title=f"{label} by {table.index.name}")
    ax.legend()
    return figure
