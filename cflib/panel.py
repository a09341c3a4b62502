"""A panel in which somebody rates films and sees what the model makes of it, at every star.

Nothing is computed here: every change calls `inspection.fold_in` and shows what its lists, reasons
and map say. Every field has a label and takes the keyboard, and whatever goes wrong is said in a
sentence in the panel.
"""

from __future__ import annotations

import base64
import html
import io

import ipywidgets as widgets
import pandas as pd

from . import inspection, plots
from .model import FactorModel

AS_TEXT = (
    "[panel: search for a film, give it stars, and see your recommendations, their reasons and "
    "your place on the map change. It is alive where this cell is run: in JupyterLab, or alone by "
    "`make app`]"
)
STYLE = """<style>
.cflib-panel .cflib-message { max-width: 420px; }
.cflib-panel .cflib-message .widget-html-content { white-space: normal; }
.cflib-panel table { border-collapse: collapse; font-size: 13px; line-height: 1.35; }
.cflib-panel th, .cflib-panel td { padding: 2px 10px 2px 0; text-align: left;
  border-bottom: 1px solid #dfe3ea; }
.cflib-panel td.number, .cflib-panel th.number { text-align: right; }
.cflib-panel h3 { margin: 10px 0 4px; font-size: 15px; }
.cflib-panel p { margin: 4px 0; line-height: 1.4; }
.cflib-panel .problem { color: #b3261e; font-weight: 600; }
.cflib-panel .map { position: relative; max-width: 760px; }
.cflib-panel .map img { width: 100%; display: block; }
.cflib-panel .you { position: absolute; transform: translate(-50%, -50%); font-size: 26px;
  line-height: 1; color: black; text-shadow: 0 0 3px white, 0 0 3px white; }
</style>"""


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
            placeholder="part of a title; empty: films that would tell most",
            style=wide,
            layout=across,
        )
        self.found = widgets.Select(description="Found", rows=5, style=wide, layout=across)
        self.stars = widgets.FloatText(
            value=high - (high - low) / 9,
            step=0.5 if high - low <= 5 else 1,
            description=f"Rating, {low:g}–{high:g}",
            tooltip=f"your rating, from {low:g} to {high:g}",
            style=wide,
            layout=widgets.Layout(width="200px"),
        )
        self.rate = widgets.Button(description="Rate", button_style="primary")
        self.own = widgets.Select(description="You rated", rows=7, style=wide, layout=across)
        self.remove = widgets.Button(description="Remove")
        self.message, self.list, self.reasons, self.map = (widgets.HTML() for _ in range(4))
        self.you = widgets.HTML()
        self.message.add_class("cflib-message")
        self.why = widgets.Dropdown(description="Why", style=wide, layout=across)
        self.query.observe(lambda change: self._search(), "value")
        self.why.observe(lambda change: self._explain(), "value")
        self.rate.on_click(lambda button: self._rate())
        self.remove.on_click(lambda button: self._remove())

    def _laid_out(self):
        own = [self.query, self.found, widgets.HBox([self.stars, self.rate]), self.message]
        own += [self.own, self.remove]
        answers = [self.list, self.why, self.reasons]
        beside = widgets.Layout(flex_flow="row wrap", grid_gap="0 32px")
        columns = widgets.Box([widgets.VBox(own), widgets.VBox(answers)], layout=beside)
        return [widgets.HTML(STYLE), columns, self.map, self.you]

    # What somebody does

    def _search(self):
        if self.query.value:
            found = inspection.find_movies(self.model, self.query.value)
        elif self.model.n_features:
            found = inspection.questions(self.model, 5, self.user)
        else:
            found = inspection.new_user_list(self.model, 5)
        self.found.options = [(row.title, row.movieId) for row in found.itertuples()]
        self.found.index = None if found.empty else 0
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
            self._refresh()
            self.own.value = movie

    def _remove(self):
        if self.own.value is None:
            self._say("There is nothing to remove: rate a film first.", problem=True)
        else:
            del self.ratings[self.own.value]
            self._refresh()

    # What the model makes of it

    def _refresh(self):
        self.user = inspection.fold_in(self.model, self.ratings)
        titles = self.model.movies["title"].iloc[self.user.movie_index]
        self.own.options = [
            (f"{stars:g} · {title}", movie)
            for (movie, stars), title in zip(self.ratings.items(), titles, strict=True)
        ]
        self.recommended = inspection.recommend_new(
            self.model, self.user, self.n, min_ratings=self.min_ratings
        )
        self.list.value = "<h3>Recommended to you</h3>" + _table(
            self.recommended[["title", "prediction", "n_ratings"]].set_axis(
                ["title", "prediction", "ratings behind it"], axis=1
            )
        )
        kept = self.why.value
        self.why.options = [(row.title, row.movieId) for row in self.recommended.itertuples()]
        still = self.recommended["movieId"].tolist()
        self.why.index = still.index(kept) if kept in still else 0 if still else None
        self._explain()
        self._place()
        self._say(self.user.note())
        if not self.query.value:  # what would tell most has changed
            self._search()

    def _explain(self):
        if self.why.value is None:
            self.reasons.value = ""
            return
        table = inspection.explain(self.model, self.user, self.why.value)
        *reasons, baseline = table.itertuples()
        lines = [
            (f"because you gave {row.title} {row.rating:g}", f"{row.contribution:+.2f}")
            for row in reasons
        ]
        lines.append(("what you would be told otherwise", f"{baseline.contribution:.2f}"))
        lines.append(("together", f"{table.attrs['prediction']:.2f}"))
        frame = pd.DataFrame(lines, columns=["reason", "stars"])
        self.reasons.value = f"<h3>Why {html.escape(table.attrs['title'])}</h3>" + _table(frame)

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
            '<h3>Your place on the map</h3><div class="map">'
            '<img alt="Map of the best known films by what their ratings have in common." '
            f'src="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}">'
            f'<span class="you" id="you-{self.map.model_id}" aria-hidden="true">★</span></div>'
        )

    def _place(self):
        if self.films is None:
            return
        x, y = self._on_picture.transform(self.films.place(self.user))
        near = html.escape("; ".join(self.films.nearest(self.user)["title"]))
        self.you.value = (
            f"<style>#you-{self.map.model_id} {{ left: {x:.2%}; top: {1 - y:.2%}; }}</style>"
            f"<p>★ is you. Nearest to you: {near}.</p>"
        )

    def _say(self, sentence: str, problem: bool = False):
        kind = ' class="problem"' if problem else ""
        sentence = sentence[:1].upper() + sentence[1:]
        self.message.value = f'<p role="status"{kind}>{html.escape(sentence)}</p>'


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th{_kind(name)}>{html.escape(name)}</th>" for name in frame)
    rows = "".join(
        f"<tr>{''.join(f'<td{_kind(name)}>{_cell(row[name])}</td>' for name in frame)}</tr>"
        for _, row in frame.iterrows()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _kind(name: str) -> str:
    return "" if name in ("title", "reason") else ' class="number"'


def _cell(value) -> str:
    return f"{value:.2f}" if isinstance(value, float) else html.escape(str(value))
