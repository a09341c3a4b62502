"""Ratings of another kind than movies, for several test modules: books, text ids, 1 to 10."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner

from cflib import data, fit_als, fit_implicit
from cflib.cli import cli
from cflib.models import Recommender

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


def read(frame: pd.DataFrame, kind: str = "auto") -> data.Ratings:
    """The ratings in such a frame, through a file."""
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(Path(folder) / "books.csv", index=False)
        return data.read(
            Path(folder) / "books.csv", user="reader", item="isbn", rating="stars", kind=kind
        )


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


def invoke(*arguments: object, ok: bool = True) -> tuple[str, str]:
    """What `cflib` prints in this process, on stdout and on stderr; `ok` is what it should be."""
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert (done.exit_code == 0) == ok, done.output
    return done.stdout, done.stderr


def small_shop(
    folder: Path, item: str = "isbn", divide_by: float = 1.0
) -> tuple[Path, pd.DataFrame]:
    """A model of two, with its ratings, in `folder`; and the frame that it was trained on."""
    frame = books(100, 60, 2_000).rename(columns={"isbn": item})
    frame["stars"] /= divide_by
    frame.to_csv(folder / "books.csv", index=False)
    columns = {"user": "reader", "item": item, "rating": "stars"}
    ratings = data.read(folder / "books.csv", **columns)
    notes = {"columns": columns | {"timestamp": None}, "data": {"file": "books.csv"}}
    model = Recommender.of(
        fit_implicit(ratings, n_features=8, threshold=6.0 / divide_by),
        fit_als(ratings, n_features=4, lam=4.0 / divide_by),
        notes,
    )
    return model.save(folder / "model.npz", ratings), frame
