"""Files of models: whole or not at all, and no file can do harm when it is loaded."""

import dataclasses
import io
import os
import random
import re
import signal
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from cflib import _files, fit_als, load_model
from cflib.model import FactorModel

from ..conftest import make_ratings


@pytest.fixture(scope="module")
def model() -> FactorModel:
    return fit_als(make_ratings(), n_features=2, iterations=2)


@pytest.fixture
def path(model, tmp_path):
    return model.save(tmp_path / "model.npz", None)


def members(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def npy(array, **header) -> bytes:
    """An array as NumPy stores it; `header` overrides entries of its header."""
    stored = io.BytesIO()
    about = np.lib.format.header_data_from_array_1_0(array) | header
    np.lib.format.write_array_header_1_0(stored, about)
    return stored.getvalue() + array.tobytes()


def rewrite(path, compression=zipfile.ZIP_STORED, **changes) -> None:
    contents = members(path) | {f"{name}.npy": content for name, content in changes.items()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


class Harmful:
    """Unpickled, it would make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


HARM = {
    "a header that is no JSON": {"header": npy(np.zeros(9, np.uint8))},
    "a header that is a list": {"header": npy(np.frombuffer(b"[1, 2]", np.uint8))},
    "a header that is nested very deep": {"header": npy(np.frombuffer(b"[" * 99_999, np.uint8))},
    "an array that claims 8 TB": {"X": npy(np.zeros(4), shape=(10**12,))},
    "an array of a negative size": {"X": npy(np.zeros(4), shape=(-4,))},
    "an array of Python objects": {"X": npy(np.zeros(4), descr="|O")},
    "an array that is text": {"X": npy(np.array(["a", "b"]))},
    "an array that is no array": {"X": b"none"},
    "titles that are no list": {"titles": npy(np.frombuffer(b"7", np.uint8))},
    "titles that are too few": {"titles": npy(np.frombuffer(b'["a"]', np.uint8))},
    "a history of another shape": {"history": npy(np.zeros((3, 9)))},
}


@pytest.mark.parametrize("harm", HARM)
def test_a_file_made_to_do_harm_is_refused_as_documented_and_with_its_path(path, harm):
    rewrite(path, **HARM[harm])
    tracemalloc.start()
    with pytest.raises(ValueError, match="cannot be read as a cflib model") as error:
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in str(error.value) and "allow_pickle" not in str(error.value)
    assert peak < 20_000_000


def test_a_zip_bomb_is_refused_before_it_is_unpacked(path):
    rewrite(path, zipfile.ZIP_DEFLATED, X=npy(np.zeros(50_000_000, np.uint8)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="is compressed"):
        load_model(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_what_a_model_does_not_know_is_not_read(path, tmp_path):
    made = tmp_path / "made"
    stored = io.BytesIO()
    np.lib.format.write_array(stored, np.array([Harmful(made)], object), allow_pickle=True)
    rewrite(path, more=stored.getvalue(), other=npy(np.zeros(4), shape=(10**12,)))
    assert load_model(path).n_features == 2
    assert not made.exists()


@pytest.mark.parametrize("content", [b"", b"text\n", b"PK\x05\x06" + bytes(18), bytes(1000)])
def test_another_file_is_refused_without_advice_on_pickle(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} cannot be read") as error:
        load_model(path)
    assert "pickle" not in str(error.value)


def test_a_zip_with_a_password_is_refused(path):
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + at] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a cflib model"):
        load_model(path)


def test_no_changed_bit_changes_a_model_silently(model, path):
    content, rng = path.read_bytes(), random.Random(0)
    scores = model.score_users(np.arange(model.n_users))
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            loaded = load_model(path)
        except ValueError:
            continue
        np.testing.assert_array_equal(loaded.score_users(np.arange(model.n_users)), scores)
        assert loaded.movies["title"].tolist() == model.movies["title"].tolist()
        assert loaded.movie_ids.tolist() == model.movie_ids.tolist()


def test_one_very_long_id_costs_its_own_length_alone(model, tmp_path):
    ids = np.array([f"u{j:04}" for j in range(model.n_users - 1)] + ["z" * 1_000_000], object)
    named = dataclasses.replace(model, user_ids=ids)
    path = named.save(tmp_path / "model.npz")
    assert path.stat().st_size < 1_100_000
    assert load_model(path).user_ids.tolist() == ids.tolist()


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    path = tmp_path / "model.npz"
    script = (
        "import sys, time\nfrom cflib._files import replacing\n"
        "with replacing(sys.argv[1]) as beside:\n"
        "    beside.write_text('half')\n    print('writes', flush=True)\n    time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writes\n"
        (half,) = tmp_path.iterdir()
        with _files.replacing(path) as beside:  # what a living process writes stays
            beside.write_text("whole")
        assert set(tmp_path.iterdir()) == {half, path}
        process.send_signal(signal.SIGKILL)
        process.wait()
        with _files.replacing(path) as beside:
            beside.write_text("whole")
        assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    left = tmp_path / ".download-left"
    left.mkdir()
    (left / "half").write_text("half")
    with _files.temporary_folder(tmp_path, ".download-") as mine:
        with _files.temporary_folder(tmp_path, ".download-"):
            assert mine.exists()
        assert not left.exists()
    assert not list(tmp_path.iterdir())
