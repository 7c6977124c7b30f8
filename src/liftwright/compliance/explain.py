"""Why somebody may or may not be contacted: every rule that fired, with the facts it looked at and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlglot import exp

from liftwright.compliance import evaluate
from liftwright.compliance.predicate import COMPARISONS, Predicate, facts_used
from liftwright.compliance.rules import predicate
from liftwright.domain.policy import PolicyBundle


def person(bundle: PolicyBundle, facts_row: Mapping[str, Any]) -> dict[str, Any]:
    """`{"person", "channel", "allowed", "findings": [{"rule", "version", "severity", "facts", "source", "says", "fix"}]}`.

    `allowed` is True when nothing blocks or delays; a missing fact is shown as null.
    """
    rules = {rule.id: rule for rule in bundle.rules}
    findings = evaluate.explain(bundle, facts_row)
    shown = []
    for finding in findings:
        rule = rules[finding.rule]
        names = (*rule.applies, *facts_used(rule.violated_when))
        source = rule.source
        shown.append(
            {
                "rule": rule.id,
                "version": rule.version,
                "severity": finding.severity,
                "facts": {name: _plain(facts_row.get(name)) for name in dict.fromkeys(names)},
                "source": f"{source.cite} (checked {source.checked_on}, {source.confidence})",
                "says": finding.says,
                "fix": finding.fix,
            }
        )
    return {
        "person": facts_row.get("customer_id"),
        "channel": facts_row.get("channel"),
        "allowed": not any(finding.severity == "block" for finding in findings),
        "findings": shown,
    }


def coverage(bundle: PolicyBundle) -> list[dict[str, Any]]:
    """Per rule: its tests by kind and its source.

    Kinds: `violating`, `passing`, `unknown` where a fact of the predicate is left out, and `boundary`: the two sides of a number of the
    predicate, one step apart. `has_boundary` is False for a predicate without a number that is compared.
    """
    rows = []
    for rule in bundle.rules:
        found = predicate(rule, bundle.facts)
        used, edges = set(found.facts), _edges(found)
        rows.append(
            {
                "rule": rule.id,
                "version": rule.version,
                "scope": rule.scope,
                "basis": rule.basis,
                "jurisdiction": list(rule.jurisdiction),
                "violating": sum(test.violates for test in rule.tests),
                "passing": sum(not test.violates for test in rule.tests),
                "unknown": sum(not used <= test.facts.keys() for test in rule.tests),
                "boundary": sum(any(test.facts.get(name) == value for name, value in edges) for test in rule.tests),
                "has_boundary": bool(edges),
                "confidence": rule.source.confidence,
                "checked_on": rule.source.checked_on.isoformat(),
            }
        )
    return rows


def _edges(found: Predicate) -> set[tuple[str, float]]:
    """(fact, number) for every number that a fact is compared with directly."""
    edges = set()
    for node in found.tree.find_all(*COMPARISONS):
        for fact, number in ((node.this, node.expression), (node.expression, node.this)):
            if isinstance(fact, exp.Column) and isinstance(number, exp.Literal) and not number.is_string:
                edges.add((fact.name, float(number.name)))
    return edges


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
