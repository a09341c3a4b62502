"""A panel in which a reader rates movies and sees their recommendations change at every rating.

Nothing is computed here: every change calls `people.fold_in` and shows the list, the reasons and
the place on the map that follow. The map is drawn once, and a star moves over it. Every field has a
label and takes the keyboard. A problem is told in a sentence in the panel. No text of the panel
says "movie", because the ratings may be of something else.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from cflib import people
from cflib.model import FactorModel

from . import figures

AS_TEXT = (
    "[panel: search for a title, rate it, and see your recommendations, their reasons and your "
    "place on the map change. It works where this cell is run: in JupyterLab, or alone by "
    "`make app`]"
)
STYLE = """<style>
.cflib-panel .cflib-message { max-width: 420px; }
.cflib-panel .cflib-message .widget-html-content { white-space: normal; }
.cflib-panel table { border-collapse: collapse; font-size: 13px; line-height: 1.35; }
.cflib-panel th, .cflib-panel td { padding: 2px 10px 2px 0; text-align: left;
  border-bottom: 1px solid #dfe3ea; }
.cflib-panel td.number, .cflib-panel th.number { text-align: right; }
.cflib-panel td.bar { position: relative; width: 130px; padding: 0; }
.cflib-panel td.bar div { position: absolute; top: 20%; height: 60%; background: #0072b2; }
.cflib-panel td.bar div.less { background: #d55e00; }
.cflib-panel tr.sum td { border-top: 2px solid #9aa3b2; font-weight: 600; }
.cflib-panel h3 { margin: 10px 0 4px; font-size: 15px; }
.cflib-panel p { margin: 4px 0; line-height: 1.4; }
.cflib-panel .problem { color: #b3261e; font-weight: 600; }
.cflib-panel .map { position: relative; max-width: 760px; overflow: hidden; }
.cflib-panel .map .widget-html, .cflib-panel .map .widget-html-content { margin: 0; }
.cflib-panel .map img { width: 100%; display: block; }
.cflib-panel .map .over { position: absolute; inset: 0; }
.cflib-panel .map svg { position: absolute; width: 28px; transform: translate(-50%, -50%);
  fill: none; stroke-linejoin: round; }
</style>"""
STAR = "M12 1.5l3.2 6.9 7.3.9-5.4 5 1.5 7.4L12 18l-6.6 3.7 1.5-7.4-5.4-5 7.3-.9z"
REASONS = 10  # shown one by one; the others are summed up in one line


def show(model: FactorModel, ratings: Any = (), n: int = 8, min_ratings: int = 20) -> Panel:
    """The panel, as the value of a cell.

    Parameters
    ----------
    model : FactorModel
        A model that predicts ratings.
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


class Panel(widgets.VBox):
    """What `show` returns. Its attribute `ratings` is a dict from movieId to rating."""

    def __init__(
        self, model: FactorModel, ratings: Any = (), n: int = 8, min_ratings: int = 20
    ) -> None:
        self.model, self.n, self.min_ratings = model, n, min_ratings
        self.ratings: dict = people.own_ratings(model, ratings).to_dict()
        self._make_widgets()
        self._draw_map()
        super().__init__(self._laid_out())
        self.add_class("cflib-panel")
        self._refresh()

    def __repr__(self) -> str:
        return AS_TEXT

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": AS_TEXT}

    # What is on the screen

    def _make_widgets(self) -> None:
        low, high = self.model.scale
        wide, across = {"description_width": "95px"}, widgets.Layout(width="420px")
        self.query = widgets.Text(
            description="Search",
            placeholder="part of a title; empty: the most telling titles",
            style=wide,
            layout=across,
        )
        self.matches = widgets.Select(description="Found", rows=5, style=wide, layout=across)
        step = 0.5 if high - low <= 5 else 1
        self.stars = widgets.FloatText(
            value=high - step,
            step=step,
            description=f"Rating, {low:g}–{high:g}",
            tooltip=f"your rating, from {low:g} to {high:g}",
            style=wide,
            layout=widgets.Layout(width="200px"),
        )
        self.rate = widgets.Button(description="Rate", button_style="primary")
        self.rated = widgets.Select(description="You rated", rows=7, style=wide, layout=across)
        self.remove = widgets.Button(description="Remove")
        self.message, self.list, self.reasons = (widgets.HTML() for _ in range(3))
        self.map, self.you, self.near = (widgets.HTML() for _ in range(3))
        self.message.add_class("cflib-message")
        self.you.add_class("over")
        self.why = widgets.Dropdown(description="Why", style=wide, layout=across)
        self.query.observe(lambda change: self._search(), "value")
        self.why.observe(self._on_why, "value")
        self.rate.on_click(lambda button: self._rate())
        self.remove.on_click(lambda button: self._remove())

    def _laid_out(self) -> list[widgets.Widget]:
        inputs = [self.query, self.matches, widgets.HBox([self.stars, self.rate]), self.message]
        inputs += [self.rated, self.remove]
        answers = [self.list, self.why, self.reasons]
        beside = widgets.Layout(flex_flow="row wrap", grid_gap="0 32px")
        columns = widgets.Box([widgets.VBox(inputs), widgets.VBox(answers)], layout=beside)
        picture = widgets.Box([self.map, self.you]).add_class("map")
        return [widgets.HTML(STYLE), columns, self.near, picture]

    # What the reader does

    def _search(self) -> None:
        if self.query.value:
            matches = people.find_movies(self.model, self.query.value)
        elif self.model.n_features:
            matches = people.questions(self.model, 5, self.user)
        else:
            matches = people.new_user_list(self.model, 5)
        _choice(self.matches, [(row.title, row.movieId) for row in matches.itertuples()], 0)
        if self.query.value and matches.empty:
            self._say(f"No title is like “{self.query.value}”: try a part of it.", problem=True)
        else:
            self._say(self.user.note())

    def _rate(self) -> None:
        try:
            movie_id = self.matches.value
            if movie_id is None:
                movie_id = people.movie_id_of(self.model, self.query.value)
            rating = people.own_ratings(self.model, {movie_id: self.stars.value})
        except (KeyError, ValueError) as problem:
            self._say(problem.args[0], problem=True)
        else:
            self.ratings |= rating.to_dict()
            self._refresh(movie_id)

    def _remove(self) -> None:
        if self.rated.value is None:
            self._say("There is nothing to remove: rate something first.", problem=True)
        else:
            del self.ratings[self.rated.value]
            self._refresh()

    # What the model says

    def _refresh(self, last: Any = None) -> None:
        """Show everything anew; `last` is the movieId that was rated last."""
        self.user = people.fold_in(self.model, self.ratings)
        titles = self.model.movies["title"].iloc[self.user.movie_index]
        rated = [
            (f"{stars:g} · {title}", movie_id)
            for (movie_id, stars), title in zip(self.ratings.items(), titles, strict=True)
        ]
        _choice(self.rated, rated, list(self.ratings).index(last) if last in self.ratings else 0)
        self.recommended = people.recommend_new(
            self.model, self.user, self.n, min_ratings=self.min_ratings
        )
        self.list.value = "<h3>Recommended to you</h3>" + _table(
            ("title", "prediction", "ratings behind it"),
            [
                (html.escape(row.title), f"{row.prediction:.2f}", str(row.n_ratings))
                for row in self.recommended.itertuples()
            ],
        )
        movie_ids, explained = self.recommended["movieId"].tolist(), self.why.value
        self.why.unobserve(self._on_why, "value")  # `_explain` is called below in any case
        _choice(
            self.why,
            list(zip(self.recommended["title"], movie_ids, strict=True)),
            movie_ids.index(explained) if explained in movie_ids else 0,
        )
        self.why.observe(self._on_why, "value")
        self._explain()
        self._place()
        self._say(self.user.note())
        if not self.query.value:  # the most telling titles have changed
            self._search()

    def _on_why(self, change: Any) -> None:
        self._explain()

    def _explain(self) -> None:
        if self.why.value is None:
            self.reasons.value = ""
            return
        table = people.explain(self.model, self.user, self.why.value)
        *reasons, baseline = table.itertuples()
        lines = [(row.title, f"{row.rating:g}", row.contribution) for row in reasons[:REASONS]]
        if len(reasons) > REASONS:
            rest = sum(row.contribution for row in reasons[REASONS:])
            lines.append((f"the {len(reasons) - REASONS} others together", "", rest))
        largest = max((abs(adds) for *_, adds in lines), default=0) or 1
        self.reasons.value = f"<h3>Why {html.escape(table.attrs['title'])}</h3>" + _table(
            ("because you gave", "rating", "adds", ""),
            [
                (html.escape(title), rating, f"{adds:+.2f}", _bar(adds / largest))
                for title, rating, adds in lines
            ],
            [
                ("without your ratings", "", f"{baseline.contribution:.2f}", ""),
                ("together", "", f"{table.attrs['prediction']:.2f}", ""),
            ],
        )

    def _draw_map(self) -> None:
        """Draw the picture, once; `_place` moves the star over it."""
        self.places = people.movie_map(self.model) if self.model.n_features > 1 else None
        if self.places is None:
            return
        figure, png = figures.movie_map(self.places.movies), io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        self._on_picture = figure.axes[0].transData - figure.transFigure
        self.map.value = (
            '<img alt="Map of the best known titles by what their ratings have in common." '
            f'src="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}">'
        )

    def _place(self) -> None:
        if self.places is None:
            return
        x, y = self._on_picture.transform(self.places.place(self.user))
        near = html.escape("; ".join(self.places.nearest(self.user)["title"]))
        # The star is hollow, so that a name under it can be read.
        self.you.value = (
            f'<svg style="left: {x:.2%}; top: {1 - y:.2%}" viewBox="0 0 24 24" aria-hidden="true">'
            f'<path d="{STAR}" stroke="white" stroke-width="4"/>'
            f'<path d="{STAR}" stroke="black" stroke-width="2"/></svg>'
        )
        self.near.value = f"<h3>Your place on the map</h3><p>☆ is you. Nearest to you: {near}.</p>"

    def _say(self, sentence: str, problem: bool = False) -> None:
        kind = ' class="problem"' if problem else ""
        sentence = sentence[:1].upper() + sentence[1:]
        self.message.value = f'<p role="status"{kind}>{html.escape(sentence)}</p>'


def _choice(widget: Any, options: list, index: int) -> None:
    """Offer `options` and choose the one at `index`, in one message to the page."""
    with widget.hold_sync():
        widget.options = options
        widget.index = index if options else None


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], sums: Iterable[Sequence[str]] = ()
) -> str:
    """A table of HTML. Its first column is text; a column with an empty heading has bars."""
    kinds = ["", *(' class="number"' if name else ' class="bar"' for name in head[1:])]

    def line(cells: Sequence[str], tag: str = "td", of: str = "") -> str:
        inside = "".join(
            f"<{tag}{kind}>{cell}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)
        )
        return f"<tr{of}>{inside}</tr>"

    body = [*map(line, rows), *(line(cells, of=' class="sum"') for cells in sums)]
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{''.join(body)}</tbody></table>"


def _bar(share: float) -> str:
    """A bar from the middle of its cell, to the right, or to the left where `share` is negative."""
    left, kind = (50, "") if share >= 0 else (50 + 50 * share, ' class="less"')
    return f'<div{kind} style="left: {left:.0f}%; width: {abs(50 * share):.0f}%"></div>'
