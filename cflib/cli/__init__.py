"""The library's commands, from a file of ratings to lists and back.

fit        train models on a file, compare them, keep the best
recommend  lists: for users, for somebody new, for everybody
similar    items like another
explain    why an item is recommended
evaluate   how well a model predicts the ratings in a file
info       what a model is, how good it is, what it should not be used for
update     new ratings, users and items, without training anew

Heavy packages are imported inside the commands, so that `--help` is quick. What the library says
about its arguments, `words` says about a command's options.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from .asking import explain, recommend, similar
from .fitting import fit, update
from .judging import evaluate, info

__all__ = ["cli"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Collaborative filtering: train a model on ratings of your own, and ask it."""
    folder = os.environ.get("CFLIB_DATA")
    if folder:  # a command may start processes in other folders
        os.environ["CFLIB_DATA"] = str(Path(folder).resolve())


for _command in (fit, recommend, similar, explain, evaluate, info, update):
    cli.add_command(_command)
