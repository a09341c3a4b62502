"""A title is found as people type it, and where two could be meant there is a choice."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cflib import fit_means, people
from tests.conftest import make_ratings

TITLES = {
    10: "Matrix, The (1999)",
    13: "Matrix Reloaded, The (2003)",
    16: "Heat (1995)",
    19: "Heat, The (2013)",
    22: "Seven (a.k.a. Se7en) (1995)",
    25: "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
    28: "Emma (1996)",
    31: "Emma (1996)",
    34: "Emma (2009)",
    37: "Star Wars: Episode IV - A New Hope (1977)",
    40: "Star Wars: Episode V - The Empire Strikes Back (1980)",
    43: "(500) Days of Summer (2009)",
    46: "Blade Runner (1982)",
    49: "Blade Runner 2049 (2017)",
    52: "2012 (2009)",
    55: "Shawshank Redemption, The (1994)",
    58: "It (2017)",
}


@pytest.fixture
def ratings():
    ratings = make_ratings()
    titles = [TITLES.get(i, f"Nothing like these {i}") for i in ratings.movie_ids.tolist()]
    return dataclasses.replace(ratings, movies=ratings.movies.assign(title=titles))


@pytest.mark.parametrize(
    ("text", "movie_id"),
    [
        ("The Matrix", 10),
        ("Matrix, The", 10),
        ("matrix", 10),
        ("MATRIX (1999)", 10),
        ("matrix reloaded", 13),
        ("Heat", 16),
        ("the heat", 19),
        ("se7en", 22),
        ("cite des enfants perdus", 25),
        ("City of lost childern", 25),
        ("Emma (2009)", 34),
        ("500 days of summer", 43),
        ("Blade Runner", 46),
        ("blade runner 2049", 49),
        ("Blade Runer", 46),
        ("2012", 52),
        ("shawshank redemtion", 55),
        ("empire strikes back", 40),
        (58, 58),
        (np.int64(58), 58),
    ],
)
def test_a_title_is_found_in_spite_of_case_articles_years_accents_and_misspelling(
    ratings, text, movie_id
):
    assert people.movie_id_of(ratings, text) == movie_id


def test_every_title_written_in_full_is_found_unless_two_have_it(ratings):
    for movie_id, title in zip(ratings.movie_ids, ratings.movies["title"], strict=True):
        if title != "Emma (1996)":
            assert people.movie_id_of(ratings, title) == movie_id


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("star wars", ["Star Wars: Episode IV", "Star Wars: Episode V"]),
        ("Emma", ["Emma (1996) [28]", "Emma (1996) [31]", "Emma (2009) [34]"]),
        ("Emma (1996)", ["Emma (1996) [28]", "Emma (1996) [31]"]),
    ],
)
def test_where_two_could_be_meant_there_is_a_choice(ratings, text, choice):
    with pytest.raises(ValueError, match="could be any of these") as error:
        people.movie_id_of(ratings, text)
    for title in choice:
        assert title in str(error.value)


def test_an_unknown_title_is_answered_with_the_nearest(ratings):
    with pytest.raises(KeyError, match=r"no title 'Heatts'. The nearest: Heat"):
        people.movie_id_of(ratings, "Heatts")
    with pytest.raises(KeyError, match="no title is like 'qqqqzzzz'"):
        people.movie_id_of(ratings, "qqqqzzzz")
    with pytest.raises(KeyError, match="no id 11 in"):
        people.movie_id_of(ratings, 11)


def test_a_part_of_a_title_finds_the_best_known_first(ratings):
    found = people.find_movies(ratings, "star wars")
    counts = ratings.movie_counts[np.searchsorted(ratings.movie_ids, found["movieId"][:2])]
    assert set(found["movieId"][:2]) == {37, 40} and counts[0] >= counts[1]
    assert found["n_ratings"][:2].tolist() == counts.tolist()
    assert len(people.find_movies(ratings, "star wars", 1)) == 1
    assert people.find_movies(ratings, "  ").empty


def test_text_ids_come_before_titles(ratings):
    ids = np.array([f"isbn{i:02}" for i in range(ratings.n_movies)])
    movies = ratings.movies.assign(movieId=ids)
    books = dataclasses.replace(ratings, movie_ids=ids, movies=movies)
    assert people.movie_id_of(books, "isbn03") == "isbn03"
    assert people.movie_id_of(books, "the matrix") == "isbn00"


@pytest.mark.parametrize("kind", ["dict", "series", "pairs", "frame", "file of ids", "of titles"])
def test_ratings_can_be_written_down_in_many_ways(ratings, kind, tmp_path):
    model = fit_means(ratings)
    given = {10: 5.0, 16: 4.0, 55: 0.5}
    titles = pd.DataFrame(
        {"title": ["the matrix", "heat", "shawshank redemption"], "rating": [5, 4, 0.5]}
    )
    ids = pd.DataFrame({"movieId": list(given), "rating": list(given.values())})
    ids.to_csv(tmp_path / "ids.csv", index=False)
    titles.to_csv(tmp_path / "titles.csv", index=False)
    written = {
        "dict": {"the matrix": 5, 16: 4, "Shawshank Redemption, The (1994)": 0.5},
        "series": pd.Series(given),
        "pairs": list(given.items()),
        "frame": titles,
        "file of ids": tmp_path / "ids.csv",
        "of titles": str(tmp_path / "titles.csv"),
    }[kind]
    own = people.own_ratings(model, written)
    assert own.to_dict() == given and own.index.name == "movieId"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Heat": 7}, r"rating of 'Heat \(1995\)' should be a number from 0.5 to 5. Received: 7"),
        ({16: float("nan")}, "Received: nan"),
        ({16: "good"}, "Received: 'good'"),
        ({16: 4, "heat": 3}, "'heat' is rated twice"),
        (pd.DataFrame({"movie": [1], "stars": [2]}), "a column `movieId` or `title`"),
    ],
)
def test_ratings_that_cannot_be_are_refused_in_a_sentence(ratings, given, message):
    with pytest.raises(ValueError, match=message):
        people.own_ratings(fit_means(ratings), given)
