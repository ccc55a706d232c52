"""The models of tenants: what serves, what was before, how it came to be; forward and back."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offhours.core.clock import Clock
from offhours.core.errors import Conflict, InputError, ModelNotFound
from offhours.core.here import actor
from offhours.core.ports import Store
from offhours.core.times import iso
from offhours.core.training import (
    CHAMPION,
    PREVIOUS,
    AliasMove,
    Cycle,
    CycleCounts,
    Model,
    NewVersion,
    Version,
)
from offhours.training.artefacts import ArtefactLost, Artefacts
from offhours.training.backup import read_backup, write_backup
from offhours.training.controls import SafetyControls
from offhours.training.feedback import KEPT, is_below, is_worse
from offhours.training.learner import Caller, Learner, Predict

_LONGEST_NAME = 200


class ModelRegistry:
    """All models of one tenant. Those of another one are not there: `ModelNotFound`.

    >>> from offhours.testing import memory_app
    >>> memory_app().models("acme").names()
    []
    """

    def __init__(self, store: Store, artefacts: Artefacts, clock: Clock, tenant: str) -> None:
        self._store = store
        self._artefacts = artefacts
        self._clock = clock
        self.tenant = check_name(tenant, "tenant")

    def names(self) -> list[str]:
        """What they are called."""
        return [model.name for model in self._all()]

    def __iter__(self) -> Iterator[ModelHandle]:
        return (self.handle(model) for model in self._all())

    def get(self, name: str) -> ModelHandle:
        """A model by its name."""
        found = self._store.models.model(self.tenant, name)
        if found is None:
            raise ModelNotFound(f"{self.tenant} has no model {name[:64]!a}")
        return self.handle(found)

    def handle(self, model: Model) -> ModelHandle:
        """What steers a model of this tenant that was found."""
        return ModelHandle(self._store, self._artefacts, self._clock, model)

    def make(self, name: str) -> ModelHandle:
        """The same, made if need be."""
        known = check_name(name, "model")
        made = self._store.models.model(self.tenant, known, self._clock.micros())
        assert made is not None
        return self.handle(made)

    def backup(self, path: str | os.PathLike[str]) -> int:
        """Write all versions whose bytes are there, with what is known of them, to one file; how
        many. It appears under its name once it is whole."""
        return write_backup(Path(path), self)

    def restore(self, path: str | os.PathLike[str], by: str = "") -> dict[str, int]:
        """Take in the versions of such a file, and let its champions serve; their numbers here, by
        model. What is damaged is an `InputError`; nothing serves then that did not before."""
        return read_backup(Path(path), self, by)

    def take_in(self, name: str, body: bytes, metrics: str, metadata: str) -> Version:
        """Store a version that was made elsewhere."""
        model = self.make(name).record
        new = NewVersion(self._artefacts.put(body), len(body), metrics, metadata)
        return self._store.models.take_in(model, new, self._clock.micros())

    def _all(self) -> Iterable[Model]:
        after = 0
        while page := self._store.models.all(self.tenant, after):
            yield from page
            after = page[-1].id


class ModelHandle:
    """One model of a tenant. Everything it says is read from the store at that moment."""

    def __init__(self, store: Store, artefacts: Artefacts, clock: Clock, record: Model) -> None:
        self._models = store.models
        self._cycles = store.cycles
        self._artefacts = artefacts
        self._clock = clock
        self.record = record

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def tenant(self) -> str:
        return self.record.tenant

    # -- asking -------------------------------------------------------------------------------

    @property
    def champion(self) -> Version | None:
        """What serves; None before anything was good enough."""
        return self._aliased(CHAMPION)

    @property
    def previous(self) -> Version | None:
        """What a rollback brings back."""
        return self._aliased(PREVIOUS)

    def aliases(self) -> dict[str, int]:
        """The number of the version that plays each part: champion, challenger, previous."""
        return {name: alias.number for name, alias in self._models.aliases(self.record).items()}

    def versions(self, limit: int = 50) -> list[Version]:
        """The newest versions."""
        return self._models.versions(self.record, limit)

    def version(self, number: int) -> Version:
        """A version by its number; `ModelNotFound` when there is none."""
        found = self._models.version(self.record, number) if 0 < number < 2**63 else None
        if found is None:
            raise ModelNotFound(f"{self.name} of {self.tenant} has no version {number}")
        return found

    def history(self, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        return self._models.moves(self.record, limit)

    def cycles(self, limit: int = 50, before: int | None = None) -> list[Cycle]:
        """The newest learning cycles; those before a cycle's number, if it is given."""
        self._cycles.settle_lost(self._clock.micros())
        return self._cycles.cycles(self.record, before=before, limit=limit)

    def counts(self) -> CycleCounts:
        """How many cycles there were."""
        return self._cycles.counts(self.record, None)

    def artefact(self, number: int | None = None) -> bytes:
        """The bytes of a version, or of the champion; checked against their digest."""
        version = self.champion if number is None else self.version(number)
        if version is None:
            raise ModelNotFound(f"{self.name} of {self.tenant} has no champion yet")
        if version.dropped_at is not None:
            raise ArtefactLost(
                f"version {version.number} of {self.name} was given up at {iso(version.dropped_at)}"
            )
        return self._artefacts.get(version.digest)

    def load(self, learner: Learner, number: int | None = None) -> Predict:
        """The champion, or another version, ready to be asked."""
        with Caller() as call:
            predict: Predict = call(learner.load, self.artefact(number))
        return predict

    # -- steering -----------------------------------------------------------------------------

    def rollback(self, by: str = "", reason: str = "", instead: int | None = None) -> Version:
        """Let the version before serve again; which one. `Conflict` when there is none.

        instead: the number of the version that serves, as it was seen; `Conflict` when another does
        """
        champion, previous = self._serving(instead), self.previous
        if champion is None or previous is None:
            raise Conflict(f"{self.name} of {self.tenant} has no version to go back to")
        return self._move(previous, "rolled_back", champion, by, reason)

    def restore(
        self, number: int, by: str = "", reason: str = "", instead: int | None = None
    ) -> Version:
        """Let any earlier version serve whose bytes are still there; `instead` as in `rollback`."""
        return self._move(self.version(number), "restored", self._serving(instead), by, reason)

    def freeze(self, digest: str, by: str = "") -> None:
        """Judge on another golden set from now on: the `digest` of a `GoldenSet`."""
        who, now = by or "a person", self._clock.micros()
        with _by_hand(who):
            self._models.freeze(self.record, digest, who, now, anew=True)

    def pardon(self, by: str = "") -> int:
        """Count the failures in a row from nothing again; how many they were."""
        with _by_hand(by or "a person"):
            return self._cycles.pardon(self.record, None, self._clock.micros())

    def _serving(self, seen: int | None) -> Version | None:
        champion = self.champion
        if seen is not None and (champion is None or champion.number != seen):
            now = "none" if champion is None else champion.number
            raise Conflict(f"version {now} of {self.name} serves, not {seen}; look again")
        return champion

    def _move(
        self, to: Version, kind: str, champion: Version | None, by: str, reason: str
    ) -> Version:
        if champion is not None and to.id == champion.id:
            raise Conflict(f"version {to.number} of {self.name} serves already")
        if to.dropped_at is None:
            self._artefacts.get(to.digest)  # what cannot be read must not serve
        instead = None if champion is None else champion.id
        who, now = by or "a person", self._clock.micros()
        with _by_hand(who):
            moved = self._models.move_champion(
                self.record, to, kind, instead, who, reason[:500], now
            )
        if not moved:
            raise Conflict(
                f"{self.name} of {self.tenant} was changed meanwhile, or version {to.number} was "
                "given up; look again"
            )
        return to

    # -- feedback -----------------------------------------------------------------------------

    def feedback(
        self, *scores: float, version: int | None = None, controls: SafetyControls | None = None
    ) -> Version | None:
        """Tell how what serves does, by scores from 0 to 1.

        When they show that it is worse than the version before was (or than
        `min_live_score`), that version comes back, if the controls want it; which one, else None.

        version: the number of the version that is meant; the champion, if it is not given
        """
        bad = [score for score in scores if not _is_share(score)]
        if bad:
            raise InputError(f"scores: expected numbers from 0 to 1, got {bad[0]!r}")
        champion = self.champion
        rated = champion if version is None else self.version(version)
        if rated is None:
            raise ModelNotFound(f"{self.name} of {self.tenant} has no champion yet")
        self._models.rate(rated.id, [float(each) for each in scores], KEPT, self._clock.micros())
        if champion is None or rated.id != champion.id:
            return None
        return self._guard(champion, controls or SafetyControls())

    def _guard(self, champion: Version, controls: SafetyControls) -> Version | None:
        previous = self.previous
        if previous is None or not controls.rollback_on_degradation:
            return None
        now = self._models.scores(champion.id, KEPT)
        before = self._models.scores(previous.id, KEPT)
        floor = controls.min_live_score
        if is_worse(now, before):
            reason = f"live feedback {now.mean:.3f} of {now.seen}, before it {before.mean:.3f}"
        elif floor is not None and is_below(now, floor):
            reason = f"live feedback {now.mean:.3f} of {now.seen} (at least {floor:g})"
        else:
            return None
        try:
            return self._move(previous, "rolled_back", champion, "live feedback", reason)
        except Conflict:
            return None  # somebody else has done it meanwhile

    def _aliased(self, alias: str) -> Version | None:
        found = self._models.aliases(self.record).get(alias)
        if found is None:
            return None
        return self._models.version_by_id(self.record, found.version_id)


@contextmanager
def _by_hand(who: str) -> Iterator[None]:
    """What is changed meanwhile stands in the audit log, under the name that acts or this one."""
    if actor.get() is not None:
        yield
        return
    before = actor.set(who)
    try:
        yield
    finally:
        actor.reset(before)


def check_name(value: object, what: str) -> str:
    """The name of a tenant or model; `InputError` when it can be none."""
    if (
        not isinstance(value, str)
        or not 0 < len(value.strip()) <= _LONGEST_NAME
        or not value.isprintable()
    ):
        raise InputError(
            f"{what}: expected a name of 1 to {_LONGEST_NAME} characters, got {value!r}"[:300]
        )
    return value.strip()


def _is_share(score: Any) -> bool:
    number = isinstance(score, int | float) and not isinstance(score, bool)
    return bool(number and math.isfinite(score) and 0 <= score <= 1)
