"""Loki's push API: `POST /loki/api/v1/push`."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from offhours.core.clock import Clock, SystemClock
from offhours.core.errors import ConfigError
from offhours.recorder.dumps import LABELS, Dump
from offhours.recorder.redaction import Redactor
from offhours.recorder.sinks.base import SinkRefused, SinkUnavailable
from offhours.recorder.sinks.files import opened
from offhours.recorder.sinks.loki_lines import Line, batches, lines, push, stamped

PATH = "/loki/api/v1/push"
MOST_LABELS = 15
_OURS = frozenset({*LABELS, "severity", "triggered_by"})
_NEVER = frozenset({400, 413, 422})
_TOO_OLD = re.compile(r"too old|too far behind|out of order", re.IGNORECASE)
_NO_METADATA = re.compile(r"structured metadata", re.IGNORECASE)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NANOSECONDS = 1000


class LokiSink:
    """Pushes dumps to Loki, each batch once it was not acknowledged before.

    url: `http://localhost:3100`, with `user:password@` for basic authentication
    tenant: sent as X-Scope-OrgID
    token: sent as a bearer token
    labels: further labels of every line, all strings
    timeout: seconds for each step of a push
    dead_letters: a file, 0600, for what Loki refused, with its reason

    Raises `ConfigError` for an address or labels that Loki cannot have.
    """

    name = "loki"

    def __init__(
        self,
        url: str,
        *,
        tenant: str | None = None,
        token: str | None = None,
        labels: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        dead_letters: str | os.PathLike[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._labels = dict(labels or {})
        faults = [*_address_faults(parts.scheme, parts.hostname), *_label_faults(self._labels)]
        if faults:
            raise ConfigError(faults)
        self.address = Redactor().text(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        path = parts.path.rstrip("/")
        self._path = path if path.endswith("/push") else path + PATH
        self._headers = _headers(tenant, token, parts.username, parts.password)
        self._timeout = timeout
        self._dead_letters = None if dead_letters is None else Path(dead_letters)
        self._clock = clock or SystemClock()
        self._attach = True
        self._acknowledged: tuple[str, int] = ("", 0)

    def write(self, dump: Dump) -> None:
        labels = {**self._labels, **dump.labels}
        groups = list(batches(lines(dump)))
        before = self._acknowledged[1] if self._acknowledged[0] == dump.dump_id else 0
        problems = []
        for number, group in enumerate(groups[before:], before + 1):
            problem = self._push(group, labels)
            self._acknowledged = (dump.dump_id, number)
            if problem is not None:
                problems.append(problem)
                self._bury(group, labels, problem)
        if problems:
            raise SinkRefused("; ".join(problems))

    def close(self) -> None:
        """Each push has a connection of its own, so none is open."""

    def _push(self, group: list[Line], labels: Mapping[str, str]) -> str | None:
        """None when Loki took it, else why it never will."""
        problem = self._send(group, labels)
        if problem and self._attach and _NO_METADATA.search(problem):
            self._attach = False  # a Loki from before structured metadata, or one without it
            problem = self._send(group, labels)
        if problem and _TOO_OLD.search(problem):
            problem = self._send(stamped(group, self._clock.micros() * _NANOSECONDS), labels)
        return problem

    def _send(self, group: Iterable[Line], labels: Mapping[str, str]) -> str | None:
        body = gzip.compress(push(group, labels, self._attach), compresslevel=3)
        try:
            status, text = self._post(body)
        except (OSError, http.client.HTTPException) as error:
            raise SinkUnavailable(f"{self.address}: {type(error).__name__}: {error}") from error
        if 200 <= status < 300:
            return None
        answer = f"{status} {text}".strip()
        if status in _NEVER:
            return answer
        raise SinkUnavailable(f"{self.address} answered {answer}")

    def _post(self, body: bytes) -> tuple[int, str]:
        connection: http.client.HTTPConnection
        if self._secure:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("POST", self._path, body, self._headers)
            answer = connection.getresponse()
            text = answer.read(2000).decode("utf-8", "replace")
            return answer.status, text.strip()[:500]
        finally:
            connection.close()

    def _bury(self, group: Iterable[Line], labels: Mapping[str, str], problem: str) -> None:
        if self._dead_letters is None:
            return
        letter = {
            "problem": problem,
            "labels": dict(labels),
            "lines": [[str(line.at), line.text] for line in group],
        }
        try:
            self._dead_letters.parent.mkdir(parents=True, exist_ok=True)
            with open(opened(self._dead_letters), "a", encoding="utf-8") as file:
                file.write(json.dumps(letter) + "\n")
        except OSError as error:
            raise SinkRefused(f"{problem}; and {self._dead_letters}: {error}") from error


def _headers(
    tenant: str | None, token: str | None, user: str | None, password: str | None
) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    if tenant:
        headers["X-Scope-OrgID"] = tenant
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user:
        pair = f"{unquote(user)}:{unquote(password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


def _address_faults(scheme: str, host: str | None) -> list[str]:
    if scheme in ("http", "https") and host:
        return []
    return ["loki: expected an address like http://localhost:3100"]


def _label_faults(labels: Mapping[str, str]) -> list[str]:
    faults = []
    if len(labels) + len(_OURS) > MOST_LABELS:
        faults.append(f"labels: Loki takes {MOST_LABELS}, and {len(_OURS)} are ours")
    for name, value in labels.items():
        if not _LABEL.fullmatch(name) or name in _OURS:
            faults.append(f"labels: {name!r} cannot be a label's name here")
        elif not isinstance(value, str) or len(value) > 2048:
            faults.append(f"labels: {name}: expected a text of 2,048 characters at most")
    return faults
