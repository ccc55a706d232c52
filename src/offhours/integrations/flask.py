"""Offhours in Flask: `OffhoursFlask(flask_app)`. Needs Flask: `offhours[flask]`."""

from __future__ import annotations

import atexit
import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import click
from flask import Flask, Response, current_app, g, has_app_context, request

from offhours.api.limits import Limits
from offhours.api.places import LOOPBACK
from offhours.api.tokens import Principal
from offhours.app import Offhours
from offhours.cli.main import run
from offhours.cli.session import Host
from offhours.core.access import Scope
from offhours.core.errors import ConfigError, NotStarted
from offhours.core.times import SECOND
from offhours.integrations.bridge import METHODS, Asked, Bridge
from offhours.integrations.in_front import InFront
from offhours.integrations.processes import PerProcess
from offhours.integrations.settings import SETTING, HostSettings

V = TypeVar("V", bound=Callable[..., Any])
Who = Callable[[], tuple[str, str] | None]

_KEYS = frozenset({"foreground", "workflow", "linger", "page", "token", "hosts", "work"})
_MARK = "offhours_in_front"
_INSIDE = "offhours_inside"


class OffhoursFlask:
    """Offhours as an extension of a Flask application.

    app: the `Offhours` to use; without one it is made from `flask.config["OFFHOURS"]`, a mapping
        with `db` and the options of `Offhours`, and else as `Offhours.from_config()` does
    who: gives the name and the scope ("read" to "admin") of whoever asks for the page, or None;
        without it, and for None, the page asks for a token

    The same mapping has `foreground` (whether each request holds background work back, see
    `foreground` and `background` for single views), `workflow`, `linger`, `page` (a prefix such as
    "/ops" for the page and the REST API), `token` and `hosts` for those, and `work` (each process
    works on jobs, too, from its first request on). Runs in threads have the application context.

    >>> from offhours.testing import memory_app
    >>> flask = Flask("shop")
    >>> jobs = OffhoursFlask(flask, memory_app())
    >>> @jobs.app.task(name="whose")
    ... def whose() -> str:
    ...     return current_app.name
    >>> whose.submit().result()
    'shop'
    """

    def __init__(
        self, flask: Flask | None = None, app: Offhours | None = None, *, who: Who | None = None
    ) -> None:
        self._given = app
        self._made: Offhours | None = None
        self._who = who
        if flask is not None:
            self.init_app(flask)

    @property
    def app(self) -> Offhours:
        """The app; one that `init_app` makes is there from then on."""
        if self._given is not None:
            return self._given
        if has_app_context():  # a factory may have made several applications
            return _installed().app
        if self._made is None:
            raise NotStarted("this extension has no app yet; call init_app(flask) first")
        return self._made

    def init_app(self, flask: Flask) -> None:
        """Put Offhours into an application; a `ConfigError` names all that cannot be used."""
        settings = HostSettings.of(flask.config.get(SETTING, {}), _KEYS)
        if self._given is not None and (settings.db is not None or settings.options):
            keys = [*(["db"] if settings.db is not None else []), *settings.options]
            raise ConfigError([f"{key}: the app is given already; set it there" for key in keys])
        token = None if settings.page is None else _token(flask, settings)
        app = self._made = self._given or settings.make_app()
        installed = _Installed(flask, app, settings)
        flask.extensions["offhours"] = installed
        app.registry.surround(functools.partial(_surrounded, flask))
        flask.before_request(installed.enter)
        flask.teardown_request(installed.leave)
        flask.cli.add_command(_commands(Host(flask.import_name, app)))
        if settings.page is not None:
            hosts = [*LOOPBACK, *(settings.hosts or ()), *(flask.config["TRUSTED_HOSTS"] or ())]
            installed.mount(settings.page, Bridge(app, token=token, hosts=hosts), self._who)

    def foreground(self, view: V) -> V:
        """Have requests to a view hold background work back. Write it right below the route."""
        setattr(view, _MARK, True)
        return view

    def background(self, view: V) -> V:
        """Have requests to a view be in nobody's way, where others hold background work back."""
        setattr(view, _MARK, False)
        return view

    def close(self) -> None:
        """Let go of what this process holds; the app itself stays open."""
        _installed().close()


class _Installed:
    """What one Flask application has of it."""

    def __init__(self, flask: Flask, app: Offhours, settings: HostSettings) -> None:
        self.app = app
        self._flask = flask
        self._all = settings.foreground
        self._in_front = InFront(app, settings.workflow, settings.linger / SECOND)
        self._bridge: Bridge | None = None
        self._working = PerProcess(functools.partial(_working, app)) if settings.work else None

    def enter(self) -> None:
        if self._working is not None:
            self._working.get()
        view = self._flask.view_functions.get(request.endpoint or "")
        if getattr(view, _MARK, self._all):
            self._in_front.enter()
            setattr(g, _INSIDE, True)

    def leave(self, error: BaseException | None = None) -> None:
        if g.pop(_INSIDE, False):
            self._in_front.leave()

    def mount(self, prefix: str, bridge: Bridge, who: Who | None) -> None:
        """Serve the page and the API below a prefix."""
        self._bridge = bridge

        def page(path: str) -> Response:
            return _answered(bridge, prefix, path, None if who is None else who())

        setattr(page, _MARK, False)
        flask = self._flask
        for rule, default in ((f"{prefix}/", {"path": ""}), (f"{prefix}/<path:path>", None)):
            flask.add_url_rule(
                rule, "offhours", page, methods=METHODS, defaults=default,
                provide_automatic_options=False,
            )  # fmt: skip

    def close(self) -> None:
        self._in_front.close()
        if self._bridge is not None:
            self._bridge.close()


def _installed() -> _Installed:
    found: _Installed | None = current_app.extensions.get("offhours")
    if found is None:
        raise NotStarted(f"{current_app.name} has no Offhours yet; call init_app(flask) first")
    return found


def _answered(bridge: Bridge, prefix: str, path: str, holder: tuple[str, str] | None) -> Response:
    root = f"{request.root_path.rstrip('/')}{prefix}"
    asked = Asked(
        method=request.method,
        root=root,
        path=path,
        query=request.query_string,
        headers=list(request.headers.items()),
        body=request.stream.read(Limits().body + 1),
        scheme=request.scheme,
        client=request.remote_addr or "",
        holder=None if holder is None else Principal(holder[0], Scope(holder[1])),
    )
    answer = bridge.ask(asked)
    return Response(answer.body, answer.status, answer.headers)


def _surrounded(flask: Flask, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with flask.app_context():
                return await function(*args, **kwargs)

        return run_async

    @functools.wraps(function)
    def run_in_context(*args: Any, **kwargs: Any) -> Any:
        with flask.app_context():
            return function(*args, **kwargs)

    return run_in_context


def _working(app: Offhours) -> Offhours:
    """The app, started in this process, and drained at its end."""
    atexit.register(app.stop)
    return app.start()


def _token(flask: Flask, settings: HostSettings) -> str:
    """A token that all processes of the application share."""
    if settings.token is not None:
        return settings.token
    secret = flask.secret_key
    if not secret:
        raise ConfigError(
            ["page: it needs a token that all processes share; set `token`, or Flask's SECRET_KEY"]
        )
    data = secret.encode() if isinstance(secret, str) else secret
    return hashlib.sha256(b"offhours page " + data).hexdigest()


def _commands(host: Host) -> click.Command:
    @click.command(
        "offhours",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        add_help_option=False,
    )
    @click.argument("args", nargs=-1, type=click.UNPROCESSED)
    @click.pass_context
    def offhours(ctx: click.Context, args: tuple[str, ...]) -> None:
        """Background work: the commands of `offhours`, on this application's app."""
        ctx.exit(run(host, args, ctx.command_path))

    return offhours
