"""The page of a run: formulas set, pictures described, and nothing to fetch."""

from html.parser import HTMLParser

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient

from course import page, run, sweep
from course.notebooks import fetched
from course.page import tidy_tables

from . import browsing
from .small_chapters import PIXEL, SHOW_PICTURE, SHOW_WIDGET, chapter
from .test_sweep import finished

PROSE = r"""# One <b>&</b> two
## The question
The cost of $x_i \cdot w_j$ and *5 stars*:
$$J = \tfrac12 \sum_{ij} R_{ij}\bigl(\hat Y_{ij} - Y_{ij}\bigr)^2$$
\begin{aligned} a &= b \\ c &< d \end{aligned}
See [the next](02_second.ipynb), [the question](#The-question), [a paper](https://doi.org/10.1/x),
[a term](../docs/glossary.md#id)."""
FOLDED = "assert 42"
FRAME = "import pandas as pd; pd.DataFrame({'rmse': [0.5]})"
LATEX = "from IPython.display import Math; Math(r'\\lambda^2')"
SCRIPTLESS = """print("<script src='https://example.org/x.js'></script>")"""


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    paths = [
        chapter(
            folder / "01_first.ipynb",
            *(PROSE, SHOW_PICTURE, FRAME, LATEX, SCRIPTLESS, SHOW_WIDGET, FOLDED),
        ),
        chapter(folder / "02_second.ipynb", PROSE),
    ]
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, kernel_name="python3").execute()
        notebook.cells[1:1] = [
            nbformat.v4.new_code_cell(
                '# Parameters\nrun_dir = "/home/me/run"\nsize = 5\n',
                metadata={"tags": ["injected-parameters"]},
            )
        ]
        for cell in notebook.cells:
            if cell.source == FOLDED:
                cell.metadata["jupyter"] = {"source_hidden": True}
        nbformat.write(notebook, path)
    page.write(folder / "index.html", paths)
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def soup(html):
    return BeautifulSoup(html, "html.parser")


def test_the_page_fetches_nothing(html, soup):
    assert fetched(html) == []
    assert soup.find(["script", "link", "iframe", "object", "embed"]) is None
    assert [a["href"] for a in soup.select('a[href^="http"]')] == ["https://doi.org/10.1/x"] * 2


def test_formulas_are_set_as_mathml(soup):
    maths = soup.find_all("math")
    assert len(maths) == 2 * 3 + 1
    assert [m["display"] for m in maths if m.get("display") == "block"] == ["block"] * (2 * 2 + 1)
    prose = "".join(element.get_text() for element in soup.select(".jp-RenderedMarkdown"))
    assert "paper" in prose and "$" not in prose and "\\" not in prose
    assert maths[1].find("mi", string="J") and maths[1].find("mo", string="∑")


def test_pictures_carry_their_alternative_text(soup):
    (picture,) = soup.find_all("img")
    assert picture["alt"] == "one <dot>"
    assert picture["src"] == f"data:image/png;base64,{PIXEL}"


def test_the_contents_lead_to_every_chapter_and_section(soup):
    links = [a["href"] for a in soup.nav.find_all("a")]
    assert links == [
        "#01_first",
        "#01_first--The-question",
        "#02_second",
        "#02_second--The-question",
    ]
    assert soup.nav.a.get_text() == "One & two"


def test_links_between_chapters_and_sections_stay_in_the_page(soup):
    ids = [element["id"] for element in soup.select("[id]")]
    assert len(ids) == len(set(ids))
    local = [a["href"] for a in soup.select('a[href^="#"]')]
    assert "#02_second" in local and "#02_second--The-question" in local
    assert all(link[1:] in ids for link in local)
    assert not soup.select('a[href$=".ipynb"]')
    assert "a term" in soup.get_text() and not soup.select('a[href^=".."]')


def test_code_that_jupyterlab_folds_is_folded(soup):
    (folded,) = soup.find_all("details")
    assert not folded.has_attr("open") and folded.pre.get_text().strip() == FOLDED


def test_the_keyboard_reaches_long_formulas_and_not_short_ones():
    long, short = "x" + 40 * " + x", "x = 4"
    soup = BeautifulSoup("".join(page.mathml(one, True) for one in (long, short)), "html.parser")
    page.let_focus(soup)
    assert [formula.get("tabindex") for formula in soup.find_all("math")] == ["0", None]


def test_a_widget_is_shown_by_its_text(soup):
    assert soup.find("pre", string=lambda text: text and "IntSlider(value=3)" in text)


def test_the_parameters_are_shown_but_not_where_the_run_lies(soup):
    text = soup.get_text()
    assert "size = 5" in text and "/home/me" not in text


def test_the_page_is_well_formed(html):
    """Every element that is opened is closed, in order."""
    void = {"meta", "img", "br", "hr", "input", "link", "col", "wbr", "mspace"}
    open_elements = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in void:
                open_elements.append(tag)

        def handle_endtag(self, tag):
            if tag not in void:
                assert open_elements.pop() == tag

    Reader().feed(html)
    assert open_elements == []


def test_what_is_to_be_unfolded_stays_inside():
    answer = "<details><summary>Answer</summary>\n\nIt is $x$, <b>not</b> y.\n\n</details>\n\nNext."
    (details,) = BeautifulSoup(page.markdown_html(answer), "html.parser").find_all("details")
    assert details.p.get_text() == "It is x, not y." and details.b.get_text() == "not"
    assert "Next." not in details.get_text()


@pytest.mark.parametrize("latex", [r"\frac{1}{", r"\nosuchthing x", r"a & b"])
def test_a_formula_that_cannot_be_set_is_refused_with_the_formula(latex):
    with pytest.raises(ValueError, match="cannot be set") as refusal:
        page.mathml(latex)
    assert f"${latex}$" in str(refusal.value)


def table(frame) -> BeautifulSoup:
    soup = BeautifulSoup(frame.to_html(), "html.parser")
    tidy_tables(soup)
    return soup


@pytest.mark.parametrize("index", ["rank", None])
def test_a_table_has_one_row_of_headings(index):
    frame = pd.DataFrame({"title": ["Heat"], "stars": [5]}, index=pd.Index([1], name=index))
    (row,) = table(frame).thead.find_all("tr")
    assert [th.get_text() for th in row.find_all(["th", "td"])] == [index or "", "title", "stars"]


def test_a_table_whose_rows_and_columns_both_have_a_name_keeps_both():
    frame = pd.DataFrame({"a": [1]}, index=pd.Index([1], name="row")).rename_axis(columns="column")
    assert len(table(frame).thead.find_all("tr")) == 2


def test_lines_are_broken_between_genres_and_not_inside_figures():
    movie = "Three Colours: Red <Rouge> & more"
    frame = pd.DataFrame(
        {
            "movie": [movie],
            "genres": ["Adventure|Animation|Comedy"],
            "day": ["2000-11-22"],
            "RMSE": ["0.8260 (0.8031–0.8507)"],
        }
    )
    title, genres, day, rmse = table(frame).tbody.find_all("td")
    assert title.get_text() == movie and not title.find(True)
    assert genres.get_text() == "Adventure|Animation|Comedy" and len(genres.find_all("wbr")) == 2
    assert "short" in day["class"] and not rmse.has_attr("class")
    assert rmse.span.get_text() == "(0.8031–0.8507)"


def test_a_bracket_with_an_exponent_is_its_base_as_a_whole():
    def base(latex, script="msup"):
        return BeautifulSoup(page.mathml(latex), "html.parser").find(script).find(True)

    assert base("(a + b)^2").get_text() == "(a+b)"
    assert base(r"c\bigl(\hat Y - (Y - 1)\bigr)^2").get_text().startswith("(")
    assert base("x|w|^2").get_text() == "|w|"
    assert base("[a]_i", "msub").get_text() == "[a]"
    nested = BeautifulSoup(page.mathml("((a + b)^2 + c)^3"), "html.parser")
    assert [script.find(True).get_text() for script in nested.find_all("msup")] == [
        "((a+b)2+c)",
        "(a+b)",
    ]
    assert base("x^2").name == "mi" and base(")^2").get_text() == ")"
    assert page.mathml("a)^2") and page.mathml("x_i^2 + y")


def test_columns_of_text_are_told_from_those_of_numbers_and_empty_headings_are_none():
    frame = pd.DataFrame(
        {"title": ["Fargo", "12"], "n": [1, 2], "of": ["0.5 (0.4 to 0.6)", "-1.5e-3"]}
    )
    soup = BeautifulSoup(frame.to_html(), "html.parser")
    tidy_tables(soup)
    rows = [row.find_all(["th", "td"]) for row in soup.find_all("tr")]
    texts = [["text" in cell.get_attribute_list("class", []) for cell in row] for row in rows]
    assert texts == [[False, True, False, False]] * 3
    assert rows[0][0].name == "td" and rows[0][1].name == "th"


def test_what_is_wider_than_its_box_can_be_reached_by_the_keyboard():
    soup = BeautifulSoup(
        f"<pre>short</pre><pre>{'x' * 99}</pre>"
        "<div class='jp-OutputArea-output'><table></table></div>",
        "html.parser",
    )
    page.let_focus(soup)
    assert [element.get("tabindex") for element in soup.find_all(["pre", "div"])] == [
        None,
        "0",
        "0",
    ]


def test_links_to_documents_of_the_page_stay_in_it_and_others_are_text(tmp_path):
    (tmp_path / "docs").mkdir()
    words = tmp_path / "docs" / "glossary.md"
    words.write_text("# Glossary\n\n## Dot product\n\nSee [more](other.md).\n")
    links = (
        "# One\n\n[a](../docs/glossary.md#dot-product) [b](../docs/glossary.md) [c](#nowhere) "
        "[d](../docs/glossary.md#nothing) [exercises](exercises/01_one.ipynb) [e](02_two.ipynb)"
    )
    one = chapter(tmp_path / "run" / "01_one.ipynb", links)
    zero = chapter(tmp_path / "notebooks" / "00_zero.ipynb", "# Zero")
    page.write(tmp_path / "run" / "index.html", [zero, one], [words])
    soup = BeautifulSoup((tmp_path / "run" / "index.html").read_text(), "html.parser")
    leading = {a.get_text(): a["href"] for a in soup.main.select("a:not(.anchor-link)")}
    assert leading == {"a": "#glossary--Dot-product", "b": "#glossary"}
    said = soup.main.get_text()
    assert "exercises (make lab ARGS=notebooks/exercises/01_one.ipynb)" in said
    assert said.count("shown as it is stored") == 1
    ids = {element["id"] for element in soup.select("[id]")}
    assert all(a["href"][1:] in ids for a in soup.select('a[href^="#"]'))


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_pages_of_a_run_and_of_a_sweep(tmp_path, scheme):
    if reason := browsing.why_not():
        pytest.skip(reason)
    if browsing.axe() is None:
        pytest.skip("axe is not installed: pip install -r requirements-browser.txt")
    chapters = [run.NOTEBOOKS / f"{name}.ipynb" for name in ("05_inspection", "08_uncertainty")]
    page.write(tmp_path / "run.html", chapters, [run.ROOT / "docs" / "mathematics.md"])
    folder = finished(tmp_path / "sweep", {1: [0.81, 0.83], 2: [0.86, 0.87]})
    sweep.report.write(folder)
    with browsing.browser() as chromium:
        context = chromium.new_context(viewport=browsing.SIZE, color_scheme=scheme)
        for path in (tmp_path / "run.html", folder / "sweep.html"):
            opened = context.new_page()
            opened.goto(path.as_uri())
            assert browsing.serious(opened) == {}, path.name
