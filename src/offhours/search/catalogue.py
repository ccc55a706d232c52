"""Schedules and tasks as artefacts: what is derived from the store so that it can be found."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from offhours.core.artifacts import ArtifactType, NewArtifact, split_words
from offhours.core.firing import plan_of
from offhours.core.phrases import describe
from offhours.core.schedules import Schedule
from offhours.core.triggers import Cron

SCHEDULE, TASK = "schedule", "task"

_DAY = r"(mon|tues|wednes|thurs|fri|satur|sun)day"
_RHYTHMS = (
    (re.compile(r"\bevery (\d+ )?minute"), "minutely"),
    (re.compile(r"\bevery (\d+ )?hour"), "hourly"),
    (re.compile(r"\bevery (day|weekday|\d+ days)\b"), "daily"),
    (re.compile(rf"\bevery ((\d+ )?week|{_DAY}|weekend)"), "weekly"),
    (re.compile(r"\bevery (\d+ )?month|\b(of|in) (every|each) month"), "monthly"),
    (re.compile(r"\bevery (\d+ )?year|\bevery (january|february|march|april|may|june|july|august"
                r"|september|october|november|december)"), "yearly annually"),
    (re.compile(r"\bat 0[0-5]:"), "nightly night"),
    (re.compile(r"\bat 0[6-9]:|\bat 1[01]:"), "morning"),
    (re.compile(r"\bat (1[89]|2[0-3]):"), "evening"),
)  # fmt: skip
_TIMES = (
    "minutely hourly daily weekly monthly yearly annually nightly night morning evening noon "
    "midnight minute minutes hour hours day days week weeks month months year years weekday "
    "weekdays weekend weekends monday tuesday wednesday thursday friday saturday sunday mondays "
    "tuesdays wednesdays thursdays fridays saturdays sundays am pm"
)
_OTHERS = (
    "a all am any anything are at cron due each every everything find for happen happens in is "
    "job jobs list me of on once plan plans run runs running schedule scheduled schedules show "
    "task tasks that the thing things to what which work"
)
_WHEN, _ANYTHING = frozenset(_TIMES.split()), frozenset(_OTHERS.split())


def schedule_key(schedule_id: int) -> str:
    """The key of a schedule's artefact, and of its node in the graph."""
    return f"schedule_{schedule_id}"


def of_schedule(schedule: Schedule) -> NewArtifact:
    """A schedule as a `PLAN`: found by its description, its words, its expression and its tags."""
    kept = _mapping(schedule.metadata)
    plan = plan_of(schedule.plan)
    sentence = describe(plan, plan.timezone)
    expressions = [trigger.expression for trigger in plan.triggers if isinstance(trigger, Cron)]
    tags = ["scheduled_task", *(["cron", *expressions] if expressions else ["interval"])]
    told = {
        "schedule_id": schedule.id, "task": schedule.task, "schedule": schedule.text,
        "cron_expression": expressions[0] if expressions else None,
    }  # fmt: skip
    return NewArtifact(
        key=schedule_key(schedule.id),
        type=ArtifactType.PLAN,
        name=schedule.name,
        description=_description(kept),
        content=sentence,
        tags=(*tags, *_tags(kept)),
        metadata=json.dumps(told | kept, ensure_ascii=False),
        words=" ".join((schedule.text, split_words(schedule.task), rhythm(sentence))),
        source=SCHEDULE,
    )


def of_task(name: str, description: str = "") -> NewArtifact:
    """A task as a `FUNCTION`: found by its name and its docstring."""
    return NewArtifact(
        key=f"task_{name}",
        type=ArtifactType.FUNCTION,
        name=name,
        description=description,
        tags=("task",),
        source=TASK,
    )


def rhythm(sentence: str) -> str:
    """Words that people use for how often something happens.

    >>> rhythm("every day at 02:00")
    'daily nightly night'
    """
    return " ".join(words for pattern, words in _RHYTHMS if pattern.search(sentence))


def says_only_when(text: str) -> bool:
    """Whether a text asks for nothing but a time or rhythm; a model of meaning is bad at that.

    >>> says_only_when("tasks that run daily"), says_only_when("daily report")
    (True, False)
    """
    words = set(re.findall(r"[a-z]+", text.lower()))
    return bool(words & _WHEN) and words <= _WHEN | _ANYTHING


def _mapping(metadata: str | None) -> dict[str, Any]:
    found = json.loads(metadata) if metadata else None
    return found if isinstance(found, dict) else {}


def _description(kept: Mapping[str, Any]) -> str:
    """What a schedule was described as, by whichever face made it."""
    inner = kept.get("scheduled_task")
    for place in (kept, inner if isinstance(inner, dict) else {}):
        for key in ("description", "goal_description"):
            if isinstance(text := place.get(key), str) and text:
                return text
    return ""


def _tags(kept: Mapping[str, Any]) -> list[str]:
    tags = kept.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
