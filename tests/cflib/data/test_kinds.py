"""What values mean: ratings, likes, counts or thumbs, found out or declared."""

import numpy as np
import pandas as pd
import pytest

from cflib import data
from cflib.data.guessing import kind_of

PAIRS = [(u, i) for u in range(40) for i in range(50)]
N = len(PAIRS)
RNG = np.random.default_rng(0)


def write(tmp_path, values=None, name="mine.csv", column="value"):
    """A file with a value for each pair of 40 users and 50 items."""
    frame = pd.DataFrame(PAIRS, columns=["user", "item"])
    if values is not None:
        frame[column] = values
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


def same(path, **arguments):
    """The ratings in a file, of which `guess` says what `read` finds."""
    ratings = data.read(path, **arguments)
    guess = data.guess(path, **arguments)
    assert guess.kind == ratings.kind and " ".join(guess.notes) == ratings.note
    return ratings


# Likes ------------------------------------------------------------------------------------------


def test_users_and_items_without_a_rating_are_likes_and_a_sentence_says_so(tmp_path):
    ratings = same(write(tmp_path))
    assert ratings.kind == "likes" and ratings.scale == (0, 1) and (ratings.value == 1).all()
    assert "no column of ratings: each line is a like" in ratings.note
    assert "2,000 likes of 50 movies" in data.describe(ratings)


def test_purchases_with_a_time_and_a_price_are_likes(tmp_path):
    path = tmp_path / "purchases.csv"
    path.write_text(
        "customer_id,product_id,price,date\n17,A-1,9.90,2024-05-01\n17,B-2,3.50,2024-05-02\n"
        "21,A-1,9.90,2024-06-01\n"
    )
    ratings = same(path)
    assert ratings.kind == "likes" and ratings.timestamp[0] == 1_714_521_600
    assert "'customer_id' is the user, 'product_id' is the item" in ratings.note


def test_a_log_with_repeated_pairs_is_counted(tmp_path):
    path = tmp_path / "listens.csv"
    path.write_text("user,track,timestamp\na,x,10\nb,x,20\na,x,30\na,y,40\na,x,50\n")
    ratings = same(path)
    assert ratings.kind == "counts" and ratings.scale == (1, 3) and len(ratings.repeats) == 0
    assert ratings.value.tolist() == [1, 1, 3] and ratings.timestamp.tolist() == [20, 40, 50]
    likes = data.read(path, kind="likes")
    assert likes.kind == "likes" and likes.value.tolist() == [1, 1, 1] and len(likes.repeats) == 2


def test_a_rating_column_can_be_ignored(tmp_path):
    path = write(tmp_path, RNG.integers(1, 6, N), column="rating")
    assert data.read(path, rating=None).kind == "likes"


def test_ratings_that_are_all_equal_are_likes(tmp_path):
    path = write(tmp_path, np.full(N, 5))
    ratings = same(path)
    assert ratings.kind == "likes" and (ratings.value == 1).all()
    assert "All values of 'value' are 5" in ratings.note
    assert data.read(path, kind="ratings").value.max() == 5
    assert data.read(path, scale=(1, 5)).kind == "ratings"


def test_a_like_twice_is_a_like(tmp_path):
    path = tmp_path / "likes.csv"
    path.write_text("user,item,like\n1,2,1\n1,3,1\n1,2,1\n")
    ratings = data.read(path)
    assert ratings.n_ratings == 2
    assert data.quality_report(ratings)["count"]["lines that rate the same item again"] == 1


# Counts -----------------------------------------------------------------------------------------

COUNTS = {
    "plays": np.clip(RNG.pareto(1, N) * 3 + 1, 1, 463).astype(int),
    "plays of whole albums": np.rint(np.exp(RNG.normal(4.5, 1.5, N))) + 1,
    "purchases": RNG.geometric(0.4, N),
    "visits, with zeros": RNG.geometric(0.3, N) - 1 + 40 * (np.arange(N) == 7),
}
RATINGS = {
    "stars": RNG.integers(1, 6, N),
    "half stars": RNG.integers(1, 11, N) / 2,
    "1 to 10": RNG.integers(1, 11, N),
    "1 to 10, harsh": np.clip(RNG.geometric(0.5, N), 1, 10),
    "0 to 100": RNG.integers(0, 101, N),
    "percentages, mostly high": np.clip(100 - RNG.geometric(0.1, N), 0, 100),
    "percentages, mostly low": np.clip(np.rint(RNG.exponential(12, N)), 0, 100),
    "1 to 20": RNG.integers(1, 21, N),
    "jokes": np.round(RNG.uniform(-10, 10, N), 2),
    "stars, 99 for none": np.where(RNG.random(N) < 0.02, 99, RNG.integers(1, 6, N)),
    "0 to 1000": RNG.integers(0, 1001, N),
}


@pytest.mark.parametrize("values", COUNTS.values(), ids=COUNTS)
def test_counts_are_recognised_by_their_distribution(tmp_path, values):
    path = write(tmp_path, values)
    ratings = same(path)
    assert ratings.kind == "counts" and ratings.scale == (values[values > 0].min(), values.max())
    assert ratings.n_ratings == (values > 0).sum() and "counts" in ratings.note
    assert '`kind="ratings"`' in ratings.note
    overruled = data.read(path, kind="ratings")
    assert overruled.kind == "ratings" and overruled.n_ratings == N


@pytest.mark.parametrize("values", RATINGS.values(), ids=RATINGS)
def test_ratings_on_a_scale_are_not_taken_for_counts(tmp_path, values):
    path = write(tmp_path, values)
    assert same(path).kind == "ratings" == kind_of(np.asarray(values, np.float32))


def test_counts_can_be_declared_for_what_is_not_recognised(tmp_path):
    path = write(tmp_path, RNG.exponential(3, N).round(1))  # hours
    assert data.read(path).kind == "ratings"
    ratings = data.read(path, kind="counts")
    assert (
        ratings.kind == "counts" and (ratings.value > 0).all() and "of 0 left out" in ratings.note
    )
    with pytest.raises(ValueError, match="line 2, column 'value': a count should not be negative"):
        data.read(write(tmp_path, -np.ones(N)), kind="counts")


def test_the_bundled_ratings_are_ratings():
    ratings = data.load("movielens_2016")
    assert ratings.kind == "ratings" == kind_of(ratings.value)


# Thumbs -----------------------------------------------------------------------------------------

WORDS = [
    ("1", "0"),
    ("1", "-1"),
    ("1.0", "0.0"),
    ("True", "False"),
    ("TRUE", "FALSE"),
    ("up", "down"),
    ("thumbs_up", "thumbs_down"),
    ("like", "dislike"),
    ("Yes", "No"),
    ("y", "n"),
]


@pytest.mark.parametrize(("up", "down"), WORDS)
def test_thumbs_are_likes_and_dislikes(tmp_path, up, down):
    liked = RNG.random(N) < 0.6
    ratings = same(write(tmp_path, np.where(liked, up, down)))
    assert ratings.kind == "thumbs" and ratings.scale == (0, 1) and ratings.like_threshold == 1
    np.testing.assert_array_equal(ratings.value, liked)
    assert "dislikes" in ratings.note


def test_a_word_that_is_no_thumb_is_refused_with_its_line(tmp_path):
    values = ["up", "down"] * (N // 2)
    values[10] = "sideways"
    with pytest.raises(ValueError, match=r"line 12, column 'value': a thumb .*'sideways'"):
        data.read(write(tmp_path, values))


def test_words_are_no_ratings(tmp_path):
    path = write(tmp_path, ["T", "F"] * (N // 2))
    assert data.read(path).kind == "thumbs"
    with pytest.raises(ValueError, match=r"line 2, column 'value': a rating .*'T'.*kind=\"thumbs"):
        data.read(path, kind="ratings")
    assert data.read(write(tmp_path, [0, 1] * (N // 2)), kind="ratings").scale == (0, 1)


def test_other_numbers_than_0_and_1_are_no_thumbs(tmp_path):
    with pytest.raises(ValueError, match="a thumb should be 1 or 0"):
        data.read(write(tmp_path, RNG.integers(0, 3, N)), kind="thumbs")


def test_booleans_are_thumbs_in_parquet_too(tmp_path):
    frame = pd.DataFrame(PAIRS, columns=["user", "item"]).assign(liked=[True, False] * (N // 2))
    frame.to_parquet(tmp_path / "thumbs.parquet")
    ratings = data.read(tmp_path / "thumbs.parquet")
    assert ratings.kind == "thumbs" and ratings.value[:2].tolist() == [1, 0]


def test_a_dislike_is_not_reported_as_a_rating_of_0(tmp_path):
    ratings = data.read(write(tmp_path, [0, 1] * (N // 2)))
    report = data.quality_report(ratings)
    assert report["count"]["ratings of 0 (does it mean 'not rated'?)"] == 0


# Not rated --------------------------------------------------------------------------------------


def test_99_for_not_rated_is_named_as_odd_and_left_out_on_request(tmp_path):
    values = RATINGS["jokes"].copy()
    values[: N // 3] = 99
    path = write(tmp_path, values)
    report = data.quality_report(data.read(path))
    (oddity,) = [text for text in report.index if "`missing=99`" in text]
    assert report["count"][oddity] == N // 3
    ratings = same(path, missing=99)
    assert ratings.n_ratings == N - N // 3 and ratings.scale[1] <= 10
    assert f"{N // 3} lines with '99' in 'value' left out" in ratings.note
    assert not any("missing" in text for text in data.quality_report(ratings).index)


def test_minus_1_among_ratings_from_1_is_named_as_odd(tmp_path):
    report = data.quality_report(data.read(write(tmp_path, RNG.choice([-1, *range(1, 11)], N))))
    assert any("`missing=-1`" in text for text in report.index)


@pytest.mark.parametrize("text", ["NA", "", "-"])
def test_a_word_for_not_rated_is_named_in_the_error_and_left_out_on_request(tmp_path, text):
    values = [str(1 + i % 5) for i in range(N)]
    values[5] = values[6] = text
    path = write(tmp_path, values)
    with pytest.raises(ValueError, match=f'line 7, .*`missing="{text}"`'):
        data.read(path)
    ratings = data.read(path, missing=text)
    assert ratings.n_ratings == N - 2 and ratings.value[5] == 1 + 7 % 5


def test_thumbs_may_be_missing_too(tmp_path):
    path = write(tmp_path, ["?", "up", "down", "down"] * (N // 4))
    assert data.read(path, missing="?").value[:3].tolist() == [1, 0, 0]


def test_what_is_left_out_takes_its_ids_with_it_and_lines_keep_their_numbers(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("user,item,rating\na,x,99\nb,y,3\nb,z,99\nb,w,4\nb,y,2\n")
    with pytest.raises(ValueError, match=r"line 6: user b rated y before, in line 3"):
        data.read(path, missing=99)
    ratings = data.read(path, missing=99, on_duplicate="last")
    assert ratings.user_ids.tolist() == ["b"] and ratings.movie_ids.tolist() == ["w", "y"]
    path.write_text("user,item,rating\n" + "a,x,99\n" * 5)
    with pytest.raises(ValueError, match="all 5 values"):
        data.read(path, missing=99)


def test_a_null_in_parquet_or_json_is_left_out_on_request(tmp_path):
    frame = pd.DataFrame({"user": [1, 1, 2], "item": [1, 2, 2], "rating": [3.0, None, 5.0]})
    table = frame.astype({"rating": "Float64"})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_json(tmp_path / "a.json", orient="records")
    for name in ("a.parquet", "a.json"):
        with pytest.raises(ValueError, match=r'row 2, column \'rating\'.*`missing="null"`'):
            data.read(tmp_path / name)
        assert data.read(tmp_path / name, missing="null").value.tolist() == [3, 5]


def test_no_other_kind_is_taken(tmp_path):
    with pytest.raises(ValueError, match="`kind` should be 'auto' or one of ratings, likes"):
        data.read(write(tmp_path), kind="stars")


def test_a_saved_set_keeps_its_kind(tmp_path):
    data.save(data.read(write(tmp_path)), tmp_path / "set")
    assert data.open(tmp_path / "set").kind == "likes"


# Ids --------------------------------------------------------------------------------------------


def test_ids_that_differ_only_in_zeros_are_reported(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("user,item,rating\n007,x,3\n7,y,4\n7.0,x,2\n70,y,1\n8,x,5\n 8,y,2\n")
    ratings = data.read(path)
    assert ratings.n_users == 6
    report = data.quality_report(ratings)
    assert report["examples"]["user ids that differ only in zeros"] == "007, 7, 7.0"
    assert report["examples"]["user ids that differ only in case or spaces"] == " 8, 8"
    assert report["count"]["item ids that differ only in zeros"] == 0
