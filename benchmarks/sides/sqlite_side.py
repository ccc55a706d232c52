"""The limit: bare `apsw` on the tables, indexes and page size of an Offhours store.

No checks, no JSON, no gates, no leases: what is left is SQLite and a loop.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import apsw
import common

from offhours import Offhours

MOMENT = 1_700_000_000_000_000

INSERT = """insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout, on_lost,
                              created_at, ready)
            values ('side:noop', ?, 50, ?, 1, 'default', 3600000000, 'retry', ?, 1)"""
SUBMITTED = "insert into events (at, kind, job_id, attempt) values (?, 'job.submitted', ?, 0)"
INSERT_BATCH = """insert into jobs (task, args, priority, run_at, max_attempts, queue, timeout,
                                    on_lost, created_at, ready)
                  select 'side:noop', value, 50, ?1, 1, 'default', 3600000000, 'retry', ?1, 1
                  from json_each(?2)"""
SUBMITTED_BATCH = """insert into events (at, kind, job_id, attempt)
                     select ?, 'job.submitted', id, 0 from jobs where id between ? and ?"""
CLAIM_ONE = """update jobs set state = 'running', ready = 0, attempt = attempt + 1, worker = 1,
                               started_at = ?
               where id = ?"""
COMPLETE_ONE = """update jobs set state = 'succeeded', worker = null, result = 'null',
                                  finished_at = ?
                  where id = ? and state = 'running'"""
TELL_ONE = "insert into events (at, kind, job_id, attempt) values (?, ?, ?, 1)"
READY = """select json_group_array(id) from (
               select id from jobs where ready = 1 order by priority, id limit ?)"""
CLAIM = """update jobs set state = 'running', ready = 0, attempt = attempt + 1, worker = 1,
                           started_at = ?
           where id in (select value from json_each(?))"""
COMPLETE = """update jobs set state = 'succeeded', worker = null, result = 'null', finished_at = ?
              where id in (select value from json_each(?)) and state = 'running'"""
TELL = """insert into events (at, kind, job_id, attempt)
          select ?, ?, value, 1 from json_each(?)"""


def connect(
    folder: Path, durability: str = "normal", page_size: int | None = None
) -> apsw.Connection:
    """A connection to a fresh store with the same settings as Offhours' own."""
    path = str(folder / "jobs.db")
    Offhours(path).close()
    if page_size is not None:
        _rewrite(path, page_size)
    return connect_again(path, durability)


def _rewrite(path: str, page_size: int) -> None:
    db = apsw.Connection(path)
    for step in (
        "pragma journal_mode = delete",
        f"pragma page_size = {page_size}",
        "vacuum",
        "pragma journal_mode = wal",
    ):
        db.execute(step).fetchall()
    db.close()


def connect_again(path: str, durability: str = "normal") -> apsw.Connection:
    connection = apsw.Connection(path)
    connection.set_busy_timeout(5000)
    for pragma in (f"synchronous = {durability}", "wal_autocheckpoint = 4096"):
        connection.execute(f"pragma {pragma}").fetchall()
    return connection


def insert(db: apsw.Connection, number: int) -> None:
    db.execute(INSERT, (f"[[{number}],{{}}]", MOMENT, MOMENT))
    db.execute(SUBMITTED, (MOMENT, db.last_insert_rowid()))


def insert_batch(db: apsw.Connection, numbers: range) -> None:
    db.execute("begin immediate")
    db.execute(INSERT_BATCH, (MOMENT, json.dumps([f"[[{number}],{{}}]" for number in numbers])))
    last = db.last_insert_rowid()
    db.execute(SUBMITTED_BATCH, (MOMENT, last - len(numbers) + 1, last))
    db.execute("commit")


def claim(db: apsw.Connection, slots: int) -> str:
    ids = str(db.execute(READY, (slots,)).get)
    db.execute(CLAIM, (MOMENT, ids))
    db.execute(TELL, (MOMENT, "job.started", ids))
    return ids


def complete(db: apsw.Connection, ids: str) -> None:
    db.execute(COMPLETE, (MOMENT, ids))
    db.execute(TELL, (MOMENT, "job.succeeded", ids))


def claim_singly(db: apsw.Connection, slots: int) -> str:
    ids = str(db.execute(READY, (slots,)).get)
    for job in json.loads(ids):
        db.execute(CLAIM_ONE, (MOMENT, job))
        db.execute(TELL_ONE, (MOMENT, "job.started", job))
    return ids


def complete_singly(db: apsw.Connection, ids: str) -> None:
    for job in json.loads(ids):
        db.execute(COMPLETE_ONE, (MOMENT, job))
        db.execute(TELL_ONE, (MOMENT, "job.succeeded", job))


def submit(
    folder: Path, n: int, durability: str, each: int = 1, page_size: int | None = None
) -> common.Figures:
    """`each` jobs a commit: what a commit shared by so many callers could reach at best."""
    db = connect(folder, durability, page_size)

    def commit(number: int) -> None:
        db.execute("begin immediate")
        for _ in range(each):
            insert(db, number)
        db.execute("commit")

    commits = common.per_second(commit, n // each)["per_second"]
    return {"per_second": commits * each}


def fsync(folder: Path, n: int) -> common.Figures:
    """The disk alone: a page over an older one, as in a WAL that has been round, and forced out."""
    file = os.open(folder / "file", os.O_WRONLY | os.O_CREAT)
    page, pages = b"x" * 4096, 1000
    os.pwrite(file, page * pages, 0)
    os.fsync(file)

    def force(number: int) -> None:
        os.pwrite(file, page, number % pages * len(page))
        os.fdatasync(file)

    figures = common.per_second(force, n)
    os.close(file)
    return figures


def bulk(folder: Path, n: int, at_once: int) -> common.Figures:
    db = connect(folder)
    at_once = min(at_once, n)
    insert_batch(db, range(at_once))
    began = time.perf_counter()
    for _ in range(n // at_once):
        insert_batch(db, range(at_once))
    return {"per_second": n // at_once * at_once / (time.perf_counter() - began)}


def drain(
    folder: Path,
    n: int,
    each: int,
    page_size: int | None = None,
    singly: bool = False,
    busy: bool = False,
) -> common.Figures:
    """Complete the last batch and claim the next in one commit, events told; nothing is run.

    `singly`: a statement for each job instead of each batch. `busy`: while another thread of the
    process computes in Python.
    """
    db = connect(folder, page_size=page_size)
    insert_batch(db, range(n))
    ending, beginning = (complete_singly, claim_singly) if singly else (complete, claim)
    if busy:
        threading.Thread(target=_compute, daemon=True).start()
    held = "[]"
    began = time.perf_counter()
    for _ in range(n // each + 1):
        db.execute("begin immediate")
        ending(db, held)
        held = beginning(db, each)
        db.execute("commit")
    seconds = time.perf_counter() - began
    return {"per_second": n / seconds, "ms_per_job": 1000 * seconds / n}


def _compute() -> None:
    number = 0
    while True:
        number += 1


def claim_one(db: apsw.Connection) -> int:
    db.execute("begin immediate")
    [number] = json.loads(claim(db, 1))
    db.execute("commit")
    return int(number)


def insert_one(db: apsw.Connection, number: int) -> None:
    db.execute("begin immediate")
    insert(db, number)
    db.execute("commit")


def latency(folder: Path, n: int, pause: float) -> common.Figures:
    """A thread that waits on a condition and claims what a commit has left for it."""
    db, starts = connect(folder), common.Starts()
    worker_db = connect_again(str(folder / "jobs.db"))
    waiting = threading.Semaphore(0)

    def work() -> None:
        for number in range(n):
            waiting.acquire()
            claim_one(worker_db)
            starts.mark(number)

    threading.Thread(target=work, daemon=True).start()

    def submit(number: int) -> None:
        insert_one(db, number)
        waiting.release()

    return common.start_latency(submit, starts.wait, n, pause)


def latency_across(folder: Path, n: int, pause: float) -> common.Figures:
    """The same, woken by a datagram."""
    db, address = connect(folder), str(folder / "wake")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        common.other_process("work", str(folder / "jobs.db"), address, str(n)) as started,
    ):

        def submit(number: int) -> None:
            insert_one(db, number)
            sender.sendto(b"j", address)

        return common.start_latency(submit, started, n, pause)


def work(path: str, address: str, n: str) -> None:
    db = connect_again(path)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(address)
    print("ready", flush=True)
    for number in range(int(n)):
        receiver.recv(8)
        claim_one(db)
        common.tell_start(number)


def lateness(folder: Path, rate: int, seconds: float) -> common.Figures:
    """A timed wait for each instant, then one commit that stores and claims a job."""
    db = connect(folder)
    late = common.Lateness(rate)
    asleep = threading.Event()
    start = int(time.time()) + 1

    def fire() -> None:
        number = 0
        while not asleep.wait(max(0.0, start + number / rate - time.time())):
            db.execute("begin immediate")
            insert(db, number)
            claim(db, 1)
            db.execute("commit")
            late.mark(number % rate)
            number += 1

    thread = threading.Thread(target=fire)
    thread.start()
    figures = late.figures(seconds)
    asleep.set()
    thread.join()
    return figures


def idle(folder: Path, seconds: float) -> common.Figures:
    """An interpreter with the libraries loaded and the database open, asleep."""
    db = connect(folder)
    figures = common.at_rest(seconds)
    db.close()
    return figures


def pool_submit(folder: Path, n: int) -> common.Figures:
    """Without any store: what Python's own pool takes for a job."""
    with ThreadPoolExecutor(1) as pool:
        return common.per_second(lambda number: pool.submit(int, number), n)


def pool_drain(folder: Path, n: int, threads: int) -> common.Figures:
    """From the start of the first job to the end of the last; all wait for the first."""
    go = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        gates = [pool.submit(go.wait) for _ in range(threads)]
        jobs = [pool.submit(int, number) for number in range(n)]
        began = time.perf_counter()
        go.set()
        wait([*gates, *jobs])
        seconds = time.perf_counter() - began
    assert [job.result() for job in jobs] == list(range(n))
    return {"per_second": n / seconds}


MEASURES: dict[str, common.Measure] = {
    "submit": submit,
    "fsync": fsync,
    "pool_submit": pool_submit,
    "pool_drain": pool_drain,
    "bulk": bulk,
    "drain": drain,
    "latency": latency,
    "latency_across": latency_across,
    "lateness": lateness,
    "idle": idle,
    "cpu_of": common.cpu_of,
}

if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(*sys.argv[2:])
    else:
        common.main(MEASURES)
