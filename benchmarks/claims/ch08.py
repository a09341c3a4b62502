"""Claims of chapter 08, uncertainty."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cflib import fit_bayes, metrics
from cflib.models import movie_features, stars

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


@claim("stands")
def habits_raise_the_log_score():
    """Habits raise the log score of the normal distribution (three seeds)."""
    gains = []
    for model, part, mean, std, p in with_all_information():
        plain = stars.probabilities(mean, std, model.stars)
        of_plain, of_habits = (
            metrics.mean_shares(
                stars.log_score(q, model.stars, part.test.value), part.test.user_index
            )
            for q in (plain, p)
        )
        gains.append(metrics.difference(of_habits, of_plain))
    text = f"higher by {range_of([gain for gain, *_ in gains])}, every interval above "
    return f"{text}{min(low for _, low, _ in gains):.3f}", all(low > 0 for _, low, _ in gains)


@claim("stands")
def fewest_stars_hold_what_they_promise():
    """The fewest stars of 90 % hold it, at both ends more often than the normal (three seeds)."""
    apart, at_ends = [], []
    for model, part, _, _, p in with_all_information():
        given, pairs = part.test.value, (part.test.movie_index, part.test.user_index)
        low, high = stars.narrowest(p, model.stars, 0.9)
        among = (low[:, None] <= model.stars) & (model.stars <= high[:, None])
        held = metrics.covered(given, low, high)
        apart.append(held.mean() - np.where(among, p, 0).sum(axis=1).mean())
        of_normal = metrics.covered(given, *model.predict_interval(*pairs, 0.9))
        for end in model.stars[[0, -1]]:
            at_ends.append(held[given == end].mean() - of_normal[given == end].mean())
    text = f"held less promised {range_of(apart)}; at the ends {range_of(at_ends)} more"
    return text, max(map(abs, apart)) < 0.015 and min(at_ends) > 0


def with_all_information():
    """(model, split, mean, std, probabilities) of chapter 8's last model, for three seeds."""
    for year in EDITIONS:
        for seed in SEEDS[:3]:
            part, model = part_of(year, seed), with_movies(year, seed)
            pairs = part.test.movie_index, part.test.user_index
            mean, std = model.predict(*pairs, clip=False), model.predict_std(*pairs, noise=True)
            yield model, part, mean, std, model.predict_distribution(*pairs)


@functools.cache
def with_movies(year: str, seed: int) -> Any:
    """Chapter 8's sampler with all that is known."""
    part = part_of(year, seed)
    return fit_bayes(
        part.train,
        n_features=16,
        iterations=120,
        burn_in=40,
        n_samples=60,
        movie_features=movie_features(part.train),
    )
