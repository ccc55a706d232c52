"""The claim: which of the ready jobs a worker gets, by priority, in turns, and within limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, zip_longest
from operator import itemgetter
from typing import NamedTuple

import msgspec

from offhours.core.limits import Gates, Limit, Running, Scope
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.ports import ClaimOrder, name_list
from offhours.core.times import Micros
from offhours.store.connection import Connection
from offhours.store.rows import as_json

EVERY_PRIORITY = 1_000
MOST_LINES = 64
BACKGROUND_STARTED = "background.started"
UNIT = "\x1f"

_claimed_list = msgspec.json.Decoder(list[Claimed])


class Line(NamedTuple):
    """Ready jobs of one priority that come first, first served.

    `name` is empty for most jobs; else it has the tenant and, after marks, the task if that is
    limited, the concurrency key, and how many of that key may run at once.
    """

    priority: int
    queue: str
    name: str

    @classmethod
    def read(cls, text: str) -> Line:
        """A line from its parts with marks between."""
        priority, queue, name = text.split(UNIT, 2)
        return cls(int(priority), queue, name)

    @property
    def turn(self) -> tuple[str, str]:
        """What takes turns: jobs of no tenant wait in one line, whatever their queue."""
        return (self.queue, self.name) if self.name else ("", "")

    @property
    def task(self) -> str:
        """The limited task whose jobs alone are in it, if there is one."""
        return self.name.split(UNIT, 2)[1] if UNIT in self.name else ""

    @property
    def key(self) -> tuple[str, int] | None:
        """The concurrency key of its jobs, and how many of them may run at once."""
        parts = self.name.split(UNIT)
        return (parts[2], int(parts[3])) if len(parts) > 3 else None


class Claims:
    """Claims for the workers of one process. It remembers whose turn it was."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = sql
        self._served: dict[int, tuple[str, str]] = {}  # of each priority

    def gates(self, db: Connection, now: Micros) -> Gates:
        """The limits as they stand now."""
        limits: list[Limit] = [Limit(*row) for row in db.execute(self._sql["limits"]).fetchall()]
        counted = any(limit.concurrency is not None for limit in limits)
        rows = db.execute(self._sql["running_of"]).fetchall() if counted else []
        keys = dict(db.execute(self._sql["running_of_key"]).fetchall())
        return Gates(limits, [Running(*row) for row in rows], now, keys)

    def claim(
        self,
        db: Connection,
        order: ClaimOrder,
        room: int | None,
        gates: Gates,
        now: Micros,
        alone: Line | None,
    ) -> list[Claimed]:
        """Up to `order.slots` jobs, most urgent first; up to `room` of them background work.

        `alone` is the only line that there is, if that is known: it saves looking for others.
        """
        claimed: list[Claimed] = []
        ceiling = EVERY_PRIORITY if order.below is None else order.below
        if room is not None and room <= 0:
            ceiling = min(ceiling, BACKGROUND_CLASS)
        for priority, lines in self._lines(db, order, gates, ceiling, alone):
            background = priority >= BACKGROUND_CLASS
            slots = order.slots - len(claimed)
            if background and room is not None:
                slots = min(slots, room)
            while slots > 0:
                found = self._in_turns(db, lines, slots, _open_tasks(order, gates), now)
                passed = [
                    (line, job)
                    for line, job in found
                    if gates.admit(job.task, line.queue, line.key)
                ]
                if passed:
                    self._served[priority] = passed[-1][0].turn
                    free = order.free - len(claimed)
                    claimed += self._take(db, [job for _, job in passed], order, free, now)
                    slots -= len(passed)
                    if background and room is not None:
                        room -= len(passed)
                if len(passed) == len(found):
                    break
                lines = [line for line in lines if _is_open(line, gates)]  # a limit was reached
            if len(claimed) == order.slots:
                break
        for limit, next_at in gates.advanced():
            db.execute(self._sql["advance_limit"], (next_at, *limit.subject))
        if order.limits.throttle and claimed and claimed[-1].priority >= BACKGROUND_CLASS:
            db.execute(self._sql["remember"], (BACKGROUND_STARTED, now))
        return claimed

    def _take(
        self, db: Connection, jobs: list[Claimed], order: ClaimOrder, free: int, now: Micros
    ) -> list[Claimed]:
        batch = as_json([(j.id, j.attempt, int(n < free)) for n, j in enumerate(jobs)])
        db.execute(self._sql["claim"], (order.worker, now, batch))
        db.execute(self._sql["tell_claim"], (now, f'{{"worker":{order.worker}}}', batch))
        return jobs

    # -- lines ------------------------------------------------------------------------------

    def _lines(
        self,
        db: Connection,
        order: ClaimOrder,
        gates: Gates,
        ceiling: int,
        alone: Line | None,
    ) -> Iterator[tuple[int, list[Line]]]:
        """The lines that may be served, by priority; some of the same one at a time."""
        if gates.shut(Scope.ALL):
            return
        shut = name_list(gates.shut(Scope.QUEUE))

        def after(start: Line, ceiling: int) -> list[Line]:
            values = (*start, ceiling, order.queues, shut, MOST_LINES)
            return [Line(*row) for row in db.execute(self._sql["lines"], values).fetchall()]

        def wanted(lines: Iterable[Line]) -> list[Line]:
            return [
                line
                for line in lines
                if (order.queues is None or f"{UNIT}{line.queue}{UNIT}" in order.queues)
                and (not line.task or f"{UNIT}{line.task}{UNIT}" in order.tasks)
                and _is_open(line, gates)
            ]

        def around(priority: int) -> Iterator[list[Line]]:
            """All of one priority, beginning with whose turn it is."""
            seen: set[Line] = set()
            for start in (Line(priority, *self._served.get(priority, ("", ""))), None):
                page = after(start or Line(priority, "", ""), priority + 1)
                while page and not seen.issuperset(page):
                    yield wanted(line for line in page if line not in seen)
                    seen.update(page)
                    page = after(page[-1], priority + 1) if len(page) == MOST_LINES else []

        if alone is not None:
            if alone.priority < ceiling:
                yield alone.priority, wanted([alone])
            return
        start = Line(-1, "", "")
        while True:
            page = after(start, ceiling)
            last = page[-1].priority if len(page) == MOST_LINES else None
            for priority, group in groupby(page, itemgetter(0)):
                for lines in around(priority) if priority == last else [wanted(group)]:
                    yield priority, lines
            if last is None:
                return
            start = Line(last + 1, "", "")

    def _in_turns(
        self, db: Connection, lines: Sequence[Line], slots: int, tasks: str, now: Micros
    ) -> list[tuple[Line, Claimed]]:
        """The jobs that come next: the lines take turns, in each of them the first is first."""
        if not lines:
            return []
        share = -(-slots // len(lines))
        found = self._first_of(db, lines, share, tasks, now)
        if share < slots > sum(map(len, found)):
            found = self._first_of(db, lines, slots, tasks, now)
        if len(lines) == 1:
            return [(lines[0], job) for job in found[0]]
        turns: dict[tuple[str, str], list[tuple[Line, Claimed]]] = {}
        for line, jobs in zip(lines, found, strict=True):
            turns.setdefault(line.turn, []).extend((line, job) for job in jobs)
        turns.get(("", ""), []).sort(key=lambda entry: entry[1].id)
        served = self._served.get(lines[0].priority, ("", ""))
        ordered = [turns[turn] for turn in sorted(turns, key=lambda turn: (turn <= served, turn))]
        return [entry for entry in chain(*zip_longest(*ordered)) if entry is not None][:slots]

    def _first_of(
        self, db: Connection, lines: Sequence[Line], most: int, tasks: str, now: Micros
    ) -> list[list[Claimed]]:
        sql = self._sql["select_claim"]
        answers = [db.execute(sql, (*line, tasks, now, most)) for line in lines]
        return [_claimed_list.decode(answer.get) for answer in answers]


def _is_open(line: Line, gates: Gates) -> bool:
    return not gates or not (
        gates.shut(Scope.ALL)
        or line.queue in gates.shut(Scope.QUEUE)
        or line.task in gates.shut(Scope.TASK)
        or gates.is_full(line.key)
    )


def _open_tasks(order: ClaimOrder, gates: Gates) -> str:
    """The tasks of the order without those that have reached a limit."""
    tasks = order.tasks
    for name in gates.shut(Scope.TASK) if gates else ():
        tasks = tasks.replace(f"{UNIT}{name}{UNIT}", UNIT)
    return tasks
