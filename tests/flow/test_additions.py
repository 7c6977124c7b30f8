"""Questions of a campaign under way: people to add are asked for, a yes plans what still fits, what nobody answered is asked anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest
from sqlalchemy import text
from under_way import Flight, begun

import plain_shop
from liftwright.domain.approval import ApprovalRequest, Decision
from liftwright.domain.errors import ApprovalError
from liftwright.flow import adapt, deciding, in_force, intake, pausing, questions, reporting, stopping
from liftwright.store.engine import open_engine


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[Flight]:
    """See `Flight`."""
    yield from begun(tmp_path)


def _became_worth_it(flight: Flight) -> list[str]:
    """Sixty people nobody chose in each arm turn out to buy women's things."""
    audience = flight.deps.lake.get(flight.plan.audience.digest)
    idle = audience.filter(pc.invert(audience["is_selected"]))
    people = set(idle["customer_id"].to_pylist())
    told = plain_shop.customers()
    told["womens"] = [1 if name in people else kind for name, kind in zip(told["customer_id"], told["womens"], strict=True)]
    path = flight.deps.settings.home / "told.csv"
    pa_csv.write_csv(pa.table(told), path)
    intake.import_file(path, declared="customers", deps=flight.deps)
    return sorted(idle.filter(pc.equal(idle["arm"], "treated"))["customer_id"].to_pylist())


def _asked(flight: Flight) -> ApprovalRequest:
    waiting = flight.deps.approvals.pending(flight.campaign_id)
    assert waiting is not None
    return waiting


async def test_people_who_became_worth_a_contact_are_asked_for_and_only_a_yes_adds_them(flight: Flight) -> None:
    idle = _became_worth_it(flight)
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    asked = _asked(flight)
    assert "Add " in asked.title
    assert not {row["customer_id"] for row in flight.sends("planned")} & set(idle)
    await deciding.decide("approve", flight.campaign_id, plan_hash=asked.plan_hash, by="bea", deps=flight.deps)
    added = {row["customer_id"] for row in flight.sends("planned")} & set(idle)
    assert len(added) >= 20
    (entry,) = [e for e in flight.deps.journal.entries(subject=flight.campaign_id) if e.action == in_force.ADDED]
    assert entry.detail["approval_id"] == asked.approval_id
    before, after = flight.deps.lake.get(flight.plan.audience.digest), in_force.audience(flight.plan, deps=flight.deps)
    new = after.filter(pc.and_(after["is_selected"], pc.invert(before["is_selected"])))
    assert set(new["arm"].to_pylist()) == {"treated", "holdout"}
    found = await asyncio.to_thread(reporting.report, flight.campaign_id, deps=flight.deps)
    selected = after.filter(after["is_selected"])
    assert found.lift.treated == pc.sum(pc.equal(selected["arm"], "treated")).as_py()
    assert found.lift.holdout == pc.sum(pc.equal(selected["arm"], "holdout")).as_py()


async def test_a_change_that_waits_ends_with_its_campaign(flight: Flight) -> None:
    _became_worth_it(flight)
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    asked = _asked(flight)
    stopping.stop(flight.campaign_id, by="ann", reason="sold out", deps=flight.deps)
    assert flight.deps.approvals.waiting() == []
    assert flight.deps.approvals.get(asked.approval_id).status == "revoked"
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", flight.campaign_id, plan_hash=asked.plan_hash, by="bea", deps=flight.deps)


async def test_a_no_adds_nobody_and_is_remembered(flight: Flight) -> None:
    idle = _became_worth_it(flight)
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    asked = _asked(flight)
    await deciding.decide(
        "reject", flight.campaign_id, plan_hash=asked.plan_hash, by="bea", reason="enough people", deps=flight.deps
    )
    assert not {row["customer_id"] for row in flight.sends()} & set(idle)
    kinds = [(action.kind, action.after.get("reason")) for action in flight.deps.campaigns.actions(flight.campaign_id)]
    assert ("change_refused", "enough people") in kinds


async def test_a_yes_that_comes_too_late_plans_nothing(flight: Flight) -> None:
    _became_worth_it(flight)
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    asked, before = _asked(flight), flight.sends("planned")
    flight.clock.at += timedelta(days=12)
    deps = flight.deps
    deps.approvals.decide(_yes(asked, flight.clock.at)) if asked.expires_at > flight.clock.at else deps.approvals.expire(
        now=flight.clock.at
    )
    await deciding.carry_out(deps.approvals.get(asked.approval_id), deps=deps)
    assert len(flight.sends("planned")) == len(before)


async def test_what_was_asked_about_cannot_be_exchanged_before_the_yes(flight: Flight) -> None:
    _became_worth_it(flight)
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    asked, before = _asked(flight), flight.sends("planned")
    more = flight.deps.lake.get(flight.plan.assignment.digest)
    engine = open_engine(flight.deps.settings.home, flight.deps.settings.database_url)
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT action_id, action FROM actions")).all()
        for row in rows:
            told = json.loads(row.action)
            if told["kind"] != "ask":
                continue
            told["after"]["rows"] = flight.deps.lake.put(more)
            connection.execute(
                text("UPDATE actions SET action = :a WHERE action_id = :i"), {"a": json.dumps(told), "i": row.action_id}
            )
    engine.dispose()
    with pytest.raises(ApprovalError, match="not what was approved"):
        await deciding.decide("approve", flight.campaign_id, plan_hash=asked.plan_hash, by="bea", deps=flight.deps)
    assert len(flight.sends("planned")) == len(before)


def _yes(asked: ApprovalRequest, at: datetime) -> Decision:
    return Decision(kind="approve", approval_id=asked.approval_id, plan_hash=asked.plan_hash, by="bea", at=at)


def test_a_question_that_ran_out_or_gave_way_can_be_asked_again(flight: Flight) -> None:
    def ask() -> ApprovalRequest:
        words: dict[str, Any] = {"title": "Go on?", "trigger": "drift", "before": {}, "after": {}}
        return questions.ask(flight.plan, "trust", digest="sha256:" + "ab" * 32, deps=flight.deps, **words)

    first = ask()
    assert ask().approval_id == first.approval_id
    flight.deps.approvals.expire(now=first.expires_at)
    second = ask()
    assert (second.status, second.approval_id == first.approval_id) == ("pending", False)


async def test_a_yes_during_a_pause_is_kept(flight: Flight) -> None:
    _became_worth_it(flight)
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    asked = _asked(flight)
    last = max(row["send_on"] for row in flight.deps.lake.get(questions.asked(asked, deps=flight.deps)["rows"]).to_pylist())
    assert asked.expires_at.date() <= last
    pausing.pause(flight.campaign_id, by="ana", reason="wait", rule="PERSON", evidence={}, deps=flight.deps)
    before = len(flight.sends("planned"))
    await deciding.decide("approve", flight.campaign_id, plan_hash=asked.plan_hash, by="ana", deps=flight.deps)
    (action,) = [each for each in flight.deps.campaigns.actions(flight.campaign_id) if each.kind == "add_people"]
    assert len(flight.sends("planned")) - before == action.after["touches"] > 0
