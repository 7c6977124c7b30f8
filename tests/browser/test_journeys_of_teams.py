"""A team at work: files come in, questions are answered, two people sign, results come back, things are put off and decided together."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from clicks import ask, decide, sign_in
from playwright.sync_api import expect
from shops import Serve, Visit, aside
from staffed import Strict

import plain_shop
from liftwright.flow import adapt, dispatch, nightly, walk
from liftwright.ports import Deps

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def test_a_first_run_brings_files_in_and_then_knows_goals_to_begin_with(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    page = visit(serve(empty))
    page.get_by_role("link", name="Import data").click()
    files = plain_shop.write_files(tmp_path / "files")
    for table in ("customers", "events", "treatments"):
        page.get_by_label("File").set_input_files(files[table])
        page.get_by_label("It holds").select_option(table)
        page.get_by_role("button", name="Import").click()
        expect(page.get_by_role("status")).to_contain_text(f"{table}.csv")
    page.get_by_role("link", name="Chat").click()
    expect(page.get_by_role("heading", name="For example")).to_be_visible()
    expect(page.get_by_text(f"{plain_shop.PEOPLE:,} customers".replace(",", ","))).to_be_visible()


def test_a_goal_that_says_too_little_is_asked_about_once_and_goes_on_with_the_answer(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop)
    ask(page, "Sell more over the next 14 days by sms and e-mail, at any cost up to what you find right")
    expect(page.locator(".line .md").first).to_contain_text("?")
    page.get_by_label("Your answer").fill("at most 400 USD")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    (campaign,) = shop.deps.campaigns.all()
    assert campaign.status == "awaiting_approval"


def test_a_stranger_is_led_to_the_door_and_back_and_two_people_sign(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished), library=Strict())
    campaign = aside(lambda: asyncio.run(walk.start(plain_shop.GOAL, deps=shop.deps, by="mia")))
    keys = aside(lambda: plain_shop.staffed(shop.deps.settings.home, leo=("approver",), fay=("finance",)))
    path = f"/approvals/{campaign.campaign_id}"
    leo, fay = visit(shop, path), visit(shop, path)
    for page, name in ((leo, "leo"), (fay, "fay")):
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        sign_in(page, name, keys[name])
        expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    decide(leo, "Approve", name="")
    expect(leo.get_by_text("Signed by leo")).to_be_visible()
    assert shop.deps.ledger.counts(campaign.campaign_id)["planned"] == 0
    fay.reload()
    decide(fay, "Approve", name="")
    expect(fay.get_by_role("link", name="What it does and causes")).to_be_visible()
    assert shop.deps.campaigns.get(campaign.campaign_id).status == "running"
    leo.get_by_role("button", name="Sign out").click()
    leo.goto(path)
    expect(leo.get_by_role("heading", name="Sign in")).to_be_visible()


def test_results_come_back_and_are_shown_with_their_range(serve: Serve, visit: Visit) -> None:
    home, campaign = aside(plain_shop.launched)
    shop = serve(home)
    page = visit(shop, f"/campaigns/{campaign.campaign_id}")
    expect(page.get_by_role("heading", name="Running")).to_be_visible()
    aside(_days_go_by, shop.deps, shop.clock, campaign.campaign_id)
    page.reload()
    expect(page.locator("lw-band svg")).to_be_visible()
    expect(page.get_by_text(re.compile("Incremental margin")).first).to_be_visible()


def _days_go_by(deps: Deps, clock: list[object], campaign_id: str) -> None:
    """A week: what is due leaves, who got something buys, each day is looked at."""
    for day in range(1, 8):
        clock[0] = plain_shop.NOW + timedelta(days=day, hours=2)
        dispatch.drain(deps=deps, worker="w")
        sent = deps.ledger.sends(campaign_id=campaign_id).to_pylist()
        buyers = sorted({row["customer_id"] for row in sent if row["state"] == "sent"})[day::9]
        if buyers:
            at = pa.array([deps.now() - timedelta(minutes=30)] * len(buyers), pa.timestamp("us", tz="UTC"))
            events = pa.table(
                {"customer_id": buyers, "type": ["purchase"] * len(buyers), "occurred_at": at, "amount": [60.0] * len(buyers)}
            )
            deps.lake.add({"events": events}, source=f"day-{day}", now=deps.now())
        asyncio.run(adapt.tick(campaign_id, deps=deps))


def test_what_if_is_answered_by_solving_again_and_changes_nothing(serve: Serve, visit: Visit) -> None:
    home, campaign = aside(plain_shop.planned)
    shop = serve(home)
    page = visit(shop, f"/campaigns/{campaign.campaign_id}")
    page.get_by_label("Question").fill("what if limits.touches = 1?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator(".line .md")).to_have_count(1)
    expect(page.locator(".line .md").first).to_contain_text(re.compile(r"\d"))
    assert shop.deps.campaigns.get(campaign.campaign_id).revision == 1


def test_what_is_put_off_by_key_comes_back_and_is_decided(serve: Serve, visit: Visit) -> None:
    home, campaign = aside(plain_shop.planned)
    shop = serve(home)
    page = visit(shop, "/approvals", name="Ann")
    page.keyboard.press("j")
    expect(page.locator("main th a").first).to_be_focused()
    page.keyboard.press("s")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Put off").click()
    expect(page.get_by_role("link", name="Put off 1")).to_be_visible()
    page.get_by_role("button", name="Back now").click()
    page.locator("main th a").first.click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    expect(page.get_by_role("button", name="Keys")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#do-approve").get_by_label("Your name")).to_be_focused()
    decide(page, "Approve")
    page.goto("/approvals?show=done")
    expect(page.locator("main th a").first).to_be_visible()
    assert shop.deps.campaigns.get(campaign.campaign_id).status == "running"


def test_an_assumption_is_changed_where_it_stands(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop)
    ask(page, "Sell more shoes over the next 14 days by e-mail")
    chip = page.locator("details.chip").filter(has_text="budget")
    chip.locator("summary").click()
    chip.get_by_label("Instead").fill("300 USD")
    chip.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("heading", name=re.compile("revision 2"))).to_be_visible()
    page.get_by_text("steps led to this").last.click()
    expect(page.locator(".work[open] li").first).to_be_visible()


def test_every_room_opens_from_the_menu_after_a_night(serve: Serve, visit: Visit) -> None:
    home, _ = aside(plain_shop.planned)
    shop = serve(home)
    aside(lambda: nightly.refresh(deps=shop.deps))
    page = visit(shop)
    for name in ("Approvals", "Campaigns", "Explain", "Evals", "Data", "Models", "Policies", "Journal", "Settings", "Chat"):
        page.get_by_role("navigation").get_by_role("link", name=name).first.click()
        expect(page.locator("h1")).to_be_visible()
        expect(page.get_by_text("That did not work")).to_have_count(0)
