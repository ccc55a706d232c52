"""What `manage.py check` says of Offhours: all faults at once."""

from __future__ import annotations

from typing import Any

from django import conf
from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from offhours.core.errors import ConfigError
from offhours.integrations.django.project import project_settings
from offhours.integrations.settings import SETTING

_NEEDED = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)


def check_settings(app_configs: object = None, **options: Any) -> list[CheckMessage]:
    """Each fault of the setting OFFHOURS."""
    try:
        found = project_settings()
    except ConfigError as error:
        hint = "the keys are those of `Offhours` and of docs/integrations.md"
        faults = [fault.removeprefix(f"{SETTING}: ") for fault in error.faults]
        return [Error(f"{SETTING}: {f}", hint=hint, id="offhours.E001") for f in faults]
    if found.db == ":memory:" and found.options.get("executor") != "inline":
        return [
            checks.Warning(
                f'{SETTING}: with db ":memory:" each process has jobs of its own',
                hint='name a file or postgresql://...; for tests add "executor": "inline"',
                id="offhours.W001",
            )
        ]
    return []


def check_page(app_configs: object = None, **options: Any) -> list[CheckMessage]:
    """Whether the page, where it is included, can know who asks."""
    if not conf.settings.ROOT_URLCONF or not _is_mounted():
        return []
    missing = [name for name in _NEEDED if not _has_middleware(name)]
    if not apps.is_installed("django.contrib.auth"):
        missing.insert(0, "django.contrib.auth")
    hint = "the page is for staff: it needs users and sessions"
    return [
        Error(f"the page of Offhours needs {name}", hint=hint, id="offhours.E002")
        for name in missing
    ]


def _is_mounted() -> bool:
    try:
        reverse("offhours:page", args=[""])
    except NoReverseMatch:
        return False
    return True


def _has_middleware(name: str) -> bool:
    """Whether it, or one that stands in for it, is there."""
    wanted = import_string(name)
    found = (import_string(each) for each in conf.settings.MIDDLEWARE)
    return any(isinstance(each, type) and issubclass(each, wanted) for each in found)
