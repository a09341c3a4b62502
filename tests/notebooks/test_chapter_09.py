"""Chapter 9 works on a file of another kind than movies."""

import json
import re

import papermill
from bs4 import BeautifulSoup

from course import run
from tests.bookshop import books, shell


def test_chapter_09_goes_from_the_file_to_recommendations_and_says_nothing_about_movies(tmp_path):
    books().to_csv(tmp_path / "books.csv", index=False)
    (tmp_path / "mine.csv").write_text("isbn,stars\ngarden-002,10\ncrime-001,2\npoetry-000,1\n")
    parameters = {
        "ratings_path": str(tmp_path / "books.csv"),
        "quick": True,
        "user": "crime lover 001",
        "newcomer_path": str(tmp_path / "mine.csv"),
        "model_path": str(tmp_path / "09.npz"),
    }
    executed = papermill.execute_notebook(
        run.NOTEBOOKS / "09_your_own_ratings.ipynb",
        tmp_path / "09.ipynb",
        parameters,
        progress_bar=False,
        extra_arguments=run.KERNEL_ARGUMENTS,
    )
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    texts = [output.text for output in outputs if output.output_type == "stream"]
    pages = [
        output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})
    ]
    said = re.sub("movie_(bias|user_damped)", "", "".join(texts + pages))  # names of settings
    assert "movie" not in said.lower()
    for_reader, for_newcomer = (
        [row[0] for row in rows(page)] for page in pages if "n_ratings" in page
    )
    assert len(for_reader) == 10 and all(isbn.startswith("crime") for isbn in for_reader)
    assert len(for_newcomer) == 10 and all(isbn.startswith("garden") for isbn in for_newcomer)
    arguments = "recommend", "09.npz", "--ratings", "mine.csv", "--format", "json"
    assert [row["isbn"] for row in json.loads(shell(tmp_path, *arguments))] == for_newcomer


def rows(page: str) -> list[list[str]]:
    """The cells of an HTML table, without its index."""
    table_rows = BeautifulSoup(page, "html.parser").select("tbody tr")
    return [[cell.get_text() for cell in row.find_all("td")] for row in table_rows]
