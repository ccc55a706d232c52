"""A stand-in for Loki that answers as a real one was seen to answer."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LINE_LIMIT = 262_144
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
MATCHER = re.compile(r'(\w+)="([^"]*)"')
HOUR = 3_600 * 10**9
SPANS = {"m": HOUR // 60, "h": HOUR, "d": 24 * HOUR}
# What a real Loki says, shortened.
TOO_OLD = "entry has timestamp too old: oldest acceptable timestamp is a week ago"
TOO_NEW = "entry has timestamp too new"
BEHIND = "entry too far behind, oldest acceptable timestamp is an hour ago"
TOO_LONG = "max entry size '262144' bytes exceeded"

Entry = tuple[int, str, dict[str, str]]


class Refusal(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class LokiDouble:
    """Serves on a free port. `script` holds statuses to answer first, whatever comes."""

    def __init__(self, structured_metadata: bool = True) -> None:
        self.structured_metadata = structured_metadata
        self.script: deque[int | str] = deque()
        self.stored: dict[tuple[tuple[str, str], ...], list[Entry]] = {}
        self.pushes: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def read(self) -> list[tuple[dict[str, str], Entry]]:
        """Every line once: the same time and text in the same stream is read as one."""
        found = []
        for labels, entries in self.stored.items():
            once = {(at, text): (at, text, data) for at, text, data in entries}
            found += [(dict(labels), entry) for entry in once.values()]
        return found

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(text) for _, (_, text, _) in self.read()]

    def counted(self) -> int:
        """What `count_over_time` counts: lines that came twice count twice."""
        return sum(map(len, self.stored.values()))

    def query_range(self, asked: dict[str, str]) -> dict[str, Any]:
        """Lines of a selector, the newest first, as `GET /loki/api/v1/query_range` answers."""
        if "start" in asked and not asked["start"].isdecimal():
            number = f'strconv.ParseInt: parsing "{asked["start"]}": invalid syntax'
            raise Refusal(400, f"could not parse 'start' parameter: {number}")
        since = asked.get("since", "1h")
        from_on = time.time_ns() - int(since[:-1]) * SPANS[since[-1]]
        selector, _, phrase = asked["query"].partition("}")
        wanted = dict(MATCHER.findall(selector))
        phrase = phrase.replace("|=", "").strip(' "')
        streams: dict[str, Any] = {}
        for labels, (at, text, _) in sorted(self.read(), key=lambda line: -line[1][0]):
            if wanted.items() <= labels.items() and at >= from_on and phrase in text:
                stream = streams.setdefault(str(labels), {"stream": labels, "values": []})
                stream["values"].append([str(at), text])
        limit = int(asked.get("limit", 100))
        for stream in streams.values():
            stream["values"] = stream["values"][:limit]
        result = {"resultType": "streams", "result": list(streams.values()), "stats": {}}
        return {"status": "success", "data": result}

    def push(self, body: bytes, headers: Any) -> None:
        if headers["Content-Type"] != "application/json":
            raise Refusal(400, "unsupported content type")
        if headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        try:
            streams = json.loads(body)["streams"]
        except (ValueError, KeyError) as error:
            raise Refusal(400, f"cannot parse: {error}") from None
        if not streams:
            raise Refusal(422, "at least one valid stream is required")
        problems = [
            problem
            for stream in streams
            for value in stream["values"]
            if (problem := self._take(stream["stream"], value))
        ]
        if problems:
            raise Refusal(400, problems[0])

    def _take(self, labels: dict[str, str], value: list[Any]) -> str:
        """Stores a line, or says what is wrong with it: good ones beside it are stored."""
        if len(labels) > 15:
            return "stream has too many labels"
        for name, text in labels.items():
            if not LABEL.fullmatch(name) or len(text) > 2048:
                return f"invalid label {name}"
        at, line, *rest = value
        metadata = rest[0] if rest else {}
        if not isinstance(at, str) or any(not isinstance(v, str) for v in metadata.values()):
            return "timestamp and structured metadata must be strings"
        if metadata and not self.structured_metadata:
            return "structured metadata is not allowed"
        if len(line.encode()) > LINE_LIMIT:
            return TOO_LONG
        now, moment = time.time_ns(), int(at)
        if now - moment > 7 * 24 * HOUR:
            return TOO_OLD
        if moment - now > HOUR // 6:
            return TOO_NEW
        key = tuple(sorted((labels or {"service_name": "unknown_service"}).items()))
        known = self.stored.setdefault(key, [])
        if known and max(entry[0] for entry in known) - moment > HOUR:
            return BEHIND
        known.append((moment, line, metadata))
        return ""

    def _handler(double: LokiDouble) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, text = double._answer(self.path, body, self.headers)
                double.pushes.append(dict(self.headers))
                double.statuses.append(status)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self) -> None:
                place = urlsplit(self.path)
                try:
                    if place.path != "/loki/api/v1/query_range":
                        raise Refusal(404, "404 page not found")
                    asked = {name: values[0] for name, values in parse_qs(place.query).items()}
                    status, text = 200, json.dumps(double.query_range(asked))
                except Refusal as refusal:
                    status, text = refusal.status, str(refusal)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _answer(self, path: str, body: bytes, headers: Any) -> tuple[int, str]:
        status = self.script.popleft() if self.script else 204
        if status == "hang":
            self.let_go.wait(30)
            return 500, "hung"
        if status == "lost":  # stored, but the answer says otherwise
            self.push(body, headers)
            return 503, "answer lost"
        if status != 204:
            return int(status), "as the test said"
        if path != "/loki/api/v1/push":
            return 404, "not found"
        try:
            self.push(body, headers)
        except Refusal as refusal:
            return refusal.status, str(refusal)
        return 204, ""
