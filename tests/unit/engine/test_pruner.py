"""What the pruner says of a log that grows."""

from __future__ import annotations

import pytest

from offhours.engine import pruner
from offhours.engine.pruner import Pruner
from offhours.store.sql import SqlStore
from offhours.store.sqlite.database import SqliteDatabase


def test_a_log_that_grows_is_told_once_and_again_when_it_has_been_small(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqlStore(SqliteDatabase(":memory:"))
    made = Pruner(store, age=1, keep=1)
    large = pruner.LARGE_LOG + 1
    for size in (pruner.LARGE_LOG, large, large, 0, large):
        monkeypatch.setattr(store, "log_size", lambda size=size: size)
        made.tick(9)
    told = [event.data for event in store.events() if event.kind == "store.log_large"]
    assert told == [f'{{"bytes":{large}}}'] * 2
    assert len(caplog.records) == 2 and "reads without end" in caplog.text
    store.close()
