"""The pictures of chapter 10: mistakes that make a model look better than it is."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .style import BLUE, GREY, ORANGE, styled, subplots


@styled
def share_answered(table: pd.DataFrame) -> Figure:
    """RMSE against the share of the test ratings that a model answers for.

    Parameters
    ----------
    table : DataFrame
        Columns "share answered" (0 to 1) and "RMSE" (stars). The index is the number of ratings
        from which a movie is answered for.
    """
    figure, ax = subplots(7, 3.8)
    ax.plot(table["share answered"], table["RMSE"], "o-", color=ORANGE)
    above = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center", "fontsize": 9}
    for least, row in table.iterrows():
        ax.annotate(f"{least}+", (row["share answered"], row["RMSE"]), **above)
    ax.set(
        title="One model that answers only for movies with enough ratings",
        xlabel="share of the test ratings answered for",
        ylabel="RMSE of the answers (stars)",
        xlim=(0, 1.05),
    )
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.margins(y=0.15)
    return figure


@styled
def lottery(table: pd.DataFrame, winner: Hashable) -> Figure:
    """RMSE of equal models on a small test set, against their RMSE on other ratings.

    Parameters
    ----------
    table : DataFrame
        A row for each model; two columns of RMSE (stars), the small test set first.
    winner : hashable
        The row that was chosen.
    """
    figure, ax = subplots(6, 5.4)
    chosen = table.index == winner
    for rows, colour, label in (
        (~chosen, BLUE, "a model"),
        (chosen, ORANGE, "chosen on the test set"),
    ):
        ax.plot(*table[rows].to_numpy().T, "o", color=colour, ms=7, alpha=0.8, mew=0, label=label)
    middle, half = table.mean(), 0.6 * np.ptp(table, axis=0).max()  # one scale for both axes
    for line, column in zip((ax.axvline, ax.axhline), table, strict=True):
        line(middle[column], color=GREY, ls="--", lw=1)
    ax.set(
        title=f"{len(table)} models that differ only in their seed",
        xlabel=f"RMSE {table.columns[0]} (stars)",
        ylabel=f"RMSE {table.columns[1]} (stars)",
        xlim=(middle.iloc[0] - half, middle.iloc[0] + half),
        ylim=(middle.iloc[1] - half, middle.iloc[1] + half),
        aspect="equal",
    )
    ax.legend()
    return figure
