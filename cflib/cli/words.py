"""What the commands say: errors of the library in the words of the command line.

A message of the library names arguments of functions, between backquotes. Here a command's options
take their place. What comes from a file cannot write to the terminal: see `visible`.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping

import click

READING = {
    "user": "--user",
    "item": "--item",
    "rating": "--rating",
    "timestamp": "--timestamp",
    "kind": "--kind",
    "scale": "--scale",
    "on_duplicate": "--on-duplicate",
    "separator": "--separator",
    "decimal": "--decimal",
    "encoding": "--encoding",
    "header": "--no-header",
    "wide": "--wide",
    "missing": "--missing",
}
FIT = READING | {
    "movies": "--titles",
    "model": "--model",
    "quick": "--quick",
    "n_features": "--features",
    "people.recommend_person": "`cflib recommend MODEL --ratings FILE`",
}
RECOMMEND = {
    "separator": "--separator",
    "scale": "--scale of `cflib fit`",
    "genre": "--genre",
    "diversity": "--diversity",
    "min_ratings": "--min-ratings",
    "only": "--only",
    "exclude": "--exclude",
    "n": "-n",
    "people.recommend_person": "--ratings FILE",
}
UPDATE = READING | {"movies": "--titles", "iterations": "--iterations"}
FLAGS = {"header": "False", "wide": "True"}  # the value for which the option is typed, alone


def visible(text: str) -> str:
    """`text` with control characters written out, for a terminal: ESC as `x1b` after a backslash.

    A title or an id could otherwise clear the screen, change its title or overwrite a line. New
    lines and tabs stay.
    """
    return "".join(
        c if c in "\n\t" or c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def say(text: str, err: bool = False) -> None:
    """Print what a person reads, with control characters made visible."""
    click.echo(visible(text), err=err)


@contextlib.contextmanager
def plain_errors(options: Mapping[str, str]) -> Iterator[None]:
    """Show an error of the library as its message alone, and a warning as a note.

    `options` are what stands in place of the names of arguments: see `as_options`.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        except (ValueError, KeyError, OSError, MemoryError) as error:
            message = error.args[0] if isinstance(error, KeyError) else error
            if isinstance(error, OSError) and error.filename is not None:
                message = f"{error.filename}: {error.strerror}"
            raise click.ClickException(visible(as_options(str(message), options))) from error
        finally:
            for warning in caught:
                say(f"Note: {as_options(str(warning.message), options)}", err=True)


def as_options(message: str, options: Mapping[str, str]) -> str:
    """A message of the library with the names of its arguments replaced by a command's options.

    For example, `on_duplicate="last"` in a message becomes --on-duplicate last, and `wide=True`
    becomes --wide.

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
        if value is None or FLAGS.get(name) == value:
            return options[name]
        plain = value.strip("\"'")
        return f"{options[name]} {'none' if plain == 'None' else plain}"

    return re.sub(r"`(?P<name>[\w.]+)(=(?P<value>[^`]+))?`", option, message)
