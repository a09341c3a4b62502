"""Whether chains of draws agree: R-hat, and how many independent draws they are worth.

Chains that start apart and sample the same distribution end up with the same mean and spread. Each
function takes draws of one quantity, (n_chains, n_draws), and looks at their ranks, so that a heavy
tail does no harm. Each chain is split into halves, so that one chain that still moves is seen, too.

References
----------
Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), "Rank-normalization, folding, and
localization: an improved R-hat for assessing convergence of MCMC"; chapter 08.
"""

from __future__ import annotations

import numpy as np
import scipy.special
import scipy.stats

LEAST = 8  # draws of a chain: with fewer, its halves say nothing


def r_hat(draws: np.ndarray) -> float:
    """R-hat: how much wider all draws together are than the halves of the chains are by themselves.

        R-hat = √(((n - 1) / n · W + B / n) / W)

    with W the mean variance of the half chains, n draws each, and B / n the variance of their
    means. It tends to 1 when all sample the same. Here it is the larger of two. That of the draws'
    ranks sees other places. That of the ranks of their distances from the median sees other widths.

    Parameters
    ----------
    draws : (n_chains, n_draws)

    Returns
    -------
    float
        NaN with fewer than `LEAST` draws in a chain, and where all draws are equal.
    """
    halves = split(draws)
    folded = np.abs(halves - np.median(halves))
    return max(_plain_r_hat(rank_normalised(part)) for part in (halves, folded))


def ess(draws: np.ndarray) -> float:
    """Effective sample size: how many independent draws would say as much about the median.

        ESS = n_chains · n_draws / (1 + 2 Σ_t ρ_t)

    with ρ_t the correlation of draws t apart, from the ranks of all half chains together. Pairs of
    neighbouring ρ_t are added until one is below 0, and none counts for more than one before it
    (Geyer).

    Parameters
    ----------
    draws : (n_chains, n_draws)

    Returns
    -------
    float
        NaN with fewer than `LEAST` draws in a chain, and where all draws are equal.
    """
    z = rank_normalised(split(draws))
    m, n = z.shape
    if not _can_say(z):
        return np.nan
    apart = z - z.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(apart, 2 * n, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    rho = 1 - (within - covariance) / (covariance[0] + z.mean(axis=1).var(ddof=1))
    rho[0] = 1
    rho = rho[: (n - 1) // 2 * 2].reshape(-1, 2)
    pairs = rho.sum(axis=1)
    last = np.append(np.flatnonzero(pairs < 0), len(pairs) - 1)[0]
    time = 2 * np.minimum.accumulate(pairs)[:last].sum() + max(rho[last, 0], 0) - 1
    return m * n / max(time, 1 / np.log10(m * n))


def split(draws: np.ndarray) -> np.ndarray:
    """Halves of the chains, as chains: (2 n_chains, n_draws // 2), without an odd middle draw."""
    draws = np.asarray(draws, np.float64)
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def rank_normalised(draws: np.ndarray) -> np.ndarray:
    """Normal scores of the draws' ranks among all chains' draws: the same shape."""
    ranks = scipy.stats.rankdata(draws).reshape(draws.shape)
    return scipy.special.ndtri((ranks - 3 / 8) / (draws.size + 1 / 4))


def _plain_r_hat(draws: np.ndarray) -> float:
    if not _can_say(draws):
        return np.nan
    n = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean()
    between = draws.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between) / within))


def _can_say(halves: np.ndarray) -> bool:
    return halves.shape[1] >= LEAST // 2 and bool(np.ptp(halves) > 0)
