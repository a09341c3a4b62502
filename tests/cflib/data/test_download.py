"""Downloading, against servers on this machine: all or nothing, and a message that helps."""

import functools
import hashlib
import http.server
import io
import os
import re
import socket
import ssl
import threading
import zipfile
from pathlib import Path

import pytest
import trustme

from cflib import data
from cflib.data import download, sets

RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,100\n1,30,2.5,200\n7,10,0.5,300\n"
MOVIES = "movieId,title,genres\n10,Ten,Drama\n30,Thirty,\n"
ZIP = "ml-latest-small.zip"


def packed(**extra) -> bytes:
    """A zip in the layout of GroupLens', with further entries by name."""
    entries = {
        "ml-latest-small/": "",
        "ml-latest-small/ratings.csv": RATINGS,
        "ml-latest-small/movies.csv": MOVIES,
        "ml-latest-small/tags.csv": "userId,movieId,tag,timestamp\n",
        "ml-latest-small/README.txt": "Terms.\n",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in (entries | extra).items():
            archive.writestr(name, text)
    return content.getvalue()


GOOD = packed()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the bytes in `server.files`, or as many of them as `server.limit` says."""

    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.lstrip("/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.limit])

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Start a server of the given files; `context` makes it an https one."""
    started = []

    def start(files, context=None, limit=None):
        server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
        server.files, server.limit, server.asked = files, limit, []
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        scheme = "http" if context is None else "https"
        server.url = f"{scheme}://localhost:{server.server_port}/"
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def nothing_here(tmp_path, monkeypatch):
    """Only the bundled set is on this disk, and no download was tried in this process yet."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CFLIB_DATA", raising=False)
    monkeypatch.delenv("CFLIB_OFFLINE", raising=False)
    repository = tmp_path / "repository"
    (repository / "data").mkdir(parents=True)
    (repository / "data" / "movielens_2016").symlink_to(
        Path(__file__).resolve().parents[3] / "data" / "movielens_2016"
    )
    monkeypatch.setattr(sets, "REPOSITORY", repository)
    monkeypatch.setattr(sets, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(sets, "_fetch_once", functools.cache(sets._fetch))
    return tmp_path / "cache"


@pytest.fixture
def point_at(monkeypatch):
    """Let GroupLens be at `url`, and its zip of the small set have the hash of `content`."""

    def point(url, content=GOOD):
        monkeypatch.setattr(sets, "GROUPLENS", url)
        edition = sets.Edition(
            "made by a test", (0.5, 5.0), ZIP, len(content), hashlib.sha256(content).hexdigest()
        )
        monkeypatch.setitem(sets.EDITIONS, "movielens_small", edition)

    return point


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def left(cache: Path) -> list[str]:
    return [str(path.relative_to(cache)) for path in sorted(cache.rglob("*"))]


# ---------------------------------------------------------------- when all goes well


def test_a_good_zip_is_downloaded_once_and_read_from_the_cache_after_that(
    serve, nothing_here, point_at
):
    server = serve({ZIP: GOOD})
    point_at(server.url)
    first, again = (data.load("movielens_small") for _ in range(2))
    assert server.asked == [f"/{ZIP}"]
    assert data.find("movielens_small") == nothing_here / "movielens_small"
    assert first.value.tolist() == [4, 2.5, 0.5] and first.fingerprint == again.fingerprint
    assert first.movies["title"].tolist() == ["Ten", "Thirty"]


def test_what_remains_is_the_files_that_are_read_and_the_terms(serve, nothing_here, point_at):
    point_at(serve({ZIP: GOOD}).url)
    data.load("movielens_small")
    assert left(nothing_here) == [
        "movielens_small",
        "movielens_small/README.txt",
        "movielens_small/movies.csv",
        "movielens_small/ratings.csv",
    ]


def test_auto_downloads_the_small_set_when_it_can(serve, nothing_here, point_at):
    point_at(serve({ZIP: GOOD}).url)
    ratings = data.load()
    assert ratings.name == "movielens_small" and ratings.note == ""


def test_a_small_download_is_silent(serve, nothing_here, point_at, capfd):
    point_at(serve({ZIP: GOOD}).url)
    data.load("movielens_small")
    assert capfd.readouterr() == ("", "")


def test_a_large_download_shows_its_progress(serve, nothing_here, point_at, capfd, monkeypatch):
    monkeypatch.setattr(download, "QUIET_BYTES", 0)
    point_at(serve({ZIP: GOOD}).url)
    data.load("movielens_small")
    assert re.search(rf"{ZIP}.*100%", capfd.readouterr().err)


def test_a_server_with_a_certificate_that_is_trusted_is_read(
    serve, nothing_here, point_at, monkeypatch, tmp_path
):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    point_at(serve({ZIP: GOOD}, https(authority)).url)
    assert data.load("movielens_small").n_ratings == 3


def https(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


# ---------------------------------------------------------------- when something goes wrong


def other_content(serve, point_at):
    point_at(serve({ZIP: GOOD[:-1] + b"!"}).url)
    return "another file than the published one"


def truncated(serve, point_at):
    point_at(serve({ZIP: GOOD}, limit=len(GOOD) // 2).url)
    return "broke off"


def short(serve, point_at):  # the server itself has half of the file
    point_at(serve({ZIP: GOOD[: len(GOOD) // 2]}).url)
    return "another file than the published one"


def not_found(serve, point_at):
    point_at(serve({}).url)
    return "the server answers 404 Not Found"


def refused(serve, point_at):
    point_at(f"http://localhost:{unused_port()}/")
    return "no connection"


def untrusted(serve, point_at):
    point_at(serve({ZIP: GOOD}, https(trustme.CA())).url)
    return "the server's certificate cannot be trusted"


def outside(serve, point_at, name="../../escaped.txt"):
    content = packed(**{name: "out"})
    point_at(serve({ZIP: content}).url, content)
    return "outside its folder"


TROUBLE = [other_content, truncated, short, not_found, refused, untrusted, outside]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_is_told_with_its_cause_and_the_ways_out_and_leaves_nothing(
    serve, nothing_here, point_at, trouble
):
    reason = trouble(serve, point_at)
    with pytest.raises(FileNotFoundError) as error:
        data.load("movielens_small")
    message = str(error.value)
    for part in ("movielens_small", sets.GROUPLENS + ZIP, reason, "CFLIB_DATA", "movielens_2016"):
        assert part in message, message
    assert left(nothing_here) == [] and data.find("movielens_small") is None


@pytest.mark.parametrize("trouble", TROUBLE)
def test_auto_then_takes_the_bundled_set_and_says_why(serve, nothing_here, point_at, trouble):
    reason = trouble(serve, point_at)
    ratings = data.load()
    assert ratings.name == "movielens_2016" and ratings.n_ratings == 100_004
    line = data.describe(ratings)
    assert "movielens_small is not on this disk" in line and reason in line and "\n" not in line
    assert left(nothing_here) == []


@pytest.mark.parametrize(
    "name", ["../escaped.txt", "/tmp/escaped.txt", "a/../../b", "..\\escaped.txt", "C:\\b.txt"]
)
def test_no_entry_of_a_zip_leaves_its_folder(serve, nothing_here, point_at, name):
    outside(serve, point_at, name)
    with pytest.raises(FileNotFoundError, match="outside its folder.*nothing was unpacked"):
        data.load("movielens_small")
    assert left(nothing_here) == []
    assert not list(nothing_here.parent.rglob("escaped.txt"))


def test_auto_tries_once_in_a_process(serve, nothing_here, point_at):
    server = serve({})
    point_at(server.url)
    notes = {data.load().note for _ in range(3)}
    assert len(server.asked) == 1 and len(notes) == 1


def test_a_named_set_that_cannot_be_had_is_not_replaced_by_another(nothing_here, point_at, serve):
    point_at(serve({}).url)
    with pytest.raises(FileNotFoundError, match="ml-1m is not on this disk.*404"):
        data.load("ml-1m")


def test_offline_nothing_is_tried(serve, nothing_here, point_at, monkeypatch):
    server = serve({ZIP: GOOD})
    point_at(server.url)
    monkeypatch.setenv("CFLIB_OFFLINE", "1")
    ratings = data.load()
    assert ratings.name == "movielens_2016" and "CFLIB_OFFLINE is set" in ratings.note
    with pytest.raises(FileNotFoundError, match=f"CFLIB_OFFLINE is set.*Fetch {ZIP} another way"):
        data.load("movielens_small")
    assert server.asked == []
    monkeypatch.setenv("CFLIB_OFFLINE", "0")
    assert data.load().name == "movielens_small"


def test_a_cache_that_cannot_be_written_is_told(serve, nothing_here, point_at):
    point_at(serve({ZIP: GOOD}).url)
    nothing_here.write_text("a file where the folder should be")
    with pytest.raises(FileNotFoundError, match="could not be stored in"):
        data.load("movielens_small")
    assert data.load().name == "movielens_2016"


def test_the_bundled_set_is_never_looked_for_at_a_server(nothing_here, point_at, serve):
    server = serve({})
    point_at(server.url)
    (sets.REPOSITORY / "data" / "movielens_2016").unlink()
    with pytest.raises(FileNotFoundError, match="movielens_2016 is part of the repository"):
        data.load("movielens_2016")
    assert server.asked == []


def test_a_set_that_another_process_put_there_meanwhile_is_kept(tmp_path, serve):
    there = tmp_path / "set"
    there.mkdir()
    (there / "ratings.csv").write_text("theirs")
    url = serve({ZIP: GOOD}).url + ZIP
    download.fetch(url, hashlib.sha256(GOOD).hexdigest(), len(GOOD), sets.FILES, there)
    assert (there / "ratings.csv").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
