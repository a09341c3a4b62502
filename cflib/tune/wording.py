"""What `fit` measured and kept, in plain words of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..settings import Settings
from ..split import Split
from .compare import METRICS, best, tied
from .plans import MODELS, QUICK_SPREAD, Options
from .search import SEARCH_LIMIT

if TYPE_CHECKING:
    from .fitting import Tuned

WIDTH = 80
TOLD = {  # which settings of a model a sentence names, and how
    "als": {"lam": "λ = {:.3g}"},
    "implicit": {
        "n_features": "{:g} features",
        "lam": "λ = {:.3g}",
        "alpha": "α = {:.3g}",
        "threshold": "likes from {:g}",
    },
    "ease": {"lam": "λ = {:.3g}", "threshold": "likes from {:g}"},
}
TOLD["blend"] = TOLD["implicit"]


def report(tuned: Tuned) -> str:
    """The table of `fit` and its sentences, at most 80 columns wide."""
    lines = [textwrap.fill(sentence, WIDTH) for sentence in tuned.sentences]
    if tuned.table.empty:
        return "\n".join(lines)
    first, *rest = lines  # what was held out comes before the table
    return "\n".join([first, "", table_text(tuned), "", *rest])


def table_text(tuned: Tuned) -> str:
    """The table with a line for each metric and model; * marks what is kept."""
    interval = "95% interval"
    lines = [f"{'':26} {'value':>6}  {interval:15} {'worse by':>8}  {interval}"]
    marked = {"rmse": tuned.predictor, "ndcg": tuned.ranker}
    for metric, label in METRICS.items():
        column = tuned.table[metric].dropna()
        for n, name in enumerate(column.index):
            row = tuned.table.loc[name]
            star = "*" if marked.get(metric) == name else " "
            line = f"{'' if n else label:9} {star} {name:14} {_number(row[metric]):>6}"
            line += f"  {_interval(row, metric):15} "
            is_best = name == best(tuned.table, metric)
            line += f"{'best':>8}" if is_best else f"{_number(row[f'{metric}_worse']):>8}"
            line += "" if is_best else f"  {_interval(row, f'{metric}_worse')}"
            lines.append(line.rstrip())
    return "\n".join(lines)


def sentences(
    table: pd.DataFrame,
    ranker: str,
    predictor: str | None,
    settings: Mapping[str, Settings],
    tried: Mapping[str, pd.DataFrame],
    part: Split | None,
    latest: bool = False,
) -> list[str]:
    """What was held out, what is kept for lists and for stars, and with which settings."""
    kept = list(dict.fromkeys([ranker, predictor or ranker]))
    if part is None:
        said = [
            f"Models were not compared. {ranker} makes the lists"
            + (f", {predictor} predicts ratings." if predictor else ".")
        ]
        if "als" in kept:
            said.append(
                f"λ of als is {QUICK_SPREAD:g} times the standard deviation of the ratings."
            )
    else:
        said = [of_test(part, latest), of_kept(table, "ndcg", ranker, "Lists are made by")]
        if predictor:
            said.append(of_kept(table, "rmse", predictor, "Ratings are predicted by"))
    said += [of_settings(name, settings[name], tried.get(name)) for name in kept if name in TOLD]
    if part is not None and len(part.train) > SEARCH_LIMIT:
        said.append(
            f"With more than {SEARCH_LIMIT:,} ratings, blend and ease keep their default settings."
        )
    return said


def of_test(part: Split, latest: bool) -> str:
    """What was held out, and what counts as a hit."""
    threshold = part.train.like_threshold
    which = "each user's latest" if latest else "drawn at random"
    hits = "each of them" if threshold is None else f"one of {threshold:g} or more"
    return (
        f"{len(part.test):,} ratings were held out, {which}. In a list of 10, {hits} is a hit. "
        "Intervals are over users. * marks what is kept."
    )


def of_kept(table: pd.DataFrame, metric: str, name: str, begin: str) -> str:
    """Which model is kept for a purpose, and which others could not be told apart."""
    label = METRICS[metric]
    if table[metric].isna().all():
        return f"{begin} {name}: no held-out rating is a like, so lists were not compared."
    value = f"{label} {_number(table.loc[name, metric])}"
    all_tied, first = tied(table, metric), best(table, metric)
    if name not in all_tied:
        return f"{begin} {name} ({value}), as asked for. {first} is better by more than chance."
    others = _listed([other for other in all_tied if other != name])
    contains = "the interval of the difference contains zero"
    if name == first:
        said = f"{begin} {name}: its {value} is the best"
        return (
            f"{said}. {others} could not be told apart from it: {contains}."
            if others
            else (f"{said}, and by more than chance.")
        )
    if name != all_tied[0]:
        return f"{begin} {name} ({value}), as asked for. {others} could not be told apart from it."
    said = (
        f"{begin} {name} ({value}). {first} has the best, {_number(table.loc[first, metric])}, but "
        f"not by more than chance: {contains}."
    )
    if also := _listed([other for other in all_tied if other not in (name, first)]):
        said += f" {also} could not be told apart from the best, either."
    return (
        f"{said} Then the first is kept in this order, from simple to costly: {', '.join(MODELS)}."
    )


def of_settings(name: str, settings: Settings, tried: pd.DataFrame | None) -> str:
    """The settings of a model that is kept, and how they were found."""
    fields = {f: v for f in TOLD[name] if (v := getattr(settings, f)) is not None}
    shown = ", ".join(TOLD[name][field].format(value) for field, value in fields.items())
    if tried is None or tried.empty:
        return f"{name}: {shown}."
    if name == "als":
        rmse = tried["rmse"]
        first, last = rmse.index[0], rmse.index[-1]
        return (
            f"als: {shown}, of {len(rmse)} values from {first:.3g} to {last:.3g}, "
            f"has the smallest error on a part of the training ratings ({rmse.min():.4g})."
        )
    n_tried = len(tried.drop(columns=["starts", "ndcg"]).drop_duplicates())
    chosen = np.all([tried[field].eq(value) for field, value in fields.items()], axis=0)
    return (
        f"{name}: {shown}. Of {n_tried} settings, this one has the best lists on a part of the "
        f"training ratings (NDCG@10 {_number(tried['ndcg'][chosen].iloc[-1])})."
    )


def of_features(difference: tuple[float, float, float], options: Options) -> str:
    """How much lower the error is with what is known of items and users."""
    gain, low, high = difference
    given = [
        f"{features.shape[1]} features of {side}"
        for side, features in (("items", options.movie_features), ("users", options.user_features))
        if features is not None
    ]
    if options.movie_features is None:
        given.insert(0, "genres, years and counts of items")
    helped = "lower" if low > 0 else "higher" if high < 0 else "not clearly other"
    return (
        f"With {' and '.join(given)}, the RMSE of bayes is {helped}: {_number(gain)} less "
        f"(interval {_number(low)} to {_number(high)})."
    )


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The table's values and intervals as JSON types, for the model's file."""
    columns = [f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")]
    short = table[[name for name in columns if table[name].notna().any()]].drop(
        columns=["recall_low", "recall_high"], errors="ignore"
    )
    rows = short.reset_index().to_dict("records")
    return [{k: None if v != v else v for k, v in row.items()} for row in rows]


def _listed(names: list[str]) -> str:
    """Names as in a sentence: a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _interval(row: pd.Series, metric: str) -> str:
    return f"{_number(row[f'{metric}_low'])} to {_number(row[f'{metric}_high'])}"


def _number(value: float) -> str:
    """Three digits after the point for what is about 1, four significant ones for more."""
    decimals = 3 if not value or abs(value) < 10 else max(0, 3 - int(np.log10(abs(value))))
    return f"{value:.{decimals}f}"
