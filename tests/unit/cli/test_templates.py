"""`template`: kept, changed, filled, submitted and scheduled from a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from offhours.app import Offhours

CREATE = (
    "template", "create", "adding", "t:add", "--arg", "{a}", "--kwarg", "b={b}", "--param",
    "a=int", "--param", "b=int:3", "--param", "kind=fast|slow:fast", "--option", "priority=high",
    "--option", "name={kind} on {a}", "--tag", "sums", "--description", "adds",
)  # fmt: skip


def test_it_is_kept_and_submitted(run, app: Offhours) -> None:
    assert run(*CREATE) == (0, "adding@1\n", "")
    assert run("template", "submit", "adding", "-p", "a=4", "-p", "kind=slow").out == "1\n"
    app.drain()
    job = app.job(1)
    assert (job.result(), job.record.name, job.record.priority) == (7, "slow on 4", 10)
    told = run("template", "submit", "adding", "-p", "a=1", "--json").json
    assert told["metadata"]["template"] == {"name": "adding", "version": 1}


def test_it_is_shown(run, app: Offhours) -> None:
    assert "no templates" in run("template", "ls").err
    run(*CREATE)
    assert "adding  1        t:add  a, [b], [kind]" in run("template", "ls").out
    [told] = run("template", "ls", "--json").json["templates"]
    assert told["parameters"]["b"] == {"type": "int", "default": 3}
    out = run("template", "show", "adding").out
    assert "{kind}  fast or slow, else fast" in out and '"priority":"high"' in out
    run("template", "update", "adding", "--option", "retries=2", "--without", "name")
    assert run("template", "show", "adding", "--versions", "--json").json["templates"][1][
        "version"
    ] == 1  # fmt: skip
    assert "adding@2" in run("template", "show", "adding").out
    assert "adding@1" in run("template", "show", "adding@1").out


def test_what_is_typed_is_read_by_its_type(run, app: Offhours) -> None:
    app.templates.create(
        "typed", "t:boom", kwargs={"text": "{s} {b} {f} {d}"},
        parameters={"s": "str", "b": "bool", "f": "float", "d": "date"},
    )  # fmt: skip
    line = ("template", "preview", "typed", "-p", "s=3", "-p", "b=yes", "-p", "f=1")
    told = run(*line, "-p", "d=2026-06-01").json
    assert told["kwargs"] == {"text": "3 true 1.0 2026-06-01"}
    assert told["parameters"] == {"s": "3", "b": True, "f": 1.0, "d": "2026-06-01"}
    bad = run("template", "submit", "typed", "-p", "b=perhaps", "-p", "f=x", "-p", "x=1")
    assert bad.code == 2 and app.jobs() == []
    for told in ("s: is missing", "b: expected true or false", "f: expected a number", "x: unkn"):
        assert told in bad.err


def test_it_is_scheduled(run, app: Offhours) -> None:
    run(*CREATE, "--when", "every day at 9am", "--timezone", "Europe/Berlin")
    told = run("template", "schedule", "adding", "-p", "a=1", "--json").json
    assert told["schedule"]["name"] == "fast on 1"
    assert told["explain"]["sentence"] == "every day at 09:00"
    out = run("template", "schedule", "adding", "every hour", "-p", "a=2").out
    assert "every hour" in out
    assert len(list(app.schedules)) == 2


def test_parts_of_a_file(run, app: Offhours) -> None:
    parts = {"args": ["{a}"], "parameters": {"a": "int"}, "options": {"retries": 1}}
    Path("parts.json").write_text(json.dumps(parts))
    run("template", "create", "adding", "t:add", "--parts", "parts.json", "--option", "queue=x")
    assert app.templates.get("adding").options == {"retries": 1, "queue": "x"}
    Path("parts.json").write_text('{"argh": []}')
    bad = run("template", "create", "other", "t:add", "--parts", "parts.json")
    assert bad.code == 2 and "argh is unknown" in bad.err


def test_it_is_taken_away(run, app: Offhours) -> None:
    run(*CREATE)
    assert run(*CREATE).code == 6
    assert run("template", "rm", "adding").code == 0
    assert run("template", "show", "adding").code == 3


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("create", "a", "t:add", "--param", "a"), "expected NAME=VALUE"),
        (("create", "a", "t:add", "--param", "a=int:x"), "expected a whole number"),
        (("create", "a", "t:add", "--arg", "{b}", "--param", "c=what"), "args: {b} is no param"),
        (("update", "a"), "nothing to change"),
        (("update", "a", "--expect", "2", "--tag", "x"), "no template 'a'"),
    ],
)
def test_faults(run, app: Offhours, line: tuple[str, ...], told: str) -> None:
    result = run("template", *line)
    assert result.code in (2, 3) and told in result.err


@pytest.mark.parametrize(
    ("parts", "line", "told"),
    [
        ('{"options": [1]}', [], "options: expected a mapping"),
        ('{"kwargs": 3}', ["--kwarg", "a=1"], "kwargs: expected a mapping"),
        ("[" * 100_000, [], "nested too deeply"),
        ("{}", ["--option", "task=t:boom"], "options/task: is a part of it"),
    ],
)
def test_parts_that_cannot_be_are_told(run, app, parts: str, line: list[str], told: str) -> None:
    Path("parts.json").write_text(parts)
    refused = run("template", "create", "x", "t:add", "--parts", "parts.json", *line)
    assert refused.code == 2 and told in refused.err
