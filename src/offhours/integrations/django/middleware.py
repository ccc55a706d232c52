"""Requests as foreground work: name `...django.middleware.foreground` first in MIDDLEWARE."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.decorators import sync_and_async_middleware

from offhours.core.times import SECOND
from offhours.integrations.django.project import project_app, project_settings
from offhours.integrations.in_front import InFront


@functools.cache
def requests_in_front() -> InFront:
    """Those who are in front of this project's processes."""
    settings = project_settings()
    return InFront(project_app(), settings.workflow, settings.linger / SECOND)


@sync_and_async_middleware
def foreground(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Hold background work back while requests are answered, except below what `exclude` names.

    The page of Offhours never counts. See `InFront` for how cheaply this is done.
    """
    in_front = requests_in_front()
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            if request.path_info.startswith(_excluded()):
                return await get_response(request)
            with in_front:
                return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        if request.path_info.startswith(_excluded()):
            return get_response(request)
        with in_front:
            return get_response(request)

    return answer


@functools.cache
def _excluded() -> tuple[str, ...]:
    excluded = project_settings().exclude or ()
    try:
        page = reverse("offhours:page", args=[""])
    except NoReverseMatch:
        return excluded
    return (*excluded, "/" + page.removeprefix(get_script_prefix()))
