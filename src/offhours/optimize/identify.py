"""Watches tasks go by and says what repeats."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from offhours.core.errors import OptionError
from offhours.optimize.chains import Chain, find_chains
from offhours.optimize.patterns import Pattern, make_pattern
from offhours.optimize.records import Task
from offhours.optimize.stream import Stream, stream_of

_RARE = 50_000  # one in so many tasks is rare, however long the log


class RepetitiveTaskIdentifier:
    """Finds tasks and whole routines that come again and again.

    min_occurrences: how often, at least
    time_window_hours: how far back `identify_repetitive_patterns` looks, and in what time recency
        fades; routines are looked for in all that is remembered
    max_history_size: how many tasks are remembered; the oldest go first

    >>> identifier = RepetitiveTaskIdentifier(min_occurrences=3)
    >>> for n in range(4):
    ...     identifier.add_task(Task(f"t{n}", "copy", "", {"to": "/backup"},
    ...                              datetime(2026, 6, 1, n), 500, True))
    >>> [pattern] = identifier.identify_repetitive_patterns()
    >>> pattern.task_type, pattern.occurrences, pattern.common_parameters
    ('copy', 4, {'to': '/backup'})
    """

    def __init__(
        self,
        min_occurrences: int = 3,
        time_window_hours: float = 24,
        max_history_size: int = 10_000,
    ) -> None:
        for name, value, least in (
            ("min_occurrences", min_occurrences, 2),
            ("max_history_size", max_history_size, 1),
        ):
            if not isinstance(value, int) or value < least:
                raise OptionError(f"{name}: expected a whole number from {least} on, got {value!r}")
        if not time_window_hours > 0:
            raise OptionError(f"time_window_hours: expected more than 0, got {time_window_hours!r}")
        self.min_occurrences = min_occurrences
        self.time_window_hours = time_window_hours
        self.max_history_size = max_history_size
        self._history: deque[Task] = deque(maxlen=max_history_size)

    def add_task(self, task: Task) -> None:
        """Remember a task. May be called from any thread."""
        self._history.append(task)

    def add_tasks(self, tasks: Iterable[Task]) -> None:
        """Remember many."""
        self._history.extend(tasks)

    @property
    def history(self) -> list[Task]:
        """The tasks that are remembered, in order of time."""
        return in_order(list(self._history))

    def identify_repetitive_patterns(self, now: datetime | None = None) -> list[Pattern]:
        """The types of task that repeated in the time window, the most worth automating first.

        now: when recency is judged; by default at the newest task
        """
        tasks = self.history
        if not tasks:
            return []
        now = _as(now or tasks[-1].timestamp, tasks[-1].timestamp)
        window = 3600 * self.time_window_hours
        kinds: dict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            if (now - task.timestamp).total_seconds() <= window:
                kinds[task.task_type].append(task)
        found = [
            make_pattern((kind,), [(task,) for task in of_kind], 0, now, window)
            for kind, of_kind in kinds.items()
            if len(of_kind) >= self.min_occurrences
        ]
        return _by_potential(found)

    def identify_routines(self, now: datetime | None = None) -> list[Pattern]:
        """Sequences of several tasks that repeat, with what else happened between the steps.

        The same as patterns: with rules for their parameters, examples, and why they are believed.
        """
        tasks = self.history
        if not tasks:
            return []
        now = _as(now or tasks[-1].timestamp, tasks[-1].timestamp)
        least = max(self.min_occurrences, len(tasks) // _RARE)
        stream = stream_of(tasks, least)
        window = 3600 * self.time_window_hours
        return _by_potential(
            self._pattern(chain, stream, tasks, now, window) for chain in find_chains(stream, least)
        )

    def _pattern(
        self, chain: Chain, stream: Stream, tasks: Sequence[Task], now: datetime, window: float
    ) -> Pattern:
        order = sorted([stream.task[place] for place in run] for run in chain.runs)
        return make_pattern(
            tuple(stream.kinds[step] for step in chain.steps),
            [[tasks[index] for index in run] for run in order],
            len(chain.broken),
            now,
            window,
            chain.score,
        )


def in_order(tasks: list[Task]) -> list[Task]:
    """Tasks in order of time. Where some times have a zone, those without are local time."""
    aware = sum(task.timestamp.tzinfo is not None for task in tasks)
    if 0 < aware < len(tasks):
        tasks = [replace(task, timestamp=task.timestamp.astimezone()) for task in tasks]
    tasks.sort(key=lambda task: task.timestamp)
    return tasks


def _as(moment: datetime, other: datetime) -> datetime:
    """A moment that can be compared with another: aware when that is, else naive local time."""
    if other.tzinfo is not None:
        return moment.astimezone(other.tzinfo)
    return moment.astimezone().replace(tzinfo=None) if moment.tzinfo is not None else moment


def _by_potential(patterns: Iterable[Pattern]) -> list[Pattern]:
    return sorted(patterns, key=lambda pattern: (-pattern.automation_potential, pattern.task_type))
