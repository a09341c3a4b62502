"""Sweeps with real kernels: what they leave, what survives, and that each has its own ports."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
import pytest

from course import notebooks, sweep
from course.run import KERNEL_ARGUMENTS
from course.sweep import manager, worker

from .small_chapters import SHOW_PICTURE, chapter

PARAMETERS = """size = 3  # of something
rate = 0.5  # of something
pause = 0.0  # before it ends, in seconds
seed = 1  # of nothing
run_dir = ""  # folder of the run"""
# A `record` of its own: loading the package's would take most of the time of these tests.
SCORE = """import json, os, time
from pathlib import Path

def record(run_dir, name, value):
    (Path(run_dir) / "metrics.json").write_text(json.dumps({name: value}))

(Path(run_dir) / "pid").write_text(str(os.getpid()))
time.sleep(pause)
threads = os.environ["OMP_NUM_THREADS"]
record(run_dir, "score", size * rate + seed)"""
TIMES = ["seconds", "peak_mb", "attempts"]


def small(folder: Path, *sources, name="mine", **described) -> sweep.Plan:
    chapter(folder / "small.ipynb", *(sources or [SCORE]), parameters=PARAMETERS)
    described = {"grid": {"size": [1, 2], "rate": [0.5, 2.0]}} | described
    return sweep.plan(name, "small.ipynb", "score", folder=folder, **described)


def command(plan_file: Path, out: Path, *more) -> list[str]:
    return [sys.executable, "-m", "cflib", "sweep", str(plan_file), "--out", str(out), *more]


def plan_file(folder: Path, **described) -> Path:
    small(folder, **described)
    path = folder / "mine.yaml"
    described = {"grid": {"size": [1, 2], "rate": [0.5, 2.0]}} | described
    path.write_text(json.dumps({"chapter": "small.ipynb", "metric": "score"} | described))
    return path


def stamps(out: Path) -> dict[str, int]:
    """When each finished run was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("[!.]*/run.json")}


def kernels_of(pid: int) -> list[psutil.Process]:
    """The kernels among a process's descendants; one that ends meanwhile is none."""
    kernels = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie is one, too
            if any("ipykernel" in word for word in child.cmdline()):
                kernels.append(child)
    return kernels


def is_over(process: psutil.Process) -> bool:
    """A zombie is over, too: not everywhere are those without a parent buried at once."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)
    return found


def is_whole(out: Path) -> None:
    """Nothing half-written: every folder has its notebook and its record, and nothing is beside."""
    for folder in out.iterdir():
        if folder.is_dir():
            assert not folder.name.startswith("."), folder
            record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
            executed = nbformat.read(folder / "small.ipynb", as_version=4)
            assert executed.metadata["cflib"]["recorded"] == record["recorded"]


@pytest.fixture(scope="module")
def cluster():
    """A Dask scheduler and two workers, each a process of its own, on loopback."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = []

    def start(*arguments):
        started.append(subprocess.Popen([*arguments], **quiet))

    port = wait_for(_free_port)
    address = f"tcp://127.0.0.1:{port}"
    start(
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    )
    wait_for(lambda: _answers(port))
    for _ in range(2):
        start(
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--no-nanny",
        )
    yield address
    for process in reversed(started):
        process.terminate()
        process.wait(20)


def _answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# One sweep, looked at from all sides


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    fails = "assert size != 2 or rate < 1, 'too large'"
    plan = small(folder, "# Prose", SCORE, fails, SHOW_PICTURE, seeds=[7])
    return plan, sweep.run(plan, folder / "out", workers=2)


def test_every_run_is_in_the_table_once_with_what_it_recorded(swept):
    _, out = swept
    table = sweep.collect(out)
    assert len(table) == 4 and table["run"].is_unique
    assert (table["score"].dropna() == table["size"] * table["rate"] + table["seed"]).all()
    assert (table["seconds"] > 0).all() and (table["peak_mb"] > 20).all()
    written = pd.read_parquet(out / "results.parquet")
    pd.testing.assert_frame_equal(written, table, check_dtype=False)
    is_whole(out)


def test_a_failed_run_has_its_cell_and_error_and_its_notebook_and_the_rest_goes_on(swept):
    _, out = swept
    table = sweep.collect(out)
    failed = table[table["status"] == "failed"]
    assert list(zip(failed["size"], failed["rate"], strict=True)) == [(2, 2.0)]
    assert (table["status"] == "ok").sum() == 3
    for run in failed["run"]:
        record = json.loads((out / run / "run.json").read_text(encoding="utf-8"))
        assert record["error"] == "AssertionError: too large"
        assert record["cell"].startswith("assert size != 2")
        assert "too large" in (out / run / "small.ipynb").read_text(encoding="utf-8")
    assert "1 failed" in sweep.summary(out) and "too large" in sweep.summary(out)


def test_each_executed_notebook_is_valid_and_has_the_run_s_parameters(swept):
    plan, out = swept
    for point in plan.points:
        executed = nbformat.read(out / point.name / "small.ipynb", as_version=4)
        nbformat.validate(executed)
        (cell,) = [c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", [])]
        given = {}
        exec(cell.source, given)
        assert {name: given[name] for name in point.parameters} == point.parameters
        assert not notebooks.remote_content(executed)


def test_the_same_sweep_again_does_nothing_and_a_larger_one_only_what_is_new(swept):
    plan, out = swept
    before = stamps(out)
    sweep.run(plan, out)
    assert stamps(out) == before
    chapter_folder = plan.chapter.parent
    larger = sweep.plan(
        "mine",
        "small.ipynb",
        "score",
        folder=chapter_folder,
        seeds=[7],
        grid={"size": [1, 2], "rate": [0.5, 2.0]},
        points=[{"size": 5, "pause": 0.01}],
    )
    table = sweep.collect(sweep.run(larger, out, workers=1))
    after = stamps(out)
    assert {name: after[name] for name in before} == before and len(after) == 5
    assert set(table["run"]) == set(after)  # although more varies, so that others have other names
    smaller = sweep.run(plan, out)
    assert len(sweep.collect(smaller)) == 4  # the others stay in the folder, not in the table


def test_a_folder_belongs_to_one_sweep(swept):
    plan, out = swept
    other = small(plan.chapter.parent / "other", name="another")
    before = stamps(out)
    with pytest.raises(sweep.SweepError, match=r"has the sweep `mine`.*`another`.*--out"):
        sweep.run(other, out)
    with manager.alone_in(out), pytest.raises(sweep.SweepError, match="going on in"):
        sweep.run(plan, out)
    assert stamps(out) == before


def test_failed_runs_are_done_again_when_asked_for(tmp_path, cluster):
    flag = tmp_path / "repaired"
    plan = small(
        tmp_path, SCORE, f"assert Path({str(flag)!r}).exists(), 'not yet'", grid={"size": [1]}
    )
    out = sweep.run(plan, tmp_path / "out", cluster)
    flag.touch()
    assert list(sweep.collect(sweep.run(plan, out, cluster))["status"]) == ["failed"]
    assert list(sweep.collect(sweep.run(plan, out, cluster, retry=True))["status"]) == ["ok"]
    is_whole(out)
    assert not kernels_of(os.getpid()), "a worker that stays keeps no kernel of a finished run"


# What survives


def test_a_kernel_that_dies_once_is_started_again_and_one_that_dies_twice_is_recorded(
    tmp_path, cluster
):
    dies = f"""
import os, signal
attempts = Path({str(tmp_path)!r}) / f"attempts-{{size}}"
with attempts.open("a") as file:
    file.write("x")
if len(attempts.read_text()) <= size:
    os.kill(os.getpid(), signal.SIGKILL)"""
    plan = small(tmp_path, SCORE, dies, grid={"size": [1, 2]})
    out = sweep.run(plan, tmp_path / "out", cluster)
    table = sweep.collect(out).set_index("size")
    assert table["status"].to_dict() == {1: "ok", 2: "killed"}
    assert table["attempts"].to_dict() == {1: 2, 2: 2}
    assert "kernel died" in table["error"][2]
    before = stamps(out)
    again = sweep.collect(sweep.run(plan, out, cluster)).set_index(
        "size"
    )  # what was killed has a chance
    assert set(again["status"]) == {"ok"}
    assert sum(before[name] != stamps(out)[name] for name in before) == 1


def test_a_run_that_takes_longer_than_its_minutes_is_stopped_and_has_failed(tmp_path, cluster):
    plan = small(tmp_path, SCORE, "time.sleep(3600)", grid={"size": [1]}, minutes=0.02)
    (run,) = sweep.collect(sweep.run(plan, tmp_path / "out", cluster)).to_dict("records")
    assert run["status"] == "failed" and run["attempts"] == 1
    assert run["error"] == "it took longer than the 0.02 `minutes` of the sweep"


def test_a_run_whose_worker_dies_has_one_more_chance_and_is_recorded_and_no_other_suffers(tmp_path):
    kills_its_worker = f"""
import os, signal
attempts = Path({str(tmp_path)!r}) / f"attempts-{{size}}"
with attempts.open("a") as file:
    file.write("x")
if len(attempts.read_text()) <= rate:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)"""
    always, once = {"size": 0, "rate": 9.0}, {"size": 1, "rate": 1.0}
    others = [{"size": size, "rate": 0.0} for size in (2, 3, 4)]
    points = [always, once, *others]
    plan = small(tmp_path, SCORE, kills_its_worker, grid={}, points=points)
    out = sweep.run(plan, tmp_path / "out", workers=2)
    table = sweep.collect(out).set_index("size")
    assert table["status"].to_dict() == {0: "killed"} | dict.fromkeys(range(1, 5), "ok")
    tried = {size: (tmp_path / f"attempts-{size}").read_text() for size in range(5)}
    assert tried == {0: "xx", 1: "xx", 2: "x", 3: "x", 4: "x"}
    assert table["attempts"][0] == 2 and "worker died, at 2 attempts" in table["error"][0]


def test_a_sweep_and_a_kernel_killed_in_the_middle_lose_no_run_and_do_none_twice(tmp_path):
    path = plan_file(tmp_path, fixed={"pause": 0.3}, grid={"size": [1, 2, 3], "rate": [0.5, 2.0]})
    out = tmp_path / "out"
    sweeping = subprocess.Popen(command(path, out, "--workers", "2"), stdout=subprocess.DEVNULL)
    wait_for(lambda: kernels_of(sweeping.pid))[0].send_signal(signal.SIGKILL)
    wait_for(lambda: len(stamps(out)) >= 2)
    orphans = psutil.Process(sweeping.pid).children(recursive=True)
    sweeping.send_signal(signal.SIGKILL)
    sweeping.wait()
    before = stamps(out)
    assert 2 <= len(before) < 6
    wait_for(lambda: all(map(is_over, orphans)))  # workers and kernels end by themselves
    done = subprocess.run(command(path, out), capture_output=True, text=True, check=True)
    assert "6 of 6 runs done" in done.stdout
    after = stamps(out)
    assert len(after) == 6 and {name: after[name] for name in before} == before
    table = sweep.collect(out)
    assert list(table["status"]) == ["ok"] * 6 and table["run"].is_unique
    assert (table["score"] == table["size"] * table["rate"] + table["seed"]).all()
    assert sorted(table["attempts"])[:-1] == [1] * 5
    is_whole(out)


def test_ctrl_c_leaves_whole_runs_and_the_table_of_them(tmp_path):
    path = plan_file(tmp_path, fixed={"pause": 0.3}, grid={"size": [1, 2, 3], "rate": [0.5, 2.0]})
    out = tmp_path / "out"
    sweeping = subprocess.Popen(
        command(path, out, "--workers", "2"),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: len(stamps(out)) >= 2)
    below = psutil.Process(sweeping.pid).children(recursive=True)
    os.killpg(sweeping.pid, signal.SIGINT)  # as a terminal does
    _, told = sweeping.communicate(timeout=60)
    assert sweeping.returncode == 130 and "Traceback" not in told and "Stopped." in told
    wait_for(lambda: all(map(is_over, below)))
    is_whole(out)
    assert 2 <= len(stamps(out)) == len(pd.read_csv(out / "results.csv")) < 6


# On a cluster


def test_a_cluster_that_exists_gives_the_same_table(swept, tmp_path, cluster):
    plan, out = swept
    sweep.run(plan, out)  # for its table: another test has put a larger sweep into the folder
    theirs = sweep.run(plan, tmp_path / "theirs", scheduler=cluster)
    ours, theirs = sweep.collect(out), sweep.collect(theirs)
    assert len(theirs) == 4 and set(theirs["status"]) == {"ok", "failed"}
    pd.testing.assert_frame_equal(ours.drop(columns=TIMES), theirs.drop(columns=TIMES))
    is_whole(tmp_path / "theirs")


def test_a_scheduler_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(manager, "ANSWERS", 0.5)
    with pytest.raises(sweep.SweepError, match="no scheduler answers at tcp://127.0.0.1:1"):
        sweep.run(small(tmp_path), tmp_path / "out", scheduler="tcp://127.0.0.1:1")


# Kernels


@pytest.mark.parametrize("again", range(3))
def test_twenty_kernels_started_at_once_all_answer_through_sockets_of_their_own(again):
    async def answers(kernel):
        await kernel.start_kernel(extra_arguments=KERNEL_ARGUMENTS)
        client = kernel.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=120)
            reply = await client.execute_interactive("import os", timeout=120)
            return reply["content"]["status"], kernel.ip
        finally:
            client.stop_channels()
            await kernel.shutdown_kernel(now=True)

    async def at_once():
        kernels = [worker.Kernel(kernel_name="python3", threads=1) for _ in range(20)]
        return await asyncio.gather(*map(answers, kernels))

    statuses, addresses = zip(*asyncio.run(at_once()), strict=True)
    assert statuses == ("ok",) * 20
    assert len(set(addresses)) == 20 and all(address.startswith("/") for address in addresses)
