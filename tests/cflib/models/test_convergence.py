"""R-hat and effective sample size: what is known of chains that are made to be so."""

import dataclasses
import warnings

import numpy as np
import pytest

from cflib import fit_bayes
from cflib.models import bayes, convergence
from tests.conftest import make_ratings


def chains(n_chains=4, n_draws=2_000, correlation=0.0, seed=0):
    """Autoregressive chains of order 1 with a variance of 1: their ESS is n (1 - φ) / (1 + φ)."""
    steps = np.random.default_rng(seed).standard_normal((n_chains, n_draws))
    draws = steps.copy()
    for t in range(1, n_draws):
        draws[:, t] = correlation * draws[:, t - 1] + np.sqrt(1 - correlation**2) * steps[:, t]
    return draws


@pytest.mark.parametrize("correlation", [0, 0.5, 0.9, -0.5])
def test_effective_sample_size_of_an_autoregressive_chain(correlation):
    draws = chains(n_draws=5_000, correlation=correlation)
    expected = draws.size * (1 - correlation) / (1 + correlation)
    assert convergence.ess(draws) == pytest.approx(expected, rel=0.15)
    assert convergence.r_hat(draws) < 1.01


@pytest.mark.parametrize("wrong", ["elsewhere", "wider", "moving"])
def test_r_hat_sees_a_chain_that_is_elsewhere_or_wider_and_chains_that_still_move(wrong):
    draws = chains()
    if wrong == "elsewhere":
        draws[0] += 1
    elif wrong == "wider":
        draws[0] *= 3
    else:
        draws += np.linspace(0, 1.5, draws.shape[1])
    assert convergence.r_hat(draws) > 1.05


def test_r_hat_without_ranks_is_its_formula():
    draws = chains(2, 10)
    draws[0] += 0.5
    halves = convergence.split(draws)
    assert halves.shape == (4, 5)
    z = convergence.rank_normalised(halves)
    within, between = z.var(axis=1, ddof=1).mean(), 5 * z.mean(axis=1).var(ddof=1)
    of_ranks = np.sqrt((4 / 5 * within + between / 5) / within)
    assert convergence.r_hat(draws) >= of_ranks * (1 - 1e-12)


def test_only_ranks_matter():
    draws = chains(correlation=0.5)
    cubed = draws**3
    assert convergence.ess(cubed) == pytest.approx(convergence.ess(draws))
    assert convergence.r_hat(cubed) == pytest.approx(convergence.r_hat(draws), abs=0.002)
    assert convergence.rank_normalised(draws).std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("draws", [np.zeros((2, 100)), chains(2, 7)], ids=["equal", "few"])
def test_where_nothing_can_be_said_it_is_nan(draws):
    assert np.isnan(convergence.r_hat(draws)) and np.isnan(convergence.ess(draws))


@pytest.fixture(scope="module")
def model():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit_bayes(
            make_ratings(30, 20, 200), n_features=2, iterations=40, burn_in=10, n_samples=10
        )


def test_diagnostics_are_of_the_draws_after_the_burn_in_chain_by_chain(model):
    table = model.diagnostics()
    assert model.traces.shape == (2, 40, len(table))
    assert table.index[:5].tolist() == [
        "noise",
        "spread of movies",
        "spread of users",
        "ridge 1",
        "ridge 2",
    ]
    of_noise = model.traces[:, 10:, 0]
    assert table.loc["noise", "mean"] == pytest.approx(of_noise.mean())
    assert table.loc["noise", "r_hat"] == pytest.approx(convergence.r_hat(of_noise))
    assert table.loc["noise", "ess"] == pytest.approx(convergence.ess(of_noise))
    np.testing.assert_allclose(model.history["noise"], model.traces[:, :, 0].mean(axis=0), 1e-6)


def test_chains_start_apart(model):
    first = model.traces[:, 0, -bayes.N_TRACED :]
    assert np.abs(first[0] - first[1]).mean() > 0.1


def test_a_run_that_has_not_converged_says_so(model):
    traces = model.traces.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rng = np.random.default_rng(0)
        same = dataclasses.replace(model, traces=rng.normal(size=(2, 400, traces.shape[2])))
        same.warn_unless_converged()
    apart = same.traces.copy()
    apart[0, :, 0] += 1
    with pytest.warns(bayes.ConvergenceWarning, match=r"below 1.1, and is \d.\d+ for the noise"):
        dataclasses.replace(same, traces=apart).warn_unless_converged()
    apart = same.traces.copy()
    apart[0, :, -10:] += 1
    with pytest.warns(bayes.ConvergenceWarning, match=r"1.[1-9]\d for the worst of 20 pred"):
        dataclasses.replace(same, traces=apart).warn_unless_converged()
