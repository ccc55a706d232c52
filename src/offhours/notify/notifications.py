"""All routes of an app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from offhours.core.clock import Clock
from offhours.core.errors import ConfigError, InputError, did_you_mean
from offhours.core.notices import SEVERITIES, Delivery, DeliveryState
from offhours.core.ports import Store
from offhours.notify.channels import has_breaks
from offhours.notify.message import Message, check_data, one_line
from offhours.notify.notifier import Notifier, Trial
from offhours.notify.route import Route


class Notifications:
    """The routes of an app, and the messages that went by them.

    >>> from offhours.notify import Memory, Route
    >>> from offhours.testing import memory_app
    >>> app = memory_app()
    >>> notifications = app.notify(Route(Memory()))
    >>> notifications.test()["memory"].ok
    True
    >>> notifications.send("The disk is nearly full", severity="high")
    {'memory': <DeliveryState.SENT: 'sent'>}
    >>> notifications.recent()[0].subject
    'The disk is nearly full'
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._notifiers: dict[str, Notifier] = {}

    def add(self, routes: Iterable[Route]) -> None:
        """Add routes, which tell what happens from now on, or since they told last.

        Two of one name raise `ConfigError`.
        """
        new = list(routes)
        names = [*self._notifiers, *(route.name for route in new)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError([f"name: there are two routes {name}; name one" for name in twice])
        for route in new:
            notifier = Notifier(route, self._store, self._clock)
            notifier.begin()
            self._notifiers[route.name] = notifier

    def drop(self, names: Iterable[str]) -> None:
        """Take routes away; what they have not sent yet is not sent."""
        for name in names:
            self._notifiers.pop(name, None)

    @property
    def routes(self) -> Mapping[str, Route]:
        """The routes by name."""
        return {name: notifier.route for name, notifier in self._notifiers.items()}

    def tick(self) -> None:
        """One round of all routes in the caller's thread; a working app does that by itself."""
        for notifier in self._notifiers.values():
            notifier.tick(self._clock.micros())

    def test(self, name: str | None = None) -> dict[str, Trial]:
        """Send a test by one route or by all, now and once, and say what came of it."""
        return {one: self._notifiers[one].test() for one in self._chosen(name)}

    def send(
        self,
        subject: str,
        text: str = "",
        *,
        severity: str = "medium",
        to: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> dict[str, DeliveryState]:
        """Send a message of your own by one route or by all, at once and whatever the hour.

        It is stored before it is tried: what cannot be sent now is `waiting` and tried again. What
        cannot be a message raises `InputError`, and an unknown route `ConfigError`.
        """
        if has_breaks(subject) or not subject.strip():
            raise InputError("subject: expected one line of text")
        if severity not in SEVERITIES:
            known, hint = ", ".join(SEVERITIES), did_you_mean(severity, SEVERITIES)
            raise InputError(f'severity: expected {known}, got "{severity}"{hint}')
        check_data(data or {})
        now = self._clock.micros()
        line = one_line(subject)
        keys = {name: uuid4().hex for name in self._chosen(to)}
        messages = [
            Message(
                key, "message", line, text or line, now, severity,
                {**self._notifiers[name].route.labels, **(data or {})},
            ).to(name)
            for name, key in keys.items()
        ]  # fmt: skip
        self._store.notices.deliver(messages, now)
        for name in keys:
            self._notifiers[name].send_due()
        states = {each.key: each.state for each in self.recent(len(keys) + 1_000)}
        return {
            name: DeliveryState(states.get(key, DeliveryState.WAITING))
            for name, key in keys.items()
        }

    def recent(self, limit: int = 50, state: DeliveryState | None = None) -> Sequence[Delivery]:
        """The newest messages, of all processes on the store; `state` only those."""
        return self._store.notices.deliveries(state, limit)

    def notifiers(self, store: Store) -> list[Notifier]:
        """Each route at work on connections of its own."""
        return [Notifier(each.route, store, self._clock) for each in self._notifiers.values()]

    def _chosen(self, name: str | None) -> list[str]:
        if name is not None and name not in self._notifiers:
            hint = did_you_mean(name, list(self._notifiers))
            raise ConfigError([f'no route "{name}"{hint}'])
        return list(self._notifiers) if name is None else [name]
