"""One person at a time: what they rated, what is recommended and why, what resembles what.

    lists      a user's history, and recommendations: ranked, filtered, diversified
    titles     a title that somebody typed, and ratings that somebody wrote down
    newcomer   a new user folded in, the reasons of a prediction; a new film
    asking     which films to ask somebody new about
    likeness   similar films, similar people, the map of the films

Every function takes ids, as the data file has them, or titles, and returns a tidy frame with
titles.
"""

from .asking import questions
from .likeness import Map, movie_map, similar, similar_users
from .lists import history, new_user_list, recommend, recommend_new, top_n
from .newcomer import NewUser, explain, fold_in, fold_in_movie, solved
from .titles import find_movies, movie_id_of, own_ratings

__all__ = [
    "Map", "NewUser", "explain", "find_movies", "fold_in", "fold_in_movie", "history",
    "movie_id_of", "movie_map", "new_user_list", "own_ratings", "questions", "recommend",
    "recommend_new", "similar", "similar_users", "solved", "top_n",
]  # fmt: skip
