"""The world of one seed: who is in it, what happens next, and the end in which all is healed."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.simulation import people
from tests.simulation.calendar import Calendar
from tests.simulation.database import Backend, Sqlite
from tests.simulation.faults import Crash
from tests.simulation.ledger import Ledger
from tests.simulation.process import TASKS, Machines, Process, Time
from tests.simulation.trace import SeedFailed, Trace, Violation

from offhours.core.errors import OffhoursError
from offhours.core.events import fold
from offhours.core.model import Claimed
from offhours.core.times import SECOND, Micros

STEPS = 160
START = 1_767_225_600 * SECOND  # 2026
HOSTS = ("east", "west")
VERDICTS = ("ok",) * 6 + ("progress", "deaf", "raise", "raise", "give up", "retry", "defer")
LEASE = 30
HEALING_ROUNDS = 3_000
_MEMORY = Path("/dev/shm")


class Report(NamedTuple):
    """What a seed that held went through."""

    seed: int
    simulated: Micros
    jobs: int
    fires: int
    crashes: int
    errors: int
    digest: str


class World:
    """Processes around one database. `step` lets one thing happen."""

    def __init__(self, seed: int, backend: Backend) -> None:
        self.rng = Random(seed)
        self.backend = backend
        self.time = Time(START + self.rng.randrange(365) * 86_400 * SECOND)
        self.began_at = self.time.mono
        self.machines = Machines(self.rng.random, self.time)
        self.trace = Trace()
        self.processes: list[Process] = []
        self.options = {
            "background_limit": self.rng.choice((None, None, 2)),
            "max_queue_size": self.rng.choice((None, None, None, 12)),
            "when_full": self.rng.choice(("refuse", "shed")),
        }
        self.hostility = self.rng.choice((0.0, 0.05, 0.15, 0.3))
        self.skew = self.rng.choice((0, 0, 5))
        self.at = 0
        self.numbers = 0
        self.lease_ids: dict[str, int] = {}
        self.crashes = self.errors = 0
        self.healing = False
        self._pids = 100
        self.ledger = Ledger(backend.view(), self.options["background_limit"])
        self.calendar = Calendar(self.ledger.db)
        self._choices = self._weigh()

    def _weigh(self) -> list[Callable[[], None]]:
        """How often what happens, otherwise for every seed."""
        weights: list[tuple[Callable[[], None], int]] = [
            (self.work, 10), (self.round, 6), (self.look, 4), (self.begin, 6), (self.end, 6),
            (self.person, 14), (self.pass_time, 8), (self.pass_to_next, 5), (self.spawn, 2),
            (self.set_clock, 1), (self.freeze, 1), (self.mute, 1), (self.drain, 1), (self.kill, 1),
        ]  # fmt: skip
        return [
            each
            for each, weight in weights
            for _ in range(max(1, weight + self.rng.randint(-2, 2)))
        ]

    # -- one step ---------------------------------------------------------------------------

    def step(self) -> None:
        """One thing happens; then everything is looked at."""
        self.at += 1
        self.rng.choice(self._choices)()
        self.check(self.time.wall)

    def check(self, now: Micros) -> None:
        if self.ledger.check():
            self._check_lost()
            self.calendar.check(now)
            self.calendar.check_overlaps()

    def _check_lost(self) -> None:
        """Nobody is declared dead who lives and has just been heard."""
        lost, self.ledger.lost = self.ledger.lost, set()
        for process in self.processes:
            if process.worker is not None and process.worker.id in lost:
                silent = (self.time.mono - process.heard_at) // SECOND
                self.ledger.require(silent >= LEASE, f"{process.name} lives, was silent for "
                                    f"{silent} s and was declared dead")  # fmt: skip

    def act(self, process: Process, what: str, do: Callable[[], Any], risk: float = 1) -> Any:
        """Let a process do something, in which it may be struck; then look at everything."""
        if not self.healing and self.rng.random() < self.hostility * risk:
            kind = self.rng.choice(("crash", "crash", *self.backend.faults))
            process.faults.arm(kind, self.rng.randint(1, 40), self.rng.randint(1, 4))
        answer: Any = None
        try:
            with self.machines.acting(process):
                answer = do()
        except Crash:
            answer = None
        except OffhoursError as error:
            answer = error
        struck = process.faults.struck
        process.faults.disarm()
        process.faults.struck = None
        shown = type(answer).__name__ if isinstance(answer, Exception) else answer
        self.trace.note(self.at, process.name, what, f"{shown}{f' [{struck}]' if struck else ''}")
        if isinstance(answer, OffhoursError) and self.healing:
            raise Violation(f"{what} fails in a healed world: {answer}") from answer
        self.errors += struck is not None and not process.faults.dead
        if process.faults.dead:
            self.bury(process)
        self.check(process.clock.micros())
        return answer

    def bury(self, process: Process) -> None:
        self.crashes += 1
        self.ledger.process_died([(job.id, job.attempt) for job, _ in process.executor.held])
        process.drop()
        del self.machines.alive[process.pid]
        self.processes.remove(process)

    # -- processes --------------------------------------------------------------------------

    def spawn(self, tasks: list[str] | None = None) -> None:
        """A new process; most of them work."""
        if len(self.processes) >= 4 and tasks is None:
            return
        self._pids += 1
        known = [t for t in TASKS if t != "rare" or self.rng.random() < 0.6]
        process = Process(
            self.backend, self.time, pid=self._pids, host=self.rng.choice(HOSTS),
            skew=self.rng.randint(-self.skew, self.skew) * SECOND, slots=self.rng.randint(1, 3),
            tasks=tasks or known, on_begin=self._on_begin, **self.options,
        )  # fmt: skip
        self.processes.append(process)
        self.machines.alive[process.pid] = process
        if tasks is not None or len(self.processes) < 3 or self.rng.random() < 0.7:
            self.act(process, "start", process.start)

    def _on_begin(self, process: Process, job: Claimed) -> None:
        self.ledger.began(process.name, job.id, job.attempt, job.on_lost)

    def one(self, workers: bool = True) -> Process | None:
        """Somebody who is awake."""
        awake = [p for p in self.processes if not p.frozen and (p.worker or not workers)]
        return self.rng.choice(awake) if awake else None

    def round(self) -> None:
        if (process := self.one()) is not None:
            self.act(process, "round", process.round)

    def look(self) -> None:
        process = self.one()
        if process is not None and not process.mute:
            self.act(process, "look", process.look)

    def begin(self) -> None:
        if (process := self.one()) is not None:
            self._begin(process)

    def _begin(self, process: Process) -> bool:
        def take() -> object:
            job = process.executor.begin()
            return None if job is None else f"job {job.id}.{job.attempt} {job.task}"

        return self.act(process, "begin", take, risk=0) is not None

    def end(self) -> None:
        process = self.one()
        if process is not None and process.executor.held:
            number = self.rng.randrange(len(process.executor.held))
            self._end(process, number, self.rng.choice(VERDICTS))

    def _end(self, process: Process, number: int, verdict: str) -> None:
        job = process.executor.held[number][0]

        def run() -> str:
            job, outcome = process.executor.run(number, verdict)
            if process.faults.dead:
                process.executor.held.append((job, None))  # type: ignore[arg-type]
                return ""
            self.ledger.ended(job.id, job.attempt, type(outcome).__name__)
            valid = process.executor.hand_in(job, outcome)
            return f"{type(outcome).__name__}{'' if valid else ', void'}"

        self.act(process, f"end {job.id}.{job.attempt} {verdict}", run)

    def work(self) -> None:
        """All that a worker does, once: what keeps the world going."""
        process = self.one()
        if process is None:
            return
        parts: list[Callable[[], object]] = [
            lambda: self.act(process, "round", process.round),
            lambda: process.mute or self.act(process, "look", process.look),
            lambda: self._begin(process),
            lambda: process.executor.held and self._end(process, 0, self.rng.choice(VERDICTS)),
            lambda: self.act(process, "round", process.round),
        ]
        for part in parts:
            if process in self.processes:
                part()

    def freeze(self) -> None:
        """Stop one where it stands, or let one go on."""
        process = self.rng.choice(self.processes)
        process.frozen = not process.frozen
        self.trace.note(self.at, process.name, "frozen" if process.frozen else "goes on")

    def mute(self) -> None:
        process = self.rng.choice(self.processes)
        process.mute = not process.mute
        self.trace.note(self.at, process.name, "mute" if process.mute else "heard again")

    def drain(self) -> None:
        """Stop a worker in good order. What it runs is given up."""
        process = self.one()
        if process is not None and process.worker is not None:
            held = [(job.id, job.attempt) for job, _ in process.executor.held]
            self.act(process, "stop", process.app.stop, risk=3)
            if process in self.processes:  # its threads end with it
                for key in held:
                    self.ledger.runs[key].ended = self.ledger.runs[key].ended or "stopped"
                process.drop()
                del self.machines.alive[process.pid]
                self.processes.remove(process)

    def kill(self) -> None:
        process = self.rng.choice(self.processes)
        self.trace.note(self.at, process.name, "killed")
        self.bury(process)

    # -- time -------------------------------------------------------------------------------

    def pass_time(self) -> None:
        seconds = self.rng.choice(
            (self.rng.randint(1, 10), self.rng.randint(5, 60), self.rng.randint(60, 3600),
             self.rng.randint(3600, 100_000))
        )  # fmt: skip
        self.advance(seconds)

    def advance(self, seconds: int) -> None:
        """Time passes; who is awake sends its heartbeats meanwhile."""
        self.time.wall += seconds * SECOND
        self.time.mono += seconds * SECOND
        self.trace.note(self.at, "time", f"passes {seconds} s")
        for process in list(self.processes):
            if process.worker is not None and not process.frozen and not process.mute:
                with suppress(OffhoursError), self.machines.acting(process):
                    process.beat()
                    process.heard_at = self.time.mono

    def pass_to_next(self) -> None:
        """To the moment at which something is due."""
        [(due,)] = self.ledger.db.rows(
            "select min(due) from (select min(run_at) as due from jobs "
            "where state = 'pending' and run_at > :now "
            "union all select min(due_at) from schedules where due_at > :now) as moments",
            now=self.time.wall,
        )
        if due is not None:
            self.advance(min(100_000, -(-(due - self.time.wall) // SECOND)))

    def set_clock(self) -> None:
        """Somebody sets the wall clock of all machines; the monotonic clocks do not notice."""
        seconds = self.rng.choice((-7200, -60, 60, 7200)) + self.rng.randint(-30, 30)
        self.time.wall += seconds * SECOND
        self.trace.note(self.at, "time", f"is set by {seconds} s")

    # -- people -----------------------------------------------------------------------------

    def person(self) -> None:
        process = self.one(workers=False)
        if process is not None:
            self.rng.choice(people.DEEDS)(self, process)

    def fresh_numbers(self, count: int) -> list[int]:
        self.numbers += count
        return list(range(self.numbers - count + 1, self.numbers + 1))

    # -- the end ----------------------------------------------------------------------------

    def heal(self) -> None:
        """Nothing goes wrong any more: everything that was promised must come true."""
        self.healing = True
        self.at += 1
        for process in self.processes:
            process.frozen = process.mute = False
        self.spawn(tasks=list(TASKS))
        healer = self.processes[-1]
        for scope, name in sorted(self.ledger.paused):
            about = {} if scope == "all" else {scope: name}
            self.act(healer, f"resume {scope} {name}", partial(healer.app.resume, **about))
        for schedule_id, row in self.calendar.rows.items():
            if row.status in ("active", "parked"):
                handle = healer.app.schedules.get(schedule_id)
                self.act(healer, f"pause {schedule_id}", handle.pause)
        for _ in range(HEALING_ROUNDS):
            if not self.ledger.unfinished:
                break
            if sum(self._do_all(process) for process in self.processes if process.worker):
                continue
            self.pass_to_next() if self.rng.random() < 0.5 else self.advance(LEASE // 2 + 1)
        left = self.ledger.unfinished
        self.ledger.require(not left, f"never finished in a healed world: {left[:3]}")
        told = fold(healer.app.events())
        stand = {row.id: row.state for row in self.ledger.rows.values()}
        self.ledger.require(told == stand, "the events do not fold into the table")

    def _do_all(self, process: Process) -> int:
        """Let it run what it can get; how many runs that were."""
        self.act(process, "round", process.round)
        self.act(process, "look", process.look)
        while self._begin(process):
            pass
        runs = len(process.executor.held)
        for _ in range(runs):
            self._end(process, 0, "ok")
        self.act(process, "round", process.round)
        return runs

    def close(self) -> None:
        for process in self.processes:
            process.drop()
        self.ledger.db.close()


def simulate(seed: int, steps: int = STEPS, backend: Backend | None = None) -> Report:
    """Live through the world of a seed; `SeedFailed` when a promise is broken in it."""
    if backend is not None:
        return _simulate(seed, steps, backend)
    parent = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="offhours-sim-", dir=parent) as folder:
        return _simulate(seed, steps, Sqlite(folder))


def _simulate(seed: int, steps: int, backend: Backend) -> Report:
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        world = World(seed, backend)
        try:
            with world.machines.installed():
                return _live(world, seed, steps)
        finally:
            world.close()
    finally:
        logging.disable(disabled)


def _live(world: World, seed: int, steps: int) -> Report:
    try:
        for _ in range(world.rng.randint(2, 4)):
            world.spawn()
        for _ in range(steps):
            while not world.processes:  # the first may die as it starts
                world.spawn()
            world.step()
        world.heal()
    except (Exception, Crash) as problem:
        raise SeedFailed(seed, world.at, world.trace, problem) from problem
    passed = world.time.mono - world.began_at
    return Report(
        seed, passed, len(world.ledger.rows), world.calendar.fires, world.crashes, world.errors,
        world.trace.digest,
    )  # fmt: skip
