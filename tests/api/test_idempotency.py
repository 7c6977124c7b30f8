"""`Idempotency-Key`: what was sent twice is done once, whoever serves it; another body, another caller and a request at work are told apart."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from calling import Call, key, refused, staff
from fastapi.testclient import TestClient

import plain_shop
from liftwright.api.app import create
from liftwright.domain.errors import ProviderError
from liftwright.flow import stopping, visitor

EVENTS = "/v1/visitors/C000001/events"
CLICK = {"session": "s", "type": "click"}


def once(name: str = "k-1", **more: str) -> dict[str, str]:
    return {"Idempotency-Key": name} | more


@pytest.fixture
def two(call: Call) -> tuple[TestClient, TestClient, Any]:
    """Two servers over one workspace."""
    client, deps = call(plain_shop.planned()[0])
    return client, TestClient(create(lambda: deps), base_url="http://shop.test"), deps


def test_a_goal_sent_twice_to_two_servers_is_one_campaign(two: Any) -> None:
    first_server, second_server, deps = two
    before = len(deps.campaigns.all())
    first = first_server.post("/v1/campaigns", json={"goal": plain_shop.OPEN_GOAL}, headers=once())
    again = second_server.post("/v1/campaigns", json={"goal": plain_shop.OPEN_GOAL}, headers=once())
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(deps.campaigns.all()) == before + 1
    other = first_server.post("/v1/campaigns", json={"goal": plain_shop.OPEN_GOAL}, headers=once("k-2"))
    assert "idempotency-replayed" not in other.headers


def test_a_decision_sent_twice_is_decided_once_and_answered_alike(call: Call) -> None:
    home, campaign = plain_shop.planned()
    client, deps = call(home)
    path = f"/v1/campaigns/{campaign.campaign_id}/decisions"
    body = {"kind": "approve", "plan_hash": campaign.plan_hash, "by": "Ann"}
    first, again = (client.post(path, json=body, headers=once()) for _ in range(2))
    assert (first.status_code, again.status_code, again.content == first.content) == (200, 200, True)
    assert len(deps.approvals.decisions(campaign.campaign_id)) == 1
    stop = f"/v1/campaigns/{campaign.campaign_id}/stop"
    stopped = [client.post(stop, json={"by": "Ann", "reason": "enough"}, headers=once()) for _ in range(2)]
    assert stopped[0].json()["cancelled"] == stopped[1].json()["cancelled"] > 0


def test_a_refusal_of_what_was_asked_is_answered_again_too(call: Call) -> None:
    client, _ = call(plain_shop.planned()[0])
    for _ in range(2):
        answer = client.post("/v1/visitors/nobody/events", json=CLICK, headers=once())
        refused(answer, 404, "PERSON-UNKNOWN")
    assert answer.headers["idempotency-replayed"] == "true"


def test_the_same_key_for_something_else_is_refused_and_on_another_route_it_is_another_request(call: Call) -> None:
    client, _ = call(plain_shop.planned()[0])
    assert client.post(EVENTS, json=CLICK, headers=once()).status_code == 201
    refused(client.post(EVENTS, json=CLICK | {"session": "t"}, headers=once()), 422, "IDEMPOTENCY-REUSED")
    assert client.post("/v1/visitors/C000002/events", json=CLICK, headers=once()).json()["person"] == "C000002"
    campaign = plain_shop.planned()[1].campaign_id
    assert client.post(f"/v1/campaigns/{campaign}/again", headers=once()).status_code == 409
    refused(client.post(f"/v1/campaigns/{campaign}/again?by=Ann", headers=once()), 422, "IDEMPOTENCY-REUSED")


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x01b"])
def test_a_key_that_is_none_is_refused(call: Call, name: str) -> None:
    client, _ = call(plain_shop.planned()[0])
    refused(client.post(EVENTS, json=CLICK, headers=once(name)), 422, "IDEMPOTENCY-KEY")


def test_while_one_is_at_work_the_next_is_told_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = call(plain_shop.launched()[0])
    campaign = plain_shop.launched()[1].campaign_id
    begun, go_on, real = threading.Event(), threading.Event(), stopping.stop

    def slowly(*args: Any, **more: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return real(*args, **more)

    monkeypatch.setattr(stopping, "stop", slowly)
    answers: list[Any] = []
    body, path = {"by": "Ann", "reason": "enough"}, f"/v1/campaigns/{campaign}/stop"
    first = threading.Thread(target=lambda: answers.append(client.post(path, json=body, headers=once())))
    first.start()
    assert begun.wait(30)
    refused(client.post(path, json=body, headers=once()), 409, "IDEMPOTENCY-BUSY")
    go_on.set()
    first.join()
    assert client.post(path, json=body, headers=once()).content == answers[0].content


def test_what_broke_may_be_sent_again(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = call(plain_shop.planned()[0])

    def down(*args: Any, **more: Any) -> Any:
        raise ProviderError("MODEL-DOWN", "It does not answer.", next_step="Try again later.")

    def broken(*args: Any, **more: Any) -> Any:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(visitor, "saw", down)
        refused(client.post(EVENTS, json=CLICK, headers=once()), 503, "MODEL-DOWN")
        patched.setattr(visitor, "saw", broken)
        with pytest.raises(RuntimeError, match="a bug"):
            client.post(EVENTS, json=CLICK, headers=once())
    assert client.post(EVENTS, json=CLICK, headers=once()).status_code == 201


def test_an_answer_is_for_who_asked_and_never_for_a_key_that_ended(call: Call) -> None:
    client, deps = call(plain_shop.planned()[0])
    staff(deps, leo=["approver"], mia=["marketer"])
    leo, mia = key(deps, "leo"), key(deps, "mia")
    sent = {"json": CLICK | {"event_id": "e"}}
    assert client.post(EVENTS, headers=once(**leo), **sent).json()["new"] is True
    assert client.post(EVENTS, headers=once(**mia), **sent).json()["new"] is False
    assert client.post(EVENTS, headers=once(**leo), **sent).json()["new"] is True
    assert client.post(EVENTS, headers=once(**key(deps, "leo")), **sent).headers["idempotency-replayed"] == "true"
    deps.users.revoke_keys("leo", by="ada", now=deps.now())
    refused(client.post(EVENTS, headers=once(**leo), **sent), 401, "USER-KEY")
    refused(client.post(EVENTS, headers=once(), **sent), 401, "USER-KEY")


def test_a_refusal_of_who_asked_is_not_kept(call: Call) -> None:
    client, deps = call(plain_shop.planned()[0])
    staff(deps, leo=["approver"])
    narrow = key(deps, "leo", "read")
    refused(client.post(EVENTS, json=CLICK, headers=once(**narrow)), 403, "KEY-SCOPE")
    answer = client.post(EVENTS, json=CLICK, headers=once(**narrow))
    refused(answer, 403, "KEY-SCOPE")
    assert "idempotency-replayed" not in answer.headers


def test_an_answer_is_kept_for_a_day(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    client, deps = call(plain_shop.planned()[0])
    at = [deps.now()]
    object.__setattr__(deps, "now", lambda: at[0])
    sent = {"json": CLICK | {"event_id": "e"}, "headers": once()}
    assert client.post(EVENTS, **sent).json()["new"] is True
    at[0] += timedelta(hours=23)
    assert client.post(EVENTS, **sent).json()["new"] is True
    at[0] += timedelta(hours=1)
    assert client.post(EVENTS, **sent).json()["new"] is False
