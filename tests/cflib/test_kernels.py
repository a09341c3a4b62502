"""The kernel under ALS and fold-in, against the closed form in float64, row by row."""

import concurrent.futures
import pathlib
import subprocess
import sys

import numba
import numpy as np
import pytest

from cflib import _kernels, als

ROOT = pathlib.Path(__file__).parents[2]
K = 17  # not a multiple of anything that the loops are blocked by


def problem(lengths, n_features=K, seed=0):
    """Rows of the given lengths, rating random columns; factors and column biases."""
    rng = np.random.default_rng(seed)
    n_columns = max(lengths) + 5
    start = np.concatenate([[0], np.cumsum(lengths)])
    column = np.concatenate([rng.choice(n_columns, n, replace=False) for n in lengths])
    rows = _kernels.Rows(
        start, column.astype(np.int32), rng.normal(3, 1, len(column)).astype(np.float32)
    )
    factors = rng.normal(0.5, 0.5, (n_columns, n_features)).astype(np.float32)
    return rows, factors, rng.normal(0, 0.3, n_columns).astype(np.float32)


def definition(rows, factors, column_bias, ridge, bias):
    """(w, b, squared error) of every row by `als.half_iteration`, in float64."""
    row = np.repeat(np.arange(len(ridge)), np.diff(rows.start))
    residual = rows.residual.astype(np.float64)
    w, b = als.half_iteration(row, rows.column, residual, factors, column_bias, ridge, bias)
    error = np.einsum("nk,nk->n", factors[rows.column], w[row]) + b[row]
    error += column_bias[rows.column] - residual
    return w, b, np.bincount(row, error**2, len(ridge))


@pytest.mark.parametrize("bias", _kernels.BIAS)
def test_the_definition_ends_where_the_gradient_of_each_row_vanishes(bias):
    """So that the oracle of this module is itself held to the cost, not to its own formula."""
    rows, factors, column_bias = problem([1, 3, 17, 40])
    ridge = np.array([0.5, 1.0, 2.0, 4.0])
    w, b, _ = definition(rows, factors, column_bias, ridge, bias)
    for i in range(4):
        at = slice(rows.start[i], rows.start[i + 1])
        V = factors[rows.column[at]].astype(np.float64)
        target = rows.residual[at].astype(np.float64) - column_bias[rows.column[at]]
        error = V @ w[i] + b[i] - target
        np.testing.assert_allclose(V.T @ error + ridge[i] * w[i], 0, atol=1e-10)
        slope = error.sum() + (ridge[i] * b[i] if bias == "ridge" else 0)
        assert abs(slope) < 1e-10 if bias != "none" else b[i] == 0


@pytest.mark.parametrize("n_features", [1, 2, 7, 14, 15, 16, 17, 30, 100])
@pytest.mark.parametrize("bias", _kernels.BIAS)
def test_every_row_is_the_definition(bias, n_features):
    lengths = [1, 2, 3, 4, 5, 7, 8, 9, 14, 16, 31, 32, 33, 50, 51, 64, 100, 300]
    rows, factors, column_bias = problem(lengths, n_features)
    ridge = np.linspace(0.5, 9, len(lengths)).astype(np.float32)
    w, b, error = _kernels.solve_rows(rows, factors, column_bias, ridge, bias)
    expected = definition(rows, factors, column_bias, ridge, bias)
    np.testing.assert_allclose(w, expected[0], atol=3e-5)
    np.testing.assert_allclose(b, expected[1], atol=2e-4)
    np.testing.assert_allclose(error, expected[2], rtol=1e-4, atol=1e-5)


def test_a_very_long_row_keeps_its_precision():
    rows, factors, column_bias = problem([200_000], 32)
    w, b, error = _kernels.solve_rows(rows, factors, column_bias, [5.0], "free")
    expected = definition(rows, factors, column_bias, np.array([5.0]), "free")
    np.testing.assert_allclose(w[0], expected[0][0], atol=5e-4)  # the ratings know them to 5e-3
    assert b[0] == pytest.approx(expected[1][0], abs=1e-3)
    assert error[0] == pytest.approx(expected[2][0], rel=1e-6)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    rng = np.random.default_rng(1)
    rows, factors, column_bias = problem(rng.integers(0, 120, 400).tolist())
    answers = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", threads)
        answers.append(_kernels.solve_rows(rows, factors, column_bias, np.full(400, 2.0), "free"))
    for other in answers[1:]:
        for one, same in zip(answers[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_several_callers_at_once_do_not_disturb_each_other(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    rows, factors, column_bias = problem([40] * 2000)

    def weights(ridge):
        return _kernels.solve_rows(rows, factors, column_bias, np.full(2000, ridge), "free")[0]

    ridges = [1.0, 2.0, 3.0, 4.0]
    alone = [weights(ridge) for ridge in ridges]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for one, same in zip(alone, pool.map(weights, ridges), strict=True):
            np.testing.assert_array_equal(one, same)


def test_ranges_of_rows_cover_every_row_once_and_share_the_effort(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 2)
    lengths = np.random.default_rng(2).integers(0, 1000, 5000)
    start, ranges = np.concatenate([[0], np.cumsum(lengths)]), []
    _kernels._share_out(lambda first, last: ranges.append((first, last)), start, 10)
    ranges.sort()
    assert [0] + [last for _, last in ranges] == [first for first, _ in ranges] + [5000]
    effort = [start[last] - start[first] for first, last in ranges]
    assert len(ranges) == 32 and max(effort) < 1.2 * np.mean(effort)


def test_one_row_alone_is_what_it_is_among_many():
    rows, factors, column_bias = problem([3, 40, 7, 100])
    w, b, _ = _kernels.solve_rows(rows, factors, column_bias, np.full(4, 2.0), "free")
    for i in range(4):
        at = slice(rows.start[i], rows.start[i + 1])
        w_i, b_i = _kernels.solve_row(
            rows.column[at], rows.residual[at], factors, column_bias, 2.0, "free"
        )
        np.testing.assert_array_equal(w_i, w[i])
        assert b_i == b[i]


@pytest.mark.parametrize("bias", _kernels.BIAS)
def test_a_row_without_ratings_is_zeros(bias):
    rows, factors, column_bias = problem([4, 0, 4, 0])
    w, b, error = _kernels.solve_rows(rows, factors, column_bias, np.full(4, 1.0), bias)
    defined = definition(rows, factors, column_bias, np.full(4, 1.0), bias)
    for solution, row_bias, squared_error in ((w, b, error), defined):
        assert not solution[[1, 3]].any() and not row_bias[[1, 3]].any()
        assert not squared_error[[1, 3]].any() and solution[0].any() and solution[2].any()


@pytest.mark.parametrize("n", [1, 2, 30])
def test_a_free_bias_takes_ratings_that_are_all_equal_whole(n):
    rows, factors, _ = problem([n])
    rows.residual[:] = 4.5
    w, b, error = _kernels.solve_rows(rows, factors, np.zeros(len(factors)), [1.0], "free")
    assert b[0] == pytest.approx(4.5, rel=1e-5) and np.abs(w).max() < 1e-5 and error[0] < 1e-8


@pytest.mark.parametrize("n", [2, 3, K // 2, K // 2 + 1, K - 1, 60])
@pytest.mark.parametrize("ridge", [0.0, 1e-9])
@pytest.mark.parametrize("rank", [1, 2, K - 1])
def test_without_a_ridge_it_is_least_squares_even_where_that_is_not_unique(n, ridge, rank):
    rows, factors, column_bias = problem([n])
    factors = np.ascontiguousarray(factors[:, np.arange(K) % rank])  # repeated features
    target = (rows.residual - column_bias[rows.column]).astype(np.float64)
    V = np.column_stack([factors[rows.column], np.ones(n)]).astype(np.float64)
    best = np.linalg.lstsq(V, target, rcond=None)[0]
    if ridge == 0:
        defined = definition(rows, factors, column_bias, np.zeros(1), "free")
        np.testing.assert_allclose(V @ np.append(defined[0][0], defined[1][0]), V @ best, atol=1e-6)
    w, b, error = _kernels.solve_rows(rows, factors, column_bias, [ridge], "free")
    assert np.isfinite(w).all()
    np.testing.assert_allclose(V @ np.append(w[0], b[0]), V @ best, atol=2e-3)
    assert error[0] == pytest.approx(np.sum((target - V @ best) ** 2), abs=1e-3)


def test_grouping_keeps_the_order_of_the_ratings_within_a_row():
    rng = np.random.default_rng(3)
    row, column = rng.integers(0, 9, 200), rng.integers(0, 50, 200)
    residual = rng.normal(size=200).astype(np.float32)
    rows = _kernels.by_row(row, column, residual, 11)
    order = np.argsort(row, kind="stable")
    np.testing.assert_array_equal(rows.column, column[order])
    np.testing.assert_array_equal(rows.residual, residual[order])
    np.testing.assert_array_equal(np.diff(rows.start), np.bincount(row, minlength=11))


def test_whatever_arrays_come_in_nothing_is_compiled_again():
    rows, factors, column_bias = problem([5, 50])
    first = _kernels.solve_rows(rows, factors, column_bias, np.ones(2, np.float32), "free")
    compiled = len(_kernels._solve_range.signatures)
    frozen = factors.copy()
    frozen.flags.writeable = False
    for form in (frozen, np.asfortranarray(factors), factors.astype(np.float64), factors.tolist()):
        form = np.asarray(form)
        again = _kernels.solve_rows(rows, form, column_bias.astype(np.float64), [1, 1], "free")
        np.testing.assert_array_equal(again[0], first[0])
    assert len(_kernels._solve_range.signatures) == compiled == 1


def in_a_fresh_process(code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_compiles_nothing():
    code = (
        "import numba.core.compiler as compiler\n"
        "def refuse(*a, **k): raise SystemExit('compiled while importing')\n"
        "compiler.compile_extra = refuse\n"
        "from cflib import _kernels, als\n"
        "print(len(_kernels._solve_range.signatures))"
    )
    assert in_a_fresh_process(code) == "0"


def test_where_compiled_code_cannot_be_kept_it_is_compiled_each_time():
    code = (
        "import numba.core.caching as caching, numpy as np\n"
        "def refuse(self): raise OSError('read-only file system')\n"
        "caching._CacheLocator.ensure_cache_path = refuse\n"
        "from cflib import _kernels\n"
        "one = np.array([0])\n"
        "print(_kernels.by_row(one, one, np.array([1.5]), 1).residual)"
    )
    assert in_a_fresh_process(code) == "[1.5]"


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one length. Received: 3, 2 and 3"):
        _kernels.by_row(np.zeros(3, int), np.zeros(2, int), np.zeros(3), 1)


def test_nothing_is_left_to_compile_after_compile_all():
    _kernels.compile_all()
    loops = (_kernels._solve_range, _kernels._implicit_range, _kernels._sample_range)
    before = [len(loop.signatures) for loop in loops]
    rows, factors, column_bias = problem([3, 20], 6)
    ones = np.ones(2, np.float32)
    _kernels.solve_rows(rows, factors, column_bias, ones, "free")
    _kernels.solve_implicit_rows(
        rows._replace(residual=np.abs(rows.residual)), factors, np.eye(6), ones
    )
    _kernels.sample_rows(
        rows, factors, column_bias, ones, np.eye(6), np.zeros((2, 6)), np.zeros((2, 6))
    )
    assert [len(loop.signatures) for loop in loops] == before == [1, 1, 1]
    for inner in (_kernels._factorise, _kernels._substitute):
        assert len(inner.signatures) <= 1  # none, where their callers were compiled earlier
