"""Tokens, answers under a key, operations: alike on every store."""

from __future__ import annotations

import threading

from offhours.core.access import NewToken, Reply
from offhours.core.ports import Store
from offhours.core.times import DAY, MINUTE, SECOND

NOW = 1_800_000_000 * SECOND


def test_a_token_holds_until_it_is_revoked_or_over(store: Store) -> None:
    access = store.access
    first = access.add_token(NewToken("aa", "ci", "submit"), NOW)
    access.add_token(NewToken("bb", "ann", "read", "acme", NOW + MINUTE), NOW)
    found = access.token("aa", NOW)
    assert found is not None and (found.id, found.scope, found.tenant) == (first, "submit", None)
    assert access.token("cc", NOW) is None and access.token("", NOW) is None
    assert access.token("bb", NOW + MINUTE - 1) is not None
    assert access.token("bb", NOW + MINUTE) is None
    assert access.revoke_token(first, NOW) and not access.revoke_token(first, NOW)
    assert access.token("aa", NOW) is None
    assert [(token.name, token.revoked_at) for token in access.tokens()] == [
        ("ci", NOW), ("ann", None),
    ]  # fmt: skip


def test_one_request_takes_a_key(store: Store) -> None:
    access, answers = store.access, []

    def begin() -> None:
        answers.append(access.begin_reply("key", "print", NOW - DAY, NOW))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(None) == 1
    assert {answer.status for answer in answers if answer is not None} == {None}


def test_an_answer_is_kept_for_its_time(store: Store) -> None:
    access = store.access
    assert access.begin_reply("key", "print", NOW - DAY, NOW) is None
    access.keep_reply("key", Reply("print", 201, '[["a","b"]]', "bödy"))
    later = NOW + DAY - 1
    known = access.begin_reply("key", "print", later - DAY, later)
    assert known == Reply("print", 201, '[["a","b"]]', "bödy")
    over = NOW + DAY
    assert access.begin_reply("key", "other", over - DAY, over) is None
    assert access.begin_reply("key", "other", over - DAY, over) == Reply("other", None, None, None)


def test_what_has_no_answer_is_given_up(store: Store) -> None:
    access = store.access
    access.begin_reply("key", "print", NOW - DAY, NOW)
    soon, late = NOW + 59 * SECOND, NOW + MINUTE
    assert access.begin_reply("key", "print", soon - DAY, soon) is not None
    assert access.begin_reply("key", "print", late - DAY, late) is None
    access.drop_reply("key")
    assert access.begin_reply("key", "print", late - DAY, late) is None


def test_old_answers_are_forgotten(store: Store) -> None:
    access = store.access
    for n in range(5):
        access.begin_reply(f"key {n}", "print", NOW - DAY, NOW)
    access.begin_reply("another", "print", NOW, NOW + DAY)
    assert access.begin_reply("key 3", "print", 0, NOW) is None  # it was not there any more


def test_operations(store: Store) -> None:
    access = store.access
    first = access.begin_operation("jobs.retry", "ann", "acme", 10, NOW)
    second = access.begin_operation("jobs.cancel", "bob", None, 2, NOW, "a process")
    assert [each.owner for each in access.running_operations()] == [None, "a process"]
    access.advance_operation(first.id, 4, 1)
    found = access.operation(first.id)
    assert found is not None and (found.state, found.done, found.failed) == ("running", 4, 1)
    access.end_operation(first.id, "succeeded", 9, 1, "{}", NOW + 5)
    access.end_operation(first.id, "failed", 0, 0, "{}", NOW + 6)  # it has ended already
    ended = access.operation(first.id, "acme")
    assert ended is not None and (ended.state, ended.finished_at) == ("succeeded", NOW + 5)
    assert [each.id for each in access.running_operations()] == [second.id]
    assert access.operation(first.id, "other") is None and access.operation(99) is None
    assert [each.id for each in access.operations()] == [second.id, first.id]
    assert [each.id for each in access.operations(after=second.id)] == [first.id]
    assert [each.id for each in access.operations(tenant="acme")] == [first.id]
    store.prune(NOW + DAY, 10, 100, NOW + DAY)
    assert [each.id for each in access.operations()] == [second.id]
