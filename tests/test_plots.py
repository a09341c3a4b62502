"""Figures plot the data they are given, are labelled, and are shown with alternative text."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.transforms import Bbox

from cflib import evaluate, inspection, plots, train
from cflib.split import holdout

NO_SECOND_LABEL = ("errors", "lists", "long_tails", "reasons", "no reasons")  # names stand there
GIVEN = {10: 5, 13: 1, 22: 4}
ANSWERS = pd.DataFrame(
    {"n_given": [1, 5, 1, 5], "method": ["fold-in"] * 2 + ["retraining"] * 2,
     "rmse": [1.0, 0.9, 1.2, 0.95], "low": [0.9, 0.8, 1.1, 0.9], "high": [1.1, 1.0, 1.3, 1.0]}
)  # fmt: skip


@pytest.fixture
def figures(ratings):
    part = holdout(ratings, 0.3, seed=1)
    model = train.fit_adam(part.train, n_features=2, epochs=3, validation=part.test)
    models = {"global mean": train.fit_means(part.train, "global"), "factors": model}
    grid = pd.DataFrame([[0.9, 0.8], [0.7, 0.95]], pd.Index([5, 10], name="features"),
                        pd.Index([1.0, 2.0], name="λ"))  # fmt: skip
    return {
        "loss_curve": plots.loss_curve([100.0, 10.0, 5.0], {0: 100.0, 2: 5.0}),
        "around_zero": plots.around_zero({"one": np.r_[-1.0, 2], "two": np.r_[-2.0, -1]}, 1234),
        "rating_histogram": plots.rating_histogram(ratings),
        "long_tails": plots.long_tails(ratings),
        "rating_matrix": plots.rating_matrix(ratings, cells=10),
        "ratings_over_time": plots.ratings_over_time(ratings),
        "training_curves": plots.training_curves({"factors": model.history}),
        "heat_map": plots.heat_map(grid, "Validation RMSE", "RMSE (stars)"),
        "errors": plots.errors(evaluate.evaluate(models, part)),
        "lists": plots.lists(evaluate.rank(models, part, k=3), k=3),
        "coverage": plots.coverage(
            pd.DataFrame(
                [["bayes", "all", 0.9, 0.88, 0.92], ["bayes", "0–4", 0.87, 0.8, 0.93]],
                columns=["model", "group", "coverage", "low", "high"],
            )
        ),
        "reasons": plots.reasons(inspection.explain(model, GIVEN, 16), n=2),
        "no reasons": plots.reasons(inspection.explain(model, {}, 16)),
        "movie_map": plots.movie_map(inspection.movie_map(model).films, (0, 0)),
        "by_answers": plots.by_answers(ANSWERS, "method", "fold-in"),
        "errors_by_count": plots.errors_by_count(evaluate.by_count(models, part), "movie"),
        "share_answered": plots.share_answered(
            pd.DataFrame({"share answered": [1, 0.5], "RMSE": [1.0, 0.9]}, pd.Index([0, 20]))
        ),
        "lottery": plots.lottery(
            pd.DataFrame({"on a few": [0.9, 1.0, 1.1], "on others": [1.0, 1.01, 1.0]}), winner=0
        ),
    }


def test_every_picture_has_a_title_and_labelled_axes(figures):
    for name, figure in figures.items():
        first = figure.axes[0]
        assert first.get_title(loc="left"), name
        for ax in figure.axes[: 2 if name in ("long_tails", "training_curves") else 1]:
            assert ax.get_xlabel() and (ax.get_ylabel() or name in NO_SECOND_LABEL), name


def test_no_label_lies_outside_its_picture(figures):
    for name, figure in figures.items():
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert box.x0 >= -0.05 and box.y0 >= -0.05, name
        assert box.x1 <= figure.get_figwidth() + 0.05, name
        assert box.y1 <= figure.get_figheight() + 0.05, name


def test_the_printed_losses_are_the_dots_beside_the_curve(figures):
    curve, dots = figures["loss_curve"].axes[0].lines
    np.testing.assert_array_equal(curve.get_ydata(), [100, 10, 5])
    np.testing.assert_array_equal(dots.get_xydata(), [[0, 100], [2, 5]])


def test_every_deviation_is_in_a_bar_on_its_own_side_of_zero(figures):
    one, two = figures["around_zero"].axes
    for ax, below, above in ((one, 1, 1), (two, 2, 0)):
        bars = ax.patches
        assert sum(bar.get_height() for bar in bars if bar.get_x() < 0) == below
        assert sum(bar.get_height() for bar in bars if bar.get_x() >= 0) == above


def test_the_histograms_bars_are_the_shares(ratings, figures):
    heights = [bar.get_height() for bar in figures["rating_histogram"].axes[0].patches]
    shares = [np.mean(ratings.value == v) for v in np.unique(ratings.value)]
    np.testing.assert_allclose(heights, shares)


def test_the_matrix_counts_every_rating_once(ratings, figures):
    filled = np.asarray(figures["rating_matrix"].axes[0].images[0].get_array())
    sizes = np.outer(np.full(10, ratings.n_movies / 10), np.full(10, ratings.n_users / 10))
    assert (filled * sizes).sum() == pytest.approx(ratings.n_ratings)


def test_the_best_cell_is_framed(figures):
    (frame,) = figures["heat_map"].axes[0].patches
    assert frame.get_xy() == (-0.5, 0.5)  # row 1, column 0


def test_a_shown_figure_carries_its_alternative_text(figures, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "display", lambda data, **kwargs: shown.append((data, kwargs)))
    plots.show(figures["errors"], alt="two dots with intervals")
    ((data, kwargs),) = shown
    assert kwargs["metadata"]["image/png"]["alt"] == "two dots with intervals"
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == "[picture: two dots with intervals]"


def test_the_reasons_are_bars_of_the_contributions_and_the_rest_is_one(figures, ratings):
    model = train.fit_adam(holdout(ratings, 0.3, seed=1).train, n_features=2, epochs=3)
    table = inspection.explain(model, GIVEN, 16)
    bars = [bar.get_width() for bar in plots.reasons(table, n=2).axes[0].patches]
    assert bars == pytest.approx([*table["contribution"][:2], table["contribution"][2]])
    (ax,) = plots.reasons(table, "Ann").axes
    assert "because Ann gave" in [text.get_text() for text in ax.texts]
    assert ax.get_yticklabels()[0].get_text() == "Film 1 (1901)   1"


def test_names_on_the_map_do_not_lie_on_each_other(figures):
    figure = figures["movie_map"]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) > 3
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])


def test_the_star_on_the_map_lies_on_no_name(ratings):
    films = inspection.movie_map(train.fit_adam(ratings, n_features=2, epochs=3)).films
    for place in films[["x", "y"]].head(4).to_numpy():  # a name stands beside each of these
        figure = plots.movie_map(films, place)
        figure.draw_without_rendering()
        (ax,) = figure.axes
        x, y = ax.transData.transform(place)
        star = Bbox([(x - 10, y - 10), (x + 10, y + 10)])
        assert not any(text.get_window_extent().overlaps(star) for text in ax.texts)


def test_a_lottery_has_one_scale_for_both_axes(figures):
    ax = figures["lottery"].axes[0]
    assert np.ptp(ax.get_xlim()) == pytest.approx(np.ptp(ax.get_ylim()))
    models, winner = ax.lines[:2]
    assert len(models.get_xdata()) == 2 and winner.get_xdata() == [0.9]
