"""The command line against a server: the same words, output and exit codes as against a file."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from offhours import Flow, Offhours
from offhours.cli.main import cli
from offhours.core.notices import NewAlert
from offhours.optimize import MicroAutomationCreator, RepetitiveTaskIdentifier
from offhours.optimize import Task as Done

TOKEN = "oh_only_for_this_test_0123456789"
PROGRAM = """
    from offhours import Defer, Flow, Offhours, context

    from offhours.recorder import PerfCatcherInterceptor
    from offhours.recorder.sinks.store import StoreSink

    app = Offhours("jobs.db")
    recorder = PerfCatcherInterceptor(background=False, sinks=[StoreSink(app)])
    recorder.record("search", 12)

    @app.task(name="t:add")
    def add(a: int, b: int = 1) -> int:
        return a + b

    @app.task(name="t:boom", retries=0)
    def boom(text: str = "no") -> None:
        raise ValueError(text)

    @app.task(name="t:later")
    def later() -> None:
        raise Defer("1h", reason="rate limit")

    @app.task(name="t:hear")
    def hear() -> object:
        return context().wait_for_signal("go")

    @app.task(name="t:ask")
    def ask() -> bool:
        return context().approve("May I?", args={"n": 1}).approved
"""


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class House:
    """A server, the database that it works on, and the command line for both."""

    def __init__(self, url: str, db: Path) -> None:
        self.url = url
        self.db = db

    def run(self, *argv: object, **env: str) -> Result:
        """By the server."""
        return self._run("--url", self.url, *argv, OFFHOURS_TOKEN=TOKEN, **env)

    def here(self, *argv: object) -> Result:
        """On the database."""
        return self._run("--db", str(self.db), *argv)

    def _run(self, *argv: object, **env: str) -> Result:
        out, err = io.StringIO(), io.StringIO()
        before = {name: os.environ.get(name) for name in env}
        os.environ.update(env)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                cli([str(arg) for arg in argv], prog_name="offhours")
        except SystemExit as ended:
            return Result(int(ended.code or 0), out.getvalue(), err.getvalue())
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        raise AssertionError("it did not end")

    def submit(self, *argv: object) -> int:
        return int(self.run("submit", *argv).out)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    (folder / "app.py").write_text(textwrap.dedent(PROGRAM))
    process = subprocess.Popen(
        [sys.executable, "-m", "offhours", "up", "app.py", "--port", "0"],
        cwd=folder, env={**os.environ, "OFFHOURS_TOKEN": TOKEN}, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        url = next(
            found[1] for line in process.stderr if (found := re.search(r"API at (\S+) ", line))
        )
        made = House(url, folder / "jobs.db")
        made.run("submit", "t:add", "--arg", 1, "--name", "first", "--wait")
        made.run("submit", "t:boom", "--wait")
        made.run("schedule", "add", "every day at 9am", "t:add", "--arg", 2, "--name", "nine")
        made.run("pause", "--queue", "slow", "--reason", "the disk is full")
        made.run("limit", "--task", "t:add", "--rate", "100/s", "--concurrency", 3)
        with contextlib.closing(Offhours(made.db)) as app:
            for name in ("t:boom", "t:add"):
                app.task(name=name)(print)
            flow = Flow("report")
            first = flow.step("first", "t:boom")
            flow.step("second", "t:add", args=(1,), after=[first])
            app.submit_flow(flow)
            for model, body in (("digits", b"1"), ("digits", b"2"), ("small", b"3")):
                app.models("acme").take_in(model, body, '{"accuracy": 0.9}', "{}")
            app.models("acme").get("digits").restore(1, "ann", "it is good")
            alert = NewAlert("mine", "store", "warning", "nothing was done")
            app.store.notices.fire(alert, app.clock.micros())
            scout = app.agent("scout")
            goal = scout.schedule("Look for papers.", "every day at 7am", name="papers")
            app.agents.goals.get(goal.task_id).defer("2h", "not today")
            NAMED["GOAL"] = goal.task_id
            for prompt in ("tidy up", "tell ann", "water it"):
                scout.think(prompt, origin={"user": "ann"})
            app.agents.thoughts.get(3).acknowledge("done")
            scout.budget(usd=5, tokens=1000, per="day", on_breach="defer")
            scout.quota(active=50, deferrals=20)
            seen = RepetitiveTaskIdentifier()
            for n in range(1, 9):
                copied = {"to": f"/backup/2026-06-0{n}"}
                seen.add_task(Done(f"t{n}", "copy", "", copied, datetime(2026, 6, n), 500, True))
            [pattern] = seen.identify_repetitive_patterns(datetime(2026, 6, 2))
            automations = MicroAutomationCreator(app.store.automations, clock=app.clock)
            NAMED["AUTO"] = automations.create_automation(pattern).automation_id
            app.hold_foreground("wf_1", "10m")
            app.graph.add_node("note_1", "note", {"by": "ann"})
            app.graph.add_edge("note_1", "ABOUT", 1)
        made.run("submit", "t:add", "--arg", 7, "--wait")
        made.run("cancel", "--where", "task=t:add state=held", "--yes")
        declared = ("--arg", "{a}", "--param", "a=int", "--param", "b=int:2", "--kwarg", "b={b}")
        made.run("template", "create", "sum", "t:add", *declared)
        made.run("submit", "t:later")
        while not made.run("deferrals", "--json").json["count"]:
            assert process.poll() is None
        yield made
    finally:
        process.terminate()
        process.communicate(timeout=30)


NAMED: dict[str, str] = {}  # the ids of the goal and the automation that every test finds there
AGO = re.compile(r"\d[\d.]* (ms|s|min)( \d+ s)?( ago)? *")
# A number that is new, a token that has its time in it.
ITS_OWN = re.compile(r'("operation":)\d+|\w+(-\w+){3}-\w{16}')
SAME = [
    "ls queues --json", "failures --json", "logs 2 --json",
    "ls", "ls --json", "ls --state failed --ids", "ls --task t:add --after 3 --limit 1 --json",
    "ls --task t:nope", "ls workers", "ls tasks", "ls tasks --json", "ls limits",
    "ls limits --json", "ls schedules", "ls schedules --json", "show 1", "show 1 --json",
    "show 2 --json", "show 99", "why 1", "why 2 --json", "why 99 --json", "cancel 1",
    "cancel 1 99 --json", "retry 99", "schedule ls --ids", "schedule ls --json",
    "schedule show nine --json", "schedule show 1", "schedule show nien", "schedule pause 9",
    "flow ls --json", "flow show 1", "flow show 1 --json", "flow show 9", "flow cancel 9",
    "approvals", "approvals --all --json", "approve 77", "alerts", "alerts --all --json",
    "alerts ack 99", "dumps --json", "dumps show", "dumps show dmp_1", "notify recent",
    "notify recent --json", "limit --queue q --rate nonsense", "resume --queue none", "token ls",
    "deferrals", "deferrals --json", "deferrals --limit 1 --period 1h", "deferrals --period x",
    "deferrals --job 1", "deferrals --job 3 --json", "deferrals --job 99",
    "models ls --tenant acme", "models ls --tenant acme --json", "models ls --tenant none",
    "models show digits --tenant acme", "models show digits --tenant acme --json --limit 1",
    "models show digit --tenant acme", "models rollback small --tenant acme",
    "models restore digits 9 --tenant acme", "models pardon small --tenant acme --json",
    "template ls", "template ls --json", "template ls --task t:none", "template show sum",
    "template show sum --json", "template show sum@1 --versions --json", "template show sums",
    "template preview sum -p a=3", "template preview sum -p a=x -p c=1", "template rm none",
    "template submit sum -p a=x", "template create sum t:add --arg 1",
    "template update none --when daily",
    "template update sum --description x --expect 9", "template schedule sum -p a=1",
    "audit", "audit --json --limit 3", "audit --by nobody", "audit --before 3 --json",
    "signal 1 go", "signal 99 go", "signal 1 go nonsense", "operations", "operations --json",
    "operations resume 1 --json", "operations resume 99", "operations stop 1",
    "operations stop 99 --json", "cancel --where state=none", "cancel --where task=t:none --yes",
    "retry --where state=failed --where ids=2 --dry-run --json",
    "retry --where task=t:boom --where since=2d --dry-run", "pause --where state=pending",
    "retry --where state=failed --expect nonsense --yes", "resume --where tag=no --yes --json",
    "goal ls", "goal ls --json", "goal ls --agent nobody", "goal ls --limit 1", "goal show GOAL",
    "goal show GOAL --json", "goal show task_1", "goal show a/b", "goal pause task_1",
    "goal defer GOAL nonsense", "goal cancel none", "thoughts ls", "thoughts ls --json",
    "thoughts ls --agent scout --state all --json", "thoughts ls --before 2", "thoughts ack 3",
    "thoughts ack 99", "thoughts snooze 3 1h", "thoughts snooze 1 nonsense",
    "budget ls", "budget ls --json", "budget set --all", "budget set --agent a --usd -1",
    "budget set --agent a --tokens 1 --on-breach defer", "budget lift --tenant none --json",
    "quota ls", "quota ls --json", "find nine", "find nine --json", "find t:boom --type job",
    "find --tag scheduled_task --json", "find zebra", "graph 1", "graph 2 --json",
    "graph schedule_1 --limit 1 --json", "graph 99", "graph note_1 --type ABOUT",
    "graph GOAL", "graph 1 --export -", "graph --export - --format graphml",
    "schedule calendar", "schedule calendar tomorrow --days 2 --timezone Europe/Berlin --json",
    "schedule calendar nonsense", "schedule calendar tomorrow --days 40 --limit 2",
    "schedule backfill nine --from 2026-01-01 --to 2026-01-04 --dry-run",
    "schedule backfill nine --from 2026-01-01 --to 2026-01-04 --dry-run --json",
    "optimize report --json", "optimize show AUTO", "optimize show AUTO --json",
    "optimize show none", "optimize deploy AUTO", "optimize withdraw none",
    "workflow end 99", "workflow ls --json",
    "schedule backfill 99 --from 2026-01-01", "schedule backfill 1 --from 2200-01-01",
]  # fmt: skip


@pytest.mark.parametrize("line", SAME)
def test_a_server_answers_as_its_database_does(house: House, line: str) -> None:
    names = (house.url, str(house.db), "jobs.db")

    def told(result: Result) -> tuple[int, list[str], list[str]]:
        texts = []
        for text in (result.out, result.err):
            for name in names:
                text = text.replace(name, "PLACE")
            texts.append([ITS_OWN.sub("", AGO.sub("", row)).rstrip() for row in text.splitlines()])
        return result.code, texts[0], texts[1]

    for _ in range(3):  # its monitor may find something between the two
        words = line.replace("GOAL", NAMED["GOAL"]).replace("AUTO", NAMED["AUTO"]).split()
        there, here = told(house.run(*words)), told(house.here(*words))
        if there == here:
            break
    assert there == here


def test_a_job_is_submitted_waited_for_and_its_failure_told(house: House) -> None:
    assert house.run("submit", "t:add", "--arg", 2, "--kwarg", "b=3", "--wait").out == "5\n"
    failed = house.run("submit", "t:boom", "--arg", "oh", "--wait")
    assert failed.code == 1 and "failed: ValueError: oh" in failed.err
    unknown = house.run("submit", "t:ad")
    assert unknown.code == 3 and 'did you mean "t:add"?' in unknown.err
    options = ("--priority", "high", "--delay", "1h", "--queue", "q", "--name", "n", "--json")
    made = house.run("submit", "t:add", "--arg", 1, *options).json
    assert (made["priority"], made["queue"], made["name"]) == ("high", "q", "n")
    assert house.run("cancel", made["id"]).out == f"{made['id']} cancelled\n"


def test_a_wait_that_takes_too_long_ends_with_124(house: House) -> None:
    result = house.run(
        "submit", "t:add", "--arg", 1, "--delay", "1h", "--wait", "--timeout", "50ms"
    )
    assert result.code == 124 and "was not finished in time" in result.err


def test_a_failed_job_is_retried(house: House) -> None:
    number = int(house.run("retry", 2).out)
    assert house.here("show", number, "--json").json["job"]["retry_of"] == 2


def test_queues_are_paused_and_let_go(house: House) -> None:
    assert house.run("pause", "--queue", "q1").out == "the queue q1 is paused\n"
    assert house.run("pause", "--queue", "q1").out == "the queue q1 is paused already\n"
    assert house.here("resume", "--queue", "q1").out == "the queue q1 goes on\n"
    assert "limited no longer" in house.run("limit", "--queue", "q1", "--none").out


def test_a_schedule_is_made_changed_run_and_taken_away(house: House) -> None:
    made = house.run("schedule", "add", "every monday at 8am", "t:add", "--arg", 3, "--quiet")
    number = made.out.strip()
    told = house.run("schedule", "update", number, "--when", "every tuesday at 8am")
    assert "every tuesday at 08:00" in told.out
    assert house.run("schedule", "update", number, "--name", "m", "--revision", 9).code == 6
    assert "paused" in house.run("schedule", "pause", number, "--reason", "later").out
    assert house.run("schedule", "resume", number).code == 0
    job = int(house.run("schedule", "run", number).out)
    assert house.here("show", job, "--json").json["job"]["schedule"] == int(number)
    twice = house.run("schedule", "add", "every day", "t:add", "--arg", 1, "--name", "nine")
    assert twice.code == 6
    assert house.run("schedule", "rm", number, "--yes").code == 0
    assert house.run("schedule", "show", number).code == 3


def test_a_flow_is_done_again(house: House) -> None:
    jobs = house.run("flow", "retry", 1).out.split()
    assert len(jobs) == 2
    assert house.run("flow", "cancel", 1, "--json").code == 0


def test_many_jobs_are_steered_once_they_were_counted(house: House) -> None:
    for queue in "aab":
        house.submit("t:add", "--arg", 1, "--delay", "1h", "--queue", queue)
    where = ("--where", "queue=a state=pending since=1h priority=normal")
    seen = house.run("pause", *where, "--dry-run", "--json").json
    assert (seen["count"], seen["tasks"], len(seen["examples"])) == (2, {"t:add": 2}, 2)
    paused = house.run("pause", *where, "--expect", seen["token"], "--yes", "--reason", "later")
    assert (paused.code, paused.out) == (0, "2 jobs were paused\n")
    assert house.run("pause", *where, "--yes").out == "0 jobs were paused\n"
    assert house.run("resume", "--where", "queue=a", "--yes", "--json").json["done"] == 2
    assert house.run("cancel", "--where", "queue=a").code == 2  # nobody there to be asked
    assert (
        house.run("cancel", "--where", "queue=a queue=b", "--yes").out == "3 jobs were cancelled\n"
    )
    refused = house.run("retry", "--where", "queue=a", "--expect", seen["token"], "--yes")
    assert refused.code == house.here("retry", "--where", "queue=a", "--expect", seen["token"],
                                      "--yes").code == 6  # fmt: skip
    [latest] = house.run("operations", "--limit", 1, "--json").json["operations"]
    assert (latest["kind"], latest["by"], latest["done"]) == ("jobs.cancel", "server token", 3)


def test_a_model_goes_back_in_the_name_of_who_holds_the_token(house: House) -> None:
    acme = ("--tenant", "acme")
    there = house.run("models", "restore", "digits", 2, "--reason", "look", *acme)
    assert there.err == ""
    assert there.out == "version 2 of digits serves now\n"
    back = house.run("models", "rollback", "digits", "--json", *acme)
    assert back.json["champion"] == 1
    moves = house.here("models", "show", "digits", "--json", *acme).json["moves"]
    assert [(move["kind"], move["by"]) for move in moves[:2]] == [
        ("rolled_back", "server token"), ("restored", "server token"),
    ]  # fmt: skip
    refused = house.run("models", "rollback", "digits", "--by", "ann", *acme)
    assert refused.code == 2 and "leave out --by" in refused.err


def test_a_template_is_kept_changed_used_and_taken_away(house: House) -> None:
    options = ("--option", "priority=high", "--option", "retries=2")
    parts = ("--arg", "{a}", "--param", "a=int", *options)
    assert house.run("template", "create", "more", "t:add", *parts).out == "more@1\n"
    changed = ("--description", "adds", "--without", "retries", "--option", "queue=q")
    assert house.run("template", "update", "more", *changed, "--expect", 1).out == "more@2\n"
    kept = house.here("template", "show", "more", "--json").json
    assert kept["options"] == {"priority": "high", "queue": "q"}
    assert house.run("template", "update", "more", "--without", "retries").code == 2
    job = int(house.run("template", "submit", "more", "-p", "a=4").out)
    told = house.here("show", job, "--json").json["job"]
    assert (told["arguments"][0], told["priority"]) == ([4], "high")
    again = house.run("template", "schedule", "sum", "every day at 9am", "-p", "a=5", "--quiet")
    assert house.here("schedule", "show", again.out.strip()).code == 0
    house.run("schedule", "rm", again.out.strip(), "--yes")
    assert house.run("template", "rm", "more").code == 0
    assert house.run("template", "show", "more").code == 3


def test_a_goal_is_made_steered_and_ended(house: House) -> None:
    made = house.run("goal", "add", "every day at 7am", "Look.", "--agent", "kay", "--name", "look")
    number = made.out.strip()
    assert made.code == 0 and "in " in made.err
    kept = house.here("goal", "show", number, "--json").json["goal"]
    assert (kept["agent"], kept["created_by"], kept["text"]) == ("kay", "human", "every day at 7am")
    assert "paused" in house.run("goal", "pause", number, "--reason", "later").out
    assert house.run("goal", "show", number) == house.here("goal", "show", number)
    assert house.run("goal", "resume", number).code == 0
    moved = house.run("goal", "defer", number, "3h", "--reason", "rate limit", "--json")
    assert moved.json["goal"]["deferrals"] == 1
    [deferral] = house.here("goal", "show", number, "--json").json["deferrals"]
    assert deferral["reason"] == "rate limit"
    assert house.run("goal", "cancel", number).out == f"{number} is cancelled\n"
    assert house.run("goal", "cancel", number).out == f"{number} is cancelled already\n"
    later = house.run("goal", "add", "2199-01-01T09:00Z", "Once.", "--agent", "kay")
    assert house.run("goal", "cancel", later.out.strip()).code == 0
    [told, *_] = house.run("audit", "--json", "--limit", 1).json["audit"]
    assert (told["actor"], told["face"]) == ("server token", "api")


def test_thoughts_are_seen_to(house: House) -> None:
    shown = house.run("thoughts", "snooze", 1, "2h", "--json").json["until"]
    [first] = house.here("thoughts", "ls", "--before", 2, "--json").json["thoughts"]
    assert (first["snoozes"], first["visible_at"]) == (1, shown)
    assert house.run("thoughts", "ack", 1, "--answer", "it is tidy").code == 0
    again = house.run("thoughts", "ack", 1)
    assert again.code == 6 and again.err == house.here("thoughts", "ack", 1).err
    kept = house.here("thoughts", "ls", "--state", "acknowledged", "--json").json["thoughts"]
    assert kept[-1]["answer"] == "it is tidy"


def test_budgets_and_quotas_are_set_and_lifted(house: House) -> None:
    amounts = ("--tokens", 50, "--seconds", "10m", "--usd", 2.5, "--per", "day")
    assert house.run("budget", "set", "--tenant", "acme", *amounts).out == (
        "tenant acme has a budget\n"
    )
    assert house.run("budget", "ls", "--json") == house.here("budget", "ls", "--json")
    assert house.run("budget", "lift", "--tenant", "acme", "--json").json == {"lifted": True}
    house.run("quota", "set", "--tenant", "acme", "--active", 7)
    assert house.run("quota", "ls") == house.here("quota", "ls")
    lifted = house.run("quota", "lift", "--tenant", "acme", "--json").json["quotas"]
    assert [each["limits"]["active"] for each in lifted if each["name"] == "acme"] == [None]


def test_what_its_program_has_in_memory_a_server_tells(house: House) -> None:
    [tool] = house.run("tools", "ls", "--json").json["tools"]
    assert (tool["tool"], tool["count"], tool["mean_ms"]) == ("search", 1, 12)
    assert "0.3" in house.run("tools", "set", "search", "--threshold", "0.3").out
    assert house.run("tools", "set", "none", "--threshold", "0.3").code == 3
    made = house.run("dumps", "now", "--reason", "it felt slow")
    assert made.code == 0
    dump = house.here("dumps", "show", made.out.strip(), "--json").json
    assert dump["triggered_by"] == "search"
    for line in ("tools ls", "dumps now", f"optimize test {NAMED['AUTO']}"):
        refused = house.here(*line.split())
        assert refused.code == 2 and "ask its server, with --url" in refused.err


def test_without_an_optimizer_nothing_is_tested(house: House) -> None:
    for line in (f"optimize test {NAMED['AUTO']}", "optimize look"):
        refused = house.run(*line.split())
        assert refused.code == 6 and "no optimization engine" in refused.err
    assert house.run("optimize", "report").err != house.here("optimize", "report").err
    withdrawn = house.run("optimize", "withdraw", NAMED["AUTO"], "--reason", "it is odd")
    assert withdrawn == house.here("optimize", "withdraw", NAMED["AUTO"])


def test_who_is_in_front_is_told_and_may_be_sent_away(house: House) -> None:
    assert house.run("workflow", "ls").out.splitlines()[1].split()[1] == "wf_1"
    assert house.run("workflow", "end", 1).out == "lease 1 has ended\n"
    assert house.here("workflow", "ls", "--json").json == {"workflows": []}


def test_a_test_message_goes_by_the_routes_of_the_server(house: House) -> None:
    refused = house.run("notify", "test")
    assert refused.code == 3 and "no such route" in refused.err


def test_fires_are_made_up_for(house: House) -> None:
    house.run("schedule", "add", "every day at 9am", "t:add", "--arg", 1, "--name", "old")
    span = ("--from", "2026-01-01", "--to", "2026-01-03T23:00Z")
    made = house.run("schedule", "backfill", "old", *span, "--json")
    assert made.json["count"] == 3
    for job in made.json["jobs"]:
        assert house.here("show", job, "--json").json["job"]["schedule"] > 1
    assert house.run("schedule", "backfill", "old", *span).out == "0 jobs\n"
    house.run("schedule", "rm", "old", "--yes")


def test_many_jobs_are_stored_or_none(house: House, tmp_path: Path) -> None:
    lines = [{"task": "t:add", "args": [n], "delay": "1h", "queue": "many"} for n in range(3)]
    batch = tmp_path / "jobs.jsonl"
    batch.write_text("\n".join(json.dumps(line) for line in lines))
    assert house.run("submit-many", batch, "--dry-run").out == "3 jobs can be stored\n"
    jobs = house.run("submit-many", batch, "--json").json["jobs"]
    assert house.here("show", jobs[2], "--json").json["job"]["arguments"] == [[2], {}]
    batch.write_text(json.dumps({"task": "t:ad"}))
    refused = house.run("submit-many", batch)
    assert refused.code == 2 and 'did you mean "t:add"?' in refused.err
    batch.write_text('{"task": "t:add"}\n' * 1_001)
    too_many = house.run("submit-many", batch)
    assert too_many.code == 2 and "split them" in too_many.err
    house.run("cancel", "--where", "queue=many", "--yes")


def test_a_cycle_is_asked_for(house: House) -> None:
    unknown = house.run("train", "digits", "--tenant", "acme")
    assert unknown.code == 3 and "train:digits" in unknown.err


def test_a_token_is_made_used_and_revoked(house: House) -> None:
    made = house.run("token", "create", "ci", "--scope", "operate", "--expires", "30d", "--json")
    token = made.json["token"]
    assert house._run("--url", house.url, "pause", "--queue", "q3", OFFHOURS_TOKEN=token).code == 0
    assert house.here("resume", "--queue", "q3").code == 0
    refused = house._run("--url", house.url, "token", "create", "x", OFFHOURS_TOKEN=token)
    assert refused.code == 4 and "scope admin" in refused.err
    assert house.run("token", "revoke", made.json["id"]).code == 0
    written = b"".join(
        file.read_bytes() for file in house.db.parent.glob("jobs.db*") if file.is_file()
    )
    assert b"token.made" in written and token.encode() not in written


def test_a_job_is_sent_its_signal(house: House) -> None:
    job = house.submit("t:hear")
    assert house.run("signal", job, "go", '{"n": 3}').out == f"job {job} was sent go\n"
    while house.run("show", job, "--json").json["job"]["state"] != "succeeded":
        assert house.run("why", job).code == 0
    assert house.run("show", job, "--json").json["job"]["result"] == {"n": 3}


def test_everything_is_stopped(house: House) -> None:
    try:
        stopped = house.run("stop", "--all", "--reason", "the wrong list")
        assert stopped == house.here("stop", "--all")
        assert house.here("ls", "limits", "--json").json["limits"][0]["scope"] == "all"
        assert house.run("audit", "--limit", 1, "--json", "--by", "server token").code == 0
    finally:
        assert house.run("resume", "--all").code == 0


def test_an_alert_is_looked_after_by_who_holds_the_token(house: House) -> None:
    assert house.run("alerts", "ack", 1).out == "server token looks after alert 1\n"
    assert house.run("alerts", "ack", 1).code == house.here("alerts", "ack", 1).code == 6


def test_only_the_holder_of_the_token_decides(house: House) -> None:
    job = house.submit("t:ask")
    while not (asked := house.run("approvals", "--json").json["approvals"]):
        assert house.run("why", job).code == 0
    number = asked[0]["id"]
    refused = house.run("approve", number, "--by", "ann")
    assert refused.code == 6 and "leave out --by" in refused.err
    assert house.run("approve", number, "--note", "go", "--json").json["by"] == "server token"
    assert house.run("approvals", "--all", "--json").json["approvals"][0]["note"] == "go"


def test_figures_and_the_live_view(house: House) -> None:
    assert "offhours_jobs" in house.run("metrics").out
    snapshot = house.run("top", "--json").json
    assert snapshot["database"] == house.url and snapshot["workers"][0]["alive"]


def test_the_doctor_asks_the_server(house: House) -> None:
    told = house.run("doctor", "--json")
    assert told.code == 0
    assert [check["name"] for check in told.json["checks"]] == [
        "server", "token", "clock", "work", "workers", "held jobs", "alerts",
    ]  # fmt: skip
    away = house._run("--url", "http://127.0.0.1:1/", "doctor", OFFHOURS_TOKEN=TOKEN)
    assert away.code == 1 and "offhours up FILE.py" in away.out


def test_the_environment_names_the_server_and_a_file_its_token(house: House, tmp_path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    told = house._run("why", 1, OFFHOURS_URL=house.url, OFFHOURS_TOKEN_FILE=str(secret))
    assert told == house.here("why", 1)
    linked = house._run("why", 1, OFFHOURS_URL=f"{house.url}#token={TOKEN}")
    assert linked.out == told.out


def test_a_wrong_token_is_told_and_never_shown(house: House) -> None:
    result = house._run("--url", house.url, "ls", OFFHOURS_TOKEN="oh_wrong")
    assert result.code == 4 and "offhours token create" in result.err
    assert "oh_wrong" not in result.err + result.out


def test_a_token_that_may_only_look_changes_nothing(house: House) -> None:
    made = house.here("token", "create", "eyes").out.strip()
    result = house._run("--url", house.url, "cancel", 1, OFFHOURS_TOKEN=made)
    assert result.code == 4 and "--scope" in result.err


@pytest.mark.parametrize(
    "line",
    ["backup copy.db", "export", "import none.jsonl", "doctor sandbox", "mcp", "up app.py",
     "models ls --tenant acme --folder /tmp", "config show", "completion bash", "demo"],
)  # fmt: skip
def test_what_needs_the_database_itself_says_so(house: House, line: str) -> None:
    result = house.run(*line.split())
    assert result.code == 2 and ("--db" in result.err or "leave out --url" in result.err)
