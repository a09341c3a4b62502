"""What a sweep is: one short YAML file, checked completely before anything starts.

    chapter: one_model              # a notebook of notebooks/, or a path relative to this file
    metric: rmse                    # what the chapter records and the sweep compares
    better: lower                   # or higher
    fixed: {lam_power: 0.3}         # parameters of every run
    grid:                           # every combination of these ...
      n_features: [8, 16]
      lam: [1, 3.5]
    points:                         # ... and each of these, which take precedence over `fixed`
      - {solver: adam, steps: 250}
    seeds: [1, 2]                   # every setting is run with each of them as `seed`
    limit: 256                      # more runs than this are refused; 10,000 at most
    minutes: 10                     # a run that takes longer is stopped, and counts as failed

Where the chapter records a dict or a frame, `metric` is the way to a number in it, with dots.

A run is identified by a hash of everything that its results depend on: the chapter's code, the
sources of the two packages, every parameter, and the ratings. So the same run has the same name
tomorrow, and a run of a changed chapter has another.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml

import cflib
from cflib import data

from .. import run

SEED = "seed"
FIELDS = ("chapter", "metric", "better", "fixed", "grid", "points", "seeds", "limit", "minutes")
MOST = 10_000  # runs of a sweep, whatever its `limit`
RECORDED = re.compile(r"\brecord\(\s*[^,]+,\s*[\"']([^\"']+)[\"']")


class PlanError(ValueError):
    """A sweep that cannot be run as it is written; the message says where, and what to do."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep."""

    parameters: dict[str, Any]  # all that the chapter has, but `run_dir`
    name: str  # of its folder: what is unusual in the sweep, and the beginning of its hash
    key: str  # the hash


@dataclass(frozen=True)
class Plan:
    """A checked sweep."""

    name: str
    chapter: Path  # the notebook that every run executes
    metric: str
    better: str  # "lower" or "higher"
    varied: tuple[str, ...]  # parameters that differ between runs, without the seed
    usual: dict[str, Any]  # of those, the values that more than half of the runs have
    repeats: int  # seeds of each setting
    points: tuple[Point, ...]
    minutes: float | None = None  # what a run may take


def read(path: str | Path, fixed: dict[str, Any] | None = None) -> Plan:
    """The sweep that a YAML file describes.

    Parameters
    ----------
    path : str or Path
    fixed : dict, optional
        Parameters of every run, added to the file's own.

    Raises
    ------
    PlanError
        For everything that `plan` refuses, and for a file that isn't there or isn't YAML.
    """
    path = Path(path)
    try:
        described = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a safe loader
    except UnicodeDecodeError as error:
        raise PlanError(f"{path} should be text in UTF-8: save it so. {error}") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PlanError(f"{path}: {error}") from error
    except RecursionError:
        raise PlanError(f"{path}: lists or mappings lie too deep in each other") from None
    if not isinstance(described, dict):
        raise PlanError(f"{path} should have lines such as `chapter: one_model`")
    for field in described:
        if field not in FIELDS:
            raise PlanError(f"{path.name}: there is no `{field}`; {_nearest(str(field), FIELDS)}")
    if fixed:
        described["fixed"] = (described.get("fixed") or {}) | fixed
    try:
        return plan(path.stem, folder=path.parent, **described)
    except PlanError as error:
        raise PlanError(f"{path.name}: {error}") from None


class _Loader(yaml.SafeLoader):
    """YAML without what hides a mistake or a bomb: keys given twice, and aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.YAMLError(
                f"line {event.start_mark.line + 1}: write the values out instead of the alias "
                f"`*{event.anchor}`"
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in getattr(node, "value", ()):
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.YAMLError(
                    f"line {key.start_mark.line + 1}: `{key.value}` is given twice; keep one"
                )
            seen.add(getattr(key, "value", None) if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)


def plan(
    name: str,
    chapter: str | None = None,
    metric: str | None = None,
    better: str = "lower",
    folder: str | Path = ".",
    **described: Any,
) -> Plan:
    """A checked sweep, from what a file would say.

    Parameters
    ----------
    name : str
        Of the sweep.
    chapter, metric, better, **described
        The fields of the file: see the top of this module.
    folder : str or Path
        What the chapter's path is relative to.

    Raises
    ------
    PlanError
        For a chapter that isn't there or has no `parameters` cell, a parameter that it doesn't have
        (with the nearest one), a value of another type, an empty list, a metric that the chapter
        doesn't record, a data set that cannot be loaded, more runs than `limit`, and `minutes` that
        are no positive number.
    """
    for field in described.keys() - set(FIELDS):
        raise PlanError(f"there is no `{field}`; {_nearest(field, FIELDS)}")
    path = _chapter(chapter, Path(folder))
    defaults, code = _defaults(path), chapter_code(path.read_text(encoding="utf-8"))
    recorded = RECORDED.findall(code)
    if not isinstance(metric, str) or metric.split(".")[0] not in recorded:
        raise PlanError(
            f"`metric` should be something that {path.stem} records; "
            f"{_nearest(str(metric), recorded)}. Received: {metric!r}"
        )
    if better not in ("lower", "higher"):
        raise PlanError(f"`better` should be lower or higher. Received: {better!r}")
    minutes = described.pop("minutes", None)
    if minutes is not None and not (type(minutes) in (int, float) and 0 < minutes < math.inf):
        raise PlanError(f"`minutes` should be a positive number. Received: {minutes!r}")
    runs = [
        defaults | {n: _checked(n, value, defaults, path) for n, value in setting.items()}
        for setting in _settings(**described)
    ]
    varied = [n for n in defaults if any(run[n] != runs[0][n] for run in runs)]
    usual = _usual(runs, varied)
    points = {}
    for parameters in runs:
        key = run_key(code, parameters)
        unusual = [n for n in varied if n not in usual or parameters[n] != usual[n]]
        points[key] = Point(parameters, _folder_name(parameters, unusual, key), key)
    varied = tuple(n for n in varied if n != SEED)
    repeats = len(set(described.get("seeds") or [None]))
    return Plan(name, path, metric, better, varied, usual, repeats, tuple(points.values()), minutes)


# The chapter


def _chapter(name: Any, folder: Path) -> Path:
    if not isinstance(name, str) or not name:
        raise PlanError("it should say which notebook to run: `chapter: one_model`")
    is_path = name.endswith(".ipynb")
    path = folder / name if is_path else run.NOTEBOOKS / f"{name}.ipynb"
    if not os.path.isfile(path):
        names = [p.stem for p in path.parent.glob("*.ipynb")]
        raise PlanError(f"there is no chapter `{name}`; {_nearest(path.stem, names)}")
    return path.resolve()


def _defaults(path: Path) -> dict[str, Any]:
    try:
        defaults = run.parameters(path)
    except Exception as error:  # nbformat raises errors of many kinds
        if isinstance(error, ValueError) and path.name in str(error):
            raise PlanError(str(error)) from None  # of a line of the cell
        raise PlanError(f"{path.name} is no notebook that can be read: {error}") from None
    if not defaults:
        raise PlanError(f"{path.stem} has no cell tagged `parameters`, so nothing can be varied")
    if defaults.pop(run.RUN_DIR, None) is None:
        raise PlanError(f"{path.stem} has no parameter `run_dir`, so it cannot record anything")
    return defaults


def _nearest(name: str, names: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, list(names), n=1, cutoff=0)
    return f"the nearest is `{nearest[0]}`" if nearest else "it has none"


# The settings


def _settings(
    fixed: Any = None, grid: Any = None, points: Any = None, seeds: Any = None, limit: Any = 256
) -> Iterator[dict[str, Any]]:
    """The parameters of each run, in order."""
    fixed = _of_type(fixed, dict, "fixed", "a mapping of parameters to values")
    grid = _of_type(grid, dict, "grid", "a mapping of parameters to lists of values")
    points = _of_type(points, list, "points", "a list of mappings of parameters to values")
    if any(point is None for point in points):
        raise PlanError("an entry of `points` is empty: give it parameters, or remove its line")
    for point in points:
        _of_type(point, dict, "points", "a list of mappings of parameters to values")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise PlanError(f"`{name}` in `grid` should be a list of values. Received: {values!r}")
        if name in fixed:
            raise PlanError(f"`{name}` is both in `fixed` and in `grid`")
    if not grid and not points:
        raise PlanError("it should have a `grid` or `points`, or both: there is nothing to vary")
    repeats = _repeats(seeds, (fixed, grid, *points))
    n_runs = (math.prod(map(len, grid.values())) * bool(grid) + len(points)) * len(repeats)
    if type(limit) is not int or n_runs > limit:
        raise PlanError(f"{n_runs:,} runs exceed its `limit`, {limit}: raise it, or vary less")
    if n_runs > MOST:
        raise PlanError(f"{n_runs:,} runs are more than any sweep may have, {MOST:,}: vary less")
    combinations = itertools.product(*grid.values()) if grid else ()
    settings = [dict(zip(grid, values, strict=True)) for values in combinations] + points
    for setting, repeat in itertools.product(settings, repeats):
        yield fixed | setting | repeat


def _repeats(seeds: Any, settings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each setting is run with: each seed, or nothing."""
    if seeds is None:
        return [{}]
    _of_type(seeds, list, "seeds", "a list of whole numbers")
    if not seeds:
        raise PlanError("`seeds` should have at least one. Received: []")
    if any(type(seed) is not int for seed in seeds):
        raise PlanError(f"`seeds` should be a list of whole numbers. Received: {seeds!r}")
    if any(SEED in parameters for parameters in settings):
        raise PlanError("`seed` is set, although there are `seeds`")
    return [{SEED: seed} for seed in seeds]


def _of_type(value: Any, kind: type, field: str, expected: str) -> Any:
    """`value`, or an empty one where there is none."""
    if not isinstance(value, kind | None):
        raise PlanError(f"`{field}` should be {expected}. Received: {value!r}")
    return kind() if value is None else value


def _checked(name: str, value: Any, defaults: dict[str, Any], path: Path) -> Any:
    """The value in the type of the parameter's default."""
    if name not in defaults:
        nearest = _nearest(str(name), defaults)
        raise PlanError(f"{path.stem} has no parameter `{name}`; {nearest}")
    default = defaults[name]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise PlanError(
            f"`{name}` should be text, a finite number, true, false, null, or a list or mapping of "
            f"these. Received: {value!r}"
        ) from None
    if default is None or type(value) is type(default):
        return value
    if isinstance(default, str):
        raise PlanError(f"`{name}` should be a str, as in {path.stem}. Received: {value!r}")
    try:  # YAML reads 2 as a whole number and 1e-3 as text
        return run.value(name, str(value), default, path.stem)
    except ValueError as error:
        raise PlanError(str(error)) from None


# Names


def run_key(code: str, parameters: dict[str, Any]) -> str:
    """The hash of a run with that code of a chapter and these parameters."""
    dataset = parameters.get("dataset")
    return _hash(code, sources(), parameters, fingerprint(dataset) if dataset else "")


def chapter_code(notebook: str) -> str:
    """The code of a notebook's text: prose may change without running everything again."""
    cells = nbformat.reads(notebook, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


@functools.cache
def sources() -> str:
    """The hash of the sources of `cflib` and `course`."""
    folders = Path(cflib.__file__).parent, Path(__file__).parents[1]
    files = [(path, folder) for folder in folders for path in sorted(folder.rglob("*.py"))]
    return _hash(
        *((str(path.relative_to(folder)), path.read_text("utf-8")) for path, folder in files)
    )


@functools.cache
def fingerprint(dataset: str) -> str:
    """`Ratings.fingerprint` of a data set by name; what has to be downloaded is downloaded."""
    try:
        return data.load(dataset).fingerprint
    except (ValueError, OSError) as error:
        raise PlanError(f"`dataset` {dataset!r}: {error}") from None


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _usual(runs: list[dict[str, Any]], varied: list[str]) -> dict[str, Any]:
    """The value of each parameter that more than half of the runs share, where there is one."""
    values = {name: [parameters[name] for parameters in runs] for name in varied}
    most = {name: max(column, key=column.count) for name, column in values.items()}
    return {n: v for n, v in most.items() if 2 * values[n].count(v) > len(runs)}


def _folder_name(parameters: dict[str, Any], names: list[str], key: str) -> str:
    """Such as "lam-3.5_seed-1_0a1b2c3d4e": readable in a list of folders, and unique."""
    parts = [f"{name}-{parameters[name]}" for name in names]
    readable = re.sub(r"[^\w.+-]+", "-", "_".join(parts))[:80]
    return f"{readable}_{key[:10]}".lstrip("_")
