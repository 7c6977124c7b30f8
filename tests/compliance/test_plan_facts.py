"""Facts of a plan, and when a delayed send may go."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.compliance import evaluate, plan_facts, waiting
from liftwright.compliance.rules import facts_of
from liftwright.domain.goal import Constraint, Objective
from liftwright.domain.money import Money
from liftwright.domain.treatment import Offer
from liftwright.library import DiskLibrary
from liftwright.settings import ChannelSettings, LimitSettings, MarginSettings, SenderSettings, Settings

BUNDLE = DiskLibrary().policies()
SENDER = SenderSettings(
    name="Shoes Ltd",
    address="5 Plain Road",
    from_email="shop@shoes.example",
    unsubscribe_url="https://shoes.example/unsubscribe",
)
SETTINGS = Settings(margin=MarginSettings(rate=0.40, floor=0.30), limits=LimitSettings(max_discount=0.25), sender=SENDER)


def objective(**fields: Any) -> Objective:
    return Objective(**({"metric": "revenue", "starts_on": date(2026, 11, 23), "ends_on": date(2026, 12, 6)} | fields))


def plan(**changes: Any) -> Any:
    """A plan as far as the facts look at it."""
    given = {
        "objective": objective(),
        "cost": Money.of("100", "USD"),
        "offers": (Offer(name="none"), Offer(name="save10", discount=0.1, stock=40)),
    }
    given |= {
        "by_offer": {"none": 60, "save10": 40},
        "by_channel": {"email": 100},
        "gain": 500.0,
        "violations": 0,
        "share": 0.1,
    } | changes
    return SimpleNamespace(
        objective=given["objective"],
        offers=given["offers"],
        forecast=SimpleNamespace(cost=given["cost"], incremental_margin=SimpleNamespace(mid=given["gain"])),
        assignment=SimpleNamespace(
            by_offer=given["by_offer"], by_channel=given["by_channel"], touches=100, violations=given["violations"]
        ),
        experiment=SimpleNamespace(holdout_share=given["share"]),
        audience=SimpleNamespace(population=1000, eligible=800, selected=100, holdout=80),
    )


def rules_of(found: Any, **fields: Any) -> set[str]:
    return {finding.rule for finding in evaluate.plan(BUNDLE, plan_facts.plan_facts(found, settings=SETTINGS, **fields))}


def test_the_facts_are_exactly_the_declared_plan_facts_and_a_sound_plan_passes() -> None:
    assert set(plan_facts.plan_facts(plan(), settings=SETTINGS)) == set(facts_of(BUNDLE.facts, "plan"))
    assert rules_of(plan()) == set()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"objective": objective(budget=Money.of("99.99", "USD"))}, "BUDGET"),
        ({"objective": objective(budget=Money.of("500", "EUR"))}, "BUDGET"),
        ({"objective": objective(constraints=(Constraint(kind="margin_floor", value=0.38),))}, "MARGIN-FLOOR"),
        ({"objective": objective(constraints=(Constraint(kind="no_discount", value="yes"),))}, "DISCOUNT-LIMIT"),
        ({"objective": objective(constraints=(Constraint(kind="max_discount", value=0.05),))}, "DISCOUNT-LIMIT"),
        (
            {"offers": (Offer(name="none"), Offer(name="save10", discount=0.26)), "by_offer": {"none": 95, "save10": 5}},
            "DISCOUNT-LIMIT",
        ),
        ({"by_offer": {"none": 50, "save10": 41}}, "OFFER-STOCK"),
        ({"gain": 0.0}, "GAIN-POSITIVE"),
        ({"violations": 1}, "PLAN-LIMITS"),
        ({"share": 0.019}, "EXPERIMENT-HOLDOUT"),
        ({"by_channel": {"voice": 1}}, "APPROVAL-VOICE"),
        ({"by_channel": {"display": 1}, "objective": objective(product="apartments to rent")}, "SPECIAL-AD"),
    ],
)
def test_a_plan_that_breaks_one_rule_is_told_which(changes: dict[str, Any], rule: str) -> None:
    assert rules_of(plan(**changes)) == {rule}


def test_a_budget_of_exactly_the_cost_and_a_floor_of_exactly_the_margin_pass() -> None:
    assert rules_of(plan(objective=objective(budget=Money.of("100", "USD")))) == set()
    floor = objective(constraints=(Constraint(kind="margin_floor", value=0.35),))
    assert rules_of(plan(objective=floor), expected_margin_rate=0.35) == set()
    assert rules_of(plan(objective=floor), expected_margin_rate=0.3499) == {"MARGIN-FLOOR"}


def test_an_offer_that_nobody_gets_counts_for_nothing() -> None:
    deep = (Offer(name="none"), Offer(name="half", discount=0.5))
    facts = plan_facts.plan_facts(plan(offers=deep, by_offer={"none": 100, "half": 0}), settings=SETTINGS)
    assert (facts["discount_used"], facts["expected_margin_rate"]) == (0.0, 0.4)


def test_complaints_stop_mail_and_warn_before() -> None:
    assert rules_of(plan(), complaint_rate_7d=0.003) == {"BULK-SPAM-STOP"}
    assert rules_of(plan(), complaint_rate_7d=0.001) == {"BULK-SPAM-WARN"}


@given(
    st.dictionaries(st.sampled_from(["none", "a", "b"]), st.integers(0, 1000)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.05, 1),
)
def test_a_discount_never_raises_the_margin_rate(touches: dict[str, int], first: float, second: float, base: float) -> None:
    rate = plan_facts.margin_rate(touches, {"a": first, "b": second}, base=base)
    assert rate <= base + 1e-9


def test_a_sale_at_ten_percent_off_earns_a_third() -> None:
    assert plan_facts.margin_rate({"a": 5}, {"a": 0.1}, base=0.4) == pytest.approx(1 / 3)


def test_open_hours_leave_out_the_quiet_ones() -> None:
    monday, sunday = date(2026, 11, 23), date(2026, 11, 22)
    expected = {
        ("sms", "US", "NY", monday): tuple(range(10, 19)),
        ("sms", "US", "TX", sunday): tuple(range(12, 19)),
        ("sms", "US", "AL", sunday): (),
        ("push", "DE", None, monday): tuple(range(8, 20)),
        ("email", "US", None, monday): tuple(range(24)),
    }
    assert waiting.open_hours(BUNDLE, list(expected)) == expected
    assert waiting.open_hours(BUNDLE, []) == {}


ROW: dict[str, Any] = {
    "channel": "sms",
    "country": "US",
    "region": "NY",
    "consent": "granted",
    "zone_behind": 0,
    "zone_ahead": 0,
    "contacts_7d": 0,
    "contacts_per_week": 3,
    "calls_24h": 0,
    "contacts_24h": 0,
    "contacts_per_day": 2,
    "contacts_30d": 0,
    "contacts_per_month": 12,
    "channel_contacts_7d": 0,
    "is_blackout": False,
}


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))
@settings(max_examples=15)
def test_a_delayed_text_goes_at_the_next_moment_its_clock_rules_allow(moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)
    found = waiting.delay_until(BUNDLE, ROW | {"local_minute": 0, "local_weekday": 1}, at=at, zone=ZoneInfo("America/New_York"))
    assert found is not None
    assert found > at
    local = found.astimezone(ZoneInfo("America/New_York"))
    assert 600 <= local.hour * 60 + local.minute < 1140


def test_a_pause_between_two_contacts_is_waited_out_and_no_longer() -> None:
    at = datetime(2026, 11, 23, 16, 7, tzinfo=UTC)
    soon = ROW | {"local_minute": 667, "local_weekday": 1, "hours_since_contact": 1, "hours_between": 3}
    found = waiting.delay_until(BUNDLE, soon, at=at, zone=ZoneInfo("America/New_York"))
    assert found == datetime(2026, 11, 23, 18, 15, tzinfo=UTC)


def test_a_full_week_waits_a_day_at_least_and_a_closed_channel_has_no_moment() -> None:
    at = datetime(2026, 11, 23, 16, 7, tzinfo=UTC)
    full = ROW | {"local_minute": 667, "local_weekday": 1, "contacts_7d": 3}
    assert waiting.delay_until(BUNDLE, full, at=at, zone=ZoneInfo("America/New_York")) == datetime(
        2026, 11, 24, 16, 15, tzinfo=UTC
    )
    never = BUNDLE.rules[0].model_copy(
        update={
            "id": "X",
            "scope": "person",
            "applies": {},
            "delays": True,
            "severity": "block",
            "violated_when": "local_minute >= 0",
        }
    )
    closed = BUNDLE.model_copy(update={"rules": (never,)})
    assert waiting.delay_until(closed, full, at=at, zone=ZoneInfo("America/New_York")) is None


@pytest.mark.parametrize(
    ("sender", "is_live", "expected"),
    [
        (SENDER, False, {}),
        (SENDER, True, {}),
        (SenderSettings(), False, {"SENDER-UNSET": "needs_approval"}),
        (SenderSettings(), True, {"SENDER-LIVE": "block"}),
        (SENDER.model_copy(update={"address": " "}), False, {"SENDER-UNSET": "needs_approval"}),
        (
            SENDER.model_copy(update={"unsubscribe_url": ""}),
            True,
            dict.fromkeys(("SENDER-LIVE", "CANSPAM-HDR", "RFC8058"), "block"),
        ),
        (SenderSettings(simulated=True), False, {"SENDER-SIMULATED": "info"}),
        (SenderSettings(simulated=True), True, {"SENDER-LIVE": "block"}),
    ],
)
def test_nobody_real_hears_from_a_sender_who_is_not_set(sender: SenderSettings, is_live: bool, expected: dict[str, str]) -> None:
    channels: Any = {**SETTINGS.channels, "email": ChannelSettings(live=is_live), "sms": ChannelSettings(live=True)}
    own = SETTINGS.model_copy(update={"sender": sender, "channels": channels})
    found = evaluate.plan(BUNDLE, plan_facts.plan_facts(plan(), settings=own))
    assert {finding.rule: finding.severity for finding in found} == expected
