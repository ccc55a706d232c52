"""Makes automations of what repeats, keeps them, and measures what they are worth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import AutomationNotFound, Conflict, NotTested, OptionError
from offhours.core.optimize import AutomationState, Case, StoredAutomation, Verdict
from offhours.core.ports import Automations
from offhours.core.sandbox import OBSERVED
from offhours.core.sandbox import Example as Observed
from offhours.core.states import Value
from offhours.core.times import Micros
from offhours.optimize.automations import (
    Automation,
    MemoryAutomations,
    Refresh,
    cases_of,
    is_deployed,
    plain_cases,
    storable,
    subject_of,
    to_json,
    verdict_of,
)
from offhours.optimize.induce import induce
from offhours.optimize.patterns import Pattern
from offhours.optimize.replay import cases_from, held_back
from offhours.optimize.scripts import write_script
from offhours.optimize.templates import template_name, template_script

ROUTINE = "routine"
_TRIES = 20
_ALIASES = {"destination": ("dest", "target", "to"), "source": ("src", "from", "path", "file")}


class MicroAutomationCreator(Refresh):
    """Automations: made from patterns, changed, tested, deployed, measured.

    store: where they are kept; without one, in this process's memory
    level: the level of isolation that new ones are tested and run at
    max_automations: how many there may be, retired ones not counted

    >>> from datetime import datetime
    >>> from offhours.optimize import RepetitiveTaskIdentifier, Task
    >>> seen = RepetitiveTaskIdentifier()
    >>> seen.add_tasks(Task(f"t{n}", "copy", "", {"to": f"/backup/2026-06-0{n}"},
    ...                     datetime(2026, 6, n), 500, True) for n in range(1, 9))
    >>> [pattern] = seen.identify_repetitive_patterns(datetime(2026, 6, 2))
    >>> creator = MicroAutomationCreator()
    >>> automation = creator.create_automation(pattern)
    >>> "strftime" in automation.script, automation.tested, automation.deployed
    (True, False, False)
    """

    def __init__(
        self,
        store: Automations | None = None,
        *,
        clock: Clock | None = None,
        level: str = "full",
        max_automations: int = 100,
    ) -> None:
        self._store = store if store is not None else MemoryAutomations()
        self._clock = clock or SystemClock()
        self.level = level
        self.max_automations = max_automations

    # -- making -----------------------------------------------------------------------------------

    def create_automation(self, pattern: Pattern, template_type: str | None = None) -> Automation:
        """An automation of a pattern; the same one again when there is one already.

        template_type: one of the documented templates; without it the script is written from the
            examples, with parameters for what differs between them
        """
        template = ROUTINE if template_type is None else template_name(template_type)
        told = f"{pattern.pattern_id}/{template}"
        automation_id = "auto_" + hashlib.sha256(told.encode()).hexdigest()[:12]
        known = self._store.get(automation_id)
        if known is not None:
            return Automation(known, self)
        in_use = self._in_state(AutomationState.DRAFT, AutomationState.DEPLOYED)
        if len(in_use) >= self.max_automations:
            raise OptionError(
                f"max_automations: there are {len(in_use)} automations; retire some or allow more"
            )
        record = self._new(automation_id, pattern, template)
        for params, expected in cases_of(record):
            OBSERVED.record(pattern.pattern_id, Observed(params, data=expected))
        self._store.put(
            record, None, record.created_at, "automation.created",
            automation=automation_id, pattern=pattern.pattern_id, task=record.task_type,
        )  # fmt: skip
        return self.get(automation_id)

    def _new(self, automation_id: str, pattern: Pattern, template: str) -> StoredAutomation:
        now = self._clock.micros()
        if template == ROUTINE:
            learnt, unseen = held_back(pattern.runs)
            rules = induce(learnt) if unseen else pattern.rules
            script = write_script(pattern, rules)
            cases = cases_from(pattern.steps, rules, unseen)
            parameters: dict[str, Any] = {}
        else:
            script, cases = template_script(template), []
            parameters = _defaults(pattern)
        blank = StoredAutomation(
            automation_id=automation_id,
            pattern_id=pattern.pattern_id,
            task_type=storable(pattern.task_type),
            template=template,
            language="python",
            level=self.level,
            script=script,
            parameters=to_json(parameters),
            cases=to_json(plain_cases(cases)),
            counters=to_json(pattern.counters),
            subject="",
            verdict=None,
            by_hand_ms=pattern.average_duration_ms,
            state=AutomationState.DRAFT,
            runs=0,
            successes=0,
            saved_ms=0.0,
            created_at=now,
            changed_at=now,
            deployed_at=None,
            version=1,
        )
        return blank._replace(subject=subject_of(blank))

    def customize_automation(
        self,
        automation_id: str,
        custom_script: str | None = None,
        *,
        language: str | None = None,
        level: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        cases: Sequence[Case] | None = None,
    ) -> Automation:
        """Change the script, or how it is run and tested. It is then neither tested nor deployed.

        parameters: what its parameters are unless a run says otherwise; these need no new test
        """

        def changed(record: StoredAutomation) -> StoredAutomation:
            new = record._replace(
                script=record.script if custom_script is None else custom_script,
                language=language or record.language,
                level=level or record.level,
                parameters=record.parameters if parameters is None else to_json(parameters),
                cases=record.cases if cases is None else to_json(plain_cases(cases)),
            )
            new = new._replace(subject=subject_of(new))
            if new.subject == record.subject:
                return new
            return new._replace(verdict=None, state=AutomationState.DRAFT, deployed_at=None)

        self._change(automation_id, changed, "automation.changed")
        return self.get(automation_id)

    # -- asking -----------------------------------------------------------------------------------

    def get(self, automation_id: str) -> Automation:
        """An automation by its id; `AutomationNotFound` when there is none."""
        return Automation(self._record(automation_id), self)

    def list_automations(self, deployed_only: bool = False) -> list[Automation]:
        """All automations, the oldest first; of those that are retired, the first thousand."""
        return [
            Automation(record, self)
            for record in self._in_state(*AutomationState)
            if is_deployed(record) or not deployed_only
        ]

    def _in_state(self, *states: AutomationState) -> list[StoredAutomation]:
        """A thousand of each state at most, so that those that are over displace no others."""
        found = [each for state in states for each in self._store.all(state)]
        return sorted(found, key=lambda each: (each.created_at, each.automation_id))

    def read(self, record: StoredAutomation) -> StoredAutomation:
        return self._store.get(record.automation_id) or record

    def _record(self, automation_id: str) -> StoredAutomation:
        found = self._store.get(automation_id)
        if found is None:
            raise AutomationNotFound(f"no automation {automation_id!r}")
        return found

    # -- testing and deploying --------------------------------------------------------------------

    def judged(self, automation_id: str, verdict: Verdict) -> None:
        """Note what tests said. A verdict on another script, level or tests is refused."""

        def changed(record: StoredAutomation) -> StoredAutomation:
            if verdict.subject != subject_of(record):
                raise NotTested(
                    f"{automation_id}: its script, level or tests changed while it was tested; "
                    "test it again"
                )
            return record._replace(verdict=to_json(verdict))

        self._change(
            automation_id, changed, "automation.judged",
            percent=round(100 * verdict.rate), tests=verdict.tests, by=verdict.by,
        )  # fmt: skip

    def deploy(self, automation_id: str, min_success_rate: float = 0.9) -> Automation:
        """Let it run. `NotTested` without a verdict that is good enough and still about it."""

        def changed(record: StoredAutomation) -> StoredAutomation:
            verdict = verdict_of(record)
            if verdict is None:
                raise NotTested(
                    f"{automation_id} has not been tested as it is now; test it before deploying it"
                )
            if verdict.rate < min_success_rate:
                raise NotTested(
                    f"{automation_id} passed {verdict.rate:.0%} of its tests; "
                    f"{min_success_rate:.0%} are needed"
                )
            now = self._clock.micros()
            return record._replace(state=AutomationState.DEPLOYED, deployed_at=now)

        self._change(automation_id, changed, "automation.deployed")
        return self.get(automation_id)

    def withdraw(self, automation_id: str, reason: str = "") -> None:
        """Take it out of use; it stays, and may be deployed again."""
        self._change(
            automation_id,
            lambda record: record._replace(state=AutomationState.DRAFT, deployed_at=None),
            "automation.withdrawn",
            reason=reason,
        )

    def roll_back(self, automation_id: str, reason: str) -> None:
        """Take it out of use because it did worse; what was done by hand is done by hand again."""
        self._change(
            automation_id,
            lambda record: record._replace(
                state=AutomationState.RETIRED, deployed_at=None, verdict=None
            ),
            "automation.rolled_back",
            reason=reason,
        )

    def set_tested(self, automation: Automation, passed: bool) -> None:
        def changed(record: StoredAutomation) -> StoredAutomation:
            now = self._clock.micros()
            by_hand = Verdict(subject_of(record), 1.0, 0, now, "whoever set tested")
            new = record._replace(verdict=to_json(by_hand) if passed else None)
            return new if passed else new._replace(state=AutomationState.DRAFT, deployed_at=None)

        if passed and automation.tested:
            return  # a verdict of tests is not replaced by somebody's word
        by = "whoever set tested"
        self._change(automation.automation_id, changed, "automation.judged", by=by, passed=passed)

    def set_deployed(self, automation: Automation, wanted: bool) -> None:
        if wanted:
            self.deploy(automation.automation_id)
        else:
            self.withdraw(automation.automation_id)

    # -- measuring --------------------------------------------------------------------------------

    def record_run(
        self,
        automation_id: str,
        success: bool,
        duration_ms: float,
        counters: Mapping[str, int] | None = None,
    ) -> None:
        """Note a run: how long it took, in milliseconds, and how far it counted."""

        def changed(record: StoredAutomation) -> StoredAutomation:
            saved = max(0.0, record.by_hand_ms - duration_ms) if success else 0.0
            return record._replace(
                runs=record.runs + 1,
                successes=record.successes + success,
                saved_ms=record.saved_ms + saved,
                counters=record.counters if counters is None else to_json(dict(counters)),
            )

        self._change(
            automation_id,
            changed,
            "automation.ran",
            success=success,
            duration_ms=round(duration_ms),
        )

    def _change(
        self,
        automation_id: str,
        changed: Callable[[StoredAutomation], StoredAutomation],
        kind: str,
        **data: Value,
    ) -> None:
        for _ in range(_TRIES):
            record = self._record(automation_id)
            now: Micros = self._clock.micros()
            new = changed(record)._replace(changed_at=now, version=record.version + 1)
            if self._store.put(new, record.version, now, kind, automation=automation_id, **data):
                return
        raise Conflict(f"{automation_id} is being changed by others all the time; try again")


def _defaults(pattern: Pattern) -> dict[str, Any]:
    """The parameters that were always the same, by the names that the templates use."""
    found = pattern.common_parameters
    for name, others in _ALIASES.items():
        for other in others:
            if name not in found and other in found:
                found[name] = found[other]
    return found
