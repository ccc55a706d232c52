"""A route: what goes to which channel, and how often that may speak."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from offhours.core.errors import ConfigError, InputError
from offhours.core.hours import Hours
from offhours.core.kinds import Zone
from offhours.core.times import Duration, Micros, parse_duration
from offhours.notify.channels import Channel, attempt
from offhours.notify.message import check_data
from offhours.notify.rules import Rule

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Route:
    """Send what the rules name to a channel.

    rules: what any of them matches is told; without them, failures and alerts
    name: names it in the store, by which a restart finds how far it has told; by default the
        channel's kind
    wait: how long to wait for more after the first event, to tell it in one message
    every: how long from one message to the next at least; what happens meanwhile is in that one
    quiet: hours of the day without messages, such as `22:00-07:00`; they are told afterwards, in
        one message. What must wake people goes by a second route without quiet hours
    labels: told with each message, for the programs that read it
    timezone: of the quiet hours, such as `Europe/Berlin`; by default the machine's

    All that is wrong with it raises one `ConfigError`.

    >>> from offhours.notify import Log, Route, Rule
    >>> Route(Log(), [Rule(on="job.failed", tasks="mail.*")], every="5m").name
    'log'
    """

    channel: Channel
    rules: Sequence[Rule] = ()
    name: str = ""
    wait: Duration = "5s"
    every: Duration = "1m"
    quiet: str | None = None
    timezone: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    wait_micros: Micros = field(init=False, repr=False, default=0)
    every_micros: Micros = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        faults: list[str] = []
        rules = (self.rules,) if isinstance(self.rules, Rule) else tuple(self.rules)
        object.__setattr__(self, "rules", rules or (Rule(),))
        object.__setattr__(self, "name", self.name or self.channel.kind)
        if not _NAME.fullmatch(self.name):
            faults.append(f"name: expected letters, digits and _ . -, got {self.name[:80]!r}")
        for key in ("wait", "every"):
            try:
                object.__setattr__(self, f"{key}_micros", parse_duration(getattr(self, key), key))
            except InputError as error:
                faults.append(str(error))
        if self.quiet is not None:
            attempt(faults, "quiet", lambda: Hours.parse(self.quiet or ""))
        try:
            Zone()(self.timezone, "timezone")
        except InputError as error:
            faults.append(str(error))
        attempt(faults, "labels", lambda: check_data(self.labels))
        if faults:
            raise ConfigError(faults)

    def opens_at(self, now: Micros) -> Micros:
        """When it may speak, as far as the quiet hours go."""
        if self.quiet is None:
            return now
        return Hours.parse(self.quiet).over_at(now, Zone()(self.timezone, "timezone"))


class HasRoutes(Protocol):
    """What says routes in its own words."""

    def routes(self) -> Sequence[Route]: ...


def all_routes(given: Iterable[Route | HasRoutes]) -> list[Route]:
    """The routes themselves."""
    routes: list[Route] = []
    for each in given:
        routes += [each] if isinstance(each, Route) else each.routes()
    return routes
