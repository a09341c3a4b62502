"""The pictures of chapter 13: the notebook that the course starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from .style import BLUE, ORANGE, RED, styled, subplots


@styled
def loss_curve(losses: Sequence[float], printed: Mapping[int, float]) -> Figure:
    """The loss at every epoch, and the values that the original printed.

    Parameters
    ----------
    losses : sequence of float
        Of epochs 0, 1, …, in squared stars.
    printed : mapping of int to float
        Epoch to loss.
    """
    figure, ax = subplots(5.6, 3.6)
    ax.semilogy(losses, color=BLUE, lw=2, label="here, every epoch")
    if printed:
        epochs, values = zip(*printed.items(), strict=True)
        ax.semilogy(epochs, values, "o", color=ORANGE, ms=7, label="as the original printed it")
    ax.set(
        title="The loss while training",
        xlabel="epoch (one step of Adam over all ratings)",
        ylabel="loss (squared stars)",
    )
    ax.legend()
    return figure


@styled
def around_zero(deviations: Mapping[str, np.ndarray], n_unrated: int) -> Figure:
    """One user's ratings minus a mean, a panel for each mean.

    Parameters
    ----------
    deviations : mapping of str to ndarray
        Label of a panel to the user's ratings minus that mean (stars).
    n_unrated : int
        How many movies the user has not rated: they are at 0.
    """
    figure = Figure(figsize=(5.6, 3.3 * len(deviations)))  # one below the other, for phones
    axes = figure.subplots(len(deviations), 1, sharey=True)
    for ax, (label, values) in zip(axes, deviations.items(), strict=True):
        edges = np.arange(-5, 5.01, 0.5)
        ax.hist(values[values < 0], edges, color=RED, label="below 0")
        ax.hist(values[values >= 0], edges, color=BLUE, label="0 and above")
        ax.axvline(0, color="black", lw=2, label=f"{n_unrated:,} movies never rated")
        ax.set(
            title=label, xlabel="rating minus the mean (stars)", ylabel="number of their ratings"
        )
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
