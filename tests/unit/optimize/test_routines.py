"""Routines planted in logs are found, and little else."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import pytest
from benchmarks.planted import DEFAULT, HARD, HARD_UNNAMED, Log, Tier, plant
from tests.nightly import NIGHTLY

from offhours.core.errors import OptionError
from offhours.optimize import Pattern, RepetitiveTaskIdentifier, Task
from offhours.optimize.pairs import evidence
from offhours.optimize.parameter import Example
from offhours.optimize.replay import counters_before, inputs_of, replay, reproduces

START = datetime(2026, 6, 1, 9)
WHOLE, HALF = 10_000, 5_000  # tasks; without actors it takes all to see enough


@cache
def mined(tier: Tier, seed: int) -> tuple[Log, list[Pattern]]:
    log = plant(tier, WHOLE if NIGHTLY or not tier.named else HALF, seed)
    identifier = RepetitiveTaskIdentifier(max_history_size=2 * WHOLE)
    identifier.add_tasks(log.tasks)
    return log, identifier.identify_routines()


@pytest.mark.parametrize(
    ("tier", "seed", "precision", "recall"),
    [(DEFAULT, 101, 0.95, 0.95), (HARD, 102, 0.85, 0.90), (HARD, 103, 0.85, 0.90),
     (HARD_UNNAMED, 104, 0.80, 0.85)],
    ids=["default", "hard", "hard again", "without actors"],
)  # fmt: skip
def test_planted_routines_are_found(tier: Tier, seed: int, precision: float, recall: float) -> None:
    log, found = mined(tier, seed)
    planted = {routine.steps for routine in log.routines}
    right = sum(pattern.steps in planted for pattern in found)
    assert right >= precision * len(found)
    assert right >= recall * len(planted)


@pytest.mark.parametrize(("tier", "seed"), [(DEFAULT, 101), (HARD, 102), (HARD, 103)])
def test_unseen_runs_are_reproduced(tier: Tier, seed: int) -> None:
    """Learn from the first 70 % of the log; judge by the whole runs in the rest."""
    log, _ = mined(tier, seed)
    cut = int(0.7 * len(log.tasks))
    identifier = RepetitiveTaskIdentifier(max_history_size=2 * WHOLE)
    identifier.add_tasks(log.tasks[:cut])
    found = {pattern.steps: pattern for pattern in identifier.identify_routines()}
    good = asked = all_runs = inputs = 0
    for number, routine in enumerate(log.routines):
        pattern = found.get(routine.steps)
        if pattern is None:
            continue
        rules = [rule for of_step in routine.rules for rule in of_step.values()]
        inputs += sum(kind != "free" for kind, _ in rules)
        asked += max(0, len(pattern.inputs) - sum(kind == "free" for kind, _ in rules))
        for run in log.runs:
            if run.routine == number and run.whole and run.tasks[0] >= cut:
                tasks = [log.tasks[index] for index in run.tasks]
                values = tuple(task.parameters for task in tasks)
                all_runs += 1
                good += reproduces(pattern.rules, Example(tasks[0].timestamp, values))
    assert all_runs > 50
    assert good >= 0.95 * all_runs
    assert asked <= 0.10 * inputs


def test_noise_alone_has_no_routines() -> None:
    log = plant(DEFAULT._replace(share=0.0001), 3_000, 5)
    planted = {index for run in log.runs for index in run.tasks}
    noise = [task for n, task in enumerate(log.tasks) if n not in planted]
    identifier = RepetitiveTaskIdentifier()
    identifier.add_tasks(noise)
    assert identifier.identify_routines() == []


def task(kind: str, minute: float, **parameters: object) -> Task:
    at = START + timedelta(minutes=minute)
    return Task(f"{kind}-{minute}", kind, "", parameters, at, 1_000, True)


def fetches(days: int) -> RepetitiveTaskIdentifier:
    identifier = RepetitiveTaskIdentifier()
    for day in range(days):
        at, name = 1440 * day, f"report_{'abcdefghijklmnop'[day]}{day}x.csv"
        stamp = f"{START + timedelta(days=day):%Y-%m-%d}"
        identifier.add_task(task("fetch", at, url=f"https://example.org/{name}"))
        identifier.add_task(task("chat", at + 1, text=f"hello {day * 77}"))
        identifier.add_task(task("convert", at + 2, source=name, number=day + 7))
        identifier.add_task(
            task("store", at + 3, path=f"/archive/{stamp}/{name.removesuffix('.csv')}.json")
        )
    return identifier


def test_a_routine_says_why_it_is_believed() -> None:
    routine = next(r for r in fetches(12).identify_routines() if "fetch" in r.steps)
    assert [step for step in routine.steps if step != "chat"] == ["fetch", "convert", "store"]
    told = routine.explain()
    assert "12 times" in told and "the day of the run as %Y-%m-%d" in told
    assert "counts on by 1" in told
    parts = routine.potential
    assert routine.automation_potential == pytest.approx(
        parts.frequency + parts.saving + parts.recency
    )
    assert routine.reproduced == 1.0
    assert routine.total_duration_ms == 12 * routine.average_duration_ms


def test_the_rules_of_a_routine_make_the_next_run() -> None:
    routine = next(r for r in fetches(12).identify_routines() if "fetch" in r.steps)
    example = routine.runs[-1]
    inputs = inputs_of(routine.rules, example)
    before = counters_before(routine.rules, example)
    made = replay(routine.rules, example.at, inputs, before)
    assert made == [dict(values) for values in example.values]


class TestPatterns:
    """What the document says of tasks of one type."""

    def test_fewer_than_the_minimum_are_no_pattern(self) -> None:
        identifier = RepetitiveTaskIdentifier(min_occurrences=3)
        for n in range(2):
            identifier.add_task(task("copy", n))
        assert identifier.identify_repetitive_patterns() == []
        identifier.add_task(task("copy", 3))
        assert [p.occurrences for p in identifier.identify_repetitive_patterns()] == [3]

    def test_what_is_older_than_the_window_does_not_count(self) -> None:
        identifier = RepetitiveTaskIdentifier(time_window_hours=1)
        for minute in (0, 100, 110, 120):
            identifier.add_task(task("copy", minute))
        assert identifier.identify_repetitive_patterns()[0].occurrences == 3
        later = START + timedelta(hours=9)
        assert identifier.identify_repetitive_patterns(later) == []

    def test_the_parts_of_the_score_are_capped(self) -> None:
        identifier = RepetitiveTaskIdentifier()
        for n in range(50):
            identifier.add_task(
                Task(str(n), "copy", "", {}, START + timedelta(seconds=n), 1e6, True)
            )
        [pattern] = identifier.identify_repetitive_patterns()
        parts = pattern.potential
        assert (parts.frequency, parts.saving, parts.recency) == (0.4, 0.3, 0.3)

    def test_the_history_is_bounded(self) -> None:
        identifier = RepetitiveTaskIdentifier()
        identifier.add_tasks(task("copy", n) for n in range(10_050))
        assert len(identifier.history) == 10_000

    def test_times_may_come_in_any_order_and_without_zone(self) -> None:
        identifier = RepetitiveTaskIdentifier()
        for minute in (5, 1, 3):
            identifier.add_task(task("copy", minute))
        aware = Task("z", "copy", "", {}, START.astimezone(), 1, True)
        identifier.add_task(aware)
        history = identifier.history
        assert [each.timestamp.timestamp() for each in history] == sorted(
            each.timestamp.timestamp() for each in history
        )
        [pattern] = identifier.identify_repetitive_patterns()
        assert pattern.occurrences == 4

    @pytest.mark.parametrize(
        "options", [{"min_occurrences": 1}, {"max_history_size": 0}, {"time_window_hours": 0}]
    )
    def test_settings_that_cannot_be_used_are_refused(self, options: dict[str, int]) -> None:
        with pytest.raises(OptionError, match=next(iter(options))):
            RepetitiveTaskIdentifier(**options)


def test_evidence_is_nothing_below_what_is_expected() -> None:
    assert evidence(3, 10) == 0
    assert evidence(30, 10) > evidence(20, 10) > 0
