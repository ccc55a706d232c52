"""Automations and trials: what every store does with them."""

from __future__ import annotations

import json
from typing import Any

from offhours.core.optimize import StoredAutomation, StoredTrial
from offhours.core.ports import Store
from offhours.core.times import SECOND

NOW = 1_800_000_000 * SECOND


def automation(name: str = "auto_1", **changes: Any) -> StoredAutomation:
    return StoredAutomation(
        automation_id=name, pattern_id="pattern_1", task_type="copy -> mail", template="routine",
        language="python", level="full", script="def execute(params): ...\n", parameters="{}",
        cases="[]", counters='{"n": 3}', subject="abc", verdict=None, by_hand_ms=1500.5,
        state="draft", runs=0, successes=0, saved_ms=0.0, created_at=NOW, changed_at=NOW,
        deployed_at=None, version=1,
    )._replace(**changes)  # fmt: skip


def trial(**changes: Any) -> StoredTrial:
    return StoredTrial("t1", "copy", "by hand", "auto_1", "{}", 0, None, NOW, None, 1)._replace(
        **changes
    )


def test_an_automation_is_changed_by_who_has_read_it(store: Store) -> None:
    kept = store.automations
    assert kept.get("auto_1") is None
    assert kept.put(automation(), None, NOW, "automation.created", automation="auto_1")
    assert not kept.put(automation(script="other"), None, NOW, "automation.created")
    assert kept.get("auto_1") == automation()
    deployed = automation(
        state="deployed", deployed_at=NOW + 1, version=2, verdict='["abc", 1.0]', runs=3,
        successes=2, saved_ms=12.25, by_hand_ms=2.5, counters="{}", script="ünïcode '\n",
    )  # fmt: skip
    assert kept.put(deployed, 1, NOW + 1, "automation.deployed", automation="auto_1")
    assert not kept.put(automation(version=2), 1, NOW + 2, "automation.withdrawn")
    assert kept.get("auto_1") == deployed
    assert [event.kind for event in store.events()] == ["automation.created", "automation.deployed"]
    assert json.loads(store.events()[0].data or "") == {"automation": "auto_1"}


def test_automations_are_listed_by_age_and_state(store: Store) -> None:
    kept = store.automations
    for n, state in enumerate(("draft", "retired", "draft")):
        new = automation(f"auto_{n}", state=state, created_at=NOW - n)
        kept.put(new, None, NOW, "automation.created")
    assert [each.automation_id for each in kept.all()] == ["auto_2", "auto_1", "auto_0"]
    assert [each.automation_id for each in kept.all("draft")] == ["auto_2", "auto_0"]
    assert len(kept.all(limit=1)) == 1


def test_a_trial_goes_on_where_it_was(store: Store) -> None:
    kept = store.automations
    assert kept.put_trial(trial(), None, NOW, "trial.started", trial="t1")
    assert kept.put_trial(trial(pairs=4, state='{"n": 4}', version=2), 1, NOW)
    assert not kept.put_trial(trial(pairs=9, version=2), 1, NOW)
    assert [each.pairs for each in kept.trials(running=True)] == [4]
    ended = trial(pairs=5, outcome="worse", ended_at=NOW + 3, version=3)
    assert kept.put_trial(ended, 2, NOW + 3, "trial.ended", trial="t1", outcome="worse")
    assert (kept.trial("t1"), kept.trial("t2")) == (ended, None)
    assert (kept.trials(running=True), kept.trials()) == ([], [ended])
    assert [event.kind for event in store.events()] == ["trial.started", "trial.ended"]
