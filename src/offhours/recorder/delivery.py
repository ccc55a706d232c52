"""Brings dumps to sinks: a thread and a bounded queue each, so that nobody waits for a sink."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from offhours.recorder.dumps import Dump
from offhours.recorder.sinks.base import Sink, SinkRefused, SinkUnavailable
from offhours.recorder.sinks.spool import Spool

MOST_DUMPS = 64
MOST_REQUESTS = 200_000
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0

_log = logging.getLogger("offhours.recorder")


@dataclass
class _Waiting:
    """A dump in the queue; None when it waits on disk."""

    dump_id: str
    dump: Dump | None
    size: int


class Delivery:
    """One sink's queue. `put` never waits; what cannot be kept is dropped, oldest first, counted.

    first_pause: seconds after a first failure; doubled up to a minute, with up to half as jitter
    spool: where dumps wait on disk once the sink has failed them
    """

    def __init__(
        self, sink: Sink, *, spool: Spool | None = None, first_pause: float = FIRST_PAUSE
    ) -> None:
        self.sink = sink
        self.delivered = 0
        self.dropped = 0
        self.refused = 0
        self.failures = 0
        self._spool = spool
        self._first_pause = first_pause
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closing: float | None = None
        self._thread: threading.Thread | None = None
        if spool is not None:
            self._queue.extend(_Waiting(dump_id, None, 0) for dump_id in spool.waiting())
            if self._queue:
                self._start()

    def put(self, dump: Dump) -> None:
        """Have a dump delivered."""
        with self._changed:
            if self._closing is not None:
                self.dropped += 1
                return
            self._queue.append(_Waiting(dump.dump_id, dump, dump.buffer_size))
            self._bound()
            self._start()
            self._changed.notify_all()

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to deliver; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue, timeout)

    def close(self, timeout: float) -> None:
        """Deliver what waits, for `timeout` seconds; the rest goes to the spool, or is dropped."""
        with self._changed:
            self._closing = time.monotonic() + timeout
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout + 0.1)
        with self._changed:
            for waiting in list(self._queue):
                if waiting.dump is not None and not self._spooled(waiting):
                    self.dropped += 1
            self._queue.clear()
            self._changed.notify_all()
        if self._thread is None or not self._thread.is_alive():
            self.sink.close()

    def anew(self) -> Delivery:
        """The same sink with an empty queue. What waits on disk stays with the parent."""
        return Delivery(self.sink, first_pause=self._first_pause)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            name = f"offhours-recorder-{self.sink.name}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def _bound(self) -> None:
        while len(self._queue) > 1 and (
            sum(one.dump is not None for one in self._queue) > MOST_DUMPS
            or sum(one.size for one in self._queue) > MOST_REQUESTS
        ):
            # The first one may be on its way just now.
            oldest = next((one for one in list(self._queue)[1:] if one.dump is not None), None)
            if oldest is None:
                return
            if not self._spooled(oldest):
                self._queue.remove(oldest)
                self.dropped += 1

    def _spooled(self, waiting: _Waiting) -> bool:
        if self._spool is None or waiting.dump is None:
            return False
        try:
            gone = self._spool.save(waiting.dump)
        except OSError as error:
            _log.warning("the spool of %s: %s", self.sink.name, error)
            return False
        waiting.dump, waiting.size = None, 0
        # The first one may be on its way just now; if it is not, it will be found missing.
        for one in [one for one in list(self._queue)[1:] if one.dump_id in gone]:
            self._queue.remove(one)
            self.dropped += 1
        return True

    def _run(self) -> None:
        pause = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing is not None)
                if not self._queue or self._out_of_time():
                    return
                waiting = self._queue[0]
                dump = waiting.dump
            if dump is None and self._spool is not None:
                dump = self._spool.load(waiting.dump_id)
            if dump is None:
                self.dropped += 1
            if dump is None or self._deliver(dump):
                pause = 0.0
                self._done(waiting)
                continue
            if self._closing is not None:
                return
            pause = min(LONGEST_PAUSE, 2 * pause or self._first_pause)
            with self._changed:
                self._spooled(waiting)
                wanted = pause * (1 + random.random() / 2)
                self._changed.wait_for(lambda: self._closing is not None, wanted)

    def _out_of_time(self) -> bool:
        return self._closing is not None and time.monotonic() >= self._closing

    def _done(self, waiting: _Waiting) -> None:
        with self._changed:
            with suppress(ValueError):  # the bound may have taken it meanwhile
                self._queue.remove(waiting)
            self._changed.notify_all()
        if self._spool is not None:
            self._spool.remove(waiting.dump_id)

    def _deliver(self, dump: Dump) -> bool:
        """Whether the sink is done with a dump, for better or worse."""
        try:
            self.sink.write(dump)
        except SinkUnavailable as error:
            self.failures += 1
            _log.warning("dump %s waits for %s: %s", dump.dump_id, self.sink.name, error)
            return False
        except SinkRefused as error:
            self.refused += 1
            _log.error("dump %s was refused by %s: %s", dump.dump_id, self.sink.name, error)
        except Exception:
            self.refused += 1
            _log.exception("dump %s: %s failed", dump.dump_id, self.sink.name)
        else:
            self.delivered += 1
        return True


class BugCatcher:
    """The sinks of a recorder. It has an attribute `loki` when one of them is Loki."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self.deliveries = deliveries
        for delivery in deliveries:
            if delivery.sink.name == "loki":
                self.loki = delivery.sink

    def deliver(self, dump: Dump) -> None:
        """Hand a dump to every sink. Waits for none."""
        for delivery in self.deliveries:
            delivery.put(dump)

    @property
    def dropped(self) -> int:
        """Dumps that some sink did not get and never will."""
        return sum(one.dropped + one.refused for one in self.deliveries)

    def wait(self, timeout: float) -> bool:
        """Wait until all is delivered; whether that is so."""
        end = time.monotonic() + timeout
        return all(one.wait(max(0.0, end - time.monotonic())) for one in self.deliveries)

    def after_fork(self) -> None:
        """In a child process: the parent delivers what the parent recorded."""
        self.deliveries = [one.anew() for one in self.deliveries]

    def close(self, timeout: float) -> None:
        """Deliver what waits, for `timeout` seconds in all."""
        end = time.monotonic() + timeout
        for delivery in self.deliveries:
            delivery.close(max(0.0, end - time.monotonic()))
