"""Looks of a campaign from the first tick to after its end: what they spend, what they write down, what they forbid, what can be checked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from small_shop import Clock, happened

import plain_shop
from liftwright.domain.evidence import Estimate, Health, Report
from liftwright.domain.experiment import Analysis, StopRule
from liftwright.flow import across, adapt, deciding, dispatch, export, learn, looking, reporting, shown, walk
from liftwright.flow import stopping as flow_stopping
from liftwright.flow.fresh import arms
from liftwright.measurement import looks, stopping
from liftwright.ports import Deps


async def _running(shop: Deps, clock: Clock) -> str:
    """A launched campaign whose first messages are out."""
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    return campaign.campaign_id


def _sides(shop: Deps, campaign_id: str) -> tuple[list[str], list[str]]:
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    treated, held = arms(plan.audience.digest, shop)
    return sorted(treated), sorted(held)


def _buy(shop: Deps, people: list[str], clock: Clock, *, amount: float = 20.0) -> None:
    rows = [happened(person, "purchase", clock.at, amount=amount + place % 3) for place, person in enumerate(people)]
    shop.lake.add({"events": pa.concat_tables(rows)}, source=f"{clock.at}{len(people)}{amount}", now=clock.at)


async def test_every_tick_writes_down_what_it_saw_and_the_report_draws_all_of_them(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop, clock)
    treated, held = _sides(shop, campaign_id)
    for day in range(3):
        clock.on(days=1)
        _buy(shop, treated[6 * day : 6 * day + 6] + held[2 * day : 2 * day + 2], clock)
        clock.on(hours=1)
        await adapt.tick(campaign_id, deps=shop)
    written = looking.past(campaign_id, shop)
    assert [one.conversions for one in written] == [2, 4, 6]
    assert [one.information for one in written] == sorted(one.information for one in written)
    clock.on(hours=1)
    found = reporting.report(campaign_id, deps=shop)
    assert found.series[:3] == written
    assert (found.series[-1].low, found.series[-1].mid) == (found.lift.low, found.lift.mid)
    last = found.series[-1]
    assert last.anytime_low is not None
    assert last.low is not None
    assert last.anytime_high is not None
    assert last.anytime_low < last.anytime_high


async def test_arms_that_cannot_be_compared_stop_every_adaptation(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await _running(shop, clock)
    drawn: list[int] = []
    monkeypatch.setattr(adapt, "resplit", lambda plan, *, number, deps: drawn.append(number))
    report = reporting.report(campaign_id, deps=shop)
    state: Any = {"campaign_id": campaign_id, "report": report, "fraction": 0.1, "fired": ()}
    await adapt.act(state | {"report": report.model_copy(update={"verdict": "invalid"})}, deps=shop)
    assert drawn == []
    await adapt.act(state, deps=shop)
    assert drawn == [2]


async def test_people_of_both_arms_who_turn_out_to_be_one_person_are_lost_and_said(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop, clock)
    treated, held = _sides(shop, campaign_id)
    snapshot = shop.lake.snapshot()
    assert snapshot is not None
    rows = shop.lake.read(snapshot)["customers"].to_pylist()
    twin = next(row for row in rows if row["customer_id"] == held[0])
    same = next(row for row in rows if row["customer_id"] == treated[0])
    merged = twin | {name: same[name] for name in ("email", "phone", "first_name", "birth_date")}
    schema = shop.lake.read(snapshot)["customers"].schema
    shop.lake.add({"customers": pa.Table.from_pylist([merged], schema=schema)}, source="merge", now=clock.at)
    found = reporting.report(campaign_id, deps=shop)
    assert found.health.lost == 2
    assert "2 people of the audience can no longer be analysed." in found.narrative


async def test_what_was_exported_gives_every_figure_back(shop: Deps, clock: Clock, tmp_path: Path) -> None:
    campaign_id = await _running(shop, clock)
    treated, held = _sides(shop, campaign_id)
    clock.on(hours=3)
    _buy(shop, treated[:9] + held[:2], clock)
    clock.on(hours=1)
    for what in ("audience", "outcomes", "sends"):
        export.write(campaign_id, what, target=tmp_path / f"{what}.parquet", deps=shop)
    data = shown.report_json(reporting.report(campaign_id, deps=shop))
    with duckdb.connect() as database:
        for what in ("audience", "outcomes", "sends"):
            database.execute(f"CREATE VIEW {what} AS SELECT * FROM '{tmp_path / what}.parquet'")
        figures = [(data["lift"]["query"], data["lift"]["mid"]), (data["queries"]["contamination"], 0)]
        figures += [(one["query"], one["mid"]) for one in data["secondary"] if one["mid"] is not None]
        figures += [(one["query"], one["margin"]) for one in data["arms"]]
        figures.append((data["queries"]["incremental_margin"], data["incremental_margin"]["mid"]))
        assert len(figures) == 8
        for query, figure in figures:
            assert database.execute(query).fetchone() == (pytest.approx(figure),)


async def test_touches_of_every_kind_stand_in_order_with_the_time_in_between(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop, clock)
    person = _sides(shop, campaign_id)[0][0]
    sent_at = clock.at
    for hours, kind, channel in (
        (5, "call_answered", "voice"),
        (30, "purchase", "store"),
        (54, "letter_returned", "direct_mail"),
    ):
        at = sent_at + timedelta(hours=hours)
        shop.lake.add({"events": happened(person, kind, at, channel=channel, amount=9.0)}, source=kind, now=at)
    clock.on(days=4)
    dispatch.drain(deps=shop, worker="w")
    table = export.export(campaign_id, "touches", deps=shop)
    assert isinstance(table, pa.Table)
    mine = [row for row in table.to_pylist() if row["customer_id"] == person]
    assert [(row["order"], row["what"], row["channel"]) for row in mine] == [
        (1, "contact", "email"),
        (2, "call_answered", "voice"),
        (3, "purchase", "store"),
        (4, "letter_returned", "direct_mail"),
        (5, "contact", "sms"),
    ]
    assert [row["since_last_hours"] for row in mine[:4]] == [None, 5.0, 25.0, 24.0]
    assert [row["since_contact_hours"] for row in mine[:4]] == [None, 5.0, 30.0, 54.0]


async def test_days_planned_and_delivered_are_counted_with_their_cost(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop, clock)
    found = reporting.report(campaign_id, deps=shop)
    first, second = found.pacing
    assert (first.planned, first.delivered, second.delivered) == (first.delivered, second.planned, 0)
    assert first.cost == pytest.approx(0.01 * first.delivered)


async def test_a_look_after_the_end_on_newer_data_has_no_planned_end_any_more(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop, clock)
    treated, held = _sides(shop, campaign_id)
    clock.on(days=1)
    _buy(shop, treated[:9] + held[:3], clock)
    clock.on(hours=1)
    await adapt.tick(campaign_id, deps=shop)
    await learn.finish(campaign_id, deps=shop)
    closed = reporting.report(campaign_id, deps=shop).series[-1]
    assert closed.critical is None
    clock.on(days=1)
    _buy(shop, held[3:5], clock, amount=30.0)
    clock.on(hours=1)
    later = reporting.report(campaign_id, deps=shop).series[-1]
    now = looks.look(conversions=1.0, planned=None, elapsed=later.information, has_ended=True)
    assert later.conversions > closed.conversions
    assert later.critical == pytest.approx(looks.anytime_critical(now, level=0.95))


async def test_a_campaign_stopped_early_is_watched_with_what_holds_at_every_look_until_it_is_closed(
    shop: Deps, clock: Clock
) -> None:
    campaign_id = await _running(shop, clock)
    treated, held = _sides(shop, campaign_id)
    clock.on(days=1)
    _buy(shop, treated[:9] + held[:3], clock)
    clock.on(hours=1)
    flow_stopping.stop(campaign_id, by="ann", reason="enough", deps=shop)
    open_ended = reporting.report(campaign_id, deps=shop)
    closed = reporting.look(campaign_id, deps=shop, has_ended=True).report
    assert open_ended.lift.mid == closed.lift.mid
    assert open_ended.series[-1].critical > 1.4 * 1.959964  # type: ignore[operator]
    assert closed.series[-1].critical is None
    assert open_ended.lift.high > closed.lift.high  # type: ignore[operator]


async def test_a_plan_that_could_not_find_its_effect_is_never_stopped_for_futility(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop, clock)
    clock.on(days=1)
    seen = reporting.look(campaign_id, deps=shop)
    rule = StopRule(name="futility", statistic="", bound=0.2, says="")
    nothing = Estimate(metric="margin", low=-1.0, mid=-0.1, high=1.0, p_value=0.8)
    small = Analysis(conversions=40.0, expected=0.4, detectable=0.9)
    for analysis, is_futile in ((small, False), (small.model_copy(update={"expected": 1.0}), True), (None, True)):
        watch = stopping.Watch(
            fraction=0.7, information=0.7, lift=nothing, conversions=99, has_power=analysis is None or analysis.is_measurable
        )
        assert bool(stopping.judge(watch, rules=[rule])) == is_futile
    assert seen.has_power
    assert 0.0 < seen.matured < seen.report.matured_share + 1e-9


def _report(shop: Deps, campaign_id: str, mid: float, *, verdict: str = "win", currency: str = "USD") -> Report:
    effect = Estimate(metric="margin", low=mid - 1, mid=mid, high=mid + 1, error=0.5, p_value=0.01, treated=900)
    return Report(
        campaign_id=campaign_id, status="finished", currency=currency, approved_hash=None, plan_hash=None, sends={}, lift=effect,
        margin=effect, looks=1, matured_share=1.0, incremental_margin=None, verdict=verdict,
        health=Health(srm_p=0.5, contamination=0, late_data=0),
    )  # fmt: skip


async def test_closed_campaigns_of_one_currency_that_can_be_believed_are_pooled(shop: Deps, clock: Clock) -> None:
    names = []
    for mid, verdict, currency in (
        (1.0, "win", "USD"),
        (9.0, "invalid", "USD"),
        (9.0, "win", "EUR"),
        (2.0, "inconclusive", "USD"),
    ):
        campaign_id = await _running(shop, clock)
        await learn.finish(campaign_id, deps=shop)
        shop.campaigns.save_report(_report(shop, campaign_id, mid, verdict=verdict, currency=currency), at=clock.at)
        names.append(campaign_id)
    found = across.pooled(_report(shop, "this", 1.5), deps=shop)
    assert {one.campaign_id for one in found.campaigns} == {names[0], names[3], "this"}
    assert found.fixed is not None
    assert 1.0 < found.fixed.mid < 2.0


def test_a_real_plan_fixes_how_it_will_be_judged_and_its_hash_says_so(tmp_path: Path) -> None:
    with plain_shop.waiting(tmp_path) as (deps, campaign_id):
        plan = plain_shop.plan_of(deps, campaign_id)
        table = deps.lake.get(plan.audience.digest)
    fixed = plan.experiment.analysis
    assert fixed is not None
    assert fixed.conversions > 0
    assert fixed.covariate in ("", *table.column_names)
    assert fixed.expected is not None
    for name, value in (
        ("cap", 1.0),
        ("covariate", "prior_value"),
        ("conversions", 1.0),
        ("detectable", 1.0),
        ("opt_out_price", 9.0),
    ):
        other = plan.experiment.model_copy(update={"analysis": fixed.model_copy(update={name: value})})
        changed = plan.model_copy(update={"experiment": other})
        assert (changed.plan_hash == plan.plan_hash) == (getattr(fixed, name) == value), name
    bare = plan.model_copy(update={"experiment": plan.experiment.model_copy(update={"analysis": None}), "manifest_version": 2})
    assert "analysis" not in bare.manifest()["experiment"]
