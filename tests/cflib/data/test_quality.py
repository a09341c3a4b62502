"""The quality report counts what looks odd in a ratings set, and gives examples."""

import dataclasses

import numpy as np

from cflib import data
from tests.conftest import make_ratings

NOW = 1_000_000_000


def read(tmp_path, lines, header="reader,isbn,stars", **arguments):
    path = tmp_path / "books.csv"
    path.write_text("\n".join([header, *lines, ""]))
    return data.read(path, user="reader", item="isbn", rating="stars", **arguments)


def oddities(ratings, now=NOW) -> dict:
    """What the report counts at least once: oddity to (count, of, examples)."""
    report = data.quality_report(ratings, "reader", "isbn", now)
    assert np.allclose(report["share"], report["count"] / report["of"])
    return {
        oddity: (row["count"], row["of"], row["examples"])
        for oddity, row in report.iterrows()
        if row["count"]
    }


def crossed(readers="abcdef", books="uvwxyz"):
    """Lines in which nothing is odd: each reader rates a different half of the books."""
    return [
        f"{r},{b},{1 + (i + k) % 5}"
        for i, r in enumerate(readers)
        for k, b in enumerate(books)
        if (i + k) % 6 in (0, 1, 3)
    ]


def test_a_set_without_oddities_gives_an_empty_report(tmp_path):
    assert oddities(read(tmp_path, crossed())) == {}


def test_lines_that_rate_a_pair_again_are_counted_after_they_were_merged(tmp_path):
    lines = [*crossed(), "b,u,3", "b,u,4", "a,v,1"]
    ratings = read(tmp_path, lines, on_duplicate="last")
    count, of, examples = oddities(ratings)["lines that rate the same isbn again"]
    assert (count, of, examples) == (3, 18, "a: v, b: u, b: u")


def test_single_ratings_constant_raters_and_those_cut_off_are_named(tmp_path):
    lines = [
        *crossed(),
        *(f"kind,{b},5" for b in "uvwxy"),
        *(f"varied,{b},{n}" for n, b in enumerate("uvwxy")),
        "once,u,2",
        *(f"{r},{b},{n}" for r in ("far1", "far2") for n, b in enumerate(["m", "n"], 1)),
    ]
    report = oddities(read(tmp_path, lines))
    assert report["reader with one rating"] == (1, 11, "once")
    assert report["reader with 5 or more ratings, all the same"] == (1, 11, "kind")
    assert report["reader who rated more than half of all"] == (2, 11, "kind, varied")
    assert report["reader cut off: no isbn links them to most others"] == (2, 11, "far1, far2")
    assert "isbn with one rating" not in report


def test_ids_that_look_alike_and_ratings_of_0_are_named(tmp_path):
    report = oddities(read(tmp_path, [*crossed(), "Anna,u,0", "anna ,v,0", "ANNA,w 1,3", "a,W1,2"]))
    alike = "ids that differ only in case or spaces"
    assert report[f"reader {alike}"] == (3, 9, "ANNA, Anna, anna ")
    assert report[f"isbn {alike}"] == (2, 8, "W1, w 1")
    assert report["isbn with one rating"][0] == 2
    assert report["ratings of 0 (does it mean 'not rated'?)"] == (2, 22, "Anna: u, anna : v")


def test_times_in_the_future_and_in_1970_are_counted_only_where_there_are_times():
    ratings = make_ratings(timestamp=np.full(250, NOW))
    assert not [oddity for oddity in oddities(ratings) if "times" in oddity]
    assert oddities(ratings, NOW - 1)["times in the future (are they in seconds?)"][0] == 250
    milliseconds = dataclasses.replace(ratings, timestamp=ratings.timestamp * 1000)
    assert oddities(milliseconds)["times in the future (are they in seconds?)"][:2] == (250, 250)
    days = dataclasses.replace(ratings, timestamp=ratings.timestamp // 86_400)
    assert oddities(days)["times in 1970 (are they in seconds?)"][:2] == (250, 250)
    timeless = data.quality_report(dataclasses.replace(ratings, timestamp=None))
    assert not timeless.index.str.contains("times").any()


def test_the_first_few_examples_stand_for_the_rest():
    ratings = make_ratings(n_movies=400, n_ratings=300)
    row = data.quality_report(ratings).loc["item with one rating"]
    assert row["count"] == (ratings.movie_counts == 1).sum() > 3
    assert row["examples"].endswith(", …") and row["examples"].count(",") == 3


def test_users_without_ratings_are_not_reported():
    ratings = data.load("movielens_2016")
    without_first = ratings.take(ratings.user_index != 0)
    report = data.quality_report(without_first, now=2e9)
    assert report["count"]["user with one rating"] == 0
    assert report["count"]["user cut off: no item links them to most others"] == 0
