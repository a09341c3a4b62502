"""Bayesian matrix factorisation: not one model, but many that the ratings allow.

The Gibbs sampler of `gibbs` visits models that are plausible given the ratings. The mean over the
models that it visits predicts better than any one of them, and their spread says how sure the mean
is.

What is known of movies and users besides the ratings (genres, years, who rated what) moves the
middle of the distribution that each of them comes from.
"""

from __future__ import annotations

import dataclasses
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, NamedTuple, NoReturn, Self, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse
import scipy.special
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from .. import _kernels, normalize
from .._checks import check_movies
from .._training import HISTORY, Validation
from ..model import INTERVALS, ORDER, STARS, FactorModel, Population, Response
from ..ratings import Ratings
from ..settings import Settings, setting
from .convergence import LEAST, ess, r_hat
from .gibbs import Chain, singular_vectors
from .stars import MOST_VALUES, counts, habits, probabilities, usual_habits

Features: TypeAlias = np.ndarray | scipy.sparse.spmatrix
N_TRACED = 100  # predictions that are followed from draw to draw
BLOCK = 1 << 20  # ratings whose probabilities are in memory at a time
R_HAT_LIMIT = 1.1  # below it chains agree: of the noise, and of 95 of 100 predictions


class ConvergenceWarning(UserWarning):
    """`fit_bayes` ended before its chains agreed."""


@dataclasses.dataclass(frozen=True)
class BayesSettings(Settings, solver="bayes"):
    """Settings of `fit_bayes`."""

    n_features: int = setting(16, "Columns of x and w.", least=1)
    chains: int = setting(2, "Samplers side by side, from different starts.", least=1)
    iterations: int = setting(200, "Draws of everything, of each chain.", least=1)
    burn_in: int = setting(60, "How many of a chain's first draws are left out.", least=0)
    n_samples: int = setting(100, "How many of the others are kept, of all chains.", least=1)
    who_rated_what: bool = setting(True, "Describe movies by their raters, users by their movies.")
    mask_damping: float = setting(20.0, "Damping of these descriptions, in ratings.", above=0)
    seed: int = setting(42, "Seed of all random numbers.", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_samples > self.chains * (self.iterations - self.burn_in):
            raise ValueError(
                f"`n_samples` should be from 1 to `chains` · (`iterations` - `burn_in`). Received: "
                f"{self.n_samples}, with {self.chains} chains, {self.iterations} iterations and a "
                f"burn-in of {self.burn_in}"
            )


def fit_bayes(
    ratings: Ratings,
    settings: BayesSettings | None = None,
    *,
    movie_features: Features | None = None,
    user_features: Features | None = None,
    validation: Ratings | None = None,
    progress: bool = False,
    **changes: Any,
) -> BayesModel:
    """Sample from the posterior of a factorisation with biases, by Gibbs sampling.

        r_ij ~ N(m + x_i·w_j + b_j + c_i, 1 / α_j)
        (x_i, c_i) ~ N(μ + β_1ᵀ f_i1 + …, Λ⁻¹),   (w_j, b_j) likewise with its own μ, Λ, β
        (μ, Λ) normal-Wishart,   β_F ~ N(0, Λ⁻¹ / λ_F),   λ_F, α_j Gamma
        and the variance of c_i larger by υ / (1 + n_i), of b_j by its υ / (1 + n_j), 1/υ Gamma

    There is no λ to choose: the precisions Λ take its place, and are sampled with the rest. Several
    chains run side by side, from different starts. A `ConvergenceWarning` says where they still
    disagree at the end: R-hat of the noise, or of more than 5 of 100 predictions, is 1.1 or more.
    What only shapes the priors (λ_F, υ) moves more slowly, and does not count.
    The same seed gives the same samples, whatever the number of threads.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    settings : BayesSettings or None
        None: the defaults. With `who_rated_what` each movie has its raters as features, and each
        user their movies: rows of the mask, over √(mask_damping + their number of ratings). SVD++
        learns from the same.
    movie_features, user_features : (n_movies, p), (n_users, q), dense or sparse, or None
        More features; `movie_features` makes a table from titles and genres.
    validation : Ratings or None
        Ratings on the same axes; the history has the RMSE of the mean over the draws so far.
    progress : bool
        Show a progress bar.
    **changes
        Fields of `BayesSettings`, such as `iterations=500`, in place of those of `settings`.

    Returns
    -------
    BayesModel
        A `FactorModel` that also knows how sure it is. Row t of its history is draw t: `cost` is
        ½ Σ e² of that draw, `noise` the typical standard deviation of a rating, in stars; both are
        means over the chains.

    Raises
    ------
    ValueError
        For a setting outside its limits, and for features with another number of rows.

    References
    ----------
    Salakhutdinov & Mnih (2008), "Bayesian probabilistic matrix factorization using Markov chain
    Monte Carlo"; Simm et al. (2015), "Macau: scalable Bayesian multi-relational factorization with
    side information using MCMC"; chapter 08.
    """
    settings = BayesSettings.chosen(settings, changes)
    Validation(ratings, validation, None)
    start, n, burn_in = time.perf_counter(), settings.iterations, settings.burn_in
    pairs = traced_pairs(ratings, settings.seed)
    rows, traces, mean = [], [], RunningMean(validation)
    samples = Samples(ratings, settings.n_features, settings.n_samples)
    # Many small products, between which BLAS's threads would wait for each other.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(settings.chains) as pool:
        sides = side_information(ratings, settings, movie_features, user_features)
        movies, users = ([singular_vectors(features) for features in side] for side in sides)
        rngs = [np.random.default_rng([settings.seed, c]) for c in range(settings.chains)]
        chains = [Chain(ratings, settings.n_features, movies, users, rng) for rng in rngs]
        kept_at = [
            dict(zip(np.linspace(burn_in + 1, n, len(of)).round().astype(int), of, strict=True))
            for of in np.array_split(np.arange(settings.n_samples), settings.chains)
        ]
        for draw in tqdm(range(1, n + 1), desc="Gibbs", unit="iteration", disable=not progress):
            squared_error = np.mean(list(pool.map(Chain.draw, chains)))
            for chain, at in zip(chains, kept_at, strict=True):
                if draw > burn_in:
                    mean.add(chain)
                if draw in at:
                    samples.keep(at[draw], chain)
            traces.append([[*chain.scales(), *chain.predict(*pairs)] for chain in chains])
            noise = np.mean([chain.scale**-0.5 for chain in chains])
            seconds = time.perf_counter() - start
            rows.append([draw, squared_error / 2, mean.rmse(), seconds, noise])
    history = pd.DataFrame(rows, columns=[*HISTORY, "noise"])
    model = BayesModel.of_samples(ratings, samples, settings, history, traces)
    model.warn_unless_converged()
    return model


def traced_pairs(ratings: Ratings, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Movies and users, as rated as in the set but in new pairs, whose predictions are traced."""
    rng = np.random.default_rng(seed)
    return rng.choice(ratings.movie_index, N_TRACED), rng.choice(ratings.user_index, N_TRACED)


def movie_features(ratings: Ratings) -> np.ndarray:
    """What titles, genres and counts say of the movies: float64, (n_movies, p).

    A column for each genre and each decade (from the year that ends a title), 0 or 1, and the
    logarithm of one more than the movie's number of ratings: give training ratings.
    """
    movies = ratings.movies
    genres = movies["genres"].astype(str).str.get_dummies("|")
    year = movies["title"].astype(str).str.extract(r"\((\d{4})\)\s*$", expand=False)
    decades = pd.get_dummies(year.str[:3].fillna("unknown"))
    counts = np.log1p(ratings.movie_counts)[:, None] / 2
    return np.hstack([genres.to_numpy(np.float64), decades.to_numpy(np.float64), counts])


def side_information(
    ratings: Ratings,
    settings: BayesSettings,
    movie_features: Features | None,
    user_features: Features | None,
) -> tuple[list[Features], list[Features]]:
    """The feature matrices of the movies and of the users, checked."""
    movies: list[Features] = []
    users: list[Features] = []
    if settings.who_rated_what:
        mask = scipy.sparse.csr_matrix(
            (np.ones(len(ratings)), (ratings.movie_index, ratings.user_index)),
            shape=(ratings.n_movies, ratings.n_users),
        )
        for side, rated, counts in (
            (movies, mask, ratings.movie_counts),
            (users, mask.T, ratings.user_counts),
        ):
            side.append(scipy.sparse.diags((settings.mask_damping + counts) ** -0.5) @ rated)
    for name, features, side, n in (
        ("movie_features", movie_features, movies, ratings.n_movies),
        ("user_features", user_features, users, ratings.n_users),
    ):
        if features is None:
            continue
        if features.shape[0] != n:
            raise ValueError(f"`{name}` should have {n} rows. Received: shape {features.shape}")
        side.append(features)
    return movies, users


class Samples:
    """The draws that are kept, each written to where the model has it: none is held twice.

    Attributes
    ----------
    X, W : float32, (n_movies, n_samples k), (n_users, n_samples k)
        Factors of all samples, side by side: see `BayesModel`.
    c, b, noise : float32, (n_samples, n_movies), (n_samples, n_users), (n_samples, n_users)
        Biases of the movies and of the users, and the variance of each user's ratings.
    """

    def __init__(self, ratings: Ratings, n_features: int, n_samples: int):
        movies, users = ratings.n_movies, ratings.n_users
        self.X, self.W = (
            np.empty((rows, n_samples * n_features), np.float32) for rows in (movies, users)
        )
        self.c, self.b, self.noise = (
            np.empty((n_samples, rows), np.float32) for rows in (movies, users, users)
        )

    def keep(self, s: int, chain: Chain) -> None:
        """Keep the present draw of a chain as sample s."""
        x, w, self.noise[s] = chain.sample()
        for rows, joined, bias in ((x, self.X, self.c), (w, self.W, self.b)):
            k = rows.shape[1] - 1
            joined[:, s * k : (s + 1) * k] = rows[:, :-1] / np.sqrt(len(bias))
            bias[s] = rows[:, -1]


class RunningMean:
    """The mean prediction of validation ratings over the draws so far, and its RMSE."""

    def __init__(self, validation: Ratings | None):
        self.validation = validation
        self.total: Any = 0.0
        self.n = 0

    def add(self, chain: Chain) -> None:
        """Take one more draw into the mean."""
        if self.validation is not None:
            self.total += chain.predict(self.validation.movie_index, self.validation.user_index)
            self.n += 1

    def rmse(self) -> float:
        """RMSE of the mean, clipped to the scale; NaN before the first draw."""
        if self.validation is None or not self.n:
            return np.nan
        predicted = np.clip(self.total / self.n, *self.validation.scale)
        return float(np.sqrt(np.mean((predicted - self.validation.value) ** 2)))


class NewUsers(NamedTuple):
    """What each sample expects of a new user: coefficients (w, b) ~ N(mean, precision⁻¹).

    Attributes
    ----------
    mean : float64, (n_samples, k + 1)
    precision : float64, (n_samples, k + 1, k + 1)
    weight : float64, (n_samples,)
        1 / variance of a new user's ratings.
    """

    mean: np.ndarray
    precision: np.ndarray
    weight: np.ndarray


class Posterior(NamedTuple):
    """A new user's posterior in each sample: N(P⁻¹ (Λ μ + α Vᵀ r), P⁻¹).

    Attributes
    ----------
    prior : NewUsers
    covariance : float64, (n_samples, k + 1, k + 1)
        P⁻¹.
    share : float64, (n_samples, k + 1, n)
        P⁻¹ α Vᵀ, the part of the mean that is linear in the ratings.
    """

    prior: NewUsers
    covariance: np.ndarray
    share: np.ndarray

    @property
    def of_prior(self) -> np.ndarray:
        """P⁻¹ Λ μ, the part of the mean that does not depend on the ratings."""
        return np.einsum("suv,svw,sw->su", self.covariance, self.prior.precision, self.prior.mean)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class BayesModel(FactorModel):
    """The mean over samples of factorisations, as one `FactorModel`, and their spread.

    A mean of n products x_s·w_s is one product of vectors n times as long, so everything that a
    `FactorModel` does is done on the mean.

    Attributes
    ----------
    traces : float32, (chains, iterations, n)
        What `diagnostics` judges, at every draw of every chain, those of the burn-in included.
    stars : float32, (n_values,)
        The values that ratings take, in order; empty if there are more than `MOST_VALUES`.
    habits : float32, (n_users, n_values)
        How much more often each user gives a value than a normal distribution expects.
    usual_habits : float32, (3, n_values)
        Those of all users, of those who give whole values only, and of the others.
    sample_c, sample_b : float32, (n_samples, n_movies), (n_samples, n_users)
        Movie and user biases of each sample.
    sample_noise : float32, (n_samples, n_users)
        Variance of a user's ratings around the sample's prediction, in squared stars.
    """

    sample_c: np.ndarray
    sample_b: np.ndarray
    sample_noise: np.ndarray
    traces: np.ndarray
    stars: np.ndarray
    habits: np.ndarray
    usual_habits: np.ndarray

    says: ClassVar[frozenset[str]] = frozenset({STARS, ORDER, INTERVALS})
    extra_arrays: ClassVar[tuple[str, ...]] = (
        "sample_c",
        "sample_b",
        "sample_noise",
        "traces",
        "stars",
        "habits",
        "usual_habits",
    )

    @classmethod
    def of_samples(
        cls,
        ratings: Ratings,
        samples: Samples,
        settings: BayesSettings,
        history: pd.DataFrame,
        traces: list,
    ) -> Self:
        """The model whose arrays the samples are."""
        stars = np.unique(ratings.value)
        model = cls.trained(
            ratings,
            normalize.fit(ratings, "global"),
            samples.X,
            samples.W,
            samples.b.mean(axis=0)[None, :],
            samples.c.mean(axis=0)[:, None],
            settings,
            history,
            sample_c=samples.c,
            sample_b=samples.b,
            sample_noise=samples.noise,
            traces=np.array(traces, np.float32).swapaxes(0, 1),
            stars=stars if len(stars) <= MOST_VALUES else stars[:0],
            habits=np.empty((ratings.n_users, 0), np.float32),
            usual_habits=np.empty((3, 0), np.float32),
        )
        if not len(model.stars):
            return model
        usual = usual_habits(*model.given_and_expected(ratings), model.stars)
        model = dataclasses.replace(model, usual_habits=usual)
        return dataclasses.replace(model, habits=model.habits_of(ratings))

    # Have the chains converged?

    @property
    def burn_in(self) -> int:
        """Number of each chain's first draws that are left out."""
        return self.settings.burn_in  # type: ignore[attr-defined]

    def diagnostics(self) -> pd.DataFrame:
        """Whether the chains agree, from the draws after the burn-in: a row for each quantity.

        First the scales: the noise, how free the biases of movies and of users are, and the ridge
        of each feature matrix, those of the movies first. Then `N_TRACED` predictions.

        Returns
        -------
        DataFrame
            Index `quantity`; columns `mean` and `std` over all draws, `r_hat`, and `ess`, the
            effective sample size: see `convergence`. NaN for too few draws, and in a model that a
            file of version 0.1 held.
        """
        draws = self.traces[:, self.burn_in :].astype(np.float64)
        scales = ["noise", "spread of movies", "spread of users"]
        scales += [f"ridge {n + 1}" for n in range(draws.shape[2] - N_TRACED - len(scales))]
        names = scales + [f"prediction {n + 1}" for n in range(N_TRACED)]
        rows = [
            [of.mean(), of.std(), r_hat(of), ess(of)] if of.size else [np.nan] * 4
            for of in (draws[:, :, n] for n in range(len(names)))
        ]
        index = pd.Index(names, name="quantity")
        return pd.DataFrame(rows, index, ["mean", "std", "r_hat", "ess"])

    def warn_unless_converged(self) -> None:
        """Warn where R-hat of the noise, or of more than 5 of 100 predictions, is 1.1 or more."""
        if self.traces.shape[1] - self.burn_in < LEAST:
            return
        of = self.diagnostics()["r_hat"]
        noise, typical = of["noise"], of[-N_TRACED:].quantile(0.95)
        if not max(noise, typical) < R_HAT_LIMIT:
            warnings.warn(
                f"the chains have not converged: R-hat should be below {R_HAT_LIMIT}, and is "
                f"{noise:.2f} for the noise and {typical:.2f} for the worst of 20 predictions. "
                "More `iterations` and a longer `burn_in` help; `diagnostics()` has all quantities",
                ConvergenceWarning,
                stacklevel=3,
            )

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> FactorModel:
        """The model in the header and the arrays of its file; one of 0.1 had one chain."""
        header = header | {"settings": {"chains": 1} | header["settings"]}
        missing = {
            "traces": np.zeros((1, 0, N_TRACED + 3), np.float32),
            "stars": np.zeros(0, np.float32),
            "habits": np.zeros((len(arrays["user_ids"]), 0), np.float32),
            "usual_habits": np.ones((3, len(arrays.get("stars", ()))), np.float32),
        }
        return super().from_file(header, missing | arrays)

    def habits_of(self, ratings: Ratings) -> np.ndarray:
        """`habits` of the users of ratings."""
        if not len(self.stars):
            return np.empty((ratings.n_users, 0), np.float32)
        return habits(*self.given_and_expected(ratings), self.usual_habits, self.stars)

    def given_and_expected(self, ratings: Ratings) -> tuple[np.ndarray, np.ndarray]:
        """How often each user of ratings gave each value, and how often the last sample expects it.

        float64, (n_users, n_values) each.
        """
        n = ratings.n_users
        given, expected = np.zeros((2, n, len(self.stars)))
        for start in range(0, len(ratings), BLOCK):
            rows = slice(start, start + BLOCK)
            user, value = ratings.user_index[rows], ratings.value[rows]
            mean = self.sample(self.n_samples - 1, ratings.movie_index[rows], user)
            std = np.sqrt(self.sample_noise[-1, user])
            nearest = np.abs(value[:, None] - self.stars).argmin(axis=1)
            given += counts(user, np.eye(len(self.stars))[nearest], n)
            expected += counts(user, probabilities(mean, std, self.stars), n)
        return given, expected

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.sample_noise)

    def blocks(self, factors: np.ndarray) -> np.ndarray:
        """X or W taken apart into the samples': (n_samples, n_rows, features of one sample)."""
        k = self.n_features // self.n_samples
        apart = factors.reshape(len(factors), self.n_samples, k).transpose(1, 0, 2)
        return apart * np.float32(np.sqrt(self.n_samples))

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for the average user: float32, (n_movies,), not clipped."""
        return super().score_new_user() + self.b.mean() + self.X @ self.W.mean(axis=0)

    # How sure

    def samples(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """Each sample's prediction, not clipped: float32, (n_samples, n)."""
        return np.stack([self.sample(s, movie_index, user_index) for s in range(self.n_samples)])

    def sample(self, s: int, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """Prediction of sample s, not clipped: float32, (n,)."""
        k = self.n_features // self.n_samples
        x = self.X[:, s * k : (s + 1) * k][movie_index]
        w = self.W[:, s * k : (s + 1) * k][user_index]
        predicted = self.n_samples * np.einsum("nk,nk->n", x, w)
        predicted += self.normalization.baseline(movie_index, user_index)
        return predicted + self.sample_c[s, movie_index] + self.sample_b[s, user_index]

    def predict_std(
        self, movie_index: np.ndarray, user_index: np.ndarray, noise: bool = False
    ) -> np.ndarray:
        """Posterior standard deviation of the predictions, in stars: float32, (n,).

        Without `noise` it is that of the expected rating; with it, that of a rating given.
        """
        variance = self.samples(movie_index, user_index).var(axis=0)
        if noise:
            variance += self.sample_noise[:, user_index].mean(axis=0)
        return np.sqrt(variance)

    def predict_interval(
        self, movie_index: np.ndarray, user_index: np.ndarray, level: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) between which a rating lies with probability `level`; float32, (n,) each.

        From the normal distribution with the predictive mean and variance, clipped to the scale.
        """
        middle = self.predict(movie_index, user_index, clip=False)
        std = self.predict_std(movie_index, user_index, noise=True)
        half = scipy.special.ndtri((1 + level) / 2) * std
        low, high = (np.clip(end, *self.scale) for end in (middle - half, middle + half))
        return low, high

    def predict_distribution(self, movie_index: np.ndarray, user_index: np.ndarray) -> np.ndarray:
        """The probability of each value that a rating can have: float64, (n, n_values).

            p_r ∝ t_jr · (Φ((u_r - m) / s) - Φ((u_(r-1) - m) / s))

        with m and s the predictive mean and standard deviation, u_r the middle between the values r
        and r + 1 of `stars`, and t_jr the user's `habits`. Each row adds up to 1.

        Raises
        ------
        ValueError
            Where ratings take too many values to be stars, and for a file of version 0.1.
        """
        if not len(self.stars):
            raise ValueError(
                f"there are probabilities for up to {MOST_VALUES} different values of ratings, and "
                "not in a model that version 0.1 stored: train again"
            )
        mean = self.predict(movie_index, user_index, clip=False)
        std = self.predict_std(movie_index, user_index, noise=True)
        p = probabilities(mean, std, self.stars) * self.habits[user_index]
        return p / p.sum(axis=1, keepdims=True)

    # Somebody new

    def new_users(self) -> NewUsers:
        """The middle and the spread of the users of each sample: what a new user is drawn from.

        What users are known by besides their ratings (who rated what) is part of that spread.
        """
        W = self.blocks(self.W).astype(np.float64)
        users = np.concatenate([W, self.sample_b[:, :, None]], axis=2)
        mean = users.mean(axis=1)
        apart = users - mean[:, None]
        k = users.shape[2]
        covariance = np.einsum("sju,sjv->suv", apart, apart) / users.shape[1] + 1e-9 * np.eye(k)
        weight = (1 / self.sample_noise.astype(np.float64)).mean(axis=1)
        return NewUsers(mean, np.linalg.inv(covariance), weight)

    def population(self) -> Population:
        """What a new user is drawn from. Samples are not aligned: the last one speaks for all."""
        people = self.new_users()
        X = self.blocks(self.X)[-1].astype(np.float64)
        movies = np.column_stack([X, np.ones(self.n_movies)])
        return Population(movies, np.linalg.inv(people.precision[-1]), 1 / people.weight[-1])

    def fold_in(self, ratings: Ratings, bias: str | None = None, seed: int = 0) -> Self:
        """The same movies with the users of `ratings`, each drawn once from every sample.

            (w, b) ~ N(P⁻¹ (Λ μ + α Σ_n v_n r_n), P⁻¹),   P = Λ + α Σ_n v_n v_nᵀ

        with v = (x, 1), r the rating less the mean and the movie's bias, and μ, Λ, α from
        `new_users`. `response` gives the mean of one user's posteriors exactly, without draws.

        Parameters
        ----------
        ratings : Ratings
            Of new users, or more ratings of known ones, on the model's movies.
        bias : str or None
            Not used: the bias has a prior here.
        seed : int
            Seed of the draws.
        """
        check_movies(self, ratings)
        rng, people = np.random.default_rng(seed), self.new_users()
        means = self.normalization.with_users(ratings)
        rows = _kernels.by_row(
            ratings.user_index, ratings.movie_index, means.subtract(ratings), ratings.n_users
        )
        movies, n = self.blocks(self.X), ratings.n_users
        users = np.empty((self.n_samples, n, movies.shape[2] + 1), np.float32)
        for s in range(self.n_samples):
            shift = np.broadcast_to(people.precision[s] @ people.mean[s], users.shape[1:])
            users[s], _ = _kernels.sample_rows(
                rows,
                np.insert(movies[s], movies.shape[2], 1, axis=1),
                self.sample_c[s],
                np.full(n, people.weight[s]),
                people.precision[s],
                shift,
                rng.standard_normal(users.shape[1:], np.float32),
            )
        b = np.ascontiguousarray(users[:, :, -1])
        noise = np.repeat(1 / people.weight[:, None], n, axis=1).astype(np.float32)
        folded = dataclasses.replace(
            self,
            W=_joined(users[:, :, :-1]),
            b=b.mean(axis=0)[None, :],
            normalization=means,
            user_ids=ratings.user_ids,
            sample_b=b,
            sample_noise=noise,
        )
        return dataclasses.replace(folded, habits=folded.habits_of(ratings))

    def response(
        self, movie_index: np.ndarray, values: np.ndarray, bias: str | None = None
    ) -> Response:
        """The map from one user's ratings to the mean of the posteriors of all samples."""
        posterior, base = self._posterior(movie_index)
        rest = posterior.of_prior - np.einsum("sun,sn->su", posterior.share, base)
        share, rest = (_of_all_samples(part) for part in (posterior.share, rest))
        expected = self.score_new_user()[movie_index].astype(np.float64)
        return Response(share, rest, values, expected)

    def new_user_std(
        self, movie_index: np.ndarray, values: np.ndarray, noise: bool = False
    ) -> np.ndarray:
        """Posterior standard deviation of all predictions for a new user: float64, (n_movies,).

        Over the samples, within them and between them. With `noise`, that of a rating given.
        """
        posterior, base = self._posterior(movie_index)
        mean = posterior.of_prior + np.einsum("sun,sn->su", posterior.share, values - base)
        roots = np.linalg.cholesky(posterior.covariance).astype(np.float32)
        first, second, within = (np.zeros(self.n_movies) for _ in range(3))
        for x, c, w, root in zip(self.blocks(self.X), self.sample_c, mean, roots, strict=True):
            predicted = x @ w[:-1].astype(np.float32) + c + np.float32(w[-1])
            first += predicted
            second += predicted**2
            within += np.square(x @ root[:-1] + root[-1]).sum(axis=1)
        n = self.n_samples
        variance = (within + second - first**2 / n) / n
        if noise:
            variance += (1 / posterior.prior.weight).mean()
        return np.sqrt(variance)

    def solve_movie(self, user_index: np.ndarray, values: np.ndarray) -> NoReturn:
        """Raise TypeError: a movie's posterior is not solved for with the users fixed."""
        raise TypeError(f"a movie can be added to a model of the cost only. Received: {self!r}")

    def _posterior(self, movie_index: np.ndarray) -> tuple[Posterior, np.ndarray]:
        """A user's posterior after rating these movies, and each sample's base of their ratings."""
        people = self.new_users()
        rated = self.blocks(self.X[movie_index]).astype(np.float64)
        V = np.insert(rated, rated.shape[2], 1, axis=2)
        weighted = people.weight[:, None, None] * V
        covariance = np.linalg.inv(people.precision + np.swapaxes(V, 1, 2) @ weighted)
        share = covariance @ np.swapaxes(weighted, 1, 2)
        base = self.normalization.Y_mu[movie_index, 0] + self.sample_c[:, movie_index]
        return Posterior(people, covariance, share), base


def _joined(factors: np.ndarray) -> np.ndarray:
    """Factors of every sample, (n_samples, n_rows, k), as one matrix: see `BayesModel`."""
    n, n_rows, _ = factors.shape
    return (factors.transpose(1, 0, 2).reshape(n_rows, -1) / np.sqrt(n)).astype(np.float32)


def _of_all_samples(part: np.ndarray) -> np.ndarray:
    """(w, b) of each sample, (n_samples, k + 1, …), as those of the model: w joined, b's mean."""
    n, k, *rest = part.shape
    w = part[:, :-1].reshape(n * (k - 1), *rest) / np.sqrt(n)
    b = part[:, -1].mean(axis=0)
    return np.concatenate([w, b[None], np.zeros((1, *rest))])
