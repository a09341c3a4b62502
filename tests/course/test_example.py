"""The example on paper: the library comes to the numbers that chapters work out by hand."""

import numpy as np
import pytest

from cflib import normalize
from course import example


def test_the_damped_means_come_out_even():
    means = normalize.fit(example.ratings(), "movie_user_damped", example.DAMPING)
    assert means.mean == 3
    assert means.Y_mu[:, 0] == pytest.approx([3.5, 3, 2.5])
    assert means.user_mu[0] == pytest.approx([0, 0, 0.25, -0.25])


def test_what_the_means_leave_is_what_the_chapters_say():
    ratings = example.ratings()
    means = normalize.fit(ratings, "movie_user_damped", example.DAMPING)
    left = np.full(example.Y.shape, np.nan)
    left[ratings.movie_index, ratings.user_index] = means.subtract(ratings)
    nan = np.nan
    expected = [[1.5, -1.5, 0.75, nan], [-1.5, 1.5, nan, 0.25], [nan, 0, -0.25, -0.75]]
    assert left == pytest.approx(np.array(expected), nan_ok=True)
    missed = example.FEATURES @ example.WEIGHTS.T - left
    assert np.nansum(missed**2) == pytest.approx(4 * 0.25**2)  # Ann and Ben exactly


@pytest.mark.parametrize(("person", "weights"), [("Ann", (0.6, -0.6)), ("Cleo", (0.25, -0.25))])
def test_one_person_solved_for_with_lambda_1_comes_out_even(person, weights):
    column = example.PEOPLE.index(person)
    means = normalize.fit(example.ratings(), "movie_user_damped", example.DAMPING)
    known = ~np.isnan(example.Y[:, column])
    x = example.FEATURES[known]
    left = example.Y[known, column] - means.Y_mu[known, 0] - means.user_mu[0, column]
    assert np.linalg.solve(x.T @ x + np.eye(2), x.T @ left) == pytest.approx(weights)


def test_the_table_names_movies_and_people_and_marks_what_is_unknown():
    table = example.table()
    assert table.loc["Star Chase", "Dan"] == "?"
    assert table.loc["Spies in Love", "Dan"] == "1.5"
    assert (table == "?").to_numpy().sum() == 3
    assert example.ratings().n_ratings == 9
