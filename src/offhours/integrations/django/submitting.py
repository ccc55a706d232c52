"""Jobs that are stored when the transaction around them is committed."""

from __future__ import annotations

import functools
from typing import ParamSpec, TypeVar

from django.db import transaction

from offhours.handles import TaskHandle

P = ParamSpec("P")
R = TypeVar("R")


def submit_on_commit(task: TaskHandle[P, R], *args: P.args, **kwargs: P.kwargs) -> None:
    """Submit when the transaction on the default database is committed; at once without one.

    Rolled back, nothing was submitted. What cannot be stored is refused here, not after the
    commit. `task.options(...)` chooses how, as ever.

    A process that is killed between the commit and the submit has committed without the job. Where
    both are in one PostgreSQL, `task.options(connection=connection).submit(...)` inside of
    `transaction.atomic()` cannot do that.
    """
    task.app.new_job(task, args, kwargs, {})
    transaction.on_commit(functools.partial(task.submit, *args, **kwargs))
