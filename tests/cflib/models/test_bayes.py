"""The sampler: against posteriors known in closed form, planted truths, and its own promises."""

import dataclasses
import functools

import numpy as np
import pytest
import scipy.sparse

from cflib import _kernels, data, fit_bayes, fit_means, load_model, models
from cflib.metrics import rmse
from cflib.models import bayes, gibbs, stars
from cflib.split import holdout
from tests.conftest import make_ratings

FEW = {"n_features": 2, "chains": 2, "iterations": 12, "burn_in": 2, "n_samples": 5}


def rows_of(ratings, residual):
    return _kernels.by_row(
        ratings.movie_index, ratings.user_index, residual.astype(np.float32), ratings.n_movies
    )


@pytest.fixture(params=[False, True], ids=["one prior", "freer biases"])
def normal_equations(ratings, request):
    """Arguments of `sample_rows`, and each row's posterior precision and mean in float64."""
    rng = np.random.default_rng(3)
    k = 5
    factors = rng.normal(size=(ratings.n_users, k))
    bias, residual = rng.normal(size=ratings.n_users), rng.normal(size=len(ratings))
    weight = rng.uniform(0.5, 3, ratings.n_movies)
    root = rng.normal(size=(k, k))
    precision = root @ root.T + np.eye(k)
    prior_mean = rng.normal(size=(ratings.n_movies, k))
    freedom = rng.uniform(0, 3, ratings.n_movies) * request.param
    posterior = []
    for i in range(ratings.n_movies):
        mine = ratings.movie_index == i
        V = factors[ratings.user_index[mine]]
        y = residual[mine] - bias[ratings.user_index[mine]]
        covariance = np.linalg.inv(precision)
        covariance[-1, -1] += freedom[i]
        prior = np.linalg.inv(covariance)
        P = prior + weight[i] * V.T @ V
        posterior.append((P, np.linalg.solve(P, prior @ prior_mean[i] + weight[i] * V.T @ y)))
    shift = prior_mean @ precision
    given = rows_of(ratings, residual), factors, bias, weight, precision, shift

    freedom = freedom if request.param else None
    return functools.partial(_kernels.sample_rows, *given, freedom=freedom), given, posterior


def test_without_noise_a_draw_is_the_posterior_mean(normal_equations):
    sample, given, posterior = normal_equations
    draw, _ = sample(np.zeros_like(given[-1]))
    np.testing.assert_allclose(draw, [mean for _, mean in posterior], rtol=2e-4, atol=2e-4)


def test_a_compiled_draw_is_the_definition(ratings, normal_equations):
    """Row by row, `models.gibbs.draw_row` with the same noise."""
    sample, given, _ = normal_equations
    rows, factors, bias, weight, precision, shift = given
    noise = np.random.default_rng(4).standard_normal(shift.shape)
    if sample.keywords["freedom"] is not None:
        pytest.skip("the definition has one prior for all rows")
    draw, _ = sample(noise)
    for i in range(ratings.n_movies):
        at = slice(rows.start[i], rows.start[i + 1])
        column = rows.column[at]
        residual = rows.residual[at] - bias[column]
        row = gibbs.draw_row(factors[column], residual, weight[i], precision, shift[i], noise[i])
        np.testing.assert_allclose(draw[i], row, rtol=2e-4, atol=2e-4)


def test_draws_have_the_posterior_covariance(normal_equations):
    sample, given, posterior = normal_equations
    rng = np.random.default_rng(0)
    draws = np.stack([sample(rng.standard_normal(given[-1].shape))[0] for _ in range(3000)])
    for i in (0, 7, 29):  # the last has no rating: its posterior is the prior
        P, _ = posterior[i]
        # L (cov) Lᵀ should be the identity; an entry of it has a standard error of 1/√3000.
        L = np.linalg.cholesky(P)
        whitened = L.T @ np.cov(draws[:, i].T) @ L
        np.testing.assert_allclose(whitened, np.eye(5), atol=5 * 3000**-0.5 * 1.5)


def test_squared_error_is_that_of_the_draw(ratings, normal_equations):
    sample, given, _ = normal_equations
    rows, factors, bias, *_ = given
    draw, squared_error = sample(np.zeros_like(given[-1]))
    for i in (0, 7):
        mine = slice(rows.start[i], rows.start[i + 1])
        column = rows.column[mine]
        error = factors[column] @ draw[i] + bias[column] - rows.residual[mine]
        assert squared_error[i] == pytest.approx(np.sum(error**2), rel=1e-4)


def test_a_block_draws_from_its_closed_form_posterior():
    """G = F β with β ~ N(0, 1 / ridge), seen with unit noise: ridge regression of functions."""
    rng = np.random.default_rng(1)
    F, values = rng.normal(size=(12, 4)), rng.normal(size=(12, 1))
    block = gibbs.Block(*gibbs.singular_vectors(F), 1)
    block.ridge, block.draw_ridge = 2.0, lambda *_: None
    draws = []
    for _ in range(4000):
        block.draw(values, np.eye(1), rng)
        draws.append(block.shift[:, 0].copy())
    P = F.T @ F + 2.0 * np.eye(4)
    mean, covariance = F @ np.linalg.solve(P, F.T @ values[:, 0]), F @ np.linalg.solve(P, F.T)
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(np.mean(draws, axis=0), mean, atol=5 * sd.max() / 4000**0.5)
    np.testing.assert_allclose(np.cov(np.transpose(draws)), covariance, atol=0.1 * sd.max() ** 2)


def test_a_ridge_is_found_from_rows_that_are_known():
    rng = np.random.default_rng(9)
    square, root = rng.uniform(1, 9, 3000), np.diag([1.0, 2.0])
    seen = np.sqrt(1 + square / 4)[:, None] * rng.standard_normal((3000, 2)) @ np.diag([1, 0.5])
    block = gibbs.Block(square, np.zeros((1, 3000)), 2)
    found = []
    for _ in range(200):
        block.draw_ridge(seen, root, rng)
        found.append(block.ridge)
    assert np.mean(found[20:]) == pytest.approx(4, rel=0.1)


def test_a_wide_and_a_tall_feature_matrix_shift_alike():
    rng = np.random.default_rng(2)
    F = rng.normal(size=(6, 3))
    wide = np.hstack([F, np.zeros((6, 9))])  # more columns than rows: the other decomposition
    lefts = [gibbs.singular_vectors(features)[1] for features in (F, wide)]
    assert lefts[0].shape == lefts[1].shape == (6, 3)
    projections = [left @ left.T for left in lefts]
    np.testing.assert_allclose(*projections, atol=1e-10)


@pytest.mark.parametrize("shape", [(300, 180), (180, 300)], ids=["tall", "wide"])
def test_of_a_large_feature_matrix_the_leading_singular_vectors_are_used(shape, monkeypatch):
    rng = np.random.default_rng(6)
    strengths = np.r_[np.linspace(10, 5, 20), np.full(60, 0.5)]  # 20 that matter, 60 that do not
    left, right = (np.linalg.qr(rng.normal(size=(n, 80)))[0] for n in shape)
    F = scipy.sparse.csr_matrix(left * strengths @ right.T)
    monkeypatch.setattr(gibbs, "EXACT_LIMIT", 100)
    monkeypatch.setattr(gibbs, "LEADING", 20)
    square, vectors = gibbs.singular_vectors(F)
    np.testing.assert_allclose(square, strengths[:20] ** 2, rtol=1e-6)
    assert vectors.shape == (shape[0], 20)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-10)
    np.testing.assert_allclose(vectors @ vectors.T @ left[:, :20], left[:, :20], atol=1e-4)


def test_the_leading_vectors_predict_as_well_as_all_of_them(monkeypatch):
    part = holdout(data.load("movielens_2016"), 0.2, seed=3)
    arguments = {"n_features": 8, "iterations": 60, "burn_in": 20, "n_samples": 40}

    def error():
        model = fit_bayes(part.train, **arguments)
        return rmse(part.test.value, model.predict(part.test.movie_index, part.test.user_index))

    exact = error()
    monkeypatch.setattr(gibbs, "EXACT_LIMIT", 100)
    assert error() < exact + 0.003


def test_how_free_biases_are_is_found_from_rows_that_are_known():
    rng = np.random.default_rng(8)
    counts = rng.geometric(0.2, 6000) - 1
    side = gibbs.Side(counts, 3, [], rng)
    side.values = rng.multivariate_normal([1, -1, 0.5], 0.1 * np.eye(3), 6000)
    side.values[:, -1] += np.sqrt(0.6 / (1 + counts)) * rng.standard_normal(6000)
    spreads, covariances = [], []
    for _ in range(250):
        precision, shift = side.draw_prior()
        side.draw_distances(precision, shift)
        spreads.append(side.spread)
        covariances.append(np.linalg.inv(precision))
    assert np.mean(spreads[80:]) == pytest.approx(0.6, abs=0.06)
    np.testing.assert_allclose(np.mean(covariances[80:], axis=0), 0.1 * np.eye(3), atol=0.015)


def test_intervals_hold_for_seldom_rated_movies_that_are_less_alike():
    rng = np.random.default_rng(2)
    counts = np.repeat([2, 60], [300, 600])
    quality = np.sqrt(1 / counts) * rng.standard_normal(900)
    movie = np.repeat(np.arange(900), counts + 1)  # one of each is held out
    user = np.concatenate([rng.choice(150, n + 1, replace=False) for n in counts])
    value = np.clip(3 + quality[movie] + 0.4 * rng.standard_normal(len(movie)), 0.5, 5)
    ratings = make_ratings(900, 150, len(movie), movie_index=movie, user_index=user, value=value)
    held_out = np.r_[True, movie[1:] != movie[:-1]]
    test = ratings.take(held_out)
    model = fit_bayes(ratings.take(~held_out), n_features=2, iterations=150)
    low, high = model.predict_interval(test.movie_index, test.user_index)
    inside = (low <= test.value) & (test.value <= high)
    assert 0.87 < inside[counts == 2].mean() < 0.93


@pytest.fixture(scope="module")
def planted():
    """Ratings with a known truth, split: the best possible RMSE is known, too."""
    ratings, truth = data.synthetic(250, 300, 30_000, n_features=3, seed=4)
    return holdout(ratings, 0.2, seed=0), truth


@pytest.fixture(scope="module")
def sampled(planted):
    part, _ = planted
    arguments = {"n_features": 4, "iterations": 150, "burn_in": 30, "n_samples": 60}
    return fit_bayes(part.train, **arguments, who_rated_what=False, validation=part.test)


def test_planted_truth_is_recovered_nearly_to_the_noise(planted, sampled):
    part, truth = planted
    pairs = part.test.movie_index, part.test.user_index
    possible = rmse(part.test.value, truth.predict(*pairs))
    means = rmse(part.test.value, fit_means(part.train).predict(*pairs))
    found = rmse(part.test.value, sampled.predict(*pairs))
    assert found - possible < 0.35 * (means - possible)


def test_intervals_hold_the_share_of_ratings_that_they_promise(planted, sampled):
    part, _ = planted
    low, high = sampled.predict_interval(part.test.movie_index, part.test.user_index, 0.9)
    inside = np.mean((low <= part.test.value) & (part.test.value <= high))
    assert 0.88 < inside < 0.92


def test_the_ends_of_an_interval_are_clipped_but_not_its_middle(planted, sampled):
    """Every user gives two stars more: then the whole interval moves, as far as the scale goes."""
    pairs = planted[0].test.movie_index, planted[0].test.user_index
    kinder = dataclasses.replace(sampled, b=sampled.b + 2, sample_b=sampled.sample_b + 2)
    moved = sampled.predict(*pairs, clip=False) + 2
    assert np.mean(moved > sampled.scale[1]) > 0.1
    half = 1.6448536 * sampled.predict_std(*pairs, noise=True)
    low, high = kinder.predict_interval(*pairs, 0.9)
    np.testing.assert_allclose(low, np.clip(moved - half, *sampled.scale), atol=1e-4)
    np.testing.assert_allclose(high, np.clip(moved + half, *sampled.scale), atol=1e-4)


def test_movies_with_few_ratings_are_less_certain(planted, sampled):
    part, _ = planted
    order = np.argsort(part.train.movie_counts)
    few, many = order[:20], order[-20:]
    user = np.zeros(20, int)
    assert sampled.predict_std(few, user).mean() > 1.5 * sampled.predict_std(many, user).mean()


def test_features_help_where_they_are_true_and_not_where_they_are_shuffled():
    rng = np.random.default_rng(0)
    ratings, truth = data.synthetic(400, 150, 4_000, n_features=2, seed=6)
    part = holdout(ratings, 0.25, seed=0)
    features = np.hstack([truth.X, truth.c])
    arguments = {"n_features": 3, "iterations": 150, "burn_in": 30, "n_samples": 60}
    found = {}
    for name, given in {
        "none": None,
        "true": features,
        "shuffled": rng.permutation(features),
    }.items():
        model = fit_bayes(part.train, **arguments, who_rated_what=False, movie_features=given)
        predicted = model.predict(part.test.movie_index, part.test.user_index)
        found[name] = rmse(part.test.value, predicted)
    assert found["true"] < found["none"] - 0.03
    assert found["shuffled"] > found["none"] - 0.005


def test_the_model_is_the_mean_of_its_samples(ratings):
    model = fit_bayes(ratings, **FEW)
    i, j = np.arange(20), np.arange(20)[::-1]
    each = model.samples(i, j)
    assert each.shape == (5, 20)
    np.testing.assert_allclose(model.predict(i, j, clip=False), each.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(model.predict_std(i, j), each.std(axis=0), atol=1e-6)


def test_the_last_sample_is_the_last_chains_last_draw(ratings):
    features = bayes.side_information(ratings, bayes.BayesSettings(), None, None)
    vectors = [[gibbs.singular_vectors(F) for F in side] for side in features]
    chain = gibbs.Chain(ratings, 2, *vectors, np.random.default_rng([42, 1]))
    for _ in range(12):
        chain.draw()
    model = fit_bayes(ratings, **FEW)
    i, j = np.arange(20), np.arange(20)
    np.testing.assert_allclose(model.samples(i, j)[-1], chain.predict(i, j), atol=1e-4)


def test_the_same_seed_gives_the_same_samples(ratings):
    one, same, other = (fit_bayes(ratings, **FEW, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.X, same.X)
    assert not np.allclose(one.X, other.X)


def test_saving_and_loading_keeps_the_samples(ratings, tmp_path):
    model = fit_bayes(ratings, **FEW)
    loaded = load_model(model.save(tmp_path / "model.npz"))
    assert isinstance(loaded, bayes.BayesModel)
    pairs = np.arange(20), np.arange(20)
    np.testing.assert_array_equal(loaded.samples(*pairs), model.samples(*pairs))
    for ends in zip(loaded.predict_interval(*pairs), model.predict_interval(*pairs), strict=True):
        np.testing.assert_array_equal(*ends)


def test_who_rated_what_is_taken_from_the_training_ratings_alone():
    ratings = make_ratings(60, 40, 900)
    part = holdout(ratings, 0.3, seed=1)
    (movies,), (users,) = bayes.side_information(part.train, bayes.BayesSettings(), None, None)
    seen = np.zeros((60, 40), bool)
    seen[part.train.movie_index, part.train.user_index] = True
    np.testing.assert_array_equal(movies.toarray() > 0, seen)
    np.testing.assert_array_equal(users.toarray() > 0, seen.T)
    for side, counts in ((movies, part.train.movie_counts), (users, part.train.user_counts)):
        lengths = (side.toarray() ** 2).sum(axis=1)
        np.testing.assert_allclose(lengths, counts / (20 + counts))


def test_movie_features_are_genres_decades_and_counts(ratings):
    features = models.movie_features(ratings)
    np.testing.assert_allclose(features[:, -1], np.log1p(ratings.movie_counts) / 2)
    # Comedy, Drama; the 1900s to the 1920s
    assert features.shape == (30, 2 + 3 + 1)
    assert features[1].tolist()[:5] == [1, 1, 1, 0, 0] and features[20].tolist()[:2] == [0, 1]


def test_bad_arguments_are_refused_by_name(ratings):
    for arguments, message in [
        ({"n_samples": 21}, "`n_samples` should be .* Received: 21, with 2 chains, 12 iterations"),
        ({"movie_features": np.ones((3, 2))}, r"`movie_features` should have 30 rows. .*\(3, 2\)"),
        ({"n_features": 0}, "`n_features` should be a positive integer"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit_bayes(ratings, **FEW | arguments)


def test_probabilities_are_the_normal_distributions_between_the_values():
    values = np.array([1.0, 2.0, 4.0])
    p = stars.probabilities(np.array([2.0, -50.0]), np.array([1.0, 1.0]), values)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p[0], [0.308538, 0.532807, 0.158655], atol=1e-6)  # at 1.5 and 3
    np.testing.assert_allclose(p[1], [1, 0, 0], atol=1e-12)


def test_habits_are_ones_where_everybody_gives_what_is_expected():
    values = np.array([1.0, 1.5, 2.0, 2.5])
    expected = np.random.default_rng(0).uniform(1, 9, (5, 4))
    usual = stars.usual_habits(expected, expected, values)
    np.testing.assert_allclose(usual, 1, rtol=1e-6)
    np.testing.assert_allclose(stars.habits(expected, expected, usual, values), 1, rtol=1e-6)


def test_few_ratings_leave_a_user_with_the_habits_of_their_kind():
    """Ten users give whole stars only, ten half stars too; then three of whom little is known."""
    values, flat = np.array([1.0, 1.5, 2.0, 2.5]), np.ones((20, 4)) * 50
    given = np.repeat([[100.0, 0, 100, 0], [50, 50, 50, 50]], 10, axis=0)
    usual = stars.usual_habits(given, flat, values)
    np.testing.assert_allclose(usual[1], [2, 0, 2, 0], atol=0.01)
    np.testing.assert_allclose(usual[2], 1, atol=0.01)
    new = np.array([[0.0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
    of_nobody, of_whole, of_half = stars.habits(new, new.sum(axis=1)[:, None] / 4, usual, values)
    np.testing.assert_allclose(of_nobody, usual[0], rtol=1e-6)
    assert of_whole[3] < 0.15 * of_half[3] and of_half[2] < of_whole[2]


def test_a_new_user_without_ratings_has_everybodys_habits(planted, sampled):
    train = planted[0].train
    nobody = dataclasses.replace(train.take(train.user_index < 0), user_ids=np.array([9999]))
    assert sampled.usual_habits.shape == (3, len(sampled.stars)) and len(sampled.stars) > 2
    np.testing.assert_allclose(sampled.fold_in(nobody).habits, sampled.usual_habits[:1], rtol=1e-6)


def test_habits_do_not_depend_on_the_size_of_a_block(planted, sampled, monkeypatch):
    monkeypatch.setattr(bayes, "BLOCK", 1000)
    np.testing.assert_allclose(sampled.habits_of(planted[0].train), sampled.habits, rtol=1e-6)


def test_the_narrowest_values_are_the_fewest_that_suffice():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    p = np.array([[0.1, 0.5, 0.3, 0.1], [0.0, 0.0, 0.05, 0.95], [0.4, 0.1, 0.1, 0.4]])
    low, high = stars.narrowest(p, values, 0.75)
    np.testing.assert_array_equal(np.column_stack([low, high]), [[2, 3], [4, 4], [1, 4]])
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 200)
    low, high = stars.narrowest(p, values, 0.7)
    together = np.where((low[:, None] <= values) & (values <= high[:, None]), p, 0).sum(axis=1)
    assert (together >= 0.7).all()
    for row, width in zip(p, high - low, strict=True):  # no narrower run has as much
        runs = [row[a : a + int(width)].sum() for a in range(4)]
        assert max(runs) < 0.7


def test_the_log_score_is_best_for_the_true_probabilities():
    values, p = np.array([1.0, 2.0, 3.0]), np.array([[0.2, 0.5, 0.3]])
    given = np.random.default_rng(0).choice(values, 20_000, p=p[0])
    of_true, of_flat, of_bold = (
        stars.log_score(np.repeat(q, len(given), axis=0), values, given).mean()
        for q in (p, np.full((1, 3), 1 / 3), np.array([[0.1, 0.8, 0.1]]))
    )
    assert of_true == pytest.approx(np.sum(p * np.log(p)), abs=0.02)
    assert of_true > of_flat and of_true > of_bold


def test_whole_stars_are_expected_of_those_who_give_no_others(planted):
    """Half of the users round to whole stars: the probabilities learn it, the normal cannot."""
    part, _ = planted
    rounds = np.arange(part.train.n_users) % 2 == 0
    train, test = (
        dataclasses.replace(
            ratings,
            value=np.where(
                rounds[ratings.user_index],
                np.clip(np.floor(ratings.value + 0.5), 1, 5),
                np.round(ratings.value * 2) / 2,
            ).astype(np.float32),
        )
        for ratings in (part.train, part.test)
    )
    model = fit_bayes(train, n_features=3, iterations=60, burn_in=20, n_samples=30)
    pairs = test.movie_index, test.user_index
    p = model.predict_distribution(*pairs)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    half = model.stars % 1 != 0
    of_rounders = rounds[test.user_index]
    assert p[of_rounders][:, half].sum(axis=1).mean() < 0.05
    assert p[~of_rounders][:, half].sum(axis=1).mean() > 0.3
    std = model.predict_std(*pairs, noise=True)
    plain = stars.probabilities(model.predict(*pairs, clip=False), std, model.stars)
    at = np.arange(len(test)), np.searchsorted(model.stars, test.value)
    assert np.log(p[at]).mean() > np.log(plain[at]).mean() + 0.2
    shares = (test.value <= model.stars[:, None]).mean(axis=1)
    np.testing.assert_allclose((p.cumsum(axis=1)).mean(axis=0), shares, atol=0.03)


def test_ratings_of_too_many_values_have_no_probabilities():
    ratings = make_ratings(30, 20, 200)
    values = np.random.default_rng(0).uniform(0.5, 5, len(ratings)).astype(np.float32)
    model = fit_bayes(dataclasses.replace(ratings, value=values), **FEW)
    with pytest.raises(ValueError, match="up to 20 different values"):
        model.predict_distribution(np.array([0]), np.array([0]))
