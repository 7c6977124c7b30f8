"""A server that is away for a moment, or an answer that never comes: nothing typed is lost or said twice, nothing that arrived is missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clicks import ask
from playwright.sync_api import Page, Route, expect
from shops import Serve, Shop, Visit, aside, start

import plain_shop

pytestmark = [pytest.mark.loopback, pytest.mark.slow]
WORDS = "what could go wrong?"
BOX = "A change of the plan, or a question"


def _talk(serve: Serve, visit: Visit) -> tuple[Shop, Page, str]:
    """A shop, and a talk in it whose plan waits: the page and the talk's name."""
    shop = serve(aside(plain_shop.furnished))
    page = visit(shop)
    ask(page, plain_shop.GOAL)
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("live")
    return shop, page, page.url.rpartition("/")[2]


def _said(shop: Shop, talk: str) -> int:
    """How often the words were taken down."""
    return sum(event.payload.get("text") == WORDS for event in shop.deps.talks.since(talk) if event.kind == "said")


def _posts(page: Page, answer: Callable[[Route], None]) -> None:
    """Have the next words that are sent answered by `answer`."""
    page.route("**/c/*", lambda route: answer(route) if route.request.method == "POST" else route.continue_(), times=1)


def test_words_sent_while_the_server_is_down_stay_in_their_box_and_are_sent_once_when_it_is_back(
    serve: Serve, visit: Visit
) -> None:
    shop, page, talk = _talk(serve, visit)
    box, button = page.get_by_label(BOX), page.get_by_role("button", name="Send", exact=True)
    shop.end()
    box.fill(WORDS)
    for _ in range(2):
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_contain_text("not sent, your words are still in their box; reconnecting")
        expect(page.locator("#announce[aria-live]")).to_contain_text("The server did not take it")
        expect(box).to_have_value(WORDS)
        expect(box).to_be_focused()
        expect(button).to_be_enabled()
    expect(page.get_by_role("button", name="fewer messages")).to_be_enabled()
    again = start(shop.deps.settings.home, port=shop.port, clock=shop.clock)
    expect(page.locator("#connection")).to_have_text("not sent, your words are still in their box; live")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".line .md")).to_have_count(2)
    expect(page.locator(".line.you")).to_have_count(2)
    expect(page.locator("#connection")).to_have_text("live")
    expect(box).to_have_value("")
    assert _said(again, talk) == 1
    again.end()


@pytest.mark.parametrize("answer", [Route.abort, lambda route: route.fulfill(status=503, body="away")], ids=["nothing", "503"])
def test_a_part_that_did_not_come_is_asked_for_again(serve: Serve, visit: Visit, answer: Callable[[Route], None]) -> None:
    shop, page, talk = _talk(serve, visit)
    asked: list[str] = []

    def once(route: Route) -> None:
        asked.append(route.request.url)
        answer(route)

    page.route("**/part*", once, times=1)
    shop.deps.talks.add(talk, "reply", {"text": "the newest line"}, at=shop.deps.now())
    expect(page.get_by_text("the newest line")).to_be_visible()
    assert len(asked) == 1


@pytest.mark.parametrize("is_quick", [True, False], ids=["sent again at once", "seen"])
def test_words_that_arrived_although_their_answer_was_lost_are_not_said_twice(
    serve: Serve, visit: Visit, *, is_quick: bool
) -> None:
    shop, page, talk = _talk(serve, visit)

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    if is_quick:  # before the page knows that they arrived
        page.route("**/part*", lambda route: route.abort(), times=1)
    _posts(page, lost)
    box = page.get_by_label(BOX)
    box.fill(WORDS)
    page.keyboard.press("Enter")
    if is_quick:
        page.keyboard.press("Enter")
    expect(page.locator(".line .md")).to_have_count(2)
    expect(page.get_by_label(BOX)).to_have_value("")
    expect(page.locator("#connection")).to_have_text("live")
    assert _said(shop, talk) == 1


def test_a_broken_server_is_no_reason_to_lose_words(serve: Serve, visit: Visit) -> None:
    shop, page, talk = _talk(serve, visit)
    _posts(page, lambda route: route.fulfill(status=502, body="away"))
    page.get_by_label(BOX).fill(WORDS)
    page.keyboard.press("Enter")
    expect(page.locator("#connection")).to_have_text("not sent, your words are still in their box; live")
    assert _said(shop, talk) == 0
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".line .md")).to_have_count(2)
    expect(page.get_by_label(BOX)).to_have_value("")
    assert _said(shop, talk) == 1


def test_a_part_that_was_overtaken_does_not_hide_what_a_newer_one_shows(serve: Serve, visit: Visit) -> None:
    shop, page, talk = _talk(serve, visit)
    held: list[tuple[Route, str]] = []
    page.route("**/part*", lambda route: held.append((route, route.fetch().text())), times=1)
    shop.deps.talks.add(talk, "reply", {"text": "the first line"}, at=shop.deps.now())
    while not held:
        page.wait_for_timeout(20)
    shop.deps.talks.add(talk, "reply", {"text": "the newest line"}, at=shop.deps.now())
    expect(page.get_by_text("the newest line")).to_be_visible()
    ((route, old),) = held
    with page.expect_response("**/part*"):
        route.fulfill(body=old, content_type="text/html")
    page.wait_for_timeout(100)
    assert "the newest line" not in old
    expect(page.get_by_text("the newest line")).to_be_visible()
