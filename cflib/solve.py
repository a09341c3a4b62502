"""The normal equations of one row: what alternating least squares, fold-in and sampling solve.

With the movies fixed, each user's weights are a ridge regression of their own ratings on the
features of the films they rated, and no user needs another's answer (the same with the roles
exchanged). So a half-sweep is many small independent problems, each of which the loops below
build and solve from its ratings alone, without padding and in a fixed order:

    accumulate  the rated films' features into rows z = [residual, features, 1], and A = Σ zᵀz
    factorise   A, plus the ridge, into Lᵀ L
    substitute  the solution out of L

The residual stands in z like one more feature, so column 0 of A is the right-hand side, and it
is already half solved when the factorisation reaches it. The constant 1, whose coefficient is
the bias, stands last and so is eliminated first: that takes the mean off every feature, which
is what keeps the rest accurate in single precision. A row with few ratings is solved with one
equation a rating instead of one a feature; it is the same minimum.

The loops are compiled by Numba at the first call, and kept on disk for the next process.
"""

from __future__ import annotations

import concurrent.futures
import functools
from typing import NamedTuple

import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core.compiler import Compiler

BLOCK = 8  # ratings gathered at a time, while the next ones are on their way from memory
LANES = 16  # float32 numbers in the widest vector register; rows are padded to a multiple
NEGLIGIBLE = np.float32(1e-6)  # a pivot this small beside its diagonal is rounding alone
SMALL_RIDGE = np.float32(1e-4)  # relative to |v|²: below it the dual form loses the bias

BIAS = {  # (the constant feature, the share of the ridge that its coefficient bears)
    "none": (0.0, 1.0),
    "free": (1.0, 0.0),
    "ridge": (1.0, 1.0),
}


class Rows(NamedTuple):
    """Ratings grouped by row: those of row i are at `start[i]:start[i + 1]`.

    start : int64, (n_rows + 1,);  column : int32, (n_ratings,);  residual : float32, (n_ratings,)
    """

    start: np.ndarray
    column: np.ndarray
    residual: np.ndarray


def by_row(row: np.ndarray, column: np.ndarray, residual: np.ndarray, n_rows: int) -> Rows:
    """Group ratings by row, keeping their order within each row.

    `row` and `column` are int32, (n_ratings,), and `residual` float32, (n_ratings,).
    """
    start = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=n_rows), out=start[1:])
    grouped = Rows(start, np.empty(len(row), np.int32), np.empty(len(row), np.float32))
    _place(_fixed(row, np.int32), _fixed(column, np.int32), _fixed(residual), start[:-1].copy(),
           grouped.column, grouped.residual)  # fmt: skip
    return grouped


def solve_rows(rows: Rows, factors, column_bias, ridge, bias: str = "none"):
    """Solve every row's ridge regression on the factors of the columns it rated.

    Row i minimises over w and b

        Σ_n (w·v_n + b - (residual_n - column_bias_n))² + ridge_i (|w|² [+ b²])

    where n runs over its ratings and v_n is the factor row of rating n's column.

    Parameters
    ----------
    rows : Rows
        The ratings, from `by_row`.
    factors : float32, (n_columns, n_features)
    column_bias : float32, (n_columns,)
    ridge : float32, (n_rows,)
        λ of each row: `model.row_weights`.
    bias : "none", "free" or "ridge"
        No b; b without a penalty; b with the penalty of the features.

    Returns
    -------
    solution : float32, (n_rows, n_features)
    bias : float32, (n_rows,)
    squared_error : float64, (n_rows,)
        Σ_n of the first term above, at the solution.

    Rows without ratings are zeros. Where λ = 0 leaves more than one minimum, this is one of
    them. The numbers do not depend on how many threads there are.

    Source: Zhou et al. (2008), "Large-scale parallel collaborative filtering for the Netflix
    prize", section 3.1.
    """
    n_rows, n_features = len(rows.start) - 1, factors.shape[1]
    given = (
        _fixed(rows.start, np.int64), _fixed(rows.column, np.int32), _fixed(rows.residual),
        _fixed(factors), _fixed(column_bias), _fixed(ridge),
    )  # fmt: skip
    constant, bias_share = map(np.float32, BIAS[bias])
    solution = np.empty((n_rows, n_features), np.float32)
    solved_bias, squared_error = np.empty(n_rows, np.float32), np.empty(n_rows)

    def solve(first, last):
        _solve_range(first, last, *given, constant, bias_share,
                     solution, solved_bias, squared_error)  # fmt: skip

    _share_out(solve, rows.start, n_features)
    return solution, solved_bias, squared_error


def solve_row(column, residual, factors, column_bias, ridge: float, bias: str = "none"):
    """Solve one row from its ratings: fold a user or a film into a trained model.

    `column` int32 and `residual` float32 are (n,); the rest as in `solve_rows`, whose numbers
    this gives to the last bit for the same ratings in the same order. Returns (solution, bias):
    float32, (n_features,), and a float.
    """
    row = Rows(np.array([0, len(column)]), np.asarray(column), np.asarray(residual))
    solution, solved_bias, _ = solve_rows(row, factors, column_bias, np.array([ridge]), bias)
    return solution[0], float(solved_bias[0])


def sample_rows(rows: Rows, factors, column_bias, weight, precision, shift, noise, freedom=None):
    """Draw every row from the normal distribution that its ridge regression is the middle of.

    Row i's coefficients w have the prior N(precision⁻¹ shift_i, precision⁻¹), and its ratings
    are w·v_n + column_bias_n with variance 1 / weight_i. So the posterior has the precision

        P = precision + weight_i Σ_n v_n v_nᵀ

    and the mean P⁻¹ (shift_i + weight_i Σ_n v_n (residual_n - column_bias_n)). With P = Lᵀ L the
    draw is that mean plus L⁻¹ noise_i.

    With `freedom`, the prior variance of row i's last coefficient, its bias, is larger by
    freedom_i, and its mean the same.

    Parameters
    ----------
    rows, factors, column_bias
        As in `solve_rows`; a bias is one more column of factors that is 1 everywhere.
    weight : float32, (n_rows,)
    precision : float32, (n_features, n_features)
    shift, noise : float32, (n_rows, n_features)
        `noise` is standard normal; where it is 0 the draw is the mean.
    freedom : float32, (n_rows,) or None

    Returns
    -------
    draw : float32, (n_rows, n_features)
    squared_error : float64, (n_rows,)
        Σ_n (w·v_n + column_bias_n - residual_n)² at the draw.

    Source: Salakhutdinov & Mnih (2008), "Bayesian probabilistic matrix factorization using Markov
    chain Monte Carlo", equations 11 to 13.
    """
    n_rows, n_features = len(rows.start) - 1, factors.shape[1]
    freedom = np.zeros(n_rows, np.float32) if freedom is None else freedom
    given = (
        _fixed(rows.start, np.int64), _fixed(rows.column, np.int32), _fixed(rows.residual),
        _fixed(factors), _fixed(column_bias), _fixed(weight), _fixed(precision), _fixed(shift),
        _fixed(noise), _fixed(freedom),
    )  # fmt: skip
    draw, squared_error = np.empty((n_rows, n_features), np.float32), np.empty(n_rows)

    def sample(first, last):
        _sample_range(first, last, *given, draw, squared_error)

    _share_out(sample, rows.start, n_features)
    return draw, squared_error


def _fixed(array, dtype=np.float32) -> np.ndarray:
    """A read-only C-ordered view: one type, whatever the caller has, so one compilation."""
    view = np.ascontiguousarray(array, dtype).view(np.ndarray)
    view.flags.writeable = False
    return view


def _share_out(work, start: np.ndarray, n_features: int) -> None:
    """Call `work(first, last)` on ranges of rows of like effort, as threads come free for them.

    The compiled loops let go of the interpreter's lock, so plain threads run at once. A range
    takes from a few rows with many ratings to many with few.
    """
    n_rows, n_threads = len(start) - 1, numba.config.NUMBA_NUM_THREADS
    effort = start + np.arange(n_rows + 1) * (n_features / 3 + 1)  # of n k² + k³/3 operations
    n_ranges = min(16 * n_threads, n_rows, int(effort[-1]) // 1000 + 1)
    edges = np.searchsorted(effort, np.linspace(0, effort[-1], n_ranges + 1)[1:-1])
    edges = [0, *edges.tolist(), n_rows]
    if n_threads == 1 or n_ranges == 1:
        work(0, n_rows)
        return
    with concurrent.futures.ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))


class _WithoutOverlap(Compiler):
    """Compiles on the promise that a function's array arguments share no memory it writes to.

    Without it every inner loop first compares all pairs of addresses: three times slower.
    """

    def define_pipelines(self):
        self.state.flags.noalias = True
        return super().define_pipelines()


def _compiled(function=None, **options):
    """Compile at the first call, without the interpreter's lock, and keep the result on disk.

    Where there is no folder to keep it in (a read-only installation, a user without a home),
    every process compiles anew.
    """
    if function is None:
        return functools.partial(_compiled, **options)
    options |= {"nogil": True, "error_model": "numpy"}
    options["fastmath"] = {"contract", "reassoc", "nsz"}  # fused, reordered; NaN stays NaN
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


@_compiled(pipeline_class=_WithoutOverlap)
def _add_outer_products(A, B, first, sign, size):
    """A[:size] += sign Σ B[t]ᵀ B[t] over the four rows t = first ... first + 3, lower triangle.

    Four rows of B and two of A at a time: each number that is loaded is used often enough for
    the processor's multipliers, not its memory, to be the limit. A row of A is extended to a
    whole number of vectors; what lies right of the diagonal is never read.
    """
    t, u, v, w = first, first + 1, first + 2, first + 3
    for i in range(0, size, 2):
        t0, u0, v0, w0 = sign * B[t, i], sign * B[u, i], sign * B[v, i], sign * B[w, i]
        t1, u1, v1, w1 = (
            sign * B[t, i + 1], sign * B[u, i + 1], sign * B[v, i + 1], sign * B[w, i + 1],
        )  # fmt: skip
        for j in range((i // LANES + 1) * LANES):
            A[i, j] += t0 * B[t, j] + u0 * B[u, j] + v0 * B[v, j] + w0 * B[w, j]
            A[i + 1, j] += t1 * B[t, j] + u1 * B[u, j] + v1 * B[v, j] + w1 * B[w, j]


@_compiled
def _factorise(A, size, end):
    """Turn rows size - 1 ... end of A into L with Lᵀ L = A; columns before `end` become L⁻ᵀ A.

    From the last row to the first, four at a time, with the loop that accumulated A. A direction
    whose pivot is rounding alone becomes a row of zeros. What is left in the rows before `end`
    is their Schur complement.
    """
    diagonal = np.diag(A).copy()
    for first in range((size - 1) // 4 * 4, -1, -4):
        for i in range(first + 3, max(first, end) - 1, -1):
            scale = np.float32(0)
            if A[i, i] > NEGLIGIBLE * diagonal[i]:
                scale = 1 / np.sqrt(A[i, i])
            for j in range(i + 1):
                A[i, j] *= scale
            for h in range(first, i):
                for j in range(h + 1):
                    A[h, j] -= A[i, h] * A[i, j]
        _add_outer_products(A, A, first, np.float32(-1), first)


@_compiled
def _substitute(A, size, end, x):
    """Solve L x = column 0 for x[end:size], with L from `_factorise`."""
    for i in range(end, size):
        total = A[i, 0]
        for j in range(end, i):
            total -= A[i, j] * x[j]
        x[i] = total / A[i, i] if A[i, i] > 0 else np.float32(0)


@numba.extending.intrinsic
def _ask_for(typing, factors, row, feature):
    """Start to fetch the cache line with `factors[row, feature]`, without waiting for it."""

    def generate(context, builder, signature, arguments):
        array = context.make_array(factors)(context, builder, arguments[0])
        place = numba.core.cgutils.get_item_pointer(
            context, builder, factors, array, arguments[1:], wraparound=False
        )
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        for_reading, keep, data = number(0), number(3), number(1)
        builder.call(prefetch, [builder.bitcast(place, byte), for_reading, keep, data])
        return context.get_dummy_value()

    return numba.types.void(factors, numba.intp, numba.intp), generate


@_compiled
def _accumulate(column, residual, factors, column_bias, constant, A, B):
    """A = Σ zᵀz over ratings, lower triangle, with z = [residual - column_bias, factors, constant].

    B, (BLOCK, padded), is room to gather in, zero from column n_features + 2 on.
    """
    n_features = factors.shape[1]
    A[:] = 0
    for start in range(0, len(column), BLOCK):
        n = min(BLOCK, len(column) - start)
        for t in range(n):
            c = column[start + t]
            B[t, 0] = residual[start + t] - column_bias[c]
            for f in range(n_features):
                B[t, 1 + f] = factors[c, f]
            B[t, 1 + n_features] = constant
        B[n : (n + 3) // 4 * 4] = 0
        for t in range(0, n, 4):
            for c in column[start + BLOCK + t : start + BLOCK + t + 4]:  # of the next block
                for f in range(0, n_features, LANES):
                    _ask_for(factors, c, f)
            _add_outer_products(A, B, t, np.float32(1), n_features + 2)


@_compiled
def _squared_error(column, residual, factors, column_bias, x):
    """Σ (residual - column_bias - factors·w - b)² over a row's ratings, in float64."""
    n_features = factors.shape[1]
    total = 0.0
    for n in range(len(column)):
        c = column[n]
        predicted = x[1 + n_features] + column_bias[c]
        for f in range(n_features):
            predicted += factors[c, f] * x[1 + f]
        total += np.float64(residual[n] - predicted) ** 2
    return total


@_compiled
def _solve_many(column, residual, factors, column_bias, ridge, constant, bias_share, A, B, x):
    """x = [-, w, b] of one row, from its normal equations: one for each coefficient.

    Returns the squared error. A[0, 0] starts as that of predicting nothing, and the elimination
    leaves the minimum there; only where little is left of it are the ratings gone through again.
    """
    last = factors.shape[1] + 1
    _accumulate(column, residual, factors, column_bias, constant, A, B)
    for f in range(1, last):
        A[f, f] += ridge
    A[last, last] += bias_share * ridge
    of_nothing = A[0, 0]
    _factorise(A, last + 1, 1)
    _substitute(A, last + 1, 1, x)
    squared_error = A[0, 0] - ridge * (np.sum(x[1:last] ** 2) + bias_share * x[last] ** 2)
    if squared_error > of_nothing / 8:
        return np.float64(squared_error)
    return _squared_error(column, residual, factors, column_bias, x)


@_compiled
def _solve_few(column, residual, factors, column_bias, ridge, constant, bias_share, A, B, x):
    """x = [-, w, b] of a row with fewer ratings than features: one equation for each rating.

    w = Vᵀ α with (V Vᵀ + ridge) α = residual - b, the same minimum in its dual form. A penalised
    constant is one more feature. A free one is what makes Σ α = 0: column 1 holds the ones, and
    b is read from what the elimination leaves of columns 0 and 1.

    B, (n_features + 1 padded to fours, padded), is room for Vᵀ; what a longer row left in it
    lies to the right of all that is read. Returns the squared error, or -1 with nothing solved
    where the ridge is too small for this form.
    """
    n, n_features = len(column), factors.shape[1]
    size = n + 2
    for t in range(n):
        c = column[t]
        for f in range(n_features):
            B[f, 2 + t] = factors[c, f]
        B[n_features, 2 + t] = constant * bias_share
    B[:, size] = 0
    A[: (size + 3) // 4 * 4] = 0
    for f in range(0, n_features + 1, 4):
        _add_outer_products(A, B, f, np.float32(1), size)
    for t in range(n):
        if ridge <= SMALL_RIDGE * A[2 + t, 2 + t]:
            return -1.0
        A[2 + t, 2 + t] += ridge
        A[2 + t, 0] = residual[t] - column_bias[column[t]]
        A[2 + t, 1] = constant * (1 - bias_share)
    _factorise(A, size, 2)
    b = A[1, 0] / A[1, 1] if A[1, 1] < 0 else np.float32(0)
    for t in range(2, size):
        A[t, 0] -= b * A[t, 1]
    alpha = np.empty(size, np.float32)
    _substitute(A, size, 2, alpha)
    for f in range(n_features + 1):
        total = np.float32(0)
        for t in range(2, size):
            total += B[f, t] * alpha[t]
        x[1 + f] = total
    x[1 + n_features] += b
    return _squared_error(column, residual, factors, column_bias, x)


@_compiled
def _solve_range(first, last, start, column, residual, factors, column_bias, ridge,
                 constant, bias_share, solution, bias, squared_error):  # fmt: skip
    """Rows first ... last - 1 of `solve_rows`."""
    n_features = factors.shape[1]
    padded = (n_features + 2 + LANES - 1) // LANES * LANES
    A = np.zeros((padded, padded), np.float32)
    B = np.zeros((BLOCK, padded), np.float32)
    B_few = np.zeros((n_features // 4 * 4 + 4, padded), np.float32)
    x = np.empty(n_features + 2, np.float32)
    for i in range(first, last):
        columns, residuals = column[start[i] : start[i + 1]], residual[start[i] : start[i + 1]]
        row = (columns, residuals, factors, column_bias, ridge[i], constant, bias_share)
        error = _solve_few(*row, A, B_few, x) if len(columns) <= n_features // 2 else -1.0
        squared_error[i] = error if error >= 0 else _solve_many(*row, A, B, x)
        solution[i] = x[1 : 1 + n_features]
        bias[i] = x[1 + n_features]


@_compiled
def _sample_range(first, last, start, column, residual, factors, column_bias, weight,
                  precision, shift, noise, freedom, draw, squared_error):  # fmt: skip
    """Rows first ... last - 1 of `sample_rows`.

    (precision⁻¹ + freedom e eᵀ)⁻¹ = precision - less c cᵀ, with e the last unit vector, c the last
    row of `precision` and less = freedom / (1 + freedom c_last): Sherman and Morrison's formula.
    """
    n_features = factors.shape[1]
    c = precision[n_features - 1]
    size = n_features + 1
    padded = (n_features + 2 + LANES - 1) // LANES * LANES
    A = np.zeros((padded, padded), np.float32)
    B = np.zeros((BLOCK, padded), np.float32)
    x = np.zeros(n_features + 2, np.float32)
    for i in range(first, last):
        columns, residuals = column[start[i] : start[i + 1]], residual[start[i] : start[i + 1]]
        _accumulate(columns, residuals, factors, column_bias, np.float32(0), A, B)
        less = freedom[i] / (1 + freedom[i] * c[n_features - 1])
        for f in range(n_features):
            prior = shift[i, f] - less * c[f] * shift[i, n_features - 1]
            A[1 + f, 0] = weight[i] * A[1 + f, 0] + prior
            for g in range(f + 1):
                prior = precision[f, g] - less * c[f] * c[g]
                A[1 + f, 1 + g] = weight[i] * A[1 + f, 1 + g] + prior
        _factorise(A, size, 1)
        for f in range(n_features):
            A[1 + f, 0] += noise[i, f]
        _substitute(A, size, 1, x)
        draw[i] = x[1:size]
        squared_error[i] = _squared_error(columns, residuals, factors, column_bias, x)


@_compiled
def _place(row, column, residual, free, column_out, residual_out):
    """Counting sort: put each rating at the next free place of its row."""
    for n in range(len(row)):
        at = free[row[n]]
        free[row[n]] = at + 1
        column_out[at] = column[n]
        residual_out[at] = residual[n]
