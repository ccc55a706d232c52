"""What can be searched: artefacts, and what a search answers."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from offhours.core.times import Micros

_BETWEEN = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")


class ArtifactType(StrEnum):
    """What an artefact is. Schedules are `PLAN`, tasks are `FUNCTION`."""

    PLAN = "plan"
    FUNCTION = "function"
    WORKFLOW = "workflow"
    SUB_WORKFLOW = "sub_workflow"
    PROMPT = "prompt"
    PATTERN = "pattern"
    TOOL = "tool"
    DOCUMENT = "document"
    RESULT = "result"


class NewArtifact(NamedTuple):
    """An artefact to be stored; of one `key` there is one. `metadata` is JSON.

    `words` is more text by which it is found, which is not kept. `source` says what it was
    derived from (`schedule`, `task`); what users store has none.
    """

    key: str
    type: str
    name: str
    description: str = ""
    content: str = ""
    tags: tuple[str, ...] = ()
    metadata: str | None = None
    words: str = ""
    source: str | None = None


class Artifact(NamedTuple):
    """A stored artefact. `score`, in the answer of a search, grows with its likeness."""

    id: int
    key: str
    type: str
    name: str
    description: str
    content: str
    tags: tuple[str, ...]
    metadata: str | None
    source: str | None
    created_at: Micros
    updated_at: Micros
    score: float = 0.0

    @property
    def meaning(self) -> str:
        """What of it is compared by meaning."""
        told = self.content if self.source is None else ""
        return self.description or told or split_words(self.name)


def split_words(text: str) -> str:
    """The words in a name, in lower case: two spellings of one name are the same.

    >>> split_words("app.tasks:sendInvoice_v2") == split_words("app tasks send-invoice v2")
    True
    """
    return " ".join(_BETWEEN.sub(" ", text).lower().split())
