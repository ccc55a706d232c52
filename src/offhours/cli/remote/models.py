"""The models of one tenant on a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from offhours.cli.remote import read
from offhours.cli.remote.wire import Wire
from offhours.core.errors import ModelNotFound
from offhours.core.training import AliasMove, Cycle, CycleCounts, Model, Version


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
        self.record: Model = read.model(told)

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
        return [read.version(self.record.id, each) for each in told]

    def history(self, limit: int = 50) -> list[AliasMove]:
        """How the champion changed, the newest first."""
        return [read.move(each) for each in self._wire.get(self._path, limit=limit)["moves"]]

    def cycles(self, limit: int = 50) -> list[Cycle]:
        """The newest learning cycles."""
        found = self._wire.get("training/cycles", model=self.record.id, limit=limit)["data"]
        return [read.cycle(each) for each in found]

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
