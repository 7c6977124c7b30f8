"""A new user's walk over the simulated shop, from a finished campaign's results to the next goal; each of its pictures is in the README."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from shops import Shop, Visit, aside, served

from liftwright import settings, wiring
from liftwright.ports import Deps
from walk_pictures import WALK

pytestmark = [pytest.mark.loopback, pytest.mark.slow]
PICTURES = Path("test-artifacts") / "walk"
DEMO = ("demo", "--customers", "8000", "--days", "7", "--campaigns", "1", "--no-progress", "--json")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The demo's workspace, an hour after its campaign ended."""
    home = tmp_path_factory.mktemp("walk") / "shop"
    command = [sys.executable, "-c", "from liftwright.cli import main; main()", *DEMO, "--home", str(home)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    running = aside(_opened, home)
    yield running
    running.end()


def _opened(home: Path) -> Shop:
    times = [wiring.build(settings.load(home=home)).journal.entries()[-1].at + timedelta(hours=1)]
    return served(wiring.build(settings.load(home=home), now=lambda: times[0]), times)


def _picture(page: Page, name: str) -> None:
    assert name in WALK
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURES / f"walk-{name}.png")


def test_the_walk(shop: Shop, visit: Visit) -> None:
    page = visit(shop, name="Ann")
    page.set_viewport_size({"width": 1200, "height": 760})
    goal = "Sell more shoes over the next 14 days, 2,000 budget, keep margin above 35%"
    page.get_by_label("Business goal or question").fill(goal)
    _picture(page, "1-goal")
    begun = time.monotonic()
    page.get_by_role("button", name="Plan it").click()
    expect(page.locator(".agents .working, .agents .done").first).to_be_visible()
    assert time.monotonic() - begun < 10, "progress is seen at once, not when the plan is done"
    expect(page.locator(".agents .done").first).to_be_visible()
    _picture(page, "2-agents")
    expect(page.get_by_role("link", name="Review and decide")).to_be_visible(timeout=120_000)
    _picture(page, "3-plan")
    page.get_by_role("link", name="Review and decide").click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    _picture(page, "4-review")
    page.get_by_role("link", name=re.compile("Approvals")).first.click()
    _picture(page, "5-approvals")
    campaign, person = aside(_finished, shop.deps)
    page.goto(f"/campaigns/{campaign}")
    expect(page.locator("lw-band svg")).to_be_visible()
    _picture(page, "6-results")
    page.goto(f"/explain/{person}?campaign={campaign}")
    expect(page.get_by_role("heading", name=f"Why {person}?")).to_be_visible()
    _picture(page, "7-why")


def _finished(deps: Deps) -> tuple[str, str]:
    """The demo's campaign and somebody it reached."""
    campaign = next(each for each in deps.campaigns.all() if each.status == "finished")
    row = next(row for row in deps.ledger.sends(campaign_id=campaign.campaign_id).to_pylist() if row["state"] == "sent")
    return campaign.campaign_id, str(row["customer_id"])
