"""The documented notification classes."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.unit.notify.doubles import Inbox, mail_server

from offhours import NotificationConfig, NotificationManager, NotificationType
from offhours.core.errors import ConfigError, InputError
from offhours.notify import Mail, Webhook
from offhours.testing import memory_app


def test_all_faults_are_told_at_once_in_the_documents_words() -> None:
    with pytest.raises(ConfigError) as caught:
        NotificationConfig.from_dict({
            "types": ["email", "webhok", "webhook"], "email_smpt_host": "x",
            "email_smtp_host": "mail.example.com", "email_recipients": ["nobody"],
            "email_use_tls": False, "webhook_url": "http://10.0.0.1/token-in-here",
            "webhook_timeout": -1, "memory_importance_score": 11,
        })  # fmt: skip
    faults = caught.value.faults
    assert [fault.partition(":")[0] for fault in faults] == [
        'no setting "email_smpt_host"; did you mean "email_smtp_host"?', "types",
        "memory_importance_score", "email_recipients", "email_use_tls", "webhook_url",
        "webhook_timeout",
    ]  # fmt: skip
    assert 'did you mean "webhook"?' in faults[1]
    assert "token-in-here" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        NotificationConfig(types=["email", "webhook"])
    assert caught.value.faults == (
        "email_smtp_host: email needs it", "email_recipients: email needs it",
        "webhook_url: webhook needs it",
    )  # fmt: skip


def test_what_is_not_enabled_sends_nothing() -> None:
    config = NotificationConfig(enabled=False, types=["email"])
    assert config.routes() == []
    assert NotificationManager(config).send("a", "b") == {}


def test_the_types_are_the_channels() -> None:
    config = NotificationConfig(
        types=list(NotificationType), email_smtp_host="mail.example.com", email_smtp_port=465,
        email_recipients=["a@example.com"], email_username="a@example.com",
        email_password="pw-12345", webhook_url="env:HOOK", webhook_timeout=7,
    )  # fmt: skip
    by_name = {route.name: route.channel for route in config.routes()}
    mail, hook = by_name["email"], by_name["webhook"]
    assert list(by_name) == ["log", "email", "webhook", "memory"]
    assert isinstance(mail, Mail) and mail.tls == "tls"
    assert isinstance(hook, Webhook) and hook.deadline == 7
    assert "pw-12345" not in repr(config)
    assert config == NotificationConfig.from_dict(vars(config))


def test_a_manager_sends_without_an_app(caplog: pytest.LogCaptureFixture) -> None:
    manager = NotificationManager()
    with caplog.at_level(logging.INFO, "offhours"):
        assert manager.send("Training finished", "well", level="warning") == {"log": True}
    [record] = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "Training finished: well")
    assert manager.test()["log"].ok
    for wrong in (
        {"title": "a\r\nb"},
        {"level": "warnin"},
        {"metadata": {"a": object()}},
        {"metadata": {"text": "other"}},
    ):
        with pytest.raises(InputError):
            manager.send(**{"title": "a", "message": "b", **wrong})  # type: ignore[arg-type]


def test_mail_by_the_documents_words() -> None:
    inbox = Inbox()
    with mail_server(inbox, None) as port:
        manager = NotificationManager(
            NotificationConfig(
                types=["email"], email_smtp_host="127.0.0.1", email_smtp_port=port,
                email_recipients=["ops@example.com"],
            )
        )  # fmt: skip
        assert manager.send("a", "b") == {"email": False}  # it offers no STARTTLS
        [shown] = manager.get_notifications()
    assert inbox.letters == []
    assert (shown["status"], shown["title"]) == ("waiting", "a")
    assert "STARTTLS" in shown["error"]


class Service:
    """Memory services of several kinds."""

    def __init__(self) -> None:
        self.kept: list[Any] = []


class Keyword(Service):
    def store_memory(self, content: str, tenant_id: str, importance_score: int) -> None:
        self.kept.append((content, tenant_id, importance_score))


class Coroutine(Service):
    async def store(self, content: str, **more: Any) -> None:
        await asyncio.sleep(0)
        self.kept.append((content, more["tenant_id"], more["importance_score"]))


class Positional(Service):
    def add(self, what: str, /) -> None:
        self.kept.append((what, "t", 9))


class Refusing(Service):
    def save(self, content: str) -> bool:
        return False


@pytest.mark.parametrize("kind", [Keyword, Coroutine, Positional])
def test_a_memory_service_keeps_it(kind: type[Service]) -> None:
    config = NotificationConfig(types=["memory"], memory_tenant_id="t", memory_importance_score=9)
    service = kind()
    manager = NotificationManager(config, service)
    sent = asyncio.run(manager.send_notification("a title", "a message", metadata={"run": 7}))
    assert sent == {"memory": True}
    assert service.kept == [("a title\na message", "t", 9)]
    [shown] = manager.get_notifications()
    assert (shown["tenant_id"], shown["importance_score"], shown["status"]) == ("t", 9, "sent")


def test_a_memory_service_may_be_none_or_refuse() -> None:
    config = NotificationConfig(types=["memory"])
    assert NotificationManager(config, Refusing()).send("a", "b") == {"memory": False}
    with pytest.raises(ConfigError, match="store_memory"):
        NotificationManager(config, object())


def test_with_an_app_it_tells_of_the_app() -> None:
    app = memory_app()
    manager = NotificationManager(NotificationConfig(types=["memory"]), app=app)
    app.submit(int, args=("x",), retries=0)
    app.drain()
    app.clock.advance("10s")
    manager.retry()
    manager.retry()
    [shown] = manager.get_notifications()
    assert shown["title"].startswith("job 1 (builtins:int) failed: ValueError")
