"""What marketers and approvers do, click by click."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from clicks import ask, decide
from playwright.sync_api import expect
from shops import Serve, Visit, aside, start

import plain_shop
from liftwright.flow import dispatch

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def test_from_a_goal_to_a_running_campaign_to_its_stop(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop)
    ask(page, plain_shop.GOAL)
    expect(page.locator(".agents .done, .agents .working").first).to_be_visible(timeout=5_000)
    page.get_by_role("link", name="Review and decide").click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    decide(page, "Edit", Touches="1", Reason="once is enough")
    expect(page.get_by_text("revision 2")).to_be_visible()
    expect(page.get_by_text("limits.touches")).to_be_visible()
    decide(page, "Approve", name="Leo")
    page.get_by_role("link", name="What it does and causes").click()
    expect(page.get_by_role("heading", name="Sends")).to_be_visible()
    (campaign,) = shop.deps.campaigns.all()
    assert campaign.status == "running"
    shop.clock[0] += timedelta(hours=3)
    dispatch.drain(deps=shop.deps, worker="w")
    page.reload()
    assert shop.deps.ledger.counts(campaign.campaign_id)["delivered"] > 0
    page.get_by_label("Customer id").fill("C000002")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", name="Why C000002?")).to_be_visible()
    page.goto(f"/campaigns/{campaign.campaign_id}")
    decide(page, "Stop at once", Reason="sold out")
    expect(page.get_by_text("sold out").first).to_be_visible()
    assert shop.deps.campaigns.get(campaign.campaign_id).status == "stopped"


def test_a_question_while_a_plan_waits_and_a_change_by_words(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop)
    ask(page, plain_shop.GOAL)
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    page.get_by_label("A change of the plan, or a question").fill("who is left out?")
    page.keyboard.press("Enter")
    expect(page.locator(".line .md")).to_have_count(2)
    page.get_by_role("button", name="fewer messages").click()
    expect(page.locator(".line .md")).to_have_count(3)
    expect(page.get_by_role("heading", name=re.compile("revision 2"))).to_be_visible()
    assert len(shop.deps.campaigns.all()) == 1


def test_without_scripts_a_goal_is_planned_and_approved(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop, scripts=False)
    ask(page, plain_shop.GOAL)
    page.get_by_role("link", name="Review and decide").click()
    decide(page, "Approve")
    (campaign,) = shop.deps.campaigns.all()
    assert campaign.status == "running"


def test_whoever_decides_on_an_old_revision_is_shown_the_newer_one(serve: Serve, visit: Visit) -> None:
    home, campaign = aside(plain_shop.planned)
    shop = serve(home)
    path = f"/approvals/{campaign.campaign_id}"
    one, other = visit(shop, path), visit(shop, path)
    decide(one, "Edit", Touches="1")
    expect(one.get_by_text("revision 2")).to_be_visible()
    decide(other, "Approve")
    expect(other.get_by_role("alert")).to_contain_text("Changed since")
    assert shop.deps.ledger.counts(campaign.campaign_id)["planned"] == 0
    decide(other, "Approve")
    expect(other.get_by_role("link", name="What it does and causes")).to_be_visible()


def test_a_rejection_needs_its_reason_and_keeps_it(serve: Serve, visit: Visit) -> None:
    home, campaign = aside(plain_shop.planned)
    shop = serve(home)
    page = visit(shop, f"/approvals/{campaign.campaign_id}")
    decide(page, "Reject", Why="too many people")
    expect(page.get_by_text('Ann: reject, "too many people"')).to_be_visible()
    assert shop.deps.campaigns.get(campaign.campaign_id).status == "rejected"


def test_two_windows_see_the_same_talk_and_a_server_that_starts_again_has_lost_nothing(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    one = visit(shop)
    ask(one, plain_shop.GOAL)
    other = visit(shop, one.url.removeprefix(shop.url))
    for page in (one, other):
        expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    shop.end()
    again = start(shop.deps.settings.home, port=shop.port, clock=shop.clock)
    one.reload()
    expect(one.get_by_role("link", name="Review and decide")).to_be_visible()
    one.get_by_label("A change of the plan, or a question").fill("what could go wrong?")
    one.keyboard.press("Enter")
    for page in (one, other):
        expect(page.locator(".line .md")).to_have_count(2)
    again.end()


def test_on_a_phone_a_plan_is_read_and_rejected(serve: Serve, visit: Visit) -> None:
    home, _ = aside(plain_shop.planned)
    page = visit(serve(home), "/approvals", width=360)
    page.locator("main th a").first.click()
    decide(page, "Reject", Why="not now")
    expect(page.get_by_text('"not now"')).to_be_visible()


def test_the_keyboard_alone_reaches_every_screen_and_sends_a_question(serve: Serve, visit: Visit) -> None:
    home, campaign = aside(plain_shop.planned)
    page = visit(serve(home), "/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    for key, path in (("a", "/approvals"), ("r", "/campaigns"), ("x", "/explain"), ("e", "/evals"), ("c", "/")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**{path}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys-off")).not_to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Business goal or question")).to_be_focused()
    page.goto(f"/campaigns/{campaign.campaign_id}")
    page.get_by_label("Question").focus()
    page.keyboard.type("what could go wrong?")
    page.keyboard.press("Enter")
    expect(page.locator(".line .md")).to_have_count(1)
