"""Addresses of mail and of the web: which ones are used at all."""

from __future__ import annotations

import re
from urllib.parse import SplitResult

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Names of this machine: the only hosts that are spoken to without TLS."""
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]+@[^\s@<>\"(),:;\\\[\]]+\.[^\s@<>\"(),:;\\\[\]]+")


def is_email(text: str) -> bool:
    """Whether a text is one e-mail address that any mail server takes: plain ASCII, nothing around it."""
    return text.isascii() and text.isprintable() and _EMAIL.fullmatch(text) is not None


def is_private(url: SplitResult) -> bool:
    """Whether nobody on the way reads what goes to this address: https, or http to this machine."""
    return bool(url.hostname) and (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK))
