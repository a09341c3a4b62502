"""A probability for each value that a rating can have, from a normal distribution and from habits.

A normal distribution around the prediction says how good somebody finds a movie. It does not say
how they put that into stars: some never give half stars, hardly anybody gives 0.5. So each user's
probabilities are multiplied by how often they gave a value, over how often the normal distribution
expects it of them.
"""

from __future__ import annotations

import numpy as np
import scipy.special

MOST_VALUES = 20  # that ratings may take; with more they are no stars
DAMPING = 1.0  # of habits, in ratings; chosen by log score on a part of the training ratings


def probabilities(mean: np.ndarray, std: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What a normal distribution gives to each value: what lies nearer to it than to others.

    Parameters
    ----------
    mean, std : (n,)
    values : (n_values,)
        In increasing order.

    Returns
    -------
    float64, (n, n_values)
        Each row adds up to 1.
    """
    edges = (values[1:] + values[:-1]) / 2
    below = scipy.special.ndtr((edges - mean[:, None]) / std[:, None])
    return np.diff(below, axis=1, prepend=0.0, append=1.0)


def habits(given: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How much more often each user gives a value than expected.

        t_jr = (n_jr + d g_r) / (e_jr + d),   g_r = Σ_j n_jr / Σ_j e_jr

    with n the ratings given, e those expected, and d = `DAMPING`: somebody without ratings has
    everybody's habits, g.

    Parameters
    ----------
    given, expected : (n_users, n_values)

    Returns
    -------
    float32, (n_users, n_values)
    """
    of_all = (given.sum(axis=0) + DAMPING) / (expected.sum(axis=0) + DAMPING)
    return ((given + DAMPING * of_all) / (expected + DAMPING)).astype(np.float32)


def counts(user: np.ndarray, of_each: np.ndarray, n_users: int) -> np.ndarray:
    """Sum of the rows of `of_each`, (n, n_values), of each user: (n_users, n_values)."""
    columns = [np.bincount(user, column, n_users) for column in of_each.T]
    return np.column_stack(columns)
