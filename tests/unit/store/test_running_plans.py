"""What every worker asks all the time reads the running jobs, not the stored ones."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from offhours import Offhours
from offhours.store.sql import SqlStore


@pytest.mark.parametrize(("name", "values"), [("of_nobody", ()), ("unfinished_of", (1,))])
def test_running_jobs_are_found_by_their_index(
    tmp_path: Path, name: str, values: tuple[int, ...]
) -> None:
    app = Offhours(tmp_path / "jobs.db")
    assert isinstance(app.store, SqlStore)
    statement = app.store._sql[name]
    app.close()
    connection = apsw.Connection(str(tmp_path / "jobs.db"))
    plan = [row[3] for row in connection.execute(f"explain query plan {statement}", values)]
    connection.close()
    assert any("USING INDEX jobs_running" in step for step in plan), plan
