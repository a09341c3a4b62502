"""Choosing the settings of a model on a part of its training ratings, never on the test.

λ of `fit_als` is chosen by the error of the predicted ratings, the settings of a ranking model by
the NDCG of its lists.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from .. import evaluation, metrics, split
from ..als import fit_als
from ..model import Model
from ..models import (
    BlendSettings,
    EASESettings,
    ImplicitSettings,
    fit_blend,
    fit_ease,
    fit_implicit,
)
from ..ratings import Ratings
from ..settings import Settings
from ..split import Split

TEST_FRACTION = 0.2  # of the ratings, held out; and of the rest, to choose settings
FEWEST_TESTED = 0.05  # of the ratings; where users' latest are fewer, a random part is held out
SPREADS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # λ that are tried, in standard deviations
FINER = (2**0.5, 2**0.25)  # and then these factors to either side of the best
SEARCH_LIMIT = 2_000_000  # ratings; with more, ranking models keep their defaults
LIST_LENGTH = 10  # items in a list that is judged
STARTS = 3  # of the trainings by which the number of features is chosen
SECOND_THRESHOLD = 2 / 3  # of the ratings are at or above the second threshold that is tried

SomeSettings = TypeVar("SomeSettings", bound=Settings)
SomeImplicit = TypeVar("SomeImplicit", bound=ImplicitSettings)


class Search(NamedTuple, Generic[SomeSettings]):
    """What a search ends with.

    Attributes
    ----------
    settings : Settings
        The best of those that were tried.
    tried : DataFrame
        A row for each: its settings and its ndcg, or rmse. Without rows where nothing could be
        tried.
    """

    settings: SomeSettings
    tried: pd.DataFrame


def nothing() -> None:
    """Do nothing after a fit."""


def has_times(ratings: Ratings) -> bool:
    """Whether each user's latest ratings can be held out."""
    if ratings.timestamp is None or not np.ptp(ratings.timestamp):
        return False
    n_latest = (TEST_FRACTION * ratings.user_counts).astype(np.int64).sum()
    return bool(n_latest >= FEWEST_TESTED * len(ratings))


def held_out(ratings: Ratings, seed: int = 0) -> Split:
    """Hold out each user's latest fifth, where there are times; a random fifth where not.

    Where most users have so few ratings that less than a twentieth would be held out, it is a
    random fifth, too.
    """
    if has_times(ratings):
        return split.latest(ratings, TEST_FRACTION)
    return split.holdout(ratings, TEST_FRACTION, seed)


def choose_lam(
    ratings: Ratings,
    n_features: int = 16,
    seed: int = 0,
    after_fit: Callable[[], object] = nothing,
) -> pd.DataFrame:
    """Try a grid of λ, then finer steps around the best, on ratings held out of `ratings`.

    The grid is `SPREADS` times the standard deviation of the ratings, so that it fits any scale.
    Multiply every rating by s, and X and W by √s: then the squared error is multiplied by s² and
    the penalty by s. So λ has to grow in proportion to the spread of the ratings.

    Parameters
    ----------
    ratings : Ratings
    n_features, seed : int
        As in `fit`.
    after_fit : callable
        Called after each λ, to show progress.

    Returns
    -------
    DataFrame, indexed by lam, ascending
        Column rmse.
    """
    part = held_out(ratings, seed + 1)
    test = part.test
    errors: dict[float, float] = {}

    def measure(lam: float) -> None:
        model = fit_als(part.train, n_features=n_features, lam=lam, seed=seed)
        errors[lam] = metrics.rmse(test.value, model.predict(test.movie_index, test.user_index))
        after_fit()

    for lam in float(ratings.value.std(dtype=np.float64)) * np.array(SPREADS):
        measure(float(lam))
    for factor in FINER:
        best = min(errors, key=errors.__getitem__)
        measure(best / factor)
        measure(best * factor)
    return pd.Series(errors, name="rmse").rename_axis("lam").sort_index().to_frame()


def choose_implicit(
    ratings: Ratings, seed: int = 0, after_fit: Callable[[], object] = nothing
) -> Search[ImplicitSettings]:
    """Settings of `fit_implicit`: λ and α, and then the number of features.

    Where training starts moves the NDCG by about as much as the number of features does. So that
    number is judged by the mean over `STARTS` starts. The threshold moves it by less, so it stays:
    on parts of the training ratings of two editions of MovieLens, likes from 4 stars and from 3.5
    differed by 0.001 in the mean of five starts.
    """
    return _choose_implicit(fit_implicit, ImplicitSettings(seed=seed), ratings, after_fit)


def choose_blend(
    ratings: Ratings, seed: int = 0, after_fit: Callable[[], object] = nothing
) -> Search[BlendSettings]:
    """Settings of `fit_blend`'s first part, as `choose_implicit`. Popularity keeps its share."""
    start = BlendSettings(n_features=ImplicitSettings().n_features, seed=seed)
    return _choose_implicit(fit_blend, start, ratings, after_fit)


def _choose_implicit(
    fit: Callable[..., Model],
    start: SomeImplicit,
    ratings: Ratings,
    after_fit: Callable[[], object],
) -> Search[SomeImplicit]:
    best = dataclasses.replace(start, threshold=liked_from(ratings)[0])
    strengths: dict[str, Sequence] = {
        "lam": [start.lam * factor for factor in (0.25, 0.5, 2.0, 4.0)],
        "alpha": [start.alpha * factor for factor in (0.5, 2.0, 4.0)],
    }
    if ratings.kind == "counts":
        strengths["weigh_counts"] = [False]
    sizes = {"n_features": [2 * start.n_features]}
    part, tried = held_out(ratings, start.seed + 1), []
    for choices, starts in ((strengths, 1), (sizes, STARTS)):
        best, of_stage = one_by_one(fit, part, best, choices, starts, after_fit)
        tried.append(of_stage)
    return Search(best, pd.concat(tried, ignore_index=True))


def choose_ease(
    ratings: Ratings, seed: int = 0, after_fit: Callable[[], object] = nothing
) -> Search[EASESettings]:
    """Settings of `fit_ease`: the threshold, then λ."""
    thresholds = liked_from(ratings)
    start = EASESettings(threshold=thresholds[0])
    choices: dict[str, Sequence] = {
        "threshold": thresholds,
        "lam": [start.lam * factor for factor in (0.25, 0.5, 2.0, 4.0, 8.0)],
    }
    return one_by_one(fit_ease, held_out(ratings, seed + 1), start, choices, 1, after_fit)


def one_by_one(
    fit: Callable[..., Model],
    part: Split,
    start: SomeSettings,
    choices: Mapping[str, Sequence],
    starts: int = 1,
    after_fit: Callable[[], object] = nothing,
) -> Search[SomeSettings]:
    """Change one setting after the other, and keep the value with the best lists.

    Parameters
    ----------
    fit : callable
        `fit(ratings, settings)` returns a trained model.
    part : Split
        Of training ratings.
    start : Settings
        What the search starts from.
    choices : dict of str to sequence
        Values to try of each field, in the order in which the fields are changed.
    starts : int
        Train so many times, with seeds from `start.seed` on; their mean NDCG counts.
    after_fit : callable
        Called after each fit.

    Returns
    -------
    Search
        Judged by NDCG. More than `SEARCH_LIMIT` ratings, and a held-out part without a single like,
        give `start`.
    """
    if len(part.train) + len(part.test) > SEARCH_LIMIT or not n_hits(part):
        return Search(start, pd.DataFrame())
    k = min(LIST_LENGTH, part.train.n_movies)
    tried: dict[SomeSettings, float] = {}

    def ndcg(settings: SomeSettings) -> float:
        frame = evaluation.rankings({"": fit(part.train, settings)}, part, k)[""]
        after_fit()
        return float(frame["ndcg"].mean())

    def measure(settings: SomeSettings) -> None:
        if settings in tried:
            return
        seeds: list[dict] = [{"seed": vars(settings)["seed"] + n} for n in range(1, starts)]
        repeated = [dataclasses.replace(settings, **seed) for seed in seeds]
        tried[settings] = float(np.mean([ndcg(each) for each in [settings, *repeated]]))

    measure(start)
    for name, values in choices.items():
        best = max(tried, key=tried.__getitem__)
        for value in values:
            measure(dataclasses.replace(best, **{name: value}))
    rows = [
        dataclasses.asdict(settings) | {"starts": starts, "ndcg": v}
        for settings, v in tried.items()
    ]
    return Search(max(tried, key=tried.__getitem__), pd.DataFrame(rows))


def liked_from(ratings: Ratings) -> list[float | None]:
    """From which rating on a user liked an item: the values to try, that of the ratings first."""
    first = ratings.like_threshold
    if ratings.kind != "ratings" or first is None:
        return [first]
    value, count = np.unique(ratings.value, return_counts=True)
    at_or_above = np.cumsum(count[::-1])[::-1] / len(ratings)
    second = float(value[np.argmin(np.abs(at_or_above - SECOND_THRESHOLD))])
    return [first] if second == first else [first, second]


def n_hits(part: Split) -> int:
    """How many test ratings are likes, by the training ratings' own threshold."""
    threshold = part.train.like_threshold
    if threshold is None:
        return len(part.test)
    return int(np.count_nonzero(part.test.value >= threshold))
