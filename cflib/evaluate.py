"""A model and a split in, a table out.

A model is whatever has `predict(movie_index, user_index)` and `data_fingerprint`, the
fingerprint of the ratings it was trained on. A model that was trained on anything but the
split's training part is refused: that is how test ratings leak.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from . import metrics
from .split import Split

COUNT_EDGES = (0, 1, 5, 20, 50)


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
        out (by name, with how many).
    """
    rows = {}
    for name, predicted in predictions(models, split).items():
        row = rows[name] = {}
        for metric, (function, _, _) in metrics.METRICS.items():
            row[metric] = function(split.test.value, predicted)
            row[f"{metric}_low"], row[f"{metric}_high"] = metrics.interval(
                split.test.value, predicted, split.test.user_index, metric, level, seed=seed
            )
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


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
        Columns model, group ("5-19"), n_ratings, rmse, rmse_low, rmse_high; one row a model and
        group that has test ratings.
    """
    if axis not in ("movie", "user"):
        raise ValueError(f"`axis` should be 'movie' or 'user'. Received: {axis!r}")
    test = split.test
    index = test.movie_index if axis == "movie" else test.user_index
    counts = (split.train.movie_counts if axis == "movie" else split.train.user_counts)[index]
    group = np.searchsorted(edges, counts, side="right") - 1
    rows = []
    for name, predicted in predictions(models, split).items():
        for g, label in enumerate(_labels(edges)):
            rated = group == g
            if not rated.any():
                continue
            args = test.value[rated], predicted[rated]
            low, high = metrics.interval(*args, test.user_index[rated], level=level)
            rows.append([name, label, int(rated.sum()), metrics.rmse(*args), low, high])
    columns = ["model", "group", "n_ratings", "rmse", "rmse_low", "rmse_high"]
    return pd.DataFrame(rows, columns=columns)


def predictions(models: dict, split: Split) -> dict[str, np.ndarray]:
    """Each model's predictions of the test ratings, checked as `evaluate` promises."""
    test, result = split.test, {}
    for name, model in models.items():
        if model.data_fingerprint != split.train.fingerprint:
            raise ValueError(
                f"the model {name!r} was trained on other ratings than this split's training "
                "part, so it may have seen the test ratings: train it on `split.train`"
            )
        predicted = np.asarray(model.predict(test.movie_index, test.user_index))
        missing = int(np.size(predicted) - np.isfinite(predicted).sum())
        if predicted.shape != test.value.shape or missing:
            raise ValueError(
                f"the model {name!r} should predict all {len(test)} test ratings. "
                f"Received: shape {predicted.shape}, {missing} of them not finite"
            )
        result[name] = predicted
    return result


def _labels(edges) -> list[str]:
    closed = [
        f"{low}" if high == low + 1 else f"{low}–{high - 1}"
        for low, high in itertools.pairwise(edges)
    ]
    return [*closed, f"{edges[-1]}+"]
