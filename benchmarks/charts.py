"""Charts of a table: horizontal bars as SVG, readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from statistics import median

from cases import Bench
from report import number
from rounds import Results

WIDTH, LABEL, VALUE, ROW, BAR = 900, 330, 70, 22, 14
WIDEST = 30.0  # times the smallest: from there on the scale is logarithmic
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 } .note { fill: #59636e }
.ours { fill: #0969da } .limit { fill: #9a6700 } .peer { fill: #818b98 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .note { fill: #9198a1 }
.ours { fill: #4493f8 } .limit { fill: #d29922 } .peer { fill: #656c76 }
}
</style>"""


def write(folder: Path, bench: Bench, results: Results) -> str:
    """Draw the chart of a benchmark into a folder; the Markdown that shows it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{bench.name}.svg").write_text(svg(bench, results), encoding="utf-8")
    return f"![{bench.title}](charts/{bench.name}.svg)\n"


def svg(bench: Bench, results: Results) -> str:
    """A panel of bars for each figure."""
    parts, top = [], 8
    for figure, unit in bench.figures.items():
        medians = {
            case.label: (_kind(case.side, case.label), median(one[figure] for one in rounds))
            for case in bench.cases
            if (rounds := results.get(case.label)) and figure in rounds[0]
        }
        if medians:
            parts += _panel(f"{bench.title}: {unit}", medians, top)
            top += (len(medians) + 2) * ROW
    size = f'viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
    title = f"<title>{escape(bench.title)}</title>"
    open_ = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>'
    return "\n".join([open_, title, STYLE, *parts, "</svg>\n"])


def _panel(title: str, medians: dict[str, tuple[str, float]], top: int) -> list[str]:
    lengths, how = _lengths([value for _, value in medians.values()])
    parts = [
        f'<text x="8" y="{top + 14}"><tspan class="title">{escape(title)}</tspan>'
        f'<tspan class="note"> {how}</tspan></text>'
    ]
    for row, ((label, (kind, value)), length) in enumerate(
        zip(medians.items(), lengths, strict=True), 1
    ):
        y = top + row * ROW
        width = length * (WIDTH - LABEL - VALUE)
        parts += [
            f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{y + 3}" width="{width:.1f}" height="{BAR}"/>',
            f'<text x="{LABEL + width + 6:.1f}" y="{y + 14}">{number(value)}</text>',
        ]
    return parts


def _lengths(values: Sequence[float]) -> tuple[list[float], str]:
    """Lengths of bars from 0 to 1, and a word on the scale. What is never reached has no bar."""
    real = [value for value in values if 0 < value < math.inf]
    if not real:
        return [0.0] * len(values), ""
    low, high = min(real), max(real)
    if high / low < WIDEST:
        return [value / high if value < math.inf else 0.0 for value in values], ""
    start = math.floor(math.log10(low)) - 0.3  # so that the smallest has a bar, too
    span = math.log10(high) - start
    return [
        (math.log10(value) - start) / span if 0 < value < math.inf else 0.0 for value in values
    ], "(logarithmic)"


def _kind(side: str, label: str) -> str:
    if label.startswith("limit") or label == "the foreground alone":
        return "limit"
    return "ours" if side.startswith("offhours") or side == "sqlite" else "peer"
