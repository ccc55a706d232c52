"""What must be true of jobs, kept by an independent hand: replayed from events, told by runs.

It shares no rule with the code under test. Each step the new events are replayed job by job, and
what they come to must be what the table says.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.simulation.database import View
from tests.simulation.trace import Violation

FINAL = ("succeeded", "failed", "cancelled")
MOST_CRASHES = 3
BACKGROUND = 90
# From a running job, what a kind of event makes of it.
ENDS = {
    "job.succeeded": "succeeded", "job.failed": "failed", "job.cancelled": "cancelled",
    "job.retried": "pending", "job.deferred": "pending", "job.returned": "pending",
    "job.rescued": "pending", "job.held": "held",
}  # fmt: skip
# What may become of a job that nobody runs.
IDLE = {
    "job.held": {"pending": "held"}, "job.released": {"held": "pending"},
    "job.deferred": {"pending": "pending"}, "job.failed": {"pending": "failed", "held": "failed"},
    "job.cancelled": {"pending": "cancelled", "held": "cancelled"},
}  # fmt: skip
COLUMNS = (
    "id, task, queue, args, priority, state, attempt, returned, crashes, worker, max_attempts, "
    "on_lost, unique_key, schedule_id, fire_at, retry_of, expires_at, finished_at, code, reason, "
    "result, concurrency_key, per_key"
)


class Row(NamedTuple):
    """A job as the table has it."""

    id: int
    task: str
    queue: str
    args: str
    priority: int
    state: str
    attempt: int
    returned: int
    crashes: int
    worker: int | None
    max_attempts: int | None
    on_lost: str
    unique_key: str | None
    schedule_id: int | None
    fire_at: int | None
    retry_of: int | None
    expires_at: int | None
    finished_at: int | None
    code: str | None
    reason: str | None
    result: str | None
    concurrency_key: str | None
    per_key: int | None

    @property
    def number(self) -> int:
        return int(json.loads(self.args)[0][0])


@dataclass
class Replayed:
    """A job as its events tell it."""

    state: str = "pending"
    attempt: int = 0
    returned: int = 0
    crashes: int = 0
    worker: int | None = None


@dataclass
class Run:
    """One attempt, as the machine saw it that ran it. `ended` is the name of its outcome."""

    who: str
    ended: str | None = None
    died: bool = False


class Ledger:
    """What was promised to submitters, what runs did, and what the events tell."""

    def __init__(self, db: View, background_limit: int | None) -> None:
        self.db = db
        self._limit = background_limit
        self.acknowledged: dict[int, int] = {}  # job and the number in its arguments
        self.unknown: list[Sequence[int]] = []  # numbers of submissions nobody answered for
        self.refused: set[int] = set()
        self.runs: dict[tuple[int, int], Run] = {}
        self.jobs: dict[int, Replayed] = {}
        self.workers: set[int] = set()
        self.lost: set[int] = set()  # declared dead in this step
        self.limits: dict[tuple[str, str], int] = {}  # at once; 0 while paused
        self.paused: set[tuple[str, str]] = set()
        self.leases: dict[str, tuple[int, int]] = {}  # foreground: until when, and how long
        self.rows: dict[int, Row] = {}
        self._version: object = None
        self._forgiven: list[int] = []
        self._charged = 0
        self._numbers: set[int] = set()
        self._fired: set[tuple[int, int | None]] = set()
        self._of_job: dict[int, list[int]] = defaultdict(list)
        self._seq = 0

    # -- told by the world ------------------------------------------------------------------

    def began(self, who: str, job_id: int, attempt: int, on_lost: str) -> None:
        """A run begins: no attempt twice, and one that may run once only after a known end."""
        key = (job_id, attempt)
        self.require(key not in self.runs, f"attempt {attempt} of job {job_id} began twice")
        if on_lost == "fail":
            for earlier in self._of_job[job_id]:
                ended = self.runs[job_id, earlier].ended
                self.require(
                    ended in ("Failed", "Deferred", "given up"),
                    f"job {job_id} may run at most once and began again: attempt {earlier} "
                    f"ended {ended}, and {attempt} begins",
                )
        self.runs[key] = Run(who)
        self._of_job[job_id].append(attempt)

    def ended(self, job_id: int, attempt: int, outcome: str) -> None:
        run = self.runs[job_id, attempt]
        run.ended = run.ended or outcome  # who was given up before may still come to an end

    def process_died(self, held: Sequence[tuple[int, int]]) -> None:
        for key in held:
            self.runs[key].died = True

    # -- after every step -------------------------------------------------------------------

    def check(self) -> bool:
        """Replay what is new, and compare. False: nobody has committed anything."""
        version = self.db.version()
        if version == self._version:
            return False
        self._version = version
        events = self.db.rows(
            "select seq, at, kind, job_id, attempt, data from events where seq > :seq order by seq",
            seq=self._seq,
        )
        before = self.rows
        self.rows = {row[0]: Row(*row) for row in self.db.rows(f"select {COLUMNS} from jobs")}
        touched = {job_id for job_id, row in self.rows.items() if row != before.get(job_id)}
        for seq, at, kind, job_id, attempt, data in events:
            gap = self.db.gapless and seq != self._seq + 1
            self.require(not gap, f"event {seq} follows {self._seq}")
            self._seq = seq
            told = json.loads(data) if data else {}
            if job_id is not None:
                touched.add(job_id)
                self._replay(kind, job_id, attempt, at, told)
            elif kind.startswith("limit."):
                self._limited(kind, told)
            elif kind == "worker.started":
                self.workers.add(told["worker"])
            elif kind in ("worker.lost", "worker.stopped"):
                self.workers.remove(told["worker"])
                if kind == "worker.lost":
                    self.lost.add(told["worker"])
        # Which of its jobs a death is charged to is a guess; that it is charged is not.
        free = f"jobs {self._forgiven} ran when their process died, and that cost nobody anything"
        self.require(not self._forgiven or self._charged > 0, free)
        self._forgiven, self._charged = [], 0
        self._check_rows(before, touched)
        self._check_all()
        return True

    def _replay(self, kind: str, job_id: int, attempt: int, at: int, told: Any) -> None:
        if kind == "job.submitted":
            self.require(job_id not in self.jobs, f"job {job_id} was submitted twice")
            self.jobs[job_id] = Replayed()
            return
        job = self.jobs[job_id]
        run = self.runs.get((job_id, attempt))
        if kind == "job.started":
            self.require(job.state == "pending", f"job {job_id} was claimed, though {job.state}")
            self.require(attempt == job.attempt + 1, f"job {job_id}: claim {attempt} "
                         f"follows {job.attempt}")  # fmt: skip
            self.require(told["worker"] in self.workers, f"job {job_id} went to a dead worker")
            self._check_claim(job_id, at)
            job.state, job.attempt, job.worker = "running", attempt, told["worker"]
        elif kind in ENDS and job.state == "running":
            self.require(attempt == job.attempt, f"{kind} of job {job_id} by the stale attempt "
                         f"{attempt}, it is at {job.attempt}")  # fmt: skip
            self._check_end(kind, job_id, job, run, told)
            job.state, job.worker = ENDS[kind], None
            job.returned += kind in ("job.deferred", "job.returned")
            self._charged += "crashes" in told
            job.crashes = told.get("crashes", job.crashes)
        elif kind in IDLE:
            to = IDLE[kind].get(job.state)
            self.require(to is not None, f"{kind} of job {job_id}, which is {job.state}")
            self.require(attempt == job.attempt, f"{kind} of job {job_id}: attempt {attempt}")
            job.state = str(to)
        elif kind == "job.done_again":
            self.require(job == Replayed(), f"job {job_id} is no fresh one, it was {job.state}")
            done = self.jobs[told["of"]].state
            self.require(done in FINAL, f"job {told['of']} is done again, though {done}")
        else:
            known = ("job.cancel_requested", "job.progress", "job.stuck", "job.result_refused")
            self.require(kind in known, f"{kind} of job {job_id}, which is {job.state}")

    def _limited(self, kind: str, told: dict[str, Any]) -> None:
        subject = (told["scope"], told["name"])
        if kind == "limit.paused":
            self.paused.add(subject)
        elif kind == "limit.resumed":
            self.paused.remove(subject)
        elif told["concurrency"] is None:
            self.limits.pop(subject, None)
        else:
            self.limits[subject] = told["concurrency"]

    def _check_limits(self, row: Row) -> None:
        """Before one more of them starts: nothing is paused, and it is not one too many."""
        for subject in (("all", ""), ("queue", row.queue), ("task", row.task)):
            self.require(subject not in self.paused, f"job {row.id} began, {subject} is paused")
            if (limit := self.limits.get(subject)) is not None:
                run = sum(
                    job.state == "running"
                    and subject[1] in ("", getattr(self.rows[job_id], subject[0], ""))
                    for job_id, job in self.jobs.items()
                )
                self.require(run < limit, f"job {row.id} is one too many of {subject}")

    def _check_key(self, row: Row) -> None:
        """Before one more of its concurrency key starts, fewer run than may."""
        if row.per_key is not None:
            run = sum(
                job.state == "running" and self.rows[job_id].concurrency_key == row.concurrency_key
                for job_id, job in self.jobs.items()
            )
            self.require(run < row.per_key, f"job {row.id} is one too many of its key")

    def _check_claim(self, job_id: int, at: int) -> None:
        row = self.rows[job_id]
        self._check_limits(row)
        self._check_key(row)
        self.require(row.expires_at is None or row.expires_at > at, f"job {job_id} had expired")
        if row.priority >= BACKGROUND:
            for until, ttl in self.leases.values():
                alive = at < until <= at + 2 * ttl
                self.require(not alive, f"background job {job_id} began in a foreground lease")

    def _check_end(
        self, kind: str, job_id: int, job: Replayed, run: Run | None, told: dict[str, Any]
    ) -> None:
        """What is recorded of an attempt is what became of its run."""
        ended = None if run is None else run.ended
        code = told.get("code")
        row = self.rows[job_id]
        spent = job.attempt - job.returned - job.crashes
        match kind:
            case "job.succeeded":
                self.require(ended == "Done", f"job {job_id} succeeded, its run ended {ended}")
            case "job.retried" | "job.failed" if code in ("error", "retry"):
                self.require(ended == "Failed", f"job {job_id}: {code}, its run ended {ended}")
            case "job.deferred":
                self.require(ended == "Deferred", f"job {job_id} deferred, its run ended {ended}")
            case "job.returned" if run and run.died and told["reason"] != "the worker stopped":
                self._forgiven.append(job_id)
        if kind == "job.retried" and row.max_attempts is not None:
            self.require(spent < row.max_attempts, f"job {job_id}: a retry too many")
        if kind in ("job.retried", "job.failed") and code == "timeout" and run:
            run.ended = "given up"
        if kind == "job.rescued":
            self.require(told["crashes"] == job.crashes + 1, f"job {job_id}: a crash uncounted")
            self.require(told["crashes"] < MOST_CRASHES, f"job {job_id} crashes for ever")
            self.require(row.on_lost == "retry", f"job {job_id} was lost and may not run again")

    def _check_rows(self, before: dict[int, Row], touched: set[int]) -> None:
        """Each row that changed says what its events say."""
        require = self.require
        require(self.rows.keys() == self.jobs.keys(), "the table has other jobs than the events")
        for row in (self.rows[job_id] for job_id in touched):
            job = self.jobs[row.id]
            stands = (row.state, row.attempt, row.returned, row.crashes, row.worker)
            told = (job.state, job.attempt, job.returned, job.crashes, job.worker)
            require(stands == told, f"job {row.id} stands {stands}, its events tell {told}")
            old = before.get(row.id)
            if old is not None:
                require(old.finished_at is None or row == old, f"job {row.id} was final: {row}")
            elif row.schedule_id is None:
                self._numbers.add(row.number)
            elif row.retry_of is None:
                fire = (row.schedule_id, row.fire_at)
                require(fire not in self._fired, f"two jobs for one instant: {fire}")
                self._fired.add(fire)
            if row.result is not None:
                require(row.result == str(row.number), f"job {row.id} has the result {row.result}")

    def _check_all(self) -> None:
        """What holds for all jobs together."""
        require = self.require
        present = {row[0] for row in self.db.rows("select id from workers")}
        require(present == self.workers, f"workers {present}, as told {self.workers}")
        unfinished = self.unfinished
        holders = {row.worker for row in unfinished if row.worker is not None}
        require(holders <= present, f"jobs run on workers {holders - present}, which are gone")
        keys = [row.unique_key for row in unfinished if row.unique_key is not None]
        require(len(keys) == len(set(keys)), f"two jobs hold one of the keys {keys}")
        if self._limit is not None:
            busy = sum(row.priority >= BACKGROUND for row in unfinished if row.worker is not None)
            require(busy <= self._limit, f"{busy} background jobs run at once")
        lost = self.acknowledged.keys() - self.rows.keys()
        require(not lost, f"jobs {lost} were acknowledged and are lost")
        for batch in self.unknown:
            found = self._numbers.intersection(batch)
            require(len(found) in (0, len(batch)), f"half a submission: {found} of {batch}")
        refused = self._numbers & self.refused
        require(not refused, f"refused and yet stored: {refused}")
        known = self.acknowledged.values()
        ghosts = self._numbers.difference(known, *self.unknown)
        require(not ghosts, f"jobs that nobody submitted: {ghosts}")

    def acknowledge(self, job_id: int, number: int) -> None:
        """The submitter was told this id; it must be that job, now and for ever."""
        row = self.rows.get(job_id)
        self.require(
            row is not None and row.number == number,
            f"job {job_id} was acknowledged for {number} and is {row}",
        )
        self.acknowledged[job_id] = number

    @property
    def unfinished(self) -> list[Row]:
        return [row for row in self.rows.values() if row.finished_at is None]

    def require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Violation(otherwise)
