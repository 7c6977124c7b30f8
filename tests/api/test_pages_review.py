"""The review: edited field by field and looked at before it is saved, rejected for a reason, renewed, kept when carrying out failed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import PAGE, Waiting, send
from fastapi.testclient import TestClient

import plain_shop
from liftwright.api.app import create
from liftwright.domain.errors import ProviderError
from liftwright.domain.policy import Finding
from liftwright.flow import deciding
from liftwright.ports import Deps


def _form(text: str) -> dict[str, str]:
    """The fields of the edit's form as the page fills them."""
    form = text[text.index('id="do-edit"') :]
    inputs = re.findall(r"<input [^>]*>", form[: form.index("</form>")])
    found = {name: re.search(rf'{name}="([^"]*)"', each) for each in inputs for name in ("name",)}
    assert found
    pairs = [(re.search(r'name="([^"]*)"', each), re.search(r'value="([^"]*)"', each)) for each in inputs]
    return {name[1]: value[1] for name, value in pairs if name and value and name[1] not in ("token", "by")}


def test_an_edit_is_recomputed_and_nothing_is_saved_until_it_is(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = _form(client.get(page).text)
    assert {"objective.budget", "objective.ends_on", "limits.touches", "experiment.holdout_share"} <= fields.keys()
    fields |= {"limits.touches": "1", "by": "Ann", "reason": "once is enough"}
    looked = send(client, page, page, kind="preview", **fields)
    assert looked.status_code == 200
    assert "Recomputed; nothing is saved yet" in looked.text
    figures = re.findall(r'<th scope="row">Touches</th><td>([\d,]+)</td><td>([\d,]+)</td>', looked.text)
    assert int(figures[0][1].replace(",", "")) < int(figures[0][0].replace(",", ""))
    assert _form(looked.text)["limits.touches"] == "1", "what was typed is still there"
    assert deps.campaigns.get(campaign.campaign_id).plan_hash == campaign.plan_hash
    assert deps.approvals.decisions(campaign.campaign_id) == []
    saved = send(client, page, page, kind="edit", **fields)
    assert "revision 2" in saved.text
    (decision,) = deps.approvals.decisions(campaign.campaign_id)
    assert decision.changes == {"limits.touches": 1}, "only what was changed"
    assert f"{plain_shop.plan_of(deps, campaign.campaign_id).assignment.touches:,}" == figures[0][1], "it was the true forecast"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"limits.touches": "99"},
        {"limits.touches": ""},
        {"objective.ends_on": "2020-01-01"},
        {"experiment.holdout_share": "0%"},
        {"objective.budget": "<script>"},
        {"objective.budget": "9" * 500},
        {"plan_hash.x": "1", "changes": "plan_hash = 1"},
    ],
)
@pytest.mark.parametrize("kind", ["preview", "edit"])
def test_an_edit_that_cannot_be_says_why_and_changes_nothing(waiting: Waiting, kind: str, wrong: dict[str, str]) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = _form(client.get(page).text) | {"by": "Ann"} | wrong
    answer = send(client, page, page, kind=kind, **fields)
    assert answer.status_code in (409, 422)
    assert "<script>" not in answer.text.replace('<script src="', "")
    assert deps.approvals.decisions(campaign.campaign_id) == []


def test_a_reason_is_chosen_or_written(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page, fields = f"/approvals/{campaign.campaign_id}", {"plan_hash": str(campaign.plan_hash), "by": "Ann"}
    assert send(client, page, page, kind="reject", because="", reason=" ", **fields).status_code == 409
    assert send(client, page, page, kind="reject", because="made up", reason="", **fields).status_code == 409
    send(client, page, page, kind="reject", because="too many messages", reason="one is enough", **fields)
    (decision,) = deps.approvals.decisions(campaign.campaign_id)
    assert decision.reason == "too many messages: one is enough"


def test_a_decision_is_kept_when_it_cannot_be_carried_out_now(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    client, deps, campaign = waiting
    page, fields = f"/approvals/{campaign.campaign_id}", {"plan_hash": str(campaign.plan_hash), "by": "Ann"}

    async def down(*_: object, **__: object) -> None:
        raise ProviderError("PROVIDER-DOWN", "The model does not answer.", next_step="Try again.")

    monkeypatch.setattr(deciding, "carry_out", down)
    answer = send(client, page, page, kind="approve", **fields)
    assert answer.status_code == 422
    assert "The decision is kept" in answer.text
    assert "approved by Ann" in answer.text
    assert "Not done" not in answer.text
    assert next(row.approval_id for row in deps.approvals.decided_not_resumed()) in answer.text


def _risky(deps: Deps, campaign_id: str) -> str:
    """The same plan as one of high risk; returns the row's hash."""
    row = deps.approvals.pending(campaign_id)
    assert row is not None
    asked = {"approval_id": "a-high", "risk": "high", "revision": row.revision + 1}
    return deps.approvals.request(row.model_copy(update=asked)).plan_hash


def test_high_risk_without_a_second_person_needs_the_cost_once_more(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    fields = {"plan_hash": _risky(deps, campaign.campaign_id), "by": "Ann", "kind": "approve"}
    cost = plain_shop.plan_of(deps, campaign.campaign_id).forecast.cost
    assert 'name="retyped"' in client.get(page).text
    for wrong in ("", "1", f"{cost.amount}1", "x" * 900):
        answer = send(client, page, page, retyped=wrong, **fields)
        assert (answer.status_code, "APPROVAL-RETYPE" in answer.text) == (409, True)
    assert deps.approvals.decisions(campaign.campaign_id) == []
    send(client, page, page, retyped=f"{cost.amount:,} {cost.currency}", **fields)
    assert [each.kind for each in deps.approvals.decisions(campaign.campaign_id)] == ["approve"]


def test_what_forbids_a_plan_says_who_may_waive_it(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    rules = deps.library.policies().rules
    law = next(rule.id for rule in rules if rule.basis == "law" and rule.severity == "block")
    house = next(rule.id for rule in rules if rule.basis == "house")
    found = [
        Finding(rule=rule, severity="block", subject="s", says="no", fix="none", by="rules").model_dump(mode="json")
        for rule in (law, house)
    ]
    deps.journal.append(
        at=deps.now(), actor="liftwright", action="campaign.blocked", subject=campaign.campaign_id, detail={"findings": found}
    )
    deps.campaigns.update(campaign.campaign_id, status="blocked")
    text = client.get(f"/approvals/{campaign.campaign_id}").text
    assert "It can never be waived: it is the law" in text
    assert "A waiver can be asked for; it is approved by somebody else: compliance or admin." in text


@pytest.fixture
def late(tmp_path: Path) -> Any:
    """A client four days later: the approval ran out."""
    with plain_shop.waiting(tmp_path, now=lambda: plain_shop.NOW + timedelta(days=4)) as (deps, campaign):
        client = TestClient(create(lambda: deps), headers=PAGE, base_url="http://shop.test")
        yield client, deps, campaign
        client.close()


def test_what_ran_out_is_listed_and_renewed_as_a_question_of_its_own(late: tuple[TestClient, Deps, str]) -> None:
    client, deps, campaign = late
    assert "Nobody decided in time" in client.get(f"/approvals/{campaign}").text
    assert f'action="/campaigns/{campaign}"' in client.get("/approvals").text
    renewed = send(client, f"/campaigns/{campaign}", "/approvals", do="again", reason="the approval ran out", by="Ann")
    assert renewed.url.path.startswith("/approvals/c-")
    assert campaign not in renewed.url.path
    assert deps.campaigns.get(campaign).status == "expired", "expiry never approves"
    assert f'action="/campaigns/{campaign}"' not in client.get("/approvals").text


def test_a_long_name_is_kept_whole(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    name = "Ann Élodie " + "x" * 85
    send(client, "/sign-in", name=name, to="/")
    page = f"/approvals/{campaign.campaign_id}"
    send(client, page, page, kind="reject", plan_hash=str(campaign.plan_hash), reason="no")
    assert [each.by for each in deps.approvals.decisions(campaign.campaign_id)] == [name]


def test_texts_are_shown_for_one_customer_and_who_looked_is_journaled(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    rows = deps.lake.get(plain_shop.plan_of(deps, campaign.campaign_id).audience.digest).to_pylist()
    treated, held = (
        next(row["customer_id"] for row in rows if row["is_selected"] and row["arm"] == arm) for arm in ("treated", "holdout")
    )
    text = client.get(page, params={"person": treated}).text
    assert f"{treated} gets this" in text
    assert "next customer" in text
    assert "{{first_name}}" in text, "names are filled at delivery and nowhere else"
    assert "Firstname" not in text
    assert "held out: gets nothing" in client.get(page, params={"person": held}).text
    looked = [entry for entry in deps.journal.entries(subject="people") if entry.action == "person.looked_at"]
    assert len(looked) == 2
    odd = client.get(page, params={"person": "<script>'--"})
    assert odd.status_code == 200
    assert "There is no person" in odd.text
    assert "<script>'--" not in odd.text
