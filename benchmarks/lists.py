"""The lists that somebody gets: of all models of `tune.fit`, and before and after it.

`python -m benchmarks.lists` writes `results/lists.md`, with two tables for each set. The first
judges the lists of ALS, of the most popular movies, and of the model that `tune.fit` keeps, on
ratings that it has not seen: the latest fifth of each user's, and those of people who were left out
of training, after 1, 5, 10 and 20 of their ratings. People are left out in several draws, and those
on whom a setting was chosen are not judged. The second is what `tune.fit` itself measures.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd

from cflib import data, evaluation, fit_als, fit_popularity, metrics, split, tune
from cflib.model import Model
from cflib.people import cold_start
from cflib.ratings import Ratings

BEFORE, POPULAR, NOW = "ALS (before)", "most popular", "tune.fit (now)"
LATEST = "known, latest fifth"
CHOSEN_ON = ("movielens_small", "movielens_2016")  # 150 of their people, drawn with seed 0
COUNTS = (1, 5, 10, 20)  # of the ratings of somebody who was left out
DRAWS = 3  # of those people
RESULT = Path(__file__).parent / "results" / "lists.md"
HEAD = """# Lists before and after `cflib fit` compared models

Made by `python -m benchmarks.lists`. Intervals are 95 %, by bootstrap over users. The NDCG@10 of
lists of movies that the user has not rated in training; a hit is a held-out like. "Now is higher
by" is the paired difference: above zero, what `cflib fit` keeps for lists is better. ALS ranked
by predicted rating is what `cflib recommend` gave before. For people who are left out, all three
are trained without them, in each of three draws. The 150 on whom the two settings of the blend's
popularity were chosen are not judged.
"""


def lists(
    train: Ratings, seed: int = 0, quick: bool = False, model: str = "auto"
) -> tuple[dict[str, Model], str]:
    """The three models, trained on these ratings, and what `tune.fit` kept for lists."""
    tuned = tune.fit(train, model=model, seed=seed, quick=quick)
    models = {
        BEFORE: fit_als(train, tuned.settings.get("als")),
        POPULAR: fit_popularity(train),
        NOW: tuned.model,
    }
    return models, tuned.ranker


def known(models: Mapping[str, Model], part: split.Split) -> dict[str, metrics.Shares]:
    """NDCG@10 on the latest ratings of the users that the models were trained on."""
    frames = evaluation.rankings(models, part)
    return {
        name: metrics.mean_shares(frame["ndcg"], frame.index, part.test.n_users)
        for name, frame in frames.items()
    }


def left_out(
    models: Mapping[str, Model], newcomers: cold_start.Newcomers, n: int, k: int = 10
) -> dict[str, metrics.Shares]:
    """NDCG@10 of new people, folded in with the first n of their ratings."""
    given, test, threshold = newcomers.first(n), newcomers.test, newcomers.train.like_threshold
    likes = test if threshold is None else test.take(test.value >= threshold)
    n_relevant = likes.user_counts
    people = np.flatnonzero(n_relevant)
    pairs = likes.user_index * np.int64(test.n_movies) + likes.movie_index
    shares = {}
    for name, model in models.items():
        best, _ = evaluation.top_n(model.fold_in(given), given, k)
        hits = np.isin(people[:, None] * np.int64(test.n_movies) + best[people], pairs)
        ndcg = metrics.ndcg(hits & (best[people] >= 0), n_relevant[people])
        shares[name] = metrics.mean_shares(ndcg, people, test.n_users)
    return shares


def rows(who: str, shares: Mapping[str, metrics.Shares]) -> list[list]:
    """A row for each model: NDCG@10, and how much higher the list of now is, with intervals."""
    return [
        [who, name, *metrics.estimate(share), *metrics.difference(shares[NOW], share)]
        for name, share in shares.items()
    ]


def before_and_now(
    ratings: Ratings,
    n_people: int = 150,
    seed: int = 0,
    quick: bool = False,
) -> tuple[pd.DataFrame, str, int]:
    """The first table, what `tune.fit` kept for lists, and how many people left out are judged."""
    seen = np.zeros(0, np.int64)
    if ratings.name in CHOSEN_ON:
        seen = np.unique(cold_start.leave_out(ratings, 150, 20, seed=0).test.user_index)
    part = split.latest(ratings, 0.2)
    models, latest_ranker = lists(part.train, seed, quick)
    table = rows(LATEST, known(models, part))
    shares: dict[int, list[dict[str, metrics.Shares]]] = {n: [] for n in COUNTS}
    for draw in range(1, DRAWS + 1):
        newcomers = without(cold_start.leave_out(ratings, n_people, max(COUNTS), draw), seen)
        models, _ = lists(newcomers.train, seed, quick, model=latest_ranker)
        for n in COUNTS:
            shares[n].append(left_out(models, newcomers, n))
    for n, of_draws in shares.items():
        table += rows(f"left out, after {n}", {name: joined(name, of_draws) for name in models})
    columns = ["who", "lists by", "NDCG@10", "low", "high", "now more by", "from", "to"]
    people = np.count_nonzero(joined(NOW, shares[COUNTS[0]]).weight)
    return pd.DataFrame(table, columns=columns), latest_ranker, int(people)


def without(newcomers: cold_start.Newcomers, seen: np.ndarray) -> cold_start.Newcomers:
    """The same newcomers, of whom those in `seen` are not judged."""
    test = newcomers.test.take(~np.isin(newcomers.test.user_index, seen))
    return dataclasses.replace(newcomers, test=test)


def joined(name: str, of_draws: Sequence[Mapping[str, metrics.Shares]]) -> metrics.Shares:
    """A model's shares over all draws: somebody who was drawn twice counts with both lists."""
    shares = [of_draw[name] for of_draw in of_draws]
    total, weight = (sum(getattr(s, part) for s in shares) for part in ("total", "weight"))
    return shares[0]._replace(total=total, weight=weight)


def markdown(table: pd.DataFrame) -> str:
    """The table of `before_and_now`, with a line for each of its rows."""
    lines = ["| whose list | made by | NDCG@10 | now is higher by |", "|---|---|---|---|"]
    for who, name, value, low, high, more, start, end in table.itertuples(index=False):
        by = "" if name == NOW else f"{more:.3f} ({start:.3f} to {end:.3f})"
        lines.append(f"| {who} | {name} | {value:.3f} ({low:.3f}–{high:.3f}) | {by} |")
    return "\n".join(lines)


def section(ratings: Ratings, people: int, seed: int, quick: bool) -> str:
    """What is written of one set."""
    table, ranker, judged = before_and_now(ratings, people, seed=seed, quick=quick)
    tuned = tune.fit(ratings, seed=seed, quick=quick)
    return "\n\n".join(
        [
            f"## {ratings.name}",
            f"{data.describe(ratings)}. {judged} people who were left out are judged.",
            markdown(table),
            f"`tune.fit` kept {ranker}.",
            "What `tune.fit` says of the whole set:",
            f"```text\n{tune.report(tuned)}\n```",
        ]
    )


@click.command()
@click.option(
    "--set",
    "names",
    multiple=True,
    default=["movielens_small", "movielens_2016"],
    show_default=True,
    help="Name of a set; repeatable.",
)
@click.option("--people", default=150, show_default=True, help="How many people are left out.")
@click.option("--seed", default=0, show_default=True, help="Of all random choices.")
@click.option("--quick", is_flag=True, help="Compare nothing, to see whether it all runs.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULT, help="File to write.")
def main(names: tuple[str, ...], people: int, seed: int, quick: bool, out: Path) -> None:
    """Judge the lists of `tune.fit` beside those of ALS and of the most popular movies."""
    sections = [section(data.load(name), people, seed, quick) for name in names]
    text = "\n\n".join([HEAD.rstrip(), *sections])
    out.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
