"""Keys with scopes: each is for its uses and opens nothing more, by whatever way it is shown."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import token
from calling import Call, key, refused, staff
from pydantic import SecretStr

import plain_shop
from liftwright.domain.approval import KEY_SCOPES, KeyScope
from liftwright.domain.errors import ApprovalError, ConfigError
from liftwright.flow import beginning, people, signing
from liftwright.ports import Deps

ROUTES: list[tuple[str, str, Any, KeyScope]] = [
    ("GET", "/v1/campaigns", None, "read"),
    ("GET", "/v1/campaigns/{c}", None, "read"),
    ("GET", "/v1/campaigns/{c}/report", None, "read"),
    ("GET", "/v1/approvals", None, "read"),
    ("GET", "/v1/journal", None, "read"),
    ("GET", "/v1/journal/verify", None, "read"),
    ("GET", "/v1/visitors/report", None, "read"),
    ("GET", "/v1/talks/t-none/ag-ui", None, "read"),
    ("POST", "/v1/talks", {"text": "why?", "talk_id": "t-none", "by": "leo"}, "plan"),
    ("POST", "/v1/campaigns", {"goal": plain_shop.OPEN_GOAL, "by": "leo"}, "plan"),
    ("POST", "/v1/campaigns/{c}/again?by=leo", None, "plan"),
    ("POST", "/v1/campaigns/{c}/answers", {"text": "two weeks"}, "plan"),
    ("POST", "/v1/campaigns/{c}/decisions", {"kind": "approve", "plan_hash": "sha256:x", "by": "leo"}, "decide"),
    ("POST", "/v1/campaigns/{c}/stop", {"by": "leo", "reason": "enough"}, "decide"),
    ("POST", "/v1/visitors/C000001/next-action", None, "visitors"),
    ("POST", "/v1/visitors/C000001/events", {"session": "s", "type": "click"}, "visitors"),
]


def test_every_route_takes_its_scope_and_no_other(call: Call) -> None:
    home, campaign = plain_shop.planned()
    client, deps = call(home)
    staff(deps, leo=["approver"])
    keys = {scope: key(deps, "leo", scope) for scope in KEY_SCOPES}
    both, whole = key(deps, "leo", "read", "visitors"), key(deps, "leo")
    described = client.get("/openapi.json").json()["paths"]
    assert len(ROUTES) == sum(len(path) for path in described.values())
    for method, path, body, needed in ROUTES:
        ask = {"method": method, "url": path.format(c=campaign.campaign_id), "json": body}
        for scope, shown in keys.items():
            if scope != needed:
                refused(client.request(**ask, headers=shown), 403, "KEY-SCOPE")
        if needed not in ("read", "visitors"):
            refused(client.request(**ask, headers=both), 403, "KEY-SCOPE")
        for shown in (keys[needed], whole):
            assert client.request(**ask, headers=shown).status_code in (200, 201, 404, 409, 422), path


def acting(deps: Deps, shown: dict[str, str]) -> Deps:
    from dataclasses import replace

    held = SecretStr(shown["Authorization"].removeprefix("Bearer "))
    return replace(deps, settings=deps.settings.model_copy(update={"key": held}))


def test_a_key_with_scopes_opens_no_session_and_makes_no_key(call: Call) -> None:
    client, deps = call(plain_shop.furnished())
    staff(deps, leo=["approver"])
    for scopes in (("read",), KEY_SCOPES):
        narrow = acting(deps, key(deps, "ada", *scopes))
        for attempt in (
            lambda now: people.sign_in("ada", deps=now),
            lambda now: people.new_key("ada", by="ada", deps=now),
            lambda now: people.new_key("leo", by="ada", deps=now),
            lambda now: people.put("eve", roles=["admin"], is_active=True, by="ada", deps=now),
            lambda now: people.revoke_keys("leo", by="ada", deps=now),
        ):
            with pytest.raises(ApprovalError, match="only") as refusal:
                attempt(narrow)
            assert refusal.value.code == "KEY-SCOPE"
    client.headers["accept"] = "text/html"
    narrow_key = key(deps, "ada", *KEY_SCOPES)["Authorization"].removeprefix("Bearer ")
    fields = {"token": token(client, "/sign-in"), "name": "ada", "key": narrow_key}
    answer = client.post("/sign-in", data=fields)
    assert (answer.status_code, "lw_session" in client.cookies) == (401, False)
    client.cookies.set("lw_session", f"ada:{narrow_key}", domain="shop.test")
    assert client.get("/approvals").url.path == "/sign-in"


def test_the_terminal_is_held_to_scopes_too(call: Call) -> None:
    _, deps = call(plain_shop.furnished())
    staff(deps, leo=["approver"])
    reader, planner = (acting(deps, key(deps, "leo", scope)) for scope in ("read", "plan"))
    assert beginning.asker("leo", deps=planner) == "leo"
    for now, scope in ((reader, "plan"), (reader, "decide"), (planner, "decide"), (planner, None)):
        with pytest.raises(ApprovalError) as refusal:
            signing.known("leo", deps=now, scope=scope)
        assert refusal.value.code == "KEY-SCOPE"


def test_scopes_are_written_down_and_a_made_up_one_is_refused(call: Call) -> None:
    _, deps = call(plain_shop.furnished())
    staff(deps, leo=["approver"])
    with pytest.raises(ConfigError, match="no such scope"):
        people.new_key("leo", by="ada", scopes=["everything"], deps=deps)  # type: ignore[list-item]
    made = people.new_key("leo", by="ada", scopes=["read", "plan", "read"], deps=deps)
    holder = deps.users.holder(made, now=deps.now())
    assert holder is not None
    assert (holder.name, holder.scopes) == ("leo", ("plan", "read"))
    assert deps.journal.entries()[-1].detail["scopes"] == ["plan", "read"]
    assert deps.users.holder("lw_other", now=deps.now()) is None
    people.put("leo", roles=["approver"], is_active=False, by="ada", deps=deps)
    assert deps.users.holder(made, now=deps.now()) is None


def test_strangers_are_told_no_names_once_there_are_keys(call: Call) -> None:
    client, deps = call(plain_shop.furnished())
    staff(deps, leo=["approver"])
    open_ = client.post("/v1/campaigns", json={"goal": "Sell more", "by": "eve"})
    assert "leo" in open_.json()["next_step"]
    shown = key(deps, "leo")
    assert "leo" not in client.post("/v1/campaigns", json={"goal": "Sell more", "by": "eve"}).text
    assert "leo" in client.post("/v1/campaigns", json={"goal": "Sell more", "by": "eve"}, headers=shown).text
