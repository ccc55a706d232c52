"""Artefacts in the store, with the indexes by which they are found: names, tags, words, vectors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from offhours.core.artifacts import Artifact, NewArtifact, split_words
from offhours.core.model import Job, JobState
from offhours.core.notices import Reading
from offhours.core.ports import Wanted
from offhours.core.times import Micros
from offhours.store.connection import Connection, Database
from offhours.store.dialects import Dialect
from offhours.store.rows import as_json

_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 64


class SqlSearch:
    """Implements `core.ports.SearchIndex` on a database."""

    def __init__(self, database: Database, sql: Mapping[str, str]) -> None:
        self._db = database
        self._sql = sql

    # -- storing ------------------------------------------------------------------------------

    def put(self, artifacts: Sequence[NewArtifact], now: Micros) -> None:
        """Store artefacts; of one key the last stays."""
        self._db.write(lambda db: self._change(db, artifacts, (), now))

    def remove(self, keys: Sequence[str]) -> int:
        """Forget artefacts; how many there were."""
        return self._db.write(lambda db: self._change(db, (), keys, 0))

    def follow(
        self,
        before: Reading | None,
        after: Reading,
        changed: Sequence[NewArtifact],
        gone: Sequence[str],
        now: Micros,
    ) -> bool:
        """Move the reader that derives artefacts, with what it found, in one transaction.

        False, and nothing is stored, when another process has read on meanwhile.
        """

        def unit(db: Connection) -> bool:
            row = db.execute(self._sql["reading"], (after.name,)).fetchone()
            if (None if row is None else row[1]) != (None if before is None else before.seq):
                return False
            db.execute(self._sql["put_reading"], after)
            self._change(db, changed, gone, now)
            return True

        return self._db.write(unit)

    def _change(
        self, db: Connection, artifacts: Sequence[NewArtifact], gone: Sequence[str], now: Micros
    ) -> int:
        removed = []
        if gone:
            rows = db.execute(self._sql["delete_artifacts"], (as_json(gone),)).fetchall()
            removed = [row[0] for row in rows]
            self._forget(db, removed)
        for artifact in artifacts:
            self._put(db, artifact, now)
        if artifacts or removed:
            db.execute(self._sql["touch_artifacts"])
        return len(removed)

    def _put(self, db: Connection, new: NewArtifact, now: Micros) -> None:
        folded, tags = split_words(new.name), tuple(dict.fromkeys(new.tags))
        artifact = db.execute(
            self._sql["put_artifact"],
            (
                new.key, new.type, new.name, folded, new.description, new.content,
                as_json(tags), new.metadata, new.source, now,
            ),
        ).get  # fmt: skip
        self._forget(db, [artifact])
        for tag in tags:
            db.execute(self._sql["put_tag"], (tag, artifact))
        words = " ".join((new.description, new.content, *tags, new.words))
        db.execute(self._sql["put_words"], (artifact, folded, words))

    def _forget(self, db: Connection, ids: Sequence[int]) -> None:
        numbers = as_json(ids)
        for statement in ("forget_tags", "forget_words", "forget_vectors"):
            db.execute(self._sql[statement], (numbers,))

    # -- looking ------------------------------------------------------------------------------

    def get(self, key: str) -> Artifact | None:
        rows = self._db.read(self._sql["artifact"], (key,))
        return _artifact(rows[0]) if rows else None

    def of_ids(self, ids: Sequence[int]) -> list[Artifact]:
        """In the order of the numbers."""
        found = {row[0]: row for row in self._db.read(self._sql["artifacts_of"], (as_json(ids),))}
        return [_artifact(found[number]) for number in ids if number in found]

    def derived(self, source: str) -> list[str]:
        """The keys of what was derived from a kind of row."""
        return [str(key) for (key,) in self._db.read(self._sql["artifact_keys"], (source,))]

    def named(self, text: str, wanted: Wanted, limit: int) -> list[Artifact]:
        """Those of exactly this name, however it is spelled, or of this key."""
        values = (split_words(text), text, *_filter(wanted), limit)
        return [_artifact(row) for row in self._db.read(self._sql["artifacts_named"], values)]

    def with_words(self, text: str, wanted: Wanted, limit: int) -> list[Artifact]:
        """Those with any of the words, or of which a word begins as the last; the best first."""
        words = list(dict.fromkeys(_WORD.findall(text.lower())))[:MOST_WORDS]
        if not words:
            return []
        values = (_query(words, self._db.dialect), *_filter(wanted), limit)
        rows = self._db.read(self._sql["artifacts_with"], values)
        return [_artifact(row) for row in rows]

    def tagged(self, wanted: Wanted, limit: int) -> list[Artifact]:
        """Those with all of the tags, the newest first."""
        rows = self._db.read(self._sql["artifacts_tagged"], (*_filter(wanted), limit))
        return [_artifact(row) for row in rows]

    def ids(self, wanted: Wanted) -> list[int]:
        """The numbers of those that a filter lets through."""
        return [n for (n,) in self._db.read(self._sql["artifact_ids"], _filter(wanted))]

    def jobs(self, words: Sequence[str], limit: int, within: int) -> list[Job]:
        """Jobs among the newest `within` in whose row all of the words stand, the newest first."""
        wanted = as_json([word.lower() for word in words])
        rows = self._db.read(self._sql["jobs_with"], (within, wanted, limit))
        jobs = (Job(*row) for row in rows)
        return [job._replace(state=JobState(job.state)) for job in jobs]

    # -- vectors ------------------------------------------------------------------------------

    def version(self) -> int:
        """A number that is another one after anything was stored."""
        [(version,)] = self._db.read(self._sql["artifacts_version"])
        return int(version)

    def unembedded(self, model: str, limit: int) -> list[Artifact]:
        """Those that have no vector of a model yet."""
        return [_artifact(row) for row in self._db.read(self._sql["unembedded"], (model, limit))]

    def put_vectors(self, model: str, vectors: Sequence[tuple[Artifact, bytes]]) -> None:
        """Keep vectors, but of what was changed or forgotten since it was read."""

        def unit(db: Connection) -> None:
            for artifact, vector in vectors:
                row = db.execute(self._sql["artifact"], (artifact.key,)).fetchone()
                if row is not None and _artifact(row) == artifact:
                    db.execute(self._sql["put_vector"], (artifact.id, model, vector))
            db.execute(self._sql["touch_artifacts"])

        self._db.write(unit)

    def vectors(self, model: str) -> list[tuple[int, bytes]]:
        """All vectors of a model, by the number of their artefact."""
        return [(n, bytes(v)) for n, v in self._db.read(self._sql["vectors"], (model,))]


def _filter(wanted: Wanted) -> tuple[Any, ...]:
    tags = sorted(set(wanted.tags))
    return wanted.type, len(tags), as_json(tags), wanted.tasks


def _query(words: Sequence[str], dialect: Dialect) -> str:
    """The words in the language of the index; none of them can be an operator there."""
    if dialect is Dialect.SQLITE:
        return " OR ".join([*(f'"{word}"' for word in words), f'"{words[-1]}" *'])
    return " | ".join([*words, f"{words[-1]}:*"])


def _artifact(row: Sequence[Any]) -> Artifact:
    artifact = Artifact(*row)
    return artifact._replace(tags=tuple(json.loads(row[Artifact._fields.index("tags")])))
