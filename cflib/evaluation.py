"""Models and a split in, a table out, under one protocol for every model.

`evaluate` judges a model's predictions of the test ratings. `rank` judges its recommendations: the
movies that it scores highest of *all* those that a user has not rated in training. Users without
training ratings are judged like all others, on whatever the model predicts for a new user.

Two things are refused. A model that was trained on anything but the split's training part may have
seen test ratings. A model that leaves out predictions would be judged on the easy ones.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import _kernels, _selection, metrics
from .ratings import Ratings
from .split import Split

if TYPE_CHECKING:
    from .model import Model

RELEVANT = 4.0  # stars: what `threshold=None` comes to, of MovieLens' ratings
LIST_METRICS = (*metrics.RANKING, "novelty", "popularity")


# One split ----------------------------------------------------------------------------------


def evaluate(
    models: Mapping[str, Model], split: Split, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """RMSE and MAE of each model on the test ratings, with bootstrap intervals over users.

    Parameters
    ----------
    models : dict of str to Model
        Models by name, trained on `split.train`.
    split : Split
    level : float
        Level of the intervals.
    seed : int
        Seed of the bootstrap draws. All models are measured on the same draws.

    Returns
    -------
    DataFrame, indexed by model
        Columns rmse, rmse_low, rmse_high, mae, mae_low, mae_high, in stars.

    Raises
    ------
    ValueError
        For a model trained on other ratings than `split.train`, and for one that leaves out
        predictions: the message says how many, and of which users.
    TypeError
        For a model that ranks movies and predicts no ratings.
    """
    shares = {name: _shares(name, model, split, metrics.METRICS) for name, model in models.items()}
    return _table(shares, level, seed)


def rank(
    models: Mapping[str, Model],
    split: Split,
    k: int = 10,
    threshold: float | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Quality of each model's k recommendations, with bootstrap intervals over users.

    Each user's list holds the k movies that the model scores highest of all that the user has not
    rated in training. Of equal scores, the movie that comes first in the rows is taken. A hit is
    a movie that the user rated `threshold` or higher in the test.

    Parameters
    ----------
    models, split, level, seed
        As in `evaluate`.
    k : int
        Movies in a list.
    threshold : float or None
        Test ratings as high as this are relevant. None: `Ratings.like_threshold` of the training
        ratings, which splits them most evenly (4 stars, of MovieLens').

    Returns
    -------
    DataFrame, indexed by model
        The metrics of `metrics.RANKING`, then novelty (bits) and popularity (training ratings),
        each with its _low and _high; catalogue_coverage; n_users, the users who are judged; and
        n_left_out, the users who have test ratings but no relevant one.

    Raises
    ------
    ValueError
        As `evaluate`; where no test rating is relevant; and for a k not from 1 to n_movies.
    """
    lists = recommended(models, split, k)
    shares = {name: _list_shares(of_model, split, threshold) for name, of_model in lists.items()}
    judged = np.unique(_relevant(split, threshold)[0])
    coverages = [
        metrics.catalogue_coverage(of_model[judged], split.train.n_movies)
        for of_model in lists.values()
    ]
    return _table(shares, level, seed).assign(
        catalogue_coverage=coverages,
        n_users=len(judged),
        n_left_out=len(np.unique(split.test.user_index)) - len(judged),
    )


def compare(
    models: Mapping[str, Model],
    split: Split,
    to: str,
    metric: str = "rmse",
    k: int = 10,
    threshold: float | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """How much larger each model's metric is than that of one of them, on the same draws of users.

    Parameters
    ----------
    models, split, k, threshold, level, seed
        As in `evaluate` and `rank`.
    to : str
        Name of the model that the others are compared with.
    metric : str
        Any metric that `evaluate` or `rank` has an interval for.

    Returns
    -------
    DataFrame, indexed by the other models
        Columns difference, low, high.

    Raises
    ------
    ValueError
        As `evaluate` and `rank`; and for a `to` that is none of the models.
    """
    _check_name("to", to, models)
    shares = {
        name: _shares(name, model, split, [metric], k, threshold)[metric]
        for name, model in models.items()
    }
    rows = {
        name: metrics.difference(of_model, shares[to], level, seed=seed)
        for name, of_model in shares.items()
        if name != to
    }
    columns = ["difference", "low", "high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("model")


def by_count(
    models: Mapping[str, Model],
    split: Split,
    axis: str = "movie",
    edges: Sequence[int] = (0, 1, 5, 20, 50),
    level: float = 0.95,
) -> pd.DataFrame:
    """RMSE on the test ratings by how many training ratings the movie, or the user, has.

    Parameters
    ----------
    models, split, level
        As in `evaluate`.
    axis : str
        "movie" or "user".
    edges : sequence of int
        Lower ends of the groups, increasing; the last group has no upper end.

    Returns
    -------
    DataFrame
        Columns model, group ("5–19"), n_ratings, rmse, rmse_low, rmse_high: a row for each model
        and each group that has test ratings.
    """
    test, rows = split.test, []
    for name, predicted in predictions(models, split).items():
        for group, in_group in _groups(split, axis, edges).items():
            pair = test.value[in_group], predicted[in_group]
            low, high = metrics.interval(*pair, test.user_index[in_group], level=level)
            n_ratings = np.count_nonzero(in_group)
            rows.append([name, group, n_ratings, metrics.rmse(*pair), low, high])
    columns = ["model", "group", "n_ratings", "rmse", "rmse_low", "rmse_high"]
    return pd.DataFrame(rows, columns=columns)


def coverage(
    models: Mapping[str, Any],
    split: Split,
    level: float = 0.9,
    axis: str = "movie",
    edges: Sequence[int] = (0, 5, 51),
) -> pd.DataFrame:
    """Share of the test ratings that lie in the intervals that a model predicts for them.

    Parameters
    ----------
    models : dict of str to Model
        Models that have `predict_interval(movie_index, user_index, level)`.
    split : Split
    level : float
        Level of the models' intervals: what the share should be.
    axis, edges
        As in `by_count`: the groups, by number of training ratings.

    Returns
    -------
    DataFrame
        Columns model, group ("all" first), n_ratings, coverage, low and high (its bootstrap
        interval over users, of 95 %), width (mean width of the models' intervals, stars).

    Raises
    ------
    ValueError
        As `evaluate` and `by_count`.
    TypeError
        For a model that does not know how sure it is.
    """
    test, rows = split.test, []
    groups = {"all": np.ones(len(test), bool), **_groups(split, axis, edges)}
    for name, model in models.items():
        _check_trained_on(name, model, split)
        try:
            ends = model.predict_interval(test.movie_index, test.user_index, level)
        except AttributeError:
            raise TypeError(f"the model {name!r} does not know how sure it is: {model!r}") from None
        low, high = (_checked_predictions(name, end, test) for end in ends)
        is_covered = metrics.covered(test.value, low, high)
        for group, in_group in groups.items():
            shares = metrics.mean_shares(is_covered[in_group], test.user_index[in_group])
            width = float((high - low)[in_group].mean(dtype=np.float64))
            n_ratings = np.count_nonzero(in_group)
            rows.append([name, group, n_ratings, *metrics.estimate(shares), width])
    columns = ["model", "group", "n_ratings", "coverage", "low", "high", "width"]
    return pd.DataFrame(rows, columns=columns)


# Many splits --------------------------------------------------------------------------------


def cross_validate(
    fits: Mapping[str, Callable[..., Model]],
    folds: Sequence[Split],
    measures: Sequence[str] = ("rmse", "mae"),
    *,
    seeds: Sequence[int] | None = None,
    to: str | None = None,
    k: int = 10,
    threshold: float | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Train each kind of model on every fold; the mean of each metric over folds, and its spread.

        cross_validate({"means": fit_means, "ALS": fit_als}, kfold(ratings))

    Parameters
    ----------
    fits : dict of str to callable
        `fit(ratings)`, or with `seeds` `fit(ratings, seed=seed)`, returns a trained model.
    folds : sequence of Split
        Splits on the same axes, as `split.kfold` makes them.
    measures : sequence of str
        Metrics that `evaluate` or `rank` has an interval for.
    seeds : sequence of int or None
        Repeat each fit with each of these seeds.
    to : str or None
        Name of a fit that every other is compared with.
    k, threshold, level
        As in `rank`.

    Returns
    -------
    DataFrame, indexed by model and metric
        Columns mean (over folds and seeds), low and high (bootstrap interval over users; a user
        who is drawn is drawn in every fold), and sd_folds (standard deviation over folds). With
        `seeds` also sd_seeds: the standard deviation over seeds within a fold, as the root of the
        mean variance. With `to` also difference, difference_low and difference_high: how much
        larger the mean is than that of `to`.

    Raises
    ------
    ValueError
        As `evaluate` and `rank`; and, before anything is trained, for a `to` that is none of the
        fits or a measure that there isn't.
    """
    _check_measures(measures)
    if to is not None:
        _check_name("to", to, fits)
    keywords: list[dict] = [{}] if seeds is None else [{"seed": seed} for seed in seeds]
    shares: dict[tuple[str, str], list] = {pair: [] for pair in itertools.product(fits, measures)}
    for fold, (name, fit), keyword in itertools.product(folds, fits.items(), keywords):
        model = fit(fold.train, **keyword)
        for measure, share in _shares(name, model, fold, measures, k, threshold).items():
            shares[name, measure].append(share)

    rows = []
    for (_, measure), of_model in shares.items():
        values = pd.DataFrame(np.reshape([share.value for share in of_model], (len(folds), -1)))
        mean, low, high = metrics.estimate(of_model, level)
        row = {"mean": mean, "low": low, "high": high, "sd_folds": values.mean(axis=1).std()}
        if seeds is not None:
            row["sd_seeds"] = np.sqrt(values.var(axis=1).mean())
        if to is not None:
            ends = metrics.difference(of_model, shares[to, measure], level)
            row |= zip(("difference", "difference_low", "difference_high"), ends, strict=True)
        rows.append(row)
    return pd.DataFrame(rows, pd.MultiIndex.from_tuples(shares, names=["model", "metric"]))


# What models predict and recommend ----------------------------------------------------------


def predictions(models: Mapping[str, Model], split: Split) -> dict[str, np.ndarray]:
    """Each model's predictions of the test ratings, with the checks of `evaluate`: (n_test,)."""
    test, predicted = split.test, {}
    for name, model in models.items():
        _check_trained_on(name, model, split)
        of_model = model.predict(test.movie_index, test.user_index)
        predicted[name] = _checked_predictions(name, of_model, test)
    return predicted


def recommended(models: Mapping[str, Model], split: Split, k: int = 10) -> dict[str, np.ndarray]:
    """Each model's list for every user, with the checks of `rank`: int32, (n_users, k).

    Lists are made by `top_n`: best first, -1 where fewer than k movies are left.
    """
    train, lists = split.train, {}
    if k != int(k) or not 1 <= k <= train.n_movies:
        raise ValueError(f"`k` should be from 1 to {train.n_movies:,}, the movies. Received: {k}")
    for name, model in models.items():
        _check_trained_on(name, model, split)
        lists[name], _ = top_n(_with_checked_scores(name, model, train), train, k)
    return lists


def among_sampled(model: Model, split: Split, n: int = 100, seed: int = 0) -> Any:
    """The model, made to choose among a user's test movies and n others, drawn at random.

        part = latest(ratings, n=1)
        rank({"iALS": among_sampled(model, part)}, part, threshold=part.train.scale[0])

    is the protocol of He et al. (2017), "Neural collaborative filtering": `hit_rate` and `ndcg` are
    its HR@10 and NDCG@10. Use it only to compare with papers that use it.

    Warning: a metric on drawn movies is not the metric on all of them, and may order models
    otherwise. Most of 100 drawn movies are far down a good model's list of all. So a place among
    them says little of who finds the best ten: Krichene & Rendle (2020), "On sampled metrics for
    item recommendation".

    Parameters
    ----------
    model : Model
        Trained on `split.train`.
    split : Split
    n : int
        Movies drawn for each user, of those that the user rated neither in training nor in the
        test. Where there are fewer, all of them.
    seed : int
        Seed of the draws; every model gets the same movies.

    Returns
    -------
    object
        What `rank`, `compare` and `rankings` take in a model's place. All other movies have the
        lowest score that there is.
    """
    rated = [_by_user(split.train), _by_user(split.test)]

    def score_users(users: np.ndarray) -> np.ndarray:
        scores = model.score_users(users)
        kept = np.full(scores.shape, np.finfo(np.float32).min, np.float32)
        for place, user in enumerate(users):
            trained, tested = (movies[user] for movies in rated)
            others = np.setdiff1d(np.arange(len(scores)), np.concatenate([trained, tested]))
            drawn = np.random.default_rng([seed, user]).permutation(others)[:n]
            chosen = np.concatenate([tested, drawn])
            kept[chosen, place] = scores[chosen, place]
        return kept

    return types.SimpleNamespace(score_users=score_users, data_fingerprint=model.data_fingerprint)


def _by_user(ratings: Ratings) -> list[np.ndarray]:
    """The movies that each user rated."""
    movies = ratings.movie_index[np.argsort(ratings.user_index, kind="stable")]
    return np.split(movies, np.cumsum(ratings.user_counts)[:-1])


def rankings(
    models: Mapping[str, Model], split: Split, k: int = 10, threshold: float | None = None
) -> dict[str, pd.DataFrame]:
    """The metrics of every judged user's list, of which `rank` reports the means.

    Parameters as in `rank`. Returns a DataFrame for each model, indexed by user_index.
    """
    frames = {}
    for name, lists in recommended(models, split, k).items():
        shares = _list_shares(lists, split, threshold)
        frame = pd.DataFrame({metric: share.total for metric, share in shares.items()})
        is_judged = shares["ndcg"].weight > 0
        frames[name] = frame[is_judged].rename_axis("user_index")
    return frames


def top_n(
    model: Model, ratings: Ratings, n: int = 10, block: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The n best movies for every user, without those that the user has rated.

    Of equal scores, the movie that comes first in the rows is taken.

    Parameters
    ----------
    model : Model
    ratings : Ratings
        What users have rated, on the model's axes.
    n : int
        Movies for each user.
    block : int or None
        Users who are scored at a time, on each core. None: as many as let their scores stay in the
        core's cache.

    Returns
    -------
    movie_index : ndarray of int32, (n_users, n)
        Best first; -1 where a user has rated so much that fewer than n movies are left.
    score : ndarray of float32, (n_users, n)
        Unclipped; -inf beside a -1.
    """
    if n != int(n) or n < 1:
        raise ValueError(f"`n` should be a positive integer. Received: {n}")
    n, block = min(n, ratings.n_movies), block or _selection.block_size(ratings.n_movies)
    return best_unrated(model, rated_movies(ratings), np.arange(ratings.n_users), n, block)


def rated_movies(ratings: Ratings) -> _kernels.Rows:
    """The movies that each user has rated: those of user j are `column[start[j]:start[j + 1]]`."""
    user, movie = ratings.user_index, ratings.movie_index
    return _kernels.by_row(user, movie, ratings.value, ratings.n_users)


def best_unrated(
    model: Model,
    rated: _kernels.Rows,
    user_index: np.ndarray,
    n: int,
    block: int,
    allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The n best movies for these users, in blocks of users, each core a block of its own.

    The memory needed is that of these blocks, n_movies x `block` floats each, whatever the number
    of users. `rated` is from `rated_movies`; `allowed`, bool, (n_movies,), says which movies a list
    may hold. The rest is as in `top_n`.
    """
    movie_index = np.empty((len(user_index), n), np.int32)
    score = np.empty((len(user_index), n), np.float32)
    best = _selection.best_of_columns if n <= _selection.LONGEST else n_best

    def of_block(first: int) -> None:
        users = user_index[first : first + block]
        scores = np.require(model.score_users(users), np.float32, ["C", "W", "O"])
        for place, user in enumerate(users):
            scores[rated.column[rated.start[user] : rated.start[user + 1]], place] = -np.inf
        if allowed is not None:
            scores[~allowed] = -np.inf
        movie_index[first : first + block], score[first : first + block] = best(scores, n)

    _selection.on_all_cores(of_block, range(0, len(user_index), block))
    return movie_index, score


def n_best(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the n highest scores of each column, and these scores, best first: the definition.

    Of equal scores, the first row is taken; -inf is nobody's best, and its row is -1. `scores` is
    (n_movies, n_users), and both results are (n_users, n). `_selection.best_of_columns` is the same
    for a short list, without sorting.
    """
    best = np.argsort(-scores, axis=0, kind="stable")[:n].T.astype(np.int32)
    score = np.take_along_axis(scores.T, best, axis=1)
    best[np.isneginf(score)] = -1
    return best, score


# Metrics, split by user ---------------------------------------------------------------------


def _shares(
    name: str,
    model: Model,
    split: Split,
    measures: Iterable[str],
    k: int = 10,
    threshold: float | None = None,
) -> dict[str, metrics.Shares]:
    """These metrics of one model."""
    measures, test = list(measures), split.test
    _check_measures(measures)
    shares = {}
    if not metrics.METRICS.keys().isdisjoint(measures):
        predicted = predictions({name: model}, split)[name]
        for metric in metrics.METRICS:
            shares[metric] = metrics.error_shares(
                test.value, predicted, test.user_index, test.n_users, metric
            )
    if not set(LIST_METRICS).isdisjoint(measures):
        shares |= _list_shares(recommended({name: model}, split, k)[name], split, threshold)
    return {metric: shares[metric] for metric in measures}


def _list_shares(
    lists: np.ndarray, split: Split, threshold: float | None
) -> dict[str, metrics.Shares]:
    """All metrics of one model's lists, int, (n_users, k)."""
    train = split.train
    relevant_user, relevant_movie = _relevant(split, threshold)
    n_relevant = np.bincount(relevant_user, minlength=train.n_users)
    judged = np.flatnonzero(n_relevant)
    lists, n_relevant = lists[judged], n_relevant[judged]
    n_movies = np.int64(train.n_movies)  # a pair (user, movie) is numbered user n_movies + movie
    is_relevant = np.isin(
        judged[:, None] * n_movies + lists, relevant_user * n_movies + relevant_movie
    )
    hits = is_relevant & (lists >= 0)
    values = {name: metric(hits, n_relevant) for name, metric in metrics.RANKING.items()}
    values["novelty"] = metrics.novelty(lists, train.movie_counts, train.n_users)
    values["popularity"] = metrics.popularity(lists, train.movie_counts)
    return {
        name: metrics.mean_shares(value, judged, train.n_users) for name, value in values.items()
    }


def _check_measures(measures: Iterable[str]) -> None:
    known = [*metrics.METRICS, *LIST_METRICS]
    if not set(measures) <= set(known):
        raise ValueError(f"a metric is one of {', '.join(known)}. Received: {list(measures)}")


def _check_name(argument: str, name: str, models: Iterable[str]) -> None:
    if name not in models:
        raise ValueError(f"`{argument}` should be one of {', '.join(models)}. Received: {name!r}")


def _relevant(split: Split, threshold: float | None) -> tuple[np.ndarray, np.ndarray]:
    """User and movie of every relevant test rating."""
    test = split.test
    threshold = split.train.like_threshold if threshold is None else threshold
    is_relevant = np.ones(len(test), bool) if threshold is None else test.value >= threshold
    if not is_relevant.any():
        raise ValueError(f"no test rating is at or above the `threshold` of {threshold}")
    return test.user_index[is_relevant], test.movie_index[is_relevant]


def _groups(split: Split, axis: str, edges: Sequence[int]) -> dict[str, np.ndarray]:
    """Test ratings by the number of training ratings of their movie or user: label -> mask."""
    if axis not in ("movie", "user"):
        raise ValueError(f"`axis` should be 'movie' or 'user'. Received: {axis!r}")
    if not len(edges) or list(edges) != sorted(set(edges)):
        raise ValueError(f"`edges` should be numbers of ratings, rising. Received: {edges}")
    if axis == "movie":
        count = split.train.movie_counts[split.test.movie_index]
    else:
        count = split.train.user_counts[split.test.user_index]
    groups = {
        f"{low}" if high == low + 1 else f"{low}–{high - 1}": (low <= count) & (count < high)
        for low, high in itertools.pairwise(edges)
    }
    groups[f"{edges[-1]}+"] = count >= edges[-1]
    return {label: in_group for label, in_group in groups.items() if in_group.any()}


def _table(
    shares: Mapping[str, Mapping[str, metrics.Shares]], level: float, seed: int
) -> pd.DataFrame:
    """A row for each model: every metric's value, _low and _high, all on the same draws."""
    if not shares:
        raise ValueError("`models` should hold at least one model. Received: none")
    flat = [(name, metric) for name, of_model in shares.items() for metric in of_model]
    drawn = metrics.draws([shares[name][metric] for name, metric in flat], seed=seed)
    rows: dict[str, dict[str, float]] = {name: {} for name in shares}
    for (name, metric), ends in zip(flat, metrics.percentiles(drawn, level).T, strict=True):
        rows[name][metric] = shares[name][metric].value
        rows[name][f"{metric}_low"], rows[name][f"{metric}_high"] = ends
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


# Checks -------------------------------------------------------------------------------------


def _check_trained_on(name: str, model: Model, split: Split) -> None:
    if model.data_fingerprint != split.train.fingerprint:
        raise ValueError(
            f"the model {name!r} was trained on other ratings than this split's training "
            "part, so it may have seen the test ratings: train it on `split.train`"
        )


def _checked_predictions(name: str, predicted: np.ndarray, test: Ratings) -> np.ndarray:
    what = f"predict all {len(test):,} test ratings"
    return _checked(name, what, predicted, test.value.shape, test.user_index, test)


def _with_checked_scores(name: str, model: Model, ratings: Ratings) -> Any:
    """The model, for `top_n`; a score that is missing is an error."""
    what = f"score all {ratings.n_movies:,} movies for each user"

    def score_users(users: np.ndarray) -> np.ndarray:
        shape = ratings.n_movies, len(users)
        return _checked(name, what, model.score_users(users), shape, users, ratings)

    return types.SimpleNamespace(score_users=score_users)


def _checked(
    name: str,
    what: str,
    values: np.ndarray,
    shape: tuple[int, ...],
    user_index: np.ndarray,
    ratings: Ratings,
) -> np.ndarray:
    """The values, or an error that says how many are missing, and of which users."""
    values = np.asarray(values)
    if values.shape != shape:
        raise ValueError(f"the model {name!r} should {what}. Received: shape {values.shape}")
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        ids = ratings.user_ids[np.unique(np.broadcast_to(user_index, shape)[is_bad])]
        shown = ", ".join(map(str, ids[:10])) + (", …" if len(ids) > 10 else "")
        raise ValueError(
            f"the model {name!r} should {what}. Received: {is_bad.sum():,} of them not finite, "
            f"of {len(ids):,} users: {shown}"
        )
    return values
