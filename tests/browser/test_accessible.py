"""Every screen for everybody: WCAG 2 A and AA by axe, light and dark, wide and narrow, and nothing that scrolls sideways."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from shops import Serve, Shop, Visit, aside, start

import plain_shop
from liftwright.compliance import waivers
from liftwright.evaluation.run import run_suite
from liftwright.flow import sharing, waiving, watching
from liftwright.ports import Deps
from screens import SCREENS

pytestmark = [pytest.mark.loopback, pytest.mark.slow]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

CASE = "/evals/goals_reader/plain-01"


def _ran(deps: Deps) -> None:
    """Two runs of a suite, the second with an answer that differs, and a watch over the models."""
    for _ in range(2):
        asyncio.run(run_suite("goals_reader", deps=deps, home=deps.settings.home))
    folder = deps.settings.home / "evals" / "goals_reader" / "0002"
    for name, before, after in (("results.jsonl", '"value":1.0', '"value":0.0'), ("outputs.jsonl", "shoes", "boots")):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    watching.watch(deps=deps)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, tuple[str, ...]]]:
    """A shop with a campaign that runs and one that waits, and the path of every screen of it."""
    home, campaign = aside(plain_shop.launched)
    served = start(plain_shop.copy_of(home, tmp_path_factory.mktemp("seen") / "home"))
    deps, name = served.deps, campaign.campaign_id
    deps.talks.add("t-seen", "said", {"text": "what did it cause?", "by": "Ann", "campaign_id": name}, at=deps.now())
    deps.talks.add("t-seen", "reply", {"text": "**Nothing** yet:\n- wait", "campaign_id": name}, at=deps.now())
    aside(_ran, served.deps)
    token, _ = sharing.make(name, by="Ann", days=7, role="approver", deps=deps)
    seen = ("", "/evidence/lift", "/evidence/series.0", "/evidence/sends.delivered", "/share", "/report.html")
    rule = next(each.id for each in deps.library.policies().rules if not waivers.why_never(each))
    waiving.ask(rule, campaign_id=None, reason="a fair", days=3, by="Ann", deps=deps)
    more = (
        f"/policies/{rule}",
        f"/policies?since={name}",
        "/journal?verify=1",
        "/data?check=1",
        "/evals/goals_reader",
        CASE,
        "/models/uplift_margin",
    )
    yield (
        served,
        (
            *SCREENS,
            *more,
            "/c/t-seen",
            f"/approvals/{name}",
            f"/explain/C000002?campaign={name}",
            *(f"/campaigns/{name}{part}" for part in seen),
            f"/shared/{token}",
            f"/shared/{token}/review",
            "/nowhere",
        ),
    )
    served.end()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_screen_breaks_a_rule_of_wcag(shop: tuple[Shop, tuple[str, ...]], visit: Visit, width: int, scheme: str) -> None:
    served, paths = shop
    page = visit(served, width=width, scheme=scheme)
    found = {}
    for path in paths:
        page.goto(path)
        bad = Axe().run(page, options=RULES).response["violations"]
        if bad:
            found[path] = [(each["id"], each["nodes"][0]["html"][:160]) for each in bad]
    assert found == {}


def test_no_screen_scrolls_sideways(shop: tuple[Shop, tuple[str, ...]], visit: Visit) -> None:
    served, paths = shop
    page = visit(served)
    wide = {}
    for path in paths:
        page.goto(path)
        for width in (1280, 768, 390, 360):
            page.set_viewport_size({"width": width, "height": 900})
            wide[path, width] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert {place: more for place, more in wide.items() if more > 0} == {}


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_what_waits_breaks_none_either(serve: Serve, visit: Visit, width: int, scheme: str) -> None:
    home, campaign = aside(plain_shop.planned)
    shop, name = serve(home), campaign.campaign_id
    for kind, told in (
        ("said", {"text": plain_shop.GOAL, "by": "Ann", "campaign_id": name}),
        ("step", {"who": "content_writer", "what": "thinks"}),
        ("failed", {"code": "BROKEN", "says": "Something broke.", "next_step": "Say it again."}),
    ):
        shop.deps.talks.add("t-1", kind, told, at=shop.deps.now())  # type: ignore[arg-type]
    page = visit(shop, f"/approvals/{name}", width=width, scheme=scheme, name="Ann")
    expect(page.get_by_role("heading", name="Decide", exact=True)).to_be_visible()
    for path in (f"/approvals/{name}", "/approvals", "/c/t-1"):
        page.goto(path)
        assert Axe().run(page, options=RULES).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


BAND = """(rows) => {
  const band = document.createElement("lw-band");
  band.innerHTML = `<table><caption>effect</caption><tbody>${rows.map((row) => "<tr>" + ["low", "mid", "high"].map(
    (name, i) => `<td data-${name}="${row[i] ?? ""}"></td>`).join("") + "</tr>").join("")}</tbody></table>`;
  document.querySelector("main").append(band);
  return new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(
    [...band.querySelectorAll("svg .range, svg .middle")].map((shape) => Math.round(shape.getBBox().width))), 200)));
}"""


@pytest.mark.parametrize(
    ("rows", "drawn"),
    [
        ([[-1, 0, 1], [0, 1, 2], [0.5, 1, 1.5]], "wide"),
        ([[None, None, None], [0, 1, 2]], "narrow"),
        ([[None, None, None]], "nothing"),
    ],
)
def test_a_band_is_really_drawn_from_its_table(
    shop: tuple[Shop, tuple[str, ...]], visit: Visit, rows: list[list[float | None]], drawn: str
) -> None:
    served, _ = shop
    page = visit(served, "/campaigns")
    widths = page.evaluate(BAND, rows)
    if drawn == "nothing":
        assert widths == []
        expect(page.locator("lw-band table")).to_be_visible()
    else:
        assert len(widths) == 2
        assert all(width > 500 for width in widths) if drawn == "wide" else all(0 < width < 40 for width in widths)
        page.get_by_text("Show data").click()
        expect(page.locator("lw-band table")).to_be_visible()
