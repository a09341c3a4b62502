"""The library alone: its wheel in an empty environment, far from the repository.

Only what the library itself depends on is installed, in the versions that requirements.txt pins.
The packages come from the index, so this is skipped where there is none, but never in CI.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {"tensorflow", "matplotlib", "jupyter_core", "IPython", "dask", "pyspark", "course"}
UNSET = ("CFLIB_DATA", "PYTHONPATH", "VIRTUAL_ENV")


class Bare:
    """An environment with the wheel and what it depends on, and a folder of somebody's files."""

    def __init__(self, folder: Path):
        self.python = folder / "env" / "bin" / "python"
        self.work = folder / "elsewhere"
        self.work.mkdir()
        for name in ("ratings.csv", "movies.csv"):
            shutil.copy(ROOT / "data" / "movielens_2016" / name, self.work)
        source = folder / "source"  # a copy, because a build leaves folders behind
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "cflib", source / "cflib", ignore=ignore)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        wheel = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, source]
        subprocess.run([*pip, *wheel], check=True, capture_output=True, text=True)
        (self.wheel,) = folder.glob("*.whl")
        venv = [sys.executable, "-m", "venv", "--without-pip", folder / "env"]
        subprocess.run(venv, check=True)
        into = ["--python", self.python, "install", "--quiet"]
        pinned = ["-c", ROOT / "requirements.txt", self.wheel]
        self.installed = subprocess.run(
            [*pip, *into, *pinned], check=False, capture_output=True, text=True
        )

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command of the environment prints, on both streams, in that folder."""
        kept = {name: value for name, value in os.environ.items() if name not in UNSET}
        done = subprocess.run(
            [self.python.with_name(arguments[0]), *arguments[1:]],
            cwd=self.work,
            env=kept | {"CFLIB_OFFLINE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def python_runs(self, program: str) -> str:
        """What a program prints."""
        return self.run("python", "-c", program)


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Bare:
    in_ci = bool(os.environ.get("CI"))
    if os.environ.get("CFLIB_OFFLINE", "0") not in ("", "0") and not in_ci:
        pytest.skip("CFLIB_OFFLINE is set, and the packages come from the index")
    made = Bare(tmp_path_factory.mktemp("wheel"))
    if made.installed.returncode:
        (pytest.fail if in_ci else pytest.skip)(f"pip cannot install: {made.installed.stderr}")
    return made


def test_the_wheel_has_the_library_its_types_and_no_course(bare):
    assert re.fullmatch(r"cflib_recommender-[\d.]+-py3-none-any.whl", bare.wheel.name)
    program = "import cflib, pathlib; print(*sorted(pathlib.Path(cflib.__file__).parent.iterdir()))"
    files = {Path(name).name for name in bare.python_runs(program).split()}
    assert {"py.typed", "als.py", "data", "models", "people"} <= files
    packages = {path.name for path in bare.python.parents[1].glob("lib/*/site-packages/*")}
    assert "cflib" in packages and packages.isdisjoint(FORBIDDEN | {"tests", "notebooks"})


def test_importing_it_loads_nothing_heavy(bare):
    program = "import cflib, sys; print(*sys.modules)"
    modules = set(bare.python_runs(program).split())
    assert "cflib" in modules
    assert modules.isdisjoint(FORBIDDEN | {"numpy", "pandas", "numba", "scipy"})


USE = """
import sys
from cflib import (
    evaluate, explain, fit_als, fit_bayes, fit_implicit, fit_means, fit_popularity, holdout,
    load_model, rank, read, recommend, recommend_new, similar,
)

split = holdout(read("ratings.csv", movies="movies.csv"))
few = {"n_features": 4, "iterations": 4}
stars = {
    "means": fit_means(split.train),
    "als": fit_als(split.train, **few),
    "bayes": fit_bayes(split.train, **few, burn_in=2, n_samples=2),
}
lists = {"implicit": fit_implicit(split.train, **few), "popularity": fit_popularity(split.train)}
user_id, matrix = split.train.user_ids[0], {"Matrix, The (1999)": 5}
for name, model in (stars | lists).items():
    path = model.save(name + ".npz")
    again = load_model(path)
    assert (again.score_users([0]) == model.score_users([0])).all()
    assert len(recommend(again, split.train, user_id, n=5)) == 5
    assert len(recommend_new(again, matrix, n=5)) == 5
    assert len(explain(again, matrix, "Toy Story (1995)")) == 2
assert len(similar(stars["als"], 1, n=3)) == 3
assert list(evaluate(stars, split).index) == list(stars)
assert list(rank(stars | lists, split).index) == [*stars, *lists]
print(evaluate(stars, split)["rmse"].max())
print({"tensorflow", "matplotlib", "IPython"} & set(sys.modules))
"""


def test_each_kind_of_model_is_fitted_saved_loaded_asked_and_judged(bare):
    rmse, loaded = bare.python_runs(USE).splitlines()
    assert 0.8 < float(rmse) < 1.0  # stars; that of guessing the mean of all ratings is 1.04
    assert loaded == "set()"


@pytest.mark.parametrize(
    ("function", "extra"), [("fit_adam", "tensorflow"), ("fit_spark", "spark")]
)
def test_what_needs_an_extra_says_what_to_install(bare, function, extra):
    program = f"""
from cflib import {function}, read
try:
    {function}(read("ratings.csv", movies="movies.csv"))
except ImportError as error:
    print(error)
"""
    assert f'pip install "cflib-recommender[{extra}]"' in bare.python_runs(program)


def test_the_command_fits_and_recommends_and_says_what_the_course_is(bare):
    assert re.fullmatch(r"cflib, version [\d.]+\n", bare.run("cflib", "--version"))
    help_text = bare.run("cflib", "--help")
    assert "fit" in help_text and "sweep" not in help_text
    files = ["ratings.csv", "--titles", "movies.csv"]
    bare.run("cflib", "fit", *files, "--features", "2", "--quick", "--out", "mine.npz")
    table = bare.run("cflib", "recommend", "mine.npz", "--user", "1", "-n", "3", "--format", "csv")
    assert len(table.strip().splitlines()) == 1 + 3
    assert bare.run("python", "-m", "cflib", "--version").startswith("cflib, version")
    sentence = bare.run("cflib", "run", code=1)
    assert "is a command of the course" in sentence and "make run" in sentence
