"""Results and one person in a real browser: marks on the chart, keys for every part, and the answer to the customer in the clipboard."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from shops import Serve, Shop, Visit, aside

import plain_shop

pytestmark = [pytest.mark.loopback, pytest.mark.slow]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PARTS = {"1": "Running", "2": "Effect per person", "3": "Primary", "4": "Texts", "5": "Pacing", "6": "May it be believed?"}


def _measured(serve: Serve) -> tuple[Shop, str]:
    home, campaign = aside(plain_shop.measured)
    return serve(home, clock=[plain_shop.NINTH_DAY]), campaign.campaign_id


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent || document.activeElement.name"))


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_marks_stand_on_the_chart_and_every_part_has_its_key(serve: Serve, visit: Visit, width: int, scheme: str) -> None:
    shop, campaign = _measured(serve)
    page = visit(shop, f"/campaigns/{campaign}", width=width, scheme=scheme)
    letters = page.locator("lw-band svg .letter")
    expect(letters.first).to_be_visible()
    drawn = {letter.strip()[0] for letter in letters.all_text_contents()}
    assert drawn == {"A", "R", "M"}, "approval, reallocation, send"
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for key, name in PARTS.items():
        page.keyboard.press(key)
        assert _focused(page).startswith(name), key
    table = page.locator("lw-band table")
    expect(table).not_to_be_visible()
    page.keyboard.press("d")
    expect(table).to_be_visible()
    page.keyboard.press("p")
    assert page.evaluate("document.activeElement.form.querySelector('h3').textContent") == "Pause"
    page.keyboard.type("d5")
    expect(table).to_be_visible()
    assert page.evaluate("document.activeElement.value").endswith("d5"), "in a field a key is a letter"
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_the_last_days_alone_are_shown_on_request(serve: Serve, visit: Visit) -> None:
    shop, campaign = _measured(serve)
    shop.clock[0] = plain_shop.NINTH_DAY + (plain_shop.NINTH_DAY - plain_shop.NOW)
    page = visit(shop, f"/campaigns/{campaign}")
    button = page.get_by_role("button", name="Last 7 days only")
    expect(button).to_have_attribute("aria-pressed", "false")
    before = page.locator("lw-band svg .mark").count()
    page.keyboard.press("t")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.locator("lw-band svg .mark").count() < before
    page.keyboard.press("t")
    assert page.locator("lw-band svg .mark").count() == before


def test_one_walks_through_people_and_steps_and_copies_the_answer(serve: Serve, visit: Visit) -> None:
    shop, campaign = _measured(serve)
    page = visit(shop, f"/explain/C000002?campaign={campaign}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.url)
    page.keyboard.press("j")
    first = _focused(page)
    page.keyboard.press("j")
    assert _focused(page) != first or page.locator(".steps li").count() == 1
    page.keyboard.press("k")
    assert _focused(page) == first
    page.keyboard.press("y")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#sentence").text_content()
    for key, name in (("n", "Why C000003?"), ("p", "Why C000002?"), ("p", "Why C000001?")):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_somebody_is_found_by_their_address_without_scripts(serve: Serve, visit: Visit) -> None:
    shop, campaign = _measured(serve)
    page = visit(shop, f"/explain?campaign={campaign}", scripts=False)
    page.get_by_label("Customer id, or e-mail address").fill("C000004@example.test")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", name="Why C000004?")).to_be_visible()
    assert page.url.endswith(f"/explain/C000004?campaign={campaign}")
    page.goto(f"/explain/c4?campaign={campaign}")
    page.get_by_role("link", name="C000004").click()
    expect(page.get_by_role("heading", name="Why C000004?")).to_be_visible()
