"""Files, memory and spool; queues that drop and count; a recorder that no sink can hurt."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from offhours.recorder import Dump
from offhours.recorder.delivery import MOST_DUMPS, Delivery
from offhours.recorder.sinks.base import SinkRefused, SinkUnavailable
from offhours.recorder.sinks.files import FileSink
from offhours.recorder.sinks.memory import MemorySink
from offhours.recorder.sinks.spool import Spool


@pytest.fixture
def dump(bench: Any) -> Any:
    b = bench(cooldown=0)

    def make() -> Dump:
        b.clock.advance("1s")
        b.recorder.record("search", 1)
        return b.recorder.dump_now()

    return make


class Sink:
    """Does what the test says; writes down what it got."""

    name = "test"

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.got: list[str] = []
        self.entered = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()

    def write(self, dump: Dump) -> None:
        self.entered.set()
        assert self.let_go.wait(30)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.got.append(dump.dump_id)

    def close(self) -> None:
        pass


def test_a_file_has_one_documented_json_a_line(tmp_path: Path, dump: Any) -> None:
    file = FileSink(tmp_path / "perf" / "dumps.jsonl")
    sent = [dump(), dump()]
    for one in sent:
        file.write(one)
    assert [json.loads(x) for x in file.path.read_text().splitlines()] == [
        one.document() for one in sent
    ]
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_file_is_rotated(tmp_path: Path, dump: Any) -> None:
    size = len(dump().json())
    file = FileSink(tmp_path / "dumps.jsonl", max_bytes=4 * size, keep=2)
    ids = []
    for _ in range(12):
        one = dump()
        ids.append(one.dump_id)
        file.write(one)
    names = sorted(path.name for path in tmp_path.glob("dumps.jsonl*") if path.suffix != ".lock")
    assert names == ["dumps.jsonl", "dumps.jsonl.1", "dumps.jsonl.2"]
    assert all((tmp_path / name).stat().st_size <= 4 * size for name in names)
    kept = [
        json.loads(line)["dump_id"]
        for name in reversed(names)
        for line in (tmp_path / name).read_text().splitlines()
    ]
    assert kept == ids[-len(kept) :]


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path, dump: Any) -> None:
    (tmp_path / "dumps.jsonl").mkdir()
    with pytest.raises(SinkUnavailable, match="directory"):
        FileSink(tmp_path / "dumps.jsonl").write(dump())


def test_no_link_is_followed(tmp_path: Path, dump: Any) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "dumps.jsonl").symlink_to(tmp_path / "target")
    with pytest.raises(SinkUnavailable):
        FileSink(tmp_path / "dumps.jsonl").write(dump())
    assert (tmp_path / "target").read_text() == "mine"


def test_memory_is_bounded(dump: Any) -> None:
    memory = MemorySink(dumps=3)
    sent = [dump() for _ in range(5)]
    for one in sent:
        memory.write(one)
    assert memory.dumps == tuple(sent[2:])


def test_a_spool_is_bounded_and_survives_damage(tmp_path: Path, dump: Any) -> None:
    one = dump()
    spool = Spool(tmp_path / "spool", max_bytes=len(dump().json()) * 5)
    assert spool.save(one) == []
    assert spool.load(one.dump_id) == one
    gone = [dump_id for _ in range(9) for dump_id in spool.save(dump())]
    assert gone[0] == one.dump_id and len(gone) == 10 - len(spool.waiting()) > 0
    assert one.dump_id not in spool.waiting()
    for file in (tmp_path / "spool").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        file.write_text("{")
    assert spool.load(spool.waiting()[0]) is None
    delivery = Delivery(Sink(), spool=spool)
    assert delivery.wait(10)
    delivery.close(1)
    assert delivery.dropped == 10 - len(gone)


def test_what_the_spool_had_no_room_for_is_counted_once(tmp_path: Path, dump: Any) -> None:
    sink = Sink()
    sink.let_go.clear()
    spool = Spool(tmp_path / "spool", max_bytes=len(dump().json()) * 3)
    delivery = Delivery(sink, spool=spool)
    sent = MOST_DUMPS + 8
    for _ in range(sent):
        delivery.put(dump())
    sink.let_go.set()
    assert delivery.wait(10)
    delivery.close(1)
    assert delivery.dropped == sent - len(sink.got) > 0


def test_what_fails_is_tried_again_in_order(dump: Any) -> None:
    sink = Sink(SinkUnavailable("no"), SinkUnavailable("no"))
    delivery = Delivery(sink, first_pause=0.001)
    sent = [dump(), dump()]
    for one in sent:
        delivery.put(one)
    assert delivery.wait(10)
    delivery.close(1)
    assert sink.got == [one.dump_id for one in sent]
    assert (delivery.delivered, delivery.failures, delivery.dropped) == (2, 2, 0)


def test_what_is_refused_is_counted_and_not_in_the_way(dump: Any) -> None:
    sink = Sink(SinkRefused("never"), ZeroDivisionError())
    delivery = Delivery(sink)
    for _ in range(3):
        delivery.put(dump())
    assert delivery.wait(10)
    delivery.close(1)
    assert (delivery.refused, delivery.delivered) == (2, 1)


def test_a_slow_sink_costs_its_oldest_dumps(dump: Any) -> None:
    sink = Sink()
    sink.let_go.clear()
    delivery = Delivery(sink)
    one = dump()
    delivery.put(one)
    assert sink.entered.wait(10)
    for _ in range(MOST_DUMPS + 5):
        delivery.put(one)
    assert delivery.dropped == 6
    sink.let_go.set()
    assert delivery.wait(10)
    delivery.close(1)
    assert delivery.delivered == MOST_DUMPS


def test_what_is_dropped_is_told_by_the_next_dump(bench: Any) -> None:
    b = bench(sinks=[Sink(SinkRefused("never"))])
    b.recorder.record("search", 1)
    b.recorder.dump_now()
    assert b.recorder.flush(timeout=10)
    assert b.recorder.dump_now().dropped_dumps == 1
    assert b.recorder.get_buffer_stats()["dropped_dumps"] == 1


def test_an_outlet_of_your_own_can_fail(bench: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Outlet:
        def deliver(self, dump: Dump) -> None:
            raise RuntimeError

    b = bench()
    b.recorder.bugcatcher = Outlet()
    b.recorder.record("search", 1)
    assert b.recorder.dump_now() is not None
    assert "was not handed on" in caplog.text
    b.recorder.bugcatcher = None
    assert b.recorder.dump_now() is not None
