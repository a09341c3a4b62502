"""Who uses what of whom: the library, the course, the benchmarks and the notebooks.

A *house* is a package at the top of the repository (cflib, course, benchmarks); a *room* is what
lies directly in it, a module or a package. import-linter holds the direction of the imports. What
it cannot see are names: those that begin with `_` belong to their room, and the private modules of
a house belong to the house. Nobody asks what class a model is of, but the models themselves.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("cflib", "course", "benchmarks")
SOURCES = sorted(path for top in (*HOUSES, "docs") for path in (ROOT / top).rglob("*.py"))
NOTEBOOKS = sorted(
    path
    for folder in ("notebooks", "course/app")
    for path in (ROOT / folder).rglob("*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)
MODELS = ("cflib.model", "cflib.models")  # where classes of models are defined

Place = tuple[str, ...]  # a module's or a name's dotted path, taken apart


def name_of(path: Path) -> Place:
    """A module's dotted path, taken apart: ("cflib", "data", "sets")."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def source_of(path: Path) -> str:
    """A module's text, or the code cells of a notebook without IPython's own commands."""
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    lines = (line for cell in cells if cell.cell_type == "code" for line in cell.source.split("\n"))
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


def imported(tree: ast.AST, place: Place, is_package: bool = False) -> dict[str, Place]:
    """What each name that an import binds stands for: {"als": ("cflib", "als")}."""
    bound: dict[str, Place] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                bound[alias.asname or parts[0]] = parts if alias.asname else parts[:1]
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            if node.level:
                up = node.level - is_package
                module = place[: len(place) - up] + module
            for alias in node.names:
                bound[alias.asname or alias.name] = (*module, alias.name)
    return {name: parts for name, parts in bound.items() if parts[0] in HOUSES}


def used(tree: ast.AST, bound: dict[str, Place]) -> Iterator[Place]:
    """Everything of a house that is imported, or reached through what is imported."""
    yield from bound.values()
    for node in ast.walk(tree):
        names, inner = [], node
        while isinstance(inner, ast.Attribute):
            names.append(inner.attr)
            inner = inner.value
        if names and isinstance(inner, ast.Name) and inner.id in bound:
            yield (*bound[inner.id], *reversed(names))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def may_use(user: Place, target: Place) -> bool:
    """Whether a module may use a name: nobody's private one but its own room's or house's."""
    private = next((n for n, name in enumerate(target) if is_private(name)), None)
    if private is None:
        return True
    is_module = (ROOT.joinpath(*target[: private + 1]).with_suffix(".py")).exists()
    if is_module and private == 1 and user[:1] == target[:1]:
        return may_use(
            user, (*target[:private], target[private].lstrip("_"), *target[private + 1 :])
        )
    return user[:2] == target[:2] and len(user) > 1


def trespasses(source: str, place: Place, is_package: bool = False) -> set[str]:
    """The private names of others that a module uses."""
    tree = ast.parse(source)
    targets = used(tree, imported(tree, place, is_package))
    return {".".join(target) for target in targets if not may_use(place, target)}


def classes_of_models() -> set[str]:
    """Names of the classes that models are of: the contract, `FactorModel`, all that extend it."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in SOURCES
        for node in ast.walk(ast.parse(source_of(path)))
        if isinstance(node, ast.ClassDef)
    }
    known = {"Model", "FactorModel"}
    while more := {name for name, of in bases.items() if of & known} - known:
        known |= more
    return known


def questions_of_class(source: str, classes: set[str]) -> list[str]:
    """Where a source asks which class a model is of, or which attributes it happens to have."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            mentioned = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            mentioned |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            asks_class = node.func.id in ("isinstance", "issubclass") and mentioned & classes
            first = node.args[0] if node.args else None
            of_model = isinstance(first, ast.Name) and first.id == "model"
            by_string = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
            asks_attribute = node.func.id in ("hasattr", "getattr") and of_model and by_string
            if asks_class or asks_attribute:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Compare) and ast.unparse(node).startswith("type("):
            mentioned = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if mentioned & classes:
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


# The repository -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_uses_no_private_name_of_another(path):
    assert trespasses(source_of(path), name_of(path), path.name == "__init__.py") == set()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_uses_no_private_name(path):
    assert trespasses(source_of(path), ("notebook",)) == set()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_notebook_shows_no_private_name(path):
    """In the sources that a chapter prints: what is taught is public."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    sources = [data["text/markdown"] for data in outputs if "text/markdown" in data]
    assert re.findall(r"(?<!\w)_[a-z]\w*", "\n".join(sources)) == []


def test_nobody_asks_a_model_for_its_class():
    classes = classes_of_models()
    asked = {
        str(path.relative_to(ROOT)): questions
        for path in [*SOURCES, *NOTEBOOKS]
        if not ".".join(name_of(path)).startswith(MODELS)
        and (questions := questions_of_class(source_of(path), classes))
    }
    assert asked == {}


def test_the_imports_go_one_way_without_circles():
    """The contracts of .importlinter: layers, no circle, no course in the library."""
    pytest.importorskip("importlinter", reason="`make lint` installs import-linter, and runs it")
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", lint, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


# The rules ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "source", "found"),
    [
        ("cflib.people.lists", "from ..model import _checked", "cflib.model._checked"),
        ("cflib.people.lists", "from .. import model\nmodel._checked()", "cflib.model._checked"),
        ("cflib.als", "from . import _kernels\n_kernels._share()", "cflib._kernels._share"),
        ("cflib.data.sets", "from cflib.als import _cost as cost", "cflib.als._cost"),
        ("course.panel", "from cflib import _kernels", "cflib._kernels"),
        ("course.panel", "from cflib._tensorflow import tf", "cflib._tensorflow.tf"),
        ("benchmarks.ours", "import cflib.als as a\na._cost(1)", "cflib.als._cost"),
        ("benchmarks.accuracy.fit", "from ..peers import _spread", "benchmarks.peers._spread"),
        ("notebook", "from cflib import als\nprint(als._x)", "cflib.als._x"),
        ("notebook", "from cflib import BayesModel\nBayesModel._x", "cflib.BayesModel._x"),
    ],
)
def test_a_private_name_of_another_room_is_seen(place, source, found):
    assert trespasses(source, tuple(place.split("."))) == {found}


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("cflib.als", "from . import _kernels\n_kernels.solve_rows()"),
        ("cflib.models.bayes", "from .._storage import read_arrays"),
        ("cflib.models.bayes", "from .gibbs import _draw"),
        ("cflib.models.bayes", "from . import gibbs\ngibbs._draw()"),
        ("course.panel", "import pandas as pd\npd._libs"),
        ("notebook", "import cflib\nprint(cflib.__version__)"),
    ],
)
def test_a_private_name_of_the_same_room_or_house_is_allowed(place, source):
    assert trespasses(source, tuple(place.split("."))) == set()


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(model, BayesModel)",
        "isinstance(x, (int, models.BayesModel))",
        "if type(model) is BayesModel: pass",
        "hasattr(model, 'predict_interval')",
        "getattr(model, 'predict_interval', None)",
    ],
)
def test_a_question_for_the_class_of_a_model_is_seen(source):
    assert "BayesModel" in classes_of_models()
    assert len(questions_of_class(source, {"BayesModel"})) == 1


def test_other_questions_are_allowed():
    source = "isinstance(x, int); hasattr(os, 'fork'); 'intervals' in model.says; getattr(model, a)"
    assert questions_of_class(source, {"BayesModel"}) == []
