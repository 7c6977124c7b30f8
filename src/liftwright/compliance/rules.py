"""Rules against the facts they may speak about: read once by `predicate`, then bound by DuckDB, so that no rule fails when it is needed."""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Callable, Iterable

import duckdb

from liftwright.compliance import autonomy, engine, ladder
from liftwright.compliance.predicate import KINDS, Predicate, UnknownFactError, read
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import PolicyBundle, Rule, RuleScope

SQL_TYPES = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}


def facts_of(facts: dict[str, str], scope: RuleScope) -> dict[str, str]:
    """Name and SQL type of every fact of a scope, in declared order."""
    return {name: SQL_TYPES[kind] for name, kind in _declared(facts, scope).items()}


def predicate(rule: Rule, facts: dict[str, str], *, where: str = "") -> Predicate:
    """A rule's predicate, checked against the facts of its scope. Raises PolicyError naming `where`, the fact and the nearest one."""
    known = _declared(facts, rule.scope)
    try:
        return read(rule.violated_when, {name: KINDS[kind] for name, kind in known.items()})
    except UnknownFactError as error:
        raise _unknown_fact(str(error), rule, known, where=where) from error
    except ValueError as error:
        raise _bad("POLICY-PREDICATE", rule, f"{error}.", where=where) from error


_held: deque[PolicyBundle] = deque(maxlen=4)


def check(bundle: PolicyBundle, *, where: Callable[[str], str] = lambda rule_id: "") -> None:
    """Bind every rule of a bundle against its facts, and check its autonomy levels; raises PolicyError for the first that does not hold.

    `where` gives the file and line of a rule id, for the message. A bundle that held once is not looked at again.
    """
    if any(bundle is known for known in _held):
        return
    seen: set[str] = set()
    for rule in bundle.rules:
        place = where(rule.id)
        if rule.id in seen:
            raise _bad("POLICY-DUPLICATE", rule, "another rule has the same id.", where=place)
        seen.add(rule.id)
        _check_record(rule, bundle, where=place)
    _bind(bundle, where=where)
    autonomy.check(bundle.autonomy)
    ladder.ladder_of(bundle.autonomy)
    _held.append(bundle)


def empty_table(facts: dict[str, str], scope: RuleScope) -> str:
    """A query with no rows that has every fact of a scope as a typed column."""
    columns = ", ".join(f"CAST(NULL AS {sql}) AS {name}" for name, sql in facts_of(facts, scope).items())
    return f"(SELECT {columns} WHERE false)"


def _declared(facts: dict[str, str], scope: RuleScope) -> dict[str, str]:
    """Name and declared type of every fact of a scope."""
    split = {name: declared.split() for name, declared in facts.items()}
    return {name: parts[0] for name, parts in split.items() if scope in parts[1:]}


def _check_record(rule: Rule, bundle: PolicyBundle, *, where: str) -> None:
    if {test.violates for test in rule.tests} != {True, False}:
        raise _bad("POLICY-TESTS", rule, "it needs at least one test that violates and one that does not.", where=where)
    known = facts_of(bundle.facts, rule.scope)
    for name in (*rule.applies, *rule.excepts, *rule.facts, *(name for test in rule.tests for name in test.facts)):
        if name not in known:
            raise _unknown_fact(name, rule, known, where=where)
    for name in (*rule.applies, *rule.excepts):
        if known[name] != "VARCHAR":
            raise _bad("POLICY-APPLIES", rule, f"'applies' compares words, and '{name}' is not text.", where=where)
    used = predicate(rule, bundle.facts, where=where).facts
    if rule.facts and set(rule.facts) != set(used):
        raise _bad("POLICY-FACTS-NAMED", rule, f"'facts' must name what the predicate uses: {', '.join(used)}.", where=where)
    if rule.basis == "law" and rule.unknown == "pass" and not rule.unknown_because:
        says = "a law's rule that lets pass what is not known must say why ('unknown_because')."
        raise _bad("POLICY-UNKNOWN", rule, says, where=where)


def _bind(bundle: PolicyBundle, *, where: Callable[[str], str]) -> None:
    with engine.session() as connection:
        for rule in bundle.rules:
            clean = predicate(rule, bundle.facts, where=where(rule.id)).sql
            query = f"SELECT ({clean}) AS verdict FROM {empty_table(bundle.facts, rule.scope)}"
            try:
                result = str(connection.sql(query).types[0])
            except duckdb.Error as error:
                first = str(error).splitlines()[0].rstrip(".")
                raise _bad("POLICY-PREDICATE", rule, f"{first}.", where=where(rule.id)) from error
            if result != "BOOLEAN":
                raise _bad("POLICY-PREDICATE", rule, f"it gives {result}, and must be true or false.", where=where(rule.id))


def _unknown_fact(name: str, rule: Rule, known: Iterable[str], *, where: str) -> PolicyError:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return _bad("POLICY-FACT", rule, f"'{name}' is not a declared fact of scope {rule.scope}.{hint}", where=where)


def _bad(code: str, rule: Rule, says: str, *, where: str) -> PolicyError:
    place = f"{where}, rule {rule.id}" if where else f"Rule {rule.id}"
    return PolicyError(code, f"{place}: {says}", next_step="Mend the rule and run `liftwright policy test`.")
