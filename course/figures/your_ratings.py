"""The picture of chapter 09: which λ suits your own ratings."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from .style import BLUE, ORANGE, styled, subplots


@styled
def lam_choice(choice: pd.DataFrame, unit: str) -> Figure:
    """The error on a validation set for each λ that was tried, the smallest one marked.

    Parameters
    ----------
    choice : DataFrame
        What `cflib.tune.choose_lam` returns.
    unit : str
        Of the ratings.
    """
    rmse = choice["rmse"]
    figure, ax = subplots(height=3.4)
    ax.semilogx(rmse.index, rmse, "o-", color=BLUE, lw=2, base=2)
    best = rmse.idxmin()
    ax.plot(best, rmse[best], "o", color=ORANGE, ms=11, zorder=3)
    above = {"xytext": (0, 12), "textcoords": "offset points", "ha": "center"}
    ax.annotate("chosen", (best, rmse[best]), color=ORANGE, fontweight="bold", **above)
    ax.set_xticks(rmse.index, [f"{lam:.3g}" for lam in rmse.index])
    ax.minorticks_off()
    ax.set(title="Error on a validation set", xlabel="λ", ylabel=f"RMSE ({unit})")
    figure.set_label(
        "Line of the error on a validation set against λ on a logarithmic axis, with the λ of the "
        "least error marked."
    )
    return figure
