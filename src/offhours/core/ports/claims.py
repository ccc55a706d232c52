"""What a worker asks of the store in a round and what it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from offhours.core.admission import BackgroundLimits, Room
from offhours.core.clock import Signal
from offhours.core.limits import Limit, Running
from offhours.core.model import Claimed, ForegroundLease, WorkerInfo
from offhours.core.states import Move
from offhours.core.times import Micros


class QueueBound(NamedTuple):
    """At most `size` pending jobs; when full: `refuse` the new one or `shed` the lowest."""

    size: int
    policy: str


def name_list(names: Iterable[str]) -> str:
    """Names as one text in which the SQL finds each, between marks that no name contains.

    A sub-query over a JSON list costs a claim more than all the rest, when nothing is warm.
    """
    return "".join(f"\x1f{name}" for name in names) + "\x1f"


class ClaimOrder(NamedTuple):
    """Who claims, how many, of what. `tasks` and `queues` are lists as `name_list` writes them.

    `free` of the claimed jobs start at once; `begun` names earlier ones that have started since.
    With `fires`, schedules that are due fire first. `sure` says that there is something to do.
    """

    worker: int
    slots: int
    free: int
    tasks: str
    begun: Sequence[int] = ()
    queues: str | None = None
    limits: BackgroundLimits = BackgroundLimits()
    below: int | None = None
    fires: bool = True
    sure: bool = False


class Exchange(NamedTuple):
    """What one round of a worker brought. `fired` are the tasks of the jobs that schedules made.

    At `opens_at` a rate that lets nothing start does so again. With `counted`, the end of a job may
    let another worker start one.
    """

    alive: bool
    refused: Sequence[Move]
    claimed: Sequence[Claimed]
    leases: Sequence[ForegroundLease]
    room: Room
    next_due: Micros | None
    next_fire: Micros | None = None
    fired: Sequence[str] = ()
    opens_at: Micros | None = None
    counted: bool = False


class Situation(NamedTuple):
    """All that `why` needs to know about a job's surroundings."""

    ahead: int
    leases: Sequence[ForegroundLease]
    running_background: int
    last_background_start: Micros | None
    workers: Sequence[WorkerInfo]
    running: int
    limits: Sequence[Limit] = ()
    running_of: Sequence[Running] = ()
    running_of_key: int = 0
    upstream: Sequence[tuple[int, str, str]] = ()


class Pruned(NamedTuple):
    jobs: int
    events: int
    fires: int = 0


class WakeUps(Protocol):
    """Hints between processes that there is something to look at. Losing one costs a poll."""

    def put(self) -> None:
        """Wake one idle worker, of any process."""
        ...

    def listen(self, hungry: Sequence[Signal], wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` when one is put while all of `hungry` are set, until the returned function
        is called."""
        ...

    def tell(self, kind: str) -> None:
        """Tell the workers of all other processes, by a letter."""
        ...

    def hear(self, on_told: Callable[[str], None]) -> str:
        """Call `on_told` with what others tell, from any thread. The address we have then."""
        ...

    def unhear(self) -> None:
        """Hear no more."""
        ...

    def close(self) -> None: ...
