"""The memory of the offline optimizer's document: artefacts, found by tags and by likeness."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from offhours.app import Offhours
from offhours.core.artifacts import Artifact, ArtifactType, NewArtifact
from offhours.core.errors import OptionError
from offhours.engine.codec import dump
from offhours.faces.base import open_app, shared_app
from offhours.memory import search_of
from offhours.search import as_embedder


class FoundArtifact:
    """An artefact as this face shows it. `score` is larger for what is more like the query."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact_id = artifact.key
        self.artifact_type = _known_type(artifact.type)
        self.name = artifact.name
        self.description = artifact.description
        self.content = artifact.content
        self.tags = list(artifact.tags)
        self.metadata: dict[str, Any] = json.loads(artifact.metadata or "{}")
        self.score = artifact.score

    def __repr__(self) -> str:
        return f"<{self.artifact_type} {self.artifact_id}: {self.name}>"


class RagMemory:
    """Artefacts of an app, and its schedules as artefacts of the type `PLAN`.

    app: the `Offhours` whose store it is
    embedder: what makes texts into vectors, as `offhours.search.as_embedder` takes it; without one
        that of the extra `semantic`, and where that is not installed words are compared
    """

    def __init__(self, app: Offhours, embedder: Any = None) -> None:
        self.app = app
        chosen = None if embedder is None else as_embedder(embedder)
        self._search = app.search if chosen is None else search_of(app, chosen)

    @property
    def mode(self) -> str:
        """`semantic`, or `lexical` where there is no embedder."""
        return self._search.mode

    def store_artifact(
        self,
        artifact_id: str | None = None,
        artifact_type: ArtifactType | str = ArtifactType.DOCUMENT,
        name: str = "",
        description: str = "",
        content: str = "",
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> FoundArtifact:
        """Keep an artefact; one with the same id is replaced. Without an id it gets one."""
        kept = None if metadata is None else dump(dict(metadata), "metadata", _LARGEST)
        new = NewArtifact(
            key=artifact_id or uuid4().hex,
            type=str(_known_type(artifact_type, refuse=True)),
            name=name or description[:80] or content[:80],
            description=description,
            content=content,
            tags=_tags(tags),
            metadata=kept,
        )
        return FoundArtifact(self._search.store(new))

    def find_similar(
        self,
        query: str,
        artifact_type: ArtifactType | str | None = None,
        tags: Iterable[str] = (),
        limit: int = 10,
    ) -> list[FoundArtifact]:
        """The artefacts most like a query, of a type and with all of the tags, the best first."""
        kind = None if artifact_type is None else str(_known_type(artifact_type, refuse=True))
        found = self._search.find(
            query, type=kind, tags=_tags(tags), tasks=kind == _TASKS, limit=limit
        )
        return [FoundArtifact(each) for each in found]

    def find_by_tags(
        self,
        tags: Iterable[str],
        artifact_type: ArtifactType | str | None = None,
        limit: int = 100,
    ) -> list[FoundArtifact]:
        """The artefacts that have all of the tags, each exactly as it is written."""
        kind = None if artifact_type is None else str(_known_type(artifact_type, refuse=True))
        found = self._search.find_by_tags(_tags(tags), type=kind, tasks=kind == _TASKS, limit=limit)
        return [FoundArtifact(each) for each in found]

    def get_artifact(self, artifact_id: str) -> FoundArtifact | None:
        """The artefact with an id; None when there is none."""
        found = self._search.get(artifact_id)
        return None if found is None else FoundArtifact(found)

    def delete_artifact(self, artifact_id: str) -> bool:
        """Forget an artefact; false when there is none."""
        return self._search.remove(artifact_id)


_LARGEST = 1_000_000
_TASKS = ArtifactType.FUNCTION  # asked for, those that this process knows are there, too


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    if isinstance(tags, str):
        raise OptionError(f"tags: expected a list of texts, got the text {tags!r}")
    found = tuple(tags or ())
    if not all(isinstance(tag, str) and tag for tag in found):
        raise OptionError("tags: expected a list of texts, none of them empty")
    return found


def _known_type(given: ArtifactType | str, refuse: bool = False) -> ArtifactType | str:
    word = str(given).lower()
    if word in ArtifactType._value2member_map_:
        return ArtifactType(word)
    if refuse:
        names = ", ".join(kind.name for kind in ArtifactType)
        raise OptionError(f"artifact_type: expected one of {names}, got {given!r}")
    return given


def create_rag_memory(
    config_manager: Any = None,
    ollama_client: Any = None,
    *,
    app: Offhours | None = None,
    database: str | os.PathLike[str] | None = None,
) -> RagMemory:
    """The memory of the process's own app, where `get_global_task_manager()` keeps its tasks.

    config_manager: taken as the document has it; nothing in it is needed
    ollama_client: any object that makes vectors (`offhours.search.as_embedder` says by which
        methods); without one the extra `semantic` does, and else words are compared
    app, database: another app, or a file

    >>> from offhours import ScheduledTaskManager
    >>> manager = ScheduledTaskManager()
    >>> _ = manager.create_task("tidy", "Empty the bin", "* * * * 0", func=print)
    >>> rag = create_rag_memory(app=manager.app)
    >>> rag.find_by_tags(["scheduled_task", "* * * * 0"])
    [<plan schedule_1: tidy>]
    """
    if app is None:
        app = shared_app() if database is None else open_app(database, {}, {})
    return RagMemory(app, ollama_client)
