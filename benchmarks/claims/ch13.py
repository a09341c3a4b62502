"""Claims of chapter 13, the original."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cflib import fit_adam, fit_means, metrics, normalize

from .tools import (
    EDITIONS,
    SEEDS,
    claim,
    difference,
    inner_of,
    lines,
    range_of,
    ratings_of,
    rmse,
    splits,
)

ORIGINAL: dict[str, Any] = {  # the original's settings
    "n_features": 100,
    "lam": 1.0,
    "lam_power": 0.0,
    "normalization": "movie_all_users",
    "movie_bias": False,
    "epochs": 400,
    "learning_rate": 0.1,
    "init_scale": 1.0,
}


@functools.cache
def by_adam(year: str, seed: int) -> Any:
    """The original's model on the chapter's split, trained as the original was."""
    return fit_adam(inner_of(year, seed).train, **ORIGINAL, seed=seed)


def against(method: str) -> list:
    """The original's model less a mean, on ratings held out."""
    return [
        difference(by_adam(y, s), fit_means(inner_of(y, s).train, method), inner_of(y, s))
        for y in EDITIONS
        for s in SEEDS
    ]


@claim("stands")
def original_loses():
    """On held-out ratings the original's settings lose to damped movie and user means."""
    d = against("movie_user_damped")
    return lines(d), all(low > 0 for _, low, _ in d)


@claim("stands")
def original_beats_movie_means():
    """On held-out ratings the original's settings beat the mean of each movie."""
    d = against("movie")
    return lines(d), all(high < 0 for *_, high in d)


@claim("stands")
def original_learns_by_heart():
    """On the ratings seen, the original's error is under a quarter of that of any mean."""
    ratios = []
    for y in EDITIONS:
        for s in SEEDS:
            seen = inner_of(y, s).train

            def error(model: Any, seen: Any = seen) -> float:
                predicted = model.predict(seen.movie_index, seen.user_index)
                return metrics.rmse(seen.value, predicted)

            means = [fit_means(seen, m) for m in ("global", "movie", "movie_user_damped")]
            ratios.append(error(by_adam(y, s)) / min(map(error, means)))
    return f"ratio {range_of(ratios)}", max(ratios) < 0.25


@claim("stands")
def hardly_normalised():
    """What the mean over all users leaves of the ratings has a mean of more than two stars."""
    left = [normalize.fit(p.train, "movie_all_users").subtract(p.train).mean() for p in splits()]
    return f"{range_of(left)} stars", min(left) > 2


@claim("stands")
def few_below_the_wrong_mean():
    """Of a typical user's ratings under 5% are below the all-users mean, over 25% below raters'."""
    found, holds = [], True
    for year in EDITIONS:
        ratings = ratings_of(year)
        shares = []
        for method in ("movie_all_users", "movie"):
            below = normalize.fit(ratings, method).Y_mu[ratings.movie_index, 0] > ratings.value
            of_user = np.bincount(ratings.user_index, below) / ratings.user_counts
            shares.append(float(np.median(of_user)))
        found.append(f"{shares[0]:.1%} and {shares[1]:.1%}")
        holds &= shares[0] < 0.05 and shares[1] > 0.25
    return f"{'; '.join(found)} (2018, 2016)", holds


@claim("stands")
def a_loss_that_falls():
    """Exercise 5: after 100 steps the held-out error is above that of the mean of all.

    The error in training is less than half of it.
    """
    above, ratios = [], []
    for part in splits():
        model, seen = fit_adam(part.train, **ORIGINAL | {"epochs": 100}), part.train
        error = rmse(model, part)
        trained = metrics.rmse(seen.value, model.predict(seen.movie_index, seen.user_index))
        above.append(error - rmse(fit_means(seen, "global"), part))
        ratios.append(trained / error)
    text = f"higher by {range_of(above)}; in training {range_of(ratios, 2)} of it"
    return text, min(above) > 0 and max(ratios) < 0.5
