"""Every figure that the chapters show. Data in, a matplotlib `Figure` out; nothing is computed.

`show` puts a figure into a notebook with its alternative text: what somebody who cannot see the
picture should know of it.
"""

from __future__ import annotations

import functools
import io

import matplotlib
import numpy as np
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.ticker import (
    LogLocator,
    MultipleLocator,
    NullFormatter,
    PercentFormatter,
    StrMethodFormatter,
)
from matplotlib.transforms import Bbox

from .data import Ratings
from .normalize import Normalization

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc3311", "#8856a7", "#8c8c8c",
)  # fmt: skip
STYLE = {
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def show(figure: Figure, alt: str, dpi: int = 110) -> None:
    """Display `figure` in a notebook, with `alt` as its alternative text."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    display(
        {"image/png": png.getvalue(), "text/plain": f"[picture: {alt}]"},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )


def _styled(draw):
    """Run a plotting function under the house's style."""

    @functools.wraps(draw)
    def drawing(*args, **kwargs):
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawing


def _axes(width=7.5, height=3.8, columns=1, **kwargs):
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(1, columns, **kwargs)


# Chapter 00: the notebook we start from


@_styled
def loss_curve(losses, printed: dict[int, float]) -> Figure:
    """The loss at every epoch, and the values that the original printed (epoch to loss)."""
    figure, ax = _axes(height=3.6)
    ax.semilogy(losses, color=BLUE, lw=2, label="here, every epoch")
    if printed:
        ax.semilogy(*zip(*printed.items(), strict=True), "o", color=ORANGE, ms=7,
                    label="as the original printed it")  # fmt: skip
    ax.set(
        title="The loss while training",
        xlabel="epoch (one step of Adam over all ratings)",
        ylabel="loss (squared stars)",
    )
    ax.legend()
    return figure


@_styled
def around_zero(deviations: dict, n_unrated: int) -> Figure:
    """One user's ratings less a mean, a panel for each mean; at 0 stand the films without a rating.

    `deviations` is a dict of label to array (stars).
    """
    figure, axes = _axes(9, 3.9, columns=len(deviations), sharey=True)
    for ax, (label, values) in zip(axes, deviations.items(), strict=True):
        edges = np.arange(-5, 5.01, 0.5)
        ax.hist(values[values < 0], edges, color=RED, label="below 0")
        ax.hist(values[values >= 0], edges, color=BLUE, label="0 and above")
        ax.axvline(0, color="black", lw=2, label=f"{n_unrated:,} films never rated")
        ax.set(title=label, xlabel="rating less the mean (stars)")
    axes[0].set_ylabel("number of this user's ratings")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


# Chapter 01: what a ratings set is


@_styled
def rating_histogram(ratings: Ratings, label: str = "rating (stars)") -> Figure:
    """How often each rating is given; where there are many, each part of the scale."""
    given = ratings.value
    if len(np.unique(given)) > 21:
        edges = np.linspace(*ratings.scale, 11)
        given = ((edges[1:] + edges[:-1]) / 2)[np.digitize(given, edges[1:-1])]
    value, count = np.unique(given, return_counts=True)
    figure, ax = _axes(height=3.4)
    width = 0.8 * np.diff(value).min() if len(value) > 1 else 0.4
    bars = ax.bar(value, count / count.sum(), width, color=BLUE)
    ax.bar_label(bars, [f"{share:.0%}" for share in count / count.sum()], padding=2, fontsize=9)
    ax.set(title="Which ratings are given", xlabel=label, ylabel="share of all ratings")
    ax.set_xticks(value)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.grid(axis="x", visible=False)
    return figure


@_styled
def long_tails(ratings: Ratings) -> Figure:
    """Ratings of each film and of each user, most rated first, on logarithmic axes."""
    figure, axes = _axes(columns=2, sharey=True, width=8.5)
    for ax, counts, kind, colour in zip(
        axes, (ratings.movie_counts, ratings.user_counts), ("film", "user"), (BLUE, ORANGE),
        strict=True,
    ):  # fmt: skip
        ordered = np.sort(counts)[::-1]
        ax.loglog(np.arange(1, len(ordered) + 1), np.maximum(ordered, 0.5), color=colour, lw=2)
        median = np.median(counts)
        ax.axhline(median, color=GREY, ls="--", lw=1)
        ax.annotate(f"median {median:.0f}", (1.2, median * 1.12), color="#555555", fontsize=9)
        ax.set(title=f"Ratings per {kind}", xlabel=f"{kind}s, most ratings first (rank)")
    axes[0].set_ylabel("number of ratings")
    return figure


@_styled
def rating_matrix(ratings: Ratings, cells: int = 160) -> Figure:
    """The matrix as a picture: how much of each block of movies x users is rated.

    Rows and columns are ordered by their number of ratings, so the dense corner is top left.
    """
    row = np.argsort(np.argsort(-ratings.movie_counts, kind="stable"))[ratings.movie_index]
    column = np.argsort(np.argsort(-ratings.user_counts, kind="stable"))[ratings.user_index]
    size = min(cells, ratings.n_movies), min(cells, ratings.n_users)
    edges = [np.linspace(0, n, s + 1) for n, s in zip((ratings.n_movies, ratings.n_users), size,
                                                      strict=True)]  # fmt: skip
    filled, _, _ = np.histogram2d(row, column, edges)
    filled /= np.outer(np.diff(edges[0]), np.diff(edges[1]))
    figure, ax = _axes(6.8, 5.2)
    image = ax.imshow(
        filled, cmap="Blues", norm=matplotlib.colors.PowerNorm(0.4, 0, 1), aspect="auto",
        extent=(0, ratings.n_users, ratings.n_movies, 0), interpolation="nearest",
    )  # fmt: skip
    ax.grid(visible=False)
    ax.set(
        title=f"The matrix: {ratings.density:.1%} of it is known",
        xlabel="users, most ratings first (column)",
        ylabel="films, most ratings first (row)",
    )
    bar = figure.colorbar(image, ax=ax, label="share of the block's pairs that are rated")
    bar.set_ticks([0, 0.01, 0.05, 0.2, 0.5, 1], labels=["0", "1%", "5%", "20%", "50%", "100%"])
    return figure


@_styled
def ratings_over_time(ratings: Ratings) -> Figure:
    """Ratings a year."""
    year = pd.to_datetime(ratings.timestamp, unit="s").year
    years, count = np.unique(year, return_counts=True)
    figure, ax = _axes(height=3.2)
    ax.bar(years, count, color=BLUE, width=0.8)
    ax.set(title="When the ratings were given", xlabel="year", ylabel="ratings a year")
    ax.grid(axis="x", visible=False)
    return figure


# Chapter 02: normalisation


@_styled
def two_means(ratings: Ratings, raters: Normalization, all_users: Normalization) -> Figure:
    """Each film's mean over its raters and over all users, against its number of ratings."""
    rated = ratings.movie_counts > 0
    count = ratings.movie_counts[rated]
    figure, ax = _axes(7.5, 4)
    for means, label, colour in (
        (raters, "mean over those who rated it", BLUE),
        (all_users, "mean over all users", ORANGE),
    ):
        ax.plot(count, means.Y_mu[rated, 0], ".", color=colour, ms=4, alpha=0.35, mew=0)
        ax.plot([], [], "o", color=colour, label=label)
    ax.set_xscale("log")
    ax.set(
        title="Two means of every film",
        xlabel="number of ratings of the film",
        ylabel="mean (stars)",
        ylim=(0, 5.15),
    )
    ax.legend(loc="center right", frameon=True, framealpha=0.9, edgecolor="none")
    return figure


@_styled
def user_levels(means: Normalization) -> Figure:
    """How far the users' levels lie from the film means."""
    figure, ax = _axes(height=3.2)
    ax.hist(means.user_mu[0], bins=40, color=BLUE)
    ax.axvline(0, color=GREY, ls="--", lw=1)
    ax.set(
        title="People have a level of their own",
        xlabel="the user's damped mean, relative to the film means (stars)",
        ylabel="number of users",
    )
    return figure


# Chapter 03: training


@_styled
def training_curves(histories: dict, x: str = "step") -> Figure:
    """Cost, and validation RMSE where it was recorded, against step or seconds.

    Parameters
    ----------
    histories : dict of label to history (`FactorModel.history`)
    x : "step" or "seconds"
        Seconds are on a logarithmic axis, and so are costs that differ by more than tenfold.
    """
    validated = any(history["validation_rmse"].notna().any() for history in histories.values())
    figure, axes = _axes(9.5 if validated else 7.5, 3.9, columns=1 + validated, squeeze=False)
    axes = axes[0]
    for label, history in histories.items():
        axes[0].plot(history[x], history["cost"], label=label, lw=2)
        if validated:
            axes[1].plot(history[x], history["validation_rmse"], label=label, lw=2)
    axes[0].set(title="Cost on the training ratings", ylabel="cost J (squared stars)")
    axes[0].yaxis.set_major_formatter("{x:,.0f}")
    costs = np.concatenate([history["cost"] for history in histories.values()])
    if costs.max() > 10 * costs.min():
        _logarithmic(axes[0].yaxis, "{x:,.0f}")
    if validated:
        axes[1].set(title="Error on ratings held out", ylabel="RMSE (stars)")
    for ax in axes:
        ax.set_xlabel("training time (seconds)" if x == "seconds" else "step of the solver")
        if x == "seconds":
            _logarithmic(ax.xaxis, "{x:g}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _logarithmic(axis, form: str) -> None:
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    low, high = axis.get_data_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1, 3)))
    axis.set_major_formatter(StrMethodFormatter(form))
    axis.set_minor_formatter(NullFormatter())


@_styled
def heat_map(table: pd.DataFrame, title: str, label: str, best=min, form: str = ".3f") -> Figure:
    """A table as a picture, its best cell framed; index and columns label the axes.

    Where there is no value (NaN) the cell stays blank.
    """
    values = table.to_numpy()
    there = values[~np.isnan(values)]
    column = max(1.0, 0.09 * max(len(str(name)) for name in table.columns))
    wide = max(1.6 + column * values.shape[1], 1.6 + 0.1 * len(title))
    figure, ax = _axes(wide, 1.7 + 0.5 * values.shape[0])
    image = ax.imshow(values, cmap="viridis_r" if best is min else "viridis", aspect="auto")
    for r, c in np.argwhere(~np.isnan(values)):
        value = values[r, c]
        near_light = abs(value - best(there)) < 0.45 * np.ptp(there)
        ax.text(c, r, f"{value:{form}}", ha="center", va="center", fontsize=9,
                color="black" if near_light else "white")  # fmt: skip
    r, c = np.argwhere(values == best(there))[0]
    frame = matplotlib.patches.Rectangle((c - 0.5, r - 0.5), 1, 1, fill=False, ec=ORANGE, lw=3)
    ax.add_patch(frame)
    ax.grid(visible=False)
    ax.set_xticks(range(values.shape[1]), table.columns)
    ax.set_yticks(range(values.shape[0]), table.index)
    ax.set(title=title, xlabel=table.columns.name, ylabel=table.index.name)
    figure.colorbar(image, ax=ax, label=label)
    return figure


# Chapter 04: evaluation


@_styled
def errors(table: pd.DataFrame, metric: str = "rmse", highlight=(), unit: str = "stars") -> Figure:
    """A metric of each model as a dot with its interval: the table that `evaluate` returns."""
    return _dots(
        table, metric, highlight,
        title="Error on ratings held out", xlabel=f"{metric.upper()} ({unit}), with 95% interval",
    )  # fmt: skip


@_styled
def lists(table: pd.DataFrame, k: int = 10, highlight=()) -> Figure:
    """NDCG@k of each model's recommendations as a dot with its interval: what `rank` returns."""
    return _dots(
        table, "ndcg", highlight,
        title=f"How good are {k} recommendations?", xlabel=f"NDCG@{k}, with 95% interval",
    )  # fmt: skip


def _dots(table, metric, highlight, title, xlabel) -> Figure:
    figure, ax = _axes(7.5, 0.9 + 0.42 * len(table))
    for row, (name, line) in enumerate(table.iterrows()):
        colour = ORANGE if name in highlight else BLUE
        ax.plot([line[f"{metric}_low"], line[f"{metric}_high"]], [row, row], color=colour, lw=3,
                alpha=0.45, solid_capstyle="round")  # fmt: skip
        ax.plot(line[metric], row, "o", color=colour, ms=7)
        ax.annotate(f"{line[metric]:.3f}", (line[metric], row), xytext=(0, 6), fontsize=9,
                    textcoords="offset points", ha="center")  # fmt: skip
    ax.set_yticks(range(len(table)), table.index)
    ax.set_ylim(len(table) - 0.5, -0.7)
    ax.set(title=title, xlabel=xlabel)
    ax.grid(axis="y", visible=False)
    return figure


@_styled
def errors_by_count(table: pd.DataFrame, axis: str) -> Figure:
    """RMSE by how many training ratings stand behind: the table that `evaluate.by_count` returns."""
    groups = list(dict.fromkeys(table.sort_values("group", key=_lower_end)["group"]))
    models = list(dict.fromkeys(table["model"]))
    figure, ax = _axes(8, 3.9)
    for m, name in enumerate(models):
        own = table[table["model"] == name].set_index("group").reindex(groups)
        x = np.arange(len(groups)) + 0.14 * (m - (len(models) - 1) / 2)
        spread = [own["rmse"] - own["rmse_low"], own["rmse_high"] - own["rmse"]]
        ax.errorbar(x, own["rmse"], spread, fmt="o", capsize=3, lw=1.5, label=name)
    held = table.drop_duplicates("group").set_index("group")["n_ratings"]
    ax.set_xticks(range(len(groups)), [f"{g}\n(n = {held[g]:,})" for g in groups])
    kind = "film" if axis == "movie" else axis
    ax.set(
        title=f"Error by what is known of the {kind}",
        xlabel=f"training ratings of the {kind} (n = held-out ratings in the group)",
        ylabel="RMSE (stars), with 95% interval",
    )
    ax.grid(axis="x", visible=False)
    ax.legend()
    return figure


def _lower_end(groups: pd.Series) -> pd.Series:
    return groups.str.extract(r"(\d+)", expand=False).astype(int)


# Chapter 05: one user


@_styled
def predicted_against_given(
    history: pd.DataFrame, scale: tuple[float, float], n_worst: int = 6
) -> Figure:
    """Predicted against given ratings of one user (`inspection.history`), worst misses coloured."""
    figure, ax = _axes(6.6, 5)
    low, high = scale
    ax.plot([low, high], [low, high], color=GREY, ls="--", lw=1, label="predicted = given")
    worst = history["error"].abs().rank(ascending=False, method="first") <= n_worst
    for rows, colour, label in (
        (~worst, BLUE, None),
        (worst, ORANGE, f"the {n_worst} largest misses"),
    ):
        x, y = history.loc[rows, "rating"], history.loc[rows, "prediction"]
        ax.plot(x, y, "o", color=colour, ms=6, alpha=0.6, mew=0, label=label)
    ax.set(
        title="What the model expected, and what was said",
        xlabel="rating given (stars)",
        ylabel="prediction (stars)",
        xlim=(low - 0.2, high + 0.2),
        ylim=(low - 0.2, high + 0.2),
    )
    ax.legend(loc="upper left")
    return figure


# Chapter 07: scale


@_styled
def growth(table: pd.DataFrame) -> Figure:
    """Seconds per sweep and peak memory against the number of ratings, beside exact proportion.

    Columns n_ratings, seconds_per_sweep, megabytes; the line goes through the largest size.
    """
    figure, axes = _axes(9, 3.8, columns=2)
    for ax, column, title, label, colour in zip(
        axes,
        ("seconds_per_sweep", "megabytes"),
        ("Time", "Memory"),
        ("seconds per sweep", "peak memory while training (MB)"),
        (BLUE, ORANGE),
        strict=True,
    ):
        x, y = table["n_ratings"], table[column]
        ax.plot(x, y.iloc[-1] * x / x.iloc[-1], color=GREY, ls="--", label="in exact proportion")
        ax.plot(x, y, "o-", color=colour, lw=2, label="measured")
        _logarithmic(ax.xaxis, "{x:,.0f}")
        _logarithmic(ax.yaxis, "{x:g}")
        ax.xaxis.set_major_locator(LogLocator())
        ax.set(title=title, xlabel="ratings", ylabel=label)
        ax.legend()
    return figure


# Chapter 08: uncertainty


@_styled
def normal_curves(curves: dict, label: str) -> Figure:
    """Normal densities, given as {name: (mean, standard deviation)}."""
    figure, ax = _axes(7.5, 3.4)
    ends = [mean + 3.5 * side * sd for mean, sd in curves.values() for side in (-1, 1)]
    x = np.linspace(min(ends), max(ends), 500)
    for name, (mean, sd) in curves.items():
        ax.plot(x, np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi)), label=name)
    ax.set(title="What is believed after the ratings", xlabel=label, ylabel="density (per star)")
    ax.legend()
    return figure


@_styled
def traces(history: pd.DataFrame, burn_in: int) -> Figure:
    """The sampler's noise, and the held-out RMSE of the mean so far, sweep by sweep."""
    figure, axes = _axes(9.5, 3.6, columns=2)
    axes[0].plot(history["step"], history["noise"], lw=1.5)
    axes[0].set(title="Trace of the noise", ylabel="typical standard deviation (stars)")
    axes[1].plot(history["step"], history["validation_rmse"], color=ORANGE, lw=2)
    axes[1].set(title="Error of the mean so far", ylabel="held-out RMSE (stars)")
    for ax in axes:
        ax.axvspan(0, burn_in, color="#eeeeee", zorder=0, label="burn-in")
        ax.set(xlabel="sweep of the sampler", xlim=(0, history["step"].max()))
    axes[0].legend()
    return figure


@_styled
def coverage(table: pd.DataFrame, level: float = 0.9) -> Figure:
    """Share of ratings inside their intervals, by group: the table that `evaluate.coverage` returns."""
    figure, ax = _axes(7.5, 3.2)
    ax.axhline(level, color=GREY, ls="--", lw=1.2, label="promised")
    for n, (name, mine) in enumerate(table.groupby("model", sort=False)):
        place = np.arange(len(mine)) + 0.12 * (n - (table["model"].nunique() - 1) / 2)
        reach = np.abs(mine[["low", "high"]].to_numpy().T - mine["coverage"].to_numpy())
        ax.errorbar(place, mine["coverage"], reach, fmt="o", ms=7, capsize=3, label=name)
    ax.set_xticks(range(len(mine)), mine["group"])
    ax.yaxis.set_major_locator(MultipleLocator(0.05))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(
        title=f"Do {level:.0%} intervals keep their promise?",
        xlabel="training ratings of the film",
        ylabel="ratings inside their interval",
        ylim=(level - 0.1, min(1, level + 0.1)),
    )
    ax.legend()
    return figure


@_styled
def spread_by_count(count: np.ndarray, spread: np.ndarray) -> Figure:
    """The posterior spread of predictions against their films' training ratings."""
    figure, ax = _axes(7.5, 3.6)
    ax.plot(count + 1, spread, ".", color=BLUE, ms=4, alpha=0.15, mew=0)
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 6, 21, 51, 201], ["0", "1", "5", "20", "50", "200"])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(
        title="The more ratings, the surer",
        xlabel="training ratings of the film",
        ylabel="spread of the prediction (stars)",
        ylim=(0, None),
    )
    return figure


# Chapter 09: ratings of your own


@_styled
def lam_choice(choice: pd.DataFrame, unit: str) -> Figure:
    """The error on a validation set for each λ that was tried: the table of `own.choose_lam`."""
    rmse = choice["rmse"]
    figure, ax = _axes(height=3.4)
    ax.semilogx(rmse.index, rmse, "o-", color=BLUE, lw=2, base=2)
    best = rmse.idxmin()
    ax.plot(best, rmse[best], "o", color=ORANGE, ms=11, zorder=3)
    ax.annotate("chosen", (best, rmse[best]), xytext=(0, 12), textcoords="offset points",
                ha="center", color=ORANGE, fontweight="bold")  # fmt: skip
    ax.set_xticks(rmse.index, [f"{lam:.3g}" for lam in rmse.index])
    ax.minorticks_off()
    ax.set(title="Error on a validation set", xlabel="λ", ylabel=f"RMSE ({unit})")
    return figure


# Chapter 05: one person, and somebody new

GENRE_MARKS = list(zip((BLUE, ORANGE, GREEN, PURPLE, "#e6ab02", "#56b4e9"), "os^Dvh", strict=True))


@_styled
def reasons(explanation: pd.DataFrame, who: str = "you", n: int = 10) -> Figure:
    """What each rating adds to a prediction (`inspection.explain`): the n largest as bars.

    `who` gave the ratings.
    """
    *shown, baseline = explanation.itertuples()
    labels = [f"{_cut(row.title, 40)}   {row.rating:g}" for row in shown[:n]]
    values = [row.contribution for row in shown[:n]]
    if len(shown) > n:
        labels.append(f"the {len(shown) - n} others together")
        values.append(sum(row.contribution for row in shown[n:]))
    figure, ax = _axes(8, 1.3 + 0.32 * max(len(values), 1))
    place = np.arange(len(values))[::-1]
    bars = ax.barh(place, values, color=[BLUE if v >= 0 else ORANGE for v in values], height=0.7)
    ax.bar_label(bars, [f"{v:+.2f}".replace("-", "−") for v in values], padding=3, fontsize=9)
    ax.axvline(0, color="black", lw=1)
    ax.margins(x=0.15)
    ax.set_yticks(place, labels)
    ax.grid(axis="y", visible=False)
    ax.annotate(f"because {who} gave", (0, 1), (-6, 9), "axes fraction", "offset points",
                ha="right", color="#555555")  # fmt: skip
    ax.set(
        title=f"Why {explanation.attrs['prediction']:.2f} for "
        f"{_cut(explanation.attrs['title'].split(' (')[0], 30)}",
        xlabel=f"stars that the rating adds to the baseline of {baseline.contribution:.2f}",
    )
    return figure


@_styled
def movie_map(films: pd.DataFrame, person=None, who: str = "you", labels: int = 40) -> Figure:
    """The films of `inspection.movie_map` by place and genre, named where there is room.

    `person` is somebody's place on it, (x, y), `who` what they are called; `labels` is how many
    films to try to name, best known first.
    """
    figure, ax = _axes(9.5, 7)
    common = films["genre"].value_counts().index[: len(GENRE_MARKS)]
    size = 8 + 50 * films["n_ratings"] / films["n_ratings"].max()
    for genre, (colour, mark) in zip(common, GENRE_MARKS, strict=False):
        mine = films["genre"] == genre
        ax.scatter(films.loc[mine, "x"], films.loc[mine, "y"], size[mine], color=colour,
                   marker=mark, alpha=0.7, lw=0, label=genre)  # fmt: skip
    other = ~films["genre"].isin(common)
    if other.any():
        ax.scatter(films.loc[other, "x"], films.loc[other, "y"], size[other], color=GREY,
                   alpha=0.6, lw=0, label="other genres")  # fmt: skip
    if person is not None:
        ax.plot(*person, "*", color="black", ms=20, mec="white", mew=1.5, label=who, zorder=5)
    ax.set(
        title="The best known titles, by what their ratings have in common",
        xlabel="first direction of the features (no unit)",
        ylabel="second direction of the features (no unit)",
    )
    if len(common) > 1 or person is not None:
        figure.legend(loc="outside lower center", ncols=4, title="first genre")
    _name_where_there_is_room(figure, ax, films.head(labels), person)
    return figure


def _name_where_there_is_room(figure, ax, films, person) -> None:
    """Write a film's name beside it unless it would lie on another, on `person`, or off the axes."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    frame, taken = ax.get_window_extent(), []
    if person is not None:
        x, y = ax.transData.transform(person)
        half = 10 / 72 * figure.dpi  # of a mark of 20 points
        taken.append(Bbox([(x - half, y - half), (x + half, y + half)]))
    for film in films.itertuples():
        text = ax.annotate(_cut(film.title.split(" (")[0], 28), (film.x, film.y), (5, 3), fontsize=8,
                           textcoords="offset points")  # fmt: skip
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in taken) or not (
            frame.x0 <= box.x0 and box.x1 <= frame.x1 and box.y1 <= frame.y1
        ):
            text.remove()
        else:
            taken.append(box)


@_styled
def by_answers(table: pd.DataFrame, by: str, highlight: str) -> Figure:
    """Held-out RMSE of new users against the ratings they gave, a line for each value of `by`.

    The tables of `newcomers.curve` and `newcomers.asking`; bars are the intervals.
    """
    figure, ax = _axes(8, 4)
    names = list(dict.fromkeys(table[by]))
    counts = sorted(table["n_given"].unique())
    for k, name in enumerate(names):
        rows = table[table[by] == name]
        x = np.searchsorted(counts, rows["n_given"]) + 0.08 * (k - (len(names) - 1) / 2)
        spread = [rows["rmse"] - rows["low"], rows["high"] - rows["rmse"]]
        ax.errorbar(x, rows["rmse"], spread, marker="o", lw=2.5 if name == highlight else 1.3,
                    elinewidth=1, label=name)  # fmt: skip
    ax.set_xticks(range(len(counts)), counts)
    ax.grid(axis="x", visible=False)
    ax.set(
        title="People left out of training",
        xlabel="ratings that each of them gave",
        ylabel="RMSE on their other ratings (stars)",
    )
    ax.legend()
    return figure


def _cut(title: str, length: int) -> str:
    return title if len(title) <= length else title[: length - 1].rstrip() + "…"


# The exercises


@_styled
def lines(table: pd.DataFrame, label: str, log_x: bool = False) -> Figure:
    """A line for each column of a table against its index, whose name labels the other axis."""
    figure, ax = _axes()
    for name, column in table.items():
        ax.plot(table.index, column, marker="o", markersize=4, label=name)
    if log_x:
        ax.set_xscale("log")
    ax.set(xlabel=table.index.name, ylabel=label, title=f"{label} by {table.index.name}")
    ax.legend()
    return figure


# Chapter 10: bugs


@_styled
def share_answered(table: pd.DataFrame) -> Figure:
    """RMSE against the share of the test that a model answers for; a row is a threshold.

    Columns "share answered" (0 to 1) and "RMSE"; the index says from how many ratings it answers.
    """
    figure, ax = _axes(7, 3.8)
    ax.plot(table["share answered"], table["RMSE"], "o-", color=ORANGE)
    for least, row in table.iterrows():
        ax.annotate(f"{least}+", (row["share answered"], row["RMSE"]), xytext=(0, 8),
                    textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set(
        title="One model, which answers for films with so many ratings only",
        xlabel="share of the test ratings answered for",
        ylabel="RMSE of the answers (stars)",
        xlim=(0, 1.05),
    )
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.margins(y=0.15)
    return figure


@_styled
def lottery(table: pd.DataFrame, winner) -> Figure:
    """RMSE of equal models on a small test set against elsewhere; `winner` is the row chosen."""
    figure, ax = _axes(6, 5.4)
    chosen = table.index == winner
    for rows, colour, label in (
        (~chosen, BLUE, "a model"), (chosen, ORANGE, "chosen on the test set"),
    ):  # fmt: skip
        ax.plot(*table[rows].to_numpy().T, "o", color=colour, ms=7, alpha=0.8, mew=0, label=label)
    middle, half = table.mean(), 0.6 * np.ptp(table, axis=0).max()  # one scale for both axes
    for line, column in zip((ax.axvline, ax.axhline), table, strict=True):
        line(middle[column], color=GREY, ls="--", lw=1)
    ax.set(
        title=f"{len(table)} models that differ in their seed alone",
        xlabel=f"RMSE {table.columns[0]} (stars)",
        ylabel=f"RMSE {table.columns[1]} (stars)",
        xlim=(middle.iloc[0] - half, middle.iloc[0] + half),
        ylim=(middle.iloc[1] - half, middle.iloc[1] + half),
        aspect="equal",
    )
    ax.legend()
    return figure


# Chapter 06: sweeps


@_styled
def sweep_lines(settings: pd.DataFrame, x: str, by: str, metric: str) -> Figure:
    """A metric against one parameter, a line for each value of another, bands over the seeds.

    `settings` is the table that `sweep.settings` returns; a band reaches from the smallest to the
    largest of a setting's runs.
    """
    figure, ax = _axes(7.5, 3.9)
    for value, rows in settings.sort_values([by, x]).groupby(by):
        (line,) = ax.plot(rows[x], rows[metric], "o-", lw=2, ms=5, label=f"{by} {value}")
        ax.fill_between(rows[x], rows["smallest"], rows["largest"], alpha=0.15, lw=0,
                        color=line.get_color())  # fmt: skip
    ax.set(title=f"{metric} against {x}", xlabel=x, ylabel=f"{metric} (mean and range over seeds)")
    ax.legend()
    return figure


def _far_out(values: pd.Series) -> np.ndarray:
    """Which are so far off that showing them would hide the others: beyond Tukey's outer fence."""
    low, high = values.quantile([0.25, 0.75])
    reach = 3 * (high - low) or np.inf
    return ((values < low - reach) | (values > high + reach)).to_numpy()


@_styled
def slices(settings: pd.DataFrame, varied, metric: str, best=min) -> Figure:
    """A panel for each parameter: every setting as a dot, and the best for each of its values.

    What is far off the others lies outside the panels; the axis says so.
    """
    columns = min(len(varied), 3)
    rows = -(-len(varied) // columns)
    figure = Figure(figsize=(2.7 * columns + 0.8, 3.2 * rows))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    far = _far_out(settings[metric])
    near = settings[metric][~far]
    for ax, name in zip(axes.flat, varied, strict=False):
        values = sorted(settings[name].unique(), key=lambda v: (isinstance(v, str), v))
        place = {value: n for n, value in enumerate(values)}
        ax.plot(settings[name].map(place), settings[metric], "o", color=BLUE, alpha=0.4, mew=0)
        group = settings.groupby(name)[metric]
        edge = (group.min() if best is min else group.max()).reindex(values)
        ax.plot(range(len(values)), edge, "_-", color=ORANGE, ms=14, mew=2, lw=1)
        ax.set_xticks(range(len(values)), [str(value) for value in values])
        ax.set(xlabel=name, xlim=(-0.5, len(values) - 0.5))
        if max(map(len, map(str, values))) > 6:
            ax.tick_params(axis="x", rotation=30)
            for words in ax.get_xticklabels():
                words.set(ha="right", rotation_mode="anchor")
        ax.grid(axis="x", visible=False)
    if far.any():
        reach = 0.08 * np.ptp(near)
        axes[0, 0].set_ylim(near.min() - reach, near.max() + reach)
    for ax in list(axes.flat)[len(varied) :]:
        ax.remove()
    for ax in axes[:, 0]:
        ax.set_ylabel(metric + f" ({far.sum()} far off: not shown)" * bool(far.any()))
    axes[0, 0].set_title(f"{metric} by parameter; orange: the best with each value")
    return figure


@_styled
def setting_differences(settings: pd.DataFrame, metric: str) -> Figure:
    """How much worse each setting is than the best, with its interval: `sweep.settings`, labelled.

    What is far off the others is written at the edge.
    """
    wide = 5.5 + 0.075 * max(map(len, settings.index))
    figure, ax = _axes(max(8.5, wide), 1.3 + 0.32 * len(settings))
    differences = settings["difference"].fillna(0)
    far = _far_out(differences)
    for row, (_, line) in enumerate(settings.iterrows()):
        low, high = line["difference_low"], line["difference_high"]
        told = low > 0 or high < 0
        colour = GREY if told else BLUE
        if far[row]:
            side, align = (0.99, "right") if differences.iloc[row] > 0 else (0.01, "left")
            ax.text(side, row, f"{differences.iloc[row]:+.3f}", color=colour, ha=align, va="center",
                    transform=ax.get_yaxis_transform())  # fmt: skip
            continue
        is_best = np.isnan(line["difference"])
        if not is_best:
            ax.plot([low, high], [row, row], color=colour, lw=3, alpha=0.5, solid_capstyle="round")
        ax.plot(0 if is_best else line["difference"], row, "D" if is_best else "o",
                color=ORANGE if is_best else colour, ms=7)  # fmt: skip
    ax.axvline(0, color=ORANGE, lw=1)
    ax.set_yticks(range(len(settings)), settings.index)
    ax.set_ylim(len(settings) - 0.5, -0.7)
    ax.set(
        title="Difference from the best setting (grey: told apart from it)",
        xlabel=f"difference in {metric}, with 95% interval",
    )
    ax.grid(axis="y", visible=False)
    return figure
