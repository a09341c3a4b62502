"""The course as a site: a folder of pages that needs a browser and nothing else.

`make site` writes the README, the chapters, the exercises and the documents there, and the files
that they link to. The site works from a disk without a network: formulas are MathML, pictures are
part of their pages, and the index for the search is a script, because a page on a disk may not
fetch a file.

Why not a ready-made tool? Four make sites of notebooks. Those of Jupyter Book 2 (mystmd) and Quarto
need a server, because their pages or their search fetch files. Sphinx with MyST-NB works from a
disk, but takes MathJax from the network, drops the alternative text of a notebook's pictures, and
leaves links to files outside its tree dead. The fourth is nbconvert, which this project has anyway,
with formulas and pictures of our own: see `page`.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import mimetypes
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from functools import cached_property
from html import escape
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import unquote, urlsplit

import jinja2
from bs4 import BeautifulSoup, NavigableString
from bs4.element import PageElement, Tag
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound

from . import page as chapters
from . import page_check
from .run import ROOT

DEFAULT = ROOT / "build" / "site"
HOME = PurePosixPath("README.md")
GROUPS = {  # heading in the contents: patterns of files
    "The course": ["README.md"],
    "Chapters": ["notebooks/[0-9]*.ipynb"],
    "Exercises": ["notebooks/exercises/*.ipynb"],
    "Check yourself and look up": ["docs/question*.md", "docs/glossary.md", "docs/mathematics.md"],
    "More": [
        "docs/**/*.md",
        "data/README.md",
        "benchmarks/results/results.md",
        "benchmarks/accuracy/results.md",
    ],
}
SECTIONS = ["h1", "h2", "h3"]
LARGEST = 200_000  # bytes: a larger file that is linked to gets no page of its own


class SiteError(Exception):
    """The site has flaws; the message lists them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """Pages under one heading of the contents."""

    name: str
    pages: list[Page]


class Page:
    """One file of the repository as a page: its text, headings and links."""

    def __init__(self, root: Path, source: PurePosixPath):
        self.source, self.target = source, target(source)
        self.soup = BeautifulSoup(_body(root, source), "html.parser")
        _tidy(self.soup)
        if source.suffix == ".ipynb":
            self.soup.h1.insert_after(BeautifulSoup(_hint(source), "html.parser"))

    @property
    def is_home(self) -> bool:
        """Whether this is the first page."""
        return self.source == HOME

    @cached_property
    def title(self) -> str:
        """The text of the first-level heading."""
        return _text(self.soup.h1)

    @cached_property
    def short(self) -> str:
        """The title up to its colon."""
        return self.title.split(":")[0]

    @cached_property
    def sections(self) -> list[tuple[str, str]]:
        """The id and the text of each second-level heading."""
        return [(heading["id"], _text(heading)) for heading in self.soup.select("h2[id]")]

    @cached_property
    def anchors(self) -> dict[str, str]:
        """The ids of the page, by themselves and by what GitHub would make of them."""
        ids = [element["id"] for element in self.soup.select("[id]")]
        return {slug(name): name for name in reversed(ids)} | {name: name for name in ids}

    @property
    def html(self) -> str:
        """The page's text, without the frame that every page has."""
        return str(self.soup)


def build(out: str | Path = DEFAULT, root: Path = ROOT, left_out: Collection[str] = ()) -> Path:
    """Write the site into the folder `out`, whole or not at all; return the path of its first page.

    Parameters
    ----------
    out : str or Path
        A site that is there is replaced.
    root : Path
        The repository.
    left_out : collection of str
        Files and folders of the repository that get no pages. Of a link to one its text stays.

    Raises
    ------
    FileExistsError
        When `out` holds something else than a site.
    SiteError
        When a page has a flaw that `page_check` finds, such as a dead link.
    ValueError
        For a formula that cannot be set.
    """
    out = Path(out)
    if out.exists() and not (out / "assets" / "site.js").exists():
        raise FileExistsError(f"{out}: something else is there already. Choose another folder.")
    groups = contents(root, left_out)
    pages = _with_linked(root, [page for group in groups for page in group.pages], left_out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as temporary:
        new = Path(temporary) / "new"
        _write(new, groups, pages)
        if flaws := page_check.flaws(new):
            raise SiteError("no site, because of these flaws:\n  " + "\n  ".join(flaws))
        if out.exists():
            out.rename(Path(temporary) / "old")
        new.rename(out)
    return out / "index.html"


def contents(root: Path, left_out: Collection[str] = ()) -> list[Group]:
    """The pages that the contents list, in order. A file is listed in its first group only."""
    groups: list[Group] = []
    seen: set[Path] = set()
    for name, patterns in GROUPS.items():
        files = [p for pattern in patterns for p in sorted(root.glob(pattern)) if p not in seen]
        files = list(dict.fromkeys(files))
        seen.update(files)
        sources = [PurePosixPath(path.relative_to(root).as_posix()) for path in files]
        pages = [Page(root, source) for source in sources if not is_below(source, left_out)]
        if pages:
            groups.append(Group(name, pages))
    return groups


def is_below(path: PurePath, names: Collection[str]) -> bool:
    """Whether a path is one of `names`, or lies in a folder that is one of them."""
    return any(path.is_relative_to(name) for name in names)


def target(source: PurePosixPath) -> PurePosixPath:
    """The path in the site of a file of the repository: README.md becomes index.html."""
    if source == HOME:
        return PurePosixPath("index.html")
    if source.suffix in (".md", ".ipynb"):
        return source.with_suffix(".html")
    return source.with_name(source.name + ".html")


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading: lower case, hyphens, no other punctuation."""
    return re.sub(r"[^\w-]", "", re.sub(r"\s", "-", unquote(heading).strip().lower()))


# From a file to the HTML of its text


def _body(root: Path, source: PurePosixPath) -> str:
    path = root / source
    if source.suffix == ".ipynb":
        return chapters.chapter_html(path)
    text = path.read_text(encoding="utf-8")
    if source.suffix == ".md":
        return chapters.markdown_html(text, path.parent)
    code = highlight(text, get_lexer_for_filename(path.name), HtmlFormatter())
    return f"<h1>{escape(str(source))}</h1>{code}"


def _tidy(soup: BeautifulSoup) -> None:
    """Let wide tables and formulas scroll in a box of their own; remove styles of their own."""
    for element in soup.select("style, .jp-Collapser"):
        element.decompose()
    chapters.disarm(soup)
    chapters.tidy_tables(soup)
    chapters.let_focus(soup)
    for table in soup.find_all("table"):
        del table["border"]
        if not table.find_parent(class_="jp-OutputArea-output"):
            table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0"}))
    for wide in soup.select('math[display="block"], p > img'):
        wide.wrap(soup.new_tag("span", attrs={"class": "scroll", "tabindex": "0"}))
    chapters.fold(soup)
    for element in soup.select(".dataframe tr[style]"):
        del element["style"]
    for code in soup.select("pre > code"):
        code.parent["class"] = "plain-code"
    for link in soup.select(".anchor-link"):
        link["aria-label"] = "Link to this heading"


def _hint(source: PurePosixPath) -> str:
    return f"""<aside class="hint"><p>To run this and change it, type in the course's folder</p>
<pre>make lab ARGS={source}</pre>
<p>or, where its environment is active,</p>
<pre>python -m jupyterlab --ServerApp.root_dir=. {source}</pre></aside>"""


def _text(heading: Tag) -> str:
    return heading.get_text().removesuffix("¶").strip()


# Links


def _with_linked(root: Path, listed: list[Page], left_out: Collection[str]) -> list[Page]:
    """The pages, and a page for each file of the repository that one of them links to.

    A link to a folder leads to the first page in it.
    """
    pages = {page.source: page for page in listed}
    waiting = list(listed)
    while waiting:
        page = waiting.pop()
        for _, source in _local_links(root, page):
            is_wanted = source not in pages and not is_below(source, left_out)
            if is_wanted and _can_be_a_page(root / source):
                pages[source] = Page(root, source)
                waiting.append(pages[source])
    first_in = {page.source.parent: page for page in reversed(listed)}
    for page in pages.values():
        for link, source in _local_links(root, page):
            _lead(link, page, pages.get(source) or first_in.get(source))
    return list(pages.values())


def _local_links(root: Path, page: Page) -> Iterator[tuple[Tag, PurePosixPath]]:
    """Each link to a file, with the file's path in the repository."""
    for link in page.soup.select("a[href]"):
        address = urlsplit(link["href"])
        if not address.scheme and not address.netloc:
            if not address.path:
                yield link, page.source
                continue
            path = os.path.normpath(root / page.source.parent / unquote(address.path))
            yield link, PurePosixPath(os.path.relpath(path, root).replace(os.sep, "/"))


def _can_be_a_page(path: Path) -> bool:
    """True for chapters, documents and source files; false for folders, pictures and data."""
    if path.suffix == ".ipynb":
        return path.is_file()
    kind = mimetypes.guess_type(path.name)[0] or ""
    if not path.is_file() or path.stat().st_size > LARGEST or kind.startswith("image/"):
        return False
    try:
        return bool(get_lexer_for_filename(path.name))
    except ClassNotFound:
        return False


def _lead(link: Tag, page: Page, to: Page | None) -> None:
    """Let the link lead to the page in the site. Where there is none, only its text stays."""
    if to is None:
        link.unwrap()
        return
    fragment = unquote(urlsplit(link["href"]).fragment)
    href = "" if to is page else os.path.relpath(to.target, page.target.parent).replace(os.sep, "/")
    if fragment:
        href += "#" + to.anchors.get(fragment, to.anchors.get(slug(fragment), fragment))
    link["href"] = href or to.target.name


# Writing


def _write(folder: Path, groups: list[Group], pages: list[Page]) -> None:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.tests["same_as"] = lambda a, b: a is b
    template = environment.from_string(chapters.asset("site.html.j2"))
    listed = [page for group in groups for page in group.pages]
    (home,) = (page for page in pages if page.is_home)
    for page in pages:
        at = listed.index(page) if page in listed else None
        html = template.render(
            page=page,
            home=home,
            groups=groups,
            root="../" * (len(page.target.parts) - 1),
            previous=listed[at - 1] if at else None,
            next=listed[at + 1] if at is not None and at + 1 < len(listed) else None,
        )
        (folder / page.target).parent.mkdir(parents=True, exist_ok=True)
        (folder / page.target).write_text(html, encoding="utf-8")
    assets = folder / "assets"
    assets.mkdir()
    for name in ("content.css", "site.css", "site.js"):
        shutil.copy(chapters.ASSETS / name, assets)
    last = {page for group in groups if group.name == "More" for page in group.pages}
    last |= set(pages) - set(listed)
    sections = [s | {"last": page in last} for page in pages for s in _sections(page)]
    text = json.dumps(sections, ensure_ascii=False, separators=(",", ":"))
    (assets / "sections.js").write_text(f"window.SECTIONS = {text};\n", encoding="utf-8")


def _sections(page: Page) -> Iterator[dict]:
    """What a search looks through: each heading with the text and code up to the next one."""
    for heading in page.soup.find_all(SECTIONS):
        text = "".join(
            element
            for element in itertools.takewhile(_is_not_a_heading, heading.next_elements)
            if isinstance(element, NavigableString) and _is_searched(element, heading)
        )
        anchor = f"#{heading['id']}" if heading.get("id") else ""
        yield {
            "url": f"{page.target}{anchor}",
            "title": page.title,
            "heading": _text(heading),
            "text": " ".join(text.split()),
        }


def _is_not_a_heading(element: PageElement) -> bool:
    return getattr(element, "name", None) not in SECTIONS


def _is_searched(text: NavigableString, heading: Tag) -> bool:
    return not any(
        parent is heading
        or parent.name == "math"
        or {"hint", "folded"} & set(parent.get("class", ()))
        for parent in text.parents
    )
