"""Claims: sentences of a text that say something which can be checked, and what on record proves them.

A sentence is looked at as a reader sees it. What is on record is taken out of it piece by piece: approved wordings, the price now, the price
before, the stock, the discount of an offer, a known date. It is proven when nothing that claims anything is left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from liftwright.content import strong
from liftwright.content.goods import Goods, day_of, named
from liftwright.content.grounding import known_from, numbers_in, with_known_dates_out
from liftwright.content.seen import seen
from liftwright.domain.treatment import ClaimUse, Offer

PROOF_KINDS = ("spec", "certification", "delivery", "policy")
"""Kinds of evidence a message may state as its own words; reviews and testimonials may only be quoted."""
QUOTE_KINDS = ("review", "testimonial")
_TAG = re.compile(r"\{\{\s*[a-z_]+\s*\}\}")
_LINK = re.compile(r"https?://\S+")
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]*")
_SIGNS = {"USD": r"(?:US)?\$|USD\s?", "EUR": r"€|EUR\s?", "GBP": r"£|GBP\s?", "JPY": r"¥|JPY\s?"}
_QUOTED = re.compile(r"[\"“„«]([^\"“”„«»\n]{4,}?)[\"”“»]|(?<!\w)'([^'\n]{12,}?)'(?!\w)")
STOCK = re.compile(
    r"\b(?:(?:only|just|the last|last|there (?:are|is)(?: only| just)?|we have(?: only)?)\s+)?(\d+)\s+(?:(?:more|of (?:the|our)|pairs?|pieces?|items?|units?|"
    r"[A-Z][\w-]*)\s+){0,6}?(?:(?:are|is)\s+)?(?:left|remaining|in stock|available)\b(?:\s+in stock)?|\b(?:the\s+)?last\s+(\d+)\s+(?:pairs?|pieces?|items?|units?)\b",
    re.IGNORECASE,
)
"""A number of pieces that are left."""
FORMER = re.compile(
    r"\b(?:was|were|before|formerly|(?:reduced|down|came down) from|from|instead of|regular(?:ly)?(?: price)?|usual(?:ly)?(?: price)?|normal(?:ly)?(?: price)?|rrp|msrp|"
    r"list price|original price[\w ]*|recommended price|compare at|used to (?:cost|be)|value|worth|cost)\s*:?\s*(?P<money>(?:US)?[$€£¥]\s?\d[\d,]*(?:\.\d+)?|(?:USD|EUR|GBP)\s?\d[\d,]*(?:\.\d+)?)",
    re.IGNORECASE,
)
"""A price that is said to have been another one."""


@dataclass(frozen=True)
class Evidence:
    """One row of the evidence table as used here: what may be said, and while it is valid."""

    evidence_id: str
    kind: str
    wordings: tuple[str, ...]
    product_id: str | None
    source: str = ""


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
            source=str(row.get("source") or ""),
        )
        for row in rows
        if _is_valid(row, on)
    ]
    return tuple(sorted(found, key=lambda item: item.evidence_id))


def claims_in(text: str) -> list[str]:
    """Sentences, as seen, with a number, a date or words that claim something, in order; tags and links do not count."""
    cleaned = _LINK.sub(" ", _TAG.sub(" ", seen(text)))
    sentences = (match.group().strip() for match in _SENTENCE.finditer(cleaned))
    return [each for each in sentences if each and (numbers_in(each) or strong.claims(each) or strong.NAMED.search(each))]


def resolve(
    claims: Sequence[str],
    evidence: Any,
    *,
    goods: Sequence[Goods] = (),
    offers: Sequence[Offer] = (),
    dates: Sequence[date] = (),
    texts: Sequence[str] = (),
    about: Sequence[Goods] = (),
    on: date | None = None,
) -> tuple[ClaimUse, ...]:
    """What proves each claim; `evidence_id` is None where nothing does.

    Approved wording, and `texts` approved before (template, sender, product), count word for word. Prices and stock are those of the goods
    a sentence names, else of `about` (those the whole text names). Ids: an evidence id, `offer:<name>`, `price`, `stock`, `date` or `text`.
    """
    rows = [row for row in evidence_rows(evidence, on=on) if row.kind in PROOF_KINDS + QUOTE_KINDS]
    told = _Told(
        rows, tuple(goods), tuple(about), tuple(offers), tuple(dates), tuple(seen(text) for text in texts if claims_in(text))
    )
    return tuple(ClaimUse(text=claim, evidence_id=_proof(claim, told)) for claim in claims)


def percent(offer: Offer) -> str:
    """The discount as written in texts: `10%`, `7.5%`."""
    return f"{round(offer.discount * 100, 4):g}%"


def without(text: str, wording: str) -> str:
    """The text with whole-word occurrences of the wording taken out; its closing full stop does not matter."""
    pattern = r"\s+".join(re.escape(word) for word in wording.rstrip(" .!").split())
    return re.sub(rf"(?<!\w){pattern}(?![\w%])", " ", text, flags=re.IGNORECASE) if pattern else text


def quotations(text: str) -> list[str]:
    """Quoted passages of three words and more."""
    quotes = (next(part for part in found if part) for found in _QUOTED.findall(text))
    return [quote.strip() for quote in quotes if len(quote.split()) >= 3]


def spoken_of(goods: Sequence[Goods], sentence: str, about: Sequence[Goods]) -> tuple[Goods, ...]:
    """Whose price or stock a sentence can mean: of the goods it names, else of those the text names, else of the only ones there are."""
    return named(goods, sentence) or tuple(about) or (tuple(goods) if len(goods) == 1 else ())


@dataclass(frozen=True)
class _Told:
    """Everything on record."""

    rows: Sequence[Evidence]
    goods: tuple[Goods, ...]
    about: tuple[Goods, ...]
    offers: tuple[Offer, ...]
    dates: tuple[date, ...]
    texts: tuple[str, ...]


def _proof(claim: str, told: _Told) -> str | None:
    """What is left of a claim after everything proven was taken out must claim nothing more."""
    left, proof = seen(claim), ""
    for step in (_worded, _stock, _prices, _discount, _dated):
        left, found = step(left, told)
        proof = proof or found
    is_open = strong.claims(left) or strong.NAMED.search(left) or numbers_in(left)
    return None if is_open else proof or "text"


def _worded(left: str, told: _Told) -> tuple[str, str]:
    """Approved wordings; a quotation only as one, with whoever is said to have said it."""
    proof = ""
    for row in told.rows:
        for wording in map(seen, row.wordings):
            shorter = _unquoted(left, wording, row.source) if row.kind in QUOTE_KINDS else without(left, wording)
            proof = proof or (row.evidence_id if shorter != left else "")
            left = shorter
    for text in told.texts:
        shorter = without(left, text)
        proof = proof or ("text" if shorter != left else "")
        left = shorter
    return left, proof


def _unquoted(left: str, wording: str, source: str) -> str:
    """A recorded review taken out where it stands between quotation marks, word for word; a name beside it must be that of its source."""
    for found in _QUOTED.finditer(left):
        quote = next(part for part in found.groups() if part)
        if " ".join(quote.casefold().split()).strip(" .,!") in " ".join(wording.casefold().split()):
            rest = left[: found.start()] + " " + left[found.end() :]
            beside = strong.NAMED.search(left)
            if beside is None or (source and source.casefold() in left.casefold()):
                return strong.ENDORSED.sub(" ", rest)
    return left


def _stock(left: str, told: _Told) -> tuple[str, str]:
    for found in list(STOCK.finditer(left)):
        number = int(next(part for part in found.groups() if part))
        stocks = {each.stock for each in spoken_of(told.goods, left, told.about)}
        if stocks == {number}:
            return left[: found.start()] + " " + _names_only(found.group()) + left[found.end() :], "stock"
    return left, ""


def _names_only(phrase: str) -> str:
    """What a phrase about stock says beside the number: the name, so that the rest of the sentence still knows what it is about."""
    return re.sub(
        r"\d+|\b(?:only|just|last|left|remaining|in stock|available|pairs?|pieces?|items?|units?|there|are|is|the|of)\b",
        " ",
        phrase,
    )


def _prices(left: str, told: _Told) -> tuple[str, str]:
    goods, proof = spoken_of(told.goods, left, told.about), ""
    for found in FORMER.finditer(left):
        if any(each.former is not None and amount(found["money"], each.currency) == each.former for each in goods):
            left, proof = left.replace(found.group(), " "), "price"
    for each in goods:
        if each.price is None:
            continue
        for found in list(_money(each.currency).finditer(left)):
            if amount(found.group(), each.currency) == each.price:
                left, proof = left.replace(found.group(), " ", 1), "price"
    return left, proof


def _money(currency: str) -> re.Pattern[str]:
    sign = _SIGNS.get(currency, re.escape(currency) + r"\s?")
    number = r"\d[\d,]*(?:\.\d+)?"
    return re.compile(
        rf"(?<![\w$€£¥.,])(?:{sign})\s?{number}(?![\d.,]*\d)|(?<![\w$€£¥.,]){number}\s?(?:{sign})(?!\w)", re.IGNORECASE
    )


def amount(money: str, currency: str) -> Decimal | None:
    """What a text says in a currency, such as `$89` or `EUR 34.90`; None where it is in another one."""
    found = _money(currency).fullmatch(money.strip())
    return Decimal(re.sub(r"[^\d.]", "", found.group())) if found else None


def _discount(left: str, told: _Told) -> tuple[str, str]:
    coded = [offer for offer in told.offers if re.search(rf"(?<!\w){re.escape(offer.name)}(?!\w)", left, re.IGNORECASE)]
    for offer in coded or told.offers:
        share = percent(offer)[:-1]
        if offer.discount > 0:
            shorter = re.sub(rf"(?<![\w.,]){re.escape(share)}\s?(?:%|per\s?cent\b)", " ", left, flags=re.IGNORECASE)
            if shorter != left:
                return shorter, f"offer:{offer.name}"
    return left, ""


def _dated(left: str, told: _Told) -> tuple[str, str]:
    """Known dates, and with one of them the words that say what happens then."""
    shorter = with_known_dates_out(left, known_from(list(told.dates)))
    return (re.sub(r"\blast day\b|\bexpires?\b", " ", shorter, flags=re.IGNORECASE), "date") if shorter != left else (left, "")


def _is_valid(row: Any, on: date | None) -> bool:
    if on is None:
        return True
    start, end = day_of(row.get("valid_from")), day_of(row.get("valid_until"))
    return (start is None or start <= on) and (end is None or on <= end)
