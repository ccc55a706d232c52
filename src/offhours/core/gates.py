"""A gate may hold a job back just before it runs: what it is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from offhours.core.model import Claimed
from offhours.core.times import Micros

if TYPE_CHECKING:
    from offhours.core.ports import Store


class Verdict(NamedTuple):
    """What a gate says. A shut one tells why, in a sentence with its figure and its limit.

    again_at: when it is to be asked again
    forceable: whether a person may pass it all the same
    stop: the job is to fail: nothing would ever open this gate for it
    ask: the question that a person is to decide; while they do, the job is held
    """

    open: bool
    reason: str = ""
    again_at: Micros = 0
    figure: float | None = None
    limit: float | None = None
    forceable: bool = True
    stop: bool = False
    ask: str = ""


OPEN = Verdict(True)


@runtime_checkable
class Gate(Protocol):
    """Asked on the thread that is to run the job, before the attempt counts."""

    @property
    def name(self) -> str:
        """What it watches, in a word: "memory", "quiet-hours"."""
        ...

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        """May this job start now? What it raises holds the job, too: a gate that cannot look
        does not open."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A gate that wants to know when a run is over that it has let through."""

    def settle(self, job: Claimed, seconds: Micros, now: Micros, store: Store) -> None:
        """The run has taken so long, however it ended."""
        ...


class Shut(NamedTuple):
    """The gate that keeps a job from starting, and what it says."""

    gate: str
    verdict: Verdict


def first_shut(
    gates: Sequence[Gate], job: Claimed, now: Micros, store: Store, forced: bool
) -> tuple[Shut | None, list[Shut]]:
    """The first gate that holds the job, and those that a person's word has passed."""
    passed: list[Shut] = []
    for gate in gates:
        verdict = gate.look(job, now, store)
        if verdict.open:
            continue
        shut = Shut(gate.name, verdict)
        if not (forced and verdict.forceable):
            return shut, passed
        passed.append(shut)
    return None, passed


class DeferralLimit(NamedTuple):
    """Has a person asked about a job that was moved to later `most` times, and each `most` more."""

    most: int
    name: str = "deferrals"

    def look(self, job: Claimed, now: Micros, store: Store) -> Verdict:
        return too_often(job.deferrals, self.most, f"job {job.id} ({job.task})")


def too_often(count: int, most: int, what: str) -> Verdict:
    """Whether a person is to be asked about something that was moved to later so often.

    >>> too_often(7, 3, "job 1").ask
    'job 1 was moved to later 6 times; may it go on?'
    """
    if count < most:
        return OPEN
    asked_at = count - count % most
    reason = f"{what} was moved to later {asked_at} times"
    return Verdict(False, reason, 0, count, most, False, ask=f"{reason}; may it go on?")
