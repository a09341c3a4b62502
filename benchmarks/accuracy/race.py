"""Who is at myFM's error first? Both on the first fold, one after the other, given the same."""

import json
import subprocess
import tempfile
from pathlib import Path

import click
import numpy as np

from cflib import bayes, metrics, train

from ..__main__ import machine, python_of
from . import folds
from .__main__ import HERE, chosen

SPLIT = "2018-0"
FILE = HERE / "race.json"
OURS = {"n_features": 24, "sweeps": 300, "burn_in": 30, "n_samples": 100}


def run() -> None:
    """Write race.json: of each piece of information, both errors and seconds."""
    part = folds.of(SPLIT)
    films = {"movie_features": bayes.film_features(part.train)}
    legs = []
    for name, given, more in (("myfm_rated", "who rated what", {}), ("myfm_films", "films", films)):
        error, seconds = _myfm(chosen()[name]["options"], part.test, films=bool(more))
        history = train.fit_bayes(part.train, **OURS, **more, validation=part.test).history
        there = history[history["validation_rmse"] <= error]
        legs.append(
            {
                "given": given,
                "rmse": error,
                "myfm_seconds": seconds,
                "our_seconds": float(there["seconds"].iloc[0]) if len(there) else None,
                "our_sweeps": int(there["step"].iloc[0]) if len(there) else None,
            }
        )
        click.echo(legs[-1])
    FILE.write_text(json.dumps({"machine": machine(), "legs": legs}, indent=1) + "\n")


def _myfm(options: dict, test, films: bool):
    """Its error and its seconds of training, in its own environment."""
    options = options | {"blocks": True, "films": films}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "myfm.npz"
        command = [python_of("myfm"), "-m", "benchmarks.accuracy.fit", "myfm", folds.path(SPLIT)]
        subprocess.run(
            [*map(str, command), str(out), json.dumps(options)], cwd=HERE.parents[1], check=True,
            capture_output=True,
        )  # fmt: skip
        with np.load(out) as stored:
            predicted = np.clip(stored["predicted"], *test.scale)
            return metrics.rmse(test.value, predicted), float(stored["train_seconds"])
