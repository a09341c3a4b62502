"""The compiled loops: what runs where `als.half_iteration` and `models.gibbs.draw_row` define.

With the movies fixed, each user's weights are a ridge regression of their own ratings on the
features of the movies that they rated, and no user needs another's answer (the same holds with the
roles exchanged). So half of an iteration is many small independent problems. Each is built and
solved from its ratings alone, without padding and in a fixed order:

    accumulate  gather the rated movies' features into rows z = [residual, features, 1]; A = Σ zᵀz
    factorise   A, plus the ridge, into Lᵀ L
    substitute  read the solution out of L

The residual stands in z like one more feature. So column 0 of A is the right-hand side, and it is
half solved already when the factorisation reaches it. The constant 1, whose coefficient is the
bias, stands last and is eliminated first. This subtracts the mean from every feature, which keeps
the rest accurate in single precision. A row with few ratings is solved with one equation for each
rating instead of one for each feature; its minimum is the same.

Numba compiles the loops at the first call and keeps the result on disk for the next process. It
compiles plain loops over elements several times as fast as slices and NumPy's functions.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core.caching import FunctionCache
from numba.core.compiler import Compiler
from numba.core.runtime import rtsys

KNOWN_NUMBA = (0, 68)  # whose compiled code can be loaded without the compiler: see `_Cache`
BLOCK = 8  # ratings gathered at a time, while the next ones are on their way from memory
ONE, TWO = np.int64(1), np.int64(2)  # not literals, for each of which Numba would compile anew
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

    Attributes
    ----------
    start : int64, (n_rows + 1,)
    column : int32, (n_ratings,)
    residual : float32, (n_ratings,)
    """

    start: np.ndarray
    column: np.ndarray
    residual: np.ndarray

    def times(self, factor: np.ndarray) -> Rows:
        """The same ratings, each residual times the factor of its column: (n_columns,)."""
        return Rows(self.start, self.column, self.residual * factor[self.column])


def by_row(row: np.ndarray, column: np.ndarray, residual: np.ndarray, n_rows: int) -> Rows:
    """Group ratings by row, keeping their order within each row.

    `row` and `column` are int32, (n_ratings,), and `residual` float32, (n_ratings,). Raises
    ValueError for arrays of different lengths.
    """
    if not len(row) == len(column) == len(residual):
        raise ValueError(
            "`row`, `column` and `residual` should have one length. Received: "
            f"{len(row)}, {len(column)} and {len(residual)}"
        )
    start = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=n_rows), out=start[1:])
    grouped = Rows(start, np.empty(len(row), np.int32), np.empty(len(row), np.float32))
    ratings = _fixed(row, np.int32), _fixed(column, np.int32), _fixed(residual)
    _place(*ratings, start[:-1].copy(), grouped.column, grouped.residual)
    return grouped


def solve_rows(
    rows: Rows,
    factors: np.ndarray,
    column_bias: np.ndarray,
    ridge: np.ndarray,
    bias: str = "none",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve every row's ridge regression: `als.half_iteration`, compiled.

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
        Σ_n (w·v_n + b - (residual_n - column_bias_n))², at the solution.

    Notes
    -----
    Rows without ratings are zeros. Where λ = 0 leaves more than one minimum, this is one of them.
    The numbers do not depend on how many threads there are.
    """
    n_rows, n_features = len(rows.start) - 1, factors.shape[1]
    inputs = (*_rows(rows), _fixed(factors), _fixed(column_bias), _fixed(ridge))
    constant, bias_share = map(np.float32, BIAS[bias])
    solution = np.empty((n_rows, n_features), np.float32)
    solved_bias, squared_error = np.empty(n_rows, np.float32), np.empty(n_rows)
    outputs = solution, solved_bias, squared_error

    def solve(first: int, last: int) -> None:
        A, B, x = _scratch(n_features)
        B_few, alpha = np.zeros((n_features // 4 * 4 + 4, len(A)), np.float32), x.copy()
        scratch = A, B, B_few, x, alpha
        _solve_range(first, last, *inputs, constant, bias_share, *scratch, *outputs)

    _share_out(solve, rows.start, n_features)
    return outputs


def solve_row(
    column: np.ndarray,
    residual: np.ndarray,
    factors: np.ndarray,
    column_bias: np.ndarray,
    ridge: float,
    bias: str = "none",
) -> tuple[np.ndarray, float]:
    """Solve one row from its ratings: (solution, bias), float32, (n_features,), and a float.

    `column` int32 and `residual` float32 are (n,); the rest as in `solve_rows`, whose numbers
    this gives to the last bit for the same ratings in the same order.
    """
    row = Rows(np.array([0, len(column)]), np.asarray(column), np.asarray(residual))
    solution, solved_bias, _ = solve_rows(row, factors, column_bias, np.array([ridge]), bias)
    return solution[0], float(solved_bias[0])


def solve_implicit_rows(
    rows: Rows, factors: np.ndarray, gram: np.ndarray, ridge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Solve every row's regression on all columns, liked or not: Hu, Koren and Volinsky's step.

    Row u minimises Σ_i c_ui (p_ui - x_u·y_i)² + λ_u |x_u|² over all columns i, with the preference
    p = 1 and the confidence c = 1 + α_ui where it likes the column, and p = 0, c = 1 elsewhere:

        x_u = (YᵀY + λ_u I + Yᵀ (C_u - I) Y)⁻¹ Yᵀ C_u p_u
            = (YᵀY + λ_u I + Σ_n α_n y_n y_nᵀ)⁻¹ Σ_n (1 + α_n) y_n,      n over the columns it likes

    Parameters
    ----------
    rows : Rows
        The columns that each row likes, and as `residual` the α of each like; positive.
    factors : float32, (n_columns, n_features)
        Y.
    gram : float64, (n_features, n_features)
        YᵀY, the same for every row.
    ridge : float32, (n_rows,)
        λ_u of each row, from `models.ranking.like_ridge`.

    Returns
    -------
    solution : float32, (n_rows, n_features)
    like_cost : float64, (n_rows,)
        Σ_n (1 + α_n) (1 - x_u·y_n)² - (x_u·y_n)² over the columns that the row likes: how much the
        likes add to the cost of a row that likes nothing, which is Σ_i (x_u·y_i)².

    References
    ----------
    Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback datasets",
    equation 4.
    """
    n_rows, n_features = len(rows.start) - 1, factors.shape[1]
    inputs = (*_rows(rows), _fixed(factors), _fixed(gram), _fixed(ridge))
    solution, like_cost = np.empty((n_rows, n_features), np.float32), np.empty(n_rows)

    def solve(first: int, last: int) -> None:
        _implicit_range(first, last, *inputs, *_scratch(n_features), solution, like_cost)

    _share_out(solve, rows.start, n_features)
    return solution, like_cost


def sample_rows(
    rows: Rows,
    factors: np.ndarray,
    column_bias: np.ndarray,
    weight: np.ndarray,
    precision: np.ndarray,
    shift: np.ndarray,
    noise: np.ndarray,
    freedom: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw every row from its posterior: `models.gibbs.draw_row`, compiled.

    Parameters
    ----------
    rows, factors, column_bias
        As in `solve_rows`; a bias is one more column of factors that is 1 everywhere.
    weight : float32, (n_rows,)
        1 / the variance of a rating.
    precision : float32, (n_features, n_features)
        Of the prior N(precision⁻¹ shift_i, precision⁻¹).
    shift, noise : float32, (n_rows, n_features)
        `noise` is standard normal; where it is 0 the draw is the mean.
    freedom : float32, (n_rows,) or None
        How much larger the prior variance of row i's last coefficient, its bias, is.

    Returns
    -------
    draw : float32, (n_rows, n_features)
    squared_error : float64, (n_rows,)
        Σ_n (w·v_n + column_bias_n - residual_n)² at the draw.
    """
    n_rows, n_features = len(rows.start) - 1, factors.shape[1]
    freedom = np.zeros(n_rows, np.float32) if freedom is None else freedom
    arrays = (factors, column_bias, weight, precision, shift, noise, freedom)
    inputs = (*_rows(rows), *map(_fixed, arrays))
    draw, squared_error = np.empty((n_rows, n_features), np.float32), np.empty(n_rows)

    def sample(first: int, last: int) -> None:
        _sample_range(first, last, *inputs, *_scratch(n_features), draw, squared_error)

    _share_out(sample, rows.start, n_features)
    return draw, squared_error


def compile_all() -> None:
    """Compile every loop, so that nobody waits for it later; `make` does it once, in seconds."""
    rows = by_row(np.zeros(1, np.int32), np.zeros(1, np.int32), np.ones(1, np.float32), 1)
    one, zero = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    solve_rows(rows, one, zero[0], one[0])
    solve_implicit_rows(rows, one, one, one[0])
    sample_rows(rows, one, zero[0], one[0], one, zero, zero)


def _scratch(n_features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, B and x, in which one thread solves one row after the other."""
    padded = (n_features + 2 + LANES - 1) // LANES * LANES
    shapes = (padded, padded), (BLOCK, padded), (padded,)
    A, B, x = (np.zeros(shape, np.float32) for shape in shapes)
    return A, B, x


def _rows(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return _fixed(rows.start, np.int64), _fixed(rows.column, np.int32), _fixed(rows.residual)


def _fixed(array: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """A read-only C-ordered view: always of one type, so that one compilation is enough."""
    view = np.ascontiguousarray(array, dtype).view(np.ndarray)
    view.flags.writeable = False
    return view


def _share_out(work: Callable[[int, int], None], start: np.ndarray, n_features: int) -> None:
    """Call `work(first, last)` on ranges of rows that take about as long as each other.

    A range is a few rows with many ratings, or many rows with few; each free thread takes the next
    range. The compiled loops release the interpreter's lock, so plain threads run at once.
    """
    n_rows, n_threads = len(start) - 1, numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    effort = start + np.arange(n_rows + 1) * (n_features / 3 + 1)  # of n k² + k³/3 operations
    n_ranges = min(16 * n_threads, n_rows, int(effort[-1]) // 1000 + 1)
    inner = np.searchsorted(effort, np.linspace(0, effort[-1], n_ranges + 1)[1:-1])
    edges = [0, *inner.tolist(), n_rows]
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


class _Cache(FunctionCache):
    """Numba's cache on disk, which survives a damaged file and a full disk.

    Numba would first import all that it can compile, SciPy's linear algebra included, also to load
    what is compiled already, which takes most of the time of a small fit. The compiler imports it
    anyway when it has something to compile. Of Numba versions that nobody has tried, this is not
    expected.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            if numba.version_info.short != KNOWN_NUMBA:
                return super().load_overload(sig, target_context)
            rtsys.initialize(target_context)
            return self._load_overload(sig, target_context)
        except Exception:  # unpickling half a file raises anything
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


def compiled(function: Any = None, inner: bool = False, **options: Any) -> Any:
    """Compile at the first call, without the interpreter's lock, and keep the result on disk.

    An `inner` function is called by compiled functions only, and needs no entrance for Python.

    Where there is no folder to keep it in (a read-only installation, a user without a home),
    every process compiles again; where what was kept is damaged, it is compiled and kept anew.
    """
    if function is None:
        return functools.partial(compiled, inner=inner, **options)
    options |= {"no_cpython_wrapper": inner, "no_cfunc_wrapper": inner}
    options |= {"nogil": True, "error_model": "numpy"}
    options["fastmath"] = {"contract", "reassoc", "nsz"}  # fused, reordered; NaN stays NaN
    dispatcher = numba.njit(**options)(function)
    with contextlib.suppress(RuntimeError):  # there is no folder
        dispatcher._cache = _Cache(function)  # noqa: SLF001
    return dispatcher


@compiled(inner=True, pipeline_class=_WithoutOverlap)
def _add_outer_products(A, B, first, sign, size):
    """A[:size] += sign Σ B[t]ᵀ B[t] over the four rows t = first ... first + 3, lower triangle.

    Four rows of B and two of A at a time: each number that is loaded is used often enough for
    the processor's multipliers, not its memory, to be the limit. A row of A is extended to a
    whole number of vectors; entries to the right of the diagonal are never read.
    """
    t, u, v, w = first, first + 1, first + 2, first + 3
    for i in range(0, size, 2):
        t0, u0, v0, w0 = sign * B[t, i], sign * B[u, i], sign * B[v, i], sign * B[w, i]
        t1, u1 = sign * B[t, i + 1], sign * B[u, i + 1]
        v1, w1 = sign * B[v, i + 1], sign * B[w, i + 1]
        for j in range((i // LANES + 1) * LANES):
            A[i, j] += t0 * B[t, j] + u0 * B[u, j] + v0 * B[v, j] + w0 * B[w, j]
            A[i + 1, j] += t1 * B[t, j] + u1 * B[u, j] + v1 * B[v, j] + w1 * B[w, j]


@compiled(inner=True)
def _clear(A, first, last):
    """A[first:last] = 0."""
    for i in range(first, last):
        for j in range(A.shape[1]):
            A[i, j] = 0


@compiled(inner=True)
def _factorise(A, size, end, diagonal):
    """Turn rows size - 1 ... end of A into L with Lᵀ L = A; columns before `end` become L⁻ᵀ A.

    It goes from the last row to the first, four at a time, with the loop that accumulated A. A
    direction whose pivot is rounding alone becomes a row of zeros. The rows before `end` hold
    their Schur complement afterwards.
    """
    for i in range((size + 3) // 4 * 4):
        diagonal[i] = A[i, i]
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


@compiled(inner=True)
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


@compiled(inner=True)
def _accumulate(column, residual, factors, column_bias, constant, A, B):
    """A = Σ zᵀz over ratings, lower triangle, with z = [residual - column_bias, factors, constant].

    B, (BLOCK, padded), is where the ratings are gathered; it is 0 from column n_features + 2 on.
    """
    n_features = factors.shape[1]
    _clear(A, 0, len(A))
    for start in range(0, len(column), BLOCK):
        n = min(BLOCK, len(column) - start)
        for t in range(n):
            c = column[start + t]
            B[t, 0] = residual[start + t] - column_bias[c]
            for f in range(n_features):
                B[t, 1 + f] = factors[c, f]
            B[t, 1 + n_features] = constant
        _clear(B, n, (n + 3) // 4 * 4)
        for t in range(0, n, 4):
            ahead = start + BLOCK + t  # of the next block
            for later in range(ahead, min(ahead + 4, len(column))):
                for f in range(0, n_features, LANES):
                    _ask_for(factors, column[later], f)
            _add_outer_products(A, B, t, np.float32(1), n_features + 2)


@compiled(inner=True)
def _squared_error(column, residual, factors, column_bias, x):
    """Σ (residual - column_bias - factors·w - b)² over a row's ratings, in float64."""
    n_features = factors.shape[1]
    total = 0.0
    for n in range(len(column)):
        c = column[n]
        predicted = x[1 + n_features] + column_bias[c]
        for f in range(n_features):
            predicted += factors[c, f] * x[1 + f]
        error = np.float64(residual[n] - predicted)
        total += error * error
    return total


@compiled(inner=True, inline="always")  # compiled as a part of its only caller
def _solve_many(column, residual, factors, column_bias, ridge, constant, bias_share, A, B, x):
    """x = [-, w, b] of one row, from its normal equations: one for each coefficient.

    Returns the squared error. A[0, 0] starts as the squared error of predicting 0, and the
    elimination leaves the minimum there. Where that difference is mostly rounding, the error is
    computed from the ratings again.
    """
    last = factors.shape[1] + 1
    _accumulate(column, residual, factors, column_bias, constant, A, B)
    for f in range(1, last):
        A[f, f] += ridge
    A[last, last] += bias_share * ridge
    of_nothing = A[0, 0]
    _factorise(A, last + 1, ONE, x)
    _substitute(A, last + 1, ONE, x)
    length = bias_share * x[last] * x[last]
    for f in range(1, last):
        length += x[f] * x[f]
    squared_error = A[0, 0] - ridge * length
    if squared_error > of_nothing / 8:
        return np.float64(squared_error)
    return _squared_error(column, residual, factors, column_bias, x)


@compiled(inner=True, inline="always")  # compiled as a part of its only caller
def _solve_few(column, residual, factors, column_bias, ridge, constant, bias_share, A, B, x, alpha):
    """x = [-, w, b] of a row with fewer ratings than features: one equation for each rating.

    w = Vᵀ α with (V Vᵀ + ridge) α = residual - b: the same minimum in its dual form. A penalised
    constant is one more feature. A free constant demands Σ α = 0: column 1 holds the ones, and b
    is read from columns 0 and 1 after the elimination.

    B, (n_features + 1 padded to fours, padded), holds Vᵀ. Entries to the right of column `size` are
    stale; nothing reads them. Returns the squared error, or -1 where the ridge is too small for
    this form and nothing was solved.
    """
    n, n_features = len(column), factors.shape[1]
    size = n + 2
    for t in range(n):
        c = column[t]
        for f in range(n_features):
            B[f, 2 + t] = factors[c, f]
        B[n_features, 2 + t] = constant * bias_share
    for f in range(len(B)):
        B[f, size] = 0
    _clear(A, 0, (size + 3) // 4 * 4)
    for f in range(0, n_features + 1, 4):
        _add_outer_products(A, B, f, np.float32(1), size)
    for t in range(n):
        if ridge <= SMALL_RIDGE * A[2 + t, 2 + t]:
            return -1.0
        A[2 + t, 2 + t] += ridge
        A[2 + t, 0] = residual[t] - column_bias[column[t]]
        A[2 + t, 1] = constant * (1 - bias_share)
    _factorise(A, size, TWO, x)
    b = A[1, 0] / A[1, 1] if A[1, 1] < 0 else np.float32(0)
    for t in range(2, size):
        A[t, 0] -= b * A[t, 1]
    _substitute(A, size, TWO, alpha)
    for f in range(n_features + 1):
        total = np.float32(0)
        for t in range(2, size):
            total += B[f, t] * alpha[t]
        x[1 + f] = total
    x[1 + n_features] += b
    return _squared_error(column, residual, factors, column_bias, x)


@compiled
def _solve_range(
    first,
    last,
    start,
    column,
    residual,
    factors,
    column_bias,
    ridge,
    constant,
    bias_share,
    A,
    B,
    B_few,
    x,
    alpha,
    solution,
    bias,
    squared_error,
):
    """Rows first ... last - 1 of `solve_rows`."""
    n_features = factors.shape[1]
    for i in range(first, last):
        c, r = column[start[i] : start[i + 1]], residual[start[i] : start[i + 1]]
        v, b, lam, one, share = factors, column_bias, ridge[i], constant, bias_share
        error = -1.0
        if len(c) <= n_features // 2:
            error = _solve_few(c, r, v, b, lam, one, share, A, B_few, x, alpha)
        if error < 0:
            error = _solve_many(c, r, v, b, lam, one, share, A, B, x)
        squared_error[i] = error
        for f in range(n_features):
            solution[i, f] = x[1 + f]
        bias[i] = x[1 + n_features]


@compiled(inner=True)
def _accumulate_likes(column, alpha, factors, A, B):
    """As `_accumulate`, with z = √α [(1 + α) / α, factors]: column 0 of A is Σ (1 + α) factors."""
    n_features = factors.shape[1]
    _clear(A, 0, len(A))
    for start in range(0, len(column), BLOCK):
        n = min(BLOCK, len(column) - start)
        for t in range(n):
            root = np.sqrt(alpha[start + t])
            B[t, 0] = (1 + alpha[start + t]) / root
            for f in range(n_features):
                B[t, 1 + f] = root * factors[column[start + t], f]
        _clear(B, n, (n + 3) // 4 * 4)
        for t in range(0, n, 4):
            ahead = start + BLOCK + t  # of the next block
            for later in range(ahead, min(ahead + 4, len(column))):
                for f in range(0, n_features, LANES):
                    _ask_for(factors, column[later], f)
            _add_outer_products(A, B, t, np.float32(1), n_features + 2)


@compiled
def _implicit_range(
    first, last, start, column, alpha, factors, gram, ridge, A, B, x, solution, like_cost
):
    """Rows first ... last - 1 of `solve_implicit_rows`."""
    n_features = factors.shape[1]
    size = n_features + 1
    for i in range(first, last):
        likes, weights = column[start[i] : start[i + 1]], alpha[start[i] : start[i + 1]]
        _accumulate_likes(likes, weights, factors, A, B)
        for f in range(n_features):
            for g in range(f + 1):
                A[1 + f, 1 + g] += gram[f, g]
            A[1 + f, 1 + f] += ridge[i]
        _factorise(A, size, ONE, x)
        _substitute(A, size, ONE, x)
        for f in range(n_features):
            solution[i, f] = x[1 + f]
        total = 0.0
        for n in range(len(likes)):
            score = np.float32(0)
            for f in range(n_features):
                score += factors[likes[n], f] * x[1 + f]
            confidence = 1 + np.float64(weights[n])
            short = 1 - np.float64(score)
            total += confidence * short * short - np.float64(score) * np.float64(score)
        like_cost[i] = total


@compiled
def _sample_range(
    first,
    last,
    start,
    column,
    residual,
    factors,
    column_bias,
    weight,
    precision,
    shift,
    noise,
    freedom,
    A,
    B,
    x,
    draw,
    squared_error,
):
    """Rows first ... last - 1 of `sample_rows`.

    By Sherman and Morrison's formula (precision⁻¹ + freedom e eᵀ)⁻¹ = precision - less c cᵀ, with
    e the last unit vector, c the last row of `precision`, less = freedom / (1 + freedom c_last).
    """
    n_features = factors.shape[1]
    c = precision[n_features - 1]
    size = n_features + 1
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
        _factorise(A, size, ONE, x)
        for f in range(n_features):
            A[1 + f, 0] += noise[i, f]
        _substitute(A, size, ONE, x)
        for f in range(n_features):
            draw[i, f] = x[1 + f]
        squared_error[i] = _squared_error(columns, residuals, factors, column_bias, x)


@compiled
def _place(row, column, residual, free, column_out, residual_out):
    """Counting sort: put each rating at the next free place of its row."""
    for n in range(len(row)):
        at = free[row[n]]
        free[row[n]] = at + 1
        column_out[at] = column[n]
        residual_out[at] = residual[n]
