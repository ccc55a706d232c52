"""What people do on the page, done in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.proxy import Proxy
from tests.browser.chrome import go
from tests.browser.conftest import House
from tests.browser.shots import PAGES, found
from tests.browser.test_files import reached

from offhours.api.places import DASHBOARD

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as playwright_expect

    playwright_expect.set_options(timeout=20_000)  # other tests may keep the machine busy
    return playwright_expect(locator)


def hash_of(tab: Any) -> str:
    return str(tab.evaluate("location.hash"))


def whole(tab: Any) -> None:
    """Nothing stands beside the screen."""
    wide = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"{hash_of(tab)} is {wide[0]} wide on {wide[1]}"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_every_page_is_whole_and_readable_by_all(
    new_tab: Any, house: House, width: int, scheme: str
) -> None:
    tab = new_tab(house.server.link, width, color_scheme=scheme, reduced_motion="reduce")
    tab.wait_for_selector("main[data-page='overview'] h1")
    if AXE.exists():
        tab.evaluate(AXE.read_text(encoding="utf-8"))
    for path in [*PAGES.values(), *found(house.app).values()]:
        go(tab, path)
        whole(tab)
        if AXE.exists():
            part = "document" if path == "overview" else "'main'"  # the frame stays as it is
            told = tab.evaluate(f"axe.run({part}, {{resultTypes: ['violations']}})")
            wrong = [
                f"{path}: {each['id']}: {node['target']} {node['failureSummary']}"
                for each in told["violations"]
                for node in each["nodes"]
            ]
            assert wrong == []


def test_a_job_is_submitted_and_followed_to_its_end(tab: Any, house: House) -> None:
    go(tab, "jobs")
    tab.get_by_role("button", name="Submit a job").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_label("Task").fill("shop.reports:render")
    dialog.get_by_label("Arguments").fill('["2026-12", 1.5]')
    dialog.get_by_role("button", name="Submit").click()
    tab.wait_for_selector("main[data-page^='job/'] .standing .pill.running")
    expect(tab.locator(".standing .progress .meter")).to_be_visible()
    tab.wait_for_selector(".standing .pill.succeeded")
    expect(tab.get_by_text("2026-12.pdf")).to_be_visible()
    expect(tab.locator("#runs .gantt")).to_have_count(1)
    number = int(re.findall(r"\d+", hash_of(tab))[0])
    assert house.app.record(number).state == "succeeded"


def test_what_cannot_be_submitted_says_why_and_keeps_what_was_typed(tab: Any) -> None:
    go(tab, "jobs")
    tab.get_by_role("button", name="Submit a job").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_label("Task").fill("shop.orders:nothing")
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("shop.orders:nothing")
    dialog.get_by_label("Arguments").fill("[1,")
    dialog.get_by_role("button", name="Submit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Arguments: this is not JSON")
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_a_schedule_is_typed_in_english_read_back_and_saved(tab: Any, house: House) -> None:
    go(tab, "schedules/new")
    words = tab.get_by_label("When", exact=False).first
    words.fill("every weekday at 9am")
    preview = tab.locator("#preview")
    expect(preview.locator(".sentence")).to_have_text("every weekday at 09:00")
    expect(preview.locator("code")).to_have_text("cron 0 9 * * 1-5")
    expect(preview.locator("tbody tr")).to_have_count(5)
    tab.get_by_label("Time zone").fill("America/New_York")
    expect(preview.locator("th")).to_have_text(
        ["America/New_York", "here: Europe/Berlin", "from now"]
    )
    tab.get_by_label("Task").fill("shop.orders:mail")
    tab.get_by_label("Name", exact=True).fill("greeting")
    tab.get_by_label("Arguments").fill('["all@example.org"]')
    tab.get_by_role("button", name="Save the schedule").click()
    tab.wait_for_selector("main[data-page^='schedule/']")
    expect(tab.locator("main .sentence").first).to_have_text("every weekday at 09:00")
    [made] = [each for each in house.app.schedules if each.name == "greeting"]
    assert made.record.text == "every weekday at 9am"
    assert "America/New_York" in made.record.plan

    tab.get_by_role("link", name="Edit").click()
    tab.get_by_label("When", exact=False).first.fill("every day at 10:30")
    tab.get_by_role("button", name="Save the changes").click()
    expect(tab.locator("main .sentence").first).to_have_text("every day at 10:30")
    tab.get_by_role("button", name="Pause").click()
    tab.get_by_role("dialog").get_by_label("Reason").fill("holidays")
    tab.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(tab.locator(".standing")).to_contain_text("holidays")
    tab.locator("main").get_by_role("button", name="Resume").click()
    expect(tab.locator(".standing .pill")).to_contain_text("active")
    tab.get_by_role("button", name="Delete").click()
    tab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    tab.wait_for_selector("main[data-page='schedules']")
    assert "greeting" not in [each.name for each in house.app.schedules]


def test_what_is_not_understood_is_said_while_one_types(tab: Any) -> None:
    go(tab, "schedules/new")
    tab.get_by_label("When", exact=False).first.fill("every blue moon")
    expect(tab.locator("#preview")).to_contain_text("blue")
    tab.get_by_label("When", exact=False).first.fill("every day at 7")
    choices = tab.locator("#preview button")
    choices.first.click()
    expect(tab.locator("#preview tbody tr")).to_have_count(5)


def test_a_failure_is_retried_from_the_first_page(tab: Any, house: House) -> None:
    bad = house.app.submit("shop.orders:mail", args=("retry me", 7))
    bad.wait(timeout=10)
    row = tab.locator(f"#recent-failures [data-href='#/jobs/{bad.id}']")
    expect(row).to_contain_text("'retry me' is no address")
    row.get_by_role("button", name="Retry").click()
    tab.locator(".toast a").click()
    tab.wait_for_selector("main[data-page^='job/'] .standing .pill.failed")
    again = int(re.findall(r"\d+", hash_of(tab))[0])
    assert house.app.record(again).retry_of == bad.id
    expect(tab.locator(".facts").get_by_role("link", name=f"#{bad.id}")).to_be_visible()
    expect(tab.locator("#error")).to_contain_text("no address")


def test_many_are_retried_after_their_count_was_told(tab: Any, house: House) -> None:
    for number in range(3):
        house.app.submit("shop.orders:mail", args=("group", number), queue="bulk").wait(timeout=10)
    go(tab, "jobs?state=failed&queue=bulk")
    expect(tab.locator(".bulk [role=status]")).to_have_text("3 jobs")
    tab.get_by_role("button", name="Retry all these").click()
    tab.get_by_role("dialog").get_by_role("button", name="Retry 3 jobs").click()
    expect(tab.locator(".toast").get_by_text("3 done")).to_be_visible()
    expect(tab.locator(".bulk [role=status]")).to_have_text("6 jobs")


def test_a_group_of_failures_is_retried_as_one(tab: Any, house: House) -> None:
    @house.app.task(name="shop.locks:open")
    def unlock(door: int) -> None:
        raise PermissionError(f"door {door} stays shut")

    for door in range(3):
        unlock.submit(door).wait(timeout=10)
    go(tab, "failures")
    group = tab.locator(".group").filter(has_text="stays shut")
    expect(group.locator(".count b")).to_have_text("3")
    group.get_by_role("button", name="Retry 3 jobs").click()
    tab.get_by_role("dialog").get_by_role("button", name="Retry 3 jobs").click()
    expect(group.locator(".count b")).to_have_text("6")
    group.locator(".count").click()
    expect(tab.locator(".bulk [role=status]")).to_have_text("6 jobs")


def test_a_foreground_lease_pauses_and_resumes_before_ones_eyes(tab: Any, house: House) -> None:
    with house.app.foreground("wf_desk"):
        banner = tab.locator("[data-banner=foreground]")
        expect(banner).to_contain_text("wf_desk")
        expect(banner).to_contain_text("at the latest")
        expect(tab.locator("h1")).to_have_text("The foreground comes first")
        job = house.app.submit("shop.stock:count", args=("C3",))
        go(tab, f"jobs/{job.id}")
        expect(tab.locator(".standing .pill")).to_contain_text("pending")
        expect(tab.locator("#why")).to_contain_text("wf_desk")
    expect(tab.locator(".standing .pill")).to_contain_text("succeeded")
    expect(banner).to_have_count(0)


def test_a_queue_is_paused_and_let_go_on(tab: Any, house: House) -> None:
    job = house.app.submit("shop.orders:mail", args=("a@b",), queue="post", delay="1h")
    go(tab, "queues")
    row = tab.get_by_role("row").filter(has_text="post")
    row.get_by_role("button", name="Pause").click()
    tab.get_by_role("dialog").get_by_label("Reason").fill("stocktaking")
    tab.get_by_role("dialog").get_by_role("button", name="Pause").click()
    banner = tab.locator(".banner").filter(has_text="stocktaking")
    banner.get_by_role("button", name="Resume").click()
    expect(banner).to_have_count(0)
    job.cancel()


def test_rows_change_by_themselves_and_numbers_lead_to_what_they_count(
    tab: Any, house: House
) -> None:
    go(tab, "jobs?queue=live")
    expect(tab.get_by_text("No job matches.")).to_be_visible()
    job = house.app.submit("shop.orders:mail", args=("x@y",), queue="live")
    expect(tab.locator(f"[data-job='{job.id}'] .pill")).to_contain_text("succeeded")
    go(tab, "overview")
    for label, state in (("Running", "running"), ("Failed", "failed"), ("Held", "held")):
        href = tab.locator(".figure").filter(has_text=label).first.get_attribute("href")
        assert f"state={state}" in href
    tab.locator(".figure").filter(has_text="Failed").click()
    tab.wait_for_selector("main[data-page='jobs']")
    expect(tab.locator("#search")).to_have_value("state:failed since:1h")


def test_the_search_takes_a_filter_and_the_address_keeps_it(tab: Any) -> None:
    tab.keyboard.press("/")
    tab.keyboard.type('state:failed task:"shop.orders:charge" bank')
    tab.keyboard.press("Enter")
    tab.wait_for_selector("main[data-page='jobs']")
    expect(tab.locator(".bulk [role=status]")).to_have_text("1 job")
    tab.reload()
    expect(tab.locator(".bulk [role=status]")).to_have_text("1 job")
    expect(tab.locator("#search")).to_have_value("state:failed task:shop.orders:charge bank")


def test_the_keyboard_is_enough(tab: Any) -> None:
    tab.keyboard.press("g")
    tab.keyboard.press("j")
    tab.wait_for_selector("main[data-page='jobs'] [data-row]")
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    tab.keyboard.press("k")
    at = tab.locator("[data-row].at")
    expect(at).to_have_count(1)
    job = at.get_attribute("data-job")
    tab.keyboard.press("x")
    expect(tab.locator(".bulk [role=status]")).to_contain_text("1 of")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(f"main[data-page='job/{job}']")
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog")).to_contain_text("next row")
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)
    tab.keyboard.press("g")
    tab.keyboard.press("s")
    tab.wait_for_selector("main[data-page='schedules']")
    tab.keyboard.press("Tab")
    ring = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.evaluate(ring) == "solid"


def test_an_alert_is_acknowledged_and_the_audit_says_by_whom(tab: Any, house: House) -> None:
    go(tab, "alerts?state=firing")
    card = tab.locator("[data-alert]").first
    number = card.get_attribute("data-alert")
    card.get_by_role("button", name="Acknowledge").click()
    expect(tab.locator(f"[data-alert='{number}']")).to_have_count(0)
    go(tab, "audit")
    row = tab.get_by_role("row").filter(has_text="alert.acknowledged").filter(has_text="page")
    expect(row).to_contain_text("server token")


def test_a_token_is_made_shown_once_used_and_revoked(tab: Any, new_tab: Any, house: House) -> None:
    go(tab, "settings")
    tab.get_by_role("button", name="New token").click()
    tab.get_by_role("dialog").get_by_label("Name").fill("looker")
    tab.get_by_role("dialog").get_by_role("button", name="Make it").click()
    token = tab.get_by_role("dialog").locator(".command code").inner_text()
    tab.get_by_role("dialog").get_by_role("button", name="I have it").click()

    other = new_tab(house.server.url)
    other.get_by_label("Token").fill("oh_wrong")
    other.get_by_role("button", name="Enter").click()
    expect(other.get_by_role("alert")).to_contain_text("does not hold")
    other.get_by_label("Token").fill(token)
    other.get_by_role("button", name="Enter").click()
    other.wait_for_selector("main[data-page='overview'] h1")
    expect(other.get_by_role("button", name="Pause all work")).to_have_count(0)
    go(other, "jobs")
    expect(other.get_by_role("button", name="Submit a job")).to_have_count(0)

    row = tab.get_by_role("row").filter(has_text="looker")
    row.get_by_role("button", name="Revoke").click()
    tab.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    other.reload()
    expect(other.get_by_label("Token")).to_be_visible()


def test_the_token_of_the_link_stays_nowhere(new_tab: Any, house: House) -> None:
    tab = new_tab(house.server.link)
    tab.wait_for_selector("main[data-page='overview'] h1")
    assert house.server.token not in tab.url
    kept = tab.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert house.server.token not in kept
    tab.go_back()
    assert house.server.token not in tab.url


def test_light_dark_and_a_narrow_screen(new_tab: Any, house: House) -> None:
    tab = new_tab(house.server.link, 400, color_scheme="dark", reduced_motion="reduce")
    tab.wait_for_selector("main[data-page='overview'] h1")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = tab.evaluate(ground)
    tab.get_by_role("button", name="Look: system").click()
    assert tab.evaluate(ground) != dark
    tab.reload()
    tab.wait_for_selector("main[data-page='overview'] h1")
    assert tab.evaluate(ground) != dark
    moving = "document.getAnimations().filter(each => each.playState === 'running').length"
    assert tab.evaluate(moving) == 0
    expect(tab.get_by_role("link", name="Workers")).to_be_hidden()
    tab.get_by_role("button", name="Menu").click()
    tab.get_by_role("link", name="Workers").click()
    tab.wait_for_selector("main[data-page='workers']")
    expect(tab.get_by_role("link", name="Recorder")).to_be_hidden()


def test_the_connection_is_lost_and_returns(new_tab: Any, house: House) -> None:
    proxy = Proxy("127.0.0.1", house.server.port)
    try:
        tab = new_tab(f"http://127.0.0.1:{proxy.port}/#token={house.server.token}")
        go(tab, "jobs?queue=lost")
        expect(tab.locator("#connection")).to_contain_text("live")
        proxy.cut = lambda data: "before"
        proxy.drop()
        expect(tab.locator("#lost")).to_contain_text("No connection")
        expect(tab.locator("#connection")).to_contain_text("no connection")
        job = house.app.submit("shop.orders:mail", args=("x@y",), queue="lost")
        proxy.cut = lambda data: ""
        tab.get_by_role("button", name="Try now").click()
        expect(tab.locator("#connection")).to_contain_text("live")
        expect(tab.locator("#lost")).to_have_count(0)
        expect(tab.locator(f"[data-job='{job.id}']")).to_be_visible()
    finally:
        proxy.close()


def test_without_sockets_it_polls(new_tab: Any, house: House) -> None:
    tab = new_tab("about:blank")
    tab.route_web_socket(re.compile("/live$"), lambda socket: socket.close())
    tab.goto(house.server.link)
    expect(tab.locator("#connection")).to_contain_text("every 2 s")
    go(tab, "jobs?queue=polled")
    job = house.app.submit("shop.orders:mail", args=("x@y",), queue="polled")
    expect(tab.locator(f"[data-job='{job.id}']")).to_be_visible()


def test_an_empty_house_says_what_to_type(new_tab: Any, empty_house: House) -> None:
    tab = new_tab(empty_house.server.link)
    tab.wait_for_selector("main[data-page='overview'] h1")
    for path, command in (
        ("overview", "offhours schedule add"), ("jobs", "offhours submit"),
        ("failures", "offhours ls"), ("schedules", "offhours schedule add"),
        ("queues", "offhours submit"), ("workers", "offhours up"),
        ("alerts", "offhours alerts"), ("recorder", "PERFCATCHER_STORE"),
        ("flows", "app.submit_flow"), ("approvals", "ctx.approve"), ("audit", "offhours audit"),
        ("training", "offhours train"), ("optimizer", "OptimizationEngine"),
    ):  # fmt: skip
        go(tab, path)
        expect(tab.locator(".empty .command").filter(has_text=command)).to_be_visible()


def test_a_hundred_thousand_jobs_are_one_table(new_tab: Any, empty_house: House) -> None:
    @empty_house.app.task(name="shop.bulk:post")
    def post(to: str) -> None: ...

    post.submit_many([(f"{number}@example.org",) for number in range(100_000)])
    tab = new_tab(empty_house.server.link)
    go(tab, "jobs")
    expect(tab.locator(".bulk [role=status]")).to_have_text("100,000 jobs")
    for place, job in ((1.0, "='1'"), (0.0, "='100000'"), (0.5, "^='500'"), (0.3, "^='70'")):
        tab.evaluate("part => scrollTo(0, part * document.body.scrollHeight)", place)
        tab.wait_for_selector(f"[data-job{job}]")
        expect(tab.locator(".jobrow.loading")).to_have_count(0)
        assert tab.locator(".rows > .jobrow").count() < 60
        told = tab.locator("[data-job]").evaluate_all("rows => rows.map(row => row.dataset.job)")
        numbers = sorted(map(int, told), reverse=True)
        assert numbers == list(range(numbers[0], numbers[-1] - 1, -1))


def test_a_visit_to_the_overview_loads_what_it_shows_and_no_more(
    new_tab: Any, empty_house: House
) -> None:
    tab = new_tab("about:blank")
    loaded: list[str] = []
    base = empty_house.server.url
    tab.on("request", lambda request: loaded.append(request.url.removeprefix(base)))
    tab.goto(empty_house.server.link)
    tab.wait_for_selector("main[data-page='overview'] h1")
    own = {name for name in loaded if name.endswith((".js", ".css"))}
    meant = reached("index.html", "pages/overview.js", on_demand=False)
    names = {path.relative_to(DASHBOARD).as_posix() for path in meant}
    assert own == {name for name in names if name.endswith((".js", ".css"))}
