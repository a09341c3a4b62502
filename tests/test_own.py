"""Ratings of another kind (books, text ids, 1 to 10, no times), from a file to recommendations."""

import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import papermill
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner

from cflib import data, own, runs, split
from cflib.cli import cli
from cflib.model import FactorModel

SHELVES = ("poetry", "crime", "garden")
COLUMNS = ["--user", "reader", "--item", "isbn", "--rating", "stars"]


def books(n_readers=600, n_books=300, n_ratings=30_000, seed=0) -> pd.DataFrame:
    """Every reader loves one shelf of three and is bored by the others; ids say which is which."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_readers * n_books, n_ratings, replace=False)
    reader, book = np.divmod(pairs, n_books)
    loved = reader % 3 == book % 3
    stars = np.clip(np.round(rng.normal(np.where(loved, 8, 4), 1)), 1, 10).astype(int)
    return pd.DataFrame(
        {
            "isbn": [f"{SHELVES[i % 3]}-{i:03}" for i in book],
            "stars": stars,
            "reader": [f"{SHELVES[j % 3]} lover {j:03}" for j in reader],
        }
    )


def read(frame) -> data.Ratings:
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "books.csv", index=False)
        return data.read(Path(folder) / "books.csv", user="reader", item="isbn", rating="stars")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with books.csv, and in model.npz what the shell's `fit` made of it; its output."""
    folder = tmp_path_factory.mktemp("shop")
    books().to_csv(folder / "books.csv", index=False)
    said = shell(folder, "fit", "books.csv", *COLUMNS, "--out", "model.npz")
    return folder, said


def shell(folder, *arguments) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cflib", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_fit_says_what_it_read_how_good_it_is_and_nothing_of_films(shop):
    _, said = shop
    assert "books: 30,000 ratings from 1 to 10; isbn: 300; reader: 600" in said
    means, factors = (float(re.search(f"{name} +([0-9.]+)", said)[1]) for name in own.JUDGED)
    assert factors < 1.25 and means > 2  # the noise planted is 1, and a little from rounding
    assert "film" not in said.lower() and "movie" not in said.lower()


def test_recommend_finds_the_shelf_that_a_reader_loves_and_only_unread_books(shop):
    folder, _ = shop
    said = shell(
        folder, "recommend", "model.npz", "--user", "crime lover 001", "-n", "20", "--format", "csv"
    )
    found = pd.read_csv(io.StringIO(said))
    assert found.columns.tolist() == ["rank", "isbn", "prediction", "n_ratings"]
    assert len(found) == 20 and found["isbn"].str.startswith("crime").all()
    frame = books()
    assert not set(found["isbn"]) & set(frame["isbn"][frame["reader"] == "crime lover 001"])


def test_somebody_new_is_recommended_the_shelf_that_they_rated_well_in_each_format(shop):
    folder, _ = shop
    (folder / "mine.csv").write_text(
        "isbn,stars\ngarden-002,10\ngarden-005,9\ngarden-008,9\npoetry-000,2\ncrime-001,3\n"
    )
    arguments = ["recommend", "model.npz", "--ratings", "mine.csv", "-n", "10", "--format"]
    rows = json.loads(shell(folder, *arguments, "json"))
    assert len(rows) == 10 and all(row["isbn"].startswith("garden") for row in rows)
    assert not {row["isbn"] for row in rows} & {"garden-002", "garden-005", "garden-008"}
    as_csv = pd.read_csv(io.StringIO(shell(folder, *arguments, "csv")))
    assert as_csv.to_dict("records") == rows
    table = shell(folder, *arguments, "table").splitlines()
    assert [line.split()[1] for line in table[1:]] == [row["isbn"] for row in rows]


def run(*arguments):
    """The same command in this process: (exit code, stdout, stderr)."""
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], "the file is empty: it has no header line and no ratings"),
        ("reader,isbn,stars\n", [], "the file is empty: it has no ratings"),
        ("person,isbn,stars\na,b,3\n", [], "there is no column 'reader'. Its columns: 'person'"),
        ("reader,isbn,stars\na,b,3\na,c,x\n", [], "line 3, column 'stars': a rating should be"),
        ("reader,isbn,stars\na,b,3\na,c,11\n", ["--scale", "1", "10"],
         "line 3, column 'stars': a rating should lie between 1 and 10. Received: '11'. Correct"),
        ("reader,isbn,stars\na,b,3\na,b,4\n", [], "pass `on_duplicate='last'` or 'mean'"),
        ("reader,isbn,stars\n" + "".join(f"ann,b{i},{i % 5}\n" for i in range(30)), [],
         "all ratings are by one reader, ann, and taste is learned by comparing. Add the ratings"),
        ("reader,isbn,stars\n" + "".join(f"r{i},b,{i % 5}\n" for i in range(30)), [],
         "all ratings are of one isbn, b, so there is nothing to choose from"),
        ("reader,isbn,stars\n" + "".join(f"r{i},b{i % 3},5\n" for i in range(30)), [],
         "every rating is 5, so there is nothing to learn. Is 'stars' the right column?"),
        ("reader,isbn,stars\na,x,1\nb,x,2\nb,y,3\n", [], "at least 20 ratings"),
    ],
)  # fmt: skip
def test_a_file_that_nothing_can_be_learned_from_is_refused_and_leaves_no_model(
    tmp_path, text, options, message
):
    (tmp_path / "books.csv").write_text(text)
    out = tmp_path / "model.npz"
    code, _, error = run("fit", tmp_path / "books.csv", *COLUMNS, *options, "--out", out)
    assert code == 1 and error.startswith("Error: ") and message in error
    assert [path.name for path in tmp_path.iterdir()] == ["books.csv"]


def test_a_file_that_is_not_there_is_refused(tmp_path):
    code, _, error = run("fit", tmp_path / "none.csv", "--out", tmp_path / "model.npz")
    assert code == 1 and "none.csv: there is no such file" in error
    code, _, error = run("recommend", tmp_path / "none.npz", "--user", 1)
    assert code == 1 and "none.npz" in error


def test_an_unknown_reader_is_answered_with_the_nearest_ids(shop):
    code, said, error = run("recommend", shop[0] / "model.npz", "--user", "crime lover 01")
    assert (code, said) == (1, "")
    assert "no reader with id 'crime lover 01'" in error and "crime lover 010" in error


def test_it_has_to_be_said_for_whom(shop):
    for options in ([], ["--user", "x", "--ratings", "y"]):
        code, _, error = run("recommend", shop[0] / "model.npz", *options)
        assert code == 2 and "either --user ID or --ratings FILE" in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("isbn,stars\nx,3\ny,4\n", "the model knows none of these isbn: x, y. Those that it knows"),
        ("isbn,stars\ncrime-001,0\n", "should lie between 1 and 10. Received: '0'"),
        ("isbn\ncrime-001\n", "there is no column 'stars'"),
        ("isbn,stars\n", "the file is empty"),
        ("isbn,stars\ncrime-001,3\ncrime-001,4\n", "line 3: isbn crime-001 was rated before"),
        ("reader,isbn,stars\nann,crime-001,3\nbob,crime-004,4\n", "should be one person's"),
    ],
)
def test_a_newcomers_file_that_says_nothing_is_refused(shop, tmp_path, text, message):
    (tmp_path / "mine.csv").write_text(text)
    code, said, error = run("recommend", shop[0] / "model.npz", "--ratings", tmp_path / "mine.csv")
    assert (code, said) == (1, "") and message in error


def test_books_that_the_model_does_not_know_are_left_out_and_named(shop, tmp_path):
    (tmp_path / "mine.csv").write_text("isbn,stars\ncrime-001,9\nsailing-7,9\n")
    code, said, error = run("recommend", shop[0] / "model.npz", "--ratings", tmp_path / "mine.csv")
    assert code == 0 and "sailing-7" in error and "crime" in said


def test_lam_is_twice_as_large_on_a_scale_twice_as_wide():
    frame = books(200, 90, 6_000)
    ratings = read(frame)
    doubled = read(frame.assign(stars=2 * frame["stars"]))
    once, twice = own.choose_lam(ratings)["rmse"], own.choose_lam(doubled)["rmse"]
    np.testing.assert_allclose(twice.index, 2 * once.index, rtol=1e-6)
    np.testing.assert_allclose(twice, 2 * once, rtol=0.01)
    assert twice.idxmin() == pytest.approx(2 * once.idxmin())


def test_the_ratings_to_judge_on_took_no_part_in_choosing_lam():
    ratings = read(books(200, 90, 6_000))
    fitted = own.fit(ratings, data.Columns("reader", "isbn", "stars", None))
    part = split.holdout(ratings, own.TEST_FRACTION, 0)
    pd.testing.assert_frame_equal(fitted.choice, own.choose_lam(part.train))
    assert fitted.n_tested == len(part.test)
    assert fitted.model.settings["lam"] == fitted.choice["rmse"].idxmin()
    assert fitted.model.data_fingerprint == ratings.fingerprint  # trained on all in the end


def test_whole_numbers_as_ids_are_found_by_the_text_of_the_command_line(tmp_path):
    frame = books(100, 60, 2_000)
    codes = frame.assign(
        reader=frame["reader"].str[-3:].astype(int), isbn=frame["isbn"].str[-3:].astype(int)
    )
    codes.to_csv(tmp_path / "books.tsv", sep="\t", index=False)
    out = tmp_path / "model.npz"
    assert run("fit", tmp_path / "books.tsv", *COLUMNS, "--out", out)[0] == 0
    code, said, _ = run("recommend", out, "--user", "17", "--format", "json")
    assert code == 0
    assert not {row["isbn"] for row in json.loads(said)} & set(codes["isbn"][codes["reader"] == 17])
    code, _, error = run("recommend", out, "--user", "anna")
    assert code == 1 and "ids are whole numbers here, from 0 to 99" in error


def test_a_model_without_its_ratings_recommends_to_somebody_new_only(shop, tmp_path):
    bare = FactorModel.load(shop[0] / "model.npz").save(tmp_path / "bare.npz")
    code, _, error = run("recommend", bare, "--user", "crime lover 001")
    assert code == 1 and "train it by `python -m cflib fit`" in error
    (tmp_path / "mine.csv").write_text("isbn,stars\ncrime-001,9\n")
    assert run("recommend", bare, "--ratings", tmp_path / "mine.csv")[0] == 0


def test_titles_are_shown_where_a_table_has_them(tmp_path):
    frame = books(100, 60, 2_000)
    frame.to_parquet(tmp_path / "books.parquet")
    ids = frame["isbn"].unique()
    titles = pd.DataFrame({"isbn": ids, "title": [f"The {i} book" for i in ids]})
    titles.iloc[1:].to_csv(tmp_path / "titles.csv", index=False)
    out, files = tmp_path / "model.npz", [tmp_path / "books.parquet", "--titles"]
    code, _, note = run("fit", *files, tmp_path / "titles.csv", *COLUMNS, "--out", out)
    assert code == 0 and "Note: " in note and "1 of 60 rated 'isbn' are missing" in note
    assert "The " in run("recommend", out, "--user", "crime lover 001")[1]


def test_chapter_09_goes_from_the_file_to_recommendations_and_says_nothing_of_films(shop):
    folder, _ = shop
    (folder / "mine.csv").write_text("isbn,stars\ngarden-002,10\ncrime-001,2\npoetry-000,1\n")
    done = papermill.execute_notebook(
        runs.NOTEBOOKS / "09_your_own_ratings.ipynb",
        folder / "09.ipynb",
        {
            "ratings_path": str(folder / "books.csv"), "user_column": "reader",
            "item_column": "isbn", "rating_column": "stars", "user": "crime lover 001",
            "newcomer_path": str(folder / "mine.csv"), "model_path": str(folder / "09.npz"),
        },
        progress_bar=False,
        extra_arguments=runs.KERNEL_ARGUMENTS,
    )  # fmt: skip
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    pages = [
        output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})
    ]
    said = "".join([output.text for output in outputs if output.output_type == "stream"] + pages)
    assert "film" not in said.lower() and "movie" not in said.lower()
    for_reader, for_newcomer = ([row[0] for row in rows(page)] for page in pages if "n_rat" in page)
    assert len(for_reader) == 10 and all(isbn.startswith("crime") for isbn in for_reader)
    assert len(for_newcomer) == 10 and all(isbn.startswith("garden") for isbn in for_newcomer)
    again = shell(folder, "recommend", "09.npz", "--ratings", "mine.csv", "--format", "json")
    assert [row["isbn"] for row in json.loads(again)] == for_newcomer


def rows(page: str) -> list[list[str]]:
    """The cells of an HTML table, without its index."""
    found = BeautifulSoup(page, "html.parser").select("tbody tr")
    return [[cell.get_text() for cell in row.find_all("td")] for row in found]
