"""Pictures with sliders: one for each setting, and a still picture where there is no kernel.

With a running kernel a chapter shows the sliders, and the picture below them is drawn again after
each move. What is stored with the chapter is the picture at the start, with its alternative text.
So pages and tests need no kernel.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show(
    draw: Callable[..., Figure],
    alt: str,
    start: Mapping[str, Any] | None = None,
    dpi: int = 110,
    **choices: Sequence[Any],
) -> None:
    """Display `draw(**settings)` below a slider for each setting.

    Parameters
    ----------
    draw : function that returns a matplotlib Figure
        Called with a value for each name of `choices`, after each move: it should need less than a
        second.
    alt : str
        What somebody who cannot see the picture should know of it; true of each position.
    start : mapping of str to value, optional
        Where the sliders stand at first, and what the still picture shows. Without it, each stands
        on its middle choice.
    dpi : int
        Pixels per inch.
    **choices : sequence
        The values of each setting, in order. The slider is labelled with the setting's name.

    Raises
    ------
    ValueError
        For no choices, and for a start that is not among them.
    """
    if not choices or not all(len(values) for values in choices.values()):
        raise ValueError("`choices` should name at least one setting, with at least one value each")
    places = {}
    for name, values in choices.items():
        first = dict(start or {}).get(name, values[len(values) // 2])
        if first not in list(values):
            raise ValueError(
                f"`start` of {name} should be one of {list(values)}. Received: {first}"
            )
        places[name] = first
    still = _png(draw(**places), dpi)
    box = sliders(draw, alt, places, still, dpi, choices)
    view = box._repr_mimebundle_()  # what a kernel draws; a stored chapter leaves it out
    display(
        {**view, "image/png": still, "text/plain": f"[picture: {alt}]"},
        metadata={"image/png": {"alt": alt}},
        raw=True,
    )


def sliders(
    draw: Callable[..., Figure],
    alt: str,
    places: Mapping[str, Any],
    still: bytes,
    dpi: int,
    choices: Mapping[str, Sequence[Any]],
) -> widgets.VBox:
    """The sliders at their places, and the picture below them, as one widget."""
    picture = widgets.HTML(_img(still, alt))
    moved = {
        name: widgets.SelectionSlider(
            options=[
                (f"{value:,}" if isinstance(value, int) else str(value), value) for value in of
            ],
            value=places[name],
            description=name.replace("_", " "),
            style={"description_width": "initial"},
            layout={"width": "24em"},
            continuous_update=False,
        )
        for name, of in choices.items()
    }

    def redraw(_: Any) -> None:
        settings = {name: slider.value for name, slider in moved.items()}
        picture.value = _img(_png(draw(**settings), dpi), alt)

    for slider in moved.values():
        slider.observe(redraw, "value")
    return widgets.VBox([*moved.values(), picture])


def _png(figure: Figure, dpi: int) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    return png.getvalue()


def _img(png: bytes, alt: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img style="max-width: 100%" alt="{html.escape(alt)}" src="{source}">'
