"""Money between the channels of a running campaign: inside what was approved, step by step, and asked for where it is not allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
import stand_ins
from small_shop import Clock, furnish, happened

from liftwright.domain.money import Money
from liftwright.flow import decided, deciding, dispatch, walk
from liftwright.flow.rebudget import rebudget
from liftwright.ports import Deps

EMAIL, SMS = stand_ins.TEXTS
COST = 0.01


def _of(person: str, wave: int) -> Any:
    """Half of the people get e-mails, the others text messages."""
    return EMAIL if int(person[1:]) % 2 else SMS


@pytest.fixture
def fly(shop: Deps, clock: Clock, cast: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Start a week's campaign in which everybody could get either channel; the first touches are out, the second are due within a day."""

    async def start(
        *,
        allows: tuple[str, ...] = ("shift_budget",),
        both: bool = True,
        value: float = 80.0,
        cost: float = COST,
        price: float = 0.5,
    ) -> str:
        furnish(shop, people=120, source="more")
        row, summary = stand_ins._row, stand_ins._summary

        def half_and_half(person: str, wave: int, starts_on: Any, text: Any) -> dict[str, Any]:
            return row(person, wave, starts_on, _of(person, wave)) | {"value": value, "cost": cost}

        def with_options(digest: str, rows: list[dict[str, Any]], *rest: Any) -> Any:
            options = [
                each | {"channel": text.channel, "variant": text.variant_id} for each in rows for text in (EMAIL, SMS) if both
            ]
            found = summary(digest, rows, *rest)
            told = {
                "prices": stand_ins.PRICES | {"budget": price},
                "candidates": shop.lake.put(pa.Table.from_pylist(options or rows)),
            }
            return found.model_copy(update=told)

        monkeypatch.setattr(stand_ins, "_row", half_and_half)
        monkeypatch.setattr(stand_ins, "_summary", with_options)
        monkeypatch.setattr(stand_ins, "ALLOWS", allows)
        campaign = await walk.start("Sell more", deps=shop)
        await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
        clock.on(hours=2)
        dispatch.drain(deps=shop, worker="w", limit=500)
        return campaign.campaign_id

    return start


def _spend(shop: Deps, campaign_id: str) -> dict[str, float]:
    rows = shop.ledger.sends(campaign_id, states=("planned",)).to_pylist()
    return {name: round(sum(row["cost"] for row in rows if row["channel"] == name), 4) for name in ("email", "sms")}


def _sell(shop: Deps, campaign_id: str, clock: Clock, channel: str) -> None:
    """Everybody whom a channel reached buys; then the second wave comes within a day."""
    clock.on(hours=4)
    rows = [row for row in shop.ledger.sends(campaign_id, states=("sent",)).to_pylist() if row["channel"] == channel]
    events = [happened(row["customer_id"], "purchase", clock.at, amount=60.0) for row in rows]
    shop.lake.add({"events": pa.concat_tables(events)}, source="sold", now=clock.at)
    clock.on(hours=24)


def _plan(shop: Deps, campaign_id: str) -> Any:
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    return plan


async def test_money_goes_to_the_channel_that_sells_by_thirty_per_cent_and_no_more(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly()
    before = _spend(shop, campaign)
    _sell(shop, campaign, clock, "sms")
    assert rebudget(_plan(shop, campaign), number=4, deps=shop) > 0
    after = _spend(shop, campaign)
    assert sum(after.values()) <= sum(before.values()) + 1e-9
    assert before["sms"] * 1.2 < after["sms"] <= before["sms"] * 1.3 + 1e-9
    assert after["email"] >= before["email"] * 0.7 - 1e-9
    sends = shop.ledger.sends(campaign).to_pylist()
    assert rebudget(_plan(shop, campaign), number=5, deps=shop) == 0, "once a day, also when a tick is repeated"
    assert _spend(shop, campaign) == after
    kept = [(row["customer_id"], row["wave"]) for row in sends if row["state"] != "cancelled"]
    assert len(kept) == len(set(kept)), "nobody gets two touches in one wave"


async def test_what_moved_is_delivered_by_its_new_channel_and_nothing_twice(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly()
    _sell(shop, campaign, clock, "sms")
    moved = rebudget(_plan(shop, campaign), number=4, deps=shop)
    clock.on(hours=24)
    done = dispatch.drain(deps=shop, worker="w", limit=500)
    assert done["sent"] == sum(
        1 for row in shop.ledger.sends(campaign).to_pylist() if row["wave"] == 2 and row["state"] == "sent"
    )
    by_text = [row for row in shop.ledger.sends(campaign, states=("sent",)).to_pylist() if row["wave"] == 2]
    assert sum(_of(row["customer_id"], 2).channel != row["channel"] for row in by_text) == moved
    assert all(row["variant_id"] == {"email": "v-email", "sms": "v-sms"}[row["channel"]] for row in by_text)


async def test_the_action_says_what_was_decided_for_whom(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly()
    _sell(shop, campaign, clock, "sms")
    moved = rebudget(_plan(shop, campaign), number=4, deps=shop)
    (action,) = [each for each in shop.campaigns.actions(campaign) if each.kind == "rebudget"]
    assert action.before["spend"]["email"] > action.after["spend"]["email"]
    assert action.after["marginal_return"]["sms"] > action.after["marginal_return"]["email"]
    log = decided.log(campaign, kind="rebudget", deps=shop)
    assert log.num_rows == moved
    assert set(log["chosen"].to_pylist()) == {"sms"}
    assert log["eligible"][0].as_py() == ["email", "none", "sms"]
    assert "campaign.rebudgeted" in {entry.action for entry in shop.journal.entries(subject=campaign)}


async def test_the_first_days_spread_the_money_so_that_responses_can_be_told(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly()
    before = _spend(shop, campaign)
    clock.on(hours=28)
    assert rebudget(_plan(shop, campaign), number=1, deps=shop) > 0
    after = _spend(shop, campaign)
    changes = sorted(after[name] / before[name] for name in before)
    assert changes[0] < 0.9
    assert changes[1] > 1.1
    assert all(0.7 - 1e-9 <= each <= 1.3 + 1e-9 for each in changes)


async def test_people_without_another_option_keep_what_was_planned(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly(both=False)
    before = _spend(shop, campaign)
    _sell(shop, campaign, clock, "sms")
    assert rebudget(_plan(shop, campaign), number=4, deps=shop) == 0
    assert _spend(shop, campaign) == before


async def test_touches_that_turn_out_to_bring_less_than_they_cost_are_given_up_where_that_is_allowed(
    shop: Deps, clock: Clock, fly: Any
) -> None:
    """Planned to bring twice their cost; nearly nobody bought."""
    campaign = await fly(allows=("shift_budget", "reduce_sends"), both=False, value=4.0, cost=4.0)
    clock.on(hours=4)
    shop.lake.add({"events": happened("C000001", "purchase", clock.at, amount=20.0)}, source="one", now=clock.at)
    clock.on(hours=24)
    plan = _plan(shop, campaign)
    before = _spend(shop, campaign)
    kept = plan.model_copy(update={"envelope": plan.envelope.model_copy(update={"allows": ("shift_budget",)})})
    assert rebudget(kept, number=4, deps=shop) == 0
    assert rebudget(plan, number=4, deps=shop) > 0
    after = _spend(shop, campaign)
    assert sum(after.values()) < sum(before.values())
    assert all(after[name] >= before[name] * 0.7 - 1e-9 for name in before)


async def test_a_channel_with_a_budget_of_its_own_gets_no_more_than_that(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly()
    _sell(shop, campaign, clock, "sms")
    plan, before = _plan(shop, campaign), _spend(shop, campaign)
    whole = [row["cost"] for row in shop.ledger.sends(campaign).to_pylist() if row["channel"] == "sms"]
    limits = {**plan.assignment.limits, "channel_budget": {"sms": sum(whole)}}
    bound = plan.model_copy(update={"assignment": plan.assignment.model_copy(update={"limits": limits})})
    assert rebudget(bound, number=4, deps=shop) == 0
    assert _spend(shop, campaign) == before
    assert rebudget(plan, number=4, deps=shop) > 0


async def test_no_move_makes_the_flight_dearer_than_approved(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly()
    _sell(shop, campaign, clock, "sms")
    plan = _plan(shop, campaign)
    options = shop.lake.get(plan.assignment.candidates)
    dear = pa.array([COST * 1.5 if name == "sms" else COST for name in options["channel"].to_pylist()])
    digest = shop.lake.put(options.set_column(options.schema.get_field_index("cost"), "cost", dear))
    tight = plan.envelope.model_copy(update={"max_total_spend": Money.of(0.01, "USD")})
    assignment = plan.assignment.model_copy(update={"candidates": digest})
    before = _spend(shop, campaign)
    rebudget(plan.model_copy(update={"envelope": tight, "assignment": assignment}), number=4, deps=shop)
    assert sum(_spend(shop, campaign).values()) <= sum(before.values()) + 1e-9


async def test_where_it_is_not_allowed_the_move_is_asked_for_with_its_difference(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly(allows=())
    before = _spend(shop, campaign)
    _sell(shop, campaign, clock, "sms")
    plan = _plan(shop, campaign).model_copy(update={"autonomy_level": "semi_autonomous"})
    assert rebudget(plan, number=4, deps=shop) == 0
    assert _spend(shop, campaign) == before
    waiting = shop.approvals.pending(campaign)
    assert waiting is not None
    assert f"sms {before['sms']:.2f} → " in waiting.title
    assert rebudget(plan, number=5, deps=shop) == 0
    assert len([each for each in shop.campaigns.actions(campaign) if each.kind == "ask"]) == 1
    await deciding.decide("approve", campaign, plan_hash=waiting.plan_hash, by="ann", deps=shop)
    assert shop.campaigns.get(campaign).status == "running"
    assert rebudget(plan, number=6, deps=shop) > 0


async def test_a_no_holds_and_is_written_down(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly(allows=())
    _sell(shop, campaign, clock, "sms")
    plan = _plan(shop, campaign).model_copy(update={"autonomy_level": "semi_autonomous"})
    rebudget(plan, number=4, deps=shop)
    waiting = shop.approvals.pending(campaign)
    assert waiting is not None
    await deciding.decide("reject", campaign, plan_hash=waiting.plan_hash, by="ann", reason="too early", deps=shop)
    assert rebudget(plan, number=5, deps=shop) == 0
    assert shop.approvals.pending(campaign) is None
    assert "change_refused" in {each.kind for each in shop.campaigns.actions(campaign)}


async def test_a_level_that_never_may_neither_moves_nor_asks(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly(allows=())
    _sell(shop, campaign, clock, "sms")
    bundle = shop.library.policies()
    closed = {**bundle.autonomy, "levels": {"controlled": {"actions": {"shift_budget": "no"}}}}
    closed["ladder"] = {**closed["ladder"], "classes": {"money": {"actions": ["shift_budget"]}}}
    library = type("Closed", (), {"policies": lambda self: bundle.model_copy(update={"autonomy": closed})})()
    assert rebudget(_plan(shop, campaign), number=4, deps=replace(shop, library=library)) == 0
    assert shop.approvals.pending(campaign) is None


async def test_where_money_is_not_scarce_none_is_moved(shop: Deps, clock: Clock, fly: Any) -> None:
    campaign = await fly(price=0.0)
    before = _spend(shop, campaign)
    _sell(shop, campaign, clock, "email")
    assert rebudget(_plan(shop, campaign), number=4, deps=shop) == 0
    assert _spend(shop, campaign) == before
