"""A text as a reader sees it, for checking: look-alike letters and digits as what they look like, numbers in words as digits.

Only for looking: what is sent is never changed by it. Homoglyphs after Unicode TR 39 (confusables), as far as Latin words are imitated.
"""

from __future__ import annotations

import re
import unicodedata

from liftwright.content.grounding import MONTHS, plain

_ALIKE = str.maketrans(
    "аеорсухіјѕһԁԛԝвкмнтАВЕКМНОРСТУХІЈЅαορυνικτχεΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwbkmhtABEKMHOPCTYXIJSaopuviktxeABEZHIKMNOPTYX",
)
"""Cyrillic and Greek letters that look like Latin ones."""
_DIGITS_ALIKE = re.compile(r"(?<![A-Za-z0-9])(?=[OolI|,.]*\d)[\dOolI|][\dOolI|.,]*(?![A-Za-z0-9])")
_SPACED = re.compile(r"(?<![\d.,])\d(?: \d)+(?![\d.,]*\d)")
_UNITS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_BIG = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "dozen": 12}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
    "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "thirty-first": 31,
    **{f"twenty-{name}": 20 + number for number, name in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"), 1)},
}  # fmt: skip
_WORD = "|".join(sorted((*_UNITS, *_TENS, *_BIG), key=len, reverse=True))
_SPELLED = re.compile(
    rf"\b(?:an?\s+(?=hundred|thousand|million|dozen))?(?:{_WORD})(?:(?:[\s-]+(?:and\s+)?)(?:{_WORD}))*\b", re.IGNORECASE
)
_COUNTED = re.compile(
    r"^[\s-]*(?:per\s?cent|%|dollars?|euros?|pounds?|bucks|cents|hours?|minutes?|days?|weeks?|months?|years?|pairs?|pieces?|items?|units?|"
    r"left|remaining|times|customers?|people|star|grams?|working|litres?|liters?|get|for)\b",
    re.IGNORECASE,
)
"""What follows a "one" that counts; any other "one" is a pronoun."""
_MONTH = "|".join(MONTHS)
_ORDINAL_DAY = re.compile(
    rf"\b(?:the\s+)?({'|'.join(sorted(_ORDINALS, key=len, reverse=True))})\s+(?:of\s+)?(?=(?:{_MONTH})\b)", re.IGNORECASE
)
_NUMBER_DAY = re.compile(rf"\b(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)\s+of\s+(?=(?:{_MONTH})\b)", re.IGNORECASE)
_MONEY_WORDS = tuple(
    (re.compile(rf"(\d[\d,.]*)\s?(?:{words})\b", re.IGNORECASE), sign)
    for words, sign in (("(?:US )?dollars?|bucks", "$"), ("euros?", "€"), ("pounds?(?: sterling)?", "£"))
)


def seen(text: str) -> str:
    """The text in one form. Numbers in words become digits, `79 dollars` becomes `$79`, `the eighth of December` becomes `8 December`."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", plain(text)) if unicodedata.category(c) not in ("Cf", "Mn"))
    looks = _latin(bare)
    looks = _DIGITS_ALIKE.sub(lambda found: found.group().translate(str.maketrans("OolI|", "00111")), looks)
    looks = "".join(str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c for c in looks)
    looks = _SPACED.sub(lambda found: found.group().replace(" ", ""), looks)
    looks = _ORDINAL_DAY.sub(lambda found: f"{_ORDINALS[found.group(1).lower()]} ", looks)
    looks = _NUMBER_DAY.sub(lambda found: f"{found.group(1)} ", looks)
    looks = _SPELLED.sub(lambda found: _as_digits(found, looks), looks)
    looks = re.sub(r"([$€£])\s+(?=\d)", r"\1", looks)
    for pattern, sign in _MONEY_WORDS:
        looks = pattern.sub(rf"{sign}\1", looks)
    return looks


def _latin(text: str) -> str:
    """Words written in letters of two alphabets, or wholly in look-alikes beside Latin ones, as the Latin words they imitate."""
    return re.sub(r"\w+", lambda found: _imitated(found.group()), text)


def _imitated(word: str) -> str:
    mapped = word.translate(_ALIKE)
    return mapped if mapped != word and all(ord(c) < 0x250 for c in mapped) else word


def _as_digits(found: re.Match[str], text: str) -> str:
    words = [word for word in re.split(r"[\s-]+", found.group().lower()) if word not in ("a", "an", "and")]
    if words == ["one"] and not _COUNTED.match(text[found.end() :]):
        return found.group()
    total, current = 0, 0
    for word in words:
        if word in _BIG:
            current = max(current, 1) * _BIG[word]
            total, current = (total + current, 0) if _BIG[word] >= 1_000 else (total, current)
        else:
            current += _UNITS.get(word) or _TENS[word]
    return str(total + current)
