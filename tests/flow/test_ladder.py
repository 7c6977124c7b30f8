"""Autonomy earned and lost in a real workspace: histories become proposals, signatures become levels, a breach counts before the next send."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import under_way

import past_wins
import plain_shop
from liftwright.compliance import ladder as rules
from liftwright.domain.delivery import Delivery, Receipt
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Report
from liftwright.domain.figures import Interval
from liftwright.domain.policy import Finding
from liftwright.flow import adapt, dispatch, drill, ladder, nightly, pausing, reporting, stopping, trust, walk
from liftwright.ports import ChannelAdapter, Deps

CELL = "models/email/small"


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[under_way.Flight]:
    """A running campaign on the eve of its second wave."""
    yield from under_way.begun(tmp_path)


def _past(flight: under_way.Flight, number: int, **changes: Any) -> str:
    return past_wins.past(flight.campaign_id, number, deps=flight.deps, **changes)


def _seen(flight: under_way.Flight, **changes: Any) -> Report:
    """What the last tick saw of the running campaign."""
    report = reporting.report(flight.campaign_id, deps=flight.deps).model_copy(update=changes)
    flight.deps.campaigns.save_report(report, at=flight.clock.at)
    return report


def _level(deps: Deps, cell: str = CELL) -> str:
    return ladder._held(cell, deps).level


def _staff(deps: Deps, **roles: Sequence[str]) -> None:
    deps.users.put("ada", roles=["admin"], is_active=True, by="ada", now=deps.now())
    for name, held in roles.items():
        deps.users.put(name, roles=held, is_active=True, by="ada", now=deps.now())


# ---------------------------------------------------------------- up


async def test_two_powered_wins_and_a_drill_are_proposed_signed_and_widen_the_next_plan(flight: under_way.Flight) -> None:
    deps = flight.deps
    _past(flight, 1), _past(flight, 2)
    assert ladder.propose(deps=deps) == []  # no drill yet
    drill.drill(flight.campaign_id, by="ada", deps=deps)
    steps = {step.cell: step for step in ladder.propose(deps=deps)}
    assert (steps[CELL].level, steps[CELL].to, steps[CELL].wins) == ("controlled", "adaptive", ("past1", "past2"))
    assert _level(deps) == "controlled"  # a proposal changes nothing
    assert ladder.propose(deps=deps) == []  # and is made once
    _staff(deps, leo=["marketing_lead"], cora=["compliance"], mia=["marketer"])
    with pytest.raises(ApprovalError, match=r"LADDER-NOT-YOURS.*Who could: .*cora.*leo"):
        ladder.sign(steps[CELL].proposal_id, by="mia", deps=deps)
    for _ in range(2):
        assert ladder.unsigned(ladder.sign(steps[CELL].proposal_id, by="leo", deps=deps), deps=deps) == ("compliance",)
    assert _level(deps) == "controlled"
    assert ladder.sign(steps[CELL].proposal_id, by="cora", deps=deps).answer == "promoted"
    assert (_level(deps), _level(deps, "models/sms/small"), _level(deps, "models/email/large")) == (
        "adaptive",
        "controlled",
        "controlled",
    )
    assert not trust.may(flight.plan, "retrain_model", deps=deps)  # what was approved before is not widened
    campaign = await walk.start(plain_shop.GOAL, deps=deps, by="leo")
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    assert campaign.status == "awaiting_approval"  # the first execution needs a person at every level
    assert set(plan.envelope.allows) - set(flight.plan.envelope.allows) == {"retrain_model"}
    with pytest.raises(ApprovalError, match="LADDER-PROPOSAL"):
        ladder.sign(steps[CELL].proposal_id, by="leo", deps=deps)


def test_a_lucky_win_at_low_power_does_not_promote(flight: under_way.Flight) -> None:
    for number in range(1, 6):
        _past(flight, number, measurable=False)
    drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    assert ladder.propose(deps=flight.deps) == []
    (row,) = [each for each in ladder.table(deps=flight.deps) if each["cell"] == CELL]
    assert row["lacks"][0].endswith("(past1, past2, past3, past4, past5 won at a size too small to count)")


HISTORIES: list[tuple[str, list[dict[str, Any]], bool]] = [
    ("two wins", [{}, {}], True),
    ("one win", [{}], False),
    ("wins that broke rules", [{}, {"policy_violations": 1}], False),
    ("wins that sent twice", [{}, {"sends": {"duplicates": 2}}], False),
    ("harm after two wins", [{}, {}, {"verdict": "harm"}], False),
    ("an invalid campaign after two wins", [{}, {}, {"verdict": "invalid"}], False),
    ("wins far from what was foretold", [{"incremental_margin": Interval(low=1e6, mid=2e6, high=3e6)}] * 2, False),
    ("inconclusive ones among wins", [{}, {"verdict": "inconclusive"}, {}, {"verdict": "futile"}], True),
]


@pytest.mark.parametrize(("campaigns", "is_proposed"), [each[1:] for each in HISTORIES], ids=[each[0] for each in HISTORIES])
def test_histories_are_promoted_exactly_as_the_policy_says(
    flight: under_way.Flight, campaigns: list[dict[str, Any]], is_proposed: bool
) -> None:
    for number, changes in enumerate(campaigns, start=1):
        _past(flight, number, **changes)
    drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    assert (CELL in {step.cell for step in ladder.propose(deps=flight.deps)}) is is_proposed


def test_a_step_is_lost_when_its_evidence_is_too_old(flight: under_way.Flight) -> None:
    _promote(flight)
    flight.clock.at += timedelta(days=180, seconds=-1)
    assert _level(flight.deps) == "adaptive"
    flight.clock.at += timedelta(seconds=1)
    assert _level(flight.deps) == "controlled"


def test_a_no_is_for_good_and_needs_a_role_too(flight: under_way.Flight) -> None:
    deps = flight.deps
    _past(flight, 1), _past(flight, 2)
    drill.drill(flight.campaign_id, by="ada", deps=deps)
    step = ladder.propose(deps=deps)[0]
    assert ladder.refuse(step.proposal_id, by="leo", reason="not yet", deps=deps).answer == "refused"
    assert step.proposal_id not in {each.proposal_id for each in ladder.due(deps=deps)}
    with pytest.raises(ApprovalError, match="was refused"):
        ladder.sign(step.proposal_id, by="leo", deps=deps)
    with pytest.raises(ApprovalError, match="There is no proposal"):
        ladder.sign("l-nothing", by="leo", deps=deps)
    with pytest.raises(ApprovalError, match="LADDER-WHO"):
        ladder.sign(step.proposal_id, by=" ", deps=deps)


def test_a_breach_between_two_signatures_makes_the_proposal_stale(flight: under_way.Flight) -> None:
    deps = flight.deps
    _past(flight, 1), _past(flight, 2)
    drill.drill(flight.campaign_id, by="ada", deps=deps)
    step = next(step for step in ladder.propose(deps=deps) if step.cell == CELL)
    _staff(deps, leo=["marketing_lead"], cora=["compliance"])
    ladder.sign(step.proposal_id, by="leo", deps=deps)
    _seen(flight, verdict="harm")
    ladder.enforce([flight.campaign_id], deps=deps)
    with pytest.raises(ApprovalError, match="LADDER-STALE"):
        ladder.sign(step.proposal_id, by="cora", deps=deps)
    assert _level(deps) == "semi_autonomous"


# ---------------------------------------------------------------- down


def _promote(flight: under_way.Flight) -> None:
    _past(flight, 1), _past(flight, 2)
    drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    for step in ladder.propose(deps=flight.deps):
        ladder.sign(step.proposal_id, by="ann", deps=flight.deps)
    assert _level(flight.deps) == "adaptive"


BREACHES: list[tuple[dict[str, Any], str, str]] = [
    ({"policy_violations": 1}, "assistive", "paused"),
    ({"verdict": "invalid"}, "semi_autonomous", "running"),
    ({"verdict": "harm"}, "semi_autonomous", "running"),
    ({"guardrails": (Finding(rule="G", severity="block", subject="opt-outs", says="too many"),)}, "semi_autonomous", "running"),
]


@pytest.mark.parametrize(("seen", "level", "status"), BREACHES, ids=["violation", "invalid", "harm", "guardrail"])
def test_a_breach_counts_before_the_next_send(flight: under_way.Flight, seen: dict[str, Any], level: str, status: str) -> None:
    """The worker itself takes the level, before anything is handed over, and holds the campaign where the policy says so."""
    _promote(flight)
    before = len(flight.sends("sent"))
    _seen(flight, **seen)
    flight.clock.at += timedelta(days=3)
    witness = _Witness(flight.deps.channels["email"], flight.deps)
    deps = replace(flight.deps, channels={"email": witness})
    dispatch.drain(deps=deps, worker="w")
    assert _level(deps) == level
    assert deps.campaigns.get(flight.campaign_id).status == status
    if status == "paused":
        assert (witness.levels, len(flight.sends("sent"))) == ([], before)
    else:
        assert set(witness.levels) == {level}
        assert len(flight.sends("sent")) > before


class _Witness:
    """A channel that notes the level at the moment it is handed something."""

    is_idempotent, takes_ahead = True, timedelta(0)

    def __init__(self, inner: ChannelAdapter, deps: Deps) -> None:
        self.inner, self.deps, self.channel = inner, deps, inner.channel
        self.levels: list[str] = []

    def deliver(self, batch: Sequence[Delivery], *, now: Any) -> list[Receipt]:
        self.levels.append(_level(self.deps))
        return self.inner.deliver(batch, now=now)


async def test_after_a_breach_the_next_tick_asks_or_leaves_it_where_it_acted_before(flight: under_way.Flight) -> None:
    plan = flight.plan
    moving = ("change_timing", "choose_variant", "shift_budget")
    assert all(trust.may(plan, action, deps=flight.deps) for action in moving)
    _seen(flight, verdict="harm")
    await adapt.tick(flight.campaign_id, deps=flight.deps)
    assert [trust.permission(plan, action, deps=flight.deps) for action in moving] == ["ask"] * 3
    done = {action.kind for action in flight.deps.campaigns.actions(flight.campaign_id)}
    assert not done & {"replan", "rebudget", "resplit"}


def test_one_breach_counts_once_and_a_resumed_campaign_goes_on_at_the_lower_level(flight: under_way.Flight) -> None:
    deps = flight.deps
    _seen(flight, policy_violations=1)
    dispatch.work_once(deps=deps, worker="w")
    pausing.resume(flight.campaign_id, by="ann", reason="looked at it", deps=deps)
    flight.clock.at += timedelta(days=3)
    assert dispatch.drain(deps=deps, worker="w")["sent"] > 0
    taken = [entry for entry in ladder.entries(deps=deps) if entry.action == rules.DEMOTED]
    assert (len(taken), _level(deps)) == (1, "assistive")


def test_a_model_that_did_harm_takes_the_cells_of_its_campaigns_down(flight: under_way.Flight) -> None:
    _promote(flight)
    name, _, version = flight.plan.pins.models[0].partition("@")
    ladder.enforce_rolled_back([{"model": name, "version": "older", "before": version}], deps=flight.deps)
    assert _level(flight.deps) == "controlled"


def test_the_night_takes_levels_and_proposes(flight: under_way.Flight) -> None:
    _past(flight, 1), _past(flight, 2)
    drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    assert CELL in {ladder.waiting(key, deps=flight.deps).cell for key in nightly.refresh(deps=flight.deps)["proposed"]}
    _past(flight, 3, verdict="harm")
    nightly.refresh(deps=flight.deps)
    assert _level(flight.deps) == "semi_autonomous"


# ---------------------------------------------------------------- the drill


def test_a_drill_tries_every_way_out_reaches_nobody_and_leaves_everything_as_it_was(flight: under_way.Flight) -> None:
    before = [(row["send_id"], row["state"], row["send_at"]) for row in flight.sends()]
    done = drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    assert (done["passed"], done["let_through"]) == (True, 0)
    assert done["tried"] > 0
    assert [(row["send_id"], row["state"], row["send_at"]) for row in flight.sends()] == before
    assert flight.deps.campaigns.get(flight.campaign_id).status == "running"


def test_a_drill_finds_a_stop_that_does_not_stop(flight: under_way.Flight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill.standing, "move", lambda *given, **more: None)
    done = drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    assert (done["passed"], done["let_through"] > 0) == (False, True)
    assert {row["state"] for row in flight.sends()} <= {"planned", "sent"}
    assert not rules.drills(ladder.entries(deps=flight.deps))[-1].passed


def test_a_campaign_that_a_person_stops_during_a_drill_stays_stopped(
    flight: under_way.Flight, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(send_ids: list[str], deps: Deps) -> None:
        stopping.stop(flight.campaign_id, by="ann", reason="sold out", deps=deps)

    monkeypatch.setattr(drill, "_give_back", stopped)
    drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
    campaign = flight.deps.campaigns.get(flight.campaign_id)
    assert (campaign.status, campaign.stop_reason) == ("stopped", "sold out")


def test_what_does_not_run_cannot_be_drilled(flight: under_way.Flight) -> None:
    pausing.pause(flight.campaign_id, by="ann", reason="x", rule="PERSON", evidence={}, deps=flight.deps)
    with pytest.raises(ApprovalError, match="DRILL-NOT-RUNNING"):
        drill.drill(flight.campaign_id, by="ada", deps=flight.deps)
