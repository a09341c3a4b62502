"""Every kind of file that people have, through `cflib fit` and `recommend`.

Each test writes a small file that looks like a real one, and names what the command should say.
"""

import gzip
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from click.testing import CliRunner

from cflib import load_model
from cflib.cli import cli
from tests.bookshop import books, invoke

QUICK = ["--quick", "--model", "implicit"]


@pytest.fixture(scope="module")
def frame():
    """Ratings of books from 1 to 10, by people who love one shelf each."""
    return books(120, 60, 2_400)


def fitted(path, *options):
    """What `fit` prints for a file, quickly, and the model that it wrote."""
    out = path.with_name("model.npz")
    printed, notes = invoke("fit", path, *QUICK, *options, "--out", out)
    return printed + notes, load_model(out)


def loved(model, shelf):
    """The share of a shelf in the lists of those who love it."""
    user = next(i for i in model.user_ids if str(i).startswith(shelf))
    scores = model.score_user(int(np.flatnonzero(model.user_ids == user)[0]))
    best = model.movie_ids[np.argsort(-scores)[:10]]
    return np.mean([str(i).startswith(shelf) for i in best])


# What values mean -------------------------------------------------------------------------------


def test_a_file_without_ratings_holds_likes(tmp_path, frame):
    path = tmp_path / "purchases.csv"
    frame.loc[frame["stars"] > 6, ["reader", "isbn"]].to_csv(path, index=False)
    printed, model = fitted(path, "--user", "reader", "--item", "isbn")
    assert "like" in printed and model.kind == "likes" and model.predictor is None
    assert loved(model, "crime") > 0.8
    best = json.loads(
        invoke(
            "recommend",
            path.with_name("model.npz"),
            "--user",
            "crime lover 001",
            "--format",
            "json",
        )[0]
    )
    assert list(best[0]) == ["rank", "isbn", "score", "n_ratings"]
    (tmp_path / "mine.csv").write_text("isbn\ngarden-002\ngarden-005\n")
    best = invoke("recommend", path.with_name("model.npz"), "--ratings", tmp_path / "mine.csv")[0]
    assert best.count("garden") > 7


def test_ratings_that_are_all_equal_are_likes(tmp_path, frame):
    path = tmp_path / "stars.csv"
    frame[frame["stars"] > 6].assign(stars=5).to_csv(path, index=False)
    printed, model = fitted(path, "--user", "reader", "--item", "isbn", "--rating", "stars")
    assert model.kind == "likes" and "like" in printed


def test_plays_are_counts_and_can_be_overruled(tmp_path, frame):
    path = tmp_path / "plays.csv"
    rng = np.random.default_rng(0)
    plays = 1 + rng.geometric(0.5 / np.exp(frame["stars"] / 2.5), len(frame))
    frame.assign(plays=plays)[["reader", "isbn", "plays"]].to_csv(path, index=False)
    names = ["--user", "reader", "--item", "isbn", "--rating", "plays"]
    printed, model = fitted(path, *names)
    assert "count" in printed and "--kind ratings" in printed and model.kind == "counts"
    _, model = fitted(path, *names, "--kind", "ratings")
    assert model.kind == "ratings"


@pytest.mark.parametrize(
    ("up", "down"), [("1", "0"), ("True", "False"), ("up", "down"), ("like", "dislike")]
)
def test_thumbs_are_likes_and_dislikes(tmp_path, frame, up, down):
    path = tmp_path / "thumbs.csv"
    thumb = np.where(frame["stars"] > 6, up, down)
    frame.assign(thumb=thumb)[["reader", "isbn", "thumb"]].to_csv(path, index=False)
    names = ["--user", "reader", "--item", "isbn", "--rating", "thumb"]
    printed, model = fitted(path, *names)
    assert "dislike" in printed and model.kind == "thumbs"
    assert loved(model, "crime") > 0.8


def test_99_for_not_rated_is_named_with_what_to_type(tmp_path, frame):
    path = tmp_path / "jester.csv"
    rng = np.random.default_rng(0)
    value = np.round(rng.uniform(-10, 10, len(frame)), 2)
    value[rng.random(len(frame)) < 0.4] = 99
    frame.assign(stars=value).to_csv(path, index=False)
    names = ["--user", "reader", "--item", "isbn", "--rating", "stars"]
    printed, _ = fitted(path, *names)
    assert "--missing 99" in printed
    printed, model = fitted(path, *names, "--missing", "99")
    assert "--missing 99" not in printed
    assert len(model.load_ratings(path.with_name("model.npz"))) == (value != 99).sum()


def test_a_wide_matrix_is_recognised(tmp_path, frame):
    path = tmp_path / "matrix.csv"
    frame.pivot(index="reader", columns="isbn", values="stars").to_csv(path)
    done = CliRunner().invoke(cli, ["fit", str(path), "--out", str(tmp_path / "model.npz")])
    assert done.exit_code == 0 or "--wide" in done.output
    _, model = fitted(path, "--wide")
    ratings = model.load_ratings(tmp_path / "model.npz")
    read = ratings.frame().rename(columns={"userId": "reader", "movieId": "isbn"})
    both = read.merge(frame, on=["reader", "isbn"])
    assert len(read) == len(both) == len(frame) and (both["rating"] == both["stars"]).all()


# How files are written --------------------------------------------------------------------------


def _write(frame, path):
    """The frame in the form that the file's name says."""
    text = frame.to_csv(index=False)
    name = path.name
    if name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("books.csv", text)
    elif name.endswith(".jsonl"):
        frame.to_json(path, orient="records", lines=True)
    elif name.endswith(".json"):
        frame.to_json(path, orient="records")
    else:
        pyarrow.feather.write_feather(pa.Table.from_pandas(frame), path)


@pytest.mark.parametrize("name", ["b.csv.gz", "b.zip", "b.jsonl", "b.json", "b.arrow"])
def test_files_of_many_forms_are_read(tmp_path, frame, name):
    path = tmp_path / name
    _write(frame, path)
    _, model = fitted(path, "--user", "reader", "--item", "isbn", "--rating", "stars")
    assert len(model.load_ratings(tmp_path / "model.npz")) == len(frame)


def test_standard_input_is_a_dash(tmp_path, frame):
    out = tmp_path / "model.npz"
    names = ["--user", "reader", "--item", "isbn", "--rating", "stars"]
    arguments = ["fit", "-", *names, *QUICK, "--out", str(out)]
    done = CliRunner().invoke(cli, arguments, input=frame.to_csv(index=False))
    assert done.exit_code == 0, done.output
    assert len(load_model(out).load_ratings(out)) == len(frame)
    assert "standard input" in invoke("info", out)[0]


@pytest.mark.parametrize(
    ("encoding", "separator", "decimal"),
    [("utf-8", ";", ","), ("utf-16", ",", "."), ("latin-1", ";", ".")],
)
def test_commas_semicolons_and_encodings_are_named_and_read(
    tmp_path, frame, encoding, separator, decimal
):
    path = tmp_path / "bücher.csv"
    frame = frame.assign(stars=frame["stars"] / 2, reader="é" + frame["reader"])
    text = frame.to_csv(index=False, sep=separator, decimal=decimal)
    path.write_bytes(text.encode(encoding))
    names = ["--user", "reader", "--item", "isbn", "--rating", "stars"]
    options = ["--separator", separator, "--decimal", decimal, "--encoding", encoding]
    needed = [
        flag
        for flag, value, usual in (
            ("--separator", separator, ","),
            ("--decimal", decimal, "."),
            ("--encoding", encoding, "utf-8"),
        )
        if value != usual
    ]
    out = str(tmp_path / "model.npz")
    done = CliRunner().invoke(cli, ["fit", str(path), *names, *QUICK, "--out", out])
    if done.exit_code:  # the error names an option to type
        assert any(flag in done.output for flag in needed)
    _, model = fitted(path, *names, *options)
    ratings = model.load_ratings(tmp_path / "model.npz")
    assert len(ratings) == len(frame) and ratings.value.max() == frame["stars"].max()
    assert str(model.user_ids[0]).startswith("é")


def test_a_file_without_a_header_is_read(tmp_path, frame):
    path = tmp_path / "plain.csv"
    frame[["reader", "isbn", "stars"]].to_csv(path, index=False, header=False)
    _, model = fitted(path, "--no-header")
    assert len(model.load_ratings(tmp_path / "model.npz")) == len(frame)


# Names of columns -------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["user,item,rating", "uid,iid,stars", "user_id,book_id,score"])
def test_common_names_of_columns_are_guessed_and_said(tmp_path, frame, header):
    path = tmp_path / "books.csv"
    names = header.split(",")
    frame[["reader", "isbn", "stars"]].to_csv(path, index=False, header=names)
    printed, model = fitted(path)
    assert all(repr(name) in printed for name in names)
    assert len(model.load_ratings(tmp_path / "model.npz")) == len(frame)


def test_of_a_misspelt_column_the_nearest_is_named(tmp_path, frame):
    path = tmp_path / "books.csv"
    frame.to_csv(path, index=False)
    arguments = ["fit", path, "--user", "readr", "--item", "isbn", "--rating", "stars"]
    error = invoke(*arguments, "--out", tmp_path / "model.npz", ok=False)[1]
    assert "'readr'" in error and "'reader'" in error and not (tmp_path / "model.npz").exists()


# What is known of items and users ----------------------------------------------------------------


def test_features_of_items_and_users_are_read_and_said(tmp_path, frame):
    path = tmp_path / "books.csv"
    frame.to_csv(path, index=False)
    isbn, readers = frame["isbn"].unique(), frame["reader"].unique()
    pd.DataFrame(
        {
            "isbn": isbn,
            "title": [f"The {i} book" for i in isbn],
            "genres": [f"{i.split('-')[0]}|paper" for i in isbn],
            "year": 1990 + np.arange(len(isbn)) % 30,
            "price": np.arange(len(isbn)) / 4,
        }
    ).to_csv(tmp_path / "items.csv", index=False)
    pd.DataFrame({"reader": readers, "town": [r.split()[0] for r in readers]}).to_csv(
        tmp_path / "users.csv", index=False
    )
    names = ["--user", "reader", "--item", "isbn", "--rating", "stars"]
    files = ["--items", tmp_path / "items.csv", "--users", tmp_path / "users.csv"]
    printed, model = fitted(path, *names, *files)
    assert "items.csv: " in printed and "users.csv: " in printed and "features" in printed
    assert model.movies["title"].iloc[0].startswith("The ")
    table = invoke("recommend", tmp_path / "model.npz", "--user", "crime lover 001")[0]
    assert "The crime-" in table


def test_recommendations_are_read_back_as_they_were_written(tmp_path, frame):
    path = tmp_path / "books.csv"
    frame.to_csv(path, index=False)
    fitted(path, "--user", "reader", "--item", "isbn", "--rating", "stars")
    arguments = "recommend", tmp_path / "model.npz", "--user", "crime lover 001", "--format"
    as_csv = pd.read_csv(io.StringIO(invoke(*arguments, "csv")[0]))
    assert as_csv.to_dict("records") == json.loads(invoke(*arguments, "json")[0])
