"""A Django project for the tests: `use()` makes it that of this process, once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager


def use() -> None:
    """Set Django up, with the tables of this project in memory."""
    import django
    from django.apps import apps

    if apps.ready:
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django_site.settings"
    with _same_local_time():
        django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)


@contextmanager
def _same_local_time() -> Iterator[None]:
    """Django sets TZ for its whole process; other tests want the machine's."""
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    if hasattr(time, "tzset"):
        time.tzset()
