"""Benchmarks a to g: what to measure, one process at a time, and the files it goes to."""

from __future__ import annotations

import dataclasses
import itertools
import json
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np

from cflib import data, split

from . import report
from .environments import BUILD, lines_of, machine, ours, python_of
from .ours import as_ratings

HERE = Path(__file__).parent
SETTINGS = json.loads((HERE / "settings.json").read_text())
# What implicit's documentation asks for: its threads are its own, not the BLAS library's.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# What OpenBLAS runs on a processor without wider vectors: those of the code that Numba makes.
NARROW = {"OPENBLAS_CORETYPE": "Haswell"}
OURS = {"cflib": "peer", "bayes": "bayes_peer"}
VARIABLES = {f"implicit_{what}": ONE_THREAD for what in ("cg", "cholesky", "lists")}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured, and where it is kept.

    Attributes
    ----------
    out : Path
        Folder of the results.
    work : Path
        Folder of the sets that are made on the way.
    sets : dict of str to (int, int, int) or None
        Movies, users and ratings of each set of b; None is the set that is loaded.
    sizes : tuple of int
        Numbers of ratings in c.
    epochs, iterations, seeds : int
        Of a: epochs of the original's loop, iterations of `fit_als`, and how often it is run.
    compiled_anew : bool
        Of a: whether `fit_als` is also timed with its compilation.
    checkpoints, choices : int or None
        Of b and its tuning: how many of the settings' are used; None is all of them.
    product : int
        Rows of the matrix product that the machine's rate is measured with.
    """

    out: Path
    work: Path = BUILD
    sets: dict[str, tuple[int, int, int] | None] = dataclasses.field(
        default_factory=lambda: {  # the large ones in the shape of MovieLens' 1M and 10M sets
            "small": None,
            "1M": (3_706, 6_040, 1_000_000),
            "10M": (10_677, 69_878, 10_000_000),
        }
    )
    sizes: tuple[int, ...] = (100_000, 250_000, 1_000_000, 2_500_000, 10_000_000, 25_000_000)
    epochs: int = 400
    iterations: int = 12
    seeds: int = 5
    compiled_anew: bool = True
    checkpoints: int | None = None
    choices: int | None = None
    product: int = 4096


def tiny(out: Path) -> Plan:
    """Everything in seconds: it shows that the benchmarks run, and its numbers say nothing."""
    return Plan(
        out,
        work=out / "work",
        sets={"small": (200, 60, 3_000)},
        sizes=(20_000,),
        epochs=3,
        iterations=2,
        seeds=1,
        compiled_anew=False,
        checkpoints=2,
        choices=2,
        product=256,
    )


def set_at(plan: Plan, name: str) -> Path:
    """Training and held-out ratings of a set, for us and the peers: made once."""
    path = plan.work / "data" / f"{name}.npz"
    if not path.exists():
        click.echo(f"making the set {name}")
        shape = plan.sets[name]
        if shape is None:
            write_split(path, split.holdout(data.load("auto"), 0.2), np.nan)
        else:
            ratings, truth = data.synthetic(*shape)
            write_split(path, split.holdout(ratings, 0.1), truth.best_rmse)
    return path


def write_split(path: Path, parts: split.Split, best_rmse: float) -> None:
    """A split as arrays, which every peer's environment can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    train, test = parts.train, parts.test
    np.savez(
        path,
        n_movies=train.n_movies,
        n_users=train.n_users,
        best_rmse=best_rmse,
        movie=train.movie_index,
        user=train.user_index,
        value=train.value,
        test_movie=test.movie_index,
        test_user=test.user_index,
        test_value=test.value,
    )


def run_peer(peer: str, path: Path, options: dict, limit: float | None = None) -> list[dict]:
    """The lines that a peer prints, trained on the set at `path`."""
    if peer in OURS:
        return ours(OURS[peer], path=str(path), **options)
    command = [python_of(peer), HERE / "peers.py", peer, path, json.dumps(options)]
    return lines_of(command, limit, **VARIABLES.get(peer, {}))


def options_for(plan: Plan, peer: str, name: str, benchmark: str = "b") -> dict[str, Any]:
    """What a peer is told on a set: its own options, and what all have in common."""
    settings = SETTINGS[benchmark]
    of_peer = settings["peers"][peer]
    common = {key: settings[key] for key in ("features", "seed")}
    epochs = of_peer["epochs"][name][: plan.checkpoints]
    return of_peer.get("common", {}) | of_peer.get(name, {}) | common | {"epochs": epochs}


def save(plan: Plan, name: str, result: Any) -> None:
    """Write a result, and the report of all that there are."""
    plan.out.mkdir(parents=True, exist_ok=True)
    (plan.out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    report.write(plan.out)


def save_machine(plan: Plan) -> None:
    """Say what the results are measured on."""
    save(plan, "machine", machine())


def benchmark_a(plan: Plan) -> None:
    """The original's cost: the original's loop, our solvers, and ours with the compiler."""
    options: dict[str, Any] = {}
    shape = plan.sets["small"]
    if shape is not None:
        folder = plan.work / "data" / "cost"
        if not folder.exists():
            ours("make", folder=str(folder), **dict(zip(SHAPE, shape, strict=True)))
        options["folder"] = str(folder)
    als = options | {"solver": "als", "iterations": plan.iterations}
    ours("cost", **als | {"iterations": 1})  # so that the compiled code is cached
    result = {"original": [ours("cost", solver="original", epochs=plan.epochs, **options)]}
    adam = {"solver": "adam", "epochs": plan.epochs + 100, "init_scale": 1.0, "learning_rate": 0.1}
    result["adam"] = [ours("cost", **options, **adam)]
    result["als"] = [ours("cost", **als, seed=seed) for seed in range(plan.seeds)]
    if plan.compiled_anew:
        with tempfile.TemporaryDirectory() as nothing_cached:
            result["als_uncached"] = [ours("cost", {"NUMBA_CACHE_DIR": nothing_cached}, **als)]
    save(plan, "a", result)


SHAPE = ("n_movies", "n_users", "n_ratings")


def benchmark_b(
    plan: Plan, peers: Collection[str] = (), sets: Iterable[str] = (), benchmark: str = "b"
) -> None:
    """The peers at equal rank: error against seconds, and peak memory; g: the most accurate."""
    settings = SETTINGS[benchmark]
    stored = plan.out / f"{benchmark}.json"
    result = json.loads(stored.read_text()) if stored.exists() else {}
    for name in sets or plan.sets:
        path = set_at(plan, name)
        with np.load(path) as arrays:
            of_set = result.setdefault(name, {"peers": {}})
            of_set |= {key: float(arrays[key]) for key in ("n_movies", "n_users", "best_rmse")}
            of_set |= {"train": len(arrays["value"]), "test": len(arrays["test_value"])}
            of_set["machine"] = machine()
        for peer in [peer for peer in settings["peers"] if not peers or peer in peers]:
            click.echo(f"{name}: {peer}")
            options = options_for(plan, peer, name, benchmark)
            lines = run_peer(peer, path, options, settings["limit_seconds"])
            of_set["peers"][peer] = {"options": options, "lines": lines}
            save(plan, benchmark, result)


def benchmark_c(plan: Plan) -> None:
    """Growth, and how far an iteration is from the machine's limit: a process for each size.

    The machine's rate is measured before and after each size, since it may not stay the same.
    """
    options = options_for(plan, "cflib", list(plan.sets)[-1]) | {"iterations": 6}
    del options["epochs"]
    rows = []
    for n in plan.sizes:
        click.echo(f"{n:,} ratings")
        folder = growing_set(plan, n)
        before = rates(plan)
        (row,) = ours("growth", folder=str(folder), **options)
        of_machine = zip(before.items(), rates(plan).values(), strict=True)
        rows.append(row | {name: (start + end) / 2 for (name, start), end in of_machine})
        save(plan, "c", {"options": options, "rows": rows, "machine": machine()})


def rates(plan: Plan) -> dict[str, float]:
    """The rate of a matrix product, as the machine can, and with vectors of at most 256 bits."""
    kinds = {"flop_per_second": {}, "flop_per_second_256": NARROW}
    return {
        name: ours("rate", variables, n=plan.product)[0]["flop_per_second"]
        for name, variables in kinds.items()
    }


def growing_set(plan: Plan, n: int) -> Path:
    """The folder of n synthetic ratings, by users in proportion, of √n times as many movies."""
    folder = plan.work / "data" / f"growth_{n}"
    if not folder.exists():
        shape = round(62_000 * (n / 25e6) ** 0.5), round(162_000 * n / 25e6), n
        (made,) = ours("make", folder=str(folder), **dict(zip(SHAPE, shape, strict=True)))
        click.echo(f"made in {made['seconds']:.0f} s")
    return folder


def benchmark_e(plan: Plan) -> None:
    """Growth of `fit_bayes`, from ratings alone and with who rated what."""
    options = {"features": 2 if plan.choices else 16, "iterations": 4}
    rows = []
    for n in plan.sizes:
        click.echo(f"{n:,} ratings")
        rows += ours("growth_bayes", folder=str(growing_set(plan, n)), **options)
        save(plan, "e", {"options": options, "rows": rows, "machine": machine()})


def benchmark_f(plan: Plan, peers: Collection[str] = ()) -> None:
    """Lists for everybody, from the same random factors: ours beside implicit's, in turns."""
    name = list(plan.sets)[-1]
    path, lists = set_at(plan, name), plan.work / "lists"
    lists.mkdir(exist_ok=True)
    options = {"path": str(path), "features": 64, "n": 10, "times": 3}
    makers = {"cflib": lambda out: ours("everybody", out=out, **options)}
    if not peers or "implicit_lists" in peers:
        makers["implicit_lists"] = lambda out: run_lists(path, options | {"out": out})
    with np.load(path) as arrays:
        result = {key: int(arrays[key]) for key in ("n_movies", "n_users")}
        result |= {"train": len(arrays["value"]), "options": options | {"path": path.name}}
        result["machine"] = machine()
    runs: dict[str, list] = {maker: [] for maker in makers}
    for _ in range(2):
        for maker, make in makers.items():
            click.echo(f"lists for everybody: {maker}")
            runs[maker] += make(str(lists / f"{maker}.npy"))
    made = [np.load(lists / f"{maker}.npy") for maker in makers]
    result |= {"runs": runs, "same": float(np.mean(made[0] == made[-1]))}
    save(plan, "f", result)


def run_lists(path: Path, options: dict[str, Any]) -> list[dict]:
    """The lines of the peer that makes lists for everybody."""
    options = {key: value for key, value in options.items() if key != "path"}
    command = [python_of("implicit_lists"), HERE / "peers.py", "implicit_lists", path]
    return lines_of([*command, json.dumps(options)], **VARIABLES["implicit_lists"])


def tune(plan: Plan, peers: Collection[str] = (), sets: Iterable[str] = ()) -> None:
    """Try each peer's λ on a fifth of its own training ratings; print the errors."""
    for benchmark, name in itertools.product(("b", "g"), sets or list(plan.sets)[:2]):
        path = plan.work / "data" / f"{name}_tuning.npz"
        if not path.exists():
            with np.load(set_at(plan, name)) as arrays:
                train = as_ratings(arrays)
            write_split(path, split.holdout(train, seed=1), np.nan)
        of_peers = SETTINGS[benchmark]["peers"]
        for peer in [peer for peer in of_peers if not peers or peer in peers]:
            for choice in of_peers[peer].get("tried", [])[: plan.choices]:
                options = options_for(plan, peer, name, benchmark) | choice
                lines = run_peer(peer, path, options | {"epochs": [max(options["epochs"])]})
                click.echo(f"{benchmark} {name} {peer} {choice}: {lines[0]['rmse']:.4f}")
