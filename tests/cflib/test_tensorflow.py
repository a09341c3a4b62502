"""TensorFlow is silent, and absent until it is needed: seen in a fresh process."""

import subprocess
import sys

USE = """
import sys
from cflib import data, evaluation, fit_adam, fit_means, metrics, model, normalize, people, split
assert "tensorflow" not in sys.modules
from tests.conftest import make_ratings
ratings = make_ratings()
assert fit_means(ratings).n_features == 0
assert "tensorflow" not in sys.modules
for seed in range(7):  # enough of them that TensorFlow would advise against retracing
    fit_adam(ratings, n_features=2, epochs=2, seed=seed)
assert "tensorflow" in sys.modules
"""


def python(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_importing_and_using_the_package_puts_nothing_on_stderr():
    done = python(USE)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == ""


def test_what_tensorflow_raises_is_not_swallowed():
    code = "from cflib._tensorflow import tf; tf.matmul(tf.zeros([2, 3]), tf.zeros([2, 3]))"
    done = python(code)
    assert done.returncode == 1 and "Matrix size-incompatible" in done.stderr
