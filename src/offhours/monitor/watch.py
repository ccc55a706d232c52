"""From what rules find to alerts that fire and are resolved, each once."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from offhours.core.errors import StoreError
from offhours.core.notices import AlertState, NewAlert
from offhours.core.ports import Notices
from offhours.core.times import MINUTE, Micros, parse_duration
from offhours.monitor.quiet import QuietHours
from offhours.monitor.rule import Finding, Rule
from offhours.monitor.view import View

SEEN_AGAIN: Micros = MINUTE
MOST_ALERTS = 500

_log = logging.getLogger("offhours")


class Case(msgspec.Struct, omit_defaults=True):
    """Something that was found: since when, since when not any more, and when that was stored."""

    wrong_since: Micros
    well_since: Micros = 0
    told_at: Micros = 0
    lasting: Micros = 0

    def not_after(self, now: Micros) -> None:
        """Nothing can have been later than now: should the clock have been set back."""
        self.wrong_since = min(self.wrong_since, now)
        self.well_since = min(self.well_since, now)
        self.told_at = min(self.told_at, now)


Cases = dict[str, Case]  # by rule and subject; stored with the figures


def watch(
    rules: Sequence[Rule], quiet: QuietHours | None, view: View, notices: Notices, cases: Cases
) -> None:
    """Look at everything once."""
    for case in cases.values():
        case.not_after(view.now)
    found: dict[tuple[str, str], tuple[Rule, Finding]] = {}
    blind = set()  # rules that could not look: nothing is well because of that
    for rule in rules:
        try:
            found |= {(rule.name, finding.subject): (rule, finding) for finding in rule.found(view)}
        except StoreError:
            raise
        except Exception:
            _log.exception("the rule %s failed; the others go on", rule.name)
            blind.add(rule.name)
    names = {rule.name for rule in rules}
    for state in (AlertState.FIRING, AlertState.ACKNOWLEDGED):
        for alert in notices.alerts(state, MOST_ALERTS):
            if alert.rule in names:  # should we have died between firing it and storing the case
                known = Case(alert.fired_at, told_at=alert.seen_at)
                cases.setdefault(_key(alert.rule, alert.subject), known)
    for key, (rule, finding) in found.items():
        case = cases.setdefault(_key(*key), Case(view.now))
        case.well_since, case.lasting = 0, parse_duration(rule.lasting)
        _perhaps_fire(rule, finding, case, quiet, view.now, notices)
    gone = [name for name in cases if _parts(name) not in found]
    for name in [name for name in gone if _parts(name)[0] not in blind]:
        _perhaps_resolve(name, cases, view.now, notices)


def _perhaps_fire(
    rule: Rule,
    finding: Finding,
    case: Case,
    quiet: QuietHours | None,
    now: Micros,
    notices: Notices,
) -> None:
    if now - case.wrong_since < case.lasting:
        return
    if case.told_at and now - case.told_at < SEEN_AGAIN:
        return
    if not case.told_at and quiet is not None and quiet.hold(rule.severity, now):
        return
    alert = NewAlert(
        rule.name,
        finding.subject,
        rule.severity,
        finding.message,
        finding.value,
        finding.threshold,
    )
    notices.fire(alert, now)
    case.told_at = now


def _perhaps_resolve(name: str, cases: Cases, now: Micros, notices: Notices) -> None:
    case = cases[name]
    case.well_since = case.well_since or now
    if not case.told_at:
        del cases[name]
    elif now - case.well_since >= case.lasting:
        notices.resolve(*_parts(name), now)
        del cases[name]


def _key(rule: str, subject: str) -> str:
    return f"{rule}\x1f{subject}"


def _parts(key: str) -> tuple[str, str]:
    rule, _, subject = key.partition("\x1f")
    return rule, subject
