"""Many seeded worlds, each held to every promise after every step.

`make simulate SEEDS=10000` is the night's run; what it finds is entered in FOUND.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.nightly import NIGHTLY
from tests.simulation.database import Postgres
from tests.simulation.trace import SeedFailed
from tests.simulation.world import Report, simulate

from offhours.core.firing import Firing, decide
from offhours.core.limits import Gates
from offhours.core.times import DAY
from offhours.engine.lifeline import Lifeline
from offhours.store.dialects import Dialect, statements

SEEDS, SERVED = (200, 5) if NIGHTLY else (25, 2)  # worlds in a file, and on a server
CHUNK = 25
# Seeds in which something was once wrong, and what it was.
FOUND = {
    9: "a job made by hand took the place of a run reported in the same microsecond",
    85: "a job stopped on its way back to pending never let the next of its schedule go",
}
_reports: dict[int, Report] = {}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_promise_holds_in_every_world(first: int) -> None:
    reports = {seed: simulate(seed) for seed in range(first, first + CHUNK)}
    days = sum(report.simulated for report in reports.values()) / DAY
    assert days >= 365 * CHUNK / 200, f"only {days:.0f} days were simulated"
    assert all(report.jobs for report in reports.values())
    # The worlds are not all peaceful: things went wrong, and schedules fired.
    assert sum(report.crashes for report in reports.values()) > CHUNK
    assert sum(report.errors for report in reports.values()) > CHUNK
    assert sum(report.fires for report in reports.values()) > 10 * CHUNK


@pytest.mark.parametrize("seed", range(SERVED))
def test_every_promise_holds_on_postgresql(seed: int, postgres: str) -> None:
    with Postgres.on(postgres) as backend:
        assert simulate(seed, backend=backend).jobs


@pytest.mark.parametrize("seed", sorted(FOUND))
def test_what_was_found_stays_right(seed: int) -> None:
    simulate(seed)


@pytest.mark.parametrize("seed", [3, 8, 21])
def test_a_seed_tells_the_same_story_every_time(seed: int) -> None:
    assert simulate(seed) == simulate(seed)


def _claim_uncounted(patch: pytest.MonkeyPatch) -> None:
    text = statements(Dialect.SQLITE)["claim"].replace("attempt = attempt + 1", "attempt = attempt")
    patch.setitem(statements(Dialect.SQLITE), "claim", text)


def _forget_an_instant(patch: pytest.MonkeyPatch) -> None:
    def forgetful(*asked: Any) -> Firing:
        firing = decide(*asked)
        return firing._replace(fires=firing.fires[1:])

    patch.setattr("offhours.store.fires.decide", forgetful)


def _believe_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Lifeline, "_cause_of_death", lambda self, worker: "it is not me")


def _forget_the_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gates, "is_full", lambda self, key: False)


def _let_all_pass(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gates, "admit", lambda self, task, queue, key: True)


@pytest.mark.parametrize(
    ("break_rule", "seen_as"),
    [
        (_let_all_pass, "is one too many|is paused"),
        (_forget_the_keys, "one too many of its key"),
        (_claim_uncounted, "its events tell"),
        (_forget_an_instant, "forgot"),
        (_believe_nobody, "declared dead"),
    ],
)
def test_a_broken_rule_is_seen(
    monkeypatch: pytest.MonkeyPatch, break_rule: Callable[[pytest.MonkeyPatch], None], seen_as: str
) -> None:
    break_rule(monkeypatch)
    with pytest.raises(SeedFailed, match=seen_as):
        [simulate(seed) for seed in range(60)]


def test_other_seeds_tell_other_stories() -> None:
    assert simulate(3).digest != simulate(4).digest
