"""The person in front: loops on the processor, the disk and a local server, each step timed."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import common
from performing import compute


def felt(folder: Path, address: int, seconds: float) -> common.Figures:
    """What a person waits for, again and again: three loops, one after the other."""
    file = os.open(folder / "foreground", os.O_WRONLY | os.O_CREAT)
    page = b"x" * 4096

    def disk() -> None:
        os.pwrite(file, page, 0)
        os.fdatasync(file)

    def request() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", address)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
        connection.close()

    figures = {}
    for name, step in {"cpu": lambda: compute(20_000), "disk": disk, "http": request}.items():
        took = _loop(step, seconds)
        figures |= {f"{name}_{key}": value for key, value in common.percentiles(took).items()}
    os.close(file)
    return figures


def _loop(step: Callable[[], object], seconds: float) -> Sequence[float]:
    took = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        step()
        took.append(time.perf_counter() - began)
    return took


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def server() -> Iterator[int]:
    """A local HTTP server in a process of its own; its port."""
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        yield int(it.stdout.readline())
        it.kill()


def _serve() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve()
