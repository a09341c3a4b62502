"""Claims of chapter 02, normalisation, on the chapter's own split of the training part."""

from __future__ import annotations

import numpy as np

from cflib import fit_means, metrics, normalize, people, split

from .tools import (
    EDITIONS,
    SEEDS,
    claim,
    difference,
    inner_of,
    lines,
    part_of,
    range_of,
    ratings_of,
    rmse,
    splits,
)


@claim("stands")
def a_mean_of_popularity():
    """The mean over all users follows a movie's number of ratings: correlation above 0.95."""
    found = [
        np.corrcoef(normalize.fit(p.train, "movie_all_users").Y_mu[:, 0], p.train.movie_counts)[
            0, 1
        ]
        for p in splits(inner_of)
    ]
    return range_of(found), min(found) > 0.95


@claim("stands")
def order_of_the_means():
    """Each mean of the list is better than the one before: all, of a movie, damped, and users'."""
    methods = ("global", "movie", "movie_damped", "movie_user_damped")
    found, holds = [], True
    for better, worse in zip(methods[1:], methods, strict=False):
        d = [
            difference(fit_means(p.train, better), fit_means(p.train, worse), p)
            for p in splits(inner_of)
        ]
        found.append(f"{better} less {worse}: {lines(d)}")
        holds &= all(high < 0 for *_, high in d)
    return "; ".join(found), holds


@claim("reworded")
def users_bring_the_most():
    """Of these three steps, that to the users' levels is the largest."""
    methods = ("global", "movie", "movie_damped", "movie_user_damped")
    margin = []
    for p in splits(inner_of):
        steps = -np.diff([rmse(fit_means(p.train, m), p) for m in methods])
        margin.append(steps[2] - steps[:2].max())
    return f"larger than the next by {range_of(margin)}", min(margin) > 0


@claim("reworded")
def all_users_is_useless():
    """The mean over all users has an error of about three times that of one number for all."""
    ratios = [
        rmse(fit_means(p.train, "movie_all_users"), p) / rmse(fit_means(p.train, "global"), p)
        for p in splits(inner_of)
    ]
    return f"ratio {range_of(ratios)}", min(ratios) > 2.7 and max(ratios) < 3.3


@claim("reworded")
def damping_from_2_to_10():
    """From 2 to 10 the damping moves the error by less than 0.01, a third of the way to none."""
    inside, ends = [], []
    for p in splits(inner_of):
        errors = {
            d: rmse(fit_means(p.train, "movie_user_damped", d), p) for d in (0, 2, 3, 5, 7, 10, 50)
        }
        middle = [errors[d] for d in (2, 3, 5, 7, 10)]
        inside.append(max(middle) - min(middle))
        ends.append(min(errors[0], errors[50]) - min(middle))
    text = f"from 2 to 10 by {range_of(inside, 4)}; 0 and 50 are worse by at least {range_of(ends)}"
    return text, max(inside) < 0.01 and max(np.array(inside) / ends) < 1 / 3


@claim("reworded")
def damping_told_apart():
    """A damping of 10 is worse than one of 5: little, but told apart."""
    d = [
        difference(
            fit_means(p.train, "movie_user_damped", 10),
            fit_means(p.train, "movie_user_damped", 5),
            p,
        )
        for p in splits(inner_of)
    ]
    return lines(d), all(low > 0 for _, low, _ in d)


@claim("stands")
def levels_within_one_star():
    """More than nine of ten users have a level within one star of the movie means."""
    shares = [np.mean(np.abs(normalize.fit(p.train).user_mu) < 1) for p in splits(inner_of)]
    return range_of(shares), min(shares) > 0.9


@claim("reworded")
def the_naive_list():
    """The five movies with the highest mean over raters all have 5 stars and under five ratings."""
    most, least = [], []
    for p in splits(inner_of):
        shown = people.new_user_list(fit_means(p.train, "movie"), n=5)
        most.append(int(shown["n_ratings"].max()))
        least.append(float(shown["prediction"].min()))
    return f"at most {max(most)} ratings, at least {min(least):g} stars", max(most) < 5 and min(
        least
    ) == 5


@claim("stands")
def the_damped_list():
    """In the list by damped means the median number of ratings is above 10."""
    medians = [
        float(people.new_user_list(fit_means(p.train, "movie_damped"), n=5)["n_ratings"].median())
        for p in splits(inner_of)
    ]
    return range_of(medians, 0), min(medians) > 10


@claim("reworded")
def a_mean_that_has_seen_the_test():
    """Exercise 5: means that have seen the test have a lower error, by more than 0.04 stars.

    About a third of all movies have a single rating.
    """
    gains, shares = [], []
    for year in EDITIONS:
        ratings = ratings_of(year)
        seen = normalize.fit(ratings, "movie_user_damped")
        shares.append(float(np.mean(ratings.movie_counts == 1)))
        for p in (part_of(year, seed) for seed in SEEDS):
            predicted = seen.baseline(p.test.movie_index, p.test.user_index)
            gains.append(rmse(fit_means(p.train), p) - metrics.rmse(p.test.value, predicted))
    text = f"lower by {range_of(gains)}; share {range_of(shares)}"
    return text, min(gains) > 0.04 and 0.3 < min(shares) and max(shares) < 0.37


@claim("stands")
def damping_with_little_to_learn_from():
    """Exercise 6: of 0, 1, 2, 5, 10, 20, a damping of 5 is best with 4/5 and with 1/10 trained on.

    What changes is how much worse no damping is.
    """
    best, worse = [], []
    for year in EDITIONS:
        for seed in SEEDS:
            for fraction in (0.2, 0.9):
                p = split.holdout(ratings_of(year), fraction, seed)
                errors = {
                    d: rmse(fit_means(p.train, "movie_user_damped", d), p)
                    for d in (0, 1, 2, 5, 10, 20)
                }
                best.append(min(errors, key=errors.__getitem__))
                worse.append(errors[0] - errors[best[-1]])
    few, many = worse[1::2], worse[::2]
    text = (
        f"best {best[::2]} and {best[1::2]}; no damping is worse by {range_of(many)} and "
        f"{range_of(few)}"
    )
    return text, set(best) == {5} and min(few) > max(many)
