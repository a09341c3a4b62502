"""Is everything here that the course needs? `python -m cflib doctor` looks, and says what to type.

It has to run where nothing else does. So it imports the standard library alone, and anything more
only inside the check that needs it: a check that cannot be made is a fault like any other. What
can crash a process, TensorFlow on an old processor above all, is tried in a process of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest for which there is TensorFlow 2.21
GIGABYTE = 1e9
DISK = 0.5 * GIGABYTE  # the runs, the site and a download; the environment is there already
MEMORY = 1.0 * GIGABYTE  # what the hungriest chapter takes, 00 aside
MEMORY_OF_00 = 3.0 * GIGABYTE
PATIENCE = 120  # seconds for a process that should take ten

SHA256 = {  # of the two editions that the stored outputs and the exercises are about
    "movielens_small/ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
    "movielens_small/movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
    "movielens_2016/ratings.csv": "b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73",
    "movielens_2016/movies.csv": "bf1256823f4b1bf331b6584161a3a25faccefe1e6914d9906c0bbb4f8b076d0e",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found: a level ("ok", "note" or "FAULT"), a sentence, and what to type."""

    level: str
    says: str
    remedy: str = ""


def ok(says: str) -> Finding:
    return Finding("ok", says)


def note(says: str, remedy: str) -> Finding:
    return Finding("note", says, remedy)


def fault(says: str, remedy: str) -> Finding:
    return Finding("FAULT", says, remedy)


def _command(*arguments) -> str:
    """What to type, for this very Python."""
    return shlex.join(map(str, (sys.executable, *arguments)))


def _install() -> str:
    return _command("-m", "pip", "install", "-r", REQUIREMENTS)


# The checks: each yields what it finds


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
    wanted, installed = _pins(), _installed()
    missing = [f"{name} {version}" for name, version in wanted.items() if name not in installed]
    other = [
        f"{name} is {installed[name]} and should be {version}"
        for name, version in wanted.items()
        if installed.get(name, version) != version
    ]
    if missing:
        yield fault(f"missing: {_some(missing)}", _install())
    if other:
        yield fault(_some(other), _install())
    if not missing and not other:
        yield ok(f"{len(wanted)}, each in the version that requirements.txt pins")


def _some(names: list[str], at_most: int = 8) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def _pins() -> dict[str, str]:
    """Name and version of what requirements.txt wants here.

    Lines with a condition are left out where packaging, which can judge it, is itself missing.
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

    From the names of their .dist-info folders, which are standardised: asking importlib.metadata
    about each takes longer than the first cell of a chapter should.
    """
    found = {}
    for folder in reversed(sys.path):
        if os.path.isdir(folder):
            for entry in os.listdir(folder):
                if entry.endswith(".dist-info"):
                    name, _, version = entry[: -len(".dist-info")].partition("-")
                    found[name.lower().replace("_", "-").replace(".", "-")] = version
    return found


def kernel() -> Iterable[Finding]:
    """Jupyter's kernel `python3`: it starts, is this environment, and can import cflib."""
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
        yield fault("Jupyter knows no kernel `python3`", f"{_install()} && {repair}")
        return
    except (OSError, RuntimeError) as error:  # no such program, or it dies, or never answers
        yield fault(f"the kernel `python3` does not start: {_first_line(error)}", repair)
        return
    try:
        said = []
        client.execute_interactive(
            "import os, sys; print(sys.executable); os.chdir(os.sep); import cflib; print('cflib')",
            output_hook=lambda message: said.append(message["content"].get("text", "")),
            timeout=PATIENCE,
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    program, *rest = "".join(said).split("\n")
    if Path(program) != Path(sys.executable):
        yield fault(f"the kernel `python3` is another Python's: {program}", repair)
    elif "cflib" not in rest:
        yield fault(
            "the kernel `python3` starts, and cannot import cflib",
            _command("-m", "pip", "install", "--no-deps", "-e", ROOT),
        )
    else:
        yield ok("`python3` starts, in this environment")


def data() -> Iterable[Finding]:
    """The ratings: which edition a chapter would read, and whether its files are whole."""
    yield from _edition()
    yield from _damage()


def _edition() -> Iterable[Finding]:
    from .data import sets

    given = os.environ.get("CFLIB_DATA")
    if given and not _holds_a_set(given):
        yield fault(
            f"CFLIB_DATA is {given}, and there is no set in it",
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


def _holds_a_set(given: str) -> bool:
    from .data import sets

    roots = (Path(given).absolute(), ROOT / given)
    return any(sets.ratings_file(root / name) for root in roots for name in sets.EDITIONS)


def _checkout() -> str:
    return f"git -C {shlex.quote(str(ROOT))} checkout -- data"


def _damage() -> Iterable[Finding]:
    from .data import sets

    for path, expected in SHA256.items():
        edition, _, file = path.partition("/")
        folder = sets.find(edition)
        if folder and (not (folder / file).is_file() or _sha256(folder / file) != expected):
            again = f"rm -r {shlex.quote(str(folder))}   (`data.load` downloads it again)"
            yield fault(
                f"{folder / file} is not the published file: its SHA-256 is another",
                _checkout() if edition == sets.FALLBACK else again,
            )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def disk() -> Iterable[Finding]:
    """Room for the runs, and leave to write them."""
    free = shutil.disk_usage(ROOT).free
    if free < DISK:
        yield fault(
            f"{free / GIGABYTE:.1f} GB free where the repository is; {DISK / GIGABYTE:.1f} needed",
            f"rm -r {shlex.quote(str(ROOT / 'runs'))}   (what earlier runs left), or make room elsewhere",
        )
    elif not os.access(ROOT, os.W_OK):
        yield fault(
            f"{ROOT} may not be written to, and runs/ should go there",
            "python -m cflib run --out ~/run   (a folder of yours)",
        )
    else:
        yield ok(f"{free / GIGABYTE:.0f} GB free")


def memory() -> Iterable[Finding]:
    """Memory that is free, within what a container may have."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    free = min(psutil.virtual_memory().available, MEMORY_LIMIT)
    says = f"{free / GIGABYTE:.1f} GB free of {MEMORY_LIMIT / GIGABYTE:.1f}"
    if free < MEMORY:
        yield fault(
            f"{says}; the chapters need {MEMORY / GIGABYTE:.0f}",
            "close other programs and other kernels (in JupyterLab: Kernel, Shut Down All Kernels)",
        )
    elif free < MEMORY_OF_00:
        yield note(
            f"{says}: enough for all chapters but 00, which needs {MEMORY_OF_00 / GIGABYTE:.0f}",
            "close other programs before you run chapter 00, or read it as it is stored",
        )
    else:
        yield ok(says)


def threads() -> Iterable[Finding]:
    """As many threads as processors, for the compiled loops and for the linear algebra."""
    import numpy  # noqa: F401  (so that its linear algebra is loaded)
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
        "from cflib._tensorflow import tf\n"
        "x = tf.Variable([[1.0, 2.0]])\n"
        "with tf.GradientTape() as tape:\n"
        "    cost = tf.reduce_sum(tf.matmul(x, x, transpose_b=True))\n"
        "assert tape.gradient(cost, x).numpy().tolist() == [[2.0, 4.0]]\n"
        "print(tf.__version__, 'differentiates a matrix product')"
    )
    yield from _tried(code)


def numba() -> Iterable[Finding]:
    """Numba compiles the loops of `cflib.solve`, and has a folder to keep them in."""
    code = (
        "import numba, numpy as np\n"
        "from cflib import solve\n"
        "one = np.array([0])\n"
        "assert solve.by_row(one, one, np.array([1.5]), 1).residual == [1.5]\n"
        "print(numba.__version__, 'compiles')\n"
        "print(solve._place.stats.cache_path or '')"
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


def _tried(code: str) -> Iterable[Finding]:
    """What the code prints, run in a process of its own: it may crash."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, timeout=PATIENCE,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
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


def _first_line(error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


# What is made of them

CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (
    python, packages, kernel, data, disk, memory, threads, tensorflow, numba,
)  # fmt: skip
QUICK = (python, packages, _edition, disk)


def examine(checks: Iterable[Callable] = CHECKS) -> Iterable[tuple[str, Finding]]:
    """Name and finding of each check in turn; one that cannot be made is a fault, too."""
    for check in checks:
        name = check.__name__.strip("_")
        try:
            for finding in check():
                yield name, finding
        except Exception as error:  # whatever it was: an environment can be broken in any way
            yield name, fault(f"could not be looked at: {_first_line(error)}", _install())


def main(checks: Iterable[Callable] = CHECKS) -> int:
    """Print what each check finds and what to type; 1 if there is a fault, else 0."""
    n_faults = 0
    for name, finding in examine(checks):
        print(f"{name:11}{finding.level:6} {finding.says}", flush=True)
        if finding.remedy:
            print(f"{'type':>17}: {finding.remedy}", flush=True)
        n_faults += finding.level == "FAULT"
    print("Everything is here." if not n_faults else f"{n_faults} to be put right, in this order.")
    return int(n_faults > 0)


def line() -> None:
    """Print one line: "environment: ok", or the first fault and what to type. For chapters."""
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
