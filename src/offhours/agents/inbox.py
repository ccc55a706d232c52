"""The inbox of an agent: thoughts are taken, and then acknowledged, snoozed, or shown again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from offhours.core.agents import StoredThought, ThoughtState, wake_up
from offhours.core.clock import Signal
from offhours.core.errors import ThoughtNotFound
from offhours.core.times import (
    SECOND,
    Duration,
    Micros,
    Moment,
    parse_duration,
    parse_until,
    to_datetime,
)

if TYPE_CHECKING:
    from datetime import datetime

    from offhours.app import Offhours

LEASE = "5m"
_FIRST_LOOK: Micros = SECOND // 50
_LONGEST_LOOK: Micros = SECOND // 4
_AT_ONCE = 20


class Thought:
    """A prompt for an agent, with where it comes from. What it says, no person has said."""

    def __init__(self, app: Offhours, record: StoredThought) -> None:
        self._app = app
        self.record = record
        self.id = record.id
        self.agent = record.agent
        self.prompt = record.prompt
        self.goal = record.goal
        self.note = record.note
        self.job_id = record.job_id
        self.attempt = record.attempt

    @property
    def origin(self) -> dict[str, Any]:
        """What was said of where it comes from: `thought_id`, `conversation_id`, `user`."""
        found: dict[str, Any] = json.loads(self.record.origin) if self.record.origin else {}
        return found

    @property
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at)

    @property
    def state(self) -> str:
        """`waiting`, `snoozed`, `acknowledged` or `expired`, as the store has it now."""
        found = self._app.store.agents.thought(self.id)
        if found is None:
            return ThoughtState.EXPIRED
        late = found.expires_at is not None and found.expires_at <= self._app.clock.micros()
        if found.state == ThoughtState.WAITING and late:
            return ThoughtState.EXPIRED
        snoozed = found.snoozes > 0 and found.visible_at > self._app.clock.micros()
        return "snoozed" if found.state == ThoughtState.WAITING and snoozed else found.state

    def message(self) -> dict[str, Any]:
        """It as data for a model: it names its origin, and says that no human input occurred."""
        return wake_up(self.record)

    def acknowledge(self, answer: str | None = None) -> bool:
        """It was seen to, and does not come again; false when it was before, or has expired."""
        now = self._app.clock.micros()
        return self._app.store.agents.acknowledge(self.record, answer, now)

    def snooze(self, until: Moment | Duration) -> bool:
        """Have it shown again at a time, or after one; false when it is closed."""
        now = self._app.clock.micros()
        moment = parse_until(until, now, self._app.settings.timezone)
        return self._app.store.agents.snooze(self.record, moment, now)

    def __repr__(self) -> str:
        return f"<thought {self.id} of {self.agent}: {self.prompt[:60]!r}>"


class ThoughtBook:
    """All thoughts of a store, looked at without being taken: `app.agents.thoughts`."""

    def __init__(self, app: Offhours) -> None:
        self._app = app
        self._table = app.store.agents

    def get(self, thought_id: int, tenant: str | None = None) -> Thought:
        """A thought by its number; `ThoughtNotFound` when there is none.

        tenant: only if a goal or a job of this tenant has left it
        """
        found = self._table.thought(thought_id, tenant)
        if found is None:
            raise ThoughtNotFound(f"no thought {thought_id} in {self._app.store.name}")
        return Thought(self._app, found)

    def page(
        self,
        agent: str | None = None,
        state: str | None = "waiting",
        before: int | None = None,
        limit: int = 50,
        tenant: str | None = None,
    ) -> list[StoredThought]:
        """A page of thoughts, the newest first, of an agent, of a tenant or of all.

        state: None for every one; before: the last number of the page before
        """
        wanted = None if state is None else ThoughtState(state)
        self._table.expire(self._app.clock.micros())
        return self._table.thoughts(agent, wanted, before, limit, tenant)


class Inbox:
    """The thoughts of one agent, for whoever looks after it, in any number of processes."""

    def __init__(self, app: Offhours, agent: str, bell: Signal) -> None:
        self._app = app
        self._agent = agent
        self._bell = bell

    def take(
        self, limit: int = _AT_ONCE, wait: Duration = 0, lease: Duration = LEASE
    ) -> list[Thought]:
        """The thoughts that are there, oldest first; nobody else gets them for as long as `lease`.

        wait: how long to wait for the first one
        """
        clock, table = self._app.clock, self._app.store.agents
        held = parse_duration(lease, "lease")
        deadline = clock.monotonic() + parse_duration(wait, "wait") / SECOND
        pause, version = _FIRST_LOOK, -1
        while True:
            self._bell.clear()
            now = clock.micros()
            found = table.take(self._agent, now + held, limit, now)
            left = deadline - clock.monotonic()
            if found or left <= 0:
                return [Thought(self._app, record) for record in found]
            changed = self._app.store.changed()
            pause = _FIRST_LOOK if changed != version else min(2 * pause, _LONGEST_LOOK)
            version = changed
            until = now + min(pause, max(1_000, round(left * SECOND)))
            due = table.next_thought(self._agent, now)
            clock.wait(self._bell, until if due is None else max(now + 1_000, min(until, due)))


class Thoughts:
    """The thoughts as they are taken: `for thought in ...`, or `async for`."""

    def __init__(self, inbox: Inbox, wait: Duration, lease: Duration) -> None:
        self._inbox = inbox
        self._wait = wait
        self._lease = lease

    def __iter__(self) -> Iterator[Thought]:
        while found := self._inbox.take(1, self._wait, self._lease):
            yield from found

    async def __aiter__(self) -> AsyncIterator[Thought]:
        import asyncio

        while found := await asyncio.to_thread(self._inbox.take, 1, self._wait, self._lease):
            for thought in found:
                yield thought
