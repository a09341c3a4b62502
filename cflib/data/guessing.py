"""What the columns of a file are, after their names; and what kind of feedback its values are.

Names are compared without case, blanks and underscores, with those that are common. The kind is
found out from all values, by rules that `kind_of` states. Whatever was guessed is said in a
sentence, and an argument of `data.read` overrules it.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from ..ratings import KINDS
from .files import Columns, Source, TextFile, shown

ROLES = ("user", "item", "rating", "timestamp")
USUAL = dict(zip(ROLES, ("userId", "movieId", "rating", "timestamp"), strict=True))
COMMON = {  # names of columns in lower case, letters and digits only; the likeliest first
    "user": """userid user uid users username userkey useridx usr reader readerid customer
        customerid client clientid member memberid person personid visitor visitorid reviewer
        reviewerid listener listenerid player playerid viewer viewerid account accountid profile
        profileid buyer buyerid shopper author authorid rater raterid who cook cookid session
        sessionid""",
    "item": """movieid movie itemid item iid items itemidx film filmid isbn isbn13 bookid book
        asin parentasin productid product sku article articleid trackid track songid song artistid
        artist albumid album recipeid recipe gameid game appid app animeid anime beerid beer jokeid
        joke businessid business restaurantid restaurant placeid place venueid venue hotelid hotel
        courseid course showid show videoid video podcastid podcast contentid content stockcode
        title name what""",
    "rating": """rating ratings stars star score scores userrating bookrating movierating
        starrating reviewscore overall grade grades vote votes mark points value preference pref
        feedback thumb thumbs liked like likes isliked recommended plays playcount nplays count
        counts listens listencount clicks views visits quantity qty purchases hours hoursplayed
        weight r""",
    "timestamp": """timestamp time ts unixtime unixreviewtime timestampunix ratedat createdat
        datetime date when ratingdate reviewtime reviewdate day""",
}
CLOSE = 0.8  # likeness from which on a name is taken for a common one that is misspelt
WIDE_FROM = 6  # columns
N_FIRST = 5  # rows that are looked at
LONGEST = 1_000  # characters of a list of names in a message
COUNTS_ABOVE = 10  # a scale up to here is never taken for counts
SCALES_TO = 100  # nor one up to here, unless the ones are very frequent
SHARE_OF_ONES = 0.2
LONG_TAIL = 10.0  # the largest count, in medians
IN_TOP_HALF = 0.05  # share of counts above half of the largest
CODES = (99, 999, 9999, 99999, 88, 77, -1, -9, -99, -999, -9999)  # often stand for "not rated"


@dataclasses.dataclass(frozen=True)
class Guess:
    """What a file holds: see `data.guess`.

    Attributes
    ----------
    columns : Columns
    kind : str
        A key of `ratings.KINDS`.
    notes : list of str
        Sentences about what was guessed. Arguments of `data.read` stand between backquotes.
    """

    columns: Columns
    kind: str
    notes: list[str]


# Columns ----------------------------------------------------------------------------------------


def named(
    source: Source,
    user: str | None,
    item: str,
    rating: str | None,
    timestamp: str | None,
) -> tuple[Source, Columns, list[str]]:
    """The file, its columns, and a sentence about those that were guessed.

    Parameters
    ----------
    source : Source
        Of a text file without a header the columns get their names here: those that are given, in
        the order user, item, rating, timestamp; or at the places that are given as numbers.
    user, item, rating, timestamp : str or None
        Names of columns; "auto" for a guess; None where there is none.

    Raises
    ------
    ValueError
        Where the column of users or of items cannot be guessed; it says what to pass.
    """
    names: dict[str, str | None] = {
        "user": user,
        "item": item,
        "rating": rating,
        "timestamp": timestamp,
    }
    if isinstance(source, TextFile) and not source.has_header:
        return _without_header(source, names)
    taken = {name for name in names.values() if name not in (None, "auto")}
    guessed: dict[str, str] = {}
    for likely in (_common, _misspelt):
        for role in ROLES:
            if names[role] == "auto" and role not in guessed:
                column = likely(role, [name for name in source.names if name not in taken])
                if column is not None and (role != "timestamp" or _has_times(source, column)):
                    guessed[role] = column
                    taken.add(column)
    _by_elimination(source, names, guessed, taken)
    for role in ("user", "item"):
        if names[role] == "auto" and role not in guessed:
            raise _not_guessed(source, role)
    chosen = {role: guessed.get(role) if name == "auto" else name for role, name in names.items()}
    notes = _sentence(chosen, guessed)
    return source, Columns(**chosen), notes  # type: ignore[arg-type]  # item is not None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _common(role: str, names: Sequence[str]) -> str | None:
    """The column whose name is the likeliest for a role."""
    plain = [_plain(name) for name in names]
    return next(
        (names[plain.index(usual)] for usual in COMMON[role].split() if usual in plain), None
    )


def _misspelt(role: str, names: Sequence[str]) -> str | None:
    """The column whose name differs by a letter or two from a common one."""
    usual = [name for name in COMMON[role].split() if len(name) >= 5]
    close = (name for name in names if difflib.get_close_matches(_plain(name), usual, 1, CLOSE))
    return next(close, None)


def _has_times(source: Source, column: str) -> bool:
    """Whether a column called like times has some; one called "timestamp" should."""
    return column == USUAL["timestamp"] or source.time_type(column) is not None


def _by_elimination(
    source: Source, names: dict[str, str | None], guessed: dict[str, str], taken: set
) -> None:
    """Of user and item, the one that is not known yet is the only column that is left."""
    left = [name for name in source.names if name not in taken]
    unknown = [role for role in ("user", "item") if names[role] == "auto" and role not in guessed]
    if len(left) == 1 and len(unknown) == 1 and len(source.names) > 2:
        guessed[unknown[0]] = left[0]


def _sentence(chosen: dict[str, str | None], guessed: dict[str, str]) -> list[str]:
    """Which column is what, if a name that is not MovieLens' was guessed."""
    if all(column == USUAL[role] for role, column in guessed.items()):
        return []
    parts = [f"{column!r} is the {role}" for role, column in chosen.items() if column is not None]
    arguments = ", ".join(f"`{role}`" for role in guessed)
    return [f"Of the columns, {', '.join(parts)}. If not, pass {arguments}."]


def _without_header(
    source: TextFile, names: dict[str, str | None]
) -> tuple[Source, Columns, list[str]]:
    columns = list(source.names)
    chosen = dict(names)
    free = list(range(len(columns)))
    for role, name in names.items():
        if name is not None and name.isdigit():
            at = int(name) - 1
            if at not in free:
                raise ValueError(
                    f"{source.path}: `{role}` should be the number of a column from 1 to "
                    f"{len(columns)}, each used once. Received: {name!r}"
                )
            free.remove(at)
            columns[at] = chosen[role] = role
    for role, name in names.items():
        if name is None or name.isdigit():
            continue
        if not free:
            if name != "auto" or role in ("user", "item"):
                raise ValueError(
                    f"{source.path}: without a header, the columns are user, item, rating and "
                    f"time, in this order. Received: {len(columns)} column(s)."
                )
            chosen[role] = None
            continue
        if role == "timestamp" and name == "auto" and not _is_time_at(source, free[0]):
            chosen[role] = None
            continue
        columns[free[0]] = chosen[role] = role if name == "auto" else name
        free.pop(0)
    renamed = dataclasses.replace(source, names=tuple(columns))
    order = sorted((columns.index(name), role) for role, name in chosen.items() if name is not None)
    told = ", ".join(f"column {at + 1} is the {role}" for at, role in order)
    notes = [f"There is no header: {told}."]
    return renamed, Columns(**chosen), notes  # type: ignore[arg-type]  # item is not None


def _is_time_at(source: TextFile, at: int) -> bool:
    return source.time_type(source.names[at]) is not None


def _not_guessed(source: Source, role: str) -> ValueError:
    """The error for a column that cannot be guessed; says what the file seems to be instead."""
    present = some_names(source.names)
    if looks_wide(source):
        return ValueError(
            f"{source.path}: this looks like a table with a line for each user and a column for "
            f"each item. Its columns: {present}. If it is, pass `wide=True`. Else say which column "
            "holds what with `user`, `item`, `rating` and `timestamp`."
        )
    if looks_like_data(source.names):
        return ValueError(
            f"{source.path}: there is no column of {role}s: the first line looks like data. It "
            f"is: {present}. If the file has no header, pass `header=False`."
        )
    examples = {"user": "userId, user, uid, reader", "item": "movieId, item, isbn, product_id"}
    return ValueError(
        f"{source.path}: no column has a usual name of {role}s ({examples[role]}, …). Its columns: "
        f"{present}. Say which of them holds what with `user`, `item`, `rating` and `timestamp`; "
        "or, if these are not the columns, what separates them with `separator`."
    )


def some_names(names: Sequence[str], n: int = 20) -> str:
    """Names of columns for a message; of many, the first few."""
    more = f", … ({len(names):,} in all)" if len(names) > n else ""
    return ", ".join(shown(name, 60) for name in names[:n])[:LONGEST] + more


def looks_like_data(names: Iterable[str]) -> bool:
    """Whether the names of columns are values, since one of them is a number."""
    return any(re.fullmatch(r"\s*[-+]?\d+([.,]\d+)?\s*", name) for name in names)


def looks_wide(source: Source) -> bool:
    """Whether there are many columns, and all but the first hold numbers or nothing."""
    names = source.names
    if len(names) < WIDE_FROM or len(set(names)) < len(names) or _common("item", names):
        return False
    if isinstance(source, TextFile):
        rows = [fields[1:] for _, fields in itertools.islice(source.rows(), N_FIRST)]
        cells = list(itertools.chain.from_iterable(rows))
    else:
        frame = source.frame().iloc[:N_FIRST, 1:]
        cells = ["" if value != value else str(value) for value in frame.to_numpy().ravel()]
    return bool(cells) and all(_is_cell(cell) for cell in cells)


def _is_cell(text: str) -> bool:
    plain = text.strip().lower()
    if plain in ("", "na", "nan", "null", "none", "-", "?"):
        return True
    return re.fullmatch(r"[-+]?\d+([.,]\d+)?", plain) is not None


def nearest(name: str, names: Sequence[str]) -> str:
    """A question for a message, such as whether "readr" means "reader"; or nothing."""
    plain = {_plain(other): other for other in names}
    close = difflib.get_close_matches(_plain(name), plain, 1, 0.6)
    return f" Did you mean {plain[close[0]]!r}?" if close else ""


# Kinds ------------------------------------------------------------------------------------------


def kind_of(value: np.ndarray) -> str:
    """What kind of feedback some values are: a key of `ratings.KINDS`.

    likes: all are equal, and not 0.
    thumbs: only 0 and 1 occur, or only -1 and 1.
    counts: the values are whole, none is negative, and the largest is above 10, with a long tail:

    - up to a largest value of 100, the ones are most frequent and at least 20 % of all: scales to
      20 or 100, percentages included, use their whole range, and 1 is rare on them;
    - beyond 100, the largest is at least ten times the median;
    - in both cases at most 5 % of the values lie above half of the largest, since a scale ends
      where people like things most, and counts just get rarer.

    ratings: all else; also where a value such as 99 lies far from all others (see `code_in`).

    Parameters
    ----------
    value : float32, (n,)
        Finite.
    """
    distinct, count = distinct_values(value)
    if len(distinct) == 1:
        return "likes" if distinct[0] != 0 and count[0] > 1 else "ratings"
    if len(distinct) == 2 and distinct[1] == 1 and distinct[0] in (0, -1):
        return "thumbs"
    return "counts" if _are_counts(distinct, count) else "ratings"


def distinct_values(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values that occur, ascending, and how often each does; without sorting all of them."""
    counted = pa.array(value).value_counts()
    distinct = counted.field("values").to_numpy()
    order = np.argsort(distinct)
    return distinct[order], counted.field("counts").to_numpy()[order]


def _are_counts(distinct: np.ndarray, count: np.ndarray) -> bool:
    if distinct[0] < 0 or distinct[-1] <= COUNTS_ABOVE or (distinct != np.rint(distinct)).any():
        return False
    if code_in(distinct, count) is not None:
        return False
    positive = distinct > 0
    distinct, count = distinct[positive], count[positive]
    n, largest = count.sum(), distinct[-1]
    if count[distinct > largest / 2].sum() > max(1, IN_TOP_HALF * n):  # 1: the largest itself
        return False
    if largest <= SCALES_TO:
        ones = count[0] if distinct[0] == 1 else 0
        return bool(ones == count.max() and ones >= SHARE_OF_ONES * n)
    median = distinct[np.searchsorted(np.cumsum(count), n / 2)]
    return bool(largest >= LONG_TAIL * median)


def code_in(distinct: np.ndarray, count: np.ndarray) -> float | None:
    """A value that seems to stand for "not rated": 99 among ratings from -10 to 10, for example.

    It is one of `CODES`, occurs at least twice, is the lowest or the highest of all, and is further
    from its neighbour than all others are from each other. Or it is -1, and the others begin at 1.

    Parameters
    ----------
    distinct : float, (n,)
        Ascending.
    count : int, (n,)
        How often each occurs.
    """
    if len(distinct) < 3:
        return None
    top, bottom = float(distinct[-1]), float(distinct[0])
    if top in CODES and count[-1] > 1 and top - distinct[-2] > distinct[-2] - distinct[0]:
        return top
    others = distinct[1:]
    is_apart = others[0] - bottom > others[-1] - others[0] or (bottom == -1 and others[0] >= 1)
    if bottom < 0 and bottom in CODES and count[0] > 1 and others[0] >= 0 and is_apart:
        return bottom
    return None


def check_kind(kind: str) -> None:
    """Raise ValueError for a kind that there is not."""
    if kind != "auto" and kind not in KINDS:
        raise ValueError(
            f"`kind` should be 'auto' or one of {', '.join(KINDS)}. Received: {kind!r}"
        )
