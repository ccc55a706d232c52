"""Models and the cycles that train them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from offhours.core.times import Micros
from offhours.core.training import (
    Alias,
    AliasMove,
    Cycle,
    CycleCounts,
    CycleEnd,
    CycleRecord,
    Hold,
    Model,
    NewCycle,
    NewVersion,
    Scores,
    Version,
)


class Models(Protocol):
    """Models, their versions and aliases, their bytes, and live feedback on them."""

    def model(self, tenant: str, name: str, now: Micros | None = None) -> Model | None:
        """A model of a tenant; with `now` it is made if need be."""
        ...

    def by_id(self, model_id: int) -> Model | None: ...
    def all(self, tenant: str | None = None, after: int = 0, limit: int = 50) -> list[Model]: ...
    def freeze(self, model: Model, golden: str, by: str, now: Micros, anew: bool = False) -> str:
        """Freeze what its versions are judged on, unless that is done; the digest that holds."""
        ...

    def version(self, model: Model, number: int) -> Version | None: ...
    def version_by_id(self, model: Model, version_id: int) -> Version | None: ...
    def versions(self, model: Model, limit: int = 50) -> list[Version]: ...
    def take_in(self, model: Model, new: NewVersion, now: Micros) -> Version:
        """Store a version that was made elsewhere; the one of the same bytes, if there is one."""
        ...

    def aliases(self, model: Model) -> dict[str, Alias]: ...
    def moves(self, model: Model, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        ...

    def move_champion(
        self,
        model: Model,
        to: Version,
        kind: str,
        instead: int | None,
        by: str,
        reason: str,
        now: Micros,
    ) -> bool:
        """Let another version serve, by hand or because the champion degraded; false when the
        champion is not `instead` (the id of a version) any more, or the version was dropped."""
        ...

    def before(self, model: Model, version_id: int) -> int | None:
        """The id of the version that served before this one did."""
        ...

    def drop(self, model: Model, keep: int, former: bool, now: Micros) -> list[str]:
        """Give up versions beyond the newest `keep` that have no part to play, and with `former`
        never were champions; the digests that nobody needs any more."""
        ...

    def put(self, digest: str, body: bytes) -> None: ...
    def get(self, digest: str) -> bytes | None: ...

    def rate(self, version_id: int, scores: Sequence[float], keep: int, now: Micros) -> None:
        """Keep live feedback on a version, up to `keep` scores."""
        ...

    def scores(self, version_id: int, last: int, since: Micros = 0) -> Scores: ...


class Cycles(Protocol):
    """The cycles that train models, and what they make of them.

    Whatever is written with a `Hold` is refused with `LeaseLost` when the cycle has ended, or
    another attempt of its job works on it.
    """

    def begin(self, new: NewCycle, now: Micros) -> Cycle:
        """The cycle of a job: a new one, or the one that an earlier attempt began."""
        ...

    def steps(self, hold: Hold) -> dict[str, str]:
        """What the steps that are done left behind, as JSON."""
        ...

    def enter(self, hold: Hold, step: str) -> None: ...
    def save(self, hold: Hold, step: str, data: str, now: Micros) -> None: ...
    def add_version(self, hold: Hold, new: NewVersion, now: Micros) -> Version:
        """Store the version that a cycle made, as the challenger; once for each cycle."""
        ...

    def finish(self, hold: Hold, end: CycleEnd, now: Micros) -> bool:
        """End a cycle, and let its version serve if that is how it ends, in one transaction.

        False, and nothing is changed, when the champion is another one than it was judged by.
        """
        ...

    def settle_lost(self, now: Micros) -> int:
        """End the cycles whose jobs have ended without a word; how many."""
        ...

    def cycle(self, cycle_id: int) -> Cycle | None: ...
    def cycles(
        self,
        model: Model | None,
        schedule_id: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Cycle]: ...
    def latest(
        self, tenant: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Cycle]:
        """The newest cycles of all models, or of those of a tenant."""
        ...

    def record(
        self, model: Model | None, schedule_id: int | None, job_id: int = 0
    ) -> CycleRecord: ...
    def counts(self, model: Model | None, schedule_id: int | None) -> CycleCounts: ...
    def pardon(self, model: Model | None, schedule_id: int | None, now: Micros) -> int:
        """Count the failures until now no more; how many they were."""
        ...
