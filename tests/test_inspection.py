"""One user's tables: never a film already rated, always the right title, best first."""

import dataclasses

import numpy as np
import pytest

from cflib import inspection, train

from .conftest import make_ratings


@pytest.fixture
def model(ratings):
    return train.fit_adam(ratings, n_features=3, epochs=30)


USER_ID, USER = 114, 2


def test_a_history_is_the_users_own_ratings_with_their_titles(ratings, model):
    table = inspection.history(ratings, USER_ID, model)
    Y, R = ratings.dense()
    assert len(table) == R[:, USER].sum()
    for row in table.itertuples():
        i = ratings.movie_index_of(row.movieId)
        assert row.title == ratings.movies["title"][i] and row.rating == Y[i, USER]
        assert row.prediction == pytest.approx(model.predict([i], [USER])[0])
        assert row.error == pytest.approx(row.prediction - row.rating)
    assert table["rating"].is_monotonic_decreasing


def test_recommendations_are_the_highest_scores_among_the_unrated(ratings, model):
    table = inspection.recommend(model, ratings, USER_ID, n=5)
    _, R = ratings.dense()
    scores = np.where(R[:, USER] == 1, -np.inf, model.score_user(USER))
    best = sorted(range(ratings.n_movies), key=lambda i: -scores[i])[:5]
    assert table["movieId"].tolist() == ratings.movie_ids[best].tolist()
    assert table["title"].tolist() == [f"Film {i} (19{i:02})" for i in best]
    assert table["n_ratings"].tolist() == ratings.movie_counts[best].tolist()
    assert table.index.tolist() == [1, 2, 3, 4, 5]


def test_a_user_is_never_recommended_what_they_rated(ratings, model):
    for user_id in ratings.user_ids:
        rated = set(inspection.history(ratings, user_id)["movieId"])
        everything = inspection.recommend(model, ratings, user_id, n=1000)
        assert not rated & set(everything["movieId"])
        assert len(rated) + len(everything) == ratings.n_movies


def test_equal_scores_come_in_the_order_of_the_rows(ratings):
    flat = train.fit_means(ratings, "global")
    assert inspection.new_user_list(flat, 4)["movieId"].tolist() == [10, 13, 16, 19]


def test_films_with_few_ratings_can_be_left_out(ratings, model):
    table = inspection.recommend(model, ratings, USER_ID, n=1000, min_ratings=9)
    assert len(table) and table["n_ratings"].min() >= 9


def test_a_new_user_is_told_the_means(ratings, model):
    table = inspection.new_user_list(model, 3)
    means = model.normalization.new_user()
    assert table["movieId"].tolist() == ratings.movie_ids[np.argsort(-means)[:3]].tolist()


def test_similarity_is_the_cosine_of_the_features(ratings, model):
    table = inspection.similar(model, 40, n=1000)
    x = model.X[ratings.movie_index_of(40)]
    assert 40 not in set(table["movieId"]) and table["similarity"].is_monotonic_decreasing
    for row in table.iloc[:5].itertuples():
        other = model.X[ratings.movie_index_of(row.movieId)]
        cosine = x @ other / np.sqrt((x @ x) * (other @ other))
        assert row.similarity == pytest.approx(cosine, abs=1e-5)


def test_a_film_with_a_twin_finds_it(model):
    X = model.X.copy()
    X[7] = 2 * X[3]
    twin = dataclasses.replace(model, X=X)
    first = inspection.similar(twin, twin.movie_ids[3], 1).iloc[0]
    assert first["movieId"] == twin.movie_ids[7]
    assert first["similarity"] == pytest.approx(1, abs=1e-6)


def test_a_film_without_features_has_no_likeness(ratings):
    with pytest.raises(ValueError, match=r"Film 0 \(1900\) has no features"):
        inspection.similar(train.fit_means(ratings), 10)


def test_unknown_ids_are_refused_with_ids_near_them(ratings, model):
    with pytest.raises(KeyError, match=r"no user with id 115 .*114, 121"):
        inspection.history(ratings, 115)
    with pytest.raises(KeyError, match=r"no user with id 2 .*ids near it: 100"):
        inspection.recommend(model, ratings, 2)
    with pytest.raises(KeyError, match="no movie with id 11"):
        inspection.similar(model, 11)


@pytest.mark.parametrize("block", [1, 7, 1024])
@pytest.mark.parametrize("kind", ["factors", "ties"])
def test_lists_for_everybody_are_each_users_own(ratings, model, block, kind):
    if kind == "ties":
        model = train.fit_means(ratings, "global")
    movie_index, score = inspection.top_n(model, ratings, 6, block)
    for user, user_id in enumerate(ratings.user_ids):
        own = inspection.recommend(model, ratings, user_id, 6)
        found = movie_index[user][movie_index[user] >= 0]
        assert ratings.movie_ids[found].tolist() == own["movieId"].tolist()
        assert (np.diff(score[user]) <= 0).all()


def test_a_user_who_rated_nearly_everything_gets_what_is_left():
    ratings = make_ratings(8, 4, 21)  # seven films by three users: all of them rated
    movie_index, score = inspection.top_n(train.fit_means(ratings), ratings, 3)
    assert movie_index[0].tolist() == [7, -1, -1]
    assert np.isneginf(score[0, 1:]).all() and np.isfinite(score[0, 0])
