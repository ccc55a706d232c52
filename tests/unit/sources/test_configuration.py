"""Sources, their precedence, and what is said about what cannot be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import offhours
from offhours.core.errors import ConfigError
from offhours.core.kinds import Text
from offhours.sources.configuration import Configuration, read
from offhours.sources.environment import is_known
from offhours.sources.keys import BY_VARIABLE, KEYS


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def found(**environment: str) -> Configuration:
    return read(environment=environment)


def faults(**environment: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        found(**environment)
    return refused.value.faults


def test_without_any_source_all_is_default() -> None:
    assert {one.source for one in found()} == {"default"}
    assert found().options == {}


def test_every_default_is_one_that_its_own_check_accepts() -> None:
    for key in KEYS.values():
        if key.default is not None:
            key.kind(key.default, key.path)


def test_each_source_wins_over_those_below() -> None:
    places = [
        ("omni_dev_bg_config.yaml", "threaded_worker: {max_workers: 11}", "threaded_worker.max_w"),
        ("pyproject.toml", "[tool.offhours]\nthreads = 12", "pyproject.toml: threads"),
        ("offhours.toml", "threads = 13", "offhours.toml: threads"),
    ]
    for number, (name, text, source) in enumerate(places, start=11):
        write(name, text)
        assert found()["threads"] == number
        assert source in found().settings["threads"].source
    write(".env", "OFFHOURS_THREADS=14\n")
    assert read(environment={}, env_file=".env")["threads"] == 14
    in_env = {"BG_THREADED_MAX_WORKERS": "15"}
    assert read(environment=in_env, env_file=".env")["threads"] == 15
    both = found(OFFHOURS_THREADS="16", **in_env)
    assert both["threads"] == 16 and both.settings["threads"].source == "OFFHOURS_THREADS"


def test_sources_are_merged_key_by_key() -> None:
    write("offhours.yaml", "monitoring:\n  max_history_size: 7\n  enabled: false\n")
    merged = found(BG_MONITORING_ENABLED="true")
    assert merged["monitoring.enabled"] is True and merged["monitoring.max_history_size"] == 7


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("PERFCATCHER_ENABLED", "false", "recorder.enabled", False),
        ("PERFCATCHER_VARIANCE_THRESHOLD", "0.3", "recorder.variance_threshold", 0.3),
        ("PERFCATCHER_WINDOW_SIZE", "50", "recorder.window_size", 50),
        ("PERFCATCHER_MIN_SAMPLES", "5", "recorder.min_samples", 5),
        ("PERFCATCHER_BUFFER_DURATION", "60", "recorder.buffer_duration", 60.0),
        ("BG_WORKER_TYPE", "celery", "worker_type", "celery"),
        ("BG_THREADED_MAX_WORKERS", "9", "threads", 9),
        ("BG_THREADED_QUEUE_SIZE", "50", "max_queue_size", 50),
        ("BG_MONITORING_ENABLED", "off", "monitoring.enabled", False),
        ("BG_MONITORING_ERROR_THRESHOLD", "0.25", "monitoring.error_rate_threshold", 0.25),
        ("CELERY_BROKER_URL", "redis://r/1", "broker", "redis://r/1"),
        ("CELERY_RESULT_BACKEND", "rpc://", "celery_worker.result_backend", "rpc://"),
        ("OFFHOURS_BROKER_URL", "redis://r/2", "broker", "redis://r/2"),
        ("OFFHOURS_SCHEDULER__CHECK_INTERVAL", "2.5", "scheduler.check_interval_seconds", 2.5),
        ("OFFHOURS_DB", "postgresql://h/d", "db", "postgresql://h/d"),
        ("OFFHOURS_LEASE", "1m", "lease", 60_000_000),
        ("OFFHOURS_LEASE", "45", "lease", 45_000_000),
        ("OFFHOURS_QUEUES", "mail, night", "queues", ("mail", "night")),
        ("OFFHOURS_BACKGROUND_LIMIT", "none", "background_limit", None),
    ],
)
def test_variables(variable: str, text: str, path: str, value: object) -> None:
    read_from = found(**{variable: text})
    assert read_from[path] == value
    assert read_from.settings[path].source == variable


def test_every_key_has_a_variable_and_none_has_two_keys() -> None:
    assert {key.path for key in BY_VARIABLE.values()} == set(KEYS)
    names = [name for key in KEYS.values() for name in (key.variable, *key.variables)]
    assert len(names) == len(set(names))


def test_an_empty_variable_is_not_set() -> None:
    assert not found(OFFHOURS_THREADS="", CELERY_BROKER_URL="").options


DOCUMENTED = """\
worker_type: "threaded"  # or "celery"
threaded_worker:
  max_workers: 6
  queue_size: 200
celery_worker:
  broker_url: "redis://localhost:6379/1"
  result_backend: "redis://localhost:6379/2"
  default_queue: "omni_dev"
  priority_queue: "priority"
monitoring:
  enabled: true
  max_history_size: 1000
  alert_enabled: true
  error_rate_threshold: 0.1
  avg_execution_time_threshold: 300
scheduler:
  enabled: true
  check_interval_seconds: 1.0
log_level: "INFO"
shutdown_timeout_seconds: 45
"""

OPTIMIZATION = """\
repetitive_task_detection: {min_occurrences: 4, time_window_hours: 24, automation_threshold: 0.7}
performance_analysis:
  bottleneck_threshold_ms: 1000
  slow_process_threshold_ms: 2000
  cpu_threshold: 80.0
  memory_threshold: 80.0
workflow_optimization: {min_success_rate: 0.95, max_duration_ms: 5000}
automation_creation: {test_before_deploy: true, auto_deploy_threshold: 0.9, max_automations: 100}
sandbox: {enabled: true, timeout_seconds: 30, max_concurrent_tests: 3, isolation_level: 'full'}
"""


def test_the_documented_files_are_read_where_they_are() -> None:
    write("omni_dev_bg_config.yaml", DOCUMENTED)
    write("config/optimization_config.yaml", OPTIMIZATION)
    both = found()
    chosen = {"threads": 6, "max_queue_size": 200, "stop_timeout": 45}
    assert both.options.items() >= chosen.items()
    assert both["broker"] == "redis://localhost:6379/1"
    assert both["repetitive_task_detection.min_occurrences"] == 4
    assert both["sandbox.isolation_level"] == "full"


def test_one_file_can_be_named_and_is_then_the_only_one() -> None:
    write("offhours.toml", "threads = 13\npoll = 2")
    elsewhere = write("etc/night.toml", "threads = 3")
    for named in (read(elsewhere, environment={}), found(OFFHOURS_CONFIG="etc/night.toml")):
        assert named.options == {"threads": 3}


def test_all_faults_of_all_sources_at_once() -> None:
    write("pyproject.toml", "[tool.offhours]\nthread = 2\nmonitoring = 5")
    write(
        "offhours.toml",
        'threads = 0\nmax_workers = 3\n[monitoring]\nerror_rate_threshold = "x"\n[moni]\na = 1',
    )
    assert faults(OFFHOURS_LEESE="1m", OFFHOURS_LEASE="soon", BG_WORKER_TYPE="fork") == (
        'pyproject.toml: thread: unknown key; did you mean "threads"?',
        "pyproject.toml: monitoring: expected a section of keys",
        "offhours.toml: threads: expected a whole number from 1 on, got 0",
        'offhours.toml: max_workers: unknown key; did you mean "threaded_worker.max_workers"?',
        "offhours.toml: monitoring.error_rate_threshold: expected a number from 0 to 1, got 'x'",
        "offhours.toml: moni: unknown key",
        "OFFHOURS_LEASE: cannot read 'soon'; write it like 90s, 5m, 1h30m or 2d",
        "BG_WORKER_TYPE: expected one of threaded, celery, got 'fork'",
        'OFFHOURS_LEESE: unknown variable; did you mean "OFFHOURS_LEASE"?',
    )


def test_two_spellings_of_one_key_in_a_file_are_refused() -> None:
    write("offhours.yaml", "threads: 2\nthreaded_worker: {max_workers: 3}")
    assert faults() == (
        "offhours.yaml: threaded_worker.max_workers is the same as threads; keep one of them",
    )


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("offhours.toml", "threads = ", "offhours.toml: is not TOML: Invalid value"),
        ("offhours.toml", "threads = 1\nthreads = 2", "offhours.toml: is not TOML: Cannot over"),
        ("offhours.yaml", "a: [", "offhours.yaml: is not YAML: line 1: "),
        ("offhours.yaml", "poll: 1\npoll: 2", 'line 1: the key "poll" is there twice'),
        ("offhours.yaml", "when: 2020-13-45", "offhours.yaml: is not YAML"),
        ("offhours.yaml", "- threads", "offhours.yaml: expected keys with values"),
        ("offhours.yaml", "!!python/object/apply:os.system [true]", "is not YAML: line 1: could"),
        ("offhours.yaml", "[" * 5000, "offhours.yaml: is nested too deeply"),
        ("offhours.yaml", "1: 2", "offhours.yaml: 1: unknown key"),
    ],
)
def test_files_that_cannot_be_read(name: str, text: str, told: str) -> None:
    write(name, text)
    [fault] = faults()
    assert told in fault


def test_places_that_are_no_file(tmp_path: Path) -> None:
    Path("folder.toml").mkdir()
    Path("bytes.toml").write_bytes(b"\xff\xfe")
    write("offhours.ini", "threads = 2")
    assert faults(OFFHOURS_CONFIG="nowhere.toml") == ("nowhere.toml: no such file",)
    assert faults(OFFHOURS_CONFIG="folder.toml") == ("folder.toml: is a folder; name a file in it",)
    assert faults(OFFHOURS_CONFIG="bytes.toml") == ("bytes.toml: is not UTF-8 text",)
    assert "ends in .toml" in faults(OFFHOURS_CONFIG="offhours.ini")[0]
    write("offhours.toml", "")
    write("offhours.yaml", "")
    assert faults() == ("offhours.toml and offhours.yaml are both here; keep one of them",)


def test_a_project_without_a_section_of_ours_chooses_nothing() -> None:
    for text in ("[project]\nname = 'x'", "tool = 5", "[tool.ruff]\nline-length = 100"):
        write("pyproject.toml", text)
        assert found().options == {}
    write("pyproject.toml", "tool.offhours = 5")
    assert faults() == ("pyproject.toml: expected keys with values",)


def test_an_empty_yaml_file_or_section_chooses_nothing() -> None:
    write("offhours.yaml", "monitoring:\n# enabled: false\n")
    assert found().options == {}


def test_variables_of_others_are_left_alone() -> None:
    found(
        OFFHOURS_SERVICE_HOST="10.0.0.1",
        OFFHOURS_SERVICE_PORT="80",
        OFFHOURS_PORT="tcp://10.0.0.1:80",
        OFFHOURS_PORT_80_TCP_ADDR="10.0.0.1",
        OFFHOURS_REDIS_SERVICE_HOST="10.0.0.2",
        OFFHOURS_TEST_POSTGRES="x",
        BG_COLOR="blue",
        OFFHOURS_APP="jobs.py",
    )


def test_an_unknown_variable_without_a_neighbour_is_told_as_it_is() -> None:
    assert faults(OFFHOURS_XYZZY="1") == ("OFFHOURS_XYZZY: unknown variable",)


def test_no_fault_quotes_a_secret() -> None:
    write("offhours.toml", 'celery_worker.broker_url = "hunter2"\nrecorder.loki_token = 12345')
    write("pyproject.toml", 'tool.offhours.celery_worker = "hunter2"')
    told = " ".join(faults(CELERY_RESULT_BACKEND="hunter2 x", PERFCATCHER_LOKI_URL="hunter2"))
    assert told.count("expected") == 5
    assert all(isinstance(key.kind, Text) for key in KEYS.values() if key.secret)
    assert "hunter2" not in told and "12345" not in told


def test_dot_env() -> None:
    write(".env", "# ours\nexport OFFHOURS_THREADS='5'\nOFFHOURS_POLL=2s # two\n\nOTHER=\"x\"\n")
    asked = read(environment={}, env_file=".env")
    assert asked.options == {"threads": 5, "poll": "2s"}
    assert asked.settings["threads"].source == ".env: OFFHOURS_THREADS"
    assert found().options == {}
    write(".env", "OFFHOURS_THREADS 5\n")
    with pytest.raises(ConfigError, match=r"\.env: line 1: expected NAME=value"):
        read(environment={}, env_file=".env")


def test_the_example_of_the_reference_holds() -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    write("offhours.yaml", example)
    assert found()["retention"] == 30 * 86_400_000_000 and found()["threads"] == 8


def test_each_variable_that_the_code_reads_is_known() -> None:
    """One that no setting has, such as OFFHOURS_URL, must not keep the others from being read."""
    folder = Path(offhours.__file__).parent
    texts = [
        file.read_text(encoding="utf-8")
        for file in folder.rglob("*.py")
        if file.parent.name != "sandbox"  # those are for scripts inside it
    ]
    named = {name for text in texts for name in re.findall(r'"(OFFHOURS_[A-Z_]+)"', text)}
    assert {"OFFHOURS_URL", "OFFHOURS_TOKEN_FILE", "OFFHOURS_MODEL"} <= named
    assert [name for name in sorted(named) if not is_known(name)] == []
