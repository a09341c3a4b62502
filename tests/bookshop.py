"""Ratings of another kind than movies, for several test modules: books, text ids, 1 to 10."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cflib import data

SHELVES = ("poetry", "crime", "garden")
OPTIONS = ["--user", "reader", "--item", "isbn", "--rating", "stars"]
COLUMNS = data.Columns("reader", "isbn", "stars", timestamp=None)


def books(n_readers=600, n_books=300, n_ratings=30_000, seed=0) -> pd.DataFrame:
    """Every reader loves one shelf of three and is bored by the others; ids say which is which."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_readers * n_books, n_ratings, replace=False)
    reader, book = np.divmod(pairs, n_books)
    loved = reader % 3 == book % 3
    stars = np.clip(np.round(rng.normal(np.where(loved, 8, 4), 1)), 1, 10).astype(int)
    return pd.DataFrame(
        {
            "isbn": [f"{SHELVES[i % 3]}-{i:03}" for i in book],
            "stars": stars,
            "reader": [f"{SHELVES[j % 3]} lover {j:03}" for j in reader],
        }
    )


def read(frame: pd.DataFrame) -> data.Ratings:
    """The ratings in such a frame, through a file."""
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "books.csv", index=False)
        return data.read(Path(folder) / "books.csv", user="reader", item="isbn", rating="stars")


def shell(folder: Path, *arguments: str) -> str:
    """What `python -m cflib` prints in a folder; it should print nothing on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "cflib", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
