"""Versions, changes of the champion and cycles: as JSON answers carry them."""

from __future__ import annotations

import json
from typing import Any

from offhours.core.times import iso
from offhours.core.training import AliasMove, Cycle, Version


def version_dict(version: Version, aliases: dict[str, int]) -> dict[str, Any]:
    """A version as JSON answers carry it."""
    return {
        "version": version.number,
        "aliases": sorted(name for name, number in aliases.items() if number == version.number),
        "digest": version.digest,
        "bytes": version.size,
        "metrics": json.loads(version.metrics),
        "metadata": json.loads(version.metadata),
        "cycle": version.cycle_id,
        "created_at": iso(version.created_at),
        "dropped_at": iso(version.dropped_at),
    }


def move_dict(move: AliasMove) -> dict[str, Any]:
    """A change of the champion as JSON answers carry it."""
    return move._asdict() | {"at": iso(move.at)}


def cycle_dict(cycle: Cycle) -> dict[str, Any]:
    """A cycle as JSON answers carry it."""
    return {
        "cycle": cycle.id,
        "job": cycle.job_id,
        "schedule": cycle.schedule_id,
        "status": str(cycle.state),
        "step": cycle.step,
        "forced": bool(cycle.forced),
        "code": cycle.code,
        "reason": cycle.reason,
        "correlation_id": cycle.correlation,
        "started_at": iso(cycle.started_at),
        "finished_at": iso(cycle.finished_at),
        "report": None if cycle.report is None else json.loads(cycle.report),
    }
