"""The notification classes of the training scheduler document, on the one set of channels."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from offhours.app import Offhours
from offhours.core.errors import ConfigError, DeliveryError, InputError, did_you_mean
from offhours.core.notices import DeliveryState
from offhours.core.times import to_datetime
from offhours.faces.base import MEMORY
from offhours.notify import Channel, Log, Mail, Memory, Message, Route, Secret, Trial, Webhook

_SEVERITY_OF = {
    "debug": "low", "info": "low", "success": "low", "low": "low",
    "warning": "medium", "medium": "medium",
    "error": "high", "high": "high",
    "critical": "critical",
}  # fmt: skip
# Our channels' words for what the document calls otherwise.
_KEYS = {
    "host": "email_smtp_host", "port": "email_smtp_port", "to": "email_recipients",
    "password": "email_password", "tls": "email_use_tls", "sender": "email_sender",
    "url": "webhook_url", "headers": "webhook_headers", "deadline": "webhook_timeout",
}  # fmt: skip
STORE_METHODS = ("store_memory", "add_memory", "store", "save", "add", "commit")


class NotificationType(StrEnum):
    """A way to send notifications."""

    LOG = "log"
    EMAIL = "email"
    WEBHOOK = "webhook"
    MEMORY = "memory"


@dataclass(frozen=True)
class NotificationConfig:
    """What is sent how, in the document's words. What cannot be used raises one `ConfigError`.

    email_password, webhook_url and the values of webhook_headers may be `env:NAME` or `file:PATH`.
    `email_use_tls=False` is refused unless the server is on this machine and there is no password.
    memory_tenant_id, memory_importance_score (1 to 10): told with each message

    >>> config = NotificationConfig(types=[NotificationType.LOG, NotificationType.MEMORY])
    >>> [route.name for route in config.routes()]
    ['log', 'memory']
    """

    enabled: bool = True
    types: Sequence[NotificationType | str] = (NotificationType.LOG,)
    email_smtp_host: str | None = None
    email_smtp_port: int = 587
    email_username: str | None = None
    email_password: str | None = field(default=None, repr=False)
    email_recipients: Sequence[str] = ()
    email_use_tls: bool = True
    webhook_url: str | None = field(default=None, repr=False)
    webhook_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    webhook_timeout: float = 30
    memory_tenant_id: str | None = None
    memory_importance_score: int = 8
    email_sender: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        faults: list[str] = []
        types = []
        for given in self.types:
            try:
                types.append(NotificationType(given))
            except ValueError:
                known = [each.value for each in NotificationType]
                hint = did_you_mean(str(given), known)
                faults.append(f'types: expected {", ".join(known)}, got "{given}"{hint}')
        object.__setattr__(self, "types", tuple(dict.fromkeys(types)))
        score = self.memory_importance_score
        if isinstance(score, bool) or not isinstance(score, int) or not 1 <= score <= 10:
            faults.append(f"memory_importance_score: expected 1 to 10, got {score!r}")
        if self.enabled:
            for kind in types:
                faults += self._faults_of(kind)
        if faults:
            raise ConfigError(faults)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration that a file holds; an unknown key is a fault, with the nearest name."""
        known = [each.name for each in fields(cls)]
        unknown = [key for key in values if key not in known]
        faults = [f'no setting "{key}"{did_you_mean(str(key), known)}' for key in unknown]
        try:
            made = cls(**{key: value for key, value in values.items() if key in known})
        except ConfigError as error:
            raise ConfigError([*faults, *error.faults]) from None
        if faults:
            raise ConfigError(faults)
        return made

    def routes(self, memory_service: object = None) -> list[Route]:
        """A route for each type; none when it is not enabled."""
        labels: dict[str, Any] = {"importance_score": self.memory_importance_score}
        if self.memory_tenant_id is not None:
            labels["tenant_id"] = self.memory_tenant_id
        return [
            Route(
                self._channel(kind, memory_service),
                name=str(kind),
                labels=labels if kind is NotificationType.MEMORY else {},
            )
            for kind in map(NotificationType, self.types if self.enabled else ())
        ]

    def _faults_of(self, kind: NotificationType) -> list[str]:
        needed = {
            NotificationType.EMAIL: ("email_smtp_host", "email_recipients"),
            NotificationType.WEBHOOK: ("webhook_url",),
        }.get(kind, ())
        missing = [f"{name}: {kind} needs it" for name in needed if not getattr(self, name)]
        if missing:
            return missing
        try:
            self._channel(kind, None)
        except ConfigError as error:
            parts = (fault.partition(":") for fault in error.faults)
            return [f"{_KEYS.get(key, key)}:{told}" for key, _, told in parts]
        return []

    def _channel(self, kind: NotificationType, memory_service: object) -> Channel:
        match kind:
            case NotificationType.LOG:
                return Log()
            case NotificationType.EMAIL:
                return self._mail()
            case NotificationType.WEBHOOK:
                return Webhook(
                    Secret(self.webhook_url or ""),
                    headers=self.webhook_headers,
                    secret=self.webhook_secret,
                    deadline=self.webhook_timeout,
                )
            case NotificationType.MEMORY:
                return Memory() if memory_service is None else ServiceMemory(memory_service)

    def _mail(self) -> Mail:
        return Mail(
            self.email_smtp_host or "",
            to=self.email_recipients,
            port=self.email_smtp_port,
            sender=self.email_sender,
            user=self.email_username,
            password=self.email_password,
            tls=("tls" if self.email_smtp_port == 465 else "starttls")
            if self.email_use_tls
            else "none",
        )


@dataclass(frozen=True)
class ServiceMemory:
    """Keeps messages in a memory service of yours as well as in the store.

    The service is any object with one of the methods `STORE_METHODS`. Of `content`, `text`,
    `tenant_id`, `importance_score` and `metadata` it gets those that it takes by name, or else the
    content alone; it may be a coroutine.
    """

    service: object = field(repr=False)
    kind: str = "memory"
    deadline: float = 30

    def __post_init__(self) -> None:
        if not any(callable(getattr(self.service, name, None)) for name in STORE_METHODS):
            names = ", ".join(STORE_METHODS)
            raise ConfigError([f"memory_service: expected an object with one of {names}"])

    def send(self, message: Message) -> str:
        """Hand it to the service."""
        found = (getattr(self.service, name, None) for name in STORE_METHODS)
        store = next(method for method in found if callable(method))
        told = {
            "content": f"{message.subject}\n{message.text}",
            "text": message.text,
            "tenant_id": message.data.get("tenant_id"),
            "importance_score": message.data.get("importance_score"),
            "metadata": message.as_json(),
        }
        taken = _taken(store, told)
        done = store(**taken) if taken else store(told["content"])
        if inspect.isawaitable(done):
            done = asyncio.run(_awaited(done))
        if done is False:
            raise DeliveryError("the memory service did not keep it")
        return ""


async def _awaited(done: Any) -> Any:
    return await done


def _taken(function: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return dict(told)
    names = {each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY}
    return {name: value for name, value in told.items() if name in names}


class NotificationManager:
    """Sends notifications by all ways of a configuration.

    With an `app` it also tells that app's failures and alerts, durably; without one it keeps its
    messages in memory, and only what you send is sent.

    >>> manager = NotificationManager(NotificationConfig(types=["memory"]))
    >>> manager.send("Training finished", "Quality rose to 0.93", level="info")
    {'memory': True}
    >>> manager.get_notifications()[0]["title"]
    'Training finished'
    >>> manager.test()["memory"].ok
    True
    """

    def __init__(
        self,
        config: NotificationConfig | None = None,
        memory_service: object = None,
        *,
        app: Offhours | None = None,
    ) -> None:
        self.config = config or NotificationConfig()
        self.app = app or Offhours(MEMORY)
        routes = self.config.routes(memory_service)
        self._names = [route.name for route in routes]
        self._notifications = self.app.notify(*routes)

    def send(
        self,
        title: str,
        message: str,
        level: str = "info",
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, bool]:
        """Send by all ways; of each, whether it is sent. What is not is tried again: by a working
        app at its time, without one by `retry()`.

        level: `info`, `warning`, `error`, `critical`, or a severity

        What cannot be a message raises `InputError`.
        """
        severity = _SEVERITY_OF.get(level.lower())
        if severity is None:
            hint = did_you_mean(level, list(_SEVERITY_OF))
            known = ", ".join(_SEVERITY_OF)
            raise InputError(f'level: expected one of {known}, got "{level}"{hint}')
        sent: dict[str, bool] = {}
        for name in self._names:
            states = self._notifications.send(
                title, message, severity=severity, to=name, data=metadata
            )
            sent[name] = states[name] is DeliveryState.SENT
        return sent

    async def send_notification(
        self,
        title: str,
        message: str,
        level: str = "info",
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, bool]:
        """`send` for coroutines: the loop goes on meanwhile."""
        return await asyncio.to_thread(self.send, title, message, level, metadata)

    def test(self) -> dict[str, Trial]:
        """Send a test by all ways, and say what came of each."""
        return {name: self._notifications.test(name)[name] for name in self._names}

    def retry(self) -> None:
        """Send what is due again. A working app does that by itself."""
        self._notifications.tick()

    def get_notifications(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest messages, as a page shows them."""
        return [
            {
                "id": each.key,
                "type": each.target,
                "title": each.subject,
                "message": told.text,
                "severity": told.severity,
                "status": each.state,
                "error": each.error,
                "created_at": to_datetime(each.created_at).isoformat(),
                **{name: told.data.get(name) for name in ("tenant_id", "importance_score")},
            }
            for each in self._notifications.recent(limit)
            for told in [Message.of(each)]
        ]
