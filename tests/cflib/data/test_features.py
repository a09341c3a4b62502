"""What is known of items and users becomes numbers, in the order of the ids."""

import numpy as np
import pytest

from cflib import data

ITEMS = """isbn,title,genres,year,price,publisher,language
0004,Emma,Classic|Romance,1815,"7.5",Penguin,en
0001,Iliad,Classic|Epic,-750,9,Penguin,en
0003,Dune,Science Fiction,1965,,Ace,en
0002,Ulysses,Classic,1922,12,Penguin,en
0009,Unrated,Classic,1900,3,Ace,en
"""
IDS = np.array(["0001", "0002", "0003", "0004", "0005"])


@pytest.fixture
def features(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS)
    with pytest.warns(UserWarning, match=r"1 of 5 ids .* missing \(such as '0005'\)"):
        return data.read_features(tmp_path / "items.csv", IDS, "isbn")


def column(features, name):
    return features.matrix[:, features.names.index(name)]


def test_lists_and_categories_become_zeros_and_ones(features):
    assert features.names == ["genres: Classic", "year", "price", "publisher: Penguin"]
    assert column(features, "genres: Classic").tolist() == [1, 1, 0, 1, 0]
    assert column(features, "publisher: Penguin").tolist() == [1, 1, 0, 1, 0]
    assert features.matrix.dtype == np.float32


def test_numbers_are_standardised_over_those_that_have_one(features):
    year = np.array([-750, 1922, 1965, 1815])
    expected = (year - year.mean()) / year.std()
    np.testing.assert_allclose(column(features, "year"), [*expected, 0], rtol=1e-6)
    known = column(features, "price")[[0, 1, 3]]
    assert abs(known.mean()) < 1e-6 and abs(known.std() - 1) < 1e-6
    assert column(features, "price")[2] == 0


def test_free_text_and_what_is_the_same_for_all_are_left_out(features):
    assert features.left_out == ["title", "language"]


def test_features_of_users_are_read_from_json_with_lists(tmp_path):
    (tmp_path / "users.jsonl").write_text(
        '{"user": 1, "likes": ["a", "b"], "town": "Bern"}\n'
        '{"user": 2, "likes": ["b"], "town": "Ulm"}\n'
        '{"user": 3, "likes": ["a"], "town": "Bern"}\n'
        '{"user": 4, "likes": [], "town": "Ulm"}\n'
    )
    features = data.read_features(tmp_path / "users.jsonl", np.array([4, 3, 1, 2]), "user")
    assert features.names == ["likes: a", "likes: b", "town: Bern", "town: Ulm"]
    assert features.matrix.tolist() == [[0, 0, 0, 1], [1, 0, 1, 0], [1, 1, 1, 0], [0, 1, 0, 1]]


def test_only_the_most_frequent_entries_are_used(tmp_path):
    lines = [f"{i},{'|'.join(f'tag{k:03}' for k in range(0, 300, 1 + i % 7))}" for i in range(50)]
    (tmp_path / "items.csv").write_text("\n".join(["item,tags", *lines]))
    features = data.read_features(tmp_path / "items.csv", np.arange(50), "item")
    assert features.matrix.shape == (50, 100)


def test_what_does_not_fit_the_ratings_is_refused(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(ITEMS)
    with pytest.raises(ValueError, match="no column 'isnb'. Did you mean 'isbn'"):
        data.read_features(path, IDS, "isnb")
    with pytest.raises(ValueError, match=r"none of these ids .* '0004'; .* ids such as '17'"):
        data.read_features(path, np.array([17, 18]), "isbn")
    path.write_text(ITEMS + "0004,Emma,,,,,\n")
    with pytest.raises(ValueError, match="each isbn should have one row. Received more for 0004"):
        data.read_features(path, IDS, "isbn")
