"""The panel's map of titles: points as SVG, names as text over it, and a star for the reader.

Names keep their size on a narrow screen, where there is room for fewer of them. So each name is
placed twice: for a narrow map, and for a wide one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

WIDTH, HEIGHT = 1000, 700  # of the picture, in its own units
MARGIN = 0.05  # of each side, in which no title stands
NARROW, WIDE = 330, 1000  # pixels that a map is wide, at least, on a telephone and a laptop
LETTER, LINE = 6.3, 15  # pixels that a letter is wide and a line high
LONGEST = 24  # letters of a name
LABELS = 60  # titles that are named where there is room, best known first
GENRES = 6  # that have a colour and a shape of their own
STAR = "M12 1.5l3.2 6.9 7.3.9-5.4 5 1.5 7.4L12 18l-6.6 3.7 1.5-7.4-5.4-5 7.3-.9z"
SHAPES = (  # around (0, 0)
    "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",
    "M-5.5-5.5h11v11h-11z",
    "M0-7L6.5 5h-13z",
    "M0-7.5L7.5 0 0 7.5-7.5 0z",
    "M0 7L6.5-5h-13z",
    "M-2.2-7h4.4v4.8H7v4.4H2.2V7h-4.4V2.2H-7v-4.4h4.8z",
)
OTHER = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"


class Frame(NamedTuple):
    """Where on the picture a place of the map is."""

    left: float
    bottom: float
    width: float
    height: float

    @classmethod
    def around(cls, movies: pd.DataFrame) -> Frame:
        """The frame with a margin around all titles of `people.Map.movies`."""
        low, high = movies[["x", "y"]].min(), movies[["x", "y"]].max()
        size = (high - low).clip(lower=1e-9) / (1 - 2 * MARGIN)
        low = low - MARGIN * size
        return cls(float(low["x"]), float(low["y"]), float(size["x"]), float(size["y"]))

    def share(self, x: float, y: float) -> tuple[float, float]:
        """Of the picture's width from the left, and of its height from the top; 0 to 1."""
        return (x - self.left) / self.width, 1 - (y - self.bottom) / self.height


def picture(movies: pd.DataFrame, frame: Frame) -> str:
    """The map as HTML, without the reader.

    Parameters
    ----------
    movies : DataFrame
        Of `people.Map`: best known first.
    frame : Frame
    """
    common = movies["genre"].value_counts().index[:GENRES]
    kind = {genre: i for i, genre in enumerate(common)}
    points, places = [], []
    for movie in reversed(list(movies.itertuples())):  # the best known on top
        x, y = frame.share(movie.x, movie.y)
        i = kind.get(movie.genre)
        shape = OTHER if i is None else SHAPES[i]
        name = html.escape(movie.title)
        points.append(
            f'<path class="genre{"-other" if i is None else i}" d="{shape}" '
            f'transform="translate({WIDTH * x:.0f} {HEIGHT * y:.0f})"><title>{name}</title></path>'
        )
        places.append((x, y))
    places.reverse()
    names = [_short(title) for title in movies["title"][:LABELS]]
    narrow = set(_with_room(names, places, NARROW))
    wide = set(_with_room(names, places, WIDE))
    labels = [
        f'<span class="name{_where(i in narrow, i in wide)}" '
        f'style="left: {100 * x:.1f}%; top: {100 * y:.1f}%">{html.escape(name)}</span>'
        for i, (name, (x, y)) in enumerate(zip(names, places, strict=False))
        if i in narrow | wide
    ]
    legend = [
        f'<li><svg viewBox="-8 -8 16 16" aria-hidden="true"><path class="genre{i}" '
        f'd="{SHAPES[i]}"/></svg>{html.escape(genre)}</li>'
        for genre, i in kind.items()
        if len(kind) > 1
    ]
    return (
        '<div class="chart" role="img" aria-label="Map of the best known titles: those that the '
        'same people like stand near each other.">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{"".join(points)}</svg>'
        f"{''.join(labels)}</div>"
        + (f'<ul class="legend">{"".join(legend)}</ul>' if legend else "")
    )


def reader(x: float, y: float) -> str:
    """The reader's star at these shares of the picture, hollow so that names show through."""
    return (
        f'<svg class="you" style="left: {x:.2%}; top: {y:.2%}" viewBox="0 0 24 24" '
        f'aria-hidden="true"><path d="{STAR}"/></svg>'
    )


def _with_room(
    names: Iterable[str], places: list[tuple[float, float]], width: int
) -> Iterable[int]:
    """Which names fit beside their titles on a map of this width, without covering each other."""
    height = width * HEIGHT / WIDTH
    taken: list[tuple[float, float, float, float]] = []
    for i, name in enumerate(names):
        left, middle = width * places[i][0] + 7, height * places[i][1]
        box = left, middle - LINE / 2, left + LETTER * len(name), middle + LINE / 2
        inside = box[2] < width and box[1] > 0 and box[3] < height
        if inside and not any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for other in taken
        ):
            taken.append(box)
            yield i


def _where(narrow: bool, wide: bool) -> str:
    return "" if narrow and wide else " narrow" if narrow else " wide"


def _short(title: str) -> str:
    name = re.sub(r"^(.*), (The|An?)$", r"\2 \1", title.partition(" (")[0])
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"
