"""An execution: the phases of one request, as they stand and as one steers them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from offhours.app import Offhours
from offhours.core.errors import FlowNotFound, JobNotFound, OptionError, did_you_mean
from offhours.core.model import Job, JobState
from offhours.core.states import WAITS
from offhours.core.times import Duration
from offhours.engine.codec import load
from offhours.faces.phases import (
    TASKS,
    Phases,
    phase_of,
    request_of,
    results_of,
    went_wrong,
)
from offhours.faces.tasks import STATUS, TaskStatus, id_number
from offhours.flows import FlowHandle, Progress
from offhours.orchestrator.phases import Phase, Plan


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
        told = f" ({self.message})" if self.message and not self.final else ""
        return f"{self.name}: {self.status}{again}{told}{f': {self.why}' if self.why else ''}"

    @property
    def final(self) -> bool:
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
        if not is_execution(flow):
            raise FlowNotFound(f"flow {flow.id} in {app.store.name} is no execution of phases")
        super().__init__(str(job.id) for job in Phases.of(app, flow.id).jobs.values())

    @property
    def id(self) -> int:
        """Its number, that of its flow."""
        return self._flow.id

    @property
    def request(self) -> str:
        """The whole text."""
        return request_of(next(iter(Phases.of(self._app, self.id).jobs.values())))

    @property
    def plan(self) -> Plan:
        """The phases as they were planned."""
        return Phases.of(self._app, self.id).plan()

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
        found = Phases.of(self._app, self.id)
        return [self._phase(name, found) for name in found.jobs]

    def phase(self, name: str) -> PhaseStatus:
        """One of its phases."""
        found = {phase.name: phase for phase in self.phases()}
        if name not in found:
            near = did_you_mean(name, list(found))
            raise OptionError(f"execution {self.id} has no phase {name!r}{near}")
        return found[name]

    def _phase(self, name: str, phases: Phases) -> PhaseStatus:
        job = phases.jobs[name]
        phase = phase_of(job)
        told = load(job.progress) or {}
        return PhaseStatus(
            name, phase.handler, STATUS[job.state], str(job.id),
            needs=tuple(need.phase for need in phase.edges), why=self._why(phase, phases),
            attempts=job.attempts, fraction=told.get("fraction"), message=told.get("message") or "",
        )  # fmt: skip

    def _why(self, phase: Phase, phases: Phases) -> str:
        job = phases.jobs[phase.name]
        match job.state:
            case JobState.SUCCEEDED:
                return ""
            case JobState.FAILED | JobState.CANCELLED:
                return phases.ending(phase.name)
            case JobState.HELD if job.reason == WAITS:
                return phases.waiting(phase.name)
        found = self._app.why(job.id)
        if found.code == "no_handler":
            return (
                f"no process that works here has the handler {phase.handler!r}; it waits until "
                f'one has registered it, with @orchestrator.handler("{phase.handler}")'
            )
        return found.sentence

    def unfinished(self) -> list[Phase]:
        """The phases that are still to be done, or to be done again by `resume`."""
        jobs = Phases.of(self._app, self.id).jobs.values()
        return [phase_of(job) for job in jobs if not job.state.final or went_wrong(job)]

    def results(self) -> dict[str, Any]:
        """What the phases returned that have succeeded, by their names."""
        return results_of(Phases.of(self._app, self.id).jobs)

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
        if any(map(went_wrong, Phases.of(self._app, self.id).jobs.values())):
            self._flow.retry()
        return self.status


def is_execution(flow: FlowHandle) -> bool:
    """Whether the steps of a flow are phases."""
    return any(member.task.startswith(TASKS) for member in flow.members())


def phase_job(app: Offhours, task_id: str) -> Job | None:
    """The latest job of the phase that an id stands for; of any other task, that itself."""
    number = id_number(task_id)
    if number is None:
        return None
    found = app.store.flows.flow_of(number)
    if found is not None:
        number = next(m.job_id for m in app.store.flows.members(found[0]) if m.step == found[1])
    try:
        return app.record(number)
    except JobNotFound:
        return None
