"""The command line: `run` executes the chapters, `notebooks` renews them, `site` makes a site of
them; and with ratings of your own, `fit` trains a model and `recommend` asks it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path

import click

from . import data, doctor, exercises, notebooks, own, runs
from . import site as course
from .data.reading import ON_DUPLICATE
from .model import FactorModel

FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli():
    """Collaborative filtering: run the chapters, or train on ratings of your own."""
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
    from . import sweep  # here, because only this command needs Dask

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
    try:
        notebooks.renew(names)
    except notebooks.NotebookError as error:
        raise click.ClickException(str(error)) from error


@cli.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=course.DEFAULT,
    help="Folder of the site; a site that is there is replaced.  [default: build/site]",
)  # fmt: skip
def site(out):
    """Write the course as a site, which needs a browser and no network."""
    try:
        first = course.build(out)
    except (ValueError, OSError, course.SiteError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Read {_near(first)}: every page, and search, without a network.")


@cli.command(name="doctor")
def examine():
    """Look whether everything is here that the course needs, and say what to type."""
    sys.exit(doctor.main())


@cli.command()
@click.argument("path", metavar="RATINGS", type=FILE)
@click.option("--user", default="userId", metavar="COLUMN", help="Column of who rated.")
@click.option("--item", default="movieId", metavar="COLUMN", help="Column of what they rated.")
@click.option("--rating", default="rating", metavar="COLUMN", help="Column of the ratings.")
@click.option(
    "--timestamp", default="auto", metavar="COLUMN",
    help="Column of times, if any.  [default: timestamp, where there is one]",
)  # fmt: skip
@click.option("--titles", type=FILE, help="File with the item's column, title and maybe genres.")
@click.option("--scale", nargs=2, type=float, metavar="LOW HIGH", help="Ends of the scale.")
@click.option(
    "--on-duplicate", type=click.Choice(ON_DUPLICATE), default="error", show_default=True,
    help="What becomes of a pair that was rated more than once.",
)  # fmt: skip
@click.option(
    "--separator", metavar="CHARACTER", help="Between columns, if the suffix doesn't say."
)
@click.option("--features", default=16, show_default=True, help="Numbers that describe each item.")
@click.option("--out", type=FILE, required=True, help="Where to write the model (.npz).")
def fit(path, user, item, rating, timestamp, titles, scale, on_duplicate, separator, features, out):
    """Train a model on a CSV, TSV or Parquet file of RATINGS, and say how good it is."""
    columns = data.Columns(user, item, rating, timestamp)
    with _one_sentence():
        ratings = data.read(
            path, user=user, item=item, rating=rating, timestamp=timestamp, movies=titles,
            scale=scale, on_duplicate=on_duplicate, separator=separator,
        )  # fmt: skip
        click.echo(own.describe(ratings, columns))
        click.echo(own.report_oddities(data.oddities(ratings, *columns.nouns())))
        fitted = own.fit(ratings, columns, features)
        click.echo(own.report_fit(fitted))
        fitted.model.save(out, ratings)
    click.echo(f"{out}: the model, trained on all {len(ratings):,} ratings, which it holds, too.")


@cli.command()
@click.argument("path", metavar="MODEL", type=FILE)
@click.option("--user", metavar="ID", help="A user of the ratings that it was trained on.")
@click.option("--ratings", type=FILE, help="File of somebody new's ratings, columns as in `fit`.")
@click.option("-n", default=10, show_default=True, type=click.IntRange(1), help="How many.")
@click.option(
    "--format", "form", type=click.Choice(own.FORMATS), default="table", show_default=True,
    help="How to write them.",
)  # fmt: skip
def recommend(path, user, ratings, n, form):
    """Ask a MODEL that `fit` wrote what a user, or somebody new, would like of the rest."""
    if (user is None) == (ratings is None):
        raise click.UsageError("say for whom: either --user ID or --ratings FILE")
    with _one_sentence():
        model = FactorModel.load(path)
        if user is not None:
            found = own.recommend(model, path, user, n)
        else:
            person = own.read_person(model, ratings)
            if strange := own.unknown(model, person):
                click.echo(f"Note: left out, as the model has none: {own.some(strange)}", err=True)
            found = own.recommend_to(model, person, n)
    click.echo(own.formatted(found, form))


@contextlib.contextmanager
def _one_sentence():
    """What goes wrong with a file ends in its message and a code, a warning in a note."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        except (ValueError, KeyError, OSError) as error:
            message = error.args[0] if isinstance(error, KeyError) else error
            raise click.ClickException(str(message)) from error
        finally:
            for warning in caught:
                click.echo(f"Note: {warning.message}", err=True)


@cli.command(name="exercises")
def make_exercises():
    """Make notebooks/exercises again from the solutions."""
    try:
        changed = exercises.renew()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo("\n".join(changed) or "all the exercises are what their solutions make")


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
