"""Run the benchmarks: `python -m benchmarks all`, or `make bench`.

One process is measured at a time. What they print goes to JSON files, one a benchmark, and from
those `report.py` makes the table and the figure, so that a part can be run again by itself.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import click
import numpy as np

from cflib import data, split

from . import report

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "bench"
SETTINGS = json.loads((HERE / "settings.json").read_text())
SIZES = [100_000, 250_000, 1_000_000, 2_500_000, 10_000_000, 25_000_000]
SETS = {  # the large ones in the shape of MovieLens' 1M and 10M sets
    "small": None,
    "1M": (3_706, 6_040, 1_000_000),
    "10M": (10_677, 69_878, 10_000_000),
}
ENVIRONMENT = {
    "cmfrec_cg": "cmfrec",
    "cmfrec_cholesky": "cmfrec",
    "implicit_cg": "implicit",
    "implicit_cholesky": "implicit",
}
# What implicit's documentation asks for: its threads are its own, not the BLAS library's.
VARIABLES = {"implicit_cg": {"OPENBLAS_NUM_THREADS": "1"}}
VARIABLES["implicit_cholesky"] = VARIABLES["implicit_cg"]


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing or outdated."""
    name = ENVIRONMENT.get(peer, peer)
    folder, pinned = BUILD / name, HERE / "requirements" / f"{name}.txt"
    made_from = folder / pinned.name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not made_from.exists() or made_from.read_text() != pinned.read_text():
        click.echo(f"making the environment of {name}")
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", pinned], check=True)
        shutil.copy(pinned, made_from)
    return python


def lines_of(command, limit=None, **variables) -> list[dict]:
    """What a process prints, as JSON a line; what it says besides is shown if it fails.

    After `limit` seconds it is ended, and what it had printed counts.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, stderr=said, text=True,
            cwd=HERE.parent, env=os.environ | variables,
        )  # fmt: skip
        try:
            printed, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
        else:
            if process.returncode:
                said.seek(0)
                raise click.ClickException(f"{command} failed:\n{said.read()[-3000:]}")
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def ours(what: str, variables=None, **options) -> list[dict]:
    command = [sys.executable, "-m", "benchmarks.ours", what, json.dumps(options)]
    return lines_of(command, **(variables or {}))


def set_at(name: str) -> Path:
    """Training and held-out ratings of a set, for us and the peers: made once."""
    path = BUILD / "data" / f"{name}.npz"
    if not path.exists():
        click.echo(f"making the set {name}")
        ratings, best = data.load("auto"), np.nan
        if SETS[name] is not None:
            ratings, truth = data.synthetic(*SETS[name])
            best = truth.best_rmse
        _write(path, split.holdout(ratings, 0.2 if SETS[name] is None else 0.1), best)
    return path


def _write(path: Path, parts, best) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    train, test = parts.train, parts.test
    np.savez(
        path, n_movies=train.n_movies, n_users=train.n_users, best_rmse=best,
        movie=train.movie_index, user=train.user_index, value=train.value,
        test_movie=test.movie_index, test_user=test.user_index, test_value=test.value,
    )  # fmt: skip


def run_peer(peer: str, path: Path, options: dict, limit=None) -> list[dict]:
    if peer == "cflib":
        return ours("peer", path=str(path), **options)
    command = [python_of(peer), HERE / "peers.py", peer, path, json.dumps(options)]
    return lines_of(command, limit, **VARIABLES.get(peer, {}))


def options_for(peer: str, name: str) -> dict:
    told = SETTINGS["peers"][peer]
    return told.get("common", {}) | told.get(name, {}) | {
        "features": SETTINGS["features"], "seed": SETTINGS["seed"], "epochs": told["epochs"][name],
    }  # fmt: skip


def save(out: Path, name: str, result) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    report.write(out)


def benchmark_a(out: Path) -> None:
    """The original's cost: the original's loop, our solvers, and ours with the compiler."""
    ours("cost", solver="als", sweeps=1)  # so that the compiled code is cached
    result = {"original": [ours("cost", solver="original")]}
    result["adam"] = [ours("cost", solver="adam", epochs=500, init_scale=1.0, learning_rate=0.1)]
    result["als"] = [ours("cost", solver="als", sweeps=12, seed=seed) for seed in range(5)]
    with tempfile.TemporaryDirectory() as nothing_cached:
        variables = {"NUMBA_CACHE_DIR": nothing_cached}
        result["als_uncached"] = [ours("cost", variables, solver="als", sweeps=12)]
    save(out, "a", result)


def benchmark_b(out: Path, only=(), sets=tuple(SETS)) -> None:
    """The peers at equal rank: error against seconds, and peak memory."""
    stored = out / "b.json"
    result = json.loads(stored.read_text()) if stored.exists() else {}
    for name in sets:
        path = set_at(name)
        with np.load(path) as arrays:
            of_set = result.setdefault(name, {"peers": {}})
            of_set |= {key: float(arrays[key]) for key in ("n_movies", "n_users", "best_rmse")}
            of_set |= {"train": len(arrays["value"]), "test": len(arrays["test_value"])}
        for peer in only or SETTINGS["peers"]:
            click.echo(f"{name}: {peer}")
            options = options_for(peer, name)
            lines = run_peer(peer, path, options, SETTINGS["limit_seconds"])
            of_set["peers"][peer] = {"options": options, "lines": lines}
            save(out, "b", result)


def benchmark_c(out: Path, sizes=SIZES) -> None:
    """Growth, and how far a sweep is from the machine's limit: a process for each size."""
    options = options_for("cflib", "10M") | {"sweeps": 4}
    del options["epochs"]
    rows = []
    for n in sizes:
        click.echo(f"{n:,} ratings")
        folder = BUILD / "data" / f"growth_{n}"
        shape = {
            "n_movies": round(62_000 * (n / 25e6) ** 0.5),
            "n_users": round(162_000 * n / 25e6),
        }
        if not folder.exists():
            (made,) = ours("make", **shape, n_ratings=n, folder=str(folder))
            click.echo(f"made in {made['seconds']:.0f} s")
        (row,) = ours("growth", folder=str(folder), **options)
        rows.append(row)
        (rate,) = ours("rate")
        save(out, "c", {"options": options, "rows": rows, **rate})


def machine() -> dict:
    """What the figures were taken on."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(": ")[1] for x in lines if x.startswith("model name")), model)
    return {
        "processor": model, "cores": report.CORES, "python": platform.python_version(),
        "system": platform.system(),
    }  # fmt: skip


def tune(sets=("small", "1M"), only=()) -> None:
    """Try each peer's λ on a fifth of its own training ratings; print the errors, best first."""
    for name in sets:
        path = BUILD / "data" / f"{name}_tuning.npz"
        if not path.exists():
            with np.load(set_at(name)) as stored:
                from .ours import as_ratings

                train = as_ratings(
                    *(stored[key] for key in ("movie", "user", "value")),
                    int(stored["n_movies"]), int(stored["n_users"]),
                )  # fmt: skip
            _write(path, split.holdout(train, seed=1), np.nan)
        for peer in only or SETTINGS["peers"]:
            told = SETTINGS["peers"][peer]
            for choice in told.get("tried", []):
                options = options_for(peer, name) | choice
                lines = run_peer(peer, path, options | {"epochs": [max(options["epochs"])]})
                click.echo(f"{name} {peer} {choice}: {lines[0]['rmse']:.4f}")


@click.command()
@click.argument("which", nargs=-1, type=click.Choice(["a", "b", "c", "d", "all", "tune", "report"]))
@click.option("--out", type=click.Path(path_type=Path), default=HERE / "results")
@click.option("--peer", multiple=True, help="Only this peer, in b and tune; may be repeated.")
@click.option("--set", "sets", multiple=True, help="Only this set, in b and tune; may be repeated.")
def main(which, out, peer, sets):
    """Run benchmarks a, b, c (with d), or all; tune; or make the report of what was run."""
    wanted = {"a", "b", "c"} if "all" in which else set(which)
    if "tune" in wanted:
        tune(sets or ("small", "1M"), peer)
    if wanted & {"a", "b", "c", "d"}:
        save(out, "machine", machine())
    if "a" in wanted:
        benchmark_a(out)
    if "b" in wanted:
        benchmark_b(out, peer, sets or tuple(SETS))
    if wanted & {"c", "d"}:
        benchmark_c(out)
    report.write(out)
    click.echo(out / "results.md")


if __name__ == "__main__":
    main()
