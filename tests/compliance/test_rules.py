"""Predicates can compare declared facts, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.compliance import predicate as predicate_words
from liftwright.compliance import rules
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import PolicyBundle, Rule, RuleTest, Source
from liftwright.library import DiskLibrary

SHIPPED = DiskLibrary().policies()
FACTS = {"age": "integer person", "name": "text person", "is_new": "boolean person", "cost": "number plan", "born": "date person"}
SOURCE = Source(cite="House rule", checked_on=date(2026, 11, 21), confidence="own")


def rule(violated_when: str, **fields: Any) -> Rule:
    defaults: dict[str, Any] = {
        "id": "R1",
        "version": 1,
        "scope": "person",
        "severity": "block",
        "says": "No.",
        "fix": "Stop.",
        "source": SOURCE,
        "tests": (RuleTest(facts={"age": 1}, violates=True), RuleTest(facts={"age": 2}, violates=False)),
    }
    return Rule(violated_when=violated_when, **(defaults | fields))


def bundle(*found: Rule, autonomy: Any = None) -> PolicyBundle:
    return PolicyBundle(rules=found, facts=FACTS, autonomy=SHIPPED.autonomy if autonomy is None else autonomy, digest="x")


def test_every_shipped_rule_binds_against_the_declared_facts() -> None:
    rules.check(SHIPPED)


def test_sources_are_dated_and_only_what_was_read_in_the_law_itself_is_called_primary() -> None:
    assert {rule.id for rule in SHIPPED.rules if rule.source.confidence == "primary"} == {"TCPA-QUIET"}
    assert all(date(2026, 11, 21) <= rule.source.checked_on <= date(2026, 11, 26) and rule.source.cite for rule in SHIPPED.rules)
    assert all(rule.says.endswith(".") and rule.fix.endswith(".") for rule in SHIPPED.rules)


@pytest.mark.parametrize(
    "predicate",
    [
        "age < 18",
        "age between 1 and 3 or name in ('a', 'b''c')",
        "not is_new and lower(name) = 'x'",
        "coalesce(age, 0) + 1 >= 2 * 3",
        "regexp_matches(name, '^(a|b); drop table')",
        "name is not null",
        "contains(name, '--') and length(name) > 3",
    ],
)
def test_comparisons_of_facts_are_allowed(predicate: str) -> None:
    rules.check(bundle(rule(predicate)))


@pytest.mark.parametrize(
    "predicate",
    [
        "age < 18; drop table facts",
        "age < (select 1)",
        "read_text('/etc/passwd') = ''",
        "getenv('HOME') = 'x'",
        "exists (select 1)",
        "age < 18 -- comment",
        "age < 18 /* comment */",
        "age < $1",
        'age < "name"',
        "age::varchar = '1'",
        "age < 18) or (true",
        "age < 18, true",
        "(age < 18",
        "'open",
        "",
        "name.x = 1",
        "age < 1e9999x",
        "lower = 'x'",
        "age < 18 \u2028 or true",
        "list_sum([1])=1",
    ],
)
def test_anything_else_is_refused(predicate: str) -> None:
    with pytest.raises(PolicyError):
        rules.check(bundle(rule(predicate)))


PIECES = ["age", "name", "is_new", "<", "=", "and", "or", "not", "(", ")", "18", "'x'", "in", "null", "is", ",", ";", "--", "/*", "::",
          "select", "read_text", "lower", "coalesce", "$1", '"', "\u202e", "between", "+", "*", ".", "union", "cost"]  # fmt: skip


@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join)))
def test_no_text_gets_past_the_list_of_allowed_parts(text: str) -> None:
    try:
        clean = rules.predicate(rule(text), FACTS)
    except PolicyError:
        return
    assert set(clean.facts) <= {"age", "name", "is_new", "born"}
    assert rules.predicate(rule(clean.sql), FACTS).sql == clean.sql
    assert not {type(node) for node in clean.tree.walk()} - set(predicate_words._PARTS)


@pytest.mark.parametrize(
    ("predicate", "says"),
    [
        ("age < 'x'", "side by side"),
        ("name = 1", "side by side"),
        ("age = null", "write 'is null'"),
        ("age", "must be true or false"),
        ("is_new and age", "needs a boolean"),
        ("lower(age) = 'x'", "needs a text"),
        ("born > 'tomorrow'", "side by side"),
        ("name in (age, 2)", "side by side"),
        ("age in (age, 2)", "a list of words or numbers"),
        ("regexp_matches(name, '(')", "is broken"),
        ("age is true", "is a number"),
        ("age < 1e5", "plain number"),
        ("(" * 70 + "is_new" + ")" * 70, "nested deeper"),
        ("is_new or " * 600 + "is_new", "may have 4,000"),
        ("age < 18 or\u2066 is_new", "U+2066"),
        ("age \u00a0< 18", "U+00A0"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_loaded_with_a_reason(predicate: str, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        rules.check(bundle(rule(predicate)))
    assert says in caught.value.says


def test_facts_named_must_be_those_used_and_a_law_that_lets_the_unknown_pass_says_why() -> None:
    rules.check(bundle(rule("age < 18", facts=("age",))))
    with pytest.raises(PolicyError, match="'facts' must name what the predicate uses: age"):
        rules.check(bundle(rule("age < 18", facts=("age", "name"))))
    with pytest.raises(PolicyError, match="must say why"):
        rules.check(bundle(rule("age < 18", basis="law", unknown="pass")))
    rules.check(bundle(rule("age < 18", basis="law", unknown="pass", unknown_because="Nobody can know it.")))


def test_a_misspelt_fact_is_named_with_the_nearest_one_and_the_file() -> None:
    with pytest.raises(PolicyError) as caught:
        rules.check(bundle(rule("agee < 18")), where=lambda rule_id: f"policies/own.yaml:{len(rule_id)}")
    assert caught.value.code == "POLICY-FACT"
    assert "Did you mean 'age'?" in caught.value.says
    assert "policies/own.yaml:2, rule R1" in caught.value.says


def test_a_fact_of_another_scope_is_refused() -> None:
    with pytest.raises(PolicyError, match="not a declared fact of scope person"):
        rules.check(bundle(rule("cost > 1")))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (rule("age + 1"), "POLICY-PREDICATE"),
        (rule("is_new > 'x' + 1"), "POLICY-PREDICATE"),
        (rule("age < 18", applies={"nobody": ("x",)}), "POLICY-FACT"),
        (rule("age < 18", applies={"age": ("1",)}), "POLICY-APPLIES"),
        (rule("age < 18", tests=(RuleTest(facts={"agee": 1}, violates=True), RuleTest(facts={}, violates=False))), "POLICY-FACT"),
        (rule("age < 18", tests=(RuleTest(facts={"age": 1}, violates=True),)), "POLICY-TESTS"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_with_a_stable_code(found: Rule, code: str) -> None:
    with pytest.raises(PolicyError) as caught:
        rules.check(bundle(found))
    assert caught.value.code == code


def test_two_rules_with_one_id_are_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        rules.check(bundle(rule("age < 1"), rule("age < 2")))
    assert caught.value.code == "POLICY-DUPLICATE"


def test_a_bundle_without_autonomy_levels_is_refused() -> None:
    with pytest.raises(PolicyError, match="autonomy"):
        rules.check(bundle(rule("age < 1"), autonomy={"levels": {}}))


def test_facts_used_are_named_once_in_order() -> None:
    assert predicate_words.facts_used("name = 'age' and age < 1 or lower(name) = 'is_new'") == ("name", "age")
