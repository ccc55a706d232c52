"""The hot path: apply what was finished, claim what comes next, in one commit a round."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from offhours.core import points, states
from offhours.core.admission import BackgroundLimits
from offhours.core.clock import Clock, Signal
from offhours.core.errors import StoreError, StoreUnavailable
from offhours.core.model import Claimed, NewJob
from offhours.core.outcomes import Done, Failed
from offhours.core.ports import ClaimOrder, Exchange, QueueBound, Store, name_list
from offhours.core.retries import RetryPolicy
from offhours.core.states import Move
from offhours.core.times import LATEST, SECOND, Micros
from offhours.engine.foreground import Foreground
from offhours.engine.lane import Finished, Lane, Wish
from offhours.engine.registry import Registry
from offhours.engine.runner import chance, describe

BUSY_PAUSE: Micros = 2_000
NO_TASKS = name_list(())
_NO_POLICY = RetryPolicy()

_log = logging.getLogger("offhours")


class Dispatcher:
    """Feeds one lane from the store. `tick` is one round."""

    def __init__(
        self,
        lane: Lane,
        store: Store,
        registry: Registry,
        clock: Clock,
        *,
        tasks: Callable[[], str],
        worker: Callable[[], int],
        foreground: Foreground,
        limits: BackgroundLimits = BackgroundLimits(),  # noqa: B008 - an immutable tuple
        queues: str | None = None,
        poll: Micros = SECOND,
        lease: Micros = 30 * SECOND,
        on_applied: Callable[[Sequence[Move]], None] = lambda moves: None,
        on_more: Callable[[], None] = lambda: None,
        on_fired: Callable[[], None] = lambda: None,
        on_lost: Callable[[int], None] = lambda worker: None,
    ) -> None:
        self._lane = lane
        self._store = store
        self._registry = registry
        self._clock = clock
        self._tasks = tasks
        self._worker = worker
        self._foreground = foreground
        self.limits = limits
        self._queues = queues
        self._poll = poll
        self._lease = lease
        self._asked_at = 0.0  # when our last round began, by the monotonic clock
        self._on_applied = on_applied
        self._on_more = on_more
        self._on_fired = on_fired
        self._on_lost = on_lost
        self.hungry = Signal()
        self._unrecorded: list[Move] = []
        self._handed_back = False
        self._uncertain = False  # whether our last round was committed, nobody could say
        self._one_round = threading.Lock()
        self._begun: set[int] = set()
        self._expected: Micros = 0
        self.nudged = False
        self.draining = False

    def tick(self, now: Micros) -> Micros:
        """Record outcomes, claim as many jobs as there is room for; when to come back."""
        with self._one_round:
            return self._round(now)

    def submit(self, job: NewJob, now: Micros, bound: QueueBound | None) -> int | None:
        """Store a job and claim it in one commit, as our next round; None when we are not idle."""
        if not self.hungry.is_set() or not self._one_round.acquire(blocking=False):
            return None
        try:
            wish = self._lane.wanted()
            if self.draining or not wish.free or self._lane.active or self._unrecorded:
                return None
            running = self._lane.running_ids()
            order = self._order(wish, running, now)
            try:
                job_id, answer = self._store.submit_in_round(job, order, now, bound)
            except StoreError as error:
                self._note_uncertainty(error)
                raise
            if answer.alive:  # else the next round sees it, too
                self.hungry.clear()
                self._begun = {*running, *(job.id for job in answer.claimed[: wish.free])}
                self._after(answer, (), order, wish.receipt, now)
            return job_id
        finally:
            self._one_round.release()

    def _round(self, now: Micros) -> Micros:
        self.hungry.clear()
        if self._tasks() == NO_TASKS and not self._lane.active and not self._unrecorded:
            self.hungry.set()
            return now + 60 * self._poll  # no task runs here; a new one wakes us
        self._unrecorded += self._decide(self._lane.collect(), now)
        if self._uncertain:
            self._find_out(now)
        wish = self._lane.wanted()
        running = self._lane.running_ids()
        order = self._order(wish, running, now)
        moves = self._unrecorded
        answer = self._exchange(moves, order, now)
        self._unrecorded = []
        self._begun = {*running, *(job.id for job in answer.claimed[: wish.free])}
        return self._after(answer, moves, order, wish.receipt, now)

    def _order(self, wish: Wish, running: Sequence[int], now: Micros) -> ClaimOrder:
        nudged, self.nudged = self.nudged, False
        self._asked_at = self._clock.monotonic()
        return ClaimOrder(
            worker=self._worker(),
            slots=0 if self.draining else wish.slots,
            free=wish.free,
            tasks=self._tasks(),
            begun=[job_id for job_id in running if job_id not in self._begun],
            queues=self._queues,
            limits=self.limits,
            below=wish.below,
            fires=not self.draining,
            sure=nudged or now >= self._expected,
        )

    def _exchange(self, moves: list[Move], order: ClaimOrder, now: Micros) -> Exchange:
        if moves:
            points.reach("before apply")
        try:
            return self._store.exchange(moves, order, now)
        except StoreError as error:
            # Nothing was recorded: the outcomes stay here and are tried again.
            self._note_uncertainty(error)
            if moves:
                _log.error("finished_unrecorded: %d jobs; trying again, claiming stops", len(moves))
            raise
        except Exception:
            # One outcome that the store cannot take must not hold up all the others.
            _log.exception("a round of %d outcomes failed; recording them one by one", len(moves))
            for move in moves:
                self._record_alone(move, now)
            self._unrecorded = []
            return self._store.exchange([], order, now)

    def _note_uncertainty(self, error: StoreError) -> None:
        if isinstance(error, StoreUnavailable) and error.unknown:
            self._uncertain = True

    def _find_out(self, now: Micros) -> None:
        """After a round whose answer was lost: what it recorded is done, what it claimed goes back.

        In the store our worker has the jobs of our lane, and those that it knows nothing of.
        """
        tasks = self._tasks()
        held = {
            job.id: job
            for job in self._store.unfinished_of(self._worker())
            if f"\x1f{job.task}\x1f" in tasks
        }
        self._unrecorded = [
            move
            for move in self._unrecorded
            if move.job_id in held and held[move.job_id].attempt == move.attempt
        ]
        known = {*self._lane.held_ids(), *(move.job_id for move in self._unrecorded)}
        strays = [job for job in held.values() if job.id not in known]
        self._unrecorded += [
            states.hand_back(job, "the answer to its claim was lost") for job in strays
        ]
        self._uncertain = False

    def _record_alone(self, move: Move, now: Micros) -> None:
        try:
            self._store.apply([move], now)
        except StoreError:
            raise
        except Exception as error:
            self._store.apply([states.unrecordable(move, describe(error))], now)

    def _decide(self, finished: list[Finished], now: Micros) -> list[Move]:
        moves = []
        for job, outcome in finished:
            if type(outcome) is Done:
                moves.append(states.finish(job, outcome, _NO_POLICY, now))
                continue
            task = self._registry.find(job.task)
            policy = _NO_POLICY if task is None else task.policy
            try:
                move = states.finish(job, outcome, policy, now, chance())
            except Exception as error:
                failed = Failed("internal", describe(error), retry=False)
                move = states.finish(job, failed, _NO_POLICY, now)
            moves.append(move)
        return moves

    def _after(
        self, answer: Exchange, moves: Sequence[Move], order: ClaimOrder, receipt: int, now: Micros
    ) -> Micros:
        for move in answer.refused:
            _log.warning(
                "job %d: the result of attempt %d was refused, its lease was lost",
                move.job_id, move.attempt,
            )  # fmt: skip
        self._foreground.update(max((lease.until for lease in answer.leases), default=0))
        full = 0 < order.slots == len(answer.claimed)
        if self.draining:
            self._hand_back(answer.claimed, "the worker stopped", now)
        elif self._clock.monotonic() - self._asked_at > self._lease / SECOND:
            # They may have been given to others meanwhile: begun here, they would run twice.
            self._hand_back(answer.claimed, "the answer to its claim came too late", now)
        else:
            self._lane.put([self._with_policy(job) for job in answer.claimed], receipt, full)
        if moves:
            self._on_applied(moves)
            if answer.counted:
                self._on_more()  # what has ended made room, perhaps for what we cannot run
        if not answer.alive:
            self._on_lost(order.worker)
            return now
        if answer.leases and self._lane.active:
            self._hand_back(self._lane.withdraw(background_only=True), "a workflow is active", now)
        elif self._lane.stuck:
            self._hand_back(self._lane.withdraw(), "all slots are taken by slow jobs", now)
        if answer.fired:
            self._tell_fired(answer, order)
        if full or self._handed_back:
            self._on_more()
        if self._handed_back or (self._lane.waits_for_round and not self.draining):
            self._handed_back = False
            return now
        if self._lane.active:
            self._lane.rouse_if_stalled()
            return self._clock.micros() + BUSY_PAUSE
        if full:
            return now
        if order.slots > 0:
            self.hungry.set()
        changes = [answer.next_fire] if order.fires else []
        if order.slots > 0:
            changes += [answer.next_due, answer.room.until, answer.opens_at]
        self._expected = min((t for t in changes if t is not None), default=LATEST)
        return min(now + self._poll, self._expected)

    def _tell_fired(self, answer: Exchange, order: ClaimOrder) -> None:
        """Schedules have made jobs: those that are not for us are for somebody else."""
        ours = all(f"\x1f{task}\x1f" in order.tasks for task in set(answer.fired))
        if not ours or len(answer.fired) > len(answer.claimed):
            self._on_fired()

    def _with_policy(self, job: Claimed) -> Claimed:
        """A job that was submitted by name has the policy of its task, which only we know."""
        if job.max_attempts is not None:
            return job
        task = self._registry.find(job.task)
        if task is None:
            return job
        return job._replace(max_attempts=task.max_attempts, timeout=task.timeout)

    def _hand_back(self, jobs: Sequence[Claimed], reason: str, now: Micros) -> None:
        """Give back what was claimed ahead and should not wait here."""
        if jobs:
            # Recorded by the next round, which comes at once: it keeps them should it fail.
            self._unrecorded += [states.hand_back(job, reason) for job in jobs]
            self._handed_back = True

    def drain(self, now: Micros) -> None:
        """Claim no more, hand back what is buffered, record what is finished."""
        self.draining = True
        with self._one_round:
            self._hand_back(self._lane.withdraw(), "the worker stopped", now)
            self._round(now)
