"""Is everything here that the course needs? `python -m cflib doctor` looks, and says what to type.

It also runs where nothing is installed. So this file imports only the standard library, and each
check imports what it needs: a check that cannot be made is a fault like any other. What can crash a
process, such as TensorFlow on an old processor, is tried in a process of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not evaluated, so that Python 3.8 can run this file, too
    Check = Callable[[], Iterable["Finding"]]

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
ENVIRONMENT = ROOT / ".venv"  # which make sets up
PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest for which there is TensorFlow 2.21
OTHER_CFLIB = "cflib"  # a distribution on the package index that is not ours
GIGABYTE = 1e9
DISK = 0.5 * GIGABYTE  # for the runs, the site and a download; the environment is there already
MEMORY = 1.0 * GIGABYTE  # for the chapter that needs most, except 13
MEMORY_OF_13 = 3.0 * GIGABYTE
PATIENCE = 120  # seconds for a process that usually takes ten

SHA256 = {  # by edition and file: that of the stored outputs, and that of the exercises
    "movielens_small": {
        "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
        "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
    },
    "movielens_2016": {
        "ratings.csv": "b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73",
        "movies.csv": "bf1256823f4b1bf331b6584161a3a25faccefe1e6914d9906c0bbb4f8b076d0e",
    },
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """The result of a check: a level ("ok", "note" or "FAULT"), a sentence, and what to type."""

    level: str
    says: str
    remedy: str = ""


def ok(says: str) -> Finding:
    """All is well."""
    return Finding("ok", says)


def note(says: str, remedy: str) -> Finding:
    """It works, and could be better."""
    return Finding("note", says, remedy)


def fault(says: str, remedy: str) -> Finding:
    """Something of the course does not work."""
    return Finding("FAULT", says, remedy)


def _command(*arguments: object) -> str:
    """What to type, for the Python that runs this."""
    return shlex.join(map(str, (sys.executable, *arguments)))


def _install() -> str:
    return _command("-m", "pip", "install", "-r", REQUIREMENTS)


def _is_outside() -> bool:
    """Whether this Python lacks packages, and the environment that make has set up has them."""
    is_there = (ENVIRONMENT / "ready").exists()
    is_this = Path(sys.prefix).resolve() == ENVIRONMENT.resolve()
    return is_there and not is_this and not _pins().keys() <= _installed().keys()


# The checks: each yields its findings


def python() -> Iterable[Finding]:
    """Python's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        yield ok(f"{version}, {sys.executable}")
    else:
        yield fault(
            f"this is {version}, and TensorFlow 2.21 has wheels for 3.11, 3.12 and 3.13 only",
            "make run PYTHON=python3.12   (or wherever such a Python is)",
        )


def packages() -> Iterable[Finding]:
    """Every package that requirements.txt pins and that applies here, in that version."""
    pins, installed = _pins(), _installed()
    if _is_outside():
        python = ENVIRONMENT / "bin" / "python"
        yield fault(
            f"{sys.executable} lacks packages, and the environment that make has set up has them",
            f"source {shlex.quote(str(ENVIRONMENT / 'bin' / 'activate'))}   "
            f"(or begin each command with {shlex.quote(str(python))} instead of python)",
        )
        return
    missing = [f"{name} {version}" for name, version in pins.items() if name not in installed]
    other = [
        f"{name} is {installed[name]} and should be {version}"
        for name, version in pins.items()
        if installed.get(name, version) != version
    ]
    if missing:
        yield fault(f"missing: {_some(missing)}", _install())
    if other:
        yield fault(_some(other), _install())
    if OTHER_CFLIB in installed:
        yield fault(
            f"a distribution called {OTHER_CFLIB} is installed ({installed[OTHER_CFLIB]}). On the "
            "package index that is another project, a driver of drones, and it hides this one, "
            "which is called cflib-recommender",
            f"{_command('-m', 'pip', 'uninstall', OTHER_CFLIB)} && "
            + _command("-m", "pip", "install", "--no-deps", "-e", ROOT, "-e", ROOT / "course"),
        )
    elif not missing and not other:
        yield ok(f"{len(pins)}, each in the version that requirements.txt pins")


def _some(names: list[str], at_most: int = 8) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def _pins() -> dict[str, str]:
    """Name and version of each package that requirements.txt pins for this system.

    Lines with a condition are left out where packaging, which evaluates it, is missing.
    """
    lines = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    pins = {}
    for line in filter(None, lines):
        pin, _, condition = line.partition(";")
        if not condition or _holds(condition):
            name, _, version = pin.strip().partition("==")
            pins[name] = version
    return pins


def _holds(condition: str) -> bool:
    try:
        from packaging.markers import Marker
    except ImportError:
        return False
    return Marker(condition).evaluate()


def _installed() -> dict[str, str]:
    """Name and version of every installed package.

    They are read off the names of the .dist-info folders, which are standardised, because
    importlib.metadata is too slow for the first cell of a chapter.
    """
    versions = {}
    for folder in reversed(sys.path):
        if os.path.isdir(folder):
            for entry in os.listdir(folder):
                if entry.endswith(".dist-info"):
                    name, _, version = entry[: -len(".dist-info")].partition("-")
                    versions[name.lower().replace("_", "-").replace(".", "-")] = version
    return versions


def kernel() -> Iterable[Finding]:
    """Jupyter's kernel `python3`: it starts in this environment and imports cflib and course."""
    from jupyter_client.kernelspec import NoSuchKernel
    from jupyter_client.manager import start_new_kernel

    repair = _command("-m", "ipykernel", "install", "--sys-prefix")
    try:
        manager, client = start_new_kernel(
            kernel_name="python3",
            startup_timeout=PATIENCE,
            extra_arguments=["--log-level=ERROR"],
            stderr=subprocess.DEVNULL,
        )
    except NoSuchKernel:
        yield fault("Jupyter has no kernel `python3`", f"{_install()} && {repair}")
        return
    except (OSError, RuntimeError) as error:  # no such program, or it dies, or never answers
        yield fault(f"the kernel `python3` does not start: {_first_line(error)}", repair)
        return
    texts: list[str] = []
    try:
        client.execute_interactive(
            "import os, sys; print(sys.executable); os.chdir(os.sep)\n"
            "import cflib, course; print('both')",
            output_hook=lambda message: texts.append(message["content"].get("text", "")),
            timeout=PATIENCE,
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    program, *rest = "".join(texts).split("\n")
    if Path(program) != Path(sys.executable):
        yield fault(f"the kernel `python3` is another Python's: {program}", repair)
    elif "both" not in rest:
        yield fault(
            "the kernel `python3` starts, and cannot import cflib and course",
            _command("-m", "pip", "install", "--no-deps", "-e", ROOT, "-e", ROOT / "course"),
        )
    else:
        yield ok("`python3` starts, in this environment")


def data() -> Iterable[Finding]:
    """The ratings: the edition that a chapter would read, and whether the files are whole."""
    yield from _edition()
    yield from _damage()


def _edition() -> Iterable[Finding]:
    from cflib.data import sets

    named = os.environ.get("CFLIB_DATA")
    if named and not _holds_a_set(named):
        yield fault(
            f"CFLIB_DATA is {named}, and there is no set in it",
            f"export CFLIB_DATA=FOLDER   (the one that has {sets.PREFERRED} in it), "
            "or: unset CFLIB_DATA",
        )
    folder = sets.find("auto")
    if folder is None:
        yield fault(
            f"no ratings: {sets.PREFERRED} is not on this disk, nor is {sets.FALLBACK}",
            f"{_checkout()}   (the repository has {sets.FALLBACK})",
        )
    elif folder.name == sets.PREFERRED:
        yield ok(f"{folder.name}, in {folder}")
    else:
        yield ok(f"{folder.name}, the bundled edition; {sets.PREFERRED} is not on this disk")


def _holds_a_set(folder: str) -> bool:
    from cflib.data import sets

    roots = (Path(folder).absolute(), ROOT / folder)
    return any(sets.ratings_file(root / name) for root in roots for name in sets.EDITIONS)


def _checkout() -> str:
    return f"git -C {shlex.quote(str(ROOT))} checkout -- data"


def _damage() -> Iterable[Finding]:
    from cflib.data import sets

    for edition, files in SHA256.items():
        folder = sets.find(edition)
        damaged = [name for name in files if folder and _sha256(folder / name) != files[name]]
        for name in damaged:
            again = f"rm -r {shlex.quote(str(folder))}   (`data.load` downloads it again)"
            yield fault(
                f"{folder / name} is not the published file: its SHA-256 differs",
                _checkout() if edition == sets.FALLBACK else again,
            )


def _sha256(path: Path) -> str:
    """The hash of a file; "" where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def disk() -> Iterable[Finding]:
    """Room for the runs, and permission to write them."""
    free = shutil.disk_usage(ROOT).free
    if free < DISK:
        yield fault(
            f"{free / GIGABYTE:.1f} GB free where the repository is; {DISK / GIGABYTE:.1f} needed",
            f"rm -r {shlex.quote(str(ROOT / 'runs'))}   (the earlier runs), or make room elsewhere",
        )
    elif not os.access(ROOT, os.W_OK):
        yield fault(
            f"{ROOT} may not be written to, and runs/ should go there",
            "python -m cflib run --out ~/run   (a folder of yours)",
        )
    else:
        yield ok(f"{free / GIGABYTE:.0f} GB free")


def memory() -> Iterable[Finding]:
    """Memory that is free, within the limit of a container."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    free = min(psutil.virtual_memory().available, MEMORY_LIMIT)
    says = f"{free / GIGABYTE:.1f} GB free of {MEMORY_LIMIT / GIGABYTE:.1f}"
    if free < MEMORY:
        yield fault(
            f"{says}; the chapters need {MEMORY / GIGABYTE:.0f}",
            "close other programs and other kernels (in JupyterLab: Kernel, Shut Down All Kernels)",
        )
    elif free < MEMORY_OF_13:
        yield note(
            f"{says}: enough for all chapters but 13, which needs {MEMORY_OF_13 / GIGABYTE:.0f}",
            "close other programs before you run chapter 13, or read it as it is stored",
        )
    else:
        yield ok(says)


def threads() -> Iterable[Finding]:
    """No more threads than processors, in the compiled loops and in the linear algebra."""
    import numpy  # noqa: F401  (it loads the linear algebra)
    from dask.system import CPU_COUNT
    from numba import config
    from threadpoolctl import threadpool_info

    counts = {"Numba": config.NUMBA_NUM_THREADS}
    counts |= {pool["internal_api"]: pool["num_threads"] for pool in threadpool_info()}
    says = ", ".join(f"{name} {count}" for name, count in counts.items())
    if max(counts.values()) > CPU_COUNT:
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        yield note(
            f"{says}, and there are {CPU_COUNT} processors: they will wait for each other",
            f"export {' '.join(f'{name}={CPU_COUNT}' for name in names)}",
        )
    else:
        yield ok(f"{says}; processors {CPU_COUNT}")


def tensorflow() -> Iterable[Finding]:
    """TensorFlow multiplies two matrices and differentiates the result."""
    code = (
        "from cflib import tf\n"
        "x = tf.Variable([[1.0, 2.0]])\n"
        "with tf.GradientTape() as tape:\n"
        "    cost = tf.reduce_sum(tf.matmul(x, x, transpose_b=True))\n"
        "assert tape.gradient(cost, x).numpy().tolist() == [[2.0, 4.0]]\n"
        "print(tf.__version__, 'differentiates a matrix product')"
    )
    yield from _tried(code)


def numba() -> Iterable[Finding]:
    """Numba compiles the loops that train a small model, and has a folder to keep such code in."""
    code = (
        "import numba\n"
        "from cflib import data, fit_als\n"
        "from course import doctor\n"
        "ratings, _ = data.synthetic(n_movies=20, n_users=30, n_ratings=300)\n"
        "fit_als(ratings, n_features=2, iterations=1)\n"
        "print(numba.__version__, 'compiles')\n"
        "try:\n"
        "    print(numba.njit(cache=True)(doctor.twice).stats.cache_path)\n"
        "except RuntimeError:  # Numba's own: there is no place for it\n"
        "    pass\n"
    )
    for finding in _tried(code):
        says, _, folder = finding.says.partition("\n")
        if finding.level == "ok" and not folder:
            yield note(
                f"{says}, and has no folder to keep the result in: every kernel compiles anew",
                "export NUMBA_CACHE_DIR=~/.cache/numba   (or any folder that you may write to)",
            )
        else:
            yield dataclasses.replace(finding, says=says)


def twice(x: float) -> float:
    """2x: something for Numba to compile."""
    return 2 * x


def _tried(code: str) -> Iterator[Finding]:
    """What the code prints, run in a process of its own, because it may crash."""
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command, cwd=ROOT, timeout=PATIENCE, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        yield fault(f"no answer within {PATIENCE} seconds", _install())
        return
    if done.returncode == 0:
        yield ok(done.stdout.strip())
    elif done.returncode < 0:
        yield fault(
            f"it crashed by signal {-done.returncode} (4: the processor lacks instructions)",
            f"{_install()} --force-reinstall   (after signal 4: another machine)",
        )
    else:
        yield fault(done.stderr.strip().splitlines()[-1], _install())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


# What is printed

CHECKS: tuple[Check, ...] = (
    python,
    packages,
    kernel,
    data,
    disk,
    memory,
    threads,
    tensorflow,
    numba,
)
QUICK: tuple[Check, ...] = (python, packages, _edition, disk)


def examine(checks: Iterable[Check] = CHECKS) -> Iterator[tuple[str, Finding]]:
    """The name of each check with each of its findings. A check that raises is a fault."""
    for check in checks:
        name = check.__name__.strip("_")
        try:
            for finding in check():
                yield name, finding
        except Exception as error:  # any: an environment can be broken in every way
            yield name, fault(f"could not be checked: {_first_line(error)}", _install())


def main(checks: Iterable[Check] = ()) -> int:
    """Print the findings and what to type; return 1 if there is a fault, else 0.

    All checks are made when none is named. But where this Python is not that of the environment,
    that is all there is to say.
    """
    checks = checks or ((python, packages) if _is_outside() else CHECKS)
    n_faults = 0
    for name, finding in examine(checks):
        print(f"{name:11}{finding.level:6} {finding.says}", flush=True)
        if finding.remedy:
            print(f"{'type':>17}: {finding.remedy}", flush=True)
        n_faults += finding.level == "FAULT"
    print("Everything is here." if not n_faults else f"{n_faults} to put right, in this order.")
    return int(n_faults > 0)


def line() -> None:
    """Print one line, for a chapter: "environment: ok", or the first fault and what to type."""
    for name, finding in examine(QUICK):
        if finding.level == "FAULT":
            print(
                f"environment: {name}: {finding.says}. Type in a terminal: {finding.remedy} "
                "(`python -m cflib doctor` looks at everything)"
            )
            return
    print("environment: ok")


if __name__ == "__main__":
    sys.exit(main())
