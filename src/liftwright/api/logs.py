"""What the server writes down: no query strings (they carry codes, names and searches), no ids of people and no tokens of links."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any

_SECRET = re.compile(r"(/v1/visitors|/explain|/shared)/+")
"""What follows is secret to its end, for an id may have slashes in it (`%2F` is one by the time it is written down)."""
_OURS = ("events", "next-action", "review")
"""Last words that are ours and stay."""


class Discreet(logging.Filter):
    """Takes out of uvicorn's access lines what is about somebody, or opens something."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every line stays; its address is shortened."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, *rest = record.args
            record.args = (client, method, shortened(str(path)), *rest)
        return True


def shortened(path: str) -> str:
    """A path without its query, without whom it is about, and without the token that opens it."""
    path = path.partition("?")[0]
    found = _SECRET.search(path)
    if found is None or found.end() == len(path):
        return path
    secret, _, word = path[found.end() :].rstrip("/").rpartition("/")
    return f"{path[: found.end(1)]}/…" + (f"/{word}" if secret and word in _OURS else "")


def config() -> dict[str, Any]:
    """Uvicorn's logging with the filter on its access lines."""
    from uvicorn.config import LOGGING_CONFIG

    found = copy.deepcopy(LOGGING_CONFIG)
    found["filters"] = {"discreet": {"()": "liftwright.api.logs.Discreet"}}
    found["handlers"]["access"]["filters"] = ["discreet"]
    return found
