"""Models and a split in, a table out, under one protocol for every model.

`evaluate` judges a model's predictions of the test ratings. `rank` judges its recommendations: the
movies that it scores highest of *all* those that a user has not rated in training. Users without
training ratings are judged like all others, on whatever the model predicts for a new user.

Two things are refused. A model that was trained on anything but the split's training part may have
seen test ratings. A model that leaves out predictions would be judged on the easy ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from . import _checks, metrics
from .selection import top_n
from .split import Split

if TYPE_CHECKING:
    from .model import Model

RELEVANT = 4.0  # stars: what `threshold=None` comes to, of MovieLens' ratings
LIST_METRICS = (*metrics.RANKING, "novelty", "popularity")
ALL_METRICS = (*metrics.METRICS, *LIST_METRICS)


# Tables ----------------------------------------------------------------------------------


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
    shares = {
        name: shares_of(name, model, split, metrics.METRICS) for name, model in models.items()
    }
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
    _checks.check_name("to", to, models)
    shares = {
        name: shares_of(name, model, split, [metric], k, threshold)[metric]
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
        _checks.check_trained_on(name, model, split.train)
        try:
            ends = model.predict_interval(test.movie_index, test.user_index, level)
        except AttributeError:
            raise TypeError(f"the model {name!r} does not know how sure it is: {model!r}") from None
        low, high = (_checks.checked_predictions(name, end, test) for end in ends)
        is_covered = metrics.covered(test.value, low, high)
        for group, in_group in groups.items():
            shares = metrics.mean_shares(is_covered[in_group], test.user_index[in_group])
            width = float((high - low)[in_group].mean(dtype=np.float64))
            n_ratings = np.count_nonzero(in_group)
            rows.append([name, group, n_ratings, *metrics.estimate(shares), width])
    columns = ["model", "group", "n_ratings", "coverage", "low", "high", "width"]
    return pd.DataFrame(rows, columns=columns)


# What models predict and recommend ----------------------------------------------------------


def predictions(models: Mapping[str, Model], split: Split) -> dict[str, np.ndarray]:
    """Each model's predictions of the test ratings, with the checks of `evaluate`: (n_test,)."""
    test, predicted = split.test, {}
    for name, model in models.items():
        _checks.check_trained_on(name, model, split.train)
        of_model = model.predict(test.movie_index, test.user_index)
        predicted[name] = _checks.checked_predictions(name, of_model, test)
    return predicted


def recommended(models: Mapping[str, Model], split: Split, k: int = 10) -> dict[str, np.ndarray]:
    """Each model's list for every user, with the checks of `rank`: int32, (n_users, k).

    Lists are made by `top_n`: best first, -1 where fewer than k movies are left.
    """
    train, lists = split.train, {}
    if k != int(k) or not 1 <= k <= train.n_movies:
        raise ValueError(f"`k` should be from 1 to {train.n_movies:,}, the movies. Received: {k}")
    for name, model in models.items():
        _checks.check_trained_on(name, model, split.train)
        lists[name], _ = top_n(_checks.with_checked_scores(name, model, train), train, k)
    return lists


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


# Metrics, split by user ---------------------------------------------------------------------


def shares_of(
    name: str,
    model: Model,
    split: Split,
    measures: Iterable[str],
    k: int = 10,
    threshold: float | None = None,
) -> dict[str, metrics.Shares]:
    """These metrics of one model, split by user: what every table is made of."""
    measures, test = list(measures), split.test
    _checks.check_measures(measures, ALL_METRICS)
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
