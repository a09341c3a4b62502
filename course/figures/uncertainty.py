"""The pictures of chapter 08: how sure the model is, and whether it is right to be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, NullFormatter, PercentFormatter

from .style import BLUE, GREY, ORANGE, styled, subplots


@styled
def normal_curves(curves: Mapping[str, tuple[float, float]], label: str) -> Figure:
    """Normal densities, from the mean and standard deviation of each by name."""
    figure, ax = subplots(7.5, 3.4)
    ends = [mean + 3.5 * side * sd for mean, sd in curves.values() for side in (-1, 1)]
    x = np.linspace(min(ends), max(ends), 500)
    for name, (mean, sd) in curves.items():
        ax.plot(x, np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi)), label=name)
    ax.set(title="What is believed after the ratings", xlabel=label, ylabel="density (per star)")
    ax.legend()
    return figure


@styled
def traces(noise: np.ndarray, history: pd.DataFrame, burn_in: int) -> Figure:
    """The noise of each chain, and the held-out RMSE of the mean so far, at each iteration.

    Parameters
    ----------
    noise : (n_chains, n_iterations)
        Typical standard deviation of a rating, in stars.
    history : DataFrame
        `history` of a Bayesian model that had a validation set.
    burn_in : int
        Iterations at the beginning that are not used.
    """
    figure, axes = subplots(9.5, 3.6, columns=2)
    axes[0].plot(history["step"], noise.T, lw=1.2)
    axes[0].set(
        title=f"The noise, in {len(noise)} chains", ylabel="typical standard deviation (stars)"
    )
    axes[1].plot(history["step"], history["validation_rmse"], color=ORANGE, lw=2)
    axes[1].set(title="Error of the mean so far", ylabel="held-out RMSE (stars)")
    for ax in axes:
        ax.axvspan(0, burn_in, color="#eeeeee", zorder=0, label="burn-in")
        ax.set(xlabel="iteration of the sampler", xlim=(0, history["step"].max()))
    axes[0].legend()
    return figure


@styled
def coverage(table: pd.DataFrame, level: float = 0.9) -> Figure:
    """Share of ratings inside their intervals, by group.

    Parameters
    ----------
    table : DataFrame
        What `cflib.evaluation.coverage` returns.
    level : float
        The share that the intervals promise.
    """
    figure, ax = subplots(7.5, 3.2)
    ax.axhline(level, color=GREY, ls="--", lw=1.2, label="promised")
    for n, (name, rows) in enumerate(table.groupby("model", sort=False)):
        place = np.arange(len(rows)) + 0.12 * (n - (table["model"].nunique() - 1) / 2)
        reach = np.abs(rows[["low", "high"]].to_numpy().T - rows["coverage"].to_numpy())
        ax.errorbar(place, rows["coverage"], reach, fmt="o", ms=7, capsize=3, label=name)
    ax.set_xticks(range(len(rows)), rows["group"])
    ax.yaxis.set_major_locator(MultipleLocator(0.05))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(
        title=f"Do {level:.0%} intervals keep their promise?",
        xlabel="training ratings of the movie",
        ylabel="ratings inside their interval",
        ylim=(level - 0.1, min(1, level + 0.1)),
    )
    ax.legend()
    return figure


@styled
def spread_by_count(count: np.ndarray, spread: np.ndarray) -> Figure:
    """The posterior spread of predictions (stars) against their movies' training ratings."""
    figure, ax = subplots(7.5, 3.6)
    ax.plot(count + 1, spread, ".", color=BLUE, ms=4, alpha=0.15, mew=0)
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 6, 21, 51, 201], ["0", "1", "5", "20", "50", "200"])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(
        title="The more ratings, the surer",
        xlabel="training ratings of the movie",
        ylabel="spread of the prediction (stars)",
        ylim=(0, None),
    )
    return figure


@styled
def star_probabilities(
    probabilities: Mapping[str, np.ndarray], values: np.ndarray, given: Mapping[str, float]
) -> Figure:
    """What the probability of each star is for some ratings, and which star was given.

    Parameters
    ----------
    probabilities : dict of str to (n_values,)
        By the rating's name.
    values : (n_values,)
        The stars.
    given : dict of str to float
        What each rating turned out to be.
    """
    figure, axes = subplots(9.5, 3.2, columns=len(probabilities), sharey=True)
    width = 0.8 * np.diff(values).min()
    for ax, (name, p) in zip(np.atleast_1d(axes), probabilities.items(), strict=True):
        is_given = values == given[name]
        ax.bar(values[~is_given], p[~is_given], width, color=BLUE)
        ax.bar(values[is_given], p[is_given], width, color=ORANGE, label="was given")
        ax.set(title=name, xlabel="rating (stars)", ylabel="probability")
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.xaxis.set_major_locator(MultipleLocator(1))
        ax.legend()
    return figure
