"""The rest of a flight is planned again before each wave: on what people did since, for the people approved, within what was approved."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pytest
from sqlalchemy import text

import plain_shop
from liftwright.domain.approval import ApprovalRequest, Decision
from liftwright.domain.campaign import REPLANNED
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import adapt, asking, deciding, dispatch, in_force, intake, pausing, questions, reporting
from liftwright.flow.replan import replan
from liftwright.planning.assignment import checking
from liftwright.ports import Deps
from liftwright.store.engine import open_engine


class Clock:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.at = plain_shop.NOW + timedelta(hours=2)

    def __call__(self) -> datetime:
        """The moment."""
        return self.at


class Flight:
    """A campaign of plain e-mails of which the first wave is out, on the eve of the second."""

    def __init__(self, deps: Deps, campaign_id: str, clock: Clock) -> None:
        self.deps, self.campaign_id, self.clock = deps, campaign_id, clock

    @property
    def plan(self) -> Plan:
        """The approved plan."""
        return plain_shop.plan_of(self.deps, self.campaign_id)

    def sends(self, *states: Any) -> list[dict[str, Any]]:
        """Sends in these states."""
        return list(self.deps.ledger.sends(self.campaign_id, states=states).to_pylist())

    def again(self, plan: Plan | None = None, *, number: int = 2) -> int:
        """Plan the rest again, as the tick does."""
        row, own = reporting.launched(self.campaign_id, self.deps)
        starts_at = reporting.flight(own, row, self.deps)[0]
        return replan(plan or own, number=number, starts_at=starts_at, deps=self.deps)

    def happened(self, people: list[str], kind: str, **more: Any) -> None:
        """An event of each of these people an hour ago."""
        at = self.clock.at - timedelta(hours=1)
        events = {"customer_id": people, "type": [kind] * len(people), "occurred_at": [at] * len(people)}
        events |= {name: [value] * len(people) for name, value in more.items()}
        table = pa.table(events)
        moment = pa.timestamp("us", tz="UTC")
        table = table.set_column(2, "occurred_at", table["occurred_at"].cast(moment))
        self.deps.lake.add({"events": table}, source=f"{kind}-{at.isoformat()}", now=self.clock.at)


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[Flight]:
    """See `Flight`."""
    home, campaign = plain_shop.launched()
    clock = Clock()
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=clock)
    waves = sorted({row["wave"]: row["send_at"] for row in deps.ledger.sends(campaign.campaign_id).to_pylist()}.items())
    second = min(row["send_at"] for row in deps.ledger.sends(campaign.campaign_id).to_pylist() if row["wave"] == waves[1][0])
    day = (second - timedelta(days=1)).date()
    clock.at = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    yield Flight(deps, campaign.campaign_id, clock)
    plain_shop.close(deps)


def test_only_the_people_chosen_get_other_touches_and_never_the_holdout(flight: Flight) -> None:
    plan = flight.plan
    audience = flight.deps.lake.get(plan.audience.digest)
    open_to = pc.and_(pc.equal(audience["arm"], "treated"), audience["is_selected"])
    chosen = set(audience.filter(open_to)["customer_id"].to_pylist())
    out = Counter(row["send_id"] for row in flight.sends("sent"))
    assert flight.again() > 0
    planned = flight.sends("planned")
    assert planned
    assert {row["customer_id"] for row in planned} <= chosen
    assert Counter(row["send_id"] for row in flight.sends("sent")) == out
    assert {row["plan_hash"] for row in planned} == {plan.plan_hash}
    assert {row["channel"] for row in planned} <= set(plan.envelope.channels)


def test_the_same_tick_plans_the_same_and_changes_nothing_the_second_time(flight: Flight) -> None:
    flight.again()
    before = flight.sends("planned")
    assert flight.again() == 0
    assert flight.sends("planned") == before


def test_what_it_did_can_be_read_back_and_checked_by_the_independent_checker(flight: Flight) -> None:
    flight.again()
    (action,) = [action for action in flight.deps.campaigns.actions(flight.campaign_id) if action.kind == "replan"]
    get = flight.deps.lake.get
    rows, candidates, draws = (get(action.after[name]) for name in ("rows", "candidates", "draws"))
    assert checking.check(rows, candidates, {"randomised_share_min": 0.05, "per_person_cap": 3}, draws=draws) == []
    assert pc.sum(rows["randomised"]).as_py() >= 0.05 * rows.num_rows
    assert action.after["worth"] >= action.before["worth"] - 1e-6 or pc.any(rows["randomised"]).as_py()
    (entry,) = [e for e in flight.deps.journal.entries(subject=flight.campaign_id) if e.action == "campaign.replanned"]
    assert entry.detail["rows"] == action.after["rows"]
    force = in_force.decided(flight.plan, deps=flight.deps)
    later = force.rows.filter(pc.greater(force.rows["wave"], 1))
    key = ["customer_id", "wave", "channel"]
    ledger = {tuple(row[name] for name in key) for row in flight.sends("planned")}
    assert {tuple(row[name] for name in key) for row in later.to_pylist()} == ledger


def test_who_bought_or_wants_no_more_is_not_brought_back(flight: Flight) -> None:
    people = sorted({row["customer_id"] for row in flight.sends("planned")})
    bought, quiet = people[:5], people[5:8]
    flight.happened(bought, "purchase", amount=60.0)
    flight.happened(quiet, "opt_out", channel="email")
    flight.again()
    assert not {row["customer_id"] for row in flight.sends("planned")} & set(quiet)


def test_a_person_whose_touch_was_taken_out_for_another_reason_stays_out(flight: Flight) -> None:
    person = flight.sends("planned")[0]["customer_id"]
    flight.deps.ledger.cancel_planned(flight.campaign_id, reason="asked by phone", now=flight.clock.at, customer_ids=[person])
    flight.again()
    assert person not in {row["customer_id"] for row in flight.sends("planned")}


def test_money_spent_and_the_day_s_limit_bind_the_rest(flight: Flight) -> None:
    plan = flight.plan
    spent = sum(row["cost"] for row in flight.sends("sent"))
    unit = flight.sends("planned")[0]["cost"]
    tight = plan.envelope.model_copy(
        update={"max_total_spend": plan.envelope.max_total_spend.of(round(spent + 20 * unit, 2), "USD")}
    )
    flight.again(plan.model_copy(update={"envelope": tight}))
    rows = in_force.decided(plan, deps=flight.deps).rows
    later = rows.filter(pc.greater(rows["wave"], 1))
    assert 0 < pc.sum(later["cost"]).as_py() <= 20 * unit + 0.01
    cancelled = [row for row in flight.sends("cancelled") if row["reason"] == REPLANNED]
    assert cancelled


@pytest.mark.parametrize("allows", [(), ("shift_budget",), ("change_timing",)])
def test_an_approval_that_does_not_allow_it_changes_nothing(flight: Flight, allows: tuple[str, ...]) -> None:
    plan = flight.plan
    closed = plan.model_copy(update={"envelope": plan.envelope.model_copy(update={"allows": allows})})
    assert flight.again(closed) == 0


def test_nothing_is_planned_again_while_no_wave_is_near(flight: Flight) -> None:
    flight.clock.at -= timedelta(days=2)
    assert flight.again() == 0


def test_a_stopped_campaign_gets_no_new_touches(flight: Flight) -> None:
    flight.deps.campaigns.update(flight.campaign_id, status="stopped", stopped_by="ann", stop_reason="enough")
    before = flight.sends("planned")
    assert flight.again() == 0
    assert flight.sends("planned") == before


def test_a_touch_a_worker_took_meanwhile_stays_and_is_not_doubled(flight: Flight) -> None:
    deps, row = flight.deps, flight.sends("planned")[0]
    held = deps.ledger.lease(now=row["send_at"], worker="w", limit=10)
    before = flight.sends("planned")
    deps.ledger.replace(flight.campaign_id, planned=[s["send_id"] for s in before], sends=[], now=flight.clock.at, detail={})
    assert {send.send_id for send in held} == {row["send_id"] for row in flight.sends("leased")}
    assert not flight.sends("planned")


async def test_the_tick_plans_again_and_why_tells_the_new_touch(flight: Flight) -> None:
    flight.happened(sorted({row["customer_id"] for row in flight.sends("planned")})[:40], "visit")
    found = await adapt.tick(flight.campaign_id, deps=flight.deps)
    assert "replan" in {action.kind for action in found.actions}
    send = flight.sends("planned")[0]
    told = asking.why(flight.campaign_id, send["customer_id"], deps=flight.deps)
    touch = next(touch for touch in told["touches"] if touch["wave"] == send["wave"])
    assert (touch["channel"], touch["offer"], touch["variant"]) == (send["channel"], send["offer"], send["variant_id"])


def test_what_was_planned_again_leaves_through_the_same_gate(flight: Flight) -> None:
    flight.again()
    planned = {row["send_id"] for row in flight.sends("planned") if row["wave"] == 2}
    flight.clock.at += timedelta(days=2)
    done = dispatch.drain(deps=flight.deps, worker="w")
    assert done["sent"] >= 0.9 * len(planned)
    assert planned >= {row["send_id"] for row in flight.sends("sent") if row["wave"] == 2}


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


def test_a_recall_of_everybody_s_touches_takes_nobody_out_of_the_rest(flight: Flight) -> None:
    sent = flight.sends("sent")
    people = {row["customer_id"] for row in flight.sends("planned")} & {row["customer_id"] for row in sent}
    assert people
    pause = Action(at=flight.clock.at, kind="pause", rule="PERSON", after={"reason": "wait a day"}, by="ana")
    flight.deps.campaigns.record_action(flight.campaign_id, pause)
    recalled = {row["send_id"]: "paused by ana: wait a day; recalled from the file" for row in sent}
    flight.deps.ledger.recall(recalled, now=flight.clock.at)
    flight.again()
    assert {row["customer_id"] for row in flight.sends("planned")} & people


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


async def test_a_crash_between_the_ledger_and_the_action_loses_no_action(flight: Flight, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(plan: Plan, *, deps: Deps) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(in_force, "write_down", dies)
        with pytest.raises(KeyboardInterrupt):
            flight.again()
    kinds = [action.kind for action in flight.deps.campaigns.actions(flight.campaign_id)]
    assert "replan" not in kinds
    for _ in range(2):
        in_force.write_down(flight.plan, deps=flight.deps)
    kinds = [action.kind for action in flight.deps.campaigns.actions(flight.campaign_id)]
    assert kinds.count("replan") == 1


def test_touches_that_stay_are_still_in_force_after_the_rest_was_solved_again(flight: Flight) -> None:
    (taken,) = [send for send in flight.deps.ledger.lease(worker="w", now=flight.clock.at + timedelta(days=3), limit=1)]
    flight.again()
    rows = in_force.decided(flight.plan, deps=flight.deps).rows.to_pylist()
    assert (taken.customer_id, taken.wave) in {(row["customer_id"], row["wave"]) for row in rows}
