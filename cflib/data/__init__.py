"""Finding, downloading, checking and reading a ratings set: file -> `Ratings`."""

from .ratings import Ratings
from .reading import read
from .sets import describe, find, load
from .store import open, save
from .synthesis import Truth, synthetic

__all__ = ["Ratings", "Truth", "describe", "find", "load", "open", "read", "save", "synthetic"]
