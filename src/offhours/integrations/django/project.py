"""The app of a Django project: made once, of the setting OFFHOURS."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from asgiref.sync import sync_to_async
from django import conf
from django.apps import apps
from django.db import close_old_connections, reset_queries

from offhours.app import Offhours
from offhours.config import DEFAULT_DB
from offhours.engine import registry
from offhours.integrations.settings import SETTING, HostSettings

_KEYS = frozenset({"workflow", "linger", "exclude", "token", "staff_scope"})


@functools.cache
def project_settings() -> HostSettings:
    """The setting, checked; a `ConfigError` names all that is wrong with it."""
    return HostSettings.of(getattr(conf.settings, SETTING, {}), _KEYS)


@functools.cache
def project_app() -> Offhours:
    """The app of this project. Its database is in BASE_DIR when nothing names one."""
    if registry.importing and not apps.ready and not apps.loading:
        django.setup()  # a process that runs tasks imports them first, and they need models
    base = getattr(conf.settings, "BASE_DIR", None)
    app = project_settings().make_app(None if base is None else str(Path(base) / DEFAULT_DB))
    app.registry.surround(_surrounded)
    return app


def _surrounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """As around a request: no run finds, or leaves, a connection that is too old."""
    if inspect.iscoroutinefunction(function):
        tidy = sync_to_async(_tidy)

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            await tidy()
            try:
                return await function(*args, **kwargs)
            finally:
                await tidy()

        return run_async

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        _tidy()
        try:
            return function(*args, **kwargs)
        finally:
            _tidy()

    return run


def _tidy() -> None:
    reset_queries()
    close_old_connections()
