"""Fills the tables of django-celery-beat by its own models: `python django_program.py FILE`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import django
from django.conf import settings
from django.core.management import call_command

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    MIGRATION_MODULES={"django_celery_beat": None},  # its tables at once, as its models are now
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)

from django_celery_beat.models import (  # noqa: E402
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

nine = CrontabSchedule.objects.create(
    minute="0", hour="9", day_of_week="mon-fri", timezone="Europe/Berlin"
)
ten = IntervalSchedule.objects.create(every=10, period="minutes")
may = ClockedSchedule.objects.create(clocked_time=datetime(2026, 5, 1, 12, tzinfo=UTC))
sun = SolarSchedule.objects.create(event="sunrise", latitude=48, longitude=11)
make = PeriodicTask.objects.create
make(name="nine", task="p.t", crontab=nine, args='["a"]', kwargs='{"b": 1}', queue="slow")
make(name="off", task="p.t", crontab=nine, enabled=False)
make(name="ten", task="p.t", interval=ten, expire_seconds=60, headers='{"x": 1}')
make(
    name="bounded", task="p.t", crontab=nine,
    start_time=datetime(2026, 2, 12, tzinfo=UTC), expires=datetime(2026, 2, 14, tzinfo=UTC),
)  # fmt: skip
make(name="may", task="p.t", clocked=may, one_off=True)
make(name="sun", task="p.t", solar=sun)
make(name="broken", task="p.t", crontab=nine)
PeriodicTask.objects.filter(name="broken").update(args="[")
