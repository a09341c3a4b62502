"""All runs of a sweep: handed to Dask's workers, their results put into one folder, whole or not.

    runs/<sweep>/sweep.json                 what the sweep is, and which runs belong to it
    runs/<sweep>/<setting>_<hash>/run.json  what came of one of them, beside its notebook
    runs/<sweep>/results.csv …              the table, see `collect`

A run's folder is written beside its name and renamed when it is complete, by this process and no
other. So whatever is killed, and when: a folder that is there is a run that is done, and what is
not there is still to do.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
from pathlib import Path

import dask
import locket
import psutil
from dask.system import CPU_COUNT
from distributed import Client, KilledWorker, LocalCluster, as_completed
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.system import MEMORY_LIMIT
from tqdm import tqdm

from .. import runs
from .._files import replacing
from . import report, worker
from .collect import HEAD, RECORD, outcomes, value_at
from .planning import Plan, Point, sources

KERNEL_BYTES = 0.8e9  # that a TensorFlow kernel and its worker may take
ANSWERS = 5.0  # seconds after which a scheduler that is there has answered
WORK, LOCK, PART = ".work", ".lock", ".part"
OF_OUR_OWN = {  # what Dask's scheduler does when a worker dies: its run is tried once more …
    "distributed.scheduler.allowed-failures": worker.ATTEMPTS - 1,
    # … and no other is suspected: a worker has one run, and those that wait are with the scheduler
    "distributed.scheduler.worker-saturation": 1.0,
}


class SweepError(Exception):
    """A sweep cannot go on; the message says why."""


def run(
    plan: Plan, out=None, scheduler: str = "", workers: int = 0, retry: bool = False, bar=None
) -> Path:
    """Do those runs of a sweep that are not done yet; returns the sweep's folder.

    A run that fails is recorded with its cell and its error, and the others go on. A kernel or a
    worker that dies is given one more chance within the same sweep, and the run another when the
    sweep is run again.

    Parameters
    ----------
    plan : Plan
    out : path
        Folder; `runs/<name of the sweep>` where it is None.
    scheduler : str
        Address of a Dask scheduler, such as "tcp://10.0.0.1:8786"; empty: workers of our own.
    workers : int
        How many of our own; 0: as many as there are cores and memory for.
    retry : bool
        Runs that failed are run again, too.
    bar : bool or None
        Show a progress bar; None: where somebody watches.

    Raises
    ------
    SweepError
        For a folder that belongs to another sweep or in which one is going on, and for a scheduler
        that does not answer.
    """
    out = Path(out or runs.ROOT / "runs" / plan.name).resolve()
    with _alone_in(out):
        _write_head(plan, out)
        done = outcomes(out)
        again = {worker.KILLED} | ({worker.FAILED} if retry else set())
        missing = [
            point for point in plan.points
            if point.key not in done or done[point.key]["status"] in again
        ]  # fmt: skip
        try:
            if missing:
                _do(plan, out, done, missing, scheduler, workers, bar)
        finally:
            report.write(out)
    return out


def _do(plan, out, done, missing, scheduler, workers, bar) -> None:
    with (
        _Progress(plan, done, missing, bar) as progress,
        _client(out, scheduler, workers, len(missing)) as client,
    ):
        for point, outcome, files in _results(client, plan, missing):
            if point.key in done:  # an earlier attempt, which failed
                shutil.rmtree(out / done[point.key]["run"], ignore_errors=True)
            _keep(out / point.name, point, outcome, files)
            progress.see(outcome)


# The folder


@contextlib.contextmanager
def _alone_in(out: Path):
    out.mkdir(parents=True, exist_ok=True)
    try:
        lock = locket.lock_file(str(out / LOCK), timeout=0)
        lock.acquire()
    except locket.LockError:
        raise SweepError(f"another sweep is going on in {out}") from None
    try:
        _tidy(out)
        yield
    finally:
        _tidy(out)
        lock.release()


def _tidy(out: Path) -> None:
    """Remove what a killed sweep may have left."""
    for path in [out / WORK, *out.glob(f".*{PART}")]:
        shutil.rmtree(path, ignore_errors=True)


def _write_head(plan: Plan, out: Path) -> None:
    head = {
        "sweep": plan.name, "chapter": plan.chapter.stem, "metric": plan.metric,
        "better": plan.better, "varied": list(plan.varied), "usual": plan.usual,
        "repeats": plan.repeats, "data": plan.data,
        "runs": {point.key: point.name for point in plan.points},
    }  # fmt: skip
    if (out / HEAD).exists():
        there = json.loads((out / HEAD).read_text(encoding="utf-8"))
        for field in ("sweep", "chapter"):
            if there[field] != head[field]:
                raise SweepError(
                    f"{out} has the {field} `{there[field]}`; the {field} `{head[field]}` needs "
                    "a folder of its own: give another --out"
                )
    with replacing(out / HEAD) as beside:
        beside.write_text(dumps(head), encoding="utf-8")


def _keep(folder: Path, point: Point, outcome: dict, files: dict[str, bytes]) -> None:
    """Write a run beside its folder's name; it takes the name when it is complete."""
    beside = folder.with_name(f".{folder.name}{PART}")
    shutil.rmtree(beside, ignore_errors=True)
    for name, content in files.items():
        (beside / name).parent.mkdir(parents=True, exist_ok=True)
        (beside / name).write_bytes(content)
    beside.mkdir(exist_ok=True)
    record = {"key": point.key, "parameters": point.parameters} | outcome
    (beside / RECORD).write_text(dumps(record), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)


def dumps(value) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


# Dask


@contextlib.contextmanager
def _client(out: Path, scheduler: str, workers: int, n_runs: int):
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
    with dask.config.set(OF_OUR_OWN):
        cluster = LocalCluster(
            n_workers=min(workers or affordable(), n_runs), threads_per_worker=1, processes=True,
            memory_limit=0, dashboard_address="127.0.0.1:0", local_directory=str(out / WORK),
            silence_logs=logging.CRITICAL, scheduler_kwargs={"dashboard": False},
        )  # fmt: skip
    with cluster, Client(cluster, set_as_default=False) as client:
        client.register_plugin(_Deaf())
        yield client


class _Deaf(WorkerPlugin):
    """Ctrl-C is for the sweep, which ends its workers itself."""

    def setup(self, worker):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def affordable() -> int:
    """How many kernels the cores and the memory of this machine are enough for."""
    memory = min(MEMORY_LIMIT, psutil.virtual_memory().available)
    return int(max(1, min(CPU_COUNT, memory // KERNEL_BYTES)))


def _results(client: Client, plan: Plan, points: list[Point]):
    """(point, outcome, files) of each run, as they end."""
    notebook = plan.chapter.read_text(encoding="utf-8")
    slots = {}
    for one in client.scheduler_info(n_workers=-1)["workers"].values():
        slots[one["host"]] = slots.get(one["host"], 0) + one["nthreads"]
    tasks = [
        worker.Task(
            plan.chapter.stem, notebook, point.parameters, sources(),
            plan.data.get(point.parameters.get("dataset"), ""), slots,
        )
        for point in points
    ]  # fmt: skip
    # Of one group, so that Dask sees that they are many, and hands them out one at a time.
    keys = [(f"{plan.name}-{os.getpid()}", n) for n in range(len(points))]
    futures = client.map(worker.execute, tasks, key=keys, pure=False)
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


class _Progress:
    """Runs done and failed, the time left, and the best so far."""

    def __init__(self, plan: Plan, done: dict, missing: list[Point], bar):
        self.plan, self.failed, self.values = plan, 0, []
        here = {point.key for point in plan.points} - {point.key for point in missing}
        for key in here:
            self._count(done[key])
        self.bar = tqdm(
            total=len(plan.points), initial=len(here), desc=plan.name, unit="run",
            disable=None if bar is None else not bar,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def see(self, outcome: dict) -> None:
        self._count(outcome)
        self.bar.set_postfix_str(self._words(), refresh=False)
        self.bar.update()

    def _count(self, outcome: dict) -> None:
        self.failed += outcome["status"] != worker.OK
        value = value_at(outcome["recorded"], self.plan.metric)
        if outcome["status"] == worker.OK and value is not None:
            self.values.append(value)

    def _words(self) -> str:
        best = f"best {self.plan.metric} {self.plan.best(self.values):.4g}" if self.values else ""
        return ", ".join(filter(None, [f"{self.failed} failed" if self.failed else "", best]))
