"""A learner that makes its whole cycle itself: what it is asked, and what its answer means."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from offhours.core.clock import Clock
from offhours.core.errors import ConfigError
from offhours.core.outcomes import clean_text
from offhours.core.ports import Cycles
from offhours.core.training import CycleState, Hold, Model
from offhours.engine.context import Context
from offhours.training import Finished, SafetyControls
from offhours.training.learner import Caller

TRIGGER = "trigger_learning_cycle"
_BAD = frozenset(("failed", "failure", "error", "refused", "rejected", "rolled_back"))
_SKIPPED = frozenset(("skipped", "insufficient_data", "no_data"))
_LONGEST = 8_000
# What a result may tell, by which names, and the control that it must reach.
_FIGURES = {
    "quality_threshold": ("quality", "quality_score", "data_quality"),
    "validation_threshold": ("validation", "validation_score", "validation_accuracy", "accuracy"),
}


class Told(NamedTuple):
    """What a learner's answer means."""

    state: CycleState
    code: str
    reason: str
    report: dict[str, Any]


class PlainRun:
    """Makes the cycle of a learner that makes it itself: asks it, and ends the cycle."""

    def __init__(
        self, cycles: Cycles, clock: Clock, model: Model, hold: Hold, controls: SafetyControls
    ) -> None:
        self._cycles = cycles
        self._clock = clock
        self._model = model
        self._hold = hold
        self._controls = controls

    def make(self, learner: Any, forced: bool, context: Context) -> Finished:
        """Ask the learner. What it raises ends the cycle as failed and is raised, if this is the
        job's last attempt."""
        self._cycles.enter(self._hold, "train")
        context.progress(0, "train")
        try:
            told = understand(trigger(learner, self._model.tenant, forced), self._controls)
        except Exception as error:
            if context.last_attempt:
                text = clean_text(f"{type(error).__name__}: {error}")
                self._end(Told(CycleState.FAILED, "learner_failed", text, {}))
            raise
        if told.state is CycleState.REFUSED and self._controls.rollback_on_degradation:
            roll_back(learner, self._model.tenant, told.report)
        return self._end(told)

    def _end(self, told: Told) -> Finished:
        finished = Finished(
            str(told.state), told.code, clean_text(told.reason), self._hold.cycle_id, None,
            told.report,
        )  # fmt: skip
        self._cycles.finish(self._hold, finished.as_end(), self._clock.micros())
        return finished


def check_plain(learner: object) -> None:
    """Refuse what cannot be asked for a cycle."""
    if not callable(getattr(learner, TRIGGER, None)):
        raise ConfigError([
            f"autonomous_learner: {type(learner).__name__} has no {TRIGGER}(tenant_id, "
            "force_training), nor the methods of offhours.training.Learner"
        ])  # fmt: skip


def trigger(learner: Any, tenant: str, forced: bool) -> Any:
    """Ask a learner for a cycle; it may be a coroutine."""
    with Caller() as call:
        return call(learner.trigger_learning_cycle, tenant_id=tenant, force_training=forced)


def understand(result: Any, controls: SafetyControls) -> Told:
    """What an answer means: a mapping or an object with `success`, `status`, `error` and scores,
    true or false, or nothing, which is a success.

    >>> understand({"status": "failed", "error": "no GPU"}, SafetyControls()).reason
    'no GPU'
    """
    told = _mapping(result)
    status = str(getattr(told.get("status"), "value", told.get("status") or "")).lower()
    reason = str(told.get("error") or told.get("message") or told.get("reason") or "")
    report = {"answer": _plain(told)}
    if result is False or told.get("success") is False or status in _BAD:
        return Told(CycleState.FAILED, "learner_said", reason or "the learner said no", report)
    if status in _SKIPPED:
        return Told(CycleState.SKIPPED, status, reason or status.replace("_", " "), report)
    for control, names in _FIGURES.items():
        least = getattr(controls, control)
        for name in names:
            figure = told.get(name)
            if isinstance(figure, int | float) and not isinstance(figure, bool):
                if not figure >= least or not math.isfinite(figure):
                    text = f"{name} is {figure:.3f} (at least {least:g})"
                    return Told(CycleState.REFUSED, f"below_{control}", text, report)
                break
    return Told(CycleState.DONE, "done", reason or "the learner made its cycle", report)


def roll_back(learner: Any, tenant: str, report: dict[str, Any]) -> None:
    """Have a learner take its refused model back, if it can."""
    undo: Callable[..., Any] | None = getattr(learner, "rollback", None)
    if not callable(undo):
        return
    try:
        with Caller() as call:
            call(undo, tenant_id=tenant)
        report["rolled_back"] = True
    except Exception as error:
        report["rolled_back"] = clean_text(f"{type(error).__name__}: {error}")


def _mapping(result: Any) -> dict[str, Any]:
    if isinstance(result, Mapping):
        return {str(name): value for name, value in result.items()}
    if result is None or isinstance(result, bool | int | float | str):
        return {}
    return dict(getattr(result, "__dict__", {}))


def _plain(told: Mapping[str, Any]) -> Any:
    """The answer as it can be kept: text for what is no JSON, and not too long."""
    text = json.dumps(told, default=lambda value: clean_text(value))
    if len(text) > _LONGEST:
        return clean_text(text)
    return json.loads(text, parse_constant=lambda word: None)
