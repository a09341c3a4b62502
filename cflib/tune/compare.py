"""Models side by side on the same held-out ratings, and which of them to keep.

A model is worth its cost where it is better by more than chance. So each metric is compared with
that of the best model on the same bootstrap draws of users. Of the models whose difference could
be zero, the first is kept, in the order from simple to costly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .. import evaluation, metrics
from ..metrics import Shares
from ..model import STARS, Model
from ..split import Split
from .search import LIST_LENGTH, n_hits

METRICS = {"rmse": "RMSE", "ndcg": f"NDCG@{LIST_LENGTH}", "recall": f"recall@{LIST_LENGTH}"}
WORSE = {"rmse": 1, "ndcg": -1, "recall": -1}  # the sign of a difference to the best
ENDS = ("", "_low", "_high")
COLUMNS = [f"{metric}{part}{end}" for metric in METRICS for part in ("", "_worse") for end in ENDS]


def shares_of(model: Model, part: Split, stars: bool) -> dict[str, Shares]:
    """Each metric of one model on the test ratings, split by user.

    Parameters
    ----------
    model : Model
        Trained on `part.train`.
    part : Split
    stars : bool
        Whether there are ratings to predict.

    Returns
    -------
    dict of str to Shares
        "rmse" where there are stars, and the model says them; "ndcg" and "recall" where at least
        one test rating is a like.
    """
    shares, test = {}, part.test
    if stars and STARS in model.says:
        predicted = evaluation.predictions({"": model}, part)[""]
        shares["rmse"] = metrics.error_shares(test.value, predicted, test.user_index, test.n_users)
    if n_hits(part):
        k = min(LIST_LENGTH, test.n_movies)
        frame = evaluation.rankings({"": model}, part, k)[""]
        for metric in ("ndcg", "recall"):
            shares[metric] = metrics.mean_shares(frame[metric], frame.index, test.n_users)
    return shares


def table_of(shares: Mapping[str, Mapping[str, Shares]], level: float = 0.95) -> pd.DataFrame:
    """One row for each model: its metrics, and how much worse they are than the best model's.

    Parameters
    ----------
    shares : dict of str to dict
        Of each model, from `shares_of`.
    level : float
        Level of the intervals over users.

    Returns
    -------
    DataFrame, indexed by model
        For each of the metrics rmse, ndcg and recall: its value, _low and _high; and _worse,
        _worse_low and _worse_high, the paired difference to the best, positive where the model is
        worse. NaN where a model does not have the metric.
    """
    rows: dict[str, dict[str, float]] = {name: {} for name in shares}
    for metric, sign in WORSE.items():
        have: dict[str, Any] = {n: of[metric] for n, of in shares.items() if metric in of}
        if not have:
            continue
        best = min(have, key=lambda name: sign * have[name].value)
        for name, share in have.items():
            pair = (share, have[best]) if sign > 0 else (have[best], share)
            values = [*metrics.estimate(share, level), *metrics.difference(*pair, level)]
            names = [f"{metric}{part}{end}" for part in ("", "_worse") for end in ENDS]
            rows[name] |= dict(zip(names, values, strict=True))
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS).rename_axis("model")


def best(table: pd.DataFrame, metric: str) -> str:
    """The model with the best value of a metric."""
    values = table[metric].astype(float) * WORSE[metric]
    return str(values.idxmin())


def tied(table: pd.DataFrame, metric: str) -> list[str]:
    """The best model and those that cannot be told apart from it, in the table's order.

    A model cannot be told apart from the best where the interval of their difference contains zero.
    """
    is_tied = table[f"{metric}_worse_low"] <= 0
    is_tied[best(table, metric)] = True
    return [str(name) for name in table.index[is_tied & table[metric].notna()]]


def kept(table: pd.DataFrame, metric: str) -> str | None:
    """The first, so the simplest, of the models that are `tied`; None where nobody has the metric.

    Parameters
    ----------
    table : DataFrame
        From `table_of`, its rows from simple to costly.
    metric : str
        "rmse" for stars, "ndcg" for lists.
    """
    if not np.isfinite(table[metric].astype(float)).any():
        return None
    return tied(table, metric)[0]
