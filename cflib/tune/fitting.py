"""`fit`: compare, keep one model for lists and one for stars, train them on everything."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
from tqdm import tqdm

from .. import metrics
from ..data import Columns
from ..models import Recommender
from ..ratings import Ratings
from ..settings import Settings
from . import wording
from .compare import COLUMNS, kept, shares_of, table_of
from .plans import (
    FEATURES,
    MODELS,
    ON_REQUEST,
    WITH_STARS,
    Options,
    has_features,
    has_stars,
    plan_of,
    worth_comparing,
)
from .search import has_times, held_out

FEWEST = 20  # ratings; the error on a fifth of fewer would say nothing
BASELINES = ("popular", "means")  # beside a model that was asked for by name


@dataclasses.dataclass(frozen=True, eq=False)
class Tuned:
    """What `fit` returns.

    Attributes
    ----------
    model : Recommender
        The models that were kept, trained on all the ratings.
    table : DataFrame
        What each model was measured to be on held-out ratings: see `compare.table_of`. No rows
        with `quick`.
    choice : DataFrame
        The error for each λ of ALS, from `choose_lam`; no rows where it was not searched for.
    ranker : str
        The row of the table that makes the lists.
    predictor : str or None
        The row that predicts ratings; None where there are none to predict.
    n_tested : int
        How many ratings were held out; 0 with `quick`.
    sentences : list of str
        What was kept and why, in words.
    settings : dict of str to Settings
        What each model was trained with.
    tried : dict of str to DataFrame
        What each search tried.
    """

    model: Recommender
    table: pd.DataFrame
    choice: pd.DataFrame
    ranker: str
    predictor: str | None
    n_tested: int
    sentences: list[str]
    settings: dict[str, Settings] = dataclasses.field(default_factory=dict)
    tried: dict[str, pd.DataFrame] = dataclasses.field(default_factory=dict)

    @property
    def errors(self) -> pd.DataFrame:
        """The table's RMSE with its interval, of the models that predict ratings."""
        return self.table[["rmse", "rmse_low", "rmse_high"]].dropna()


def fit(
    ratings: Ratings,
    columns: Columns | None = None,
    *,
    model: str = "auto",
    quick: bool = False,
    movie_features: Any = None,
    user_features: Any = None,
    n_features: int = 16,
    seed: int = 0,
    progress: bool = False,
) -> Tuned:
    """Compare models on held-out ratings; keep one for lists and one for stars; train these on all.

    A fifth of the ratings is held out: each user's latest, where there are times. The settings of
    each model are chosen on a part of the rest. So the held-out ratings are looked at once, for
    the table. The rule for what is kept is in `compare`.

    Parameters
    ----------
    ratings : Ratings
        Of any kind. Likes and counts have no stars: only what makes lists is compared.
    columns : Columns or None
        Names of the file's columns, which the model remembers. None: those of MovieLens.
    model : str
        "auto", or one of `MODELS` or `ON_REQUEST`: this model alone is kept, for lists, and for
        stars where it predicts ratings.
    quick : bool
        Compare nothing and search for nothing: the blend makes the lists, and ALS with
        λ = `QUICK_SPREAD` standard deviations predicts ratings.
    movie_features, user_features : (n_movies, p), (n_users, q), dense or sparse, or None
        What is known of them. The Bayesian model is compared with and without. None: the genres
        and years that are in the ratings' table of titles.
    n_features : int
        Columns of X and W of the models that predict ratings.
    seed : int
        Of the random choices: which ratings are held out, and where training starts.
    progress : bool
        Show a progress bar, with the name of the model that is trained.

    Returns
    -------
    Tuned

    Raises
    ------
    ValueError
        For ratings that nothing can be learned from: see `check`; and for a `model` that there is
        not, or that needs ratings where the file has none.
    """
    columns = columns or Columns()
    check(ratings, columns)
    _check_model(model, ratings)
    options = Options(n_features, seed, movie_features, user_features)
    names, left_out = _names(ratings, model, quick, options)
    plans = {name: plan_of(name, options) for name in names}
    n_steps = 2 if quick else sum(plan.n_fits + 1 for plan in plans.values()) + 2
    searches, shares, part = {}, {}, None if quick else held_out(ratings, seed)
    with tqdm(total=n_steps, unit="fit", disable=not progress) as bar:
        settings = {name: plan.default(ratings) for name, plan in plans.items()}
        if part is not None:
            for name, plan in plans.items():
                bar.set_description(name)
                end = bar.n + plan.n_fits + 1
                searches[name] = plan.choose(part.train, bar.update)
                settings[name] = searches[name].settings
                trained = plan.fit(part.train, settings[name])
                shares[name] = shares_of(trained, part, has_stars(ratings))
                bar.update(end - bar.n)
        table = table_of(shares) if shares else pd.DataFrame(columns=COLUMNS).rename_axis("model")
        ranker, predictor = _kept(table, names, model)
        if not has_stars(ratings):
            predictor = None
        models = {}
        for name in dict.fromkeys([ranker, predictor or ranker]):
            bar.set_description(name)
            models[name] = plans[name].fit(ratings, settings[name])
            bar.update()
        bar.update(n_steps - bar.n)
    tried = {name: search.tried for name, search in searches.items()}
    latest = has_times(ratings)
    said = wording.sentences(table, ranker, predictor, settings, tried, part, latest)
    sentences = [*said, *left_out]
    if FEATURES in shares:
        gain = metrics.difference(shares["bayes"]["rmse"], shares[FEATURES]["rmse"])
        sentences.append(wording.of_features(gain, options))
    notes = {
        "columns": dataclasses.asdict(columns),
        "held_out": {"sentences": sentences, "table": wording.records(table)},
    }
    stars = models[predictor] if predictor not in (None, ranker) else None
    return Tuned(
        model=Recommender.of(models[ranker], stars, notes),
        table=table,
        choice=tried.get("als", pd.DataFrame(columns=["rmse"]).rename_axis("lam")),
        ranker=ranker,
        predictor=predictor,
        n_tested=0 if part is None else len(part.test),
        sentences=sentences,
        settings=settings,
        tried=tried,
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
    if has_stars(ratings) and ratings.value.min() == ratings.value.max():
        raise ValueError(
            f"{ratings.name}: every rating is {ratings.value[0]:g}, so there is nothing to learn. "
            f'Is {columns.rating!r} the right column? If each of them is a like: `kind="likes"`.'
        )


def _check_model(model: str, ratings: Ratings) -> None:
    if model not in ("auto", *MODELS, *ON_REQUEST):
        names = ", ".join(["auto", *MODELS, *ON_REQUEST])
        raise ValueError(f"`model` should be one of {names}. Received: {model!r}")
    if model in WITH_STARS and not has_stars(ratings):
        raise ValueError(
            f"{model} predicts ratings, and {ratings.name} holds {ratings.kind}. `model` should be "
            f"one of popular, blend, ease, implicit. Received: {model!r}"
        )


def _names(
    ratings: Ratings, model: str, quick: bool, options: Options
) -> tuple[list[str], list[str]]:
    """Rows of the table, and sentences on what is left out."""
    if model == "auto":
        if quick:
            return ["als"] * has_stars(ratings) + ["blend"], []
        return worth_comparing(ratings, options)
    names = [model]
    if model == "bayes" and has_features(ratings, options):
        names = [FEATURES] if quick else [model, FEATURES]
    if quick:
        return names, []
    baselines = [name for name in BASELINES if name == "popular" or has_stars(ratings)]
    return [*(name for name in baselines if name not in names), *names], []


def _kept(table: pd.DataFrame, names: list[str], model: str) -> tuple[str, str | None]:
    """What makes lists and what predicts: by the table; without one, what is usually best."""
    allowed = [name for name in names if model in ("auto", name.removesuffix("+features"))]
    predictors = [name for name in allowed if name in WITH_STARS]
    measured = table.reindex(allowed)
    usual = "blend" if model == "auto" else allowed[-1]
    return (
        kept(measured, "ndcg") or usual,
        kept(measured.loc[predictors], "rmse") or next(reversed(predictors), None),
    )
