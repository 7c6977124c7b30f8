"""The SQL that types a file: one expression per column, one reason per row. Which numbers are numbers is decided by the whole column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from liftwright.audience.mapping.columns import Spec, spec_of
from liftwright.audience.mapping.recognition import OUTCOMES, Mapping
from liftwright.audience.mapping.values import clean, expression, flag, literal, quoted

_CHECKED = {"time", "date", "email", "phone", "number", "flag", "consent"}
_NUMBER = r"'[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?'"
_KEY_NAME = re.compile(r"(.*_)?(id|no|nr|number|key|code|ref|ssn|zip|postcode|phone)")


@dataclass(frozen=True)
class Plan:
    """`columns` name to SQL; `reason` SQL of why a row cannot be kept; `times` columns in microseconds; `emptied` name to SQL of unreadable cells."""

    columns: dict[str, str]
    reason: str
    times: tuple[str, ...]
    emptied: dict[str, str]
    notes: tuple[str, ...]


def plan(db: Any, mapping: Mapping, *, now: datetime, country: str) -> Plan:
    """Plan the typing of the table `cells`."""
    spec = spec_of(mapping.table)
    kinds = dict(spec.columns)
    sources = dict(mapping.columns)
    extras = dict(mapping.extras)
    if mapping.people is not None:
        people = spec_of("customers")
        kinds |= {name: kind for name, kind in people.columns.items() if name not in kinds}
        sources |= {name: column for name, column in mapping.people.columns.items() if name not in sources}
        extras |= mapping.people.extras
    notes: list[str] = []
    columns: dict[str, str] = {}
    for name, column in sources.items():
        day_first = kinds[name] in ("time", "date") and _day_first(db, name, column, country=country, notes=notes)
        columns[name] = expression(name, kinds[name], column, day_first=day_first)
    refusals = mapping.refusals | (mapping.people.refusals if mapping.people else {})
    columns |= {name: expression(name, "refusal", column, day_first=False) for name, column in refusals.items()}
    columns |= {name: literal(value) for name, value in mapping.constants.items()}
    reason = _reason(columns, sources, kinds, spec, mapping, now=now)
    emptied = {
        name: f"{clean(sources[name])} IS NOT NULL AND ({columns[name]}) IS NULL"
        for name in sources
        if kinds[name] in _CHECKED and not _is_required(name, spec, mapping)
    }
    times = tuple(name for name in sources if kinds[name] == "time")
    dates = [name for name in sources if kinds[name] == "date"]
    columns |= {name: f"CAST(make_timestamp({columns[name]}) AS DATE)" for name in dates}
    columns |= {name: _inferred(db, name, column) for name, column in extras.items()}
    return Plan(columns, reason, times, emptied, tuple(notes))


def _is_required(name: str, spec: Spec, mapping: Mapping) -> bool:
    single = {group[0] for group in spec.required if len(group) == 1}
    return name in single or (name in OUTCOMES and mapping.people is not None) or name == "treated_at"


def _reason(
    columns: dict[str, str], sources: dict[str, str], kinds: dict[str, Any], spec: Spec, mapping: Mapping, *, now: datetime
) -> str:
    tests: list[tuple[str, str]] = []
    latest = int(now.astimezone(UTC).timestamp() * 1_000_000)
    for group in spec.required:
        present = [name for name in group if name in sources]
        if present and group != ("arm", "treated"):
            empty = " AND ".join(f"{clean(sources[name])} IS NULL" for name in present)
            tests.append((empty, literal(f"{' and '.join(present)} {'are' if len(present) > 1 else 'is'} empty")))
    for name in [n for n in ("arm", "customer_id", *OUTCOMES) if mapping.table == "treatments" and n in sources]:
        tests.append((f"{clean(sources[name])} IS NULL", literal(f"{name} is empty")))
    for name, column in sources.items():
        says = {
            "time": "is no date or time",
            "date": "is no date",
            "amount": "is no amount",
            "share": "is no share",
            "number": "is no number",
        }
        strict = kinds[name] in ("amount", "share") or (_is_required(name, spec, mapping) and kinds[name] in says)
        if strict:
            wrong = f"{clean(column)} IS NOT NULL AND ({columns[name]}) IS NULL"
            tests.append((wrong, f"{literal(name + ' ')} || '''' || left({quoted(column)}, 60) || ''' {says[kinds[name]]}'"))
        if kinds[name] == "amount":
            kind = f" AND coalesce({columns['type']}, '') <> 'return'" if mapping.table == "events" and "type" in columns else ""
            tests.append((f"({columns[name]}) < 0{kind}", literal(f"{name} is negative")))
        if kinds[name] == "share":
            tests.append((f"({columns[name]}) NOT BETWEEN 0 AND 1", literal(f"{name} is not between 0 and 1")))
        if name in spec.stamps:
            later = f"{name} is stamped later than now ({now.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
            tests.append((f"({columns[name]}) > {latest}", literal(later)))
    cases = " ".join(f"WHEN {test} THEN {text}" for test, text in tests)
    return f"(CASE {cases} END)" if cases else "CAST(NULL AS VARCHAR)"


def _day_first(db: Any, name: str, column: str, *, country: str, notes: list[str]) -> bool:
    """Whether 03/04/2026 is the third of April, decided by the whole column: some first number over 12 says so."""
    mark = r"'^(\d{1,2})([/.\-])(\d{1,2})[/.\-]\d{2,4}'"
    text = clean(column)
    first, second, dotted, count = db.execute(
        f"SELECT max(try_cast(regexp_extract({text}, {mark}, 1) AS INT)), max(try_cast(regexp_extract({text}, {mark}, 3) AS INT)),"
        f" count(*) FILTER (regexp_extract({text}, {mark}, 2) = '.'), count(*) FILTER (regexp_matches({text}, {mark})) FROM cells"
    ).fetchone()
    if not count:
        return False
    if (first or 0) > 12 or dotted:
        return True
    if (second or 0) > 12:
        return False
    order = "month/day" if country == "US" else "day/month"
    notes.append(
        f"Dates of {name} could be day/month or month/day; they are read as {order}. A map cannot tell: export ISO dates."
    )
    return country != "US"


def _inferred(db: Any, name: str, column: str) -> str:
    """A number when every value is one and none has a leading zero or is a key; 1/0 for yes/no; else text."""
    text = clean(column)
    filled, numbers, zeros, flags, distinct, longest = db.execute(
        f"SELECT count({text}), count(*) FILTER (regexp_full_match({text}, {_NUMBER})),"
        f" count(*) FILTER (regexp_matches({text}, '^[-+]?0\\d')), count({flag(column)}), count(DISTINCT {text}), max(length({text}))"
        " FROM cells"
    ).fetchone()
    is_key = bool(_KEY_NAME.fullmatch(name)) and distinct > 40
    if filled and numbers == filled and not zeros and not is_key and longest <= 24:
        return f"try_cast({text} AS DOUBLE)"
    if filled and flags == filled and distinct <= 4:
        return f"CAST({flag(column)} AS DOUBLE)"
    return text
