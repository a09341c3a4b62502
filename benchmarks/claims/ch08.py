"""Claims of chapter 08, uncertainty."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cflib import fit_bayes, metrics

from .tools import EDITIONS, SEEDS, als_of, claim, difference, lines, part_of, range_of, rmse


@claim("stands")
def sampler_beats_als():
    """The mean of the draws beats ALS, and each single draw does not."""
    d, draws = [], []
    for y in EDITIONS:
        for s in SEEDS:
            part = part_of(y, s)
            model = sampler(y, s, 1)
            d.append(difference(model, als_of(y, s), part))
            single = model.samples(part.test.movie_index, part.test.user_index)
            errors = [
                metrics.rmse(part.test.value, np.clip(draw, *part.train.scale)) for draw in single
            ]
            draws.append(min(errors) - rmse(als_of(y, s), part))
    text = f"{lines(d)}; best draw less ALS {range_of(draws)}"
    return text, all(high < 0 for *_, high in d) and min(draws) > 0


@functools.cache
def sampler(year: str, seed: int, chain: int) -> Any:
    """Chapter 8's sampler on the ratings alone."""
    return fit_bayes(
        part_of(year, seed).train,
        n_features=16,
        iterations=150,
        burn_in=40,
        n_samples=60,
        who_rated_what=False,
        seed=chain,
    )


def r_hat(chains: np.ndarray) -> float:
    """Gelman and Rubin's R-hat of (chains, draws), each chain split in half."""
    n = chains.shape[1] // 2
    halves = np.concatenate([chains[:, :n], chains[:, -n:]])
    within = halves.var(axis=1, ddof=1).mean()
    between = n * halves.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between / n) / within))


@claim("reworded")
def sampler_not_converged():
    """At 150 iterations the typical noise has not converged (R-hat of four chains over 1.1)."""
    values = [
        r_hat(np.array([sampler(y, 1, c).history["noise"].to_numpy()[40:] for c in (1, 2, 3, 4)]))
        for y in EDITIONS
    ]
    return f"R-hat {', '.join(f'{v:.2f}' for v in values)} (2018, 2016)", min(values) > 1.1
