"""One run of a sweep, wherever a worker is: a notebook and its parameters in, files out.

A worker needs the package and the ratings, and no folder in common with whoever started the sweep:
it works in a folder of its own and hands back what lies in it at the end. A kernel that dies is
started once more. It talks through sockets in that folder, not through ports, which kernels that
start at the same moment would take from each other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from dask.system import CPU_COUNT
from distributed import get_worker
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from traitlets import Integer

from .. import runs
from . import planning

ATTEMPTS = 2
OK, FAILED, KILLED = "ok", "failed", "killed"
DIED = "its kernel died (out of memory?)"
# Whoever counts threads, by name: each kernel gets its share of the processors.
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What a worker is given.

    chapter, notebook : name and text of the notebook
    parameters : all but `run_dir`
    sources, data : hashes of the package and of the data set, as they have to be at the worker
    slots : how many kernels run at once on each host, by the host's address
    """

    chapter: str
    notebook: str
    parameters: dict
    sources: str
    data: str
    slots: dict[str, int]


def execute(task: Task) -> tuple[dict, dict[str, bytes]]:
    """Run it.

    Returns
    -------
    outcome : dict
        status ("ok", "failed" or "killed"), error, cell, recorded, seconds, peak_mb, attempts.
    files : dict of name to content
        The executed notebook and whatever the chapter left in its `run_dir`.
    """
    if reason := _other(task):
        return outcome(FAILED, reason), {}
    worker = get_worker()
    threads = max(1, CPU_COUNT // task.slots.get(_host(worker.address), 1))
    for attempt in range(1, ATTEMPTS + 1):
        folder = Path(tempfile.mkdtemp(dir=worker.local_directory))
        try:
            done = _attempt(task, folder, threads) | {"attempts": attempt}
            if done["status"] != KILLED or attempt == ATTEMPTS:
                return done, _files(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    raise AssertionError("unreachable")


def outcome(status: str, error: str = "", cell: str = "", **more) -> dict:
    """What is known of a run, every field there."""
    nothing = {"recorded": {}, "seconds": None, "peak_mb": None, "attempts": 1}
    return {"status": status, "error": error, "cell": cell} | nothing | more


def _other(task: Task) -> str:
    """Why a run here would not be the run that was asked for."""
    if planning.sources() != task.sources:
        return "the worker has another version of cflib: install the same, and start it again"
    dataset = task.parameters.get("dataset")
    if dataset is not None and planning.fingerprint(dataset) != task.data:
        return f"the worker's data set {dataset!r} is another edition"
    return ""


def _host(address: str) -> str:
    return address.rpartition("://")[2].rpartition(":")[0]


def _attempt(task: Task, folder: Path, threads: int) -> dict:
    executed = folder / f"{task.chapter}.ipynb"
    kernel = _Kernel(kernel_name="python3", threads=threads)
    started = time.perf_counter()
    with kernel.watched():
        status, error, cell = _papermill(task, executed, folder, kernel)
    seconds = time.perf_counter() - started
    recorded = runs.read_metrics(folder)
    runs.keep_records(executed, recorded)
    return outcome(
        status, error, cell,
        recorded=recorded, seconds=round(seconds, 2), peak_mb=round(kernel.peak / 1e6, 1),
    )  # fmt: skip


def _papermill(task: Task, executed: Path, folder: Path, kernel: _Kernel):
    """Status, error, and the cell that failed."""
    import papermill  # here, because it is slow to load and only workers need it
    from papermill.exceptions import PapermillExecutionError

    source = folder / ".source.ipynb"
    source.write_text(task.notebook, encoding="utf-8")
    try:
        papermill.execute_notebook(
            source, executed, task.parameters | {runs.RUN_DIR: str(folder)}, progress_bar=False,
            extra_arguments=runs.KERNEL_ARGUMENTS, km=kernel,
        )  # fmt: skip
    except PapermillExecutionError as error:
        return FAILED, f"{error.ename}: {error.evalue}", error.source
    except DeadKernelError:
        return KILLED, DIED, ""
    except RuntimeError as error:
        if "Kernel died" not in str(error):  # so says jupyter_client of one that never answered
            raise
        return KILLED, DIED, ""
    finally:
        source.unlink()
    return OK, "", ""


class _Kernel(AsyncKernelManager):
    """A kernel with its share of the processors, its memory watched, and sockets for ports."""

    threads = Integer()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.peak = 0  # bytes
        self.process = None

    @contextlib.contextmanager
    def watched(self):
        # The names of sockets are at most about a hundred characters: not in the worker's folder.
        sockets = tempfile.mkdtemp(prefix="cflib-")
        if os.name == "posix":
            self.transport, self.connection_file = "ipc", os.path.join(sockets, "kernel.json")
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=[over], daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()
            shutil.rmtree(sockets, ignore_errors=True)

    async def start_kernel(self, **options):
        environment = os.environ | dict.fromkeys(THREADS, str(self.threads))
        await super().start_kernel(env=environment, **options)
        self.process = psutil.Process(self.provisioner.pid)

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            with contextlib.suppress(psutil.Error, AttributeError):  # not yet, or no more
                self.peak = max(self.peak, self.process.memory_info().rss)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".part")
    }
