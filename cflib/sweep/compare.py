"""Which setting is best, and is it really better than the next?

Two settings are compared pair by pair: on the same seeds and, where the chapter left `users.parquet`
(each user's part in the metric), on the same draws of users. What makes a user or a draw of
validation ratings hard for both then cancels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .. import metrics
from .collect import collect, head

USERS = "users.parquet"
DATASET = "dataset"  # an error on one data set says nothing about another: never compared


def settings(folder, level: float = 0.95) -> pd.DataFrame:
    """One row a setting, best first: the metric over its seeds, and how much it is from the best.

    A setting with a run that failed or is missing is left out. Where data sets vary, each has a
    best setting of its own.

    Parameters
    ----------
    folder : path
        Of a sweep.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        The parameters that vary; the metric (its mean over seeds), low and high (its interval),
        smallest and largest (over seeds), n_runs; difference, difference_low and difference_high
        (from the best setting, pair by pair: NaN for the best itself). An interval is over users
        where they are known, else over seeds (Student's t; NaN for a single one).
    """
    about, table = head(folder), collect(folder)
    metric, varied = about["metric"], about["varied"]
    columns = [*varied, metric, "low", "high", "smallest", "largest", "n_runs",
               "difference", "difference_low", "difference_high"]  # fmt: skip
    if metric not in table:
        return pd.DataFrame(columns=columns)
    table = table[(table["status"] == "ok") & table[metric].notna()]
    wanted = max(about["repeats"], 1)
    of_setting = [
        runs for _, runs in (table.groupby(varied, sort=False) if varied else [((), table)])
        if len(runs) == wanted
    ]  # fmt: skip
    rows = [_row(folder, runs, metric, varied, level) for runs in of_setting]
    order = sorted(
        range(len(rows)), key=lambda n: rows[n][metric] * (-1 if about["better"] == "higher" else 1)
    )
    best = {}
    for n in order:
        leader = best.setdefault(rows[n].get(DATASET), n)
        if n != leader:
            against = _difference(folder, of_setting[n], of_setting[leader], metric, level)
            rows[n] |= dict(
                zip(("difference", "difference_low", "difference_high"), against, strict=True)
            )
    return pd.DataFrame([rows[n] for n in order], columns=columns)


def grid(ranked: pd.DataFrame, rows: str, columns: str, metric: str, best=min) -> pd.DataFrame:
    """The metric by two parameters: the best of what the others make of each pair."""
    of_pair = ranked.groupby([rows, columns])[metric]
    return (of_pair.min() if best is min else of_pair.max()).unstack()


def is_over_users(folder) -> bool:
    """Whether the intervals of `settings` are over users; otherwise they are over seeds."""
    about, table = head(folder), collect(folder)
    return about["metric"] in table and all(
        _shares(folder, row, about["metric"]) is not None
        for _, row in table[table["status"] == "ok"].iterrows()
    )


def _row(folder, runs: pd.DataFrame, metric: str, varied, level: float) -> dict:
    values = runs[metric].to_numpy(np.float64)
    shares = _all_shares(folder, runs, metric)
    value, low, high = metrics.estimate(shares, level) if shares else _over_seeds(values, level)
    return {name: runs[name].iloc[0] for name in varied} | {
        metric: value, "low": low, "high": high,
        "smallest": values.min(), "largest": values.max(), "n_runs": len(values),
    }  # fmt: skip


def _difference(folder, runs: pd.DataFrame, best: pd.DataFrame, metric: str, level: float):
    first, second = _all_shares(folder, runs, metric), _all_shares(folder, best, metric)
    if first and second:
        return metrics.difference(first, second, level)
    paired = runs[metric].to_numpy(np.float64) - best[metric].to_numpy(np.float64)
    return _over_seeds(paired, level)


def _over_seeds(values: np.ndarray, level: float):
    """(mean, low, high) by Student's t."""
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return mean, np.nan, np.nan
    from scipy import stats  # here, because workers import this package and need none of it

    reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return mean, mean - reach, mean + reach


def _all_shares(folder, runs: pd.DataFrame, metric: str) -> list[metrics.Shares]:
    found = [_shares(folder, row, metric) for _, row in runs.iterrows()]
    return [] if any(shares is None for shares in found) else found


def _shares(folder, row, metric: str) -> metrics.Shares | None:
    """The users' parts of a run, if they add up to what it recorded (as a mean, or its root)."""
    path = Path(folder) / row["run"] / USERS
    if not path.exists():
        return None
    users = pd.read_parquet(path)
    shares = metrics.Shares(users["total"].to_numpy(), users["weight"].to_numpy())
    for finish in (shares.finish, np.sqrt):
        candidate = shares._replace(finish=finish)
        if np.isclose(candidate.value, row[metric], rtol=1e-9):
            return candidate
    return None
