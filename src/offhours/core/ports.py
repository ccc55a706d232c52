"""What the rooms promise each other. A room implements a port; only `app` knows both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from offhours.core.admission import BackgroundLimits, Room
from offhours.core.clock import Signal
from offhours.core.events import Event
from offhours.core.limits import Limit, Rate, Running, Subject
from offhours.core.model import Claimed, ForegroundLease, Job, JobState, NewJob, WorkerInfo
from offhours.core.notices import (
    Alert,
    AlertState,
    Delivery,
    DeliveryState,
    JobFacts,
    NewAlert,
    NewDelivery,
    Reading,
    StoredDump,
)
from offhours.core.outcomes import Outcome
from offhours.core.schedules import (
    FireRecord,
    NewSchedule,
    Schedule,
    ScheduleMove,
    ScheduleStatus,
)
from offhours.core.states import Move, Value
from offhours.core.times import Micros


class QueueBound(NamedTuple):
    """At most `size` pending jobs; when full: `refuse` the new one or `shed` the lowest."""

    size: int
    policy: str


def name_list(names: Iterable[str]) -> str:
    """Names as one text in which the SQL finds each, between marks that no name contains.

    A sub-query over a JSON list costs a claim more than all the rest, when nothing is warm.
    """
    return "".join(f"\x1f{name}" for name in names) + "\x1f"


class ClaimOrder(NamedTuple):
    """Who claims, how many, of what. `tasks` and `queues` are lists as `name_list` writes them.

    `free` of the claimed jobs start at once; `begun` names earlier ones that have started since.
    With `fires`, schedules that are due fire first. `sure` says that there is something to do.
    """

    worker: int
    slots: int
    free: int
    tasks: str
    begun: Sequence[int] = ()
    queues: str | None = None
    limits: BackgroundLimits = BackgroundLimits()
    below: int | None = None
    fires: bool = True
    sure: bool = False


class Exchange(NamedTuple):
    """What one round of a worker brought. `fired` are the tasks of the jobs that schedules made.

    At `opens_at` a rate that lets nothing start does so again. With `counted`, the end of a job may
    let another worker start one.
    """

    alive: bool
    refused: Sequence[Move]
    claimed: Sequence[Claimed]
    leases: Sequence[ForegroundLease]
    room: Room
    next_due: Micros | None
    next_fire: Micros | None = None
    fired: Sequence[str] = ()
    opens_at: Micros | None = None
    counted: bool = False


class Situation(NamedTuple):
    """All that `why` needs to know about a job's surroundings."""

    ahead: int
    leases: Sequence[ForegroundLease]
    running_background: int
    last_background_start: Micros | None
    workers: Sequence[WorkerInfo]
    running: int
    limits: Sequence[Limit] = ()
    running_of: Sequence[Running] = ()


class Pruned(NamedTuple):
    jobs: int
    events: int
    fires: int = 0


class WakeUps(Protocol):
    """Hints between processes that there is something to look at. Losing one costs a poll."""

    def put(self) -> None:
        """Wake one idle worker, of any process."""
        ...

    def listen(self, hungry: Sequence[Signal], wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` when one is put while all of `hungry` are set, until the returned function
        is called."""
        ...

    def tell(self, kind: str) -> None:
        """Tell the workers of all other processes, by a letter."""
        ...

    def hear(self, on_told: Callable[[str], None]) -> str:
        """Call `on_told` with what others tell, from any thread. The address we have then."""
        ...

    def unhear(self) -> None:
        """Hear no more."""
        ...

    def close(self) -> None: ...


class Schedules(Protocol):
    """The schedules in a store. Workers fire them in `Store.exchange`; this is for all else."""

    def add(self, new: NewSchedule, next_at: Micros, now: Micros) -> tuple[Schedule, bool]: ...
    def change(self, move: ScheduleMove, now: Micros) -> bool: ...
    def settle(self, schedule_id: int, now: Micros) -> None: ...
    def skip_due(
        self, schedule_id: int, code: str, reason: str, now: Micros, active: bool = False
    ) -> None: ...
    def run_now(
        self, schedule: Schedule, instants: Sequence[Micros], code: str, now: Micros
    ) -> list[int]: ...
    def report_run(
        self, schedule_id: int, succeeded: bool, text: str | None, now: Micros
    ) -> bool: ...
    def remove(self, schedule: Schedule, now: Micros) -> bool: ...

    def get(self, schedule_id: int) -> Schedule | None: ...
    def named(self, name: str) -> Schedule | None: ...
    def page(
        self,
        *,
        status: ScheduleStatus | None = None,
        task: str | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> list[Schedule]: ...
    def due_between(self, first: Micros, last: Micros, limit: int = 1000) -> list[Schedule]: ...
    def coming(self, last: Micros, limit: int = 1000) -> list[Schedule]: ...
    def of_task(self, task: str, status: ScheduleStatus, limit: int = 1000) -> list[Schedule]: ...
    def tasks(self, status: ScheduleStatus) -> list[str]: ...
    def fires(
        self, schedule_id: int, before: Micros | None = None, limit: int = 50
    ) -> list[FireRecord]: ...
    def fires_between(self, first: Micros, last: Micros, limit: int = 1000) -> list[FireRecord]: ...


class Limits(Protocol):
    """What holds back queues, tasks or all work, in all processes together."""

    def all(self) -> list[Limit]: ...
    def set(
        self, subject: Subject, concurrency: int | None, rate: Rate | None, now: Micros
    ) -> None: ...
    def pause(self, subject: Subject, reason: str, now: Micros) -> bool:
        """Let nothing start; false when nothing did already."""
        ...

    def resume(self, subject: Subject, now: Micros) -> bool: ...
    def declare(self, limits: Sequence[Limit], now: Micros) -> None:
        """Set what the code says of its tasks, where it says something else than before."""
        ...


class Notices(Protocol):
    """What rooms keep in the store: how far they have read, messages, alerts, dumps."""

    def reading(self, name: str) -> Reading | None: ...
    def read_on(
        self, before: Reading | None, after: Reading, deliveries: Sequence[NewDelivery], now: Micros
    ) -> bool:
        """Move a reader of the events, with the messages that follow, in one transaction."""
        ...

    def deliver(self, deliveries: Sequence[NewDelivery], now: Micros) -> None: ...
    def take_due(
        self, until: Micros, limit: int, now: Micros, target: str | None = None
    ) -> list[Delivery]:
        """The messages to be sent now, to one target or all, which nobody else gets before
        `until`."""
        ...

    def settle(
        self,
        delivery: Delivery,
        state: DeliveryState,
        now: Micros,
        next_at: Micros = 0,
        error: str | None = None,
    ) -> bool: ...
    def deliveries(self, state: DeliveryState | None = None, limit: int = 50) -> list[Delivery]: ...

    def fire(self, alert: NewAlert, now: Micros) -> tuple[int, bool]:
        """Raise an alert; its number, and whether it is a new one."""
        ...

    def acknowledge(self, alert_id: int, by: str, now: Micros) -> bool: ...
    def resolve(self, rule: str, subject: str, now: Micros) -> bool: ...
    def alerts(self, state: AlertState | None = None, limit: int = 50) -> list[Alert]: ...

    def keep_dump(self, dump: StoredDump, keep: int) -> None: ...
    def dumps(self, before: Micros | None = None, limit: int = 50) -> list[StoredDump]: ...
    def dump(self, dump_id: str) -> StoredDump | None: ...


class Store(Protocol):
    """The one truth. Every call that writes is one transaction and tells its events in it."""

    name: str
    location: str
    schedules: Schedules
    limits: Limits
    notices: Notices

    def submit(
        self, jobs: Sequence[NewJob], now: Micros, bound: QueueBound | None = None
    ) -> list[int]: ...
    def submit_alike(self, pattern: NewJob, arguments: Sequence[str], now: Micros) -> list[int]: ...
    def submit_on(
        self, connection: Any, jobs: Sequence[NewJob], now: Micros, bound: QueueBound | None = None
    ) -> list[int]:
        """Store jobs in the transaction that `connection` has open: rolled back, never seen."""
        ...

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction for the user's own rows beside ours; yields its connection."""
        ...

    def submit_in_round(
        self, job: NewJob, order: ClaimOrder, now: Micros, bound: QueueBound | None = None
    ) -> tuple[int, Exchange]: ...
    def exchange(self, moves: Sequence[Move], order: ClaimOrder, now: Micros) -> Exchange: ...
    def apply(self, moves: Sequence[Move], now: Micros) -> Sequence[Move]: ...
    def ask_cancel(self, job_id: int, attempt: int, now: Micros, reason: str) -> bool: ...
    def cancel_marks(self, worker: int) -> Sequence[int]: ...
    def tell(
        self, now: Micros, kind: str, job_id: int | None, attempt: int | None, **data: Value
    ) -> None: ...
    def save_progress(self, job_id: int, attempt: int, progress: str, now: Micros) -> bool: ...

    def job(self, job_id: int) -> Job | None: ...
    def jobs(
        self,
        *,
        state: JobState | None = None,
        task: str | None = None,
        after: int = 0,
        newest_first: bool = True,
        limit: int = 50,
    ) -> list[Job]: ...
    def unfinished_of(self, worker: int) -> list[Job]: ...
    def jobs_of_nobody(self) -> list[Job]: ...
    def strangers(self, known: str, limit: int = 1000) -> list[Job]: ...
    def parked(self, known: str, limit: int = 1000) -> list[Job]: ...
    def owned(self, limit: int = 1000) -> list[Job]: ...
    def expired(self, now: Micros, limit: int = 1000) -> list[Job]: ...
    def counts(self) -> dict[str, int]: ...
    def events(self, after: int = 0, limit: int = 1000, kinds: str | None = None) -> list[Event]:
        """The next events after a cursor; with `kinds`, a `name_list`, only those."""
        ...

    def facts(self, job_ids: Sequence[int]) -> list[JobFacts]: ...
    def heads(self, now: Micros, most: int = 100) -> list[Job]:
        """The first ready job of each queue and line, and the one that is overdue the longest."""
        ...

    def history(self, job_id: int) -> list[Event]: ...
    def last_seq(self) -> int: ...
    def situation(self, job: Job, now: Micros) -> Situation: ...
    def changed(self) -> int: ...

    def add_worker(self, worker: WorkerInfo, now: Micros) -> int: ...
    def beat(self, worker: int, now: Micros, tasks: str, slots: int | None = None) -> bool: ...
    def bury(
        self,
        worker: WorkerInfo,
        decide: Callable[[Sequence[Job]], Sequence[Move]],
        now: Micros,
        reason: str,
    ) -> bool: ...
    def remove_worker(self, worker: int, now: Micros) -> None: ...
    def workers(self) -> list[WorkerInfo]: ...

    def enter_foreground(self, workflow: str, holder: str, ttl: Micros, now: Micros) -> int: ...
    def renew_foreground(
        self, lease: int, workflow: str, holder: str, ttl: Micros, now: Micros
    ) -> None: ...
    def leave_foreground(self, leases: Sequence[int], now: Micros) -> None: ...
    def foreground(self, now: Micros) -> list[ForegroundLease]: ...

    def prune(self, before: Micros, keep: int, limit: int, now: Micros) -> Pruned: ...
    def log_size(self) -> int: ...
    def sibling(self) -> Store:
        """The same store over connections of its own, which no other caller can keep busy."""
        ...

    def wake_ups(self) -> WakeUps | None:
        """How processes wake each other, if the database itself can."""
        ...

    def close(self) -> None: ...


class Source(Protocol):
    """Where an executor gets its jobs and where it leaves what became of them."""

    def take(self) -> Claimed | None:
        """The most urgent job, waiting for one; None when there will be no more."""
        ...

    def try_take(self) -> Claimed | None:
        """The most urgent job that may start now, or None at once."""
        ...

    def on_ready(self, call: Callable[[], None]) -> None:
        """Have `call` called, from any thread, when `try_take` may have something."""
        ...

    def finish(self, job: Claimed, outcome: Outcome) -> bool:
        """Hand in how the run ended. False: it was given up meanwhile, and this is void."""
        ...


class Errand(Protocol):
    """One attempt that runs in another process, as the executor that brings it there sees it."""

    @property
    def order(self) -> bytes:
        """What the other process is to be told, packed."""
        ...

    @property
    def step_aside(self) -> str:
        """What the run does while the person in front is active."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the run should stop."""
        ...

    @property
    def foreground_until(self) -> Micros:
        """Until when the person in front is known to be active; 0 when not."""
        ...

    def save(self, progress: str) -> None:
        """Store what the run told of its progress."""
        ...

    def close(self, outcome: Outcome | None = None) -> None:
        """The run has ended, if it is known how: tell nothing more."""
        ...


class Runner(Protocol):
    """Runs one attempt. Nothing that a task does comes out as an exception."""

    def run(self, job: Claimed) -> Outcome: ...
    async def run_async(self, job: Claimed) -> Outcome: ...

    def lend(self, job: Claimed, on_change: Callable[[], None]) -> Errand | Outcome:
        """Let another process run it; an outcome when it cannot.

        `on_change` is called, from any thread, when the errand should be looked at anew.
        """
        ...


class Executor(Protocol):
    """A place where jobs run. It pulls from its source as its slots allow."""

    @property
    def slots(self) -> int: ...

    def start(self, source: Source, runner: Runner) -> None: ...
    def replace_slot(self) -> bool: ...

    def abandon(self) -> None:
        """End at once whatever runs and can be killed, and finish nothing of it."""
        ...

    def close(self) -> None: ...
