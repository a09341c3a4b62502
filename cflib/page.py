"""Executed chapters as one HTML page that needs nothing but a browser.

nbconvert's own page fetches MathJax and other scripts from the network. Here formulas become
MathML, which browsers set themselves, and pictures lie in the page with the alternative text that
`plots.show` gave them; there is no script and nothing to fetch.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from jinja2 import pass_context
from math_core import LatexError, LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from ._files import replacing

ASSETS = Path(__file__).parent / "assets"
SHORT = 18  # characters of a cell that stays on one line
INTERVAL = re.compile(r"\([^()]*\d[^()]*\)")  # … as does what stands in brackets after a figure
HIDDEN = "source-hidden"  # tag of a cell whose code JupyterLab folds away
WIDGET = "application/vnd.jupyter.widget-view+json"  # an output that lives as long as its kernel


def mathml(latex: str, block: bool = False) -> str:
    """A formula as MathML.

    Parameters
    ----------
    latex : str
        Without its dollars.
    block : bool
        Set on a line of its own.

    Raises
    ------
    ValueError
        For a formula that cannot be set; shows it, and says why.
    """
    converter = LatexToMathML(fancy_error=False)
    try:
        return converter.convert_with_local_state(latex, displaystyle=block)
    except LatexError as error:
        raise ValueError(f"the formula ${latex.strip()}$ cannot be set: {error}") from error


class _Renderer(IPythonRenderer):
    """nbconvert's Markdown, with MathML where it leaves dollars for MathJax."""

    def _html_embed_images(self, html):
        """nbconvert's closes every tag in which it looks: a `<details>` would lose its inside."""
        return super()._html_embed_images(html) if "<img" in html else html

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        return mathml(body, block=True)

    def latex_environment(self, name, body):
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)


def markdown_html(source: str, folder="", attachments=None) -> str:
    """Markdown as HTML: formulas set, and pictures that lie in `folder` put into the page."""
    renderer = _Renderer(
        escape=False, embed_images=True, path=str(folder), attachments=attachments or {}
    )
    return MarkdownWithMath(renderer=renderer).render(source)


class _Exporter(HTMLExporter):
    @pass_context
    def markdown2html(self, context, source):
        folder = context["resources"]["metadata"]["path"]
        return markdown_html(source, folder, context.get("cell", {}).get("attachments"))


def asset(name: str) -> str:
    """A file that pages are made of: a style, a script, a template."""
    return (ASSETS / name).read_text(encoding="utf-8")


def write(path, executed: Iterable[Path]) -> None:
    """Write the page of executed chapters, in the order given.

    Parameters
    ----------
    path : path
        Of the page.
    executed : paths of notebooks

    Raises
    ------
    ValueError
        For a formula that cannot be set.
    """
    sections = [_section(Path(chapter)) for chapter in executed]
    html = PAGE.format(
        style=asset("content.css") + asset("page.css"),
        contents="\n".join(_contents(section) for section in sections),
        chapters="\n".join(str(section) for section in sections),
    )
    with replacing(path) as beside:
        beside.write_text(html, encoding="utf-8")


def chapter_html(chapter: Path) -> str:
    """The cells of an executed chapter as HTML, without the page around them."""
    exporter = _Exporter(
        template_name="lab",
        template_file="base.html.j2",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    notebook = _prepared(nbformat.read(chapter, as_version=4))
    body, _ = exporter.from_notebook_node(
        notebook, resources={"metadata": {"path": str(chapter.parent)}}
    )
    return body


def tidy_tables(soup: BeautifulSoup) -> None:
    """An index's name into the row of the columns' names, and no line broken inside a figure."""
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


def _section(chapter: Path) -> BeautifulSoup:
    """One chapter, its anchors prefixed by its name: chapters share headings."""
    body = chapter_html(chapter)
    soup = BeautifulSoup(f'<section id="{chapter.stem}">{body}</section>', "html.parser")
    tidy_tables(soup)
    for element in soup.section.select("[id]"):
        element["id"] = f"{chapter.stem}--{element['id']}"
    for link in soup.select("a[href]"):
        if link["href"].startswith("#"):
            link["href"] = f"#{chapter.stem}--{link['href'][1:]}"
        elif link["href"].endswith(".ipynb") and "/" not in link["href"]:
            link["href"] = f"#{link['href'].removesuffix('.ipynb')}"
        elif link["href"].startswith("../"):  # to documents that don't lie beside a run
            link.unwrap()
    return soup


def _prepared(notebook):
    """The notebook as the page shows it: without the run's folder, pictures with their text."""
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
            data.pop(WIDGET, None)  # nothing is behind a widget here: its text says what it was
            if "image/png" in data:
                alt = escape(about.get("image/png", {}).get("alt", ""))
                picture = data["image/png"].replace("\n", "")
                data["text/html"] = f'<img alt="{alt}" src="data:image/png;base64,{picture}">'
            elif "text/latex" in data and "text/html" not in data:
                data["text/html"] = mathml(data["text/latex"].strip().strip("$"), block=True)
    notebook.cells = [cell for cell in notebook.cells if cell.source]
    return notebook


def _contents(section: BeautifulSoup) -> str:
    name = section.section["id"]
    title = section.find("h1")
    lines = [f'<li><a href="#{name}">{escape(_text(title) if title else name)}</a><ul>']
    for heading in section.find_all("h2"):
        lines.append(f'<li><a href="#{heading["id"]}">{escape(_text(heading))}</a></li>')
    return "\n".join([*lines, "</ul></li>"])


def _text(heading) -> str:
    return heading.get_text().removesuffix("¶")


PAGE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
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
