"""What pages keep out: forms of others, words that would be code, ways to other sites, files with names of their own, people without a key."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import Open, Waiting, empty, send, token

import plain_shop
from liftwright.api.pages import words
from liftwright.flow import people
from screens import SCREENS


@pytest.mark.parametrize("given", ["", "0" * 64, "fetched"])
@pytest.mark.parametrize("path", ["/talks", "/approvals/x", "/campaigns/x", "/data", "/sign-in", "/sign-out", "/c/t-1"])
def test_a_form_without_its_token_is_refused(waiting: Waiting, path: str, given: str) -> None:
    client, _, _ = waiting
    stolen = token(client)
    if given == "fetched":
        client.cookies.clear()
    answer = client.post(path, data={"token": stolen if given == "fetched" else given, "text": "Sell more"})
    assert answer.status_code == 403
    assert "not one of ours" in answer.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}])
def test_a_form_from_another_site_is_refused(waiting: Waiting, headers: dict[str, str]) -> None:
    client, deps, _ = waiting
    answer = client.post("/talks", data={"token": token(client), "text": "Sell more"}, headers=headers)
    assert answer.status_code == 403
    assert deps.talks.latest() == []


def test_words_of_people_and_models_stay_words(waiting: Waiting) -> None:
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
    assert client.post("/data", data={"token": token(client)}, files={"file": ("a.csv", b"x")}).status_code == 422
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
    client, deps = browse(empty(tmp_path))
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


def test_files_of_the_site_may_be_kept_for_ever_and_nothing_outside_is_given_out(
    waiting: Waiting,
) -> None:
    client, _, _ = waiting
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/").text)
    assert len(named) == 3
    for address in named:
        assert "immutable" in client.get(address).headers["cache-control"]
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert client.get(path).status_code == 404


def test_a_stranger_s_upload_and_words_go_nowhere_once_there_are_users(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    before = deps.lake.snapshot()
    given = {"token": token(client, "/sign-in"), "table": "customers", "text": "Sell more"}
    assert client.post("/data", data=given, files={"file": ("a.csv", b"customer_id\nX\n", "text/csv")}).status_code == 401
    assert client.post("/talks", data=given).status_code == 401
    assert deps.lake.snapshot() == before
    assert deps.talks.latest() == []


@pytest.mark.parametrize("path", ["/data", "/data/look"])
def test_not_a_byte_of_a_stranger_s_upload_is_read(browse: Open, path: str) -> None:
    client, deps = browse(plain_shop.furnished())
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"multipart/form-data; boundary=x"), (b"content-length", b"200000000")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "root_path": "", "scheme": "http"}
    read, told = list[str](), list[Any]()

    async def receive() -> dict[str, Any]:
        read.append("a part")
        return {"type": "http.disconnect"}

    async def send_on(message: Any) -> None:
        told.append(message)

    asyncio.run(client.app({**scope, "query_string": b"", "headers": headers}, receive, send_on))  # type: ignore[arg-type, call-arg]
    assert (told[0]["status"], read) == (401, [])


def test_a_page_leads_to_the_door_and_back_to_itself(browse: Open) -> None:
    home, campaign = plain_shop.planned()
    client, deps = browse(home)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    key = people.new_key("ada", by="ada", deps=deps)
    page = f"/explain/C000002?campaign={campaign.campaign_id}"
    door = client.get(page)
    assert door.url.path == "/sign-in"
    inside = send(client, "/sign-in", "/sign-in", name="ada", key=key, to=door.url.params["to"])
    assert str(inside.url).endswith(page)


def test_an_id_with_signs_of_an_address_stays_one_id(waiting: Waiting) -> None:
    client, _, campaign = waiting
    answer = client.get("/explain", params={"person": "a#b?c/d", "campaign": campaign.campaign_id}, follow_redirects=False)
    assert answer.headers["location"] == f"/explain/a%23b%3Fc%2Fd?campaign={campaign.campaign_id}"


@pytest.mark.parametrize("name", ["Łukasz Żółć", "李雷", 'a"b:c;d,e', "mia@shop.test"])
def test_a_name_in_any_letters_signs_in(browse: Open, name: str) -> None:
    client, deps = browse(plain_shop.furnished())
    assert send(client, "/sign-in", "/sign-in", name=name).status_code == 200
    assert words_of(client.get("/").text, name)
    people.put(name, roles=["admin"], is_active=True, by=name, deps=deps)
    key = people.new_key(name, by=name, deps=deps)
    inside = send(client, "/sign-in", "/sign-in", name=name, key=key, to="/approvals")
    assert (inside.status_code, inside.url.path) == (200, "/approvals")
    assert words_of(inside.text, name)


def words_of(page: str, name: str) -> bool:
    return f"<span>{html.escape(name).replace('&quot;', '&#34;')}</span>" in page
