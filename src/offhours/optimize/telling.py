"""What the optimizer has found and keeps: as JSON answers carry it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from offhours.core.optimize import StoredAutomation, StoredTrial
from offhours.core.times import iso, to_micros
from offhours.optimize.automations import cases_of, is_deployed, verdict_of
from offhours.optimize.patterns import Pattern
from offhours.optimize.trials import Trial

_EXAMPLES = 3


def pattern_dict(pattern: Pattern, automations: Sequence[StoredAutomation] = ()) -> dict[str, Any]:
    """What repeats, with what speaks for it; of `automations`, those that were made of it."""
    return {
        "pattern_id": pattern.pattern_id,
        "task_type": pattern.task_type,
        "steps": [
            {
                "task_type": step,
                "parameters": [
                    {"name": name, "rule": rule.describe()} for name, rule in rules.items()
                ],
            }
            for step, rules in zip(pattern.steps, pattern.rules, strict=True)
        ],
        "occurrences": pattern.occurrences,
        "broken": pattern.broken,
        "potential": {**asdict(pattern.potential), "total": pattern.automation_potential},
        "average_duration_ms": pattern.average_duration_ms,
        "total_duration_ms": pattern.total_duration_ms,
        "success_rate": pattern.success_rate,
        "first_seen": _utc(pattern.first_seen),
        "last_seen": _utc(pattern.last_seen),
        "inputs": [given.name for given in pattern.inputs],
        "evidence_nats": pattern.evidence if math.isfinite(pattern.evidence) else None,
        "reproduced": pattern.reproduced,
        "explanation": pattern.explain(),
        "examples": [
            {"at": _utc(run.at), "parameters": [_plain(values) for values in run.values]}
            for run in pattern.runs[-_EXAMPLES:][::-1]
        ],
        "automations": [
            each.automation_id for each in automations if each.pattern_id == pattern.pattern_id
        ],
    }


def automation_dict(record: StoredAutomation) -> dict[str, Any]:
    """An automation, without its script and tests."""
    verdict = verdict_of(record)
    return {
        "automation_id": record.automation_id,
        "pattern_id": record.pattern_id,
        "task_type": record.task_type,
        "template": record.template,
        "language": record.language,
        "level": record.level,
        "state": record.state,
        "deployed": is_deployed(record),
        "verdict": None if verdict is None else verdict._asdict() | {"at": iso(verdict.at)},
        "cases": len(cases_of(record)),
        "runs": record.runs,
        "successes": record.successes,
        "by_hand_ms": record.by_hand_ms,
        "time_saved_ms": record.saved_ms,
        "created_at": iso(record.created_at),
        "changed_at": iso(record.changed_at),
        "deployed_at": iso(record.deployed_at),
    }


def whole_automation(record: StoredAutomation, trials: Sequence[StoredTrial]) -> dict[str, Any]:
    """An automation with its script, its tests, and the trials that it is part of."""
    return automation_dict(record) | {
        "script": record.script,
        "parameters": _load(record.parameters),
        "counters": _load(record.counters),
        "tests": [
            {"params": params, "expected": expected} for params, expected in _load(record.cases)
        ],
        "trials": [
            trial_dict(trial)
            for trial in trials
            if record.automation_id in (trial.subject, trial.control, trial.candidate)
        ],
    }


def trial_dict(stored: StoredTrial) -> dict[str, Any]:
    """A trial as it stands; an interval that has no end yet is null."""
    report = Trial.from_json(stored.state).report()
    low, high = report["duration_ratio_interval"]
    known = math.isfinite(low) and math.isfinite(high)
    return {
        "trial_id": stored.trial_id,
        "control": stored.control,
        "candidate": stored.candidate,
        "outcome": stored.outcome,
        "pairs": stored.pairs,
        "duration_ratio": report["duration_ratio"] if known else None,
        "duration_ratio_interval": [low, high] if known else None,
        "only_control_succeeded": report["only_control_succeeded"],
        "only_candidate_succeeded": report["only_candidate_succeeded"],
        "started_at": iso(stored.started_at),
        "ended_at": iso(stored.ended_at),
    }


def _utc(at: datetime) -> str:
    return iso(to_micros(at.astimezone()))


def _plain(values: Any) -> Any:
    """As JSON shows it: what a task was given may be anything."""
    return _load(json.dumps(values, default=str))


def _load(text: str) -> Any:
    """A value of JSON, in which NaN and the like, which are none, are null."""
    return json.loads(text, parse_constant=lambda _: None)
