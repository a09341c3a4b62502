"""The pictures of chapter 12: what becomes of a recommender once it is used."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .style import COLOURS, GREY, logarithmic, styled, subplots


@styled
def recall_of_search(table: pd.DataFrame) -> Figure:
    """The share of the exact neighbours that an approximate search finds.

    Parameters
    ----------
    table : DataFrame
        A row for each width of the search, a column for each index; values from 0 to 1.
    """
    figure, ax = subplots(7, 3.8)
    for name, column in table.items():
        ax.plot(table.index, column, "o-", label=name)
    logarithmic(ax.xaxis, "{x:g}")
    ax.set(
        title="How many of the ten best does the search find?",
        xlabel="width of the search (candidates kept in mind, logarithmic)",
        ylabel="share found",
        ylim=(0, 1.05),
    )
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.legend(loc="lower right")
    return figure


@styled
def by_group(table: pd.DataFrame, xlabel: str, title: str) -> Figure:
    """A value of each model in each group of people, with its interval.

    Parameters
    ----------
    table : DataFrame
        Columns group, model, value, low, high.
    xlabel, title : str
        What the value is, and what the picture says.
    """
    groups, models = (list(dict.fromkeys(table[name])) for name in ("group", "model"))
    figure, ax = subplots(7.5, 1.3 + 0.55 * len(groups))
    for m, model in enumerate(models):
        rows = table[table["model"] == model].set_index("group").loc[groups]
        y = np.arange(len(groups)) + 0.22 * (m - (len(models) - 1) / 2)
        spread = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        ax.errorbar(rows["value"], y, xerr=spread, fmt="o", capsize=3, lw=1.5, label=model)
    ax.set_yticks(range(len(groups)), groups)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set(title=title, xlabel=f"{xlabel}, with 95% interval")
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@styled
def diversity_bought(table: pd.DataFrame) -> Figure:
    """NDCG@10 against the similarity within a list, a point for each amount of diversity.

    Parameters
    ----------
    table : DataFrame
        Columns ndcg, ndcg_low, ndcg_high and similarity; the index is δ.
    """
    figure, ax = subplots(7, 3.8)
    spread = [table["ndcg"] - table["ndcg_low"], table["ndcg_high"] - table["ndcg"]]
    ax.errorbar(table["similarity"], table["ndcg"], spread, fmt="o-", capsize=3, lw=1.5)
    span, last = np.ptp(table["similarity"]), np.inf
    for delta, row in table.iterrows():
        if abs(row["similarity"] - last) < 0.1 * span:
            continue  # its label would lie on the one before
        last = row["similarity"]
        ax.annotate(
            f"δ = {delta:g}",
            (row["similarity"], row["ndcg"]),
            xytext=(6, -14),
            textcoords="offset points",
            fontsize=9,
        )
    ax.set(
        title="What does a varied list cost?",
        xlabel="mean cosine of two movies of a list (left: more varied)",
        ylabel="NDCG@10, with 95% interval",
        ylim=(0, None),
    )
    ax.margins(x=0.12)
    return figure


@styled
def loops(runs: Mapping[str, list[pd.DataFrame]]) -> Figure:
    """Rounds of feedback: the mean over seeds as a line, the smallest and largest as a band.

    Parameters
    ----------
    runs : dict of str to list of DataFrame
        By policy, a frame for each seed, as `course.in_use.feedback_loop` returns it.
    """
    figure, (left, right) = subplots(9, 3.8, columns=2)
    labels = {
        "shown": "share of all movies shown so far",
        "liking": "true rating of the choices (stars)",
    }
    for ax, column in ((left, "shown"), (right, "liking")):
        for (name, frames), colour in zip(runs.items(), COLOURS, strict=False):
            values = np.stack([frame[column] for frame in frames])
            x = frames[0].index
            ax.plot(x, values.mean(axis=0), color=colour, label=name)
            ax.fill_between(x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15)
        ax.set(xlabel="round", ylabel=labels[column])
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set_ylim(0, 1.02)
    left.set_title("What people see")
    right.set_title("What they get")
    right.legend()
    return figure


@styled
def estimates(draws: Mapping[str, np.ndarray], truth: float) -> Figure:
    """How estimates from many logs scatter around the truth.

    Parameters
    ----------
    draws : dict of str to ndarray
        Estimates by name, one for each log.
    truth : float
    """
    figure, ax = subplots(7.5, 3.8)
    values = np.concatenate(list(draws.values()))
    bins = np.linspace(values.min(), np.quantile(values, 0.999), 50).tolist()
    for (name, drawn), colour in zip(draws.items(), COLOURS, strict=False):
        ax.hist(drawn, bins, color=colour, alpha=0.5, label=name)
    ax.axvline(truth, color=GREY, ls="--", label="the truth")
    ax.set(
        title="Estimates from logs of the old policy",
        xlabel="clicks for each list shown",
        ylabel="logs",
    )
    ax.legend()
    return figure
