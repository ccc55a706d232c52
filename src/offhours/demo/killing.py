"""The kill demo: jobs on one file, workers that die every second, and one that wakes too late."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from offhours.core.events import Event
from offhours.core.model import Job
from offhours.demo.fleet import Fleet, Member
from offhours.demo.killable import open_app
from offhours.demo.ledger import Mark, Pen, read
from offhours.demo.screen import Screen

LOOK = 0.03
KILL_EVERY = 1.0
FIRST_STOP = 1.0
ROUNDS = 3
SPARED = 1.5
LONGEST_STOP = 8.0
UP_WITHIN = 5.0
_FINAL = ("succeeded", "failed", "cancelled")


@dataclass(slots=True)
class Aftermath:
    """What is left when all is over: the ledger, and what the store says."""

    marks: list[Mark] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    kills: int = 0
    fallen: int = 0
    """Workers that ended though nobody asked them to."""
    last_words: str = ""
    """What the workers said last."""
    orderly: int = 0
    """Workers that finished in good order when they were asked to, at the end."""
    sound: bool = False
    """Whether the file passes SQLite's check."""


class Killing:
    """One run in a folder. `seconds` bounds it."""

    def __init__(self, root: Path, jobs: int, workers: int, seconds: float, screen: Screen) -> None:
        self._store = root / "jobs.db"
        self._ledger = root / "ledger.txt"
        self._size, self._jobs = workers, jobs
        self._screen = screen
        self._give_up = time.monotonic() + seconds
        self._app, self._task = open_app(self._store)
        self._stopped: Member | None = None
        self._stopped_at = 0.0
        self._woken: dict[Member, float] = {}
        self._rounds = 0
        self._finished = 0

    def run(self) -> Aftermath:
        """Submit, kill until all is done, and gather what is left."""
        after = Aftermath()
        with closing(self._app), Pen(self._ledger) as pen:
            self._submit(pen)
            with Fleet(self._size, self._store, pen) as fleet:
                self._screen.say(f"{self._jobs:,} jobs, {self._size} worker processes, one file")
                self._see_all_at_work(fleet)
                self._harass(fleet)
                self._see_all_at_work(fleet)
                after.kills, after.fallen = fleet.kills, fleet.fallen
                after.orderly = fleet.end()
                after.last_words = fleet.last_words()
            after.jobs = self._app.jobs(limit=self._jobs + 1)
            after.events = list(self._app.events())
            after.marks = self._marks()
        after.sound = _sound(self._store)
        return after

    def _submit(self, pen: Pen) -> None:
        rng = random.Random()
        naps = [
            rng.uniform(0.15, 0.3) if rng.random() < 0.05 else rng.uniform(0.01, 0.09)
            for _ in range(self._jobs)
        ]
        for job in self._task.submit_many((nap, self._ledger) for nap in naps):
            pen.write("submitted", job=job.id)

    def _harass(self, fleet: Fleet) -> None:
        begin = time.monotonic()
        next_kill, next_stop = begin + KILL_EVERY, begin + FIRST_STOP
        while not self._over(fleet):
            moment = time.monotonic()
            if moment >= next_kill:
                next_kill += KILL_EVERY
                self._kill(fleet, moment)
            if self._stopped is not None:
                self._wake_if_lost(moment)
                next_stop = moment + SPARED
            elif moment >= next_stop and self._rounds < ROUNDS:
                self._stop_one(fleet, moment)
            time.sleep(LOOK)
        if self._stopped is not None:
            self._stopped.wake()

    def _see_all_at_work(self, fleet: Fleet) -> None:
        """A process that has not begun can neither be hurt nor end in good order."""
        deadline = time.monotonic() + UP_WITHIN
        pids = {member.pid for member in fleet.members}
        while time.monotonic() < deadline and not fleet.fallen:
            if pids <= {worker.pid for worker in self._app.workers()}:
                return
            time.sleep(LOOK)

    def _over(self, fleet: Fleet) -> bool:
        counts = self._app.counts()
        self._finished = sum(counts[state] for state in _FINAL)
        self._screen.show(self._shares)
        done = self._finished == self._jobs and self._stopped is None
        return done or bool(fleet.fallen) or time.monotonic() >= self._give_up

    def _shares(self) -> Mapping[str, tuple[float, float]]:
        return {"done": (self._finished, self._jobs)}

    def _kill(self, fleet: Fleet, moment: float) -> None:
        """The oldest in a run; while one stands still, the youngest, as the others watch it."""
        recent = {member for member, woken in self._woken.items() if moment - woken < SPARED}
        victims = [m for m in fleet.members if m is not self._stopped and m not in recent]
        if not victims:
            return
        if self._stopped is None:
            victim = next((m for m in victims if self._in_a_run(m)), victims[0])
        else:
            victim = victims[-1]
        fleet.replace(victim)
        self._screen.say(f"killed process {victim.pid}: {self._finished:,} jobs are finished")

    def _stop_one(self, fleet: Fleet, moment: float) -> None:
        """Let a process stand still in the middle of a run, with no lock in its hands."""
        member = fleet.members[0]
        member.stop()
        if self._in_a_run(member) and self._writable():
            self._stopped, self._stopped_at = member, moment
            self._rounds += 1
            self._screen.say(f"stopped process {member.pid} in the middle of a run")
        else:
            member.wake()

    def _wake_if_lost(self, moment: float) -> None:
        member = self._stopped
        assert member is not None
        lost = member.pid not in {worker.pid for worker in self._app.workers()}
        if lost:
            member.disowned()
        if lost or moment - self._stopped_at > LONGEST_STOP:
            self._screen.say(f"woke process {member.pid} after {moment - self._stopped_at:.1f} s")
            member.wake()
            self._woken[member] = moment
            self._stopped = None

    def _in_a_run(self, member: Member) -> bool:
        words = [mark.what for mark in self._marks() if mark.pid == member.pid and mark.job]
        return words[-1:] == ["start"]

    def _writable(self) -> bool:
        """Whether nobody holds the write lock: one who stands still would hold it for ever."""
        with closing(apsw.Connection(str(self._store))) as database:
            database.set_busy_timeout(200)
            try:
                database.execute("begin immediate")
            except apsw.BusyError:
                return False
            database.execute("rollback")
        return True

    def _marks(self) -> list[Mark]:
        with self._ledger.open(encoding="ascii") as lines:
            return list(read(lines))


def accepted(jobs: list[Job]) -> dict[int, int]:
    """By job, the run whose result the store keeps."""
    return {job.id: int(json.loads(job.result)) for job in jobs if job.result is not None}


def _sound(store: Path) -> bool:
    with closing(apsw.Connection(str(store))) as database:
        return bool(database.execute("pragma integrity_check").get == "ok")
