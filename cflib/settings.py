"""Settings: one object for each kind of model, checked once, when it is made.

A field has a sentence, a unit where it has one, a default and its limits, so that the same object
is what a solver takes, what a model remembers, what its file stores and what a table prints.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import numpy as np

RENAMED = {"sweeps": "iterations"}  # names of fields in files and programs written before 0.2


def setting(
    default: Any,
    about: str,
    *,
    least: float | None = None,
    above: float | None = None,
    choices: Iterable[str] = (),
) -> Any:
    """A field of a `Settings` class.

    Parameters
    ----------
    default : int, float, bool, str or None
    about : str
        One sentence: what it is, with its unit.
    least, above : float or None
        The smallest value that is allowed, or a bound that it must exceed.
    choices : iterable of str
        The values that are allowed; empty: any.
    """
    metadata = {"about": about, "least": least, "above": above, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of every settings object.

    A subclass names its solver: `class ALSSettings(Settings, solver="als")`. A field takes what its
    default is: a whole number, a number, a truth value or a text; None only where that is the
    default, or where the field has a number as a threshold (`float | None`).

    Raises
    ------
    ValueError
        For a value outside its limits, with its name, what it should be, and the value received.
    """

    solver: ClassVar[str] = ""
    by_solver: ClassVar[dict[str, type[Settings]]] = {}

    def __init_subclass__(cls, solver: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = Settings.by_solver.get(solver)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"the solver {solver!r} has settings already: {known.__name__}")
        cls.solver = solver
        Settings.by_solver[solver] = cls

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and "None" in str(field.type):
                continue
            if not _is_allowed(value, field):
                raise ValueError(
                    f"`{field.name}` should be {_expected(field)}. Received: {value!r}"
                )
            if type(field.default) is int:
                object.__setattr__(self, field.name, int(value))

    @classmethod
    def chosen(cls, settings: Self | None, changes: dict[str, Any]) -> Self:
        """The settings that a solver was called with: an object, changes to it, or both.

        Raises
        ------
        TypeError
            For a name that is no setting, with the nearest one that is.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in changes:
            if name not in known:
                nearest = RENAMED.get(name) or difflib.get_close_matches(name, known, 1, 0)[0]
                raise TypeError(
                    f"{cls.__name__} has no setting `{name}`; the nearest is `{nearest}`. "
                    f"It has: {', '.join(known)}"
                )
        if settings is None:
            return cls(**changes)
        if type(settings) is not cls:
            raise TypeError(
                f"`settings` should be {cls.__name__}. Received: {type(settings).__name__}"
            )
        return dataclasses.replace(settings, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON types, the solver's name first."""
        return {"solver": self.solver} | dataclasses.asdict(self)

    @staticmethod
    def from_dict(stored: dict[str, Any]) -> tuple[Settings, dict[str, Any]]:
        """The settings that `to_dict` gave, and whatever else stands among them.

        Raises
        ------
        ValueError
            For a solver that is not known.
        """
        values = {RENAMED.get(name, name): value for name, value in stored.items()}
        solver = values.pop("solver", None)
        if solver not in Settings.by_solver:
            raise ValueError(f"it was trained by {solver!r}, which this version does not know")
        kind = Settings.by_solver[solver]
        known = {field.name for field in dataclasses.fields(kind)}
        rest = {name: value for name, value in values.items() if name not in known}
        return kind(**{name: values[name] for name in values if name in known}), rest


def _is_allowed(value: Any, field: dataclasses.Field) -> bool:
    if isinstance(field.default, bool):
        return isinstance(value, bool | np.bool_)
    if isinstance(field.default, str):
        choices = field.metadata["choices"]
        return isinstance(value, str) and (not choices or value in choices)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    least, above = field.metadata["least"], field.metadata["above"]
    return (
        math.isfinite(number)
        and (not isinstance(field.default, int) or number == int(number))
        and (least is None or number >= least)
        and (above is None or number > above)
    )


def _expected(field: dataclasses.Field) -> str:
    if isinstance(field.default, bool):
        return "True or False"
    if isinstance(field.default, str):
        return f"one of {', '.join(field.metadata['choices'])}"
    if isinstance(field.default, int) and field.metadata["least"] == 1:
        return "a positive integer"
    if field.metadata["least"] is not None:
        return f"{field.metadata['least']:g} or more"
    if field.metadata["above"] == 0:
        return "positive"
    return "an integer" if isinstance(field.default, int) else "a number"
