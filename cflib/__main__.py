"""`python -m cflib`: the command line, which is in `cli`.

Nothing is imported before it is needed: `doctor` runs where the rest cannot be imported, and every
worker of a sweep loads this file.
"""

import sys


def main():
    if sys.argv[1:] == ["doctor"]:
        from . import doctor

        return doctor.main()
    from .cli import cli

    return cli(prog_name="python -m cflib")


if __name__ == "__main__":
    sys.exit(main())
