"""`tune.fit` chooses settings within training and compares models on untouched ratings.

It keeps the simplest of those that cannot be told apart from the best.
"""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from cflib import evaluation, fit_als, fit_means, load_model, split, tune
from cflib.als import ALSSettings
from cflib.evaluation import top_n
from cflib.models import EASE_LIMIT, BlendSettings
from cflib.people import columns_of
from cflib.tune import compare, plans, search, wording
from tests.bookshop import COLUMNS, books, read

INTERVALS = [
    f"{metric}{part}{end}"
    for metric in tune.METRICS
    for part in ("", "_worse")
    for end in ("_low", "_high")
]


@pytest.fixture(scope="module")
def ratings():
    return read(books(150, 60, 3_000))


@pytest.fixture(scope="module")
def tuned(ratings):
    return tune.fit(ratings, COLUMNS, n_features=4)


def of_kind(ratings, kind):
    """The same pairs as likes, counts or thumbs; likes and counts where the user liked the book."""
    liked = ratings.value >= ratings.like_threshold
    if kind == "thumbs":
        return dataclasses.replace(
            ratings, kind=kind, scale=(0.0, 1.0), value=liked.astype(np.float32)
        )
    rows = ratings.take(liked)
    value = np.ones_like(rows.value) if kind == "likes" else rows.value**2
    return dataclasses.replace(rows, kind=kind, value=value, scale=(1.0, float(value.max())))


# Settings -------------------------------------------------------------------------------------


def test_lam_is_twice_as_large_on_a_scale_twice_as_wide(ratings):
    frame = books(150, 60, 3_000)
    doubled = read(frame.assign(stars=2 * frame["stars"]))
    once, twice = tune.choose_lam(ratings)["rmse"], tune.choose_lam(doubled)["rmse"]
    np.testing.assert_allclose(twice.index, 2 * once.index, rtol=1e-6)
    np.testing.assert_allclose(twice, 2 * once, rtol=0.01)
    assert twice.idxmin() == pytest.approx(2 * once.idxmin())


def test_lam_is_searched_for_more_finely_around_the_best_of_the_grid(ratings):
    errors = tune.choose_lam(ratings)["rmse"]
    grid = float(ratings.value.std(dtype=np.float64)) * np.array(tune.SPREADS)
    assert len(errors) == len(grid) + 4 and errors.index.is_monotonic_increasing
    at = errors.index.get_loc(errors.idxmin())
    assert errors.index[at + 1] / errors.index[at] == pytest.approx(2**0.25, rel=0.01)
    assert errors.min() <= errors[np.isin(errors.index, grid)].min()


def test_the_ratings_that_measure_the_models_choose_no_setting(ratings, tuned):
    part = split.holdout(ratings, tune.TEST_FRACTION, 0)
    assert tuned.n_tested == len(part.test)
    pd.testing.assert_frame_equal(tuned.choice, tune.choose_lam(part.train, 4))
    for name, choose in (("blend", search.choose_blend), ("ease", search.choose_ease)):
        found = choose(part.train)
        pd.testing.assert_frame_equal(tuned.tried[name], found.tried)
        assert tuned.settings[name] == found.settings


def test_a_search_keeps_the_settings_with_the_best_lists_of_all_that_it_tried(ratings):
    found = search.choose_ease(ratings)
    best = found.tried.loc[found.tried["ndcg"].idxmax()]
    assert (best["lam"], best["threshold"]) == (found.settings.lam, found.settings.threshold)
    assert found.tried[["lam", "threshold"]].drop_duplicates().shape[0] == len(found.tried)


def test_likes_may_begin_at_half_or_at_two_thirds_of_the_ratings():
    value = np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], [10, 22, 18, 30, 20])
    frame = pd.DataFrame({"isbn": np.arange(100), "reader": np.arange(100) % 7, "stars": value})
    ratings = read(frame)
    assert search.liked_from(ratings) == [4.0, 3.0]
    assert search.liked_from(of_kind(ratings, "thumbs")) == [1.0]
    assert search.liked_from(of_kind(ratings, "likes")) == [None]


# What is held out -----------------------------------------------------------------------------


def with_times(ratings):
    times = np.random.default_rng(0).permutation(len(ratings))
    return dataclasses.replace(ratings, timestamp=times.astype(np.int64))


def test_each_users_latest_ratings_are_held_out_where_there_are_times(ratings):
    part = tune.held_out(with_times(ratings))
    test, train = (
        pd.Series(side.timestamp).groupby(side.user_index) for side in (part.test, part.train)
    )
    ends = pd.concat([test.min(), train.max()], axis=1, keys=["test", "train"]).dropna()
    assert len(ends) > 100 and (ends["test"] > ends["train"]).all()


def test_a_random_part_is_held_out_without_times_and_where_users_have_too_few(ratings):
    few = with_times(ratings.take(np.unique(ratings.user_index, return_index=True)[1]))
    same = dataclasses.replace(ratings, timestamp=np.zeros(len(ratings), np.int64))
    for these in (ratings, few, same):
        part, random = tune.held_out(these, 3), split.holdout(these, tune.TEST_FRACTION, 3)
        np.testing.assert_array_equal(part.test.movie_index, random.test.movie_index)


# The table ------------------------------------------------------------------------------------


def test_the_table_says_what_evaluate_rank_and_compare_say(ratings):
    part = tune.held_out(ratings)
    models = {"means": fit_means(part.train), "als": fit_als(part.train, n_features=4)}
    table = compare.table_of({n: compare.shares_of(m, part, True) for n, m in models.items()})
    for metric, ours in (("rmse", evaluation.evaluate), ("ndcg", evaluation.rank)):
        np.testing.assert_allclose(table[metric], ours(models, part)[metric])
        best, other = compare.best(table, metric), min(set(models) - {compare.best(table, metric)})
        difference = evaluation.compare(models, part, to=best, metric=metric).loc[other]
        worse = table.loc[other, [f"{metric}_worse{end}" for end in ("", "_low", "_high")]]
        sign = 1 if metric == "rmse" else -1
        np.testing.assert_allclose(sorted(sign * difference), sorted(worse), atol=1e-12)
        assert table.loc[best, f"{metric}_worse"] == 0


def test_every_model_is_in_the_table_with_intervals_around_its_values(tuned):
    assert tuned.table.index.tolist() == list(tune.MODELS)
    for metric in tune.METRICS:
        rows = tuned.table[tuned.table[metric].notna()]
        assert (rows[f"{metric}_low"] <= rows[metric]).all()
        assert (rows[metric] <= rows[f"{metric}_high"]).all()
        assert (rows[f"{metric}_worse"] >= 0).all()
    assert tuned.table["rmse"].dropna().index.tolist() == ["means", "als", "bayes"]
    assert tuned.errors.index.tolist() == ["means", "als", "bayes"]


def table_with(metric, **rows):
    """A table of one metric from (value, worse, worse_low, worse_high) of each model."""
    columns = [metric, *(f"{metric}_worse{end}" for end in ("", "_low", "_high"))]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table.reindex(columns=compare.COLUMNS)


def test_the_simplest_of_what_cannot_be_told_apart_from_the_best_is_kept():
    table = table_with(
        "ndcg",
        popular=(0.10, 0.03, 0.01, 0.05),
        implicit=(0.12, 0.01, -0.01, 0.03),
        ease=(0.13, 0, 0, 0),
        bayes=(0.125, 0.005, -0.01, 0.02),
    )
    assert compare.best(table, "ndcg") == "ease"
    assert tune.tied(table, "ndcg") == ["implicit", "ease", "bayes"]
    assert tune.kept(table, "ndcg") == "implicit"
    assert tune.kept(table, "rmse") is None
    said = wording.of_kept(table, "ndcg", "implicit", "Lists are made by")
    assert "implicit (NDCG@10 0.120). ease has the best, 0.130" in said
    assert "contains zero" in said and "from simple to costly: popular, means, als" in said


def test_a_model_that_is_better_by_more_than_chance_is_kept_whatever_it_costs():
    table = table_with("rmse", means=(0.9, 0.1, 0.08, 0.12), bayes=(0.8, 0, 0, 0))
    assert tune.kept(table, "rmse") == "bayes"
    assert "by more than chance" in wording.of_kept(table, "rmse", "bayes", "Ratings:")


def test_where_readers_have_no_taste_the_most_popular_is_kept():
    rng = np.random.default_rng(0)
    popularity = 1 / np.arange(1, 61)
    rows = [
        (reader, book)
        for reader in range(150)
        for book in rng.choice(60, 15, replace=False, p=popularity / popularity.sum())
    ]
    frame = pd.DataFrame(rows, columns=["reader", "isbn"]).assign(stars=1)
    likes = dataclasses.replace(read(frame), kind="likes")
    tuned = tune.fit(likes)
    assert tuned.ranker == "popular" and tuned.predictor is None
    lists, _ = top_n(tuned.model, likes.take(np.zeros(len(likes), bool)), 3)
    assert (lists == lists[0]).all()


# What is kept ---------------------------------------------------------------------------------


def test_both_models_are_trained_again_on_all_ratings_with_the_chosen_settings(ratings, tuned):
    for name, model in (
        (tuned.ranker, tuned.model.ranker),
        (tuned.predictor, tuned.model.predictor),
    ):
        assert model.settings == tuned.settings[name]
        assert model.data_fingerprint == ratings.fingerprint
    lam = float(tuned.choice["rmse"].idxmin())
    assert tuned.settings["als"] == ALSSettings(n_features=4, lam=lam, seed=0)


def test_the_kept_lists_and_stars_are_no_worse_than_the_best_by_more_than_chance(tuned):
    assert tuned.table.loc[tuned.ranker, "ndcg_worse_low"] <= 0
    assert tuned.table.loc[tuned.predictor, "rmse_worse_low"] <= 0
    assert tuned.table.loc["popular", "ndcg_worse_low"] > 0  # readers do have taste


def test_the_file_remembers_columns_and_results(tuned, tmp_path):
    again = load_model(tuned.model.save(tmp_path / "model.npz"))
    assert columns_of(tuned.model) == columns_of(again) == COLUMNS
    told = again.notes["held_out"]
    assert told["sentences"] == tuned.sentences
    rows = pd.DataFrame(told["table"]).set_index("model")
    np.testing.assert_allclose(rows["ndcg"], tuned.table["ndcg"])
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize("kind", ["likes", "counts"])
def test_likes_and_counts_have_lists_and_no_stars(ratings, kind):
    these = of_kind(ratings, kind)
    tuned = tune.fit(these, COLUMNS)
    assert tuned.predictor is None and tuned.model.predictor is None
    assert tuned.table.index.tolist() == ["popular", "blend", "ease"]
    assert tuned.table["rmse"].isna().all() and tuned.errors.empty
    assert ("weigh_counts" in tuned.tried["blend"]) and "each of them is a hit" in tuned.sentences[
        0
    ]
    assert tuned.tried["blend"]["weigh_counts"].nunique() == (2 if kind == "counts" else 1)


def test_thumbs_are_predicted_as_the_share_of_likes(ratings):
    these = of_kind(ratings, "thumbs")
    tuned = tune.fit(these, COLUMNS, n_features=4)
    predicted = tuned.model.predict(these.movie_index, these.user_index)
    assert 0 <= predicted.min() and predicted.max() <= 1
    assert predicted[these.value == 1].mean() > predicted[these.value == 0].mean() + 0.3
    assert "one of 1 or more is a hit" in tuned.sentences[0]


def test_a_model_that_is_asked_for_is_kept_and_compared_with_the_simplest(ratings):
    tuned = tune.fit(ratings, COLUMNS, model="ease")
    assert (tuned.ranker, tuned.predictor) == ("ease", None)
    assert tuned.table.index.tolist() == ["popular", "means", "ease"]
    tuned = tune.fit(ratings, COLUMNS, model="means")
    assert (tuned.ranker, tuned.predictor) == ("means", "means")
    assert tuned.model.ranker.settings == tuned.model.predictor.settings


def test_implicit_feedback_alone_is_kept_when_it_is_asked_for(ratings):
    tuned = tune.fit(ratings, COLUMNS, model="implicit", quick=True)
    assert tuned.ranker == "implicit" and tuned.model.ranker.settings.solver == "implicit"
    assert "implicit" not in plans.worth_comparing(ratings, plans.Options())[0]


def test_a_search_for_the_blend_leaves_popularity_its_share(ratings):
    found, usual = search.choose_blend(ratings), BlendSettings()
    assert set(found.tried["popular"]) == {usual.popular}
    assert set(found.tried["known_after"]) == {usual.known_after}
    assert found.tried["lam"].nunique() > 1 and found.tried["n_features"].nunique() == 2


def test_a_model_that_is_asked_for_is_never_said_to_be_kept_by_the_rule():
    rows = {"popular": (0.13, 0, 0, 0), "means": (0.1, 0.03, -0.01, 0.06)}
    said = wording.of_kept(table_with("ndcg", **rows), "ndcg", "means", "Lists are made by")
    assert said.endswith("as asked for. popular could not be told apart from it.")
    rows["means"] = (0.1, 0.03, 0.01, 0.06)
    said = wording.of_kept(table_with("ndcg", **rows), "ndcg", "means", "Lists are made by")
    assert said.endswith("as asked for. popular is better by more than chance.")


def test_quick_compares_nothing_and_takes_lam_by_a_rule(ratings):
    tuned = tune.fit(ratings, COLUMNS, quick=True)
    assert (tuned.ranker, tuned.predictor) == ("blend", "als")
    assert tuned.table.empty and tuned.choice.empty and tuned.n_tested == 0
    spread = ratings.value.std(dtype=np.float64)
    assert tuned.settings["als"].lam == pytest.approx(tune.QUICK_SPREAD * spread)
    assert "not compared" in tune.report(tuned)
    assert tune.fit(of_kind(ratings, "likes"), quick=True).predictor is None
    assert tune.fit(ratings, quick=True, model="ease").ranker == "ease"


def test_features_that_tell_are_used_and_how_much_they_help_is_said(ratings):
    shelf = pd.Series(ratings.movie_ids).str.split("-").str[0]
    features = pd.get_dummies(shelf).to_numpy(np.float64)
    tuned = tune.fit(ratings, COLUMNS, model="bayes", movie_features=features, n_features=4)
    assert tuned.table.index.tolist() == ["popular", "means", "bayes", tune.FEATURES]
    gain = tuned.table.loc["bayes", "rmse"] - tuned.table.loc[tune.FEATURES, "rmse"]
    assert "With 3 features of items, the RMSE of bayes is" in tuned.sentences[-1]
    assert f"{gain:.3f}" in tuned.sentences[-1]


def test_genres_and_years_are_features_where_the_ratings_have_them(ratings):
    assert plans.from_titles(ratings) is None
    movies = ratings.movies.assign(genres=np.where(np.arange(60) % 3, "Crime", "Garden|Crime"))
    told = dataclasses.replace(ratings, movies=movies)
    names, _ = plans.worth_comparing(told, plans.Options())
    assert names == [*tune.MODELS, tune.FEATURES]


def test_models_that_the_file_is_too_large_for_are_left_out_and_named(ratings, monkeypatch):
    monkeypatch.setattr(plans, "BAYES_LIMITS", (100, 100))
    monkeypatch.setattr(plans, "EASE_CELLS", 100)
    names, sentences = plans.worth_comparing(ratings, plans.Options())
    assert names == ["popular", "means", "als", "blend"]
    assert "bayes was not tried: it is for at most 100 ratings" in sentences[0]
    assert f"ease was not tried: it is for at most {EASE_LIMIT:,} users" in sentences[1]
    monkeypatch.setattr(search, "SEARCH_LIMIT", 100)
    assert search.choose_ease(ratings).tried.empty


# What is said ---------------------------------------------------------------------------------


def test_the_report_fits_into_80_columns_and_says_what_was_kept_and_why(tuned):
    text = tune.report(tuned)
    assert max(map(len, text.splitlines())) <= wording.WIDTH
    assert "600 ratings were held out, drawn at random" in text
    for name, value in tuned.table["rmse"].dropna().items():
        assert f"{name} " in text and f"{value:.3f}" in text
    assert text.count("* ") >= 2 and f"* {tuned.ranker}" in text and f"* {tuned.predictor}" in text
    assert "Lists are made by" in text and "Ratings are predicted by" in text
    assert "movie" not in text.lower()


def test_lists_without_a_held_out_like_are_made_by_the_blend():
    frame = books(40, 40, 60).assign(stars=lambda f: np.where(f.index < 2, 9, 2))
    part = split.holdout(read(frame), tune.TEST_FRACTION, 0)
    first = np.flatnonzero(part.train.value == 9)
    assert len(first) == 2  # so that no test rating is a like
    tuned = tune.fit(read(frame), COLUMNS)
    assert tuned.ranker == "blend" and tuned.table["ndcg"].isna().all()
    assert "lists were not compared" in " ".join(tuned.sentences)


def test_the_progress_bar_names_the_models(ratings, capsys):
    tune.fit(ratings, COLUMNS, quick=True, progress=True)
    shown = capsys.readouterr().err
    assert "blend" in shown and "als" in shown and "2/2" in shown
    tune.fit(ratings, COLUMNS, quick=True)
    assert capsys.readouterr().err == ""


# What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reader": "ann"}, r"one reader, ann, .*`people\.recommend_person`"),
        ({"isbn": "b"}, "of one isbn, b"),
        ({"stars": 5}, "every rating is 5.* Is 'stars' the right column"),
    ],
)
def test_ratings_without_anything_to_learn_are_refused(change, message):
    frame = books(40, 40, 60).assign(**change).drop_duplicates(["reader", "isbn"])
    with pytest.raises(ValueError, match=message):
        tune.fit(read(frame, kind="ratings"), COLUMNS)


def test_too_few_ratings_are_refused():
    with pytest.raises(ValueError, match="at least 20 ratings.* Received: 19"):
        tune.fit(read(books(40, 40, 19)), COLUMNS)


def test_a_model_that_there_is_not_or_that_needs_ratings_is_refused(ratings):
    with pytest.raises(ValueError, match="one of auto, popular, .* Received: 'svd'"):
        tune.fit(ratings, model="svd")
    with pytest.raises(ValueError, match="holds likes.* one of popular, blend, ease"):
        tune.fit(of_kind(ratings, "likes"), model="als")
