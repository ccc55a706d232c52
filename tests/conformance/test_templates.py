"""Templates: kept in versions, filled, submitted and scheduled, alike on every store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from offhours import Offhours
from offhours.core.errors import (
    Conflict,
    OptionError,
    ParameterError,
    TemplateError,
    TemplateNotFound,
)
from offhours.testing import FakeClock

WANTED = {
    "folder": "str",
    "day": {"type": "date", "description": "which day"},
    "pages": {"type": "int", "default": 3},
    "share": {"type": "float", "default": 1},
    "draft": {"type": "bool", "default": False},
    "team": ["sales", "legal"],
}


@pytest.fixture
def app(place: str) -> Iterator[Offhours]:
    made = Offhours(place, clock=FakeClock(), executor="inline")

    @made.task(name="shop:report")
    def report(folder: str, day: date, **how: Any) -> list[Any]:
        return [folder, day.isoformat(), how]

    yield made
    made.close()


def weekly(app: Offhours, **more: Any) -> Any:
    given: dict[str, Any] = {
        "args": ["reports/{folder}", "{day}"],
        "kwargs": {"pages": "{pages}", "text": "{team}: {share}, {draft}, {{pages}}"},
        "parameters": WANTED, "tags": ["weekly", "{team}"], "retries": 5,
        "name": "report of {day}", "metadata": {"who": "ann"},
    }  # fmt: skip
    return app.templates.create("weekly", "shop:report", **(given | more))


def test_a_job_is_made_of_typed_parameters(app: Offhours) -> None:
    made = weekly(app)
    assert (made.version, made.created_by, made.parameters["day"].required) == (1, "code", True)
    job = app.templates.submit("weekly", folder="{x}", day=date(2026, 6, 1), team="sales", share=2)
    app.drain()
    assert job.result() == [
        "reports/{x}", "2026-06-01", {"pages": 3, "text": "sales: 2.0, false, {pages}"},
    ]  # fmt: skip
    record = job.record
    assert (record.name, record.max_attempts) == ("report of 2026-06-01", 6)
    assert json.loads(record.metadata or "") == {
        "who": "ann", "template": {"name": "weekly", "version": 1}, "tags": ["weekly", "sales"],
    }  # fmt: skip
    assert app.bulk.preview("retry", tag="sales").count == 1


def test_all_that_is_wrong_with_parameters_is_told_at_once(app: Offhours) -> None:
    weekly(app)
    with pytest.raises(ParameterError) as caught:
        app.templates.submit("weekly", day="1.6.2026", pages="3", team="legl", dya=1, draft=1)
    assert caught.value.faults == {
        "dya": 'unknown; did you mean "day"?',
        "folder": "is missing: expected text of at most 100,000 characters",
        "day": "expected a day such as 2026-06-01, got '1.6.2026'",
        "pages": "expected a whole number, got '3'",
        "draft": "expected true or false, got 1",
        "team": "expected sales or legal, got 'legl'; did you mean \"legal\"?",
    }
    for bad in (True, 2**63, 1.5, None):
        with pytest.raises(ParameterError, match="pages: expected a whole number"):
            app.templates.submit("weekly", folder="a", day="2026-06-01", team="sales", pages=bad)
    for bad in (float("nan"), float("inf"), "1", True):
        with pytest.raises(ParameterError, match="share: expected a number"):
            app.templates.submit("weekly", folder="a", day="2026-06-01", team="sales", share=bad)
    assert app.jobs() == []


def test_all_that_is_wrong_with_a_template_is_told_at_once(app: Offhours) -> None:
    with pytest.raises(TemplateError) as caught:
        app.templates.create(
            "a@b", "shop:report", args=["{folder.x}", "{day}"], kwargs={"a": "{nme}"},
            parameters={"name": "strr", "9": "int", "kind": {"choices": ["a", "a"]},
                        "size": {"type": "int", "default": "x"}},
            schedule={"wen": "x"}, prio="high",
        )  # fmt: skip
    assert sorted(caught.value.faults) == [
        "args", "kwargs", "name", "options/prio", "parameters/9", "parameters/kind",
        "parameters/name", "parameters/size", "schedule/wen",
    ]  # fmt: skip
    with pytest.raises(TemplateError) as caught:
        weekly(app, priority="urgent", retries=-1, metadata={"template": 1}, unique="{team}",
               on_conflict="explode", schedule={"when": "every blue moon"})  # fmt: skip
    assert sorted(caught.value.faults) == [
        "options/metadata", "options/on_conflict", "options/priority", "options/retries",
        "schedule/when",
    ]  # fmt: skip
    with pytest.raises(TemplateError, match="args: the arguments do not fit shop:report"):
        app.templates.create("short", "shop:report", args=["one"])
    with pytest.raises(TemplateError, match="args: has an object of a class of yours"):
        app.templates.create("own", "who:knows", args=[app.settings])
    assert app.templates.list() == []


@pytest.mark.parametrize(
    "text", ["{0}", "{}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{a", "a}", "{ a}", "{__class__.x}"]
)
def test_only_plain_placeholders_are_taken(app: Offhours, text: str) -> None:
    with pytest.raises(TemplateError, match="is no placeholder"):
        app.templates.create("odd", "who:knows", args=[text], parameters={"a": "str"})


def test_a_change_is_a_version(app: Offhours) -> None:
    with app.acting_as("ann"):
        weekly(app)
        app.templates.update("weekly", expect=1, priority="high", without=["name"])
    with pytest.raises(Conflict, match="it is at version 2"):
        app.templates.update("weekly", expect=1, retries=0)
    with pytest.raises(TemplateError, match="without/queue: is no option"):
        app.templates.update("weekly", without=["queue"])
    assert app.templates.update("weekly", priority=10).version == 2  # nothing is another
    assert [each.version for each in app.templates.versions("weekly")] == [2, 1]
    old, new = app.templates.get("weekly@1"), app.templates.get("weekly")
    assert "name" in old.options and "name" not in new.options
    assert new.options["priority"] == "high" and new.parameters == old.parameters
    day = {"folder": "a", "day": "2026-06-01", "team": "sales"}
    assert app.templates.submit("weekly@1", **day).record.priority == 50
    assert app.templates.submit("weekly", **day).record.priority == 10
    changed, created = app.audit(limit=2)
    assert (created.action, changed.action) == ("template.created", "template.changed")
    assert changed.actor == "ann" and created.was is None
    was, became = json.loads(changed.was or ""), json.loads(changed.became or "")
    assert (was["version"], became["version"]) == (1, 2)
    assert "name" in was["options"] and became["options"]["priority"] == "high"
    assert "reports/" not in (changed.became or "")  # arguments may be private


def test_what_is_deleted_is_found_no_more_and_never_given_again(app: Offhours) -> None:
    weekly(app)
    with pytest.raises(Conflict, match="in version 1; update it"):
        weekly(app)
    with pytest.raises(Conflict, match="at version 1"):
        app.templates.delete("weekly", expect=7)
    app.templates.delete("weekly")
    for name in ("weekly", "weekly@1", "wekly", "weekly@x", "weekly@0", "a\0"):
        with pytest.raises(TemplateNotFound):
            app.templates.get(name)
    assert weekly(app).version == 2
    with pytest.raises(TemplateNotFound, match='did you mean "weekly"'):
        app.templates.get("wekly")
    kinds = [event.kind for event in app.events()]
    assert kinds == ["template.created", "template.deleted", "template.created"]


def test_lists_have_each_in_its_newest_version(app: Offhours) -> None:
    for name in ("b", "a", "c"):
        app.templates.create(name, f"shop:{name}", args=[])
    app.templates.update("a", description="the first")
    found = app.templates.list(limit=2)
    assert [(each.name, each.version) for each in found] == [("a", 2), ("b", 1)]
    assert [each.name for each in app.templates.list(after="b")] == ["c"]
    assert [each.name for each in app.templates.list(task="shop:b")] == ["b"]


def test_a_program_defines_it_at_each_start(app: Offhours) -> None:
    def start(pages: int) -> int:
        made = app.templates.define(
            "daily", "shop:report", args=("a", "{day}"), kwargs={"pages": pages},
            parameters={"day": "date"}, priority=10,
        )  # fmt: skip
        return int(made.version)

    assert [start(3), start(3), start(4), start(4)] == [1, 1, 2, 2]


def test_a_schedule_is_made_of_it(app: Offhours) -> None:
    weekly(app, schedule={"when": "every monday at 09:00", "timezone": "Europe/Berlin"})
    given = {"folder": "a", "day": "2026-06-01", "team": "sales"}
    made = app.templates.schedule("weekly", **given)
    record = made.record
    assert (record.name, record.task) == ("report of 2026-06-01", "shop:report")
    assert made.explain().sentence == "every monday at 09:00"
    assert json.loads(record.metadata or "")["tags"] == ["weekly", "sales"]
    assert app.templates.schedule("weekly", **given).id == made.id
    other = app.templates.schedule("weekly", "every day at noon", **{**given, "day": "2026-06-02"})
    assert other.explain().sentence == "every day at 12:00" and other.id != made.id
    job = made.run_now()
    app.drain()
    assert job.result()[:2] == ["reports/a", "2026-06-01"]
    app.templates.create("now", "who:knows", unique="x")
    with pytest.raises(TemplateError, match="say when"):
        app.templates.schedule("now")
    with pytest.raises(TemplateError, match="options/unique: is for one job"):
        app.templates.schedule("now", "every day at noon")


def test_a_preview_stores_nothing(app: Offhours) -> None:
    weekly(app, queue="{team}", delay="{pages}")
    last = app.store.last_seq()
    seen = app.templates.preview("weekly", folder="a", day="2026-06-01", team="legal")
    assert (seen.version, seen.task, list(seen.args)) == (
        1, "shop:report", ["reports/a", date(2026, 6, 1)],
    )  # fmt: skip
    assert (seen.options["queue"], seen.options["delay"]) == ("legal", 3)
    app.templates.update("weekly", name="{folder}")
    with pytest.raises(OptionError, match="name: expected text of 1 to 500"):
        app.templates.preview("weekly", folder="x" * 501, day="2026-06-01", team="legal")
    assert app.jobs() == [] and app.store.last_seq() == last + 1
