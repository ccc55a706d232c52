"""What the page draws of real work, and the ways back that it offers."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.chrome import go
from tests.browser.conftest import House
from tests.browser.house import make_app, served
from tests.browser.test_page import expect, hash_of

from offhours import Flow
from offhours.core.notices import NewAlert
from offhours.notify import Memory, Route


class Held:
    """A task that runs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.end = threading.Event(), threading.Event()

    def hold(self) -> None:
        self.begun.set()
        self.end.wait(30)


def print_page(seconds: float) -> None:
    """Fails within no time, or takes its time."""
    time.sleep(seconds)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An app that has sent mails, two of which failed."""
    app = make_app(tmp_path_factory.mktemp("widgets") / "shop.db")
    app.notify(Route(Memory(), name="desk"))
    with app, served(app) as server:
        app.schedule("shop.orders:mail", "every 7 days", name="digest", args=("a@b",)).run_now()
        press = app.task(name="shop.press:print")(print_page)
        for seconds in (0, 0, 0.2, -1):
            press.submit(seconds).wait(timeout=20)
        for to in ("a@b", "nowhere", "c@d", "elsewhere", "e@f"):
            app.submit("shop.orders:mail", args=(to,)).wait(timeout=20)
        yield House(app, server)


def ended(bar: str) -> int:
    """How many jobs a bar counts."""
    return sum(map(int, re.findall(r"(\d+) (?:succeeded|failed)", bar)))


def test_the_last_hour_is_there_after_a_reload(tab: Any) -> None:
    for _ in range(2):
        bars = tab.locator("#minutes .column")
        expect(bars).to_have_count(60)
        assert sum(ended(bar.get_attribute("aria-label")) for bar in bars.all()[-5:]) >= 10
        normal = tab.locator(".depth").filter(has_text="Normal")
        expect(normal.locator(".wait")).to_contain_text("last finished")
        points = normal.locator(".spark polyline").get_attribute("points")
        assert len(points.split()) == 62  # sixty minutes, their end, and now
        expect(tab.locator(".depth").filter(has_text="Critical")).to_contain_text("none ended")
        tab.reload()
        tab.wait_for_selector("main[data-page='overview'] #depths")
    bar = tab.locator("#minutes .column[aria-label*='p95']").last
    many = ended(bar.get_attribute("aria-label"))
    bar.press("Enter")
    status = tab.locator(".bulk [role=status]")
    expect(status).to_have_text("1 job" if many == 1 else f"{many} jobs")


def test_latency_leads_to_the_runs_that_stand_out(tab: Any, house: House) -> None:
    tab.locator(".figure").filter(has_text="Run time").click()
    tab.wait_for_selector("main[data-page='tasks'] #scatter .dot")
    tab.locator("#longest tbody a.id").first.wait_for()
    go(tab, "tasks/shop.press%3Aprint")
    expect(tab.locator("#scatter .dot")).to_have_count(4)
    expect(tab.locator("#scatter .dot.failed")).to_have_count(1)
    expect(tab.locator("#hours .column[aria-label*=p95]").first).to_be_attached()
    told = [bar.get_attribute("aria-label") for bar in tab.locator("#hours .column").all()[-2:]]
    assert sum(map(ended, told)) == 4 and "p95" in " ".join(told)
    [slow] = [job.id for job in house.app.jobs(task="shop.press:print") if "0.2" in job.args]
    expect(tab.locator("#longest tbody tr").first).to_contain_text(f"#{slow}")
    tab.locator("#scatter .dot.failed").press("Enter")
    tab.wait_for_selector("main[data-page^='job/'] #error")
    expect(tab.locator("#error")).to_contain_text("sleep length must be non-negative")


def test_a_bucket_is_chosen_by_the_keyboard_and_kept_in_the_address(tab: Any) -> None:
    go(tab, "tasks/shop.press%3Aprint")
    dots = tab.locator("#scatter .dot")
    tab.locator("#spread .column").last.focus()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    expect(tab.locator("#spread .column.chosen")).to_have_count(1)
    expect(dots).to_have_count(1)
    tab.reload()
    expect(dots).to_have_count(1)
    tab.get_by_role("link", name="1 run chosen: show all").click()
    expect(dots).to_have_count(4)
    tab.get_by_role("button", name="Wait", exact=True).click()
    expect(tab.locator("#longest h2")).to_have_text("The longest waits")


def test_failures_hour_by_hour(tab: Any) -> None:
    go(tab, "failures")
    hours = tab.locator(".group").filter(has_text="is no address").locator(".hours .column")
    expect(hours).to_have_count(24)
    expect(hours.last).to_have_attribute("aria-label", "2 failures in the last hour")
    hours.last.press("Enter")
    expect(tab.locator(".bulk [role=status]")).to_have_text("2 jobs")


def test_a_run_shows_where_it_is_in_its_code(tab: Any, house: House) -> None:
    work = Held()
    house.app.task(name="shop.desk:hold")(work.hold)
    job = house.app.submit("shop.desk:hold")
    try:
        assert work.begun.wait(20)
        go(tab, f"jobs/{job.id}")
        tab.get_by_text("Where it is in its code").click()
        expect(tab.locator(".livestack pre").first).to_contain_text("self.end.wait(30)")
        expect(tab.locator(".livestack details summary")).to_contain_text("of libraries")
        go(tab, "workers")
        row = tab.locator("#runs li").filter(has_text="hold")
        row.get_by_text("Where it is in its code").click()
        expect(row.locator("pre").first).to_contain_text("self.end.wait(30)")
    finally:
        work.end.set()
    expect(row).to_have_count(0)


def test_a_step_leads_to_its_flow_and_progress_is_told_once(tab: Any, house: House) -> None:
    made = Flow("monthly report")
    made.step("draw", "shop.reports:render", args=("2026-02", 0.9))
    flow = house.app.submit_flow(made)
    assert flow.wait(timeout=20) == "succeeded"
    [member] = flow.members()
    go(tab, f"jobs/{member.job_id}")
    expect(tab.locator("#flow")).to_have_text("Step draw of the flow monthly report")
    told = tab.locator(".happenings li").filter(has_text="progress")
    expect(told).to_have_count(1)
    expect(told).to_contain_text(re.compile(r"\d+ % · pages of 2026-02"))
    tab.get_by_role("link", name="monthly report").click()
    tab.wait_for_selector(f"main[data-page='flow/{flow.id}']")


def test_a_setting_says_where_it_comes_from(tab: Any) -> None:
    go(tab, "settings")
    first = tab.locator("#settings tbody tr").first
    expect(first).to_contain_text("threads")
    expect(first).to_contain_text("the program")
    row = tab.locator("#settings tbody tr").filter(has_text="kill_grace")
    expect(row.locator("td").last).to_have_text("default")


def test_a_view_is_saved_found_again_and_forgotten(tab: Any) -> None:
    go(tab, "jobs")
    tab.get_by_label("Ended").select_option("1h")
    tab.get_by_role("button", name=re.compile("^failed")).click()
    expect(tab.locator(".bulk [role=status]")).to_have_text("3 jobs")
    assert "finished_after=1h" in hash_of(tab)
    tab.get_by_label("Ended").select_option("10m")
    tab.get_by_role("button", name="Save this view").click()
    tab.get_by_role("dialog").get_by_label("Name").fill("fresh <b>trouble</b>")
    tab.get_by_role("dialog").get_by_role("button", name="Save").click()
    go(tab, "jobs?priority=high")
    tab.reload()
    views = tab.get_by_role("group", name="Views")
    views.get_by_role("link", name="fresh <b>trouble</b>").click()
    expect(tab.locator(".bulk [role=status]")).to_have_text("3 jobs")
    expect(tab.get_by_role("button", name="Save this view")).to_have_count(0)
    views.get_by_role("button", name="Forget the view").click()
    expect(views.get_by_role("link")).to_have_count(3)


def test_what_was_done_is_undone(tab: Any, house: House) -> None:
    app = house.app
    later = app.submit("shop.orders:mail", args=("a@b",), delay="3h", queue="post")
    due = app.record(later.id).run_at
    toast, dialog = tab.locator(".toast"), tab.get_by_role("dialog")

    go(tab, "queues")
    tab.get_by_role("row").filter(has_text="post").get_by_role("button", name="Pause").click()
    dialog.get_by_role("button", name="Pause").click()
    expect(tab.locator(".banner")).to_contain_text("post")
    toast.filter(has_text="Paused").get_by_role("button", name="Undo").click()
    expect(tab.locator(".banner")).to_have_count(0)
    expect(toast).to_have_count(0)

    go(tab, f"jobs/{later.id}")
    tab.get_by_role("button", name="Defer").click()
    dialog.get_by_label("Until").fill("5h")
    dialog.get_by_role("button", name="Defer").click()
    undo = toast.filter(has_text="runs later").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    assert app.record(later.id).run_at > due
    undo.click()
    expect(toast).to_have_count(0)
    assert app.record(later.id).run_at == due

    tab.get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Cancel the job").click()
    toast.get_by_role("button", name="Submit it again").click()
    again = toast.filter(has_text=f"Job {later.id} is retried as job")
    again.get_by_role("button", name="Undo").click()
    expect(again).to_have_count(0)
    assert app.jobs(limit=1)[0].retry_of == later.id


def test_an_alert_leads_to_what_it_is_about_and_routes_are_tried(tab: Any, house: House) -> None:
    now = house.app.clock.micros()
    for subject in ("task shop.orders:mail", "schedule 1"):
        alert = NewAlert("error_rate", subject, "high", "too many", 0.5, 0.1)
        house.app.store.notices.fire(alert, now)
    go(tab, "alerts")
    tab.get_by_role("link", name="task shop.orders:mail").click()
    tab.wait_for_selector("main[data-page='task/shop.orders:mail']")
    go(tab, "alerts")
    tab.get_by_role("link", name="schedule 1").click()
    tab.wait_for_selector("main[data-page='schedule/1']")
    go(tab, "alerts")
    tab.get_by_role("button", name="Send a test").click()
    expect(tab.locator(".toast").filter(has_text="desk: sent")).to_be_visible()


def test_schedules_are_filtered_by_their_address(tab: Any) -> None:
    go(tab, "schedules?q=dig&status=active")
    card = tab.locator("[data-schedule]")
    expect(card).to_have_count(1)
    expect(card.locator(".bars .result")).to_have_count(20)
    expect(card.locator(".bars a.result")).to_have_count(1)
    tab.get_by_label("Find a schedule").fill("nothing of the kind")
    expect(tab.get_by_text("No schedule matches.")).to_be_visible()
    assert "q=nothing" in hash_of(tab)


def test_the_timeline_says_what_it_leaves_out(tab: Any, house: House) -> None:
    expect(tab.locator("#timeline .bar").first).to_be_visible()
    expect(tab.locator("#leftout")).to_have_count(0)
    handle = house.app.task(name="shop.bulk:stamp")(lambda: None)
    handle.submit_many([()] * 500)
    expect(tab.locator("#leftout")).to_contain_text("The newest 500 runs")
    tab.get_by_role("button", name="6 h").click()
    assert hash_of(tab).endswith("minutes=360")
