"""Who has myFM's error first? Both on the first fold, given the same, each at its shortest run.

How long each runs is decided by a validation part of the training ratings, alike for both: myFM's
best error there, over runs of several lengths, is the goal. The shortest of its runs that comes
within `CLOSE` of the goal is its run, and ours ends at the first iteration that does. Then both
train on all training ratings for so many iterations. Only these two runs are timed, and only they
see the test.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from cflib import BayesSettings, fit_bayes, metrics, models, split

from ..environments import machine
from . import folds
from .plan import Plan
from .running import fit

SPLIT = "2018-0"
LENGTHS = (50, 100, 200)  # iterations of myFM that are tried
CLOSE = 0.0005  # stars: errors that are this near to each other count as the same
OURS = BayesSettings(n_features=24, iterations=200, burn_in=30, n_samples=100)
LEGS = {"who rated what": "myfm_rated", "movie features": "myfm_movies"}


def run(plan: Plan) -> None:
    """Write race.json: for each kind of information, the runs of both and what they end with."""
    legs = []
    for given, name in LEGS.items():
        inner = f"{SPLIT}-inner"
        errors = {n: peer(plan, name, inner, n)["rmse"] for n in LENGTHS}
        goal = min(errors.values()) + CLOSE
        length = min(n for n, error in errors.items() if error <= goal)
        ours = iterations_to(goal, folds.of(inner), given)
        leg: dict[str, Any] = {"given": given, "validation_rmse": errors, "goal": goal}
        leg["myfm"] = peer(plan, name, SPLIT, length)
        leg["ours"] = our_run(plan, SPLIT, given, ours) if ours else None
        legs.append(leg)
        click.echo(leg)
        text = json.dumps({"machine": machine(), "legs": legs}, indent=1)
        (plan.out / "race.json").write_text(text + "\n")


def iterations_to(
    goal: float, parts: split.Split, given: str, settings: BayesSettings = OURS
) -> int | None:
    """The iteration at which `fit_bayes` has an error on `parts.test`; None: it doesn't get it."""
    features = models.movie_features(parts.train) if given == "movie features" else None
    model = fit_bayes(parts.train, settings, movie_features=features, validation=parts.test)
    there = model.history[model.history["validation_rmse"] <= goal]
    return int(there["step"].iloc[0]) if len(there) else None


def our_run(
    plan: Plan, name: str, given: str, iterations: int, settings: BayesSettings = OURS
) -> dict[str, Any]:
    """One run of `fit_bayes` on the training part of a split: see `measured`."""
    options = {
        "solver": "bayes",
        "movie_features": given == "movie features",
        "n_features": settings.n_features,
        "iterations": iterations,
        "burn_in": settings.burn_in,
        "n_samples": min(settings.n_samples, iterations - settings.burn_in),
    }
    return measured(plan, "cflib", name, options, iterations)


def peer(plan: Plan, model: str, name: str, iterations: int) -> dict[str, Any]:
    """One run of myFM, with the settings that were chosen for it but its length."""
    options = plan.chosen()[model]["options"] | {"blocks": True, "n_iter": iterations}
    options["movie_features"] = model == LEGS["movie features"]
    return measured(plan, "myfm", name, options, iterations)


def measured(
    plan: Plan, library: str, name: str, options: dict[str, Any], iterations: int
) -> dict[str, Any]:
    """The error of a run in an environment of its own, and its seconds of training."""
    test = folds.of(name).test
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.npz"
        fit(library, folds.path(plan.work, name), out, options)
        with np.load(out) as arrays:
            predicted = np.clip(arrays["predicted"], *test.scale)
            return {
                "iterations": iterations,
                "rmse": metrics.rmse(test.value, predicted),
                "cpu_seconds": float(arrays["train_cpu_seconds"]),
            }
