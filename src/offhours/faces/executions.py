"""An execution: the phases of one request, as they stand and as one steers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import FlowNotFound, JobNotFound, OptionError, did_you_mean
from offhours.core.flows import NOTHING_FAILED
from offhours.core.model import Job, JobState
from offhours.core.states import WAITS
from offhours.core.times import Duration
from offhours.engine.codec import load
from offhours.faces.phase_runs import TASKS, Strand, ending, results_of, told_of
from offhours.faces.tasks import STATUS, TaskStatus, id_number
from offhours.flows import FlowHandle, Progress
from offhours.orchestrator.phases import Phase

_BAD = (JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class PhaseStatus:
    """How a phase stands.

    status: of a phase that was left out because one before it failed, `cancelled`
    task_id: its latest job, as in `offhours why 42`
    needs: the phases right before it
    why: what it waits for, how it failed, or why it is not done, in a sentence; "" when it is done
    attempts: how often it was started
    fraction, message: what its handler told of its progress last
    """

    name: str
    handler: str
    status: TaskStatus
    task_id: str
    needs: tuple[str, ...] = ()
    why: str = ""
    attempts: int = 0
    fraction: float | None = None
    message: str = ""

    def __str__(self) -> str:
        again = f" at attempt {self.attempts}" if self.attempts > 1 else ""
        told = f" ({self.message})" if self.message and not self.status_is_final else ""
        return f"{self.name}: {self.status}{again}{told}{f': {self.why}' if self.why else ''}"

    @property
    def status_is_final(self) -> bool:
        """Whether it stays so, unless the execution is resumed."""
        return self.status not in (TaskStatus.PENDING, TaskStatus.RUNNING)


class Execution(list[str]):
    """The ids of the phases of one request, in order, and all that can be asked about them.

    An id stands for its phase also after that was done again. Everything else is read from the
    store at that moment. It is a flow: `offhours flow show ID` shows it, too.

    >>> from offhours import Orchestrator
    >>> from offhours.orchestrator import Phase, Plan
    >>> with Orchestrator() as orchestrator:
    ...     orchestrator.register("greet", lambda context: f"hello {context.phase.part}")
    ...     plan = Plan("greet them", [Phase("one", "greet", part="Ann")])
    ...     done = orchestrator.execute(plan)
    ...     len(done), done.status.value, done.results()
    (1, 'completed', {'one': 'hello Ann'})
    """

    def __init__(self, app: Offhours, flow: FlowHandle) -> None:
        self._app = app
        self._flow = flow
        strand = Strand.of(app, flow.id)
        if not any(member.task.startswith(TASKS) for member in strand.members.values()):
            raise FlowNotFound(f"flow {flow.id} in {app.store.name} is no execution of phases")
        super().__init__(str(member.job_id) for member in strand.members.values())

    @property
    def id(self) -> int:
        """Its number, that of its flow."""
        return self._flow.id

    @property
    def request(self) -> str:
        """The whole text."""
        return _call(self._app.record(int(self[0])))[0]

    @property
    def status(self) -> TaskStatus:
        """How it stands as a whole: `failed` when any phase has failed, whatever else is done."""
        return STATUS[JobState(self._flow.status)]

    @property
    def progress(self) -> Progress:
        """How many of its phases have ended, and how they stand."""
        return self._flow.progress

    # -- its phases -------------------------------------------------------------------------

    def phases(self) -> list[PhaseStatus]:
        """Each phase: what is done, what runs, what waits and for what."""
        strand = Strand.of(self._app, self.id)
        records = {step: self._app.record(m.job_id) for step, m in strand.members.items()}
        return [self._phase(step, records, strand.needs[step]) for step in records]

    def phase(self, name: str) -> PhaseStatus:
        """One of its phases."""
        found = {phase.name: phase for phase in self.phases()}
        if name not in found:
            near = did_you_mean(name, list(found))
            raise OptionError(f"execution {self.id} has no phase {name!r}{near}")
        return found[name]

    def _phase(self, name: str, records: Mapping[str, Job], needs: list[str]) -> PhaseStatus:
        job = records[name]
        handler = job.task.removeprefix(TASKS)
        told = told_of(job)
        return PhaseStatus(
            name, handler, STATUS[job.state], str(job.id), tuple(needs),
            why=self._why(job, handler, {need: records[need] for need in needs}),
            attempts=job.attempts, fraction=told.get("fraction"), message=told.get("message") or "",
        )  # fmt: skip

    def _why(self, job: Job, handler: str, needs: Mapping[str, Job]) -> str:
        match job.state:
            case JobState.SUCCEEDED:
                return ""
            case JobState.FAILED:
                return ending(job)
            case JobState.CANCELLED:
                return _not_done(job, needs)
            case JobState.HELD if job.reason == WAITS:
                return _waits(needs)
        found = self._app.why(job.id)
        if found.code == "no_handler":
            return (
                f"no process that works here has the handler {handler!r}; it waits until one "
                f'has registered it, with @orchestrator.handler("{handler}")'
            )
        return found.sentence

    def results(self) -> dict[str, Any]:
        """What the phases returned that have succeeded, by their names."""
        members = Strand.of(self._app, self.id).members
        return results_of({step: self._app.record(m.job_id) for step, m in members.items()})

    def plan(self) -> list[Phase]:
        """The phases as they were planned, in order."""
        members = Strand.of(self._app, self.id).members.values()
        return [Phase.from_dict(_call(self._app.record(m.job_id))[1]) for m in members]

    def describe(self) -> str:
        """A line about the whole, and one for each phase."""
        phases = self.phases()
        done = sum(phase.status is TaskStatus.COMPLETED for phase in phases)
        head = f"execution {self.id}: {self.status}, {done} of {len(phases)} phases done"
        return "\n".join((head, *(f"  {phase}" for phase in phases)))

    # -- steering ---------------------------------------------------------------------------

    def wait(self, timeout: Duration | None = None) -> TaskStatus:
        """Wait until every phase has ended; `ResultTimeout` when that takes longer."""
        return STATUS[JobState(self._flow.wait(timeout))]

    def cancel(self, reason: str = "") -> int:
        """Cancel what is not finished; how many phases that were. What is done is kept."""
        return self._flow.cancel(reason)

    def resume(self) -> TaskStatus:
        """Do again what failed or was cancelled, and what needs that; nothing that is finished.

        Where nothing failed, nothing is changed: after a crash an execution goes on by itself.
        `IllegalMove` while something that was cancelled has not stopped yet.
        """
        members = self._flow.members()
        if any(m.state in _BAD and m.reason != NOTHING_FAILED for m in members):
            self._flow.retry()
        return self.status


def phase_job(app: Offhours, task_id: str) -> Job | None:
    """The latest job of the phase that an id stands for; of any other task, that itself."""
    number = id_number(task_id)
    if number is None:
        return None
    found = app.store.flows.flow_of(number)
    if found is not None:
        number = Strand.of(app, found[0]).members[found[1]].job_id
    try:
        return app.record(number)
    except JobNotFound:
        return None


def _call(job: Job) -> tuple[str, dict[str, Any]]:
    """The request and the phase of a job, as they were stored."""
    (request, phase), _ = load(job.args)
    return request, phase


def _waits(needs: Mapping[str, Job]) -> str:
    open_ones = [name for name, job in needs.items() if not job.state.final]
    if open_ones:
        return f"it waits for {_and(open_ones)}"
    bad = [name for name, job in needs.items() if job.state in _BAD]
    return f"it waits until {_and(bad)} was resumed and has succeeded"


def _not_done(job: Job, needs: Mapping[str, Job]) -> str:
    if job.reason == NOTHING_FAILED:
        return f"not done: {NOTHING_FAILED}"
    for state, how in ((JobState.FAILED, "failed"), (JobState.CANCELLED, "was not done")):
        bad = [name for name, other in needs.items() if other.state is state]
        if bad and not job.attempts:
            return f"not done: it needs {_and(bad)}, which {how}"
    return job.reason or "it was cancelled"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
