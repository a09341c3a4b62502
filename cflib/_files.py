"""Files that are written whole or not at all, and what a killed process leaves beside them."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` when the block ends well.

    When the block raises, what was written is removed, and a file that was at `path` stays. What
    a process that was killed left beside `path` is removed first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in left_over(path.parent, f".{path.name}.", ".part"):
        left.unlink(missing_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    beside.touch()
    try:
        with _held(beside):
            yield beside
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Give a new folder in `parent`, removed at the end, or by the next call after a kill."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in left_over(parent, prefix):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as name, _held(Path(name)):
        yield Path(name)


def left_over(folder: Path, start: str, end: str = "") -> list[Path]:
    """Files and folders so called that no living process holds: a killed one left them.

    A holder keeps a lock on what it writes (`flock`), which ends with it. Where there are no such
    locks nothing is taken for left over.
    """
    names = glob.glob(f"{glob.escape(start)}*{glob.escape(end)}", root_dir=folder)
    return [folder / name for name in names if not _is_held(folder / name)]


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network disks have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_held(path: Path) -> bool:
    if sys.platform == "win32":
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
