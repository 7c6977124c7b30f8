"""Two campaigns, the same people: the second plan says so before anybody approves it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import plain_shop
from liftwright.domain.policy import Finding
from liftwright.flow import booked, deciding, walk


def _second(home: Path, tmp_path: Path, **more: Any) -> list[Finding]:
    """Findings of the calendar in a second plan of the same goal, two hours after the first."""
    settings = {"limits": {**plain_shop.VALUES["limits"], **more}}
    now = plain_shop.NOW + timedelta(hours=2)
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "second"), now=lambda: now, **settings)
    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=deps))
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    plain_shop.close(deps)
    return [finding for finding in plan.findings if finding.rule.startswith("CALENDAR")]


def test_people_of_a_running_campaign_are_named_with_what_both_are_worth(tmp_path: Path) -> None:
    home, first = plain_shop.launched()
    (shared,) = [each for each in _second(home, tmp_path) if each.rule == "CALENDAR-SHARED"]
    assert (shared.subject, shared.severity, shared.count > 0) == (first.campaign_id, "info", True)
    assert " USD here, " in shared.says
    assert " USD there." in shared.says


def test_a_plan_that_waits_counts_as_well(tmp_path: Path) -> None:
    home, first = plain_shop.planned()
    assert first.campaign_id in {each.subject for each in _second(home, tmp_path)}


def test_weeks_that_are_full_are_a_warning_with_the_money_at_stake(tmp_path: Path) -> None:
    home, _ = plain_shop.launched()
    (full,) = [each for each in _second(home, tmp_path, contacts_per_week=1, outbid=99) if each.rule == "CALENDAR-FULL"]
    assert (full.severity, full.count > 0) == ("warn", True)
    assert "1 contacts in seven days" in full.says
    assert "of the forecast" in full.says


def test_what_a_later_plan_would_take_from_a_running_campaign_is_said_before_anybody_approves(tmp_path: Path) -> None:
    home, first = plain_shop.launched()
    (outbids,) = [each for each in _second(home, tmp_path, contacts_per_week=1, outbid=0.0) if each.rule == "CALENDAR-OUTBIDS"]
    assert (outbids.subject, outbids.severity, outbids.count > 0) == (first.campaign_id, "warn", True)
    assert f"touches that {first.campaign_id} has planned give way" in outbids.says


def test_at_the_start_dearer_touches_take_the_place_and_the_others_fall_away_once(tmp_path: Path) -> None:
    home, first = plain_shop.launched()
    limits = {**plain_shop.VALUES["limits"], "contacts_per_week": 1, "outbid": 0.0}
    now = plain_shop.NOW + timedelta(hours=2)
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "second"), now=lambda: now, limits=limits)
    before = deps.ledger.counts(first.campaign_id)
    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=deps))
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    said = {finding.rule: finding.count for finding in plan.findings if finding.rule.startswith("CALENDAR")}
    answer = {"plan_hash": campaign.plan_hash, "by": "Ann", "reason": "go"}
    asyncio.run(deciding.decide("approve", campaign.campaign_id, **answer, deps=deps))

    after, mine = deps.ledger.counts(first.campaign_id), deps.ledger.counts(campaign.campaign_id)
    assert after["cancelled"] - before["cancelled"] == said["CALENDAR-OUTBIDS"] > 0
    reasons = set(deps.ledger.sends(first.campaign_id, states=("cancelled",))["reason"].to_pylist())
    assert f"outbid by {campaign.campaign_id} in the person's week" in reasons
    assert {action.rule for action in deps.campaigns.actions(first.campaign_id)} >= {"OUTBID"}
    assert mine["planned"] == plan.assignment.touches
    assert (mine["cancelled"] > 0) == ("CALENDAR-FULL" in said)
    assert booked.make_room(plan, deps=deps) == {"outbid": 0, "lost": 0}
    assert deps.ledger.counts(first.campaign_id) == after
    plain_shop.close(deps)


def test_alone_in_the_calendar_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert _second(plain_shop.furnished(), tmp_path) == []
