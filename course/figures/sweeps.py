"""The pictures of chapter 06 and of every sweep's page: a metric by the parameters that vary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .style import BLUE, GREY, ORANGE, styled, subplots


@styled
def sweep_lines(settings: pd.DataFrame, x: str, by: str | None, metric: str) -> Figure:
    """A metric against one parameter, a line for each value of another, bands over the seeds.

    Values that were multiplied from one to the next, ten times or more in all, have a logarithmic
    axis.

    Parameters
    ----------
    settings : DataFrame
        What `course.sweep.settings` returns. A band reaches from the smallest to the largest of a
        setting's runs.
    x, by : str
        Columns of it: the two parameters. Without `by` there is one line.
    metric : str
        Column of it.
    """
    figure, ax = subplots(7.5, 3.9)
    ordered = settings.sort_values([by, x] if by else x)
    for name, rows in (
        [(f"{by} {value}", rows) for value, rows in ordered.groupby(by)] if by else [("", ordered)]
    ):
        (line,) = ax.plot(rows[x], rows[metric], "o-", lw=2, ms=5, label=name)
        band = {"alpha": 0.15, "lw": 0, "color": line.get_color()}
        ax.fill_between(rows[x], rows["smallest"], rows["largest"], **band)
    values = np.sort(settings[x].unique())
    if np.issubdtype(values.dtype, np.number) and values[-1] >= 10 * values[0] > 0:
        ax.set_xscale("log")
        ax.set_xticks(values, [f"{value:g}" for value in values])
        ax.minorticks_off()
    ax.set(title=f"{metric} against {x}", xlabel=x, ylabel=f"{metric} (mean and range over seeds)")
    if by:
        ax.legend()
    lines = f"a line for each {by}, with bands" if by else "with a band"
    figure.set_label(f"{metric} against {x}, {lines} over the seeds.")
    return figure


@styled
def slices(
    settings: pd.DataFrame, varied: Sequence[str], metric: str, best: Callable = min
) -> Figure:
    """A panel for each parameter: every setting as a dot, and the best for each of its values.

    Settings that are far off the others lie outside the panels; the axis says so.

    Parameters
    ----------
    settings : DataFrame
        What `course.sweep.settings` returns.
    varied : sequence of str
        The parameters: columns of it.
    metric : str
        Column of it.
    best : callable
        `min` or `max`.
    """
    columns = min(len(varied), 2)  # more would be too small to read on a telephone
    rows = -(-len(varied) // columns)
    figure = Figure(figsize=(2.7 * columns + 0.8, 2.8 * rows))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    far = _far_off(settings[metric])
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
    figure.set_label(
        f"A panel for each of {', '.join(varied)}: {metric} of every setting as a dot, and the "
        "best for each value of the parameter."
    )
    return figure


@styled
def setting_differences(settings: pd.DataFrame, metric: str) -> Figure:
    """How much worse each setting is than the best, with its interval.

    The difference of a setting that is far off the others is written at the edge.

    Parameters
    ----------
    settings : DataFrame
        What `course.sweep.settings` returns, with `course.sweep.labelled`'s index.
    metric : str
        Its name, for the axis.
    """
    width = 5.5 + 0.075 * max(map(len, settings.index))
    figure, ax = subplots(max(8.5, width), 1.3 + 0.32 * len(settings))
    differences = settings["difference"].fillna(0)
    far = _far_off(differences)
    bar = {"lw": 3, "alpha": 0.5, "solid_capstyle": "round"}
    for row, value in enumerate(differences):
        low, high = settings[["difference_low", "difference_high"]].iloc[row]
        colour = GREY if low > 0 or high < 0 else BLUE
        if far[row]:
            side, align = (0.99, "right") if value > 0 else (0.01, "left")
            edge = {"transform": ax.get_yaxis_transform(), "ha": align, "va": "center"}
            ax.text(side, row, f"{value:+.3f}", color=colour, **edge)
        elif np.isnan(settings["difference"].iloc[row]):  # the best itself
            ax.plot(0, row, "D", color=ORANGE, ms=7)
        else:
            ax.plot([low, high], [row, row], color=colour, **bar)
            ax.plot(value, row, "o", color=colour, ms=7)
    ax.axvline(0, color=ORANGE, lw=1)
    ax.set_yticks(range(len(settings)), settings.index)
    ax.set_ylim(len(settings) - 0.5, -0.7)
    ax.set(
        title="Difference from the best setting (grey: told apart from it)",
        xlabel=f"difference in {metric}, with 95% interval",
    )
    ax.grid(axis="y", visible=False)
    figure.set_label(
        "Each setting's difference from the best, with its 95% interval, sorted. The settings "
        "whose interval contains zero are not told apart from the best."
    )
    return figure


def _far_off(values: pd.Series) -> np.ndarray:
    """Which values would hide the others if shown: those beyond Tukey's outer fence."""
    low, high = values.quantile([0.25, 0.75])
    reach = 3 * (high - low) or np.inf
    return ((values < low - reach) | (values > high + reach)).to_numpy()
