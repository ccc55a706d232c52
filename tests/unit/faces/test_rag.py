"""create_rag_memory and what it answers: each promise of its document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from offhours import ArtifactType, ScheduledTaskManager, create_rag_memory
from offhours.core.errors import OptionError
from offhours.faces.rag import RagMemory
from offhours.testing import MemoryApp, memory_app


@pytest.fixture(autouse=True)
def _words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhours.search.installed_embedder", lambda: None)


@pytest.fixture
def app() -> MemoryApp:
    return memory_app(timezone="UTC")


@pytest.fixture
def rag(app: MemoryApp) -> RagMemory:
    return create_rag_memory(app=app)


def poll_api() -> None: ...


def test_scheduled_tasks_are_plans_with_their_tags(app: MemoryApp, rag: RagMemory) -> None:
    manager = ScheduledTaskManager(app=app)
    task_id = manager.create_task(
        "event_poller", "Poll external API for new events", "every 5 minutes", poll_api,
        metadata={"api_endpoint": "https://api.example.com/events"},
    )  # fmt: skip
    [found] = rag.find_by_tags(["scheduled_task", "*/5 * * * *"])
    assert found.artifact_type is ArtifactType.PLAN and found.artifact_id == f"schedule_{task_id}"
    assert (found.name, found.description, found.tags) == (
        "event_poller", "Poll external API for new events",
        ["scheduled_task", "cron", "*/5 * * * *"],
    )  # fmt: skip
    assert found.metadata["api_endpoint"] == "https://api.example.com/events"
    assert found.content == "every 5 minutes"
    manager.delete_task(task_id)
    assert rag.find_by_tags(["scheduled_task"]) == []


def test_they_are_found_by_description_and_by_schedule(app: MemoryApp, rag: RagMemory) -> None:
    manager = ScheduledTaskManager(app=app)
    for name, description, when in (
        ("nightly_backup", "Backup database to S3", "0 2 * * *"),
        ("weekly_analytics", "Generate and email weekly analytics report", "every sunday at 9am"),
        ("poller", "Poll external API", "every 5 minutes"),
    ):
        manager.create_task(name, description, when, poll_api)
    similar = rag.find_similar(
        artifact_type=ArtifactType.PLAN, query="tasks that run daily", tags=["scheduled_task"],
        limit=10,
    )  # fmt: skip
    assert similar[0].name == "nightly_backup" and "poller" not in [s.name for s in similar[:1]]
    assert rag.find_similar("emailing a report")[0].name == "weekly_analytics"
    assert [each.name for each in rag.find_similar("Nightly-Backup")] == ["nightly_backup"]
    assert rag.find_similar("backup", artifact_type="prompt") == []
    assert {each.artifact_type for each in rag.find_similar("api")} == {ArtifactType.PLAN}


def test_artefacts_of_ones_own(rag: RagMemory) -> None:
    made = rag.store_artifact(
        "p1", ArtifactType.PROMPT, "greeting", "How to greet", "Say hello", ["polite"], {"n": 1}
    )
    assert (made.content, made.metadata, made.artifact_type) == (
        "Say hello", {"n": 1}, ArtifactType.PROMPT,
    )  # fmt: skip
    again = rag.get_artifact("p1")
    assert again is not None and again.tags == ["polite"]
    other = rag.store_artifact(artifact_type="tool", description="Measures things")
    assert other.artifact_id and other.name == "Measures things"
    assert [each.artifact_id for each in rag.find_similar("hello")] == ["p1"]
    assert [each.artifact_id for each in rag.find_by_tags(["polite"], "prompt")] == ["p1"]
    assert rag.delete_artifact("p1") and not rag.delete_artifact("p1")
    assert rag.get_artifact("p1") is None and rag.find_similar("hello") == []


def test_tasks_are_there_when_they_are_asked_for(app: MemoryApp, rag: RagMemory) -> None:
    app.task(name="tidy_up")(poll_api)
    assert rag.find_similar("tidy up") == [] == rag.find_by_tags(["task"])
    [found] = rag.find_similar("tidy up", artifact_type=ArtifactType.FUNCTION)
    assert found.name == "tidy_up"


class Sentences:
    """As a SentenceTransformer has it."""

    def encode(self, texts: list[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]


class Documents:
    """As LangChain's embeddings have it."""

    model = "of LangChain"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]


class OneByOne:
    def generate_embedding(self, text: str) -> list[float]:
        return _vector(text)


class Ollama:
    def embeddings(self, model: str, prompt: str) -> dict[str, Any]:
        return {"embedding": _vector(prompt)}


class Own:
    name = "own"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [_vector(text) for text in texts]


def _vector(text: str) -> list[float]:
    return [0.1, float("save" in text or "backup" in text), float("letter" in text)]


@pytest.mark.parametrize("client", [Sentences(), Documents(), OneByOne(), Ollama(), Own()])
def test_any_client_that_makes_vectors_serves(app: MemoryApp, client: object) -> None:
    rag = create_rag_memory(SimpleNamespace(anything=1), client, app=app)
    assert rag.mode == "semantic"
    rag.store_artifact("a", "plan", "x", "the backup")
    rag.store_artifact("b", "plan", "y", "a letter")
    assert [each.artifact_id for each in rag.find_similar("save")] == ["a", "b"]


def test_what_cannot_be_used_is_refused(app: MemoryApp, rag: RagMemory) -> None:
    with pytest.raises(OptionError, match=r"has none of .*encode\(texts\)"):
        create_rag_memory(None, object(), app=app)
    with pytest.raises(OptionError, match=r"artifact_type: expected one of PLAN, FUNCTION"):
        rag.find_similar("x", artifact_type="plans")
    for tags in ("abc", [1], [""]):
        with pytest.raises(OptionError, match="tags"):
            rag.find_by_tags(tags)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="name"):
        rag.store_artifact("a")


def test_a_file_keeps_it(tmp_path: Path) -> None:
    first = create_rag_memory(database=tmp_path / "m.db")
    first.store_artifact("a", "plan", "kept")
    first.app.close()
    second = create_rag_memory(database=tmp_path / "m.db")
    assert [each.name for each in second.find_similar("kept")] == ["kept"]
    second.app.close()
