"""Rules run over tables of facts, all people at once; one row alone (one person, one text, one plan) is judged by `single`, which says the same.

A rule that applies either passes, is violated, or is unknown because a fact is missing; `unknown:` of the rule says what
that means. Deny overrides: the worst of all rules is the outcome, and every rule that fired is named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa

from liftwright.compliance import engine, single
from liftwright.compliance.predicate import facts_used
from liftwright.compliance.rules import SQL_TYPES, facts_of, predicate
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import ALWAYS, Finding, PolicyBundle, Rule, RuleScope, RuleTest, Severity

Outcome = Literal["allow", "warn", "needs_approval", "delay", "block"]
OUTCOMES: tuple[Outcome, ...] = ("allow", "warn", "needs_approval", "delay", "block")
"""From best to worst."""
PASSED, VIOLATED, UNKNOWN = 0, 1, 2
_RULES_PER_COLUMN = 31
_ARROW = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(), "DATE": pa.date32()}


@dataclass(frozen=True)
class TestFailure:
    """A rule that does not say what its own test expects."""

    __test__ = False

    rule: str
    test: str
    expected: bool
    got: bool


def people(bundle: PolicyBundle, facts: pa.Table) -> pa.Table:
    """Judge one row per person and channel: `customer_id, channel, outcome, rules` (ids of every rule that fired), in the order given.

    A fact column that is absent is missing for everybody. Rules of other scopes are not looked at.
    """
    rules = _of(bundle, "person")
    codes, patterns = _distinct(_packed(bundle, rules, facts, scope="person"))
    outcomes, fired = _meant(rules, _unpack(patterns, len(rules)))
    return pa.table(
        {
            "customer_id": facts["customer_id"],
            "channel": facts["channel"],
            "outcome": outcomes.take(codes),
            "rules": fired.take(codes),
        }
    )


def content(bundle: PolicyBundle, facts: Sequence[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Judge variants, one mapping of facts each; a key `variant_id` that is no fact becomes the subject of its findings."""
    return tuple(
        finding
        for row in facts
        for finding in _judge(bundle, row, scope="content", subject=str(row.get("variant_id", "content")))
    )


def plan(bundle: PolicyBundle, facts: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Judge one plan."""
    return _judge(bundle, facts, scope="plan", subject="plan")


def explain(bundle: PolicyBundle, facts_row: Mapping[str, Any]) -> list[Finding]:
    """Every rule that fires for one person and channel, worst first."""
    subject = f"{facts_row.get('customer_id', 'person')} on {facts_row.get('channel', 'any channel')}"
    found = _judge(bundle, facts_row, scope="person", subject=subject)
    order: tuple[Severity, ...] = ("block", "needs_approval", "warn", "info")
    return sorted(found, key=lambda finding: order.index(finding.severity))


def people_findings(bundle: PolicyBundle, verdicts: pa.Table) -> tuple[Finding, ...]:
    """Counts of a `people` result as findings of a plan: who was left out or must wait is information, the rest keeps its severity.

    Counts person-channel pairs. Sorted by count, then by rule.
    """
    counts: dict[str, int] = {}
    for entry in verdicts["rules"].combine_chunks().flatten().value_counts().to_pylist():
        counts[entry["values"]] = entry["counts"]
    rules = {rule.id: rule for rule in bundle.rules}
    found = [
        _finding(
            rules[name],
            severity="info" if rules[name].severity == "block" else rules[name].severity,
            subject="people and channels",
            says=rules[name].says,
            count=count,
        )
        for name, count in counts.items()
    ]
    return tuple(sorted(found, key=lambda finding: (-finding.count, finding.rule)))


def run_tests(bundle: PolicyBundle) -> list[TestFailure]:
    """Run every rule's own tests through the same engine; empty when all hold. Raises PolicyError for a test fact of the wrong type."""
    failures: list[TestFailure] = []
    for scope in ("person", "content", "plan"):
        rules = _of(bundle, scope)
        pairs = [(index, test) for index, rule in enumerate(rules) for test in rule.tests]
        if not pairs:
            continue
        table = _tests_table(bundle, rules, pairs, scope=scope)
        matrix = _verdicts(bundle, rules, table, scope=scope)
        for row, (index, test) in enumerate(pairs):
            fired = effect(rules[index], int(matrix[row, index])) != "allow"
            if fired != test.violates:
                failures.append(TestFailure(rules[index].id, test.name or str(test.facts), test.violates, fired))
    return failures


def effect(rule: Rule, code: int) -> Outcome:
    """What one rule means for the outcome when it passed (0), is violated (1) or unknown (2)."""
    if code == PASSED or (code == UNKNOWN and rule.unknown == "pass"):
        return "allow"
    severity = rule.severity if code == VIOLATED else rule.unknown
    if severity == "block":
        return "delay" if rule.delays and code == VIOLATED else "block"
    return "needs_approval" if severity == "needs_approval" else "warn"


def _meant(rules: Sequence[Rule], verdicts: np.ndarray) -> tuple[pa.Array, pa.Array]:
    """Of rows x rules of verdicts: the worst effect of each row, and the ids of the rules that fired."""
    means = np.array(
        [[OUTCOMES.index(effect(rule, code)) for code in (PASSED, VIOLATED, UNKNOWN)] for rule in rules], dtype=np.int8
    )
    effects = means[np.arange(len(rules)), verdicts] if rules else np.zeros((len(verdicts), 0), dtype=np.int8)
    worst = effects.max(axis=1, initial=0)
    rows, places = np.nonzero(effects)
    ends = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(verdicts)))))
    ids = pa.array([rule.id for rule in rules], pa.string()).take(pa.array(places))
    return pa.array(OUTCOMES, pa.string()).take(pa.array(worst)), pa.ListArray.from_arrays(pa.array(ends, pa.int32()), ids)


def _of(bundle: PolicyBundle, scope: RuleScope) -> list[Rule]:
    return [rule for rule in bundle.rules if rule.scope == scope]


def _judge(bundle: PolicyBundle, facts: Mapping[str, Any], *, scope: RuleScope, subject: str) -> tuple[Finding, ...]:
    rules = [rule for rule in _of(bundle, scope) if _may_apply(rule, facts)]
    codes = one(bundle, rules, facts, scope=scope, where=subject)
    found: list[Finding] = []
    for rule, code in zip(rules, codes, strict=True):
        outcome = effect(rule, int(code))
        if outcome == "allow":
            continue
        severity: Severity = (
            "block" if outcome in {"block", "delay"} else rule.severity if outcome == "warn" else "needs_approval"
        )
        absent = [name for name in facts_used(rule.violated_when) if facts.get(name) is None] if code == UNKNOWN else []
        says = f"Not known: {', '.join(absent)}. {rule.says}" if absent else rule.says
        found.append(_finding(rule, severity=severity, subject=subject, says=says))
    return tuple(found)


def one(bundle: PolicyBundle, rules: Sequence[Rule], facts: Mapping[str, Any], *, scope: RuleScope, where: str) -> list[int]:
    """0 passed, 1 violated, 2 unknown for each rule of a scope on one row. Raises PolicyError naming `where` for a fact of the wrong type."""
    table = _table(facts_of(bundle.facts, scope), [facts], where=where)
    row = table.to_pylist()[0]
    functions = [single.function(predicate(rule, bundle.facts)) for rule in rules]
    if any(isinstance(value, float) and math.isnan(value) for value in row.values()):
        functions = [None] * len(rules)
    rest = [rule for rule, function in zip(rules, functions, strict=True) if function is None]
    asked = iter(_verdicts(bundle, rest, table, scope=scope)[0].tolist() if rest else [])
    return [
        next(asked) if function is None else code_of(rule, function(row), row)
        for rule, function in zip(rules, functions, strict=True)
    ]


def code_of(rule: Rule, verdict: bool | None, row: Mapping[str, Any]) -> int:
    """As `_case` says it of a table."""
    day = row.get("send_on")
    if not _may_apply(rule, row) or (day is not None and not _in_force(rule, day)):
        return PASSED
    return UNKNOWN if verdict is None else int(verdict)


def _in_force(rule: Rule, day: date) -> bool:
    return (rule.effective_from == ALWAYS or rule.effective_from <= day) and (
        rule.effective_until is None or day <= rule.effective_until
    )


def _may_apply(rule: Rule, facts: Mapping[str, Any]) -> bool:
    """False when a known fact already says that the rule is about somebody else; saves planning SQL for one row."""
    is_meant = all(facts.get(name) is None or facts[name] in values for name, values in rule.applies.items())
    return is_meant and not any(facts.get(name) in values for name, values in rule.excepts.items())


def _finding(rule: Rule, *, severity: Severity, subject: str, says: str, count: int = 1) -> Finding:
    return Finding(
        rule=rule.id, severity=severity, subject=subject, count=count, says=says, source=rule.source.cite, fix=rule.fix
    )


def _verdicts(bundle: PolicyBundle, rules: Sequence[Rule], facts: pa.Table, *, scope: RuleScope) -> np.ndarray:
    """Rows x rules of 0 passed, 1 violated, 2 unknown."""
    return _unpack(_packed(bundle, rules, facts, scope=scope), len(rules))


def _packed(bundle: PolicyBundle, rules: Sequence[Rule], facts: pa.Table, *, scope: RuleScope) -> np.ndarray:
    """The verdicts of a row as few integers: two bits a rule, 31 rules a column."""
    if not rules:
        return np.zeros((facts.num_rows, 1), dtype=np.int64)
    known = facts_of(bundle.facts, scope)
    casts = ", ".join(f"CAST({name if name in facts.column_names else 'NULL'} AS {sql}) AS {name}" for name, sql in known.items())
    starts = range(0, len(rules), _RULES_PER_COLUMN)
    packed = [
        " + ".join(f"{4**place} * {_case(rule, bundle)}" for place, rule in enumerate(rules[start : start + _RULES_PER_COLUMN]))
        for start in starts
    ]
    columns = ", ".join(f"{sql} AS p{number}" for number, sql in enumerate(packed))
    with engine.session() as connection:
        connection.register(
            "given", facts.select([name for name in known if name in facts.column_names] or facts.column_names[:1])
        )
        try:
            result = connection.sql(f"SELECT {columns} FROM (SELECT {casts} FROM given)").fetchnumpy()
        except duckdb.Error as error:
            raise PolicyError(
                "POLICY-FACTS",
                f"The facts do not fit their declared types: {str(error).splitlines()[0]}",
                next_step="Mend the facts handed in, or their type in policies/schema/facts.yaml.",
            ) from error
    return np.stack([np.asarray(result[f"p{number}"], dtype=np.int64) for number in range(len(packed))], axis=1)


def _case(rule: Rule, bundle: PolicyBundle) -> str:
    """SQL giving 0, 1 or 2. A rule whose scope or date is not known applies: what is not known never lets anything pass."""
    applies = [f"coalesce({_among(name, values)}, true)" for name, values in sorted(rule.applies.items())]
    applies += [f"NOT coalesce({_among(name, values)}, false)" for name, values in sorted(rule.excepts.items())]
    if rule.effective_from != ALWAYS:
        applies.append(f"coalesce(send_on >= DATE '{rule.effective_from.isoformat()}', true)")
    if rule.effective_until is not None:
        applies.append(f"coalesce(send_on <= DATE '{rule.effective_until.isoformat()}', true)")
    clean = predicate(rule, bundle.facts).sql
    return f"CASE WHEN {' AND '.join(applies) or 'true'} THEN coalesce(CAST(({clean}) AS BIGINT), 2) ELSE 0 END"


def _among(name: str, values: Sequence[str]) -> str:
    return f"{name} IN ({', '.join(_literal(value) for value in values)})"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _unpack(packed: np.ndarray, count: int) -> np.ndarray:
    places = np.arange(count)
    return ((packed[:, places // _RULES_PER_COLUMN] >> (2 * (places % _RULES_PER_COLUMN))) & 3).astype(np.int8)


def _distinct(packed: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """For each row the number of its pattern, and the patterns: fewer than rows, since people are alike."""
    codes, count = np.zeros(len(packed), dtype=np.int64), 1
    for column in packed.T:
        found = pa.array(column).dictionary_encode()
        both = pa.array(found.indices.to_numpy().astype(np.int64) * count + codes).dictionary_encode()
        codes, count = both.indices.to_numpy().astype(np.int64), len(both.dictionary)
    first = np.empty(count, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return pa.array(codes), packed[first] if len(packed) else packed


def _table(known: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, where: str) -> pa.Table:
    columns: dict[str, pa.Array] = {}
    for name, sql in known.items():
        try:
            columns[name] = pa.array([row.get(name) for row in rows], _ARROW[sql])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            kind = next(kind for kind, declared in SQL_TYPES.items() if declared == sql)
            raise PolicyError(
                "POLICY-FACTS", f"{where}: the fact '{name}' is not a {kind}: {error}.", next_step="Mend the fact."
            ) from error
    return pa.table(columns)


def _tests_table(
    bundle: PolicyBundle, rules: Sequence[Rule], pairs: Sequence[tuple[int, RuleTest]], *, scope: RuleScope
) -> pa.Table:
    known = facts_of(bundle.facts, scope)
    return pa.concat_tables([_table(known, [test.facts], where=f"A test of rule {rules[index].id}") for index, test in pairs])
