"""The published splits of ml-100k, read from a folder in its format with made-up ratings."""

import numpy as np
import pytest

from cflib import data
from tests.conftest import ml_100k


@pytest.fixture
def folder(tmp_path):
    return ml_100k(tmp_path / "ml-100k")


def pairs(ratings):
    return set(zip(ratings.user_index.tolist(), ratings.movie_index.tolist(), strict=True))


def test_the_five_folds_test_each_rating_once_and_ua_and_ub_ten_of_each_user(folder):
    ratings = data.load("ml-100k", folder)
    splits = data.published_splits(folder)
    assert list(splits) == ["u1", "u2", "u3", "u4", "u5", "ua", "ub"]
    for part in splits.values():
        assert pairs(part.train) | pairs(part.test) == pairs(ratings)
        assert len(part.train) + len(part.test) == len(ratings)
        np.testing.assert_array_equal(part.train.movie_ids, ratings.movie_ids)
    tested = [pairs(splits[f"u{n}"].test) for n in range(1, 6)]
    assert sum(map(len, tested)) == len(set.union(*tested)) == len(ratings)
    for name in ("ua", "ub"):
        assert (splits[name].test.user_counts == 10).all()
    assert not pairs(splits["ua"].test) & pairs(splits["ub"].test)


def test_a_split_holds_the_ratings_that_its_files_say(folder):
    part = data.published_splits(folder)["u2"]
    lines = np.loadtxt(folder / "u2.test", dtype=np.int64)
    test = part.test
    by_id = {
        (user, movie): (value, time)
        for user, movie, value, time in zip(
            test.user_ids[test.user_index].tolist(),
            test.movie_ids[test.movie_index].tolist(),
            test.value.tolist(),
            test.timestamp.tolist(),
            strict=True,
        )
    }
    assert by_id == {(user, movie): (value, time) for user, movie, value, time in lines.tolist()}


def test_it_is_found_by_name_in_the_folder_that_cflib_data_names(folder, monkeypatch):
    monkeypatch.setenv("CFLIB_DATA", str(folder.parent))
    assert set(data.published_splits()) == set(data.published_splits(folder))


def test_a_missing_file_and_a_line_of_another_set_are_named(folder):
    text = (folder / "u3.test").read_text()
    user, movie, value, time = text.split("\n", 1)[0].split("\t")
    other = "\t".join([user, movie, str(1 + int(value) % 5), time])
    (folder / "u3.test").write_text(text + other + "\n")
    line = text.count("\n") + 1
    with pytest.raises(ValueError, match=rf"u3.test, line {line}: u.data has no such rating"):
        data.published_splits(folder)
    (folder / "u3.test").write_text((folder / "u3.base").read_text())
    with pytest.raises(ValueError, match=r"u3.base and u3.test have ratings in common"):
        data.published_splits(folder)
    (folder / "u3.test").unlink()
    with pytest.raises(FileNotFoundError, match=r"u3.test is missing. Unpack all files of ml-100k"):
        data.published_splits(folder)
