"""Artefacts, and how they are found by name, tag and word: what every store does with them."""

from __future__ import annotations

from typing import Any

from offhours.core.artifacts import NewArtifact
from offhours.core.model import NewJob
from offhours.core.notices import Reading
from offhours.core.ports import Store, Wanted
from offhours.core.times import SECOND

NOW = 1_800_000_000 * SECOND
ANY = Wanted()


def plan(key: str, name: str, description: str = "", **more: Any) -> NewArtifact:
    return NewArtifact(key, "plan", name, description, **more)


def keys(found: list[Any]) -> list[str]:
    return [artifact.key for artifact in found]


def test_what_is_stored_comes_back(store: Store) -> None:
    given = NewArtifact(
        "k", "prompt", "Ask 'why' %s", 'It\'s \\ "quoted"', "body\n2", ("b", "a", "b"), '{"x":1}'
    )
    store.search.put([given], NOW)
    found = store.search.get("k")
    assert found is not None and found.source is None
    assert found[1:8] == ("k", "prompt", given.name, given.description, "body\n2", ("b", "a"),
                          '{"x":1}')  # fmt: skip
    store.search.put([given._replace(name="new")], NOW + 5)
    again = store.search.get("k")
    assert again is not None and again.id == found.id
    assert (again.name, again.created_at, again.updated_at) == ("new", NOW, NOW + 5)
    assert store.search.get("other") is None


def test_a_name_is_found_in_any_spelling(store: Store) -> None:
    store.search.put([plan("a", "nightly_backup"), plan("b", "Nightly backup of mail")], NOW)
    for text in ("nightly_backup", "NightlyBackup", "nightly-backup", "NIGHTLY  BACKUP"):
        assert keys(store.search.named(text, ANY, 5)) == ["a"]
    assert keys(store.search.named("b", ANY, 5)) == ["b"]
    assert store.search.named("backup", ANY, 5) == []
    assert store.search.named("nightly_backup", Wanted("prompt"), 5) == []


def test_words_are_found_by_their_stem_and_the_last_as_it_begins(store: Store) -> None:
    store.search.put(
        [
            plan("a", "cleanup", "Delete old logs of the databases"),
            plan("b", "report", "Send the figures to everyone", words="weekly sunday"),
            plan("c", "database", "Something else"),
        ],
        NOW,
    )
    assert keys(store.search.with_words("deleting a log", ANY, 5)) == ["a"]
    assert keys(store.search.with_words("Sundays", ANY, 5)) == ["b"]
    assert keys(store.search.with_words("send fig", ANY, 5)) == ["b"]
    both = store.search.with_words("database", ANY, 5)
    assert keys(both) == ["c", "a"] and both[0].score > both[1].score > 0
    assert keys(store.search.with_words("database", ANY, 1)) == ["c"]


def test_no_text_is_an_operator_or_an_error(store: Store) -> None:
    store.search.put([plan("a", "near or not", "x AND y")], NOW)
    for text in ('"', "a* OR", "NEAR(", "a:b", "-x", "(", "'; drop", "&|!", "^a", "", "   ", "\\"):
        store.search.with_words(text, ANY, 5)
        store.search.named(text, ANY, 5)
    assert keys(store.search.with_words("not", ANY, 5)) in (["a"], [])
    assert keys(store.search.with_words("NEAR", ANY, 5)) == ["a"]


def test_all_of_the_tags_must_be_there_exactly(store: Store) -> None:
    weekly, tags = "* * * * 0", ("scheduled_task", "cron")
    store.search.put(
        [
            plan("a", "one", tags=(*tags, weekly)),
            plan("b", "two", tags=(*tags, "* * * * 0-1")),
            plan("c", "three", "about two", tags=("cron",)),
        ],
        NOW,
    )
    assert keys(store.search.tagged(Wanted(None, ("scheduled_task", weekly)), 5)) == ["a"]
    assert keys(store.search.tagged(Wanted(None, ("cron",)), 5)) == ["c", "b", "a"]
    assert keys(store.search.tagged(Wanted("prompt", ("cron",)), 5)) == []
    assert keys(store.search.tagged(Wanted(None, ("cron", "cron")), 5)) == ["c", "b", "a"]
    assert keys(store.search.with_words("two", Wanted(None, tags), 5)) == ["b"]
    assert sorted(store.search.ids(Wanted("plan", tags))) == sorted(
        artifact.id for artifact in store.search.tagged(Wanted(None, tags), 5)
    )


def test_what_is_changed_or_removed_is_not_found_any_more(store: Store) -> None:
    search = store.search
    search.put([plan("a", "one", "first words", tags=("t",)), plan("b", "two")], NOW)
    before = search.version()
    search.put([plan("a", "uno", "other text")], NOW)
    assert search.version() > before
    assert search.with_words("first", ANY, 5) == [] == search.tagged(Wanted(None, ("t",)), 5)
    assert search.named("one", ANY, 5) == []
    assert search.remove(["a", "missing"]) == 1
    assert search.with_words("other", ANY, 5) == []
    assert keys(search.tagged(ANY, 5)) == ["b"]


def test_the_reader_moves_with_what_it_found(store: Store) -> None:
    search, first = store.search, Reading("search", 3)
    derived = plan("s1", "one", source="schedule")
    assert search.follow(None, first, [derived], [], NOW)
    assert not search.follow(None, Reading("search", 9), [], ["s1"], NOW)
    search.put([plan("mine", "two")], NOW)
    assert search.derived("schedule") == ["s1"]
    assert search.follow(first, Reading("search", 4), [], ["s1"], NOW)
    assert search.derived("schedule") == []
    assert store.notices.reading("search") == ("search", 4, None)


def test_vectors_belong_to_one_state_of_their_artefact(store: Store) -> None:
    search = store.search
    search.put([plan("a", "one"), plan("b", "two"), plan("c", "three")], NOW)
    a, b, c = search.unembedded("m", 9)
    assert search.unembedded("m", 1) == [a]
    search.put([plan("b", "changed")], NOW)
    search.remove(["c"])
    before = search.version()
    search.put_vectors("m", [(a, b"\x00\xff"), (b, b"old"), (c, b"gone")])
    assert search.version() > before
    assert search.vectors("m") == [(a.id, b"\x00\xff")] and search.vectors("other") == []
    assert keys(search.unembedded("m", 9)) == ["b"]
    assert keys(search.unembedded("other", 9)) == ["a", "b"]
    search.put([plan("a", "one", "told otherwise")], NOW)
    assert search.vectors("m") == []
    assert keys(search.of_ids([b.id, 999, a.id])) == ["b", "a"]


def test_jobs_are_found_by_what_stands_in_their_row(store: Store) -> None:
    def job(args: str, **more: Any) -> NewJob:
        return NewJob("app:mail", args, 50, NOW, None, **more)

    first, second = store.submit(
        [job('[["Ann"],{}]', name="Greeting"), job('[["bob"],{}]', metadata='{"k":"v 7"}')], NOW
    )
    assert [j.id for j in store.search.jobs(["ANN", "greet"], 9, 99)] == [first]
    assert [j.id for j in store.search.jobs(["mail"], 9, 99)] == [second, first]
    assert [j.id for j in store.search.jobs(["mail"], 1, 99)] == [second]
    assert [j.id for j in store.search.jobs(["mail"], 9, 1)] == [second]
    assert [j.id for j in store.search.jobs(["v 7"], 9, 99)] == [second]
    assert store.search.jobs(["carol"], 9, 99) == []
