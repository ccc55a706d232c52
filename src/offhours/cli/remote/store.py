"""What commands look for below an app, of a server: alerts, dumps, messages, tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from offhours.cli.codes import CommandError, Exit
from offhours.cli.remote import read
from offhours.cli.remote.wire import Wire, part
from offhours.core.access import Operation, Token
from offhours.core.errors import NotFound
from offhours.core.notices import Alert, AlertState, Delivery, DumpHead, StoredDump
from offhours.core.schedules import Schedule
from offhours.core.times import Micros, parse_moment

if TYPE_CHECKING:
    from offhours.cli.remote.app import RemoteApp


class RemoteStore:
    """The rooms of a store that a server shows; `name` is its address, without the token."""

    def __init__(self, app: RemoteApp, wire: Wire, name: str) -> None:
        self.name = name
        self.notices = RemoteNotices(wire)
        self.access = RemoteAccess(wire)
        self.schedules = RemoteTable(app)


class RemoteTable:
    """Schedules as rows."""

    def __init__(self, app: RemoteApp) -> None:
        self._app = app

    def get(self, schedule_id: int) -> Schedule | None:
        """A schedule by its number, if there is one."""
        try:
            return self._app.schedules.record(schedule_id)
        except NotFound:
            return None

    def named(self, name: str) -> Schedule | None:
        """A schedule by its name, if there is one."""
        return self._app.schedules.named(name)


class RemoteNotices:
    """Alerts, dumps and messages."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def alerts(self, state: str | None = None, limit: int = 50) -> list[Alert]:
        """The newest alerts."""
        return [_alert(a) for a in self._wire.get("alerts", state=state, limit=limit)["data"]]

    def acknowledge(self, alert_id: int, by: str, now: Micros) -> bool:
        """Say who looks after an alert; false when there is none that fires."""
        try:
            self._wire.post(f"alerts/{alert_id}/acknowledge", {"by": by})
        except NotFound:
            return False
        except CommandError as refusal:
            if refusal.exit is Exit.CONFLICT:
                return False
            raise
        return True

    def dumps(self, before: Micros | None = None, limit: int = 50) -> list[DumpHead]:
        """The newest dumps of the flight recorder."""
        return [_dump(each) for each in self._wire.get("recorder/dumps", limit=limit)["data"]]

    def dump(self, dump_id: str) -> StoredDump | None:
        """One dump, whole."""
        try:
            told: dict[str, Any] = self._wire.get(f"recorder/dumps/{part(dump_id)}")
        except NotFound:
            return None
        at = parse_moment(told["trigger_timestamp"])
        tool, body = told["triggered_by"], json.dumps(told)
        return StoredDump(dump_id, at, tool, told["severity"], tool, body, body)

    def deliveries(self, state: str | None = None, limit: int = 50) -> list[Delivery]:
        """The newest messages."""
        found = self._wire.get("notifications", state=state, limit=limit)["data"]
        return [_delivery(each) for each in found]


class RemoteAccess:
    """Tokens."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def tokens(self) -> list[Token]:
        """All tokens, those that hold no more too."""
        return [_token(each) for each in self._wire.get("tokens")["data"]]

    def operations(self, limit: int = 50) -> list[Operation]:
        """The newest long actions."""
        return [read.operation(each) for each in self._wire.get("operations", limit=limit)["data"]]

    def revoke_token(self, token_id: int, now: Micros) -> bool:
        """Let a token hold no more; false when it does not."""
        try:
            self._wire.delete(f"tokens/{token_id}")
        except NotFound:
            return False
        return True


def _alert(told: read.Told) -> Alert:
    """Something that is wrong, or was."""
    moments = ("fired_at", "seen_at", "acknowledged_at", "resolved_at")
    given = {name: told[name] for name in Alert._fields}
    given |= {name: read.moment(told[name]) for name in moments}
    if told["state"] == AlertState.RESOLVED:  # an answer says so in the message, too
        given["message"] = told["message"].removeprefix("resolved: ")
    return Alert(**given)


def _dump(told: read.Told) -> DumpHead:
    """A dump of the flight recorder, as a list has it."""
    return DumpHead(
        told["dump_id"], parse_moment(told["at"]), told["tool"], told["severity"], told["reason"],
        json.dumps(told["head"]),
    )  # fmt: skip


def _delivery(told: read.Told) -> Delivery:
    """A message on its way. What it says stays on the server."""
    return Delivery(
        id=told["id"],
        key=told["key"],
        target=told["target"],
        kind=told["kind"],
        subject=told["subject"],
        body="",
        created_at=parse_moment(told["created_at"]),
        state=told["state"],
        attempt=told["attempts"],
        next_at=read.moment(told["next_at"]) or 0,
        finished_at=read.moment(told["finished_at"]),
        error=told["error"],
    )


def _token(told: read.Told) -> Token:
    """A token, without what it is."""
    moments = {name: read.moment(told[name]) for name in ("expires_at", "revoked_at")}
    at = parse_moment(told["created_at"])
    return Token(
        told["id"], "", told["name"], told["scope"], told["tenant"], created_at=at, **moments
    )
