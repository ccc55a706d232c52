"""The measures, written once for every queue. Each checks that its work was done."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import common
import foreground
import performing
from common import Figures
from queues import Kind, Queue, Setting, Worker

DAY = 86_400.0
STORED_AHEAD = 2.0
NEVER = math.inf
WARM_JOBS = 20


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
    if sorted(numbers) != list(range(n)) or _size(ledger) != n * performing.NOTE.size:
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
    common.wait_until(lambda: _size(ledger) >= n * performing.NOTE.size)
    return list(performing.NOTE.iter_unpack(ledger.read_bytes()))


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
        address = stack.enter_context(foreground.server())
        before, began = _size(ledger), time.monotonic()
        with queue.foreground():
            figures = foreground.felt(setting.folder, address, seconds)
        meanwhile = _size(ledger) - before
        figures["background"] = meanwhile / (time.monotonic() - began)
        if workers:  # it had work all the time, and is still at it
            assert _size(ledger) < n, "the backlog was too small"
            common.wait_until(lambda: _size(ledger) > before + meanwhile)
    return figures


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
        return performing.work(kind, **params)
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
