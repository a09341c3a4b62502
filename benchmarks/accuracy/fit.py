"""Train one model on one split, in the model's own environment, and write what it predicts.

`python -m benchmarks.accuracy.fit LIBRARY SPLIT OUT OPTIONS`: SPLIT is a .npz that `folds.py`
wrote, OUT the .npz to write, OPTIONS is JSON. OUT holds

- the predictions of the test ratings, clipped to the scale;
- each user's ten best movies, where the model can score all movies;
- seconds of training, on the clock and of all processors, and seconds of training and predicting
  the test ratings (reading and the library's import are not counted);
- the most memory that the process has had.

A model is a function of the training data and its options that returns `Fitted`. Where the library
has no prediction, as for a movie without training ratings, its own fallback is used.

cflib is not installed in a peer's environment, so only the function `cflib` imports it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix, diags, eye, hstack

from benchmarks.peers import CORES, Factors, peak_memory, spread

K = 10  # movies in a list

Data = dict[str, np.ndarray]


class Fitted(NamedTuple):
    """What a model can say; None for what it can't.

    predict : (movie, user) -> (n,)
    scores : user -> (n_movies,)
    interval : (movie, user) -> low, high of what should hold 90 % of the ratings
    diagnostics : () -> r_hat, ess of what a sampler draws, as (n,) each: scales, then predictions
    """

    predict: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    scores: Callable[[int], np.ndarray] | None = None
    interval: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
    diagnostics: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None


def from_factors(
    X: np.ndarray,
    W: np.ndarray,
    mean: float = 0.0,
    movie_bias: np.ndarray | None = None,
    user_bias: np.ndarray | None = None,
    rates: bool = True,
) -> Fitted:
    """A model of factors and biases; without `rates`, its scores are no ratings."""
    f = Factors(X, W, mean, movie_bias, user_bias)
    return Fitted(f.predict if rates else None, lambda user: f.movie_bias + f.X @ f.W[user])


# Ours ---------------------------------------------------------------------------------------


def cflib(data: Data, solver: str, movie_features: bool = False, **options: Any) -> Fitted:
    from benchmarks.ours import as_ratings, trained

    if movie_features:
        options["movie_features"] = data["movie_features"]
    model = trained(as_ratings(data), solver, **options)
    is_sampled = "intervals" in model.says
    return Fitted(
        model.predict if "stars" in model.says else None,
        lambda user: model.score_users(np.array([user]))[:, 0],
        model.predict_interval if is_sampled else None,
        (lambda: model.diagnostics()[["r_hat", "ess"]].to_numpy().T) if is_sampled else None,
    )


# Peers --------------------------------------------------------------------------------------


def surprise(data: Data, algorithm: str, **options: Any) -> Fitted:
    import surprise

    n_users, n_movies = int(data["n_users"]), int(data["n_movies"])
    of_user, of_movie = {}, {}
    users, user = np.unique(data["user"], return_inverse=True)
    movies, movie = np.unique(data["movie"], return_inverse=True)
    for u, i, r in zip(user.tolist(), movie.tolist(), data["value"].tolist(), strict=True):
        of_user.setdefault(u, []).append((i, r))
        of_movie.setdefault(i, []).append((u, r))
    ids = [{raw: n for n, raw in enumerate(side.tolist())} for side in (users, movies)]
    trainset = surprise.Trainset(
        of_user, of_movie, len(users), len(movies), len(user), (0.5, 5), *ids
    )
    if algorithm == "KNNBaseline":
        options = {"verbose": False} | options
    else:
        options = {"random_state": 1} | options
    model = getattr(surprise, algorithm)(**options)
    if algorithm == "KNNBaseline":
        model.bsl_options.setdefault("method", "als")
    model.fit(trainset)
    if algorithm == "SVD":
        return from_factors(
            spread(model.qi, movies, n_movies),
            spread(model.pu, users, n_users),
            trainset.global_mean,
            spread(model.bi, movies, n_movies),
            spread(model.bu, users, n_users),
        )

    def predict(movie, user):
        return np.array(
            [model.predict(u, i).est for u, i in zip(user.tolist(), movie.tolist(), strict=True)]
        )

    return Fitted(predict)


def lenskit(data: Data, scorer: str, **options: Any) -> Fitted:
    """Where a scorer has no prediction, LensKit's own fallback predicts: its damped means."""
    import pandas as pd
    from lenskit import als, knn
    from lenskit.batch import predict as predict_all
    from lenskit.data import from_interactions_df
    from lenskit.pipeline import predict_pipeline
    from lenskit.training import TrainingOptions

    kind = getattr(als, scorer, None) or getattr(knn, scorer)
    columns = {"user_id": data["user"], "item_id": data["movie"], "rating": data["value"]}
    pipeline = predict_pipeline(kind(**options))
    pipeline.train(from_interactions_df(pd.DataFrame(columns)), TrainingOptions(rng=1))

    def predict(movie, user):
        pairs = pd.DataFrame({"user_id": user, "item_id": movie})
        predicted = predict_all(pipeline, pairs, n_jobs=1).to_df()
        predicted = predicted.set_index(["user_id", "item_id"])["score"]
        return predicted.loc[pd.MultiIndex.from_frame(pairs)].to_numpy()

    def scores(user):
        return predict(np.arange(int(data["n_movies"])), np.full(int(data["n_movies"]), user))

    return Fitted(predict, scores)


def cmfrec(data: Data, movie_features: bool = False, **options: Any) -> Fitted:
    from cmfrec import CMF
    from scipy.sparse import coo_matrix

    shape = int(data["n_users"]), int(data["n_movies"])
    ratings = coo_matrix((data["value"], (data["user"], data["movie"])), shape)
    model = CMF(nthreads=CORES, handle_interrupt=False, verbose=False, random_state=1, **options)
    model.fit(ratings, I=data["movie_features"] if movie_features else None)
    # Columns: those of the side information alone first, then the shared, then the ratings' own.
    k = options.get("k", 40)
    X, W = model.B_[:, :k], model.A_[:, :k]
    fitted = from_factors(X, W, model.glob_mean_, model.item_bias_, model.user_bias_)
    some = np.arange(min(shape))
    assert np.allclose(model.predict(some, some), fitted.predict(some, some), atol=1e-3)
    return fitted


def cmfrec_weighted(data: Data, at_least: float = 0, **options: Any) -> Fitted:
    """Weighted ALS on who rated (or liked) what, as `implicit`'s and ours."""
    from cmfrec import CMF_implicit
    from scipy.sparse import coo_matrix

    user, movie = _liked(data, at_least)
    shape = int(data["n_users"]), int(data["n_movies"])
    ones = coo_matrix((np.ones(len(user), np.float32), (user, movie)), shape)
    options = {"use_cg": False, "random_state": 1} | options
    model = CMF_implicit(nthreads=CORES, handle_interrupt=False, verbose=False, **options)
    model.fit(ones)
    return from_factors(model.B_, model.A_, rates=False)


def myfm(
    data: Data,
    rank: int,
    n_iter: int,
    blocks: bool = False,
    movie_features: bool = False,
    damping: float = 0,
    n_kept_samples: int | None = None,
) -> Fitted:
    """One-hot ids; with `blocks` also who rated what, as in SVD++; also movies' features.

    `damping` makes rows of who rated what as ours are; 0 is as its authors have them.
    """
    from myfm import MyFMRegressor, RelationBlock

    n_users, n_movies = int(data["n_users"]), int(data["n_movies"])
    rated = csr_matrix(
        (np.ones(len(data["user"])), (data["user"], data["movie"])), (n_users, n_movies)
    )
    of_user, of_movie = [eye(n_users, format="csr")], [eye(n_movies, format="csr")]
    if blocks:
        of_user.append(_normalised(rated, damping))
        of_movie.append(_normalised(rated.T.tocsr(), damping))
    if movie_features:
        of_movie.append(csr_matrix(data["movie_features"]))
    sizes = [part.shape[1] for part in of_user + of_movie]
    of_user, of_movie = (hstack(parts, format="csr") for parts in (of_user, of_movie))

    def relations(movie, user):
        return [RelationBlock(user, of_user), RelationBlock(movie, of_movie)]

    model = MyFMRegressor(rank=rank, random_seed=1)
    movie, user = data["movie"].astype(np.int64), data["user"].astype(np.int64)
    model.fit(
        csr_matrix((len(user), 0)),
        data["value"].astype(np.float64),
        X_rel=relations(movie, user),
        n_iter=n_iter,
        n_kept_samples=n_kept_samples,
        group_shapes=sizes,
        callback=lambda *_: (False, ""),
    )

    def predict(movie, user):
        movie, user = movie.astype(np.int64), user.astype(np.int64)
        return model.predict(csr_matrix((len(user), 0)), relations(movie, user), n_workers=CORES)

    def scores(user):
        return predict(np.arange(n_movies), np.full(n_movies, user))

    return Fitted(predict, scores)


def cornac(data: Data, **options: Any) -> Fitted:
    from cornac.data import Dataset
    from cornac.models import MF

    train = Dataset.from_uir(
        zip(data["user"].tolist(), data["movie"].tolist(), data["value"].tolist(), strict=True),
        seed=1,
    )
    model = MF(seed=1, **options).fit(train)
    movies, users = (list(ids) for ids in (train.iid_map, train.uid_map))
    n_movies, n_users = int(data["n_movies"]), int(data["n_users"])
    return from_factors(
        spread(model.i_factors, movies, n_movies),
        spread(model.u_factors, users, n_users),
        model.global_mean,
        spread(model.i_biases, movies, n_movies),
        spread(model.u_biases, users, n_users),
    )


def implicit(data: Data, at_least: float = 0, **options: Any) -> Fitted:
    from implicit.als import AlternatingLeastSquares

    shape = int(data["n_users"]), int(data["n_movies"])
    user, movie = _liked(data, at_least)
    ones = csr_matrix((np.ones(len(user), np.float32), (user, movie)), shape)
    model = AlternatingLeastSquares(random_state=1, num_threads=CORES, **options)
    model.fit(ones, show_progress=False)
    return from_factors(model.item_factors, model.user_factors, rates=False)


def ease(data: Data, lam: float, at_least: float = 0) -> Fitted:
    """Scores X (I - P / diag P), P = (XᵀX + λ)⁻¹.

    P by Woodbury's identity, which needs the inverse of users x users only.

    References
    ----------
    Steck (2019), "Embarrassingly shallow autoencoders for sparse data".
    """
    X = np.zeros((int(data["n_users"]), int(data["n_movies"])))
    X[_liked(data, at_least)] = 1
    inner = np.linalg.solve(X @ X.T + lam * np.eye(len(X)), X)
    XP = (X - (X @ X.T) @ inner) / lam
    scores = X - XP / ((1 - (X * inner).sum(axis=0)) / lam)
    return Fitted(scores=lambda user: scores[user])


def _liked(data: Data, at_least: float) -> tuple[np.ndarray, np.ndarray]:
    """User and movie of the training ratings at or above a threshold."""
    liked = data["value"] >= at_least
    return data["user"][liked], data["movie"][liked]


def _normalised(rows: csr_matrix, damping: float) -> csr_matrix:
    """Each row divided by the root of its number of entries plus `damping`."""
    return diags(np.maximum(np.diff(rows.indptr) + damping, 1) ** -0.5) @ rows


LIBRARIES = {
    f.__name__: f
    for f in (cflib, surprise, lenskit, cmfrec, cmfrec_weighted, myfm, cornac, implicit, ease)
}
IMPORTS = {
    "cflib": ["benchmarks.ours", "cflib.adam", "cflib.als", "cflib.models"],
    "lenskit": ["lenskit.als", "lenskit.knn", "lenskit.batch", "lenskit.pipeline"],
    "cmfrec_weighted": ["cmfrec"],
    "cornac": ["cornac.models"],
    "implicit": ["implicit.als"],
    "ease": [],
}


# One run ------------------------------------------------------------------------------------


def best_lists(scores: Callable[[int], np.ndarray], data: Data) -> np.ndarray:
    """The K movies that each user has not rated with the highest scores; of equals the first.

    It is the order of `cflib.top_n`.
    """
    n_users = int(data["n_users"])
    lists = np.empty((n_users, K), np.int32)
    order = np.argsort(data["user"], kind="stable")
    rated = np.split(data["movie"][order], np.cumsum(np.bincount(data["user"], minlength=n_users)))
    for user in range(n_users):
        of_user = np.array(scores(user), np.float64)
        if not np.isfinite(of_user).all():
            raise ValueError(f"scores of user {user} are not finite")
        of_user[rated[user]] = -np.inf
        lists[user] = np.argsort(-of_user, kind="stable")[:K]
    return lists


def run(library: str, path: str | Path, out: str | Path, options: dict[str, Any]) -> None:
    """Train on the split in `path`, and write what is predicted to `out`."""
    with np.load(path) as arrays:
        data = {key: arrays[key] for key in arrays.files}
    test = data.pop("test_movie"), data.pop("test_user")
    with_lists = options.pop("lists", False)
    for module in IMPORTS.get(library, [library]):
        importlib.import_module(module)
    start, start_cpu = time.perf_counter(), time.process_time()
    fitted = LIBRARIES[library](data, **options)
    result: dict[str, Any] = {
        "train_seconds": time.perf_counter() - start,
        "train_cpu_seconds": time.process_time() - start_cpu,
    }
    if fitted.predict is not None:
        predicted = np.asarray(fitted.predict(*test), np.float64)
        if not np.isfinite(predicted).all():
            raise ValueError(f"{(~np.isfinite(predicted)).sum()} predictions are not finite")
        result["predicted"] = np.clip(predicted, 0.5, 5)
    result["seconds"] = time.perf_counter() - start
    result["peak_bytes"] = peak_memory()
    if fitted.interval is not None:
        result["low"], result["high"] = fitted.interval(*test)
    if fitted.diagnostics is not None:
        result["r_hat"], result["ess"] = fitted.diagnostics()
    if with_lists and fitted.scores is not None:
        result["lists"] = best_lists(fitted.scores, data)
    np.savez(out, **result)


if __name__ == "__main__":
    run(*sys.argv[1:4], json.loads(sys.argv[4]))
