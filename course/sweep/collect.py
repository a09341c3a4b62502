"""The results of a sweep as a table: one row for each run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..chapter import picture

HEAD, RECORD = "sweep.json", "run.json"
ABOUT_THE_RUN = ("seconds", "peak_mb", "status", "error", "attempts", "run")


def outcomes(folder: str | Path) -> dict[str, dict[str, Any]]:
    """What `run.json` says of each run, and `run`, its folder's name, by the run's hash."""
    records = [
        json.loads(path.read_text(encoding="utf-8")) | {"run": path.parent.name}
        for path in sorted(Path(folder).glob(f"[!.]*/{RECORD}"))
    ]
    return {record["key"]: record for record in records}


def head(folder: str | Path) -> dict[str, Any]:
    """What `sweep.json` says of a sweep.

    Raises
    ------
    FileNotFoundError
        For a folder without a sweep.
    """
    path = Path(folder) / HEAD
    if not path.exists():
        raise FileNotFoundError(f"there is no sweep in {folder}: no {HEAD}")
    return json.loads(path.read_text(encoding="utf-8"))


def collect(folder: str | Path) -> pd.DataFrame:
    """The finished runs of a sweep, one row each, in the sweep's order.

    Returns
    -------
    DataFrame
        The chapter's parameters. Then what it recorded: numbers, texts and truth values; the path
        of each picture in the sweep's folder; and the sweep's metric, wherever it is. A recorded
        name that is also a parameter's is preceded by "recorded.". Then seconds, peak_mb (of the
        kernel), status, error, attempts, and run, the name of its folder.
    """
    about, done = head(folder), outcomes(folder)
    metric, rows = about["metric"], []
    for record in (done[key] for key in about["runs"] if key in done):
        parameters, recorded = record["parameters"], {}
        for name, value in record["recorded"].items():
            if file := picture(value):
                value = f"{record['run']}/{file}"
            if isinstance(value, str | int | float) and name != metric:
                recorded[f"recorded.{name}" if name in parameters else name] = value
        recorded[metric] = value_at(record["recorded"], metric)
        rows.append(parameters | recorded | {name: record[name] for name in ABOUT_THE_RUN})
    table = pd.DataFrame(rows)
    columns = table.columns.union([*about["varied"], metric, *ABOUT_THE_RUN], sort=False)
    return table.reindex(columns=columns).apply(_of_one_kind)


def _of_one_kind(column: pd.Series) -> pd.Series:
    """A column that a table file can hold: lists and mixed values become text."""
    kinds = {type(value) for value in column.dropna()} if column.dtype == object else set()
    is_simple = len(kinds) == 1 and kinds <= {str, bool, int, float}
    return column if not kinds or is_simple else column.map(str, na_action="ignore")


def value_at(recorded: Any, path: str) -> float | None:
    """The number at "name" or, in dicts, at "name.of.it"; None where there is none."""
    if not isinstance(recorded, dict):
        return None
    if isinstance(recorded.get(path), int | float):
        return recorded[path]
    name, _, rest = path.partition(".")
    return value_at(recorded.get(name), rest) if rest else None
