"""The Gibbs sampler of `fit_bayes`: one group of unknowns after the other, each given the rest.

`draw_row` is the definition of the step that takes nearly all the time, in NumPy; `_kernels`
runs the same draw, compiled, for all rows. `Chain` is the state of the sampler: two sides, the
movies and the users, and how noisy each user is. `Side` is one side and the distribution that its
rows come from. `Block` is what one feature matrix adds to the middle of that distribution.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.sparse

from .. import _kernels
from ..ratings import Ratings

NOISE_SHAPE = 10.0  # how alike users' noises are: the degrees of freedom of their distribution
VAGUE = 1e-3  # shape and rate of the Gamma priors of scales: they say next to nothing
SPREAD_SHAPE, SPREAD_RATE = 1.0, 0.1  # of 1 / spread: says that it is about 0.1, or larger
START = 2.0  # length of a row's features at the start: from below the way is longer
EXACT_LIMIT = 1_000  # rows or columns of a feature matrix, of which all singular vectors are used
LEADING, EXTRA, PASSES = 200, 20, 3  # of a larger one: vectors used, vectors beside, iterations


def draw_row(
    V: np.ndarray,
    residual: np.ndarray,
    weight: float,
    precision: np.ndarray,
    shift: np.ndarray,
    noise: np.ndarray,
) -> np.ndarray:
    """Draw one row's coefficients w given the other side.

    The prior is N(Λ⁻¹ h, Λ⁻¹), and the row's ratings are V w with the variance 1 / α. So the
    posterior is N(P⁻¹ (h + α Vᵀ r), P⁻¹) with

        P = Λ + α VᵀV

    and with P = LᵀL a draw is its mean plus L⁻¹ z, where z is standard normal. ALS would take the
    mean and go on.

    Parameters
    ----------
    V : float64, (n, k)
        Factor rows of the row's n ratings.
    residual : float64, (n,)
        r, the ratings less everything that V w does not explain.
    weight : float
        α.
    precision, shift : float64, (k, k), (k,)
        Λ and h.
    noise : float64, (k,)
        z; where it is 0, the draw is the mean.

    Returns
    -------
    float64, (k,)

    References
    ----------
    Salakhutdinov & Mnih (2008), "Bayesian probabilistic matrix factorization using Markov chain
    Monte Carlo", equations 11 to 13; chapter 08.
    """
    P = precision + weight * V.T @ V
    mean = np.linalg.solve(P, shift + weight * V.T @ residual)
    L = np.linalg.cholesky(P[::-1, ::-1])[::-1, ::-1].T  # the lower L with P = LᵀL
    return mean + np.linalg.solve(L, noise)


class Chain:
    """The state of the sampler: both sides, and each user's precision α_j around `scale`.

    Parameters
    ----------
    ratings : Ratings
    n_features : int
    movie_features, user_features : list of (square, left)
        Of each feature matrix, what `singular_vectors` returns; several chains may share them.
    rng : numpy.random.Generator
        All random numbers are drawn from it.
    """

    def __init__(
        self,
        ratings: Ratings,
        n_features: int,
        movie_features: list,
        user_features: list,
        rng: np.random.Generator,
    ):
        self.rng = rng
        self.mean = np.float32(ratings.value.mean(dtype=np.float64))
        residual = ratings.value - self.mean
        i, j = ratings.movie_index, ratings.user_index
        self.of_movie = _kernels.by_row(i, j, residual, ratings.n_movies)
        self.of_user = _kernels.by_row(j, i, residual, ratings.n_users)
        self.movies = Side(ratings.movie_counts, n_features + 1, movie_features, rng)
        self.users = Side(ratings.user_counts, n_features + 1, user_features, rng)
        self.user_counts = ratings.user_counts
        self.alpha, self.scale = np.ones(ratings.n_users), 1.0

    def draw(self) -> float:
        """Draw the movies, the users and the noises, each given the rest.

        Returns
        -------
        float
            Σ e² over the ratings, at this draw.
        """
        # A rating's weight is its user's α, so for the movies the users' rows are scaled by √α.
        root = np.sqrt(self.alpha).astype(np.float32)
        factors, bias = self.users.as_regressors()
        ones = np.ones(len(self.movies.values), np.float32)
        prior = self.movies.draw_prior()
        rows = self.of_movie.times(root)
        self.movies.draw_rows(rows, factors * root[:, None], bias * root, ones, *prior)

        factors, bias = self.movies.as_regressors()
        prior = self.users.draw_prior()
        squared_error = self.users.draw_rows(self.of_user, factors, bias, self.alpha, *prior)
        self.draw_noise(squared_error)
        self.draw_scales()
        return float(squared_error.sum())

    def draw_noise(self, squared_error: np.ndarray) -> None:
        """Draw α_j ~ Gamma with mean `scale` and shape NOISE_SHAPE / 2, and then `scale` itself."""
        rate = (NOISE_SHAPE / self.scale + squared_error) / 2
        self.alpha = self.rng.gamma((NOISE_SHAPE + self.user_counts) / 2) / rate
        shape = 1 + len(self.alpha) * NOISE_SHAPE / 2
        self.scale = (1 + NOISE_SHAPE / 2 * self.alpha.sum()) / self.rng.gamma(shape)

    def draw_scales(self) -> None:
        """Draw each feature's scale: x_f · s and w_f / s are as likely as x_f and w_f.

        Everything of a feature is multiplied, so only the Wishart priors of the precisions change:
        the density of u = s² is exp(-(u Λ'_ff + Λ_ff / u) / 2) / u. One side after the other would
        take hundreds of iterations to get there.

        References
        ----------
        Liu & Sabatti (2000), "Generalised Gibbs sampler and multigrid Monte Carlo for Bayesian
        computation".
        """
        from scipy import stats

        of_x, of_w = (np.diag(side.precision)[:-1] for side in (self.movies, self.users))
        u = np.sqrt(of_x / of_w)
        u = u * stats.geninvgauss.rvs(0, np.sqrt(of_x * of_w), random_state=self.rng)
        self.movies.multiply(np.sqrt(u))
        self.users.multiply(1 / np.sqrt(u))

    def sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The movies' rows, the users' rows, and the variance of each user's ratings."""
        return self.movies.values, self.users.values, (1 / self.alpha).astype(np.float32)

    def scales(self) -> list[float]:
        """What is drawn besides the rows and is one number: see `BayesModel.diagnostics`."""
        sides = self.movies, self.users
        ridges = [block.ridge for side in sides for block in side.blocks]
        return [self.scale**-0.5, *(side.spread for side in sides), *ridges]

    def predict(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """What this draw alone predicts for pairs, not clipped: float32, (n,)."""
        x, w = self.movies.values[movie_index], self.users.values[user_index]
        return self.mean + np.einsum("nk,nk->n", x[:, :-1], w[:, :-1]) + x[:, -1] + w[:, -1]


class Side:
    """The movies, or the users: their coefficients, and the normal distribution they come from.

    Row i has the prior N(mean + Σ_F G_F[i] + d_i e, precision⁻¹). Mean and precision are from a
    normal-Wishart. Every feature matrix F adds a block G_F = F β, with β normal with the covariance
    precision⁻¹ / ridge_F. The last column is the bias, e is its unit vector, and
    d_i ~ N(0, spread / (1 + n_i)): a row with few ratings may be further from what features say.

    Parameters
    ----------
    counts : int64, (n_rows,)
        Number of each row's ratings, n_i.
    n_columns : int
        Features and the bias.
    features : list of (square, left)
        Of each feature matrix, what `singular_vectors` returns.
    rng : numpy.random.Generator
    """

    def __init__(
        self, counts: np.ndarray, n_columns: int, features: list, rng: np.random.Generator
    ):
        self.rng = rng
        self.values = rng.standard_normal((len(counts), n_columns), np.float32)
        self.values *= np.float32(START / np.sqrt(n_columns))
        self.values[:, -1] = 0
        self.blocks = [Block(square, left, n_columns) for square, left in features]
        self.share, self.spread = 1 / (1 + counts), 0.1
        self.d = np.zeros(len(counts))
        self.precision = np.eye(n_columns)

    def as_regressors(self) -> tuple[np.ndarray, np.ndarray]:
        """What the other side is regressed on: factors with a column of ones, and the biases."""
        factors = self.values.copy()
        factors[:, -1] = 1
        return factors, self.values[:, -1]

    def draw_prior(self) -> tuple[np.ndarray, np.ndarray]:
        """Draw mean, precision and blocks given the rows; returns (precision, shift)."""
        from scipy import stats  # here, because it is slow to load and only this needs it

        values, blocks, rng = self.values.astype(np.float64), self.blocks, self.rng
        values[:, -1] -= self.d
        n, k = values.shape
        left = values - sum(block.shift for block in blocks)
        middle = left.mean(axis=0)
        scatter = (left - middle).T @ (left - middle)
        scatter += np.eye(k) + n * 2 / (n + 2) * np.outer(middle, middle)
        freedom = k + n
        for block in blocks:
            scatter += block.scatter()
            freedom += block.rank
        precision = stats.wishart.rvs(
            freedom, scipy.linalg.inv((scatter + scatter.T) / 2), random_state=rng
        ).reshape(k, k)
        self.precision = precision
        root = np.linalg.cholesky(precision)
        noise = _correlated(root, rng.standard_normal((1, k)))
        mean = n * middle / (n + 2) + noise / np.sqrt(n + 2)
        for block in blocks:
            others = sum(other.shift for other in blocks if other is not block)
            block.draw(values - mean - others, root, rng)
        prior_mean = mean + sum(block.shift for block in blocks)
        shift = np.broadcast_to(prior_mean @ precision, values.shape)
        return precision, shift

    def draw_rows(
        self,
        rows: _kernels.Rows,
        factors: np.ndarray,
        column_bias: np.ndarray,
        weight: np.ndarray,
        precision: np.ndarray,
        shift: np.ndarray,
    ) -> np.ndarray:
        """Draw the rows given the other side, whatever d is; returns each row's squared error."""
        noise = self.rng.standard_normal(self.values.shape, np.float32)
        freedom = self.spread * self.share
        self.values, squared_error = _kernels.sample_rows(
            rows, factors, column_bias, weight, precision, shift, noise, freedom
        )
        self.draw_distances(precision, shift)
        return squared_error

    def draw_distances(self, precision: np.ndarray, shift: np.ndarray) -> None:
        """Draw the spread whatever d is, then d, the part of a bias that no feature explains."""
        of_bias = precision[-1]
        apart = (self.values @ of_bias - shift[:, -1]) / of_bias[-1]

        def log_density(log_spread: float) -> float:
            variance = 1 / of_bias[-1] + np.exp(log_spread) * self.share
            likelihood = -(np.log(variance) + apart**2 / variance).sum() / 2
            return likelihood - SPREAD_SHAPE * log_spread - SPREAD_RATE * np.exp(-log_spread)

        self.spread = np.exp(slice_draw(log_density, np.log(self.spread), self.rng))
        prior = self.spread * self.share
        part = prior * of_bias[-1] / (1 + prior * of_bias[-1])
        self.d = part * apart + np.sqrt(part / of_bias[-1]) * self.rng.standard_normal(len(apart))

    def multiply(self, scales: np.ndarray) -> None:
        """Multiply every feature, and what shifts it, by its scale; the bias stays as it is."""
        scales = np.append(scales, 1)
        self.values = self.values * scales.astype(np.float32)
        for block in self.blocks:
            block.g, block.shift = block.g * scales, block.shift * scales


class Block:
    """One feature matrix F and the shift G = F β that it causes, in F's singular vectors.

    With F = Q D^½ Vᵀ, G = Q g, and the prior of row l of g is N(0, d_l precision⁻¹ / ridge).
    So the rows of g are independent, in the posterior too, and β itself is never needed. Of a
    large F only the leading singular vectors are used: see `singular_vectors`.
    """

    def __init__(self, square: np.ndarray, left: np.ndarray, n_columns: int):
        self.square, self.left = square, left
        self.rank = len(self.square)
        self.ridge = 5 * self.square.mean()
        self.shift = np.zeros((len(left), n_columns))
        self.g = np.zeros((self.rank, n_columns))

    def scatter(self) -> np.ndarray:
        """What β says of the rows' precision: float64, (n_columns, n_columns)."""
        return self.ridge * (self.g / self.square[:, None]).T @ self.g

    def draw(self, values: np.ndarray, root: np.ndarray, rng: np.random.Generator) -> None:
        """Draw the ridge whatever g is, then g, given the rows less all else that shifts them."""
        seen = self.left.T @ values
        self.draw_ridge(seen, root, rng)
        share = (self.square / (self.square + self.ridge))[:, None]
        noise = _correlated(root, rng.standard_normal(self.g.shape))
        self.g = share * seen + np.sqrt(share) * noise
        self.shift = self.left @ self.g

    def draw_ridge(self, seen: np.ndarray, root: np.ndarray, rng: np.random.Generator) -> None:
        """Draw the ridge: each row of `seen`, times `root`, has the variance 1 + d_l / ridge."""
        size = ((seen @ root) ** 2).sum(axis=1)

        def log_density(log_ridge: float) -> float:
            variance = 1 + self.square * np.exp(-log_ridge)
            likelihood = -(len(root) * np.log(variance) + size / variance).sum() / 2
            return likelihood + VAGUE * (log_ridge - np.exp(log_ridge))

        self.ridge = np.exp(slice_draw(log_density, np.log(self.ridge), rng))


def slice_draw(
    log_density: Callable[[float], float], x: float, rng: np.random.Generator, width: float = 1.0
) -> float:
    """Draw a number whose density is known up to a factor, from the one before.

    A height is drawn below the density at x, and then a number among those whose density is above
    it: an interval around x is widened until both ends are below, and narrowed at each miss.

    References
    ----------
    Neal (2003), "Slice sampling", figures 3 and 5.
    """
    height = log_density(x) - rng.exponential()
    low = x - width * rng.random()
    high = low + width
    while log_density(low) > height:
        low -= width
    while log_density(high) > height:
        high += width
    while True:
        drawn = rng.uniform(low, high)
        if log_density(drawn) > height:
            return drawn
        low, high = (drawn, high) if drawn < x else (low, drawn)


def singular_vectors(features: np.ndarray | scipy.sparse.spmatrix) -> tuple[np.ndarray, np.ndarray]:
    """The squares of F's singular values, and its left singular vectors.

    All of them where the smaller side of F is at most `EXACT_LIMIT`: the time grows with its cube.
    Of a larger F the `LEADING` ones, by subspace iteration from a random start, whose time and
    memory are in proportion to the entries and the rows of F. What is left out is shrunk most by
    the ridge anyway.

    Parameters
    ----------
    features : (n, p), dense or sparse
        F.

    Returns
    -------
    square : float64, (rank,)
    left : float64, (n, rank)

    References
    ----------
    Halko, Martinsson & Tropp (2011), "Finding structure with randomness", algorithm 4.4.
    """
    F = scipy.sparse.csr_matrix(features, dtype=np.float64)
    if min(F.shape) > EXACT_LIMIT:
        start = np.random.default_rng(0).standard_normal((F.shape[1], LEADING + EXTRA))
        basis = np.linalg.qr(F @ start)[0]
        for _ in range(PASSES):
            basis = np.linalg.qr(F.T @ basis)[0]
            basis = np.linalg.qr(F @ basis)[0]
        left, values, _ = np.linalg.svd((F.T @ basis).T, full_matrices=False)
        left, square = (basis @ left)[:, :LEADING], values[:LEADING] ** 2
    elif F.shape[0] <= F.shape[1]:
        square, left = np.linalg.eigh((F @ F.T).toarray())
    else:
        square, right = np.linalg.eigh((F.T @ F).toarray())
        left = (F @ right) / np.sqrt(np.maximum(square, 1e-300))
    real = square > 1e-6 * square.max()
    return square[real], np.ascontiguousarray(left[:, real])


def _correlated(root: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Turn rows of standard normal `noise` into rows of N(0, (root rootᵀ)⁻¹)."""
    return scipy.linalg.solve_triangular(root, noise.T, lower=True, trans="T").T
