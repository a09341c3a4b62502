"""Download a set from GroupLens: pinned by its hash, and complete or not there at all.

pooch fetches the zip into a temporary folder beside the destination. Its SHA-256 is checked, it is
unpacked there, and only then the folder is renamed into place.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from .._files import temporary_folder

CONNECT_SECONDS = 4  # without a network, a reader should not wait long
READ_SECONDS = 60
QUIET_BYTES = 10_000_000  # for less than this, the progress bar is shown in a terminal only


class DownloadError(RuntimeError):
    """A set could not be downloaded.

    Parameters
    ----------
    url : str
    reason : str
        Why, in a few words; kept as the attribute `reason`.
    details : str
    """

    def __init__(self, url: str, reason: str, details: str = "") -> None:
        super().__init__(f"{url}: {reason}" + (f" ({details})" if details else ""))
        self.reason = reason


def fetch(url: str, sha256: str, n_bytes: int, files: tuple[str, ...], folder: Path) -> None:
    """Download a zip, and unpack some of its files and its README into a folder.

    Parameters
    ----------
    url : str
    sha256 : str
        The hash that the zip must have.
    n_bytes : int
        Its size, for the progress bar.
    files : tuple of str
        Names of the files to unpack, wherever they are in the zip. Missing ones are skipped.
    folder : Path
        Made only when everything went well.

    Raises
    ------
    DownloadError
        Without a connection, for an untrusted certificate, an HTTP error, a wrong hash, an entry
        that would be written outside the folder, or a disk that cannot be written.
    """
    try:
        with temporary_folder(folder.parent, ".download-") as temporary:
            zip_path = _retrieve(url, sha256, n_bytes, temporary)
            unpacked = temporary / folder.name
            _unpack(zip_path, files, unpacked, url)
            _move_into_place(unpacked, folder)
    except OSError as error:
        raise DownloadError(url, f"it could not be stored in {folder}", str(error)) from None


def _retrieve(url: str, sha256: str, n_bytes: int, into: Path) -> Path:
    import pooch  # here, because these are slow to import, and most readers have the files
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
            reply = error.response
            assert reply is not None  # it is the reply's status that raised
            reason = f"the server answers {reply.status_code} {reply.reason}"
            raise DownloadError(url, reason) from None
        except requests.exceptions.ChunkedEncodingError as error:
            raise DownloadError(url, "the download broke off", _innermost(error)) from None
        except requests.exceptions.RequestException as error:
            raise DownloadError(url, "no connection", _innermost(error)) from None
        except ValueError:  # what pooch raises for a wrong hash
            reason = "the server sent another file than the published one; it was deleted"
            raise DownloadError(url, reason, f"its SHA-256 should be {sha256}") from None
    return Path(path)


def _innermost(error: BaseException) -> str:
    """The message of the first cause in a chain of nested exceptions."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (argument for argument in error.args if isinstance(argument, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return str(error)
        error = inner


def _unpack(zip_path: Path, files: tuple[str, ...], folder: Path, url: str) -> None:
    """Unpack the zip's `files` and README into `folder`, without the folders around them.

    Raises DownloadError, before anything is written, if an entry would leave the folder.
    """
    with zipfile.ZipFile(zip_path) as archive:
        entries = archive.infolist()
        for entry in entries:
            if _leaves_folder(entry.filename):
                reason = "an entry of the zip would be written outside its folder"
                raise DownloadError(url, reason, f"{entry.filename!r}; nothing was unpacked")
        folder.mkdir()
        for entry in entries:
            name = PurePosixPath(entry.filename).name
            if not entry.is_dir() and (name in files or name.startswith("README")):
                with archive.open(entry) as packed, open(folder / name, "wb") as plain:
                    shutil.copyfileobj(packed, plain)


def _leaves_folder(entry: str) -> bool:
    path = PurePosixPath(entry.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in entry


def _move_into_place(unpacked: Path, folder: Path) -> None:
    try:
        os.rename(unpacked, folder)
    except OSError:
        if not folder.is_dir():  # if it is there, another process was quicker, with the same files
            raise
