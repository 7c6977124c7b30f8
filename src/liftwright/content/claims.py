"""Claims: sentences of a text that say something which can be checked, and what on record proves them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from liftwright.content.grounding import Known, is_grounded, known_from, numbers_in, plain
from liftwright.domain.treatment import ClaimUse, Offer

PROOF_KINDS = ("spec", "certification", "delivery", "policy")
"""Kinds of evidence a message may state as its own words; reviews and testimonials may only be quoted."""
QUOTE_KINDS = ("review", "testimonial")
_STRONG = re.compile(
    r"(?<!\w)(?:best|cheapest|lowest|highest|fastest|strongest|safest|largest|biggest|longest|greenest|softest|lightest|finest|"
    r"no\.? ?1|#1|number one|leading|world[- ]class|unbeatable|unmatched|award[- ]winning|guaranteed?|proven|certified|approved|"
    r"clinically|scientifically|doctors?|experts? (?:say|recommend)|recommended by|only (?:one|brand|shop)|always|never|"
    r"free|100 ?%|risk[- ]free|cures?|heals?|prevents?|eco[- ]friendly|sustainable|climate[- ]neutral|carbon[- ]neutral|organic|"
    r"waterproof|twice|double|triple|half(?:[- ]price| off| the price)?|most popular|bestsell(?:er|ing)s?|"
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?)(?!\w)",
    re.IGNORECASE,
)
_TAG = re.compile(r"\{\{\s*[a-z_]+\s*\}\}")
_LINK = re.compile(r"https?://\S+")
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]*")


@dataclass(frozen=True)
class Evidence:
    """One row of the evidence table as used here: what may be said, and while it is valid."""

    evidence_id: str
    kind: str
    wordings: tuple[str, ...]
    product_id: str | None


def evidence_rows(evidence: Any, *, on: date | None = None) -> tuple[Evidence, ...]:
    """Evidence valid on a day (all of it without one), from the canonical table or its rows, sorted by id."""
    rows = [] if evidence is None else evidence.to_pylist() if hasattr(evidence, "to_pylist") else list(evidence)
    found = [
        Evidence(
            evidence_id=str(row["evidence_id"]),
            kind=str(row.get("kind") or ""),
            wordings=tuple(
                dict.fromkeys(str(text).strip() for text in (row.get("wording"), row.get("claim")) if text and str(text).strip())
            ),
            product_id=str(row["product_id"]) if row.get("product_id") else None,
        )
        for row in rows
        if _is_valid(row, on)
    ]
    return tuple(sorted(found, key=lambda item: item.evidence_id))


def claims_in(text: str) -> list[str]:
    """Sentences with a number, a date or a strong word (superlative, guarantee, spelled-out number), in order; tags and links do not count."""
    cleaned = _LINK.sub(" ", _TAG.sub(" ", plain(text)))
    sentences = (match.group().strip() for match in _SENTENCE.finditer(cleaned))
    return [sentence for sentence in sentences if sentence and (numbers_in(sentence) or _STRONG.search(sentence))]


def resolve(
    claims: Sequence[str],
    evidence: Any,
    prices: Iterable[Any] = (),
    stock: int | None = None,
    *,
    offers: Sequence[Offer] = (),
    dates: Sequence[date] = (),
    texts: Sequence[str] = (),
    on: date | None = None,
) -> tuple[ClaimUse, ...]:
    """What proves each claim; `evidence_id` is None where nothing does.

    Approved wording, and `texts` approved before (template, sender, product), count word for word. What is left of the sentence must stand on
    an offer, a price, the stock or a date, to the last digit. Ids: an evidence id, `offer:<name>`, `price`, `stock`, `date` or `text`.
    """
    rows = [row for row in evidence_rows(evidence, on=on) if row.kind in PROOF_KINDS + QUOTE_KINDS]
    sources = [
        *((f"offer:{offer.name}", known_from(percent(offer))) for offer in offers if offer.discount > 0),
        ("price", known_from([price_of(price) for price in prices])),
        ("stock", known_from([] if stock is None else [stock])),
        ("date", known_from(list(dates))),
    ]
    fixed = [plain(text) for text in texts if claims_in(text)]
    return tuple(ClaimUse(text=claim, evidence_id=_proof(claim, rows, sources, fixed)) for claim in claims)


def percent(offer: Offer) -> str:
    """The discount as written in texts: `10%`, `7.5%`."""
    return f"{round(offer.discount * 100, 4):g}%"


def price_of(price: Any) -> Any:
    """A price from a row of the price table, or the price itself."""
    return price.get("price") if isinstance(price, dict) else price


def _proof(claim: str, rows: Sequence[Evidence], sources: Sequence[tuple[str, Known]], fixed: Sequence[str]) -> str | None:
    left, proof = plain(claim), None
    for name, wording in [(row.evidence_id, text) for row in rows for text in row.wordings] + [("text", text) for text in fixed]:
        shorter = without(left, plain(wording))
        if shorter != left:
            left, proof = shorter, proof or name
    if _STRONG.search(left):
        return None
    known = Known(
        numbers=frozenset(number for _, source in sources for number in source.numbers),
        dates=frozenset(day for _, source in sources for day in source.dates),
    )
    if is_grounded(left, known, exact=True):
        return None
    wanted = len(numbers_in(left))
    supporting = [name for name, source in sources if wanted and len(is_grounded(left, source, exact=True)) < wanted]
    return proof if proof not in (None, "text") or not supporting else supporting[0]


def without(text: str, wording: str) -> str:
    """The text with whole-word occurrences of the wording taken out; its closing full stop does not matter."""
    pattern = r"\s+".join(re.escape(word) for word in wording.rstrip(" .!").split())
    return re.sub(rf"(?<!\w){pattern}(?![\w%])", " ", text, flags=re.IGNORECASE) if pattern else text


def _is_valid(row: Any, on: date | None) -> bool:
    if on is None:
        return True
    start, end = _day(row.get("valid_from")), _day(row.get("valid_until"))
    return (start is None or start <= on) and (end is None or on <= end)


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value in (None, ""):
        return value or None
    return date.fromisoformat(str(value)[:10])
