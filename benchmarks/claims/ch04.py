"""Claims of chapter 04, evaluation."""

from __future__ import annotations

import numpy as np

from cflib import fit_als, fit_means, split

from .tools import (
    EDITIONS,
    SEEDS,
    als_of,
    claim,
    difference,
    lines,
    means_of,
    original,
    part_of,
    predict,
    range_of,
    ratings_of,
    rmse,
)


def against_means(mean: str, lam: float) -> list:
    """The original's cost against the damped means."""
    return [
        difference(original(y, s, mean, lam), means_of(y, s), part_of(y, s))
        for y in EDITIONS
        for s in SEEDS
    ]


@claim("reworded")
def means_decide():
    """Headline: 100 features and λ = 1 lose to the damped means, also with the right means."""
    d = against_means("movie_user_damped", 1.0)
    return lines(d), all(low > 0 for _, low, _ in d)


@claim("reworded")
def lambda_decides():
    """Headline: with λ = 10 the original's cost beats them, with its wrong mean."""
    d = against_means("movie_all_users", 10.0)
    return lines(d), all(high < 0 for *_, high in d)


@claim("stands")
def als_beats_means():
    """ALS with the course's settings beats the damped means."""
    d = [difference(als_of(y, s), means_of(y, s), part_of(y, s)) for y in EDITIONS for s in SEEDS]
    return lines(d), all(high < 0 for *_, high in d)


def unseen(part: split.Split) -> np.ndarray:
    """Test ratings of movies without a training rating."""
    return part.train.movie_counts[part.test.movie_index] == 0


@claim("reworded")
def unseen_movies():
    """On movies without a training rating ALS is worse than the damped means."""
    d = [
        difference(als_of(y, s), means_of(y, s), part_of(y, s), unseen(part_of(y, s)))
        for y in EDITIONS
        for s in SEEDS
    ]
    return lines(d), all(mid > 0 for mid, *_ in d)


@claim("reworded")
def unseen_movies_bias():
    """There ALS differs from the damped means by the user's free bias, and by nothing else."""
    worst = []
    for y in EDITIONS:
        for s in SEEDS:
            part, als = part_of(y, s), als_of(y, s)
            test, of = part.test, unseen(part)
            raw = als.normalization.baseline(test.movie_index, test.user_index)[of]
            expected = np.clip(raw + als.b[0][test.user_index[of]], *part.train.scale)
            worst.append(float(np.abs(expected - predict(als, part)[of]).max()))
    return f"largest deviation {max(worst):.1e} stars", max(worst) < 1e-4


@claim("reworded")
def latest_is_harder():
    """Later ratings are harder for every model, also for the mean of all ratings."""
    gains = {"mean": [], "ALS": [], "unseen share": []}
    for y in EDITIONS:
        late = split.latest(ratings_of(y), 0.2)
        als, flat = fit_als(late.train), fit_means(late.train, "global")
        for s in SEEDS:
            part = part_of(y, s)
            gains["mean"].append(rmse(flat, late) - rmse(fit_means(part.train, "global"), part))
            gains["ALS"].append(rmse(als, late) - rmse(als_of(y, s), part))
            gains["unseen share"].append(unseen(late).mean() - unseen(part).mean())
    text = "; ".join(f"{name} +{range_of(values)}" for name, values in gains.items())
    return text, all(min(values) > 0 for values in gains.values())
