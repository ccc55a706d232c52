"""What must be true of schedules: each instant that has passed is a row, and the counters agree."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from tests.simulation.database import View
from tests.simulation.trace import Violation

from offhours.core.times import Micros, parse_moment
from offhours.core.triggers import Plan

STRETCH = re.compile(r"so did all before (\S+Z), about")
LOOKED_AT = 20_000


class Standing(NamedTuple):
    """A schedule as the table has it."""

    id: int
    plan: str
    next_at: Micros | None
    last_at: Micros | None
    status: str
    overlap: str
    runs: int
    skipped: int
    max_runs: int | None
    revision: int


class Calendar:
    """Watches the `schedules` and `fires` tables from step to step."""

    def __init__(self, db: View) -> None:
        self._db = db
        self.rows: dict[int, Standing] = {}
        self.acknowledged: set[int] = set()
        self.ever_beside: set[int] = set()  # schedules whose jobs were once allowed to overlap
        self.fires = 0

    def check(self, now: Micros) -> None:
        """Compare with the step before; `now` is the clock of who acted."""
        columns = ", ".join(Standing._fields)
        rows = [Standing(*row) for row in self._db.rows(f"select {columns} from schedules")]
        before, self.rows = self.rows, {row.id: row for row in rows}
        lost = self.acknowledged - self.rows.keys()
        _require(not lost, f"schedules {lost} were acknowledged and are lost")
        for row in rows:
            if row.overlap == "allow":
                self.ever_beside.add(row.id)
            old = before.get(row.id)
            if row == old:
                continue
            self._check_counters(row)
            if old is not None and old.next_at is not None and row.next_at != old.next_at:
                self._check_passed(old, row, now)

    def check_overlaps(self) -> None:
        """Of a schedule whose jobs may not overlap, one at most is on its way."""
        rows = self._db.rows(
            "select schedule_id, count(*) from jobs where schedule_id is not null and "
            "state in ('pending', 'running') group by 1 having count(*) > 1 "
            "and max(retry_of) is null"
        )
        for schedule_id, count in rows:
            _require(schedule_id in self.ever_beside or schedule_id not in self.rows,
                     f"{count} jobs of schedule {schedule_id} at once")  # fmt: skip

    def _check_counters(self, row: Standing) -> None:
        reported = "code like 'reported%'"
        [(runs, skipped, silent, astray)] = self._db.rows(
            "select count(*) filter (where code in ('fired', 'caught_up') and job_id is not null "
            f"or {reported}), "
            f"count(*) filter (where job_id is null and not {reported}), "
            f"count(*) filter (where job_id is null and reason is null and not {reported}), "
            "count(*) filter (where job_id is not null and not exists (select 1 from jobs where "
            "jobs.id = job_id and jobs.schedule_id = :id and fire_at = instant)) "
            "from fires where schedule_id = :id",
            id=row.id,
        )
        _require((row.runs, row.skipped) == (runs, skipped),
                 f"schedule {row.id} counts {row.runs} runs and {row.skipped} skips, "
                 f"its fires are {runs} and {skipped}")  # fmt: skip
        _require(silent == 0, f"schedule {row.id} skipped {silent} fires in silence")
        _require(astray == 0, f"{astray} fires of schedule {row.id} name a job that is not theirs")

    def _check_passed(self, old: Standing, row: Standing, now: Micros) -> None:
        """Every instant that the schedule has moved past is recorded."""
        assert old.next_at is not None
        plan = Plan.from_dict(json.loads(old.plan))
        if row.next_at is None:
            end = min(now, row.last_at or 0) + 1
        else:
            end = row.next_at if row.plan == old.plan else now + 1
        recorded = dict(
            self._db.rows(
                "select instant, reason from fires where schedule_id = :id and instant >= :first",
                id=row.id,
                first=old.next_at,
            )
        )
        instant: Micros | None = old.next_at
        for _ in range(LOOKED_AT):
            if instant is None or instant >= end:
                break
            forgot = f"schedule {row.id} moved on to {row.next_at} and forgot {instant}"
            _require(instant in recorded, forgot)
            self.fires += 1
            stretch = STRETCH.search(recorded[instant] or "")
            after = instant if stretch is None else parse_moment(stretch[1]) - 1
            instant = plan.next_after(max(instant, after))


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)
