"""Links into people: the strongest first, and never one that puts together what must stay apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from liftwright.audience.identity.keyed import Link, born_apart, is_other_name
from liftwright.audience.identity.records import Person

STRENGTH = {"told": 0, "email": 1, "phone": 2, "model": 3}
"""Rules from the strongest to the weakest."""


class Clusters:
    """A union-find over records that refuses what contradicts. The same links and bars in any order give the same people."""

    def __init__(self, count: int, people: Mapping[int, Person], *, apart: Iterable[tuple[int, int]] = ()) -> None:
        """`count` records; `people` what those say that links name; `apart` pairs that somebody has said are two people."""
        self._parent = list(range(count))
        self._members: dict[int, list[int]] = {}
        self._people = people
        self._apart: defaultdict[int, set[int]] = defaultdict(set)
        for left, right in apart:
            self._apart[left].add(right)
            self._apart[right].add(left)

    def find(self, row: int) -> int:
        """The smallest row of the person that this record belongs to."""
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def join(self, links: Iterable[Link]) -> list[Link]:
        """Apply links, the strongest first; returns those that were refused."""
        refused = []
        for link in sorted(links, key=_strongest_first):
            left, right = sorted((self.find(link.left), self.find(link.right)))
            if left == right:
                continue
            if self._must_stay_apart(left, right, link.rule):
                refused.append(link)
                continue
            self._parent[right] = left
            self._members[left] = self.members(left) + self._members.pop(right, [right])
        return refused

    def members(self, root: int) -> list[int]:
        """Rows of the person whose smallest row this is."""
        return self._members.get(root, [root])

    def merged(self) -> list[list[int]]:
        """The rows of every person with more than one record."""
        return [sorted(rows) for rows in self._members.values()]

    def _must_stay_apart(self, left: int, right: int, rule: str) -> bool:
        ours, theirs = self.members(left), self.members(right)
        if self._apart and any(self._apart[row] & set(theirs) for row in ours if row in self._apart):
            return True
        if rule == "told":
            return False
        contradict, people = _are_others if rule == "model" else _contradict, self._people
        return any(contradict(people[one], people[other]) for one in ours for other in theirs)


def _strongest_first(link: Link) -> tuple[int, float, int, int]:
    return (STRENGTH[link.rule], -(link.weight or 0.0), link.left, link.right)


def _contradict(one: Person, other: Person) -> bool:
    return one.born is not None and other.born is not None and one.born != other.born


def _are_others(one: Person, other: Person) -> bool:
    """Whether an estimated link would put together what no misspelling explains: birth dates, or first names of two birth dates.

    Records that nothing reaches are left to their weight, as when they were compared.
    """
    if not one.is_reachable and not other.is_reachable:
        return False
    if born_apart(one.born, other.born):
        return True
    if one.born is not None and one.born == other.born:
        return False
    return is_other_name(one.first, other.first, least=0.5) and is_other_name(one.first, other.last)
