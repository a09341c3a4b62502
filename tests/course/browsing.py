"""A reader's browser: Debian's Chromium, driven by Playwright, and the servers for it.

The reader's own settings and chapters are not touched: the servers get a folder for settings and
work on copies of the chapters. Nothing is downloaded, and no other machine is reached.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from course.run import NOTEBOOKS, ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1280, "height": 900}
START = 120  # seconds that a server may take
RUN = 400  # … and a chapter, where the machine is busy
KERNEL_IS_IDLE = "#jp-main-statusbar >> text=/Python 3.*Idle/"
# A folded cell has a placeholder for a prompt, which never gets a number.
PROMPTS = (
    "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt:not(.jp-Placeholder-prompt)')]"
)
LEFT_TO_RUN = f"""() => {PROMPTS}
    .filter(prompt => !/^\\[\\d+\\]:$/.test(prompt.textContent)).length"""
HAS_BEGUN = f"""() => {PROMPTS}
    .some(prompt => !/^\\[ \\]:$/.test(prompt.textContent))"""
IS_OVER = f"""() => document.querySelector('[data-mime-type="application/vnd.jupyter.error"]')
    || ({LEFT_TO_RUN})() === 0"""


def why_not() -> str | None:
    """Why there is no browser to test with here, or None."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed: pip install -r requirements-browser.txt"
    return None if CHROMIUM else "there is no chromium on the PATH"


@contextlib.contextmanager
def browser():
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


def copied_chapters(folder: Path) -> Path:
    """Copies of the committed chapters to run and to spoil."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        shutil.copy(path, folder / path.name)
    return folder


@contextlib.contextmanager
def jupyterlab(root: Path, home: Path):
    """JupyterLab on the notebooks in `root`; yields a function from a path there to its address."""
    port, token = _free_port(), secrets.token_hex(16)
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": root,
        "IdentityProvider.token": token,
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", *_as_root()]
    command += [f"--{name}={value}" for name, value in options.items()]
    settings = home / "lab" / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    with _serving(command, home, f"http://127.0.0.1:{port}/api/status?token={token}"):
        yield lambda path: f"http://127.0.0.1:{port}/lab/tree/{path}?reset&token={token}"


@contextlib.contextmanager
def panel_app(model: Path, home: Path, **options):
    """The panel as `cflib app` serves it; yields its address and the server's process."""
    port = _free_port()
    values = {"port": port, "open_browser": False} | options
    code = "from pathlib import Path; from course import panel_server; "
    code += f"panel_server.serve(Path({str(model)!r}), **{values!r})"
    with _serving(
        [sys.executable, "-c", code], home, f"http://localhost:{port}/voila/static/"
    ) as it:
        yield f"http://localhost:{port}/", it


def _as_root() -> list[str]:
    return ["--allow-root"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def _serving(command: list[str], home: Path, status: str):
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "lab" / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "lab" / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("PYTEST_CURRENT_TEST", None)
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "server.log", "wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        _wait_for(status, server, home / "server.log")
        yield server
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(address: str, server, log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def run_all(page, address: str) -> None:
    """Open a chapter without outputs in JupyterLab and run all of it, to its end or an error."""
    from playwright.sync_api import TimeoutError as TookTooLong

    page.goto(address)
    page.locator(KERNEL_IS_IDLE).wait_for()
    for _ in range(5):  # just after its start, JupyterLab may let a command go by
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        with contextlib.suppress(TookTooLong):
            page.wait_for_function(HAS_BEGUN, timeout=10_000, polling=100)
            break
    page.wait_for_function(IS_OVER, timeout=1000 * RUN, polling=250)


def axe() -> str | None:
    """The text of axe-core, which finds what is not accessible; None where it is not installed."""
    try:
        import axe_playwright_python
    except ImportError:
        return None
    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


def serious(page) -> dict[str, str]:
    """What axe-core finds serious on a page: each rule, with the first element that breaks it."""
    page.evaluate(axe())
    rules = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return {
        rule["id"]: rule["nodes"][0]["html"][:200]
        for rule in rules
        if rule["impact"] in ("serious", "critical")
    }


def elsewhere(address: str) -> list[str]:
    """The address, if it is another machine's."""
    host = urlsplit(address).hostname
    return [f"asked {address}"] if host not in (None, "127.0.0.1", "localhost") else []


def shut_kernels(page) -> None:
    """End what the chapters left running, so that the next one has the machine's memory."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    for session in page.request.get(f"{origin}/api/sessions").json():
        page.request.delete(
            f"{origin}/api/sessions/{session['id']}", headers={"X-XSRFToken": cookies["_xsrf"]}
        )
