"""Words for products, offers and dates, the house's own lists of words, and the words brand documents ask to avoid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from liftwright.content.claims import percent
from liftwright.content.grounding import MONTHS, plain
from liftwright.domain.errors import PolicyError
from liftwright.domain.treatment import Offer


@dataclass(frozen=True)
class HouseWords:
    """The lists of `policies/content/wording.yaml`: phrases not used, names of competitors, and by channel the phrases a text must have."""

    banned: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()
    required: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, library: Mapping[str, Any]) -> HouseWords:
        """From what the library says of templates and wording. Raises PolicyError for a list that is none."""
        required = library.get("required") or {}
        if not isinstance(required, Mapping):
            raise _no_list("required")
        by_channel = {str(channel): _phrases(phrases, f"required.{channel}") for channel, phrases in required.items()}
        banned, competitors = (_phrases(library.get(name) or (), name) for name in ("banned", "competitors"))
        return cls(banned, competitors, by_channel)


def _phrases(listed: Any, name: str) -> tuple[str, ...]:
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise _no_list(name)
    return tuple(str(phrase) for phrase in listed if str(phrase).strip())


def _no_list(name: str) -> PolicyError:
    says = f"wording.yaml: '{name}' is no list of phrases."
    return PolicyError("POLICY-WORDING", says, next_step="Write it as a list, under a channel's name for required phrases.")


ANYTHING = "our latest picks"
"""What a message is about when the goal names no product, or one too long for the channel."""
NEUTRAL = frozenset(
    [
        "our",
        "the",
        "a",
        "an",
        "new",
        "latest",
        "styles",
        "style",
        "range",
        "collection",
        "picks",
        "pieces",
        "and",
        "of",
        "for",
        "you",
        "in",
        "this",
        "season",
        "season's",
    ]
)
_PEOPLE = {"womens": "women's", "mens": "men's", "kids": "kids'", "childrens": "children's", "ladies": "ladies'"}
_CHANNEL_WORDS = re.compile(
    r"\b(?:e-?mails?|sms|texts?|newsletters?|messages?|mailings?|campaigns?|push|letters?|calls?|ads?)\b", re.IGNORECASE
)
_AVOID = re.compile(
    r"(?im)^\W*(?:never (?:say|use|write)|do(?:n't| not) (?:say|use|write)|avoid(?: the)?(?: words?| phrases?)?|words? to avoid|banned words?)\b\s*:?\s*(.+)$"
)


def product_words(product: str | None) -> str:
    """The goal's product as it reads in a sentence: `women's e-mail` becomes `women's styles`, nothing becomes `our latest picks`."""
    words = re.sub(r"[^\w\s'&+.,/-]", " ", plain(product or ""))
    words = " ".join(_CHANNEL_WORDS.sub(" ", words).split()).strip(" .,-/")
    if not words:
        return ANYTHING
    first, _, rest = words.partition(" ")
    words = f"{_PEOPLE.get(first.lower(), first)} {rest}".strip()
    return f"{words} styles" if words.endswith(("'s", "s'")) else words


def is_about(words: str, product: str | None) -> bool:
    """Whether the words in a product place say nothing but the product and neutral words."""
    allowed = NEUTRAL | set(product_words(product).lower().split()) | set(ANYTHING.split())
    return all(word in allowed for word in plain(words).lower().split())


def day_words(day: date) -> str:
    """`December 5`, whatever the locale."""
    return f"{MONTHS[day.month - 1]} {day.day}"


def offer_line(offer: Offer, *, ends_on: date) -> str:
    """The one sentence that states an offer: its discount, its code and its last day."""
    return f"Take {percent(offer)} off with code {offer.name.upper()} until {day_words(ends_on)}."


def avoided_words(documents: Any) -> tuple[str, ...]:
    """Words brand documents tell writers not to use ("Never say: cheap, bargain"), sorted; nothing else is taken from a document."""
    rows = [] if documents is None else documents.to_pylist() if hasattr(documents, "to_pylist") else list(documents)
    found: set[str] = set()
    for row in rows:
        text = row.get("text") if isinstance(row, Mapping) else getattr(row, "text", "")
        for listed in _AVOID.findall(plain(str(text or ""))):
            parts = (part.strip(" .\"'*_").lower() for part in re.split(r",|;|\bor\b|\band\b", listed))
            found |= {part for part in parts if part and len(part) <= 40 and len(part.split()) <= 4}
    return tuple(sorted(found))
