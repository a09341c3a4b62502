"""What chapter 12 computes about a recommender in use: each function is a few lines of mathematics.

Nothing here trains a model of its own. The functions take vectors, lists and probabilities, so that
a chapter can show them on any model, and a test can give them a case with a known answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm

from cflib import Ratings, evaluation, people
from cflib.data.synthetic import Truth
from cflib.model import FactorModel

# Nearest neighbours -------------------------------------------------------------------------


def lifted(items: np.ndarray, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One more coordinate, after which the largest inner product is the smallest angle.

        x⁺ = (x, sqrt(m² - |x|²)),  m = max |x|;    w⁺ = (w, 0)

    All x⁺ have the length m, and x⁺·w⁺ = x·w. So for one user the order by cosine is the order by
    inner product.

    Parameters
    ----------
    items : (n_items, k)
    users : (n_users, k)

    Returns
    -------
    (items, users) : float32, (n_items, k + 1) and (n_users, k + 1)

    References
    ----------
    Bachrach et al. (2014), "Speeding up the Xbox recommender system using a Euclidean
    transformation for inner-product spaces".
    """
    square = np.sum(items.astype(np.float64) ** 2, axis=1)
    rest = np.sqrt(square.max() - square)
    more = np.hstack([items, rest[:, None]]), np.hstack([users, np.zeros((len(users), 1))])
    return more[0].astype(np.float32), more[1].astype(np.float32)


def share_found(found: np.ndarray, exact: np.ndarray) -> float:
    """Recall of an approximate search: the share of the exact neighbours that it found.

    Both are int, (n_users, n), without repetitions in a row.
    """
    pairs = zip(found, exact, strict=True)
    return float(np.mean([np.isin(right, row).mean() for row, right in pairs]))


# Lists --------------------------------------------------------------------------------------


def similarity_in_list(lists: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Mean cosine of the pairs of items in each list: float64, (n_lists,).

    Parameters
    ----------
    lists : int, (n_lists, n)
        Items by index, n at least 2.
    vectors : (n_items, k)
        An item without a direction has the cosine 0 with all others.

    Returns 0 for lists of one item, which have no pairs.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(length > 0, length, 1)
    of_list = directions[lists]
    cosines = of_list @ of_list.transpose(0, 2, 1)
    n = lists.shape[1]
    diagonal = np.einsum("lii->l", cosines)
    return (cosines.sum(axis=(1, 2)) - diagonal) / max(1, n * (n - 1))


def varied_lists(model: FactorModel, ratings: Ratings, n: int, diversity: float) -> np.ndarray:
    """`people.lists.diversified` for every user: int, (n_users, n), -1 for an empty place."""
    scores = np.ascontiguousarray(model.score_users(np.arange(ratings.n_users)).T, np.float64)
    scores[ratings.user_index, ratings.movie_index] = -np.inf
    lists = np.full((ratings.n_users, n), -1)
    for own, row in zip(lists, scores, strict=True):
        best = people.lists.diversified(model, row, n, diversity)
        own[: len(best)] = best
    return lists


# Feedback -----------------------------------------------------------------------------------


def feedback_loop(
    ratings: Ratings,
    truth: Truth,
    fit: Callable[[Ratings], object],
    rounds: int,
    n: int = 10,
    explore: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """People choose from what they are shown, and the model learns from what they chose.

    In each round every user sees a list of n movies: the model's, with each place taken by a random
    movie with the probability `explore`. They rate the movie of the list that they truly like best.
    Then the model is trained again, on everything.

    Parameters
    ----------
    ratings, truth
        From `data.synthetic`.
    fit : callable
        Trains a model.
    rounds : int
    n : int
        Places of a list.
    explore : float
        From 0, the model's list alone, to 1, a random list.
    seed : int

    Returns
    -------
    DataFrame, indexed by round from 1
        `shown`, the share of all movies that somebody has been shown so far; `top`, the share of
        this round's choices that fell on the hundredth of the movies that was chosen most;
        `liking`, the true signal of the chosen movies, in stars, mean over users.

    Raises
    ------
    ValueError
        For less than one round.
    """
    if rounds < 1:
        raise ValueError(f"`rounds` should be a positive number of rounds. Received: {rounds}")
    rng, rows = np.random.default_rng(seed), []
    users, was_shown = np.arange(ratings.n_users), np.zeros(ratings.n_movies, bool)
    for _ in range(rounds):
        lists, _ = evaluation.top_n(fit(ratings), ratings, n)  # type: ignore[arg-type]
        is_random = rng.random(lists.shape) < explore
        lists = np.where(is_random, unrated(ratings, rng, n), lists)
        signal = truth.signal(lists.ravel(), np.repeat(users, n)).reshape(lists.shape)
        best = signal.argmax(axis=1)
        chosen = lists[users, best]
        counts = np.sort(np.bincount(chosen, minlength=ratings.n_movies))[::-1]
        hundredth = max(1, ratings.n_movies // 100)
        was_shown[lists] = True
        rows.append(
            {
                "shown": was_shown.mean(),
                "top": counts[:hundredth].sum() / len(users),
                "liking": float(signal[users, best].mean()),
            }
        )
        noisy = signal[users, best] + truth.noise * rng.standard_normal(len(users))
        ratings = with_ratings(ratings, chosen, np.clip(np.rint(2 * noisy) / 2, 0.5, 5))
    return pd.DataFrame(rows, index=pd.RangeIndex(1, rounds + 1, name="round"))


def unrated(ratings: Ratings, rng: np.random.Generator, n: int) -> np.ndarray:
    """n random movies for each user, different ones that they have not rated: int, (n_users, n)."""
    order = rng.random((ratings.n_users, ratings.n_movies))
    order[ratings.user_index, ratings.movie_index] = 2
    return np.argsort(order, axis=1)[:, :n]


def with_ratings(ratings: Ratings, movie_index: np.ndarray, value: np.ndarray) -> Ratings:
    """The ratings with one more by each user, in the order of the columns; without times."""
    return dataclasses.replace(
        ratings,
        movie_index=np.append(ratings.movie_index, movie_index).astype(np.int32),
        user_index=np.append(ratings.user_index, np.arange(ratings.n_users)).astype(np.int32),
        value=np.append(ratings.value, value).astype(np.float32),
        timestamp=None,
    )


# Experiments --------------------------------------------------------------------------------


def people_needed(
    difference: float, sd: float, level: float = 0.95, power: float = 0.8, paired: bool = False
) -> int:
    """How many people an experiment needs to tell a difference from chance.

        n = (z_{(1 + level) / 2} + z_power)² sd² / difference²

    Paired, n people see both and `sd` is that of their differences. Otherwise each of two groups
    needs 2 n, and `sd` is that of one person's result; the number returned is of one group.

    Parameters
    ----------
    difference : float
        The true difference of the means that should be found.
    sd : float
        Standard deviation, in the same unit.
    level : float
        Of the interval that has to lie on one side of zero.
    power : float
        Probability that it does, if the difference is the true one.

    Raises
    ------
    ValueError
        For a difference of zero, which no number of people can show.
    """
    if not difference:
        raise ValueError("`difference` should not be 0: no experiment is large enough for that")
    z = norm.ppf((1 + level) / 2) + norm.ppf(power)
    return int(np.ceil((1 if paired else 2) * (z * sd / difference) ** 2))


def inverse_propensity(
    reward: np.ndarray, now: np.ndarray, logged: np.ndarray, cap: float = np.inf
) -> float:
    """What another policy would have earned, estimated from what this one showed.

        V = 1/n Σ_t r_t min(π(a_t | u_t) / π₀(a_t | u_t), cap)

    Without a cap the estimate is unbiased wherever π₀ > 0: what π shows more often than the log has
    it counts more, by as much.

    Parameters
    ----------
    reward : (n,)
        r_t: what came of showing a_t to u_t.
    now : (n,)
        π(a_t | u_t): how likely the policy to be judged would have shown it.
    logged : (n,)
        π₀(a_t | u_t), positive: how likely the one that wrote the log was to show it.
    cap : float
        The largest weight. Less variance, some bias.

    References
    ----------
    Horvitz & Thompson (1952), "A generalization of sampling without replacement from a finite
    universe".
    """
    return float(np.mean(reward * np.minimum(now / logged, cap)))


def policy(preference: np.ndarray) -> np.ndarray:
    """The probability of each item for each user: exp(preference), scaled to a sum of 1 a row."""
    weight = np.exp(preference - preference.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def log_lines(
    rng: np.random.Generator, old: np.ndarray, new: np.ndarray, click: np.ndarray, n_lines: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A log under a policy: the arguments of `inverse_propensity`, for another policy.

    Each line is a user, drawn at random, an item that `old` shows them, and whether they click.

    Parameters
    ----------
    rng : numpy.random.Generator
    old, new : (n_users, n_items)
        The probabilities of the policy that writes the log, and of the one to be judged.
    click : (n_users, n_items)
        The probability of a click.
    n_lines : int
    """
    user = rng.integers(len(old), size=n_lines)
    ends = np.cumsum(old, axis=1)[user]
    item = np.minimum((rng.random((n_lines, 1)) > ends).sum(axis=1), old.shape[1] - 1)
    reward = rng.random(n_lines) < click[user, item]
    return reward, new[user, item], old[user, item]


# Privacy ------------------------------------------------------------------------------------


def guessed_likes(scores: np.ndarray, likes: np.ndarray) -> np.ndarray:
    """How many of each user's likes are among as many movies with that user's highest scores.

    Parameters
    ----------
    scores : (n_movies, n_users)
    likes : bool, (n_movies, n_users)

    Returns
    -------
    float64, (n_users_with_likes,)
        Shares, from 0 to 1.
    """
    order = np.argsort(-scores, axis=0, kind="stable")
    n_likes = likes.sum(axis=0)
    is_guess = np.arange(len(scores))[:, None] < n_likes
    hits = (np.take_along_axis(likes, order, axis=0) & is_guess).sum(axis=0)
    return hits[n_likes > 0] / n_likes[n_likes > 0]


def share_unique(ratings: Ratings, n_known: int, seed: int = 0) -> float:
    """The share of users whom n random movies of theirs tell from everybody else.

    A user with fewer movies is asked for all of theirs.
    """
    rng = np.random.default_rng(seed)
    rated = np.zeros((ratings.n_movies, ratings.n_users), bool)
    rated[ratings.movie_index, ratings.user_index] = True
    unique = []
    for user in np.flatnonzero(ratings.user_counts):
        own = np.flatnonzero(rated[:, user])
        known = rng.choice(own, min(n_known, len(own)), replace=False)
        unique.append(rated[known].all(axis=0).sum() == 1)
    return float(np.mean(unique))
