"""Who must approve what, and what a level may do alone."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.compliance import autonomy
from liftwright.domain.errors import PolicyError
from liftwright.domain.money import Money
from liftwright.domain.policy import Finding
from liftwright.library import DiskLibrary

LEVELS = DiskLibrary().policies().autonomy


def needs(spend: str = "0", audience: int = 0, discount: float = 0.0, channels: Any = ("email",), findings: Any = ()) -> Any:
    return autonomy.approval_needs(
        LEVELS, spend=Money.of(spend, "USD"), audience=audience, discount=discount, channels=channels, findings=findings
    )


def test_a_small_plan_needs_its_owner_only() -> None:
    assert needs() == ("low", ("campaign_owner",))


@pytest.mark.parametrize(
    ("arguments", "risk", "role"),
    [
        ({"spend": "999.99"}, "low", None),
        ({"spend": "1000.00"}, "medium", "marketing_lead"),
        ({"spend": "10000"}, "high", "finance"),
        ({"audience": 9_999}, "low", None),
        ({"audience": 10_000}, "medium", "marketing_lead"),
        ({"audience": 100_000}, "high", "marketing_lead"),
        ({"discount": 0.149}, "low", None),
        ({"discount": 0.15}, "medium", "finance"),
        ({"discount": 0.30}, "high", "finance"),
        ({"channels": ("email", "sms")}, "medium", "compliance"),
        ({"channels": ("voice",)}, "high", "compliance"),
    ],
)
def test_a_threshold_counts_from_the_value_it_names(arguments: dict[str, Any], risk: str, role: str | None) -> None:
    found, roles = needs(**arguments)
    assert found == risk
    assert roles == ("campaign_owner",) if role is None else role in roles


def test_a_finding_that_needs_approval_brings_compliance() -> None:
    finding = Finding(rule="X", severity="needs_approval", subject="plan", says="Look.")
    assert needs(findings=[finding]) == ("medium", ("campaign_owner", "compliance"))
    assert needs(findings=[finding.model_copy(update={"severity": "warn"})])[0] == "low"


@given(st.integers(0, 3_000_000), st.integers(0, 3_000_000), st.integers(0, 200_000), st.floats(0, 0.5))
def test_a_bigger_plan_never_needs_less(spend: int, more: int, audience: int, discount: float) -> None:
    small = autonomy.approval_needs(
        LEVELS, spend=Money(minor=spend, currency="USD"), audience=audience, discount=discount, channels=()
    )
    large = autonomy.approval_needs(
        LEVELS, spend=Money(minor=spend + more, currency="USD"), audience=audience + 1, discount=discount, channels=("sms",)
    )
    assert autonomy.RISKS.index(large[0]) >= autonomy.RISKS.index(small[0])
    assert set(small[1]) <= set(large[1])


def test_each_level_may_do_at_least_what_the_level_below_it_may() -> None:
    rank = {"no": 0, "ask": 1, "act": 2}
    actions = LEVELS["levels"]["assistive"]["actions"]
    for action in actions:
        allowed = [rank[autonomy.may(LEVELS, level, action)] for level in autonomy.LEVELS]
        assert allowed == sorted(allowed), action


def test_what_is_not_listed_is_never_done_and_nothing_costly_is_done_alone() -> None:
    assert autonomy.may(LEVELS, "strategic", "send_to_everybody") == "no"
    for level in autonomy.LEVELS:
        assert all(
            autonomy.may(LEVELS, level, action) != "act"
            for action in ("raise_budget", "raise_discount", "new_channel", "new_content")
        )
    with pytest.raises(PolicyError, match="autonomy level"):
        autonomy.may(LEVELS, "reckless", "observe")


def test_the_envelope_is_the_plan_and_its_headroom_within_the_budget() -> None:
    arguments: dict[str, Any] = {
        "channels": ("sms", "email"),
        "cost": Money.of("1000", "USD"),
        "days": 14,
        "audience": 500,
        "max_discount": 0.1,
        "ends_on": date(2026, 12, 6),
    }
    found = autonomy.envelope(LEVELS, level="strategic", **arguments)
    assert found.channels == ("email", "sms")
    assert found.max_total_spend == Money.of("1100", "USD")
    assert found.max_daily_spend == Money.of("235.71", "USD")
    assert "shift_budget" in found.allows
    assert "raise_budget" not in found.allows
    capped = autonomy.envelope(LEVELS, level="strategic", budget=Money.of("1050", "USD"), **arguments)
    assert capped.max_total_spend == Money.of("1050", "USD")
    one_day = autonomy.envelope(LEVELS, level="controlled", **(arguments | {"days": 1}))
    assert one_day.max_daily_spend == one_day.max_total_spend == Money.of("1000", "USD")
    assert LEVELS["default_level"] in autonomy.LEVELS


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["levels"].pop("adaptive"),
        lambda data: data["levels"]["adaptive"]["actions"].update(observe="maybe"),
        lambda data: data["levels"]["adaptive"].update(spend_headroom="much"),
        lambda data: data["approval"]["when"].append(
            {"name": "x", "fact": "mood", "at_least": 1, "risk": "low", "roles": ["finance"]}
        ),
        lambda data: data["approval"]["when"].append({"name": "x", "channel": "fax", "risk": "low", "roles": ["finance"]}),
        lambda data: data["approval"]["when"][0].update(roles=["nobody"]),
        lambda data: data["approval"]["when"][0].update(risk="extreme"),
        lambda data: data.update(default_level="wild"),
    ],
)
def test_an_autonomy_file_that_is_not_understood_is_refused(change: Any) -> None:
    data = copy.deepcopy(dict(LEVELS))
    autonomy.check(data)
    change(data)
    with pytest.raises(PolicyError) as caught:
        autonomy.check(data)
    assert caught.value.code == "POLICY-AUTONOMY"


@given(st.sampled_from(autonomy.LEVELS), st.lists(st.sampled_from(autonomy.CONDITIONS)))
def test_a_model_in_trouble_only_ever_lowers_a_level_and_stopping_stays_allowed(level: str, conditions: list[str]) -> None:
    left = autonomy.lowered(LEVELS, level, conditions)
    assert autonomy.LEVELS.index(left) <= autonomy.LEVELS.index(level)
    assert autonomy.lowered(LEVELS, level, []) == level
    assert autonomy.may(LEVELS, left, "stop_campaign") == autonomy.may(LEVELS, level, "stop_campaign")


def test_a_file_that_says_nothing_of_a_condition_lowers_as_far_as_moving_asks_and_an_unknown_condition_is_refused() -> None:
    silent = {name: value for name, value in LEVELS.items() if name != "models"}
    assert autonomy.lowered(silent, "adaptive", ["overdue"]) == autonomy.LOWERED
    with pytest.raises(PolicyError, match="moody"):
        autonomy.check({**copy.deepcopy(dict(LEVELS)), "models": {"moody": "assistive"}})
