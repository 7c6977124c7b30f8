"""Texts that tell the truth and texts that do not, against the shipped content rules: which are blocked. Data: `evals/datasets/claims*`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from liftwright.compliance import evaluate, plan_facts
from liftwright.content import reading
from liftwright.content.goods import Goods, goods_from
from liftwright.domain.base import Value
from liftwright.domain.policy import PolicyBundle
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Offer, Variant

JUDGING = frozenset({"CLAIM-EVIDENCE", "URGENCY-STOCK", "PRICE-WAS", "ENDORSE", "HIDDEN-CHARACTERS"})
"""Rules about what a text says; those about its form (an address, an opt-out) are left out, since a case is a sentence or two."""


class Text(Value):
    """One case: what it is about, whether all of it is true, and the text."""

    id: str
    kind: str
    truth: bool
    channel: Channel
    text: str


class Record(Value):
    """What is on record for a set of texts."""

    goods: tuple[Goods, ...]
    evidence: tuple[dict[str, Any], ...]
    offers: tuple[Offer, ...]
    starts_on: date
    ends_on: date


class Counted(Value):
    """By kind: how many texts there are, and how many were judged rightly. `wrong`: the ids and words of those that were not."""

    true: int
    passed: int
    false: int
    blocked: int
    by_kind: dict[str, tuple[int, int]]
    wrong: tuple[str, ...]


def load(folder: Path) -> tuple[Record, tuple[Text, ...]]:
    """A set: `facts.json` and `data.jsonl`."""
    found = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    products = [{name: row[name] for name in ("product_id", "name", "price", "stock")} for row in found["goods"]]
    prices = [
        {"product_id": row["product_id"], "price": price, "valid_from": start, "valid_to": end, "currency": found["currency"]}
        for row in found["goods"]
        for price, start, end in row["history"]
    ]
    starts_on = date.fromisoformat(found["starts_on"])
    record = Record(
        goods=goods_from(products, prices, currency=found["currency"], on=starts_on),
        evidence=tuple(found["evidence"]),
        offers=tuple(Offer(**offer) for offer in found["offers"]),
        starts_on=starts_on,
        ends_on=date.fromisoformat(found["ends_on"]),
    )
    lines = (folder / "data.jsonl").read_text(encoding="utf-8").splitlines()
    return record, tuple(Text.model_validate_json(line) for line in lines)


def is_blocked(text: Text, record: Record, *, bundle: PolicyBundle) -> bool:
    """Whether a shipped rule about what a text says blocks it."""
    variant = Variant(variant_id=text.id, channel=text.channel, body=text.text, template="none")
    facts = reading.facts(
        variant,
        evidence=record.evidence,
        goods=record.goods,
        offers=record.offers,
        dates=[record.starts_on, record.ends_on],
        on=record.starts_on,
    )
    row = plan_facts.content_facts(facts, variant=variant, country="US", send_on=record.starts_on)
    found = evaluate.content(bundle, [row])
    return any(finding.severity == "block" and finding.rule in JUDGING for finding in found)


def counted(folder: Path, judge: Callable[[Text, Record], bool]) -> Counted:
    """Every text of a set, judged by `judge` (True: blocked)."""
    record, texts = load(folder)
    blocked = {text.id: judge(text, record) for text in texts}
    wrong = [text for text in texts if blocked[text.id] == text.truth]
    kinds, missed = Counter(_kind(text) for text in texts), Counter(_kind(text) for text in wrong)
    return Counted(
        true=sum(text.truth for text in texts),
        passed=sum(text.truth and not blocked[text.id] for text in texts),
        false=sum(not text.truth for text in texts),
        blocked=sum(not text.truth and blocked[text.id] for text in texts),
        by_kind={name: (kinds[name] - missed[name], kinds[name]) for name in sorted(kinds)},
        wrong=tuple(f"{text.id}: {text.text}" for text in wrong),
    )


def _kind(text: Text) -> str:
    return f"{text.kind} ({'true' if text.truth else 'false'})"
