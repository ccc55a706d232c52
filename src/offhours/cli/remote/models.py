"""The models of one tenant on a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from offhours.cli.remote.read import Told, moment
from offhours.cli.remote.wire import Wire
from offhours.core.errors import ModelNotFound
from offhours.core.times import parse_moment
from offhours.core.training import AliasMove, Cycle, CycleCounts, CycleState, Model, Version


class RemoteModels:
    """All models of a tenant, as `ModelRegistry` has those of a database."""

    def __init__(self, wire: Wire, tenant: str) -> None:
        self._wire = wire
        self._tenant = tenant

    def __iter__(self) -> Iterator[RemoteModel]:
        cursor = None
        while True:
            page = self._wire.get("training/models", tenant=self._tenant, limit=500, cursor=cursor)
            yield from (RemoteModel(self._wire, told) for told in page["data"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get(self, name: str) -> RemoteModel:
        """A model by its name."""
        found = next((model for model in self if model.name == name), None)
        if found is None:
            raise ModelNotFound(f"{self._tenant} has no model {name[:64]!a}")
        return found


class RemoteModel:
    """A model, as `ModelHandle` is one in a database."""

    def __init__(self, wire: Wire, told: dict[str, Any]) -> None:
        self._wire = wire
        self._told = told
        self._path = f"training/models/{told['id']}"
        self.name: str = told["model"]
        self.record: Model = _model(told)

    def aliases(self) -> dict[str, int]:
        """The number of the version that plays each part."""
        return dict(self._told["aliases"])

    def counts(self) -> CycleCounts:
        """How many cycles there were."""
        told = self._told
        return CycleCounts(told["cycles"], told["good"], told["bad"], told["skipped"])

    def versions(self, limit: int = 50) -> list[Version]:
        """The newest versions."""
        told = self._wire.get(self._path, limit=limit)["versions"]
        return [_version(self.record.id, each) for each in told]

    def history(self, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        return [_move(each) for each in self._wire.get(self._path, limit=limit)["moves"]]

    def cycles(self, limit: int = 50) -> list[Cycle]:
        """The newest learning cycles."""
        found = self._wire.get("training/cycles", model=self.record.id, limit=limit)["data"]
        return [_cycle(each) for each in found]

    def rollback(self, by: str, reason: str = "") -> None:
        """Let the version before serve again, in the name of who holds the token."""
        self._told = self._wire.post(f"{self._path}/rollback", {"reason": reason}, "*")

    def restore(self, number: int, by: str, reason: str = "") -> None:
        """Let any earlier version serve."""
        body = {"version": number, "reason": reason}
        self._told = self._wire.post(f"{self._path}/restore", body, "*")

    def pardon(self, by: str) -> int:
        """Count the failures in a row from nothing again; how many they were."""
        return int(self._wire.post(f"{self._path}/pardon")["pardoned"])


def _model(told: Told) -> Model:
    """A model of a tenant."""
    return Model(told["id"], told["tenant"], told["model"], told["golden"], 0)


def _version(model_id: int, told: Told) -> Version:
    """A trained model; that it has a number of its own beside that among others is not told."""
    return Version(
        0, model_id, told["version"], told["digest"], told["bytes"], json.dumps(told["metrics"]),
        json.dumps(told["metadata"]), told["cycle"], parse_moment(told["created_at"]),
        moment(told["dropped_at"]),
    )  # fmt: skip


def _move(told: Told) -> AliasMove:
    """How the champion changed."""
    return AliasMove(**{**told, "at": parse_moment(told["at"])})


def _cycle(told: Told) -> Cycle:
    """A learning cycle."""
    return Cycle(
        id=told["cycle"],
        model_id=told["model_id"],
        job_id=told["job"],
        attempt=0,
        schedule_id=told["schedule"],
        forced=told["forced"],
        correlation=told["correlation_id"],
        state=CycleState(told["status"]),
        step=told["step"],
        started_at=parse_moment(told["started_at"]),
        finished_at=moment(told["finished_at"]),
        code=told["code"],
        reason=told["reason"],
        version_id=None,
        report=None if told["report"] is None else json.dumps(told["report"]),
    )
