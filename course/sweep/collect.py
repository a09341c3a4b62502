"""The results of a sweep as a table: one row for each run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..chapter import picture

HEAD, RECORD = "sweep.json", "run.json"
FIELDS = {  # of a run's record
    "key": str,
    "parameters": dict,
    "recorded": dict,
    "status": str,
    "error": str,
    "seconds": int | float | None,
    "peak_mb": int | float | None,
    "attempts": int,
}
ABOUT = {  # fields of a sweep's own
    "sweep": str,
    "chapter": str,
    "metric": str,
    "better": str,
    "varied": list,
    "usual": dict,
    "repeats": int,
    "runs": dict,
}
ABOUT_THE_RUN = ("seconds", "peak_mb", "status", "error", "attempts", "run")


def outcomes(folder: str | Path) -> dict[str, dict[str, Any]]:
    """What `run.json` says of each run, and `run`, its folder's name, by the run's hash.

    A `run.json` that is damaged, or that no sweep wrote, is no run: a sweep does that run again.
    """
    paths = sorted(Path(folder).glob(f"[!.]*/{RECORD}"))
    records = [(path.parent.name, _object(path)) for path in paths]
    return {
        record["key"]: record | {"run": name} for name, record in records if _has(record, FIELDS)
    }


def _object(path: Path) -> dict[str, Any]:
    """The JSON object of a file; an empty one where it holds none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _has(value: dict[str, Any], fields: dict[str, Any]) -> bool:
    return all(name in value and isinstance(value[name], kind) for name, kind in fields.items())


def head(folder: str | Path) -> dict[str, Any]:
    """What `sweep.json` says of a sweep.

    Raises
    ------
    FileNotFoundError
        For a folder without a sweep.
    ValueError
        For a file that is damaged, or that no sweep wrote.
    """
    path = Path(folder) / HEAD
    if not path.exists():
        raise FileNotFoundError(f"there is no sweep in {folder}: no {HEAD}")
    if not _has(about := _object(path), ABOUT):
        raise ValueError(
            f"{path} is damaged, or no sweep wrote it. The same `cflib sweep` again writes it "
            "anew, and keeps the runs that are done."
        )
    return about


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
