"""Claims of chapter 00, a first look."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

from cflib import data, fit_als, fit_means, metrics, normalize

from .ch13 import by_adam
from .tools import EDITIONS, SEEDS, claim, difference, inner_of, lines, range_of, ratings_of

OF = [(year, seed) for year in EDITIONS for seed in SEEDS]


@functools.cache
def by_als(year: str, seed: int) -> Any:
    """The original's cost on the chapter's split, minimised as the chapter does."""
    return fit_als(
        inner_of(year, seed).train,
        n_features=100,
        lam=1.0,
        lam_power=0.0,
        normalization="movie_all_users",
        movie_bias=False,
    )


@claim("reworded")
def shown_but_never_rated():
    """Shown as rated best, most users of 2018 get five or more titles of ten they never rated.

    In the edition of 2016 nobody gets any.
    """
    found = {}
    for year in EDITIONS:
        ratings = ratings_of(year)
        table = pd.read_csv(data.find(ratings.name) / "movies.csv")["movieId"].to_numpy()
        Y, R = ratings.dense()
        deviation = R * (Y - normalize.fit(ratings, "movie_all_users").Y_mu)
        best = np.argsort(-deviation, axis=0, kind="stable")[:10]  # rows of the matrix
        row_of = {name: row for row, name in enumerate(ratings.movie_ids)}
        rows = np.array([row_of.get(name, -1) for name in table])[best]  # -1: rated by nobody
        users = np.arange(ratings.n_users)
        found[year] = np.sum((rows < 0) | (R[rows, users] == 0), axis=0)
    share = np.mean(found["2018"] >= 5)
    text = f"{share:.1%} of the users; at most {found['2016'].max()} titles in 2016"
    return text, share > 0.5 and found["2016"].max() == 0


@claim("reworded")
def the_notebook_loses():
    """On hidden ratings the notebook, trained by ALS, loses to two averages."""
    d = [difference(by_als(*of), fit_means(inner_of(*of).train), inner_of(*of)) for of in OF]
    return lines(d), all(low > 0 for _, low, _ in d)


@claim("reworded")
def nearly_perfect_on_what_it_has_seen():
    """On the ratings trained on, its error is below 0.1 stars; that of two averages, over 0.7."""
    errors: dict[str, list[float]] = {"notebook": [], "averages": []}
    for of in OF:
        seen = inner_of(*of).train
        for name, model in (("notebook", by_als(*of)), ("averages", fit_means(seen))):
            predicted = model.predict(seen.movie_index, seen.user_index)
            errors[name].append(metrics.rmse(seen.value, predicted))
    text = f"{range_of(errors['notebook'])} and {range_of(errors['averages'])} stars"
    return text, max(errors["notebook"]) < 0.1 and min(errors["averages"]) > 0.7


@claim("reworded")
def the_faster_way_does_better():
    """On hidden ratings ALS does better with the notebook's cost than its own 400 steps of Adam."""
    d = [difference(by_als(*of), by_adam(*of), inner_of(*of)) for of in OF]
    return lines(d), all(high < 0 for *_, high in d)
