"""Run the models on the splits, choose their settings, and judge what they predicted.

`python -m benchmarks.accuracy run` does what is missing: one process at a time, one file a model,
setting and split in build/bench/accuracy, so that it can be stopped and gone on with. `tune` fills
settings.json, by the error on the inner split of the first fold alone (the ranking models: by
NDCG@10 on that of the latest ratings). `report` makes the table and the figure of what there is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np

from ..__main__ import python_of
from . import folds

HERE = Path(__file__).parent
MODELS = json.loads((HERE / "models.json").read_text())
CHOSEN = HERE / "settings.json"
FOLDS = {year: [f"{year}-{f}" for f in range(5)] for year in folds.SETS}
SPLITS = [*FOLDS["2018"], "2018-latest", *FOLDS["2016"]]
INNER = {"ratings": "2018-0-inner", "ranking": "2018-latest-inner"}


def chosen() -> dict:
    return json.loads(CHOSEN.read_text()) if CHOSEN.exists() else {}


def settings_of(name: str) -> dict:
    """The settings of a model that are compared: its defaults, and the best of those tried."""
    found = {"default": MODELS[name]["default"]}
    if name in chosen():
        found["tuned"] = chosen()[name]["options"]
    return found


def result(name: str, setting: str, options: dict, split: str) -> Path:
    """The file of one run, which is done where it is missing."""
    told = MODELS[name]
    whole = told["fixed"] | options
    out = folds.path(split).with_name(f"{name}.{setting}.npz")
    note = out.with_suffix(".json")
    if out.exists() and json.loads(note.read_text()) == whole:
        return out
    click.echo(f"{split} {name} {options or setting}")
    lists = "latest" in split and not told.get("no_lists")
    library = told["library"]
    python = sys.executable if library in ("cflib", "ease") else python_of(library)
    command = [python, "-m", "benchmarks.accuracy.fit", library, folds.path(split), out]
    done = subprocess.run(
        [str(part) for part in [*command, json.dumps(whole | {"rank_films": lists})]],
        cwd=HERE.parents[1], env=_environment(library), check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise click.ClickException(f"{name} on {split} failed:\n{done.stderr[-3000:]}")
    note.write_text(json.dumps(whole))
    return out


def _environment(library):
    """BLAS on one thread where the library has threads of its own, and for ours, alike."""
    own = library in ("cflib", "implicit")
    return os.environ | ({"OPENBLAS_NUM_THREADS": "1"} if own else {})


def tune(name: str) -> None:
    """Try the defaults and each of `tried` on the inner split; keep the best."""
    from .judge import score

    told = MODELS[name]
    ranks = told["uses"] == "ranking"
    inner = INNER["ranking" if ranks else "ratings"]
    scores = []
    tried = [told["default"], *told["tried"]]
    for n, options in enumerate(tried):
        file = result(name, f"try{n}", options, inner)
        scores.append(score(file, inner))
        click.echo(f"  {scores[-1]:.4f}")
    best = int(np.argmin(scores))
    line = {"options": tried[best], "scores": scores, "tried": tried, "on": inner}
    CHOSEN.write_text(json.dumps(chosen() | {name: line}, indent=1) + "\n")


@click.group()
def main():
    """How well we and the peers predict, on the same folds."""


models = click.option("--model", "names", multiple=True, type=click.Choice(list(MODELS)))


@main.command("tune")
@models
def tune_command(names):
    """Choose settings on the inner splits."""
    for name in names or MODELS:
        if "tried" in MODELS[name] and (names or name not in chosen()):
            tune(name)


@main.command("run")
@models
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS))
@click.option("--setting", "wanted", multiple=True)
def run_command(names, splits, wanted):
    """Do every run that is missing."""
    for split in splits or SPLITS:
        for name in names or MODELS:
            if MODELS[name]["uses"] == "ranking" and "latest" not in split:
                continue
            if not names and MODELS[name].get("first_fold_only") and split[-2:] not in ("-0", "st"):
                continue
            for setting, options in settings_of(name).items():
                if not wanted or setting in wanted:
                    result(name, setting, options, split)


@main.command("race")
def race_command():
    """Time how long `fit_bayes` takes to have myFM's error, beside myFM: race.json."""
    from . import race

    race.run()


@main.command("report")
def report_command():
    """Judge what has been run: results.json, results.md, results.png."""
    from . import judge

    judge.write(HERE)


if __name__ == "__main__":
    main()
