"""The rest of a flight is planned again before each wave: on what people did since, for the people approved, within what was approved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from under_way import Flight, begun

from liftwright.agents.bench import remainder, solving
from liftwright.domain.campaign import REPLANNED
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import adapt, asking, dispatch, in_force
from liftwright.planning.assignment import checking
from liftwright.ports import Deps


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[Flight]:
    """See `Flight`."""
    yield from begun(tmp_path)


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


def test_what_is_planned_goes_on_competing_when_its_effect_is_less_sure(flight: Flight, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else solving again would drop what pays, and seem to gain by it."""
    found, resolve = [], remainder.resolve

    def twice(*args: Any, **more: Any) -> remainder.Resolved | None:
        for least in (0.0, 2.0):
            monkeypatch.setattr(solving, "LIKELY_Z", least)
            found.append(resolve(*args, **more))
        return found[0]

    monkeypatch.setattr(remainder, "resolve", twice)
    flight.again()
    loose, strict = found
    assert loose is not None
    assert strict is not None
    assert strict.planned_worth == pytest.approx(loose.planned_worth)
    worth = [pc.sum(each.solution.rows["value"]).as_py() for each in (strict, loose)]
    assert 0.9 * strict.planned_worth < worth[0] <= worth[1] + 1e-9


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
