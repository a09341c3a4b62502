"""Training and judging on many splits: the mean of each metric over folds, and its spread."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import metrics
from ._checks import check_measures, check_name
from .evaluation import ALL_METRICS, shares_of
from .split import Split

if TYPE_CHECKING:
    from .model import Model


def cross_validate(
    fits: Mapping[str, Callable[..., Model]],
    folds: Sequence[Split],
    measures: Sequence[str] = ("rmse", "mae"),
    *,
    seeds: Sequence[int] | None = None,
    to: str | None = None,
    k: int = 10,
    threshold: float | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Train each kind of model on every fold; the mean of each metric over folds, and its spread.

        cross_validate({"means": fit_means, "ALS": fit_als}, kfold(ratings))

    Parameters
    ----------
    fits : dict of str to callable
        `fit(ratings)`, or with `seeds` `fit(ratings, seed=seed)`, returns a trained model.
    folds : sequence of Split
        Splits on the same axes, as `split.kfold` makes them.
    measures : sequence of str
        Metrics that `evaluate` or `rank` has an interval for.
    seeds : sequence of int or None
        Repeat each fit with each of these seeds.
    to : str or None
        Name of a fit that every other is compared with.
    k, threshold, level
        As in `rank`.

    Returns
    -------
    DataFrame, indexed by model and metric
        Columns mean (over folds and seeds), low and high (bootstrap interval over users; a user
        who is drawn is drawn in every fold), and sd_folds (standard deviation over folds). With
        `seeds` also sd_seeds: the standard deviation over seeds within a fold, as the root of the
        mean variance. With `to` also difference, difference_low and difference_high: how much
        larger the mean is than that of `to`.

    Raises
    ------
    ValueError
        As `evaluate` and `rank`; and, before anything is trained, for a `to` that is none of the
        fits or a measure that there isn't.
    """
    check_measures(measures, ALL_METRICS)
    if to is not None:
        check_name("to", to, fits)
    keywords: list[dict] = [{}] if seeds is None else [{"seed": seed} for seed in seeds]
    shares: dict[tuple[str, str], list] = {pair: [] for pair in itertools.product(fits, measures)}
    for fold, (name, fit), keyword in itertools.product(folds, fits.items(), keywords):
        model = fit(fold.train, **keyword)
        for measure, share in shares_of(name, model, fold, measures, k, threshold).items():
            shares[name, measure].append(share)

    rows = []
    for (_, measure), of_model in shares.items():
        values = pd.DataFrame(np.reshape([share.value for share in of_model], (len(folds), -1)))
        mean, low, high = metrics.estimate(of_model, level)
        row = {"mean": mean, "low": low, "high": high, "sd_folds": values.mean(axis=1).std()}
        if seeds is not None:
            row["sd_seeds"] = np.sqrt(values.var(axis=1).mean())
        if to is not None:
            ends = metrics.difference(of_model, shares[to, measure], level)
            row |= zip(("difference", "difference_low", "difference_high"), ends, strict=True)
        rows.append(row)
    return pd.DataFrame(rows, pd.MultiIndex.from_tuples(shares, names=["model", "metric"]))
