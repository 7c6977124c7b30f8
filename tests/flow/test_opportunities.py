"""Unused uplift: who could be asked for, what it is worth, and a goal that can really be planned."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import plain_shop
from liftwright.agents.bench import solving
from liftwright.flow import opportunities, walk
from liftwright.flow.stopping import stop
from liftwright.ports import Deps


def _open(home: Path, tmp_path: Path, *, days: float = 0.1, **more: Any) -> Deps:
    now = plain_shop.NOW + timedelta(days=days)
    return plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=lambda: now, **more)


def test_a_group_nobody_wrote_to_is_priced_and_its_goal_can_be_planned(tmp_path: Path) -> None:
    deps = _open(plain_shop.furnished(), tmp_path)
    found = opportunities.listed(deps=deps)
    assert found
    first = found[0]
    assert first["channel"] == "email"
    assert 0 < first["margin"]["low"] < first["margin"]["mid"] < first["margin"]["high"]
    assert first["people"] <= 0.9 * plain_shop.PEOPLE  # one in ten said no
    assert first["last_contact_on"] is None
    assert [row["margin"]["mid"] for row in found] == sorted((row["margin"]["mid"] for row in found), reverse=True)
    campaign = asyncio.run(walk.start(first["goal"], deps=deps))
    assert campaign.status in ("awaiting_approval", "infeasible"), campaign.question
    plain_shop.close(deps)


def test_only_whom_a_contact_is_likely_to_help_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deps, people = _open(plain_shop.furnished(), tmp_path), []
    for least in (0.0, solving.LIKELY_Z, 2.0):
        monkeypatch.setattr(solving, "LIKELY_Z", least)
        people.append(sum(row["people"] for row in opportunities.listed(deps=deps)))
    assert people[0] > people[1] > people[2]
    plain_shop.close(deps)


def test_who_is_in_a_running_campaign_is_no_opportunity(tmp_path: Path) -> None:
    home, _ = plain_shop.launched()
    deps = _open(home, tmp_path)
    before = sum(row["people"] for row in opportunities.listed(deps=_open(plain_shop.furnished(), tmp_path / "clean")))
    after = sum(row["people"] for row in opportunities.listed(deps=deps))
    contacted = set(deps.ledger.sends()["customer_id"].to_pylist())
    assert before - len(contacted) <= after < before
    plain_shop.close(deps)


def test_a_sequence_that_went_stale_is_one_again(tmp_path: Path) -> None:
    home, campaign = plain_shop.launched()
    deps = _open(home, tmp_path, days=4)
    stop(campaign.campaign_id, by="ann", reason="enough", deps=deps)
    lately, long_ago = (opportunities.listed(deps=deps, quiet_days=days) for days in (28, 2))
    assert sum(row["people"] for row in lately) < sum(row["people"] for row in long_ago)
    assert {row["last_contact_on"] for row in long_ago} - {None}
    plain_shop.close(deps)


def test_the_night_proposes_a_goal_only_where_the_strategic_level_was_earned_and_once(tmp_path: Path) -> None:
    deps = _open(plain_shop.furnished(), tmp_path)
    assert opportunities.propose(deps=deps) == []
    cells = [f"people/email/{band}" for band in ("small", "medium", "large")]
    for cell in cells:
        detail = {"proposal_id": cell, "cell": cell, "from": "adaptive", "to": "strategic", "wins": []}
        until = (deps.now() + timedelta(days=9)).isoformat()
        deps.journal.append(
            at=deps.now(), actor="leo", action="autonomy.promoted", subject="autonomy", detail=detail | {"until": until}
        )
    first = opportunities.propose(deps=deps)
    assert first
    assert {row["channel"] for row in first} == {"email"}
    assert [entry.detail["goal"] for entry in deps.journal.entries(subject="opportunities")] == [row["goal"] for row in first]
    assert opportunities.propose(deps=deps) == []
    assert deps.campaigns.all() == []
    plain_shop.close(deps)
