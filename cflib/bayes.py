"""Bayesian matrix factorisation: not one model, but many that the ratings allow.

A Gibbs sampler walks through the models that are plausible given the ratings. Each step draws one
group of unknowns from what the ratings and all the others say of it: the films, the users, the
distribution that films and users come from, and how noisy each user is. The mean over the models
it visits predicts better than any one of them, and their spread says how sure the mean is.

What is known of films and users besides the ratings (genres, years, who rated what) moves the
middle of the distribution that each of them comes from. The weights of these features are never
held: only the shift G = F β is, whose posterior is diagonal in the singular vectors of F, found
once.
"""

from __future__ import annotations

import dataclasses
import time
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.sparse
import scipy.special
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from . import normalize, solve
from ._fitting import HISTORY, check_arguments
from .data import Ratings
from .model import FactorModel

NOISE_SHAPE = 10.0  # how alike users' noises are: the degrees of freedom of their distribution
MASK_DAMPING = 20.0  # ratings; a film with one rating would else be described by one person
VAGUE = 1e-3  # of the Gamma priors of scales: as good as none


def fit_bayes(
    ratings: Ratings,
    *,
    n_features: int = 16,
    sweeps: int = 250,
    burn_in: int = 50,
    n_samples: int = 100,
    who_rated_what: bool = True,
    movie_features=None,
    user_features=None,
    seed: int = 42,
    validation: Ratings | None = None,
    progress: bool = False,
) -> BayesModel:
    """Sample from the posterior of a factorisation with biases, by Gibbs sampling.

        r_ij ~ N(m + x_i·w_j + b_j + c_i, 1 / α_j)
        (x_i, c_i) ~ N(μ + β_1ᵀ f_i1 + …, Λ⁻¹),   (w_j, b_j) likewise with its own μ, Λ, β
        (μ, Λ) normal-Wishart,   β_F ~ N(0, Λ⁻¹ / λ_F),   λ_F, α_j Gamma
        and the variance of c_i larger by υ / (1 + n_i), of b_j by its υ / (1 + n_j), 1/υ Gamma

    There is no λ to choose: the precisions Λ take its place, and are sampled with the rest.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    n_features : int
        Columns of x and w.
    sweeps, burn_in : int
        Draws of everything, and how many of them are thrown away first.
    n_samples : int
        How many of the remaining draws the model keeps, evenly spaced; its prediction is the
        mean over them.
    who_rated_what : bool
        Give each film its raters, and each user their films, as features: rows of the mask, over
        √(20 + their number of ratings). SVD++ learns from the same.
    movie_features, user_features : (n_movies, p), (n_users, q) or None
        More features, dense or sparse; `film_features` makes a table from titles and genres.
    seed : int
        The same seed gives the same samples, whatever the number of threads.
    validation : Ratings or None
        Ratings on the same axes; the history has the RMSE of the mean over the draws so far.
    progress : bool
        Show a progress bar.

    Returns
    -------
    BayesModel
        A `FactorModel` that also knows how sure it is. Row t of its history is draw t: `cost` is
        ½ Σ e² of that draw, `noise` the typical standard deviation of a rating, in stars.

    Raises
    ------
    ValueError
        As `fit_als`; and for a burn-in that leaves fewer than `n_samples` draws, or features with
        another number of rows.

    Source: Salakhutdinov & Mnih (2008), "Bayesian probabilistic matrix factorization using Markov
    chain Monte Carlo"; Simm et al. (2015), "Macau: scalable Bayesian multi-relational
    factorization with side information using MCMC"; chapter 08.
    """
    check_arguments(ratings, n_features, 0, sweeps, "sweeps", validation, None)
    if not 1 <= n_samples <= sweeps - burn_in or burn_in < 0:
        raise ValueError(
            f"`n_samples` should be from 1 to `sweeps` - `burn_in`. Received: {n_samples}, with "
            f"{sweeps} sweeps and a burn-in of {burn_in}"
        )
    settings = {
        "solver": "bayes", "n_features": n_features, "sweeps": sweeps, "burn_in": burn_in,
        "n_samples": n_samples, "who_rated_what": who_rated_what, "seed": seed,
    }  # fmt: skip
    start = time.perf_counter()
    kept_at = np.linspace(burn_in + 1, sweeps, n_samples).round().astype(int).tolist()
    kept, rows, running = [], [], _RunningMean(validation)
    # Many small products, between which BLAS's threads would wait for each other.
    with threadpool_limits(1, "blas"):
        features = _features(ratings, who_rated_what, movie_features, user_features)
        chain = _Chain(ratings, n_features, *features, np.random.default_rng(seed))
        for sweep in tqdm(range(1, sweeps + 1), desc="Gibbs", unit="sweep", disable=not progress):
            squared_error = chain.sweep()
            if sweep > burn_in:
                running.add(chain)
            if sweep in kept_at:
                kept.append(chain.sample())
            seconds = time.perf_counter() - start
            rows.append([sweep, squared_error / 2, running.rmse(), seconds, chain.scale**-0.5])
    return BayesModel.of_samples(
        ratings, kept, settings, pd.DataFrame(rows, columns=[*HISTORY, "noise"])
    )


def film_features(ratings: Ratings) -> np.ndarray:
    """What titles, genres and counts say of the films: float64, (n_movies, p).

    A column for each genre and each decade (from the year that ends a title), 0 or 1, and the
    logarithm of one more than the film's number of ratings: give training ratings.
    """
    movies = ratings.movies
    genres = movies["genres"].astype(str).str.get_dummies("|")
    year = movies["title"].astype(str).str.extract(r"\((\d{4})\)\s*$", expand=False)
    decades = pd.get_dummies(year.str[:3].fillna("unknown"))
    counts = np.log1p(ratings.movie_counts)[:, None] / 2
    return np.hstack([genres.to_numpy(np.float64), decades.to_numpy(np.float64), counts])


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BayesModel(FactorModel):
    """The mean over samples of factorisations, as one `FactorModel`, and their spread.

    A mean of n products x_s·w_s is one product of vectors n times as long, so everything that a
    `FactorModel` does is done on the mean.

    Attributes
    ----------
    sample_c, sample_b : float32, (n_samples, n_movies), (n_samples, n_users)
        Film and user biases of each sample.
    sample_noise : float32, (n_samples, n_users)
        Variance of a user's ratings around the sample's prediction, in squared stars.
    """

    sample_c: np.ndarray
    sample_b: np.ndarray
    sample_noise: np.ndarray

    EXTRA: ClassVar = ("sample_c", "sample_b", "sample_noise")

    @classmethod
    def of_samples(cls, ratings: Ratings, samples, settings, history) -> BayesModel:
        """The model of a list of samples (films, users, noise), as `_Chain.sample` makes them."""
        films, users = (np.stack([sample[side] for sample in samples]) for side in (0, 1))
        noise = np.stack([sample[2] for sample in samples])
        X, W = (_joined(side[:, :, :-1]) for side in (films, users))
        c, b = films[:, :, -1], users[:, :, -1]
        return cls.trained(
            ratings,
            normalize.fit(ratings, "global"),
            X,
            W,
            b.mean(axis=0)[None, :],
            c.mean(axis=0)[:, None],
            settings,
            history,
            sample_c=np.ascontiguousarray(c),
            sample_b=np.ascontiguousarray(b),
            sample_noise=noise,
        )

    @property
    def n_samples(self) -> int:
        return len(self.sample_noise)

    def blocks(self, factors) -> np.ndarray:
        """X or W taken apart into the samples': (n_samples, n_rows, features of one sample)."""
        k = self.n_features // self.n_samples
        apart = factors.reshape(len(factors), self.n_samples, k).transpose(1, 0, 2)
        return apart * np.float32(np.sqrt(self.n_samples))

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for the average user: float32, (n_movies,), not clipped."""
        return super().score_new_user() + self.b.mean() + self.X @ self.W.mean(axis=0)

    def samples(self, movie_index, user_index) -> np.ndarray:
        """Each sample's prediction, not clipped: float32, (n_samples, n)."""
        k = self.n_features // self.n_samples
        result = np.empty((self.n_samples, len(movie_index)), np.float32)
        base = self.normalization.baseline(movie_index, user_index)
        for s in range(self.n_samples):
            x = self.X[:, s * k : (s + 1) * k][movie_index]
            w = self.W[:, s * k : (s + 1) * k][user_index]
            result[s] = self.n_samples * np.einsum("nk,nk->n", x, w) + base
            result[s] += self.sample_c[s, movie_index] + self.sample_b[s, user_index]
        return result

    def predict_std(self, movie_index, user_index, noise: bool = False) -> np.ndarray:
        """Posterior standard deviation of the predictions, in stars: float32, (n,).

        Without `noise` it is that of the expected rating; with it, that of a rating given.
        """
        variance = self.samples(movie_index, user_index).var(axis=0)
        if noise:
            variance += self.sample_noise[:, user_index].mean(axis=0)
        return np.sqrt(variance)

    def predict_interval(self, movie_index, user_index, level: float = 0.9):
        """(low, high) between which a rating lies with probability `level`; float32, (n,) each.

        From the normal distribution with the predictive mean and variance, clipped to the scale.
        """
        middle = self.predict(movie_index, user_index, clip=False)
        half = scipy.special.ndtri((1 + level) / 2) * self.predict_std(
            movie_index, user_index, noise=True
        )
        return tuple(np.clip(end, *self.scale) for end in (middle - half, middle + half))


# Somebody new -------------------------------------------------------------------------------


class Population(NamedTuple):
    """Whom each sample expects in a new user: coefficients (w, b) ~ N(mean, precision⁻¹).

    mean : float64, (n_samples, k + 1);  precision : float64, (n_samples, k + 1, k + 1)
    weight : float64, (n_samples,), 1 / variance of a new user's ratings
    """

    mean: np.ndarray
    precision: np.ndarray
    weight: np.ndarray


def population(model: BayesModel) -> Population:
    """The middle and the spread of the users of each sample: what a stranger is drawn from.

    What users are known by besides their ratings (who rated what) is part of that spread.
    """
    users = np.concatenate(
        [model.blocks(model.W).astype(np.float64), model.sample_b[:, :, None]], axis=2
    )
    mean = users.mean(axis=1)
    apart = users - mean[:, None]
    k = users.shape[2]
    covariance = np.einsum("sju,sjv->suv", apart, apart) / users.shape[1] + 1e-9 * np.eye(k)
    weight = (1 / model.sample_noise.astype(np.float64)).mean(axis=1)
    return Population(mean, np.linalg.inv(covariance), weight)


def fold_in(model: BayesModel, ratings: Ratings, seed: int = 0) -> BayesModel:
    """The same films with the users of `ratings`, each drawn once from every sample's posterior.

        (w, b) ~ N(P⁻¹ (Λ μ + α Σ_n v_n r_n), P⁻¹),   P = Λ + α Σ_n v_n v_nᵀ

    with v = (x, 1) and r what the mean and the film's bias leave of a rating; μ, Λ, α from
    `population`. As `train.fold_in`, which calls this. `inspection.fold_in` gives one user's
    posterior exactly, without draws.

    Parameters
    ----------
    model : BayesModel
    ratings : Ratings
        Of new users, or more ratings of known ones, on the model's films.
    seed : int
        Of the draws.

    Source: `solve.sample_rows`, which does it.
    """
    rng, people = np.random.default_rng(seed), population(model)
    means = normalize.for_users(model.normalization, ratings)
    rows = solve.by_row(
        ratings.user_index, ratings.movie_index, means.subtract(ratings), ratings.n_users
    )
    films, n = model.blocks(model.X), ratings.n_users
    users = np.empty((model.n_samples, n, films.shape[2] + 1), np.float32)
    for s in range(model.n_samples):
        shift = np.broadcast_to(people.precision[s] @ people.mean[s], users.shape[1:])
        noise = rng.standard_normal(users.shape[1:], np.float32)
        users[s], _ = solve.sample_rows(
            rows, np.insert(films[s], films.shape[2], 1, axis=1), model.sample_c[s],
            np.full(n, people.weight[s]), people.precision[s], shift, noise,
        )  # fmt: skip
    b = np.ascontiguousarray(users[:, :, -1])
    return dataclasses.replace(
        model,
        W=_joined(users[:, :, :-1]),
        b=b.mean(axis=0)[None, :],
        normalization=means,
        user_ids=ratings.user_ids,
        sample_b=b,
        sample_noise=np.repeat(1 / people.weight[:, None], n, axis=1).astype(np.float32),
    )


# The sampler --------------------------------------------------------------------------------


class _Chain:
    """The state of the sampler: both sides, and each user's precision α_j around `scale`."""

    def __init__(self, ratings: Ratings, n_features: int, movie_features, user_features, rng):
        self.rng = rng
        self.mean = np.float32(ratings.value.mean(dtype=np.float64))
        residual = ratings.value - self.mean
        i, j = ratings.movie_index, ratings.user_index
        self.of_movie = solve.by_row(i, j, residual, ratings.n_movies)
        self.of_user = solve.by_row(j, i, residual, ratings.n_users)
        self.movies = Side(ratings.movie_counts, n_features + 1, movie_features, rng)
        self.users = Side(ratings.user_counts, n_features + 1, user_features, rng)
        self.user_counts = ratings.user_counts
        self.alpha, self.scale = np.ones(ratings.n_users), 1.0

    def sweep(self) -> float:
        """Draw the films, the users and the noises; returns the squared error of the draw."""
        # A rating's weight is its user's α, so for the films the users' rows are scaled by √α.
        root = np.sqrt(self.alpha).astype(np.float32)
        factors, bias = _design(self.users.values)
        rows = self.of_movie._replace(residual=self.of_movie.residual * root[self.of_movie.column])
        ones = np.ones(len(self.movies.values), np.float32)
        prior = self.movies.draw_prior()
        self.movies.draw_rows(rows, factors * root[:, None], bias * root, ones, *prior)

        factors, bias = _design(self.movies.values)
        prior = self.users.draw_prior()
        squared_error = self.users.draw_rows(self.of_user, factors, bias, self.alpha, *prior)
        self._draw_noise(squared_error)
        return float(squared_error.sum())

    def _draw_noise(self, squared_error):
        """α_j ~ Gamma with mean `scale` and shape NOISE_SHAPE / 2, and then `scale` itself."""
        rate = (NOISE_SHAPE / self.scale + squared_error) / 2
        self.alpha = self.rng.gamma((NOISE_SHAPE + self.user_counts) / 2) / rate
        shape = 1 + len(self.alpha) * NOISE_SHAPE / 2
        self.scale = (1 + NOISE_SHAPE / 2 * self.alpha.sum()) / self.rng.gamma(shape)

    def sample(self):
        return self.movies.values, self.users.values, (1 / self.alpha).astype(np.float32)

    def predict(self, movie_index, user_index):
        x, w = self.movies.values[movie_index], self.users.values[user_index]
        return self.mean + np.einsum("nk,nk->n", x[:, :-1], w[:, :-1]) + x[:, -1] + w[:, -1]


class _RunningMean:
    """The mean prediction of validation ratings over the draws so far, and its RMSE."""

    def __init__(self, validation: Ratings | None):
        self.validation, self.total, self.n = validation, 0.0, 0

    def add(self, chain: _Chain) -> None:
        if self.validation is not None:
            self.total += chain.predict(self.validation.movie_index, self.validation.user_index)
            self.n += 1

    def rmse(self) -> float:
        if not self.n:
            return np.nan
        predicted = np.clip(self.total / self.n, *self.validation.scale)
        return float(np.sqrt(np.mean((predicted - self.validation.value) ** 2)))


def _joined(samples) -> np.ndarray:
    """Factors of every sample, (n_samples, n_rows, k), as one matrix: see `BayesModel`."""
    n, n_rows, _ = samples.shape
    return (samples.transpose(1, 0, 2).reshape(n_rows, -1) / np.sqrt(n)).astype(np.float32)


def _design(values):
    """One side's rows as the other's regressors: the bias column becomes ones, and its own term."""
    factors = values.copy()
    factors[:, -1] = 1
    return factors, values[:, -1]


def _features(ratings: Ratings, who_rated_what, movie_features, user_features):
    """The lists of feature matrices of both sides, checked."""
    movies, users = [], []
    if who_rated_what:
        mask = scipy.sparse.csr_matrix(
            (np.ones(len(ratings)), (ratings.movie_index, ratings.user_index)),
            shape=(ratings.n_movies, ratings.n_users),
        )
        for found, rated, counts in (
            (movies, mask, ratings.movie_counts),
            (users, mask.T, ratings.user_counts),
        ):
            found.append(scipy.sparse.diags((MASK_DAMPING + counts) ** -0.5) @ rated)
    for name, given, found, n in (
        ("movie_features", movie_features, movies, ratings.n_movies),
        ("user_features", user_features, users, ratings.n_users),
    ):
        if given is None:
            continue
        if given.shape[0] != n:
            raise ValueError(f"`{name}` should have {n} rows. Received: shape {given.shape}")
        found.append(given)
    return movies, users


class Side:
    """The films, or the users: their coefficients, and the normal distribution they come from.

    Row i has the prior N(mean + Σ_F G_F[i] + d_i e, precision⁻¹), with mean and precision from a
    normal-Wishart, and a block G_F = F β for every feature matrix F, β normal with the
    covariance precision⁻¹ / ridge_F. The last column is the bias, e its unit vector, and
    d_i ~ N(0, spread / (1 + n_i)): what few have rated may be further from what its features say.
    """

    def __init__(self, counts, n_columns: int, features, rng):
        self.rng = rng
        self.values = 0.1 * rng.standard_normal((len(counts), n_columns), np.float32)
        self.values[:, -1] = 0
        self.blocks = [Block(F, n_columns) for F in features]
        self.share, self.spread = 1 / (1 + counts), 0.1
        self.d = np.zeros(len(counts))

    def draw_prior(self):
        """Draw mean, precision and blocks given the rows; returns what `sample_rows` takes."""
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
        root = np.linalg.cholesky(precision)
        mean = n * middle / (n + 2) + _correlated(root, rng.standard_normal((1, k))) / np.sqrt(
            n + 2
        )
        for block in blocks:
            others = sum(other.shift for other in blocks if other is not block)
            block.draw(values - mean - others, root, rng)
        prior_mean = mean + sum(block.shift for block in blocks)
        shift = np.broadcast_to(prior_mean @ precision, values.shape)
        return precision, shift

    def draw_rows(self, rows, factors, column_bias, weight, precision, shift):
        """Draw the rows given the other side, whatever d; returns each row's squared error."""
        noise = self.rng.standard_normal(self.values.shape, np.float32)
        self.values, squared_error = solve.sample_rows(
            rows, factors, column_bias, weight, precision, shift, noise, self.spread * self.share
        )
        self._draw_d(precision, shift)
        return squared_error

    def _draw_d(self, precision, shift):
        """What part of the rows' distance from the middle is d, and then how large d may be."""
        of_bias = precision[-1]
        variance = 1 / (1 / (self.spread * self.share) + of_bias[-1])
        mean = variance * (self.values @ of_bias - shift[:, -1])
        self.d = mean + np.sqrt(variance) * self.rng.standard_normal(len(mean))
        size = (self.d**2 / self.share).sum()
        self.spread = (VAGUE + size / 2) / self.rng.gamma(VAGUE + len(mean) / 2)


class Block:
    """One feature matrix F and the shift G = F β that it causes, in F's singular vectors.

    With F = Q D^½ Vᵀ, G = Q g, and the prior of row l of g is N(0, d_l precision⁻¹ / ridge):
    the rows of g are independent, a posteriori too.
    """

    def __init__(self, features, n_columns: int):
        F = scipy.sparse.csr_matrix(features, dtype=np.float64)
        if F.shape[0] <= F.shape[1]:
            square, left = np.linalg.eigh((F @ F.T).toarray())
        else:
            square, right = np.linalg.eigh((F.T @ F).toarray())
            left = (F @ right) / np.sqrt(np.maximum(square, 1e-300))
        real = square > 1e-6 * square.max()
        self.square, self.left = square[real], np.ascontiguousarray(left[:, real])
        self.rank = int(real.sum())
        self.ridge = 5 * self.square.mean()
        self.shift = np.zeros((F.shape[0], n_columns))
        self.g = np.zeros((self.rank, n_columns))

    def scatter(self):
        """What β says of the rows' precision."""
        return self.ridge * (self.g / self.square[:, None]).T @ self.g

    def draw(self, values, root, rng):
        """Draw g given the rows less all else that shifts them, and then the ridge given g."""
        share = (self.square / (self.square + self.ridge))[:, None]
        noise = _correlated(root, rng.standard_normal(self.g.shape))
        self.g = share * (self.left.T @ values) + np.sqrt(share) * noise
        self.shift = self.left @ self.g
        size = (((self.g @ root) ** 2).sum(axis=1) / self.square).sum()
        self.ridge = rng.gamma(VAGUE + self.g.size / 2) / (VAGUE + size / 2)


def _correlated(root, noise):
    """Rows of standard normal `noise` turned into rows of N(0, (root rootᵀ)⁻¹)."""
    return scipy.linalg.solve_triangular(root, noise.T, lower=True, trans="T").T
