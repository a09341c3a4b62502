"""Claims of chapter 01, loading. They are of the two sets; nothing in them is drawn at random."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .tools import EDITIONS, claim, ratings_of


@claim("stands")
def most_ratings_are_good():
    """More than half of the ratings are 3.5 stars or more, and four is the most frequent."""
    found, holds = [], True
    for year in EDITIONS:
        values, counts = np.unique(ratings_of(year).value, return_counts=True)
        high = counts[values >= 3.5].sum() / counts.sum()
        found.append(f"{high:.1%}")
        holds &= high > 0.5 and values[counts.argmax()] == 4
    return f"{', '.join(found)} (2018, 2016)", holds


@claim("stands")
def whole_stars_are_preferred():
    """From one star to four, a whole star is given more often than the half stars beside it."""
    holds = True
    for year in EDITIONS:
        _, counts = np.unique(ratings_of(year).value, return_counts=True)  # 0.5, 1, 1.5, ...
        holds &= all(counts[i] > max(counts[i - 1], counts[i + 1]) for i in (1, 3, 5, 7))
    return "both sets", holds


@claim("stands")
def long_tails():
    """More than a third of the movies has one rating, and a tenth more than half of the ratings."""
    found, holds = [], True
    for year in EDITIONS:
        counts = np.sort(ratings_of(year).movie_counts)[::-1]
        single = np.mean(counts == 1)
        tenth = counts[: len(counts) // 10].sum() / counts.sum()
        found.append(f"{single:.1%}, {tenth:.1%}, median {np.median(counts):g}")
        holds &= single > 1 / 3 and tenth > 0.5 and np.median(counts) <= 3
    return f"{'; '.join(found)} (2018; 2016)", holds


@claim("reworded")
def one_day():
    """More than 40% of the users gave all their ratings on a single day."""
    shares = []
    for year in EDITIONS:
        ratings = ratings_of(year)
        days = pd.Series(ratings.timestamp // 86_400).groupby(ratings.user_index).nunique()
        shares.append(np.mean(days == 1))
    return f"{', '.join(f'{s:.1%}' for s in shares)} (2018, 2016)", min(shares) > 0.4


@claim("stands")
def nobody_below_twenty():
    """Every user has at least twenty ratings."""
    least = [ratings_of(year).user_counts.min() for year in EDITIONS]
    return f"{least[0]}, {least[1]} (2018, 2016)", min(least) >= 20
