"""The front of one agent: its goals, its inbox, its budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from offhours.agents.goals import BY_AGENT, GoalHandle
from offhours.agents.inbox import LEASE, Inbox, Thought, Thoughts
from offhours.core.agents import ANNOUNCED, ISOLATED, StoredThought
from offhours.core.errors import OptionError
from offhours.core.times import MINUTE, Duration

if TYPE_CHECKING:
    from offhours.agents.room import AgentRoom
    from offhours.app import Offhours
    from offhours.handles import JobHandle

_MODEL_GAP = 10 * MINUTE


class Agent:
    """An agent by its name: what it wants to be told when, and what it was told.

    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> agent = app.agent("scout")
    >>> goal = agent.schedule("Look for new papers.", "every day at 7am", name="papers")
    >>> _ = app.clock.advance("1d")
    >>> _ = app.drain()
    >>> [(thought.prompt, thought.acknowledge()) for thought in agent.thoughts()]
    [('Look for new papers.', True)]
    """

    def __init__(self, app: Offhours, room: AgentRoom, name: str) -> None:
        self._app = app
        self._room = room
        self.name = name
        self.calls_model = False
        self._inbox = Inbox(app, name, room.bell(name))

    # -- goals ------------------------------------------------------------------------------

    def schedule(
        self,
        prompt: str,
        when: Any,
        *,
        name: str | None = None,
        goal: str = "",
        origin: Mapping[str, Any] | None = None,
        created_by: str = BY_AGENT,
        tenant: str | None = None,
        expires: Duration | None = None,
        thought_expires: Duration | None = "7d",
        thread: str = ISOLATED,
        delivery: str = ANNOUNCED,
        **options: Any,
    ) -> GoalHandle:
        """Have this agent told something: once or again and again.

        when: as for `app.schedule`; a moment, also as ISO 8601 text, is once, and at once if it has
            passed
        goal: what it is for; origin: where it comes from (`thought_id`, `conversation_id`, `user`)
        created_by: "agent", "human" or "code". What an agent made expires, after 30 days or sooner,
            and fires at most every minute (every 10, if the agent calls a model)
        expires: how long it goes on; thought_expires: how long what it says is worth being told
        thread: the conversation in which its thoughts are worked on, one after the other; each in
            one of its own ("isolated") unless you name it
        delivery: who is told of its thoughts: the channels of `deliver` ("announce"), one of them
            by the name of its route, or nobody ("none"); they are in the inbox whichever it is
        options: those of `ScheduleOptions` that say how it fires

        `QuotaExceeded` when the agent or the tenant may have no more.
        """
        return self._room.goals.add(
            self.name, when, prompt=prompt, name=name, goal=goal, origin=origin,
            created_by=created_by, tenant=tenant, expires=expires,
            thought_expires=thought_expires, thread=thread, delivery=delivery, options=options,
            least_gap=_MODEL_GAP if self.calls_model else MINUTE,
        )  # fmt: skip

    def goals(self, limit: int = 50, after: int = 0) -> list[GoalHandle]:
        """A page of its goals, in the order in which they were made; `after` is the number of the
        schedule of the last one before."""
        found = self._room.goals.page(self.name, after, limit)
        return [GoalHandle(self._room.goals, goal.task_id) for goal in found]

    def submit(
        self,
        function: Any,
        *,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        origin: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        report: bool = False,
        **options: Any,
    ) -> JobHandle[Any]:
        """Submit a job in this agent's name: its budget pays for it, and for its children.

        report: leave the agent a thought when it has ended, with its result, quoted
        """
        told = {**(metadata or {}), "agent": self.name}
        if origin:
            told["origin"] = dict(origin)
        if report:
            call = (tuple(args), dict(kwargs or {}))
            return self._room.submit_with_report(self.name, function, call, told, options)
        return self._app.submit(function, args=args, kwargs=kwargs, metadata=told, **options)

    # -- thoughts ---------------------------------------------------------------------------

    def thoughts(self, wait: Duration = 0, lease: Duration = LEASE) -> Thoughts:
        """Its thoughts, one by one, oldest first: with `for`, or `async for`.

        wait: how long to wait for the next one before the iteration ends
        lease: for how long nobody else gets the one that is worked on. Unless it is acknowledged
            (or snoozed) by then, it comes again
        """
        return Thoughts(self._inbox, wait, lease)

    def take(self, limit: int = 20, wait: Duration = 0, lease: Duration = LEASE) -> list[Thought]:
        """Several thoughts at once, waiting for the first one for so long: a long poll."""
        return self._inbox.take(limit, wait, lease)

    def think(
        self,
        prompt: str,
        *,
        goal: str = "",
        origin: Mapping[str, Any] | None = None,
        created_by: str = "code",
        delay: Duration = 0,
        expires: Duration | None = None,
        key: str | None = None,
        thread: str = ISOLATED,
        delivery: str = ANNOUNCED,
    ) -> Thought:
        """Leave it a thought by hand.

        key: of one key there is one thought, however often this is called. Inside of a run it is
            the job and the prompt, so that a run that is done again leaves no second one
        thread, delivery: as for `schedule`
        """
        return self._room.leave(
            self.name, prompt, goal=goal, origin=origin, created_by=created_by, delay=delay,
            expires=expires, key=key, thread=thread, delivery=delivery,
        )  # fmt: skip

    def inbox(self, state: str | None = "waiting", limit: int = 50) -> list[StoredThought]:
        """What is in its inbox, newest first, without taking it; None for every state."""
        return self._room.thoughts.page(self.name, state, limit=limit)

    def handler(
        self, function: Callable[[Thought], Any] | None = None, /, **options: Any
    ) -> Callable[..., Any]:
        """Have a function work on each thought, as a job: `@agent.handler` or
        `@agent.handler(retries=3, timeout="10m")`, with the options of a task.

        When it returns, the thought is acknowledged, unless it was snoozed: then the job goes on
        later. When it raises, the job is retried; when that fails for good, the thought is in the
        inbox again. What waits already is worked on, too.
        """

        def register(function: Callable[[Thought], Any]) -> Callable[[Thought], Any]:
            if "executor" in options or "name" in options:
                raise OptionError("handler: it runs in a thread, under a name of its own")
            self._room.set_handler(self.name, function, options)
            return function

        return register if function is None else register(function)

    def deliver(self, channel: Any, **options: Any) -> None:
        """Send its thoughts to a channel, such as `offhours.notify.Webhook`, while this app works.

        They stay in the inbox until somebody acknowledges them. `options` are those of a `Route`.
        """
        self._app.deliver_thoughts(self.name, channel, options)

    # -- what it may use --------------------------------------------------------------------

    def budget(self, budget: Any = None, /, **fields: Any) -> None:
        """Limit what it may use up: `agent.budget(usd=5, per="day", on_breach="defer")`.

        The fields are those of `Budget`; without any, the budget is lifted.
        """
        self._room.set_budget("agent", self.name, budget, fields)

    def quota(self, **fields: Any) -> None:
        """Limit what it may have stored: `agent.quota(active=50, cron=10, memory=1_000_000)`.

        `deferrals`: how often a goal may be moved to later before a person is asked. It replaces
        the quota that every agent has (50 active goals, 20 deferrals); without any field, it may
        have as much as it likes.
        """
        self._room.set_quota("agent", self.name, fields)

    def __repr__(self) -> str:
        return f"<agent {self.name}>"
