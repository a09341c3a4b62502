"""The options that say how a file of ratings is to be read; the same for every command."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import words

if TYPE_CHECKING:
    from ..data import Columns, Ratings
    from ..model import FactorModel

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
ON_DUPLICATE = ("error", "last", "mean")  # as in `data.read`
KINDS = ("ratings", "likes", "counts", "thumbs")  # as in `ratings.KINDS`
NAMES = ("user", "item", "rating", "timestamp")
Command = TypeVar("Command", bound=Callable[..., Any])


def reading_options(command: Command) -> Command:
    """Add the options of reading to a command, which takes them as `**reading`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


OPTIONS = (
    click.option("--user", metavar="COLUMN", help="Column of who rated.  [default: guessed]"),
    click.option("--item", metavar="COLUMN", help="Column of what.  [default: guessed]"),
    click.option(
        "--rating",
        metavar="COLUMN",
        help='Column of ratings or counts, or "none".  [default: guessed]',
    ),
    click.option(
        "--timestamp", metavar="COLUMN", help='Column of times, or "none".  [default: guessed]'
    ),
    click.option(
        "--kind",
        type=click.Choice(("auto", *KINDS)),
        default="auto",
        show_default=True,
        help="What the values are: ratings on a scale, likes (there are no values), counts such "
        "as plays, or thumbs up and down.",
    ),
    click.option(
        "--scale",
        nargs=2,
        type=float,
        metavar="LOW HIGH",
        help="Lowest and highest possible rating.  [default: those in the file]",
    ),
    click.option(
        "--missing", metavar="VALUE", help="The value that stands for no rating, such as 99."
    ),
    click.option(
        "--on-duplicate",
        type=click.Choice(ON_DUPLICATE),
        default="error",
        show_default=True,
        help="What to do with an item that a user rated more than once.",
    ),
    click.option(
        "--wide", is_flag=True, help="The file has a line for each user, a column for each item."
    ),
    click.option(
        "--separator", metavar="CHARACTER", help="Between columns, if the suffix does not say it."
    ),
    click.option(
        "--decimal", default=".", show_default=True, help="What stands before a number's decimals."
    ),
    click.option("--encoding", help="How the text is encoded, such as latin-1.  [default: utf-8]"),
    click.option("--no-header", is_flag=True, help="The first line is data already."),
)


def as_arguments(reading: dict[str, Any], model: FactorModel | None = None) -> dict[str, Any]:
    """The arguments of `data.read` for the options that were typed.

    With a `model`, its columns, its kind of ratings and its scale take the place of guesses.
    """
    arguments = dict(reading)
    arguments["header"] = not arguments.pop("no_header")
    columns, defaults = None, dict.fromkeys(NAMES, "auto")
    if model is not None:
        from .. import people

        columns = people.columns_of(model)
        defaults |= {name: getattr(columns, name) for name in ("user", "item", "rating")}
        if arguments["kind"] == "auto":
            arguments["kind"] = model.kind
        if arguments["scale"] is None and model.kind == "ratings":
            arguments["scale"] = (model.predictor or model).scale
    for name in NAMES:
        typed = arguments[name]
        arguments[name] = None if typed == "none" else typed or defaults[name]
    if arguments["missing"] is not None:
        arguments["missing"] = _number(arguments["missing"])
    return arguments


def read(path: Path, arguments: dict[str, Any], movies: Path | None) -> tuple[Ratings, Columns]:
    """The ratings in a file, and its columns; what was guessed is printed.

    Standard input ("-") is kept in a temporary file meanwhile, since it is read more than once.
    """
    from .. import data

    with _as_file(path) as there:
        plain = {name: value for name, value in arguments.items() if name not in TO_READ}
        guess = data.guess(there, **plain)
        for note in guess.notes:
            words.say(words.as_options(note, words.FIT))
        name = "standard input" if path == Path("-") else None
        ratings = data.read(there, **arguments, movies=movies, name=name)
    return ratings, guess.columns


TO_READ = ("scale", "on_duplicate")  # arguments of `data.read` that `data.guess` has no use for


@contextlib.contextmanager
def _as_file(path: Path) -> Iterator[Path]:
    if path != Path("-"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stdin.csv"
        copy.write_bytes(sys.stdin.buffer.read())
        try:
            yield copy
        except ValueError as error:
            raise ValueError(str(error).replace(str(copy), "standard input")) from error


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
