"""The pictures of chapter 02: the means that are subtracted before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from .style import BLUE, GREY, ORANGE, styled, subplots

if TYPE_CHECKING:
    from cflib.normalize import Normalization
    from cflib.ratings import Ratings


@styled
def two_means(ratings: Ratings, raters: Normalization, all_users: Normalization) -> Figure:
    """Each movie's mean over its raters and over all users, against its number of ratings."""
    rated = ratings.movie_counts > 0
    count = ratings.movie_counts[rated]
    figure, ax = subplots(7.5, 4)
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
def user_levels(means: Normalization) -> Figure:
    """How far the users' levels lie from the movie means."""
    figure, ax = subplots(height=3.2)
    ax.hist(means.user_mu[0], bins=40, color=BLUE)
    ax.axvline(0, color=GREY, ls="--", lw=1)
    ax.set(
        title="Each user has a level of their own",
        xlabel="the user's damped mean, relative to the movie means (stars)",
        ylabel="number of users",
    )
    return figure
