"""What nodes are called: `job_42`, its second run `exec_42.2`, `defer_1234`, `schedule_7`.

`defer_7.2` is the second deferral of the goal whose schedule is `schedule_7`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from offhours.core.times import Micros, iso, parse_moment

_NAME = re.compile(r"(job|schedule|defer|exec)_([1-9][0-9]{0,17})(?:\.([1-9][0-9]{0,8}))?")
_TIME = re.compile(r"time_[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")


class Name(NamedTuple):
    """A node that is derived: of a job, schedule or deferral; of a run (with an attempt) or of a
    goal's deferral (with its number)."""

    kind: str
    number: int
    attempt: int = 0


def read(node_id: str) -> Name | None:
    """What a name stands for; None for what users named.

    >>> read("exec_42.2")
    Name(kind='exec', number=42, attempt=2)
    """
    found = _NAME.fullmatch(node_id)
    if found is None or (found[1] != "defer" and (found[1] == "exec") != (found[3] is not None)):
        return None
    return Name(found[1], int(found[2]), int(found[3] or 0))


def written(name: Name) -> str:
    """The name as it is read.

    >>> written(Name("defer", 7, 2)), written(Name("job", 4))
    ('defer_7.2', 'job_4')
    """
    return f"{name.kind}_{name.number}{f'.{name.attempt}' if name.attempt else ''}"


def job(number: int) -> str:
    return f"job_{number}"


def schedule(number: int) -> str:
    return f"schedule_{number}"


def run(job_id: int, attempt: int) -> str:
    return f"exec_{job_id}.{attempt}"


def deferral(seq: int) -> str:
    return f"defer_{seq}"


def moment(at: Micros) -> str:
    """As the document writes it, with fractions of a second where there are any.

    >>> moment(1_755_248_400_000_000)
    'time_2025-08-15T09:00:00Z'
    """
    return f"time_{short_iso(at)}"


def moment_of(node_id: str) -> Micros | None:
    """The moment that a name stands for, if it is that of one."""
    return parse_moment(node_id[5:]) if _TIME.fullmatch(node_id) else None


def short_iso(at: Micros) -> str:
    """RFC 3339 without fractions that are zero."""
    return iso(at).replace(".000000Z", "Z")
