"""The pictures of chapter 11: what was tried of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from .style import BLUE, ORANGE, styled, subplots


@styled
def settings_tried(tried: Mapping[str, Sequence[float]]) -> Figure:
    """NDCG@10 on validation ratings of each setting that was tried, a row for each model.

    Parameters
    ----------
    tried : dict of str to sequence of float
        By model; the best of each is in the second colour.
    """
    figure, ax = subplots(7.5, 1 + 0.42 * len(tried))
    for row, values in enumerate(tried.values()):
        ax.plot(values, [row] * len(values), "o", color=BLUE, alpha=0.6, ms=7, mew=0)
        ax.plot(max(values), row, "o", color=ORANGE, ms=8)
    ax.set_yticks(range(len(tried)), list(tried))
    ax.set_ylim(len(tried) - 0.5, -0.5)
    ax.set(title="What tuning tried", xlabel="NDCG@10 on validation ratings (orange: chosen)")
    ax.grid(axis="y", visible=False)
    return figure
