"""The monitor on a store: what it answers, who folds, restarts, exports."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.monitor.conftest import run

from offhours.core.errors import OffhoursError, OptionError
from offhours.core.notices import Reading
from offhours.monitor import ErrorRate, Monitor, MonitorSettings
from offhours.monitor.keeping import NAME, PACKED, PAGE, Keeping
from offhours.testing import MemoryApp


def other(app: MemoryApp, **settings: Any) -> Monitor:
    """A monitor as another process would have it."""
    return Monitor(app.store, app.clock, MonitorSettings(**settings))


def anew(app: MemoryApp) -> Keeping:
    """All events, folded from the first one on."""
    keeping = Keeping(app.store, MonitorSettings().max_history_size)
    keeping.fold()
    return keeping


def test_task_metrics(app: MemoryApp) -> None:
    run(app, "succeed", "succeed", "succeed", "fail", seconds=2)
    metrics = app.monitor.task_metrics("work")
    assert metrics["successful_executions"] / metrics["total_executions"] == 0.75
    assert (metrics["success_rate"], metrics["error_rate"]) == (0.75, 0.25)
    assert metrics["average_execution_time"] == metrics["longest_execution_time"] == 2
    assert metrics["p95_execution_time"] == pytest.approx(2, rel=0.05)
    assert metrics["task_name"] == "work" and metrics["failures_in_a_row"] == 1
    assert list(app.monitor.task_metrics()) == ["shop:work"]
    assert app.monitor.task_metrics("never")["total_executions"] == 0


def test_system_metrics(app: MemoryApp) -> None:
    app.submit("shop:work")
    app.submit("shop:work", delay="1h")
    metrics = app.monitor.system_metrics()
    assert (metrics["tasks_in_queue"], metrics["ready_tasks"]) == (2, 1)
    assert (metrics["active_tasks"], metrics["workers"], metrics["worker_utilization"]) == (0, 0, 0)
    assert 0 <= metrics["memory_percent"] <= 100 and metrics["process_memory_mb"] > 1
    app.drain()
    metrics = app.monitor.system_metrics()
    assert (metrics["workers"], metrics["tasks_in_queue"]) == (1, 1)


def test_summary_and_trends(app: MemoryApp) -> None:
    for seconds in (1, 1, 4, 4):
        run(app, "succeed", "fail", seconds=seconds)
        app.clock.advance("1h")
    summary = app.monitor.summary(timedelta(hours=2))
    assert (summary["total_tasks"], summary["failed_tasks"], summary["error_rate"]) == (4, 2, 0.5)
    assert summary["tasks"]["shop:work"]["total_executions"] == 4
    assert app.monitor.summary("30m")["total_tasks"] == 0
    assert app.monitor.summary("30m")["success_rate"] == 1
    trends = app.monitor.trends("work", hours=24)
    assert (trends["total_executions"], trends["success_rate"]) == (8, 0.5)
    assert [point["average_execution_time"] for point in trends["points"]] == [1, 1, 4, 4]
    assert app.monitor.trends("work", hours=4)["trend"] == "slower"
    assert app.monitor.trends("never")["success_rate"] == 1
    for ask in (
        lambda: app.monitor.summary(0),
        lambda: app.monitor.trends("work", 0),
        lambda: app.monitor.trends("work", float("nan")),
    ):
        with pytest.raises(OffhoursError):
            ask()


class TestOneFolds:
    """Several processes, each with a monitor of its own on one store."""

    def test_stopped_anywhere_and_started_again(self, app: MemoryApp) -> None:
        for n in range(30):
            run(app, ("succeed", "fail", "defer")[n % 3], seconds=n % 7, name=f"n{n % 2}")
            if n % 5 == 0:
                other(app).look()  # a process comes, looks, and dies
            app.clock.advance("17m" if n % 4 else "1s")
        assert other(app).figures == anew(app).figures

    def test_only_one_folds_and_the_others_read_what_it_stored(self, app: MemoryApp) -> None:
        one, two = other(app), other(app)
        run(app, "succeed")
        one.look()
        stored = app.store.notices.reading(NAME)
        run(app, "fail")
        two.look()
        assert app.store.notices.reading(NAME) == stored
        assert two._keeping.figures == one._keeping.figures
        assert two.task_metrics() == one.task_metrics() == other(app).task_metrics()
        assert app.store.notices.reading(NAME) != stored  # `one` was asked

    def test_another_goes_on_when_it_dies(self, app: MemoryApp) -> None:
        one, two = other(app), other(app)
        one.look()
        run(app, "fail")
        app.clock.advance("31s")
        two.watch(ErrorRate(at_least=1))
        two.look()
        assert len(app.monitor.open_alerts()) == 1
        one.look()
        assert one._keeping.figures == two._keeping.figures

    def test_what_is_not_stored_yet_is_read_again(self, app: MemoryApp) -> None:
        one = other(app)
        run(app, "succeed", seconds=1)
        one.look()
        stored = app.store.notices.reading(NAME)
        for _ in range(3):
            run(app, "fail", seconds=1)
            one.look()
        assert app.store.notices.reading(NAME) == stored  # it is no ten seconds old
        assert one._keeping.figures == anew(app).figures == other(app).figures  # it died
        app.clock.advance("31s")
        app.monitor.look()
        assert app.monitor._keeping.figures == anew(app).figures

    def test_much_is_stored_packed(self, app: MemoryApp) -> None:
        for number in range(200):
            app.task(name=f"a task of some length, and that is number {number}")(lambda: None)
            app.submit(f"a task of some length, and that is number {number}")
        app.drain()
        other(app).look()
        reading = app.store.notices.reading(NAME)
        assert reading is not None and reading.state is not None
        assert reading.state.startswith(PACKED) and len(reading.state) < 30_000
        again = Keeping(app.store, MonitorSettings().max_history_size)
        again.read(app.clock.micros())
        assert again.figures == anew(app).figures

    def test_who_has_it_keeps_it_though_nothing_happens(self, app: MemoryApp) -> None:
        one, two = other(app), other(app)
        for _ in range(20):
            one.look()
            two.look()
            assert two._keeping.notes.by == one._keeping.id
            app.clock.advance("5s")

    def test_who_loses_the_race_reads_again(
        self, app: MemoryApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = other(app)
        run(app, "succeed")
        fold = one._keeping.fold

        def slow(pages: int | None = None) -> bool:
            more = fold(pages)
            monkeypatch.setattr(one._keeping, "fold", fold)
            other(app).look()  # meanwhile
            return more

        monkeypatch.setattr(one._keeping, "fold", slow)
        one.look()
        run(app, "fail")
        assert one.figures == anew(app).figures

    def test_who_only_asks_keeps_nobody_from_watching(self, app: MemoryApp) -> None:
        run(app, "fail")
        asking, watching = other(app), other(app)
        assert asking.task_metrics("work")["failed_executions"] == 1
        watching.watch(ErrorRate(at_least=1))
        watching.look()
        assert len(watching.open_alerts()) == 1

    def test_stored_figures_that_cannot_be_read_are_counted_anew(
        self, app: MemoryApp, caplog: pytest.LogCaptureFixture
    ) -> None:
        run(app, "succeed")
        app.store.notices.read_on(None, Reading(NAME, 9_999, '{"figures":"?"}'), (), 0)
        assert app.monitor.task_metrics("work")["total_executions"] == 1
        assert "counted anew" in caplog.text

    def test_many_events_are_taken_a_few_pages_at_a_time(self, app: MemoryApp) -> None:
        for n in range(11 * PAGE):
            app.store.tell(n, "store.log_large", None, None)
        now = app.clock.micros()
        monitor = other(app)
        assert monitor.tick(now) - now < 100_000
        assert monitor._keeping.figures.seq == 10 * PAGE
        assert monitor.tick(now) - now > 1_000_000


class TestExports:
    def test_json(self, app: MemoryApp) -> None:
        run(app, "succeed", seconds=2)
        told = json.loads(app.monitor.export())
        assert told["tasks"]["shop:work"]["average_execution_time"] == 2
        assert told["history"]["shop:work"][0]["total_executions"] == 1
        assert told["system"]["tasks_in_queue"] == 0 and told["alerts"] == []

    def test_csv(self, app: MemoryApp) -> None:
        app.task(name='=cmd,"x"')(lambda: None)
        run(app, "fail")
        app.submit('=cmd,"x"')
        app.drain()
        rows = list(csv.DictReader(io.StringIO(app.monitor.export("csv"))))
        assert [row["task_name"] for row in rows] == ["shop:work", '\'=cmd,"x"']
        assert [row["failed_executions"] for row in rows] == ["1", "0"]

    def test_prometheus(self, app: MemoryApp) -> None:
        app.task(name='a"b\\c')(lambda: None)
        run(app, "succeed", "fail", seconds=2)
        app.submit('a"b\\c')
        app.drain()
        lines = app.monitor.export("Prometheus").splitlines()
        value = r'[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? \S+'
        shape = re.compile(rf"# (HELP|TYPE) [a-z_]+ .+|{value}")
        assert [line for line in lines if not shape.fullmatch(line)] == []
        names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
        assert len(names) == len(set(names)) == 6
        assert 'offhours_task_runs_total{task="shop:work",outcome="failed"} 1' in lines
        assert 'offhours_task_seconds_sum{task="shop:work"} 4.0' in lines
        assert 'offhours_task_seconds_count{task="a\\"b\\\\c"} 1' in lines

    @pytest.mark.parametrize("form", ["xml", "", "jsonn", None])
    def test_an_unknown_format_is_refused(self, app: MemoryApp, form: Any) -> None:
        with pytest.raises(OptionError, match="expected one of json, csv, prometheus"):
            app.monitor.export(form)

    def test_from_time_to_time_to_a_file(self, app: MemoryApp, tmp_path: Path) -> None:
        app.set_monitoring(
            {
                "export_enabled": True,
                "export_interval_seconds": 1800,
                "export_folder": str(tmp_path / "out"),
            }
        )
        run(app, "succeed")
        app.monitor.look()
        app.clock.advance("29m")
        app.monitor.look()
        assert not (tmp_path / "out").exists()
        app.clock.advance("1m")
        app.monitor.look()
        app.monitor.look()
        [file] = (tmp_path / "out").iterdir()
        assert file.name == "metrics-20260101T003000Z.json"
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text())["history"]["shop:work"]
        assert app.monitor.trends("work")["points"] == []
        assert app.monitor.task_metrics("work")["total_executions"] == 1
        app.clock.advance("1h")
        other(
            app, export_enabled=True, export_interval_seconds=1800, export_folder=str(tmp_path)
        ).look()
        assert len(list(tmp_path.glob("metrics-*.json"))) == 1


def test_an_export_that_fails_forgets_nothing(
    app: MemoryApp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    app.set_monitoring({"export_enabled": True, "export_folder": str(tmp_path / "file")})
    run(app, "succeed")
    app.monitor.look()
    app.clock.advance("1h")
    app.monitor.look()
    assert "could not be exported" in caplog.text
    assert [*tmp_path.iterdir()] == [tmp_path / "file"]
    assert len(app.monitor.trends("work")["points"]) == 1


def test_settings_that_do_not_exist_are_refused() -> None:
    with pytest.raises(OffhoursError, match="did you mean"):
        MonitorSettings.of({"error_rate_treshold": 1})
