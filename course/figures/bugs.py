"""The pictures of chapter 10: mistakes that make a model look better than it is."""

from __future__ import annotations

from collections.abc import Hashable

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
    figure, ax = subplots(5.6, 3.8)
    ax.plot(table["share answered"], table["RMSE"], "o-", color=ORANGE)
    above = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center", "fontsize": 9}
    for least, row in table.iterrows():
        ax.annotate(f"{least}+", (row["share answered"], row["RMSE"]), **above)
    ax.set(
        title="A model that answers for some movies only",
        xlabel="share of the test ratings answered for",
        ylabel="RMSE of the answers (stars)",
        xlim=(0, 1.05),
    )
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.margins(y=0.15)
    return figure


@styled
def lottery(table: pd.DataFrame, winner: Hashable) -> Figure:
    """RMSE of equal models on a small test set and on other ratings: a line for each model.

    Parameters
    ----------
    table : DataFrame
        A row for each model; two columns of RMSE (stars), the small test set first.
    winner : hashable
        The row that was chosen.
    """
    figure, ax = subplots(5.6, 4)
    away = (table - table.mean()).to_numpy()
    chosen = table.index == winner
    for rows, colour, width, label in (
        (~chosen, BLUE, 1, "a model"),
        (chosen, ORANGE, 2.5, "chosen on the small test set"),
    ):
        lines = ax.plot([0, 1], away[rows].T, "o-", color=colour, lw=width, ms=5, mew=0)
        for line in lines[:1]:
            line.set_label(label)
    ax.axhline(0, color=GREY, ls="--", lw=1)
    ax.set(
        title=f"{len(table)} models that differ only in their seed",
        xlabel="where the models are measured",
        ylabel="RMSE less the models' mean (stars)",
        xlim=(-0.25, 1.25),
    )
    ax.set_xticks([0, 1], labels=list(table))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper right")
    return figure
