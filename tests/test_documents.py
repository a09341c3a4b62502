"""Every block of code in the README and the documents works as written, pasted after `make run`.

The blocks of a document run in its order, in one copy of the repository. A block whose fence says
`no-test` is not run. Each of these is listed below, with the reason.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"^```(?P<kind>\w*) ?(?P<mark>\S*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
LARGE_OR_MADE = {".git", ".venv", ".pytest_cache", ".ruff_cache", "__pycache__", "build", "runs"}

NOT_RUN = {  # a block's first line: why it is not run here
    "make run     # read": "the chapters take minutes, and `make test` runs this test itself",
    "cflib run -p n_features 32": "runs all chapters, which takes minutes",
    "make sweep ": "32 runs, and a cluster",
    "python3 -m pip download": "downloads 0.9 GB",
    "export PIP_NO_INDEX=1": "installs from what was downloaded, and opens a browser",
    "python3 -m venv .venv": "installs from what was downloaded, and opens a browser",
    "python3.11 -m venv marking": "installs nbgrader, from a network",
    "unzip ml-100k.zip": "needs a set that is not passed on",
    "c = get_config()": "nbgrader defines `get_config`",
    "mkdir -p source/03_training": "needs nbgrader",
    "make grade ": "needs what students hand in",
}


class Block(NamedTuple):
    document: Path
    number: int
    kind: str
    mark: str
    code: str

    @property
    def reasons(self) -> list[str]:
        return [reason for start, reason in NOT_RUN.items() if self.code.startswith(start)]


def blocks_of(document: Path) -> list[Block]:
    fences = FENCE.finditer(document.read_text(encoding="utf-8"))
    return [Block(document, n, *fence.groups()) for n, fence in enumerate(fences, 1)]


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
RUN = [
    block for block in BLOCKS if block.kind in ("", "shell", "bash", "python") and not block.mark
]


@pytest.fixture(scope="module")
def copy_for(tmp_path_factory):
    """A copy of the repository for each document, as it is after `make run`."""
    copies: dict[Path, Path] = {}

    def left_out(folder: str, names: list[str]) -> set[str]:
        other_sets = {
            name
            for name in names
            if Path(folder) == ROOT / "data"
            and name != "movielens_2016"
            and Path(folder, name).is_dir()
        }
        return other_sets | LARGE_OR_MADE & set(names)

    def copy(document: Path) -> Path:
        if document not in copies:
            copies[document] = tmp_path_factory.mktemp(document.stem) / "repository"
            shutil.copytree(ROOT, copies[document], ignore=left_out)
            activate = copies[document] / ".venv" / "bin" / "activate"
            activate.parent.mkdir(parents=True)
            activate.write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\n', encoding="utf-8")
        return copies[document]

    return copy


def run(block: Block, folder: Path) -> str:
    """What the block prints; it fails with what it said where it does not succeed."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    settings = {"PATH": programs, "PYTHONPATH": str(folder), "CFLIB_OFFLINE": "1"}
    shell = ["bash", "-euo", "pipefail", "-c"]
    command = [sys.executable, "-c"] if block.kind == "python" else shell
    done = subprocess.run(
        [*command, block.code],
        cwd=folder,
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block.code}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="the blocks are for bash")
@pytest.mark.parametrize("block", RUN, ids=lambda block: f"{block.document.name}-{block.number}")
def test_a_block_works_as_written(block, copy_for):
    printed = run(block, copy_for(block.document))
    if block.kind == "python":
        assert max(map(len, printed.splitlines())) <= 80, "it should be readable in any terminal"


def test_what_is_not_run_is_marked_and_has_a_reason():
    marked = [block for block in BLOCKS if block.mark]
    assert {block.mark for block in marked} == {"no-test"}
    assert [block.code for block in marked if len(block.reasons) != 1] == []
    assert len(marked) == len(NOT_RUN)
    assert not [block.code for block in RUN if block.reasons]


def test_the_sweep_in_the_readme_is_the_file_that_it_names():
    (shown,) = (block for block in BLOCKS if block.kind == "yaml")
    (name,) = re.findall(r"`(sweeps/\w+\.yaml)`:\n\n```yaml", shown.document.read_text("utf-8"))
    assert yaml.safe_load(shown.code) == yaml.safe_load((ROOT / name).read_text("utf-8"))
