"""`cflib fit` trains models on a file and keeps the best; `cflib update` takes more ratings in."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import output, words
from .reading import FILE, as_arguments, read, reading_options

if TYPE_CHECKING:
    import pandas as pd

    from ..data import Features, Ratings

MODELS = ("auto", "popular", "means", "als", "implicit", "ease", "bayes", "blend")  # as in `tune`
MOST_FEATURES = 512  # an iteration costs the cube of their number: with 10,000, hours of silence


@click.command(short_help="Train a model on a file.")
@click.argument("path", metavar="FILE", type=FILE)
@reading_options
@click.option("--titles", type=FILE, help="File with the item's column, title and maybe genres.")
@click.option("--items", type=FILE, help="File with the item's column and what is known of items.")
@click.option("--users", type=FILE, help="File with the user's column and what is known of users.")
@click.option(
    "--model",
    type=click.Choice(MODELS),
    default="auto",
    show_default=True,
    help="Which model to train; auto compares them.",
)
@click.option("--quick", is_flag=True, help="Do not compare models.")
@click.option(
    "--features",
    type=click.IntRange(1, MOST_FEATURES),
    default=16,
    show_default=True,
    help="How many numbers describe each item.",
)
@click.option("--out", type=FILE, required=True, help="Where to write the model (.npz).")
def fit(
    path: Path,
    titles: Path | None,
    items: Path | None,
    users: Path | None,
    model: str,
    quick: bool,
    features: int,
    out: Path,
    **reading: Any,
) -> None:
    """Train a model on a FILE of ratings, likes, counts or thumbs.

    FILE is a table (.csv, .tsv, .parquet, .json and others; "-" is standard input). The command
    says what it holds and what looks odd in it, compares models on ratings that are held out, and
    writes those that are best: one for lists, one for predicted ratings.
    """
    output.check_model_destination("fit", out, path, titles, items, users)
    from .. import data, people, tune

    with words.plain_errors(words.FIT):
        ratings, columns = read(path, as_arguments(reading), titles or _with_titles(items))
        words.say(people.describe(ratings, columns))
        words.say(_oddities(data.quality_report(ratings, *columns.nouns())))
        of_items = _features(items, ratings.movie_ids, columns.item)
        of_users = _features(users, ratings.user_ids, columns.user)
        tuned = tune.fit(
            ratings,
            columns,
            model=model,
            quick=quick,
            movie_features=of_items and of_items.matrix,
            user_features=of_users and of_users.matrix,
            n_features=features,
            progress=output.shows_progress(),
        )
        words.say(tune.report(tuned))
        notes = tuned.model.notes | {"data": _about(path, ratings)}
        dataclasses.replace(tuned.model, notes=notes).save(out, ratings)
    words.say(f"{out}: the model, trained on all {len(ratings):,} ratings. It holds them, too.")


@click.command(short_help="Take more ratings into a model.")
@click.argument("path", metavar="MODEL", type=FILE)
@click.argument("file", metavar="FILE", type=FILE)
@reading_options
@click.option("--titles", type=FILE, help="File with titles of new items, as for `cflib fit`.")
@click.option(
    "--iterations",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Iterations of training over everybody, after what is new is solved for.",
)
@click.option(
    "--out", type=FILE, required=True, help="Where to write the new model; may be MODEL itself."
)
def update(
    path: Path, file: Path, titles: Path | None, iterations: int, out: Path, **reading: Any
) -> None:
    """Take the ratings of FILE into a MODEL, with new users and items, without training anew.

    FILE has the columns that MODEL was trained on. Where both rate a pair of user and item, the
    rating in FILE counts.
    """
    output.check_model_destination("update", out, file, titles)
    from .. import updating

    with words.plain_errors(words.UPDATE):
        model = output.open_model(path)
        ratings = output.ratings_of(model, path)
        new, _ = read(file, as_arguments(reading, model), titles)
        updated, both = updating.update(model, ratings, new, iterations)
        known = updated.notes.get("data", {})
        notes = updated.notes | {"data": known | _span(known, new)}
        notes["updates"] = [*model.notes.get("updates", []), {"n": len(new), "file": file.name}]
        dataclasses.replace(updated, notes=notes).save(out, both)
    from .. import people

    user, item = people.columns_of(model).nouns()
    words.say(
        f"{len(new):,} ratings taken in. {item}: {both.n_movies:,}, of which "
        f"{both.n_movies - model.n_movies:,} new; {user}: {both.n_users:,}, of which "
        f"{both.n_users - model.n_users:,} new."
    )
    words.say(f"{out}: the model, with all {len(both):,} ratings.")


def _with_titles(items: Path | None) -> Path | None:
    """The file of items, if it has titles."""
    from ..data.files import open_source

    return items if items is not None and "title" in open_source(items, None).names else None


def _features(path: Path | None, ids: Any, column: str | None) -> Features | None:
    """What is known of items or users, and a line that says so."""
    if path is None:
        return None
    from .. import data

    features = data.read_features(path, ids, column or "userId")
    names = features.names
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    words.say(f"{path}: {len(names)} features: {shown}")
    return features


def _about(path: Path, ratings: Ratings) -> dict[str, Any]:
    """What a model should remember of its data: file, number of ratings, first and last date."""
    name = "standard input" if path == Path("-") else path.name
    return {"file": name, "n_ratings": len(ratings)} | _span({}, ratings)


def _span(known: dict[str, Any], ratings: Ratings) -> dict[str, str]:
    """First and last date of the ratings, and of those whose dates are known already."""
    import numpy as np

    if ratings.timestamp is None or not len(ratings):
        return {}
    ends = ratings.timestamp.min(), ratings.timestamp.max()
    first, last = (str(np.datetime64(int(end), "s").astype("datetime64[D]")) for end in ends)
    return {
        "first": min(first, known.get("first", first)),
        "last": max(last, known.get("last", last)),
    }


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
    return words.as_options("\n".join(["Odd in them:", *lines]), words.FIT)
