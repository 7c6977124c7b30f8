"""One statement of the marketer as text to listen to: cleaned, yet every stretch knows the words it came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from re import Match, Pattern
from typing import Generic, TypeVar

from liftwright.planning.goals import numbers
from liftwright.planning.goals.spelling import in_full

TAKEN = "|"
"""Stands in `Turn.rest` for every character that a listener has understood already."""
END = r"(?=\s*(?:[.,;:!?)|(]|$))"
"""Followed by the end of a phrase."""

_MOST_MATCHES = 500
"""Of one kind in one statement; nobody's goal has more, and whatever is beyond them is left over and named."""
_ALIKE = str.maketrans(
    {"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "‐": "-", "‑": "-"}
    | {"−": "-", "…": ".", "•": ";", "·": ";", "|": ",", "\t": " ", "＋": "+", "½": ".5", "≥": ">=", "≤": "<=", "®": "", "™": ""}
)
_WORD = re.compile(r"[a-z][a-z0-9]*(?:'[a-z]+)?|\bb4\b")
_AGAIN = re.compile(r"([.!?,;-])(?:\s?\1)+")
_SPACES = re.compile(r"\s+")
_ARROW = re.compile(r"[-=]+>|→")
_COMMENCING = re.compile(r"\b(?:w/c|wc) (?=\d|[a-z]{3,9} \d)")
_SLASHED = re.compile(r"\bw/(o?)(?=\s|\w)")
_CORRECTION = re.compile(
    r"\b(?:actually|no,? wait|wait,|scratch that|strike that|correction|on second thoughts?|i meant?(?= to say|,|:| \d)"
    r"|make (?:it|that)(?= |:)|change (?:it|that) to|sorry,? (?:i mean|make|it))"
)


@dataclass(frozen=True)
class Mapped:
    """Text and, for each of its characters, where in the raw words it starts and ends."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def sub(self, pattern: Pattern[str], replace: Callable[[Match[str]], str | None]) -> Mapped:
        """Replace matches; a replacement covers all raw words of its match. None leaves a match as it is."""
        text: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for match in pattern.finditer(self.text):
            new = replace(match)
            if new is None or match.start() == match.end():
                continue
            first, last = match.span()
            text += (self.text[at:first], new)
            starts += (*self.starts[at:first], *[self.starts[first]] * len(new))
            ends += (*self.ends[at:first], *[self.ends[last - 1]] * len(new))
            at = last
        return Mapped("".join((*text, self.text[at:])), (*starts, *self.starts[at:]), (*ends, *self.ends[at:]))

    def cut(self, first: int, last: int) -> Mapped:
        """The stretch from `first` to before `last`."""
        return Mapped(self.text[first:last], self.starts[first:last], self.ends[first:last])


T = TypeVar("T")


@dataclass(frozen=True)
class Said(Generic[T]):
    """Something understood, the words it came from and where in the turn they stand."""

    value: T
    quote: str
    at: int
    because: str = ""


class Turn:
    """One statement. Listeners take what they understand from `rest`, so nothing is understood twice."""

    def __init__(self, raw: str, mapped: Mapped) -> None:
        self.raw = raw
        self.mapped = mapped
        self.text = mapped.text
        self.rest = mapped.text
        self._heard = bytearray(len(mapped.text))

    def found(self, pattern: Pattern[str]) -> Iterator[Match[str]]:
        """Matches in what is left, 500 at most; take inside the loop only what was matched."""
        at = 0
        for _ in range(_MOST_MATCHES):
            match = pattern.search(self.rest, at)
            if match is None:
                return
            yield match
            at = match.end() if match.end() > match.start() else match.end() + 1

    def take(self, first: int, last: int) -> None:
        """Mark a stretch as understood, so that no other listener sees it."""
        self.rest = self.rest[:first] + TAKEN * (last - first) + self.rest[last:]
        self.hear(first, last)

    def hear(self, first: int, last: int) -> None:
        """Mark a stretch as understood that others may still need: a metric tells where its product stands."""
        self._heard[first:last] = b"\1" * (last - first)

    def is_heard(self, first: int, last: int) -> bool:
        """Whether any of a stretch was understood."""
        return any(self._heard[first:last])

    def quote(self, first: int, last: int) -> str:
        """The raw words of a stretch."""
        stretch = self.text[first:last]
        first += len(stretch) - len(stretch.lstrip(" ,;:-"))
        last -= len(stretch) - len(stretch.rstrip(" ,;:-"))
        if first >= last:
            return ""
        return _SPACES.sub(" ", self.raw[self.mapped.starts[first] : self.mapped.ends[last - 1]]).strip()

    def said(self, value: T, first: int, last: int, *, because: str = "") -> Said[T]:
        """What was understood, with its quote; the stretch is taken."""
        self.take(first, last)
        return Said(value, self.quote(first, last), first, because)


def turns(statements: list[str]) -> list[Turn]:
    """Statements in order; one that corrects itself ("20k, no wait, make it 10k") becomes two."""
    heard: list[Turn] = []
    for raw in statements:
        mapped = _mapped(raw)
        cuts = [0, *(m.start() for m in _CORRECTION.finditer(mapped.text)), len(mapped.text)]
        parts = [mapped.cut(a, b) for a, b in pairwise(cuts) if mapped.text[a:b].strip()]
        heard += [Turn(raw, part) for part in parts]
    return heard


def _mapped(raw: str) -> Mapped:
    chars: list[str] = []
    starts: list[int] = []
    for at, char in enumerate(raw):
        plain = _plain(char)
        chars.append(plain)
        starts += [at] * len(plain)
    mapped = Mapped("".join(chars), tuple(starts), tuple(at + 1 for at in starts))
    mapped = mapped.sub(_COMMENCING, lambda m: "the week of ")
    mapped = mapped.sub(_SLASHED, lambda m: "without " if m[1] else "with ")
    mapped = mapped.sub(_ARROW, lambda m: " to ")
    mapped = mapped.sub(_SPACES, lambda m: " ")
    mapped = mapped.sub(_AGAIN, lambda m: m[1])
    mapped = mapped.sub(_WORD, lambda m: in_full(m[0]))
    return mapped.sub(numbers.IN_WORDS, numbers.as_digits)


def _plain(char: str) -> str:
    """A character as lower-case text without marks that only look different."""
    if char == "\n":
        return ". "
    if char in " \t" or (char.isascii() and char.isprintable()):
        return char.lower() if char != "|" else ","
    kind = unicodedata.category(char)
    if kind in {"Cf", "Cs", "Co", "Mn"}:
        return ""
    if kind[0] in "CZ":
        return " "
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    return unicodedata.normalize("NFKC", char.translate(_ALIKE)).translate(_ALIKE).lower()
