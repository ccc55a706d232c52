"""How well and how fast the search finds: `python benchmarks/search.py`.

The queries of `paraphrases.tsv` say the same as what they look for in other words; those of
`oblique.tsv` only hint at it. The odd lines of both (the 1st, the 3rd, ...) may serve to compare
ways of ranking; the even ones are held back, and are only looked at with `--held-back`. Exits 1
when a goal is missed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import report
from offhours import ArtifactType, Offhours
from offhours.core.artifacts import Artifact, NewArtifact
from offhours.search import Embedder, Search, installed_embedder

HIT, MOST_MS = 0.75, 10.0
MANY = 10_000
SETS = ("paraphrases", "oblique")


class Line(NamedTuple):
    name: str
    description: str
    query: str


QUERIES: dict[str, Callable[[Line], str]] = {
    "names": lambda line: line.name,
    "texts": lambda line: line.query,
}


class Score(NamedTuple):
    """Shares of the queries whose artefact came first, or among five; the mean of 1/place; ms of
    CPU a query."""

    first: float
    five: float
    mrr: float
    ms: float


def lines(name: str) -> list[Line]:
    text = Path(__file__).with_name(f"{name}.tsv").read_text(encoding="utf-8")
    return [Line(*line.split("\t")) for line in text.splitlines()]


def filled(search: Search, all_lines: Sequence[Line]) -> Search:
    for line in all_lines:
        search.store(NewArtifact(line.name, ArtifactType.DOCUMENT, line.name, line.description))
    return search


def score(
    find: Callable[[str], list[Artifact]], asked: Sequence[Line], query: Callable[[Line], str]
) -> Score:
    find(query(asked[0]))  # whatever is made once is made now
    places, began = [], time.process_time()
    for line in asked:
        keys = [artifact.key for artifact in find(query(line))]
        places.append(keys.index(line.name) + 1 if line.name in keys else 0)
    ms = (time.process_time() - began) / len(asked) * 1000
    return Score(
        sum(place == 1 for place in places) / len(asked),
        sum(1 <= place <= 5 for place in places) / len(asked),
        sum(1 / place for place in places if place) / len(asked),
        ms,
    )


def ms_among_many(search: Search, asked: Sequence[Line]) -> float:
    """CPU of a query among 10,000 artefacts; the figures of their vectors are not looked at."""
    for n in range(0, MANY, 500):
        search._index.put(
            [NewArtifact(f"more_{m}", "document", f"more {m}", f"Item {m % 50}")
             for m in range(n, n + 500)], 0,
        )  # fmt: skip
    return score(search.find, asked, lambda line: line.query).ms


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-back", action="store_true")
    parser.add_argument("--many", action="store_true", help=f"also among {MANY:,} artefacts")
    chosen = parser.parse_args()
    embedder = installed_embedder()
    if embedder is None:
        print("the extra `semantic` is not installed; words only", file=sys.stderr)
    missed = []
    for name in SETS:
        missed += measure(name, embedder, chosen.held_back, chosen.many)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"at most {peak:.0f} MB of memory")
    print(f"missed: {'; '.join(missed)}" if missed else "all goals met")
    return int(bool(missed))


def measure(name: str, embedder: Embedder | None, held_back: bool, many: bool) -> list[str]:
    """Print the table of one set; which of its goals were missed."""
    everything = lines(name)
    asked = everything[held_back::2]
    app = Offhours(":memory:", executor="inline")
    lexical = filled(Search(app.store, app.clock), everything)
    searches = {"words": lexical}
    if embedder is not None:
        searches["meaning"] = Search(app.store, app.clock, embedder)
    found = {
        (what, how): score(search.find, asked, query)
        for what, query in QUERIES.items()
        for how, search in searches.items()
    }
    rows = [["queries", "by", "hit@1", "hit@5", "MRR", "CPU ms a query"]]
    rows += [
        [what, how, *(f"{x:.2f}" for x in one[:2]), f"{one.mrr:.3f}", f"{one.ms:.2f}"]
        for (what, how), one in found.items()
    ]
    half = "held back" if held_back else "open half"
    print(f"### {name}: {len(asked)} queries ({half}), {len(everything)} artefacts\n")
    print(report.markdown(rows) + "\n")
    if many and embedder is not None:
        print(f"among {MANY:,}: {ms_among_many(searches['meaning'], asked):.2f} ms of CPU\n")
    return goals(name, found)


def goals(name: str, found: dict[tuple[str, str], Score]) -> list[str]:
    missed = [f"{name}: names by {how}" for (what, how), one in found.items()
              if what == "names" and one.first < 1]  # fmt: skip
    by_meaning = found.get(("texts", "meaning"))
    if by_meaning is not None and name == "paraphrases" and by_meaning.first < HIT:
        missed.append(f"{name}: hit@1 {by_meaning.first:.2f} (goal: {HIT})")
    if by_meaning is not None and by_meaning.ms > MOST_MS:
        missed.append(f"{name}: {by_meaning.ms:.1f} ms (goal: {MOST_MS:g})")
    return missed


if __name__ == "__main__":
    sys.exit(main())
