"""The pictures of chapter 04: how good the models are on ratings held out."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .style import BLUE, ORANGE, styled, subplots


@styled
def errors(
    table: pd.DataFrame,
    metric: str = "rmse",
    highlight: Container[str] = (),
    unit: str = "stars",
) -> Figure:
    """A metric of each model as a dot with its interval.

    Parameters
    ----------
    table : DataFrame
        What `cflib.evaluate` returns.
    metric : str
        A column of it.
    highlight : container of str
        The models in the second colour.
    unit : str
        Of the ratings.
    """
    title, label = "Error on ratings held out", f"{metric.upper()} ({unit}), with 95% interval"
    return _dots(table, metric, highlight, title, label)


@styled
def lists(
    table: pd.DataFrame, k: int = 10, highlight: Container[str] = (), title: str = ""
) -> Figure:
    """NDCG@k of each model's recommendations as a dot with its interval.

    Parameters
    ----------
    table : DataFrame
        What `cflib.rank` returns.
    k : int
        Length of a list.
    highlight : container of str
        The models in the second colour.
    title : str
        Of the picture; empty: a question.
    """
    title, label = title or f"How good are {k} recommendations?", f"NDCG@{k}, with 95% interval"
    return _dots(table, "ndcg", highlight, title, label)


def _dots(
    table: pd.DataFrame, metric: str, highlight: Container[str], title: str, xlabel: str
) -> Figure:
    figure, ax = subplots(7.5, 0.9 + 0.42 * len(table))
    bar = {"lw": 3, "alpha": 0.45, "solid_capstyle": "round"}
    above = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center", "fontsize": 9}
    for row, (name, line) in enumerate(table.iterrows()):
        value, interval = line[metric], [line[f"{metric}_low"], line[f"{metric}_high"]]
        colour = ORANGE if name in highlight else BLUE
        ax.plot(interval, [row, row], color=colour, **bar)
        ax.plot(value, row, "o", color=colour, ms=7)
        ax.annotate(f"{value:.3f}", (value, row), **above)
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) - 0.5, -0.7)
    ax.set(title=title, xlabel=xlabel)
    ax.grid(axis="y", visible=False)
    return figure


@styled
def errors_by_count(table: pd.DataFrame, axis: str) -> Figure:
    """RMSE by the number of training ratings.

    Parameters
    ----------
    table : DataFrame
        What `cflib.evaluation.by_count` returns.
    axis : str
        Whose training ratings are counted: "movie" or "user".
    """
    groups = list(dict.fromkeys(table.sort_values("group", key=_lower_end)["group"]))
    models = list(dict.fromkeys(table["model"]))
    figure, ax = subplots(8, 3.9)
    for m, name in enumerate(models):
        rows = table[table["model"] == name].set_index("group").reindex(groups)
        x = np.arange(len(groups)) + 0.14 * (m - (len(models) - 1) / 2)
        spread = [rows["rmse"] - rows["rmse_low"], rows["rmse_high"] - rows["rmse"]]
        ax.errorbar(x, rows["rmse"], spread, fmt="o", capsize=3, lw=1.5, label=name)
    held_out = table.drop_duplicates("group").set_index("group")["n_ratings"]
    ax.set_xticks(range(len(groups)), [f"{g}\n(n = {held_out[g]:,})" for g in groups])
    ax.set(
        title=f"Error by what is known of the {axis}",
        xlabel=f"training ratings of the {axis} (n = held-out ratings in the group)",
        ylabel="RMSE (stars), with 95% interval",
    )
    ax.grid(axis="x", visible=False)
    ax.legend()
    return figure


def _lower_end(groups: pd.Series) -> pd.Series:
    return groups.str.extract(r"(\d+)", expand=False).astype(int)
