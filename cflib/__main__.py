"""The command line: `python -m cflib run` executes the chapters, `sweep` one of them many times."""

from __future__ import annotations

import os
from pathlib import Path

import click

from . import runs


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli():
    """Collaborative filtering: run the chapters."""
    if os.environ.get("CFLIB_DATA"):  # the kernels may work in another folder
        os.environ["CFLIB_DATA"] = str(Path(os.environ["CFLIB_DATA"]).resolve())


@cli.command()
@click.option(
    "-p", "--parameter", "given", nargs=2, multiple=True, metavar="NAME VALUE",
    help="Set a parameter in every chapter that has it; may be repeated.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=runs.DEFAULT,
    help="Folder of the run; what an earlier run left there is replaced.  [default: runs/default]",
)  # fmt: skip
def run(given, out):
    """Execute the chapters in order (all but 00), into one folder and one page."""
    try:
        page = runs.run(out, given)
    except (ValueError, runs.RunError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"\n{runs.summary(out)}\n")
    click.echo(f"Read {_near(page)}: all the chapters in one page, which needs no network.")
    click.echo(f"Beside it: the executed notebooks, {runs.METRICS}, {runs.MODEL}.")


@cli.command(name="sweep")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the sweep; what is done there already is not done again.  "
    "[default: runs/NAME OF THE FILE]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Check the file and list its runs, no more.")
@click.option("--scheduler", default="", help="Address of a Dask scheduler: tcp://…:8786.")
@click.option("--workers", type=click.IntRange(min=0), default=0,
              help="Runs at once.  [default: what cores and memory are enough for]")  # fmt: skip
@click.option("--retry", is_flag=True, help="Runs that failed are done again, too.")
def sweep_command(file, out, dry_run, scheduler, workers, retry):
    """Run one chapter with every setting of FILE (such as sweeps/rank_lambda.yaml)."""
    from . import sweep  # here, because the workers of a sweep load this file, too

    try:
        plan = sweep.read(file)
        if dry_run:
            for point in plan.points:
                click.echo(point.name)
            click.echo(f"{len(plan.points)} runs of {plan.chapter.stem}")
            return
        folder = sweep.run(plan, out, scheduler, workers, retry)
    except KeyboardInterrupt:
        click.echo("\nStopped. What is done stays; the same command does the rest.", err=True)
        raise SystemExit(130) from None
    except (sweep.PlanError, sweep.SweepError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(sweep.summary(folder))
    click.echo(f"Read {_near(folder / sweep.PAGE)}, which needs no network. Beside it: ")
    click.echo(f"{sweep.TABLE}, {sweep.PARQUET}, {sweep.PICTURE} and every executed notebook.")


@cli.command(name="notebooks")
@click.argument("names", nargs=-1)
def renew(names):
    """Execute committed chapters again, in place: all, or those NAMES (such as 03_training)."""
    from . import notebooks  # here, as above

    try:
        notebooks.renew(names)
    except notebooks.NotebookError as error:
        raise click.ClickException(str(error)) from error


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    cli(prog_name="python -m cflib")
