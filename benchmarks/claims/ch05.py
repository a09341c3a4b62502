"""Claims of chapter 05, inspection."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from benchmarks.accuracy.folds import ratings_of
from cflib import evaluation, fit_als, fit_implicit, metrics, people
from cflib.people import cold_start
from cflib.people.new_user import solved

from .tools import EDITIONS, SEEDS, als_of, claim, lines, part_of, predict, range_of

PAIRS = [(year, seed) for year in EDITIONS for seed in SEEDS]


@functools.cache
def implicit_of(year: str, seed: int) -> Any:
    """Implicit feedback with the course's settings."""
    return fit_implicit(part_of(year, seed).train, seed=seed)


@functools.cache
def newcomers_of(year: str, seed: int, n_given: int | None) -> cold_start.Newcomers:
    """150 people left out, as in the chapter."""
    return cold_start.leave_out(ratings_of(year), 150, n_given, seed)


@functools.cache
def without(year: str, seed: int, n_given: int | None) -> Any:
    """ALS, trained without them."""
    return fit_als(newcomers_of(year, seed, n_given).train, seed=seed)


@claim("stands")
def lucky_movies():
    """Predictions of 4 stars or more are too high for movies with fewer than 20 ratings."""
    excess = {"fewer": [], "more": []}
    for year, seed in PAIRS:
        part, model = part_of(year, seed), als_of(year, seed)
        predicted, test = predict(model, part), part.test
        few = model.movie_counts[test.movie_index] < 20
        for name, of in (("fewer", few), ("more", ~few)):
            high = of & (predicted >= 4)
            excess[name].append(float((predicted - test.value)[high].mean()))
    text = "; ".join(f"{name}: prediction less rating {range_of(v)}" for name, v in excess.items())
    return text, min(excess["fewer"]) > max(excess["more"])


@claim("reworded")
def list_of_the_original_mean():
    """For somebody new the mean over all users makes a list of better known movies."""
    median = {"movie_all_users": [], "movie_user_damped": []}
    for year, seed in PAIRS:
        for means, of in median.items():
            model = fit_als(part_of(year, seed).train, normalization=means, seed=seed)
            of.append(float(people.new_user_list(model, 10, 20)["n_ratings"].median()))
    text = "; ".join(f"{m}: median count {min(v):.0f} to {max(v):.0f}" for m, v in median.items())
    pairs = zip(median["movie_all_users"], median["movie_user_damped"], strict=True)
    return text, all(original > damped for original, damped in pairs)


@claim("stands")
def likes_make_lists():
    """The lists of the factorisation of likes have the higher NDCG@10."""
    low = []
    for year, seed in PAIRS:
        both = {"likes": implicit_of(year, seed), "stars": als_of(year, seed)}
        table = evaluation.compare(both, part_of(year, seed), "stars", "ndcg")
        low.append(table.loc["likes"].tolist())
    return lines(low), all(d[1] > 0 for d in low)


@claim("stands")
def likes_are_better_known():
    """By likes the movies of a list are better known than by stars: the median of its counts."""
    shares = []
    for year, seed in PAIRS:
        part = part_of(year, seed)
        counts = als_of(year, seed).movie_counts
        lists = [
            evaluation.top_n(m, part.train, 10)[0]
            for m in (implicit_of(year, seed), als_of(year, seed))
        ]
        by_likes, by_stars = (np.median(counts[rows], axis=1) for rows in lists)
        shares.append(float((by_likes > by_stars).mean()))
    return f"for {range_of(shares)} of the users", min(shares) > 0.9


@claim("reworded")
def no_single_reason():
    """With 100 ratings or more, the largest reason is less than a tenth of all reasons together."""
    largest = []
    for year, seed in [(y, s) for y in EDITIONS for s in SEEDS]:
        train, model = part_of(year, seed).train, als_of(year, seed)
        rng = np.random.default_rng(seed)
        many = np.flatnonzero(train.user_counts >= 100)
        for user in rng.choice(many, 20, replace=False):
            ratings = people.history(train, train.user_ids[user]).set_index("movieId")["rating"]
            person = people.fold_in(model, ratings, bias="free")
            first = people.recommend(model, train, train.user_ids[user], 1, 20)["movieId"].iloc[0]
            terms = people.explain(model, person, first)["contribution"].iloc[:-1].abs()
            largest.append(float(terms.max() / terms.sum()))
    v = np.array(largest)
    return f"median {np.median(v):.3f}, largest {v.max():.3f}, of 200 people", np.mean(
        v < 0.1
    ) > 0.9


@claim("stands")
def sequels_are_similar():
    """The two sequels are among the eight movies most similar to the first Star Wars."""
    both = []
    for year, seed in PAIRS:
        ids = set(people.similar(als_of(year, seed), 260, 8, 20)["movieId"])
        both.append({1196, 1210} <= ids)
    return f"{sum(both)} of {len(both)}", all(both)


def near_genres(movies: Any) -> tuple[float, float]:
    """Share of a movie's five nearest on the map that have its first genre, and of all others."""
    at = movies[["x", "y"]].to_numpy()
    genre = movies["genre"].to_numpy()
    same = genre[:, None] == genre
    distance = np.hypot(*(at[:, None] - at).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    near = np.take_along_axis(same, np.argsort(distance, axis=1)[:, :5], axis=1)
    return near, (same.sum(axis=1) - 1) / (len(movies) - 1)


@claim("reworded")
def genres_on_the_map():
    """On the map a movie's five nearest share its first genre more often than others do."""
    rows, drama, variance = [], [], []
    for year, seed in PAIRS:
        model = als_of(year, seed)
        movie_map = people.movie_map(model)
        near, base = near_genres(movie_map.movies)
        rows.append(float(near.mean() - base.mean()))
        is_drama = (movie_map.movies["genre"] == "Drama").to_numpy()
        drama.append(float(near[is_drama].mean() - base[is_drama].mean()))
        X = model.X[np.searchsorted(model.movie_ids, movie_map.movies["movieId"])].astype(float)
        n = movie_map.movies["n_ratings"].to_numpy()
        spread = (n / n.sum()) @ (X - movie_map.middle) ** 2
        at = (n / n.sum()) @ movie_map.movies[["x", "y"]].to_numpy() ** 2
        variance.append(float(at.sum() / spread.sum()))
    text = (
        f"share among the five nearest less that of all: {range_of(rows)}; for Drama alone "
        f"{range_of(drama)}; the two axes hold {range_of(variance, 2)} of the variance"
    )
    return text, min(rows) > 0


def held_out_by_user(year: str, seed: int) -> list:
    """Ratings and predictions of each user with at least 10 held-out ratings."""
    part = part_of(year, seed)
    predicted = predict(als_of(year, seed), part)
    users = np.flatnonzero(part.test.user_counts >= 10)
    order = np.argsort(part.test.user_index, kind="stable")
    ends = np.concatenate([[0], np.cumsum(part.test.user_counts)])
    rows = [order[ends[u] : ends[u + 1]] for u in users]
    return [(part.test.value[r], predicted[r]) for r in rows]


@claim("stands")
def predictions_are_narrower():
    """For at least 95% of the people, predictions have the smaller standard deviation."""
    share = [
        float(np.mean([p.std() < v.std() for v, p in held_out_by_user(y, s)])) for y, s in PAIRS
    ]
    return f"for {range_of(share)} of the people with 10 held-out ratings or more", min(
        share
    ) > 0.95


@claim("reworded")
def worst_errors_are_low_ratings():
    """Most people's largest error is a prediction that is too high."""
    share, six = [], []
    for year, seed in PAIRS:
        people_ = held_out_by_user(year, seed)
        share.append(float(np.mean([(p - v)[np.abs(p - v).argmax()] > 0 for v, p in people_])))
        six.append(
            float(
                np.mean([np.all((p - v)[np.argsort(-np.abs(p - v))[:6]] > 0) for v, p in people_])
            )
        )
    text = f"for {range_of(share, 2)} of the people; all of the six largest for {range_of(six, 2)}"
    return text, min(share) > 0.6 and max(share) < 0.9


@functools.cache
def curves() -> list:
    """The chapter's curve for each edition and seed."""
    return [
        cold_start.curve(newcomers_of(y, s, 20), lambda t, s=s: fit_als(t, seed=s))
        for y, s in PAIRS
    ]


def at(curve: Any, n: int, method: str) -> Any:
    """The row of the curve."""
    return curve[(curve["n_given"] == n) & (curve["method"] == method)].iloc[0]


@claim("stands")
def folding_in_is_retraining():
    """From five ratings on, fold-in by training's rule is within 0.01 RMSE of retraining."""
    worst = [
        max(abs(at(c, n, "fold-in, free bias")["difference"]) for n in (5, 10, 20))
        for c in curves()
    ]
    one = [at(c, 1, "fold-in, free bias")["difference"] for c in curves()]
    text = f"largest {range_of(worst, 4)}; after one rating {range_of(one)} worse"
    return text, max(worst) < 0.01


@claim("stands")
def free_bias_hurts():
    """After one rating, retraining is worse than the cold start."""
    d = [
        at(c, 1, "cold start")[["difference", "difference_low", "difference_high"]]
        for c in curves()
    ]
    return "cold start less retraining " + lines([list(x) for x in d]), all(
        x.iloc[2] < 0 for x in d
    )


@claim("reworded")
def better_than_cold_start():
    """Fold-in is better than the cold start from five ratings on; after one it cannot be told."""
    text, holds = [], True
    for n in (1, 5, 10):
        found = []
        for y, s in PAIRS:
            new, model = newcomers_of(y, s, 20), without(y, s, 20)
            shares = [cold_start.fold_in_errors(model, new, k) for k in (n, 0)]
            found.append(metrics.difference(*shares))
        text.append(f"{n}: {lines(found)}")
        holds &= n == 1 or all(d[2] < 0 for d in found)
    return "; ".join(text), holds


@claim("stands")
def at_least_retraining():
    """At 5, 10 and 20 ratings, fold-in is nowhere worse than retraining by more than 0.005."""
    d = {n: [at(c, n, "fold-in")["difference"] for c in curves()] for n in (1, 5, 10, 20)}
    text = "; ".join(f"{n}: {range_of(v)}" for n, v in d.items())
    return text, all(max(v) < 0.005 for v in d.values())


@claim("stands")
def first_rating_moves_little():
    """One rating of five stars moves the median movie by less than half as much as a free bias."""
    ratio = []
    for year, seed in PAIRS:
        model = als_of(year, seed)
        stranger = model.score_new_user()
        free, damped = (
            np.median(people.fold_in(model, {296: 5.0}, bias).scores() - stranger)
            for bias in ("free", None)
        )
        ratio.append(float(damped / free))
    return f"{range_of(ratio)} of it", max(ratio) < 0.5


@claim("stands")
def as_expected():
    """A rating as predicted, added to eight others, moves no well-known movie by 0.1 stars."""
    moved = []
    for year, seed in PAIRS:
        part, model = part_of(year, seed), als_of(year, seed)
        known = model.movie_counts >= 20
        for user in np.random.default_rng(seed).choice(part.train.n_users, 20, replace=False):
            few = people.history(part.train, part.train.user_ids[user]).sample(8, random_state=seed)
            given = few.set_index("movieId")["rating"]
            person = people.fold_in(model, given)
            row = int(np.argsort(-model.movie_counts, kind="stable")[50])
            if model.movie_ids[row] in given.index:
                continue
            more = np.append(person.values, np.clip(person.scores()[row], 0.5, 5))
            after = solved(model, np.append(person.movie_index, row), more)
            moved.append(float(np.abs(after.scores() - person.scores())[known].max()))
    return f"largest move: median {np.median(moved):.3f}, largest {max(moved):.3f} stars", max(
        moved
    ) < 0.1


@claim("stands")
def five_stars_for_all():
    """Five stars for the 20 most rated: the list keeps at least six of anybody's ten."""
    shared = []
    for year, seed in PAIRS:
        model = als_of(year, seed)
        top = np.argsort(-model.movie_counts, kind="stable")[:20]
        person = people.fold_in(model, {int(i): 5.0 for i in model.movie_ids[top]})
        theirs = people.recommend_new(model, person, 10, min_ratings=20)["movieId"]
        anyone = people.new_user_list(model, 30, 20)["movieId"]
        anyone = anyone[~anyone.isin(model.movie_ids[top])].head(10)
        shared.append(len(set(theirs) & set(anyone)))
    return f"{min(shared)} to {max(shared)} of ten", min(shared) >= 6


@claim("stands")
def lengths_follow_counts():
    """Much rated movies have longer features; the nearest by dot product are better known."""
    rank, known = [], []
    for year, seed in PAIRS:
        model = als_of(year, seed)
        length, n = np.linalg.norm(model.X, axis=1), model.movie_counts
        rank.append(
            float(np.corrcoef(np.argsort(np.argsort(length)), np.argsort(np.argsort(n)))[0, 1])
        )
        movies = np.random.default_rng(seed).choice(np.flatnonzero(n >= 20), 50, replace=False)
        X = model.X.astype(float)
        by_dot = n[np.argsort(-(X[movies] @ X.T), axis=1)[:, :10]].mean()
        by_cos = n[
            np.argsort(-(X[movies] @ X.T) / np.maximum(length, 1e-12), axis=1)[:, :10]
        ].mean()
        known.append(float(by_dot / by_cos))
    return f"rank correlation {range_of(rank, 2)}; mean count {range_of(known, 1)} times", (
        min(rank) > 0.5 and min(known) > 1
    )


@claim("stands")
def stretching_does_not_help():
    """Stretching predictions until they spread as the ratings do raises the RMSE."""
    gains = []
    for year, seed in PAIRS:
        part = part_of(year, seed)
        p, v = predict(als_of(year, seed), part), part.test.value
        wide = np.clip(p.mean() + (p - p.mean()) * v.std() / p.std(), 0.5, 5)
        gains.append(metrics.rmse(v, wide) - metrics.rmse(v, p))
    return f"+{range_of(gains)}", min(gains) > 0


@functools.cache
def asked() -> dict[str, dict[int, list]]:
    """RMSE by rule and number of answers, for each edition and seed, and the telling's gain."""
    found: dict[str, dict[int, list]] = {}
    for year, seed in PAIRS:
        new, model = newcomers_of(year, seed, None), without(year, seed, None)
        rng, counts = np.random.default_rng(seed), model.movie_counts
        best = np.argsort(-counts, kind="stable")
        chance = np.log(np.maximum(counts, 1e-9)) + rng.gumbel(size=len(counts))
        drawn = np.argsort(-chance)  # without replacement, in proportion to the counts
        telling = np.searchsorted(model.movie_ids, people.questions(model, 300)["movieId"])
        turns = np.stack([telling, drawn[:300]], axis=1).ravel()
        rules = {
            "popular": best,
            "telling": telling,
            "random": rng.permutation(len(counts)),
            "drawn by count": drawn,
            "among 1000": np.append(rng.permutation(best[:1000]), best[1000:]),
            "telling and drawn": turns[np.sort(np.unique(turns, return_index=True)[1])],
        }
        for n in (5, 10, 15):
            shares = {
                rule: cold_start.fold_in_errors(model, cold_start.ask(new, movies), n)
                for rule, movies in rules.items()
            }
            for rule, share in shares.items():
                found.setdefault(rule, {}).setdefault(n, []).append(share.value)
            gain = metrics.difference(shares["telling"], shares["popular"])
            found.setdefault("gain", {}).setdefault(n, []).append(gain)
    return found


def of_editions(values: list) -> np.ndarray:
    """Means over the seeds, one for each edition."""
    return np.mean(np.reshape(values, (len(EDITIONS), len(SEEDS))), axis=1)


@claim("stands")
def telling_beats_popular():
    """With 5, 10 and 15 answers, the telling movies leave a smaller mean error than the popular."""
    gain = asked()["gain"]
    text = "; ".join(f"{n}: {lines(d)}" for n, d in gain.items())
    return text, all((of_editions([v[0] for v in d]) < 0).all() for d in gain.values())


@claim("reworded")
def nothing_beats_random():
    """No rule tried leaves a smaller mean error than random movies, with 5, 10 or 15 answers."""
    text, holds = [], True
    for rule, errors in asked().items():
        if rule not in ("gain", "random"):
            less = [of_editions(errors[n]) - of_editions(asked()["random"][n]) for n in (5, 10, 15)]
            text.append(f"{rule} {range_of(np.ravel(less).tolist())} worse")
            holds &= bool(np.min(less) > 0)
    return "; ".join(text) + " (means over the seeds)", holds


@claim("stands")
def diversity_trades():
    """With δ = 0.5 a list loses less than 0.3 stars, and its movies are less alike by 0.1."""
    stars, alike = [], []
    for year, seed in PAIRS:
        part, model = part_of(year, seed), als_of(year, seed)
        X = model.X / np.maximum(np.linalg.norm(model.X, axis=1, keepdims=True), 1e-12)
        for user in np.random.default_rng(seed).choice(part.train.user_ids, 20, replace=False):
            of = []
            for delta in (0.0, 0.5):
                chosen = people.recommend(model, part.train, user, 10, 20, diversity=delta)
                x = X[np.searchsorted(model.movie_ids, chosen["movieId"])]
                of.append((chosen["prediction"].mean(), (np.sum(x @ x.T) - 10) / 90))
            stars.append(of[0][0] - of[1][0])
            alike.append(of[0][1] - of[1][1])
    text = f"mean loss {np.mean(stars):.3f} stars, mean likeness less by {np.mean(alike):.2f}"
    return text + ", of 200 people", np.mean(stars) < 0.3 and np.mean(alike) > 0.1


@claim("reworded")
def ten_people_s_worst():
    """Exercise 6: most of ten people's ten largest errors are predictions that are too high."""
    high = []
    for year, seed in PAIRS:
        part = part_of(year, seed)
        of = part.test.user_index < 10
        error = predict(als_of(year, seed), part)[of] - part.test.value[of]
        high.append(int((error[np.argsort(-np.abs(error))[:10]] > 0).sum()))
    return f"{min(high)} to {max(high)} of ten", min(high) > 5
