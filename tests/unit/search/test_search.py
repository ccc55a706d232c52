"""Finding artefacts, and taking in the schedules and tasks that the store has anyway."""

from __future__ import annotations

import pytest
from tests.unit.search.conftest import Known

from offhours.core.artifacts import Artifact, NewArtifact
from offhours.core.errors import OptionError
from offhours.search import Search
from offhours.testing import MemoryApp


def keys(found: list[Artifact]) -> list[str]:
    return [artifact.key for artifact in found]


def put(search: Search, *named: tuple[str, str]) -> None:
    for key, description in named:
        search.store(NewArtifact(key, "document", key, description))


@pytest.fixture
def lexical(app: MemoryApp) -> Search:
    return Search(app.store, app.clock)


@pytest.fixture
def semantic(app: MemoryApp, known: Known) -> Search:
    return Search(app.store, app.clock, known)


def test_by_meaning_other_words_are_found(lexical: Search, semantic: Search) -> None:
    put(lexical, ("nightly", "Backup of the database"), ("post", "Send a letter"), ("x", "Traces"))
    assert keys(lexical.find("copy all records")) == []
    assert keys(semantic.find("copy all records"))[0] == "nightly"
    assert keys(semantic.find("mail", limit=1)) == ["post"]
    assert (lexical.mode, semantic.mode) == ("lexical", "semantic")


def test_a_name_comes_first_whatever_is_nearer(semantic: Search) -> None:
    put(semantic, ("copy records", "About letters"), ("b", "copy records save"), ("c", "Logs"))
    assert keys(semantic.find("Copy-Records")) == ["copy records", "b", "c"]
    assert keys(semantic.find("copy_records", limit=1)) == ["copy records"]


def test_of_two_that_are_as_near_the_words_decide(semantic: Search) -> None:
    put(semantic, ("a", "save it"), ("b", "copy zebra"))
    assert keys(semantic.find("backup zebra"))[0] == "b"
    assert keys(semantic.find("backup it"))[0] == "a"


def test_type_and_tags_hold_by_meaning_too(semantic: Search) -> None:
    semantic.store(NewArtifact("a", "plan", "a", "save", tags=("t",)))
    semantic.store(NewArtifact("b", "prompt", "b", "save", tags=("t", "u")))
    semantic.store(NewArtifact("c", "prompt", "c", "letters"))
    assert keys(semantic.find("copy", type="prompt")) == ["b", "c"]
    assert keys(semantic.find("copy", tags=["t"])) == ["a", "b"]
    assert keys(semantic.find("copy", tags=["t", "u"])) == ["b"]
    assert keys(semantic.find("", tags=["t"])) == ["b", "a"]
    assert semantic.find("copy", tags=["none"]) == []


def test_nothing_is_embedded_twice_and_changes_are_seen(semantic: Search, known: Known) -> None:
    put(semantic, ("a", "save"), ("b", "letter"))
    semantic.find("q1")
    semantic.find("q2")
    assert known.asked == ["save", "letter", "q1", "q2"]
    put(semantic, ("a", "trace"))
    assert keys(semantic.find("log"))[0] == "a"
    assert known.asked[4:] == ["trace", "log"]
    assert semantic.remove("a") and not semantic.remove("a")
    assert keys(semantic.find("log")) == ["b"]


def test_another_process_sees_what_was_stored(app: MemoryApp, semantic: Search) -> None:
    other = Search(app.store, app.clock, Known())
    put(semantic, ("a", "save"))
    assert keys(other.find("copy")) == ["a"]
    put(semantic, ("b", "copy copies"))
    assert set(keys(other.find("copy"))) == {"a", "b"}


def test_schedules_are_found_as_they_stand(app: MemoryApp, lexical: Search) -> None:
    task = app.task(name="app:report")(lambda: None)
    daily = app.schedule(task, "every day at 2am", name="nightly_backup",
                         metadata={"description": "Save everything", "tags": ["mine"]})  # fmt: skip
    app.schedule(task, "every sunday at noon", name="weekly_report")
    app.schedule(task, "every 90 seconds", name="often")
    found = lexical.find("nightly backup")[0]
    assert (found.type, found.description, found.content) == (
        "plan", "Save everything", "every day at 02:00",
    )  # fmt: skip
    assert found.tags == ("scheduled_task", "cron", "0 2 * * *", "mine")
    assert keys(lexical.find("tasks that run daily"))[0] == "schedule_1"
    assert keys(lexical.find("what happens on sundays"))[0] == "schedule_2"
    assert keys(lexical.find("weekly", type="plan"))[0] == "schedule_2"
    assert keys(lexical.find_by_tags(["interval"])) == ["schedule_3"]
    daily.update("every day at 3am")
    assert keys(lexical.find_by_tags(["0 2 * * *"])) == []
    assert keys(lexical.find_by_tags(["0 3 * * *"])) == ["schedule_1"]
    daily.delete()
    assert lexical.find_by_tags(["0 3 * * *"]) == []


def test_what_asks_for_a_rhythm_is_not_compared_by_meaning(app: MemoryApp, known: Known) -> None:
    task = app.task(name="t")(lambda: None)
    app.schedule(task, "every week", name="one", metadata={"description": "copy records"})
    app.schedule(task, "every day at 4pm", name="two")
    search = Search(app.store, app.clock, known)
    assert keys(search.find("tasks that run daily", type="plan"))[0] == "schedule_2"
    assert keys(search.find("daily copy", type="plan"))[0] == "schedule_1"


def test_schedules_that_changed_while_nobody_searched_are_found(
    app: MemoryApp, lexical: Search
) -> None:
    task = app.task(name="t")(lambda: None)
    gone = app.schedule(task, "every hour", name="gone")
    kept = app.schedule(task, "every hour", name="kept")
    lexical.refresh()
    gone.delete()
    for _ in range(20):
        task.submit()
    app.drain()
    app.store.prune(app.clock.micros() + 1, 0, 10_000, app.clock.micros())
    kept.update("every day at 5am")
    app.store.prune(app.clock.micros() + 1, 0, 10_000, app.clock.micros())
    fresh = Search(app.store, app.clock)
    assert [each.name for each in fresh.find_by_tags(["scheduled_task"])] == ["kept"]
    assert fresh.find_by_tags(["0 5 * * *"])[0].key == f"schedule_{kept.id}"


def test_searching_writes_only_what_is_new(app: MemoryApp, lexical: Search) -> None:
    task = app.task(name="t")(lambda: None)
    app.schedule(task, "every hour", name="a")
    lexical.find("a")
    version, reading = app.store.search.version(), app.store.notices.reading("search")
    task.submit()
    app.drain()
    lexical.find("a")
    Search(app.store, app.clock).find("a")
    assert app.store.search.version() == version
    assert app.store.notices.reading("search") == reading


def test_tasks_are_found_by_name_and_docstring(app: MemoryApp) -> None:
    @app.task(name="app:tidy")
    def tidy() -> None:
        """Empty the recycle bin.

        Not this.
        """

    [found] = app.search.find("app tidy", type="function", limit=1)
    assert (found.key, found.description) == ("task_app:tidy", "Empty the recycle bin.")
    elsewhere = Search(app.store, app.clock)  # a process that does not know the task
    assert elsewhere.find("recycling", type="function")[0].description == "Empty the recycle bin."
    assert elsewhere.find("recycling", tasks=False) == []
    app.submit(lambda: None, durable=False)
    assert keys(app.search.find("", type="function")) == ["task_app:tidy"]


def test_jobs_are_found_by_what_they_carry(app: MemoryApp) -> None:
    task = app.task(name="mail")(lambda to: 1 / to)
    app.submit(task, args=(0,), name="first")
    app.submit(task, args=("ann@example.org",))
    app.drain()
    assert [job.id for job in app.search.jobs("MAIL ann@")] == [2]
    assert [job.id for job in app.search.jobs("ZeroDivisionError")] == [1]
    assert app.search.jobs("  ") == []


def test_what_cannot_be_used_is_refused(lexical: Search) -> None:
    for limit in (0, -1, True, "5"):
        with pytest.raises(OptionError, match="limit"):
            lexical.find("x", limit=limit)  # type: ignore[arg-type]
    for wrong in (NewArtifact("", "plan", "a"), NewArtifact("k", "plan", " "),
                  NewArtifact("k", "plan", "a", source="task")):  # fmt: skip
        with pytest.raises(OptionError, match="artifact"):
            lexical.store(wrong)
