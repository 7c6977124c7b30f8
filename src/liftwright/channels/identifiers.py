"""Addresses in the forms that networks ask for: E.164 phone numbers, normalised e-mail addresses, and their SHA-256."""

from __future__ import annotations

import hashlib
import re

_NORTH_AMERICA = frozenset({"US", "CA"})
_GOOGLE_MAIL = frozenset({"gmail.com", "googlemail.com"})


def phone_number(text: str, *, country: str = "") -> str | None:
    """The number as `+` and digits (E.164); None when it cannot be told which it is."""
    digits = re.sub(r"\D", "", text)
    if text.strip().startswith("+"):
        return f"+{digits}" if 8 <= len(digits) <= 15 and not digits.startswith("0") else None
    if digits.startswith("00"):
        return f"+{digits[2:]}" if 8 <= len(digits) - 2 <= 15 and digits[2] != "0" else None
    if country.upper() in _NORTH_AMERICA:
        national = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
        return f"+1{national}" if re.fullmatch(r"[2-9]\d{9}", national) else None
    return None


def email_address(text: str) -> str | None:
    """Trimmed and lower case; None when it is not an address."""
    address = text.strip().lower()
    return address if re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", address) else None


def google_email(text: str) -> str | None:
    """As Google matches it: dots and what follows a plus do not count in its own mail domains."""
    address = email_address(text)
    if address is None:
        return None
    name, domain = address.rsplit("@", 1)
    return f"{name.split('+')[0].replace('.', '')}@{domain}" if domain in _GOOGLE_MAIL else address


def sha256(text: str | None) -> str | None:
    """Lower-case hex of the SHA-256; None stays None."""
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()
