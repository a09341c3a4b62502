"""Downloading a set from GroupLens: pinned by hash, all or nothing, TLS always on.

The zip is fetched by pooch into a temporary folder beside the destination, checked against its
SHA-256, unpacked there, and only then renamed into place: a set that is there is whole.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from tqdm import tqdm

CONNECT_SECONDS = 4  # a network that is not there should not keep a reader waiting
READ_SECONDS = 60
QUIET_BYTES = 10_000_000  # below this, the bar is shown in a terminal only


class DownloadError(RuntimeError):
    """A set could not be downloaded.

    `reason` says why in a few words; the message adds from where, and the details.
    """

    def __init__(self, url: str, reason: str, details: str = ""):
        super().__init__(f"{url}: {reason}" + (f" ({details})" if details else ""))
        self.reason = reason


def fetch(url: str, sha256: str, n_bytes: int, files: tuple[str, ...], folder: Path) -> None:
    """Download the zip at `url` and leave its `files` and README in `folder`.

    Parameters
    ----------
    url, sha256, n_bytes : where the zip lies, its hash and its size (for the progress bar).
    files : names of the files to unpack, wherever in the zip they lie; those it lacks are skipped.
    folder : where they go; made only when all went well.

    Raises
    ------
    DownloadError : no connection, an untrusted certificate, an HTTP error, another content than
        expected, an entry that would leave the folder, a disk that cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".download-") as temporary:
            zip_path = _retrieve(url, sha256, n_bytes, Path(temporary))
            unpacked = Path(temporary) / folder.name
            unpack(zip_path, files, unpacked, url)
            _move_into_place(unpacked, folder)
    except OSError as error:
        raise DownloadError(url, f"it could not be stored in {folder}", str(error)) from None


def _retrieve(url: str, sha256: str, n_bytes: int, into: Path) -> Path:
    import pooch  # only here: slow to import, and of no use to whoever has the files
    import requests

    pooch.get_logger().setLevel("WARNING")
    hidden = n_bytes < QUIET_BYTES and not sys.stderr.isatty()
    name = url.rsplit("/", 1)[1]
    with tqdm(total=n_bytes, unit="B", unit_scale=True, desc=name, disable=hidden) as bar:
        downloader = pooch.HTTPDownloader(progressbar=bar, timeout=(CONNECT_SECONDS, READ_SECONDS))
        try:
            path = pooch.retrieve(url, f"sha256:{sha256}", name, into, downloader=downloader)
        except requests.exceptions.SSLError as error:
            reason = "the server's certificate cannot be trusted"
            raise DownloadError(url, reason, _innermost(error)) from None
        except requests.exceptions.HTTPError as error:
            answer = error.response
            reason = f"the server answers {answer.status_code} {answer.reason}"
            raise DownloadError(url, reason) from None
        except requests.exceptions.ChunkedEncodingError as error:
            raise DownloadError(url, "the download broke off", _innermost(error)) from None
        except requests.exceptions.RequestException as error:
            raise DownloadError(url, "no connection", _innermost(error)) from None
        except ValueError:  # pooch's word for another hash
            reason = "what the server sent is not the published file, and was thrown away"
            raise DownloadError(url, reason, f"its SHA-256 should be {sha256}") from None
    return Path(path)


def _innermost(error: BaseException) -> str:
    """What went wrong at the bottom of nested exceptions, in a few words."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (argument for argument in error.args if isinstance(argument, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return str(error)
        error = inner


def unpack(zip_path: Path, files: tuple[str, ...], folder: Path, url: str) -> None:
    """Unpack the zip's `files` and README into `folder`, without the folders around them.

    Raises DownloadError, before anything is written, if any entry's name would leave the folder.
    """
    with zipfile.ZipFile(zip_path) as archive:
        entries = archive.infolist()
        for entry in entries:
            if _leaves(entry.filename):
                reason = "an entry of the zip would be written outside its folder"
                raise DownloadError(url, reason, f"{entry.filename!r}; nothing was unpacked")
        folder.mkdir()
        for entry in entries:
            name = PurePosixPath(entry.filename).name
            if not entry.is_dir() and (name in files or name.startswith("README")):
                with archive.open(entry) as packed, open(folder / name, "wb") as plain:
                    shutil.copyfileobj(packed, plain)


def _leaves(entry: str) -> bool:
    path = PurePosixPath(entry.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in entry


def _move_into_place(unpacked: Path, folder: Path) -> None:
    try:
        os.rename(unpacked, folder)
    except OSError:
        if not folder.is_dir():  # otherwise another process was quicker, with the same files
            raise
