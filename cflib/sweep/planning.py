"""What a sweep is: one short YAML file, checked to the last name before anything starts.

    chapter: one_model              # of notebooks/, or a path from this file on
    metric: rmse                    # what the chapter records and the sweep is about
    fixed: {lam_power: 0.3}         # in every run
    grid:                           # every combination of these …
      n_features: [8, 16]
      lam: [1, 3.5]
    points:                         # … and each of these
      - {solver: adam, steps: 250}
    seeds: [1, 2]                   # each of them with every seed

A run is known by a hash of everything that its results depend on: the chapter's code, the
package's sources, every parameter, and the ratings. So the same run has the same name tomorrow, and
another in a changed chapter.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import itertools
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml

from .. import data, runs

LIMIT = 256  # runs, unless the file says another
SEED = "seed"
FIELDS = ("chapter", "metric", "better", "fixed", "grid", "points", "seeds", "limit")
BETTER = ("lower", "higher")
RECORDED = re.compile(r"\brecord\(\s*[^,]+,\s*[\"']([^\"']+)[\"']")


class PlanError(ValueError):
    """A sweep that cannot be run as it is written; the message says where, and what to do."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    parameters : all that the chapter has but `run_dir`, with their values in this run
    name : of its folder: what is not usual in the sweep, and the beginning of its hash
    key : the hash
    """

    parameters: dict
    name: str
    key: str


@dataclass(frozen=True)
class Plan:
    """A checked sweep.

    name : of the sweep: its file's
    chapter : path of the notebook that every run executes
    metric, better : what is looked at; whether "lower" or "higher" is better
    varied : the parameters that differ between runs, without the seed
    usual : of those, the value that more than half of the runs have, where there is one
    repeats : how many seeds each setting has
    data : fingerprint of each data set that runs load, by name
    points : the runs
    """

    name: str
    chapter: Path
    metric: str
    better: str
    varied: tuple[str, ...]
    usual: dict
    repeats: int
    data: dict[str, str]
    points: tuple[Point, ...]

    @property
    def best(self):
        """`min` or `max`."""
        return min if self.better == "lower" else max


def read(path, fixed: dict | None = None) -> Plan:
    """The sweep that a YAML file describes.

    Parameters
    ----------
    path : path
    fixed : dict
        Parameters of every run, beside the file's own.

    Raises
    ------
    PlanError
        For everything that `plan` refuses, and for a file that isn't there or isn't YAML.
    """
    path = Path(path)
    try:
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise PlanError(f"{path}: {error}") from error
    if not isinstance(described, dict):
        raise PlanError(f"{path} should have lines such as `chapter: one_model`")
    if fixed:
        described["fixed"] = (described.get("fixed") or {}) | fixed
    try:
        return plan(path.stem, folder=path.parent, **described)
    except PlanError as error:
        raise PlanError(f"{path.name}: {error}") from None


def plan(
    name: str,
    chapter: str | None = None,
    metric: str | None = None,
    better: str = "lower",
    fixed: dict | None = None,
    grid: dict | None = None,
    points: list | None = None,
    seeds: list | None = None,
    limit: int = LIMIT,
    folder=".",
    **unknown,
) -> Plan:
    """A sweep, checked: what a file says, as arguments.

    Parameters
    ----------
    name : str
        Of the sweep.
    chapter : str
        A notebook's name in `notebooks/`, or a path from `folder` on that ends in ".ipynb".
    metric : str
        The name under which the chapter records what is looked at; where a dict or a frame is
        recorded, the way into it with dots.
    better : "lower" or "higher"
    fixed : dict
        Parameters of every run.
    grid : dict of parameter to list
        Every combination is run.
    points : list of dicts
        Each is run, too; what it sets goes before what `fixed` says.
    seeds : list of int
        Each run is repeated with each of them as `seed`.
    limit : int
        More runs than this are refused.

    Raises
    ------
    PlanError
        For a chapter that isn't there or has no `parameters` cell, a parameter that it doesn't have
        (with the nearest one), a value of another type, an empty list, a metric that the chapter
        doesn't record, a data set that isn't to be had, and more runs than `limit`.
    """
    for field in unknown:
        raise PlanError(f"there is no `{field}`; {_nearest(field, FIELDS)}")
    path = _chapter(chapter, Path(folder))
    code = _code(path)
    defaults = _defaults(path)
    _check_metric(metric, path, code)
    if better not in BETTER:
        raise PlanError(f"`better` should be lower or higher. Received: {better!r}")
    sets = [
        {name: _checked(name, value, defaults, path, where) for name, value in setting.items()}
        for where, setting in _settings(fixed, grid, points, seeds, limit)
    ]
    parameters = [defaults | setting for setting in sets]
    fingerprints = _fingerprints({p["dataset"] for p in parameters if "dataset" in p})
    varied = [n for n in defaults if any(p[n] != parameters[0][n] for p in parameters)]
    usual = _usual(parameters, varied)
    found = {}
    for values in parameters:
        key = _hash(code, sources(), values, fingerprints.get(values.get("dataset"), ""))
        unusual = [n for n in varied if n not in usual or values[n] != usual[n]]
        found[key] = Point(values, _folder_name(values, unusual, key), key)
    return Plan(
        name, path, metric, better, tuple(n for n in varied if n != SEED), usual,
        len(dict.fromkeys(seeds or [None])), fingerprints, tuple(found.values()),
    )  # fmt: skip


@functools.cache
def sources() -> str:
    """Hash of the package's own sources: a run made by others is another run."""
    here = Path(__file__).parents[1]
    texts = [[str(p.relative_to(here)), p.read_text("utf-8")] for p in sorted(here.rglob("*.py"))]
    return _hash(texts)


@functools.cache
def fingerprint(dataset: str) -> str:
    """`Ratings.fingerprint` of a set that is loaded by name."""
    return data.load(dataset).fingerprint


# The chapter


def _chapter(name, folder: Path) -> Path:
    if not isinstance(name, str) or not name:
        raise PlanError("it should say which notebook to run: `chapter: one_model`")
    if name.endswith(".ipynb"):
        path = folder / name
    else:
        path = runs.NOTEBOOKS / f"{name}.ipynb"
    if not path.is_file():
        there = [p.stem for p in path.parent.glob("*.ipynb")]
        raise PlanError(f"there is no chapter `{name}`; {_nearest(path.stem, there)}")
    return path.resolve()


def _code(path: Path) -> list[str]:
    """Sources of the code cells: prose may be polished without running everything again."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def _defaults(path: Path) -> dict:
    defaults = runs.parameters(path)
    if not defaults:
        raise PlanError(f"{path.stem} has no cell tagged `parameters`, so nothing can be varied")
    if defaults.pop(runs.RUN_DIR, None) is None:
        raise PlanError(f"{path.stem} has no parameter `run_dir`, so it cannot record anything")
    return defaults


def _check_metric(metric, path: Path, code: list[str]) -> None:
    recorded = RECORDED.findall("\n".join(code))
    if not isinstance(metric, str) or metric.split(".")[0] not in recorded:
        raise PlanError(
            f"`metric` should be something that {path.stem} records; "
            f"{_nearest(str(metric), recorded)}. Received: {metric!r}"
        )


def _nearest(name: str, names) -> str:
    nearest = difflib.get_close_matches(name, list(names), n=1, cutoff=0)
    return f"the nearest is `{nearest[0]}`" if nearest else "it has none"


# The settings


def _settings(fixed, grid, points, seeds, limit):
    """(where it is from, its parameters) of each run, in order."""
    fixed = _of_type(fixed, dict, "fixed", "parameters and their values")
    grid = _of_type(grid, dict, "grid", "parameters and lists of their values")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise PlanError(f"`{name}` in `grid` should be a list of values. Received: {values!r}")
        if name in fixed:
            raise PlanError(f"`{name}` is both in `fixed` and in `grid`")
    points = _of_type(points, list, "points", "mappings of parameters to values")
    if not grid and not points:
        raise PlanError("it should have a `grid` or `points`, or both: there is nothing to vary")
    repeats = [{}]
    if seeds is not None:
        repeats = [{SEED: seed} for seed in _of_type(seeds, list, "seeds", "whole numbers")]
    if not repeats:
        raise PlanError("`seeds` should have one at least. Received: []")
    n_runs = (math.prod(map(len, grid.values())) * bool(grid) + len(points)) * len(repeats)
    if type(limit) is not int or n_runs > limit:
        raise PlanError(
            f"{n_runs:,} runs are more than its `limit`, {limit}: raise it, or vary less"
        )
    combinations = itertools.product(*grid.values()) if grid else ()
    made = [("grid", dict(zip(grid, values, strict=True))) for values in combinations]
    for point in points:
        made.append(("points", _of_type(point, dict, "points", "parameters and their values")))
    for where, setting in made:
        if seeds is not None and SEED in fixed | setting:
            raise PlanError(f"`seed` is set in `fixed` or `{where}`, and `seeds` are given, too")
        for repeat in repeats:
            yield where, fixed | setting | repeat


def _of_type(value, kind: type, field: str, what: str):
    if value is None:
        return kind()
    if not isinstance(value, kind):
        word = {dict: "a mapping of", list: "a list of"}[kind]
        raise PlanError(f"`{field}` should be {word} {what}. Received: {value!r}")
    return value


def _checked(name, value, defaults: dict, path: Path, where: str):
    """The value as the default's type; whole numbers are numbers, too."""
    if name not in defaults:
        raise PlanError(
            f"{path.stem} has no parameter `{name}`; {_nearest(str(name), defaults)} "
            f"(in `fixed`, `{where}` or `seeds`)"
        )
    default = defaults[name]
    if isinstance(value, str) and not isinstance(default, str | type(None)):
        try:
            return runs.value(name, value, default, path.stem)  # YAML reads 1e-3 as text
        except ValueError as error:
            raise PlanError(str(error)) from None
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if default is not None and type(value) is not type(default):
        raise PlanError(
            f"`{name}` should be a value of type {type(default).__name__}, as in {path.stem}, "
            f"where it is {default!r}. Received: {value!r}"
        )
    return value


def _fingerprints(datasets: set[str]) -> dict[str, str]:
    """Loads each: what has to be downloaded is downloaded now, and once."""
    found = {}
    for dataset in sorted(datasets):
        try:
            found[dataset] = fingerprint(dataset)
        except (ValueError, OSError) as error:
            raise PlanError(f"`dataset` {dataset!r}: {error}") from None
    return found


# Names


def _hash(*parts) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _usual(parameters: list[dict], varied: list[str]) -> dict:
    """Where settings differ one at a time, what they have in common goes without saying."""
    found = {}
    for name in varied:
        values = [run[name] for run in parameters]
        most = max(values, key=values.count)
        if 2 * values.count(most) > len(values):
            found[name] = most
    return found


def _folder_name(parameters: dict, names: list[str], key: str) -> str:
    """Such as "lam-3.5_seed-1_0a1b2c3d4e": readable in a list of folders, and nobody else's."""
    parts = [f"{name}-{parameters[name]}" for name in names]
    readable = re.sub(r"[^\w.+-]+", "-", "_".join(parts))[:80]
    return f"{readable}_{key[:10]}".lstrip("_")
