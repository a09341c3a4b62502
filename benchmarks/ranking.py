"""The models of chapter 11 on both editions: settings chosen alike, then lists judged alike.

    python -m benchmarks.ranking tune     # choose the settings of each model (minutes)
    python -m benchmarks.ranking run      # train them over seeds, and judge their lists

Each model gets six settings, in `GRIDS`. They are the last round of a search. Where the best of an
earlier round lay at its edge (neighbours, BPR, Markov chain, two towers), these lie around it. The
others (EASE, implicit feedback, NeuMF) had one round. `tune` holds out the latest fifth of the
training ratings of each user, in the edition of 2018, and keeps the setting with the highest
NDCG@10 on it, into `results/ranking.json`. `run` trains with that setting on all training ratings
of both editions, over seeds, and judges the lists on each user's latest fifth, into
`results/ranking_run.json`.
Chapter 11 reads both files.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cflib import compare, data, fit_ease, fit_implicit, fit_popularity, rank, split
from cflib.ratings import Ratings
from course import rankers

RESULTS = Path(__file__).parent / "results"
EDITIONS = {"2018": "movielens_small", "2016": "movielens_2016"}
THRESHOLD, SEEDS, REFERENCE = 4.0, (1, 2, 3), "EASE"
FITS: dict[str, Callable] = {
    "most popular": lambda ratings, threshold: fit_popularity(ratings),
    "k nearest neighbours": rankers.fit_neighbours,
    "EASE": fit_ease,
    "who liked what": fit_implicit,
    "BPR": rankers.fit_bpr,
    "Markov chain": rankers.fit_markov,
    "two towers": rankers.fit_two_towers,
    "NeuMF": rankers.fit_neumf,
}
SEEDED = {"who liked what", "BPR", "two towers", "NeuMF"}
GRIDS: dict[str, dict[str, list]] = {
    "k nearest neighbours": {"n_neighbours": [60, 120, 240], "shrink": [30.0, 100.0]},
    "EASE": {"lam": [30.0, 60.0, 120.0, 250.0, 500.0, 1000.0]},
    "who liked what": {"n_features": [32, 64], "lam": [10.0, 20.0, 40.0]},
    "BPR": {"n_features": [128, 256], "lam": [0.005, 0.01, 0.02], "epochs": [100]},
    "Markov chain": {"window": [50, 100, 200], "last": [50, 500]},
    "two towers": {"n_features": [32, 64], "epochs": [3, 5, 8]},
    "NeuMF": {"epochs": [5, 10, 20], "n_features": [8, 16]},
}


def settings_of(name: str) -> list[dict[str, Any]]:
    """The settings that are tried of one model."""
    grid = GRIDS.get(name, {})
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def fit(name: str, ratings: Ratings, seed: int = 0, **settings: Any) -> Any:
    """A model by name, trained on the likes."""
    seeded = {"seed": seed} if name in SEEDED else {}
    return FITS[name](ratings, threshold=THRESHOLD, **seeded, **settings)


def ndcg(name: str, part: split.Split, **settings: Any) -> float:
    """NDCG@10 of one model, trained on the split's training part."""
    model = fit(name, part.train, **settings)
    return float(rank({name: model}, part, threshold=THRESHOLD)["ndcg"].iloc[0])


@functools.cache
def part_of(year: str) -> split.Split:
    """Each user's latest fifth held out."""
    return split.latest(data.load(EDITIONS[year]), 0.2)


def read(path: Path) -> dict[str, Any]:
    """A results file; empty where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, value: Any) -> None:
    """Write a results file."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@click.group()
def main() -> None:
    """Choose settings, and judge the models of chapter 11."""


@main.command()
@click.option("--model", "names", multiple=True, default=list(GRIDS), help="Only these.")
def tune(names: tuple[str, ...]) -> None:
    """Choose the settings of each model on the latest fifth of the training ratings."""
    path, inner = RESULTS / "ranking.json", split.latest(part_of("2018").train, 0.2)
    for name in names:
        tried = [[settings, ndcg(name, inner, **settings)] for settings in settings_of(name)]
        best = max(tried, key=lambda pair: pair[1])
        stored = read(path)
        stored[name] = {
            "settings": best[0],
            "tried": [settings | {"ndcg": round(value, 4)} for settings, value in tried],
        }
        write(path, stored)
        click.echo(f"{name}: {best[0]} ({best[1]:.4f})")


@main.command()
@click.option("--edition", "years", multiple=True, default=list(EDITIONS), help="Only these.")
def run(years: tuple[str, ...]) -> None:
    """Train the models with the chosen settings, and judge their lists."""
    chosen, path = read(RESULTS / "ranking.json"), RESULTS / "ranking_run.json"
    for year, seed in itertools.product(years, SEEDS):
        part, models, seconds = part_of(year), {}, {}
        for name in FITS:
            if seed != SEEDS[0] and name not in SEEDED and name != REFERENCE:
                continue
            settings = chosen.get(name, {}).get("settings", {})
            start = time.process_time()
            models[name] = fit(name, part.train, seed, **settings)
            seconds[name] = round(time.process_time() - start, 1)
        judged = rank(models, part, threshold=THRESHOLD)
        against = compare(models, part, REFERENCE, "ndcg", threshold=THRESHOLD)
        stored = read(path)
        stored.setdefault(year, {})[str(seed)] = {
            name: {
                "ndcg": judged.loc[name, ["ndcg", "ndcg_low", "ndcg_high"]].round(4).tolist(),
                "coverage": round(float(judged.loc[name, "catalogue_coverage"]), 4),
                "against": against.loc[name].round(4).tolist() if name != REFERENCE else None,
                "cpu_seconds": seconds[name],
            }
            for name in models
        }
        write(path, stored)
        click.echo(f"{year} seed {seed}: {judged['ndcg'].round(4).to_dict()}")


if __name__ == "__main__":
    main()
