"""TensorFlow, imported at first use and in silence.

TensorFlow's C++ libraries write to file descriptor 2 while they load (which CUDA parts are
missing, which processor instructions are used), before any Python logging setting can stop
them. So the descriptor itself points elsewhere for as long as the import lasts. What
TensorFlow *raises* is not touched.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

INSTALL = 'pip install "cflib-recommender[tensorflow]"'


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


class LazyTensorFlow:
    """Stands for the `tensorflow` module: most of `cflib` runs without those five seconds."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copying and inspecting ask for is no reason to import it
            raise AttributeError(name)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        with _silent_stderr():
            try:
                module = importlib.import_module("tensorflow")
            except ModuleNotFoundError as error:
                if error.name != "tensorflow":
                    raise
                raise ModuleNotFoundError(
                    f"this needs TensorFlow, which is not installed: `{INSTALL}`",
                    name="tensorflow",
                ) from None
            module.config.list_physical_devices()  # the device scan prints, too: once, here
            # Advice on retracing is for people who write tf.functions, not for those who call ours.
            module.get_logger().setLevel("ERROR")
        self.__dict__.update(vars(module))
        return getattr(module, name)


tf: Any = LazyTensorFlow()
