"""The inbox by page: put off and brought back, decided lately, equal small questions together; assumptions changed where they stand."""

from __future__ import annotations

import re
import time
from pathlib import Path

from browsing import Open, Waiting, send, token
from fastapi.testclient import TestClient

import plain_shop
from liftwright.domain.campaign import Campaign
from liftwright.ports import Deps


def _ann(client: TestClient) -> None:
    client.cookies.set("lw_name", "Ann")


def _row(deps: Deps, campaign: Campaign) -> str:
    found = deps.approvals.pending(campaign.campaign_id)
    assert found is not None
    return found.approval_id


def test_what_is_put_off_moves_to_its_own_list_and_back(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    _ann(client)
    row = _row(deps, campaign)
    after = send(client, "/approvals/snooze", "/approvals", approval=row, until="tomorrow")
    assert after.url.query == b"show=snoozed"
    assert campaign.campaign_id in after.text
    assert "Nothing waits" in client.get("/approvals").text
    back = send(client, "/approvals/snooze", "/approvals?show=snoozed", approval=row, until="now")
    assert campaign.campaign_id in back.text
    assert "Nothing is put off" in client.get("/approvals?show=snoozed").text


def test_putting_off_what_does_not_wait_says_so(waiting: Waiting) -> None:
    client, _, _ = waiting
    _ann(client)
    answer = send(client, "/approvals/snooze", "/approvals", approval="a-nothing", until="hour")
    assert answer.status_code == 409
    assert "does not wait" in answer.text


def test_what_was_decided_is_listed_with_who_and_why(waiting: Waiting) -> None:
    client, _, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    send(client, page, page, kind="reject", plan_hash=campaign.plan_hash, by="Ann", reason="<b>no</b>")
    text = client.get("/approvals?show=done").text
    assert "&lt;b&gt;no&lt;/b&gt;" in text
    assert "<td>rejected</td>" in text.split("&lt;b&gt;no&lt;/b&gt;")[1], "what became of it"
    assert "Ann" in text


def _two_waiting(browse: Open) -> tuple[TestClient, Deps, list[Campaign]]:
    """Two plans of the same kind that wait, both of low risk."""
    home, first = plain_shop.planned()
    client, deps = browse(home)
    client.post("/v1/campaigns", json={"goal": plain_shop.GOAL.replace("14 days", "12 days")})
    campaigns = [each for each in deps.campaigns.all() if each.status == "awaiting_approval"]
    assert first.campaign_id in {each.campaign_id for each in campaigns}
    assert {row.risk for row in deps.approvals.waiting()} == {"low"}, "the group needs two low-risk plans"
    return client, deps, campaigns


def test_equal_low_risk_questions_are_decided_together_each_bound_to_its_hash(browse: Open) -> None:
    client, deps, campaigns = _two_waiting(browse)
    assert len(campaigns) == 2
    trigger = deps.approvals.waiting()[0].trigger
    link = re.search(r'href="(/approvals/group\?trigger=[^"]+)"', client.get("/approvals").text)
    assert link
    page = client.get(link[1].replace("&amp;", "&"))
    chosen = re.findall(r'name="chosen" value="([^"]+)"', page.text)
    assert len(chosen) == 2
    stale = [chosen[0], chosen[1].split(" ")[0] + " sha256:" + "0" * 64]
    answer = client.post(
        "/approvals/group",
        data={"token": token(client), "trigger": trigger, "kind": "reject", "reason": "not now", "by": "Ann", "chosen": stale},
    )
    assert answer.text.count("reject: done.") == 1
    assert answer.text.count("Not done:") == 1
    assert sorted(deps.campaigns.get(each.campaign_id).status for each in campaigns) == ["awaiting_approval", "rejected"]


def test_a_group_is_only_what_is_low_and_waits(browse: Open) -> None:
    client, deps, campaigns = _two_waiting(browse)
    row = deps.approvals.pending(campaigns[0].campaign_id)
    assert row is not None
    wrong = {"trigger": "something else", "kind": "approve", "by": "Ann", "chosen": f"{row.approval_id} {row.plan_hash}"}
    answer = send(client, "/approvals/group", **wrong)
    assert "Not done: it is not among the low-risk ones" in answer.text
    assert deps.campaigns.get(campaigns[0].campaign_id).status == "awaiting_approval"
    assert send(client, "/approvals/group", trigger="x", kind="reject", chosen="y").status_code == 409
    assert "No group" in client.get("/approvals/group?trigger=%3Cscript%3E").text


def _settled(client: TestClient, url: str) -> str:
    for _ in range(600):
        text = client.get(url).text
        if 'data-working="no"' in text:
            return text
        time.sleep(0.1)
    raise AssertionError("the talk never ended")


def test_an_assumption_is_changed_where_it_stands(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    talk = str(send(client, "/talks", text="Sell more shoes over the next 14 days by e-mail").url.path)
    text = _settled(client, talk)
    fields = re.findall(r'name="assumed" value="(\w+)"', text)
    assert "budget" in fields
    send(client, talk, talk, assumed="budget", text="300 USD")
    after = _settled(client, talk)
    assert "spend at most 300 USD" in after
    (campaign,) = deps.campaigns.all()
    plan = deps.campaigns.plan(campaign.campaign_id)
    assert plan is not None
    assert (plan.revision, str(plan.objective.budget)) == (2, "300.00 USD")
    assert "steps led to this" in after
    assert 'href="/policies"' in after


def test_words_in_a_talk_nobody_began_are_refused(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    assert send(client, "/c/t-made-up", text="hello").status_code == 404
    assert deps.talks.since("t-made-up") == []


def test_the_list_is_searched_and_filtered(waiting: Waiting) -> None:
    client, _, campaign = waiting
    path = f"/approvals/{campaign.campaign_id}"
    for query in ("", "?words=REVENUE touches", "?risk=low", f"?words={campaign.campaign_id}&risk=low"):
        assert f'href="{path}"' in client.get(f"/approvals{query}").text, query
    for query in ("?words=nowhere", "?risk=high", "?words=%3Cscript%3Ealert", "?risk=%27--"):
        text = client.get(f"/approvals{query}").text
        assert f'href="{path}"' not in text, query
        assert "Nothing like that waits" in text
    text = client.get("/approvals").text
    assert re.search(r"<td>\d+ people, [\d.]+ USD", text)


def test_a_question_of_the_strategist_waits_in_the_list_and_is_answered_there(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    client.post("/v1/campaigns", json={"goal": plain_shop.OPEN_GOAL})
    (campaign,) = deps.campaigns.all()
    text = client.get("/approvals").text
    assert "Questions of the strategist" in text
    assert campaign.question
    talk = send(client, "/talks", "/approvals", campaign=campaign.campaign_id, text="two weeks, 200 dollars").url
    _settled(client, str(talk.path))
    assert deps.campaigns.get(campaign.campaign_id).status == "awaiting_approval"
    assert "Questions of the strategist" not in client.get("/approvals").text


def test_mine_is_what_i_could_sign(browse: Open, tmp_path: Path) -> None:
    home = plain_shop.copy_of(plain_shop.planned()[0], tmp_path / "staffed")
    keys = plain_shop.staffed(home, olga=("campaign_owner",), vic=("analyst",))
    for name, count in (("olga", 1), ("vic", 0)):
        client, _ = browse(home)
        send(client, "/sign-in", "/sign-in", name=name, key=keys[name], to="/approvals")
        text = client.get("/approvals?show=mine").text
        assert f"Mine {count}" in text
        assert "Waiting 1" in text
        assert ("Nothing waits" in text) == (count == 0)
