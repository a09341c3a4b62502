"""All runs of a sweep: given to Dask's workers, their results put into one folder.

    runs/<sweep>/sweep.json                 what the sweep is, and which runs belong to it
    runs/<sweep>/<setting>_<hash>/run.json  the result of one of them, beside its notebook
    runs/<sweep>/results.csv ...            the table, see `collect`

Only this process writes there, and it renames a run's folder to its name when the folder is
complete. So whatever is killed, and when: a folder that is there is a finished run, and a folder
that is not there is still to do.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import locket
import psutil
from dask.system import CPU_COUNT
from distributed import Client, KilledWorker, LocalCluster, Worker, as_completed
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.security import Security
from distributed.system import MEMORY_LIMIT
from tqdm import tqdm

from ..files import remove_unfinished, write_text
from ..run import ROOT
from . import report, worker
from .collect import HEAD, RECORD, head, outcomes
from .planning import Plan, Point

KERNEL_BYTES = 0.8e9  # memory of a TensorFlow kernel and its worker
LOOPBACK = "127.0.0.1"
ANSWERS = 5.0  # seconds within which a scheduler answers
MARKER = ".cflib-sweep"  # in the folder of a sweep, whose results may be replaced
PART = re.compile(r"\..*_[0-9a-f]{10}\.part")  # a run's folder that is not complete
DASK = {
    "distributed.scheduler.allowed-failures": worker.ATTEMPTS - 1,  # of the workers of one run
    # A worker has one run, and the others wait at the scheduler: no other is suspected if it dies.
    "distributed.scheduler.worker-saturation": 1.0,
    # After 15 seconds Dask would give up a worker that starts again, which on a busy machine takes
    # longer; then nobody would be left to work.
    "distributed.deploy.lost-worker-timeout": "1 hour",
    # Scheduler and workers tell nothing over HTTP: no dashboard, /metrics, /info or /json.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class SweepError(Exception):
    """A sweep cannot go on; the message says why."""


def run(
    plan: Plan,
    out: str | Path | None = None,
    scheduler: str = "",
    workers: int = 0,
    retry: bool = False,
    bar: bool | None = None,
) -> Path:
    """Do those runs of a sweep that are not done yet; return the sweep's folder.

    A run that fails is recorded with its cell and its error, and the others go on. A run whose
    kernel or worker dies is tried once more, and again when the sweep is run again.

    Parameters
    ----------
    plan : Plan
    out : str or Path, optional
        Folder; by default `runs/<name of the sweep>`.
    scheduler : str
        Address of a Dask scheduler, such as "tcp://10.0.0.1:8786"; empty for workers of our own.
    workers : int
        How many of our own; 0 for as many as cores and memory allow.
    retry : bool
        Whether runs that failed are run again, too.
    bar : bool, optional
        Whether to show a progress bar; by default only in a terminal.

    Raises
    ------
    SweepError
        For a folder that belongs to another sweep or in which one is going on, and for a scheduler
        that does not answer.
    """
    out = Path(out or ROOT / "runs" / plan.name).resolve()
    with alone_in(out):
        _write_head(plan, out)
        done = outcomes(out)
        again = {worker.KILLED, worker.FAILED} if retry else {worker.KILLED}
        missing = [
            point
            for point in plan.points
            if point.key not in done or done[point.key]["status"] in again
        ]
        try:
            if missing:
                with _client(scheduler, workers, len(missing)) as client:
                    _do(client, plan, out, done, missing, bar)
        finally:
            report.write(out)
    return out


def _do(
    client: Client,
    plan: Plan,
    out: Path,
    done: dict[str, dict[str, Any]],
    missing: list[Point],
    bar: bool | None,
) -> None:
    total, hidden = len(plan.points), None if bar is None else not bar
    n_done, n_failed = total - len(missing), 0
    with tqdm(desc=plan.name, total=total, initial=n_done, unit="run", disable=hidden) as progress:
        for point, outcome, files in _results(client, plan, missing):
            if point.key in done:  # an earlier attempt
                shutil.rmtree(out / done[point.key]["run"], ignore_errors=True)
            _keep(out / point.name, point, outcome, files)
            n_failed += outcome["status"] != worker.OK
            progress.set_postfix(failed=n_failed, refresh=False)
            progress.update()


# The folder


@contextlib.contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Keep other sweeps out of a folder, and remove what an interrupted one has left there."""
    if out.is_dir() and any(out.iterdir()) and not _is_of_a_sweep(out):
        raise SweepError(
            f"{out} has files that no sweep made. Choose another --out, or an empty folder."
        )
    out.mkdir(parents=True, exist_ok=True)
    try:
        with locket.lock_file(str(out / MARKER), timeout=0):
            _tidy(out)
            try:
                yield
            finally:
                _tidy(out)
    except locket.LockError:
        raise SweepError(f"another sweep is going on in {out}") from None


def _is_of_a_sweep(out: Path) -> bool:
    try:
        return (out / MARKER).exists() or bool(head(out))  # sweeps before 0.2 had no marker
    except (FileNotFoundError, ValueError):
        return False


def _tidy(out: Path) -> None:
    """Remove what a sweep that was killed has begun: its own files and folders, and no other."""
    remove_unfinished(out)
    for path in out.glob(".*.part"):
        if PART.fullmatch(path.name) and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _write_head(plan: Plan, out: Path) -> None:
    names = {"sweep": plan.name, "chapter": plan.chapter.stem}
    with contextlib.suppress(FileNotFoundError, ValueError):  # a damaged one is written anew
        there = head(out)
        for field, name in names.items():
            if there[field] != name:
                raise SweepError(
                    f"{out} has the {field} `{there[field]}`; the {field} `{name}` needs a folder "
                    "of its own: give another --out"
                )
    fields = ("metric", "better", "varied", "usual", "repeats")
    runs = {point.key: point.name for point in plan.points}
    write_json(out / HEAD, names | {f: getattr(plan, f) for f in fields} | {"runs": runs})


def _keep(folder: Path, point: Point, outcome: dict[str, Any], files: dict[str, bytes]) -> None:
    """Write a run's folder, which gets its name when it is complete."""
    beside = folder.with_name(f".{folder.name}.part")
    for name, content in files.items():
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_bytes(content)
    write_json(beside / RECORD, {"key": point.key, "parameters": point.parameters} | outcome)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


# Dask


@contextlib.contextmanager
def _client(scheduler: str, workers: int, n_runs: int) -> Iterator[Client]:
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler:
        try:
            client = Client(scheduler, timeout=ANSWERS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SweepError(f"no scheduler answers at {scheduler}: {error}") from error
        with client:
            client.wait_for_workers(1, timeout=60)
            yield client
        return
    memory = min(MEMORY_LIMIT, psutil.virtual_memory().available)
    affordable = max(1, min(CPU_COUNT, int(memory // KERNEL_BYTES)))
    own = {
        "n_workers": min(workers or affordable, n_runs),
        "threads_per_worker": 1,
        "memory_limit": 0,
        "host": LOOPBACK,
        "security": Security.temporary(),  # keys of this sweep, which are never on a disk
        "dashboard_address": f"{LOOPBACK}:0",
        "scheduler_kwargs": {"dashboard": False},
        "silence_logs": logging.CRITICAL,
    }
    with (
        dask.config.set(DASK),
        LocalCluster(**own) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        client.register_plugin(_NotInterrupted())
        yield client


class _NotInterrupted(WorkerPlugin):
    """Ctrl-C reaches the workers, too, but it is the sweep that ends them."""

    def setup(self, worker: Worker) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _results(client: Client, plan: Plan, points: list[Point]) -> Iterator[tuple[Point, dict, dict]]:
    """Each run with its outcome and its files, in the order in which they end."""
    futures = client.map(
        worker.execute,
        points,
        name=plan.chapter.stem,
        notebook=plan.chapter.read_text(encoding="utf-8"),
        slots=client.nthreads(),
        minutes=plan.minutes,
        # Keys of one group: Dask sees that the tasks are many, and gives them out one at a time.
        key=[(f"{plan.name}-{os.getpid()}", n) for n in range(len(points))],
        pure=False,
    )
    point_of = dict(zip(futures, points, strict=True))
    try:
        for future in as_completed(futures, loop=client.loop):
            try:
                outcome, files = future.result()
            except KilledWorker as error:
                attempts = error.allowed_failures + 1
                died = f"its worker died, at {attempts} attempts (out of memory?)"
                outcome, files = worker.outcome(worker.KILLED, died, attempts=attempts), {}
            yield point_of[future], outcome, files
            future.release()
    finally:
        client.cancel(futures)
