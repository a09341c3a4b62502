"""Payloads in data, parameters, records and titles, through every page, in a real browser."""

import dataclasses
import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cflib import fit_als, load
from course import page, site, sweep
from course.chapter import record

from . import browsing
from .test_sweep import finished

if reason := browsing.why_not():
    pytest.skip(reason, allow_module_level=True)

RAN = "window.ran=(window.ran||0)+1"
PAYLOADS = [
    f"<img src=x onerror={RAN}>",
    f"<script>{RAN}</script>",
    f"<svg onload={RAN}><a xlink:href='javascript:{RAN}'>a</a></svg>",
    f"<iframe srcdoc='<script>parent.{RAN}</script>'></iframe>",
    f"<details open ontoggle={RAN}><summary>s</summary></details>",
    f"<a href='javascript:{RAN}'>click</a>",
    f"<a href=' java&#9;script:{RAN}'>click</a>",
    f"[click](javascript:{RAN})",
    f"<!--><img src=x onerror={RAN}>-->",
    f"</pre></td></title></style><img src=x onerror={RAN}>",
    f'"><img src=x onerror={RAN}>',
]

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def chromium():
    with browsing.browser() as opened:
        yield opened


def what_ran(chromium, path: Path) -> int:
    """How many payloads ran when the page was opened and each of its links clicked."""
    tab = chromium.new_page()
    try:
        tab.goto(path.as_uri())
        assert tab.locator("h1").count()
        tab.evaluate("document.querySelectorAll('main a').forEach(a => "
                     "(a.getAttribute('href') || '').includes('script') && a.click())")  # fmt: skip
        tab.wait_for_timeout(500)
        return tab.evaluate("window.ran || 0")
    finally:
        tab.close()


def notebook(path: Path) -> Path:
    """A chapter with the payloads in its title, its text, its parameters and its outputs."""
    cells = [new_markdown_cell(f"# Title {PAYLOADS[0]}")]
    for payload in PAYLOADS:
        cells.append(new_markdown_cell(f"## A heading {payload}\n\ntext {payload}"))
        data = [
            {"text/plain": payload, "text/html": f"<p>{payload}</p>"},
            {"text/plain": payload, "text/markdown": payload},
            {"text/plain": payload, "image/svg+xml": f"<svg xmlns='s'>{payload}</svg>"},
            {"text/plain": payload, "application/javascript": RAN},
            {
                "text/plain": payload,
                "image/png": PNG,
            },
        ]
        outputs = [new_output("display_data", data=one) for one in data]
        outputs[-1].metadata = {"image/png": {"alt": payload}}
        outputs.append(new_output("stream", name="stdout", text=payload))
        cells.append(new_code_cell(f"title = {payload!r}", outputs=outputs, execution_count=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_the_page_of_a_run_runs_nothing(chromium, tmp_path):
    page.write(tmp_path / "index.html", [notebook(tmp_path / "01_first.ipynb")])
    assert what_ran(chromium, tmp_path / "index.html") == 0


def test_a_chapter_of_the_site_runs_nothing(chromium, tmp_path):
    """Its page alone, since a site with such pages would be refused for its dead links."""
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    text = "\n\n".join(PAYLOADS)
    (root / "README.md").write_text(f"# Home {PAYLOADS[0]}\n\n{text}\n", encoding="utf-8")
    notebook(root / "notebooks" / "01_first.ipynb")
    groups = site.contents(root)
    pages = [page for group in groups for page in group.pages]
    site._write(tmp_path / "site", groups, pages)
    for one in pages:
        assert what_ran(chromium, tmp_path / "site" / one.target) == 0, one.source


def test_the_page_of_a_sweep_runs_nothing(chromium, tmp_path):
    values = {payload: [0.5 + n / 10] for n, payload in enumerate(PAYLOADS)}
    folder = finished(tmp_path / "sweep", dict(enumerate(values.values())), chapter=PAYLOADS[10])
    for n, path in enumerate(sorted(folder.glob("*/run.json"))):
        for payload in PAYLOADS:
            record(path.parent, payload, payload)
        written = json.loads(path.read_text(encoding="utf-8"))
        recorded = json.loads((path.parent / "metrics.json").read_text(encoding="utf-8"))
        written["parameters"]["word"] = PAYLOADS[n]
        written["recorded"] |= recorded | {f"number{PAYLOADS[0]}": 1.5}
        written["error"] = PAYLOADS[n]
        path.write_text(json.dumps(written), encoding="utf-8")
    about = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    about |= {"sweep": PAYLOADS[0], "varied": ["size", "word"]}
    (folder / "sweep.json").write_text(json.dumps(about), encoding="utf-8")
    sweep.report.write(folder)
    assert what_ran(chromium, folder / "sweep.html") == 0
    bare = folder / "without_policy.html"  # what is escaped does not depend on the page's policy
    html = (folder / "sweep.html").read_text(encoding="utf-8")
    bare.write_text(html.replace("Content-Security-Policy", "none"), encoding="utf-8")
    assert what_ran(chromium, bare) == 0


def test_the_panel_runs_nothing(chromium, tmp_path):
    """Titles and genres of a model, in cards, reasons, suggestions, search and map."""
    ratings = load("movielens_2016")
    texts = [f"{PAYLOADS[i % len(PAYLOADS)]} {i}" for i in range(ratings.n_movies)]
    movies = ratings.movies.assign(title=texts, genres=texts)
    model = fit_als(dataclasses.replace(ratings, movies=movies), n_features=2, iterations=1)
    saved = model.save(tmp_path / "model.npz")
    with browsing.panel_app(saved, tmp_path / "home") as (address, _):
        tab = chromium.new_page()
        tab.set_default_timeout(120_000)
        tab.goto(address)
        tab.locator(".cflib-panel .card").first.wait_for()
        tab.locator(".find .row").first.get_by_role("radio").nth(8).check(force=True)
        tab.get_by_text("Your ratings (1)").wait_for()
        tab.locator(".card").nth(1).get_by_role("button", name="Why?").click()
        tab.locator(".card").nth(1).locator("table").wait_for()
        tab.get_by_role("textbox").first.fill("onerror")
        tab.locator(".find").get_by_text("onerror").first.wait_for()
        tab.locator(".chart").wait_for()
        assert "<img" in tab.locator(".cflib-panel").inner_text()  # the payloads are there, as text
        assert tab.evaluate("window.ran || 0") == 0
        tab.close()


def test_this_browser_runs_the_payloads_where_nothing_is_escaped(chromium, tmp_path):
    """Otherwise the tests above would prove nothing."""
    html = "<h1>x</h1><main>" + "".join(PAYLOADS) + "</main>"
    (tmp_path / "open.html").write_text(f"<!DOCTYPE html>{html}", encoding="utf-8")
    assert what_ran(chromium, tmp_path / "open.html") >= 3
