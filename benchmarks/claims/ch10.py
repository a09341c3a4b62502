"""Claims of chapter 10, bugs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cflib import als, evaluation, fit_als, fit_implicit, fit_means, metrics, split
from cflib.model import row_weights

from .tools import EDITIONS, SEEDS, claim, part_of, predict, range_of, rmse, splits


@claim("stands")
def answers_less():
    """The fewer test ratings the movie means answer for, the lower their error."""
    worst = []
    for part in splits():
        means, test = fit_means(part.train, "movie"), part.test
        support, predicted = means.movie_counts[test.movie_index], predict(means, part)
        errors = [
            metrics.rmse(test.value[support >= least], predicted[support >= least])
            for least in (0, 1, 5, 20, 50, 100)
        ]
        worst.append(max(np.diff(errors)))
    return f"largest step from one threshold to the next {max(worst):+.4f}", max(worst) < 0


@functools.cache
def likers(year: str, seed: int) -> dict[str, Any]:
    """The chapter's lists from likes, and what is known of the places in them."""
    part = part_of(year, seed)
    train, test = part.train, part.test
    scores = fit_implicit(train, n_features=32, iterations=6, seed=seed)
    scores = scores.score_users(np.arange(train.n_users)).T
    rated, liked, relevant = (np.zeros(scores.shape, bool) for _ in range(3))
    rated[train.user_index, train.movie_index] = True
    like = train.value >= evaluation.RELEVANT
    liked[train.user_index[like], train.movie_index[like]] = True
    like = test.value >= evaluation.RELEVANT
    relevant[test.user_index[like], test.movie_index[like]] = True

    def best(out: np.ndarray, sign: int = 1) -> np.ndarray:
        ranked = np.where(out, -np.inf, sign * scores)
        return np.argsort(-ranked, axis=1, kind="stable")[:, :10]

    lists = {"all": best(rated & ~rated), "unliked": best(liked), "right": best(rated)}
    lists["table order"] = np.sort(lists["right"], axis=1)
    lists["worst first"] = best(rated, -1)
    judged = relevant.any(axis=1)

    def ndcg(ranked: np.ndarray) -> float:
        hits = np.take_along_axis(relevant, ranked, axis=1)[judged]
        return float(metrics.ndcg(hits, relevant[judged].sum(axis=1)).mean())

    known = {name: np.take_along_axis(rated, ranked, axis=1) for name, ranked in lists.items()}
    return {"known": known, "ndcg": {name: ndcg(ranked) for name, ranked in lists.items()}}


def of_likers() -> list[dict[str, Any]]:
    """The same of all editions and seeds."""
    return [likers(y, s) for y in EDITIONS for s in SEEDS]


@claim("stands")
def most_of_the_list_is_known():
    """With nothing left out, more than half of the places are movies that the user has rated."""
    shares = [f["known"]["all"].mean() for f in of_likers()]
    return range_of(shares), min(shares) > 0.5


@claim("stands")
def unliked_movies_stay():
    """With liked movies left out, more than a third of the users are shown a movie rated low."""
    shares = [f["known"]["unliked"].any(axis=1).mean() for f in of_likers()]
    return range_of(shares), min(shares) > 1 / 3


@claim("stands")
def known_movies_cost_accuracy():
    """With nothing left out, the NDCG is less than half of what it should be."""
    ratios = [f["ndcg"]["all"] / f["ndcg"]["right"] for f in of_likers()]
    return range_of(ratios), max(ratios) < 0.5


@claim("stands")
def order_costs_ndcg():
    """In the table's order the NDCG is lower by more than a tenth."""
    ratios = [f["ndcg"]["table order"] / f["ndcg"]["right"] for f in of_likers()]
    return range_of(ratios), max(ratios) < 0.9


@claim("stands")
def tolerance_of_005():
    """A tolerance of 0.05 lets the list in the wrong order pass."""
    drops = [f["ndcg"]["right"] - f["ndcg"]["table order"] for f in of_likers()]
    return f"drop of {range_of(drops)}", max(drops) < 0.05


@claim("stands")
def tolerance_of_05():
    """A tolerance of 0.5 lets the worst movies pass, and one of 0.005 the wrong order not."""
    right = [f["ndcg"]["right"] for f in of_likers()]
    drops = [f["ndcg"]["right"] - f["ndcg"]["table order"] for f in of_likers()]
    return f"NDCG {range_of(right)}", max(right) < 0.5 and min(drops) > 0.005


@claim("stands")
def fold_in_with_the_wrong_lambda():
    """Folded in with λ for λn, the error rises by over 0.02, and weights are 1.5 times as long."""
    rises, lengths = [], []
    for part in splits():
        model = fit_als(part.train, lam=0.1, lam_power=1.0)
        train, errors, long = part.train, [], []
        residual = model.normalization.subtract(train)
        n = train.user_counts
        for ridge in (np.full(train.n_users, 0.1, np.float32), row_weights(n, 0.1, 1.0)):
            W, b = als.half_iteration(
                train.user_index,
                train.movie_index,
                residual,
                model.X,
                model.c[:, 0],
                ridge,
                bias="free",
            )
            test = part.test
            raw = np.einsum("nk,nk->n", model.X[test.movie_index], W[test.user_index])
            raw += b[test.user_index] + model.c[test.movie_index, 0]
            base = model.normalization.baseline(test.movie_index, test.user_index)
            errors.append(metrics.rmse(test.value, np.clip(base + raw, *train.scale)))
            long.append(np.linalg.norm(W, axis=1).mean())
        rises.append(errors[0] - errors[1])
        lengths.append(long[0] / long[1])
    text = f"error higher by {range_of(rises)}, weights {range_of(lengths, 2)} times as long"
    return text, min(rises) > 0.02 and min(lengths) > 1.5


@claim("stands")
def luck_of_the_winner():
    """On other ratings less than a third of the winner's gain on 500 test ratings is left."""
    gains = []
    for y in EDITIONS:
        for s in SEEDS:
            part = part_of(y, s)
            drawn = np.random.default_rng(s).permutation(len(part.test))
            sides = [np.sort(drawn[:500]), np.sort(drawn[500:])]
            table = []
            for start in range(30):
                model = fit_als(
                    part.train, n_features=32, lam=1.0, lam_power=0.0, iterations=6, seed=start
                )
                error = predict(model, part) - part.test.value
                table.append([np.sqrt(np.mean(error[side] ** 2)) for side in sides])
            by_start = np.array(table)
            gains.append(by_start.mean(axis=0) - by_start[by_start[:, 0].argmin()])
    left = np.array(gains)
    text = (
        f"gain of {range_of(list(left[:, 0]))} on the 500, {range_of(list(left[:, 1]), 4)} on "
        "others; "
        f"share left {range_of(list(left[:, 1] / left[:, 0]), 2)}"
    )
    return text, bool((np.abs(left[:, 1]) < left[:, 0] / 3).all())


@claim("stands")
def validation_chooses_well():
    """λ chosen on validation ratings beats every model of the lottery on ratings held out."""
    margins = []
    for part in splits():
        inner = split.holdout(part.train, 0.2, 1)
        lams = (1.0, 3.5, 10.0)
        lam = min(lams, key=lambda x: rmse(fit_als(inner.train, lam=x, iterations=6), inner))
        chosen = rmse(fit_als(part.train, lam=lam, iterations=6), part)
        lottery = min(
            rmse(
                fit_als(
                    part.train, n_features=32, lam=1.0, lam_power=0.0, iterations=6, seed=start
                ),
                part,
            )
            for start in range(5)
        )
        margins.append(lottery - chosen)
    return f"better by {range_of(margins)}", min(margins) > 0


@claim("stands")
def what_the_join_lost():
    """Exercise 3: on movies with 50 ratings or more the error of ALS is lower, by over 0.02.

    It is compared with one fallback of 3.2 stars for all the other movies.
    """
    gains = []
    for part in splits():
        model, value = fit_als(part.train), part.test.value
        known = part.train.movie_counts[part.test.movie_index] >= 50
        filled = np.where(known, predict(model, part), 3.2)
        gains.append(metrics.rmse(value, filled) - metrics.rmse(value[known], filled[known]))
    return f"lower by {range_of(gains)}", min(gains) > 0.02


@claim("stands")
def errors_of_broken_models():
    """Exercise 4: 0 for everything has an RMSE of about 3.7, the mean 1.04, damped means 0.87."""
    zero, mean, damped = [], [], []
    for part in splits():
        value = part.test.value
        zero.append(metrics.rmse(value, np.zeros(len(value))))
        mean.append(rmse(fit_means(part.train, "global"), part))
        damped.append(rmse(fit_means(part.train), part))
    text = f"{range_of(zero, 2)}, {range_of(mean)}, {range_of(damped)}"
    close = (max(abs(np.array(a) - b)) for a, b in ((zero, 3.7), (mean, 1.04), (damped, 0.87)))
    return text, all(off < limit for off, limit in zip(close, (0.1, 0.03, 0.03), strict=True))
