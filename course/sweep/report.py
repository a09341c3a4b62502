"""A sweep's results as files and in words: table, picture, and one page that needs no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
from matplotlib.figure import Figure

from cflib.cli.words import visible

from ..files import replacing, spreadsheet_safe, write_text
from .collect import collect, head
from .compare import DATASET, grid, settings

TABLE, PARQUET, PAGE, PICTURE = "results.csv", "results.parquet", "sweep.html", "sweep.png"


def write(folder: str | Path) -> None:
    """Write results.csv, results.parquet, sweep.png and sweep.html into a sweep's folder."""
    folder = Path(folder)
    table, ranked, about = collect(folder), settings(folder), head(folder)
    with replacing(folder / TABLE) as beside:
        safe = table.map(spreadsheet_safe).rename(columns=spreadsheet_safe)
        safe.to_csv(beside, index=False)
    with replacing(folder / PARQUET) as beside:
        table.to_parquet(beside, index=False)
    pngs = []
    for figure in pictures(ranked, about):
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
        pngs.append(png.getvalue())
    if pngs:
        with replacing(folder / PICTURE) as beside:
            beside.write_bytes(pngs[0])
    write_text(folder / PAGE, _html(folder, table, ranked, about, pngs))


def pictures(ranked: pd.DataFrame, about: dict[str, Any]) -> Iterator[Figure]:
    """The pictures that fit a sweep: a heat map of two parameters, or slices; and differences."""
    from .. import figures  # here, because workers import this package and draw nothing

    if ranked.empty:
        return
    metric, varied, best = about["metric"], about["varied"], best_of(about)
    if DATASET in varied:
        ranked = ranked.sort_values(DATASET, kind="stable", ignore_index=True)
    table = grid(ranked, *varied, metric, best) if len(varied) == 2 else pd.DataFrame()
    if table.notna().all(axis=None) and min(table.shape) > 1:
        yield figures.heat_map(table, f"{metric} by setting", metric, best)
    elif set(varied) - set(about["usual"]):  # else settings differ in one parameter at a time
        yield figures.slices(ranked, varied, metric, best)
    yield figures.setting_differences(labelled(ranked.head(20), about), metric)


def best_of(about: dict[str, Any]) -> Callable:
    """`min` or `max`, whichever is the better one of the sweep's metric."""
    return max if about["better"] == "higher" else min


def labelled(ranked: pd.DataFrame, about: dict[str, Any]) -> pd.DataFrame:
    """The settings, with their parameters in words as the index."""
    words = [_label(row, about) for row in ranked.to_dict("records")]
    return ranked.set_axis(pd.Index(words, name="setting"))


def _label(row: dict[str, Any], about: dict[str, Any]) -> str:
    """Such as "n_features 16, lam 3.5": what varies and isn't usual."""
    usual = about["usual"]
    named = [n for n in about["varied"] if n not in usual or row[n] != usual[n]]
    default = "the usual values" if usual else "the only setting"
    return ", ".join(f"{name} {row[name]}" for name in named) or default


def summary(folder: str | Path) -> str:
    """The result of a sweep in lines: the best setting, the runner-up, and the runs that failed."""
    about, table, ranked = head(folder), collect(folder), settings(folder)
    failed = table[table["status"] != "ok"]
    lines = [f"{len(table) - len(failed)} of {len(about['runs'])} runs done"]
    if len(failed):
        lines[0] += f", {len(failed)} failed"
    if about["usual"]:
        usual = ", ".join(f"{name} {value}" for name, value in about["usual"].items())
        lines.append(f"usual, unless said: {usual}")
    by_data = [DATASET] if DATASET in about["varied"] else lambda _: ""
    for _, group in ranked.groupby(by_data, sort=False):
        lines += _verdict(group.to_dict("records"), about)
    if ranked.empty and len(table) > len(failed):
        lines.append(f"no setting has all its runs and a {about['metric']} in each")
    lines += [f"  {run.run} {run.status}: {run.error}" for run in failed.head(5).itertuples()]
    return visible("\n".join(lines))


def _verdict(ranked: list[dict[str, Any]], about: dict[str, Any]) -> list[str]:
    best, metric = ranked[0], about["metric"]
    interval = "one run, so no interval"
    value = f"{metric} {best[metric]:.4f}"
    if pd.notna(best["low"]):
        value += f" [{best['low']:.4f}, {best['high']:.4f}]"
        interval = f"95% interval over {best['over']}"
    lines = [
        f"best of {len(ranked)} settings: {_label(best, about)}",
        f"  {value} ({interval}, runs: {best['n_runs']})",
    ]
    for second in ranked[1:2]:
        low, high = second["difference_low"], second["difference_high"]
        verdict = "; with one seed we cannot tell"
        if pd.notna(low):
            told_apart = "not told apart from the best" if low <= 0 <= high else "told apart"
            verdict = f" [{low:+.4f}, {high:+.4f}]: {told_apart}"
        lines += [f"runner-up: {_label(second, about)}", f"  {second['difference']:+.4f}{verdict}"]
    return lines


def _html(
    folder: Path,
    table: pd.DataFrame,
    ranked: pd.DataFrame,
    about: dict[str, Any],
    pngs: list[bytes],
) -> str:
    from .. import page  # here, as above

    runs = set(table["run"])

    def cell(value: Any) -> str:
        """A run is a link to its notebook, and a picture of a run to its file."""
        run, _, file = str(value).partition("/")
        if run not in runs:
            return "" if pd.isna(value) else escape(str(value))
        target = f"{run}/{file or about['chapter'] + '.ipynb'}"
        return f'<a href="{quote(target)}">{escape(file or run)}</a>'

    first = [*about["varied"], about["metric"], "seed", "status", "seconds", "peak_mb"]
    first = [name for name in first if name in table]
    runs_first = table[[*first, *table.columns.difference(first, sort=False)]]
    texts = runs_first.select_dtypes(exclude="number")
    template = jinja2.Template(page.asset("sweep.html.j2"), autoescape=True)
    return template.render(
        about=about,
        style=page.asset("content.css") + page.asset("page.css"),
        summary=summary(folder),
        pictures=[base64.b64encode(png).decode() for png in pngs],
        settings=ranked.to_html(
            index=False,
            border=0,
            float_format="{:.4f}".format,
            na_rep="",
            formatters=dict.fromkeys(about["varied"], str),
        ),
        runs=runs_first.rename(columns=escape).to_html(
            index=False,
            border=0,
            escape=False,  # `cell` and `rename` do it: some cells are links
            float_format="{:.5g}".format,
            na_rep="",
            formatters=dict.fromkeys(map(escape, texts), cell),
        ),
    )
