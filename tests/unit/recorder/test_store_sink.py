"""Dumps in the database: by a sink, and by a setting of the process's own recorder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offhours import Offhours, get_perfcatcher_interceptor
from offhours.core.errors import Busy
from offhours.recorder import Dump
from offhours.recorder.sinks.base import SinkUnavailable
from offhours.recorder.sinks.store import StoreSink
from offhours.testing import memory_app


def test_the_dump_that_is_kept_is_the_dump(bench: Any) -> None:
    app = memory_app()
    b = bench(sinks=[StoreSink(app, keep=2)])
    b.usual("search")
    made = [b.recorder.dump_now() for _ in range(3)]
    assert b.recorder.flush(20)
    kept = app.store.notices.dumps()
    assert {dump.dump_id for dump in kept} <= {dump.dump_id for dump in made}
    assert len(kept) == 2
    stored = app.store.notices.dump(kept[0].dump_id)
    assert stored is not None and (stored.tool, stored.triggered_by) == ("search", "manual")
    assert Dump.from_json(stored.body.encode()) in made
    assert {event.kind for event in app.events()} == {"recorder.dumped"}


def test_a_busy_store_is_tried_again(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = memory_app()
    b = bench()
    b.usual("search", 3)
    dump = b.recorder.dump_now()

    def busy(*_: object) -> None:
        raise Busy("locked")

    monkeypatch.setattr(app.store.notices, "keep_dump", busy)
    with pytest.raises(SinkUnavailable, match="locked"):
        StoreSink(app).write(dump)


def test_by_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "own.db"))
    monkeypatch.setenv("PERFCATCHER_STORE", "true")
    recorder = get_perfcatcher_interceptor()
    try:
        assert not (tmp_path / "own.db").exists(), "no database before there is a dump"
        recorder.record("search", 12.5)
        dump = recorder.dump_now()
        assert dump is not None and recorder.flush(20)
        app = Offhours(tmp_path / "own.db")
        assert app.store.notices.dump(dump.dump_id) is not None
        app.close()
    finally:
        recorder.close()
