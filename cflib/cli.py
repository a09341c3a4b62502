"""The library's two commands: `cflib fit` trains a model on a file, `cflib recommend` asks it.

Heavy packages are imported inside the commands, so that `--help` is quick. The library's messages
name arguments of functions; `_plain_errors` puts the command's options in their place.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

FILE = click.Path(dir_okay=False, path_type=Path)
ON_DUPLICATE = ("error", "last", "mean")  # as in `data.read`
FORMATS = ("table", "csv", "json")
FIT_OPTIONS = {
    "user": "--user",
    "item": "--item",
    "rating": "--rating",
    "timestamp": "--timestamp",
    "movies": "--titles",
    "scale": "--scale",
    "on_duplicate": "--on-duplicate",
    "separator": "--separator",
    "n_features": "--features",
    "people.recommend_person": "`cflib recommend MODEL --ratings FILE`",
}
RECOMMEND_OPTIONS = {
    "separator": "--separator",
    "scale": "--scale of `cflib fit`",
    "people.recommend_person": "--ratings FILE",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Collaborative filtering: train a model on ratings of your own, and ask it."""
    folder = os.environ.get("CFLIB_DATA")
    if folder:  # a command may start processes in other folders
        os.environ["CFLIB_DATA"] = str(Path(folder).resolve())


@cli.command()
@click.argument("path", metavar="RATINGS", type=FILE)
@click.option(
    "--user", default="userId", show_default=True, metavar="COLUMN", help="Column of who rated."
)
@click.option(
    "--item", default="movieId", show_default=True, metavar="COLUMN", help="Column of what."
)
@click.option(
    "--rating", default="rating", show_default=True, metavar="COLUMN", help="Column of ratings."
)
@click.option(
    "--timestamp",
    default="auto",
    metavar="COLUMN",
    help='Column of times, or "none".  [default: timestamp, if there is one]',
)
@click.option("--titles", type=FILE, help="File with the item's column, title and maybe genres.")
@click.option(
    "--scale",
    nargs=2,
    type=float,
    metavar="LOW HIGH",
    help="Lowest and highest possible rating.  [default: those in the file]",
)
@click.option(
    "--on-duplicate",
    type=click.Choice(ON_DUPLICATE),
    default="error",
    show_default=True,
    help="What to do with an item that a user rated more than once.",
)
@click.option(
    "--separator", metavar="CHARACTER", help="Between columns, if the suffix does not say it."
)
@click.option(
    "--features", default=16, show_default=True, help="How many numbers describe each item."
)
@click.option("--out", type=FILE, required=True, help="Where to write the model (.npz).")
def fit(
    path: Path,
    user: str,
    item: str,
    rating: str,
    timestamp: str,
    titles: Path | None,
    scale: tuple[float, float] | None,
    on_duplicate: str,
    separator: str | None,
    features: int,
    out: Path,
) -> None:
    """Train a model on a file of RATINGS.

    The file is CSV, TSV or Parquet. What it holds, what looks odd in it and how large the model's
    error is are shown.
    """
    from . import data, people, tune

    _refuse_to_destroy(out, path, titles)
    columns = data.Columns(user, item, rating, timestamp=None)  # of a model's user, for `recommend`
    with _plain_errors(FIT_OPTIONS):
        ratings = data.read(
            path,
            user=user,
            item=item,
            rating=rating,
            timestamp=None if timestamp == "none" else timestamp,
            movies=titles,
            scale=scale,
            on_duplicate=on_duplicate,
            separator=separator,
        )
        click.echo(people.describe(ratings, columns))
        click.echo(_oddities(data.quality_report(ratings, *columns.nouns())))
        tuned = tune.fit(ratings, columns, features)
        click.echo(tune.report(tuned))
        tuned.model.save(out, ratings)
    click.echo(f"{out}: the model, trained on all {len(ratings):,} ratings. It holds them, too.")


@cli.command()
@click.argument("path", metavar="MODEL", type=FILE)
@click.option("--user", metavar="ID", help="A user whose ratings the model was trained on.")
@click.option(
    "--ratings", type=FILE, help="File of somebody new's ratings, with the columns of `fit`."
)
@click.option(
    "--separator", metavar="CHARACTER", help="Between its columns, if its suffix does not say it."
)
@click.option(
    "-n", default=10, show_default=True, type=click.IntRange(1), help="How many to recommend."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to write them.",
)
def recommend(
    path: Path,
    user: str | None,
    ratings: Path | None,
    separator: str | None,
    n: int,
    form: str,
) -> None:
    """Recommend by a MODEL that `fit` wrote.

    It recommends to a user whose ratings it was trained on, or to somebody new.
    """
    if (user is None) == (ratings is None):
        raise click.UsageError("say for whom: either --user ID or --ratings FILE")
    from . import people
    from .models import load_model

    with _plain_errors(RECOMMEND_OPTIONS):
        model = load_model(path)
        if ratings is None:
            best = people.recommend_user(model, path, str(user), n)
        else:
            person = people.read_person(model, ratings, separator)
            best = people.recommend_person(model, person, n)
    click.echo(_formatted(best, form))


def _refuse_to_destroy(out: Path, *inputs: Path | None) -> None:
    """Refuse to write over a file that `fit` reads, or one that it did not write."""
    from ._storage import read_arrays

    if out.exists() and any(path and path.exists() and path.samefile(out) for path in inputs):
        raise click.ClickException(f"--out {out} is the file that `fit` reads: choose another name")
    if out.exists() and not out.is_file():
        raise click.ClickException(f"--out {out} is there, and is no file: choose another name")
    if out.exists():
        try:
            read_arrays(out)
        except ValueError:
            raise click.ClickException(
                f"--out {out} is there, and is no model: choose another name, or remove it first"
            ) from None


@contextlib.contextmanager
def _plain_errors(options: Mapping[str, str]) -> Iterator[None]:
    """Show an error of the library as its message alone, and a warning as a note.

    `options` are what stands in place of the names of arguments: see `as_options`.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        except (ValueError, KeyError, OSError) as error:
            message = error.args[0] if isinstance(error, KeyError) else error
            raise click.ClickException(as_options(str(message), options)) from error
        finally:
            for warning in caught:
                click.echo(f"Note: {as_options(str(warning.message), options)}", err=True)


def as_options(message: str, options: Mapping[str, str]) -> str:
    """A message of the library with the names of its arguments replaced by a command's options.

    For example, `on_duplicate="last"` in a message becomes --on-duplicate last.

    Parameters
    ----------
    message : str
        Names stand between backquotes, alone or with a value.
    options : dict of str to str
        What to write for each name. Other names stay as they are.
    """

    def option(match: re.Match[str]) -> str:
        name, value = match["name"], match["value"]
        if name not in options:
            return match[0]
        if value is None:
            return options[name]
        plain = value.strip('"').lower()  # None becomes none
        return f"{options[name]} {plain}"

    return re.sub(r"`(?P<name>[\w.]+)(=(?P<value>[^`]+))?`", option, message)


def _oddities(report: pd.DataFrame) -> str:
    """What `data.quality_report` counted at least once, a line for each kind."""
    counted = report[report["count"] > 0]
    if counted.empty:
        return "Nothing odd in them."
    width = max(map(len, counted.index))
    lines = [
        f"  {oddity:{width}}  {row['count']:>9,}  {row['share']:>6.1%}  {row['examples']}"
        for oddity, row in counted.iterrows()
    ]
    return "\n".join(["Odd in them:", *lines])


def _formatted(best: pd.DataFrame, form: str) -> str:
    """Recommendations as a "table", as "csv", or as "json": a list of objects."""
    best = best.reset_index()
    for name in {"prediction", "score"} & set(best.columns):
        values = best[name].astype(float)
        largest = values.abs().max()
        small = math.ceil(-math.log10(largest)) if 0 < largest < 1 else 0
        best[name] = values.round(3 + small)  # ratings may be tiny
    if form == "json":
        return best.to_json(orient="records", force_ascii=False, indent=2)
    if form == "csv":
        return best.to_csv(index=False, lineterminator="\n").rstrip("\n")
    return best.to_string(index=False, max_colwidth=60)
