"""`import cflib` is quick, because it imports nothing, and gives everything by name."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cflib

HEAVY = ("numpy", "pandas", "scipy", "numba", "tensorflow", "matplotlib", "jupyter", "dask")
SOURCE = Path(cflib.__file__).read_text(encoding="utf-8")


def loaded_by(program: str) -> set[str]:
    """Names of the modules that a program has loaded at its end."""
    command = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_none_of_its_rooms_and_no_other_package():
    modules = loaded_by("import cflib; cflib.__version__, dir(cflib)")
    assert {name for name in modules if name.startswith("cflib")} == {"cflib"}
    assert modules.isdisjoint(HEAVY)


def test_a_name_loads_only_what_it_needs():
    modules = loaded_by("from cflib import Ratings, fit_als, load, recommend")
    assert "cflib.als" in modules
    assert modules.isdisjoint({"cflib.tune", "tensorflow", "matplotlib", "IPython", "dask"})


@pytest.mark.parametrize("name", [name for name in cflib.__all__ if name != "__version__"])
def test_each_name_is_what_its_room_has(name):
    value = getattr(cflib, name)
    assert name in dir(cflib)
    if inspect.ismodule(value):
        assert value.__name__ == f"cflib.{name}"
    elif name != "tf":
        assert value.__module__.startswith("cflib.") and value.__name__ == name
    assert getattr(cflib, name) is value


def test_a_name_that_is_not_there_is_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'cflib' has no attribute 'fit_asl'"):
        cflib.fit_asl  # noqa: B018
    with pytest.raises(ImportError, match="fit_asl"):
        exec("from cflib import fit_asl")


def test_type_checkers_see_the_names_that_there_are():
    (block,) = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.If)]
    seen = {
        alias.name: node.module
        for node in block.body
        for alias in node.names
        if alias.asname == alias.name
    }
    assert seen.keys() | {"__version__"} == set(cflib.__all__)
    for name, room in seen.items():
        if room is not None:
            module = importlib.import_module(f"cflib.{room}")
            assert getattr(module, name) is getattr(cflib, name)
