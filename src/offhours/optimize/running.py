"""Runs deployed automations, watches whether they still do well, and rolls back those that do not.

A routine's script says in the sandbox which steps are to be done; what it says is carried out by
the functions that the application gave for each type of step.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from offhours.core.clock import Clock
from offhours.core.errors import NotTested, OffhoursError, OptionError, TaskError
from offhours.core.optimize import StoredTrial
from offhours.core.ports import Automations
from offhours.core.sandbox import Sandbox, SandboxResult
from offhours.optimize.automations import Automation
from offhours.optimize.creator import MicroAutomationCreator
from offhours.optimize.rules import COUNTERS, RUN_AT
from offhours.optimize.trials import Outcome, Trial

Handler = Callable[..., Any]
BY_HAND, BEFORE = "by hand", "how it did before"
_GUARDS = (BY_HAND, BEFORE)
_TRIES = 20
_MOST_RUNNING = 10_000  # trials at once: each automation in use has one

_log = logging.getLogger("offhours")


class AutomationFailed(OffhoursError):
    """A run of an automation that did not succeed; the message says at which step, and why."""


class Runner:
    """Runs automations by their ids.

    handlers: by type of step, what carries it out; it gets the step's parameters as keywords
    measured: gets what each script used
    """

    def __init__(
        self,
        creator: MicroAutomationCreator,
        store: Automations,
        sandbox: Sandbox,
        clock: Clock,
        measured: Callable[[SandboxResult], None] = lambda result: None,
    ) -> None:
        self.handlers: dict[str, Handler] = {}
        self._creator = creator
        self._store = store
        self._sandbox = sandbox
        self._clock = clock
        self._measured = measured

    def run(self, automation_id: str, params: Mapping[str, Any], at: datetime) -> dict[str, Any]:
        """Run it once: what its script answered, with the results of its steps.

        Of two that are being compared, the one whose turn it is. Raises `NotTested` when it is not
        deployed, or not as it was tested, and `AutomationFailed` when a step failed.
        """
        trial = self._comparison(automation_id)
        chosen = automation_id
        if trial is not None and trial.control not in _GUARDS:
            arm = Trial.from_json(trial.state).next_arm()
            chosen = trial.candidate if arm == "candidate" else trial.control
        automation = self._creator.get(chosen)
        is_candidate = trial is not None and chosen == trial.candidate
        ready = automation.tested if is_candidate else automation.deployed
        if not ready:
            raise NotTested(f"{chosen} is not deployed, or was changed since it was tested")
        began = self._clock.monotonic()
        try:
            answer = self._run(automation, params, at)
        except Exception as error:
            self._note(automation, trial, False, began, None)
            if isinstance(error, OffhoursError):
                raise
            raise AutomationFailed(f"{chosen}: {error}") from error
        self._note(automation, trial, True, began, answer.get(COUNTERS))
        return answer

    def _run(
        self, automation: Automation, params: Mapping[str, Any], at: datetime
    ) -> dict[str, Any]:
        given = {**automation.parameters, **params}
        given |= {RUN_AT: at.isoformat(), COUNTERS: automation.counters}
        result = self._sandbox.run(
            automation.script,
            automation.language,
            level=automation.level,
            params=given,
            automation_id=automation.automation_id,
        )
        self._measured(result)
        answer = _answer(automation, result)
        done = []
        for number, step in enumerate(answer.get("steps", ()), 1):
            done.append(self._do(automation, number, step))
        return {**answer, "results": done} if done else answer

    def _do(self, automation: Automation, number: int, step: Mapping[str, Any]) -> Any:
        kind, parameters = step["task_type"], step["parameters"]
        handler = self.handlers.get(kind)
        if handler is None:
            raise TaskError(
                f"{automation.automation_id}: nobody carries out {kind!r}; "
                f"give a function for it with handler({kind!r})"
            )
        try:
            return handler(**parameters)
        except Exception as error:
            raise AutomationFailed(
                f"{automation.automation_id}, step {number} ({kind}): {error}"
            ) from error

    # -- comparing ------------------------------------------------------------------------------

    def guard(
        self,
        automation_id: str,
        control: Sequence[tuple[float, bool]],
        recent: Sequence[tuple[float, bool]] = (),
    ) -> None:
        """From now on compare it with how it was done before: durations in ms, and successes.

        recent: its own last runs, with which it is compared once those are used up
        """
        trial = Trial(recent=list(recent))
        against = BEFORE if recent else BY_HAND
        for duration, success in control:
            trial.record("control", duration, success)
        self._start(_guard_of(automation_id), automation_id, against, automation_id, trial)

    def compare(self, control_id: str, candidate_id: str) -> str:
        """Have runs of `control_id` be done by each of two in turn, until one is known to be
        better. The id of the trial. `NotTested` when the candidate was not tested."""
        running = self._comparison(control_id)
        if running is not None and running.control not in _GUARDS:
            raise OptionError(f"{control_id} is in a trial already; wait for its end")
        if not self._creator.get(candidate_id).tested:
            raise NotTested(f"{candidate_id} has not been tested as it is now; test it first")
        name = f"trial {control_id} {candidate_id}"
        self._start(name, control_id, control_id, candidate_id, Trial())
        return name

    def note_by_hand(self, automation_id: str, duration_ms: float, success: bool) -> None:
        """It was done by hand once more."""
        stored = self._store.trial(_guard_of(automation_id))
        if stored is not None and stored.control == BY_HAND:
            self._record(stored.trial_id, "control", duration_ms, success)

    def trial(self, trial_id: str) -> Trial | None:
        """A trial as it stands."""
        stored = self._store.trial(trial_id)
        return None if stored is None else Trial.from_json(stored.state)

    def _comparison(self, automation_id: str) -> StoredTrial | None:
        every = self._store.trials(running=True, limit=_MOST_RUNNING)
        running = [trial for trial in every if trial.subject == automation_id]
        return next((trial for trial in running if trial.control not in _GUARDS), None) or next(
            iter(running), None
        )

    def _start(self, name: str, subject: str, control: str, candidate: str, trial: Trial) -> None:
        now = self._clock.micros()
        known = self._store.trial(name)
        version = 1 if known is None else known.version + 1
        new = StoredTrial(
            name, subject, control, candidate, trial.to_json(), 0, None, now, None, version
        )
        before = None if known is None else known.version
        self._store.put_trial(
            new, before, now, "trial.started", trial=name, control=control, candidate=candidate
        )

    def _note(
        self,
        automation: Automation,
        trial: StoredTrial | None,
        success: bool,
        began: float,
        counters: Mapping[str, int] | None,
    ) -> None:
        duration = (self._clock.monotonic() - began) * 1000
        self._creator.record_run(automation.automation_id, success, duration, counters)
        if trial is not None:
            arm = "candidate" if automation.automation_id == trial.candidate else "control"
            self._record(trial.trial_id, arm, duration, success)

    def _record(self, trial_id: str, arm: str, duration_ms: float, success: bool) -> None:
        for _ in range(_TRIES):
            stored = self._store.trial(trial_id)
            if stored is None or stored.outcome is not None:
                return
            trial = Trial.from_json(stored.state)
            outcome = trial.record(arm, duration_ms, success)
            now = self._clock.micros()
            new = stored._replace(
                state=trial.to_json(), pairs=trial.pairs, outcome=outcome,
                ended_at=None if outcome is None else now, version=stored.version + 1,
            )  # fmt: skip
            kind = None if outcome is None else "trial.ended"
            told = {} if outcome is None else _told(stored, trial)
            if self._store.put_trial(new, stored.version, now, kind, **told):
                if outcome is not None:
                    self._conclude(stored, trial)
                elif stored.control in _GUARDS and trial.is_exhausted:
                    self._go_on_guarding(stored, trial)
                return
        _log.warning("%s: a run is not counted, others write to it all the time", trial_id)

    def _conclude(self, stored: StoredTrial, trial: Trial) -> None:
        """What is worse is taken out of use; what is better takes the place of the other."""
        told = _sentence(stored, trial)
        if trial.outcome is Outcome.WORSE:
            self._creator.roll_back(stored.candidate, told)
        elif stored.control not in _GUARDS:
            if trial.outcome is Outcome.BETTER:
                self._creator.deploy(stored.candidate, 0.0)
                self._creator.withdraw(stored.control, told)
        else:
            self._go_on_guarding(stored, trial)

    def _go_on_guarding(self, stored: StoredTrial, trial: Trial) -> None:
        """It does well. From now on it is compared with how it did lately: the world may change."""
        self.guard(stored.candidate, trial.recent, trial.recent)


def _guard_of(automation_id: str) -> str:
    return f"guard {automation_id}"


def _answer(automation: Automation, result: SandboxResult) -> dict[str, Any]:
    if not result.success:
        raise AutomationFailed(f"{automation.automation_id}: {result.error or result.status}")
    data = result.data if isinstance(result.data, dict) else {"success": True, "data": result.data}
    if data.get("success") is False:
        raise AutomationFailed(f"{automation.automation_id}: {data.get('error')}")
    return data


def _told(stored: StoredTrial, trial: Trial) -> dict[str, Any]:
    return {
        "trial": stored.trial_id,
        "outcome": str(trial.outcome),
        "pairs": trial.pairs,
        "reason": _sentence(stored, trial),
    }


def _sentence(stored: StoredTrial, trial: Trial) -> str:
    """Why a trial ended as it did."""
    figures = trial.report()
    low, high = figures["duration_ratio_interval"]
    told = (
        f"{stored.candidate} did {trial.outcome} against {stored.control} after {trial.pairs} "
        f"pairs: it failed alone {figures['only_control_succeeded']} times, the other "
        f"{figures['only_candidate_succeeded']} times"
    )
    if not math.isfinite(high):
        return told
    ratio = figures["duration_ratio"]
    return f"{told}; it took {ratio:.3g} times as long ({low:.3g} to {high:.3g})"
