"""Facts of one text, as the content rules name them: measured by code, whoever wrote it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from liftwright.content import claims as proofs
from liftwright.content.goods import Goods, named
from liftwright.content.grounding import plain
from liftwright.content.seen import seen
from liftwright.content.wording import HouseWords
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Offer, Variant
from liftwright.settings.sender import SenderSettings

LIMITS: dict[Channel, tuple[int, int]] = {
    "email": (120, 10_000),
    "sms": (0, 160),
    "push": (50, 150),
    "direct_mail": (120, 2_000),
    "voice": (0, 900),
    "paid_social": (60, 250),
    "display": (60, 90),
    "web": (70, 300),
}
"""Most characters of subject or title, and of the body. A text message counts GSM 03.38 septets, or 70 characters with others."""
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = frozenset("^{}\\[~]|€")
_TAG_LENGTH = 20
"""Characters a merge tag is counted as: what it becomes is not known here."""
_TAG = re.compile(r"\{\{\s*[a-z_]+\s*\}\}")
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w$€£.,+-])(?:\+|\(?)\d(?:[\s().-]{0,2}\d){8,14}(?![\w-])")
_SCHEME = re.compile(r"\b(?:https?://|www\.|javascript:|data:)[^\s<>\"')\]]*", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|io|co|shop|store|app|dev|me|ly|gl|xyz|top|online|site|link|click|uk|de|fr|eu|ru|cn)\b(?:/\S*)?",
    re.IGNORECASE,
)
_OPT_OUT = {
    "email": re.compile(r"\bunsubscribe\b|\bopt[- ]?out\b", re.IGNORECASE),
    "sms": re.compile(
        r"\b(?:reply|text|send|txt)\s+[\"']?(?:stop|end|quit|unsubscribe|cancel)\b|\bstop\s+to\s+(?:opt|end|stop|cancel|quit)",
        re.IGNORECASE,
    ),
    "voice": re.compile(
        r"\bsay\s+[\"']?stop\b|\bpress\s+\w+\s+to\s+(?:opt|stop|be removed|end)|\bto stop (?:them|these calls)", re.IGNORECASE
    ),
}
_OPT_OUT_ELSEWHERE = re.compile(
    r"\bunsubscribe\b|\bopt[- ]?out\b|\bno more (?:letters|mail|messages)\b|\bturn (?:this|these|them) off\b", re.IGNORECASE
)
_STREET = re.compile(
    r"\b\d{1,6}\s+(?:[A-Z][\w.'-]*\s+){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Square|Parkway)\b"
    r"|\bP\.?\s?O\.?\s?Box\s+\d+|\b[A-ZÄÖÜ]\w*-?(?:[Ss]traße|[Ss]trasse|weg|platz|gasse)\s+\d+|\b\d+,?\s+rue\s+[\w' ]+"
)
_AI = re.compile(
    r"\b(?:ai|a\.i\.|artificial intelligence|computer)[- ]?(?:generated|made)\b|\b(?:artificial|synthetic|ai|computer) (?:voice|assistant|caller)\b",
    re.IGNORECASE,
)
_AD = re.compile(
    r"\b(?:advert\w*|promotion\w*|marketing|offers?|sale|deals?|discounts?|coupons?|save|shop\w*|stores?|buy|orders?|customers?|browse|catalogue?)\b|% off",
    re.IGNORECASE,
)
_REPLY = re.compile(r"^\s*(?:subject:\s*)?(?:re|fwd?|aw|wg|tr)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)


def facts(
    variant: Variant,
    *,
    evidence: Any = None,
    offers: Sequence[Offer] = (),
    goods: Sequence[Goods] = (),
    house: HouseWords | None = None,
    sender: SenderSettings | None = None,
    dates: Sequence[date] = (),
    texts: Sequence[str] = (),
    on: date | None = None,
) -> dict[str, Any]:
    """Every declared content fact that a text alone decides. `texts` is what was approved before, `on` the day evidence must be valid."""
    sender, house = sender or SenderSettings(), house or HouseWords()
    text = whole(variant)
    about = named(goods, seen(text))
    claims = proofs.claims_in(_without_addresses(text, sender))
    approved = (*texts, sender.name, sender.address)
    uses = proofs.resolve(claims, evidence, goods=goods, about=about, offers=offers, dates=dates, texts=approved, on=on)
    return {
        **_form(variant, text, sender=sender),
        "claims_unproven": sum(use.evidence_id is None for use in uses),
        "banned_words": len(phrases_in(text, house.banned)),
        "competitors_named": len(phrases_in(text, house.competitors)),
        "required_missing": len(needed := house.required.get(variant.channel, ())) - len(phrases_in(text, needed)),
        **_stock(claims, goods, about),
        **_former(claims, goods, about),
        **_quoted(text, evidence, on),
    }


def _stock(claims: Sequence[str], goods: Sequence[Goods], about: Sequence[Goods]) -> dict[str, Any]:
    """The first "only N left" and the stock of what it is about."""
    for claim in claims:
        if (claimed := stock_claimed(claim)) is not None:
            stocks = {each.stock for each in proofs.spoken_of(goods, claim, about)}
            return {"stock_claimed": claimed, "stock_left": stocks.pop() if len(stocks) == 1 else None}
    return {"stock_claimed": None, "stock_left": None}


def _former(claims: Sequence[str], goods: Sequence[Goods], about: Sequence[Goods]) -> dict[str, Any]:
    """Whether a former price is spoken of, and whether it is the one charged before."""
    said = [(claim, found["money"]) for claim in claims for found in proofs.FORMER.finditer(claim)]
    proven = [
        any(
            each.former is not None and proofs.amount(money, each.currency) == each.former
            for each in proofs.spoken_of(goods, claim, about)
        )
        for claim, money in said
    ]
    return {"mentions_former_price": bool(said), "former_price_proven": all(proven) if said else None}


def _quoted(text: str, evidence: Any, on: date | None) -> dict[str, Any]:
    quotes = proofs.quotations(text)
    rows = [row for row in proofs.evidence_rows(evidence, on=on) if row.kind in proofs.QUOTE_KINDS]
    said = [_folded(wording) for row in rows for wording in row.wordings]
    proven = [any(_folded(quote).strip(" .,!") in wording for wording in said) for quote in quotes]
    return {"has_quotation": bool(quotes), "quotation_proven": all(proven) if quotes else None}


def whole(variant: Variant) -> str:
    """Subject, body and call to action, one below the other."""
    return "\n".join(part for part in (variant.subject, variant.body, variant.call_to_action) if part)


def hidden(text: str) -> list[str]:
    """Code points a reader cannot see: format, direction, tag, blank and control characters, for example `U+202E`."""
    return [f"U+{ord(character):04X}" for character in text if _is_hidden(character)]


def personal_data(text: str, *, sender: SenderSettings) -> list[str]:
    """E-mail addresses (other than the sender's) and phone numbers in a text."""
    mails = [mail for mail in _EMAIL.findall(plain(text)) if mail.casefold() != sender.from_email.casefold()]
    return mails + [match.group().strip() for match in _PHONE.finditer(plain(_SCHEME.sub(" ", text)))]


def unknown_links(text: str, *, sender: SenderSettings) -> list[str]:
    """Links that do not lead to one of the sender's domains; also links without a scheme, scripts and data links."""
    cleaned = _EMAIL.sub(" ", _TAG.sub(" ", text))
    links = _SCHEME.findall(cleaned) + _BARE.findall(_SCHEME.sub(" ", cleaned))
    own = {domain.casefold() for domain in sender.domains} | {(urlsplit(sender.unsubscribe_url).hostname or "").casefold()}
    return [link for link in links if not _is_own(link, own)]


def over_length(variant: Variant) -> int:
    """Characters over the channel's limits, title and body together."""
    title, body = LIMITS[variant.channel]
    over = max(0, _length(variant.subject) - title) if title else 0
    if variant.channel != "sms":
        return over + max(0, _length(variant.body) - body)
    text = _TAG.sub("x" * _TAG_LENGTH, variant.body)
    if all(character in _GSM or character in _GSM_DOUBLE for character in text):
        return max(0, len(text) + sum(character in _GSM_DOUBLE for character in text) - body)
    return max(0, len(text) - 70)


def phrases_in(text: str, listed: Sequence[str]) -> list[str]:
    """The phrases of a list that occur as whole words, whatever their case."""
    folded = " ".join(plain(text).casefold().split())
    phrases = (phrase for phrase in listed if phrase.strip())
    return [phrase for phrase in phrases if re.search(rf"(?<!\w){re.escape(plain(phrase).casefold().strip())}(?!\w)", folded)]


def stock_claimed(text: str) -> int | None:
    """The N of "only N left"; None when nothing of the kind is said."""
    found = proofs.STOCK.search(seen(text))
    return int(next(group for group in found.groups() if group)) if found else None


def _form(variant: Variant, text: str, *, sender: SenderSettings) -> dict[str, Any]:
    links = [link.rstrip(".,;") for link in _SCHEME.findall(text)]
    is_linked = "{{unsubscribe_url}}" in text or any(
        link.casefold().startswith("https://")
        and (link == sender.unsubscribe_url or "unsubscribe" in link.casefold() or "optout" in link.casefold())
        for link in links
    )
    has_address = _folded(sender.address) in _folded(text) if sender.address.strip() else False
    return {
        "has_opt_out": bool(_OPT_OUT.get(variant.channel, _OPT_OUT_ELSEWHERE).search(plain(text))) or is_linked,
        "has_opt_out_link": is_linked,
        "has_postal_address": has_address or "{{sender_address}}" in text or bool(_STREET.search(plain(text))),
        "has_sender_name": _folded(sender.name) in _folded(text) if sender.name.strip() else False,
        "identifies_ad": bool(_AD.search(plain(text))),
        "has_maker": bool(variant.made_by.strip()),
        "identifies_ai": bool(_AI.search(plain(text))),
        "subject_fakes_reply": bool(_REPLY.search(plain(variant.subject or text))),
        "personal_data": len(personal_data(text, sender=sender)),
        "hidden_characters": len(hidden(text)),
        "unknown_links": len(unknown_links(text, sender=sender)),
        "over_length": over_length(variant),
    }


def _without_addresses(text: str, sender: SenderSettings) -> str:
    """The sender's address is no claim, whatever numbers it holds; nor is another house number or PO box."""
    return _STREET.sub(" ", proofs.without(plain(text), plain(sender.address)))


def _folded(text: str) -> str:
    return " ".join(plain(text).casefold().split())


def _is_hidden(character: str) -> bool:
    if character in "\n\t\r":
        return False
    is_variation = 0xE0100 <= ord(character) <= 0xE01EF
    return is_variation or character in _BLANKS or unicodedata.category(character) in {"Cf", "Cc", "Co", "Cs", "Zl", "Zp"}


def _is_own(link: str, own: set[str]) -> bool:
    if link.casefold().startswith(("javascript:", "data:")):
        return False
    try:
        host = (urlsplit(link if "//" in link else f"https://{link}").hostname or "").casefold().rstrip(".,;:!?")
    except ValueError:
        return False
    return any(host == domain or (domain and host.endswith(f".{domain}")) for domain in own)


def _length(text: str) -> int:
    return len(_TAG.sub("x" * _TAG_LENGTH, text))
