"""The driver's errors, said in ours."""

from __future__ import annotations

import psycopg
from psycopg import errors

from offhours.core.errors import (
    Busy,
    StorageFull,
    StoreError,
    StoreReadOnly,
    StoreUnavailable,
    StoreUnusable,
)


class UnknownOutcome(psycopg.OperationalError):
    """Whether a transaction was committed could not be found out in time."""


def translate(error: psycopg.Error, path: str) -> StoreError:
    """The error of ours that says what the driver's error means for the user."""
    said = " ".join(str(error).split())
    match error:
        case UnknownOutcome():
            text = f"{path}: the connection broke in a commit, and whether it was done is not known"
            return StoreUnavailable(f"{text} ({said})", unknown=True)
        case errors.LockNotAvailable():
            return Busy(f"{path}: locked by another process until the deadline; nothing was stored")
        case errors.QueryCanceled():
            return Busy(f"{path}: a statement took longer than it may; nothing was stored")
        case errors.UniqueViolation() if error.diag.constraint_name == "jobs_unique":
            # Somebody's own transaction had the key, and was committed while we waited for it.
            return Busy(f"{path}: another transaction has stored a job of that unique key")
        case errors.DeadlockDetected() | errors.SerializationFailure():
            return Busy(
                f"{path}: it collided with another transaction; nothing was stored ({said})"
            )
        case errors.DiskFull():
            return StorageFull(f"{path}: the disk is full; nothing was stored. Free some space")
        case errors.ReadOnlySqlTransaction():
            return StoreReadOnly(f"{path}: the server takes no writes (a standby?)")
        case errors.InsufficientPrivilege():
            return StoreUnusable(path, f"{said}; grant it, or create the schema as its owner")
        case errors.InvalidPassword() | errors.InvalidCatalogName():
            return StoreUnusable(path, said)
        case errors.InvalidAuthorizationSpecification():
            return StoreUnusable(path, said)
        case psycopg.OperationalError() if _wrong_for_good(said):
            return StoreUnusable(path, said)
        case errors.IdleInTransactionSessionTimeout():
            return StoreUnavailable(f"{path}: this process was stopped in its turn ({said})")
        case psycopg.OperationalError() | errors.AdminShutdown() | psycopg.InterfaceError():
            return StoreUnavailable(f"{path}: the server cannot be reached ({said})")
        case _:
            return StoreError(f"{path}: {type(error).__name__}: {said}")


def _wrong_for_good(said: str) -> bool:
    """What a server says to a connection that no other try would open has no class of its own."""
    marks = ("authentication failed", "does not exist", "no password supplied", "no pg_hba.conf")
    return any(mark in said for mark in marks)
