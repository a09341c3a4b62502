"""Who may come into the panel, how many, and what is left when they have gone: with real Voilà."""

import asyncio
import json
import re
import secrets
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import psutil
import pytest
import websocket
from click.testing import CliRunner

from cflib import fit_als, fit_implicit, load
from cflib.models import Recommender
from course import commands, panel_server

from . import browsing

VISITORS = 5
LIMIT = 4 * 2**30  # bytes that the panel's visitors fit into
PATIENCE = 120  # seconds, on a busy machine
PATHS = ("/", "/voila/static/voila.js", "/api/kernels/" + "-".join("abcde"), "/voila/files/a.csv")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(port, process) of a panel with five seats, whose kernels end 2 seconds after their pages."""
    home = tmp_path_factory.mktemp("panel")
    ratings = load("movielens_2016")
    model = Recommender.of(fit_implicit(ratings, iterations=3), fit_als(ratings, iterations=3))
    path = model.save(home / "model.npz")
    with browsing.panel_app(path, home, visitors=VISITORS, closed=2) as (address, process):
        yield int(address.rstrip("/").rpartition(":")[2]), psutil.Process(process.pid)


def ask(port, path="/", host=None):
    """Status and text of an answer."""
    headers = {"Host": host} if host else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def connected(port, page, **options):
    """The WebSocket that the page of a visitor opens; the tests close it in the page's place."""
    config = re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1]
    address = f"ws://127.0.0.1:{port}/api/kernels/{json.loads(config)['kernelId']}/channels"
    return websocket.create_connection(address, timeout=PATIENCE, **options)


def kernels(process):
    return [child for child in process.children(recursive=True) if "ipykernel" in cmd(child)]


def cmd(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def memory(process):
    """Bytes that the server and its kernels have for themselves."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_full_info().uss
        except psutil.Error:  # it has just ended
            continue
    return total


def wait_until_empty(process):
    end = time.monotonic() + PATIENCE
    while kernels(process) and time.monotonic() < end:
        time.sleep(0.5)
    assert not kernels(process)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8866", "localhost.evil.example"])
def test_a_request_under_another_name_is_refused(path, host, server):
    port, process = server
    status, text = ask(port, path, host)
    assert status == 403 and "This address is not" in text and host not in text
    assert not kernels(process)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:8866", "[::1]:8866"])
def test_a_request_under_a_name_of_this_machine_is_answered(host, server):
    port, _ = server
    assert ask(port, "/voila/static/voila.js", host)[0] == 200


def test_five_visitors_fit_the_sixth_is_told_and_all_memory_comes_back(server):
    port, process = server
    wait_until_empty(process)
    before = memory(process)
    sockets = []
    for _ in range(VISITORS):
        status, page = ask(port)
        assert status == 200
        sockets.append(connected(port, page))
    assert len(kernels(process)) == VISITORS
    each = (memory(process) - before) / VISITORS
    assert before + panel_server.VISITORS * each < LIMIT
    status, text = ask(port)
    assert status == 503 and "All seats are taken" in text and 'http-equiv="refresh"' in text
    time.sleep(6)  # three times what a closed page has
    assert len(kernels(process)) == VISITORS  # an open page keeps its kernel

    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        connected(port, page, host="evil.example", origin="http://evil.example")
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        connected(port, page, origin="http://evil.example")

    for socket in sockets:
        socket.close()
    wait_until_empty(process)
    assert memory(process) - before < each / 2
    print(f"{before / 2**20:.0f} MB, and {each / 2**20:.0f} MB for each visitor")
    status, page = ask(port)  # a page that is fetched and never opened ends, too
    assert status == 200 and len(kernels(process)) == 1
    wait_until_empty(process)


def test_a_visitor_cannot_run_code(server, tmp_path):
    """Their page's own connection takes what the widgets say, and no request to execute."""
    port, process = server
    _, page = ask(port)
    socket = connected(port, page)
    for channel in ("shell", "control"):
        socket.send(
            json.dumps(
                message(
                    channel,
                    "execute_request",
                    {
                        "code": f"open({str(tmp_path / 'owned')!r}, 'w')",
                        "silent": False,
                        "store_history": False,
                        "user_expressions": {},
                        "allow_stdin": False,
                        "stop_on_error": True,
                    },
                )
            )
        )
        socket.send(json.dumps(message(channel, "kernel_info_request", {})))
    kinds = []
    while kinds.count("kernel_info_reply") < 2:
        kinds.append(json.loads(socket.recv())["msg_type"])
    assert "execute_reply" not in kinds and not (tmp_path / "owned").exists()
    socket.close()
    wait_until_empty(process)


def message(channel, kind, content):
    head = {"msg_id": secrets.token_hex(8), "msg_type": kind, "session": "x", "username": "x"}
    head |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
    return {
        "channel": channel,
        "header": head,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "buffers": [],
    }


@pytest.mark.parametrize(
    ("state", "seconds", "pages", "ended"),
    [
        ("idle", 100, 1, False),
        ("idle", 2000, 1, True),
        ("busy", 2000, 1, False),
        ("idle", 100, 0, True),
        ("busy", 100, 0, False),
        ("dead", 0, 1, True),
    ],
)
def test_a_kernel_is_ended_when_its_page_is_closed_or_long_idle(state, seconds, pages, ended):
    kernel = types.SimpleNamespace(
        execution_state=state, last_activity=datetime.now(UTC) - timedelta(seconds=seconds)
    )
    gone = []

    async def shutdown_kernel(kernel_id):
        gone.append(kernel_id)

    kernels = types.SimpleNamespace(
        get_kernel=lambda _: kernel,
        closed=panel_server.Kernels.closed,
        idle=panel_server.Kernels.idle,
        _kernel_connections={"it": pages},
        shutdown_kernel=shutdown_kernel,
    )
    asyncio.run(panel_server.Kernels.cull_kernel_if_idle(kernels, "it"))
    assert gone == ["it"] * ended


def test_kernels_talk_through_files_and_not_through_ports(server):
    """So no other user of the machine can listen in.

    One port is left to each kernel: ipykernel's pipe for the output of subprocesses, which sends
    nothing and takes only what begins with the kernel's secret.
    """
    if sys.platform != "linux":
        pytest.skip("kernels use ports here")
    port, process = server
    ask(port)
    (kernel,) = kernels(process)
    assert listening(process) == {port}
    assert len(listening(kernel)) <= 1
    wait_until_empty(process)


def listening(process):
    return {
        connection.laddr.port
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_command_wants_a_name_that_somebody_can_type(host):
    answer = CliRunner().invoke(commands.app, ["--host", host])
    assert answer.exit_code == 2 and f"Received: {host}" in answer.output


def test_the_command_refuses_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no model")
    answer = CliRunner().invoke(commands.app, [str(path)])
    assert answer.exit_code == 1 and "notes.txt" in answer.output
    assert "Traceback" not in answer.output


def test_the_command_starts_quickly_where_only_help_is_asked_for():
    """`cflib --help` imports no server."""
    code = "import sys; from course import commands; sys.exit('voila' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
