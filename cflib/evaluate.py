"""A model and a split in, a table out: one protocol for every model.

A model of ratings has `predict(movie_index, user_index)`; one that recommends has
`score_users(user_index)`, the scores of all films for a block of users; both say in
`data_fingerprint` what they were trained on. A model that was trained on anything but the split's
training part is refused: that is how test ratings leak. So is one that leaves a prediction out.

`evaluate` judges predictions of the test ratings, and `rank` the lists of films that a model would
recommend: the best of *all* films that the user has not rated in training. A user whom training
does not know is judged like any other, on whatever the model says of a stranger; `unknown` counts
how much of the test that is.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from . import inspection, metrics
from .split import Split

COUNT_EDGES = (0, 1, 5, 20, 50)
RELEVANT = 4.0  # stars: from here on a film was worth recommending


# One split ----------------------------------------------------------------------------------


def evaluate(models: dict, split: Split, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Held-out RMSE and MAE of each model, with bootstrap intervals over users.

    Parameters
    ----------
    models : dict of name to model
        Trained on `split.train`.
    split : Split
    level : float
        Of the intervals.
    seed : int
        Of the bootstrap draws; the same draws serve every model.

    Returns
    -------
    DataFrame, indexed by model in the order given
        Columns rmse, rmse_low, rmse_high, mae, mae_low, mae_high, in stars.

    Raises
    ------
    ValueError
        For a model trained on other ratings than `split.train`, or one that leaves a prediction
        out (by name, with how many and whose).
    TypeError
        For a model that ranks films and predicts no ratings.
    """
    return _with_intervals(
        {name: _shares(name, model, split, metrics.METRICS) for name, model in models.items()},
        level,
        seed,
    )


def rank(
    models: dict,
    split: Split,
    k: int = 10,
    threshold: float = RELEVANT,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """How good each model's k recommendations are, with bootstrap intervals over users.

    Each user's list is the k films that the model scores highest of all that they have not rated
    in training; of equal scores the film that comes first in the rows. A hit is a film that the
    user rated `threshold` or better in the test.

    Parameters
    ----------
    models, split, level, seed
        As in `evaluate`.
    k : int
        Films in a list.
    threshold : float
        Test ratings from here on, in stars, are relevant.

    Returns
    -------
    DataFrame, indexed by model in the order given
        The metrics of `metrics.RANKING`, then novelty (bits) and popularity (training ratings),
        each with its _low and _high; catalogue_coverage; n_users, who are judged; and n_left_out,
        users with test ratings of whom none is relevant: for them no list is better than another.

    Raises
    ------
    ValueError
        As `evaluate`; and where no test rating is relevant, or k is not from 1 to n_movies.
    """
    lists = recommended(models, split, k)
    user, _ = _relevant(split, threshold)
    table = _with_intervals(
        {name: _list_shares(found, split, threshold) for name, found in lists.items()}, level, seed
    )
    judged, tested = np.unique(user), np.unique(split.test.user_index)
    return table.assign(
        catalogue_coverage=[
            metrics.catalogue_coverage(found[judged], split.train.n_movies)
            for found in lists.values()
        ],
        n_users=len(judged),
        n_left_out=len(tested) - len(judged),
    )


def compare(
    models: dict,
    split: Split,
    to: str,
    metric: str = "rmse",
    k: int = 10,
    threshold: float = RELEVANT,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """How much larger each model's metric is than that of the model `to`, on the same draws.

    Arguments as in `evaluate` and `rank`, for any metric that they have an interval for. Returns
    a DataFrame, indexed by the other models, with columns difference, low, high.
    """
    shares = {
        name: _shares(name, model, split, [metric], k, threshold)[metric]
        for name, model in models.items()
    }
    rows = {
        name: metrics.difference(own, shares[to], level, seed=seed)
        for name, own in shares.items()
        if name != to
    }
    return _frame(rows, ["difference", "low", "high"]).rename_axis("model")


def by_count(
    models: dict, split: Split, axis: str = "movie", edges=COUNT_EDGES, level: float = 0.95
) -> pd.DataFrame:
    """Held-out RMSE by how many training ratings the movie, or the user, has.

    Parameters
    ----------
    models, split, level
        As in `evaluate`.
    axis : "movie" or "user"
    edges : increasing ints
        Lower ends of the groups; the last group is open.

    Returns
    -------
    DataFrame
        Columns model, group ("5–19"), n_ratings, rmse, rmse_low, rmse_high; one row a model and
        group that has test ratings.
    """
    test, rows = split.test, []
    for name, predicted in predictions(models, split).items():
        for label, rated in _groups(split, axis, edges).items():
            args = test.value[rated], predicted[rated]
            low, high = metrics.interval(*args, test.user_index[rated], level=level)
            rows.append([name, label, int(rated.sum()), metrics.rmse(*args), low, high])
    columns = ["model", "group", "n_ratings", "rmse", "rmse_low", "rmse_high"]
    return pd.DataFrame(rows, columns=columns)


def by_user(models: dict, split: Split) -> pd.DataFrame:
    """Held-out errors of every user: a row a model and user with test ratings.

    Columns model, userId, n_ratings (in the test), rmse, mae (stars).
    """
    test, frames = split.test, []
    for name, predicted in predictions(models, split).items():
        frame = metrics.per_user(test.value, predicted, test.user_index)
        frame.insert(0, "userId", test.user_ids[frame.index])
        frame.insert(0, "model", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def calibration(models: dict, split: Split, n_bins: int = 10, level: float = 0.95):
    """What was given where a model predicted x: `metrics.calibration`, with a column model."""
    test, frames = split.test, []
    for name, predicted in predictions(models, split).items():
        frame = metrics.calibration(test.value, predicted, test.user_index, n_bins, level)
        frame.insert(0, "model", name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def coverage(
    models: dict, split: Split, level: float = 0.9, axis: str = "movie", edges=(0, 5, 51)
) -> pd.DataFrame:
    """Share of the test ratings that lie in the intervals in which a model expects them.

    Parameters
    ----------
    models : dict of name to model
        That know how sure they are: with `predict_interval(movie_index, user_index, level)`.
    split : Split
    level : float
        Of the models' intervals: what the share should be.
    axis, edges
        Groups by number of training ratings, as in `by_count`.

    Returns
    -------
    DataFrame
        Columns model, group ("all" first), n_ratings, coverage, low, high (its 95 % bootstrap
        interval over users), width (of the models' intervals, mean, stars).
    """
    test, rows = split.test, []
    groups = {"all": np.ones(len(test), bool), **_groups(split, axis, edges)}
    for name, model in models.items():
        _check_trained_on(name, model, split)
        ends = model.predict_interval(test.movie_index, test.user_index, level)
        low, high = (_checked(name, end, test) for end in ends)
        inside = metrics.covered(test.value, low, high)
        for label, mine in groups.items():
            shares = metrics.mean_shares(inside[mine], test.user_index[mine])
            width = float((high - low)[mine].mean(dtype=np.float64))
            rows.append([name, label, int(mine.sum()), *metrics.estimate(shares), width])
    columns = ["model", "group", "n_ratings", "coverage", "low", "high", "width"]
    return pd.DataFrame(rows, columns=columns)


def unknown(split: Split) -> pd.DataFrame:
    """How much of the test is of users, and of films, without a single training rating.

    There a model has only the rest to go by: its means, and what it knows besides ratings.
    Returns a DataFrame, indexed by "users" and "movies", with columns tested and unknown (how
    many of them), and ratings_tested and ratings_unknown (test ratings that are theirs).
    """
    test, rows = split.test, {}
    for name, index, counts in (
        ("users", test.user_index, split.train.user_counts),
        ("movies", test.movie_index, split.train.movie_counts),
    ):
        new = index[counts[index] == 0]
        rows[name] = [len(np.unique(index)), len(np.unique(new)), len(index), len(new)]
    return _frame(rows, ["tested", "unknown", "ratings_tested", "ratings_unknown"])


# Many splits --------------------------------------------------------------------------------


def evaluate_folds(
    fits: dict[str, Callable],
    splits: Sequence[Split],
    wanted: Sequence[str] = ("rmse", "mae"),
    seeds: Sequence[int] = (42,),
    to: str | None = None,
    k: int = 10,
    threshold: float = RELEVANT,
    level: float = 0.95,
) -> pd.DataFrame:
    """Train on every split with every seed; the mean of each metric, and what it varies with.

    Parameters
    ----------
    fits : dict of name to function
        `fit(ratings, seed)` returns the model trained on `ratings`.
    splits : list of Split
        On the same axes, such as `split.kfold` makes.
    wanted : names of metrics
        Any that `evaluate` and `rank` have an interval for.
    seeds : ints
        Each fit is repeated with each of these.
    to : str or None
        A model that every other is compared with.
    k, threshold, level
        As in `rank`.

    Returns
    -------
    DataFrame, indexed by model and metric
        mean (over folds and seeds), low, high (bootstrap over users, each drawn user with their
        ratings of all folds); sd_folds, the standard deviation over folds of their mean over
        seeds, and sd_seeds, that over seeds within a fold, averaged as variances (NaN for one);
        with `to` also difference, difference_low, difference_high: of that mean from that of `to`.
    """
    shares = {(name, metric): [] for name in fits for metric in wanted}
    for part, (name, fit), seed in itertools.product(splits, fits.items(), seeds):
        found = _shares(name, fit(part.train, seed), part, wanted, k, threshold)
        for metric in wanted:
            shares[name, metric].append(found[metric])
    rows = {}
    for (name, metric), own in shares.items():
        values = np.reshape([fold.value for fold in own], (len(splits), len(seeds)))
        rows[name, metric] = [
            *metrics.estimate(own, level), _sd(values.mean(axis=1)),
            np.sqrt(np.mean([_sd(of_fold) ** 2 for of_fold in values])),
        ]  # fmt: skip
        if to is not None:
            rows[name, metric] += metrics.difference(own, shares[to, metric], level)
    columns = ["mean", "low", "high", "sd_folds", "sd_seeds"]
    columns += ["difference", "difference_low", "difference_high"] if to is not None else []
    frame = _frame(rows, columns)
    frame.index = pd.MultiIndex.from_tuples(list(rows), names=["model", "metric"])
    return frame


# What models say ----------------------------------------------------------------------------


def predictions(models: dict, split: Split) -> dict[str, np.ndarray]:
    """Each model's predictions of the test ratings, checked as `evaluate` promises."""
    test, result = split.test, {}
    for name, model in models.items():
        _check_trained_on(name, model, split)
        result[name] = _checked(name, model.predict(test.movie_index, test.user_index), test)
    return result


def recommended(models: dict, split: Split, k: int = 10) -> dict[str, np.ndarray]:
    """Each model's list for every user, checked as `rank` promises: int32, (n_users, k).

    As `inspection.top_n` makes them: best first, -1 where fewer than k films are left.
    """
    train, result = split.train, {}
    if k != int(k) or not 1 <= k <= train.n_movies:
        raise ValueError(f"`k` should be from 1 to {train.n_movies:,}, the films. Received: {k}")
    for name, model in models.items():
        _check_trained_on(name, model, split)
        result[name], _ = inspection.top_n(_with_checked_scores(name, model, train), train, k)
    return result


def rankings(
    models: dict, split: Split, k: int = 10, threshold: float = RELEVANT
) -> dict[str, pd.DataFrame]:
    """Each model's metrics of every judged user's list, of which `rank` shows the means.

    A frame a model, indexed by user_index.
    """
    result = {}
    for name, found in recommended(models, split, k).items():
        shares = _list_shares(found, split, threshold)
        frame = pd.DataFrame({metric: own.total for metric, own in shares.items()})
        judged = shares["ndcg"].weight > 0
        result[name] = frame[judged].rename_axis("user_index")
    return result


def _shares(name, model, split, wanted, k=10, threshold=RELEVANT) -> dict[str, metrics.Shares]:
    """The metrics that are wanted of one model, taken apart by user."""
    test, found = split.test, {}
    of_ratings = [metric for metric in wanted if metric in metrics.METRICS]
    of_lists = [metric for metric in wanted if metric in LIST_METRICS]
    if len(of_ratings) + len(of_lists) < len(wanted):
        known = [*metrics.METRICS, *LIST_METRICS]
        raise ValueError(f"a metric is one of {', '.join(known)}. Received: {list(wanted)}")
    if of_ratings:
        predicted = predictions({name: model}, split)[name]
        for metric in of_ratings:
            found[metric] = metrics.error_shares(
                test.value, predicted, test.user_index, test.n_users, metric
            )
    if of_lists:
        found |= _list_shares(recommended({name: model}, split, k)[name], split, threshold)
    return {metric: found[metric] for metric in wanted}


LIST_METRICS = (*metrics.RANKING, "novelty", "popularity")


def _list_shares(found, split, threshold) -> dict[str, metrics.Shares]:
    """The metrics of the lists `found`, int, (n_users, k), taken apart by user."""
    train = split.train
    user, movie = _relevant(split, threshold)
    n_relevant = np.bincount(user, minlength=train.n_users)
    judged = np.flatnonzero(n_relevant)
    lists, n_relevant = found[judged], n_relevant[judged]
    pairs = judged[:, None] * np.int64(train.n_movies) + lists
    hits = np.isin(pairs, user * np.int64(train.n_movies) + movie) & (lists >= 0)
    values = {metric: of(hits, n_relevant) for metric, of in metrics.RANKING.items()}
    values["novelty"] = metrics.novelty(lists, train.movie_counts, train.n_users)
    values["popularity"] = metrics.popularity(lists, train.movie_counts)
    return {
        metric: metrics.mean_shares(value, judged, train.n_users)
        for metric, value in values.items()
    }


def _relevant(split, threshold) -> tuple[np.ndarray, np.ndarray]:
    """User and movie of every relevant test rating."""
    test = split.test
    good = test.value >= threshold
    if not good.any():
        raise ValueError(f"no test rating is at or above the `threshold` of {threshold}")
    return test.user_index[good], test.movie_index[good]


def _groups(split, axis, edges) -> dict[str, np.ndarray]:
    """Which test ratings are of a movie, or user, with how many training ratings."""
    if axis not in ("movie", "user"):
        raise ValueError(f"`axis` should be 'movie' or 'user'. Received: {axis!r}")
    index, counts = (
        (split.test.movie_index, split.train.movie_counts)
        if axis == "movie"
        else (split.test.user_index, split.train.user_counts)
    )
    group = np.searchsorted(edges, counts[index], side="right") - 1
    return {label: group == g for g, label in enumerate(_labels(edges)) if (group == g).any()}


def _labels(edges) -> list[str]:
    closed = [
        f"{low}" if high == low + 1 else f"{low}–{high - 1}"
        for low, high in itertools.pairwise(edges)
    ]
    return [*closed, f"{edges[-1]}+"]


# Checks and frames --------------------------------------------------------------------------


def _check_trained_on(name, model, split) -> None:
    if model.data_fingerprint != split.train.fingerprint:
        raise ValueError(
            f"the model {name!r} was trained on other ratings than this split's training "
            "part, so it may have seen the test ratings: train it on `split.train`"
        )


def _checked(name, predicted, test) -> np.ndarray:
    """Predictions of all test ratings, or an error that says how many are missing, and whose."""
    predicted = np.asarray(predicted)
    if predicted.shape != test.value.shape:
        raise ValueError(
            f"the model {name!r} should predict all {len(test):,} test ratings. "
            f"Received: shape {predicted.shape}"
        )
    bad = ~np.isfinite(predicted)
    if bad.any():
        raise ValueError(
            f"the model {name!r} should predict all {len(test):,} test ratings. Received: "
            f"{bad.sum():,} of them not finite, {_whose(test, test.user_index[bad])}"
        )
    return predicted


def _with_checked_scores(name, model, ratings):
    """The model, for `inspection.top_n`; a score that is not finite is an error, as above."""

    def score_users(users):
        scores = model.score_users(users)
        if scores.shape != (ratings.n_movies, len(users)):
            raise ValueError(
                f"the model {name!r} should score all {ratings.n_movies:,} films for each of "
                f"{len(users):,} users. Received: shape {scores.shape}"
            )
        bad = ~np.isfinite(scores)
        if bad.any():
            raise ValueError(
                f"the model {name!r} should score all {ratings.n_movies:,} films for each user. "
                f"Received: {bad.sum():,} scores not finite, "
                f"{_whose(ratings, users[bad.any(axis=0)])}"
            )
        return scores

    return types.SimpleNamespace(
        n_movies=ratings.n_movies, n_users=ratings.n_users, score_users=score_users
    )


def _whose(ratings, user_index) -> str:
    ids = ratings.user_ids[np.unique(user_index)]
    shown = ", ".join(map(str, ids[:10]))
    return f"of {len(ids):,} users: {shown}{', …' if len(ids) > 10 else ''}"


def _with_intervals(shares: dict[str, dict[str, metrics.Shares]], level, seed) -> pd.DataFrame:
    """A row a model; for every metric its value, _low and _high."""
    flat = [(name, metric, own) for name, found in shares.items() for metric, own in found.items()]
    drawn = metrics.draws([own for *_, own in flat], seed=seed)
    rows = {name: {} for name in shares}
    for (name, metric, own), low, high in zip(
        flat, *metrics.percentiles(drawn, level), strict=True
    ):
        rows[name] |= {metric: own.value, f"{metric}_low": low, f"{metric}_high": high}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _frame(rows: dict, columns) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _sd(values) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
