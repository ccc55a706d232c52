"""The configuration classes, and how settings reach the app and what stands on it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from offhours import (
    BackgroundTaskConfig,
    BackgroundTaskManager,
    CeleryWorkerConfig,
    MonitoringConfig,
    Offhours,
    ThreadedWorkerConfig,
    auto_load_config,
    get_perfcatcher_interceptor,
    get_task_manager,
    load_config,
)
from offhours.core.errors import ConfigError


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_documents_defaults() -> None:
    assert auto_load_config() == BackgroundTaskConfig()
    assert BackgroundTaskConfig().to_dict() == {
        "worker_type": "threaded",
        "threaded_worker": {"max_workers": 4, "queue_size": 100},
        "celery_worker": {
            "broker_url": "redis://localhost:6379/0",
            "result_backend": "redis://localhost:6379/0",
            "default_queue": "omni_dev",
            "priority_queue": "priority",
        },
        "monitoring": {
            "enabled": True,
            "max_history_size": 1000,
            "alert_enabled": True,
            "error_rate_threshold": 0.1,
            "avg_execution_time_threshold": 300,
            "export_enabled": False,
            "export_interval_seconds": 3600,
            "export_folder": "offhours-metrics",
        },
        "scheduler": {"enabled": True, "check_interval_seconds": 1.0},
        "log_level": "INFO",
        "shutdown_timeout_seconds": 30,
    }


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bg.yaml").write_text(
        "worker_type: threaded\nthreaded_worker: {max_workers: 6, queue_size: 7}\n"
        "monitoring: {error_rate_threshold: 0.5}\nshutdown_timeout_seconds: 1.5\n"
    )
    monkeypatch.setenv("BG_THREADED_MAX_WORKERS", "8")
    config = load_config("bg.yaml")
    assert config.threaded_worker == ThreadedWorkerConfig(8, 7)
    assert config.monitoring.error_rate_threshold == 0.5
    assert config.shutdown_timeout_seconds == 1.5
    with BackgroundTaskManager(
        worker_type=config.worker_type, **config.threaded_worker.__dict__
    ) as manager:
        assert manager.app.settings.threads == 8 and manager.app.settings.max_queue_size == 7


def test_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("omni_dev_bg_config.yaml").write_text("worker_type: celery\nlog_level: DEBUG\n")
    monkeypatch.setenv("BG_MONITORING_ENABLED", "false")
    assert auto_load_config().worker_type == "celery"
    assert load_config("env") == BackgroundTaskConfig(monitoring=MonitoringConfig(enabled=False))
    monkeypatch.setenv("OMNI_DEV_BG_USE_ENV", "true")
    assert auto_load_config() == load_config("env")
    monkeypatch.setenv("OMNI_DEV_BG_USE_ENV", "ture")
    with pytest.raises(ConfigError, match="OMNI_DEV_BG_USE_ENV: expected true or false"):
        auto_load_config()


def test_what_is_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ConfigError) as refused:
        MonitoringConfig(max_history_size=0, error_rate_threshold=2)
    assert refused.value.faults == (
        "monitoring.max_history_size: expected a whole number from 1 on, got 0",
        "monitoring.error_rate_threshold: expected a number from 0 to 1, got 2",
    )
    with pytest.raises(ConfigError, match="worker_type: expected one of threaded, celery"):
        BackgroundTaskConfig(worker_type="forked")
    with pytest.raises(ConfigError, match=r"threaded_worker\.max_workers: expected a whole"):
        ThreadedWorkerConfig(max_workers=0)


def test_passwords_are_not_shown_unless_asked_for() -> None:
    address = "redis://:hunter2@cache:6379/0"
    config = BackgroundTaskConfig(celery_worker=CeleryWorkerConfig(broker_url=address))
    assert "hunter2" not in repr(config) + str(config.to_dict())
    assert config.celery_worker.broker_url == address
    assert config.to_dict(secrets=True)["celery_worker"]["broker_url"] == address


def test_an_app_from_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("offhours.toml").write_text('db = "file.db"\nthreads = 3\nlease = "1m"\nqueues = ["a"]\n')
    monkeypatch.setenv("OFFHOURS_THREADS", "5")
    app = Offhours.from_config()
    assert (app.store.name, app.settings.threads) == ("file.db", 5)
    assert (app.settings.lease, app.settings.queues) == (60_000_000, ("a",))
    app.close()
    app = Offhours.from_config(store=":memory:", threads=7)
    assert (app.store.name, app.settings.threads) == (":memory:", 7)
    app.close()
    app = Offhours(":memory:")
    assert app.settings.threads == 4
    app.close()


def test_the_log_level_is_set_only_where_it_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("offhours")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    Offhours.from_config(store=":memory:").close()
    assert logger.level == logging.NOTSET
    Path("offhours.toml").write_text('log_level = "ERROR"')
    Offhours.from_config(store=":memory:").close()
    assert logger.level == logging.ERROR


def test_the_process_own_classes_follow_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("offhours.yaml").write_text("db: shared.db\nrecorder: {window_size: 33, min_samples: 7}\n")
    monkeypatch.setenv("BG_THREADED_MAX_WORKERS", "2")
    monkeypatch.setenv("PERFCATCHER_MIN_SAMPLES", "9")
    settings = get_task_manager().app.settings
    assert (settings.threads, settings.max_queue_size) == (2, 1000)
    assert Path("shared.db").exists()
    recorder = get_perfcatcher_interceptor().settings
    assert (recorder.window_size, recorder.min_samples) == (33, 9)


def test_a_fault_stops_the_process_own_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BG_THREADED_MAX_WORKER", "2")
    with pytest.raises(ConfigError, match='did you mean "BG_THREADED_MAX_WORKERS"'):
        get_task_manager()
