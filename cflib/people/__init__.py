"""One person at a time: what they rated, what is recommended and why, what resembles what.

    titles      a title that somebody typed, and ratings that somebody wrote down
    new_user    a new user folded in, the reasons of a prediction; a new movie
    lists       a user's history, and recommendations: ranked, filtered, diversified
    similarity  similar movies, similar users, the map of the movies
    blocks      lists for many users, a block of them at a time
    elicit      which movies to ask somebody new about
    cold_start  how well users are served whom training has not seen
    wording     a model and its lists in the words of the file that it was trained on

Every function takes ids, as the data file has them, or titles, and returns a tidy frame with
titles.
"""

from . import cold_start
from .blocks import allowed_items, list_for, lists_in_blocks
from .elicit import questions
from .lists import history, new_user_list, recommend, recommend_new
from .new_user import NewUser, explain, fold_in, fold_in_movie, solved
from .similarity import Map, movie_map, similar, similar_users
from .titles import find_movies, movie_id_of, own_ratings
from .wording import (
    columns_of,
    describe,
    empty_columns,
    known_item,
    known_ratings,
    known_user,
    read_items,
    read_person,
    recommend_person,
    recommend_user,
    worded,
)

__all__ = [
    "Map",
    "NewUser",
    "allowed_items",
    "cold_start",
    "columns_of",
    "describe",
    "empty_columns",
    "explain",
    "find_movies",
    "fold_in",
    "fold_in_movie",
    "history",
    "known_item",
    "known_ratings",
    "known_user",
    "list_for",
    "lists_in_blocks",
    "movie_id_of",
    "movie_map",
    "new_user_list",
    "own_ratings",
    "questions",
    "read_items",
    "read_person",
    "recommend",
    "recommend_new",
    "recommend_person",
    "recommend_user",
    "similar",
    "similar_users",
    "solved",
    "worded",
]
