"""What `doctor` looks at in the database: through SQLite only, and without changing it.

The file is never opened by its path: closing such a descriptor would drop the locks that this
process holds on it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from offhours.cli.checks import FAIL, OK, WARN, Check
from offhours.cli.session import Session, is_there
from offhours.core.addresses import is_server
from offhours.core.errors import OffhoursError
from offhours.core.schedules import ScheduleStatus
from offhours.core.times import LATEST, SECOND, Micros, spoken
from offhours.known_tasks import served_tasks
from offhours.store.migrate import scripts
from offhours.store.sqlite.faults import translated
from offhours.store.sqlite.files import refuse_what_is_left
from offhours.store.sqlite.schema import check as check_schema
from offhours.views import is_alive

if TYPE_CHECKING:
    from offhours.app import Offhours
    from offhours.cli.remote import AnyApp

LARGE_WAL = 256_000_000
AHEAD: Micros = 5 * SECOND
LATE: Micros = 30 * SECOND
FAULTS_SHOWN = 3
HELD_SHOWN = 20


def database(state: Session) -> Iterator[Check]:
    """Everything about the database; without one, that there is none."""
    if is_server(state.db):
        yield from _server(state)
        return
    if not is_there(state.db):
        yield Check(
            "database", WARN, f"there is none at {state.db} yet",
            "begin one with: offhours up FILE.py, or name another with --db",
        )  # fmt: skip
        return
    fit = True
    try:
        for found in _file(state.db):
            fit = fit and found.status != FAIL and (found.name, found.status) != ("schema", WARN)
            yield found
        if not fit:
            yield Check("work", WARN, "not looked at", "see to the lines above first")
            return
        with state.open_here() as app:
            yield from _work(app)
    except (OffhoursError, PermissionError) as error:
        yield _unusable(error)


def _server(state: Session) -> Iterator[Check]:
    try:
        with state.open_here() as app:
            from offhours.store.postgres.about import about

            found = about(state.db)
            yield Check("postgres", OK, f"{state.db_name}: PostgreSQL {found.version}")
            yield _notifications(found.notifies)
            yield _durability(found.synchronous_commit)
            yield from _work(app)
    except OffhoursError as error:
        yield _unusable(error)


def _notifications(arrive: bool) -> Check:
    if arrive:
        return Check("wake-ups", OK, "notifications arrive")
    return Check(
        "wake-ups", WARN,
        "notifications do not arrive (a pooler in transaction mode?): an idle worker of another "
        "process sees a new job at its next poll, up to 1 s later",
        "give the workers an address that goes to the server directly",
    )  # fmt: skip


def _durability(synchronous: str) -> Check:
    if synchronous == "off":
        return Check(
            "durability", WARN,
            "synchronous_commit is off: a crash of the server loses what it stored last",
            'set synchronous_commit = on, or Offhours(..., durability="full")',
        )  # fmt: skip
    return Check("durability", OK, f"synchronous_commit is {synchronous}")


def _unusable(error: OffhoursError | PermissionError) -> Check:
    """The errors of a store end in what to do."""
    for mark in (". ", "; "):
        problem, found, remedy = str(error).rpartition(mark)
        if found:
            return Check("database", FAIL, problem, remedy)
    return Check("database", FAIL, str(error), "name another database with --db")


def _file(path: str) -> Iterator[Check]:
    refuse_what_is_left(Path(path))
    with translated(path):
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        with closing(connection):
            connection.set_busy_timeout(2000)
            yield _schema(connection, path)
            yield _journal(connection)
            yield _integrity(connection)
    yield _secrecy(path)
    yield _wal(path)


def _schema(connection: apsw.Connection, path: str) -> Check:
    found, newest = check_schema(connection, path), max(scripts())
    if found < newest:
        told = f"{path} has schema {found}, the newest is {newest}"
        return Check("schema", WARN, told, "nothing to do: the next command upgrades it")
    return Check("schema", OK, f"{path} has schema {found}, the newest")


def _journal(connection: apsw.Connection) -> Check:
    mode = connection.execute("pragma journal_mode").get
    if mode == "wal":
        return Check("journal", OK, "wal")
    return Check(
        "journal", WARN, f"{mode}: safe, but readers and writers wait for each other",
        'leave out journal="rollback" if WAL can be used here',
    )  # fmt: skip


def _integrity(connection: apsw.Connection) -> Check:
    rows = connection.execute(f"pragma quick_check({FAULTS_SHOWN})").fetchall()
    found = [str(row[0]) for row in rows]
    if found == ["ok"]:
        return Check("integrity", OK, "quick_check finds no fault")
    return Check(
        "integrity", FAIL, "; ".join(found),
        "stop all workers, then restore a backup or use the sqlite3 shell's .recover",
    )  # fmt: skip


def _secrecy(path: str) -> Check:
    mode = os.stat(path).st_mode & 0o777
    if mode & 0o077:
        return Check("privacy", WARN, f"others may open it (mode {mode:o})", f"chmod 600 {path}")
    return Check("privacy", OK, "for its owner only")


def _wal(path: str) -> Check:
    try:
        size = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        size = 0
    told = f"{size / 1e6:.1f} MB wait in the write-ahead log"
    if size > LARGE_WAL:
        return Check("log size", WARN, told, "look for a process that reads without end")
    return Check("log size", OK, told)


def _work(app: Offhours) -> Iterator[Check]:
    now = app.clock.micros()
    yield _last_event(app, now)
    yield workers(app, now)
    yield held(app)
    yield _schedules(app, now)


def _last_event(app: Offhours, now: Micros) -> Check:
    last = app.store.last_seq()
    events = app.store.events(last - 1, 1)
    if not events:
        return Check("events", OK, "none yet")
    if events[0].at > now + AHEAD:
        ahead = spoken(events[0].at - now)
        return Check(
            "events", WARN, f"the last one is {ahead} in the future: a clock was set back, or "
            "another machine's is ahead", "set all clocks by NTP",
        )  # fmt: skip
    return Check("events", OK, f"the last one was {spoken(max(0, now - events[0].at))} ago")


def workers(app: AnyApp, now: Micros) -> Check:
    """Whether somebody is there to work."""
    found = app.workers()
    alive = [worker for worker in found if is_alive(worker, now)]
    silent = len(found) - len(alive)
    ready = app.counts()["ready"]
    told = f"{len(alive)} alive" + (f", {silent} lost" if silent else "") + f"; {ready} jobs ready"
    if not alive and (ready or silent):
        return Check("workers", WARN, told, "start one: offhours up FILE.py")
    return Check("workers", OK, told)


def held(app: AnyApp) -> Check:
    """Whether jobs wait for what nobody has."""
    known = served_tasks(app)
    waiting = app.jobs(state="held", limit=HELD_SHOWN)
    unknown = sorted({job.task for job in waiting if job.task not in known})
    if unknown:
        told = f"jobs wait for tasks that no worker knows: {', '.join(unknown)}"
        return Check("held jobs", WARN, told, "start a worker that has them, or cancel those jobs")
    return Check("held jobs", OK, f"{app.counts()['held']}")


def _schedules(app: Offhours, now: Micros) -> Check:
    table = app.store.schedules
    for status in (ScheduleStatus.DISABLED, ScheduleStatus.PARKED):
        stopped = table.page(status=status, limit=HELD_SHOWN)
        if stopped:
            told = ", ".join(f"{schedule.id} ({schedule.reason})" for schedule in stopped)
            remedy = "see to its task, then: offhours schedule resume ID"
            if status is ScheduleStatus.PARKED:
                remedy = "start a worker that has the task, or: offhours schedule rm ID"
            return Check("schedules", WARN, f"{status}: {told}", remedy)
    overdue = table.due_between(0, now - LATE, HELD_SHOWN)
    if overdue and any(is_alive(worker, now) for worker in app.workers()):
        told = ", ".join(str(schedule.id) for schedule in overdue)
        return Check(
            "schedules", WARN, f"overdue by more than {spoken(LATE)} though a worker runs: {told}",
            "look at the worker's log, or restart it",
        )  # fmt: skip
    coming = table.coming(LATEST, 1)
    if not coming:
        return Check("schedules", OK, "none is active")
    due = spoken(max(0, (coming[0].due_at or now) - now))
    return Check("schedules", OK, f"the next one, {coming[0].id}, fires in {due}")
