"""Readers of the events, messages, alerts and dumps: what every store does with them."""

from __future__ import annotations

import json
from typing import Any

from offhours.core.notices import (
    AlertState,
    DeliveryState,
    NewAlert,
    NewDelivery,
    Reading,
    StoredDump,
)
from offhours.core.ports import Store, name_list
from offhours.core.times import DAY, SECOND

NOW = 1_800_000_000 * SECOND


def message(key: str = "k", **changes: Any) -> NewDelivery:
    return NewDelivery(key, "mail", "alert", "a subject", '{"a":1}', NOW)._replace(**changes)


def kinds(store: Store) -> list[str]:
    return [event.kind for event in store.events()]


def test_a_reader_moves_with_the_messages_that_follow(store: Store) -> None:
    notices = store.notices
    assert notices.reading("n") is None
    first = Reading("n", 5, '{"x":1}')
    assert notices.read_on(None, first, [message("a")], NOW)
    assert notices.reading("n") == first
    assert not notices.read_on(None, Reading("n", 9), [message("b")], NOW)
    second = Reading("n", 7)
    assert notices.read_on(first, second, [message("a"), message("c")], NOW)
    assert not notices.read_on(first, Reading("n", 8), [message("d")], NOW)
    assert [each.key for each in notices.deliveries()] == ["c", "a"]
    assert notices.reading("n") == second and notices.reading("other") is None


def test_a_message_is_with_one_sender_at_a_time(store: Store) -> None:
    notices = store.notices
    notices.deliver([message("a"), message("b", next_at=NOW + 5)], NOW)
    [taken] = notices.take_due(NOW + 10, 9, NOW)
    assert (taken.key, taken.attempt, taken.state) == ("a", 1, "waiting")
    assert notices.take_due(NOW + 10, 9, NOW) == []
    both = notices.take_due(NOW + 30, 9, NOW + 10)
    assert [each.key for each in both] == ["b", "a"]
    assert not notices.settle(taken, DeliveryState.SENT, NOW + 11)  # it was taken for dead
    assert notices.settle(both[1], DeliveryState.SENT, NOW + 11)
    assert not notices.settle(both[1], DeliveryState.FAILED, NOW + 12)
    assert notices.settle(both[0], DeliveryState.WAITING, NOW, NOW + 90, "refused")
    [again] = notices.take_due(NOW + 99, 9, NOW + 90)
    assert (again.key, again.attempt, again.error) == ("b", 2, "refused")
    assert notices.settle(again, DeliveryState.FAILED, NOW + 91, error="gone")
    assert kinds(store) == ["delivery.failed"]
    assert [each.state for each in notices.deliveries()] == ["failed", "sent"]
    assert len(notices.deliveries(DeliveryState.SENT)) == 1


def test_one_alert_for_what_stays_wrong(store: Store) -> None:
    notices = store.notices
    wrong = NewAlert("errors", "task t", "high", "half of them fail", 0.5, 0.1)
    number, new = notices.fire(wrong, NOW)
    assert new
    assert notices.fire(wrong._replace(value=0.75), NOW + 1) == (number, False)
    other, _ = notices.fire(wrong._replace(subject="task u"), NOW)
    [_, alert] = notices.alerts()
    assert (alert.id, alert.value, alert.seen, alert.seen_at) == (number, 0.75, 2, NOW + 1)
    assert notices.acknowledge(number, "ann", NOW + 2)
    assert not notices.acknowledge(number, "bob", NOW + 3)
    assert notices.resolve("errors", "task t", NOW + 4)
    assert not notices.resolve("errors", "task t", NOW + 5)
    assert not notices.acknowledge(number, "bob", NOW + 6)
    [closed] = notices.alerts(AlertState.RESOLVED)
    assert (closed.acknowledged_by, closed.resolved_at) == ("ann", NOW + 4)
    assert notices.fire(wrong, NOW + 7)[0] not in (number, other)
    assert kinds(store) == [
        "alert.firing", "alert.firing", "alert.acknowledged", "alert.resolved", "alert.firing",
    ]  # fmt: skip
    assert json.loads(store.events()[0].data or "")["message"] == "half of them fail"


def test_dumps_are_kept_up_to_a_number(store: Store) -> None:
    notices = store.notices
    for n in range(5):
        notices.keep_dump(StoredDump(f"d{n}", NOW + n, "t", "high", "variance", "{}", "{}"), 3)
    assert [dump.dump_id for dump in notices.dumps()] == ["d4", "d3", "d2"]
    assert notices.dumps()[0].head == "{}" and "body" not in notices.dumps()[0]._fields
    assert notices.dump("d0") is None
    assert [dump.dump_id for dump in notices.dumps(NOW + 4, 1)] == ["d3"]
    told = len(store.events())
    notices.keep_dump(StoredDump("d4", NOW, "t", "high", "variance", "{}", "{}"), 3)
    assert len(store.events()) == told
    found = notices.dump("d2")
    assert found is not None and found.at == NOW + 2
    assert notices.dump("d1") is None


def test_what_is_finished_is_pruned(store: Store) -> None:
    notices = store.notices
    notices.deliver([message("a", state=DeliveryState.SENT), message("b")], NOW)
    notices.fire(NewAlert("r", "s", "low", "m"), NOW)
    notices.fire(NewAlert("r", "open", "low", "m"), NOW)
    notices.resolve("r", "s", NOW)
    store.prune(NOW + DAY, 1_000, 1_000, NOW + DAY)
    assert [each.key for each in notices.deliveries()] == ["b"]
    assert [alert.subject for alert in notices.alerts()] == ["open"]


def test_a_sender_takes_the_messages_to_its_own_target(store: Store) -> None:
    notices = store.notices
    notices.deliver([message("a"), message("b", target="log")], NOW)
    assert notices.take_due(NOW + 10, 9, NOW, "other") == []
    assert [each.key for each in notices.take_due(NOW + 10, 9, NOW, "log")] == ["b"]
    assert [each.key for each in notices.take_due(NOW + 10, 9, NOW)] == ["a"]


def test_events_of_some_kinds_are_read_alone(store: Store) -> None:
    for kind in ("job.held", "store.pruned", "job.held", "foreground.left"):
        store.tell(NOW, kind, None, None)
    wanted = name_list(["job.held", "foreground.left"])
    first, *others = store.events(kinds=wanted)
    assert [each.kind for each in (first, *others)] == ["job.held", "job.held", "foreground.left"]
    assert store.events(first.seq, 1, wanted) == others[:1]
    assert store.events(kinds=name_list(["job"])) == []
