"""The people of the customer file as salted hashes: enough to recognise them in a text, useless to anyone who reads it."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_EMAIL = re.compile(r"[\w.+'%-]+@[\w-]+(?:\.[\w-]+)+", re.UNICODE)
_NAME_COLUMNS = ("name", "full_name", "customer_name")
_ADDRESS_WORDS = 3
"""A street address is recognised by its first words: house number, street, kind of street."""
_MAX_NAME_WORDS = 4


class PersonalTerms:
    """Which kinds of personal data of the customer file a text holds. Keeps 64-bit salted hashes, never the data."""

    def __init__(self, hashes: Iterable[int] = (), *, salt: bytes | None = None) -> None:
        self._salt = salt or secrets.token_bytes(16)
        self._hashes = np.unique(np.fromiter(hashes, dtype=np.uint64))

    @classmethod
    def from_customers(cls, customers: pa.Table | None, *, salt: bytes | None = None) -> PersonalTerms:
        """Hash names, e-mails, phones and addresses of a customers table; columns that are absent are skipped."""
        salt = salt or secrets.token_bytes(16)
        if customers is None:
            return cls(salt=salt)
        return cls((_hash(salt, term) for term in _terms(customers)), salt=salt)

    def __len__(self) -> int:
        return int(self._hashes.size)

    def kinds_in(self, text: str, numbers: Sequence[Sequence[str]]) -> list[str]:
        """Kinds found: `customer e-mail`, `customer name`, `customer address`, `customer phone`. `numbers` = `digit_groups(text)`."""
        if not len(self):
            return []
        words = words_of(text)
        checks = {
            "customer e-mail": (f"e:{found.lower().strip('.')}" for found in _EMAIL.findall(text)),
            "customer name": (f"n:{gram}" for n in range(2, _MAX_NAME_WORDS + 1) for gram in _grams(words, n)),
            "customer address": (f"a:{gram}" for gram in _grams(words, _ADDRESS_WORDS) if any(c.isdigit() for c in gram)),
            "customer phone": (f"p:{key}" for group in numbers for key in _spoken_keys(group)),
        }
        return [kind for kind, candidates in checks.items() if self._has_any(candidates)]

    def _has_any(self, candidates: Iterable[str]) -> bool:
        hashed = np.fromiter((_hash(self._salt, term) for term in dict.fromkeys(candidates)), dtype=np.uint64)
        if not hashed.size:
            return False
        places = np.minimum(np.searchsorted(self._hashes, hashed), self._hashes.size - 1)
        return bool((self._hashes[places] == hashed).any())


def words_of(text: str) -> list[str]:
    """Lower-cased words; punctuation and underscores part them, an apostrophe inside a word does not."""
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]


def digit_groups(text: str) -> list[list[str]]:
    """Runs of digit groups that are parted only by blanks, dots, dashes, slashes or brackets: `(0151) 123-45` → [['0151','123','45']]."""
    runs = re.findall(r"(?<![\w])\+?\(?\d[\d \t.\-()/]*", text)
    return [re.findall(r"\d+", run) for run in runs]


def _terms(customers: pa.Table) -> Iterator[str]:
    columns = set(customers.column_names)

    def values(name: str) -> list[object]:
        return list(customers.column(name).to_pylist()) if name in columns else []

    yield from (f"e:{str(v).strip().lower()}" for v in values("email") if v)
    for phone in values("phone"):
        yield from (f"p:{key}" for key in _stored_keys(str(phone or "")))
    for first, last in zip(values("first_name"), values("last_name"), strict=False):
        if first and last:
            yield from _name_terms(f"{first} {last}")
            yield from _name_terms(f"{last} {first}")
    for name in _NAME_COLUMNS:
        for full in values(name):
            yield from _name_terms(str(full or ""))
    for name in sorted(columns):
        if "address" in name or "street" in name:
            yield from (f"a:{gram}" for v in values(name) if v for gram in list(_grams(words_of(str(v)), _ADDRESS_WORDS))[:1])


def _name_terms(full: str) -> Iterator[str]:
    words = words_of(full)
    if 2 <= len(words) <= _MAX_NAME_WORDS:
        yield "n:" + " ".join(words)
    if len(words) > 2:
        yield f"n:{words[0]} {words[-1]}"


def _grams(words: Sequence[str], n: int) -> Iterator[str]:
    return (" ".join(words[i : i + n]) for i in range(len(words) - n + 1))


def _stored_keys(phone: str) -> Iterator[str]:
    digits = "".join(c for c in phone if c.isdigit()).lstrip("0")
    if len(digits) < 7:
        return
    yield digits
    if len(digits) >= 11:
        yield digits[-10:]
        yield f"trunk:{digits[-9:]}"


def _spoken_keys(groups: Sequence[str]) -> Iterator[str]:
    for start in range(len(groups)):
        for end in range(start + 1, min(start + 7, len(groups) + 1)):
            joined = "".join(groups[start:end])
            digits = joined.lstrip("0")
            if not 7 <= len(digits) <= 15:
                continue
            yield digits
            if len(digits) >= 11:
                yield digits[-10:]
            if len(digits) == 9 and joined.startswith("0"):
                yield f"trunk:{digits}"


def _hash(salt: bytes, term: str) -> int:
    return int.from_bytes(hashlib.blake2b(term.encode(), key=salt, digest_size=8).digest(), "big")
