"""What a check says to each kind of answer."""

import numpy as np
import pytest

from course import checks
from course.checks import check


@pytest.fixture
def said(monkeypatch):
    """What has been displayed, as plain text."""
    texts = []
    monkeypatch.setattr(checks, "display", lambda data, raw: texts.append(data["text/plain"]))
    return texts


def equal(answer, right=2.0, mistakes=None):
    @check
    def _(expect):
        """Begin."""
        expect.equal(answer, right, "Otherwise.", mistakes)
        return "It matters."


@pytest.mark.parametrize("answer", [2, 2.0, np.float32(2), np.array(2.0), 2 + 1e-9])
def test_a_right_answer_may_be_of_any_type_and_is_told_why_it_matters(said, answer):
    equal(answer, mistakes={"A mistake that happens to be right.": 2.0})
    assert said == ["Right. It matters."]


@pytest.mark.parametrize("answer", [None, ...])
def test_no_answer_is_told_how_to_begin(said, answer):
    equal(answer)
    assert said == ["Not yet. There is no answer here so far. Begin."]


def test_a_known_mistake_gets_its_own_hint_and_any_other_the_last(said):
    mistakes = {"Twice.": 4.0, "Negative.": -2.0}
    for answer in (-2, 4, 5, np.nan, [2, 2], "two"):
        equal(answer, mistakes=mistakes)
    assert said[:3] == ["Not yet. Negative.", "Not yet. Twice.", "Not yet. Otherwise."]
    assert "finite" in said[3]
    assert "should have the shape (). Yours has (2,)" in said[4]
    assert "ValueError: could not convert" in said[5] and said[5].endswith("Begin.")


def test_the_hint_of_a_mistake_of_another_shape_comes_before_the_shape(said):
    equal(np.ones((2, 3)).T, np.ones((2, 3)), {"Transposed.": np.ones((3, 2))})
    assert said == ["Not yet. Transposed."]


def test_after_the_first_hint_nothing_more_is_looked_at(said):
    @check
    def _(expect):
        """Begin."""
        expect(False, "First.")
        expect(False, "Second.")
        return "Why."

    assert said == ["Not yet. First."]


def test_an_error_in_an_answer_is_said_with_its_line_and_shows_no_traceback(said):
    def answer():
        return [1, 2].index(3)

    @check
    def _(expect):
        """Begin."""
        expect(answer(), "")
        return "Why."

    assert said == [
        "Not yet. It stopped at `return [1, 2].index(3)` with ValueError: 3 is not in list. Begin."
    ]


@pytest.mark.parametrize("letters", ["ac", "c, a", ["a", "c"], {"A", "C"}])
def test_the_chosen_letters_may_be_written_in_any_way(said, letters):
    @check
    def _(expect):
        """Begin."""
        expect.chosen(letters, "ac", {"a": "A!", "b": "B!", "c": "C!"})
        return "Why."

    assert said == ["Right. Why."]


@pytest.mark.parametrize(
    ("letters", "hint"), [("c", "A!"), ("abc", "B!"), ("a", "C!"), ("d", "a, b, c"), (..., "Begin")]
)
def test_a_letter_too_many_or_too_few_gets_its_own_hint(said, letters, hint):
    @check
    def _(expect):
        """Begin."""
        expect.chosen(letters, "ac", {"a": "A!", "b": "B!", "c": "C!"})
        return "Why."

    assert said[0].startswith("Not yet. ") and hint in said[0]


def test_nbgrader_is_told_by_an_error(said, monkeypatch):
    monkeypatch.setenv(checks.MARKING, "autograde")
    equal(2)
    with pytest.raises(checks.NotYet, match="Otherwise."):
        equal(3)
    with pytest.raises(checks.NotYet, match="Begin."):
        equal(...)
    assert said[:2] == ["Right. It matters.", "Not yet. Otherwise."]


def test_an_interruption_is_not_a_wrong_answer(said):
    with pytest.raises(KeyboardInterrupt):

        @check
        def _(expect):
            """Begin."""
            raise KeyboardInterrupt

    assert said == []
