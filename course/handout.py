"""What a student is handed: a file with the pages, the chapters and the exercises, no solutions.

The archive holds the course as it can be installed and run, without what only the teacher has: the
solutions, the tests and the instructions for teaching and marking. The Makefile is without the
targets that need them. The same course gives the same bytes.
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from . import site
from .files import replacing
from .run import ROOT

DEFAULT = ROOT / "build" / "handout.zip"
FOLDER = "cflib-course"  # in the archive
PARTS = (
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CITATION.cff",
    "Makefile",
    "conftest.py",  # `make test` runs the chapters with it
    "environment.yml",
    "pyproject.toml",
    "requirements*.txt",
    "cflib/**/*",
    "course/**/*",
    "data/**/*",
    "docs/**/*",
    "notebooks/*.ipynb",
    "notebooks/exercises/*.ipynb",
    "sweeps/*",
    "benchmarks/accuracy/results.csv",  # chapter 4 draws it
    "benchmarks/results/ranking*.json",  # chapter 11 reads them
)
TEACHERS = (
    "docs/teaching.md",
    "docs/marking.md",
    "notebooks/solutions",
    "course/grading.py",
    "tests",
)
TARGETS = (  # of the Makefile, which need files that students do not get
    *("lint", "exercises", "handout", "grade", "screenshots", "fuzz"),
    *("bench-accuracy", "bench-published", "bench"),
)
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}
DATE = (2020, 1, 1, 0, 0, 0)  # of each file, so that the archive depends on the course alone


def build(out: str | Path = DEFAULT, root: Path = ROOT) -> Path:
    """Write the archive, whole or not at all; return its path.

    Parameters
    ----------
    out : str or Path
        An archive that is there is replaced.
    root : Path
        The repository.

    Raises
    ------
    site.SiteError
        When a page has a flaw; see `site.build`.
    """
    out = Path(out)
    with tempfile.TemporaryDirectory() as folder:
        pages = site.build(Path(folder) / "site", root, left_out=TEACHERS).parent
        with (
            replacing(out) as beside,
            zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for path in files(root):
                _add(archive, path, path.relative_to(root))
            for path in sorted(pages.rglob("*")):
                if path.is_file():
                    _add(archive, path, Path("site") / path.relative_to(pages))
    return out


def files(root: Path) -> Iterator[Path]:
    """The files of the repository that a student gets, in order."""
    chosen = {path for part in PARTS for path in root.glob(part) if path.is_file()}
    for path in sorted(chosen):
        within = path.relative_to(root)
        is_egg = any(part.endswith(".egg-info") for part in within.parts)
        is_the_teachers = site.is_below(within, TEACHERS)
        if not (LEFT_OUT & set(within.parts) or is_egg or is_the_teachers):
            yield path


def _add(archive: zipfile.ZipFile, path: Path, name: Path) -> None:
    about = zipfile.ZipInfo((Path(FOLDER) / name).as_posix(), DATE)
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = 0o644 << 16
    content = path.read_bytes()
    if name == Path("Makefile"):
        content = makefile(content.decode()).encode()
    archive.writestr(about, content)


def makefile(text: str) -> str:
    """The Makefile without the targets of `TARGETS`: neither `make help` nor `make` knows them."""
    for target in TARGETS:
        text = re.sub(rf"^{target}: .*\n(?:\t.*\n)+\n", "", text, flags=re.MULTILINE)
    phony = re.compile(r"^\.PHONY: help (?:.*\\\n)*.*$", re.MULTILINE)
    return phony.sub(lambda found: " ".join(_kept(found[0])), text)


def _kept(phony: str) -> list[str]:
    return [name for name in phony.split() if name not in {"\\", *TARGETS}]


def main() -> int:
    """Write the archive and say where it is; or say why there is none."""
    try:
        path = build()
    except (OSError, ValueError, site.SiteError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Hand out {path.relative_to(ROOT)} ({path.stat().st_size / 1e6:.0f} MB).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
