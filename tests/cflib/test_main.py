"""The command `cflib`: with the course, without it, and where packages are missing."""

import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cflib
from cflib import __main__ as main
from cflib import _commands

COURSE = ("doctor", "exercises", "notebooks", "run", "site", "sweep")


class Entry:
    """Stands for an entry point: a name, and a command or an error in place of one."""

    def __init__(self, name: str, command):
        self.name, self.command = name, command

    def load(self):
        if isinstance(self.command, Exception):
            raise self.command
        return self.command


@pytest.fixture
def registered(monkeypatch):
    """A function that makes the command line where these entry points are registered."""

    def command_line(*entries: Entry) -> click.Group:
        plain = click.Group("cflib", commands={"fit": click.Command("fit")})
        monkeypatch.setattr(_commands.cli, "cli", plain)
        monkeypatch.setattr(_commands, "entry_points", lambda group: list(entries))
        return _commands.command_line()

    return command_line


def test_the_course_registers_its_commands():
    commands = _commands.command_line().commands
    assert {"fit", "recommend", *COURSE} <= set(commands)
    assert not any(commands[name].hidden for name in COURSE)


def test_help_loads_no_heavy_package():
    program = (
        "import sys\n"
        "from cflib.__main__ import main\n"
        "sys.argv = ['cflib', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    *text, modules = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "Usage: cflib" in text[0] and "course.commands" in modules.split()
    assert {"numpy", "pandas", "numba", "tensorflow", "nbformat"}.isdisjoint(modules.split())


def test_the_version_is_the_package_s():
    done = CliRunner().invoke(_commands.command_line(), ["--version"])
    assert done.output == f"cflib, version {cflib.__version__}\n"


@pytest.mark.parametrize("arguments", [["run"], ["run", "--out", "x"], ["run", "--help"]])
def test_without_the_course_its_commands_say_what_they_are_and_what_to_type(registered, arguments):
    done = CliRunner().invoke(registered(), arguments)
    assert done.exit_code == 1
    (sentence,) = done.output.splitlines()
    assert "`run` is a command of the course, which is not installed here" in sentence
    assert sentence.endswith("make run")


def test_a_command_that_cannot_be_loaded_spoils_no_other(registered):
    broken = registered(Entry("run", ImportError("no module named course")))
    assert CliRunner().invoke(broken, ["fit"]).exit_code == 0
    done = CliRunner().invoke(broken, ["run"])
    assert done.exit_code == 1 and "no module named course" in done.output


def test_a_registered_command_takes_the_place_of_none_of_the_library(registered):
    other = click.Command("other")
    commands = registered(Entry("fit", other), Entry("other", other)).commands
    assert commands["fit"] is not other and commands["other"] is other


# Where packages are missing


def clone(folder: Path) -> Path:
    """A clone with the files that run without any package."""
    for name in ("cflib", "course"):
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(main.FOLDER / name, folder / name, ignore=ignore)
    shutil.copy(main.FOLDER / "requirements.txt", folder)
    return folder


def typed(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`python -m cflib`, typed in a clone, for a Python without packages."""
    command = [sys.executable, "-I", "-S", "-c", RUN, str(folder), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


RUN = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
sys.argv[0] = "__main__.py"
runpy.run_module("cflib", run_name="__main__", alter_sys=True)
"""


def test_without_click_it_says_what_is_missing_and_what_to_type(tmp_path):
    done = typed(clone(tmp_path), "fit", "ratings.csv")
    (sentence,) = done.stderr.splitlines()
    assert "No module named 'click'" in sentence
    assert f"Type: {sys.executable} -m cflib doctor" in sentence
    assert done.returncode == 1


def test_beside_the_environment_of_make_it_names_its_python(tmp_path):
    python = clone(tmp_path) / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    done = typed(tmp_path, "fit", "my ratings.csv")
    (sentence,) = done.stderr.splitlines()
    assert sentence.endswith("Type: .venv/bin/python -m cflib fit 'my ratings.csv'")
    assert "pip install" not in sentence


def test_the_doctor_runs_without_any_package(tmp_path):
    done = typed(clone(tmp_path), "doctor")
    assert done.returncode == 1 and done.stderr == ""
    assert "FAULT  missing: " in done.stdout


def test_a_module_of_ours_that_is_missing_is_no_package_to_install(monkeypatch):
    def broken():
        raise ModuleNotFoundError("No module named 'cflib.nosuch'", name="cflib.nosuch")

    monkeypatch.setattr(_commands, "command_line", broken)
    monkeypatch.setattr(sys, "argv", ["cflib"])
    with pytest.raises(ModuleNotFoundError, match="nosuch"):
        main.main()
