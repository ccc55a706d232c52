"""Jobs that wait for other jobs: what an edge means, and what follows when one of them has ended.

A flow is jobs that were stored together. Each of them may wait for others; the one that ends last
lets it go on, in its own transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from offhours.core.carried import OURS
from offhours.core.errors import OptionError, did_you_mean
from offhours.core.model import JobState, NewJob
from offhours.core.times import Micros

NOTHING_FAILED = "nothing failed that it is there for"
IDLE = "idle"  # how a job ended that was cancelled for that reason


class IfFailed(StrEnum):
    """What becomes of a job when one that it waits for fails or is cancelled.

    cancel: it is cancelled, and so are those that wait for it
    ignore: it runs all the same, when the others have ended
    hold: it waits until that job is retried and succeeds
    catch: it runs only if that job, or another one that it catches, fails
    """

    CANCEL = "cancel"
    IGNORE = "ignore"
    HOLD = "hold"
    CATCH = "catch"


class Upstream(NamedTuple):
    """A job that another one waits for, by its number, or by its place in the same flow."""

    job: int
    if_failed: IfFailed = IfFailed.CANCEL
    in_flow: bool = False


class FlowStep(NamedTuple):
    """A job of a flow that is about to be stored."""

    name: str | None
    job: NewJob
    after: Sequence[Upstream] = ()


class Edge(NamedTuple):
    """A stored dependency; `outcome` is how the upstream ended, as far as it has."""

    upstream: int
    downstream: int
    if_failed: str
    outcome: str | None


class Flow(NamedTuple):
    """Jobs that were stored together, under a name."""

    id: int
    name: str
    created_at: Micros


class Member(NamedTuple):
    """A job in a flow and the step that it is; of a step that was done again, the latest."""

    flow_id: int
    job_id: int
    step: str
    task: str
    state: JobState
    run_at: Micros
    started_at: Micros | None
    finished_at: Micros | None
    reason: str | None
    progress: str | None


class Verdict(NamedTuple):
    """What follows for a waiting job: it goes on, or is cancelled for a reason, or (neither)
    waits."""

    go: bool = False
    cancel: str | None = None


def verdict(edges: Sequence[Edge]) -> Verdict:
    """What a waiting job should do, given all its edges.

    >>> verdict([Edge(1, 3, "cancel", "succeeded"), Edge(2, 3, "cancel", None)])
    Verdict(go=False, cancel=None)
    >>> verdict([Edge(1, 3, "cancel", "failed"), Edge(2, 3, "cancel", None)]).cancel
    'job 1, which it waits for, has failed'
    >>> verdict([Edge(1, 2, "cancel", IDLE)]).cancel
    'nothing failed that it is there for'
    """
    broken = [edge for edge in edges if edge.outcome not in (None, JobState.SUCCEEDED, IDLE)]
    for edge in broken:
        if edge.if_failed == IfFailed.CANCEL:
            how = "was cancelled" if edge.outcome == JobState.CANCELLED else "has failed"
            return Verdict(cancel=f"job {edge.upstream}, which it waits for, {how}")
    if any(e.outcome == IDLE and e.if_failed in (IfFailed.CANCEL, IfFailed.HOLD) for e in edges):
        return Verdict(cancel=NOTHING_FAILED)
    if any(edge.outcome is None for edge in edges):
        return Verdict()
    if any(edge.if_failed == IfFailed.HOLD for edge in broken):
        return Verdict()
    catches = [edge for edge in edges if edge.if_failed == IfFailed.CATCH]
    if catches and not any(edge.if_failed == IfFailed.CATCH for edge in broken):
        return Verdict(cancel=NOTHING_FAILED)
    return Verdict(go=True)


def in_order(after: Mapping[str, Iterable[str]]) -> list[str]:
    """The names of steps, each behind those that it waits for; else in the given order.

    Raises `OptionError` for a name that there is not, and for a cycle, which it names.

    >>> in_order({"load": ["read"], "read": []})
    ['read', 'load']
    >>> in_order({"a": ["b"], "b": ["a"]})
    Traceback (most recent call last):
      ...
    offhours.core.errors.OptionError: after: a waits for b waits for a; a flow cannot have a cycle
    """
    for name, needed in after.items():
        for other in needed:
            if other not in after:
                near = did_you_mean(other, list(after))
                raise OptionError(f"after: {name} waits for {other!r}, no step of this flow{near}")
    done: dict[str, bool] = {}  # false: we are among those that wait for it
    for first in after:
        stack = [(first, iter(after[first]))]
        if first in done:
            continue
        done[first] = False
        while stack:
            name, rest = stack[-1]
            found = next(rest, None)
            if found is None:
                stack.pop()
                del done[name]
                done[name] = True  # the order of the mapping is that of the ends
            elif done.get(found) is False:
                path = [entry[0] for entry in stack]
                cycle = " waits for ".join([*path[path.index(found) :], found])
                raise OptionError(f"after: {cycle}; a flow cannot have a cycle")
            elif found not in done:
                done[found] = False
                stack.append((found, iter(after[found])))
    return list(done)


class Recorded(NamedTuple):
    """A step inside a run that need not be done again: its result, or until when it waits, and
    for which signal."""

    name: str
    result: str | None
    until: Micros | None
    awaits: str | None = None


class ApprovalState(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"


class Approval(NamedTuple):
    """A question that a person decides; `digest` freezes what was asked, arguments included."""

    id: int
    job_id: int
    step: str
    question: str
    args: str | None
    digest: str
    asked_at: Micros
    until: Micros | None
    state: str
    decided_at: Micros | None
    decided_by: str | None
    note: str | None


def agents_of(metadata: str | None) -> frozenset[str]:
    """The agents in whose name a job was made, by what its submitter attached.

    >>> sorted(agents_of('{"agent":"kay","origin":{"agent":"joe"}}'))
    ['joe', 'kay']
    """
    told = json.loads(metadata) if metadata else {}
    origin, account = told.get("origin"), told.get(f"{OURS}account")
    names = [told.get("agent"), origin.get("agent") if isinstance(origin, dict) else None]
    names += account.get("agents", ()) if isinstance(account, dict) else ()  # its parents'
    return frozenset(name for name in names if isinstance(name, str))
