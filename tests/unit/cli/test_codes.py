"""Each error of ours has its exit code, in one table."""

from __future__ import annotations

import click
import pytest

from offhours.cli.codes import EXIT_OF, CommandError, Exit, code_of, exit_of
from offhours.core import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ArgumentError("x", "bad"), 2),
        (errors.ConfigError(["a", "b"]), 2),
        (errors.JobNotFound("no job"), 3),
        (errors.TaskNotFound("no task"), 3),
        (errors.StoreReadOnly("read only"), 4),
        (PermissionError("no"), 4),
        (errors.Busy("locked"), 5),
        (errors.StoreCorrupt("x.db", "damaged"), 5),
        (errors.StorageFull("full"), 5),
        (errors.IllegalMove("no"), 6),
        (errors.Conflict("changed"), 6),
        (errors.QueueFull("full"), 7),
        (errors.JobFailed("failed", 1, "error", "trace"), 1),
        (errors.JobCancelled("cancelled", 1), 1),
        (errors.ResultTimeout("slow", 1), 124),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.UsageError("what?"), 2),
        (CommandError("gone", Exit.CANNOT_REACH, "no_database"), 5),
    ],
)
def test_exit_code(error: BaseException, code: int) -> None:
    assert exit_of(error) == code


def test_every_error_of_ours_has_one() -> None:
    ours = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]
    assert len(ours) > 20
    assert all(set(kind.__mro__) & set(EXIT_OF) for kind in ours)


def test_a_programming_error_has_none() -> None:
    assert exit_of(KeyError("x")) is None


def test_words_for_machines() -> None:
    assert code_of(errors.JobNotFound("x")) == "job_not_found"
    assert code_of(click.BadParameter("x")) == "usage"
    assert code_of(CommandError("x", Exit.FAILED, "import_failed")) == "import_failed"
