"""The pictures of chapter 05: one person's ratings and list, and somebody new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from .style import BLUE, DARK_GREY, GREEN, GREY, ORANGE, PURPLE, styled, subplots

GENRE_MARKS = list(zip((BLUE, ORANGE, GREEN, PURPLE, "#e6ab02", "#56b4e9"), "os^Dvh", strict=True))
GOLDEN = 0.618034
HALO = withStroke(linewidth=2.5, foreground="white")  # around a name that lies on dots
STAR = 20  # size of the mark of a person on the map, in points


@styled
def predicted_against_given(
    history: pd.DataFrame, scale: tuple[float, float], n_worst: int = 6
) -> Figure:
    """Predicted against given ratings of one user, the largest errors coloured.

    Given ratings are few different values, so dots of the same one lie side by side.

    Parameters
    ----------
    history : DataFrame
        What `cflib.people.history` returns.
    scale : tuple of float
        The lowest and the highest rating (stars).
    n_worst : int
        How many errors are coloured.
    """
    figure, ax = subplots(6.6, 5)
    low, high = scale
    ax.plot([low, high], [low, high], color=GREY, ls="--", lw=1, label="predicted = given")
    worst = history["error"].abs().rank(ascending=False, method="first") <= n_worst
    nth = history.groupby("rating").cumcount()
    beside = 0.4 * (
        (nth * GOLDEN + 0.5) % 1 - 0.5
    )  # spreads the dots evenly, however many there are
    for rows, colour, label in (
        (~worst, BLUE, None),
        (worst, ORANGE, f"the {n_worst} largest errors"),
    ):
        x, y = history.loc[rows, "rating"] + beside[rows], history.loc[rows, "prediction"]
        ax.plot(x, y, "o", color=colour, ms=5, alpha=0.6, mew=0, label=label)
    ax.set(
        title="Predicted and given ratings of one user",
        xlabel="rating given (stars), dots side by side",
        ylabel="prediction (stars)",
        xlim=(low - 0.3, high + 0.3),
        ylim=(low - 0.2, high + 0.2),
    )
    ax.legend(loc="upper left")
    figure.set_label(
        "Scatter plot of predicted against given ratings, with the diagonal on which the two are "
        f"equal. The {n_worst} largest errors are coloured."
    )
    return figure


@styled
def diversity(
    lists: Mapping[float, pd.DataFrame], alike: Mapping[float, float], at: float
) -> Figure:
    """One list of several, and how stars and likeness change from each list to the next.

    Parameters
    ----------
    lists : dict of float to DataFrame
        For each δ what `cflib.people.recommend` returns, with predictions.
    alike : dict of float to float
        The mean similarity of the movies in each.
    at : float
        The δ whose list is shown.
    """
    chosen = lists[at]
    height = 0.9 + 0.28 * len(chosen)
    figure = Figure(figsize=(6.4, height + 2.6))
    above, below = figure.subplots(2, 1, height_ratios=[height, 2.6])
    place = np.arange(len(chosen))
    every = pd.concat(lists)["prediction"]
    above.plot(chosen["prediction"], place, "o", color=BLUE, ms=7)
    above.set_yticks(place, [_shortened(_without_year(t), 26) for t in chosen["title"]])
    above.set(
        title=f"The list for δ = {at:g}",
        xlabel="prediction (stars)",
        xlim=(every.min() - 0.1, every.max() + 0.1),
        ylim=(len(chosen) - 0.5, -0.5),
    )
    stars = [of["prediction"].mean() for of in lists.values()]
    for ax, values, colour, label, mark in (
        (below, stars, BLUE, "mean prediction (stars)", "o-"),
        (below.twinx(), list(alike.values()), ORANGE, "mean similarity", "s-"),
    ):
        ax.plot(list(lists), values, mark, color=colour, ms=5)
        ax.set_ylabel(label, color=colour)
        ax.tick_params(axis="y", colors=colour)
        ax.grid(visible=False)
    below.axvline(at, color=GREY, ls="--", lw=1)
    below.set(title="Every δ", xlabel="δ, the weight of diversity")
    figure.set_label(
        "The list for one δ, each movie with its predicted stars; below it, mean prediction and "
        "mean similarity of the list for every δ."
    )
    return figure


@styled
def reasons(explanation: pd.DataFrame, who: str = "you", n: int = 10) -> Figure:
    """What each rating adds to a prediction, as bars.

    Parameters
    ----------
    explanation : DataFrame
        What `cflib.explain` returns.
    who : str
        Who gave the ratings.
    n : int
        How many ratings have a bar of their own; the others have one together.
    """
    *rows, baseline = explanation.itertuples()
    labels = [f"{_shortened(row.title, 32)}   {row.rating:g}" for row in rows[:n]]
    values = [row.contribution for row in rows[:n]]
    if len(rows) > n:
        labels.append(f"the {len(rows) - n} others together")
        values.append(sum(row.contribution for row in rows[n:]))
    figure, ax = subplots(7, 1.3 + 0.32 * max(len(values), 1))
    place = np.arange(len(values))[::-1]
    bars = ax.barh(place, values, color=[BLUE if v >= 0 else ORANGE for v in values], height=0.7)
    ax.bar_label(bars, [f"{v:+.2f}".replace("-", "−") for v in values], padding=3, fontsize=9)
    ax.axvline(0, color="black", lw=1)
    ax.margins(x=0.15)
    ax.set_yticks(place, labels)
    ax.grid(axis="y", visible=False)
    corner = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right"}
    ax.annotate(f"because {who} gave", (0, 1), (-6, 9), color=DARK_GREY, **corner)
    prediction, title = explanation.attrs["prediction"], explanation.attrs["title"]
    ax.set(
        title=f"Why {prediction:.2f} for {_shortened(_without_year(title), 30)}",
        xlabel=f"stars that the rating adds to the baseline of {baseline.contribution:.2f}",
    )
    figure.set_label(
        f"Bars of what each rating of {who} adds to the prediction for {title}, the largest first."
    )
    return figure


@styled
def movie_map(
    movies: pd.DataFrame,
    person: Sequence[float] | None = None,
    who: str = "you",
    labels: int = 30,
) -> Figure:
    """The movies of a map by place and genre, named where there is room.

    Parameters
    ----------
    movies : DataFrame
        The `movies` of `cflib.people.movie_map`.
    person : sequence of two floats, or None
        Somebody's place on it, (x, y).
    who : str
        What that person is called.
    labels : int
        How many movies to try to name, best known first.
    """
    figure, ax = subplots(6.4, 7)
    common = movies["genre"].value_counts().index[: len(GENRE_MARKS)]
    size = 6 + 40 * movies["n_ratings"] / movies["n_ratings"].max()

    def scatter(rows: pd.Series, **how: object) -> None:
        ax.scatter(movies.loc[rows, "x"], movies.loc[rows, "y"], size[rows], lw=0, **how)

    for genre, (colour, mark) in zip(common, GENRE_MARKS, strict=False):
        scatter(movies["genre"] == genre, color=colour, marker=mark, alpha=0.5, label=genre)
    other = ~movies["genre"].isin(common)
    if other.any():
        scatter(other, color=GREY, alpha=0.4, label="other genres")
    if person is not None:
        ax.plot(*person, "*", color="black", ms=STAR, mec="white", mew=1.5, label=who, zorder=5)
    ax.set(
        title="The best known titles, along two directions",
        xlabel="first direction of the features (no unit)",
        ylabel="second direction of the features (no unit)",
    )
    if len(common) > 1 or person is not None:
        figure.legend(loc="outside lower center", ncols=3, title="first genre")
    _name_where_there_is_room(figure, ax, movies.head(labels), person)
    star = "" if person is None else f" A star marks {who}."
    figure.set_label(
        "Map of the best known movies in two dimensions, coloured by their first genre. The genres "
        f"overlap.{star}"
    )
    return figure


def _name_where_there_is_room(
    figure: Figure, ax: Axes, movies: pd.DataFrame, person: Sequence[float] | None
) -> None:
    """Write each movie's name beside it, unless it would cover something or leave the axes."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    frame, occupied = ax.get_window_extent(), []
    if person is not None:
        x, y = ax.transData.transform(person)
        half = STAR / 2 / 72 * figure.dpi
        occupied.append(Bbox([(x - half, y - half), (x + half, y + half)]))
    for movie in movies.itertuples():
        name = _shortened(_without_year(movie.title), 24)
        beside = {"xytext": (5, 3), "textcoords": "offset points", "fontsize": 10}
        text = ax.annotate(name, (movie.x, movie.y), **beside, path_effects=[HALO])
        box = text.get_window_extent().padded(3)
        if any(box.overlaps(other) for other in occupied) or not (
            frame.x0 <= box.x0 and box.x1 <= frame.x1 and box.y1 <= frame.y1
        ):
            text.remove()
        else:
            occupied.append(box)


@styled
def by_answers(table: pd.DataFrame, by: str, highlight: str) -> Figure:
    """Held-out RMSE of new users against the number of their ratings, with intervals.

    Parameters
    ----------
    table : DataFrame
        What `curve` or `elicitation` of `cflib.people.cold_start` returns.
    by : str
        A column of it: a line for each of its values.
    highlight : str
        The value with the wider line.
    """
    figure, ax = subplots(6.4, 4.4)
    names = list(dict.fromkeys(table[by]))
    counts = sorted(table["n_given"].unique())
    for k, name in enumerate(names):
        rows = table[table[by] == name]
        x = np.searchsorted(counts, rows["n_given"]) + 0.08 * (k - (len(names) - 1) / 2)
        spread = [rows["rmse"] - rows["low"], rows["high"] - rows["rmse"]]
        width = 2.5 if name == highlight else 1.3
        ax.errorbar(x, rows["rmse"], spread, marker="o", lw=width, elinewidth=1, label=name)
    ax.set_xticks(range(len(counts)), counts)
    ax.grid(axis="x", visible=False)
    ax.set(
        title="People left out of training",
        xlabel="ratings that each of them gave",
        ylabel="RMSE on their other ratings (stars)",
    )
    ax.legend()
    figure.set_label(
        "Held-out error of people left out of training against the number of ratings that they "
        f"gave, with intervals: a line for each of {', '.join(map(str, names))}."
    )
    return figure


def _without_year(title: str) -> str:
    return title.partition(" (")[0]


def _shortened(title: str, length: int) -> str:
    return title if len(title) <= length else title[: length - 1].rstrip() + "…"
