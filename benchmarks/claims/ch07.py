"""Claims of chapter 07, scale. The ratings are made up, so there are no editions."""

from __future__ import annotations

import functools
import tracemalloc

import numpy as np

from cflib import Ratings, data, fit_als, fit_means, metrics, split

from .tools import SEEDS, claim, lines, range_of

N_RATINGS = 1_000_000
LAM = 3.5


def of_size(n_ratings: int, seed: int) -> tuple[Ratings, data.Truth]:
    """As in the chapter."""
    return data.synthetic(
        n_movies=int(12.5 * np.sqrt(n_ratings)),
        n_users=n_ratings // 154,
        n_ratings=n_ratings,
        seed=seed,
    )


@functools.cache
def compared(seed: int) -> tuple:
    """The split, and predictions of the held-out ratings by name."""
    ratings, truth = of_size(N_RATINGS, seed)
    part = split.holdout(ratings, 0.1, seed)
    pairs = part.test.movie_index, part.test.user_index
    predicted = {"means": fit_means(part.train).predict(*pairs), "truth": truth.predict(*pairs)}
    for k in (8, 32):
        model = fit_als(part.train, n_features=k, lam=LAM, iterations=6, seed=seed)
        predicted[str(k)] = model.predict(*pairs)
    return part, predicted


def closed(part: split.Split, predicted: dict, name: str, of: np.ndarray) -> float:
    """Share of the gap between means and truth that a model closes, on some test ratings."""
    means, model, truth = (
        metrics.rmse(part.test.value[of], predicted[n][of]) for n in ("means", name, "truth")
    )
    return (means - model) / (means - truth)


@claim("reworded")
def eight_features_are_better():
    """The planted rank is 8: with 8 features the error is smaller than with 32."""
    found = []
    for seed in SEEDS:
        part, predicted = compared(seed)
        users = part.test.user_index
        found.append(
            metrics.paired_difference(part.test.value, predicted["8"], predicted["32"], users)
        )
    return lines(found), all(high < 0 for *_, high in found)


@claim("reworded")
def part_of_the_gap():
    """ALS closes a third or more of the gap with 32 features, and more with 8."""
    shares = {name: [] for name in ("8", "32")}
    for seed in SEEDS:
        part, predicted = compared(seed)
        everything = np.ones(len(part.test), bool)
        for name, of in shares.items():
            of.append(closed(part, predicted, name, everything))
    text = "; ".join(f"{name} features {range_of(v, 2)}" for name, v in shares.items())
    return text, min(shares["32"]) > 1 / 3 and min(shares["8"]) > max(shares["32"])


@claim("reworded")
def gap_closes_with_ratings():
    """More of the gap is closed on movies with 300 training ratings than on those below 30."""
    few, many = [], []
    for seed in SEEDS:
        part, predicted = compared(seed)
        n = part.train.movie_counts[part.test.movie_index]
        few.append(closed(part, predicted, "8", n < 30))
        many.append(closed(part, predicted, "8", n >= 300))
    return f"with 8 features: few {range_of(few, 2)}, many {range_of(many, 2)}", min(many) > max(
        few
    )


@claim("reworded")
def memory_in_proportion():
    """Memory of three million ratings is at most 30 times that of a hundred thousand."""
    ratio = []
    for seed in SEEDS[:2]:
        peaks = []
        for n in (100_000, 3_000_000):
            made, _ = of_size(n, seed)
            fit_als(made, n_features=32, lam=LAM, iterations=1)
            tracemalloc.start()
            fit_als(made, n_features=32, lam=LAM, iterations=3)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        ratio.append(peaks[1] / peaks[0])
    return f"{range_of(ratio, 1)} times", max(ratio) < 30
