"""What people do in the rooms beyond jobs: they answer, follow, roll back and deploy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.chrome import go
from tests.browser.conftest import House
from tests.browser.house import make_app, served
from tests.browser.rooms import flow, furnish, recorded
from tests.browser.test_page import expect

from offhours import Context
from offhours.api.tokens import digest_of
from offhours.core.access import NewToken

STATES = {"waiting", "approved", "denied", "expired"}  # buttons that only look


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An app with something in these rooms, and nothing else."""
    app = make_app(tmp_path_factory.mktemp("rooms") / "shop.db")
    with app, served(app) as server, recorded():
        furnish(app)
        yield House(app, server)


def test_a_question_is_answered_with_its_arguments_before_ones_eyes(tab: Any, house: House) -> None:
    @house.app.task(name="shop.orders:wire")
    def wire(ctx: Context, cents: int) -> bool:
        return bool(ctx.approve(f"Wire {cents} cents?", args={"cents": cents, "to": "ann"}))

    yes, no = wire.submit(100), wire.submit(200)
    go(tab, "approvals")
    card = tab.locator(".question").filter(has_text="Wire 100 cents?")
    expect(card.locator("pre")).to_contain_text('"to": "ann"')
    card.get_by_role("button", name="Approve").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.locator("pre")).to_contain_text('"cents": 100')
    dialog.get_by_label("Reason").fill("it is due")
    dialog.get_by_role("button", name="Approve").click()
    expect(card).to_have_count(0)
    assert yes.result(timeout=20) is True
    tab.locator(".question").filter(has_text="Wire 200 cents?").get_by_role(
        "button", name="Deny"
    ).click()
    tab.get_by_role("dialog").get_by_role("button", name="Deny").click()
    assert no.result(timeout=20) is False
    go(tab, "approvals?state=approved")
    told = tab.locator(".question").filter(has_text="Wire 100 cents?")
    expect(told).to_contain_text("by server token")
    expect(told).to_contain_text("it is due")


def test_a_flow_is_followed_to_its_end_and_done_again(tab: Any, house: House) -> None:
    made = flow(house.app, seconds=0.8)
    go(tab, f"flows/{made.id}")
    nodes = tab.locator(".dag .node")
    expect(nodes).to_have_count(4)
    expect(tab.locator(".dag .node.running").first).to_be_visible()
    expect(tab.locator(".standing .pill").first).to_contain_text("failed")
    expect(tab.locator(".dag .node[data-step='check']")).to_contain_text("failed")
    expect(tab.locator(".dag .node[data-step='publish']")).to_contain_text("cancelled")
    before = {member.step: member.job_id for member in made.members()}
    tab.locator("#steps").get_by_role("row").filter(has_text="check").get_by_role(
        "button", name="Again from here"
    ).click()
    tab.get_by_role("dialog").get_by_role("button", name="Do it again").click()
    expect(tab.locator(".toast").get_by_text("2 steps are done again")).to_be_visible()
    expect(tab.locator(".dag .node[data-step='check']")).not_to_contain_text(f"#{before['check']}")
    expect(tab.locator(".dag .node[data-step='read 1']")).to_contain_text(f"#{before['read 1']}")


def test_a_flow_is_cancelled(tab: Any, house: House) -> None:
    made = flow(house.app, seconds=60, shop="a@b")
    go(tab, f"flows/{made.id}")
    tab.get_by_role("button", name="Cancel").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("4 steps have not ended")
    dialog.get_by_role("button", name="Cancel the flow").click()
    expect(tab.locator(".standing .pill").first).to_contain_text("cancelled")
    assert made.wait(timeout=20) == "cancelled"


def test_a_model_is_rolled_back_once_somebody_said_yes(tab: Any, house: House) -> None:
    model = house.app.models("acme").get("spam")
    assert model.aliases()["champion"] == 2
    go(tab, "training")
    expect(tab.locator("#models")).to_contain_text("97 %")  # why nothing is trained now
    expect(tab.locator("#cycles tbody tr").first).to_contain_text("refused")
    go(tab, f"training/{model.record.id}")
    tab.get_by_role("button", name="Roll back").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog).to_contain_text("instead of version 2")
    dialog.get_by_role("button", name="Cancel").click()
    assert model.aliases()["champion"] == 2
    tab.get_by_role("button", name="Roll back").click()
    dialog.get_by_label("Reason").fill("users complain")
    dialog.get_by_role("button", name="Roll back").click()
    expect(tab.locator(".part.champion")).to_contain_text("version 1")
    expect(tab.locator("#moves tbody tr").first).to_contain_text("users complain")
    assert model.aliases()["champion"] == 1
    go(tab, "audit")
    row = tab.get_by_role("row").filter(has_text="model.rolled_back")
    expect(row).to_contain_text("server token")
    expect(row).to_contain_text("page")
    go(tab, f"training/{model.record.id}")
    tab.locator("#versions").get_by_role("row").filter(has_text="0.9").get_by_role(
        "button", name="Let it serve"
    ).first.click()
    dialog.get_by_role("button", name="Let it serve").click()
    expect(tab.locator(".part.champion")).to_contain_text("version 2")


def test_an_automation_is_read_withdrawn_tested_and_deployed(tab: Any, house: House) -> None:
    [own] = house.app.store.automations.all()
    go(tab, "optimizer")
    expect(tab.locator("#patterns")).to_contain_text("16 times")
    tab.locator("#automations").get_by_role("link", name="fetch report").click()
    tab.wait_for_selector("main[data-page^='automation/'] .code .word")
    assert tab.locator(".code pre").nth(1).inner_text() == own.script
    tab.get_by_role("button", name="Take out of use").click()
    tab.get_by_role("dialog").get_by_role("button", name="Take it out of use").click()
    expect(tab.locator(".standing .pill").first).to_contain_text("draft")
    tab.get_by_role("button", name="Run its tests").click()
    expect(tab.locator(".toast").get_by_text("Tests: 1 done")).to_be_visible()
    expect(tab.locator(".standing")).to_contain_text("4 of 4 tests passed")
    tab.get_by_role("button", name="Deploy").click()
    tab.get_by_role("dialog").get_by_role("button", name="Deploy").click()
    expect(tab.locator(".standing .pill").first).to_contain_text("deployed")
    [now] = house.app.store.automations.all()
    assert now.state == "deployed"


def test_a_tool_has_figures_and_a_threshold(tab: Any, house: House) -> None:
    go(tab, "recorder")
    row = tab.locator("#tools").get_by_role("row").filter(has_text="search")
    expect(row).to_contain_text("44 ms")
    row.get_by_role("button", name="Change").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_role("slider").fill("50")
    dialog.get_by_role("button", name="Choose").click()
    expect(row).to_contain_text("50 %, dynamic")
    row.get_by_role("link", name="200").click()
    expect(tab.locator("#dumps h2")).to_have_text("Dumps of search")


def test_the_audit_tells_all_faces_with_what_was_before(tab: Any, house: House) -> None:
    with house.app.acting_as("bea (command line)", "cli"):
        house.app.pause(queue="audited", reason="stocktaking")
        house.app.resume(queue="audited")
    house.app.pause(queue="audited", reason="and by the code")
    house.app.resume(queue="audited")
    go(tab, "audit")
    row = tab.get_by_role("row").filter(has_text="stocktaking")
    expect(row).to_contain_text("command line")
    row.get_by_role("link", name="bea (command line)").click()
    expect(tab.locator("tbody tr")).to_have_count(2)
    tab.get_by_role("link", name="show all").click()
    changes = house.app.audit(limit=50)
    assert len(changes) > 4 and {"code", "ann"} < {each.actor for each in changes}
    expect(tab.locator("tbody tr")).to_have_count(len(changes))


def test_a_looker_is_offered_nothing_to_change(new_tab: Any, house: House) -> None:
    app = house.app
    app.store.access.add_token(
        NewToken(digest_of("oh_looker"), "looker", "read", None), app.clock.micros()
    )
    tab = new_tab(f"{house.server.url}#token=oh_looker")
    tab.wait_for_selector("main[data-page='overview'] h1")
    own = app.store.automations.all()[0].automation_id
    for path in ("approvals", "flows/1", "training/1", f"optimizer/{own}"):
        go(tab, path)
        offered = tab.locator("main button").all_inner_texts()
        assert {each.lower() for each in offered} - STATES <= {"copy"}, path
