"""On which terms a job is stored: what happens when there is one of its key already."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import NamedTuple

from offhours.core.model import NewJob


class Conflict(StrEnum):
    """What becomes of a new job while an unfinished one has its unique key.

    return_existing: nothing is stored; submitting answers with that job
    reject: nothing is stored, and `UniqueConflict` is raised
    replace: the job that waits takes the new arguments and options, and keeps its time
    debounce: the same, and its time begins again

    To replace or debounce a job that runs, or has recorded steps, one is stored that waits for its
    end.
    """

    RETURN_EXISTING = "return_existing"
    REJECT = "reject"
    REPLACE = "replace"
    DEBOUNCE = "debounce"


class Terms(NamedTuple):
    """`once` is an idempotency key: for as long as jobs are kept, it makes one job."""

    conflict: Conflict = Conflict.RETURN_EXISTING
    once: str | None = None


USUAL = Terms()
_AFTER = "\x1fafter"


def digest_of(job: NewJob) -> str:
    """What an idempotency key stands for, as a hexadecimal SHA-256."""
    text = "\x1f".join((job.task, job.args, job.tenant or "", job.unique_key or ""))
    return hashlib.sha256(text.encode()).hexdigest()


def keys_of(job: NewJob) -> tuple[str, str]:
    """The keys that no other unfinished job may have."""
    assert job.unique_key is not None
    return job.unique_key, after_key(job.unique_key)


def plain_key(key: str) -> str:
    """The key that was given, also of a job that has waited for another one of it.

    >>> plain_key(after_key("notes"))
    'notes'
    """
    return key.removesuffix(_AFTER)


def after_key(key: str) -> str:
    """The unique key of a job that waits for the end of one that runs and has `key`."""
    return key + _AFTER
