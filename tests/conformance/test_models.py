"""Models, versions, aliases and cycles: what every store does with them."""

from __future__ import annotations

import json

import pytest

from offhours.core.errors import LeaseLost
from offhours.core.model import Claimed, NewJob, WorkerInfo
from offhours.core.outcomes import Failed
from offhours.core.ports import ClaimOrder, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.states import finish
from offhours.core.times import MINUTE, SECOND
from offhours.core.training import (
    CycleEnd,
    CycleRecord,
    CycleState,
    Hold,
    Model,
    NewCycle,
    NewVersion,
    Version,
)

NOW = 1_800_000_000 * SECOND


@pytest.fixture
def model(store: Store) -> Model:
    made = store.models.model("acme", "digits", NOW)
    assert made is not None
    return made


class Worker:
    """Claims jobs of one task, as a worker does."""

    def __init__(self, store: Store) -> None:
        self.store = store
        info = WorkerInfo(0, "w", "h", 1, "", "", '["train"]', 8, NOW, 0, NOW, 60 * MINUTE)
        self.number = store.add_worker(info, NOW)

    def claim(self) -> Claimed:
        self.store.submit([NewJob("train", "[[],{}]", 50, NOW, 3)], NOW)
        return self.again()

    def again(self) -> Claimed:
        order = ClaimOrder(self.number, 1, 1, name_list(["train"]))
        [job] = self.store.exchange([], order, NOW + MINUTE).claimed
        return job


@pytest.fixture
def worker(store: Store) -> Worker:
    return Worker(store)


def begin(store: Store, model: Model, job: Claimed, schedule: int | None = None) -> Hold:
    new = NewCycle(model.id, job.id, job.attempt, schedule, False, f"c-{job.id}")
    return Hold(store.cycles.begin(new, NOW).id, job.id, job.attempt)


def end(state: CycleState = CycleState.KEPT, **changes: object) -> CycleEnd:
    return CycleEnd(state, "because", "a reason", '{"a":1}')._replace(**changes)


def add(store: Store, hold: Hold, digest: str = "d") -> Version:
    return store.cycles.add_version(hold, NewVersion(digest, 3, "{}", '{"m":1}'), NOW)


def promote(store: Store, model: Model, worker: Worker, digest: str) -> Version:
    hold = begin(store, model, worker.claim())
    made = add(store, hold, digest)
    champion = store.models.aliases(model).get("champion")
    instead = None if champion is None else champion.version_id
    assert store.cycles.finish(
        hold, end(CycleState.PROMOTED, promote=made.id, instead=instead), NOW
    )
    return made


def serving(store: Store, model: Model) -> dict[str, int]:
    return {name: alias.number for name, alias in store.models.aliases(model).items()}


def kinds(store: Store) -> list[str]:
    return [e.kind for e in store.events() if not e.kind.startswith(("job.", "worker."))]


def test_a_model_is_its_tenants_own(store: Store, model: Model) -> None:
    assert store.models.model("acme", "digits", NOW + 9) == model
    assert store.models.model("other", "digits") is None
    other = store.models.model("other", "digits", NOW)
    assert other is not None and other.id != model.id
    assert store.models.all() == [model, other]
    assert store.models.all("other") == [other]
    assert store.models.all(after=model.id, limit=1) == [other]


def test_what_versions_are_judged_on_is_frozen(store: Store, model: Model) -> None:
    assert store.models.freeze(model, "g1", "ann", NOW) == "g1"
    assert store.models.freeze(model, "g2", "ann", NOW) == "g1"
    assert store.models.freeze(model, "g2", "ann", NOW, anew=True) == "g2"
    found = store.models.model("acme", "digits")
    assert found is not None and found.golden == "g2"
    assert kinds(store) == ["model.frozen", "model.frozen"]


def test_a_cycle_makes_one_version_and_ends_once(
    store: Store, model: Model, worker: Worker
) -> None:
    hold = begin(store, model, worker.claim())
    cycles = store.cycles
    cycles.enter(hold, "collect")
    cycles.save(hold, "collect", '{"rows":5}', NOW)
    cycles.save(hold, "collect", '{"rows":6}', NOW)
    assert cycles.steps(hold) == {"collect": '{"rows":5}'}
    made = add(store, hold)
    assert add(store, hold, "another") == made
    assert (made.number, made.digest, made.cycle_id) == (1, "d", hold.cycle_id)
    assert serving(store, model) == {"challenger": 1}
    assert cycles.finish(hold, end(CycleState.PROMOTED, promote=made.id), NOW + 5)
    assert serving(store, model) == {"champion": 1}
    with pytest.raises(LeaseLost):
        cycles.finish(hold, end(CycleState.PROMOTED, promote=made.id), NOW + 6)
    found = cycles.cycle(hold.cycle_id)
    assert found is not None
    assert (found.state, found.finished_at, found.version_id) == ("promoted", NOW + 5, made.id)
    assert found.step is None and found.report == '{"a":1}'
    assert kinds(store) == ["training.started", "training.promoted"]
    [move] = store.models.moves(model)
    assert (move.kind, move.from_number, move.to_number) == ("promoted", None, 1)
    assert move.cycle_id == hold.cycle_id
    told = json.loads(store.events()[-1].data or "")
    assert (told["tenant"], told["model"], told["reason"]) == ("acme", "digits", "a reason")


def test_a_later_attempt_goes_on_and_the_earlier_is_refused(
    store: Store, model: Model, worker: Worker
) -> None:
    job = worker.claim()
    first = begin(store, model, job)
    store.cycles.save(first, "collect", "{}", NOW)
    store.apply([finish(job, Failed("x", "y"), RetryPolicy(), NOW)], NOW)
    again = worker.again()
    assert again.id == job.id and again.attempt > job.attempt
    with pytest.raises(LeaseLost):  # its job runs again; it does not know yet
        add(store, first)
    second = begin(store, model, again)
    assert second.cycle_id == first.cycle_id
    assert store.cycles.steps(second) == {"collect": "{}"}
    for write in (
        lambda: store.cycles.enter(first, "train"),
        lambda: store.cycles.save(first, "train", "{}", NOW),
        lambda: add(store, first),
        lambda: store.cycles.finish(first, end(), NOW),
    ):
        with pytest.raises(LeaseLost):
            write()
    with pytest.raises(LeaseLost):
        begin(store, model, job)
    assert store.cycles.finish(second, end(), NOW)
    assert kinds(store) == ["training.started", "training.kept"]


def test_a_champion_is_only_replaced_by_who_was_judged_against_it(
    store: Store, model: Model, worker: Worker
) -> None:
    first = promote(store, model, worker, "a")
    one, two = (begin(store, model, worker.claim()) for _ in range(2))
    better, other = add(store, one, "b"), add(store, two, "c")
    wins = end(CycleState.PROMOTED, promote=better.id, instead=first.id)
    late = end(CycleState.PROMOTED, promote=other.id, instead=first.id)
    assert store.cycles.finish(one, wins, NOW)
    assert not store.cycles.finish(two, late, NOW)
    assert serving(store, model) == {"champion": 2, "previous": 1, "challenger": 3}
    assert store.cycles.finish(two, late._replace(instead=better.id), NOW)
    assert serving(store, model) == {"champion": 3, "previous": 2}


def test_a_refused_challenger_is_one_no_more(store: Store, model: Model, worker: Worker) -> None:
    promote(store, model, worker, "a")
    hold = begin(store, model, worker.claim())
    add(store, hold, "b")
    assert store.cycles.finish(hold, end(CycleState.REFUSED), NOW)
    assert serving(store, model) == {"champion": 1}


def test_a_rollback_brings_back_what_served_before(
    store: Store, model: Model, worker: Worker
) -> None:
    a, b, c = (promote(store, model, worker, digest) for digest in "abc")
    models = store.models
    assert models.before(model, c.id) == b.id
    assert not models.move_champion(model, b, "rolled_back", a.id, "ann", "", NOW)
    assert models.move_champion(model, b, "rolled_back", c.id, "ann", "it is bad", NOW)
    assert serving(store, model) == {"champion": 2, "previous": 1}
    assert models.move_champion(model, a, "rolled_back", b.id, "ann", "also bad", NOW)
    assert serving(store, model) == {"champion": 1}
    assert models.move_champion(model, c, "restored", a.id, "ann", "well after all", NOW)
    assert serving(store, model) == {"champion": 3, "previous": 1}
    assert [m.kind for m in models.moves(model, 3)] == ["restored", "rolled_back", "rolled_back"]
    assert kinds(store)[-3:] == ["model.rolled_back", "model.rolled_back", "model.restored"]


def test_versions_without_a_part_are_given_up(store: Store, model: Model, worker: Worker) -> None:
    models = store.models
    versions = [promote(store, model, worker, digest) for digest in "abcda"]
    for version in versions:
        models.put(version.digest, version.digest.encode())
    assert models.get("a") == b"a" and models.get("x") is None
    assert models.drop(model, 1, True, NOW) == []  # all were champions
    assert sorted(models.drop(model, 1, False, NOW)) == ["b", "c"]  # 5 and 1 are the same bytes
    assert models.get("b") is None and models.get("a") == b"a"
    dropped = models.version(model, 2)
    assert dropped is not None and dropped.dropped_at == NOW
    champion = versions[-1].id
    assert not models.move_champion(model, dropped, "restored", champion, "ann", "", NOW)
    assert models.version_by_id(Model(99, "x", "y", None, 0), versions[0].id) is None
    assert [v.number for v in models.versions(model, 2)] == [5, 4]


def test_bytes_are_kept_as_they_are(store: Store) -> None:
    body = bytes(range(256)) * 40
    store.models.put("all", body)
    store.models.put("all", b"other")
    assert store.models.get("all") == body


def test_the_record_counts_failures_in_a_row(store: Store, model: Model, worker: Worker) -> None:
    cycles = store.cycles

    def ends(*states: CycleState, schedule: int | None = None) -> None:
        for state in states:
            hold = begin(store, model, worker.claim(), schedule)
            assert cycles.finish(hold, end(state), NOW)

    good, bad, failed = CycleState.KEPT, CycleState.REFUSED, CycleState.FAILED
    ends(bad, good, bad, CycleState.SKIPPED, failed)
    assert cycles.record(model, None) == CycleRecord(2, NOW, None)
    ends(bad, schedule=7)
    assert cycles.record(model, 7).failures == 1
    assert cycles.record(model, None).failures == 3
    assert tuple(cycles.counts(model, None)) == (6, 1, 4, 1)
    assert tuple(cycles.counts(None, 7)) == (1, 0, 1, 0)
    assert cycles.pardon(None, 7, NOW) == 1
    assert (cycles.record(model, 7).failures, cycles.record(model, None).failures) == (0, 2)
    hold = begin(store, model, worker.claim())
    assert cycles.record(model, None, 99).running == hold.cycle_id
    assert cycles.record(model, None, hold.job_id).running is None
    assert [c.state for c in cycles.cycles(model, limit=2)] == ["running", "refused"]
    assert [c.schedule_id for c in cycles.cycles(None, 7)] == [7]
    assert len(cycles.cycles(model, before=hold.cycle_id)) == 6


def test_a_cycle_whose_job_ended_without_a_word_is_ended(
    store: Store, model: Model, worker: Worker
) -> None:
    job = worker.claim()
    hold = begin(store, model, job)
    assert store.cycles.settle_lost(NOW) == 0
    store.apply([finish(job, Failed("timeout", "too long", False), RetryPolicy(), NOW)], NOW + 3)
    assert store.cycles.settle_lost(NOW + 9) == 1
    assert store.cycles.settle_lost(NOW + 9) == 0
    found = store.cycles.cycle(hold.cycle_id)
    assert found is not None
    assert (found.state, found.code, found.finished_at) == ("failed", "timeout", NOW + 3)
    assert kinds(store) == ["training.started", "training.failed"]
    with pytest.raises(LeaseLost):
        store.cycles.finish(hold, end(), NOW)


def test_feedback_is_bounded_and_averaged(store: Store) -> None:
    models = store.models
    assert tuple(models.scores(1, 10)) == (0, 0, 0)
    models.rate(1, [0.0] * 5 + [1.0] * 3, 6, NOW)
    models.rate(2, [0.5], 6, NOW + 1)
    assert models.scores(1, 100).seen == 6
    assert tuple(models.scores(1, 4)) == (4, 0.75, 0.75)
    assert tuple(models.scores(2, 4, NOW + 2)) == (0, 0, 0)
