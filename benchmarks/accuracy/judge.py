"""One judge for everybody: errors, lists, their intervals, and differences to the best of ours.

What the models predicted is read from the files of `fit.py`; the metrics and the bootstrap over
users are `cflib.metrics`', the same draws for all. Figures of several folds are means over the
folds, and a draw takes the same users in each of them. A model is compared with our best one that
is given the same information, on the folds that both were run on.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cflib import data, evaluate, metrics

from ..__main__ import BUILD, machine
from . import folds, race
from .__main__ import FOLDS, MODELS, chosen, settings_of

USES = {
    "ratings": "ratings alone",
    "who rated what": "who rated what, too",
    "film features": "film features, too",
    "ranking": "who rated what alone",
}
GROUPS = {"fewer than 5": (0, 5), "5 to 50": (5, 51), "more than 50": (51, None)}


class Stored(NamedTuple):
    """What a model predicted and recommended, under the protocol of `cflib.evaluate`."""

    data_fingerprint: str
    predicted: np.ndarray | None
    films: np.ndarray | None
    n_movies: int

    def predict(self, movie_index, user_index):
        return self.predicted

    def score_users(self, user_index):
        scores = np.zeros((self.n_movies, len(user_index)), np.float32)
        places = np.arange(self.films.shape[1], 0, -1)
        scores[self.films[user_index], np.arange(len(user_index))[:, None]] = places
        return scores


def stored(file, split: str) -> Stored:
    train = folds.of(split).train
    with np.load(file) as found:
        return Stored(train.fingerprint, found.get("predicted"), found.get("films"), train.n_movies)


def score(file, split: str) -> float:
    """What settings are chosen by, less is better: RMSE, or -NDCG@10 of who predicts no ratings."""
    model, parts = stored(file, split), folds.of(split)
    if model.predicted is not None:
        return metrics.rmse(parts.test.value, model.predicted)
    return -float(evaluate.rank({"it": model}, parts)["ndcg"].iloc[0])


def shares(file, split: str, metric: str):
    model, parts = stored(file, split), folds.of(split)
    test = parts.test
    if metric in metrics.METRICS and model.predicted is not None:
        args = test.value, model.predicted, test.user_index, test.n_users
        return metrics.error_shares(*args, metric)
    if metric in metrics.RANKING and model.films is not None:
        own = evaluate.rankings({"it": model}, parts)["it"][metric]
        return metrics.mean_shares(own.to_numpy(), own.index.to_numpy(), test.n_users)
    return None


def files(name: str, setting: str, splits) -> dict:
    """The runs there are of a setting, by split; runs of another one under its name don't count."""
    whole, found = MODELS[name]["fixed"] | settings_of(name)[setting], {}
    for split in splits:
        file = BUILD / "accuracy" / split / f"{name}.{setting}.npz"
        note = file.with_suffix(".json")
        if file.exists() and note.exists() and json.loads(note.read_text()) == whole:
            found[split] = file
    return found


def compared(splits) -> list[dict]:
    """A row a model and setting that was run on any of the splits, with everything about it."""
    wanted = ["rmse", "mae"] + (["ndcg", "recall"] if "latest" in splits[0] else [])
    rows = []
    for name, told in MODELS.items():
        for setting, options in settings_of(name).items():
            found = files(name, setting, splits)
            if not found:
                continue
            row = {"model": name, "label": told["label"], "uses": told["uses"],
                   "ours": told.get("ours", False), "setting": setting, "options": options,
                   "splits": list(found)}  # fmt: skip
            row["shares"] = {m: {s: shares(f, s, m) for s, f in found.items()} for m in wanted}
            for metric, own in row["shares"].items():
                if None not in own.values():
                    row[metric] = metrics.estimate(list(own.values()))
            for cost in ("seconds", "train_seconds", "train_cpu_seconds", "peak_bytes"):
                row[cost] = float(np.mean([np.load(f)[cost] for f in found.values()]))
            rows.append(row)
    for metric in wanted:
        _against_ours(rows, metric, best=max if metric in metrics.RANKING else min)
    for row in rows:
        del row["shares"]
    return rows


def _against_ours(rows, metric, best) -> None:
    """Each row's difference to our best row that is given the same, on the splits of both.

    For ratings the best is chosen among ours that were run on the most splits.
    """
    for uses in USES:
        for_lists = metric in metrics.RANKING
        able = [r for r in rows if metric in r and (for_lists or r["uses"] == uses)]
        ours = [r for r in able if r["ours"]]
        if not ours:
            continue
        most = max(len(r["splits"]) for r in ours)
        to = best((r for r in ours if len(r["splits"]) == most), key=lambda r: r[metric][0])
        for row in able:
            both = [s for s in row["splits"] if s in to["splits"]]
            if row is not to and both:
                pair = ([r["shares"][metric][s] for s in both] for r in (row, to))
                row[f"{metric}_to_ours"] = [
                    *metrics.difference(*pair), f"{to['model']}.{to['setting']}"
                ]  # fmt: skip


def coverage(splits) -> list[dict]:
    """Share of the held-out ratings in the 90 % intervals, by the film's training ratings."""
    rows = []
    for name in MODELS:
        for setting in settings_of(name):
            hit, count, user = [], [], []
            for split, file in files(name, setting, splits).items():
                with np.load(file) as found:
                    if "low" not in found:
                        continue
                    train, test = folds.of(split).train, folds.of(split).test
                    hit.append(metrics.covered(test.value, found["low"], found["high"]))
                    count.append(train.movie_counts[test.movie_index])
                    user.append(test.user_index)
            if not hit:
                continue
            hit, count, user = map(np.concatenate, (hit, count, user))
            for group, (least, end) in {"all": (0, None), **GROUPS}.items():
                mine = (count >= least) & (count < (end or np.inf))
                rows.append({
                    "model": name, "setting": setting, "films_with": group, "n": int(mine.sum()),
                    "coverage": metrics.estimate(metrics.mean_shares(hit[mine], user[mine])),
                })  # fmt: skip
    return rows


def frame(found) -> pd.DataFrame:
    """A row a test, model and setting, each metric with its interval: what chapter 04 reads."""
    tests = {f"five folds, {year}": rows for year, rows in found["folds"].items()}
    rows = []
    for test, compared_there in (tests | {"latest fifth, 2018": found["latest"]}).items():
        for row in compared_there:
            told = {"test": test, "model": f"{row['label']} ({row['uses']})", "ours": row["ours"],
                    "setting": row["setting"]}  # fmt: skip
            for metric in ("rmse", "mae", "ndcg", "recall"):
                triple = row.get(metric, [np.nan] * 3)
                told |= dict(zip([metric, f"{metric}_low", f"{metric}_high"], triple, strict=True))
            rows.append(told | {cost: row[cost] for cost in ("seconds", "peak_bytes")})
    return pd.DataFrame(rows)


def write(out) -> None:
    """results.json, results.csv, results.md and results.png, in the folder `out`."""
    found = {
        "machine": machine(),
        "sets": {year: data.describe(data.load(name)) for year, name in folds.SETS.items()},
        "folds": {year: compared(splits) for year, splits in FOLDS.items()},
        "latest": compared(["2018-latest"]),
        "coverage": coverage(FOLDS["2018"]),
        "tuned": chosen(),
    }
    (out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    frame(found).to_csv(out / "results.csv", index=False, float_format="%.6g")
    (out / "results.md").write_text(markdown(found))
    figure(found["folds"]["2018"]).savefig(out / "results.png", dpi=110)


# The table ----------------------------------------------------------------------------------


def markdown(found) -> str:
    parts = ["# How well we and the peers predict, on the same folds\n"]
    parts.append(
        "Made by `python -m benchmarks.accuracy report`. Intervals are 95 %, by bootstrap over "
        "users, the same draws for all. Differences are to the best of ours that is given the "
        "same information, paired; above zero is worse for RMSE. Seconds are of training and of "
        "predicting the test ratings of a fold; processor seconds are of training, all cores "
        f"together. On {found['machine']['processor']}, {found['machine']['cores']} cores.\n"
    )
    for year, rows in found["folds"].items():
        if rows:
            parts += [f"## Five folds: {found['sets'][year]}\n", _ratings_table(rows, 5)]
    if found["latest"]:
        parts += ["## Each user's latest fifth, ratings\n", _ratings_table(found["latest"], 1)]
        parts += ["## Each user's latest fifth, ten recommendations\n", _lists(found["latest"])]
    if found["coverage"]:
        parts += ["## Ratings inside their 90 % intervals (five folds, 2018)\n"]
        parts += [_table(
            ["model", "setting", "films with … training ratings", "test ratings", "inside"],
            [[f"{_label(r)}, {USES[MODELS[r['model']]['uses']]}", r["setting"], r["films_with"], f"{r['n']:,}", _value(r["coverage"])]
             for r in found["coverage"]],
        )]  # fmt: skip
    if race.FILE.exists():
        parts += [
            "## Seconds to myFM's error (first fold, 2018; `python -m benchmarks.accuracy race`)\n"
        ]
        parts += [_table(
            ["given", "myFM's RMSE", "myFM, s", "fit_bayes, s", "its sweeps until then"],
            [[leg["given"], f"{leg['rmse']:.4f}", f"{leg['myfm_seconds']:.1f}", *_there(leg)]
             for leg in json.loads(race.FILE.read_text())["legs"]],
        )]  # fmt: skip
    return "\n".join(parts)


def _there(leg) -> list[str]:
    if leg["our_seconds"] is None:
        return ["not there", f"{race.OURS['sweeps']}, all"]
    return [f"{leg['our_seconds']:.1f}", str(leg["our_sweeps"])]


def _label(row) -> str:
    told = MODELS[row["model"]]
    label = told["label"] if not told.get("ours") else f"**{told['label']}**"
    return label


def _value(triple, form=".4f") -> str:
    value, low, high = triple[:3]
    return f"{value:{form}} ({low:{form}}–{high:{form}})"


def _paired(row, metric) -> str:
    if f"{metric}_to_ours" not in row:
        return ""
    value, low, high, _ = row[f"{metric}_to_ours"]
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


def _ratings_table(rows, n_folds) -> str:
    lines = []
    for uses, given in USES.items():
        mine = [row for row in rows if row["uses"] == uses and "rmse" in row]
        for row in sorted(mine, key=lambda row: row["rmse"][0]):
            lines.append([
                given, _label(row), _setting(row), _value(row["rmse"]),
                _paired(row, "rmse"), _value(row["mae"]), f"{row['seconds']:.1f}",
                f"{row['train_cpu_seconds']:.1f}", f"{row['peak_bytes'] / 1e9:.2f}",
                f"{len(row['splits'])} of {n_folds}",
            ])  # fmt: skip
    head = ["given", "model", "setting", "RMSE", "difference to ours", "MAE", "s", "processor s",
            "GB", "folds"]  # fmt: skip
    return _table(head, lines)


def _lists(rows) -> str:
    able = [row for row in rows if "ndcg" in row]
    lines = [
        [_label(row), USES[row["uses"]], _setting(row), _value(row["ndcg"]),
         _paired(row, "ndcg"), _value(row["recall"]), f"{row['train_seconds']:.1f}"]
        for row in sorted(able, key=lambda row: -row["ndcg"][0])
    ]  # fmt: skip
    head = ["model", "given", "setting", "NDCG@10", "difference to ours", "Recall@10", "s"]
    return _table(head, lines)


def _setting(row) -> str:
    told = ", ".join(f"{key} {value}" for key, value in row["options"].items())
    return f"{row['setting']}: {told}" if told else row["setting"]


def _table(head, lines) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)


# The figure ---------------------------------------------------------------------------------


def figure(rows):
    """RMSE with its interval, a row a model at its better setting, grouped by what it is given."""
    best = {}
    for row in rows:
        if "rmse" in row:
            kept = best.get(row["model"])
            if kept is None or (-len(row["splits"]), row["rmse"]) < (
                -len(kept["splits"]), kept["rmse"]
            ):  # fmt: skip
                best[row["model"]] = row
    order = [
        row
        for uses in ("film features", "who rated what", "ratings")
        for row in sorted(best.values(), key=lambda row: row["rmse"][0])
        if row["uses"] == uses
    ]
    drawn, axes = plt.subplots(figsize=(7.5, 0.28 * len(order) + 1.2), layout="constrained")
    for place, row in enumerate(order):
        value, low, high = row["rmse"]
        colour = "#c2410c" if row["ours"] else "#475569"
        axes.plot([low, high], [place, place], color=colour, lw=1.5, alpha=0.5)
        axes.plot(value, place, "o", color=colour, ms=5)
        axes.annotate(f"{value:.3f}", (high, place), (4, 0), textcoords="offset points",
                      va="center", fontsize=8, color=colour)  # fmt: skip
    for place in range(1, len(order)):
        if order[place]["uses"] != order[place - 1]["uses"]:
            axes.axhline(place - 0.5, color="0.7", lw=0.8)
    for uses in dict.fromkeys(row["uses"] for row in order):
        first = next(n for n, row in enumerate(order) if row["uses"] == uses)
        axes.annotate(USES[uses], (1, first), (-4, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", ha="right", va="center", fontsize=8,
                      style="italic")  # fmt: skip
    several = max((len(row["splits"]) for row in order), default=1)
    names = [
        row["label"]
        if len(row["splits"]) == several
        else f"{row['label']} ({len(row['splits'])} of {several} folds)"
        for row in order
    ]
    axes.set_yticks(range(len(order)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("RMSE on held-out ratings, stars (mean of folds, 95 % interval over users)")
    axes.set_title("Held-out error, by what a model is given (ours in orange)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn
