"""The committed chapters: what each has to be, and how they are executed again in place.

Stored outputs are what readers see first and what the tests compare. So they are made in one way
only, by `renew`, and hold nothing that differs between machines or hours.
"""

from __future__ import annotations

import ast
import copy
import io
import re
import time
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from cflib import data

from . import page, run
from .files import write_text

EDITION = "movielens_small"  # the ratings that the stored outputs belong to
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
SLIDES = [{"slide_type": "slide"}, {"slide_type": "fragment"}]  # as `slideshow` there: see `slides`
FOLDED = {"source_hidden": True}  # as `jupyter` in a cell's metadata: JupyterLab folds its code
ABSOLUTE_PATH = re.compile(
    r"""(?:^|(?<=[\s"'`=(:,>]))(?:/(?:home|root|Users|tmp|var|usr|opt|work|mnt|private)/|[A-Z]:\\)\S*""",
    re.MULTILINE,
)
NOT_FOR_READERS = re.compile(r"\bchapter\.claim\(|\balt=")
MARKDOWN_PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<source>[^)\s]*)")


class NotebookError(Exception):
    """A chapter cannot be renewed; the message says which and why."""


def why_not_compared() -> str | None:
    """Why the edition of the stored outputs cannot be had here; None where it can."""
    if data.find(EDITION) is not None:
        return None
    try:
        data.load(EDITION)
    except Exception as error:  # any reason will do: without the edition nothing is compared
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    return None


# What a committed chapter has to be. Each function lists the flaws, in words.


def unexecuted(notebook: NotebookNode) -> list[str]:
    """Code cells without an execution count, or executed in another order than from 1 upwards."""
    return [
        f"code cell {n} has the execution count {cell.execution_count}"
        for n, cell in enumerate(_code(notebook), start=1)
        if cell.execution_count != n
    ]


def failures(notebook: NotebookNode) -> list[str]:
    """Stored errors, and everything that was written to stderr."""
    flaws = []
    for n, output in _outputs(notebook):
        if output.output_type == "error":
            flaws.append(f"code cell {n} failed: {output.ename}: {output.evalue}")
        elif output.get("name") == "stderr":
            flaws.append(f"code cell {n} wrote to stderr: {output.text.strip()[:300]}")
    return flaws


def noise(notebook: NotebookNode) -> list[str]:
    """Metadata that papermill, a kernel or an editor left, and breaches of the format's rules."""
    flaws = []
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        flaws.append(str(error).splitlines()[0])
    if notebook.metadata != METADATA:
        flaws.append(f"the notebook's metadata should be {METADATA}")
    for n, cell in enumerate(notebook.cells, start=1):
        if strange := sorted(set(cell.metadata) - {"tags"} - set(_kept(cell))):
            flaws.append(f"cell {n} has the metadata {', '.join(strange)}")
    return flaws


def absolute_paths(notebook: NotebookNode) -> list[str]:
    """Paths of one machine, in any text of the notebook."""
    return [
        f"cell {n} has the path {match.group()}"
        for n, text in _texts(notebook)
        for match in ABSOLUTE_PATH.finditer(text)
    ]


def remote_content(notebook: NotebookNode) -> list[str]:
    """Pictures, scripts, styles and frames that a reader without a network would not see."""
    return [
        f"cell {n} fetches {address}" for n, text in _texts(notebook) for address in fetched(text)
    ]


def fetched(text: str) -> list[str]:
    """The addresses that Markdown or HTML fetches when it is shown. Links fetch nothing."""
    soup = BeautifulSoup(text if "<" in text else "", "html.parser")
    pictures = [match["source"] for match in MARKDOWN_PICTURE.finditer(text)]
    return _remote(pictures) + fetched_by(soup)


def fetched_by(soup: BeautifulSoup) -> list[str]:
    """Like `fetched`, for HTML that is already parsed."""
    addresses = []
    for element in soup.find_all(True):
        for attribute in ("src", "srcset", "poster", "data", "background"):
            addresses.append(element.get(attribute, ""))
        if element.name in ("link", "image", "use"):
            addresses += [element.get("href", ""), element.get("xlink:href", "")]
    styles = [element.get_text() for element in soup.find_all("style")]
    styles += [element["style"] for element in soup.select("[style]")]
    for style in styles:
        addresses += re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", style)
    return _remote(addresses)


def _remote(addresses: list[str]) -> list[str]:
    return [a for a in addresses if re.match(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", a, re.IGNORECASE)]


def undescribed_pictures(notebook: NotebookNode) -> list[str]:
    """Pictures without alternative text, in outputs and in prose."""
    flaws = []
    for n, output in _outputs(notebook):
        for kind in output.get("data", {}):
            about = output.get("metadata", {}).get(kind, {})
            if kind.startswith("image/") and not about.get("alt", "").strip():
                flaws.append(f"code cell {n} shows a picture without alternative text")
    for n, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            alts = [match["alt"] for match in MARKDOWN_PICTURE.finditer(cell.source)]
            soup = BeautifulSoup(cell.source if "<" in cell.source else "", "html.parser")
            alts += [element.get("alt", "") for element in soup.find_all("img")]
            n_empty = sum(not alt.strip() for alt in alts)
            flaws += [f"cell {n} shows a picture without alternative text"] * n_empty
    return flaws


def unfolded(notebook: NotebookNode) -> list[str]:
    """Checks of the text, and alternative texts, in a cell whose code a reader sees."""
    return [
        f"code cell {n} has a claim or an alternative text; put it into a cell with folded code"
        for n, cell in enumerate(_code(notebook), start=1)
        if NOT_FOR_READERS.search(cell.source) and cell.metadata.get("jupyter") != FOLDED
    ]


def unexplained_parameters(notebook: NotebookNode) -> list[str]:
    """Not one cell tagged `parameters`, or a line of it that isn't `name = literal  # comment`."""
    cells = [cell for cell in _code(notebook) if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        return [f"{len(cells)} code cells are tagged `parameters`; there should be one"]
    (cell,) = cells
    comments = {  # the lines that comments are about: their own, or the next after a whole line
        token.start[0] + token.line.lstrip().startswith("#")
        for token in tokenize.generate_tokens(io.StringIO(cell.source).readline)
        if token.type == tokenize.COMMENT and len(token.string) > 5
    }
    flaws = []
    for statement in ast.parse(cell.source).body:
        try:
            ast.literal_eval(statement.value)
            assigned = isinstance(statement, ast.Assign) and len(statement.targets) == 1
        except (AttributeError, ValueError):
            assigned = False
        if not assigned:
            flaws.append(f"`{ast.unparse(statement)}` should be `name = literal`")
        elif comments.isdisjoint(range(statement.lineno, statement.end_lineno + 1)):
            flaws.append(f"`{ast.unparse(statement)}` has no comment that says what it is")
    return flaws


def exemptions(notebook: NotebookNode) -> list[str]:
    """Cells that nbval would not run, and cells whose outputs it would not compare."""
    return [
        f"code cell {n} is exempt from the tests"
        for n, cell in enumerate(_code(notebook), start=1)
        if re.search(r"^\s*#\s*(NBVAL|PYTEST)_", cell.source, re.MULTILINE)
        or any(re.match("nbval|raises-exception", tag) for tag in cell.metadata.get("tags", []))
    ]


def unset_mathematics(notebook: NotebookNode) -> list[str]:
    """Formulas that cannot be set on the page of a run."""
    flaws = []
    for n, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            try:
                page.markdown_html(cell.source, attachments=cell.get("attachments"))
            except ValueError as error:
                flaws.append(f"cell {n}: {error}")
    return flaws


CHECKS: tuple[Callable[[NotebookNode], list[str]], ...] = (
    unexecuted,
    failures,
    noise,
    absolute_paths,
    remote_content,
    undescribed_pictures,
    unfolded,
    unexplained_parameters,
    exemptions,
    unset_mathematics,
)


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The number of each code cell, with each of its outputs."""
    for n, cell in enumerate(_code(notebook), start=1):
        for output in cell.outputs:
            yield n, output


def _texts(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """The number of each cell, with its source and with each text among its outputs."""
    for n, cell in enumerate(notebook.cells, start=1):
        yield n, cell.source
        for output in cell.get("outputs", []):
            yield n, output.get("text", "")
            yield from (
                (n, text)
                for kind, text in output.get("data", {}).items()
                if kind.startswith("text/") or kind == "image/svg+xml"
            )


# Executing them again


def renew(names: Iterable[str] = (), folder: str | Path = run.NOTEBOOKS) -> None:
    """Execute committed chapters again, in place, with a line for each.

    A chapter's file changes only when the chapter runs to its end, writes nothing to stderr and
    passes every check of this module. What is stored depends only on the chapter, the packages and
    the ratings: twice in a row gives the same bytes.

    Parameters
    ----------
    names : iterable of str
        Such as "03_training" or "notebooks/03_training.ipynb"; all the chapters when empty.
    folder : str or Path
        Where the chapters are.

    Raises
    ------
    NotebookError
        For a name that no chapter has, for a chapter that fails, and where the edition of the
        stored outputs cannot be had.
    """
    paths = sorted(Path(folder).glob("*.ipynb"))
    known = {path.stem: path for path in paths}
    chosen = [Path(name).name.removesuffix(".ipynb") for name in names] or list(known)
    for name in chosen:
        if name not in known:
            raise NotebookError(f"there is no chapter `{name}`; there are {', '.join(known)}")
    if reason := why_not_compared():
        raise NotebookError(f"stored outputs are those of {EDITION}, which isn't here: {reason}")
    for name in chosen:
        started = time.perf_counter()
        write_text(known[name], nbformat.writes(executed(known[name])) + "\n")
        print(f"{name:20}{time.perf_counter() - started:5.0f} s", flush=True)


def executed(path: Path) -> NotebookNode:
    """The chapter with the outputs of a new execution, as it is stored.

    Raises
    ------
    NotebookError
        When the chapter fails or has a flaw.
    """
    notebook = clean(nbformat.read(path, as_version=4))
    _refuse(path, notebook, set(CHECKS) - {unexecuted})  # flaws that need no execution
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        extra_arguments=run.KERNEL_ARGUMENTS,
        resources={"metadata": {"path": str(path.parent)}},  # as nbval does
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise NotebookError(f"{path.stem} failed:\n{error}") from error
    except DeadKernelError as error:
        raise NotebookError(f"{path.stem}: its kernel died (out of memory?)") from error
    notebook.metadata = nbformat.from_dict(METADATA)
    for _, output in _outputs(notebook):
        output.get("data", {}).pop(page.WIDGET, None)  # differs each time, and needs its kernel
    _refuse(path, notebook, CHECKS)
    return notebook


def clean(notebook: NotebookNode) -> NotebookNode:
    """A copy of a notebook: its cells with their ids and tags, without outputs."""
    notebook = copy.deepcopy(notebook)
    notebook.nbformat, notebook.nbformat_minor = 4, max(5, notebook.nbformat_minor)
    notebook.metadata = nbformat.from_dict(METADATA)
    for n, cell in enumerate(notebook.cells, start=1):
        cell.setdefault("id", f"cell-{n}")
        cell.metadata = nbformat.from_dict(_kept(cell))
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _kept(cell: NotebookNode) -> dict:
    """The metadata that a cell may have: tags, that its code is folded, its place on slides."""
    kept = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
    if cell.metadata.get("jupyter") == FOLDED:
        kept["jupyter"] = FOLDED
    if cell.metadata.get("slideshow") in SLIDES:
        kept["slideshow"] = cell.metadata["slideshow"]
    return kept


def _refuse(
    path: Path, notebook: NotebookNode, checks: Collection[Callable[[NotebookNode], list[str]]]
) -> None:
    if flaws := [flaw for check in checks for flaw in check(notebook)]:
        raise NotebookError(f"{path.stem} stays as it was:\n  " + "\n  ".join(flaws))
