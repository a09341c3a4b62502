"""The commands of the course: `app`, `run`, `sweep`, `notebooks`, `exercises`, `site`, `doctor`.

They are registered as entry points (group `cflib.commands`, in course/pyproject.toml), so that the
library does not import the course. Everything heavy is imported inside the command that needs it,
so that `cflib --help` is quick.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "-p",
    "--parameter",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter in every chapter that has it; may be repeated.",
)
@click.option(
    "--out",
    type=FOLDER,
    help="Folder of the run; what an earlier run left there is replaced.  [default: runs/default]",
)
def run(pairs: tuple[tuple[str, str], ...], out: Path | None) -> None:
    """Execute the chapters in order (all but 13), into one folder and one page."""
    from . import run as runner

    out = out or runner.DEFAULT
    try:
        page = runner.run(out, pairs)
    except (ValueError, OSError, runner.RunError) as error:
        raise _refusal(error) from error
    click.echo(f"\n{runner.summary(out)}\n")
    click.echo(f"Read {_near(page)}: all the chapters in one page, which needs no network.")
    click.echo(f"Beside it: the executed notebooks, {runner.METRICS}, {runner.MODEL}.")


@click.command()
@click.argument("file", type=FILE)
@click.option(
    "--out",
    type=FOLDER,
    help="Folder of the sweep; what is done there already is not done again.  "
    "[default: runs/NAME OF THE FILE]",
)
@click.option("--dry-run", is_flag=True, help="Check the file and list its runs, no more.")
@click.option("--scheduler", default="", help="Address of a Dask scheduler: tcp://…:8786.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    help="Runs at once.  [default: what cores and memory are enough for]",
)
@click.option("--retry", is_flag=True, help="Runs that failed are done again, too.")
def sweep(
    file: Path, out: Path | None, dry_run: bool, scheduler: str, workers: int, retry: bool
) -> None:
    """Run one chapter with every setting of FILE (such as sweeps/rank_lambda.yaml)."""
    from . import sweep as sweeps

    try:
        plan = sweeps.read(file)
        if dry_run:
            for point in plan.points:
                click.echo(point.name)
            click.echo(f"{len(plan.points)} runs of {plan.chapter.stem}")
            return
        folder = sweeps.run(plan, out, scheduler, workers, retry)
    except KeyboardInterrupt:
        click.echo("\nStopped. What is done stays; the same command does the rest.", err=True)
        raise SystemExit(130) from None
    except (ValueError, OSError, sweeps.SweepError) as error:
        raise _refusal(error) from error
    click.echo(sweeps.summary(folder))
    click.echo(f"Read {_near(folder / sweeps.PAGE)}, which needs no network. Beside it: ")
    click.echo(f"{sweeps.TABLE}, {sweeps.PARQUET}, {sweeps.PICTURE} and every executed notebook.")
    if not sweeps.collect(folder)["status"].eq("ok").all():
        raise SystemExit(1)


@click.command()
@click.argument("model", type=FILE, required=False)
@click.option("--port", type=click.IntRange(1, 65535), default=8866, show_default=True)
@click.option(
    "--host",
    metavar="NAME",
    help="Name or address of this machine under which others open the panel.  "
    "[default: this machine only]",
)
@click.option(
    "--visitors",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="People who may use it at once; each takes about 260 MB.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser here.")
def app(model: Path | None, port: int, host: str | None, visitors: int, no_browser: bool) -> None:
    """Rate titles in a browser and see what MODEL recommends.

    MODEL is a file that `cflib fit` or `save` wrote. Without it, models are trained on the ratings
    that are here.
    """
    from cflib import load_model

    from . import panel_server

    if host in ("0.0.0.0", "::"):
        raise click.UsageError(
            "--host should be the name or address that others type, such as this machine's name. "
            f"Received: {host}, which stands for all addresses"
        )
    try:
        if model is not None:
            load_model(model)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    panel_server.serve(model, port, host, visitors, not no_browser)


@click.command()
@click.argument("names", nargs=-1)
def notebooks(names: tuple[str, ...]) -> None:
    """Execute committed chapters again, in place: all, or those NAMES (such as 03_training)."""
    from . import notebooks as committed

    try:
        committed.renew(names)
    except (OSError, committed.NotebookError) as error:
        raise _refusal(error) from error


@click.command()
def exercises() -> None:
    """Make notebooks/exercises again from the solutions."""
    from . import exercises as made

    try:
        changed = made.renew()
    except (ValueError, OSError) as error:
        raise _refusal(error) from error
    click.echo("\n".join(changed) or "all the exercises are what their solutions make")


@click.command()
@click.option(
    "--out",
    type=FOLDER,
    help="Folder of the site; a site that is there is replaced.  [default: build/site]",
)
def site(out: Path | None) -> None:
    """Write the course as a site, which needs a browser and no network."""
    from . import site as pages

    try:
        first = pages.build(out or pages.DEFAULT)
    except (ValueError, OSError, pages.SiteError) as error:
        raise _refusal(error) from error
    click.echo(f"Read {_near(first)}: every page, and search, without a network.")


@click.command()
def doctor() -> None:
    """Look whether everything is here that the course needs, and say what to type."""
    from . import doctor as examiner

    sys.exit(examiner.main())


def _refusal(error: Exception) -> click.ClickException:
    """An error in a sentence; one of the system with its file and what to do."""
    from cflib.cli.words import visible

    if isinstance(error, OSError) and error.strerror:
        named = f"{error.filename}: " if error.filename else ""
        return click.ClickException(
            visible(f"{named}{error.strerror}. Choose another folder, or make this one writable.")
            if error.errno != errno.ENOSPC
            else visible(f"{named}{error.strerror}. Make room there, or choose another folder.")
        )
    return click.ClickException(visible(str(error)))


def _near(path: Path) -> Path:
    """A path as it is typed from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
