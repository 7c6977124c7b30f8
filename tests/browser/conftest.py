"""A real browser against a real server on this machine. Debian's Chromium; without one every test here is skipped, and says so."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "flow")]

from shops import Serve, Shop, Visit, start

import plain_shop

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
expect.set_options(timeout=60_000)
PICTURES = Path("test-artifacts")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this room needs a browser."""
    for item in items:
        if Path(str(item.path)).parent.name == "browser":
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.loopback)
            if not CHROMIUM:
                item.add_marker(pytest.mark.skip(reason="NO BROWSER: install Debian's chromium, or name one in CHROMIUM"))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers over copies of workspaces; all are stopped at the end."""
    shops: list[Shop] = []

    def over(home: Path, **more: Any) -> Shop:
        shops.append(start(plain_shop.copy_of(home, tmp_path / f"home{len(shops)}"), **more))
        return shops[-1]

    yield over
    for shop in shops:
        if shop.thread.is_alive():
            shop.end()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a file; its driver keeps an event loop in this thread, which no test elsewhere could bear."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A fresh browser window (`width`, `scheme`, `scripts`) on a shop; a picture of its last page is kept, and errors of scripts fail the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def at(
        shop: Shop, path: str = "/", *, width: int = 1280, scheme: str = "light", scripts: bool = True, name: str = ""
    ) -> Page:
        context = chromium.new_context(
            base_url=shop.url, viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        if name:
            context.add_cookies([{"name": "lw_name", "value": name, "url": shop.url}])
        contexts.append(context)
        page: Page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda asked: errors.append(f"asked {asked.url}") if not asked.url.startswith(shop.url) else None)
        page.goto(path)
        return page

    yield at
    PICTURES.mkdir(exist_ok=True)
    for number, context in enumerate(contexts):
        for page in context.pages:
            page.screenshot(path=PICTURES / f"{request.node.name}-{number}.png", full_page=True)
        context.close()
    assert errors == []
