"""The pictures of chapter 01: what a set of ratings is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .style import BLUE, DARK_GREY, GREY, ORANGE, styled, subplots

if TYPE_CHECKING:
    from cflib.ratings import Ratings

MOST_BARS = 21  # a scale of more values than this is shown in ten parts


@styled
def rating_histogram(ratings: Ratings, label: str = "rating (stars)") -> Figure:
    """How often each rating is given, or each tenth of the scale where it has many values."""
    values = ratings.value
    if len(np.unique(values)) > MOST_BARS:
        edges = np.linspace(*ratings.scale, 11)
        values = ((edges[1:] + edges[:-1]) / 2)[np.digitize(values, edges[1:-1])]
    value, count = np.unique(values, return_counts=True)
    figure, ax = subplots(5.6, 3.4)
    width = 0.8 * np.diff(value).min() if len(value) > 1 else 0.4
    bars = ax.bar(value, count / count.sum(), width, color=BLUE)
    ax.bar_label(bars, [f"{share:.0%}" for share in count / count.sum()], padding=2, fontsize=9)
    ax.set(title="Which ratings are given", xlabel=label, ylabel="share of all ratings")
    ax.set_xticks(value)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.grid(axis="x", visible=False)
    return figure


@styled
def long_tails(ratings: Ratings) -> Figure:
    """Ratings of each movie and of each user, most rated first, on logarithmic axes."""
    figure = Figure(figsize=(5.6, 5.6))  # one above the other: readable on a phone, too
    axes = figure.subplots(2, 1)
    panels = [("movie", ratings.movie_counts, BLUE), ("user", ratings.user_counts, ORANGE)]
    for ax, (kind, counts, colour) in zip(axes, panels, strict=True):
        ordered = np.sort(counts)[::-1]
        ax.loglog(np.arange(1, len(ordered) + 1), np.maximum(ordered, 0.5), color=colour, lw=2)
        median = np.median(counts)
        ax.axhline(median, color=GREY, ls="--", lw=1)
        ax.annotate(f"median {median:g}", (1.2, median * 1.12), color=DARK_GREY)
        ax.set(
            title=f"Ratings per {kind}",
            xlabel=f"{kind}s, most ratings first (rank)",
            ylabel="number of ratings",
        )
    return figure


@styled
def rating_matrix(ratings: Ratings, cells: int = 160) -> Figure:
    """The matrix as a picture: how much of each block of movies x users is rated.

    Rows and columns are ordered by their number of ratings, so the dense corner is top left.

    Parameters
    ----------
    ratings : Ratings
    cells : int
        The most blocks along an axis.
    """
    row = np.argsort(np.argsort(-ratings.movie_counts, kind="stable"))[ratings.movie_index]
    column = np.argsort(np.argsort(-ratings.user_counts, kind="stable"))[ratings.user_index]
    shape = ratings.n_movies, ratings.n_users
    edges = [np.linspace(0, n, min(cells, n) + 1) for n in shape]
    filled, _, _ = np.histogram2d(row, column, edges)
    filled /= np.outer(np.diff(edges[0]), np.diff(edges[1]))
    figure, ax = subplots(5.6, 5)
    image = ax.imshow(
        filled,
        cmap="Blues",
        norm=PowerNorm(0.4, 0, 1),
        aspect="auto",
        extent=(0, ratings.n_users, ratings.n_movies, 0),
        interpolation="nearest",
    )
    ax.grid(visible=False)
    ax.set(
        title=f"The matrix: {ratings.density:.1%} of it is known",
        xlabel="users, most ratings first (column)",
        ylabel="movies, most ratings first (row)",
    )
    bar = figure.colorbar(image, ax=ax, label="share of the block's pairs that are rated")
    bar.set_ticks([0, 0.01, 0.05, 0.2, 0.5, 1], labels=["0", "1%", "5%", "20%", "50%", "100%"])
    return figure


@styled
def ratings_over_time(ratings: Ratings) -> Figure:
    """Ratings a year."""
    year = pd.to_datetime(ratings.timestamp, unit="s").year
    years, count = np.unique(year, return_counts=True)
    figure, ax = subplots(5.6, 3.2)
    ax.bar(years, count, color=BLUE, width=0.8)
    ax.set(title="When the ratings were given", xlabel="year", ylabel="ratings a year")
    ax.grid(axis="x", visible=False)
    return figure
