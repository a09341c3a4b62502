"""The tables and the figure, from results.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from . import race
from .judge import USES
from .plan import MODELS, Plan

Row = dict[str, Any]


def write(plan: Plan) -> None:
    """results.csv, results.md and results.png, beside results.json."""
    results = json.loads((plan.out / "results.json").read_text())
    frame(results).to_csv(plan.out / "results.csv", index=False, float_format="%.6g")
    (plan.out / "results.md").write_text(markdown(results, plan.out / "race.json"))
    drawn = figure(next(iter(results["folds"].values())))
    drawn.savefig(plan.out / "results.png", dpi=110)


def tests_of(results: dict[str, Any]) -> dict[str, list[Row]]:
    """The rows of every test, by its name."""
    years = list(results["folds"])
    tests = {f"five folds, {year}": results["folds"][year] for year in years}
    return tests | {f"latest fifth, {years[0]}": results["latest"]}


def frame(results: dict[str, Any]) -> pd.DataFrame:
    """A row for each test, model and setting, each metric with its interval.

    Chapter 04 reads it.
    """
    rows = []
    for test, compared in tests_of(results).items():
        for row in compared:
            line = {
                "test": test,
                "model": f"{row['label']} ({row['uses']})",
                "ours": row["ours"],
                "setting": row["setting"],
            }
            for metric in ("rmse", "mae", "ndcg", "recall"):
                names = [metric, f"{metric}_low", f"{metric}_high"]
                line |= dict(zip(names, row.get(metric, [np.nan] * 3), strict=True))
            rows.append(line | {cost: row[cost] for cost in ("seconds", "peak_bytes")})
    return pd.DataFrame(rows)


# The tables ---------------------------------------------------------------------------------


def markdown(results: dict[str, Any], race_file: Path) -> str:
    """The tables of all tests."""
    parts = ["# How well we and the peers predict, on the same folds\n"]
    parts.append(
        "Made by `python -m benchmarks.accuracy report`. Intervals are 95 %, by bootstrap over "
        "users, the same draws for all. Differences are to the best of ours that is given the "
        "same information when the row was judged, paired; above zero is worse for RMSE. Rows of "
        "models that were not run again keep their numbers. Seconds are of training and of "
        "predicting the test ratings of a fold; processor seconds are of training, all cores "
        f"together. On {results['machine']['processor']}, {results['machine']['cores']} cores.\n"
    )
    for year, rows in results["folds"].items():
        if rows:
            parts += [f"## Five folds: {results['sets'][year]}\n", _ratings_table(rows, 5)]
    if latest := results["latest"]:
        parts += ["## Each user's latest fifth, ratings\n", _ratings_table(latest, 1)]
        parts += ["## Each user's latest fifth, ten recommendations\n", _lists_table(latest)]
    if results["coverage"]:
        year = next(iter(results["folds"]))
        parts += [f"## Ratings inside their 90 % intervals (five folds, {year})\n"]
        parts += [_coverage_table(results["coverage"])]
    if results.get("chains"):
        parts += ["## Have the chains of `fit_bayes` converged?\n", CHAINS]
        parts += [_chains_table(results["chains"])]
    if race_file.exists():
        parts += ["## Time to myFM's error (`python -m benchmarks.accuracy race`)\n"]
        parts.append(
            "Both train on a part of the first fold's training ratings, each for its shortest run "
            f"within {race.CLOSE} of myFM's best error on the rest of them. `fit_bayes` with "
            f"{race.OURS.n_features} features, one chain and a burn-in of {race.OURS.burn_in} "
            "iterations; myFM with the settings chosen for it, but the length.\n"
        )
        parts += [_race_table(json.loads(race_file.read_text())["legs"])]
    return "\n".join(parts)


def _ratings_table(rows: list[Row], n_folds: int) -> str:
    head = [
        "given",
        "model",
        "setting",
        "RMSE",
        "difference to ours",
        "MAE",
        "s",
        "processor s",
        "GB",
        "folds",
    ]
    lines = []
    for uses, given in USES.items():
        of_kind = [row for row in rows if row["uses"] == uses and "rmse" in row]
        for row in sorted(of_kind, key=lambda row: row["rmse"][0]):
            line = [given, _label(row), _setting(row)]
            line += [_value(row["rmse"]), _paired(row, "rmse"), _value(row["mae"])]
            line += [f"{row[cost]:.1f}" for cost in ("seconds", "train_cpu_seconds")]
            line += [f"{row['peak_bytes'] / 1e9:.2f}", f"{len(row['splits'])} of {n_folds}"]
            lines.append(line)
    return _table(head, lines)


def _lists_table(rows: list[Row]) -> str:
    head = ["model", "given", "setting", "NDCG@10", "difference to ours", "Recall@10", "s"]
    ranking = sorted((row for row in rows if "ndcg" in row), key=lambda row: -row["ndcg"][0])
    lines = [
        [
            _label(row),
            USES[row["uses"]],
            _setting(row),
            _value(row["ndcg"]),
            _paired(row, "ndcg"),
            _value(row["recall"]),
            f"{row['train_seconds']:.1f}",
        ]
        for row in ranking
    ]
    return _table(head, lines)


def _coverage_table(rows: list[Row]) -> str:
    head = ["model", "setting", "movies with … training ratings", "test ratings", "inside"]
    lines = [
        [
            f"{_label(row)}, {USES[MODELS[row['model']]['uses']]}",
            row["setting"],
            row["movies_with"],
            f"{row['n']:,}",
            _value(row["coverage"]),
        ]
        for row in rows
    ]
    return _table(head, lines)


CHAINS = (
    "R-hat tends to 1 when chains from different starts agree. `fit_bayes` warns from 1.1 on, of "
    "the noise or of more than 5 of 100 predictions. The other scales shape the priors alone, and "
    "move slowly. ESS: the effective sample size, of all kept draws of all chains.\n"
)


def _chains_table(rows: list[Row]) -> str:
    head = [
        "model",
        "setting",
        "split",
        "R-hat, noise",
        "ESS, noise",
        "predictions with R-hat below 1.1",
        "largest R-hat of a prediction",
        "median ESS of a prediction",
        "largest R-hat of another scale",
    ]
    lines = []
    for row in rows:
        (r_hat, ess), (share, largest, median) = row["noise"], row["predictions"]
        line = [
            f"{_label(row)}, {USES[MODELS[row['model']]['uses']]}",
            row["setting"],
            row["split"],
        ]
        line += [f"{r_hat:.2f}", f"{ess:.0f}", f"{share:.0%}", f"{largest:.2f}", f"{median:.0f}"]
        lines.append([*line, f"{row['other_scales']:.2f}"])
    return _table(head, lines)


def _race_table(legs: list[Row]) -> str:
    head = ["given", "model", "iterations", "validation RMSE", "test RMSE", "s", "processor s"]
    lines = []
    for leg in legs:
        for label, run in (("myFM", leg["myfm"]), ("**fit_bayes**", leg["ours"])):
            line = [f"not within {race.OURS.iterations}", "", "", "", ""]
            if run is not None:
                line = [str(run["iterations"])]
                line += [f"{run[error]:.4f}" for error in ("validation_rmse", "rmse")]
                line += [f"{run[cost]:.1f}" for cost in ("seconds", "cpu_seconds")]
            lines.append([leg["given"], label, *line])
    return _table(head, lines)


def _label(row: Row) -> str:
    entry = MODELS[row["model"]]
    return f"**{entry['label']}**" if entry.get("ours") else entry["label"]


def _value(triple: Sequence[float]) -> str:
    value, low, high = triple[:3]
    return f"{value:.4f} ({low:.4f}–{high:.4f})"


def _paired(row: Row, metric: str) -> str:
    if f"{metric}_to_ours" not in row:
        return ""
    value, low, high, _ = row[f"{metric}_to_ours"]
    return f"{value:+.4f} ({low:+.4f} to {high:+.4f})"


def _setting(row: Row) -> str:
    options = ", ".join(f"{key} {value}" for key, value in row["options"].items())
    return f"{row['setting']}: {options}" if options else row["setting"]


def _table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


# The figure ---------------------------------------------------------------------------------


def figure(rows: list[Row]) -> Figure:
    """RMSE with its interval: each model at its better setting, by what it is given."""
    order = _in_order(rows)
    drawn = Figure(figsize=(7.5, 0.28 * len(order) + 1.2), layout="constrained")
    axes = drawn.subplots()
    for place, row in enumerate(order):
        value, low, high = row["rmse"]
        colour = "#c2410c" if row["ours"] else "#475569"
        axes.plot([low, high], [place, place], color=colour, lw=1.5, alpha=0.5)
        axes.plot(value, place, "o", color=colour, ms=5)
        axes.annotate(
            f"{value:.3f}",
            (high, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
        )
    for place, row in enumerate(order):
        if place and row["uses"] == order[place - 1]["uses"]:
            continue
        if place:
            axes.axhline(place - 0.5, color="0.7", lw=0.8)
        axes.annotate(
            USES[row["uses"]],
            (1, place),
            (-4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            style="italic",
        )
    axes.set_yticks(range(len(order)), _names(order), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("RMSE on held-out ratings, stars (mean of folds, 95 % interval over users)")
    axes.set_title("Held-out error, by what a model is given (ours in orange)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn


def _in_order(rows: list[Row]) -> list[Row]:
    """Each model at its better setting (of those on the most splits), grouped by what it uses."""
    best: dict[str, Row] = {}
    for row in rows:
        if "rmse" in row:
            kept = best.setdefault(row["model"], row)
            if (-len(row["splits"]), row["rmse"]) < (-len(kept["splits"]), kept["rmse"]):
                best[row["model"]] = row
    by_error = sorted(best.values(), key=lambda row: row["rmse"][0])
    groups = ("movie features", "who rated what", "ratings")
    return [row for uses in groups for row in by_error if row["uses"] == uses]


def _names(rows: list[Row]) -> list[str]:
    most = max((len(row["splits"]) for row in rows), default=1)
    folds = [len(row["splits"]) for row in rows]
    return [
        row["label"] if n == most else f"{row['label']} ({n} of {most} folds)"
        for n, row in zip(folds, rows, strict=True)
    ]
