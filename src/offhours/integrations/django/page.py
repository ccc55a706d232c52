"""The page and the REST API behind Django's own users: staff look, superusers do everything."""

from __future__ import annotations

import functools

from django import conf
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from offhours.api.guard import ANY_HOST
from offhours.api.limits import Limits
from offhours.api.tokens import Principal
from offhours.core.access import Scope
from offhours.integrations.bridge import METHODS, Answer, Asked, Bridge
from offhours.integrations.django.project import project_app, project_settings


@csrf_exempt  # the API has a token of its own against forged requests
@require_http_methods(METHODS)
def page(request: HttpRequest, path: str) -> HttpResponseBase:
    """Staff are who they are; programs, and whoever has no session here, show a token."""
    holder = _holder(request)
    signed = "Authorization" in request.headers
    if holder is None and not signed and path == "":
        from django.contrib.auth.views import redirect_to_login  # it loads models

        return redirect_to_login(request.get_full_path(), _login_url())
    return _response(_bridge().ask(_asked(request, path, holder)))


def _holder(request: HttpRequest) -> Principal | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    if not (user.is_active and user.is_staff):
        raise PermissionDenied("the page of Offhours is for staff")
    scope = Scope.ADMIN if user.is_superuser else Scope(project_settings().staff_scope)
    return Principal(user.get_username(), scope)


@functools.cache
def _bridge() -> Bridge:
    token = (
        project_settings().token or salted_hmac("offhours.page", "", algorithm="sha256").hexdigest()
    )
    return Bridge(project_app(), token=token, hosts=[ANY_HOST])


def _asked(request: HttpRequest, path: str, holder: Principal | None) -> Asked:
    host = request.get_host()  # refuses what ALLOWED_HOSTS does not name
    return Asked(
        method=request.method or "GET",
        root=request.path[: len(request.path) - len(path)].rstrip("/"),
        path=path,
        query=request.META.get("QUERY_STRING", "").encode("latin-1", "replace"),
        headers=[("Host", host), *((n, v) for n, v in request.headers.items() if n != "Host")],
        body=request.read(Limits().body + 1),
        scheme=request.scheme or "http",
        client=request.META.get("REMOTE_ADDR", ""),
        holder=holder,
    )


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers:
        response[name] = value
    return response


def _login_url() -> str:
    try:
        return reverse("admin:login")
    except NoReverseMatch:
        return str(conf.settings.LOGIN_URL)
