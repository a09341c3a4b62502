"""One run of a sweep, wherever a worker is: a notebook and its parameters in, files out.

A worker needs the packages and the ratings, and no folder in common with whoever started the sweep:
it works in a folder of its own and returns the files that are there at the end.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from dask.system import CPU_COUNT
from distributed import get_worker
from distributed.comm import get_address_host
from jupyter_client import AsyncKernelManager
from jupyter_core.utils import run_sync
from traitlets import Integer

from .. import chapter, run
from .planning import PlanError, Point, chapter_code, run_key

ATTEMPTS = 2
OK, FAILED, KILLED = "ok", "failed", "killed"
SOURCE = ".source.ipynb"
SOCKET_PATH = 100  # characters that the path of a socket may have
THREADS = (  # variables that limit the threads of a library
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def execute(
    point: Point, name: str, notebook: str, slots: dict[str, int], minutes: float | None = None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Run a notebook; when its kernel dies, once more.

    Parameters
    ----------
    point : Point
    name, notebook : str
        Name and text of the notebook.
    slots : dict of str to int
        How many kernels each worker runs at once, by its address.
    minutes : float or None
        What the run may take. A kernel that takes longer is killed, and the run has failed.

    Returns
    -------
    outcome : dict
        status ("ok", "failed" or "killed"), error, cell, recorded, seconds, peak_mb, attempts.
    files : dict of str to bytes
        The executed notebook and what the chapter left in its `run_dir`, by name.
    """
    try:
        key = run_key(chapter_code(notebook), point.parameters)
    except PlanError as error:  # the ratings are not here
        return outcome(FAILED, str(error)), {}
    if key != point.key:
        return outcome(FAILED, "the worker has another version of cflib or of the ratings"), {}
    worker = get_worker()
    host = get_address_host(worker.address)
    n_here = sum(n for address, n in slots.items() if get_address_host(address) == host)
    attempts, result = 0, outcome(KILLED)
    while attempts < ATTEMPTS and result["status"] == KILLED:
        threads = max(1, CPU_COUNT // max(1, n_here))
        kernel = Kernel(worker.local_directory, kernel_name="python3", threads=threads)
        kernel.minutes = minutes
        with tempfile.TemporaryDirectory(dir=worker.local_directory) as folder:
            result, files = _attempt(point, name, notebook, Path(folder), kernel)
        attempts += 1
    return result | {"attempts": attempts}, files


def outcome(status: str, error: str = "", cell: str = "", **more: Any) -> dict[str, Any]:
    """What is known of a run, with every field."""
    nothing = {"recorded": {}, "seconds": None, "peak_mb": None, "attempts": 1}
    return {"status": status, "error": error, "cell": cell} | nothing | more


def _attempt(
    point: Point, name: str, notebook: str, folder: Path, kernel: Kernel
) -> tuple[dict[str, Any], dict[str, bytes]]:
    import papermill  # here, because it is slow to load and only workers need it
    from papermill.exceptions import PapermillExecutionError

    source, executed = folder / SOURCE, folder / f"{name}.ipynb"
    source.write_text(notebook, encoding="utf-8")
    ended, started = (OK,), time.perf_counter()
    try:
        papermill.execute_notebook(
            source,
            executed,
            point.parameters | {run.RUN_DIR: str(folder)},
            progress_bar=False,
            extra_arguments=run.KERNEL_ARGUMENTS,
            km=kernel,
        )
    except PapermillExecutionError as error:
        ended = FAILED, f"{error.ename}: {error.evalue}", error.source
    except RuntimeError as error:  # nbclient's or jupyter_client's
        if "Kernel died" not in str(error):
            raise
        ended = KILLED, "its kernel died (out of memory?)"
        if kernel.is_late:
            ended = FAILED, f"it took longer than the {kernel.minutes:g} `minutes` of the sweep"
    finally:
        run_sync(kernel.shutdown_kernel)(now=True)
    try:
        recorded = chapter.read_metrics(folder)
    except ValueError as error:  # the chapter wrote the file in a way of its own
        recorded, ended = {}, (FAILED, f"{chapter.METRICS}: {error}")
    run.keep_records(executed, recorded)
    measured = {
        "seconds": round(time.perf_counter() - started, 2),
        "peak_mb": round(kernel.peak / 1e6, 1),
    }
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != source and path.suffix != ".part"
    }
    return outcome(*ended, recorded=recorded, **measured), files


class Kernel(AsyncKernelManager):
    """A kernel with its share of the processors, its memory watched, and sockets for ports.

    Kernels that start at the same moment would take ports from each other. Where its worker has a
    folder, the sockets lie in it: nobody else can enter it, and Dask removes what a killed worker
    left there.
    """

    threads = Integer()
    peak = 0  # bytes
    minutes: float | None = None  # after which it is killed
    is_late = False

    def __init__(self, folder: str = "", **options: Any) -> None:
        super().__init__(**options)
        if os.name == "posix":
            name = f"cflib-{secrets.token_hex(8)}.json"
            if not folder or len(os.path.join(folder, f"{name}-ipc-1")) > SOCKET_PATH:
                folder = tempfile.gettempdir()
            self.transport, self.connection_file = "ipc", os.path.join(folder, name)

    async def start_kernel(self, **options: Any) -> None:
        """Start it with its share of the threads, and watch its memory from then on."""
        environment = os.environ | dict.fromkeys(THREADS, str(self.threads))
        await super().start_kernel(env=environment, **options)
        process = psutil.Process(self.provisioner.pid)
        threading.Thread(target=self._watch, args=[process], daemon=True).start()

    def _watch(self, process: psutil.Process) -> None:
        end = time.monotonic() + 60 * self.minutes if self.minutes else math.inf
        with contextlib.suppress(psutil.Error):  # it has ended
            while process.is_running():
                if time.monotonic() > end:
                    self.is_late = True
                    process.kill()
                self.peak = max(self.peak, process.memory_info().rss)
                time.sleep(0.1)
