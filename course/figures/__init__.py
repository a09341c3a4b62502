"""Every picture of the course. Data in, a matplotlib `Figure` out; nothing is computed here.

A module has the pictures of one chapter and is called as the chapter is; `style` has what they
share. `course.chapter.show` puts a picture into a notebook.
"""

from .bugs import lottery, share_answered
from .evaluation import errors, errors_by_count, lists
from .exercises import lines
from .in_use import by_group, diversity_bought, estimates, loops, recall_of_search
from .inspection import by_answers, diversity, movie_map, predicted_against_given, reasons
from .loading import long_tails, rating_histogram, rating_matrix, ratings_over_time
from .normalization import damping, two_means, user_levels
from .original import around_zero, loss_curve
from .ranking import settings_tried
from .scale import growth
from .sweeps import setting_differences, slices, sweep_lines
from .training import data_path, heat_map, seen_and_unseen, training_curves
from .uncertainty import coverage, normal_curves, spread_by_count, star_probabilities, traces
from .your_ratings import lam_choice

__all__ = [
    "around_zero",
    "by_answers",
    "by_group",
    "coverage",
    "damping",
    "data_path",
    "diversity",
    "diversity_bought",
    "errors",
    "errors_by_count",
    "estimates",
    "growth",
    "heat_map",
    "lam_choice",
    "lines",
    "lists",
    "long_tails",
    "loops",
    "loss_curve",
    "lottery",
    "movie_map",
    "normal_curves",
    "predicted_against_given",
    "rating_histogram",
    "rating_matrix",
    "ratings_over_time",
    "reasons",
    "recall_of_search",
    "seen_and_unseen",
    "setting_differences",
    "settings_tried",
    "share_answered",
    "slices",
    "spread_by_count",
    "star_probabilities",
    "sweep_lines",
    "traces",
    "training_curves",
    "two_means",
    "user_levels",
]
