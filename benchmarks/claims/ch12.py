"""Claims of chapter 12, in use."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from benchmarks.accuracy.folds import ratings_of
from cflib import compare, data, evaluation, fit_ease, fit_implicit, fit_popularity, split
from course import in_use
from course.rankers import Scores

from .tools import EDITIONS, SEEDS, claim, range_of

LIKE = 4.0


@functools.cache
def timed(year: str) -> split.Split:
    """Each user's latest fifth held out."""
    return split.latest(ratings_of(year), 0.2)


@functools.cache
def models_of(year: str) -> dict:
    """The chapter's three models."""
    train = timed(year).train
    return {
        "most popular": fit_popularity(train),
        "who liked what": fit_implicit(train, threshold=LIKE),
        "EASE": fit_ease(train, threshold=LIKE),
    }


@claim("reworded")
def few_candidates_bound_the_list():
    """EASE is worse by > 0.03 NDCG@10 among 10 popular candidates, by < 0.01 among 200."""
    found = []
    for year in EDITIONS:
        part, models = timed(year), models_of(year)
        scores = models["EASE"].score_users(np.arange(part.train.n_users))
        stages = {"all": models["EASE"]}
        for source, n in (("most popular", 10), ("most popular", 200), ("who liked what", 50)):
            lists, _ = evaluation.top_n(models[source], part.train, n)
            kept = np.full(scores.shape, scores.min() - 1)
            user = np.repeat(np.arange(len(lists)), n)
            kept[lists.ravel(), user] = scores[lists.ravel(), user]
            stages[f"{n} {source}"] = Scores(part.train.fingerprint, kept)
        found.append(compare(stages, part, "all", "ndcg", threshold=LIKE))
    text = "; ".join(
        f"{name}: {row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        for f in found
        for name, row in f.iterrows()
    )
    d = np.array([f["difference"] for f in found])
    return text, bool((d[:, 0] < -0.03).all() and (abs(d[:, 1:]) < 0.01).all())


@claim("stands")
def little_known_movies_are_not_found():
    """Most held-out likes are of movies with under 50 training ratings; lists find 2% at most."""
    shares, found = [], []
    for year in EDITIONS:
        part = timed(year)
        likes = part.test.take(part.test.value >= LIKE)
        little = part.train.movie_counts[likes.movie_index] < 50
        shares.append(float(little.mean()))
        for lists in evaluation.recommended(models_of(year), part).values():
            hit = (lists[likes.user_index] == likes.movie_index[:, None]).any(axis=1)
            found.append(float(hit[little].mean()))
    text = f"share of likes {range_of(shares, 2)}; found {range_of(found, 4)}"
    return text, min(shares) > 0.5 and max(found) < 0.02


@claim("stands")
def lists_are_more_famous_than_tastes():
    """EASE's lists are more famous than what people like, most of all for little-known tastes."""
    ratios = []
    for year in EDITIONS:
        part = timed(year)
        train = part.train
        liked = train.take(train.value >= LIKE)
        fame = pd.Series(train.movie_counts[liked.movie_index]).groupby(liked.user_index).median()
        shown = evaluation.rankings({"EASE": models_of(year)["EASE"]}, part)["EASE"]["popularity"]
        both = pd.DataFrame({"liked": fame, "shown": shown}).dropna()
        third = pd.qcut(both["liked"].rank(method="first"), 3, labels=False)
        medians = both.groupby(third).median()
        ratios.append((medians["shown"] / medians["liked"]).to_list())
    text = "; ".join(", ".join(f"{r:.1f}" for r in of_year) for of_year in ratios)
    return f"shown by liked, in thirds: {text}", all(a > b > c > 1 for a, b, c in ratios)


@claim("stands")
def exploring_shows_more_and_costs_little():
    """The simulated model alone shows under 40% of the movies; exploring costs < 0.1 star."""
    shown, cost = [], []
    for seed in SEEDS:
        made_up, truth = data.synthetic(600, 400, 12_000, n_features=4, seed=seed)
        last = [
            in_use.feedback_loop(
                made_up,
                truth,
                lambda r: fit_implicit(r, n_features=8, lam=5.0, iterations=5),
                10,
                explore=explore,
                seed=seed,
            ).iloc[-1]
            for explore in (0.0, 0.1)
        ]
        shown.append(float(last[0]["shown"]))
        cost.append(float(last[0]["liking"] - last[1]["liking"]))
    text = f"shown {range_of(shown, 2)}; liking lost by exploring {range_of(cost)} stars"
    return text, max(shown) < 0.4 and max(cost) < 0.1


@claim("stands")
def files_give_likes_away():
    """EASE's features are the likes; from who liked what more are guessed than from popularity."""
    found, verbatim = [], []
    for year in EDITIONS:
        train, models = timed(year).train, models_of(year)
        likes = np.zeros((train.n_movies, train.n_users), bool)
        is_like = train.value >= LIKE
        likes[train.movie_index[is_like], train.user_index[is_like]] = True
        users = np.arange(train.n_users)
        found.append(
            [in_use.guessed_likes(m.score_users(users), likes).mean() for m in models.values()]
        )
        verbatim.append(np.array_equal(models["EASE"].X != 0, likes))
    text = "; ".join(
        ", ".join(f"{name} {share:.2f}" for name, share in zip(models, row, strict=True))
        for row in found
    )
    return text, all(verbatim) and all(a < b < c for a, b, c in found)
