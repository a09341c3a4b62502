"""From a file to `Ratings`: find, download, check, read and describe a ratings set.

content    the bytes of a file, however it is packed or encoded
files      text, Parquet, Arrow and JSON files, as columns
wide       a table with a column for each item, as a long one
guessing   what columns are, after their names, and what values mean
reading    a file of your own, checked value by value
features   what is known of items and users, as numbers
sets       the sets that are known by name
published  the splits that papers use
download   a set from GroupLens
store      a compact copy on disk, memory-mapped
quality    a report of what looks odd in a set
synthetic  made-up ratings, of which the best possible error is known
"""

from ..ratings import Ratings
from .features import Features, read_features
from .files import Columns
from .guessing import Guess
from .published import published_splits
from .quality import quality_report
from .reading import guess, read, read_person
from .sets import describe, find, load
from .store import open, save
from .synthetic import Truth, synthetic

__all__ = [
    "Columns",
    "Features",
    "Guess",
    "Ratings",
    "Truth",
    "describe",
    "find",
    "guess",
    "load",
    "open",
    "published_splits",
    "quality_report",
    "read",
    "read_features",
    "read_person",
    "save",
    "synthetic",
]
