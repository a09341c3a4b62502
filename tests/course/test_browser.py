"""The chapters in the reader's own place: JupyterLab, in a browser."""

import dataclasses
import re

import nbformat
import pytest

from cflib import ALSSettings, fit_als, fit_implicit, holdout, load, people
from cflib.models import Recommender
from course import notebooks, run

from . import browsing

if reason := browsing.why_not():
    pytest.skip(reason, allow_module_level=True)

from playwright.sync_api import expect

expect.set_options(timeout=60_000)  # the machine may be busy
PANEL, APP = "05_inspection.ipynb", run.ROOT / "course" / "app" / "panel.ipynb"
CHAPTERS = sorted(path.name for path in run.NOTEBOOKS.glob("[0-9]*.ipynb"))
SHORTER = {  # what takes a minute in full, where nbval runs it so
    "00_original.ipynb": {"epochs": 40},
    "07_scale.ipynb": {"sizes": [100_000, 300_000, 1_000_000]},
    "09_your_own_ratings.ipynb": {"quick": True},
}
BAD = {  # what a reader should never see
    "an error": '[data-mime-type="application/vnd.jupyter.error"]',
    "a warning": '[data-mime-type="application/vnd.jupyter.stderr"]',
    "a formula that is not set": "mjx-merror",
    "a dialog": ".jp-Dialog",
    "a notice": ".Toastify__toast",
}
BROKEN_PICTURES = """() => [...document.querySelectorAll('.jp-Notebook img')]
    .filter(image => image.complete && !image.naturalWidth).length"""


@pytest.fixture(scope="module")
def chromium():
    with browsing.browser() as opened:
        yield opened


@pytest.fixture
def page(chromium):
    """A page that notes, in `said`, its complaints and its requests to other machines."""
    context = chromium.new_context(viewport=browsing.SIZE)
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.said = []
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    page.on(
        "console",
        lambda line: line.type in ("error", "warning") and page.said.append(line.text),
    )
    page.on("request", lambda request: page.said.extend(browsing.elsewhere(request.url)))
    yield page
    context.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a chapter in a running JupyterLab: a copy without outputs, so that what is seen is new."""
    folder = tmp_path_factory.mktemp("lab")
    for name in CHAPTERS:
        chapter = notebooks.clean(nbformat.read(run.NOTEBOOKS / name, as_version=4))
        nbformat.write(_shortened(chapter, SHORTER.get(name, {})), folder / name)
    with browsing.jupyterlab(folder, tmp_path_factory.mktemp("home")) as address:
        yield address


def _shortened(chapter, values: dict):
    """The chapter with other parameters, each still on its line."""
    (cell,) = (c for c in chapter.cells if "parameters" in c.metadata.get("tags", []))
    for name, value in values.items():
        cell.source, n = re.subn(
            rf"^{name} = .*$", f"{name} = {value}", cell.source, flags=re.MULTILINE
        )
        assert n == 1, name
    return chapter


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_opens_and_runs_to_its_end_without_an_error_or_a_warning(name, address, page):
    browsing.run_all(page, address(name))
    assert page.evaluate(browsing.LEFT_TO_RUN) == 0
    assert page.locator(".jp-Notebook .jp-OutputArea-output img").count() > 0
    assert_nothing_bad(page)
    if name == PANEL:
        assert_the_panel_follows(page, *_of_the_chapter())
    browsing.shut_kernels(page)


def test_the_app_shows_the_panel_alone_and_it_follows(page, tmp_path):
    with browsing.voila(APP, tmp_path) as address:
        page.goto(address)
        page.locator(".cflib-panel").wait_for()
        # Voilà is built with an older JupyterLab than its widgets, and says so where nobody looks.
        page.said = [line for line in page.said if "of shared " not in line]
        assert_nothing_bad(page)
        assert page.get_by_text("import").count() == 0  # no code
        assert_the_panel_follows(page, fit_als(load()), {}, 20)


def _of_the_chapter():
    """The model, the ratings and the least number of ratings that the panel in 05 begins with."""
    values = run.parameters(run.NOTEBOOKS / PANEL)
    split = holdout(load(values["dataset"]), values["test_fraction"], values["seed"])
    names = {field.name for field in dataclasses.fields(ALSSettings)}
    settings = ALSSettings(**{name: values[name] for name in names & set(values)})
    model = fit_als(split.train, settings)
    model = Recommender.of(fit_implicit(split.train, seed=values["seed"]), model)
    ratings = people.own_ratings(model, values["my_ratings"]).to_dict()
    return model, ratings, values["min_ratings"]


def assert_nothing_bad(page):
    seen = {
        what: page.locator(selector).all_text_contents()
        for what, selector in BAD.items()
        if page.locator(selector).count()
    }
    assert not seen
    assert page.evaluate(BROKEN_PICTURES) == 0
    assert not page.said


def assert_the_panel_follows(page, model, ratings: dict, min_ratings: int):
    """By keyboard: a movie is found, rated and removed, and the list is what it should be."""
    panel = page.locator(".cflib-panel")

    def expect_the_list_for(ratings):
        table = people.recommend_new(model, ratings, 8, min_ratings=min_ratings)
        titles = panel.locator("h3:text('Recommended to you') + table tbody td:first-child")
        expect(titles).to_have_text(table["title"].tolist())
        return table["title"].tolist()

    before = expect_the_list_for(ratings)
    panel.get_by_label("Search").fill("qqqqqq")
    expect(panel.get_by_role("status")).to_contain_text("No title is like")
    panel.get_by_label("Search").fill("blade runner 1982")
    expect(panel.get_by_label("Found").locator("option").first).to_have_text("Blade Runner (1982)")
    panel.get_by_label("Rating, 0.5–5").fill("5")
    panel.get_by_label("Rating, 0.5–5").press("Tab")
    panel.get_by_role("button", name="Rate").press("Enter")
    assert expect_the_list_for(ratings | {541: 5.0}) != before
    assert min(page.evaluate(browsing.RATE_AGAIN, [4, 1, 0.5])) < 0.2
    panel.get_by_label("Rating, 0.5–5").fill("9")
    panel.get_by_label("Rating, 0.5–5").press("Tab")
    panel.get_by_role("button", name="Rate").press("Enter")
    expect(panel.get_by_role("status")).to_contain_text("should be a number from 0.5 to 5")
    panel.get_by_label("You rated").select_option(label="0.5 · Blade Runner (1982)")
    panel.get_by_role("button", name="Remove").press("Enter")
    expect_the_list_for(ratings)
