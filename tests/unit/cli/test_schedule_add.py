"""`schedule add`, `update` and `preview`: what is stored, and what is refused without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offhours.app import Offhours
from offhours.cli.schedules import phrase
from offhours.core.phrases import parse

ADD = ("schedule", "add")


@pytest.fixture
def worker(app: Offhours) -> Iterator[Offhours]:
    """A running worker that knows `t:add` and `t:boom`."""
    with app:
        yield app


def names(app: Offhours) -> list[str]:
    return [handle.name for handle in app.schedules]


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """A person at a terminal, who types these lines."""
    given = iter(lines)
    monkeypatch.setattr(phrase, "may_ask", lambda state: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: next(given))


def test_preview_needs_no_database(run) -> None:
    code, out, err = run(
        "schedule", "preview", "every weekday at 2:30", "--timezone", "Europe/Berlin"
    )
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[:2] == ["every weekday at 02:30", "  cron 30 2 * * 1-5"]
    assert sum(line.startswith("  next: ") for line in lines) == 5
    assert "02:30:00 Europe/Berlin (in " in lines[2]
    assert list(Path().iterdir()) == []


def test_preview_as_json(run) -> None:
    told = run("schedule", "preview", "@daily", "--json").json
    assert list(told) == ["sentence", "expressions", "timezone", "fires", "notes", "warnings"]
    assert told["expressions"] == ["cron 0 0 * * *"] and len(told["fires"]) == 5


def test_a_warning_is_told(run) -> None:
    assert "  warning: " in run("schedule", "preview", "day 31 of every month at 9:00").out


def test_the_word_that_was_not_understood_is_pointed_at(run) -> None:
    result = run("schedule", "preview", "  every dya at 9am ")
    assert result == (
        2,
        "",
        'offhours: "dya" is not understood here\n  every dya at 9am\n        ^^^\n'
        "try:\n  every day at 9am\n  every hour\n  every day at 09:00\n",
    )


def test_an_ambiguous_phrase_is_refused_with_choices_and_stored_nowhere(run, worker) -> None:
    code, out, err = run(*ADD, "every day at 9", "t:add", "--arg", "1")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        'offhours: "9" may be morning or evening',
        "  every day at 9",
        "               ^",
        "try:",
        "  every day at 9am",
        "  every day at 9pm",
    ]
    assert names(worker) == []


def test_a_refused_phrase_as_json(run, worker) -> None:
    result = run(*ADD, "every day at 9", "t:add", "--json")
    assert (result.code, result.out) == (2, "")
    assert json.loads(result.err)["error"] == {
        "code": "phrase_error", "message": '"9" may be morning or evening', "exit_code": 2,
        "reason": '"9" may be morning or evening', "position": 3, "character": 13,
        "suggestions": ["every day at 9am", "every day at 9pm"],
    }  # fmt: skip


def test_on_a_terminal_it_asks(run, worker, monkeypatch) -> None:
    answer(monkeypatch, "7", "2")
    code, out, err = run(*ADD, "every day at 9", "t:add", "--arg", "1")
    assert code == 0 and "every day at 21:00" in out
    assert "  1  every day at 9am\n  2  every day at 9pm\n" in err
    assert worker.schedules.get(1).record.text == "every day at 9pm"


@pytest.mark.parametrize("line", ["0", ""])
def test_none_of_the_choices(run, worker, monkeypatch, line: str) -> None:
    answer(monkeypatch, line)
    assert run(*ADD, "every day at 9", "t:add").code == 2
    assert names(worker) == []


def test_with_yes_it_does_not_ask(run, worker, monkeypatch) -> None:
    answer(monkeypatch)
    assert run(*ADD, "every day at 9", "t:add", "--yes").code == 2


def test_add_tells_what_it_means(run, worker) -> None:
    code, out, err = run(*ADD, "0 9 * * 1-5", "t:add", "--arg", "1", "--name", "mine")
    assert (code, err) == (0, "")
    assert out.startswith("schedule 1 (mine): every weekday at 09:00\n  cron 0 9 * * 1-5\n  next: ")
    assert run(*ADD, "every hour", "t:add", "--arg", "1", "-q") == (0, "2\n", "")


def test_the_options_reach_the_schedule(run, worker) -> None:
    told = run(
        *ADD, "every day at 9am", "t:add", "--arg", "1", "--kwarg", "b=[2]", "--name", "mine",
        "--timezone", "Asia/Tokyo", "--catch-up", "all:7", "--overlap", "queue_one",
        "--jitter", "30s", "--blackout", "22:00-06:00", "--blackout", "2026-12-24",
        "--expires", "1h", "--max-runs", "9", "--disable-after", "never", "--priority", "high",
        "--queue", "q", "--retries", "4", "--timeout", "5m", "--json",
    ).json  # fmt: skip
    schedule = told["schedule"]
    wanted = {
        "name": "mine", "task": "t:add", "timezone": "Asia/Tokyo", "catch_up": "all:7",
        "overlap": "queue_one", "jitter_ms": 30_000, "blackout": ["22:00-06:00", "2026-12-24"],
        "expires_ms": 3_600_000, "max_runs": 9, "disable_after": None, "priority": "high",
        "queue": "q", "arguments": [[1], {"b": [2]}],
    }  # fmt: skip
    assert {key: schedule[key] for key in wanted} == wanted
    record = worker.schedules.get(1).record
    assert (record.max_attempts, record.timeout) == (5, 300_000_000)
    assert told["explain"]["sentence"] == "every day at 09:00"


def test_a_task_that_nobody_knows(run, worker) -> None:
    code, out, err = run(*ADD, "every hour", "t:ad")
    assert (code, out) == (3, "")
    assert 'did you mean "t:add"?' in err and err.count("\n") == 1
    assert names(worker) == []


def test_a_task_of_one_process_only_is_known_to_nobody(run, worker) -> None:
    def here() -> None: ...

    worker.submit(here, durable=False)
    [local] = [name for name in worker.registry.names() if name.startswith("local:")]
    assert run(*ADD, "every hour", local).code == 3


def test_without_a_worker_a_file_is_needed(run, app: Offhours) -> None:
    code, out, err = run(*ADD, "every hour", "t:add")
    assert (code, out) == (3, "") and "--file FILE.py" in err
    assert names(app) == []


FILE = """
from offhours import Offhours
app = Offhours("file.db", timezone="Europe/Berlin")
@app.task
def add(a: int, b: int = 1) -> int:
    return a + b
"""


def test_a_file_brings_its_task_its_database_and_its_timezone(run) -> None:
    Path("jobs_cron.py").write_text(FILE)
    line = (*ADD, "every day at 9am", "jobs_cron:add", "--file", "jobs_cron.py")
    code, out, err = run(*line, "--arg", "1")
    assert code == 0 and "09:00:00 Europe/Berlin" in out
    assert "no running worker knows jobs_cron:add" in err
    assert run("schedule", "ls", "--db", "file.db", "--ids").out == "1\n"


@pytest.mark.parametrize(
    ("name", "line", "code", "part"),
    [
        ("jobs_near", ["jobs_near:ad"], 3, 'did you mean "jobs_near:add"?'),
        ("jobs_fit", ["jobs_fit:add", "--kwarg", "c=1"], 2, "do not fit"),
    ],
)
def test_with_a_file_task_and_arguments_are_checked(run, name, line, code, part) -> None:
    Path(f"{name}.py").write_text(FILE)
    result = run(*ADD, "every hour", *line, "--file", f"{name}.py")
    assert (result.code, result.out) == (code, "") and part in result.err
    assert run("schedule", "ls", "--db", "file.db", "--ids").out == ""


def test_a_name_that_is_taken_is_a_conflict_that_names_update(run, worker) -> None:
    run(*ADD, "every hour", "t:add", "--name", "mine")
    code, out, err = run(*ADD, "every day at 9am", "t:boom", "--name", "mine")
    assert (code, out) == (6, "") and "offhours schedule update 1" in err
    assert worker.schedules.get("mine").record.text == "every hour"


@pytest.mark.parametrize(
    "when",
    [
        "every day " * 100_000, "x" * 1_000_000, "0 9 * * " + "1," * 100_000, "2020-01-01T10:00",
        "30 2 31 2 *", "every day at 25:00", "every\x1b[31mday", "", " ", "\x00", "\ud800",
        "every day at 9am in Europe/Berln", "60 * * * *", "\u202eevery day", "每天", "--",
    ],
    ids=lambda when: ascii(when[:20]),
)  # fmt: skip
def test_what_is_no_schedule_is_told_and_stored_nowhere(run, worker, when: str) -> None:
    for line in (("schedule", "add", "--", when, "t:add"), ("schedule", "preview", "--", when)):
        code, out, err = run(*line)
        assert (code, out) == (2, "")
        assert "Traceback" not in err and len(err) < 2_000
        assert err.replace("\n", "").isprintable()
    assert names(worker) == []


@pytest.mark.parametrize(
    "line",
    [
        ["--timezone", "Europe/Berln"], ["--timezone", "x" * 100_000], ["--timezone", ""],
        ["--timezone", "../etc"], ["--catch-up", "always"], ["--catch-up", "all:0"],
        ["--overlap", "never"], ["--jitter", "soon"], ["--jitter", "-1s"], ["--expires", "x"],
        ["--blackout", "night"], ["--blackout", "none", "--blackout", "2026-12-24"],
        ["--max-runs", "0"], ["--max-runs", "9999999999"], ["--disable-after", "-1"],
        ["--name", ""], ["--name", "a\x1bb"], ["--name", "x" * 300], ["--priority", "urgent"],
        ["--retries", "-1"], ["--timeout", "0"], ["--kwarg", "x"], ["--app", "x"],
        ["--queue", "a\nb"], ["--arg", "99999999999999999999"],
    ],
    ids=lambda line: ascii(" ".join(line)[:40]),
)  # fmt: skip
def test_an_option_that_cannot_be_used_stores_nothing(run, worker, line: list[str]) -> None:
    code, out, err = run(*ADD, "every hour", "t:add", *line)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and len(err) < 2_000
    assert names(worker) == []


def test_update_changes_what_is_given_and_nothing_else(run, worker) -> None:
    run(*ADD, "every hour", "t:add", "--arg", "1", "--name", "mine", "--expires", "1h",
        "--blackout", "2026-12-24", "--max-runs", "3", "--timezone", "Asia/Tokyo")  # fmt: skip
    before = worker.schedules.get(1).record
    code, out, err = run("schedule", "update", "mine", "--when", "every day at 9am")
    assert (code, err) == (0, "")
    assert out.startswith("schedule 1 (mine): every day at 09:00\n") and "Asia/Tokyo" in out
    told = run(
        "schedule", "update", 1, "--expires", "none", "--blackout", "none", "--max-runs", "none",
        "--arg", "5", "--kwarg", "b=6", "--name", "yours", "--json",
    ).json["schedule"]  # fmt: skip
    assert (told["expires_ms"], told["blackout"], told["max_runs"]) == (None, [], None)
    assert (told["name"], told["arguments"]) == ("yours", [[5], {"b": 6}])
    after = worker.schedules.get("yours").record
    assert (after.text, after.overlap) == ("every day at 9am", before.overlap)
    assert after.disable_after == 5 and after.revision == before.revision + 2


def test_update_with_an_old_revision_changes_nothing(run, worker) -> None:
    run(*ADD, "every hour", "t:add", "--name", "mine")
    assert run("schedule", "update", 1, "--jitter", "5s", "--revision", 1).code == 0
    code, out, err = run("schedule", "update", 1, "--jitter", "9s", "--revision", 1)
    assert (code, out) == (6, "") and "revision 2" in err
    assert worker.schedules.get(1).record.jitter == 5_000_000


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ([], 2), (["--when", "every day at 9"], 2), (["--when", "2020-01-01T00:00"], 2),
        (["--timezone", "Nowhere"], 2), (["--revision", "0"], 2), (["--name", "taken"], 6),
    ],
    ids=str,
)  # fmt: skip
def test_an_update_that_is_refused(run, worker, line: list[str], code: int) -> None:
    run(*ADD, "every hour", "t:add", "--name", "mine")
    run(*ADD, "every hour", "t:add", "--name", "taken")
    before = worker.schedules.get(1).record
    assert run("schedule", "update", "mine", *line).code == code
    assert worker.schedules.get(1).record == before


def test_update_asks_too(run, worker, monkeypatch) -> None:
    run(*ADD, "every hour", "t:add", "--name", "mine")
    answer(monkeypatch, "1")
    assert run("schedule", "update", "mine", "--when", "every day at 9").code == 0
    assert worker.schedules.get("mine").record.text == "every day at 9am"


@pytest.mark.parametrize("text", ["  every dya", "\u3000\u00a0every dya", "\tevery dya \t"])
def test_the_mark_stands_where_the_parser_counts(text: str) -> None:
    from offhours.core.errors import PhraseError

    with pytest.raises(PhraseError) as refused:
        parse(text, datetime(2026, 6, 1, tzinfo=UTC))
    shown, mark = phrase.pointed(text, refused.value.character)
    assert shown[mark.index("^") : mark.rindex("^") + 1] == "dya"
