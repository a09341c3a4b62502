"""The compact form: what comes back is what went in, whole or not at all, and at once."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from cflib import data
from cflib.data import store
from tests.conftest import make_ratings


def assert_same(one, other):
    for name in (*store.PER_RATING, *store.IDS):
        left, right = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(left, right, err_msg=name)
        assert left is None or left.dtype == right.dtype, name
    pd.testing.assert_frame_equal(one.movies, other.movies, check_dtype=False)
    assert (one.scale, one.name, one.note) == (other.scale, other.name, other.note)
    assert one.fingerprint == other.fingerprint


ids = np.array([f"movie ü{i:02}" for i in range(30)], object)
KINDS = {
    "plain": {},
    "without times": {"timestamp": None},
    "text ids": {"movie_ids": ids, "movies": pd.DataFrame({"movieId": ids, "title": "é"})},
    "noted": {"note": "read “elsewhere”", "scale": (1.0, 10.0), "name": "mine"},
}


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_what_was_saved_comes_back(tmp_path, changes):
    ratings = make_ratings(**changes)
    data.save(ratings, tmp_path / "deep" / "set")
    assert_same(data.open(tmp_path / "deep" / "set"), ratings)


def test_a_set_that_was_read_comes_back(tmp_path):
    bundled = data.load("movielens_2016")
    data.save(bundled, tmp_path / "set")
    opened = data.open(tmp_path / "set")
    assert_same(opened, bundled)
    assert data.describe(opened) == data.describe(bundled)


@pytest.fixture
def folder(ratings, tmp_path):
    data.save(ratings, tmp_path / "set")
    return tmp_path / "set"


def base(array):
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def test_arrays_are_mapped_from_disk_not_read(folder):
    opened = data.open(folder)
    for name in (*store.PER_RATING, *store.IDS):
        assert isinstance(base(getattr(opened, name)), np.memmap), name


def test_writing_to_an_opened_array_leaves_the_file_alone(folder, ratings):
    opened = data.open(folder)
    opened.value[:] = 0
    assert opened.value.max() == 0
    assert_same(data.open(folder), ratings)


def test_twenty_bytes_a_rating_and_nothing_pickled(folder, ratings):
    for name, dtype in store.PER_RATING.items():
        array = np.load(folder / f"{name}.npy", allow_pickle=False)
        assert array.dtype == dtype and len(array) == len(ratings)
    assert sum(np.dtype(dtype).itemsize for dtype in store.PER_RATING.values()) == 20


def test_a_saved_set_takes_the_place_of_the_one_before(folder, ratings):
    other = make_ratings(seed=9, timestamp=None)
    before = data.open(folder)
    data.save(other, folder)
    assert_same(data.open(folder), other)
    assert not (folder / "timestamp.npy").exists()
    assert_same(before, ratings)  # who has the old one open keeps it
    assert [path.name for path in folder.parent.iterdir()] == ["set"]


def test_a_set_can_be_saved_where_it_was_opened(folder, ratings):
    data.save(data.open(folder), folder)
    assert_same(data.open(folder), ratings)


@pytest.mark.parametrize("step", ["numpy.save", "pandas.DataFrame.to_parquet", "json.dumps"])
def test_a_save_that_fails_leaves_what_was_there(folder, ratings, monkeypatch, step):
    def fail(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(step, fail)
    for target in (folder, folder.parent / "new"):
        with pytest.raises(OSError, match="No space left"):
            data.save(make_ratings(seed=9), target)
    monkeypatch.undo()
    assert_same(data.open(folder), ratings)
    assert [path.name for path in folder.parent.iterdir()] == ["set"]


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path, ratings):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="something else is there"):
        data.save(ratings, tmp_path)
    with pytest.raises(FileExistsError, match="something else is there"):
        data.save(ratings, tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


# ---------------------------------------------------------------- damaged folders


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


DAMAGE = {
    "an array is missing": (lambda f: (f / "value.npy").unlink(), "value.npy"),
    "an array is cut off": (lambda f: cut(f / "user_index.npy"), "user_index.npy"),
    "an array is empty": (lambda f: (f / "value.npy").write_bytes(b""), "value.npy"),
    "an array is too short": (
        lambda f: np.save(f / "movie_index.npy", np.zeros(3, np.int32)),
        "movie_index.npy: the length should be 250. Received: 3",
    ),
    "an array has another type": (
        lambda f: np.save(f / "value.npy", np.zeros(250, np.float64)),
        "value.npy: the type should be float32. Received: float64",
    ),
    "an array would be unpickled": (
        lambda f: np.save(f / "user_ids.npy", np.array([{}] * 20), allow_pickle=True),
        "user_ids.npy",
    ),
    "ids are missing": (lambda f: (f / "movie_ids.npy").unlink(), "movie_ids.npy"),
    "the movies' table is missing": (lambda f: (f / "movies.parquet").unlink(), "movies.parquet"),
    "the movies' table is cut off": (lambda f: cut(f / "movies.parquet"), "movies.parquet"),
    "the movies' table is too short": (
        lambda f: pd.read_parquet(f / "movies.parquet").head(4).to_parquet(f / "movies.parquet"),
        "movies.parquet: the length should be 30. Received: 4",
    ),
    "the head is cut off": (lambda f: cut(f / "ratings.json"), "ratings.json"),
    "the head lacks an entry": (
        lambda f: (f / "ratings.json").write_text(json.dumps({"format": 1})),
        "ratings.json",
    ),
    "the head is of another kind": (lambda f: (f / "ratings.json").write_text("3"), "ratings.json"),
    "the format is another": (
        lambda f: (f / "ratings.json").write_text(json.dumps({"format": 99})),
        "format should be 1. Received: 99. Save the set again",
    ),
}


@pytest.mark.parametrize(("harm", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_refused_by_the_file(folder, harm, message):
    harm(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message) as error:
            data.open(folder)
    assert str(folder) in str(error.value)


def test_a_folder_without_a_set_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no ratings were saved .* `data\.save`"):
        data.open(tmp_path)


# ---------------------------------------------------------------- where it came from


def test_the_origin_is_kept_and_is_none_where_nothing_was_saved(tmp_path, ratings):
    data.save(ratings, tmp_path / "set", origin={"ratings.csv": [12, 34]})
    assert store.origin_of(tmp_path / "set") == {"ratings.csv": [12, 34]}
    assert store.origin_of(tmp_path / "nowhere") is None
    (tmp_path / "set" / "ratings.json").write_text("{")
    assert store.origin_of(tmp_path / "set") is None
