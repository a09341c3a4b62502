"""The chapters in the reader's own place: JupyterLab, in a browser."""

import dataclasses
import re
import shutil
import subprocess

import nbformat
import pytest

from cflib import ALSSettings, fit_als, fit_implicit, holdout, load, people
from cflib.models import Recommender
from course import notebooks, panel, run

from . import browsing

if reason := browsing.why_not():
    pytest.skip(reason, allow_module_level=True)

from playwright.sync_api import expect

expect.set_options(timeout=60_000)  # the machine may be busy
PANEL = "05_inspection.ipynb"
CHAPTERS = sorted(path.name for path in run.NOTEBOOKS.glob("[0-9]*.ipynb"))
SHORTER = {  # what takes a minute in full, where nbval runs it so
    "00_first_look.ipynb": {"epochs": 40},
    "07_scale.ipynb": {"sizes": [100_000, 300_000, 1_000_000]},
    "09_your_own_ratings.ipynb": {"quick": True},
    "13_original.ipynb": {"epochs": 40},
}
SLIDERS = {f"{name}.ipynb" for name in ("02_normalization", "03_training", "04_evaluation")}
SLIDERS.add(PANEL)
NEXT_STAR_IN_JUPYTERLAB = ["Tab", "Space"]  # it keeps arrow keys for its own commands
BAD = {  # what a reader should never see
    "an error": '[data-mime-type="application/vnd.jupyter.error"]',
    "a warning": '[data-mime-type="application/vnd.jupyter.stderr"]',
    "a formula that is not set": "mjx-merror",
    "a dialog": ".jp-Dialog",
    "a notice": ".Toastify__toast",
}
# The colours of the page around the panel
BEHIND = """() => [...new Set([[2, 450], [innerWidth - 3, 450], [innerWidth / 2, 2]].map((at) =>
    document.elementsFromPoint(...at).filter((one) => !one.closest(".cflib-panel"))
    .map((one) => getComputedStyle(one).backgroundColor)
    .find((colour) => colour !== "rgba(0, 0, 0, 0)")))]"""
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
    """Of a chapter in a running JupyterLab: a copy without outputs, so that what is seen is new.

    As with `make lab`, the server's root is the course's folder.
    """
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(run.ROOT / "docs", folder / "docs")
    (folder / "notebooks").mkdir()
    for name in CHAPTERS:
        chapter = notebooks.clean(nbformat.read(run.NOTEBOOKS / name, as_version=4))
        _last_code(chapter).metadata.pop("jupyter", None)  # unfolded: its prompt says the end
        nbformat.write(_shortened(chapter, SHORTER.get(name, {})), folder / "notebooks" / name)
    with browsing.jupyterlab(folder, tmp_path_factory.mktemp("home")) as address:
        yield lambda name: address(f"notebooks/{name}")


def _last_code(chapter):
    return [cell for cell in chapter.cells if cell.cell_type == "code"][-1]


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
    assert (name in SLIDERS) == assert_moved_sliders_draw_again(page)
    if name == PANEL:
        assert_the_panel_follows(page, *_of_the_chapter(), keys=NEXT_STAR_IN_JUPYTERLAB)
    browsing.shut_kernels(page)


def assert_moved_sliders_draw_again(page) -> bool:
    """Click each slider's line at the end that is further from its handle; whether there is any."""
    lines = page.locator(".jp-OutputArea .widget-slider .noUi-base")
    for line in lines.all():
        for _ in range(6):  # JupyterLab learns how high a cell is when it comes into view
            line.evaluate("one => one.scrollIntoView({ block: 'center' })")
            page.wait_for_timeout(300)
        box, handle = line.bounding_box(), line.locator(".noUi-handle").bounding_box()
        is_right = handle["x"] + handle["width"] / 2 > box["x"] + box["width"] / 2
        picture = line.locator("xpath=ancestor::*[contains(@class, 'widget-vbox')][1]//img")
        before = picture.get_attribute("src")
        line.click(position={"x": box["width"] * (0.02 if is_right else 0.98), "y": 2})
        expect(picture).not_to_have_attribute("src", before)
    return lines.count() > 0


def test_a_link_of_a_chapter_opens_the_questions_and_make_lab_has_them_in_its_root(address, page):
    page.goto(address("01_loading.ipynb"))
    page.get_by_role("link", name="ten questions").click()
    expect(page.get_by_role("tab", name="questions.md")).to_be_visible()
    dry = subprocess.run(
        ["make", "-n", "lab"], cwd=run.ROOT, capture_output=True, text=True, check=True
    )
    assert f'--ServerApp.root_dir="{run.ROOT}" notebooks/00_first_look.ipynb' in dry.stdout


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """(address, model) of the panel alone."""
    home = tmp_path_factory.mktemp("app")
    model = panel.default_model()
    with browsing.panel_app(model.save(home / "model.npz"), home) as (address, _):
        yield address, model


def test_the_app_shows_the_panel_alone_and_it_follows(page, app):
    address, model = app
    page.goto(address)
    page.locator(".cflib-panel .card").first.wait_for()
    assert page.title() == "Your recommendations"
    # Voilà is built with an older JupyterLab than its widgets, and says so where nobody looks.
    page.said = [line for line in page.said if "of shared " not in line]
    assert_nothing_bad(page)
    assert page.get_by_text("import").count() == 0  # no code
    assert_the_panel_follows(page, model, {}, 20, keys=["ArrowRight"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_the_app_is_accessible_and_fits(width, scheme, app, chromium):
    if browsing.axe() is None:
        pytest.skip("axe is not installed: pip install -r requirements-browser.txt")
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, device_scale_factor=1
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(app[0])
    page.locator(".cflib-panel .card").first.wait_for()
    page.locator(".find .row").first.get_by_role("radio").nth(8).check(force=True)
    expect(page.locator(".mine")).to_contain_text("Your ratings (1)")
    page.locator(".card").nth(1).get_by_role("button", name="Why?").click()
    page.locator(".card").nth(1).locator("table").wait_for()
    page.locator(".card").nth(2).get_by_role("button", name="Rate it").click()
    page.wait_for_timeout(2000)  # what has just changed is marked for a moment
    assert page.evaluate("document.documentElement.scrollWidth") == width
    dark = page.evaluate("getComputedStyle(document.querySelector('.part')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", dark)[:3])) < 380) == (scheme == "dark")
    assert len(page.evaluate(BEHIND)) == 1  # beside, above and below the panel as well
    page.evaluate(browsing.axe())
    assert violations(page) == {}
    page.evaluate("document.querySelector('.card .name').style.color = 'gray'")
    page.evaluate("document.querySelector('.card .name').style.backgroundColor = 'silver'")
    page.evaluate("document.querySelector('.chart').removeAttribute('aria-label')")
    assert {"color-contrast", "role-img-alt"} <= set(
        violations(page)
    )  # it looks, and it would say so
    context.close()


def violations(page):
    """What axe-core finds: rule to the elements that break it."""
    answer = page.evaluate("axe.run()")
    assert len(answer["passes"]) > 20
    return {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in answer["violations"]}


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


def assert_the_panel_follows(page, model, ratings: dict, min_ratings: int, keys: list[str]):
    """By keyboard: a movie is found, rated and removed, and the list is what it should be."""
    shown = page.locator(".cflib-panel")

    def expect_the_list_for(ratings):
        table = people.recommend_new(model, ratings, 8, min_ratings=min_ratings)
        names = shown.locator(".card .info .name")
        expected = [panel._named(title)[0] for title in table["title"]]
        expect(names).to_have_text([re.compile("^" + re.escape(name)) for name in expected])
        return expected

    before = expect_the_list_for(ratings)
    search = shown.get_by_label("Search")
    search.fill("qqqqqq")
    expect(shown.locator(".find")).to_contain_text("No title is like")
    search.fill("blade runner 1982")
    row = shown.locator(".find .row").first
    expect(row.locator(".name")).to_have_text("Blade Runner")
    row.get_by_role("radio", name="4.5 of 5: Blade Runner").focus()
    for key in keys:
        page.keyboard.press(key)
    expect(shown.locator(".mine .name")).to_contain_text(["Blade Runner"])
    assert expect_the_list_for(ratings | {541: 5.0}) != before
    expect(shown.get_by_role("status")).to_contain_text("Blade Runner is rated")
    row.get_by_role("button", name="Remove").focus()
    page.keyboard.press("Enter")
    expect_the_list_for(ratings)
    shown.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect_the_list_for(ratings | {541: 5.0})
    row.get_by_role("button", name="Remove").click()
    expect_the_list_for(ratings)
