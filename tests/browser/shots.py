"""Pictures of the page: for the documents, and to be looked at.

python -m tests.browser.shots              those that the documents show, into docs/images
python -m tests.browser.shots FOLDER       every page in every look, into a folder
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tests.browser.chrome import chromium, go
from tests.browser.house import fill, live_an_hour, make_app, served
from tests.browser.rooms import recorded

WIDE = {"width": 1280, "height": 860}
PHONE = {"width": 400, "height": 860}
PAGES = {
    "overview": "overview",
    "jobs": "jobs",
    "failures": "failures",
    "schedules": "schedules",
    "editor": "schedules/new",
    "flows": "flows",
    "queues": "queues",
    "tasks": "tasks",
    "workers": "workers",
    "approvals": "approvals",
    "alerts": "alerts",
    "recorder": "recorder",
    "optimizer": "optimizer",
    "training": "training",
    "deferrals": "deferrals",
    "audit": "audit",
    "settings": "settings",
}


SHOWN = ("overview", "flow", "model")  # in the two looks that documents choose from
LOOKS = {
    "light": (WIDE, "light"),
    "dark": (WIDE, "dark"),
    "mobile": (PHONE, "light"),
    "mobile-dark": (PHONE, "dark"),
}


def main(folder: Path, names: Collection[str] | None) -> None:
    """Each look of each page, or of these pages those that the documents show."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        live_an_hour(Path(place) / "shop.db")
        app = make_app(Path(place) / "shop.db")
        with app, served(app) as server, recorded(), chromium() as browser:
            fill(app)
            for month, seconds in (("2026-10", 600.0), ("2026-11", 900.0)):
                app.submit("shop.reports:render", args=(month, seconds), priority="high")
            pages = {**PAGES, **found(app)}
            for look, (size, scheme) in LOOKS.items():
                if names is not None and size is PHONE:
                    continue
                context = browser.new_context(
                    viewport=size, color_scheme=scheme, timezone_id="Europe/Berlin", locale="en-GB"
                )
                tab = context.new_page()
                tab.goto(server.link)
                for name, path in pages.items():
                    if names is not None and name not in names:
                        continue
                    shoot(tab, name, path, folder / f"{name}-{look}.png")
                context.close()
            for job in app.jobs(state="running"):
                app.cancel(job.id)


def found(app: Any) -> dict[str, str]:
    """One of each thing."""
    failed = app.jobs(state="failed", task="shop.orders:charge")[0].id
    return {
        "job": f"jobs/{failed}",
        "task": "tasks/shop.reports:render",
        "schedule": f"schedules/{next(iter(app.schedules)).id}",
        "dump": f"recorder/{app.store.notices.dumps(None, 1)[0].dump_id}",
        "flow": f"flows/{app.flows()[0].id}",
        "automation": f"optimizer/{app.store.automations.all()[0].automation_id}",
        "model": f"training/{app.store.models.all()[0].id}",
    }


def shoot(tab: Any, name: str, path: str, to: Path) -> None:
    """The page as one sees it after a moment."""
    go(tab, path)
    if name == "editor":
        tab.fill("input[name=when]", "every weekday at 9am")
        tab.wait_for_selector(".preview table")
    tab.wait_for_timeout(150)
    tab.screenshot(path=to)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]), None)
    else:
        main(Path(__file__).parents[2] / "docs" / "images", SHOWN)
