"""What an exercise says about an answer: "Right." and why it matters, or "Not yet." and a hint.

A check is a function that runs as soon as it is defined, and looks at an answer:

    @check
    def the_cost(expect):
        "Begin with the errors of the known pairs."
        J = cost(Y, Y_hat, R, lam, X, W)
        expect.equal(J, 17.5, "Try λ = 0 first.", {"Where is the ½?": 35})
        return "When in doubt about a solver, compute its cost."

It ends at the first expectation that is not met, and never with a traceback. A likely mistake has
a hint of its own. While nbgrader marks, a check that is not met raises, because nbgrader looks for
an exception.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from IPython.display import display
from numpy.typing import ArrayLike

MARKING = "NBGRADER_EXECUTION"  # set by nbgrader while it validates or marks


class NotYet(Exception):
    """An expectation that an answer does not meet; the message is the hint."""

    def _render_traceback_(self) -> list[str]:  # IPython shows this instead of a traceback
        return [f"Not yet. {self}"]


def check(look: Callable[[Expect], str]) -> None:
    """Look at an answer and show "Right." and why it matters, or "Not yet." and a hint.

    Parameters
    ----------
    look : function
        It calls its argument, an `Expect`, on the answer, and returns why the exercise matters. Its
        docstring says how to begin: it is shown where there is no answer, or where the answer stops
        with an error.
    """
    hint = " ".join((look.__doc__ or "").split())
    try:
        why = look(Expect(hint))
    except NotYet as wrong:
        reason = str(wrong)
    except Exception as error:
        reason = f"{_stopped(error)} {hint}"
    else:
        _show("Right.", why)
        return
    _show("Not yet.", reason)
    if os.environ.get(MARKING):
        raise NotYet(reason)


class Expect:
    """The expectations of one check. The first that is not met ends it, by raising `NotYet`."""

    def __init__(self, hint: str):
        self.hint = hint

    def __call__(self, condition: Any, hint: str) -> None:
        """Expect that `condition` holds; where it doesn't, `hint` says what is wrong."""
        if not condition:
            raise NotYet(hint)

    def answer(self, value: Any) -> Any:
        """Expect an answer: return `value`, unless it is the `...` or None of an empty exercise."""
        self(value is not None and value is not ..., f"There is no answer here so far. {self.hint}")
        return value

    def equal(
        self,
        value: ArrayLike,
        right: ArrayLike,
        otherwise: str,
        mistakes: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """Expect `value` to equal `right`, in shape and to six digits.

        Parameters
        ----------
        value : array_like
            The answer.
        right : array_like
            The right answer.
        otherwise : str
            The hint for a wrong answer that is none of the mistakes.
        mistakes : dict of str to array_like
            The results of likely mistakes, by the hint for each.
        """
        value = np.asarray(self.answer(value), np.float64)
        right = np.asarray(right, np.float64)
        if _near(value, right):
            return
        for hint, mistake in (mistakes or {}).items():
            self(not _near(value, np.asarray(mistake, np.float64)), hint)
        self(
            value.shape == right.shape,
            f"The answer should have the shape {right.shape}. Yours has {value.shape}. {otherwise}",
        )
        self(np.isfinite(value).all(), f"Not all of it is finite numbers. {otherwise}")
        raise NotYet(otherwise)

    def chosen(self, letters: Iterable[str], right: str, hints: Mapping[str, str]) -> None:
        """Expect that the true statements are chosen, and no others.

        Parameters
        ----------
        letters : str or iterable of str
            The answer: "ac" is the same as ["a", "c"].
        right : str
            The letters of the true statements.
        hints : dict of str to str
            For each statement's letter, what to think about where it is chosen or left out wrongly.
            The first such hint is shown.
        """
        chosen = {letter.strip().lower() for letter in self.answer(letters)} - {"", ","}
        known = ", ".join(hints)
        self(chosen <= set(hints), f"Choose among the letters {known}, such as `{min(hints)!r}`.")
        for letter, hint in hints.items():
            self((letter in chosen) == (letter in right), f"Think again about ({letter}): {hint}")


def _near(value: np.ndarray, other: np.ndarray) -> bool:
    close = {"rtol": 1e-6, "atol": 1e-9, "equal_nan": True}
    return value.shape == other.shape and np.allclose(value, other, **close)


def _stopped(error: Exception) -> str:
    """The error, and the last line of the traceback that is in a cell and not in a package."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the frame of `check`
    folder = os.path.dirname(frames[0].filename)
    line = [frame.line for frame in frames if os.path.dirname(frame.filename) == folder][-1]
    where = f" at `{line}`" if line else ""
    return f"It stopped{where} with {type(error).__name__}: {error}."


def _show(verdict: str, text: str) -> None:
    display({"text/plain": f"{verdict} {text}", "text/markdown": f"**{verdict}** {text}"}, raw=True)
