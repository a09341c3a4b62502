"""Claims of chapter 04, evaluation, of its questions and of its exercises."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cflib import (
    compare,
    fit_adam,
    fit_als,
    fit_implicit,
    fit_means,
    fit_popularity,
    metrics,
    rank,
    split,
)

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

ALS, MEANS, POPULAR, LIKED = "ALS", "means", "most popular", "who liked what"


def pairs() -> list[tuple[str, int]]:
    """All editions and seeds."""
    return [(year, seed) for year in EDITIONS for seed in SEEDS]


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


@claim("stands")
def other_cells_of_the_ablation():
    """The wrong mean with λ = 1 loses to the damped means; the right ones with λ = 10 win."""
    loses, wins = against_means("movie_all_users", 1.0), against_means("movie_user_damped", 10.0)
    text = f"wrong mean, λ = 1: {lines(loses)}; damped means, λ = 10: {lines(wins)}"
    return text, all(low > 0 for _, low, _ in loses) and all(high < 0 for *_, high in wins)


@claim("stands")
def order_of_the_five():
    """ALS, damped means, the original's settings, movie mean, mean of all: best to worst.

    Each is better than the next by more than chance. The original is minimised by ALS here.
    """
    d = {name: [] for name in ("means, original", "original, movie mean", "movie mean, mean")}
    for year, seed in pairs():
        part = part_of(year, seed)
        ladder = [
            means_of(year, seed),
            original(year, seed, "movie_all_users", 1.0),
            fit_means(part.train, "movie"),
            fit_means(part.train, "global"),
        ]
        for name, better, worse in zip(d, ladder[:-1], ladder[1:], strict=True):
            d[name].append(difference(better, worse, part))
    text = "; ".join(f"{name}: {lines(of)}" for name, of in d.items())
    return text, all(high < 0 for of in d.values() for *_, high in of)


@claim("reworded")
def gain_by_movie():
    """ALS gains on the damped means on movies with 5 ratings or more, by more than chance."""
    edges = (1, 5, 20, 50, 10**9)
    d: dict[int, list] = {low: [] for low in edges[:-1]}
    for year, seed in pairs():
        part = part_of(year, seed)
        counts = part.train.movie_counts[part.test.movie_index]
        for low, high in itertools.pairwise(edges):
            of = (counts >= low) & (counts < high)
            d[low].append(difference(als_of(year, seed), means_of(year, seed), part, of))
    text = "; ".join(f"from {low}: {lines(of)}" for low, of in d.items())
    return text, all(high < 0 for low, of in d.items() if low >= 5 for *_, high in of)


@claim("reworded")
def gain_by_user():
    """ALS gains more on users with 200 ratings or more than on those with fewer than 50.

    It is better than the means for both, by more than chance for the former.
    """
    few, many = [], []
    for year, seed in pairs():
        part = part_of(year, seed)
        counts = part.train.user_counts[part.test.user_index]
        models = als_of(year, seed), means_of(year, seed)
        few.append(difference(*models, part, counts < 50))
        many.append(difference(*models, part, counts >= 200))
    text = f"fewer than 50: {lines(few)}; 200 or more: {lines(many)}"
    holds = all(b[0] < a[0] < 0 and b[2] < 0 for a, b in zip(few, many, strict=True))
    return text, holds


@claim("stands")
def few_ratings_large_errors():
    """The error of ALS and of the means on unseen movies exceeds that on movies with 50 ratings."""
    gaps = []
    for year, seed in pairs():
        part = part_of(year, seed)
        counts = part.train.movie_counts[part.test.movie_index]
        for model in (als_of(year, seed), means_of(year, seed)):
            error = (predict(model, part) - part.test.value) ** 2
            gaps.append(
                float(np.sqrt(error[counts == 0].mean()) - np.sqrt(error[counts >= 50].mean()))
            )
    return f"higher by {range_of(gaps)} stars", min(gaps) > 0.05


@claim("stands")
def bootstrap_of_ratings():
    """Question 2: an interval from draws of ratings is narrower than one from draws of users."""
    ratios = []
    for year, seed in pairs():
        part = part_of(year, seed)
        pair = part.test.value, predict(als_of(year, seed), part)
        users = metrics.interval(*pair, part.test.user_index)
        each = metrics.interval(*pair, np.arange(len(part.test)))
        ratios.append(float(np.ptp(each) / np.ptp(users)))
    return f"its width is {range_of(ratios, 2)} of the other's", max(ratios) < 0.8


@claim("stands")
def overlap_and_pair():
    """The intervals of ALS and of the means overlap, and that of their difference is below zero."""
    found = []
    for year, seed in pairs():
        part = part_of(year, seed)
        models = als_of(year, seed), means_of(year, seed)
        ends = [
            metrics.interval(part.test.value, predict(m, part), part.test.user_index)
            for m in models
        ]
        found.append(ends[0][1] > ends[1][0] and difference(*models, part)[2] < 0)
    return f"{sum(found)} of {len(found)}", all(found)


@claim("reworded")
def cut_in_time():
    """With one cut in time most test ratings are of unknown users, and ALS gains nothing."""
    shares, d = [], []
    for year in EDITIONS:
        part = split.by_time(ratings_of(year), 0.2)
        shares.append(float((part.train.user_counts[part.test.user_index] == 0).mean()))
        for seed in SEEDS:
            d.append(difference(fit_als(part.train, seed=seed), fit_means(part.train), part))
    text = f"unknown users' share {range_of(shares, 2)}; ALS less means {lines(d)}"
    return text, min(shares) > 0.5 and all(abs(middle) < 0.006 for middle, *_ in d)


@claim("stands")
def random_split_is_easiest():
    """Each of three models has its lowest error on the random split."""
    gaps = []
    for year in EDITIONS:
        for timed in (split.latest(ratings_of(year), 0.2), split.by_time(ratings_of(year), 0.2)):
            late = [
                rmse(fit_means(timed.train, "global"), timed),
                rmse(fit_means(timed.train), timed),
                rmse(fit_als(timed.train), timed),
            ]
            for seed in SEEDS:
                part = part_of(year, seed)
                near = [
                    rmse(fit_means(part.train, "global"), part),
                    rmse(means_of(year, seed), part),
                    rmse(als_of(year, seed), part),
                ]
                gaps += [a - b for a, b in zip(late, near, strict=True)]
    return f"higher on later ratings by {range_of(gaps)}", min(gaps) > 0


@functools.cache
def recommenders(year: str, seed: int) -> tuple[dict[str, Any], split.Split]:
    """Chapter 4's four, trained on all but each user's latest fifth."""
    part = split.latest(ratings_of(year), 0.2)
    models = {
        ALS: fit_als(part.train, seed=seed),
        MEANS: fit_means(part.train),
        POPULAR: fit_popularity(part.train),
        LIKED: fit_implicit(part.train, seed=seed),
    }
    return models, part


@claim("reworded")
def lists_reverse_the_order():
    """NDCG@10: ALS, which predicts better than the means, makes no better lists than they do.

    Both make worse lists than most popular, and it worse ones than who liked what.
    """
    d: dict[str, list] = {"ALS - means": [], "means - popular": [], "liked - popular": []}
    for year, seed in pairs():
        models, part = recommenders(year, seed)
        against = compare(models, part, to=POPULAR, metric="ndcg")
        d["ALS - means"].append(
            compare({n: models[n] for n in (ALS, MEANS)}, part, to=MEANS, metric="ndcg").loc[ALS]
        )
        d["means - popular"].append(against.loc[MEANS])
        d["liked - popular"].append(against.loc[LIKED])
    text = "; ".join(f"{name} {lines(of)}" for name, of in d.items())
    holds = (
        all(low <= 0 for _, low, _ in d["ALS - means"])
        and all(high < 0 for *_, high in d["means - popular"])
        and all(low > 0 for _, low, _ in d["liked - popular"])
    )
    return text, holds


@claim("stands")
def als_lists_little_known_movies():
    """ALS shows less known movies than the means, and they less known ones than most popular.

    Who liked what shows more different movies than most popular does.
    """
    holds, known, shown = [], [], []
    for year, seed in pairs():
        models, part = recommenders(year, seed)
        table = rank(models, part)
        popularity, coverage = table["popularity"], table["catalogue_coverage"]
        known.append(popularity[[ALS, MEANS, POPULAR]].is_monotonic_increasing)
        shown.append(float(coverage[LIKED] / coverage[POPULAR]))
        holds.append(known[-1] and shown[-1] > 2)
    return (
        f"order as said in {sum(known)} of {len(known)}; {range_of(shown, 1)} times as many",
        all(holds),
    )


@claim("reworded")
def threshold_keeps_the_order():
    """With hits from 3, 3.5, 4, 4.5 or 5 stars, who liked what is first and ALS never second."""
    lowest, orders = [], []
    for year, seed in [(year, SEEDS[0]) for year in EDITIONS]:
        models, part = recommenders(year, seed)
        for threshold in (3.0, 3.5, 4.0, 4.5, 5.0):
            ndcg = rank(models, part, threshold=threshold)["ndcg"]
            orders.append(ndcg.sort_values(ascending=False).index.tolist())
            lowest.append(f"{threshold:g}: {ndcg[ALS]:.3f} to {ndcg[LIKED]:.3f}")
    holds = all(order[0] == LIKED and order[1] == POPULAR for order in orders)
    return "; ".join(lowest), holds


@claim("reworded")
def information_helps():
    """In the stored comparison each method run with more information is better for it.

    Of `fit_bayes`, myFM and cmfrec, with who rated what and then with movie features.
    """
    stored = pd.read_csv(Path(__file__).parents[1] / "accuracy" / "results.csv")
    folds = stored[stored["test"] == "five folds, 2018"].sort_values("setting")  # default, tuned
    errors = folds.groupby("model")["rmse"].last()
    kinds = ("ratings", "who rated what", "movie features")
    found = {m: [errors[f"{m} ({k})"] for k in kinds] for m in ("fit_bayes", "myFM", "cmfrec")}
    text = "; ".join(f"{m} " + ", ".join(f"{e:.3f}" for e in of) for m, of in found.items())
    return text, all(a > b > c for a, b, c in found.values())


@claim("stands")
def tomorrow():
    """Exercise 5: with a cut in time the error is higher, over 3/4 of test ratings by strangers."""
    shares, gaps = [], []
    for year, seed in pairs():
        part = split.by_time(ratings_of(year), 0.2)
        shares.append(float((part.train.user_counts[part.test.user_index] == 0).mean()))
        gaps.append(rmse(fit_als(part.train, seed=seed), part) - rmse(als_of(year, seed), part))
    return f"share {range_of(shares, 2)}, error higher by {range_of(gaps)}", (
        min(gaps) > 0 and min(shares) > 0.75
    )


@claim("reworded")
def few_ratings_no_gain():
    """Exercise 6: on movies with fewer than 5 ratings ALS and the means differ by under 0.02.

    The average gain over all movies is larger than the gain there.
    """
    small, all_movies = [], []
    for year, seed in pairs():
        part = part_of(year, seed)
        few = part.train.movie_counts[part.test.movie_index] < 5
        small.append(difference(als_of(year, seed), means_of(year, seed), part, few)[0])
        all_movies.append(difference(als_of(year, seed), means_of(year, seed), part)[0])
    text = f"fewer than five: {range_of(small, 4)}; all: {range_of(all_movies, 4)}"
    return text, all(abs(a) < 0.02 and a > b for a, b in zip(small, all_movies, strict=True))


@claim("stands")
def seeds_and_the_interval():
    """Try it 1: over five seeds the RMSE of ALS moves by less than its interval is wide.

    The difference from the means moves by less than half as much.
    """
    found = []
    for year in EDITIONS:
        errors = [rmse(als_of(year, s), part_of(year, s)) for s in SEEDS]
        gaps = [difference(als_of(year, s), means_of(year, s), part_of(year, s)) for s in SEEDS]
        part = part_of(year, SEEDS[0])
        ends = metrics.interval(
            part.test.value, predict(als_of(year, SEEDS[0]), part), part.test.user_index
        )
        found.append(
            (float(np.ptp(errors)), float(np.ptp(ends)), float(np.ptp([g[0] for g in gaps])))
        )
    text = "; ".join(
        f"RMSE moves {a:.4f}, interval {b:.4f}, difference moves {c:.4f}" for a, b, c in found
    )
    return text, all(a < b and 2 * c < a for a, b, c in found)


@claim("stands")
def original_remembers():
    """The original's settings and solver: error on unseen ratings over 3 times that in training.

    It is worse than the damped means, and better than the movie mean.
    """
    ratios, against, movie = [], [], []
    for year, seed in pairs():
        part = part_of(year, seed)
        model = fit_adam(
            part.train,
            n_features=100,
            lam=1.0,
            lam_power=0.0,
            normalization="movie_all_users",
            movie_bias=False,
            epochs=400,
            learning_rate=0.1,
            init_scale=1.0,
        )
        seen = model.predict(part.train.movie_index, part.train.user_index)
        ratios.append(rmse(model, part) / metrics.rmse(part.train.value, seen))
        against.append(difference(model, means_of(year, seed), part))
        movie.append(difference(model, fit_means(part.train, "movie"), part))
    text = (
        f"unseen over seen {range_of(ratios, 1)}; against the damped means {lines(against)}; "
        f"against the movie mean {lines(movie)}"
    )
    holds = all(low > 0 for _, low, _ in against) and all(high < 0 for *_, high in movie)
    return text, min(ratios) > 3 and holds
