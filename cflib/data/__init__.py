"""Finding, downloading, checking and reading a ratings set: file -> `Ratings`."""

from .ratings import Ratings
from .reading import read
from .sets import describe, find, load

__all__ = ["Ratings", "describe", "find", "load", "read"]
