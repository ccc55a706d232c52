"""The recorder: what it keeps, when it dumps, what a dump says."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from offhours import PerfCatcherInterceptor
from offhours.core.errors import ConfigError, InputError
from offhours.recorder import workflow
from offhours.recorder.redaction import Redactor


def test_a_call_far_from_its_baseline_is_dumped(bench: Any) -> None:
    b = bench()
    b.usual("search")
    assert b.recorder.dumps == ()
    dump = b.slow("search", 900)
    assert dump is not None
    assert (dump.triggered_by, dump.severity, dump.mode, dump.reason) == (
        "search", "high", "dynamic", "point",
    )  # fmt: skip
    assert dump.trigger_variance == pytest.approx(7.8, abs=0.1)
    assert dump.observed_ms == 900
    assert dump.baseline_median_ms == pytest.approx(102)
    assert 100 < dump.limit_ms < 200
    assert dump.requests[-1].execution_time_ms == 900


@pytest.mark.parametrize("samples", [10, 25, 200])
def test_few_calls_are_a_baseline(bench: Any, samples: int) -> None:
    b = bench()
    b.usual("search", samples)
    assert b.slow("search", 500) is not None


def test_before_the_least_number_of_samples_nothing_is_judged(bench: Any) -> None:
    b = bench(min_samples=30)
    b.usual("search", 29)
    assert b.slow("search", 9000) is None


def test_the_document_has_all_documented_fields(bench: Any) -> None:
    b = bench()
    with workflow("workflow_123", "step_5"):
        b.usual("search")
        dump = b.slow("search", 900)
    document = b.recorder.dump(dump.dump_id)
    assert list(document)[:7] == [
        "type", "triggered_by", "trigger_variance", "trigger_timestamp", "buffer_size",
        "buffer_duration_s", "dump_id",
    ]  # fmt: skip
    assert document["type"] == "perfcatcher_buffer_dump"
    assert document["trigger_timestamp"] == "2026-01-01T00:00:06.000000Z"
    assert (document["buffer_size"], document["buffer_duration_s"]) == (51, 30.0)
    assert document["requests"][-1] == {
        "tool_name": "search",
        "execution_time_ms": 900.0,
        "timestamp": 1767225606.0,
        "timestamp_iso": "2026-01-01T00:00:06.000000Z",
        "workflow_id": "workflow_123",
        "step_id": "step_5",
        "result_summary": "NoneType",
    }
    assert json.loads(dump.json()) == document
    assert dump.labels == {
        "job": "code_evolver_offline_optimizer",
        "type": "buffer_dump",
        "triggered_by": "search",
        "severity": "high",
    }


def test_a_dump_holds_the_last_seconds_and_no_more(bench: Any) -> None:
    b = bench(buffer_duration=5)
    b.usual("search", 100)
    dump = b.slow("search", 900)
    assert dump.requests[0].timestamp >= dump.requests[-1].timestamp - 5
    assert 40 < dump.buffer_size < 60
    assert not dump.buffer_full
    assert b.recorder.get_buffer_stats()["duration_s"] <= 5


def test_the_count_bounds_the_buffer(bench: Any) -> None:
    b = bench(max_requests=20)
    b.usual("search", 100)
    dump = b.slow("search", 900)
    assert (dump.buffer_size, dump.buffer_full) == (20, True)
    assert b.recorder.get_buffer_stats()["buffer_size"] == 20


def test_one_incident_makes_one_dump_and_the_next_tells_of_the_rest(bench: Any) -> None:
    b = bench()
    b.usual("search")
    b.usual("fetch")
    assert b.slow("search", 900) is not None
    assert [b.slow("fetch", 900), b.slow("search", 950), b.slow("search", 990)] == [None] * 3
    assert b.recorder.get_buffer_stats()["suppressed"] == 3
    b.clock.advance("31s")
    dump = b.slow("fetch", 3000)
    assert (dump.suppressed, dump.suppressed_by) == (3, {"fetch": 1, "search": 2})
    assert b.recorder.get_buffer_stats()["suppressed"] == 0


def test_there_is_a_daily_cap(bench: Any) -> None:
    b = bench(daily_cap=2, cooldown=0)
    b.recorder.set_tool_mode("search", "fixed", limit="500ms")
    assert [b.slow("search", 600) is not None for _ in range(4)] == [True, True, False, False]
    b.clock.advance("25h")
    assert b.slow("search", 600).suppressed == 2


def test_a_tail_is_waited_for(bench: Any) -> None:
    b = bench(after="2s")
    b.usual("search")
    assert b.slow("search", 900) is None
    b.call("fetch", 1500)
    b.recorder.flush()
    assert b.recorder.dumps == ()
    b.call("fetch", 600)
    b.recorder.flush()
    [dump] = b.recorder.dumps
    assert [call.tool_name for call in dump.requests][-3:] == ["search", "fetch", "fetch"]


def test_closing_writes_what_is_due_later(bench: Any) -> None:
    b = bench(after="1h")
    b.usual("search")
    assert b.slow("search", 900) is None
    b.recorder.close()
    assert [dump.triggered_by for dump in b.recorder.dumps] == ["search"]


def test_the_documented_rule_can_be_chosen(bench: Any) -> None:
    b = bench(mode="threshold", cooldown=0)
    b.usual("search", 20, 100)
    assert b.slow("search", 115) is None
    assert b.slow("search", 30) is None, "faster is no reason"
    dump = b.slow("search", 135)
    assert (dump.mode, dump.severity) == ("threshold", "medium")
    assert b.slow("search", 190).severity == "high"
    b.recorder.set_tool_threshold("search", 5.0)
    assert b.slow("search", 400) is None
    assert b.slow("search", 1600).severity == "high", "ten times the mean always is"


def test_a_tool_can_have_its_own_threshold(bench: Any) -> None:
    b = bench()
    for tool in ("plain", "patient"):
        b.recorder.set_tool_threshold("patient", 2.0)
        b.usual(tool, 100)
    assert b.slow("patient", 200) is None
    assert b.slow("plain", 200) is not None
    assert b.recorder.get_tool_stats("patient")["threshold"] == 2.0
    b.recorder.variance_threshold = 0.5
    assert b.recorder.get_tool_stats("plain")["threshold"] == 0.5
    assert b.recorder.get_tool_stats("patient")["threshold"] == 2.0
    with pytest.raises(InputError, match="expected a share"):
        b.recorder.set_tool_threshold("plain", -1)


def test_figures_of_a_tool(bench: Any) -> None:
    b = bench()
    for milliseconds in range(1, 101):
        b.call("search", milliseconds)
    stats = b.recorder.get_tool_stats("search")
    assert stats["count"] == stats["samples"] == 100
    assert (stats["mean_ms"], stats["p50_ms"]) == (pytest.approx(50.5), pytest.approx(50.5))
    assert (stats["p95_ms"], stats["p99_ms"]) == (pytest.approx(95.05), pytest.approx(99.01))
    assert stats["variance"] == pytest.approx(1.0)
    assert stats["all_time"]["p50_ms"] == pytest.approx(50, rel=0.02)
    unknown = b.recorder.get_tool_stats("never")
    assert (unknown["count"], unknown["mean_ms"], unknown["p95_ms"]) == (0, 0, 0)


def test_what_comes_and_goes_between_two_looks_is_estimated(bench: Any) -> None:
    b = bench(max_requests=100)
    for _ in range(100):
        b.call("search", 10)
    assert b.recorder.get_buffer_stats()["uncounted"] == 0
    for _ in range(350):
        b.call("search", 10)
    assert b.recorder.get_tool_stats("search")["count"] == 200
    assert b.recorder.get_buffer_stats()["uncounted"] == pytest.approx(250, rel=0.02)


def test_a_call_waits_for_no_dump_that_is_being_written(bench: Any) -> None:
    b = bench()
    b.usual("search")
    with b.recorder._flight.lock:  # as while a dump is written, and a handler of the log is slow
        other = threading.Thread(target=b.recorder.record, args=("search", 12.5), daemon=True)
        other.start()
        other.join(10)
        assert not other.is_alive()
        wrapped: list[int] = []
        tool = threading.Thread(
            target=lambda: wrapped.append(b.recorder.wrap("search", lambda: 7)()), daemon=True
        )
        tool.start()
        tool.join(10)
        assert wrapped == [7]
    assert b.recorder.get_tool_stats("search")["count"] == 52


def test_errors_are_in_the_dump_and_do_not_teach(bench: Any) -> None:
    b = bench()
    b.usual("search")
    b.recorder.record("search", 1, error=ValueError("password is swordfish"))
    b.recorder.flush()
    stats = b.recorder.get_tool_stats("search")
    assert (stats["count"], stats["errors"], stats["samples"]) == (51, 1, 50)
    b.clock.advance("2s")
    b.recorder.record("search", 2000, error=TimeoutError())
    b.recorder.flush()
    [dump] = b.recorder.dumps
    assert [c.result_summary for c in dump.requests][-2:] == [
        "Error: ValueError", "Error: TimeoutError",
    ]  # fmt: skip
    assert b"swordfish" not in dump.json()


def test_secrets_are_in_no_dump(bench: Any) -> None:
    redactor = Redactor()
    redactor.register("canary-7f3a")
    b = bench(redactor=redactor, summarize=lambda result: result)
    with workflow("wf canary-7f3a", "password=swordfish"):
        b.recorder.record("get token=abcdef", 1, {"api_key": "k-1234", "n": 1})
        b.recorder.record("get", 1, "said canary-7f3a to https://ann:hunter2@host/ " + "x" * 9000)
        dump = b.recorder.dump_now()
    text = dump.json().decode() + json.dumps(dump.labels)
    for secret in ("canary-7f3a", "swordfish", "abcdef", "k-1234", "hunter2"):
        assert secret not in text
    assert len(dump.requests[-1].result_summary) == 500


def test_a_summary_that_fails_is_the_default(bench: Any) -> None:
    b = bench(summarize=lambda result: 1 / 0)
    b.recorder.record("get", 1, [1, 2, 3])
    assert b.recorder.dump_now().requests[0].result_summary == "list of 3"


def test_variables_are_read_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFCATCHER_ENABLED", "false")
    monkeypatch.setenv("PERFCATCHER_VARIANCE_THRESHOLD", "0.35")
    monkeypatch.setenv("PERFCATCHER_WINDOW_SIZE", "50")
    monkeypatch.setenv("PERFCATCHER_MIN_SAMPLES", "5")
    monkeypatch.setenv("PERFCATCHER_BUFFER_DURATION", "60")
    recorder = PerfCatcherInterceptor(min_samples=7)
    assert (recorder.enabled, recorder.variance_threshold) == (False, 0.35)
    chosen = recorder.settings
    assert (chosen.window_size, chosen.min_samples, chosen.buffer_duration) == (50, 7, 60.0)
    assert recorder.bugcatcher is not None
    assert not hasattr(recorder.bugcatcher, "loki")
    monkeypatch.setenv("PERFCATCHER_LOKI_URL", "http://localhost:3100")
    assert hasattr(PerfCatcherInterceptor().bugcatcher, "loki")


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFCATCHER_ENABLED", "perhaps")
    monkeypatch.setenv("PERFCATCHER_WINDOW_SIZE", "none")
    with pytest.raises(ConfigError) as error:
        PerfCatcherInterceptor()
    assert [fault.partition(":")[0] for fault in error.value.faults] == [
        "PERFCATCHER_ENABLED", "PERFCATCHER_WINDOW_SIZE",
    ]  # fmt: skip


def test_switched_off_nothing_is_kept(bench: Any) -> None:
    b = bench()
    tool = b.recorder.tool(abs)
    b.recorder.enabled = False
    assert tool(-1) == 1
    b.recorder.record("search", 1)
    assert b.recorder.get_buffer_stats()["buffer_size"] == 0
    b.recorder.enabled = True
    assert tool(-1) == 1
    assert b.recorder.get_buffer_stats()["buffer_size"] == 1


def test_the_number_of_tools_is_bounded(bench: Any) -> None:
    b = bench()
    for number in range(1500):
        b.recorder.record(f"tool{number}", 1)
    assert b.recorder.get_buffer_stats()["tools"] <= 1001


def test_the_number_of_labels_is_bounded(bench: Any) -> None:
    b = bench(cooldown=0, daily_cap=10_000)
    labels = set()
    for number in range(250):
        b.recorder.record(f"tool{number}", 1)
        labels.add(b.recorder.dump_now().label)
    assert len(labels) == 201
    assert "other" in labels
