"""Ratings of your own: from a set of them to a model that was judged, and from it to what to try.

What `python -m cflib fit` and `recommend` do, as functions. Nothing here is about films: ratings
may be of books, songs or recipes, on any scale, and what is printed calls them as their columns do.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from . import data, evaluate, inspection, metrics, split, train
from .data import Columns, Ratings
from .data.files import noun
from .data.ratings import index_of
from .data.reading import id_like
from .model import FactorModel

SPREADS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # the λ that are tried, in standard deviations
TEST_FRACTION = 0.2  # of the ratings to judge on; and of the rest, to choose λ on
FEWEST = 20  # ratings; of fewer, a fifth says nothing
FORMATS = ("table", "csv", "json")
MEANS, FACTORS = JUDGED = "damped means", "factorisation"


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """What `fit` returns.

    Attributes
    ----------
    model : FactorModel, trained on all the ratings
    choice : DataFrame, as `choose_lam`
    errors : DataFrame, as `evaluate.evaluate`: of the damped means and of the factorisation
    n_tested : ratings held out for `errors`
    """

    model: FactorModel
    choice: pd.DataFrame
    errors: pd.DataFrame
    n_tested: int


def fit(
    ratings: Ratings, columns: Columns | None = None, n_features: int = 16, seed: int = 0
) -> Fitted:
    """Choose λ, judge on a held-out fifth, then train on all the ratings.

    Parameters
    ----------
    ratings : Ratings
    columns : names of the file's columns, which the model remembers. None: MovieLens' own.
    n_features : columns of X and W.
    seed : of what is held out, and of where training starts.

    Raises
    ------
    ValueError : for ratings of one user or one item, all alike, or fewer than `FEWEST`.
    """
    columns = columns or Columns()
    check(ratings, columns)
    part = split.holdout(ratings, TEST_FRACTION, seed)
    choice = choose_lam(part.train, n_features, seed)
    settings = {"n_features": n_features, "lam": float(choice["rmse"].idxmin()), "seed": seed}
    judged = {
        MEANS: train.fit_means(part.train),
        FACTORS: train.fit_als(part.train, **settings),
    }
    model = train.fit_als(ratings, **settings)
    remembered = model.settings | {"columns": dataclasses.asdict(columns)}
    return Fitted(
        dataclasses.replace(model, settings=remembered),
        choice,
        evaluate.evaluate(judged, part),
        len(part.test),
    )


def check(ratings: Ratings, columns: Columns) -> None:
    """Refuse ratings that no taste can be learned from, saying what is missing."""
    user, item = columns.nouns()
    if ratings.n_users < 2:
        raise ValueError(
            f"{ratings.name}: all ratings are by one {user}, {ratings.user_ids[0]}, and taste is "
            f"learned by comparing. Add the ratings of others; or, where a model of theirs exists, "
            "ask it with `recommend MODEL --ratings FILE`."
        )
    if ratings.n_movies < 2:
        raise ValueError(
            f"{ratings.name}: all ratings are of one {item}, {ratings.movie_ids[0]}, so there is "
            "nothing to choose from. Add ratings of others."
        )
    if len(ratings) < FEWEST:
        raise ValueError(
            f"{ratings.name}: there should be at least {FEWEST} ratings to learn from and judge "
            f"on. Received: {len(ratings)}. Add some."
        )
    if ratings.value.min() == ratings.value.max():
        raise ValueError(
            f"{ratings.name}: every rating is {ratings.value[0]:g}, so there is nothing to learn. "
            f"Is {columns.rating!r} the right column?"
        )


def choose_lam(ratings: Ratings, n_features: int = 16, seed: int = 0) -> pd.DataFrame:
    """The error on ratings held out of `ratings`, for each λ of a grid that fits their scale.

    Multiply every rating by s, and X and W by √s: the squared error grows s² times, the penalty s
    times. So a λ means the same on two scales when it is in proportion to the spread of the
    ratings, and the grid is `SPREADS` times their standard deviation.

    Returns
    -------
    DataFrame, indexed by lam, with a column rmse.
    """
    part = split.holdout(ratings, TEST_FRACTION, seed + 1)
    held = part.test
    rmse = {}
    for lam in float(ratings.value.std(dtype=np.float64)) * np.array(SPREADS):
        model = train.fit_als(part.train, n_features=n_features, lam=lam, seed=seed)
        rmse[lam] = metrics.rmse(held.value, model.predict(held.movie_index, held.user_index))
    return pd.Series(rmse, name="rmse").rename_axis("lam").to_frame()


# Recommending


def columns_of(model: FactorModel) -> Columns:
    """What the file of the model's ratings called its columns; MovieLens' names if it is unknown."""
    return Columns(**model.settings.get("columns", {}))


def recommend(model: FactorModel, path, user: str, n: int = 10) -> pd.DataFrame:
    """The n best for a user of the model that `path` holds, by id: nothing that they rated.

    Parameters
    ----------
    model : FactorModel, loaded from `path`, which holds its ratings, too
    user : id, as text or as it is

    Returns
    -------
    DataFrame, indexed by rank from 1: the item's column, title and genres where they are known,
    prediction (clipped to the scale) and n_ratings.

    Raises
    ------
    KeyError : no such user; with the nearest ids.
    ValueError : the file holds no ratings.
    """
    ratings = model.load_ratings(path)
    user_id = user_like(model, user)
    return worded(inspection.recommend(model, ratings, user_id, n), columns_of(model))


def recommend_to(model: FactorModel, person: dict, n: int = 10) -> pd.DataFrame:
    """The n best for somebody new, from their ratings (item id to rating). As `recommend`.

    Ids that the model does not know (`unknown`) say nothing to it. ValueError where that is all.
    """
    strange = set(unknown(model, person))
    known = {i: rating for i, rating in person.items() if i not in strange}
    if not known:
        raise ValueError(
            f"the model knows none of these {columns_of(model).item}: {some(person)}. Those that "
            f"it knows look like {some(model.movie_ids.tolist())}."
        )
    return worded(inspection.recommend_new(model, known, n), columns_of(model))


def read_person(model: FactorModel, path) -> dict:
    """Somebody new's ratings from a file with the columns and the scale that the model knows."""
    columns = columns_of(model)
    return data.read_person(
        path, model.movie_ids, user=columns.user, item=columns.item, rating=columns.rating,
        scale=model.scale,
    )  # fmt: skip


def unknown(model: FactorModel, person: dict) -> list:
    """The ids among a person's that the model does not know."""
    known = set(model.movie_ids.tolist())
    return [i for i in person if i not in known]


def some(ids, n: int = 3) -> str:
    """The first few of some ids, for a message."""
    ids = list(ids)
    return ", ".join(map(str, ids[:n])) + (", …" if len(ids) > n else "")


def user_like(model: FactorModel, user):
    """The id in `model.user_ids` that `user`, perhaps text, stands for. KeyError: the nearest."""
    kind, ids = noun(columns_of(model).user), model.user_ids
    user_id = id_like(str(user), ids)
    if isinstance(user_id, str) and np.issubdtype(ids.dtype, np.number):
        raise KeyError(
            f"no {kind} with id {user!r}: ids are whole numbers here, from {ids[0]} to {ids[-1]}. "
            "Write one of them; or, for somebody new, give a file of their ratings."
        )
    try:
        index_of(ids, user_id, kind)
    except KeyError as error:
        raise KeyError(
            f"{error.args[0]}. Write an id that there is; or, for somebody new, give a file of "
            "their ratings."
        ) from None
    return user_id


def worded(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """A frame in the words of the file: its columns' names, and no titles that are made of ids."""
    made = {f"{noun(columns.item)} {i}" for i in frame["movieId"]} | set(map(str, frame["movieId"]))
    says_nothing = {
        "title": lambda titles: titles.isin(made).all(),
        "genres": lambda genres: not genres.str.len().any(),
    }
    empty = [name for name, is_so in says_nothing.items() if name in frame and is_so(frame[name])]
    names = {"userId": columns.user, "movieId": columns.item, "rating": columns.rating}
    return frame.drop(columns=empty).rename(columns=names)


# What the commands print


def describe(ratings: Ratings, columns: Columns) -> str:
    """One line: how many ratings, on which scale, of what and by whom."""
    low, high = ratings.scale
    return (
        f"{ratings.name}: {ratings.n_ratings:,} ratings from {low:g} to {high:g}; "
        f"{noun(columns.item)}: {ratings.n_movies:,}; {noun(columns.user)}: {ratings.n_users:,}"
    )


def report_oddities(odd: pd.DataFrame) -> str:
    """What `data.oddities` found, a line a kind that is there."""
    found = odd[odd["count"] > 0]
    if found.empty:
        return "Nothing odd in them."
    width = max(map(len, found.index))
    lines = [
        f"  {oddity:{width}}  {row['count']:>9,}  {row['share']:>6.1%}  {row['examples']}"
        for oddity, row in found.iterrows()
    ]
    return "\n".join(["Odd in them:", *lines])


def report_fit(fitted: Fitted) -> str:
    """Which λ was chosen and by what, and the held-out error beside the damped means'."""
    choice, lam = fitted.choice["rmse"], fitted.model.settings["lam"]
    lines = [
        f"λ = {lam:.3g}: of {len(choice)} from {choice.index[0]:.3g} to {choice.index[-1]:.3g} the "
        + f"one with the least error on a validation set ({choice.min():.4g}).",
        f"Error (RMSE) on {fitted.n_tested:,} ratings held out, with 95% intervals:",
    ]
    for name, row in fitted.errors.iterrows():
        lines.append(f"  {name:15}{row.rmse:.4g}  ({row.rmse_low:.4g} to {row.rmse_high:.4g})")
    if fitted.errors["rmse"].idxmin() == MEANS:
        lines.append("The means alone are no worse: there is little taste to be seen in so few.")
    return "\n".join(lines)


def formatted(frame: pd.DataFrame, form: str) -> str:
    """Recommendations as a "table", as "csv" or as "json": a list of objects."""
    frame = frame.assign(prediction=frame["prediction"].astype(float).round(3)).reset_index()
    if form == "json":
        return frame.to_json(orient="records", force_ascii=False, indent=2)
    if form == "csv":
        return frame.to_csv(index=False, lineterminator="\n").rstrip("\n")
    return frame.to_string(index=False, max_colwidth=60)
