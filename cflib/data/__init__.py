"""Finding, downloading, checking and reading a ratings set: file -> `Ratings`."""

from .files import Columns
from .oddities import oddities
from .ratings import Ratings
from .reading import read, read_person
from .sets import describe, find, load
from .store import open, save
from .synthesis import Truth, synthetic

__all__ = [
    "Columns", "Ratings", "Truth", "describe", "find", "load", "oddities", "open", "read",
    "read_person", "save", "synthetic",
]  # fmt: skip
