"""Jobs at real Celery workers, over a real broker that is stopped, emptied and frozen meanwhile."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from offhours import BackgroundTaskManager, Offhours, TaskPriority
from offhours.core.errors import JobCancelled, JobFailed
from offhours.executors.broker import RUN, celery_application, connection_to, queue_name
from offhours.executors.celery import CeleryExecutor
from offhours.executors.telegrams import Line, Over

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals groups of processes")

WAIT = 25
LEASE = 2.0
RABBIT = os.environ.get("OFFHOURS_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
FILE = Path(__file__).with_name("celery_tasks.py")


def _tasks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("celery_tasks", FILE)
    assert spec is not None and spec.loader is not None
    module = sys.modules["celery_tasks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tasks: Any = _tasks()


class Redis:
    """A server of our own, so that what happens to it happens to nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self._port), "--save", "", "--dir", self._folder],
            stdout=subprocess.DEVNULL,
        )
        self._until_it_answers()

    def kill(self) -> None:
        """Everything in it is lost."""
        self.process.kill()
        self.process.wait()

    def call(self, *words: object) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port), timeout=10) as connection:
            connection.sendall((" ".join(map(str, words)) + "\r\n").encode())
            return connection.recv(1 << 16)

    def monitor(self, heard: list[bytes]) -> None:
        """All that it is told, until it ends."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(b"MONITOR\r\n")
            while data := connection.recv(1 << 16):
                heard.append(data)

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                assert self.call("PING") == b"+PONG\r\n"
                return
            except OSError:
                assert time.monotonic() < deadline, "redis-server does not start"
                time.sleep(0.01)


class Fleet:
    """Celery workers, each the leader of a group of processes."""

    def __init__(self, folder: Path, broker: str, **environment: str) -> None:
        self.prefix = f"test-{uuid4().hex[:8]}"
        self._folder = folder
        self._broker = broker
        self._environment = environment
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, concurrency: int = 1) -> subprocess.Popen[bytes]:
        number = len(self.workers)
        with (self._folder / f"worker{number}.log").open("wb") as log:
            worker = self._run(number, concurrency, log)
        self.workers.append(worker)
        return worker

    def _run(self, number: int, concurrency: int, log: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable, "-m", "celery", "-A", "celery_tasks:celery_app", "worker",
                "-c", str(concurrency), "-n", f"w{number}@{self.prefix}",
                "--without-gossip", "--without-mingle", "--loglevel", "info",
            ],
            stdout=log, stderr=log, start_new_session=True,
            env=os.environ
            | {
                "CELERY_BROKER_URL": self._broker,
                "CELERY_TEST_PREFIX": self.prefix,
                "PYTHONPATH": os.pathsep.join([str(FILE.parent), *sys.path]),
            }
            | self._environment,
        )  # fmt: skip

    def output(self) -> str:
        return "".join(path.read_text() for path in sorted(self._folder.glob("worker*.log")))

    def stop(self) -> None:
        for worker in self.workers:
            kill_session(worker)


def signal_session(worker: subprocess.Popen[bytes], number: int) -> None:
    """A worker and all that it started, which lead groups of their own."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[3]) == worker.pid:
                os.kill(int(path.parent.name), number)
        except (OSError, IndexError):
            continue


def kill_session(worker: subprocess.Popen[bytes]) -> None:
    """As when its machine dies."""
    signal_session(worker, signal.SIGKILL)
    worker.wait()


class Record:
    """What the runs wrote: for each, when it began and when it was last seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self) -> dict[tuple[int, int, int], list[float]]:
        found: dict[tuple[int, int, int], list[float]] = defaultdict(list)
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                _, job, attempt, pid, moment = line.split()
                found[int(job), int(attempt), int(pid)].append(float(moment))
        return found

    def begun(self) -> int:
        return len(self.runs())

    def overlapping(self) -> int:
        spans = sorted((job, min(t), max(t)) for (job, _, _), t in self.runs().items())
        return sum(one[0] == other[0] and other[1] < one[2] for one, other in pairwise(spans))

    def again(self) -> int:
        """Runs beyond the first of a job."""
        counts = Counter(job for job, _, _ in self.runs())
        return sum(counts.values()) - len(counts)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "history")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def fleet(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two Celery workers that last for all tests."""
    made = Fleet(tmp_path_factory.mktemp("fleet"), redis.url)
    made.start()
    made.start()
    yield made
    made.stop()


def open_app(store: Path | str, broker: str, fleet: Fleet, **options: Any) -> Offhours:
    app = Offhours(
        store, broker=broker, broker_prefix=fleet.prefix, lease=LEASE, poll=0.05, **options
    )
    tasks.register(app)
    return app


@pytest.fixture
def app(tmp_path: Path, redis: Redis, fleet: Fleet) -> Iterator[Offhours]:
    made = open_app(tmp_path / "jobs.db", redis.url, fleet)
    with made:
        yield made
        made.stop(0)
    made.close()


def submit(app: Offhours, task: str, *args: Any, **options: Any) -> Any:
    named = task if "." in task or task == "low" else f"celery_tasks:{task}"
    return app.submit(named, args=args, **options)


def office_of(app: Offhours) -> str:
    """The inbox of a coordinator."""
    worker: Any = app._work.worker
    executors = [station.executor for station in worker._stations]
    [address] = [e._address for e in executors if isinstance(e, CeleryExecutor)]
    return address  # type: ignore[no-any-return]


# -- what a job may expect ------------------------------------------------------------------------


def test_a_job_at_a_celery_worker_is_a_job_like_any_other(app: Offhours, tmp_path: Path) -> None:
    value = {"text": "ä", "number": 2**53, "nested": [None, 1.5, {"a": b"bytes"}]}
    job = submit(app, "echo", value)
    assert job.result(timeout=WAIT) == value
    assert "half way" in (app.record(job.id).progress or "")

    with pytest.raises(JobFailed, match="ValueError: on purpose"):
        submit(app, "fail", "on purpose").result(timeout=WAIT)
    assert submit(app, "later_once", str(tmp_path / "seen")).result(timeout=WAIT) == "now"


def traced_at_a_worker(app: Offhours) -> None:
    """What a run traces there belongs to its span here, which is linked to that of its submit."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app.trace(provider)
    job = submit(app, "current_span", metadata={"who": "ann"})
    trace_id, span_id, metadata = job.result(timeout=WAIT)
    assert metadata == {"who": "ann"}
    until = time.monotonic() + WAIT
    while len(kept.get_finished_spans()) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    sent, run = kept.get_finished_spans()
    assert trace_id == f"{run.context.trace_id:032x}" and span_id == f"{run.context.span_id:016x}"
    assert [link.context.span_id for link in run.links] == [sent.context.span_id]
    provider.shutdown()


def test_what_a_run_traces_there_belongs_to_its_span(app: Offhours) -> None:
    traced_at_a_worker(app)


def test_tasks_that_were_written_for_celery_are_adopted(app: Offhours) -> None:
    assert submit(app, "old.add", 1, 2).result(timeout=WAIT) == 3
    assert submit(app, "old.add", 1).result(timeout=WAIT) == 2
    assert submit(app, "old.bound", 7).result(timeout=WAIT) == "old.bound 7"
    assert app.registry.get("old.add").executor == "celery"


def test_a_timeout_kills_what_does_not_look(app: Offhours, record: Record) -> None:
    job = submit(app, "deaf", str(record.path), timeout=0.4)
    with pytest.raises(JobFailed, match="did not end within its timeout and was killed"):
        job.result(timeout=WAIT)
    assert app.record(job.id).code == "timeout"


def test_a_cancel_reaches_a_run(app: Offhours, record: Record, until: Callable[..., None]) -> None:
    job = submit(app, "deaf", str(record.path))
    until(record.begun)
    assert not job.cancel()
    with pytest.raises(JobCancelled):
        job.result(timeout=WAIT)
    assert record.begun() == 1


def test_a_process_that_dies_is_told_for_what_it_was(app: Offhours) -> None:
    job = submit(app, "die")
    with pytest.raises(JobFailed, match="signal 9"):
        job.result(timeout=WAIT)
    assert app.record(job.id).code == "quarantined"


# -- what a broker may do -------------------------------------------------------------------------


AGAIN = ("job.crashed", "job.rescued", "job.returned")


def restarted(redis: Redis) -> None:
    redis.kill()
    time.sleep(0.5)
    redis.start()


def emptied(redis: Redis) -> None:
    redis.call("FLUSHALL")


def paused(redis: Redis) -> None:
    redis.call("CLIENT PAUSE", round(LEASE * 500), "ALL")


def frozen(redis: Redis) -> None:
    redis.process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE / 2)
    redis.process.send_signal(signal.SIGCONT)


def frozen_beyond_the_lease(redis: Redis) -> None:
    redis.process.send_signal(signal.SIGSTOP)
    time.sleep(LEASE * 1.5)
    redis.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("fault", "may_repeat"),
    [
        (restarted, False),
        (emptied, False),
        (paused, False),
        (frozen, False),
        (frozen_beyond_the_lease, True),
    ],
)
def test_what_happens_to_the_broker_loses_nothing_and_doubles_nothing(
    app: Offhours,
    redis: Redis,
    record: Record,
    until: Callable[..., None],
    fault: Callable[[Redis], None],
    may_repeat: bool,
) -> None:
    jobs = [submit(app, "work", str(record.path), 0.15) for _ in range(16)]
    until(lambda: record.begun() > 3)
    fault(redis)
    for job in jobs:
        assert job.result(timeout=WAIT) == job.id
    assert {job for job, _, _ in record.runs()} == {job.id for job in jobs}
    assert record.overlapping() == 0
    # On a busy machine a worker may find its broker again only after its lease: that is told.
    late = sum(event.kind in AGAIN for event in app.events())
    assert record.again() <= (2 if may_repeat else late)  # workers


def test_a_visibility_timeout_shorter_than_the_task_makes_no_second_run(
    app: Offhours, record: Record
) -> None:
    jobs = [submit(app, "work", str(record.path), 2.5) for _ in range(2)]  # it is 1 s
    for job in jobs:
        assert job.result(timeout=WAIT) == job.id
    assert record.begun() == 2
    assert record.overlapping() == 0


def test_messages_that_are_doubled_late_or_nonsense_change_nothing(
    app: Offhours, redis: Redis, fleet: Fleet, record: Record, until: Callable[..., None]
) -> None:
    celery = celery_application(redis.url, fleet.prefix)
    queue = queue_name(fleet.prefix, 50)
    office = office_of(app)

    def send(*words: object) -> None:
        with celery.connection_for_write() as connection:
            celery.send_task(RUN, words, queue=queue, connection=connection)

    job = submit(app, "work", str(record.path), 0.5)
    until(record.begun)
    for _ in range(3):
        send(job.id, 1, office)
    send(job.id, 2, office)
    send(job.id + 1, 1, office)
    send("1; drop table", None, 7)
    with connection_to(redis.url) as connection:
        producer = connection.Producer()
        for body, kind in ((b"\x80\x04.", "application/x-python-serialize"), (b"{", "text/plain")):
            producer.publish(
                body, routing_key=queue, content_type=kind, content_encoding="binary",
                headers={"task": RUN, "id": "x"},
            )  # fmt: skip
            producer.publish(body, routing_key=office, content_type=kind, content_encoding="binary")
    assert job.result(timeout=WAIT) == job.id
    send(job.id, 1, office)
    assert submit(app, "echo", "still there").result(timeout=WAIT) == "still there"
    assert record.begun() == 1


def test_what_is_in_the_broker_is_the_number_of_a_job_and_of_an_attempt(
    tmp_path: Path, redis: Redis, fleet: Fleet
) -> None:
    nobody = Fleet(tmp_path, redis.url)
    with open_app(tmp_path / "jobs.db", redis.url, nobody) as app:
        job = submit(app, "echo", "a secret")
        deadline = time.monotonic() + WAIT
        while RUN.encode() not in (found := redis.call("LRANGE", f"{nobody.prefix}.normal", 0, -1)):
            assert time.monotonic() < deadline
        assert b"secret" not in found
        body = json.loads(found[found.index(b"{") : found.rindex(b"}") + 1])
        args, kwargs, _ = json.loads(base64.b64decode(body["body"]))
        assert (args[:2], kwargs) == ([job.id, 1], {})
        assert body["content-type"] == "application/json"
        assert b"secret" not in redis.call("KEYS", "*")
        job.cancel()  # nobody has begun it
        with pytest.raises(JobCancelled):
            job.result(timeout=WAIT)
        app.stop(0)
    app.close()


def test_what_is_sent_to_nobody_does_not_stay(redis: Redis, until: Callable[..., None]) -> None:
    line = Line(lambda: connection_to(redis.url), "somebody", lambda telegram: None)
    line.send("nobody", Over("nobody#1"))
    until(lambda: redis.call("LLEN", "nobody") == b":1\r\n")
    assert 0 < int(redis.call("PTTL", "nobody")[1:]) <= 600_000
    line.close()


def test_what_is_urgent_passes_what_waits_in_the_broker(
    tmp_path: Path, redis: Redis, record: Record, until: Callable[..., None]
) -> None:
    own = Fleet(tmp_path, redis.url)
    app = open_app(tmp_path / "jobs.db", redis.url, own)
    try:
        with app:
            jobs = [submit(app, "work", str(record.path)) for _ in range(3)]
            until(lambda: redis.call("LLEN", f"{own.prefix}.normal") == b":3\r\n")
            jobs.append(submit(app, "work", str(record.path), priority="critical"))
            until(lambda: redis.call("LLEN", f"{own.prefix}.critical") == b":1\r\n")
            own.start()
            assert [job.result(timeout=WAIT) for job in jobs] == [job.id for job in jobs]
            app.stop(0)
        assert [job for job, _, _ in record.runs()] == [4, 1, 2, 3]
    finally:
        own.stop()
        app.close()


# -- what may die ---------------------------------------------------------------------------------


def test_the_job_of_a_celery_worker_that_is_killed_runs_again(
    tmp_path: Path, redis: Redis, record: Record, until: Callable[..., None]
) -> None:
    own = Fleet(tmp_path, redis.url)
    doomed = own.start()
    app = open_app(tmp_path / "jobs.db", redis.url, own)
    try:
        with app:
            job = submit(app, "work", str(record.path), 0.6)
            until(record.begun)
            kill_session(doomed)
            own.start()
            assert job.result(timeout=WAIT) == job.id
            app.stop(0)
        assert (record.begun(), record.overlapping()) == (2, 0)
        assert app.record(job.id).crashes == 1
    finally:
        own.stop()
        app.close()


def test_a_celery_worker_that_was_stopped_finds_its_attempt_taken(
    tmp_path: Path, redis: Redis, record: Record, until: Callable[..., None]
) -> None:
    """Frozen for longer than its lease, with its child: what it finishes then is void."""
    own = Fleet(tmp_path, redis.url)
    sleeper = own.start()
    app = open_app(tmp_path / "jobs.db", redis.url, own)
    try:
        with app:
            job = submit(app, "work", str(record.path), 1.5)
            until(record.begun)
            signal_session(sleeper, signal.SIGSTOP)
            own.start()
            assert job.result(timeout=WAIT) == job.id
            signal_session(sleeper, signal.SIGCONT)
            until(lambda: re.search(r"-1-1\] succeeded in .*'(lost|done)'", own.output()))
            assert submit(app, "echo", 1).result(timeout=WAIT) == 1
            app.stop(0)
        assert app.record(job.id).attempt == 2
        ends = [e.kind for e in app.history(job.id) if e.kind.startswith("job.")]
        assert ends.count("job.succeeded") == 1
    finally:
        own.stop()
        app.close()


def test_two_coordinators_one_of_which_is_killed(
    tmp_path: Path, redis: Redis, fleet: Fleet, record: Record, until: Callable[..., None]
) -> None:
    program = tmp_path / "coordinator.py"
    program.write_text(
        "import sys, time; sys.path.insert(0, sys.argv[4]); import celery_tasks\n"
        "from offhours import Offhours\n"
        "app = Offhours(sys.argv[1], broker=sys.argv[2], broker_prefix=sys.argv[3],"
        f" lease={LEASE}, poll=0.05)\n"
        "celery_tasks.register(app)\n"
        "app.start()\n"
        "time.sleep(60)\n"
    )
    store = tmp_path / "jobs.db"
    first = subprocess.Popen(
        [sys.executable, program, store, redis.url, fleet.prefix, FILE.parent],
        start_new_session=True,
    )
    app = open_app(store, redis.url, fleet)
    try:
        job = submit(app, "work", str(record.path), 1.5)
        until(record.begun)
        kill_session(first)
        with app:
            assert job.result(timeout=WAIT) == job.id
            app.stop(0)
        assert (record.begun(), record.overlapping()) == (2, 0)
    finally:
        kill_session(first)
        app.close()


def test_a_drain_ends_what_runs_before_it_hands_it_back(
    tmp_path: Path, redis: Redis, fleet: Fleet, record: Record, until: Callable[..., None]
) -> None:
    app = open_app(tmp_path / "jobs.db", redis.url, fleet)
    try:
        app.start()
        job = submit(app, "work", str(record.path), 1.0)
        until(record.begun)
        app.stop(0)
        assert app.record(job.id).state == "pending"
        assert app.record(job.id).crashes == 0
        app.start()
        assert job.result(timeout=WAIT) == job.id
        app.stop(0)
        assert (record.begun(), record.overlapping()) == (2, 0)
    finally:
        app.close()


def test_background_work_does_not_start_there_either_while_a_workflow_is_active(
    app: Offhours, record: Record, until: Callable[..., None]
) -> None:
    with app.foreground("typing"):
        job = submit(app, "low", str(record.path))
        other = submit(app, "work", str(record.path))
        assert other.result(timeout=WAIT) == other.id
        assert job.status == "pending"
    assert job.result(timeout=WAIT) == job.id


# -- other brokers, other stores, other ways in ---------------------------------------------------


def test_with_postgresql_the_worker_reads_the_arguments_itself(
    tmp_path: Path,
    redis: Redis,
    postgres_url: str,
    record: Record,
    until: Callable[..., None],
) -> None:
    own = Fleet(tmp_path, redis.url, OFFHOURS_DB=postgres_url)
    own.start(concurrency=2)
    app = open_app(postgres_url, redis.url, own)
    heard: list[bytes] = []
    listener = threading.Thread(target=redis.monitor, args=(heard,), daemon=True)
    listener.start()
    until(lambda: heard)
    try:
        with app:
            jobs = [submit(app, "echo", f"secret {number}") for number in range(5)]
            jobs.append(submit(app, "work", str(record.path), 0.5))
            results = [job.result(timeout=WAIT) for job in jobs]
            assert results[:5] == [f"secret {number}" for number in range(5)]
            traced_at_a_worker(app)
            app.stop(0)
        bodies = re.findall(rb'"body\\": \\"([\w+/=]+)', b"".join(heard))
        granted = [body for body in map(base64.b64decode, bodies) if b"Granted" in body]
        assert len(granted) >= 6
        assert not any(b"secret" in body for body in granted)
    finally:
        own.stop()
        app.close()


def test_rabbitmq(tmp_path: Path, record: Record, until: Callable[..., None]) -> None:
    parts = urlsplit(RABBIT)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 5672), timeout=2).close()
    except OSError:
        pytest.skip(f"no RabbitMQ answers at {parts.hostname}:{parts.port}")
    own = Fleet(tmp_path, RABBIT)
    doomed = own.start(concurrency=2)
    app = open_app(tmp_path / "jobs.db", RABBIT, own)
    celery = celery_application(RABBIT, own.prefix)
    try:
        with app:
            assert submit(app, "echo", [1]).result(timeout=WAIT) == [1]
            jobs = [submit(app, "work", str(record.path), 0.4) for _ in range(6)]
            until(lambda: record.begun() >= 2)
            with connection_to(RABBIT) as connection:  # what had not been taken is lost
                channel = connection.channel()
                channel.queue_purge(queue_name(own.prefix, 50))
            kill_session(doomed)  # and RabbitMQ delivers again what it had not acknowledged
            own.start(concurrency=2)
            for job in jobs:
                assert job.result(timeout=WAIT) == job.id
            office = office_of(app)
            with celery.connection_for_write() as connection:
                for job in jobs:
                    celery.send_task(
                        RUN, (job.id, 1, office), queue=queue_name(own.prefix, 50),
                        connection=connection,
                    )  # fmt: skip
            assert submit(app, "echo", [2]).result(timeout=WAIT) == [2]
            app.stop(0)
        assert {job for job, _, _ in record.runs()} == {job.id for job in jobs}
        assert (record.overlapping(), record.again() <= 2) == (0, True)
    finally:
        own.stop()
        app.close()
        with connection_to(RABBIT) as connection:
            channel = connection.channel()
            for priority in TaskPriority:
                channel.queue_delete(queue_name(own.prefix, priority))
            channel.exchange_delete(queue_name(own.prefix, 50))


def test_the_documented_manager_and_application(tmp_path: Path, redis: Redis) -> None:
    """`celery -A offhours.celery.celery_app worker`, for a file without any app."""
    (tmp_path / "calculations.py").write_text("def my_task(x, y):\n    return x + y\n")
    sys.path.insert(0, str(tmp_path))
    worker = subprocess.Popen(
        [
            sys.executable, "-m", "celery", "-A", "offhours.celery.celery_app", "worker",
            "--pool", "solo", "--without-gossip", "--without-mingle",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ
        | {
            "CELERY_BROKER_URL": redis.url,
            "OFFHOURS_APP": str(tmp_path / "calculations.py"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )  # fmt: skip
    try:
        calculations = importlib.import_module("calculations")
        with BackgroundTaskManager(worker_type="celery", broker_url=redis.url) as manager:
            task_id = manager.submit_task(calculations.my_task, 10, 20, name="calculation")
            task = manager.get_task(task_id)
            assert task.wait(WAIT)
            assert task.result == 30
            assert manager.get_stats()["worker_type"] == "celery"
    finally:
        kill_session(worker)
        sys.path.remove(str(tmp_path))
        del sys.modules["calculations"]
