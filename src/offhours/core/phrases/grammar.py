"""The grammar: slots are filled in any order, each once, until every word is used."""

from __future__ import annotations

from datetime import datetime

from offhours.core.phrases.bounds import bound_rule
from offhours.core.phrases.exceptions import exception
from offhours.core.phrases.reader import Reader
from offhours.core.phrases.rules import RULES
from offhours.core.phrases.slots import Clause, Schedule, fill
from offhours.core.phrases.zone_names import zone


def read(reader: Reader, now: datetime) -> Schedule:
    """All clauses of the text, or a `PhraseError` for the first word that fits nowhere."""
    schedule = Schedule()
    clause = Clause()
    schedule.clauses.append(clause)
    reader.take("run", "runs", "repeat", "repeats")
    while not reader.done:
        joint = _joint(reader)
        start = reader.at
        if joint == "." or bound_rule(reader, schedule, now):
            continue
        if joint == "and" or (joint and _is_repeated(reader, clause, now)):
            clause = Clause(first=start, inherits=_repeats(clause))
            schedule.clauses.append(clause)
        if not _any_rule(reader, clause, schedule, now):
            raise reader.not_understood()
    return schedule


def _joint(reader: Reader) -> str:
    """What joins slots or clauses: `and` begins a clause, a comma may."""
    start = reader.at
    if start and start == len(reader.tokens) - 1 and reader.take("."):
        return "."
    comma = reader.take(",", ";")
    found = "and" if reader.take("and", "&") else comma
    if found and (start == 0 or reader.done):
        raise reader.wrong(f'"{reader.tokens[start].raw}" joins nothing', start)
    return found


def _repeats(clause: Clause) -> bool:
    return (
        clause.every
        or clause.inherits
        or clause.frequency is not None
        or bool(clause.days and not clause.days.alone)
    )


def _is_repeated(reader: Reader, clause: Clause, now: datetime) -> bool:
    """Whether what follows a comma fills a slot that this clause has filled already."""
    start, deepest = reader.at, reader.deepest
    probe = Clause(every=clause.every)
    found = _any_rule(reader, probe, Schedule(), now)
    reader.at, reader.deepest = start, deepest
    return found and bool(set(probe.taken) & set(clause.taken))


def _any_rule(reader: Reader, clause: Clause, schedule: Schedule, now: datetime) -> bool:
    start = reader.at
    if exception(reader, clause, schedule, now):
        return True
    for rule in RULES:
        reader.at = start
        if rule(reader, clause, now):
            return True
    reader.at = start
    found = zone(reader)
    if found is not None:
        fill(schedule, reader, start, zone=found)
    return found is not None
