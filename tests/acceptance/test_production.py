"""The deployment files hold together, and the ways of docs/production.md lead where it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from offhours import Offhours
from offhours.config import CHECKS, Settings
from offhours.core.times import SECOND, parse_duration
from offhours.sources.configuration import read
from offhours.sources.environment import is_known

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OFFHOURS_DB", raising=False)


# -- image and compose ----------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def test_the_image_is_made_of_what_is_there() -> None:
    stages = [rest.split(" AS ")[-1] for word, rest in instructions() if word == "FROM"]
    assert instructions()[0][0] == "FROM" and len(stages) == 2
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for word, rest in instructions():
        assert word in {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME",
                        "STOPSIGNAL", "ENTRYPOINT", "CMD"}  # fmt: skip
        if word != "COPY":
            continue
        *sources, _ = [part for part in rest.split() if not part.startswith("--")]
        if "--from=" in rest:
            assert f"--from={stages[0]}" in rest
        else:
            assert all((ROOT / source).exists() and f"!{source}" in ignored for source in sources)


def test_the_image_works_as_nobody_special_and_is_told_to_stop() -> None:
    last = dict(instructions())
    assert last["USER"] == "offhours" and last["STOPSIGNAL"] == "SIGTERM"
    # In this form there is no shell between the signal and us.
    assert json.loads(last["ENTRYPOINT"]) == ["offhours"]
    assert json.loads(last["CMD"]) == ["up", "jobs.py"]
    # Whatever the wheel is built from is in the build's context.
    built = {rest.split()[0] for word, rest in instructions() if word == "COPY"}
    project = (ROOT / "pyproject.toml").read_text()
    assert {"src", "examples", "pyproject.toml"} <= built
    assert set(re.findall(r'"(examples)/', project)) <= built


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def settings_of(environment: dict[str, str]) -> None:
    """Every variable is one that we know, and its value one that we take."""
    ours = {name: value for name, value in environment.items() if not name.startswith("POSTGRES")}
    assert all(is_known(name) for name in ours)
    if "celery" not in CHECKS["executor"].schema["enum"]:  # without the extra's executor
        ours.pop("OFFHOURS_EXECUTOR", None)
    assert read(environment=ours, files=False)["db"].startswith("postgresql://")


def test_compose_services_fit_together() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "redis", "coordinator", "celery-worker", "flower"}
    for name, service in services.items():
        assert ("image" in service) and service["restart"] == "unless-stopped", name
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"} and "healthcheck" in services[other]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), "reachable from elsewhere"
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in compose()["volumes"]
    for name in ("coordinator", "celery-worker"):
        settings_of(services[name]["environment"])
        context = (DEPLOY / services[name]["build"]["context"]).resolve()
        assert (context / services[name]["build"]["dockerfile"]).is_file() and context == ROOT
        grace = parse_duration(services[name]["stop_grace_period"])
        stop = parse_duration(services[name]["environment"]["OFFHOURS_STOP_TIMEOUT"])
        assert grace >= stop + 10 * SECOND


def test_compose_has_no_password_and_one_broker() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    passwords = re.findall(r"(?:postgresql://\w+:|PASSWORD: )(.+?)[@\n]", text)
    assert len(passwords) == 2
    assert all(word.startswith("${POSTGRES_PASSWORD:?") for word in passwords)
    services = compose()["services"]
    broker = services["coordinator"]["environment"]["CELERY_BROKER_URL"]
    assert f"--broker={broker}" in services["flower"]["command"]
    assert services["celery-worker"]["environment"]["CELERY_BROKER_URL"] == broker
    command = services["celery-worker"]["entrypoint"]
    assert command[:2] == ["celery", "-A"] and command[-1] == "worker"


# -- Kubernetes -----------------------------------------------------------------------------


def manifests() -> dict[tuple[str, str], dict[str, Any]]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def pods() -> Iterator[dict[str, Any]]:
    yield manifests()["Deployment", "offhours-worker"]["spec"]["template"]
    yield manifests()["CronJob", "offhours-backup"]["spec"]["jobTemplate"]["spec"]["template"]


def test_kubernetes_names_lead_somewhere() -> None:
    versions = {
        "ConfigMap": "v1", "Deployment": "apps/v1", "PodDisruptionBudget": "policy/v1",
        "CronJob": "batch/v1", "PersistentVolumeClaim": "v1",
    }  # fmt: skip
    found = manifests()
    assert {kind: one["apiVersion"] for (kind, _), one in found.items()} == versions
    for pod in pods():
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
            for variable in container["env"]:
                if "valueFrom" in variable:
                    secret = {"secretKeyRef": {"name": "offhours", "key": "database"}}
                    assert variable["valueFrom"] == secret
        for volume in volumes.values():
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in found
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert ("PersistentVolumeClaim", claim) in found
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    worker = found["Deployment", "offhours-worker"]
    labels = worker["spec"]["template"]["metadata"]["labels"]
    for selects in (worker, found["PodDisruptionBudget", "offhours-worker"]):
        assert selects["spec"]["selector"]["matchLabels"] == labels


def test_kubernetes_settings_are_ours_and_leave_time_to_stop() -> None:
    Path("offhours.toml").write_text(manifests()["ConfigMap", "offhours"]["data"]["offhours.toml"])
    chosen = read(environment={})
    worker = manifests()["Deployment", "offhours-worker"]["spec"]["template"]["spec"]
    grace = worker["terminationGracePeriodSeconds"] * SECOND
    assert grace >= chosen["stop_timeout"] + 10 * SECOND
    [container] = worker["containers"]
    assert {one["name"] for one in container["env"]} == {"OFFHOURS_CONFIG", "OFFHOURS_DB"}
    assert Settings.of(chosen.options).threads == 8


# -- systemd --------------------------------------------------------------------------------


def unit(path: Path) -> dict[str, list[str]]:
    """All values of each `Section.Key`, by our own reading of a unit file."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, mark, value = line.partition("=")
            assert section and mark and key.isalnum(), line
            found.setdefault(f"{section}.{key}", []).append(value)
    return found


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_our_command_on_one_database(path: Path) -> None:
    found = unit(path)
    assert found["Unit.Description"][0].startswith("Offhours")
    if path.suffix == ".timer":
        assert found["Install.WantedBy"] == ["timers.target"]
        return
    [environment] = found["Service.Environment"]
    settings = read(environment=dict(one.split("=", 1) for one in environment.split()), files=False)
    assert settings["db"] == "/var/lib/offhours/offhours.db"
    assert "/opt/offhours/bin/offhours " in found["Service.ExecStart"][0]
    assert found["Service.User"] == ["offhours"] and found["Service.UMask"] == ["0077"]
    if "Service.TimeoutStopSec" in found:
        grace = parse_duration(found["Service.TimeoutStopSec"][0])
        assert grace >= settings["stop_timeout"] + 10 * SECOND


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    for path in UNITS:  # the one change: a command that is on this machine
        text = path.read_text().replace("/opt/offhours/bin/offhours", "/bin/true")
        (tmp_path / path.name).write_text(text)
    units = [str(tmp_path / path.name) for path in UNITS]
    checked = subprocess.run([program, "verify", *units], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


# -- the example app, and the documented ways -----------------------------------------------


def test_the_example_app_works_and_drains(tmp_path: Path) -> None:
    environment = {**os.environ, "OFFHOURS_DB": "jobs.db", "OFFHOURS_STOP_TIMEOUT": "30s"}
    command = [sys.executable, "-m", "offhours"]
    worker = subprocess.Popen(
        [*command, "up", str(DEPLOY / "jobs.py")], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        asked = subprocess.run(
            [*command, "submit", "jobs:greet", "--arg", '"ann"', "--wait", "--timeout", "60s",
             "--file", str(DEPLOY / "jobs.py")],
            env=environment, capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        assert (asked.returncode, asked.stdout.strip()) == (0, '"hello ann"'), asked.stderr
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    finally:
        worker.kill()
        worker.wait()


Shell = Callable[..., str]


@pytest.fixture
def documented(tmp_path: Path) -> Shell:
    """Runs a block of docs/production.md by its first line, as a user would type it."""
    page = (ROOT / "docs" / "production.md").read_text()
    blocks = dict(re.findall(r"```bash\n# ([^\n]+)\n(.*?)```", page, re.DOTALL))
    programs = tmp_path / "bin"
    programs.mkdir()
    ours = programs / "offhours"
    ours.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m offhours "$@"\n')
    ours.chmod(0o755)

    def run(title: str, **variables: str) -> str:
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", blocks[title]], capture_output=True, text=True, timeout=90,
            env={**os.environ, "PATH": path, **variables},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def finished(database: str) -> tuple[list[int], list[int]]:
    """Run what is pending there; the arguments that ran, and the numbers of all jobs."""
    app = Offhours(database, executor="inline")
    seen: list[int] = []
    app.task(name="t")(seen.append)
    app.drain()
    numbers = sorted(job.id for job in app.jobs(limit=500))
    app.close()
    return sorted(seen), numbers


def submit(database: str, numbers: range) -> None:
    app = Offhours(database)
    for number in numbers:
        app.submit_by_name("t", args=(number,))
    app.close()


def test_back_up_lose_restore_and_go_on(documented: Shell, tmp_path: Path) -> None:
    submit("offhours.db", range(5))
    assert finished("offhours.db")[0] == list(range(5))
    submit("offhours.db", range(5, 10))
    documented("backup: sqlite")
    submit("offhours.db", range(10, 15))
    damaged = bytearray(Path("offhours.db").read_bytes())
    damaged[:4096] = b"\xa5" * 4096
    Path("offhours.db").write_bytes(damaged)
    Path("offhours.db-wal").write_bytes(b"left by the old one")
    told = documented("restore: sqlite")
    assert "fail" not in told
    assert finished("offhours.db") == (list(range(5, 10)), list(range(1, 11)))
    assert Path("broken/offhours.db").read_bytes() == damaged
    submit("offhours.db", range(20, 21))
    assert finished("offhours.db")[0] == [20]


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="needs pg_dump")
def test_back_up_and_restore_postgres(documented: Shell, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("drop schema if exists offhours cascade")
    submit(postgres, range(5))
    assert finished(postgres)[0] == list(range(5))
    submit(postgres, range(5, 10))
    documented("backup: postgresql", DATABASE=postgres)
    submit(postgres, range(10, 15))
    try:
        told = documented("restore: postgresql", DATABASE=postgres)
        assert "fail" not in told
        assert finished(postgres) == (list(range(5, 10)), list(range(1, 11)))
        submit(postgres, range(20, 21))
        assert finished(postgres)[0] == [20]
    finally:
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute("drop schema if exists offhours, offhours_broken cascade")


def test_the_errors_that_the_page_explains_are_ours() -> None:
    from offhours.core import errors

    page = (ROOT / "docs" / "production.md").read_text()
    named = set(re.findall(r"^\| `([A-Z]\w+)(?:`|:)", page, re.MULTILINE))
    assert len(named) >= 10
    assert all(issubclass(getattr(errors, name), errors.OffhoursError) for name in named)
