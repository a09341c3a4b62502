"""A panel in which somebody rates films and sees what the model makes of it, at every star.

Nothing is computed here: every change calls `inspection.fold_in` and shows what its lists, reasons
and map say. The map is drawn once; what moves over it is a star. Every field has a label and takes
the keyboard, whatever goes wrong is said in a sentence in the panel, and no word of it is about
films, since the ratings may be of something else.
"""

from __future__ import annotations

import base64
import html
import io

import ipywidgets as widgets

from . import inspection, plots
from .model import FactorModel

AS_TEXT = (
    "[panel: search for a title, rate it, and see your recommendations, their reasons and your "
    "place on the map change. It is alive where this cell is run: in JupyterLab, or alone by "
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
REASONS = 10  # to be told one by one; what is left is told together


def show(model: FactorModel, ratings=(), n: int = 8, min_ratings: int = 20) -> Panel:
    """The panel, to be the value of a cell.

    Parameters
    ----------
    model : FactorModel
        That predicts ratings.
    ratings : dict, Series, list of pairs, DataFrame, or path
        To begin with, as `inspection.own_ratings` takes them.
    n : int
        Films to recommend.
    min_ratings : int
        Leave out films with fewer training ratings than this.

    Raises
    ------
    KeyError, ValueError
        As `inspection.own_ratings`.
    """
    return Panel(model, ratings, n, min_ratings)


class Panel(widgets.VBox):
    """What `show` returns. `panel.ratings`, a dict from movieId to stars, is what was given."""

    def __init__(self, model: FactorModel, ratings=(), n: int = 8, min_ratings: int = 20):
        self.model, self.n, self.min_ratings = model, n, min_ratings
        self.ratings: dict = inspection.own_ratings(model, ratings).to_dict()
        self._make_widgets()
        self._draw_map()
        super().__init__(self._laid_out())
        self.add_class("cflib-panel")
        self._refresh()

    def __repr__(self) -> str:
        return AS_TEXT

    def _repr_mimebundle_(self, **kwargs):
        return super()._repr_mimebundle_(**kwargs) | {"text/plain": AS_TEXT}

    # What is on the screen

    def _make_widgets(self):
        low, high = self.model.scale
        wide, across = {"description_width": "95px"}, widgets.Layout(width="420px")
        self.query = widgets.Text(
            description="Search",
            placeholder="part of a title; empty: what would tell most",
            style=wide,
            layout=across,
        )
        self.found = widgets.Select(description="Found", rows=5, style=wide, layout=across)
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
        self.own = widgets.Select(description="You rated", rows=7, style=wide, layout=across)
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

    def _laid_out(self):
        own = [self.query, self.found, widgets.HBox([self.stars, self.rate]), self.message]
        own += [self.own, self.remove]
        answers = [self.list, self.why, self.reasons]
        beside = widgets.Layout(flex_flow="row wrap", grid_gap="0 32px")
        columns = widgets.Box([widgets.VBox(own), widgets.VBox(answers)], layout=beside)
        picture = widgets.Box([self.map, self.you]).add_class("map")
        return [widgets.HTML(STYLE), columns, self.near, picture]

    # What somebody does

    def _search(self):
        if self.query.value:
            found = inspection.find_movies(self.model, self.query.value)
        elif self.model.n_features:
            found = inspection.questions(self.model, 5, self.user)
        else:
            found = inspection.new_user_list(self.model, 5)
        _choice(self.found, [(row.title, row.movieId) for row in found.itertuples()], 0)
        if self.query.value and found.empty:
            self._say(f"No title is like “{self.query.value}”: try a part of it.", problem=True)
        else:
            self._say(self.user.note())

    def _rate(self):
        try:
            movie = self.found.value
            if movie is None:
                movie = inspection.movie_id_of(self.model, self.query.value)
            given = inspection.own_ratings(self.model, {movie: self.stars.value})
        except (KeyError, ValueError) as problem:
            self._say(problem.args[0], problem=True)
        else:
            self.ratings |= given.to_dict()
            self._refresh(movie)

    def _remove(self):
        if self.own.value is None:
            self._say("There is nothing to remove: rate something first.", problem=True)
        else:
            del self.ratings[self.own.value]
            self._refresh()

    # What the model makes of it

    def _refresh(self, movie=None):
        """Show everything anew; `movie` is the one that was rated last."""
        self.user = inspection.fold_in(self.model, self.ratings)
        titles = self.model.movies["title"].iloc[self.user.movie_index]
        own = [
            (f"{stars:g} · {title}", movie)
            for (movie, stars), title in zip(self.ratings.items(), titles, strict=True)
        ]
        _choice(self.own, own, list(self.ratings).index(movie) if movie in self.ratings else 0)
        self.recommended = inspection.recommend_new(
            self.model, self.user, self.n, min_ratings=self.min_ratings
        )
        self.list.value = "<h3>Recommended to you</h3>" + _table(
            ("title", "prediction", "ratings behind it"),
            [
                (html.escape(row.title), f"{row.prediction:.2f}", str(row.n_ratings))
                for row in self.recommended.itertuples()
            ],
        )
        told, kept = self.recommended["movieId"].tolist(), self.why.value
        self.why.unobserve(self._on_why, "value")  # the reasons change anyway, and once is enough
        _choice(
            self.why,
            list(zip(self.recommended["title"], told, strict=True)),
            told.index(kept) if kept in told else 0,
        )
        self.why.observe(self._on_why, "value")
        self._explain()
        self._place()
        self._say(self.user.note())
        if not self.query.value:  # what would tell most has changed
            self._search()

    def _on_why(self, change):
        self._explain()

    def _explain(self):
        if self.why.value is None:
            self.reasons.value = ""
            return
        table = inspection.explain(self.model, self.user, self.why.value)
        *told, baseline = table.itertuples()
        lines = [(f"{row.title}", f"{row.rating:g}", row.contribution) for row in told[:REASONS]]
        if len(told) > REASONS:
            rest = sum(row.contribution for row in told[REASONS:])
            lines.append((f"the {len(told) - REASONS} others together", "", rest))
        longest = max((abs(adds) for *_, adds in lines), default=0) or 1
        self.reasons.value = f"<h3>Why {html.escape(table.attrs['title'])}</h3>" + _table(
            ("because you gave", "rating", "adds", ""),
            [
                (html.escape(title), rating, f"{adds:+.2f}", _bar(adds / longest))
                for title, rating, adds in lines
            ],
            [
                ("what you would be told otherwise", "", f"{baseline.contribution:.2f}", ""),
                ("together", "", f"{table.attrs['prediction']:.2f}", ""),
            ],
        )

    def _draw_map(self):
        """The picture, once; `_place` moves the star that lies over it."""
        if self.model.n_features < 2:
            self.films = None
            return
        self.films = inspection.movie_map(self.model)
        figure, png = plots.movie_map(self.films.films), io.BytesIO()
        figure.savefig(png, format="png", dpi=100)
        self._on_picture = figure.axes[0].transData - figure.transFigure
        self.map.value = (
            '<img alt="Map of the best known titles by what their ratings have in common." '
            f'src="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}">'
        )

    def _place(self):
        if self.films is None:
            return
        x, y = self._on_picture.transform(self.films.place(self.user))
        near = html.escape("; ".join(self.films.nearest(self.user)["title"]))
        # hollow, so that a name under it can be read
        self.you.value = (
            f'<svg style="left: {x:.2%}; top: {1 - y:.2%}" viewBox="0 0 24 24" aria-hidden="true">'
            f'<path d="{STAR}" stroke="white" stroke-width="4"/>'
            f'<path d="{STAR}" stroke="black" stroke-width="2"/></svg>'
        )
        self.near.value = f"<h3>Your place on the map</h3><p>☆ is you. Nearest to you: {near}.</p>"

    def _say(self, sentence: str, problem: bool = False):
        kind = ' class="problem"' if problem else ""
        sentence = sentence[:1].upper() + sentence[1:]
        self.message.value = f'<p role="status"{kind}>{html.escape(sentence)}</p>'


def _choice(widget, options: list, index: int) -> None:
    """Offer `options`, the one at `index` chosen, in one message to the page."""
    with widget.hold_sync():
        widget.options = options
        widget.index = index if options else None


def _table(head, rows, sums=()) -> str:
    """Cells are HTML; the first column is text, an empty heading is over bars."""
    kinds = ["", *(' class="number"' if name else ' class="bar"' for name in head[1:])]

    def line(cells, tag="td", of=""):
        inside = "".join(
            f"<{tag}{kind}>{cell}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)
        )
        return f"<tr{of}>{inside}</tr>"

    body = [*map(line, rows), *(line(cells, of=' class="sum"') for cells in sums)]
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{''.join(body)}</tbody></table>"


def _bar(share: float) -> str:
    """A bar from the middle of its cell: to the right, or to the left where `share` is below 0."""
    left, kind = (50, "") if share >= 0 else (50 + 50 * share, ' class="less"')
    return f'<div{kind} style="left: {left:.0f}%; width: {abs(50 * share):.0f}%"></div>'
