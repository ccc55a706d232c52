"""A Django project for the tests: `use()` makes it that of this process, once."""

from __future__ import annotations

import os


def use() -> None:
    """Set Django up, with the tables of this project in memory."""
    import django
    from django.apps import apps

    if apps.ready:
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django_site.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
