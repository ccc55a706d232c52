"""Alerts: when they fire and are resolved, quiet hours, who is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.conftest import Until
from tests.unit.monitor.conftest import run

from offhours.core.notices import AlertState
from offhours.monitor import ErrorRate, QuietHours, callbacks
from offhours.testing import FakeClock, MemoryApp, memory_app

Told = list[tuple[str, str]]


def states(app: MemoryApp) -> list[str]:
    """The states of all alerts after a look, the oldest first."""
    app.monitor.look()
    return [str(alert.state) for alert in reversed(app.monitor.alerts())]


def test_it_fires_once_and_is_resolved_once(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(at_least=1))
    run(app, "fail")
    assert states(app) == ["firing"]
    app.clock.advance("2m")
    assert states(app) == ["firing"]
    [alert] = app.monitor.alerts()
    assert (alert.seen, alert.severity, alert.value, alert.threshold) == (2, "high", 1.0, 0.1)
    app.clock.advance("5m")
    assert states(app) == ["resolved"]
    kinds = [e.kind for e in app.events() if e.kind.startswith("alert.")]
    assert kinds == ["alert.firing", "alert.resolved"]
    run(app, "fail")
    assert states(app) == ["resolved", "firing"]


def test_each_subject_has_its_own(app: MemoryApp) -> None:
    app.task(name="other")(lambda: 1 / 0)
    app.monitor.watch(ErrorRate(at_least=1))
    run(app, "fail")
    app.submit("other")
    app.drain()
    assert states(app) == ["firing", "firing"]
    assert {a.subject for a in app.monitor.open_alerts()} == {"task shop:work", "task other"}


def test_an_acknowledged_one_stays_so_until_it_is_well(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(at_least=1))
    run(app, "fail")
    assert states(app) == ["firing"]
    assert app.monitor.acknowledge(1, "ann") and not app.monitor.acknowledge(1, "bob")
    app.clock.advance("2m")
    assert states(app) == ["acknowledged"]
    app.clock.advance("5m")
    assert states(app) == ["resolved"]


def test_a_flapping_condition_neither_fires_nor_resolves(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(share=0.6, at_least=1, lasting="2m"))
    run(app, "fail")
    for _ in range(4):
        assert states(app) == []
        run(app, "succeed")  # well
        assert states(app) == []
        app.clock.advance("6m")
        run(app, "fail")
    assert states(app) == []
    app.clock.advance("2m")
    assert states(app) == ["firing"]
    run(app, "succeed", "succeed")
    app.clock.advance("1m")
    assert states(app) == ["firing"]
    run(app, "fail", "fail", "fail")
    app.clock.advance("1m30s")
    assert states(app) == ["firing"]
    app.clock.advance("6m")
    assert states(app) == ["firing"]
    app.clock.advance("2m")
    assert states(app) == ["resolved"]


def test_how_long_it_lasts_survives_a_restart(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(at_least=1, lasting="2m"))
    run(app, "fail")
    assert states(app) == []
    app.clock.advance("2m")
    app._monitor = None
    app.monitor.watch(ErrorRate(at_least=1, lasting="2m"))
    assert states(app) == ["firing"]


def test_an_alert_whose_case_was_lost_is_resolved_all_the_same(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(at_least=1))
    run(app, "fail")
    assert states(app) == ["firing"]
    app.monitor._keeping.notes.cases.clear()  # as if we had died before storing it
    app.clock.advance("6m")
    assert states(app) == ["resolved"]


def test_the_alert_of_a_rule_that_is_gone_is_resolved(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(at_least=1))
    run(app, "fail")
    assert states(app) == ["firing"]
    app.monitor.watch()
    assert states(app) == ["resolved"]


def test_acknowledged_and_resolved_are_told_over_a_restart(app: MemoryApp, until: Until) -> None:
    app.monitor.watch(ErrorRate(at_least=1))
    run(app, "fail")
    assert states(app) == ["firing"]
    assert app.monitor.acknowledge(1, "ann")
    told: Told = []
    app._monitor = None  # another process goes on
    app.monitor.watch(ErrorRate(at_least=1))
    app.monitor.add_callback(lambda kind, alert: told.append((alert["state"], kind)))
    app.clock.advance("2m")
    assert states(app) == ["acknowledged"] and app.monitor.alerts()[0].acknowledged_by == "ann"
    app.clock.advance("5m")
    assert states(app) == ["resolved"]
    until(lambda: told == [("resolved", "error_rate")])
    kinds = [e.kind for e in app.events() if e.kind.startswith("alert.")]
    assert kinds == ["alert.firing", "alert.acknowledged", "alert.resolved"]


def test_a_clock_that_is_set_back_holds_no_alert(app: MemoryApp) -> None:
    app.monitor.watch(ErrorRate(at_least=1, lasting="2m"))
    run(app, "fail")
    assert states(app) == []
    app.clock.jump("2025-06-01T00:00+00:00")
    run(app, "fail")
    assert states(app) == []
    app.clock.advance("2m")
    run(app, "fail")
    assert states(app) == ["firing"]
    app.clock.jump("2025-01-01T00:00+00:00")
    run(app, *["succeed"] * 40)
    assert states(app) == ["firing"]
    app.clock.advance("2m")
    assert states(app) == ["resolved"]


def test_one_alert_for_all_subjects_names_the_worst(app: MemoryApp) -> None:
    for number in range(9):
        app.task(name=f"task{number}")(lambda: 1 / 0)
        app.submit(f"task{number}")
    app.drain()
    run(app, "succeed", "fail")
    app.monitor.watch(ErrorRate(share=0.4, at_least=1, together=True))
    assert states(app) == ["firing"]
    [alert] = app.monitor.open_alerts()
    assert alert.subject == "all together"
    assert alert.message.startswith("100% of the runs of task0 failed")
    assert alert.message.endswith("task5 and 4 more")
    app.clock.advance("10m")
    assert states(app) == ["resolved"]


class TestQuietHours:
    @pytest.fixture
    def app(self) -> MemoryApp:
        app = memory_app()
        app.clock.jump("2026-01-01T21:58+00:00")
        app.task(name="shop:work")(lambda how="fail", seconds=0: 1 / 0)
        return app

    def quiet(self, app: MemoryApp, severity: str = "high") -> None:
        rule = ErrorRate(at_least=1, window="12h", severity=severity)
        app.monitor.watch(rule, quiet=QuietHours("22:00", "07:00", timezone="UTC"))

    def test_what_is_still_wrong_fires_at_their_end(self, app: MemoryApp) -> None:
        self.quiet(app)
        app.clock.jump("2026-01-01T22:00+00:00")
        run(app, "fail")
        assert states(app) == []
        app.clock.jump("2026-01-02T06:59+00:00")
        assert states(app) == []
        app.clock.jump("2026-01-02T07:00+00:00")
        assert states(app) == ["firing"]

    def test_what_is_well_again_is_never_heard_of(self, app: MemoryApp) -> None:
        self.quiet(app)
        app.clock.jump("2026-01-01T22:00+00:00")
        run(app, "fail")
        assert states(app) == []
        app.clock.jump("2026-01-02T12:00+00:00")
        assert states(app) == []

    def test_what_is_grave_fires_in_them(self, app: MemoryApp) -> None:
        self.quiet(app, "critical")
        app.clock.jump("2026-01-01T23:00+00:00")
        run(app, "fail")
        assert states(app) == ["firing"]

    def test_what_fired_before_is_resolved_in_them(self, app: MemoryApp) -> None:
        self.quiet(app)
        run(app, "fail")
        assert states(app) == ["firing"]
        app.clock.jump("2026-01-02T06:00+00:00")
        app.monitor.watch(ErrorRate(), quiet=app.monitor.quiet)
        app.clock.jump("2026-01-02T12:00+00:00")
        assert states(app) == ["resolved"]

    def test_hours_of_a_zone(self) -> None:
        berlin = QuietHours("09:00", "17:00", timezone="Europe/Berlin")
        clock = FakeClock()
        clock.jump("2026-07-01T07:30+00:00")
        assert berlin.hold("low", clock.micros())
        clock.jump("2026-07-01T15:30+00:00")
        assert not berlin.hold("low", clock.micros())


class TestCallbacks:
    def test_each_change_is_told_once(self, app: MemoryApp, until: Until) -> None:
        told: Told = []
        seen: list[dict[str, Any]] = []

        def tell(kind: str, data: dict[str, Any]) -> None:
            seen.append(data)
            told.append((kind, data["state"]))

        app.monitor.watch(ErrorRate(at_least=1))
        app.monitor.add_callback(tell)
        run(app, "fail")
        app.monitor.look()
        app.monitor.look()
        app.clock.advance("2m")
        app.monitor.look()
        app.monitor.acknowledge(1, "ann")
        app.monitor.look()
        app.clock.advance("6m")
        app.monitor.look()
        app.monitor.look()
        until(lambda: len(told) >= 3)
        assert told == [
            ("error_rate", "firing"), ("error_rate", "acknowledged"), ("error_rate", "resolved"),
        ]  # fmt: skip
        assert seen[0]["message"].startswith("100% of the runs of shop:work failed")
        assert seen[2]["message"] == f"resolved: {seen[0]['message']}"

    def test_what_was_wrong_before_is_not_told(self, app: MemoryApp, until: Until) -> None:
        told: Told = []
        app.monitor.watch(ErrorRate(at_least=1))
        run(app, "fail")
        app.monitor.look()
        app.monitor.add_callback(lambda kind, data: told.append((kind, data["state"])))
        app.clock.advance("6m")
        app.monitor.look()
        until(lambda: told)
        assert told == [("error_rate", "resolved")]

    def test_what_came_and_went_between_two_looks(self, app: MemoryApp, until: Until) -> None:
        told: list[str] = []
        app.monitor.add_callback(lambda kind, data: told.append(data["state"]))
        app.monitor._callbacks.look([])
        app.monitor.watch(ErrorRate(at_least=1))
        run(app, "fail")
        monitor, told_to = app.monitor, app.monitor._callbacks
        monitor._callbacks = callbacks.Callbacks()
        monitor.look()
        app.clock.advance("6m")
        monitor.look()
        monitor._callbacks = told_to
        monitor.look()
        until(lambda: len(told) == 2)
        assert told == ["firing", "resolved"]

    def test_one_that_raises_and_one_that_hangs_harm_nobody(
        self,
        app: MemoryApp,
        until: Until,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(callbacks, "WAITING", 1)
        told: list[str] = []
        enough = threading.Event()

        def hang(kind: str, data: dict[str, Any]) -> None:
            enough.wait(30)

        def fail(kind: str, data: dict[str, Any]) -> None:
            raise RuntimeError("the pager is broken")

        app.monitor.watch(ErrorRate(at_least=1))
        for callback in (hang, fail, lambda kind, data: told.append(data["state"])):
            app.monitor.add_callback(callback)
        for n in range(1, 4):
            run(app, "fail")
            app.monitor.look()
            until(lambda n=n: len(told) == 2 * n - 1)
            app.clock.advance("6m")
            app.monitor.look()
            until(lambda n=n: len(told) == 2 * n)
        enough.set()
        assert told == ["firing", "resolved"] * 3
        assert "the pager is broken" in caplog.text and "has not returned" in caplog.text


def test_without_alerts_nothing_is_watched(app: MemoryApp) -> None:
    app.set_monitoring({"alert_enabled": False})
    run(app, *["fail"] * 9)
    app.monitor.look()
    assert app.monitor.open_alerts() == []
    assert app.store.notices.alerts(AlertState.FIRING) == []


def test_a_rule_that_fails_harms_no_other_and_resolves_nothing(
    app: MemoryApp, caplog: pytest.LogCaptureFixture
) -> None:
    app.monitor.watch(ErrorRate(at_least=1, name="broken"))
    run(app, "fail")
    assert states(app) == ["firing"]

    class Broken(ErrorRate):
        def find(self, view: Any) -> Any:
            raise KeyError("oh")

    app.monitor.watch(Broken(name="broken"), ErrorRate(at_least=1))
    assert states(app) == ["firing", "firing"]
    assert "the rule broken failed" in caplog.text


def test_other_settings_change_the_rules_that_nobody_chose(app: MemoryApp) -> None:
    app.monitor.look()
    app.set_monitoring({"error_rate_threshold": 0.7, "max_history_size": 3})
    assert app.monitor.rules[0] == ErrorRate(share=0.7)
    app.monitor.watch(ErrorRate(share=0.2))
    app.set_monitoring({"error_rate_threshold": 0.8})
    assert app.monitor.rules == (ErrorRate(share=0.2),)
