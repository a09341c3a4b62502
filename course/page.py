"""Executed chapters as one HTML page that needs nothing but a browser.

nbconvert's own page fetches MathJax and other scripts from the network. Here formulas become
MathML, which browsers set themselves, and pictures are part of the page, with the alternative text
that `chapter.show` gave them. There is no script, and nothing is fetched: a title or a parameter
that holds a script is shown without it, see `disarm`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterable
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import nbformat
from bs4 import BeautifulSoup
from bs4.element import PreformattedString, Tag
from jinja2 import pass_context
from math_core import LatexError, LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from .files import write_text

ASSETS = Path(__file__).parent / "assets"
SHORT = 18  # characters: a table's cell with no more than these stays on one line
INTERVAL = re.compile(r"\([^()]*\d[^()]*\)")  # numbers in brackets stay on one line, too
NUMBER = re.compile(r"(?:[\s\d.,()%+−–×±-]|to|nan|e[+-]?\d)*", re.IGNORECASE)  # also an interval
WIDE = 72  # characters: code with longer lines may scroll in its box
LONG = 30  # characters: so may formulas, on a phone
BRACKETS = {")": "(", "]": "[", "|": "|", "‖": "‖"}
SCRIPTED_BRACKET = re.compile(r"<msu[bp](?:sup)?><mo[^>]*>[)\]|‖]</mo>")
HIDDEN = "source-hidden"  # tag of a cell whose code JupyterLab folds away
FOLDED = "The code of this cell"
FOLDED_CHECK = "The check (its code holds the answer)"
ACTIVE = "script, iframe, frame, object, embed, applet, base, meta, link, template, noscript"
ADDRESSES = ("href", "src", "xlink:href", "action", "formaction", "data", "poster", "from", "to")
RUNS = re.compile(
    r"(?:javascript|vbscript|data(?!:image/(?:png|jpeg|gif|webp|svg\+xml)[;,])):", re.IGNORECASE
)
WIDGET = "application/vnd.jupyter.widget-view+json"  # an output that needs its kernel


def mathml(latex: str, block: bool = False) -> str:
    """A formula as MathML.

    Parameters
    ----------
    latex : str
        The formula, without its dollars.
    block : bool
        Whether it stands on a line of its own.

    Raises
    ------
    ValueError
        For a formula that cannot be set: the formula, and why.
    """
    converter = LatexToMathML(fancy_error=False)
    try:
        return _whole_bases(converter.convert_with_local_state(latex, displaystyle=block))
    except LatexError as error:
        raise ValueError(f"the formula ${latex.strip()}$ cannot be set: {error}") from error


def _whole_bases(formula: str) -> str:
    """A formula in which the base of `(a + b)^2` is all of `(a + b)`, and not the bracket alone.

    Chromium draws a bracket that is a base small and low.
    """
    if not SCRIPTED_BRACKET.search(formula):
        return formula
    soup = BeautifulSoup(formula, "html.parser")
    for script in soup.find_all(["msup", "msub", "msubsup"]):
        base = script.find(True)
        opening = BRACKETS.get(base.get_text() if base.name == "mo" else "")
        depth, inside = 1, []
        for before in script.find_previous_siblings() if opening else ():
            inside.insert(0, before)
            if before.name == "mo":
                closes = before.get_text() == base.get_text() != opening
                depth += closes - (before.get_text() == opening)
            if depth == 0:
                row = soup.new_tag("mrow")
                row.extend([*inside, base])
                script.insert(0, row)
                break
    return str(soup)


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown, with MathML where it leaves dollars for MathJax."""

    def _html_embed_images(self, html: str) -> str:
        """Look only where there is an image: nbconvert closes every tag that it looks into."""
        return super()._html_embed_images(html) if "<img" in html else html

    def inline_math(self, body: str) -> str:
        return mathml(body)

    def block_math(self, body: str) -> str:
        return mathml(body, block=True)

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)


def markdown_html(
    source: str, folder: str | Path = "", attachments: dict[str, Any] | None = None
) -> str:
    """Markdown as HTML, with formulas set and the pictures of `folder` put into the page."""
    renderer = _Renderer(
        escape=False, embed_images=True, path=str(folder), attachments=attachments or {}
    )
    return MarkdownWithMath(renderer=renderer).render(source)


class _Exporter(HTMLExporter):
    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        folder = context["resources"]["metadata"]["path"]
        return markdown_html(source, folder, context.get("cell", {}).get("attachments"))


def asset(name: str) -> str:
    """The text of a file in `assets`: a style, a script or a template."""
    return (ASSETS / name).read_text(encoding="utf-8")


def write(
    path: str | Path, executed: Iterable[str | Path], documents: Iterable[str | Path] = ()
) -> None:
    """Write one page of executed chapters, with the documents that they refer to.

    Parameters
    ----------
    path : str or Path
        Where to write it.
    executed : iterable of str or Path
        The notebooks, in order.
    documents : iterable of str or Path
        Markdown files, which follow the chapters.

    Raises
    ------
    ValueError
        For a formula that cannot be set.
    """
    files = [Path(file) for file in (*executed, *documents)]
    sections = [_section(file, {other.stem for other in files}) for file in files]
    _join(sections)
    for file, section in zip(files, sections, strict=True):
        is_stored = file.suffix == ".ipynb" and file.parent.resolve() != Path(path).parent.resolve()
        if is_stored and section.h1:
            note = section.new_tag("p")
            note.string = "This chapter is shown as it is stored. The run leaves it out."
            section.h1.insert_after(note)
    html = PAGE.format(
        style=asset("content.css") + asset("page.css"),
        contents="\n".join(_contents(section) for section in sections),
        chapters="\n".join(str(section) for section in sections),
    )
    write_text(path, html)


def chapter_html(chapter: Path) -> str:
    """The cells of an executed chapter as HTML, without the page around them."""
    return notebook_html(nbformat.read(chapter, as_version=4), chapter.parent)


def notebook_html(notebook: NotebookNode, folder: Path, exclude_input: bool = False) -> str:
    """The cells of a notebook of `folder` as HTML; without their code, if that is excluded."""
    exporter = _Exporter(
        template_name="lab",
        template_file="base.html.j2",
        exclude_input=exclude_input,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(
        _prepared(notebook), resources={"metadata": {"path": str(folder)}}
    )
    return body


def tidy_tables(soup: BeautifulSoup) -> None:
    """Put the index's name into the row of the columns' names, and keep numbers on one line.

    Columns of text get the class `text`, and a heading without text is no heading.
    """
    for rows in (head.find_all("tr") for head in soup.select(".dataframe > thead")):
        pairs = list(zip(*(row.find_all("th") for row in rows), strict=False))
        if len(rows) == 2 and not any(
            above.get_text() and below.get_text() for above, below in pairs
        ):
            for above, below in pairs:
                above.string = above.get_text() or below.get_text()
            rows[1].decompose()
    for cell in soup.select("tbody :is(td, th), table code"):
        text = cell.get_text()
        if len(text) <= SHORT:
            cell["class"] = "short"
        elif not cell.find(True):
            whole = INTERVAL.sub(r'<span class="short">\g<0></span>', escape(text, quote=False))
            html = whole.replace("|", "|<wbr>")  # genres
            cell.clear()
            cell.append(BeautifulSoup(html, "html.parser"))
    for table in soup.select(".dataframe"):
        _mark_texts(table)
    for heading in soup.find_all("th"):
        if not heading.get_text().strip():
            heading.name = "td"


def _mark_texts(table: Tag) -> None:
    """Give the cells of columns of text a class of their own."""
    head, rows = (
        [row.find_all(["th", "td"]) for row in table.select(f"{part} tr")]
        for part in ("thead", "tbody")
    )
    if len({len(row) for row in head + rows}) == 1:  # no cell spans another column
        for column in zip(*rows, strict=True):
            at = rows[0].index(column[0])
            if not all(NUMBER.fullmatch(cell.get_text()) for cell in column):
                for cell in (*column, *(row[at] for row in head)):
                    cell["class"] = [*cell.get_attribute_list("class", []), "text"]


def fold(soup: BeautifulSoup) -> None:
    """Fold the code that JupyterLab folds, behind a line that opens it."""
    for cell in soup.select(f".celltag_{HIDDEN} .jp-Cell-inputWrapper"):
        says = FOLDED_CHECK if "@check" in cell.get_text() else FOLDED
        folded = cell.wrap(soup.new_tag("details", attrs={"class": "folded"}))
        folded.insert(0, BeautifulSoup(f"<summary>{says}</summary>", "html.parser"))


def let_focus(soup: BeautifulSoup) -> None:
    """Let the keyboard reach what may be wider than its box, so that it can be scrolled."""
    for box in soup.select(".jp-OutputArea-output:has(table)"):
        box["tabindex"] = "0"
    for code in soup.find_all("pre"):
        if max(map(len, code.get_text().splitlines()), default=0) > WIDE:
            code["tabindex"] = "0"
    for formula in soup.select('math[display="block"]'):
        if len(formula.get_text()) >= LONG:
            formula["tabindex"] = "0"


def disarm(soup: BeautifulSoup) -> None:
    """Remove what would run: scripts, frames, handlers of events, `javascript:` links.

    Markdown and outputs may hold HTML, and what they hold may come from a file of ratings.
    """
    for element in soup.select(ACTIVE):
        element.decompose()
    for text in soup.find_all(string=lambda text: isinstance(text, PreformattedString)):
        text.extract()  # comments and the like, which browsers may read in another way
    for element in soup.find_all(True):
        for name, value in list(element.attrs.items()):
            address = re.sub(r"[\x00-\x20]+", "", str(value)) if name in ADDRESSES else ""
            if name.startswith("on") or name == "srcdoc" or RUNS.match(address):
                del element[name]


def _section(file: Path, names: Collection[str]) -> BeautifulSoup:
    """A chapter or a document. Its anchors begin with its name, because chapters share headings.

    Links to the other files of the page, which are in `names`, stay in the page. Of any other file
    of the course only its name is left.
    """
    if file.suffix == ".md":
        body = markdown_html(file.read_text(encoding="utf-8"), file.parent)
    else:
        body = chapter_html(file)
    soup = BeautifulSoup(f'<section id="{file.stem}">{body}</section>', "html.parser")
    disarm(soup)
    tidy_tables(soup)
    fold(soup)
    let_focus(soup)
    for element in soup.section.select("[id]"):
        element["id"] = f"{file.stem}--{element['id']}"
    for link in soup.select("a[href]"):
        address = urlsplit(link["href"])
        name, kind = PurePosixPath(address.path).stem, PurePosixPath(address.path).suffix
        exercise = "exercises" in PurePosixPath(address.path).parts
        if address.scheme or address.netloc:
            continue
        if not address.path:
            link["href"] = f"#{file.stem}--{address.fragment}"
        elif name in names and kind in (".ipynb", ".md") and not exercise:
            link["href"] = f"#{name}--{address.fragment}" if address.fragment else f"#{name}"
        else:
            if exercise:
                link.append(f" (make lab ARGS=notebooks/exercises/{name}.ipynb)")
            link.unwrap()
    return soup


def _join(sections: list[BeautifulSoup]) -> None:
    """Let links lead to the anchors that the page has, written as GitHub or as JupyterLab does."""
    ids = [element["id"] for section in sections for element in section.select("[id]")]
    anchors = {_slug(name): name for name in reversed(ids)} | {name: name for name in ids}
    for link in (link for section in sections for link in section.select('a[href^="#"]')):
        name = unquote(link["href"][1:])
        if anchor := anchors.get(name) or anchors.get(_slug(name)):
            link["href"] = f"#{anchor}"
        else:
            link.unwrap()


def _slug(anchor: str) -> str:
    return re.sub(r"[^\w-]", "", anchor.casefold())


def _prepared(notebook: NotebookNode) -> NotebookNode:
    """The notebook as the page shows it: pictures with their text, without the run's folder."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            lines = [s for s in cell.source.splitlines() if not s.startswith("run_dir = ")]
            cell.source = "\n".join(lines) if len(lines) > 1 else ""
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), HIDDEN]
        for output in cell.get("outputs", []):
            data, about = output.get("data", {}), output.get("metadata", {})
            data.pop(WIDGET, None)  # without a kernel, the widget's text stands for it
            if "image/png" in data:
                alt = escape(about.get("image/png", {}).get("alt", ""))
                picture = data["image/png"].replace("\n", "")
                data["text/html"] = f'<img alt="{alt}" src="data:image/png;base64,{picture}">'
            elif "text/latex" in data and "text/html" not in data:
                data["text/html"] = mathml(data["text/latex"].strip().strip("$"), block=True)
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return notebook


def _contents(section: BeautifulSoup) -> str:
    """A chapter's entry in the list of contents."""
    name = section.section["id"]
    title = section.find("h1")
    lines = [f'<li><a href="#{name}">{escape(_text(title) if title else name)}</a><ul>']
    for heading in section.find_all("h2", id=True):
        lines.append(f'<li><a href="#{heading["id"]}">{escape(_text(heading))}</a></li>')
    return "\n".join([*lines, "</ul></li>"])


def _text(heading: Tag) -> str:
    return heading.get_text().removesuffix("¶")


PAGE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Collaborative filtering: the chapters of a run</title>
<style>
{style}
</style>
</head>
<body>
<nav aria-label="Chapters"><ul>
{contents}
</ul></nav>
<main>
{chapters}
</main>
</body>
</html>
"""
