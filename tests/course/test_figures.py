"""Figures plot the data they are given, and are labelled."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.transforms import Bbox

from cflib import (
    evaluate,
    evaluation,
    explain,
    fit_als,
    fit_means,
    holdout,
    normalize,
    people,
    rank,
)
from course import figures
from tests.conftest import make_ratings

NO_SECOND_LABEL = {  # names of models, movies or settings stand there
    "diversity",
    "errors",
    "lists",
    "long_tails",
    "reasons",
    "no reasons",
    "setting_differences",
    "by_group",
    "settings_tried",
}
GIVEN = {10: 5, 13: 1, 22: 4}


@pytest.fixture(scope="module")
def ratings():
    return make_ratings()


@pytest.fixture(scope="module")
def model(ratings):
    part = holdout(ratings, 0.3, seed=1)
    return fit_als(part.train, n_features=2, iterations=3, validation=part.test)


@pytest.fixture(scope="module")
def drawn(ratings, model):
    part = holdout(ratings, 0.3, seed=1)
    models = {"global mean": fit_means(part.train, "global"), "factors": model}
    raters, all_users = (normalize.fit(ratings, kind) for kind in ("movie", "movie_all_users"))
    damped = normalize.fit(ratings, "movie_user_damped")
    table = pd.DataFrame(
        [[0.9, 0.8], [0.7, 0.95]],
        pd.Index([5, 10], name="features"),
        pd.Index([1.0, 2.0], name="λ"),
    )
    answers = pd.DataFrame(
        {
            "n_given": [1, 5, 1, 5],
            "method": ["fold-in"] * 2 + ["retraining"] * 2,
            "rmse": [1.0, 0.9, 1.2, 0.95],
            "low": [0.9, 0.8, 1.1, 0.9],
            "high": [1.1, 1.0, 1.3, 1.0],
        }
    )
    covered = pd.DataFrame(
        [["bayes", "all", 0.9, 0.88, 0.92], ["bayes", "0–4", 0.87, 0.8, 0.93]],
        columns=["model", "group", "coverage", "low", "high"],
    )
    thresholds = pd.DataFrame({"share answered": [1, 0.5], "RMSE": [1.0, 0.9]}, [0, 20])
    seeds = pd.DataFrame({"on a few": [0.9, 1.0, 1.1], "on others": [1.0, 1.01, 1.0]})
    lists = {
        delta: pd.DataFrame({"title": ["One (1990)", "Two (1991)"], "prediction": [4.5, second]})
        for delta, second in ((0.0, 4.4), (0.5, 4.0))
    }
    sizes = pd.DataFrame(
        {
            "n_ratings": [1e5, 1e6, 1e7],
            "seconds_per_iteration": [0.1, 0.9, 10.0],
            "megabytes": [10.0, 90.0, 1000.0],
            "operations": [1e9, 9e9, 8e10],
        }
    )
    trace = pd.DataFrame({"step": [1, 2], "noise": [0.9, 0.8], "validation_rmse": [1.0, 0.9]})
    settings = pd.DataFrame(
        {
            "lam": [1.0, 2.0],
            "size": [8, 8],
            "rmse": [0.8, 0.9],
            "smallest": [0.7, 0.8],
            "largest": [0.9, 1.0],
            "difference": [np.nan, 0.1],
            "difference_low": [np.nan, 0.05],
            "difference_high": [np.nan, 0.15],
        },
        index=["lam 1.0", "lam 2.0"],
    )
    groups = pd.DataFrame(
        [["few", "a", 0.2, 0.1, 0.3], ["many", "a", 0.4, 0.3, 0.5], ["few", "b", 0.3, 0.2, 0.4]]
        + [["many", "b", 0.1, 0.0, 0.2]],
        columns=["group", "model", "value", "low", "high"],
    )
    bought = pd.DataFrame(
        {
            "ndcg": [0.2, 0.1],
            "ndcg_low": [0.1, 0.0],
            "ndcg_high": [0.3, 0.2],
            "similarity": [0.4, 0.1],
        },
        index=[0.0, 0.8],
    )
    rounds = pd.DataFrame({"shown": [0.2, 0.4], "liking": [4.5, 4.3]}, index=[1, 2])
    return {
        "loss_curve": figures.loss_curve([100.0, 10.0, 5.0], {0: 100.0, 2: 5.0}),
        "around_zero": figures.around_zero({"one": np.r_[-1.0, 2], "two": np.r_[-2.0, -1]}, 1234),
        "rating_histogram": figures.rating_histogram(ratings),
        "long_tails": figures.long_tails(ratings),
        "rating_matrix": figures.rating_matrix(ratings, cells=10),
        "ratings_over_time": figures.ratings_over_time(ratings),
        "two_means": figures.two_means(ratings, raters, all_users),
        "damping": figures.damping(ratings, raters, all_users),
        "user_levels": figures.user_levels(damped),
        "training_curves": figures.training_curves({"factors": model.history}),
        "heat_map": figures.heat_map(table, "Validation RMSE", "RMSE (stars)"),
        "seen_and_unseen": figures.seen_and_unseen(
            pd.DataFrame(
                {"seen": [0.9, 0.7, 0.5], "unseen": [0.9, 0.8, 1.0]},
                pd.Index([1, 2, 3], name="pass"),
            ),
            means=0.87,
        ),
        "data_path": figures.data_path(),
        "errors": figures.errors(evaluate(models, part)),
        "lists": figures.lists(rank(models, part, k=3), k=3),
        "errors_by_count": figures.errors_by_count(evaluation.by_count(models, part), "movie"),
        "predicted_against_given": figures.predicted_against_given(
            people.history(part.train, 100, model), (0.5, 5)
        ),
        "reasons": figures.reasons(explain(model, GIVEN, 16), n=2),
        "no reasons": figures.reasons(explain(model, {}, 16)),
        "movie_map": figures.movie_map(people.movie_map(model).movies, (0, 0)),
        "by_answers": figures.by_answers(answers, "method", "fold-in"),
        "sweep_lines": figures.sweep_lines(settings, "lam", "size", "rmse"),
        "slices": figures.slices(settings, ["lam", "size"], "rmse"),
        "setting_differences": figures.setting_differences(settings, "rmse"),
        "diversity": figures.diversity(lists, {0.0: 0.6, 0.5: 0.2}, 0.5),
        "growth": figures.growth(sizes),
        "normal_curves": figures.normal_curves({"before": (3, 1), "after": (4, 0.5)}, "stars"),
        "traces": figures.traces(np.array([[0.9, 0.8], [1, 0.8]]), trace, burn_in=1),
        "coverage": figures.coverage(covered),
        "spread_by_count": figures.spread_by_count(np.array([0, 9]), np.array([1.0, 0.5])),
        "star_probabilities": figures.star_probabilities(
            {"one": np.array([0.2, 0.8]), "two": np.array([0.5, 0.5])},
            np.array([1.0, 2.0]),
            {"one": 2.0, "two": 1.0},
        ),
        "lam_choice": figures.lam_choice(
            pd.DataFrame({"rmse": [0.9, 0.8, 0.95]}, [1.0, 2.0, 4.0]), "stars"
        ),
        "share_answered": figures.share_answered(thresholds),
        "lottery": figures.lottery(seeds, winner=0),
        "lines": figures.lines(table, "RMSE (stars)", log_x=True),
        "settings_tried": figures.settings_tried({"a": [0.1, 0.2], "b": [0.15]}),
        "recall_of_search": figures.recall_of_search(
            pd.DataFrame({"few links": [0.3, 0.6], "many": [0.7, 0.9]}, [10, 100])
        ),
        "by_group": figures.by_group(groups, "share found", "Which movies are found?"),
        "diversity_bought": figures.diversity_bought(bought),
        "loops": figures.loops({"model": [rounds, rounds], "random": [rounds]}),
        "estimates": figures.estimates({"mean": np.r_[0.1, 0.2], "weighted": np.r_[0.3, 0.6]}, 0.4),
    }


def test_every_picture_of_the_course_is_drawn_here(drawn):
    assert set(drawn) - {"no reasons"} == set(figures.__all__)


def test_every_picture_has_a_title_and_labelled_axes(drawn):
    for name, figure in drawn.items():
        first = figure.axes[0]
        assert first.get_title(loc="left"), name
        if name == "data_path":  # a diagram, which has no axes
            continue
        for ax in figure.axes[: 2 if name in ("long_tails", "training_curves") else 1]:
            assert ax.get_xlabel() and (ax.get_ylabel() or name in NO_SECOND_LABEL), name


def test_no_label_lies_outside_its_picture(drawn):
    for name, figure in drawn.items():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert box.x0 >= -0.05 and box.y0 >= -0.05, name
        assert box.x1 <= figure.get_figwidth() + 0.05, name
        assert box.y1 <= figure.get_figheight() + 0.05, name


def test_the_printed_losses_are_the_dots_beside_the_curve(drawn):
    curve, dots = drawn["loss_curve"].axes[0].lines
    np.testing.assert_array_equal(curve.get_ydata(), [100, 10, 5])
    np.testing.assert_array_equal(dots.get_xydata(), [[0, 100], [2, 5]])


def test_every_deviation_is_in_a_bar_on_its_own_side_of_zero(drawn):
    one, two = drawn["around_zero"].axes
    for ax, below, above in ((one, 1, 1), (two, 2, 0)):
        bars = ax.patches
        assert sum(bar.get_height() for bar in bars if bar.get_x() < 0) == below
        assert sum(bar.get_height() for bar in bars if bar.get_x() >= 0) == above


def test_the_histograms_bars_are_the_shares(ratings, drawn):
    heights = [bar.get_height() for bar in drawn["rating_histogram"].axes[0].patches]
    shares = [np.mean(ratings.value == v) for v in np.unique(ratings.value)]
    np.testing.assert_allclose(heights, shares)


def test_the_matrix_counts_every_rating_once(ratings, drawn):
    filled = np.asarray(drawn["rating_matrix"].axes[0].images[0].get_array())
    sizes = np.outer(np.full(10, ratings.n_movies / 10), np.full(10, ratings.n_users / 10))
    assert (filled * sizes).sum() == pytest.approx(ratings.n_ratings)


def test_the_lowest_error_on_unseen_ratings_is_marked(drawn):
    *_, mark, means = drawn["seen_and_unseen"].axes[0].lines
    assert mark.get_xydata().tolist() == [[2, 0.8]]
    assert list(means.get_ydata()) == [0.87, 0.87]


def test_the_goal_is_a_line_in_the_panel_of_the_cost(model):
    cost, error = figures.training_curves({"factors": model.history}, goal=3.5).axes
    assert list(cost.lines[-1].get_ydata()) == [3.5, 3.5]
    assert len(error.lines) == 1


def test_the_best_cell_is_framed(drawn):
    (frame,) = drawn["heat_map"].axes[0].patches
    assert frame.get_xy() == (-0.5, 0.5)  # row 1, column 0


def test_in_the_diagram_no_words_lie_on_others_and_all_can_be_read_on_a_phone(drawn):
    figure = drawn["data_path"]
    figure.draw_without_rendering()
    (ax,) = figure.axes
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])
        assert 0 <= box.x0 and box.x1 <= figure.bbox.x1
    pixels = 360 / figure.get_figwidth() / 72  # a point, where the picture is 360 pixels wide
    assert min(text.get_fontsize() for text in ax.texts if text.get_text()) * pixels >= 11


def test_the_reasons_are_bars_of_the_contributions_and_the_rest_is_one(model):
    table = explain(model, GIVEN, 16)
    bars = [bar.get_width() for bar in figures.reasons(table, n=2).axes[0].patches]
    assert bars == pytest.approx([*table["contribution"][:2], table["contribution"][2]])
    (ax,) = figures.reasons(table, "Ann").axes
    assert "because Ann gave" in [text.get_text() for text in ax.texts]
    assert ax.get_yticklabels()[0].get_text() == "Movie 1 (1901)   1"


def test_names_on_the_map_do_not_lie_on_each_other(drawn):
    figure = drawn["movie_map"]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) > 3
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])


def test_the_star_on_the_map_lies_on_no_name(ratings):
    movies = people.movie_map(fit_als(ratings, n_features=2, iterations=3)).movies
    for place in movies[["x", "y"]].head(4).to_numpy():  # a name stands beside each of these
        figure = figures.movie_map(movies, place)
        figure.draw_without_rendering()
        (ax,) = figure.axes
        x, y = ax.transData.transform(place)
        star = Bbox([(x - 10, y - 10), (x + 10, y + 10)])
        assert not any(text.get_window_extent().overlaps(star) for text in ax.texts)


def test_a_lottery_has_a_line_for_each_model_and_the_chosen_one_stands_out(drawn):
    first, second, chosen, _ = drawn["lottery"].axes[0].lines
    assert chosen.get_ydata() == pytest.approx([-0.1, -1 / 300])  # less the mean of each column
    assert second.get_ydata()[0] == pytest.approx(0.1)
    assert chosen.get_linewidth() > first.get_linewidth() == second.get_linewidth()


def test_an_interval_of_a_group_stands_at_its_value(drawn):
    (ax,) = drawn["by_group"].axes
    shown = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata()) == 2]
    assert [0.2, 0.4] in shown and [0.3, 0.1] in shown


def test_rounds_are_drawn_as_the_mean_over_seeds(drawn):
    left, right = drawn["loops"].axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[0.2, 0.4]] * 2
    assert right.lines[0].get_ydata().tolist() == [4.5, 4.3]
