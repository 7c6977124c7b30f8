"""Text that strangers wrote: brand documents, lessons, notes. It can be quoted, with its origin, and become nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NoReturn

Origin = Literal["document", "lesson"]


@dataclass(frozen=True, repr=False, eq=False)
class Told:
    """A text and where it came from. No str: it cannot be printed, joined, compared, looked up or serialised, and so never becomes the name of a
    tool, a recipient, an address, an amount or an offer. `agents.tools.aggregates.quotation` shows it as what it is."""

    origin: Origin
    words: str

    def __repr__(self) -> str:
        """Origin and length, never the words."""
        return f"Told({self.origin}, {len(self.words)} characters)"

    def __str__(self) -> NoReturn:
        raise TypeError(f"{self!r} is somebody's text: quote it")

    def __format__(self, form: str) -> NoReturn:
        raise TypeError(f"{self!r} is somebody's text: quote it")

    def __eq__(self, other: object) -> bool:
        """Never equal to anything, not even to the same words."""
        return False

    def __hash__(self) -> int:
        raise TypeError(f"{self!r} is somebody's text and no key")

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} is kept nowhere: keep where it stands")
