"""Many events, one message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from offhours.core.times import Micros
from offhours.notify.facts import Fact, many
from offhours.notify.message import SEVERITIES, Message, lines, one_line

NAMED = 5  # of each kind
DIGEST = "digest"


class Digest:
    """Counts events and names the first of each kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._named: list[Fact] = []
        self._severity = 0

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, fact: Fact) -> None:
        """Take one more event in."""
        self._counts[fact.kind] += 1
        if self._counts[fact.kind] <= NAMED:
            self._named.append(fact)
            self._severity = max(self._severity, SEVERITIES.index(fact.severity))

    def message(self, now: Micros, labels: Mapping[str, Any]) -> Message:
        """All of it in one message."""
        if len(self) == 1:
            subject = self._named[0].sentence
        else:
            subject = ", ".join(self._counted(kind) for kind in self._counts)
        [kind] = self._counts if len(self._counts) == 1 else [DIGEST]
        data: dict[str, Any] = {
            **labels,
            "count": len(self),
            "counts": dict(self._counts),
            "events": [fact.as_json() for fact in self._named],
        }
        return Message(
            uuid4().hex, kind, one_line(subject), lines(self._text()), now,
            SEVERITIES[self._severity], data,
        )  # fmt: skip

    def _counted(self, kind: str) -> str:
        count = self._counts[kind]
        return self._of(kind)[0].sentence if count == 1 else many(kind, count)

    def _of(self, kind: str) -> list[Fact]:
        return [fact for fact in self._named if fact.kind == kind]

    def _text(self) -> str:
        told = []
        for kind, count in self._counts.items():
            named = [fact.sentence for fact in self._of(kind)]
            if count > 1:
                told.append(f"{many(kind, count)}:")
            told += named
            if count > len(named):
                told.append(f"… and {count - len(named):,} more")
        return "\n".join(told)
