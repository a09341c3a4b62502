"""Claims of chapter 09, ratings of one's own."""

from __future__ import annotations

import dataclasses

from benchmarks.accuracy.folds import ratings_of
from cflib import fit_als, metrics, tune

from .tools import EDITIONS, SEEDS, als_of, claim, part_of, predict, range_of, rmse, splits


@claim("reworded")
def lam_grows_with_the_scale():
    """With ratings and λ times 20 the error is 20 times as large, to within 0.003 stars."""
    off = []
    for part in splits():
        train = part.train
        larger = dataclasses.replace(train, value=20 * train.value, scale=(10.0, 100.0))
        one, other = (
            predict(fit_als(r, lam=lam, seed=1), part) for r, lam in ((train, 3.5), (larger, 70.0))
        )
        off.append(metrics.rmse(part.test.value, other / 20) - metrics.rmse(part.test.value, one))
    return f"off by {range_of(off, 4)}", max(map(abs, off)) < 0.003


@claim("stands")
def chosen_lam_lies_inside():
    """The λ that is chosen is at neither end of those that were tried."""
    places = []
    for year in EDITIONS:
        for seed in SEEDS:
            choice = tune.choose_lam(tune.held_out(ratings_of(year), seed).train, seed=seed)
            places.append(choice["rmse"].idxmin() in choice.index[1:-1])
    return f"{sum(places)} of {len(places)}", all(places)


@claim("stands")
def rare_items_are_harder():
    """Without the movies that have one training rating, the same model has the smaller error."""
    less = []
    for year in EDITIONS:
        for seed in SEEDS:
            part, model = part_of(year, seed), als_of(year, seed)
            often = model.movie_counts[part.test.movie_index] > 1
            of_often = metrics.rmse(part.test.value[often], predict(model, part)[often])
            less.append(rmse(model, part) - of_often)
    return f"smaller by {range_of(less)}", min(less) > 0
