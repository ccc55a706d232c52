"""Dumps reach Loki as it takes them, whatever it answers first."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from offhours.core.errors import ConfigError
from offhours.recorder import Dump, PerfCatcherInterceptor, Request
from offhours.recorder.delivery import Delivery
from offhours.recorder.sinks.base import SinkRefused, SinkUnavailable
from offhours.recorder.sinks.loki import LokiSink
from offhours.recorder.sinks.loki_lines import LINE_LIMIT, batches, lines
from offhours.recorder.sinks.spool import Spool

Made = Callable[..., Dump]


@pytest.fixture
def dump(bench: Any) -> Made:
    """A dump of some calls that happened just now."""
    b = bench(cooldown=0)

    def make(calls: int = 3, age: float = 0.0, **changes: Any) -> Dump:
        b.recorder.record("search", 1)
        made = b.recorder.dump_now()
        now = time.time() - age
        requests = tuple(
            Request("search", 1.5, now - 20 + n / calls, "", "wf", f"step {n}", "list of 3")
            for n in range(calls)
        )
        changes = {"requests": requests, "buffer_size": calls, "trigger_unix": now, **changes}
        return msgspec.structs.replace(made, **changes)

    return make


def test_a_dump_that_fits_is_the_documented_json_on_one_line(loki: Any, dump: Made) -> None:
    sent = dump(calls=45)
    LokiSink(loki.url).write(sent)
    [(labels, (at, text, attached))] = loki.read()
    assert labels == sent.labels
    document = json.loads(text)
    assert {**document, "seq": None} == {**sent.document(), "seq": None, "parts": 1}
    assert len(document["requests"]) == 45
    assert at == pytest.approx(sent.trigger_unix * 1e9, abs=1e6)
    assert (attached["dump_id"], attached["seq"]) == (sent.dump_id, "0")


def test_a_long_one_is_a_header_and_a_line_a_request(loki: Any, dump: Made) -> None:
    sent = dump(calls=9000)
    LokiSink(loki.url).write(sent)
    found = sorted(loki.documents(), key=lambda one: one["seq"])
    assert [one["seq"] for one in found] == list(range(9001))
    assert {one["dump_id"] for one in found} == {sent.dump_id}
    header = found[0]
    assert header["type"] == "perfcatcher_buffer_dump"
    assert (header["buffer_size"], header["parts"]) == (9000, 9001)
    assert found[17]["step_id"] == "step 16"
    assert len(loki.stored) == 1, "all in one stream"
    assert loki.statuses == [204] * len(loki.statuses)
    assert len(loki.statuses) > 1, "in batches"


def test_no_line_is_longer_than_loki_takes(loki: Any, dump: Made) -> None:
    long = Request("search", 1.0, time.time(), "", None, None, 'é"\\' * 200_000)
    sent = dump(requests=(long, long), buffer_size=2)
    assert all(len(line.text.encode()) <= LINE_LIMIT for line in lines(sent))
    LokiSink(loki.url).write(sent)
    cut = [one for one in loki.documents() if one["type"] == "perfcatcher_request"]
    assert [one["truncated"] for one in cut] == [True, True]
    assert [sum(len(x.text) for x in b) < 1_000_000 for b in batches(lines(dump(9000)))]


def test_headers_say_tenant_and_who(loki: Any, dump: Made) -> None:
    address = loki.url.replace("//", "//ann:s%40cret@")
    sink = LokiSink(address, tenant="team-a")
    sink.write(dump())
    LokiSink(loki.url, token="t-123").write(dump())
    first, second = loki.pushes
    assert first["X-Scope-OrgID"] == "team-a"
    assert first["Content-Encoding"] == "gzip"
    assert first["Authorization"] == "Basic YW5uOnNAY3JldA=="
    assert second["Authorization"] == "Bearer t-123"
    assert "cret" not in sink.address


@pytest.mark.parametrize("status", [429, 500, 503, 502, 404, 401])
def test_not_now_is_not_never(loki: Any, dump: Made, status: int) -> None:
    sink, sent = LokiSink(loki.url), dump()
    loki.script.append(status)
    with pytest.raises(SinkUnavailable, match=str(status)):
        sink.write(sent)
    sink.write(sent)
    assert loki.counted() == 1


def test_what_was_acknowledged_is_not_sent_again(loki: Any, dump: Made) -> None:
    sink, sent = LokiSink(loki.url), dump(calls=9000)
    loki.script.extend([204, 429])
    with pytest.raises(SinkUnavailable):
        sink.write(sent)
    sink.write(sent)
    assert loki.counted() == 9001


def test_a_lost_answer_is_read_once_and_can_be_counted_once(loki: Any, dump: Made) -> None:
    sink, sent = LokiSink(loki.url), dump(calls=2000)
    loki.script.append("lost")
    with pytest.raises(SinkUnavailable):
        sink.write(sent)
    sink.write(sent)
    assert loki.counted() > len(loki.read()), "the double counts them twice, as Loki does"
    found = [(one["dump_id"], one["seq"]) for one in loki.documents()]
    assert sorted(found) == [(sent.dump_id, seq) for seq in range(2001)]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_goes_to_the_dead_letters(
    loki: Any, dump: Made, status: int, tmp_path: Path
) -> None:
    letters = tmp_path / "letters" / "refused.jsonl"
    sent = dump()
    loki.script.append(status)
    with pytest.raises(SinkRefused, match=f"{status} as the test said"):
        LokiSink(loki.url, dead_letters=letters).write(sent)
    assert loki.counted() == 0
    [letter] = map(json.loads, letters.read_text().splitlines())
    assert letter["problem"] == f"{status} as the test said"
    assert json.loads(letter["lines"][0][1])["dump_id"] == sent.dump_id
    assert letters.stat().st_mode & 0o777 == 0o600


def test_what_is_too_old_is_sent_once_more_as_of_now(loki: Any, dump: Made) -> None:
    sent = dump(age=8 * 86_400)
    LokiSink(loki.url).write(sent)
    [(_, (at, text, _))] = loki.read()
    assert abs(at / 1e9 - time.time()) < 60
    assert json.loads(text)["original_ts"] == str(round(sent.trigger_unix * 1e6) * 1000)
    fresh = dump(calls=2)
    LokiSink(loki.url).write(fresh)
    LokiSink(loki.url).write(dump(age=2 * 3600))
    assert len(loki.read()) == 3, "an hour behind its own stream is too old as well"


def test_a_loki_without_structured_metadata_gets_none(dump: Made, loki: Any) -> None:
    loki.structured_metadata = False
    sink = LokiSink(loki.url)
    sink.write(dump())
    sink.write(dump())
    assert [entry[2] for _, entry in loki.read()] == [{}, {}]
    assert loki.statuses == [400, 204, 204]


@pytest.mark.parametrize("address", ["", "localhost:3100", "ftp://host", "http://"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(ConfigError, match="localhost:3100"):
        LokiSink(address)


def test_labels_are_checked_before_loki_does() -> None:
    with pytest.raises(ConfigError) as error:
        LokiSink("http://h", labels={"a-b": "x", "severity": "x", "long": "x" * 3000})
    assert len(error.value.faults) == 3
    with pytest.raises(ConfigError, match="15"):
        LokiSink("http://h", labels={f"l{n}": "x" for n in range(12)})


def test_nobody_waits_for_a_loki_that_hangs(loki: Any) -> None:
    loki.script.append("hang")
    sink = LokiSink(loki.url, timeout=20)
    with PerfCatcherInterceptor(sinks=[sink], mode="fixed", fixed_limit="1s") as recorder:
        recorder.record("slow", 2000)
        began = time.monotonic()
        assert recorder.flush() is False
        for _ in range(100):
            recorder.record("slow", 1)
        assert recorder.get_buffer_stats()["dumps"] == 1
        assert time.monotonic() - began < 5
        loki.let_go.set()
        assert recorder.flush(timeout=20)
    assert loki.counted() == 1


def test_an_outage_loses_nothing(loki: Any, dump: Made, tmp_path: Path) -> None:
    down = "http://127.0.0.1:9"
    delivery = Delivery(LokiSink(down), spool=Spool(tmp_path / "spool"), first_pause=0.01)
    sent = [dump() for _ in range(30)]
    for one in sent:
        delivery.put(one)
    delivery.close(0.2)
    assert (delivery.dropped, delivery.delivered) == (0, 0)
    assert len(list((tmp_path / "spool").iterdir())) == 30
    again = Delivery(LokiSink(loki.url), spool=Spool(tmp_path / "spool"))
    assert again.wait(20)
    again.close(1)
    assert {one["dump_id"] for one in loki.documents()} == {one.dump_id for one in sent}
    assert list((tmp_path / "spool").iterdir()) == []


def test_the_double_answers_as_loki_was_seen_to(loki: Any) -> None:
    """One good line beside one too long: 400, and the good one is stored."""
    now = str(time.time_ns())
    for labels, values, status in (
        ({"a-b": "x"}, [[now, "x"]], 400),
        ({"a": "x" * 2049}, [[now, "x"]], 400),
        ({f"l{n}": "x" for n in range(15)}, [[now, "x"]], 204),
        ({f"l{n}": "x" for n in range(16)}, [[now, "x"]], 400),
        ({}, [[now, "x"]], 204),
        ({"a": "x"}, [[int(now), "x"]], 400),
        ({"a": "x"}, [[now, "x", {"n": 1}]], 400),
        ({"size": "ok"}, [[now, "x" * 262_144]], 204),
        ({"size": "over"}, [[now, "y"], [now, "x" * 262_145]], 400),
        ({"age": "new"}, [[str(int(now) + 20 * 60 * 10**9), "x"]], 400),
    ):
        body = json.dumps({"streams": [{"stream": labels, "values": values}]}).encode()
        assert loki._answer("/loki/api/v1/push", body, _JSON)[0] == status, labels
    assert loki._answer("/loki/api/v1/push", b'{"streams": []}', _JSON)[0] == 422
    assert loki._answer("/loki/api/v1/push", b"{", _JSON)[0] == 400
    assert [text for labels, (_, text, _) in loki.read() if labels == {"size": "over"}] == ["y"]
    assert {"service_name": "unknown_service"} in [labels for labels, _ in loki.read()]


_JSON = {"Content-Type": "application/json", "Content-Encoding": ""}
