"""Rules: all violated rules of every person and channel, with the whole shipped bundle. Prints one JSON line.

    python benchmarks/policy.py --pairs 1000000 [--peer-rows 20000] [--json]

`cpu_seconds`: `compliance.evaluate.people` on random facts (a tenth of each fact that a file may leave out missing), outcome and ids of every rule that fired for
each pair. `one_person_ms`: `evaluate.explain` of one person and channel, the mean of 300. `set_single_differences`: pairs of 100,000 (or all, if
fewer) on which the table and the row alone do not say the same of some rule. Peer: CEL in Rust (common-expression-language) in the same run, on
TEN of the rules written in its words, ten compiled programs a row, over `--peer-rows` rows without missing facts, scaled to all pairs; ours
on the same ten rules and all pairs. `cel` is the peer's CPU over ours; both must say the same of the peer's rows. The peer is in the bench extra.
"""

from __future__ import annotations

import argparse
import json
import resource
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from sqlglot import exp

from liftwright.compliance import evaluate
from liftwright.compliance.rules import facts_of, predicate
from liftwright.domain.policy import PolicyBundle, Rule
from liftwright.library import DiskLibrary

TEN = (
    "SUPPRESSED",
    "TCPA-PEWC",
    "TCPA-QUIET",
    "STATE-QUIET-TX",
    "MINOR-DEFAULT",
    "PECR-22",
    "CASL-CONSENT",
    "CAP-WEEK",
    "STATE-FREQ",
    "HOLDOUT",
)
WORDS = {
    "channel": ["email", "sms", "push", "voice", "direct_mail", "paid_social", "display", "web"],
    "country": ["US", "US", "US", "CA", "GB", "DE", "FR", "BR"],
    "region": ["FL", "TX", "NY", "CA", "WA", "AL", "CT", "OK"],
    "consent": ["granted", "granted", "denied"],
}
NUMBERS = {
    **{"local_minute": 1440, "local_weekday": 8, "contacts_7d": 5, "calls_24h": 5, "days_since_purchase": 1500, "age": 90},
    **{"contacts_24h": 3, "contacts_30d": 14, "channel_contacts_7d": 3, "unanswered_30d": 14, "hours_since_contact": 400},
}
SET = {"contacts_per_day": 2, "contacts_per_month": 12, "unanswered_limit": 12, "hours_between": 3, "channel_per_week": 2}
"""Settings, the same for everybody."""
COUNTED = frozenset(
    {
        "contacts_24h",
        "contacts_7d",
        "contacts_30d",
        "channel_contacts_7d",
        "calls_24h",
        "unanswered_30d",
        "zone_behind",
        "zone_ahead",
    }
)
"""Facts our own code counts, never missing; so are the settings."""
SINGLE, ALONE = 100_000, 300
CEL = {exp.And: "&&", exp.Or: "||", exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def main() -> None:
    """Measure and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=20_000)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    bundle = DiskLibrary().policies()
    facts = pairs(bundle, options.pairs, missing=0.1)
    evaluate.people(bundle, facts.slice(0, 10))
    before = cpu()
    verdicts = evaluate.people(bundle, facts)
    whole = cpu() - before
    ours: dict[str, Any] = {
        "cpu_seconds": round(whole, 3),
        "rules": sum(rule.scope == "person" for rule in bundle.rules),
        "violated_share": round(float(np.mean([name != "allow" for name in verdicts["outcome"].to_pylist()])), 3),
        "one_person_ms": round(alone(bundle, facts.slice(0, ALONE)), 3),
        "set_single_differences": differences(bundle, facts.slice(0, SINGLE)),
    }
    peer, ratio = against_cel(bundle, options.pairs, options.peer_rows)
    line = {"name": "policy", "n": options.pairs, "ours": ours | peer.pop("ours"), "peers": {"cel": peer}, "ratio": ratio}
    print(json.dumps(line))


def cpu() -> float:
    """User and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def pairs(bundle: PolicyBundle, count: int, *, missing: float, seed: int = 0) -> pa.Table:
    """Random facts of `count` person-channel pairs."""
    draw = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {"customer_id": pa.array(np.arange(count)).cast(pa.string())}
    for name, sql in facts_of(bundle.facts, "person").items():
        gone = None if name in {"channel", "send_on", *SET, *COUNTED} else draw.random(count) < missing
        columns[name] = pa.array(_values(name, sql, count, draw), mask=gone, from_pandas=False)
    return pa.table(columns)


def _values(name: str, sql: str, count: int, draw: np.random.Generator) -> Any:
    if sql == "VARCHAR":
        words = np.array(WORDS.get(name, ["a", "b"]), dtype=object)
        return words[draw.integers(len(words), size=count)]
    if sql == "BOOLEAN":
        return draw.random(count) < 0.04
    if sql == "DATE":
        return np.full(count, np.datetime64(date(2026, 3, 2)))
    if sql == "DOUBLE":
        return draw.random(count)
    if name in SET:
        return np.full(count, SET[name])
    if name.startswith("zone_"):
        return np.where(draw.random(count) < 0.9, 0, 60)
    return draw.integers(NUMBERS.get(name, 4), size=count)


def alone(bundle: PolicyBundle, facts: pa.Table) -> float:
    """Mean CPU milliseconds of one person and channel."""
    rows = facts.to_pylist()
    evaluate.explain(bundle, rows[0])
    before = cpu()
    for row in rows:
        evaluate.explain(bundle, row)
    return (cpu() - before) / len(rows) * 1000


def differences(bundle: PolicyBundle, facts: pa.Table) -> int:
    """Pairs of which table and row do not say the same."""
    rules = [rule for rule in bundle.rules if rule.scope == "person"]
    fired = evaluate.people(bundle, facts)["rules"].to_pylist()
    found = 0
    for row, together in zip(facts.to_pylist(), fired, strict=True):
        codes = evaluate.one(bundle, rules, row, scope="person", where="a pair")
        found += [rule.id for rule, code in zip(rules, codes, strict=True) if evaluate.effect(rule, code) != "allow"] != together
    return found


def against_cel(bundle: PolicyBundle, count: int, rows: int) -> tuple[dict[str, Any], dict[str, float]]:
    """The ten rules in CEL and ours; empty ratio with the reason where the peer is not installed."""
    ten = bundle.model_copy(update={"rules": tuple(rule for rule in bundle.rules if rule.id in TEN)})
    facts = pairs(bundle, count, missing=0.0, seed=1)
    evaluate.people(ten, facts.slice(0, 10))
    before = cpu()
    verdicts = evaluate.people(ten, facts)
    ours = cpu() - before
    try:
        import cel
    except ImportError:
        return {"ours": {"ten_rules_cpu_seconds": round(ours, 3)}, "note": "not installed (bench extra)"}, {}
    programs = [(rule.id, cel.compile(in_cel(rule, ten))) for rule in ten.rules]
    needed = {name for rule in ten.rules for name in (*rule.applies, *rule.excepts, *predicate(rule, ten.facts).facts)}
    sample = facts.slice(0, rows).select(sorted(needed)).to_pylist()
    before = cpu()
    said = [[name for name, program in programs if program.execute(row)] for row in sample]
    theirs = (cpu() - before) * count / len(sample)
    differ = sum(one != other for one, other in zip(said, verdicts["rules"].slice(0, rows).to_pylist(), strict=True))
    peer = {
        "ours": {"ten_rules_cpu_seconds": round(ours, 3)},
        "cpu_seconds": round(theirs, 2),
        "rows": len(sample),
        "differences": differ,
    }
    return peer, {"cel": round(theirs / ours, 1)}


def in_cel(rule: Rule, bundle: PolicyBundle) -> str:
    """A rule, where it applies included, in CEL's words; for rows in which nothing is missing."""
    applies = [f"{name} in {json.dumps(list(values))}" for name, values in rule.applies.items()]
    return " && ".join([*applies, f"({_cel(predicate(rule, bundle.facts).tree)})"])


def _cel(node: exp.Expression) -> str:
    if type(node) in CEL:
        return f"{_cel(node.this)} {CEL[type(node)]} {_cel(node.expression)}"
    match node:
        case exp.Paren():
            return f"({_cel(node.this)})"
        case exp.Not():
            return f"!({_cel(node.this)})"
        case exp.Coalesce():
            return _cel(node.this)
        case exp.Literal():
            return json.dumps(node.name) if node.is_string else node.name
    return node.name


if __name__ == "__main__":
    main()
