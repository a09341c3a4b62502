"""`cflib recommend`, `similar` and `explain` ask a model that `cflib fit` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import output, words
from .output import FORMATS
from .reading import FILE

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..model import FactorModel

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print them.",
)
n_option = click.option(
    "-n", default=10, show_default=True, type=click.IntRange(1), help="How many items in a list."
)
min_ratings_option = click.option(
    "--min-ratings",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Only items with so many ratings.",
)
ratings_option = click.option(
    "--ratings",
    "person",
    type=FILE,
    help="File of somebody new's ratings: the columns of `fit`, or title in place of the item's.",
)
separator_option = click.option(
    "--separator", metavar="CHARACTER", help="Between its columns, if its suffix does not say it."
)


@click.command(short_help="Lists of items for users, somebody new, or everybody.")
@click.argument("path", metavar="MODEL", type=FILE)
@click.option(
    "--user", "users", metavar="ID", multiple=True, help="A user of the model; may be repeated."
)
@click.option("--all", "everybody", is_flag=True, help="Every user of the model; needs --out.")
@ratings_option
@separator_option
@n_option
@click.option("--only", type=FILE, help="File of items: recommend these alone.")
@click.option("--exclude", type=FILE, help="File of items: do not recommend these.")
@click.option("--genre", help="Only items of this genre.")
@min_ratings_option
@click.option(
    "--diversity",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="How much an item loses for being like one above it in the list, from 0 to below 1.",
)
@click.option(
    "--out", type=FILE, help="Write the lists to this file (.csv or .parquet), not to the screen."
)
@format_option
def recommend(
    path: Path,
    users: tuple[str, ...],
    everybody: bool,
    person: Path | None,
    separator: str | None,
    n: int,
    only: Path | None,
    exclude: Path | None,
    genre: str | None,
    min_ratings: int,
    diversity: float,
    out: Path | None,
    form: str,
) -> None:
    """Recommend by a MODEL that `fit` wrote: lists of items that are not rated yet.

    It recommends to users whose ratings it was trained on (--user, --all), or to somebody new
    (--ratings). A file for --only and --exclude has an id or a title a line, or the column of items
    of `fit`.
    """
    if bool(users) + everybody + (person is not None) != 1:
        raise click.UsageError(
            "say for whom: either --user ID, which may be repeated, or --all, or --ratings FILE"
        )
    if everybody and out is None:
        raise click.UsageError("--all needs --out FILE: a .csv or .parquet file to write to")
    if out is not None:
        output.check_lists_destination(out, path, person, only, exclude)
    from .. import people

    with words.plain_errors(words.RECOMMEND):
        model = output.open_model(path)
        allowed = people.allowed_items(
            model,
            only=None if only is None else people.read_items(model, only),
            exclude=None if exclude is None else people.read_items(model, exclude),
            genre=genre,
            min_ratings=min_ratings,
        )
        if person is not None:
            rated = people.read_person(model, person, separator)
            best = people.recommend_person(model, rated, n, allowed=allowed, diversity=diversity)
            blocks = iter([best.reset_index()])
        else:
            ids = [people.known_user(model, user) for user in dict.fromkeys(users)]
            blocks = _lists(model, path, ids, n, allowed, diversity)
        if out is not None:
            n_rows = output.write_lists(out, blocks)
            words.say(f"{out}: {n_rows:,} recommendations.")
            return
        import pandas as pd

        lists = pd.concat(list(blocks), ignore_index=True)
        if lists.empty and form == "table":
            click.echo("No item is left to recommend: all that may be shown are rated already.")
        else:
            click.echo(output.formatted(lists, form))


def _lists(
    model: FactorModel,
    path: Path,
    user_ids: list[int | str],
    n: int,
    allowed: np.ndarray,
    diversity: float,
) -> Iterator[pd.DataFrame]:
    """Blocks of lists in the words of the file: of these users, or of all where there are none.

    The list of a single user does not repeat their id in each row.
    """
    import numpy as np
    from tqdm import tqdm

    from .. import people

    ratings = output.ratings_of(model, path)
    everybody = np.arange(ratings.n_users)
    at = np.array([ratings.user_index_of(i) for i in user_ids]) if user_ids else everybody
    columns = people.columns_of(model)
    empty = people.empty_columns(model.movies, columns)
    blocks = people.lists_in_blocks(model, ratings, at, n, allowed=allowed, diversity=diversity)
    shown = output.shows_progress() and len(at) > 1
    with tqdm(total=len(at), desc="Lists", unit="user", disable=not shown) as bar:
        for block in blocks:
            bar.update(block["userId"].nunique())
            if len(at) == 1:
                block = block.drop(columns="userId")
            yield people.worded(block, columns, empty)


@click.command(short_help="Items like another.")
@click.argument("path", metavar="MODEL", type=FILE)
@click.option("--item", metavar="ID", required=True, help="An item: its id, or its title.")
@n_option
@min_ratings_option
@format_option
def similar(path: Path, item: str, n: int, min_ratings: int, form: str) -> None:
    """Items like another, by a MODEL: those that the same people like."""
    from .. import people

    with words.plain_errors(words.RECOMMEND):
        model = output.open_model(path)
        like = people.similar(model, people.known_item(model, item), n, min_ratings)
        shown = people.worded(like, people.columns_of(model)).reset_index()
    click.echo(output.formatted(shown, form))


@click.command(short_help="Why an item is recommended.")
@click.argument("path", metavar="MODEL", type=FILE)
@click.option("--user", metavar="ID", help="A user whose ratings the model was trained on.")
@ratings_option
@separator_option
@click.option("--item", metavar="ID", required=True, help="An item: its id, or its title.")
@n_option
@format_option
def explain(
    path: Path,
    user: str | None,
    person: Path | None,
    separator: str | None,
    item: str,
    n: int,
    form: str,
) -> None:
    """Why a MODEL puts an item where it does in somebody's list: what each rating adds.

    The reasons are exact: what all ratings add, and what the item starts from, is its score.
    """
    if (user is None) == (person is None):
        raise click.UsageError("say for whom: either --user ID or --ratings FILE")
    from .. import people

    with words.plain_errors(words.RECOMMEND):
        model = output.open_model(path)
        columns = people.columns_of(model)
        item_id = people.known_item(model, item)
        if person is None:
            user_id = people.known_user(model, str(user))
            mine = people.history(output.ratings_of(model, path), user_id)
            rated = dict(zip(mine["movieId"].tolist(), mine["rating"].tolist(), strict=True))
        else:
            rated = people.known_ratings(model, people.read_person(model, person, separator))
        reasons = people.explain(model, rated, item_id)
        lines, of_all = _reasons(reasons, columns, n)
        stars = _predicted(model, rated, item_id)
    if form != "table":
        click.echo(output.formatted(of_all, form))
        return
    words.say("\n".join([*lines, *stars]))


def _reasons(reasons: pd.DataFrame, columns: Any, n: int) -> tuple[list[str], pd.DataFrame]:
    """A table of the n largest reasons, with what the others add; and the table of all.

    The last row of the latter has no item: it is what the score starts from.
    """
    import pandas as pd

    from .. import people

    baseline = float(reasons["contribution"].iloc[-1])
    of_ratings = reasons.iloc[:-1][["movieId", "title", "rating", "contribution"]]
    of_ratings = people.worded(of_ratings, columns)
    adds = of_ratings.columns[-1]
    score = output.plain(reasons.attrs["prediction"])
    lines = [f"{reasons.attrs['title']}: the score is {score}. It is the sum of"]
    lines.append(f"  {output.plain(baseline)}  what it starts from, whatever was rated")
    rest = of_ratings[adds].iloc[n:]
    if len(rest):
        lines.append(f"  {output.plain(rest.sum())}  what {len(rest):,} other ratings add")
    lines.append("  and what these ratings add:")
    shown = of_ratings.head(n)
    lines.append(output.formatted(shown, "table") if len(shown) else "  (there are none)")
    start = pd.DataFrame([{adds: baseline}])
    return lines, pd.concat([of_ratings, start], ignore_index=True)


def _predicted(model: FactorModel, rated: dict[int | str, float], item_id: Any) -> list[str]:
    """A line with the predicted rating, where another model than the one that ranks predicts it."""
    import numpy as np

    from .. import people
    from ..model import INTERVALS

    if model.predictor is None or model.predictor is model:
        return []
    person = people.fold_in(model, rated)
    row = int(np.flatnonzero(model.movie_ids == item_id)[0])
    low, high = model.predictor.scale
    stars = float(np.clip(person.predictions()[row], low, high))
    line = f"The predicted rating, by the other model of the two, is {output.plain(stars)}"
    if INTERVALS in model.says:
        ends = (output.plain(float(end[row])) for end in person.interval())
        line += f" (90% interval: {' to '.join(ends)})"
    return [line + "."]
