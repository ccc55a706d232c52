"""What a type checker must see of the public interface; mypy reads it, nothing runs it."""

from typing import Any, assert_type

from offhours import (
    BackgroundScheduler,
    BackgroundTaskConfig,
    JobHandle,
    JobState,
    Offhours,
    Orchestrator,
    PerfCatcherInterceptor,
    ScheduledTask,
    ScheduledTaskManager,
    TaskHandle,
    TaskPriority,
    TaskStatus,
    auto_load_config,
    get_global_interceptor_chain,
    get_perfcatcher_interceptor,
    load_config,
    start_background_scheduler,
)
from offhours.core.sandbox import Sandbox, SandboxResult
from offhours.faces.executions import Execution
from offhours.orchestrator import PhaseContext
from offhours.sandbox import SandboxManager

app = Offhours(":memory:", threads=2, lease="1m")
sandbox: Sandbox = SandboxManager("full")
assert_type(sandbox.run("pass"), SandboxResult)


@app.task(retries=3, timeout="30s", priority=TaskPriority.BACKGROUND)
def reindex(folder: str, deep: bool = False) -> int:
    return len(folder)


@app.task
def plain(n: int) -> str:
    return str(n)


def undecorated(n: int) -> float:
    return n / 2


assert_type(reindex("a"), int)
assert_type(reindex.submit("a", deep=True), JobHandle[int])
assert_type(reindex.options(delay="10m", unique="k").submit("a").result(timeout=1), int)
assert_type(plain.submit_many([(1,), (2,)]), list[JobHandle[str]])
assert_type(app.submit(undecorated, args=(1,)), JobHandle[float])
assert_type(app.submit(reindex, args=("a",), priority="high").status, JobState)
assert isinstance(plain, TaskHandle)

manager = ScheduledTaskManager(app=app)
assert_type(manager.create_task("nightly", "", "every day at 2am", func=undecorated), str)
assert_type(manager.get_task("1"), ScheduledTask | None)
assert_type(start_background_scheduler(), BackgroundScheduler)

reindex.submit(1)  # type: ignore[arg-type]
plain.options(nope=1)  # type: ignore[call-arg]

recorder = PerfCatcherInterceptor(sinks=(), cooldown="1m", mode="threshold")


@recorder.tool
def search(query: str) -> list[str]:
    return [query]


@get_global_interceptor_chain().tool(name="fetch")
async def fetch(url: str) -> bytes:
    return url.encode()


async def await_fetch() -> None:
    assert_type(await fetch("u"), bytes)


assert_type(search("q"), list[str])
assert_type(get_perfcatcher_interceptor(), PerfCatcherInterceptor)
search(1)  # type: ignore[arg-type]
PerfCatcherInterceptor(nope=1)  # type: ignore[call-arg]

assert_type(Offhours.from_config("night.toml", threads=2), Offhours)
Offhours.from_config(nope=1)  # type: ignore[call-arg]
config = load_config("env")
assert_type(config, BackgroundTaskConfig)
assert_type(config.threaded_worker.max_workers, int)
assert_type(auto_load_config().to_dict(), dict[str, Any])

orchestrator = Orchestrator(use_background_processing=True)
executed = orchestrator.execute("Write a parser", use_background=True)
assert_type(executed, Execution)
assert_type([orchestrator.get_background_task_status(i) for i in executed], list[TaskStatus | None])
assert_type(executed.results(), dict[str, Any])


@orchestrator.handler("code")
async def write(context: PhaseContext) -> dict[str, str]:
    return {context.phase.part: context.failure}


orchestrator.handler("code")(lambda: 1)  # type: ignore[type-var]
orchestrator.execute(7)  # type: ignore[arg-type]
