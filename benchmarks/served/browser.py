"""A real Chromium: what a first visit loads, and how long a click takes until the changed page is there, by the page's own clock."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
LONGEST_MS, QUIET_MS, SETTLE_MS = 30_000, 1_500, 200
QUESTION = "who is left out?"
LISTS = ("/approvals", "/campaigns")
REVIEW = 'main a[href^="/approvals/"]'
WATCH = """
(() => {
  const now = () => performance.timeOrigin + performance.now(), kept = sessionStorage;
  addEventListener("click", () => kept.setItem("clicked", now()), true);
  const look = () => {
    const want = kept.getItem("want"), clicked = kept.getItem("clicked"), place = document.querySelector(kept.getItem("place") || "title");
    if (!want || !clicked || document.readyState === "loading" || !place || !place.textContent.includes(want)) return;
    const there = now() - clicked;
    kept.clear();
    requestAnimationFrame(() => {
      const later = new MessageChannel();
      later.port1.onmessage = () => console.debug("measured " + JSON.stringify([there, now() - clicked]));
      later.port2.postMessage(0);
    });
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
  document.addEventListener("readystatechange", look);
})()
"""
"""Set in every page before anything else. A click is timed until the wanted words stand in a page that is read to its end, and until the frame after."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def first_load(browser: Browser, url: str, host: str) -> dict[str, Any]:
    """Requests and kilobytes (1,000 bytes, headers included, as they came over the wire) of a visit to `url` with nothing kept from before."""
    context = browser.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    asked: list[str] = []
    sizes: list[float] = []

    def ask(event: dict[str, Any]) -> None:
        asked.append(str(event["request"]["url"]))
        sizes.append(float(event.get("redirectResponse", {}).get("encodedDataLength", 0)))

    network.on("Network.requestWillBeSent", ask)
    network.on("Network.loadingFinished", lambda event: sizes.append(float(event["encodedDataLength"])))
    page.goto(url, wait_until="load", timeout=LONGEST_MS)
    load_ms = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    page.wait_for_timeout(QUIET_MS)
    context.close()
    own = [address for address in asked if address.startswith((host, "data:"))]
    return {
        "first_load_kb": round(sum(sizes) / 1000, 1),
        "requests": len([address for address in asked if not address.startswith("data:")]),
        "from_elsewhere": len(asked) - len(own),
        "load_ms": round(load_ms),
    }


class Clicker:
    """A window of one site in which clicks are timed, from the click to the changed page."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._context = browser.new_context(base_url=url)
        self._context.add_init_script(WATCH)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(LONGEST_MS)
        self._took: dict[str, list[tuple[float, float]]] = {}

    def click(self, kind: str, what: str, place: str, want: str) -> None:
        """Click on the first `what` and keep the milliseconds until `place` (both CSS) says what is wanted, which it must not say before."""
        ready = "([place, want]) => { sessionStorage.clear(); sessionStorage.setItem('place', place); sessionStorage.setItem('want', want);"
        says = self.page.evaluate(f"{ready} return document.querySelector(place)?.textContent ?? ''; }}", [place, want])
        assert want not in says, f"{place} says {want!r} before the click"
        with self.page.expect_console_message(lambda message: message.text.startswith("measured ")) as told:
            self.page.locator(what).first.click()
        there, drawn = json.loads(told.value.text.removeprefix("measured "))
        self._took.setdefault(kind, []).append((there, drawn))

    def medians(self) -> dict[str, float]:
        """Median milliseconds of every kind of click until the words were there, and until they were drawn."""
        found = {}
        for kind, took in self._took.items():
            for name, values in zip((f"{kind}_ms", f"{kind}_drawn_ms"), zip(*took, strict=True), strict=True):
                found[name] = round(statistics.median(values), 1)
        return found


def our_talk(clicker: Clicker, campaign: str) -> list[str]:
    """Begin a talk about a campaign; what stands in it, for the peer to show. The window stays on it."""
    page = clicker.page
    page.goto(f"/campaigns/{campaign}")
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    _answered(page)
    return [line for line in page.inner_text("#talk").splitlines() if line.strip()]


def our_round(clicker: Clicker, campaign: str, clicks: int, number: int) -> None:
    """Words sent in a talk, which appear in it; links of the top bar between two lists; forms that sign in; reviews opened from the inbox."""
    page = clicker.page
    our_talk(clicker, campaign)
    for each in range(clicks):
        _answered(page)
        said = f"{QUESTION} ({number}.{each})"
        page.locator(".say textarea").fill(said)
        clicker.click("click", ".say button", ".log", said)
    _answered(page)
    page.goto(LISTS[0])
    for each in range(clicks):
        path = LISTS[(each + 1) % 2]
        clicker.click("link", f'.top a[href="{path}"]', "h1", path.strip("/").capitalize())
    for each in range(clicks):
        page.goto("/sign-in")
        page.locator("input[name=name]").fill(f"Ann {each}")
        clicker.click("form", "main form button", ".who span", f"Ann {each}")
    for _ in range(clicks):
        page.goto(LISTS[0])
        clicker.click("review", REVIEW, "h2", "Findings")


def _answered(page: Page) -> None:
    """Wait until the strategist has answered: nothing is timed while it works."""
    page.locator(".say button:enabled").wait_for()
    page.wait_for_timeout(SETTLE_MS)


def peer_round(clicker: Clicker, clicks: int, number: int) -> None:
    """Words sent in the peer's talk, which appear in it; and a few of its links to whole pages."""
    page = clicker.page
    page.goto("/0")
    for each in range(clicks):
        page.wait_for_timeout(QUIET_MS if each == 0 else SETTLE_MS)
        said = f"{QUESTION} ({number}.{each})"
        page.locator("textarea").fill(said)
        clicker.click("click", "button:has-text('Send')", ".log", said)
    for each in range(max(2, clicks // 5)):
        to = (each + 1) % 2
        page.goto(f"/{1 - to}")
        page.wait_for_timeout(QUIET_MS)
        clicker.click("link", f'a[href="/{to}"]', ".title", f"Talk {to}")
