"""The cost: against loops, numerical gradients and its sparse form. FactorModel: its arithmetic."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cflib import ALSSettings, EASESettings, normalize, tf
from cflib.model import FactorModel, cost_fn, cost_observed, model, row_weights


@pytest.fixture
def arrays(ratings):
    """X, W, b, c in float64, and the residuals of the ratings in both forms."""
    rng = np.random.default_rng(1)
    X, W = rng.normal(size=(ratings.n_movies, 4)), rng.normal(size=(ratings.n_users, 4))
    b, c = rng.normal(size=(1, ratings.n_users)), rng.normal(size=(ratings.n_movies, 1))
    return X, W, b, c


def dense_cost(ratings, X, W, b, lam):
    Y, R = (tf.constant(array, tf.float64) for array in ratings.dense())
    return cost_fn(Y, model(X, W, b), R, lam, X, W)


def observed_cost(ratings, X, W, b, c, lam, power=0.0):
    return cost_observed(
        X,
        W,
        b,
        c,
        ratings.movie_index,
        ratings.user_index,
        ratings.value.astype(np.float64),
        row_weights(ratings.movie_counts, lam, power).astype(np.float64),
        row_weights(ratings.user_counts, lam, power).astype(np.float64),
    )


def test_the_dense_cost_is_the_formula_written_as_loops(ratings, arrays):
    X, W, b, _ = arrays
    Y, R = ratings.dense()
    total = 0.0
    for i in range(ratings.n_movies):
        for j in range(ratings.n_users):
            if R[i, j]:
                total += 0.5 * (X[i] @ W[j] + b[0, j] - Y[i, j]) ** 2
    total += 0.5 * 1.5 * (sum(x * x for x in X.flat) + sum(w * w for w in W.flat))
    assert float(dense_cost(ratings, X, W, b, 1.5)) == pytest.approx(total, rel=1e-12)


def test_dense_and_observed_costs_agree_in_value_and_gradient(ratings, arrays):
    X, W, b, c = (tf.Variable(array) for array in arrays)
    c.assign(tf.zeros_like(c))
    with tf.GradientTape(persistent=True) as tape:
        dense, observed = (
            dense_cost(ratings, X, W, b, 1.5),
            observed_cost(ratings, X, W, b, c, 1.5),
        )
    assert float(observed) == pytest.approx(float(dense), rel=1e-12)
    for variable in (X, W, b):
        np.testing.assert_allclose(
            tf.convert_to_tensor(tape.gradient(observed, variable)),
            tape.gradient(dense, variable),
            rtol=1e-10,
            atol=1e-10,
        )


@pytest.mark.parametrize("which", range(4), ids="XWbc")
def test_the_gradient_is_the_numerical_one(ratings, arrays, which):
    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        cost = observed_cost(ratings, *variables, 0.7, 0.5)
    gradient = tf.convert_to_tensor(tape.gradient(cost, variables[which])).numpy()
    step = 1e-5
    for at in [(0, 0), (-1, -1)] + [(min(3, gradient.shape[0] - 1), min(5, gradient.shape[1] - 1))]:
        sides = []
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[which][at] += sign * step
            sides.append(float(observed_cost(ratings, *moved, 0.7, 0.5)))
        assert gradient[at] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6, abs=1e-6)


def test_lambda_of_a_row_grows_with_its_ratings_to_the_power():
    counts = np.array([0, 1, 4, 100])
    np.testing.assert_allclose(row_weights(counts, 2.0, 0.0), [2, 2, 2, 2])
    np.testing.assert_allclose(row_weights(counts, 2.0, 0.5), [2, 2, 4, 20])
    np.testing.assert_allclose(row_weights(counts, 2.0, 1.0), [2, 2, 8, 200])


def test_the_dense_definition_refuses_what_does_not_fit_and_names_the_size():
    X = tf.zeros([87_585, 1])
    W = tf.zeros([200_948, 1])
    with pytest.raises(MemoryError, match=r"87,585 x 200,948 pairs need 70\.4 GB.*cost_observed"):
        model(X, W, tf.zeros([1, 200_948]))


@pytest.fixture
def trained(ratings, arrays) -> FactorModel:
    means = normalize.fit(ratings)
    columns = ["step", "cost", "validation_rmse", "seconds"]
    history = pd.DataFrame([[0, 12.5, np.nan, 0.1]], columns=columns)
    return FactorModel.trained(ratings, means, *arrays, ALSSettings(lam=0.5), history)


def dense_predictions(trained):
    Y_hat = trained.X @ trained.W.T + trained.b + trained.c
    return Y_hat + trained.normalization.Y_mu + trained.normalization.user_mu


def test_pairs_users_movies_and_blocks_are_read_from_one_matrix(trained):
    Y_hat = dense_predictions(trained)
    i, j = np.indices(Y_hat.shape)
    pairs = trained.predict(i.ravel(), j.ravel(), clip=False).reshape(Y_hat.shape)
    np.testing.assert_allclose(pairs, Y_hat, atol=1e-5)
    np.testing.assert_allclose(trained.score_users(np.arange(trained.n_users)), Y_hat, atol=1e-5)
    np.testing.assert_allclose(trained.score_user(3), Y_hat[:, 3], atol=1e-5)


def test_predictions_are_clipped_to_the_scale_and_scores_are_not(trained):
    i, j = (index.ravel() for index in np.indices((trained.n_movies, trained.n_users)))
    clipped = trained.predict(i, j)
    assert clipped.min() == 0.5 and clipped.max() == 5.0
    assert trained.score_user(0).max() > 5.0


def test_an_id_given_for_an_index_is_refused(trained):
    with pytest.raises(IndexError, match=r"user index 100 is outside 0 to 19: is it an id\?"):
        trained.predict([0], [100])
    with pytest.raises(IndexError, match="movie index -1"):
        trained.predict([-1], [0])


def test_a_model_cannot_be_changed(trained):
    with pytest.raises(ValueError, match="read-only"):
        trained.X[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        trained.X = trained.X


def test_saving_and_loading_gives_the_same_model(trained, tmp_path):
    loaded = FactorModel.load(trained.save(tmp_path / "new folder" / "model.npz"))
    for name in ("X", "W", "b", "c", "movie_ids", "user_ids", "movie_counts"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(trained, name))
    pd.testing.assert_frame_equal(loaded.movies, trained.movies)
    pd.testing.assert_frame_equal(loaded.history, trained.history, check_dtype=False)
    for name in ("scale", "settings", "data_fingerprint"):
        assert getattr(loaded, name) == getattr(trained, name)
    np.testing.assert_array_equal(loaded.predict([1, 2], [3, 4]), trained.predict([1, 2], [3, 4]))


def test_text_ids_survive_saving(trained, tmp_path):
    named = dataclasses.replace(
        trained, user_ids=np.array([f"reader {j}" for j in range(trained.n_users)], object)
    )
    loaded = FactorModel.load(named.save(tmp_path / "model.npz"))
    assert loaded.user_ids.tolist() == named.user_ids.tolist()


def test_a_failed_save_leaves_the_old_model_and_no_litter(trained, tmp_path):
    path = trained.save(tmp_path / "model.npz")
    before = path.read_bytes()
    broken = dataclasses.replace(trained, notes={"what": object()})
    with pytest.raises(TypeError):
        broken.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def damage(path, **changes):
    with np.load(path) as stored:
        arrays = dict(stored)
    for name, value in changes.items():
        if value is None:
            del arrays[name]
        else:
            arrays[name] = value
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"W": None}, "no 'W is not a file|has no 'W'"),
        ({"W": np.zeros((3, 4), np.float32)}, r"`W` should have shape \(20, 4\). Received: \(3, 4"),
        ({"b": np.full((1, 20), np.nan, np.float32)}, "`b` holds 20 values that are not finite"),
    ],
)
def test_an_inconsistent_file_is_refused_with_its_path_and_fault(
    trained, tmp_path, changes, message
):
    path = trained.save(tmp_path / "model.npz")
    damage(path, **changes)
    with pytest.raises(ValueError, match=message) as error:
        FactorModel.load(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("kept", [0, 10, 1000, -30])
def test_a_truncated_file_is_refused_with_its_path(trained, tmp_path, kept):
    path = trained.save(tmp_path / "model.npz")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="model.npz cannot be read as a cflib model"):
        FactorModel.load(path)


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, header=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="cannot be read as a cflib model"):
        FactorModel.load(path)


def test_a_model_saved_with_its_ratings_knows_what_was_rated(trained, ratings, tmp_path):
    path = trained.save(tmp_path / "model.npz", ratings)
    kept = FactorModel.load(path).load_ratings(path)
    assert kept.fingerprint == ratings.fingerprint == trained.data_fingerprint
    assert kept.timestamp is None and kept.scale == ratings.scale


def test_a_model_is_not_saved_with_other_ratings(trained, ratings, tmp_path):
    with pytest.raises(ValueError, match="should be those that the model was trained on"):
        trained.save(tmp_path / "model.npz", ratings.take(slice(1, None)))
    assert not list(tmp_path.iterdir())


def test_a_model_saved_without_ratings_says_so(trained, tmp_path):
    path = trained.save(tmp_path / "model.npz")
    with pytest.raises(ValueError, match=r"save it with `model.save\(path, ratings\)`"):
        trained.load_ratings(path)


def test_the_callers_own_arrays_stay_writeable(ratings):
    X = np.zeros((ratings.n_movies, 2), np.float32)
    W = np.zeros((ratings.n_users, 2), np.float32)
    b, c = np.zeros((1, ratings.n_users)), np.zeros((ratings.n_movies, 1))
    history = pd.DataFrame()
    made = FactorModel.trained(ratings, normalize.fit(ratings), X, W, b, c, ALSSettings(), history)
    X[0, 0] = 1
    ratings.movie_counts[0] += 0
    with pytest.raises(ValueError, match="read-only"):
        made.X[0, 0] = 1


def test_settings_without_a_ridge_say_what_a_model_has_to_override(trained):
    other = dataclasses.replace(trained, settings=EASESettings())
    with pytest.raises(TypeError, match="EASESettings has no `lam` and `lam_power`.*override"):
        other.response(np.array([1]), np.array([3.0]))
