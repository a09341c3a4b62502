"""Public docstrings are in NumPy's form, and say of parameters what the signature says.

A docstring may do without sections. Where it has them, they are NumPy's, in NumPy's order, and
Parameters names every parameter with its type.
"""

import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest

import cflib

SECTIONS = [
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Warns",
    "See Also",
    "Notes",
    "References",
    "Examples",
]


def public() -> Iterator[tuple[str, Any]]:
    """Every public function, class and method of the library's public modules."""
    for info in pkgutil.walk_packages(cflib.__path__, "cflib."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != info.name:
                continue
            if inspect.isfunction(value):
                yield f"{info.name}.{name}", value
            elif inspect.isclass(value):
                yield f"{info.name}.{name}", value
                for method, member in vars(value).items():
                    function = getattr(member, "__func__", member)  # of a class method
                    if not method.startswith("_") and inspect.isfunction(function):
                        yield f"{info.name}.{name}.{method}", function


OBJECTS = dict(public())


def sections(docstring: str) -> dict[str, list[str]]:
    """The lines of each section, by its title."""
    parts: dict[str, list[str]] = {}
    lines = inspect.cleandoc(docstring).splitlines()
    title = ""
    for line, below in itertools.pairwise([*lines, ""]):
        if below and set(below) == {"-"} and len(below) >= 3:
            title = line
            parts[title] = []
        elif title and not (line and set(line) == {"-"}):
            parts[title].append(line)
    return parts


def described(lines: list[str]) -> dict[str, str]:
    """The type of each name in a section of parameters.

    What says "As in ..." has its type there, and `*args` and `**kwargs` have none of their own.
    """
    types = {}
    for line, below in itertools.pairwise([*lines, ""]):
        if line and not line.startswith(" "):
            names, _, of_type = line.partition(" : ")
            if names.startswith("*") or re.match(r" +(All as|As) in `", below):
                of_type = of_type or "elsewhere"
            types |= {name.strip("* "): of_type for name in names.split(",")}
    return types


def parameters(value: Any) -> list[str]:
    """Names of the parameters, without self and cls."""
    return [name for name in inspect.signature(value).parameters if name not in ("self", "cls")]


@pytest.mark.parametrize("name", OBJECTS)
def test_sections_are_numpys_and_in_order(name):
    docstring = OBJECTS[name].__doc__ or ""
    titles = list(sections(docstring))
    assert set(titles) <= set(SECTIONS)
    assert titles == sorted(titles, key=SECTIONS.index)
    assert not re.search(r"^\s*(Source|Raises|Returns|Example)s?:", docstring, re.MULTILINE)


@pytest.mark.parametrize("name", OBJECTS)
def test_parameters_are_those_of_the_signature(name):
    documented = described(sections(OBJECTS[name].__doc__ or "").get("Parameters", []))
    if not documented:
        return
    assert sorted(documented) == sorted(parameters(OBJECTS[name]))
    assert [name for name, of_type in documented.items() if not of_type] == []


def test_what_a_docstring_lacks_is_seen():
    docstring = """One.

    Parameters
    ----------
    a, b : int
    c
        Three.
    d
        As in `two`.
    **rest

    Returns
    -------
    int
    """
    parts = sections(docstring)
    assert list(parts) == ["Parameters", "Returns"]
    assert described(parts["Parameters"]) == {
        "a": "int",
        "b": "int",
        "c": "",
        "d": "elsewhere",
        "rest": "elsewhere",
    }
