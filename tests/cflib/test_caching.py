"""What Numba keeps on disk: damaged, it is made again; where it cannot be kept, all works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "cflib"
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, cflib._kernels
assert cflib.__file__.startswith(sys.argv[1]), cflib.__file__
rows = cflib._kernels.by_row(np.array([1, 0]), np.array([0, 1]), np.array([2.0, 3.0]), 2)
print(rows.residual.tolist())
"""
SYNTHETIC = """
from cflib import data
print(len(data.synthetic(4, 4, 8)[0]))
"""


def answer(folder: Path, script: str = SCRIPT, **variables: str) -> str:
    """What the script prints, with the package in a folder."""
    unset = ("PYTHONPATH", "HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-P", "-c", script, str(folder)]
    done = subprocess.run(
        command, env=kept | variables, capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_a_damaged_compile_cache_is_rebuilt(tmp_path):
    cache = tmp_path / "cache"
    whole = answer(PACKAGE.parent, NUMBA_CACHE_DIR=str(cache))
    for suffix in ("nbi", "nbc"):
        files = list(cache.rglob(f"*.{suffix}"))
        assert files
        for path in files:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert answer(PACKAGE.parent, NUMBA_CACHE_DIR=str(cache)) == whole
        assert any(path.stat().st_size > 500 for path in cache.rglob("*.nbc"))


def test_an_installation_that_cannot_be_written_to_works_without_a_home(tmp_path):
    """A file where each cache folder would be: so not even the administrator can make it."""
    shutil.copytree(PACKAGE, tmp_path / "cflib", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [tmp_path / "cflib", *(tmp_path / "cflib").rglob("*/")]:
        (folder / "__pycache__").touch()
    assert answer(tmp_path, SCRIPT + SYNTHETIC, HOME="/dev/null") == "[3.0, 2.0]\n8"


LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, cflib._kernels
rows = cflib._kernels.by_row(np.array([1, 0]), np.array([0, 1]), np.array([2.0, 3.0]), 2)
print("numba.np.linalg" in sys.modules, rows.residual.tolist())
solved = cflib._kernels.solve_rows(rows, np.ones((2, 1)), np.zeros(2), np.ones(2))
print("numba.np.linalg" in sys.modules, solved[0].ravel().round(3).tolist())
"""


def test_what_is_compiled_is_loaded_without_the_compiler_and_the_rest_is_compiled(tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    answer(PACKAGE.parent, **cache)  # compiles `by_row` alone
    first, second = (answer(PACKAGE.parent, LOADED, **cache).split("\n") for _ in range(2))
    assert first == ["False [3.0, 2.0]", "True [1.5, 1.0]"]
    assert second == ["False [3.0, 2.0]", "False [1.5, 1.0]"]
