"""Rows as they are taken out of a store, and brought into another one with numbers of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core.model import FINAL
from offhours.core.moving import KINDS, Kind, Moved, Row
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database

_OF_A_JOB = re.compile(r"job ([0-9]+)( .*)?")


class SqlMoving:
    """Implements `core.ports.Moving` on a database."""

    def __init__(
        self,
        database: Database,
        sql: Mapping[str, str],
        tell: Callable[..., None],
        settle: Callable[[Connection, Sequence[int], Micros], None],
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell
        self._settle = settle

    def origin(self) -> int:
        """The number by which this database is known elsewhere."""
        [(number,)] = self._db.read(self._sql["origin"])
        return int(number)

    def take(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all kinds, as they were at one moment."""

        def unit(db: Connection) -> dict[str, list[dict[str, Any]]]:
            return {kind.name: _rows(db, kind) for kind in KINDS}

        return self._db.write(unit)  # nobody writes meanwhile, so that they fit together

    def bring(
        self, origin: int, rows: Mapping[str, Sequence[Row]], now: Micros, dry: bool
    ) -> Moved:
        """Store what is not there yet, all or nothing; with `dry` only say what that would be."""

        def unit(db: Connection) -> Moved:
            errand = _Errand(db, self._sql, origin, now)
            moved = errand.bring(rows)
            if any(moved.new.values()):
                counts = {name: count for name, count in moved.new.items() if count}
                self._tell(db, now, "store.imported", origin=origin, **counts)
            self._settle(db, errand.jobs, now)
            if dry:
                raise _Looked(moved)
            return moved

        try:
            return self._db.write(unit)
        except _Looked as looked:
            return looked.moved


class _Looked(Exception):
    """Undoes what was done to see what it would come to."""

    def __init__(self, moved: Moved) -> None:
        super().__init__()
        self.moved = moved


class _Errand:
    """One import, inside its transaction."""

    def __init__(self, db: Connection, sql: Mapping[str, str], origin: int, now: Micros) -> None:
        self._db = db
        self._sql = sql
        self._origin = origin
        self._now = now
        self._home = db.execute(sql["origin"]).fetchone()[0] == origin
        self._numbers: dict[tuple[str, int], int] = {
            (kind, was): became
            for kind, was, became in db.execute(sql["imported"], (origin,)).fetchall()
        }
        self._fresh: set[tuple[str, int]] = set()
        self._families: dict[tuple[str, str], bool] = {}

    def bring(self, rows: Mapping[str, Sequence[Row]]) -> Moved:
        """Each kind after those that it refers to."""
        new: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        for kind in KINDS:
            for row in rows.get(kind.name, ()):
                (new if self._bring(kind, row) else kept)[kind.name] += 1
        for row in rows.get("schedule", ()):
            self._set_last_job(row)
        return Moved(dict(new), dict(kept))

    @property
    def jobs(self) -> list[int]:
        """The numbers that the jobs have here that were stored."""
        return [self._numbers[was] for was in sorted(self._fresh) if was[0] == "job"]

    def _bring(self, kind: Kind, row: Row) -> bool:
        if not self._wanted(kind, row):
            return False
        values = self._adapted(kind, dict(row))
        there = self._found(kind, values)
        number = self._insert(kind, values) if there is None else there
        if kind.number:
            was = kind.name, row[kind.number]
            self._numbers[was] = number
            if there is None:
                self._fresh.add(was)
            if kind.known:
                moved = (self._origin, *was, number, self._now)
                self._db.execute(self._sql["remember_imported"], moved)
        return there is None

    def _wanted(self, kind: Kind, row: Row) -> bool:
        """Not what was brought before, nor what belongs to something that was not brought now."""
        if kind.known and (kind.name, row[kind.number]) in self._numbers:
            return False
        if kind.known and self._home:
            self._numbers[kind.name, row[kind.number]] = row[kind.number]
            return False
        if kind.family and not self._is_new_family(kind, row[kind.family]):
            return False
        return not kind.owner or (kind.columns[kind.owner].of, row[kind.owner]) in self._fresh

    def _is_new_family(self, kind: Kind, value: str) -> bool:
        """Whether nothing had this name before we came."""
        if (kind.name, value) not in self._families:
            query = f"select 1 from {kind.table} where {kind.family} = :value limit 1"
            there = self._db.execute(query, {"value": value}).fetchone()
            self._families[kind.name, value] = there is None
        return self._families[kind.name, value]

    def _adapted(self, kind: Kind, row: dict[str, Any]) -> dict[str, Any]:
        """With the numbers that its companions have here."""
        for name, column in kind.columns.items():
            if column.of and row[name] is not None:
                row[name] = self._numbers.get((column.of, row[name]))
        if kind.name == "thought":
            row["key"] = self._thought_key(row["key"])
        return row

    def _thought_key(self, key: str) -> str:
        """What a job has left is known by the job's number, all else by where it comes from."""
        of_job = _OF_A_JOB.fullmatch(key)
        number = None if of_job is None else self._numbers.get(("job", int(of_job[1])))
        if of_job is None or number is None:
            return f"{self._origin} {key}"
        return f"job {number}{of_job[2] or ''}"

    def _found(self, kind: Kind, values: Mapping[str, Any]) -> int | None:
        """The number of what is there already; 0 for what has none."""
        if kind.name == "job":
            if values["unique_key"] is None or values["finished_at"] is not None:
                return None
            row = self._db.execute(self._sql["holder"], (values["unique_key"],)).fetchone()
        elif not kind.key:
            return None
        else:
            same = " and ".join(f"{name} = :{name}" for name in kind.key)
            key = {name: values[name] for name in kind.key}
            query = f"select {kind.number or '0'} from {kind.table} where {same}"
            row = self._db.execute(query, key).fetchone()
        return None if row is None else int(row[0])

    def _insert(self, kind: Kind, values: Mapping[str, Any]) -> int:
        given = {name: value for name, value in values.items() if name != kind.number}
        if kind.name == "schedule":
            given["last_job"] = None
        if kind.name == "job":
            [line] = self._db.execute(self._sql["line_of"], values).fetchone()
            # It is ready when its time has come, as with any that waits for a time.
            told = int(values["state"] in FINAL)
            given |= {"ready": 0, "told": told, "line": line}
        columns = ", ".join(given)
        marks = ", ".join(f":{name}" for name in given)
        end = self._sql["numbered_end"] if kind.number else ""
        self._db.execute(f"insert into {kind.table} ({columns}) values ({marks}) {end}", given)
        return self._db.last_insert_rowid() if kind.number else 0

    def _set_last_job(self, row: Row) -> None:
        job = None if row["last_job"] is None else self._numbers.get(("job", row["last_job"]))
        if job is not None and ("schedule", row["id"]) in self._fresh:
            number = self._numbers["schedule", row["id"]]
            self._db.execute(self._sql["set_last_job"], (job, number))


def _rows(db: Connection, kind: Kind) -> list[dict[str, Any]]:
    names = ", ".join(kind.columns)
    # What lives in one process only, goes with it.
    durable = " where owner is null" if kind.name == "job" else ""
    order = kind.number or ", ".join(kind.key) or kind.owner
    found = db.execute(f"select {names} from {kind.table}{durable} order by {order}")
    return [dict(zip(kind.columns, row, strict=True)) for row in found.fetchall()]
