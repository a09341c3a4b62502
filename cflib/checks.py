"""What an exercise says to an answer: right and why it matters, or not yet and why not.

A check is a function that runs as soon as it is defined, and looks at an answer:

    @check
    def the_cost(expect):
        "Begin with the errors of the known pairs."
        J = cost(Y, Y_hat, R, lam, X, W)
        expect.equal(J, 17.5, "Try λ = 0 first.", {"Where is the ½?": 35})
        return "When in doubt about a solver, compute its cost."

It ends at the first expectation that is not met, and never with a traceback. A mistake that
somebody is likely to make has a hint of its own. While nbgrader marks, a check that is not met
raises, because that is what nbgrader looks at.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from IPython.display import display

MARKING = "NBGRADER_EXECUTION"  # set by nbgrader while it validates or marks


class NotYet(Exception):
    """An expectation that an answer does not meet; the message is the hint."""

    def _render_traceback_(self):  # IPython's own name for what it shows of an error
        return [f"Not yet. {self}"]


def check(looks_at: Callable[[Expect], str]) -> None:
    """Look at an answer and show the verdict: "Right." and why it matters, or "Not yet." and a hint.

    Parameters
    ----------
    looks_at : function
        Its docstring says how to begin: shown where there is no answer, or one that stops with an
        error. Its argument is to be called on the answer. It returns why the exercise matters.
    """
    hint = " ".join(looks_at.__doc__.split())
    try:
        why = looks_at(Expect(hint))
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
    """The expectations of one check; the first that is not met ends it."""

    def __init__(self, hint: str):
        self.hint = hint

    def __call__(self, condition, hint: str) -> None:
        """`condition` should hold; where it doesn't, `hint` says what is wrong."""
        if not condition:
            raise NotYet(hint)

    def answer(self, value):
        """`value`, which should not be the `...` or the None of an exercise left as it is."""
        self(value is not None and value is not ..., f"There is no answer here so far. {self.hint}")
        return value

    def equal(self, value, right, otherwise: str, mistakes: Mapping | None = None) -> None:
        """`value` should be `right`, in shape and to six digits.

        Parameters
        ----------
        value : number or array
            The answer.
        right : number or array
        otherwise : str
            The hint for a wrong answer that is none of the mistakes.
        mistakes : dict of hint to number or array
            What a likely mistake gives, by the hint for it.
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
        """The statements that are true should be chosen, and no others.

        Parameters
        ----------
        letters : string or collection of letters
            The answer: "ac" is the same as ["a", "c"].
        right : str
        hints : dict of letter to str
            All the statements' letters, and what to think about where one is chosen or left out
            wrongly; the first such hint is shown.
        """
        chosen = {letter.strip().lower() for letter in self.answer(letters)} - {"", ","}
        known = ", ".join(hints)
        self(chosen <= set(hints), f"Choose among the letters {known}, such as `{min(hints)!r}`.")
        for letter, hint in hints.items():
            self((letter in chosen) == (letter in right), f"Think again about ({letter}): {hint}")


def _near(value: np.ndarray, other: np.ndarray) -> bool:
    return value.shape == other.shape and np.allclose(
        value, other, rtol=1e-6, atol=1e-9, equal_nan=True
    )


def _stopped(error: Exception) -> str:
    """What stopped and where: in the last line that is in a cell, not in a package."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is `check` itself
    folder = os.path.dirname(frames[0].filename)
    line = [frame.line for frame in frames if os.path.dirname(frame.filename) == folder][-1]
    where = f" at `{line}`" if line else ""
    return f"It stopped{where} with {type(error).__name__}: {error}."


def _show(verdict: str, text: str) -> None:
    display({"text/plain": f"{verdict} {text}", "text/markdown": f"**{verdict}** {text}"}, raw=True)
