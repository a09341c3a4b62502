"""Finding a title that somebody typed, and reading the ratings that somebody wrote down.

A title is compared in its plain form: lower case, no accents, no punctuation, no article, and the
year apart. So "the matrix", "Matrix, The" and "MATRIX (1999)" are one title, and each name of a
movie ("Seven (a.k.a. Se7en) (1995)") is found. rapidfuzz measures how far a misspelt title is from
each name. Where two titles could be meant, the answer is a choice of titles, not a guess.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from ..model import STARS, FactorModel
from ..ratings import Ratings

Given: TypeAlias = Mapping | pd.Series | pd.DataFrame | Iterable[tuple] | str | Path

ARTICLES = "the|a|an|le|la|les|l|der|die|das|el|los|las|il|lo|gli|un|une|ein|eine"
YEAR = re.compile(r"\(?\b(1[89]\d\d|20\d\d)\)?\s*$")
NEAR = 60  # of 100: matches below it are not offered
EXACT = 95  # from here on a match is one of the movie's names, with or without its article
BEGINS = 88  # from here on the title begins with the text
BETTER_KNOWN = 3  # times the ratings: a series' movie that goes before the title that is its name
SURE = 82  # from here on a misspelt title is taken for what was meant …
AHEAD = 5  # … if the next best match is this much worse
OTHER_YEAR = 15  # what it costs a title to be of another year than was written


def find_movies(where: FactorModel | Ratings, text: str, n: int = 5) -> pd.DataFrame:
    """The titles that `text` could mean, best match first; of equal matches the best known first.

    All titles that begin with the text are equal matches. A title whose name is the text goes
    before them, unless the text is the name of a series too, and a movie of the series has more
    than three times its ratings: "Lord of the Rings" means those of 2001 to 2003 more often than
    that of 1978.

    Parameters
    ----------
    where : FactorModel or Ratings
        Whose titles.
    text : str
        Part of a title is enough, in any case, with or without article, accents and year.
    n : int
        Titles to return at most.

    Returns
    -------
    DataFrame, indexed by rank from 1
        Columns movieId, title, genres, match (up to 100: the title, or one of its names, itself),
        n_ratings. Empty where nothing is near.
    """
    match, series = _matches(where, text)
    exact = [movie for movie, closeness in match.items() if closeness >= EXACT]
    enough = BETTER_KNOWN * max((int(where.movie_counts[movie]) for movie in exact), default=0)
    order = {
        movie: BEGINS if BEGINS <= closeness < EXACT else closeness
        for movie, closeness in match.items()
    }
    order |= {movie: 101 for movie in series if exact and where.movie_counts[movie] > enough}
    return _best(where, match, order, n)


def movie_id_of(where: FactorModel | Ratings, movie: int | str) -> Any:
    """The id of the movie that `movie` names: an id, or a title as `find_movies` takes it.

    Raises
    ------
    KeyError
        For an id or a title that there isn't, with the nearest titles.
    ValueError
        For a title that could mean several; with the choice.
    """
    row = _row_of(where, movie)
    if row is not None:
        return where.movie_ids.item(row)
    if not isinstance(movie, str):
        raise KeyError(f"there is no id {movie!r} in {where!r}: write the title, or one of its ids")
    match, _ = _matches(where, movie)
    choice = _best(where, match, match, 5)
    if choice.empty:
        raise KeyError(f"no title is like {movie!r}: write a part of it, or the id")
    best = choice["match"].iloc[0]
    if best >= SURE:
        choice = choice[choice["match"] > best - AHEAD]
    titles = "; ".join(f"{row.title} [{row.movieId}]" for row in choice.itertuples())
    if best < SURE:
        raise KeyError(f"there is no title {movie!r}. The nearest: {titles}")
    if len(choice) > 1:
        raise ValueError(f"{movie!r} could be any of these: {titles}. Write one in full, or its id")
    return choice["movieId"].iloc[0]


def own_ratings(model: FactorModel, given: Given) -> pd.Series:
    """Ratings that somebody wrote down, checked: movieId to rating, float64, in their order.

    Parameters
    ----------
    model : FactorModel
        Whose movies they are.
    given : dict, Series, list of pairs, DataFrame, or path
        From movie to rating, each movie an id or a title. A table, or the CSV file at a path, has
        a column movieId or title, and a column rating.

    Raises
    ------
    KeyError, ValueError
        As `movie_id_of`; for a rating that is not a number on the model's scale, for a movie that
        is there twice, and for a table without these columns.
    """
    if isinstance(given, str | Path):
        given = pd.read_csv(given)
    if isinstance(given, pd.DataFrame):
        given = _pairs(given)
    elif isinstance(given, Mapping | pd.Series):
        given = given.items()
    ratings: dict[Any, float] = {}
    titles = model.movies["title"].to_numpy()
    for movie, rating in given:
        movie_id = movie_id_of(model, movie)
        if movie_id in ratings:
            raise ValueError(f"{movie!r} is rated twice: leave one of the two out")
        ratings[movie_id] = on_scale(model, titles[_row_of(model, movie_id)], rating)
    return pd.Series(
        list(ratings.values()), pd.Index(list(ratings), name="movieId"), np.float64, name="rating"
    )


def on_scale(model: FactorModel, what: Any, rating: Any) -> float:
    """The rating as a number. Raises ValueError, naming `what` was rated, for one off the scale."""
    low, high = model.scale
    try:
        number = float(rating)
    except (TypeError, ValueError):
        number = np.nan
    has_scale = STARS in model.says  # else `scale` is that of its scores
    if np.isnan(number) or (has_scale and not low <= number <= high):
        raise ValueError(
            f"the rating of {what!r} should be a number from {low:g} to {high:g}. "
            f"Received: {rating!r}"
        )
    return number


def _row_of(where: FactorModel | Ratings, movie_id: int | str) -> int | None:
    """The row with this id, if there is one; ids are in order."""
    ids = where.movie_ids
    if isinstance(movie_id, str) == np.issubdtype(ids.dtype, np.number):
        return None  # text among numbers, or a number among texts
    row = int(np.searchsorted(ids, movie_id))
    return row if row < len(ids) and ids[row] == movie_id else None


def _pairs(table: pd.DataFrame) -> Iterable[tuple[Any, Any]]:
    column = next((name for name in ("movieId", "title") if name in table), None)
    if column is None or "rating" not in table:
        raise ValueError(
            "a table of ratings needs a column `movieId` or `title`, and a column `rating`. "
            f"Received: the columns {', '.join(map(str, table.columns))}"
        )
    return zip(table[column].tolist(), table["rating"].tolist(), strict=True)


def _matches(where: FactorModel | Ratings, text: str) -> tuple[dict[int, float], set[int]]:
    """How near each title is, by row; and the rows of a series whose name is the text."""
    names = _names(tuple(where.movies["title"].astype(str)))
    match: dict[int, float] = {}
    series: set[int] = set()
    for wanted, year in _readings(text):
        closeness = _closeness(wanted, names)
        if year is not None:
            closeness -= OTHER_YEAR * (names.year != year)
        for name in np.flatnonzero(closeness >= NEAR).tolist():
            movie = names.movie[name]
            match[movie] = max(float(closeness[name]), match.get(movie, 0))
            if names.series[name] == wanted.short and year is None:
                series.add(movie)
    return match, series


def _best(
    where: FactorModel | Ratings, match: dict[int, float], order: dict[int, float], n: int
) -> pd.DataFrame:
    """The n rows with the highest `order`, as a frame with their `match`."""
    movies = np.fromiter(match, np.int64, len(match))
    score, counts = np.array([order[movie] for movie in movies.tolist()]), where.movie_counts
    best = movies[np.lexsort((movies, -counts[movies], -score))][:n] if len(movies) else movies
    frame = where.movies.iloc[best][["movieId", "title", "genres"]]
    frame = frame.assign(
        match=[round(match[movie], 1) for movie in best.tolist()], n_ratings=counts[best]
    )
    return frame.set_index(pd.RangeIndex(1, len(best) + 1, name="rank"))


# Plain forms --------------------------------------------------------------------------------


class Name(NamedTuple):
    """A name in two forms: with its article in front, and without; both plain."""

    whole: str
    short: str


class _Names:
    """Every name of every title, in both forms, its series, its row, and that row's year.

    The series of a name is what stands before its colon; empty where there is none.
    """

    def __init__(self, titles: Iterable[str]):
        self.whole: list[str] = []
        self.short: list[str] = []
        self.series: list[str] = []
        self.movie: list[int] = []
        years: list[int] = []
        for movie, title in enumerate(titles):
            for name in sorted(_alternatives(title)):
                self.whole.append(name.whole)
                self.short.append(name.short)
                self.series.append(_series(title, name))
                self.movie.append(movie)
                years.append(_year(title) or 0)
        self.year = np.array(years)


@functools.lru_cache(maxsize=4)
def _names(titles: tuple[str, ...]) -> _Names:
    return _Names(titles)


def _readings(text: str) -> list[tuple[Name, int | None]]:
    """What somebody may have meant: a number at the end is the year, or belongs to the title."""
    readings = [(_name(text), None), (_name(YEAR.sub("", text)), _year(text))]
    return [reading for reading in dict.fromkeys(readings) if reading[0].short]


def _alternatives(title: str) -> set[Name]:
    """The names in a title: all of it but the year, what stands before brackets, and in them."""
    title = YEAR.sub("", title)
    inside = re.findall(r"\(([^()]*)\)", title)
    inside = [re.sub(r"^\s*a\.?k\.?a\.?\s*", "", name, flags=re.IGNORECASE) for name in inside]
    names = {_name(name) for name in (title, re.sub(r"\([^()]*\)", " ", title), *inside)}
    return {name for name in names if name.short}


def _series(title: str, name: Name) -> str:
    """What a name begins with, if that stands before a colon in the title."""
    before, colon, _ = title.partition(":")
    series = _name(before).short
    return series if colon and name.short.startswith(f"{series} ") else ""


def _name(text: str) -> Name:
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(rf"^(.*), ({ARTICLES})\s*$", r"\2 \1", text.strip())
    text = re.sub(r"['’`]", "", text.replace("&", " and "))
    whole = re.sub(r"[^\w]+", " ", text).strip()
    return Name(whole, re.sub(rf"^(?:{ARTICLES})\s+", "", whole))


def _year(text: str) -> int | None:
    match = YEAR.search(text.strip())
    return int(match[1]) if match else None


def _closeness(text: Name, names: _Names) -> np.ndarray:
    """How near each name is: float64, (n_names,), up to 100.

    100 for the name itself, 95 but for its article; then what begins with the text, what has its
    words, and what is near it, or begins with what is near it.
    """
    wanted = text.short
    closeness = 0.95 * process.cdist([wanted], names.short, scorer=fuzz.ratio)[0]
    if len(wanted) > 4:
        beginnings = [short[: len(wanted)] for short in names.short]
        near = process.cdist([wanted], beginnings, scorer=fuzz.ratio)[0]
        closeness = np.maximum(closeness, 0.85 * near)
    words = [f" {word}" for word in wanted.split()]
    for i, (whole, short) in enumerate(zip(names.whole, names.short, strict=True)):
        if short.startswith(wanted):
            closeness[i] = 100 if whole == text.whole else 95 if short == wanted else 88
            if short[len(wanted) : len(wanted) + 1] == " ":
                closeness[i] = 90
        elif all(word in f" {short}" for word in words):
            closeness[i] = 86
    return closeness
