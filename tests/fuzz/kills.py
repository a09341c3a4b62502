"""Kill commands at random moments, repeat them, and compare with an undisturbed result.

    python -m tests.fuzz.kills --kills 20 fit update download cache

Every kill is a SIGKILL. Half of them come at any moment of the command's work, half as soon as
something new stands in its folder: while it writes. After each kill the output is the old one or
the new one, whole. After the last one the command is repeated; then the output is that of an
undisturbed run, and the folder holds nothing else. A count by command is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cflib import data, load_model

from ..course.small_chapters import chapter

RUN_DIR = 'run_dir = ""  # folder of the run'
READY = "ready"
SETTINGS = {"CFLIB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
COMMAND = f"""
import sys
import cflib.cli, cflib.tune, cflib.updating, cflib.people
from cflib._commands import command_line
print({READY!r})
command_line()(sys.argv[1:])
"""
CACHE = f"""
import sys
from cflib import data
ratings = data.read(sys.argv[1], kind="ratings")
print({READY!r})
data.save(ratings, sys.argv[2], origin="new")
"""
DOWNLOAD = f"""
import sys
from pathlib import Path
import pooch, requests
from cflib.data import download
url, sha256, size, folder = sys.argv[1:]
print({READY!r})
if not Path(folder).exists():
    download.fetch(url, sha256, int(size), ("ratings.csv", "movies.csv"), Path(folder))
"""


RUN = f"""
import sys
from course import run
import papermill
print({READY!r})
run.run(sys.argv[1], (), sys.argv[2])
"""


class Subject:
    """One command: what to start, what it leaves, and what its result is.

    Attributes
    ----------
    folder : Path
        Where it writes.
    arguments : list of str
        After the name of the interpreter.
    result : callable
        What the folder holds, to be compared; raises where it is not whole.
    reset : callable
        Puts the folder into the state before the command.
    partly : bool
        Whether the result is a dictionary that grows entry by entry, not one file or folder.
    """

    def __init__(
        self,
        folder: Path,
        arguments: list[str],
        result: Callable[[], Any],
        reset: Callable[[], None],
        partly: bool = False,
    ) -> None:
        self.folder, self.arguments, self.partly = folder, arguments, partly
        self.result, self.reset = result, reset

    def start(self) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, *self.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | SETTINGS,
            start_new_session=True,
        )
        if process.stdout.readline().decode().strip() != READY:
            raise AssertionError(process.stdout.read().decode())
        return process

    def finish(self) -> float:
        """Run it to its end; how many seconds its work took."""
        process = self.start()
        begin = time.perf_counter()
        output, _ = process.communicate()
        if process.returncode:
            raise AssertionError(f"exit status {process.returncode}: {output.decode()[-2000:]}")
        return time.perf_counter() - begin

    def kill(self, after: float, when_it_writes: bool) -> bool:
        """Start it, and kill it; whether it was still running then."""
        before = set(names(self.folder))
        process = self.start()
        end = time.perf_counter() + after
        while time.perf_counter() < end and process.poll() is None:
            if when_it_writes and set(names(self.folder)) - before:
                time.sleep(random.random() * 0.01)
                break
            time.sleep(0.001)
        was_running = process.poll() is None
        process.kill()
        process.wait()
        with contextlib.suppress(ProcessLookupError):  # its kernels end by themselves, or now
            for _ in range(100):
                os.killpg(process.pid, 0)
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return was_running


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def attack(subject: Subject, kills: int) -> tuple[int, int]:
    """(kills that met a running command, outputs that were already the new one)."""
    subject.reset()
    old = subject.result()
    seconds = subject.finish()
    new, whole = subject.result(), names(subject.folder)
    n_killed = n_new = 0
    while n_killed < kills:
        subject.reset()
        for _ in range(4):  # several in a row, so that what one leaves is met by the next
            by_chance = random.random() < 0.5
            after = random.random() * seconds if by_chance else 3 * seconds
            n_killed += subject.kill(after, not by_chance)
            now = subject.result()
            if subject.partly:
                assert now.items() <= new.items(), f"{now} is no part of {new}"
            else:
                assert now in (old, new), "the output is neither the old one nor the new one"
            n_new += now == new
        subject.finish()
        assert subject.result() == new, "a repeated command ends with another result"
        assert names(subject.folder) == whole, f"left over: {names(subject.folder)}"
    return n_killed, n_new


# Commands -----------------------------------------------------------------------------------------


def written(path: Path, seed: int, n_users: int = 60, n_items: int = 80) -> Path:
    """A file of random ratings, each pair once."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_users * n_items, n_users * n_items // 4, replace=False)
    lines = [f"u{p // n_items},i{p % n_items},{rng.integers(1, 6)}\n" for p in pairs.tolist()]
    path.write_text("user,item,rating\n" + "".join(lines), encoding="utf-8")
    return path


def of_model(path: Path) -> Any:
    """A digest of a model and its ratings, without how long its training took."""
    if not path.exists():
        return None
    model = load_model(path)
    ratings = model.load_ratings(path)
    digest = hashlib.sha256(model.score_users(np.arange(model.n_users)).tobytes())
    digest.update(ratings.fingerprint.encode())
    return digest.hexdigest()


def fitting(root: Path) -> Subject:
    ratings, out = written(root / "ratings.csv", 1), root / "out"
    out.mkdir()
    model = out / "model.npz"
    arguments = ["-c", COMMAND, "fit", str(ratings), "--model", "als", "--quick"]
    return Subject(
        out,
        [*arguments, "--out", str(model)],
        functools.partial(of_model, model),
        lambda: model.unlink(missing_ok=True),
    )


def updating(root: Path) -> Subject:
    old, new = written(root / "ratings.csv", 1), written(root / "new.csv", 2, n_users=80)
    out, first = root / "out", root / "first.npz"
    out.mkdir()
    command = [sys.executable, "-c", COMMAND, "fit", str(old), "--model", "als", "--quick"]
    subprocess.run([*command, "--out", str(first)], check=True, stdout=subprocess.DEVNULL)
    model = out / "model.npz"
    arguments = ["-c", COMMAND, "update", str(first), str(new), "--out", str(model)]
    return Subject(
        out,
        arguments,
        functools.partial(of_model, model),
        lambda: shutil.copyfile(first, model),
    )


def caching(root: Path) -> Subject:
    text, out = written(root / "ratings.csv", 3, 800, 900), root / "out"
    out.mkdir()
    folder = out / "set"
    first = data.read(written(root / "first.csv", 4), kind="ratings")

    def reset() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        data.save(first, folder, origin="old")

    def result() -> Any:
        return data.open(folder).fingerprint, data.store.origin_of(folder)

    return Subject(out, ["-c", CACHE, str(text), str(folder)], result, reset)


def downloading(root: Path) -> Subject:
    out = root / "out"
    out.mkdir()
    folder, content = out / "set", io.BytesIO()
    text = written(root / "ratings.csv", 5, 1000, 1000).read_text()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/ratings.csv", text)
        archive.writestr("set/movies.csv", "item,title\n")
    served = content.getvalue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(served)))
            self.end_headers()
            try:
                for start in range(0, len(served), 1 << 16):
                    self.wfile.write(served[start : start + (1 << 16)])
                    time.sleep(0.01)
            except OSError:  # the client was killed
                pass

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://localhost:{server.server_port}/set.zip"
    arguments = [url, hashlib.sha256(served).hexdigest(), str(len(served)), str(folder)]

    def result() -> Any:
        if not folder.exists():
            return None
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def reset() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    return Subject(out, ["-c", DOWNLOAD, *arguments], result, reset)


def chapters(folder: Path) -> None:
    """Three chapters of a few lines, each of which records a number."""
    for number in range(3):
        code = f"from course.chapter import record\nrecord(run_dir, 'n{number}', size * {number})"
        chapter(folder / f"{number:02}_c.ipynb", code, parameters=f"size = 3  # n\n{RUN_DIR}")


def running(root: Path) -> Subject:
    chapters(root / "chapters")
    out = root / "out"
    metrics = out / "metrics.json"

    def result() -> Any:
        return json.loads(metrics.read_text()) if metrics.exists() else {}

    arguments = ["-c", RUN, str(out), str(root / "chapters")]
    reset = functools.partial(shutil.rmtree, out, ignore_errors=True)
    return Subject(out, arguments, result, reset, partly=True)


def sweeping(root: Path) -> Subject:
    chapters(root / "chapters")
    out, plan = root / "out", root / "mine.yaml"
    described = {"chapter": str(root / "chapters" / "01_c.ipynb"), "metric": "n1"}
    plan.write_text(json.dumps(described | {"grid": {"size": [1, 2]}}))

    def result() -> Any:
        done = (json.loads(path.read_text()) for path in sorted(out.glob("[!.]*/run.json")))
        return {str(run["parameters"]): run["status"] for run in done}

    arguments = ["-c", COMMAND, "sweep", str(plan), "--out", str(out), "--workers", "1"]
    reset = functools.partial(shutil.rmtree, out, ignore_errors=True)
    return Subject(out, arguments, result, reset, partly=True)


SUBJECTS = {
    "fit": fitting,
    "update": updating,
    "cache": caching,
    "download": downloading,
    "run": running,
    "sweep": sweeping,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10, help="kills of each command, at least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("commands", nargs="*", metavar="command", help=", ".join(SUBJECTS))
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    if unknown := set(arguments.commands) - set(SUBJECTS):
        parser.error(f"no such command: {', '.join(sorted(unknown))}")
    for name in arguments.commands or SUBJECTS:
        with tempfile.TemporaryDirectory() as folder:
            n_killed, n_new = attack(SUBJECTS[name](Path(folder)), arguments.kills)
        print(
            f"{name:10} {n_killed:4} kills; {n_new} times the output was there already; "
            "nothing lost, nothing left over",
            flush=True,
        )


if __name__ == "__main__":
    main()
