"""One row alone is judged as the same row in a table: by every shipped rule, and by predicates nobody has written yet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.compliance import evaluate, rules
from liftwright.domain.errors import PolicyError
from liftwright.domain.policy import PolicyBundle, Rule, RuleScope, RuleTest, Source
from liftwright.library import DiskLibrary

SHIPPED = DiskLibrary().policies()
FACTS = {
    "age": "integer person",
    "rate": "number person",
    "name": "text person",
    "is_new": "boolean person",
    "born": "date person",
}
FACTS |= {"send_on": "date person", "channel": "text person"}
SOURCE = Source(cite="House rule", checked_on=date(2026, 11, 21), confidence="own")
TESTS = (RuleTest(facts={"age": 1}, violates=True), RuleTest(facts={"age": 2}, violates=False))
LEAVES = [
    "age < 18",
    "age between 1 and 3",
    "rate >= 0.5",
    "name in ('a', 'ß', 'É')",
    "lower(name) = 'é'",
    "is_new",
    "name is null",
]
LEAVES += [
    "coalesce(age, 7) = 7",
    "born < '2026-02-28'",
    "length(name) > 1",
    "contains(name, 'a')",
    "age + 1 > rate * 2",
    "is_new is not true",
]
LEAVES += ["regexp_matches(name, 'a$')", "age % 3 = 1", "age / 2 > rate", "-age < 0", "name <> 'a'", "born in ('2026-02-28')"]
PREDICATES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=5,
)
ROWS = st.fixed_dictionaries(
    {
        "age": st.one_of(st.none(), st.integers(-3, 20)),
        "rate": st.one_of(st.none(), st.sampled_from([0.0, 0.5, 0.4999, 9.0, float("nan")])),
        "name": st.one_of(st.none(), st.sampled_from(["", "a", "A", "É", "é", "ß", "İ", "ba", "a\n"])),
        "is_new": st.one_of(st.none(), st.booleans()),
        "born": st.one_of(st.none(), st.sampled_from([date(2026, 2, 27), date(2026, 2, 28), date(2024, 2, 29)])),
        "send_on": st.one_of(st.none(), st.sampled_from([date(2026, 1, 1), date(2026, 6, 1), date(2027, 1, 1)])),
        "channel": st.one_of(st.none(), st.sampled_from(["email", "sms"])),
    }
)


@settings(max_examples=300, deadline=None)
@given(PREDICATES, st.lists(ROWS, min_size=1, max_size=4))
def test_a_row_alone_is_judged_as_the_same_row_in_a_table(text: str, rows: list[dict[str, Any]]) -> None:
    dates: dict[str, Any] = {"effective_from": date(2026, 1, 2), "effective_until": date(2026, 12, 31)}
    fields: dict[str, Any] = {
        "scope": "person",
        "severity": "block",
        "says": "No.",
        "fix": "Stop.",
        "source": SOURCE,
        "tests": TESTS,
    }
    rule = Rule(id="R", version=1, violated_when=text, applies={"channel": ("sms",)}, **fields, **dates)
    bundle = PolicyBundle(rules=(rule,), facts=FACTS, autonomy=SHIPPED.autonomy, digest="x")
    rules.check(bundle)
    alone = [evaluate.one(bundle, [rule], row, scope="person", where="a row")[0] for row in rows]
    table = pa.table({name: pa.array([row[name] for row in rows], TYPES[kind.split()[0]]) for name, kind in FACTS.items()})
    assert alone == evaluate._verdicts(bundle, [rule], table, scope="person")[:, 0].tolist()


TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "date": pa.date32()}


@pytest.mark.parametrize("scope", ["person", "content", "plan"])
def test_shipped_rules_say_the_same_of_a_thousand_random_rows(scope: RuleScope) -> None:
    found = [rule for rule in SHIPPED.rules if rule.scope == scope]
    draw, known = np.random.default_rng(5), rules.facts_of(SHIPPED.facts, scope)
    words = {"channel": ["email", "sms", "voice"], "country": ["US", "CA", "FR", "BR"], "region": ["FL", "TX", "NY"]}
    columns = {}
    for name, sql in known.items():
        columns[name] = [None if draw.random() < 0.2 else _value(name, sql, words, draw) for _ in range(1_000)]
    table = pa.table({name: pa.array(values, evaluate._ARROW[known[name]]) for name, values in columns.items()})
    together = evaluate._verdicts(SHIPPED, found, table, scope=scope)
    for place, row in enumerate(table.to_pylist()):
        assert evaluate.one(SHIPPED, found, row, scope=scope, where="a row") == together[place].tolist()


def _value(name: str, sql: str, words: dict[str, list[str]], draw: np.random.Generator) -> Any:
    if sql == "BOOLEAN":
        return bool(draw.random() < 0.5)
    if sql == "DATE":
        return date(2026, 1, 1) + timedelta(days=int(draw.integers(400)))
    if sql == "VARCHAR":
        return str(draw.choice(words.get(name, ["granted", "denied", "", "credit cards"])))
    return int(draw.integers(0, 1440)) if sql == "BIGINT" else float(draw.random())


def test_a_fact_of_the_wrong_type_is_named() -> None:
    with pytest.raises(PolicyError, match="the fact 'local_minute' is not a integer"):
        evaluate.explain(SHIPPED, {"customer_id": "c1", "channel": "sms", "local_minute": "noon"})
