"""The README is true: its links lead somewhere, its pictures and numbers are the chapters' own."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_chapter_is_in_the_table_and_every_local_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    # an anchor in this page is looked up by test_prose.py
    missing = [k for k in links if not (ROOT / k.partition("#")[0]).exists()]
    assert not missing
    chapters = {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert chapters and chapters <= set(links)


def test_the_pictures_are_the_chapters_own():
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    pictures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pictures)
    for name, (chapter, number) in pictures.PICTURES.items():
        assert (ROOT / "docs" / name).read_bytes() == pictures.picture(chapter, number), (
            f"docs/{name} is not the picture in {chapter}: run `python docs/pictures.py`"
        )


def test_the_errors_of_newcomers_are_the_chapters_own():
    """README's table against the table that chapter 05 has stored."""
    notebook = nbformat.read(ROOT / "notebooks" / "05_inspection.ipynb", as_version=4)
    (stored,) = [
        output["data"]["text/html"]
        for cell in notebook.cells
        if "cold_start.curve(" in cell.source
        for output in cell.outputs
    ]
    table = BeautifulSoup(stored, "html.parser")
    methods = [head.text for head in table.select("thead tr:first-of-type th")][1:]
    curve = {
        row.find("th").text: dict(
            zip(methods, [cell.text for cell in row.find_all("td")], strict=True)
        )
        for row in table.select("tbody tr")
    }
    rows = re.findall(r"^\| (\d+) ratings? \|(.*)\|$", README, re.MULTILINE)
    assert [int(n) for n, _ in rows] == [1, 5, 10, 20]
    for n, cells in rows:
        of_readme = ("cold start", "fold-in", "retraining")
        for stated, method in zip(cells.split("|"), of_readme, strict=True):
            assert stated.strip() == curve[n][method].replace(" to ", "–")


@pytest.mark.parametrize("target", re.findall(r"make (\w+)", README))
def test_every_make_target_in_the_readme_exists(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
