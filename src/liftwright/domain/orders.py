"""What an injected order asks a model to do: for the red team, whose model carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Orders:
    """What obeying one injection means: tools to call, fields of answers to set (lists are added to), words to put into every text."""

    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    wishes: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
