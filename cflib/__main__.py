"""The command `cflib`, and `python -m cflib`.

This file imports the standard library alone, because it also runs where nothing else is installed:
then it says what to type.
"""

from __future__ import annotations

import os
import runpy
import shlex
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]  # the repository, in a clone
DOCTOR = FOLDER / "course" / "doctor.py"
ENVIRONMENT = FOLDER / ".venv"  # which make sets up


def main() -> int:
    """Run the command line; its exit status."""
    name = "python -m cflib" if Path(sys.argv[0]).name == "__main__.py" else "cflib"
    if sys.argv[1:] == ["doctor"] and DOCTOR.exists():
        # As a file, not as a command: it runs where click is missing and nothing is installed.
        runpy.run_path(str(DOCTOR), run_name="__main__")
    try:
        from ._commands import command_line

        return command_line()(prog_name=name)
    except ModuleNotFoundError as error:
        if str(error.name).split(".")[0] in ("cflib", "course"):
            raise
        sys.exit(f"{name}: {error}. {remedy()}")


def remedy() -> str:
    """What to type where a package is missing."""
    made = ENVIRONMENT / "bin" / "python"
    if made.exists() and Path(sys.prefix).resolve() != ENVIRONMENT.resolve():
        python = os.path.relpath(made) if Path.cwd() == FOLDER else str(made)
        return (
            f"{sys.executable} lacks it, and the environment that make has set up has it. "
            f"Type: {shlex.join([python, '-m', 'cflib', *sys.argv[1:]])}"
        )
    if DOCTOR.exists():
        return f"Type: {shlex.quote(sys.executable)} -m cflib doctor   (it says what is missing)"
    return "Type: pip install cflib-recommender"


if __name__ == "__main__":
    sys.exit(main())
