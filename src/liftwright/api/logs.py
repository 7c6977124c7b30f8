"""What the server writes down: no query strings (they carry codes, names and searches), no ids of people and no tokens of links."""

from __future__ import annotations

import copy
import logging
import re
from typing import Any

_SECRET = re.compile(r"(/v1/visitors|/explain|/shared)/+.+?(/(?:events|next-action|review))?/*$", re.DOTALL)
"""What follows is secret to its end, for an id may have slashes in it (`%2F` is one by the time it is written down); the last word may be ours."""


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
    return _SECRET.sub(r"\1/…\2", path.partition("?")[0])


def config() -> dict[str, Any]:
    """Uvicorn's logging with the filter on its access lines."""
    from uvicorn.config import LOGGING_CONFIG

    found = copy.deepcopy(LOGGING_CONFIG)
    found["filters"] = {"discreet": {"()": "liftwright.api.logs.Discreet"}}
    found["handlers"]["access"]["filters"] = ["discreet"]
    return found
