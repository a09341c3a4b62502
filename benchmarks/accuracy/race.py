"""Who has myFM's error first? Both train on the same ratings, each for its shortest run.

Both train on the first fold's training ratings, less a validation part of them, which says how long
each runs. myFM is run in several lengths; its best validation error is the goal, and its shortest
run that comes within `CLOSE` of the goal is its run. Ours ends at the first iteration that does.
The test ratings are predicted by the same two runs, and decide nothing.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from cflib import BayesSettings, fit_bayes, metrics, models

from ..environments import machine
from . import folds
from .plan import Plan
from .running import fit

SPLIT = "2018-0"
LENGTHS = (50, 70, 100, 140, 200)  # iterations of myFM that are tried
CLOSE = 0.0005  # stars: errors that are this near to each other count as the same
# One chain, since myFM trains on one core, of as many features as were chosen for myFM.
OURS = BayesSettings(n_features=24, iterations=200, burn_in=5, n_samples=195, chains=1)
LEGS = {"who rated what": "myfm_rated", "movie features": "myfm_movies"}

Run = dict[str, Any]


def run(plan: Plan) -> None:
    """Write race.json: for each kind of information, the runs of both and what they end with."""
    legs = []
    for given, name in LEGS.items():
        tried = [peer(plan, name, n) for n in LENGTHS]
        goal = min(of["validation_rmse"] for of in tried) + CLOSE
        first = next(of for of in tried if of["validation_rmse"] <= goal)
        n = iterations_to(goal, SPLIT, given)
        ours = our_run(SPLIT, given, n) if n else None
        leg = {"given": given, "goal": goal, "tried": tried, "myfm": first, "ours": ours}
        legs.append(leg)
        click.echo(leg)
        text = json.dumps({"machine": machine(), "legs": legs}, indent=1)
        (plan.out / "race.json").write_text(text + "\n")


def iterations_to(goal: float, name: str, given: str, settings: BayesSettings = OURS) -> int | None:
    """The first iteration at which ours has this validation error; None: it doesn't get it."""
    parts = folds.of(f"{name}-inner")
    features = models.movie_features(parts.train) if given == "movie features" else None
    model = fit_bayes(parts.train, settings, movie_features=features, validation=parts.test)
    there = model.history[model.history["validation_rmse"] <= goal]
    return int(there["step"].iloc[0]) if len(there) else None


def our_run(name: str, given: str, iterations: int, settings: BayesSettings = OURS) -> Run:
    """One run of `fit_bayes`, which keeps all draws after the burn-in: see `measured`."""
    options = {
        "solver": "bayes",
        "movie_features": given == "movie features",
        "n_features": settings.n_features,
        "iterations": iterations,
        "burn_in": settings.burn_in,
        "n_samples": settings.chains * (iterations - settings.burn_in),
        "chains": settings.chains,
    }
    return measured("cflib", name, options, iterations)


def peer(plan: Plan, model: str, iterations: int) -> Run:
    """One run of myFM, with the settings that were chosen for it but its length."""
    options = plan.chosen()[model]["options"] | {"blocks": True, "n_iter": iterations}
    options["movie_features"] = model == LEGS["movie features"]
    return measured("myfm", SPLIT, options, iterations)


def measured(library: str, name: str, options: dict[str, Any], iterations: int) -> Run:
    """Errors of a run in an environment of its own, seconds of training, and of all processors."""
    inner, test = folds.of(f"{name}-inner"), folds.of(name).test
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "split.npz", Path(folder) / "run.npz"
        folds.write(path, inner.train, inner.test, test)
        fit(library, path, out, options)
        with np.load(out) as arrays:
            parts = np.split(arrays["predicted"], [len(inner.test)])
            validation_rmse, rmse = (
                metrics.rmse(of.value, predicted)
                for of, predicted in zip((inner.test, test), parts, strict=True)
            )
            return {
                "iterations": iterations,
                "validation_rmse": validation_rmse,
                "rmse": rmse,
                "seconds": float(arrays["train_seconds"]),
                "cpu_seconds": float(arrays["train_cpu_seconds"]),
            }
