"""What commands write: tables as text, and files that replace nothing but what cflib wrote."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .words import visible

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..model import FactorModel
    from ..ratings import Ratings

FORMATS = ("table", "csv", "json")
LISTS = (".csv", ".parquet")  # suffixes of files of lists
DIGITS = 4  # significant digits of ratings and scores
MARK = b"cflib"  # key of the metadata of a Parquet file that cflib wrote


# Tables as text ---------------------------------------------------------------------------------


def formatted(frame: pd.DataFrame, form: str) -> str:
    """A frame as a "table", as "csv", or as "json": a list of objects.

    Numbers have four significant digits, so that ratings around 1e-4 are not shown as 0. A table
    has control characters made visible; CSV and JSON hold texts as they are.
    """
    frame = rounded(frame)
    if form == "json":
        return str(
            frame.to_json(orient="records", force_ascii=False, indent=2, double_precision=15)
        )
    if form == "csv":
        return str(frame.to_csv(index=False, lineterminator="\n")).rstrip("\n")
    frame = frame.map(lambda value: visible(value) if isinstance(value, str) else value)
    frame = frame.rename(columns=visible)
    of_number = {name: _decimals(frame[name]) for name in frame.select_dtypes("floating")}
    shown = {
        name: (lambda value, n=n: "" if math.isnan(value) else f"{value:.{n}f}")
        for name, n in of_number.items()
    }
    return str(frame.to_string(index=False, max_colwidth=60, formatters=shown, na_rep=""))


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its fractions rounded to four significant digits, in double precision."""
    names = frame.select_dtypes("floating").columns
    return frame.assign(**{name: significant(frame[name].to_numpy()) for name in names})


def significant(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """Numbers rounded to so many significant digits: float64."""
    import numpy as np

    values = np.asarray(values, np.float64)
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1))
    power = (digits - 1 - np.floor(np.log10(size))).astype(int)
    # Each number as text and back: 10.0 ** power is not exact.
    return np.array(
        [round(v, p) if math.isfinite(v) else v for v, p in zip(values, power, strict=True)],
        np.float64,
    )


def _decimals(column: pd.Series) -> int:
    """How many decimals show the column's largest number with four digits; fewer if they do."""
    largest = column.abs().max()
    if not math.isfinite(largest) or largest == 0:
        return 0
    most = int(min(max(DIGITS - 1 - math.floor(math.log10(largest)), 0), 15))
    shown = column.round(most)
    return next(n for n in range(most + 1) if (column.round(n) == shown)[shown.notna()].all())


# Files ------------------------------------------------------------------------------------------


def check_model_destination(command: str, out: Path, *inputs: Path | None) -> None:
    """Raise ClickException unless a model can be written to `out` without losing anything else."""
    _check_destination(out, inputs, is_model, "model", command)


def check_lists_destination(out: Path, *inputs: Path | None) -> None:
    """Raise ClickException unless lists can be written to `out` without losing anything else."""
    if out.suffix.lower() not in LISTS:
        raise click.UsageError(
            f"--out {out}: lists are written to a file that ends in {' or '.join(LISTS)}"
        )
    _check_destination(out, inputs, _is_lists, "file of lists that cflib wrote", "recommend")


def is_model(path: Path) -> bool:
    """Whether a file is a model that cflib wrote, whole or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "header.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def open_model(path: Path) -> FactorModel:
    """The model in a file. Raises ClickException, with what to do, where the file is none."""
    from ..models import load_model

    if not path.exists():
        raise click.ClickException(
            f"{path}: there is no such file. `cflib fit FILE --out {path}` trains a model and "
            "writes it there."
        )
    if not path.is_file():
        raise click.ClickException(f"{path}: this is a folder or a device, not a model.")
    if not is_model(path):
        raise click.ClickException(
            f"{path} cannot be read as a cflib model: it is damaged, or cflib did not write it. "
            "`cflib fit FILE --out MODEL.npz` writes one."
        )
    return load_model(path)


def ratings_or_none(model: FactorModel, path: Path) -> Ratings | None:
    """The ratings in a model's file; None where it holds none."""
    try:
        return model.load_ratings(path)
    except ValueError as error:
        if "does not hold the ratings" not in str(error):
            raise
        return None


def ratings_of(model: FactorModel, path: Path) -> Ratings:
    """The ratings in a model's file. Raises ClickException, with what to do, where it has none."""
    from .. import people

    ratings = ratings_or_none(model, path)
    if ratings is None:
        user, _ = people.columns_of(model).nouns()
        raise click.ClickException(
            f"{path} holds no ratings, so what its {user}s have rated already is not known. Give "
            f"the ratings of one {user} with --ratings FILE (`cflib recommend`, `cflib explain`), "
            "or train by `cflib fit`: its models hold their ratings."
        )
    return ratings


def write_lists(path: Path, blocks: Iterable[pd.DataFrame]) -> int:
    """Write blocks of lists to one .csv or .parquet file, whole or not at all; how many rows.

    They are written to a file beside it, which is renamed when all is well. What is in memory is
    one block.
    """
    from .._files import replacing

    n_rows = 0
    with replacing(path) as beside:
        writer = _parquet if path.suffix.lower() == ".parquet" else _csv
        with writer(beside) as write:
            for block in blocks:
                write(block)
                n_rows += len(block)
    return n_rows


@contextlib.contextmanager
def _csv(path: Path) -> Iterator[Any]:
    with open(path, "w", encoding="utf-8", newline="") as file:
        header = True

        def write(block: pd.DataFrame) -> None:
            nonlocal header
            rounded(block).to_csv(file, index=False, header=header, lineterminator="\n")
            header = False

        yield write


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with contextlib.ExitStack() as stack:
        writer = None

        def write(block: pd.DataFrame) -> None:
            nonlocal writer
            table = pa.Table.from_pandas(block, preserve_index=False)
            table = table.replace_schema_metadata({MARK: b"lists"})
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(path, table.schema))
            writer.write_table(table.cast(writer.schema))

        yield write


def _check_destination(
    out: Path,
    inputs: Iterable[Path | None],
    is_ours: Callable[[Path], bool],
    what: str,
    command: str,
) -> None:
    """Raise ClickException for an output that is an input, no regular file, or somebody else's."""
    if any(path is not None and _are_same(out, path) for path in inputs):
        raise click.ClickException(
            f"--out {out} is the file that `{command}` reads: choose another name"
        )
    if not os.path.lexists(out):
        return
    if not out.is_file():
        raise click.ClickException(f"--out {out} is there, and is no file: choose another name")
    if not is_ours(out):
        raise click.ClickException(
            f"--out {out} is there, and is no {what}: choose another name, or remove it first"
        )


def _are_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there
        return one.resolve() == other.resolve()


def _is_lists(path: Path) -> bool:
    """Whether a file holds lists that `write_lists` wrote."""
    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return MARK in (pq.read_schema(path).metadata or {})
        except (pa.ArrowException, OSError):
            return False
    try:
        with open(path, encoding="utf-8") as file:
            header = file.readline().rstrip("\n").split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return "rank" in header and header[-1] == "n_ratings"


def shows_progress() -> bool:
    """Whether somebody looks: a progress bar goes to a terminal, never into a file."""
    return sys.stderr.isatty()


def plain(value: float) -> str:
    """A number with four significant digits."""
    return f"{value:.{DIGITS}g}"
