"""Every route times every role, a stranger and somebody switched off; forms without their token; sessions that were planted; ways to elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from access import ACCESS, BODIES, NAMED, OUTSIDE, ROLES, every_route, forms
from browsing import PAGE, token
from calling import Call, key, refused, staff
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright.api.app import create
from liftwright.api.pages.site import back
from liftwright.flow import people
from liftwright.ports import Deps
from screens import SCREENS

Filled = Callable[[str], str]


def bearer(deps: Deps, name: str) -> dict[str, str]:
    """What a person of the matrix shows: nothing, a made-up key, or their own."""
    if name == "stranger":
        return {}
    return {"Authorization": "Bearer lw_made-up"} if name == "guesser" else key(deps, name)


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one user of every role, one who will be switched off and one whose keys will be revoked; copy it."""
    home: Path = plain_shop.copy_of(plain_shop.planned()[0], tmp_path_factory.mktemp("staffed") / "home")
    deps = plain_shop.open_shop(home)
    inside = {role: [role] for role in ROLES if role != "admin"}
    staff(deps, **inside, **{name: ["approver"] for name in OUTSIDE[2:]})
    people.put("admin", roles=["admin"], is_active=True, by="ada", deps=deps)
    for user in deps.users.all():
        key(deps, user.name)
    deps.talks.add("t-1", "said", {"text": "Sell more", "by": "mia"}, at=deps.now())
    plain_shop.close(deps)
    return home


@pytest.fixture
def house(call: Call, staffed: Path) -> tuple[TestClient, Deps, Filled]:
    """A client on a copy of the staffed workspace, and how a path of it is filled in."""
    client, deps = call(staffed, server={"requests_per_minute": 0, "sign_ins_per_minute": 0})
    _, campaign = plain_shop.planned()
    names = {"campaign_id": campaign.campaign_id, "customer_id": "C000001", "talk_id": "t-1", "person": "C000001"}
    names |= {"key": "forecast", "rule_id": "SUPPRESSED", "name": "none", "suite": "goals", "case": "none", "model": "propensity"}
    return client, deps, lambda path: path.replace(":path}", "}").format(**names)


def ended(deps: Deps) -> None:
    """From here on two of the users are none any more."""
    deps.users.put("switched off", roles=["approver"], is_active=False, by="ada", now=deps.now())
    deps.users.revoke_keys("signed out", by="ada", now=deps.now())


def test_every_route_says_who_may(house: Any) -> None:
    client, _, _ = house
    assert every_route(client.app) == set(ACCESS), "say in access.py who may use a new route"


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ROLES, *OUTSIDE])
def test_the_api_lets_in_users_and_nobody_else(house: Any, name: str) -> None:
    client, deps, filled = house
    shown = bearer(deps, name)
    ended(deps)
    by = name if name not in ("stranger", "guesser") else "approver"
    for (method, path), kind in ACCESS.items():
        if kind != "api":
            continue
        body = BODIES.get(path, {}) | ({"by": by} if path in NAMED else {})
        to = filled(path) + (f"?by={by}" if path.endswith("/again") else "")
        answer = client.request(method, to, json=body or None, headers=shown)
        if name in OUTSIDE:
            assert answer.status_code == 401, (name, path, answer.text)
            assert answer.json()["title"] in ("USER-KEY", "USER-UNKNOWN")
            assert plain_shop.GOAL not in answer.text
        else:
            assert answer.status_code not in (401, 403), (name, path, answer.text)
            assert answer.status_code < 500


@pytest.mark.slow
@pytest.mark.parametrize("name", ROLES)
def test_who_may_sign_and_who_may_only_look(house: Any, name: str) -> None:
    client, deps, filled = house
    path = filled("/v1/campaigns/{campaign_id}/decisions")
    plan_hash = plain_shop.planned()[1].plan_hash
    shown = key(deps, name)
    signs = name in {"approver", *deps.approvals.waiting()[0].needs}
    stands = deps.library.policies().autonomy["approval"].get("stands_for", {}).get(name, ())
    signs = signs or bool(set(stands) & set(deps.approvals.waiting()[0].needs))
    answer = client.post(path, json={"kind": "approve", "plan_hash": plan_hash, "by": name}, headers=shown)
    if signs:
        assert answer.status_code == 200, answer.text
    else:
        refused(answer, 403, "APPROVAL-NOT-YOURS")
        asked = {"kind": "respond", "plan_hash": plan_hash, "by": name, "reason": "why so many?"}
        assert client.post(path, json=asked, headers=shown).status_code == (403 if name == "analyst" else 200)


def test_nobody_acts_under_another_s_name(house: Any) -> None:
    client, deps, filled = house
    shown = key(deps, "approver")
    key(deps, "compliance")
    for path in NAMED:
        answer = client.post(filled(path), json=BODIES[path] | {"by": "compliance"}, headers=shown)
        refused(answer, 401, "USER-KEY")


def entered(client: TestClient, deps: Deps, name: str) -> TestClient:
    """A browser of somebody: with their session, a made-up one, or none."""
    browser = TestClient(client.app, base_url="http://shop.test", headers=PAGE, follow_redirects=False)
    if name == "guesser":
        browser.cookies.set("lw_session", "approver:lws_made-up", domain="shop.test")
    elif name != "stranger":
        shown = key(deps, name)["Authorization"].removeprefix("Bearer ")
        fields = {"token": token(browser, "/sign-in"), "name": name, "key": shown}
        assert browser.post("/sign-in", data=fields).status_code == 303
    return browser


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ROLES, *OUTSIDE])
def test_pages_let_in_users_and_nobody_else(house: Any, name: str) -> None:
    client, deps, filled = house
    browser = entered(client, deps, name)
    ended(deps)
    fields = {"token": token(browser, "/sign-in"), "text": "", "kind": "approve", "plan_hash": "sha256:x", "by": name}
    before = [(deps.campaigns.all(), deps.lake.snapshot())]
    for (method, path), kind in ACCESS.items():
        if kind in ("api", "api stream", "open", "open form") or path.endswith("/events"):
            continue
        answer = browser.request(method, filled(path), data=fields if method == "POST" else None)
        if name not in OUTSIDE:
            refusals = (401,) if kind == "rights form" else (401, 403)
            assert answer.status_code not in refusals, (name, path, answer.text)
            assert not answer.headers.get("location", "").startswith("/sign-in")
        elif kind == "page":
            assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in"), path
        else:
            assert answer.status_code == 401, (name, path)
    if name in OUTSIDE:
        assert browser.get(filled("/c/{talk_id}/events")).status_code == 401
        assert before == [(deps.campaigns.all(), deps.lake.snapshot())]


class Forms(HTMLParser):
    """Every form of a page: where it leads and the fields it has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("method", "get"), given.get("action", ""), {}))
        elif tag == "input" and self.found and given.get("name"):
            self.found[-1][2][given["name"]] = given.get("value", "")


def test_every_form_of_every_page_carries_the_token_and_leads_here(house: Any) -> None:
    client, deps, filled = house
    browser = entered(client, deps, "approver")
    seen = set()
    for path in (*SCREENS, *(filled(path) for (method, path), kind in ACCESS.items() if kind == "page")):
        reader = Forms()
        answer = browser.get(path)
        reader.feed(answer.text)
        expected = re.search(r'name="token" value="(\w+)"', answer.text)
        for method, action, fields in reader.found:
            if method == "post":
                assert expected
                assert fields["token"] == expected[1], (path, action)
                assert action.startswith("/")
                seen.add(action.partition("?")[0])
    assert {"/sign-out", "/talks", "/data", filled("/approvals/{campaign_id}"), filled("/c/{talk_id}")} <= seen


@pytest.mark.parametrize("path", forms())
def test_a_form_without_its_token_of_another_browser_or_from_another_site_does_nothing(house: Any, path: str) -> None:
    client, deps, filled = house
    browser, other = entered(client, deps, "approver"), entered(client, deps, "compliance")
    mine, theirs = token(browser, "/"), token(other, "/")
    fields = {"text": "Sell more", "kind": "reject", "reason": "no", "plan_hash": plain_shop.planned()[1].plan_hash, "do": "stop"}
    before = (deps.campaigns.all(), deps.talks.since("t-1"), deps.journal.verify())
    for sent, headers in (
        ("", {}),
        ("0" * 64, {}),
        (theirs, {}),
        (mine, {"origin": "https://evil.test"}),
        (mine, {"sec-fetch-site": "cross-site"}),
        (mine, {"sec-fetch-site": "same-site"}),
    ):
        answer = browser.post(filled(path), data=fields | {"token": sent}, headers=headers)
        assert answer.status_code == 403, (path, sent, headers)
    assert before == (deps.campaigns.all(), deps.talks.since("t-1"), deps.journal.verify())


def test_pages_of_other_sites_cannot_use_the_api_of_a_workspace_without_keys(call: Call) -> None:
    home, campaign = plain_shop.planned()
    client, deps = call(home)
    before = deps.campaigns.all()
    for headers in ({"origin": "https://evil.test"}, {"sec-fetch-site": "cross-site"}):
        for path in (f"/v1/campaigns/{campaign.campaign_id}/again", "/v1/visitors/C000001/next-action"):
            refused(client.post(path, headers=headers), 403, "REQUEST-ORIGIN")
    assert deps.campaigns.all() == before
    assert deps.visits.choices() == []
    assert client.post("/v1/visitors/C000001/next-action", headers={"origin": "http://shop.test"}).status_code == 200


def test_a_session_is_new_at_every_sign_in_and_a_planted_one_is_nobody_s(house: Any) -> None:
    client, deps, _ = house
    thief = entered(client, deps, "marketer")
    planted = thief.cookies["lw_session"]
    victim = TestClient(client.app, base_url="http://shop.test", headers=PAGE, follow_redirects=False)
    victim.cookies.set("lw_session", "approver:lws_planted", domain="shop.test")
    victim.cookies.set("lw_visit", "planted", domain="shop.test")
    assert victim.get("/approvals").headers["location"].startswith("/sign-in")
    shown = key(deps, "approver")["Authorization"].removeprefix("Bearer ")
    fields = {"token": token(victim, "/sign-in"), "name": "approver", "key": shown}
    answer = victim.post("/sign-in", data=fields)
    cookies = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"lw_session", "lw_visit"}
    assert all("HttpOnly" in cookie and "SameSite=lax" in cookie for cookie in cookies)
    assert "planted" not in "".join(cookies)
    victim.cookies.clear()
    for cookie in cookies:
        name, _, value = cookie.partition(";")[0].partition("=")
        victim.cookies.set(name, value.strip('"'), domain="shop.test")
    before = token(victim, "/approvals")
    victim.cookies.delete("lw_visit")
    victim.cookies.set("lw_visit", "planted", domain="shop.test")
    assert token(victim, "/approvals") not in (before, token(thief, "/approvals"))
    assert planted != victim.cookies["lw_session"]


def test_a_session_over_https_is_sent_over_nothing_else(house: Any) -> None:
    _, deps, _ = house
    browser = TestClient(create(lambda: deps), base_url="https://shop.test", headers=PAGE, follow_redirects=False)
    shown = key(deps, "approver")["Authorization"].removeprefix("Bearer ")
    fields = {"token": token(browser, "/sign-in"), "name": "approver", "key": shown}
    answer = browser.post("/sign-in", data=fields)
    assert all("Secure" in value for name, value in answer.headers.multi_items() if name == "set-cookie")


@given(st.one_of(st.text(max_size=40), st.text(alphabet="/\\.:@?#%\t\r\n evil", max_size=20).map(lambda text: f"/{text}")))
def test_after_a_form_the_way_leads_to_this_site_whatever_was_asked(to: str) -> None:
    location = back(to).headers["location"]
    parts = urlsplit(location)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert not re.search(r"[\s\\]", location)
    assert unquote(location)
