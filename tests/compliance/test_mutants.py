"""Small changes of a predicate are noticed by the rule's own tests, or named with facts that would tell."""

from __future__ import annotations

from datetime import date
from typing import Any

from liftwright.compliance import mutants
from liftwright.domain.policy import PolicyBundle, Rule, RuleTest, Source
from liftwright.library import DiskLibrary

SHIPPED = DiskLibrary().policies()
FACTS = {"age": "integer person", "size": "integer person", "is_new": "boolean person", "is_old": "boolean person"}


def bundle(violated_when: str, *tests: tuple[dict[str, Any], bool]) -> PolicyBundle:
    rule = Rule(
        id="R",
        version=1,
        scope="person",
        severity="block",
        violated_when=violated_when,
        says="No.",
        fix="Stop.",
        source=Source(cite="House rule", checked_on=date(2026, 11, 21), confidence="own"),
        tests=tuple(RuleTest(facts=facts, violates=violates) for facts, violates in tests),
    )
    return PolicyBundle(rules=(rule,), facts=FACTS, autonomy=SHIPPED.autonomy, digest="x")


def test_operators_constants_facts_and_terms_are_changed() -> None:
    some = bundle("age < 18 and not is_new", ({"age": 1}, True), ({"age": 30}, False))
    texts = {mutant.violated_when for mutant in mutants.of(some.rules[0], some)}
    assert {"age <= 18 AND NOT is_new", "age < 17 AND NOT is_new", "age < 19 AND NOT is_new", "size < 18 AND NOT is_new"} <= texts
    assert {"age < 18", "NOT is_new", "age < 18 AND is_new", "(age < 18 OR NOT is_new)", "age < 18 AND NOT is_old"} <= texts
    assert "age < 18 AND NOT is_new" not in texts


def test_a_missing_boundary_is_named_with_facts_that_would_tell() -> None:
    found = mutants.tried(bundle("age < 18", ({"age": 1}, True), ({"age": 30}, False)))
    missed = {survivor.mutant: survivor for survivor in found.survivors}
    assert missed["age <= 18"].facts == {"age": 18}
    assert not missed["age <= 18"].violates
    full = bundle("age < 18", ({"age": 17}, True), ({"age": 18}, False), ({"age": 1}, True), ({"age": 40}, False))
    assert not mutants.tried(full).survivors


def test_a_mutant_that_says_the_same_everywhere_is_not_counted() -> None:
    found = mutants.tried(bundle("age < 18 and age < 30", ({"age": 17}, True), ({"age": 18}, False), ({"age": 3}, True)))
    assert found.equivalent > 0
