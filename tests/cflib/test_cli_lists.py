"""`cflib recommend`, `similar` and `explain`: lists, filters, files, reasons."""

import dataclasses
import io
import json

import numpy as np
import pandas as pd
import pytest

from cflib import load, load_model, people
from cflib.cli import output
from tests.bookshop import OPTIONS, books, invoke, small_shop

CRIME = "crime lover 001"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """(path of a model of two, the frame that it was trained on)."""
    return small_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def movielens(tmp_path_factory):
    """A model of MovieLens with titles and genres, and its ratings."""
    from cflib import fit_als

    ratings = load("movielens_2016")
    path = tmp_path_factory.mktemp("movielens") / "model.npz"
    return fit_als(ratings, n_features=4, iterations=4).save(path, ratings)


def rows(*arguments):
    """What `recommend … --format json` prints, as a frame."""
    return pd.DataFrame(json.loads(invoke("recommend", *arguments, "--format", "json")[0]))


# For whom ---------------------------------------------------------------------------------------


def test_lists_are_ordered_by_the_ranker_and_show_the_predicted_rating(shop):
    path, _ = shop
    model = load_model(path)
    best = rows(path, "--user", CRIME, "-n", 5)
    assert best.columns.tolist() == ["rank", "isbn", "prediction", "n_ratings"]
    user = int(np.flatnonzero(model.user_ids == CRIME)[0])
    scores, ratings = model.score_user(user), model.load_ratings(path)
    scores[ratings.movie_index[ratings.user_index == user]] = -np.inf
    movies = np.argsort(-scores, kind="stable")[:5]
    assert best["isbn"].tolist() == model.movie_ids[movies].tolist()
    predicted = model.predictor.predict(movies, np.full(5, user))
    np.testing.assert_allclose(best["prediction"], predicted, rtol=1e-3)


def test_several_users_have_a_column_that_says_whose_row_it_is(shop):
    path, _ = shop
    both = rows(path, "--user", CRIME, "--user", "garden lover 002", "-n", 3)
    assert both["reader"].tolist() == [CRIME] * 3 + ["garden lover 002"] * 3
    assert both["rank"].tolist() == [1, 2, 3, 1, 2, 3]
    alone = rows(path, "--user", CRIME, "-n", 3)
    assert both["isbn"].tolist()[:3] == alone["isbn"].tolist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_all_users_lists_are_written_to_a_file(shop, tmp_path, suffix):
    path, frame = shop
    out = tmp_path / f"lists{suffix}"
    printed, _ = invoke("recommend", path, "--all", "-n", 4, "--out", out)
    assert printed == f"{out}: 400 recommendations.\n"
    lists = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert lists.columns.tolist() == ["reader", "rank", "isbn", "prediction", "n_ratings"]
    assert lists["reader"].nunique() == 100 and (lists.groupby("reader").size() == 4).all()
    assert lists.merge(frame, on=["reader", "isbn"]).empty  # nothing that they have rated
    of_one = lists[lists["reader"] == CRIME]
    assert of_one["isbn"].tolist() == rows(path, "--user", CRIME, "-n", 4)["isbn"].tolist()
    invoke("recommend", path, "--all", "-n", 1, "--out", out)  # its own file is replaced
    assert sorted(p.name for p in tmp_path.iterdir()) == [out.name]


def test_blocks_give_what_one_block_gives(shop, monkeypatch):
    path, _ = shop
    model = load_model(path)
    ratings, everybody = model.load_ratings(path), np.arange(100)
    (whole,) = people.lists_in_blocks(model, ratings, everybody, 7)
    monkeypatch.setattr(people.blocks, "AT_ONCE", 9)
    parts = list(people.lists_in_blocks(model, ratings, everybody, 7))
    assert len(parts) == 12
    joined = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(
        joined.drop(columns="prediction"), whole.drop(columns="prediction")
    )
    np.testing.assert_allclose(joined["prediction"], whole["prediction"], rtol=1e-5)


def test_somebody_who_has_rated_nearly_everything_gets_what_is_left(tmp_path):
    path, frame = small_shop(tmp_path)
    left = frame["isbn"].unique()
    (tmp_path / "mine.csv").write_text("isbn,stars\n" + "".join(f"{i},7\n" for i in left[2:]))
    best = rows(path, "--ratings", tmp_path / "mine.csv")
    assert set(best["isbn"]) == set(left[:2])
    (tmp_path / "all.csv").write_text("isbn,stars\n" + "".join(f"{i},7\n" for i in left))
    said = invoke("recommend", path, "--ratings", tmp_path / "all.csv")[0]
    assert said == "No item is left to recommend: all that may be shown are rated already.\n"


def test_it_has_to_be_said_for_whom_and_where_to(shop, tmp_path):
    path, _ = shop
    for options in ([], ["--user", "x", "--ratings", "y"], ["--all", "--user", "x"]):
        assert "say for whom: either --user ID" in invoke("recommend", path, *options, ok=False)[1]
    assert "--all needs --out FILE" in invoke("recommend", path, "--all", ok=False)[1]
    out = tmp_path / "lists.xlsx"
    error = invoke("recommend", path, "--all", "--out", out, ok=False)[1]
    assert "ends in .csv or .parquet" in error


# Somebody new -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "movieId,rating\n1,5\n3114,4.5\n",
        "title,rating\nToy Story (1995),5\nToy Story 2,4.5\n",
        "movieId,rating\nToy Story,5\n3114,4.5\n",
    ],
)
def test_the_ratings_of_somebody_new_have_ids_or_titles(movielens, tmp_path, text):
    (tmp_path / "mine.csv").write_text(text)
    best = rows(movielens, "--ratings", tmp_path / "mine.csv", "-n", 5)
    expected = people.recommend_new(load_model(movielens), {1: 5.0, 3114: 4.5}, 5)
    assert best["movieId"].tolist() == expected["movieId"].tolist()
    assert best["title"].tolist() == expected["title"].tolist()


def test_a_title_that_could_mean_several_is_named_and_not_guessed(movielens, tmp_path):
    (tmp_path / "mine.csv").write_text("title,rating\nToy Story (1995),5\nHamlet,4\nQwrtpsd,3\n")
    _, notes = invoke("recommend", movielens, "--ratings", tmp_path / "mine.csv")
    assert "'Hamlet' could be any of these" in notes
    assert "does not know 2 of 3 movie and does not use their ratings: Hamlet, Qwrtpsd" in notes


# Filters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("only.txt", "garden-005\n\ncrime-001\ngarden-008\n"),
        ("only.csv", "isbn,price\ngarden-005,3\ncrime-001,4\ngarden-008,5\n"),
        ("only.csv", "garden-005\ncrime-001\ngarden-008\n"),
    ],
)
def test_only_and_exclude_take_files_of_items(shop, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    items = {"garden-005", "crime-001", "garden-008"}
    somebody = tmp_path / "mine.csv"
    somebody.write_text("isbn,stars\ngarden-002,9\n")
    best = rows(shop[0], "--ratings", somebody, "--only", tmp_path / name)
    assert set(best["isbn"]) == items
    best = rows(shop[0], "--ratings", somebody, "--exclude", tmp_path / name, "-n", 60)
    assert len(best) == 60 - 1 - 3 and not items & set(best["isbn"])


def test_items_that_are_not_known_are_named(shop, tmp_path):
    (tmp_path / "only.txt").write_text("garden-005\nsailing-1\n")
    _, note = invoke("recommend", shop[0], "--user", CRIME, "--only", tmp_path / "only.txt")
    assert "the model does not know 1 of 2 isbn: sailing-1" in note
    (tmp_path / "only.txt").write_text("sailing-1\n")
    arguments = "recommend", shop[0], "--user", CRIME, "--only", tmp_path / "only.txt"
    assert "knows none of these isbn: sailing-1" in invoke(*arguments, ok=False)[1]
    arguments = "recommend", shop[0], "--user", CRIME, "--only", tmp_path / "none.txt"
    assert "there is no such file" in invoke(*arguments, ok=False)[1]


def test_genre_number_of_ratings_and_diversity_change_lists(movielens):
    plain = rows(movielens, "--user", 1)
    comedies = rows(movielens, "--user", 1, "--genre", "comedy", "--min-ratings", 50)
    assert comedies["genres"].str.contains("Comedy").all() and (comedies["n_ratings"] >= 50).all()
    diverse = rows(movielens, "--user", 1, "--diversity", 0.7)
    assert diverse["movieId"].iloc[0] == plain["movieId"].iloc[0]
    assert set(diverse["movieId"]) != set(plain["movieId"])
    error = invoke("recommend", movielens, "--user", 1, "--genre", "x", ok=False)[1]
    assert "--genre should be one of" in error and "Comedy" in error
    error = invoke("recommend", movielens, "--user", 1, "--min-ratings", 9999, ok=False)[1]
    assert "no item of" in error


# Words and digits -------------------------------------------------------------------------------


@pytest.mark.parametrize("item", ["rank", "prediction", "n_ratings", "title", "genres", "score"])
def test_an_item_column_may_have_the_name_of_one_of_ours(tmp_path, item):
    path, frame = small_shop(tmp_path, item)
    best = rows(path, "--user", CRIME, "-n", 3)
    name = f"{item}_id" if f"{item}_id" in best else item
    assert best.columns.is_unique and set(best[name]) <= set(frame[item])
    assert best["rank"].tolist() == [1, 2, 3]
    for form in ("table", "csv"):
        assert name in invoke("recommend", path, "--user", CRIME, "--format", form)[0]
    for _ in range(2):  # its own file is replaced
        invoke("recommend", path, "--all", "--out", tmp_path / "lists.csv")
    assert set(pd.read_csv(tmp_path / "lists.csv")[name]) <= set(frame[item])
    invoke("explain", path, "--user", CRIME, "--item", "crime-001")
    invoke("similar", path, "--item", "crime-001")


def test_small_ratings_are_not_printed_as_0(tmp_path):
    path, _ = small_shop(tmp_path, divide_by=1e5)
    best = rows(path, "--user", CRIME)
    assert best["prediction"].between(5e-6, 1e-4).all() and best["prediction"].nunique() > 3
    table = invoke("recommend", path, "--user", CRIME)[0]
    as_table = pd.read_csv(io.StringIO(table), sep=r"\s+")
    np.testing.assert_allclose(as_table["prediction"], best["prediction"], rtol=1e-3)
    (tmp_path / "mine.csv").write_text("isbn,stars\ngarden-002,0.00009\n")
    assert (rows(path, "--ratings", tmp_path / "mine.csv")["prediction"] > 0).all()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(4.56789, 4.568), (0.000123456, 0.0001235), (12345.6, 12350.0), (0.0, 0.0), (-2.5, -2.5)],
)
def test_numbers_have_four_significant_digits(value, shown):
    assert output.significant(np.array([value])).tolist() == [shown]


def test_control_characters_are_visible_in_what_commands_print(tmp_path):
    """An id or a title cannot clear the screen of whoever reads a list, or its title."""
    odd, who = "poetry\x1b[2J", "garden\x9bx\u202e"
    frame = books(50, 30, 500)
    frame["isbn"] = frame["isbn"].replace("poetry-000", odd)
    frame["reader"] = frame["reader"].replace("crime lover 001", who)
    frame = frame[(frame["isbn"] != odd) | (frame["reader"] != who)]
    frame.to_csv(tmp_path / "books.csv", index=False)
    model = tmp_path / "model.npz"
    told = invoke("fit", tmp_path / "books.csv", *OPTIONS, "--quick", "--out", model)
    for command in (
        ("info", model),
        ("recommend", model, "--user", who, "-n", 30),
        ("similar", model, "--item", odd),
        ("explain", model, "--user", who, "--item", odd),
    ):
        told += invoke(*command)
    told += invoke("recommend", model, "--user", who + "x", ok=False)
    text = "".join(told)
    assert not set(text) & {"\x1b", "\x9b", "\u202e"}
    assert "poetry\\x1b[2J" in text and "garden\\x9bx\\u202e" in told[-1]
    assert odd in set(
        rows(model, "--user", who, "-n", 30)["isbn"]
    )  # what programs read is as it is


# Similar items, and reasons ---------------------------------------------------------------------


def test_similar_items_are_of_the_same_shelf_and_found_by_title(shop, movielens):
    table = invoke("similar", shop[0], "--item", "crime-001", "--format", "csv")[0]
    like = pd.read_csv(io.StringIO(table))
    assert like["isbn"].str.startswith("crime").all() and "crime-001" not in set(like["isbn"])
    by_title = invoke("similar", movielens, "--item", "Toy Story (1995)")[0]
    assert by_title == invoke("similar", movielens, "--item", "1")[0]
    error = invoke("similar", shop[0], "--item", "crime-01", ok=False)[1]
    assert "no isbn with id 'crime-01'. The nearest: crime-" in error


def test_reasons_sum_to_the_score(shop, tmp_path):
    path, _ = shop
    table = invoke("explain", path, "--user", CRIME, "--item", "crime-004", "--format", "json")[0]
    reasons, model = pd.DataFrame(json.loads(table)), load_model(path)
    score = model.score_user(int(np.flatnonzero(model.user_ids == CRIME)[0]))
    at = int(np.flatnonzero(model.movie_ids == "crime-004")[0])
    assert reasons["isbn"].isna().tolist() == [False] * (len(reasons) - 1) + [True]
    assert reasons["contribution"].sum() == pytest.approx(score[at], abs=2e-3)
    text = invoke("explain", path, "--user", CRIME, "--item", "crime-004", "-n", 3)[0]
    assert f"crime-004: the score is {score[at]:.4g}" in text
    assert "other ratings add" in text and "The predicted rating" in text
    (tmp_path / "mine.csv").write_text("isbn,stars\ngarden-002,9\n")
    text = invoke("explain", path, "--ratings", tmp_path / "mine.csv", "--item", "garden-005")[0]
    assert "garden-002     9" in text
    error = invoke("explain", path, "--item", "crime-004", ok=False)[1]
    assert "either --user ID or --ratings FILE" in error


def test_every_block_has_the_same_columns(shop, tmp_path, monkeypatch):
    path, _ = shop
    model = load_model(path)
    movies = model.movies.assign(genres=[""] * 59 + ["Poetry"])  # most lists are without it
    ratings = model.load_ratings(path)
    (ranker, predictor) = (
        dataclasses.replace(part, movies=movies) for part in (model.ranker, model.predictor)
    )
    titled = model.of(ranker, predictor, model.notes).save(tmp_path / "titled.npz", ratings)
    monkeypatch.setattr(people.blocks, "AT_ONCE", 3)
    out = tmp_path / "lists.parquet"
    invoke("recommend", titled, "--all", "-n", 1, "--out", out)
    lists = pd.read_parquet(out)
    assert len(lists) == 100 and set(lists["genres"]) <= {"", "Poetry"}
