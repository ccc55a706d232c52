"""Learning cycles as jobs: what they do, what holds them, what they leave behind."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from tests.unit.gates.conftest import JOB
from tests.unit.training.conftest import Make
from tests.unit.training.learners import FEATURES, Centroids, Raiser, Slow, golden, rows, shuffled

from offhours.core.errors import (
    ConfigError,
    Conflict,
    InputError,
    JobFailed,
    ModelNotFound,
    NotStarted,
)
from offhours.core.model import JobState
from offhours.learning import Trainer
from offhours.testing import FakeMachine, MemoryApp
from offhours.training import ArtefactLost, GoldenSet, SafetyControls
from offhours.training.telling import cycle_dict, version_dict


def night(trainer: Trainer, data: Any = None, **options: Any) -> dict[str, Any]:
    """One cycle of acme's; how it ended."""
    if data is not None:
        trainer.learner.data = data
    job = trainer.submit("acme", **options)
    trainer.app.drain()
    return job.result()


def kinds(app: MemoryApp) -> list[str]:
    return [e.kind for e in app.events() if e.kind.startswith(("training.", "model."))]


# -- the cycle ------------------------------------------------------------------------------


def test_a_first_good_model_serves(trainer: Trainer, app: MemoryApp) -> None:
    told = night(trainer)
    assert (told["status"], told["code"], told["version"]) == ("promoted", "first", 1)
    assert told["report"]["rows"] == 400 and told["report"]["golden"] > 0.9
    assert trainer.learner.calls == ["collect", "quality", "train", "export", "validate"]
    model = trainer.model("acme")
    assert model.aliases() == {"champion": 1}
    champion = model.champion
    assert champion is not None
    shown = version_dict(champion, model.aliases())
    assert shown["aliases"] == ["champion"] and shown["metadata"]["rows"] == 400
    assert 0.9 < shown["metrics"]["accuracy"] <= 1
    predict = trainer.predict("acme")
    assert predict([[1.0 if f % 3 == 2 else -0.4 for f in range(FEATURES)]]) == [2]
    assert kinds(app) == ["model.frozen", "training.started", "training.promoted"] or kinds(
        app
    ) == ["training.started", "model.frozen", "training.promoted"]


def test_a_better_one_takes_its_place_and_a_bad_one_does_not(trainer: Trainer) -> None:
    night(trainer, rows(1, 110))
    assert night(trainer, rows(2, 3_000))["status"] == "promoted"
    refused = night(trainer, [(x, (y + 1) % 3) for x, y in rows(3, 3_000)])
    assert (refused["status"], refused["code"]) == ("refused", "below_threshold")
    model = trainer.model("acme")
    assert model.aliases() == {"champion": 2, "previous": 1}
    assert [move.kind for move in model.history()] == ["promoted", "promoted"]
    assert [cycle.state for cycle in model.cycles()] == ["refused", "promoted", "promoted"]
    assert tuple(model.counts()) == (3, 2, 1, 0)
    shown = cycle_dict(model.cycles()[0])
    assert shown["report"]["golden"] < 0.5 and shown["correlation_id"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (rows(1, 99), "too_little_data"),
        (rows(1, 180), "data_shrunk"),
        ([row for row in rows(1, 800) if row[1] == 0], "low_quality"),
    ],
)
def test_poor_data_is_not_trained_on(trainer: Trainer, data: Any, code: str) -> None:
    night(trainer)
    trainer.learner.calls.clear()
    told = night(trainer, data)
    assert (told["status"], told["code"], told["version"]) == ("skipped", code, None)
    assert "train" not in trainer.learner.calls


def test_more_data_than_was_asked_for_is_not_taken(make: Make) -> None:
    class Greedy(Centroids):
        def collect(self, tenant_id: str, limit: int) -> Any:
            return rows(0, limit + 1)

    trainer = make(Greedy(), controls=SafetyControls(max_data_threshold=300))
    assert night(trainer)["code"] == "too_much_data"


def test_force_trains_on_poor_data_and_judges_it_all_the_same(trainer: Trainer) -> None:
    night(trainer)
    assert night(trainer, rows(1, 180), force=True)["status"] in ("promoted", "kept")
    one_kind = [(x, 0) for x, _ in rows(1, 800)]
    assert night(trainer, one_kind, force=True)["status"] == "refused"
    assert night(trainer, rows(1, 20), force=True)["code"] == "too_little_data"
    assert trainer.model("acme").cycles()[0].forced


@pytest.mark.parametrize("step", ["collect", "quality", "train", "validate", "export", "load"])
def test_a_learner_that_raises_fails_its_cycle(make: Make, app: MemoryApp, step: str) -> None:
    trainer = make(Raiser(step))
    with pytest.raises(JobFailed, match="it broke"):
        night(trainer)
    [cycle] = trainer.model("acme").cycles()
    assert (cycle.state, cycle.code) == ("failed", "learner_failed")
    assert cycle.reason == "RuntimeError: it broke"
    assert kinds(app)[-1] == "training.failed"
    assert trainer.model("acme").champion is None


def test_what_is_no_model_fails_its_cycle(make: Make) -> None:
    for wrong in (
        {"export": lambda model: "text"},
        {"export": lambda model: b""},
        {"load": lambda body: "no function"},
        {"load": lambda body: lambda inputs: []},
        {"quality": lambda data: "good"},
    ):
        learner = Centroids()
        vars(learner).update(wrong)
        trainer = make(learner)
        trainer.app.registry.remove(trainer.task.task.name)
        trainer = make(learner)
        with pytest.raises(JobFailed):
            night(trainer, controls=SafetyControls(max_consecutive_failures=100))


def test_a_learner_may_be_coroutines(make: Make) -> None:
    assert night(make(Slow()))["status"] == "promoted"


def test_seeds_differ_by_cycle_and_not_by_attempt(trainer: Trainer) -> None:
    night(trainer)
    night(trainer)
    first, second = trainer.learner.seeds
    assert first != second
    versions = trainer.model("acme").versions()
    assert [json.loads(v.metadata)["seed"] for v in versions] == [second, first]


def test_the_same_nights_end_the_same(make: Make, frozen: GoldenSet) -> None:
    from offhours.testing import memory_app

    told = []
    for _ in range(2):
        trainer = memory_app().trainer("blobs", Centroids(), frozen, monitor=FakeMachine())
        ends = [night(trainer, rows(n, 400 + 40 * n)) for n in range(5)]
        told.append([(e["status"], e["report"].get("lower"), e["version"]) for e in ends])
    assert told[0] == told[1]


def test_progress_shows_the_step(make: Make, app: MemoryApp) -> None:
    class Looks(Centroids):
        def train(self, *args: Any) -> Any:
            [cycle] = app.models("acme").get("blobs").cycles()
            seen.append(cycle.step)
            return super().train(*args)

    seen: list[Any] = []
    trainer = make(Looks())
    job = trainer.submit("acme")
    app.drain()
    assert seen == ["train"]
    assert job.progress is not None and job.progress["message"] == "promote"


def test_logs_carry_the_correlation(trainer: Trainer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "offhours.training"):
        night(trainer)
    [cycle] = trainer.model("acme").cycles()
    told = [record for record in caplog.records if record.name == "offhours.training"]
    assert {record.correlation_id for record in told} == {cycle.correlation}  # type: ignore[attr-defined]
    steps = [record.step for record in told if hasattr(record, "step")]
    assert steps == ["collect", "quality", "train", "validate", "judge", "promote"]
    begun, ended = told[0], told[-1]
    assert begun.getMessage() == "cycle 1 begins"
    assert begun.usage["memory_mb"] == 1000  # type: ignore[attr-defined]
    assert (ended.status, ended.version) == ("promoted", 1)  # type: ignore[attr-defined]
    assert ended.report["golden"] > 0.5 and ended.levelno == logging.INFO  # type: ignore[attr-defined]


def test_logs_tell_of_failures_with_their_trace(
    make: Make, app: MemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = make()
    trainer.learner.train = lambda *args: 1 / 0
    with pytest.raises(JobFailed, match="division by zero"):
        night(trainer)
    [told] = [record for record in caplog.records if record.name == "offhours.training"]
    assert told.levelno == logging.WARNING and told.exc_info is not None
    assert told.exc_info[0] is ZeroDivisionError


def test_a_changed_golden_set_is_refused_until_it_is_frozen(make: Make, app: MemoryApp) -> None:
    trainer = make()
    night(trainer)
    trainer.golden = golden(seed=7)
    with pytest.raises(JobFailed, match="is judged on another set"):
        night(trainer)
    trainer.freeze("acme", by="ann")
    assert night(trainer)["status"] in ("promoted", "kept")
    assert kinds(app).count("model.frozen") == 2


def test_a_model_that_changes_the_golden_set_is_refused(make: Make) -> None:
    class Cheat(Centroids):
        def load(self, artefact: bytes) -> Any:
            predict = super().load(artefact)

            def cheating(inputs: Any) -> Any:
                mine.expected[0] = "anything"
                return predict(inputs)

            return cheating

    mine = golden()
    assert night(make(Cheat(), golden=mine))["code"] == "golden_changed"


def test_a_lost_champion_does_not_stop_learning(trainer: Trainer, app: MemoryApp) -> None:
    night(trainer)
    champion = trainer.model("acme").champion
    assert champion is not None
    app.store._db.write(lambda db: db.execute("delete from artefacts") and None)  # type: ignore[attr-defined]
    with pytest.raises(ArtefactLost):
        trainer.predict("acme")
    told = night(trainer, rows(2, 500))
    assert told["status"] == "promoted" and "ArtefactLost" in told["report"]["champion_lost"]
    assert trainer.predict("acme")([[0.0] * FEATURES])


def test_old_versions_give_up_their_bytes(make: Make) -> None:
    trainer = make(keep=2)
    for n in range(6):
        night(trainer, shuffled(rows(n, 400), __import__("random").Random(n)),
              controls=SafetyControls(max_consecutive_failures=100))  # fmt: skip
    versions = trainer.model("acme").versions()
    assert [v.dropped_at is None for v in versions] == [True, True, False, False, False, False]
    with pytest.raises(ArtefactLost, match="was given up"):
        trainer.model("acme").artefact(1)
    with pytest.raises(Conflict, match="given up"):
        trainer.model("acme").restore(1)


# -- gates ----------------------------------------------------------------------------------


def test_a_busy_machine_holds_a_cycle_and_says_so(
    trainer: Trainer, app: MemoryApp, machine: FakeMachine
) -> None:
    machine.shows(cpu_percent=97)
    job = trainer.submit("acme")
    app.drain()
    record = job.record
    assert record.state is JobState.PENDING and record.attempts == 0
    assert record.code == "gate"
    assert "97 %" in (record.reason or "") and "80 %" in (record.reason or "")
    [held] = [json.loads(e.data or "") for e in app.history(job.id) if e.kind == "job.deferred"]
    assert (held["gate"], held["figure"], held["limit"]) == ("cpu", 97, 80)
    machine.shows(cpu_percent=3)
    app.clock.advance("5m")
    app.drain()
    assert job.result()["status"] == "promoted"


def test_force_passes_a_busy_machine_and_is_written_down(
    trainer: Trainer, app: MemoryApp, machine: FakeMachine
) -> None:
    machine.shows(cpu_percent=97, disk_free_mb=1)
    assert night(trainer, force=True)["status"] == "promoted"
    told = [json.loads(e.data or "") for e in app.events() if e.kind == "job.forced"]
    assert [each["gate"] for each in told] == ["cpu", "disk"]


def test_each_job_goes_by_its_own_controls(
    trainer: Trainer, app: MemoryApp, machine: FakeMachine
) -> None:
    machine.shows(cpu_percent=70)
    strict = trainer.submit("acme", controls=SafetyControls(level="strict"))
    app.drain()
    assert strict.status is JobState.PENDING
    assert night(trainer)["status"] == "promoted"


def test_failures_in_a_row_begin_a_cool_down(make: Make, app: MemoryApp) -> None:
    trainer = make(controls=SafetyControls(max_consecutive_failures=2, failure_cooldown_hours=6))
    bad = [(x, (y + 1) % 3) for x, y in rows(3, 600)]
    night(trainer, bad)
    night(trainer, bad)
    held = trainer.submit("acme")
    other = trainer.submit("other")
    trainer.learner.data = rows(1, 400)
    app.drain()
    assert held.status is JobState.PENDING and "2 failed in a row" in (held.record.reason or "")
    assert other.result()["status"] == "promoted"  # another tenant's record is another one
    app.clock.advance("6h")
    app.drain()
    assert held.result()["status"] == "promoted"
    assert night(trainer)["status"] in ("promoted", "kept")


def test_a_pardon_ends_a_cool_down(make: Make, app: MemoryApp) -> None:
    trainer = make(controls=SafetyControls(max_consecutive_failures=1))
    night(trainer, [(x, (y + 1) % 3) for x, y in rows(3, 600)])
    held = trainer.submit("acme")
    app.drain()
    assert held.status is JobState.PENDING
    assert trainer.model("acme").pardon() == 1
    trainer.learner.data = rows(1, 400)
    app.clock.advance("12h")
    app.drain()
    assert held.result()["status"] == "promoted"


def test_the_budget_of_the_day_is_that_of_all_cycles(make: Make, app: MemoryApp) -> None:
    class Hours(Centroids):
        def train(self, *args: Any) -> Any:
            app.clock.advance("50m")
            return super().train(*args)

    trainer = make(Hours(), controls=SafetyControls(max_training_minutes_per_day=90))
    night(trainer)
    night(trainer)
    held = trainer.submit("acme")
    app.drain()
    assert held.status is JobState.PENDING and "(the budget is 1 h 30 min)" in (
        held.record.reason or ""
    )


def test_a_learner_may_say_beforehand_that_there_is_too_little(make: Make, app: MemoryApp) -> None:
    class Counts(Centroids):
        def available(self, tenant_id: str) -> int:
            return len(self.data)

    trainer = make(Counts())
    trainer.learner.data = rows(1, 50)
    job = trainer.submit("acme", force=True)
    app.drain()
    assert job.status is JobState.PENDING and "50 pieces of data" in (job.record.reason or "")
    assert trainer.model("acme").cycles() == []


def test_two_cycles_never_work_on_one_model(make: Make, app: MemoryApp) -> None:
    class Looks(Centroids):
        def train(self, *args: Any) -> Any:
            for tenant in ("acme", "other"):
                other = JOB._replace(args=json.dumps([[], {"tenant_id": tenant}]))
                seen.append(trainer.gates[0].look(other, app.clock.micros(), app.store))
            return super().train(*args)

    seen: list[Any] = []
    trainer = make(Looks())
    night(trainer)
    mine, theirs = seen
    assert not mine.open and not mine.forceable and "cycle 1 works" in mine.reason
    assert theirs.open


# -- asking ---------------------------------------------------------------------------------


def test_a_cycle_can_be_awaited(trainer: Trainer, machine: FakeMachine) -> None:
    told = asyncio.run(trainer.trigger_learning_cycle(tenant_id="acme", force_training=True))
    assert told["status"] == "promoted"
    again = asyncio.run(trainer.trigger_learning_cycle("acme"))
    assert again["status"] in ("promoted", "kept")


def test_nightly_cycles_are_a_schedule(trainer: Trainer, app: MemoryApp) -> None:
    schedule = trainer.schedule("acme", "every day at 2am", timezone="UTC")
    app.clock.advance("2h")
    for _ in range(3):
        app.drain()
        app.clock.advance("1d")
    states = [cycle.state for cycle in trainer.model("acme").cycles()]
    assert len(states) == 3 and states[-1] == "promoted"
    assert {c.schedule_id for c in trainer.model("acme").cycles()} == {schedule.id}


def test_a_night_that_stays_busy_is_skipped(
    trainer: Trainer, app: MemoryApp, machine: FakeMachine
) -> None:
    trainer.schedule("acme", "every day at 2am", timezone="UTC", start_within="1h")
    machine.shows(memory_percent=99)
    app.clock.advance("2h 1m")
    app.drain()
    for _ in range(20):
        app.clock.advance("5m")
        app.drain()
    [job] = app.jobs()
    assert job.state is JobState.CANCELLED
    assert trainer.model("acme").cycles() == []


def test_a_cycle_is_made_by_a_job(trainer: Trainer) -> None:
    with pytest.raises(NotStarted):
        trainer.run("acme")
    with pytest.raises(InputError, match="tenant_id"):
        trainer.submit("")


def test_what_is_wrong_with_a_trainer_comes_at_once(make: Make) -> None:
    with pytest.raises(ConfigError, match="golden"):
        make(golden=None)
    with pytest.raises(ConfigError, match="keep"):
        make(keep=0)
    with pytest.raises(ConfigError) as wrong:
        make(type("Half", (), {"collect": len, "train": len})())
    assert len(wrong.value.faults) == 4
    with pytest.raises(ConfigError, match="trigger_learning_cycle"):
        make(object())


# -- forward and back -----------------------------------------------------------------------


@pytest.fixture
def long_served(trainer: Trainer) -> Trainer:
    """A trainer with three champions, whatever their scores."""
    trainer.learner.data = rows(0, 400)
    for n in range(3):
        hold = night(trainer, rows(0, 400))
        assert hold["status"] == "promoted", (n, hold)  # the same data: as good
    return trainer


def test_a_rollback_and_a_restore_by_hand(long_served: Trainer, app: MemoryApp) -> None:
    model = long_served.model("acme")
    assert model.aliases() == {"champion": 3, "previous": 2}
    assert model.rollback(by="ann", reason="users complain").number == 2
    assert model.aliases() == {"champion": 2, "previous": 1}
    assert model.restore(3, by="ann").number == 3
    with pytest.raises(Conflict, match="serves already"):
        model.restore(3)
    with pytest.raises(ModelNotFound):
        model.restore(99)
    assert kinds(app)[-2:] == ["model.rolled_back", "model.restored"]
    move = model.history()[1]
    assert (move.by, move.reason, move.from_number, move.to_number) == (
        "ann", "users complain", 3, 2,
    )  # fmt: skip


def test_what_is_done_by_hand_stands_in_the_audit_log(long_served: Trainer, app: MemoryApp) -> None:
    model = long_served.model("acme")
    model.rollback(by="ann", reason="users complain")
    with app.acting_as("eve"):
        model.pardon()
    model.freeze(long_served.golden.digest, by="bob")
    told = [(each.actor, each.action) for each in reversed(app.audit())]
    assert told == [
        ("ann", "model.rolled_back"), ("eve", "training.pardoned"), ("bob", "model.frozen"),
    ]  # fmt: skip


def test_there_must_be_something_to_go_back_to(trainer: Trainer) -> None:
    night(trainer)
    with pytest.raises(Conflict, match="no version to go back to"):
        trainer.model("acme").rollback()


def test_live_feedback_that_is_worse_brings_the_version_before_back(
    long_served: Trainer, app: MemoryApp
) -> None:
    model = long_served.model("acme")
    assert long_served.feedback("acme", *[1.0, 1.0, 1.0, 0.9] * 30, version=2) is None
    assert long_served.feedback("acme", *[1.0] * 30) is None
    assert model.aliases()["champion"] == 3
    back = None
    for _ in range(200):
        back = long_served.feedback("acme", 0.0)
        if back is not None:
            break
    assert back is not None and back.number == 2
    assert model.aliases() == {"champion": 2, "previous": 1}
    assert model.history()[0].by == "live feedback"
    assert kinds(app)[-1] == "model.rolled_back"


def test_live_feedback_below_a_floor_does_so_too(long_served: Trainer) -> None:
    model = long_served.model("acme")
    floor = SafetyControls(min_live_score=0.8)
    assert model.feedback(*[0.0] * 40, controls=SafetyControls()) is None  # nothing to compare with
    back = model.feedback(*[0.0] * 10, controls=floor)
    assert back is not None and back.number == 2


def test_a_rollback_can_be_switched_off(long_served: Trainer) -> None:
    model = long_served.model("acme")
    off = SafetyControls(rollback_on_degradation=False, min_live_score=0.8)
    assert model.feedback(*[0.0] * 100, controls=off) is None
    with pytest.raises(InputError, match="from 0 to 1"):
        model.feedback(2.0)
    with pytest.raises(InputError):
        model.feedback(float("nan"))


# -- tenants --------------------------------------------------------------------------------


def test_tenants_do_not_see_or_move_each_others_models(
    long_served: Trainer, app: MemoryApp
) -> None:
    assert app.models("acme").names() == ["blobs"] == [m.name for m in app.models("acme")]
    assert app.models("other").names() == []
    with pytest.raises(ModelNotFound, match="other has no model 'blobs'"):
        app.models("other").get("blobs")
    mine = long_served.model("other")
    assert mine.champion is None and mine.versions() == [] and mine.cycles() == []
    for act in (
        lambda: mine.version(1),
        lambda: mine.restore(1),
        lambda: mine.artefact(1),
        lambda: mine.feedback(0.5, version=1),
        lambda: mine.feedback(0.5),
        lambda: mine.artefact(),
    ):
        with pytest.raises(ModelNotFound):
            act()
    with pytest.raises(Conflict):
        mine.rollback()
    assert mine.pardon() == 0
    mine.freeze("x")
    assert long_served.model("acme").aliases() == {"champion": 3, "previous": 2}
    assert long_served.model("acme").record.golden != "x"
