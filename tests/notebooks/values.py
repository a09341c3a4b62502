"""What each parameter of each chapter is turned to, and what each "Try it" asks a reader to do.

A new parameter needs a line in `VALUES`, or in `OF_CHAPTER` where the chapter needs other values.
A new "Try it" needs a line in `TRY_IT`. `KNOWN` has what does not yet work; it should be empty.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Turned:
    """Values of one parameter: `sensible` ones a reader would try, and a `foolish` one.

    With sensible values a chapter runs to its end. With a foolish one it may also stop, with a
    sentence of ours. `TMP` in a foolish path stands for a temporary folder.
    """

    sensible: tuple
    foolish: Any


# Of all chapters that have a parameter of this name
VALUES = {
    "dataset": Turned(("movielens_2016",), "no_such_set"),
    "n_features": Turned((1, 24), 0),
    "lam": Turned((0.0, 30.0), -1.0),
    "lam_power": Turned((0.0, 1.0), -1.0),
    "normalization": Turned(("none", "movie_damped"), "median"),
    "damping": Turned((0.0, 100.0), -1.0),
    "movie_bias": Turned((False,), "no"),
    "iterations": Turned((1, 4), 0),
    "test_fraction": Turned((0.1, 0.5), 1.5),
    "seed": Turned((1, 2), -1),
    "user_id": Turned((1, 30), 1_000_000),
}

# Of one chapter, instead of the above
OF_CHAPTER = {
    "00_first_look": {"epochs": Turned((1, 30), 0)},
    "04_evaluation": {"original_epochs": Turned((1, 30), 0)},
    "05_inspection": {
        "n_recommendations": Turned((1, 30), 0),
        "min_ratings": Turned((0, 100), 1_000_000),
        "n_newcomers": Turned((1, 40), 1_000_000),
        "my_ratings": Turned(
            ({"Fargo": 5}, {"Titanic (1997)": 0.5, "Fargo": 0.5}), {"No Such Movie": 5}
        ),
    },
    "06_sweep": {
        "sweep_folder": Turned((), "no/such/folder"),
        "workers": Turned((1, 2), -1),
    },
    "07_scale": {"sizes": Turned(([10_000, 30_000], [50_000]), [])},
    "08_uncertainty": {
        "chains": Turned((1, 3), 0),
        "iterations": Turned((12, 40), 0),
        "burn_in": Turned((0, 15), 1_000),
        "n_samples": Turned((2, 10), 0),
    },
    "09_your_own_ratings": {
        "ratings_path": Turned(("../data/movielens_2016/ratings.csv",), "no_such_file.csv"),
        "user_column": Turned(("userId",), "reader"),
        "item_column": Turned(("movieId",), "reader"),
        "rating_column": Turned(("rating",), "reader"),
        "timestamp_column": Turned(("timestamp",), "reader"),
        "kind": Turned(("ratings", "likes"), "stars"),
        "titles_path": Turned(("../data/movielens_2016/movies.csv",), "no_such_file.csv"),
        "scale": Turned(([0.5, 5], [0, 10]), [5, 1]),
        "on_duplicate": Turned(("mean", "error"), "both"),
        "quick": Turned((True,), "no"),
        "user": Turned(("1", "30"), "nobody"),
        "newcomer_path": Turned((), "no_such_file.csv"),
        "model_path": Turned((), "TMP/no/such/folder/model.npz"),
    },
    "10_bugs": {"n_lottery": Turned((2, 10), 0)},
    "11_ranking": {
        "threshold": Turned((3.0, 5.0), 9.0),
        "list_length": Turned((1, 20), 0),
        "epochs": Turned((1, 3), -1),
    },
    "12_in_use": {
        "n_features": Turned((2, 24), 0),
        "threshold": Turned((3.0, 5.0), 9.0),
        "list_length": Turned((1, 20), 0),
        "rounds": Turned((1, 3), 0),
        "n_logs": Turned((2, 150), 0),
    },
    "13_original": {
        "lam": Turned((0.5, 10.0), -1.0),
        "learning_rate": Turned((0.02, 0.3), 0.0),
        "epochs": Turned((1, 30), 0),
        "user_index": Turned((0, 29), 1_000_000),
        "split_seed": Turned((1, 2), -1),
    },
}

# What costs time and does not matter for the parameter that is turned
CHEAP = {
    "00_first_look": {"epochs": 30},
    "03_training": {"iterations": 5},
    "04_evaluation": {"iterations": 5, "original_epochs": 30},
    "05_inspection": {"iterations": 5, "n_newcomers": 40},
    "07_scale": {"sizes": [10_000, 30_000], "n_features": 8},
    "08_uncertainty": {"iterations": 30, "burn_in": 10, "n_samples": 10},
    "09_your_own_ratings": {"quick": True},
    "10_bugs": {"n_lottery": 4},
    "11_ranking": {"epochs": 1},
    "12_in_use": {"n_features": 16, "rounds": 2, "n_logs": 20},
    "13_original": {"epochs": 30, "n_features": 20},
}


@dataclass
class Asked:
    """What a "Try it" asks for: the beginning of its text, and how to do it."""

    text: str
    parameters: dict[str, Any] = field(default_factory=dict)
    edits: list[tuple[str, str]] = field(default_factory=list)  # (old, new) in the code of a cell
    then: str = ""  # code in a cell at the end
    on_paper: bool = False  # nothing is run


W = "W = tf.Variable(tf.random.normal([n_users, n_features]))"
X = "X = tf.Variable(tf.random.normal([n_movies, n_features]))"

# In the order of each chapter's end. The chapter's other parameters keep their defaults.
TRY_IT = {
    "00_first_look": [
        Asked("Choose another `user_id`", {"user_id": 100}),
        Asked("Write down a guess", on_paper=True),
    ],
    "01_loading": [
        Asked("Before you run it", then="sorted(ratings.movie_counts)[-100:]"),
        Asked("Change `dataset`", {"dataset": "movielens_2016"}),
        Asked("Find the user whose ratings vary least", on_paper=True),
        Asked("On paper: which weights", on_paper=True),
    ],
    "02_normalization": [
        Asked("What does", on_paper=True),
        Asked("The user means here", on_paper=True),
        Asked("Set `test_fraction` to 0.9", {"test_fraction": 0.9}),
    ],
    "03_training": [
        Asked("Derive the normal equations", on_paper=True),
        Asked(
            "Give `fit_als` another `seed`",
            then="other = fit_als(outer.train, settings, seed=1); abs(other.X - final.X).max()",
        ),
        Asked("Set `normalization` to", {"normalization": "none"}),
    ],
    "04_evaluation": [
        Asked("Draw the test set with five other seeds", {"seed": 1}),
        Asked("Which users are predicted worst?", on_paper=True),
        Asked("The movies without a training rating", on_paper=True),
    ],
    "05_inspection": [
        Asked("Look at another user", {"user_id": 100}),
        Asked("Set `min_ratings` to 0", {"min_ratings": 0}),
        Asked(
            "Find two users",
            then="twin = people.similar_users(model, user_id, 1)['userId'].iloc[0]\n"
            "theirs = people.history(ratings, twin)['movieId']\n"
            "theirs.isin(history['movieId']).mean()",
        ),
        Asked("Put your own ratings into", {"my_ratings": {"Fargo": 5, "Alien": 2}}),
        Asked("Set `normalization` to", {"normalization": "movie_damped"}),
    ],
    "06_sweep": [
        Asked("Run `make sweep`", on_paper=True),
        Asked("Add `seeds:", on_paper=True),
        Asked("Sweep `damping` and", on_paper=True),
    ],
    "07_scale": [
        Asked(
            "At which number of features",
            {"sizes": [10_000]},
            then='next(k for k in range(1, 999) if cost(1e6, k)["rows\' part"] > '
            'cost(1e6, k)["ratings\' part"])',
        ),
        Asked(
            "Add `10_000_000` to", {"sizes": [100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]}
        ),
        Asked("The dense definition refuses", on_paper=True),
    ],
    "08_uncertainty": [
        Asked("Set `iterations`", {"iterations": 15, "burn_in": 4, "n_samples": 6}),
        Asked("Shuffle the rows", on_paper=True),
        Asked("Which users have the largest noise", then="model.sample_noise"),
        Asked(
            "In a new cell, train",
            then="import dataclasses\n"
            "fit_bayes(part.train, dataclasses.replace(settings, mask_damping=0.01))",
        ),
    ],
    "09_your_own_ratings": [
        Asked("Multiply the ratings", on_paper=True),
        Asked(
            "Give a newcomer a single rating",
            {"quick": True},
            then="one = dict(list(newcomer.items())[:1])\n"
            "people.recommend_person(model, one), people.new_user_list(model)",
        ),
        Asked("Leave out all items", on_paper=True),
    ],
    "10_bugs": [
        Asked("Which of the eight", on_paper=True),
        Asked("In 2, leave out the pairs", on_paper=True),
        Asked("In 8, change the size", on_paper=True),
        Asked("Take a recommender of your own", on_paper=True),
    ],
    "11_ranking": [
        Asked("Set `epochs` to 1, and then to 20", {"epochs": 1}),
        Asked("Set `threshold` to 3.0", {"threshold": 3.0, "epochs": 1}),
        Asked("In `Likes.negatives`", on_paper=True),
    ],
    "12_in_use": [
        Asked("Set `n_features` to 16", {"n_features": 16}),
        Asked("Set `rounds` to 30", {"rounds": 30}),
        Asked(
            "In `policies`, give the second policy",
            edits=[('"1 place in 10 at random": 0.1', '"1 place in 10 at random": 0.3')],
        ),
        Asked(
            "Give the new policy",
            edits=[("in_use.policy(2 * liking)", "in_use.policy(6 * liking)")],
        ),
    ],
    "13_original": [
        Asked("Choose another `user_index`", {"user_index": 100}),
        Asked("In question 5, find the user", on_paper=True),
        Asked(
            "Draw `X` before `W`",
            edits=[(f"{W}\n{X}", f"{X}\n{W}")],
        ),
        Asked("Set `lam` to 10", {"lam": 10.0}),
    ],
}

# Identifiers of the tests that fail. This should be empty.
KNOWN: set[str] = set()
