"""How good the tests of the rules are: every predicate is changed in every small way, and the rule's own tests must notice.

A mutant changes one operator, one constant, one fact for another of its type, drops one term or turns one verdict round (DeMillo, Lipton and
Sayward 1978, "Hints on Test Data Selection"). One that no facts of a grid of boundary values can tell from the rule is equivalent and not counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlglot import exp

from liftwright.compliance import evaluate
from liftwright.compliance.predicate import COMPARISONS, UnknownFactError, facts_of_tree
from liftwright.compliance.rules import facts_of, predicate
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import PolicyBundle, Rule

MOST_ROWS = 3_000
"""Rows of the grid on which a mutant is told from its rule; more combinations than that are sampled."""


@dataclass(frozen=True)
class Survivor:
    """A mutant the rule's tests do not notice, and facts that would tell: what a missing test should hold."""

    rule: str
    mutant: str
    facts: Mapping[str, Any]
    violates: bool


@dataclass(frozen=True)
class Tried:
    """How many mutants differ from their rules, how many of these the tests notice, how many are equivalent, and who survived."""

    mutants: int
    noticed: int
    equivalent: int
    survivors: tuple[Survivor, ...]


def tried(bundle: PolicyBundle) -> Tried:
    """Try every mutant of every rule of a bundle."""
    noticed = equivalent = 0
    survivors: list[Survivor] = []
    for rule in bundle.rules:
        rows = _grid(rule, bundle)
        for mutant in of(rule, bundle):
            if _is_noticed(mutant, bundle):
                noticed += 1
                continue
            told = _telling(rule, mutant, rows, bundle)
            if told is None:
                equivalent += 1
            else:
                survivors.append(Survivor(rule.id, mutant.violated_when, told, _fires(rule, told, bundle)))
    return Tried(noticed + len(survivors), noticed, equivalent, tuple(survivors))


def of(rule: Rule, bundle: PolicyBundle) -> list[Rule]:
    """Every mutant of a rule that is a predicate at all."""
    tree = predicate(rule, bundle.facts).tree
    texts = dict.fromkeys(str(changed.sql(dialect="duckdb")) for changed in _changed(tree, facts_of(bundle.facts, rule.scope)))
    texts.pop(str(tree.sql(dialect="duckdb")), None)
    found = [rule.model_copy(update={"violated_when": text, "facts": ()}) for text in texts]
    return [mutant for mutant in found if _holds(mutant, bundle)]


def _holds(mutant: Rule, bundle: PolicyBundle) -> bool:
    try:
        predicate(mutant, bundle.facts)
    except (PolicyError, UnknownFactError):
        return False
    return True


def _changed(tree: exp.Expression, facts: Mapping[str, str]) -> Iterator[exp.Expression]:
    """The tree with one place replaced, for every place and replacement."""
    places = len(list(tree.walk()))
    for place in range(places):
        for other in _replacements(_at(tree, place), facts):
            copy = tree.copy()
            target = _at(copy, place)
            if target is copy:
                yield other.copy()
            else:
                target.replace(other.copy())
                yield copy


def _at(tree: exp.Expression, place: int) -> exp.Expression:
    found = next(itertools.islice(tree.walk(), place, None))
    assert isinstance(found, exp.Expression)
    return found


def _replacements(node: exp.Expression, facts: Mapping[str, str]) -> Iterator[exp.Expression]:
    if isinstance(node, COMPARISONS):
        yield from (kind(this=node.this, expression=node.expression) for kind in COMPARISONS if kind is not type(node))
    elif isinstance(node, exp.And | exp.Or):
        swapped = exp.Or if isinstance(node, exp.And) else exp.And
        yield from (exp.Paren(this=swapped(this=node.this, expression=node.expression)), node.this, node.expression)
    elif isinstance(node, exp.Not | exp.Coalesce):
        yield node.this
    elif isinstance(node, exp.Literal):
        yield from _constants(node)
    elif isinstance(node, exp.Boolean):
        yield exp.Boolean(this=not node.this)
    elif isinstance(node, exp.Column):
        kind = facts[node.name]
        yield from (exp.column(name) for name, other in facts.items() if other == kind and name != node.name)
        if kind == "BOOLEAN":
            yield exp.Paren(this=exp.Not(this=node))
    elif isinstance(node, exp.In) and len(node.expressions) > 1:
        for left_out in range(len(node.expressions)):
            kept = [each for place, each in enumerate(node.expressions) if place != left_out]
            yield exp.In(this=node.this, expressions=kept)


def _constants(node: exp.Literal) -> Iterator[exp.Expression]:
    if node.is_string:
        yield exp.Literal.string(f"{node.name}_")
        return
    step = 10.0 ** -len(node.name.partition(".")[2])
    for value in (float(node.name) - step, float(node.name) + step):
        written = f"{abs(value):.{len(node.name.partition('.')[2])}f}"
        yield exp.Neg(this=exp.Literal.number(written)) if value < 0 else exp.Literal.number(written)


def _is_noticed(mutant: Rule, bundle: PolicyBundle) -> bool:
    return any(_fires(mutant, test.facts, bundle) != test.violates for test in mutant.tests)


def _fires(rule: Rule, facts: Mapping[str, Any], bundle: PolicyBundle) -> bool:
    (code,) = evaluate.one(bundle, [rule], facts, scope=rule.scope, where=f"Rule {rule.id}")
    return evaluate.effect(rule, code) != "allow"


def _telling(rule: Rule, mutant: Rule, rows: list[dict[str, Any]], bundle: PolicyBundle) -> dict[str, Any] | None:
    """Facts on which rule and mutant differ; None when no row of the grid tells them apart."""
    others = [name for name in predicate(mutant, bundle.facts).facts if rows and name not in rows[0]]
    for row in rows:
        for value in (True, False) if others else (None,):
            told = {**row, **dict.fromkeys(others, value)} if _is_boolean(others, rule, bundle) else dict(row)
            if _fires(rule, told, bundle) != _fires(mutant, told, bundle):
                return {name: fact for name, fact in told.items() if fact is not None}
    return None


def _is_boolean(names: list[str], rule: Rule, bundle: PolicyBundle) -> bool:
    known = facts_of(bundle.facts, rule.scope)
    return bool(names) and all(known[name] == "BOOLEAN" for name in names)


def _grid(rule: Rule, bundle: PolicyBundle) -> list[dict[str, Any]]:
    """Rows of facts around every constant of a rule, with and without each fact; where the rule applies."""
    tree, known = predicate(rule, bundle.facts).tree, facts_of(bundle.facts, rule.scope)
    applies = {name: values[0] for name, values in rule.applies.items()}
    numbers = sorted({float(each.name) for each in tree.find_all(exp.Literal) if not each.is_string})
    words = sorted({each.name for each in tree.find_all(exp.Literal) if each.is_string})
    names = facts_of_tree(tree)
    values = [_values(known[name], numbers, words, name, rule) for name in names]
    count = int(np.prod([len(each) for each in values], dtype=np.float64))
    rows = list(itertools.product(*values)) if count <= MOST_ROWS else _sample(values, seed=len(rule.violated_when))
    return [applies | dict(zip(names, row, strict=True)) for row in rows]


def _sample(values: list[list[Any]], *, seed: int) -> list[tuple[Any, ...]]:
    draw = np.random.default_rng(seed)
    return [tuple(each[draw.integers(len(each))] for each in values) for _ in range(MOST_ROWS)]


def _values(sql: str, numbers: list[float], words: list[str], name: str, rule: Rule) -> list[Any]:
    """Values of a fact that may make a difference, missing included. Numbers are counts, minutes and money: below zero only where a test is."""
    tested = [test.facts[name] for test in rule.tests if test.facts.get(name) is not None]
    if sql == "BOOLEAN":
        return [True, False, None]
    if sql == "DATE":
        days = [day for day in tested if isinstance(day, date)]
        return [None, *sorted({day + timedelta(days=step) for day in days for step in (-1, 0, 1)})]
    if sql == "VARCHAR":
        return [None, "asked", "withdrawn", "", *dict.fromkeys([*words, *(f"{word}_" for word in words), *map(str, tested)])]
    least = min(0.0, *(float(value) for value in tested)) if tested else 0.0
    whole = sql == "BIGINT"
    steps = {value + step for value in numbers for step in ((-1, 0, 1) if whole else (-1e-3, 0.0, 1e-3))} | {0.0, 1.0}
    found = {value for value in {*steps, *(float(value) for value in tested)} if value >= least}
    return [None, *sorted({int(value) for value in found} if whole else found)]
