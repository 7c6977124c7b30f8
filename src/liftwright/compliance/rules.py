"""Predicates of rules: an own list of allowed words first, then bound by DuckDB against the declared facts.

A predicate can compare facts, and nothing else: whatever is not a declared fact of the rule's scope, a literal, one of the
operators or one of five functions is refused before DuckDB sees it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable

import duckdb

from liftwright.compliance import autonomy, engine
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import PolicyBundle, Rule, RuleScope

SQL_TYPES = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}
FUNCTIONS = frozenset({"lower", "coalesce", "length", "contains", "regexp_matches"})
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "between", "null", "true", "false"})
_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d+(?:\.\d+)?)(?![A-Za-z_.])|(?P<text>'(?:[^']|'')*')"
    r"|(?P<operator><=|>=|<>|!=|=|<|>|\+|-|\*|/|%|\(|\)|,))",
    re.ASCII,
)


def facts_of(facts: dict[str, str], scope: RuleScope) -> dict[str, str]:
    """Name and SQL type of every fact of a scope, in declared order."""
    split = {name: declared.split() for name, declared in facts.items()}
    return {name: SQL_TYPES[parts[0]] for name, parts in split.items() if scope in parts[1:]}


def tokens(expression: str) -> list[str]:
    """The tokens of a predicate. Raises ValueError at the first character that cannot be part of one."""
    found: list[str] = []
    position = 0
    while expression[position:].strip(" \t\r\n"):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"'{expression[position:].strip()[:20]}' cannot stand in a predicate")
        found.append(match.group().strip())
        position = match.end()
    return found


def facts_used(expression: str) -> tuple[str, ...]:
    """The facts a valid predicate speaks about, in order of appearance."""
    words = (token for token in tokens(expression) if re.match(r"[A-Za-z_]", token))
    return tuple(dict.fromkeys(word for word in words if word.lower() not in KEYWORDS | FUNCTIONS))


def predicate(rule: Rule, facts: dict[str, str], *, where: str = "") -> str:
    """The predicate written again from its allowed tokens, so that no comment or hidden character survives. Raises PolicyError."""
    known = facts_of(facts, rule.scope)
    try:
        found = tokens(rule.violated_when)
    except ValueError as error:
        raise _bad("POLICY-PREDICATE", rule, f"{error}.", where=where) from error
    depth = 0
    for index, token in enumerate(found):
        depth += {"(": 1, ")": -1}.get(token, 0)
        if depth < 0 or (token == "," and depth == 0):
            raise _bad("POLICY-PREDICATE", rule, f"'{token}' stands where a predicate cannot have it.", where=where)
        if re.match(r"[A-Za-z_]", token):
            _allow_word(token, rule, known, is_call=found[index + 1 : index + 2] == ["("], where=where)
    if depth != 0 or not found:
        raise _bad("POLICY-PREDICATE", rule, "the predicate is empty or a bracket is not closed.", where=where)
    return " ".join(found)


def check(bundle: PolicyBundle, *, where: Callable[[str], str] = lambda rule_id: "") -> None:
    """Bind every rule of a bundle against its facts, and check its autonomy levels; raises PolicyError for the first that does not hold.

    `where` gives the file and line of a rule id, for the message.
    """
    seen: set[str] = set()
    for rule in bundle.rules:
        place = where(rule.id)
        if rule.id in seen:
            raise _bad("POLICY-DUPLICATE", rule, "another rule has the same id.", where=place)
        seen.add(rule.id)
        if {test.violates for test in rule.tests} != {True, False}:
            raise _bad("POLICY-TESTS", rule, "it needs at least one test that violates and one that does not.", where=place)
        known = facts_of(bundle.facts, rule.scope)
        named = (*rule.applies, *(name for test in rule.tests for name in test.facts))
        for name in named:
            if name not in known:
                raise _unknown_fact(name, rule, known, where=place)
        for name in rule.applies:
            if known[name] != "VARCHAR":
                raise _bad("POLICY-APPLIES", rule, f"'applies' compares words, and '{name}' is not text.", where=place)
    _bind(bundle, where=where)
    autonomy.check(bundle.autonomy)


def empty_table(facts: dict[str, str], scope: RuleScope) -> str:
    """A query with no rows that has every fact of a scope as a typed column."""
    columns = ", ".join(f"CAST(NULL AS {sql}) AS {name}" for name, sql in facts_of(facts, scope).items())
    return f"(SELECT {columns} WHERE false)"


def _bind(bundle: PolicyBundle, *, where: Callable[[str], str]) -> None:
    with engine.session() as connection:
        for rule in bundle.rules:
            clean = predicate(rule, bundle.facts, where=where(rule.id))
            query = f"SELECT ({clean}) AS verdict FROM {empty_table(bundle.facts, rule.scope)}"
            try:
                result = str(connection.sql(query).types[0])
            except duckdb.Error as error:
                first = str(error).splitlines()[0].rstrip(".")
                raise _bad("POLICY-PREDICATE", rule, f"{first}.", where=where(rule.id)) from error
            if result != "BOOLEAN":
                raise _bad("POLICY-PREDICATE", rule, f"it gives {result}, and must be true or false.", where=where(rule.id))


def _allow_word(token: str, rule: Rule, known: dict[str, str], *, is_call: bool, where: str) -> None:
    if token.lower() in KEYWORDS or token in known:
        return
    if token.lower() in FUNCTIONS:
        if not is_call:
            raise _bad("POLICY-PREDICATE", rule, f"the function '{token}' needs brackets.", where=where)
        return
    if is_call:
        listed = ", ".join(sorted(FUNCTIONS))
        raise _bad("POLICY-PREDICATE", rule, f"'{token}' is not a function a rule may use ({listed}).", where=where)
    raise _unknown_fact(token, rule, known, where=where)


def _unknown_fact(name: str, rule: Rule, known: Iterable[str], *, where: str) -> PolicyError:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return _bad("POLICY-FACT", rule, f"'{name}' is not a declared fact of scope {rule.scope}.{hint}", where=where)


def _bad(code: str, rule: Rule, says: str, *, where: str) -> PolicyError:
    place = f"{where}, rule {rule.id}" if where else f"Rule {rule.id}"
    return PolicyError(code, f"{place}: {says}", next_step="Mend the rule and run `liftwright policy test`.")
