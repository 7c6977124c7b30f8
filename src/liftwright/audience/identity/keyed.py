"""Links that need no guessing: two records hold the same e-mail address or telephone number, and nothing says they are two people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity.keys import is_role
from liftwright.audience.identity.records import Person, Records

MOST_SHARED = 4
"""A key that more records than this hold belongs to an office or a family, unless all of them bear one name."""
MOST_RECORDS = 50
"""No key of one person is on more records than this, whatever their names."""
_ALIKE = 0.6
"""Share of letters (Ratcliff-Obershelp) from which two first names may be one name misspelt."""


class Link(NamedTuple):
    """Two records (rows, left < right) that are one person: which rule says so, and the match weight in bits where it was estimated."""

    left: int
    right: int
    rule: str
    weight: float | None = None


def keyed_links(records: Records) -> list[Link]:
    """Links by e-mail address (desks like info@ apart) and by telephone number, each pair once per rule."""
    emails = pc.if_else(is_role(records.emails), pa.scalar(None, pa.string()), records.emails)
    held = [(rule, rows) for rule, keys in (("email", emails), ("phone", records.phones)) for rows in groups(keys)]
    people = records.persons(sorted({row for _, rows in held for row in rows}))
    return [
        Link(left, right, rule)
        for rule, rows in held
        for left, right in _pairs(rows, [people[row] for row in rows])
        if rule == "email" or not _may_be_family(people[left], people[right])
    ]


def groups(keys: pa.Array, *, most: int = MOST_RECORDS) -> Iterator[list[int]]:
    """Rows with the same key, ascending, for every key that at least two and at most `most` rows have."""
    encoded = keys.dictionary_encode()
    rows = np.flatnonzero(np.asarray(pc.is_valid(encoded.indices)))
    codes = np.asarray(encoded.indices.drop_null())
    counts = np.bincount(codes, minlength=len(encoded.dictionary))
    shared = (counts[codes] > 1) & (counts[codes] <= most)
    rows, codes = rows[shared], codes[shared]
    order = np.argsort(codes, kind="stable")
    ends = np.flatnonzero(np.diff(codes[order])) + 1
    for group in np.split(rows[order], ends):
        if len(group):
            yield group.tolist()


def _pairs(rows: Sequence[int], people: Sequence[Person]) -> list[tuple[int, int]]:
    """A key held by people who may all be one links them in a star. Where some are surely others, only likeness beyond the key links."""
    if len(rows) > MOST_SHARED and not _is_one_name(people):
        return []
    if not any(are_two(one, other) for one, other in combinations(people if len(rows) == 2 else _distinct(people), 2)):
        return [(rows[0], row) for row in rows[1:]]
    return [
        (rows[a], rows[b])
        for a, b in combinations(range(len(rows)), 2)
        if not are_two(people[a], people[b]) and _is_same(people[a], people[b])
    ]


def _distinct(people: Sequence[Person]) -> list[Person]:
    return list(dict.fromkeys(people))


def _is_one_name(people: Sequence[Person]) -> bool:
    names = {(person.first, person.last) for person in people}
    return len(names) == 1 and None not in names.pop()


def _is_same(one: Person, other: Person) -> bool:
    """The key apart, something rarer than a first name agrees."""
    has_names = one.first is not None and one.last is not None
    return (one.born is not None and one.born == other.born) or (has_names and one[:2] == other[:2])


def are_two(one: Person, other: Person) -> bool:
    """Birth dates contradict, or first names do (an initial, a short form and a misspelling do not)."""
    if one.born is not None and other.born is not None and one.born != other.born:
        return True
    if one.born is not None and one.born == other.born and one.last == other.last and one.last is not None:
        return is_other_name(one.first, other.first, least=0.3)
    is_swapped = one.first is not None and one.first == other.last
    return not is_swapped and is_other_name(one.first, other.first)


def is_other_name(one: str | None, other: str | None, *, least: float = _ALIKE) -> bool:
    """Whether two known first names share less than `least` of their letters and neither starts the other."""
    if one is None or other is None or one.startswith(other) or other.startswith(one):
        return False
    low, high = sorted((one, other))
    return SequenceMatcher(None, low, high, autojunk=False).ratio() < least


def _may_be_family(one: Person, other: Person) -> bool:
    """A telephone is a household's: it takes a first name that is hardly misspelt, or a birth date, to tell whose of them."""
    if one.born is not None and one.born == other.born:
        return False
    if one.first is None or other.first is None:
        return one.first != other.first and bool((one.last or one.born) and (other.last or other.born))
    return is_other_name(one.first, other.first, least=0.8)


def born_apart(one: str | None, other: str | None) -> bool:
    """Whether two birth dates (YYYYMMDD) differ in more than two digits, which no slip explains."""
    return one is not None and other is not None and sum(a != b for a, b in zip(one, other, strict=True)) > 2
