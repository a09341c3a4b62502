"""Which setting is best, and is it really better than the others?

Settings are compared pair by pair: on the same seeds and, where the chapter left `users.parquet`
(each user's part in the metric), on the same draws of users. What makes a user or a draw of
validation ratings hard for both then cancels. And because the best setting was found by looking,
the intervals of the differences hold for all pairs of settings at once: whichever turn out to be
the best and the runner-up, 95% is 95%.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .. import metrics
from .collect import collect, head

USERS = "users.parquet"
COLUMNS = [
    "low", "high", "smallest", "largest", "n_runs", "difference", "difference_low", "difference_high",
]  # fmt: skip
DATASET = "dataset"  # an error on one data set says nothing about another: never compared


def settings(folder, level: float = 0.95) -> pd.DataFrame:
    """One row a setting, best first: the metric over its seeds, and how far it is from the best.

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
        (from the best setting: NaN for the best itself; see `from_best`). Intervals are over users
        where they are known, else over seeds.
    """
    about, table = head(folder), collect(folder)
    metric, varied = about["metric"], about["varied"]
    if metric not in table:
        return pd.DataFrame(columns=[*varied, metric, *COLUMNS])
    table = table[(table["status"] == "ok") & table[metric].notna()]
    by_setting = table.groupby(varied, sort=False, dropna=False) if varied else [((), table)]
    whole = [runs for _, runs in by_setting if len(runs) == about["repeats"]]
    by_data = {}
    for runs in whole:
        by_data.setdefault(runs[DATASET].iloc[0] if DATASET in varied else "", []).append(runs)
    parts = [_ranked(folder, some, about, level) for some in by_data.values()]
    rows = [row for part in parts for row in part]
    ranked = pd.DataFrame(rows, columns=[*varied, metric, *COLUMNS])
    return ranked.sort_values(
        metric, ascending=about["better"] == "lower", kind="stable", ignore_index=True
    )


def from_best(settings, best: int, level: float = 0.95) -> np.ndarray:
    """How much larger each setting's metric is than the best one's, with intervals.

    From draws of users, the same for all settings. With D_ab the difference of settings a and b in
    a draw, d_ab that of the whole and s_ab the deviation of D_ab, an interval is d_ab ± c s_ab,
    where c is such that max over all pairs of |D_ab - d_ab| / s_ab exceeds it in 1 - `level` of the
    draws. So all pairs are right at once with probability `level`, also those found by looking.

    Parameters
    ----------
    settings : list of lists of `metrics.Shares`
        One of each seed, for each setting.
    best : int
        Which setting the others are compared with.
    level : float

    Returns
    -------
    float64, (n_settings, 3)
        difference, low, high.

    Source: Romano & Wolf (2005), "Exact and approximate stepdown methods for multiple hypothesis
    testing", JASA 100, for the maximum of studentised differences.
    """
    value, drawn = _drawn(settings)
    off = drawn - value
    largest = np.zeros(len(off))
    for n in range(1, len(value)):
        pairs = off[:, :n] - off[:, [n]]
        deviation = pairs.std(axis=0)
        deviation[deviation == 0] = np.inf  # two settings that do the same
        largest = np.maximum(largest, np.abs(pairs / deviation).max(axis=1))
    reach = np.quantile(largest, level) * (off - off[:, [best]]).std(axis=0)
    difference = value - value[best]
    return np.stack([difference, difference - reach, difference + reach], axis=1)


def from_best_over_seeds(values: np.ndarray, best: int, level: float = 0.95) -> np.ndarray:
    """The same from the metric at each seed, (n_settings, n_seeds): Student's t, all pairs at once.

    Bonferroni's correction: each of the n (n - 1) / 2 pairs has an n (n - 1) / 2-th of 1 - `level`.
    """
    n_pairs = max(1, len(values) * (len(values) - 1) // 2)
    return np.array([_student(v - values[best], 1 - (1 - level) / n_pairs) for v in values])


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


def _ranked(folder, settings: list[pd.DataFrame], about: dict, level: float) -> list[dict]:
    """The rows of `settings` for what can be compared with each other."""
    metric = about["metric"]
    values = np.array([runs[metric].to_numpy(np.float64) for runs in settings])
    mean = values.mean(axis=1)
    best = int(mean.argmin() if about["better"] == "lower" else mean.argmax())
    shares = [[_shares(folder, row, metric) for _, row in runs.iterrows()] for runs in settings]
    if all(one is not None for of_setting in shares for one in of_setting):
        low, high = metrics.percentiles(_drawn(shares)[1], level)
        differences = from_best(shares, best, level)
    else:
        _, low, high = np.array([_student(v, level) for v in values]).T
        differences = from_best_over_seeds(values, best, level)
    differences[best] = np.nan
    return [
        {name: runs[name].iloc[0] for name in about["varied"]}
        | {metric: mean[n], "low": low[n], "high": high[n], "n_runs": len(runs)}
        | {"smallest": values[n].min(), "largest": values[n].max()}
        | dict(zip(COLUMNS[-3:], differences[n], strict=True))
        for n, runs in enumerate(settings)
    ]


def _drawn(settings) -> tuple[np.ndarray, np.ndarray]:
    """Each setting's metric, the mean over its seeds: as it is, and in draws of users."""
    value = np.array([np.mean([shares.value for shares in of_setting]) for of_setting in settings])
    drawn = metrics.draws([shares for of_setting in settings for shares in of_setting])
    return value, drawn.reshape(len(drawn), len(settings), -1).mean(axis=2)


def _student(values: np.ndarray, level: float):
    """(mean, low, high) of a few values; NaN for the interval of a single one."""
    from scipy import stats  # here, because workers import this package and need none of it

    mean, n = float(values.mean()), len(values)
    if n < 2:
        return mean, np.nan, np.nan
    reach = stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return mean, mean - reach, mean + reach


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
