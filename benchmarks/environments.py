"""The machine, and the processes that benchmarks run in: ours, and each peer's own environment."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .peers import CORES

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
REQUIREMENTS = Path(__file__).parent / "requirements"
ENVIRONMENT = {
    "cmfrec_cg": "cmfrec",
    "cmfrec_cholesky": "cmfrec",
    "cmfrec_weighted": "cmfrec",
    "implicit_cg": "implicit",
    "implicit_cholesky": "implicit",
    "implicit_lists": "implicit",
}


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made where it is missing or outdated."""
    name = ENVIRONMENT.get(peer, peer)
    folder, pinned = BUILD / name, REQUIREMENTS / f"{name}.txt"
    made_from = folder / pinned.name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not made_from.exists() or made_from.read_text() != pinned.read_text():
        click.echo(f"making the environment of {name}")
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", pinned], check=True)
        shutil.copy(pinned, made_from)
    return python


def lines_of(command: Sequence[Any], limit: float | None = None, **variables: str) -> list[dict]:
    """The lines of JSON that a process prints.

    Parameters
    ----------
    command : sequence
        What to run, in the repository's root.
    limit : float or None
        Seconds after which the process is ended; the lines that it had printed are returned.
    **variables : str
        Environment variables, besides those of this process.

    Raises
    ------
    click.ClickException
        Where the process fails, with the end of what it wrote to stderr.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=os.environ | variables,
        )
        try:
            printed, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
        else:
            if process.returncode:
                errors.seek(0)
                raise click.ClickException(f"{command} failed:\n{errors.read()[-3000:]}")
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def ours(what: str, variables: dict[str, str] | None = None, **options: Any) -> list[dict]:
    """The lines that a measurement of `ours.py` prints, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.ours", what, json.dumps(options)]
    return lines_of(command, **(variables or {}))


def machine() -> dict[str, Any]:
    """What the results were measured on."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(": ")[1] for x in lines if x.startswith("model name")), model)
    return {
        "processor": model,
        "cores": CORES,
        "python": platform.python_version(),
        "system": platform.system(),
    }
