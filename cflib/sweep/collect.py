"""What came of a sweep: a tidy frame, one row a run, and what can be said about it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ..runs import picture

HEAD, RECORD = "sweep.json", "run.json"


def outcomes(folder) -> dict[str, dict]:
    """What `run.json` says of each run, and `run`, its folder's name, by the run's hash."""
    records = [
        json.loads(path.read_text(encoding="utf-8")) | {"run": path.parent.name}
        for path in sorted(Path(folder).glob(f"[!.]*/{RECORD}"))
    ]
    return {record["key"]: record for record in records}


def head(folder) -> dict:
    """What `sweep.json` says of a sweep."""
    path = Path(folder) / HEAD
    if not path.exists():
        raise FileNotFoundError(f"there is no sweep in {folder}: no {HEAD}")
    return json.loads(path.read_text(encoding="utf-8"))


def collect(folder) -> pd.DataFrame:
    """The runs of a sweep that are done, one row each, in the sweep's order.

    Columns: the chapter's parameters; the numbers, texts and truth values that it recorded (of
    what it recorded as a dict or a frame, only the sweep's metric; of a figure, the picture's path
    in the sweep's folder); seconds, peak_mb (of the
    kernel), status, error, attempts; and run, the name of its folder. A recorded name that is also
    a parameter's has "recorded." before it.
    """
    about, done = head(folder), outcomes(folder)
    rows = []
    for key in about["runs"]:
        if key not in done:
            continue
        record = done[key]
        found = {n: _in_a_cell(v, record["run"]) for n, v in record["recorded"].items()}
        found = {n: v for n, v in found.items() if isinstance(v, str | int | float)}
        if record["status"] == "ok":
            found[about["metric"]] = value_at(record["recorded"], about["metric"])
        taken = record["parameters"]
        rows.append(
            taken
            | {f"recorded.{n}" if n in taken else n: v for n, v in found.items()}
            | {n: record[n] for n in ("seconds", "peak_mb", "status", "error", "attempts", "run")}
        )
    return pd.DataFrame(rows).apply(_of_one_kind)


def _in_a_cell(recorded, run: str):
    return f"{run}/{file}" if (file := picture(recorded)) else recorded


def _of_one_kind(column: pd.Series) -> pd.Series:
    """A column of values that a table file can hold: lists, and what is mixed, as text."""
    kinds = {type(value) for value in column.dropna()} if column.dtype == object else set()
    simple = len(kinds) == 1 and kinds <= {str, bool, int, float}
    return column if not kinds or simple else column.map(str, na_action="ignore")


def value_at(recorded: dict, path: str):
    """The number at "name" or, in dicts, at "name.of.it"; None where there is none."""
    if isinstance(recorded.get(path), int | float):
        return recorded[path]
    first, _, rest = path.partition(".")
    inner = recorded.get(first)
    return value_at(inner, rest) if rest and isinstance(inner, dict) else None
