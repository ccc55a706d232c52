"""Finds artefacts: what users stored, and schedules and tasks, which the store has anyway."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from offhours.core.artifacts import Artifact, NewArtifact
from offhours.core.clock import Clock
from offhours.core.errors import OptionError
from offhours.core.model import Job
from offhours.core.notices import Reading
from offhours.core.ports import Store, Wanted, name_list
from offhours.core.schedules import Schedule, ScheduleStatus
from offhours.search.catalogue import (
    SCHEDULE,
    TASK,
    of_schedule,
    of_task,
    says_only_when,
    schedule_key,
)
from offhours.search.embedder import Embedder
from offhours.search.vectors import Vectors

READER = "search"
JOBS_WITHIN = 10_000
_KINDS = ("schedule.created", "schedule.changed", "schedule.deleted")
_MOST_EVENTS = 100_000
_MOST_BEHIND = 10_000
_PAGE = 500
_CANDIDATES = 50
_WORDS_WEIGHT = 0.02  # decides between what is as near; 0.1 cost a seventh of the first places

Tasks = Callable[[], Iterable[tuple[str, str]]]


class Found(NamedTuple):
    """What a search has found, and whether by meaning (`semantic`) or by words (`lexical`)."""

    mode: str
    artifacts: list[Artifact]
    jobs: list[Job]


class Search:
    """Finds artefacts in a store by name, tag, word and, with an embedder, by meaning.

    Schedules are artefacts of the type `PLAN`, tasks of the type `FUNCTION`: they are taken in
    from the store when somebody searches, so that nothing else has to wait for it.

    tasks: the tasks that this process knows, each with its description
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        embedder: Embedder | None = None,
        tasks: Tasks = tuple,
    ) -> None:
        self._store = store
        self._clock = clock
        self._index = store.search
        self._tasks = tasks
        self._known_tasks: frozenset[tuple[str, str]] = frozenset()
        self._vectors = None if embedder is None else Vectors(self._index, embedder)
        self._seen = 0
        self._lock = threading.Lock()

    @property
    def mode(self) -> str:
        """`semantic` with an embedder, else `lexical`."""
        return "lexical" if self._vectors is None else "semantic"

    # -- storing ------------------------------------------------------------------------------

    def store(self, artifact: NewArtifact) -> Artifact:
        """Keep an artefact; one of the same key is replaced."""
        if not artifact.key or not artifact.name.strip():
            raise OptionError("artifact: it needs an id and a name to be found by")
        if artifact.source is not None:
            raise OptionError("artifact: only what is derived has a source")
        self._index.put([artifact], self._clock.micros())
        found = self._index.get(artifact.key)
        assert found is not None
        return found

    def get(self, key: str) -> Artifact | None:
        """The artefact of a key."""
        self.refresh()
        return self._index.get(key)

    def remove(self, key: str) -> bool:
        """Forget an artefact; false when there is none. What is derived comes back when changed."""
        return self._index.remove([key]) > 0

    # -- finding ------------------------------------------------------------------------------

    def find(
        self,
        text: str,
        *,
        type: str | None = None,  # noqa: A002
        tags: Sequence[str] = (),
        tasks: bool = True,
        limit: int = 10,
    ) -> list[Artifact]:
        """What fits a text best, of a type and with all of the tags, the best first.

        What has exactly this name comes first. Then, with an embedder, what is near in meaning,
        and of two that are as near the one that shares more words; without, what shares words.
        A text that only says when ("tasks that run daily") is compared by its words in any case.
        With `tasks` false, the tasks that this process knows are left out.
        """
        _check_limit(limit)
        self.refresh()
        wanted = Wanted(type, tuple(tags), tasks)
        if not text.strip():
            return self._index.tagged(wanted, limit)
        named = [each._replace(score=1.0) for each in self._index.named(text, wanted, limit)]
        if self._vectors is not None and not says_only_when(text):
            others = self._near(self._vectors, text, wanted, limit)
        else:
            others = self._index.with_words(text, wanted, limit + len(named))
        seen = {each.id for each in named}
        return [*named, *(each for each in others if each.id not in seen)][:limit]

    def find_by_tags(
        self,
        tags: Sequence[str],
        *,
        type: str | None = None,  # noqa: A002
        tasks: bool = True,
        limit: int = 100,
    ) -> list[Artifact]:
        """What has all of the tags, each exactly as it is written; the newest first."""
        _check_limit(limit)
        self.refresh()
        return self._index.tagged(Wanted(type, tuple(tags), tasks), limit)

    def jobs(self, text: str, limit: int = 10, within: int = JOBS_WITHIN) -> list[Job]:
        """Jobs in whose task, name, arguments, metadata or error all the words stand, newest first.

        It looks through the newest `within` jobs.
        """
        _check_limit(limit)
        words = text.split()
        return self._index.jobs(words, limit, within) if words else []

    def everything(
        self,
        text: str,
        *,
        type: str | None = None,  # noqa: A002
        tags: Sequence[str] = (),
        limit: int = 10,
    ) -> Found:
        """What fits a text best, and jobs of that text: so many of each.

        Jobs have no tags and no type of artefact: with either they are left out, and of the type
        `job` nothing else is found.
        """
        only_jobs = type == "job"
        others = [] if only_jobs else self.find(text, type=type, tags=tags, limit=limit)
        jobs = [] if tags or (type and not only_jobs) else self.jobs(text, limit)
        return Found(self.mode, others, jobs)

    def _near(self, vectors: Vectors, text: str, wanted: Wanted, limit: int) -> list[Artifact]:
        some = wanted.type is not None or wanted.tags or not wanted.tasks
        among = self._index.ids(wanted) if some else None
        most = max(limit * 2, _CANDIDATES)
        scores = dict(vectors.near(text, among, most))
        by_words = self._index.with_words(text, wanted, most)
        best = max((each.score for each in by_words), default=0.0)
        for each in by_words:
            if each.id in scores and best > 0:
                scores[each.id] += _WORDS_WEIGHT * each.score / best
        ranked = sorted(scores, key=lambda number: (-scores[number], number))
        found = self._index.of_ids(ranked[: limit * 2])
        return [each._replace(score=round(scores[each.id], 6)) for each in found]

    # -- taking in what the store has anyway --------------------------------------------------

    def refresh(self) -> None:
        """Take in the schedules that changed and the tasks that are new. Searching does it."""
        with self._lock:
            self._follow_schedules()
            self._take_in_tasks()

    def _follow_schedules(self) -> None:
        reading = self._store.notices.reading(READER)
        begun = None if reading is None else max(reading.seq, self._seen)
        while (end := self._store.last_seq()) != self._seen or begun is None:
            all_of_them = begun is None or end - begun > _MOST_EVENTS or self._pruned_since(begun)
            if all_of_them:
                changed, gone = self._all_schedules()
            else:
                changed, gone = self._schedules_since(begun or 0, end)
            # The position need not be stored each time: to read some events again changes nothing.
            near = reading is not None and end - reading.seq < _MOST_BEHIND and not all_of_them
            if (near and not changed and not gone) or self._keep(reading, end, changed, gone):
                self._seen = end
                return
            reading = self._store.notices.reading(READER)  # another process has read on

    def _keep(
        self, before: Reading | None, end: int, changed: list[NewArtifact], gone: list[str]
    ) -> bool:
        now, most = self._clock.micros(), max(0, len(changed) - _PAGE)
        for start in range(0, most, _PAGE):  # nobody else could write while all are stored at once
            self._index.put(changed[start : min(start + _PAGE, most)], now)
        return self._index.follow(before, Reading(READER, end), changed[most:], gone, now)

    def _pruned_since(self, seq: int) -> bool:
        first = self._store.events(0, 1)
        return bool(first) and first[0].seq > seq + 1

    def _schedules_since(self, seq: int, end: int) -> tuple[list[NewArtifact], list[str]]:
        touched: set[int] = set()
        wanted = name_list(_KINDS)
        while page := self._store.events(seq, _PAGE, wanted):
            touched.update(event.told.get("schedule", 0) for event in page)
            seq = page[-1].seq
            if seq >= end:
                break
        found = {number: self._store.schedules.get(number) for number in sorted(touched)}
        changed = self._changed(of_schedule(each) for each in found.values() if each is not None)
        return changed, [schedule_key(number) for number in found if found[number] is None]

    def _all_schedules(self) -> tuple[list[NewArtifact], list[str]]:
        known: set[str] = set()
        changed: list[NewArtifact] = []
        for schedule in self._schedules():
            known.add(schedule_key(schedule.id))
            changed += self._changed([of_schedule(schedule)])
        return changed, [key for key in self._index.derived(SCHEDULE) if key not in known]

    def _schedules(self) -> Iterator[Schedule]:
        after = 0
        while page := self._store.schedules.page(after=after, limit=_PAGE):
            yield from page
            after = page[-1].id

    def _take_in_tasks(self) -> None:
        """Those that this process knows, with what they say of themselves; of others the names."""
        known = frozenset(self._tasks())
        names = {name for name, _ in known}
        for worker in self._store.workers():
            names.update(json.loads(worker.tasks))
        names.update(self._store.schedules.tasks(ScheduleStatus.ACTIVE))
        everything = known | {(name, "") for name in names - {name for name, _ in known}}
        if everything == self._known_tasks:
            return
        there = set(self._index.derived(TASK))
        described = [of_task(name, text) for name, text in sorted(known)]
        others = [of_task(name, "") for name, _ in sorted(everything - known)]
        new = [each for each in others if each.key not in there]
        self._index.put([*self._changed(described), *new], self._clock.micros())
        self._known_tasks = everything

    def _changed(self, artifacts: Iterable[NewArtifact]) -> list[NewArtifact]:
        """Those that are not stored just so: a vector need not be made again for the others."""
        return [each for each in artifacts if not _is(self._index.get(each.key), each)]


def _is(stored: Artifact | None, new: NewArtifact) -> bool:
    told: tuple[Any, ...] = (
        new.type, new.name, new.description, new.content, tuple(dict.fromkeys(new.tags)),
        new.metadata,
    )  # fmt: skip
    return stored is not None and stored[2:8] == told


def _check_limit(limit: int) -> None:
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise OptionError(f"limit: expected a whole number from 1 on, got {limit!r}")
