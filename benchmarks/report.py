"""The tables and the figure, from the JSON files of the benchmarks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

NAMES = {
    "cflib": "cflib, fit_als",
    "bayes": "cflib, fit_bayes",
    "myfm": "myFM",
    "lenskit": "LensKit, BiasedMF",
    "cmfrec_cg": "cmfrec, conjugate gradient",
    "cmfrec_cholesky": "cmfrec, Cholesky",
    "surprise": "Surprise, SVD",
    "spark": "Spark, ALS",
    "implicit_cg": "implicit, conjugate gradient",
    "implicit_cholesky": "implicit, Cholesky",
    "implicit_lists": "implicit, recommend",
    "original": "the original's loop",
    "adam": "fit_adam",
    "als": "fit_als",
    "als_uncached": "fit_als, compiling first",
}


def write(out: Path) -> None:
    """Write `results.md` and `results.svg` for whichever benchmarks have run."""
    results = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
    sections = [TABLES[name](results[name]) for name in TABLES if name in results]
    machine = results.get("machine", {})
    told = [machine.get(key, "?") for key in ("processor", "cores", "system", "python")]
    head = "# Benchmarks\n\nTaken on {} ({} cores), {}, Python {}".format(*told)
    head += ", unless a part says otherwise."
    (out / "results.md").write_text("\n\n".join([head, *sections]) + "\n")
    panels = [(PANELS[name], results[name]) for name in PANELS if name in results]
    if panels:
        n_columns = min(3, len(panels))
        n_rows = math.ceil(len(panels) / n_columns)
        figure = Figure(figsize=(4.6 * n_columns, 3.6 * n_rows))
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for (draw, result), axis in zip(panels, axes, strict=False):
            draw(axis, result)
            axis.spines[["top", "right"]].set_visible(False)
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        figure.tight_layout()
        with mpl.rc_context({"svg.hashsalt": "benchmarks"}):  # the same numbers, the same file
            figure.savefig(out / "results.svg", metadata={"Date": None})


# ---------------------------------------------------------------- a: the original's cost


def seconds_to_cost(result: dict) -> tuple[float, dict[str, float]]:
    """The original's cost at the end, and the seconds that each solver took to reach it."""
    target = steps(result["original"][0])[-1]["cost"]
    seconds = {}
    for solver, runs in result.items():
        first = [
            next((s["seconds"] for s in steps(run) if s["cost"] <= target), math.inf)
            for run in runs
        ]
        seconds[solver] = median(first)
    return target, seconds


def table_a(result: dict) -> str:
    target, seconds = seconds_to_cost(result)
    epochs = steps(result["original"][0])[-1]["epochs"]
    adam = "`fit_adam` does what the loop does, on the observed ratings alone. "
    adam = adam if "adam" in result else ""
    rows = [
        [NAMES[solver], _seconds(s), f"{seconds['original'] / s:.0f}×" if s < math.inf else "—"]
        for solver, s in seconds.items()
    ]
    return (
        f"## a. Seconds to the original's cost\n\n{result['original'][0][-1]['set']}; 100 features,"
        f" λ = 1. The original's loop ends at a cost of {target:,.0f} after {epochs} epochs; the "
        f"others run until their cost is as low. {adam}Imports are not counted. Of `fit_als` it is "
        f"the median of {len(result['als'])} seeds.\n\n"
        + markdown(["solver", "seconds", "as fast as the loop"], rows)
    )


def panel_a(axis: Axes, result: dict) -> None:
    target, _ = seconds_to_cost(result)
    for solver in ("original", "adam", "als"):
        if solver not in result:
            continue
        points = steps(result[solver][0])
        axis.plot([s["seconds"] for s in points], [s["cost"] for s in points], label=NAMES[solver])
    axis.axhline(target, color="grey", linewidth=0.8, linestyle=":")
    axis.set(xscale="log", yscale="log", xlabel="seconds of training", ylabel="cost")
    axis.set_title("The original's cost")
    axis.legend(frameon=False, fontsize=8)


# ---------------------------------------------------------------- b: the peers


def common_rmse(of_set: dict) -> float:
    """The error that all reach: the worst of their best, up to the next thousandth."""
    best = [
        min(s["rmse"] for s in steps(run["lines"]))
        for run in of_set["peers"].values()
        if steps(run["lines"]) and steps(run["lines"])[0]["rmse"] is not None
    ]
    return math.ceil(1000 * max(best)) / 1000


def reached(run: dict, rmse: float) -> float:
    """Seconds at the first checkpoint with an error no higher than this; infinity if none."""
    return next((s["seconds"] for s in steps(run["lines"]) if s["rmse"] <= rmse), math.inf)


def table_b(result: dict) -> str:
    intro = (
        "## b. Beside the peers\n\n64 features for all, each with the λ that did best on a fifth "
        "of its own training ratings (`python -m benchmarks tune`), on all cores where it can use "
        "them, in single precision where it can. Errors are on held-out ratings, predictions "
        "clipped to the scale. The common error is the worst of the libraries' best, rounded up "
        "to a thousandth, so that each reaches it. Reading, and building a library's own kind of "
        "data set, are not counted. implicit's model is another, so only its iterations compare."
    )
    return tables_of_peers(intro, result, "cflib")


def table_g(result: dict) -> str:
    intro = (
        "## g. The most accurate models, from ratings alone\n\n16 features for all, measured as in "
        "b. `fit_bayes` and myFM sample: each line is a run of so many iterations, and the mean "
        "over its draws after the burn-in (5 iterations of ours, 10 of myFM's) predicts. "
        "`fit_bayes` runs two chains side by side; myFM trains on one core."
    )
    return tables_of_peers(intro, result, "bayes")


def compared(result: dict, our_name: str) -> dict:
    """The sets on which ours was run, to which the others are compared."""
    return {name: of_set for name, of_set in result.items() if our_name in of_set["peers"]}


def tables_of_peers(intro: str, result: dict, our_name: str) -> str:
    """A table for each set: when each library has the common error, and when it has our best."""
    parts = [intro]
    for name, of_set in compared(result, our_name).items():
        target = common_rmse(of_set)
        ours = of_set["peers"][our_name]
        # All may reach the common error in one epoch, so the time to our best is shown as well.
        strict = math.ceil(1000 * min(s["rmse"] for s in steps(ours["lines"]))) / 1000
        rows = []
        for peer, run in of_set["peers"].items():
            points = steps(run["lines"])
            if not points:
                rows.append([NAMES[peer], "—", "—", "—", "—", "—", "—"])
                continue
            row = [NAMES[peer]]
            if points[0]["rmse"] is None:
                row += ["—", "—", "—", "—"]
            else:
                at = reached(run, target)
                row += [
                    f"{at:.2f}",
                    f"{at / reached(ours, target):.1f}×",
                    _seconds(reached(run, strict)),
                    f"{min(s['rmse'] for s in points):.4f}",
                ]
            row += [f"{iteration_seconds(points):.2f}", _memory(run["lines"])]
            rows.append(row)
        best, features = of_set["best_rmse"], ours["options"]["features"]
        parts.append(
            f"### {name}, {features} features: {of_set['train']:,.0f} ratings to train on, "
            f"{of_set['test']:,.0f} held out; {of_set['n_movies']:,.0f} movies, "
            f"{of_set['n_users']:,.0f} users\n\n"
            + (f"No model can be below {best:.4f} here.\n\n" if math.isfinite(best) else "")
            + taken_on(of_set)
            + markdown(
                [
                    "library",
                    f"seconds to {target:.3f}",
                    "in cflib's",
                    f"seconds to {strict:.3f}",
                    "lowest error",
                    "seconds an iteration",
                    "peak memory, GB",
                ],
                rows,
            )
        )
    return "\n\n".join(parts)


def taken_on(result: dict) -> str:
    """Where something was measured, if it was noted with it: a part can be run again by itself."""
    machine = result.get("machine", {})
    if not machine:
        return ""
    return f"Taken on {machine['processor']} ({machine['cores']} cores).\n\n"


def iteration_seconds(points: list[dict]) -> float:
    """Seconds of one more iteration: the slope between the first checkpoint and the last."""
    first, last = points[0], points[-1]
    return (last["seconds"] - first["seconds"]) / max(last["epochs"] - first["epochs"], 1)


def panel_b(axis: Axes, result: dict) -> None:
    panel_of_peers(axis, result, "cflib")


def panel_g(axis: Axes, result: dict) -> None:
    panel_of_peers(axis, result, "bayes")


def panel_of_peers(axis: Axes, result: dict, our_name: str) -> None:
    """Error against seconds of each library, on the largest set."""
    if not compared(result, our_name):
        return
    name, of_set = list(compared(result, our_name).items())[-1]
    for peer, run in of_set["peers"].items():
        points = steps(run["lines"])
        if points and points[0]["rmse"] is not None:
            style = {"linewidth": 2.5, "zorder": 3} if peer == our_name else {"linewidth": 1}
            seconds, errors = [s["seconds"] for s in points], [s["rmse"] for s in points]
            axis.plot(seconds, errors, marker=".", label=NAMES[peer], **style)
    if math.isfinite(of_set["best_rmse"]):
        axis.axhline(of_set["best_rmse"], color="grey", linewidth=0.8, linestyle=":")
    axis.set(xscale="log", xlabel="seconds of training", ylabel="held-out RMSE, stars")
    axis.set_title(f"{name} ratings, {of_set['peers'][our_name]['options']['features']} features")
    low, high = axis.get_ylim()
    axis.set_ylim(low - (high - low) / 3, high)  # room for the legend
    axis.legend(frameon=False, fontsize=7, ncols=2, loc="lower center", columnspacing=1)


# ---------------------------------------------------------------- c and d: growth, the limit


def table_c(result: dict) -> str:
    rows = []
    head = [
        "ratings",
        "movies",
        "users",
        "seconds an iteration",
        "µs a rating",
        "peak memory, GB",
        "the limit, seconds",
        "iteration over limit",
        "over that of 256 bits",
    ]
    for row in result["rows"]:
        seconds = row["iteration_seconds"]
        limit, narrow = (row["flop"] / row[rate] for rate in RATES)
        line = [f"{row[axis]:,.0f}" for axis in ("ratings", "movies", "users")]
        line += [f"{seconds:.3f}", f"{1e6 * seconds / row['ratings']:.2f}"]
        line += [f"{row['peak_bytes'] / 1e9:.2f}", f"{limit:.3f}"]
        line += [f"{seconds / limit:.1f}×", f"{seconds / narrow:.1f}×"]
        rows.append(line)
    wide, narrow = (
        " to ".join(f"{rate / 1e9:.0f}" for rate in (min(of), max(of)))
        for of in ([row[name] for row in result["rows"]] for name in RATES)
    )
    return (
        "## c, d. Growth, and the limit\n\n"
        f"`fit_als` with {result['options']['features']} features, a process for each size: "
        "seconds an iteration (the median), and the peak memory of the whole process with its "
        "data and TensorFlow. The limit is the time of the operations that an iteration needs at "
        "least (the normal equations, their Cholesky factors and substitutions) at the machine's "
        f"rate for a large matrix product, measured before and after each size: {wide} GFLOP/s. "
        f"With vectors of 256 bits, which are what Numba's code uses, it is {narrow} GFLOP/s.\n\n"
        + taken_on(result)
        + markdown(head, rows)
    )


RATES = ("flop_per_second", "flop_per_second_256")


def panel_c(axis: Axes, result: dict) -> None:
    rows = result["rows"]
    ratings = [row["ratings"] for row in rows]
    axis.plot(ratings, [row["iteration_seconds"] for row in rows], marker="o", label="an iteration")
    limits = [row["flop"] / row["flop_per_second"] for row in rows]
    axis.plot(ratings, limits, marker=".", label="the limit (matrix product)")
    slope = rows[-1]["iteration_seconds"] / ratings[-1]
    proportional = [slope * n for n in ratings]
    axis.plot(ratings, proportional, color="grey", linestyle=":", label="through the origin")
    axis.set(xscale="log", yscale="log", xlabel="ratings", ylabel="seconds an iteration")
    axis.set_title(f"Growth, {result['options']['features']} features")
    axis.legend(frameon=False, fontsize=8)


# ---------------------------------------------------------------- e: growth of the Bayesian model


def table_e(result: dict) -> str:
    head = [
        "ratings",
        "an iteration from ratings alone, s",
        "with who rated what, s",
        "ratio",
        "its set-up, s",
        "peak memory, GB",
    ]
    rows = []
    for row in result["rows"]:
        alone, rated = row["alone_seconds"], row["rated_seconds"]
        line = [f"{row['ratings']:,}", f"{alone:.3f}", f"{rated:.3f}", f"{rated / alone:.1f}×"]
        line += [f"{row['rated_setup_seconds']:.1f}", f"{row['rated_peak_bytes'] / 1e9:.2f}"]
        rows.append(line)
    return (
        "## e. Growth of the Bayesian model\n\n"
        f"`fit_bayes` with {result['options']['features']} features: seconds an iteration (the "
        "median), of the set-up before the first, and the peak memory of the whole process.\n\n"
        + taken_on(result)
        + markdown(head, rows)
    )


def panel_e(axis: Axes, result: dict) -> None:
    ratings = [row["ratings"] for row in result["rows"]]
    lines = {
        "alone_seconds": "an iteration, ratings alone",
        "rated_seconds": "with who rated what",
        "rated_setup_seconds": "its set-up",
    }
    for key, label in lines.items():
        axis.plot(ratings, [row[key] for row in result["rows"]], marker="o", label=label)
    axis.set(xscale="log", yscale="log", xlabel="ratings", ylabel="seconds")
    axis.set_title(f"fit_bayes, {result['options']['features']} features")
    axis.legend(frameon=False, fontsize=8)


# ---------------------------------------------------------------- f: lists for everybody


def table_f(result: dict) -> str:
    rows = []
    for maker, lines in result["runs"].items():
        timed = [line for line in lines if "seconds" in line]
        clock, used = (median(line[key] for line in timed) for key in ("seconds", "cpu_seconds"))
        name = "cflib, top_n" if maker == "cflib" else NAMES[maker]
        rows.append([name, f"{clock:.2f}", f"{used:.2f}", _memory(lines)])
    options = result["options"]
    n_users, n_movies = f"{result['n_users']:,}", f"{result['n_movies']:,}"
    return (
        f"## f. Lists for everybody\n\nThe {options['n']} best of {n_movies} movies for each of "
        f"{n_users} users, without those that a user has rated ({result['train']:,} ratings), from "
        f"the same {options['features']} random features. In turns, the median of "
        f"{len(timed)}. Of all places in the lists {100 * result['same']:.2f} % hold the same "
        "movie.\n\n"
        + taken_on(result)
        + markdown(["made by", "seconds", "of all processors", "peak memory, GB"], rows)
    )


TABLES = {
    "a": table_a,
    "b": table_b,
    "c": table_c,
    "e": table_e,
    "f": table_f,
    "g": table_g,
}
PANELS = {"a": panel_a, "b": panel_b, "c": panel_c, "e": panel_e, "g": panel_g}


def steps(lines: list[dict]) -> list[dict]:
    """The checkpoints among what a process printed."""
    return [line for line in lines if "epochs" in line]


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if math.isfinite(seconds) else "not reached"


def _memory(lines: list[dict]) -> str:
    peak = [line["peak_bytes"] for line in lines if "peak_bytes" in line]
    return f"{peak[0] / 1e9:.2f}" if peak else "stopped by the time limit"
