"""The disk: full, failing, read-only; the file: damaged, cut, locked, replaced, read for ever."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from offhours import JobState, Offhours
from offhours.core.errors import (
    Busy,
    StoreCorrupt,
    StoreError,
    StoreGone,
    StoreUnusable,
)
from offhours.engine import pruner
from offhours.testing import FakeClock


def filled(path: Path, number: int = 300) -> list[int]:
    """A database with jobs, closed: everything in the file and nothing in a log."""
    app = Offhours(path)
    jobs = app.task(name="t")(print).submit_many([("x" * 60,)] * number)
    app.close()
    return [job.id for job in jobs]


def killed_with_a_log(path: Path, number: int = 60) -> bytes:
    """A database as `kill -9` leaves it: each job in a commit of its own, all in the log."""
    code = (
        "import os, sys; from offhours import Offhours; app = Offhours(sys.argv[1])\\n"
        f"for n in range({number}): app.submit_by_name('t', args=(n,))\\n"
        "os.kill(os.getpid(), 9)"
    ).replace("\\n", "\n")
    subprocess.run([sys.executable, "-c", code, str(path)], timeout=60)
    return Path(f"{path}-wal").read_bytes()


# -- a full disk ---------------------------------------------------------------------------------


def test_a_full_disk_refuses_submits_keeps_outcomes_and_heals(
    tmp_path: Path, program, bwrap, strace
) -> None:
    """On a real small disk: it fills up while jobs run, and gets room again."""
    process = program(
        "small_disk.py", "/mnt/jobs.db",
        under=(*bwrap, "--size", str(4 << 20), "--tmpfs", "/mnt"),
    )  # fmt: skip
    out, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    told = json.loads(out)
    assert told["refused"] == "StorageFull"
    assert told["acknowledged"] == told["stored"] == 202  # nothing lost, nothing half-stored
    assert told["claimed_while_full"] == 0
    assert "finished_unrecorded" in errors
    assert told["ran_while_full"] == told["recorded_late"] > 0
    assert told["succeeded"] == told["stored"]
    assert told["runs"] == told["stored"]  # what could not be recorded did not run again
    assert told["sound"] == "ok"
    print(told)


@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_an_io_error_is_no_acknowledgement(
    tmp_path: Path, program, strace, is_sound, call: str
) -> None:
    """The n-th sync or write fails once: that submit is refused, the next ones are stored."""
    refused = 0
    for nth in (40, 45, 50, 55):
        folder = tmp_path / f"{call}{nth}"
        folder.mkdir()
        Offhours(folder / "jobs.db").close()
        fault = f"error=EIO:when={nth if call == 'pwrite64' else nth - 30}"
        process = program("failing.py", folder / "jobs.db", 40, under=strace(call, fault))
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        told = json.loads(out)
        refused += len(told["refused"])
        assert all("StoreError" in words for words in told["refused"])
        app = Offhours(folder / "jobs.db")
        stored = {job.id for job in app.jobs(limit=1000)}
        app.close()
        assert set(told["acknowledged"]) <= stored
        assert len(told["acknowledged"]) + len(told["refused"]) == 40
        assert told["reopened"] == (len(told["refused"]) > 0)
        assert is_sound(folder / "jobs.db")
    assert refused > 0


# -- what cannot be written --------------------------------------------------------------------


def test_a_read_only_disk_is_said_with_its_path(tmp_path: Path, program, bwrap) -> None:
    path = tmp_path / "jobs.db"
    filled(path)
    before = path.read_bytes()
    under = (*bwrap, "--ro-bind", str(tmp_path), str(tmp_path))
    process = program("deeds.py", "submit", path, "/dev/null", "normal", 1, under=under)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    last = errors.strip().splitlines()[-1]
    assert str(path) in last and ("StoreReadOnly" in last or "StoreUnusable" in last)
    assert path.read_bytes() == before


# -- damage ------------------------------------------------------------------------------------


def test_two_hundred_damaged_bytes_are_found_or_harmless(tmp_path: Path) -> None:
    """Wherever the damage is: refused with the file untouched, or all that is told is a job."""
    sane = tmp_path / "sane.db"
    jobs = filled(sane)
    raw, chance = sane.read_bytes(), random.Random(20260601)
    refused = 0
    for number in range(40):
        path = tmp_path / f"{number}.db"
        at = chance.randrange(len(raw) - 200) if number else 0
        damaged = raw[:at] + chance.randbytes(200) + raw[at + 200 :]
        path.write_bytes(damaged)
        try:
            app = Offhours(path)
        except StoreUnusable:
            refused += 1
            assert path.read_bytes() == damaged
            assert not list(tmp_path.glob(f"{path.name}-*"))
        else:
            with suppress(StoreError, ValueError):  # told as what it is, when it is read
                assert {job.id for job in app.jobs(limit=1000)} <= set(jobs)
            app.close()
        path.unlink()
        for name in ("-wal", "-shm"):
            Path(f"{path}{name}").unlink(missing_ok=True)
    print(f"200 bytes damaged at 40 places: {refused} times refused at the start")
    assert refused >= 10


@pytest.mark.parametrize("size", [1, 99, 512, 2048, 2049, 30_000])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "jobs.db"
    cut = cut_at(path, size)
    with pytest.raises(StoreCorrupt):
        Offhours(path)
    assert path.read_bytes() == cut


def cut_at(path: Path, size: int) -> bytes:
    filled(path)
    cut = path.read_bytes()[:size]
    path.write_bytes(cut)
    return cut


@pytest.mark.parametrize("size", [99, 30_000])
def test_the_doctor_says_what_to_do_with_a_truncated_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "jobs.db"
    cut = cut_at(path, size)
    doctor = subprocess.run(
        [sys.executable, "-m", "offhours", "--db", str(path), "doctor"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert doctor.returncode == 1
    assert "fail" in doctor.stdout and ".recover" in doctor.stdout
    assert path.read_bytes() == cut


@pytest.mark.parametrize("left", [None, b""])
def test_a_log_without_its_database_is_not_thrown_away(tmp_path: Path, left) -> None:
    """SQLite would delete the log, and begin anew in silence."""
    path = tmp_path / "jobs.db"
    log = killed_with_a_log(path)
    saved = path.read_bytes()
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    with pytest.raises(StoreCorrupt, match=r"jobs\.db-wal holds .* bytes of its jobs"):
        Offhours(path)
    assert Path(f"{path}-wal").read_bytes() == log
    assert path.exists() == (left is not None)
    path.write_bytes(saved)
    app = Offhours(path)
    assert len(app.jobs(limit=1000)) == 60
    app.close()


def test_a_cut_log_gives_a_prefix(tmp_path: Path, is_sound, nightly: bool) -> None:
    """The log cut anywhere: the first jobs in their order, whole, and none that was not."""
    path = tmp_path / "jobs.db"
    log = killed_with_a_log(path)
    base, chance = path.read_bytes(), random.Random(7)
    frame = 24 + 2048
    cuts = range(32, len(log), frame) if nightly else range(32, len(log), 9 * frame)
    found = []
    for cut in [*cuts, *(chance.randrange(len(log)) for _ in range(10)), len(log)]:
        case = tmp_path / "case.db"
        for name in ("-wal", "-shm"):
            Path(f"{case}{name}").unlink(missing_ok=True)
        case.write_bytes(base)
        Path(f"{case}-wal").write_bytes(log[:cut])
        app = Offhours(case)
        ids = sorted(job.id for job in app.jobs(limit=1000))
        app.close()
        assert ids == list(range(1, len(ids) + 1))
        assert is_sound(case)
        found.append((cut, len(ids)))
    counts = [number for _, number in sorted(found)]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 60
    print(f"the log cut at {len(found)} places: always a prefix")


def test_a_stale_index_of_the_log_is_rebuilt(tmp_path: Path, is_sound) -> None:
    path = tmp_path / "jobs.db"
    killed_with_a_log(path)
    Path(f"{path}-shm").write_bytes(random.Random(1).randbytes(32_768))
    app = Offhours(path)
    assert len(app.jobs(limit=1000)) == 60
    app.close()
    assert is_sound(path)


# -- others on the file ------------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_a_lock_that_lasts_is_told_at_the_deadline_and_costs_nobody_his_job(
    tmp_path: Path, until, nightly: bool
) -> None:
    """Longer than the lease: nobody is declared dead, the worker backs off and goes on."""
    seconds = 60 if nightly else 4
    app = Offhours(tmp_path / "jobs.db", lock_timeout="1s", lease="1s")
    other = Offhours(tmp_path / "jobs.db", lock_timeout="1s", lease="1s")
    go, started = threading.Event(), threading.Event()

    @app.task(name="wait")
    def wait() -> str:
        started.set()
        go.wait(120)
        return "done"

    with app, other:
        job = app.submit("wait")
        assert started.wait(20)
        holder = apsw.Connection(str(tmp_path / "jobs.db"))
        holder.execute("begin exclusive")
        end = time.monotonic() + seconds
        cpu, waits = time.process_time(), []
        while time.monotonic() < end:
            began = time.monotonic()
            with pytest.raises(Busy, match="deadline"):
                app.submit("wait")
            waits.append(time.monotonic() - began)
        share = (time.process_time() - cpu) / seconds
        go.set()
        holder.execute("rollback")
        holder.close()
        assert job.result(20) == "done"
        free = app.submit("wait")
        assert free.result(20) == "done"
    print(f"locked for {seconds} s: {len(waits)} submits told Busy after {max(waits):.2f} s at "
          f"most (deadline 1 s), {share:.0%} CPU")  # fmt: skip
    assert max(waits) < 3
    assert job.record.attempts == 1 and job.record.crashes == 0
    app.close()
    other.close()


def test_a_reader_without_end_is_told(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(pruner, "LARGE_LOG", 200_000)
    app = Offhours(tmp_path / "jobs.db", clock=FakeClock())
    reader = apsw.Connection(str(tmp_path / "jobs.db"))
    cursor = reader.execute("select * from meta union all select * from meta")
    reader.execute("begin; select count(*) from jobs").fetchall()
    del cursor
    watch = pruner.Pruner(app.store, age=10**15, keep=10**6)
    task = app.task(name="t")(print)
    while app.store.log_size() < 400_000:
        task.submit_many([("x" * 100,)] * 500)
    watch.tick(app.clock.micros())
    watch.tick(app.clock.micros())
    assert [event.kind for event in app.events()].count("store.log_large") == 1
    assert "reads without end" in caplog.text
    reader.close()
    app.close()


def test_a_worker_whose_file_is_replaced_ends_and_says_so(tmp_path: Path, worker, until) -> None:
    path = tmp_path / "jobs.db"
    app = Offhours(path)
    process = worker(threads=1, lease="1s")
    jobs = [app.submit_by_name("work", args=(n,)) for n in range(50)]
    until(lambda: all(job.status is JobState.SUCCEEDED for job in jobs))
    Offhours(tmp_path / "other.db").close()
    path.rename(tmp_path / "kept.db")
    (tmp_path / "other.db").rename(path)
    began = time.monotonic()
    assert process.wait(30) == 1
    print(f"file replaced: the worker ended after {time.monotonic() - began:.2f} s")
    assert "deleted or replaced" in process.stderr.read()
    until(lambda: time.monotonic() > began + 0.2)
    with pytest.raises(StoreGone, match="deleted or replaced"):
        app.submit_by_name("work", args=(0,))
    app.close()


def test_a_child_that_was_forked_while_others_write(tmp_path: Path, is_sound) -> None:
    """Forks in the midst of commits: the child's connections are its own, and nothing is lost."""
    app = Offhours(tmp_path / "jobs.db")
    promised: list[int] = []
    stop = threading.Event()

    def submit() -> None:
        while not stop.is_set():
            promised.append(app.submit_by_name("t", args=("parent",)).id)

    thread = threading.Thread(target=submit)
    thread.start()
    children = []
    for number in range(20):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                own = app if number % 2 else Offhours(tmp_path / "jobs.db")
                code = 0 if own.submit_by_name("t", args=("child",)).id else 2
            finally:
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    stop.set()
    thread.join(20)
    assert codes == [0] * 20
    stored = {job.id for job in app.jobs(limit=1_000_000)}
    assert set(promised) <= stored and len(stored) == len(promised) + 20
    app.close()
    assert is_sound(tmp_path / "jobs.db")


def test_a_forked_child_outlives_its_parents_connections(tmp_path: Path, script) -> None:
    """The last to close deletes the log: not while a forked child writes to it."""
    code = """
        import os, sys
        from offhours import Offhours
        app = Offhours(sys.argv[1])
        go, told = os.pipe(), os.pipe()
        if os.fork() == 0:
            os.read(go[0], 1)
            ids = [app.submit_by_name("t", args=(n,)).id for n in range(50)]
            os.write(told[1], str(len(ids)).encode())
            os._exit(0)
        app.close()
        os.write(go[1], b"x")
        os.wait()
        print(os.read(told[0], 10).decode(), len(Offhours(sys.argv[1]).jobs(limit=100)))
    """
    out, errors = script(code, tmp_path / "jobs.db").communicate(timeout=30)
    assert (out, errors) == ("50 50\n", "")


def test_a_forked_child_has_no_worker_and_takes_none_along(tmp_path: Path, script) -> None:
    code = """
        import os, sys, time
        from offhours import Offhours
        app = Offhours(sys.argv[1])
        task = app.task(name="t")(lambda n: n)
        with app:
            while not app._work.worker.hungry:
                time.sleep(0.005)
            child = os.fork()
            if child == 0:
                job = task.submit(7)  # for the parent's worker: ours has no threads
                assert not app.running
            else:
                os.waitpid(child, 0)
                [job] = app.jobs()
                print(app.job(job.id).result(20), len(app.workers()))
        os._exit(0) if child == 0 else None
    """
    process = script(code, tmp_path / "jobs.db")
    out, errors = process.communicate(timeout=40)
    assert (out, errors) == ("7 1\n", "")
