"""A small web site with some links that lead nowhere."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """The folder of a site, and its broken links as "page -> link"."""

    path: Path
    broken: list[str]


def make_site(path: Path, rng: random.Random, pages: int, broken: int) -> Site:
    """Pages that all can be reached from the first; `broken` of them also link to nothing."""
    path.mkdir(parents=True)
    names = ["index.html", *(f"page{number}.html" for number in range(1, pages))]
    planted = []
    bad = set(rng.sample(range(pages), broken))
    for number, name in enumerate(names):
        targets = [names[(number + 1) % pages], *rng.choices(names, k=3)]
        if number in bad:
            targets.append(f"gone{number}.html")
            planted.append(f"/{name} -> /gone{number}.html")
        links = "".join(f'<li><a href="{target}#top">{target}</a></li>' for target in targets)
        outside = '<a href="https://example.org/">elsewhere</a>'
        page = f'<!doctype html><title>{name}</title><h1 id="top">{name}</h1><ul>{links}</ul>'
        (path / name).write_text(page + outside, encoding="utf-8")
    return Site(path, sorted(planted))
