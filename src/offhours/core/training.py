"""What is kept of models and of the cycles that train them: versions, aliases, steps, ends."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from offhours.core.times import Micros

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


class CycleState(StrEnum):
    """How a learning cycle stands; all but the first are final.

    done: the learner made the whole cycle itself; promoted: its model serves now; kept: it is as
    good as the champion, which stays; refused: it was judged and found worse, or not good enough;
    skipped: there was nothing to train on; failed: it raised, or took too long
    """

    RUNNING = "running"
    DONE = "done"
    PROMOTED = "promoted"
    KEPT = "kept"
    REFUSED = "refused"
    SKIPPED = "skipped"
    FAILED = "failed"


BAD_ENDS = frozenset((CycleState.REFUSED, CycleState.FAILED))


class Model(NamedTuple):
    """A model of a tenant. `golden` is the digest of the examples that its versions are judged on,
    frozen when it was first judged."""

    id: int
    tenant: str
    name: str
    golden: str | None
    created_at: Micros


class NewVersion(NamedTuple):
    """A trained model: what its bytes are known by, and JSON objects about it."""

    digest: str
    size: int
    metrics: str
    metadata: str


class Version(NamedTuple):
    """One trained model, which never changes. `number` counts those of its model.

    `dropped_at`: when its bytes were given up; what is known of it stays
    """

    id: int
    model_id: int
    number: int
    digest: str
    size: int
    metrics: str
    metadata: str
    cycle_id: int | None
    created_at: Micros
    dropped_at: Micros | None


class Alias(NamedTuple):
    """A name for the version that has a part to play: champion, challenger or previous."""

    alias: str
    version_id: int
    number: int
    moved_at: Micros


class AliasMove(NamedTuple):
    """How the champion changed: `promoted`, `rolled_back` or `restored`, from and to versions'
    numbers, by whom and why."""

    id: int
    at: Micros
    kind: str
    from_number: int | None
    to_number: int
    cycle_id: int | None
    by: str
    reason: str


class NewCycle(NamedTuple):
    """A cycle that a job begins; each job has one, whichever attempt works on it."""

    model_id: int
    job_id: int
    attempt: int
    schedule_id: int | None
    forced: bool
    correlation: str


class Cycle(NamedTuple):
    """A learning cycle. `step` is what it works on, `report` what it found out (JSON)."""

    id: int
    model_id: int
    job_id: int
    attempt: int
    schedule_id: int | None
    forced: int
    correlation: str
    state: CycleState
    step: str | None
    started_at: Micros
    finished_at: Micros | None
    code: str | None
    reason: str | None
    version_id: int | None
    report: str | None


class Hold(NamedTuple):
    """The right to write on a cycle: that of the job's attempt that works on it."""

    cycle_id: int
    job_id: int
    attempt: int


class CycleEnd(NamedTuple):
    """How a cycle ends. `promote` is the version that becomes the champion in place of `instead`
    (None: of none), in the same transaction."""

    state: CycleState
    code: str
    reason: str
    report: str
    promote: int | None = None
    instead: int | None = None


class CycleRecord(NamedTuple):
    """How the cycles of a schedule, or of a model, have gone.

    failures: those since the last good end (or since they were pardoned) that were refused or
        failed, the last at `last_failure`
    running: another one that works now
    """

    failures: int
    last_failure: Micros
    running: int | None


class CycleCounts(NamedTuple):
    """How many cycles there were, by how they ended."""

    total: int
    good: int
    bad: int
    skipped: int


class Scores(NamedTuple):
    """Live feedback on a version: how many scores, their mean, and the mean of their squares."""

    seen: int
    mean: float
    square: float
