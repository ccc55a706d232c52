"""What every queue is measured by, written once over the few things that a queue must do.

A side gives a `Queue`; its worker runs in a process of its own (`SIDE.py work {...}`), as long as
its stdin is open. Every job is a call of `perform`. Each measure checks that its work was done.
"""

from __future__ import annotations

import http.client
import itertools
import json
import math
import os
import struct
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import common

Figures = common.Figures
DAY = 86_400.0
STORED_AHEAD = 2.0
NEVER = math.inf
NOTE = struct.Struct("<dd")  # the number of a job, and the moment of its start
WARM_JOBS = 20


class Queue(ABC):
    """A queue on a broker or file that `fresh` empties. Jobs are calls of `perform`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder

    def fresh(self) -> None:
        """Nothing is stored any more."""
        for file in self.folder.glob("jobs.db*"):
            file.unlink()

    @abstractmethod
    def submit(self, what: str, number: float) -> object:
        """Store one job; when this returns the broker has it."""

    def submit_many(self, what: str, numbers: Iterable[float]) -> object:
        """Store jobs in as few steps as the queue offers."""
        for number in numbers:
            self.submit(what, number)
        return None

    def submit_at(self, what: str, calls: Iterable[tuple[float, float]]) -> object:
        """Store jobs of a number and the moment (seconds since 1970) at which it is due."""
        raise NotImplementedError("no job for later")

    @abstractmethod
    def stored(self) -> int:
        """How many jobs wait to be run, the later ones left out or not."""

    def settle(self, n: int) -> None:  # noqa: B027  most keep nothing of a job that has run
        """Wait until the outcomes of n jobs are recorded."""

    @abstractmethod
    def work(self) -> None:
        """Run jobs until the process is ended."""

    def leave(self) -> None:
        """The worker's process is asked to end."""
        os._exit(0)

    def foreground(self) -> AbstractContextManager[object]:
        """While it is open, the person in front is active."""
        return nullcontext()

    def close(self) -> None:  # noqa: B027  most have nothing to do
        """Let go of the broker, and leave nothing there."""


Kind = Callable[..., Queue]


class Setting:
    """A kind of queue on a folder, with options, and the worker processes that it starts."""

    def __init__(self, kind: Kind, folder: Path, options: dict[str, Any]) -> None:
        self.kind, self.folder, self.options = kind, folder, options
        self.queue = kind(folder, **options)
        self.queue.fresh()

    def worker(self, expected: int = 0) -> Worker:
        return Worker(str(self.folder), self.options, expected)


class Worker:
    """A worker process, and what it tells."""

    def __init__(self, folder: str, options: dict[str, Any], expected: int) -> None:
        params = {"folder": folder, "options": options, "expected": expected}
        self.process = subprocess.Popen(
            [sys.executable, sys.argv[0], "work", json.dumps(params)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def told(self) -> Any:
        """The next thing that it tells."""
        assert self.process.stdout is not None
        patience = threading.Timer(common.PATIENCE, self.process.kill)
        patience.start()
        line = self.process.stdout.readline()
        patience.cancel()
        if not line:
            raise RuntimeError("the worker ended, or told nothing in time")
        return json.loads(line)

    def ask(self, what: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.told()

    def started(self, number: int) -> float:
        told, moment = self.told()
        assert told == number, (told, number)
        return float(moment)


# -- in the worker's process ---------------------------------------------------------------------

_numbers: list[float] = []
_order = itertools.count()
_first = 0.0
_expected = 0
_late: list[float] = []
_out = 1


def tell(what: object) -> None:
    os.write(_out, json.dumps(what).encode() + b"\n")


def perform(what: str, number: float, pause: Callable[[], object] = lambda: None) -> None:
    """The one task of every queue. `pause` is where it lets the person in front go first."""
    _TASKS[what](number, pause)


def perform_plainly(what: str, number: float) -> None:
    """For queues that store all arguments."""
    perform(what, number)


def _count(number: float, pause: object) -> None:
    global _first
    _numbers.append(number)
    order = next(_order)
    if order == 0:
        _first = time.monotonic()
    if order == _expected - 1:
        last = time.monotonic()
        right = sorted(_numbers) == list(range(_expected))
        tell([_first, last, common.rss_bytes() / 1e6, right])


def _tell(number: float, pause: object) -> None:
    tell([number, time.monotonic()])


def _due(number: float, pause: object) -> None:
    _late.append(time.time() - number)


def _burn(number: float, pause: Callable[[], object]) -> None:
    """Some 5 ms of Python."""
    for _ in range(10):
        pause()
        compute(10_000)
    _mark()


def _stick(number: float, pause: object) -> None:
    """The first run never ends."""
    if _mark() == 1:
        time.sleep(1000)


def compute(steps: int) -> int:
    number = 0
    for step in range(steps):
        number ^= step
    return number


def _note(number: float, pause: object) -> None:
    """For workers of several processes, which cannot all tell."""
    _mark(NOTE.pack(number, time.monotonic()))


def _mark(what: bytes = b".") -> int:
    """A little more in the ledger, which outlives us and is shared by all; its size."""
    with open(os.environ["OFFHOURS_BENCH_LEDGER"], "ab", buffering=0) as ledger:
        ledger.write(what)
        return ledger.tell()


_TASKS: dict[str, Callable[[float, Callable[[], object]], None]] = {
    "noop": lambda number, pause: None,
    "count": _count,
    "tell": _tell,
    "due": _due,
    "burn": _burn,
    "stick": _stick,
    "note": _note,
}


def work(kind: Kind, folder: str, options: dict[str, Any], expected: int) -> None:
    global _out, _expected
    _out, _expected = os.dup(1), expected
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a queue prints is not for our reader
    queue = kind(Path(folder), **options)
    threading.Thread(target=_listen, args=(queue, sys.stdin), daemon=True).start()
    # The listener has the lock of its stream: a forked child that closes it would wait for ever.
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    queue.work()


def _listen(queue: Queue, stream: Iterable[str]) -> None:
    for line in stream:
        what, _, number = line.strip().partition(" ")
        if what == "rest":
            tell(common.at_rest(float(number)))
        else:
            tell(_late)
    queue.leave()


# -- the measures --------------------------------------------------------------------------------


def submit(setting: Setting, n: int, threads: int) -> Figures:
    queue = setting.queue
    figures = common.per_second(lambda number: queue.submit("noop", number), n, threads)
    _check("stored", queue.stored(), n // threads * threads + min(common.WARM_UP, n))
    return figures


def bulk(setting: Setting, n: int, at_once: int) -> Figures:
    queue, at_once = setting.queue, min(at_once, n)
    queue.submit_many("noop", range(at_once))
    began = time.perf_counter()
    for _ in range(n // at_once):
        queue.submit_many("noop", range(at_once))
    seconds = time.perf_counter() - began
    _check("stored", queue.stored(), (n // at_once + 1) * at_once)
    return {"per_second": n // at_once * at_once / seconds}


def drain(setting: Setting, n: int) -> Figures:
    """From the start of the first job to the start of the last, in the worker."""
    setting.queue.submit_many("count", range(n))
    with setting.worker(n) as worker:
        return _drained(worker, n)


def _drained(worker: Worker, n: int) -> Figures:
    first, last, rss, right = worker.told()
    if not right:
        raise RuntimeError(f"not each of {n} jobs ran once")
    return {"per_second": (n - 1) / (last - first), "rss_mb": rss}


def latency_across(setting: Setting, n: int, pause: float) -> Figures:
    queue = setting.queue
    with setting.worker() as worker:
        _warm(queue, worker)
        return common.start_latency(
            lambda number: queue.submit("tell", number), worker.started, n, pause
        )


def _warm(queue: Queue, worker: Worker) -> None:
    """Until the worker has run a job: then all of it has been loaded."""
    for number in range(-3, 0):
        queue.submit("tell", number)
        worker.started(number)


def drain_noted(setting: Setting, n: int) -> Figures:
    """From the start of the first job to the start of the last, in whichever process."""
    ledger = _ledger(setting.folder)
    setting.queue.submit_many("note", range(n))
    with setting.worker():
        notes = _notes(ledger, n)
        setting.queue.settle(n)
    numbers, moments = zip(*notes, strict=True)
    if sorted(numbers) != list(range(n)) or _size(ledger) != n * NOTE.size:
        raise RuntimeError(f"not each of {n} jobs ran once")
    return {"per_second": (n - 1) / (max(moments) - min(moments))}


def latency_noted(setting: Setting, n: int, pause: float) -> Figures:
    """The same as `latency_across`, for workers of several processes."""
    ledger, queue = _ledger(setting.folder), setting.queue

    def started(number: int) -> float:
        found, moment = _notes(ledger, WARM_JOBS + number + 1)[-1]
        assert found == number, (found, number)
        return moment

    with setting.worker():
        queue.submit_many("note", range(WARM_JOBS))
        _notes(ledger, WARM_JOBS)
        return common.start_latency(lambda number: queue.submit("note", number), started, n, pause)


def _notes(ledger: Path, n: int) -> list[tuple[float, float]]:
    """The notes in the ledger, once there are so many."""
    common.wait_until(lambda: _size(ledger) >= n * NOTE.size)
    return list(NOTE.iter_unpack(ledger.read_bytes()))


def due(setting: Setting, rate: int, seconds: float) -> Figures:
    """From the moment that a job was submitted for, to its first line."""
    queue, n = setting.queue, max(1, round(rate * seconds))
    with setting.worker() as worker:
        _warm(queue, worker)
        time.sleep(0.5)
        ahead = time.time() + STORED_AHEAD
        moments = [ahead + number / rate for number in range(n)]
        queue.submit_at("due", [(moment, moment) for moment in moments])
        if time.time() > ahead:
            raise RuntimeError("submitting took longer than the jobs were ahead")
        time.sleep(max(0.0, moments[-1] - time.time()) + 0.2)
        late: list[float] = []
        end = time.monotonic() + 30
        while len(late) < n and time.monotonic() < end:
            late = worker.ask("late")
            time.sleep(0.2)
    _check("run", len(late), n)
    return common.percentiles([max(0.0, one) for one in late])


def idle(setting: Setting, seconds: float, stored: int) -> Figures:
    queue = setting.queue
    _store_later(queue, stored)
    with setting.worker() as worker:
        _warm(queue, worker)
        figures: Figures = worker.ask(f"rest {seconds}")
        return figures


def _store_later(queue: Queue, stored: int) -> None:
    tomorrow = time.time() + DAY
    for first in range(0, stored, 10_000):
        some = range(first, min(first + 10_000, stored))
        queue.submit_at("noop", [(number, tomorrow) for number in some])


def growth(setting: Setting, n: int, stored: int, seconds: float) -> Figures:
    """Submit and drain beside jobs of tomorrow, then rest."""
    queue = setting.queue
    _store_later(queue, stored)
    began = time.perf_counter()
    for number in range(n):
        queue.submit("count", number)
    submits = n / (time.perf_counter() - began)
    with setting.worker(n) as worker:
        drains = _drained(worker, n)["per_second"]
        rest = worker.ask(f"rest {seconds}")
    return {"submits": submits, "drains": drains, **rest}


def start(setting: Setting, n: int) -> Figures:
    """From the start of a worker's process to the first line of the job that waits for it."""
    took = []
    for number in range(n):
        setting.queue.fresh()
        setting.queue.submit("tell", number)
        began = time.monotonic()
        with setting.worker() as worker:
            took.append(worker.started(number) - began)
    return {"ms": median(took) * 1000}


def recovery(setting: Setting, n: int, patience: float) -> Figures:
    """From `kill -9` of the worker, which is started anew at once, to the lost job's second run."""
    took = []
    for number in range(n):
        setting.queue.fresh()
        ledger = _ledger(setting.folder)
        setting.queue.submit("stick", number)
        with setting.worker() as worker:
            common.wait_until(lambda ledger=ledger: _size(ledger) == 1)
            time.sleep(0.2)
            worker.kill()
        killed = time.monotonic()
        with setting.worker():
            while _size(ledger) < 2 and time.monotonic() < killed + patience:
                time.sleep(0.002)
            back = _size(ledger) >= 2
            took.append(time.monotonic() - killed if back else NEVER)
    return {"seconds": median(took)}


def interference(setting: Setting, n: int, seconds: float, workers: int) -> Figures:
    """A foreground on the processor, the disk and a local server, while a backlog is worked on."""
    ledger = _ledger(setting.folder)
    queue = setting.queue
    if workers:
        queue.submit_many("burn", range(n))
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(setting.worker())
        if workers:
            common.wait_until(lambda: _size(ledger) >= 10 * workers)
            time.sleep(1.0)  # all workers are up by then
        address = stack.enter_context(_server())
        before, began = _size(ledger), time.monotonic()
        with queue.foreground():
            figures = foreground(setting.folder, address, seconds)
        meanwhile = _size(ledger) - before
        figures["background"] = meanwhile / (time.monotonic() - began)
        if workers:  # it had work all the time, and is still at it
            assert _size(ledger) < n, "the backlog was too small"
            common.wait_until(lambda: _size(ledger) > before + meanwhile)
    return figures


def foreground(folder: Path, address: int, seconds: float) -> Figures:
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
def _server() -> Iterator[int]:
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


def _ledger(folder: Path) -> Path:
    ledger = folder / "ledger"
    ledger.write_bytes(b"")
    os.environ["OFFHOURS_BENCH_LEDGER"] = str(ledger)
    return ledger


def _size(ledger: Path) -> int:
    return ledger.stat().st_size


def _check(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{what}: {found} jobs instead of {wanted}")


MEASURES: dict[str, Callable[..., Figures]] = {
    "submit": submit,
    "bulk": bulk,
    "drain": drain,
    "latency_across": latency_across,
    "drain_noted": drain_noted,
    "latency_noted": latency_noted,
    "due": due,
    "idle": idle,
    "growth": growth,
    "start": start,
    "recovery": recovery,
    "interference": interference,
}


def main(kind: Kind, own: dict[str, common.Measure] | None = None) -> None:
    """Measure what the command line asks for; `own` are measures of this side alone."""
    what, params = sys.argv[1], json.loads(sys.argv[2])
    if what == "work":
        return work(kind, **params)
    own = {"cpu_of": common.cpu_of, **(own or {})}
    if what in own:
        return common.main(own)
    with TemporaryDirectory(dir=params.pop("disk"), prefix="offhours-bench-") as folder:
        setting = Setting(kind, Path(folder), params.pop("options", {}))
        try:
            figures = MEASURES[what](setting, **params)
        finally:
            setting.queue.close()
    print(json.dumps(figures))
    return None


if __name__ == "__main__":
    _serve()
