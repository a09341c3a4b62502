"""Models that rank films and predict no ratings: most popular, and implicit feedback.

Whoever recommends has to choose among all films, and most of what there is to learn about that
lies in what people watch and like at all, not in how many stars they give. `fit_implicit`
factorises this: 1 where a user liked a film, 0 everywhere else, the zeros with a small weight,
since most of them are films that nobody has told the user of. All zeros take part in every normal
equation, but they bring the same matrix to each of them, which is computed once; what is left is
the kernel of `solve`, over the ones.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pandas as pd
from tqdm import tqdm

from . import normalize, solve
from ._fitting import HISTORY, check_arguments, starting_point
from .data import Ratings
from .model import FactorModel


class RankingModel(FactorModel):
    """A model whose scores order films and are not ratings.

    It scores, recommends, saves and loads as every `FactorModel`; only `predict` refuses.
    `scale` holds the lowest and highest score that make sense.
    """

    def predict(self, movie_index, user_index, clip: bool = True):
        """Raises TypeError: there are no ratings to be had here."""
        raise TypeError(
            f"{self!r} ranks films, and its scores are not ratings: use `evaluate.rank`, "
            "`inspection.recommend` or `score_users`"
        )

    def score_new_user(self) -> np.ndarray:
        """Scores of all movies for the average user: float32, (n_movies,)."""
        return self.X @ self.W.mean(axis=0) + self.c[:, 0]

    @classmethod
    def ranking(cls, ratings: Ratings, X, W, c, scale, settings, history) -> RankingModel:
        """The model with scores x_i·w_j + c_i, trained on `ratings`."""
        nothing = normalize.fit(ratings, "none")
        b = np.zeros((1, ratings.n_users))
        model = cls.trained(ratings, nothing, X, W, b, c, settings, history)
        return dataclasses.replace(model, scale=scale)


def fit_popularity(ratings: Ratings) -> RankingModel:
    """Most popular: every film's score, for everybody, is its number of training ratings.

    The baseline of ranking: what a recommender should beat that knows who it recommends to.
    """
    return RankingModel.ranking(
        ratings,
        X=np.zeros((ratings.n_movies, 0)),
        W=np.zeros((ratings.n_users, 0)),
        c=ratings.movie_counts[:, None],
        scale=(0.0, float(ratings.n_users)),
        settings={"solver": "popularity"},
        history=pd.DataFrame(columns=HISTORY, dtype=np.float64),
    )


def fit_implicit(
    ratings: Ratings,
    *,
    n_features: int = 64,
    lam: float = 20.0,
    alpha: float = 2.0,
    threshold: float | None = 4.0,
    sweeps: int = 15,
    init_scale: float = 0.1,
    seed: int = 42,
    progress: bool = False,
) -> RankingModel:
    """Factorise who liked what by alternating least squares over *all* pairs.

        ½ Σ_ij a_ij (p_ij - x_i·w_j)² + ½ λ (Σ_i |x_i|² + Σ_j |w_j|²)

    over every movie and user, with p = 1 and the weight a = 1 + α where the user liked the movie,
    p = 0 and a = 1 elsewhere. User j's minimum is that of

        (XᵀX + λ + α Σ_n x_n x_nᵀ) w_j = (1 + α) Σ_n x_n,      n over the films they liked

    which is `solve.sample_rows` without its noise: XᵀX + λ in place of the prior's precision, the
    weight α, and (1 + α) / α for every rating.

    Parameters
    ----------
    ratings : Ratings
        Training ratings.
    n_features : int
        Columns of X and W.
    lam : float
        λ, the L2 weight; positive.
    alpha : float
        α, how much more than a zero a one weighs; positive.
    threshold : float or None
        Ratings at or above it are ones; None: all ratings are, as in the source.
    sweeps : int
        How often all films, and then all users, are solved.
    init_scale, seed
        X starts normally distributed, as in `train.fit_als`; W needs no start.
    progress : bool
        Show a progress bar.

    Returns
    -------
    RankingModel
        A user without a single one in `ratings` gets the mean of all others' weights: the films
        that most people would get. `settings["n_unknown_users"]` says how many these are.
        `history.cost` is the cost after each sweep, `cost_movies` after the films' half of it.

    Raises
    ------
    ValueError
        For a number of features or sweeps that is not positive, λ or α that is not positive, or
        a threshold that no rating reaches.

    Source: Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback datasets".
    """
    check_arguments(ratings, n_features, lam, sweeps, "sweeps", None, None)
    for name, number in (("lam", lam), ("alpha", alpha)):
        if not number > 0:
            raise ValueError(f"`{name}` should be positive. Received: {number}")
    ones = _ones(ratings, threshold)
    if not len(ones):
        raise ValueError(
            f"no rating is at or above the `threshold` of {threshold}; None counts all of them"
        )
    unknown = ones.user_counts == 0
    settings = {
        "solver": "implicit", "n_features": n_features, "lam": lam, "alpha": alpha,
        "threshold": threshold, "sweeps": sweeps, "init_scale": init_scale, "seed": seed,
        "n_unknown_users": int(unknown.sum()),
    }  # fmt: skip
    start, rows = time.perf_counter(), []
    target = _target(ones, alpha)
    of_movie = solve.by_row(ones.movie_index, ones.user_index, target, ones.n_movies)
    of_user = solve.by_row(ones.user_index, ones.movie_index, target, ones.n_users)
    X, _ = starting_point(ratings, n_features, init_scale, seed)
    W, cost = _solve_side(of_user, X, lam, alpha)
    rows.append([0, cost, np.nan, time.perf_counter() - start, np.nan])
    for sweep in tqdm(range(1, sweeps + 1), desc="ALS", unit="sweep", disable=not progress):
        X, cost_movies = _solve_side(of_movie, W, lam, alpha)
        W, cost = _solve_side(of_user, X, lam, alpha)
        rows.append([sweep, cost, np.nan, time.perf_counter() - start, cost_movies])
    W[unknown] = W[~unknown].mean(axis=0)
    return RankingModel.ranking(
        ratings,
        X,
        W,
        c=np.zeros((ratings.n_movies, 1)),
        scale=(0.0, 1.0),
        settings=settings,
        history=pd.DataFrame(rows, columns=[*HISTORY, "cost_movies"]),
    )


def fold_in(model: RankingModel, ratings: Ratings) -> RankingModel:
    """The same films with the users of `ratings`, for a model of `fit_implicit`.

    As `train.fold_in`, which calls this. A user without a one gets the mean of the model's users.
    """
    alpha = model.settings["alpha"]
    ones = _ones(ratings, model.settings["threshold"])
    of_user = solve.by_row(ones.user_index, ones.movie_index, _target(ones, alpha), ones.n_users)
    W, _ = _solve_side(of_user, model.X, model.settings["lam"], alpha)
    W[ones.user_counts == 0] = model.W.mean(axis=0)
    return dataclasses.replace(
        model,
        W=W,
        b=np.zeros((1, ratings.n_users), np.float32),
        normalization=normalize.for_users(model.normalization, ratings),
        user_ids=ratings.user_ids,
    )


def _ones(ratings: Ratings, threshold: float | None) -> Ratings:
    return ratings if threshold is None else ratings.take(ratings.value >= threshold)


def _target(ones: Ratings, alpha: float) -> np.ndarray:
    """What `solve.sample_rows` takes for a rating of a one: weighted by α it is 1 + α."""
    return np.full(len(ones), (1 + alpha) / alpha, np.float32)


def _solve_side(rows: solve.Rows, factors, lam: float, alpha: float):
    """The minimum over one side with the other's `factors` fixed, and the cost that it leaves.

    The zeros' Σ_ij (x_i·w_j)² over all pairs is the sum of the elements of XᵀX * WᵀW. At a one,
    (1 + α)(1 - s)² - s² = α (s - (1 + α) / α)² - (1 + α) / α.
    """
    n_rows, n_features = len(rows.start) - 1, factors.shape[1]
    gram = factors.T.astype(np.float64) @ factors
    nothing = np.zeros((n_rows, n_features), np.float32)
    solution, squared_error = solve.sample_rows(
        rows, factors, np.zeros(len(factors), np.float32), np.full(n_rows, alpha, np.float32),
        gram + lam * np.eye(n_features), shift=nothing, noise=nothing,
    )  # fmt: skip
    own = solution.T.astype(np.float64) @ solution
    error = np.sum(gram * own) + alpha * squared_error.sum()
    error -= len(rows.column) * (1 + alpha) / alpha
    penalty = lam * (np.trace(gram) + np.trace(own))
    return solution, float(error + penalty) / 2
