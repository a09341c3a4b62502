"""Every parameter of every chapter can be turned, and every "Try it" can be tried.

A chapter with other parameters runs to its end without a warning, or it stops with a sentence of
ours. `tests/notebooks/values.py` says what is tried. The chapters run on the bundled edition, with
cheap values for the parameters that cost time.

These tests take long. They run where this file is named, as in
`pytest tests/notebooks/test_parameters.py -k 05`, and with `--long`.
"""

import re
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from course.run import RUN_DIR, parameters

from .reader import NOTEBOOKS, End, Reader, is_ours
from .values import CHEAP, KNOWN, OF_CHAPTER, TRY_IT, VALUES, Asked, Turned

CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
TOGETHER = 3  # so many parameters are turned in one run to sensible values


def turned(chapter: str) -> dict[str, Turned]:
    """What the parameters of a chapter are turned to."""
    names = parameters(NOTEBOOKS / f"{chapter}.ipynb").keys() - {RUN_DIR}
    known = VALUES | OF_CHAPTER.get(chapter, {})
    return {name: known[name] for name in sorted(names)}


def sensible(chapter: str) -> Iterator[dict[str, Any]]:
    """Settings of which each turns a few parameters; neighbours in the alphabet lie apart."""
    values = {name: value.sensible for name, value in turned(chapter).items()}
    for nth in range(max(map(len, values.values()))):
        names = [name for name in values if len(values[name]) > nth]
        n_groups = -(-len(names) // TOGETHER)
        for group in range(n_groups):
            yield {name: values[name][nth] for name in names[group::n_groups]}


def foolish(chapter: str) -> Iterator[dict[str, Any]]:
    for name, value in turned(chapter).items():
        yield {name: value.foolish}


def case(chapter: str, values: dict[str, Any]) -> Any:
    name = f"{chapter}-" + ",".join(f"{name}={value}" for name, value in values.items())
    return pytest.param(chapter, values, id=name, marks=marks(name))


def marks(name: str) -> list:
    """Those of a test with this identifier."""
    known = [pytest.mark.xfail(reason="not yet repaired", strict=True)] if name in KNOWN else []
    return [pytest.mark.long, *known]


def tries(chapter: str) -> list[str]:
    """The numbered texts under a chapter's "Try it"."""
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    part = prose.partition("\n## Try it\n")[2].partition("\n## ")[0]
    return re.findall(r"^\d+\. (.*)", part, re.MULTILINE)


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Iterator[Reader]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CFLIB_DATA", str(tmp_path_factory.mktemp("empty")))
        before = sorted(NOTEBOOKS.glob("[!.]*"))
        with Reader() as process:
            yield process
        assert sorted(NOTEBOOKS.glob("[!.]*")) == before  # a chapter leaves nothing beside itself


def check_it_ran(end: End) -> None:
    assert not end.error, f"cell {end.cell}: {end.error}\n{end.trace}"
    assert not end.noise


@pytest.mark.parametrize(
    ("chapter", "values"), [case(name, values) for name in CHAPTERS for values in sensible(name)]
)
def test_a_chapter_runs_with_other_sensible_parameters(reader, chapter, values):
    check_it_ran(reader.read(chapter, CHEAP.get(chapter, {}) | values))


@pytest.mark.parametrize(
    ("chapter", "values"), [case(name, values) for name in CHAPTERS for values in foolish(name)]
)
def test_a_chapter_runs_with_a_foolish_parameter_or_says_what_is_wrong(
    reader, tmp_path, chapter, values
):
    values = {
        name: value.replace("TMP", str(tmp_path)) if isinstance(value, str) else value
        for name, value in values.items()
    }
    end = reader.read(chapter, CHEAP.get(chapter, {}) | values)
    if not end.error:
        check_it_ran(end)
        return
    kind, _, sentence = end.error.partition(": ")
    assert end.is_ours and kind != "AssertionError", f"cell {end.cell}: {end.error}\n{end.trace}"
    assert len(sentence.split()) > 3, f"cell {end.cell}: {end.error}"
    assert not end.noise


@pytest.mark.parametrize(
    ("chapter", "asked"),
    [
        pytest.param(name, asked, id=f"{name}-try-{n}", marks=marks(f"{name}-try-{n}"))
        for name in CHAPTERS
        for n, asked in enumerate(TRY_IT.get(name, []), start=1)
        if not asked.on_paper
    ],
)
def test_what_a_try_it_asks_for_can_be_done(reader, chapter: str, asked: Asked):
    check_it_ran(reader.read(chapter, asked.parameters, asked.edits, asked.then))


# These are short


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_try_it_has_its_line_and_turns_the_parameters_that_it_names(chapter):
    texts, lines = tries(chapter), TRY_IT.get(chapter, [])
    assert [line.text for line in lines] == [
        text[: len(line.text)] for text, line in zip(texts, lines, strict=True)
    ]
    names = parameters(NOTEBOOKS / f"{chapter}.ipynb").keys()
    for line in lines:
        if match := re.match(r"(?:Set|Change|Choose another) `(\w+)`", line.text):
            assert match[1] not in names or match[1] in line.parameters


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_parameter_has_values_that_differ_from_its_default(chapter):
    defaults = parameters(NOTEBOOKS / f"{chapter}.ipynb")
    for name, value in turned(chapter).items():
        assert defaults[name] not in (*value.sensible, value.foolish), name
    assert CHEAP.get(chapter, {}).keys() <= defaults.keys()


def test_only_a_raise_of_this_project_is_one_of_ours():
    import numpy as np

    from cflib import data

    def raised_by(function) -> bool:
        try:
            function()
        except Exception as error:
            return is_ours(error)
        raise AssertionError("it raised nothing")

    assert raised_by(lambda: data.load("no_such_set"))
    assert not raised_by(lambda: np.random.default_rng(-1))
    assert not raised_by(lambda: np.argmin([]))
