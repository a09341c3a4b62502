"""`python -m benchmarks.claims`: recompute, print, store, and make the table."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from .tools import CLAIMS, SEEDS

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"


def stored(chapter: str) -> dict:
    """What was found for a chapter's claims, by name."""
    path = RESULTS / "claims" / f"{chapter}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def table() -> str:
    """The table, in the order of the chapters and of the claims in each."""
    rows = [
        f"| {chapter[2:]} | {found['claim']} | {found['found']} "
        f"| {'holds' if found['holds'] else 'does not hold'} | {outcome} |"
        for chapter in sorted(CLAIMS)
        for name, (_, outcome) in CLAIMS[chapter].items()
        if (found := stored(chapter).get(name))
    ]
    return (
        "# The course's claims, recomputed\n\n`python -m benchmarks.claims` makes this table. "
        f"Seeds {', '.join(map(str, SEEDS))}; MovieLens' small sets of 2018 and 2016, unless a "
        "line says otherwise. Differences are paired, in RMSE, with 95% intervals over users.\n\n"
        "| chapter | claim | found | outcome | in the course |\n|---|---|---|---|---|\n"
    ) + "\n".join([*rows, ""])


def recompute(chapter: str, name: str) -> None:
    """Recompute one claim, print it, and store it beside the chapter's others."""
    function, _ = CLAIMS[chapter][name]
    found, holds = function()
    claim = " ".join((function.__doc__ or "").split())
    line = {"claim": claim, "found": found, "holds": bool(holds)}
    print(f"{chapter[2:]} {name}: {claim} | {found} | {'holds' if holds else 'DOES NOT HOLD'}")
    results = stored(chapter) | {name: line}
    kept = {name: results[name] for name in CLAIMS[chapter] if name in results}
    path = RESULTS / "claims" / f"{chapter}.json"
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def collect() -> None:
    """Import every chapter's module: its claims register themselves."""
    for path in sorted(HERE.glob("ch*.py")):
        importlib.import_module(f"{__package__}.{path.stem}")


def main(asked: list[str]) -> None:
    """Recompute what is asked for by chapter or by name, or all."""
    collect()
    known = {name for claims in CLAIMS.values() for name in claims} | set(CLAIMS) | {"--table"}
    if unknown := set(asked) - known:
        raise SystemExit(f"no claim or chapter is called {', '.join(sorted(unknown))}")
    for chapter in sorted(CLAIMS):
        for name in CLAIMS[chapter]:
            if not asked or chapter in asked or name in asked:
                recompute(chapter, name)
    (RESULTS / "claims.md").write_text(table(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
