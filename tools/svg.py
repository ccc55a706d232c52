"""The few shapes of which our drawings are made, readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

LINE = 16  # from one line of text to the next
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.name { font-weight: 600 } .note { font-size: 12px; fill: #59636e }
.middle { text-anchor: middle }
.box { fill: #ddf4ff; stroke: #0969da } .end { fill: #f6f8fa; stroke: #818b98 }
.band { fill: #f6f8fa } .way { fill: none; stroke: #818b98; stroke-width: 1.3 }
.tip { fill: #818b98 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .note { fill: #9198a1 }
.box { fill: #121d2f; stroke: #4493f8 } .end { fill: #212830; stroke: #656c76 }
.band { fill: #151b23 } .way { stroke: #9198a1 } .tip { fill: #9198a1 }
}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" \
orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>"""


def page(title: str, width: int, height: int, parts: Iterable[str]) -> str:
    """A whole drawing."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>'
    return "\n".join([head, f"<title>{escape(title)}</title>", STYLE, *parts, "</svg>\n"])


def text(x: int, y: int, words: str, kind: str = "note") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(words)}</text>'


def lines(x: int, y: int, each: Iterable[str], kind: str = "note") -> list[str]:
    """Lines of text one below the other, the first one at `y`."""
    return [text(x, y + LINE * row, words, kind) for row, words in enumerate(each)]


def box(x: int, y: int, width: int, height: int, kind: str) -> str:
    at = f'x="{x}" y="{y}" width="{width}" height="{height}"'
    return f'<rect class="{kind}" {at} rx="6"/>'


def way(path: str) -> str:
    """A line with a tip at its end."""
    return f'<path class="way" marker-end="url(#tip)" d="{path}"/>'
