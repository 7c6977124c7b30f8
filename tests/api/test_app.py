"""The HTTP API over one small shop: what it shows, what it refuses, and that a refusal is a problem document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import plain_shop
from liftwright.api.app import create
from liftwright.domain.campaign import Campaign
from liftwright.flow import people
from liftwright.ports import Deps

Serve = Callable[..., TestClient]
LATER = timedelta(hours=1)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A client of the API on a copy of a workspace."""
    opened: list[tuple[TestClient, Deps]] = []

    def over(home: Path, *, after: timedelta = LATER) -> TestClient:
        deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=lambda: plain_shop.NOW + after)
        opened.append((TestClient(create(lambda: deps), base_url="http://shop.test"), deps))
        return opened[-1][0]

    yield over
    for client, deps in opened:
        client.close()
        plain_shop.close(deps)


@pytest.fixture
def waiting(serve: Serve) -> tuple[TestClient, Campaign]:
    """A client, and the campaign that waits for approval."""
    home, campaign = plain_shop.planned()
    return serve(home), campaign


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The body of a refusal, checked for its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "next_step"}
    assert body["status"] == status
    assert body["detail"]
    assert body["next_step"]
    return body


def decision(plan_hash: str | None, *, kind: str = "approve", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "plan_hash": plan_hash, "by": "Ann"} | more


def test_campaigns_are_listed_and_shown(waiting: tuple[TestClient, Campaign]) -> None:
    client, campaign = waiting
    (row,) = client.get("/v1/campaigns").json()
    assert (row["campaign_id"], row["status"]) == (campaign.campaign_id, "awaiting_approval")
    shown = client.get(f"/v1/campaigns/{campaign.campaign_id}")
    assert shown.status_code == 200
    assert shown.json()["plan_hash"] == campaign.plan_hash
    assert shown.json()["sends"]["planned"] == 0
    (asked,) = client.get("/v1/approvals").json()
    assert asked["plan_hash"] == campaign.plan_hash


def test_a_goal_is_started_asked_about_and_answered(serve: Serve) -> None:
    client = serve(plain_shop.furnished())
    started = client.post("/v1/campaigns", json={"goal": plain_shop.OPEN_GOAL})
    assert started.status_code == 201
    assert started.json()["status"] == "needs_answer"
    campaign = started.json()["campaign_id"]
    assert problem(client.post(f"/v1/campaigns/{campaign}/answers", json={"text": " "}), 422)["title"] == "ANSWER-EMPTY"
    answered = client.post(f"/v1/campaigns/{campaign}/answers", json={"text": "two weeks, 100 dollars, by e-mail"})
    assert answered.status_code == 200
    assert answered.json()["status"] == "awaiting_approval"
    late = client.post(f"/v1/campaigns/{campaign}/answers", json={"text": "three weeks"})
    assert problem(late, 409)["title"] == "APPROVAL-WAITS"


def test_a_stale_hash_is_a_conflict_and_the_right_one_launches_once(waiting: tuple[TestClient, Campaign]) -> None:
    client, campaign = waiting
    path = f"/v1/campaigns/{campaign.campaign_id}/decisions"
    refused = problem(client.post(path, json=decision("sha256:" + "0" * 64)), 409)
    assert refused["title"] == "APPROVAL-STALE"
    assert str(campaign.plan_hash) in refused["next_step"]
    assert client.get(f"/v1/campaigns/{campaign.campaign_id}").json()["sends"]["planned"] == 0
    approved = client.post(path, json=decision(campaign.plan_hash))
    assert approved.status_code == 200
    assert approved.json()["sends"]["planned"] > 0
    assert [taken["by"] for taken in approved.json()["decided"]] == ["Ann"]
    assert problem(client.post(path, json=decision(campaign.plan_hash)), 409)["title"] == "APPROVAL-NOTHING-WAITS"


def test_an_edit_and_a_wrong_edit(waiting: tuple[TestClient, Campaign]) -> None:
    client, campaign = waiting
    path = f"/v1/campaigns/{campaign.campaign_id}/decisions"
    wrong = client.post(path, json=decision(campaign.plan_hash, kind="edit", changes={"a.b": "1"}))
    assert problem(wrong, 422)["title"] == "EDIT-PATH"
    edited = client.post(path, json=decision(campaign.plan_hash, kind="edit", changes={"limits.touches": "1"}))
    assert edited.status_code == 200
    assert edited.json()["revision"] == 2


def test_an_expired_approval_is_a_conflict(serve: Serve) -> None:
    home, campaign = plain_shop.planned()
    client = serve(home, after=timedelta(days=4))
    path = f"/v1/campaigns/{campaign.campaign_id}/decisions"
    assert problem(client.post(path, json=decision(campaign.plan_hash)), 409)["title"] == "APPROVAL-EXPIRED"
    shown = client.get(f"/v1/campaigns/{campaign.campaign_id}").json()
    assert (shown["status"], shown["sends"]["planned"]) == ("expired", 0)
    again = client.post(f"/v1/campaigns/{campaign.campaign_id}/again").json()
    assert again["campaign_id"] != campaign.campaign_id
    assert problem(client.post(f"/v1/campaigns/{again['campaign_id']}/again"), 409)["title"] == "AGAIN-OPEN"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/campaigns/c-nosuch", None),
        ("GET", "/v1/campaigns/c-nosuch/report", None),
        ("POST", "/v1/campaigns/c-nosuch/decisions", decision("sha256:x")),
        ("POST", "/v1/campaigns/c-nosuch/answers", {"text": "two weeks"}),
        ("POST", "/v1/campaigns/c-nosuch/stop", {"by": "Ann", "reason": "enough"}),
        ("POST", "/v1/visitors/nobody/next-action", None),
        ("GET", "/v1/nothing", None),
    ],
)
def test_what_does_not_exist_is_404(waiting: tuple[TestClient, Campaign], method: str, path: str, body: Any) -> None:
    client, _ = waiting
    problem(client.request(method, path, json=body), 404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/campaigns", {}),
        ("/v1/campaigns", {"goal": 7}),
        ("/v1/campaigns", {"goal": "Sell more", "plan_hash": "x"}),
        ("/v1/campaigns/c-1/decisions", decision("x", kind="launch")),
        ("/v1/campaigns/c-1/decisions", {"kind": "approve", "by": "Ann"}),
        ("/v1/campaigns/c-1/stop", {"by": "Ann"}),
    ],
)
def test_a_request_of_the_wrong_form_is_422(waiting: tuple[TestClient, Campaign], path: str, body: Any) -> None:
    client, _ = waiting
    assert problem(client.post(path, json=body), 422)["next_step"] == "See /openapi.json."


def test_a_wrong_method_is_405(waiting: tuple[TestClient, Campaign]) -> None:
    client, _ = waiting
    problem(client.delete("/v1/campaigns"), 405)


def test_a_running_campaign_reports_and_stops(serve: Serve) -> None:
    home, campaign = plain_shop.launched()
    client = serve(home, after=timedelta(days=1))
    report = client.get(f"/v1/campaigns/{campaign.campaign_id}/report")
    assert report.status_code == 200
    assert report.json()["approved_hash"] == campaign.plan_hash
    stopped = client.post(f"/v1/campaigns/{campaign.campaign_id}/stop", json={"by": "Ann", "reason": "enough"})
    assert stopped.json()["cancelled"] > 0
    assert client.get(f"/v1/campaigns/{campaign.campaign_id}").json()["status"] == "stopped"


def test_a_report_before_the_launch_is_refused(waiting: tuple[TestClient, Campaign]) -> None:
    client, campaign = waiting
    assert problem(client.get(f"/v1/campaigns/{campaign.campaign_id}/report"), 422)["title"] == "REPORT-NOT-LAUNCHED"


def test_a_visitors_next_action_is_a_choice_with_terms_that_add_up(waiting: tuple[TestClient, Campaign]) -> None:
    client, _ = waiting
    found = client.post("/v1/visitors/C000001/next-action").json()
    assert found["person"] == "C000001"
    assert found["action"] in {option["action"] for option in found["options"]}
    assert 0.0 < found["propensity"] <= 1.0
    for option in found["options"]:
        assert sum(option["terms"].values()) == pytest.approx(option["value"], abs=1e-6)
    denied = client.post("/v1/visitors/C000010/next-action").json()
    email = [option for option in denied["options"] if option["action"].startswith("email:")]
    assert email
    assert all(not option["allowed"] and option["blocked_by"] for option in email)
    assert not denied["action"].startswith("email:")


def test_what_a_visitor_does_is_taken_down_and_wrong_events_are_refused(waiting: tuple[TestClient, Campaign]) -> None:
    client, _ = waiting
    path = "/v1/visitors/C000001/events"
    first = client.post(path, json={"session": "s", "type": "page_view", "event_id": "e1"})
    assert (first.status_code, first.json()) == (201, {"person": "C000001", "event_id": "e1", "new": True})
    assert client.post(path, json={"session": "s", "type": "page_view", "event_id": "e1"}).json()["new"] is False
    assert client.post("/v1/visitors/C000001/next-action", json={"session": "s"}).status_code == 200
    for wrong in ({}, {"session": "", "type": "click"}, {"session": "s", "type": "fly"}, {"session": "s" * 101, "type": "click"}):
        problem(client.post(path, json=wrong), 422)
    problem(client.post(path, json={"session": "s", "type": "click", "product_id": "nothing"}), 404)
    problem(client.post("/v1/visitors/nobody/events", json={"session": "s", "type": "click"}), 404)


def test_the_journal_is_verified(waiting: tuple[TestClient, Campaign]) -> None:
    client, _ = waiting
    found = client.get("/v1/journal/verify").json()
    assert found["ok"] is True
    assert found["entries"] >= 2


def test_openapi_describes_every_route(waiting: tuple[TestClient, Campaign]) -> None:
    client, _ = waiting
    described = client.get("/openapi.json").json()
    assert described["info"]["title"] == "Liftwright"
    assert set(described["paths"]) == {
        "/v1/campaigns",
        "/v1/campaigns/{campaign_id}",
        "/v1/campaigns/{campaign_id}/again",
        "/v1/campaigns/{campaign_id}/answers",
        "/v1/campaigns/{campaign_id}/decisions",
        "/v1/campaigns/{campaign_id}/stop",
        "/v1/campaigns/{campaign_id}/report",
        "/v1/approvals",
        "/v1/journal",
        "/v1/journal/verify",
        "/v1/talks",
        "/v1/talks/{talk_id}/ag-ui",
        "/v1/visitors/report",
        "/v1/visitors/{customer_id}/next-action",
        "/v1/visitors/{customer_id}/events",
    }


def test_a_user_shows_their_key_with_each_request(serve: Serve, tmp_path: Path) -> None:
    home, campaign = plain_shop.planned()
    staffed = plain_shop.copy_of(home, tmp_path / "staffed")
    deps = plain_shop.open_shop(staffed)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    people.put("leo", roles=["approver", "compliance"], is_active=True, by="ada", deps=deps)
    key = people.new_key("leo", by="ada", deps=deps)
    plain_shop.close(deps)
    client = serve(staffed)
    path, body = f"/v1/campaigns/{campaign.campaign_id}/decisions", decision(campaign.plan_hash) | {"by": "leo"}
    for headers in ({}, {"Authorization": f"Basic {key}"}, {"Authorization": "Bearer lw_guess"}):
        assert problem(client.post(path, json=body, headers=headers), 401)["title"] == "USER-KEY"
    assert problem(client.post(path, json=body | {"by": "eve"}), 401)["title"] == "USER-UNKNOWN"
    assert problem(client.post("/v1/campaigns", json={"goal": "Sell more shoes"}), 401)["title"] == "USER-UNKNOWN"
    answer = client.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    assert key not in answer.text


def test_once_there_are_keys_only_users_look(serve: Serve, tmp_path: Path) -> None:
    home, campaign = plain_shop.planned()
    staffed = plain_shop.copy_of(home, tmp_path / "staffed")
    deps = plain_shop.open_shop(staffed)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    key = people.new_key("ada", by="ada", deps=deps)
    plain_shop.close(deps)
    client = serve(staffed)
    one = f"/v1/campaigns/{campaign.campaign_id}"
    reads = ["/v1/campaigns", one, f"{one}/report", "/v1/approvals", "/v1/journal/verify", "/v1/visitors/report"]
    writes = [(f"{one}/answers", {"text": "shoes"}), ("/v1/visitors/C000001/next-action", None)]
    for headers in ({}, {"Authorization": "Bearer lw_guess"}):
        for path in reads:
            assert problem(client.get(path, headers=headers), 401)["title"] == "USER-KEY", path
        for path, body in writes:
            assert problem(client.post(path, json=body, headers=headers), 401)["title"] == "USER-KEY", path
    assert (
        client.get("/v1/approvals", headers={"Authorization": f"Bearer {key}"}).json()[0]["campaign_id"] == campaign.campaign_id
    )
    assert client.get("/openapi.json").status_code == 200
