"""Take the screenshots in docs/screenshots, 1280 pixels wide: `make screenshots`.

Each committed chapter is shown in JupyterLab, at its first picture. The panel is shown alone, as
`make app` serves it, with a few movies rated and the reasons of one recommendation.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from course import panel
from tests.course import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parent / "screenshots"
RATED = {"Blade Runner": 5, "Pulp Fiction": 4.5, "Titanic": 1}
WHOLE_PANEL = 2160  # pixels
FIRST_PICTURE = ".jp-Notebook .jp-OutputArea-output img"


def of_chapters(page: Page, home: Path) -> None:
    """Take a screenshot of each chapter, named after it."""
    root = home / "notebooks"
    root.mkdir()
    browsing.copied_chapters(root)
    with browsing.jupyterlab(root, home / "lab") as address:
        for chapter in sorted(root.glob("[0-9]*.ipynb")):
            page.goto(address(chapter.name))
            page.locator(browsing.KERNEL_IS_IDLE).wait_for()
            picture = page.locator(FIRST_PICTURE).first
            for _ in range(3):  # a picture in view gets its full height, and moves the rest
                picture.evaluate("image => image.scrollIntoView({block: 'center'})")
                page.wait_for_timeout(500)
            page.screenshot(path=FOLDER / f"{chapter.stem}.png")
            browsing.shut_kernels(page)
            print(chapter.stem, flush=True)


def of_panel(page: Page, home: Path) -> None:
    """Take a screenshot of the whole app."""
    model = panel.default_model().save(home / "model.npz")
    with browsing.panel_app(model, home / "voila") as (address, _):
        page.goto(address)
        shown = page.locator(".cflib-panel")
        for title, rating in RATED.items():
            shown.get_by_label("Search").fill(title)
            row = shown.locator(".find .row").first
            row.locator(f".name:text-is('{title}')").wait_for()
            row.get_by_role("radio").nth(int(2 * rating) - 1).check(force=True)
            shown.locator(f".mine .name:text-is('{title}')").wait_for()
        page.set_viewport_size(browsing.SIZE | {"height": WHOLE_PANEL})
        shown.get_by_role("button", name="Why?").nth(1).click()
        shown.locator(".card table").wait_for()
        page.screenshot(path=FOLDER / "panel.png", animations="disabled")
        page.set_viewport_size(browsing.SIZE)
        print("panel", flush=True)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, browsing.browser() as chromium:
        page = chromium.new_page(viewport=browsing.SIZE)
        page.set_default_timeout(browsing.START * 1000)
        of_panel(page, Path(home))
        of_chapters(page, Path(home))
