"""Run one model on one split, in a process of its own, and choose a model's settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..environments import ROOT, python_of
from . import folds, judge
from .plan import MODELS, Plan, is_of


def result(plan: Plan, name: str, setting: str, options: dict[str, Any], split: str) -> Path:
    """The file of one run, which is made where it is missing."""
    entry = MODELS[name]
    library, all_options = entry["library"], entry["fixed"] | options
    out = plan.work / split / f"{name}.{setting}.npz"
    if is_of(out, all_options):
        return out
    click.echo(f"{split} {name} {options or setting}")
    lists = "latest" in split and not entry.get("no_lists")
    fit(library, folds.path(plan.work, split), out, all_options | {"lists": lists})
    out.with_suffix(".json").write_text(json.dumps(all_options))
    return out


def fit(library: str, split: Path, out: Path, options: dict[str, Any]) -> None:
    """Run `fit.py` in the library's environment.

    Raises
    ------
    click.ClickException
        Where it fails, with the end of what it wrote to stderr.
    """
    python = sys.executable if library in ("cflib", "ease") else python_of(library)
    command = [python, "-m", "benchmarks.accuracy.fit", library, split, out, json.dumps(options)]
    # BLAS on one thread where the library has threads of its own, and for ours, alike.
    one_thread = {"OPENBLAS_NUM_THREADS": "1"} if library in ("cflib", "implicit") else {}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=os.environ | one_thread,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(f"{library} on {split} failed:\n{done.stderr[-3000:]}")


def tune(plan: Plan, name: str) -> None:
    """Try the defaults and each of `tried` on the inner split; keep the best."""
    inner = plan.inner(name)
    tried = [MODELS[name]["default"], *MODELS[name]["tried"]]
    scores = []
    for n, options in enumerate(tried):
        file = result(plan, name, f"try{n}", options, inner)
        scores.append(judge.score(file, inner))
        click.echo(f"  {scores[-1]:.4f}")
    options = tried[int(np.argmin(scores))]
    plan.choose(name, {"options": options, "scores": scores, "tried": tried, "on": inner})
