"""Serves an app over HTTP from a thread of its own, beside whatever the process does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from offhours.api.limits import Limits
from offhours.api.places import DASHBOARD, LOOPBACK
from offhours.api.tokens import new_token

if TYPE_CHECKING:
    from uvicorn import Config

    from offhours.api.documented.telemetry import TaskSchedulerTelemetry
    from offhours.api.documented.training import TrainingScheduler
    from offhours.api.patient import PatientServer
    from offhours.app import Offhours

START_SECONDS = 30.0
STOP_SECONDS = 5.0
BACKLOG = 512


class ApiServer:
    """Answers on `host:port` until it is closed.

    The port is taken at once (`OSError` when somebody has it; 0 takes a free one); what serves it
    is loaded on the server's own thread, so that nobody waits for that.

    token: allows everything; without one a new one is made
    training, task_scheduler: faces of the documents, as `make_app` takes them
    hosts: further names under which the server may be asked; those of this machine's loopback,
        and the host itself, always hold

    >>> from urllib.request import urlopen
    >>> from offhours.testing import memory_app
    >>> with ApiServer(memory_app(), port=0) as server:
    ...     urlopen(f"{server.url}healthz").read()
    b'{"status":"ok"}'
    """

    def __init__(
        self,
        app: Offhours,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        hosts: Collection[str] = (),
        limits: Limits | None = None,
        page: Path | None = DASHBOARD,
        training: TrainingScheduler | None = None,
        task_scheduler: TaskSchedulerTelemetry | None = None,
    ) -> None:
        self.host = host
        self.token = token or new_token()
        self._app = app
        self._hosts = frozenset({*LOOPBACK, _named(host), *hosts})
        self._limits = limits or Limits()
        self._page = page
        self._faces = training, task_scheduler
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._server: PatientServer | None = None
        self._closing = False
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offhours-api", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, with a slash at the end."""
        shown = "127.0.0.1" if self.host in ("", "0.0.0.0", "::") else self.host
        return f"http://{_named(shown)}:{self.port}/"

    @property
    def link(self) -> str:
        """For a browser: what stands behind `#` is never sent over the network."""
        return f"{self.url}#token={self.token}"

    def wait(self, seconds: float = START_SECONDS) -> bool:
        """Wait until it answers; false when that takes longer."""
        return self._ready.wait(seconds)

    def close(self) -> None:
        """Answer no more. Whoever still listens is told so, or cut off after a moment."""
        with self._lock:
            self._closing = True
            if self._server is not None:
                self._server.end()
        # What is still being loaded is soon there: a program must not end in the midst of it.
        self._thread.join(None if self._server is None else STOP_SECONDS)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        from offhours.api.factory import make_app
        from offhours.api.patient import PatientServer

        training, task_scheduler = self._faces
        made = make_app(
            self._app, token=self.token, hosts=self._hosts, limits=self._limits, page=self._page,
            training=training, task_scheduler=task_scheduler,
        )  # fmt: skip
        with self._lock:
            if self._closing:
                return
            self._server = server = PatientServer(
                _config(made, self._limits), made.state.offhours.hub.end
            )
        made.state.on_start = self._ready.set
        server.run(sockets=[self._socket])


def _config(made: Any, limits: Limits) -> Config:
    from uvicorn import Config

    from offhours.api.punctual import punctual

    return Config(
        made,
        http=punctual(limits.head_seconds),
        ws="websockets-sansio",
        ws_max_size=limits.body,
        ws_per_message_deflate=False,  # it would deflate the same message once for each page
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=1,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Its protocol is named, else asyncio leaves Nagle's delay of 40 ms on each connection.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except BaseException:
        found.close()
        raise
    return found


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
