"""Graders see what is wrong, invented, unnoticed, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from liftwright.domain.goal import Assumption, Brief, Constraint, Objective, Target
from liftwright.domain.money import Money
from liftwright.evaluation.cases import Case, Expected
from liftwright.evaluation.graders import (
    GRADERS,
    contradictions_noticed,
    fields_right,
    missing_noticed,
    nothing_dropped,
    nothing_invented,
)

NOTHING: dict[str, Any] = {
    "metric": None,
    "direction": None,
    "target": None,
    "product": None,
    "starts_on": None,
    "ends_on": None,
    "budget": None,
    "constraints": [],
    "missing": [],
    "contradictions": [],
}
FULL = NOTHING | {
    "metric": "revenue",
    "direction": "increase",
    "product": "running shoes",
    "starts_on": "2026-11-02",
    "ends_on": "2026-11-15",
    "budget": {"amount": "30000.00", "currency": "USD"},
    "constraints": [{"kind": "margin_floor", "value": 0.35}, {"kind": "exclude_people", "value": "people who bought"}],
}
RIGHT = Objective(
    metric="revenue",
    product="the new Running Shoe",
    starts_on=date(2026, 11, 2),
    ends_on=date(2026, 11, 15),
    budget=Money.of(30_000, "USD"),
    constraints=(
        Constraint(kind="margin_floor", value=0.35, quote="margin above 35%"),
        Constraint(kind="exclude_people", value="anyone who bought"),
    ),
)


def case(**expected: Any) -> Case:
    return Case(id="a", input="x", today=date(2026, 11, 2), expected=Expected.model_validate(NOTHING | expected), cluster="c")


def brief(**changes: Any) -> Brief:
    return Brief(objective=RIGHT.model_copy(update=changes))


def test_a_right_brief_passes_every_grader() -> None:
    assert {name: grade(case(**FULL), brief()).value for name, grade in GRADERS.items()} == dict.fromkeys(GRADERS, 1.0)


@pytest.mark.parametrize(
    ("changes", "names", "is_invented"),
    [
        ({"metric": "orders"}, "metric", False),
        ({"direction": "decrease"}, "direction", False),
        ({"ends_on": date(2026, 11, 16)}, "ends_on", False),
        ({"budget": Money.of(3_000, "USD")}, "budget", False),
        ({"budget": Money.of(30_000, "EUR")}, "budget", False),
        ({"budget": None}, "budget", False),
        ({"product": "walking shoes"}, "product", False),
        ({"target": Target(value=0.1, unit="percent")}, "target", True),
        ({"constraints": RIGHT.constraints[:1]}, "exclude_people", False),
        ({"constraints": (*RIGHT.constraints, Constraint(kind="country", value="DE"))}, "country", True),
        ({"constraints": (*RIGHT.constraints, Constraint(kind="exclude_people", value="VIPs"))}, "exclude_people", True),
        ({"constraints": (Constraint(kind="margin_floor", value=0.30), RIGHT.constraints[1])}, "margin_floor", False),
    ],
)
def test_a_wrong_field_is_named_and_an_invented_one_told_apart(changes: dict[str, Any], names: str, is_invented: bool) -> None:
    score = fields_right(case(**FULL), brief(**changes))
    assert (score.value, names in score.reason) == (0.0, True)
    assert nothing_invented(case(**FULL), brief(**changes)).value == (0.0 if is_invented else 1.0)


def test_a_level_is_not_a_change() -> None:
    expected = case(**(FULL | {"target": {"value": 5000, "unit": "absolute", "is_level": True}}))
    assert fields_right(expected, brief(target=Target(value=5000, unit="absolute", is_level=True))).value == 1
    assert fields_right(expected, brief(target=Target(value=5000, unit="absolute"))).value == 0


def test_a_contradiction_must_be_named_with_both_sides() -> None:
    expected = case(contradictions=[{"names": ["no discounts", "20%"]}])
    named = Brief(question="Which?", contradictions=('discount: "No discounts" and "20% off" cannot both hold',))
    assert contradictions_noticed(expected, named).value == 1
    assert fields_right(expected, named).value == 1
    assert contradictions_noticed(expected, named.model_copy(update={"contradictions": ("discount: 20% off",)})).value == 0
    assert contradictions_noticed(expected, named.model_copy(update={"question": None})).value == 0
    assert contradictions_noticed(expected, brief()).value == 0
    assert nothing_invented(expected, brief()).value == 0


def test_a_false_alarm_is_no_notice() -> None:
    alarmed = Brief(question="Which?", contradictions=("budget: ...",))
    assert contradictions_noticed(case(**FULL), alarmed).value == 0
    assert contradictions_noticed(case(**FULL), Brief(question="By when?")).reason == "needless question: By when?"


@pytest.mark.parametrize(
    ("missing", "question", "value"),
    [
        (("horizon", "budget"), "By when?", 1),
        (("horizon",), "By when?", 0),
        (("horizon", "budget"), None, 0),
        (("metric", "horizon", "budget"), "?", 0),
    ],
)
def test_every_missing_essential_must_be_noticed_and_asked_for(
    missing: tuple[str, ...], question: str | None, value: float
) -> None:
    expected = case(missing=["horizon", "budget"])
    assert missing_noticed(expected, Brief(question=question, missing=missing)).value == value


def test_a_restriction_that_cannot_be_kept_must_be_named() -> None:
    expected = case(**(FULL | {"not_understood": ["sundays"]}))
    named = brief().model_copy(
        update={"assumptions": (Assumption(field="not_understood", value="never on Sundays", because="b"),)}
    )
    assert nothing_dropped(expected, named).value == 1
    assert nothing_dropped(expected, brief()).value == 0
    assert nothing_dropped(expected, named.model_copy(update={"assumptions": ()})).reason == "not named: sundays"
