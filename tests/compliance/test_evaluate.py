"""Rules over tables: every rule's own tests, unknown facts, precedence, and one engine for sets and single rows."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.compliance import evaluate, explain
from liftwright.compliance.rules import facts_of
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import PolicyBundle, Rule, RuleTest, Source
from liftwright.library import DiskLibrary

SHIPPED = DiskLibrary().policies()
SOURCE = Source(cite="House rule", checked_on=date(2026, 11, 21), confidence="own")
CLEAR: dict[str, Any] = {
    "customer_id": "c1",
    "channel": "email",
    "country": "US",
    "region": "NY",
    "send_on": date(2026, 11, 23),
    "local_minute": 660,
    "local_weekday": 1,
    "zone_behind": 0,
    "zone_ahead": 0,
    "is_blackout": False,
    "consent": "granted",
    "is_suppressed": False,
    "has_objected": False,
    "opted_out_of_sharing": False,
    "is_holdout": False,
    "has_address": True,
    "contacts_7d": 0,
    "calls_24h": 0,
    "contacts_per_week": 3,
    "contacts_24h": 0,
    "contacts_per_day": 2,
    "contacts_30d": 0,
    "contacts_per_month": 12,
    "channel_contacts_7d": 0,
    "hours_between": 3,
    "unanswered_30d": 0,
    "unanswered_limit": 12,
    "has_assessment": False,
    "is_registered": False,
}
KINDS = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_(), "DATE": pa.date32()}


def table(*rows: dict[str, Any]) -> pa.Table:
    kinds = {name: KINDS[sql] for name, sql in facts_of(SHIPPED.facts, "person").items()} | {"customer_id": pa.string()}
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()})


def judge(**changes: Any) -> tuple[str, list[str]]:
    row = evaluate.people(SHIPPED, table(CLEAR | changes)).to_pylist()[0]
    return row["outcome"], row["rules"]


def own(violated_when: str, **fields: Any) -> PolicyBundle:
    defaults: dict[str, Any] = {
        "id": "OWN",
        "version": 1,
        "scope": "person",
        "severity": "block",
        "says": "No.",
        "fix": "Stop.",
        "source": SOURCE,
    }
    tests = (RuleTest(facts={"is_minor": True}, violates=True), RuleTest(facts={"is_minor": False}, violates=False))
    rule = Rule(violated_when=violated_when, **(defaults | {"tests": tests} | fields))
    return SHIPPED.model_copy(update={"rules": (rule,)})


def test_every_shipped_rule_says_what_its_own_tests_expect() -> None:
    assert evaluate.run_tests(SHIPPED) == []
    assert len(SHIPPED.rules) >= 40


def test_a_rule_that_contradicts_its_test_is_reported() -> None:
    failures = evaluate.run_tests(own("not is_minor"))
    assert {(failure.rule, failure.expected, failure.got) for failure in failures} == {("OWN", True, False), ("OWN", False, True)}


def test_a_test_with_a_fact_of_the_wrong_type_is_refused() -> None:
    tests = (RuleTest(facts={"is_minor": "perhaps"}, violates=True), RuleTest(facts={}, violates=False))
    with pytest.raises(PolicyError, match="not a boolean"):
        evaluate.run_tests(own("is_minor", tests=tests))


def test_somebody_with_consent_and_room_may_be_mailed() -> None:
    assert judge() == ("allow", [])


@pytest.mark.parametrize(
    ("changes", "outcome", "rule"),
    [
        ({"consent": "denied"}, "block", "CANSPAM-OPTOUT"),
        ({"consent": None}, "needs_approval", "CONSENT-UNKNOWN-EMAIL"),
        ({"consent": None, "channel": "sms"}, "block", "TCPA-PEWC"),
        ({"consent": None, "country": "DE"}, "block", "EPRIVACY-13"),
        ({"consent": None, "country": "GB"}, "block", "PECR-22"),
        ({"consent": None, "country": "CA"}, "block", "CASL-CONSENT"),
        ({"consent": None, "country": "BR"}, "block", "CONSENT-ELSEWHERE"),
        ({"is_suppressed": True}, "block", "SUPPRESSED"),
        ({"is_holdout": True}, "block", "HOLDOUT"),
        ({"is_minor": True}, "block", "MINOR-DEFAULT"),
        ({"contacts_7d": 3}, "delay", "CAP-WEEK"),
        ({"channel": "sms", "local_minute": 599}, "delay", "SAFE-QUIET"),
        ({"channel": "push", "local_minute": 1200}, "delay", "SAFE-QUIET-PUSH"),
        ({"country": "DE", "has_objected": True}, "block", "GDPR-OBJECT"),
        ({"channel": "display", "opted_out_of_sharing": True}, "block", "CCPA-OPTOUT"),
        ({"channel": "direct_mail", "has_address": False}, "block", "REACH-ADDRESS"),
    ],
)
def test_one_fact_decides_and_the_rule_is_named(changes: dict[str, Any], outcome: str, rule: str) -> None:
    found, rules = judge(**changes)
    assert found == outcome
    assert rule in rules


def test_the_worst_rule_wins_and_all_are_named() -> None:
    outcome, rules = judge(contacts_7d=9, is_suppressed=True, consent=None)
    assert outcome == "block"
    assert {"CAP-WEEK", "SUPPRESSED", "CONSENT-UNKNOWN-EMAIL"} <= set(rules)


def test_nothing_known_about_somebody_means_no() -> None:
    outcome, rules = judge(**{name: None for name in CLEAR if name not in ("customer_id", "channel")})
    assert outcome == "block"
    assert {"SUPPRESSED", "HOLDOUT", "CAP-WEEK", "PECR-22", "GDPR-OBJECT"} <= set(rules)


def test_a_rule_is_in_force_only_between_its_dates() -> None:
    bundle = own("is_minor", effective_from=date(2026, 11, 23), effective_until=date(2026, 11, 30))
    days = [date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 1), None]
    rows = evaluate.people(bundle, table(*(CLEAR | {"is_minor": True, "send_on": day} for day in days)))
    assert rows["outcome"].to_pylist() == ["allow", "block", "block", "allow", "block"]


@pytest.mark.parametrize(("unknown", "outcome"), [("block", "block"), ("pass", "allow"), ("needs_approval", "needs_approval")])
def test_the_rule_says_what_a_missing_fact_means(unknown: Any, outcome: str) -> None:
    assert evaluate.people(own("is_minor", unknown=unknown), table(CLEAR))["outcome"].to_pylist() == [outcome]


def test_a_missing_fact_never_only_delays() -> None:
    assert evaluate.people(own("is_minor", delays=True), table(CLEAR))["outcome"].to_pylist() == ["block"]


ROWS = st.fixed_dictionaries(
    {
        "customer_id": st.just("c1"),
        "channel": st.sampled_from(["email", "sms", "voice", "push", "display", "direct_mail", "web"]),
        "country": st.sampled_from(["US", "DE", "CA", "GB", "BR", None]),
        "region": st.sampled_from(["FL", "TX", "AL", "CT", None]),
        "send_on": st.just(date(2026, 11, 23)),
        "local_minute": st.none() | st.integers(0, 1439),
        "local_weekday": st.none() | st.integers(1, 7),
        "consent": st.sampled_from(["granted", "denied", None]),
        "is_suppressed": st.none() | st.booleans(),
        "is_minor": st.none() | st.booleans(),
        "is_holdout": st.booleans(),
        "has_objected": st.none() | st.booleans(),
        "contacts_7d": st.integers(0, 5),
        "contacts_per_week": st.integers(0, 5),
        "calls_24h": st.none() | st.integers(0, 5),
        "days_since_purchase": st.none() | st.integers(0, 1000),
    }
)


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_a_set_and_its_single_rows_are_judged_alike(rows: list[dict[str, Any]]) -> None:
    together = evaluate.people(SHIPPED, table(*rows)).to_pylist()
    for row, verdict in zip(rows, together, strict=True):
        assert {finding.rule for finding in evaluate.explain(SHIPPED, row)} == set(verdict["rules"])


def test_more_rules_than_fit_one_integer_are_all_reported() -> None:
    rules = tuple(own("is_minor").rules[0].model_copy(update={"id": f"R{number:03d}"}) for number in range(70))
    bundle = SHIPPED.model_copy(update={"rules": rules})
    rows = evaluate.people(bundle, table(CLEAR | {"is_minor": True}, CLEAR | {"is_minor": False})).to_pylist()
    assert rows[0]["rules"] == [rule.id for rule in rules]
    assert rows[1] == {"customer_id": "c1", "channel": "email", "outcome": "allow", "rules": []}


def test_an_empty_audience_and_a_bundle_without_rules_are_fine() -> None:
    assert evaluate.people(SHIPPED, table()).num_rows == 0
    empty = SHIPPED.model_copy(update={"rules": ()})
    assert evaluate.people(empty, table(CLEAR))["outcome"].to_pylist() == ["allow"]


def test_counts_of_who_was_left_out_become_findings_of_the_plan() -> None:
    verdicts = evaluate.people(SHIPPED, table(CLEAR, CLEAR | {"is_holdout": True}, CLEAR | {"is_holdout": True, "consent": None}))
    found = {finding.rule: (finding.severity, finding.count) for finding in evaluate.people_findings(SHIPPED, verdicts)}
    assert found == {"HOLDOUT": ("info", 2), "CONSENT-UNKNOWN-EMAIL": ("needs_approval", 1)}


def test_an_explanation_names_rule_facts_and_source() -> None:
    shown = explain.person(SHIPPED, CLEAR | {"channel": "sms", "local_minute": 1300, "calls_24h": None, "region": "FL"})
    assert shown["allowed"] is False
    by_rule = {finding["rule"]: finding for finding in shown["findings"]}
    assert by_rule["TCPA-QUIET"]["facts"] == {"channel": "sms", "country": "US", "local_minute": 1300}
    assert "47 CFR 64.1200(c)(1)" in by_rule["TCPA-QUIET"]["source"]
    assert by_rule["STATE-FREQ"]["says"].startswith("Not known: calls_24h.")
    assert explain.person(SHIPPED, CLEAR) == {"person": "c1", "channel": "email", "allowed": True, "findings": []}


def test_coverage_counts_the_tests_of_each_rule() -> None:
    rows = {row["rule"]: row for row in explain.coverage(SHIPPED)}
    assert rows["TCPA-QUIET"] | {"version": 1, "basis": "law", "jurisdiction": ["US"]} == rows["TCPA-QUIET"]
    kinds = ("violating", "passing", "unknown", "boundary")
    assert tuple(rows["TCPA-QUIET"][kind] for kind in kinds) == (4, 2, 1, 2)
    assert all(row["violating"] and row["passing"] and (row["boundary"] or not row["has_boundary"]) for row in rows.values())


def test_facts_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        evaluate.explain(SHIPPED, CLEAR | {"contacts_7d": "many"})
    assert caught.value.code == "POLICY-FACTS"
    with pytest.raises(PolicyError):
        evaluate.people(SHIPPED, pa.table({"customer_id": ["c"], "channel": ["sms"], "local_minute": ["noon"]}))


def test_twenty_thousand_people_on_eight_channels_are_judged_within_a_second_of_work() -> None:
    count, chance = 160_000, np.random.default_rng(3)
    facts = table(CLEAR).take(pa.array(np.zeros(count, dtype=np.int64)))
    for name, values in {"local_minute": chance.integers(0, 1440, count), "contacts_7d": chance.integers(0, 5, count)}.items():
        facts = facts.set_column(facts.column_names.index(name), name, pa.array(values))
    started = time.process_time()
    verdicts = evaluate.people(SHIPPED, facts)
    assert time.process_time() - started < 1.0
    assert verdicts.num_rows == count
