"""The panel shows what the functions return, at every change, and says what is wrong."""

import dataclasses
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.text import Text
from nbclient import NotebookClient

from cflib import fit_als, fit_means, load, people
from course import figures, notebooks, page, panel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model():
    return fit_als(load("movielens_2016"), iterations=4)


@pytest.fixture
def shown(model):
    return panel.show(model, {"The Matrix": 5})


def rate(shown, text, stars):
    shown.query.value = text
    shown.stars.value = stars
    shown.rate.click()


def assert_is_what_the_functions_say(shown, model):
    person = people.fold_in(model, shown.ratings)
    table = people.recommend_new(model, person, 8, min_ratings=20)
    assert shown.recommended.equals(table)
    assert [movie for _, movie in shown.why.options] == table["movieId"].tolist()
    for row in table.itertuples():
        assert f"{row.prediction:.2f}" in shown.list.value
    assert [movie for _, movie in shown.rated.options] == list(shown.ratings)
    reasons = people.explain(model, person, shown.why.value)
    for row in reasons.iloc[:-1].itertuples():
        assert f"{row.contribution:+.2f}" in shown.reasons.value
    assert f"{reasons.attrs['prediction']:.2f}" in shown.reasons.value
    for title in shown.places.nearest(person)["title"]:
        assert title.split(",")[0].split("'")[0] in shown.near.value


def test_ratings_given_and_removed_change_what_is_shown(shown, model):
    assert shown.ratings == {2571: 5.0}
    assert_is_what_the_functions_say(shown, model)
    before = shown.recommended["movieId"].tolist(), shown.you.value
    rate(shown, "forrest gump", 1)
    rate(shown, "toy story (1995)", 0.5)
    assert shown.ratings == {2571: 5.0, 356: 1.0, 1: 0.5} and shown.rated.value == 1
    assert_is_what_the_functions_say(shown, model)
    assert (shown.recommended["movieId"].tolist(), shown.you.value) != before
    for movie in (356, 1):
        shown.rated.value = movie
        shown.remove.click()
    assert shown.ratings == {2571: 5.0}
    assert (shown.recommended["movieId"].tolist(), shown.you.value) == before
    shown.remove.click()
    assert not shown.ratings and "No ratings yet" in shown.message.value
    assert_is_what_the_functions_say(shown, model)
    shown.remove.click()
    assert "rate something first" in shown.message.value


def test_a_movie_rated_again_has_its_last_rating(shown):
    rate(shown, "the matrix", 2)
    assert shown.ratings == {2571: 2.0} and shown.rated.options[0][0].startswith("2 · Matrix")


def test_the_movie_chosen_among_the_matches_is_the_one_rated(shown):
    shown.query.value = "star wars"
    titles = [title for title, _ in shown.matches.options]
    assert len(titles) == 5 and all("Star Wars" in title for title in titles)
    shown.matches.value = 1196
    shown.stars.value = 4.5
    shown.rate.click()
    assert shown.ratings[1196] == 4.5


def test_without_a_search_the_most_telling_movies_are_offered(shown, model):
    for _ in range(2):
        asked = people.questions(model, 5, people.fold_in(model, shown.ratings))
        assert [movie for _, movie in shown.matches.options] == asked["movieId"].tolist()
        shown.rate.click()  # the first of them
    assert len(shown.ratings) == 3


def test_another_movie_can_be_explained(shown, model):
    for _, movie in shown.why.options[1:3]:
        shown.why.value = movie
        assert_is_what_the_functions_say(shown, model)


def test_what_is_wrong_is_said_and_changes_nothing(shown):
    for text, stars, sentence in [
        ("the matrix", 9, "from 0.5 to 5. Received: 9"),
        ("the matrix", float("nan"), "Received: nan"),
        ("qqqzzzz", 3, "No title is like"),
    ]:
        rate(shown, text, stars)
        assert sentence in shown.message.value and "problem" in shown.message.value
    assert shown.ratings == {2571: 5.0}
    rate(shown, "fargo", 4)
    assert "problem" not in shown.message.value


def test_a_title_cannot_write_into_the_page(model):
    named = model.movies.assign(title=[f"<b>{i}</b> & movie" for i in range(model.n_movies)])

    shown = panel.show(dataclasses.replace(model, movies=named), {model.movie_ids[0].item(): 5})
    for widget in (shown.list, shown.reasons, shown.near):
        assert "<b>" not in widget.value and "&lt;b&gt;" in widget.value


def test_every_field_has_a_label(shown):
    fields = shown.query, shown.matches, shown.stars, shown.rated, shown.why
    buttons = shown.rate, shown.remove
    labels = [widget.description for widget in (*fields, *buttons)]
    assert all(labels) and len(set(labels)) == len(labels)


def test_the_star_is_where_the_map_has_it(shown, model):
    person = people.fold_in(model, shown.ratings)
    place = shown.places.place(person)
    x, y = shown._on_picture.transform(place)
    assert 0 < x < 1 and 0 < y < 1
    movie = shown.places.movies.iloc[0]
    right = shown._on_picture.transform((movie["x"], movie["y"]))
    assert np.sign(right[0] - x) == np.sign(movie["x"] - place[0])
    assert f"left: {x:.2%}; top: {1 - y:.2%}" in shown.you.value


def test_of_many_reasons_the_largest_are_shown_and_all_are_counted(shown, model):
    for movie in model.movie_ids[np.argsort(-model.movie_counts)[:14]]:
        shown.ratings[movie.item()] = 3.0
    shown._refresh()
    table = people.explain(model, shown.ratings, shown.why.value)
    largest, rest = table.iloc[: panel.REASONS], table.iloc[panel.REASONS : -1]
    for row in largest.itertuples():
        assert f"{row.contribution:+.2f}" in shown.reasons.value
    others = f"<td>the {len(rest)} others together</td>"
    total = f'<td class="number"></td><td class="number">{rest["contribution"].sum():+.2f}'
    assert others + total in shown.reasons.value
    assert shown.reasons.value.count("<tr>") == 1 + panel.REASONS + 1


def test_no_word_of_it_is_about_movies():
    """Ratings of books, from 1 to 10 and without genres, have a panel, too."""
    ratings = load("movielens_2016")
    books = ratings.movies.assign(title=[f"book {i}" for i in range(ratings.n_movies)], genres="")
    of_books = dataclasses.replace(ratings, movies=books, value=2 * ratings.value, scale=(1, 10))
    shown = panel.show(fit_als(of_books, iterations=2), {"book 7": 9})
    said = [panel.AS_TEXT, *map(str, figures.movie_map(shown.places.movies).findobj(Text))]
    for _ in range(2):  # the second time there is nothing left to remove
        said += [str(widget.get_state()) for widget in _all_in(shown)]
        shown.remove.click()
    said.append(shown.message.value)
    assert not [text for text in said if re.search("movie|film|stars", text, re.IGNORECASE)]


def _all_in(widget):
    inside = [each for child in getattr(widget, "children", ()) for each in _all_in(child)]
    return inside or [widget]


def test_a_change_draws_no_map_and_folds_in_once(shown, monkeypatch):
    calls = []
    fold_in = people.fold_in
    monkeypatch.setattr(people, "fold_in", lambda *args: calls.append(args) or fold_in(*args))
    monkeypatch.setattr(figures, "movie_map", None)
    rate(shown, "fargo", 1)
    assert len(calls) == 1


def test_where_there_is_no_kernel_a_sentence_stands_for_it(shown):
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", page.WIDGET}
    assert bundle["text/plain"] == repr(shown) == panel.AS_TEXT


def test_a_model_without_features_has_a_panel_without_a_map():
    shown = panel.show(fit_means(load("movielens_2016")), {"the matrix": 5})
    assert len(shown.recommended) == 8 and not shown.map.value and not shown.you.value


def test_ratings_that_cannot_be_are_refused_at_once(model):
    with pytest.raises(ValueError, match="should be a number from 0.5 to 5"):
        panel.show(model, {"the matrix": 6})
    with pytest.raises(KeyError, match="no title is like"):
        panel.show(model, {"qqqzzzz": 3})


def test_the_app_is_the_panel(monkeypatch):
    """The notebook that `make app` serves runs to its end, and nothing is stored in it."""
    monkeypatch.setenv("CFLIB_OFFLINE", "1")
    monkeypatch.delenv("CFLIB_DATA", raising=False)
    notebook = nbformat.read(ROOT / "course" / "app" / "panel.ipynb", as_version=4)
    (cell,) = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not cell.outputs and notebook.metadata == notebooks.METADATA
    NotebookClient(notebook, kernel_name="python3").execute()
    assert [output.output_type for output in cell.outputs] == ["execute_result"]
    assert cell.outputs[0].data["text/plain"] == panel.AS_TEXT
