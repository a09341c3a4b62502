"""The chapters in the reader's own place: JupyterLab, in a browser."""

import re

import nbformat
import pytest

from cflib import notebooks, runs

from . import browsing

if reason := browsing.why_not():
    pytest.skip(reason, allow_module_level=True)

CHAPTERS = sorted(path.name for path in runs.NOTEBOOKS.glob("*.ipynb"))
SHORTER = {  # what takes a minute in full, where nbval runs it so
    "00_original.ipynb": {"epochs": 40},
    "07_scale.ipynb": {"sizes": [100_000, 300_000, 1_000_000]},
}
BAD = {  # what a reader should never see
    "an error": '[data-mime-type="application/vnd.jupyter.error"]',
    "a warning": '[data-mime-type="application/vnd.jupyter.stderr"]',
    "a formula that is not set": "mjx-merror",
    "a dialog": ".jp-Dialog",
    "a notice": ".Toastify__toast",
}
KERNEL_IS_IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
LEFT_TO_RUN = """() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .filter(prompt => !/^\\[\\d+\\]:$/.test(prompt.textContent)).length"""
IS_OVER = f"""() => document.querySelector('[data-mime-type="application/vnd.jupyter.error"]')
    || ({LEFT_TO_RUN})() === 0"""
BROKEN_PICTURES = """() => [...document.querySelectorAll('.jp-Notebook img')]
    .filter(image => image.complete && !image.naturalWidth).length"""


@pytest.fixture(scope="module")
def chromium():
    with browsing.browser() as opened:
        yield opened


@pytest.fixture
def page(chromium):
    """A page that remembers, in `said`, what it complained of and what it asked of other machines."""
    context = chromium.new_context(viewport=browsing.SIZE)
    context.set_default_timeout(120_000)  # the machine may be busy
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
        chapter = notebooks.clean(nbformat.read(runs.NOTEBOOKS / name, as_version=4))
        nbformat.write(_shortened(chapter, SHORTER.get(name, {})), folder / name)
    with browsing.jupyterlab(folder, tmp_path_factory.mktemp("home")) as address:
        yield address


def _shortened(chapter, values: dict):
    """The chapter with other parameters, each still on its line."""
    (cell,) = (c for c in chapter.cells if "parameters" in c.metadata.get("tags", []))
    for name, value in values.items():
        cell.source, n = re.subn(rf"^{name} = .*$", f"{name} = {value}", cell.source, flags=re.M)
        assert n == 1, name
    return chapter


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_opens_and_runs_to_its_end_without_an_error_or_a_warning(name, address, page):
    page.goto(address(name))
    page.locator(KERNEL_IS_IDLE).wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(IS_OVER, timeout=900_000, polling=250)
    seen = {
        what: page.locator(selector).all_text_contents()
        for what, selector in BAD.items()
        if page.locator(selector).count()
    }
    assert not seen
    assert page.evaluate(LEFT_TO_RUN) == 0
    assert page.locator(".jp-Notebook .jp-OutputArea-output img").count() > 0
    assert page.evaluate(BROKEN_PICTURES) == 0
    assert not page.said
    browsing.shut_kernels(page)
