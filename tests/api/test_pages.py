"""The pages over one small shop: every screen is drawn from what is stored, and forms do what they say, once."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from browsing import Open, Waiting, empty, send, token

import plain_shop
from liftwright.ports import Deps
from screens import SCREENS


@pytest.mark.parametrize("path", SCREENS)
def test_every_screen_is_a_page_of_ours_and_lets_no_other_code_in(waiting: Waiting, path: str) -> None:
    client, _, _ = waiting
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert "<h1" in answer.text
    assert '<html lang="en">' in answer.text
    assert not re.search(r"https?://(?!www\.w3\.org)", answer.text.split("</head>")[0])
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


@pytest.mark.parametrize("path", [*SCREENS, "/approvals/c-1", "/campaigns/c-1", "/c/t-1"])
def test_an_empty_workspace_says_what_to_do_or_that_there_is_no_such_thing(browse: Open, tmp_path: Path, path: str) -> None:
    client, _ = browse(empty(tmp_path))
    answer = client.get(path)
    assert answer.status_code == (404 if "-1" in path else 200)
    assert "Traceback" not in answer.text


def test_the_review_shows_findings_first_and_the_very_hash_it_approves(waiting: Waiting) -> None:
    client, _, campaign = waiting
    text = client.get(f"/approvals/{campaign.campaign_id}").text
    assert text.index(">Findings<") < text.index(">Key figures<") < text.index(">Texts<")
    assert str(campaign.plan_hash) in text
    assert "Approve exactly this" in text


def test_approving_runs_it_and_saying_it_twice_runs_it_once(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = {"kind": "approve", "plan_hash": str(campaign.plan_hash), "by": "Ann", "token": token(client, page)}
    first = client.post(page, data=fields)
    planned = deps.ledger.counts(campaign.campaign_id)["planned"]
    second = client.post(page, data=fields)
    assert (first.status_code, first.url.path) == (200, page)
    assert deps.campaigns.get(campaign.campaign_id).status == "running"
    assert second.status_code == 409
    assert deps.ledger.counts(campaign.campaign_id)["planned"] == planned > 0


def test_what_a_revision_changed_is_shown_word_by_word_with_its_reason(waiting: Waiting) -> None:
    client, _, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = {"plan_hash": str(campaign.plan_hash), "by": "Ann", "reason": "once <b>is</b> enough"}
    text = send(client, page, page, kind="edit", changes="limits.touches = 1", **fields).text
    assert "What changed since revision 1" in text
    assert re.search(r"<dt>touches</dt><dd><del>.*?</del><ins>", text)
    assert "because: once &lt;b&gt;is&lt;/b&gt; enough" in text
    for odd in ("?since=99", "?since=-1", "?since=2"):
        assert "What changed since revision 1" in client.get(page + odd).text
    assert client.get(f"{page}?since=x").status_code == 422


def test_a_stale_decision_is_answered_with_what_changed(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    old = {"plan_hash": str(campaign.plan_hash), "by": "Ann"}
    assert send(client, page, page, kind="edit", changes="limits.touches = 1", **old).status_code == 200
    late = send(client, page, page, kind="approve", **old)
    assert late.status_code == 409
    assert "Changed since" in late.text
    assert deps.ledger.counts(campaign.campaign_id)["planned"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "launch"},
        {"kind": "edit", "changes": "no sign here"},
        {"kind": "edit", "changes": "plan_hash = 1"},
        {"kind": "reject"},
    ],
)
def test_a_decision_that_makes_no_sense_changes_nothing_and_says_why(waiting: Waiting, fields: dict[str, str]) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    answer = send(client, page, page, plan_hash=str(campaign.plan_hash), by="Ann", **fields)
    assert answer.status_code in (409, 422)
    assert "problem" in answer.text
    assert deps.campaigns.get(campaign.campaign_id).plan_hash == campaign.plan_hash


def test_a_goal_becomes_a_talk_with_every_step_and_a_plan_that_waits(browse: Open) -> None:
    client, deps = browse(plain_shop.furnished())
    answer = send(client, "/talks", text=plain_shop.GOAL)
    talk = answer.url.path
    assert talk.startswith("/c/t-")
    assert 'role="log"' in answer.text
    kinds = _finished(deps, talk.removeprefix("/c/"))
    assert (kinds[0], kinds[1], kinds[-1]) == ("said", "working", "reply")
    assert kinds.count("step") > 6
    page = client.get(talk).text
    assert "Review and decide" in page
    assert page.count('<li class="done"') == 6


def _finished(deps: Deps, talk_id: str, seconds: float = 60) -> list[str]:
    """Kinds of a talk's events once it was answered."""
    for _ in range(int(seconds * 10)):
        kinds = [str(event.kind) for event in deps.talks.since(talk_id)]
        if kinds and kinds[-1] in ("reply", "failed"):
            return kinds
        time.sleep(0.1)
    raise AssertionError(f"no answer after {seconds} s")


def test_a_question_about_a_waiting_plan_starts_nothing_new(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    answer = send(client, "/talks", text="who is left out?", campaign=campaign.campaign_id)
    _finished(deps, answer.url.path.removeprefix("/c/"))
    assert len(deps.campaigns.all()) == 1
    assert "left out" in client.get(answer.url.path).text.lower()


def test_a_form_sent_by_our_script_is_answered_with_the_part_that_changed_and_worked_on_all_the_same(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    begun = send(client, "/talks", text="who is left out?", campaign=campaign.campaign_id)
    talk = begun.url.path
    _finished(deps, talk.removeprefix("/c/"))
    given = {"token": token(client), "text": "and what could go wrong?"}
    part = client.post(talk, data=given, headers={"x-part": "yes"}, follow_redirects=False)
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<div class="split"')
    assert "and what could go wrong?" in part.text
    assert 'data-working="yes"' in part.text
    assert _finished(deps, talk.removeprefix("/c/")).count("reply") == 2
    wrong = client.post(talk, data={**given, "text": " "}, headers={"x-part": "yes"}, follow_redirects=False)
    assert wrong.status_code == 422


def test_why_this_person_names_every_option_and_what_forbids_it(waiting: Waiting) -> None:
    client, _, campaign = waiting
    answer = client.get("/explain", params={"person": "C000002", "campaign": campaign.campaign_id})
    assert answer.url.path == "/explain/C000002"
    assert "Why C000002?" in answer.text
    assert '<th scope="col" class="n">Worth</th>' in answer.text
    assert client.get(f"/explain/<script>?campaign={campaign.campaign_id}").status_code in (404, 422)


def test_what_a_running_campaign_does_and_causes_is_shown_and_it_can_be_stopped(browse: Open) -> None:
    home, campaign = plain_shop.launched()
    client, deps = browse(home)
    page = f"/campaigns/{campaign.campaign_id}"
    text = client.get(page).text
    assert "Incremental margin" in text
    assert "<lw-band>" in text or "not measurable yet" in text
    assert send(client, page, page, do="stop", by="Ann", reason="").status_code == 422
    assert send(client, page, page, do="stop", by="Ann", reason="enough").status_code == 200
    assert deps.campaigns.get(campaign.campaign_id).status == "stopped"
