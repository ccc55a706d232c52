"""Many events, one message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import msgspec

from offhours.core.notices import SEVERITIES
from offhours.core.times import Micros
from offhours.notify.facts import Fact, many
from offhours.notify.message import Message, lines, one_line

NAMED = 5  # of each kind
GROUPS = 10  # of each kind, in a message
MOST_GROUPS = 200  # of each kind, that are counted apart
DIGEST = "digest"
OTHERS = "others"


class _Named(msgspec.Struct, array_like=True):
    """An event that is told in full: how grave it is, in words, and for programs."""

    severity: int
    sentence: str
    data: dict[str, Any]


class _Kind(msgspec.Struct):
    count: int = 0
    groups: dict[str, int] = msgspec.field(default_factory=dict)
    named: list[_Named] = msgspec.field(default_factory=list)


class Digest(msgspec.Struct):
    """Counts events by kind and by task or rule, and names the gravest of each kind.

    However many there are, it is small: it can be stored while it waits to be told.

    since: when the first of them happened
    """

    since: Micros = 0
    severity: int = 0
    kinds: dict[str, _Kind] = msgspec.field(default_factory=dict)

    def __len__(self) -> int:
        return sum(kind.count for kind in self.kinds.values())

    def add(self, fact: Fact, now: Micros) -> None:
        """Take one more event in."""
        if not self.kinds:
            self.since = min(fact.event.at, now)
        severity = SEVERITIES.index(fact.severity)
        self.severity = max(self.severity, severity)
        kind = self.kinds.setdefault(fact.kind, _Kind())
        kind.count += 1
        if (group := fact.group) is not None:
            if group not in kind.groups and len(kind.groups) >= MOST_GROUPS:
                group = OTHERS
            kind.groups[group] = kind.groups.get(group, 0) + 1
        if len(kind.named) == NAMED:
            least = min(one.severity for one in kind.named)
            if severity <= least:
                return
            del kind.named[max(n for n, one in enumerate(kind.named) if one.severity == least)]
        kind.named.append(_Named(severity, fact.sentence, fact.as_json()))

    def message(self, now: Micros, labels: Mapping[str, Any]) -> Message:
        """All of it in one message."""
        named = [one for kind in self.kinds.values() for one in kind.named]
        if len(self) == 1:
            subject = named[0].sentence
        else:
            subject = ", ".join(_counted(name, kind) for name, kind in self.kinds.items())
        [name] = self.kinds if len(self.kinds) == 1 else [DIGEST]
        data: dict[str, Any] = {
            **labels,
            "count": len(self),
            "counts": {name: kind.count for name, kind in self.kinds.items()},
            "groups": {name: _largest(kind) for name, kind in self.kinds.items() if kind.groups},
            "events": [one.data for one in named],
        }
        return Message(
            uuid4().hex, name, one_line(subject), lines(self._text()), now,
            SEVERITIES[self.severity], data,
        )  # fmt: skip

    def _text(self) -> str:
        told = []
        for name, kind in self.kinds.items():
            if kind.count > 1:
                groups = ", ".join(f"{group} {n:,}" for group, n in _largest(kind).items())
                told.append(f"{many(name, kind.count)}: {groups}".rstrip(" "))
            told += [one.sentence for one in kind.named]
            if kind.count > len(kind.named):
                told.append(f"… and {kind.count - len(kind.named):,} more")
        return "\n".join(told)


def _counted(name: str, kind: _Kind) -> str:
    return kind.named[0].sentence if kind.count == 1 else many(name, kind.count)


def _largest(kind: _Kind) -> dict[str, int]:
    """How many of each task or rule, the most frequent first."""
    found = dict(Counter(kind.groups).most_common(GROUPS))
    if left := sum(kind.groups.values()) - sum(found.values()):
        found[OTHERS] = found.get(OTHERS, 0) + left
    return found
