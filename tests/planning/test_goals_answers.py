"""Later statements: answers to what was missing, amendments, and the resolution of contradictions."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from liftwright.domain.goal import Brief, Goal, Objective
from liftwright.planning.goals.reading import read_goal, read_statements

TODAY = date(2026, 11, 2)


def after(*statements: str) -> Brief:
    return read_statements(statements, today=TODAY, currency="USD")


def settled(*statements: str) -> Objective:
    found = after(*statements)
    assert found.objective is not None, found.question
    return found.objective


def test_bare_answers_fill_what_was_missing() -> None:
    found = settled("get me more traffic on the site", "two weeks", "5k")
    assert (found.metric, found.days) == ("visits", 14)
    assert found.budget is not None
    assert found.budget.minor == 500_000


def test_a_plain_number_answers_the_question_for_the_budget() -> None:
    found = settled("more orders in two weeks", "4000")
    assert found.budget is not None
    assert found.budget.minor == 400_000


@pytest.mark.parametrize("answer", ["garden gnomes", "shoes", "more orders"])
def test_a_few_words_answer_what_to_move(answer: str) -> None:
    assert after("We have 15k and two weeks.").missing == ("metric",)
    found = settled("We have 15k and two weeks.", answer)
    assert found.metric == ("orders" if answer == "more orders" else "revenue")
    assert found.product == (None if answer == "more orders" else answer)


@pytest.mark.parametrize("answer", ["yes", "no idea", "you decide", "thanks"])
def test_a_reply_that_says_nothing_leaves_the_question(answer: str) -> None:
    assert after("We have 15k and two weeks.", answer).missing == ("metric",)


@pytest.mark.parametrize(("answer", "has_constraint"), [("none", True), ("no limit", False), ("doesn't matter", None)])
def test_one_word_answers_the_question_for_the_budget(answer: str, has_constraint: bool | None) -> None:
    found = after("more orders in two weeks", answer)
    if has_constraint is None:
        assert found.missing == ("budget",)
    else:
        assert found.objective is not None
        assert bool(found.objective.constraints) is has_constraint


def test_later_statements_take_the_place_of_earlier_ones() -> None:
    found = after("sell more coffee machines, 10 days, budget 20k", "make it cheaper: 10k", "no SMS", "actually until Dec 24")
    assert found.objective is not None
    assert found.objective.product == "coffee machines"
    assert found.objective.ends_on == date(2026, 12, 24)
    assert found.objective.budget is not None
    assert found.objective.budget.minor == 1_000_000
    assert [(c.kind, c.value) for c in found.objective.constraints] == [("exclude_channels", ("sms",))]
    assert {"budget", "horizon"} <= {a.field for a in found.assumptions if "said after" in a.because}


def test_a_statement_may_correct_itself() -> None:
    found = settled("sell more hats in 2 weeks, budget 20k, no wait, make it 10k")
    assert found.budget is not None
    assert found.budget.minor == 1_000_000


def test_a_later_end_keeps_the_start() -> None:
    found = settled("more orders from 1 December for two weeks, 5k", "actually until 20 December")
    assert (found.starts_on, found.ends_on) == (date(2026, 12, 1), date(2026, 12, 20))


def test_channels_can_be_taken_back_added_and_replaced() -> None:
    first = "more orders in 2 weeks, 5k, e-mail only"
    assert [(c.kind, c.value) for c in settled(first, "use sms instead").constraints] == [("only_channels", ("sms",))]
    assert settled(first, "also sms").constraints[0].value == ("email", "sms")
    taken_back = settled("more orders in 2 weeks, 5k, no sms", "use sms")
    assert [(c.kind, c.value) for c in taken_back.constraints] == [("only_channels", ("sms",))]


def test_people_can_be_taken_back() -> None:
    found = settled("more orders in 2 weeks, 5k, exclude VIPs", "VIPs only")
    assert [(c.kind, c.value) for c in found.constraints] == [("include_people", "VIPs")]


@pytest.mark.parametrize(
    ("goal", "answer", "expected"),
    [
        ("more orders for bags in two weeks, 8k, keep margin above 120%", "35%", ("margin_floor", 0.35)),
        ("more orders in two weeks, 8k. No discounts. Give everyone 20% off.", "10% off", ("max_discount", 0.10)),
        ("more orders in two weeks, 8k. No discounts. Give everyone 20% off.", "no discounts", ("no_discount", 0.0)),
    ],
)
def test_an_answer_settles_a_contradiction(goal: str, answer: str, expected: tuple[str, float]) -> None:
    assert after(goal).contradictions
    found = settled(goal, answer)
    assert [(c.kind, c.value) for c in found.constraints] == [expected]


def test_a_bare_direction_or_share_settles_what_was_disputed() -> None:
    assert settled("increase and decrease visits over two weeks, 3k", "increase").direction == "increase"
    found = settled("revenue up 10% and revenue up 30% in 4 weeks, 12k", "30%").target
    assert found is not None
    assert found.value == pytest.approx(0.30)


def test_line_breaks_inside_a_goal_are_no_later_statements() -> None:
    text = "More orders in two weeks, 8k\nNo discounts\nGive everyone 20% off"
    asked_at = datetime(2026, 11, 2, tzinfo=UTC)
    found = read_goal(Goal(text=text, asked_at=asked_at), today=TODAY, currency="USD")
    assert len(found.contradictions) == 1
    answered = read_goal(Goal(text=text, asked_at=asked_at, answers=("no discounts",)), today=TODAY, currency="USD")
    assert answered.objective is not None
