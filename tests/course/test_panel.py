"""The panel shows what the functions return, at every change, and says what is wrong."""

import base64
import dataclasses
import io
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from cflib import (
    fit_als,
    fit_bayes,
    fit_ease,
    fit_implicit,
    fit_means,
    fit_popularity,
    load,
    people,
)
from cflib.models import Recommender
from course import notebooks, page, panel, panel_map

ROOT = Path(__file__).resolve().parents[2]
MATRIX, FARGO, GUMP = 2571, 608, 356


@pytest.fixture(scope="module")
def als():
    return fit_als(load("movielens_2016"), iterations=4)


@pytest.fixture(scope="module")
def model(als):
    return Recommender.of(fit_implicit(load("movielens_2016"), iterations=4), als)


@pytest.fixture
def shown(model):
    return panel.show(model, {"The Matrix": 5})


def click_star(row, stars):
    """What a click on a star does."""
    row.stars.index = [value for _, value in row.choices].index(stars)


def offered(shown):
    return [row.movie_id for row in shown.offered if row.layout.display != "none"]


def listed(shown):
    return [card.movie_id for card in shown.cards if card.layout.display != "none"]


def upload(shown, text, name="mine.csv"):
    content = text if isinstance(text, bytes) else text.encode()
    shown.load.value = (
        {"name": name, "type": "text/csv", "size": len(content), "content": content}
        | {"last_modified": pd.Timestamp(0, tz="UTC").to_pydatetime()},
    )


def assert_is_what_the_functions_say(shown, model):
    person = people.fold_in(model, shown.ratings)
    table = people.recommend_new(model, person, 8, min_ratings=20)
    assert listed(shown) == table["movieId"].tolist()
    for card, row in zip(shown.cards, table.itertuples(), strict=True):
        assert f"</span>{row.prediction:.1f}<span" in card.info.value
        assert f"{row.n_ratings:,} ratings" in card.info.value
    rated = [row.movie_id for row in shown.rated_box.children]
    assert rated == list(shown.ratings)[::-1][: panel.RATED]
    for title in shown.places.nearest(person)["title"]:
        assert title.split(",")[0].split("'")[0].split(" (")[0] in shown.near.value


def test_each_click_on_a_star_changes_what_is_shown(shown, model):
    assert shown.ratings == {MATRIX: 5.0}
    assert_is_what_the_functions_say(shown, model)
    before = listed(shown)
    for text, movie_id, stars in (("forrest gump", GUMP, 4.5), ("fargo", FARGO, 5)):
        shown.query.value = text
        assert offered(shown)[0] == movie_id
        click_star(shown.offered[0], stars)
        assert shown.ratings[movie_id] == stars
        assert_is_what_the_functions_say(shown, model)
        assert listed(shown) != before
        before = listed(shown)
    shown.offered[0].remove.click()
    assert FARGO not in shown.ratings
    assert_is_what_the_functions_say(shown, model)


def test_marks_say_what_is_new_and_what_has_moved(shown):
    before = listed(shown)
    shown.rate(FARGO, 5)
    for place, card in enumerate(shown.cards):
        moved = before.index(card.movie_id) - place if card.movie_id in before else None
        assert ("new</span>" in card.info.value) == (moved is None)
        assert ("up </span>" in card.info.value) == (moved is not None and moved > 0)
    assert f"{len(set(listed(shown)) - set(before))} of 8 are new" in shown.list_note.value


def test_a_dislike_that_leaves_the_order_alone_is_seen_in_the_stars_and_said(shown, model):
    before = listed(shown)
    assert "was " not in shown.cards[0].info.value
    shown.rate(GUMP, 0.5)
    assert listed(shown) == before and "order is as before" in shown.list_note.value
    now = people.recommend_new(model, shown.ratings, 8, min_ratings=20)["prediction"]
    was = people.recommend_new(model, {MATRIX: 5}, 8, min_ratings=20)["prediction"]
    marked = ["was " in card.info.value for card in shown.cards]
    assert any(marked)
    assert marked == [f"{a:.1f}" != f"{b:.1f}" for a, b in zip(now, was, strict=True)]
    assert "1 that you do not like" in shown.reasons(listed(shown)[0])


def test_a_recommended_title_is_rated_in_its_place(shown):
    card = shown.cards[2]
    movie_id = card.movie_id
    card.seen.click()
    assert card.stars.layout.display is None
    click_star(card.stars, 3.5)
    assert shown.ratings[movie_id] == 3.5 and movie_id not in listed(shown)


@pytest.mark.parametrize("both", [True, False])
def test_reasons_come_when_asked_for_and_are_exact(both, model, als):
    shown = panel.show(model if both else als, {"the matrix": 5, "fargo": 4, "alien": 4.5})
    card = shown.cards[0]
    assert not card.reasons.value
    card.why.click()
    table = people.explain(shown.model, shown.ratings, card.movie_id)
    digits = 3 if both else 2  # a score is small
    for row in table.iloc[:-1].itertuples():
        assert f"{row.contribution:+.{digits}f}".replace("-", "−") in card.reasons.value
    assert f">{table.attrs['prediction']:.{digits}f}<" in card.reasons.value
    assert "adds to score" in card.reasons.value or not both
    card.why.click()
    assert not card.reasons.value


def test_of_many_reasons_the_largest_are_shown_and_all_are_counted(als):
    best = als.movies["movieId"].iloc[(-als.movie_counts).argsort()[:14]]
    shown = panel.show(als, dict.fromkeys(best.tolist(), 3.0))
    text = shown.reasons(listed(shown)[0])
    table = people.explain(als, shown.ratings, listed(shown)[0])
    rest = table.iloc[panel.REASONS : -1]
    assert f"the {len(rest)} others together" in text
    assert f"{rest['contribution'].sum():+.2f}".replace("-", "−") in text
    assert text.count("<tr>") == 1 + panel.REASONS + 1


def test_the_well_known_is_first_among_equal_matches(shown):
    shown.query.value = "alien"
    titles = [shown.about(movie_id)[0] for movie_id in offered(shown)]
    assert titles[:2] == ["Alien", "Aliens"]
    shown.query.value = "lord of the rings"
    years = [shown.about(movie_id)[1] for movie_id in offered(shown)]
    assert years[:4] == ["2001", "2002", "2003", "1978"]


def test_a_title_has_its_name_its_year_and_its_genres(shown):
    assert shown.about(MATRIX) == ("The Matrix", "1999", "Action, Sci-Fi, Thriller")
    assert panel._named("Beautiful Mind, A (2001)") == ("A Beautiful Mind", "2001")
    assert panel._named("book 7") == ("book 7", "")


def test_suggestions_are_the_most_telling_titles_and_others_on_request(shown, model):
    first = offered(shown)
    asked = people.questions(model, 11, people.fold_in(model, shown.ratings))["movieId"].tolist()
    assert first == asked[: panel.OFFERED]
    shown.others.click()
    assert len(offered(shown)) == panel.OFFERED and not set(offered(shown)) & set(first)


def test_undo_and_clear(shown):
    assert shown.undo.disabled
    shown.rate(FARGO, 1)
    shown.rate(MATRIX, 2)
    shown.clear.click()
    assert shown.ratings == {} and shown.clear.disabled
    for expected in ({MATRIX: 2.0, FARGO: 1.0}, {MATRIX: 5.0, FARGO: 1.0}, {MATRIX: 5.0}):
        shown.undo.click()
        assert shown.ratings == expected
    assert shown.undo.disabled


def test_what_is_saved_is_what_is_loaded(shown, model):
    shown.rate(FARGO, 3.5)
    data = re.search(r"base64,([^\"]+)", shown.save.value)[1]
    text = base64.b64decode(data)
    table = pd.read_csv(io.BytesIO(text))
    assert dict(zip(table["movieId"], table["rating"], strict=True)) == shown.ratings
    other = panel.show(model)
    upload(other, text)
    assert other.ratings == shown.ratings and listed(other) == listed(shown)
    other.undo.click()
    assert other.ratings == {}


def test_a_file_with_titles_and_one_with_unknown_ids_are_read(shown):
    upload(shown, "title,rating\nFargo,4\nThe Matrix,3\n")
    assert shown.ratings == {FARGO: 4.0, MATRIX: 3.0}
    upload(shown, f"movieId,rating\n{GUMP},2\n99999999,5\n")
    assert shown.ratings == {GUMP: 2.0} and "1 others" in shown.message.value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe\x00\x81", "no CSV file in UTF-8"),
        (b"", "no CSV file"),
        (b"a,b\n1,2\n", "needs a column"),
        (b"movieId,rating\n2571,9\n", "from 0.5 to 5"),
        (b"movieId,rating\n2571,3\n2571,4\n", "rated twice"),
        (b"title,rating\nqqqzzzz,3\n", "no title is like"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_and_changes_nothing(content, sentence, shown):
    upload(shown, content, "<b>mine</b>.csv")
    assert sentence in shown.message.value and "problem" in shown.message.value
    assert "<b>" not in shown.message.value
    assert shown.ratings == {MATRIX: 5.0}


def test_what_is_wrong_is_said_and_changes_nothing(shown):
    shown.rate(FARGO, 9)
    assert "from 0.5 to 5. Received: 9" in shown.message.value and "problem" in shown.message.value
    shown.query.value = "qqqzzzz"
    assert "No title is like" in shown.found.value and not offered(shown)
    assert shown.ratings == {MATRIX: 5.0}
    shown.rate(FARGO, 4)
    assert "problem" not in shown.message.value


def test_a_title_cannot_write_into_the_page(model):
    """Neither HTML, nor what a picture's text would take for a formula, nor a style's braces."""
    titles = [f"<b>{i}</b> $x_{i}^ \\frac{{ & movie: {{{{7*7}}}}" for i in range(model.n_movies)]
    movies = model.movies.assign(title=titles, genres="<i>$\\</i>")
    odd = dataclasses.replace(model, movies=movies)
    shown = panel.show(odd, {model.movie_ids[0].item(): 5})
    shown.cards[0].why.click()
    shown.query.value = "<b>7"
    texts = [widget.value for widget in all_in(shown) if isinstance(widget, panel.widgets.HTML)]
    assert not [text for text in texts if "<b>" in text or "<i>" in text]
    assert any("&lt;b&gt;" in text and "$x_" in text for text in texts)


def all_in(widget):
    inside = [each for child in getattr(widget, "children", ()) for each in all_in(child)]
    return inside or [widget]


def test_every_star_is_read_aloud_with_its_title(shown):
    for row in shown.offered:
        name = shown.about(row.movie_id)[0]
        labels = [label for label, _ in row.stars.options]
        assert labels[0] == f"0.5 of 5: {name}" and labels[-1] == f"5 of 5: {name}"


def test_the_star_is_where_the_map_has_it(shown, model):
    place = shown.places.place(people.fold_in(model, shown.ratings))
    x, y = shown.frame.share(*place)
    assert 0 < x < 1 and 0 < y < 1
    assert f"left: {x:.2%}; top: {y:.2%}" in shown.you.value
    movies = shown.places.movies
    right, top = movies["x"].idxmax(), movies["y"].idxmax()
    assert shown.frame.share(*movies.loc[right, ["x", "y"]])[0] == pytest.approx(0.95)
    assert shown.frame.share(*movies.loc[top, ["x", "y"]])[1] == pytest.approx(0.05)


def test_no_two_names_on_the_map_cover_each_other(shown):
    movies = shown.places.movies
    places = [shown.frame.share(x, y) for x, y in zip(movies["x"], movies["y"], strict=True)]
    names = ["a name of some length"] * len(places)
    for width in (panel_map.NARROW, panel_map.WIDE):
        chosen = list(panel_map._with_room(names, places, width))
        assert len(chosen) > 3
        height = width * panel_map.HEIGHT / panel_map.WIDTH
        long = panel_map.LETTER * len(names[0])
        at = [(width * places[i][0], height * places[i][1]) for i in chosen]
        for i, one in enumerate(at):
            for two in at[:i]:
                apart = abs(one[0] - two[0]) >= long or abs(one[1] - two[1]) >= panel_map.LINE
                assert apart


def test_a_change_draws_no_map_and_folds_in_once(shown, monkeypatch):
    calls = []
    fold_in = people.fold_in
    monkeypatch.setattr(people, "fold_in", lambda *args: calls.append(args) or fold_in(*args))
    monkeypatch.setattr(panel_map, "picture", None)
    shown.rate(FARGO, 1)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "fit",
    [
        fit_means,
        fit_popularity,
        fit_ease,
        fit_implicit,
        lambda ratings: fit_bayes(ratings, n_features=4, iterations=6, burn_in=3, n_samples=3),
    ],
)
def test_any_model_has_a_panel(fit):
    model = fit(load("movielens_2016"))
    shown = panel.show(model)
    assert len(listed(shown)) == 8
    row = shown.offered[0]
    movie_id = row.movie_id
    click_star(row, row.choices[-1][1])
    assert list(shown.ratings) == [movie_id] and movie_id not in listed(shown)
    assert "data:text/csv" in shown.save.value
    shown.cards[0].why.click()
    assert "<table>" in shown.cards[0].reasons.value or not model.n_features


@pytest.mark.parametrize(
    ("scale", "values"),
    [((1, 5), [1, 2, 3, 4, 5]), ((1, 10), list(range(1, 11))), ((-10, 10), []), ((0, 100), [])],
)
def test_each_scale_has_stars_or_a_number(scale, values, als):
    other = dataclasses.replace(als, scale=scale)
    assert [value for _, value in panel.choices(other)] == values
    row = panel.Rated(other, lambda movie_id, rating: given.append(rating))
    given = []
    row.fill(MATRIX, ("The Matrix", "1999", ""), None)
    if not values:
        row.stars.value = "2,5"
        assert given == ["2.5"]


def test_no_word_of_it_is_about_movies():
    """Ratings of books, from 1 to 10 and without genres, have a panel, too."""
    ratings = load("movielens_2016")
    books = ratings.movies.assign(title=[f"book {i}" for i in range(ratings.n_movies)], genres="")
    of_books = dataclasses.replace(ratings, movies=books, value=2 * ratings.value, scale=(1, 10))
    shown = panel.show(fit_als(of_books, iterations=2), {"book 7": 9})
    shown.cards[0].why.click()
    said = [panel.AS_TEXT]
    for widget in all_in(shown):
        said += [str(widget.get_state().get(key, "")) for key in ("value", "description")]
    said = [text for text in said if "<style>" not in text]
    assert not [text for text in said if re.search("movie(?!Id)|film", text, re.IGNORECASE)]


def test_where_there_is_no_kernel_a_sentence_stands_for_it(shown):
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", page.WIDGET}
    assert bundle["text/plain"] == repr(shown) == panel.AS_TEXT


def test_ratings_that_cannot_be_are_refused_at_once(model):
    with pytest.raises(ValueError, match="should be a number from 0.5 to 5"):
        panel.show(model, {"the matrix": 6})
    with pytest.raises(KeyError, match="no title is like"):
        panel.show(model, {"qqqzzzz": 3})


def test_the_app_is_the_panel(model, tmp_path, monkeypatch):
    """The notebook that `make app` serves runs to its end, and nothing is stored in it."""
    monkeypatch.setenv(panel.MODEL, str(model.save(tmp_path / "model.npz")))
    notebook = nbformat.read(ROOT / "course" / "app" / "panel.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not cell.outputs
    assert notebook.metadata == notebooks.METADATA | {"title": "Your recommendations"}
    NotebookClient(notebook, kernel_name="python3").execute()
    assert [output.output_type for output in cell.outputs] == ["execute_result"]
    assert cell.outputs[0].data["text/plain"] == panel.AS_TEXT
