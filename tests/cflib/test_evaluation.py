"""The evaluator against a few lines of NumPy, and what every model has to do to be judged by it."""

import dataclasses
import functools
import types

import numpy as np
import pytest

from cflib import (
    data,
    evaluation,
    fit_adam,
    fit_als,
    fit_bayes,
    fit_implicit,
    fit_means,
    fit_popularity,
    metrics,
)
from cflib.evaluation import compare, evaluate, rank
from cflib.folds import cross_validate
from cflib.split import holdout, kfold, latest
from tests.cflib.test_als import planted
from tests.conftest import make_ratings


@pytest.fixture(scope="module")
def part():
    return holdout(make_ratings(60, 40, 900), 0.3, seed=1)


# Every model --------------------------------------------------------------------------------

FITS = {
    "means": fit_means,
    "adam": lambda r: fit_adam(
        r, n_features=3, lam=0.02, lam_power=0, normalization="global", learning_rate=0.05
    ),
    "als": lambda r: fit_als(
        r, n_features=3, lam=0.02, lam_power=0, normalization="global", iterations=30
    ),
    "bayes": lambda r: fit_bayes(
        r, n_features=3, iterations=60, burn_in=20, n_samples=20, who_rated_what=False
    ),
    "implicit": lambda r: fit_implicit(r, n_features=3),
    "popular": fit_popularity,
}
PREDICTS = {"means": (0.75, 0.95), "adam": (0.1, 0.15), "als": (0.1, 0.15), "bayes": (0.1, 0.15)}


@pytest.fixture(scope="module")
def truth():
    """Ratings of a planted low-rank truth with noise of 0.1 stars, split; the truth is unused."""
    return holdout(planted(noise=0.1)[0], 0.2)


@pytest.fixture(scope="module")
def fitted(truth):
    """Fits a model by name, once."""
    models = {}
    return lambda name: models.setdefault(name, FITS[name](truth.train))


@pytest.mark.parametrize("name", FITS)
def test_every_model_is_the_same_again(truth, fitted, name):
    again = FITS[name](truth.train)
    users = np.arange(150)
    np.testing.assert_array_equal(again.score_users(users), fitted(name).score_users(users))


@pytest.mark.parametrize("name", FITS)
def test_every_model_refuses_an_index_that_it_does_not_have(fitted, name):
    with pytest.raises(IndexError, match="user index -1 is outside 0 to 149"):
        fitted(name).score_users([0, -1])
    if name in PREDICTS:
        with pytest.raises(IndexError, match="movie index 200 is outside 0 to 199"):
            fitted(name).predict([0, 200], [0, 0])


@pytest.mark.parametrize("name", PREDICTS)
def test_every_model_of_ratings_errs_as_much_as_it_should(truth, fitted, name):
    rmse = evaluate({name: fitted(name)}, truth).loc[name, "rmse"]
    low, high = PREDICTS[name]  # from the noise up; the means miss what features explain, 0.85
    assert low < rmse < high


@pytest.mark.parametrize("name", sorted(FITS.keys() - PREDICTS.keys()))
def test_a_model_that_ranks_cannot_be_judged_on_ratings(truth, fitted, name):
    with pytest.raises(TypeError, match="its scores are not ratings: use `.*rank`"):
        evaluate({"it": fitted(name)}, truth)


# The evaluator ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled():
    part = latest(data.load("movielens_2016"), fraction=0.2)
    return part, part.train.dense(), part.test.dense()


def by_hand(Y, R, method):
    """Scores of every movie, (n_movies, 1) or (n_movies, n_users), in float32 as the models'."""
    n, total = (array.sum(axis=1, dtype=float) for array in (R, Y))
    mean = total.sum() / n.sum()
    damped = ((total + 5 * mean) / (n + 5)).astype(np.float32)
    left = (R * (Y - damped[:, None].astype(float))).sum(axis=0) / (R.sum(axis=0) + 5.0)
    return {
        "global": np.full((len(Y), 1), mean, np.float32),
        "movie": np.where(n, total / np.maximum(n, 1), mean).astype(np.float32)[:, None],
        "movie_damped": damped[:, None],
        "movie_user_damped": damped[:, None] + left.astype(np.float32),
        "popular": n[:, None].astype(np.float32),
    }[method]


def fit(method, ratings):
    if method == "popular":
        return fit_popularity(ratings)
    return fit_means(ratings, method)


BASELINES = ["global", "movie", "movie_damped", "movie_user_damped", "popular"]


@pytest.mark.parametrize("method", BASELINES[:-1])
def test_errors_of_the_baselines_equal_a_few_lines_of_numpy(bundled, method):
    part, (Y, R), (T, tested) = bundled
    error = (np.clip(by_hand(Y, R, method), 0.5, 5).astype(float) - T)[tested == 1]
    row = evaluate({"model": fit(method, part.train)}, part).loc["model"]
    assert row["rmse"] == pytest.approx(np.sqrt((error**2).mean()), abs=1e-9)
    assert row["mae"] == pytest.approx(np.abs(error).mean(), abs=1e-9)
    assert row["rmse_low"] < row["rmse"] < row["rmse_high"]


@pytest.mark.parametrize("method", BASELINES)
def test_ndcg_of_the_baselines_equals_a_few_lines_of_numpy(bundled, method):
    part, (Y, R), (T, _) = bundled
    scores = np.where(R == 1, -np.inf, by_hand(Y, R, method))
    best = np.argsort(-scores, axis=0, kind="stable")[:10]
    good = T >= 4
    found, gain = np.take_along_axis(good, best, axis=0), 1 / np.log2(np.arange(2, 12))
    ndcg = [
        (gain * found[:, j]).sum() / gain[: good[:, j].sum()].sum()
        for j in np.flatnonzero(good.any(axis=0))
    ]
    table = rank({"model": fit(method, part.train)}, part)
    assert table.loc["model", "ndcg"] == pytest.approx(np.mean(ndcg), abs=1e-9)
    assert table.loc["model", "n_users"] == len(ndcg)
    assert table.loc["model", "n_left_out"] == (T.any(axis=0) & ~good.any(axis=0)).sum() > 0


def test_of_equal_scores_the_first_rows_are_recommended_and_never_what_was_rated(part):
    same = evaluation.recommended({"flat": fit_means(part.train, "global")}, part, k=5)["flat"]
    _, R = part.train.dense()
    for user, found in enumerate(same):
        assert found.tolist() == np.flatnonzero(R[:, user] == 0)[:5].tolist()


def scorer(ratings, score_users, predict=None):
    return types.SimpleNamespace(
        score_users=score_users, predict=predict, data_fingerprint=ratings.fingerprint
    )


def tiny():
    """Five movies, two users. Kim likes the last movie; Lea has rated all movies but the second."""
    arrays = {
        "movie_index": np.array([0, 4, 0, 2, 3, 4, 1], np.int32),
        "user_index": np.array([0, 0, 1, 1, 1, 1, 1], np.int32),
        "value": np.array([3, 5, 4, 4, 4, 4, 4.5], np.float32),
    }
    ratings = make_ratings(5, 2, 1, timestamp=None, **arrays)
    test = np.array([1, 6])
    return types.SimpleNamespace(
        train=ratings.take(np.delete(np.arange(7), test)), test=ratings.take(test)
    )


def test_a_list_that_ends_early_by_hand():
    part = tiny()
    flat = scorer(part.train, lambda users: np.zeros((5, len(users)), np.float32))
    lists = evaluation.recommended({"flat": flat}, part, 3)["flat"]
    assert lists.tolist() == [[1, 2, 3], [1, -1, -1]]
    row = rank({"flat": flat}, part, k=3).loc["flat"]
    # Kim has no hit in three places, Lea one in the first; movies 1, 2, 3 have 0, 1 and 1 ratings.
    assert row[["ndcg", "recall", "map", "mrr", "hit_rate"]].tolist() == [0.5] * 5
    assert row["precision"] == pytest.approx((0 + 1 / 3) / 2)
    assert row["popularity"] == pytest.approx((2 / 3 + 0) / 2)
    assert row["novelty"] == 1  # log2(2 users / 1 rating), and as much where there is none
    assert row["catalogue_coverage"] == 3 / 5


def test_users_without_a_relevant_movie_are_left_out_and_counted(part):
    model = {"model": fit_means(part.train)}
    table = rank(model, part, threshold=5.0)
    best = [part.test.value[part.test.user_index == j].max(initial=0) for j in range(40)]
    assert table["n_users"].item() == best.count(5)
    assert table["n_left_out"].item() == 40 - best.count(5) - best.count(0) > 0
    judged = evaluation.rankings(model, part, threshold=5.0)["model"]
    assert judged.index.tolist() == [j for j in range(40) if best[j] == 5]
    for metric in judged:
        assert judged[metric].mean() == pytest.approx(table[metric].item(), rel=1e-12)
    with pytest.raises(ValueError, match="no test rating is at or above the `threshold` of 5.5"):
        rank(model, part, threshold=5.5)


def test_a_model_that_knows_the_answers_has_the_best_list_there_could_be(part):
    T, _ = part.test.dense()
    table = rank({"oracle": scorer(part.train, lambda users: T[:, users])}, part, threshold=4.0)
    assert table[["ndcg", "map", "mrr", "hit_rate"]].values.tolist() == [[1, 1, 1, 1]]
    n = [((T[:, j] >= 4).sum()) for j in range(40) if (T[:, j] >= 4).any()]
    assert table["precision"].item() == pytest.approx(np.minimum(n, 10).mean() / 10, rel=1e-12)


def test_the_interval_of_a_ranking_metric_is_that_of_the_users_means(part):
    model = {"model": fit_means(part.train)}
    table = rank(model, part, level=0.9)
    value = evaluation.rankings(model, part)["model"]["ndcg"].to_numpy()
    drawn = value[np.random.default_rng(1).integers(0, len(value), (4000, len(value)))].mean(axis=1)
    plain = np.quantile(drawn, [0.05, 0.95])
    ours = table[["ndcg_low", "ndcg_high"]].values[0]
    np.testing.assert_allclose(ours, plain, atol=0.1 * np.ptp(plain))


@pytest.mark.parametrize("metric", ["rmse", "mae", "ndcg", "recall", "novelty"])
def test_a_paired_difference_is_that_of_the_table_and_of_a_plain_bootstrap(part, metric):
    models = {m: fit_means(part.train, m) for m in ("global", "movie", "movie_damped")}
    judge = evaluate if metric in metrics.METRICS else rank
    table = judge(models, part)[metric]
    found = compare(models, part, to="movie", metric=metric)
    assert found.index.tolist() == ["global", "movie_damped"]
    for name, row in found.iterrows():
        assert row["difference"] == pytest.approx(table[name] - table["movie"], abs=1e-12)
        assert row["low"] <= row["difference"] <= row["high"]
    if metric in metrics.RANKING:
        own = evaluation.rankings(models, part)
        value = (own["global"] - own["movie"])[metric].to_numpy()
        picks = np.random.default_rng(1).integers(0, len(value), (4000, len(value)))
        plain = np.quantile(value[picks].mean(axis=1), [0.025, 0.975])
        np.testing.assert_allclose(
            found.loc["global", ["low", "high"]].tolist(), plain, atol=0.1 * np.ptp(plain)
        )


def test_an_unknown_metric_or_length_of_list_is_refused(part):
    model = {"model": fit_means(part.train)}
    with pytest.raises(ValueError, match="a metric is one of rmse, mae, ndcg, .*'auc'"):
        compare(model, part, to="model", metric="auc")
    for k in (0, 61, 2.5):
        with pytest.raises(ValueError, match=f"`k` should be from 1 to 60, .*Received: {k}"):
            rank(model, part, k=k)


# By count, and coverage


def test_the_groups_by_count_add_up_to_the_whole(part):
    model = fit_means(part.train)
    whole = evaluate({"means": model}, part).loc["means", "rmse"]
    for axis in ("movie", "user"):
        groups = evaluation.by_count({"means": model}, part, axis, edges=(0, 1, 5, 15, 22))
        assert groups["n_ratings"].sum() == len(part.test)
        squares = (groups["rmse"] ** 2 * groups["n_ratings"]).sum() / len(part.test)
        assert np.sqrt(squares) == pytest.approx(whole, rel=1e-12)


def test_a_group_holds_the_ratings_whose_count_its_label_says(part):
    table = evaluation.by_count({"m": fit_means(part.train)}, part, "movie", (0, 1, 5, 15))
    count = part.train.movie_counts[part.test.movie_index]
    expected = {
        "0": count == 0,
        "1–4": (count >= 1) & (count < 5),
        "5–14": (count >= 5) & (count < 15),
        "15+": count >= 15,
    }
    n_ratings = dict(zip(table["group"], table["n_ratings"], strict=True))
    assert n_ratings == {label: rows.sum() for label, rows in expected.items() if rows.any()}


def test_intervals_of_known_noise_cover_as_they_say_in_every_group(truth):
    test = truth.test
    noise = np.random.default_rng(0).normal(size=len(test))

    def predict_interval(movie, user, level):
        assert level == 0.8
        return test.value + noise - 1.2816, test.value + noise + 1.2816

    sure = scorer(truth.train, None)
    sure.predict_interval = predict_interval
    frame = evaluation.coverage({"sure": sure}, truth, 0.8, edges=(0, 36, 42))
    assert frame["group"].tolist() == ["all", "0–35", "36–41", "42+"]
    assert frame["n_ratings"].iloc[0] == frame["n_ratings"].iloc[1:].sum() == len(test)
    assert ((frame["low"] < 0.8) & (frame["high"] > 0.8)).all()
    assert (frame["high"] - frame["low"]).iloc[0] < (frame["high"] - frame["low"]).iloc[1:].min()
    np.testing.assert_allclose(frame["width"], 2 * 1.2816, rtol=1e-5)


# Folds and seeds


def test_one_fold_is_what_evaluate_and_rank_and_compare_say(part):
    fits = {
        "movie": lambda ratings: fit_means(ratings, "movie"),
        "movie_damped": lambda ratings: fit_means(ratings, "movie_damped"),
    }
    models = {name: fit(part.train) for name, fit in fits.items()}
    table = cross_validate(fits, [part], ("rmse", "ndcg"), to="movie")
    assert table.index.names == ["model", "metric"] and "sd_seeds" not in table
    for metric, expected in (("rmse", evaluate(models, part)), ("ndcg", rank(models, part))):
        row = table.loc["movie_damped", metric]
        columns = [metric, f"{metric}_low", f"{metric}_high"]
        np.testing.assert_allclose(
            row[["mean", "low", "high"]], expected.loc["movie_damped", columns], rtol=1e-12
        )
        np.testing.assert_allclose(
            row[["difference", "difference_low", "difference_high"]],
            compare(models, part, "movie", metric).loc["movie_damped"],
            atol=1e-12,
        )
        assert np.isnan(row["sd_folds"])


def test_a_solver_can_be_cross_validated_as_it_is():
    folds = kfold(make_ratings(60, 40, 900), 3)
    table = cross_validate({"means": fit_means, "popular": fit_popularity}, folds, ["recall"])
    assert table.columns.tolist() == ["mean", "low", "high", "sd_folds"]
    recall = [rank({"it": fit_means(fold.train)}, fold)["recall"].item() for fold in folds]
    row = table.loc["means", "recall"]
    assert row["mean"] == pytest.approx(np.mean(recall), rel=1e-12)
    assert row["sd_folds"] == pytest.approx(np.std(recall, ddof=1), rel=1e-9)


def test_the_spread_over_folds_and_over_seeds_are_told_apart():
    folds, seeds = kfold(make_ratings(60, 40, 900), 3), (1, 2)
    fits = {
        "means": lambda ratings, seed: fit_means(ratings),
        "als": functools.partial(fit_als, n_features=3, lam=0.5, iterations=2),
    }
    table = cross_validate(fits, folds, seeds=seeds, to="means")
    each = [
        [
            evaluate({"als": fits["als"](fold.train, seed=seed)}, fold).loc["als", "rmse"]
            for seed in seeds
        ]
        for fold in folds
    ]
    each, row = np.array(each), table.loc["als", "rmse"]
    assert row["mean"] == pytest.approx(each.mean(), rel=1e-12)
    assert row["sd_folds"] == pytest.approx(each.mean(axis=1).std(ddof=1), rel=1e-9)
    assert row["sd_seeds"] == pytest.approx(each.var(axis=1, ddof=1).mean() ** 0.5, rel=1e-9)
    means = table.loc["means", "rmse"]
    assert row["difference"] == pytest.approx(row["mean"] - means["mean"], abs=1e-12)
    assert row["low"] < row["mean"] < row["high"]
    assert means["sd_seeds"] == 0
    assert means["difference_high"] == pytest.approx(0, abs=1e-12)


# What is refused


def test_a_model_that_saw_the_test_ratings_is_refused(part):
    leaky = {"leaky": fit_means(make_ratings(60, 40, 900))}
    for judge in (evaluate, rank, evaluation.coverage):
        with pytest.raises(ValueError, match="'leaky' was trained on other ratings"):
            judge(leaky, part)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_missing_prediction_is_never_dropped_and_it_says_whose_it_is(part, bad):
    predicted = np.full(len(part.test), 3.5)
    missing = np.isin(part.test.user_index, [3, 8])
    predicted[missing] = bad
    gaps = {"gaps": scorer(part.train, None, lambda i, j: predicted)}
    said = f"{missing.sum()} of them not finite, of 2 users: 121, 156$"
    with pytest.raises(ValueError, match=f"'gaps' should predict all 270 test .* {said}"):
        evaluate(gaps, part)
    predicted = predicted[:-1]
    with pytest.raises(ValueError, match=r"all 270 test ratings. Received: shape \(269,\)"):
        evaluate(gaps, part)


def test_a_missing_score_is_never_ranked_and_it_says_whose_it_is(part):
    def score_users(users):
        scores = np.zeros((60, len(users)), np.float32)
        scores[5:7, users == 30] = np.nan
        return scores

    said = "'gaps' should score all 60 movies .* 2 of them not finite, of 1 users: 310$"
    with pytest.raises(ValueError, match=said):
        rank({"gaps": scorer(part.train, score_users)}, part)
    short = scorer(part.train, lambda users: np.zeros((59, len(users))))
    with pytest.raises(ValueError, match=r"'short' .* Received: shape \(59, 40\)"):
        rank({"short": short}, part)


def test_nothing_learned_changes_when_the_test_ratings_do(part):
    changed = dataclasses.replace(part.test, value=np.float32(5.5) - part.test.value)
    other = dataclasses.replace(part, test=changed)
    for fit_one in (fit_means, lambda r: fit_adam(r, n_features=2, epochs=3)):
        scores = [fit_one(p.train).score_users(np.arange(40)) for p in (part, other)]
        np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("factor", [1, 2, 20])
def test_which_ratings_are_relevant_does_not_depend_on_the_scale(part, factor):
    """Multiply every rating, and the same lists have the same hits."""
    scaled = [
        dataclasses.replace(side, value=side.value * np.float32(factor), scale=(0.5, 5.0 * factor))
        for side in (part.train, part.test)
    ]
    other = type(part)(*scaled)
    one = rank({"popular": fit_popularity(part.train)}, part)
    same = rank({"popular": fit_popularity(other.train)}, other)
    assert one["n_users"].item() == same["n_users"].item()
    assert one["ndcg"].item() == pytest.approx(same["ndcg"].item(), rel=1e-12)


def test_bad_arguments_are_refused_before_anything_is_trained(part):
    def never(ratings):
        raise AssertionError("trained")

    means = {"means": fit_means(part.train)}
    for call, error, message in [
        (
            lambda: cross_validate({"a": never}, [part], to="b"),
            ValueError,
            "`to` should",
        ),
        (lambda: cross_validate({"a": never}, [part], ["rmsd"]), ValueError, "a metric"),
        (lambda: compare(means, part, to="b"), ValueError, "`to` should be one of means"),
        (lambda: evaluation.coverage(means, part), TypeError, "how sure it is"),
        (lambda: evaluation.by_count(means, part, edges=(20, 5)), ValueError, "`edges` should"),
        (lambda: evaluate({}, part), ValueError, "at least one model"),
    ]:
        with pytest.raises(error, match=message):
            call()
