"""The library's commands together with those that other distributions register.

The course registers its own as entry points of the group `cflib.commands`. So the library offers
them without importing the course, and where the course is not installed it says what they are.
"""

from __future__ import annotations

import copy
from importlib.metadata import EntryPoint, entry_points

import click

from . import __version__, cli

GROUP = "cflib.commands"
OF_THE_COURSE = ("app", "doctor", "exercises", "notebooks", "run", "site", "sweep")


def command_line() -> click.Group:
    """The library's group of commands, with the registered ones and `--version` added."""
    group = copy.copy(cli.cli)
    group.params, group.commands = list(group.params), dict(group.commands)
    for entry in entry_points(group=GROUP):
        group.commands.setdefault(entry.name, _loaded(entry))
    for name in OF_THE_COURSE:
        group.commands.setdefault(name, _missing(name))
    return click.version_option(__version__, prog_name="cflib")(group)


def _loaded(entry: EntryPoint) -> click.Command:
    """A registered command; where its module is broken, one that says so when it is called."""
    try:
        return entry.load()
    except ImportError as error:
        return _missing(entry.name, f" ({error})")


def _missing(name: str, why: str = "") -> click.Command:
    """A command of the course where the course is not installed."""

    def say() -> None:
        raise click.ClickException(
            f"`{name}` is a command of the course, which is not installed here{why}. "
            f"Clone the repository of cflib and type in its folder: make {name}"
        )

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(
        name,
        callback=say,
        hidden=True,
        add_help_option=False,
        context_settings=anything,
    )
