"""A sweep's results as files and in words: table, picture, and one page that needs no network."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import pandas as pd

from .._files import replacing
from .collect import collect, head
from .compare import DATASET, grid, is_over_users, settings

TABLE, PARQUET, PAGE, PICTURE = "results.csv", "results.parquet", "sweep.html", "sweep.png"


def write(folder) -> None:
    """Write results.csv, results.parquet, sweep.png and sweep.html into a sweep's folder."""
    folder = Path(folder)
    table, ranked, about = collect(folder), settings(folder), head(folder)
    with replacing(folder / TABLE) as beside:
        table.to_csv(beside, index=False)
    with replacing(folder / PARQUET) as beside:
        table.to_parquet(beside, index=False)
    pictures = [_png(figure) for figure in figures(ranked, about)]
    if pictures:
        with replacing(folder / PICTURE) as beside:
            beside.write_bytes(pictures[0])
    with replacing(folder / PAGE) as beside:
        beside.write_text(_html(folder, table, ranked, about, pictures), encoding="utf-8")


def figures(ranked: pd.DataFrame, about: dict) -> list:
    """The pictures that fit a sweep: a heat map of two parameters, slices of more, and dots."""
    from .. import plots  # here, because workers import this package and draw nothing

    if ranked.empty:
        return []
    metric, varied, made = about["metric"], about["varied"], []
    if DATASET in varied:
        ranked = ranked.sort_values(DATASET, kind="stable", ignore_index=True)
    if len(varied) == 2:
        table = grid(ranked, *varied, metric, best_of(about))
        if table.notna().all(axis=None) and min(table.shape) > 1:
            made.append(plots.heat_map(table, f"{metric} by setting", metric, best_of(about)))
    if set(varied) - set(about["usual"]) and not made:  # else they differ one at a time: no slices
        made.append(plots.slices(ranked, varied, metric, best_of(about)))
    made.append(plots.setting_differences(labelled(ranked.head(20), about), metric))
    return made


def best_of(about: dict):
    """`min` or `max`, whichever is the better one of the sweep's metric."""
    return max if about["better"] == "higher" else min


def labelled(ranked: pd.DataFrame, about: dict) -> pd.DataFrame:
    """The settings with their parameters in words as the index."""
    words = [label(row, about) for row in ranked.to_dict("records")]
    return ranked.set_axis(pd.Index(words, name="setting"))


def label(row, about: dict) -> str:
    """Such as "n_features 16, lam 3.5": what varies and isn't usual."""
    usual = about["usual"]
    said = [n for n in about["varied"] if n not in usual or row[n] != usual[n]]
    return ", ".join(f"{name} {row[name]}" for name in said) or (
        "what is usual" if usual else "the only setting"
    )


def summary(folder) -> str:
    """What a sweep found: the best setting, the runner-up, and what did not work, in lines."""
    about, table, ranked = head(folder), collect(folder), settings(folder)
    metric, n_runs = about["metric"], len(about["runs"])
    n_ok = int((table["status"] == "ok").sum()) if len(table) else 0
    lines = [
        f"{n_ok} of {n_runs} runs done" + (f", {len(table) - n_ok} failed" * (len(table) > n_ok))
    ]
    if about["usual"]:
        usual = ", ".join(f"{name} {value}" for name, value in about["usual"].items())
        lines.append(f"usual, unless said: {usual}")
    over = "users" if len(ranked) and is_over_users(folder) else "seeds"
    groups = ranked.groupby(DATASET, sort=False) if DATASET in about["varied"] else [("", ranked)]
    for _, group in groups:
        if len(group):
            lines += _verdict(group, about, over)
    if ranked.empty and n_ok:
        lines.append(f"no setting has all its runs and a {metric} in each")
    for _, row in table[table["status"] != "ok"].head(5).iterrows() if len(table) else ():
        lines.append(f"  {row['run']} {row['status']}: {row['error']}")
    return "\n".join(lines)


def _verdict(group: pd.DataFrame, about: dict, over: str) -> list[str]:
    metric, rows = about["metric"], group.to_dict("records")
    best = rows[0]
    kind = f"95% interval over {over}" if pd.notna(best["low"]) else "one run, so no interval"
    interval = f" [{best['low']:.4f}, {best['high']:.4f}]" if pd.notna(best["low"]) else ""
    lines = [f"best of {len(group)} settings: {label(best, about)}",
             f"  {metric} {best[metric]:.4f}{interval} ({kind}, runs: {best['n_runs']})"]  # fmt: skip
    if len(rows) > 1:
        second = rows[1]
        low, high = second["difference_low"], second["difference_high"]
        lines.append(f"runner-up: {label(second, about)}")
        if pd.isna(low):
            lines.append(f"  {second['difference']:+.4f}; with one seed there is no telling")
        else:
            told = "not told apart from the best" if low <= 0 <= high else "told apart"
            lines.append(f"  {second['difference']:+.4f} [{low:+.4f}, {high:+.4f}]: {told}")
    return lines


# The page


def _png(figure) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Software": None})
    return png.getvalue()


def _html(folder, table, ranked, about, pictures) -> str:
    from .. import page  # here, as above

    linked = table.copy()
    for column in table.select_dtypes(exclude="number"):
        cells = zip(table[column], table["run"], strict=True)
        linked[column] = [_cell(value, run, about["chapter"]) for value, run in cells]
    images = "\n".join(
        f'<p><img alt="{escape(ALTERNATIVE)}" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'
        for png in pictures
    )
    varied = [*about["varied"], about["metric"]]
    first = [*varied, *(["seed"] if "seed" in table else []), "status", "seconds", "peak_mb"]
    first = [name for name in dict.fromkeys(first) if name in linked]
    rest = [name for name in linked if name not in first]
    return HTML.format(
        name=escape(about["sweep"]), chapter=escape(about["chapter"]), style=page.asset("content.css") + page.asset("page.css"),
        summary=escape(summary(folder)), images=images,
        ranked=ranked.to_html(
            index=False, border=0, float_format="{:.4f}".format, na_rep="",
            formatters=dict.fromkeys(about["varied"], str),
        ),
        runs=linked[first + rest].to_html(
            index=False, border=0, escape=False, float_format="{:.5g}".format, na_rep=""
        ),
    )  # fmt: skip


def _cell(value, run: str, chapter: str) -> str:
    """What stands in a cell of the table of runs; runs and their pictures are linked to."""
    if value == run:
        return f'<a href="{escape(run)}/{escape(chapter)}.ipynb">{escape(run)}</a>'
    if str(value).startswith(f"{run}/"):
        return f'<a href="{escape(value)}">{escape(value.removeprefix(f"{run}/"))}</a>'
    return "" if pd.isna(value) else escape(str(value))


ALTERNATIVE = "The sweep's metric by setting; the table of settings below has the figures."
HTML = """<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sweep {name}</title>
<style>
{style}
main {{ max-width: none; margin: 0; padding: 1rem 2rem 6rem; }}
pre {{ white-space: pre-wrap; }}
p {{ max-width: 50rem; }}
.wide {{ overflow-x: auto; }}
.wide td {{ white-space: nowrap; }}
img {{ max-width: 100%; }}
</style>
</head>
<body>
<main>
<h1>Sweep {name}, of {chapter}</h1>
<pre>{summary}</pre>
{images}
<h2>Settings, best first</h2>
<p>Intervals are of 95%. A difference is from the best setting, pair by pair; where its interval has
zero in it, the two are not told apart. The intervals of the differences hold for all pairs of
settings at once. The best of many still looks better than it is.</p>
<div class="wide">{ranked}</div>
<h2>Runs</h2>
<div class="wide">{runs}</div>
</main>
</body>
</html>
"""
