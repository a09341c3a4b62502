"""Words: frames, messages and ids as the file that the model was trained on has them."""

import dataclasses

import pandas as pd
import pytest

from cflib import load_model, people, tune
from cflib.data import Columns
from tests.bookshop import COLUMNS, books, read


@pytest.fixture(scope="module")
def ratings():
    return read(books(100, 60, 2_000))


@pytest.fixture(scope="module")
def model(ratings):
    return tune.fit(ratings, COLUMNS, n_features=4).model


def test_a_set_is_described_in_the_words_of_its_columns(ratings):
    line = "books: 2,000 ratings from 1 to 10; isbn: 60; reader: 100"
    assert people.describe(ratings, COLUMNS) == line


def test_a_model_without_columns_has_those_of_movielens(model):
    assert people.columns_of(model) == COLUMNS
    assert people.columns_of(dataclasses.replace(model, notes={})) == Columns()


@pytest.mark.parametrize(
    ("item", "ids", "titles", "is_kept"),
    [
        ("isbn", ["a", "b"], ["a", "b"], False),
        ("recipe_id", [7, 8], ["recipe 7", "recipe 8"], False),
        ("isbn", ["a", "b"], ["a", "The b book"], True),
    ],
)
def test_titles_made_of_ids_and_empty_genres_are_left_out(item, ids, titles, is_kept):
    frame = pd.DataFrame({"userId": 1, "movieId": ids, "title": titles, "genres": "", "rating": 3})
    words = people.worded(frame, Columns("cook", item, "stars", None))
    assert words.columns.tolist() == ["cook", item, *(["title"] if is_kept else []), "stars"]
    assert "genres" in people.worded(frame.assign(genres=["", "A|B"]), COLUMNS)


def test_a_user_is_known_by_the_id_as_text_and_as_it_is(model):
    assert people.known_user(model, "crime lover 001") == "crime lover 001"
    with pytest.raises(KeyError, match=r"no reader with id 'bob'.*`people\.recommend_person`"):
        people.known_user(model, "bob")


def test_lists_are_the_same_from_the_ratings_and_from_the_file_that_holds_them(
    model, ratings, tmp_path
):
    path = model.save(tmp_path / "model.npz", ratings)
    best = people.recommend_user(model, ratings, "crime lover 001", 5)
    pd.testing.assert_frame_equal(
        people.recommend_user(load_model(path), path, "crime lover 001", 5), best
    )
    plain = people.recommend(model, ratings, "crime lover 001", 5)
    assert best["isbn"].tolist() == plain["movieId"].tolist() and "title" not in best


def test_ids_that_the_model_does_not_know_change_nothing_and_are_reported(model):
    person = {"garden-002": 9.0, "crime-001": 2.0}
    expected = people.recommend_person(model, person, 5)
    with pytest.warns(UserWarning, match="does not know 1 of 3 isbn .*: sailing-7") as caught:
        best = people.recommend_person(model, person | {"sailing-7": 9.0}, 5)
    assert caught[0].filename == __file__
    pd.testing.assert_frame_equal(best, expected)
    with pytest.raises(ValueError, match=r"none of these isbn: a, b, c, …\. Those that it knows"):
        people.recommend_person(model, dict.fromkeys("abcd", 5.0))
