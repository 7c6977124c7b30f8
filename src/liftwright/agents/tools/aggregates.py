"""What may leave a tool: groups of at least 20, and text without contact data or invisible characters."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from liftwright.domain.told import Told

SMALLEST_GROUP = 20
_COUNTS = ("people", "count", "n", "customers", "treated", "untreated", "size", "selected")
_LABELS = ("name", "feature", "segment", "action", "channel", "offer", "phrase")
_CONTACT = re.compile(
    r"(?P<plain>(?<![\w.+-])\(?(?:\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4}|\d+\.\d+)(?!\d|[.-]\d))"
    r"|[\w.+'-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.])\+?\(?\d[\d ().-]{7,}\d(?![\w-])"
)
"""Addresses and telephone numbers; days and decimal numbers (`plain`) are told apart from the latter first."""
_LINK = re.compile(r"https?:|www\.|\w\.(?:com|net|org|io|test|example)\b", re.IGNORECASE)
_DONE = re.compile(
    r"\b(?:was|were|is|are|been|already|got)\s+(?:\w+\s+)?(?:sent|launched|approved|signed|cleared|waived|removed|lifted)\b"
    r"|\b(?:approved|signed) by\b|\bno (?:further |more )?(?:approval|rule|finding)s?\b.{0,20}\b(?:needed|necessary|object|left)\w*"
    r"|\b(?:key|password|token) is\b",
    re.IGNORECASE,
)
"""What no model can know: that something was sent, approved or cleared. Only code says so."""
TOO_FEW = f"fewer than {SMALLEST_GROUP}"


def suppressed(value: Any) -> Any:
    """The same data with every group of 1 to 19 people made unreadable."""
    if isinstance(value, list | tuple):
        return [suppressed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if any(_is_small(value.get(key)) for key in _COUNTS):
        return {key: value[key] for key in _LABELS if key in value} | {"suppressed": f"{TOO_FEW} people"}
    if value and all(isinstance(item, int) and not isinstance(item, bool) for item in value.values()):
        return {key: TOO_FEW if _is_small(item) else item for key, item in value.items()}
    return {key: suppressed(item) for key, item in value.items()}


def quoted(text: str, *, limit: int = 800) -> str:
    """Untrusted text made safe to show: no control, direction or tag characters, no contact data, cut at `limit` characters."""
    visible = "".join(
        c if c.isprintable() and unicodedata.category(c) != "Cf" else " " for c in unicodedata.normalize("NFKC", text)
    )
    plain = _CONTACT.sub(lambda found: found["plain"] or "[removed]", " ".join(visible.split()))
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def quotation(value: Any, *, limit: int = 800) -> Any:
    """A value for a model: told text as `{"quoted", "from"}`, any other text quoted, numbers and None as they are."""
    if isinstance(value, Told):
        return {"quoted": quoted(value.words, limit=limit), "from": value.origin}
    return quoted(value, limit=limit) if isinstance(value, str) else value


def has_link(text: str) -> bool:
    """Whether a text leads anywhere."""
    return _LINK.search(text) is not None


def spoken(text: str, *, limit: int = 800) -> str:
    """A model's own words for a person to read: as `quoted`; nothing at all where they hold a link, or say that something was sent, approved
    or cleared. An approver reads facts from the plan, never from a model."""
    said = quoted(text, limit=limit)
    return "" if has_link(said) or _DONE.search(said) else said


def _is_small(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < SMALLEST_GROUP
