"""Slides from the chapters: a page for each, which needs a browser and nothing else.

A cell of a chapter is on a slide where its metadata says so, as JupyterLab's property inspector
writes it: of the slide type *Slide* where it begins a slide, and *Fragment* where it belongs to the
slide before it. A heading begins a slide as well; of a cell of the type *Slide* that has headings
nothing is shown that precedes them. Of a cell of text a slide shows what is short:
headings, lists, formulas on lines of their own, and the sentences in which something is **bold** or
four words or more are *emphasised*. Of a cell of code it shows the stored outputs, or the picture
alone where there is one. So the slides say what the chapter says, and nothing is written twice.

Why not nbconvert's own slides? They load reveal.js, MathJax and fonts from the network.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from bs4.element import Tag
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from . import page, page_check
from .run import NOTEBOOKS, ROOT

DEFAULT = ROOT / "build" / "slides"
HEADING = re.compile(r"(?P<level>#{1,3}) (?P<text>.*)")
LIST = re.compile(r"(?:[-*]|\d+\.) ")
END = re.compile(r"(?<=[.?!])\s+|(?<=[.?!][*)\"])\s+|(?<=[.?!]\*\*)\s+")  # of a sentence
KEY = re.compile(r"\*\*|(?<!\*)\*(?=[^\s*])[^*]*?(?:\s[^\s*]+){3}\*(?!\*)")
ASIDE = re.compile(r"\s*\(\[[^\]]*\]\([^)]*\)\)")  # a link in brackets
WIDE = 1.9  # a picture wider than that times its height lies below the text, not beside it
FURTHER = "**Practise**"  # begins a chapter's last line, which leads to its exercises


@dataclasses.dataclass
class Slide:
    """What one slide shows: its heading, in Markdown, and cells without their headings."""

    heading: str
    cells: list[NotebookNode]


def build(out: str | Path = DEFAULT, folder: Path = NOTEBOOKS) -> Path:
    """Write a page of slides for each chapter that has some, and a list of them; return its path.

    Parameters
    ----------
    out : str or Path
        The folder of the pages. Slides that are there are replaced.
    folder : Path
        Of the chapters.

    Raises
    ------
    FileExistsError
        When `out` holds something else than slides.
    ValueError
        For a formula that cannot be set, for a page with a flaw that `page_check` finds, and where
        no chapter has slides.
    """
    out = Path(out)
    if out.exists() and not (out / "index.html").exists():
        raise FileExistsError(f"{out}: something else is there already. Choose another folder.")
    decks = {
        path.stem: shown
        for path in sorted(folder.glob("[0-9]*.ipynb"))
        if (shown := slides(nbformat.read(path, as_version=4)))
    }
    if not decks:
        raise ValueError(f"no cell of the chapters in {folder} has the slide type `slide`")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        titles = {}
        for name, shown in decks.items():
            deck = _deck(shown, folder)
            titles[name] = f"{deck.h1.get_text()} ({len(shown)} slides)"
            html = _page(deck.h1.get_text(), str(deck))
            (new / f"{name}.html").write_text(html, encoding="utf-8")
        html = _page("Slides", LIST_OF_DECKS.format(links="\n".join(_links(titles))))
        (new / "index.html").write_text(html, encoding="utf-8")
        if flaws := page_check.flaws(new):
            raise ValueError("no slides, because of these flaws:\n  " + "\n  ".join(flaws))
        if out.exists():
            out.rename(Path(temporary) / "old")
        new.rename(out)
    return out / "index.html"


# From cells to slides


def slides(chapter: NotebookNode) -> list[Slide]:
    """The slides of a chapter, in order. A heading with nothing below it gives no slide."""
    made: list[Slide] = []
    section = ""  # its heading, which a slide without one repeats
    for cell in chapter.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        parts = list(_parts(cell))
        for level, title, text in parts:
            section = title if level in (1, 2) else section
            is_before = kind == "slide" and not level and len(parts) > 1
            if kind not in ("slide", "fragment") or is_before:
                continue
            if title or kind == "slide" or not made:
                made.append(Slide(title or section, []))
            if cell.cell_type == "code":
                made[-1].cells.append(cell)
            elif text:
                made[-1].cells.append(NotebookNode(cell | {"source": text}))
    return [slide for slide in made if slide.cells]


def _parts(cell: NotebookNode) -> Iterator[tuple[int, str, str]]:
    """(level, heading, key text) of each part of a cell; 0 and "" before its first heading."""
    part: tuple[int, str, list[str]] = 0, "", []
    for block in re.split(r"\n\s*\n", cell.source.strip()) if cell.cell_type == "markdown" else ():
        if match := HEADING.match(block):
            if part[0] or part[2]:
                yield part[0], part[1], "\n\n".join(part[2])
            part = len(match["level"]), match["text"], []
        elif text := key_text(block):
            part[2].append(text)
    yield part[0], part[1], "\n\n".join(part[2])


def key_text(block: str) -> str:
    """What a slide shows of a block of Markdown: a list, a formula, or the key sentences."""
    if block.startswith(FURTHER):
        return ""
    if block.startswith(("$$", "|")) or LIST.match(block):
        return block
    text = ASIDE.sub("", block)
    return " ".join(sentence for sentence in END.split(text) if KEY.search(sentence))


# From slides to a page


def _deck(shown: list[Slide], folder: Path) -> BeautifulSoup:
    """The slides as HTML, each a section with its heading, what is said and what is shown."""
    cells = [cell for slide in shown for cell in slide.cells]
    cells = [NotebookNode(cell | {"id": f"cell-{n}"}) for n, cell in enumerate(cells)]
    html = page.notebook_html(new_notebook(cells=cells), folder, exclude_input=True)
    soup = BeautifulSoup(html, "html.parser")
    page.tidy_tables(soup)
    page.let_focus(soup)
    rendered = iter(soup.select(".jp-Cell"))
    deck = BeautifulSoup("", "html.parser")
    title = ""
    for number, slide in enumerate(shown, start=1):
        name = page.markdown_html(slide.heading).strip().removeprefix("<p>").removesuffix("</p>")
        level = "h2" if number > 1 else "h1"
        title = title or BeautifulSoup(name, "html.parser").get_text()
        of_all = f"{escape(title)} · {number} of {len(shown)}"
        frame = SLIDE.format(number=number, level=level, heading=name, of_all=of_all)
        section = BeautifulSoup(frame, "html.parser").section
        for cell in slide.cells:
            at = ".said" if cell.cell_type == "markdown" else ".shown"
            section.select_one(at).extend(_contents(next(rendered)))
        for part in section.select(".said, .shown"):
            if not part.get_text().strip() and not part.find("img"):
                part.decompose()
        if any(width > WIDE * height for width, height in map(_size, section.select(".shown img"))):
            section["class"].append("wide")
        deck.append(section)
    page.disarm(deck)
    for link in deck.find_all("a"):
        link.unwrap()
    return deck


def _contents(cell: Tag) -> list[Tag]:
    """What a cell shows: the blocks of its text, or its outputs."""
    text = cell.select_one(".jp-RenderedMarkdown")
    if "jp-MarkdownCell" in cell["class"] and text:
        return [element.extract() for element in text.find_all(True, recursive=False)]
    outputs = cell.select(".jp-OutputArea-output")
    pictures = [output for output in outputs if output.find("img")]
    return [output.extract() for output in pictures or outputs]


def _size(picture: Tag) -> tuple[int, int]:
    """Width and height of a picture in its page, in pixels, as a PNG has them at its beginning."""
    start = base64.b64decode(str(picture["src"]).partition("base64,")[2][:32])
    return int.from_bytes(start[16:20]), int.from_bytes(start[20:24])


def _links(titles: dict[str, str]) -> Iterator[str]:
    for name, title in titles.items():
        yield f'<li><a href="{name}.html">{escape(title)}</a></li>'


def _page(title: str, body: str) -> str:
    script = page.asset("slides.js")
    return PAGE.format(
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        title=escape(title),
        style=page.asset("content.css") + page.asset("slides.css"),
        body=body,
        script=script,
    )


SLIDE = """<section class="slide" id="slide-{number}">
<{level}>{heading}</{level}>
<div class="said"></div><div class="shown"></div>
<p class="place">{of_all}</p>
</section>
"""
LIST_OF_DECKS = """<section class="slide"><h1>Slides</h1>
<ul>{links}</ul>
<p>The arrow keys turn the slides. Print them from the browser: each is a page.</p></section>"""
PAGE = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline';
               script-src 'sha256-{hash}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
{style}
</style>
</head>
<body>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""


def main() -> int:
    """Write the slides and say where they are; or say why there are none."""
    try:
        path = build()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    n = len(list(path.parent.glob("[0-9]*")))
    print(f"Show {path.relative_to(ROOT)}: slides of {n} chapters, without a network.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
