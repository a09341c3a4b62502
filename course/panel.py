"""A panel in which a reader rates titles and sees their recommendations change at every rating.

Nothing is computed here: every change calls `people.fold_in` and shows the list, the reasons and
the place on the map that follow. Stars are radio buttons, so that they are clicked, reached by
keyboard and read aloud. A problem is told in a sentence in the panel. No text of the panel says
"movie", because the ratings may be of something else. How it looks is in `assets/panel.css`.
"""

from __future__ import annotations

import base64
import html
import io
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pandas as pd

from cflib import fit_als, fit_blend, load, load_model, people
from cflib.model import INTERVALS, STARS, FactorModel
from cflib.models import Recommender

from . import panel_map

AS_TEXT = (
    "[panel: search for a title, rate it, and see your recommendations, their reasons and your "
    "place on the map change. It works where this cell is run: in JupyterLab, or alone by "
    "`make app`]"
)
STYLE = Path(__file__).parent / "assets" / "panel.css"
REASONS = 8  # shown one by one; the others are summed up in one line
OFFERED = 5  # titles to rate, found or suggested
RATED = 6  # of the reader's ratings, before all are asked for
MOST_STARS = 10  # a scale with more steps has a field for a number
TITLE = re.compile(r"^(?P<name>.*?)\s*\((?P<year>\d{4})\)\s*$")
COUNTED = {"likes": "likes", "counts": "users", "thumbs": "votes"}  # else ratings
FILE = "my-ratings.csv"
MODEL = "CFLIB_PANEL_MODEL"  # in the environment: the file that `cflib app` shows


def show(model: FactorModel, ratings: Any = (), n: int = 8, min_ratings: int = 20) -> Panel:
    """The panel, as the value of a cell.

    Parameters
    ----------
    model : FactorModel
        A model of any kind. Its list is ordered by what ranks, and has expected ratings where it
        predicts them.
    ratings : dict, Series, list of pairs, DataFrame, str or Path
        The ratings to begin with, in any form that `people.own_ratings` takes.
    n : int
        Movies to recommend.
    min_ratings : int
        Leave out movies with fewer training ratings than this.

    Raises
    ------
    KeyError, ValueError
        As `people.own_ratings`.
    """
    return Panel(model, ratings, n, min_ratings)


def default_model() -> FactorModel:
    """The best ranker for the list and a predictor for the stars, on the ratings that are here."""
    ratings = load()
    return Recommender.of(fit_blend(ratings), fit_als(ratings))


def chosen_model() -> FactorModel:
    """The model that `cflib app` was started with; elsewhere `default_model`.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_model`.
    """
    path = os.environ.get(MODEL)
    return load_model(path) if path else default_model()


class Panel(widgets.Box):
    """What `show` returns. Its attribute `ratings` is a dict from movieId to rating."""

    def __init__(
        self, model: FactorModel, ratings: Any = (), n: int = 8, min_ratings: int = 20
    ) -> None:
        self.model, self.n, self.min_ratings = model, n, min_ratings
        self.ratings: dict[Any, float] = people.own_ratings(model, ratings).to_dict()
        self.earlier: list[dict[Any, float]] = []  # what undo goes back to, last one last
        self.recommended = pd.DataFrame()
        self.row_of = {movie_id: row for row, movie_id in enumerate(model.movie_ids.tolist())}
        self._make_widgets()
        self._draw_map()
        super().__init__(self._laid_out())
        self.add_class("cflib-panel")
        self._refresh()
        self._search()
        self._say(self.user.note())

    def __repr__(self) -> str:
        return AS_TEXT

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": AS_TEXT}

    # What is on the screen

    def _make_widgets(self) -> None:
        self.query = widgets.Text(description="Search", placeholder="part of a title")
        self.query.add_class("search")
        self.offered = [Rated(self.model, self.rate) for _ in range(OFFERED)]
        self.others = _button("Suggest others", "other titles that you may know", self._suggest)
        self.message, self.found = widgets.HTML(), widgets.HTML()
        self.message.add_class("message")
        self.cards = [Recommended(self, place) for place in range(1, self.n + 1)]
        self.list_note = widgets.HTML()
        self.rated: list[Rated] = []  # made when there is something to show
        self.rated_box = widgets.Box().add_class("rows")
        self.rated_head = widgets.HTML()
        self.all_shown = False
        self.more = _button("Show all", "show all of your ratings", self._show_all)
        self.undo = _button("Undo", "take your last change back", self._undo)
        self.clear = _button("Clear", "remove all of your ratings", self._clear)
        self.save = widgets.HTML().add_class("save")
        self.load = widgets.FileUpload(
            description="Load", accept=".csv", tooltip=f"read ratings from a file such as {FILE}"
        )
        self.load.icon = ""
        self.load.add_class("load")
        self.map, self.you, self.near = (widgets.HTML() for _ in range(3))
        self.you.add_class("over")
        self.query.observe(lambda change: self._search(), "value")
        self.load.observe(self._on_load, "value")

    def _laid_out(self) -> list[widgets.Widget]:
        def part(name: str, *inside: widgets.Widget) -> widgets.Box:
            return widgets.Box(list(inside)).add_class("part").add_class(name)

        rows = widgets.Box(self.offered).add_class("rows")
        tools = widgets.Box([self.undo, self.clear, self.save, self.load]).add_class("tools")
        parts = [
            part("find", _heading("Rate what you know"), self.query, self.found, rows, self.others)
        ]
        parts += [part("list", _heading("Recommended to you"), self.list_note, *self.cards)]
        parts += [part("mine", self.rated_head, self.message, tools, self.rated_box, self.more)]
        if self.places is not None:
            chart = widgets.Box([self.map, self.you]).add_class("map")
            parts.append(part("where", _heading("Your place on the map"), self.near, chart))
        style = widgets.HTML(f"<style>{STYLE.read_text(encoding='utf-8')}</style>")
        return [style.add_class("style"), *parts]

    # What the reader does

    def rate(self, movie_id: Any, rating: Any) -> None:
        """Take in one rating; None removes it. What cannot be is said, and changes nothing."""
        title = self._title(movie_id)
        if rating is None:
            if movie_id in self.ratings:
                self._change({m: r for m, r in self.ratings.items() if m != movie_id})
                self._say(f"{title} is removed. {self.user.note()}")
            return
        try:
            checked = people.own_ratings(self.model, {movie_id: rating}).to_dict()
        except (KeyError, ValueError) as problem:
            self._say(problem.args[0], problem=True)
            return
        if self.ratings.get(movie_id) != checked[movie_id]:
            self._change(self.ratings | checked)
            self._say(f"{title} is rated. {self.user.note()}")

    def _search(self) -> None:
        if not self.query.value.strip():
            self._suggest()
            return
        matches = people.find_movies(self.model, self.query.value, OFFERED)
        self._offer(matches["movieId"].tolist())
        self.found.value = (
            f"<p>No title is like “{html.escape(self.query.value)}”. Try a part of it.</p>"
            if matches.empty
            else "<p>The nearest titles:</p>"
        )

    def _suggest(self) -> None:
        """Offer the titles that would tell most, without those that are offered already."""
        self.query.value = ""
        before = {row.movie_id for row in self.offered}
        wanted = 2 * OFFERED + 1
        if self.model.n_features and self.model.n_users:
            titles = people.questions(self.model, wanted, self.user)
        else:
            titles = people.new_user_list(self.model, wanted + len(self.ratings))
        new = [m for m in titles["movieId"].tolist() if m not in before and m not in self.ratings]
        self._offer(new[:OFFERED])
        self.found.value = "<p>These would tell most about you:</p>" if new else ""

    def _offer(self, movie_ids: Sequence[Any]) -> None:
        for i, row in enumerate(self.offered):
            self._fill(row, movie_ids[i] if i < len(movie_ids) else None)

    def _show_all(self) -> None:
        self.all_shown = not self.all_shown
        self._show_rated()

    def _undo(self) -> None:
        if self.earlier:
            self.ratings = self.earlier.pop()
            self._refresh()
            self._say(f"Your last change is undone. {self.user.note()}")

    def _clear(self) -> None:
        if self.ratings:
            n = len(self.ratings)
            self._change({})
            self._say(f"{n} of your ratings are removed. Undo brings them back.")

    def _on_load(self, change: Any) -> None:
        if not change.new:
            return
        name, content = change.new[0]["name"], bytes(change.new[0]["content"])
        self.load.value = ()  # so that the same file can be chosen again
        try:
            ratings, unknown = self._read(content)
        except (KeyError, ValueError) as problem:
            self._say(f"{name}: {problem.args[0] if problem.args else problem}", problem=True)
            return
        self._change(ratings)
        rest = f" {unknown} others are of titles that are not known here." if unknown else ""
        self._say(f"{name}: {len(ratings)} ratings are read.{rest} Undo takes them back.")

    def _read(self, content: bytes) -> tuple[dict[Any, float], int]:
        """The ratings in a CSV file, and how many are of titles that the model does not have."""
        texts = {"title": str} | ({} if self._numbered else {"movieId": str})
        try:
            table = pd.read_csv(io.BytesIO(content), dtype=texts)
        except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
            raise ValueError("this is no CSV file in UTF-8") from None
        if "movieId" in table and "rating" in table:
            known = table["movieId"].isin(self.model.movie_ids)
            return people.own_ratings(self.model, table[known]).to_dict(), int((~known).sum())
        return people.own_ratings(self.model, table).to_dict(), 0

    @property
    def _numbered(self) -> bool:
        return self.model.movie_ids.dtype.kind in "iu"

    def _change(self, ratings: dict[Any, float]) -> None:
        self.earlier.append(self.ratings)
        self.ratings = ratings
        self._refresh()

    # What the model says

    def _refresh(self) -> None:
        """Show everything anew."""
        self.user = people.fold_in(self.model, self.ratings)
        before = self.recommended
        self.recommended = people.recommend_new(
            self.model, self.user, self.n, min_ratings=self.min_ratings
        )
        self._show_list([] if before.empty else before["movieId"].tolist())
        self._show_rated()
        self._place()
        for row in self.offered:
            if row.movie_id is not None:
                self._fill(row, row.movie_id)
        if not self.query.value and all(row.movie_id in self.ratings for row in self.offered):
            self._suggest()

    def _show_list(self, before: list[Any]) -> None:
        movie_ids = self.recommended["movieId"].tolist()
        opened = {card.movie_id: card.is_open for card in self.cards}
        was = {card.movie_id: card.expected for card in self.cards}
        low = high = None
        if INTERVALS in self.model.says and movie_ids:
            low, high = self.user.interval()
        for i, card in enumerate(self.cards):
            if i >= len(movie_ids):
                card.fill(None)
                continue
            movie_id = movie_ids[i]
            row = self.row_of[movie_id]
            record = self.recommended.iloc[i]
            stars = record["prediction"] if "prediction" in record.index else None
            ends = None if low is None or high is None else (low[row], high[row])
            move = _move(movie_id, i, before)
            card.fill(movie_id, move, stars, ends, was.get(movie_id), opened.get(movie_id))
        self.list_note.value = f'<p class="quiet">{self._how_changed(before, movie_ids)}</p>'

    def _how_changed(self, before: list[Any], now: list[Any]) -> str:
        """What the last change did to the list, in a sentence."""
        if not now:
            return f"Nothing is left that has {self.min_ratings} ratings or more."
        if not before:
            return "Rate a title, and this list changes."
        left = [movie_id for movie_id in before if movie_id not in self.ratings]
        if left == now[: len(left)] and self.model.predictor not in (None, self.model.ranker):
            return (
                "The order is as before. It follows from what you like: a low rating takes only "
                "the title itself away, and changes the expected ratings."
            )
        return f"{len(set(now) - set(before))} of {len(now)} are new since your last change."

    def _show_rated(self) -> None:
        newest = list(self.ratings)[::-1]
        shown = newest if self.all_shown else newest[:RATED]
        while len(self.rated) < len(shown):
            self.rated.append(Rated(self.model, self.rate))
        for row, movie_id in zip(self.rated, shown, strict=False):
            self._fill(row, movie_id)
        self.rated_box.children = self.rated[: len(shown)]
        n = len(self.ratings)
        self.rated_head.value = f"<h2>Your ratings{f' ({n})' if n else ''}</h2>"
        self.more.layout.display = None if n > RATED else "none"
        self.more.description = f"Show the last {RATED}" if self.all_shown else f"Show all {n}"
        self.undo.disabled, self.clear.disabled = not self.earlier, not n
        self.save.value = self._save_link() if n else ""

    def _save_link(self) -> str:
        """A link that saves the ratings: the file is in the link itself."""
        movies = self.model.movies.iloc[self.user.movie_index][["movieId", "title"]]
        table = movies.assign(rating=list(self.ratings.values())).to_csv(index=False)
        data = base64.b64encode(table.encode()).decode()
        return f'<a download="{FILE}" href="data:text/csv;base64,{data}">Save</a>'

    def reasons(self, movie_id: Any) -> str:
        """Why a title is recommended, as HTML."""
        table = people.explain(self.model, self.user, movie_id)
        *reasons, baseline = table.itertuples()
        if not reasons:
            return "<p>You have rated nothing yet: this is what anybody new is shown.</p>"
        lines = [
            (_named(row.title)[0], f"{row.rating:g}", row.contribution)
            for row in reasons
            if row.contribution
        ]
        nothing = len(reasons) - len(lines)
        shown, rest = lines[:REASONS], lines[REASONS:]
        if rest:
            total = sum(adds for *_, adds in rest)
            shown.append((f"the {len(rest)} others together", "", total))
        if nothing:
            shown.append((f"{nothing} that you do not like", "", 0.0))
        largest = max(abs(adds) for *_, adds in shown) or 1
        stars = STARS in self.model.ranker.says
        adds_to, digits = ("adds", 2) if stars else ("adds to score", 3)  # scores are small
        body = "".join(
            f'<tr><td>{html.escape(title)}</td><td class="number">{rating}</td>'
            f'<td class="number">{_signed(adds, digits)}</td>'
            f'<td class="bars">{_bar(adds / largest)}</td></tr>'
            for title, rating, adds in shown
        )
        for name, value in (
            ("without your ratings", baseline.contribution),
            ("together", table.attrs["prediction"]),
        ):
            body += (
                f'<tr class="sum"><td>{name}</td><td></td>'
                f'<td class="number">{value:.{digits}f}</td><td class="bars"></td></tr>'
            )
        return (
            '<table><thead><tr><th scope="col">because you gave</th><th scope="col" '
            f'class="number">rating</th><th scope="col" class="number">{adds_to}</th>'
            '<td class="bars"></td></tr>'
            f"</thead><tbody>{body}</tbody></table>"
        )

    def _draw_map(self) -> None:
        """Draw the map, once; `_place` moves the reader's star over it."""
        self.places = people.movie_map(self.model) if self._has_map else None
        if self.places is not None:
            self.frame = panel_map.Frame.around(self.places.movies)
            self.map.value = panel_map.picture(self.places.movies, self.frame)

    @property
    def _has_map(self) -> bool:
        return self.model.n_features > 1 and self.model.n_users > 0

    def _place(self) -> None:
        if self.places is None:
            return
        self.you.value = panel_map.reader(*self.frame.share(*self.places.place(self.user)))
        names = [_named(title)[0] for title in self.places.nearest(self.user)["title"]]
        near = html.escape("; ".join(names))
        self.near.value = f"<p>☆ is you. Nearest to you: {near}.</p>"

    # Small things

    def _fill(self, row: Rated, movie_id: Any) -> None:
        row.fill(movie_id, self.about(movie_id), self.ratings.get(movie_id))

    def about(self, movie_id: Any) -> tuple[str, str, str]:
        """Name, year, and genres of a title, "" where there is none."""
        if movie_id is None:
            return "", "", ""
        movie = self.model.movies.iloc[self.row_of[movie_id]]
        genres = str(movie["genres"]).replace("(no genres listed)", "").replace("|", ", ")
        return *_named(str(movie["title"])), genres

    def _title(self, movie_id: Any) -> str:
        return self.about(movie_id)[0]

    def _say(self, sentence: str, problem: bool = False) -> None:
        kind = ' class="problem"' if problem else ""
        sentence = sentence[:1].upper() + sentence[1:]
        self.message.value = f'<p role="status"{kind}>{html.escape(sentence)}</p>'


class Rated(widgets.Box):
    """A title with its stars to click, and a button that takes the rating back."""

    def __init__(
        self, model: FactorModel, on_rate: Callable[[Any, Any], None], titled: bool = True
    ) -> None:
        self.movie_id: Any = None
        self.choices = choices(model)
        self._on_rate, self._quiet, self._high = on_rate, False, model.scale[1]
        self.info = widgets.HTML().add_class("info")
        self.stars = self._field(model)
        self.remove = _button("Remove", "remove your rating", self._remove).add_class(
            "quiet-button"
        )
        super().__init__([self.info, self.stars, self.remove] if titled else [self.stars])
        self.add_class("row")

    def _field(self, model: FactorModel) -> widgets.Widget:
        if not self.choices:
            low, high = model.scale
            field = widgets.Text(
                description="Rating",
                placeholder=f"{low:g} to {high:g}",
                continuous_update=False,
            ).add_class("number-field")
            field.observe(self._on_text, "value")
            return field
        field = widgets.RadioButtons(options=[("", 0)], index=None, orientation="horizontal")
        values = [value for _, value in self.choices]
        looks = "words" if self.choices[0][0] else "halves" if values[0] % 1 else "wholes"
        field.add_class("stars").add_class(looks)
        field.observe(self._on_index, "index")
        return field

    def fill(self, movie_id: Any, about: tuple[str, str, str], rating: float | None) -> None:
        """Show this title and this rating; a title of None hides the row."""
        self._quiet = True
        self.layout.display = None if movie_id is not None else "none"
        if movie_id != self.movie_id:
            self.movie_id = movie_id
            self.info.value = _info(*about)
            if self.choices:
                name = about[0]
                with self.stars.hold_sync():
                    self.stars.options = [
                        (word or f"{value:g} of {self._high:g}: {name}", value)
                        for word, value in self.choices
                    ]
                    self.stars.index = None
        if self.choices:
            values = [value for _, value in self.choices]
            index = None
            if rating is not None:
                index = min(range(len(values)), key=lambda i: abs(values[i] - rating))
            if self.stars.index != index:
                self.stars.index = index
        else:
            self.stars.value = "" if rating is None else f"{rating:g}"
        self.remove.layout.visibility = None if rating is not None else "hidden"
        self._quiet = False

    def _on_index(self, change: Any) -> None:
        if not self._quiet and change.new is not None:
            self._on_rate(self.movie_id, self.choices[change.new][1])

    def _on_text(self, change: Any) -> None:
        if not self._quiet:
            self._on_rate(self.movie_id, change.new.strip().replace(",", ".") or None)

    def _remove(self) -> None:
        self._on_rate(self.movie_id, None)


class Recommended(widgets.Box):
    """A recommended title: its place, its expected rating, why; and stars to rate it."""

    def __init__(self, panel: Panel, place: int) -> None:
        self.panel, self.place, self.movie_id = panel, place, None
        self.is_open = False
        self.expected: float | None = None  # the rating that is shown
        self.info = widgets.HTML().add_class("info")
        self.why = _button("Why?", "what each of your ratings adds", self._toggle_reasons)
        self.seen = _button("Rate it", "rate this title", self._toggle_stars)
        self.stars = Rated(panel.model, panel.rate, titled=False)
        self.reasons = widgets.HTML().add_class("reasons")
        buttons = widgets.Box([self.why, self.seen]).add_class("buttons")
        super().__init__([self.info, buttons, self.stars, self.reasons])
        self.add_class("card")

    def fill(
        self,
        movie_id: Any,
        move: str = "",
        stars: float | None = None,
        ends: tuple[float, float] | None = None,
        was: float | None = None,
        is_open: bool | None = False,
    ) -> None:
        """Show this title, and the rating `was` expected before; None hides the card."""
        self.expected = stars
        self.layout.display = None if movie_id is not None else "none"
        if movie_id != self.movie_id:
            self.stars.layout.display, self.seen.description = "none", "Rate it"
        self.movie_id, self.is_open = movie_id, bool(is_open)
        if movie_id is None:
            return
        self.info.value = (
            f'<div class="recommended{" fresh" if "new" in move else ""}">'
            f'<span class="rank" aria-hidden="true">{self.place}</span>'
            f"<div>{_info(*self.panel.about(movie_id), move)}{self._expected(stars, ends, was)}"
            "</div></div>"
        )
        self._show_reasons()

    def _expected(
        self, stars: float | None, ends: tuple[float, float] | None, was: float | None
    ) -> str:
        count = self.panel.model.movie_counts[self.panel.row_of[self.movie_id]]
        kind = COUNTED.get(self.panel.model.kind, "ratings")
        behind = f'<span class="quiet">{count:,} {kind}</span>'
        if stars is None:
            return f'<p class="expected">{behind}</p>'
        low, high = (self.panel.model.predictor or self.panel.model).scale
        number = f"{stars:.1f}"
        if ends is not None:
            number += f' <span class="quiet">({ends[0]:.1f}–{ends[1]:.1f})</span>'
        if was is not None and f"{was:.1f}" != f"{stars:.1f}":
            behind = f'<span class="mark">was {was:.1f}</span> {behind}'
        picture = ""
        if 0 <= low and high <= MOST_STARS and high >= 2:
            of, n = f"{100 * stars / high:.0f}%", round(high)
            picture = (
                f'<span class="glyphs" style="--n: {n}; --of: {of}" aria-hidden="true"></span>'
            )
        return (
            f'<p class="expected">{picture}<span><span class="said">expected rating </span>{number}'
            f'<span class="said"> of {high:g}</span></span> {behind}</p>'
        )

    def _toggle_reasons(self) -> None:
        self.is_open = not self.is_open
        self._show_reasons()

    def _show_reasons(self) -> None:
        self.why.description = "Hide reasons" if self.is_open else "Why?"
        self.reasons.value = self.panel.reasons(self.movie_id) if self.is_open else ""
        self.reasons.layout.display = None if self.is_open else "none"

    def _toggle_stars(self) -> None:
        hidden = self.stars.layout.display == "none"
        if hidden:
            self.stars.fill(self.movie_id, self.panel.about(self.movie_id), None)
        self.stars.layout.display = None if hidden else "none"
        self.seen.description = "Not now" if hidden else "Rate it"


def choices(model: FactorModel) -> list[tuple[str, float]]:
    """What a title can be rated: a word, or "" for that many stars, and the value; none: a number.

    A model of likes, of counts, or one that only ranks, takes likes. A scale of 0.5 or 1 to at
    most 10 has stars, with halves where it begins with a half.
    """
    low, high = model.scale
    if model.kind == "thumbs":
        return [("Dislike", 0.0), ("Like", 1.0)]
    if model.kind != "ratings" or model.predictor is None:
        threshold = getattr(model.settings, "threshold", None)
        return [("Like", 1.0 if threshold is None else float(threshold))]
    if low not in (0.5, 1) or high != int(high) or high > MOST_STARS:
        return []
    steps = round((high - low) / low) if low == 0.5 else round(high - low)
    return [("", low + i * min(low, 1.0)) for i in range(steps + 1)]


def _named(title: str) -> tuple[str, str]:
    """A title's name as it is spoken, and its year ("" where there is none)."""
    match = TITLE.match(title)
    name, year = (match["name"], match["year"]) if match else (title, "")
    return re.sub(r"^(.*), (The|An?)(?= \(|$)", r"\2 \1", name), year


def _info(name: str, year: str, genres: str, move: str = "") -> str:
    about = " · ".join(html.escape(part) for part in (year, genres) if part)
    return f'<p class="name">{html.escape(name)}{move}</p>' + (
        f'<p class="quiet">{about}</p>' if about else ""
    )


def _move(movie_id: Any, place: int, before: list[Any]) -> str:
    """How a title's place has changed, as a mark; "" where it has not."""
    if not before or (movie_id in before and before.index(movie_id) == place):
        return ""
    if movie_id not in before:
        return ' <span class="mark new">new</span>'
    by = before.index(movie_id) - place
    arrow, word = ("▲", "up") if by > 0 else ("▼", "down")
    return (
        f' <span class="mark"><span aria-hidden="true">{arrow}</span>'
        f'<span class="said">{word} </span>{abs(by)}</span>'
    )


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _bar(share: float) -> str:
    """A bar from the middle of its cell, to the right, or to the left where `share` is negative."""
    left, kind = (50.0, "") if share >= 0 else (50 + 50 * share, " less")
    return (
        f'<div class="bar"><div class="length{kind}" '
        f'style="left: {left:.0f}%; width: {abs(50 * share):.0f}%"></div></div>'
    )


def _heading(text: str) -> widgets.HTML:
    return widgets.HTML(f"<h2>{text}</h2>")


def _button(text: str, tooltip: str, on_click: Callable[[], None]) -> widgets.Button:
    button = widgets.Button(description=text, tooltip=tooltip)
    button.on_click(lambda _: on_click())
    return button
