"""What must never reach a language model: contact data by pattern, and the people of the customer file by hashed dictionary.

Contact data = e-mail addresses, phone numbers, card numbers (Luhn). The dictionary holds salted hashes only: full names, e-mails,
phones and beginnings of street addresses. A single first name is not enough to refuse a message; a first and last name are.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

from liftwright.llm.terms import PersonalTerms, digit_groups

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_EMAIL = re.compile(r"[\w.+'%-]+@[\w-]+(?:\.[\w-]+)+", re.UNICODE)
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?:[eE][+-]?\d+)?(?![\w.])")
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_SEPARATOR = r"[ .\-]?"
_PHONES = (
    re.compile(rf"(?<![\w.])\+\d(?:{_SEPARATOR}\(?\d\)?){{7,14}}(?!\d)"),
    re.compile(r"(?<![\w.-])(?:1[ .-])?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"),
    re.compile(r"(?<![\w.-])0\d{2,4}[ -/]\d{3,4}[ -]?\d{3,4}(?![\w-])"),
)
_CARD = re.compile(r"(?<![\w.])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w.]\d)")


def contact_data_in(text: str, *, allowed: frozenset[str] = frozenset()) -> list[str]:
    """Kinds of contact data a text holds: `e-mail address`, `phone number`, `card number`. `allowed` e-mails are the sender's own."""
    kinds = []
    if any(found.lower().strip(".'") not in allowed for found in _EMAIL.findall(text)):
        kinds.append("e-mail address")
    bare = _STAMP.sub(" ", _DECIMAL.sub(" ", text))
    if any(pattern.search(bare) for pattern in _PHONES):
        kinds.append("phone number")
    if any(_passes_luhn(found) for found in _CARD.findall(bare)):
        kinds.append("card number")
    return kinds


def _passes_luhn(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


@functools.lru_cache(maxsize=64)
def found_in(text: str, *, terms: PersonalTerms | None, allowed: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Every kind of personal data in one text, after undoing escapes, compatibility forms and invisible characters.

    Remembered: a conversation sends its earlier messages again with every answer.
    """
    plain = _readable(text)
    kinds = contact_data_in(plain, allowed=allowed)
    if terms is not None:
        groups = digit_groups(_STAMP.sub("\n", _DECIMAL.sub("\n", plain)))
        kinds += [kind for kind in terms.kinds_in(plain, groups) if kind not in kinds]
    return tuple(kinds)


def scan(
    messages: Iterable[BaseMessage],
    options: Mapping[str, Any],
    *,
    terms: PersonalTerms | None,
    allowed: frozenset[str] = frozenset(),
) -> list[str]:
    """What must not leave, as `message 2 (tool): phone number`; empty when everything may. Never repeats the text it found."""
    found: list[str] = []
    for place, message in enumerate(messages, start=1):
        kinds = found_in("\n".join(_leaves(_outbound(message))), terms=terms, allowed=allowed)
        found += [f"message {place} ({message.type}): {kind}" for kind in kinds]
    for name, value in sorted(options.items()):
        kinds = found_in("\n".join(_leaves(value)), terms=terms, allowed=allowed)
        found += [f"option {name}: {kind}" for kind in kinds]
    return found


def _outbound(message: BaseMessage) -> list[Any]:
    calls = [(call["name"], call["args"]) for call in getattr(message, "tool_calls", [])]
    broken = [(call["name"], call["args"]) for call in getattr(message, "invalid_tool_calls", [])]
    return [message.content, message.name, calls, broken, message.additional_kwargs]


def _leaves(value: Any) -> Iterator[str]:
    """All strings and whole numbers inside a value, values before keys, so that a split name stays side by side."""
    if isinstance(value, str):
        inner = _parsed(value)
        if inner is None:
            yield value
        else:
            yield from _leaves(inner)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
        yield from (str(key) for key in value)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, type) and issubclass(value, BaseModel):
        yield from _leaves(value.model_json_schema())
    elif isinstance(value, BaseModel):
        yield from _leaves(value.model_dump(mode="json"))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _parsed(text: str) -> Any:
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _readable(text: str) -> str:
    undone = _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text)
    folded = unicodedata.normalize("NFKC", undone)
    return "".join(c for c in folded if unicodedata.category(c) != "Cf")
