"""How much and how often: buckets fill evenly, made-up keys bring none of their own, and a refusal says when to come back."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import token
from calling import Call, Ticks, key, refused, staff
from hypothesis import given
from hypothesis import strategies as st

import plain_shop
from liftwright.api.buckets import MOST, Buckets
from liftwright.flow import sharing


def limited(call: Call, ticks: Ticks, **server: int) -> Any:
    return call(plain_shop.furnished(), ticks=ticks, server={"requests_per_minute": 3} | server)


def test_too_many_requests_are_told_when_to_come_back(call: Call) -> None:
    ticks = Ticks()
    client, _ = limited(call, ticks)
    left = [client.get("/v1/campaigns").headers["ratelimit"] for _ in range(3)]
    assert left == ['"requests";r=2;t=0', '"requests";r=1;t=0', '"requests";r=0;t=20']
    answer = client.get("/v1/campaigns")
    refused(answer, 429, "RATE")
    assert (answer.headers["retry-after"], answer.headers["ratelimit-policy"]) == ("20", '"requests";q=3;w=60')
    assert answer.headers["x-content-type-options"] == "nosniff"
    ticks.at = 19.9
    refused(client.get("/approvals"), 429, "RATE")
    ticks.at = 20.1
    assert client.get("/v1/campaigns").status_code == 200
    refused(client.get("/v1/campaigns"), 429, "RATE")


def test_files_of_the_site_cost_nothing_and_zero_is_no_limit(call: Call) -> None:
    client, _ = limited(call, Ticks())
    for _ in range(9):
        assert client.get("/static/app.css").status_code == 200
    free, _ = call(plain_shop.furnished(), server={"requests_per_minute": 0})
    for _ in range(9):
        assert "ratelimit" not in free.get("/v1/campaigns").headers


def test_visitors_of_a_site_are_counted_for_themselves(call: Call) -> None:
    client, _ = limited(call, Ticks(), visitor_requests_per_minute=4)
    asked = [client.post(f"/v1/visitors/C00000{n}/next-action", json={"session": "s"}) for n in range(1, 6)]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 200, 429]
    assert asked[0].headers["ratelimit-policy"] == '"visitors";q=4;w=60'
    assert client.get("/v1/campaigns").status_code == 200


def test_a_key_that_holds_has_a_bucket_of_its_own_and_a_made_up_one_has_none(call: Call) -> None:
    client, deps = limited(call, Ticks())
    staff(deps, leo=["approver"])
    leo = key(deps, "leo")
    assert client.get("/v1/campaigns", headers=leo).status_code == 200
    for number in range(2):
        made_up = {"Authorization": f"Bearer lw_{number}"}
        refused(client.get("/v1/campaigns", headers=made_up), 401, "USER-KEY")
    refused(client.get("/v1/campaigns", headers={"Authorization": "Bearer lw_9"}), 429, "RATE")
    assert [client.get("/v1/campaigns", headers=leo).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_signing_in_may_be_tried_ten_times_a_minute_from_one_address(call: Call) -> None:
    ticks = Ticks()
    client, deps = call(plain_shop.furnished(), ticks=ticks)
    staff(deps)
    key(deps, "ada")
    client.headers["accept"] = "text/html"
    fields = {"token": token(client, "/sign-in"), "name": "ada", "key": "lw_guess"}
    assert [client.post("/sign-in", data=fields).status_code for _ in range(11)] == [401] * 10 + [429]
    assert client.get("/sign-in").status_code == 200
    ticks.at = 6.1
    assert client.post("/sign-in", data=fields).status_code == 401


def test_links_are_opened_thirty_times_a_minute_from_one_address_right_or_wrong(call: Call) -> None:
    ticks = Ticks()
    home, campaign = plain_shop.planned()
    client, deps = call(home, ticks=ticks)
    right, _ = sharing.make(campaign.campaign_id, by="Ann", days=7, role="viewer", deps=deps)
    tried = ["wrong", right, "x" * 43] * 10
    assert [client.get(f"/shared/{token}").status_code for token in tried] == [404, 200, 404] * 10
    answers = [client.get(f"/shared/{token}") for token in ("wrong", right)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].content == answers[1].content, "nobody learns by it which token is right"
    assert client.get("/v1/campaigns").status_code == 200, "the other doors are open"
    ticks.at = 2.1
    assert client.get(f"/shared/{right}").status_code == 200


@pytest.mark.parametrize("path", ["/v1/campaigns", "/talks", "/sign-in"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(call: Call, path: str) -> None:
    client, _ = call(plain_shop.furnished())
    refused(client.post(path, content=b"x" * 1_000_001), 413, "REQUEST-SIZE")
    refused(client.post(path, content=b"x", headers={"content-length": "9" * 30}), 413, "REQUEST-SIZE")


def test_a_body_that_is_longer_than_it_said_is_refused_too(call: Call) -> None:
    client, deps = call(plain_shop.furnished())
    chunks = (b'{"goal": "' if n == 0 else b"x" * 65_536 for n in range(40))
    answer = client.post("/v1/campaigns", content=chunks, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 413)
    chunks = (b"x" * 65_536 for _ in range(40))
    refused(client.post("/v1/campaigns", content=chunks, headers={"idempotency-key": "k"}), 413, "REQUEST-SIZE")
    assert deps.campaigns.all() == []


@given(st.lists(st.floats(0, 200), max_size=60), st.integers(1, 50))
def test_no_more_than_a_bucket_and_what_filled_it_since_ever_passes(gaps: list[float], per_minute: int) -> None:
    ticks = Ticks()
    buckets, passed = Buckets(ticks), 0
    for gap in gaps:
        ticks.at += gap
        allowed = buckets.take("a", per_minute=per_minute)
        passed += allowed.is_allowed
        assert passed <= per_minute + ticks.at * per_minute / 60 + 1e-6
        if not allowed.is_allowed:
            assert allowed.wait >= 1
            ticks.at += allowed.wait
            assert buckets.take("a", per_minute=per_minute).is_allowed
            passed += 1


def test_callers_are_forgotten_before_they_fill_the_memory_and_one_network_is_one_caller() -> None:
    buckets = Buckets(Ticks())
    for number in range(MOST + 10):
        buckets.take(f"from {number}", per_minute=1)
        buckets.trust(str(number))
    assert len(buckets._filled) == len(buckets._trusted) == MOST
    assert (
        buckets.caller(None, "2001:db8::1") == buckets.caller("made-up", "2001:db8::ffff") != buckets.caller(None, "2001:db9::1")
    )
    assert buckets.caller(None, "testclient") == "from testclient"
