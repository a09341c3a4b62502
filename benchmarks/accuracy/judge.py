"""One judge for everybody: errors, lists, their intervals, and differences to the best of ours.

What the models predicted is read from the files of `fit.py`. The metrics and the bootstrap over
users are those of `cflib.metrics`, with the same draws for all. Results of several folds are means
over the folds, and a draw takes the same users in each of them. A model is compared with our best
one that is given the same information, on the folds that both were run on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cflib import data, evaluation, metrics, rank
from cflib.models.bayes import N_TRACED, R_HAT_LIMIT

from ..environments import machine
from . import folds
from .plan import MODELS, Plan

USES = {
    "ratings": "ratings alone",
    "who rated what": "who rated what, too",
    "movie features": "movie features, too",
    "ranking": "who rated what alone",
}
GROUPS = {"fewer than 5": (0, 5), "5 to 50": (5, 51), "more than 50": (51, None)}


class Stored(NamedTuple):
    """What a model predicted and recommended, as a model that `cflib.evaluation` can judge."""

    data_fingerprint: str
    predicted: np.ndarray | None
    lists: np.ndarray | None
    n_movies: int
    n_users: int

    @property
    def says(self) -> frozenset[str]:
        """What the run has: ratings ("stars"), lists ("order"), or both."""
        parts = {"stars": self.predicted, "order": self.lists}
        return frozenset(name for name, array in parts.items() if array is not None)

    def predict(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray | None:
        """The predictions of the test ratings, which are all that is stored."""
        return self.predicted

    def score_users(self, user_index: np.ndarray) -> np.ndarray:
        """Scores under which the best movies are those of the stored lists."""
        assert self.lists is not None
        scores = np.zeros((self.n_movies, len(user_index)), np.float32)
        places = np.arange(self.lists.shape[1], 0, -1)
        scores[self.lists[user_index], np.arange(len(user_index))[:, None]] = places
        return scores


def stored(file: Path, split: str) -> Stored:
    """The run in a file."""
    train = folds.of(split).train
    with np.load(file) as arrays:
        predicted, lists = arrays.get("predicted"), arrays.get("lists")
    return Stored(train.fingerprint, predicted, lists, train.n_movies, train.n_users)


def score(file: Path, split: str) -> float:
    """What settings are chosen by, less is better: RMSE, or -NDCG@10 of a model that ranks."""
    model, parts = stored(file, split), folds.of(split)
    if model.predicted is not None:
        return metrics.rmse(parts.test.value, model.predicted)
    return -float(rank({"it": model}, parts)["ndcg"].iloc[0])


def shares(file: Path, split: str, metric: str) -> metrics.Shares | None:
    """A metric of one run, taken apart by user; None where the run has nothing to judge by it."""
    model, parts = stored(file, split), folds.of(split)
    test = parts.test
    if metric in metrics.METRICS and model.predicted is not None:
        return metrics.error_shares(
            test.value, model.predicted, test.user_index, test.n_users, metric
        )
    if metric in metrics.RANKING and model.lists is not None:
        values = evaluation.rankings({"it": model}, parts)["it"][metric]
        return metrics.mean_shares(values.to_numpy(), values.index.to_numpy(), test.n_users)
    return None


def compared(plan: Plan, splits: list[str]) -> list[dict[str, Any]]:
    """Everything about each model and setting that was run on any of the splits."""
    judged_by = ["rmse", "mae"] + (["ndcg", "recall"] if splits == [plan.latest] else [])
    rows = []
    for name, entry in MODELS.items():
        for setting, options in plan.settings_of(name).items():
            runs = plan.files(name, setting, splits)
            if not runs:
                continue
            row = {
                "model": name,
                "label": entry["label"],
                "uses": entry["uses"],
                "ours": entry.get("ours", False),
                "setting": setting,
                "options": options,
                "splits": list(runs),
            }
            row["shares"] = {m: {s: shares(f, s, m) for s, f in runs.items()} for m in judged_by}
            for metric, by_split in row["shares"].items():
                if None not in by_split.values():
                    row[metric] = metrics.estimate(list(by_split.values()))
            for cost in ("seconds", "train_seconds", "train_cpu_seconds", "peak_bytes"):
                row[cost] = float(np.mean([np.load(file)[cost] for file in runs.values()]))
            rows.append(row)
    for metric in judged_by:
        _against_ours(rows, metric, best=max if metric in metrics.RANKING else min)
    for row in rows:
        del row["shares"]
    return rows


def _against_ours(rows: list[dict[str, Any]], metric: str, best: Callable) -> None:
    """Each row's difference to our best row that is given the same, on the splits of both.

    For ratings the best is chosen among ours that were run on the most splits.
    """
    for uses in USES:
        for_lists = metric in metrics.RANKING
        judged = [r for r in rows if metric in r and (for_lists or r["uses"] == uses)]
        ours = [r for r in judged if r["ours"]]
        if not ours:
            continue
        most = max(len(r["splits"]) for r in ours)
        to = best((r for r in ours if len(r["splits"]) == most), key=lambda r: r[metric][0])
        for row in judged:
            both = [s for s in row["splits"] if s in to["splits"]]
            if row is not to and both:
                pair = ([r["shares"][metric][s] for s in both] for r in (row, to))
                difference = metrics.difference(*pair)
                row[f"{metric}_to_ours"] = [*difference, f"{to['model']}.{to['setting']}"]


def coverage(plan: Plan, splits: list[str]) -> list[dict[str, Any]]:
    """Share of the held-out ratings in the 90 % intervals, by the movie's training ratings."""
    rows = []
    for name in MODELS:
        for setting in plan.settings_of(name):
            runs = plan.files(name, setting, splits).items()
            parts = [part for split, file in runs if (part := _covered(split, file))]
            if not parts:
                continue
            hit, count, user = map(np.concatenate, zip(*parts, strict=True))
            for group, (least, end) in {"all": (0, None), **GROUPS}.items():
                mine = (count >= least) & (count < (end or np.inf))
                if not mine.any():
                    continue
                share = metrics.estimate(metrics.mean_shares(hit[mine], user[mine]))
                row = {"model": name, "setting": setting, "movies_with": group}
                rows.append(row | {"n": int(mine.sum()), "coverage": share})
    return rows


def _covered(split: str, file: Path) -> Collection[np.ndarray]:
    """Of each test rating: is it in its interval, its movie's training ratings, its user."""
    with np.load(file) as arrays:
        if "low" not in arrays:
            return ()
        train, test = folds.of(split).train, folds.of(split).test
        hit = metrics.covered(test.value, arrays["low"], arrays["high"])
        return hit, train.movie_counts[test.movie_index], test.user_index


def chains(plan: Plan, splits: list[str]) -> list[dict[str, Any]]:
    """Of each run of a sampler: R-hat of its noise and of predictions, and how many draws count."""
    rows = []
    for name in MODELS:
        for setting in plan.settings_of(name):
            for split, file in plan.files(name, setting, splits).items():
                with np.load(file) as arrays:
                    if "r_hat" not in arrays:
                        continue
                    r_hat, ess = arrays["r_hat"], arrays["ess"]
                rows.append(
                    {
                        "model": name,
                        "setting": setting,
                        "split": split,
                        "noise": [r_hat[0], ess[0]],
                        "other_scales": float(r_hat[1:-N_TRACED].max()),
                        "predictions": [
                            float(np.mean(r_hat[-N_TRACED:] < R_HAT_LIMIT)),
                            float(r_hat[-N_TRACED:].max()),
                            float(np.median(ess[-N_TRACED:])),
                        ],
                    }
                )
    return rows


def write(plan: Plan) -> None:
    """Judge all runs: results.json. Rows of models that were not run here stay as they were."""
    first = next(iter(plan.folds.values()))
    results: dict[str, Any] = {
        "machine": machine(),
        "sets": {year: data.describe(folds.ratings_of(year)) for year in plan.folds},
        "folds": {year: compared(plan, splits) for year, splits in plan.folds.items()},
        "latest": compared(plan, [plan.latest]),
        "coverage": coverage(plan, first),
        "chains": chains(plan, plan.splits),
        "tuned": plan.chosen(),
    }
    file = plan.out / "results.json"
    if file.exists():
        before = json.loads(file.read_text())
        for key in ("latest", "coverage", "chains"):
            results[key] = kept(before.get(key, []), results[key])
        for year, rows in results["folds"].items():
            results["folds"][year] = kept(before["folds"].get(year, []), rows)
        results["tuned"] = before["tuned"] | results["tuned"]
    plan.out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1, default=float) + "\n")


def kept(before: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that were judged now, in the place of those before, and those that were not."""
    now = {(row["model"], row["setting"]) for row in rows}
    order = list(MODELS)
    rows = rows + [row for row in before if (row["model"], row["setting"]) not in now]
    return sorted(rows, key=lambda row: order.index(row["model"]))
