"""The arms of a campaign and the global holdout, on real plans: drawn as stated, frozen into what is approved, kept at every door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

import plain_shop
from liftwright.agents.bench import Bench, solving
from liftwright.domain.errors import ApprovalError, GoalError
from liftwright.domain.plan import Plan
from liftwright.flow import (
    adapt,
    asking,
    audit,
    deciding,
    dispatch,
    edits,
    fresh,
    launch,
    replaying,
    shown,
    untouchable,
    visitor,
    walk,
)
from liftwright.ports import Deps
from liftwright.settings import Settings

EXPERIMENT = {"global_holdout": 0.1, "random_share": 0.15, "usual_share": 0.1, "usual": {"channel": "email", "offer": "none"}}


@dataclass
class Shop:
    """A shop with a global holdout, and a plan with both arms on request that waits for approval."""

    deps: Deps
    plan: Plan

    def table(self, digest: str) -> list[dict[str, Any]]:
        return self.deps.lake.get(digest).to_pylist()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Planned once."""
    home = plain_shop.copy_of(plain_shop.furnished(), tmp_path_factory.mktemp("arms") / "home")
    deps = plain_shop.open_shop(home, experiment=EXPERIMENT)
    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=deps, arms=("random", "usual")))
    assert campaign.status == "awaiting_approval", campaign.stop_reason
    plain_shop.close(deps)
    return home


@pytest.fixture
def shop(kept: Path, tmp_path: Path) -> Iterator[Shop]:
    """A copy of it."""
    deps = plain_shop.open_shop(plain_shop.copy_of(kept, tmp_path / "home"), experiment=EXPERIMENT)
    (campaign,) = deps.campaigns.all()
    yield Shop(deps, plain_shop.plan_of(deps, campaign.campaign_id))
    plain_shop.close(deps)


def test_everybody_is_in_the_arm_that_the_stated_salt_and_stratum_draw(shop: Shop) -> None:
    audience = shop.deps.lake.get(shop.plan.audience.digest)
    assert untouchable.is_drawn(shop.plan.experiment, audience, gone=0)
    assert shop.plan.experiment.strata == 20
    counts = audience.group_by("arm").aggregate([([], "count_all")]).to_pylist()
    shares = {row["arm"]: row["count_all"] / audience.num_rows for row in counts}
    assert shares == pytest.approx({"holdout": 0.1, "random": 0.15, "usual": 0.1, "treated": 0.65}, abs=0.03)


def test_every_stratum_gives_each_arm_its_share(shop: Shop) -> None:
    rows = shop.table(shop.plan.audience.digest)
    for stratum in {row["stratum"] for row in rows}:
        mine = [row["arm"] for row in rows if row["stratum"] == stratum]
        for arm, share in shop.plan.experiment.shares.items():
            assert abs(mine.count(arm) - share * len(mine)) < 1.0 + 1e-9


def test_options_of_the_random_arm_are_drawn_alike_and_their_chance_is_logged(shop: Shop) -> None:
    arms = {row["customer_id"]: row["arm"] for row in shop.table(shop.plan.audience.digest)}
    options = [row for row in shop.table(shop.plan.assignment.candidates) if arms[row["customer_id"]] == "random"]
    draws = {r["customer_id"]: r for r in shop.table(shop.plan.assignment.draws) if arms[r["customer_id"]] == "random"}
    touches = {r["customer_id"]: r for r in shop.table(shop.plan.assignment.digest) if arms[r["customer_id"]] == "random"}
    for person, draw in draws.items():
        mine = [row["propensity"] for row in options if row["customer_id"] == person]
        assert set(mine) == {1 / (len(mine) + 1)} == {draw["propensity"]}
        assert draw["outcomes"] == len(mine) + 1
        assert (draw["channel"] is None) == (person not in touches)
    assert touches
    assert all(row["randomised"] for row in touches.values())
    assert {row["value"] > 0 for row in touches.values()} == {True, False}, "also what the plan would never choose is tried"


def test_only_what_is_likely_to_help_competes_but_the_random_arm_tries_anything(shop: Shop) -> None:
    pins = shop.plan.pins
    created_at = shop.deps.campaigns.get(shop.plan.campaign_id).created_at
    named = {"campaign_id": shop.plan.campaign_id, "snapshot_id": pins.snapshot, "as_of": created_at, "seed": pins.seed}
    bench = Bench(shop.deps, **named, models=pins.models)
    effects, place = bench.scored.effects, {name: number for number, name in enumerate(bench.data.ids)}
    assert effects.ranked_by == "orders"
    likely = effects.values > solving.LIKELY_Z * effects.errors
    arms = {row["customer_id"]: row["arm"] for row in shop.table(shop.plan.audience.digest)}
    seen: dict[str, set[bool]] = {"treated": set(), "random": set()}
    for row in shop.table(shop.plan.assignment.candidates):
        column = bench.data.actions.index(f"{row['channel']}:{row['offer']}")
        seen.setdefault(arms[row["customer_id"]], set()).add(bool(likely[place[row["customer_id"]], column]))
    assert seen["treated"] == {True}
    assert seen["random"] == {True, False}


def test_business_as_usual_sends_what_the_rule_says_to_everybody_in_its_arm(shop: Shop) -> None:
    arms = {row["customer_id"]: row["arm"] for row in shop.table(shop.plan.audience.digest)}
    touches = [row for row in shop.table(shop.plan.assignment.digest) if arms[row["customer_id"]] == "usual"]
    assert len(touches) == list(arms.values()).count("usual")
    assert {(row["channel"], row["offer"], row["wave"], row["propensity"]) for row in touches} == {("email", "none", 1, 1.0)}


def test_the_plan_counts_what_the_arms_get_and_its_funnel_adds_up(shop: Shop) -> None:
    plan = shop.plan
    rows = shop.table(plan.assignment.digest)
    assert plan.assignment.violations == 0
    assert sum(row["value"] for row in rows) == pytest.approx(plan.assignment.objective)
    assert plan.assignment.upper_bound >= plan.assignment.objective
    left = plan.audience.population
    for step in plan.audience.funnel:
        left -= step.removed
        assert step.left == left
    assert left == plan.audience.selected == len({row["customer_id"] for row in rows})


def test_nobody_of_the_global_holdout_is_in_the_plan(shop: Shop) -> None:
    found = shop.plan.experiment.global_holdout
    assert found is not None
    everybody = fresh.newest(shop.deps).ids
    out = untouchable.planned_out(shop.plan.experiment, everybody)
    assert (len(out), found.share) == (found.people, 0.1)
    assert not out & {row["customer_id"] for row in shop.table(shop.plan.audience.digest)}
    step = next(step for step in shop.plan.audience.funnel if step.rule == "global holdout")
    assert 0 < step.removed <= found.people
    person = sorted(out)[0]
    said = asking.why(shop.plan.campaign_id, person, deps=shop.deps)
    assert (said["arm"], said["chosen"]) == ("holdout", None)
    assert visitor.next_action(person, deps=shop.deps)["action"] == "control"


async def test_the_global_holdout_is_the_same_for_the_next_campaign_and_another_next_quarter(shop: Shop) -> None:
    people = fresh.newest(shop.deps).people
    said = [
        untouchable.now_out(people, "email", at=plain_shop.NOW + timedelta(days=days), settings=shop.deps.settings).tolist()
        for days in (0, 30, 80)
    ]
    assert said[0] == said[1] != said[2]


async def test_a_send_to_the_global_holdout_is_refused_at_the_gate_and_found_by_the_audit(shop: Shop, tmp_path: Path) -> None:
    plan = shop.plan
    await deciding.decide("approve", plan.campaign_id, plan_hash=plan.plan_hash, by="Ann", deps=shop.deps)
    first = shop.deps.ledger.sends(plan.campaign_id)["customer_id"][0].as_py()
    home = shop.deps.settings.home
    plain_shop.close(shop.deps)
    salt = next(s for s in map(str, range(10_000)) if first in _out(first, s))
    stricter = plain_shop.open_shop(
        home, experiment={"global_holdout": 0.1, "salt": salt}, now=lambda: plain_shop.NOW + timedelta(hours=2)
    )
    dispatch.drain(deps=stricter, worker="w")
    sends = stricter.ledger.sends(plan.campaign_id)
    mine = sends.filter(pc.equal(sends["customer_id"], first)).to_pylist()
    assert "HOLDOUT-UNTOUCHABLE" in {row["reason"] for row in mine}
    assert "sent" not in {row["state"] for row in mine}
    outside = sorted(untouchable.planned_out(plan.experiment, fresh.newest(stricter).ids))[0]
    row = {"customer_id": outside, "channel": "email", "sent_at": plain_shop.NOW, "send_at": plain_shop.NOW}
    assert audit.violations(plan, [row], fresh.newest(stricter), deps=stricter) == 1
    plain_shop.close(stricter)


def _out(person: str, salt: str) -> set[str]:
    from liftwright.domain.experiment import GlobalHoldout
    from liftwright.measurement import holdout

    salts = holdout.quarter_salts(plain_shop.NOW.date(), plain_shop.NOW.date(), salt=salt)
    wanted = GlobalHoldout(share=0.1, salts=salts)
    return {person} if holdout.globally_held([person], salts=wanted.salts, share=wanted.share)[0] else set()


def test_an_arm_that_was_moved_behind_the_back_is_not_launched(shop: Shop) -> None:
    audience = shop.deps.lake.get(shop.plan.audience.digest)
    arms = audience["arm"].to_pylist()
    place = arms.index("holdout")
    moved = audience.set_column(
        audience.column_names.index("arm"), "arm", [["treated" if n == place else arm for n, arm in enumerate(arms)]]
    )
    plan = shop.plan.model_copy(update={"audience": shop.plan.audience.model_copy(update={"digest": shop.deps.lake.put(moved)})})
    rows = shop.deps.lake.get(plan.assignment.digest)
    with pytest.raises(ApprovalError, match="draw of the arms"):
        launch.verify_holdout(plan, rows, shop.deps)
    launch.verify_holdout(shop.plan, rows, shop.deps)


async def test_the_arms_are_measured_apart_and_stay_out_of_the_comparison(shop: Shop) -> None:
    plan = shop.plan
    await deciding.decide("approve", plan.campaign_id, plan_hash=plan.plan_hash, by="Ann", deps=shop.deps)
    found = await adapt.tick(plan.campaign_id, deps=shop.deps)
    audience = shop.deps.lake.get(plan.audience.digest)
    chosen = audience.filter(pc.field("is_selected"))
    sizes = {row["values"]: row["counts"] for row in chosen["arm"].value_counts().to_pylist()}
    assert {arm.arm: arm.people for arm in found.arms} == sizes
    assert set(sizes) == {"treated", "holdout", "random", "usual"}
    assert (found.lift.treated, found.lift.holdout) == (sizes["treated"], sizes["holdout"])
    assert found.health.srm_p is not None
    assert found.health.srm_p > 0.001


def test_a_plan_with_arms_is_replayed_bit_for_bit(shop: Shop) -> None:
    assert replaying.replay(shop.plan.campaign_id, deps=shop.deps)["differences"] == []


async def test_an_edit_adds_an_arm_and_a_rule_that_cannot_be_sent_blocks(shop: Shop) -> None:
    changes = {"experiment.arms": "usual"}
    await deciding.decide("edit", shop.plan.campaign_id, plan_hash=None, by="Ann", changes=changes, deps=shop.deps)
    revised = plain_shop.plan_of(shop.deps, shop.plan.campaign_id)
    assert [each.arm for each in revised.experiment.arms] == ["usual"]
    with pytest.raises(GoalError, match="random, usual"):
        edits.parse({"experiment.arms": "placebo"}, settings=Settings())
    home = shop.deps.settings.home
    plain_shop.close(shop.deps)
    other = {"usual": {"channel": "sms", "offer": "none"}}
    deps = plain_shop.open_shop(home, experiment=other)
    campaign = await walk.start(plain_shop.GOAL, deps=deps, arms=("usual",))
    plan = plain_shop.plan_of(deps, campaign.campaign_id)
    assert campaign.status == "blocked"
    assert "sms:none" in next(finding.says for finding in plan.findings if finding.rule == "ARM-IMPOSSIBLE")
    plain_shop.close(deps)


async def test_arms_that_would_take_more_than_the_campaign_has_block_and_name_the_limit(tmp_path: Path) -> None:
    home = plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home")
    deps = plain_shop.open_shop(home, channels={"email": {"capacity_per_day": 1}}, experiment={"usual_share": 0.3})
    campaign = await walk.start(plain_shop.GOAL, deps=deps, arms=("usual",))
    assert campaign.status in ("blocked", "infeasible")
    found = [finding["says"] for finding in shown.plan_json(campaign.campaign_id, deps=deps)["findings"]]
    assert any("of the capacity of email" in says for says in found)
    plain_shop.close(deps)
