"""What a task does to its process it does to nobody else: the worker goes on, and says what was."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from offhours import JobState, Offhours, TaskPriority
from offhours.core.errors import JobFailed, NotStarted, OptionError, TaskError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

WAIT = 20
GRACE = 0.6
BACKGROUND = TaskPriority.BACKGROUND


def _tasks() -> ModuleType:
    """The tasks as a module: whoever runs them finds the file, which is not on the path."""
    path = Path(__file__).with_name("process_tasks.py")
    spec = importlib.util.spec_from_file_location("process_tasks", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules["process_tasks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tasks: Any = _tasks()


@contextmanager
def working(folder: Path) -> Iterator[Offhours]:
    made = Offhours(folder / "jobs.db", processes=1, kill_grace=GRACE, poll=0.05)
    with made:
        yield made
    made.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offhours]:
    """One worker goes on through all that is done to its child."""
    with working(tmp_path_factory.mktemp("app")) as made:
        yield made


@pytest.fixture
def own_app(tmp_path: Path) -> Iterator[Offhours]:
    """For a test that stops it."""
    with working(tmp_path) as made:
        yield made


def run(app: Offhours, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Submit a job for a task of a process."""
    return app.task(executor="process", **options)(function).submit(*args)


def alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def stopped(number: int) -> bool:
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def number_in(path: Path, until: Callable[..., None]) -> int:
    until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


CRASHES = {
    "segmentation fault": (tasks.fall_by_segfault, (), "signal 11 (segmentation fault)"),
    "abort": (tasks.fall_by_abort, (), "signal 6 (abort)"),
    "stack overflow": (tasks.fall_by_stack_overflow, (), "signal 11 (segmentation fault)"),
    "exit 0": (tasks.leave, (0,), "exit code 0 before the run had ended"),
    "exit 7": (tasks.leave, (7,), "exit code 7 before the run had ended"),
    "kill": (tasks.be_killed, (), "signal 9 (killed; perhaps out of memory)"),
    "closed": (tasks.close_everything, (), "exit code 1 before the run had ended"),
    "nonsense": (tasks.talk_nonsense, (), "it sent what is no message"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_is_told_for_what_it_is_and_the_next_job_runs(app: Offhours, name: str) -> None:
    function, args, said = CRASHES[name]
    job = run(app, function, *args, on_lost="fail", retries=5)
    assert job.wait(WAIT) is JobState.FAILED
    began = time.monotonic()
    assert run(app, tasks.pid).result(WAIT) != os.getpid()
    assert time.monotonic() - began < 5
    record = job.record
    assert said in record.error
    assert (record.code, record.crashes, record.attempts) == ("lost", 1, 1)


def test_the_last_words_are_kept(app: Offhours) -> None:
    job = run(app, tasks.fall_by_segfault, on_lost="fail")
    job.wait(WAIT)
    assert "the last words" in job.record.error
    assert "in fall_by_segfault" in job.record.error
    assert len(job.record.error) < 5_000
    with pytest.raises(JobFailed, match="signal 11"):
        job.result()


def test_poison_is_quarantined_after_three_crashes_whatever_the_retries(app: Offhours) -> None:
    job = run(app, tasks.leave, 9, retries=50)
    assert job.wait(WAIT) is JobState.FAILED
    assert (job.record.code, job.record.crashes, job.record.attempts) == ("quarantined", 3, 3)
    kinds = [event.kind for event in job.history()]
    assert kinds.count("job.crashed") == 2
    assert job.why().code == "quarantined"


def test_a_crash_spends_no_attempt(app: Offhours, tmp_path: Path) -> None:
    job = run(app, tasks.fall_until, str(tmp_path / "falls"), 2, retries=0)
    assert job.result(WAIT) == 3
    assert (job.record.crashes, job.record.attempts) == (2, 3)


def test_a_memory_bomb_under_a_limit_is_an_error_with_a_name(app: Offhours) -> None:
    job = run(app, tasks.eat_memory)
    assert job.wait(WAIT) is JobState.FAILED
    assert (job.record.code, job.record.crashes) == ("memory", 0)
    assert "MemoryError" in job.record.error
    assert run(app, tasks.grow, 200_000_000).result(WAIT)  # the limit went with that process


@pytest.mark.parametrize("function", [tasks.spin, tasks.hold_the_gil])
def test_what_does_not_end_is_killed_at_its_limit(
    app: Offhours, tmp_path: Path, function: Callable[..., Any], until
) -> None:
    job = run(app, function, str(tmp_path / "pid"), timeout="300ms")
    child = number_in(tmp_path / "pid", until)
    began = time.monotonic()
    assert job.wait(WAIT) is JobState.FAILED
    assert time.monotonic() - began < 0.3 + GRACE + 3
    assert (job.record.code, job.record.crashes) == ("timeout", 0)
    assert "did not end within its timeout and was killed" in job.record.error
    assert not alive(child)
    assert run(app, tasks.pid).result(WAIT) != child


def test_what_listens_is_interrupted_at_its_limit(app: Offhours, tmp_path: Path) -> None:
    for n, function in enumerate((tasks.sleep, tasks.sleep_async, tasks.work_until_told)):
        job = run(app, function, str(tmp_path / str(n)), timeout="100ms")
        assert job.wait(WAIT) is JobState.FAILED
        assert (job.record.code, job.record.crashes) == ("timeout", 0)
        assert "TimeLimit" in job.record.error


def test_a_timeout_is_retried(app: Offhours, tmp_path: Path) -> None:
    job = run(app, tasks.spin, str(tmp_path / "p"), timeout="50ms", retries=1, backoff=0)
    assert job.wait(WAIT) is JobState.FAILED
    assert (job.record.attempts, job.record.code) == (2, "timeout")


@pytest.mark.parametrize(
    "function", [tasks.spin, tasks.sleep, tasks.sleep_async, tasks.work_until_told]
)
def test_a_cancelled_run_ends_whether_it_listens_or_not(
    app: Offhours, tmp_path: Path, function: Callable[..., Any], until
) -> None:
    job = run(app, function, str(tmp_path / "run"), retries=3)
    until(lambda: list(tmp_path.glob("run*")))
    job.cancel("enough")
    assert job.wait(WAIT) is JobState.CANCELLED
    assert job.record.crashes == 0
    assert run(app, tasks.pid).result(WAIT)


def test_a_mess_is_cleaned_up_for_the_next_run(app: Offhours, tmp_path: Path) -> None:
    before = run(app, tasks.surroundings).result(WAIT)
    assert run(app, tasks.leave_a_mess, str(tmp_path)).result(WAIT) == before["pid"]
    assert run(app, tasks.surroundings).result(WAIT) == before
    assert (before["usr1"], before["term"], before["timer"]) == (True, True, 0)


def test_what_leaves_threads_or_processes_gets_a_fresh_child(app: Offhours, until) -> None:
    first = run(app, tasks.leave_a_thread).result(WAIT)
    second, orphan = run(app, tasks.leave_a_child).result(WAIT)
    third = run(app, tasks.pid).result(WAIT)
    assert len({first, second, third}) == 3
    until(lambda: not any(alive(number) for number in (first, second, orphan)))
    assert run(app, tasks.pid).result(WAIT) == third  # kept, as it left nothing


def test_a_killed_run_takes_its_own_processes_along(app: Offhours, tmp_path: Path, until) -> None:
    job = run(app, tasks.with_a_child, str(tmp_path / "both"), on_lost="fail")
    until((tmp_path / "both").exists)
    child, grandchild = map(int, (tmp_path / "both").read_text().split())
    assert alive(grandchild)
    os.kill(child, signal.SIGKILL)
    assert job.wait(WAIT) is JobState.FAILED
    until(lambda: not alive(grandchild))


def test_a_child_that_died_while_idle_is_no_crash_of_the_next_job(app: Offhours, until) -> None:
    idle = run(app, tasks.pid).result(WAIT)
    os.kill(idle, signal.SIGKILL)
    until(lambda: not alive(idle))
    job = run(app, tasks.pid)
    assert job.result(WAIT) != idle
    assert job.record.crashes == 0


def test_children_are_replaced_after_so_many_runs(tmp_path: Path) -> None:
    with Offhours(tmp_path / "jobs.db", processes=1, max_tasks_per_child=2) as app:
        pids = [run(app, tasks.pid).result(WAIT) for _ in range(5)]
    app.close()
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_a_child_that_has_grown_is_replaced(tmp_path: Path) -> None:
    with Offhours(tmp_path / "jobs.db", processes=1, max_child_memory=120_000_000) as app:
        small = run(app, tasks.grow, 1_000_000).result(WAIT)
        assert run(app, tasks.grow, 200_000_000).result(WAIT) == small
        assert run(app, tasks.pid).result(WAIT) != small
    app.close()


# -- errors, names, arguments ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "said"),
    [(tasks.raise_odd, "Odd: odd"), (tasks.raise_huge, "ValueError"),
     (tasks.raise_exit, "SystemExit: 3")],
)  # fmt: skip
def test_odd_exceptions_come_across(app: Offhours, function: Any, said: str) -> None:
    job = run(app, function)
    assert job.wait(WAIT) is JobState.FAILED
    assert (said in job.record.error, job.record.code) == (True, "error")
    assert len(job.record.error) <= 64_000


def test_which_errors_are_retried_is_decided_by_the_task(app: Offhours) -> None:
    retried = run(app, tasks.raise_key_error, retries=1, backoff=0, name="a")
    given_up = run(app, tasks.raise_key_error, retries=1, give_up_on=LookupError, name="b")
    other = run(app, tasks.raise_odd, retries=1, retry_on=tasks.Odd, backoff=0, name="c")
    for job in (retried, given_up, other):
        job.wait(WAIT)
    assert [job.record.attempts for job in (retried, given_up, other)] == [2, 1, 2]


def test_a_task_that_is_registered_anew_has_its_new_policy(app: Offhours) -> None:
    attempts = []
    for given_up in ((), (KeyError,)):
        job = run(app, tasks.raise_key_error, retries=1, backoff=0, give_up_on=given_up)
        job.wait(WAIT)
        attempts.append(job.record.attempts)
    assert attempts == [2, 1]


def test_retries_deferrals_and_progress(app: Offhours, tmp_path: Path) -> None:
    assert run(app, tasks.flaky, retries=3).result(WAIT) == 3
    deferred = run(app, tasks.defer_once, str(tmp_path / "seen"))
    assert deferred.result(WAIT) == "now"
    assert (deferred.record.attempts, deferred.record.deferrals) == (1, 1)
    told = run(app, tasks.tell)
    told.wait(WAIT)
    assert told.progress == {"fraction": 1.0, "message": "step 4", "partial": [4]}


def test_log_records_reach_the_worker(app: Offhours, caplog: pytest.LogCaptureFixture) -> None:
    run(app, tasks.log_something).result(WAIT)
    assert ("shop", 30, "the till is open") in caplog.record_tuples


def test_what_has_no_name_is_refused_when_it_is_registered(tmp_path: Path) -> None:
    def local() -> None: ...

    app = Offhours(":memory:")
    for function in (local, lambda: None, [].append):
        with pytest.raises(TaskError, match='executor="thread"'):
            app.task(name="t", executor="process")(function)
    app.close()


def test_freezing_a_thread_is_refused() -> None:
    app = Offhours(":memory:")
    for policy in ("yield", "freeze"):
        with pytest.raises(OptionError, match='needs executor="process"'):
            app.task(step_aside=policy)(tasks.pid)
    with pytest.raises(OptionError, match="executor"):
        app.task(executor="moon")(tasks.pid)
    app.close()


def test_an_app_may_choose_processes_for_all_but_coroutines(tmp_path: Path) -> None:
    with Offhours(tmp_path / "jobs.db", executor="process", processes=1) as app:
        assert app.submit(tasks.pid).result(WAIT) != os.getpid()
        here = app.task(executor="thread", name="here")(tasks.pid)
        assert here.submit().result(WAIT) == os.getpid()
        assert app.submit(lambda: os.getpid(), durable=False).result(WAIT) == os.getpid()
    app.close()


def test_who_wants_no_process_pays_for_none(tmp_path: Path) -> None:
    program = """
        import sys
        there = set(sys.modules)  # what measures the tests is not ours
        from offhours import Offhours

        app = Offhours(sys.argv[1])

        @app.task
        def here() -> int:
            return 1

        if __name__ == "__main__":
            with app:
                assert here.submit().result(20) == 1
                ours = set(sys.modules) - there
                print(*[n for n in ours if "processes" in n or "processing" in n])
    """
    assert _output(tmp_path, program).split() == []


SCRIPT = """
    import os, sys
    from offhours import Offhours

    app = Offhours(sys.argv[1], processes=1)

    class Own(Exception):
        pass

    @app.task(executor="process", retries=1, backoff=0, retry_on=Own)
    def own(x: int) -> list:
        from offhours import context
        if context().attempt == 1:
            raise Own
        return [os.getpid() != int(os.environ["WORKER"]), __name__, x]

    {guard}
        os.environ["WORKER"] = str(os.getpid())
        with app:
            job = own.submit(7)
            job.wait(20)
            print(job.record.result or job.record.error)
"""


def _output(folder: Path, program: str) -> str:
    import subprocess
    import textwrap

    file = folder / "program.py"
    file.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, file, folder / "program.db"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_script_is_imported_under_another_name(tmp_path: Path) -> None:
    printed = _output(tmp_path, SCRIPT.format(guard='if __name__ == "__main__":'))
    assert printed.strip() == '[true,"__mp_main__",7]'


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    printed = _output(tmp_path, SCRIPT.format(guard="if True:"))
    assert "NotStarted" in printed
    assert 'if __name__ == "__main__"' in printed


def test_nothing_starts_while_a_script_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    from offhours.engine import registry

    app = Offhours(":memory:")
    monkeypatch.setattr(registry, "importing", True)
    with pytest.raises(NotStarted, match="__main__"):
        app.start()
    app.close()


# -- stepping aside --------------------------------------------------------------------------------


def test_background_runs_have_the_lowest_class_and_other_runs_do_not(app: Offhours) -> None:
    low = run(app, tasks.niceness, priority=BACKGROUND, name="low").result(WAIT)
    normal = run(app, tasks.niceness, name="normal").result(WAIT)
    again = run(app, tasks.niceness, priority=BACKGROUND, name="low").result(WAIT)
    assert (low["nice"], low["class"]) == (19, os.SCHED_IDLE)
    assert (normal["nice"], normal["class"]) == (os.nice(0), os.SCHED_OTHER)
    assert again == low


def may_raise() -> bool:
    """Whether we have the right to give a process a better class (CAP_SYS_NICE)."""
    status = Path("/proc/self/status").read_text()
    return bool(int(status.partition("CapEff:")[2].split()[0], 16) & 1 << 23)


def background(app: Offhours, path: Path, step_aside: str, function: Any, **options: Any) -> Any:
    return run(app, function, str(path), step_aside=step_aside, priority=BACKGROUND, **options)


def test_a_frozen_run_stands_still_and_its_time_too(app: Offhours, tmp_path: Path, until) -> None:
    path = tmp_path / "go"
    job = background(app, path, "freeze", tasks.count_until_told, timeout="900ms")
    child = number_in(tmp_path / "go.pid", until)
    turns = tmp_path / "go.turns"
    until(turns.exists)
    with app.foreground("ann"):
        until(lambda: stopped(child), 2)
        path.touch()
        seen = turns.read_text()
        time.sleep(1.2)
        assert turns.read_text() == seen
        assert job.status is JobState.RUNNING
    assert job.result(WAIT) > 0


def test_a_run_is_frozen_as_the_lease_begins(app: Offhours, tmp_path: Path, until) -> None:
    job = background(app, tmp_path / "go", "freeze", tasks.count_until_told)
    child = number_in(tmp_path / "go.pid", until)
    delays = []
    for _ in range(10):
        lease = app.enter_foreground("ann")
        entered = time.monotonic()
        until(lambda: stopped(child), 5)
        delays.append(time.monotonic() - entered)
        app.leave_foreground(lease)
        until(lambda: not stopped(child), 5)
    assert min(delays) < 0.02  # not by the next look at the clock
    (tmp_path / "go").touch()
    job.result(WAIT)


def test_a_frozen_run_can_be_cancelled(app: Offhours, tmp_path: Path, until) -> None:
    job = background(app, tmp_path / "go", "freeze", tasks.count_until_told)
    child = number_in(tmp_path / "go.pid", until)
    with app.foreground("ann"):
        until(lambda: stopped(child))
        job.cancel()
        assert job.wait(WAIT) is JobState.CANCELLED


def test_a_frozen_run_is_handed_back_by_a_drain(own_app: Offhours, tmp_path: Path, until) -> None:
    job = background(own_app, tmp_path / "go", "freeze", tasks.count_until_told)
    child = number_in(tmp_path / "go.pid", until)
    with own_app.foreground("ann"):
        until(lambda: stopped(child))
        assert own_app.stop(0.2) is False
    assert not alive(child)
    assert (job.status, job.record.attempts, job.record.crashes) == (JobState.PENDING, 0, 0)


def test_a_lease_of_another_process_that_dies_ends_the_frost(
    app: Offhours, tmp_path: Path, until
) -> None:
    job = background(app, tmp_path / "go", "freeze", tasks.count_until_told)
    child = number_in(tmp_path / "go.pid", until)
    now = app.clock.micros()
    app.store.enter_foreground("other", "elsewhere", 700_000, now)  # never renewed
    until(lambda: stopped(child))
    (tmp_path / "go").touch()
    assert job.result(WAIT) > 0


def test_a_yielding_run_has_the_lowest_class_while_it_must(
    app: Offhours, tmp_path: Path, until
) -> None:
    job = background(app, tmp_path / "go", "yield", tasks.count_until_told)
    child = number_in(tmp_path / "go.pid", until)
    assert os.sched_getscheduler(child) == os.SCHED_OTHER
    with app.foreground("ann"):
        until(lambda: os.sched_getscheduler(child) == os.SCHED_IDLE)
        until(lambda: os.getpriority(os.PRIO_PROCESS, child) == 19)
    if may_raise():
        until(lambda: os.sched_getscheduler(child) == os.SCHED_OTHER)
        until(lambda: os.getpriority(os.PRIO_PROCESS, child) == os.nice(0))
    (tmp_path / "go").touch()
    job.result(WAIT)


def test_a_cooperating_run_waits_in_its_checkpoint_and_its_time_too(
    app: Offhours, tmp_path: Path
) -> None:
    path = tmp_path / "go"
    job = background(app, path, "cooperate", tasks.work_until_told, timeout="700ms")
    while not (tmp_path / "go.pid").exists():
        time.sleep(0.005)
    with app.foreground("ann"):
        time.sleep(1.2)
        assert job.status is JobState.RUNNING
    path.touch()
    assert job.result(WAIT) == "told"


# -- the life of a worker --------------------------------------------------------------------------


def test_a_drain_lets_runs_end(own_app: Offhours, tmp_path: Path, until) -> None:
    job = run(own_app, tasks.sleep, str(tmp_path / "pid"), 0.3)
    child = number_in(tmp_path / "pid", until)
    assert own_app.stop(10) is True
    assert job.status is JobState.SUCCEEDED
    until(lambda: not alive(child))


def test_a_drain_that_takes_too_long_kills_and_hands_back(
    own_app: Offhours, tmp_path: Path, until
) -> None:
    job = run(own_app, tasks.spin, str(tmp_path / "pid"))
    child = number_in(tmp_path / "pid", until)
    assert own_app.stop(0.1) is False
    assert not alive(child)
    assert (job.status, job.record.attempts, job.record.crashes) == (JobState.PENDING, 0, 0)
    own_app.start()
    job.cancel()
    assert job.wait(WAIT) is JobState.CANCELLED


def test_a_worker_that_lost_its_lease_kills_what_it_runs(
    own_app: Offhours, tmp_path: Path, until
) -> None:
    job = run(own_app, tasks.spin, str(tmp_path / "pid"))
    child = number_in(tmp_path / "pid", until)
    worker = own_app._work.worker
    assert worker is not None
    worker._start_over(worker.id)
    assert not alive(child)
    assert run(own_app, tasks.pid).result(WAIT)
    job.cancel()


@pytest.mark.parametrize("function", ["spin", "hold_the_gil"])
def test_children_die_with_their_worker(tmp_path: Path, script, until, function: str) -> None:
    program = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import process_tasks as tasks
        from offhours import Offhours

        if __name__ == "__main__":
            with Offhours(sys.argv[1], processes=2) as app:
                app.task(executor="process")(tasks.pid).submit().result(20)
                job = app.task(executor="process")(tasks.{function}).submit(sys.argv[2])
                job.wait(60)
    """
    worker = script(program, tmp_path / "jobs.db", tmp_path / "pid")
    child = number_in(tmp_path / "pid", until)
    worker.kill()
    until(lambda: not alive(child), 5)
    assert worker.wait(5) == -signal.SIGKILL


def test_starting_and_stopping_leaves_no_processes_threads_or_descriptors(tmp_path: Path) -> None:
    import threading

    app = Offhours(tmp_path / "jobs.db", processes=2)
    task = app.task(executor="process")(tasks.pid)

    def cycle() -> tuple[int, int]:
        with app:
            children = {job.result(WAIT) for job in task.submit_many([(n,) for n in range(6)])}
        assert not any(map(alive, children))
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    before = [cycle() for _ in range(2)][-1]
    after = [cycle() for _ in range(3)][-1]
    assert after[0] <= before[0] + 1
    assert after[1] <= before[1] + 2
    app.close()
