"""Exit codes, and which error of ours means which: the one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import click

from offhours.core import errors


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NO_PERMISSION = 4
    CANNOT_REACH = 5
    CONFLICT = 6
    REFUSED = 7
    TIMED_OUT = 124
    INTERRUPTED = 130


# The nearest class wins: an error's own, then its parents'.
EXIT_OF: dict[type[BaseException], Exit] = {
    errors.OffhoursError: Exit.FAILED,
    errors.InputError: Exit.USAGE,
    errors.NotFound: Exit.NOT_FOUND,
    errors.IllegalMove: Exit.CONFLICT,
    errors.Conflict: Exit.CONFLICT,
    errors.LeaseLost: Exit.CONFLICT,
    errors.QueueFull: Exit.REFUSED,
    errors.NotStarted: Exit.CANNOT_REACH,
    errors.JobError: Exit.FAILED,
    errors.ResultTimeout: Exit.TIMED_OUT,
    errors.StoreError: Exit.CANNOT_REACH,
    errors.StoreReadOnly: Exit.NO_PERMISSION,
    PermissionError: Exit.NO_PERMISSION,
    OSError: Exit.CANNOT_REACH,
    KeyboardInterrupt: Exit.INTERRUPTED,
    click.Abort: Exit.INTERRUPTED,
}


class CommandError(click.ClickException):
    """An error of the command line itself, with its exit code and its word for machines.

    `lines` are told below the message, `data` beside it in JSON.
    """

    def __init__(
        self,
        message: str,
        exit_code: Exit,
        code: str,
        lines: Sequence[str] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.exit = exit_code
        self.code = code
        self.lines = tuple(lines)
        self.data = dict(data or {})


def exit_of(error: BaseException) -> Exit | None:
    """The exit code of an error; None when it is not one that we expect."""
    if isinstance(error, CommandError):
        return error.exit
    if isinstance(error, click.ClickException):
        return Exit(error.exit_code)
    return next((EXIT_OF[kind] for kind in type(error).__mro__ if kind in EXIT_OF), None)


def code_of(error: BaseException) -> str:
    """The word for machines: `JobNotFound` is `job_not_found`."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, click.UsageError):
        return "usage"
    return errors.code_of(error)
