"""The gate of the chapters, tried on small ones: what it lets through, and what it stops."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from cflib import data
from course import commands, notebooks

from ..course.small_chapters import SHOW_PICTURE, SHOW_WIDGET, chapter

ROOT = Path(__file__).resolve().parents[2]
# As C++ does it. A kernel reads that from a pipe, in its own time, so the cell goes on for a while.
FROM_BELOW = "import os, time; os.write(2, b'from below'); time.sleep(1)"


@pytest.fixture
def edition_is_here(monkeypatch):
    monkeypatch.setattr(notebooks, "why_not_compared", lambda: None)


def renewed(path: Path, *sources: str, **kwargs) -> Path:
    """A small chapter, executed and stored as `make notebooks` does it."""
    chapter(path, *sources, **kwargs)
    nbformat.write(notebooks.executed(path), path)
    return path


def change(path: Path, edit) -> None:
    notebook = nbformat.read(path, as_version=4)
    edit(notebook)
    nbformat.write(notebook, path)


# `make notebooks`


def test_executing_twice_gives_the_same_bytes_and_keeps_ids_tags_and_outputs(
    tmp_path, edition_is_here, capfd
):
    sources = (
        "import sys\nfor i in range(50): print(i); sys.stdout.flush()",
        "# Some prose",
        SHOW_PICTURE,
        "import os; os.path.basename(os.getcwd())",
        "{'b': 1, 'a': 2}",
        SHOW_WIDGET,
    )
    path = chapter(tmp_path / "notebooks" / "01_first.ipynb", *sources)
    change(path, lambda notebook: notebook.cells[1].metadata.update(papermill={"duration": 3.2}))
    folded = {"jupyter": {"source_hidden": True}}
    change(path, lambda notebook: notebook.cells[3].metadata.update(folded))
    on_slide = {"slideshow": {"slide_type": "slide"}}
    change(path, lambda notebook: notebook.cells[2].metadata.update(on_slide))
    notebooks.renew(folder=path.parent)
    first = path.read_bytes()
    notebooks.renew(["01_first"], folder=path.parent)
    assert path.read_bytes() == first
    said, noise = capfd.readouterr()
    assert said.split()[0] == "01_first" and "WARNING" not in noise
    notebook = nbformat.read(path, as_version=4)
    assert [flaw for check in notebooks.CHECKS for flaw in check(notebook)] == []
    assert notebook.cells[0].metadata == {"tags": ["parameters"]}
    assert [cell.metadata for cell in notebook.cells[1:4]] == [{}, on_slide, folded]
    assert [cell.id for cell in notebook.cells] == [f"cell-{n}" for n in range(7)]
    assert [output.text for output in notebook.cells[1].outputs] == [
        "".join(f"{i}\n" for i in range(50))
    ]
    assert notebook.cells[4].outputs[0].data["text/plain"] == "'notebooks'"
    assert set(notebook.cells[6].outputs[0].data) == {"text/plain"}  # of a widget
    assert [p.name for p in path.parent.iterdir()] == ["01_first.ipynb"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; print('careful', file=sys.stderr)", "wrote to stderr: careful"),
        (FROM_BELOW, "wrote to stderr: from below"),
        ("print('/home/me/ratings.csv')", "has the path /home/me/ratings.csv"),
    ],
)
def test_a_chapter_that_fails_stays_as_it_was(
    tmp_path, edition_is_here, monkeypatch, source, reason
):
    # A kernel that finds this variable doesn't catch what C++ writes to stderr.
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    path = chapter(tmp_path / "01_first.ipynb", "print('one')", source)
    before = path.read_bytes()
    with pytest.raises(notebooks.NotebookError, match="01_first") as failure:
        notebooks.renew(folder=tmp_path)
    assert reason in str(failure.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_chapters_are_not_renewed_on_another_edition(tmp_path, monkeypatch):
    path = chapter(tmp_path / "01_first.ipynb")
    before = path.read_bytes()
    monkeypatch.setattr(notebooks, "why_not_compared", lambda: "there is no network")
    with pytest.raises(notebooks.NotebookError, match="movielens_small.*there is no network"):
        notebooks.renew(folder=tmp_path)
    assert path.read_bytes() == before


def test_a_chapter_that_is_not_there_is_refused_by_name(edition_is_here):
    done = CliRunner().invoke(commands.notebooks, ["06_missing"])
    assert done.exit_code == 1 and "there is no chapter `06_missing`" in done.output


def test_the_edition_is_looked_for_then_downloaded_then_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(data, "find", lambda name: Path("here"))
    monkeypatch.setattr(data, "load", None)
    assert notebooks.why_not_compared() is None

    def no_network(name):
        raise OSError("no network\nand more")

    monkeypatch.setattr(data, "find", lambda name: None)
    monkeypatch.setattr(data, "load", no_network)
    assert notebooks.why_not_compared() == "no network"
    monkeypatch.setattr(data, "load", lambda name: "downloaded")
    assert notebooks.why_not_compared() is None


# What a committed chapter has to be


def stream(name, text):
    return nbformat.v4.new_output("stream", name=name, text=text)


def picture(alt=None):
    about = {"image/png": {"alt": alt}} if alt is not None else {}
    return nbformat.v4.new_output("display_data", {"image/png": "aGk="}, metadata=about)


def html(text):
    return nbformat.v4.new_output("display_data", {"text/html": text})


def failed():
    return nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])


def put_out(output):
    return lambda notebook: notebook.cells[1].outputs.append(output)


def set_source(n, source):
    return lambda notebook: notebook.cells[n].update(source=source)


def set_count(n, count):
    return lambda notebook: notebook.cells[n].update(execution_count=count)


def tag(n, *tags):
    return lambda notebook: notebook.cells[n].metadata.update(tags=list(tags))


FLAWS = [
    ("unexecuted", set_count(1, None)),
    ("unexecuted", set_count(1, 3)),
    ("unexecuted", lambda notebook: notebook.cells.insert(0, notebook.cells.pop(1))),
    ("failures", put_out(failed())),
    ("failures", put_out(stream("stderr", "careful"))),
    ("noise", lambda notebook: notebook.metadata.update(papermill={"duration": 3})),
    ("noise", lambda notebook: notebook.metadata.language_info.update(version="3.11.7")),
    ("noise", lambda notebook: notebook.cells[1].metadata.update(execution={"iopub": "2026"})),
    ("noise", lambda notebook: notebook.cells[2].metadata.update(collapsed=True)),
    ("noise", lambda notebook: notebook.cells[2].metadata.update(jupyter={"outputs_hidden": True})),
    ("absolute_paths", put_out(stream("stdout", "saved as /root/run/model.npz"))),
    ("absolute_paths", put_out(html("<td>/home/me/x</td>"))),
    ("absolute_paths", set_source(1, "open('C:\\\\data\\\\x')")),
    ("remote_content", set_source(2, "![a movie](https://example.org/movie.png)")),
    ("remote_content", set_source(2, '<img alt="a" src="//example.org/a.png">')),
    ("remote_content", put_out(html("<script src='https://example.org/x.js'></script>"))),
    ("remote_content", put_out(html("<style>@import 'https://example.org/x.css'</style>"))),
    ("remote_content", put_out(html('<p style="background: url(http://example.org/a)">'))),
    ("undescribed_pictures", put_out(picture())),
    ("undescribed_pictures", put_out(picture(" "))),
    ("undescribed_pictures", set_source(2, "![](movie.png)")),
    ("undescribed_pictures", set_source(2, '<img src="movie.png">')),
    ("unfolded", set_source(1, "chapter.show(figure, alt='a dot')")),
    ("unfolded", set_source(1, "chapter.claim(1 < 2, 'one is less')")),
    ("unexplained_parameters", tag(0)),
    ("unexplained_parameters", tag(1, "parameters")),
    ("unexplained_parameters", set_source(0, "size = 3")),
    ("unexplained_parameters", set_source(0, "a = 1  # rows of it\nb = 2")),
    ("unexplained_parameters", set_source(0, "size = 3 * rows  # in rows")),
    ("unexplained_parameters", set_source(0, "import numpy  # arrays")),
    ("exemptions", set_source(1, "# NBVAL_IGNORE_OUTPUT\nprint(1)")),
    ("exemptions", tag(1, "nbval-skip")),
    ("exemptions", tag(1, "raises-exception")),
    ("unset_mathematics", set_source(2, r"so $\frac{1}{$ it is")),
    ("unset_mathematics", set_source(2, r"$$\nosuchcommand$$")),
]


@pytest.fixture(scope="module")
def flawless(tmp_path_factory):
    return nbformat.read(
        renewed(
            tmp_path_factory.mktemp("gate") / "01_first.ipynb",
            SHOW_PICTURE + "\nprint('genres/titles, http://example.org, 1 /2')",
            "# Prose with $x^2$, ![a dot](dot.png), [a paper](https://doi.org/10.1/x)",
            parameters="size = 3  # rows\n# tried, one by one\npowers = [\n    0,\n    1,\n]",
        ),
        as_version=4,
    )


def test_a_chapter_as_it_should_be_passes_every_check(flawless):
    assert [flaw for check in notebooks.CHECKS for flaw in check(flawless)] == []


@pytest.mark.parametrize(("name", "edit"), FLAWS, ids=[f"{i}-{f[0]}" for i, f in enumerate(FLAWS)])
def test_each_flaw_is_found_by_the_check_that_is_about_it(flawless, name, edit):
    notebook = nbformat.from_dict(flawless)  # a copy
    notebook = nbformat.reads(nbformat.writes(notebook), as_version=4)
    edit(notebook)
    found = {check.__name__ for check in notebooks.CHECKS if check(notebook)}
    assert found == {name}


# nbval, as conftest.py sets it up


def pytest_on(folder: Path, why_not_compared: str | None) -> subprocess.CompletedProcess:
    """pytest on a folder of chapters, with this repository's settings and conftest.py."""
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    conftest = (ROOT / "conftest.py").read_text(encoding="utf-8")
    answer = f"\n\ndef why_not_compared():\n    return {why_not_compared!r}\n"
    (folder / "conftest.py").write_text(conftest + answer, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "--color=no", "-p", "no:cacheprovider"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def outcomes(done) -> dict:
    """Outcome of each test, by chapter and cell."""
    lines = [line.split(" - ")[0].split(" ", 1) for line in done.stdout.splitlines()]
    return {
        line[1].removeprefix("notebooks/").replace(".ipynb::", " "): line[0]
        for line in lines
        if line[0] in ("PASSED", "FAILED", "ERROR") and len(line) == 2
    }


def one_stored_number(notebook):
    (output,) = notebook.cells[1].outputs
    output.data["text/plain"] = "0.868"


def another_picture(notebook):
    notebook.cells[2].outputs[0].data["image/png"] = "aGk="


def test_a_changed_number_fails_its_cell_a_changed_picture_does_not_stderr_fails_its_own_test(
    tmp_path,
):
    folder = tmp_path / "notebooks"
    for name in ("10_changed.ipynb", "20_noisy.ipynb"):
        renewed(folder / name, "round(0.86734, 3)", SHOW_PICTURE, "noisy = False", SHOW_WIDGET)
    change(folder / "10_changed.ipynb", one_stored_number)
    change(folder / "10_changed.ipynb", another_picture)
    noise = FROM_BELOW + "\nimport sys; print('careful', file=sys.stderr)"
    change(folder / "20_noisy.ipynb", set_source(3, noise))
    done = pytest_on(folder.parent, None)
    assert outcomes(done) == {
        "10_changed Cell 0": "PASSED",
        "10_changed Cell 1": "FAILED",
        "10_changed Cell 2": "PASSED",
        "10_changed Cell 3": "PASSED",
        "10_changed Cell 4": "PASSED",
        "10_changed nothing on stderr": "PASSED",
        "20_noisy Cell 0": "PASSED",
        "20_noisy Cell 1": "PASSED",
        "20_noisy Cell 2": "PASSED",
        "20_noisy Cell 3": "PASSED",
        "20_noisy Cell 4": "PASSED",
        "20_noisy nothing on stderr": "FAILED",
    }, done.stdout
    assert "careful" in done.stdout and "from below" in done.stdout
    assert "not compared" not in done.stdout
    assert done.returncode == 1


def test_without_the_edition_assertions_count_outputs_do_not_and_the_summary_says_so(tmp_path):
    folder = tmp_path / "notebooks"
    renewed(folder / "10_changed.ipynb", "x = 0.86734", "round(x, 3)")
    change(folder / "10_changed.ipynb", lambda notebook: one_stored_number_at(notebook, 2))
    renewed(folder / "20_wrong.ipynb", "assert 1 + 1 == 2")
    change(folder / "20_wrong.ipynb", set_source(1, "assert 1 + 1 == 3"))
    done = pytest_on(folder.parent, "there is no network")
    assert outcomes(done) == {
        "10_changed Cell 0": "PASSED",
        "10_changed Cell 1": "PASSED",
        "10_changed Cell 2": "PASSED",
        "10_changed nothing on stderr": "PASSED",
        "20_wrong Cell 0": "PASSED",
        "20_wrong Cell 1": "FAILED",
        "20_wrong nothing on stderr": "PASSED",
    }, done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "not compared" in line]
    assert "movielens_small" in line and "there is no network" in line


def one_stored_number_at(notebook, n):
    notebook.cells[n].outputs[0].data["text/plain"] = "0.868"
