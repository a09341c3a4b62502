"""Our errors on the splits that papers use, beside the numbers that they print.

`python -m benchmarks.published` reads `ml-100k` from the folder that CFLIB_DATA names, trains on
the splits that come with it, and prints a table. Nothing is tuned: our settings are the defaults,
so no test rating has been looked at. `--set ml-1m` and `--set ml-10m` take random tenths, as the
papers do, but not the same ones. `--lists` trains `fit_implicit` on `ml-1m` by the protocol of He
et al. (2017), with 100 drawn movies.

The published numbers are copied from their sources and were not run again here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from cflib import (
    Ratings,
    data,
    fit_als,
    fit_bayes,
    fit_implicit,
    fit_means,
    fit_popularity,
    metrics,
    models,
    rank,
    split,
)
from cflib.selection import among_sampled
from cflib.split import Split


class Published(NamedTuple):
    """A number that somebody else printed.

    Attributes
    ----------
    set, splits : str
        On which set, and on which of its splits.
    model : str
        What it is, with what it is given besides the ratings.
    value : str
        As printed: RMSE, or HR@10 and NDCG@10.
    source : str
    """

    set: str
    splits: str
    model: str
    value: str
    source: str


GLOCAL = "Han et al. (2021), GLocal-K, arXiv 2108.12184"
RENDLE = "Rendle, Zhang & Koren (2019), arXiv 1905.01395"
MYFM = "myFM's documentation"
PUBLISHED = [
    Published("ml-100k", "u1", "GLocal-K, ratings alone", "0.8889", GLOCAL),
    Published(
        "ml-100k",
        "u1",
        "myFM, rank 10, 300 iterations, who rated what and the day of the rating",
        "0.889",
        f"{MYFM}, TimeSVD++ flipped with relation blocks",
    ),
    Published(
        "ml-100k",
        "u3",
        "myFM, rank 8, 100 iterations, ratings alone, grouped",
        "0.89594",
        f"{MYFM}, README",
    ),
    Published("ml-1m", "a random tenth", "GLocal-K, ratings alone", "0.8227", GLOCAL),
    Published("ml-10m", "random tenths", "SGD MF, 512 features", "0.7720", RENDLE),
    Published("ml-10m", "random tenths", "Bayesian SVD++", "0.7563", RENDLE),
    Published(
        "ml-10m", "random tenths", "Bayesian timeSVD++ flipped, with times", "0.7485", RENDLE
    ),
    Published(
        "ml-1m",
        "latest",
        "iALS, 64 features",
        "0.722, 0.445",
        "Rendle et al. (2021), arXiv 2110.14037",
    ),
]

Fit = Callable[[Ratings], Any]


def with_features(train: Ratings, **options: Any) -> Any:
    """`fit_bayes` with genres, decades and the number of ratings of each movie."""
    return fit_bayes(train, movie_features=models.movie_features(train), **options)


def fits(quick: bool) -> dict[str, Fit]:
    """Our models by name, with their default settings; `quick` makes the chains a few steps."""
    short = {"iterations": 6, "burn_in": 2, "n_samples": 2, "n_features": 2} if quick else {}
    return {
        "damped means": fit_means,
        "fit_als, ratings alone": fit_als,
        "fit_bayes, ratings alone": lambda r: fit_bayes(r, who_rated_what=False, **short),
        "fit_bayes, and who rated what": lambda r: fit_bayes(r, **short),
        "fit_bayes, and genres, decades, counts": lambda r: with_features(r, **short),
    }


def splits_of(name: str, folder: Path | None, n: int | None) -> dict[str, Split]:
    """The splits that come with a set, or the first n of ten random tenths."""
    if name == "ml-100k":
        return data.published_splits(folder)
    tenths = split.kfold(data.load(name, folder), 10)[: n or 1]
    return {f"random tenth {f + 1}": part for f, part in enumerate(tenths)}


def errors(parts: dict[str, Split], of: dict[str, Fit]) -> dict[str, dict[str, float]]:
    """RMSE of each model on each split, clipped to the scale."""
    rows: dict[str, dict[str, float]] = {name: {} for name in of}
    for part_name, part in parts.items():
        for name, fit in of.items():
            model = fit(part.train)
            predicted = model.predict(part.test.movie_index, part.test.user_index)
            rows[name][part_name] = metrics.rmse(part.test.value, predicted)
            click.echo(f"{part_name} {name}: {rows[name][part_name]:.4f}", err=True)
    return rows


def error_table(name: str, rows: dict[str, dict[str, float]]) -> str:
    """The errors as a table, with the mean of u1 to u5, and what others printed below it."""
    columns = list(next(iter(rows.values())))
    folds = [column for column in columns if column not in ("ua", "ub")]
    head = ["RMSE", *columns, *([f"mean of {folds[0]} to {folds[-1]}"] if len(folds) > 1 else [])]
    lines = []
    for model, of_split in rows.items():
        mean = [np.mean([of_split[fold] for fold in folds])] if len(folds) > 1 else []
        values = [*of_split.values(), *mean]
        lines.append([f"**{model}**", *(f"{value:.4f}" for value in values)])
    return table(head, lines) + "\n" + published_table(name, lists=False)


def lists(folder: Path | None, quick: bool) -> str:
    """HR@10 and NDCG@10 of each user's latest movie, among it and 100 drawn ones."""
    ratings = data.load("ml-1m", folder)
    part = split.latest(ratings, n=1)
    settings: dict[str, Any] = {"threshold": None, **({"n_features": 2} if quick else {})}
    trained = {
        "most popular": fit_popularity(part.train),
        "fit_implicit": fit_implicit(part.train, **settings),
    }
    of = {name: among_sampled(model, part) for name, model in trained.items()}
    frame = rank(of, part, threshold=ratings.scale[0])
    rows = [
        [f"**{name}**", f"{row['hit_rate']:.4f}", f"{row['ndcg']:.4f}"]
        for name, row in frame.iterrows()
    ]
    head = ["each user's latest, among 100 drawn", "HR@10", "NDCG@10"]
    return table(head, rows) + "\n" + published_table("ml-1m", lists=True)


def published_table(name: str, lists: bool) -> str:
    """What others printed for a set."""
    rows = [
        [entry.model, entry.splits, entry.value, entry.source]
        for entry in PUBLISHED
        if entry.set == name and (entry.splits == "latest") == lists
    ]
    return table(["published", "split", "HR@10, NDCG@10" if lists else "RMSE", "source"], rows)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


@click.command()
@click.option("--set", "name", type=click.Choice(["ml-100k", "ml-1m", "ml-10m"]), default="ml-100k")
@click.option("--folder", type=click.Path(path_type=Path), help="The set's folder.")
@click.option("--tenths", type=int, help="Of ml-1m and ml-10m: so many random tenths (1).")
@click.option("--lists", "judge_lists", is_flag=True, help="Lists of ml-1m, in place of errors.")
@click.option("--tiny", is_flag=True, help="Chains of a few steps, to see whether it all runs.")
def main(name: str, folder: Path | None, tenths: int | None, judge_lists: bool, tiny: bool) -> None:
    """Our errors on the splits that papers use, beside what they print."""
    try:
        if judge_lists:
            click.echo(lists(folder, tiny))
            return
        parts = splits_of(name, folder, tenths)
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(error_table(name, errors(parts, fits(tiny))))


if __name__ == "__main__":
    main()
