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
        """Expect `value` to equal `right`, in shape and as precisely as it can be expected.

        An answer may be computed in single precision, and it may be rounded to three or more
        significant digits or to four or more decimals. Whole numbers have to be exact.

        Parameters
        ----------
        value : array_like
            The answer.
        right : array_like
            The right answer; whole numbers where its type is integer.
        otherwise : str
            The hint for a wrong answer that is none of the mistakes. It says what is required, and
            claims no cause. The first place that differs is added to it.
        mistakes : dict of str to array_like
            The results of likely mistakes, by the hint for each.
        """
        value, right = np.asarray(self.answer(value)), np.asarray(right)
        value = value if value.dtype == np.float32 else value.astype(np.float64)
        distances = {"": _distance(value, right)}
        for hint, mistake in (mistakes or {}).items():
            distances[hint] = _distance(value, np.asarray(mistake))
        nearest = min(distances, key=lambda hint: distances[hint])
        if distances[nearest] < np.inf:
            self(not nearest, nearest)
            return
        self(
            value.shape == right.shape,
            f"The answer should have the shape {right.shape}. Yours has {value.shape}. {otherwise}",
        )
        self(np.isfinite(value).all(), f"Not all of it is finite numbers. {otherwise}")
        raise NotYet(f"{otherwise}{_difference(value, right)}")

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


def _distance(value: np.ndarray, other: np.ndarray) -> float:
    """The largest difference between an answer and `other`; infinite where they do not agree."""
    if value.shape != other.shape:
        return np.inf
    if other.dtype.kind in "iub":
        agree = np.allclose(value, other, rtol=0, atol=1e-4)
    else:
        agree = _agree(value, other.astype(np.float64))
    distance = np.abs(value - other * 1.0)
    return np.max(distance, initial=0, where=~np.isnan(distance)) if agree else np.inf


def _agree(value: np.ndarray, other: np.ndarray) -> bool:
    """Whether `value` is `other`, up to the rounding of computers and of people."""
    scale = np.max(np.abs(other), initial=0, where=np.isfinite(other))
    rtol = 2e-4 if value.dtype == np.float32 else 1e-5
    if np.allclose(value, other, rtol=0, atol=rtol * scale, equal_nan=True):
        return True
    rounded = [np.round(other, d) for d in range(4, 9) if scale >= 10.0 ** (2 - d)]
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = 10 ** np.floor(np.log10(np.abs(other)))  # of the first digit
    unit = np.where((unit > 0) & np.isfinite(unit), unit, 1)
    rounded += [np.round(other / unit, d - 1) * unit for d in range(3, 9)]
    return any(np.allclose(value, r, rtol=1e-6, atol=1e-12, equal_nan=True) for r in rounded)


def _difference(value: np.ndarray, right: np.ndarray) -> str:
    """Where an array differs first from the right one; empty for a single number."""
    if value.ndim == 0:
        return ""
    scale = np.max(np.abs(right), initial=0)
    place = tuple(int(i[0]) for i in np.nonzero(np.abs(value - right) > 1e-5 * scale))
    where = ", ".join(map(str, place))
    return (
        f" At [{where}], counted from 0, it should be {right[place]:.6g}, and yours is "
        f"{value[place]:.6g}."
    )


def _stopped(error: Exception) -> str:
    """The error, and the last line of the traceback that is in a cell and not in a package."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # without the frame of `check`
    folder = os.path.dirname(frames[0].filename)
    line = [frame.line for frame in frames if os.path.dirname(frame.filename) == folder][-1]
    where = f" at `{line}`" if line else ""
    return f"It stopped{where} with {type(error).__name__}: {error}."


def _show(verdict: str, text: str) -> None:
    display({"text/plain": f"{verdict} {text}", "text/markdown": f"**{verdict}** {text}"}, raw=True)
