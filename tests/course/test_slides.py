"""Slides show what is short in a chapter, each fits its page, and nothing is fetched."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course import slides
from course.run import NOTEBOOKS

from . import browsing
from .small_chapters import PIXEL

WITH_SLIDES = {
    "01_loading",
    "02_normalization",
    "03_training",
    "04_evaluation",
    "05_inspection",
    "08_uncertainty",
}
SIZE = {"width": 1280, "height": 720}


def on(kind, cell):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def picture():
    data = {"image/png": PIXEL, "text/plain": "[picture: one dot]"}
    output = new_output("display_data", data, metadata={"image/png": {"alt": "one dot"}})
    return new_code_cell("draw()", outputs=[output])


TEXT = """# A title

**You will learn** much. This is said and not shown.

## A question

What is $x$? It is *not four*. *But this is a question?* See [there](other.ipynb).

$$x = 4$$

## Another

- One.
- Two **things**."""


def shown(*cells):
    return [
        (slide.heading, [cell.source for cell in slide.cells])
        for slide in slides.slides(new_notebook(cells=list(cells)))
    ]


def test_a_heading_begins_a_slide_and_a_slide_has_the_key_sentences_lists_and_formulas():
    assert shown(on("slide", new_markdown_cell(TEXT))) == [
        ("A title", ["**You will learn** much."]),
        ("A question", ["*But this is a question?*\n\n$$x = 4$$"]),
        ("Another", ["- One.\n- Two **things**."]),
    ]


def test_a_fragment_goes_on_and_a_slide_without_a_heading_repeats_that_of_its_section():
    assert shown(
        on("slide", new_markdown_cell("## One\n\n**Short.**")),
        on("fragment", picture()),
        new_markdown_cell("**Not marked.**\n\n### Part"),
        on("slide", picture()),
    ) == [("One", ["**Short.**", "draw()"]), ("One", ["draw()"])]


def test_what_precedes_the_heading_of_a_slide_belongs_to_no_slide_and_to_a_fragment_it_does():
    text = "Before, **something**.\n\n## After\n\n$$x$$"
    assert shown(on("slide", new_markdown_cell(text))) == [("After", ["$$x$$"])]
    assert shown(new_markdown_cell("# T"), on("fragment", new_markdown_cell(text))) == [
        ("T", ["Before, **something**."]),
        ("After", ["$$x$$"]),
    ]


def test_a_heading_with_nothing_below_it_is_no_slide():
    assert shown(on("slide", new_markdown_cell("## One\n\nNothing that is key."))) == []


@pytest.mark.parametrize(
    ("sentence", "key"),
    [
        ("A **word** is.", True),
        ("*Four words are enough.*", True),
        ("*Three are not.*", False),
        ("Two *words* and *two* more words and $a * b * c * d$.", False),
        ("Plain.", False),
    ],
)
def test_key_sentences_have_something_bold_or_four_words_in_italics(sentence, key):
    assert (slides.key_text(sentence) == sentence) == key


def test_an_empty_chapter_gives_no_slides_and_another_folder_is_not_overwritten(tmp_path):
    with pytest.raises(ValueError, match="no cell"):
        slides.build(tmp_path / "out", tmp_path)
    with pytest.raises(FileExistsError, match="something else"):
        slides.build(tmp_path)


def test_a_script_in_a_title_does_not_reach_a_slide(tmp_path):
    bad = "<script>alert(1)</script><b onclick=alert(1)>b</b><a href='javascript:alert(1)'>a</a>"
    cells = [
        on("slide", new_markdown_cell(f"# T {bad}\n\n**Bold** {bad}.")),
        on("slide", picture()),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_bad.ipynb")
    slides.build(tmp_path / "out", tmp_path)
    html = (tmp_path / "out" / "01_bad.html").read_text()
    assert "alert(1)" not in html


# The course's own


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return slides.build(tmp_path_factory.mktemp("slides") / "slides").parent


def test_six_chapters_have_from_ten_to_seventeen_slides_each(built):
    pages = {path.stem: path for path in built.glob("[0-9]*.html")}
    assert set(pages) == WITH_SLIDES
    for name, path in pages.items():
        soup = BeautifulSoup(path.read_text(), "html.parser")
        n = len(soup.select("section.slide"))
        assert 10 <= n <= 17, f"{name}: {n}"
        assert len(soup.find_all("img")) >= 3 and len(soup.find_all("math")) >= 2, name
        words = [len(section.get_text().split()) for section in soup.select("section.slide")]
        assert max(words) < 230, name


def test_making_slides_changes_no_chapter_and_their_cells_have_only_known_types():
    for path in NOTEBOOKS.glob("[0-9]*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if about := cell.metadata.get("slideshow"):
                assert about["slide_type"] in ("slide", "fragment"), path.stem


OVERFLOWING = """() => [...document.querySelectorAll(".slide")].flatMap((slide) => {
  const frame = slide.getBoundingClientRect();
  const place = slide.querySelector(".place")?.getBoundingClientRect();
  return [...slide.querySelectorAll("p:not(.place), li, td, th, img, math, pre, h1, h2")]
    .filter((element) => !element.closest("math math, td math, .jp-OutputArea-output:has(img) p"))
    .filter((element) => {
      const box = element.getBoundingClientRect();
      const bottom = innerWidth > 700 ? frame.bottom - 8 : frame.bottom;
      return box.right > frame.right + 1 || box.bottom > bottom + 1 || box.width < 1
        || (innerWidth > 700 && element.scrollWidth > element.clientWidth + 2
            && getComputedStyle(element).display !== "inline");
    }).map((element) => `${slide.id}: ${element.outerHTML.slice(0, 90)}`).slice(0, 1);
})"""
SMALL = """() => [...document.querySelectorAll(".shown img")]
  .map((image) => {
    const box = image.getBoundingClientRect();
    const scale = Math.min(box.width / image.naturalWidth, box.height / image.naturalHeight);
    return [image.closest(".slide").id, image.naturalHeight * scale];
  }).filter(([, height]) => height < 240).map(([id]) => id)"""


@pytest.fixture(scope="module")
def chromium():
    if reason := browsing.why_not():
        pytest.skip(reason)
    with browsing.browser() as opened:
        yield opened


def opened(chromium, path, size, **options):
    page = chromium.new_context(viewport=size, **options).new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    page.asked = [url for url in page.asked if not url.startswith(("file:", "data:"))]
    return page


def test_every_slide_fits_its_page_and_nothing_is_asked_of_a_network(built, chromium):
    for path in sorted(built.glob("*.html")):
        page = opened(chromium, path, SIZE)
        assert page.evaluate(OVERFLOWING) == [], path.stem
        assert page.evaluate(SMALL) == [], path.stem
        assert page.asked == []
        page.evaluate("document.querySelector('.slide :is(p, li)').style.height = '2000px'")
        assert page.evaluate(OVERFLOWING)  # it looks
        page.context.close()


@pytest.mark.long
def test_on_a_phone_no_slide_is_wider_than_its_window(built, chromium):
    for path in sorted(built.glob("*.html")):
        page = opened(chromium, path, {"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path.stem
        page.context.close()


def test_printed_each_slide_is_a_page(built, chromium):
    page = opened(chromium, built / "03_training.html", SIZE)
    n = page.locator(".slide").count()
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == n
    page.emulate_media(media="print")
    assert page.evaluate(OVERFLOWING) == []
    page.context.close()


def test_the_arrow_keys_turn_the_slides(built, chromium):
    page = opened(chromium, built / "01_loading.html", SIZE)
    top = "(n) => document.getElementById(`slide-${n}`).getBoundingClientRect().top"
    for key, at in (("ArrowRight", 2), (" ", 3), ("ArrowLeft", 2), ("Home", 1), ("PageUp", 1)):
        page.keyboard.press(key)
        page.wait_for_function(f"Math.abs(({top})({at})) < 2")
    page.context.close()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(built, chromium, scheme):
    if browsing.axe() is None:
        pytest.skip("axe is not installed: pip install -r requirements-browser.txt")
    for path in sorted(built.glob("*.html")):
        page = opened(chromium, path, SIZE, color_scheme=scheme)
        assert browsing.serious(page) == {}, path.stem
        page.context.close()
