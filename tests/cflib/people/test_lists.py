"""One user's tables: never a movie already rated, always the right title, best first."""

import dataclasses

import numpy as np
import pytest

from cflib import evaluation, fit_adam, fit_bayes, fit_means, people
from tests.conftest import make_ratings


@pytest.fixture
def model(ratings):
    return fit_adam(ratings, n_features=3, epochs=30)


USER_ID, USER = 114, 2


def test_a_history_is_the_users_own_ratings_with_their_titles(ratings, model):
    table = people.history(ratings, USER_ID, model)
    Y, R = ratings.dense()
    assert len(table) == R[:, USER].sum()
    for row in table.itertuples():
        i = ratings.movie_index_of(row.movieId)
        assert row.title == ratings.movies["title"][i] and row.rating == Y[i, USER]
        assert row.prediction == pytest.approx(model.predict([i], [USER])[0])
        assert row.error == pytest.approx(row.prediction - row.rating)
    assert table["rating"].is_monotonic_decreasing


def test_recommendations_are_the_highest_scores_among_the_unrated(ratings, model):
    table = people.recommend(model, ratings, USER_ID, n=5)
    _, R = ratings.dense()
    scores = np.where(R[:, USER] == 1, -np.inf, model.score_user(USER))
    best = sorted(range(ratings.n_movies), key=lambda i: -scores[i])[:5]
    assert table["movieId"].tolist() == ratings.movie_ids[best].tolist()
    assert table["title"].tolist() == [f"Movie {i} (19{i:02})" for i in best]
    assert table["n_ratings"].tolist() == ratings.movie_counts[best].tolist()
    assert table.index.tolist() == [1, 2, 3, 4, 5]


def test_a_user_is_never_recommended_what_they_rated(ratings, model):
    for user_id in ratings.user_ids:
        rated = set(people.history(ratings, user_id)["movieId"])
        everything = people.recommend(model, ratings, user_id, n=1000)
        assert not rated & set(everything["movieId"])
        assert len(rated) + len(everything) == ratings.n_movies


def test_equal_scores_come_in_the_order_of_the_rows(ratings):
    flat = fit_means(ratings, "global")
    assert people.new_user_list(flat, 4)["movieId"].tolist() == [10, 13, 16, 19]


def test_movies_with_few_ratings_can_be_left_out(ratings, model):
    table = people.recommend(model, ratings, USER_ID, n=1000, min_ratings=9)
    assert len(table) and table["n_ratings"].min() >= 9


def test_a_new_user_is_told_the_means(ratings, model):
    table = people.new_user_list(model, 3)
    means = model.normalization.new_user()
    assert table["movieId"].tolist() == ratings.movie_ids[np.argsort(-means)[:3]].tolist()


def test_similarity_is_the_cosine_of_the_features(ratings, model):
    table = people.similar(model, 40, n=1000)
    x = model.X[ratings.movie_index_of(40)]
    assert 40 not in set(table["movieId"]) and table["similarity"].is_monotonic_decreasing
    for row in table.iloc[:5].itertuples():
        other = model.X[ratings.movie_index_of(row.movieId)]
        cosine = x @ other / np.sqrt((x @ x) * (other @ other))
        assert row.similarity == pytest.approx(cosine, abs=1e-5)


def test_a_movie_with_a_twin_finds_it(model):
    X = model.X.copy()
    X[7] = 2 * X[3]
    twin = dataclasses.replace(model, X=X)
    first = people.similar(twin, twin.movie_ids[3], 1).iloc[0]
    assert first["movieId"] == twin.movie_ids[7]
    assert first["similarity"] == pytest.approx(1, abs=1e-6)


def test_a_movie_without_features_has_no_likeness(ratings):
    with pytest.raises(ValueError, match=r"Movie 0 \(1900\) has no features"):
        people.similar(fit_means(ratings), 10)


def test_unknown_ids_are_refused_with_ids_near_them(ratings, model):
    with pytest.raises(KeyError, match=r"no user with id 115 .*114, 121"):
        people.history(ratings, 115)
    with pytest.raises(KeyError, match=r"no user with id 2 .*ids near it: 100"):
        people.recommend(model, ratings, 2)
    with pytest.raises(KeyError, match="no movie with id 11"):
        people.similar(model, 11)


@pytest.mark.parametrize("block", [1, 7, 1024])
@pytest.mark.parametrize("kind", ["factors", "ties"])
def test_lists_for_everybody_are_each_users_own(ratings, model, block, kind):
    if kind == "ties":
        model = fit_means(ratings, "global")
    movie_index, score = evaluation.top_n(model, ratings, 6, block)
    for user, user_id in enumerate(ratings.user_ids):
        own = people.recommend(model, ratings, user_id, 6)
        found = movie_index[user][movie_index[user] >= 0]
        assert ratings.movie_ids[found].tolist() == own["movieId"].tolist()
        assert (np.diff(score[user]) <= 0).all()


def test_a_user_who_rated_nearly_everything_gets_what_is_left():
    ratings = make_ratings(8, 4, 21)  # seven movies by three users: all of them rated
    movie_index, score = evaluation.top_n(fit_means(ratings), ratings, 3)
    assert movie_index[0].tolist() == [7, -1, -1]
    assert np.isneginf(score[0, 1:]).all() and np.isfinite(score[0, 0])


# Filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["known", "new"])
def test_lists_can_be_asked_for_by_genre_and_by_year(ratings, model, whose):
    def listed(**wanted):
        if whose == "known":
            return people.recommend(model, ratings, USER_ID, 1000, **wanted)
        return people.recommend_new(model, {10: 4}, 1000, **wanted)

    everything = listed()
    comedies = listed(genre="comedy")
    year = everything["title"].str.extract(r"\((\d{4})\)")[0].astype(int)
    expected = everything[everything["genres"].str.contains("Comedy")]
    assert comedies["movieId"].tolist() == expected["movieId"].tolist() and len(comedies) > 3
    for years, kept in (
        ((1905, 1910), year.between(1905, 1910)),
        ((1912, None), year >= 1912),
        ((None, 1903), year <= 1903),
    ):
        found = listed(years=years)
        assert found["movieId"].tolist() == everything[kept]["movieId"].tolist()
    assert len(listed(genre="Comedy", years=(1905, 1910))) <= 3


def test_diversity_is_maximal_marginal_relevance(ratings, model):
    """Against the definition, movie by movie, in plain Python."""
    scores = model.score_user(USER).astype(np.float64)
    scores[ratings.movie_index[ratings.user_index == USER]] = -np.inf
    pool = np.flatnonzero(np.isfinite(scores))
    relevance = (scores - scores[pool].min()) / np.ptp(scores[pool])
    unit = model.X / np.linalg.norm(model.X, axis=1, keepdims=True)
    chosen = []
    for _ in range(5):
        chosen.append(
            max(
                (i for i in pool if i not in chosen),
                key=lambda i: (
                    0.6 * relevance[i] - 0.4 * max((unit[i] @ unit[k] for k in chosen), default=0)
                ),
            )
        )
    table = people.recommend(model, ratings, USER_ID, 5, diversity=0.4)
    assert table["movieId"].tolist() == ratings.movie_ids[chosen].tolist()
    plain = people.recommend(model, ratings, USER_ID, 5)
    assert table["movieId"].iloc[0] == plain["movieId"].iloc[0]


def test_a_more_diverse_list_has_movies_less_alike(ratings, model):
    def likeness(diversity):
        movies = people.recommend(model, ratings, USER_ID, 6, diversity=diversity)["movieId"]
        unit = model.X[np.searchsorted(model.movie_ids, movies)]
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        return (unit @ unit.T)[np.triu_indices(6, 1)].mean()

    assert likeness(0.8) < likeness(0.0)


def test_lists_that_cannot_be_are_refused_by_name(ratings, model):
    for wanted, message in [
        ({"genre": "Westerns"}, "`genre` should be one of Comedy, Drama. Received: 'Westerns'"),
        ({"years": (2000, 1990)}, "`years` should be"),
        ({"diversity": 1}, "`diversity` should be from 0 to below 1. Received: 1"),
        ({"n": 0}, "`n` should be a positive integer. Received: 0"),
        ({"by": "luck"}, "`by` should be 'mean' or 'lower'. Received: 'luck'"),
    ]:
        with pytest.raises(ValueError, match=message):
            people.recommend(model, ratings, USER_ID, **wanted)
    with pytest.raises(TypeError, match="doesn't know how sure it is"):
        people.recommend(model, ratings, USER_ID, by="lower")


def test_a_lower_bound_of_a_known_user_is_of_their_own_posterior(ratings):
    model = fit_bayes(ratings, n_features=2, iterations=12, burn_in=2, n_samples=5)
    table = people.recommend(model, ratings, USER_ID, 5, by="lower")
    i = np.searchsorted(ratings.movie_ids, table["movieId"])
    users = np.full(5, USER)
    lower = model.predict(i, users, clip=False) - 1.2816 * model.predict_std(i, users)
    np.testing.assert_allclose(table["lower"], np.clip(lower, 0.5, 5), atol=1e-5)
    assert table["lower"].is_monotonic_decreasing


# Likeness -----------------------------------------------------------------------------------


def test_people_are_alike_by_the_cosine_of_their_weights(ratings, model):
    table = people.similar_users(model, USER_ID, 1000)
    assert USER_ID not in set(table["userId"]) and len(table) == model.n_users - 1
    for row in table.iloc[:3].itertuples():
        w, v = model.W[USER], model.W[ratings.user_index_of(row.userId)]
        assert row.similarity == pytest.approx(w @ v / np.sqrt((w @ w) * (v @ v)), abs=1e-5)
    twin = dataclasses.replace(people.fold_in(model, {10: 4}), weights=3.0 * model.W[USER])
    first = people.similar_users(model, twin, 1).iloc[0]
    assert first["userId"] == USER_ID and first["similarity"] == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="nothing is known of this person"):
        people.similar_users(model, people.fold_in(model, {}))
    with pytest.raises(KeyError, match="no user with the id 2"):
        people.similar_users(model, 2)


def test_the_map_is_the_plane_in_which_the_movies_differ_most(ratings, model):
    n = 20
    movies = people.movie_map(model, n)
    best = np.argsort(-ratings.movie_counts, kind="stable")[:n]
    assert movies.movies["movieId"].tolist() == ratings.movie_ids[best].tolist()
    np.testing.assert_allclose(movies.axes.T @ movies.axes, np.eye(2), atol=1e-10)
    weight = ratings.movie_counts[best] / ratings.movie_counts[best].sum()
    apart = model.X[best] - weight @ model.X[best]
    explained = np.linalg.eigvalsh((apart * weight[:, None]).T @ apart)[::-1]
    at = movies.movies[["x", "y"]].to_numpy()
    np.testing.assert_allclose(weight @ at**2, explained[:2], rtol=1e-5)
    np.testing.assert_allclose(at, apart @ movies.axes, atol=1e-6)
    with pytest.raises(ValueError, match="two features or more"):
        people.movie_map(fit_means(ratings))


def test_somebody_new_stands_in_the_middle_and_moves_towards_what_they_like(model):
    movies = people.movie_map(model, 25)
    stranger = people.fold_in(model, {})
    assert movies.place(stranger) == (0, 0)
    edge = movies.movies.loc[movies.movies["x"].idxmax()]
    liked, disliked = (
        movies.place(people.fold_in(model, {edge["movieId"]: stars}))[0] for stars in (5, 0.5)
    )
    assert liked > 0 > disliked
    person = people.fold_in(model, {edge["movieId"]: 5})
    far = dataclasses.replace(person, weights=1000 * person.weights)
    x, y = movies.place(far)
    assert x == movies.movies["x"].max() and y in (
        movies.movies["y"].min(),
        movies.movies["y"].max(),
    )
    near = movies.nearest(person, 25)
    distance = np.hypot(*(near[["x", "y"]].to_numpy() - movies.place(person)).T)
    assert len(near) == 25 and (np.diff(distance) >= 0).all()


def test_ratings_on_other_axes_are_refused_not_read_as_others_movies(ratings, model):
    fewer = ratings.take(ratings.movie_index > 0)
    elsewhere = dataclasses.replace(
        fewer,
        movie_index=fewer.movie_index - 1,
        movie_ids=ratings.movie_ids[1:],
        movies=ratings.movies.iloc[1:].reset_index(drop=True),
    )
    for ask in (
        lambda: people.recommend(model, elsewhere, USER_ID),
        lambda: people.history(elsewhere, USER_ID, model),
    ):
        with pytest.raises(ValueError, match="on the model's axes"):
            ask()
