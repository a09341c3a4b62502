"""Executed chapters as one HTML page that needs nothing but a browser.

nbconvert's own page fetches MathJax and other scripts from the network. Here formulas become
MathML, which browsers set themselves, and pictures lie in the page with the alternative text that
`plots.show` gave them; there is no script and nothing to fetch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from jinja2 import pass_context
from math_core import LatexError, LatexToMathML
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from ._files import replacing


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
    style = HtmlFormatter(style="friendly").get_style_defs(".highlight") + STYLE
    html = PAGE.format(
        style=style,
        contents="\n".join(_contents(section) for section in sections),
        chapters="\n".join(str(section) for section in sections),
    )
    with replacing(path) as beside:
        beside.write_text(html, encoding="utf-8")


def _section(chapter: Path) -> BeautifulSoup:
    """One chapter, its anchors prefixed by its name: chapters share headings."""
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
    soup = BeautifulSoup(f'<section id="{chapter.stem}">{body}</section>', "html.parser")
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
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            lines = [s for s in cell.source.splitlines() if not s.startswith("run_dir = ")]
            cell.source = "\n".join(lines) if len(lines) > 1 else ""
        for output in cell.get("outputs", []):
            data, about = output.get("data", {}), output.get("metadata", {})
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

STYLE = """
:root { --ink: #1d2433; --soft: #5b6475; --line: #dfe3ea; --tint: #f6f7f9; --link: #0b5fa5; }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; color: var(--ink); background: #fff; line-height: 1.6;
  font-family: system-ui, "Segoe UI", "Helvetica Neue", "Liberation Sans", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1rem 1.25rem 6rem; }
section + section { margin-top: 5rem; border-top: 3px solid var(--line); }
h1, h2, h3 { line-height: 1.25; margin: 2.2em 0 .6em; }
h1 { font-size: 1.9rem; } h2 { font-size: 1.4rem; } h3 { font-size: 1.1rem; }
a { color: var(--link); }
.anchor-link { visibility: hidden; margin-left: .3em; text-decoration: none; }
:is(h1, h2, h3):hover .anchor-link { visibility: visible; }
pre, code { font-family: ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; }
main :is(p, ul, ol, dl) { max-width: 46rem; }
pre { font-size: .82rem; line-height: 1.45; margin: 0; overflow-x: auto; }
code { font-size: .9em; }
:not(pre) > code { background: var(--tint); padding: .1em .3em; border-radius: 3px; }
.jp-InputArea-editor, .jp-RenderedMarkdown .highlight { background: var(--tint);
  border: 1px solid var(--line); border-radius: 5px; padding: .7em .9em; margin: 1em 0 .5em; }
.jp-InputArea-editor .highlight { background: none; }
.jp-OutputArea-output { margin: .5em 0 1em; padding-left: .9rem; overflow-x: auto; }
.jp-RenderedText pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.jp-OutputArea-output img { max-width: 100%; height: auto; }
[data-mime-type$="stderr"] pre { background: #fdecea; padding: .7em .9em; }
table { border-collapse: collapse; border: 0; font-size: .88rem; margin: .8em 0; }
th, td { padding: .3em .7em; border: 0; border-bottom: 1px solid var(--line); text-align: left; }
.dataframe :is(th, td) { text-align: right; }
thead th { border-bottom: 2px solid var(--soft); }
blockquote { margin: 1em 0; padding: .1em 1em; border-left: 4px solid var(--line);
  color: var(--soft); }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", math; }
math[display="block"] { margin: 1em 0; overflow-x: auto; overflow-y: hidden; padding: .2em 0; }
nav { font-size: .88rem; padding: 1rem 1.25rem; border-bottom: 1px solid var(--line); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav > ul > li { margin-bottom: .8em; font-weight: 600; }
nav li li { font-weight: 400; padding-left: .8em; }
nav a { color: inherit; text-decoration: none; }
nav a:hover { text-decoration: underline; }
@media (min-width: 75rem) {
  nav { position: fixed; inset: 0 auto 0 0; width: 17rem; overflow-y: auto; border-bottom: 0;
    border-right: 1px solid var(--line); }
  main { margin-left: max(19rem, calc(50vw - 28rem)); }
}
@media print { nav { display: none; } .jp-Cell { break-inside: avoid; } }
"""
