"""Offhours in a real Django project."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import AsyncClient, Client, override_settings
from django.urls import clear_script_prefix, set_script_prefix
from tests.django_site.shop import tasks
from tests.django_site.shop.models import Order

from offhours import Offhours, TaskPriority
from offhours.core.errors import ArgumentError, ConfigError
from offhours.integrations.django import checks, project, submit_on_commit
from offhours.integrations.django.framework import (
    TaskResultDoesNotExist,
    TaskResultStatus,
    signals,
)
from offhours.integrations.django.middleware import _excluded, requests_in_front
from offhours.integrations.django.page import _bridge
from offhours.integrations.django.project import project_app, project_settings

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def app() -> Offhours:
    return project_app()


@pytest.fixture(autouse=True, scope="module")
def closed() -> Iterator[None]:
    yield
    requests_in_front().close()
    _bridge().close()


@pytest.fixture
def user() -> Iterator[User]:
    made = User.objects.create_user("ann", password="ann's own", is_staff=True)
    yield made
    made.delete()


def test_the_tasks_of_all_applications_are_found(app: Offhours) -> None:
    assert apps.is_installed("offhours.integrations.django")
    names = app.registry.names()
    assert {"tests.django_site.shop.tasks:ship", "tests.django_site.shop.tasks:add"} <= set(names)


# -- submitting -----------------------------------------------------------------------------


def test_a_job_is_submitted_when_the_rows_are_committed(app: Offhours) -> None:
    before = len(app.jobs(limit=500))
    with suppress(KeyError), transaction.atomic():
        submit_on_commit(tasks.ship, Order.objects.create(what="a hat").id)
        raise KeyError
    assert len(app.jobs(limit=500)) == before
    with transaction.atomic():
        order = Order.objects.create(what="a hat")
        submit_on_commit(tasks.ship.options(priority="low"), order.id)
        assert len(app.jobs(limit=500)) == before
    [job, *_] = app.jobs()
    assert job.priority == TaskPriority.LOW
    assert app.job(job.id).result() == "a hat"
    order.refresh_from_db()
    assert order.shipped


def test_what_cannot_be_stored_is_refused_before_the_commit(app: Offhours) -> None:
    with pytest.raises(ArgumentError, match="order_id"), transaction.atomic():
        submit_on_commit(tasks.ship, object())  # type: ignore[arg-type]
    submit_on_commit(tasks.ship, Order.objects.create(what="a coat").id)  # no transaction: at once
    assert app.job(app.jobs()[0].id).result() == "a coat"


# -- Django's own tasks ---------------------------------------------------------------------


def test_a_django_task_is_a_job(app: Offhours) -> None:
    told: list[tuple[str, str]] = []

    def hear(sender: type, task_result: Any, signal: Any, **more: Any) -> None:
        told.append((names[signal], task_result.status))

    names = {
        signals.task_enqueued: "enqueued",
        signals.task_started: "started",
        signals.task_finished: "finished",
    }
    for signal in names:
        signal.connect(hear)
    result = tasks.add.enqueue(20, other=22)
    assert (result.status, result.attempts) == (TaskResultStatus.READY, 0)
    assert app.record(int(result.id)).task == "tests.django_site.shop.tasks:add"
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value
    app.drain()
    result.refresh()
    assert (result.return_value, result.attempts, result.is_finished) == (42, 1, True)
    assert tasks.add.get_result(result.id).args == [20]
    assert told == [("enqueued", "READY"), ("started", "RUNNING"), ("finished", "SUCCESSFUL")]
    for signal in names:
        signal.disconnect(hear)


def test_a_failure_names_its_error(app: Offhours) -> None:
    result = tasks.fail.enqueue("snow")
    record = app.record(int(result.id))
    assert (record.priority, record.queue) == (TaskPriority.BACKGROUND, "mail")
    app.drain()
    result.refresh()
    assert result.status == TaskResultStatus.FAILED
    assert result.errors[0].exception_class is ValueError
    assert "because of snow" in result.errors[0].traceback


def test_contexts_coroutines_and_later(app: Offhours) -> None:
    counted = tasks.attempts.enqueue(more=10)
    added = asyncio.run(tasks.add_async.aenqueue(1, 2))
    later = tasks.add.using(run_after=datetime.now(UTC) + timedelta(hours=1)).enqueue(1, 2)
    app.drain()
    assert tasks.attempts.get_result(counted.id).return_value == 11
    assert asyncio.run(tasks.add_async.aget_result(added.id)).return_value == 3
    assert tasks.add.get_result(later.id).status == TaskResultStatus.READY
    assert app.why(int(later.id)).until is not None


def test_what_a_backend_refuses(app: Offhours) -> None:
    with pytest.raises(TypeError, match="JSON"):
        tasks.add.enqueue(object(), 1)
    with pytest.raises(ArgumentError, match="missing"):
        tasks.add.enqueue(1)
    for unknown in ("99999", "none", str(tasks.ship.submit(1).id)):
        with pytest.raises(TaskResultDoesNotExist):
            tasks.add.get_backend().get_result(unknown)
    assert app.jobs()[0].task.endswith(":ship")


# -- requests -------------------------------------------------------------------------------


def test_requests_hold_background_work_back(app: Offhours, eventually: Wait) -> None:
    client = Client()
    assert client.get("/inside").content == b"1"
    assert client.get("/health").content == b"0"
    eventually(lambda: not app.foreground_leases())
    assert asyncio.run(AsyncClient().get("/inside")).content == b"1"
    order = client.post("/order", {"what": "a scarf"})
    assert app.job(int(order.content)).result() == "a scarf"


def test_the_page_is_in_nobodys_way_below_a_script_name_too() -> None:
    _excluded.cache_clear()
    set_script_prefix("/site/")
    try:
        assert "/back/" in _excluded()
    finally:
        clear_script_prefix()
        _excluded.cache_clear()


# -- the page -------------------------------------------------------------------------------


def test_the_page_is_for_staff(app: Offhours, user: User) -> None:
    client = Client()
    away = client.get("/back/")
    assert away.status_code == 302 and away.headers["location"].endswith("?next=/back/")
    assert client.get("/back/api/v1/overview").status_code == 401
    client.force_login(user)
    page = client.get("/back/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    told = client.get("/back/api/v1/session").json()
    assert (told["name"], told["scope"]) == ("ann", "read")
    user.is_staff = False
    user.save()
    assert client.get("/back/").status_code == 403
    assert client.get("/back/api/v1/overview").status_code == 403
    assert client.get("/back/", headers={"host": "evil.example"}).status_code == 400


def test_what_a_superuser_does_stands_in_the_audit(app: Offhours, user: User) -> None:
    user.is_superuser = True
    user.save()
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    change = {"data": {"queue": "mail", "reason": "moved"}, "content_type": "application/json"}
    assert client.post("/back/api/v1/pause", **change).json()["code"] == "csrf"
    csrf = {"X-CSRF-Token": client.get("/back/api/v1/session").json()["csrf"]}
    forged = {**csrf, "Origin": "http://evil.example"}
    assert client.post("/back/api/v1/pause", headers=forged, **change).json()["code"] == "csrf"
    assert client.post("/back/api/v1/pause", headers=csrf, **change).status_code == 200
    assert app.audit()[0].actor == "ann"
    app.resume(queue="mail")


def test_the_page_under_asgi_and_by_token(app: Offhours, user: User) -> None:
    client = AsyncClient()
    client.force_login(user)
    assert asyncio.run(client.get("/back/api/v1/overview")).status_code == 200
    wrong = {"Authorization": "Bearer wrong"}
    assert Client().get("/back/api/v1/overview", headers=wrong).status_code == 401


# -- checks and commands --------------------------------------------------------------------


@pytest.fixture
def anew() -> Iterator[None]:
    project_settings.cache_clear()
    yield
    project_settings.cache_clear()


def test_checks_say_all_faults_at_once(anew: None) -> None:
    assert run_checks() == []
    wrong = {"thread": 2, "lease": "soon", "staff_scope": "owner"}
    with override_settings(OFFHOURS=wrong, MIDDLEWARE=[]):
        project_settings.cache_clear()
        found = [(each.id, each.msg.partition(" ")[0]) for each in run_checks()]
        with pytest.raises(ConfigError, match=r"thread: .*lease: .*staff_scope: "):
            project_settings()
    assert [each for each, _ in found].count("offhours.E001") == 3
    assert [each for each, _ in found].count("offhours.E002") == 2


def test_checks_of_what_is_likely_a_mistake(anew: None) -> None:
    with override_settings(OFFHOURS={"db": ":memory:"}):
        project_settings.cache_clear()
        assert [each.id for each in checks.check_settings()] == ["offhours.W001"]
    with override_settings(OFFHOURS=["db"]):
        project_settings.cache_clear()
        assert checks.check_settings()[0].msg == "OFFHOURS: expected a mapping, got list"
    backend = tasks.add.get_backend()
    backend.options = {"retry": 3}
    try:
        assert [each.id for each in backend.check()] == ["offhours.E003"]
    finally:
        backend.options = {}


def test_runs_leave_no_connection_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(project, "close_old_connections", lambda: told.append("closed"))

    def fail() -> None:
        told.append("ran")
        raise KeyError

    async def run() -> str:
        told.append("ran")
        return "done"

    with pytest.raises(KeyError):
        project._surrounded("fail", fail)()
    assert asyncio.run(project._surrounded("run", run)()) == "done"
    assert told == ["closed", "ran", "closed"] * 2


def test_the_command_line(app: Offhours, tmp_path: Path) -> None:
    """In memory there is nothing for another process to look at, and each command is one."""
    with pytest.raises(CommandError, match="ended with 2"):
        call_command("offhours", "ls", "--json")
    with pytest.raises(CommandError, match="ended with 5"):
        call_command("offhours", "ls", "--db", str(tmp_path / "nowhere.db"))
    with pytest.raises(CommandError, match="ended with 2"):
        call_command("offhours_worker")  # inline is for tests
