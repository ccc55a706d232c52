"""What people and programs ask of Offhours: one function a deed, each through the public API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.process import TASKS

from offhours.core.errors import OffhoursError
from offhours.core.times import HOUR, SECOND, to_datetime

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

PLANS = (
    "*/15 * * * *", "0 * * * *", "0 * * * *", "30 2 * * *", "0 9 * * 1-5", "0 9 * * 1-5",
    timedelta(hours=5), timedelta(hours=5), timedelta(days=2), timedelta(minutes=7),
)  # fmt: skip
DENSE = timedelta(seconds=20)
ZONES = ("UTC", "Europe/Berlin", "America/New_York")
CATCH_UPS = ("skip", "once", "all:5", "window:2h")
SUBJECTS: tuple[dict[str, Any], ...] = (
    {}, {"queue": "default"}, {"queue": "mail"}, {"task": "plain"}, {"task": "flaky"},
)  # fmt: skip
OVERLAPS = ("skip", "queue_one", "queue_all", "cancel_old", "allow")


def _submitted(world: World, process: Process, what: str, numbers: list[int], call: Any) -> None:
    """Submit, and enter what the caller knows afterwards."""
    ledger = world.ledger
    ledger.unknown.append(numbers)  # until there is an answer
    answer = world.act(process, what, lambda: [job.id for job in _listed(call())])
    if answer is not None:
        ledger.unknown.remove(numbers)
    if isinstance(answer, OffhoursError):
        ledger.refused.update(numbers)
    elif answer is not None:
        for job_id, number in zip(answer, numbers, strict=True):
            row = ledger.rows.get(job_id)
            if row is not None and row.number != number and row.unique_key is not None:
                ledger.refused.add(number)  # its unique key is taken
            else:
                ledger.acknowledge(job_id, number)


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def submit(world: World, process: Process) -> None:
    rng = world.rng
    name = rng.choice(list(TASKS))
    options: dict[str, Any] = {}
    if rng.random() < 0.3:
        options["delay"] = rng.choice((3, 90, 4000))
    if rng.random() < 0.2:
        options["unique"] = rng.choice("abc")
    if rng.random() < 0.2:
        options["expires"] = rng.choice((4100, 9000))
    if rng.random() < 0.2:
        options["queue"] = "mail"
    if rng.random() < 0.3:
        options["tenant"] = rng.choice("ab")
    if rng.random() < 0.3:
        options["concurrency_key"] = rng.choice(("k", "l"))
        options["per_key"] = rng.choice((1, 1, 2))
    if rng.random() < 0.2:
        options["priority"] = rng.choice(("CRITICAL", "HIGH", "LOW"))
    numbers = world.fresh_numbers(1)
    _submitted(world, process, f"submit {name} {numbers[0]} {sorted(options)}", numbers,
               lambda: process.app.submit_by_name(name, args=(numbers[0],), **options))  # fmt: skip


def submit_many(world: World, process: Process) -> None:
    name = world.rng.choice(("plain", "flaky", "once", "low"))
    numbers = world.fresh_numbers(world.rng.randint(2, 6))
    calls: list[Any] = [((number,), {}) for number in numbers]
    task = process.app.registry.get(name)
    _submitted(world, process, f"submit {len(numbers)} {name} {numbers[0]}", numbers,
               lambda: process.app.submit_calls(task, calls, {}))  # fmt: skip


def limit(world: World, process: Process) -> None:
    """One limit is set, lifted, paused or let go; of a queue, a task or everything."""
    rng = world.rng
    subject = rng.choice(SUBJECTS)
    match rng.choice(("pause", "resume", "resume", "limit", "limit", "lift")):
        case "pause":
            world.act(process, f"pause {subject}", lambda: process.app.pause(**subject))
        case "resume":
            world.act(process, f"resume {subject}", lambda: process.app.resume(**subject))
        case "limit":
            most, rate = rng.choice(((1, None), (2, None), (None, "1/20s"), (2, "1/s")))
            world.act(process, f"limit {subject} {most} {rate}", lambda: process.app.limit(
                **subject, concurrency=most, rate=rate))  # fmt: skip
        case "lift":
            world.act(process, f"lift {subject}", lambda: process.app.limit(**subject))


def _some_job(world: World) -> int | None:
    """A job, rather one that is not finished."""
    some = [row.id for row in world.ledger.unfinished] or sorted(world.ledger.rows)
    return world.rng.choice(some) if some else None


def cancel(world: World, process: Process) -> None:
    if (job_id := _some_job(world)) is not None:
        world.act(process, f"cancel {job_id}", lambda: process.app.cancel(job_id))


def defer(world: World, process: Process) -> None:
    if (job_id := _some_job(world)) is not None:
        world.act(process, f"defer {job_id}", lambda: process.app.defer(job_id, "20m"))


def retry(world: World, process: Process) -> None:
    final = sorted(row.id for row in world.ledger.rows.values() if row.finished_at is not None)
    if not final:
        return
    row = world.ledger.rows[world.rng.choice(final)]
    made = world.act(process, f"retry {row.id}", lambda: process.app.retry(row.id).id)
    if isinstance(made, int) and row.unique_key is None:
        world.ledger.acknowledge(made, row.number)


def foreground(world: World, process: Process) -> None:
    """A workflow begins; it is not renewed, and ends by itself or by `quiet`."""
    ttl = world.rng.choice((10, 120)) * SECOND
    name = f"wf{world.at}"
    now = process.clock.micros()
    entered = world.act(process, f"enter {name}", lambda: process.app.store.enter_foreground(
        name, process.host, ttl, now))  # fmt: skip
    if isinstance(entered, int):
        world.ledger.leases[name] = (now + ttl, ttl)
        world.lease_ids[name] = entered


def quiet(world: World, process: Process) -> None:
    if world.lease_ids:
        name, lease = world.lease_ids.popitem()
        del world.ledger.leases[name]
        world.act(process, f"leave {name}", lambda: process.app.store.leave_foreground(
            [lease], process.clock.micros()))  # fmt: skip


# -- schedules ------------------------------------------------------------------------------


def _options(world: World) -> dict[str, Any]:
    rng = world.rng
    options: dict[str, Any] = {
        "catch_up": rng.choice(CATCH_UPS),
        "overlap": rng.choice(OVERLAPS),
        "jitter": rng.choice((0, 0, 30)),
        "disable_after": rng.choice((None, 2, 5)),
    }
    if rng.random() < 0.2:
        options["blackout"] = rng.choice(("22:00-06:00", "12:00-13:00"))
    if rng.random() < 0.2:
        options["max_runs"] = rng.randint(1, 8)
    if rng.random() < 0.2:
        options["expires"] = 2 * HOUR // SECOND
    return options


def schedule(world: World, process: Process) -> None:
    if len(world.calendar.rows) >= 4:
        return
    rng = world.rng
    task = rng.choice(("plain", "flaky", "once", "low"))
    [number] = world.fresh_numbers(1)
    plan, zone, options = rng.choice(PLANS), rng.choice(ZONES), _options(world)
    plan = DENSE if rng.random() < 0.02 else plan
    made = world.act(process, f"schedule {task} {plan} {options['overlap']}", lambda: (
        process.app.schedule(task, plan, args=(number,), name=f"s{number}", timezone=zone,
                             **options).id))  # fmt: skip
    if isinstance(made, int):
        world.calendar.acknowledged.add(made)


def _steer(
    world: World, process: Process, what: str, deed: Callable[[Any], object]
) -> tuple[int, object] | None:
    if not world.calendar.rows:
        return None
    schedule_id = world.rng.choice(sorted(world.calendar.rows))
    answer = world.act(process, f"{what} {schedule_id}",
                       lambda: (deed(process.app.schedules.get(schedule_id)), True)[1])  # fmt: skip
    return schedule_id, answer


def pause(world: World, process: Process) -> None:
    _steer(world, process, "pause", lambda handle: handle.pause())


def resume(world: World, process: Process) -> None:
    _steer(world, process, "resume", lambda handle: handle.resume())


def run_now(world: World, process: Process) -> None:
    _steer(world, process, "run now", lambda handle: handle.run_now())


def report_run(world: World, process: Process) -> None:
    succeeded = world.rng.random() < 0.7
    _steer(world, process, "report", lambda handle: handle.report_run(succeeded))


def update(world: World, process: Process) -> None:
    options = _options(world)
    options.pop("max_runs", None)
    plan = world.rng.choice((None, *PLANS))
    _steer(world, process, f"update {plan}", lambda handle: handle.update(plan, **options))


def backfill(world: World, process: Process) -> None:
    now = process.clock.micros()
    _steer(world, process, "backfill", lambda handle: handle.backfill(
        to_datetime(now - 3 * HOUR), to_datetime(now - HOUR)))  # fmt: skip


def delete(world: World, process: Process) -> None:
    before = set(world.calendar.acknowledged)
    world.calendar.acknowledged.clear()
    _steer(world, process, "delete", lambda handle: handle.delete())
    world.calendar.acknowledged = before & world.calendar.rows.keys()


DEEDS: tuple[Callable[[World, Process], None], ...] = (
    *[submit] * 12, *[submit_many] * 3, *[cancel] * 3, limit, defer, retry, foreground, quiet,
    *[schedule] * 4, pause, *[resume] * 2, run_now, report_run, update, backfill, delete,
)  # fmt: skip
