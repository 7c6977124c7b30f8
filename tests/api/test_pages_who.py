"""Who acts by a form in a workspace without users: the name that was typed, else the one the browser goes by, else nobody."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browsing import Open, Waiting, send

import plain_shop
from liftwright.compliance import waivers
from liftwright.domain.campaign import Campaign
from liftwright.ports import Deps

Form = tuple[str, dict[str, str]]
Forms = Callable[[Campaign, Deps], Form]


def _group(campaign: Campaign, deps: Deps) -> Form:
    return "/approvals/group", {"trigger": "any", "kind": "reject", "reason": "why"}


def _review(campaign: Campaign, deps: Deps) -> Form:
    return f"/approvals/{campaign.campaign_id}", {"kind": "reject", "plan_hash": str(campaign.plan_hash), "reason": "why"}


def _share(campaign: Campaign, deps: Deps) -> Form:
    return f"/campaigns/{campaign.campaign_id}/share", {"days": "7", "role": "viewer"}


def _stop(campaign: Campaign, deps: Deps) -> Form:
    return f"/campaigns/{campaign.campaign_id}", {"do": "stop", "reason": "why"}


def _switch(campaign: Campaign, deps: Deps) -> Form:
    return "/models/uplift_margin", {"state": "off", "reason": "why"}


def _waive(campaign: Campaign, deps: Deps) -> Form:
    rule = next(rule.id for rule in deps.library.policies().rules if not waivers.why_never(rule))
    return "/policies/waive", {"rule": rule, "days": "3", "reason": "why"}


def _opened(browse: Open, form: Forms) -> Waiting:
    """A workspace in which a form does something: only what runs can be stopped, the rest is done to a plan that waits."""
    home, campaign = plain_shop.launched() if form is _stop else plain_shop.planned()
    return *browse(home), campaign


FORMS = [_review, _share, _stop, _switch, _waive]


@pytest.mark.parametrize(("typed", "who"), [({"by": " Bea "}, "Bea"), ({"by": " "}, "Ann"), ({}, "Ann")])
@pytest.mark.parametrize("form", FORMS)
def test_the_name_typed_counts_before_the_one_the_browser_goes_by(
    browse: Open, form: Forms, typed: dict[str, str], who: str
) -> None:
    client, deps, campaign = _opened(browse, form)
    client.cookies.set("lw_name", "Ann")
    before = len(deps.journal.entries())
    path, fields = form(campaign, deps)
    assert send(client, path, **fields, **typed).status_code == 200
    assert {entry.actor for entry in deps.journal.entries()[before:]} & {"Ann", "Bea"} == {who}


@pytest.mark.parametrize("typed", [{}, {"by": " "}, {"by": "x" * 101}, {"by": "a\u202eb"}])
@pytest.mark.parametrize("form", [*FORMS, _group])
def test_nobody_acts_without_a_name(waiting: Waiting, form: Forms, typed: dict[str, str]) -> None:
    client, deps, campaign = waiting
    path, fields = form(campaign, deps)
    before = len(deps.journal.entries())
    answer = send(client, path, **fields, **typed)
    assert answer.status_code == 422
    assert "Go back and say who you are." in answer.text
    assert len(deps.journal.entries()) == before


@pytest.mark.parametrize("form", [_stop, _switch])
def test_who_gives_no_reason_is_asked_for_that_alone(waiting: Waiting, form: Forms) -> None:
    client, deps, campaign = waiting
    path, fields = form(campaign, deps)
    answer = send(client, path, **fields | {"by": "Ann", "reason": " "})
    assert answer.status_code == 422
    assert re.search(r"That needs a reason\..*ACT-WORDS|ACT-WORDS.*That needs a reason\.", answer.text, re.S)


def test_what_is_put_off_is_put_off_for_who_looks_whatever_a_form_says(waiting: Waiting) -> None:
    client, deps, campaign = waiting
    row = deps.approvals.pending(campaign.campaign_id)
    assert row is not None
    fields = {"approval": row.approval_id, "until": "hour", "by": "Bea"}
    assert send(client, "/approvals/snooze", **fields).status_code == 409
    client.cookies.set("lw_name", "Ann")
    assert campaign.campaign_id in send(client, "/approvals/snooze", **fields).text
    assert deps.journal.entries(subject="approvals.snoozed")[-1].actor == "Ann"
