"""The rules' word on one row, without a database, is the word of the table."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.compliance import at_once, evaluate
from liftwright.compliance.rules import facts_of
from liftwright.domain.policy import Rule, RuleTest, Source
from liftwright.library import DiskLibrary

SHIPPED = DiskLibrary().policies()
WORDS = {
    "channel": ["email", "sms", "push", "voice", "direct_mail", "web"],
    "country": ["US", "US", "DE", "FR", "CA", "GB"],
    "region": ["TX", "FL", "CA", "WA", "QC"],
    "consent": ["granted", "denied"],
}
FINE = {"consent": "granted", "country": "US", "region": "NY", "local_minute": 720, "age": 40} | {
    **dict.fromkeys(
        ("is_suppressed", "has_objected", "opted_out_of_sharing", "on_do_not_call", "is_minor", "is_holdout", "is_blackout"),
        False,
    ),
    **dict.fromkeys(("has_address", "has_assessment", "is_registered"), True),
    **dict.fromkeys(("contacts_24h", "contacts_7d", "contacts_30d", "channel_contacts_7d", "calls_24h", "unanswered_30d"), 0),
    **dict.fromkeys(("zone_behind", "zone_ahead"), 0),
}
"""Facts with which most may be contacted."""
RANDOM = np.random.default_rng(5)


def _fact(name: str, kind: str) -> Any:
    if RANDOM.random() < 0.15:
        return None
    if kind == "VARCHAR":
        return str(RANDOM.choice(WORDS.get(name, ["a", "b"])))
    if kind == "BOOLEAN":
        return bool(RANDOM.random() < 0.3)
    if kind == "DATE":
        return date(2026, int(RANDOM.integers(1, 13)), 3)
    top = {"local_minute": 1440, "local_weekday": 8, "age": 90}.get(name, 12)
    return int(RANDOM.integers(0, top)) if kind == "BIGINT" else float(RANDOM.random())


def test_every_shipped_rule_says_of_a_row_what_it_says_of_a_table() -> None:
    known = facts_of(SHIPPED.facts, "person")
    rows = [{"customer_id": "a", **{name: _fact(name, kind) for name, kind in known.items()}} for _ in range(2_000)]
    rows += [{**row, **FINE, "channel": row["channel"] or "email"} for row in rows[:1_000]]
    kinds = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_(), "DATE": pa.date32()}
    table = pa.table(
        {"customer_id": ["a"] * len(rows)}
        | {name: pa.array([row[name] for row in rows], kinds[kind]) for name, kind in known.items()}
    )
    by_table = [(row["outcome"], tuple(row["rules"])) for row in evaluate.people(SHIPPED, table).to_pylist()]
    assert [at_once.verdict(SHIPPED, row) for row in rows] == by_table
    assert len({outcome for outcome, _ in by_table}) >= 3


@pytest.mark.parametrize(("region", "outcome"), [("TX", "block"), ("NY", "allow")])
def test_a_rule_that_only_the_database_can_judge_is_judged_by_it(region: str, outcome: str) -> None:
    rule = Rule(
        id="OWN-1",
        version=1,
        scope="person",
        severity="block",
        violated_when="regexp_matches(region, '^T')",
        unknown="pass",
        says="No.",
        fix="Stop.",
        source=Source(cite="House rule", checked_on=date(2026, 11, 21), confidence="own"),
        tests=(RuleTest(facts={"region": "TX"}, violates=True), RuleTest(facts={"region": "NY"}, violates=False)),
    )
    bundle = SHIPPED.model_copy(update={"rules": (rule,), "digest": "own"})
    facts = {"customer_id": "a", "channel": "email", "region": region}
    assert at_once.verdict(bundle, facts) == (outcome, ("OWN-1",) if outcome == "block" else ())
