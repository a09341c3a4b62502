"""The sampler samples what it says: its draws leave the joint distribution as it is.

Draw everything from its prior, ratings from that, and then let the sampler draw everything again
given these ratings. Both have the same distribution, whatever the number of draws: so any function
of them has the same mean. A wrong power or sign in one conditional moves some of them.

References: Geweke (2004), "Getting it right: joint distribution tests of posterior simulators";
Talts et al. (2018), "Validating Bayesian inference algorithms with simulation-based calibration".
"""

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from cflib import _kernels
from cflib.models import gibbs
from tests.conftest import make_ratings

N_MOVIES, N_USERS, N_RATINGS, N_FEATURES = 5, 4, 10, 1
KNOWN = 3.0  # shape and rate of the scales' priors here: with VAGUE ones nothing can be drawn
REPLICATES, DRAWS = 1500, 3
LIMIT = 4.5  # standard errors; the largest of 40 is beyond it once in 4,000 runs


def of_prior(side: gibbs.Side, rng: np.random.Generator) -> None:
    """Draw a side from the model in the docstrings of `fit_bayes` and `Side`."""
    n, k = side.values.shape
    precision = stats.wishart.rvs(k, np.eye(k), random_state=rng)
    covariance = np.linalg.inv(precision)
    mean = rng.multivariate_normal(np.zeros(k), covariance / 2)
    for block in side.blocks:
        block.ridge = rng.gamma(KNOWN) / KNOWN
        unit = rng.multivariate_normal(np.zeros(k), covariance / block.ridge, len(block.square))
        block.g = np.sqrt(block.square)[:, None] * unit
        block.shift = block.left @ block.g
    side.spread = KNOWN / rng.gamma(KNOWN)
    side.d = rng.normal(0, np.sqrt(side.spread * side.share))
    rows = mean + sum(block.shift for block in side.blocks)
    rows = rows + rng.multivariate_normal(np.zeros(k), covariance, n)
    rows[:, -1] += side.d
    side.values = rows.astype(np.float32)


def of_model(chain: gibbs.Chain, ratings, rng: np.random.Generator) -> None:
    """Give the chain ratings that its own state makes."""
    i, j = ratings.movie_index, ratings.user_index
    noise = rng.standard_normal(len(ratings)) / np.sqrt(chain.alpha[j])
    residual = (chain.predict(i, j) - chain.mean + noise).astype(np.float32)
    chain.of_movie = _kernels.by_row(i, j, residual, ratings.n_movies)
    chain.of_user = _kernels.by_row(j, i, residual, ratings.n_users)


def state(chain: gibbs.Chain) -> dict[str, float]:
    """Bounded functions of all that is drawn: tails of the prior are too heavy for moments."""
    of = {"scale": np.log(chain.scale), "noise": np.log(chain.alpha[0])}
    of["scale with noise"] = np.log(chain.scale) * size(chain.alpha)
    for name, side in (("movies", chain.movies), ("users", chain.users)):
        factor, bias = side.values[0].astype(float)
        of |= {
            f"{name} factor": abs(factor),
            f"{name} bias": abs(bias),
            f"{name} both": np.abs(side.values[:2, 0]).sum(),
            f"{name} product": factor * bias,
            f"{name} apart": np.log(side.values.astype(float).std(axis=0)).sum(),
            f"{name} d": abs(side.d[0]),
            f"{name} spread": np.log(side.spread),
            f"{name} ridge": np.log(side.blocks[0].ridge),
            f"{name} shift": np.log(np.abs(side.blocks[0].shift[0]) + 1e-9).sum(),
            # Products say whether a scale goes with what it scales, or against it.
            f"{name} ridge with g": np.log(side.blocks[0].ridge) * size(side.blocks[0].g),
            f"{name} spread with d": np.log(side.spread) * size(side.d),
        }
    return {key: float(np.tanh(value)) for key, value in of.items()}


def size(values: np.ndarray) -> float:
    """Logarithm of the mean square."""
    return np.log(np.mean(values**2))


def moved(seed: int = 0) -> dict[str, float]:
    """By how many standard errors each mean differs, before the draws and after."""
    rng = np.random.default_rng(seed)
    ratings = make_ratings(N_MOVIES, N_USERS, N_RATINGS)
    features = [[gibbs.singular_vectors(rng.normal(size=(n, 2)))] for n in (N_MOVIES, N_USERS)]
    differences = []
    with threadpool_limits(1):
        for _ in range(REPLICATES):
            chain = gibbs.Chain(ratings, N_FEATURES, *features, rng)
            of_prior(chain.movies, rng)
            of_prior(chain.users, rng)
            chain.scale = 1 / rng.gamma(1)
            shape = gibbs.NOISE_SHAPE / 2
            chain.alpha = rng.gamma(shape, chain.scale / shape, N_USERS)
            before = state(chain)
            for _ in range(DRAWS):
                of_model(chain, ratings, rng)
                chain.draw()
            after = state(chain)
            differences.append([after[key] - before[key] for key in before])
    table = np.array(differences)
    errors = table.mean(axis=0) / (table.std(axis=0) / np.sqrt(len(table)))
    return dict(zip(before, errors, strict=True))


@pytest.fixture(autouse=True)
def proper(monkeypatch):
    for name in ("VAGUE", "SPREAD_SHAPE", "SPREAD_RATE"):
        monkeypatch.setattr(gibbs, name, KNOWN)


def test_the_draws_leave_the_joint_distribution_as_it_is():
    differences = moved()
    assert max(map(abs, differences.values())) < LIMIT, differences


@pytest.mark.parametrize("with_features", [False, True])
def test_mean_and_precision_have_their_closed_form_given_the_rows(with_features):
    """Normal-Wishart: Λ has k + n degrees of freedom around S⁻¹, and the mean is pulled to 0.

    Weights of features are k more values, each with its variance: they count as rows do.
    """
    rng = np.random.default_rng(5)
    n, k, n_draws = 6, 3, 3000
    side = gibbs.Side(np.ones(n, int), k, [(np.array([4.0, 1.0]), np.eye(n)[:, :2])], rng)
    block = side.blocks[0]
    block.ridge, block.g = 5.0, with_features * rng.normal(0, 2, (2, k))
    block.shift = block.left @ block.g
    block.draw = lambda *_: None
    of_weights = 5.0 * (block.g.T / [4, 1]) @ block.g
    side.values = rng.normal([2, -1, 1], 1, (n, k)).astype(np.float32)
    side.d = rng.normal(0, 2, n)
    rows = side.values - side.d[:, None] * np.eye(k)[-1] - block.shift
    middle = rows.mean(axis=0)
    S = np.eye(k) + (rows - middle).T @ (rows - middle)
    S += 2 * n / (n + 2) * np.outer(middle, middle) + of_weights
    precisions, means = [], []
    for _ in range(n_draws):
        precision, shift = side.draw_prior()
        precisions.append(precision)
        means.append(np.linalg.solve(precision, shift[0]) - block.shift[0])
    expected = (k + n + 2) * np.linalg.inv(S)
    for drawn, exact in ((precisions, expected), (means, n * middle / (n + 2))):
        error = np.std(drawn, axis=0) / np.sqrt(n_draws)
        assert np.abs((np.mean(drawn, axis=0) - exact) / error).max() < LIMIT


def test_what_features_do_not_explain_of_a_bias_has_its_closed_form(monkeypatch):
    """d given all else: of the row's distance from its prior, the share of d's own variance."""
    monkeypatch.setattr(gibbs, "slice_draw", lambda _, x, *__: x)
    rng = np.random.default_rng(6)
    side = gibbs.Side(np.array([0, 9]), 2, [], rng)
    side.spread, precision = 0.5, np.array([[2.0, 0.6], [0.6, 4.0]])
    prior_mean = np.array([[0.3, -0.2], [0.1, 0.4]])
    draws = []
    for _ in range(4000):
        side.draw_distances(precision, prior_mean @ precision)
        draws.append(side.d)
    of_d, of_rest = 0.5 / np.array([1, 10]), 1 / 4
    apart = side.values - prior_mean
    distance = apart[:, 1] + apart[:, 0] * 0.6 / 4  # of the bias, from what its feature says of it
    variance = 1 / (1 / of_d + 1 / of_rest)
    np.testing.assert_allclose(np.var(draws, axis=0), variance, rtol=0.1)
    mean, error = np.mean(draws, axis=0), np.sqrt(variance / 4000)
    assert (np.abs(mean - distance * of_d / (of_d + of_rest)) < LIMIT * error).all()
