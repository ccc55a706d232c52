"""Many jobs at once: what can be done to them, and what of it was looked at before."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from offhours.core.errors import PreviewChanged
from offhours.core.lists import JobFilter
from offhours.core.model import FINAL, Job, JobState
from offhours.core.times import LATEST, Micros


class Verb(StrEnum):
    """What can be done to many jobs; each is done only to those that it can be done to.

    cancel: those that are not finished, but for those that were asked to stop already
    retry: those that are finished and were not done again yet
    pause: those that are pending
    resume: those that were paused by hand
    """

    CANCEL = "cancel"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"

    @property
    def newest_first(self) -> bool:
        """What waits for others falls before them, and workers take from the other end."""
        return self in (Verb.CANCEL, Verb.PAUSE)

    @property
    def kind(self) -> str:
        """What an operation of it is called."""
        return f"jobs.{self.value}"

    @classmethod
    def of(cls, kind: str) -> Verb:
        """The verb of an operation.

        >>> Verb.of("jobs.retry").value
        'retry'
        """
        return cls(kind.removeprefix("jobs."))


STATES: Mapping[Verb, frozenset[JobState]] = {
    Verb.CANCEL: frozenset({JobState.PENDING, JobState.HELD, JobState.RUNNING}),
    Verb.RETRY: FINAL,
    Verb.PAUSE: frozenset({JobState.PENDING}),
    Verb.RESUME: frozenset({JobState.HELD}),
}


class Order(NamedTuple):
    """What is to be done to which jobs: never to one with a larger number than `upto`."""

    verb: Verb
    wanted: JobFilter
    reason: str = ""
    upto: int = 0

    @property
    def states(self) -> list[str]:
        """The states of the jobs that are meant and that it can be done to."""
        asked = self.wanted.states
        return sorted(s.value for s in STATES[self.verb] if not asked or s.value in asked)

    @property
    def digest(self) -> str:
        """Of the verb and the filter."""
        text = json.dumps([self.verb, self.wanted])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """As an operation keeps it."""
        return json.dumps({**self._asdict(), "wanted": self.wanted._asdict()})

    @classmethod
    def from_json(cls, text: str) -> Order:
        """The order of an operation.

        >>> order = Order(Verb.CANCEL, JobFilter(tasks=("mail",)), "no", 7)
        >>> Order.from_json(order.to_json()).to_json() == order.to_json()
        True
        """
        told = json.loads(text)
        wanted = JobFilter(**told["wanted"])
        return cls(Verb(told["verb"]), wanted, told["reason"], told["upto"])


class Group(NamedTuple):
    """The jobs of one task in one state that are meant; `weight` is the sum of their numbers."""

    task: str
    state: str
    jobs: int
    weight: int


class Seen(NamedTuple):
    """What a preview has seen: when, how many, the sum of their numbers, and the last job then."""

    at: Micros
    jobs: int
    weight: int
    upto: int

    @classmethod
    def of(cls, groups: Sequence[Group], at: Micros, upto: int) -> Seen:
        """What these groups come to."""
        return cls(at, sum(g.jobs for g in groups), sum(g.weight for g in groups), upto)

    def token(self, order: Order) -> str:
        """It and the digest of the order, as text that nobody needs to understand.

        >>> order = Order(Verb.CANCEL, JobFilter(tasks=("mail",)))
        >>> Seen.read(Seen(5, 2, 30, 17).token(order))[0]
        Seen(at=5, jobs=2, weight=30, upto=17)
        """
        return "-".join([*(f"{figure:x}" for figure in self), order.digest])

    @classmethod
    def read(cls, token: str) -> tuple[Seen, str]:
        """What a token tells, and the digest of its order."""
        *figures, digest = token.split("-") if len(token) < 128 else [""]
        try:
            seen: Seen | None = cls(*(int(figure, 16) for figure in figures))
        except (TypeError, ValueError):
            seen = None
        if seen is None or not (0 <= seen.at <= LATEST and 0 <= seen.upto < 2**63):
            raise PreviewChanged("expect: this is not the token of a preview")
        return seen, digest

    def check(self, order: Order, digest: str, now: Seen) -> None:
        """Refuse what is not what was looked at. Fewer are welcome: those have gone their way."""
        if digest != order.digest:
            raise PreviewChanged(
                "expect: that preview was of another verb or filter; look at this one first"
            )
        came = now.jobs > self.jobs or now.weight > self.weight
        if came or (now.jobs == self.jobs and now.weight != self.weight):
            what = f"{now.jobs} jobs are" if now.jobs != 1 else "1 job is"
            raise PreviewChanged(
                f"{what} meant now, not those {self.jobs} that were looked at; look again"
            )


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done, before it is: nothing was touched.

    count: how many jobs; tasks, states: how many of each
    examples: the newest of them, in their short form
    token: pass it as `expect`, and nothing else is touched than what was seen here
    """

    verb: Verb
    count: int
    tasks: Mapping[str, int]
    states: Mapping[str, int]
    examples: Sequence[Job]
    token: str


def tallied(groups: Sequence[Group]) -> tuple[dict[str, int], dict[str, int]]:
    """How many jobs of each task, the most first, and of each state.

    >>> tallied([Group("a", "held", 1, 1), Group("b", "held", 2, 5)])
    ({'b': 2, 'a': 1}, {'held': 3})
    """
    tasks, states = Counter[str](), Counter[str]()
    for group in groups:
        tasks[group.task] += group.jobs
        states[group.state] += group.jobs
    return dict(tasks.most_common()), dict(states.most_common())
