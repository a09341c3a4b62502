"""Run the benchmarks: `python -m benchmarks all`, or `make bench`.

One process is measured at a time. What they print goes to JSON files, one a benchmark, and from
those `report.py` makes the tables and the figure, so that a part can be run again by itself.
"""

from pathlib import Path

import click

from . import report, timing

RESULTS = Path(__file__).parent / "results"
COMMANDS = ["a", "b", "c", "d", "e", "f", "g", "all", "tune", "report"]
PEERS = sorted({peer for settings in timing.SETTINGS.values() for peer in settings["peers"]})


@click.command()
@click.argument("which", nargs=-1, required=True, type=click.Choice(COMMANDS))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice([*PEERS, "implicit_lists"]),
    help="Only this peer, in b, f, g and tune; may be repeated.",
)
@click.option("--set", "sets", multiple=True, help="Only this set, in b, g and tune.")
@click.option("--tiny", is_flag=True, help="Tiny sets, in seconds, to see whether everything runs.")
def main(
    which: tuple[str, ...],
    out: Path | None,
    peers: tuple[str, ...],
    sets: tuple[str, ...],
    tiny: bool,
) -> None:
    """Run benchmarks a, b, c (with d), e, f, g, or all; tune; or make the report of what ran."""
    plan = timing.tiny(out or timing.BUILD / "tiny") if tiny else timing.Plan(out or RESULTS)
    if unknown := sorted(set(sets) - set(plan.sets)):
        raise click.BadParameter(
            f"{unknown[0]!r} is not one of {', '.join(plan.sets)}.", param_hint="--set"
        )
    benchmarks = {"a", "b", "c", "e", "f", "g"} if "all" in which else set(which)
    if "tune" in benchmarks:
        timing.tune(plan, peers, sets)
    if "a" in benchmarks or not (plan.out / "machine.json").exists():
        timing.save_machine(plan)  # the other parts say themselves where they were measured
    if "a" in benchmarks:
        timing.benchmark_a(plan)
    if "b" in benchmarks:
        timing.benchmark_b(plan, peers, sets)
    if benchmarks & {"c", "d"}:
        timing.benchmark_c(plan)
    if "e" in benchmarks:
        timing.benchmark_e(plan)
    if "f" in benchmarks:
        timing.benchmark_f(plan, peers)
    if "g" in benchmarks:
        timing.benchmark_b(plan, peers, sets, "g")
    report.write(plan.out)
    click.echo(plan.out / "results.md")


if __name__ == "__main__":
    main()
