"""docs/reliability.md: each promise names a test, and that test exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_each_promise_names_a_test_that_exists():
    lines = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines()
    promises = [line for line in lines if line.startswith("| ") and not line.startswith("| **")]
    assert len(promises) > 15
    for line in promises[1:]:
        named = re.search(r"`(tests/[\w/]+\.py)::(test_\w+)`", line)
        assert named, line
        code = (ROOT / named[1]).read_text(encoding="utf-8")
        assert re.search(rf"^def {named[2]}\(", code, re.MULTILINE), line
