"""What every check looks at: the tables, the moment, and what the outcomes earned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience import database
from liftwright.domain.money import Money
from liftwright.domain.policy import Severity
from liftwright.domain.readiness import Gap, GapKind

BLOCKING_SHARE = 0.01
"""A gap that concerns at least this share of its rows, people or days blocks; a smaller one warns."""
QUARTER_DAYS = 90
DAY_US = 86_400_000_000
STAMP = pa.timestamp("us", tz="UTC")
_ISO = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?"
_DOTTED = r"\d{1,2}\.\d{1,2}\.\d{4}(?: \d{1,2}:\d{2}(?::\d{2})?)?"
_DOTTED_FORMS = "['%d.%m.%Y', '%d.%m.%Y %H:%M', '%d.%m.%Y %H:%M:%S']"


@dataclass(frozen=True)
class Look:
    """The data under audit. `refused` counts rows that the import kept out, by (table, kind of gap)."""

    tables: Mapping[str, pa.Table]
    now: datetime
    currency: str
    margin_rate: float
    refused: Mapping[tuple[str, str], int]

    def table(self, name: str) -> pa.Table | None:
        """A table with any rows, or None."""
        table = self.tables.get(name)
        return table if table is not None and table.num_rows else None

    def sql(self, query: str, **tables: pa.Table) -> pa.Table:
        """The answer of DuckDB to a query over the given tables."""
        with database.connect() as db:
            db.execute("SET TimeZone = 'UTC'; SET threads = 1")
            for name, table in tables.items():
                db.register(name, table)
            return db.sql(query).to_arrow_table()

    @cached_property
    def sold(self) -> pa.Table:
        """Orders of the last 90 days before the newest one: customer_id, at (microseconds), earned (major units, house currency)."""
        events = self.table("events")
        if events is None or "amount" not in events.column_names:
            return pa.table(
                {"customer_id": pa.array([], pa.string()), "at": pa.array([], pa.int64()), "earned": pa.array([], pa.float64())}
            )
        margin = "margin" if "margin" in events.column_names else "NULL"
        return self.sql(
            f'SELECT customer_id, epoch_us(occurred_at) AS "at", coalesce({margin}, amount * {self.margin_rate!r}, 0)::DOUBLE AS earned'
            " FROM events WHERE type = 'purchase' AND occurred_at IS NOT NULL"
            f" QUALIFY epoch_us(occurred_at) > max(epoch_us(occurred_at)) OVER () - {QUARTER_DAYS * DAY_US}",
            events=events,
        )

    @cached_property
    def earned_a_day(self) -> float:
        """Margin of an average day of the last 90 that had any orders, major units."""
        if not self.sold.num_rows:
            return 0.0
        days = len(np.unique(self.sold["at"].to_numpy() // DAY_US))
        return float(np.nansum(self.sold["earned"].to_numpy())) / days

    def earned_by(self, people: Iterable[str]) -> float:
        """Margin of the last 90 days from these people, major units."""
        chosen = pc.is_in(self.sold["customer_id"], value_set=pa.array(list(people), pa.string()))
        return float(pc.sum(self.sold.filter(chosen)["earned"]).as_py() or 0.0)

    @cached_property
    def earned(self) -> float:
        """Margin of the last 90 days, major units."""
        return float(np.nansum(self.sold["earned"].to_numpy())) if self.sold.num_rows else 0.0

    def gap(
        self,
        kind: GapKind,
        table: str,
        column: str | None,
        *,
        concerned: int,
        of: int,
        says: str,
        fix: str,
        risk: tuple[float, str] | None = None,
        severity: Severity | None = None,
    ) -> Gap:
        """A gap; it blocks from BLOCKING_SHARE on unless `severity` says otherwise. `risk`: major units and how they were reckoned."""
        money = Money.of(round(risk[0], 6), self.currency) if risk is not None and risk[0] > 0 else None
        return Gap(
            kind=kind,
            table=table,
            column=column,
            severity=severity or ("block" if concerned >= BLOCKING_SHARE * of else "warn"),
            concerned=concerned,
            says=says,
            fix=fix,
            money_at_risk=money,
            money_because=risk[1] if money is not None and risk is not None else "",
        )


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def microseconds(column: pa.ChunkedArray) -> np.ndarray:
    """Times or dates as microseconds since 1970 (UTC); missing ones are the smallest number there is."""
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("us"))
    plain = column.cast(pa.timestamp("us", tz=kind.tz if pa.types.is_timestamp(kind) else None), safe=False).cast(pa.int64())
    return np.asarray(pc.fill_null(plain, np.iinfo(np.int64).min).to_numpy())


def is_time(kind: Any) -> bool:
    """Whether an Arrow type is a moment or a day."""
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def as_times(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A text column whose every value is a day or a moment (2026-12-31, with or without a time, or 31.12.2026) as moments in UTC.

    None for any other column: the import keeps times as text where no canonical column is meant.
    """
    if not is_text(column.type) or column.null_count == len(column):
        return None
    for form, parsed in ((_ISO, "try_cast(value AS TIMESTAMPTZ)"), (_DOTTED, f"try_strptime(value, {_DOTTED_FORMS})")):
        known = column.drop_null()
        if all(pc.all(pc.match_substring_regex(part, f"^{form}$")).as_py() for part in (known.slice(0, 50), known)):
            with database.connect() as db:
                db.execute("SET TimeZone = 'UTC'; SET threads = 1")
                db.register("texts", pa.table({"value": column}))
                times = db.sql(f"SELECT CAST({parsed} AS TIMESTAMPTZ) AS at FROM texts").to_arrow_table()["at"].cast(STAMP)
            return times if times.null_count == column.null_count else None
    return None
