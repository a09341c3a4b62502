"""The models of chapter 11: short enough to be read there. They rank movies, and do nothing else.

All of them learn from the likes alone: who gave which movie `threshold` stars or more. Each returns
`Scores`, which `cflib.rank` and `cflib.compare` judge like every model of the library. They compute
in double precision, so that one seed gives the same lists on every machine.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numba
import numpy as np
import scipy.sparse

from cflib import Ratings, tf
from cflib.models.ranking import liked

LIKES_OF_A_USER = 30  # the latest likes that describe a user in `fit_two_towers`


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """The score of every pair of movie and user, in the form that `cflib.rank` asks for.

    Attributes
    ----------
    data_fingerprint : str
        Of the ratings that the model was trained on.
    scores : float32, (n_movies, n_users)
    """

    data_fingerprint: str
    scores: np.ndarray

    @classmethod
    def of(cls, ratings: Ratings, known: np.ndarray, scores: np.ndarray) -> Self:
        """The scores, (n_known, n_users), of the movies `known`; all other movies come last."""
        everything = np.full((ratings.n_movies, ratings.n_users), scores.min() - 1, np.float32)
        everything[known] = scores
        return cls(ratings.fingerprint, everything)

    @classmethod
    def of_lists(cls, ratings: Ratings, lists: np.ndarray) -> Self:
        """Scores that lead to these lists, int, (n_users, n), best first; -1 is an empty place."""
        scores = np.zeros((ratings.n_movies, ratings.n_users), np.float32)
        user, place = np.nonzero(lists >= 0)
        scores[lists[user, place], user] = lists.shape[1] - place
        return cls(ratings.fingerprint, scores)

    def score_users(self, user_index: Any) -> np.ndarray:
        """Scores of all movies for a block of users: float32, (n_movies, n_block)."""
        return self.scores[:, user_index]


class Likes:
    """Who liked what, with a number for each movie that somebody liked.

    Attributes
    ----------
    known : int, (n_known,)
        Row of each movie that somebody liked.
    movie, user : int, (n_likes,)
        The likes in order of time; `movie` counts in `known`.
    matrix : scipy.sparse.csr_array, (n_users, n_known)
        L: 1 where a user liked a movie.
    """

    def __init__(self, ratings: Ratings, threshold: float | None) -> None:
        likes = liked(ratings, threshold)
        if not len(likes):
            raise ValueError(
                f"`threshold` should be a rating that somebody gave. Received: {threshold}"
            )
        if likes.timestamp is not None:
            likes = likes.take(np.argsort(likes.timestamp, kind="stable"))
        self.known, self.movie = np.unique(likes.movie_index, return_inverse=True)
        self.user = likes.user_index.astype(np.int64)
        shape = ratings.n_users, len(self.known)
        ones = np.ones(len(likes))
        self.matrix = scipy.sparse.csr_array((ones, (self.user, self.movie)), shape=shape)
        self.counts = np.bincount(self.movie)

    def negatives(self, rng: np.random.Generator, user: np.ndarray) -> np.ndarray:
        """For each user a movie, drawn until it is none that they liked: int, (n,).

        Raises ValueError for a user who liked all movies.
        """
        if self.matrix[np.unique(user)].sum(axis=1).max() == len(self.known):
            raise ValueError(f"a user liked all {len(self.known)} movies, so there is none to draw")
        drawn = rng.integers(len(self.known), size=len(user))
        while len(again := np.flatnonzero(self.matrix[user, drawn])):
            drawn[again] = rng.integers(len(self.known), size=len(again))
        return drawn

    def latest(self, n: int) -> np.ndarray:
        """The n latest likes of each user, + 1, and 0 for an empty place: int, (n_users, n)."""
        histories = np.zeros((self.matrix.shape[0], n), np.int64)
        for user, count in enumerate(self.matrix.sum(axis=1).astype(int)):
            taken = self.movie[self.user == user][-n:]
            histories[user, : min(n, count)] = taken + 1
        return histories


# Item to item -------------------------------------------------------------------------------


def fit_neighbours(
    ratings: Ratings, n_neighbours: int = 50, shrink: float = 10.0, threshold: float | None = 4.0
) -> Scores:
    """k nearest neighbours: a movie's score is its similarity to the movies that a user liked.

        s_il = n_il / (sqrt(n_i n_l) + shrink),    score_ij = Σ_l s_il L_jl

    where n_il users liked both movies. The sum is over the `n_neighbours` movies that are most
    similar to i.

    References
    ----------
    Deshpande & Karypis (2004), "Item-based top-N recommendation algorithms".
    """
    likes = Likes(ratings, threshold)
    common = (likes.matrix.T @ likes.matrix).toarray()
    similarity = common / (np.sqrt(np.outer(likes.counts, likes.counts)) + shrink)
    np.fill_diagonal(similarity, 0)
    n = min(n_neighbours, len(similarity))
    lowest = np.partition(similarity, -n, axis=1)[:, -n, None]
    similarity[similarity < lowest] = 0
    return Scores.of(ratings, likes.known, (likes.matrix @ similarity.T).T)


def fit_markov(
    ratings: Ratings,
    window: int = 10,
    last: int = 50,
    shrink: float = 10.0,
    threshold: float | None = 4.0,
) -> Scores:
    """A sequence model: which movie tends to be liked soon after which, as a Markov chain.

        T_li = Σ 1 / d  over all users who liked i as the d-th after l, d ≤ window
        score_ij = Σ_a T_{l(a) i} / (Σ_i T_{l(a) i} + shrink) / a

    where l(a) is the user's a-th like counted from the last one, and a goes up to `last`.
    """
    likes = Likes(ratings, threshold)
    order = np.argsort(likes.user, kind="stable")  # by user, and by time within a user
    movie, user = likes.movie[order], likes.user[order]
    shape = len(likes.known), len(likes.known)
    T = scipy.sparse.csr_array(shape)
    for d in range(1, window + 1):
        same = user[d:] == user[:-d]
        pairs = movie[:-d][same], movie[d:][same]
        T = T + scipy.sparse.csr_array((np.full(same.sum(), 1 / d), pairs), shape=shape)
    T = scipy.sparse.diags_array(1 / (T.sum(axis=1) + shrink)) @ T
    age = np.cumsum(likes.matrix.sum(axis=1))[user] - np.arange(len(user))  # 1 for the last like
    recent = age <= last
    weights = scipy.sparse.csr_array(
        (1 / age[recent], (user[recent], movie[recent])), shape=likes.matrix.shape
    )
    return Scores.of(ratings, likes.known, (weights @ T).T.toarray())


# Pairwise -----------------------------------------------------------------------------------


@numba.njit(cache=True)
def bpr_epoch(W, X, c, user, liked, other, rate, lam):  # type: ignore[no-untyped-def]
    """One pass of stochastic gradient descent: each user should score `liked` above `other`."""
    for j, i, o in zip(user, liked, other):  # noqa: B905
        x = W[j] @ (X[i] - X[o]) + c[i] - c[o]
        g = 1 / (1 + np.exp(x))  # -d/dx of -log sigmoid(x)
        for f in range(W.shape[1]):
            w, difference = W[j, f], X[i, f] - X[o, f]
            W[j, f] += rate * (g * difference - lam * w)
            X[i, f] += rate * (g * w - lam * X[i, f])
            X[o, f] += rate * (-g * w - lam * X[o, f])
        c[i] += rate * (g - lam * c[i])
        c[o] += rate * (-g - lam * c[o])


def fit_bpr(
    ratings: Ratings,
    n_features: int = 32,
    epochs: int = 50,
    rate: float = 0.05,
    lam: float = 0.01,
    threshold: float | None = 4.0,
    seed: int = 0,
) -> Scores:
    """Bayesian personalised ranking: a factorisation trained on pairs of movies.

        J = Σ -log sigmoid((x_i - x_o)·w_j + c_i - c_o) + ½ λ (|w_j|² + |x_i|² + |x_o|² + …)

    over the likes (i, j), each with a movie o that user j did not like, drawn anew in each epoch.

    References
    ----------
    Rendle et al. (2009), "BPR: Bayesian personalized ranking from implicit feedback".
    """
    likes, rng = Likes(ratings, threshold), np.random.default_rng(seed)
    W = rng.normal(0, 0.1, (ratings.n_users, n_features))
    X = rng.normal(0, 0.1, (len(likes.known), n_features))
    c = np.zeros(len(likes.known))
    for _ in range(epochs):
        order = rng.permutation(len(likes.user))
        user, movie = likes.user[order], likes.movie[order]
        bpr_epoch(W, X, c, user, movie, likes.negatives(rng, user), rate, lam)
    return Scores.of(ratings, likes.known, X @ W.T + c[:, None])


# Neural -------------------------------------------------------------------------------------


def embedding(n: int, n_features: int, seed: int, l2: float = 0.0) -> Any:
    """A Keras layer that looks up a vector for each of n numbers, in double precision."""
    keras = tf.keras
    return keras.layers.Embedding(
        n,
        n_features,
        embeddings_initializer=keras.initializers.RandomNormal(0, 0.05, seed=seed),
        embeddings_regularizer=keras.regularizers.L2(l2) if l2 else None,
        dtype="float64",
    )


def dense(n: int, seed: int, activation: str | None = None) -> Any:
    """A Keras layer of n units, in double precision."""
    start = tf.keras.initializers.GlorotUniform(seed=seed)
    return tf.keras.layers.Dense(n, activation, kernel_initializer=start, dtype="float64")


def neumf(n_users: int, n_movies: int, n_features: int, seed: int) -> Any:
    """The Keras model of NeuMF: a product of embeddings, and a network on two others.

    References
    ----------
    He et al. (2017), "Neural collaborative filtering", figure 3.
    """
    keras = tf.keras
    user, movie = (keras.Input((), dtype="int64") for _ in range(2))
    product = embedding(n_users, n_features, seed)(user) * embedding(
        n_movies, n_features, seed + 1
    )(movie)
    both = [embedding(n_users, n_features, seed + 2)(user)]
    both += [embedding(n_movies, n_features, seed + 3)(movie)]
    hidden = keras.layers.Concatenate(dtype="float64")(both)
    for layer, size in enumerate((2 * n_features, n_features)):
        hidden = dense(size, seed + 4 + layer, "relu")(hidden)
    together = keras.layers.Concatenate(dtype="float64")([product, hidden])
    return keras.Model([user, movie], dense(1, seed + 6)(together)[:, 0])


def fit_neumf(
    ratings: Ratings,
    n_features: int = 16,
    epochs: int = 10,
    rate: float = 0.002,
    n_negatives: int = 4,
    batch: int = 1024,
    threshold: float | None = 4.0,
    seed: int = 0,
) -> Scores:
    """NeuMF, trained to tell likes from movies that are drawn at random, by Adam.

    Each like is followed by `n_negatives` movies that the user did not like, drawn anew in each
    epoch; the loss is the binary cross-entropy.
    """
    likes, rng = Likes(ratings, threshold), np.random.default_rng(seed)
    network = neumf(ratings.n_users, len(likes.known), n_features, seed)
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    network.compile(tf.keras.optimizers.Adam(rate), loss)
    user = np.repeat(likes.user, 1 + n_negatives)
    is_like = np.arange(len(user)) % (1 + n_negatives) == 0
    movie = np.repeat(likes.movie, 1 + n_negatives)
    for _ in range(epochs):
        movie[~is_like] = likes.negatives(rng, user[~is_like])
        order = rng.permutation(len(user))
        pairs, target = (user[order], movie[order]), is_like[order].astype(np.float64)
        network.fit(pairs, target, batch, epochs=1, shuffle=False, verbose=0)
    movies = np.arange(len(likes.known))
    scores = [
        network.predict_on_batch((np.full(len(movies), j), movies)) for j in range(ratings.n_users)
    ]
    return Scores.of(ratings, likes.known, np.stack(scores, axis=1))


def user_tower(n_movies: int, n_features: int, seed: int) -> Any:
    """The Keras model of the users' tower: the mean embedding of some likes, and two layers.

    Its input are numbers of movies from 1 on, int64, (n, LIKES_OF_A_USER); 0 is an empty place.
    """
    keras = tf.keras
    liked_movies = keras.Input((LIKES_OF_A_USER,), dtype="int64")
    vectors = embedding(n_movies + 1, n_features, seed)(liked_movies)
    is_there = keras.ops.cast(keras.ops.expand_dims(liked_movies > 0, -1), "float64")
    total = keras.ops.sum(vectors * is_there, axis=1)
    mean = total / (1 + keras.ops.sum(is_there, axis=1))
    hidden = dense(2 * n_features, seed + 1, "relu")(mean)
    return keras.Model(liked_movies, dense(n_features, seed + 2)(hidden))


def movie_tower(n_movies: int, n_genres: int, n_features: int, seed: int) -> Any:
    """The Keras model of the movies' tower: an embedding and the genres, and one layer."""
    keras = tf.keras
    movie = keras.Input((), dtype="int64")
    genres = keras.Input((n_genres,), dtype="float64")
    vector = embedding(n_movies, n_features, seed)(movie)
    both = keras.layers.Concatenate(dtype="float64")([vector, genres])
    return keras.Model([movie, genres], dense(n_features, seed + 1)(both))


def fit_two_towers(
    ratings: Ratings,
    n_features: int = 32,
    epochs: int = 10,
    rate: float = 0.003,
    batch: int = 512,
    threshold: float | None = 4.0,
    seed: int = 0,
) -> Scores:
    """A tower for users and one for movies; the score is the inner product of their outputs.

        J = -Σ log softmax(u_j · v_i - log q_i)   over the movies i of a batch

    The user's tower sees the latest likes, without the movie that is to be predicted. The other
    movies of the batch serve as negatives. A movie with the share q_i of all likes is in a batch
    with that frequency; subtracting its logarithm corrects for it.

    References
    ----------
    Yi et al. (2019), "Sampling-bias-corrected neural modeling for large corpus item
    recommendations".
    """
    likes, rng = Likes(ratings, threshold), np.random.default_rng(seed)
    histories, genres = likes.latest(LIKES_OF_A_USER), genres_of(ratings)[likes.known]
    users = user_tower(len(likes.known), n_features, seed)
    movies = movie_tower(len(likes.known), genres.shape[1], n_features, seed + 10)
    optimizer = tf.keras.optimizers.Adam(rate)
    variables = users.trainable_variables + movies.trainable_variables
    optimizer.build(variables)
    log_q = np.log(likes.counts / len(likes.user))

    @tf.function(reduce_retracing=True)
    def step(history: Any, movie: Any, genre: Any, log_share: Any) -> None:
        with tf.GradientTape() as tape:
            u, v = users(history, training=True), movies([movie, genre], training=True)
            scores = tf.matmul(u, v, transpose_b=True) - log_share
            is_target = tf.cast(movie[:, None] == movie[None, :], scores.dtype)
            target = is_target / tf.reduce_sum(is_target, axis=1, keepdims=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, scores))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for _ in range(epochs):
        order = rng.permutation(len(likes.user))
        for chosen in np.array_split(order, max(1, len(order) // batch)):
            movie, history = likes.movie[chosen], histories[likes.user[chosen]]
            history = np.where(history == movie[:, None] + 1, 0, history)
            step(*map(tf.constant, (history, movie, genres[movie], log_q[movie])))
    u = users.predict_on_batch(histories)
    v = movies.predict_on_batch([np.arange(len(likes.known)), genres])
    return Scores.of(ratings, likes.known, v @ u.T)


def genres_of(ratings: Ratings) -> np.ndarray:
    """1 where a movie has a genre: float64, (n_movies, n_genres)."""
    return ratings.movies["genres"].str.get_dummies("|").to_numpy(np.float64)
