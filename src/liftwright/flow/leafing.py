"""The journal a page at a time, newest first, as people read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from liftwright.domain.campaign import JournalEntry
from liftwright.domain.errors import DataError
from liftwright.ports import Deps

PAGE = 100
"""Entries of a page."""
_FARTHEST = 10**15


@dataclass(frozen=True)
class Leaf:
    """Entries, newest first. `older`: the number before which there are more, `newer`: after which; None where there are none."""

    entries: list[JournalEntry]
    older: int | None
    newer: int | None


def leaf(*, before: str = "", after: str = "", subject: str = "", action: str = "", deps: Deps) -> Leaf:
    """The page that ends before an entry's number, or begins after one; the newest where none is given. Only as many rows as it shows are read.

    Raises DataError JOURNAL-PAGE for what is no number, and JOURNAL-BROKEN for an entry that cannot be read any more.
    """
    until, since = _number(before), _number(after)
    page = partial(deps.journal.page, subject=subject.strip(), action=action.strip())
    entries = page(before=None if since is not None else until, after=since, limit=PAGE)
    if not entries:
        return Leaf([], None, None)
    first, last = entries[0].seq, entries[-1].seq
    older = _is_any(lambda: page(before=last, limit=1))
    newer = _is_any(lambda: page(after=first, limit=1))
    return Leaf(entries, last if older else None, first if newer else None)


def _is_any(look: Callable[[], list[JournalEntry]]) -> bool:
    """Whether there is an entry; one that cannot be read is one."""
    try:
        return bool(look())
    except DataError:
        return True


def _number(given: str) -> int | None:
    text = given.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_FARTHEST)):
        raise DataError("JOURNAL-PAGE", f"'{text[:40]}' is no number of an entry.", next_step="Begin with the newest page.")
    return int(text)
