"""Stopping the planning by page, and taking it up again; the canvas beside it."""

from __future__ import annotations

import re
import time

from browsing import Open, Waiting, send, token
from fastapi.testclient import TestClient

import plain_shop
from liftwright.flow import talking
from liftwright.ports import Deps


def _ended(deps: Deps, talk: str) -> str:
    """How a talk ended: the kind of its last event."""
    for _ in range(600):
        last = deps.talks.since(talk.removeprefix("/c/"))[-1]
        if last.kind in talking.ENDS:
            return last.kind
        time.sleep(0.1)
    raise AssertionError("the talk never ended")


def _goal(client: TestClient) -> str:
    return str(send(client, "/talks", text=plain_shop.GOAL).url.path)


def test_a_goal_is_stopped_and_goes_on_at_a_word(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    client.cookies.set("lw_name", "Ann")
    talk = _goal(client)
    asked = client.post(f"{talk}/stop", data={"token": token(client)}, headers={"x-part": "yes"}, follow_redirects=False)
    assert asked.status_code == 200
    assert "Ann asked to stop" in asked.text or "Ann stopped planning" in asked.text
    assert send(client, f"{talk}/stop").status_code == 200, "twice is once"
    assert _ended(deps, talk) == "failed"
    page = client.get(talk).text
    assert re.search(r"Ann stopped planning at the \w+", page)
    assert 'data-press="."' not in page, "there is nothing to stop any more"
    assert 'value="go on"' in page
    (campaign,) = deps.campaigns.all()
    assert "stopped planning" in client.get(f"/campaigns/{campaign.campaign_id}").text
    send(client, talk, talk, text="go on")
    assert _ended(deps, talk) == "reply"
    assert deps.campaigns.get(campaign.campaign_id).status == "awaiting_approval"
    assert len(deps.campaigns.all()) == 1
    assert client.get(talk).text.count('<li class="done"') == 6, "what was done before it was stopped counts"


def test_a_failed_agent_is_tried_again_from_where_it_was(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    talk = _goal(client)
    talking.stop(talk.removeprefix("/c/"), by="Ann", deps=deps)
    _ended(deps, talk)
    (campaign,) = deps.campaigns.all()
    for kind, told in (
        ("said", {"text": "go on", "by": "Ann"}),
        ("step", {"who": "content_writer", "what": "thinks"}),
        ("failed", {"code": "BROKEN", "says": "Something broke.", "next_step": "Say it again."}),
    ):
        deps.talks.add(talk.removeprefix("/c/"), kind, told, at=deps.now())  # type: ignore[arg-type]
    page = client.get(talk).text
    card = re.search(r'<li class="failed" data-agent="content writer">.*?</li>', page, re.S)
    assert card
    assert "Retry this agent" in card[0]
    assert "campaigns that run are not touched" in page
    send(client, talk, talk, text="go on")
    assert _ended(deps, talk) == "reply"
    assert deps.campaigns.get(campaign.campaign_id).status == "awaiting_approval"


def test_a_stop_of_nothing_and_of_no_talk_does_nothing(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    assert send(client, "/c/t-made-up/stop").status_code == 404
    assert deps.talks.since("t-made-up") == []
    deps.talks.add("t-1", "said", {"text": "who?", "by": "Ann", "campaign_id": campaign.campaign_id}, at=deps.now())
    deps.talks.add("t-1", "reply", {"text": "these", "campaign_id": campaign.campaign_id}, at=deps.now())
    assert send(client, "/c/t-1/stop").status_code == 200
    assert len(deps.talks.since("t-1")) == 2
    assert deps.campaigns.get(campaign.campaign_id).status == "awaiting_approval"


def test_the_canvas_has_every_part_of_the_plan_and_compares_revisions(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    send(client, page, page, kind="edit", plan_hash=str(campaign.plan_hash), by="Ann", **{"limits.touches": "1"})
    deps.talks.add("t-1", "said", {"text": "who?", "by": "Ann", "campaign_id": campaign.campaign_id}, at=deps.now())
    deps.talks.add("t-1", "reply", {"text": "these", "campaign_id": campaign.campaign_id}, at=deps.now())
    text = client.get("/c/t-1").text
    cards = re.findall(r'data-card="(\w+)"', text)
    assert cards == ["plan", "revisions", "assumed", "findings", "forecast", "people", "channels", "texts", "proof"]
    assert re.search(rf'href="{page}#do-approve" data-press="a"', text)
    assert "<del>" not in text
    compared = client.get("/c/t-1/part?since=1").text
    assert re.search(r"<dt>touches</dt><dd><del>.*?</del><ins>", compared)
    assert client.get("/c/t-1?since=99").status_code == 200
    assert client.get("/c/t-1?since=x").status_code == 422
