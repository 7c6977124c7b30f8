"""Numbers as people write them: in words, with thousands separators both ways, with k, grand and million."""

from __future__ import annotations

import re
from decimal import Decimal
from re import Match

from liftwright.planning.goals.spelling import in_words

_UNITS = {
    word: value
    for value, word in enumerate(
        in_words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen "
        )
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
} | {"fourty": 40}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_ONES = _UNITS | _TENS
_ONE = "|".join(sorted(_ONES, key=len, reverse=True))
_SCALE = "|".join(_SCALES)
IN_WORDS = re.compile(
    rf"\b(?:half a (?:million|thousand|hundred|dozen|year)|(?:an? )?(?:couple|dozen)(?: of)?(?= )|an? (?:{_SCALE}|grand)\b"
    rf"|(?:{_ONE})(?:(?:[ -]|(?<=hundred) and |(?<=thousand) and )(?:{_ONE}|{_SCALE}))*(?: and a half(?: (?:{_SCALE}))?)?"
    rf"(?: point (?:{_ONE})(?: (?:{_SCALE}))?)?|(?<![\d.,k] )(?:{_SCALE}))\b"
)
_COUNTED = re.compile(
    r"\s?-?(?:days?|weeks?|months?|years?|quarters?|fortnight|k\b|grand|percent|per ?cent|%|points?|messages?|contacts?|e-?mails?|"
    r"texts?|touch(?:es)?|times?|per |a (?:week|day|month)|mails?|sms|more )"
)
_FIXED = {
    "half a million": "500000",
    "half a thousand": "500",
    "half a hundred": "50",
    "half a dozen": "6",
    "half a year": "6 months",
}

NUM = r"(?<!\d)(?<!\d[.,'])(?:\d{1,3}(?:[.,' ]\d{3}){1,4}(?:[.,]\d{1,2})?(?!\d)|\d{1,15}(?:[.,]\d{1,6})?)"
"""A number in digits: 1,200 · 1.200 · 9.999,50 · 18,000.00 · 10 000 · 10'000 · 12,5."""
MAGNITUDE = r"(?:k|thousand|thou|grand|tsd|millions?|mill?|mio|mln|mn|m|billions?|bn|hundred)\b\.?"
_TIMES = {"k": 3, "thousand": 3, "thou": 3, "grand": 3, "tsd": 3, "hundred": 2, "bn": 9}


def as_digits(match: Match[str]) -> str | None:
    """Number words as digits; a lone `one` only where something is counted."""
    words = match[0]
    if words in _FIXED:
        return _FIXED[words]
    if "couple" in words:
        return "2"
    if "dozen" in words:
        return "12"
    if words in {"a grand", "one grand"}:
        return "1 grand"
    follows = match.string[match.end() : match.end() + 12]
    return None if words == "one" and not _COUNTED.match(follows) else _sum(words)


def _sum(words: str) -> str:
    whole, _, tenths = words.partition(" point ")
    total, current, extra = 0, 0, Decimal(0)
    whole, half, scale = whole.partition(" and a half")
    if half:
        extra = Decimal("0.5")
    for word in re.split(r"[ -]", whole):
        if word in _ONES:
            current += _ONES[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total, current = total + max(current, 1) * _SCALES[word], 0
    value = (Decimal(total + current) + extra) * _SCALES.get(scale.strip(), 1)
    for word in tenths.split():
        value = value + Decimal(_ONES[word]) / 10 if word in _ONES else value * _SCALES.get(word, 1)
    return f"{value.normalize():f}"


def to_number(digits: str, *, magnitude: str = "", is_share: bool = False) -> Decimal:
    """The value of a `NUM` and a `MAGNITUDE`. Three digits after one separator are thousands unless it is a share or scaled."""
    digits = digits.replace("'", "").replace(" ", "")
    separators = [char for char in digits if char in ".,"]
    if len(set(separators)) == 2:
        decimal = max(digits.rfind("."), digits.rfind(","))
        digits = re.sub(r"[.,]", "", digits[:decimal]) + "." + digits[decimal + 1 :]
    elif len(separators) > 1 or (len(separators) == 1 and _is_thousands(digits, is_share=is_share or bool(magnitude))):
        digits = re.sub(r"[.,]", "", digits)
    else:
        digits = digits.replace(",", ".")
    return Decimal(digits).scaleb(_power(magnitude))


def _is_thousands(digits: str, *, is_share: bool) -> bool:
    before, _, after = digits.replace(",", ".").partition(".")
    return len(after) == 3 and not is_share and before.strip("0") != ""


def _power(magnitude: str) -> int:
    word = magnitude.strip(" .")
    if not word:
        return 0
    return _TIMES.get(word, 9 if word.startswith("b") else 6)
