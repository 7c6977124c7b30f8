"""What an approval binds to: the manifest, its canonical form, money in minor units."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.evidence import Interval
from liftwright.domain.experiment import Analysis, AskedShare, Detectable, Experiment, GlobalHoldout, StopRule, Usual
from liftwright.domain.goal import Objective
from liftwright.domain.money import Money
from liftwright.domain.plan import EARLY_EXPERIMENT, AssignmentSummary, Audience, Decisions, Envelope, Forecast, Pins, Plan
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Variant

SECOND = "dd5dd5c42e05dd97f09c1b880f61f936dbf7cde63376adca1690996cc1c94daf"
"""The hash of the small plan as it was approved under the second manifest."""


def make_plan(**changes: object) -> Plan:
    """A small complete plan."""
    values: dict[str, object] = {
        "campaign_id": "c-1",
        "revision": 1,
        "objective": Objective(metric="revenue", starts_on=date(2026, 3, 2), ends_on=date(2026, 3, 15), budget=Money.of("30000", "USD")),
        "assumptions": (),
        "audience": Audience(population=10, eligible=9, selected=5, holdout=1, funnel=(), digest="sha256:a"),
        "experiment": Experiment(
            salt="s", holdout_share=0.1, primary_metric="margin", mde=Detectable(absolute=0.1), method="m", treated=8, holdout=1
        ),
        "offers": (),
        "variants": (),
        "assignment": AssignmentSummary(
            digest="sha256:b", candidates="sha256:c", limits={}, touches=5, people=5, objective=1.5, upper_bound=1.5, gap=0.0,
            prices={}, violations=0, by_channel={"email": 5}, by_offer={"none": 5},
        ),
        "forecast": Forecast(incremental_margin=Interval(low=1, mid=2, high=3), cost=Money.of("0.01", "USD")),
        "decisions": Decisions(
            likely_buyers="", persuadables="", excluded="", incentive={}, channels={}, success_metric="", adjust_when=(), stop_when=()
        ),
        "envelope": Envelope(
            channels=("email",), max_total_spend=Money.of(1, "USD"), max_daily_spend=Money.of(1, "USD"), max_audience=5,
            max_discount=0.0, allows=(), ends_on="2026-03-15",
        ),
        "autonomy_level": "assistive",
        "pins": Pins(snapshot="s1", models=(), policies="p", prompts={}, settings="x", seed=7, version="0"),
        "model": "scripted",
    }  # fmt: skip
    return Plan.model_validate(values | changes)


def test_the_hash_is_sha256_over_the_canonical_manifest() -> None:
    plan = make_plan()
    assert plan.plan_hash == "sha256:" + hashlib.sha256(rfc8785.dumps(plan.manifest())).hexdigest()
    assert plan.manifest()["objective"]["budget"] == {"minor": 3_000_000, "currency": "USD"}


def test_a_stored_plan_read_back_has_the_same_hash() -> None:
    plan = make_plan()
    assert Plan.model_validate_json(plan.model_dump_json()).plan_hash == plan.plan_hash


def with_rule(**changes: object) -> Experiment:
    """The experiment with one stop rule."""
    values: dict[str, object] = {"name": "guardrail:opt_out", "statistic": "rate", "bound": 0.02, "says": "too many leave"}
    return make_plan().experiment.model_copy(update={"stop_rules": (StopRule.model_validate(values | changes),)})


def test_the_words_of_the_experiment_do_not_change_the_hash() -> None:
    other = with_rule(says="in other words").model_copy(update={"adjust_when": ("x",), "note": "y"})
    assert make_plan(experiment=other).plan_hash == make_plan(experiment=with_rule()).plan_hash


def test_a_plan_of_the_second_manifest_keeps_its_hash() -> None:
    old = make_plan(manifest_version=2)
    assert set(old.manifest()["experiment"]) | {"adjust_when"} == set(EARLY_EXPERIMENT)
    assert old.plan_hash == "sha256:" + SECOND


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "t"},
        {"holdout_share": 0.11},
        {"strata": 20},
        {"arms": (AskedShare(arm="random", share=0.05),)},
        {"usual": Usual(offer="save10")},
        {"global_holdout": GlobalHoldout(share=0.05, salts=("global:s:2026-Q1",))},
        {"expected": 0.2},
        {"forgone": 12.0},
        {"is_measurable": False},
        {"mde": Detectable(absolute=0.2)},
        {"looks": 14},
        {"analysis": Analysis(conversions=100.0)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_of_the_design_is_changed_the_hash_changes(change: dict[str, object]) -> None:
    other = make_plan().experiment.model_copy(update=change)
    assert make_plan(experiment=other).plan_hash != make_plan().plan_hash


def test_a_plan_of_the_first_manifest_keeps_its_hash() -> None:
    old = make_plan(manifest_version=1)
    assert old.manifest() | {"experiment": None} == {
        **{key: value for key, value in make_plan().manifest().items() if key != "expected"},
        "manifest_version": 1,
        "assignment": {key: value for key, value in make_plan().manifest()["assignment"].items() if key != "draws"},
        "experiment": None,
    }
    assert "adjust_when" in old.manifest()["experiment"]


@pytest.mark.parametrize("field", ["findings", "lessons", "evidence", "cannot_know"])
def test_prose_and_findings_do_not_change_the_hash(field: str) -> None:
    value = (Finding(rule="r", severity="warn", subject="s", says="x"),) if field == "findings" else ("other words",)
    assert make_plan(**{field: value}).plan_hash == make_plan().plan_hash


def test_the_rules_an_approver_acknowledges_are_part_of_what_is_approved() -> None:
    asked = Finding(rule="CONSENT-UNKNOWN-EMAIL", severity="needs_approval", subject="audience", says="x")
    assert make_plan(findings=(asked,)).plan_hash != make_plan().plan_hash
    assert make_plan(findings=(asked, asked.model_copy(update={"count": 9}))).plan_hash == make_plan(findings=(asked,)).plan_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": 2},
        {"campaign_id": "c-2"},
        {"autonomy_level": "adaptive"},
        {"objective": Objective(metric="revenue", starts_on=date(2026, 3, 2), ends_on=date(2026, 3, 16))},
        {"audience": Audience(population=10, eligible=9, selected=5, holdout=1, funnel=(), digest="sha256:other")},
        {"pins": Pins(snapshot="s2", models=(), policies="p", prompts={}, settings="x", seed=7, version="0")},
        {"forecast": Forecast(incremental_margin=Interval(low=1, mid=2, high=3), cost=Money.of("0.02", "USD"))},
        {"forecast": Forecast(incremental_margin=Interval(low=1, mid=9, high=9), cost=Money.of("0.01", "USD"))},
        {"assignment": make_plan().assignment.model_copy(update={"draws": "sha256:d"})},
        {"experiment": with_rule(bound=0.03)},
        {"experiment": with_rule(acts=False)},
        {"variants": (Variant(variant_id="v", channel="email", body="other words are other sends", template="t"),)},
    ],
)
def test_anything_that_would_be_executed_differently_changes_the_hash(changes: dict[str, object]) -> None:
    assert make_plan(**changes).plan_hash != make_plan().plan_hash


@given(st.decimals(-(10**12), 10**12, places=2, allow_nan=False, allow_infinity=False))
def test_money_keeps_every_cent(amount: Decimal) -> None:
    money = Money.of(amount, "USD")
    assert money.amount == amount
    assert Decimal(money.as_json()["amount"]) == amount
    assert Money.model_validate(money.model_dump()) == money


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15))
def test_money_adds_exactly_and_never_across_currencies(one: int, two: int) -> None:
    a, b = Money(minor=one, currency="USD"), Money(minor=two, currency="USD")
    assert (a + b).minor == one + two
    assert (a < b) == (one < two)
    with pytest.raises(ValueError, match="cannot combine"):
        _ = a + Money(minor=two, currency="EUR")


@pytest.mark.parametrize("amount", ["", "abc", "NaN", "Infinity", "1,000"])
def test_what_is_not_an_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        Money.of(amount, "USD")


@pytest.mark.parametrize("code", ["usd", "US", "DOLLAR", "U$D"])
def test_what_is_not_a_currency_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="currency"):
        Money(minor=1, currency=code)
