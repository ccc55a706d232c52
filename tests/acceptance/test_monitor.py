"""The monitor as its users meet it: real workers, several processes, the command line, the page."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.conftest import Until

from offhours import BackgroundTaskManager, MonitoringConfig, Offhours, TaskMonitor
from offhours.core.errors import ConfigError
from offhours.core.notices import AlertState
from offhours.monitor import ErrorRate, FailuresInARow, Silence, monitor
from offhours.monitor.figures import Figures
from offhours.monitor.keeping import Keeping

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")

WORKER = """
    import sys, time
    from offhours import Offhours

    app = Offhours(sys.argv[1], threads=2, poll="50ms")

    @app.task(name="work", retries=0)
    def work(n: int) -> None:
        if n % 3 == 0:
            raise ValueError(n)

    assert app.monitor
    print("ready", flush=True)
    app.run()
"""


def begun(before: set[threading.Thread]) -> set[str]:
    """The names of the threads that have come since."""
    return {thread.name for thread in set(threading.enumerate()) - before}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks in this process come often."""
    monkeypatch.setattr(monitor, "LOOK_EVERY", 20_000)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Offhours]:
    made = Offhours(tmp_path / "jobs.db", threads=2, poll="50ms")
    yield made
    made.stop(0)
    made.close()


@pytest.fixture
def _own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "process.db"))


def anew(app: Offhours) -> Figures:
    """All events, folded from the first one on."""
    keeping = Keeping(app.store, 1_000)
    keeping.fold()
    return keeping.figures


def test_a_worker_whose_slots_hang_is_found_out(app: Offhours, quick: None, until: Until) -> None:
    """The process lives, its heart beats, jobs wait, and nothing starts."""
    go_on = threading.Event()
    app.task(name="hang")(lambda: go_on.wait(30))
    fine = app.task(name="fine")(lambda: None)
    told: list[tuple[str, str]] = []
    app.monitor.watch(Silence(longest="1s"))
    app.monitor.add_callback(lambda kind, data: told.append((data["state"], data["message"])))
    with app:
        fine.submit().result(10)
        for _ in range(2):
            app.submit("hang")
        waiting = fine.submit()
        until(lambda: told)
        [alert] = app.monitor.open_alerts()
        assert (alert.rule, alert.severity, alert.subject) == ("silence", "critical", "workers")
        state, message = told[0]
        assert state == "firing"
        wanted = (
            r"no job has started for 1\.\d s \(the limit is 1\.0 s\), though 1 job could "
            r"and 1 worker with \d+ slots live; 2 run: look with"
        )
        assert re.match(wanted, message)
        go_on.set()
        waiting.result(10)
        until(lambda: len(told) == 2)
    assert told[1] == ("resolved", f"resolved: {message}")


def test_it_looks_by_itself_where_jobs_run(app: Offhours, quick: None, until: Until) -> None:
    before = set(threading.enumerate())
    app.task(name="boom")(lambda: 1 / 0)
    with app:
        app.monitor.watch(FailuresInARow(count=2))
        for _ in range(2):
            app.submit("boom")
        until(lambda: app.store.notices.alerts(AlertState.FIRING))
        assert "offhours-monitor" in begun(before)
    assert "offhours-monitor" not in begun(before)


def test_nobody_pays_who_did_not_ask(app: Offhours) -> None:
    before = set(threading.enumerate())
    with app:
        app.submit(len, args=("x",)).result(10)
        assert "offhours-monitor" not in begun(before)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_configured_one_looks_without_being_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("offhours.toml").write_text(
        f"[monitoring]\nerror_rate_threshold = 0.5\nenabled = {str(enabled).lower()}\n"
    )
    app = Offhours.from_config(store="jobs.db")
    before = set(threading.enumerate())
    with app:
        running = "offhours-monitor" in begun(before)
        assert running is enabled
        assert app.monitor.rules[0] == ErrorRate(share=0.5)
    app.close()


@pytest.mark.parametrize("address", ["sqlite", "postgres"])
def test_several_processes_and_a_kill_have_one_answer(
    address: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    script: Callable[..., subprocess.Popen[str]],
    until: Until,
) -> None:
    where = tmp_path / "jobs.db" if address == "sqlite" else request.getfixturevalue("postgres_url")
    asking, other = Offhours(where), Offhours(where)

    def worker() -> subprocess.Popen[str]:
        process = script(WORKER, where)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process

    def finished(jobs: int) -> bool:
        counts = asking.counts()
        return counts["succeeded"] + counts["failed"] == jobs

    first = worker()
    for n in range(60):
        asking.submit_by_name("work", args=(n,))
    until(lambda: asking.monitor.figures.everything.total.executions > 20)
    first.kill()
    worker()
    for n in range(60):
        asking.submit_by_name("work", args=(n,))
    until(lambda: finished(120), 60)
    metrics = asking.monitor.task_metrics("work")
    assert metrics["successful_executions"] == 80
    assert metrics == other.monitor.task_metrics("work")
    assert asking.monitor.figures == other.monitor.figures == anew(asking)
    asking.close()
    other.close()


class TestTheDocument:
    """What the background processing document promises of `TaskMonitor`."""

    @pytest.fixture(autouse=True)
    def _process(self, _own_process: None) -> None:
        pass

    def test_tasks_of_this_process_only_have_their_names(self) -> None:
        before = set(threading.enumerate())
        with BackgroundTaskManager() as manager:
            task = manager.get_task(manager.submit_task(lambda: 1, name="mine"))
            assert task is not None and task.wait(10) == "completed"
            assert manager.monitor.get_task_metrics("mine")["successful_executions"] == 1
            assert "offhours-monitor" in begun(before)

    def test_it_can_be_switched_off(self) -> None:
        before = set(threading.enumerate())
        with BackgroundTaskManager(monitor_enabled=False):
            assert "offhours-monitor" not in begun(before)

    def test_tasks_that_fail_frequently_trigger_alerts(self, quick: None, until: Until) -> None:
        printed: list[str] = []

        def custom_alert_handler(alert_type: str, alert_data: dict[str, Any]) -> None:
            printed.append(f"ALERT {alert_type}: {alert_data['message']}")

        def broken() -> None:
            raise ValueError("no")

        with BackgroundTaskManager() as manager:
            manager.monitor.add_alert_callback(custom_alert_handler)
            for _ in range(5):
                manager.submit_task(broken, name="broken")
            until(lambda: len(printed) >= 2)
            assert {alert.rule for alert in manager.monitor.get_alerts()} == {
                "error_rate", "failures_in_a_row",
            }  # fmt: skip
        assert any(text.startswith("ALERT error_rate: 100% of the runs of") for text in printed)

    def test_a_configuration_of_its_own(self) -> None:
        config = MonitoringConfig(error_rate_threshold=0.25, avg_execution_time_threshold=5)
        found = TaskMonitor(config)
        rates = {rule.name: rule for rule in found.app.monitor.rules}
        assert rates["error_rate"] == ErrorRate(share=0.25)
        assert rates["average_time"].seconds == 5  # type: ignore[attr-defined]
        found.app.close()
        with pytest.raises(ConfigError):
            MonitoringConfig(error_rate_threshold=7)


class TestThePage:
    """docs/monitoring.md runs as it stands."""

    @pytest.fixture(autouse=True)
    def _process(self, _own_process: None) -> None:
        pass

    def test_its_python_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        space: dict[str, Any] = {"__name__": "page"}
        for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
            exec(compile(block, "<page>", "exec"), space)
        page = SimpleNamespace(**space)
        assert capsys.readouterr().out.startswith("3 of 4 runs succeeded\n")
        page.app.close()

    def test_its_commands_run(self, app: Offhours, tmp_path: Path) -> None:
        commands = re.findall(r"^(offhours .*)$", PAGE, re.MULTILINE)
        assert len(commands) >= 2
        app.task(name="boom")(lambda: 1 / 0)
        app.monitor.watch(FailuresInARow(count=1))
        with app:
            app.submit("boom")
            app.wait_for(1, 10)
        app.monitor.look()
        for command in commands:
            words = command.partition("#")[0].split()
            ran = subprocess.run(
                [sys.executable, "-m", *words, "--db", str(tmp_path / "jobs.db")],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert ran.returncode == 0, ran.stderr
