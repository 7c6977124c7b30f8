"""The pages over one small shop: every screen is drawn from what is stored, every form needs its token, and nothing a stranger wrote becomes code."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import plain_shop
from liftwright.api.app import create
from liftwright.api.pages import words
from liftwright.domain.campaign import Campaign
from liftwright.flow import people
from liftwright.ports import Deps

Open = Callable[..., tuple[TestClient, Deps]]
PAGE = {"accept": "text/html"}
SCREENS = (
    "/",
    "/approvals",
    "/campaigns",
    "/explain",
    "/evals",
    "/data",
    "/models",
    "/policies",
    "/journal",
    "/settings",
    "/sign-in",
)


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Open]:
    """A client that asks for pages, on a copy of a workspace."""
    made: list[tuple[TestClient, Deps]] = []

    def over(home: Path) -> tuple[TestClient, Deps]:
        deps = plain_shop.open_shop(
            plain_shop.copy_of(home, tmp_path / f"home{len(made)}"), now=lambda: plain_shop.NOW + timedelta(hours=1)
        )
        made.append((TestClient(create(lambda: deps), headers=PAGE, base_url="http://shop.test"), deps))
        return made[-1]

    yield over
    for client, deps in made:
        client.close()
        plain_shop.close(deps)


@pytest.fixture
def waiting(browse: Open) -> tuple[TestClient, Deps, Campaign]:
    """A client, and the campaign that waits for approval."""
    home, campaign = plain_shop.planned()
    return *browse(home), campaign


def token(client: TestClient, path: str = "/") -> str:
    """The token of the forms on a page."""
    found = re.search(r'name="token" value="(\w+)"', client.get(path).text)
    assert found, path
    return found[1]


def send(client: TestClient, path: str, page: str = "/", **fields: Any) -> Any:
    """Fill a form of a page and send it, as a browser without scripts would."""
    return client.post(path, data={"token": token(client, page), **fields})


@pytest.mark.parametrize("path", SCREENS)
def test_every_screen_is_a_page_of_ours_and_lets_no_other_code_in(waiting: tuple[TestClient, Deps, Campaign], path: str) -> None:
    client, _, _ = waiting
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "<h1" in answer.text
    assert '<html lang="en">' in answer.text
    assert not re.search(r"https?://(?!www\.w3\.org)", answer.text.split("</head>")[0])
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize("path", [*SCREENS, "/approvals/c-1", "/campaigns/c-1", "/c/t-1"])
def test_an_empty_workspace_says_what_to_do_or_that_there_is_no_such_thing(browse: Open, tmp_path: Path, path: str) -> None:
    client, _ = browse(_empty(tmp_path))
    answer = client.get(path)
    assert answer.status_code == (404 if "-1" in path else 200)
    assert "Traceback" not in answer.text


def _empty(tmp_path: Path) -> Path:
    home = tmp_path / "empty"
    home.mkdir()
    return home


def test_the_review_shows_findings_first_and_the_very_hash_it_approves(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, _, campaign = waiting
    text = client.get(f"/approvals/{campaign.campaign_id}").text
    assert text.index(">Findings<") < text.index(">Key figures<") < text.index(">Texts<")
    assert str(campaign.plan_hash) in text
    assert "Approve exactly this" in text


def test_approving_runs_it_and_saying_it_twice_runs_it_once(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = {"kind": "approve", "plan_hash": str(campaign.plan_hash), "by": "Ann", "token": token(client, page)}
    first = client.post(page, data=fields)
    planned = deps.ledger.counts(campaign.campaign_id)["planned"]
    second = client.post(page, data=fields)
    assert (first.status_code, first.url.path) == (200, page)
    assert deps.campaigns.get(campaign.campaign_id).status == "running"
    assert second.status_code == 409
    assert deps.ledger.counts(campaign.campaign_id)["planned"] == planned > 0


def test_what_a_revision_changed_is_shown_word_by_word_with_its_reason(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, _, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = {"plan_hash": str(campaign.plan_hash), "by": "Ann", "reason": "once <b>is</b> enough"}
    text = send(client, page, page, kind="edit", changes="limits.touches = 1", **fields).text
    assert "What changed since revision 1" in text
    assert re.search(r"<dt>touches</dt><dd><del>.*?</del><ins>", text)
    assert "because: once &lt;b&gt;is&lt;/b&gt; enough" in text
    for odd in ("?since=99", "?since=-1", "?since=2"):
        assert "What changed since revision 1" in client.get(page + odd).text
    assert client.get(f"{page}?since=x").status_code == 422


def test_a_stale_decision_is_answered_with_what_changed(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    old = {"plan_hash": str(campaign.plan_hash), "by": "Ann"}
    assert send(client, page, page, kind="edit", changes="limits.touches = 1", **old).status_code == 200
    late = send(client, page, page, kind="approve", **old)
    assert late.status_code == 409
    assert "Changed since" in late.text
    assert deps.ledger.counts(campaign.campaign_id)["planned"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "launch"},
        {"kind": "edit", "changes": "no sign here"},
        {"kind": "edit", "changes": "plan_hash = 1"},
        {"kind": "reject"},
    ],
)
def test_a_decision_that_makes_no_sense_changes_nothing_and_says_why(
    waiting: tuple[TestClient, Deps, Campaign], fields: dict[str, str]
) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    answer = send(client, page, page, plan_hash=str(campaign.plan_hash), by="Ann", **fields)
    assert answer.status_code in (409, 422)
    assert "problem" in answer.text
    assert deps.campaigns.get(campaign.campaign_id).plan_hash == campaign.plan_hash


@pytest.mark.parametrize("given", ["", "0" * 64, "fetched"])
@pytest.mark.parametrize("path", ["/talks", "/approvals/x", "/campaigns/x", "/data", "/sign-in", "/sign-out", "/c/t-1"])
def test_a_form_without_its_token_is_refused(waiting: tuple[TestClient, Deps, Campaign], path: str, given: str) -> None:
    client, _, _ = waiting
    stolen = token(client)
    if given == "fetched":
        client.cookies.clear()
    answer = client.post(path, data={"token": stolen if given == "fetched" else given, "text": "Sell more"})
    assert answer.status_code == 403
    assert "not one of ours" in answer.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}])
def test_a_form_from_another_site_is_refused(waiting: tuple[TestClient, Deps, Campaign], headers: dict[str, str]) -> None:
    client, deps, _ = waiting
    answer = client.post("/talks", data={"token": token(client), "text": "Sell more"}, headers=headers)
    assert answer.status_code == 403
    assert deps.talks.latest() == []


def test_a_goal_becomes_a_talk_with_every_step_and_a_plan_that_waits(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    answer = send(client, "/talks", text=plain_shop.GOAL)
    talk = answer.url.path
    assert talk.startswith("/c/t-")
    assert 'role="log"' in answer.text
    kinds = _finished(deps, talk.removeprefix("/c/"))
    assert (kinds[0], kinds[1], kinds[-1]) == ("said", "working", "reply")
    assert kinds.count("step") > 6
    page = client.get(talk).text
    assert "Review and decide" in page
    assert page.count('<li class="done"') == 6


def _finished(deps: Deps, talk_id: str, seconds: float = 60) -> list[str]:
    """Kinds of a talk's events once it was answered."""
    for _ in range(int(seconds * 10)):
        kinds = [str(event.kind) for event in deps.talks.since(talk_id)]
        if kinds and kinds[-1] in ("reply", "failed"):
            return kinds
        time.sleep(0.1)
    raise AssertionError(f"no answer after {seconds} s")


def test_a_question_about_a_waiting_plan_starts_nothing_new(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, deps, campaign = waiting
    answer = send(client, "/talks", text="who is left out?", campaign=campaign.campaign_id)
    _finished(deps, answer.url.path.removeprefix("/c/"))
    assert len(deps.campaigns.all()) == 1
    assert "left out" in client.get(answer.url.path).text.lower()


def test_words_of_people_and_models_stay_words(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, deps, _ = waiting
    nasty = (
        "<script>alert(1)</script> [x](javascript:alert(1)) ![y](https://evil.test/z.png) {{ 7*7 }} <img src=x onerror=alert(1)>"
    )
    deps.talks.add("t-x", "said", {"text": nasty, "by": nasty}, at=deps.now())
    deps.talks.add("t-x", "reply", {"text": nasty}, at=deps.now())
    text = client.get("/c/t-x").text.split("<main", 1)[1]
    assert "<script" not in text
    assert "<img" not in text
    assert 'href="javascript' not in text
    assert 'evil.test/z.png"' not in text
    assert "49" not in re.sub(r"\d{3,}", "", text.split('role="log"')[1].split("</section>")[0])


def test_markdown_is_emphasis_and_lists_and_nothing_that_leads_anywhere() -> None:
    assert words.markdown("**b** and\n- one") == "<p><strong>b</strong> and</p>\n<ul>\n<li>one</li>\n</ul>\n"
    assert "<a" not in words.markdown("[x](https://evil.test) <https://evil.test>")


def test_with_users_nothing_is_shown_before_a_key_was_and_a_session_is_its_own_key(browse: Open) -> None:
    home, campaign = plain_shop.planned()
    client, deps = browse(home)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    people.put("leo", roles=["approver"], is_active=True, by="ada", deps=deps)
    key = people.new_key("leo", by="ada", deps=deps)
    for path in SCREENS[:-1]:
        assert client.get(path).url.path == "/sign-in", path
    assert client.get("/c/t-1/part").status_code == client.get("/c/t-1/events").status_code == 401
    assert send(client, f"/approvals/{campaign.campaign_id}", "/sign-in", kind="approve").status_code == 401
    assert send(client, "/sign-in", "/sign-in", name="leo", key="lw_wrong").status_code == 401
    inside = send(client, "/sign-in", "/sign-in", name="leo", key=key, to="/approvals")
    assert inside.url.path == "/approvals"
    session = client.cookies["lw_session"]
    assert key not in session
    assert "lws_" in session
    send(client, "/sign-out", "/approvals")
    client.cookies.set("lw_session", session, domain="shop.test")
    assert client.get("/approvals").url.path == "/sign-in", "a session that was ended is nobody's"


@pytest.mark.parametrize(
    "to", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/ok\r\nset-cookie: x=1"]
)
def test_after_signing_in_the_way_leads_to_this_site_only(browse: Open, to: str) -> None:
    client, _ = browse(plain_shop.furnished())
    answer = client.post("/sign-in", data={"token": token(client), "name": "Ann", "to": to}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert "x=1" not in str(answer.headers)


def test_a_file_is_imported_under_a_name_of_ours(browse: Open, tmp_path: Path) -> None:
    client, deps = browse(_empty(tmp_path))
    body = b"customer_id,email\nC1,ann@shop.test\nC2,bob@shop.test\n"
    answer = client.post(
        "/data",
        data={"token": token(client), "table": "customers"},
        files={"file": ("../../<b>evil</b>.csv", body, "text/csv")},
    )
    assert answer.status_code == 200
    assert "<b>evil" not in answer.text
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    assert snapshot.rows["customers"] == 2
    assert not list(tmp_path.rglob("*evil*"))
    wrong = client.post("/data", data={"token": token(client), "table": "secrets"}, files={"file": ("a.csv", body, "text/csv")})
    assert wrong.status_code == 422


def test_why_this_person_names_every_option_and_what_forbids_it(waiting: tuple[TestClient, Deps, Campaign]) -> None:
    client, _, campaign = waiting
    answer = client.get("/explain", params={"person": "C000002", "campaign": campaign.campaign_id})
    assert answer.url.path == "/explain/C000002"
    assert "Why C000002?" in answer.text
    assert '<th scope="col" class="n">Worth</th>' in answer.text
    assert client.get(f"/explain/<script>?campaign={campaign.campaign_id}").status_code in (404, 422)


def test_what_a_running_campaign_does_and_causes_is_shown_and_it_can_be_stopped(browse: Open) -> None:
    home, campaign = plain_shop.launched()
    client, deps = browse(home)
    page = f"/campaigns/{campaign.campaign_id}"
    text = client.get(page).text
    assert "Incremental margin" in text
    assert "<lw-band>" in text or "not measurable yet" in text
    assert send(client, page, page, do="stop", by="Ann", reason="").status_code == 422
    assert send(client, page, page, do="stop", by="Ann", reason="enough").status_code == 200
    assert deps.campaigns.get(campaign.campaign_id).status == "stopped"


def test_files_of_the_site_may_be_kept_for_ever_and_nothing_outside_is_given_out(
    waiting: tuple[TestClient, Deps, Campaign],
) -> None:
    client, _, _ = waiting
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/").text)
    assert len(named) == 3
    for address in named:
        assert "immutable" in client.get(address).headers["cache-control"]
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert client.get(path).status_code == 404
