"""The panel alone in a browser: Voilà, with a door, a clock and a number of seats.

Every visitor has a kernel of their own, which costs memory and could be misused. So a request is
refused unless it names the panel's own address: a page of another site that has its name point at
this machine (DNS rebinding) gets nothing. A kernel whose page is closed, or that is long idle, is
ended. And when all seats are taken, the next visitor gets a page that says so and asks again.
"""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler

from . import panel

APP = Path(__file__).parent / "app"
NOTEBOOK = APP / "panel.ipynb"
PORT = 8866
VISITORS = 10  # at once; with 10 the panel needs less than 4 GB
CLOSED = 60  # seconds after which the kernel of a closed page is ended
IDLE = 1800  # … and that of an open page with which nothing is done
THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
SENTENCE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{head}<title>{title}</title>
<style>body {{ font: 18px/1.5 system-ui, sans-serif; max-width: 34em; margin: 15vh auto;
  padding: 0 20px; }}</style></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
FULL = SENTENCE.format(
    head='<meta http-equiv="refresh" content="20">',
    title="All seats are taken",
    text="As many people rate titles here as this machine has room for. This page tries again "
    "every 20 seconds, and lets you in as soon as somebody leaves. You need not do anything.",
)
REFUSED = SENTENCE.format(
    head="",
    title="This address is not the panel’s",
    text="The panel answers only under the address that it was started for. If it should be "
    "reached under this one, start it with <code>cflib app --host NAME</code>.",
)


class Full(Exception):
    """All seats are taken."""


class OtherHost(Matcher):
    """Matches requests whose Host is none of these names, WebSockets included."""

    def __init__(self, names: Iterable[str]):
        self.names = frozenset(name.lower() for name in names)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """An empty dict for a request under another name, None for one that may come in."""
        return None if request.host_name in self.names else {}


class Refuse(RequestHandler):
    """The answer to every request under another name."""

    def prepare(self) -> None:
        """Answer before the method of the request is looked at."""
        self.set_status(403)
        self.finish(REFUSED)


class Page(TornadoVoilaHandler):
    """The panel's page, or the page that says that it is full."""

    async def get(self, path: str | None = None) -> None:
        """Answer a visitor. Nothing is written before their kernel is there."""
        try:
            await super().get(path)
        except Full:
            self.set_status(503)
            self.set_header("Retry-After", "20")
            self.finish(FULL)


class Kernels(AsyncMappingKernelManager):
    """As many kernels as there are seats, each ended when its visitor has left."""

    visitors = VISITORS
    closed, idle = timedelta(seconds=CLOSED), timedelta(seconds=IDLE)

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.coming: set[str] = set()  # kernels that are being started

    async def start_kernel(self, **kwargs: Any) -> str:
        """Start a kernel for a visitor, if there is a seat. Raises Full if there isn't."""
        kernel_id = str(uuid.uuid4())
        if len({*self.list_kernel_ids(), *self.coming}) >= self.visitors:
            raise Full
        self.coming.add(kernel_id)
        try:
            return await super().start_kernel(**kwargs | {"kernel_id": kernel_id})
        finally:
            self.coming.discard(kernel_id)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that does nothing, soon if its page is closed, late if it is open."""
        kernel = self.get_kernel(kernel_id)
        allowed = self.idle if self._kernel_connections.get(kernel_id) else self.closed
        since = datetime.now(UTC) - kernel.last_activity
        if kernel.execution_state == "dead" or (
            kernel.execution_state != "busy" and since > allowed
        ):
            await self.shutdown_kernel(kernel_id)


class PanelServer(Voila):
    """Voilà for the panel's notebook, under the names of `hosts`."""

    hosts: tuple[str, ...] = THIS_MACHINE

    def init_handlers(self) -> list:
        """Voilà's handlers behind the door, and the page with the seats."""
        handlers = [
            (path, Page, *rest) if handler is TornadoVoilaHandler else (path, handler, *rest)
            for path, handler, *rest in super().init_handlers()
        ]
        return [Rule(OtherHost(self.hosts), Refuse), *handlers]

    @property
    def display_url(self) -> str:
        """The address to open, under the last of the names that were given."""
        name = self.hosts[-1] if self.hosts != THIS_MACHINE else THIS_MACHINE[0]
        return self._url(name)

    def listen(self) -> None:
        """Serve until interrupted, and say where."""
        IOLoop.current().add_callback(
            lambda: print(f"The panel is at {self.display_url}  (Ctrl-C stops it)", flush=True)
        )
        super().listen()


def serve(
    model: Path | None = None,
    port: int = PORT,
    host: str | None = None,
    visitors: int = VISITORS,
    open_browser: bool = True,
    closed: float = CLOSED,
    idle: float = IDLE,
) -> None:
    """Serve the panel until it is interrupted.

    Parameters
    ----------
    model : Path or None
        A file that `save` wrote, of a model of any kind. None: `panel.default_model`, trained now.
    port : int
        If it is taken, one near it.
    host : str or None
        The name or address of this machine under which others open the panel, too. None: it is for
        this machine only.
    visitors : int
        How many people may use it at once.
    open_browser : bool
        Whether to open it in a browser here.
    closed, idle : float
        Seconds after which the kernel of a closed page is ended, and that of an open page with
        which nothing is done.
    """
    Kernels.visitors = visitors
    Kernels.closed, Kernels.idle = timedelta(seconds=closed), timedelta(seconds=idle)
    PanelServer.hosts = THIS_MACHINE if host is None else (*THIS_MACHINE, host)
    paths = [str(APP), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(paths)
    with tempfile.TemporaryDirectory() as folder:
        if model is None:
            print("Training the panel's model on the ratings that are here …", flush=True)
            model = panel.default_model().save(Path(folder) / "model.npz")
        os.environ[panel.MODEL] = str(Path(model).resolve())
        config = Config()
        config.Voila.ip = "localhost" if host is None else "0.0.0.0"
        config.Voila.port, config.Voila.open_browser = port, open_browser
        config.Voila.log_level = "ERROR"
        config.VoilaConfiguration.template = "offline"
        config.VoilaConfiguration.multi_kernel_manager_class = Kernels
        if sys.platform == "linux":  # elsewhere a socket's path may be too long
            config.KernelManager.transport = "ipc"  # files of this user's own, no ports
        config.MappingKernelManager.cull_idle_timeout = 1  # the times are those above
        config.MappingKernelManager.cull_interval = max(1, min(10, int(closed // 2)))
        PanelServer.launch_instance([str(NOTEBOOK)], config=config)
