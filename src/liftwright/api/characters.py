"""Characters that are none: NUL, which no database keeps in a text, and half of a pair, which cannot be written down at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NONE = re.compile("[\x00\ud800-\udfff]")
SAYS = "A text holds a NUL character or half of a character."


def are_whole(value: Any) -> bool:
    """Whether every text of a JSON value, keys too, can be kept as it is."""
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                if _NONE.search(text):
                    return False
            case Mapping() as found:
                left += [*found.keys(), *found.values()]
            case list() | tuple() as found:
                left += found
    return True
