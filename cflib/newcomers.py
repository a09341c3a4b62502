"""How well a model serves people it has never seen: whole users are left out of training.

Each of them gives some ratings, in an order drawn at random, and is tested on the others; the
tested ratings are the same however many are given, so that the errors can be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from . import inspection, metrics, train
from .data import Ratings
from .model import FactorModel

COUNTS = (1, 5, 10, 20)


@dataclasses.dataclass(frozen=True, eq=False)
class Newcomers:
    """Ratings of known people, and of new ones: what they may give, and what they are tested on.

    Attributes
    ----------
    train, given, test : Ratings
        On the same axes. No user of `train` is in the others.
    place : int64, (n_given,)
        Which of their ratings, from 0, a new user gives when.
    question : int64, (n_given,), or None
        After how many questions it is given, where films were asked about: see `asked`.
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
    """Leave whole users out: `n_given` of their ratings may be given, the others are tested.

    Parameters
    ----------
    ratings : Ratings
    n_users : int
        How many, drawn among those with 10 ratings more than `n_given` (with 40, for None).
    n_given : int or None
        Ratings that each may give, drawn at random; None: half of those they have.
    seed : int

    Raises
    ------
    ValueError
        Where there are too few such users.
    """
    rng = np.random.default_rng(seed)
    least = 40 if n_given is None else n_given + 10
    able = np.flatnonzero(ratings.user_counts >= least)
    if not 1 <= n_users < len(able):
        raise ValueError(
            f"`n_users` should be from 1 to {len(able) - 1}: fewer than have {least} ratings. "
            f"Received: {n_users}"
        )
    is_new = np.isin(ratings.user_index, rng.choice(able, n_users, replace=False))
    order = rng.permutation(np.flatnonzero(is_new))
    order = order[np.argsort(ratings.user_index[order], kind="stable")]
    user = ratings.user_index[order]
    place = np.arange(len(order)) - np.searchsorted(user, user)
    given = place < (ratings.user_counts[user] // 2 if n_given is None else n_given)
    return Newcomers(
        ratings.take(~is_new),
        ratings.take(order[given]),
        ratings.take(np.sort(order[~given])),
        place[given],
    )


def asked(newcomers: Newcomers, movies: Sequence[int]) -> Newcomers:
    """The same people, who are asked about these films in this order and answer where they can.

    `movies` are indices. What a person rated without being asked comes last, in the order it had.
    """
    rank = np.full(newcomers.train.n_movies, len(movies))
    rank[np.asarray(movies)] = np.arange(len(movies))
    given = newcomers.given
    order = np.lexsort((newcomers.place, rank[given.movie_index], given.user_index))
    user = given.user_index[order]
    place = np.arange(len(order)) - np.searchsorted(user, user)
    question = rank[given.movie_index[order]] + 1
    return dataclasses.replace(newcomers, given=given.take(order), place=place, question=question)


def curve(
    newcomers: Newcomers,
    fit: Callable[[Ratings], FactorModel] = train.fit_als,
    counts: Sequence[int] = COUNTS,
    level: float = 0.95,
) -> pd.DataFrame:
    """Held-out RMSE of new users after some of their ratings, by what is done with them.

    Each is predicted as a stranger (cold start); folded in as `inspection.fold_in` does, and with
    training's own free bias; and after training again on all ratings there are, theirs included.

    Parameters
    ----------
    newcomers : Newcomers
    fit : function
        `fit(ratings)` returns the model.
    counts : ints
        How many ratings each gives.
    level : float
        Of the bootstrap intervals, over new users.

    Returns
    -------
    DataFrame
        Columns n_given, method, rmse, low, high (stars); difference, difference_low,
        difference_high: how much larger the RMSE is than retraining's, on the same draws.
    """
    model, rows = fit(newcomers.train), []
    cold = _errors(newcomers, model.score_new_user()[newcomers.test.movie_index])
    for n in counts:
        again = fit(_together(newcomers.train, newcomers.first(n)))
        test = newcomers.test
        found = {
            "cold start": cold,
            "fold-in": fold_in_errors(model, newcomers, n),
            "fold-in, free bias": fold_in_errors(model, newcomers, n, "free"),
            "retraining": _errors(newcomers, again.predict(test.movie_index, test.user_index)),
        }
        for name, shares in found.items():
            difference = metrics.difference(shares, found["retraining"], level)
            rows.append([n, name, *metrics.estimate(shares, level), *difference])
    columns = ["n_given", "method", "rmse", "low", "high"]
    columns += ["difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns)


def asking(
    model: FactorModel,
    orders: dict[str, Newcomers],
    counts: Sequence[int] = (5, 10, 15),
    level: float = 0.95,
) -> pd.DataFrame:
    """Held-out RMSE of new users after some answers, by the order in which films are asked about.

    Parameters
    ----------
    model : FactorModel
        Trained on the `train` of all of them.
    orders : dict of name to Newcomers
        The same people in each, as `asked`; the first is what the others are compared with.
    counts : ints
        Answers.

    Returns
    -------
    DataFrame
        Columns n_given, order, n_questions (the median that it took to get so many answers),
        rmse, low, high; difference, difference_low, difference_high: how much larger the RMSE is
        than that of the first order.
    """
    rows, first = [], next(iter(orders))
    for n in counts:
        found = {name: fold_in_errors(model, people, n) for name, people in orders.items()}
        for name, shares in found.items():
            difference = metrics.difference(shares, found[first], level)
            last = orders[name].question[orders[name].place == n - 1]
            rows.append([n, name, np.median(last), *metrics.estimate(shares, level), *difference])
    columns = ["n_given", "order", "n_questions", "rmse", "low", "high"]
    columns += ["difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns)


def fold_in_errors(
    model: FactorModel, newcomers: Newcomers, n: int, bias: str | None = None
) -> metrics.Shares:
    """The RMSE of all new users after their first n ratings, taken apart by user."""
    given, test = newcomers.first(n), newcomers.test
    predicted = np.empty(len(test))
    for user in np.unique(test.user_index):
        mine, tested = given.user_index == user, test.user_index == user
        values = given.value[mine].astype(np.float64)
        person = inspection.solved(model, given.movie_index[mine], values, bias)
        predicted[tested] = person.scores()[test.movie_index[tested]]
    return _errors(newcomers, predicted)


def _errors(newcomers, predicted) -> metrics.Shares:
    test = newcomers.test
    predicted = np.clip(predicted, *test.scale)
    return metrics.error_shares(test.value, predicted, test.user_index, test.n_users)


def _together(one: Ratings, other: Ratings) -> Ratings:
    both = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("movie_index", "user_index", "value")
    }
    return dataclasses.replace(one, **both, timestamp=None)
