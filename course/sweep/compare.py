"""Which setting is best, and is it really better than the others?

Settings are compared in pairs: on the same seeds and, where the chapter left `users.parquet` (the
contribution of each user to the metric), on the same draws of users. What makes a user or a draw of
validation ratings hard for both settings then cancels. The best setting was found by looking at the
results. So the intervals of the differences hold for all pairs of settings at once: whichever turn
out to be the best and the runner-up, 95% means 95%.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cflib import metrics

from .collect import collect, head

USERS = "users.parquet"
INTERVAL = ["low", "high", "over"]
DIFFERENCE = ["difference", "difference_low", "difference_high"]
COLUMNS = [*INTERVAL, "smallest", "largest", "n_runs", *DIFFERENCE]
DATASET = "dataset"  # errors on two data sets are never compared


def settings(folder: str | Path, level: float = 0.95) -> pd.DataFrame:
    """The settings of a sweep, best first, each with its difference from the best.

    A setting with a run that failed or is missing is left out. Where data sets vary, each has a
    best setting of its own.

    Parameters
    ----------
    folder : str or Path
        Of a sweep.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        A row for each setting: the parameters that vary; the metric (its mean over the seeds), low
        and high (its interval), over (whether intervals are over "users" or, where their
        contributions are not known, over "seeds"), smallest and largest (over the seeds), n_runs;
        difference, difference_low and difference_high (from the best setting, and NaN for the best
        itself; see `from_best`).
    """
    about, table = head(folder), collect(folder)
    metric, varied = about["metric"], about["varied"]
    table = table[(table["status"] == "ok") & table[metric].notna()]
    by_data: dict[str, list[pd.DataFrame]] = {}
    for _, runs in table.groupby(varied, sort=False, dropna=False) if varied else [((), table)]:
        if len(runs) == about["repeats"]:
            by_data.setdefault(runs[DATASET].iloc[0] if DATASET in varied else "", []).append(runs)
    rows = [row for group in by_data.values() for row in _compared(folder, group, about, level)]
    return pd.DataFrame(rows, columns=[*varied, metric, *COLUMNS]).sort_values(
        metric, ascending=about["better"] == "lower", kind="stable", ignore_index=True
    )


def from_best(
    settings: Sequence[Sequence[metrics.Shares]], best: int, level: float = 0.95
) -> np.ndarray:
    """How much larger each setting's metric is than the best one's, with intervals.

    All settings are evaluated on the same draws of users. Let D_ab be the difference of settings a
    and b in a draw, d_ab their difference on all users, and s_ab the standard deviation of D_ab.
    The interval is d_ab ± c s_ab. Here c is the number that the maximum over all pairs of
    |D_ab - d_ab| / s_ab exceeds in a share of 1 - `level` of the draws. So the intervals of all
    pairs are right at once with probability `level`, also those of pairs found by looking.

    Parameters
    ----------
    settings : sequence of sequences of Shares
        For each setting, `cflib.metrics.Shares` of each seed.
    best : int
        The setting that the others are compared with.
    level : float

    Returns
    -------
    ndarray, float64, (n_settings, 3)
        difference, low, high.

    References
    ----------
    Romano & Wolf (2005), "Exact and approximate stepdown methods for multiple hypothesis testing",
    JASA 100, for the maximum of studentised differences.
    """
    value, drawn = in_draws(settings)
    deviation = drawn - value
    largest = np.zeros(len(drawn))
    for n in range(1, len(value)):
        pairs = deviation[:, :n] - deviation[:, [n]]
        spread = pairs.std(axis=0)
        spread[spread == 0] = np.inf  # two settings with equal results
        largest = np.maximum(largest, np.abs(pairs / spread).max(axis=1))
    reach = np.quantile(largest, level) * (deviation - deviation[:, [best]]).std(axis=0)
    difference = value - value[best]
    return np.stack([difference, difference - reach, difference + reach], axis=1)


def from_best_over_seeds(values: np.ndarray, best: int, level: float = 0.95) -> np.ndarray:
    """The same from the metric at each seed, (n_settings, n_seeds): Student's t for all pairs.

    Bonferroni's correction: each of the n (n - 1) / 2 pairs gets an equal part of 1 - `level`.
    """
    n_pairs = max(1, len(values) * (len(values) - 1) // 2)
    return np.array([_student(v - values[best], 1 - (1 - level) / n_pairs) for v in values])


def grid(
    ranked: pd.DataFrame, rows: str, columns: str, metric: str, best: Callable = min
) -> pd.DataFrame:
    """The metric by two parameters; for each pair of values, the best over the other parameters."""
    by_pair = ranked.groupby([rows, columns])[metric]
    return (by_pair.min() if best is min else by_pair.max()).unstack()


def _compared(
    folder: str | Path, settings: list[pd.DataFrame], about: dict[str, Any], level: float
) -> list[dict[str, Any]]:
    """The rows of the table `settings`, from the runs of settings on one data set."""
    metric = about["metric"]
    values = np.array([runs[metric].to_numpy(np.float64) for runs in settings])
    mean = values.mean(axis=1)
    best = int(mean.argmin() if about["better"] == "lower" else mean.argmax())
    shares = [[_shares(folder, run, metric) for _, run in runs.iterrows()] for runs in settings]
    if any(one is None for of_setting in shares for one in of_setting):
        over, (_, low, high) = "seeds", np.array([_student(v, level) for v in values]).T
        differences = from_best_over_seeds(values, best, level)
    else:
        over, (low, high) = "users", metrics.percentiles(in_draws(shares)[1], level)
        differences = from_best(shares, best, level)
    differences[best] = np.nan
    return [
        {name: runs[name].iloc[0] for name in about["varied"]}
        | {metric: mean[n], "low": low[n], "high": high[n], "over": over, "n_runs": len(runs)}
        | {"smallest": values[n].min(), "largest": values[n].max()}
        | dict(zip(DIFFERENCE, differences[n], strict=True))
        for n, runs in enumerate(settings)
    ]


def in_draws(settings: Sequence[Sequence[metrics.Shares]]) -> tuple[np.ndarray, np.ndarray]:
    """Each setting's metric, as the mean over its seeds: of all users, and in draws of users."""
    value = np.array([np.mean([shares.value for shares in of_setting]) for of_setting in settings])
    drawn = metrics.draws([shares for of_setting in settings for shares in of_setting])
    return value, drawn.reshape(len(drawn), len(settings), -1).mean(axis=2)


def _student(values: np.ndarray, level: float) -> tuple[float, float, float]:
    """Mean, low and high of a few values; a single one has no interval (NaN)."""
    from scipy import stats  # here, because workers import this package and do not need it

    mean, n = float(values.mean()), len(values)
    if n < 2:
        return mean, np.nan, np.nan
    reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return mean, mean - reach, mean + reach


def _shares(folder: str | Path, run: pd.Series, metric: str) -> metrics.Shares | None:
    """The users' contributions, if they give what the run recorded, as a mean or as its root."""
    path = Path(folder) / run["run"] / USERS
    if not path.exists():
        return None
    users = pd.read_parquet(path)
    shares = metrics.Shares(users["total"].to_numpy(), users["weight"].to_numpy())
    for candidate in (shares, shares._replace(finish=np.sqrt)):
        if np.isclose(candidate.value, run[metric], rtol=1e-9):
            return candidate
    return None
