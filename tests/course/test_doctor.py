"""The doctor, in environments that are broken and in clones that lack something."""

import ast
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from course import doctor

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cflib", "course")
OURS = ("PYTHONPATH", "CFLIB_DATA", "NUMBA_CACHE_DIR", "JUPYTER_PATH", "MPLBACKEND")


def files_of(package: str) -> set[str]:
    """Names in site-packages that belong to an installed package."""
    files = importlib.metadata.files(package)
    return {file.parts[0] for file in files if not file.parts[0].startswith("..")}


class Machine:
    """A clone of the repository and a Python for it, in which things can be missing."""

    def __init__(self, folder: Path, without=(), data=True):
        self.clone, self.home = folder / "clone", folder / "home"
        self.home.mkdir()
        for name in PACKAGES:
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, self.clone / name, ignore=ignore)
        shutil.copy(ROOT / "requirements.txt", self.clone)
        if data:
            shutil.copytree(ROOT / "data" / "movielens_2016", self.clone / "data/movielens_2016")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        self.python = folder / "env" / "bin" / "python"
        (self.packages,) = (folder / "env" / "lib").glob("python3*/site-packages")
        if without != "all":
            left_out = set().union(*map(files_of, without), {"__pycache__"})
            for entry in Path(sysconfig.get_path("purelib")).iterdir():
                if entry.name not in left_out and "cflib" not in entry.name.lower():
                    (self.packages / entry.name).symlink_to(entry)
            (self.packages / "cflib.pth").write_text(f"{self.clone}\n")

    def says(self, *arguments, code=0, **environment) -> str:
        """What Python prints, which has to end with that exit code and without a traceback."""
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        home = {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "JUPYTER_DATA_DIR": str(self.home / "jupyter"),
            "CFLIB_OFFLINE": "1",
        }
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.clone,
            env=kept | home | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.returncode == code, done.stdout
        return done.stdout

    def finds(self, check: str, code=1, **environment) -> str:
        """What the doctor prints of one check."""
        program = f"import sys; from course import doctor; sys.exit(doctor.main([doctor.{check}]))"
        return self.says("-c", program, code=code, **environment)

    def install(self) -> str:
        return f"type: {self.python} -m pip install -r {self.clone / 'requirements.txt'}"


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_where_all_is_well_every_check_says_so():
    command = [sys.executable, "-m", "cflib", "doctor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert names == [check.__name__ for check in doctor.CHECKS] + ["Everything"]
    assert "FAULT" not in done.stdout


def test_without_any_package_it_runs_and_every_fault_has_a_remedy(tmp_path):
    bare = Machine(tmp_path, without="all")
    told = bare.says("-m", "cflib", "doctor", code=1)
    assert re.search(r"packages +FAULT  missing: absl-py .* and \d{3} more\n", told)
    assert "this needs TensorFlow" in told and "No module named 'num" in told
    assert told.count("FAULT") == told.count("type: ") == told.count(bare.install()) > 5


def test_a_missing_package_is_named_even_one_that_the_command_line_needs(tmp_path):
    machine = Machine(tmp_path, without=["click", "tensorflow"])
    told = machine.says("-m", "cflib", "doctor", code=1)
    assert "packages   FAULT  missing: click 8" in told and ", tensorflow 2.21.0\n" in told
    assert "tensorflow FAULT  ModuleNotFoundError: this needs TensorFlow, " in told
    assert told.count(machine.install()) == told.count("FAULT")


def test_a_missing_packaging_does_not_hide_what_else_is_missing(tmp_path):
    told = Machine(tmp_path, without=["packaging", "tqdm"]).finds("packages")
    assert re.search(r"FAULT  missing: packaging [0-9.]+, tqdm [0-9.]+\n", told)


def test_another_version_is_named_with_the_one_that_is_pinned(machine):
    (pinned,) = (path.name for path in machine.packages.glob("tqdm-*.dist-info"))
    (machine.packages / pinned).rename(machine.packages / "tqdm-4.1.0.dist-info")
    told = machine.finds("packages")
    version = pinned.removeprefix("tqdm-").removesuffix(".dist-info")
    assert f"packages   FAULT  tqdm is 4.1.0 and should be {version}\n" in told
    assert machine.install() in told


def test_the_other_project_called_cflib_is_named_with_what_to_type(machine):
    (machine.packages / "cflib-0.1.34.dist-info").mkdir()
    told = machine.finds("packages")
    assert "FAULT  a distribution called cflib is installed (0.1.34)" in told
    remedy = f"type: {machine.python} -m pip uninstall cflib && {machine.python} -m pip install"
    assert f"{remedy} --no-deps -e {machine.clone} -e {machine.clone / 'course'}\n" in told


def test_beside_the_environment_of_make_that_is_all_there_is_to_say(tmp_path):
    machine = Machine(tmp_path, without="all")
    (machine.clone / ".venv").mkdir()
    (machine.clone / ".venv" / "ready").touch()
    told = machine.says("-m", "cflib", "doctor", code=1)
    assert f"FAULT  {machine.python} lacks packages, and the environment that make" in told
    assert f"type: source {machine.clone}/.venv/bin/activate " in told
    assert told.count("FAULT") == 1 and "pip install" not in told


def test_a_pin_for_another_system_is_not_missing(machine):
    (machine.clone / "requirements.txt").write_text("nosuch==1.0 ; sys_platform == 'plan9'\n")
    assert "packages   ok     0, each" in machine.finds("packages", code=0)


def test_without_ratings_it_says_how_to_get_them_back(tmp_path):
    machine = Machine(tmp_path, data=False)
    told = machine.finds("data")
    assert "data       FAULT  no ratings: movielens_small is not on this disk" in told
    assert f"type: git -C {machine.clone} checkout -- data" in told


def test_the_bundled_edition_is_enough(machine):
    assert "movielens_2016, the bundled edition" in machine.finds("data", code=0)


def test_a_folder_of_ratings_that_has_none_is_named(machine, tmp_path):
    told = machine.finds("data", CFLIB_DATA=str(tmp_path))
    assert f"FAULT  CFLIB_DATA is {tmp_path}, and there is no set in it" in told
    assert "unset CFLIB_DATA" in told


def test_a_damaged_file_of_ratings_is_named(machine):
    path = machine.clone / "data" / "movielens_2016" / "ratings.csv"
    path.write_bytes(path.read_bytes()[:-1])
    assert f"FAULT  {path} is not the published file" in machine.finds("data")
    path.unlink()
    assert "FAULT  no ratings" in machine.finds("data")


def test_without_ipykernel_there_is_no_kernel(tmp_path):
    machine = Machine(tmp_path, without=["ipykernel"])
    told = machine.finds("kernel")
    assert "kernel     FAULT  Jupyter has no kernel `python3`" in told
    assert f"{machine.install()} && {machine.python} -m ipykernel install --sys-prefix" in told


def name_a_kernel(machine: Machine, program: str) -> None:
    """Let the user's kernel `python3` be one of that program."""
    argv = [program, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = machine.home / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("/nowhere/python", r"does not start: .*/nowhere/python"),
        (sys.executable, f"is another Python's: {re.escape(sys.executable)}"),
    ],
)
def test_a_kernel_of_another_program_is_named_and_the_remedy_repairs_it(machine, program, fault):
    name_a_kernel(machine, program)
    told = machine.finds("kernel")
    assert re.search(f"kernel +FAULT  the kernel `python3` {fault}", told)
    (remedy,) = re.findall("type: (.*)", told)
    python, *arguments = shlex.split(remedy)
    assert python == str(machine.python)
    machine.says(*arguments)
    assert "kernel     ok" in machine.finds("kernel", code=0)


def test_a_kernel_that_cannot_import_the_package_is_named(machine):
    (machine.packages / "cflib.pth").unlink()
    told = machine.finds("kernel")
    assert "FAULT  the kernel `python3` starts, and cannot import cflib and course" in told
    remedy = f"type: {machine.python} -m pip install --no-deps -e {machine.clone}"
    assert f"{remedy} -e {machine.clone / 'course'}\n" in told


def test_a_tensorflow_that_crashes_does_not_take_the_doctor_along(tmp_path):
    machine = Machine(tmp_path, without=["tensorflow"])
    crash = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"
    (machine.packages / "tensorflow.py").write_text(crash)
    assert "tensorflow FAULT  it crashed by signal 4" in machine.finds("tensorflow")


def test_where_compiled_code_cannot_be_kept_it_says_where_it_could(machine):
    for name in PACKAGES:
        (machine.clone / name / "__pycache__").write_text("a file, where a folder should be")
    told = machine.finds("numba", code=0, XDG_CACHE_HOME="/dev/null")
    assert re.search(r"numba +note   [0-9.]+ compiles, and has no folder to keep", told)
    assert "type: export NUMBA_CACHE_DIR=" in told


def test_more_threads_than_processors_is_noted(machine):
    told = machine.finds("threads", code=0, OPENBLAS_NUM_THREADS="60", NUMBA_NUM_THREADS="512")
    assert "threads    note   Numba 512" in told and "type: export NUMBA_NUM_THREADS=" in told


def test_too_little_room_is_a_fault(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "MEMORY", 1e18)
    monkeypatch.setattr(doctor, "DISK", 1e18)
    assert doctor.main([doctor.memory, doctor.disk]) == 1
    assert capsys.readouterr().out.count("FAULT") == 2


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0)])
def test_another_python_is_a_fault_and_its_remedy_names_make(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert doctor.main([doctor.python]) == 1
    assert re.search(
        r"python +FAULT  this is 3\.1.*\n +type: make run PYTHON=", capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "file", ["course/doctor.py", "course/__init__.py", "cflib/__main__.py", "cflib/__init__.py"]
)
def test_an_older_python_can_read_it_and_it_needs_no_package(file):
    source = (ROOT / file).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        name.name.split(".")[0]
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([ast.alias(node.module)] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert imported <= sys.stdlib_module_names


def runs(command: str | None) -> bool:
    return bool(command) and not subprocess.run([command, "-c", ""], check=False).returncode


def test_other_pythons_run_it_and_are_told():
    found = {f"3.{minor}": shutil.which(f"python3.{minor}") for minor in (8, 9, 10, 14)}
    found = {version: command for version, command in found.items() if runs(command)}
    if not found:
        pytest.skip("there is no other Python here")
    for version, command in found.items():
        environment = {name: value for name, value in os.environ.items() if name not in OURS}
        done = subprocess.run(
            [command, "-m", "cflib", "doctor"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, "")
        assert f"FAULT  this is {version}." in done.stdout.splitlines()[0]


def test_it_accepts_the_pythons_and_the_ratings_that_the_project_states():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (_, oldest), (_, newest) = doctor.PYTHONS
    assert project["requires-python"] == f">=3.{oldest},<3.{newest + 1}"
    stated = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for name, sha256 in doctor.SHA256["movielens_2016"].items():
        assert f"| `{sha256}` | `movielens_2016/{name}`" in stated


# The line in a chapter


def test_where_all_is_well_the_line_is_the_same_everywhere(capsys):
    doctor.line()
    assert capsys.readouterr().out == "environment: ok\n"


def test_the_line_names_the_first_fault_and_what_to_type(tmp_path):
    machine = Machine(tmp_path, without=["tqdm", "pandas"])
    told = machine.says("-c", "from course import doctor; doctor.line()")
    assert told.startswith("environment: packages: missing: pandas 3.1.1, tqdm 4")
    assert machine.install().replace("type: ", "Type in a terminal: ") in told
    assert told.count("\n") == 1
