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


@pytest.mark.parametrize("answer", [3.93, 3.929, 3.9286, np.float32(27.5 / 7), 3.92857142857])
def test_a_right_answer_may_be_rounded_to_three_digits_and_be_in_single_precision(said, answer):
    equal(answer, 27.5 / 7, mistakes={"The mean.": 5})
    assert said == ["Right. It matters."]


@pytest.mark.parametrize("answer", [3.9, 3.92, 3.94, 3.9285, 3.9291])
def test_an_answer_that_is_no_rounding_of_the_right_one_is_wrong(said, answer):
    equal(answer, 27.5 / 7)
    assert said == ["Not yet. Otherwise."]


def test_whole_numbers_have_to_be_exact_where_the_right_one_is_an_integer(said):
    equal(87_586, 87_585)
    equal(87_600, 87_585)
    equal(87_585.0, 87_585)
    assert said == ["Not yet. Otherwise."] * 2 + ["Right. It matters."]


def test_a_rounded_array_is_right_and_zeros_are_no_rounding_of_small_numbers(said):
    right = np.array([0.01234567, -0.5, 2.0])
    equal(np.round(right, 4), right)
    equal(np.zeros(3), 1e-5 * right)
    assert said[0] == "Right. It matters." and said[1].startswith("Not yet. Otherwise.")


def test_of_a_mistake_and_the_right_answer_the_nearer_one_decides(said):
    equal(2.0, 2.0004, {"Nearly.": 2.0})
    equal(2.0004, 2.0004, {"Nearly.": 2.0})
    assert said == ["Not yet. Nearly.", "Right. It matters."]


def test_the_last_hint_says_where_an_array_differs_first(said):
    equal([[1, 2], [3, 4]], [[1.0, 2.0], [3.5, 5.0]])
    equal([7, 8, 9], [7, 8, 8])
    assert said == [
        "Not yet. Otherwise. At [1, 0], counted from 0, it should be 3.5, and yours is 3.",
        "Not yet. Otherwise. At [2], counted from 0, it should be 8, and yours is 9.",
    ]
