"""Words of models, customers, files and users on every page that shows them: never code, a query, a template or a path."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from access import ACCESS
from browsing import Waiting, empty, token
from calling import Call
from fastapi.testclient import TestClient

import plain_shop
from liftwright.domain.policy import Finding
from liftwright.flow import people, walk
from screens import SCREENS

NASTY = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)>{{ 9999*9973 }}<a href=javascript:alert(1)>"
)
EVALUATED = str(9999 * 9973)  # eight digits: no name made of hex digits holds them by chance
INJECTED = {
    "queries": "'; DROP TABLE campaigns; -- \" OR 1=1 -- 1) UNION SELECT digest FROM user_keys --",
    "templates": "{{ 9999*9973 }}{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}${9999*9973}#{9999*9973}",
    "paths": "../../../../etc/passwd",
    "signs": "..\\..\\%2e%2e%2f\r\nset-cookie: x=1\ud7ff\u202e\uffff",
    "nothing": "a\x00b",
    "length": "x" * 3000,
}


class Reader(HTMLParser):
    """What a browser makes of a page: its elements, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.wrong: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.scripts.append(given.get("src", ""))
        if tag in ("img", "iframe", "object", "embed", "base", "style", "math"):
            self.wrong.append(tag)
        for name, value in given.items():
            leads_out = name in ("href", "src", "action", "formaction") and not value.startswith(("/", "#"))
            if name.startswith("on") or name == "style" or leads_out:
                self.wrong.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.words += data


def harmless(client: TestClient, path: str) -> str:
    """The words of a page that is drawn whole and runs nothing but our own script."""
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text[-500:])
    page = Reader(answer.text)
    assert page.wrong == [], path
    assert all(script.startswith("/static/app.js?") for script in page.scripts), path
    assert "9999*9973" in page.words or EVALUATED not in page.words
    return page.words


def test_what_a_model_wrote_is_shown_as_it_is(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    variants = tuple(v.model_copy(update={"subject": NASTY, "body": NASTY, "call_to_action": NASTY}) for v in plan.variants)
    finding = Finding(rule="R", severity="warn", subject=NASTY, says=NASTY, fix=NASTY, source=NASTY)
    assumed = tuple(a.model_copy(update={"value": NASTY, "because": NASTY}) for a in plan.assumptions)
    changed = plan.model_copy(
        update={"revision": 2, "variants": variants, "findings": (*plan.findings, finding), "assumptions": assumed}
    )
    deps.campaigns.save_plan(changed, by=NASTY, at=deps.now(), changes={"objective": NASTY})
    deps.talks.add("t-1", "said", {"text": NASTY, "by": NASTY, "campaign": campaign.campaign_id}, at=deps.now())
    deps.talks.add("t-1", "working", {"campaign": campaign.campaign_id}, at=deps.now())
    deps.talks.add("t-1", "step", {"who": "strategist", "what": NASTY}, at=deps.now())
    deps.talks.add("t-1", "reply", {"text": NASTY, "campaign": campaign.campaign_id}, at=deps.now())
    deps.talks.add("t-2", "failed", {"says": NASTY, "next_step": NASTY}, at=deps.now())
    shown = {path: harmless(client, path) for path in (f"/approvals/{campaign.campaign_id}", "/c/t-1", "/c/t-1/part", "/c/t-2")}
    for path, text in shown.items():
        assert "<script>alert(1)</script>" in text, path
        assert "{{ 9999*9973 }}" in text, path
    for path in SCREENS:
        harmless(client, path)


async def test_what_people_asked_and_were_named_is_shown_as_it_is(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    goal = campaign.goal.model_copy(update={"text": NASTY, "asked_by": NASTY})
    deps.campaigns.create(campaign.model_copy(update={"campaign_id": "c-x", "goal": goal, "revision": 0, "plan_hash": None}))
    deps.journal.append(at=deps.now(), actor=NASTY, action=NASTY, subject=NASTY, detail={"a": NASTY})
    assert NASTY in harmless(client, "/campaigns")
    assert NASTY in harmless(client, "/journal")
    harmless(client, "/campaigns/c-x")
    client.cookies.set("lw_name", "<script>alert(1)</script>", domain="shop.test")
    assert "<script>alert(1)</script>" in harmless(client, "/approvals")
    client.cookies.delete("lw_name")
    people.put("<b>ada</b>{{ 9999*9973 }}", roles=["admin"], is_active=True, by="ada", deps=deps)
    door = harmless(client, "/sign-in?to=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "alert" not in door
    asked = await walk.start(NASTY, deps=deps, by="<b>ada</b>{{ 9999*9973 }}")
    assert asked.campaign_id


def test_what_customers_are_called_and_files_hold_is_shown_as_it_is(call: Call, tmp_path: Path) -> None:
    client, deps = call(empty(tmp_path))
    client.headers["accept"] = "text/html"
    rows = [f'C{n},"{NASTY.replace(chr(34), chr(34) * 2)}",c{n}@shop.test' for n in range(1, 30)]
    files = {
        "customers": "customer_id,first_name,email\n"
        + "\n".join([*rows, f'"{NASTY.replace(chr(34), chr(34) * 2)}",x,y@shop.test']),
        "products": 'product_id,name,category\nP1,"<script>alert(1)</script>","<img src=x onerror=alert(1)>{{ 9999*9973 }}"\n',
    }
    for table, body in files.items():
        sent = {"token": token(client), "table": table}
        answer = client.post("/data", data=sent, files={"file": (f"{NASTY}.csv", body.encode(), "text/csv")})
        assert answer.status_code == 200, answer.text
        page = Reader(answer.text)
        assert page.wrong == []
        assert "<script>alert(1)" in page.words
    assert "<img src=x onerror=alert(1)>{{ 9999*9973 }}" in harmless(client, "/")
    for path in SCREENS:
        harmless(client, path)
    assert deps.lake.snapshot() is not None


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.csv",
        "/etc/evil.csv",
        "..\\..\\evil.csv",
        "evil\x00.csv",
        "evil" * 100 + ".csv",
        ".csv",
        "evil.csv/../../x",
        "CON",
        "evil.c$v",
    ],
)
def test_a_file_s_name_is_never_a_path(call: Call, tmp_path: Path, name: str) -> None:
    client, deps = call(empty(tmp_path))
    client.headers["accept"] = "text/html"
    body = b"customer_id,email\nC1,ann@shop.test\nC2,bob@shop.test\n"
    sent = {"token": token(client), "table": "customers"}
    answer = client.post("/data", data=sent, files={"file": (name, body, "text/csv")})
    assert answer.status_code == 200, answer.text
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    assert snapshot.rows["customers"] == 2
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


@pytest.mark.slow
@pytest.mark.parametrize("text", INJECTED.values(), ids=INJECTED)
def test_text_in_any_place_is_text(call: Call, text: str) -> None:
    home, campaign = plain_shop.planned()
    client, deps = call(home)
    before = (deps.campaigns.all(), len(deps.users.all()), deps.lake.snapshot())
    given = dict.fromkeys(("text", "campaign", "by", "name", "to", "reason", "plan_hash", "changes", "table", "kind", "do"), text)
    fields = {"token": token(client)} | given
    asked = {"person": text, "campaign": text, "since": text, "after": text, "to": text, "cursor": text[:400], "limit": text}
    for (method, path), _ in ACCESS.items():
        if path.endswith("/events") and method == "GET":
            continue
        for place in (_quoted(text), campaign.campaign_id):
            to = (
                path.replace("{campaign_id}", place)
                .replace("{talk_id}", place)
                .replace("{person}", place)
                .replace("{customer_id}", place)
            )
            for more in _ways(method, path, fields, given, asked):
                answer = client.request(method, to, headers={"accept": "text/html"}, follow_redirects=False, **more)
                assert answer.status_code < 500, (method, to, answer.text[-500:])
                assert EVALUATED not in answer.text, (method, to)
                assert "root:" not in answer.text
                assert not any(value.startswith("x=1") for _, value in answer.headers.multi_items())
    known = {campaign.campaign_id for campaign in deps.campaigns.all()}
    assert known >= {campaign.campaign_id for campaign in before[0]}
    assert (len(deps.users.all()), deps.lake.snapshot()) == before[1:]
    assert deps.journal.verify()[0]
    assert deps.now() - plain_shop.NOW == timedelta(hours=1)


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text[:500].encode("utf-8", "replace"), safe="")


def _ways(method: str, path: str, fields: dict[str, str], given: dict[str, str], asked: dict[str, str]) -> list[dict[str, Any]]:
    """How a text gets into a request of this route."""
    if method == "GET":
        return [{"params": asked}, {"params": {name: asked[name] for name in ("person", "campaign", "to")}}]
    if path.startswith("/v1/"):
        body = {"goal": given["text"], "session": given["text"], "type": "click", "product_id": given["text"]} | given
        shapes = (("goal", "by"), ("text",), ("kind", "plan_hash", "by", "reason"), ("by", "reason"), ("session",))
        ways: list[dict[str, Any]] = [{"json": {name: body[name] for name in shape}} for shape in shapes]
        ways.append(
            {"json": {"kind": "edit", "plan_hash": "sha256:x", "by": body["by"], "changes": {body["text"]: body["text"]}}}
        )
        return [*ways, {"json": {"session": "s", "type": "click", "product_id": body["text"]}}, {"params": {"by": body["by"]}}]
    kinds = ("approve", "edit", "reject", "respond") if path.startswith("/approvals") else ("pause", "resume", "stop", "again")
    return [{"data": fields | {"kind": kind, "do": kind}} for kind in kinds] if "{campaign" in path else [{"data": fields}]
