"""Tables: medians, their spread, and ratios taken within each round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from cases import NONE, Bench, Case
from rounds import Results

BEGIN, END = "<!-- benchmark: {} -->", "<!-- end -->"
Rows = list[list[str]]


def table(bench: Bench, results: Results) -> str:
    """One benchmark as an aligned Markdown table."""
    cases = [case for case in bench.cases if case.label in results]
    head = ["contender", *bench.figures.values(), *_ratio_heads(bench)]
    rows = [[case.label, *_spreads(bench, results, case), *_ratios(bench, results, case)]
            for case in cases]  # fmt: skip
    words = {
        "lost by kill -9 / power loss": [case.loses for case in cases],
        "keeps of a job that has run": [case.keeps for case in cases],
    }
    for title, said in words.items():
        if any(word != NONE for word in said):
            head.append(title)
            rows = [[*row, word] for row, word in zip(rows, said, strict=True)]
    note = f"\n{bench.note}\n" if bench.note else ""
    return f"### {bench.title}\n\n{markdown([head, *rows])}{note}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows with a head, as Markdown that reads well unrendered too."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in rows
    ]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines) + "\n"


def spread(values: Sequence[float]) -> str:
    """A median with its smallest and largest value."""
    low, high = min(values), max(values)
    if low == high:
        return number(low)
    return f"{number(median(values))} ({number(low)}-{number(high)})"


def number(value: float) -> str:
    if math.isinf(value):
        return "never"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def write(file: Path, name: str, text: str) -> None:
    """Put a table between its markers on a page."""
    begin = BEGIN.format(name)
    page = file.read_text(encoding="utf-8")
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise SystemExit(f"{file}: no place for {name}; it wants {begin} and {END}")
    file.write_text(f"{before}{begin}\n\n{text}\n{END}{after}", encoding="utf-8")


def _spreads(bench: Bench, results: Results, case: Case) -> list[str]:
    """The case's figures, or in the place of the first one why it has none."""
    rounds = results[case.label]
    if not rounds:
        return [case.none or "failed", *[NONE] * (len(bench.figures) - 1)]
    return [
        spread([one[figure] for one in rounds]) if figure in rounds[0] else NONE
        for figure in bench.figures
    ]


def _ratio_heads(bench: Bench) -> list[str]:
    if bench.times:
        return [f"{bench.figures[figure]} × {bench.ours}" for figure in bench.times]
    return [f"{bench.ours} / it ({bench.better} is better)"]


def _ratios(bench: Bench, results: Results, case: Case) -> list[str]:
    if bench.times:
        return [_ratio(figure, results, case.label, case.against) for figure in bench.times]
    return [_ratio(next(iter(bench.figures)), results, case.against, case.label)]


def _ratio(figure: str, results: Results, above: str, below: str) -> str:
    """Taken round by round, so that a slow minute hits both."""
    pairs = zip(results.get(above, ()), results.get(below, ()), strict=False)
    ratios = [one[figure] / other[figure] for one, other in pairs if other[figure]]
    return spread(ratios) if ratios else ""
