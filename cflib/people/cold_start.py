"""Cold start: how well a model serves people it was not trained on.

Whole users are left out of training. Each of them gives some ratings, in random order, and is
tested on the rest. The test ratings are the same however many are given, so that the errors can be
compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from .. import metrics
from ..als import fit_als
from ..model import FactorModel
from ..ratings import Ratings
from .new_user import solved

DIFFERENCE = ["difference", "difference_low", "difference_high"]


@dataclasses.dataclass(frozen=True, eq=False)
class Newcomers:
    """Ratings of known users, and of new ones: what they may give, and what they are tested on.

    Attributes
    ----------
    train, given, test : Ratings
        On the same axes. No user of `train` is in the others.
    place : ndarray of int64, (n_given,)
        The place of each rating, from 0, in the order in which its user gives them.
    question : ndarray of int64, (n_given,), or None
        The question, from 1, that each rating answers, where movies were asked about: see `ask`.
    """

    train: Ratings
    given: Ratings
    test: Ratings
    place: np.ndarray
    question: np.ndarray | None = None

    def first(self, n: int) -> Ratings:
        """The first n ratings of every new user."""
        return self.given.take(self.place < n)


def leave_out(
    ratings: Ratings, n_users: int = 120, n_given: int | None = 20, seed: int = 0
) -> Newcomers:
    """Leave whole users out of training. Each may give `n_given` ratings and is tested on the rest.

    Parameters
    ----------
    ratings : Ratings
    n_users : int
        How many users are left out. They are drawn among those who have at least 10 ratings more
        than `n_given`, or 40 if that is None.
    n_given : int or None
        How many ratings, drawn at random, a user may give. None: half of them.
    seed : int
        Seed of the draws.

    Returns
    -------
    Newcomers

    Raises
    ------
    ValueError
        Where there are too few such users.
    """
    rng = np.random.default_rng(seed)
    least = 40 if n_given is None else n_given + 10
    candidates = np.flatnonzero(ratings.user_counts >= least)
    if not 1 <= n_users < len(candidates):
        raise ValueError(
            f"`n_users` should be from 1 to {len(candidates) - 1}: fewer than have {least} "
            f"ratings. Received: {n_users}"
        )
    is_new = np.isin(ratings.user_index, rng.choice(candidates, n_users, replace=False))
    order = rng.permutation(np.flatnonzero(is_new))
    order = order[np.argsort(ratings.user_index[order], kind="stable")]
    user = ratings.user_index[order]
    place = np.arange(len(order)) - np.searchsorted(user, user)  # from 0, for each user
    is_given = place < (ratings.user_counts[user] // 2 if n_given is None else n_given)
    return Newcomers(
        train=ratings.take(~is_new),
        given=ratings.take(order[is_given]),
        test=ratings.take(np.sort(order[~is_given])),
        place=place[is_given],
    )


def ask(newcomers: Newcomers, movies: Sequence[int] | np.ndarray) -> Newcomers:
    """The same users, asked about these movies in this order. They answer where they have a rating.

    Parameters
    ----------
    newcomers : Newcomers
    movies : sequence of int
        Movies by index. Ratings of other movies come last, in the order that they had.

    Returns
    -------
    Newcomers
    """
    rank = np.full(newcomers.train.n_movies, len(movies))
    rank[np.asarray(movies)] = np.arange(len(movies))
    given = newcomers.given
    order = np.lexsort((newcomers.place, rank[given.movie_index], given.user_index))
    # `place` stays as it is: each user has as many ratings as before, in the same rows.
    question = rank[given.movie_index[order]] + 1
    return dataclasses.replace(newcomers, given=given.take(order), question=question)


def curve(
    newcomers: Newcomers,
    fit: Callable[[Ratings], FactorModel] = fit_als,
    counts: Sequence[int] = (1, 5, 10, 20),
    level: float = 0.95,
) -> pd.DataFrame:
    """RMSE of new users by the number of ratings that they give, and by what is done with these.

    "cold start" predicts for a user without ratings. "fold-in" solves for the user with the rest
    of the model fixed, by the rule of `people.fold_in`; "fold-in, free bias" by that of training.
    "retraining" trains again, with the ratings given.

    Parameters
    ----------
    newcomers : Newcomers
    fit : callable
        `fit(ratings)` returns a trained model.
    counts : sequence of int
        How many ratings each user gives.
    level : float
        Level of the bootstrap intervals over new users.

    Returns
    -------
    DataFrame
        Columns n_given, method, rmse, low, high (stars); difference, difference_low,
        difference_high: how much larger the RMSE is than that of retraining, on the same draws.
    """
    train, test = newcomers.train, newcomers.test
    model, rows = fit(train), []
    cold_start = _rmse_shares(test, model.score_new_user()[test.movie_index])
    for n in counts:
        retrained = fit(_joined(train, newcomers.first(n)))
        shares = {
            "cold start": cold_start,
            "fold-in": fold_in_errors(model, newcomers, n),
            "fold-in, free bias": fold_in_errors(model, newcomers, n, "free"),
            "retraining": _rmse_shares(test, retrained.predict(test.movie_index, test.user_index)),
        }
        for method, share in shares.items():
            difference = metrics.difference(share, shares["retraining"], level)
            rows.append([n, method, *metrics.estimate(share, level), *difference])
    return pd.DataFrame(rows, columns=["n_given", "method", "rmse", "low", "high", *DIFFERENCE])


def elicitation(
    model: FactorModel,
    orders: Mapping[str, Newcomers],
    counts: Sequence[int] = (5, 10, 15),
    level: float = 0.95,
) -> pd.DataFrame:
    """RMSE of new users after some answers, by the order in which movies are asked about.

    Parameters
    ----------
    model : FactorModel
        Trained on the `train` of all orders.
    orders : dict of str to Newcomers
        The same users in each, as `ask` returns them. The first is what the others are compared
        with.
    counts : sequence of int
        Numbers of answers.
    level : float
        Level of the bootstrap intervals over new users.

    Returns
    -------
    DataFrame
        Columns n_given, order, n_questions (the median number of questions that so many answers
        took), rmse, low, high (stars); difference, difference_low, difference_high: how much
        larger the RMSE is than that of the first order, on the same draws.
    """
    rows, first = [], next(iter(orders))
    for n in counts:
        shares = {name: fold_in_errors(model, asked, n) for name, asked in orders.items()}
        for name, share in shares.items():
            asked = orders[name]
            if asked.question is None:
                raise ValueError(f"the order {name!r} should come from `ask`")
            n_questions = np.median(asked.question[asked.place == n - 1])
            difference = metrics.difference(share, shares[first], level)
            rows.append([n, name, n_questions, *metrics.estimate(share, level), *difference])
    columns = ["n_given", "order", "n_questions", "rmse", "low", "high", *DIFFERENCE]
    return pd.DataFrame(rows, columns=columns)


def fold_in_errors(
    model: FactorModel, newcomers: Newcomers, n: int, bias: str | None = None
) -> metrics.Shares:
    """The RMSE of all new users, folded in with their first n ratings, split by user.

    Parameters
    ----------
    model : FactorModel
        Trained on `newcomers.train`.
    newcomers : Newcomers
    n : int
        How many ratings each user gives.
    bias : str or None
        As in `people.fold_in`.

    Returns
    -------
    metrics.Shares
    """
    given, test = newcomers.first(n), newcomers.test
    predicted = np.empty(len(test))
    for user in np.unique(test.user_index):
        is_given, is_tested = given.user_index == user, test.user_index == user
        values = given.value[is_given].astype(np.float64)
        person = solved(model, given.movie_index[is_given], values, bias)
        predicted[is_tested] = person.scores()[test.movie_index[is_tested]]
    return _rmse_shares(test, predicted)


def _rmse_shares(test: Ratings, predicted: np.ndarray) -> metrics.Shares:
    predicted = np.clip(predicted, *test.scale)
    return metrics.error_shares(test.value, predicted, test.user_index, test.n_users)


def _joined(first: Ratings, second: Ratings) -> Ratings:
    """The ratings of both, which are on the same axes."""
    return dataclasses.replace(
        first,
        movie_index=np.concatenate([first.movie_index, second.movie_index]),
        user_index=np.concatenate([first.user_index, second.user_index]),
        value=np.concatenate([first.value, second.value]),
        timestamp=None,
    )
