"""Scheduled tasks of one program, killed and started again, as its user would."""

from __future__ import annotations

import json
from pathlib import Path

PROGRAM = """
    import os, sys, time
    folder, word = sys.argv[1:]
    os.chdir(folder)
    os.environ["OFFHOURS_DB"] = "work.db"

    from offhours import get_global_task_manager, start_background_scheduler

    def tick():
        with open("ticks", "a") as file:
            print(word, file=file)

    start_background_scheduler()
    manager = get_global_task_manager()
    manager.create_task("ticker", "Ticks", "every 1 seconds", func=tick, func_name="tick")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_program_finds_its_tasks_again(script, until, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    for word in ("first", "second"):
        program = script(PROGRAM, tmp_path, word)
        assert program.stdout.readline() == "ready\n", program.stderr.read()
        until(lambda word=word: ticks.exists() and word in ticks.read_text(), seconds=30)
        program.kill()
        program.wait()
    [task] = json.loads((tmp_path / "data/scheduled_tasks/tasks.json").read_text())["tasks"]
    assert (task["name"], task["func_name"], task["status"]) == ("ticker", "tick", "active")


def test_without_its_function_a_task_is_parked_and_says_so(script, tmp_path: Path) -> None:
    first = script(PROGRAM, tmp_path, "first")
    assert first.stdout.readline() == "ready\n"
    first.kill()
    first.wait()
    looking = """
        import os, sys, time
        os.chdir(sys.argv[1])
        os.environ["OFFHOURS_DB"] = "work.db"

        from offhours import get_global_task_manager

        [task] = get_global_task_manager().list_tasks()
        end = time.monotonic() + 30
        while task.status != "parked" and time.monotonic() < end:
            time.sleep(0.05)
        print(task.func, task.enabled, task.why())
    """
    told = script(looking, tmp_path).stdout.read()
    assert told.startswith("None True no running worker knows the task tick; it goes on by itself")
