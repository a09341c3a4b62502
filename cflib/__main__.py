"""The command line: `python -m cflib run` executes the chapters, `notebooks` renews them.

`doctor` needs nothing that is imported here: it says what is missing when something is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import doctor

if __name__ == "__main__" and sys.argv[1:] == ["doctor"]:  # it runs where these imports fail
    sys.exit(doctor.main())

import click

from . import notebooks, runs
from . import site as course


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


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    cli(prog_name="python -m cflib")
