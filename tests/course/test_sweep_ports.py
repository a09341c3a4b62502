"""Who may come in while a sweep runs: every port that it opens is tried without its keys."""

import asyncio
import http.client
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from distributed.comm import connect
from distributed.security import Security

from .test_sweep_runs import command, kernels_of, plan_file, wait_for

SILENCE = 2  # seconds after which a port has nothing to say
TELL = (
    "/",
    "/status",
    "/health",
    "/metrics",
    "/info",
    "/info/main/workers.html",
    "/json/counts.json",
)


def listening(pid: int) -> list[tuple[str, int]]:
    """The addresses on which a process and its descendants accept connections."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    connections = [c for process in tree for c in process.net_connections("inet")]
    return sorted({tuple(c.laddr) for c in connections if c.status == psutil.CONN_LISTEN})


@pytest.fixture(scope="module")
def sweeping(tmp_path_factory):
    """The process of a sweep in which two kernels are at work."""
    folder = tmp_path_factory.mktemp("ports")
    path = plan_file(folder, fixed={"pause": 600.0}, grid={"size": [1, 2]})
    sweeping = subprocess.Popen(
        command(path, folder / "out", "--workers", "2"), stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: len(kernels_of(sweeping.pid)) == 2)
        yield sweeping.pid
    finally:
        children = psutil.Process(sweeping.pid).children(recursive=True)
        sweeping.terminate()
        sweeping.wait(30)
        for child in children:
            if child.is_running():
                child.kill()


@pytest.fixture(scope="module")
def ports(sweeping):
    """Its open ports."""
    return listening(sweeping)


@pytest.mark.skipif(sys.platform == "win32", reason="kernels use ports here")
def test_the_sockets_of_kernels_lie_where_no_other_user_can_go(sweeping):
    """Whatever this user's umask is; and in a folder that Dask removes after a kill."""
    for kernel in kernels_of(sweeping):
        words = kernel.cmdline()
        file = Path(words[words.index("-f") + 1])
        wait_for(lambda file=file: list(file.parent.glob(f"{file.stem}-ipc-*")))
        assert file.parent.stat().st_mode & 0o077 == 0 and file.stat().st_mode & 0o077 == 0
        assert "dask" in str(file.parent) and file.parent != Path(tempfile.gettempdir())


def test_only_this_machine_reaches_them(ports):
    assert ports and {host for host, _ in ports} == {"127.0.0.1"}


@pytest.mark.parametrize("keys", [None, Security.temporary()], ids=["no keys", "another's keys"])
def test_a_client_without_the_keys_of_the_sweep_is_refused(ports, keys):
    async def of_all():
        return await asyncio.gather(*(is_let_in(host, port, keys) for host, port in ports))

    assert not any(asyncio.run(of_all()))


async def is_let_in(host: str, port: int, keys: Security | None) -> bool:
    """Whether a scheduler or a worker there says who it is."""
    protocol, arguments = "tcp", {}
    if keys:
        protocol, arguments = "tls", keys.get_connection_args("client")
    try:
        comm = await asyncio.wait_for(connect(f"{protocol}://{host}:{port}", 2, **arguments), 5)
    except (OSError, TimeoutError, ValueError):  # the last of a kernel's port, which speaks first
        return False
    try:
        await comm.write({"op": "identity", "reply": True})
        return bool(await asyncio.wait_for(comm.read(), 5))
    except (OSError, TimeoutError):
        return False
    finally:
        comm.abort()


def test_nothing_is_told_over_http(ports):
    for host, port in ports:
        for path in TELL:
            if (status := asked(host, port, path)) is None:
                break  # it does not speak HTTP
            assert status == 404, f"{port}{path}"


def asked(host: str, port: int, path: str) -> int | None:
    """The status of an answer over HTTP; None where there is none."""
    connection = http.client.HTTPConnection(host, port, timeout=SILENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def test_a_connection_without_a_certificate_gets_no_word(ports):
    """TLS is spoken, and whoever shows no certificate is cut off before anything is said."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    spoken = 0
    for address in ports:
        with socket.create_connection(address, timeout=SILENCE) as plain:
            try:
                with context.wrap_socket(plain) as wrapped:
                    spoken += 1
                    wrapped.settimeout(SILENCE)
                    assert wrapped.recv(1) == b"", "it was let in"
            except (OSError, TimeoutError):
                continue
    assert spoken, "no port of the sweep speaks TLS"
