"""One list of versions: requirements.txt pins all, and the projects and conda agree with it."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from jupyter_client import KernelManager
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import cflib
import course

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COURSE = tomllib.loads((ROOT / "course/pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    canonicalize_name(requirement.name): requirement
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
    for requirement in [Requirement(line)]
}
SUPPORTED = ["3.11", "3.12", "3.13"]
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def version_of(name: str) -> str:
    return str(PINS[canonicalize_name(name)].specifier).removeprefix("==")


def test_every_line_of_the_requirements_is_pinned_to_one_version():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    assert len(lines) == len(PINS) > 100
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?", line), line


def test_what_the_project_declares_is_pinned_to_a_version_that_it_allows():
    extras = PROJECT["optional-dependencies"]
    (library,) = map(Requirement, COURSE["dependencies"])
    assert library.name == PROJECT["name"] and library.extras < set(extras)
    declared = [*PROJECT["dependencies"], *extras["test"]]
    declared += [line for extra in library.extras for line in extras[extra]]
    for requirement in map(Requirement, declared):
        assert PINS[canonicalize_name(requirement.name)].marker is None
        assert requirement.specifier.contains(version_of(requirement.name)), requirement


def test_nothing_that_is_installed_floats():
    """Each dependency of a pinned package that applies here is itself pinned."""
    for name in PINS:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # belongs to another system or another Python
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in PINS, f"{name} needs {need}"


def test_conda_gets_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *packages, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.txt", "-e .", "-e ./course"]}
    (python,) = [p.removeprefix("python=") for p in packages if p.startswith("python=")]
    assert python in SUPPORTED
    assert set(packages) == {f"python={python}", "pip"}  # no version that requirements.txt hasn't


def test_the_project_allows_the_pythons_that_make_accepts():
    allowed = SpecifierSet(PROJECT["requires-python"])
    every = [f"3.{minor}" for minor in range(8, 20)]
    assert [version for version in every if allowed.contains(version)] == SUPPORTED


def test_library_and_course_have_one_version_and_allow_the_same_pythons():
    assert cflib.__version__ == course.__version__ == COURSE["version"]
    assert PROJECT["dynamic"] == ["version"]
    assert COURSE["requires-python"] == PROJECT["requires-python"]


def test_the_library_declares_what_it_imports_and_nothing_else():
    imported = imports_of(ROOT / "cflib") - {"cflib"} - sys.stdlib_module_names
    optional = {"tensorflow", "pyspark"}
    comes_with_numba = {"llvmlite"}
    declared = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert imported - optional - comes_with_numba == declared


def imports_of(folder: Path) -> set[str]:
    """The top-level names of all modules that the files of a package import, anywhere."""
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    return names


def test_the_kernel_named_python3_is_this_environment():
    command = KernelManager(kernel_name="python3").format_kernel_cmd()
    assert Path(command[0]) == Path(sys.executable)


def a_python(folder: Path, version: tuple) -> Path:
    """A command that answers like a Python of that version, and can do nothing else."""
    path = folder / "python-of-a-test"
    path.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.version_info = {version}; $2"\n'
    )
    path.chmod(0o755)
    return path


@needs_make
@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 13), (3, 14, 0)])
def test_another_python_is_refused_in_one_sentence_before_anything_is_installed(tmp_path, version):
    (tmp_path / "course").mkdir()
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "course/pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    python = a_python(tmp_path, version)
    done = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={python}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=_outside_of_make(),
    )
    assert done.returncode != 0
    assert done.stdout == ""
    sentence, *rest = done.stderr.splitlines()
    assert sentence.startswith("cflib needs Python 3.11, 3.12 or 3.13")
    assert f"{python} here is {'.'.join(map(str, version))}" in sentence
    assert len(rest) == 1 and rest[0].startswith("make: ***")
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_make_alone_lists_the_targets():
    done = subprocess.run(
        ["make"], cwd=ROOT, capture_output=True, text=True, check=True, env=_outside_of_make()
    )
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    (targets,) = re.findall(r"^\.PHONY: (help .*)$", makefile, re.MULTILINE)
    assert listed == targets.split() and {"run", "test", "notebooks", "lab"} <= set(listed)


def _outside_of_make() -> dict:
    """The environment without the variables of `make test`, which a second make would obey."""
    ours = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON")
    return {name: value for name, value in os.environ.items() if name not in ours}
