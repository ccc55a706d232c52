"""The templates in a store: each change is a new version, and nothing of the old ones is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from offhours.core.templates import StoredTemplate
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database

Told = Mapping[str, object]


class SqlTemplates:
    """Implements `core.ports.Templates` on a database."""

    def __init__(
        self, database: Database, sql: Mapping[str, str], tell: Callable[..., None]
    ) -> None:
        self._db = database
        self._sql = sql
        self._tell = tell

    def get(self, name: str, version: int | None = None) -> StoredTemplate | None:
        """The newest version of a template, or the one that is asked for."""
        rows = self._db.read(self._sql["template"], (name, version))
        return StoredTemplate(*rows[0]) if rows else None

    def page(
        self, *, task: str | None = None, after: str = "", limit: int = 50
    ) -> list[StoredTemplate]:
        """Templates by name, each in its newest version."""
        rows = self._db.read(self._sql["templates"], (after, task, limit))
        return [StoredTemplate(*row) for row in rows]

    def versions(self, name: str, limit: int = 50) -> list[StoredTemplate]:
        """The versions of a template, the newest first."""
        rows = self._db.read(self._sql["template_versions"], (name, limit))
        return [StoredTemplate(*row) for row in rows]

    def put(
        self, new: StoredTemplate, before: int | None, now: Micros, was: Told | None, told: Told
    ) -> StoredTemplate | None:
        """Store the version after `before` (None: there is none yet); None when that is not so."""

        def unit(db: Connection) -> StoredTemplate | None:
            row = db.execute(self._sql["template"], (new.name, None)).fetchone()
            if (None if row is None else StoredTemplate(*row).version) != before:
                return None
            last = db.execute(self._sql["last_template"], (new.name,)).get
            stored = new._replace(version=int(last) + 1)
            db.execute(self._sql["insert_template"], stored)
            kind = "template.created" if before is None else "template.changed"
            self._tell(db, now, kind, None, None, was, **{**told, "version": stored.version})
            return stored

        return self._db.write(unit)

    def retire(self, name: str, version: int, now: Micros, was: Told) -> bool:
        """Delete a template of which this is the newest version; false when it is not."""

        def unit(db: Connection) -> bool:
            db.execute(self._sql["retire_template"], (now, name, version))
            if db.changes() == 0:
                return False
            self._tell(db, now, "template.deleted", None, None, was, template=name)
            return True

        return self._db.write(unit)
