"""`cflib evaluate` measures a model on ratings in a file; `cflib info` says what a model is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import output, words
from .reading import FILE, as_arguments, read, reading_options

if TYPE_CHECKING:
    from ..data import Columns, Ratings
    from ..model import FactorModel

K = 10  # items in a list that is judged


@click.command(short_help="How well a model predicts the ratings in a file.")
@click.argument("path", metavar="MODEL", type=FILE)
@click.argument("file", metavar="FILE", type=FILE)
@reading_options
def evaluate(path: Path, file: Path, **reading: Any) -> None:
    """How well a MODEL predicts the ratings in FILE, which it should not have seen.

    FILE has the columns that MODEL was trained on. Ratings that are among MODEL's own, and those of
    users and items that it does not know, are counted and left out.
    """
    from .. import people

    with words.plain_errors(words.READING):
        model = output.open_model(path)
        columns = people.columns_of(model)
        ratings, _ = read(file, as_arguments(reading, model), None)
        words.say(people.describe(ratings, columns))
        trained_on = output.ratings_or_none(model, path)
        test, left_out = _judged(model, trained_on, ratings, columns)
        for line in left_out:
            words.say(line)
        if not len(test):
            raise click.ClickException(
                f"{file}: there is no rating left to judge on. `cflib update` takes new users and "
                "items into a model."
            )
        for line in [*_errors(model, test), *_list_metrics(model, trained_on, test, columns)]:
            words.say(line)


def _judged(
    model: FactorModel, trained_on: Ratings | None, ratings: Ratings, columns: Columns
) -> tuple[Ratings, list[str]]:
    """The ratings on the model's axes that can be judged on, and what is said of the others."""
    import numpy as np

    user, item = columns.nouns()
    movie = _places(model.movie_ids, ratings.movie_ids)[ratings.movie_index]
    person = _places(model.user_ids, ratings.user_ids)[ratings.user_index]
    reasons = {
        f"the model does not know the {item}": movie < 0,
        f"the model does not know the {user}": (movie >= 0) & (person < 0),
    }
    known = (movie >= 0) & (person >= 0)
    if trained_on is not None:
        pair = person.astype(np.int64) * model.n_movies + movie
        of_model = trained_on.user_index.astype(np.int64) * model.n_movies + trained_on.movie_index
        seen = known & np.isin(pair, of_model)
        reasons["the model was trained on it"] = seen
        known &= ~seen
    lines = [
        f"Left out: {int(mask.sum()):,} of {len(mask):,}, because {why}."
        for why, mask in reasons.items()
        if mask.any()
    ]
    if trained_on is None:
        lines.append(
            "The model's file holds no ratings, so it cannot be checked whether it has seen these."
        )
    on_axes = dataclasses.replace(
        ratings.take(known),
        movie_index=movie[known].astype(np.int32),
        user_index=person[known].astype(np.int32),
        movie_ids=model.movie_ids,
        user_ids=model.user_ids,
        movies=model.movies,
    )
    return on_axes, lines


def _places(known: Any, ids: Any) -> Any:
    """Where each id is among known ones, as text if the two are of two types; -1 for nowhere."""
    import pandas as pd

    if known.dtype.kind != ids.dtype.kind:
        known, ids = known.astype(str), ids.astype(str)
    return pd.Index(known).get_indexer(ids)


def _errors(model: FactorModel, test: Ratings) -> list[str]:
    """RMSE and MAE with their intervals, and how often the model's own intervals hold."""
    from .. import metrics
    from ..model import INTERVALS

    if model.predictor is None or test.kind != "ratings":
        return []
    any_model: Any = model
    predicted = model.predict(test.movie_index, test.user_index)
    lines = [f"Errors of {len(test):,} predicted ratings, with 95% intervals:"]
    for metric in metrics.METRICS:
        shares = metrics.error_shares(test.value, predicted, test.user_index, test.n_users, metric)
        lines.append(f"  {metric.upper():12}{_estimate(*metrics.estimate(shares))}")
    if INTERVALS in model.says:
        low, high = any_model.predict_interval(test.movie_index, test.user_index, 0.9)
        held = metrics.covered(test.value, low, high).mean()
        lines.append(f"  {held:.1%} of the ratings lie in the model's 90% intervals.")
    return lines


def _list_metrics(
    model: FactorModel, trained_on: Ratings | None, test: Ratings, columns: Columns
) -> list[str]:
    """NDCG and recall of the model's lists, beside those of the most popular items."""
    from .. import evaluation
    from ..models import fit_popularity
    from ..split import Split

    if trained_on is None:
        return ["Lists are not judged: for that the model's file has to hold its ratings."]
    threshold = trained_on.like_threshold
    least = -float("inf") if threshold is None else threshold
    if not (test.value >= least).any():
        return [f"Lists are not judged: no rating here is {least:g} or higher."]
    user, item = columns.nouns()
    models = {"this model": model, "most popular": fit_popularity(trained_on)}
    size = min(K, model.n_movies)
    table = evaluation.rank(models, Split(trained_on, test), size, threshold=least)
    liked = "" if threshold is None else f" that the {user} rated {threshold:g} or higher"
    n_users = int(table["n_users"].iloc[0])
    lines = [f"Lists of {size}, for {n_users:,} {user}s; a hit is a {item} in FILE{liked}:"]
    for name, row in table.iterrows():
        for metric in ("ndcg", "recall"):
            shown = _estimate(row[metric], row[f"{metric}_low"], row[f"{metric}_high"])
            lines.append(f"  {name:14}{_name(metric)}@{size:<4}{shown}")
    return lines


def _name(metric: str) -> str:
    return metric.upper() if metric == "ndcg" else metric


def _estimate(value: float, low: float, high: float) -> str:
    ends = output.plain(float(low)), output.plain(float(high))
    return f"{output.plain(float(value))}  ({' to '.join(ends)})"


# The card ---------------------------------------------------------------------------------------


@click.command(short_help="What a model is, and how good.")
@click.argument("path", metavar="MODEL", type=FILE)
def info(path: Path) -> None:
    """What a MODEL is: its data, its settings, its errors, and what it should not be used for."""
    with words.plain_errors({}):
        model = output.open_model(path)
        ratings = output.ratings_or_none(model, path)
        sections = {
            "Data": _data(model, ratings),
            "Models": _models(model),
            "Held-out results": _results(model),
            "What it should not be used for": _limits(model, ratings),
        }
    words.say(f"{path}: a model of cflib ({path.stat().st_size / 1e6:.1f} MB)")
    for title, lines in sections.items():
        words.say(f"\n{title}")
        for line in lines:
            words.say(f"  {line}")


def _data(model: FactorModel, ratings: Ratings | None) -> list[str]:
    from .. import people
    from ..ratings import KINDS

    columns, about = people.columns_of(model), model.notes.get("data", {})
    user, item = columns.nouns()
    n = int(model.movie_counts.sum())
    lines = [f"{model.kind}: {KINDS[model.kind]}"]
    if "file" in about:
        lines.insert(0, f"from {about['file']}")
    lines.append(
        f"{n:,} of them; {item}: {model.n_movies:,}; {user}: {model.n_users:,}; "
        f"{n / max(model.n_movies * model.n_users, 1):.2%} of all pairs"
    )
    if model.predictor is not None and model.kind == "ratings":
        low, high = model.predictor.scale
        lines.append(f"scale: {low:g} to {high:g}")
    if "first" in about:
        lines.append(f"dates: {about['first']} to {about['last']}")
    else:
        lines.append("dates: not known")
    names = [f"{noun} {name!r}" for noun, name in dataclasses.asdict(columns).items() if name]
    lines.append(f"columns: {', '.join(names)}")
    if ratings is None:
        lines.append("The file does not hold these ratings.")
    else:
        lines.append("The file holds these ratings, and with them what each person rated.")
    lines += [
        f"updated with {update['n']:,} ratings from {update['file']}"
        for update in model.notes.get("updates", [])
    ]
    return lines


def _models(model: FactorModel) -> list[str]:
    parts = {"lists": model.ranker, "predicted ratings": model.predictor}
    if model.ranker is model.predictor:
        parts = {"lists and predicted ratings": model.ranker}
    lines = []
    for purpose, part in parts.items():
        if part is None:
            lines.append(f"{purpose}: none; its scores only say which item comes first")
            continue
        settings = dataclasses.asdict(part.settings)
        shown = ", ".join(f"{name} {_setting(value)}" for name, value in settings.items())
        lines.append(f"{purpose}: {part.settings.solver}" + (f" ({shown})" if shown else ""))
    return lines


def _setting(value: Any) -> str:
    return output.plain(value) if type(value) is float else str(value)


def _results(model: FactorModel) -> list[str]:
    """The table that `tune.fit` left in the model's notes."""
    import pandas as pd

    held_out = model.notes.get("held_out")
    if not held_out:
        return ["not known: only `cflib fit` measures them. `cflib evaluate MODEL FILE` does, too."]
    lines = list(held_out.get("sentences", []))
    table = pd.DataFrame(held_out["table"])
    if len(table):  # the values; the sentences say which of them differ by more than chance
        table = table[[name for name in table if "_" not in str(name)]].dropna(axis=1, how="all")
        lines += output.formatted(table, "table").splitlines()
    if model.notes.get("updates"):
        lines.append("These were measured before the model was updated.")
    return lines


def _limits(model: FactorModel, ratings: Ratings | None) -> list[str]:
    from .. import people
    from ..model import INTERVALS

    user, item = people.columns_of(model).nouns()
    rare = int((model.movie_counts < 5).sum())
    lines = [
        f"Any {user} or {item} that its data lack: `cflib update` takes new ones in.",
        f"Any {item} with few ratings: {rare:,} of {model.n_movies:,} have fewer than 5.",
        "Judgements about people. It knows who rated what, and nothing of why.",
        "Comparing scores of two lists or two models. A score orders the items of one list.",
        "A test on its own data, which it has seen. `cflib evaluate` judges it on later ratings.",
    ]
    if model.predictor is None:
        lines.insert(0, "Predicted ratings: its scores are none.")
    elif INTERVALS not in model.says:
        lines.insert(0, "How sure a predicted rating is: it does not know.")
    if ratings is not None:
        lines.append("Publication as it is: the file holds the ratings of each person.")
    return lines
