"""The course's claims: each says what it is, and the table holds what was found for it."""

import pytest

from benchmarks.claims import __main__ as claims
from benchmarks.claims import tools

claims.collect()
ALL = [(chapter, name) for chapter, of in tools.CLAIMS.items() for name in of]


@pytest.mark.parametrize(("chapter", "name"), ALL)
def test_a_claim_is_one_sentence_and_what_is_stored_was_found_for_that_sentence(chapter, name):
    function, outcome = tools.CLAIMS[chapter][name]
    sentence = " ".join(function.__doc__.split())
    assert sentence.endswith(".")
    assert outcome in ("stands", "reworded", "removed", "open")
    found = claims.stored(chapter).get(name)
    if found:
        assert found["claim"] == sentence
        assert found["holds"] or outcome in ("removed", "open")


def test_the_table_is_that_of_the_stored_results():
    assert claims.table() == (claims.RESULTS / "claims.md").read_text(encoding="utf-8")


def test_what_no_claim_is_called_is_refused():
    with pytest.raises(SystemExit, match="no claim or chapter is called moon"):
        claims.main(["moon"])
