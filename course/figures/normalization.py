"""The pictures of chapter 02: the means that are subtracted before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from .style import BLUE, DARK_GREY, GREY, ORANGE, styled, subplots

if TYPE_CHECKING:
    from cflib.normalize import Normalization
    from cflib.ratings import Ratings


@styled
def two_means(ratings: Ratings, raters: Normalization, all_users: Normalization) -> Figure:
    """Each movie's mean over its raters and over all users, against its number of ratings."""
    rated = ratings.movie_counts > 0
    count = ratings.movie_counts[rated]
    figure, ax = subplots(5.6, 3.8)
    for means, label, colour in (
        (raters, "mean over those who rated it", BLUE),
        (all_users, "mean over all users", ORANGE),
    ):
        ax.plot(count, means.Y_mu[rated, 0], ".", color=colour, ms=4, alpha=0.35, mew=0)
        ax.plot([], [], "o", color=colour, label=label)
    ax.set_xscale("log")
    ax.set(
        title="Two means of every movie",
        xlabel="number of ratings of the movie",
        ylabel="mean (stars)",
        ylim=(0, 5.15),
    )
    ax.legend(loc="center right", frameon=True, framealpha=0.9, edgecolor="none")
    return figure


@styled
def damping(ratings: Ratings, raters: Normalization, damped: Normalization) -> Figure:
    """Each movie's own mean and its damped mean, against its number of ratings.

    The line is the damped mean of a movie that gets the top of the scale from everybody.
    """
    rated = ratings.movie_counts > 0
    count = ratings.movie_counts[rated]
    figure, ax = subplots(5.6, 4)
    for means, label, colour, alpha in (
        (raters, "own mean", GREY, 0.25),
        (damped, "damped mean", BLUE, 0.4),
    ):
        ax.plot(count, means.Y_mu[rated, 0], ".", color=colour, ms=4, alpha=alpha, mew=0)
        ax.plot([], [], "o", color=colour, label=label)
    n, top = np.geomspace(1, count.max(), 100), ratings.scale[1]
    line = (n * top + damped.damping * damped.mean) / (n + damped.damping)
    ax.plot(n, line, color=ORANGE, lw=2, label=f"everybody gives {top:g}")
    ax.axhline(damped.mean, color=DARK_GREY, ls="--", lw=1)
    ax.set_xscale("log")
    ax.set(
        title=f"A damping of {damped.damping:g} ratings",
        xlabel="number of ratings of the movie",
        ylabel="mean (stars)",
        ylim=(0, 5.3),
    )
    ax.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
    return figure


@styled
def user_levels(means: Normalization) -> Figure:
    """How far the users' levels lie from the movie means."""
    figure, ax = subplots(5.6, 3.2)
    ax.hist(means.user_mu[0], bins=40, color=BLUE)
    ax.axvline(0, color=GREY, ls="--", lw=1)
    ax.set(
        title="Each user has a level of their own",
        xlabel="the user's damped mean, relative to the movie means (stars)",
        ylabel="number of users",
    )
    return figure
