"""Which column of a file is which canonical column: told by a map, else by name, else by content."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.mapping import arms as arm_words
from liftwright.audience.mapping.arms import Arms
from liftwright.audience.mapping.columns import AFTERWARDS, REFUSALS, SYNONYMS, Kind, Spec, plain, spec_of
from liftwright.audience.mapping.contents import MOST_LEVELS, Look, look
from liftwright.audience.mapping.files import ROW
from liftwright.domain.errors import DataError

OUTCOMES = ("outcome_visits", "outcome_orders", "outcome_revenue")
_PEOPLE = r"(customer|user|client|member|contact|person|account|subscriber|shopper|profile)"
_NUMBERED = r"(id|no|nr|number|key|code|ref)"


@dataclass(frozen=True)
class Mapping:
    """How a file becomes canonical tables.

    `columns` canonical name to column; `constants` canonical name to a value for every row; `extras` name it is kept under to
    column; `refusals` consent column to a column that says no. A wide test file has `arms` and, in `people`, the mapping of its
    customers.
    """

    table: str
    columns: dict[str, str]
    because: dict[str, str]
    extras: dict[str, str]
    refusals: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    arms: Arms | None = None
    people: Mapping | None = None
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> list[tuple[str, str, str]]:
        """(canonical, column, because) for a person to check."""
        rows = [(name, column, self.because.get(name, "")) for name, column in self.columns.items()]
        rows += [(name, column, "a column that says no: yes there means denied") for name, column in self.refusals.items()]
        rows += [(name, f"always '{value}'", self.because.get(name, "")) for name, value in self.constants.items()]
        kept = "kept as a feature" if self.table == "customers" else "kept as an extra fact"
        rows += [(name, column, kept) for name, column in self.extras.items()]
        if self.people is not None:
            rows += [(f"customers.{name}", column, because) for name, column, because in self.people.shown]
        return rows


def recognise(table: pa.Table, *, name: str, declared: str, mapping: Dict[str, Any] | None = None) -> Mapping:
    """Find the canonical columns of the declared table in a table of text.

    `mapping` is a map file (`table:`, `columns:` canonical: column) and wins over everything. Raises DataError, naming the
    columns found, when a required column is missing or two columns contend for it.
    """
    found = guess(table, name=name, declared=declared, mapping=mapping)
    _complete(found, spec_of(found.table), name=name, columns=[c for c in table.column_names if c != ROW])
    _unambiguous(found, table, name=name)
    return found


def guess(table: pa.Table, *, name: str, declared: str, mapping: Dict[str, Any] | None = None) -> Mapping:
    """As `recognise`, with whatever is missing or contended for: for a person to mend."""
    told, target = _told(mapping, table=table, declared=declared, name=name)
    looks = {column: look(table[column]) for column in table.column_names if column != ROW}
    empty = [
        column
        for column, seen in looks.items()
        if not seen.levels and seen.distinct <= MOST_LEVELS + 1 and column not in told.values()
    ]
    looks = {column: seen for column, seen in looks.items() if column not in empty}
    notes = (f"Empty columns left out: {', '.join(empty)}.",) if empty else ()
    spec = spec_of(target)
    is_test = target == "treatments"
    found = _treatments(table, looks, told) if is_test else _narrow(target, spec, looks, told, rows=table.num_rows)
    return dataclasses.replace(found, notes=notes + found.notes)


def _told(mapping: Dict[str, Any] | None, *, table: pa.Table, declared: str, name: str) -> tuple[dict[str, str], str]:
    if mapping is None:
        return {}, declared
    unknown = set(mapping) - {"table", "columns"}
    columns = mapping.get("columns") or {}
    if unknown or not isinstance(columns, dict):
        raise DataError(
            "IMPORT-MAP", f"The map has {sorted(unknown) or 'no columns'}.", next_step="A map has `table:` and `columns:` only."
        )
    target = str(mapping.get("table") or declared)
    spec = spec_of(target)
    known = [*spec.columns, *(plain(c) for c in table.column_names)]
    told = {}
    for canonical, column in columns.items():
        if str(column) not in table.column_names or column == ROW:
            near = difflib.get_close_matches(str(column), table.column_names, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise DataError(
                "IMPORT-MAP",
                f"The map names the column '{column}', which {name} does not have.{hint}",
                next_step=f"Columns found: {_listed(table.column_names)}.",
            )
        near = [] if canonical in known else difflib.get_close_matches(str(canonical), list(spec.columns), n=1, cutoff=0.85)
        if near:
            raise DataError(
                "IMPORT-MAP", f"'{canonical}' is no column of {target}.", next_step=f"Did you mean '{near[0]}'? Mend the map."
            )
        told[str(canonical)] = str(column)
    return told, target


def _listed(columns: list[str]) -> str:
    shown = [column for column in columns if column != ROW]
    return ", ".join(shown[:40]) + (f" and {len(shown) - 40} more" if len(shown) > 40 else "")


def _narrow(table: str, spec: Spec, looks: Dict[str, Look], told: Dict[str, str], *, rows: int) -> Mapping:
    columns = {canonical: column for canonical, column in told.items() if canonical in spec.columns}
    because = dict.fromkeys(columns, "your map says so")
    taken = set(told.values())
    needed = {name for group in spec.required for name in group}
    for canonical, kind in spec.columns.items():
        exact = [c for c in looks if c not in taken and plain(c) == canonical]
        exact = [c for c in exact if canonical in needed or kind == "id" or _fits(canonical, kind, looks[c], rows=rows)]
        if canonical not in columns and exact:
            columns[canonical], because[canonical] = exact[0], "same name"
            taken.add(exact[0])
    for canonical, kind in spec.columns.items():
        if canonical in columns:
            continue
        free = {c: seen for c, seen in looks.items() if c not in taken and _fits(canonical, kind, seen, rows=rows)}
        column, why = _by_name(canonical, free)
        if column is None:
            column, why = _by_content(table, canonical, kind, free, rows=rows)
        if column is not None:
            columns[canonical], because[canonical] = column, why
            taken.add(column)
    refusals = {REFUSALS[plain(c)]: c for c in looks if c not in taken and REFUSALS.get(plain(c)) in spec.columns}
    refusals = {canonical: column for canonical, column in refusals.items() if canonical not in columns}
    taken |= set(refusals.values())
    extras = kept_as([c for c in looks if c not in taken], spec) | {n: c for n, c in told.items() if n not in spec.columns}
    return _with_constants(Mapping(table, columns, because, extras, refusals))


def _with_constants(found: Mapping) -> Mapping:
    if found.table == "events" and "type" not in found.columns and "amount" in found.columns:
        because = found.because | {"type": "no column says what happened, and every row has an amount: read as purchases"}
        return dataclasses.replace(found, constants={"type": "purchase"}, because=because)
    if found.table == "leads" and "created_at" not in found.columns:
        note = "No column says when a lead came in; created_at stays empty, so nothing that depends on time can be computed."
        return dataclasses.replace(found, notes=(*found.notes, note))
    return found


def _fits(canonical: str, kind: Kind, seen: Look, *, rows: int) -> bool:
    """Content may veto a name: a 'date' column without dates is not a date."""
    needs = {"time": seen.date, "date": seen.date, "email": seen.email, "phone": seen.phone, "amount": seen.amount,
             "number": seen.amount, "share": seen.number, "flag": seen.flag}  # fmt: skip
    if canonical == "postal_code":
        return seen.digit > 0.2
    if canonical == "event_id":
        return seen.distinct >= 0.99 * rows
    if canonical in ("type", "channel"):
        return seen.distinct <= 200 and seen.number < 0.5
    if canonical == "outcome":
        return seen.distinct <= 20
    return needs.get(kind, 1.0) > 0.05


def _by_name(canonical: str, free: Dict[str, Look]) -> tuple[str | None, str]:
    names = {plain(column): column for column in reversed(list(free))}
    for synonym in SYNONYMS.get(canonical, ()):
        if synonym in names:
            return names[synonym], "a usual name for it"
    return None, ""


def _by_content(table: str, canonical: str, kind: Kind, free: Dict[str, Look], *, rows: int) -> tuple[str | None, str]:
    if kind == "email":
        return _only([c for c, seen in free.items() if seen.email > 0.8]), "its values look like e-mail addresses"
    if canonical == "phone":
        named = [c for c, seen in free.items() if seen.phone > 0.8 and re.search(r"phone|mobile|tel|cell", plain(c))]
        return _only(named), "its values look like telephone numbers"
    if canonical == "occurred_at":
        return _only([c for c, seen in free.items() if seen.date > 0.9]), "the only column of dates"
    if canonical == "amount" and table == "events":
        money = r"amount|price|value|revenue|total|spend|sales|paid"
        named = [c for c, seen in free.items() if seen.amount > 0.9 and re.search(money, plain(c))]
        return _only(named), "its values look like amounts"
    if canonical == ("lead_id" if table == "leads" else "customer_id"):
        return _key(table, free, rows=rows)
    return None, ""


def _key(table: str, free: Dict[str, Look], *, rows: int) -> tuple[str | None, str]:
    people = [c for c in free if re.fullmatch(rf"{_PEOPLE}_?{_NUMBERED}?", plain(c))]
    if people and table != "leads":
        return people[0], "its name says whose number it is"
    unique = [c for c, seen in free.items() if seen.distinct >= 0.999 * rows and re.fullmatch(rf"(\w+_)?{_NUMBERED}", plain(c))]
    if table in ("customers", "leads") and len(unique) == 1:
        return unique[0], "the only number that is different in every row"
    return None, ""


def _only(columns: list[str]) -> str | None:
    return columns[0] if len(columns) == 1 else None


def kept_as(columns: Iterable[str], spec: Spec) -> dict[str, str]:
    """The names that columns without a canonical name are kept under, none of them canonical, to the columns."""
    kept: dict[str, str] = {}
    for column in columns:
        name = plain(column)
        if name in spec.columns or name in ("customer_id", "row"):
            name = f"source_{name}"
        while name in kept:
            name += "_2"
        kept[name] = column
    return kept


def _treatments(table: pa.Table, looks: Dict[str, Look], told: Dict[str, str]) -> Mapping:
    found = _narrow("treatments", spec_of("treatments"), looks, told, rows=table.num_rows)
    own = {c: seen for c, seen in looks.items() if c not in {*told.values(), found.columns.get("customer_id")}}
    fixed = told.get("arm") or told.get("treated")
    arms = arm_words.find(looks if fixed else own, fixed=fixed)
    if arms is None or not arms.levels:
        return dataclasses.replace(found, columns={c: v for c, v in found.columns.items() if c not in ("arm", "treated")})
    is_wide = any(name in found.columns for name in OUTCOMES) and "treated_at" not in found.columns
    columns = {c: v for c, v in found.columns.items() if v != arms.column and c not in ("arm", "treated")} | {"arm": arms.column}
    because = found.because | {"arm": arms.because}
    if not is_wide and "customer_id" in columns:
        extras = {name: column for name, column in found.extras.items() if column != arms.column}
        return dataclasses.replace(found, columns=columns, because=because, extras=extras, arms=arms)
    keep = {*OUTCOMES, "arm", "customer_id", "treated_at", "propensity", "wave", *(c for c in columns if c in told)}
    columns = {c: v for c, v in columns.items() if c in keep or _is_of_the_treatment(table, arms, v)}
    return _wide(looks, columns, because, arms, rows=table.num_rows)


def _is_of_the_treatment(table: pa.Table, arms: Arms, column: str) -> bool:
    """A column that differs between people of the control describes people, not what was done to them."""
    control = pa.array([level.value for level in arms.levels if level.is_control], pa.string())
    untreated = table.filter(pc.is_in(pc.utf8_trim_whitespace(table[arms.column]), value_set=control))
    return len(pc.unique(untreated[column])) <= 1


def _wide(looks: Dict[str, Look], columns: dict[str, str], because: dict[str, str], arms: Arms, *, rows: int) -> Mapping:
    taken = set(columns.values()) - {columns.get("customer_id")}
    after = {plain(c): c for c in looks if c not in taken and plain(c) in AFTERWARDS}
    rest = {c: seen for c, seen in looks.items() if c not in taken and c not in after.values()}
    told = {"customer_id": columns["customer_id"]} if "customer_id" in columns else {}
    people = _narrow("customers", spec_of("customers"), rest, told, rows=rows)
    renamed = {("purchase_channel" if name == "channel" else name): column for name, column in people.extras.items()}
    people = dataclasses.replace(people, extras=renamed, because=people.because | because)
    notes = ["One wide file of a past randomised test: customers, arms and outcomes are taken apart."]
    if "purchase_channel" in people.extras:
        notes.append("Column 'channel' differs within the control, so it describes customers; it is kept as purchase_channel.")
    return Mapping("treatments", columns, because, after, arms=arms, people=people, notes=tuple(notes))


def _complete(found: Mapping, spec: Spec, *, name: str, columns: list[str]) -> None:
    have = set(found.columns) | set(found.constants)
    missing = [" or ".join(group) for group in spec.required if not have & set(group)]
    if not missing:
        return
    example = missing[0].split(" or ")[0]
    raise DataError(
        "IMPORT-COLUMNS",
        f"{name} has no column for {' and none for '.join(missing)}, which {found.table} need. Columns found: {_listed(columns)}.",
        next_step=f"Write a map file (`table: {found.table}`, `columns:` with the line `{example}: <column in the file>`) and pass it with --map.",
    )


def _unambiguous(found: Mapping, table: pa.Table, *, name: str) -> None:
    for canonical, column in found.columns.items():
        twin = f"{column}__2"
        if found.because.get(canonical) != "your map says so" and twin in table.column_names and table[column] != table[twin]:
            raise DataError(
                "IMPORT-AMBIGUOUS",
                f"{name} has two columns named '{column}' with different values, and one of them is to be {canonical}.",
                next_step=f"Rename one of them, or name one in a map file: '{column}' is the first, '{twin}' the second.",
            )
