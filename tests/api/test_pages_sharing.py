"""What a link shows to somebody outside: one report, nothing about a person, and no way further in."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from browsing import PAGE, Waiting, send, token
from fastapi.testclient import TestClient

from liftwright.api.app import create
from liftwright.flow import people
from liftwright.flow.fresh import newest


def _shared(client: TestClient, campaign_id: str, **fields: Any) -> str:
    """The path of a new link."""
    page = f"/campaigns/{campaign_id}/share"
    answer = send(client, page, page, **({"by": "Ann", "days": "7", "role": "viewer"} | fields))
    found = re.search(r"http://shop\.test(/shared/[\w-]{43})", answer.text)
    assert answer.status_code == 200
    assert found, answer.text
    return found[1]


def test_a_link_is_seen_once_and_shows_the_report_without_a_word_about_a_person(measured: Waiting) -> None:
    client, deps, campaign = measured
    path = _shared(client, campaign.campaign_id)
    secret = path.removeprefix("/shared/")
    assert secret not in client.get(f"/campaigns/{campaign.campaign_id}/share").text
    client.cookies.clear()
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["x-robots-tag"].startswith("noindex")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "Incremental margin" in answer.text
    assert "<script" not in answer.text
    assert "<form" not in answer.text
    links = re.findall(r'href="([^#"][^"]*)"', answer.text)
    assert links == [], "no way further in"
    persons = newest(deps).people
    for column in ("customer_id", "email", "phone", "first_name", "last_name"):
        assert not [value for value in persons[column].to_pylist() if value and value in answer.text], column
    assert "Ann" not in answer.text, "who made the link is nobody's business outside"


def test_with_users_a_link_opens_the_report_and_no_other_page(measured: Waiting) -> None:
    client, deps, campaign = measured
    name = campaign.campaign_id
    path = _shared(client, name)
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    assert client.get(path).status_code == 404, "it was made by nobody of the workspace"
    people.put("eve", roles=["admin"], is_active=True, by="ada", deps=deps)
    key = people.new_key("ada", by="ada", deps=deps)
    send(client, "/sign-in", "/sign-in", name="ada", key=key)
    path = _shared(client, name)
    client.cookies.clear()
    assert client.get(path).status_code == 200
    for inside in (
        f"/explain/C000001?campaign={name}",
        f"/campaigns/{name}",
        f"/campaigns/{name}/evidence/lift",
        f"/campaigns/{name}/report.csv",
        f"/campaigns/{name}/share",
    ):
        assert client.get(inside).url.path == "/sign-in", inside
    assert client.get(f"{path}/review").status_code == 404
    assert client.get(f"{path}/../../campaigns").url.path == "/sign-in"
    assert (
        client.post(
            f"/campaigns/{name}/share", data={"token": token(client, "/sign-in"), "days": "7", "role": "viewer"}
        ).status_code
        == 401
    )
    people.put("ada", roles=["admin"], is_active=False, by="eve", deps=deps)
    assert client.get(path).status_code == 404


def test_an_approver_s_link_shows_the_plan_and_leads_to_the_door(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    path = _shared(client, campaign.campaign_id, role="approver")
    report = client.get(path)
    assert "has not begun" in report.text
    assert f'href="{path}/review"' in report.text
    answer = client.get(f"{path}/review")
    assert str(campaign.plan_hash) in answer.text
    assert "Sign in to decide" in answer.text
    assert "<form" not in answer.text
    assert answer.headers["x-robots-tag"].startswith("noindex")
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    assert client.get(f"/approvals/{campaign.campaign_id}").url.path == "/sign-in"


def test_a_link_can_be_taken_back_and_then_leads_nowhere(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/campaigns/{campaign.campaign_id}/share"
    path = _shared(client, campaign.campaign_id)
    (link,) = deps.sharing.of(campaign.campaign_id)
    assert client.get(path).status_code == 200
    assert send(client, f"{page}/revoke", page, link=link.link_id, by="Ann").status_code == 200
    gone = client.get(path)
    assert gone.status_code == 404
    assert client.get("/shared/" + "x" * 43).status_code == 404
    assert "taken back" in client.get(page).text


def test_a_link_is_where_the_settings_say_the_pages_are(waiting: Waiting) -> None:
    _, deps, campaign = waiting
    notify = deps.settings.notify.model_copy(update={"base_url": "https://lw.shop.example/app"})
    there = replace(deps, settings=deps.settings.model_copy(update={"notify": notify}))
    with TestClient(create(lambda: there), base_url="http://127.0.0.1:8000", headers=PAGE) as inside:
        page = f"/campaigns/{campaign.campaign_id}/share"
        text = send(inside, page, page, by="Ann", days="7", role="viewer").text
    assert re.search(r"https://lw\.shop\.example/app/shared/[\w-]{43}", text)


@pytest.mark.parametrize("fields", [{"days": "0"}, {"days": "91"}, {"days": "x"}, {"days": "7.5"}, {"role": "owner"}, {"by": ""}])
def test_a_wrong_order_makes_no_link(waiting: Waiting, fields: dict[str, str]) -> None:
    client, deps, campaign = waiting
    page = f"/campaigns/{campaign.campaign_id}/share"
    given = {"by": "Ann", "days": "7", "role": "viewer"} | fields
    assert send(client, page, page, **given).status_code == 422
    assert deps.sharing.of(campaign.campaign_id) == []
    assert client.get("/campaigns/c-nosuch/share").status_code == 404
