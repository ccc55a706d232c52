"""Models in the store: versions that never change, aliases that move, bytes and feedback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core import points
from offhours.core.times import Micros
from offhours.core.training import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Alias,
    AliasMove,
    Model,
    NewVersion,
    Scores,
    Version,
)
from offhours.store.connection import Connection, Database

_MOVED = {"rolled_back": "model.rolled_back", "restored": "model.restored"}


class SqlModels:
    """Implements `core.ports.Models` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    # -- models and versions ------------------------------------------------------------------

    def model(self, tenant: str, name: str, now: Micros | None = None) -> Model | None:
        """A model of a tenant; with `now` it is made if need be."""
        rows = self._db.read(self._sql["model"], (tenant, name))
        if not rows and now is not None:
            self._db.write(
                lambda db: db.execute(self._sql["insert_model"], (tenant, name, now)) and None
            )
            rows = self._db.read(self._sql["model"], (tenant, name))
        return Model(*rows[0]) if rows else None

    def by_id(self, model_id: int) -> Model | None:
        rows = self._db.read(self._sql["model_by_id"], (model_id,))
        return Model(*rows[0]) if rows else None

    def all(self, tenant: str | None = None, after: int = 0, limit: int = 50) -> list[Model]:
        """A page of models by number: of a tenant, or all."""
        return [Model(*row) for row in self._db.read(self._sql["models"], (tenant, after, limit))]

    def freeze(self, model: Model, golden: str, by: str, now: Micros, anew: bool = False) -> str:
        """Freeze what its versions are judged on, unless that is done; the digest that holds."""

        def unit(db: Connection) -> str:
            db.execute(self._sql["freeze_golden"], (golden, model.id, anew))
            if db.changes() == 1:
                self._tell(
                    db, now, "model.frozen",
                    tenant=model.tenant, model=model.name, golden=golden, by=by,
                )  # fmt: skip
            return str(db.execute(self._sql["model_by_id"], (model.id,)).fetchone()[3])

        return self._db.write(unit)

    def version(self, model: Model, number: int) -> Version | None:
        rows = self._db.read(self._sql["version_numbered"], (model.id, number))
        return Version(*rows[0]) if rows else None

    def version_by_id(self, model: Model, version_id: int) -> Version | None:
        rows = self._db.read(self._sql["version"], (version_id, model.id))
        return Version(*rows[0]) if rows else None

    def versions(self, model: Model, limit: int = 50) -> list[Version]:
        """The newest versions."""
        return [Version(*row) for row in self._db.read(self._sql["versions"], (model.id, limit))]

    def take_in(self, model: Model, new: NewVersion, now: Micros) -> Version:
        """Store a version that was made elsewhere; the one of the same bytes, if there is one."""

        def unit(db: Connection) -> Version:
            known = db.execute(self._sql["version_of_digest"], (model.id, new.digest)).fetchone()
            if known is None:
                return self._add(db, model.id, new, None, now)
            return Version(*known)

        return self._db.write(unit)

    def challenge_in(
        self, db: Connection, model_id: int, new: NewVersion, cycle_id: int, now: Micros
    ) -> Version:
        """Store the version that a cycle made, as the challenger, in its transaction."""
        made = self._add(db, model_id, new, cycle_id, now)
        db.execute(self._sql["put_alias"], (model_id, CHALLENGER, made.id, now))
        return made

    def withdraw_in(self, db: Connection, model_id: int, version_id: int | None) -> None:
        """A version challenges no more, if it did."""
        challenger = db.execute(self._sql["aliased"], (model_id, CHALLENGER)).get
        if challenger is not None and challenger == version_id:
            db.execute(self._sql["drop_alias"], (model_id, CHALLENGER))

    def _add(
        self, db: Connection, model_id: int, new: NewVersion, cycle_id: int | None, now: Micros
    ) -> Version:
        db.execute(self._sql["insert_version"], (model_id, *new, cycle_id, now))
        row = db.execute(self._sql["version"], (db.last_insert_rowid(), model_id)).fetchone()
        return Version(*row)

    def aliases(self, model: Model) -> dict[str, Alias]:
        """Which version plays which part."""
        rows = self._db.read(self._sql["aliases"], (model.id,))
        return {row[0]: Alias(*row) for row in rows}

    def moves(self, model: Model, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        rows = self._db.read(self._sql["alias_moves"], (model.id, limit))
        return [AliasMove(*row) for row in rows]

    def before(self, model: Model, version_id: int) -> int | None:
        """The id of the version that served before this one did."""
        rows = self._db.read(self._sql["champion_before"], (model.id, version_id))
        return rows[0][0] if rows else None

    def move_champion(
        self,
        model: Model,
        to: Version,
        kind: str,
        instead: int | None,
        by: str,
        reason: str,
        now: Micros,
    ) -> bool:
        """Let another version serve; false when the champion is not `instead` any more, or the
        version was dropped."""

        def unit(db: Connection) -> bool:
            moved = self.move_in(db, model.id, to.id, kind, instead, None, by, reason, now)
            if moved:
                self._tell(
                    db, now, _MOVED[kind], tenant=model.tenant, model=model.name,
                    version=to.number, by=by, reason=reason,
                )  # fmt: skip
            return moved

        return self._db.write(unit)

    def move_in(
        self,
        db: Connection,
        model_id: int,
        to: int,
        kind: str,
        instead: int | None,
        cycle_id: int | None,
        by: str,
        reason: str,
        now: Micros,
    ) -> bool:
        """Move the aliases, all or none of them, in a transaction of others."""
        champion = db.execute(self._sql["aliased"], (model_id, CHAMPION)).get
        version = _version(db.execute(self._sql["version"], (to, model_id)).fetchone())
        if champion != instead or champion == to or version is None or version.dropped_at:
            return False
        # After a rollback the one before the one that came back is at hand, not the bad one.
        previous = champion
        if kind == "rolled_back":
            previous = db.execute(self._sql["champion_before"], (model_id, to)).get
        db.execute(self._sql["put_alias"], (model_id, CHAMPION, to, now))
        points.reach("in promotion")
        if previous is None or self._is_dropped(db, model_id, previous):
            db.execute(self._sql["drop_alias"], (model_id, PREVIOUS))
        else:
            db.execute(self._sql["put_alias"], (model_id, PREVIOUS, previous, now))
        self.withdraw_in(db, model_id, to)
        db.execute(
            self._sql["insert_alias_move"],
            (model_id, now, kind, champion, to, cycle_id, by, reason),
        )
        return True

    def _is_dropped(self, db: Connection, model_id: int, version_id: int) -> bool:
        found = _version(db.execute(self._sql["version"], (version_id, model_id)).fetchone())
        return found is None or found.dropped_at is not None

    def drop(self, model: Model, keep: int, former: bool, now: Micros) -> list[str]:
        """Give up versions that have no part to play; the digests that nobody needs any more."""

        def unit(db: Connection) -> list[str]:
            rows = db.execute(self._sql["droppable_versions"], (model.id, keep, former)).fetchall()
            free: list[str] = []
            for version_id, digest in rows:
                db.execute(self._sql["drop_version"], (now, version_id))
                db.execute(self._sql["drop_feedback"], (version_id,))
                if db.execute(self._sql["digest_in_use"], (digest,)).get == 0:
                    db.execute(self._sql["drop_artefact"], (digest,))
                    free.append(digest)
            return free

        return self._db.write(unit)

    def put(self, digest: str, body: bytes) -> None:
        """Keep bytes under their digest."""
        self._db.write(lambda db: db.execute(self._sql["put_artefact"], (digest, body)) and None)

    def get(self, digest: str) -> bytes | None:
        rows = self._db.read(self._sql["artefact"], (digest,))
        return bytes(rows[0][0]) if rows else None

    # -- feedback -----------------------------------------------------------------------------

    def rate(self, version_id: int, scores: Sequence[float], keep: int, now: Micros) -> None:
        """Keep live feedback on a version, up to `keep` scores."""

        def unit(db: Connection) -> None:
            for score in scores:
                db.execute(self._sql["insert_feedback"], (version_id, now, score))
            db.execute(self._sql["forget_feedback"], (version_id, keep))

        self._db.write(unit)

    def scores(self, version_id: int, last: int, since: Micros = 0) -> Scores:
        """The last so many scores of a version, since a moment."""
        [row] = self._db.read(self._sql["feedback"], (version_id, since, last))
        return Scores(int(row[0]), float(row[1]), float(row[2]))


def _version(row: Sequence[Any] | None) -> Version | None:
    return None if row is None else Version(*row)
