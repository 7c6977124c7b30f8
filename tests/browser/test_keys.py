"""Keys and small helps of the pages: stop, compare, sections read, decisions by key, what changed since one looked; parts of a talk on a phone."""

from __future__ import annotations

import pytest
from clicks import ask, decide
from playwright.sync_api import Page, expect
from shops import Serve, Shop, Visit, aside

import plain_shop

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def _talk(serve: Serve) -> tuple[Shop, str, str]:
    """A shop with a talk about a plan that waits; the paths of both."""
    home, campaign = aside(plain_shop.planned)
    shop, name = serve(home), campaign.campaign_id
    shop.deps.talks.add("t-1", "said", {"text": plain_shop.GOAL, "by": "Ann", "campaign_id": name}, at=shop.deps.now())
    shop.deps.talks.add("t-1", "reply", {"text": "A plan", "campaign_id": name}, at=shop.deps.now())
    return shop, "/c/t-1", f"/approvals/{name}"


def test_the_dot_key_stops_the_planning_and_a_button_lets_it_go_on(serve: Serve, visit: Visit) -> None:
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop, name="Ann")
    ask(page, plain_shop.GOAL)
    expect(page.locator(".agents .working")).to_be_visible()
    page.keyboard.press(".")
    expect(page.get_by_text("Ann stopped planning at the").first).to_be_visible()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Go on from there").click()
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    assert len(shop.deps.campaigns.all()) == 1


def test_cards_that_changed_have_a_dot_until_they_are_looked_at(serve: Serve, visit: Visit) -> None:
    shop, talk, review = _talk(serve)
    page = visit(shop, talk, name="Ann")
    expect(page.locator(".views")).to_be_attached()
    expect(page.locator(".dot")).to_have_count(0)
    page.goto(review)
    decide(page, "Edit", name="", Touches="1")
    expect(page.get_by_text("revision 2")).to_be_visible()
    page.goto(talk)
    people, texts = page.locator("[data-card=people] .dot"), page.locator("[data-card=texts] .dot")
    expect(people).to_be_visible()
    expect(texts).to_have_count(0)
    page.locator("[data-card=people]").hover()
    expect(people).to_have_count(0)
    page.reload()
    expect(page.locator("[data-card=channels] .dot")).to_be_visible()
    expect(people).to_have_count(0)
    page.keyboard.press("c")
    page.wait_for_url("**since=1")
    expect(page.locator(".changes ins").first).to_be_visible()
    page.keyboard.press("a")
    page.wait_for_url(f"**{review}#do-approve")


def test_a_review_is_read_section_by_section_and_decided_by_key(serve: Serve, visit: Visit) -> None:
    shop, _, review = _talk(serve)
    page = visit(shop, review, name="Ann")
    expect(page.get_by_text("seen 0 of 8")).to_be_visible()
    for key in "nvnv":
        page.keyboard.press(key)
    expect(page.get_by_text("seen 2 of 8")).to_be_visible()
    page.reload()
    expect(page.get_by_text("seen 2 of 8")).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_role("heading", name="Audience")).to_be_hidden()
    page.keyboard.press("d")
    expect(page.get_by_role("heading", name="Audience")).to_be_visible()
    _edited(page)
    page.keyboard.press("r")
    expect(page.locator("#do-reject [name=by]")).to_be_focused()
    page.locator("#do-reject [name=reason]").fill("not now")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text('Ann: reject, "not now"')).to_be_visible()


def _edited(page: Page) -> None:
    """Enter in a field of the edit shows what it would bring, and saves nothing."""
    page.get_by_label("Touches per person").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Recomputed; nothing is saved yet")).to_be_visible()
    expect(page.get_by_label("Touches per person")).to_have_value("1")
    expect(page.get_by_text("revision 1 ·")).to_be_visible()


def test_the_list_is_walked_put_off_and_brought_back_by_key(serve: Serve, visit: Visit) -> None:
    shop, _, _ = _talk(serve)
    page = visit(shop, "/approvals", name="Ann")
    page.keyboard.press("f")
    expect(page.get_by_label("Risk")).to_be_focused()
    page.get_by_label("Risk").evaluate("box => box.blur()")
    page.keyboard.press("j")
    expect(page.locator("main th a")).to_be_focused()
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**show=snoozed")
    page.keyboard.press("u")
    expect(page.get_by_text("Waiting 1")).to_be_visible()


def test_equal_questions_are_walked_and_chosen_by_key(serve: Serve, visit: Visit) -> None:
    shop, _, _ = _talk(serve)
    page = visit(shop, "/approvals", name="Ann")
    page.request.post("/v1/campaigns", data={"goal": plain_shop.GOAL.replace("14 days", "12 days")})
    page.reload()
    page.get_by_role("link", name="2 equal low-risk questions").click()
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(2)
    page.wait_for_load_state()
    for key in "jjx":
        page.keyboard.press(key)
    expect(boxes.nth(1)).to_be_focused()
    expect(boxes.nth(1)).not_to_be_checked()
    expect(boxes.nth(0)).to_be_checked()
    for key in "gx":
        page.keyboard.press(key)
    page.wait_for_url("**/explain")


def test_what_comes_to_wait_appears_in_a_list_that_stands_open(serve: Serve, visit: Visit) -> None:
    shop, _, review = _talk(serve)
    page, other, typed = (
        visit(shop, "/approvals", name="Ann"),
        visit(shop, review, name="Leo"),
        visit(shop, "/approvals", name="Mia"),
    )
    expect(page.get_by_text("Waiting 1")).to_be_visible()
    typed.get_by_label("Search").fill("shoes")
    typed.get_by_label("Search").evaluate("box => box.blur()")
    decide(other, "Reject", name="", Why="no")
    expect(page.get_by_text("Nothing waits")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("Decided 1")).to_be_visible()
    expect(typed.get_by_text("What waits has changed")).to_be_visible()
    expect(typed.get_by_label("Search")).to_have_value("shoes")


def test_on_a_phone_a_talk_is_three_parts(serve: Serve, visit: Visit) -> None:
    shop, talk, _ = _talk(serve)
    page = visit(shop, talk, width=360)
    expect(page.get_by_label("A change of the plan, or a question")).to_be_visible()
    expect(page.get_by_role("heading", name="People")).to_be_hidden()
    page.get_by_role("link", name="Plan", exact=True).click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    expect(page.get_by_label("A change of the plan, or a question")).to_be_hidden()
    page.get_by_role("link", name="Decide", exact=True).click()
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
