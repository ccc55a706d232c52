"""One run in a child process: its time, the wishes of others about it, and its end."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from offhours.core import wire
from offhours.core.model import BACKGROUND_CLASS, Claimed
from offhours.core.outcomes import Crashed, Failed, Outcome, Stopped
from offhours.core.ports import Errand
from offhours.core.times import SECOND
from offhours.executors import scheduling
from offhours.executors.childprocess import ChildGone, ChildProcess, death

START_SECONDS = 60.0
START_SECONDS_LOW = 600.0  # in the lowest class it may have to wait for a processor
DIE_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_GO = wire.pack(wire.Go())


class Stopwatch:
    """Seconds that a run has used: those in which it is held do not count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0.0
        self._since = time.monotonic()
        self._held: set[str] = set()

    @property
    def seconds(self) -> float:
        with self._lock:
            return self._used + (0.0 if self._held else time.monotonic() - self._since)

    def hold(self, reason: str, held: bool = True) -> None:
        """It is held (or not any more) for a reason; several may hold it at once."""
        with self._lock:
            now = time.monotonic()
            if not self._held:
                self._used += now - self._since
            (self._held.add if held else self._held.discard)(reason)
            self._since = now

    def start(self) -> None:
        """Count from now on; what holds it holds it still."""
        with self._lock:
            self._used, self._since = 0.0, time.monotonic()


class Supervision:
    """Watches over one run, from the order to the outcome.

    At its limit, and when it is cancelled, the run is asked to stop; SIGTERM interrupts it after
    half of `grace` seconds, SIGKILL ends it after all of them.
    """

    def __init__(self, child: ChildProcess, job: Claimed, grace: float) -> None:
        self._child = child
        self._job = job
        self._grace = grace
        self._limit = None if job.timeout is None else job.timeout / SECOND
        self._errand: Errand | None = None
        self._lock = threading.Lock()
        self._watch = Stopwatch()
        self._started = False
        self._frozen = False
        self._yielding = False
        self._told = 0
        self._asked: tuple[float, wire.Stop] | None = None
        self.interrupted = False
        self.abandoned = False
        self.spoilt: str | None = None
        self.rss = 0

    # -- from other threads ---------------------------------------------------------------------

    def look(self) -> None:
        """Something about the errand has changed: freeze or thaw at once, see to the rest soon."""
        errand = self._errand
        if errand is not None:
            self._freeze_or_thaw(errand)
            self._child.wake()

    def abandon(self) -> None:
        """End the run at once; its outcome is nobody's business any more."""
        self.abandoned = True
        self._child.signal_group(signal.SIGKILL)

    # -- in the thread of the slot --------------------------------------------------------------

    def run(self, errand: Errand) -> Outcome:
        """Bring the errand to the child and see it to its end."""
        self._errand = errand
        self._child.forget_output()
        try:
            self._child.send(errand.order)
            if self._job.priority < BACKGROUND_CLASS or self._child.low:
                self._child.send(_GO)  # else when it has imported, and its class is lowered
            while True:
                self._freeze_or_thaw(errand)
                self._choose_class(errand)
                self._see_to(errand)
                for message in self._child.receive(self._patience()):
                    outcome = self._hear(message, errand)
                    if outcome is not None:
                        return outcome
                if self._asked is not None and self._overstayed(self._grace):
                    return self._kill()
        except ChildGone as gone:
            return self._died(str(gone))
        finally:
            self._errand = None
            self._thaw()

    @property
    def _time_limit(self) -> float | None:
        if self._started:
            return self._limit
        return START_SECONDS_LOW if self._child.low else START_SECONDS

    @property
    def begun(self) -> bool:
        """Whether the task's function may have been called."""
        return self._started

    def _hear(self, message: wire.FromChild, errand: Errand) -> Outcome | None:
        match message:
            case wire.Started():
                self._started = True
                if self._job.priority >= BACKGROUND_CLASS and not self._child.low:
                    self._choose_class(errand)
                    self._child.send(_GO)
                self._watch.start()
            case wire.Progress(text):
                errand.save(text)
            case wire.Aside(waits):
                self._watch.hold("waits", waits)
            case wire.Ask(verb, args):
                self._child.send(wire.pack(_answer(errand, verb, args)))
            case wire.Log():
                self._child.log(message)
            case wire.Ended():
                self.spoilt, self.rss = message.spoilt, message.rss
                try:
                    return message.outcome
                except (KeyError, ValueError) as error:
                    raise ChildGone(f"it told no outcome: {error}") from None
        return None

    def _see_to(self, errand: Errand) -> None:
        """Tell it what it should know, and ask it to stop when it should."""
        until = errand.foreground_until if errand.step_aside == "cooperate" else 0
        if until != self._told:
            self._told = until
            self._child.send(wire.pack(wire.ForegroundUntil(until)))
        if self._asked is None:
            limit = self._time_limit
            if errand.cancelled or (limit is not None and self._watch.seconds >= limit):
                stop = wire.Stop(errand.cancelled)
                self._asked = (time.monotonic(), stop)
                self._thaw()
                self._child.send(wire.pack(stop))
        elif not self.interrupted and self._overstayed(self._grace / 2):
            self.interrupted = True
            self._child.interrupt()

    def _overstayed(self, seconds: float) -> bool:
        return self._asked is not None and time.monotonic() - self._asked[0] >= seconds

    def _patience(self) -> float | None:
        """How long nothing needs to be done unless something happens."""
        if self._asked is not None:
            step = self._grace if self.interrupted else self._grace / 2
            return self._asked[0] + step - time.monotonic()
        if self._frozen or self._yielding:
            return _LOOK_SECONDS  # a lease may run out without anybody's telling
        limit = self._time_limit
        return None if limit is None else limit - self._watch.seconds

    # -- stepping aside -------------------------------------------------------------------------

    def _freeze_or_thaw(self, errand: Errand) -> None:
        if errand.step_aside != "freeze":
            return
        if not errand.foreground_until:
            self._thaw()
            return
        with self._lock:
            if self._asked is None and not self._frozen:
                self._child.signal_group(signal.SIGSTOP)
                self._frozen = True
                self._watch.hold("frozen")

    def _thaw(self) -> None:
        with self._lock:
            if self._frozen:
                self._child.signal_group(signal.SIGCONT)
                self._frozen = False
                self._watch.hold("frozen", False)

    def _choose_class(self, errand: Errand) -> None:
        """Background runs have the lowest class; one that yields, while it must."""
        if self._job.priority < BACKGROUND_CLASS or not self._started:
            return  # imports are made in our own class: once, and with a time limit
        if errand.step_aside != "yield" or errand.foreground_until:
            if not self._child.low:
                scheduling.lower(self._child.pid)
                self._child.low = True
                self._yielding = errand.step_aside == "yield"
        elif self._yielding:
            self._yielding = False
            self._child.low = not scheduling.restore(self._child.pid)

    # -- ends that the child does not tell ------------------------------------------------------

    def _kill(self) -> Outcome:
        self._child.bury()
        assert self._asked is not None
        if self._asked[1].cancelled:
            return Stopped()
        did = "did not end within its timeout" if self._started else "could not be imported in time"
        return Failed(
            "timeout" if self._started else "import",
            f"{self._child.tail}\n\n{self._job.task} {did} and was killed".lstrip(),
        )

    def _died(self, problem: str) -> Outcome:
        status = self._child.bury(DIE_SECONDS)
        if self._asked is not None:
            return self._kill()
        reason = f"{problem} and was killed" if status is None else death(status)
        return Crashed(reason, self._child.tail)


def _answer(errand: Errand, verb: str, args: list[Any]) -> wire.Answer:
    try:
        return wire.Answer(errand.answer(verb, args))
    except Exception as error:
        return wire.Answer(None, f"{type(error).__name__}: {error}")
