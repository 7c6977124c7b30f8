"""Autonomy by page: steps proposed, signed by two people, refused and drilled by the rules of the ladder, and by no other way."""

from __future__ import annotations

import re

import pytest
from browsing import Open, send
from calling import staff
from fastapi.testclient import TestClient
from test_pages_settings import _entered as entered

import past_wins
import plain_shop
from liftwright.flow import drill, ladder
from liftwright.ports import Deps

HERE = "/settings/autonomy"
CELL = "models/email/small"


@pytest.fixture
def proven(browse: Open) -> tuple[TestClient, Deps, str]:
    """A running campaign, two like it that won, and a drill that passed."""
    home, campaign = plain_shop.launched()
    client, deps = browse(home)
    for number in (1, 2):
        past_wins.past(campaign.campaign_id, number, deps=deps)
    drill.drill(campaign.campaign_id, by="Ann", deps=deps)
    return client, deps, campaign.campaign_id


def test_levels_are_shown_with_why_and_what_they_lack_and_earned_ones_can_be_proposed(
    proven: tuple[TestClient, Deps, str],
) -> None:
    client, deps, campaign_id = proven
    text = client.get(HERE).text
    assert "email, small: planned spend below 1,000 USD" in text
    assert "where every cell starts" in text
    assert "<td>nothing</td>" in text
    assert "no campaign has yet used it (resplit)" in text
    assert f'href="/campaigns/{campaign_id}">{campaign_id}</a>, passed' in text
    answer = send(client, HERE, HERE, do="propose", by="Ann")
    assert "from controlled to adaptive" in answer.text
    assert CELL in {step.cell for step in ladder.open_steps(deps=deps)}
    assert "Propose them now" not in answer.text
    assert ladder._held(CELL, deps).level == "controlled", "a proposal changes nothing"


def test_two_people_of_the_right_roles_sign_and_nobody_else(proven: tuple[TestClient, Deps, str]) -> None:
    client, deps, _ = proven
    step = next(step for step in ladder.propose(deps=deps) if step.cell == CELL)
    staff(deps, leo=["marketing_lead"], cora=["compliance"], mia=["marketer"])
    mia, ada, leo, cora = (entered(client, deps, name) for name in ("mia", "ada", "leo", "cora"))
    for browser in (mia, ada):
        text = browser.get(HERE).text
        assert "They are signed by marketing lead and compliance, 2 people: cora, leo" in text
        assert 'value="sign"' not in text
        for fields in ({"do": "sign"}, {"do": "refuse", "reason": "no"}):
            refused = send(browser, HERE, HERE, proposal=step.proposal_id, **fields)
            assert (refused.status_code, "Who could: cora, leo" in refused.text) == (403, True)
    for _ in range(2):
        text = send(leo, HERE, HERE, do="sign", proposal=step.proposal_id, by="cora").text
        article = text.split(f'id="{step.proposal_id}"')[1].split("</article>")[0]
        assert "You signed this one" in article
        assert re.search(r"Signed by</dt><dd>leo</dd><dt>Missing</dt><dd>compliance</dd>", article)
    assert ladder._held(CELL, deps).level == "controlled"
    text = send(cora, HERE, HERE, do="sign", proposal=step.proposal_id).text
    assert f'id="{step.proposal_id}"' not in text
    assert "promoted on past1, past2" in text
    assert ladder._held(CELL, deps).level == "adaptive"
    signed = [entry.actor for entry in ladder.entries(deps=deps) if entry.action == "autonomy.signed"]
    assert signed == ["leo", "leo", "cora"]
    late = send(leo, HERE, HERE, do="sign", proposal=step.proposal_id)
    assert (late.status_code, "was promoted" in late.text) == (409, True)


def test_a_no_needs_a_reason_and_is_for_good(proven: tuple[TestClient, Deps, str]) -> None:
    client, deps, _ = proven
    step = ladder.propose(deps=deps)[0]
    assert send(client, HERE, HERE, do="refuse", proposal=step.proposal_id, by="Ann", reason=" ").status_code == 409
    assert step.proposal_id in {each.proposal_id for each in ladder.open_steps(deps=deps)}
    send(client, HERE, HERE, do="refuse", proposal=step.proposal_id, by="Ann", reason="not yet")
    assert step.proposal_id not in client.get(HERE).text
    assert step.proposal_id not in {each.proposal_id for each in ladder.due(deps=deps)}


def test_a_drill_is_held_by_page_and_what_does_not_run_is_not_drilled(proven: tuple[TestClient, Deps, str]) -> None:
    client, deps, campaign_id = proven
    before = len(ladder.entries(deps=deps))
    answer = send(client, HERE, HERE, do="drill", campaign=campaign_id, by="Ann")
    assert (answer.url.path, "passed" in answer.text) == (HERE, True)
    assert (ladder.entries(deps=deps)[before].actor, deps.campaigns.get(campaign_id).status) == ("Ann", "running")
    assert send(client, HERE, HERE, do="drill", campaign="past1", by="Ann").status_code == 409
    assert send(client, HERE, HERE, do="drill", campaign="none", by="Ann").status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 422),
        ({"do": "promote", "by": "Ann"}, 422),
        ({"do": "propose"}, 422),
        ({"do": "propose", "by": " "}, 422),
        ({"do": "propose", "by": "x" * 101}, 422),
        ({"do": "sign", "by": "Ann"}, 409),
        ({"do": "sign", "by": "Ann", "proposal": "l-" + "0" * 5000}, 409),
        ({"do": "sign", "by": "Ann", "proposal": "<script>alert(1)</script>"}, 409),
    ],
)
def test_what_is_wrong_or_missing_moves_no_level(browse: Open, fields: dict[str, str], status: int) -> None:
    client, deps = browse(plain_shop.furnished())
    answer = send(client, HERE, "/settings", **fields)
    assert answer.status_code == status
    assert "<script>alert" not in answer.text
    assert ladder.entries(deps=deps) == []
