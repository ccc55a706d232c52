"""Writers and checkpoints at the same instant: SQLite 3.7.0 to 3.51.2 lost rows at this."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.nightly import NIGHTLY

from offhours import Offhours

ROUNDS, SECONDS = (30, 10) if NIGHTLY else (1, 4)


@pytest.mark.timeout(1500)
def test_what_was_acknowledged_outlives_a_race_of_checkpoints(
    tmp_path: Path, program, is_sound
) -> None:
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "jobs.db"
        Offhours(path).close()
        ledgers = [folder / "one", folder / "two"]
        hammers = [program("hammer.py", "write", path, ledger, SECONDS) for ledger in ledgers]
        hammers += [program("hammer.py", "checkpoint", path, "-", SECONDS) for _ in range(2)]
        for hammer in hammers:
            assert hammer.wait(SECONDS + 60) == 0, hammer.stderr.read()
        promised = [
            job for ledger in ledgers for (job,) in struct.iter_unpack("q", ledger.read_bytes())
        ]
        app = Offhours(path)
        stored = {row[0] for row in app.store._db.read("select id from jobs")}
        app.close()
        print(f"round {number}: {len(promised):,} acknowledged")
        assert len(promised) > 100 * SECONDS
        assert len(set(promised)) == len(promised)
        assert set(promised) <= stored
        assert is_sound(path)
        for file in folder.iterdir():
            file.unlink()
