"""What each column of a file is taken for, a few values to know it by, and a person's own choices as a map."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa

from liftwright.audience.mapping.columns import Kind, spec_of
from liftwright.audience.mapping.contents import EMPTY, Look, look
from liftwright.audience.mapping.files import ROW
from liftwright.audience.mapping.recognition import Mapping, kept_as
from liftwright.domain.base import Value

KEPT = "keep"
"""The choice to keep a column as a feature (customers) or an extra fact."""
SAMPLES, LONGEST, LOOKED_AT, FEW = 3, 40, 2_000, 40
_PERSONAL = {"email", "phone", "first_name", "last_name", "birth_date", "street", "postal_code"}
_IMPERSONAL: set[Kind] = {"word", "country", "currency", "time", "date", "amount", "number", "share", "flag", "consent"}


class Column(Value):
    """One column of a file. `taken_for`: a canonical name, or the one it is kept under; "" where it is left out.

    `how`: canonical; kept as a feature or an extra fact; says_no (yes there means consent denied); of_customers (a wide test file's people);
    empty. `samples`: up to three different values, what may be personal as its shape (`Xxx 99`).
    """

    name: str
    taken_for: str
    because: str
    how: Literal["canonical", "kept", "says_no", "of_customers", "empty"]
    samples: tuple[str, ...]


class Chosen(Value):
    """A person's choices: as a map file (None where nothing differs from what was recognised), or what is wrong with them: by column, and
    which names no column is."""

    mapping: dict[str, Any] | None = None
    wrong: dict[int, str] = {}
    missing: tuple[str, ...] = ()


def columns(table: pa.Table, found: Mapping) -> list[Column]:
    """Every column of a table of text, in its order, as a mapping takes it."""
    taken = {column: (name, found.because.get(name, ""), "kept") for name, column in found.extras.items()}
    taken |= {
        column: (name, "a column that says no: yes there means denied", "says_no") for name, column in found.refusals.items()
    }
    if found.people is not None:
        taken |= {column: (f"customers.{name}", because, "of_customers") for name, column, because in found.people.shown}
    taken |= {column: (name, found.because.get(name, ""), "canonical") for name, column in found.columns.items()}
    rows = []
    for column in table.column_names:
        if column != ROW:
            name, because, how = taken.get(column, ("", "it is empty", "empty"))
            samples = _samples(table[column], name, how=how, table=found.table)
            rows.append(
                Column.model_validate({"name": column, "taken_for": name, "because": because, "how": how, "samples": samples})
            )
    return rows


def options(table: str) -> dict[str, bool]:
    """The canonical names of a table, and whether it cannot do without: those it needs first."""
    spec = spec_of(table)
    needed = {name for group in spec.required for name in group if len(group) == 1}
    return {name: name in needed for name in sorted(spec.columns, key=lambda name: name not in needed)}


def chosen(found: Sequence[Column], choices: Dict[int, str], *, table: str) -> Chosen:
    """What a person chose for columns by their place: a canonical name, `KEPT`, or "" for what was recognised.

    Where anything differs the map names every column it can, so that what was shown is what is imported.
    """
    spec = spec_of(table)
    said = {place: choices.get(place, "") for place in range(len(found))}
    wrong = {
        place: f"'{choice[:LONGEST]}' is no column of {table}."
        for place, choice in said.items()
        if choice and choice != KEPT and choice not in spec.columns
    }
    wrong |= {
        place: "A column of the people in a test cannot be kept as a fact of the test; leave it as it is."
        for place, choice in said.items()
        if choice == KEPT and found[place].how == "of_customers"
    }
    names: dict[str, list[int]] = {}
    for place, column in enumerate(found):
        name = said[place] or (column.taken_for if column.how in ("canonical", "says_no") else "")
        if name in spec.columns:
            names.setdefault(name, []).append(place)
    wrong |= _doubled(names, found)
    kept = [
        column.name for place, column in enumerate(found) if said[place] == KEPT or (not said[place] and column.how == "kept")
    ]
    told = {name: places[0] for name, places in names.items() if said[places[0]] or found[places[0]].how == "canonical"}
    mapping = {name: found[place].name for name, place in told.items()} | kept_as(kept, spec)
    if wrong or not any(said.values()):
        return Chosen(wrong=wrong)
    by_itself = {"type"} if table == "events" and "amount" in names else set()
    missing = tuple(" or ".join(group) for group in spec.required if not {*names, *by_itself} & set(group))
    return Chosen(missing=missing) if missing else Chosen(mapping={"table": table, "columns": mapping})


def _doubled(names: Dict[str, list[int]], found: Sequence[Column]) -> dict[int, str]:
    """Places that are to be the same thing: an arm and whether somebody was treated are one, too."""
    arms = [*names.get("arm", []), *names.get("treated", [])]
    groups = {name: places for name, places in names.items() if name not in ("arm", "treated")} | {"arm or treated": arms}
    return {
        place: f"{' and '.join(found[each].name for each in places)} cannot both be {name}: choose something else for one of them."
        for name, places in groups.items()
        if len(places) > 1
        for place in places
    }


def _samples(column: pa.ChunkedArray, name: str, *, how: str, table: str) -> tuple[str, ...]:
    values = (str(value).strip() for value in column.slice(0, LOOKED_AT).to_pylist() if value is not None)
    found = list(dict.fromkeys(value for value in values if value not in EMPTY))[:SAMPLES]
    is_open = _is_impersonal(look(column), name.removeprefix("customers."), how=how, table=table, rows=len(column))
    return tuple(
        _clipped(value if is_open and "@" not in value and not value.startswith("+") else _shape(value)) for value in found
    )


def _is_impersonal(seen: Look, name: str, *, how: str, table: str, rows: int) -> bool:
    """Whether values tell nothing about whose they are: ids, dates, numbers, and words that many rows share."""
    kind = spec_of("customers" if how == "of_customers" else table).columns.get(name)
    if name in _PERSONAL:
        return False
    if kind == "id" or kind in _IMPERSONAL or seen.date >= 0.9:
        return True
    if seen.phone > 0.5:
        return False
    is_number = max(seen.number, seen.amount, seen.flag) >= 0.9
    return is_number or (0 < len(seen.levels) <= FEW and 3 * len(seen.levels) <= rows)


def _shape(value: str) -> str:
    """`Ann 12` as `Xxx 99`."""
    return "".join("9" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in value)


def _clipped(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
