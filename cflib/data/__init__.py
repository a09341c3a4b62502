"""From a file to `Ratings`: find, download, check, read and describe a ratings set.

files      text and Parquet files, as columns
reading    a file of your own, checked value by value
sets       the sets that are known by name
download   a set from GroupLens
store      a compact copy on disk, memory-mapped
quality    a report of what looks odd in a set
synthetic  made-up ratings, of which the best possible error is known
"""

from ..ratings import Ratings
from .files import Columns
from .quality import quality_report
from .reading import read, read_person
from .sets import describe, find, load
from .store import open, save
from .synthetic import Truth, synthetic

__all__ = [
    "Columns",
    "Ratings",
    "Truth",
    "describe",
    "find",
    "load",
    "open",
    "quality_report",
    "read",
    "read_person",
    "save",
    "synthetic",
]
