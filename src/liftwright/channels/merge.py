"""Merge tags are filled here, at delivery, from the contact record: the only place where a message meets a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from liftwright.domain.profile import Channel

Context = Literal["plain", "header"]
LONGEST = 40
"""Most characters of a filled value."""
_TAG = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_NAME_TAGS = frozenset({"first_name", "last_name"})
_NAME_MARKS = frozenset(" '’.-·")


class NoValue(Exception):
    """A tag has no value for this person and no neutral word stands in for it."""


def fill(text: str, contact: Mapping[str, str], *, channel: Channel, context: Context = "plain", neutral: bool = False) -> str:
    """`text` with every `{{tag}}` replaced, in one pass: what a value contains is never read as a tag.

    `header` leaves no line break or control character anywhere. A name that is not a name (a link, a number, markup) is not passed
    on: the neutral word stands instead, as it does everywhere when `neutral`. Whoever makes HTML of it escapes it. Raises NoValue.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        known = "" if neutral and name in _NAME_TAGS else clean(contact.get(name, ""), is_name=name in _NAME_TAGS)
        if known:
            return known
        if name == "first_name":
            return _neutral(channel, starts=not text[: match.start()].strip())
        if name == "last_name":
            return ""
        raise NoValue(f"nothing is known for {{{{{name}}}}}")

    filled = _TAG.sub(value, text)
    return one_line(filled) if context == "header" else filled


def clean(value: str, *, is_name: bool = False) -> str:
    """A contact value fit for a message: visible characters on one line, at most `LONGEST`; "" when it is not what it should be."""
    value = one_line(value)
    if is_name and not all(char in _NAME_MARKS or unicodedata.category(char)[0] in "LM" for char in value):
        return ""
    if is_name and re.search(r"\w\.\w{2,}", value):
        return ""
    return value[:LONGEST].strip()


def one_line(text: str) -> str:
    """Without control and invisible characters; runs of white space become one space."""
    spaced = "".join(" " if char.isspace() else char for char in unicodedata.normalize("NFC", text))
    return " ".join("".join(char for char in spaced if unicodedata.category(char)[0] != "C").split())


def _neutral(channel: Channel, *, starts: bool) -> str:
    if starts:
        return "Hello"
    return "customer" if channel == "direct_mail" else "there"
