"""`cflib evaluate`, `info` and `update`, and what `--out` may replace."""

import os
import zipfile

import numpy as np
import pandas as pd
import pytest

from cflib import evaluation, fit_als, load, load_model
from cflib.cli import cli
from cflib.split import Split, holdout
from tests.bookshop import OPTIONS, books, invoke, small_shop

CRIME = "crime lover 001"
HEADER = "reader,isbn,stars\n"


@pytest.fixture
def shop(tmp_path):
    return small_shop(tmp_path)


def lines_of(text):
    return [line.strip() for line in text.splitlines()]


# A file that is no model --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["recommend", "--user", "x"],
        ["similar", "--item", "x"],
        ["explain", "--user", "x", "--item", "y"],
        ["info"],
    ],
)
def test_what_is_no_model_is_refused_in_a_sentence(tmp_path, arguments):
    command, *options = arguments
    error = invoke(command, tmp_path / "none.npz", *options, ok=False)[1]
    assert "none.npz: there is no such file. `cflib fit FILE --out" in error
    assert "Errno" not in error
    (tmp_path / "text.npz").write_text("I am no model")
    np.savez(tmp_path / "arrays.npz", X=np.ones(3))
    np.savez(tmp_path / "objects.npz", X=np.array([{}, []], dtype=object))
    np.save(tmp_path / "array.npz", np.array([{}], dtype=object))
    for path in tmp_path.iterdir():
        error = invoke(command, path, *options, ok=False)[1]
        assert "cannot be read as a cflib model" in error and "pickle" not in error


def test_a_damaged_model_is_refused_with_its_name(shop, tmp_path):
    with zipfile.ZipFile(shop[0]) as archive, zipfile.ZipFile(tmp_path / "part.npz", "w") as part:
        part.writestr("header.npy", archive.read("header.npy"))
    error = invoke("info", tmp_path / "part.npz", ok=False)[1]
    assert "part.npz" in error and "pickle" not in error and "Traceback" not in error


def test_a_model_of_the_chapters_answers(tmp_path):
    ratings = load("movielens_2016")
    path = fit_als(ratings, n_features=2, iterations=2).save(tmp_path / "model.npz")
    for options in (["--user", 1], ["--all", "--out", tmp_path / "lists.csv"]):
        error = invoke("recommend", path, *options, ok=False)[1]
        assert "model.npz holds no ratings" in error and "--ratings FILE" in error
        assert os.listdir(tmp_path) == ["model.npz"]
    (tmp_path / "mine.csv").write_text("title,rating\nToy Story (1995),5\n")
    assert "(" in invoke("recommend", path, "--ratings", tmp_path / "mine.csv")[0]
    assert "The file does not hold these ratings" in invoke("info", path)[0]


# What is replaced -----------------------------------------------------------------------------


@pytest.mark.parametrize("features", [0, 10_000])
def test_no_features_or_more_than_anybody_waits_for_are_refused_at_once(tmp_path, features):
    books(50, 30, 500).to_csv(tmp_path / "books.csv", index=False)
    out = tmp_path / "model.npz"
    options = [*OPTIONS, "--features", features, "--out", out]
    error = invoke("fit", tmp_path / "books.csv", *options, ok=False)[1]
    assert f"{features} is not in the range 1<=x<=512" in error and not out.exists()


@pytest.mark.parametrize("link", [False, True])
def test_fit_never_replaces_what_it_reads(tmp_path, link):
    path = tmp_path / "books.csv"
    books(50, 30, 500).to_csv(path, index=False)
    before, out = path.read_bytes(), path
    if link:
        out = tmp_path / "link.npz"
        out.symlink_to(path)
    error = invoke("fit", path, *OPTIONS, "--out", out, ok=False)[1]
    assert "is the file that `fit` reads: choose another name" in error
    assert path.read_bytes() == before


def test_fit_replaces_nothing_but_a_model(tmp_path):
    path, out = tmp_path / "books.csv", tmp_path / "thesis.docx"
    books(50, 30, 500).to_csv(path, index=False)
    out.write_bytes(b"four years of work")
    error = invoke("fit", path, *OPTIONS, "--out", out, ok=False)[1]
    assert (
        "is there, and is no model: choose another name" in error
        and out.read_bytes()[:4] == b"four"
    )
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "x")
    assert "is no model" in invoke("fit", path, *OPTIONS, "--out", out, ok=False)[1]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for special in (pipe, "/dev/null"):
        error = invoke("fit", path, *OPTIONS, "--out", special, ok=False)[1]
        assert "is there, and is no file" in error
    assert "is a directory" in invoke("fit", path, *OPTIONS, "--out", tmp_path, ok=False)[1]


def test_lists_replace_nothing_but_lists(shop, tmp_path):
    path, _ = shop
    for name in ("books.csv", "other.csv", "other.parquet"):
        out = tmp_path / name
        if not out.exists():
            out.write_text("rank,who\n1,2\n")
        before = out.read_bytes()
        error = invoke("recommend", path, "--all", "--out", out, ok=False)[1]
        assert "is no file of lists that cflib wrote" in error
        assert out.read_bytes() == before
    only = tmp_path / "only.csv"
    only.write_text("rank,isbn,n_ratings\n1,crime-001,3\n")  # looks like lists, and is read
    error = invoke("recommend", path, "--all", "--only", only, "--out", only, ok=False)[1]
    assert "is the file that `recommend` reads" in error


def test_lists_that_cannot_be_made_leave_no_file(shop, tmp_path):
    before = sorted(tmp_path.iterdir())
    out = tmp_path / "lists.csv"
    invoke("recommend", shop[0], "--user", CRIME, "--user", "nobody", "--out", out, ok=False)
    assert sorted(tmp_path.iterdir()) == before


# Update -----------------------------------------------------------------------------------------


def test_update_takes_in_new_ratings_readers_and_books(shop, tmp_path):
    path, frame = shop
    unread = min(set(frame["isbn"]) - set(frame["isbn"][frame["reader"] == CRIME]))
    text = f"{CRIME},{unread},8\nann,garden-002,9\nann,sailing-1,9\nbob,sailing-1,8\n"
    (tmp_path / "new.csv").write_text(HEADER + text)
    out = tmp_path / "new.npz"
    printed, _ = invoke("update", path, tmp_path / "new.csv", "--out", out)
    assert "4 ratings taken in. isbn: 61, of which 1 new; reader: 102, of which 2 new." in printed
    model = load_model(out)
    assert len(model.load_ratings(out)) == 2_004 and "sailing-1" in model.movie_ids
    best = invoke("recommend", out, "--user", "ann", "--format", "csv", "-n", 60)[0]
    assert "garden" in best and "sailing-1" not in best and "garden-002" not in best
    best = invoke("recommend", out, "--user", CRIME, "--format", "csv", "-n", 60)[0]
    assert unread not in best
    card = invoke("info", out)[0]
    assert "updated with 4 ratings from new.csv" in card
    invoke("update", path, tmp_path / "new.csv", "--out", path)  # a model may replace itself
    assert load_model(path).n_users == 102


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "ann,garden-002,11\n", "Received: '11'"),
        ("person,book,stars\nann,garden-002,9\n", "there is no column"),
    ],
)
def test_update_refuses_what_does_not_fit_and_leaves_no_model(shop, tmp_path, text, message):
    (tmp_path / "new.csv").write_text(text)
    out = tmp_path / "new.npz"
    error = invoke("update", shop[0], tmp_path / "new.csv", "--out", out, ok=False)[1]
    assert message in error and not out.exists()


def test_update_never_replaces_what_it_reads(shop, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text(HEADER + "ann,garden-002,9\n")
    error = invoke("update", shop[0], new, "--out", new, ok=False)[1]
    assert "is the file that `update` reads" in error and new.read_text().startswith(HEADER)


# Evaluate and info ------------------------------------------------------------------------------


def test_evaluate_prints_what_the_library_measures(tmp_path):
    part = holdout(load("movielens_2016"), 0.2)
    model = fit_als(part.train, n_features=4, iterations=4)
    path = model.save(tmp_path / "model.npz", part.train)
    part.test.frame().to_csv(tmp_path / "test.csv", index=False)
    printed = lines_of(invoke("evaluate", path, tmp_path / "test.csv")[0])
    (errors,) = evaluation.evaluate({"": model}, part).to_dict("records")
    expected = f"{errors['rmse']:.4g}  ({errors['rmse_low']:.4g} to {errors['rmse_high']:.4g})"
    assert f"RMSE        {expected}" in printed
    threshold = part.train.like_threshold
    lists = evaluation.rank({"": model}, Split(part.train, part.test), 10, threshold).iloc[0]
    (ndcg,) = (line for line in printed if line.startswith("this model") and "NDCG" in line)
    assert f"{lists['ndcg']:.4g}" in ndcg
    assert any(line.startswith("most popular") for line in printed)


def test_evaluate_counts_what_it_leaves_out(shop, tmp_path):
    path, frame = shop
    seen = frame.iloc[0]
    unread = sorted(set(frame["isbn"]) - set(frame["isbn"][frame["reader"] == CRIME]))[:2]
    rows = [[seen["reader"], seen["isbn"], 3], ["ann", "crime-001", 9], [CRIME, "sailing-1", 5]]
    rows += [[CRIME, isbn, 6] for isbn in unread]
    test = pd.DataFrame(rows, columns=["reader", "isbn", "stars"])
    test.to_csv(tmp_path / "test.csv", index=False)
    printed = invoke("evaluate", path, tmp_path / "test.csv")[0]
    assert "Left out: 1 of 5, which are of a isbn" not in printed
    for reason in (
        "because the model does not know the isbn",
        "because the model does not know the reader",
        "because the model was trained on it",
    ):
        assert f"Left out: 1 of 5, {reason}" in printed
    assert "Errors of 2 predicted ratings" in printed
    test.iloc[:3].to_csv(tmp_path / "test.csv", index=False)
    error = invoke("evaluate", path, tmp_path / "test.csv", ok=False)[1]
    assert "there is no rating left to judge on" in error


def test_the_card_says_what_the_model_is_and_what_it_is_not_for(shop):
    card = invoke("info", shop[0])[0]
    for text in (
        "from books.csv",
        "2,000 of them; isbn: 60; reader: 100; 33.33% of all pairs",
        "scale: 1 to 10",
        "lists: implicit (n_features 8",
        "predicted ratings: als (n_features 4",
        "Held-out results",
        "What it should not be used for",
        "Any isbn with few ratings: ",
        "Publication as it is",
    ):
        assert text in card


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_explains_itself(name):
    printed = invoke(name, "--help")[0]
    command = cli.commands[name]
    assert command.short_help and all(
        p.help for p in command.params if p.param_type_name == "option"
    )
    assert "Usage" in printed
