"""The metrics as a user has them, and a real Prometheus that reads them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from tests.prometheus import Prometheus, free_port, needed, prometheus

import offhours
from offhours.testing import memory_app

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "offhours.json").read_text(encoding="utf-8"))
DASHBOARD_QUERIES = [
    (panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]
]

PROGRAM = """
import offhours

app = offhours.Offhours("shop.db", poll="0.05s")

@app.task(retries=0)
def pack(order: int) -> int:
    if order == 0:
        raise ValueError("nothing to pack")
    return order
"""


def sample(text: str, name: str, **labels: str) -> float:
    """One value from the text, by name and labels."""
    for line in text.splitlines():
        found = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? ([^ ]+)", line)
        if (
            found
            and found[1] == name
            and dict(re.findall(r'(\w+)="(.*?)"', found[2] or "")) == labels
        ):
            return float(found[3])
    raise AssertionError(f"{name}{labels} is not in\n{text}")


def start(app: offhours.Offhours) -> dict[str, offhours.TaskHandle[..., Any]]:
    """Tasks that end in every way."""

    @app.task(name="pack", retries=1, backoff="0s")
    def pack(order: int) -> int:
        if order == 0 and offhours.context().attempt == 1:
            raise ConnectionError("once")
        return order

    @app.task(name="burn", retries=0)
    def burn() -> None:
        raise ValueError("always")

    @app.task(name="later")
    def later() -> None:
        if offhours.context()._job.deferrals == 0:
            raise offhours.Defer(until="0s", reason="not yet")

    return {"pack": pack, "burn": burn, "later": later}


def test_each_way_a_job_can_end_is_counted() -> None:
    app = memory_app()
    tasks = start(app)
    for order in (0, 1, 2):
        tasks["pack"].submit(order)
    tasks["burn"].submit()
    tasks["later"].submit()
    tasks["pack"].options(delay="1h").submit(9).cancel()
    tasks["pack"].options(delay="1h").submit(9)
    app.drain()
    app.clock.advance("30m")
    app.pause(queue="mail")
    with app.foreground("wf_1"):
        text = app.metrics()
    pack = {"task": "pack", "queue": "default"}
    for name, count in (
        ("submitted", 5), ("started", 4), ("succeeded", 3), ("retried", 1), ("failed", 0),
        ("cancelled", 1), ("crashed", 0),
    ):  # fmt: skip
        assert sample(text, f"offhours_jobs_{name}_total", **pack) == count, name
    assert sample(text, "offhours_jobs_failed_total", task="burn", queue="default") == 1
    assert sample(text, "offhours_jobs_deferred_total", task="later", queue="default") == 1
    assert sample(text, "offhours_job_run_seconds_count", **pack) == 4
    assert sample(text, "offhours_jobs", state="later") == 1
    assert sample(text, "offhours_jobs", state="succeeded") == 4
    assert sample(text, "offhours_foreground_active") == 1
    assert sample(text, "offhours_limits_paused") == 1
    assert sample(text, "offhours_events_lag") == 0
    assert sample(text, "offhours_oldest_ready_job_age_seconds") == 0
    app.clock.advance("31m")
    assert sample(app.metrics(), "offhours_oldest_ready_job_age_seconds") == 60
    assert sample(app.metrics(), "offhours_workers") == 0  # its last sign of life was long ago


def test_waiting_and_running_are_told_in_seconds() -> None:
    app = memory_app()
    slow = app.task(name="slow")(lambda: app.clock.advance("20s"))
    slow.submit()
    app.clock.advance("3s")
    app.drain()
    text, labels = app.metrics(), {"task": "slow", "queue": "default"}
    assert sample(text, "offhours_job_wait_seconds_sum", **labels) == 3
    assert sample(text, "offhours_job_run_seconds_sum", **labels) == 20
    assert sample(text, "offhours_job_run_seconds_bucket", le="15.0", **labels) == 0
    assert sample(text, "offhours_job_run_seconds_bucket", le="60.0", **labels) == 1


def test_the_command_prints_what_the_app_tells(tmp_path: Path) -> None:
    with offhours.Offhours(tmp_path / "shop.db") as app:
        start(app)["pack"].submit(1).result(timeout=20)
    done = subprocess.run(
        [sys.executable, "-m", "offhours", "metrics", "--db", "shop.db"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sample(done.stdout, "offhours_jobs_succeeded_total", task="pack", queue="default") == 1
    with pytest.raises(AssertionError):
        sample(done.stdout, "process_cpu_seconds_total")
    assert app.metrics().splitlines()[:20] == done.stdout.splitlines()[:20]
    app.close()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[[int], subprocess.Popen[str]]]:
    """Start `offhours up` on the program above; what still runs at the end is killed."""
    (tmp_path / "shop.py").write_text(PROGRAM)
    started: list[subprocess.Popen[str]] = []

    def begin(port: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "offhours", "up", "shop.py", "--metrics-port", str(port)],
            cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def served_at(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "metrics at" in line:
            return line.split()[-1]
    raise AssertionError("it ended without serving metrics")


def test_up_serves_them_and_a_taken_port_is_said(
    up: Callable[..., Any], until: Callable[..., None]
) -> None:
    url = served_at(up(0))

    def workers() -> float:
        with urlopen(url, timeout=20) as answer:
            return sample(answer.read().decode(), "offhours_workers")

    until(lambda: workers() == 1)
    second = up(int(url.split(":")[2].partition("/")[0]))
    _, said = second.communicate(timeout=20)
    assert second.returncode == 2
    assert "--metrics-port" in said and "in use" in said


def test_rates_survive_a_killed_process(
    up: Callable[..., Any], tmp_path: Path, until: Callable[..., None]
) -> None:
    """Real kills: nothing is counted twice, nothing is lost, and no counter goes back."""
    port = free_port()
    with prometheus(tmp_path, port, ALERTS) as server:
        app = offhours.Offhours(tmp_path / "shop.db")
        count = 'offhours_jobs_submitted_total{task="shop:pack"}'
        for stored in (5, 11, 17):
            process = up(port)
            served_at(process)
            for order in range(5):
                app.submit_by_name("shop:pack", args=(order,))
            until(lambda stored=stored: server.value(count) == stored)
            process.kill()
            process.wait()
            app.submit_by_name("shop:pack", args=(1,))  # while nobody is there to count it
        assert server.value(f"resets({count}[1m])") == 0
        app.close()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped an app at work, with jobs of every kind between scrapes."""
    needed("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        offhours.Offhours(folder / "shop.db") as app,
        app.serve_metrics() as exporter,
        prometheus(folder, exporter.port, ALERTS) as server,
    ):
        tasks = start(app)
        seen = "offhours_jobs_succeeded_total{task='pack'}"
        for order in range(3):
            tasks["pack"].submit(order).result(timeout=20)
            tasks["burn"].submit().wait(timeout=20)
            tasks["later"].submit().wait(timeout=20)
            while server.value(seen) != order + 1:
                assert app.running
        yield server


@pytest.mark.parametrize(("title", "query"), DASHBOARD_QUERIES)
def test_each_query_of_the_dashboard_gives_data(
    scraped: Prometheus, title: str, query: str
) -> None:
    asked = query.replace("$__rate_interval", "1m").replace("$job", ".+")
    assert "$" not in asked
    assert scraped.query(asked), title


def test_the_dashboard_knows_its_stores(scraped: Prometheus) -> None:
    [store] = [v for v in DASHBOARD["templating"]["list"] if v["name"] == "job"]
    assert store["query"] == "label_values(offhours_jobs, job)"
    assert scraped.get("/api/v1/label/job/values", **{"match[]": "offhours_jobs"}) == ["shop"]


def test_the_shipped_rules_are_evaluated(scraped: Prometheus) -> None:
    [group] = scraped.get("/api/v1/rules")["groups"]
    assert len(group["rules"]) == 8
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    firing = {rule["name"] for rule in group["rules"] if rule["state"] != "inactive"}
    assert firing == {"OffhoursJobsFail"}  # and it is pending: every job of one task failed


def test_each_metric_of_the_rules_and_the_dashboard_is_told(scraped: Prometheus) -> None:
    told = set(scraped.get("/api/v1/label/__name__/values"))
    used = set(re.findall(r"offhours_[a-z_]+", ALERTS.read_text(encoding="utf-8")))
    used |= {name for _, query in DASHBOARD_QUERIES for name in re.findall(r"offhours_\w+", query)}
    assert used <= told


def test_promtool_takes_the_rules_and_they_fire_when_they_should(tmp_path: Path) -> None:
    needed("promtool")
    subprocess.run(["promtool", "check", "rules", ALERTS], check=True, capture_output=True)
    tests = Path(__file__).parent / "alerts_test.yml"
    copy = tmp_path / "test.yml"
    copy.write_text(tests.read_text().replace("[ALERTS]", json.dumps([str(ALERTS)])))
    done = subprocess.run(["promtool", "test", "rules", copy], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_to_say_about_the_text() -> None:
    needed("promtool")
    app = memory_app()
    start(app)["pack"].submit(1)
    app.drain()
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=app.metrics(), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
