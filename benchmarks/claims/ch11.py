"""Claims of chapter 11, ranking and neural models, from `python -m benchmarks.ranking run`."""

from __future__ import annotations

from benchmarks.ranking import RESULTS, read

from .tools import claim

OTHERS = ("BPR", "Markov chain", "two towers", "NeuMF")


def against_ease(names: tuple[str, ...]) -> dict[str, list]:
    """NDCG@10 less EASE's, low, high, of each model, over seeds and editions."""
    stored = read(RESULTS / "ranking_run.json")
    return {
        name: [
            of_seed[name]["against"]
            for of_seeds in stored.values()
            for of_seed in of_seeds.values()
            if name in of_seed
        ]
        for name in names
    }


def text(found: dict[str, list]) -> str:
    """The range of each model's difference."""
    return "NDCG@10 less EASE's: " + "; ".join(
        f"{name} {min(d for d, _, _ in rows):+.3f} to {max(d for d, _, _ in rows):+.3f}, "
        f"interval below zero in {sum(high < 0 for _, _, high in rows)} of {len(rows)}"
        for name, rows in found.items()
    )


@claim("stands")
def the_others_are_below_ease():
    """BPR, the Markov chain, two towers and NeuMF make worse lists than EASE, beyond chance."""
    found = against_ease(OTHERS)
    return text(found), all(high < 0 for rows in found.values() for _, _, high in rows)


@claim("stands")
def who_liked_what_is_near():
    """Who liked what is below EASE by less than 0.01, in most runs by no more than chance."""
    (rows,) = (found := against_ease(("who liked what",))).values()
    is_chance = sum(high > 0 for _, _, high in rows) > len(rows) / 2
    return text(found), is_chance and all(-0.01 < d < 0 for d, _, _ in rows)


@claim("stands")
def neumf_is_lowest():
    """Of the models that learn, NeuMF is lowest in each edition and with each seed."""
    stored = read(RESULTS / "ranking_run.json")
    ours, others = [], []
    for of_seeds in stored.values():
        for of_seed in of_seeds.values():
            ndcg = {name: found["ndcg"][0] for name, found in of_seed.items()}
            ours.append(ndcg.pop("NeuMF"))
            ndcg.pop("most popular", None)
            others.append(min(ndcg.values()))
    found = f"NDCG@10: NeuMF at most {max(ours):.3f}, the others at least {min(others):.3f}"
    return found, all(a < b for a, b in zip(ours, others, strict=True))
