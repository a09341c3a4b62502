"""Finding, downloading, checking and reading a ratings set: file -> `Ratings`."""

from .ratings import Ratings

__all__ = ["Ratings"]
