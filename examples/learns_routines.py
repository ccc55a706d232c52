"""A week of office work goes by; what repeats in it becomes automations, until the world changes.

    python examples/learns_routines.py

Scans are filed by date, reports are fetched and converted, and between that people do other things.
The engine finds the two routines, writes a script for each, tries it in the sandbox on days that it
did not learn from, and deploys it. Then the report's format changes, and the automation that now
fails is taken back. Needs bubblewrap (`offhours doctor sandbox` says whether it is there).
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from offhours import Offhours
from offhours.core.errors import JobFailed
from offhours.optimize import OptimizationEngine, Task

MONDAY = datetime(2026, 6, 1, 8).astimezone()
CUSTOMERS = ("amsel", "birke", "distel", "eiche", "falke", "ginster", "hasel", "iltis")
OTHER_WORK = ("chat", "mail", "edit", "browse", "meeting", "search", "print")
SETTINGS = {"repetitive_task_detection": {"automation_threshold": 0.5, "time_window_hours": 168}}


class Office:
    """What there is in the office: a scanner's folder, an archive, reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.columns = ["item", "amount"]
        for name in ("scans", "archive", "reports"):
            (folder / name).mkdir()

    def scan(self, name: str) -> None:
        (self.folder / "scans" / f"{name}.pdf").write_text(f"a picture of {name}", "utf-8")

    # What carries out the steps, by hand or by an automation:

    def copy_file(self, source: str, target: str) -> None:
        path = self.folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / source, path)

    def rename_file(self, path: str, name: str) -> None:
        file = self.folder / path
        file.rename(file.with_name(name))

    def fetch_report(self, customer: str, save_as: str) -> None:
        with open(self.folder / save_as, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.columns, ["lamps", "12"], ["chairs", "3"]])

    def convert_report(self, source: str, target: str) -> None:
        with open(self.folder / source, encoding="utf-8", newline="") as file:
            total = sum(int(row["amount"]) for row in csv.DictReader(file))
        (self.folder / target).write_text(json.dumps({"total": total}), "utf-8")


def a_week(rng: random.Random) -> Iterator[Task]:
    """What people did from Monday to Friday, as it was recorded."""
    number = 0
    for day in range(5):
        at = MONDAY + timedelta(days=day)
        for _ in range(8):
            for work in rng.sample((scanning, reporting), 2):
                actor = rng.choice(("ann", "bob"))
                for kind, parameters in work(rng, at):
                    while rng.random() < 0.3:
                        number, at = number + 1, at + timedelta(seconds=rng.randint(20, 90))
                        other = rng.choice(OTHER_WORK)
                        about = {"about": f"{rng.choice(CUSTOMERS)} {rng.randrange(10_000)}"}
                        yield Task(f"t{number}", other, other, about, at, 30_000, True, actor)
                    number, at = number + 1, at + timedelta(seconds=rng.randint(20, 60))
                    seconds = rng.lognormvariate(3, 0.3)
                    yield Task(
                        f"t{number}", kind, kind, parameters, at, 1000 * seconds, True, actor
                    )
            at += timedelta(minutes=rng.randint(5, 40))


def scanning(rng: random.Random, at: datetime) -> list[tuple[str, dict[str, str]]]:
    scan = f"IMG_{rng.randrange(10_000, 99_999)}"
    copy = f"archive/{at:%Y-%m-%d}/{scan}.pdf"
    return [
        ("copy_file", {"source": f"scans/{scan}.pdf", "target": copy}),
        ("rename_file", {"path": copy, "name": f"{at:%Y-%m-%d}_{scan}.pdf"}),
    ]


def reporting(rng: random.Random, at: datetime) -> list[tuple[str, dict[str, str]]]:
    customer = rng.choice(CUSTOMERS)
    file = f"reports/{customer}-{at:%Y%m%d}.csv"
    return [
        ("fetch_report", {"customer": customer, "save_as": file}),
        ("convert_report", {"source": file, "target": file.removesuffix("csv") + "json"}),
    ]


def learn(engine: OptimizationEngine) -> dict[str, str]:
    """Look at the week; the automations that were deployed, by their first step."""
    for task in a_week(random.Random(7)):
        engine.record_task(task)
    found = engine.run_cycle()
    print(f"{len(engine.task_identifier.history)} tasks were recorded.\n")
    for routine in found.routines:
        print(routine.explain(), end="\n\n")
    deployed = {}
    for automation in engine.automation_creator.list_automations(deployed_only=True):
        verdict = automation.verdict
        assert verdict is not None
        print(f"{automation} after {verdict.tests} tests, {verdict.rate:.0%} passed:\n")
        print(automation.script)
        deployed[automation.task_type.partition(" ")[0]] = automation.automation_id
    for automation_id, reason in found.refused.items():
        print(f"{automation_id} was not deployed: {reason}")
    return deployed


def work(engine: OptimizationEngine, office: Office, deployed: dict[str, str]) -> None:
    """A day on which the automations do it."""
    for number in range(15):
        name = f"IMG_{77_000 + number}"
        office.scan(name)
        engine.run_automation(deployed["copy_file"], {"source": f"scans/{name}.pdf"}).result()
        customer = CUSTOMERS[number % len(CUSTOMERS)]
        engine.run_automation(deployed["fetch_report"], {"customer": customer}).result()
    report = engine.get_optimization_report()
    filed = len(list((office.folder / "archive").rglob("*.pdf")))
    totals = len(list((office.folder / "reports").glob("*.json")))
    print(f"{filed} scans are filed, {totals} reports converted; that saved "
          f"{report['time_saved_ms'] / 60_000:.0f} minutes.\n")  # fmt: skip


def break_the_world(engine: OptimizationEngine, office: Office, automation_id: str) -> int:
    """The reports change; how many runs failed until the automation was taken back."""
    office.columns = ["item", "quantity"]
    automation = engine.automation_creator.get(automation_id)
    failures = 0
    while automation.deployed:
        try:
            engine.run_automation(automation_id, {"customer": "amsel"}).result()
        except JobFailed:
            failures += 1
    print(f"The reports have another column now. After {failures} failures:")
    for event in engine.app.events():
        if event.kind in ("trial.ended", "automation.rolled_back"):
            data: dict[str, Any] = json.loads(event.data or "{}")
            print(f"  {event.kind}: {data['reason']}")
    return failures


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        office = Office(Path(folder))
        engine = OptimizationEngine(SETTINGS, app=Offhours(":memory:", executor="inline"))
        for step in (
            office.copy_file, office.rename_file, office.fetch_report, office.convert_report,
        ):  # fmt: skip
            engine.handler(step.__name__)(step)
        deployed = learn(engine)
        work(engine, office, deployed)
        break_the_world(engine, office, deployed["fetch_report"])


if __name__ == "__main__":
    main()
