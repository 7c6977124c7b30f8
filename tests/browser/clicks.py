"""What people do again and again: ask a goal, decide, sign in."""

from __future__ import annotations

import re

from playwright.sync_api import Page


def ask(page: Page, goal: str) -> None:
    """Type a goal on the first page and send it."""
    page.get_by_label("Business goal or question").fill(goal)
    page.get_by_role("button", name="Plan it").click()


def decide(page: Page, form: str, name: str = "Ann", **fields: str) -> None:
    """Fill the form of a decision by its heading, and send it; without a name where one is signed in."""
    box = page.locator("form").filter(has=page.get_by_role("heading", name=form, exact=True))
    if name:
        box.get_by_label("Your name").fill(name)
    for label, value in fields.items():
        box.get_by_label(re.compile(label)).fill(value)
    box.get_by_role("button").last.click()


def sign_in(page: Page, name: str, key: str) -> None:
    """At the door: name and key."""
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Key").fill(key)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
