"""What the values of a column look like, whatever its name: e-mail addresses, telephone numbers, dates, amounts, flags, few words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

SAMPLE = 2_000
MOST_LEVELS = 200
EMPTY = frozenset({"", "null", "NULL", "nan", "NaN", "N/A", "n/a", "\\N", "#N/A", "<NA>"})
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+?[\d(][\d ().\-/]{5,18}\d")
_DATE = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2}([T ].*)?|(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])|\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}( .*)?"
    r"|\d{4}/\d{1,2}/\d{1,2}( .*)?|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}.*|[A-Za-z]{3,9} \d{1,2},? \d{4}.*|1[0-9]{9}|1[0-9]{12})"
)
_AMOUNT = re.compile(r"\(?[-+]?\s?([A-Z]{3}|[$€£¥])?\s?[-+]?(\d[\d.,' ]*|\.\d+)\s?([A-Z]{3}|[$€£¥])?\)?")
_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*)?(\.\d+)?([eE][-+]?\d+)?")
_FLAGS = frozenset({"0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "0.0", "1.0"})


@dataclass(frozen=True)
class Look:
    """Shares are of the non-empty values in an even sample; `distinct` counts different values in the whole column; `levels` the values when at most 200."""

    filled: float
    distinct: int
    email: float
    phone: float
    date: float
    amount: float
    number: float
    flag: float
    digit: float
    levels: tuple[str, ...] = field(default=())


def look(column: pa.ChunkedArray) -> Look:
    """Describe one text column."""
    trimmed = pc.utf8_trim_whitespace(column)
    distinct = pc.unique(trimmed)
    step = max(1, len(column) // SAMPLE)
    sample = trimmed.take(pa.array(range(0, len(column), step), pa.int64())).to_pylist() if len(column) else []
    kept = [value for value in sample if value is not None and value not in EMPTY]

    counts = Counter(kept)

    def share(test: Callable[[str], object]) -> float:
        return sum(times for value, times in counts.items() if test(value)) / len(kept) if kept else 0.0

    levels = (
        tuple(sorted(v for v in distinct.to_pylist() if v is not None and v not in EMPTY))
        if len(distinct) <= MOST_LEVELS + 1
        else ()
    )
    return Look(
        filled=len(kept) / len(sample) if sample else 0.0,
        distinct=len(levels) if levels else len(distinct),
        email=share(_EMAIL.fullmatch),
        phone=share(lambda v: _PHONE.fullmatch(v) and sum(map(str.isdigit, v)) >= 7),
        date=share(_DATE.fullmatch),
        amount=share(_AMOUNT.fullmatch),
        number=share(lambda v: v not in {"", "-", "+"} and _NUMBER.fullmatch(v)),
        flag=share(lambda v: v.lower() in _FLAGS),
        digit=share(lambda v: any(map(str.isdigit, v))),
        levels=levels,
    )
