"""From a set of ratings to a model whose λ fits it and whose error is known.

It is what `cflib fit` does, as functions. Nothing here is only about movies: the ratings may be of
books, songs or recipes, on any scale.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from . import metrics, split
from .als import ALSSettings, fit_als, fit_means
from .data import Columns
from .evaluation import evaluate
from .model import FactorModel
from .ratings import Ratings

SPREADS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # λ that are tried, in standard deviations
TEST_FRACTION = 0.2  # of the ratings, held out for the error; and of the rest, to choose λ
FEWEST = 20  # ratings; the error on a fifth of fewer would say nothing
MEANS, FACTORS = "damped means", "factorisation"  # the rows of `Tuned.errors`


@dataclasses.dataclass(frozen=True, eq=False)
class Tuned:
    """What `fit` returns.

    Attributes
    ----------
    model : FactorModel
        Trained on all the ratings.
    choice : DataFrame
        The error for each λ, from `choose_lam`.
    errors : DataFrame
        Of the damped means and of the factorisation, on held-out ratings: see `evaluate`.
    n_tested : int
        How many ratings were held out for `errors`.
    """

    model: FactorModel
    choice: pd.DataFrame
    errors: pd.DataFrame
    n_tested: int


def fit(
    ratings: Ratings, columns: Columns | None = None, n_features: int = 16, seed: int = 0
) -> Tuned:
    """Choose λ, measure the error on a held-out fifth, then train on all the ratings.

    Parameters
    ----------
    ratings : Ratings
    columns : Columns or None
        Names of the file's columns, which the model remembers. None: those of MovieLens.
    n_features : int
        Columns of X and W.
    seed : int
        Of the random choices: which ratings are held out, and where training starts.

    Returns
    -------
    Tuned

    Raises
    ------
    ValueError
        For ratings that nothing can be learned from: see `check`.
    """
    columns = columns or Columns()
    check(ratings, columns)
    part = split.holdout(ratings, TEST_FRACTION, seed)
    choice = choose_lam(part.train, n_features, seed)
    settings = ALSSettings(n_features=n_features, lam=float(choice["rmse"].idxmin()), seed=seed)
    models = {MEANS: fit_means(part.train), FACTORS: fit_als(part.train, settings)}
    model = fit_als(ratings, settings)
    notes = model.notes | {"columns": dataclasses.asdict(columns)}
    return Tuned(
        model=dataclasses.replace(model, notes=notes),
        choice=choice,
        errors=evaluate(models, part),
        n_tested=len(part.test),
    )


def check(ratings: Ratings, columns: Columns) -> None:
    """Raise ValueError for ratings that nothing can be learned from, and say what is missing.

    Parameters
    ----------
    ratings : Ratings
    columns : Columns
        For the words of the message.

    Raises
    ------
    ValueError
        For ratings by one user, of one item, fewer than `FEWEST`, or all alike.
    """
    user, item = columns.nouns()
    if ratings.n_users < 2:
        raise ValueError(
            f"{ratings.name}: all ratings are by one {user}, {ratings.user_ids[0]}, and a model "
            "learns from comparing several. Add the ratings of others. If there is a model of "
            "theirs, it can recommend to this one: `people.recommend_person`."
        )
    if ratings.n_movies < 2:
        raise ValueError(
            f"{ratings.name}: all ratings are of one {item}, {ratings.movie_ids[0]}, so there is "
            "nothing else to recommend. Add ratings of others."
        )
    if len(ratings) < FEWEST:
        raise ValueError(
            f"{ratings.name}: there should be at least {FEWEST} ratings, to train on some and to "
            f"measure the error on others. Received: {len(ratings)}. Add some."
        )
    if ratings.value.min() == ratings.value.max():
        raise ValueError(
            f"{ratings.name}: every rating is {ratings.value[0]:g}, so there is nothing to learn. "
            f"Is {columns.rating!r} the right column?"
        )


def choose_lam(ratings: Ratings, n_features: int = 16, seed: int = 0) -> pd.DataFrame:
    """Try a grid of λ, and measure the error of each on ratings held out of `ratings`.

    The grid is `SPREADS` times the standard deviation of the ratings, so that it fits any scale.
    Multiply every rating by s, and X and W by √s: then the squared error is multiplied by s² and
    the penalty by s. So λ has to grow in proportion to the spread of the ratings.

    Parameters
    ----------
    ratings : Ratings
    n_features, seed : int
        As in `fit`.

    Returns
    -------
    DataFrame, indexed by lam
        Column rmse.
    """
    part = split.holdout(ratings, TEST_FRACTION, seed + 1)
    test = part.test
    spread = float(ratings.value.std(dtype=np.float64))
    errors = {}
    for lam in spread * np.array(SPREADS):
        model = fit_als(part.train, n_features=n_features, lam=lam, seed=seed)
        predicted = model.predict(test.movie_index, test.user_index)
        errors[lam] = metrics.rmse(test.value, predicted)
    return pd.Series(errors, name="rmse").rename_axis("lam").to_frame()


def report(tuned: Tuned) -> str:
    """The chosen λ with its error, and the held-out error beside that of the damped means."""
    choice = tuned.choice["rmse"]
    tried = f"{len(choice)} values from {choice.index[0]:.3g} to {choice.index[-1]:.3g}"
    smallest = f"the smallest error on a validation set ({choice.min():.4g})"
    lines = [
        f"λ = {choice.idxmin():.3g}, of {tried}, has {smallest}.",
        f"Error (RMSE) on {tuned.n_tested:,} ratings held out, with 95% intervals:",
    ]
    for name, row in tuned.errors.iterrows():
        lines.append(f"  {name:15}{row.rmse:.4g}  ({row.rmse_low:.4g} to {row.rmse_high:.4g})")
    if tuned.errors["rmse"].idxmin() == MEANS:
        lines.append("The factorisation does not beat the means: there may be too few ratings.")
    return "\n".join(lines)
