"""Who reaches myFM's error first? Both on the first fold, one after the other, given the same."""

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
OURS = BayesSettings(n_features=24, iterations=300, burn_in=30, n_samples=100)
LEGS = {"who rated what": "myfm_rated", "movie features": "myfm_movies"}


def run(plan: Plan) -> None:
    """Write race.json: for each kind of information, both errors and seconds."""
    parts = folds.of(SPLIT)
    legs = []
    for given, name in LEGS.items():
        error, seconds = _myfm(plan, name, parts)
        leg = {"given": given, "rmse": error, "myfm_seconds": seconds}
        legs.append(leg | ours(parts, given, error))
        click.echo(legs[-1])
    text = json.dumps({"machine": machine(), "legs": legs}, indent=1)
    (plan.out / "race.json").write_text(text + "\n")


def ours(
    parts: split.Split, given: str, error: float, settings: BayesSettings = OURS
) -> dict[str, Any]:
    """Seconds and iterations until `fit_bayes` has an error; None where it doesn't reach it."""
    features = models.movie_features(parts.train) if given == "movie features" else None
    model = fit_bayes(parts.train, settings, movie_features=features, validation=parts.test)
    there = model.history[model.history["validation_rmse"] <= error]
    return {
        "our_seconds": float(there["seconds"].iloc[0]) if len(there) else None,
        "our_iterations": int(there["step"].iloc[0]) if len(there) else None,
    }


def _myfm(plan: Plan, name: str, parts: split.Split) -> tuple[float, float]:
    """Its error, and its seconds of training in its own environment."""
    options = plan.chosen()[name]["options"] | {"blocks": True}
    options["movie_features"] = name == LEGS["movie features"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "myfm.npz"
        fit("myfm", folds.path(plan.work, SPLIT), out, options)
        with np.load(out) as arrays:
            predicted = np.clip(arrays["predicted"], *parts.test.scale)
            return metrics.rmse(parts.test.value, predicted), float(arrays["train_seconds"])
