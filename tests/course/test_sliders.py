"""Pictures with sliders: a still picture is stored, and each move draws it again."""

import pytest
from matplotlib.figure import Figure

from course import page, sliders


@pytest.fixture
def shown(monkeypatch):
    displays = []
    monkeypatch.setattr(sliders, "display", lambda data, **how: displays.append((data, how)))
    return displays


def drawing(drawn):
    def draw(**settings):
        drawn.append(settings)
        figure = Figure(figsize=(1, 1))
        figure.text(0.1, 0.5, str(settings))
        return figure

    return draw


def test_the_still_picture_is_that_of_the_start_with_its_text(shown):
    drawn = []
    sliders.show(drawing(drawn), "a & b", {"lam": 2}, lam=[1, 2, 3, 4], k=[8, 16, 32])
    ((data, how),) = shown
    assert drawn == [{"lam": 2, "k": 16}]
    assert data["image/png"].startswith(b"\x89PNG")
    assert how["metadata"]["image/png"] == {"alt": "a & b"}
    assert data["text/plain"] == "[picture: a & b]"
    assert page.WIDGET in data  # which a stored chapter and a page leave out


def test_each_move_draws_the_picture_again():
    drawn = []
    draw, places = drawing(drawn), {"lam": 1, "k": 8}
    box = sliders.sliders(draw, "a & b", places, b"still", 50, {"lam": [1, 2], "k": [8, 16]})
    lam, k, picture = box.children
    before = picture.value
    lam.value = 2
    k.value = 16
    assert drawn == [{"lam": 2, "k": 8}, {"lam": 2, "k": 16}]
    assert picture.value != before and 'alt="a &amp; b"' in picture.value


@pytest.mark.parametrize(
    ("start", "choices", "says"),
    [({}, {}, "at least one setting"), ({"k": 3}, {"k": [1, 2]}, "one of .1, 2.. Received: 3")],
)
def test_what_cannot_be_shown_is_refused(start, choices, says):
    with pytest.raises(ValueError, match=says):
        sliders.show(drawing([]), "alt", start, **choices)
