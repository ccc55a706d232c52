"""What the rooms promise each other. A room implements a port; only `app` knows both sides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from offhours.core.access import NewToken, Operation, Reply, Token
from offhours.core.admission import BackgroundLimits, Room
from offhours.core.agents import (
    Deferral,
    DeferredOften,
    Deliver,
    Executions,
    Goal,
    GoalCount,
    NewGoal,
    NewThought,
    StoredThought,
    ThoughtState,
)
from offhours.core.artifacts import Artifact, NewArtifact
from offhours.core.budgets import Amounts, Breach, Spent, StoredBudget
from offhours.core.bulk import Group, Order
from offhours.core.clock import Signal
from offhours.core.events import Audited, Event
from offhours.core.flows import (
    Approval,
    ApprovalState,
    Edge,
    Flow,
    FlowStep,
    Member,
    Recorded,
)
from offhours.core.graph import Edge as GraphEdge
from offhours.core.graph import Node
from offhours.core.limits import Limit, Rate, Running, Subject
from offhours.core.lists import Depth, JobFilter, Stretch
from offhours.core.model import Claimed, ForegroundLease, Job, JobState, NewJob, WorkerInfo
from offhours.core.moving import Moved, Row
from offhours.core.notices import (
    Alert,
    AlertState,
    Delivery,
    DeliveryState,
    DumpHead,
    JobFacts,
    NewAlert,
    NewDelivery,
    Reading,
    StoredDump,
)
from offhours.core.optimize import StoredAutomation, StoredTrial
from offhours.core.outcomes import Outcome
from offhours.core.quotas import Quota, Usage
from offhours.core.schedules import (
    FireRecord,
    NewSchedule,
    Schedule,
    ScheduleMove,
    ScheduleStatus,
)
from offhours.core.states import Move, Value
from offhours.core.templates import StoredTemplate
from offhours.core.terms import USUAL, Terms
from offhours.core.times import Micros
from offhours.core.training import (
    Alias,
    AliasMove,
    Cycle,
    CycleCounts,
    CycleEnd,
    CycleRecord,
    Hold,
    Model,
    NewCycle,
    NewVersion,
    Scores,
    Version,
)


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
    running_of_key: int = 0
    upstream: Sequence[tuple[int, str, str]] = ()


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

    def unfinished(self, schedule_id: int) -> list[Job]: ...
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
        """Move a reader of the events, with the messages that follow, in one transaction.

        False when it does not stand at `before` any more, in its state too.
        """
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
    def dumps(self, before: Micros | None = None, limit: int = 50) -> list[DumpHead]: ...
    def dump(self, dump_id: str) -> StoredDump | None: ...


class Wanted(NamedTuple):
    """Which artefacts: of a type, with all of the tags, and whether derived tasks, too."""

    type: str | None = None
    tags: tuple[str, ...] = ()
    tasks: bool = True


class SearchIndex(Protocol):
    """Artefacts, and the indexes by which they are found."""

    def put(self, artifacts: Sequence[NewArtifact], now: Micros) -> None: ...
    def remove(self, keys: Sequence[str]) -> int: ...
    def follow(
        self,
        before: Reading | None,
        after: Reading,
        changed: Sequence[NewArtifact],
        gone: Sequence[str],
        now: Micros,
    ) -> bool:
        """Move the reader that derives artefacts, with what it found, in one transaction."""
        ...

    def get(self, key: str) -> Artifact | None: ...
    def of_ids(self, ids: Sequence[int]) -> list[Artifact]: ...
    def derived(self, source: str) -> list[str]: ...
    def named(self, text: str, wanted: Wanted, limit: int) -> list[Artifact]: ...
    def with_words(self, text: str, wanted: Wanted, limit: int) -> list[Artifact]: ...
    def tagged(self, wanted: Wanted, limit: int) -> list[Artifact]: ...
    def ids(self, wanted: Wanted) -> list[int]: ...
    def jobs(self, words: Sequence[str], limit: int, within: int) -> list[Job]: ...

    def version(self) -> int:
        """A number that is another one after anything was stored."""
        ...

    def unembedded(self, model: str, limit: int) -> list[Artifact]: ...
    def put_vectors(self, model: str, vectors: Sequence[tuple[Artifact, bytes]]) -> None: ...
    def vectors(self, model: str) -> list[tuple[int, bytes]]: ...


class GraphRows(Protocol):
    """Nodes and edges that were added, and the ways back along those that are derived."""

    def add(
        self, nodes: Sequence[Node], edges: Sequence[GraphEdge], now: Micros, connection: Any = None
    ) -> None: ...
    def remove(self, node_id: str) -> bool: ...
    def node(self, node_id: str) -> Node | None: ...
    def nodes(self, after: str = "", limit: int = 1000) -> list[Node]: ...
    def edges_from(self, node_id: str, type: str | None, limit: int) -> list[GraphEdge]: ...  # noqa: A002
    def edges_to(self, node_id: str, type: str | None, limit: int) -> list[GraphEdge]: ...  # noqa: A002
    def edges(
        self, after: tuple[str, str, str] = ("", "", ""), limit: int = 1000
    ) -> list[GraphEdge]: ...
    def retries(self, job_id: int, limit: int) -> list[int]: ...
    def downstream(self, job_id: int, limit: int) -> list[int]: ...
    def jobs_of_thought(self, thought: str, limit: int) -> list[int]: ...
    def schedules_of_thought(self, thought: str, limit: int) -> list[int]: ...
    def event(self, seq: int) -> Event | None: ...


class Models(Protocol):
    """Models, their versions and aliases, and the cycles that train them.

    Whatever is written with a `Hold` is refused with `LeaseLost` when the cycle has ended, or
    another attempt of its job works on it.
    """

    def model(self, tenant: str, name: str, now: Micros | None = None) -> Model | None:
        """A model of a tenant; with `now` it is made if need be."""
        ...

    def by_id(self, model_id: int) -> Model | None: ...
    def all(self, tenant: str | None = None, after: int = 0, limit: int = 50) -> list[Model]: ...
    def freeze(self, model: Model, golden: str, by: str, now: Micros, anew: bool = False) -> str:
        """Freeze what its versions are judged on, unless that is done; the digest that holds."""
        ...

    def version(self, model: Model, number: int) -> Version | None: ...
    def version_by_id(self, model: Model, version_id: int) -> Version | None: ...
    def versions(self, model: Model, limit: int = 50) -> list[Version]: ...
    def take_in(self, model: Model, new: NewVersion, now: Micros) -> Version:
        """Store a version that was made elsewhere; the one of the same bytes, if there is one."""
        ...

    def aliases(self, model: Model) -> dict[str, Alias]: ...
    def moves(self, model: Model, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        ...

    def move_champion(
        self,
        model: Model,
        to: Version,
        kind: str,
        instead: int | None,
        by: str,
        reason: str,
        now: Micros,
    ) -> bool:
        """Let another version serve, by hand or because the champion degraded; false when the
        champion is not `instead` (the id of a version) any more, or the version was dropped."""
        ...

    def before(self, model: Model, version_id: int) -> int | None:
        """The id of the version that served before this one did."""
        ...

    def drop(self, model: Model, keep: int, former: bool, now: Micros) -> list[str]:
        """Give up versions beyond the newest `keep` that have no part to play, and with `former`
        never were champions; the digests that nobody needs any more."""
        ...

    def put(self, digest: str, body: bytes) -> None: ...
    def get(self, digest: str) -> bytes | None: ...

    def begin(self, new: NewCycle, now: Micros) -> Cycle:
        """The cycle of a job: a new one, or the one that an earlier attempt began."""
        ...

    def steps(self, hold: Hold) -> dict[str, str]:
        """What the steps that are done left behind, as JSON."""
        ...

    def enter(self, hold: Hold, step: str) -> None: ...
    def save(self, hold: Hold, step: str, data: str, now: Micros) -> None: ...
    def add_version(self, hold: Hold, new: NewVersion, now: Micros) -> Version:
        """Store the version that a cycle made, as the challenger; once for each cycle."""
        ...

    def finish(self, hold: Hold, end: CycleEnd, now: Micros) -> bool:
        """End a cycle, and let its version serve if that is how it ends, in one transaction.

        False, and nothing is changed, when the champion is another one than it was judged by.
        """
        ...

    def settle_lost(self, now: Micros) -> int:
        """End the cycles whose jobs have ended without a word; how many."""
        ...

    def cycle(self, cycle_id: int) -> Cycle | None: ...
    def cycles(
        self,
        model: Model | None,
        schedule_id: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Cycle]: ...
    def latest(
        self, tenant: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Cycle]:
        """The newest cycles of all models, or of those of a tenant."""
        ...

    def record(
        self, model: Model | None, schedule_id: int | None, job_id: int = 0
    ) -> CycleRecord: ...
    def counts(self, model: Model | None, schedule_id: int | None) -> CycleCounts: ...
    def pardon(self, model: Model | None, schedule_id: int | None, now: Micros) -> int:
        """Count the failures until now no more; how many they were."""
        ...

    def rate(self, version_id: int, scores: Sequence[float], keep: int, now: Micros) -> None:
        """Keep live feedback on a version, up to `keep` scores."""
        ...

    def scores(self, version_id: int, last: int, since: Micros = 0) -> Scores: ...


class Flows(Protocol):
    """Jobs that wait for others, for a signal, for a person; and what a run has done already."""

    def submit(
        self,
        name: str | None,
        steps: Sequence[FlowStep],
        now: Micros,
        bound: QueueBound | None = None,
    ) -> list[int]:
        """Store jobs in this order, all or none; with a name, they are a flow."""
        ...

    def upstream(self, job_id: int) -> list[Edge]: ...
    def results(self, job_id: int) -> list[tuple[int, str | None, str | None]]:
        """Number, step and result of each job that this one waited for."""
        ...

    def flow(self, flow_id: int) -> Flow | None: ...
    def flow_of(self, job_id: int) -> tuple[int, str] | None: ...
    def flows(self, before: int | None = None, limit: int = 50) -> list[Flow]: ...
    def members(self, flow_id: int) -> list[Member]: ...
    def edges(self, flow_id: int) -> list[Edge]: ...
    def children(self, job_id: int) -> list[int]: ...
    def do_again(
        self,
        jobs: Sequence[Job],
        now: Micros,
        keep: Collection[int] = (),
        before: str | None = None,
    ) -> dict[int, int]:
        """Store finished jobs anew, each behind those that it waits for; what still waits for an
        old one waits for the new one. Of those to `keep`, recorded steps (`before` one) stay
        done."""
        ...

    def steps(self, job_id: int) -> list[Recorded]: ...
    def record(
        self, job_id: int, attempt: int, step: Recorded, now: Micros, signal: int | None = None
    ) -> bool:
        """Record a step, and take a signal; false when this attempt no longer holds the job."""
        ...

    def signal(self, job: Job, name: str, payload: str, now: Micros) -> None: ...
    def first_signal(self, job_id: int, name: str) -> tuple[int, str] | None: ...
    def awaiting(self, now: Micros, limit: int = 1000) -> list[Job]: ...
    def ask(self, approval: Approval, now: Micros) -> int: ...
    def decide(
        self, approval: Approval, state: ApprovalState, by: str, note: str | None, now: Micros
    ) -> bool:
        """Decide a question once; false when it was decided, or is void, already."""
        ...

    def approval(self, approval_id: int) -> Approval | None: ...
    def approval_of(self, job_id: int, step: str) -> Approval | None: ...
    def approvals(self, state: ApprovalState | None = None, limit: int = 50) -> list[Approval]: ...
    def count_waiting(self) -> int:
        """How many questions wait for an answer."""
        ...


class Agents(Protocol):
    """What agents keep: goals, the thoughts that come of them, and what was moved to later."""

    def add_goal(
        self,
        new: NewGoal,
        schedule: NewSchedule,
        next_at: Micros,
        now: Micros,
        deferral: Deferral | None = None,
    ) -> Goal | None:
        """Store a goal with its schedule; None when there is one of that id.

        `QuotaExceeded` when its agent or its tenant may have no more.
        """
        ...

    def defer_goal(
        self, goal: Goal, move: ScheduleMove, deferral: Deferral, now: Micros
    ) -> bool: ...
    def cancel_goal(self, goal: Goal, move: ScheduleMove | None, now: Micros) -> bool: ...
    def goal(self, schedule_id: int) -> Goal | None: ...
    def goal_of_task(self, task_id: str) -> Goal | None: ...
    def goals(self, agent: str | None = None, after: int = 0, limit: int = 50) -> list[Goal]: ...
    def goal_counts(self) -> list[GoalCount]: ...
    def size(self) -> int: ...
    def tallies(self) -> dict[str, int]:
        """What was counted of goals since the store was made, those that are gone included."""
        ...

    def count(self, key: str) -> None: ...
    def executions(self, since: Micros, recurring: bool | None = None) -> Executions: ...

    def deferrals_of_goal(self, schedule_id: int) -> list[Deferral]: ...
    def deferrals_of_job(self, job_id: int) -> list[Deferral]: ...
    def reasons(self, since: Micros, limit: int = 10) -> list[tuple[str, int]]: ...
    def deferred_often(self, limit: int = 10) -> list[DeferredOften]: ...
    def deferrals_since(self, since: Micros) -> int: ...

    def deliver(
        self, new: NewThought, handle: Callable[[StoredThought, str], NewJob], now: Micros
    ) -> Deliver:
        """Leave a thought once, with the job of the agent's handler, if it has one."""
        ...

    def set_handler(
        self,
        agent: str,
        task: str,
        handle: Callable[[StoredThought, str], NewJob],
        now: Micros,
    ) -> int:
        """Have a task work on an agent's thoughts, also on those that wait; how many do."""
        ...

    def thoughts_of_job(self, job_id: int) -> list[StoredThought]: ...
    def take(self, agent: str, until: Micros, limit: int, now: Micros) -> list[StoredThought]:
        """The visible thoughts of an agent, which nobody else gets before `until`."""
        ...

    def next_thought(self, agent: str, now: Micros) -> Micros | None: ...
    def acknowledge(self, thought: StoredThought, answer: str | None, now: Micros) -> bool: ...
    def snooze(self, thought: StoredThought, until: Micros, now: Micros) -> bool: ...
    def expire(self, now: Micros) -> int: ...
    def thought(self, thought_id: int) -> StoredThought | None: ...
    def thoughts(
        self,
        agent: str | None = None,
        state: ThoughtState | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[StoredThought]: ...


class Budgets(Protocol):
    """What work may use up, what it has used, and how much may be stored."""

    def all(self) -> list[StoredBudget]: ...
    def set(self, budget: StoredBudget, now: Micros) -> None: ...
    def drop(self, scope: str, name: str, now: Micros) -> bool: ...
    def spent(self, budget: StoredBudget, now: Micros) -> Spent: ...
    def reserve(
        self, budget: StoredBudget, job_id: int, attempt: int, now: Micros
    ) -> Breach | None:
        """Let a run begin, and keep for it what it may use; else why it may not."""
        ...

    def spend(
        self,
        budgets: Sequence[StoredBudget],
        amounts: Amounts,
        job_id: int,
        attempt: int,
        now: Micros,
    ) -> Sequence[Breach]:
        """Count on budgets what a run has used, and tell it; those that are exceeded now."""
        ...

    def settle(
        self,
        budgets: Sequence[StoredBudget],
        job_id: int,
        attempt: int,
        seconds: Micros,
        now: Micros,
    ) -> None:
        """A run has ended: count its time, and keep nothing more for it."""
        ...

    def quotas(self) -> Sequence[Quota]: ...
    def set_quota(self, quota: Quota, now: Micros) -> None: ...
    def quota(self, scope: str, name: str) -> Quota | None:
        """The quota that holds for an agent or a tenant, if there is one."""
        ...

    def usage(self, scope: str, name: str) -> Usage: ...


class Automations(Protocol):
    """The automations that the optimizer keeps, and the trials of them.

    Who writes says which version it has read (None: there was none); false, and nothing is stored,
    when that is not the last one. `kind` and `data` are told as an event, in the same transaction.
    """

    def put(
        self, new: StoredAutomation, before: int | None, now: Micros, kind: str, **data: Value
    ) -> bool: ...
    def get(self, automation_id: str) -> StoredAutomation | None: ...
    def all(self, state: str | None = None, limit: int = 1000) -> list[StoredAutomation]: ...

    def put_trial(
        self,
        new: StoredTrial,
        before: int | None,
        now: Micros,
        kind: str | None = None,
        **data: Value,
    ) -> bool: ...
    def trial(self, trial_id: str) -> StoredTrial | None: ...
    def trials(self, running: bool = False, limit: int = 100) -> list[StoredTrial]: ...


class Lists(Protocol):
    """Looking at many jobs and events at once: for people, never for the engine."""

    def jobs(
        self,
        wanted: JobFilter,
        *,
        after: int = 0,
        newest_first: bool = True,
        limit: int = 50,
        skip: int = 0,
    ) -> list[Job]:
        """A page of jobs, without results and with shortened arguments and errors."""
        ...

    def rows(self, ids: Sequence[int]) -> list[Job]: ...
    def count(self, wanted: JobFilter) -> int: ...
    def depths(self) -> list[Depth]: ...
    def stretches(self, since: Micros, last: Micros, limit: int = 500) -> list[Stretch]: ...
    def events(self, before: int = 0, limit: int = 50, kinds: str | None = None) -> list[Event]: ...
    def events_of(self, tenant: str, after: int = 0, limit: int = 1000) -> list[Event]: ...


class Step(NamedTuple):
    """What one step of a bulk operation did: to which jobs, and whether workers must look."""

    operation: Operation
    jobs: Sequence[int]
    asked: int


class Bulk(Protocol):
    """Something done to many jobs, some in each transaction, so that nobody waits for long."""

    def groups(self, order: Order) -> list[Group]:
        """How many jobs an order means now, by task and state."""
        ...

    def examples(self, order: Order, limit: int) -> list[Job]: ...
    def last_job(self) -> int: ...
    def begin(self, order: Order, total: int, by: str, now: Micros) -> Operation: ...
    def next_jobs(self, operation: Operation, size: int) -> list[int]: ...
    def step(self, operation: Operation, size: int, now: Micros) -> Step:
        """Do it to the next `size` jobs, or end it: all of that in one transaction.

        When somebody else has taken this step, nothing is done, and the answer tells how far it is.
        """
        ...

    def refuse(
        self, operation: Operation, job_id: int, code: str, detail: str, now: Micros
    ) -> Operation:
        """Note that it could not be done to the next job, and pass it."""
        ...

    def stop(self, operation_id: int, now: Micros) -> bool: ...
    def operation(self, operation_id: int) -> Operation | None: ...
    def unfinished(self) -> list[Operation]:
        """Those that have not ended, be it that they are going on or that their process died."""
        ...


class Templates(Protocol):
    """Jobs written down beforehand, in versions. Who changes one says which it has read.

    `was` and `told` are what the event and the audit log have of it.
    """

    def get(self, name: str, version: int | None = None) -> StoredTemplate | None: ...
    def page(
        self, *, task: str | None = None, after: str = "", limit: int = 50
    ) -> list[StoredTemplate]: ...
    def versions(self, name: str, limit: int = 50) -> list[StoredTemplate]: ...
    def put(
        self,
        new: StoredTemplate,
        before: int | None,
        now: Micros,
        was: Mapping[str, object] | None,
        told: Mapping[str, object],
    ) -> StoredTemplate | None: ...
    def retire(self, name: str, version: int, now: Micros, was: Mapping[str, object]) -> bool: ...


class Moving(Protocol):
    """What is taken along to another database, and brought from one."""

    def origin(self) -> int:
        """The number by which this database is known elsewhere."""
        ...

    def take(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all `core.moving.KINDS`, as they were at one moment."""
        ...

    def bring(
        self, origin: int, rows: Mapping[str, Sequence[Row]], now: Micros, dry: bool
    ) -> Moved:
        """Store what is not there yet, all or nothing; with `dry` only say what that would be."""
        ...


class Access(Protocol):
    """Tokens, answers under an idempotency key, and operations."""

    def add_token(self, new: NewToken, now: Micros) -> int: ...
    def tokens(self) -> list[Token]: ...
    def token(self, digest: str, now: Micros) -> Token | None: ...
    def revoke_token(self, token_id: int, now: Micros) -> bool: ...

    def begin_reply(
        self, key: str, fingerprint: str, kept_since: Micros, now: Micros
    ) -> Reply | None:
        """Take the key for a request (None), or what is kept under it already."""
        ...

    def keep_reply(self, key: str, reply: Reply) -> None: ...
    def drop_reply(self, key: str) -> None: ...

    def begin_operation(
        self,
        kind: str,
        by: str,
        tenant: str | None,
        total: int,
        now: Micros,
        owner: str | None = None,
    ) -> Operation: ...
    def running_operations(self) -> list[Operation]: ...
    def advance_operation(self, operation_id: int, done: int, failed: int) -> None: ...
    def end_operation(
        self, operation_id: int, state: str, done: int, failed: int, result: str, now: Micros
    ) -> None: ...
    def operation(self, operation_id: int, tenant: str | None = None) -> Operation | None: ...
    def operations(
        self, *, tenant: str | None = None, after: int = 0, limit: int = 50
    ) -> list[Operation]: ...


class Store(Protocol):
    """The one truth. Every call that writes is one transaction and tells its events in it."""

    name: str
    location: str
    identity: str  # the same in every process that has it open, and no other store's
    schedules: Schedules
    limits: Limits
    notices: Notices
    models: Models
    search: SearchIndex
    graph: GraphRows
    flows: Flows
    agents: Agents
    budgets: Budgets
    automations: Automations
    lists: Lists
    bulk: Bulk
    templates: Templates
    access: Access
    moving: Moving

    def submit(
        self,
        jobs: Sequence[NewJob],
        now: Micros,
        bound: QueueBound | None = None,
        terms: Terms = USUAL,
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
    def job_of_key(self, key: str) -> int | None:
        """The job that an idempotency key has made, though it may be pruned."""

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
    def audit(
        self, before: int | None = None, actor: str | None = None, limit: int = 50
    ) -> list[Audited]: ...
    def last_seq(self) -> int: ...
    def situation(self, job: Job, now: Micros) -> Situation: ...
    @property
    def connections(self) -> int:
        """How many connections to the database are held."""
        ...

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
    def age(self, before: Micros, limit: int, now: Micros) -> int:
        """Move jobs up that have been ready since `before`; how many."""
        ...

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
    def metadata(self) -> str | None:
        """The job's own, with the context of the attempt's span."""
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

    def answer(self, verb: str, args: list[Any]) -> Any:
        """What the run asks of its desk: its steps, signals and approvals."""
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
