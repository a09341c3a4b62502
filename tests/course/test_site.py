"""The site: every page is whole, also in a browser without a network, and fetches nothing."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from course import commands, page_check, site

from . import browsing
from .small_chapters import chapter

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
DOT = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    '<circle r="4" cx="4" cy="4"/></svg>'
)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """The site of this repository; `build` refuses one with a flaw that `page_check` finds."""
    return site.build(tmp_path_factory.mktemp("course") / "site").parent


@pytest.fixture
def small(tmp_path) -> Path:
    """A small repository, with what a course can have."""
    root = tmp_path / "repository"
    for folder in ("notebooks/exercises", "docs", "code"):
        (root / folder).mkdir(parents=True)
    (root / "docs" / "dot.svg").write_text(DOT)
    (root / "code" / "sum.py").write_text("def total(a, b):\n    return a + b\n")
    (root / "README.md").write_text(
        "# Small: a course\n\n![A dot.](docs/dot.svg)\n\n[one](notebooks/1_one.ipynb), "
        "[its sums](notebooks/1_one.ipynb#the-sums), [code](code/sum.py), [data](docs/dot.svg), "
        "[a folder](notebooks/), [another](code), [outside](../secret.md), "
        "[a paper](https://doi.org/10.1/x)\n"
    )
    chapter(
        root / "notebooks" / "1_one.ipynb",
        "# 1 · One\n\nSee [λ](../docs/glossary.md#lambda), [μ](../docs/glossary.md#Μ:-mean).\n\n"
        "## The sums\n\n$$\\sum_i x_i$$",
        "total = 1 + 2  # a comment about a dot",
    )
    chapter(root / "notebooks" / "2_two.ipynb", "# 2 · Two\n\nBack to [one](1_one.ipynb).")
    exercise = root / "notebooks" / "exercises" / "1_one.ipynb"
    chapter(exercise, "# Exercises to 1\n\n[1](../1_one.ipynb)", "answer = ...", "assert 42")
    notebook = nbformat.read(exercise, as_version=4)
    notebook.cells[-1].metadata["jupyter"] = {"source_hidden": True}
    nbformat.write(notebook, exercise)
    (root / "docs" / "glossary.md").write_text(
        "# Glossary\n\n## Lambda\n\nThe weight λ of the *naïve* penalty.\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n## Μ: mean\n"
    )
    (root / "docs" / "teaching.md").write_text(
        "# For the teacher\n\nFrom [the top](#for-the-teacher).\n\n## Dots\n\nA dot, a dot."
    )
    return root


def soup_of(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def links(path: Path, within="main") -> dict[str, str]:
    found = soup_of(path).select(f"{within} a[href]:not(.anchor-link, footer a)")
    return {link.get_text(): link["href"] for link in found}


# This repository's site


def test_every_chapter_exercise_and_document_has_its_page_in_the_contents(course):
    sources = [
        *(ROOT / "notebooks").glob("[0-9]*.ipynb"),
        *(ROOT / "notebooks" / "exercises").glob("*.ipynb"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "data" / "README.md",
    ]
    pages = {str(site.target(site.PurePosixPath(s.relative_to(ROOT).as_posix()))) for s in sources}
    pages.add("index.html")
    for path in course.rglob("*.html"):
        links_to = {(path.parent / link).resolve() for link in links(path, "nav").values()}
        assert {(course / page).resolve() for page in pages} <= links_to, path


def test_every_formula_and_every_picture_of_a_chapter_is_in_its_page(course):
    for source in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        notebook = nbformat.read(source, as_version=4)
        outputs = [o for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
        n_pictures = sum("image/png" in output.data for output in outputs)
        page = soup_of(course / "notebooks" / f"{source.stem}.html")
        assert len(page.select('img[src^="data:image/png;base64,"]')) == n_pictures
        prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert len(page.select("math[display=block]")) >= prose.count("$$") // 2
        text = "".join(part.get_text() for part in page.select(".jp-RenderedMarkdown"))
        assert "$$" not in text and "\\frac" not in text


def test_every_notebook_says_how_to_open_it_in_jupyterlab(course):
    for path in (course / "notebooks").rglob("*.html"):
        source = path.relative_to(course).with_suffix(".ipynb")
        assert f"make lab ARGS={source}\n" in soup_of(path).find("aside").get_text()


def test_text_can_be_told_from_what_is_behind_it():
    styles = (ROOT / "course" / "assets" / "content.css").read_text(encoding="utf-8")
    colours = page_check.colours(styles)
    known = {*page_check.TEXT, *page_check.BEHIND, "mark", "warn", "line"}
    assert set(colours["light"]) == set(colours["dark"]) == known
    assert page_check.pale(styles) == []
    assert not re.findall(r"[^-]color:\s*#", styles)  # each colour of a text has a name


# What becomes of links


def test_links_lead_to_the_pages_of_what_they_name(small, tmp_path):
    first = site.build(tmp_path / "site", small)
    assert links(first) == {
        "one": "notebooks/1_one.html",
        "its sums": "notebooks/1_one.html#The-sums",
        "code": "code/sum.py.html",
        "a folder": "notebooks/1_one.html",
        "a paper": "https://doi.org/10.1/x",
    }
    main = soup_of(first).main
    assert "data, a folder, another, outside" in main.get_text()
    one = tmp_path / "site" / "notebooks" / "1_one.html"
    assert links(one) == {
        "λ": "../docs/glossary.html#Lambda",  # as GitHub writes an anchor
        "μ": "../docs/glossary.html#%CE%9C:-mean",  # as JupyterLab does
    }
    assert links(tmp_path / "site" / "docs" / "teaching.html") == {"the top": "#For-the-teacher"}


def test_a_linked_file_is_shown_as_it_is(small, tmp_path):
    site.build(tmp_path / "site", small)
    code = soup_of(tmp_path / "site" / "code" / "sum.py.html")
    assert code.h1.get_text() == "code/sum.py"
    assert code.pre.get_text() == (small / "code" / "sum.py").read_text()
    assert "code/sum.py.html" not in links(tmp_path / "site" / "index.html", "nav").values()


def test_pages_follow_each_other_as_the_contents_have_them(small, tmp_path):
    path, visited = site.build(tmp_path / "site", small), []
    while path:
        visited.append(path.relative_to(tmp_path / "site").as_posix())
        follow = soup_of(path).select_one("a[rel=next]")
        path = (path.parent / follow["href"]).resolve() if follow else None
    listed = list(links(tmp_path / "site" / "index.html", "nav").values())
    pages = [
        "index.html",
        "notebooks/1_one.html",
        "notebooks/2_two.html",
        "notebooks/exercises/1_one.html",
        "docs/glossary.html",
        "docs/teaching.html",
    ]
    assert visited == listed == pages


def test_code_that_jupyterlab_folds_away_is_folded_away(small, tmp_path):
    site.build(tmp_path / "site", small)
    page = soup_of(tmp_path / "site" / "notebooks" / "exercises" / "1_one.html")
    (folded,) = page.main.find_all("details")
    assert not folded.has_attr("open")
    assert folded.pre.get_text().strip() == "assert 42"
    assert "answer = ..." in page.main.get_text()
    sections = (tmp_path / "site" / "assets" / "sections.js").read_text()
    assert "answer = ..." in sections and "42" not in sections


def test_pictures_lie_in_their_page_with_their_text(small, tmp_path):
    picture = soup_of(site.build(tmp_path / "site", small)).main.img
    assert picture["src"].startswith("data:image/svg+xml;base64,") and picture["alt"] == "A dot."


def test_the_same_course_gives_the_same_bytes(small, tmp_path):
    one, two = (site.build(tmp_path / name, small).parent for name in ("one", "two"))
    files = [path.relative_to(one) for path in sorted(one.rglob("*")) if path.is_file()]
    assert len(files) == 11
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)


# What is refused


@pytest.mark.parametrize(
    ("markdown", "flaw"),
    [
        ("[gone](#nowhere)", "leads to #nowhere, and there is no such heading"),
        ("[gone](notebooks/1_one.ipynb#nowhere)", "1_one.html#nowhere, and there is no such"),
        ("![](docs/dot.svg)", "a picture has no text"),
        ("![A dot.](docs/gone.svg)", "a picture isn't there: docs/gone.svg"),
        ("![A dot.](https://example.org/dot.svg)", "it fetches https://example.org/dot.svg"),
        ("![No description has been provided for this image](docs/dot.svg)", "has no text"),
        ("### Too deep", "the heading 'Too deep¶' is of level 3 and follows level 1"),
        ("# Another", "2 first-level headings"),
        ("## Twice\n\n## Twice", "the id 'Twice' is there 2 times"),
        ('<a href="notebooks/1_one.ipynb"></a>', "nothing says what this is"),
    ],
)
def test_a_flaw_is_named_and_the_site_that_was_there_stays(small, tmp_path, markdown, flaw):
    out = tmp_path / "site"
    before = site.build(out, small).read_text(encoding="utf-8")
    with (small / "README.md").open("a", encoding="utf-8") as readme:
        readme.write(f"\n{markdown}\n")
    with pytest.raises(site.SiteError) as refusal:
        site.build(out, small)
    assert "index.html: " in str(refusal.value) and flaw in str(refusal.value)
    assert (out / "index.html").read_text(encoding="utf-8") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository", "site"]


def test_colours_that_can_hardly_be_told_apart_are_named():
    assert round(page_check.contrast("#000000", "#ffffff"), 2) == 21
    assert round(page_check.contrast("#777777", "#ffffff"), 2) == 4.48  # WCAG's own example
    pale = "--ink: light-dark(#777777, #ffffff); --paper: light-dark(#ffffff, #000000);"
    assert page_check.pale(pale) == ["in light, ink on paper has a contrast of 4.5"]


def test_a_folder_that_holds_something_else_is_left_alone(small, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear reader")
    with pytest.raises(FileExistsError, match="something else is there"):
        site.build(tmp_path / "mine", small)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "Dear reader"
    done = CliRunner().invoke(commands.site, ["--out", str(tmp_path / "mine")])
    assert done.exit_code == 1 and "Choose another folder" in done.output


# In a browser, with the network off

PROBE = """<script>addEventListener("load", async () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const seen = {
    missing: all("img").filter((img) => !(img.complete && img.naturalWidth > 1)).length,
    flat: all("math").filter((math) => {
      const { width, height } = math.getBoundingClientRect();
      return !(width > 2 && height > 2) && !math.closest("details");
    }).map((math) => math.outerHTML),
    stacked: all("mfrac").filter((f) => !f.closest("details")).every(
      ({ children: [above, below] }) =>
        above.getBoundingClientRect().bottom <= below.getBoundingClientRect().top + 1),
    width: document.documentElement.scrollWidth,
    window: innerWidth,
    cut: all("main img").filter((img) => img.getBoundingClientRect().right > innerWidth).length,
    paper: getComputedStyle(document.body).backgroundColor,
    styles: [...document.styleSheets].filter((sheet) => sheet.href).length,
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => !/^(file|data):/.test(name)),
  };
  const picture = document.querySelector("main img");
  picture?.click();
  seen.touched = [picture?.getBoundingClientRect().width, document.documentElement.scrollWidth];
  document.getElementById("theme").click();
  seen.other = getComputedStyle(document.body).backgroundColor;
  const query = document.getElementById("query");
  query.value = "QUERY";
  query.dispatchEvent(new Event("input"));
  const found = document.getElementById("found");
  for (let i = 0; i < 50 && !found.childNodes.length; i++) await wait(20);
  seen.found = all("#found a").map((link) => link.href);
  parent.postMessage(JSON.stringify([PAGE, seen]), "*");
});</script>"""
# A window has a least width, a frame has none. And all pages in one go are a tenth of the wait.
FRAMES = """FRAMES<output></output><script>
const seen = {};
addEventListener("message", (message) => {
  const [page, of_page] = JSON.parse(message.data);
  seen[page] = of_page;
  document.querySelector("output").textContent = JSON.stringify(seen);
});</script>"""


def seen(folder: Path, *pages: str, query="lambda", width=1280, dark=False) -> dict[str, dict]:
    """What Chromium shows of pages that it opens from the disk, without a network, by page."""
    sources = {page: (folder / page).read_text(encoding="utf-8") for page in pages}
    frames = folder / "frames.html"
    frame = f'<iframe src="PAGE" width="{width}" height="800"></iframe>'
    try:
        for page, source in sources.items():
            probe = PROBE.replace("QUERY", query).replace("PAGE", json.dumps(page))
            probed = source.replace("</body>", f"{probe}</body>")
            (folder / page).write_text(probed, encoding="utf-8")
        of_pages = "".join(frame.replace("PAGE", page) for page in pages)
        frames.write_text(FRAMES.replace("FRAMES", of_pages), encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += [
            f"--user-data-dir={folder.parent / 'chromium'}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--window-size=1400,900",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            "--virtual-time-budget=20000",
            frames.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    finally:
        for page, source in sources.items():
            (folder / page).write_text(source, encoding="utf-8")
        frames.unlink()
    found = json.loads(html.unescape(re.search("<output>(.*)</output>", done.stdout)[1]))
    assert set(found) == set(pages)
    return found


@pytest.fixture(scope="module")
def on_a_phone(course) -> dict[str, dict]:
    """What Chromium shows of every page, in a narrow window."""
    names = [path.relative_to(course).as_posix() for path in sorted(course.rglob("*.html"))]
    return seen(course, *names, width=390)


@in_chromium
def test_without_a_network_every_page_shows_its_formulas_and_pictures(on_a_phone):
    for name, page in on_a_phone.items():
        assert (page["missing"], page["flat"], page["stacked"]) == (0, [], True), name
        assert page["styles"] == 2 and page["fetched"] == [], name


@in_chromium
def test_on_a_phone_no_page_is_wider_than_its_window(on_a_phone):
    for name, page in on_a_phone.items():
        assert page["width"] <= page["window"] == 390, name


@in_chromium
def test_on_a_phone_pictures_are_whole_and_larger_in_their_box_when_touched(on_a_phone):
    assert [name for name, page in on_a_phone.items() if page["cut"]] == []
    picture, page = on_a_phone["index.html"]["touched"]
    assert picture > 390 >= page


@in_chromium
def test_dark_follows_the_system_and_the_button_changes_it(small, tmp_path):
    folder = site.build(tmp_path / "site", small).parent
    light, dark = (seen(folder, "index.html", dark=dark)["index.html"] for dark in (False, True))
    assert light["paper"] == dark["other"] == "rgb(255, 255, 255)"
    assert dark["paper"] == light["other"] == "rgb(20, 24, 31)"


@in_chromium
@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("glossary", "docs/glossary.html#Glossary"),  # a heading
        ("NAIVE pen", "docs/glossary.html#Lambda"),  # text: any case, no accents, starts of words
        ("aïve", None),  # not the start of a word
        ("total", "notebooks/1_one.html#The-sums"),  # code
        ("weight nosuchword", None),  # every word has to be there
        ("make lab", None),  # not what is on every page
        ("dot", "notebooks/1_one.html#The-sums"),  # a chapter before what is listed last
    ],
)
def test_search_finds_sections_from_any_page(small, tmp_path, query, first):
    folder = site.build(tmp_path / "site", small).parent
    page = "notebooks/exercises/1_one.html"
    found = seen(folder, page, query=query)[page]["found"]
    assert found[:1] == ([f"{folder.as_uri()}/{first}"] if first else [])


PAPER = 686  # pixels: the width of A4 without its margins
CUT = """() => [...document.querySelectorAll("main *")].filter((box) =>
  box.checkVisibility() && !box.closest("math math, .folded:not([open]) > :not(summary)")
  && (box.getBoundingClientRect().right > innerWidth + 1
      || (box.scrollWidth > box.clientWidth + 1 && /auto|scroll|hidden/.test(
          getComputedStyle(box).overflowX))))
  .map((box) => box.outerHTML.slice(0, 200)).slice(0, 3)"""


@pytest.fixture(scope="module")
def chromium():
    if reason := browsing.why_not():
        pytest.skip(reason)
    with browsing.browser() as opened:
        yield opened


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(course, chromium, scheme):
    if browsing.axe() is None:
        pytest.skip("axe is not installed: pip install -r requirements-browser.txt")
    serious = {}
    context = chromium.new_context(viewport=browsing.SIZE, color_scheme=scheme)
    for path in sorted(course.rglob("*.html")):
        page = context.new_page()
        page.goto(path.as_uri())
        for rule, where in browsing.serious(page).items():
            serious.setdefault(f"{rule}: {where}", []).append(path.name)
        page.close()
    context.close()
    assert serious == {}


@pytest.mark.long
def test_nothing_is_cut_on_paper(course, chromium):
    page = chromium.new_page(viewport={"width": PAPER, "height": 1000})
    page.emulate_media(media="print")
    cut = {}
    for path in sorted(course.rglob("*.html")):
        page.goto(path.as_uri())
        if boxes := page.evaluate(CUT):
            cut[path.relative_to(course).as_posix()] = boxes
    page.close()
    assert cut == {}


def test_the_contents_and_the_search_stay_in_view_while_the_page_is_scrolled(
    small, chromium, tmp_path
):
    readme = small / "README.md"
    sections = "".join(f"\n\n## Part {n}\n\n" + "A line.\n\n" * 30 for n in range(20))
    readme.write_text(readme.read_text() + sections)
    page = chromium.new_page(viewport=browsing.SIZE)
    page.goto(site.build(tmp_path / "site", small).as_uri())
    page.get_by_role("heading", name="Part 15").scroll_into_view_if_needed()
    page.mouse.wheel(0, 900)
    for name in ("Search the course", "Dark or light"):
        element = page.get_by_role("searchbox") if "Search" in name else page.get_by_label(name)
        assert 0 <= element.bounding_box()["y"] < browsing.SIZE["height"]
    page.wait_for_function("document.querySelector('nav [aria-current=true]')")
    assert "Part 1" in page.locator("nav [aria-current=true]").inner_text()
    box = page.locator("nav [aria-current=true]").bounding_box()
    assert 0 <= box["y"] < browsing.SIZE["height"]
    page.close()
