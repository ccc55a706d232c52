"""The fold against a plain model that keeps everything; and stopped anywhere, it goes on alike."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from offhours.core.events import KINDS, Event
from offhours.core.notices import JobFacts
from offhours.core.times import HOUR, MINUTE, SECOND
from offhours.monitor.figures import HOW, Figures
from offhours.monitor.series import KEPT_HOURS

START = 1_800_000_000 * SECOND

FACTS = {
    n: JobFacts(
        n, f"t{n % 3}", "default", f"n{n}" if n % 2 else None, n % 4 or None,
        START + n, 1, START + n * SECOND, None if n == 7 else START + n * n * SECOND,
    )
    for n in range(1, 12)
}  # fmt: skip

event_lists = st.lists(
    st.tuples(
        st.integers(-3 * 24 * 60, 12 * 24 * 60),
        st.sampled_from(sorted(KINDS)),
        st.none() | st.integers(1, 13),
    ),
    max_size=60,
).map(
    lambda rows: [
        Event(2 * n + 1, START + minute * MINUTE, kind, job, 1, None)
        for n, (minute, kind, job) in enumerate(rows)
    ]
)


def folded(events: list[Event], history: int = 1_000) -> Figures:
    figures = Figures(history=history)
    figures.fold(events, FACTS)
    return figures


@given(event_lists)
@settings(max_examples=150)
def test_it_counts_as_who_keeps_everything(events: list[Event]) -> None:
    figures = folded(events)
    counted = [e for e in events if e.kind in HOW and e.job_id is not None]
    newest = max((e.at for e in counted), default=0)
    total = figures.everything.total
    for how in set(HOW.values()):
        assert getattr(total, how) == sum(HOW[e.kind] == how for e in counted)
    assert figures.last_start == next(
        (e.at for e in reversed(events) if e.kind == "job.started"), 0
    )
    tasks = {f.task for e in counted if (f := FACTS.get(e.job_id or 0))}
    assert set(figures.tasks) - {"(forgotten)"} == tasks
    assert sum(series.total.timed for series in figures.tasks.values()) == total.timed
    assert sum(total.buckets.values()) == total.timed
    took = [
        f.finished_at - f.started_at
        for e in counted
        if HOW[e.kind] in ("succeeded", "failed") and (f := FACTS.get(e.job_id or 0))
        if f.finished_at is not None and f.started_at is not None
    ]
    assert (total.took, total.timed, total.longest) == (sum(took), len(took), max([0, *took]))
    for series, mine in [(figures.everything, counted)] + [
        (figures.tasks[t], [e for e in counted if _task(e) == t]) for t in tasks
    ]:
        last = max(e.at for e in mine) if mine else newest
        for slots, width, kept in (
            (series.minutes, MINUTE, series.kept * MINUTE),
            (series.hours, HOUR, KEPT_HOURS),
        ):
            wanted: dict[int, int] = {}
            for e in mine:
                if (start := e.at - e.at % width) >= last - last % width - kept + width:
                    wanted[start] = wanted.get(start, 0) + 1
            found = {s: k.executions + k.deferred + k.cancelled for s, k in slots.items()}
            first = last - last % width - kept + width
            assert {s: n for s, n in found.items() if s >= first} == wanted


@given(event_lists, st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=150)
def test_stopped_anywhere_it_goes_on_alike(events: list[Event], stops: list[int]) -> None:
    again = Figures(history=7)
    edges = [0, *sorted(min(stop, len(events)) for stop in stops), len(events)]
    for first, last in pairwise(edges):
        again.fold(events[first:last], FACTS)
        again = msgspec.json.decode(msgspec.json.encode(again), type=Figures)
    assert msgspec.json.encode(again) == msgspec.json.encode(folded(events, 7))


@given(event_lists.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
@settings(max_examples=100)
def test_the_totals_do_not_depend_on_the_order(pair: tuple[list[Event], list[Event]]) -> None:
    one, other = map(folded, pair)
    assert one.everything.total == other.everything.total
    assert {t: s.total for t, s in one.tasks.items()} == {
        t: s.total for t, s in other.tasks.items()
    }


def _task(event: Event) -> str:
    known = FACTS.get(event.job_id or 0)
    return "(forgotten)" if known is None else known.task
