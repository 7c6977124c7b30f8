"""Features as of any moment: one moment for everybody, or one moment each. Only rows strictly earlier count, so the past is never
told the future."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience import database
from liftwright.audience.features import customer_file
from liftwright.audience.features.declared import FEATURES, category_features
from liftwright.audience.features.definition import Feature
from liftwright.audience.features.rows import DAY_US, contact_rows, event_rows
from liftwright.audience.identity import Tables, resolve

_STAMP = pa.timestamp("us", tz="UTC")


def compute(
    tables: Tables,
    *,
    people: pa.Table,
    as_of: datetime,
    margin_rate: float,
    features: Sequence[Feature] = FEATURES,
    allowed: Collection[str] = (),
) -> pa.Table:
    """`customer_id` and float64 columns without nulls, one row per person in the order of `people`.

    Declared features as of `as_of` (exclusive), affinities to product categories, then every numeric column of `people` (missing
    values become the median), then 0/1 columns `<column>_is_<value>` of texts with few values. `allowed` names the privacy tags
    that a model may see. The customer file is as it is now, whatever the moment. Deterministic.
    """
    moment = int(as_of.astimezone(UTC).timestamp() * 1_000_000)
    return _with_file(_declared(tables, people, moment, margin_rate, features, allowed), people, allowed)


def compute_at(
    tables: Tables,
    *,
    people: pa.Table,
    moments: pa.Table,
    margin_rate: float,
    features: Sequence[Feature] = FEATURES,
    allowed: Collection[str] = (),
) -> pa.Table:
    """The same features with a moment each: `moments` has `customer_id` and `at`; the same person may have many.

    One row per moment of somebody among `people`: `row` (the place in `moments`, ascending), then what `compute` gives as of that
    moment. So training and now share one definition, and no label row sees an event of its own future.
    """
    who = moments["customer_id"].combine_chunks().cast(pa.string())
    place = pc.index_in(who, value_set=people["customer_id"].combine_chunks().cast(pa.string()))
    row = np.flatnonzero(place.is_valid().to_numpy(zero_copy_only=False))
    known = people.take(place.filter(pa.array(place.is_valid())))
    at = moments["at"].cast(_STAMP).cast(pa.int64()).to_numpy()[row]
    table = _with_file(_declared(tables, known, at, margin_rate, features, allowed), known, allowed, everybody=people)
    return table.add_column(0, "row", pa.array(row, pa.int64()))


def compute_scanned(
    db: Any, source: str, *, customer_ids: pa.Array, as_of: datetime, margin_rate: float, features: Sequence[Feature] = FEATURES
) -> pa.Table:
    """Declared event features as of `as_of` from events larger than memory: `source` is what `db` reads them from, for example
    `read_parquet('events/*.parquet')`; it is read once per group of event types and only in the columns a group needs."""
    columns = [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    event_rows(db, source, columns, tables={}, margin_rate=margin_rate, is_kept=False)
    moment = int(as_of.astimezone(UTC).timestamp() * 1_000_000)
    people = pa.table({"customer_id": customer_ids})
    _register(db, people, moment)
    wanted = [feature for feature in features if feature.source == "events"]
    return pa.table({"customer_id": customer_ids} | _aggregated(db, "event_rows", wanted, people.num_rows, moment))


def _declared(
    tables: Tables,
    people: pa.Table,
    moment: int | np.ndarray,
    margin_rate: float,
    features: Sequence[Feature],
    allowed: Collection[str],
) -> dict[str, Any]:
    """Values of the declared features by name, one per row of `people`; `moment` in microseconds, for all or one per row."""
    tables = resolve(tables, people)
    events, products = tables.get("events"), tables.get("products")
    features = [feature for feature in (*features, *category_features(_categories(products))) if feature.is_allowed(allowed)]
    found: dict[str, Any] = {}
    with database.connect() as db:
        db.execute("SET TimeZone = 'UTC'; SET threads = 1")
        _register(db, people, moment)
        has_events = events is not None and events.num_rows > 0
        if events is not None and has_events:
            db.register("raw_events", events)
            event_rows(db, "raw_events", events.column_names, tables=tables, margin_rate=margin_rate, is_kept=True)
            wanted = [feature for feature in features if feature.source == "events"]
            found |= _aggregated(db, "event_rows", wanted, people.num_rows, moment)
        if contact_rows(db, tables, has_events=has_events):
            wanted = [feature for feature in features if feature.source == "contacts"]
            found |= _aggregated(db, "contact_rows", wanted, people.num_rows, moment)
    is_tenure_known = "created_at" in people.column_names and people["created_at"].null_count < people.num_rows
    if is_tenure_known and any(feature.name == "tenure_days" for feature in features):
        found["tenure_days"] = _tenure(people["created_at"], moment)
    return {feature.name: found[feature.name] for feature in features if feature.name in found}


def _register(db: Any, people: pa.Table, moment: int | np.ndarray) -> None:
    asked = {"customer_id": people["customer_id"].cast(pa.string()), "place": np.arange(people.num_rows)}
    db.register("asked", pa.table(asked | ({} if isinstance(moment, int) else {"moment": moment})))


def _aggregated(db: Any, rows: str, features: Sequence[Feature], size: int, moment: int | np.ndarray) -> dict[str, np.ndarray]:
    """Features grouped by the event types they count, so that a row is only read by the features it concerns."""
    columns = {feature.name: np.full(size, feature.empty) for feature in features}
    seen = {row[0] for row in db.execute("SELECT DISTINCT type FROM event_rows").fetchall()} if rows == "event_rows" else set()
    for types in dict.fromkeys(feature.types for feature in features):
        if types and not seen & set(types):
            continue
        group = [feature for feature in features if feature.types == types]
        found = db.sql(_query(rows, types, group, moment if isinstance(moment, int) else None)).to_arrow_table()
        place = found["place"].to_numpy()
        for feature in group:
            columns[feature.name][place] = found[feature.name].to_numpy()
    return columns


def _query(rows: str, types: tuple[str, ...], group: Sequence[Feature], moment: int | None) -> str:
    """One aggregation over a person's rows before a moment: the same for all, or that of each row of `asked`."""
    windows = [feature.window for feature in group]
    longest = None if None in windows else max(window for window in windows if window is not None)
    now = "m.moment" if moment is None else str(moment)
    tests = [f'r."at" < {now}']
    if types:
        names = ", ".join("'" + name.replace("'", "''") + "'" for name in types)
        tests.append(f"type IN ({names})")
    if longest is not None:
        tests.append(f'r."at" >= {now} - {longest * DAY_US}')
    key, source = (
        ("r.customer_id", f"{rows} r") if moment is not None else ("m.place", f"asked m JOIN {rows} r USING (customer_id)")
    )
    aged = (
        f'SELECT r.*, {key} AS person, ({now} - r."at") / {DAY_US}.0::DOUBLE AS age, ({now} - r."at") // {DAY_US} AS day'
        f" FROM {source} WHERE {' AND '.join(tests)}"
    )
    values = ", ".join(f"{feature.expression()} AS {feature.name}" for feature in group)
    query = f"SELECT person, {values} FROM ({aged}) GROUP BY person"
    if moment is None:
        return f"SELECT person AS place, * EXCLUDE (person) FROM ({query})"
    return f"SELECT place, found.* EXCLUDE (person) FROM ({query}) found JOIN asked ON asked.customer_id = found.person"


def _categories(products: pa.Table | None) -> list[str]:
    """Categories, the one with most products first."""
    if products is None or "category" not in products.column_names:
        return []
    counted = [(-int(e["counts"]), str(e["values"])) for e in pc.value_counts(products["category"].drop_null()).to_pylist()]
    return [name for _, name in sorted(counted)]


def _tenure(created: pa.ChunkedArray, moment: int | np.ndarray) -> np.ndarray:
    micros = created.cast(_STAMP).cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64)
    days = (moment - micros) / DAY_US
    clipped: np.ndarray = np.clip(np.where(np.isfinite(days), days, 0.0), 0.0, 3650.0)
    return clipped


def _with_file(
    declared: dict[str, Any], people: pa.Table, allowed: Collection[str], everybody: pa.Table | None = None
) -> pa.Table:
    """The declared features, then the customer file's; medians and levels are those of everybody."""
    columns: dict[str, Any] = {"customer_id": people["customer_id"].combine_chunks().cast(pa.string())} | declared
    own = customer_file.columns(everybody if everybody is not None else people, allowed)
    if everybody is not None and own:
        place = pc.index_in(people["customer_id"], value_set=everybody["customer_id"].combine_chunks()).to_numpy()
        own = {name: values[place] for name, values in own.items()}
    for name, values in own.items():
        columns[name if name not in columns else f"customer_{name}"] = values
    return pa.table(columns)
