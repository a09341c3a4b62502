"""Run the models on the splits, choose their settings, and judge what they predicted.

`python -m benchmarks.accuracy run` does what is missing: one process at a time, one file for each
model, setting and split in build/bench/accuracy, so that it can be stopped and continued. `tune`
fills settings.json, by the error on the inner split of the first fold alone (models that rank: by
NDCG@10 on that of the latest ratings). `report` judges all runs, and makes the tables and the
figure. `tables` makes these again from results.json, which needs no run.
"""

from __future__ import annotations

from pathlib import Path

import click

from . import judge, race, report, running
from .plan import MODELS, Plan, tiny


@click.group()
@click.option("--out", type=click.Path(path_type=Path), help="Folder of settings and results.")
@click.option("--tiny", "is_tiny", is_flag=True, help="Tiny splits, to see whether it all runs.")
@click.pass_context
def main(context: click.Context, out: Path | None, is_tiny: bool) -> None:
    """How well we and the peers predict, on the same folds."""
    if is_tiny:
        context.obj = tiny(out or Plan().work.with_name("tiny-accuracy"))
    else:
        context.obj = Plan(out) if out else Plan()


model_option = click.option("--model", "names", multiple=True, type=click.Choice(list(MODELS)))


@main.command("tune")
@model_option
@click.pass_obj
def tune_command(plan: Plan, names: tuple[str, ...]) -> None:
    """Choose settings on the inner splits."""
    for name in names or MODELS:
        if "tried" in MODELS[name] and (names or name not in plan.chosen()):
            running.tune(plan, name)


@main.command("run")
@model_option
@click.option("--split", "splits", multiple=True, help="Only this split; may be repeated.")
@click.option("--setting", "settings", multiple=True, type=click.Choice(["default", "tuned"]))
@click.pass_obj
def run_command(
    plan: Plan, names: tuple[str, ...], splits: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    """Do every run that is missing."""
    if unknown := sorted(set(splits) - set(plan.splits)):
        raise click.BadParameter(
            f"{unknown[0]!r} is not one of {', '.join(plan.splits)}.", param_hint="--split"
        )
    for split in splits or plan.splits:
        for name in names or MODELS:
            if MODELS[name]["uses"] == "ranking" and split != plan.latest:
                continue
            for setting, options in plan.settings_of(name).items():
                if not settings or setting in settings:
                    running.result(plan, name, setting, options, split)


@main.command("race")
@click.pass_obj
def race_command(plan: Plan) -> None:
    """Time how long `fit_bayes` takes to have myFM's error, beside myFM: race.json."""
    race.run(plan)


@main.command("report")
@click.pass_obj
def report_command(plan: Plan) -> None:
    """Judge what has been run: results.json, and the tables and figure of it."""
    judge.write(plan)
    report.write(plan)


@main.command("tables")
@click.pass_obj
def tables_command(plan: Plan) -> None:
    """Make results.csv, results.md and results.png again, from results.json."""
    report.write(plan)


if __name__ == "__main__":
    main()
